//! What the observations of one deployment prove. Pure: time is data, there is no clock and no network here.
//!
//! Two things make a verdict true: the task of *our* call, and a runtime record that is newer than the one read
//! before the call, and than our own save and call. Neither is enough: a task that ended SUCCESS only built and
//! distributed the content, and a record that is STARTED may be the previous one, which keeps running until the new one
//! has started, and comes back when the runtime has restarted.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::clock::{Deadline, Moment};
use crate::tenant::DeployAnswer;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{BuildStatus, RuntimeArtifact, RuntimeStatus, TaskId, is_number};

/// How long an ERROR must stand before it is believed; tenants flap.
const ERROR_STANDS: Duration = Duration::from_secs(4);
/// How long a STARTED about which there is a doubt must stand.
const DOUBT_STANDS: Duration = Duration::from_secs(8);
/// The shortest standing that says anything.
const LEAST_STANDING: Duration = Duration::from_millis(500);
/// How long a task may answer "not found" from the start before it counts as never visible.
const TASK_UNSEEN: Duration = Duration::from_secs(10);
/// How long the runtime is watched for a deployment whose call was not answered.
const LOST_CALL: Duration = Duration::from_secs(75);
/// The same where nothing was deployed before: such a deployment is never postponed.
const LOST_FIRST_CALL: Duration = Duration::from_secs(20);
/// How long after SUCCESS a flow that is meant for another runtime may stay invisible.
const OTHER_RUNTIME: Duration = Duration::from_secs(120);
/// How long a record must stand that is most likely not of our deployment.
const STRONG_DOUBT_STANDS: Duration = Duration::from_secs(60);
/// How much older than what this run did a new record may be (the `Date` header counts whole seconds).
const BACKDATED_MILLIS: i64 = 2_000;
/// By how much the clocks of one tenant's design time and runtime may differ: an older record is never ours.
const CLOCKS_DIFFER_MILLIS: i64 = 600_000;
/// How long after our call somebody else's deployment must have been made to be one of our content.
const AFTER_OUR_CALL_MILLIS: i64 = 60_000;

/// What the runtime showed before the deploy call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The record, `None` when nothing was deployed.
    pub record: Option<RuntimeArtifact>,
    /// The tenant's clock when it answered, from the `Date` header.
    pub answered: Option<TenantTime>,
    /// The record was still STARTING, STOPPING or of unknown status when the wait for it ended.
    pub in_motion: bool,
}

/// How the tenant took a deploy call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Accepted.
    Accepted {
        /// When the answer had come.
        at: Moment,
        /// The task id, if the answer held one.
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
    },
    /// A repeated call was refused; while the first one's answer is unknown this is no verdict.
    RefusedAgain {
        /// When the answer had come.
        at: Moment,
        /// What the tenant said.
        why: String,
    },
}

impl Call {
    /// The answer that had come at `at`.
    #[must_use]
    pub fn of(answer: DeployAnswer, at: Moment) -> Self {
        match answer {
            DeployAnswer::Accepted { task, answered } => Self::Accepted { at, task, answered },
            DeployAnswer::Lost(why) => Self::Lost { at, why },
        }
    }
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
}

/// What one question about the task gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskAnswer {
    /// Its status.
    Status(BuildStatus),
    /// The API's own "not found".
    NotFound,
    /// This tenant has no such call (405 or 501).
    NotOffered,
    /// No answer, or none of the API.
    NotSeen,
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
    /// The new record names somebody else as who deployed it.
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
            Doubt::DeployedByAnother => "DeployedBy is not known to be this client",
        })
    }
}

/// What is known of the task of our call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Task {
    /// No deploy call was answered yet.
    Unknown,
    /// Asked for, with the last status seen, if any.
    Running {
        id: TaskId,
        seen: Option<BuildStatus>,
    },
    /// Ended SUCCESS; known since.
    Succeeded { id: TaskId, at: Moment },
    /// Ended in a status that begins with FAIL.
    Failed { id: TaskId, status: BuildStatus },
    /// The tenant offers none; the deployment counts as built since the call was answered.
    None { at: Moment },
}

/// An unbroken row of readings that showed the same record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    record: RuntimeArtifact,
    since: Moment,
    /// When the latest of these readings was begun.
    latest: Moment,
}

