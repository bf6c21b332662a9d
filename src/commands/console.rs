//! How a command talks: the form of its result, how much is said on the way, colours, CI systems and report files.

use std::io::{self, ErrorKind};

use clap::{Args, ColorChoice, ValueEnum};

use super::refusal::Refusal;
use crate::Process;
use crate::deploy::outcome::Outcome;
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::report::ci::{self, Ci, Files};
use crate::report::masked::Masked;
use crate::report::page::{Page, Style};
use crate::report::progress::Volume;
use crate::report::{Printed, Report};
use crate::text::redactor::Redactor;

/// How to talk.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the result on standard output. [default: text]
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        hide_possible_values = true,
        ignore_case = true
    )]
    pub output: Option<Form>,
    /// Prints errors and the result only, no progress.
    #[arg(long, global = true)]
    pub quiet: bool,
    /// Prints one line for each request to the tenant, and digests and evidence of what is well.
    #[arg(long, global = true)]
    pub verbose: bool,
    /// When to colour: auto, always or never. [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        hide_possible_values = true,
        ignore_case = true
    )]
    pub color: Option<ColorChoice>,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people.
    Text,
    /// One versioned JSON object.
    Json,
}

/// Reports for CI systems.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// The CI system to speak to: auto, github, gitlab, jenkins or none. [default: auto]
    #[arg(
        long,
        value_name = "SYSTEM",
        hide_possible_values = true,
        ignore_case = true
    )]
    pub ci: Option<CiChoice>,
    /// The files.
    #[command(flatten)]
    pub files: Files,
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

impl ReportArgs {
    fn ci(&self, process: &Process<'_>) -> Ci {
        match self.ci.unwrap_or(CiChoice::Auto) {
            CiChoice::Auto => Ci::detect(process.environment),
            CiChoice::Github => Ci::Github,
            CiChoice::Gitlab => Ci::Gitlab,
            CiChoice::Jenkins => Ci::Jenkins,
            CiChoice::None => Ci::None,
        }
    }
}

/// How a command talks.
pub struct Console {
    pub(super) command: &'static str,
    pub(super) form: Form,
    pub(super) volume: Volume,
    pub(super) style: Style,
    pub(super) ci: Ci,
    files: Files,
}

impl Console {
    /// Commands without reports speak to no CI system.
    pub fn new(
        command: &'static str,
        args: &OutputArgs,
        reports: Option<ReportArgs>,
        process: &Process<'_>,
    ) -> Self {
        let colour = args.color.unwrap_or(ColorChoice::Auto);
        Self {
            command,
            form: args.output.unwrap_or(Form::Text),
            volume: match (args.quiet, args.verbose) {
                (_, true) => Volume::Verbose,
                (true, false) => Volume::Quiet,
                (false, false) => Volume::Normal,
            },
            style: Style::new(colours_wanted(colour, process)),
            ci: reports
                .as_ref()
                .map_or(Ci::None, |reports| reports.ci(process)),
            files: reports.unwrap_or_default().files,
        }
    }

    /// Whether more is said than errors and the result.
    pub(super) fn tells(&self) -> bool {
        self.volume != Volume::Quiet
    }

    /// The report of a run in which nothing has happened yet.
    pub(super) fn report(&self, process: &Process<'_>) -> Report {
        Report {
            command: self.command,
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
            below_repository: self
                .ci
                .below_repository(process.environment, &process.directory),
        }
    }

    /// Tells why a command ended before its work had begun.
    pub(crate) fn refuse(&self, refusal: Refusal, process: &mut Process<'_>) -> Exit {
        if refusal.is_told {
            return refusal.exit;
        }
        let mut report = self.report(process);
        report.exit = refusal.exit;
        report.findings = refusal.findings;
        report.artifacts = refusal.invalid;
        report.errors = refusal.messages;
        self.write_report(&report, &Redactor::new(), process)
    }

