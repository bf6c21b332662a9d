//! `MessageProcessingLogs`: what flows have processed, by the documented filters and orders only.

use serde_json::{Value, json};

use super::answer::{Answer, Answered, Refusal};
use super::call::Call;
use super::clock::Seconds;
use super::entity::{Entity, date};
use super::model::MESSAGES;
use super::query::{Condition, Documented};
use super::scenario::Scenarios;
use super::senders::has_timer;
use super::state::{Record, Stage, Tenant};
use super::tokens::random_text;

/// How long a message takes.
const PROCESSING: Seconds = 0.2;

/// The processing of one message.
#[derive(Debug, Clone)]
pub struct MessageLog {
    pub guid: String,
    pub correlation: String,
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
    pub error: Option<String>,
}

impl MessageLog {
    /// A message that a flow began to process, as the scenarios for it say.
    pub fn begin(
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
        let open = stays.filter(|stays| matches!(*stays, "ESCALATED" | "RETRY"));
        let failed = fails.or(open.map(|_| scenarios.cause()));
        let artifact = tenant.artifacts.get(id);
        let package = artifact.map(|artifact| artifact.package.clone());
        Self {
            guid: format!("AG{}", random_text(&mut tenant.rng, 26)),
            correlation: format!("AG{}", random_text(&mut tenant.rng, 26)),
            flow: id.to_owned(),
            name: record.name.clone(),
            package: package.unwrap_or_default(),
            began: at,
            visible: at + seconds("message-log-late").unwrap_or(0.0),
            first: stays.unwrap_or("PROCESSING").to_owned(),
            end: stays.is_none().then(|| (ended, last.to_owned())),
            error: failed.map(|text| format!("com.sap.it.rt.adapter.Failure: {text}")),
        }
    }

    /// One that has ended so, long ago.
    pub fn ended(mut self, status: &str) -> Self {
        self.end = Some((self.began + PROCESSING, status.to_owned()));
        let text = "com.sap.it.rt.adapter.Failure: an older failure";
        self.error = (status == "FAILED").then(|| text.to_owned());
        self
    }

    /// Whether it ends in FAILED.
    pub fn fails(&self) -> bool {
        let end = self.end.as_ref();
        end.is_some_and(|(_, status)| status == "FAILED")
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
        let date = |at| date(call.setting.clock.millis(at));
        let ended = self.end.as_ref().filter(|(at, _)| *at <= call.now);
        let host = call.setting.host();
        let link = format!(
            "{host}/itspaces/shell/monitoring/MessageDetails/%7B%22messageGuid%22:%22{}%22%7D",
            self.guid
        );
        let artifact = json!({
            "Id": self.flow,
            "Name": self.name,
            "Type": "INTEGRATION_FLOW",
            "PackageId": self.package,
            "PackageName": self.package,
        });
        MESSAGES.filled(|name| match name {
            "MessageGuid" => json!(self.guid),
            "CorrelationId" | "TransactionId" => json!(self.correlation),
            "LogStart" => date(self.began),
            "LogEnd" => json!(ended.map(|(at, _)| date(*at))),
            "IntegrationFlowName" => json!(self.name),
            "Status" | "CustomStatus" => json!(self.status(call.now)),
            "AlternateWebLink" => json!(link),
            "IntegrationArtifact" => artifact.clone(),
            "LogLevel" => json!("INFO"),
            "ArchivingStatus" => json!("NOT_RELEVANT"),
            name if name.starts_with("Archiving") => json!(false),
            _ => Value::Null,
        })
    }
}

/// A flow with a timer processes a message when it has started.
pub fn of_timer(tenant: &mut Tenant, scenarios: &Scenarios, id: &str, stages: &[Stage]) {
    for (at, record) in stages {
        let record = record.as_ref();
        let starts = |record: &&Record| record.status == "STARTED" && has_timer(record);
        if let Some(record) = record.filter(starts) {
            let log = MessageLog::begin(tenant, scenarios, (id, record), *at);
            tenant.messages.push(log);
        }
    }
}

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    match (call.has_key(), call.method, call.rest().as_slice()) {
        (false, "GET", [] | ["$count"]) => {
            let seen = tenant.messages.iter().filter(|log| log.is_seen(call.now));
            let seen = seen.map(|log| log.entity(call)).collect();
            call.all_by(MESSAGES.name, seen, &DOCUMENTED)
        }
        (true, "GET", rest) => one(tenant, call, rest),
        _ => Err(Refusal::not_implemented()),
    }
}

