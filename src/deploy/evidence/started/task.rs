//! The task of our call, as far as it is known.

use crate::clock::Moment;
use crate::tenant::wire::{BuildStatus, TaskId};

/// What is known of the task of our call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// No deploy call was answered yet.
    Unknown,
    /// Asked for, with the last status seen, if any, and since when it is "not found".
    Running {
        id: TaskId,
        seen: Option<BuildStatus>,
        missing: Option<Moment>,
    },
    /// Ended SUCCESS; known since.
    Succeeded { id: TaskId, at: Moment },
    /// Ended in a status that begins with FAIL.
    Failed { id: TaskId, status: BuildStatus },
    /// The tenant offers none, or shows it no more; the deployment counts as built since the call was answered.
    None {
        at: Moment,
        seen: Option<BuildStatus>,
    },
}

impl Task {
    /// Its id, if it has one, and its state in a few words. `id`: that of the task that was watched last.
    pub fn state<'a>(&'a self, id: Option<&'a TaskId>) -> (Option<&'a TaskId>, String) {
        match self {
            Task::Unknown => (
                None,
                "no task (the answer of the deploy call was lost)".to_owned(),
            ),
            Task::Running {
                id,
                seen: Some(status),
                ..
            }
            | Task::Failed { id, status } => (Some(id), status.to_string()),
            Task::Running { id, seen: None, .. } => (Some(id), "not seen".to_owned()),
            Task::Succeeded { id, .. } => (Some(id), "SUCCESS".to_owned()),
            Task::None { seen, .. } => match (id, seen) {
                (Some(id), Some(status)) => (Some(id), format!("{status}, then not visible")),
                (Some(id), None) => (Some(id), "never visible".to_owned()),
                (None, _) => (None, "no task id in the answer".to_owned()),
            },
        }
    }
}
