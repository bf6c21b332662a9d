//! What the answers of the run time mean for one artifact that is to be undeployed. Pure: it gets observations with their
//! times and gives a judgement, without clock or network.

#[cfg(test)]
mod histories;

use std::time::Duration;

use crate::clock::{Deadline, Moment};
use crate::deploy::verdict::RuntimeAnswer;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{RuntimeArtifact, RuntimeStatus};

/// How often in a row the API must say "not found" before it is believed.
const ABSENCES: u32 = 2;
/// How long another deployment must be shown before it is believed to stand: our call may take effect late.
const STANDS: Duration = Duration::from_secs(4);
/// How long a record must stand unchanged after a call that perhaps never arrived, before it is repeated.
const UNTOUCHED: Duration = Duration::from_secs(5);
/// How often the undeploy call is made at most.
const MOST_CALLS: usize = 2;

/// What ran before the undeploy call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The record.
    pub record: RuntimeArtifact,
    /// The `Date` header of the answer that held it.
    pub answered: Option<TenantTime>,
    /// It comes from the list of everything that runs, which may be behind.
    pub by_list: bool,
}

impl Baseline {
    /// From which date on a record is another deployment. Where this one may not show its own date (it is in motion, or a
    /// list may be behind), only what is later than its answer counts (cpi-api.md §15: what `DeployedOn` shows while
    /// STARTING is unknown).
    fn newest(&self) -> Option<TenantTime> {
        let doubtful = self.by_list || self.record.status.in_motion();
        let answered = self.answered.filter(|_| doubtful);
        self.record.deployed_on.max(answered)
    }

    /// Whether a record belongs to a later deployment, by the tenant's dates alone.
    #[must_use]
    pub fn is_before(&self, record: &RuntimeArtifact) -> bool {
        matches!((self.newest(), record.deployed_on), (Some(ours), Some(theirs)) if theirs > ours)
    }

    fn is_shown_by(&self, record: &RuntimeArtifact) -> bool {
        self.record.deployed_on == record.deployed_on && self.record.status == record.status
    }
}

/// How the tenant took an undeploy call.
#[derive(Clone, Debug)]
pub enum Call {
    /// Accepted, which is not yet gone (cpi-api.md §5.5).
    Accepted {
        /// When the answer had come.
        at: Moment,
    },
    /// Perhaps accepted.
    Lost {
        /// When the answer was lost.
        at: Moment,
        /// What came instead of an answer.
        why: String,
        /// What the API said with a status that does not tell whether it means it.
        said: Option<Box<TenantError>>,
    },
    /// The API's own "not found".
    NotFound {
        /// When the answer had come.
        at: Moment,
    },
    /// Certainly not carried out.
    NotDone {
        /// When that was known.
        at: Moment,
        /// Why not.
        error: Box<TenantError>,
    },
}

impl Call {
    fn at(&self) -> Moment {
        match self {
            Self::Accepted { at }
            | Self::Lost { at, .. }
            | Self::NotFound { at }
            | Self::NotDone { at, .. } => *at,
        }
    }

    fn may_have_worked(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Lost { .. })
    }

    fn error(&self) -> Option<&TenantError> {
        match self {
            Self::NotDone { error, .. } => Some(error),
            Self::Lost { said, .. } => said.as_deref(),
            Self::Accepted { .. } | Self::NotFound { .. } => None,
        }
    }

    /// Whether the tenant understood this call and refused it.
    fn is_refused(&self) -> bool {
        matches!(self, Self::NotDone { error, .. } if error.kind == Kind::Refused)
    }
}

/// What is to be done, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Look again.
    Wait,
    /// Make the undeploy call.
    Call,
    /// It is gone, by a call of ours.
    Undeployed,
    /// It is not deployed, and no call of ours brought that about.
    Absent,
    /// Somebody else deployed it again.
    Superseded,
    /// The call was not carried out, see [`Evidence::refusal`].
    Refused,
    /// The deadline.
    Undecided,
}

/// The record last shown, and how long it has been shown so.
#[derive(Clone, Debug)]
struct Shown {
    record: RuntimeArtifact,
    since: Moment,
    until: Moment,
}

/// The latest "not found" of the API.
#[derive(Clone, Copy, Debug)]
struct Absence {
    times: u32,
    ended: Moment,
}

/// What is known of one artifact.
#[derive(Clone, Debug)]
pub struct Evidence {
    baseline: Baseline,
    /// Until when a record in motion is waited for before the call.
    rest_until: Moment,
    calls: Vec<Call>,
    shown: Option<Shown>,
    absence: Option<Absence>,
    /// The run time was read as STOPPING after a call.
    stopping: bool,
}

impl Evidence {
    /// Nothing has been done yet.
    #[must_use]
    pub fn new(baseline: Baseline, rest_until: Moment) -> Self {
        Self {
            baseline,
            rest_until,
            calls: Vec::new(),
            shown: None,
            absence: None,
            stopping: false,
        }
    }

    /// Takes note of an undeploy call.
    pub fn called(&mut self, call: Call) {
        self.calls.push(call);
        self.shown = None;
        self.absence = None;
    }

    /// Takes note of one look. Before the first call it renews the baseline: what was in motion has moved.
    pub fn looked(
        &mut self,
        begun: Moment,
        ended: Moment,
        answer: RuntimeAnswer,
        answered: Option<TenantTime>,
    ) {
        if self.calls.last().is_some_and(|call| begun < call.at()) {
            return;
        }
        match answer {
            RuntimeAnswer::NotSeen => {}
            RuntimeAnswer::Absent => {
                self.shown = None;
                self.count_absence(begun, ended);
            }
            RuntimeAnswer::Record(record) => {
                self.absence = None;
                self.show(begun, &record);
                if self.calls.is_empty() {
                    self.baseline = Baseline {
                        record,
                        answered,
                        by_list: false,
                    };
                }
            }
        }
    }

