//! `IntegrationPackages`.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::answer::{Answer, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::sha256;
use super::call::{Call, Properties};
use super::designtime;
use super::entity::{Entity, Property};
use super::path::{Key, key_literal};
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
const KNOWN: [&str; 21] = [
    "Id",
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
    "Mode",
    "PackageContent",
    "ModifiedBy",
    "CreationDate",
    "ModifiedDate",
    "CreatedBy",
    "UpdateAvailable",
    "PartnerContent",
    "ResourceId",
];

pub(super) fn answer(tenant: &mut Tenant, call: &mut Call) -> Result<Answer, Refusal> {
    let rest = call.rest().join("/");
    let key = call.segments[0].key.clone();
    match (call.method, &key, rest.as_str()) {
        ("GET", Key::None, "") => call.list(
            "IntegrationPackages",
            tenant.packages.values().map(entity).collect(),
        ),
        ("GET", Key::None, "$count") => call.count(tenant.packages.values().map(entity).collect()),
        ("POST", Key::None, "") => create(tenant, call),
        (_, Key::None, _) => Err(Refusal::not_implemented()),
        (method, key, rest) => {
            let id = key
                .only("Id")
                .ok_or_else(|| Refusal::bad_request("The key of IntegrationPackages is Id."))?;
            let package = tenant.packages.get(id).ok_or_else(missing)?.clone();
            one(tenant, call, &package, method, rest)
        }
    }
}

fn one(
    tenant: &mut Tenant,
    call: &mut Call,
    package: &Package,
    method: &str,
    rest: &str,
) -> Result<Answer, Refusal> {
    match (method, rest) {
        ("GET", "") => call.entity(200, entity(package)),
        ("GET", "$value") => export(tenant, package),
        ("PUT", "") => replace(tenant, call, &package.id),
        ("DELETE", "") => Ok(delete(tenant, &package.id)),
        ("GET", navigation) => members(tenant, call, package, navigation),
        _ => Err(Refusal::not_implemented()),
    }
}

fn missing() -> Refusal {
    Refusal::not_found("Requested entity could not be found.")
}

fn create(tenant: &mut Tenant, call: &mut Call) -> Result<Answer, Refusal> {
    let mut body = call.properties(&KNOWN)?;
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
        return Err(Refusal::new(
            409,
            "Entity with the specified IntegrationPackage id already exist.",
        ));
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
pub(super) fn preload(tenant: &mut Tenant, id: &str, read_only: bool, stamp: Stamp) {
    let text = |name: &'static str| match name {
        "Name" | "ShortText" => (name, id.to_owned()),
        _ => (name, stored(name, String::new())),
    };
    let mut package = new(tenant, id, WRITABLE.into_iter().map(text).collect(), stamp);
    package.read_only = read_only;
    tenant.packages.entry(id.to_owned()).or_insert(package);
}

/// The whole entity is replaced: what is left out becomes empty.
fn replace(tenant: &mut Tenant, call: &mut Call, id: &str) -> Result<Answer, Refusal> {
    let mut body = call.properties(&KNOWN)?;
    refuse_mode(&body)?;
    if body.take("Id").is_some_and(|sent| sent != id) {
        return Err(Refusal::bad_request(
            "The Id of a package cannot be changed.",
        ));
    }
    let properties = writable(&mut body)?;
    let package = tenant.packages.get_mut(id).ok_or_else(missing)?;
    if package.read_only {
        return Err(Refusal::bad_request(format!(
            "The package with Id: {id} is a configure only package."
        )));
    }
    package.properties = properties;
    package.modified = call.stamp();
    Ok(Answer::empty(202))
}

/// Design time only: what runs goes on running.
fn delete(tenant: &mut Tenant, id: &str) -> Answer {
    tenant.packages.remove(id);
    tenant
        .artifacts
        .retain(|_, artifact| artifact.package != id);
    Answer::empty(202)
}

fn members(
    tenant: &Tenant,
    call: &Call,
    package: &Package,
    navigation: &str,
) -> Result<Answer, Refusal> {
    let (set, counted) = match navigation.strip_suffix("/$count") {
        Some(set) => (set, true),
        None => (navigation, false),
    };
    let others = [
        "DataTypeDesigntimeArtifacts",
        "MessageTypeDesigntimeArtifacts",
        "FaultMessageTypeDesigntimeArtifacts",
        "ServiceInterfaceDesigntimeArtifacts",
    ];
    let kind = ArtifactType::between(set, "", "DesigntimeArtifacts");
    let broken = call
        .setting
        .scenarios
        .of_artifact("broken-package-list", &package.id);
    if let (Some(kind), Some(broken)) = (kind, broken)
        && (broken == "all" || broken == kind.stem())
    {
        return Err(Refusal::new(500, "Internal Server Error"));
    }
    let entities = match kind {
        Some(kind) => in_package(tenant, &package.id)
            .filter(|artifact| artifact.kind == kind)
            .map(|artifact| designtime::listed(artifact, call))
            .collect(),
        // these types exist; nothing of them can be stored here
        None if others.contains(&set) => Vec::new(),
        None => {
            return Err(Refusal::not_found(format!(
                "Could not find a navigation property '{set}'."
            )));
        }
    };
    if counted {
        call.count(entities)
    } else {
        call.list(set, entities)
    }
}

