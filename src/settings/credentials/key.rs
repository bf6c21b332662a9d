//! Service keys, in every shape in which they are handed around.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::settings::address::{AddressError, TenantUrl};
use crate::settings::landscape::Host;
use crate::whole_file::read_bounded;

/// No key is larger; whatever is, is another file.
const LARGEST_FILE: u64 = 256 * 1024;
/// Instance, wrapper, `oauth`: keys are not nested deeper.
const DEEPEST: usize = 4;
/// What to do about a key of the wrong kind.
const WANTED: &str = "create an instance of Process Integration Runtime with plan api and the roles, then a key for it; `flowship doctor` shows the commands";

/// The same where flows are to be called.
pub const WANTED_FOR_CALLS: &str = "create an instance of Process Integration Runtime with plan integration-flow (role ESBMessaging.send), then a key for it";

/// The values of a key of plan `api`.
pub struct ServiceKey {
    pub url: String,
    pub token_url: String,
    pub client_id: String,
    /// `None` where a certificate takes its place.
    pub secret: Option<String>,
    /// PEM texts; a key of type external certificate lacks the private key, and perhaps the certificate.
    pub chain: Option<String>,
    pub key: Option<String>,
}

/// Why a service key cannot be used. No text repeats anything of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither JSON nor base64 nor a file.
    #[error(
        "is neither the JSON of a service key, nor base64 of it, nor the path of a file that exists"
    )]
    NotAKey,
    /// The file exists, but cannot be read.
    #[error("names a file that cannot be read: {0}")]
    Unreadable(String),
    /// The file holds something else.
    #[error("names a file that holds neither the JSON of a service key nor base64 of it")]
    NotAKeyFile,
    /// The JSON ends too early.
    #[error(
        "is cut: the JSON ends at line {line}, column {column} in the middle of a value; paste the whole key, from {{ to }}"
    )]
    Cut {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The JSON is broken.
    #[error(
        "is not valid JSON: line {line}, column {column}; paste the key unchanged, from {{ to }}"
    )]
    Broken {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// JSON, but an array, string or number.
    #[error("is {0}, not the JSON object of a service key")]
    NotAnObject(&'static str),
    /// Fields that a key of plan `api` has.
    #[error("has no {}; {WANTED}", .0.join(", no "))]
    MissingFields(Vec<&'static str>),
    /// The key of another service that also uses the usual token service.
    #[error("is the key of another service (it has a section uaa); {WANTED}")]
    OtherService,
    /// The key for callers of flows.
    #[error(
        "is a key of plan integration-flow; such a key can only call flows, not deploy them; {WANTED}"
    )]
    IntegrationFlowPlan,
    /// The address for callers of flows.
    #[error(
        "is the address of the runtime (plan integration-flow), where flows are called, not deployed; {WANTED}"
    )]
    RuntimeHost,
    /// The key of API Management.
    #[error("is a key of API Management, which knows nothing of integration flows; {WANTED}")]
    ApiManagement,
    /// An address in the key that is none.
    #[error("has a field {field} that {error}")]
    Address {
        /// The field.
        field: String,
        /// What is wrong.
        error: AddressError,
    },
}

/// Reads a key from the value of its variable: JSON, base64 of JSON, or the path of a file of either.
pub fn read(text: &str, dir: &Path) -> Result<ServiceKey, KeyError> {
    parse(&find_json(text, dir)?.json)
}

/// The same for a key of plan `integration-flow`.
pub fn read_for_calls(text: &str, dir: &Path) -> Result<ServiceKey, KeyError> {
    let object = object_in(&find_json(text, dir)?.json)?;
    let key = values_of(&object);
    refuse_other_services(&object, key)?;
    fields_of(key)
}

/// Why a key of plan `integration-flow` cannot be used.
pub fn not_for_calls(error: &KeyError) -> String {
    error.to_string().replace(WANTED, WANTED_FOR_CALLS)
}

/// The JSON of a key, and what it was found in.
pub struct FoundKey {
    pub json: String,
    /// JSON itself, or base64 of it.
    pub is_base64: bool,
    /// The variable held the name of a file.
    pub in_file: bool,
}

