//! `MessageProcessingLogs`: what flows have processed (cpi-api.md §6). Dates are the tenant's own, UTC; filters take them
//! without a zone.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Tenant;
use super::error::TenantError;
use super::exchange::Ask;
use super::odata::{self, TenantTime, literal};
use super::wire::{ArtifactId, date, statuses};
use crate::clock::Deadline;
use crate::text::SafeText;

/// How many messages are looked at: ten pages (cpi-api.md §10). Who needs more narrows the window.
pub const MOST_MESSAGES: usize = 10_000;
/// The page size of tenants that name no next page.
const PAGE: usize = 1_000;
/// What is read of each message.
const FIELDS: &str = "MessageGuid,CorrelationId,LogStart,LogEnd,Status,AlternateWebLink";

/// The processing of one message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageLog {
    /// Its id.
    #[serde(rename = "MessageGuid")]
    pub guid: SafeText,
    /// What it shares with messages of other flows that belong to the same process.
    #[serde(default)]
    pub correlation_id: SafeText,
    /// How far it is.
    pub status: MessageStatus,
    /// When it began.
    #[serde(rename = "LogStart", default, deserialize_with = "date")]
    pub start: Option<TenantTime>,
    /// When it ended, or was last touched.
    #[serde(rename = "LogEnd", default, deserialize_with = "date")]
    pub end: Option<TenantTime>,
    /// Where the web UI shows it.
    #[serde(rename = "AlternateWebLink", default)]
    pub link: SafeText,
}

statuses! {
    /// The status of a message (cpi-api.md §6).
    pub enum MessageStatus {
        /// Processed to its end.
        Completed = "COMPLETED",
        /// Under way.
        Processing = "PROCESSING",
        /// It failed, and is tried again.
        Retry = "RETRY",
        /// The flow gave it up on purpose.
        Escalated = "ESCALATED",
        /// It failed.
        Failed = "FAILED",
        /// A person cancelled it.
        Cancelled = "CANCELLED",
        /// There was nothing to do.
        Discarded = "DISCARDED",
        /// Not heard of for long; not final.
        Abandoned = "ABANDONED",
    }
}

/// The messages of one artifact since a moment, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageLogs {
    /// The messages.
    pub logs: Vec<MessageLog>,
    /// There are more than were read.
    pub cut: bool,
}

impl Tenant {
    /// The messages of an artifact that began at a moment of the tenant's clock or later.
    pub fn message_logs(
        &self,
        id: &ArtifactId,
        since: TenantTime,
        deadline: Deadline,
    ) -> Result<MessageLogs, TenantError> {
        let first = path_of_logs(id, since);
        let mut found = MessageLogs::default();
        let mut guids = BTreeSet::new();
        let mut path = first.clone();
        loop {
            let page = self.read_page::<MessageLog>(&Ask::of_runtime(path), deadline)?;
            let page = page.found().ok_or_else(|| {
                self.not_offered("MessageProcessingLogs", "tell what was processed")
            })?;
            let (length, before) = (page.results.len(), guids.len());
            let own = page.results.into_iter().filter(|log| {
                // the filter knows whole seconds only
                let is_since = log.start.is_none_or(|start| start >= since);
                is_since && guids.insert(log.guid.clone())
            });
            found.logs.extend(own);
            let full = found.logs.len() >= MOST_MESSAGES;
            let goes_on = length > 0 && guids.len() > before && !full;
            if goes_on && page.next.is_some() && deadline.passed(self.clock.now()) {
                return Err(self.too_late(&first));
            }
            match page.next {
                Some(link) if goes_on => path = self.below_root(&link, &first)?,
                None if length < PAGE => return Ok(found),
                next => {
                    found.cut = full || next.is_none() || !goes_on;
                    return Ok(found);
                }
            }
        }
    }

    /// One message; `None` while the tenant does not show it.
    pub fn message_log(
        &self,
        guid: &str,
        deadline: Deadline,
    ) -> Result<Option<MessageLog>, TenantError> {
        let path = format!("MessageProcessingLogs({})", literal(guid));
        Ok(self.read_entity(&Ask::of_runtime(path), deadline)?.found())
    }

    /// Why a message failed, in the tenant's words, fit to be printed; `None` where it says nothing (204) or could not be
    /// asked: that must not hide the failure itself.
    pub fn message_error(&self, guid: &str, deadline: Deadline) -> Option<String> {
        let path = format!(
            "MessageProcessingLogs({})/ErrorInformation/$value",
            literal(guid)
        );
        let reading = self.read(&Ask::of_runtime(path), deadline, |answer| {
            Some(self.words(&odata::text(&answer.body)).to_string())
        });
        reading.ok()?.found().filter(|text| !text.is_empty())
    }
}

/// The newest first, by what `$orderby` takes.
fn path_of_logs(id: &ArtifactId, since: TenantTime) -> String {
    format!(
        "MessageProcessingLogs?$filter=IntegrationArtifact/Id%20eq%20{}%20and%20LogStart%20ge%20datetime'{}'&$orderby=LogStart%20desc&$select={FIELDS}",
        literal(&id.0),
        without_zone(since)
    )
}

/// A date as filters take it: UTC, whole seconds, and no Z, which would be misread.
fn without_zone(date: TenantTime) -> String {
    date.to_string().chars().take(19).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_the_second_without_a_zone() {
        let path = path_of_logs(&ArtifactId("it's".into()), TenantTime(1_521_463_557_739));
        assert!(
            path.contains("IntegrationArtifact/Id%20eq%20'it''s'%20and%20"),
            "{path}"
        );
        assert!(path.contains("datetime'2018-03-19T12:45:57'&"), "{path}");
    }

    #[test]
    fn statuses_are_read_in_any_case_and_unknown_ones_stay_unknown() {
        assert_eq!(MessageStatus::parse("Completed"), MessageStatus::Completed);
        assert_eq!(
            MessageStatus::parse(" escalated\n"),
            MessageStatus::Escalated
        );
        assert_eq!(
            MessageStatus::parse("COMPLETE"),
            MessageStatus::Other("COMPLETE".into())
        );
        assert_eq!(MessageStatus::parse(""), MessageStatus::Other("".into()));
    }

    #[test]
    fn a_log_is_read_with_what_it_has() {
        let json = r#"{"MessageGuid":"AG","Status":"PROCESSING","LogStart":"/Date(5)/","LogEnd":null,"AlternateWebLink":null}"#;
        let log: MessageLog = serde_json::from_str(json).unwrap();
        assert_eq!((log.start, log.end), (Some(TenantTime(5)), None));
        assert_eq!(log.link, "");
        assert!(serde_json::from_str::<MessageLog>(r#"{"MessageGuid":"AG"}"#).is_err());
    }
}
