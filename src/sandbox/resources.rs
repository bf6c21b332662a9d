//! The files inside a flow or script collection, as the Resources calls show and change them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::answer::{Answer, Answered, Refusal};
use super::bundle;
use super::call::Call;
use super::designtime::refuse_locked;
use super::entity::Entity;
use super::model::RESOURCES;
use super::state::{Artifact, Tenant};

const ROOT: &str = "src/main/resources/";

/// The documented types, and folders; files end in the type, but for two.
const TYPES: [(&str, &str); 10] = [
    ("edmx", "edmx"),
    ("groovy", "script"),
    ("jar", "lib"),
    ("js", "script"),
    ("json", "json"),
    ("mmap", "mapping"),
    ("opmap", "mapping"),
    ("wsdl", "wsdl"),
    ("xsd", "xsd"),
    ("xslt", "mapping"),
];

/// The type of a file with this name, and its folder.
fn type_of(name: &str) -> Option<(&'static str, &'static str)> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let wanted = match ending.as_str() {
        "gsh" => "groovy",
        "xsl" => "xslt",
        ending => ending,
    };
    TYPES.into_iter().find(|(kind, _)| *kind == wanted)
}

struct Resource {
    name: String,
    kind: &'static str,
    size: u64,
    path: String,
}

pub fn answer(tenant: &mut Tenant, call: &mut Call, id: &str) -> Answered {
    let artifact = &tenant.artifacts[id];
    let mut segments = call.segments.iter();
    let key = segments
        .find(|segment| segment.name == RESOURCES.name)
        .and_then(|segment| segment.key.pair("Name", "ResourceType"));
    match (call.method, call.rest().as_slice(), key) {
        ("GET", ["Resources"] | ["Resources", "$count"], None) => {
            let all = resources(artifact);
            call.all(RESOURCES.name, all.iter().map(entity).collect())
        }
        ("POST", ["Resources"], None) => add(tenant, call, id),
        ("GET", ["Resources"], Some(key)) => call.entity(200, entity(&find(artifact, key)?)),
        ("GET", ["Resources", "$value"], Some(key)) => value(artifact, key),
        ("PUT", ["$links", "Resources"], Some(key)) => replace(tenant, call, id, key),
        ("DELETE", ["$links", "Resources"], Some(key)) => {
            let path = find(artifact, key)?.path;
            store(tenant, call, id, &path, None)?;
            Ok(Answer::empty(200))
        }
        _ => Err(Refusal::not_implemented()),
    }
}

fn resources(artifact: &Artifact) -> Vec<Resource> {
    let files = bundle::files(&artifact.zip).into_iter();
    files
        .filter_map(|(path, size)| resource(path, size))
        .collect()
}

fn resource(path: String, size: u64) -> Option<Resource> {
    let name = path.strip_prefix(ROOT)?.rsplit('/').next()?.to_owned();
    let (kind, _) = type_of(&name)?;
    Some(Resource {
        name,
        kind,
        size,
        path,
    })
}

fn find(artifact: &Artifact, (name, kind): (&str, &str)) -> Result<Resource, Refusal> {
    let mut all = resources(artifact).into_iter();
    let found = all.find(|resource| resource.name == name && resource.kind == kind);
    found.ok_or_else(|| Refusal::not_found(format!("Resource {name} of type {kind} not found.")))
}

fn entity(resource: &Resource) -> Entity {
    RESOURCES.entity(&json!([
        resource.name,
        resource.kind,
        "",
        resource.size,
        "Bytes",
        null
    ]))
}

fn value(artifact: &Artifact, key: (&str, &str)) -> Answered {
    let resource = find(artifact, key)?;
    let bytes = bundle::file(&artifact.zip, &resource.path).unwrap_or_default();
    Ok(Answer::typed(200, "application/octet-stream", bytes))
}

fn add(tenant: &mut Tenant, call: &mut Call, id: &str) -> Answered {
    let mut body = call.properties(&RESOURCES)?;
    let (name, kind) = (body.take_filled("Name")?, body.take_filled("ResourceType")?);
    let content = content(body.take("ResourceContent"))?;
    let fits = type_of(&name).filter(|(of, _)| *of == kind && !name.contains(['/', '\\']));
    let Some((_, folder)) = fits else {
        return Err(Refusal::bad_request(format!(
            "The resource type {kind} does not fit the name {name}."
        )));
    };
    let key = (name.as_str(), kind.as_str());
    if find(&tenant.artifacts[id], key).is_ok() {
        let text = format!("Resource {name} already exists.");
        return Err(Refusal::new(409, text));
    }
    let path = format!("{ROOT}{folder}/{name}");
    store(tenant, call, id, &path, Some(&content))?;
    call.entity(201, entity(&find(&tenant.artifacts[id], key)?))
}

fn replace(tenant: &mut Tenant, call: &mut Call, id: &str, key: (&str, &str)) -> Answered {
    let resource = find(&tenant.artifacts[id], key)?;
    let mut body = call.properties(&RESOURCES)?;
    if body.has("ResourceSize") {
        return Err(Refusal::undefined("ResourceSize"));
    }
    let content = content(body.take("ResourceContent"))?;
    store(tenant, call, id, &resource.path, Some(&content))?;
    Ok(Answer::empty(call.status("resource-put", 202)))
}

fn content(text: Option<String>) -> Result<Vec<u8>, Refusal> {
    let text =
        text.ok_or_else(|| Refusal::bad_request("Property 'ResourceContent' cannot be empty"))?;
    let broken = |_| Refusal::bad_request("The resource content is not valid Base64.");
    STANDARD.decode(text).map_err(broken)
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
    let zip = bundle::with_file(&artifact.zip, path, content)?;
    tenant.store(Artifact {
        zip: Arc::new(zip),
        modified: call.stamp(),
        ..artifact.clone()
    });
    Ok(())
}