    /// Writes a report: the result to standard output, what is not well to standard error, the rest where it was asked for.
    pub(super) fn write_report(
        &self,
        report: &Report,
        redactor: &Redactor,
        process: &mut Process<'_>,
    ) -> Exit {
        let _ = report.print_errors(true, self.style, process.err);
        self.publish(report, redactor, process);
        let written = self.write(report, process);
        let failed = written.is_err();
        let exit = self.finish(written, report.exit, process);
        let mut page = Page::plain();
        for Outcome { id, verdict, .. } in report.artifacts.iter().filter(|_| failed) {
            let (word, evidence) = (verdict.word.name(), &verdict.evidence);
            page.item("  state: ", format_args!("{id}: {word}; {evidence}"));
        }
        let _ = page.print(process.err);
        exit
    }

    /// Tells a CI system, and writes the files that were asked for.
    pub(super) fn publish(&self, report: &Report, redactor: &Redactor, process: &mut Process<'_>) {
        ci::publish(report, self.ci, &self.files, redactor, process);
    }

    /// Prints a result in the form that was asked for; gives the code that the run ends with.
    pub(super) fn print(&self, told: &impl Printed, exit: Exit, process: &mut Process<'_>) -> Exit {
        let written = self.write(told, process);
        self.finish(written, exit, process)
    }

    fn write(&self, told: &impl Printed, process: &mut Process<'_>) -> io::Result<()> {
        let mut page = self.page(told.is_simulated());
        match self.form {
            Form::Text => {
                told.text(&mut page);
                page.print(process.out)?;
            }
            Form::Json => writeln!(process.out, "{}", told.json()?)?,
        }
        process.out.flush()
    }

    /// A page without lines.
    pub(super) fn page(&self, simulated: bool) -> Page {
        let mut page = Page::new(simulated, self.style);
        page.verbose = self.volume == Volume::Verbose;
        page
    }

    /// Flushes standard output. A reader who is gone changes nothing about what was done, so the code stays; a result that
    /// can't be written for another reason is an error.
    pub fn finish(&self, written: io::Result<()>, exit: Exit, process: &mut Process<'_>) -> Exit {
        let Err(error) = written.and_then(|()| process.out.flush()) else {
            return exit;
        };
        let is_gone = error.kind() == ErrorKind::BrokenPipe;
        let word = if is_gone { "warning" } else { "error" };
        let _ = writeln!(
            process.err,
            "{word}: the result could not be written to standard output: {error}"
        );
        match exit {
            Exit::Ok | Exit::Changes if !is_gone => Exit::Usage,
            exit => exit,
        }
    }

    /// Writes what could not be had, to standard error.
    pub(super) fn tell_troubles<'t>(
        &self,
        troubles: impl IntoIterator<Item = &'t Trouble>,
        simulated: bool,
        process: &mut Process<'_>,
    ) {
        let mut page = self.page(simulated);
        for trouble in troubles {
            page.message(None, &trouble.message);
        }
        let _ = page.print(process.err);
    }
}

/// Says that a thread broke off.
pub(super) fn tell_broken(why: &str, process: &mut Process<'_>) {
    let mut page = Page::plain();
    page.item(
        "error: flowship broke off; this is a fault of flowship, please report it: ",
        why,
    );
    let _ = page.print(process.err);
}

/// Lets no secret through what `work` writes.
pub(super) fn masked<T>(
    process: &mut Process<'_>,
    redactor: &Redactor,
    work: impl FnOnce(&mut Process<'_>) -> T,
) -> T {
    let mut out = Masked::new(process.out, redactor);
    let mut err = Masked::new(process.err, redactor);
    work(&mut Process {
        arguments: Vec::new(),
        environment: process.environment,
        directory: process.directory.clone(),
        out: &mut out,
        err: &mut err,
        terminal: process.terminal,
        listen: process.listen,
        notice_panics: process.notice_panics,
        answers: process.answers,
        clock: process.clock,
    })
}

/// Option, then `NO_COLOR`, then the variables that force colours, then CI systems that show them, then the terminal.
fn colours_wanted(choice: ColorChoice, process: &Process<'_>) -> bool {
    let set = |name: &str| {
        let value = process.environment.get(name);
        value.is_some_and(|value| value != "0" && value != "false")
    };
    let forced = [
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
    ];
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if process.environment.get("NO_COLOR").is_some() => false,
        ColorChoice::Auto => process.terminal || forced.into_iter().any(set),
    }
}
