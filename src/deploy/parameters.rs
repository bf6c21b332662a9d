//! Externalized parameters: which keys are known, and which values are to be written. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::job::Content;
use crate::settings::parameters::NamedParameter;
use crate::tenant::wire::Configuration;

/// The parameter that chooses the runtime on tenants with several; every flow has it there, whatever its files say.
pub use crate::artifact::comparison::RUNTIME_PROFILE as PROFILE;
/// The value of [`PROFILE`] for the runtime that this API shows.
pub const CLOUD_PROFILE: &str = "iflmap";
/// The known key that looks most like an unknown one.
pub use crate::text::nearest;

/// A key that nothing knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// The key as named.
    pub key: String,
    /// Where it was named.
    pub source: String,
    /// The known key that looks most like it; only of the first few unknown ones.
    pub nearest: Option<String>,
}

/// How many of the unknown keys are compared with the known ones.
const COMPARED: usize = 10;

/// The named keys that neither the artifact nor the tenant knows. Of the keys that only the tenant has, those count
/// that SAP itself adds (`SAP_...`): others belong to an older version and would be refused after the upload.
pub fn unknown_keys(
    named: &[NamedParameter],
    of_artifact: Option<&BTreeSet<String>>,
    on_tenant: &[Configuration],
) -> Vec<UnknownKey> {
    let mut known: BTreeSet<&str> = BTreeSet::from([PROFILE]);
    known.extend(of_artifact.into_iter().flatten().map(String::as_str));
    let shown = on_tenant.iter().map(|one| one.key.as_str());
    known.extend(shown.filter(|key| of_artifact.is_none() || key.starts_with("SAP_")));
    named
        .iter()
        .filter(|parameter| !known.contains(parameter.key.as_str()))
        .enumerate()
        .map(|(place, parameter)| UnknownKey {
            key: parameter.key.clone(),
            source: parameter.source.clone(),
            nearest: (place < COMPARED)
                .then(|| nearest(&parameter.key, known.iter().copied()))
                .flatten()
                .map(str::to_owned),
        })
        .collect()
}

/// The values that must stand on the tenant at the end, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value; never printed.
    pub value: String,
    /// Why it must be so.
    pub why: Why,
}

impl Setting {
    /// What the tenant shows, as it is to stay.
    pub fn shown(one: Configuration) -> Self {
        Self {
            key: one.key,
            value: one.value,
            why: Why::Kept,
        }
    }
}

/// Why a value must stand on the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The caller named it.
    Named,
    /// It was configured on the tenant before.
    Kept,
    /// The artifact brings it, and its values are to win.
    Artifact,
    /// The artifact brings it, and the tenant did not have the key.
    New,
}

/// The values that must stand on the tenant when an artifact has been uploaded: named ones first, then those
/// configured before, then the artifact's own for keys that are new.
pub fn settings(
    content: Option<&Content>,
    named: &[NamedParameter],
    before: &[Configuration],
    artifact_wins: bool,
) -> Vec<Setting> {
    let mut wanted: BTreeMap<&str, (&str, Why)> = BTreeMap::new();
    let why = if artifact_wins {
        Why::Artifact
    } else {
        Why::New
    };
    for (key, value) in content.into_iter().flat_map(|content| &content.parameters) {
        wanted.insert(key, (value, why));
    }
    for one in before.iter().filter(|_| !artifact_wins) {
        wanted.insert(&one.key, (&one.value, Why::Kept));
    }
    for one in named {
        wanted.insert(&one.key, (&one.value, Why::Named));
    }
    wanted
        .into_iter()
        .map(|(key, (value, why))| Setting {
            key: key.to_owned(),
            value: value.to_owned(),
            why,
        })
        .collect()
}

/// The value of a parameter.
pub(crate) fn value<'a>(all: &'a [Configuration], key: &str) -> Option<&'a str> {
    let one = all.iter().find(|one| one.key == key)?;
    Some(&one.value)
}

/// Those settings that the tenant does not show: what has to be written. A kept or artifact's key that the tenant no
/// longer knows is none; a named one is written all the same, so that the tenant decides.
pub fn missing<'a>(settings: &'a [Setting], on_tenant: &[Configuration]) -> Vec<&'a Setting> {
    settings
        .iter()
        .filter(|setting| match value(on_tenant, &setting.key) {
            Some(value) => value != setting.value,
            None => setting.why == Why::Named,
        })
        .collect()
}

