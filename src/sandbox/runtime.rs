//! `IntegrationRuntimeArtifacts`: what runs, why it does not, and undeploying.

use super::answer::{Answer, Format, Refusal};
use super::call::Call;
use super::entity::{Entity, Property};
use super::path::{Key, key_literal};
use super::state::{Record, Runtime, Tenant};
use super::undeployment;

pub(super) fn answer(tenant: &mut Tenant, call: &Call) -> Result<Answer, Refusal> {
    let key = &call.segments[0].key;
    if *key == Key::None {
        return all(tenant, call);
    }
    let wrong = || Refusal::bad_request("The key of IntegrationRuntimeArtifacts is Id.");
    let id = key.only("Id").ok_or_else(wrong)?;
    let missing = || Refusal::not_found("Requested entity could not be found.");
    let read = call.method == "GET" && call.rest().is_empty();
    let runtime = tenant.runtime.get_mut(id).filter(|_| read);
    if runtime.is_some_and(Runtime::is_unseen) {
        return Err(missing());
    }
    let record = tenant.running(id, call.now).ok_or_else(missing)?.clone();
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.entity(200, entity(id, &record)),
        ("GET", ["ErrorInformation"]) => call.entity(200, error_entry(id)),
        ("GET", ["ErrorInformation", "$value"]) => Ok(error_text(&record, call)),
        ("DELETE", []) => undeployment::undeploy(tenant, call, id, &record),
        _ => Err(Refusal::not_implemented()),
    }
}

fn all(tenant: &mut Tenant, call: &Call) -> Result<Answer, Refusal> {
    match call.setting.scenarios.value("no-runtime-list") {
        Some("405") => return Err(Refusal::not_in_plan()),
        Some(_) => return Err(Refusal::not_implemented()),
        None => {}
    }
    let late = call.setting.scenarios.seconds("runtime-list-late");
    let seen = call.now - late.unwrap_or(0.0);
    let all = tenant.runtime.iter_mut();
    let unseen: Vec<String> = all
        .filter_map(|(id, runtime)| runtime.is_unseen().then(|| id.clone()))
        .collect();
    let entities = || -> Vec<Entity> {
        let shown = tenant
            .runtime
            .keys()
            .filter(|id| !unseen.contains(id))
            .filter_map(|id| tenant.running(id, seen).map(|record| (id, record)));
        shown.map(|(id, record)| entity(id, record)).collect()
    };
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.list("IntegrationRuntimeArtifacts", entities()),
        ("GET", ["$count"]) => call.count(entities()),
        _ => Err(Refusal::not_implemented()),
    }
}

fn entity(id: &str, record: &Record) -> Entity {
    Entity {
        set: "IntegrationRuntimeArtifacts",
        kind: "IntegrationRuntimeArtifact",
        key: key_literal(id),
        properties: vec![
            ("Id", Property::text(id)),
            ("Version", Property::text(&record.version)),
            ("Name", Property::text(&record.name)),
            ("Type", Property::text(record.kind.runtime_type())),
            ("DeployedBy", Property::text(&record.deployed_by)),
            ("DeployedOn", Property::Date(record.deployed_on)),
            ("Status", Property::text(&record.status)),
        ],
        links: vec!["ErrorInformation"],
        expanded: Vec::new(),
        media: true,
    }
}

fn error_entry(id: &str) -> Entity {
    Entity {
        set: "RuntimeArtifactErrorInformations",
        kind: "RuntimeArtifactErrorInformation",
        key: key_literal(id),
        properties: vec![("Id", Property::text(id))],
        links: Vec::new(),
        expanded: Vec::new(),
        media: true,
    }
}

/// The text as it is stored, whatever was asked for; 204 while there is none. Some tenants refuse to call it JSON.
fn error_text(record: &Record, call: &Call) -> Answer {
    if call.chosen("no-json-text") && call.format == Format::Json {
        return Answer::empty(406);
    }
    let ready = record
        .error
        .as_ref()
        .filter(|error| error.ready <= call.now);
    match ready {
        None => Answer::empty(204),
        Some(error) if error.text.starts_with('{') => {
            Answer::typed(200, "application/json", error.text.clone().into_bytes())
        }
        Some(error) => Answer::text(200, error.text.clone()),
    }
}
