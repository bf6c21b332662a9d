//! Design-time artifacts of the four types: create, read, update, delete, download, save as version, validate.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::{Answer, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{self, Bundle, BundleError};
use super::call::Call;
use super::entity::{Entity, Property, iso};
use super::path::{Key, key_literal};
use super::state::{Artifact, EDITED, Parameter, Stamp, Tenant};
use super::{configurations, resources};

const KNOWN: [&str; 9] = [
    "Id",
    "Version",
    "Name",
    "PackageId",
    "Description",
    "Sender",
    "Receiver",
    "Comment",
    "ArtifactContent",
];

impl From<BundleError> for Refusal {
    fn from(error: BundleError) -> Self {
        Refusal::bad_request(error.to_string())
    }
}

pub(super) fn answer(
    tenant: &mut Tenant,
    call: &mut Call,
    kind: ArtifactType,
) -> Result<Answer, Refusal> {
    let key = call.segments[0].key.clone();
    if key == Key::None {
        return all(tenant, call, kind);
    }
    let wrong = || Refusal::bad_request("The key of a design time artifact is Id and Version.");
    let (id, version) = key.pair("Id", "Version").ok_or_else(wrong)?;
    let artifact = tenant
        .find(kind, id, version)
        .ok_or_else(|| Refusal::not_found(kind.missing()))?;
    let (entity, zip) = (entity(artifact, call), Arc::clone(&artifact.zip));
    let rest = call.rest();
    match (call.method, rest.as_slice()) {
        ("GET", []) => call.entity(200, entity),
        ("GET", ["$value"]) => download(tenant, call, id, zip),
        ("PUT", []) => update(tenant, call, id),
        ("DELETE", []) => delete(tenant, call, id),
        (_, ["Configurations", ..] | ["$links", "Configurations"]) => {
            configurations::answer(tenant, call, id)
        }
        (_, ["Resources", ..] | ["$links", "Resources"]) if kind.has_resources() => {
            resources::answer(tenant, call, id)
        }
        (_, ["Resources", ..] | ["$links", "Resources"]) => Err(Refusal::not_found(
            "Resources are not available for this artifact.",
        )),
        (_, [navigation, ..]) if kind.navigation().contains(navigation) => {
            Err(Refusal::not_simulated(navigation))
        }
        (_, [name, ..]) if !name.starts_with('$') => Err(Refusal::not_found(format!(
            "Could not find a navigation property '{name}'."
        ))),
        _ => Err(Refusal::not_implemented()),
    }
}

fn all(tenant: &mut Tenant, call: &mut Call, kind: ArtifactType) -> Result<Answer, Refusal> {
    let listed = |tenant: &Tenant, call: &Call| -> Vec<Entity> {
        let shown = tenant
            .artifacts
            .values()
            .filter(|artifact| artifact.kind == kind && !artifact.hidden);
        shown.map(|artifact| entity(artifact, call)).collect()
    };
    match (call.method, call.rest().as_slice()) {
        ("GET", []) if kind.listed_tenant_wide() => {
            call.list(kind.entity_set(), listed(tenant, call))
        }
        ("GET", ["$count"]) if kind.listed_tenant_wide() => call.count(listed(tenant, call)),
        ("POST", []) => create(tenant, call, kind),
        _ => Err(Refusal::not_implemented()),
    }
}

/// An artifact as the lists of its package show it.
pub(super) fn listed(artifact: &Artifact, call: &Call) -> Entity {
    let mut entity = entity(artifact, call);
    if call.chosen("lists-without-dates") {
        entity
            .properties
            .retain(|(name, _)| !name.starts_with("Created") && !name.starts_with("Modified"));
    }
    entity
}

/// An artifact as the API shows it.
pub(super) fn entity(artifact: &Artifact, call: &Call) -> Entity {
    let version = artifact.shown_version();
    let mut properties = vec![
        ("Id", Property::text(&artifact.id)),
        ("Version", Property::text(version)),
        ("PackageId", Property::text(&artifact.package)),
        ("Name", Property::text(&artifact.name)),
        ("Description", Property::text(&artifact.description)),
    ];
    if artifact.kind == ArtifactType::IntegrationFlow {
        properties.extend([
            ("Sender", Property::text("")),
            ("Receiver", Property::text("")),
        ]);
    }
    // tenants of some years ago did not have these
    if !call.chosen("no-modified-at") {
        properties.extend([
            ("Comment", Property::text("")),
            ("CreatedAt", date(&artifact.created, call)),
            ("CreatedBy", Property::text(&artifact.created.by)),
            ("ModifiedAt", date(&artifact.modified, call)),
            ("ModifiedBy", Property::text(&artifact.modified.by)),
        ]);
    }
    properties.push(("ArtifactContent", Property::Null));
    Entity {
        set: artifact.kind.entity_set(),
        kind: artifact.kind.entity_type(),
        key: format!(
            "Id={},Version={}",
            key_literal(&artifact.id),
            key_literal(version)
        ),
        properties,
        links: artifact.kind.navigation().to_vec(),
        expanded: Vec::new(),
        media: true,
    }
}

