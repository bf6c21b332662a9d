//! `undeploy`: what was named is taken out of the run time.

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::arguments::{TenantArgs, once};
use super::change::{Change, Purpose};
use super::console::{Console, ReportArgs};
use super::refusal::Refusal;
use crate::Process;
use crate::clock::span;
use crate::deploy::undeploy::Wish;
use crate::exit::Exit;
use crate::tenant::wire::ArtifactId;

/// Arguments of `undeploy`.
#[derive(Debug, Args)]
pub struct UndeployArgs {
    /// The ids of the artifacts, as they are on the tenant. Nothing else is undeployed.
    #[arg(value_name = "ID", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub ids: Vec<String>,
    /// Undeploys without asking. Required where standard input is no terminal.
    #[arg(long)]
    pub yes: bool,
    /// The first pause between two looks at the tenant; later ones grow to 5s. [default: 300ms]
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "300ms", hide_default_value = true)]
    pub poll_interval: Duration,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Undeploys what was named, and nothing else.
pub(crate) fn run(
    args: &UndeployArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    // somebody must see the question, and be able to answer it
    let can_be_asked = || process.terminal && (process.answers)().is_some();
    if !(args.yes || can_be_asked()) {
        return Err(Refusal::wrong(
            "--yes",
            "nobody can be asked here, so --yes is required; nothing was sent",
            "give --yes to undeploy without a question, or run it where standard input and standard error are a terminal",
        ));
    }
    let tenant = &args.tenant;
    let settings = tenant.settings(process)?;
    settings.refuse_no_environment()?;
    let purpose = Purpose::Undeploy(Wish {
        ids: once(&args.ids)
            .into_iter()
            .map(|id| ArtifactId(id.to_owned()))
            .collect(),
        poll_interval: args.poll_interval,
        ask: !args.yes,
    });
    Change::new(
        purpose,
        &settings,
        console.report(process),
        &tenant.reading,
        &tenant.sandbox,
    )
    .run(console, process)
}
