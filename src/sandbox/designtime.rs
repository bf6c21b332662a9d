//! Design-time artifacts of the four types: create, read, update, delete, download, save as version, validate.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{Answer, Answered, Format, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{self, Bundle, BundleError};
use super::call::Call;
use super::entity::{Entity, iso};
use super::model::FLOWS;
use super::state::{Artifact, EDITED, Parameter, Stamp, Tenant};
use super::versions::version_after;
use super::{configurations, resources};

impl From<BundleError> for Refusal {
    fn from(error: BundleError) -> Self {
        Refusal::bad_request(error.to_string())
    }
}

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    let kind = call.kind()?;
    if !call.has_key() {
        return all(tenant, call, kind);
    }
    let wrong = || Refusal::bad_request("The key of a design time artifact is Id and Version.");
    let key = call.segments[0].key.pair("Id", "Version");
    let (id, version) = key.ok_or_else(wrong)?;
    let artifact = found(tenant, kind, id, version)?;
    let has = |name: &str| kind.entity_set().navigation().any(|known| known == name);
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.entity(200, entity(artifact, call)),
        ("GET", ["$value"]) => download(tenant, call, artifact),
        ("PUT", []) => update(tenant, call, id),
        ("DELETE", []) => delete(tenant, call, id),
        (_, ["Configurations", ..] | ["$links", "Configurations"]) if has("Configurations") => {
            configurations::answer(tenant, call, id)
        }
        (_, ["Resources", ..] | ["$links", "Resources"]) if has("Resources") => {
            resources::answer(tenant, call, id)
        }
        (_, [navigation, ..]) if has(navigation) => Err(Refusal::not_simulated(navigation)),
        (_, [name, ..]) if !name.starts_with('$') => Err(Refusal::no_navigation(name)),
        _ => Err(Refusal::not_implemented()),
    }
}

/// An artifact as the API finds it.
pub fn found<'t>(
    tenant: &'t Tenant,
    kind: ArtifactType,
    id: &str,
    version: &str,
) -> Result<&'t Artifact, Refusal> {
    let found = tenant.find(kind, id, version);
    found.ok_or_else(|| Refusal::not_found(kind.missing()))
}

fn all(tenant: &mut Tenant, call: &mut Call, kind: ArtifactType) -> Answered {
    match (call.method, call.rest().as_slice()) {
        ("GET", [] | ["$count"]) if kind.is_mapping() => {
            let all = tenant.artifacts.values();
            let shown = all.filter(|artifact| artifact.kind == kind && !artifact.hidden);
            let shown = shown.map(|artifact| entity(artifact, call)).collect();
            call.all(kind.entity_set().name, shown)
        }
        ("POST", []) => create(tenant, call, kind),
        _ => Err(Refusal::not_implemented()),
    }
}

/// An artifact as the lists of its package show it.
pub fn listed(artifact: &Artifact, call: &Call) -> Entity {
    let undated = call.chosen("lists-without-dates");
    entity(artifact, call).keep(|name| !undated || !is_date(name))
}

/// An artifact as the API shows it. Tenants of some years ago did not say when and by whom it was saved; some say so of
/// flows only.
pub fn entity(artifact: &Artifact, call: &Call) -> Entity {
    let value = |name: &str| match name {
        "Id" => json!(artifact.id),
        "Version" => json!(artifact.shown_version()),
        "PackageId" => json!(artifact.package),
        "Name" => json!(artifact.name),
        "Description" => json!(artifact.description),
        "CreatedAt" => date(&artifact.created, call),
        "CreatedBy" => json!(artifact.created.by),
        "ModifiedAt" => date(&artifact.modified, call),
        "ModifiedBy" => json!(artifact.modified.by),
        "ArtifactContent" => Value::Null,
        _ => json!(""),
    };
    let mut entity = artifact.kind.entity_set().filled(value);
    if !call.chosen("dates-of-flows-only") && artifact.kind != ArtifactType::IntegrationFlow {
        let dates = FLOWS.properties().filter(|name| is_date(name));
        entity
            .properties
            .extend(dates.map(|name| (name, value(name))));
    }
    let is_old = call.chosen("no-modified-at");
    entity.keep(|name| !is_old || !(is_date(name) || name == "Comment"))
}

