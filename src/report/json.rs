//! The report for programs: one object, whose form is versioned.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::deploy::outcome::{Message, Outcome, Rollback, Word};
use crate::text::is_invisible;

/// The version of the form. It grows when a field changes its meaning or goes; new fields do not change it.
pub(super) const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Run<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    exit_code: u8,
    artifacts: Vec<Artifact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: Option<String>,
    package: Option<&'a str>,
    verdict: &'static str,
    exit_code: u8,
    designtime_version: Option<&'a str>,
    runtime_version: Option<&'a str>,
    content_sha256: Option<String>,
    zip_sha256: Option<String>,
    task: Option<&'a str>,
    seconds: f64,
    evidence: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback: Option<PutBack<'a>>,
    #[serde(flatten)]
    problem: Option<Problem<'a>>,
}

/// What was done to put back what stood before.
#[derive(Serialize)]
pub(super) struct PutBack<'a> {
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    evidence: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<&'a str>,
}

impl<'a> PutBack<'a> {
    pub(super) fn of(rollback: &'a Rollback) -> Self {
        Self {
            result: rollback.result.as_str(),
            verdict: rollback.verdict.map(Word::as_str),
            evidence: &rollback.evidence,
            message: &rollback.message,
            saved: rollback.saved.as_deref(),
            repair: rollback.repair.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Problem<'a> {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// The artifacts alone, as a compact array.
#[must_use]
pub fn artifacts(report: &Report) -> String {
    let artifacts: Vec<Artifact<'_>> = report.artifacts.iter().map(artifact).collect();
    compact(&artifacts).unwrap_or_default()
}

/// Writes the report as one object and a line break.
pub fn result(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let run = Run {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: report.simulated,
        tenant: report.tenant.as_deref(),
        source: report.source.as_deref(),
        exit_code: report.exit.code(),
        artifacts: report.artifacts.iter().map(artifact).collect(),
        errors: report.errors.iter().map(problem).collect(),
    };
    let text = pretty(&run)?;
    writeln!(out, "{text}")
}

/// JSON on several lines, for people's eyes too; [`disarmed`].
pub(crate) fn pretty(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    Ok(disarmed(text))
}

/// JSON on one line; [`disarmed`].
pub(crate) fn compact(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string(value).map_err(io::Error::other)?;
    Ok(disarmed(text))
}

/// Characters that JSON allows in a text, and a terminal obeys, are escaped; so is the second of two `#`, with which
/// commands of Azure Pipelines begin anywhere in a line. Outside of texts JSON has neither.
fn disarmed(text: String) -> String {
    if !text.contains("##") && !text.chars().any(steers) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("##", "#\\u0023").chars() {
        if steers(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// DEL, the second set of control characters, and what is not seen but changes how a line is shown.
fn steers(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}') || is_invisible(c)
}

fn artifact(outcome: &Outcome) -> Artifact<'_> {
    Artifact {
        id: &outcome.id,
        kind: outcome.kind.map(|kind| kind.to_string()),
        package: outcome.package.as_deref(),
        verdict: outcome.verdict.word.as_str(),
        exit_code: outcome.verdict.exit.code(),
        designtime_version: outcome.designtime_version.as_deref(),
        runtime_version: outcome.runtime_version.as_deref(),
        content_sha256: outcome.content_sha256.map(|digest| digest.to_string()),
        zip_sha256: outcome.zip_sha256.map(|digest| digest.to_string()),
        task: outcome.task.as_deref(),
        seconds: (outcome.took.as_secs_f64() * 1000.0).round() / 1000.0,
        evidence: &outcome.verdict.evidence,
        notes: &outcome.notes,
        rollback: outcome.rollback.as_ref().map(PutBack::of),
        problem: outcome.verdict.message.as_ref().map(problem),
    }
}

/// One text that holds what happened and why, and the parts of it.
pub(super) fn problem(message: &Message) -> Problem<'_> {
    let mut text = message.what.clone();
    if !message.causes.is_empty() {
        text = format!("{text}: {}", message.causes.join("; "));
    }
    Problem {
        message: text,
        at: message.at.as_deref(),
        causes: &message.causes,
        hint: message.hint.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_read_back_the_same() {
        let text = "a\u{9b}2J\u{9d}b\u{7f}\u{202e}c\u{2028}ä\n";
        let written = pretty(&text).unwrap();
        assert_eq!(written, r#""a\u009b2J\u009db\u007f\u202ec\u2028ä\n""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn no_command_of_a_ci_system_stands_in_json_and_it_is_read_back_the_same() {
        for text in [
            "##vso[task.x]1",
            "a ##[error]b",
            "###[x] ####vso[y]",
            "\u{200f}",
        ] {
            let value = std::collections::BTreeMap::from([(text, text)]);
            for written in [pretty(&value).unwrap(), compact(&value).unwrap()] {
                assert!(!written.contains("##"), "{written}");
                assert!(!written.contains('\u{200f}'), "{written}");
                let read: serde_json::Value = serde_json::from_str(&written).unwrap();
                assert_eq!(read[text], text);
            }
        }
    }
}
