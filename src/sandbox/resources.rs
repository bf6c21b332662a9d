//! The files inside a flow or script collection, as the Resources calls show and change them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::{Answer, Refusal};
use super::bundle;
use super::call::Call;
use super::designtime::refuse_locked;
use super::entity::{Entity, Property};
use super::path::key_literal;
use super::state::{Artifact, Tenant};

const ROOT: &str = "src/main/resources/";

/// File ending, resource type, folder.
const TYPES: [(&str, &str, &str); 13] = [
    ("edmx", "edmx", "edmx"),
    ("groovy", "groovy", "script"),
    ("gsh", "groovy", "script"),
    ("jar", "jar", "lib"),
    ("js", "js", "script"),
    ("mmap", "mmap", "mapping"),
    ("opmap", "opmap", "mapping"),
    ("wsdl", "wsdl", "wsdl"),
    ("xsd", "xsd", "xsd"),
    ("xsl", "xslt", "mapping"),
    ("xslt", "xslt", "mapping"),
    ("json", "json", "json"),
    ("edmx.xml", "edmx", "edmx"),
];

struct Resource {
    name: String,
    kind: &'static str,
    size: u64,
    path: String,
}

pub(super) fn answer(tenant: &mut Tenant, call: &mut Call, id: &str) -> Result<Answer, Refusal> {
    let artifact = &tenant.artifacts[id];
    let key = call
        .segments
        .iter()
        .find(|segment| segment.name == "Resources")
        .and_then(|segment| segment.key.pair("Name", "ResourceType"));
    let key = key.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    match (call.method, call.rest().as_slice(), key) {
        ("GET", ["Resources"], None) => call.list("Resources", listed(artifact)),
        ("GET", ["Resources", "$count"], None) => call.count(listed(artifact)),
        ("POST", ["Resources"], None) => add(tenant, call, id),
        ("GET", ["Resources"], Some(key)) => call.entity(200, entity(&find(artifact, &key)?)),
        ("GET", ["Resources", "$value"], Some(key)) => value(artifact, &key),
        ("PUT", ["$links", "Resources"], Some(key)) => replace(tenant, call, id, &key),
        ("DELETE", ["$links", "Resources"], Some(key)) => remove(tenant, call, id, &key),
        _ => Err(Refusal::not_implemented()),
    }
}

fn listed(artifact: &Artifact) -> Vec<Entity> {
    resources(artifact).iter().map(entity).collect()
}

fn resources(artifact: &Artifact) -> Vec<Resource> {
    bundle::files(&artifact.zip)
        .into_iter()
        .filter_map(|(path, size)| resource(path, size))
        .collect()
}

fn resource(path: String, size: u64) -> Option<Resource> {
    let name = path.strip_prefix(ROOT)?.rsplit('/').next()?.to_owned();
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let (_, kind, _) = TYPES.iter().find(|(known, _, _)| *known == ending)?;
    Some(Resource {
        name,
        kind,
        size,
        path,
    })
}

fn find(artifact: &Artifact, (name, kind): &(String, String)) -> Result<Resource, Refusal> {
    let found = resources(artifact)
        .into_iter()
        .find(|resource| resource.name == *name && resource.kind == kind);
    found.ok_or_else(|| Refusal::not_found(format!("Resource {name} of type {kind} not found.")))
}

fn entity(resource: &Resource) -> Entity {
    Entity {
        set: "Resources",
        kind: "Resource",
        key: format!(
            "Name={},ResourceType={}",
            key_literal(&resource.name),
            key_literal(resource.kind)
        ),
        properties: vec![
            ("Name", Property::text(&resource.name)),
            ("ResourceType", Property::text(resource.kind)),
            ("ReferencedResourceType", Property::text("")),
            ("ResourceSize", Property::text(resource.size.to_string())),
            ("ResourceContent", Property::Null),
        ],
        links: Vec::new(),
        expanded: Vec::new(),
        media: true,
    }
}

fn value(artifact: &Artifact, key: &(String, String)) -> Result<Answer, Refusal> {
    let resource = find(artifact, key)?;
    let bytes = bundle::file(&artifact.zip, &resource.path).unwrap_or_default();
    Ok(Answer::typed(200, "application/octet-stream", bytes))
}

fn add(tenant: &mut Tenant, call: &mut Call, id: &str) -> Result<Answer, Refusal> {
    let mut body = call.properties(&[
        "Name",
        "ResourceType",
        "ReferencedResourceType",
        "ResourceSize",
        "ResourceContent",
    ])?;
    let (name, kind) = (body.take_filled("Name")?, body.take_filled("ResourceType")?);
    let content = content(body.take("ResourceContent"))?;
    let unknown = || {
        Refusal::bad_request(format!(
            "The resource type {kind} does not fit the name {name}."
        ))
    };
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .unwrap_or_default();
    let (_, _, folder) = TYPES
        .iter()
        .find(|(known, of, _)| *known == ending && *of == kind)
        .ok_or_else(unknown)?;
    let plain = !name.contains(['/', '\\']);
    let path = if plain {
        format!("{ROOT}{folder}/{name}")
    } else {
        return Err(unknown());
    };
    let key = (name, kind.clone());
    if find(&tenant.artifacts[id], &key).is_ok() {
        return Err(Refusal::new(
            409,
            format!("Resource {} already exists.", key.0),
        ));
    }
    store(tenant, call, id, &path, Some(&content))?;
    call.entity(201, entity(&find(&tenant.artifacts[id], &key)?))
}

fn replace(
    tenant: &mut Tenant,
    call: &mut Call,
    id: &str,
    key: &(String, String),
) -> Result<Answer, Refusal> {
    let resource = find(&tenant.artifacts[id], key)?;
    let mut body = call.properties(&[
        "Name",
        "ResourceType",
        "ReferencedResourceType",
        "ResourceContent",
    ])?;
    let content = content(body.take("ResourceContent"))?;
    store(tenant, call, id, &resource.path, Some(&content))?;
    let status = if call.setting.scenarios.value("resource-put") == Some("200") {
        200
    } else {
        202
    };
    Ok(Answer::empty(status))
}

fn remove(
    tenant: &mut Tenant,
    call: &Call,
    id: &str,
    key: &(String, String),
) -> Result<Answer, Refusal> {
    let resource = find(&tenant.artifacts[id], key)?;
    store(tenant, call, id, &resource.path, None)?;
    Ok(Answer::empty(200))
}

fn content(text: Option<String>) -> Result<Vec<u8>, Refusal> {
    let text =
        text.ok_or_else(|| Refusal::bad_request("Property 'ResourceContent' cannot be empty"))?;
    STANDARD
        .decode(text)
        .map_err(|_| Refusal::bad_request("The resource content is not valid Base64."))
}

fn store(
    tenant: &mut Tenant,
    call: &Call,
    id: &str,
    path: &str,
    content: Option<&[u8]>,
) -> Result<(), Refusal> {
    let artifact = &tenant.artifacts[id];
    refuse_locked(artifact, call, "update")?;
    let zip = Arc::new(bundle::with_file(&artifact.zip, path, content)?);
    let artifact = Artifact {
        zip,
        modified: call.stamp(),
        ..artifact.clone()
    };
    tenant.artifacts.insert(id.to_owned(), artifact);
    Ok(())
}