/// Everything observed of one deployment.
#[derive(Clone, Debug)]
pub struct Evidence {
    baseline: Baseline,
    existed: bool,
    ours: Ours,
    /// The version was read again since the runtime showed another one.
    version_confirmed: bool,
    settle: Duration,
    calls: Vec<Call>,
    task: Task,
    sight: Option<Sight>,
    absences: u32,
    /// When the latest reading that told something was begun.
    last_read: Moment,
    new_started: Option<Moment>,
    recheck_task: bool,
    started_before_end: bool,
    other_profile: Option<String>,
    /// Names in `DeployedBy` that are not known to be ours.
    strangers: BTreeSet<String>,
    rewritten: bool,
}

/// What is to be done about one deployment now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing is decided; look again.
    Wait,
    /// The deploy call's answer was lost and nothing came of it: call once more.
    RepeatCall,
    /// The new content is started, with these doubts outlived; the seal is still to be checked.
    Started(Vec<Doubt>),
    /// The build failed: the task's status.
    BuildFailed(BuildStatus),
    /// The new deployment stands in ERROR.
    StartFailed,
    /// The deadline, or no hope before it.
    Undecided(Why),
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
    /// Somebody else deployed what the runtime shows: their name.
    DeployedBy(String),
    /// What the runtime shows is older than what this run did, and nothing was seen before it.
    OlderRecord,
}

/// How the date of a record stands to what this run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// Of an earlier deployment, or not readable.
    Old,
    /// Somewhat older than what this run did: the clocks may differ by that.
    Backdated,
    /// Later than the baseline, and not older than what this run did.
    New,
}

/// Whose a record is, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deployer {
    /// Ours, or nobody's that is known.
    Us,
    /// A name that is not known to be ours.
    Unknown,
    /// Surely somebody else.
    Another,
}

impl Evidence {
    /// Evidence before the deploy call. `existed`: the artifact was on the tenant before this run. `settle`: how long
    /// STARTED must stand in any case.
    #[must_use]
    pub fn new(baseline: Baseline, existed: bool, ours: Ours, settle: Duration) -> Self {
        Self {
            baseline,
            existed,
            ours,
            version_confirmed: false,
            settle,
            calls: Vec::new(),
            task: Task::Unknown,
            sight: None,
            absences: 0,
            last_read: Moment::ZERO,
            new_started: None,
            recheck_task: false,
            started_before_end: false,
            other_profile: None,
            strangers: BTreeSet::new(),
            rewritten: false,
        }
    }

    /// Takes note that the tenant stored files that are not quite those that were sent.
    pub fn rewritten(&mut self) {
        self.rewritten = true;
    }

    /// Takes note of how a deploy call was taken.
    pub fn called(&mut self, call: Call) {
        if let Call::Accepted { at, task, .. } = &call {
            self.task = match task {
                Some(id) => Task::Running {
                    id: id.clone(),
                    seen: None,
                },
                None => Task::None { at: *at },
            };
        }
        self.calls.push(call);
    }

    /// Takes note that the flow's `SAP_ProfileId` names a runtime that this API does not show.
    pub fn profiled(&mut self, profile: String) {
        self.other_profile = Some(profile);
    }

    /// Takes note that this name in `DeployedBy` is not known to be this client's.
    pub fn stranger(&mut self, name: String) {
        self.strangers.insert(name);
    }

    /// Takes note of the version that the design time shows, read once more.
    pub fn version_read(&mut self, version: Option<String>) {
        self.ours.version = version;
        self.version_confirmed = true;
    }

    /// Whether the version is to be read once more: the runtime shows another one, on a tenant where the two agree.
    #[must_use]
    pub fn version_is_due(&self) -> bool {
        let shown = self.new_record().filter(|_| !self.version_confirmed);
        self.ours.numbers_agree && shown.is_some_and(|record| self.has_other_number(record))
    }

    fn has_other_number(&self, record: &RuntimeArtifact) -> bool {
        let ours = self.ours.version.as_deref().filter(|one| is_number(one));
        is_number(&record.version) && ours.is_some_and(|ours| ours.trim() != record.version.trim())
    }