fn is_date(property: &str) -> bool {
    property.starts_with("Created") || property.starts_with("Modified")
}

fn date(stamp: &Stamp, call: &Call) -> Value {
    json!(match call.value("modified-at-format") {
        Some("odata") => format!("/Date({})/", stamp.millis),
        Some("iso") => format!("{}Z", iso(stamp.millis)),
        _ => stamp.millis.to_string(),
    })
}

fn create(tenant: &mut Tenant, call: &mut Call, kind: ArtifactType) -> Answered {
    let mut body = call.properties(kind.entity_set())?;
    let content = body
        .take("ArtifactContent")
        .filter(|content| !content.is_empty());
    let (name, id, package) = (
        body.take_filled("Name")?,
        body.take_filled("Id")?,
        body.take_filled("PackageId")?,
    );
    check_name(&name)?;
    let holder = tenant
        .packages
        .get(&package)
        .ok_or_else(|| Refusal::not_found(format!("Package ID {package} does not exist.")))?;
    holder.refuse_read_only()?;
    check_free(tenant, call, kind, (&id, &name, &package))?;
    check_deleted(tenant, call, kind, &id)?;
    let zip = match content {
        Some(content) => {
            let zip = bundle::renamed(decoded(&content, kind, call)?, &id)?;
            as_stored(zip, &id, call)?
        }
        None => bundle::empty(kind, &id, &name)?,
    };
    let entering = entering(zip, kind, &package, call)?;
    let sent = body.take("Description").filter(|text| !text.is_empty());
    let artifact = Artifact {
        name,
        description: sent.unwrap_or(entering.description),
        ..entering
    };
    let answer = call.entity(201, entity(&artifact, call));
    tenant.store(artifact);
    colleague(tenant, call, &id, "after-upload");
    answer
}

/// An artifact that enters the tenant, as its zip describes it.
pub fn entering(
    zip: Vec<u8>,
    kind: ArtifactType,
    package: &str,
    call: &Call,
) -> Result<Artifact, Refusal> {
    let bundle = Bundle::read(&zip)?;
    let (id, stamp) = (bundle.symbolic_name, call.stamp());
    let version = match call.value("version-policy") {
        Some("create-1.0.0") => None,
        _ => bundle.version,
    };
    Ok(Artifact {
        parameters: configurations::after_upload(&zip, (&id, kind), &[], call),
        name: bundle.name.unwrap_or_else(|| id.clone()),
        id,
        kind,
        package: package.to_owned(),
        description: bundle::description(&zip).unwrap_or_default(),
        version: version.unwrap_or_else(|| "1.0.0".to_owned()),
        draft: None,
        lock: None,
        hidden: false,
        created: stamp.clone(),
        modified: stamp,
        zip: Arc::new(zip),
    })
}

/// The documented rule for names.
fn check_name(name: &str) -> Result<(), Refusal> {
    let first = name
        .chars()
        .next()
        .is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    let all = name
        .chars()
        .all(|letter| letter.is_alphanumeric() || " ._-".contains(letter));
    if first && all && !name.ends_with('.') {
        return Ok(());
    }
    Err(Refusal::bad_request(
        "Name is not valid: it must start with a letter or underscore, may contain letters, digits, spaces, periods, hyphens \
         and underscores, and must not end with a period.",
    ))
}

/// Ids are unique in the tenant, whatever the type.
fn check_free(
    tenant: &Tenant,
    call: &Call,
    kind: ArtifactType,
    (id, name, package): (&str, &str, &str),
) -> Result<(), Refusal> {
    let deleted = tenant.deleted.get(id);
    let lingering = deleted.filter(|deleted| call.now < deleted.free);
    let owner = match (tenant.artifacts.get(id), lingering) {
        (Some(taken), _) => taken.package.as_str(),
        (None, Some(_)) => package,
        (None, None) => return Ok(()),
    };
    let words = kind.words();
    let article = if kind == ArtifactType::IntegrationFlow {
        "An"
    } else {
        "A"
    };
    let text = match call.value("duplicate") {
        Some("second-wording") => format!(
            "{article} {words} {name} with the artifact ID {id} already exists in the {owner} package. To create /upload {} {words}, use a different ID.",
            article.to_ascii_lowercase()
        ),
        _ => format!(
            "{article} {words} {name} with the ID {id} already exists in the {owner} package. Please rename the artifact ID."
        ),
    };
    Err(Refusal::new(call.status("duplicate", 500), text))
}

