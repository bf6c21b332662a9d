//! `deploy` and `redeploy`: settle what is asked for each artifact.

use std::path::Path;
use std::time::Duration;

use super::run::Settled;
use super::{Refusal, Voice, check, not_an_artifact, open};
use crate::Process;
use crate::artifact::{Archive, Artifact, Comparable, PackOptions};
use crate::cli::{DeployArgs, ParameterArgs, RedeployArgs, Span, WaitArgs};
use crate::deploy::job::{Content, Job, Rules, Source};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::settings::options::Options;
use crate::settings::parameters::{self, NamedParameter};
use crate::settings::redactor::Redactor;
use crate::tenant::wire::{ArtifactId, PackageId};

/// Packs, uploads, configures and deploys one artifact.
pub(super) fn deploy(
    args: &DeployArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let artifact = open(&args.path, process)?;
    let findings = check::valid(&artifact, voice, process)?;
    let job = job(args, &artifact, &redactor, process)?;
    Settled {
        command: "deploy",
        jobs: vec![job],
        findings,
        timeout: timeout(&args.wait, process)?,
        try_out: &args.sandbox,
        redactor,
    }
    .run(voice, process)
}

/// Configures and deploys what the tenant holds.
pub(super) fn redeploy(
    args: &RedeployArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let options = Options::new(process.environment);
    let rules = Rules {
        create_package: false,
        overwrite_drafts: options.switch(args.overwrite_drafts, "overwrite-drafts")?,
        force: true,
        deploy: true,
        parameters_from_artifact: false,
        settle: span(args.wait.settle, options, "settle", Duration::ZERO)?,
        poll_interval: span(
            args.wait.poll_interval,
            options,
            "poll-interval",
            DEFAULT_POLL,
        )?,
    };
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
        });
    }
    Settled {
        command: "redeploy",
        jobs,
        findings: Vec::new(),
        timeout: timeout(&args.wait, process)?,
        try_out: &args.sandbox,
        redactor,
    }
    .run(voice, process)
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
const DEFAULT_POLL: Duration = Duration::from_millis(300);

/// The wall clock of the whole run; none at all would leave a half-written artifact behind.
fn timeout(wait: &WaitArgs, process: &Process<'_>) -> Result<Duration, Refusal> {
    let options = Options::new(process.environment);
    let timeout = span(wait.timeout, options, "timeout", DEFAULT_TIMEOUT)?;
    if timeout.is_zero() {
        let message = Message::new("a run needs some time: 0 is none").at("--timeout");
        return Err(Refusal::usage(message));
    }
    Ok(timeout)
}

fn span(
    option: Option<Span>,
    options: Options<'_>,
    name: &str,
    default: Duration,
) -> Result<Duration, Refusal> {
    Ok(options.parsed(option, name)?.map_or(default, |span| span.0))
}

/// Settles what one artifact is to become.
fn job(
    args: &DeployArgs,
    artifact: &Artifact,
    redactor: &Redactor,
    process: &Process<'_>,
) -> Result<Job, Refusal> {
    let options = Options::new(process.environment);
    let Some(package) = options.text(args.package.as_deref(), "package") else {
        return Err(Refusal::usage(
            Message::new("the package is not named: an artifact lives in an integration package")
                .at("--package (or FLOWSHIP_PACKAGE)")
                .hint("give the id of the package, not its name; it is created when it is missing"),
        ));
    };
    let pack = PackOptions {
        id: options.text(args.id.as_deref(), "id"),
        name: options.text(args.name.as_deref(), "name"),
        ..PackOptions::default()
    };
    let id = pack.id.clone().unwrap_or_else(|| artifact.id().to_owned());
    let name = pack
        .name
        .clone()
        .unwrap_or_else(|| artifact.name().to_owned());
    let rules = Rules {
        create_package: !options.switch(args.no_create_package, "no-create-package")?,
        overwrite_drafts: options.switch(args.overwrite_drafts, "overwrite-drafts")?,
        force: args.force,
        deploy: !options.switch(args.no_deploy, "no-deploy")?,
        parameters_from_artifact: options
            .switch(args.parameters_from_artifact, "parameters-from-artifact")?,
        settle: span(args.wait.settle, options, "settle", Duration::ZERO)?,
        poll_interval: span(
            args.wait.poll_interval,
            options,
            "poll-interval",
            DEFAULT_POLL,
        )?,
    };
    let named = named(&args.parameters, &id, &[], redactor, process)?;
    let content = Content {
        kind: artifact.kind(),
        name,
        package_name: options
            .text(args.package_name.as_deref(), "package-name")
            .unwrap_or_else(|| package.clone()),
        package: PackageId(package),
        root: artifact
            .path()
            .strip_prefix(&process.directory)
            .unwrap_or(artifact.path())
            .to_owned(),
        files: artifact
            .files()
            .iter()
            .map(|file| file.path.clone())
            .collect(),
        archive: Archive::pack(artifact, &pack)
            .map_err(|error| not_an_artifact(&error, &process.directory))?,
        comparable: Comparable::of(artifact, &pack)
            .map_err(|error| not_an_artifact(&error, &process.directory))?,
        parameters: artifact
            .parameters()
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect(),
        parameter_keys: artifact
            .parameter_keys()
            .into_iter()
            .map(str::to_owned)
            .collect(),
    };
    Ok(Job {
        id: ArtifactId(id),
        source: Source::Files(Box::new(content)),
        named,
        rules,
    })
}

/// The parameters that the file, `--set` and `--set-from-env` name; later ones win.
fn named(
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
