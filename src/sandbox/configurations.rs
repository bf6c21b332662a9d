//! Externalised parameters of integration flows.

use super::answer::{Answer, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{self, Declared};
use super::call::Call;
use super::designtime::{configure, refuse_locked};
use super::entity::{Entity, Property};
use super::path::key_literal;
use super::state::{Artifact, Parameter, Tenant};

pub(super) fn answer(tenant: &mut Tenant, call: &mut Call, id: &str) -> Result<Answer, Refusal> {
    let artifact = &tenant.artifacts[id];
    if artifact.kind != ArtifactType::IntegrationFlow {
        return Err(Refusal::not_found(
            "Configurations are not available for this artifact.",
        ));
    }
    let key = call
        .segments
        .last()
        .and_then(|segment| segment.key.only("ParameterKey"))
        .map(str::to_owned);
    match (call.method, call.rest().as_slice(), key) {
        ("GET", ["Configurations"], None) => call.list("Configurations", entities(artifact)),
        ("GET", ["Configurations", "$count"], None) => call.count(entities(artifact)),
        ("GET", ["Configurations"], Some(key)) => {
            let found = artifact
                .parameters
                .iter()
                .find(|parameter| parameter.declared.key == key);
            call.entity(200, entity(found.ok_or_else(|| unknown(&key))?))
        }
        ("PUT", ["$links", "Configurations"], Some(key)) => write(tenant, call, id, &key),
        _ => Err(Refusal::not_implemented()),
    }
}

fn unknown(key: &str) -> Refusal {
    Refusal::not_found(format!("Parameter key '{key}' not found."))
}

fn entities(artifact: &Artifact) -> Vec<Entity> {
    artifact.parameters.iter().map(entity).collect()
}

fn entity(parameter: &Parameter) -> Entity {
    let key = &parameter.declared.key;
    Entity {
        set: "Configurations",
        kind: "Configuration",
        key: key_literal(key),
        properties: vec![
            ("ParameterKey", Property::text(key)),
            ("ParameterValue", Property::text(parameter.value())),
            ("DataType", Property::text(&parameter.declared.data_type)),
            (
                "Description",
                Property::text(&parameter.declared.description),
            ),
        ],
        links: Vec::new(),
        expanded: Vec::new(),
        media: false,
    }
}

fn write(tenant: &mut Tenant, call: &mut Call, id: &str, key: &str) -> Result<Answer, Refusal> {
    let wrong = || Refusal::bad_request("Wrong body format for the expected parameter value");
    let mut body = call
        .properties(&["ParameterKey", "ParameterValue", "DataType", "Description"])
        .map_err(|refusal| {
            if refusal.status == 415 {
                refusal
            } else {
                wrong()
            }
        })?;
    let value = body.take("ParameterValue").ok_or_else(wrong)?;
    let stamp = call.stamp();
    let artifact = tenant.artifacts.get_mut(id).ok_or_else(|| unknown(key))?;
    refuse_locked(artifact, call, "update")?;
    if call.chosen("parameter-refused") {
        let text = format!("The value '{value}' of parameter '{key}' is not valid.");
        return Err(Refusal::bad_request(text));
    }
    if !configure(&mut artifact.parameters, key, &value) {
        return Err(unknown(key));
    }
    if call.chosen("parameter-moves-modified-at") {
        artifact.modified = stamp;
    }
    Ok(Answer::empty(202))
}

/// The parameters after an upload: those of the file, with what stays configured.
pub(super) fn after_upload(
    zip: &[u8],
    (id, kind): (&str, ArtifactType),
    old: &[Parameter],
    call: &Call,
) -> Vec<Parameter> {
    if kind != ArtifactType::IntegrationFlow {
        return Vec::new();
    }
    let mut declared = bundle::parameters(zip);
    let elsewhere = call
        .setting
        .scenarios
        .of_artifact("never-appears", id)
        .is_some()
        || call.setting.scenarios.has("location");
    if elsewhere
        && declared
            .iter()
            .all(|parameter| parameter.key != "SAP_ProfileId")
    {
        declared.push(profile());
    }
    declared
        .into_iter()
        .map(|declared| Parameter {
            configured: kept(&declared, old, call),
            declared,
        })
        .collect()
}

/// Seen on tenants with an integration cell: a flow made from a zip belongs to the cell.
fn profile() -> Declared {
    Declared {
        key: "SAP_ProfileId".to_owned(),
        value: "integrationcell".to_owned(),
        data_type: "xsd:string".to_owned(),
        description: String::new(),
    }
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