fn in_package<'a>(tenant: &'a Tenant, package: &'a str) -> impl Iterator<Item = &'a Artifact> {
    tenant
        .artifacts
        .values()
        .filter(move |artifact| artifact.package == package && !artifact.hidden)
}

fn entity(package: &Package) -> Entity {
    let mut properties = vec![
        ("Id", Property::text(&package.id)),
        ("ResourceId", Property::text(&package.resource_id)),
    ];
    properties.extend(
        package
            .properties
            .iter()
            .map(|(name, value)| (*name, Property::text(value))),
    );
    properties.extend([
        (
            "Mode",
            Property::text(if package.read_only {
                "READ_ONLY"
            } else {
                "EDIT_ALLOWED"
            }),
        ),
        ("UpdateAvailable", Property::text("false")),
        ("PartnerContent", Property::text("false")),
        ("CreatedBy", Property::text(&package.created.by)),
        (
            "CreationDate",
            Property::text(package.created.millis.to_string()),
        ),
        ("ModifiedBy", Property::text(&package.modified.by)),
        (
            "ModifiedDate",
            Property::text(package.modified.millis.to_string()),
        ),
        ("PackageContent", Property::Null),
    ]);
    let mut links = ArtifactType::ALL.map(ArtifactType::entity_set).to_vec();
    links.push("CustomTags");
    Entity {
        set: "IntegrationPackages",
        kind: "IntegrationPackage",
        key: key_literal(&package.id),
        properties,
        links,
        expanded: Vec::new(),
        media: true,
    }
}

fn export(tenant: &Tenant, package: &Package) -> Result<Answer, Refusal> {
    if package.read_only {
        return Err(Refusal::bad_request(format!(
            "The package with Id: {} is a configure only package.",
            package.id
        )));
    }
    let artifacts: Vec<&Artifact> = in_package(tenant, &package.id).collect();
    let drafts: Vec<String> = artifacts
        .iter()
        .filter(|artifact| artifact.draft.is_some())
        .map(|artifact| {
            format!(
                "{{Type={}, Name={}}}",
                artifact.kind.resource_type(),
                artifact.name
            )
        })
        .collect();
    if !drafts.is_empty() {
        let list = drafts.join(", ");
        return Err(Refusal::new(
            500,
            format!(
                "Package export failed. It contains the following artifacts are in draft state: [ {list} ]."
            ),
        ));
    }
    let zip =
        export_zip(package, &artifacts).map_err(|_| Refusal::new(500, "Package export failed."))?;
    let name = format!(
        "attachment; filename={}.zip",
        package.id.replace(['"', '\r', '\n'], "_")
    );
    Ok(Answer::typed(200, "application/zip", zip).with("Content-Disposition", name))
}

fn export_zip(package: &Package, artifacts: &[&Artifact]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut put = |name: &str, bytes: &[u8]| -> zip::result::ZipResult<()> {
        writer.start_file(name, SimpleFileOptions::default())?;
        Ok(writer.write_all(bytes)?)
    };
    for artifact in artifacts {
        put(&format!("{}_content", resource_id(artifact)), &artifact.zip)?;
    }
    let resources: Vec<_> = artifacts
        .iter()
        .map(|artifact| resource(artifact))
        .collect();
    let listing = json!({"resources": resources, "relations": []}).to_string();
    put("resources.cnt", STANDARD.encode(&listing).as_bytes())?;
    put(
        "contentmetadata.md",
        STANDARD
            .encode("HashVersion=2.0.0\nExportModelVersion=1.0.0\n")
            .as_bytes(),
    )?;
    put(
        "hash",
        STANDARD
            .encode(json!([sha256(listing.as_bytes()), sha256(b"")]).to_string())
            .as_bytes(),
    )?;
    put(
        "ExportInformation.info",
        format!("Name={}\n", package.id).as_bytes(),
    )?;
    Ok(writer.finish()?.into_inner())
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
