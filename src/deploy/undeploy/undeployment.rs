//! One undeployment while it is watched: the call, and what is looked at.

use std::time::Duration;

use super::settle;
use super::survey::Surveyed;
use crate::clock::{Deadline, Moment};
use crate::deploy::Context;
use crate::deploy::evidence::gone::{End, Evidence, Judgement};
use crate::deploy::evidence::{Call, Look, RuntimeAnswer};
use crate::deploy::outcome::{Outcome, Phase};
use crate::deploy::watch::{Settled, UnderWay};
use crate::pacing;
use crate::tenant::Written;
use crate::tenant::error::Kind;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, RuntimeArtifact};

/// What the tenant holds while the answer of a call is not known.
const MAY_BE_ACCEPTED: &str =
    "an undeploy call was sent and its answer was lost: it may have been accepted";

/// One undeployment that has no verdict yet.
pub struct Undeployment {
    /// Its place in the run.
    pub place: usize,
    pub id: ArtifactId,
    pub began: Moment,
    /// What ran when the run began.
    pub before: RuntimeArtifact,
    pub evidence: Evidence,
    /// The first pause between two looks.
    first: Duration,
}

impl Undeployment {
    /// What is to be watched, or the end of what needs nothing more.
    pub fn of(
        context: &Context<'_>,
        place: usize,
        one: Surveyed,
        first: Duration,
    ) -> Result<Self, Box<Outcome>> {
        let (id, began) = (one.id, one.began);
        let end = |verdict| settle::outcome(context, &id, began, Phase::Read, verdict);
        let baseline = match one.read {
            Ok(baseline) => baseline,
            Err(error) => return Err(end(settle::unread(error))),
        };
        let Some(before) = baseline.record.clone() else {
            return Err(end(settle::absent()));
        };
        if let Some(record) = one.overtaken {
            let mut outcome = end(settle::overtaken(context, &id, &before, &record));
            settle::show(context, &mut outcome, Some(&record), &before);
            return Err(outcome);
        }
        Ok(Self {
            place,
            id,
            began,
            before,
            evidence: Evidence::new(baseline, context.rest_until()),
            first,
        })
    }

    fn tell(&self, context: &Context<'_>, text: &str, state: &str) {
        let text = context.tenant.words(text).to_string();
        context.ledger.progress(&self.id.0, text);
        context.ledger.wrote(&self.id.0, state);
    }

    fn tell_call(&self, context: &Context<'_>, call: &Call) {
        let (text, state) = match call {
            Call::Accepted { .. } => (
                "accepted; waiting until it is gone",
                "undeploying was accepted; whether it is gone is not known",
            ),
            Call::Lost { why, .. } => (
                &*format!(
                    "the answer of the undeploy call was lost ({why}); watching the run time"
                ),
                MAY_BE_ACCEPTED,
            ),
            Call::NotDone { error, .. } if error.kind == Kind::NotFound => (
                "the undeploy call does not find it; looking again",
                "the undeploy call did not find it",
            ),
            Call::NotDone { .. } => (
                "the undeploy call was not carried out",
                "an undeploy call was not carried out",
            ),
        };
        let earlier = self.evidence.seen.calls.iter().any(Call::may_have_worked);
        let is_open = earlier && !call.may_have_worked();
        self.tell(context, text, if is_open { MAY_BE_ACCEPTED } else { state });
    }
}

impl UnderWay for Undeployment {
    type End = End;

    fn id(&self) -> &ArtifactId {
        &self.id
    }

    fn is_listed(&self, together: usize) -> bool {
        let from_list = self.evidence.seen.baseline.by_list;
        from_list && together >= pacing::LIST_FROM && self.evidence.is_waiting()
    }

    /// One that a list does not show must be "not found" alone.
    fn of_list(&self, record: Option<RuntimeArtifact>) -> Option<RuntimeAnswer> {
        record.map(RuntimeAnswer::Record)
    }

    fn looked(&mut self, _context: &Context<'_>, look: Look) {
        self.evidence.looked(look);
    }

    fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        self.evidence.judge(now, deadline)
    }

    fn pause(&self, now: Moment) -> Duration {
        self.evidence.pause(now, self.first)
    }

    /// One undeploy call, told before and after.
    fn call(&mut self, context: &Context<'_>) {
        let text = match &self.evidence.seen.baseline.record {
            Some(record) if self.evidence.seen.calls.is_empty() => format!(
                "undeploying ({}, version {})",
                record.status, record.version
            ),
            _ => "nothing came of the undeploy call: calling once more".to_owned(),
        };
        let sent = "an undeploy call was sent, its answer is not known";
        self.tell(context, &text, sent);
        let answer = context.tenant.undeploy(&self.id, context.deadline);
        let at = context.clock.now();
        let call = match answer {
            Ok(Written::Done(_)) => Call::Accepted {
                at,
                task: None,
                answered: None,
            },
            Ok(Written::Lost(lost)) => Call::Lost {
                at,
                why: lost.why,
                said: lost.said,
            },
            Err(error) => Call::NotDone {
                at,
                error: Box::new(error.of_write("the undeployment")),
            },
        };
        self.tell_call(context, &call);
        self.evidence.seen.called(call);
    }

    fn settle(
        &mut self,
        context: &Context<'_>,
        end: End,
        _shown: Option<DesigntimeArtifact>,
    ) -> Settled {
        self.verdict(context, end).into()
    }

    /// What was seen last, in a few words.
    fn last_seen(&self) -> String {
        match (self.evidence.newer(), self.evidence.last_shown()) {
            _ if self.evidence.seen.absences() > 0 => {
                "the run time does not find it any more".to_owned()
            }
            (Some(record), _) => {
                let shown = settle::shown(record);
                format!("the run time shows another deployment, {shown}")
            }
            (None, Some(record)) => format!("the run time shows {}", record.status),
            (None, None) => "the run time has not answered yet".to_owned(),
        }
    }

    fn evidence(&self, context: &Context<'_>) -> String {
        self.evidence_line(context)
    }

    fn may_be(&self) -> Option<&'static str> {
        (!self.evidence.seen.calls.is_empty()).then_some("it may be undeployed")
    }
}
