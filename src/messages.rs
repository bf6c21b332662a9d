//! What a flow has processed: counted, judged, and the newest failures with their causes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::epoch_millis;
use crate::deploy::outcome::Message;
use crate::deploy::runtime;
use crate::endpoints::not_deployed;
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::pacing::{self, Wait};
use crate::query::Query;
use crate::tenant::RuntimeReading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::message_logs::{MOST_MESSAGES, MessageLog, MessageLogs, MessageStatus};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::ArtifactId;

/// How long an error text is waited for when a message has failed a moment ago.
const TEXT_AFTER: Duration = Duration::from_secs(3);

/// Which messages, and how long they are waited for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The flow.
    pub id: ArtifactId,
    /// From when on.
    pub since: Since,
    /// How long what is missing or open is waited for.
    pub wait: Duration,
    /// Nothing at all is well too.
    pub allow_none: bool,
    /// How many failures are shown.
    pub limit: usize,
}

/// From when on messages count, by the tenant's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From the deployment that runs now.
    Deployment,
    /// So long before now.
    Ago(Duration),
    /// From a date.
    Date(TenantTime),
}

/// What the messages of a window say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// At least one is COMPLETED, and none failed or is open.
    Completed,
    /// One is FAILED or ESCALATED.
    Failed,
    /// None failed yet, and one is neither completed nor over.
    Open,
    /// None was processed: there is none, or only some that were cancelled or discarded.
    Nothing,
    /// More than were read, none of which failed: nobody knows.
    TooMany,
}

/// Judges messages. A status that nobody documented is open: it never counts as a success.
pub fn judge(messages: &MessageLogs) -> Judgement {
    let any = |is: fn(&MessageStatus) -> bool| messages.logs.iter().any(|log| is(&log.status));
    if any(is_failure) {
        Judgement::Failed
    } else if messages.cut {
        Judgement::TooMany
    } else if any(is_open) {
        Judgement::Open
    } else if any(|status| *status == MessageStatus::Completed) {
        Judgement::Completed
    } else {
        Judgement::Nothing
    }
}

/// Whether a message came to a bad end.
pub fn is_failure(status: &MessageStatus) -> bool {
    matches!(status, MessageStatus::Failed | MessageStatus::Escalated)
}

/// Whether a message may still come to any end.
pub fn is_open(status: &MessageStatus) -> bool {
    use MessageStatus::{Abandoned, Other, Processing, Retry};
    matches!(status, Processing | Retry | Abandoned | Other(_))
}

/// A message that failed, with its error text where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The message.
    pub log: MessageLog,
    /// Why, in the tenant's words.
    pub error: Option<String>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The flow.
    pub id: ArtifactId,
    /// From when on it was looked.
    pub since: TenantTime,
    /// When what runs now was deployed; `None` when nothing runs, or no date can be read.
    pub deployed_on: Option<TenantTime>,
    /// Whether anything is deployed.
    pub is_deployed: bool,
    /// What the messages say.
    pub judgement: Judgement,
    /// How many there are of each status.
    pub counts: BTreeMap<MessageStatus, usize>,
    /// The newest failures.
    pub failures: Vec<Failure>,
    /// The newest message.
    pub newest: Option<MessageLog>,
    /// What is not well, if anything is.
    pub troubles: Vec<Trouble>,
}

/// Reads messages until they say something final, or the wait is over.
pub fn read(query: &Query<'_>, wanted: &Wanted) -> Result<Found, Trouble> {
    let runtime = runtime::record(query.tenant, &wanted.id, query.clock, query.deadline)?;
    let since = since(query, wanted, &runtime)?;
    let (messages, judgement) = settled(query, wanted, since)?;
    let mut counts = BTreeMap::new();
    for log in &messages.logs {
        *counts.entry(log.status.clone()).or_insert(0) += 1;
    }
    let mut found = Found {
        id: wanted.id.clone(),
        since,
        deployed_on: runtime
            .record
            .as_ref()
            .and_then(|record| record.deployed_on),
        is_deployed: runtime.record.is_some(),
        judgement,
        counts,
        failures: failures(query, &messages, wanted.limit),
        newest: messages.logs.into_iter().next(),
        troubles: Vec::new(),
    };
    found.troubles.extend(found.trouble(wanted));
    Ok(found)
}

/// The beginning of the window by the tenant's clock.
fn since(
    query: &Query<'_>,
    wanted: &Wanted,
    runtime: &RuntimeReading,
) -> Result<TenantTime, Trouble> {
    match wanted.since {
        Since::Date(date) => Ok(date),
        Since::Ago(ago) => {
            let own = TenantTime(epoch_millis(query.clock.date()));
            let now = runtime.answered.unwrap_or(own);
            let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
            Ok(TenantTime(now.0.saturating_sub(ago).max(0)))
        }
        Since::Deployment => match &runtime.record {
            None => Err(Trouble::failed(not_deployed(&wanted.id.0))),
            Some(record) => record.deployed_on.ok_or_else(|| undated(&wanted.id).into()),
        },
    }
}

fn undated(id: &ArtifactId) -> TenantError {
    let what = format!("the tenant does not say when {id} was deployed");
    let at = format!("IntegrationRuntimeArtifacts('{id}')");
    TenantError::new(Kind::Nonsense, what, at).hint("name the beginning yourself with --since")
}

