//! What the keys of a model's properties mean: where an adapter fetches or is called, which security material is named, which
//! artifact is used.
//!
//! The names are those of published integration flows and of tools that read them. Where none of an adapter's names has a
//! value, and for adapters that are not known, the address is looked for among all properties.

use super::ArtifactKind;
use super::flow_model::{Property, Step};

/// What a sender adapter does once its flow is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intake {
    /// It waits to be called.
    Called,
    /// It fetches by itself, and what it fetched is gone for others.
    Consumes,
    /// It reads by itself, and others can read the same.
    Reads,
    /// flowship does not know the adapter.
    Unknown,
}

/// One property that says where an adapter fetches, or is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPart {
    /// What it is: `address`, `queue`, `host`, `folder`, ... or the property's key for an adapter that is not known.
    pub what: String,
    /// Its value as it stands in the model, with `{{parameter}}` where it is externalized.
    pub value: String,
    /// Its line, counted from 1.
    pub line: u32,
}

impl AddressPart {
    /// The property of a key, if the step has it.
    pub(crate) fn of(step: &Step, key: &str, what: &str) -> Option<Self> {
        step.property(key).map(|property| Self::new(property, what))
    }

    fn new(property: &Property, what: &str) -> Self {
        Self {
            what: what.to_owned(),
            value: property.value.clone(),
            line: property.line,
        }
    }
}

/// Where security material is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// Monitor > Manage Security Material.
    SecurityMaterial,
    /// Monitor > Manage Keystore.
    Keystore,
}

/// Keys of properties, and what they are.
type Keys = &'static [(&'static str, &'static str)];

const ADDRESS: Keys = &[("address", "address")];
const FILES: Keys = &[("host", "host"), ("path", "folder"), ("fileName", "file")];
const SHARE: Keys = &[
    ("hostname", "host"),
    ("share", "share"),
    ("directory", "folder"),
    ("fileName", "file"),
];
const MAIL: Keys = &[("server", "server"), ("user", "user"), ("folder", "folder")];
const BROKER: Keys = &[
    ("host", "host"),
    ("virtualHost", "virtual host"),
    ("queueName", "queue"),
    ("destinationName", "queue"),
    ("topic", "topic"),
    ("topicName", "topic"),
    ("topicSubscriptions", "topics"),
    ("bucketName", "bucket"),
];
const AZURE: Keys = &[
    ("senderAccountName", "account"),
    ("senderContainerName", "container"),
    ("senderShareName", "share"),
    ("senderQueueName", "queue"),
    ("senderBlobPath", "folder"),
];

/// The name of the adapter that reads data stores.
pub const DATA_STORE: &str = "Data Store";

/// Sender adapters by `ComponentType`: what they do, and the keys of their address, none where these are not known.
const SENDERS: [(Intake, Keys, &[&str]); 11] = [
    (Intake::Called, &[("urlPath", "address")], &["HTTPS"]),
    (
        Intake::Called,
        ADDRESS,
        &[
            "SOAP",
            "IDOC",
            "XI",
            "AS2",
            "AS4",
            "HCIOData",
            "ODataSender",
            "ProcessDirect",
        ],
    ),
    (
        Intake::Consumes,
        &[("QueueName_inbound", "queue")],
        &["JMS"],
    ),
    (
        Intake::Consumes,
        BROKER,
        &[
            "AMQP",
            "Kafka",
            "RabbitMQ",
            "AdvancedEventMesh",
            "AmazonWebServices",
        ],
    ),
    (Intake::Consumes, AZURE, &["AzureStorage"]),
    (
        Intake::Consumes,
        &[("storageName", "data store")],
        &["DataStoreConsumer"],
    ),
    (Intake::Consumes, FILES, &["SFTP", "PollingSFTP", "FTP"]),
    (Intake::Consumes, SHARE, &["SMB"]),
    (Intake::Consumes, MAIL, &["Mail"]),
    (Intake::Consumes, &[], &["Ariba"]),
    (Intake::Reads, ADDRESS, &["SuccessFactors"]),
];

