//! What a deployment of an integration flow sets off by itself, in sentences for people.

use std::collections::BTreeMap;
use std::fmt;

use super::flow_model::{FilePlace, FlowModel};
use super::keys::Intake;
use super::schedule::Schedule;
use super::usage::{Usage, UsageKind};

/// Something that a deployment sets off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What kind of thing it is.
    pub kind: EffectKind,
    /// A sentence about the flow, such as `starts a Run Once timer, which runs at each deployment`.
    pub sentence: String,
    /// Where the model says so.
    pub place: FilePlace,
}

/// The kinds of [`Effect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EffectKind {
    /// A process or a fetch runs once, at each deployment.
    RunOnce,
    /// A process runs at times that a schedule names.
    Scheduled,
    /// An adapter begins to fetch.
    Fetching,
    /// Nobody knows: the adapter or the schedule is not known here.
    Unknown,
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.sentence, self.place)
    }
}

/// What a deployment of a flow sets off, timers first, each in the order of the model.
///
/// `parameters` are the values that will count on the tenant; they serve to read the schedules. Values of addresses are
/// never looked up, so that a sentence tells of `{{Host}}` what the model tells.
pub fn effects(model: &FlowModel, parameters: &BTreeMap<String, String>) -> Vec<Effect> {
    let usages = model.usages();
    let timers = usages.iter().filter(|one| one.kind == UsageKind::Timer);
    let timers = timers.map(|timer| of_timer(timer, parameters));
    let starting = usages.iter().filter(|channel| channel.starts);
    let channels = starting.filter_map(|channel| of_channel(channel, parameters));
    timers.chain(channels).collect()
}

fn of_timer(timer: &Usage, parameters: &BTreeMap<String, String>) -> Effect {
    let schedule = timer.schedule.as_deref().unwrap_or_default();
    let (kind, what) = match Schedule::parse(schedule, parameters) {
        Schedule::RunOnce => (
            EffectKind::RunOnce,
            "a Run Once timer, which runs at each deployment".to_owned(),
        ),
        other => (kind_of(&other), format!("a timer with {}", words(&other))),
    };
    Effect {
        kind,
        sentence: format!("starts {what}"),
        place: timer.place.clone(),
    }
}

fn of_channel(channel: &Usage, parameters: &BTreeMap<String, String>) -> Option<Effect> {
    let UsageKind::Sender(intake) = channel.kind else {
        return None;
    };
    let schedule = channel.schedule.as_ref();
    let schedule = schedule.map(|schedule| Schedule::parse(schedule, parameters));
    let what = described(channel);
    let (kind, sentence) = match (intake, schedule) {
        (Intake::Called, None) => return None,
        (Intake::Unknown, None) => (
            EffectKind::Unknown,
            format!(
                "starts the sender adapter {what}; whether it fetches by itself is not known here"
            ),
        ),
        (_, Some(Schedule::RunOnce)) => (
            EffectKind::RunOnce,
            format!("fetches once from {what} at each deployment"),
        ),
        (_, Some(schedule)) => (
            EffectKind::Fetching,
            format!("starts to fetch from {what} with {}", words(&schedule)),
        ),
        (_, None) => (EffectKind::Fetching, format!("starts to fetch from {what}")),
    };
    Some(Effect {
        kind,
        sentence,
        place: channel.place.clone(),
    })
}

/// A channel for people: `SFTP (host {{Host}}, folder /in)`.
fn described(channel: &Usage) -> String {
    let parts = channel.address.iter();
    let parts: Vec<String> = parts
        .map(|part| format!("{} `{}`", part.what, part.value))
        .collect();
    match parts.as_slice() {
        [] => channel.adapter.clone(),
        parts => format!("{} ({})", channel.adapter, parts.join(", ")),
    }
}

fn kind_of(schedule: &Schedule) -> EffectKind {
    match schedule {
        Schedule::RunOnce => EffectKind::RunOnce,
        Schedule::Times(_) => EffectKind::Scheduled,
        Schedule::Parameter(_) | Schedule::Unknown => EffectKind::Unknown,
    }
}

