//! Whether one artifact that is to be undeployed is gone.

use std::time::Duration;

use super::{ABSENCES, Baseline, Call, Look, Observations};
use crate::clock::{Deadline, Moment};
use crate::pacing::{self, Stage};
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{RuntimeArtifact, RuntimeStatus};

/// How long another deployment must be shown before it is believed to stand: our call may take effect late.
const STANDS: Duration = Duration::from_secs(4);
/// How long a record must stand unchanged after a call that perhaps never arrived, before it is repeated.
const UNTOUCHED: Duration = Duration::from_secs(5);
/// How often the undeploy call is made at most.
const MOST_CALLS: usize = 2;

/// How an undeployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is gone, by a call of ours.
    Undeployed,
    /// It is not deployed, and no call of ours brought that about.
    Absent,
    /// Another user deployed it again.
    Superseded,
    /// The call was not carried out, see [`Evidence::refusal`].
    Refused,
    /// The deadline.
    Undecided,
}

/// What is to be done about an undeployment.
pub type Judgement = super::Judgement<End>;

/// Everything observed of one undeployment.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The runtime, and the calls.
    pub seen: Observations,
    /// Until when a record in motion is waited for before the call.
    rest_until: Moment,
    /// The runtime was read as STOPPING after a call.
    stopping: bool,
}

impl Evidence {
    /// Nothing has been done yet.
    pub fn new(baseline: Baseline, rest_until: Moment) -> Self {
        Self {
            seen: Observations::new(baseline),
            rest_until,
            stopping: false,
        }
    }

    /// Takes note of one look.
    pub fn looked(&mut self, look: Look) {
        self.seen.looked(look);
        self.stopping |= !self.seen.calls.is_empty() && self.is_stopping();
    }

    /// What all of it means.
    pub fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        match self.end(now, deadline) {
            Some(end) => Judgement::Ended(end),
            None if self.call_is_due(now) => Judgement::Call,
            None => Judgement::Wait,
        }
    }

    fn end(&self, now: Moment, deadline: Deadline) -> Option<End> {
        let calls = self.seen.calls.as_slice();
        if self.seen.absences() >= ABSENCES {
            return Some(if calls.iter().any(Call::may_have_worked) {
                End::Undeployed
            } else {
                End::Absent
            });
        }
        // the first call was not let through: nothing that a look could better
        let turned_away = matches!(calls, [Call::NotDone { error, .. }] if !matches!(error.kind, Kind::Refused | Kind::NotFound));
        if turned_away {
            return Some(End::Refused);
        }
        let at_the_end = deadline.passed(now);
        if self.is_superseded(at_the_end) {
            return Some(End::Superseded);
        }
        if at_the_end {
            let refused = matches!(calls, [call] if is_refused(call));
            return Some(if refused {
                End::Refused
            } else {
                End::Undecided
            });
        }
        self.is_refused_for_good().then_some(End::Refused)
    }

    fn is_superseded(&self, at_the_end: bool) -> bool {
        self.newer().is_some()
            && !self.seen.calls.is_empty()
            && self.shown().is_some_and(|(record, stood)| {
                record.status != RuntimeStatus::Stopping && (at_the_end || stood >= STANDS)
            })
    }

    /// Whether the refusal counts: what it is about still stands. While an earlier call's answer is unknown, for a while.
    fn is_refused_for_good(&self) -> bool {
        let calls = &self.seen.calls;
        let refused =
            |error: &TenantError| error.kind == Kind::Refused && calls.len() >= MOST_CALLS;
        !self.seen.calls.is_empty()
            && if calls.iter().all(is_refused) {
                self.is_untouched(Duration::ZERO)
            } else {
                self.refusal().is_some_and(refused) && self.is_untouched(UNTOUCHED)
            }
    }

    /// Whether the call is to be made: for the first time when the record is at rest, once more when the record stands
    /// unchanged after a call that was not certainly accepted. STOPPING can't be undeployed (cpi-api.md §5.5); what is in
    /// motion otherwise is given a while to come to rest. "Not found" is looked at once more.
    fn call_is_due(&self, now: Moment) -> bool {
        let baseline = &self.seen.baseline;
        match self.seen.calls.last() {
            None => {
                self.seen.absences() == 0
                    && !self.is_stopping()
                    && (!baseline.in_motion() || now >= self.rest_until)
            }
            Some(Call::Accepted { .. }) => false,
            Some(_) => self.seen.calls.len() < MOST_CALLS && self.is_untouched(UNTOUCHED),
        }
    }

    /// Whether the record of before has stood so long since the latest call.
    fn is_untouched(&self, long: Duration) -> bool {
        let before = self.seen.baseline.record.as_ref();
        self.shown()
            .zip(before)
            .is_some_and(|((now, stood), before)| {
                before.deployed_on == now.deployed_on
                    && before.status == now.status
                    && stood >= long
            })
    }

    /// The record last shown since the latest call, and how long; none while it is "not found".
    fn shown(&self) -> Option<(&RuntimeArtifact, Duration)> {
        let (record, _, stood) = self.seen.standing(self.seen.called_at())?;
        (self.seen.absences() == 0).then_some((record, stood))
    }

    /// Why the latest call was not carried out.
    pub fn refusal(&self) -> Option<&TenantError> {
        match self.seen.calls.last()? {
            Call::NotDone { error, .. } => Some(error).filter(|one| one.kind != Kind::NotFound),
            Call::Lost { said, .. } => said.as_ref(),
            Call::Accepted { .. } => None,
        }
        .map(AsRef::as_ref)
    }

    /// Whether STOPPING was seen after a call.
    pub fn was_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether STOPPING is what was shown last.
    pub fn is_stopping(&self) -> bool {
        self.last_shown()
            .is_some_and(|record| record.status == RuntimeStatus::Stopping)
    }

    /// The record last shown since the latest call, or the one from before there was a call.
    pub fn last_shown(&self) -> Option<&RuntimeArtifact> {
        match self.shown() {
            Some((record, _)) => Some(record),
            None if self.seen.calls.is_empty() => self.seen.baseline.record.as_ref(),
            None => None,
        }
    }

    /// The record last shown, where it is a deployment that came after ours was looked at.
    pub fn newer(&self) -> Option<&RuntimeArtifact> {
        let (record, _) = self.shown()?;
        self.seen.baseline.is_before(record).then_some(record)
    }

    /// Whether the latest call was accepted for certain, and nothing has come of it yet.
    pub fn is_waiting(&self) -> bool {
        self.seen.calls.last().is_some_and(Call::is_accepted) && self.seen.absences() == 0
    }

    /// How long to wait before the next look; what is about to be believed is looked at sooner.
    pub fn pause(&self, now: Moment, first: Duration) -> Duration {
        let waited = if self.seen.calls.is_empty() {
            Duration::ZERO
        } else {
            self.seen.waited(now)
        };
        let stage = if self.is_waiting() && self.newer().is_none() {
            Stage::Change
        } else {
            Stage::Standing
        };
        pacing::pause(waited, first, stage)
    }
}

/// Whether the tenant understood this call and refused it.
fn is_refused(call: &Call) -> bool {
    matches!(call, Call::NotDone { error, .. } if error.kind == Kind::Refused)
}

#[cfg(test)]
mod histories;
