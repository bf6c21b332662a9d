//! Calling and watching: all artifacts that are not decided yet, in rounds. What an answer means is decided in `verdict`.

use std::time::Duration;

use super::settle;
use super::survey::{Standing, Surveyed};
use super::verdict::{Call, Evidence, Judgement};
use super::{HANDS, LIST_FROM, Wish};
use crate::clock::Moment;
use crate::deploy::Context;
use crate::deploy::outcome::Outcome;
use crate::deploy::verdict::RuntimeAnswer;
use crate::parallel::parallel_map;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{ArtifactId, RuntimeArtifact};
use crate::tenant::{RuntimeList, Written};

/// How often in a row the tenant may refuse to be asked before it is believed.
const REFUSALS: u32 = 3;
/// How often a line says that the wait goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long before the deadline the last look is begun.
const LAST_LOOK: Duration = Duration::from_millis(700);

/// One artifact that has no verdict yet.
pub(super) struct Watched {
    /// Its place in the run.
    place: usize,
    pub(super) id: ArtifactId,
    pub(super) began: Moment,
    /// What ran when the run began.
    pub(super) before: RuntimeArtifact,
    pub(super) evidence: Evidence,
    /// What kept the latest look from being answered, when it was a refusal.
    pub(super) trouble: Option<TenantError>,
    /// How often in a row the tenant refused to be asked.
    refusals: u32,
    told: String,
    told_at: Moment,
}

