//! The command line: names, help, groups. No logic and no secrets: those come from variables only.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::artifact::{ArtifactKind, id};
use crate::clock::Span;
use crate::doctor::uses::Use;
use crate::tenant::odata::TenantTime;
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Deploys SAP Cloud Integration artifacts and says truthfully whether they run.
#[derive(Debug, Parser)]
#[command(
    name = "flowship",
    version,
    about = "Deploys SAP Cloud Integration artifacts from a pipeline and says truthfully whether they run.",
    after_help = "Credentials come from variables only: CPI_SERVICE_KEY (with a certificate: CPI_CLIENT_KEY_FILE too), or CPI_URL with\nCPI_TOKEN_URL, CPI_CLIENT_ID and CPI_CLIENT_SECRET, or CPI_URL with CPI_USERNAME and CPI_PASSWORD. `flowship doctor`\nexamines them. Every option but --sandbox and --force can be given as a variable FLOWSHIP_<OPTION>, for example\nFLOWSHIP_TIMEOUT=15m; options win.\n\nExit codes: 0 ok, 1 failed, 2 usage, 3 artifact, 4 refused, 5 unreachable, 6 protocol, 7 undecided,\n130 and 143 interrupted.",
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 120,
    disable_help_subcommand = true
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
    Deploy(Box<DeployArgs>),
    /// Shows what `deploy` would do, artifact by artifact, with a diff; writes nothing.
    #[command(
        after_help = "A plan that holds a `refused` artifact can't be carried out: it ends with the code that the deployment would have, mostly 1."
    )]
    Plan(PlanArgs),
    /// Configures and deploys what the tenant holds, without uploading anything.
    Redeploy(RedeployArgs),
    /// Takes what was named out of the run time, and waits until it is gone; the design time keeps it.
    Undeploy(UndeployArgs),
    /// Writes a reproducible zip of an artifact and prints its digests.
    Pack(PackArgs),
    /// Checks artifacts and settings offline; needs no credentials.
    Check(CheckArgs),
    /// Examines the connection to a tenant: key, plan, roles, certificates, proxies; says how to mend what is not well.
    Doctor(DoctorArgs),
    /// Lists the packages of a tenant and their artifacts, with versions, drafts and read-only packages.
    List(ListArgs),
    /// Shows what runs of what the design time holds, on one tenant or along the stages.
    Status(StatusArgs),
    /// Brings artifacts, packages or a whole tenant into directories for Git, in which nothing changes that did not change
    /// there.
    Download(DownloadArgs),
    /// Brings artifacts from one tenant to another, with the parameters of the target, and waits for the verdict about each.
    Transport(Box<TransportArgs>),
    /// Shows where flows that run can be called: addresses, protocols, versions.
    Endpoints(EndpointsArgs),
    /// Shows what a flow has processed: messages by status, and the newest failures with their causes.
    Messages(MessagesArgs),
    /// Serves a simulated tenant on loopback, for trying out, training and tests.
    Sandbox(SandboxArgs),
}

