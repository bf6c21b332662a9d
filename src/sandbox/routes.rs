//! From the first part of a path to the room that answers it.

use serde_json::json;

use super::answer::{Answer, Format, Refusal};
use super::artifact_type::ArtifactType;
use super::call::Call;
use super::state::Tenant;
use super::{
    deployments, designtime, endpoints, locks, messages, packages, runtime, security_material,
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
pub(super) fn answer(tenant: &mut Tenant, call: &mut Call) -> Result<Answer, Refusal> {
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

fn answer_now(tenant: &mut Tenant, call: &mut Call) -> Result<Answer, Refusal> {
    let Some(first) = call.segments.first() else {
        return service_document(call);
    };
    let name = first.name.as_str();
    if let Some(kind) = ArtifactType::between(name, "", "DesigntimeArtifacts") {
        return designtime::answer(tenant, call, kind);
    }
    if let Some(kind) = ArtifactType::between(name, "Deploy", "DesigntimeArtifact") {
        return deployments::deploy(tenant, call, kind);
    }
    if let Some(kind) = ArtifactType::between(name, "", "DesigntimeArtifactSaveAsVersion") {
        return designtime::save_as_version(tenant, call, kind);
    }
    match name {
        "IntegrationPackages" => packages::answer(tenant, call),
        "ValidateIntegrationDesigntimeArtifact" => designtime::validate(tenant, call),
        "BuildAndDeployStatus" => deployments::status(tenant, call),
        "IntegrationRuntimeArtifacts" => runtime::answer(tenant, call),
        locks::LOCKS => locks::answer(tenant, call),
        "ServiceEndpoints" => endpoints::answer(tenant, call),
        "MessageProcessingLogs" => messages::answer(tenant, call),
        name if security_material::knows(name) => security_material::answer(call),
        "AccessPolicies" if call.setting.scenarios.has("access-policies") => Ok(Answer::json(
            200,
            &json!({"d": {"results": [{"Id": "1", "RoleName": "Confidential"}]}}),
        )),
        name if NOT_SIMULATED.contains(&name) => Err(Refusal::not_simulated(name)),
        name => Err(Refusal::not_found(format!(
            "Could not find an entity set or function import for '{name}'."
        ))),
    }
}

/// Whether the tenant knows such an entity set or function at all: asked before roles are looked at.
pub(super) fn knows(name: &str) -> bool {
    const SINGLE: [&str; 7] = [
        "IntegrationPackages",
        "ValidateIntegrationDesigntimeArtifact",
        "BuildAndDeployStatus",
        "IntegrationRuntimeArtifacts",
        "ServiceEndpoints",
        "MessageProcessingLogs",
        locks::LOCKS,
    ];
    let typed = [
        ("", "DesigntimeArtifacts"),
        ("Deploy", "DesigntimeArtifact"),
        ("", "DesigntimeArtifactSaveAsVersion"),
    ];
    SINGLE.contains(&name)
        || NOT_SIMULATED.contains(&name)
        || security_material::knows(name)
        || typed
            .iter()
            .any(|(before, after)| ArtifactType::between(name, before, after).is_some())
}

fn service_document(call: &Call) -> Result<Answer, Refusal> {
    if call.method != "GET" {
        return Err(Refusal::not_implemented());
    }
    let designtime = ArtifactType::ALL.map(ArtifactType::entity_set);
    let others = [
        "IntegrationPackages",
        "IntegrationRuntimeArtifacts",
        "BuildAndDeployStatus",
        "ServiceEndpoints",
        "MessageProcessingLogs",
    ];
    let sets: Vec<&str> = others.into_iter().chain(designtime).collect();
    if call.format == Format::Json {
        return Ok(Answer::json(200, &json!({"d": {"EntitySets": sets}})));
    }
    let collections: Vec<String> = sets
        .iter()
        .map(|set| {
            format!("<collection href=\"{set}\"><atom:title>{set}</atom:title></collection>")
        })
        .collect();
    let collections = collections.concat();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><service xmlns=\"http://www.w3.org/2007/app\" \
         xmlns:atom=\"http://www.w3.org/2005/Atom\" xml:base=\"{}/\"><workspace><atom:title>Default</atom:title>{collections}\
         </workspace></service>",
        call.setting.root
    );
    Ok(Answer::typed(
        200,
        "application/atomsvc+xml;charset=utf-8",
        body.into_bytes(),
    ))
}
