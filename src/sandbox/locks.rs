//! `IntegrationDesigntimeLocks`: who has an artifact open in the web UI. In the metadata, not in the specification
//! (cpi-api.md §4.7). Read only.

use serde_json::json;

use super::answer::{Answered, Refusal};
use super::bundle::hex;
use super::call::Call;
use super::entity::{Entity, date};
use super::model::LOCKS;
use super::state::{Artifact, Tenant};

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => {
            let locked = tenant.artifacts.values().filter_map(entity);
            call.all(LOCKS.name, locked.collect())
        }
        _ => Err(Refusal::not_simulated("Releasing a design-time lock")),
    }
}

fn entity(artifact: &Artifact) -> Option<Entity> {
    let lock = artifact.lock.as_ref()?;
    Some(LOCKS.entity(&json!([
        hex(artifact.id.as_bytes()),
        artifact.id,
        artifact.name,
        artifact.kind.bundle_type(),
        artifact.package,
        artifact.package,
        date(lock.millis),
        lock.by,
    ])))
}
