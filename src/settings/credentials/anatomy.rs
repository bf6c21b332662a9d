//! What a service key looks like from outside, whether it can be used or not: for `flowship doctor`.

use std::path::Path;

use serde_json::{Map, Value};

use super::key::{self, KeyError};

/// A service key, described. Nothing in it repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAnatomy {
    /// How it was handed over: `JSON`, `base64 of JSON`, `a file that holds JSON`.
    pub form: &'static str,
    /// The section that holds the values: `oauth`, or `None` for a flat key.
    pub wrapper: Option<String>,
    /// The fields that have to do with logging on, in the order in which people look for them.
    pub fields: Vec<Field>,
    /// The fields that a key of its kind needs and this one lacks.
    pub missing: Vec<&'static str>,
    /// The plan of the service instance that it belongs to.
    pub plan: Plan,
    /// What proves who we are.
    pub kind: KeyKind,
    /// The text of the certificate (PEM), which is no secret.
    pub certificate: Option<String>,
}

/// One field of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As it is spelled there.
    pub name: &'static str,
    /// Its length in characters.
    pub length: usize,
}

/// Which plan a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Process Integration Runtime, plan `api`: what deploying needs.
    Api,
    /// Process Integration Runtime, plan `integration-flow`: for callers of flows.
    IntegrationFlow,
    /// API Management.
    ApiManagement,
    /// Another service.
    OtherService,
    /// Nothing in the key tells.
    Unknown,
}

impl Plan {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Api => "api (Process Integration Runtime)",
            Self::IntegrationFlow => "integration-flow (Process Integration Runtime)",
            Self::ApiManagement => "apiportal-apiaccess (API Management)",
            Self::OtherService => "of another service",
            Self::Unknown => "unknown",
        }
    }

    /// The plan that a client id tells of (cpi-api.md §1.1): `sb-...|it!b1` for plan `api`, `sb-it-rt-...` for callers.
    pub fn of_client_id(client_id: &str) -> Self {
        if client_id.contains("apiportal") {
            Self::ApiManagement
        } else if client_id.contains("it-rt-") {
            Self::IntegrationFlow
        } else if client_id.contains("|it!b") || client_id.contains("|it!") {
            Self::Api
        } else {
            Self::Unknown
        }
    }
}

/// What a key proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `clientsecret`.
    Secret,
    /// `certificate` and `key`.
    Certificate,
    /// A certificate whose private key is elsewhere.
    ExternalCertificate,
    /// Nothing.
    Nothing,
}

impl KeyKind {
    /// As the cockpit calls it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Secret => "ClientId/Secret",
            Self::Certificate => "Certificate",
            Self::ExternalCertificate => "External Certificate",
            Self::Nothing => "neither secret nor certificate",
        }
    }
}

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

impl KeyAnatomy {
    /// Describes the key in `text`: JSON, base64 of it, or the path of a file of either, relative to `dir`.
    pub fn of(text: &str, dir: &Path) -> Result<Self, KeyError> {
        let found = key::find_json(text, dir)?;
        let form = match (found.in_file, found.is_base64) {
            (false, false) => "JSON",
            (false, true) => "base64 of JSON",
            (true, false) => "a file that holds JSON",
            (true, true) => "a file that holds base64 of JSON",
        };
        let whole = key::object_in(&found.json)?;
        let values = key::values_of(&whole);
        let certificate = key::text_of(values, "certificate").replace("\\n", "\n");
        Ok(Self {
            form,
            wrapper: wrapper(&whole, values),
            fields: fields(values),
            missing: key::missing_in(values),
            plan: plan(&whole, values),
            kind: kind(values),
            certificate: (!certificate.is_empty()).then_some(certificate),
        })
    }
}

/// The names of the sections around the values: `oauth`.
fn wrapper(whole: &Map<String, Value>, values: &Map<String, Value>) -> Option<String> {
    if std::ptr::eq(whole, values) {
        return None;
    }
    let (name, inner) = whole.iter().find(|(_, inner)| {
        let inner = inner.as_object();
        inner.is_some_and(|inner| std::ptr::eq(key::values_of(inner), values))
    })?;
    let inner = inner.as_object()?;
    let name = name.clone();
    Some(match wrapper(inner, values) {
        Some(deeper) => format!("{name}.{deeper}"),
        None => name,
    })
}

fn fields(values: &Map<String, Value>) -> Vec<Field> {
    let length = |value: &Value| match value {
        Value::String(text) => text.chars().count(),
        other => other.to_string().chars().count(),
    };
    let field = |name: &'static str| {
        values.get(name).map(|value| Field {
            name,
            length: length(value),
        })
    };
    FIELDS.into_iter().filter_map(field).collect()
}

fn plan(whole: &Map<String, Value>, values: &Map<String, Value>) -> Plan {
    match key::refuse_other_kinds(whole, values) {
        Err(KeyError::ApiManagement) => Plan::ApiManagement,
        Err(KeyError::IntegrationFlowPlan | KeyError::RuntimeHost) => Plan::IntegrationFlow,
        Err(KeyError::OtherService) => Plan::OtherService,
        _ => Plan::of_client_id(key::text_of(values, "clientid")),
    }
}

fn kind(values: &Map<String, Value>) -> KeyKind {
    if !key::text_of(values, "clientsecret").is_empty() {
        KeyKind::Secret
    } else if !key::text_of(values, "key").is_empty() {
        KeyKind::Certificate
    } else if key::has_certificate(values) {
        KeyKind::ExternalCertificate
    } else {
        KeyKind::Nothing
    }
}
