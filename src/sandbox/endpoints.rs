//! `ServiceEndpoints`: the HTTPS sender addresses of flows that are started.

use serde_json::json;

use super::answer::{Answered, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle;
use super::call::{Call, Setting};
use super::clock::Seconds;
use super::entity::{Entity, date};
use super::model::{ENDPOINTS, ENTRY_POINTS};
use super::path::encode;
use super::state::{Record, Tenant};

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    let listed = called_from(tenant, call.setting, call.now, "endpoint-list-late");
    let listed = listed.filter(|(id, _)| {
        !call.is_for("no-endpoint", id) && tenant.running(id, call.now).is_some()
    });
    let entities = listed.flat_map(|(id, record)| {
        let addresses = addresses(record).into_iter();
        addresses.map(|address| entity(id, record, &address, call))
    });
    match call.rest().as_slice() {
        [] | ["$count"] => call.all(ENDPOINTS.name, entities.collect()),
        _ => Err(Refusal::not_implemented()),
    }
}

/// The flows that are started, and have been for as long as a scenario says.
pub fn called_from<'t>(
    tenant: &'t Tenant,
    setting: &'t Setting,
    now: Seconds,
    late: &'static str,
) -> impl Iterator<Item = (&'t str, &'t Record)> {
    tenant.runtime.iter().filter_map(move |(id, runtime)| {
        let (since, record) = runtime.shown(now)?;
        let late = setting.scenarios.seconds_of(late, id).unwrap_or(0.0);
        let is_called = record.kind == ArtifactType::IntegrationFlow
            && record.status == "STARTED"
            && since + late <= now;
        is_called.then_some((id.as_str(), record))
    })
}

/// Values of `urlPath` in the flow's model; those that refer to a parameter take its value.
pub fn addresses(record: &Record) -> Vec<String> {
    let properties = bundle::model_properties(&record.content.zip).into_iter();
    let values = properties.filter(|(key, _)| key == "urlPath");
    values.map(|(_, value)| resolved(value, record)).collect()
}

fn resolved(value: String, record: &Record) -> String {
    let name = value
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let configured = name.and_then(|name| record.content.parameters.get(name));
    configured.cloned().unwrap_or(value)
}

fn entity(id: &str, record: &Record, address: &str, call: &Call) -> Entity {
    let id = if call.chosen("endpoint-names") {
        &record.name
    } else {
        id
    };
    let below = address.trim_start_matches('/');
    let url = format!(
        "{}/http/{}",
        call.setting.host(),
        encode(below).replace("%2F", "/")
    );
    let entity = ENDPOINTS.entity(&json!([
        id,
        format!("{id}$endpointAddress={below}"),
        record.name,
        record.version,
        "",
        "",
        date(record.deployed_on),
        "REST",
    ]));
    let expanded = call.query.get("$expand").unwrap_or_default();
    if !expanded.split(',').any(|name| name == ENTRY_POINTS.name) {
        return entity;
    }
    let point = ENTRY_POINTS.entity(&json!([address, url, "PROD", ""]));
    entity.expand(ENTRY_POINTS.name, vec![point])
}
