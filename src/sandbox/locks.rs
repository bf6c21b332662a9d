//! `IntegrationDesigntimeLocks`: who has an artifact open in the web UI. In the metadata, not in the specification
//! (cpi-api.md §4.7). Read only.

use super::answer::{Answer, Refusal};
use super::bundle::hex;
use super::call::Call;
use super::entity::{Entity, Property};
use super::path::key_literal;
use super::state::{Artifact, Stamp, Tenant};

/// The set.
pub(super) const LOCKS: &str = "IntegrationDesigntimeLocks";

pub(super) fn answer(tenant: &Tenant, call: &Call) -> Result<Answer, Refusal> {
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.list(
            LOCKS,
            tenant.artifacts.values().filter_map(entity).collect(),
        ),
        _ => Err(Refusal::not_simulated("Releasing a design-time lock")),
    }
}

fn entity(artifact: &Artifact) -> Option<Entity> {
    let Stamp { millis, by } = artifact.lock.as_ref()?;
    let resource = hex(artifact.id.as_bytes());
    Some(Entity {
        set: LOCKS,
        kind: "IntegrationDesigntimeLock",
        key: key_literal(&resource),
        properties: vec![
            ("ResourceId", Property::text(&resource)),
            ("ArtifactId", Property::text(&artifact.id)),
            ("ArtifactName", Property::text(&artifact.name)),
            ("ArtifactType", Property::text(artifact.kind.bundle_type())),
            ("CreatedAt", Property::text(millis.to_string())),
            ("CreatedBy", Property::text(by)),
            ("PackageId", Property::text(&artifact.package)),
            ("PackageName", Property::text(&artifact.package)),
        ],
        links: Vec::new(),
        expanded: Vec::new(),
        media: false,
    })
}
