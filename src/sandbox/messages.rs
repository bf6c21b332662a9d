//! `MessageProcessingLogs`: what flows have processed, by the documented filters and orders only.

use time::PrimitiveDateTime;
use time::format_description::well_known::Iso8601;

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::clock::Seconds;
use super::entity::{Entity, Property};
use super::path::{Key, key_literal, literal};
use super::scenario::Scenarios;
use super::state::{Record, Tenant};
use super::tokens::random_text;

/// How long a message takes.
const PROCESSING: Seconds = 0.2;
/// A date with a Z is taken for one in a zone that is so far ahead.
const ZONE: i64 = 2 * 3600 * 1000;

/// The processing of one message.
#[derive(Debug, Clone)]
pub(super) struct MessageLog {
    pub(super) guid: String,
    pub(super) correlation: String,
    flow: String,
    name: String,
    package: String,
    began: Seconds,
    /// From when on the log is seen.
    visible: Seconds,
    /// The status from the beginning on.
    first: String,
    /// When the last status came, and which it is.
    end: Option<(Seconds, String)>,
    pub(super) error: Option<String>,
}

impl MessageLog {
    /// A message that a flow began to process, as the scenarios for it say.
    pub(super) fn begin(
        tenant: &mut Tenant,
        scenarios: &Scenarios,
        flow: (&str, &Record),
        at: Seconds,
    ) -> Self {
        let (id, record) = flow;
        let fails = scenarios.of_artifact("message-fails", id);
        let stays = scenarios.of_artifact("message-stays", id);
        let seconds = |name: &str| scenarios.seconds_of(name, id);
        let last = if fails.is_some() {
            "FAILED"
        } else {
            "COMPLETED"
        };
        let ended = at + seconds("message-slow").unwrap_or(PROCESSING);
        let failed = fails.or(stays
            .filter(|stays| matches!(*stays, "ESCALATED" | "RETRY"))
            .map(|_| scenarios.cause()));
        let artifact = tenant.artifacts.get(id);
        let package = artifact
            .map(|artifact| artifact.package.clone())
            .unwrap_or_default();
        Self {
            guid: format!("AG{}", random_text(&mut tenant.rng, 26)),
            correlation: format!("AG{}", random_text(&mut tenant.rng, 26)),
            flow: id.to_owned(),
            name: record.name.clone(),
            package,
            began: at,
            visible: at + seconds("message-log-late").unwrap_or(0.0),
            first: stays.unwrap_or("PROCESSING").to_owned(),
            end: stays.is_none().then(|| (ended, last.to_owned())),
            error: failed.map(|text| format!("com.sap.it.rt.adapter.Failure: {text}")),
        }
    }

    /// One that has ended so, long ago.
    pub(super) fn ended(mut self, status: &str) -> Self {
        self.end = Some((self.began + PROCESSING, status.to_owned()));
        let text = "com.sap.it.rt.adapter.Failure: an older failure";
        self.error = (status == "FAILED").then(|| text.to_owned());
        self
    }

    /// Whether it ends in FAILED.
    pub(super) fn fails(&self) -> bool {
        self.end
            .as_ref()
            .is_some_and(|(_, status)| status == "FAILED")
    }

    fn status(&self, now: Seconds) -> &str {
        match &self.end {
            Some((at, status)) if *at <= now => status,
            _ => &self.first,
        }
    }

    fn is_seen(&self, now: Seconds) -> bool {
        self.began <= now && self.visible <= now
    }

    fn entity(&self, call: &Call) -> Entity {
        let millis = |at| call.setting.clock.millis(at);
        let ended = self.end.as_ref().filter(|(at, _)| *at <= call.now);
        let host = call.setting.host();
        let link = format!(
            "{host}/itspaces/shell/monitoring/MessageDetails/%7B%22messageGuid%22:%22{}%22%7D",
            self.guid
        );
        let artifact = [
            ("Id", &self.flow),
            ("Name", &self.name),
            ("Type", &"INTEGRATION_FLOW".to_owned()),
            ("PackageId", &self.package),
        ];
        Entity {
            set: "MessageProcessingLogs",
            kind: "MessageProcessingLog",
            key: key_literal(&self.guid),
            properties: vec![
                ("MessageGuid", Property::text(&self.guid)),
                ("CorrelationId", Property::text(&self.correlation)),
                ("ApplicationMessageId", Property::Null),
                ("LogStart", Property::Date(millis(self.began))),
                (
                    "LogEnd",
                    ended.map_or(Property::Null, |(at, _)| Property::Date(millis(*at))),
                ),
                ("Sender", Property::Null),
                ("Receiver", Property::Null),
                ("IntegrationFlowName", Property::text(&self.name)),
                ("Status", Property::text(self.status(call.now))),
                ("AlternateWebLink", Property::text(link)),
                ("LogLevel", Property::text("INFO")),
                (
                    "IntegrationArtifact",
                    Property::Complex(artifact.map(|(name, value)| (name, value.clone())).to_vec()),
                ),
            ],
            links: vec!["ErrorInformation", "Attachments", "Runs"],
            expanded: Vec::new(),
            media: false,
        }
    }
}