/// How to talk.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the result on standard output. [default: text]
    #[arg(long, global = true, value_name = "FORM", hide_possible_values = true)]
    pub output: Option<OutputForm>,
    /// Prints errors and the result only, no progress.
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub quiet: bool,
    /// Prints one line for each request to the tenant.
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub verbose: bool,
    /// When to colour: auto, always or never. [default: auto]
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<ColorChoice>,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Text,
    /// One versioned JSON object.
    Json,
    /// The jobs of a CI matrix, as JSON; for `plan` only.
    Matrix,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, and in CI systems that show colours.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Arguments of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which artifacts, and what they are to become.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Uploads and configures, but does not deploy.
    #[arg(long, action = ArgAction::SetTrue)]
    pub no_deploy: bool,
    /// Sends one message to the flow when it has started, as this YAML file says, and lets what becomes of it count into
    /// the verdict; may be repeated. The key is that of CPI_RUNTIME_SERVICE_KEY (plan integration-flow).
    #[arg(long, value_name = "FILE")]
    pub smoke: Vec<PathBuf>,
    /// Overwrites a draft that somebody else saved on the tenant.
    #[arg(long, action = ArgAction::SetTrue)]
    pub overwrite_drafts: bool,
    /// Deploys although nothing changed, and starts a flow that was stopped.
    #[arg(long, action = ArgAction::SetTrue)]
    pub force: bool,
    /// Writes nothing: shows what would be done, as `flowship plan` does.
    #[arg(long, action = ArgAction::SetTrue)]
    pub dry_run: bool,
    /// Does exactly what this file of `flowship plan -o` says; refuses when the tenant or your files have changed since.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub plan: Option<PathBuf>,
    /// What is put back when the new content does not run.
    #[command(flatten)]
    pub rollback: RollbackArgs,
    /// Puts back a backup instead of deploying something: the content and values that this file describes, on the tenant
    /// that it was saved from. What somebody else saved since then is overwritten with --force only. `--rollback` and
    /// --replace-value-mappings print the command when it is needed.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Rollback",
        conflicts_with_all = ["paths", "package", "package_name", "id", "name", "keep_going", "save_as_version",
            "parameters_from_artifact", "replace_value_mappings", "drop_tenant_entries", "plan", "rollback", "smoke"]
    )]
    pub restore: Option<PathBuf>,
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

/// What is put back when the new content does not run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Rollback")]
pub struct RollbackArgs {
    /// Puts back what stood on the tenant when new content fails: of each artifact that failed, or of all as soon as one
    /// failed (a rollback may take --timeout once more). What still runs is not restarted. [default value: each]
    #[arg(long, value_name = "each|all", num_args = 0..=1, default_missing_value = "each")]
    pub rollback: Option<String>,
    /// With --rollback: also when nobody could decide within the time, or the tenant was lost.
    #[arg(long, action = ArgAction::SetTrue)]
    pub rollback_on_timeout: bool,
    /// With --rollback: also where what runs is not shown to be what the tenant would give back; without it, nothing is
    /// written there.
    #[arg(long, action = ArgAction::SetTrue)]
    pub rollback_best_effort: bool,
    /// With --rollback: takes away what was not there before, and undeploys what was not deployed.
    #[arg(long, action = ArgAction::SetTrue)]
    pub rollback_remove_new: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which artifacts, and what they are to become.
    #[command(flatten)]
    pub wanted: WantedArgs,
    /// Plans to overwrite drafts that somebody else saved on the tenant.
    #[arg(long, action = ArgAction::SetTrue)]
    pub overwrite_drafts: bool,
    /// Plans to upload and configure only.
    #[arg(long, action = ArgAction::SetTrue)]
    pub no_deploy: bool,
    /// Plans to deploy although nothing changed.
    #[arg(long, action = ArgAction::SetTrue)]
    pub force: bool,
    /// Writes the plan into a file, which `flowship deploy --plan FILE` carries out.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Ends with code 9 when something would be done.
    #[arg(long, action = ArgAction::SetTrue)]
    pub fail_on_changes: bool,
    /// How long reading may take, for example 90s or 10m. [default: 10m]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// How fast the tenant may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Which artifacts, and what they are to become.
#[derive(Clone, Debug, Default, Args)]
pub struct WantedArgs {
    /// Artifact directories (with META-INF/MANIFEST.MF), zips exported from a tenant, or directories that hold several
    /// artifacts. [default: what flowship.yaml names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The id of the integration package. It is created when it is missing; an existing one is never written.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub package: Option<String>,
    /// The name for the package, if it has to be created. [default: its id]
    #[arg(long, value_name = "NAME")]
    pub package_name: Option<String>,
    /// Never creates the package: a missing one is an error.
    #[arg(long, action = ArgAction::SetTrue)]
    pub no_create_package: bool,
    /// Another id for the artifact than its manifest's (one artifact only); the packed copy is aligned, your files are
    /// not touched.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub id: Option<String>,
    /// Another name for the artifact than its manifest's (one artifact only).
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The environment of the settings file: credentials, ids, parameters.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Goes on with the valid artifacts though others are not.
    #[arg(long, action = ArgAction::SetTrue)]
    pub keep_going: bool,
    /// Which version the tenant is to show: keep, manifest, bump, or a number like 1.2.0; it never goes down.
    /// [default: keep]
    #[arg(long, value_name = "VERSION")]
    pub save_as_version: Option<VersionRule>,
    /// Which parameters to write.
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// Lets the artifact's parameters.prop win over the values that are configured on the tenant.
    #[arg(long, action = ArgAction::SetTrue, help_heading = "Parameters")]
    pub parameters_from_artifact: bool,
    /// How value mappings change.
    #[command(flatten)]
    pub value_mappings: ValueMappingArgs,
}

/// How value mappings change: the tenant's API cannot update them.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Value mappings")]
pub struct ValueMappingArgs {
    /// Deletes a value mapping that differs and creates it anew, after its content was saved to a file. Entries that
    /// only the tenant has are kept.
    #[arg(long, action = ArgAction::SetTrue)]
    pub replace_value_mappings: bool,
    /// With --replace-value-mappings: discards the entries that only the tenant has.
    #[arg(long, action = ArgAction::SetTrue)]
    pub drop_tenant_entries: bool,
    /// The directory for the saved content. [default: the working directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub backup_dir: Option<PathBuf>,
}

/// How fast the tenant may be asked. SAP allows one user 10 design-time and 50 run-time requests in a second.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// The most design-time requests in a second: uploads, deploy calls, status of tasks. [default: 8]
    #[arg(long, value_name = "NUMBER")]
    pub designtime_rate: Option<Rate>,
    /// The most run-time requests in a second. [default: 40]
    #[arg(long, value_name = "NUMBER")]
    pub runtime_rate: Option<Rate>,
}

