//! What a flow has processed, for people and for programs.

use std::collections::BTreeMap;

use super::json::written;
use super::page::Page;
use super::query::{QueryFacts, QueryOrigin};
use crate::inventory::{Trouble, counted, tally};
use crate::messages::{Failure, Found, Judgement};
use crate::tenant::message_logs::MessageLog;

impl QueryFacts for Found {
    /// The counts, then the newest failures, or else the newest message.
    fn text(&self, of: &QueryOrigin<'_>, page: &mut Page) {
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

    fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}

/// `: 3 COMPLETED, 1 FAILED`
fn by_status(found: &Found) -> String {
    let counts = found.counts.iter();
    match tally(counts.map(|(status, count)| (*count, status))).as_str() {
        "" => String::new(),
        counts => format!(": {counts}"),
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

/// How many messages there are.
struct Counts<'a>(&'a Found);

written! {
    Found as it {
        "artifact" => it.id.0,
        "verdict" => it.word(),
        "since" => it.since,
        "deployed_on" => it.deployed_on,
        "messages" => Counts(it),
        "failures" => it.failures,
        "newest" => it.newest.clone().map(|log| Failure { log, error: None }),
    }

    Counts<'_> as it {
        "total" => it.0.total(),
        // all of the window were read
        "complete" => it.0.judgement != Judgement::TooMany,
        "by_status" => it.by_status(),
    }

    Failure as it {
        "guid" => it.log.guid,
        "status" => it.log.status,
        "started" => it.log.start,
        "ended" => it.log.end,
        "error" if it.error.is_some() => it.error,
        "link" => it.log.link,
    }
}

impl Counts<'_> {
    fn by_status(&self) -> BTreeMap<String, usize> {
        let counts = self.0.counts.iter();
        counts
            .map(|(status, count)| (status.to_string(), *count))
            .collect()
    }
}
