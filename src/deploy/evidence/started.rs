//! Whether our content is started. Two things make that true: the task of *our* call, and a runtime record that is newer
//! than the one read before the call, and than our own save and call. Neither is enough: a task that ended SUCCESS only
//! built and distributed the content, and a record that is STARTED may be the previous one, which keeps running until the
//! new one has started, and comes back when the runtime has restarted.

mod task;

use std::collections::BTreeSet;
use std::time::Duration;

use self::task::Task;
use super::doubts::{Age, Deployer, Doubt, Origin, Ours, Why};
use super::{Baseline, Call, Look, Observations, RuntimeAnswer};
use crate::clock::{Deadline, Moment};
use crate::pacing::{self, Stage};
use crate::tenant::TaskReading;
use crate::tenant::wire::{BuildStatus, RuntimeArtifact, RuntimeStatus, TaskId};

/// How long an ERROR must stand before it is believed, because tenants flap: two thirds of the time left where that is less, but
/// never less than the other.
const ERROR_STANDS: Duration = Duration::from_secs(10);
const ERROR_STANDS_AT_LEAST: Duration = Duration::from_secs(4);
/// How long a STARTED about which there is a doubt must stand.
const DOUBT_STANDS: Duration = Duration::from_secs(8);
/// How long a record must stand that is most likely not of our deployment.
const STRONG_DOUBT_STANDS: Duration = Duration::from_secs(60);
/// The shortest standing that says anything.
const LEAST_STANDING: Duration = Duration::from_millis(500);
/// How long a task may be "not found" before it counts as not visible.
const TASK_UNSEEN: Duration = Duration::from_secs(10);
/// How long the runtime is watched for a deployment whose call was not answered.
const LOST_CALL: Duration = Duration::from_secs(75);
/// The same where nothing was deployed before: such a deployment is never postponed.
const LOST_FIRST_CALL: Duration = Duration::from_secs(20);
/// How long after SUCCESS a flow that is meant for another runtime may stay invisible.
const OTHER_RUNTIME: Duration = Duration::from_secs(120);

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The new content is started, with these doubts outlived; the seal is still to be checked.
    Started(Vec<Doubt>),
    /// The build failed: the task's status.
    BuildFailed(BuildStatus),
    /// The new deployment stands in ERROR.
    StartFailed,
    /// The deadline, or no hope before it.
    Undecided(Why),
}

/// What is to be done about a deployment.
pub type Judgement = super::Judgement<End>;

/// Everything observed of one deployment.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The runtime, and the calls.
    pub seen: Observations,
    ours: Ours,
    settle: Duration,
    task: Task,
    task_asked: Moment,
    /// The version was read again since the runtime showed another one.
    version_confirmed: bool,
    /// When a new STARTED record was first seen.
    new_started: Option<Moment>,
    recheck_task: bool,
    started_before_end: bool,
    other_profile: Option<String>,
    /// Names in `DeployedBy` that are not known to be ours.
    strangers: BTreeSet<String>,
    /// A deployment of before the call that the baseline did not show: the runtime was restarting, or a list was behind.
    pub earlier: Option<RuntimeArtifact>,
}

impl Evidence {
    /// Evidence before the deploy call. `settle`: how long STARTED must stand in any case.
    pub fn new(baseline: Baseline, ours: Ours, settle: Duration) -> Self {
        Self {
            seen: Observations::new(baseline),
            ours,
            settle,
            task: Task::Unknown,
            task_asked: Moment::ZERO,
            version_confirmed: false,
            new_started: None,
            recheck_task: false,
            started_before_end: false,
            other_profile: None,
            strangers: BTreeSet::new(),
            earlier: None,
        }
    }

