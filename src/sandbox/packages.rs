//! `IntegrationPackages`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::{Answer, Answered, Refusal};
use super::artifact_type::ArtifactType;
use super::bundle::{file, sha256, zip_of};
use super::call::{Call, Properties};
use super::clock::Seconds;
use super::designtime;
use super::entity::Entity;
use super::model::{CUSTOM_TAGS, PACKAGES};
use super::query::{Documented, USUAL};
use super::state::{Artifact, Package, Tenant};
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
/// How long a deleted package is still seen.
const DELETION: Seconds = 1.0;
/// What an export holds, base64 of JSON.
const LISTING: &str = "resources.cnt";
/// `resourceType` of the package itself.
const CONTENT_PACKAGE: &str = "ContentPackage";
const EXISTS: &str = "Entity with the specified IntegrationPackage id already exist.";

pub fn answer(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let rest = call.rest().join("/");
    if !call.has_key() {
        if call.query.get("$inlinecount").is_some() {
            return Err(Refusal::not_implemented());
        }
        return match (call.method, rest.as_str()) {
            ("GET", "" | "$count") => {
                let all = tenant.packages.values().map(entity);
                call.all(PACKAGES.name, all.collect())
            }
            ("POST", "") => create(tenant, call),
            _ => Err(Refusal::not_implemented()),
        };
    }
    refuse_unseen(tenant, call)?;
    let package = tenant.packages.get(call.key("Id")?);
    let package = package.ok_or_else(Refusal::missing)?;
    match (call.method, rest.as_str()) {
        ("GET", "") => call.entity(200, entity(package)),
        ("GET", "$value") => export(tenant, package),
        ("PUT", "") => replace(tenant, call),
        ("DELETE", "") => {
            // gone soon after (mcp-cpi-share: within two seconds)
            let id = package.id.clone();
            let package = tenant.packages.get_mut(&id).ok_or_else(Refusal::missing)?;
            package.deleted = Some(call.now + DELETION);
            Ok(Answer::empty(202))
        }
        ("GET", "CustomTags") => {
            let tag = |(name, value)| CUSTOM_TAGS.entity(&json!([name, value]));
            call.all(CUSTOM_TAGS.name, package.tags.iter().map(tag).collect())
        }
        ("PUT", "$links/CustomTags") => tag(tenant, call),
        ("GET", navigation) => members(tenant, call, package, navigation),
        _ => Err(Refusal::not_implemented()),
    }
}

fn create(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let mut body = call.properties(&PACKAGES)?;
    if let Some(content) = body.take("PackageContent") {
        return import(tenant, call, &content);
    }
    refuse_mode(&body)?;
    let id = body.take_filled("Id")?;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain && !call.chosen("any-package-id") {
        let text = "Property 'Id' value cannot have a special character. Enter a valid Id.";
        return Err(Refusal::bad_request(text));
    }
    let properties = writable(&mut body)?;
    if tenant.packages.contains_key(&id) {
        return Err(Refusal::new(409, EXISTS));
    }
    let package = new(tenant, &id, properties, call);
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
    call: &Call,
) -> Package {
    let stamp = call.stamp();
    let tags = call.value("custom-tags").unwrap_or_default();
    let tags = tags
        .split_terminator(',')
        .map(|name| (name.to_owned(), String::new()));
    Package {
        id: id.to_owned(),
        properties,
        read_only: false,
        tags: tags.collect(),
        deleted: None,
        created: stamp.clone(),
        modified: stamp,
        resource_id: uuid(&mut tenant.rng).replace('-', ""),
    }
}

/// A package that is on the tenant from the start.
pub fn preload(tenant: &mut Tenant, id: &str, read_only: bool, call: &Call) {
    let text = |name: &'static str| match name {
        "Name" | "ShortText" => (name, id.to_owned()),
        _ => (name, stored(name, String::new())),
    };
    let mut package = new(tenant, id, WRITABLE.into_iter().map(text).collect(), call);
    package.read_only = read_only;
    tenant.packages.entry(id.to_owned()).or_insert(package);
}

