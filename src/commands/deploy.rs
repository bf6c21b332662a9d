//! `deploy`: packs, uploads, configures and deploys artifacts.

use std::path::PathBuf;

use clap::Args;

use super::arguments::{DesiredArgs, WaitArgs};
use super::change::{Deployment, Planning, Purpose};
use super::console::{Console, ReportArgs};
use super::refusal::Refusal;
use crate::Process;
use crate::deploy::approval::Approval;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::rollback::{self, Scope};

/// Arguments of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which artifacts, and what they are to become.
    #[command(flatten)]
    pub desired: DesiredArgs,
    /// Sends one message to the flow when it has started, as this YAML file says, and lets what becomes of it count into
    /// the verdict; may be repeated. The key is that of CPI_RUNTIME_SERVICE_KEY (plan integration-flow).
    #[arg(long, value_name = "FILE", help_heading = None)]
    pub smoke: Vec<PathBuf>,
    /// Writes nothing: shows what would be done, as `flowship plan` does.
    #[arg(long, help_heading = None)]
    pub dry_run: bool,
    /// Does exactly what this file of `flowship plan -o` says; refuses when the tenant or your files have changed since.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", help_heading = None)]
    pub plan: Option<PathBuf>,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// What is put back when the new content does not run.
    #[command(flatten)]
    pub rollback: RollbackArgs,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// What is put back when the new content does not run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Rollback")]
pub struct RollbackArgs {
    /// Puts back what stood on the tenant when new content fails: of each artifact that failed, or of all as soon as one
    /// failed (a rollback may take --timeout once more). What still runs is not restarted. [default value: each]
    #[arg(long, value_name = "each|all", num_args = 0..=1, default_missing_value = "each")]
    pub rollback: Option<String>,
    /// With --rollback: also when nobody could decide within the time, or the tenant was lost.
    #[arg(long)]
    pub rollback_on_timeout: bool,
}

/// Deploys, or with --dry-run shows what would be done. `approved`: this plan and nothing else.
pub(crate) fn run(
    args: &DeployArgs,
    approved: Option<Approval>,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let mut desired = args.desired.clone();
    let scope = args.rollback.scope(&mut desired, process)?;
    let rollback = scope.map(|scope| rollback::Rules {
        scope,
        on_timeout: args.rollback.rollback_on_timeout,
        timeout: desired.tenant.reading.timeout(),
    });
    let mut switches = approved.iter().flat_map(|plan| &plan.request.switches);
    desired.force |= switches.any(|switch| switch == "force");
    let purpose = if args.dry_run {
        Purpose::Plan(Planning::default())
    } else {
        Purpose::Deploy(Deployment { approved, rollback })
    };
    desired
        .settle(&args.wait, &args.smoke, purpose, console, process)?
        .run(console, process)
}

impl RollbackArgs {
    /// What the rollback is about, where one is wanted. The option need not have a word, so any other word behind it is a path
    /// of an artifact.
    fn scope(
        &self,
        desired: &mut DesiredArgs,
        process: &Process<'_>,
    ) -> Result<Option<Scope>, Refusal> {
        let word = self.rollback.as_deref();
        match word {
            Some("each") => Ok(Some(Scope::Each)),
            Some("all") => Ok(Some(Scope::All)),
            Some(other) if process.environment.get("FLOWSHIP_ROLLBACK") == word => {
                let message = Message::new(format!("`{other}` is neither each nor all"));
                Err(Refusal::usage(message.at("FLOWSHIP_ROLLBACK")))
            }
            Some(path) => {
                desired.paths.push(PathBuf::from(path));
                Ok(Some(Scope::Each))
            }
            None if self.rollback_on_timeout => Err(Refusal::wrong(
                "--rollback",
                "an option of a rollback is given, and no rollback is asked for",
                "add --rollback, or leave the option out",
            )),
            None => Ok(None),
        }
    }
}
