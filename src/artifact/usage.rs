//! What an integration flow uses of a tenant: its channels, timers, data stores and global variables. Nothing is judged
//! here.

use super::flow_model::{FilePlace, FlowModel, Step};
use super::keys::{self, AddressPart, Intake};
use super::schedule::rows;

/// Something of the tenant that a flow uses.
#[derive(Debug)]
pub struct Usage {
    pub kind: UsageKind,
    /// The name that the author gave the channel or step.
    pub name: String,
    /// The adapter's name for people, or its `ComponentType` where flowship does not know it; empty for steps.
    pub adapter: String,
    /// Where it fetches, is called or writes; empty when that could not be found out.
    pub address: Vec<AddressPart>,
    /// For a channel: whether a process starts with it; otherwise it is used when a message gets there (Poll Enrich).
    pub starts: bool,
    /// The value of `scheduleKey`, if there is one that is not empty.
    pub schedule: Option<String>,
    /// A data store that this flow alone sees: the tenant keeps it by the flow's id.
    pub is_private: bool,
    /// The line of the first part of the address, otherwise of the step.
    pub place: FilePlace,
}

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageKind {
    /// A channel through which messages come in.
    Sender(Intake),
    /// A channel that hands messages to other flows of the tenant: a JMS queue or a ProcessDirect address.
    Receiver,
    /// A step that writes, reads or deletes entries of a data store.
    Store,
    /// A step that writes a global variable.
    Variable,
    /// A timer that starts a process.
    Timer,
}

impl FlowModel {
    /// All that the flow uses, in the order of the file.
    pub fn usages(&self) -> Vec<Usage> {
        let steps = self.steps.iter();
        steps.flat_map(|step| self.usages_of(step)).collect()
    }

    fn usages_of(&self, step: &Step) -> Vec<Usage> {
        let usage = |kind, address, key| vec![self.usage(step, kind, address, key)];
        let component = component_of(step);
        match step.get("activityType") {
            Some("StartTimerEvent") => usage(UsageKind::Timer, Vec::new(), "scheduleKey"),
            Some("DBstorage") => {
                let store = AddressPart::of(step, "storageName", "global data store");
                usage(UsageKind::Store, store.into_iter().collect(), "storageName")
            }
            Some("Variables") => self.variables(step),
            _ if is_variant(step, "cname::intermediatetimer/") => {
                usage(UsageKind::Timer, Vec::new(), "scheduleKey")
            }
            _ if component.is_empty() => Vec::new(),
            _ if is_directed(step, "Sender") => {
                let (_, intake) = keys::adapter(component);
                let address = keys::sender_address(component, step);
                usage(UsageKind::Sender(intake), address, "ComponentType")
            }
            _ if is_directed(step, "Receiver") => {
                let address = keys::receiver_address(component, step);
                let mut receiver = usage(UsageKind::Receiver, address, "ComponentType");
                receiver.retain(|one| !one.address.is_empty());
                receiver
            }
            _ => Vec::new(),
        }
    }

    /// The global ones. Each row of the table is name, nothing, type, value, scope.
    fn variables(&self, step: &Step) -> Vec<Usage> {
        let rows = rows(step.get("variable").unwrap_or_default()).into_iter();
        let global = rows.filter(|row| {
            let scope = row.last();
            scope.is_some_and(|scope| scope.eq_ignore_ascii_case("global"))
        });
        let line = step.property("variable").map_or(1, |table| table.line);
        let variable = |value| AddressPart {
            what: "global variable".to_owned(),
            value,
            line,
        };
        global
            .filter_map(|row| row.into_iter().next())
            .map(|name| self.usage(step, UsageKind::Variable, vec![variable(name)], "variable"))
            .collect()
    }