/// A package with all its artifacts, as an export holds them.
fn import(tenant: &mut Tenant, call: &mut Call, content: &str) -> Answered {
    let broken = || Refusal::bad_request("The package content cannot be read.");
    let zip = STANDARD.decode(content).map_err(|_| broken())?;
    let listing = file(&zip, LISTING).and_then(|text| STANDARD.decode(text).ok());
    let listing: Value = listing
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or_else(broken)?;
    let resources = listing["resources"].as_array().ok_or_else(broken)?;
    let text_of =
        |resource: &Value, name: &str| resource[name].as_str().unwrap_or_default().to_owned();
    let holder = resources
        .iter()
        .find(|one| one["resourceType"] == CONTENT_PACKAGE);
    let holder = holder.ok_or_else(broken)?;
    let (id, name) = (text_of(holder, "uniqueId"), text_of(holder, "displayName"));
    let overwrites = call.query.get("Overwrite") == Some("true");
    if tenant.packages.contains_key(&id) && !overwrites {
        return Err(Refusal::new(409, EXISTS));
    }
    let mut entering = Vec::new();
    for resource in resources {
        let kinds = ArtifactType::ALL.into_iter();
        let mut kinds = kinds.filter(|kind| resource["resourceType"] == kind.resource_type());
        let Some(kind) = kinds.next() else { continue };
        let content = file(&zip, &format!("{}_content", text_of(resource, "id")));
        let artifact = designtime::entering(content.ok_or_else(broken)?, kind, &id, call)?;
        let taken = tenant.artifacts.get(&artifact.id);
        if taken.is_some_and(|taken| taken.package != id) {
            let text = format!(
                "Uniqueness Conflict: {} exists in another package.",
                artifact.id
            );
            return Err(Refusal::new(409, text));
        }
        entering.push(artifact);
    }
    preload(tenant, &id, false, call);
    for artifact in entering {
        tenant.store(artifact);
    }
    let package = tenant.packages.get_mut(&id).ok_or_else(broken)?;
    package.properties.insert("Name", name);
    call.entity(201, entity(package))
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

/// `$links/CustomTags('NAME')`: the tags that a tenant wants are configured there.
fn tag(tenant: &mut Tenant, call: &mut Call) -> Answered {
    let name = call.segments.last().and_then(|last| last.key.only("Name"));
    let value = call.properties(&CUSTOM_TAGS)?.take("Value");
    let package = tenant.packages.get_mut(call.key("Id")?);
    let tags = &mut package.ok_or_else(Refusal::missing)?.tags;
    let tag = name.and_then(|name| tags.get_mut(name));
    *tag.ok_or_else(Refusal::missing)? = value.unwrap_or_default();
    Ok(Answer::empty(202))
}

/// Scenario `package-reads-fail`: after a burst of reads of single packages some are 404; lists show what is.
fn refuse_unseen(tenant: &mut Tenant, call: &Call) -> Result<(), Refusal> {
    const BURST: usize = 5;
    let reads = &mut tenant.package_reads;
    *reads += usize::from(call.method == "GET");
    let unseen = call
        .setting
        .scenarios
        .times_of("package-reads-fail", call.key("Id")?);
    if call.method == "GET" && *reads > BURST && *reads - BURST <= unseen {
        return Err(Refusal::missing());
    }
    Ok(())
}

fn members(tenant: &Tenant, call: &Call, package: &Package, navigation: &str) -> Answered {
    let name = navigation.strip_suffix("/$count").unwrap_or(navigation);
    let kind = ArtifactType::named_in(name).filter(|kind| kind.entity_set().name == name);
    let Some(kind) = kind else {
        // these types exist; nothing of them can be stored here
        return match PACKAGES.navigation().find(|known| *known == name) {
            Some(other) => call.all(other, Vec::new()),
            None => Err(Refusal::no_navigation(name)),
        };
    };
    match call.value_for("broken-package-list", &package.id) {
        Some(broken) if broken == "all" || broken == kind.stem() => {
            Err(Refusal::new(500, "Internal Server Error"))
        }
        _ => {
            let members = in_package(tenant, &package.id).filter(|artifact| artifact.kind == kind);
            let shown = members.map(|artifact| designtime::listed(artifact, call));
            let ignores = call.chosen("skip-ignored");
            let documented = if ignores { &MEMBERS } else { &USUAL };
            call.all_by(name, shown.collect(), documented)
        }
    }
}

/// Lists without a second page by `$skip`, and without a count.
const MEMBERS: Documented = Documented {
    ignored: &["$skip", "$inlinecount"],
    ..USUAL
};

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
    PACKAGES.filled(|name| match name {
        "Id" => json!(package.id),
        "ResourceId" => json!(package.resource_id),
        "Mode" => json!(mode),
        "UpdateAvailable" | "PartnerContent" => json!(false),
        "CreatedBy" => json!(package.created.by),
        "CreationDate" => json!(package.created.millis.to_string()),
        "ModifiedBy" => json!(package.modified.by),
        "ModifiedDate" => json!(package.modified.millis.to_string()),
        written => json!(package.properties.get(written)),
    })
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
    let mut resources: Vec<_> = artifacts
        .iter()
        .map(|artifact| resource(artifact))
        .collect();
    resources.push(json!({
        "id": package.resource_id,
        "uniqueId": package.id,
        "displayName": package.properties.get("Name"),
        "resourceType": CONTENT_PACKAGE,
    }));
    let listing = json!({"resources": resources, "relations": []}).to_string();
    let hash = json!([sha256(listing.as_bytes()), sha256(b"")]).to_string();
    let versions = "HashVersion=2.0.0\nExportModelVersion=1.0.0\n";
    let contents = artifacts.iter().map(|artifact| {
        let name = format!("{}_content", resource_id(artifact));
        (name, artifact.zip.to_vec())
    });
    let described = [
        (LISTING, STANDARD.encode(&listing)),
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
