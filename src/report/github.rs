//! GitHub Actions: annotations and step outputs.

use std::io::{self, Write};

use super::{Report, json};
use crate::deploy::outcome::{Message, Outcome, Place, Word};
use crate::exit::Exit;
use crate::text::disarm;

/// How many annotations of a kind GitHub shows for a step; the summary holds them all.
const MOST_ANNOTATIONS: usize = 10;

/// Writes an annotation for each error and finding, at its file and line where that is known.
pub fn annotations(report: &Report, err: &mut dyn Write) -> io::Result<()> {
    // an error with a place is told with the findings, and so is what is wrong with an invalid artifact
    let of_run = report.errors.iter().filter(|_| report.findings.is_empty());
    let valid = report.artifacts.iter();
    let valid = valid.filter(|outcome| outcome.verdict.word != Word::Invalid);
    let of_artifacts = valid.flat_map(|outcome| {
        let message = outcome.verdict.message.iter();
        message.map(|message| (Some(outcome.id.as_str()), message))
    });
    let errors = of_run.map(|message| (None, message)).chain(of_artifacts);
    for (id, message) in errors.take(MOST_ANNOTATIONS) {
        let place = message.file.as_ref();
        annotation("error", place, report, &sentence(id, message), err)?;
    }
    for level in ["error", "warning"] {
        let findings = report.findings.iter();
        let findings = findings.filter(|found| found.severity == level);
        for found in findings.take(MOST_ANNOTATIONS) {
            let text = format!("{} ({}). {}", found.message, found.rule, found.remedy);
            annotation(level, Some(&found.place), report, &text, err)?;
        }
    }
    Ok(())
}

fn sentence(id: Option<&str>, message: &Message) -> String {
    let id = id.map(|id| format!("{id}: ")).unwrap_or_default();
    let hint = message.hint.as_ref().map(|hint| format!(". {hint}"));
    let sentence = message.sentence();
    let sentence = sentence.trim_end_matches('.');
    format!("{id}{sentence}{}", hint.unwrap_or_default())
}

fn annotation(
    level: &str,
    place: Option<&Place>,
    report: &Report,
    text: &str,
    err: &mut dyn Write,
) -> io::Result<()> {
    let mut properties = String::new();
    if let Some(place) = place {
        let path = disarm(&report.repository_path(&place.path));
        properties += &format!("file={},", property(&path));
        if let Some(line) = place.line {
            properties += &format!("line={line},");
        }
    }
    writeln!(
        err,
        "::{level} {properties}title=flowship::{}",
        data(&disarm(text))
    )
}

/// A value behind `::` of a workflow command.
pub fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The verdict of the first artifact; of a path that holds none, that it is invalid.
fn verdict(report: &Report) -> String {
    match report.artifacts.first() {
        Some(first) => first.verdict.word.name().to_owned(),
        None if report.exit == Exit::Artifact => Word::Invalid.name().to_owned(),
        None => String::new(),
    }
}

/// The step outputs. Those of a single artifact are of the first one; each value is one line: disarmed text, a number or compact
/// JSON.
pub fn values(report: &Report) -> [(&'static str, String); 9] {
    let first = report.artifacts.first();
    let of_first = |read: fn(&Outcome) -> Option<String>| {
        let value = first.and_then(read).unwrap_or_default();
        value.replace(['\r', '\n'], " ")
    };
    [
        ("verdict", verdict(report)),
        ("exit-code", report.exit.code().to_string()),
        ("artifact-id", of_first(|one| Some(one.id.clone()))),
        (
            "designtime-version",
            of_first(|one| one.designtime_version.clone()),
        ),
        (
            "runtime-version",
            of_first(|one| one.runtime_version.clone()),
        ),
        (
            "content-sha256",
            of_first(|one| one.content_sha256.map(|digest| digest.to_string())),
        ),
        (
            "zip-sha256",
            of_first(|one| one.zip_sha256.map(|digest| digest.to_string())),
        ),
        ("task-id", of_first(|one| one.task.clone())),
        ("artifacts", json::artifacts(report)),
    ]
}

/// The step outputs, one `name=value` a line.
pub fn outputs(report: &Report) -> String {
    let lines = values(report).map(|(name, value)| format!("{name}={value}\n"));
    lines.concat()
}
