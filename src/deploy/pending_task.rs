//! The task of a deployment that has no verdict yet, written down: no call of the API lists tasks, so only from here does the
//! next run know that a deployment is on its way when this one is killed. (cpi-api.md §5.2)

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Context;
use super::backup;
use super::job::Job;
use crate::tenant::wire::TaskId;
use crate::whole_file;

/// More than any such file has, in bytes.
const LARGEST: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Pending {
    tenant: String,
    artifact: String,
    task: String,
}

/// Writes it down. A directory that can't be written is no reason to stop.
pub(super) fn mark(context: &Context<'_>, job: &Job, task: &TaskId) {
    let pending = Pending {
        tenant: context.tenant.root(),
        artifact: job.id.0.clone(),
        task: task.0.clone(),
    };
    if let Ok(text) = serde_json::to_vec_pretty(&pending) {
        let _ = whole_file::replace_private(&place(context, job), |target| target.write_all(&text));
    }
}

/// The task that an earlier run has left without a verdict.
pub(super) fn left_over(context: &Context<'_>, job: &Job) -> Option<TaskId> {
    let text = whole_file::read_ordinary(&place(context, job), LARGEST).ok()?;
    let pending: Pending = serde_json::from_slice(&text).ok()?;
    let is_about = pending.tenant == context.tenant.root() && pending.artifact == job.id.0;
    is_about.then_some(TaskId(pending.task))
}

/// It has its verdict.
pub(super) fn unmark(context: &Context<'_>, job: &Job) {
    let _ = fs::remove_file(place(context, job));
}

fn place(context: &Context<'_>, job: &Job) -> PathBuf {
    let directory = &job.rules.backup_directory;
    backup::place(directory, context.tenant, &job.id, "task")
}
