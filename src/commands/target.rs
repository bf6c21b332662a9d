//! Where a run goes: a tenant with the credentials for it, or a simulated one.

use std::path::PathBuf;

use super::Refusal;
use crate::Process;
use crate::cli::TryOutArgs;
use crate::deploy::job::{Job, Source};
use crate::deploy::outcome::Message;
use crate::doctor::offline::SOON;
use crate::http::CertificateFacts;
use crate::sandbox::{Preload, Sandbox, SandboxError, SandboxOptions, Scenario};
use crate::settings::credentials::{Credentials, Names};
use crate::settings::environment::Environment;
use crate::settings::project::Host;
use crate::state_files::{NotOurs, StateFiles};
use crate::tenant::wire::ArtifactId;
use crate::words::disarm;

/// Which variables hold the credentials, and for which host they must be.
pub(super) struct LoginNames {
    pub(super) names: Names,
    /// The only host that they may be for.
    pub(super) host: Option<Host>,
    /// Where the environment stands that says so.
    pub(super) at: String,
    /// A backup that is put back on its own tenant and nowhere else.
    pub(super) saved_from: Option<SavedFrom>,
}

/// Where a backup comes from.
pub(super) struct SavedFrom {
    /// The address of the tenant.
    pub(super) tenant: String,
    /// The note that says so.
    pub(super) note: PathBuf,
    /// The note as it was named.
    pub(super) shown: String,
}

impl LoginNames {
    /// Reads the credentials; those for another tenant are refused before a token is asked for.
    pub(super) fn read(&self, process: &Process<'_>) -> Result<Credentials, Refusal> {
        let credentials =
            Credentials::from_named(process.environment, &process.directory, &self.names)?;
        self.must_be_for(&credentials)?;
        Ok(credentials)
    }

    /// Refuses credentials for another host than the settings file pins.
    pub(super) fn must_be_for(&self, credentials: &Credentials) -> Result<(), Refusal> {
        match &self.host {
            Some(host) if !host.is_of(&credentials.url) => {
                let message = Message::new(format!(
                    "the credentials are for {}, and this environment is {host}; nothing was sent",
                    credentials.url.host()
                ))
                .at(format!("{} and {}_...", self.at, self.names.of("").trim_end_matches('_')))
                .hint("give the variables the key of that tenant, or choose the environment that belongs to the key");
                Err(Refusal::usage(message))
            }
            _ => self.must_have_saved(credentials),
        }
    }

    /// Refuses to put a backup back on another tenant than the one it was saved from, and one that was changed since.
    fn must_have_saved(&self, credentials: &Credentials) -> Result<(), Refusal> {
        let Some(SavedFrom {
            tenant,
            note,
            shown,
        }) = &self.saved_from
        else {
            return Ok(());
        };
        let message = if *tenant != credentials.url.root() {
            Message::new(format!(
                "the credentials are for {}, and the backup is of {}; nothing was sent",
                credentials.url.root(),
                disarm(tenant)
            ))
            .hint(
                "give the key of that tenant, or the --environment that the backup was saved with",
            )
        } else if let Err(broken @ NotOurs::Broken) =
            StateFiles::new(credentials.login.secret().clone()).read(note)
        {
            Message::new(format!("the backup {broken}; nothing was sent"))
                .hint("find out who changed it: what it would put back may be anything")
        } else {
            // what other credentials wrote is put back by whoever names it
            return Ok(());
        };
        Err(Refusal::usage(message.at(shown.clone())))
    }
}

/// Where a run goes: a tenant, perhaps a simulated one that lives as long as the run.
pub(super) struct Target {
    pub(super) credentials: Credentials,
    /// The variables that decide about proxies and trust.
    pub(super) network: Environment,
    pub(super) sandbox: Option<Sandbox>,
}

/// Reads the credentials, or begins a simulated tenant when that was asked for on the command line itself.
pub(super) fn target(
    try_out: &TryOutArgs,
    login: &LoginNames,
    begin: impl FnOnce() -> Result<Sandbox, Refusal>,
    process: &mut Process<'_>,
) -> Result<Target, Refusal> {
    if !try_out.sandbox {
        return Ok(Target {
            credentials: login.read(process)?,
            network: process.environment.clone(),
            sandbox: None,
        });
    }
    tell_ignored(process);
    let sandbox = begin()?;
    let variables = variables_of(&sandbox);
    Ok(Target {
        credentials: Credentials::from_environment(&variables, &process.directory)?,
        network: Environment::default(),
        sandbox: Some(sandbox),
    })
}

/// Warns of a certificate that will soon be of no more use.
pub(super) fn warn_of_expiry(credentials: &Credentials, process: &mut Process<'_>) {
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

/// The variables for a simulated tenant: its service key.
pub(super) fn variables_of(sandbox: &Sandbox) -> Environment {
    let variables = sandbox.variables().into_iter();
    variables
        .filter(|(name, _)| *name == "CPI_SERVICE_KEY")
        .fold(Environment::default(), |environment, (name, value)| {
            environment.with(name, &value)
        })
}

/// All variables for a simulated tenant.
pub(super) fn all_variables_of(sandbox: &Sandbox) -> Environment {
    let variables = sandbox.variables().into_iter();
    variables.fold(Environment::default(), |environment, (name, value)| {
        environment.with(name, &value)
    })
}

/// Says which variables a simulated tenant leaves unread.
pub(super) fn tell_ignored(process: &mut Process<'_>) {
    let ignored: Vec<&str> = process
        .environment
        .names()
        .filter(|name| name.starts_with("CPI_") && process.environment.get(name).is_some())
        .collect();
    if !ignored.is_empty() {
        let _ = writeln!(
            process.err,
            "SIMULATED --sandbox ignores {}",
            ignored.join(", ")
        );
    }
}

/// Starts a simulated tenant. Where a scenario is about an existing artifact, it holds earlier versions of ours.
pub(super) fn simulated(try_out: &TryOutArgs, jobs: &[Job]) -> Result<Sandbox, Refusal> {
    let start = |preload| {
        Ok::<_, Refusal>(Sandbox::start(SandboxOptions {
            scenarios: scenarios(&try_out.scenario)?,
            preload,
            ..SandboxOptions::default()
        }))
    };
    let sandbox = match start(Vec::new())? {
        Err(SandboxError::NeedsPreload(..)) => start(earlier_versions(jobs))?,
        started => started,
    };
    sandbox.map_err(|error| Refusal::usage(Message::new(error.to_string()).at("--sandbox")))
}

/// Starts a simulated tenant on which flows with these ids run.
pub(super) fn simulated_running(
    try_out: &TryOutArgs,
    ids: &[ArtifactId],
) -> Result<Sandbox, Refusal> {
    let options = SandboxOptions {
        scenarios: scenarios(&try_out.scenario)?,
        preload: ids.iter().map(|id| Preload::example(&id.0)).collect(),
        ..SandboxOptions::default()
    };
    Sandbox::start(options)
        .map_err(|error| Refusal::usage(Message::new(error.to_string()).at("--sandbox")))
}

fn earlier_versions(jobs: &[Job]) -> Vec<Preload> {
    jobs.iter()
        .filter_map(|job| match &job.source {
            Source::Files(content) => {
                let mut zip = Vec::new();
                content.archive.copy_to(&mut zip).ok()?;
                Some(Preload::earlier_version(&content.package.0, &zip))
            }
            Source::Tenant => None,
        })
        .collect()
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
