//! A mark beside the backup of a value mapping that is about to be deleted: a run that is killed before it has created it
//! anew has lost nothing, because the next one in the same directory finds the entries that only the tenant had.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Context;
use super::job::Job;
use crate::artifact::Digest;
use crate::whole_file;

/// More than any file name has, in bytes.
const LARGEST: u64 = 4096;

/// Marks the backup as the last that is known of it.
pub(super) fn mark(context: &Context<'_>, job: &Job, backup: &Path) -> io::Result<()> {
    let name = backup.file_name().unwrap_or_default().to_string_lossy();
    whole_file::replace_private(&place(context, job), |target| {
        target.write_all(name.as_bytes())
    })
}

/// The backup that an interrupted run has left, if there is one.
pub(super) fn left_over(context: &Context<'_>, job: &Job) -> Option<PathBuf> {
    let name = whole_file::read_ordinary(&place(context, job), LARGEST).ok()?;
    let name = String::from_utf8(name).ok()?;
    // a name and no path: nothing outside the directory is read
    if Path::new(&name).file_name()? != name.as_str() {
        return None;
    }
    let backup = job.rules.backup_directory.join(name);
    backup.is_file().then_some(backup)
}

/// It is there again.
pub(super) fn unmark(context: &Context<'_>, job: &Job) {
    let _ = fs::remove_file(place(context, job));
}

/// One name for each artifact of each tenant, whatever characters they have.
fn place(context: &Context<'_>, job: &Job) -> PathBuf {
    let key = format!("{}\n{}", context.tenant.host(), job.id);
    let digest = Digest::of(key.as_bytes()).to_string();
    let name = format!("flowship-replacing-{}.txt", &digest[..16]);
    job.rules.backup_directory.join(name)
}
