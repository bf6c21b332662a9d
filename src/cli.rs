//! The command line: its subcommands, and the one way through each of them. No secrets: those come from variables only.

use clap::{Parser, Subcommand};

use crate::Process;
use crate::commands::console::{Console, OutputArgs, ReportArgs};
use crate::commands::refusal::Refusal;
use crate::commands::{
    check, deploy, doctor, download, endpoints, list, messages, pack, plan, plan_file, redeploy,
    sandbox, status, transport, undeploy,
};
use crate::deploy::approval::Approval;
use crate::exit::Exit;
use crate::report::page::Page;
use crate::settings::options::{self, BadVariable};

const AFTER_HELP: &str = "Credentials come from variables only: CPI_SERVICE_KEY (with a certificate: CPI_CLIENT_KEY_FILE too), or CPI_URL with\nCPI_TOKEN_URL, CPI_CLIENT_ID and CPI_CLIENT_SECRET, or CPI_URL with CPI_USERNAME and CPI_PASSWORD. `flowship doctor`\nexamines them. Every option but --sandbox, --scenario, --force and what chooses artifacts on a tenant can be given as a\nvariable FLOWSHIP_<OPTION>, for example FLOWSHIP_TIMEOUT=15m; options win.\n\nExit codes: 0 ok, 1 failed, 2 usage, 3 artifact, 4 refused, 5 unreachable, 6 protocol, 7 undecided,\n130 and 143 interrupted.";

/// Deploys SAP Cloud Integration artifacts and says truthfully whether they run.
#[derive(Debug, Parser)]
#[command(
    name = "flowship",
    version,
    about = "Deploys SAP Cloud Integration artifacts from a pipeline and says truthfully whether they run.",
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 120
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk about it.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Packs, uploads, configures and deploys artifacts, and waits for the verdict about each.
    Deploy(Box<deploy::DeployArgs>),
    /// Shows what `deploy` would do, artifact by artifact, with a diff; writes nothing.
    #[command(
        after_help = "A plan that holds a `refused` artifact can't be carried out: it ends with the code that the deployment would have, mostly 1."
    )]
    Plan(plan::PlanArgs),
    /// Configures and deploys what the tenant holds, without uploading anything.
    Redeploy(redeploy::RedeployArgs),
    /// Takes what was named out of the run time, and waits until it is gone; the design time keeps it.
    Undeploy(undeploy::UndeployArgs),
    /// Writes a reproducible zip of an artifact and prints its digests.
    Pack(pack::PackArgs),
    /// Checks artifacts and settings offline; needs no credentials.
    Check(check::CheckArgs),
    /// Examines the connection to a tenant: key, plan, roles, certificates, proxies; says how to mend what is not well.
    Doctor(doctor::DoctorArgs),
    /// Lists the packages of a tenant and their artifacts, with versions, drafts and read-only packages.
    List(list::ListArgs),
    /// Shows what runs of what the design time holds, on one tenant or along the stages.
    Status(status::StatusArgs),
    /// Brings artifacts, packages or a whole tenant into directories for Git, in which nothing changes that did not change
    /// there.
    Download(download::DownloadArgs),
    /// Brings artifacts from one tenant to another, with the parameters of the target, and waits for the verdict about each.
    Transport(Box<transport::TransportArgs>),
    /// Shows where flows that run can be called: addresses, protocols, versions.
    Endpoints(endpoints::EndpointsArgs),
    /// Shows what a flow has processed: messages by status, and the newest failures with their causes.
    Messages(messages::MessagesArgs),
    /// Serves a simulated tenant on loopback, for trying out, training and tests.
    Sandbox(sandbox::SandboxArgs),
}

/// Carries out a command line.
pub fn run(process: &mut Process<'_>) -> Exit {
    match options::parse::<Cli>(&process.arguments, process.environment) {
        Ok((cli, bad)) => cli.run(bad, process),
        Err(error) if error.use_stderr() => {
            let _ = write!(process.err, "{error}");
            Exit::Usage
        }
        Err(help) => {
            let written = write!(process.out, "{help}");
            let console = Console::new("", &OutputArgs::default(), None, process);
            console.finish(written, Exit::Ok, process)
        }
    }
}

impl Cli {
    /// `bad`: a variable whose option would not take it.
    fn run(self, bad: Option<BadVariable>, process: &mut Process<'_>) -> Exit {
        let (name, reports) = self.command.describe();
        let console = Console::new(name, &self.output, reports, process);
        let mut page = Page::plain();
        page.items("warning: ", options::misspelt::<Self>(process.environment));
        let _ = page.print(process.err);
        let done = match bad {
            Some(bad) => Err(bad.into()),
            None => self.carry_out(&console, process),
        };
        done.unwrap_or_else(|refusal| console.refuse(refusal, process))
    }

    fn carry_out(&self, console: &Console, process: &mut Process<'_>) -> Result<Exit, Refusal> {
        match &self.command {
            Command::Deploy(args) => match &args.plan {
                Some(file) => approved(plan_file::read(file, process)?, console, process),
                None => deploy::run(args, None, console, process),
            },
            Command::Plan(args) => plan::run(args, console, process),
            Command::Redeploy(args) => redeploy::run(args, console, process),
            Command::Undeploy(args) => undeploy::run(args, console, process),
            Command::Pack(args) => pack::run(args, console, process),
            Command::Check(args) => check::run(args, console, process),
            Command::Doctor(args) => doctor::run(args, console, process),
            Command::List(args) => list::run(args, console, process),
            Command::Status(args) => status::run(args, console, process),
            Command::Download(args) => download::run(args, console, process),
            Command::Transport(args) => transport::run(args, console, process),
            Command::Endpoints(args) => endpoints::run(args, console, process),
            Command::Messages(args) => messages::run(args, console, process),
            Command::Sandbox(args) => sandbox::run(args, console, process),
        }
    }
}

/// Deploys what a plan file says. What it was asked for need not be said again: it is read like variables, and wins over
/// them.
fn approved(
    approval: Approval,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let environment = plan_file::over(process.environment, &approval.request);
    let again = options::parse::<Cli>(&process.arguments, &environment);
    match again.map(|(cli, _)| cli.command) {
        Ok(Command::Deploy(args)) => deploy::run(&args, Some(approval), console, process),
        _ => Ok(Exit::Usage),
    }
}

impl Command {
    /// Its name, and the reports that it writes; `None` for one that tells CI systems nothing.
    fn describe(&self) -> (&'static str, Option<ReportArgs>) {
        match self {
            Command::Deploy(args) => ("deploy", Some(args.reports.clone())),
            Command::Plan(_) => ("plan", Some(ReportArgs::default())),
            Command::Redeploy(args) => ("redeploy", Some(args.reports.clone())),
            Command::Undeploy(args) => ("undeploy", Some(args.reports.clone())),
            Command::Check(args) => ("check", Some(args.reports.clone())),
            Command::Transport(args) => ("transport", Some(args.reports.clone())),
            Command::Status(args) => ("status", Some(args.reports.clone())),
            Command::Doctor(_) => ("doctor", None),
            Command::List(_) => ("list", None),
            Command::Download(_) => ("download", None),
            Command::Pack(_) => ("pack", None),
            Command::Endpoints(_) => ("endpoints", None),
            Command::Messages(_) => ("messages", None),
            Command::Sandbox(_) => ("sandbox", None),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
