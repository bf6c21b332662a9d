//! Whose a record is and how old, and the reasons to look longer before it is believed.

use std::collections::BTreeSet;
use std::fmt;

use super::{Call, Observations};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{RuntimeArtifact, is_number};

/// How much older than what this run did a new record may be (the `Date` header counts whole seconds).
const BACKDATED_MILLIS: i64 = 2_000;
/// By how much the clocks of one tenant's design time and runtime may differ: an older record is never ours.
const CLOCKS_DIFFER_MILLIS: i64 = 600_000;
/// How long after our call another user's deployment must have been made to be one of our content.
const AFTER_OUR_CALL_MILLIS: i64 = 60_000;

/// A reason to look longer before STARTED is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Nothing was deployed though the artifact existed: an earlier run's deployment may still be coming.
    NothingWasDeployed,
    /// The record before the call was not at rest.
    BaselineInMotion,
    /// A new STARTED record was seen while our task had not ended.
    StartedBeforeTaskEnded,
    /// The new record is older than what this run did.
    Backdated,
    /// The runtime shows another number than the one read back from the design time.
    OtherVersion,
    /// The tenant stored files that are not quite those that were sent.
    Rewritten,
    /// The answer of the deploy call was lost.
    CallLost,
    /// The task was never visible, or none was named.
    TaskNeverVisible,
    /// The task was not visible any more before it had ended.
    TaskForgotten,
    /// The new record names another user as who deployed it.
    DeployedByAnother,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::NothingWasDeployed => "nothing was deployed although the artifact existed",
            Doubt::BaselineInMotion => "the previous deployment was still in motion",
            Doubt::StartedBeforeTaskEnded => "STARTED was seen before the task had ended",
            Doubt::Backdated => "DeployedOn is older than what this run did",
            Doubt::OtherVersion => "the runtime version is not the design-time version",
            Doubt::Rewritten => "the tenant stored files in another form than they were sent in",
            Doubt::CallLost => "the answer of the deploy call was lost",
            Doubt::TaskNeverVisible => "the task was never visible",
            Doubt::TaskForgotten => "the task was not visible to its end",
            Doubt::DeployedByAnother => "DeployedBy is not known to be this client",
        })
    }
}

/// Why nothing could be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The deadline has passed.
    Deadline,
    /// Built, but invisible: the flow's `SAP_ProfileId` names another runtime.
    OtherRuntime(String),
    /// The runtime shows another number than the design time.
    OtherVersion {
        /// The one read back from the design time.
        ours: String,
        /// The one that the runtime shows.
        shown: String,
    },
    /// Another user deployed what the runtime shows: their name.
    DeployedBy(String),
    /// What the runtime shows is older than what this run did, and nothing was seen before it.
    OlderRecord,
}

/// How the date of a record stands to what this run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Of an earlier deployment, or not readable.
    Old,
    /// Somewhat older than what this run did: the clocks may differ by that.
    Backdated,
    /// Later than the baseline, and not older than what this run did.
    New,
}

/// Whose a record is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deployer {
    /// Ours, or nobody's that is known.
    Us,
    /// A name that is not known to be ours.
    Unknown,
    /// Surely another user.
    Another,
}

/// What this run left at design time, and how this tenant shows what is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// The version read back after the last write; `None` for a draft, which has no number.
    pub version: Option<String>,
    /// Before this run, design time and runtime showed the same number.
    pub numbers_agree: bool,
    /// The tenant's date of the save that this run made, if it made one.
    pub saved: Option<TenantTime>,
    /// The tenant showed a name that is known to be ours: at design time, or in the baseline.
    pub named: bool,
    /// It showed one in the baseline, as who deployed it.
    pub named_by_runtime: bool,
    /// The artifact was on the tenant before this run.
    pub existed: bool,
    /// The tenant stored files that are not quite those that were sent.
    pub rewritten: bool,
}