/// A flow with a timer processes a message when it has started.
pub(super) fn of_timer(
    tenant: &mut Tenant,
    scenarios: &Scenarios,
    id: &str,
    starts: Vec<(Seconds, Record)>,
) {
    for (at, record) in starts {
        let log = MessageLog::begin(tenant, scenarios, (id, &record), at);
        tenant.messages.push(log);
    }
}

pub(super) fn answer(tenant: &Tenant, call: &Call) -> Result<Answer, Refusal> {
    match (&call.segments[0].key, call.method, call.rest().as_slice()) {
        (Key::None, "GET", []) => call.sorted_list("MessageProcessingLogs", chosen(tenant, call)?),
        (Key::None, "GET", ["$count"]) => {
            Ok(Answer::text(200, chosen(tenant, call)?.len().to_string()))
        }
        (Key::None, ..) => Err(Refusal::not_implemented()),
        (_, "GET", rest) => one(tenant, call, rest),
        _ => Err(Refusal::not_implemented()),
    }
}

fn one(tenant: &Tenant, call: &Call, rest: &[&str]) -> Result<Answer, Refusal> {
    let guid = call.segments[0].key.only("MessageGuid").unwrap_or_default();
    let seen = |log: &&MessageLog| log.guid == guid && log.is_seen(call.now);
    let log = tenant.messages.iter().find(seen);
    let log = log.ok_or_else(|| Refusal::not_found("Requested entity could not be found."))?;
    match rest {
        [] => call.entity(200, log.entity(call)),
        ["ErrorInformation", "$value"] => {
            let over = log.end.as_ref().is_none_or(|(at, _)| *at <= call.now);
            let text = log.error.as_ref().filter(|_| over);
            Ok(text.map_or_else(
                || Answer::empty(204),
                |text| Answer::text(200, text.clone()),
            ))
        }
        _ => Err(Refusal::not_simulated("this part of MessageProcessingLogs")),
    }
}

/// The logs that are asked for, in the order that is asked for.
fn chosen(tenant: &Tenant, call: &Call) -> Result<Vec<Entity>, Refusal> {
    let conditions = conditions(call.query.get("$filter").unwrap_or_default())?;
    let order = order(call.query.get("$orderby").unwrap_or_default())?;
    let seen = tenant.messages.iter().filter(|log| log.is_seen(call.now));
    let mut found: Vec<Entity> = seen
        .filter(|log| {
            let entity = log.entity(call);
            conditions
                .iter()
                .all(|condition| condition.holds(log, &entity))
        })
        .map(|log| log.entity(call))
        .collect();
    for (name, descending) in order.iter().rev() {
        let key = |entity: &Entity| entity.property(name).map(Property::comparable);
        found.sort_by(|one, other| {
            let order = key(one).cmp(&key(other));
            if *descending { order.reverse() } else { order }
        });
    }
    Ok(found)
}

/// Documented: `LogEnd` or `LogStart` either way, `Status,LogEnd desc`, `ApplicationMessageId`.
fn order(text: &str) -> Result<Vec<(&str, bool)>, Refusal> {
    Ok(match text {
        "" => vec![("LogEnd", true)],
        "LogEnd" | "LogEnd asc" => vec![("LogEnd", false)],
        "LogEnd desc" => vec![("LogEnd", true)],
        "LogStart" | "LogStart asc" => vec![("LogStart", false)],
        "LogStart desc" => vec![("LogStart", true)],
        "Status,LogEnd desc" => vec![("Status", false), ("LogEnd", true)],
        "ApplicationMessageId" => vec![("ApplicationMessageId", false)],
        _ => {
            return Err(Refusal::bad_request(
                "Sorting by this property is not supported.",
            ));
        }
    })
}

