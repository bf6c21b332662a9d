//! `check`: offline validation of an artifact, and the findings of it that every other command tells as well.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::{Refusal, Voice, open};
use crate::Process;
use crate::artifact::{self, Artifact, Finding, Severity};
use crate::cli::{CheckArgs, OutputForm};
use crate::exit::Exit;
use crate::words::disarm;

#[derive(Serialize)]
struct Checked<'a> {
    schema: u32,
    id: &'a str,
    #[serde(rename = "type")]
    kind: String,
    valid: bool,
    findings: Vec<Found<'a>>,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct Found<'a> {
    severity: &'static str,
    rule: &'a str,
    path: &'a str,
    line: Option<u32>,
    message: &'a str,
    remedy: &'a str,
}

/// Checks an artifact and prints what was found.
pub(super) fn check(
    args: &CheckArgs,
    voice: Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let artifact = open(&args.path, process)?;
    let findings = artifact::check(&artifact);
    let valid = is_valid(&findings);
    let written = match voice.form {
        OutputForm::Json => write_json(&artifact, &findings, valid, process.out),
        OutputForm::Text => {
            write_text(&artifact, &process.directory, &findings, valid, process.out)
        }
    };
    if let Err(error) = written.and_then(|()| process.out.flush()) {
        let _ = writeln!(
            process.err,
            "warning: the result could not be written to standard output: {error}"
        );
    }
    Ok(if valid { Exit::Ok } else { Exit::Artifact })
}

/// Whether nothing found keeps the artifact from working.
pub(super) fn is_valid(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.severity == Severity::Warning)
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// `flow/src/x.iflw:12`, relative to the working directory.
pub(super) fn place(artifact: &Artifact, finding: &Finding, directory: &Path) -> String {
    let root = artifact
        .path()
        .strip_prefix(directory)
        .unwrap_or(artifact.path());
    let path = disarm(&root.join(&finding.path).to_string_lossy());
    match finding.line {
        Some(line) => format!("{path}:{line}"),
        None => path,
    }
}

fn write_text(
    artifact: &Artifact,
    directory: &Path,
    findings: &[Finding],
    valid: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in findings {
        writeln!(
            out,
            "{}: {}: {} [{}]\n  hint:  {}",
            severity(finding),
            place(artifact, finding, directory),
            disarm(&finding.message),
            finding.rule,
            disarm(&finding.remedy)
        )?;
    }
    for left_out in artifact.left_out() {
        writeln!(out, "left out: {}", disarm(&left_out.to_string()))?;
    }
    let word = if valid { "valid" } else { "invalid" };
    let files = artifact.files().len();
    writeln!(
        out,
        "{word}: {} {}, version {}, {files} files",
        artifact.kind(),
        artifact.id(),
        artifact.version()
    )
}

fn write_json(
    artifact: &Artifact,
    findings: &[Finding],
    valid: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let checked = Checked {
        schema: 1,
        id: artifact.id(),
        kind: artifact.kind().to_string(),
        valid,
        findings: findings
            .iter()
            .map(|finding| Found {
                severity: severity(finding),
                rule: finding.rule,
                path: &finding.path,
                line: finding.line,
                message: &finding.message,
                remedy: &finding.remedy,
            })
            .collect(),
        left_out: artifact
            .left_out()
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(&checked).map_err(io::Error::other)?
    )
}
