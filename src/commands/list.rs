//! `list`: what is on a tenant.

use clap::Args;

use super::arguments::{TenantArgs, kind};
use super::console::Console;
use super::refusal::Refusal;
use super::run::NOTHING_WRITTEN;
use crate::Process;
use crate::artifact::ArtifactKind;
use crate::exit::Exit;
use crate::inventory::{self, Wanted};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only the package with this id; may be repeated. [default: all packages]
    #[arg(long = "package", value_name = "ID")]
    pub packages: Vec<String>,
    /// Only artifacts of this type: integration-flow, message-mapping, script-collection or value-mapping; may be
    /// repeated. [default: all types]
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    pub kinds: Vec<ArtifactKind>,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// Lists packages and artifacts.
pub(crate) fn run(
    args: &ListArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let wanted = Wanted {
        packages: args.packages.clone(),
        kinds: args.kinds.clone(),
    };
    let settings = args.tenant.settings(process)?;
    let worker = args.tenant.worker(&settings, process)?;
    worker.query((console, process), NOTHING_WRITTEN, move |query| {
        inventory::read(query, &wanted)
    })
}
