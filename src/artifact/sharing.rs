//! What a copy of an integration flow under another id would share with its original on the same tenant.

use std::collections::BTreeSet;
use std::fmt;

use super::adapters::{AddressPart, Intake};
use super::flow_model::{FlowModel, ReceiverChannel, SenderChannel, Visibility};
use super::steps::{Place, placeholders};

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
    pub place: Place,
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
#[must_use]
pub fn shared_addresses(model: &FlowModel, overridden: &BTreeSet<&str>) -> Vec<SharedAddress> {
    let mut shared: Vec<SharedAddress> = Vec::new();
    shared.extend(model.senders.iter().filter_map(of_sender));
    shared.extend(model.receivers.iter().map(of_receiver));
    for step in &model.stores {
        if step.visibility != Visibility::Local {
            shared.push(warning("global data store", &step.store, &step.place));
        }
    }
    for variable in &model.variables {
        shared.push(warning("global variable", &variable.name, &variable.place));
    }
    shared.retain(|one| {
        let mut parameters = one.parameters.iter();
        !parameters.any(|key| overridden.contains(key.as_str()))
    });
    shared.sort_by_key(|one| one.consequence);
    without_repetitions(shared)
}

fn of_sender(channel: &SenderChannel) -> Option<SharedAddress> {
    let is_store = channel.adapter == "Data Store";
    if is_store && channel.visibility == Visibility::Local {
        return None;
    }
    let consequence = match channel.intake {
        Intake::Called | Intake::Consumes | Intake::Unknown if !channel.address.is_empty() => {
            Consequence::Refuse
        }
        // an address that could not be found may be different by itself: OData's holds the flow's id
        _ => Consequence::Warn,
    };
    let what = match channel.address.as_slice() {
        [] => format!("{} sender", channel.adapter),
        [one] if channel.intake == Intake::Called => {
            format!("{} sender {}", channel.adapter, one.what)
        }
        [one] if is_store => one.what.clone(),
        [one] => format!("{} {}", channel.adapter, one.what),
        several => {
            let words: Vec<&str> = several.iter().map(|part| part.what.as_str()).collect();
            format!("{} {}", channel.adapter, words.join(", "))
        }
    };
    let value = match channel.address.as_slice() {
        [] => channel.name.clone(),
        parts => joined(parts),
    };
    Some(shared(what, value, &channel.place, consequence))
}

fn of_receiver(channel: &ReceiverChannel) -> SharedAddress {
    let what = match channel.adapter.as_str() {
        "JMS" => "JMS queue (written)",
        _ => "ProcessDirect address (called)",
    };
    warning(what, &joined(&channel.address), &channel.place)
}

fn joined(parts: &[AddressPart]) -> String {
    let values: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
    values.join(", ")
}

fn warning(what: &str, value: &str, place: &Place) -> SharedAddress {
    shared(what.to_owned(), value.to_owned(), place, Consequence::Warn)
}

fn shared(what: String, value: String, place: &Place, consequence: Consequence) -> SharedAddress {
    SharedAddress {
        parameters: placeholders(&value).map(str::to_owned).collect(),
        what,
        value,
        place: place.clone(),
        consequence,
    }
}

/// A store that three steps use is told once, where it comes first.
fn without_repetitions(shared: Vec<SharedAddress>) -> Vec<SharedAddress> {
    let mut told = BTreeSet::new();
    let mut once = shared;
    once.retain(|one| told.insert((one.what.clone(), one.value.clone())));
    once
}
