//! `check`: offline validation of an artifact, and the findings of it that every other command tells as well.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::selection::{Checked, Selection};
use super::wishes::Settings;
use super::{Refusal, Voice, finish_output, not_an_artifact};
use crate::Process;
use crate::artifact::{self, Artifact, Finding, Severity};
use crate::cli::{CheckArgs, OutputForm};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;
use crate::report::progress::Volume;
use crate::report::{Found, Report, ci, json, text};
use crate::text::disarm;
use crate::text::redactor::Redactor;

/// Checks artifacts and prints what was found.
pub(super) fn check(
    args: &CheckArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let quiet = Voice {
        volume: Volume::Quiet,
        ..voice.clone()
    };
    let settings = Settings::read(args.config.as_ref(), args.environment.as_deref(), process)?;
    let mut selection = settings.select(&args.paths, &quiet, process)?;
    let wrong_settings = settings.findings()?;
    let settings_are_well = wrong_settings.is_empty();
    selection.strays.extend(wrong_settings);
    if selection.checked.is_empty() {
        return selection.choose(false).map(|_| Exit::Ok);
    }
    for one in &selection.checked {
        one.artifact
            .read_through()
            .map_err(|error| not_an_artifact(&error, &process.directory))?;
    }
    let mut report = report(&selection, voice, process);
    if !settings_are_well {
        report.exit = Exit::Usage;
    }
    let written = match voice.form {
        OutputForm::Text => write_text(&selection, process.out),
        OutputForm::Json | OutputForm::Matrix => write_json(&selection, process.out),
    };
    let told = text::errors_of_run(&report, voice.style, process.err);
    ci::publish(
        &report,
        voice.ci,
        &voice.files,
        process.environment,
        &Redactor::new(),
        process.err,
    );
    finish_output(written.and(told), process);
    Ok(report.exit)
}

fn report(selection: &Selection, voice: &Voice, process: &Process<'_>) -> Report {
    let mut report = Report::begin("check", voice.ci, process);
    report.findings = selection.findings();
    report.artifacts = selection.invalid();
    let unreadable = selection.unreadable.iter();
    report.errors = unreadable.map(|(_, why)| why.clone()).collect();
    report.checked = selection
        .checked
        .iter()
        .filter(|one| one.error().is_none())
        .map(|one| disarm(one.artifact.id()))
        .collect();
    if !selection.is_valid() {
        report.exit = Exit::Artifact;
    }
    report
}

/// What the offline check finds, with places relative to the working directory.
pub(super) fn findings(artifact: &Artifact, directory: &Path) -> Vec<Found> {
    let root = artifact
        .path()
        .strip_prefix(directory)
        .unwrap_or(artifact.path());
    artifact::check(artifact)
        .iter()
        .map(|finding| found(finding, root))
        .collect()
}

fn found(finding: &Finding, root: &Path) -> Found {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    Found {
        severity,
        rule: finding.rule,
        place: Place {
            path: disarm(&root.join(&finding.path).to_string_lossy()),
            line: finding.line,
        },
        message: disarm(&finding.message),
        remedy: disarm(&finding.remedy),
    }
}

/// Tells warnings and what is left out of the zip.
pub(super) fn tell(artifact: &Artifact, findings: &[Found], process: &mut Process<'_>) {
    for left_out in artifact.left_out() {
        let _ = writeln!(process.err, "left out: {}", disarm(&left_out.to_string()));
    }
    for found in findings.iter().filter(|found| found.severity == "warning") {
        let _ = writeln!(process.err, "warning: {}: {}", found.place, found.message);
    }
}

/// Refuses an artifact in which the check found an error; gives the findings of one that is valid.
pub(super) fn valid(
    artifact: &Artifact,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Vec<Found>, Refusal> {
    let findings = findings(artifact, &process.directory);
    if voice.volume != Volume::Quiet {
        tell(artifact, &findings, process);
    }
    let Some(message) = summary(&findings) else {
        return Ok(findings);
    };
    let mut refusal = Refusal::because(Exit::Artifact, message.clone());
    refusal.messages.clear();
    refusal.invalid.push(Outcome::invalid(artifact, message));
    refusal.findings = findings;
    Err(refusal)
}

/// The first error as a message, the others as causes; `None` when there is none.
pub(super) fn summary(findings: &[Found]) -> Option<Message> {
    let errors: Vec<&Found> = findings
        .iter()
        .filter(|found| found.severity == "error")
        .collect();
    let (first, others) = errors.split_first()?;
    let mut message = Message::new(first.message.clone())
        .at(first.place.to_string())
        .hint(first.remedy.clone());
    message.causes = others
        .iter()
        .map(|other| format!("also: {}: {}", other.place, other.message))
        .collect();
    Some(message)
}

fn write_text(selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    for found in &selection.findings() {
        writeln!(
            out,
            "{}: {}: {} [{}]\n  hint:  {}",
            found.severity, found.place, found.message, found.rule, found.remedy
        )?;
    }
    for Checked { artifact, .. } in &selection.checked {
        for left_out in artifact.left_out() {
            writeln!(out, "left out: {}", disarm(&left_out.to_string()))?;
        }
    }
    for one in &selection.checked {
        let word = match one.error() {
            None => "valid",
            Some(_) => "invalid",
        };
        let artifact = &one.artifact;
        writeln!(
            out,
            "{word}: {} {}, version {}, {} files",
            artifact.kind(),
            disarm(artifact.id()),
            disarm(artifact.version()),
            artifact.files().len()
        )?;
    }
    Ok(())
}

/// One artifact as an object; several as a list in one.
fn write_json(selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    let value = match selection.checked.as_slice() {
        [one] if selection.unreadable.is_empty() => {
            let mut value = as_json(one);
            value["schema"] = json!(1);
            value
        }
        all => json!({
            "schema": 1,
            "valid": selection.is_valid(),
            "artifacts": all.iter().map(as_json).collect::<Vec<_>>(),
            "unreadable": selection
                .unreadable
                .iter()
                .map(|(path, why)| json!({ "path": path, "message": why.what }))
                .collect::<Vec<_>>(),
        }),
    };
    let text = json::pretty(&value)?;
    writeln!(out, "{text}")
}

fn as_json(one: &Checked) -> serde_json::Value {
    let found = |found: &Found| {
        json!({
            "severity": found.severity,
            "rule": found.rule,
            "path": found.place.path,
            "line": found.place.line,
            "message": found.message,
            "remedy": found.remedy,
        })
    };
    let left_out: Vec<String> = one
        .artifact
        .left_out()
        .iter()
        .map(|left_out| disarm(&left_out.to_string()))
        .collect();
    json!({
        "id": one.artifact.id(),
        "type": one.artifact.kind().to_string(),
        "valid": one.error().is_none(),
        "findings": one.findings.iter().map(found).collect::<Vec<_>>(),
        "left_out": left_out,
    })
}
