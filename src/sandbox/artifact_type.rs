//! The four types of artifact, in the words that the API uses for each.

use super::model::{EntitySet, FLOWS, MESSAGE_MAPPINGS, SCRIPT_COLLECTIONS, VALUE_MAPPINGS};

/// A deployable type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactType {
    IntegrationFlow,
    ValueMapping,
    MessageMapping,
    ScriptCollection,
}

use ArtifactType::{IntegrationFlow, MessageMapping, ScriptCollection, ValueMapping};

impl ArtifactType {
    pub const ALL: [ArtifactType; 4] = [
        IntegrationFlow,
        ValueMapping,
        MessageMapping,
        ScriptCollection,
    ];

    /// The type that an entity set or function import is about, such as `DeployValueMappingDesigntimeArtifact`.
    pub fn named_in(name: &str) -> Option<Self> {
        let (stem, rest) = name.split_once("DesigntimeArtifact")?;
        let stem = match rest {
            "s" | "SaveAsVersion" => stem,
            "" => stem.strip_prefix("Deploy")?,
            _ => return None,
        };
        Self::ALL.into_iter().find(|kind| kind.stem() == stem)
    }

    pub fn of_bundle(bundle_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.bundle_type() == bundle_type)
    }

    /// `SAP-BundleType` in the manifest, `Type` of what runs, and how sentences name it.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            IntegrationFlow => ("IntegrationFlow", "INTEGRATION_FLOW", "integration flow"),
            ValueMapping => ("ValueMapping", "VALUE_MAPPING", "value mapping"),
            MessageMapping => ("MessageMapping", "MESSAGE_MAPPING", "message mapping"),
            ScriptCollection => ("ScriptCollection", "SCRIPT_COLLECTION", "script collection"),
        }
    }

    pub fn entity_set(self) -> &'static EntitySet {
        match self {
            IntegrationFlow => &FLOWS,
            ValueMapping => &VALUE_MAPPINGS,
            MessageMapping => &MESSAGE_MAPPINGS,
            ScriptCollection => &SCRIPT_COLLECTIONS,
        }
    }

    /// What stands before `DesigntimeArtifact` in names of the API.
    pub fn stem(self) -> &'static str {
        match self {
            IntegrationFlow => "Integration",
            _ => self.bundle_type(),
        }
    }

    /// `SAP-BundleType` in the manifest.
    pub fn bundle_type(self) -> &'static str {
        self.names().0
    }

    /// `resourceType` in a package export.
    pub fn resource_type(self) -> &'static str {
        match self {
            IntegrationFlow => "IFlow",
            _ => self.bundle_type(),
        }
    }

    /// `Type` of a run-time artifact.
    pub fn runtime_type(self) -> &'static str {
        self.names().1
    }

    /// As it stands in sentences: "An integration flow ... already exists".
    pub fn words(self) -> &'static str {
        self.names().2
    }

    /// As a title: "Update of Message Mapping failed".
    pub fn title(self) -> String {
        let words = self.words().split(' ').map(capitalized);
        words.collect::<Vec<_>>().join(" ")
    }

    pub fn missing(self) -> String {
        let name = match self {
            IntegrationFlow => "Integration".to_owned(),
            _ => capitalized(self.words()),
        };
        format!("{name} design time artifact not found.")
    }

    /// Message and value mappings can be listed across packages, and a deploy call answers with their entity.
    pub fn is_mapping(self) -> bool {
        matches!(self, ValueMapping | MessageMapping)
    }
}

fn capitalized(words: &str) -> String {
    words[..1].to_ascii_uppercase() + &words[1..]
}
