//! Which version an artifact has after a write, and `...SaveAsVersion`.

use super::answer::{Answer, Answered, Format, Refusal};
use super::artifact_type::ArtifactType;
use super::call::Call;
use super::designtime::{found, refuse_writing};
use super::state::{Artifact, Tenant};

/// The version after an upload of a zip with this version.
pub fn version_after(old: &Artifact, manifest: Option<String>, call: &Call) -> String {
    let raised = |manifest: &String| match call.value("version-policy") {
        Some("raise") => numbers(manifest) > numbers(&old.version),
        Some("keep" | "create-1.0.0") => false,
        _ => true,
    };
    manifest
        .filter(raised)
        .unwrap_or_else(|| old.version.clone())
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split('.');
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

/// `...SaveAsVersion?Id='X'&SaveAsVersion='1.0.4'`: metadata promises the entity, tenants answer nothing.
pub fn save_as_version(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    let kind = call.kind()?;
    let absent = match call.value("no-save-as-version") {
        Some("all") => true,
        Some(_) => kind != ArtifactType::IntegrationFlow,
        None => false,
    };
    if absent {
        return Err(Refusal::not_implemented());
    }
    call.must_post()?;
    let (id, version) = (call.quoted("Id")?, call.quoted("SaveAsVersion")?);
    let artifact = found(tenant, kind, &id, "active")?;
    refuse_writing(tenant, artifact, call, "update")?;
    if version.trim().is_empty() {
        return Err(Refusal::bad_request("The version cannot be empty."));
    }
    if version.eq_ignore_ascii_case("active") {
        return Ok(Refusal::bad_request("CANNOT_UPDATE_BUNDLE").render(Format::Atom));
    }
    let chosen = call.value_for("save-as-version", &id);
    match chosen.filter(|_| numbers(&version) <= numbers(&artifact.version)) {
        Some("ignored") => return Ok(Answer::empty(200)),
        Some(how) => {
            let status = if how == "refused-500" { 500 } else { 400 };
            let current = &artifact.version;
            return Err(Refusal::new(
                status,
                format!("The version {version} must be higher than the current version {current}."),
            ));
        }
        None => {}
    }
    let artifact = Artifact {
        version,
        draft: None,
        modified: call.stamp(),
        ..artifact.clone()
    };
    tenant.store(artifact);
    Ok(Answer::empty(200))
}
