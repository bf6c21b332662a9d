//! What a flow has processed, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::json::{Problem, SCHEMA, problem};
use super::text::{SIMULATED, Style};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::inventory::counted;
use crate::messages::{Found, Judgement};
use crate::tenant::message_logs::MessageLog;
use crate::text::disarm;

/// What `messages` found.
pub struct Looked<'a> {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The host.
    pub tenant: &'a str,
    /// What was found.
    pub found: &'a Found,
    /// What is not well.
    pub message: Option<&'a Message>,
    /// The code of the run.
    pub exit: Exit,
}

/// Writes the counts, then the newest failures, or else the newest message.
pub fn text(looked: &Looked<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = if looked.simulated { SIMULATED } else { "" };
    let found = looked.found;
    let word = match looked.exit {
        Exit::Ok => style.good(found.word()),
        _ => style.bad(found.word()),
    };
    writeln!(
        out,
        "{mark}{word} {} ({} since {}{})",
        disarm(&found.id.0),
        counted(found.total(), "message"),
        found.since,
        by_status(found)
    )?;
    for failure in &found.failures {
        line(&failure.log, mark, out)?;
        let error = failure
            .error
            .as_deref()
            .unwrap_or("the tenant gives no error text");
        writeln!(out, "{mark}    cause: {}", disarm(error))?;
        link(&failure.log, mark, out)?;
    }
    match &found.newest {
        Some(log) if found.failures.is_empty() => {
            line(log, mark, out)?;
            link(log, mark, out)
        }
        _ => Ok(()),
    }
}

/// `: 3 COMPLETED, 1 FAILED`
fn by_status(found: &Found) -> String {
    let counts = found.counts.iter();
    let counts: Vec<String> = counts
        .map(|(status, count)| format!("{count} {}", disarm(&status.to_string())))
        .collect();
    if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    }
}

fn line(log: &MessageLog, mark: &str, out: &mut dyn Write) -> io::Result<()> {
    let began = log
        .start
        .map_or_else(|| "at an unknown time".to_owned(), |date| date.to_string());
    let status = disarm(&log.status.to_string());
    writeln!(out, "{mark}  {status} {began} {}", disarm(&log.guid))
}

fn link(log: &MessageLog, mark: &str, out: &mut dyn Write) -> io::Result<()> {
    if log.link.is_empty() {
        return Ok(());
    }
    writeln!(out, "{mark}    link:  {}", disarm(&log.link))
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: &'a str,
    exit_code: u8,
    artifact: &'a str,
    verdict: &'static str,
    since: String,
    deployed_on: Option<String>,
    messages: Counts,
    failures: Vec<One<'a>>,
    newest: Option<One<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
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
    status: String,
    started: Option<String>,
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    link: &'a str,
}

/// Writes the whole as one object and a line break.
pub fn json(looked: &Looked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let found = looked.found;
    let counts = found.counts.iter();
    let failures = found.failures.iter();
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: looked.simulated,
        tenant: looked.tenant,
        exit_code: looked.exit.code(),
        artifact: &found.id.0,
        verdict: found.word(),
        since: found.since.to_string(),
        deployed_on: found.deployed_on.map(|date| date.to_string()),
        messages: Counts {
            total: found.total(),
            complete: found.judgement != Judgement::TooMany,
            by_status: counts
                .map(|(status, count)| (status.to_string(), *count))
                .collect(),
        },
        failures: failures
            .map(|failure| one(&failure.log, failure.error.as_deref()))
            .collect(),
        newest: found.newest.as_ref().map(|log| one(log, None)),
        errors: looked.message.into_iter().map(problem).collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn one<'a>(log: &'a MessageLog, error: Option<&'a str>) -> One<'a> {
    One {
        guid: &log.guid,
        status: log.status.to_string(),
        started: log.start.map(|date| date.to_string()),
        ended: log.end.map(|date| date.to_string()),
        error,
        link: &log.link,
    }
}
