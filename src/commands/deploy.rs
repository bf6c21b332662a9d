//! `deploy` and `redeploy`: settle what is asked for each artifact.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::jobs::{self, Asked, DEFAULT_POLL, span, timeout};
use super::run::{Deed, Deployment, PlanWishes, Settled};
use super::wishes::Settings;
use super::{Refusal, Voice, plan, request, restore, rollback, smoke};
use crate::Process;
use crate::cli::{self, DeployArgs, PaceArgs, ParameterArgs, RedeployArgs, WaitArgs};
use crate::deploy::job::{Job, Rules, Source, VersionRule};
use crate::exit::Exit;
use crate::settings::options::Options;
use crate::settings::parameters::{self, NamedParameter};
use crate::settings::project::Affix;
use crate::tenant::pace::{self, Pace};
use crate::tenant::wire::ArtifactId;
use crate::text::redactor::Redactor;

/// Packs, uploads, configures and deploys artifacts.
pub(super) fn deploy(
    args: &DeployArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    if let Some(file) = &args.restore {
        return restore::restore(args, file, voice, process);
    }
    let options = Options::new(process.environment);
    let dry = options.switch(args.dry_run, "dry-run")?;
    let approved = match options.path(args.plan.as_ref(), "plan") {
        Some(file) => Some(self::plan::read_approval(&file, process)?),
        None => None,
    };
    let plan = approved.as_ref().map(|approved| approved.request.clone());
    let plan = plan.as_ref();
    let (given, path) = rollback::asked(&args.rollback);
    let mut wanted = args.wanted.clone();
    wanted.paths.extend(path);
    if let Some(plan) = plan {
        wanted = request::filled(&wanted, plan);
    }
    let timeout = timeout(args.wait.timeout, process)?;
    let rollback = rollback::rules(&args.rollback, given, &wanted, timeout, process)?;
    let asked = Asked {
        wanted: &wanted,
        wait: Some(&args.wait),
        timeout: args.wait.timeout,
        overwrite_drafts: args.overwrite_drafts || request::has(plan, "overwrite-drafts"),
        force: args.force || request::has(plan, "force"),
        no_deploy: args.no_deploy || request::has(plan, "no-deploy"),
        proven_only: rollback.as_ref().is_some_and(|rules| !rules.best_effort),
        pace: &args.pace,
        try_out: &args.sandbox,
    };
    let deed = if dry {
        Deed::Plan(PlanWishes::default())
    } else {
        Deed::Deploy(Deployment { approved, rollback })
    };
    let mut settled = settled("deploy", &asked, deed, voice, process)?;
    let files: Vec<PathBuf> = options.paths(&args.smoke, "smoke");
    if !files.is_empty() {
        let names = settled.login.names.clone();
        settled.smoke = smoke::wish(&files, &settled.jobs, &settled.id, names, process)?;
    }
    settled.run(voice, process)
}

/// Settles a run over artifacts: which, what they are to become, where to.
pub(super) fn settled<'a>(
    command: &'static str,
    asked: &Asked<'a>,
    deed: Deed,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Settled<'a>, Refusal> {
    let redactor = Redactor::new();
    let wanted = asked.wanted;
    let options = Options::new(process.environment);
    let mut rules = asked.rules(process)?;
    let keep_going = options.switch(wanted.keep_going, "keep-going")?;
    if keep_going && deed.stands_or_falls_together() {
        return Err(rollback::all_or_some());
    }
    let settings = Settings::read(
        wanted.config.as_ref(),
        wanted.environment.as_deref(),
        process,
    )?;
    rules.reach = settings.reach(process);
    settings.refuse_no_environment()?;
    let chosen = settings
        .select(&wanted.paths, voice, process)?
        .choose(keep_going)?;
    let wishes = settings.wishes(wanted, chosen.valid, &rules, &redactor, process)?;
    let work = jobs::jobs(wishes, &chosen.invalid, wanted, &redactor, process)?;
    let mut invalid = chosen.invalid;
    invalid.extend(work.skipped);
    Ok(Settled {
        command,
        jobs: work.jobs,
        invalid,
        findings: chosen.findings,
        timeout: timeout(asked.timeout, process)?,
        keep_going,
        pace: pace(asked.pace, options)?,
        login: settings.login(),
        deed,
        try_out: asked.try_out,
        redactor,
        source: None,
        id: settings
            .environment()
            .map(|one| one.id.clone())
            .unwrap_or_default(),
        smoke: None,
    })
}

