//! Watching: one loop over all deployments that are not decided yet. What an answer means is decided in `verdict`.

use std::time::Duration;

use super::Context;
use super::job::Job;
use super::outcome::{Message, Verdict, Word};
use super::settle;
use super::verdict::{Call, Judgement, RuntimeAnswer, TaskAnswer};
use super::{Pending, parameters};
use crate::artifact::ArtifactKind;
use crate::clock::Moment;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::{DeployAnswer, TaskReading};

/// How long nothing may be visible after SUCCESS before the flow's runtime profile is looked at.
const PROFILE_AFTER: Duration = Duration::from_secs(5);
/// How long before the deadline the last look is begun.
const LAST_LOOK: Duration = Duration::from_millis(700);
/// How often in a row the tenant may refuse to be asked before it is believed.
const REFUSALS: u32 = 3;
/// How often a line says that the wait goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Watches until every deployment has a verdict; gives them in the order of `pending`.
pub(super) fn watch(
    context: &Context<'_>,
    mut pending: Vec<(usize, &Job, Box<Pending>)>,
) -> Vec<(usize, Box<Pending>, Verdict)> {
    let mut decided = Vec::new();
    while !pending.is_empty() {
        let now = context.clock.now();
        let mut waiting = Vec::new();
        for (place, job, mut one) in pending {
            if one.next_look > now {
                waiting.push((place, job, one));
                continue;
            }
            match look(context, job, &mut one) {
                Some(verdict) => decided.push((place, one, verdict)),
                None => waiting.push((place, job, one)),
            }
        }
        pending = waiting;
        if let Some(next) = pending.iter().map(|(_, _, one)| one.next_look).min() {
            context
                .clock
                .sleep(next.saturating_sub(context.clock.now()));
        }
    }
    decided
}

/// One look at one deployment: the task, the runtime, a judgement.
fn look(context: &Context<'_>, job: &Job, one: &mut Pending) -> Option<Verdict> {
    // after the deadline what is known decides: many artifacts must not add up to a long end
    if !context.deadline.passed(context.clock.now()) {
        match ask(context, job, one) {
            Ok(()) => one.refusals = 0,
            Err(error) if one.refusals >= REFUSALS => return Some(contact_refused(one, error)),
            // a gateway's 403 among good answers passes
            Err(_) => one.refusals += 1,
        }
        tell_change(context, job, one);
    }
    let now = context.clock.now();
    match one.evidence.judge(now, context.deadline) {
        Judgement::Wait => {
            one.next_look = next_look(
                context,
                now,
                one.evidence.pause(now, job.rules.poll_interval),
            );
            None
        }
        Judgement::RepeatCall => {
            repeat_call(context, job, one);
            one.next_look = next_look(context, context.clock.now(), Duration::from_secs(1));
            None
        }
        decided => settle::settle(context, job, one, decided),
    }
}

/// When to look again: after the pause, and once more shortly before the deadline.
fn next_look(context: &Context<'_>, now: Moment, pause: Duration) -> Moment {
    let left = context.deadline.left(now);
    let last = left
        .checked_sub(LAST_LOOK)
        .filter(|rest| !rest.is_zero())
        .unwrap_or(left);
    now + pause.min(last)
}

fn ask(context: &Context<'_>, job: &Job, one: &mut Pending) -> Result<(), TenantError> {
    ask_task(context, one)?;
    ask_runtime(context, job, one)?;
    ask_profile(context, job, one);
    Ok(())
}

fn ask_task(context: &Context<'_>, one: &mut Pending) -> Result<(), TenantError> {
    let Some(task) = one.evidence.task_to_ask().cloned() else {
        return Ok(());
    };
    let begun = context.clock.now();
    let answer = match context
        .tenant
        .build_and_deploy_status(&task, context.deadline)?
    {
        TaskReading::Status(status) => TaskAnswer::Status(status),
        TaskReading::NotFound => TaskAnswer::NotFound,
        TaskReading::NotOffered => TaskAnswer::NotOffered,
        TaskReading::NotSeen => TaskAnswer::NotSeen,
    };
    one.evidence
        .task_answered(begun, context.clock.now(), answer);
    Ok(())
}

fn ask_runtime(context: &Context<'_>, job: &Job, one: &mut Pending) -> Result<(), TenantError> {
    let begun = context.clock.now();
    let answer = match context
        .tenant
        .runtime_artifact_once(&job.id, context.deadline)?
    {
        Some(reading) => reading
            .record
            .map_or(RuntimeAnswer::Absent, RuntimeAnswer::Record),
        None => RuntimeAnswer::NotSeen,
    };
    one.evidence
        .runtime_answered(begun, context.clock.now(), answer);
    Ok(())
}

/// When a flow was built and stays invisible, its parameters may tell that it went to another runtime.
fn ask_profile(context: &Context<'_>, job: &Job, one: &mut Pending) {
    let due = one
        .evidence
        .succeeded_at()
        .is_some_and(|at| context.clock.now() >= at + PROFILE_AFTER);
    if one.profile_asked
        || one.kind != ArtifactKind::IntegrationFlow
        || !due
        || one.evidence.new_record().is_some()
    {
        return;
    }
    one.profile_asked = true;
    if let Ok(configured) = context.tenant.configurations(&job.id, context.deadline)
        && let Some(profile) = parameters::other_profile(&configured)
    {
        one.evidence
            .profiled(context.tenant.words(&profile).to_string());
    }
}

/// One line for each change, and one each half minute.
fn tell_change(context: &Context<'_>, job: &Job, one: &mut Pending) {
    let words = context.tenant.words(&one.last_seen()).to_string();
    let now = context.clock.now();
    if words != one.told || now >= one.told_at + HEARTBEAT {
        let left = context.deadline.left(now).as_secs();
        let heartbeat = if words == one.told {
            format!(" ({left} s left)")
        } else {
            String::new()
        };
        context
            .ledger
            .progress(&job.id.0, format!("{words}{heartbeat}"));
        one.told = words;
        one.told_at = now;
    }
}

fn repeat_call(context: &Context<'_>, job: &Job, one: &mut Pending) {
    context.ledger.progress(
        &job.id.0,
        "nothing came of the deploy call whose answer was lost: calling once more",
    );
    let outcome = context.tenant.deploy(one.kind, &job.id, context.deadline);
    let at: Moment = context.clock.now();
    let call = match outcome {
        Ok(DeployAnswer::Accepted(task)) => Call::Accepted { at, task },
        Ok(DeployAnswer::Lost(why)) => Call::Lost { at, why },
        // it never arrived: the next look may try again
        Err(error) if error.kind == Kind::Unreachable => return,
        Err(error) => Call::RefusedAgain {
            at,
            why: error.to_string(),
        },
    };
    one.evidence.called(call);
}

/// The tenant no longer lets us look. What runs is not known then.
fn contact_refused(one: &Pending, error: TenantError) -> Verdict {
    let word = if matches!(error.kind, Kind::Credentials | Kind::Role) {
        Word::Refused
    } else {
        Word::Undecided
    };
    let mut message = Message::from(error);
    message.what = format!(
        "a deployment was accepted, but its end can't be seen: {}",
        message.what
    );
    Verdict::bad(word, one.last_seen(), message)
}
