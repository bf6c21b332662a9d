//! `plan`: what `deploy` would do.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::arguments::{DesiredArgs, WaitArgs};
use super::change::{Planning, Purpose};
use super::console::Console;
use super::refusal::Refusal;
use crate::Process;
use crate::deploy::approval::Request;
use crate::exit::Exit;
use crate::pacing;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which artifacts, and what they are to become.
    #[command(flatten)]
    pub desired: DesiredArgs,
    /// Writes the plan into a file, which `flowship deploy --plan FILE` carries out.
    #[arg(short = 'o', long = "out", value_name = "FILE", help_heading = None)]
    pub out: Option<PathBuf>,
    /// Ends with code 9 when something would be done.
    #[arg(long, help_heading = None)]
    pub fail_on_changes: bool,
}

/// Shows what would be done.
pub(crate) fn run(
    args: &PlanArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let purpose = Purpose::Plan(Planning {
        out: args.out.clone(),
        fail_on_changes: args.fail_on_changes,
        request: request(&args.desired),
    });
    let wait = WaitArgs {
        poll_interval: pacing::FIRST,
        settle: Duration::ZERO,
    };
    let change = args.desired.settle(&wait, &[], purpose, console, process)?;
    change.run(console, process)
}

/// What a plan is asked for.
fn request(desired: &DesiredArgs) -> Request {
    let write = &desired.write;
    let mappings = &write.value_mappings;
    let switches = [
        (write.no_create_package, "no-create-package"),
        (write.keep_going, "keep-going"),
        (desired.parameters_from_artifact, "parameters-from-artifact"),
        (mappings.replace_value_mappings, "replace-value-mappings"),
        (mappings.drop_tenant_entries, "drop-tenant-entries"),
        (write.overwrite_drafts, "overwrite-drafts"),
        (write.no_deploy, "no-deploy"),
        (desired.force, "force"),
    ];
    let version = desired.save_as_version.as_ref();
    let on = switches.into_iter().filter(|(on, _)| *on);
    Request {
        paths: desired.paths.clone(),
        config: desired.tenant.reading.config.clone(),
        environment: desired.tenant.environment.clone(),
        package: desired.package.clone(),
        package_name: desired.package_name.clone(),
        id: desired.id.clone(),
        name: desired.name.clone(),
        parameters: write.parameters.parameters.clone(),
        save_as_version: version.map(ToString::to_string),
        switches: on.map(|(_, name)| name.to_owned()).collect(),
    }
}
