//! Service keys, in every shape in which they are handed around.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::settings::address::TenantUrl;
use crate::settings::landscape::Host;
use crate::whole_file::read_bounded;

/// No key is larger, with its certificates or without them; whatever is, is another file.
pub const LARGEST_FILE: u64 = 256 * 1024;
/// Instance, wrapper, `oauth`: keys are not nested deeper.
const DEEPEST: usize = 4;
/// What to do about a key of the wrong kind.
const WANTED: &str = "create an instance of Process Integration Runtime with plan api and the roles, then a key for it; `flowship doctor` shows the commands";

/// The same where flows are to be called.
pub const WANTED_FOR_CALLS: &str = "create an instance of Process Integration Runtime with plan integration-flow (role ESBMessaging.send), then a key for it";

/// The fields of all kinds of keys that people look for.
const FIELDS: [&str; 10] = [
    "url",
    "tokenurl",
    "clientid",
    "clientsecret",
    "certificate",
    "key",
    "clientId",
    "clientSecret",
    "tokenUrl",
    "uaa",
];

/// A service key as it was found, whether it can be used or not.
pub struct ServiceKey {
    /// How it was handed over: `JSON`, `base64 of JSON`, `a file that holds JSON`.
    pub form: String,
    /// The sections around the values: `oauth`; empty for a flat key.
    pub wrapper: String,
    whole: Map<String, Value>,
    values: Map<String, Value>,
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
}

impl KeyError {
    /// The plan that a key of the wrong kind belongs to.
    pub fn plan(&self) -> Option<&'static str> {
        match self {
            Self::IntegrationFlowPlan | Self::RuntimeHost => {
                Some("integration-flow (Process Integration Runtime)")
            }
            Self::ApiManagement => Some("apiportal-apiaccess (API Management)"),
            Self::OtherService => Some("of another service"),
            _ => None,
        }
    }
}

/// Why a key of plan `integration-flow` cannot be used.
pub fn not_for_calls(error: &KeyError) -> String {
    error.to_string().replace(WANTED, WANTED_FOR_CALLS)
}

impl ServiceKey {
    /// Finds the key that `text` is as JSON, that it is base64 of, or that the file holds which it names, relative to `dir`.
    pub fn find(text: &str, dir: &Path) -> Result<Self, KeyError> {
        let (form, json) = match json_in(text) {
            Some((form, json)) => (form.to_owned(), json),
            None => {
                let content = read_file(text, dir)?.ok_or_else(|| what_it_is_instead(text))?;
                let (form, json) = json_in(&content).ok_or(KeyError::NotAKeyFile)?;
                (format!("a file that holds {form}"), json)
            }
        };
        let whole = match parse_json(&json)? {
            Value::Object(object) => object,
            other => return Err(KeyError::NotAnObject(kind_of(&other))),
        };
        let (wrapper, values) = values_in(&whole, DEEPEST).unwrap_or((String::new(), &whole));
        Ok(Self {
            form,
            wrapper,
            values: values.clone(),
            whole,
        })
    }

    /// Reads a key of plan `integration-flow` where it is `for_calls`, else one of plan `api`.
    pub fn read(text: &str, dir: &Path, for_calls: bool) -> Result<Self, KeyError> {
        let key = Self::find(text, dir)?;
        key.refuse_other_services()?;
        if !for_calls {
            refuse_other_plan(key.text("clientid"), key.text("url"))?;
            if key.has_role_of_callers() {
                return Err(KeyError::IntegrationFlowPlan);
            }
        }
        match key.missing() {
            missing if missing.is_empty() => Ok(key),
            missing => Err(KeyError::MissingFields(missing)),
        }
    }

    /// Refuses keys of other services, which know nothing of flows.
    fn refuse_other_services(&self) -> Result<(), KeyError> {
        let mut texts = ["url", "clientid"].map(|name| self.text(name)).into_iter();
        if is_api_management(&self.whole) || texts.any(|text| text.contains("apiportal")) {
            return Err(KeyError::ApiManagement);
        }
        if self.whole.contains_key("uaa") && !self.values.contains_key("tokenurl") {
            return Err(KeyError::OtherService);
        }
        Ok(())
    }