    /// `key`: the property whose line is told where there is no address.
    fn usage(&self, step: &Step, kind: UsageKind, address: Vec<AddressPart>, key: &str) -> Usage {
        let of_step = step.property(key).or(step.properties.first());
        let line = address.first().map(|part| part.line);
        let line = line.or(of_step.map(|property| property.line));
        let (adapter, _) = keys::adapter(component_of(step));
        let is_store = kind == UsageKind::Store || adapter == keys::DATA_STORE;
        let visibility = step.get("visibility").unwrap_or_default();
        Usage {
            kind,
            name: step.name.clone(),
            adapter: adapter.to_owned(),
            address,
            starts: step.starts_a_process,
            schedule: step.get("scheduleKey").map(str::to_owned),
            is_private: is_store
                && !visibility.eq_ignore_ascii_case("global")
                && !visibility.contains("{{"),
            place: self.place(line.unwrap_or(1)),
        }
    }
}

/// The adapter of a channel: `ComponentType`, or what the variant's address says (`cname::sap:SFTP/`). Empty for other
/// steps.
fn component_of(step: &Step) -> &str {
    let of_variant = || {
        let variant = step.get("cmdVariantUri")?;
        let name = variant.strip_prefix("ctype::AdapterVariant/cname::")?;
        name.split('/').next()?.rsplit(':').next()
    };
    let component = step.get("ComponentType").or_else(of_variant);
    component.unwrap_or_default()
}

fn is_directed(step: &Step, direction: &str) -> bool {
    match step.get("direction") {
        Some(value) => value.eq_ignore_ascii_case(direction),
        None => is_variant(step, &format!("/direction::{direction}")),
    }
}

fn is_variant(step: &Step, part: &str) -> bool {
    let variant = step.get("cmdVariantUri");
    variant.is_some_and(|variant| variant.contains(part))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::artifact::sample::{
        MODEL_PATH, RUN_ONCE, Sample, element, model_with, real_artifacts, sender,
    };
    use crate::artifact::{effects, shared_addresses};

    fn read(elements: &[String]) -> Vec<Usage> {
        let sample = Sample::flow().with(MODEL_PATH, model_with(elements));
        sample.open().flow_model().unwrap().usages()
    }

    fn line(place: &FilePlace) -> u32 {
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
        let address = |channel: &Usage| -> Vec<String> {
            channel
                .address
                .iter()
                .map(|part| format!("{}={}", part.what, part.value))
                .collect()
        };
        let [https, sftp, jms] = model.as_slice() else {
            panic!("{model:?}")
        };
        assert_eq!(
            (https.adapter.as_str(), https.kind, https.name.as_str()),
            ("HTTPS", UsageKind::Sender(Intake::Called), "In")
        );
        assert_eq!(address(https), ["address=/orders"]);
        assert_eq!(line(&https.place), 5);
        assert_eq!(address(sftp), ["host={{Host}}", "folder=/in", "file=*.xml"]);
        assert_eq!((sftp.schedule.as_ref(), line(&sftp.place)), (None, 11));
        assert_eq!((jms.kind, line(&jms.place)), (UsageKind::Receiver, 18));
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
        let starts: Vec<_> = model.iter().map(|channel| channel.starts).collect();
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
            .iter()
            .map(|channel| {
                (
                    channel.adapter.as_str(),
                    channel.kind,
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
        let expected = expected.map(|(adapter, intake, what, parts)| {
            (adapter, UsageKind::Sender(intake), what, parts)
        });
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
        let found: Vec<_> = model
            .iter()
            .map(|one| (one.kind, one.name.as_str(), one.is_private))
            .collect();
        let expected = [
            (UsageKind::Timer, "Nightly", false),
            (UsageKind::Store, "Write", false),
            (UsageKind::Store, "Read", true),
            (UsageKind::Variable, "Variables", false),
        ];
        assert_eq!(found, expected);
        assert_eq!(line(&model[0].place), 3);
        let names: Vec<_> = model[1..]
            .iter()
            .map(|one| one.address[0].value.as_str())
            .collect();
        assert_eq!(names, ["Orders", "Mine", "{{Mine}}"]);
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