/// The rule of `--save-as-version`.
pub(super) fn version_rule(given: cli::VersionRule) -> VersionRule {
    match given {
        cli::VersionRule::Keep => VersionRule::Keep,
        cli::VersionRule::Manifest => VersionRule::Manifest,
        cli::VersionRule::Bump => VersionRule::Bump,
        cli::VersionRule::Exactly(version) => VersionRule::Exactly(version),
    }
}

/// How fast the tenant may be asked.
pub(super) fn pace(args: &PaceArgs, options: Options<'_>) -> Result<Pace, Refusal> {
    let (designtime, runtime) = rates(args, options)?;
    Ok(Pace::new(designtime, runtime))
}

/// How many design-time and run-time requests may be sent in a second.
pub(super) fn rates(args: &PaceArgs, options: Options<'_>) -> Result<(usize, usize), Refusal> {
    let designtime = options.parsed(args.designtime_rate, "designtime-rate")?;
    let runtime = options.parsed(args.runtime_rate, "runtime-rate")?;
    Ok((
        designtime.map_or(pace::DESIGNTIME_RATE, |rate| rate.0),
        runtime.map_or(pace::RUNTIME_RATE, |rate| rate.0),
    ))
}

/// The rules of a command that brings no files of the caller's.
pub(super) fn rules_without_files(
    wait: &WaitArgs,
    overwrite_drafts: bool,
    settings: &Settings,
    process: &Process<'_>,
) -> Result<Rules, Refusal> {
    let options = Options::new(process.environment);
    Ok(Rules {
        create_package: false,
        overwrite_drafts: options.switch(overwrite_drafts, "overwrite-drafts")?,
        force: true,
        deploy: true,
        parameters_from_artifact: false,
        replace_value_mappings: false,
        proven_only: false,
        drop_tenant_entries: false,
        backup_directory: process.directory.clone(),
        back: None,
        reach: settings.reach(process),
        version: VersionRule::Keep,
        retry_known_faults: options.switch(wait.retry_known_faults, "retry-known-faults")?,
        settle: span(wait.settle, options, "settle", Duration::ZERO)?,
        poll_interval: span(wait.poll_interval, options, "poll-interval", DEFAULT_POLL)?,
    })
}

/// Configures and deploys what the tenant holds.
pub(super) fn redeploy(
    args: &RedeployArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let options = Options::new(process.environment);
    let settings =
        Settings::of_tenants(args.config.as_ref(), args.environment.as_deref(), process)?;
    let rules = rules_without_files(&args.wait, args.overwrite_drafts, &settings, process)?;
    let mut ids: Vec<&str> = Vec::new();
    for id in &args.ids {
        if !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    let mut jobs = Vec::new();
    for &id in &ids {
        let named = named(&args.parameters, id, &ids, &redactor, process)?;
        jobs.push(Job {
            id: ArtifactId(id.to_owned()),
            source: Source::Tenant,
            named,
            rules: rules.clone(),
            needs: Vec::new(),
            requires: Vec::new(),
            notes: Vec::new(),
        });
    }
    Settled {
        command: "redeploy",
        jobs,
        invalid: Vec::new(),
        findings: Vec::new(),
        timeout: timeout(args.wait.timeout, process)?,
        keep_going: false,
        pace: pace(&args.pace, options)?,
        login: settings.login(),
        deed: Deed::Deploy(Deployment::default()),
        try_out: &args.sandbox,
        redactor,
        source: None,
        id: Affix::default(),
        smoke: None,
    }
    .run(voice, process)
}

/// The parameters that the file, `--set` and `--set-from-env` name; later ones win.
pub(super) fn named(
    args: &ParameterArgs,
    id: &str,
    all: &[&str],
    redactor: &Redactor,
    process: &Process<'_>,
) -> Result<Vec<NamedParameter>, Refusal> {
    let options = Options::new(process.environment);
    let mut named = Vec::new();
    if let Some(file) = options.path(args.parameters.as_ref(), "parameters") {
        named.extend(read_parameters(&process.directory, &file)?);
    }
    for given in options
        .list(&args.set, "set")
        .iter()
        .filter(|given| parameters::is_for(given, id, all))
    {
        named.push(parameters::set(given, id)?);
    }
    for given in options
        .list(&args.set_from_env, "set-from-env")
        .iter()
        .filter(|given| parameters::is_for(given, id, all))
    {
        named.push(parameters::set_from_env(
            given,
            id,
            process.environment,
            redactor,
        )?);
    }
    Ok(parameters::last_wins(named))
}

fn read_parameters(directory: &Path, file: &Path) -> Result<Vec<NamedParameter>, Refusal> {
    Ok(parameters::read_file(directory, file)?)
}
