//! Where a run goes: a tenant with the credentials for it, or a simulated one.

use super::arguments::TryOutArgs;
use super::refusal::Refusal;
use crate::Process;
use crate::deploy::job::Job;
use crate::deploy::outcome::Message;
use crate::doctor::offline::SOON;
use crate::http::CertificateFacts;
use crate::sandbox::{Preload, Sandbox, SandboxError, SandboxOptions, Scenario};
use crate::settings::credentials::{Credentials, VariableNames};
use crate::settings::environment::Environment;
use crate::settings::project::EnvironmentSettings;

/// Refuses credentials for another host than the settings file pins.
pub fn must_be_for(
    credentials: &Credentials,
    environment: &EnvironmentSettings,
) -> Result<(), Refusal> {
    let (is, prefix) = (credentials.url.host(), environment.credentials_prefix());
    match &environment.host {
        Some(host) if host != is => Err(Refusal::wrong(
            format!("{} and {prefix}_...", environment.at),
            format!(
                "the credentials are for {is}, and this environment is {host}; nothing was sent"
            ),
            "give the variables the key of that tenant, or choose the environment that belongs to the key",
        )),
        _ => Ok(()),
    }
}

/// Where a run goes: a tenant, perhaps a simulated one that lives as long as the run.
pub struct Target {
    pub credentials: Credentials,
    /// The variables that decide about proxies and trust.
    pub network: Environment,
    pub sandbox: Option<Sandbox>,
}

impl Target {
    /// Reads the credentials, or begins a simulated tenant when that was asked for on the command line itself. Credentials
    /// for another tenant are refused before a token is asked for.
    pub fn new(
        try_out: &TryOutArgs,
        environment: &EnvironmentSettings,
        begin: impl FnOnce() -> Result<Sandbox, Refusal>,
        process: &mut Process<'_>,
    ) -> Result<Self, Refusal> {
        if !try_out.sandbox {
            let names = environment.variable_names();
            let credentials =
                Credentials::from_named(process.environment, &process.directory, &names)?;
            must_be_for(&credentials, environment)?;
            return Ok(Self {
                credentials,
                network: process.environment.clone(),
                sandbox: None,
            });
        }
        tell_ignored(process);
        let sandbox = begin()?;
        let variables = variable_of(&sandbox, "CPI_SERVICE_KEY");
        Ok(Self {
            credentials: Credentials::from_named(
                &variables,
                &process.directory,
                &VariableNames::default(),
            )?,
            network: Environment::default(),
            sandbox: Some(sandbox),
        })
    }
}

/// Warns of a certificate that will soon be of no more use.
pub fn warn_of_expiry(credentials: &Credentials, process: &mut Process<'_>) {
    let facts = credentials
        .certificate()
        .and_then(|(certificate, _)| CertificateFacts::of_pem(&certificate.chain));
    let days = facts.map(|facts| facts.days_left(process.clock.date()));
    let what = match days {
        Some(0..SOON) => format!("expires in {} days", days.unwrap_or_default()),
        Some(..0) => "has expired, by the clock of this machine".to_owned(),
        _ => return,
    };
    let _ = writeln!(
        process.err,
        "warning: the client certificate {what}: create a new key of type certificate (`flowship doctor` says how)"
    );
}

/// The one of the variables for a simulated tenant that holds this service key.
pub fn variable_of(sandbox: &Sandbox, key: &str) -> Environment {
    let variables = sandbox.variables().into_iter();
    let variables = variables.filter(|(name, _)| *name == key);
    variables.fold(Environment::default(), |all, (name, value)| {
        all.with(name, &value)
    })
}

/// Says which variables a simulated tenant leaves unread.
pub fn tell_ignored(process: &mut Process<'_>) {
    let names = process.environment.names();
    let ignored: Vec<&str> = names.filter(|name| name.starts_with("CPI_")).collect();
    if !ignored.is_empty() {
        let _ = writeln!(
            process.err,
            "SIMULATED --sandbox ignores {}",
            ignored.join(", ")
        );
    }
}

/// Starts a simulated tenant on which flows with these ids run. Where a scenario is about an existing artifact, and none
/// is there, it holds earlier versions of ours.
pub fn simulated(try_out: &TryOutArgs, running: &[&str], jobs: &[Job]) -> Result<Sandbox, Refusal> {
    let scenarios = scenarios(&try_out.scenario)?;
    let start = |preload| {
        Sandbox::start(SandboxOptions {
            scenarios: scenarios.clone(),
            preload,
            ..SandboxOptions::default()
        })
    };
    let sandbox = match start(running.iter().map(|id| Preload::example(id)).collect()) {
        Err(SandboxError::NeedsPreload(..)) if running.is_empty() => {
            start(jobs.iter().filter_map(earlier_version).collect())
        }
        started => started,
    };
    sandbox.map_err(|error| Refusal::usage(Message::new(error.to_string()).at("--sandbox")))
}

fn earlier_version(job: &Job) -> Option<Preload> {
    let content = job.content()?;
    let mut zip = Vec::new();
    content.archive.copy_to(&mut zip).ok()?;
    Some(Preload::earlier_version(&content.package.0, &zip))
}

/// Reads the names of scenarios.
pub fn scenarios(names: &[String]) -> Result<Vec<Scenario>, Refusal> {
    let read = |name: &String| {
        Scenario::parse(name).map_err(|error| {
            let hint = "`flowship sandbox --list` names all scenarios";
            Refusal::wrong("--scenario", error.to_string(), hint)
        })
    };
    names.iter().map(read).collect()
}
