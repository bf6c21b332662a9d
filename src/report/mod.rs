//! Reports: facts in, words out. What is printed on standard output is the result and nothing else; commands for CI
//! systems go to standard error with the log, reports into files.

pub mod ci;
pub mod doctor;
pub mod download;
pub mod endpoints;
pub mod github;
pub mod gitlab;
pub mod inventory;
pub mod json;
pub mod junit;
pub mod masked;
pub mod messages;
pub mod page;
pub mod plan;
pub mod progress;
pub mod query;
pub mod receipt;
pub mod run;
pub mod status;
pub mod summary;
pub mod table;

use std::io;
use std::path::PathBuf;

use self::page::Page;
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;

/// What a command tells on standard output.
pub trait Printed {
    /// The tenant was a simulated one; every line says so.
    fn is_simulated(&self) -> bool {
        false
    }

    /// For people.
    fn text(&self, page: &mut Page);

    /// For programs: one versioned object.
    fn json(&self) -> io::Result<String>;
}

/// The facts of a run.
#[derive(Debug)]
pub struct Report {
    /// The command: `deploy`, `redeploy`, `check`.
    pub command: &'static str,
    /// The tenant was a simulated one; every line says so.
    pub simulated: bool,
    /// The host of the tenant, when one was asked.
    pub tenant: Option<String>,
    /// The host of the tenant that a transport takes from.
    pub source: Option<String>,
    /// How each artifact ended.
    pub artifacts: Vec<Outcome>,
    /// The artifacts that were checked offline, and no more, without an error.
    pub checked: Vec<String>,
    /// What the offline check found.
    pub findings: Vec<PlacedFinding>,
    /// What ended the run before any artifact had a verdict.
    pub errors: Vec<Message>,
    /// The code of the run.
    pub exit: Exit,
    /// When the run began and ended, by this machine's clock.
    pub began: String,
    /// When it ended.
    pub ended: String,
    /// Where the working directory lies in the repository, so that paths can be told from its root.
    pub below_repository: PathBuf,
}

/// One finding of the offline check, with its place relative to the working directory.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PlacedFinding {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The name of the rule.
    pub rule: &'static str,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Report {
    /// A path of the working directory as a path of the repository, with `/` on every system.
    pub fn repository_path(&self, path: &str) -> String {
        let joined = self.below_repository.join(path);
        let text = joined.to_string_lossy().replace('\\', "/");
        text.strip_prefix("./").unwrap_or(&text).to_owned()
    }
}
