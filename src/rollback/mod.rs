//! Putting back what stood before the first write, when the new content does not run.
//!
//! What stands there is kept before anything is written (`keep`); when a verdict asks for it, it is written again the
//! way everything is written, and judged by the same rule (`roll_back`). Versions and messages that were already
//! processed are not undone.

mod arrival;
mod course;
mod decision;
mod kept;
mod memory;
mod not_kept;
mod pass;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

pub use self::decision::{Rules, Scope};
use self::kept::Held;
use self::kept::Unkept;
use self::pass::Back;
use crate::clock::{Deadline, Moment};
use crate::deploy::job::Job;
use crate::deploy::outcome::{Message, Outcome, Phase, PutBack, Rollback, Sent, Verdict, Word};
use crate::deploy::survey::Surveyed;
use crate::deploy::{self, Context, Next, Planned, Stop, plan, recovery};
use crate::exit::Exit;
use crate::journal::{Recovery, Subject};
use crate::parallel::parallel_map;
use crate::tenant::error_information;

/// How many artifacts are read at once.
const READERS: usize = 6;
/// What begins the advice that repairs.
const REPAIR: &str = "put it back: ";
/// What every rollback leaves as it is.
const NOT_UNDONE: &str = "version numbers and messages that were already processed are not undone";

/// Keeps what the tenant holds of each artifact that is to be written; gives it by their places. Where what runs can't be
/// kept, that is told, and the artifact is written without.
fn keep(context: &Context<'_>, rules: &Rules, planned: &mut [Planned<'_>]) -> Vec<Option<Held>> {
    let places: Vec<usize> = (0..planned.len()).collect();
    let looked = parallel_map(places, READERS, |place| {
        (place, kept::keep(context, rules, &planned[place]))
    });
    let mut kept: Vec<Option<Held>> = planned.iter().map(|_| None).collect();
    for (place, found) in looked {
        match found {
            Ok(found) => kept[place] = found,
            Err(Unkept::Ended(verdict)) => planned[place].next = Next::End(verdict, Phase::Read),
            Err(Unkept::NotAvailable(why)) => not_available(context, &mut planned[place], &why),
        }
    }
    if rules.scope == Scope::All {
        stop_all_for_one(planned);
    }
    for (one, planned) in kept.iter_mut().zip(planned.iter()) {
        let ended_well = |verdict: &Verdict| verdict.exit == Exit::Ok;
        let needed = match &planned.next {
            Next::Write(..) => true,
            Next::End(verdict, _) => ended_well(verdict),
        };
        if let Some(one) = one.take_if(|_| !needed) {
            one.not_begun(context);
        }
    }
    kept
}

/// What runs can't be kept: the settings say whether the run goes on without.
fn not_available(context: &Context<'_>, one: &mut Planned<'_>, why: &str) {
    if one.job.rules.rollback_required {
        let message = plan::rollback_required(one.job, why);
        let verdict = Verdict::unwritten(Word::Failed, message);
        one.next = Next::End(Box::new(verdict), Phase::Read);
        return;
    }
    let note = format!("rollback not available, because {why}");
    let told = format!("warning: {note}");
    context.ledger.progress(&one.job.id.0, told);
    one.standing.notes.push(note);
}

/// Takes up what an earlier run had kept of these artifacts when it was interrupted.
pub(crate) fn remember(context: &Context<'_>, rules: &Rules, surveyed: &mut [Surveyed<'_>]) {
    for one in surveyed {
        if let Ok(standing) = &mut one.standing
            && let Err(verdict) = memory::remember(context, rules, one.job, standing)
        {
            one.standing = Err(Stop::Ended(verdict));
        }
    }
}

/// After a run without a rollback: what earlier runs had kept of those that run now is out of date.
pub(crate) fn forget_what_runs(context: &Context<'_>, jobs: &[Job], outcomes: &[Outcome]) {
    for outcome in outcomes {
        let mut of_it = jobs.iter().filter(|job| job.id.0 == outcome.id);
        let (Some(job), Some(kind)) = (of_it.next(), outcome.kind) else {
            continue;
        };
        let of = Subject { kind, id: &job.id };
        let runs = matches!(outcome.verdict.word, Word::Started | Word::Unchanged);
        if runs && job.rules.deploy {
            memory::forget(context, of);
        }
        clear_suspicion(context, of, outcome);
    }
}

/// What has started by a deployment of this run, or was put back so, is beyond doubt.
fn clear_suspicion(context: &Context<'_>, of: Subject<'_>, outcome: &Outcome) {
    let is_beyond_doubt = match &outcome.rollback {
        None => outcome.verdict.word == Word::Started,
        Some(rollback) => rollback.result == PutBack::Restored,
    };
    if is_beyond_doubt {
        let clear = |recovery: &mut Recovery| recovery.suspect = false;
        let _ = context.journal.update(of, None, clear);
    }
}

