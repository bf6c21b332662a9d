//! Which CI system runs us, and the reports that go into files. A report that can't be written is a warning: it never
//! changes the verdict.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Report, github, gitlab, junit, receipt, summary};
use crate::Process;
use crate::settings::environment::Environment;
use crate::text::redactor::Redactor;
use crate::whole_file;

/// The most that a step summary may hold, in bytes; GitHub drops the whole of a larger one (its limit is 1 MiB).
const SUMMARY_ROOM: usize = 1_000_000;

/// A CI system that understands more than plain lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Jenkins.
    Jenkins,
    /// None of them.
    None,
}

impl Ci {
    /// The system whose variables are set.
    pub fn detect(environment: &Environment) -> Self {
        let is = |name: &str| environment.get(name).is_some_and(|value| value == "true");
        if is("GITHUB_ACTIONS") {
            Ci::Github
        } else if is("GITLAB_CI") {
            Ci::Gitlab
        } else if environment.get("JENKINS_URL").is_some() {
            Ci::Jenkins
        } else {
            Ci::None
        }
    }

    /// Where the working directory lies in the repository that the system checked out.
    pub fn below_repository(self, environment: &Environment, directory: &Path) -> PathBuf {
        let root = match self {
            Ci::Github => environment.get("GITHUB_WORKSPACE"),
            // GitLab's own variable may name a path inside of another container
            Ci::Gitlab | Ci::None => None,
            Ci::Jenkins => environment.get("WORKSPACE"),
        };
        root.and_then(|root| directory.strip_prefix(root).ok())
            .map(Path::to_owned)
            .unwrap_or_default()
    }

    /// Begins the part of the log that can be folded.
    pub fn open(self, title: &str, now: u64, err: &mut dyn Write) -> io::Result<()> {
        match self {
            Ci::Github => writeln!(err, "::group::{}", github::data(title)),
            Ci::Gitlab => writeln!(
                err,
                "\u{1b}[0Ksection_start:{now}:flowship[collapsed=true]\r\u{1b}[0K{title}"
            ),
            Ci::Jenkins | Ci::None => Ok(()),
        }
    }

    /// Ends it; always before an error line, so that the error is seen in a folded log.
    pub fn close(self, now: u64, err: &mut dyn Write) -> io::Result<()> {
        match self {
            Ci::Github => writeln!(err, "::endgroup::"),
            Ci::Gitlab => writeln!(err, "\u{1b}[0Ksection_end:{now}:flowship\r\u{1b}[0K"),
            Ci::Jenkins | Ci::None => Ok(()),
        }
    }
}

/// The files that reports go to.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub struct Files {
    /// Writes a JUnit report, one case for each artifact and phase.
    #[arg(long, value_name = "FILE")]
    pub report_junit: Option<PathBuf>,
    /// Writes the deploy receipt: commit, actor, digests, versions before and after, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// Writes the result as variables for later jobs (GitLab's dotenv report).
    #[arg(long, value_name = "FILE")]
    pub report_dotenv: Option<PathBuf>,
    /// Writes the findings of the offline check as a Code Quality report (GitLab).
    #[arg(long, value_name = "FILE")]
    pub report_codequality: Option<PathBuf>,
}

/// Writes annotations and all files. Each that can't be written is told as a warning.
pub fn publish(
    report: &Report,
    ci: Ci,
    files: &Files,
    redactor: &Redactor,
    process: &mut Process<'_>,
) {
    let (environment, directory) = (process.environment, &process.directory);
    let err = &mut *process.err;
    if ci == Ci::Github {
        let written = github::annotations(report, err);
        warn("the annotations", "standard error", written, err);
    }
    let mut file = |name: &str, path: &Option<PathBuf>, content: &dyn Fn() -> String| {
        let Some(path) = path else { return };
        let path = directory.join(path);
        let content = content();
        let content = redactor.clean(&content);
        let written = whole_file::replace(&path, |file| file.write_all(content.as_bytes()));
        warn(name, &path.display().to_string(), written, err);
    };
    file("the JUnit report", &files.report_junit, &|| {
        junit::xml(report)
    });
    file("the receipt", &files.report_json, &|| {
        receipt::json(report, environment)
    });
    file("the dotenv report", &files.report_dotenv, &|| {
        gitlab::dotenv(report)
    });
    file(
        "the Code Quality report",
        &files.report_codequality,
        &|| gitlab::code_quality(report),
    );
    if ci == Ci::Github {
        append(OUTPUTS, environment, err, |_| {
            redactor.clean(&github::outputs(report)).into_owned()
        });
        append(SUMMARY, environment, err, |used| {
            let summary = summary::markdown(report, SUMMARY_ROOM.saturating_sub(used));
            redactor.clean(&summary).into_owned()
        });
    }
}

/// Tells the steps and jobs that come after a plan whether anything would be done.
pub fn publish_plan(changes: bool, ci: Ci, environment: &Environment, err: &mut dyn Write) {
    if ci == Ci::Github {
        append(OUTPUTS, environment, err, |_| {
            format!("changes={changes}\n")
        });
    }
}

/// The files that GitHub names for outputs and the summary of a step: what they are called, and their variables.
const OUTPUTS: (&str, &str) = ("the step outputs", "GITHUB_OUTPUT");
const SUMMARY: (&str, &str) = ("the step summary", "GITHUB_STEP_SUMMARY");

/// Appends to the file that a variable names, if it is set. `content` gets the size of what is there.
fn append(
    (what, variable): (&str, &str),
    environment: &Environment,
    err: &mut dyn Write,
    content: impl FnOnce(usize) -> String,
) {
    let Some(path) = environment.get(variable) else {
        return;
    };
    let used = fs::metadata(path).map_or(0, |found| found.len());
    let content = content(usize::try_from(used).unwrap_or(usize::MAX));
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(content.as_bytes()));
    warn(what, path, written, err);
}

fn warn(what: &str, path: &str, written: io::Result<()>, err: &mut dyn Write) {
    if let Err(error) = written {
        // where even standard error is gone, nobody is left to read it
        let _ = writeln!(
            err,
            "warning: {what} could not be written to {path}: {error}"
        );
    }
}
