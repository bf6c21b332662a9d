//! What an earlier run had kept and did not put back, because it was killed or because the design time alone was at stake:
//! it is taken up where it still fits what the tenant holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::decision::{Rules, Scope};
use super::hold::Hold;
use super::kept::{
    Before, Held, Kept, Newcomer, content_of, contents_of, held_by_another_run, job_of,
    nothing_written, place, unreadable, unwritable, with_ours,
};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::{self, Comparable};
use crate::deploy::backup::{self, Note, NoteError, Was};
use crate::deploy::job::{Content, Job, Source};
use crate::deploy::outcome::{Message, Verdict};
use crate::deploy::plan::{self, Memory, Standing};
use crate::deploy::{Context, Planned, survey};
use crate::state_files::NotOurs;
use crate::tenant::wire::{ArtifactId, RuntimeStatus};

/// Looks whether an earlier run has kept what ran and did not put it back, or put it back into the design time alone: then
/// its note holds, where the tenant's content is what it kept, what it wrote, or what this run brings, and the runtime
/// shows nothing that came later; nothing is written while another run works with it. Where what runs is shown to be what
/// the design time holds, the note is out of date, unless all of that run are to stand or fall together.
pub(super) fn remember(
    context: &Context<'_>,
    rules: &Rules,
    job: &Job,
    standing: &mut Standing,
) -> Result<(), Box<Verdict>> {
    let place = place(context, rules, &job.id);
    let Source::Files(new) = &job.source else {
        return Ok(());
    };
    let Some(note) = usable(context, job, &place)? else {
        return Ok(());
    };
    let Some(_hold) = Hold::take(&place) else {
        return Err(held_by_another_run(&job.id, &place));
    };
    let deployed = standing.runtime.as_ref().and_then(|one| one.deployed_on);
    match still_holds(rules, job, standing, &note, new) {
        Age::OutOfDate => {
            let _ = fs::remove_file(&place);
            note.zip(&place).as_deref().map(backup::remove);
            return Ok(());
        }
        Age::Doubtful => return Ok(()),
        Age::Holds => {}
    }
    if note.covers(deployed) && holds_what_is_known(context, job, new, standing, &note, &place)? {
        standing.remembered = Some(note.memory());
        let what = match note.memory() {
            Memory::Content => format!(
                "has kept what stood there before it (version {}): that is what a rollback puts back",
                context.tenant.words(note.version())
            ),
            Memory::Nothing => "has created it, and did not come to its end".to_owned(),
        };
        let text = format!("an earlier run {what}");
        context.ledger.progress(&job.id.0, text);
    }
    Ok(())
}

/// Whether a note still tells what stood there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Holds,
    /// What runs by now is well, and nothing shows whether it is what the note knows of.
    Doubtful,
    /// What runs by now is shown to be what the design time holds.
    OutOfDate,
}

/// Decides so. A flow that came to run after the note was written is what stands there before this run, unless this run
/// only goes on with the work of the one that was killed.
fn still_holds(rules: &Rules, job: &Job, standing: &Standing, note: &Note, new: &Content) -> Age {
    let record = standing.runtime.as_ref();
    let record = record.filter(|record| record.status == RuntimeStatus::Started);
    let Some(record) = record.filter(|_| standing.artifact.is_some()) else {
        return Age::Holds;
    };
    let goes_on = contents_of(job, standing, new)
        .iter()
        .any(|content| note.is_ours(*content));
    let runs_as_before = note.was() == Was::Running(record.deployed_on);
    let together = rules.scope == Scope::All && note.is_together();
    match (plan::is_proven(standing), goes_on) {
        (true, true) if together => Age::Holds,
        (true, _) => Age::OutOfDate,
        (false, _) if runs_as_before => Age::Holds,
        (false, true) => Age::Holds,
        (false, false) => Age::Doubtful,
    }
}

