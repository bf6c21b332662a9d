//! What an integration flow does on a tenant as soon as it is deployed, and what it shares with others there: its
//! channels, timers, data stores and global variables, read from the `.iflw`. Nothing is judged here.

use super::adapters::{self, AddressPart, Intake};
use super::schedule::rows;
use super::steps::{self, Place, Step};
use super::{Artifact, ArtifactError};

/// What the model of an integration flow says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowModel {
    /// The channels through which messages come in.
    pub senders: Vec<SenderChannel>,
    /// The channels that hand messages to other flows of the tenant: JMS queues and ProcessDirect addresses.
    pub receivers: Vec<ReceiverChannel>,
    /// The timers that start a process.
    pub timers: Vec<Timer>,
    /// The steps that use a data store.
    pub stores: Vec<DataStoreStep>,
    /// The global variables that are written.
    pub variables: Vec<GlobalVariable>,
}

/// A channel through which messages come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderChannel {
    /// The name that the author gave it.
    pub name: String,
    /// The adapter's name for people, or its `ComponentType` where flowship does not know it.
    pub adapter: String,
    /// What the adapter does once the flow is deployed.
    pub intake: Intake,
    /// Whether a process starts with it; otherwise it is used when a message gets there (Poll Enrich).
    pub starts: bool,
    /// Where it fetches or is called; empty when that could not be found out.
    pub address: Vec<AddressPart>,
    /// The value of `scheduleKey`, if the adapter has one that is not empty.
    pub schedule: Option<String>,
    /// For a data store: whether other flows see it too.
    pub visibility: Visibility,
    /// The line of the first part of the address, otherwise of the channel.
    pub place: Place,
}

/// A channel that hands messages to another flow of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverChannel {
    /// `JMS` or `ProcessDirect`.
    pub adapter: String,
    /// The queue or address.
    pub address: Vec<AddressPart>,
    /// Its line.
    pub place: Place,
}

/// A timer that starts a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The name that the author gave it.
    pub name: String,
    /// The value of `scheduleKey`.
    pub schedule: String,
    /// Its line.
    pub place: Place,
}

/// A step that writes, reads or deletes entries of a data store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataStoreStep {
    /// The name of the data store.
    pub store: String,
    /// `put`, `get`, `select` or `delete`.
    pub operation: String,
    /// Who sees the data store.
    pub visibility: Visibility,
    /// The line of the name.
    pub place: Place,
}

/// A global variable that a step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalVariable {
    /// The name of the variable.
    pub name: String,
    /// The line of the table in which it stands.
    pub place: Place,
}

/// Who sees a data store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Every integration flow of the tenant.
    Global,
    /// This integration flow alone; the tenant goes by its id.
    Local,
    /// The model leaves it to a parameter.
    Unknown,
}

impl Artifact {
    /// Reads the model of an integration flow; an empty one for artifacts of other types, and for a flow without exactly
    /// one `.iflw`, which [`check`](super::check()) reports.
    pub fn flow_model(&self) -> Result<FlowModel, ArtifactError> {
        let mut model = FlowModel::default();
        if let Some((path, steps)) = steps::of_artifact(self)? {
            for step in &steps {
                model.add(step, &path);
            }
        }
        Ok(model)
    }
}

impl FlowModel {
    fn add(&mut self, step: &Step, path: &str) {
        let component = component_of(step);
        match step.get("activityType") {
            Some("StartTimerEvent") => self.timers.push(timer(step, path)),
            Some("DBstorage") => self.stores.push(store_step(step, path)),
            Some("Variables") => self.add_variables(step, path),
            _ if is_variant(step, "cname::intermediatetimer/") => {
                self.timers.push(timer(step, path));
            }
            _ if component.is_empty() => {}
            _ if is_directed(step, "Sender") => {
                self.senders.push(sender(step, component, path));
            }
            _ if is_directed(step, "Receiver") => {
                self.receivers.extend(receiver(step, component, path));
            }
            _ => {}
        }
    }