/// So many requests in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub usize);

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse() {
            Ok(number @ 1..=1000) => Ok(Self(number)),
            _ => Err(format!("`{text}` is no number of requests from 1 to 1000")),
        }
    }
}

/// Which version the tenant is to show after an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionRule {
    /// Whatever the tenant makes of the upload.
    Keep,
    /// The one of the manifest.
    Manifest,
    /// One more than the tenant shows, in the last place.
    Bump,
    /// This one.
    Exactly(String),
}

impl std::str::FromStr for VersionRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text
            .split('.')
            .all(|part| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
        match text {
            "keep" => Ok(Self::Keep),
            "manifest" => Ok(Self::Manifest),
            "bump" => Ok(Self::Bump),
            number if numbers => Ok(Self::Exactly(number.to_owned())),
            other => Err(format!(
                "`{other}` is no version: write keep, manifest, bump or a number like 1.2.0"
            )),
        }
    }
}

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
    #[arg(long, action = ArgAction::SetTrue)]
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

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only the package with this id; may be repeated. [default: all packages]
    #[arg(long, value_name = "ID")]
    pub package: Vec<String>,
    /// Only artifacts of this type: integration-flow, message-mapping, script-collection or value-mapping; may be
    /// repeated. [default: all types]
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Vec<TypeName>,
    /// Which tenant.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Which tenant is asked, for how long and how fast.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The environment of the settings file, for its credentials.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// For how long, and how fast.
    #[command(flatten)]
    pub trip: TripArgs,
}

