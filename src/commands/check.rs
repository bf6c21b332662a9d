//! `check`: offline validation of an artifact, and the findings of it that every other command tells as well.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::{Refusal, Voice, finish_output, not_an_artifact, open};
use crate::Process;
use crate::artifact::{self, Artifact, Comparable, Finding, PackOptions, Severity};
use crate::cli::{CheckArgs, OutputForm};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;
use crate::report::progress::Volume;
use crate::report::{Found, Report, ci};
use crate::settings::redactor::Redactor;
use crate::words::disarm;

/// Reads every entry of a zip to its end: one that can't be unpacked is found here, not by `pack`.
fn unpack(artifact: &Artifact, process: &Process<'_>) -> Result<(), Refusal> {
    if artifact.path().is_file() {
        Comparable::of(artifact, &PackOptions::default())
            .map_err(|error| not_an_artifact(&error, &process.directory))?;
    }
    Ok(())
}

/// Checks an artifact and prints what was found.
pub(super) fn check(
    args: &CheckArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let artifact = open(&args.path, process)?;
    unpack(&artifact, process)?;
    let mut report = Report::begin("check", voice.ci, process);
    report.findings = findings(&artifact, &process.directory);
    let errors = errors(&report.findings);
    if let Some(message) = summary(&errors) {
        report.exit = Exit::Artifact;
        report.artifacts.push(Outcome::invalid(&artifact, message));
    }
    if report.exit == Exit::Ok {
        report.checked.push(disarm(artifact.id()));
    }
    let written = match voice.form {
        OutputForm::Json => write_json(&artifact, &report, process.out),
        OutputForm::Text => write_text(&artifact, &report, process.out),
    };
    ci::publish(
        &report,
        voice.ci,
        &voice.files,
        process.environment,
        &Redactor::new(),
        process.err,
    );
    finish_output(written, process);
    Ok(report.exit)
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

fn errors(findings: &[Found]) -> Vec<&Found> {
    findings
        .iter()
        .filter(|found| found.severity == "error")
        .collect()
}

/// Tells warnings and what is left out of the zip.
fn tell(artifact: &Artifact, findings: &[Found], process: &mut Process<'_>) {
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
    let Some(message) = summary(&errors(&findings)) else {
        return Ok(findings);
    };
    let mut refusal = Refusal::because(Exit::Artifact, message.clone());
    refusal.invalid = Some(Box::new(Outcome::invalid(artifact, message)));
    refusal.findings = findings;
    Err(refusal)
}

/// The first error as a message, the others as causes; `None` when there is none.
fn summary(errors: &[&Found]) -> Option<Message> {
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

fn write_text(artifact: &Artifact, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for found in &report.findings {
        writeln!(
            out,
            "{}: {}: {} [{}]\n  hint:  {}",
            found.severity, found.place, found.message, found.rule, found.remedy
        )?;
    }
    for left_out in artifact.left_out() {
        writeln!(out, "left out: {}", disarm(&left_out.to_string()))?;
    }
    let word = if report.exit == Exit::Ok {
        "valid"
    } else {
        "invalid"
    };
    writeln!(
        out,
        "{word}: {} {}, version {}, {} files",
        artifact.kind(),
        disarm(artifact.id()),
        disarm(artifact.version()),
        artifact.files().len()
    )
}

fn write_json(artifact: &Artifact, report: &Report, out: &mut dyn Write) -> io::Result<()> {
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
    let left_out: Vec<String> = artifact
        .left_out()
        .iter()
        .map(|left_out| disarm(&left_out.to_string()))
        .collect();
    let checked = json!({
        "schema": 1,
        "id": artifact.id(),
        "type": artifact.kind().to_string(),
        "valid": report.exit == Exit::Ok,
        "findings": report.findings.iter().map(found).collect::<Vec<_>>(),
        "left_out": left_out,
    });
    writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(&checked).map_err(io::Error::other)?
    )
}
