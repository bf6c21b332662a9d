//! `redeploy`: configures and deploys what the tenant holds.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{DesiredArgs, PaceArgs, ParameterArgs, TryOutArgs, WaitArgs, once};
use super::change::{Change, Deployment, Purpose};
use super::console::{Console, ReportArgs};
use super::parameters;
use super::refusal::Refusal;
use super::settings_file::Settings;
use super::settle::Asked;
use crate::Process;
use crate::deploy::job::{Job, Source};
use crate::exit::Exit;
use crate::tenant::wire::ArtifactId;
use crate::text::redactor::Redactor;

/// Arguments of `redeploy`.
#[derive(Debug, Args)]
pub struct RedeployArgs {
    /// The ids of the artifacts.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Which parameters to write.
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Deploys a draft although somebody else saved it.
    #[arg(long)]
    pub overwrite_drafts: bool,
    /// The environment of the settings file, for its credentials; ids are given as they are on the tenant.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
    /// How fast the tenant may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Configures and deploys what the tenant holds.
pub(crate) fn run(
    args: &RedeployArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let (file, name) = (args.config.as_ref(), args.environment.as_deref());
    let settings = Settings::of_tenants(file, name, process)?;
    let asked = Asked {
        desired: &DesiredArgs {
            no_create_package: true,
            ..DesiredArgs::default()
        },
        wait: args.wait.clone(),
        overwrite_drafts: args.overwrite_drafts,
        force: true,
        no_deploy: false,
        with_rollback: false,
        smoke: &[],
        pace: args.pace,
        try_out: &args.sandbox,
    };
    let rules = asked.rules(&settings, &process.directory);
    let ids = once(&args.ids);
    let mut jobs = Vec::new();
    for &id in &ids {
        jobs.push(Job {
            id: ArtifactId(id.to_owned()),
            source: Source::Tenant,
            named: parameters::for_one(&args.parameters, id, &ids, &redactor, process)?,
            rules: rules.clone(),
            needs: Vec::new(),
            requires: Vec::new(),
            notes: Vec::new(),
        });
    }
    let purpose = Purpose::Deploy(Deployment::default());
    let timeout = args.wait.poll.timeout;
    Change {
        jobs,
        redactor,
        ..Change::new(purpose, &settings, timeout, args.pace, &args.sandbox)
    }
    .run(console, process)
}