/// For how long and how fast tenants are asked.
#[derive(Debug, Args)]
pub struct TripArgs {
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long the whole run may take, for example 90s, 10m or 1h30m. [default: 10m]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// How fast the tenant may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Arguments of `download`.
#[derive(Debug, Args)]
pub struct DownloadArgs {
    /// The ids of the artifacts, as in Git.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Everything in the package with this id; may be repeated.
    #[arg(long, value_name = "ID")]
    pub package: Vec<String>,
    /// Everything on the tenant but drafts and read-only packages. Values that are configured on the tenant go into
    /// parameters/ENVIRONMENT/ID.prop (`default` without --environment), or where `parameters-file` says.
    #[arg(long, action = ArgAction::SetTrue)]
    pub all: bool,
    /// The directory to write. An artifact that lies in it already is updated there; a new one goes into
    /// PACKAGE/ARTIFACT. [default: the working directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// What becomes of drafts: skip leaves them out, take downloads what was saved without a version. [default: skip]
    #[arg(long, value_name = "RULE")]
    pub drafts: Option<DraftRule>,
    /// Removes artifacts from the directory that the tenant has no more; with --all or --package. Nothing else is
    /// removed.
    #[arg(long, action = ArgAction::SetTrue)]
    pub prune: bool,
    /// Which tenant.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `transport`.
#[derive(Debug, Args)]
pub struct TransportArgs {
    /// The ids of the artifacts, as in Git.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Everything in the package with this id; may be repeated.
    #[arg(long, value_name = "ID")]
    pub package: Vec<String>,
    /// Everything on the source.
    #[arg(long, action = ArgAction::SetTrue)]
    pub all: bool,
    /// The environment of the settings file to take from.
    #[arg(long, value_name = "NAME")]
    pub from: String,
    /// The environment of the settings file to bring to.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// The settings file. [default: flowship.yaml in the working directory]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Writes nothing: shows what would be done, with a diff.
    #[arg(long, action = ArgAction::SetTrue)]
    pub dry_run: bool,
    /// With --dry-run: ends with code 9 when something would be done.
    #[arg(long, action = ArgAction::SetTrue, requires = "dry_run")]
    pub fail_on_changes: bool,
    /// What becomes of drafts on the source: refuse ends the run, skip leaves them out, take brings them without a
    /// version. [default: refuse]
    #[arg(long, value_name = "RULE")]
    pub drafts: Option<DraftChoice>,
    /// Brings what can be brought though other artifacts can't.
    #[arg(long, action = ArgAction::SetTrue)]
    pub keep_going: bool,
    /// Never creates a package on the target: a missing one is an error.
    #[arg(long, action = ArgAction::SetTrue)]
    pub no_create_package: bool,
    /// Uploads and configures, but does not deploy.
    #[arg(long, action = ArgAction::SetTrue)]
    pub no_deploy: bool,
    /// Overwrites drafts that somebody else saved on the target.
    #[arg(long, action = ArgAction::SetTrue)]
    pub overwrite_drafts: bool,
    /// Which parameters to write on the target.
    #[command(flatten)]
    pub parameters: ParameterArgs,
    /// How value mappings change.
    #[command(flatten)]
    pub value_mappings: ValueMappingArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
    /// How fast the tenants may be asked.
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// What becomes of drafts on the source of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftChoice {
    /// They end the run before anything is written.
    Refuse,
    /// They are left out.
    Skip,
    /// They are taken as they are.
    Take,
}

impl std::str::FromStr for DraftChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "skip" => Ok(Self::Skip),
            "take" => Ok(Self::Take),
            other => Err(format!(
                "`{other}` is no rule for drafts: write refuse, skip or take"
            )),
        }
    }
}

/// What becomes of drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftRule {
    /// They are left out.
    Skip,
    /// They are taken as they are.
    Take,
}

impl std::str::FromStr for DraftRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "skip" => Ok(Self::Skip),
            "take" => Ok(Self::Take),
            other => Err(format!(
                "`{other}` is no rule for drafts: write skip or take"
            )),
        }
    }
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The ids of the artifacts, as in Git. [default: everything on the tenant]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// The artifacts of the package with this id; may be repeated.
    #[arg(long, value_name = "ID")]
    pub package: Vec<String>,
    /// The environment of the settings file; with several of them, the stages are shown beside each other.
    #[arg(long, value_name = "NAME")]
    pub environment: Vec<String>,
    /// Ends with code 1 when something does not run: ERROR, stopped, not deployed. What is starting or stopping is
    /// waited for, for a minute at most.
    #[arg(long, action = ArgAction::SetTrue)]
    pub fail_on_error: bool,
    /// Leaves out what is not deployed.
    #[arg(long, action = ArgAction::SetTrue)]
    pub only_deployed: bool,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
    /// For how long, and how fast.
    #[command(flatten)]
    pub trip: TripArgs,
}