    /// Whose a record is. Where a tenant names us in a way that is not known, the name that deployed before is most likely
    /// ours, if it is neither a person's nor another key's.
    fn deployer(&self, record: &RuntimeArtifact) -> Deployer {
        let name = &record.deployed_by;
        let before = self.baseline.record.as_ref();
        if !self.strangers.contains(name.as_str()) {
            Deployer::Us
        } else if self.ours.named_by_runtime || (self.ours.named && is_somebody(name)) {
            Deployer::Another
        } else if before.is_some_and(|before| before.deployed_by == *name && !is_somebody(name)) {
            Deployer::Us
        } else {
            Deployer::Unknown
        }
    }

    /// Whether a record that somebody else deployed must hold our content: what we left was there to be deployed.
    fn is_later_than_our_call(&self, record: &RuntimeArtifact) -> bool {
        matches!((record.deployed_on, self.call_answered()), (Some(deployed), Some(answered)) if deployed.0 >= answered.0 + AFTER_OUR_CALL_MILLIS)
    }

    /// Why a new record can't be taken for ours, however long it stands.
    fn not_ours(&self, record: &RuntimeArtifact) -> Option<Why> {
        if self.ours.numbers_agree && self.has_other_number(record) {
            return Some(Why::OtherVersion {
                ours: self.ours.version.clone().unwrap_or_default(),
                shown: record.version.clone().into(),
            });
        }
        if self.deployer(record) == Deployer::Another && !self.is_later_than_our_call(record) {
            return Some(Why::DeployedBy(record.deployed_by.clone().into()));
        }
        let unseen = self.baseline.record.is_none() && self.existed;
        (unseen && self.age(record) == Age::Backdated).then_some(Why::OlderRecord)
    }

    /// Takes note of an answer about the task, to a question asked at `begun` and answered at `ended`.
    pub fn task_answered(&mut self, begun: Moment, ended: Moment, answer: TaskAnswer) {
        let Task::Running { id, seen } = &self.task else {
            return;
        };
        let id = id.clone();
        let never_seen = seen.is_none();
        self.recheck_task = false;
        match answer {
            TaskAnswer::Status(status) => self.task_status(id, status, begun, ended),
            TaskAnswer::NotOffered => {
                self.task = Task::None {
                    at: self.called_at(),
                }
            }
            TaskAnswer::NotFound if never_seen && ended >= self.called_at() + TASK_UNSEEN => {
                self.task = Task::None {
                    at: self.called_at(),
                };
            }
            TaskAnswer::NotFound | TaskAnswer::NotSeen => {}
        }
    }

    fn task_status(&mut self, id: TaskId, status: BuildStatus, begun: Moment, ended: Moment) {
        if self.new_started.is_some_and(|started| begun >= started)
            && status != BuildStatus::Success
        {
            self.started_before_end = true;
        }
        self.task = match status {
            BuildStatus::Success => Task::Succeeded { id, at: ended },
            status if status.failed() => Task::Failed { id, status },
            status => Task::Running {
                id,
                seen: Some(status),
            },
        };
    }

    /// Takes note of an answer about the runtime, to a question asked at `begun` and answered at `ended`.
    pub fn runtime_answered(&mut self, begun: Moment, ended: Moment, answer: RuntimeAnswer) {
        match answer {
            RuntimeAnswer::NotSeen => {}
            RuntimeAnswer::Absent => {
                self.absences += 1;
                if self.absences >= 2 {
                    self.sight = None;
                    self.last_read = begun;
                }
            }
            RuntimeAnswer::Record(record) => self.saw(begun, ended, record),
        }
    }

