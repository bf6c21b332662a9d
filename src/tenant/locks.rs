//! Who has an artifact open in the web UI.

use serde::Deserialize;

use super::Tenant;
use super::exchange::Ask;
use super::odata::{self, TenantTime};
use super::wire::{ArtifactId, date};
use crate::clock::Deadline;
use crate::text::{SafeText, Words};

/// The design-time locks. In `$metadata`, not in the published specification (cpi-api.md §4.7).
const LOCKS: &str = "IntegrationDesigntimeLocks";

/// One lock.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lock {
    #[serde(default)]
    resource_id: SafeText,
    #[serde(default)]
    artifact_id: SafeText,
    #[serde(default)]
    created_by: SafeText,
    #[serde(default, deserialize_with = "date")]
    created_at: Option<TenantTime>,
}

impl Tenant {
    /// Who holds the lock of an artifact, and since when. Asked once, and for a message only: `None` where the key lacks
    /// `WorkspaceArtifactLocksRead`, or the tenant does not tell.
    pub fn lock_of(&self, id: &ArtifactId, deadline: Deadline) -> Option<Words> {
        let ask = Ask::of_designtime(LOCKS);
        let reading = self.read_once(&ask, deadline, |answer| {
            odata::collection::<Lock>(&answer.body)
        });
        let page = reading.ok()?.found()?;
        let is_it = |lock: &&Lock| lock.artifact_id == id.0 || lock.resource_id == id.0;
        let lock = page.results.iter().find(is_it)?;
        let since = lock.created_at.map(|date| format!(" since {date}"));
        let since = since.unwrap_or_default();
        (!lock.created_by.is_empty()).then(|| self.words(&format!("{}{since}", lock.created_by)))
    }
}
