//! Names of security material: `UserCredentials`, `OAuth2ClientCredentials`, `SecureParameters`, `KeystoreEntries`. Read only;
//! what is there, scenarios say.

use super::answer::{Answer, Refusal};
use super::bundle::hex;
use super::call::Call;
use super::entity::{Entity, Property};
use super::path::key_literal;

/// The sets, with the types of their entities.
const SETS: [(&str, &str); 4] = [
    ("UserCredentials", "UserCredential"),
    ("OAuth2ClientCredentials", "OAuth2ClientCredential"),
    ("SecureParameters", "SecureParameter"),
    (KEYSTORE, "KeystoreEntry"),
];
const KEYSTORE: &str = "KeystoreEntries";

/// Whether a set is one of these.
pub(super) fn knows(name: &str) -> bool {
    SETS.iter().any(|(set, _)| *set == name)
}

pub(super) fn answer(call: &Call) -> Result<Answer, Refusal> {
    let name = call.segments[0].name.as_str();
    let Some((set, kind)) = SETS.iter().find(|(set, _)| *set == name) else {
        return Err(Refusal::not_implemented());
    };
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => {
            refuse_options(call, set)?;
            call.list(
                set,
                names(call, set)
                    .iter()
                    .map(|name| entity(set, kind, name))
                    .collect(),
            )
        }
        _ => Err(Refusal::not_simulated("Writing security material")),
    }
}

/// The keystore takes no options (cpi-api.md §7).
fn refuse_options(call: &Call, set: &str) -> Result<(), Refusal> {
    let has = |name: &str| call.query.get(name).is_some();
    if set != KEYSTORE {
        return Ok(());
    }
    if has("$format") {
        return Err(Refusal::bad_request("The option $format is not supported."));
    }
    if has("$top") || has("$select") {
        return Err(Refusal::not_implemented());
    }
    Ok(())
}

fn names(call: &Call, set: &str) -> Vec<String> {
    let scenario = match set {
        KEYSTORE => "keys",
        "UserCredentials" => "credentials",
        _ => return Vec::new(),
    };
    let named = call.setting.scenarios.value(scenario).unwrap_or_default();
    let names = named.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn entity(set: &'static str, kind: &'static str, name: &str) -> Entity {
    let hex = hex(name.as_bytes());
    let (key, properties) = if set == KEYSTORE {
        (
            key_literal(&hex),
            vec![
                ("Hexalias", Property::text(hex)),
                ("Alias", Property::text(name)),
            ],
        )
    } else {
        let properties = vec![
            ("Name", Property::text(name)),
            ("Kind", Property::text("default")),
            ("Description", Property::text("")),
            ("User", Property::text("sandbox")),
        ];
        (key_literal(name), properties)
    };
    Entity {
        set,
        kind,
        key,
        properties,
        links: Vec::new(),
        expanded: Vec::new(),
        media: false,
    }
}
