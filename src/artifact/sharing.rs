//! What a copy of an integration flow under another id would share with its original on the same tenant.

use std::collections::BTreeSet;
use std::fmt;

use super::flow_model::{FilePlace, FlowModel, placeholders};
use super::keys::{DATA_STORE, Intake};
use super::usage::{Usage, UsageKind};

/// An address, queue, folder or store that a copy would share with its original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAddress {
    /// What it is, such as `HTTPS sender address` or `JMS queue`.
    pub what: String,
    /// Its value as it stands in the model: fixed, or with `{{parameter}}`.
    pub value: String,
    /// The parameters in it; setting one of them for the environment parts the copy from its original. None when the
    /// value is fixed.
    pub parameters: Vec<String>,
    /// Where the model says so.
    pub place: FilePlace,
    /// What follows from it.
    pub consequence: Consequence,
}

/// What follows when a copy shares something with its original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Consequence {
    /// One takes the other's messages, or cannot start: the copy must not be deployed.
    Refuse,
    /// They see each other's data, which may be meant.
    Warn,
}

impl fmt::Display for SharedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the copy would share its original's {} `{}` ({}); ",
            self.what, self.value, self.place
        )?;
        match self.parameters.as_slice() {
            [] if self.value.contains("${") => formatter.write_str(
                "the value is found when a message is processed: look whether it differs here",
            ),
            [] => formatter.write_str(
                "the value is fixed: externalize it, and set the parameter for this environment",
            ),
            [one] => write!(formatter, "set the parameter `{one}` for this environment"),
            several => write!(
                formatter,
                "set one of the parameters `{}` for this environment",
                several.join("`, `")
            ),
        }
    }
}

/// What a copy under another id would share with its original, in the order of the model: first what refuses the copy.
///
/// `overridden` are the parameters to which the environment gives another value than the original's; an address that holds
/// one of them is not shared. Data stores and variables of the flow alone are not shared either, for the tenant keeps
/// them by the flow's id. Receivers that lead out of the tenant are not looked at.
pub fn shared_addresses(model: &FlowModel, overridden: &BTreeSet<&str>) -> Vec<SharedAddress> {
    let mut usages = model.usages();
    usages.sort_by_key(|one| match one.kind {
        UsageKind::Sender(_) => 0,
        UsageKind::Receiver => 1,
        UsageKind::Store => 2,
        UsageKind::Variable => 3,
        UsageKind::Timer => 4,
    });
    let mut shared: Vec<SharedAddress> = usages.iter().filter_map(shared_by_copy).collect();
    shared.retain(|one| {
        let mut parameters = one.parameters.iter();
        !parameters.any(|key| overridden.contains(key.as_str()))
    });
    shared.sort_by_key(|one| one.consequence);
    // a store that three steps use is told once, where it comes first
    let mut told = BTreeSet::new();
    shared.retain(|one| told.insert((one.what.clone(), one.value.clone())));
    shared
}

fn shared_by_copy(usage: &Usage) -> Option<SharedAddress> {
    let parts = usage.address.iter();
    let (words, values): (Vec<&str>, Vec<&str>) = parts
        .map(|part| (part.what.as_str(), part.value.as_str()))
        .unzip();
    let adapter = &usage.adapter;
    let what = match (usage.kind, words.as_slice()) {
        _ if usage.is_private => return None,
        (UsageKind::Timer, _) => return None,
        (UsageKind::Store | UsageKind::Variable, _) => words.concat(),
        (UsageKind::Receiver, _) if adapter == "JMS" => "JMS queue (written)".to_owned(),
        (UsageKind::Receiver, _) => "ProcessDirect address (called)".to_owned(),
        (UsageKind::Sender(_), []) => format!("{adapter} sender"),
        (UsageKind::Sender(Intake::Called), [one]) => format!("{adapter} sender {one}"),
        (UsageKind::Sender(_), [one]) if adapter == DATA_STORE => (*one).to_owned(),
        (UsageKind::Sender(_), several) => format!("{adapter} {}", several.join(", ")),
    };
    let consequence = match usage.kind {
        UsageKind::Sender(Intake::Called | Intake::Consumes | Intake::Unknown)
            if !values.is_empty() =>
        {
            Consequence::Refuse
        }
        // an address that could not be found may be different by itself: OData's holds the flow's id
        _ => Consequence::Warn,
    };
    let value = match values.as_slice() {
        [] => usage.name.clone(),
        values => values.join(", "),
    };
    Some(SharedAddress {
        parameters: parameters_in(&value),
        what,
        value,
        place: usage.place.clone(),
        consequence,
    })
}

