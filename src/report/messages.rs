//! What a flow has processed, for people and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::page::Page;
use super::query::{Facts, Origin};
use crate::inventory::counted;
use crate::messages::{Found, Judgement};
use crate::tenant::message_logs::{MessageLog, MessageStatus};
use crate::tenant::odata::TenantTime;

impl Facts for Found {
    /// The counts, then the newest failures, or else the newest message.
    fn text(&self, of: &Origin<'_>, page: &mut Page) {
        page.line(format_args!(
            "{} {} ({} since {}{})",
            page.style.end(of.exit, self.word()),
            self.id,
            counted(self.total(), "message"),
            self.since,
            by_status(self)
        ));
        for failure in &self.failures {
            line(&failure.log, page);
            let error = failure.error.as_deref();
            page.item(
                "    cause: ",
                error.unwrap_or("the tenant gives no error text"),
            );
            link(&failure.log, page);
        }
        if let (Some(log), []) = (&self.newest, self.failures.as_slice()) {
            line(log, page);
            link(log, page);
        }
    }

    fn fields(&self) -> impl Serialize {
        let failures = self.failures.iter();
        Messages {
            artifact: &self.id.0,
            verdict: self.word(),
            since: self.since,
            deployed_on: self.deployed_on,
            messages: Counts {
                total: self.total(),
                complete: self.judgement != Judgement::TooMany,
                by_status: self
                    .counts
                    .iter()
                    .map(|(status, count)| (status.to_string(), *count))
                    .collect(),
            },
            failures: failures
                .map(|failure| one(&failure.log, failure.error.as_deref()))
                .collect(),
            newest: self.newest.as_ref().map(|log| one(log, None)),
        }
    }
}

/// `: 3 COMPLETED, 1 FAILED`
fn by_status(found: &Found) -> String {
    let counts = found.counts.iter();
    let counts = counts.map(|(status, count)| format!("{count} {status}"));
    match counts.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        counts => format!(": {}", counts.join(", ")),
    }
}

fn line(log: &MessageLog, page: &mut Page) {
    let began = log.start.map(|date| date.to_string());
    let began = began.unwrap_or_else(|| "at an unknown time".to_owned());
    page.line(format_args!("  {} {began} {}", log.status, log.guid));
}

fn link(log: &MessageLog, page: &mut Page) {
    if !log.link.is_empty() {
        page.item("    link:  ", &log.link);
    }
}

#[derive(Serialize)]
struct Messages<'a> {
    artifact: &'a str,
    verdict: &'static str,
    since: TenantTime,
    deployed_on: Option<TenantTime>,
    messages: Counts,
    failures: Vec<One<'a>>,
    newest: Option<One<'a>>,
}

#[derive(Serialize)]
struct Counts {
    total: usize,
    /// All of the window were read.
    complete: bool,
    by_status: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct One<'a> {
    guid: &'a str,
    status: &'a MessageStatus,
    started: Option<TenantTime>,
    ended: Option<TenantTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    link: &'a str,
}

fn one<'a>(log: &'a MessageLog, error: Option<&'a str>) -> One<'a> {
    One {
        guid: &log.guid,
        status: &log.status,
        started: log.start,
        ended: log.end,
        error,
        link: &log.link,
    }
}
