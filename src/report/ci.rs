//! Which CI system runs us, and the reports that go into files. A report that can't be written is a warning: it never
//! changes the verdict.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Report, github, gitlab, junit, receipt};
use crate::settings::environment::Environment;
use crate::text::redactor::Redactor;
use crate::whole_file;

/// The most that a step summary may hold, in bytes; GitHub drops the whole of a larger one (its limit is 1 MiB).
const SUMMARY_ROOM: usize = 1_000_000;
/// The name of our section in a GitLab log.
const SECTION: &str = "flowship";

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
            Ci::Github => github::open_group(title, err),
            Ci::Gitlab => gitlab::open_section(SECTION, title, now, err),
            Ci::Jenkins | Ci::None => Ok(()),
        }
    }

    /// Ends it.
    pub fn close(self, now: u64, err: &mut dyn Write) -> io::Result<()> {
        match self {
            Ci::Github => github::close_group(err),
            Ci::Gitlab => gitlab::close_section(SECTION, now, err),
            Ci::Jenkins | Ci::None => Ok(()),
        }
    }
}

/// The files that reports go to.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// JUnit.
    pub junit: Option<PathBuf>,
    /// The receipt.
    pub receipt: Option<PathBuf>,
    /// GitLab's dotenv report.
    pub dotenv: Option<PathBuf>,
    /// GitLab's Code Quality report.
    pub code_quality: Option<PathBuf>,
}

/// Writes one report as text.
type Render<'a> = &'a dyn Fn() -> String;

/// Writes annotations and all files. Each that can't be written is told as a warning.
pub fn publish(
    report: &Report,
    ci: Ci,
    files: &Files,
    environment: &Environment,
    redactor: &Redactor,
    err: &mut dyn Write,
) {
    if ci == Ci::Github
        && let Err(error) = github::annotations(report, err)
    {
        warn("the annotations", Path::new("standard error"), &error, err);
    }
    let written: [(&str, Option<&PathBuf>, Render<'_>); 4] = [
        ("the JUnit report", files.junit.as_ref(), &|| {
            junit::xml(report)
        }),
        ("the receipt", files.receipt.as_ref(), &|| {
            receipt::json(report, environment)
        }),
        ("the dotenv report", files.dotenv.as_ref(), &|| {
            gitlab::dotenv(report)
        }),
        (
            "the Code Quality report",
            files.code_quality.as_ref(),
            &|| gitlab::code_quality(report),
        ),
    ];
    for (name, path, content) in written {
        if let Some(path) = path
            && let Err(error) = whole_file::replace(path, |file| {
                file.write_all(redactor.clean(&content()).as_bytes())
            })
        {
            warn(name, path, &error, err);
        }
    }
    if ci == Ci::Github {
        step_files(report, environment, redactor, err);
    }
}

/// Appends to the files that GitHub names for outputs and the summary.
fn step_files(
    report: &Report,
    environment: &Environment,
    redactor: &Redactor,
    err: &mut dyn Write,
) {
    if let Some(path) = environment.get("GITHUB_OUTPUT").map(Path::new)
        && let Err(error) = append(path, &redactor.clean(&github::outputs(report)))
    {
        warn("the step outputs", path, &error, err);
    }
    if let Some(path) = environment.get("GITHUB_STEP_SUMMARY").map(Path::new) {
        let used = fs::metadata(path).map_or(0, |found| {
            usize::try_from(found.len()).unwrap_or(usize::MAX)
        });
        let summary = github::step_summary(report, SUMMARY_ROOM.saturating_sub(used));
        if let Err(error) = append(path, &redactor.clean(&summary)) {
            warn("the step summary", path, &error, err);
        }
    }
}

/// Tells the steps and jobs that come after a plan whether anything would be done.
pub fn publish_plan(changes: bool, ci: Ci, environment: &Environment, err: &mut dyn Write) {
    if ci == Ci::Github
        && let Some(path) = environment.get("GITHUB_OUTPUT").map(Path::new)
    {
        let outputs = format!("changes={changes}\n");
        if let Err(error) = append(path, &outputs) {
            warn("the step outputs", path, &error, err);
        }
    }
}

fn warn(what: &str, path: &Path, error: &io::Error, err: &mut dyn Write) {
    // where even standard error is gone, nobody is left to be told
    let _ = writeln!(
        err,
        "warning: {what} could not be written to {}: {error}",
        path.display()
    );
}

fn append(path: &Path, content: &str) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?
        .write_all(content.as_bytes())
}