/// Each parameter once, in the order of the value.
fn parameters_in(value: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let parameters = placeholders(value).filter(|key| seen.insert(*key));
    parameters.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::sample::{MODEL_PATH, Sample, element, model_with, sender};

    fn shared_by(elements: &[String], overridden: &[&str]) -> Vec<SharedAddress> {
        let sample = Sample::flow().with(MODEL_PATH, model_with(elements));
        let model = sample.open().flow_model().unwrap();
        shared_addresses(&model, &overridden.iter().copied().collect())
    }

    fn told(elements: &[String]) -> Vec<(Consequence, String, String)> {
        let shared = shared_by(elements, &[]).into_iter();
        shared
            .map(|one| (one.consequence, one.what, one.value))
            .collect()
    }

    #[test]
    fn each_kind_of_sharing_has_its_consequence() {
        use Consequence::{Refuse, Warn};
        let table: &[(String, Consequence, &str, &str)] = &[
            (
                sender("HTTPS", &[("urlPath", "/orders")]),
                Refuse,
                "HTTPS sender address",
                "/orders",
            ),
            (
                sender("ProcessDirect", &[("address", "/pd")]),
                Refuse,
                "ProcessDirect sender address",
                "/pd",
            ),
            (
                sender("JMS", &[("QueueName_inbound", "Q")]),
                Refuse,
                "JMS queue",
                "Q",
            ),
            (
                sender("SFTP", &[("host", "h"), ("path", "/in")]),
                Refuse,
                "SFTP host, folder",
                "h, /in",
            ),
            (
                sender("Pigeon", &[("loftAddress", "Roof")]),
                Refuse,
                "Pigeon loftAddress",
                "Roof",
            ),
            (
                sender(
                    "DataStoreConsumer",
                    &[("storageName", "S"), ("visibility", "global")],
                ),
                Refuse,
                "data store",
                "S",
            ),
            (
                sender("SuccessFactors", &[("address", "https://x")]),
                Warn,
                "SuccessFactors address",
                "https://x",
            ),
            (sender("AS2", &[]), Warn, "AS2 sender", "In"),
            (
                element(
                    "messageFlow",
                    &[
                        ("ComponentType", "JMS"),
                        ("direction", "Receiver"),
                        ("QueueName_outbound", "Q"),
                    ],
                ),
                Warn,
                "JMS queue (written)",
                "Q",
            ),
            (
                element(
                    "messageFlow",
                    &[
                        ("ComponentType", "ProcessDirect"),
                        ("direction", "Receiver"),
                        ("address", "/pd"),
                    ],
                ),
                Warn,
                "ProcessDirect address (called)",
                "/pd",
            ),
            (
                element(
                    "callActivity",
                    &[
                        ("activityType", "DBstorage"),
                        ("storageName", "S"),
                        ("visibility", "global"),
                    ],
                ),
                Warn,
                "global data store",
                "S",
            ),
        ];
        for (element, consequence, what, value) in table {
            let expected = [(*consequence, (*what).to_owned(), (*value).to_owned())];
            assert_eq!(told(std::slice::from_ref(element)), expected);
        }
    }

    #[test]
    fn what_belongs_to_the_flow_alone_is_not_shared() {
        let elements = [
            element(
                "callActivity",
                &[
                    ("activityType", "DBstorage"),
                    ("storageName", "S"),
                    ("visibility", "local"),
                ],
            ),
            sender("DataStoreConsumer", &[("storageName", "S")]),
            element(
                "messageFlow",
                &[
                    ("ComponentType", "HTTP"),
                    ("direction", "Receiver"),
                    ("address", "https://x"),
                ],
            ),
        ];
        assert_eq!(told(&elements), []);
    }

    #[test]
    fn one_overridden_parameter_of_an_address_parts_the_copy_from_its_original() {
        let elements = [
            sender("SFTP", &[("host", "{{Host}}"), ("path", "/in/{{Folder}}")]),
            sender("HTTPS", &[("urlPath", "/{{Path}}")]),
        ];
        let values = |overridden: &[&str]| -> Vec<String> {
            shared_by(&elements, overridden)
                .into_iter()
                .map(|one| one.value)
                .collect()
        };
        assert_eq!(values(&[]), ["{{Host}}, /in/{{Folder}}", "/{{Path}}"]);
        assert_eq!(values(&["Folder"]), ["/{{Path}}"]);
        assert_eq!(values(&["Host", "Path"]), Vec::<String>::new());
        assert_eq!(values(&["Other"]).len(), 2);
    }

    #[test]
    fn refusals_come_first_and_each_store_once_and_the_sentence_says_what_to_do() {
        let store = |operation| {
            element(
                "callActivity",
                &[
                    ("activityType", "DBstorage"),
                    ("operation", operation),
                    ("storageName", "S"),
                    ("visibility", "global"),
                ],
            )
        };
        let shared = shared_by(
            &[
                element(
                    "messageFlow",
                    &[
                        ("ComponentType", "JMS"),
                        ("direction", "Receiver"),
                        ("QueueName_outbound", "${property.q}"),
                    ],
                ),
                store("put"),
                store("get"),
                sender("HTTPS", &[("urlPath", "{{A}}{{B}}{{A}}")]),
            ],
            &[],
        );
        let sentences: Vec<String> = shared.iter().map(ToString::to_string).collect();
        assert_eq!(
            sentences,
            [
                format!(
                    "the copy would share its original's HTTPS sender address `{{{{A}}}}{{{{B}}}}{{{{A}}}}` ({MODEL_PATH}:22); set one of the parameters `A`, `B` for this environment"
                ),
                format!(
                    "the copy would share its original's JMS queue (written) `${{property.q}}` ({MODEL_PATH}:5); the value is found when a message is processed: look whether it differs here"
                ),
                format!(
                    "the copy would share its original's global data store `S` ({MODEL_PATH}:10); the value is fixed: externalize it, and set the parameter for this environment"
                ),
            ]
        );
    }
}
