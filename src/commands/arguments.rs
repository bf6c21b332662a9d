//! Arguments that several subcommands share, and how their values are read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::refusal::Refusal;
use super::settings_file::Settings;
use crate::Process;
use crate::artifact::{ArtifactKind, id};
use crate::clock::span;
use crate::deploy::job::{Rules, VersionRule};
use crate::deploy::outcome::Message;
use crate::inventory::selection::{Names, Selection};
use crate::tenant::pace;

/// The wall clock of a run.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Which artifacts, and what they are to become.
#[derive(Clone, Debug, Args)]
pub struct DesiredArgs {
    /// Artifact directories (with META-INF/MANIFEST.MF), zips exported from a tenant, or directories that hold several
    /// artifacts. [default: what flowship.yaml names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The id of the integration package. It is created when it is missing; an existing one is never written.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub package: Option<String>,
    /// The name for the package, if it has to be created. [default: its id]
    #[arg(long, value_name = "NAME")]
    pub package_name: Option<String>,
    /// Another id for the artifact than its manifest's (one artifact only); the packed copy is aligned, your files are
    /// not touched.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub id: Option<String>,
    /// Another name for the artifact than its manifest's (one artifact only).
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Which version the tenant is to show: keep, manifest, bump, or a number like 1.2.0; it never goes down.
    /// [default: keep]
    #[arg(long, value_name = "VERSION", value_parser = version_rule)]
    pub save_as_version: Option<VersionRule>,
    /// Deploys although nothing changed, and starts a flow that was stopped.
    #[arg(long)]
    pub force: bool,
    /// Lets the artifact's parameters.prop win over the values that are configured on the tenant.
    #[arg(long, help_heading = "Parameters")]
    pub parameters_from_artifact: bool,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// What may be written there.
    #[command(flatten)]
    pub write: WriteArgs,
}

/// What may be written on a tenant, and with which values.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Writing")]
pub struct WriteArgs {
    /// Never creates a package: a missing one is an error.
    #[arg(long)]
    pub no_create_package: bool,
    /// Goes on with the valid artifacts though others are not.
    #[arg(long)]
    pub keep_going: bool,
    /// Uploads and configures, but does not deploy.
    #[arg(long)]
    pub no_deploy: bool,
    /// Overwrites drafts that another user saved on the tenant.
    #[arg(long)]
    pub overwrite_drafts: bool,
    /// Which parameters to write.
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// How value mappings change.
    #[command(flatten)]
    pub value_mappings: ValueMappingArgs,
}

impl WriteArgs {
    /// The rules for every artifact of a run on the tenant of these settings.
    pub fn rules(&self, wait: &WaitArgs, settings: &Settings, directory: &Path) -> Rules {
        let mappings = &self.value_mappings;
        Rules {
            create_package: !self.no_create_package,
            overwrite_drafts: self.overwrite_drafts,
            deploy: !self.no_deploy,
            replace_value_mappings: mappings.replace_value_mappings,
            drop_tenant_entries: mappings.drop_tenant_entries,
            backup_directory: directory.join(mappings.backup_dir.as_deref().unwrap_or("".as_ref())),
            reach: settings.reach(directory),
            settle: wait.settle,
            poll_interval: wait.poll_interval,
            ..Rules::default()
        }
    }
}

/// How value mappings change: the tenant's API cannot update them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Value mappings")]
pub struct ValueMappingArgs {
    /// Deletes a value mapping that differs and creates it anew, after its content was saved to a file. Entries that
    /// only the tenant has are kept.
    #[arg(long)]
    pub replace_value_mappings: bool,
    /// With --replace-value-mappings: discards the entries that only the tenant has.
    #[arg(long)]
    pub drop_tenant_entries: bool,
    /// The directory for the saved content. [default: the working directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub backup_dir: Option<PathBuf>,
}

/// Which parameters to write.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Parameters")]
pub struct ParameterArgs {
    /// A file of externalized parameters: java properties, or YAML when its name ends in .yaml or .yml.
    #[arg(long, value_name = "FILE")]
    pub parameters: Option<PathBuf>,
    /// One externalized parameter; may be repeated, wins over --parameters. The value may be empty.
    #[arg(long = "set", value_name = "[ID:]KEY=VALUE")]
    pub set: Vec<String>,
    /// One externalized parameter whose value is that of the variable NAME; may be repeated.
    #[arg(long = "set-from-env", value_name = "[ID:]KEY=NAME")]
    pub set_from_env: Vec<String>,
}

