//! `undeploy`: what was named is taken out of the run time.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::arguments::{PaceArgs, PollArgs, TryOutArgs, once};
use super::change::{Change, Purpose};
use super::console::{Console, ReportArgs};
use super::refusal::Refusal;
use super::settings_file::Settings;
use crate::Process;
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
    /// The environment of the settings file, for its credentials; ids are given as they are on the tenant.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long to wait.
    #[command(flatten)]
    pub poll: PollArgs,
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
    let (file, name) = (args.config.as_ref(), args.environment.as_deref());
    let settings = Settings::of_tenants(file, name, process)?;
    settings.refuse_no_environment()?;
    let purpose = Purpose::Undeploy(Wish {
        ids: once(&args.ids)
            .into_iter()
            .map(|id| ArtifactId(id.to_owned()))
            .collect(),
        poll_interval: args.poll.poll_interval,
        ask: !args.yes,
    });
    let timeout = args.poll.timeout;
    Change::new(purpose, &settings, timeout, args.pace, &args.sandbox).run(console, process)
}
