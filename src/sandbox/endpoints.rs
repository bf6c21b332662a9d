//! `ServiceEndpoints`: the HTTPS sender addresses of flows that are started.

use super::answer::{Answer, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle;
use super::call::Call;
use super::entity::{Entity, Property};
use super::path::{encode, key_literal};
use super::state::{Record, Tenant};

pub(super) fn answer(tenant: &Tenant, call: &Call) -> Result<Answer, Refusal> {
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.list("ServiceEndpoints", entities(tenant, call)),
        ("GET", ["$count"]) => call.count(entities(tenant, call)),
        _ => Err(Refusal::not_implemented()),
    }
}

fn entities(tenant: &Tenant, call: &Call) -> Vec<Entity> {
    let scenarios = &call.setting.scenarios;
    let started = tenant.runtime.iter().filter_map(|(id, runtime)| {
        let late = scenarios
            .seconds_of("endpoint-list-late", id)
            .unwrap_or(0.0);
        let since = runtime.shown(call.now)?.0;
        let listed = scenarios.of_artifact("no-endpoint", id).is_none() && since + late <= call.now;
        let record = tenant.running(id, call.now).filter(|_| listed)?;
        (record.status == "STARTED" && record.kind == ArtifactType::IntegrationFlow)
            .then_some((id, record))
    });
    started
        .flat_map(|(id, record)| of_flow(id, record, call))
        .collect()
}

fn of_flow(id: &str, record: &Record, call: &Call) -> Vec<Entity> {
    addresses(record)
        .iter()
        .map(|address| entity(id, record, address, call))
        .collect()
}

/// Values of `urlPath` in the flow's model; those that refer to a parameter take its value.
pub(super) fn addresses(record: &Record) -> Vec<String> {
    bundle::model_properties(&record.content.zip)
        .into_iter()
        .filter(|(key, _)| key == "urlPath")
        .map(|(_, value)| resolved(value, record))
        .collect()
}

fn resolved(value: String, record: &Record) -> String {
    let name = value
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"));
    name.and_then(|name| record.content.parameters.get(name).cloned())
        .unwrap_or(value)
}

fn entity(id: &str, record: &Record, address: &str, call: &Call) -> Entity {
    let id = if call.chosen("endpoint-names") {
        &record.name
    } else {
        id
    };
    let key = format!("{id}$endpointAddress={}", address.trim_start_matches('/'));
    let host = call.setting.host();
    let url = format!(
        "{host}/http/{}",
        encode(address.trim_start_matches('/')).replace("%2F", "/")
    );
    let point = |properties| Entity {
        set: "EntryPoints",
        kind: "EntryPoint",
        key: key_literal(&url),
        properties,
        links: Vec::new(),
        expanded: Vec::new(),
        media: false,
    };
    let entry = point(vec![
        ("Name", Property::text(address)),
        ("Url", Property::text(&url)),
        ("Type", Property::text("PROD")),
        ("AdditionalInformation", Property::text("")),
    ]);
    let expand = call
        .query
        .get("$expand")
        .is_some_and(|names| names.split(',').any(|name| name == "EntryPoints"));
    Entity {
        set: "ServiceEndpoints",
        kind: "ServiceEndpoint",
        key: key_literal(&key),
        properties: vec![
            ("Name", Property::text(id)),
            ("Id", Property::text(&key)),
            ("Title", Property::text(&record.name)),
            ("Version", Property::text(&record.version)),
            ("Summary", Property::text("")),
            ("Description", Property::text("")),
            ("LastUpdated", Property::Date(record.deployed_on)),
            ("Protocol", Property::text("REST")),
        ],
        links: if expand {
            vec!["ApiDefinitions"]
        } else {
            vec!["EntryPoints", "ApiDefinitions"]
        },
        expanded: if expand {
            vec![("EntryPoints", vec![entry])]
        } else {
            Vec::new()
        },
        media: false,
    }
}
