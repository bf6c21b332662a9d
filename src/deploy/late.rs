//! A mark that a deployment may still come, or has come, of content that the design time holds no more: it would look like a
//! deployment of what was put back there. As long as the mark stands, dates prove nothing.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::backup;
use crate::tenant::Tenant;
use crate::tenant::wire::ArtifactId;
use crate::whole_file;

/// More than any mark has, in bytes.
const LARGEST: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Mark {
    tenant: String,
    artifact: String,
}

/// Writes it down; a directory that can't be written is no reason to stop. `directory`: where it lies.
pub(crate) fn mark(directory: &Path, tenant: &Tenant, id: &ArtifactId) {
    let mark = Mark {
        tenant: tenant.root(),
        artifact: id.0.clone(),
    };
    if let Ok(text) = serde_json::to_vec_pretty(&mark) {
        let place = backup::place(directory, tenant, id, "late");
        let _ = whole_file::replace_private(&place, |target| target.write_all(&text));
    }
}

/// Whether it stands.
pub(super) fn is_marked(directory: &Path, tenant: &Tenant, id: &ArtifactId) -> bool {
    let place = backup::place(directory, tenant, id, "late");
    let text = whole_file::read_ordinary(&place, LARGEST).ok();
    let mark = text.and_then(|text| serde_json::from_slice::<Mark>(&text).ok());
    mark.is_some_and(|mark| mark.tenant == tenant.root() && mark.artifact == id.0)
}

/// It runs by a deployment that was watched to its end.
pub(crate) fn unmark(directory: &Path, tenant: &Tenant, id: &ArtifactId) {
    let _ = fs::remove_file(backup::place(directory, tenant, id, "late"));
}
