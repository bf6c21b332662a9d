//! `endpoints`: where flows that run can be called.

use clap::Args;

use super::arguments::TenantArgs;
use super::console::Console;
use super::refusal::Refusal;
use super::run::NOTHING_WRITTEN;
use crate::Process;
use crate::endpoints;
use crate::exit::Exit;

/// Arguments of `endpoints`.
#[derive(Debug, Args)]
pub struct EndpointsArgs {
    /// The ids of the artifacts, as in Git. [default: every flow that runs]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// Shows the endpoints.
pub(crate) fn run(
    args: &EndpointsArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = args.tenant.settings(process)?;
    let names = settings.names();
    let ids: Vec<String> = args.ids.iter().map(|id| names.id.apply(id)).collect();
    let worker = args.tenant.worker(&settings, process)?;
    worker.query((console, process), NOTHING_WRITTEN, move |query| {
        endpoints::read(query, &ids)
    })
}
