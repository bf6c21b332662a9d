//! The security material that a flow names: aliases of credentials and of keys, as far as the model shows them.

use std::collections::BTreeSet;

use super::flow_model::FilePlace;
pub use super::keys::Store;
use super::{Artifact, ArtifactError, keys};

/// A name of security material in the model of a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alias {
    /// The name as it stands there; perhaps a parameter, `{{key}}`.
    pub name: String,
    /// Where it is looked for.
    pub store: Store,
    /// Where it stands.
    pub place: FilePlace,
}

impl Artifact {
    /// The aliases that the model names. Expressions that are only known for each message are left out.
    pub fn aliases(&self) -> Result<BTreeSet<Alias>, ArtifactError> {
        let model = self.flow_model()?;
        let aliases = model.properties().filter_map(|property| {
            let store = keys::store(&property.key)?;
            let is_known = !property.value.is_empty() && !property.value.contains("${");
            is_known.then(|| Alias {
                name: property.value.clone(),
                store,
                place: model.place(property.line),
            })
        });
        Ok(aliases.collect())
    }
}

impl Alias {
    /// The name with parameters filled in; `None` where one has no value.
    pub fn resolved(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut name = String::new();
        let mut rest = self.name.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let (key, behind) = after.split_once("}}")?;
            name.push_str(before);
            name.push_str(&value(key)?);
            rest = behind;
        }
        name.push_str(rest);
        Some(name).filter(|name| !name.is_empty() && !name.contains("${"))
    }

    /// Whether a parameter stands in it.
    pub fn has_parameters(&self) -> bool {
        self.name.contains("{{")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::sample::{MODEL_PATH, Sample, element, model_with};

    #[test]
    fn aliases_are_found_by_the_keys_that_adapters_use() {
        let model = model_with(&[element(
            "messageFlow targetRef=\"Partner\"",
            &[
                ("credential_name", "{{SFTP Credential}}"),
                ("odataCertAuthPrivateKeyAlias", "client"),
                ("privateKeyAlias", ""),
                ("accessControlAllowCredentials", "false"),
                ("alias", "${header.user}"),
            ],
        )]);
        let aliases = Sample::flow()
            .with(MODEL_PATH, model)
            .open()
            .aliases()
            .unwrap();
        let found: Vec<_> = aliases
            .iter()
            .map(|one| (one.name.as_str(), one.store))
            .collect();
        assert_eq!(
            found,
            [
                ("client", Store::Keystore),
                ("{{SFTP Credential}}", Store::SecurityMaterial)
            ]
        );
        let first = aliases.iter().find(|one| one.has_parameters()).unwrap();
        assert_eq!(
            first
                .resolved(|key| (key == "SFTP Credential").then(|| "x".to_owned()))
                .as_deref(),
            Some("x")
        );
        assert_eq!(first.resolved(|_| None), None);
    }
}
