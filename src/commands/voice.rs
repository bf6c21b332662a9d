//! How a command talks: the form of its result, how much is said on the way, colours, CI systems and report files.

use std::path::PathBuf;

use super::Refusal;
use crate::Process;
use crate::cli::{CiChoice, ColorChoice, OutputArgs, OutputForm, ReportArgs};
use crate::report::ci::{Ci, Files};
use crate::report::progress::Volume;
use crate::report::text::Style;
use crate::settings::options::{BadVariable, Options};

/// How the command talks, from options and variables.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) form: OutputForm,
    pub(super) volume: Volume,
    pub(super) style: Style,
    pub(super) ci: Ci,
    pub(super) files: Files,
}

impl Voice {
    /// Reads the options and variables.
    pub(super) fn of(
        args: &OutputArgs,
        reports: Option<&ReportArgs>,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
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
            ci: ci(reports, options, process)?,
            files: reports
                .map(|reports| files(reports, options, process))
                .unwrap_or_default(),
        })
    }

    /// A voice for errors of the options themselves.
    pub(super) fn plain() -> Self {
        Self {
            form: OutputForm::Text,
            volume: Volume::Normal,
            style: Style::new(false),
            ci: Ci::None,
            files: Files::default(),
        }
    }
}

/// The CI system: named, or found by its variables. Commands without reports speak to none.
fn ci(
    reports: Option<&ReportArgs>,
    options: Options<'_>,
    process: &Process<'_>,
) -> Result<Ci, Refusal> {
    let Some(reports) = reports else {
        return Ok(Ci::None);
    };
    let words = [
        ("auto", CiChoice::Auto),
        ("github", CiChoice::Github),
        ("gitlab", CiChoice::Gitlab),
        ("jenkins", CiChoice::Jenkins),
        ("none", CiChoice::None),
    ];
    let choice = match reports.ci {
        Some(choice) => choice,
        None => word(options, "ci", &words)?.unwrap_or(CiChoice::Auto),
    };
    Ok(match choice {
        CiChoice::Auto => Ci::detect(process.environment),
        CiChoice::Github => Ci::Github,
        CiChoice::Gitlab => Ci::Gitlab,
        CiChoice::Jenkins => Ci::Jenkins,
        CiChoice::None => Ci::None,
    })
}

fn files(reports: &ReportArgs, options: Options<'_>, process: &Process<'_>) -> Files {
    let path = |option: Option<&PathBuf>, name| {
        options
            .path(option, name)
            .map(|path| process.directory.join(path))
    };
    Files {
        junit: path(reports.report_junit.as_ref(), "report-junit"),
        receipt: path(reports.report_json.as_ref(), "report-json"),
        dotenv: path(reports.report_dotenv.as_ref(), "report-dotenv"),
        code_quality: path(reports.report_codequality.as_ref(), "report-codequality"),
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