/// Arguments of `endpoints`.
#[derive(Debug, Args)]
pub struct EndpointsArgs {
    /// The ids of the artifacts, as in Git. [default: every flow that runs]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Which tenant.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `messages`.
#[derive(Debug, Args)]
pub struct MessagesArgs {
    /// The id of the integration flow, as in Git.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Looks at the messages that began after the deployment that runs now, by the tenant's clock.
    #[arg(long, action = ArgAction::SetTrue, conflicts_with = "since")]
    pub since_deploy: bool,
    /// Looks at the messages that began so long ago or later, for example 30m or 24h, or since a date of the tenant's
    /// clock in UTC, for example 2026-11-22T10:00:00Z. [default: 1h, which is the last hour]
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// How long to wait for a message, and for those that are PROCESSING or in RETRY, for example 30s or 2m. [default:
    /// 0s, which is one look without waiting]
    #[arg(long, value_name = "TIME")]
    pub wait: Option<Span>,
    /// Takes it for well when nothing was processed.
    #[arg(long, action = ArgAction::SetTrue)]
    pub allow_none: bool,
    /// How many of the newest failures are shown with their error text. [default: 5]
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<Count>,
    /// Which tenant.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// A number of things to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub usize);

impl std::str::FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse() {
            Ok(number @ 1..=1000) => Ok(Self(number)),
            _ => Err(format!("`{text}` is no number from 1 to 1000")),
        }
    }
}

/// A moment in the past: so long ago, or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long before now.
    Ago(Duration),
    /// A date.
    Date(TenantTime),
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date = || TenantTime::parse(text).filter(|_| text.contains('-'));
        match text.parse::<Span>() {
            Ok(Span(ago)) => Ok(Self::Ago(ago)),
            Err(_) => date().map(Self::Date).ok_or_else(|| {
                format!(
                    "`{text}` is neither a span of time nor a date: write 30m, 24h or 2026-11-22T10:00:00Z"
                )
            }),
        }
    }
}

/// The type of an artifact as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeName(pub ArtifactKind);

impl std::str::FromStr for TypeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |text: &str| text.replace(['-', '_', ' '], "").to_ascii_lowercase();
        let named = plain(text);
        let kind = ArtifactKind::ALL
            .into_iter()
            .find(|kind| plain(kind.bundle_type()) == named)
            .or((named == "iflow").then_some(ArtifactKind::IntegrationFlow));
        kind.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is no type: write integration-flow, message-mapping, script-collection or value-mapping"
            )
        })
    }
}

/// Arguments of `undeploy`.
#[derive(Debug, Args)]
pub struct UndeployArgs {
    /// The ids of the artifacts, as they are on the tenant. Nothing else is undeployed.
    #[arg(value_name = "ID", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub ids: Vec<String>,
    /// Undeploys without asking. Required where standard input is no terminal.
    #[arg(long, action = ArgAction::SetTrue)]
    pub yes: bool,
    /// How long the whole run may take, for example 90s, 10m or 1h30m. [default: 10m]
    #[arg(long, value_name = "TIME", help_heading = "Waiting")]
    pub timeout: Option<Span>,
    /// The first pause between two looks at the tenant; later ones grow to 5s. [default: 300ms]
    #[arg(long, value_name = "TIME", help_heading = "Waiting")]
    pub poll_interval: Option<Span>,
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

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What the key is to be used for: deploy, redeploy, plan, status, download or undeploy. [default: deploy]
    #[arg(long = "for", value_name = "USE")]
    pub wanted: Option<Use>,
    /// Sends nothing: looks at variables, key and certificates only.
    #[arg(long, action = ArgAction::SetTrue)]
    pub offline: bool,
    /// Prints the parameters of a service instance for the use, as JSON to paste, and does nothing else.
    #[arg(long, action = ArgAction::SetTrue)]
    pub print_instance_parameters: bool,
    /// The environment of the settings file, for its credentials.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long the examination may take, for example 30s or 2m. [default: 1m]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Reports for CI systems.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// The CI system to speak to: auto, github, gitlab, jenkins or none. [default: auto]
    #[arg(long, value_name = "SYSTEM", hide_possible_values = true)]
    pub ci: Option<CiChoice>,
    /// Writes a JUnit report, one case for each artifact and phase.
    #[arg(long, value_name = "FILE")]
    pub report_junit: Option<PathBuf>,
    /// Writes the deploy receipt: commit, actor, digests, versions before and after, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// Writes the result as variables for later jobs (GitLab's dotenv report).
    #[arg(long, value_name = "FILE")]
    pub report_dotenv: Option<PathBuf>,
    /// Writes the findings of the offline check as a Code Quality report (GitLab).
    #[arg(long, value_name = "FILE")]
    pub report_codequality: Option<PathBuf>,
}

