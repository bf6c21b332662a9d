//! `plan`: what `deploy` would do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::arguments::{DesiredArgs, PaceArgs, TryOutArgs, WaitArgs, some_time};
use super::change::{Planning, Purpose};
use super::console::Console;
use super::refusal::Refusal;
use super::settle::Asked;
use crate::Process;
use crate::deploy::approval::Request;
use crate::deploy::job::VersionRule;
use crate::exit::Exit;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which artifacts, and what they are to become.
    #[command(flatten)]
    pub desired: DesiredArgs,
    /// Plans to overwrite drafts that somebody else saved on the tenant.
    #[arg(long)]
    pub overwrite_drafts: bool,
    /// Plans to upload and configure only.
    #[arg(long)]
    pub no_deploy: bool,
    /// Plans to deploy although nothing changed.
    #[arg(long)]
    pub force: bool,
    /// Writes the plan into a file, which `flowship deploy --plan FILE` carries out.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Ends with code 9 when something would be done.
    #[arg(long)]
    pub fail_on_changes: bool,
    /// How long reading may take, for example 90s or 10m. [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = some_time, default_value = "10m", hide_default_value = true)]
    pub timeout: Duration,
    /// How fast the tenant may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Shows what would be done.
pub(crate) fn run(
    args: &PlanArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let asked = Asked {
        desired: &args.desired,
        wait: WaitArgs::for_reading(args.timeout),
        overwrite_drafts: args.overwrite_drafts,
        force: args.force,
        no_deploy: args.no_deploy,
        with_rollback: false,
        smoke: &[],
        pace: args.pace,
        try_out: &args.sandbox,
    };
    let purpose = Purpose::Plan(Planning {
        out: args.out.clone(),
        fail_on_changes: args.fail_on_changes,
        request: request(&asked),
    });
    asked
        .settle(purpose, console, process)?
        .run(console, process)
}

/// What a plan is asked for.
fn request(asked: &Asked<'_>) -> Request {
    let desired = asked.desired;
    let mappings = &desired.value_mappings;
    let switches = [
        (desired.no_create_package, "no-create-package"),
        (desired.keep_going, "keep-going"),
        (desired.parameters_from_artifact, "parameters-from-artifact"),
        (mappings.replace_value_mappings, "replace-value-mappings"),
        (mappings.drop_tenant_entries, "drop-tenant-entries"),
        (asked.overwrite_drafts, "overwrite-drafts"),
        (asked.no_deploy, "no-deploy"),
        (asked.force, "force"),
    ];
    let version = desired
        .save_as_version
        .clone()
        .map(|version| match version {
            VersionRule::Keep => "keep".to_owned(),
            VersionRule::Manifest => "manifest".to_owned(),
            VersionRule::Bump => "bump".to_owned(),
            VersionRule::Exactly(number) | VersionRule::Travel(number) => number,
        });
    let on = switches.into_iter().filter(|(on, _)| *on);
    Request {
        paths: desired.paths.clone(),
        config: desired.config.clone(),
        environment: desired.environment.clone(),
        package: desired.package.clone(),
        package_name: desired.package_name.clone(),
        id: desired.id.clone(),
        name: desired.name.clone(),
        parameters: desired.parameters.parameters.clone(),
        save_as_version: version,
        switches: on.map(|(_, name)| name.to_owned()).collect(),
    }
}
