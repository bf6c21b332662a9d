//! `IntegrationPackages`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::answer::{Answer, Answered, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{sha256, zip_of};
use super::call::{Call, Properties};
use super::designtime;
use super::entity::{Entity, Property, text};
use super::model::PACKAGES;
use super::state::{Artifact, Package, Stamp, Tenant};
use super::tokens::uuid;

/// What clients may write. Everything else the tenant sets itself.
const WRITABLE: [&str; 11] = [
    "Name",
    "Description",
    "ShortText",
    "Version",
    "Vendor",
    "SupportedPlatform",
    "Products",
    "Keywords",
    "Countries",
    "Industries",
    "LineOfBusiness",
];
pub fn answer(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let rest = call.rest().join("/");
    if !call.has_key() {
        return match (call.method, rest.as_str()) {
            ("GET", "" | "$count") => {
                let all = tenant.packages.values().map(entity);
                call.all(PACKAGES.name, all.collect())
            }
            ("POST", "") => create(tenant, call),
            _ => Err(Refusal::not_implemented()),
        };
    }
    let package = tenant.packages.get(call.key("Id")?);
    let package = package.ok_or_else(Refusal::missing)?;
    match (call.method, rest.as_str()) {
        ("GET", "") => call.entity(200, entity(package)),
        ("GET", "$value") => export(tenant, package),
        ("PUT", "") => replace(tenant, call),
        ("DELETE", "") => {
            let id = package.id.clone();
            Ok(delete(tenant, &id))
        }
        ("GET", navigation) => members(tenant, call, package, navigation),
        _ => Err(Refusal::not_implemented()),
    }
}

fn create(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let mut body = call.properties(&PACKAGES)?;
    if body.has("PackageContent") {
        return Err(Refusal::not_simulated("Importing a package"));
    }
    refuse_mode(&body)?;
    let id = body.take_filled("Id")?;
    if call.chosen("strict-package-id") && !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Refusal::bad_request(
            "The package Id may contain letters and digits only.",
        ));
    }
    let properties = writable(&mut body)?;
    if tenant.packages.contains_key(&id) {
        let text = "Entity with the specified IntegrationPackage id already exist.";
        return Err(Refusal::new(409, text));
    }
    let package = new(tenant, &id, properties, call.stamp());
    let answer = call.entity(201, entity(&package));
    tenant.packages.insert(id, package);
    answer
}

fn refuse_mode(body: &Properties) -> Result<(), Refusal> {
    if body.has("Mode") {
        return Err(Refusal::bad_request("Property 'Mode' cannot be set."));
    }
    Ok(())
}

fn writable(body: &mut Properties) -> Result<BTreeMap<&'static str, String>, Refusal> {
    let mut properties = BTreeMap::new();
    for name in WRITABLE {
        let value = match name {
            "Name" | "ShortText" => body.take_filled(name)?,
            _ => body.take(name).unwrap_or_default(),
        };
        properties.insert(name, stored(name, value));
    }
    Ok(properties)
}

/// Plain descriptions become paragraphs; lists come back in brackets.
fn stored(name: &str, value: String) -> String {
    match name {
        "Description" if !value.is_empty() && !value.starts_with('<') => format!("<p>{value}</p>"),
        "SupportedPlatform" if value.is_empty() => "SAP Cloud Integration".to_owned(),
        "Products" | "Keywords" | "Countries" | "Industries" | "LineOfBusiness"
            if !value.starts_with('[') =>
        {
            format!("[{value}]")
        }
        _ => value,
    }
}

fn new(
    tenant: &mut Tenant,
    id: &str,
    properties: BTreeMap<&'static str, String>,
    stamp: Stamp,
) -> Package {
    Package {
        id: id.to_owned(),
        properties,
        read_only: false,
        created: stamp.clone(),
        modified: stamp,
        resource_id: uuid(&mut tenant.rng).replace('-', ""),
    }
}

/// A package that is on the tenant from the start.
pub fn preload(tenant: &mut Tenant, id: &str, read_only: bool, stamp: Stamp) {
    let text = |name: &'static str| match name {
        "Name" | "ShortText" => (name, id.to_owned()),
        _ => (name, stored(name, String::new())),
    };
    let mut package = new(tenant, id, WRITABLE.into_iter().map(text).collect(), stamp);
    package.read_only = read_only;
    tenant.packages.entry(id.to_owned()).or_insert(package);
}

/// The whole entity is replaced: what is left out becomes empty.
fn replace(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let id = call.key("Id")?;
    let mut body = call.properties(&PACKAGES)?;
    refuse_mode(&body)?;
    if body.take("Id").is_some_and(|sent| sent != id) {
        return Err(Refusal::bad_request(
            "The Id of a package cannot be changed.",
        ));
    }
    let properties = writable(&mut body)?;
    let package = tenant.packages.get_mut(id).ok_or_else(Refusal::missing)?;
    package.refuse_read_only()?;
    package.properties = properties;
    package.modified = call.stamp();
    Ok(Answer::empty(202))
}

impl Package {
    /// Nobody writes into it, or takes it out.
    pub fn refuse_read_only(&self) -> Result<(), Refusal> {
        if self.read_only {
            return Err(Refusal::bad_request(format!(
                "The package with Id: {} is a configure only package.",
                self.id
            )));
        }
        Ok(())
    }
}