    fn count_absence(&mut self, begun: Moment, ended: Moment) {
        let times = match self.absence {
            Some(before) if begun < before.ended => before.times,
            Some(before) => before.times + 1,
            None => 1,
        };
        self.absence = Some(Absence { times, ended });
    }

    fn show(&mut self, begun: Moment, record: &RuntimeArtifact) {
        self.stopping |= !self.calls.is_empty() && record.status == RuntimeStatus::Stopping;
        match &mut self.shown {
            Some(shown) if shown.record == *record => shown.until = begun,
            shown => {
                *shown = Some(Shown {
                    record: record.clone(),
                    since: begun,
                    until: begun,
                });
            }
        }
    }

    /// What all of it means.
    #[must_use]
    pub fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        if self.absences() >= ABSENCES {
            return self.gone();
        }
        if self.is_turned_away() {
            return Judgement::Refused;
        }
        if self.is_superseded(deadline.passed(now)) {
            return Judgement::Superseded;
        }
        if deadline.passed(now) {
            return self.at_deadline();
        }
        match self.calls.last() {
            None if self.may_call(now) => Judgement::Call,
            None | Some(Call::Accepted { .. }) => Judgement::Wait,
            Some(_) => self.after_no_answer(),
        }
    }

    fn gone(&self) -> Judgement {
        if self.calls.iter().any(Call::may_have_worked) {
            Judgement::Undeployed
        } else {
            Judgement::Absent
        }
    }

    /// Whether the first call was not let through: nothing that a look could better.
    fn is_turned_away(&self) -> bool {
        matches!(self.calls.as_slice(), [Call::NotDone { error, .. }] if error.kind != Kind::Refused)
    }

    fn is_superseded(&self, at_the_end: bool) -> bool {
        !self.calls.is_empty()
            && self.newer().is_some()
            && self.shown.as_ref().is_some_and(|shown| {
                shown.record.status != RuntimeStatus::Stopping
                    && (at_the_end || shown.until >= shown.since + STANDS)
            })
    }

    fn at_deadline(&self) -> Judgement {
        match self.calls.last() {
            Some(call) if call.is_refused() && self.calls.len() == 1 => Judgement::Refused,
            _ => Judgement::Undecided,
        }
    }

    /// STOPPING can't be undeployed (cpi-api.md §5.5); what is in motion otherwise is given a while to come to rest. "Not
    /// found" is looked at once more.
    fn may_call(&self, now: Moment) -> bool {
        let status = &self.baseline.record.status;
        self.absence.is_none()
            && *status != RuntimeStatus::Stopping
            && (!status.in_motion() || now >= self.rest_until)
    }

    /// After a call that was not accepted for certain: the record that stands unchanged decides.
    fn after_no_answer(&self) -> Judgement {
        let Some(shown) = &self.shown else {
            return Judgement::Wait;
        };
        let untouched = self.baseline.is_shown_by(&shown.record);
        if self.calls.iter().all(Call::is_refused) {
            return if untouched {
                Judgement::Refused
            } else {
                Judgement::Wait
            };
        }
        if !untouched || shown.until < shown.since + UNTOUCHED {
            return Judgement::Wait;
        }
        if self.calls.len() < MOST_CALLS {
            return Judgement::Call;
        }
        match self.refusal() {
            Some(error) if error.kind == Kind::Refused => Judgement::Refused,
            _ => Judgement::Wait,
        }
    }

    /// Why the latest call was not carried out.
    #[must_use]
    pub fn refusal(&self) -> Option<&TenantError> {
        self.calls.last().and_then(Call::error)
    }

    /// What ran before.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Whether STOPPING was seen after a call.
    #[must_use]
    pub fn was_stopping(&self) -> bool {
        self.stopping
    }

    /// The record last shown since the latest call, or the one from before there was a call.
    #[must_use]
    pub fn last_shown(&self) -> Option<&RuntimeArtifact> {
        match &self.shown {
            Some(shown) => Some(&shown.record),
            None if self.calls.is_empty() => Some(&self.baseline.record),
            None => None,
        }
    }

    /// The record last shown, where it is a deployment that came after ours was looked at.
    #[must_use]
    pub fn newer(&self) -> Option<&RuntimeArtifact> {
        let shown = self.shown.as_ref()?;
        self.baseline
            .is_before(&shown.record)
            .then_some(&shown.record)
    }

    /// How often in a row "not found" was the answer.
    #[must_use]
    pub fn absences(&self) -> u32 {
        self.absence.map_or(0, |absence| absence.times)
    }

    /// Whether "not found" was the latest answer.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.absence.is_some()
    }

    /// Whether the latest call was accepted for certain.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.calls.last(), Some(Call::Accepted { .. }))
    }

    /// How long to wait before the next look: about a tenth of the time waited since the call, from `first` to 5 s; what
    /// is about to be believed is looked at sooner.
    #[must_use]
    pub fn pause(&self, now: Moment, first: Duration) -> Duration {
        let waited = self
            .calls
            .last()
            .map_or(Duration::ZERO, |call| now.saturating_sub(call.at()));
        let close = self.is_missing() || self.newer().is_some() || !self.is_accepted();
        let longest = Duration::from_secs(if close { 1 } else { 5 });
        (waited / 10).clamp(first.min(longest), longest)
    }
}