    fn has_role_of_callers(&self) -> bool {
        let roles = self.values.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| {
            let mut names = roles.iter().filter_map(Value::as_str);
            !roles.is_empty() && names.all(|role| role.starts_with("ESBMessaging."))
        })
    }

    /// The text of a field; empty where it is not there or no text.
    pub fn text(&self, name: &str) -> &str {
        let text = self.values.get(name).and_then(Value::as_str);
        text.map(str::trim).unwrap_or_default()
    }

    /// The PEM text of a field. A key that went through a shell or a form may hold the two characters \n instead of line breaks.
    pub fn pem(&self, name: &str) -> Option<String> {
        Some(self.text(name).replace("\\n", "\n")).filter(|text| !text.is_empty())
    }

    /// Whether a certificate takes the place of the secret.
    pub fn has_certificate(&self) -> bool {
        let names = ["certificate", "key", "certificatedetails"];
        self.text("clientsecret").is_empty()
            && names.iter().any(|name| self.values.contains_key(*name))
    }

    /// The fields that the key needs and lacks.
    pub fn missing(&self) -> Vec<&'static str> {
        let wanted = ["url", "tokenurl", "clientid", "clientsecret"];
        let needed = wanted.len() - usize::from(self.has_certificate());
        let wanted = wanted.into_iter().take(needed);
        wanted.filter(|name| self.text(name).is_empty()).collect()
    }

    /// The fields that it has of those that people look for, each with its length in characters.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, usize)> {
        FIELDS.into_iter().filter_map(|name| {
            let text = match self.values.get(name)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((name, text.chars().count()))
        })
    }

    /// What it proves itself with, as the cockpit calls it.
    pub fn kind(&self) -> &'static str {
        if !self.text("clientsecret").is_empty() {
            "ClientId/Secret"
        } else if !self.text("key").is_empty() {
            "Certificate"
        } else if self.has_certificate() {
            "External Certificate"
        } else {
            "neither secret nor certificate"
        }
    }
}

/// The JSON that `text` is, or that it is base64 of, with what it is.
fn json_in(text: &str) -> Option<(&'static str, String)> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(Value::String(inner)) = serde_json::from_str(text) {
        // a key that was made a JSON string by the tool that stored it
        return json_in(&inner);
    }
    if text.contains('{') || text.starts_with('[') {
        return Some(("JSON", text.to_owned()));
    }
    let decoded = decode_base64(text.trim_matches(['\'', '"']))?;
    decoded.contains('{').then_some(("base64 of JSON", decoded))
}

fn decode_base64(text: &str) -> Option<String> {
    let mut compact = text.replace('-', "+").replace('_', "/");
    compact.retain(|letter| !letter.is_ascii_whitespace());
    // a single character too many is what remains of a cut value: the JSON then tells where it ends
    if compact.len() % 4 == 1 {
        compact.pop();
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    let bytes = engine.decode(compact).ok()?;
    decode_text(bytes)
}

/// UTF-8, or what Windows PowerShell writes with `>`.
fn decode_text(bytes: Vec<u8>) -> Option<String> {
    let Some(wide) = bytes.strip_prefix(&[0xff, 0xfe]) else {
        return String::from_utf8(bytes).ok();
    };
    let units = wide.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).ok()
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

/// The object that holds the values, this one or one inside it (`oauth`, `credentials`, ...), and the names on the way to it.
fn values_in(object: &Map<String, Value>, deepest: usize) -> Option<(String, &Map<String, Value>)> {
    let names = ["clientid", "clientsecret", "tokenurl"];
    if names.iter().any(|name| object.contains_key(*name)) {
        return Some((String::new(), object));
    }
    let mut inner = object.iter().filter(|(name, _)| *name != "uaa");
    inner.find_map(|(name, inner)| {
        let (path, values) = values_in(inner.as_object()?, deepest.checked_sub(1)?)?;
        let path = format!("{name}.{path}");
        Some((path.trim_end_matches('.').to_owned(), values))
    })
}

fn is_api_management(object: &Map<String, Value>) -> bool {
    let camel = ["clientId", "clientSecret", "tokenUrl"];
    let mut inner = object.values().filter_map(Value::as_object);
    camel
        .iter()
        .filter(|name| object.contains_key(**name))
        .count()
        >= 2
        || inner.any(is_api_management)
}

/// Refuses client ids and hosts of plan `integration-flow`.
pub fn refuse_other_plan(client_id: &str, url: &str) -> Result<(), KeyError> {
    if client_id.contains("apiportal") {
        return Err(KeyError::ApiManagement);
    }
    if client_id.contains("it-rt-") {
        return Err(KeyError::IntegrationFlowPlan);
    }
    let url = TenantUrl::parse(url).ok();
    match url.as_ref().map(|url| Host::of(url.host())) {
        Some(Host::Runtime { .. }) => Err(KeyError::RuntimeHost),
        _ => Ok(()),
    }
}