/// A value as some clients encode it for this API. Tenants that decode once show the value again.
pub fn html_encoded(value: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A value as a tenant shows it that decodes once more than it should.
pub fn html_decoded(value: &str) -> String {
    value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// A value without what tenants add and take away.
pub fn plain(value: &str) -> String {
    html_decoded(value).trim().to_owned()
}

/// Whether a value that is shown is the one that the artifact brings, to which a tenant may reset it.
pub fn is_brought(brought: &BTreeMap<String, String>, key: &str, shown: &str) -> bool {
    (brought.get(key)).is_some_and(|brought| plain(brought) == plain(shown))
}

/// Whether a configured value would be lost if the tenant took the artifact's values on an update.
pub fn at_risk(content: &Content, on_tenant: &[Configuration]) -> bool {
    on_tenant.iter().any(|one| {
        content
            .parameters
            .get(&one.key)
            .is_some_and(|value| *value != one.value)
    })
}

/// Whether the flow is configured for a runtime that this API does not show.
pub fn other_profile(on_tenant: &[Configuration]) -> Option<String> {
    let profile = value(on_tenant, PROFILE)?;
    let is_other = !profile.is_empty() && !profile.eq_ignore_ascii_case(CLOUD_PROFILE);
    is_other.then(|| profile.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_tenant(pairs: &[(&str, &str)]) -> Vec<Configuration> {
        pairs
            .iter()
            .map(|(key, value)| Configuration {
                key: (*key).into(),
                value: (*value).into(),
                data_type: "xsd:string".into(),
            })
            .collect()
    }

    fn named(key: &str, value: &str) -> NamedParameter {
        NamedParameter {
            key: key.into(),
            value: value.into(),
            source: "--set".into(),
            from: None,
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let keys: BTreeSet<String> = ["Receiver Address".to_owned(), "Timeout".to_owned()].into();
        let unknown = unknown_keys(
            &[
                named("timeuot", "1"),
                named("SAP_ProfileId", "x"),
                named("Old", "1"),
            ],
            Some(&keys),
            &on_tenant(&[("Old", "1"), ("SAP_Extra", "1")]),
        );
        assert_eq!(
            unknown
                .iter()
                .map(|one| (one.key.as_str(), one.nearest.as_deref()))
                .collect::<Vec<_>>(),
            [("timeuot", Some("Timeout")), ("Old", None)]
        );
        assert!(
            unknown_keys(
                &[named("SAP_Extra", "1")],
                Some(&keys),
                &on_tenant(&[("SAP_Extra", "1")])
            )
            .is_empty()
        );
        assert!(
            unknown_keys(&[named("Old", "1")], None, &on_tenant(&[("Old", "1")])).is_empty(),
            "a redeployment knows the tenant's keys"
        );
    }

    #[test]
    fn only_what_differs_is_written_and_named_keys_always_count() {
        let settings = [
            ("a", "1", Why::Kept),
            ("b", "2", Why::Kept),
            ("c", "3", Why::Named),
            ("d", "4", Why::Artifact),
        ]
        .map(|(key, value, why)| Setting {
            key: key.into(),
            value: value.into(),
            why,
        });
        let missing: Vec<&str> = missing(&settings, &on_tenant(&[("a", "1"), ("b", "other")]))
            .iter()
            .map(|one| one.key.as_str())
            .collect();
        assert_eq!(missing, ["b", "c"]);
    }

    #[test]
    fn what_was_named_wins_over_what_was_configured() {
        let setting = |key: &str, value: &str, why| Setting {
            key: key.into(),
            value: value.into(),
            why,
        };
        let named = [named("a", "named")];
        let before = on_tenant(&[("a", "kept"), ("b", "kept")]);
        assert_eq!(
            settings(None, &named, &before, false),
            [
                setting("a", "named", Why::Named),
                setting("b", "kept", Why::Kept)
            ]
        );
        assert_eq!(
            settings(None, &named, &before, true),
            [setting("a", "named", Why::Named)]
        );
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        for (plain, encoded) in [
            ("a<b>&\"c\"", "a&lt;b&gt;&amp;&quot;c&quot;"),
            ("&lt;", "&amp;lt;"),
            ("plain", "plain"),
        ] {
            assert_eq!(html_encoded(plain), encoded);
            assert_eq!(html_decoded(encoded), plain);
        }
    }

    #[test]
    fn only_the_profile_of_the_cloud_is_shown_by_this_api() {
        for (profile, expected) in [
            ("", None),
            ("iflmap", None),
            ("IFLMAP", None),
            ("edge", Some("edge".to_owned())),
        ] {
            assert_eq!(other_profile(&on_tenant(&[(PROFILE, profile)])), expected);
        }
        assert_eq!(other_profile(&on_tenant(&[("Other", "edge")])), None);
    }
}
