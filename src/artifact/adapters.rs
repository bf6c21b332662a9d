//! The sender adapters that flowship knows: whether somebody calls them or they fetch by themselves, and which properties
//! say where.
//!
//! The names are those of published integration flows and of tools that read them. Where none of an adapter's names has a
//! value, and for adapters that are not known, the address is looked for among all properties.

use super::steps::Step;

/// What a sender adapter does once its flow is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

struct Known {
    component: &'static str,
    name: &'static str,
    intake: Intake,
    /// Key of the property, and what it is; nothing where the keys are not known.
    address: &'static [(&'static str, &'static str)],
}

const fn known(
    component: &'static str,
    name: &'static str,
    intake: Intake,
    address: &'static [(&'static str, &'static str)],
) -> Known {
    Known {
        component,
        name,
        intake,
        address,
    }
}

const ADDRESS: &[(&str, &str)] = &[("address", "address")];
const FILES: &[(&str, &str)] = &[("host", "host"), ("path", "folder"), ("fileName", "file")];
const SHARE: &[(&str, &str)] = &[
    ("hostname", "host"),
    ("share", "share"),
    ("directory", "folder"),
    ("fileName", "file"),
];
const BROKER: &[(&str, &str)] = &[
    ("host", "host"),
    ("virtualHost", "virtual host"),
    ("queueName", "queue"),
    ("destinationName", "queue"),
    ("topic", "topic"),
    ("topicName", "topic"),
    ("topicSubscriptions", "topics"),
    ("bucketName", "bucket"),
];
const AZURE: &[(&str, &str)] = &[
    ("senderAccountName", "account"),
    ("senderContainerName", "container"),
    ("senderShareName", "share"),
    ("senderQueueName", "queue"),
    ("senderBlobPath", "folder"),
];

const KNOWN: [Known; 24] = [
    known("HTTPS", "HTTPS", Intake::Called, &[("urlPath", "address")]),
    known("SOAP", "SOAP", Intake::Called, ADDRESS),
    known("IDOC", "IDoc", Intake::Called, ADDRESS),
    known("XI", "XI", Intake::Called, ADDRESS),
    known("AS2", "AS2", Intake::Called, ADDRESS),
    known("AS4", "AS4", Intake::Called, ADDRESS),
    known("HCIOData", "OData", Intake::Called, ADDRESS),
    known("ODataSender", "OData", Intake::Called, ADDRESS),
    known("ProcessDirect", "ProcessDirect", Intake::Called, ADDRESS),
    known(
        "JMS",
        "JMS",
        Intake::Consumes,
        &[("QueueName_inbound", "queue")],
    ),
    known("AMQP", "AMQP", Intake::Consumes, BROKER),
    known("Kafka", "Kafka", Intake::Consumes, BROKER),
    known("RabbitMQ", "RabbitMQ", Intake::Consumes, BROKER),
    known(
        "AdvancedEventMesh",
        "Advanced Event Mesh",
        Intake::Consumes,
        BROKER,
    ),
    known(
        "AmazonWebServices",
        "Amazon Web Services",
        Intake::Consumes,
        BROKER,
    ),
    known("AzureStorage", "Azure Storage", Intake::Consumes, AZURE),
    known(
        "DataStoreConsumer",
        "Data Store",
        Intake::Consumes,
        &[("storageName", "data store")],
    ),
    known("SFTP", "SFTP", Intake::Consumes, FILES),
    known("PollingSFTP", "SFTP", Intake::Consumes, FILES),
    known("FTP", "FTP", Intake::Consumes, FILES),
    known("SMB", "SMB", Intake::Consumes, SHARE),
    known(
        "Mail",
        "Mail",
        Intake::Consumes,
        &[("server", "server"), ("user", "user"), ("folder", "folder")],
    ),
    known("Ariba", "Ariba", Intake::Consumes, &[]),
    known("SuccessFactors", "SuccessFactors", Intake::Reads, ADDRESS),
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

/// An adapter's name for people and what it does. The component is the value of `ComponentType`.
pub(super) fn sender(component: &str) -> (String, Intake) {
    match find(component) {
        Some(known) => (known.name.to_owned(), known.intake),
        None => (component.to_owned(), Intake::Unknown),
    }
}

/// Where a sender adapter fetches or is called: the parts that have a value.
pub(super) fn sender_address(component: &str, step: &Step) -> Vec<AddressPart> {
    let known = find(component).map_or(&[][..], |known| known.address);
    match parts(step, known) {
        none if none.is_empty() => guessed_parts(step),
        parts => parts,
    }
}

/// Where a receiver adapter hands a message over inside of the same tenant; nothing for adapters that lead out of it.
pub(super) fn receiver_address(component: &str, step: &Step) -> Vec<AddressPart> {
    match component {
        "JMS" => parts(step, &[("QueueName_outbound", "queue")]),
        "ProcessDirect" => parts(step, ADDRESS),
        _ => Vec::new(),
    }
}

fn find(component: &str) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|known| known.component.eq_ignore_ascii_case(component))
}

fn parts(step: &Step, address: &[(&str, &str)]) -> Vec<AddressPart> {
    let part = |(key, what): &(&str, &str)| {
        let value = step.get(key).filter(|value| !value.is_empty())?;
        Some(AddressPart {
            what: (*what).to_owned(),
            value: value.to_owned(),
        })
    };
    address.iter().filter_map(part).collect()
}

fn guessed_parts(step: &Step) -> Vec<AddressPart> {
    let tells_where = |key: &str| {
        let key = key.to_ascii_lowercase();
        ENDINGS.iter().any(|ending| key.ends_with(ending))
            && !ELSEWHERE.iter().any(|word| key.contains(word))
    };
    let properties = step.properties.iter();
    properties
        .filter(|property| tells_where(&property.key) && !property.value.is_empty())
        .map(|property| AddressPart {
            what: property.key.clone(),
            value: property.value.clone(),
        })
        .collect()
}
