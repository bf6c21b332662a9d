//! What the runtime shows, for all who ask before anything is under way.

use crate::clock::{Clock, Deadline};
use crate::http::retry;
use crate::pacing;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::ArtifactId;
use crate::tenant::{RuntimeList, RuntimeReading, Tenant};

/// The list of everything that runs; `None` where it is not worth it for so many artifacts, or not offered: each of them can
/// be asked for.
///
/// # Errors
/// When the tenant does not answer.
pub fn list(
    tenant: &Tenant,
    count: usize,
    deadline: Deadline,
) -> Result<Option<RuntimeList>, TenantError> {
    if count < pacing::LIST_FROM {
        return Ok(None);
    }
    match tenant.runtime_artifacts(deadline) {
        Ok(list) => Ok(Some(list)),
        Err(error) if matches!(error.kind, Kind::Refused | Kind::Nonsense) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the runtime shows of one; "not found" is believed when it is answered twice.
///
/// # Errors
/// When the tenant does not answer.
pub fn record(
    tenant: &Tenant,
    id: &ArtifactId,
    clock: Clock,
    deadline: Deadline,
) -> Result<RuntimeReading, TenantError> {
    let first = tenant.runtime_artifact(id, deadline)?;
    if first.record.is_some() {
        return Ok(first);
    }
    clock.sleep(retry::pause_before(1));
    tenant.runtime_artifact(id, deadline)
}
