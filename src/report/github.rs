//! GitHub Actions: groups, annotations, step outputs, the step summary.

use std::io::{self, Write};

use super::summary;
use super::{Report, json};
use crate::deploy::outcome::{Message, Outcome, Place, Word};
use crate::exit::Exit;
use crate::text::disarm;

/// How many annotations of a kind GitHub shows for a step; the summary holds them all.
const MOST_ANNOTATIONS: usize = 10;

/// Opens a group of log lines.
pub fn open_group(title: &str, err: &mut dyn Write) -> io::Result<()> {
    writeln!(err, "::group::{}", data(title))
}

/// Closes it; always before an error line, so that the error is seen in a folded log.
pub fn close_group(err: &mut dyn Write) -> io::Result<()> {
    writeln!(err, "::endgroup::")
}

/// Writes an annotation for each error and finding, at its file and line where that is known.
pub fn annotations(report: &Report, err: &mut dyn Write) -> io::Result<()> {
    // an error with a place is told with the findings
    let of_run = report
        .errors
        .iter()
        .filter(|_| report.findings.is_empty())
        .map(|message| ("error", None, message));
    let of_artifacts = report.artifacts.iter().filter_map(|outcome| {
        // what is wrong with an invalid artifact is told with its findings
        let message = outcome
            .verdict
            .message
            .as_ref()
            .filter(|_| outcome.verdict.word != Word::Invalid)?;
        Some(("error", Some(outcome.id.as_str()), message))
    });
    for (level, id, message) in of_run.chain(of_artifacts).take(MOST_ANNOTATIONS) {
        let place = message.file.as_ref();
        annotation(level, place, report, &sentence(id, message), err)?;
    }
    for level in ["error", "warning"] {
        let findings = report
            .findings
            .iter()
            .filter(|found| found.severity == level);
        for found in findings.take(MOST_ANNOTATIONS) {
            let text = format!("{} ({}). {}", found.message, found.rule, found.remedy);
            annotation(level, Some(&found.place), report, &text, err)?;
        }
    }
    Ok(())
}

fn sentence(id: Option<&str>, message: &Message) -> String {
    let id = id.map(|id| format!("{id}: ")).unwrap_or_default();
    let hint = message.hint.iter().map(|hint| format!(". {hint}"));
    let sentence = format!("{id}{}", message.sentence());
    format!(
        "{}{}",
        sentence.trim_end_matches('.'),
        hint.collect::<String>()
    )
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
        properties.push_str(&format!(
            "file={},",
            property(&disarm(&report.repository_path(&place.path)))
        ));
        if let Some(line) = place.line {
            properties.push_str(&format!("line={line},"));
        }
    }
    writeln!(
        err,
        "::{level} {properties}title=flowship::{}",
        data(&disarm(text))
    )
}

/// A value behind `::` of a workflow command.
fn data(text: &str) -> String {
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

/// The step outputs, one `name=value` a line. Single-artifact outputs are those of the first artifact.
pub fn outputs(report: &Report) -> String {
    let first = report.artifacts.first();
    let of_first = |read: fn(&Outcome) -> Option<String>| first.and_then(read).unwrap_or_default();
    let values = [
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
    ];
    // every value is one line: disarmed text, a number or compact JSON
    values
        .iter()
        .map(|(name, value)| format!("{name}={}\n", value.replace(['\r', '\n'], " ")))
        .collect()
}

/// The step summary, at most `room` bytes long: above GitHub's limit the whole of it would be dropped.
pub fn step_summary(report: &Report, room: usize) -> String {
    summary::markdown(report, room)
}
