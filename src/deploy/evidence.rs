//! What is known of one artifact while something is under way with it: what ran before, how the tenant took the calls, and
//! what the runtime has shown since. Two judges say what it means: `started` and `gone`. Pure: time is data, there is no
//! clock and no network here.

pub mod doubts;
pub mod gone;
pub mod started;

use std::time::Duration;

use crate::clock::Moment;
use crate::tenant::DeployAnswer;
use crate::tenant::error::TenantError;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{RuntimeArtifact, TaskId};

/// How often in a row the API must say "not found" before it is believed.
pub const ABSENCES: u32 = 2;

/// What the runtime showed before the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The record, `None` when nothing was deployed.
    pub record: Option<RuntimeArtifact>,
    /// The tenant's clock when it answered, from the `Date` header.
    pub answered: Option<TenantTime>,
    /// It comes from the list of everything that runs, which may be behind.
    pub by_list: bool,
}

impl Baseline {
    /// Whether the record was STARTING, STOPPING or of unknown status.
    pub fn in_motion(&self) -> bool {
        (self.record.as_ref()).is_some_and(|record| record.status.in_motion())
    }

    /// Whether a record belongs to a later deployment, by the tenant's dates alone. Where the baseline may not show its own
    /// date (it is in motion, or a list may be behind), only what is later than its answer counts (cpi-api.md §15: what
    /// `DeployedOn` shows while STARTING is unknown).
    pub fn is_before(&self, record: &RuntimeArtifact) -> bool {
        let doubtful = self.by_list || self.in_motion();
        let deployed = self.record.as_ref().and_then(|before| before.deployed_on);
        let newest = deployed.max(self.answered.filter(|_| doubtful));
        matches!((newest, record.deployed_on), (Some(newest), Some(now)) if now > newest)
    }
}

/// How the tenant took a call.
#[derive(Clone, Debug)]
pub enum Call {
    /// Accepted.
    Accepted {
        /// When the answer had come.
        at: Moment,
        /// The task of a deployment, if the answer named one.
        task: Option<TaskId>,
        /// The tenant's clock at that answer.
        answered: Option<TenantTime>,
    },
    /// The request may have arrived, its answer did not, or made no sense.
    Lost {
        /// When that was known.
        at: Moment,
        /// What came instead.
        why: String,
        /// What the API said with a status that does not tell whether it means it.
        said: Option<Box<TenantError>>,
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
    /// The answer of a deploy call that had come at `at`.
    pub fn of(answer: DeployAnswer, at: Moment) -> Self {
        match answer {
            DeployAnswer::Accepted { task, answered } => Self::Accepted { at, task, answered },
            DeployAnswer::Lost(why) => Self::Lost {
                at,
                why,
                said: None,
            },
        }
    }

    fn at(&self) -> Moment {
        match self {
            Self::Accepted { at, .. } | Self::Lost { at, .. } | Self::NotDone { at, .. } => *at,
        }
    }

    /// Whether the tenant has certainly accepted it.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// Whether it may have been carried out.
    pub fn may_have_worked(&self) -> bool {
        !matches!(self, Self::NotDone { .. })
    }

    /// What came instead of its answer.
    pub fn lost(&self) -> Option<&str> {
        match self {
            Self::Lost { why, .. } => Some(why),
            _ => None,
        }
    }
}

/// What one question about the runtime gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeAnswer {
    /// A record.
    Record(RuntimeArtifact),
    /// The API's own "not found".
    Absent,
    /// No answer, or none of the API.
    NotSeen,
}

/// One question about the runtime, and what it gave.
#[derive(Clone, Debug)]
pub struct Look {
    /// When the question was sent.
    pub begun: Moment,
    /// When its answer had come.
    pub ended: Moment,
    /// What it gave.
    pub answer: RuntimeAnswer,
    /// The tenant's clock at the answer.
    pub answered: Option<TenantTime>,
    /// It was a list of everything that runs.
    pub by_list: bool,
}

/// An unbroken row of looks that showed the same record.
#[derive(Clone, Debug)]
struct Sight {
    record: RuntimeArtifact,
    since: Moment,
    /// When the latest of these looks was begun.
    latest: Moment,
}

