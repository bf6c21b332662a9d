//! `deploy` and `redeploy`: settle what is asked, let a worker do it, tell what happens, give the report.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::{Refusal, Voice, open, pack, write_report};
use crate::Process;
use crate::artifact::{Archive, Artifact, Comparable, PackOptions};
use crate::cli::{DeployArgs, ParameterArgs, RedeployArgs, Span, TryOutArgs, WaitArgs};
use crate::clock::{Clock, Deadline};
use crate::deploy::job::{Content, Job, Rules, Source};
use crate::deploy::ledger::{Ended, Event, Ledger};
use crate::deploy::outcome::{Message, Outcome};
use crate::deploy::{self, Context};
use crate::exit::Exit;
use crate::http::Http;
use crate::report::Report;
use crate::report::masked::Masked;
use crate::report::progress::Progress;
use crate::sandbox::{Preload, Sandbox, SandboxOptions, Scenario};
use crate::settings::credentials::{Credentials, Login};
use crate::settings::environment::Environment;
use crate::settings::options::Options;
use crate::settings::parameters::{self, NamedParameter};
use crate::settings::redactor::Redactor;
use crate::tenant::Tenant;
use crate::tenant::wire::{ArtifactId, PackageId};

/// How often the calling thread looks for a signal while the worker works.
const SIGNAL_EVERY: Duration = Duration::from_millis(50);

/// Packs, uploads, configures and deploys one artifact.
pub(super) fn deploy(
    args: &DeployArgs,
    voice: Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let artifact = open(&args.path, process)?;
    pack::warn(&artifact, process)?;
    let job = job(args, &artifact, &redactor, process)?;
    let preload = preload(&args.sandbox, &job);
    let start = Start {
        jobs: vec![job],
        wait: &args.wait,
        try_out: &args.sandbox,
        preload,
        redactor,
    };
    start.run(voice, process)
}

/// Configures and deploys what the tenant holds.
pub(super) fn redeploy(
    args: &RedeployArgs,
    voice: Voice,
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
    let mut jobs = Vec::new();
    for id in &args.ids {
        let named = named(&args.parameters, id, &redactor, process)?;
        jobs.push(Job {
            id: ArtifactId(id.clone()),
            source: Source::Tenant,
            named,
            rules: rules.clone(),
        });
    }
    let start = Start {
        jobs,
        wait: &args.wait,
        try_out: &args.sandbox,
        preload: Vec::new(),
        redactor,
    };
    start.run(voice, process)
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
const DEFAULT_POLL: Duration = Duration::from_millis(300);

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
    let named = named(&args.parameters, &id, redactor, process)?;
    let content = Content {
        kind: artifact.kind(),
        name,
        package_name: options
            .text(args.package_name.as_deref(), "package-name")
            .unwrap_or_else(|| package.clone()),
        package: PackageId(package),
        archive: Archive::pack(artifact, &pack)?,
        comparable: Comparable::of(artifact, &pack)?,
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
    redactor: &Redactor,
    process: &Process<'_>,
) -> Result<Vec<NamedParameter>, Refusal> {
    let options = Options::new(process.environment);
    let mut all = Vec::new();
    if let Some(file) = options.path(args.parameters.as_ref(), "parameters") {
        all.extend(read_parameters(&process.directory, &file)?);
    }
    for given in options.list(&args.set, "set") {
        all.push(parameters::set(&given, id)?);
    }
    for given in options.list(&args.set_from_env, "set-from-env") {
        all.push(parameters::set_from_env(
            &given,
            id,
            process.environment,
            redactor,
        )?);
    }
    Ok(parameters::last_wins(all))
}

fn read_parameters(directory: &Path, file: &Path) -> Result<Vec<NamedParameter>, Refusal> {
    Ok(parameters::read_file(&directory.join(file))?)
}

/// The simulated tenant holds an earlier version of the artifact where a scenario is about an existing one.
fn preload(try_out: &TryOutArgs, job: &Job) -> Vec<Preload> {
    let (true, Source::Files(content)) =
        (try_out.sandbox && !try_out.scenario.is_empty(), &job.source)
    else {
        return Vec::new();
    };
    let mut zip = Vec::new();
    match content.archive.copy_to(&mut zip) {
        Ok(()) => vec![Preload::earlier_version(&content.package.0, &zip)],
        Err(_) => Vec::new(),
    }
}

/// A run that is settled.
struct Start<'a> {
    jobs: Vec<Job>,
    wait: &'a WaitArgs,
    try_out: &'a TryOutArgs,
    preload: Vec<Preload>,
    redactor: Redactor,
}