fn words(schedule: &Schedule) -> String {
    match schedule {
        Schedule::RunOnce => "Run Once".to_owned(),
        Schedule::Times(times) => format!("the schedule {}", times.join(", ")),
        Schedule::Parameter(key) => {
            format!("the schedule of the parameter `{key}`, whose value is not known here")
        }
        Schedule::Unknown => "a schedule that cannot be read here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::sample::{
        HOURLY, MODEL_PATH, RUN_ONCE, Sample, element, model_with, sender,
    };

    fn told(elements: &[String], parameters: &[(&str, &str)]) -> Vec<(EffectKind, String)> {
        let sample = Sample::flow().with(MODEL_PATH, model_with(elements));
        let parameters = parameters
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        effects(&sample.open().flow_model().unwrap(), &parameters)
            .into_iter()
            .map(|effect| (effect.kind, effect.sentence))
            .collect()
    }

    fn timer(schedule: &str) -> String {
        element(
            "startEvent name=\"Timer\"",
            &[
                ("activityType", "StartTimerEvent"),
                ("scheduleKey", schedule),
            ],
        )
    }

    /// Element, parameters, and what is told.
    type Row<'a> = (String, &'a [(&'a str, &'a str)], EffectKind, &'a str);

    #[test]
    fn each_kind_of_start_has_its_sentence() {
        let run_once = "<row><cell>schedule1</cell><cell>fireNow=true</cell></row>";
        let table: &[Row<'_>] = &[
            (
                timer(RUN_ONCE),
                &[],
                EffectKind::RunOnce,
                "starts a Run Once timer, which runs at each deployment",
            ),
            (
                timer(HOURLY),
                &[],
                EffectKind::Scheduled,
                "starts a timer with the schedule 0 0 * ? * * * (Etc/GMT)",
            ),
            (
                timer("{{Timer}}"),
                &[("Timer", run_once)],
                EffectKind::RunOnce,
                "starts a Run Once timer, which runs at each deployment",
            ),
            (
                timer("{{Timer}}"),
                &[],
                EffectKind::Unknown,
                "starts a timer with the schedule of the parameter `Timer`, whose value is not known here",
            ),
            (
                timer(""),
                &[],
                EffectKind::Unknown,
                "starts a timer with a schedule that cannot be read here",
            ),
            (
                sender(
                    "SFTP",
                    &[
                        ("host", "{{Host}}"),
                        ("path", "/in"),
                        ("scheduleKey", HOURLY),
                    ],
                ),
                &[("Host", "secret.example")],
                EffectKind::Fetching,
                "starts to fetch from SFTP (host `{{Host}}`, folder `/in`) with the schedule 0 0 * ? * * * (Etc/GMT)",
            ),
            (
                sender("JMS", &[("QueueName_inbound", "In")]),
                &[],
                EffectKind::Fetching,
                "starts to fetch from JMS (queue `In`)",
            ),
            (
                sender(
                    "SuccessFactors",
                    &[("address", "https://x"), ("scheduleKey", RUN_ONCE)],
                ),
                &[],
                EffectKind::RunOnce,
                "fetches once from SuccessFactors (address `https://x`) at each deployment",
            ),
            (
                sender("Pigeon", &[]),
                &[],
                EffectKind::Unknown,
                "starts the sender adapter Pigeon; whether it fetches by itself is not known here",
            ),
            (
                sender("Pigeon", &[("scheduleKey", HOURLY)]),
                &[],
                EffectKind::Fetching,
                "starts to fetch from Pigeon with the schedule 0 0 * ? * * * (Etc/GMT)",
            ),
        ];
        for (element, parameters, kind, sentence) in table {
            let expected = [(*kind, (*sentence).to_owned())];
            assert_eq!(told(std::slice::from_ref(element), parameters), expected);
        }
    }

    #[test]
    fn adapters_that_wait_to_be_called_set_nothing_off() {
        for component in [
            "HTTPS",
            "SOAP",
            "IDOC",
            "XI",
            "AS2",
            "AS4",
            "ProcessDirect",
            "HCIOData",
        ] {
            assert_eq!(told(&[sender(component, &[("address", "/x")])], &[]), []);
        }
    }

    #[test]
    fn a_fetch_in_the_middle_of_a_process_is_not_set_off() {
        let elements = [
            sender("PollingSFTP", &[("path", "/in")]),
            element("serviceTask id=\"Start\"", &[]),
        ];
        assert_eq!(told(&elements, &[]), []);
    }

    #[test]
    fn an_effect_names_its_place() {
        let sample = Sample::flow().with(MODEL_PATH, model_with(&[timer(RUN_ONCE)]));
        let all = effects(&sample.open().flow_model().unwrap(), &BTreeMap::new());
        assert!(
            all[0].to_string().ends_with(&format!(" ({MODEL_PATH}:4)")),
            "{}",
            all[0]
        );
    }
}
