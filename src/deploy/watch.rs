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
use crate::tenant::{DeployAnswer, Reading, TaskReading};

/// How long nothing may be visible after SUCCESS before the flow's runtime profile is looked at.
const PROFILE_AFTER: Duration = Duration::from_secs(5);
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
    if let Err(error) = ask_task(context, one).and_then(|()| ask_runtime(context, job, one)) {
        return Some(contact_refused(one, error));
    }
    ask_profile(context, job, one);
    tell_change(context, job, one);
    let now = context.clock.now();
    match one.evidence.judge(now, context.deadline) {
        Judgement::Wait => {
            one.next_look = now
                + one
                    .evidence
                    .pause(now, job.rules.poll_interval)
                    .min(context.deadline.left(now).max(Duration::from_millis(50)));
            None
        }
        Judgement::RepeatCall => {
            repeat_call(context, job, one);
            one.next_look = context.clock.now();
            None
        }
        decided => settle::settle(context, job, one, decided),
    }
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
    if let Ok(Reading::Found(configured)) = context.tenant.configurations(&job.id, context.deadline)
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
    one.evidence.called(match outcome {
        Ok(DeployAnswer::Accepted(task)) => Call::Accepted { at, task },
        Ok(DeployAnswer::Lost(why)) => Call::Lost { at, why },
        Err(error) => Call::RefusedAgain {
            at,
            why: error.to_string(),
        },
    });
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
