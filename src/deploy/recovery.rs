//! What the journal knows of an artifact from run to run: what an earlier run left is taken up by the survey, and what this
//! run may leave is written down before it is needed. Everything is held against the tenant; nothing decides alone.

use std::collections::BTreeMap;
use std::path::Path;

use super::job::Job;
use super::outcome::{Message, Verdict, Word};
use super::parameters::plain;
use super::plan::{self, Standing};
use super::survey::{self, Depth};
use super::{Context, Stop, proof};
use crate::clock;
use crate::journal::{self, CalledTask, NotUsed, Recovery, SavedFile, SavedValue, Subject};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{Configuration, RuntimeStatus, TaskId};

/// What the journal's entries about an artifact go by; `None` where the tenant holds no such artifact.
pub fn subject<'a>(job: &'a Job, standing: &Standing) -> Option<Subject<'a>> {
    let kind = job.kind(standing.kind)?;
    Some(Subject { kind, id: &job.id })
}

/// The time by the tenant's clock, as far as it is known.
pub fn now(context: &Context<'_>, standing: &Standing) -> TenantTime {
    let ours = || TenantTime(clock::epoch_millis(context.clock.date()));
    standing.answered.unwrap_or_else(ours)
}

/// What earlier runs with these credentials left.
pub fn read(context: &Context<'_>, job: &Job, standing: &Standing) -> Result<Recovery, NotUsed> {
    match subject(job, standing) {
        Some(of) => context.journal.entry(of, now(context, standing)),
        None => Ok(Recovery::default()),
    }
}

/// Changes what the next run will find. Where that is not possible this one goes on, and says so once.
pub fn update(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    change: impl FnOnce(&mut Recovery),
) {
    let journal = &context.journal;
    let now = Some(now(context, standing));
    let updated = subject(job, standing).map(|of| journal.update(of, now, change));
    if let Some(Err(error)) = updated
        && journal.complains()
    {
        let directory = journal.directory().display();
        context.ledger.progress(
            &job.id.0,
            format!("warning: {directory} can't be written ({error}): if this run is killed, the next one does not know what it was doing"),
        );
    }
}

/// A deployment has been called for.
pub fn called(context: &Context<'_>, job: &Job, standing: &Standing, task: &TaskId) {
    let (run, id) = (context.journal.run().to_owned(), task.0.clone());
    update(context, job, standing, |recovery| {
        recovery.task = Some(CalledTask { run, id });
    });
}

/// It has its verdict, or the one of an earlier run has. Another run's that was called meanwhile has not.
pub fn decided(context: &Context<'_>, job: &Job, standing: &Standing) {
    let earlier = standing.pending.as_ref();
    update(context, job, standing, |recovery| {
        recovery.task.take_if(|task| {
            task.run == context.journal.run() || earlier.is_some_and(|one| one.0 == task.id)
        });
    });
}

/// The values that are configured, before an upload that may reset them. `brought`: those that the upload brings.
pub fn configured(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    brought: &BTreeMap<String, String>,
) {
    if job.rules.parameters_from_artifact {
        return;
    }
    let to_stand = plan::before(standing).into_iter();
    let at_stake = to_stand.filter(|one| brought.get(&one.key) != Some(&one.value));
    let values = at_stake.map(|one| {
        let brought = brought.get(&one.key).map(|value| plain(value));
        SavedValue::of(&one, brought, |text| context.tenant.hides(text))
    });
    let values: Vec<SavedValue> = values.collect();
    // what an earlier run has lost is not forgotten where this one has nothing to lose
    if !values.is_empty() {
        update(context, job, standing, |recovery| recovery.values = values);
    }
}

/// The tenant has reset configured values after they were looked at: the next run puts them back, whatever the dates say.
pub fn reset_late(context: &Context<'_>, job: &Job, standing: &Standing) {
    if let Some(content) = job.content() {
        configured(context, job, standing, &content.parameters);
        update(context, job, standing, |recovery| recovery.suspect = true);
    }
}

/// Takes up what earlier runs left of an artifact.
pub fn take_up(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    depth: Depth,
) -> Result<(), Stop> {
    let found = read(context, job, standing).unwrap_or_else(|why| {
        if let Some(of) = subject(job, standing) {
            warn(context, of, &context.journal.place::<Recovery>(of), &why);
        }
        Recovery::default()
    });
    if depth != Depth::Preview {
        standing.pending = found.task.map(|task| TaskId(task.id));
    }
    standing.doubted = found.suspect;
    if let Some(file) = found.replaced {
        take_up_mapping(context, job, standing, &file);
    }
    if !found.values.is_empty() {
        take_up_values(context, job, standing, found.values, depth)?;
    }
    proof::take_up(context, job, standing);
    Ok(())
}

