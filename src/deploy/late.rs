//! A mark that a deployment may still come, or has come, of content that the design time holds no more: it would look like a
//! deployment of what was put back there. As long as the mark stands, dates prove nothing.

use std::path::Path;

use super::Context;
use super::backup;
use super::job::Job;
use crate::tenant::Tenant;
use crate::tenant::wire::ArtifactId;

/// What is written down.
const WHAT: &str = "late";

/// Writes it down; a directory that can't be written is no reason to stop. `directory`: where it lies.
pub(crate) fn mark(directory: &Path, tenant: &Tenant, id: &ArtifactId) {
    let _ = backup::write_down(directory, tenant, id, WHAT, &());
}

/// Whether it stands.
pub(super) fn is_marked(context: &Context<'_>, job: &Job) -> bool {
    backup::recall::<()>(context, &job.rules.backup_directory, &job.id, WHAT).is_some()
}

/// It runs by a deployment that was watched to its end.
pub(crate) fn unmark(directory: &Path, tenant: &Tenant, id: &ArtifactId) {
    backup::forget(directory, tenant, id, WHAT);
}