/// Finds the JSON that `text` is, that it is base64 of, or that the file it names holds.
pub fn find_json(text: &str, dir: &Path) -> Result<FoundKey, KeyError> {
    let found = |(json, is_base64), in_file| FoundKey {
        json,
        is_base64,
        in_file,
    };
    if let Some(inline) = json_in(text) {
        return Ok(found(inline, false));
    }
    match read_file(text, dir)? {
        Some(content) => {
            let inside = json_in(&content).ok_or(KeyError::NotAKeyFile)?;
            Ok(found(inside, true))
        }
        None => Err(what_it_is_instead(text)),
    }
}

/// The JSON that `text` is, or that it is base64 of, and whether it was that.
fn json_in(text: &str) -> Option<(String, bool)> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(Value::String(inner)) = serde_json::from_str(text) {
        // a key that was made a JSON string by the tool that stored it
        return json_in(&inner);
    }
    if text.contains('{') || text.starts_with('[') {
        return Some((text.to_owned(), false));
    }
    let decoded = decode_base64(text.trim_matches(['\'', '"']))?;
    decoded.contains('{').then_some((decoded, true))
}

fn decode_base64(text: &str) -> Option<String> {
    let compact: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    // a single character too many is what remains of a cut value: the JSON then tells where it ends
    let remainder = usize::from(compact.len() % 4 == 1);
    let whole = &compact[..compact.len() - remainder];
    let bytes = engine.decode(whole).ok()?;
    decode_text(bytes)
}

/// UTF-8, or what Windows PowerShell writes with `>`.
fn decode_text(bytes: Vec<u8>) -> Option<String> {
    if let Some(wide) = bytes.strip_prefix(&[0xff, 0xfe]) {
        let units: Vec<u16> = wide
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        return String::from_utf16(&units).ok();
    }
    String::from_utf8(bytes).ok()
}

/// The content of the file that `text` names, if there is one.
fn read_file(text: &str, dir: &Path) -> Result<Option<String>, KeyError> {
    let name = text.trim().trim_matches(['\'', '"']);
    if name.contains(['\n', '\0']) || name.is_empty() {
        return Ok(None);
    }
    let path = dir.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    // the reason only: the name may be a secret that happens to be a file's name
    let bytes = read_bounded(&path, LARGEST_FILE)
        .map_err(|error| KeyError::Unreadable(error.to_string()))?;
    decode_text(bytes).map(Some).ok_or(KeyError::NotAKeyFile)
}

fn what_it_is_instead(text: &str) -> KeyError {
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(value) if !value.is_object() => KeyError::NotAnObject(kind_of(&value)),
        _ => KeyError::NotAKey,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a JSON array",
        Value::String(_) => "a JSON string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
        Value::Object(_) => "a JSON object",
    }
}

fn parse(text: &str) -> Result<ServiceKey, KeyError> {
    let object = object_in(text)?;
    let key = values_of(&object);
    refuse_other_kinds(&object, key)?;
    fields_of(key)
}

/// The JSON object of a key, whatever is in it.
pub fn object_in(text: &str) -> Result<Map<String, Value>, KeyError> {
    match parse_json(text)? {
        Value::Object(object) => Ok(object),
        other => Err(KeyError::NotAnObject(kind_of(&other))),
    }
}

/// Parses from the first `{`, since `cf service-key` prints a line before it; positions count from the beginning of the text.
fn parse_json(text: &str) -> Result<Value, KeyError> {
    let text = text.trim().trim_matches('\'');
    let start = if text.starts_with('[') {
        0
    } else {
        text.find('{').unwrap_or(0)
    };
    let json = text[start..].trim_end_matches(['"', '\'']).trim_end();
    serde_json::from_str(json).map_err(|error| {
        let (line, column) = position(&text[..start], error.line(), error.column());
        if error.is_eof() {
            KeyError::Cut { line, column }
        } else {
            KeyError::Broken { line, column }
        }
    })
}

fn position(skipped: &str, line: usize, column: usize) -> (usize, usize) {
    let lines = skipped.matches('\n').count();
    let last = skipped.rsplit('\n').next().unwrap_or_default().len();
    (line + lines, if line == 1 { column + last } else { column })
}

/// The object that holds the values: this one, or one inside it (`oauth`, `credentials`, ...).
pub fn values_of(object: &Map<String, Value>) -> &Map<String, Value> {
    find_key(object, DEEPEST).unwrap_or(object)
}