fn one(tenant: &Tenant, call: &Call, rest: &[&str]) -> Answered {
    let guid = call.key("MessageGuid").unwrap_or_default();
    let seen = |log: &&MessageLog| log.guid == guid && log.is_seen(call.now);
    let log = tenant.messages.iter().find(seen);
    let log = log.ok_or_else(Refusal::missing)?;
    match rest {
        [] => call.entity(200, log.entity(call)),
        ["ErrorInformation", "$value"] => {
            let over = log.end.as_ref().is_none_or(|(at, _)| *at <= call.now);
            let text = log.error.as_ref().filter(|_| over);
            Ok(text.map_or_else(|| Answer::empty(204), |text| Answer::text(200, text)))
        }
        _ => Err(Refusal::not_simulated("this part of MessageProcessingLogs")),
    }
}

/// Conditions that must all hold, alternatives in parentheses (two clients), and some orders; nothing else is documented.
const DOCUMENTED: Documented = Documented {
    joins_groups: true,
    ignored: &[],
    condition: is_documented,
    order: |order| {
        let orders = [
            "LogEnd",
            "LogEnd asc",
            "LogEnd desc",
            "LogStart",
            "LogStart asc",
            "LogStart desc",
            "Status,LogEnd desc",
            "ApplicationMessageId",
        ];
        orders.contains(&order)
    },
    default_order: "LogEnd desc",
};

fn is_documented(condition: &Condition) -> bool {
    let operators: &[&str] = match (condition.property.as_str(), condition.is_date) {
        ("LogStart" | "LogEnd", true) => &["gt", "ge", "lt", "le"],
        ("Status", false) => &["eq", "ne"],
        (
            "IntegrationArtifact/Id" | "MessageGuid" | "CorrelationId" | "ApplicationMessageId",
            false,
        ) => &["eq"],
        _ => &[],
    };
    operators.contains(&condition.operator.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::path::Query;
    use super::super::query::{filtered, sort};
    use super::*;

    /// The message logs that options choose, of one that is over and one that is not.
    fn chosen(options: &str) -> Result<Vec<String>, Refusal> {
        let log = |guid: &str, status: &str, end: Value| {
            MESSAGES.filled(|name| match name {
                "MessageGuid" => json!(guid),
                "Status" => json!(status),
                "LogStart" => date(1_500),
                "LogEnd" => end.clone(),
                "IntegrationArtifact" => json!({"Id": "it's"}),
                _ => Value::Null,
            })
        };
        let over = log("over", "COMPLETED", date(2_000));
        let query = Query::parse(options).unwrap();
        let mut list = filtered(
            vec![over, log("open", "RETRY", Value::Null)],
            &query,
            &DOCUMENTED,
        )?;
        sort(&mut list, &query, &DOCUMENTED)?;
        Ok(list
            .iter()
            .map(|one| one.comparable("MessageGuid").unwrap())
            .collect())
    }

    #[test]
    fn only_the_documented_filters_are_understood() {
        for (filter, expected) in [
            (
                "IntegrationArtifact/Id eq 'it''s' and Status ne 'COMPLETED'",
                vec!["open"],
            ),
            (
                "IntegrationFlowName eq 'it''s' and LogStart ge datetime'1970-01-01T00:00:01.500'",
                vec!["over", "open"],
            ),
            ("LogStart gt datetime'1970-01-01T00:00:01.500'", vec![]),
            ("LogEnd lt datetime'1970-01-01T00:00:03'", vec!["over"]),
            (
                "(Status eq 'RETRY' or Status eq 'FAILED') and LogStart gt datetime'1970-01-01T00:00:01'",
                vec!["open"],
            ),
            ("(Status eq 'COMPLETED')", vec!["over"]),
            // two hours later
            ("LogEnd gt datetime'1970-01-01T00:00:00Z'", vec![]),
        ] {
            assert_eq!(
                chosen(&format!("$filter={filter}")).unwrap(),
                expected,
                "{filter}"
            );
        }
        for refused in [
            "Status eq 'A' or Status eq 'B'",
            "(Status eq 'A' and Status eq 'B')",
            "(Status eq 'A'",
            "IntegrationArtifact/Id ne 'A'",
            "Sender eq 'A'",
            "LogStart eq datetime'1970-01-01T00:00:00'",
            "LogStart gt '1970-01-01T00:00:00'",
            "LogStart gt datetime'yesterday'",
            "startswith(Status,'A')",
            "Status eq 'A' and",
        ] {
            assert!(chosen(&format!("$filter={refused}")).is_err(), "{refused}");
        }
    }

    #[test]
    fn only_the_documented_orders_are_understood() {
        for (options, first) in [
            ("", "over"),
            ("$orderby=LogEnd desc", "over"),
            ("$orderby=LogEnd asc", "open"),
            ("$orderby=Status,LogEnd desc", "over"),
        ] {
            assert_eq!(chosen(options).unwrap()[0], first, "{options}");
        }
        for order in ["Status", "MessageGuid", "LogEnd down"] {
            assert!(chosen(&format!("$orderby={order}")).is_err(), "{order}");
        }
    }
}
