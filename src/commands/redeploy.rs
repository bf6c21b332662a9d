//! `redeploy`: configures and deploys what the tenant holds.

use clap::Args;

use super::arguments::{ParameterArgs, TenantArgs, WaitArgs, WriteArgs, once};
use super::change::{Change, Deployment, Purpose};
use super::console::{Console, ReportArgs};
use super::jobs;
use super::refusal::Refusal;
use crate::Process;
use crate::deploy::job::{Job, Rules, Source};
use crate::exit::Exit;
use crate::tenant::wire::ArtifactId;

/// Arguments of `redeploy`.
#[derive(Debug, Args)]
pub struct RedeployArgs {
    /// The ids of the artifacts, as they are on the tenant.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Deploys drafts that another user saved.
    #[arg(long)]
    pub overwrite_drafts: bool,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Which parameters to write.
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Configures and deploys what the tenant holds.
pub(crate) fn run(
    args: &RedeployArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let tenant = &args.tenant;
    let settings = tenant.settings(process)?;
    let write = WriteArgs {
        no_create_package: true,
        overwrite_drafts: args.overwrite_drafts,
        ..WriteArgs::default()
    };
    let rules = Rules {
        force: true,
        ..write.rules(&args.wait, &settings, &process.directory)
    };
    let purpose = Purpose::Deploy(Deployment::default());
    let mut change = Change::new(
        purpose,
        &settings,
        console.report(process),
        &tenant.reading,
        &tenant.sandbox,
    );
    let ids = once(&args.ids);
    for &id in &ids {
        change.jobs.push(Job {
            id: ArtifactId(id.to_owned()),
            source: Source::Tenant,
            named: jobs::for_one(&args.parameters, id, &ids, &change.redactor, process)?,
            rules: rules.clone(),
            needs: Vec::new(),
            requires: Vec::new(),
            notes: Vec::new(),
        });
    }
    change.run(console, process)
}