fn date(stamp: &Stamp, call: &Call) -> Property {
    Property::Text(match call.setting.scenarios.value("modified-at-format") {
        Some("odata") => format!("/Date({})/", stamp.millis),
        Some("iso") => format!("{}Z", iso(stamp.millis)),
        _ => stamp.millis.to_string(),
    })
}

fn create(tenant: &mut Tenant, call: &mut Call, kind: ArtifactType) -> Result<Answer, Refusal> {
    let mut body = call.properties(&KNOWN)?;
    let content = body
        .take("ArtifactContent")
        .filter(|content| !content.is_empty());
    let (name, id, package) = (
        body.take_filled("Name")?,
        body.take_filled("Id")?,
        body.take_filled("PackageId")?,
    );
    check_name(&name)?;
    check_package(tenant, &package)?;
    check_free(tenant, call, kind, (&id, &name, &package))?;
    check_deleted(tenant, call, kind, &id)?;
    let zip = match content {
        Some(content) => bundle::renamed(decoded(&content, kind)?, &id)?,
        None => bundle::empty(kind, &id, &name)?,
    };
    let description = body
        .take("Description")
        .filter(|text| !text.is_empty())
        .or_else(|| bundle::description(&zip))
        .unwrap_or_default();
    let stored = Stored {
        id,
        kind,
        package,
        name,
        description,
        zip,
        stamp: call.stamp(),
    };
    let artifact = stored.artifact(call)?;
    let answer = call.entity(201, entity(&artifact, call));
    let id = artifact.id.clone();
    tenant.artifacts.insert(id.clone(), artifact);
    colleague_after_upload(tenant, call, &id);
    answer
}

/// An artifact that enters the tenant.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) kind: ArtifactType,
    pub(super) package: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) zip: Vec<u8>,
    pub(super) stamp: Stamp,
}