/// Whether the design time holds what the note knows. A value mapping that is not there was deleted to be created anew.
fn holds_what_is_known(
    context: &Context<'_>,
    job: &Job,
    new: &Content,
    standing: &Standing,
    note: &Note,
    place: &Path,
) -> Result<bool, Box<Verdict>> {
    let kept = match note.zip(place).map(|zip| content_of(note, &zip)) {
        Some(Ok(content)) => Some(content),
        Some(Err(error)) => {
            let why = format!("names content that can't be read: {error}");
            return Err(unusable(place, &why));
        }
        None => None,
    };
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
        Ok(note.is_ours(remote.fingerprint()) || known.iter().flatten().any(same))
    });
    match found {
        Ok(found) => Ok(found == Some(true)),
        // what can't be read is no reason to forget what ran
        Err(error) => Err(Box::new(Verdict::of_error(error, "nothing was written"))),
    }
}

/// The note of an earlier run, if there is one. One that is there and can't be used may be all that is known of what ran.
fn usable(context: &Context<'_>, job: &Job, place: &Path) -> Result<Option<Note>, Box<Verdict>> {
    let note = match Note::read(context.tenant.state(), place) {
        Ok(note) => note,
        Err(NoteError::NotOurs(NotOurs::OtherKey)) => return Ok(None),
        Err(NoteError::NotOurs(NotOurs::Read(error))) if error.kind() == ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(unusable(place, &error.to_string())),
    };
    if !note.is_about(context.tenant, &job.id) {
        return Err(unusable(place, "is about another artifact"));
    }
    match note.is_whole(place) {
        Ok(true) => Ok(Some(note)),
        Ok(false) => Err(unusable(place, "names content that was changed since")),
        Err(error) => {
            let why = format!("names content that can't be read: {error}");
            Err(unusable(place, &why))
        }
    }
}

/// Nothing is written then.
fn unusable(place: &Path, why: &str) -> Box<Verdict> {
    nothing_written(
        Message::new(format!("what an earlier run has written down {why}"))
            .at(place.display().to_string())
            .hint("it may tell what ran before a run that was killed; move it away if it is not needed, then run again"),
    )
}

/// What an earlier run had found and did not put back.
pub(super) fn recall(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    new: &Content,
    place: PathBuf,
    hold: Hold,
) -> Result<Held, Box<Verdict>> {
    let state = context.tenant.state();
    let note = Note::read(state, &place).map_err(|error| {
        nothing_written(
            Message::new(format!("what an earlier run has kept {error}"))
                .at(place.display().to_string())
                .hint("run again"),
        )
    })?;
    with_ours(note.clone(), context, rules, one, new)
        .write(state, &place)
        .map_err(|error| unwritable(&place, &error))?;
    let Some(zip) = note.zip(&place) else {
        return Ok(Held::Nothing(Newcomer {
            note: place,
            remembered: true,
            _hold: hold,
        }));
    };
    let content = content_of(&note, &zip)
        .map_err(|error| nothing_written(Message::new(unreadable(&error))))?;
    let (same, lost) = note.withheld(&one.standing.configured);
    let mut configured = note.configured();
    configured.extend(same);
    let was = note.was();
    let before = Before {
        kind: content.kind,
        stamp: None,
        remembered: true,
        configured,
        lost,
        was,
        zip,
        note: place,
        _hold: hold,
    };
    let kept = Kept::of(before, job_of(one.job, content, was));
    kept.tell(context);
    Ok(Held::Content(Box::new(kept)))
}

/// What an artifact's earlier runs have left is out of date: it runs by a run that was not to put anything back. `directory`:
/// where their notes are.
pub(super) fn forget(context: &Context<'_>, directory: &Path, id: &ArtifactId) {
    let place = backup::place(directory, context.tenant, id, "kept");
    let Ok(note) = Note::read(context.tenant.state(), &place) else {
        return;
    };
    let whole = note.is_about(context.tenant, id) && note.is_whole(&place).unwrap_or(false);
    if whole && Hold::take(&place).is_some() {
        let _ = fs::remove_file(&place);
        note.zip(&place).as_deref().map(backup::remove);
    }
}
