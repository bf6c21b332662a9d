//! The four types of artifact, in the words that the API uses for each.

/// A deployable type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArtifactType {
    IntegrationFlow,
    ValueMapping,
    MessageMapping,
    ScriptCollection,
}

use ArtifactType::{IntegrationFlow, MessageMapping, ScriptCollection, ValueMapping};

impl ArtifactType {
    pub(super) const ALL: [ArtifactType; 4] = [
        IntegrationFlow,
        ValueMapping,
        MessageMapping,
        ScriptCollection,
    ];

    /// The type of an entity set or function import such as `DeployValueMappingDesigntimeArtifact`.
    pub(super) fn between(name: &str, before: &str, after: &str) -> Option<Self> {
        let stem = name.strip_prefix(before)?.strip_suffix(after)?;
        Self::ALL.into_iter().find(|kind| kind.stem() == stem)
    }

    pub(super) fn of_bundle(bundle_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.bundle_type() == bundle_type)
    }

    /// What stands before `DesigntimeArtifact` in names of the API.
    pub(super) fn stem(self) -> &'static str {
        match self {
            IntegrationFlow => "Integration",
            ValueMapping => "ValueMapping",
            MessageMapping => "MessageMapping",
            ScriptCollection => "ScriptCollection",
        }
    }

    pub(super) fn entity_set(self) -> &'static str {
        match self {
            IntegrationFlow => "IntegrationDesigntimeArtifacts",
            ValueMapping => "ValueMappingDesigntimeArtifacts",
            MessageMapping => "MessageMappingDesigntimeArtifacts",
            ScriptCollection => "ScriptCollectionDesigntimeArtifacts",
        }
    }

    pub(super) fn entity_type(self) -> &'static str {
        let set = self.entity_set();
        &set[..set.len() - 1]
    }

    /// `SAP-BundleType` in the manifest.
    pub(super) fn bundle_type(self) -> &'static str {
        match self {
            IntegrationFlow => "IntegrationFlow",
            ValueMapping => "ValueMapping",
            MessageMapping => "MessageMapping",
            ScriptCollection => "ScriptCollection",
        }
    }

    /// `resourceType` in a package export.
    pub(super) fn resource_type(self) -> &'static str {
        if self == IntegrationFlow {
            "IFlow"
        } else {
            self.bundle_type()
        }
    }

    /// `Type` of a run-time artifact.
    pub(super) fn runtime_type(self) -> &'static str {
        match self {
            IntegrationFlow => "INTEGRATION_FLOW",
            ValueMapping => "VALUE_MAPPING",
            MessageMapping => "MESSAGE_MAPPING",
            ScriptCollection => "SCRIPT_COLLECTION",
        }
    }

    /// As it stands in sentences: "An integration flow ... already exists".
    pub(super) fn words(self) -> &'static str {
        match self {
            IntegrationFlow => "integration flow",
            ValueMapping => "value mapping",
            MessageMapping => "message mapping",
            ScriptCollection => "script collection",
        }
    }

    /// As a title: "Update of Message Mapping failed".
    pub(super) fn title(self) -> &'static str {
        match self {
            IntegrationFlow => "Integration Flow",
            ValueMapping => "Value Mapping",
            MessageMapping => "Message Mapping",
            ScriptCollection => "Script Collection",
        }
    }

    pub(super) fn missing(self) -> String {
        let title = self.title();
        let rest = title[1..].to_ascii_lowercase();
        match self {
            IntegrationFlow => "Integration design time artifact not found.".to_owned(),
            _ => format!("{}{rest} design time artifact not found.", &title[..1]),
        }
    }

    /// Only message and value mappings can be listed across packages.
    pub(super) fn listed_tenant_wide(self) -> bool {
        matches!(self, ValueMapping | MessageMapping)
    }

    /// What a deploy call answers with: metadata declares an entity for the mappings.
    pub(super) fn deploy_answers_entity(self) -> bool {
        matches!(self, ValueMapping | MessageMapping)
    }

    pub(super) fn navigation(self) -> &'static [&'static str] {
        match self {
            IntegrationFlow => &[
                "Configurations",
                "Resources",
                "DesignGuidelineExecutionResults",
            ],
            ScriptCollection => &["Resources"],
            ValueMapping => &["ValMapSchema"],
            MessageMapping => &[],
        }
    }

    pub(super) fn has_resources(self) -> bool {
        matches!(self, IntegrationFlow | ScriptCollection)
    }
}