/// Where a run goes: a tenant, perhaps a simulated one that lives as long as the run.
struct Target {
    credentials: Credentials,
    sandbox: Option<Sandbox>,
}

impl Start<'_> {
    fn run(self, voice: Voice, process: &mut Process<'_>) -> Result<Exit, Refusal> {
        let clock = Clock::start();
        let options = Options::new(process.environment);
        let timeout = span(self.wait.timeout, options, "timeout", DEFAULT_TIMEOUT)?;
        let target = target(self.try_out, self.preload, process)?;
        target.credentials.hide_in(&self.redactor);
        let http = Http::new(process.environment, &self.redactor)
            .map_err(|error| Refusal::usage(Message::new(error.to_string())))?;
        let simulated = target.sandbox.is_some();
        let (events, received) = mpsc::channel();
        let observer = {
            let events = events.clone();
            Box::new(move |line: &str| {
                let _ = events.send(Event::Request(line.to_owned()));
            })
        };
        let greeting = greeting(&target, &http);
        let tenant = Tenant::new(
            http,
            target.credentials,
            self.redactor.clone(),
            clock,
            observer,
        );
        let host = tenant.host().to_owned();
        let deadline = Deadline {
            at: clock.now() + timeout,
        };
        let jobs = self.jobs;
        let worker_events = events.clone();
        drop(events);
        thread::spawn(move || {
            let context = Context {
                tenant: &tenant,
                clock,
                deadline,
                ledger: Ledger::new(worker_events.clone()),
            };
            let ended = deploy::deploy(&context, &jobs);
            let _ = worker_events.send(Event::Ended(ended));
        });
        let mut masked_out = Masked::new(process.out, &self.redactor);
        let mut masked_err = Masked::new(process.err, &self.redactor);
        let mut masked = Process {
            arguments: Vec::new(),
            environment: process.environment,
            directory: process.directory.clone(),
            out: &mut masked_out,
            err: &mut masked_err,
            terminal: process.terminal,
            signal: process.signal.clone(),
        };
        Ok(follow(
            &received,
            voice,
            clock,
            &greeting,
            simulated,
            host,
            &mut masked,
        ))
    }
}