/// Scenario `create-fails-after-delete`: the way back is barred, for a while or for good.
fn check_deleted(
    tenant: &mut Tenant,
    call: &Call,
    kind: ArtifactType,
    id: &str,
) -> Result<(), Refusal> {
    let scenarios = &call.setting.scenarios;
    let most = scenarios.times_of("create-fails-after-delete", id);
    match tenant.deleted.get_mut(id) {
        Some(deleted) if deleted.failed_creates < most => {
            deleted.failed_creates += 1;
            let text = format!("Creation of {} failed.", kind.title());
            Err(Refusal::new(500, text))
        }
        _ => Ok(()),
    }
}

fn decoded(content: &str, kind: ArtifactType, call: &Call) -> Result<Vec<u8>, Refusal> {
    let broken = |_| Refusal::bad_request("The artifact content is not valid Base64.");
    let zip = STANDARD.decode(content).map_err(broken)?;
    let bundle = Bundle::read(&zip)?;
    if call.chosen("definitions-required") && bundle::lacks_definitions(&zip) {
        return Err(Refusal::new(500, "InputStream cannot be null"));
    }
    if bundle.is_of(kind) {
        return Ok(zip);
    }
    let found = bundle.sap_type.unwrap_or_default();
    let found = ArtifactType::of_bundle(&found).map_or(found, |kind| kind.words().to_owned());
    Err(Refusal::bad_request(format!(
        "The artifact content is a {found}, not a {}.",
        kind.words()
    )))
}

fn download(tenant: &Tenant, call: &Call, artifact: &Artifact) -> Answered {
    if is_read_only(tenant, artifact) {
        let text = "Cannot download the artifact from a configure only package.";
        return Ok(Refusal::bad_request(text).render(Format::Atom));
    }
    let mut zip = Arc::clone(&artifact.zip);
    if call.chosen("downloads-differ") {
        zip = Arc::new(bundle::dated(&zip, call.millis())?);
    }
    if artifact.kind == ArtifactType::ValueMapping {
        zip = Arc::new(bundle::with_file(&zip, bundle::METAINFO, None)?);
    }
    let is_odd = |letter: char| !letter.is_ascii_graphic() || letter == '"';
    let name = artifact.id.replace(is_odd, "_");
    let name = format!("attachment; filename={name}.zip");
    Ok(Answer::shared(200, "application/zip", zip).with("Content-Disposition", name))
}

fn is_read_only(tenant: &Tenant, artifact: &Artifact) -> bool {
    let package = tenant.packages.get(&artifact.package);
    package.is_some_and(|package| package.read_only)
}

/// Nobody writes what a colleague has open.
pub fn refuse_locked(artifact: &Artifact, call: &Call, deed: &str) -> Result<(), Refusal> {
    if artifact.lock.is_none() {
        return Ok(());
    }
    let text = match deed {
        "delete" => "Cannot delete the artifact as it is locked.".to_owned(),
        _ => format!(
            "Update of {} failed. Cannot update the artifact as it is locked.",
            artifact.kind.title()
        ),
    };
    Err(Refusal::new(call.status("locked", 500), text))
}

/// Refuses to write what may not be written, or is open elsewhere.
pub fn refuse_writing(
    tenant: &Tenant,
    artifact: &Artifact,
    call: &Call,
    deed: &str,
) -> Result<(), Refusal> {
    if is_read_only(tenant, artifact) {
        return Err(Refusal::bad_request(format!(
            "{} artifact consists in a configure only package with Id: {}",
            artifact.kind.title(),
            artifact.package
        )));
    }
    refuse_locked(artifact, call, deed)
}

