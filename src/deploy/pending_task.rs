//! The task of a deployment that has no verdict yet, written down: no call of the API lists tasks, so only from here does the
//! next run know that a deployment is on its way when this one is killed. (cpi-api.md §5.2)

use super::Context;
use super::backup;
use super::job::Job;
use crate::tenant::wire::TaskId;

/// What is written down.
const WHAT: &str = "task";

/// Writes it down. A directory that can't be written is no reason to stop.
pub(super) fn mark(context: &Context<'_>, job: &Job, task: &TaskId) {
    let directory = &job.rules.backup_directory;
    let _ = backup::write_down(directory, context.tenant, &job.id, WHAT, &task.0);
}

/// The task that an earlier run has left without a verdict.
pub(super) fn left_over(context: &Context<'_>, job: &Job) -> Option<TaskId> {
    backup::recall(context, &job.rules.backup_directory, &job.id, WHAT).map(TaskId)
}

/// It has its verdict.
pub(super) fn unmark(context: &Context<'_>, job: &Job) {
    let directory = &job.rules.backup_directory;
    backup::forget(directory, context.tenant, &job.id, WHAT);
}