impl Stored {
    pub(super) fn artifact(self, call: &Call) -> Result<Artifact, Refusal> {
        let bundle = Bundle::read(&self.zip)?;
        let first = "1.0.0".to_owned();
        let version = match call.setting.scenarios.value("version-policy") {
            Some("create-1.0.0") => first,
            _ => bundle.version.unwrap_or(first),
        };
        Ok(Artifact {
            parameters: configurations::after_upload(&self.zip, (&self.id, self.kind), &[], call),
            id: self.id,
            kind: self.kind,
            package: self.package,
            name: self.name,
            description: self.description,
            version,
            draft: None,
            lock: None,
            hidden: false,
            created: self.stamp.clone(),
            modified: self.stamp,
            zip: Arc::new(self.zip),
        })
    }
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

fn check_package(tenant: &Tenant, package: &str) -> Result<(), Refusal> {
    match tenant.packages.get(package) {
        None => Err(Refusal::not_found(format!(
            "Integration package with Id {package} not found."
        ))),
        Some(package) if package.read_only => Err(Refusal::bad_request(format!(
            "The package with Id: {} is a configure only package.",
            package.id
        ))),
        Some(_) => Ok(()),
    }
}

/// Ids are unique in the tenant, whatever the type.
fn check_free(
    tenant: &Tenant,
    call: &Call,
    kind: ArtifactType,
    (id, name, package): (&str, &str, &str),
) -> Result<(), Refusal> {
    let lingering = tenant
        .deleted
        .get(id)
        .filter(|deleted| call.now < deleted.free);
    let owner = match (tenant.artifacts.get(id), lingering) {
        (Some(taken), _) => taken.package.as_str(),
        (None, Some(_)) => package,
        (None, None) => return Ok(()),
    };
    let article = if kind == ArtifactType::IntegrationFlow {
        "An"
    } else {
        "A"
    };
    let text = format!(
        "{article} {} {name} with the ID {id} already exists in the {} package. Please rename the artifact ID.",
        kind.words(),
        owner
    );
    let status = if call.setting.scenarios.value("duplicate") == Some("409") {
        409
    } else {
        500
    };
    Err(Refusal::new(status, text))
}

/// Scenario `create-fails-after-delete`: the way back is barred, for a while or for good.
fn check_deleted(
    tenant: &mut Tenant,
    call: &Call,
    kind: ArtifactType,
    id: &str,
) -> Result<(), Refusal> {
    let most = call
        .setting
        .scenarios
        .times_of("create-fails-after-delete", id);
    match tenant.deleted.get_mut(id) {
        Some(deleted) if deleted.failed_creates < most => {
            deleted.failed_creates += 1;
            let text = format!("Creation of {} failed.", kind.title());
            Err(Refusal::new(500, text))
        }
        _ => Ok(()),
    }
}

fn decoded(content: &str, kind: ArtifactType) -> Result<Vec<u8>, Refusal> {
    let broken = |_| Refusal::bad_request("The artifact content is not valid Base64.");
    let zip = STANDARD.decode(content).map_err(broken)?;
    let bundle = Bundle::read(&zip)?;
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

fn download(tenant: &Tenant, call: &Call, id: &str, zip: Arc<Vec<u8>>) -> Result<Answer, Refusal> {
    let artifact = &tenant.artifacts[id];
    refuse_read_only(tenant, artifact)?;
    let zip = if call.chosen("downloads-differ") {
        Arc::new(bundle::dated(&zip, call.setting.clock.millis(call.now))?)
    } else {
        zip
    };
    let zip = match artifact.kind {
        ArtifactType::ValueMapping => Arc::new(bundle::with_file(&zip, bundle::METAINFO, None)?),
        _ => zip,
    };
    let name: String = id
        .chars()
        .map(|letter| {
            if letter.is_ascii_graphic() && letter != '"' {
                letter
            } else {
                '_'
            }
        })
        .collect();
    Ok(Answer::shared(200, "application/zip", zip).with(
        "Content-Disposition",
        format!("attachment; filename={name}.zip"),
    ))
}

fn refuse_read_only(tenant: &Tenant, artifact: &Artifact) -> Result<(), Refusal> {
    match tenant.packages.get(&artifact.package) {
        Some(package) if package.read_only => Err(Refusal::bad_request(format!(
            "{} artifact consists in a configure only package with Id: {}",
            artifact.kind.title(),
            package.id
        ))),
        _ => Ok(()),
    }
}

/// Nobody writes what a colleague has open.
pub(super) fn refuse_locked(artifact: &Artifact, call: &Call, deed: &str) -> Result<(), Refusal> {
    if artifact.lock.is_none() {
        return Ok(());
    }
    let status = if call.setting.scenarios.value("locked") == Some("423") {
        423
    } else {
        500
    };
    let text = match deed {
        "delete" => "Cannot delete the artifact as it is locked.".to_owned(),
        _ => format!(
            "Update of {} failed. Cannot update the artifact as it is locked.",
            artifact.kind.title()
        ),
    };
    Err(Refusal::new(status, text))
}

fn update(tenant: &mut Tenant, call: &mut Call, id: &str) -> Result<Answer, Refusal> {
    let artifact = &tenant.artifacts[id];
    let kind = artifact.kind;
    if kind == ArtifactType::ValueMapping {
        return Err(Refusal::not_implemented());
    }
    let mut body = call.properties(&KNOWN)?;
    if body.has("Id") || body.has("PackageId") {
        let text = format!(
            "Update of {} failed : Update of PackageId and Id are not allowed.",
            kind.title()
        );
        return Err(Refusal::new(500, text));
    }
    refuse_read_only(tenant, artifact)?;
    refuse_locked(artifact, call, "update")?;
    let name = body.take("Name").filter(|name| !name.is_empty());
    if let Some(name) = &name {
        check_name(name)?;
    }
    let content = body
        .take("ArtifactContent")
        .filter(|content| !content.is_empty());
    let description = body.take("Description");
    let artifact = match content {
        Some(content) => uploaded(artifact, decoded(&content, kind)?, name, call)?,
        // a name alone is saved as a draft
        None => Artifact {
            name: name.unwrap_or_else(|| artifact.name.clone()),
            draft: Some(EDITED),
            ..artifact.clone()
        },
    };
    let description = description.unwrap_or_else(|| artifact.description.clone());
    tenant.artifacts.insert(
        id.to_owned(),
        Artifact {
            modified: call.stamp(),
            description,
            ..artifact
        },
    );
    colleague_after_upload(tenant, call, id);
    Ok(Answer::empty(200))
}

/// What an upload makes of an artifact, with the departures that scenarios ask for.
fn uploaded(
    old: &Artifact,
    zip: Vec<u8>,
    name: Option<String>,
    call: &Call,
) -> Result<Artifact, Refusal> {
    let scenarios = &call.setting.scenarios;
    let zip = match scenarios.of_artifact("rewrites-content", &old.id) {
        Some(how) => bundle::respelled(zip, &old.id, how)?,
        None => zip,
    };
    let new = with_content(old, zip, name, call)?;
    Ok(match scenarios.of_artifact("update-not-stored", &old.id) {
        Some(_) => old.clone(),
        None => new,
    })
}

/// The artifact with other content.
pub(super) fn with_content(
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
        draft: None,
        description: bundle::description(&zip).unwrap_or_else(|| old.description.clone()),
        parameters: configurations::after_upload(&zip, (&old.id, old.kind), &old.parameters, call),
        zip: Arc::new(zip),
        ..old.clone()
    })
}

