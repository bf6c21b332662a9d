//! What entities look like, one table: set, type, key, properties and navigation, in the order and in the compact form of
//! SAP's own model. Links, keys, lists, `$select`, request bodies and both renderings follow from it.

use serde_json::Value;

use super::entity::{Entity, key_of};

/// An entity set.
#[derive(Debug)]
pub struct EntitySet {
    pub name: &'static str,
    /// The type, without its namespace; a star says that `$value` gives a file.
    kind: &'static str,
    key: &'static str,
    /// A minus: no request body may hold the property. A letter behind a colon: its type, where that is not text (`o`
    /// boolean, `i` number, `d` date).
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

/// What all types of artifacts have.
const ARTIFACT: &str = "Id Version- PackageId Name Description ArtifactContent";
const CREDENTIAL: &str = "Name Kind Description User";

pub static PACKAGES: EntitySet = set(
    "IntegrationPackages",
    "IntegrationPackage*",
    "Id",
    "Id Name ResourceId Description ShortText Version Vendor PartnerContent:o UpdateAvailable:o Mode SupportedPlatform ModifiedBy CreationDate ModifiedDate CreatedBy Products Keywords Countries Industries LineOfBusiness PackageContent",
    "IntegrationDesigntimeArtifacts ValueMappingDesigntimeArtifacts MessageMappingDesigntimeArtifacts ScriptCollectionDesigntimeArtifacts DataTypeDesigntimeArtifacts MessageTypeDesigntimeArtifacts FaultMessageTypeDesigntimeArtifacts ServiceInterfaceDesigntimeArtifacts CustomTags",
);
pub static FLOWS: EntitySet = set(
    "IntegrationDesigntimeArtifacts",
    "IntegrationDesigntimeArtifact*",
    "Id Version",
    "Id Version- PackageId Name Description Sender Receiver CreatedBy- CreatedAt- ModifiedBy- ModifiedAt- ArtifactContent Comment",
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
    "Resources",
);
pub static SCRIPT_COLLECTIONS: EntitySet = set(
    "ScriptCollectionDesigntimeArtifacts",
    "ScriptCollectionDesigntimeArtifact*",
    "Id Version",
    ARTIFACT,
    "Resources DesignGuidelineExecutionResults",
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
    "Name ResourceType ReferencedResourceType ResourceSize:i ResourceSizeUnit ResourceContent",
    "",
);
pub static LOCKS: EntitySet = set(
    "IntegrationDesigntimeLocks",
    "IntegrationDesigntimeLock",
    "ResourceId",
    "ResourceId ArtifactId ArtifactName ArtifactType PackageId PackageName CreatedAt:d CreatedBy",
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
    "Id Version Name Type DeployedBy DeployedOn:d Status",
    "ErrorInformation",
);
pub static CUSTOM_TAGS: EntitySet = set("CustomTags", "CustomTag", "Name", "Name Value", "");
pub static ENDPOINTS: EntitySet = set(
    "ServiceEndpoints",
    "ServiceEndpoint",
    "Id",
    "Name Id Title Version Summary Description LastUpdated:d Protocol",
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
    "MessageGuid CorrelationId ApplicationMessageId PredecessorMessageGuid ApplicationMessageType LogStart:d LogEnd:d Sender Receiver IntegrationFlowName Status AlternateWebLink IntegrationArtifact LogLevel CustomStatus ArchivingStatus ArchivingSenderChannelMessages:o ArchivingReceiverChannelMessages:o ArchivingLogAttachments:o ArchivingPersistedMessages:o TransactionId PreviousComponentName LocalComponentName OriginComponentName",
    "CustomHeaderProperties MessageStoreEntries ErrorInformation AdapterAttributes Attachments Runs",
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
/// The fields of the only complex type, that of `IntegrationArtifact`.
pub const COMPLEX: [&str; 5] = ["Id", "Name", "Type", "PackageId", "PackageName"];
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
        all.map(|written| written.split([':', '-']).next().unwrap_or_default())
    }

    pub fn navigation(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.navigation.split_terminator(' ')
    }

    pub fn is_date(&self, property: &str) -> bool {
        let mut all = self.properties.split(' ');
        all.any(|written| written.strip_suffix(":d") == Some(property))
    }

    /// Whether a request body may hold this property with this value; `None` where the property is not for clients.
    pub fn takes(&self, property: &str, value: &Value) -> Option<bool> {
        let mut all = self.properties.split(' ');
        let kind = all.find_map(|written| match written.strip_prefix(property)? {
            "" => Some("s"),
            rest => rest.strip_prefix(':'),
        });
        Some(match kind? {
            "o" => value.is_boolean() || value.is_null(),
            "i" => value.is_number() || value.is_null(),
            _ => value.is_string() || value.is_null(),
        })
    }

    /// An entity of this set, with its values in the order of the properties.
    pub fn entity(&'static self, values: &Value) -> Entity {
        let values = values.as_array().into_iter().flatten().cloned();
        let properties: Vec<_> = self.properties().zip(values).collect();
        debug_assert_eq!(self.properties().count(), properties.len(), "{}", self.name);
        Entity {
            set: self,
            key: key_of(self.key, &properties),
            properties,
            links: self.navigation().collect(),
            expanded: Vec::new(),
        }
    }

    /// The same, with the value of each property by its name.
    pub fn filled(&'static self, value: impl Fn(&str) -> Value) -> Entity {
        self.entity(&self.properties().map(value).collect())
    }
}
