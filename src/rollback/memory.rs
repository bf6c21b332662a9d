//! What an earlier run had kept and did not put back, because it was killed or because the design time alone was at stake:
//! it is taken up where it still fits what the tenant holds.

use std::path::PathBuf;

use super::decision::{Rules, Scope};
use super::kept::{self, content_of, contents_of, held_by_another_run, nothing_written, subject};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::{self, Comparable};
use crate::deploy::job::{Content, Job, Source};
use crate::deploy::outcome::{Message, Verdict};
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, recovery, survey};
use crate::journal::{NotUsed, Recovery, Snapshot, Subject, Was};
use crate::tenant::wire::RuntimeStatus;

/// A snapshot of an earlier run, and where the content of that time lies.
type Found = (Snapshot, Option<PathBuf>);

/// Looks whether an earlier run has kept what ran and did not put it back, or put it back into the design time alone: then
/// the snapshot holds, where the tenant's content is what it kept, what it wrote, or what this run brings, and the runtime
/// shows nothing that came later; nothing is written while another run works with it. Where what runs is shown to be what
/// the design time holds, the snapshot is out of date, unless all of that run are to stand or fall together.
pub fn remember(
    context: &Context<'_>,
    rules: &Rules,
    job: &Job,
    standing: &mut Standing,
) -> Result<(), Box<Verdict>> {
    let Source::Files(new) = &job.source else {
        return Ok(());
    };
    let of = subject(job, new);
    let Some((snapshot, zip)) = usable(context, job, standing, of)? else {
        return Ok(());
    };
    let Some(_hold) = context.journal.hold(of) else {
        return Err(held_by_another_run(context, of));
    };
    let deployed = standing.runtime.as_ref().and_then(|one| one.deployed_on);
    match still_holds(rules, job, standing, &snapshot, new) {
        Age::OutOfDate => {
            kept::forget(context, of);
            return Ok(());
        }
        Age::Doubtful => return Ok(()),
        Age::Holds => {}
    }
    let found = (snapshot, zip);
    if found.0.covers(deployed) && holds_what_is_known(context, job, new, standing, &found)? {
        let what = match found.1 {
            Some(_) => format!(
                "has kept what stood there before it (version {}): that is what a rollback puts back",
                context.tenant.words(&found.0.version)
            ),
            None => "has created it, and did not come to its end".to_owned(),
        };
        let text = format!("an earlier run {what}");
        context.ledger.progress(&job.id.0, text);
        standing.remembered = Some(found.0);
    }
    Ok(())
}

/// Whether a snapshot still tells what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Holds,
    /// What runs by now is well, and nothing shows whether it is what the snapshot tells of.
    Doubtful,
    /// What runs by now is shown to be what the design time holds.
    OutOfDate,
}

/// Decides so. A flow that came to run after the snapshot was taken is what stands there before this run, unless this run
/// only goes on with the work of the one that was killed.
fn still_holds(
    rules: &Rules,
    job: &Job,
    standing: &Standing,
    snapshot: &Snapshot,
    new: &Content,
) -> Age {
    let record = standing.runtime.as_ref();
    let record = record.filter(|record| record.status == RuntimeStatus::Started);
    let Some(record) = record.filter(|_| standing.artifact.is_some()) else {
        return Age::Holds;
    };
    let goes_on = contents_of(job, standing, new)
        .iter()
        .any(|content| snapshot.is_ours(*content));
    let runs_as_before = snapshot.was == Was::Running(record.deployed_on);
    let together = rules.scope == Scope::All && snapshot.together;
    match (plan::is_proven(standing), goes_on) {
        (true, true) if together => Age::Holds,
        (true, _) => Age::OutOfDate,
        (false, _) if runs_as_before => Age::Holds,
        (false, true) => Age::Holds,
        (false, false) => Age::Doubtful,
    }
}

/// Whether the design time holds what the snapshot knows. A value mapping that is not there was deleted to be created anew.
fn holds_what_is_known(
    context: &Context<'_>,
    job: &Job,
    new: &Content,
    standing: &Standing,
    (snapshot, zip): &Found,
) -> Result<bool, Box<Verdict>> {
    let kept = zip.as_deref().map(|zip| content_of(snapshot, &job.id, zip));
    let kept = kept.transpose().map_err(|error| {
        let why = format!("names content that can't be read: {error}");
        unusable(context, subject(job, new), &why)
    })?;
    let Some(kind) = standing.kind.filter(|_| standing.artifact.is_some()) else {
        let is_mapping = |kept: &Content| kept.kind == ArtifactKind::ValueMapping;
        let was_mapping = kept.as_ref().is_some_and(is_mapping);
        return Ok(was_mapping && new.kind == ArtifactKind::ValueMapping);
    };
    let values = standing.configured.iter();
    let configured = values
        .map(|one| (one.key.clone(), one.value.clone()))
        .collect();
    let known = [kept.as_ref(), Some(new)];
    let found = survey::with_download(context, kind, job, |file| {
        let remote = Comparable::of_zip(file)?;
        let same = |content: &&Content| {
            comparison::difference(&content.comparable, &remote, &configured).is_empty()
        };
        Ok(snapshot.is_ours(remote.fingerprint()) || known.iter().flatten().any(same))
    });
    match found {
        Ok(found) => Ok(found == Some(true)),
        // what can't be read is no reason to forget what ran
        Err(error) => Err(Box::new(Verdict::of_error(error, "nothing was written"))),
    }
}

/// The snapshot of an earlier run, if there is one. One that can't be used may be all that is known of what ran.
fn usable(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    of: Subject<'_>,
) -> Result<Option<Found>, Box<Verdict>> {
    let snapshot = match recovery::read(context, job, standing) {
        Ok(found) => found.snapshot,
        Err(NotUsed::OtherKey) => None,
        Err(why) => return Err(unusable(context, of, &why.to_string())),
    };
    let Some(snapshot) = snapshot else {
        return Ok(None);
    };
    let saved = snapshot.content.as_ref();
    let zip = saved.map(|file| context.journal.saved(file)).transpose();
    match zip {
        Ok(zip) => Ok(Some((snapshot, zip))),
        Err(why) => Err(unusable(context, of, &format!("names content that {why}"))),
    }
}

/// Nothing is written then.
fn unusable(context: &Context<'_>, of: Subject<'_>, why: &str) -> Box<Verdict> {
    let place = context.journal.place::<Recovery>(of);
    nothing_written(
        Message::new(format!("what an earlier run has written down {why}"))
            .at(place.display().to_string())
            .hint("it may tell what ran before a run that was killed; move it away if it is not needed, then run again"),
    )
}

/// What an artifact's earlier runs have left is out of date: it runs by a run that was not to put anything back.
pub fn forget(context: &Context<'_>, of: Subject<'_>) {
    if context.journal.place::<Recovery>(of).exists() && context.journal.hold(of).is_some() {
        kept::forget(context, of);
    }
}