/// Names a file that is not used, and what a person can do about it.
pub fn warn(context: &Context<'_>, of: Subject<'_>, file: &Path, why: &NotUsed) {
    let remedy = match why {
        NotUsed::OtherKey => format!(
            "if that run was killed, run again with those credentials, or check {} on the tenant and then delete it: rm {}",
            of.id,
            journal::quoted(&file.display().to_string())
        ),
        _ => "it is not used; find out who changed it, or delete it".to_owned(),
    };
    let text = format!("warning: {} {why}: {remedy}", file.display());
    context.ledger.progress(&of.id.0, text);
}

/// A value mapping that an interrupted run deleted to create it again: what only the tenant had is in its backup.
fn take_up_mapping(context: &Context<'_>, job: &Job, standing: &mut Standing, file: &SavedFile) {
    if standing.artifact.is_some() {
        return update(context, job, standing, |recovery| recovery.replaced = None);
    }
    let (Some(of), zip) = (subject(job, standing), context.journal.backup(&file.name)) else {
        return;
    };
    if let Err(why) = context.journal.saved(file) {
        return warn(context, of, &zip, &why);
    }
    let note = match survey::mapping_of_backup(job, &zip) {
        None => return,
        Some(Ok(mapping)) => {
            standing.mapping = Some(mapping);
            format!(
                "an earlier run was interrupted when it had deleted this value mapping: what only the tenant had is taken from {}",
                zip.display()
            )
        }
        Some(Err(error)) => {
            format!("the backup of a run that was interrupted can't be read: {error}")
        }
    };
    context.ledger.progress(&job.id.0, note.clone());
    standing.notes.push(note);
}

/// Values that an upload has reset, when the run that would have put them back was killed.
fn take_up_values(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    values: Vec<SavedValue>,
    depth: Depth,
) -> Result<(), Stop> {
    let (known, lost) = reset(values, job, standing);
    let clean = |key: &String| context.tenant.words(key).to_string();
    let is_named = |key: &String| job.named.iter().any(|one| one.key == *key);
    let lost: Vec<String> = lost
        .iter()
        .filter(|key| !is_named(key))
        .map(clean)
        .collect();
    if !lost.is_empty() {
        return Err(Stop::Ended(Box::new(lost_values(&lost))));
    }
    if known.is_empty() {
        if depth != Depth::Preview {
            update(context, job, standing, |recovery| recovery.values.clear());
        }
        return Ok(());
    }
    let keys: Vec<String> = known.iter().map(|one| clean(&one.key)).collect();
    let note = format!(
        "an earlier run was interrupted before it had put back what was configured: {}",
        keys.join(", ")
    );
    context.ledger.progress(&job.id.0, note.clone());
    standing.notes.push(note);
    standing.recalled = known;
    Ok(())
}

/// The values of before, where the tenant shows those that the upload brought, and the keys of those that no file holds.
fn reset(
    values: Vec<SavedValue>,
    job: &Job,
    standing: &Standing,
) -> (Vec<Configuration>, Vec<String>) {
    let (mut known, mut lost) = (Vec::new(), Vec::new());
    // what was deployed after the last save runs with the values that are there: another user wanted them so
    if runs_as_it_is(standing) {
        return (known, lost);
    }
    for value in values {
        let shown = standing.configured.iter().find(|one| one.key == value.key);
        let Some(shown) = shown else { continue };
        let is_reset = match value
            .brought
            .clone()
            .or_else(|| brought_now(job, &value.key))
        {
            Some(brought) => plain(&shown.value) == brought,
            None => standing.saved_by_us,
        };
        if Some(&shown.value) == value.text.as_ref() || !is_reset {
            continue;
        }
        match value.configuration() {
            Some(one) => known.push(one),
            None => lost.push(value.key),
        }
    }
    (known, lost)
}

/// The value that the artifact of this run brings.
fn brought_now(job: &Job, key: &str) -> Option<String> {
    let value = job.content()?.parameters.get(key)?;
    Some(plain(value))
}

fn runs_as_it_is(standing: &Standing) -> bool {
    let record = standing.runtime.as_ref();
    record.is_some_and(|record| record.status == RuntimeStatus::Started)
        && plan::is_proven(standing)
}

/// The end where an interrupted run has left values reset that no file may hold.
fn lost_values(keys: &[String]) -> Verdict {
    let options = journal::set_options(keys);
    let message = Message::new(format!(
        "an earlier run was interrupted after the tenant had reset {}, whose values of before are or look like secrets: no file holds them",
        keys.join(", ")
    ))
    .hint(format!("give them to this run: {options}"));
    Verdict::unwritten(Word::Failed, message)
}
