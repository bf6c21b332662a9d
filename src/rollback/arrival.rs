//! A deployment that nobody decided about may still come after the design time was put back: it is awaited for a while, and
//! what it replaces is put back then.

use super::decision;
use crate::deploy::Context;
use crate::deploy::evidence::ABSENCES;
use crate::deploy::outcome::{Outcome, Sent, Word};
use crate::pacing::{self, Wait};
use crate::tenant::TaskReading;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{ArtifactId, BuildStatus, TaskId};

/// What became of a deployment of this run, after the design time alone was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// What ran before runs no longer.
    Came,
    /// It has ended, and what ran before goes on running.
    Ended,
    /// It may still come.
    Open,
}

/// One flow that went on running when the design time was put back.
pub struct Watched {
    id: ArtifactId,
    /// When it was deployed.
    deployed: Option<TenantTime>,
    task: Option<TaskId>,
    /// Nobody knows yet what becomes of this run's deployment.
    open: bool,
    absent: u32,
    late: Late,
}

impl Watched {
    /// `deployed`: when the deployment of before was.
    pub fn new(outcome: &Outcome, deployed: Option<TenantTime>) -> Self {
        Self {
            id: ArtifactId(outcome.id.clone()),
            deployed,
            task: outcome.task.clone().map(TaskId),
            open: is_open(outcome),
            absent: 0,
            late: Late::Open,
        }
    }

    pub fn late(&self) -> Late {
        self.late
    }

    fn look(&mut self, context: &Context<'_>) {
        let seen = context
            .tenant
            .runtime_artifact_once(&self.id, context.deadline);
        let Ok(Some(reading)) = seen else {
            return;
        };
        let record = reading.record;
        if !decision::still_runs(self.deployed, record.as_ref()) {
            self.absent += 1;
            if record.is_some() || self.absent >= ABSENCES {
                self.late = Late::Came;
            }
        } else if !self.open || self.has_failed(context) {
            self.late = Late::Ended;
        }
    }

    fn has_failed(&self, context: &Context<'_>) -> bool {
        let ask = |task| {
            context
                .tenant
                .build_and_deploy_status(task, context.deadline)
        };
        let status = self.task.as_ref().map(ask);
        matches!(status, Some(Ok(TaskReading::Status(BuildStatus::Fail(_)))))
    }
}

/// Whether a deployment of this run may still come.
fn is_open(outcome: &Outcome) -> bool {
    outcome.sent == Sent::Call
        && matches!(
            outcome.verdict.word,
            Word::Undecided | Word::Unreachable | Word::Skipped
        )
}

/// Looks at all of them until each is decided, at most for half of the time left.
pub fn watch(context: &Context<'_>, mut all: Vec<&mut Watched>) {
    let now = context.clock.now();
    let until = now + context.deadline.left(now) / 2;
    let wait = Wait::until(until, pacing::FIRST, &context.clock);
    let mut told = false;
    loop {
        for one in all.iter_mut().filter(|one| one.late == Late::Open) {
            one.look(context);
        }
        if all.iter().all(|one| one.late != Late::Open) || wait.is_over() {
            return;
        }
        if !told {
            told = true;
            tell(context, &all);
        }
        wait.pause();
    }
}

fn tell(context: &Context<'_>, all: &[&mut Watched]) {
    for one in all.iter().filter(|one| one.late == Late::Open && one.open) {
        context.ledger.progress(
            &one.id.0,
            "the design time is put back; waiting whether the deployment of this run still comes",
        );
    }
}
