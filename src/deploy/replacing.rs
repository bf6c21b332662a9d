//! A mark beside the backup of a value mapping that is about to be deleted: a run that is killed before it has created it
//! anew has lost nothing, because the next one in the same directory finds the entries that only the tenant had.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Context;
use super::backup;
use super::job::Job;
use crate::artifact::Digest;
use crate::whole_file;

/// What is written down.
const WHAT: &str = "replacing";

/// The backup, beside the mark.
#[derive(Serialize, Deserialize)]
struct Backup {
    zip: String,
    sha256: String,
}

/// Marks the backup as the last that is known of it.
pub(super) fn mark(context: &Context<'_>, job: &Job, backup: &Path) -> io::Result<()> {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    let last = Backup {
        zip: name.into_owned(),
        sha256: Digest::of_reader(&mut File::open(backup)?)?.to_string(),
    };
    let directory = &job.rules.backup_directory;
    backup::write_down(directory, context.tenant, &job.id, WHAT, &last)
}

/// The backup that an interrupted run has left, if there is one.
pub(super) fn left_over(context: &Context<'_>, job: &Job) -> Option<PathBuf> {
    let directory = &job.rules.backup_directory;
    let last: Backup = backup::recall(context, directory, &job.id, WHAT)?;
    let zip = directory.join(last.zip);
    let mut file = whole_file::open_ordinary(&zip).ok()?;
    if Digest::of_reader(&mut file).ok()?.to_string() != last.sha256 {
        backup::warn(
            context,
            &job.id,
            &zip,
            "was changed since flowship wrote it",
        );
        return None;
    }
    Some(zip)
}

/// It is there again.
pub(super) fn unmark(context: &Context<'_>, job: &Job) {
    backup::forget(&job.rules.backup_directory, context.tenant, &job.id, WHAT);
}
