//! Names of security material: `UserCredentials`, `OAuth2ClientCredentials`, `SecureParameters`, `KeystoreEntries`. Read only;
//! what is there, scenarios say.

use serde_json::json;

use super::answer::{Answered, Refusal};
use super::bundle::hex;
use super::call::Call;
use super::entity::Entity;
use super::model::{EntitySet, KEYSTORE, SECURITY_MATERIAL};
use super::state::Tenant;

fn set(name: &str) -> Option<&'static EntitySet> {
    SECURITY_MATERIAL.iter().find(|set| set.name == name)
}

/// Whether a set is one of these.
pub fn knows(name: &str) -> bool {
    set(name).is_some()
}

pub fn answer(_: &mut Tenant, call: &mut Call<'_>) -> Answered {
    match (call.method, call.rest().as_slice(), set(call.set_name())) {
        ("GET", [], Some(set)) => {
            refuse_options(call, set.name)?;
            let names = names(call, set.name);
            call.all(set.name, names.map(|name| entity(set, name)).collect())
        }
        _ => Err(Refusal::not_simulated("Writing security material")),
    }
}

/// The keystore takes no options (cpi-api.md §7).
fn refuse_options(call: &Call, set: &str) -> Result<(), Refusal> {
    let has = |name: &str| set == KEYSTORE && call.query.get(name).is_some();
    if has("$format") {
        return Err(Refusal::bad_request("The option $format is not supported."));
    }
    if has("$top") || has("$select") {
        return Err(Refusal::not_implemented());
    }
    Ok(())
}

fn names<'c>(call: &'c Call, set: &str) -> impl Iterator<Item = &'c str> + use<'c> {
    let named = match set {
        KEYSTORE => call.value("keys"),
        "UserCredentials" => call.value("credentials"),
        _ => None,
    };
    let names = named.unwrap_or_default().split(',');
    names.filter(|name| !name.is_empty())
}

fn entity(set: &'static EntitySet, name: &str) -> Entity {
    set.entity(&match set.name {
        KEYSTORE => json!([hex(name.as_bytes()), name]),
        _ => json!([name, "default", "", "sandbox"]),
    })
}
