//! Which artifacts an artifact uses, and under which names others can use it.

use std::collections::{BTreeMap, BTreeSet};

use super::flow_model::{FilePlace, FlowModel, is_fixed};
use super::manifest::Capability;
use super::pack_options::renamed;
use super::{Artifact, ArtifactError, ArtifactKind, MANIFEST_PATH, keys};

/// What an artifact provides and requires.
///
/// Value mappings are not in it: mappings look them up by agency and schema when a message is processed, and no file
/// names the artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The artifact's id.
    pub id: String,
    /// The artifact's type.
    pub kind: ArtifactKind,
    /// The names under which others can use it, as its Provide-Capability says. They may differ from the id.
    pub provides: BTreeSet<Capability>,
    /// The artifacts that it uses, each once, sorted by type and name.
    pub requires: Vec<Requirement>,
    /// What else its Require-Capability names: adapters, function libraries, and whatever SAP adds.
    pub others: Vec<OtherRequirement>,
}

/// A script collection or message mapping that an artifact uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The type of what is used.
    pub kind: ArtifactKind,
    /// Its name: what it provides, or its id.
    pub name: String,
    /// Where it is used first, or the manifest's line where only the manifest names it.
    pub place: FilePlace,
    /// No step uses it, and the manifest calls it optional.
    pub optional: bool,
}

/// Something that an artifact uses and that has no public API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRequirement {
    /// What Require-Capability names.
    pub capability: Capability,
    /// The line of Require-Capability.
    pub place: FilePlace,
}

impl Requirement {
    /// The name of what is used after references were renamed as in
    /// [`PackOptions::references`](super::PackOptions): a copy's, for a copy.
    pub fn renamed<'a>(&'a self, references: &'a BTreeMap<String, String>) -> &'a str {
        self.kind
            .namespace()
            .and_then(|namespace| renamed(references, namespace, &self.name))
            .unwrap_or(&self.name)
    }
}

impl References {
    /// Whether this artifact is what a requirement means. What is provided counts; the id serves where nothing
    /// provides the name (see [`dependencies`](super::dependencies())).
    pub fn provide(&self, requirement: &Requirement) -> bool {
        let wanted = self.kind.namespace().map(|namespace| Capability {
            namespace: namespace.to_owned(),
            name: requirement.name.clone(),
        });
        self.kind == requirement.kind
            && wanted.is_some_and(|wanted| self.provides.contains(&wanted))
    }

    /// The names under which others use this artifact, each as `namespace.name`, and the one that a copy with another
    /// id has: for [`PackOptions::references`](super::PackOptions) of the artifacts that are to use the copy. Empty for a
    /// type that no artifact refers to.
    pub fn renamed_to(&self, id: &str) -> BTreeMap<String, String> {
        let Some(namespace) = self.kind.namespace() else {
            return BTreeMap::new();
        };
        let provided = self
            .provides
            .iter()
            .filter(|capability| capability.namespace == namespace)
            .map(|capability| capability.name.as_str());
        provided
            .chain([self.id.as_str()])
            .map(|name| (format!("{namespace}.{name}"), id.to_owned()))
            .collect()
    }
}

impl Artifact {
    /// Reads what the artifact provides and requires from its manifest and, for an integration flow, from its model.
    ///
    /// Names that hold a parameter or an expression are left out: what they mean is known only at runtime.
    pub fn references(&self) -> Result<References, ArtifactError> {
        let model = self.flow_model()?;
        let mut requires = used_by_steps(&model);
        let mut others = Vec::new();
        let place = FilePlace {
            path: MANIFEST_PATH.to_owned(),
            line: self.manifest().line("Require-Capability").unwrap_or(1),
        };
        for (capability, optional) in self.manifest().required() {
            let place = place.clone();
            match ArtifactKind::of_namespace(&capability.namespace) {
                Some(kind) => {
                    let entry = requires.entry((kind, capability.name));
                    entry.or_insert((place, optional));
                }
                None => others.push(OtherRequirement { capability, place }),
            }
        }
        let requires = requires.into_iter();
        Ok(References {
            id: self.id().to_owned(),
            kind: self.kind(),
            provides: self.manifest().provided().into_iter().collect(),
            requires: requires
                .map(|((kind, name), (place, optional))| Requirement {
                    kind,
                    name,
                    place,
                    optional,
                })
                .collect(),
            others,
        })
    }
}

