//! Who has an artifact open in the web UI.

use serde::Deserialize;

use super::Tenant;
use super::exchange::Ask;
use super::odata::{self, TenantTime};
use super::reading::Reading;
use super::wire::ArtifactId;
use crate::clock::Deadline;
use crate::text::{SafeText, Words};

/// The design-time locks. In `$metadata`, not in the published specification (cpi-api.md §4.7).
const LOCKS: &str = "IntegrationDesigntimeLocks";

/// One lock.
#[derive(Deserialize)]
struct Lock {
    #[serde(rename = "ResourceId", default)]
    resource: SafeText,
    #[serde(rename = "ArtifactId", default)]
    artifact: SafeText,
    #[serde(rename = "CreatedBy", default)]
    created_by: SafeText,
    #[serde(rename = "CreatedAt", default)]
    created_at: serde_json::Value,
}

impl Tenant {
    /// Who holds the lock of an artifact, and since when. Asked once, and for a message only: `None` where the key lacks
    /// `WorkspaceArtifactLocksRead`, or the tenant does not tell.
    pub fn lock_of(&self, id: &ArtifactId, deadline: Deadline) -> Option<Words> {
        let ask = Ask::of_designtime(LOCKS);
        let reading = self.read_once(&ask, deadline, |answer| {
            odata::collection::<Lock>(&answer.body)
        });
        let Ok(Reading::Found(page)) = reading else {
            return None;
        };
        let is_it = |lock: &&Lock| lock.artifact == id.0 || lock.resource == id.0;
        let lock = page.results.iter().find(is_it)?;
        let since = TenantTime::from_json(&lock.created_at)
            .map(|date| format!(" since {date}"))
            .unwrap_or_default();
        (!lock.created_by.is_empty()).then(|| self.words(&format!("{}{since}", lock.created_by)))
    }
}