/// The latest "not found" of the API.
#[derive(Clone, Copy, Debug)]
struct Absence {
    times: u32,
    ended: Moment,
}

/// What the runtime has shown, and how the tenant took the calls.
#[derive(Clone, Debug)]
pub struct Observations {
    /// What ran before the first call.
    pub baseline: Baseline,
    /// The calls so far.
    pub calls: Vec<Call>,
    sight: Option<Sight>,
    absence: Option<Absence>,
    /// When the latest look was begun.
    looked: Moment,
    /// When the latest look that told something was begun.
    told: Moment,
}

impl Observations {
    /// Before the first call.
    pub fn new(baseline: Baseline) -> Self {
        Self {
            baseline,
            calls: Vec::new(),
            sight: None,
            absence: None,
            looked: Moment::ZERO,
            told: Moment::ZERO,
        }
    }

    /// Takes note of how a call was taken. "Not found" before it says nothing of what it did.
    pub fn called(&mut self, call: Call) {
        self.absence = None;
        self.calls.push(call);
    }

    /// Takes note of one look, unless it was begun before the latest call was answered. Before the first call a record
    /// renews the baseline: what was in motion has moved.
    pub fn looked(&mut self, look: Look) {
        if look.begun < self.called_at() {
            return;
        }
        self.looked = look.begun;
        match look.answer {
            RuntimeAnswer::NotSeen => {}
            RuntimeAnswer::Absent => self.missed(look.begun, look.ended),
            RuntimeAnswer::Record(record) => {
                if self.calls.is_empty() {
                    self.baseline = Baseline {
                        record: Some(record.clone()),
                        answered: look.answered,
                        by_list: look.by_list,
                    };
                }
                self.saw(look.begun, record);
            }
        }
    }

    /// One "not found" is not believed, two forget the record. Two looks at the same time are one witness.
    fn missed(&mut self, begun: Moment, ended: Moment) {
        let times = match self.absence {
            Some(before) if begun < before.ended => before.times,
            Some(before) => before.times + 1,
            None => 1,
        };
        self.absence = Some(Absence { times, ended });
        if times >= ABSENCES {
            self.sight = None;
            self.told = begun;
        }
    }

    fn saw(&mut self, begun: Moment, record: RuntimeArtifact) {
        self.absence = None;
        self.told = begun;
        match &mut self.sight {
            Some(sight) if sight.record == record => sight.latest = begun,
            sight => {
                *sight = Some(Sight {
                    record,
                    since: begun,
                    latest: begun,
                });
            }
        }
    }

    /// When the latest call was answered or lost.
    pub fn called_at(&self) -> Moment {
        self.calls.last().map_or(Moment::ZERO, Call::at)
    }

    /// How long ago that was.
    pub fn waited(&self, now: Moment) -> Duration {
        now.saturating_sub(self.called_at())
    }

    /// The record last seen, and since when and until when it stood, as far as looks begun at `after` or later tell.
    fn standing(&self, after: Moment) -> Option<(&RuntimeArtifact, Moment, Duration)> {
        let sight = self.sight.as_ref().filter(|sight| sight.latest >= after)?;
        let since = sight.since.max(after);
        Some((&sight.record, since, sight.latest.saturating_sub(since)))
    }

    /// The record last seen.
    pub fn last_seen(&self) -> Option<&RuntimeArtifact> {
        self.sight.as_ref().map(|sight| &sight.record)
    }

    /// How often in a row "not found" was the answer since the latest call.
    pub fn absences(&self) -> u32 {
        self.absence.map_or(0, |absence| absence.times)
    }

    /// Whether a call is known to have been accepted.
    pub fn is_accepted(&self) -> bool {
        self.calls.iter().any(Call::is_accepted)
    }

    /// What came instead of the answer of a call that was lost, if one was.
    pub fn lost(&self) -> Option<&str> {
        self.calls.iter().find_map(Call::lost)
    }
}

/// What is to be done about what is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement<End> {
    /// Nothing is decided; look again.
    Wait,
    /// Make the call: for the first time, or once more because nothing came of one whose answer was lost.
    Call,
    /// It is decided.
    Ended(End),
}
