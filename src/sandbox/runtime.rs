//! `IntegrationRuntimeArtifacts`: what runs, why it does not, and undeploying.

use super::answer::{Answer, Answered, Format, Refusal};
use super::call::Call;
use super::entity::{Entity, Property, iso, text};
use super::model::RUNTIME;
use super::state::{Record, Runtime, Tenant};
use super::undeployment;

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    if !call.has_key() {
        return all(tenant, call);
    }
    let id = call.key("Id")?;
    let read = call.method == "GET" && call.rest().is_empty();
    let runtime = tenant.runtime.get_mut(id).filter(|_| read);
    if runtime.is_some_and(Runtime::is_unseen) {
        return Err(Refusal::missing());
    }
    let record = tenant.running(id, call.now);
    let record = record.ok_or_else(Refusal::missing)?.clone();
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.entity(200, entity(id, &record, call)),
        // also of what is in ERROR (mcp-cpi-share)
        ("GET", ["ErrorInformation"]) => Err(Refusal::missing()),
        ("GET", ["ErrorInformation", "$value"]) => Ok(error_text(&record, call)),
        ("DELETE", []) => undeployment::undeploy(tenant, call, id, &record),
        _ => Err(Refusal::not_implemented()),
    }
}

fn all(tenant: &mut Tenant, call: &Call) -> Answered {
    call.refuse_absent("no-runtime-list")?;
    let late = call.setting.scenarios.seconds("runtime-list-late");
    let seen = call.now - late.unwrap_or(0.0);
    let shown = tenant.runtime.iter_mut().filter_map(|(id, runtime)| {
        let record = runtime.at(seen).filter(|_| !runtime.hidden).cloned();
        let unseen = runtime.is_unseen();
        record
            .filter(|_| !unseen)
            .map(|record| entity(id, &record, call))
    });
    let shown = shown.collect();
    match call.rest().as_slice() {
        [] | ["$count"] => call.all(RUNTIME.name, shown),
        _ => Err(Refusal::not_implemented()),
    }
}

fn entity(id: &str, record: &Record, call: &Call) -> Entity {
    let deployed_on = if call.chosen("dates-without-zone") {
        text(iso(record.deployed_on))
    } else {
        Property::Date(record.deployed_on)
    };
    RUNTIME.entity(vec![
        text(id),
        text(&record.version),
        text(&record.name),
        text(&record.shown_type),
        text(&record.deployed_by),
        deployed_on,
        text(&record.status),
    ])
}

/// The text as it is stored, whatever was asked for; 204 while there is none. Some tenants refuse to call it JSON.
fn error_text(record: &Record, call: &Call) -> Answer {
    if call.chosen("no-json-text") && call.format == Format::Json {
        return Answer::empty(406);
    }
    let error = record.error.as_ref();
    let ready = error.filter(|error| error.ready <= call.now);
    match ready {
        None => Answer::empty(204),
        Some(error) if error.text.starts_with('{') => {
            Answer::typed(200, "application/json", error.text.clone().into_bytes())
        }
        Some(error) => Answer::text(200, error.text.clone()),
    }
}