/// The names for people of the adapters whose `ComponentType` is another word.
const NAMES: [(&str, &str); 8] = [
    ("IDOC", "IDoc"),
    ("HCIOData", "OData"),
    ("ODataSender", "OData"),
    ("AdvancedEventMesh", "Advanced Event Mesh"),
    ("AmazonWebServices", "Amazon Web Services"),
    ("AzureStorage", "Azure Storage"),
    ("DataStoreConsumer", DATA_STORE),
    ("PollingSFTP", "SFTP"),
];

/// How the keys end that hold an address, in adapters whose keys are not known.
const ENDINGS: [&str; 10] = [
    "address",
    "path",
    "queue",
    "queuename",
    "directory",
    "folder",
    "topic",
    "topics",
    "destinationname",
    "containername",
];
/// What such keys hold that are about something else.
const ELSEWHERE: [&str; 7] = ["proxy", "edmx", "wsdl", "xsd", "xpath", "archive", "schema"];

/// How the keys end that name security material, in lower case and without `_`: adapters write them in many ways
/// (`credentialName`, `credential_name`, `odataCertAuthPrivateKeyAlias`).
const ALIASES: [(&str, Store); 7] = [
    ("credential", Store::SecurityMaterial),
    ("credentials", Store::SecurityMaterial),
    ("credentialname", Store::SecurityMaterial),
    ("credentialalias", Store::SecurityMaterial),
    ("keyalias", Store::Keystore),
    ("certificatealias", Store::Keystore),
    ("certalias", Store::Keystore),
];

/// An adapter's name for people and what it does. The component is the value of `ComponentType`.
pub fn adapter(component: &str) -> (&str, Intake) {
    let Some((known, intake, _)) = sender(component) else {
        return (component, Intake::Unknown);
    };
    let name = NAMES.iter().find(|(component, _)| *component == known);
    (name.map_or(known, |(_, name)| name), intake)
}

/// Where a sender adapter fetches or is called: the parts that have a value.
pub fn sender_address(component: &str, step: &Step) -> Vec<AddressPart> {
    let address = sender(component).map_or_else(Vec::new, |(.., keys)| parts(step, keys));
    if !address.is_empty() {
        return address;
    }
    let properties = step.properties.iter();
    properties
        .filter(|property| tells_where(&property.key) && !property.value.is_empty())
        .map(|property| AddressPart::new(property, &property.key))
        .collect()
}

/// Where a receiver adapter hands a message over inside of the same tenant; nothing for adapters that lead out of it.
pub fn receiver_address(component: &str, step: &Step) -> Vec<AddressPart> {
    match component {
        "JMS" => parts(step, &[("QueueName_outbound", "queue")]),
        "ProcessDirect" => parts(step, ADDRESS),
        _ => Vec::new(),
    }
}

/// Where what a property names is kept, if it names security material.
pub fn store(key: &str) -> Option<Store> {
    let key = key.replace('_', "").to_ascii_lowercase();
    if key == "alias" {
        return Some(Store::SecurityMaterial);
    }
    let mut known = ALIASES.into_iter();
    known
        .find(|(ending, _)| key.ends_with(ending) && !key.contains("allowcredentials"))
        .map(|(_, store)| store)
}

/// The type of the artifact that a property names, if it is a reference to one. The name of the file in it stands in other
/// properties (`script`, `mappinguri`), which a copy does not change.
pub fn used(key: &str) -> Option<ArtifactKind> {
    match key {
        "scriptBundleId" => Some(ArtifactKind::ScriptCollection),
        "messageMappingBundleId" => Some(ArtifactKind::MessageMapping),
        _ => None,
    }
}

/// The component, as it is spelled here, with all that is known of it.
fn sender(component: &str) -> Option<(&'static str, Intake, Keys)> {
    SENDERS.iter().find_map(|(intake, keys, components)| {
        let mut components = components.iter();
        let known = components.find(|known| known.eq_ignore_ascii_case(component))?;
        Some((*known, *intake, *keys))
    })
}

fn parts(step: &Step, keys: Keys) -> Vec<AddressPart> {
    let parts = keys
        .iter()
        .filter_map(|(key, what)| AddressPart::of(step, key, what));
    parts.filter(|part| !part.value.is_empty()).collect()
}

fn tells_where(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| key.ends_with(ending))
        && !ELSEWHERE.iter().any(|word| key.contains(word))
}
