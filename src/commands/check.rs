//! `check`: offline validation of artifacts and settings.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::console::{Console, ReportArgs};
use super::refusal::{Refusal, not_an_artifact};
use super::selection::{Checked, Selection};
use super::settings_file::Settings;
use crate::Process;
use crate::exit::Exit;
use crate::report::page::Page;
use crate::report::{Printed, Report, json};
use crate::text::redactor::Redactor;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Artifact directories, zips exported from a tenant, or directories that hold several artifacts. [default: what
    /// flowship.yaml names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only this environment of the settings file. [default: all of them]
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Checks artifacts and prints what was found.
pub(crate) fn run(
    args: &CheckArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = Settings::read(args.config.as_ref(), args.environment.as_deref(), process)?;
    let mut selection = settings.select(&args.paths, None, process)?;
    selection.tell_passed_over(console, process);
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
    let mut report = report(&selection, console, process);
    if !settings_are_well {
        report.exit = Exit::Usage;
    }
    let exit = console.print(&selection, report.exit, process);
    let _ = report.print_errors(false, console.style, process.err);
    console.publish(&report, &Redactor::new(), process);
    Ok(exit)
}

fn report(selection: &Selection, console: &Console, process: &Process<'_>) -> Report {
    let mut report = console.report(process);
    report.findings = selection.findings();
    report.artifacts = selection.invalid();
    let unreadable = selection.unreadable.iter();
    report.errors = unreadable.map(|(_, why)| why.clone()).collect();
    report.checked = selection
        .checked
        .iter()
        .filter(|one| one.error().is_none())
        .map(|one| one.artifact.id().to_owned())
        .collect();
    if !selection.is_valid() {
        report.exit = Exit::Artifact;
    }
    report
}

impl Printed for Selection {
    fn text(&self, page: &mut Page) {
        for found in &self.findings() {
            page.line(format_args!(
                "{}: {}: {} [{}]",
                found.severity, found.place, found.message, found.rule
            ));
            page.item("  hint:  ", &found.remedy);
        }
        for Checked { artifact, .. } in &self.checked {
            page.items("left out: ", artifact.left_out());
        }
        for one in &self.checked {
            let word = match one.error() {
                None => "valid",
                Some(_) => "invalid",
            };
            let artifact = &one.artifact;
            page.line(format_args!(
                "{word}: {} {}, version {}, {} files",
                artifact.kind(),
                artifact.id(),
                artifact.version(),
                artifact.files().len()
            ));
        }
    }

    /// One artifact as an object; several as a list in one.
    fn json(&self) -> io::Result<String> {
        json::pretty(&match self.checked.as_slice() {
            [one] if self.unreadable.is_empty() => {
                let mut value = as_json(one);
                value["schema"] = json!(1);
                value
            }
            all => json!({
                "schema": 1,
                "valid": self.is_valid(),
                "artifacts": all.iter().map(as_json).collect::<Vec<_>>(),
                "unreadable": self
                    .unreadable
                    .iter()
                    .map(|(path, why)| json!({ "path": path, "message": why.what }))
                    .collect::<Vec<_>>(),
            }),
        })
    }
}

fn as_json(one: &Checked) -> serde_json::Value {
    let left_out = one.artifact.left_out().iter();
    let left_out: Vec<String> = left_out.map(ToString::to_string).collect();
    json!({
        "id": one.artifact.id(),
        "type": one.artifact.kind().to_string(),
        "valid": one.error().is_none(),
        "findings": one.findings,
        "left_out": left_out,
    })
}