    /// Each row of the table is name, nothing, type, value, scope.
    fn add_variables(&mut self, step: &Step, path: &str) {
        let rows = rows(step.get("variable").unwrap_or_default());
        let global = rows
            .into_iter()
            .filter(|row| {
                row.last()
                    .is_some_and(|scope| scope.eq_ignore_ascii_case("global"))
            })
            .filter_map(|row| row.into_iter().next());
        let place = place(step, path, &["variable"]);
        self.variables.extend(global.map(|name| GlobalVariable {
            name,
            place: place.clone(),
        }));
    }
}

fn sender(step: &Step, component: &str, path: &str) -> SenderChannel {
    let (adapter, intake) = adapters::sender(component);
    let address = adapters::sender_address(component, step);
    let first = address.first().map_or("", |part| part.value.as_str());
    let property = step
        .properties
        .iter()
        .find(|property| !first.is_empty() && property.value == first);
    SenderChannel {
        name: step.name.clone(),
        adapter,
        intake,
        starts: step.starts_a_process,
        schedule: step
            .get("scheduleKey")
            .filter(|schedule| !schedule.is_empty())
            .map(str::to_owned),
        visibility: visibility(step),
        place: match property {
            Some(property) => at(path, property.line),
            None => place(step, path, &["ComponentType"]),
        },
        address,
    }
}

fn receiver(step: &Step, component: &str, path: &str) -> Option<ReceiverChannel> {
    let address = adapters::receiver_address(component, step);
    (!address.is_empty()).then(|| ReceiverChannel {
        adapter: component.to_owned(),
        address,
        place: place(step, path, &["QueueName_outbound", "address"]),
    })
}

fn timer(step: &Step, path: &str) -> Timer {
    Timer {
        name: step.name.clone(),
        schedule: step.get("scheduleKey").unwrap_or_default().to_owned(),
        place: place(step, path, &["scheduleKey"]),
    }
}

fn store_step(step: &Step, path: &str) -> DataStoreStep {
    DataStoreStep {
        store: step.get("storageName").unwrap_or_default().to_owned(),
        operation: step.get("operation").unwrap_or_default().to_owned(),
        visibility: visibility(step),
        place: place(step, path, &["storageName"]),
    }
}

fn visibility(step: &Step) -> Visibility {
    match step.get("visibility") {
        Some(value) if value.eq_ignore_ascii_case("global") => Visibility::Global,
        Some(value) if value.contains("{{") => Visibility::Unknown,
        _ => Visibility::Local,
    }
}

/// The adapter of a channel: `ComponentType`, or what the variant's address says (`cname::sap:SFTP/`). Empty for other
/// steps.
fn component_of(step: &Step) -> &str {
    let of_variant = || {
        let variant = step.get("cmdVariantUri")?;
        let name = variant.strip_prefix("ctype::AdapterVariant/cname::")?;
        let name = name.split('/').next().unwrap_or(name);
        Some(name.rsplit(':').next().unwrap_or(name))
    };
    step.get("ComponentType")
        .filter(|component| !component.is_empty())
        .or_else(of_variant)
        .unwrap_or_default()
}

fn is_directed(step: &Step, direction: &str) -> bool {
    match step.get("direction") {
        Some(value) if !value.is_empty() => value.eq_ignore_ascii_case(direction),
        _ => is_variant(step, &format!("/direction::{direction}")),
    }
}

fn is_variant(step: &Step, part: &str) -> bool {
    step.get("cmdVariantUri")
        .is_some_and(|variant| variant.contains(part))
}

/// The place of the first of these properties, or of whatever the step has.
fn place(step: &Step, path: &str, keys: &[&str]) -> Place {
    let property = keys
        .iter()
        .find_map(|key| step.property(key))
        .or(step.properties.first());
    at(path, property.map_or(1, |property| property.line))
}