/// The CI system to speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CiChoice {
    /// The one whose variables are set.
    Auto,
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Jenkins.
    Jenkins,
    /// Plain lines.
    None,
}

/// Which parameters to write.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Parameters")]
pub struct ParameterArgs {
    /// A file of externalized parameters: java properties, or YAML when its name ends in .yaml or .yml.
    #[arg(long, value_name = "FILE")]
    pub parameters: Option<PathBuf>,
    /// One externalized parameter; may be repeated, wins over --parameters. The value may be empty.
    #[arg(long = "set", value_name = "[ID:]KEY=VALUE")]
    pub set: Vec<String>,
    /// One externalized parameter whose value is that of the variable NAME; may be repeated.
    #[arg(long = "set-from-env", value_name = "[ID:]KEY=NAME")]
    pub set_from_env: Vec<String>,
}

/// How to wait.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Waiting")]
pub struct WaitArgs {
    /// How long the whole run may take, for example 90s, 10m or 1h30m. [default: 10m]
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// The first pause between two looks at the tenant; later ones grow to 5s. [default: 300ms]
    #[arg(long, value_name = "TIME")]
    pub poll_interval: Option<Span>,
    /// How long STARTED must hold before it is believed. [default: 0s]
    #[arg(long, value_name = "TIME")]
    pub settle: Option<Span>,
    /// Deploys once more, and says so, after a failure that is known to pass: TIMEOUT_START, or GenerationFailed because
    /// the build service did not answer. Nothing else is ever deployed again.
    #[arg(long, action = ArgAction::SetTrue)]
    pub retry_known_faults: bool,
}

/// Where to try it out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trying out")]
pub struct TryOutArgs {
    /// Runs against an embedded simulated tenant instead of a real one; credentials are ignored.
    #[arg(long, action = ArgAction::SetTrue)]
    pub sandbox: bool,
    /// How the simulated tenant behaves; may be repeated. `flowship sandbox --list` names the scenarios.
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    pub scenario: Vec<String>,
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The artifact: its directory, or a zip exported from a tenant.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The zip to write; an existing file is replaced.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Another id than the manifest's.
    #[arg(long, value_name = "ID", value_parser = id::parsed)]
    pub id: Option<String>,
    /// Another name than the manifest's.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Artifact directories, zips exported from a tenant, or directories that hold several artifacts. [default: what
    /// flowship.yaml names]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only this environment of the settings file. [default: all of them]
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// The loopback address and port to listen on; port 0 takes a free one. [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// How the tenant behaves; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub scenario: Vec<String>,
    /// How many seconds pass on the tenant while one passes here. [default: 1]
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<f64>,
    /// The beginning of the names of the printed variables, for several tenants at once. [default: CPI]
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// An artifact that the tenant holds and runs from the start: its path and its package. May be repeated.
    #[arg(long, value_name = "PATH:PACKAGE")]
    pub preload: Vec<OsString>,
    /// Prints the scenarios, and where each behaviour comes from, and ends.
    #[arg(long, action = ArgAction::SetTrue)]
    pub list: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_beginning_is_a_span_or_a_date() {
        for (text, since) in [
            ("90m", Some(Since::Ago(Duration::from_secs(5_400)))),
            ("1970-01-01T00:00:01Z", Some(Since::Date(TenantTime(1_000)))),
            ("1970-01-01T00:00:01", Some(Since::Date(TenantTime(1_000)))),
            ("yesterday", None),
            ("1970-13-01", None),
        ] {
            assert_eq!(text.parse().ok(), since, "{text}");
        }
    }
}
