//! `download`: a tenant's artifacts as directories for Git.

use std::path::{Path, PathBuf};

use clap::Args;

use super::arguments::{TenantArgs, selection};
use super::console::Console;
use super::refusal::Refusal;
use super::settings_file::Settings;
use crate::Process;
use crate::artifact::MANIFEST_PATH;
use crate::download::{self, ParametersPlace, Wanted, settings_file};
use crate::exit::Exit;
use crate::inventory::selection::{Drafts, Selection};
use crate::settings::project::ParametersFile;

/// What is said when a signal ends it.
const INTERRUPTED: &str = "nothing was written to the tenant; the files that were written are whole, and the same command \
     again brings the rest";
/// The environment of a run without one, in the names of files.
const NO_ENVIRONMENT: &str = "default";

/// Arguments of `download`.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// Which artifacts.
    #[command(flatten)]
    pub artifacts: Selection,
    /// The directory to write. An artifact that lies in it already is updated there; a new one goes into
    /// PACKAGE/ARTIFACT. Values that are configured on the tenant go into parameters/ENVIRONMENT/ID.prop (`default`
    /// without --environment), or where `parameters-file` says. [default: the working directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// What becomes of drafts: skip leaves them out, refuse counts each as a failure, take downloads what was saved
    /// without a version. [default: skip]
    #[arg(long, value_name = "RULE", hide_possible_values = true)]
    pub drafts: Option<Drafts>,
    /// Removes artifacts from the directory that the tenant has no more; with --all or --package. Nothing else is
    /// removed.
    #[arg(long)]
    pub prune: bool,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// Downloads artifacts.
pub(crate) fn run(
    args: &DownloadArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = args.tenant.settings(process)?;
    let wanted = wanted(args, &settings, process)?;
    let worker = args.tenant.worker(&settings, process)?;
    worker.query((console, process), INTERRUPTED, move |query| {
        download::download(query, &wanted)
    })
}

fn wanted(
    args: &DownloadArgs,
    settings: &Settings,
    process: &Process<'_>,
) -> Result<Wanted, Refusal> {
    let selection = selection(&args.artifacts, settings.names())?;
    let directory = match &args.directory {
        Some(given) => process.directory.join(given),
        None => process.directory.clone(),
    };
    refuse_artifact(&directory)?;
    let environment = settings.environment_name().unwrap_or(NO_ENVIRONMENT);
    Ok(Wanted {
        selection,
        drafts: args.drafts.unwrap_or(Drafts::Skip),
        prune: args.prune,
        parameters: ParametersPlace {
            pattern: pattern(settings, &directory, process),
            environment: environment.to_owned(),
            base: process.directory.clone(),
        },
        keeps_settings: keeps_settings(settings, &directory, process),
        directory,
    })
}

/// Where the settings file in use wants the values. One that a download wrote says nothing but our default.
fn pattern(settings: &Settings, directory: &Path, process: &Process<'_>) -> Option<ParametersFile> {
    let is_ours = keeps_settings(settings, directory, process);
    settings
        .environment
        .parameters_file
        .clone()
        .filter(|_| !is_ours)
}

/// Whether the settings file beside the artifacts is ours to write: nobody wrote one, neither there nor for this run.
fn keeps_settings(settings: &Settings, directory: &Path, process: &Process<'_>) -> bool {
    let in_use: Option<PathBuf> = settings.file().map(|file| process.directory.join(file));
    match in_use {
        None => true,
        Some(file) => file.parent() == Some(directory) && settings_file::is_ours(&file),
    }
}

fn refuse_artifact(directory: &Path) -> Result<(), Refusal> {
    if !directory.join(MANIFEST_PATH).exists() {
        return Ok(());
    }
    Err(Refusal::wrong(
        directory.display().to_string(),
        "this is the directory of an artifact, not one that holds artifacts",
        "name the directory above it with --directory",
    ))
}