/// Tells the events of the worker until it ends or a signal comes.
fn follow(
    received: &Receiver<Event>,
    voice: Voice,
    clock: Clock,
    greeting: &str,
    simulated: bool,
    host: String,
    process: &mut Process<'_>,
) -> Exit {
    let mut progress = Progress::new(voice.volume, simulated);
    if voice.volume != crate::report::progress::Volume::Quiet {
        let _ = progress.line(clock.now(), greeting, process.err);
    }
    loop {
        match received.recv_timeout(SIGNAL_EVERY) {
            Ok(Event::Ended(ended)) => return finish(ended, voice, simulated, host, process),
            Ok(event) => {
                // a reader who is gone is no reason to leave the tenant half-way
                let _ = progress.tell(&event, clock.now(), process.err);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return broken(&progress, process),
        }
        if let Some(exit) = interrupted(&progress, process) {
            return exit;
        }
    }
}

fn finish(
    ended: Ended,
    voice: Voice,
    simulated: bool,
    host: String,
    process: &mut Process<'_>,
) -> Exit {
    let (artifacts, errors, exit): (Vec<Outcome>, Vec<Message>, Exit) = match ended {
        Ended::Verdicts(outcomes) => {
            let exit = Exit::worst(outcomes.iter().map(|outcome| outcome.verdict.exit));
            (outcomes, Vec::new(), exit)
        }
        Ended::Usage(errors) => (Vec::new(), errors, Exit::Usage),
    };
    let report = Report {
        simulated,
        tenant: Some(host),
        artifacts,
        errors,
        exit,
    };
    write_report(&report, voice.form, voice.style, process)
}

/// On a signal: the ledger of what was written, and an end without waiting for a call that nobody can wake.
fn interrupted(progress: &Progress, process: &mut Process<'_>) -> Option<Exit> {
    let exit = match process.signal.load(Ordering::Relaxed) {
        0 => return None,
        2 => Exit::Interrupted,
        _ => Exit::Terminated,
    };
    let _ = writeln!(process.err, "error: interrupted before the verdict");
    let _ = progress.ledger(process.err);
    let _ = writeln!(
        process.err,
        "  hint:  run the same command again: it looks first what the tenant holds"
    );
    Some(exit)
}

fn broken(progress: &Progress, process: &mut Process<'_>) -> Exit {
    let _ = writeln!(
        process.err,
        "error: flowship broke off; this is a fault of flowship, please report it"
    );
    let _ = progress.ledger(process.err);
    Exit::Protocol
}

/// Reads the credentials, or starts a simulated tenant when that was asked for on the command line itself.
fn target(
    try_out: &TryOutArgs,
    preload: Vec<Preload>,
    process: &mut Process<'_>,
) -> Result<Target, Refusal> {
    if !try_out.sandbox {
        let credentials = Credentials::from_environment(process.environment, &process.directory)?;
        return Ok(Target {
            credentials,
            sandbox: None,
        });
    }
    let ignored: Vec<&str> = process
        .environment
        .names()
        .filter(|name| name.starts_with("CPI_") && *name != "CPI_CA_FILE")
        .collect();
    if !ignored.is_empty() {
        let _ = writeln!(
            process.err,
            "SIMULATED: --sandbox ignores {}",
            ignored.join(", ")
        );
    }
    let scenarios = scenarios(&try_out.scenario)?;
    let sandbox = Sandbox::start(SandboxOptions {
        scenarios,
        preload,
        ..SandboxOptions::default()
    })
    .map_err(|error| Refusal::usage(Message::new(error.to_string()).at("--sandbox")))?;
    let variables: Environment = sandbox
        .variables()
        .into_iter()
        .filter(|(name, _)| *name == "CPI_SERVICE_KEY")
        .fold(Environment::default(), |environment, (name, value)| {
            environment.with(name, &value)
        });
    let credentials = Credentials::from_environment(&variables, &process.directory)?;
    Ok(Target {
        credentials,
        sandbox: Some(sandbox),
    })
}

/// Reads the names of scenarios.
pub(super) fn scenarios(names: &[String]) -> Result<Vec<Scenario>, Refusal> {
    let read = |name: &String| {
        Scenario::parse(name).map_err(|error| {
            Refusal::usage(
                Message::new(error.to_string())
                    .at("--scenario")
                    .hint("`flowship sandbox --list` names all scenarios"),
            )
        })
    };
    names.iter().map(read).collect()
}

/// Which tenant, and as whom: the only moment at which a wrong stage can be seen.
fn greeting(target: &Target, http: &Http) -> String {
    let who = match &target.credentials.login {
        Login::ClientCredentials { client_id, .. } => format!("client {}", scrubbed(client_id)),
        Login::Basic { username, .. } => format!("user {}", scrubbed(username)),
    };
    format!(
        "tenant {} ({who}); {}",
        target.credentials.url.host(),
        http.describe()
    )
}

/// The beginning of a name, enough to tell one key from another.
fn scrubbed(name: &str) -> String {
    let shown: String = name.chars().take(8).collect();
    if shown.len() < name.len() {
        format!("{shown}…")
    } else {
        shown
    }
}
