//! The subcommands: each takes its arguments, settles what is asked, hands it to its room and gives a report.

mod check;
mod deploy;
mod pack;
mod run;
mod sandbox;

use std::io;

use crate::Process;
use crate::artifact::{Artifact, ArtifactError};
use crate::cli::{Cli, ColorChoice, Command, OutputArgs, OutputForm};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::report::progress::Volume;
use crate::report::text::Style;
use crate::report::{Report, json, text};
use crate::settings::credentials::CredentialsError;
use crate::settings::options::{BadVariable, Options};
use crate::settings::parameters::ParametersError;

/// Why a command ends before its work has begun, with the code it leads to.
#[derive(Debug)]
pub struct Refusal {
    exit: Exit,
    message: Message,
}

impl Refusal {
    /// A bad option, variable or file of settings.
    fn usage(message: Message) -> Self {
        Self {
            exit: Exit::Usage,
            message,
        }
    }
}

impl From<BadVariable> for Refusal {
    fn from(error: BadVariable) -> Self {
        Self::usage(Message::new(error.reason).at(error.variable))
    }
}

impl From<ParametersError> for Refusal {
    fn from(error: ParametersError) -> Self {
        Self::usage(Message::new(error.what).at(error.at).hint(error.hint))
    }
}

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Self {
        Self::usage(Message::new(error.to_string()))
    }
}

impl From<ArtifactError> for Refusal {
    fn from(error: ArtifactError) -> Self {
        let message = Message {
            hint: error.hint().map(str::to_owned),
            ..Message::new(error.to_string())
        };
        Self {
            exit: Exit::Artifact,
            message,
        }
    }
}

/// How the command talks, from options and variables.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    form: OutputForm,
    volume: Volume,
    style: Style,
}

impl Voice {
    fn of(args: &OutputArgs, process: &Process<'_>) -> Result<Self, Refusal> {
        let options = Options::new(process.environment);
        let form = match args.output {
            Some(form) => form,
            None => word(
                options,
                "output",
                &[("text", OutputForm::Text), ("json", OutputForm::Json)],
            )?
            .unwrap_or(OutputForm::Text),
        };
        let colours = [
            ("auto", ColorChoice::Auto),
            ("always", ColorChoice::Always),
            ("never", ColorChoice::Never),
        ];
        let choice = match args.color {
            Some(choice) => choice,
            None => word(options, "color", &colours)?.unwrap_or(ColorChoice::Auto),
        };
        let volume = match (
            options.switch(args.quiet, "quiet")?,
            options.switch(args.verbose, "verbose")?,
        ) {
            (_, true) => Volume::Verbose,
            (true, false) => Volume::Quiet,
            (false, false) => Volume::Normal,
        };
        Ok(Self {
            form,
            volume,
            style: Style::new(colours_wanted(choice, process)),
        })
    }
}

/// The variable of an option that takes one of a few words.
fn word<T: Copy>(
    options: Options<'_>,
    name: &str,
    words: &[(&str, T)],
) -> Result<Option<T>, Refusal> {
    let Some(text) = options.text(None, name) else {
        return Ok(None);
    };
    if let Some((_, value)) = words
        .iter()
        .find(|(word, _)| text.eq_ignore_ascii_case(word))
    {
        Ok(Some(*value))
    } else {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let variable = format!("FLOWSHIP_{}", name.to_ascii_uppercase());
        Err(BadVariable {
            variable,
            reason: format!("`{text}` is none of {}", known.join(", ")),
        }
        .into())
    }
}

/// Option, then `NO_COLOR`, then the variables that force colours, then CI systems that show them, then the terminal.
fn colours_wanted(choice: ColorChoice, process: &Process<'_>) -> bool {
    let set = |name: &str| {
        process
            .environment
            .get(name)
            .is_some_and(|value| value != "0" && value != "false")
    };
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if process.environment.get("NO_COLOR").is_some() => false,
        ColorChoice::Auto => {
            set("CLICOLOR_FORCE")
                || set("FORCE_COLOR")
                || set("GITHUB_ACTIONS")
                || set("GITLAB_CI")
                || process.terminal
        }
    }
}

/// Carries out a command line and writes its report.
pub(crate) fn run(cli: &Cli, process: &mut Process<'_>) -> Exit {
    let voice = match Voice::of(&cli.output, process) {
        Ok(voice) => voice,
        Err(refusal) => return refuse(&refusal, Style::new(false), OutputForm::Text, process),
    };
    let outcome = match &cli.command {
        Command::Deploy(args) => deploy::deploy(args, voice, process),
        Command::Redeploy(args) => deploy::redeploy(args, voice, process),
        Command::Pack(args) => pack::pack(args, voice, process),
        Command::Check(args) => check::check(args, voice, process),
        Command::Sandbox(args) => sandbox::sandbox(args, process),
    };
    match outcome {
        Ok(exit) => exit,
        Err(refusal) => refuse(&refusal, voice.style, voice.form, process),
    }
}

fn refuse(refusal: &Refusal, style: Style, form: OutputForm, process: &mut Process<'_>) -> Exit {
    let report = Report {
        simulated: false,
        tenant: None,
        artifacts: Vec::new(),
        errors: vec![refusal.message.clone()],
        exit: refusal.exit,
    };
    write_report(&report, form, style, process)
}

/// Writes a report: the result to standard output, what is not well to standard error. A reader of standard output
/// who is gone changes nothing about what the tenant holds, so the code stays.
pub(crate) fn write_report(
    report: &Report,
    form: OutputForm,
    style: Style,
    process: &mut Process<'_>,
) -> Exit {
    let told = text::errors(report, style, process.err);
    let written = match form {
        OutputForm::Text => text::result(report, style, process.out),
        OutputForm::Json => json::result(report, process.out),
    };
    let written = written.and_then(|()| process.out.flush());
    if let Err(error) = written.and(told) {
        not_written(&error, report, process);
    }
    report.exit
}

fn not_written(error: &io::Error, report: &Report, process: &mut Process<'_>) {
    let _ = writeln!(
        process.err,
        "warning: the result could not be written to standard output: {error}"
    );
    for outcome in &report.artifacts {
        let _ = writeln!(
            process.err,
            "  state: {}: {}; {}",
            outcome.id,
            outcome.verdict.word.as_str(),
            outcome.verdict.evidence
        );
    }
}

/// Opens an artifact relative to the working directory.
fn open(path: &std::path::Path, process: &Process<'_>) -> Result<Artifact, Refusal> {
    Ok(Artifact::open(&process.directory.join(path))?)
}
