//! JSON for programs: versioned objects with a common head, and nothing in them that a terminal or a CI system obeys.

use std::io;

use serde::{Serialize, Serializer};

use super::Report;
use crate::artifact::{ArtifactKind, Digest};
use crate::deploy::outcome::{Message, Outcome, Rollback, Word};
use crate::exit::Exit;
use crate::tenant::message_logs::MessageStatus;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::RuntimeStatus;
use crate::text::is_invisible;

/// The version of all forms. It grows when a field changes its meaning or goes; new fields do not change it.
pub(super) const SCHEMA: u32 = 1;

macro_rules! written_as_shown {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
written_as_shown!(ArtifactKind Digest MessageStatus RuntimeStatus TenantTime);

/// What every object has: the head, which says what it is `about`, the facts, and what is not well.
#[derive(Serialize)]
struct VersionedObject<'a, A, F> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    #[serde(flatten)]
    about: A,
    exit_code: u8,
    #[serde(flatten)]
    facts: F,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

/// Writes an object with the common head.
pub(super) fn object<'a>(
    simulated: bool,
    about: impl Serialize,
    exit: Exit,
    facts: impl Serialize,
    errors: impl IntoIterator<Item = &'a Message>,
) -> io::Result<String> {
    pretty(&VersionedObject {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated,
        about,
        exit_code: exit.code(),
        facts,
        errors: errors.into_iter().map(problem).collect(),
    })
}

/// The tenant that an object is about.
#[derive(Serialize)]
pub(super) struct About<'a> {
    pub(super) tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<&'a str>,
}

/// What an artifact is called, and how it ended.
#[derive(Serialize)]
pub(super) struct ArtifactHead<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: Option<ArtifactKind>,
    package: Option<&'a str>,
    verdict: &'static str,
    exit_code: u8,
}

/// What was deployed, by which task.
#[derive(Serialize)]
pub(super) struct ArtifactContent<'a> {
    content_sha256: Option<Digest>,
    zip_sha256: Option<Digest>,
    task: Option<&'a str>,
}

/// What the verdict rests on.
#[derive(Serialize)]
pub(super) struct ArtifactGround<'a> {
    seconds: f64,
    evidence: &'a str,
}

/// The parts that every report has of an artifact.
pub(super) fn parts(
    outcome: &Outcome,
) -> (ArtifactHead<'_>, ArtifactContent<'_>, ArtifactGround<'_>) {
    let verdict = &outcome.verdict;
    let ended = ArtifactHead {
        id: &outcome.id,
        kind: outcome.kind,
        package: outcome.package.as_deref(),
        verdict: verdict.word.as_str(),
        exit_code: verdict.exit.code(),
    };
    let content = ArtifactContent {
        content_sha256: outcome.content_sha256,
        zip_sha256: outcome.zip_sha256,
        task: outcome.task.as_deref(),
    };
    let ground = ArtifactGround {
        seconds: (outcome.took.as_secs_f64() * 1000.0).round() / 1000.0,
        evidence: &verdict.evidence,
    };
    (ended, content, ground)
}

#[derive(Serialize)]
struct RunArtifact<'a> {
    #[serde(flatten)]
    ended: ArtifactHead<'a>,
    designtime_version: Option<&'a str>,
    runtime_version: Option<&'a str>,
    #[serde(flatten)]
    content: ArtifactContent<'a>,
    #[serde(flatten)]
    ground: ArtifactGround<'a>,
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

/// What is not well: one text that holds what happened and why, and the parts of it.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

pub(super) fn problem(message: &Message) -> Problem<'_> {
    Problem {
        message: message.sentence(),
        at: message.at.as_deref(),
        causes: message.reasons(),
        hint: message.hint.as_deref(),
    }
}

/// The artifacts alone, as a compact array.
#[must_use]
pub fn artifacts(report: &Report) -> String {
    let artifacts: Vec<RunArtifact<'_>> = report.artifacts.iter().map(artifact).collect();
    compact(&artifacts).unwrap_or_default()
}

/// The result of a run.
pub(super) fn result(report: &Report) -> io::Result<String> {
    #[derive(Serialize)]
    struct RunArtifacts<'a> {
        artifacts: Vec<RunArtifact<'a>>,
    }
    let artifacts = report.artifacts.iter().map(artifact).collect();
    object(
        report.simulated,
        report.about(),
        report.exit,
        RunArtifacts { artifacts },
        &report.errors,
    )
}

fn artifact(outcome: &Outcome) -> RunArtifact<'_> {
    let (ended, content, ground) = parts(outcome);
    RunArtifact {
        ended,
        designtime_version: outcome.designtime_version.as_deref(),
        runtime_version: outcome.runtime_version.as_deref(),
        content,
        ground,
        notes: &outcome.notes,
        rollback: outcome.rollback.as_ref().map(PutBack::of),
        problem: outcome.verdict.message.as_ref().map(problem),
    }
}

/// JSON on several lines, for people's eyes too; [`disarmed`].
pub(crate) fn pretty(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    Ok(disarmed(text))
}

/// JSON on one line; [`disarmed`].
fn compact(value: &impl Serialize) -> io::Result<String> {
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
