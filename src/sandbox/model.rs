//! What entities look like, one table: set, type, key, properties and navigation, in the order and in the compact form of
//! SAP's own model. Links, keys, lists, `$select`, request bodies and both renderings follow from it.

use super::entity::{Entity, Property, key_of};

/// An entity set.
#[derive(Debug)]
pub struct EntitySet {
    pub name: &'static str,
    /// The type, without its namespace; a star says that `$value` gives a file.
    kind: &'static str,
    key: &'static str,
    /// A minus says that no request body may hold the property.
    properties: &'static str,
    navigation: &'static str,
}

const fn set(
    name: &'static str,
    kind: &'static str,
    key: &'static str,
    properties: &'static str,
    navigation: &'static str,
) -> EntitySet {
    EntitySet {
        name,
        kind,
        key,
        properties,
        navigation,
    }
}

/// All types of artifacts have these; only flows show `Sender` and `Receiver`.
const ARTIFACT: &str = "Id Version PackageId Name Description Sender Receiver Comment CreatedAt- CreatedBy- ModifiedAt- ModifiedBy- ArtifactContent";
const CREDENTIAL: &str = "Name Kind Description User";

pub static PACKAGES: EntitySet = set(
    "IntegrationPackages",
    "IntegrationPackage*",
    "Id",
    "Id Name ResourceId Description ShortText Version Vendor PartnerContent UpdateAvailable Mode SupportedPlatform ModifiedBy CreationDate ModifiedDate CreatedBy Products Keywords Countries Industries LineOfBusiness PackageContent",
    "IntegrationDesigntimeArtifacts ValueMappingDesigntimeArtifacts MessageMappingDesigntimeArtifacts ScriptCollectionDesigntimeArtifacts CustomTags",
);
pub static FLOWS: EntitySet = set(
    "IntegrationDesigntimeArtifacts",
    "IntegrationDesigntimeArtifact*",
    "Id Version",
    ARTIFACT,
    "Configurations Resources DesignGuidelineExecutionResults",
);
pub static VALUE_MAPPINGS: EntitySet = set(
    "ValueMappingDesigntimeArtifacts",
    "ValueMappingDesigntimeArtifact*",
    "Id Version",
    ARTIFACT,
    "ValMapSchema",
);
pub static MESSAGE_MAPPINGS: EntitySet = set(
    "MessageMappingDesigntimeArtifacts",
    "MessageMappingDesigntimeArtifact*",
    "Id Version",
    ARTIFACT,
    "",
);
pub static SCRIPT_COLLECTIONS: EntitySet = set(
    "ScriptCollectionDesigntimeArtifacts",
    "ScriptCollectionDesigntimeArtifact*",
    "Id Version",
    ARTIFACT,
    "Resources",
);
pub static CONFIGURATIONS: EntitySet = set(
    "Configurations",
    "Configuration",
    "ParameterKey",
    "ParameterKey ParameterValue DataType Description",
    "",
);
pub static RESOURCES: EntitySet = set(
    "Resources",
    "Resource*",
    "Name ResourceType",
    "Name ResourceType ReferencedResourceType ResourceSize ResourceContent",
    "",
);
pub static LOCKS: EntitySet = set(
    "IntegrationDesigntimeLocks",
    "IntegrationDesigntimeLock",
    "ResourceId",
    "ResourceId ArtifactId ArtifactName ArtifactType PackageId PackageName CreatedAt CreatedBy",
    "",
);
pub static TASKS: EntitySet = set(
    "BuildAndDeployStatus",
    "BuildAndDeployStatus",
    "TaskId",
    "TaskId Status",
    "",
);
pub static RUNTIME: EntitySet = set(
    "IntegrationRuntimeArtifacts",
    "IntegrationRuntimeArtifact*",
    "Id",
    "Id Version Name Type DeployedBy DeployedOn Status",
    "ErrorInformation",
);
pub static ERRORS: EntitySet = set(
    "RuntimeArtifactErrorInformations",
    "RuntimeArtifactErrorInformation*",
    "Id",
    "Id",
    "",
);
pub static ENDPOINTS: EntitySet = set(
    "ServiceEndpoints",
    "ServiceEndpoint",
    "Id",
    "Name Id Title Version Summary Description LastUpdated Protocol",
    "EntryPoints ApiDefinitions",
);
pub static ENTRY_POINTS: EntitySet = set(
    "EntryPoints",
    "EntryPoint",
    "Url",
    "Name Url Type AdditionalInformation",
    "",
);
pub static MESSAGES: EntitySet = set(
    "MessageProcessingLogs",
    "MessageProcessingLog",
    "MessageGuid",
    "MessageGuid CorrelationId ApplicationMessageId LogStart LogEnd Sender Receiver IntegrationFlowName Status AlternateWebLink LogLevel IntegrationArtifact",
    "ErrorInformation Attachments Runs",
);
/// Sets that show names of security material; the last one is the keystore.
pub static SECURITY_MATERIAL: [EntitySet; 4] = [
    set("UserCredentials", "UserCredential", "Name", CREDENTIAL, ""),
    set(
        "OAuth2ClientCredentials",
        "OAuth2ClientCredential",
        "Name",
        CREDENTIAL,
        "",
    ),
    set(
        "SecureParameters",
        "SecureParameter",
        "Name",
        CREDENTIAL,
        "",
    ),
    set(KEYSTORE, "KeystoreEntry", "Hexalias", "Hexalias Alias", ""),
];
pub const KEYSTORE: &str = "KeystoreEntries";

impl EntitySet {
    /// The type, without its namespace.
    pub fn kind(&self) -> &'static str {
        self.kind.trim_end_matches('*')
    }

    pub fn is_media(&self) -> bool {
        self.kind.ends_with('*')
    }

    pub fn properties(&self) -> impl Iterator<Item = &'static str> + use<> {
        let all = self.properties.split(' ');
        all.map(|name| name.trim_end_matches('-'))
    }

    pub fn navigation(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.navigation.split_terminator(' ')
    }

    /// Whether a request body may hold this property.
    pub fn takes(&self, property: &str) -> bool {
        self.properties.split(' ').any(|known| known == property)
    }

    /// An entity of this set, with its values in the order of the properties.
    pub fn entity(&'static self, values: Vec<Property>) -> Entity {
        debug_assert_eq!(self.properties().count(), values.len(), "{}", self.name);
        let properties: Vec<_> = self.properties().zip(values).collect();
        Entity {
            set: self,
            key: key_of(self.key, &properties),
            properties,
            links: self.navigation().collect(),
            expanded: Vec::new(),
        }
    }
}