fn version_after(old: &Artifact, manifest: Option<String>, call: &Call) -> String {
    let keep = old.version.clone();
    let Some(manifest) = manifest else {
        return keep;
    };
    match call.setting.scenarios.value("version-policy") {
        Some("manifest") => manifest,
        Some("keep" | "create-1.0.0") => keep,
        _ if numbers(&manifest) > numbers(&old.version) => manifest,
        _ => keep,
    }
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

fn colleague_after_upload(tenant: &mut Tenant, call: &Call, id: &str) {
    let chosen = call.setting.scenarios.of_artifact("foreign-save", id) == Some("after-upload");
    if chosen {
        tenant.colleague_saves(id, call.stamp().millis + 1);
    }
}

fn delete(tenant: &mut Tenant, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let artifact = &tenant.artifacts[id];
    refuse_read_only(tenant, artifact)?;
    refuse_locked(artifact, call, "delete")?;
    tenant.artifacts.remove(id);
    let scenarios = &call.setting.scenarios;
    let lingers = scenarios.seconds_of("delete-lingers", id).unwrap_or(0.0);
    tenant.deleted.entry(id.to_owned()).or_default().free = call.now + lingers;
    Ok(Answer::empty(200))
}

/// `...SaveAsVersion?Id='X'&SaveAsVersion='1.0.4'`: metadata promises the entity, tenants answer nothing.
pub(super) fn save_as_version(
    tenant: &mut Tenant,
    call: &Call,
    kind: ArtifactType,
) -> Result<Answer, Refusal> {
    let absent = match call.setting.scenarios.value("no-save-as-version") {
        Some("all") => true,
        Some(_) => kind != ArtifactType::IntegrationFlow,
        None => false,
    };
    if call.method != "POST" || absent {
        return Err(Refusal::not_implemented());
    }
    let (id, version) = (call.quoted("Id")?, call.quoted("SaveAsVersion")?);
    let artifact = tenant
        .find(kind, &id, "active")
        .ok_or_else(|| Refusal::not_found(kind.missing()))?;
    refuse_read_only(tenant, artifact)?;
    refuse_locked(artifact, call, "update")?;
    if version.trim().is_empty() {
        return Err(Refusal::bad_request("The version cannot be empty."));
    }
    if numbers(&version) <= numbers(&artifact.version) {
        match call.setting.scenarios.of_artifact("save-as-version", &id) {
            Some("ignored") => return Ok(Answer::empty(200)),
            Some(how) => return Err(not_higher(how, &version, artifact)),
            None => {}
        }
    }
    let artifact = Artifact {
        version,
        draft: None,
        modified: call.stamp(),
        ..artifact.clone()
    };
    tenant.artifacts.insert(id, artifact);
    Ok(Answer::empty(200))
}

fn not_higher(how: &str, version: &str, artifact: &Artifact) -> Refusal {
    let status = if how == "refused-500" { 500 } else { 400 };
    let text = format!(
        "The version {version} must be higher than the current version {}.",
        artifact.version
    );
    Refusal::new(status, text)
}

/// 202 with a text, whatever the outcome; here it always passes.
pub(super) fn validate(tenant: &Tenant, call: &Call) -> Result<Answer, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::not_implemented());
    }
    let (id, version) = (call.quoted("Id")?, call.quoted("Version")?);
    let kind = ArtifactType::IntegrationFlow;
    tenant
        .find(kind, &id, &version)
        .ok_or_else(|| Refusal::not_found(kind.missing()))?;
    Ok(Answer::text(202, "Checkexecutionresult: Passed"))
}

/// Configures a parameter of a preloaded artifact.
pub(super) fn configure(parameters: &mut [Parameter], key: &str, value: &str) -> bool {
    match parameters
        .iter_mut()
        .find(|parameter| parameter.declared.key == key)
    {
        Some(parameter) => {
            parameter.configured = Some(value.to_owned());
            true
        }
        None => false,
    }
}
