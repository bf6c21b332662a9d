//! flowship deploys SAP Cloud Integration artifacts from a pipeline and says truthfully whether they run.
//!
//! Data flows one way: arguments and environment, settings, artifact, archive, tenant, verdict, report, exit code.
//! `ARCHITECTURE.md` walks through it.

pub mod artifact;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod deploy;
pub mod doctor;
pub mod download;
pub mod endpoints;
pub mod exit;
pub mod http;
pub mod inventory;
pub mod journal;
pub mod messages;
mod named;
mod pacing;
mod parallel;
pub mod query;
pub mod report;
pub mod rollback;
pub mod sandbox;
pub mod settings;
pub mod smoke;
pub mod status;
pub mod tenant;
pub mod text;
pub mod transport;
pub mod whole_file;
mod xml;

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::clock::Clock;
use crate::exit::Exit;
use crate::settings::environment::Environment;

/// What a run gets from the process: nothing below asks the process itself.
pub struct Process<'a> {
    /// The arguments, with the program's name first.
    pub arguments: Vec<OsString>,
    /// The variables.
    pub environment: &'a Environment,
    /// The working directory; relative paths start here.
    pub directory: PathBuf,
    /// Standard output: the result and nothing else.
    pub out: &'a mut dyn Write,
    /// Standard error: progress and errors.
    pub err: &'a mut dyn Write,
    /// Standard error is a terminal.
    pub terminal: bool,
    /// Begins to listen for signals and gives the number of the one that asked the run to end, 0 for none. Until it is
    /// called a signal ends the process at once, which is right while there is nothing to tell.
    pub listen: &'a dyn Fn() -> Arc<AtomicUsize>,
    /// Takes whom to tell when a thread panics, so that the calling thread can still say what the tenant holds.
    pub notice_panics: &'a dyn Fn(PanicNotice),
    /// Opens standard input where a person sits at it who can be asked; `None` where it is no terminal.
    pub answers: &'a dyn Fn() -> Option<Answers>,
    /// Runs since the start of the process.
    pub clock: Clock,
}

/// Where the answers of a person come from, line by line.
pub type Answers = Box<dyn BufRead + Send>;

/// Is told why a thread panicked.
pub type PanicNotice = Box<dyn Fn(String) + Send + Sync>;

/// Runs one command line. May be called again: there is no global state.
pub fn run(process: &mut Process<'_>) -> Exit {
    cli::run(process)
}