/// What is used, by type and name: where it is used first, and whether the flow starts without it.
type Requires = BTreeMap<(ArtifactKind, String), (FilePlace, bool)>;

fn used_by_steps(model: &FlowModel) -> Requires {
    let mut requires = Requires::new();
    for property in model.properties().filter(|one| is_fixed(&one.value)) {
        if let Some(kind) = keys::used(&property.key) {
            let entry = requires.entry((kind, property.value.clone()));
            entry.or_insert((model.place(property.line), false));
        }
    }
    requires
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::sample::{MODEL_PATH, Sample, model};

    fn capability(namespace: &str, name: &str) -> Capability {
        Capability {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    fn with_header(sample: Sample, header: &str) -> Sample {
        sample.replaced(
            MANIFEST_PATH,
            "SAP-NodeType",
            &format!("{header}\r\nSAP-NodeType"),
        )
    }

    fn required(sample: &Sample) -> Vec<(ArtifactKind, String, String)> {
        let references = sample.open().references().unwrap();
        let requires = references.requires.into_iter();
        requires
            .map(|one| (one.kind, one.name, one.place.to_string()))
            .collect()
    }

    #[test]
    fn a_flow_requires_what_its_steps_and_its_manifest_name_each_once() {
        let sample = Sample::flow().with(
            MODEL_PATH,
            model(&[
                &[("scriptBundleId", "Common_Scripts"), ("script", "a.groovy")],
                &[("scriptBundleId", "Common_Scripts"), ("script", "b.groovy")],
                &[("scriptBundleId", ""), ("script", "c.groovy")],
                &[
                    ("messageMappingBundleId", "MM_Order"),
                    ("mappingname", "Order"),
                ],
                &[("scriptBundleId", "{{Collection}}")],
                &[("scriptBundleId", "${property.collection}")],
            ]),
        );
        let sample = with_header(
            sample,
            "Require-Capability: scriptcollection.Common_Scripts;resolution:=optional,messagemapping.Only_There,\r\n functionlibraries.Lib,sap.adapter.Kafka",
        );
        let expected = [
            (
                ArtifactKind::MessageMapping,
                "MM_Order",
                format!("{MODEL_PATH}:35"),
            ),
            (
                ArtifactKind::MessageMapping,
                "Only_There",
                "META-INF/MANIFEST.MF:9".to_owned(),
            ),
            (
                ArtifactKind::ScriptCollection,
                "Common_Scripts",
                format!("{MODEL_PATH}:5"),
            ),
        ];
        let expected = expected.map(|(kind, name, place)| (kind, name.to_owned(), place));
        assert_eq!(required(&sample), expected);
        let others = sample.open().references().unwrap().others;
        let others: Vec<_> = others.into_iter().map(|other| other.capability).collect();
        assert_eq!(
            others,
            [
                capability("functionlibraries", "Lib"),
                capability("sap", "adapter.Kafka")
            ]
        );
    }

    #[test]
    fn a_message_mapping_is_known_by_what_it_provides_and_renamed_under_every_name() {
        let sample = with_header(
            Sample::of_type("MessageMapping"),
            "Provide-Capability: messagemapping.Supplier;version:Version=\"1.0.0\"",
        );
        let references = sample.open().references().unwrap();
        assert_eq!(
            references.provides.iter().cloned().collect::<Vec<_>>(),
            [capability("messagemapping", "Supplier")]
        );
        let expected = [
            ("messagemapping.Orders_To_Warehouse", "Copy"),
            ("messagemapping.Supplier", "Copy"),
        ];
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(references.renamed_to("Copy"), expected.into());
        let flow = Sample::flow().open().references().unwrap();
        assert_eq!(flow.renamed_to("Copy"), BTreeMap::new());
        assert_eq!(flow.requires, []);
    }

    #[test]
    fn a_model_that_cannot_be_read_is_an_error_with_its_line() {
        let broken = Sample::flow().with(MODEL_PATH, "<a>\n<b></a>");
        let error = broken.open().references().unwrap_err();
        assert_eq!(error.place().map(|(_, line)| line), Some(2), "{error}");
        let doctype = Sample::flow().with(MODEL_PATH, "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>");
        assert!(matches!(
            doctype.open().references(),
            Err(ArtifactError::Model { .. })
        ));
        let without = Sample::flow().without(MODEL_PATH);
        assert_eq!(without.open().references().unwrap().requires, []);
    }
}