fn update(tenant: &mut Tenant, call: &mut Call, id: &str) -> Answered {
    let artifact = &tenant.artifacts[id];
    let kind = artifact.kind;
    if kind == ArtifactType::ValueMapping {
        return Err(Refusal::not_implemented());
    }
    let mut body = call.properties(kind.entity_set())?;
    if body.has("Id") || body.has("PackageId") {
        let text = format!(
            "Update of {} failed : Update of PackageId and Id are not allowed.",
            kind.title()
        );
        return Err(Refusal::new(500, text));
    }
    refuse_writing(tenant, artifact, call, "update")?;
    let name = body.take("Name").filter(|name| !name.is_empty());
    name.as_deref().map_or(Ok(()), check_name)?;
    let content = body
        .take("ArtifactContent")
        .filter(|content| !content.is_empty());
    let updated = match content {
        Some(content) => {
            let zip = as_stored(decoded(&content, kind, call)?, id, call)?;
            let new = with_content(artifact, zip, name, call)?;
            let is_lost = call.is_for("update-not-stored", id);
            if is_lost { artifact.clone() } else { new }
        }
        // a name alone is saved as a draft
        None => Artifact {
            name: name.unwrap_or_else(|| artifact.name.clone()),
            draft: Some(EDITED),
            ..artifact.clone()
        },
    };
    let sent = body.take("Description");
    let updated = Artifact {
        modified: call.stamp(),
        description: sent.unwrap_or_else(|| artifact.description.clone()),
        ..updated
    };
    tenant.store(updated);
    colleague(tenant, call, id, "after-upload");
    Ok(Answer::empty(200))
}

/// The content as the tenant spells it.
fn as_stored(zip: Vec<u8>, id: &str, call: &Call) -> Result<Vec<u8>, Refusal> {
    Ok(match call.value_for("rewrites-content", id) {
        Some(how) => bundle::respelled(zip, id, how)?,
        None => zip,
    })
}

/// The artifact with other content.
pub fn with_content(
    old: &Artifact,
    zip: Vec<u8>,
    name: Option<String>,
    call: &Call,
) -> Result<Artifact, Refusal> {
    let bundle = Bundle::read(&zip)?;
    if bundle.symbolic_name != old.id {
        return Err(match old.kind {
            ArtifactType::IntegrationFlow => Refusal::bad_request(
                "Could not update artifact of the package; due to change in the Bundle-symbolicName",
            ),
            _ => Refusal::new(500, "BUNDLE_SYMBOLIC_NAME_CANNOT_BE_UPDATED"),
        });
    }
    Ok(Artifact {
        name: name.or(bundle.name).unwrap_or_else(|| old.name.clone()),
        version: version_after(old, bundle.version, call),
        draft: (call.value("version-policy") == Some("draft")).then_some(EDITED),
        description: bundle::description(&zip).unwrap_or_else(|| old.description.clone()),
        parameters: configurations::after_upload(&zip, (&old.id, old.kind), &old.parameters, call),
        zip: Arc::new(zip),
        ..old.clone()
    })
}

/// The colleague of scenario `foreign-save`, at the moment that it names.
pub fn colleague(tenant: &mut Tenant, call: &Call, id: &str, moment: &str) {
    if call.value_for("foreign-save", id) == Some(moment) {
        let later = i64::from(moment == "after-upload");
        tenant.colleague_saves(id, call.millis() + later);
    }
}

fn delete(tenant: &mut Tenant, call: &Call, id: &str) -> Answered {
    let artifact = &tenant.artifacts[id];
    refuse_writing(tenant, artifact, call, "delete")?;
    tenant.artifacts.remove(id);
    let scenarios = &call.setting.scenarios;
    let lingers = scenarios.seconds_of("delete-lingers", id).unwrap_or(0.0);
    tenant.deleted.entry(id.to_owned()).or_default().free = call.now + lingers;
    Ok(Answer::empty(200))
}

/// 202 with a text, whatever the outcome; here it always passes.
pub fn validate(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    call.must_post()?;
    let (id, version) = (call.quoted("Id")?, call.quoted("Version")?);
    found(tenant, ArtifactType::IntegrationFlow, &id, &version)?;
    Ok(Answer::text(202, "Checkexecutionresult: Passed"))
}

/// Configures a parameter of a preloaded artifact.
pub fn configure(parameters: &mut [Parameter], key: &str, value: &str) -> bool {
    let mut parameters = parameters.iter_mut();
    let found = parameters.find(|parameter| parameter.declared.key == key);
    let found = found.map(|parameter| parameter.configured = Some(value.to_owned()));
    found.is_some()
}
