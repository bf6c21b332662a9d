//! `IntegrationDesigntimeLocks`: who has an artifact open in the web UI. In the metadata, not in the specification
//! (cpi-api.md §4.7). Read only.

use super::answer::{Answered, Refusal};
use super::bundle::hex;
use super::call::Call;
use super::entity::{Entity, Property, text};
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
    Some(LOCKS.entity(vec![
        text(hex(artifact.id.as_bytes())),
        text(&artifact.id),
        text(&artifact.name),
        text(artifact.kind.bundle_type()),
        text(&artifact.package),
        text(&artifact.package),
        Property::Date(lock.millis),
        text(&lock.by),
    ]))
}
