//! `download`: a tenant's artifacts as directories for Git.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::errand::End;
use super::list::{journey_with, settings};
use super::wishes::Settings;
use super::{Refusal, Voice, finish_output, write_troubles};
use crate::Process;
use crate::artifact::MANIFEST_PATH;
use crate::cli::{DownloadArgs, DraftRule, OutputForm};
use crate::deploy::outcome::Message;
use crate::download::{self, Drafts, ParametersPlace, Wanted, settings_file};
use crate::exit::Exit;
use crate::inventory::selection::{Names, Selection};
use crate::report::download as report;
use crate::report::masked::Masked;
use crate::settings::options::Options;
use crate::settings::project::EnvironmentSettings;

/// What is said when a signal ends it.
const INTERRUPTED: &str = "nothing was written to the tenant; the files that were written are whole, and the same command \
     again brings the rest";
/// The environment of a run without one, in the names of files.
const NO_ENVIRONMENT: &str = "default";

/// Downloads artifacts.
pub(super) fn download(
    args: &DownloadArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = settings(&args.place, process)?;
    let wanted = wanted(args, &settings, process)?;
    let (journey, site) = journey_with(&args.place, &settings, process)?;
    let redactor = journey.redactor.clone();
    let sites = Arc::new(vec![site]);
    let end = journey.make(
        Arc::clone(&sites),
        voice,
        process,
        INTERRUPTED,
        move |errands| download::download(&errands[0], &wanted),
    );
    let done = match end {
        End::Done(done) => done.map_err(Refusal::from)?,
        End::Stopped(exit) => return Ok(exit),
    };
    let site = &sites[0];
    let told = report::Told {
        simulated: site.is_simulated(),
        tenant: site.host(),
        done: &done,
        exit: done.exit(),
    };
    write_troubles(&told.troubles(), told.simulated, voice, &redactor, process);
    let mut out = Masked::new(process.out, &redactor);
    let written = match voice.form {
        OutputForm::Json => report::json(&told, &mut out),
        OutputForm::Text => report::text(&told, voice.style, &mut out),
    };
    let written = written.and_then(|()| out.flush());
    drop(out);
    finish_output(written, process);
    Ok(told.exit)
}

fn wanted(
    args: &DownloadArgs,
    settings: &Settings,
    process: &Process<'_>,
) -> Result<Wanted, Refusal> {
    let options = Options::new(process.environment);
    if !args.all && args.ids.is_empty() && args.package.is_empty() {
        return Err(nothing_named());
    }
    let given = options.path(args.directory.as_ref(), "directory");
    let directory = match &given {
        Some(given) => process.directory.join(given),
        None => process.directory.clone(),
    };
    refuse_artifact(&directory)?;
    let drafts = options.parsed(args.drafts, "drafts")?;
    Ok(Wanted {
        selection: Selection {
            ids: args.ids.clone(),
            packages: args.package.clone(),
            all: args.all,
            names: names(settings.environment()),
        },
        drafts: match drafts.unwrap_or(DraftRule::Skip) {
            DraftRule::Skip => Drafts::Skip,
            DraftRule::Take => Drafts::Take,
        },
        prune: options.switch(args.prune, "prune")?,
        parameters: ParametersPlace {
            pattern: pattern(settings, &directory, process),
            environment: settings
                .environment_name()
                .unwrap_or(NO_ENVIRONMENT)
                .to_owned(),
            base: process.directory.clone(),
        },
        keeps_settings: keeps_settings(settings, &directory, process),
        directory,
    })
}

/// How things are called in an environment.
pub(super) fn names(environment: Option<&EnvironmentSettings>) -> Names {
    environment.map_or_else(Names::default, |environment| Names {
        id: environment.id.clone(),
        name: environment.artifact_name.clone(),
        package: environment.package.clone(),
    })
}

/// Where the settings file in use wants the values. One that a download wrote says nothing but our default.
fn pattern(
    settings: &Settings,
    directory: &Path,
    process: &Process<'_>,
) -> Option<crate::settings::project::ParametersFile> {
    let is_ours = keeps_settings(settings, directory, process);
    settings.parameters_file().filter(|_| !is_ours).cloned()
}

/// Whether the settings file beside the artifacts is ours to write: nobody wrote one, neither there nor for this run.
fn keeps_settings(settings: &Settings, directory: &Path, process: &Process<'_>) -> bool {
    let in_use: Option<PathBuf> = settings.file().map(|file| process.directory.join(file));
    match in_use {
        None => true,
        Some(file) => file.parent() == Some(directory) && settings_file::is_ours(&file),
    }
}

fn nothing_named() -> Refusal {
    let message = Message::new("nothing is named: neither artifacts nor packages");
    Refusal::usage(
        message.hint("name ids, or packages with --package, or take everything with --all"),
    )
}

fn refuse_artifact(directory: &Path) -> Result<(), Refusal> {
    if !directory.join(MANIFEST_PATH).exists() {
        return Ok(());
    }
    let message =
        Message::new("this is the directory of an artifact, not one that holds artifacts");
    Err(Refusal::usage(
        message
            .at(directory.display().to_string())
            .hint("name the directory above it with --directory"),
    ))
}
