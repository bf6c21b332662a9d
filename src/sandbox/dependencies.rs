//! What a flow needs of other artifacts, and what of it does not run: deploying a flow deploys nothing else.

use std::collections::BTreeSet;

use super::artifact_type::ArtifactType;
use super::bundle;
use super::clock::Seconds;
use super::scenario::Scenarios;
use super::state::{Artifact, Tenant};
use crate::artifact::manifest::{Capability, Manifest};

/// Something that a flow uses: its type, and the name under which it is provided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    namespace: &'static str,
    name: String,
}

/// The namespace of a capability, the key of a flow step that refers to one, and the type that provides it.
const KINDS: [(&str, &str, ArtifactType); 2] = [
    (
        "scriptcollection",
        "scriptBundleId",
        ArtifactType::ScriptCollection,
    ),
    (
        "messagemapping",
        "messageMappingBundleId",
        ArtifactType::MessageMapping,
    ),
];

/// Why a deployment of `artifact` would not start at `at`, as far as is foreseen now; `None` when nothing is missing.
///
/// What is stored on the tenant and does not run is missing. What is nowhere on the tenant is missing only where the
/// scenario `dependencies` is `strict`: a flow that is tried out alone should start.
pub fn missing(
    tenant: &Tenant,
    scenarios: &Scenarios,
    artifact: &Artifact,
    at: Seconds,
) -> Option<String> {
    let rule = scenarios.of_artifact("dependencies", &artifact.id);
    if rule == Some("unchecked") || artifact.kind != ArtifactType::IntegrationFlow {
        return None;
    }
    let lacks = |need: &Need| match provided(tenant, need, at) {
        Provided::Running => false,
        Provided::Stored => true,
        Provided::Nowhere => rule == Some("strict"),
    };
    let need = needs(&artifact.zip).into_iter().find(lacks)?;
    let (_, _, kind) = KINDS
        .into_iter()
        .find(|(namespace, _, _)| *namespace == need.namespace)?;
    Some(format!(
        "The {} '{}' is not deployed",
        kind.words(),
        need.name
    ))
}

/// How far something that is needed has come.
enum Provided {
    Running,
    Stored,
    Nowhere,
}

fn provided(tenant: &Tenant, need: &Need, at: Seconds) -> Provided {
    let runs = tenant.runtime.iter().any(|(id, runtime)| {
        runtime.at(at).is_some_and(|record| {
            record.status == "STARTED" && provides(id, record.kind, &record.content.zip, need)
        })
    });
    let mut stored = tenant.artifacts.values();
    if runs {
        Provided::Running
    } else if stored.any(|one| provides(&one.id, one.kind, &one.zip, need)) {
        Provided::Stored
    } else {
        Provided::Nowhere
    }
}

/// The name that others use may differ from the id.
fn provides(id: &str, kind: ArtifactType, zip: &[u8], need: &Need) -> bool {
    let of_kind = KINDS
        .iter()
        .any(|(namespace, _, provider)| *namespace == need.namespace && *provider == kind);
    let named = || {
        let means = |capability: &Capability| {
            capability.namespace == need.namespace && capability.name == need.name
        };
        manifest(zip).is_some_and(|manifest| manifest.provided().iter().any(means))
    };
    of_kind && (id == need.name || named())
}

/// What manifest and model of a flow name, each once. A name that holds a parameter means nothing before run time.
fn needs(zip: &[u8]) -> BTreeSet<Need> {
    let required = manifest(zip)
        .map(|manifest| manifest.required())
        .unwrap_or_default();
    let by_manifest = required.into_iter().filter_map(|(capability, _)| {
        let (namespace, _, _) = KINDS
            .into_iter()
            .find(|(namespace, _, _)| *namespace == capability.namespace)?;
        Some(Need {
            namespace,
            name: capability.name,
        })
    });
    let by_model = bundle::model_properties(zip)
        .into_iter()
        .filter_map(|(key, name)| {
            let (namespace, _, _) = KINDS.into_iter().find(|(_, step, _)| *step == key)?;
            Some(Need { namespace, name })
        });
    by_manifest
        .chain(by_model)
        .filter(|need| !need.name.is_empty() && !need.name.contains('{'))
        .collect()
}

fn manifest(zip: &[u8]) -> Option<Manifest> {
    Manifest::parse(&bundle::file(zip, bundle::MANIFEST)?).ok()
}