/// How to wait for the verdict.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Waiting")]
pub struct WaitArgs {
    /// The first pause between two looks at the tenant; later ones grow to 5s. [default: 300ms]
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "300ms", hide_default_value = true)]
    pub poll_interval: Duration,
    /// How long STARTED must hold before it is believed. [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "0s", hide_default_value = true)]
    pub settle: Duration,
}

/// How fast the tenant may be asked. SAP allows one user 10 design-time and 50 run-time requests in a second.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// The most design-time requests in a second: uploads, deploy calls, status of tasks. [default: 8]
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    pub designtime_rate: Option<usize>,
    /// The most run-time requests in a second. [default: 40]
    #[arg(long, value_name = "NUMBER", value_parser = rate)]
    pub runtime_rate: Option<usize>,
}

impl PaceArgs {
    /// The turns at one host.
    pub fn pace(self) -> pace::Pace {
        pace::Pace::new(
            self.designtime_rate.unwrap_or(pace::DESIGNTIME_RATE),
            self.runtime_rate.unwrap_or(pace::RUNTIME_RATE),
        )
    }
}

/// Which tenant is asked, for how long and how fast.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tenant")]
pub struct TenantArgs {
    /// The environment of the settings file: credentials, names, parameters.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// For how long, and how fast.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

impl TenantArgs {
    /// What the settings file says of the tenant.
    pub fn settings(&self, process: &Process<'_>) -> Result<Settings, Refusal> {
        let file = self.reading.config.as_ref();
        Settings::of_tenants(file, self.environment.as_deref(), process)
    }
}

/// For how long and how fast tenants are asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Tenant")]
pub struct ReadingArgs {
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long the whole run may take, for example 90s, 10m or 1h30m. [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    pub timeout: Option<Duration>,
    /// How fast the tenant may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
}

impl ReadingArgs {
    /// The wall clock of the run.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }
}

/// What is meant on a tenant where things have these names.
pub fn selection(given: &Selection, names: Names) -> Result<Selection, Refusal> {
    if !given.all && given.ids.is_empty() && given.packages.is_empty() {
        let message = Message::new("nothing is named: neither artifacts nor packages");
        return Err(Refusal::usage(message.hint(
            "name ids, or packages with --package, or take everything with --all",
        )));
    }
    Ok(Selection {
        names,
        ..given.clone()
    })
}

/// Where to try it out.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Trying out")]
pub struct TryOutArgs {
    /// Runs against an embedded simulated tenant instead of a real one; credentials are ignored.
    #[arg(long)]
    pub sandbox: bool,
    /// How the simulated tenant behaves; may be repeated. `flowship sandbox --list` names the scenarios.
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    pub scenario: Vec<String>,
}

/// What was named, each once.
pub fn once(named: &[String]) -> Vec<&str> {
    let mut once: Vec<&str> = Vec::new();
    for name in named {
        if !once.contains(&name.as_str()) {
            once.push(name);
        }
    }
    once
}

/// Reads a span of time for a whole run; none at all would leave a half-written artifact behind.
pub fn some_time(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    if time.is_zero() {
        return Err("a run needs some time: 0 is none".to_owned());
    }
    Ok(time)
}

/// Reads a number from 1 to 1000.
pub fn number(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number @ 1..=1000) => Ok(number),
        _ => Err(format!("`{text}` is no number from 1 to 1000")),
    }
}

fn rate(text: &str) -> Result<usize, String> {
    number(text).map_err(|_| format!("`{text}` is no number of requests from 1 to 1000"))
}

fn version_rule(text: &str) -> Result<VersionRule, String> {
    let is_number = text
        .split('.')
        .all(|part| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    match text {
        "keep" => Ok(VersionRule::Keep),
        "manifest" => Ok(VersionRule::Manifest),
        "bump" => Ok(VersionRule::Bump),
        number if is_number => Ok(VersionRule::Exactly(number.to_owned())),
        other => Err(format!(
            "`{other}` is no version: write keep, manifest, bump or a number like 1.2.0"
        )),
    }
}

/// Reads the type of an artifact as people write it.
pub fn kind(text: &str) -> Result<ArtifactKind, String> {
    let plain = |text: &str| text.replace(['-', '_', ' '], "").to_ascii_lowercase();
    let named = plain(text);
    ArtifactKind::ALL
        .into_iter()
        .find(|kind| plain(kind.bundle_type()) == named)
        .or((named == "iflow").then_some(ArtifactKind::IntegrationFlow))
        .ok_or_else(|| {
            format!(
                "`{text}` is no type: write integration-flow, message-mapping, script-collection or value-mapping"
            )
        })
}
