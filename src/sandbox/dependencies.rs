//! What a flow needs of other artifacts, and what of it does not run: deploying a flow deploys nothing else.

use std::collections::BTreeSet;

use super::artifact_type::ArtifactType;
use super::bundle;
use super::clock::Seconds;
use super::scenario::Scenarios;
use super::state::{Artifact, Tenant};
use crate::artifact::manifest::{Capability, Manifest};

/// The namespace of a capability, the key of a flow step that refers to one, and the type that provides it.
const KINDS: [(&str, &str, ArtifactType); 2] = [
    (
        "messagemapping",
        "messageMappingBundleId",
        ArtifactType::MessageMapping,
    ),
    (
        "scriptcollection",
        "scriptBundleId",
        ArtifactType::ScriptCollection,
    ),
];

/// Something that a flow uses: the place of its type in [`KINDS`], and the name under which it is provided.
type Need = (usize, String);

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
    let runs = |need: &Need| {
        tenant.runtime.iter().any(|(id, runtime)| {
            runtime.at(at).is_some_and(|record| {
                record.status == "STARTED" && provides(id, record.kind, &record.content.zip, need)
            })
        })
    };
    let is_stored = |need: &Need| {
        let mut stored = tenant.artifacts.values();
        stored.any(|one| provides(&one.id, one.kind, &one.zip, need))
    };
    let mut needs = needs(&artifact.zip).into_iter();
    let (kind, name) =
        needs.find(|need| !runs(need) && (rule == Some("strict") || is_stored(need)))?;
    let words = KINDS[kind].2.words();
    Some(format!("The {words} '{name}' is not deployed"))
}

/// The name that others use may differ from the id.
fn provides(id: &str, kind: ArtifactType, zip: &[u8], (place, name): &Need) -> bool {
    let (namespace, _, provider) = KINDS[*place];
    let named = || {
        let means =
            |capability: &Capability| capability.namespace == namespace && capability.name == *name;
        manifest(zip).is_some_and(|manifest| manifest.provided().iter().any(means))
    };
    kind == provider && (id == name || named())
}

/// What manifest and model of a flow name, each once. A name that holds a parameter means nothing before run time.
fn needs(zip: &[u8]) -> BTreeSet<Need> {
    let required = manifest(zip).map(|manifest| manifest.required());
    let by_manifest = required.unwrap_or_default().into_iter();
    let by_manifest = by_manifest.map(|(capability, _)| (capability.namespace, capability.name));
    let named = by_manifest.chain(bundle::model_properties(zip));
    named
        .filter(|(_, name)| !name.is_empty() && !name.contains('{'))
        .filter_map(|(word, name)| {
            let mut kinds = KINDS.iter();
            let place =
                kinds.position(|(namespace, step, _)| word == *namespace || word == *step)?;
            Some((place, name))
        })
        .collect()
}

fn manifest(zip: &[u8]) -> Option<Manifest> {
    Manifest::parse(&bundle::file(zip, bundle::MANIFEST)?).ok()
}