/// Looks until the messages say something final, or the wait is over.
fn settled(
    query: &Query<'_>,
    wanted: &Wanted,
    since: TenantTime,
) -> Result<(MessageLogs, Judgement), TenantError> {
    let now = query.clock.now();
    let until = now + wanted.wait.min(query.deadline.left(now));
    let wait = Wait::until(until, pacing::FIRST, &query.clock);
    let mut told = None;
    loop {
        let is_last = wait.is_over();
        let messages = query
            .tenant
            .message_logs(&wanted.id, since, query.deadline)?;
        let judgement = judge(&messages);
        let is_final = !matches!(judgement, Judgement::Open | Judgement::Nothing);
        if is_final || is_last {
            return Ok((messages, judgement));
        }
        if told != Some(judgement) {
            told = Some(judgement);
            query.tell(&waiting(&wanted.id, &messages));
        }
        wait.pause();
    }
}

fn waiting(id: &ArtifactId, messages: &MessageLogs) -> String {
    let open = messages.logs.iter().find(|log| is_open(&log.status));
    match open {
        None => format!("{id}: no message yet"),
        Some(log) => format!("{id}: message {} is {}", log.guid, log.status),
    }
}

/// The newest failures with their texts. A text that is late is waited for a little.
fn failures(query: &Query<'_>, messages: &MessageLogs, limit: usize) -> Vec<Failure> {
    let failed = messages.logs.iter().filter(|log| is_failure(&log.status));
    let until = query.clock.now() + TEXT_AFTER;
    let wait = Wait::until(until, pacing::FIRST, &query.clock);
    let with_text = |log: &MessageLog| loop {
        let error = query.tenant.message_error(&log.guid, query.deadline);
        if error.is_some() || !wait.pause() {
            return Failure {
                log: log.clone(),
                error,
            };
        }
    };
    failed.take(limit).map(with_text).collect()
}

impl Found {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self.judgement {
            Judgement::Completed => "completed",
            Judgement::Failed => "failed",
            Judgement::Nothing => "none",
            Judgement::Open | Judgement::TooMany => "undecided",
        }
    }

    /// How many messages there are.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// What is not well, and what to do; `None` when all is.
    fn trouble(&self, wanted: &Wanted) -> Option<Trouble> {
        let id = &self.id;
        let (exit, message) = match self.judgement {
            Judgement::Completed => return None,
            Judgement::Nothing if wanted.allow_none => return None,
            Judgement::Failed => (Exit::Failed, self.of_failures()),
            Judgement::Nothing => {
                let what = format!("{id} has processed no message since {}", self.since);
                let message = Message::new(what).hint(self.what_to_do_about_nothing(wanted));
                (Exit::Failed, message)
            }
            Judgement::Open => (
                Exit::Undecided,
                Message::new(format!("{id} has messages that are not over"))
                    .hint("wait longer with --wait, for example --wait 5m; the web UI shows them under Monitor > Monitor Message Processing"),
            ),
            Judgement::TooMany => (
                Exit::Undecided,
                Message::new(format!(
                    "{id} has processed more than {MOST_MESSAGES} messages since {}: the newest were read, and none of them failed",
                    self.since
                ))
                .hint("look at fewer of them, for example --since 10m"),
            ),
        };
        Some(Trouble::new(exit, message))
    }

    fn of_failures(&self) -> Message {
        let count = |status| self.counts.get(&status).copied().unwrap_or(0);
        let failed = count(MessageStatus::Failed) + count(MessageStatus::Escalated);
        let messages = if failed == 1 { "message" } else { "messages" };
        let mut message = Message::new(format!("{failed} {messages} of {} failed", self.id));
        let newest = self.failures.first();
        message.causes = newest
            .and_then(|one| one.error.clone())
            .into_iter()
            .collect();
        message.at = newest.map(|one| format!("message {}", one.log.guid));
        message.hint("the result names each with its link to the web UI; fix the cause, then send the message again")
    }

    fn what_to_do_about_nothing(&self, wanted: &Wanted) -> String {
        if !self.is_deployed {
            return format!(
                "{} is not deployed: deploy it first; `flowship status` shows what runs",
                self.id
            );
        }
        let wait = if wanted.wait.is_zero() {
            "wait for one with --wait 2m, "
        } else {
            ""
        };
        format!(
            "{wait}look further back with --since 24h, or allow it with --allow-none; `flowship endpoints {}` shows where it can be called",
            self.id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(statuses: &[&str]) -> MessageLogs {
        let log = |status: &&str| MessageLog {
            guid: "".into(),
            correlation_id: "".into(),
            status: MessageStatus::parse(status),
            start: None,
            end: None,
            link: "".into(),
        };
        MessageLogs {
            logs: statuses.iter().map(log).collect(),
            cut: false,
        }
    }

    #[test]
    fn only_completed_messages_are_a_success() {
        for (statuses, expected) in [
            (&[][..], Judgement::Nothing),
            (&["COMPLETED"], Judgement::Completed),
            (
                &["COMPLETED", "CANCELLED", "DISCARDED"],
                Judgement::Completed,
            ),
            (&["CANCELLED"], Judgement::Nothing),
            (&["DISCARDED"], Judgement::Nothing),
            (&["COMPLETED", "PROCESSING"], Judgement::Open),
            (&["COMPLETED", "RETRY"], Judgement::Open),
            (&["COMPLETED", "ABANDONED"], Judgement::Open),
            (&["COMPLETED", "DISPATCHED"], Judgement::Open),
            (&["COMPLETED", ""], Judgement::Open),
            (&["PROCESSING", "FAILED"], Judgement::Failed),
            (&["COMPLETED", "ESCALATED"], Judgement::Failed),
        ] {
            assert_eq!(judge(&messages(statuses)), expected, "{statuses:?}");
        }
    }

    #[test]
    fn what_was_not_read_to_its_end_is_no_success() {
        for (statuses, expected) in [
            (&["COMPLETED"][..], Judgement::TooMany),
            (&["COMPLETED", "FAILED"], Judgement::Failed),
        ] {
            let messages = MessageLogs {
                cut: true,
                ..messages(statuses)
            };
            assert_eq!(judge(&messages), expected);
        }
    }
}
