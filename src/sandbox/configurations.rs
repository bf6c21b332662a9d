//! Externalised parameters of integration flows.

use serde_json::json;

use super::answer::{Answer, Answered, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{self, Declared};
use super::call::Call;
use super::designtime::{configure, refuse_locked};
use super::entity::Entity;
use super::model::CONFIGURATIONS;
use super::state::{Artifact, Parameter, Tenant};

pub fn answer(tenant: &mut Tenant, call: &mut Call, id: &str) -> Answered {
    let artifact = &tenant.artifacts[id];
    let last = call.segments.last();
    let key = last.and_then(|segment| segment.key.only("ParameterKey"));
    match (call.method, call.rest().as_slice(), key) {
        (_, ["Configurations"] | ["Configurations", "$count"], None) => {
            let all = artifact.parameters.iter().map(entity);
            call.all(CONFIGURATIONS.name, all.collect())
        }
        ("GET", ["Configurations"], Some(key)) => {
            let mut all = artifact.parameters.iter();
            let found = all.find(|parameter| parameter.declared.key == key);
            call.entity(200, entity(found.ok_or_else(|| unknown(key))?))
        }
        ("PUT", ["$links", "Configurations"], Some(key)) => write(tenant, call, id, key),
        _ => Err(Refusal::not_implemented()),
    }
}

fn unknown(key: &str) -> Refusal {
    Refusal::not_found(format!("Parameter key '{key}' not found."))
}

fn entity(parameter: &Parameter) -> Entity {
    let declared = &parameter.declared;
    CONFIGURATIONS.entity(&json!([
        declared.key,
        parameter.value(),
        declared.data_type,
        declared.description,
    ]))
}

fn write(tenant: &mut Tenant, call: &mut Call, id: &str, key: &str) -> Answered {
    let wrong = || Refusal::bad_request("Wrong body format for the expected parameter value");
    let body = call.properties(&CONFIGURATIONS);
    let mut body = body.map_err(|refusal| match refusal.status {
        415 => refusal,
        _ => wrong(),
    })?;
    let value = body.take("ParameterValue").ok_or_else(wrong)?;
    let artifact = tenant.artifacts.get_mut(id).ok_or_else(|| unknown(key))?;
    refuse_locked(artifact, call, "update")?;
    if call.chosen("parameter-refused") {
        let text = format!("The value '{value}' of parameter '{key}' is not valid.");
        return Err(Refusal::bad_request(text));
    }
    if !configured(artifact, key, &value, call) {
        return Err(unknown(key));
    }
    Ok(Answer::empty(202))
}

/// Configures a parameter, as anybody does on the tenant; `false` where there is none with this key.
pub fn configured(artifact: &mut Artifact, key: &str, value: &str, call: &Call) -> bool {
    let known = configure(&mut artifact.parameters, key, value);
    if known && call.chosen("parameter-moves-modified-at") {
        artifact.modified = call.stamp();
    }
    known
}

/// The parameters after an upload: those of the file, with what stays configured.
pub fn after_upload(
    zip: &[u8],
    (id, kind): (&str, ArtifactType),
    old: &[Parameter],
    call: &Call,
) -> Vec<Parameter> {
    if kind != ArtifactType::IntegrationFlow {
        return Vec::new();
    }
    let mut declared = bundle::parameters(zip);
    let elsewhere = call.is_for("never-appears", id) || call.chosen("location");
    if elsewhere && declared.iter().all(|one| one.key != "SAP_ProfileId") {
        // seen on tenants with an integration cell: a flow made from a zip belongs to the cell
        declared.push(Declared::text("SAP_ProfileId", "integrationcell"));
    }
    declared
        .into_iter()
        .map(|declared| Parameter {
            configured: kept(&declared, old, call),
            declared,
        })
        .collect()
}

fn kept(declared: &Declared, old: &[Parameter], call: &Call) -> Option<String> {
    if call.chosen("reset-parameters") {
        return None;
    }
    let old = old.iter().find(|old| old.declared.key == declared.key)?;
    if call.chosen("keep-all-parameters") {
        Some(old.value().to_owned())
    } else {
        old.configured.clone()
    }
}