#[derive(Debug, PartialEq)]
enum Condition {
    Flow(String),
    Text(String, bool, String),
    Date(String, Comparison, i64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    After,
    NotBefore,
    Before,
    NotAfter,
}

impl Condition {
    fn holds(&self, log: &MessageLog, entity: &Entity) -> bool {
        match self {
            Condition::Flow(id) => log.flow == *id,
            Condition::Text(name, equal, value) => {
                let actual = entity.property(name).map(Property::comparable);
                (actual.as_deref() == Some(value)) == *equal
            }
            Condition::Date(name, comparison, date) => {
                let Some(Property::Date(actual)) = entity.property(name) else {
                    return false;
                };
                match comparison {
                    Comparison::After => actual > date,
                    Comparison::NotBefore => actual >= date,
                    Comparison::Before => actual < date,
                    Comparison::NotAfter => actual <= date,
                }
            }
        }
    }
}

/// Conditions that must all hold; nothing else is documented.
fn conditions(mut text: &str) -> Result<Vec<Condition>, Refusal> {
    let mut conditions = Vec::new();
    while !text.trim().is_empty() {
        let refused = || Refusal::bad_request("Invalid filter expression.");
        let (condition, rest) = condition(text.trim()).ok_or_else(refused)?;
        conditions.push(condition);
        text = match rest.trim() {
            "" => "",
            rest => rest.strip_prefix("and ").ok_or_else(refused)?,
        };
    }
    Ok(conditions)
}

fn condition(text: &str) -> Option<(Condition, &str)> {
    let (name, rest) = text.split_once(' ')?;
    let (operator, rest) = rest.trim_start().split_once(' ')?;
    let rest = rest.trim_start();
    if let ("LogStart" | "LogEnd", Some(quoted)) = (name, rest.strip_prefix("datetime")) {
        let comparison = match operator {
            "gt" => Comparison::After,
            "ge" => Comparison::NotBefore,
            "lt" => Comparison::Before,
            "le" => Comparison::NotAfter,
            _ => return None,
        };
        let (value, rest) = literal(quoted)?;
        return Some((
            Condition::Date(name.to_owned(), comparison, date(&value)?),
            rest,
        ));
    }
    let (value, rest) = literal(rest)?;
    let condition = match (name, operator) {
        // deprecated, and mapped to the artifact's id
        ("IntegrationArtifact/Id" | "IntegrationFlowName", "eq") => Condition::Flow(value),
        ("Status", "eq" | "ne") => Condition::Text(name.to_owned(), operator == "eq", value),
        ("MessageGuid" | "CorrelationId" | "ApplicationMessageId", "eq") => {
            Condition::Text(name.to_owned(), true, value)
        }
        _ => return None,
    };
    Some((condition, rest))
}

/// Milliseconds since 1970; dates are UTC and have no zone.
fn date(text: &str) -> Option<i64> {
    let shift = if text.ends_with('Z') { ZONE } else { 0 };
    let date = PrimitiveDateTime::parse(text.trim_end_matches('Z'), &Iso8601::DATE_TIME).ok()?;
    let millis = i64::try_from(date.assume_utc().unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(millis + shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_filters_are_understood() {
        let text = "IntegrationArtifact/Id eq 'it''s' and Status ne 'DISCARDED' and LogStart ge datetime'1970-01-01T00:00:01.500'";
        assert_eq!(
            conditions(text).unwrap(),
            [
                Condition::Flow("it's".into()),
                Condition::Text("Status".into(), false, "DISCARDED".into()),
                Condition::Date("LogStart".into(), Comparison::NotBefore, 1_500),
            ]
        );
        let zoned = conditions("LogEnd gt datetime'1970-01-01T00:00:00Z'").unwrap();
        assert_eq!(
            zoned,
            [Condition::Date("LogEnd".into(), Comparison::After, ZONE)]
        );
        for refused in [
            "Status eq 'A' or Status eq 'B'",
            "(Status eq 'A')",
            "IntegrationArtifact/Id ne 'A'",
            "Sender eq 'A'",
            "LogStart eq datetime'1970-01-01T00:00:00'",
            "LogStart gt '1970-01-01T00:00:00'",
            "LogStart gt datetime'yesterday'",
            "Status eq 'A' and",
        ] {
            assert!(conditions(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn only_the_documented_orders_are_understood() {
        for text in ["", "LogEnd desc", "LogStart asc", "Status,LogEnd desc"] {
            assert!(order(text).is_ok(), "{text}");
        }
        for text in ["Status", "MessageGuid", "LogEnd down"] {
            assert!(order(text).is_err(), "{text}");
        }
    }
}
