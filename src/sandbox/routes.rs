//! From the first part of a path to the room that answers it.

use serde_json::json;

use super::answer::{Answer, Answered, Format, Refusal};
use super::artifact_type::ArtifactType;
use super::call::Call;
use super::model::{ENDPOINTS, MESSAGES, PACKAGES, RUNTIME, TASKS};
use super::state::Tenant;
use super::{
    deployments, designtime, endpoints, locks, messages, packages, runtime, security_material,
    versions,
};

/// Known on tenants, not built here.
const NOT_SIMULATED: &[&str] = &[
    "$metadata",
    "$batch",
    "CopyIntegrationPackage",
    "IntegrationAdapterDesigntimeArtifacts",
    "DataTypeDesigntimeArtifacts",
    "MessageTypeDesigntimeArtifacts",
    "FaultMessageTypeDesigntimeArtifacts",
    "ServiceInterfaceDesigntimeArtifacts",
    "ExecuteIntegrationDesigntimeArtifactsGuidelines",
    "MessageStoreEntries",
    "LogFiles",
    "LogFileArchives",
    "CertificateResources",
    "AccessPolicies",
    "NumberRanges",
    "Variables",
    "DataStores",
    "DataStoreEntries",
    "StringParameters",
    "BinaryParameters",
    "Partners",
    "UpsertValMaps",
    "UpdateDefaultValMap",
    "DeleteValMaps",
];

/// Answers a call that was let in. With scenario `design-time-late` reads of the design time see what was there some time
/// ago; writes see what is.
pub fn answer(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let Some(late) = call.setting.scenarios.seconds("design-time-late") else {
        return answer_now(tenant, call);
    };
    if call.method != "GET" {
        let design = (tenant.packages.clone(), tenant.artifacts.clone());
        tenant.earlier.push((call.now, design));
        return answer_now(tenant, call);
    }
    let mut earlier = tenant.earlier.iter();
    let Some((_, design)) = earlier.find(|(until, _)| *until > call.now - late) else {
        return answer_now(tenant, call);
    };
    let (packages, artifacts) = design.clone();
    let now = (
        std::mem::replace(&mut tenant.packages, packages),
        std::mem::replace(&mut tenant.artifacts, artifacts),
    );
    let answer = answer_now(tenant, call);
    (tenant.packages, tenant.artifacts) = now;
    answer
}

fn answer_now(tenant: &mut Tenant, call: &mut Call) -> Answered {
    tenant.forget_deleted(call.now);
    match call.set_name() {
        "" => service_document(call),
        name => match room(name) {
            Some(room) => room(tenant, call),
            None => Err(Refusal::unknown_set(name)),
        },
    }
}

/// What answers the calls of an entity set or function.
type Room = fn(&mut Tenant, &mut Call<'_>) -> Answered;

fn room(name: &str) -> Option<Room> {
    Some(match name {
        "IntegrationPackages" => packages::answer,
        "ValidateIntegrationDesigntimeArtifact" => designtime::validate,
        "BuildAndDeployStatus" => deployments::status,
        "IntegrationRuntimeArtifacts" => runtime::answer,
        "IntegrationDesigntimeLocks" => locks::answer,
        "ServiceEndpoints" => endpoints::answer,
        "MessageProcessingLogs" => messages::answer,
        name if security_material::knows(name) => security_material::answer,
        name if NOT_SIMULATED.contains(&name) => not_simulated,
        name => {
            ArtifactType::named_in(name)?;
            match name {
                name if name.starts_with("Deploy") => deployments::deploy,
                name if name.ends_with("SaveAsVersion") => versions::save_as_version,
                _ => designtime::answer,
            }
        }
    })
}

fn not_simulated(_: &mut Tenant, call: &mut Call<'_>) -> Answered {
    match call.set_name() {
        "AccessPolicies" if call.chosen("access-policies") => Ok(Answer::json(
            200,
            &json!({"d": {"results": [{"Id": "1", "RoleName": "Confidential"}]}}),
        )),
        name => Err(Refusal::not_simulated(name)),
    }
}

/// Whether the tenant knows such an entity set or function at all: asked before roles are looked at.
pub fn knows(name: &str) -> bool {
    room(name).is_some()
}

fn service_document(call: &Call) -> Answered {
    if call.method != "GET" {
        return Err(Refusal::not_implemented());
    }
    let designtime = ArtifactType::ALL.map(ArtifactType::entity_set);
    let sets = [&PACKAGES, &RUNTIME, &TASKS, &ENDPOINTS, &MESSAGES];
    let sets: Vec<_> = sets
        .into_iter()
        .chain(designtime)
        .map(|set| set.name)
        .collect();
    if call.format == Format::Json {
        return Ok(Answer::json(200, &json!({"d": {"EntitySets": sets}})));
    }
    let collections = sets.iter().map(|set| {
        format!("<collection href=\"{set}\"><atom:title>{set}</atom:title></collection>")
    });
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><service xmlns=\"http://www.w3.org/2007/app\" \
         xmlns:atom=\"http://www.w3.org/2005/Atom\" xml:base=\"{}/\"><workspace><atom:title>Default</atom:title>{}\
         </workspace></service>",
        call.setting.root,
        collections.collect::<String>()
    );
    let content_type = "application/atomsvc+xml;charset=utf-8";
    Ok(Answer::typed(200, content_type, body.into_bytes()))
}
