//! The subcommands: each takes its arguments, settles what is asked, hands it to its room and gives a report.

mod check;
mod copies;
mod deploy;
mod doctor;
mod download;
mod endpoints;
mod errand;
mod jobs;
mod list;
mod messages;
mod pack;
mod plan;
mod request;
mod restore;
mod rollback;
mod run;
mod sandbox;
mod selection;
mod smoke;
mod status;
mod target;
mod transport;
mod undeploy;
mod voice;
mod wishes;

use std::io::{self, Write};
use std::path::Path;

use crate::Process;
use crate::artifact::{Artifact, ArtifactError, id};
use crate::cli::{Cli, Command, OutputForm, ReportArgs};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::report::ci::{self, Ci};
use crate::report::masked::Masked;
use crate::report::{Found, Report, json, text};
use crate::settings::credentials::CredentialsError;
use crate::settings::options::BadVariable;
use crate::settings::parameters::ParametersError;
use crate::tenant::error::TenantError;
use crate::text::disarm;
use crate::text::redactor::Redactor;

use self::voice::Voice;

/// Why a command ends before its work has begun, with the code it leads to.
#[derive(Debug)]
pub struct Refusal {
    exit: Exit,
    messages: Vec<Message>,
    /// What the offline check found, when it was that.
    findings: Vec<Found>,
    /// The artifacts that are not valid, as far as they could be opened at all.
    invalid: Vec<Outcome>,
}

impl Refusal {
    /// A bad option, variable or file of settings.
    fn usage(message: Message) -> Self {
        Self::because(Exit::Usage, message)
    }

    fn because(exit: Exit, message: Message) -> Self {
        Self {
            exit,
            messages: vec![message],
            findings: Vec::new(),
            invalid: Vec::new(),
        }
    }
}

impl Refusal {
    /// The same, found because of an entry in a file of settings.
    fn named_at(mut self, place: &str) -> Self {
        for message in &mut self.messages {
            message.causes.push(format!("named at {place}"));
        }
        self
    }
}

impl From<BadVariable> for Refusal {
    fn from(error: BadVariable) -> Self {
        Self::usage(Message::new(error.reason).at(error.variable))
    }
}

impl From<ParametersError> for Refusal {
    fn from(error: ParametersError) -> Self {
        let file = Place::parse(&error.at);
        Self::usage(Message {
            file,
            ..Message::new(error.what).at(error.at).hint(error.hint)
        })
    }
}

impl From<TenantError> for Refusal {
    fn from(error: TenantError) -> Self {
        Self::because(error.exit(), error.into())
    }
}

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Self {
        Self::usage(Message::new(error.to_string()))
    }
}

/// Carries out a command line and writes its report.
pub(crate) fn run(cli: &Cli, process: &mut Process<'_>) -> Exit {
    let none = ReportArgs::default();
    let (command, reports) = match &cli.command {
        Command::Deploy(args) => ("deploy", Some(&args.reports)),
        Command::Plan(_) => ("plan", Some(&none)),
        Command::Redeploy(args) => ("redeploy", Some(&args.reports)),
        Command::Undeploy(args) => ("undeploy", Some(&args.reports)),
        Command::Check(args) => ("check", Some(&args.reports)),
        Command::Doctor(_) => ("doctor", None),
        Command::List(_) => ("list", None),
        Command::Download(_) => ("download", None),
        Command::Pack(_) => ("pack", None),
        Command::Transport(args) => ("transport", Some(&args.reports)),
        Command::Status(args) => ("status", Some(&args.reports)),
        Command::Endpoints(_) => ("endpoints", None),
        Command::Messages(_) => ("messages", None),
        Command::Sandbox(_) => ("sandbox", None),
    };
    let voice = match Voice::of(&cli.output, reports, process) {
        Ok(voice) => voice,
        Err(refusal) => return refuse(refusal, command, &Voice::plain(), process),
    };
    if let Err(refusal) = refuse_impossible_ids(&cli.command, process) {
        return refuse(refusal, command, &voice, process);
    }
    let outcome = match &cli.command {
        _ if voice.form == OutputForm::Matrix && command != "plan" => Err(only_for_plan()),
        Command::Deploy(args) => deploy::deploy(args, &voice, process),
        Command::Plan(args) => plan::plan(args, &voice, process),
        Command::Redeploy(args) => deploy::redeploy(args, &voice, process),
        Command::Undeploy(args) => undeploy::undeploy(args, &voice, process),
        Command::Pack(args) => pack::pack(args, &voice, process),
        Command::Check(args) => check::check(args, &voice, process),
        Command::Doctor(args) => doctor::doctor(args, &voice, process),
        Command::List(args) => list::list(args, &voice, process),
        Command::Status(args) => status::status(args, &voice, process),
        Command::Download(args) => download::download(args, &voice, process),
        Command::Transport(args) => transport::transport(args, &voice, process),
        Command::Endpoints(args) => endpoints::endpoints(args, &voice, process),
        Command::Messages(args) => messages::messages(args, &voice, process),
        Command::Sandbox(args) => sandbox::sandbox(args, process),
    };
    match outcome {
        Ok(exit) => exit,
        Err(refusal) => refuse(refusal, command, &voice, process),
    }
}