fn at(path: &str, line: u32) -> Place {
    Place {
        path: path.to_owned(),
        line,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::artifact::sample::{
        MODEL_PATH, RUN_ONCE, Sample, element, model_with, real_artifacts, sender,
    };
    use crate::artifact::{effects, shared_addresses};

    fn read(elements: &[String]) -> FlowModel {
        Sample::flow()
            .with(MODEL_PATH, model_with(elements))
            .open()
            .flow_model()
            .unwrap()
    }

    fn line(place: &Place) -> u32 {
        assert_eq!(place.path, MODEL_PATH);
        place.line
    }

    #[test]
    fn channels_are_read_with_their_adapter_address_and_line() {
        let model = read(&[
            sender("HTTPS", &[("urlPath", "/orders")]),
            sender(
                "SFTP",
                &[
                    ("fileName", "*.xml"),
                    ("host", "{{Host}}"),
                    ("path", "/in"),
                    ("scheduleKey", ""),
                ],
            ),
            element(
                "messageFlow targetRef=\"Partner\"",
                &[
                    ("ComponentType", "JMS"),
                    ("direction", "Receiver"),
                    ("QueueName_outbound", "Out"),
                ],
            ),
            element(
                "messageFlow targetRef=\"Partner\"",
                &[
                    ("ComponentType", "HTTP"),
                    ("direction", "Receiver"),
                    ("address", "https://x"),
                ],
            ),
        ]);
        let address = |channel: &SenderChannel| -> Vec<String> {
            channel
                .address
                .iter()
                .map(|part| format!("{}={}", part.what, part.value))
                .collect()
        };
        let [https, sftp] = model.senders.as_slice() else {
            panic!("{model:?}")
        };
        assert_eq!(
            (https.adapter.as_str(), https.intake, https.name.as_str()),
            ("HTTPS", Intake::Called, "In")
        );
        assert_eq!(address(https), ["address=/orders"]);
        assert_eq!(line(&https.place), 5);
        assert_eq!(address(sftp), ["host={{Host}}", "folder=/in", "file=*.xml"]);
        assert_eq!((sftp.schedule.as_ref(), line(&sftp.place)), (None, 11));
        assert_eq!(model.receivers.len(), 1);
        assert_eq!(line(&model.receivers[0].place), 18);
    }

    #[test]
    fn a_channel_into_the_middle_of_a_process_does_not_start_with_the_deployment() {
        let channel = |target: &str| {
            element(
                &format!("messageFlow targetRef=\"{target}\""),
                &[("ComponentType", "PollingSFTP"), ("direction", "Sender")],
            )
        };
        let model = read(&[
            channel("StartEvent_2"),
            channel("ServiceTask_8"),
            channel("Nothing"),
            element("startEvent id=\"StartEvent_2\"", &[]),
            element("serviceTask id=\"ServiceTask_8\"", &[]),
        ]);
        let starts: Vec<_> = model.senders.iter().map(|channel| channel.starts).collect();
        assert_eq!(starts, [true, false, true]);
    }

    #[test]
    fn an_adapter_is_known_by_its_variant_too_and_an_unknown_one_by_keys_that_end_like_an_address()
    {
        let model = read(&[
            element(
                "messageFlow targetRef=\"Start\"",
                &[
                    (
                        "cmdVariantUri",
                        "ctype::AdapterVariant/cname::sap:JMS/tp::Not Applicable/mp::Not Applicable/direction::Sender/version::1.4.3",
                    ),
                    ("QueueName_inbound", "In"),
                ],
            ),
            sender(
                "Carrier_Pigeon",
                &[
                    ("loftAddress", "Roof"),
                    ("proxyAddress", "x"),
                    ("grainPath", ""),
                    ("color", "grey"),
                ],
            ),
            sender("Kafka", &[("host", "k:9092"), ("topic", "orders")]),
            sender("Ariba", &[("aribaQueue", "orders")]),
        ]);
        let senders: Vec<_> = model
            .senders
            .iter()
            .map(|channel| {
                (
                    channel.adapter.as_str(),
                    channel.intake,
                    channel.address[0].what.as_str(),
                    channel.address.len(),
                )
            })
            .collect();
        let expected = [
            ("JMS", Intake::Consumes, "queue", 1),
            ("Carrier_Pigeon", Intake::Unknown, "loftAddress", 1),
            ("Kafka", Intake::Consumes, "host", 2),
            ("Ariba", Intake::Consumes, "aribaQueue", 1),
        ];
        assert_eq!(senders, expected);
    }

    #[test]
    fn timers_stores_and_global_variables_are_read() {
        let timer = "<b:startEvent name=\"Nightly\"><b:timerEventDefinition><b:extensionElements>\n"
            .to_owned()
            + &format!(
                "<ifl:property><key>scheduleKey</key><value>{RUN_ONCE}</value></ifl:property>\n"
            )
            + "<ifl:property><key>activityType</key><value>StartTimerEvent</value></ifl:property>\n"
            + "</b:extensionElements></b:timerEventDefinition></b:startEvent>\n";
        let variables = "&lt;row&gt;&lt;cell&gt;{{Mine}}&lt;/cell&gt;&lt;cell/&gt;&lt;cell&gt;constant&lt;/cell&gt;&lt;cell&gt;1&lt;/cell&gt;&lt;cell&gt;global&lt;/cell&gt;&lt;/row&gt;&lt;row&gt;&lt;cell&gt;Own&lt;/cell&gt;&lt;cell/&gt;&lt;cell&gt;constant&lt;/cell&gt;&lt;cell&gt;1&lt;/cell&gt;&lt;cell&gt;local&lt;/cell&gt;&lt;/row&gt;";
        let model = read(&[
            timer,
            element(
                "callActivity name=\"Write\"",
                &[
                    ("activityType", "DBstorage"),
                    ("operation", "put"),
                    ("storageName", "Orders"),
                    ("visibility", "Global"),
                ],
            ),
            element(
                "callActivity name=\"Read\"",
                &[
                    ("activityType", "DBstorage"),
                    ("operation", "get"),
                    ("storageName", "Mine"),
                ],
            ),
            element(
                "callActivity name=\"Variables\"",
                &[("activityType", "Variables"), ("variable", variables)],
            ),
        ]);
        assert_eq!(model.timers.len(), 1);
        assert_eq!(
            (model.timers[0].name.as_str(), line(&model.timers[0].place)),
            ("Nightly", 3)
        );
        let stores: Vec<_> = model
            .stores
            .iter()
            .map(|step| {
                (
                    step.store.as_str(),
                    step.operation.as_str(),
                    step.visibility,
                )
            })
            .collect();
        assert_eq!(
            stores,
            [
                ("Orders", "put", Visibility::Global),
                ("Mine", "get", Visibility::Local)
            ]
        );
        let variables: Vec<_> = model
            .variables
            .iter()
            .map(|variable| variable.name.as_str())
            .collect();
        assert_eq!(variables, ["{{Mine}}"]);
    }

    #[test]
    fn other_artifacts_have_an_empty_model() {
        assert_eq!(
            Sample::of_type("ScriptCollection")
                .open()
                .flow_model()
                .unwrap(),
            FlowModel::default()
        );
    }

    #[test]
    fn the_models_of_real_flows_can_be_read_and_told() {
        for artifact in real_artifacts() {
            let model = artifact.flow_model().unwrap();
            let parameters: BTreeMap<String, String> = artifact
                .parameters()
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.clone()))
                .collect();
            for effect in effects(&model, &parameters) {
                assert!(effect.place.line > 1, "{effect}");
            }
            let shared = shared_addresses(&model, &parameters.keys().map(String::as_str).collect());
            let fixed = shared.iter().all(|one| one.parameters.is_empty());
            assert!(fixed, "{shared:?}");
            for shared in shared_addresses(&model, &[].into()) {
                assert!(shared.place.line > 1, "{shared}");
            }
        }
    }
}