    /// Takes note of how a deploy call was taken.
    pub fn called(&mut self, call: Call) {
        if let Call::Accepted { at, task, .. } = &call {
            self.task = match task {
                Some(id) => Task::Running {
                    id: id.clone(),
                    seen: None,
                    missing: Some(*at),
                },
                None => Task::None {
                    at: *at,
                    seen: None,
                },
            };
        }
        self.seen.called(call);
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
    pub fn version_is_due(&self) -> bool {
        let shown = self.new_record().filter(|_| !self.version_confirmed);
        self.ours.numbers_agree
            && shown.is_some_and(|record| self.origin().has_other_number(record))
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            ours: &self.ours,
            seen: &self.seen,
            strangers: &self.strangers,
        }
    }

    /// Takes note of an answer about the task, to a question asked at `begun` and answered at `ended`.
    pub fn task_answered(&mut self, begun: Moment, ended: Moment, answer: TaskReading) {
        let called_at = self.seen.called_at();
        let Task::Running { id, seen, missing } = &mut self.task else {
            return;
        };
        self.task_asked = begun;
        self.recheck_task = false;
        let is_missing = match answer {
            TaskReading::Status(status) => {
                let id = id.clone();
                return self.task_status(id, status, begun, ended);
            }
            TaskReading::NotOffered => true,
            TaskReading::NotFound => ended >= *missing.get_or_insert(begun) + TASK_UNSEEN,
            TaskReading::NotSeen => false,
        };
        if is_missing {
            self.task = Task::None {
                at: called_at,
                seen: seen.take(),
            };
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
                missing: None,
            },
        };
    }

    /// Takes note of a look at the runtime. A record that a list did not show may have been there all the time, so one that
    /// was read alone counts against such a list only when it is later.
    pub fn looked(&mut self, mut look: Look) {
        let baseline = &self.seen.baseline;
        if let RuntimeAnswer::Record(record) = &look.answer {
            let origin = self.origin();
            if origin.saw_nothing_before()
                && record.status == RuntimeStatus::Started
                && origin.age(record) != Age::New
            {
                self.earlier.get_or_insert_with(|| record.clone());
            }
            let is_comparable = look.by_list
                || !baseline.by_list
                || baseline.record.is_some()
                || (baseline.answered.is_some() && record.deployed_on > baseline.answered);
            if !is_comparable {
                look.answer = RuntimeAnswer::NotSeen;
            } else if record.status == RuntimeStatus::Started
                && self.is_new(record)
                && self.new_started.is_none()
            {
                self.new_started = Some(look.ended);
                self.recheck_task = true;
            }
        }
        self.seen.looked(look);
    }

    /// Whether a record may be of our deployment, by its date.
    fn is_new(&self, record: &RuntimeArtifact) -> bool {
        self.origin().age(record) != Age::Old
    }

    /// The task to ask for, if its answer can still decide something.
    pub fn task_to_ask(&self) -> Option<&TaskId> {
        match &self.task {
            Task::Running { id, .. } => Some(id),
            _ => None,
        }
    }

    /// How long the task has not been asked.
    pub fn task_unasked(&self, now: Moment) -> Duration {
        now.saturating_sub(self.task_asked.max(self.seen.called_at()))
    }

    /// Since when the deployment counts as built: readings begun earlier prove nothing.
    fn built_at(&self) -> Option<Moment> {
        match (&self.task, self.seen.calls.first()) {
            (Task::Succeeded { at, .. } | Task::None { at, .. }, _)
            | (Task::Unknown | Task::Failed { .. }, Some(Call::Lost { at, .. })) => Some(*at),
            _ => None,
        }
    }

    /// When our task's SUCCESS was learnt.
    pub fn succeeded_at(&self) -> Option<Moment> {
        match self.task {
            Task::Succeeded { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether a new STARTED record was seen and the task has not been asked since: asking it now, instead of after
    /// the next pause, tells a fast deployment from a foreign one.
    pub fn task_is_due(&self) -> bool {
        self.task_to_ask().is_some() && self.recheck_task
    }

    /// Whether the runtime shows a final status that the task's answer would make a verdict of.
    pub fn task_can_decide(&self) -> bool {
        self.seen.lost().is_some() || self.shows_an_end()
    }

    /// Whether the task tells all that there is to know for now: it is being built, and the runtime can show nobody else's
    /// content, because this run has created the artifact.
    pub fn task_suffices(&self, now: Moment) -> bool {
        let looked = self.seen.looked.max(self.seen.called_at());
        self.is_created()
            && now < looked + pacing::TASK_ALONE
            && matches!(
                self.task,
                Task::Running {
                    seen: Some(BuildStatus::Deploying),
                    missing: None,
                    ..
                }
            )
    }

    /// Whether the artifact exists by this run alone, and nothing ran before it.
    fn is_created(&self) -> bool {
        !self.ours.existed && self.seen.baseline.record.is_none()
    }

    fn shows_an_end(&self) -> bool {
        let record = self.seen.last_seen();
        record.is_some_and(|record| self.is_an_end(record))
    }

    /// Whether this is how our deployment may have ended.
    fn is_an_end(&self, record: &RuntimeArtifact) -> bool {
        match record.status {
            RuntimeStatus::Started => self.is_new(record),
            RuntimeStatus::Error => self.is_ours(record),
            _ => false,
        }
    }

    /// The reasons to look longer at this record.
    fn doubts(&self, record: &RuntimeArtifact) -> Vec<Doubt> {
        let origin = self.origin();
        let unseen = match &self.task {
            Task::None { seen: Some(_), .. } => Some(Doubt::TaskForgotten),
            // what this run created, and nothing ran of, nobody else can have deployed
            Task::None { seen: None, .. } if !self.is_created() => Some(Doubt::TaskNeverVisible),
            _ => None,
        };
        let applies = |applies: bool, doubt| applies.then_some(doubt);
        [
            applies(origin.saw_nothing_before(), Doubt::NothingWasDeployed),
            applies(self.seen.baseline.in_motion(), Doubt::BaselineInMotion),
            applies(self.started_before_end, Doubt::StartedBeforeTaskEnded),
            applies(origin.age(record) == Age::Backdated, Doubt::Backdated),
            applies(origin.has_other_number(record), Doubt::OtherVersion),
            applies(self.ours.rewritten, Doubt::Rewritten),
            applies(self.seen.lost().is_some(), Doubt::CallLost),
            unseen,
            applies(
                origin.deployer(record) != Deployer::Us,
                Doubt::DeployedByAnother,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Judges what is known at `now`.
    pub fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        if let Task::Failed { status, .. } = &self.task
            && self.seen.lost().is_none()
        {
            return Judgement::Ended(End::BuildFailed(status.clone()));
        }
        if let Some(end) = self.judge_runtime(deadline) {
            return Judgement::Ended(end);
        }
        if deadline.passed(now) {
            return Judgement::Ended(End::Undecided(self.why_undecided()));
        }
        if self.call_came_to_nothing() {
            return Judgement::Call;
        }
        match self.invisible_elsewhere() {
            Some(profile) if (self.succeeded_at()).is_some_and(|at| now >= at + OTHER_RUNTIME) => {
                Judgement::Ended(End::Undecided(Why::OtherRuntime(profile)))
            }
            _ => Judgement::Wait,
        }
    }

    fn judge_runtime(&self, deadline: Deadline) -> Option<End> {
        let (record, since, stood) = self.seen.standing(self.built_at()?)?;
        if !self.is_an_end(record) {
            return None;
        }
        let new = self.is_new(record);
        match self.origin().not_ours(record).filter(|_| new) {
            // ours may be late, but not for ever
            Some(why @ Why::DeployedBy(_)) => {
                return (stood >= STRONG_DOUBT_STANDS).then_some(End::Undecided(why));
            }
            Some(_) => return None,
            None => {}
        }
        let doubts = self.doubts(record);
        let strong = |doubt: &Doubt| matches!(doubt, Doubt::Backdated | Doubt::OtherVersion);
        if record.status == RuntimeStatus::Started {
            let hold = |doubt: &Doubt| {
                if strong(doubt) {
                    STRONG_DOUBT_STANDS
                } else {
                    bounded(DOUBT_STANDS, since, deadline)
                }
            };
            let hold = doubts.iter().map(hold).max().unwrap_or_default();
            return (stood >= hold.max(self.settle)).then_some(End::Started(doubts));
        }
        let hold = if new && doubts.iter().any(strong) {
            STRONG_DOUBT_STANDS
        } else {
            (deadline.left(since) * 2 / 3).clamp(ERROR_STANDS_AT_LEAST, ERROR_STANDS)
        };
        (stood >= hold).then_some(End::StartFailed)
    }

    /// An ERROR is ours on a new record, or on the previous record when that one was not in ERROR before.
    fn is_ours(&self, record: &RuntimeArtifact) -> bool {
        self.is_new(record)
            || self.seen.baseline.record.as_ref().is_some_and(|before| {
                before.deployed_on == record.deployed_on && before.status != RuntimeStatus::Error
            })
    }

    /// Whether a lost call has been watched long enough without anything new having appeared: a read begun after that
    /// time must have told so. An outage, which is what loses answers, tells nothing.
    fn call_came_to_nothing(&self) -> bool {
        let [Call::Lost { at, .. }] = self.seen.calls.as_slice() else {
            return false;
        };
        let patience = if self.seen.baseline.record.is_some() || self.seen.last_seen().is_some() {
            LOST_CALL
        } else {
            LOST_FIRST_CALL
        };
        self.new_record().is_none() && self.seen.told >= *at + patience
    }

    /// The runtime that the flow's profile names, while nothing new is visible in this one.
    fn invisible_elsewhere(&self) -> Option<String> {
        self.other_profile
            .clone()
            .filter(|_| self.new_record().is_none())
    }

    fn why_undecided(&self) -> Why {
        let elsewhere = self.invisible_elsewhere().map(Why::OtherRuntime);
        let not_ours = || self.origin().not_ours(self.new_record()?);
        elsewhere.or_else(not_ours).unwrap_or(Why::Deadline)
    }

    /// How long to wait before the next look: not at all when one answer of the task decides what was just seen.
    pub fn pause(&self, now: Moment, first: Duration) -> Duration {
        if self.task_is_due() {
            return Duration::ZERO;
        }
        let nothing_new = self.new_started.is_none() && self.new_record().is_none();
        let stage = match &self.task {
            _ if self.built_at().is_some() && self.shows_an_end() => Stage::Standing,
            Task::Running { .. } if nothing_new => Stage::Build,
            _ => Stage::Change,
        };
        pacing::pause(self.seen.waited(now), first, stage)
    }

    /// The record last seen, if it is of a later deployment than the baseline's.
    pub fn new_record(&self) -> Option<&RuntimeArtifact> {
        self.seen.last_seen().filter(|record| self.is_new(record))
    }

    /// The id of the task that was watched last, for the evidence.
    pub fn task_id(&self) -> Option<&TaskId> {
        self.seen.calls.iter().rev().find_map(|call| match call {
            Call::Accepted { task, .. } => task.as_ref(),
            Call::Lost { .. } | Call::NotDone { .. } => None,
        })
    }

    /// What is known of the task, in a few words: `task T SUCCESS`.
    pub fn task_words(&self) -> String {
        match self.task.state(self.task_id()) {
            (Some(id), state) => format!("task {id} {state}"),
            (None, state) => state,
        }
    }

    /// The same without the id, which tells a reader nothing: `task SUCCESS`.
    pub fn task_progress(&self) -> String {
        match self.task.state(self.task_id()) {
            (Some(_), state) => format!("task {state}"),
            (None, state) => state,
        }
    }

    /// Whether our build failed.
    pub fn build_failed(&self) -> bool {
        matches!(self.task, Task::Failed { .. })
    }
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
