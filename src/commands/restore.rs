//! `deploy --restore`: puts a backup back. Of the settings only the environment's credentials count: what is put back is what
//! the tenant held, under its own id.

use std::path::Path;

use super::deploy::{named, pace, rules_without_files};
use super::jobs::timeout;
use super::run::{Deed, Deployment, PlanWishes, Settled};
use super::target::SavedFrom;
use super::wishes::Settings;
use super::{Refusal, Voice};
use crate::Process;
use crate::cli::DeployArgs;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::rollback::{Restore, RestoreError};
use crate::settings::options::Options;
use crate::settings::project::{Affix, DeployRule, deploy_rule};
use crate::settings::redactor::Redactor;

/// Puts back what a note describes. `file`: the note.
pub(super) fn restore(
    args: &DeployArgs,
    file: &Path,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let wanted = &args.wanted;
    let options = Options::new(process.environment);
    let shown = file.display().to_string();
    let restore =
        Restore::read(&process.directory.join(file)).map_err(|error| unusable(&error, &shown))?;
    let settings = Settings::of_tenants(
        wanted.config.as_ref(),
        wanted.environment.as_deref(),
        process,
    )?;
    let mut rules = rules_without_files(&args.wait, args.overwrite_drafts, &settings, process)?;
    rules.force = args.force;
    rules.create_package = !options.switch(wanted.no_create_package, "no-create-package")?;
    rules.deploy = !options.switch(args.no_deploy, "no-deploy")?
        && deploy_rule(None, settings.environment()) != DeployRule::Never;
    if let Some(beside) = process.directory.join(file).parent() {
        beside.clone_into(&mut rules.backup_directory);
    }
    let redactor = Redactor::new();
    let id = restore.artifact().0;
    let named = named(&wanted.parameters, &id, &[&id], &redactor, process)?;
    let deed = if options.switch(args.dry_run, "dry-run")? {
        Deed::Plan(PlanWishes::default())
    } else {
        Deed::Deploy(Deployment::default())
    };
    let mut login = settings.login();
    login.saved_from = Some(SavedFrom {
        tenant: restore.tenant().to_owned(),
        note: process.directory.join(file),
        shown,
    });
    Settled {
        command: "deploy",
        jobs: vec![restore.job(&rules, named)],
        invalid: Vec::new(),
        findings: Vec::new(),
        timeout: timeout(args.wait.timeout, process)?,
        keep_going: false,
        pace: pace(&args.pace, options)?,
        login,
        deed,
        try_out: &args.sandbox,
        redactor,
        source: None,
        id: Affix::default(),
        smoke: None,
    }
    .run(voice, process)
}

fn unusable(error: &RestoreError, file: &str) -> Refusal {
    let message = Message::new(format!("the backup can't be put back: {error}")).at(file);
    Refusal::usage(
        message.hint(
            "give the file (.json) that the run named which saved it; the zip lies beside it",
        ),
    )
}