/// Design time only: what runs goes on running.
fn delete(tenant: &mut Tenant, id: &str) -> Answer {
    tenant.packages.remove(id);
    tenant
        .artifacts
        .retain(|_, artifact| artifact.package != id);
    Answer::empty(202)
}

fn members(tenant: &Tenant, call: &Call, package: &Package, navigation: &str) -> Answered {
    let name = navigation.strip_suffix("/$count").unwrap_or(navigation);
    let others = [
        "DataTypeDesigntimeArtifacts",
        "MessageTypeDesigntimeArtifacts",
        "FaultMessageTypeDesigntimeArtifacts",
        "ServiceInterfaceDesigntimeArtifacts",
    ];
    let Some(kind) = ArtifactType::named_in(name).filter(|kind| kind.entity_set().name == name)
    else {
        // these types exist; nothing of them can be stored here
        if let Some(other) = others.into_iter().find(|other| *other == name) {
            return call.all(other, Vec::new());
        }
        return Err(Refusal::no_navigation(name));
    };
    match call.value_for("broken-package-list", &package.id) {
        Some(broken) if broken == "all" || broken == kind.stem() => {
            Err(Refusal::new(500, "Internal Server Error"))
        }
        _ => {
            let members = in_package(tenant, &package.id).filter(|artifact| artifact.kind == kind);
            let shown = members.map(|artifact| designtime::listed(artifact, call));
            call.all(name, shown.collect())
        }
    }
}

fn in_package<'a>(tenant: &'a Tenant, package: &'a str) -> impl Iterator<Item = &'a Artifact> {
    tenant
        .artifacts
        .values()
        .filter(move |artifact| artifact.package == package && !artifact.hidden)
}

fn entity(package: &Package) -> Entity {
    let mode = if package.read_only {
        "READ_ONLY"
    } else {
        "EDIT_ALLOWED"
    };
    let values = PACKAGES.properties().map(|name| match name {
        "Id" => text(&package.id),
        "ResourceId" => text(&package.resource_id),
        "Mode" => text(mode),
        "UpdateAvailable" | "PartnerContent" => text("false"),
        "CreatedBy" => text(&package.created.by),
        "CreationDate" => text(package.created.millis.to_string()),
        "ModifiedBy" => text(&package.modified.by),
        "ModifiedDate" => text(package.modified.millis.to_string()),
        written => package.properties.get(written).map_or(Property::Null, text),
    });
    PACKAGES.entity(values.collect())
}

fn export(tenant: &Tenant, package: &Package) -> Answered {
    package.refuse_read_only()?;
    let artifacts: Vec<&Artifact> = in_package(tenant, &package.id).collect();
    let drafts = artifacts.iter().filter(|artifact| artifact.draft.is_some());
    let drafts = drafts.map(|draft| {
        let kind = draft.kind.resource_type();
        format!("{{Type={kind}, Name={}}}", draft.name)
    });
    let drafts = drafts.collect::<Vec<_>>().join(", ");
    if !drafts.is_empty() {
        let text = format!(
            "Package export failed. It contains the following artifacts are in draft state: [ {drafts} ]."
        );
        return Err(Refusal::new(500, text));
    }
    let name = package.id.replace(['"', '\r', '\n'], "_");
    let name = format!("attachment; filename={name}.zip");
    let zip = export_zip(package, &artifacts)?;
    Ok(Answer::typed(200, "application/zip", zip).with("Content-Disposition", name))
}

fn export_zip(package: &Package, artifacts: &[&Artifact]) -> Result<Vec<u8>, Refusal> {
    let resources: Vec<_> = artifacts
        .iter()
        .map(|artifact| resource(artifact))
        .collect();
    let listing = json!({"resources": resources, "relations": []}).to_string();
    let hash = json!([sha256(listing.as_bytes()), sha256(b"")]).to_string();
    let versions = "HashVersion=2.0.0\nExportModelVersion=1.0.0\n";
    let contents = artifacts.iter().map(|artifact| {
        let name = format!("{}_content", resource_id(artifact));
        (name, artifact.zip.to_vec())
    });
    let described = [
        ("resources.cnt", STANDARD.encode(&listing)),
        ("contentmetadata.md", STANDARD.encode(versions)),
        ("hash", STANDARD.encode(hash)),
        ("ExportInformation.info", format!("Name={}\n", package.id)),
    ];
    let described = described.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    Ok(zip_of(contents.chain(described))?)
}

fn resource_id(artifact: &Artifact) -> String {
    let mut digest = sha256(artifact.id.as_bytes());
    digest.truncate(32);
    digest
}

fn resource(artifact: &Artifact) -> serde_json::Value {
    json!({
        "id": resource_id(artifact),
        "name": artifact.id,
        "uniqueId": artifact.id,
        "displayName": artifact.name,
        "resourceType": artifact.kind.resource_type(),
        "semanticVersion": artifact.version,
        "modifiedBy": artifact.modified.by,
        "modifiedAt": artifact.modified.millis.to_string(),
        "privilegeState": "EDIT_ALLOWED",
        "additionalAttributes": {"nodeType": ["IFLMAP"], "BundleSymbolicName": [artifact.id]},
    })
}