/// Undeploys what runs; gives the end of each, in their order.
pub(super) fn carry_out(
    context: &Context<'_>,
    wish: &Wish,
    surveyed: Vec<Surveyed>,
) -> Vec<Outcome> {
    let mut ends: Vec<(usize, Outcome)> = Vec::new();
    let mut pending = Vec::new();
    for (place, one) in surveyed.into_iter().enumerate() {
        match watched(context, place, one) {
            Ok(one) => pending.push(one),
            Err(end) => ends.push((place, *end)),
        }
    }
    while !pending.is_empty() {
        pending = act(context, pending, &mut ends);
        context.clock.sleep(pause(context, wish, &pending));
        pending = look(context, pending);
    }
    ends.sort_by_key(|(place, _)| *place);
    ends.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What is to be watched, or the end of what needs nothing more.
fn watched(context: &Context<'_>, place: usize, one: Surveyed) -> Result<Watched, Box<Outcome>> {
    let baseline = match one.standing {
        Standing::Runs(baseline) => baseline,
        Standing::Absent => return Err(settle::absent(context, &one.id, one.began)),
        Standing::Overtaken(asked, record) => {
            return Err(settle::overtaken(
                context, &one.id, one.began, &asked, &record,
            ));
        }
        Standing::Unread(error) => {
            return Err(settle::unread(context, &one.id, one.began, *error));
        }
    };
    Ok(Watched {
        place,
        id: one.id,
        began: one.began,
        before: baseline.record.clone(),
        evidence: Evidence::new(baseline, context.rest_until()),
        trouble: None,
        refusals: 0,
        told: String::new(),
        told_at: Duration::ZERO,
    })
}

/// Judges all of them: makes the calls that are due, and takes out what is decided.
fn act(
    context: &Context<'_>,
    pending: Vec<Watched>,
    ends: &mut Vec<(usize, Outcome)>,
) -> Vec<Watched> {
    let acted = parallel_map(pending, HANDS, |mut one: Watched| {
        let now = context.clock.now();
        if one.refusals >= REFUSALS
            && let Some(error) = one.trouble.take()
        {
            let end = settle::contact_refused(context, &one, error);
            return (one, Some(end));
        }
        match one.evidence.judge(now, context.deadline) {
            Judgement::Wait => {}
            Judgement::Call => call(context, &mut one),
            decided => {
                let end = settle::settle(context, &one, decided);
                return (one, Some(end));
            }
        }
        (one, None)
    });
    let mut waiting = Vec::new();
    for (one, end) in acted {
        match end {
            Some(end) => ends.push((one.place, *end)),
            None => waiting.push(one),
        }
    }
    waiting
}

/// One undeploy call, told before and after.
fn call(context: &Context<'_>, one: &mut Watched) {
    let repeated = !one.evidence.calls().is_empty();
    let text = if repeated {
        "nothing came of the undeploy call: calling once more".to_owned()
    } else {
        let record = &one.evidence.baseline().record;
        format!(
            "undeploying ({}, version {})",
            record.status, record.version
        )
    };
    tell(context, one, &text);
    wrote(
        context,
        one,
        "an undeploy call was sent, its answer is not known",
    );
    let answer = context.tenant.undeploy(&one.id, context.deadline);
    let at = context.clock.now();
    let call = match answer {
        Ok(Written::Done(_)) => Call::Accepted { at },
        Ok(Written::Lost(lost)) => Call::Lost {
            at,
            why: lost.why,
            said: lost.said,
        },
        Err(error) if error.kind == Kind::NotFound => Call::NotFound { at },
        Err(error) => Call::NotDone {
            at,
            error: Box::new(error),
        },
    };
    tell_call(context, one, &call);
    one.evidence.called(call);
}

fn tell_call(context: &Context<'_>, one: &mut Watched, call: &Call) {
    let (text, state) = match call {
        Call::Accepted { .. } => (
            "accepted; waiting until it is gone".to_owned(),
            "undeploying was accepted; whether it is gone is not known",
        ),
        Call::Lost { why, .. } => (
            format!("the answer of the undeploy call was lost ({why}); watching the run time"),
            "an undeploy call was sent and its answer was lost: it may have been accepted",
        ),
        Call::NotFound { .. } => (
            "the undeploy call does not find it; looking again".to_owned(),
            "the undeploy call did not find it",
        ),
        Call::NotDone { .. } => (
            "the undeploy call was not carried out".to_owned(),
            "an undeploy call was not carried out",
        ),
    };
    tell(context, one, &text);
    let before = one
        .evidence
        .calls()
        .iter()
        .any(|call| matches!(call, Call::Accepted { .. } | Call::Lost { .. }));
    let refused = matches!(call, Call::NotDone { .. } | Call::NotFound { .. });
    // an earlier call may have been accepted all the same
    let state = match (before, refused) {
        (true, true) => {
            "an undeploy call was sent and its answer was lost: it may have been accepted"
        }
        _ => state,
    };
    wrote(context, one, state);
}

fn tell(context: &Context<'_>, one: &Watched, text: &str) {
    let text = context.tenant.words(text).to_string();
    context.ledger.progress(&one.id.0, text);
}

fn wrote(context: &Context<'_>, one: &Watched, state: &str) {
    context.ledger.wrote(&one.id.0, state);
}

/// How long until the next look, at all of them together; the last one is shortly before the deadline.
fn pause(context: &Context<'_>, wish: &Wish, pending: &[Watched]) -> Duration {
    let now = context.clock.now();
    let left = context.deadline.left(now);
    let last = left
        .checked_sub(LAST_LOOK)
        .filter(|rest| !rest.is_zero())
        .unwrap_or(left);
    let pauses = pending.iter();
    let pause = pauses.map(|one| one.evidence.pause(now, wish.poll_interval));
    pause.min().unwrap_or_default().min(last)
}

/// Looks at all of them: in one list where several calls were accepted, else one by one. After the deadline what is
/// known decides.
fn look(context: &Context<'_>, pending: Vec<Watched>) -> Vec<Watched> {
    if context.deadline.passed(context.clock.now()) {
        return pending;
    }
    let begun = context.clock.now();
    let accepted = pending.iter().filter(|one| one.evidence.is_accepted());
    let list = if accepted.count() >= LIST_FROM {
        let list = context.tenant.runtime_artifacts_once(context.deadline);
        list.ok().flatten()
    } else {
        None
    };
    let ended = context.clock.now();
    parallel_map(pending, HANDS, |mut one: Watched| {
        let listed = list.as_ref().and_then(|list| listed(list, &one));
        match listed {
            Some((answer, answered)) => {
                one.refusals = 0;
                one.evidence.looked(begun, ended, answer, answered);
            }
            None => look_alone(context, &mut one),
        }
        tell_change(context, &mut one);
        one
    })
}

/// What a list shows of an artifact whose call was accepted. One that it does not show must be "not found" alone.
fn listed(list: &RuntimeList, one: &Watched) -> Option<(RuntimeAnswer, Option<TenantTime>)> {
    let record = list.records.get(&one.id)?;
    (one.evidence.is_accepted() && !one.evidence.is_missing())
        .then(|| (RuntimeAnswer::Record(record.clone()), list.answered))
}

fn look_alone(context: &Context<'_>, one: &mut Watched) {
    let begun = context.clock.now();
    let reading = context
        .tenant
        .runtime_artifact_once(&one.id, context.deadline);
    let (answer, answered) = match reading {
        Ok(Some(reading)) => {
            one.refusals = 0;
            let answer = reading
                .record
                .map_or(RuntimeAnswer::Absent, RuntimeAnswer::Record);
            (answer, reading.answered)
        }
        Ok(None) => (RuntimeAnswer::NotSeen, None),
        // a gateway's 403 among good answers passes
        Err(error) => {
            one.refusals += 1;
            one.trouble = Some(error);
            (RuntimeAnswer::NotSeen, None)
        }
    };
    one.evidence
        .looked(begun, context.clock.now(), answer, answered);
}

/// One line for each change, and one each half minute.
fn tell_change(context: &Context<'_>, one: &mut Watched) {
    let words = settle::last_seen(&one.evidence);
    let now = context.clock.now();
    if words == one.told && now < one.told_at + HEARTBEAT {
        return;
    }
    let heartbeat = if words == one.told {
        format!(" ({} s left)", context.deadline.left(now).as_secs())
    } else {
        String::new()
    };
    tell(context, one, &format!("{words}{heartbeat}"));
    one.told = words;
    one.told_at = now;
}