fn find_key(object: &Map<String, Value>, deepest: usize) -> Option<&Map<String, Value>> {
    let names = ["clientid", "clientsecret", "tokenurl"];
    if names.iter().any(|name| object.contains_key(*name)) {
        return Some(object);
    }
    if deepest == 0 {
        return None;
    }
    let mut inner = object
        .iter()
        .filter(|(name, _)| *name != "uaa")
        .filter_map(|(_, value)| value.as_object());
    inner.find_map(|inner| find_key(inner, deepest - 1))
}

/// Refuses keys of other services and plans, which know nothing of deployments.
pub fn refuse_other_kinds(
    whole: &Map<String, Value>,
    key: &Map<String, Value>,
) -> Result<(), KeyError> {
    refuse_other_services(whole, key)?;
    refuse_other_plan(text_of(key, "clientid"), text_of(key, "url"))?;
    if has_role_of_callers(key) {
        return Err(KeyError::IntegrationFlowPlan);
    }
    Ok(())
}

/// Refuses keys of other services.
fn refuse_other_services(
    whole: &Map<String, Value>,
    key: &Map<String, Value>,
) -> Result<(), KeyError> {
    let text = |name: &str| text_of(key, name);
    if is_api_management(whole)
        || text("url").contains("apiportal")
        || text("clientid").contains("apiportal")
    {
        return Err(KeyError::ApiManagement);
    }
    if whole.contains_key("uaa") && !key.contains_key("tokenurl") {
        return Err(KeyError::OtherService);
    }
    Ok(())
}

fn is_api_management(object: &Map<String, Value>) -> bool {
    let camel = ["clientId", "clientSecret", "tokenUrl"]
        .iter()
        .filter(|name| object.contains_key(**name))
        .count();
    camel >= 2
        || object
            .values()
            .filter_map(Value::as_object)
            .any(is_api_management)
}

fn has_role_of_callers(key: &Map<String, Value>) -> bool {
    let roles = key.get("roles").and_then(Value::as_array);
    roles.is_some_and(|roles| {
        !roles.is_empty()
            && roles
                .iter()
                .filter_map(Value::as_str)
                .all(|role| role.starts_with("ESBMessaging."))
    })
}

/// Refuses client ids and hosts of plan `integration-flow`.
pub fn refuse_other_plan(client_id: &str, url: &str) -> Result<(), KeyError> {
    if client_id.contains("apiportal") {
        return Err(KeyError::ApiManagement);
    }
    if client_id.contains("it-rt-") {
        return Err(KeyError::IntegrationFlowPlan);
    }
    match TenantUrl::parse(url).map(|url| Host::of(url.host())) {
        Ok(Host::Runtime { .. }) => Err(KeyError::RuntimeHost),
        _ => Ok(()),
    }
}

/// The text of a field; empty where it is not there or no text.
pub fn text_of<'k>(key: &'k Map<String, Value>, name: &str) -> &'k str {
    let text = key.get(name).and_then(Value::as_str);
    text.map(str::trim).unwrap_or_default()
}

/// Whether a certificate takes the place of the secret.
pub fn has_certificate(key: &Map<String, Value>) -> bool {
    let names = ["certificate", "key", "certificatedetails"];
    text_of(key, "clientsecret").is_empty() && names.iter().any(|name| key.contains_key(*name))
}

/// The fields that a key needs and this one lacks.
pub fn missing_in(key: &Map<String, Value>) -> Vec<&'static str> {
    let wanted: &[&str] = if has_certificate(key) {
        &["url", "tokenurl", "clientid"]
    } else {
        &["url", "tokenurl", "clientid", "clientsecret"]
    };
    let missing = |name: &&&str| text_of(key, name).is_empty();
    wanted.iter().filter(missing).copied().collect()
}

fn fields_of(key: &Map<String, Value>) -> Result<ServiceKey, KeyError> {
    let missing = missing_in(key);
    if !missing.is_empty() {
        return Err(KeyError::MissingFields(missing));
    }
    let text = |name: &str| text_of(key, name).to_owned();
    // a key that went through a shell or a form may hold the two characters \n instead of line breaks
    let pem = |name: &str| Some(text(name).replace("\\n", "\n")).filter(|text| !text.is_empty());
    Ok(ServiceKey {
        url: text("url"),
        token_url: text("tokenurl"),
        client_id: text("clientid"),
        secret: (!has_certificate(key)).then(|| text("clientsecret")),
        chain: pem("certificate"),
        key: pem("key"),
    })
}