/// What a record is held against.
pub(super) struct Origin<'a> {
    pub(super) ours: &'a Ours,
    pub(super) seen: &'a Observations,
    /// Names in `DeployedBy` that are not known to be ours.
    pub(super) strangers: &'a BTreeSet<String>,
}

impl Origin<'_> {
    /// Whether the number of a record is another than the one read back.
    pub(super) fn has_other_number(&self, record: &RuntimeArtifact) -> bool {
        let ours = self.ours.version.as_deref().filter(|one| is_number(one));
        is_number(&record.version) && ours.is_some_and(|ours| ours.trim() != record.version.trim())
    }

    /// Whose a record is. Where a tenant names us in a way that is not known, the name that deployed before is most likely
    /// ours, if it is neither a person's nor another key's.
    pub(super) fn deployer(&self, record: &RuntimeArtifact) -> Deployer {
        let name = &record.deployed_by;
        let before = self.seen.baseline.record.as_ref();
        if !self.strangers.contains(name.as_str()) {
            Deployer::Us
        } else if self.ours.named_by_runtime || (self.ours.named && is_another_client(name)) {
            Deployer::Another
        } else if before.is_some_and(|one| one.deployed_by == *name && !is_another_client(name)) {
            Deployer::Us
        } else {
            Deployer::Unknown
        }
    }

    /// Why a new record can't be taken for ours, however long it stands.
    pub(super) fn not_ours(&self, record: &RuntimeArtifact) -> Option<Why> {
        if self.ours.numbers_agree && self.has_other_number(record) {
            return Some(Why::OtherVersion {
                ours: self.ours.version.clone().unwrap_or_default(),
                shown: record.version.clone().into(),
            });
        }
        // long after our call there was nothing but our content to deploy
        let after_our_call = matches!((record.deployed_on, self.call_answered()), (Some(deployed), Some(answered)) if deployed.0 >= answered.0 + AFTER_OUR_CALL_MILLIS);
        if self.deployer(record) == Deployer::Another && !after_our_call {
            return Some(Why::DeployedBy(record.deployed_by.clone().into()));
        }
        (self.saw_nothing_before() && self.age(record) == Age::Backdated)
            .then_some(Why::OlderRecord)
    }

    /// Whether nothing was deployed though the artifact existed.
    pub(super) fn saw_nothing_before(&self) -> bool {
        self.seen.baseline.record.is_none() && self.ours.existed
    }

    /// An earlier date than the baseline's, one long before what this run did, or none is never new.
    pub(super) fn age(&self, record: &RuntimeArtifact) -> Age {
        let later = match &self.seen.baseline.record {
            None => true,
            Some(before) => before.deployed_on.is_some() && record.deployed_on > before.deployed_on,
        };
        let Some(deployed) = record.deployed_on.filter(|_| later) else {
            return Age::Old;
        };
        let millis_before = |witness: TenantTime| witness.0 - deployed.0;
        // what this run is known to have done before its call, whose answer may be slow, and ours be deployed by then
        let before_us = (self.ours.saved.max(self.seen.baseline.answered)).map(millis_before);
        match before_us.max(self.call_answered().map(millis_before)) {
            Some(millis) if millis > CLOCKS_DIFFER_MILLIS => Age::Old,
            _ if before_us.is_some_and(|millis| millis > BACKDATED_MILLIS) => Age::Backdated,
            _ => Age::New,
        }
    }

    /// The tenant's clock when it accepted the only call that it can have carried out.
    fn call_answered(&self) -> Option<TenantTime> {
        match self.seen.calls.first() {
            Some(Call::Accepted { answered, .. }) => *answered,
            _ => None,
        }
    }
}

/// Whether a name is a person's, or that of another key.
fn is_another_client(name: &str) -> bool {
    let user_id = |name: &str| {
        let digits = name.get(1..).unwrap_or_default();
        digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.contains('@') || name.starts_with("sb-") || user_id(name)
}