/// All are to stand or fall together: when one can't even begin, none does.
fn stop_all_for_one(planned: &mut [Planned<'_>]) {
    let bad = planned.iter().find_map(|one| match &one.next {
        Next::End(verdict, _) if verdict.exit != Exit::Ok => {
            Some((one.job.id.0.clone(), verdict.exit))
        }
        Next::End(..) | Next::Write(..) => None,
    });
    let Some((id, exit)) = bad else {
        return;
    };
    for one in planned {
        if matches!(one.next, Next::Write(..)) {
            let message = Message::new(format!(
                "skipped, because {id} can't be deployed, and with --rollback all nothing is written unless everything can be"
            ))
            .hint("mend that one first");
            let verdict = Verdict {
                exit,
                ..Verdict::unwritten(Word::Skipped, message)
            };
            one.next = Next::End(Box::new(verdict), Phase::Read);
        }
    }
}

/// Keeps what is there, carries out what was decided, and puts back at once what failed by itself: what ran before is not to stand still until
/// everything else is decided; the others after `then`, which comes after the verdicts and waits for no rollback.
pub(crate) fn carry_out(
    context: &Context<'_>,
    rules: &Rules,
    mut planned: Vec<Planned<'_>>,
    then: impl FnOnce(&mut [Outcome]),
) -> Vec<Outcome> {
    let kept = RefCell::new(keep(context, rules, &mut planned));
    let planned = planned.as_slice();
    let (done, to_do) = mpsc::channel();
    let mut outcomes = thread::scope(|scope| {
        let mut outcomes = deploy::carry_out(context, planned, &|place, outcome| {
            if !calls_at_once(rules, outcome) {
                return;
            }
            let (outcome, held) = (outcome.clone(), kept.borrow_mut()[place].take());
            let done = done.clone();
            scope.spawn(move || {
                let mut outcomes = [outcome];
                let one = &planned[place..=place];
                roll_back(context, rules, one, vec![held], &mut outcomes);
                let [outcome] = outcomes;
                tell_end(context, &outcome);
                // the receiver lives longer than the scope
                let _ = done.send((place, outcome));
            });
        });
        then(&mut outcomes);
        outcomes
    });
    drop(done);
    for (place, outcome) in to_do {
        outcomes[place] = outcome;
    }
    roll_back(context, rules, planned, kept.into_inner(), &mut outcomes);
    outcomes
}

/// Tells both ends in the ledger, in case the run is interrupted before its report.
fn tell_end(context: &Context<'_>, outcome: &Outcome) {
    let what = outcome.verdict.message.as_ref();
    let what = what.map_or("", |message| message.what.as_str());
    let rollback = outcome.rollback.as_ref();
    let rollback = rollback.map_or("none", |rollback| rollback.result.name());
    let word = outcome.verdict.word.name();
    let state = format!("{word}; {what}; rollback: {rollback}");
    context.ledger.wrote(&outcome.id, state);
}

/// Whether what stood there is put back before the others are decided.
fn calls_at_once(rules: &Rules, outcome: &Outcome) -> bool {
    rules.scope == Scope::Each && outcome.verdict.word == Word::Failed && rules.are_for(outcome)
}

/// Rolls back what asks for it, and tells so in the outcomes: they stand in the order of `planned`, as `kept` does.
fn roll_back(
    context: &Context<'_>,
    rules: &Rules,
    planned: &[Planned<'_>],
    mut kept: Vec<Option<Held>>,
    outcomes: &mut [Outcome],
) {
    let hit = places(rules, outcomes, &kept);
    let failed = outcomes.iter().filter(|outcome| rules.are_for(outcome));
    let failed: Vec<String> = failed.map(|outcome| outcome.id.clone()).collect();
    let context = Context {
        deadline: Deadline {
            at: context.clock.now() + rules.timeout,
        },
        ledger: context.ledger.marked("rollback: "),
        keep_going: true,
        announced: false,
        ..context.clone()
    };
    for wave in waves(planned, &hit) {
        let began = context.clock.now();
        let mut backs = Vec::new();
        for place in wave {
            let kept = match kept[place].take() {
                Some(Held {
                    mut kept,
                    job: Some(mut job),
                }) => {
                    kept.was_seen_later(&mut job, &outcomes[place], &planned[place]);
                    let again = false;
                    backs.push((Back { place, kept, again }, job));
                    continue;
                }
                nothing => nothing.map(|one| one.kept),
            };
            let (one, outcome) = (&planned[place], &outcomes[place]);
            let rollback = not_kept::left(&context, one, outcome, kept.as_ref());
            if let Some(kept) = kept {
                kept.forget(&context);
            }
            let took = context.clock.now().saturating_sub(began);
            take_note(&mut outcomes[place], rollback, took, &failed);
        }
        for (place, rollback) in pass::put_back(&context, planned, backs, outcomes) {
            let took = context.clock.now().saturating_sub(began);
            take_note(&mut outcomes[place], rollback, took, &failed);
        }
    }
    for (one, outcome) in planned.iter().zip(outcomes.iter()) {
        if let Some(of) = recovery::subject(one.job, &one.standing) {
            clear_suspicion(&context, of, outcome);
        }
    }
    for (one, outcome) in kept.into_iter().zip(outcomes) {
        match one {
            Some(one) if !is_open(outcome) => one.kept.forget(&context),
            Some(one) if one.job.is_some() => one.kept.leave(outcome),
            Some(_) | None => {}
        }
    }
}

/// Whether what was kept may still be needed: nobody knows what runs, and nothing was put back.
fn is_open(outcome: &Outcome) -> bool {
    outcome.rollback.is_none() && outcome.verdict.exit != Exit::Ok && outcome.sent > Sent::Nothing
}

/// The places of those that are rolled back.
fn places(rules: &Rules, outcomes: &[Outcome], kept: &[Option<Held>]) -> BTreeSet<usize> {
    let one_failed = outcomes.iter().any(|outcome| rules.are_for(outcome));
    let is_hit = |place: &usize| {
        let outcome = &outcomes[*place];
        let brought_before = outcome.verdict.word == Word::Unchanged && kept[*place].is_some();
        if outcome.rollback.is_some() {
            return false;
        }
        match rules.scope {
            Scope::Each => rules.are_for(outcome),
            Scope::All => {
                one_failed
                    && (brought_before || decision::may_go_back(outcome.verdict.word, outcome.sent))
            }
        }
    };
    (0..outcomes.len()).filter(is_hit).collect()
}

/// The order of a rollback: nobody is put back before those that need it.
fn waves(planned: &[Planned<'_>], hit: &BTreeSet<usize>) -> Vec<Vec<usize>> {
    let mut left = hit.clone();
    let mut waves = Vec::new();
    while !left.is_empty() {
        let needed: BTreeSet<usize> = left
            .iter()
            .flat_map(|place| {
                planned[*place]
                    .job
                    .needs
                    .iter()
                    .copied()
                    .filter(move |need| need != place)
            })
            .collect();
        let mut wave: Vec<usize> = left.difference(&needed).copied().collect();
        if wave.is_empty() {
            // they need each other
            wave = left.iter().copied().take(1).collect();
        }
        left.retain(|place| !wave.contains(place));
        waves.push(wave);
    }
    waves
}

/// Tells in an outcome what came of its rollback. Whatever is put back does not run as this run wanted it: that is no
/// success, not even of what had started. `failed`: the ids of those that failed.
fn take_note(outcome: &mut Outcome, rollback: Rollback, took: Moment, failed: &[String]) {
    let verdict = &mut outcome.verdict;
    let had_failed = verdict.exit;
    verdict.exit = match rollback.result {
        PutBack::Failed => Exit::Worse,
        PutBack::Left => had_failed,
        PutBack::DesignTime | PutBack::Restored => match had_failed {
            Exit::Ok => Exit::Failed,
            // what had been taken away is back
            Exit::Worse => verdict.word.exit(),
            other => other,
        },
    };
    let message = verdict.message.take();
    let message = match (message, verdict.exit) {
        (None, Exit::Ok) => None,
        (None, _) => Some(Message::new(format!(
            "the new content was {}, and what stood there before was to be put back, because {} failed (--rollback all)",
            verdict.word.name(),
            failed.join(", ")
        ))),
        (Some(message), _) => Some(message),
    };
    verdict.message = message.map(|message| {
        let open = matches!(verdict.word, Word::Undecided | Word::Unreachable);
        let hint = match (open, rollback.result) {
            (true, PutBack::DesignTime | PutBack::Restored) => {
                Some("run again, with a longer --timeout if your tenant is slow".to_owned())
            }
            _ => hint(message.hint.as_deref(), had_failed, &rollback),
        };
        Message {
            hint,
            rollback: Some(rollback.told()),
            ..message
        }
    });
    outcome.took += took;
    outcome.rollback = Some(rollback);
}

/// What to do next: against the failure, and to put back what could not be.
fn hint(hint: Option<&str>, had_failed: Exit, rollback: &Rollback) -> Option<String> {
    // it told how to do what is done by now, or is to be done otherwise
    let hint = hint.filter(|_| had_failed != Exit::Worse);
    let again = match rollback.result {
        PutBack::Left => return hint.map(str::to_owned),
        _ => "then deploy the new content again",
    };
    let hint = hint.map(|hint| hint.replace(error_information::THEN, again));
    match (&rollback.repair, hint) {
        (Some(repair), Some(hint)) => Some(format!("{REPAIR}{repair}; {hint}")),
        (Some(repair), None) => Some(format!("{REPAIR}{repair}")),
        (None, hint) => hint,
    }
}
