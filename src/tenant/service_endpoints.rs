//! `ServiceEndpoints`: where what runs can be called (cpi-api.md §5.6), and what runs by the names that stand there.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Tenant;
use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::lists::RUNTIME;
use super::runtime::runtime_ask;
use super::wire::{ArtifactId, RuntimeArtifact};
use crate::clock::Deadline;
use crate::http::retry;
use crate::text::SafeText;

/// What stands between the flow and the address in an endpoint's id.
const ADDRESS: &str = "$endpointAddress";

/// An endpoint of something that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceEndpoint {
    /// The id of the flow, or its display name.
    #[serde(default)]
    pub name: SafeText,
    /// The flow, `$endpointAddress=`, and the address.
    #[serde(default)]
    pub id: SafeText,
    /// The display name of the flow.
    #[serde(default)]
    pub title: SafeText,
    /// The version of the flow that runs.
    #[serde(default)]
    pub version: SafeText,
    /// SOAP, REST, ODATAV2, AS2, AS4.
    #[serde(default)]
    pub protocol: SafeText,
    /// The addresses; empty where the tenant did not write them out.
    #[serde(rename = "EntryPoints", default, deserialize_with = "urls")]
    pub urls: Vec<SafeText>,
}

impl ServiceEndpoint {
    /// Whether it belongs to the artifact with this id and display name. Tenants write the id or the display name into
    /// `Name` and into what stands before the address; a title alone counts only where nothing else tells.
    pub fn is_of(&self, id: &str, display_name: &str) -> bool {
        let owner = self.id.split_once(ADDRESS).map_or("", |(owner, _)| owner);
        let told = [owner, self.name.as_str()];
        if told.contains(&id) || self.title == id {
            return true;
        }
        let silent = told.iter().all(|text| text.is_empty());
        !display_name.is_empty()
            && (told.contains(&display_name) || (silent && self.title == display_name))
    }
}

/// What is deployed, with the names that endpoints are found by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deployed {
    /// Its id.
    pub id: SafeText,
    /// Its display name.
    #[serde(default)]
    pub name: SafeText,
    /// How it runs.
    #[serde(flatten)]
    pub record: RuntimeArtifact,
}

impl Tenant {
    /// Everything that is deployed.
    pub fn all_deployed(&self, deadline: Deadline) -> Result<Vec<Deployed>, TenantError> {
        let all = self.list(RUNTIME, Ask::of_runtime, deadline)?.found();
        all.ok_or_else(|| self.not_offered(RUNTIME, "list what runs"))
    }

    /// What is deployed under an id; "not found" is believed when it is answered twice.
    pub fn deployed(
        &self,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Option<Deployed>, TenantError> {
        retry::until_found(&self.clock, 2, || {
            let ask = runtime_ask(id, "");
            Ok(self.read_entity(&ask, deadline)?.found())
        })
    }

    /// All endpoints, with their addresses.
    pub fn service_endpoints(
        &self,
        deadline: Deadline,
    ) -> Result<Vec<ServiceEndpoint>, TenantError> {
        let first = "ServiceEndpoints?$expand=EntryPoints";
        let all = self.list(first, Ask::of_runtime, deadline)?.found();
        all.ok_or_else(|| self.not_offered("ServiceEndpoints", "tell where flows can be called"))
    }

    /// The API's "not found" for a list makes no sense.
    pub(super) fn not_offered(&self, set: &str, what: &str) -> TenantError {
        let at = format!("GET {} → 404", self.credentials.runtime.api(set));
        TenantError::new(Kind::Nonsense, format!("the tenant does not {what}"), at)
    }
}

/// The addresses in `{"results":[{"Url":...}]}` or in a bare list; none in `{"__deferred":...}`.
fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SafeText>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let points = value.get("results").unwrap_or(&value);
    let urls = points
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|point| point.get("Url"));
    Ok(urls.filter_map(Value::as_str).map(SafeText::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(json: &str) -> ServiceEndpoint {
        serde_json::from_str(json).unwrap_or_default()
    }

    #[test]
    fn an_endpoint_is_known_by_id_by_name_or_by_title() {
        for (json, expected) in [
            (r#"{"Id":"Orders$endpointAddress=a","Name":"x"}"#, true),
            (r#"{"Id":"x$endpointAddress=a","Name":"Orders"}"#, true),
            (
                r#"{"Id":"x$endpointAddress=a","Name":"x","Title":"Orders"}"#,
                true,
            ),
            (
                r#"{"Id":"Order flow$endpointAddress=a","Name":"Order flow"}"#,
                true,
            ),
            (r#"{"Title":"Order flow"}"#, true),
            // another flow with the same display name
            (
                r#"{"Id":"Copy$endpointAddress=a","Name":"Copy","Title":"Order flow"}"#,
                false,
            ),
            (
                r#"{"Id":"Orders2$endpointAddress=a","Name":"Orders2"}"#,
                false,
            ),
            (r#"{"Id":null}"#, false),
        ] {
            assert_eq!(
                endpoint(json).is_of("Orders", "Order flow"),
                expected,
                "{json}"
            );
        }
        assert!(!endpoint(r#"{"Id":"x"}"#).is_of("Orders", ""));
    }

    #[test]
    fn addresses_are_read_in_every_shape() {
        let read = |points: &str| endpoint(&format!(r#"{{"Id":"x","EntryPoints":{points}}}"#)).urls;
        assert_eq!(read(r#"{"results":[{"Url":"u"},{"Url":null},{}]}"#), ["u"]);
        assert_eq!(read(r#"[{"Url":"u"}]"#), ["u"]);
        assert_eq!(read(r#"{"__deferred":{"uri":"u"}}"#), Vec::<String>::new());
        assert_eq!(read("null"), Vec::<String>::new());
    }
}