    fn saw(&mut self, begun: Moment, ended: Moment, record: RuntimeArtifact) {
        self.absences = 0;
        self.last_read = begun;
        if self.is_new(&record)
            && record.status == RuntimeStatus::Started
            && self.new_started.is_none()
        {
            self.new_started = Some(ended);
            self.recheck_task = true;
        }
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

    /// Whether a record may be of our deployment, by its date.
    fn is_new(&self, record: &RuntimeArtifact) -> bool {
        self.age(record) != Age::Old
    }

    /// An earlier date than the baseline's, one long before what this run did, or none is never new.
    fn age(&self, record: &RuntimeArtifact) -> Age {
        let later = match &self.baseline.record {
            None => record.deployed_on.is_some(),
            Some(before) => {
                matches!((before.deployed_on, record.deployed_on), (Some(before), Some(now)) if now > before)
            }
        };
        let Some(deployed) = record.deployed_on.filter(|_| later) else {
            return Age::Old;
        };
        let before_call = self.call_answered().map(|answered| answered.0 - deployed.0);
        let before_us = self.millis_before_us(deployed);
        match before_us.max(before_call) {
            Some(millis) if millis > CLOCKS_DIFFER_MILLIS => Age::Old,
            _ if before_us.is_some_and(|millis| millis > BACKDATED_MILLIS) => Age::Backdated,
            _ => Age::New,
        }
    }

    /// How long before the latest thing that this run is known to have done before its call, by the tenant's clocks. The
    /// answer of the call itself may be slow, and ours be deployed by then.
    fn millis_before_us(&self, deployed: TenantTime) -> Option<i64> {
        let witness = self.ours.saved.max(self.baseline.answered)?;
        Some(witness.0 - deployed.0)
    }

    /// The tenant's clock when it accepted the only call that it can have carried out.
    fn call_answered(&self) -> Option<TenantTime> {
        match self.calls.first() {
            Some(Call::Accepted { answered, .. }) => *answered,
            _ => None,
        }
    }

    /// When the latest deploy call was answered or lost.
    fn called_at(&self) -> Moment {
        match self.calls.last() {
            Some(
                Call::Accepted { at, .. } | Call::Lost { at, .. } | Call::RefusedAgain { at, .. },
            ) => *at,
            None => Moment::ZERO,
        }
    }

    fn a_call_was_lost(&self) -> bool {
        self.calls
            .iter()
            .any(|call| matches!(call, Call::Lost { .. }))
    }

    /// The task to ask for, if its answer can still decide something.
    #[must_use]
    pub fn task_to_ask(&self) -> Option<&TaskId> {
        match &self.task {
            Task::Running { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Since when the deployment counts as built: readings begun earlier prove nothing.
    fn built_at(&self) -> Option<Moment> {
        match (&self.task, self.calls.first()) {
            (Task::Succeeded { at, .. } | Task::None { at }, _)
            | (Task::Unknown | Task::Failed { .. }, Some(Call::Lost { at, .. })) => Some(*at),
            _ => None,
        }
    }

    /// When our task's SUCCESS was learnt.
    #[must_use]
    pub fn succeeded_at(&self) -> Option<Moment> {
        match self.task {
            Task::Succeeded { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether a new STARTED record was seen and the task has not been asked since: asking it now, instead of after
    /// the next pause, tells a fast deployment from a foreign one.
    #[must_use]
    pub fn task_is_due(&self) -> bool {
        self.task_to_ask().is_some() && self.recheck_task
    }

    /// Whether the runtime shows a final status that the task's answer would make a verdict of.
    #[must_use]
    pub fn task_can_decide(&self) -> bool {
        self.a_call_was_lost() || self.shows_an_end()
    }

    fn shows_an_end(&self) -> bool {
        self.sight
            .as_ref()
            .is_some_and(|sight| match sight.record.status {
                RuntimeStatus::Started => self.is_new(&sight.record),
                RuntimeStatus::Error => self.is_ours(&sight.record),
                _ => false,
            })
    }

    /// How long ago the latest deploy call was answered or lost.
    #[must_use]
    pub fn waited(&self, now: Moment) -> Duration {
        now.saturating_sub(self.called_at())
    }

    /// The reasons to look longer at this record.
    fn doubts(&self, record: &RuntimeArtifact) -> Vec<Doubt> {
        [
            (
                self.baseline.record.is_none() && self.existed,
                Doubt::NothingWasDeployed,
            ),
            (self.baseline.in_motion, Doubt::BaselineInMotion),
            (self.started_before_end, Doubt::StartedBeforeTaskEnded),
            (self.age(record) == Age::Backdated, Doubt::Backdated),
            (self.has_other_number(record), Doubt::OtherVersion),
            (self.rewritten, Doubt::Rewritten),
            (self.a_call_was_lost(), Doubt::CallLost),
            (
                matches!(self.task, Task::None { .. }),
                Doubt::TaskNeverVisible,
            ),
            (
                self.deployer(record) != Deployer::Us,
                Doubt::DeployedByAnother,
            ),
        ]
        .into_iter()
        .filter_map(|(applies, doubt)| applies.then_some(doubt))
        .collect()
    }

    /// Judges what is known at `now`.
    #[must_use]
    pub fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        if let Task::Failed { status, .. } = &self.task
            && !self.a_call_was_lost()
        {
            return Judgement::BuildFailed(status.clone());
        }
        if let Some(decided) = self.judge_runtime(deadline) {
            return decided;
        }
        if !deadline.passed(now) && self.call_came_to_nothing() {
            return Judgement::RepeatCall;
        }
        if let Some(profile) = self.other_runtime(now) {
            return Judgement::Undecided(Why::OtherRuntime(profile));
        }
        if deadline.passed(now) {
            Judgement::Undecided(self.why_undecided())
        } else {
            Judgement::Wait
        }
    }

    fn judge_runtime(&self, deadline: Deadline) -> Option<Judgement> {
        let built = self.built_at()?;
        let sight = self.sight.as_ref().filter(|sight| sight.latest >= built)?;
        let record = &sight.record;
        let since = sight.since.max(built);
        let stood = sight.latest.saturating_sub(since);
        let new = self.is_new(record);
        let ends = match record.status {
            RuntimeStatus::Started => new,
            RuntimeStatus::Error => self.is_ours(record),
            _ => false,
        };
        if !ends {
            return None;
        }
        match self.not_ours(record).filter(|_| new) {
            // ours may be late, but not for ever
            Some(why @ Why::DeployedBy(_)) => {
                return (stood >= STRONG_DOUBT_STANDS).then_some(Judgement::Undecided(why));
            }
            Some(_) => return None,
            None => {}
        }
        let doubts = self.doubts(record);
        let hold = |doubt: &Doubt| match doubt {
            Doubt::Backdated | Doubt::OtherVersion => STRONG_DOUBT_STANDS,
            _ => bounded(DOUBT_STANDS, since, deadline),
        };
        if record.status == RuntimeStatus::Started {
            let hold = doubts.iter().map(hold).max().unwrap_or_default();
            return (stood >= hold.max(self.settle)).then_some(Judgement::Started(doubts));
        }
        let hold = if new
            && (doubts.contains(&Doubt::Backdated) || doubts.contains(&Doubt::OtherVersion))
        {
            STRONG_DOUBT_STANDS
        } else if self.a_call_was_lost() || doubts.contains(&Doubt::DeployedByAnother) {
            DOUBT_STANDS
        } else {
            ERROR_STANDS
        };
        (stood >= hold).then_some(Judgement::StartFailed)
    }

    /// An ERROR is ours on a new record, or on the previous record when that one was not in ERROR before.
    fn is_ours(&self, record: &RuntimeArtifact) -> bool {
        self.is_new(record)
            || self.baseline.record.as_ref().is_some_and(|before| {
                before.deployed_on == record.deployed_on && before.status != RuntimeStatus::Error
            })
    }

    /// Whether a lost call has been watched long enough without anything new having appeared: a read begun after that
    /// time must have told so. An outage, which is what loses answers, tells nothing.
    fn call_came_to_nothing(&self) -> bool {
        let [Call::Lost { at, .. }] = self.calls.as_slice() else {
            return false;
        };
        let patience = if self.baseline.record.is_some() || self.sight.is_some() {
            LOST_CALL
        } else {
            LOST_FIRST_CALL
        };
        let something_new = self
            .sight
            .as_ref()
            .is_some_and(|sight| self.is_new(&sight.record));
        !something_new && self.last_read >= *at + patience
    }

    /// The other runtime, when it has been long enough since SUCCESS to believe that the flow went there.
    fn other_runtime(&self, now: Moment) -> Option<String> {
        self.invisible_elsewhere().filter(|_| {
            self.succeeded_at()
                .is_some_and(|at| now >= at + OTHER_RUNTIME)
        })
    }

    /// The runtime that the flow's profile names, while nothing new is visible in this one.
    fn invisible_elsewhere(&self) -> Option<String> {
        self.other_profile
            .clone()
            .filter(|_| self.new_record().is_none())
    }

    fn why_undecided(&self) -> Why {
        let elsewhere = self.invisible_elsewhere().map(Why::OtherRuntime);
        let not_ours = || self.new_record().and_then(|record| self.not_ours(record));
        elsewhere.or_else(not_ours).unwrap_or(Why::Deadline)
    }

    /// How long to wait before the next look: about a tenth of the time waited since the call, from `first` to 5 s;
    /// not at all when one answer of the task decides what was just seen.
    #[must_use]
    pub fn pause(&self, now: Moment, first: Duration) -> Duration {
        if self.task_is_due() {
            return Duration::ZERO;
        }
        let waited = self.waited(now);
        let longest = if self.is_standing() {
            Duration::from_secs(1)
        } else {
            Duration::from_secs(5)
        };
        (waited / 10).clamp(first.min(longest), longest)
    }

    /// Whether a final status is being watched for its standing, which wants a closer look.
    fn is_standing(&self) -> bool {
        self.built_at().is_some() && self.shows_an_end()
    }

    /// The record last seen, new or not.
    #[must_use]
    pub fn last_seen(&self) -> Option<&RuntimeArtifact> {
        self.sight.as_ref().map(|sight| &sight.record)
    }

    /// The record last seen, if it is of a later deployment than the baseline's.
    #[must_use]
    pub fn new_record(&self) -> Option<&RuntimeArtifact> {
        self.last_seen().filter(|record| self.is_new(record))
    }

    /// The record before the call.
    #[must_use]
    pub fn baseline(&self) -> &Baseline {
        &self.baseline
    }

    /// The id of the task that was watched last, for the evidence.
    #[must_use]
    pub fn task_id(&self) -> Option<&TaskId> {
        let accepted = self.calls.iter().rev().find_map(|call| match call {
            Call::Accepted { task, .. } => task.as_ref(),
            Call::Lost { .. } | Call::RefusedAgain { .. } => None,
        });
        match &self.task {
            Task::Running { id, .. } | Task::Succeeded { id, .. } | Task::Failed { id, .. } => {
                Some(id)
            }
            Task::Unknown | Task::None { .. } => accepted,
        }
    }

    /// What is known of the task, in a few words: `task T SUCCESS`.
    #[must_use]
    pub fn task_words(&self) -> String {
        match &self.task {
            Task::Unknown => "no task (the answer of the deploy call was lost)".to_owned(),
            Task::Running {
                id,
                seen: Some(status),
            } => format!("task {id} {status}"),
            Task::Running { id, seen: None } => format!("task {id} not seen"),
            Task::Succeeded { id, .. } => format!("task {id} SUCCESS"),
            Task::Failed { id, status } => format!("task {id} {status}"),
            Task::None { .. } => match self.task_id() {
                Some(id) => format!("task {id} never visible"),
                None => "no task id in the answer".to_owned(),
            },
        }
    }

    /// Why the first call's answer was lost, if it was.
    #[must_use]
    pub fn lost_why(&self) -> Option<&str> {
        self.calls.iter().find_map(|call| match call {
            Call::Lost { why, .. } => Some(why.as_str()),
            Call::Accepted { .. } | Call::RefusedAgain { .. } => None,
        })
    }

    /// Whether our build failed.
    #[must_use]
    pub fn build_failed(&self) -> bool {
        matches!(self.task, Task::Failed { .. })
    }

    /// Whether the tenant is known to have accepted a deployment.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.calls
            .iter()
            .any(|call| matches!(call, Call::Accepted { .. }))
    }
}

/// Whether a name is a person's, or that of another key.
fn is_somebody(name: &str) -> bool {
    let user_id = |name: &str| {
        let digits = name.get(1..).unwrap_or_default();
        digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    name.contains('@') || name.starts_with("sb-") || user_id(name)
}

/// A standing time, at most half of the time left since it began; whole where next to nothing is left, so that a
/// doubtful record first seen at the deadline stays undecided.
fn bounded(hold: Duration, since: Moment, deadline: Deadline) -> Duration {
    let half = deadline.left(since) / 2;
    if half < LEAST_STANDING {
        hold
    } else {
        hold.min(half)
    }
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;