/// Options for ids are read by [`id::parsed`]; variables can hold what is none as well.
fn refuse_impossible_ids(command: &Command, process: &Process<'_>) -> Result<(), Refusal> {
    if !matches!(
        command,
        Command::Deploy(_) | Command::Plan(_) | Command::Pack(_)
    ) {
        return Ok(());
    }
    for name in ["FLOWSHIP_ID", "FLOWSHIP_PACKAGE"] {
        let given = process.environment.get(name).unwrap_or_default();
        id::parsed(given).map_err(|why| Refusal::usage(Message::new(why).at(name)))?;
    }
    Ok(())
}

fn only_for_plan() -> Refusal {
    let message = Message::new("a matrix is what `flowship plan` gives").at("--output matrix");
    Refusal::usage(message.hint("use --output text or json here"))
}

fn refuse(
    refusal: Refusal,
    command: &'static str,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Exit {
    let mut report = Report::begin(command, voice.ci, process);
    report.exit = refusal.exit;
    report.findings = refusal.findings;
    report.artifacts = refusal.invalid;
    report.errors = refusal.messages;
    write_report(&report, voice, &Redactor::new(), process)
}

impl Report {
    /// The report of a run in which nothing has happened yet.
    fn begin(command: &'static str, ci: Ci, process: &Process<'_>) -> Self {
        Self {
            command,
            simulated: false,
            tenant: None,
            source: None,
            artifacts: Vec::new(),
            checked: Vec::new(),
            findings: Vec::new(),
            errors: Vec::new(),
            exit: Exit::Ok,
            began: process.clock.began(),
            ended: process.clock.now_iso(),
            below_repository: ci.below_repository(process.environment, &process.directory),
        }
    }
}

/// Writes a report: the result to standard output, what is not well to standard error, the rest where it was asked for.
/// A reader of standard output who is gone changes nothing about what the tenant holds, so the code stays.
fn write_report(
    report: &Report,
    voice: &Voice,
    redactor: &Redactor,
    process: &mut Process<'_>,
) -> Exit {
    let told = text::errors(report, voice.style, process.err);
    ci::publish(
        report,
        voice.ci,
        &voice.files,
        process.environment,
        redactor,
        process.err,
    );
    let written = match voice.form {
        OutputForm::Text => text::result(report, voice.style, process.out),
        OutputForm::Json | OutputForm::Matrix => json::result(report, process.out),
    };
    let written = written.and_then(|()| process.out.flush());
    if let Err(error) = written.and(told) {
        not_written(&error, report, process);
    }
    report.exit
}

fn not_written(error: &io::Error, report: &Report, process: &mut Process<'_>) {
    warn_unwritten(error, process);
    for outcome in &report.artifacts {
        let _ = writeln!(
            process.err,
            "  state: {}",
            disarm(&format!(
                "{}: {}; {}",
                outcome.id,
                outcome.verdict.word.as_str(),
                outcome.verdict.evidence
            ))
        );
    }
}

/// Flushes standard output. A reader who is gone is told on standard error and changes no exit code.
fn finish_output(written: io::Result<()>, process: &mut Process<'_>) {
    if let Err(error) = written.and_then(|()| process.out.flush()) {
        warn_unwritten(&error, process);
    }
}

/// Says that a thread broke off.
fn tell_broken(why: &str, process: &mut Process<'_>) {
    let _ = writeln!(
        process.err,
        "error: flowship broke off; this is a fault of flowship, please report it: {}",
        disarm(why)
    );
}

/// Writes what could not be had, to standard error.
fn write_troubles(
    troubles: &[Trouble],
    simulated: bool,
    voice: &Voice,
    redactor: &Redactor,
    process: &mut Process<'_>,
) {
    let mut err = Masked::new(process.err, redactor);
    for trouble in troubles {
        let _ = text::error(&trouble.message, simulated, voice.style, &mut err);
    }
    let _ = err.flush();
}

fn warn_unwritten(error: &io::Error, process: &mut Process<'_>) {
    let _ = writeln!(
        process.err,
        "warning: the result could not be written to standard output: {error}"
    );
}

/// Opens an artifact relative to the working directory.
fn open(path: &Path, process: &Process<'_>) -> Result<Artifact, Refusal> {
    Artifact::open(&process.directory.join(path))
        .map_err(|error| not_an_artifact(&error, &process.directory))
}

/// What keeps an artifact from being read, with the file at fault where it is one of its own.
fn not_an_artifact(error: &ArtifactError, directory: &Path) -> Refusal {
    let root = format!("{}{}", directory.display(), std::path::MAIN_SEPARATOR);
    let what = disarm(&error.to_string().replace(&root, ""));
    let file = error.place().map(|(path, line)| Place {
        path: disarm(&path.replace(&root, "")),
        line: Some(line),
    });
    let message = Message {
        hint: error.hint().map(str::to_owned),
        file: file.clone(),
        ..Message::new(what.clone())
    };
    let mut refusal = Refusal::because(Exit::Artifact, message);
    refusal.findings = file
        .into_iter()
        .map(|place| Found {
            severity: "error",
            rule: "manifest-unusable",
            message: without_place(&what, &place),
            place,
            remedy: error.hint().unwrap_or_default().to_owned(),
        })
        .collect();
    refusal
}

/// A message without the place that it begins with.
fn without_place(what: &str, place: &Place) -> String {
    let rest = what.strip_prefix(&place.path).unwrap_or(what);
    rest.trim_start_matches(|c: char| c == ':' || c == ' ' || c.is_ascii_digit())
        .to_owned()
}
