//! The report for people.

use std::io::{self, Write};
use std::time::Duration;

use super::Report;
use crate::deploy::outcome::{Message, Outcome, ROLLBACK};
use crate::exit::Exit;
use crate::text::disarm;

/// What every line about a simulated tenant begins with.
pub(super) const SIMULATED: &str = "SIMULATED ";

/// Escape sequences, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// A style that colours or does not.
    #[must_use]
    pub fn new(colour: bool) -> Self {
        Self { colour }
    }

    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn verdict(self, outcome: &Outcome) -> String {
        let code = if outcome.verdict.exit == Exit::Ok {
            "32"
        } else {
            "31"
        };
        self.paint(code, outcome.verdict.word.as_str())
    }

    /// A word for something that would be written.
    pub(super) fn change(self, word: &str) -> String {
        self.paint("33", word)
    }

    /// A word for something that is as it must be.
    pub(super) fn good(self, word: &str) -> String {
        self.paint("32", word)
    }

    /// A word for something that is not well.
    pub(super) fn bad(self, word: &str) -> String {
        self.paint("31", word)
    }

    /// A line of a diff, coloured by how it begins.
    pub(super) fn diff(self, line: &str) -> String {
        match line.chars().next() {
            Some('+') => self.paint("32", line),
            Some('-') => self.paint("31", line),
            Some('@') => self.paint("36", line),
            _ => line.to_owned(),
        }
    }

    /// The word `error:`.
    fn error(self) -> String {
        self.paint("1;31", "error:")
    }
}

/// Writes the result: one line for each artifact, and one with its evidence.
pub fn result(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = mark(report);
    for outcome in &report.artifacts {
        let version = outcome
            .runtime_version
            .as_ref()
            .or(outcome.designtime_version.as_ref());
        let version = version
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        writeln!(
            out,
            "{mark}{} {}{version} ({})",
            style.verdict(outcome),
            disarm(&outcome.id),
            seconds(outcome.took)
        )?;
        if !outcome.verdict.evidence.is_empty() {
            writeln!(
                out,
                "{mark}  evidence: {}",
                disarm(&outcome.verdict.evidence)
            )?;
        }
        for note in &outcome.notes {
            writeln!(out, "{mark}  note: {}", disarm(note))?;
        }
        if let Some(rollback) = &outcome.rollback {
            writeln!(out, "{mark}  rollback: {}", disarm(&rollback.told()))?;
            if let Some(saved) = &rollback.saved {
                writeln!(out, "{mark}  kept: {}", disarm(saved))?;
            }
            if let Some(repair) = &rollback.repair {
                writeln!(out, "{mark}  repair: {}", disarm(repair))?;
            }
        }
        if let (Some(content), Some(zip)) = (&outcome.content_sha256, &outcome.zip_sha256) {
            writeln!(out, "{mark}  content sha256 {content}, zip sha256 {zip}")?;
        }
    }
    Ok(())
}

/// Writes what is not well for the run as a whole.
pub fn errors_of_run(report: &Report, style: Style, err: &mut dyn Write) -> io::Result<()> {
    for error in &report.errors {
        message(error, mark(report), None, style, err)?;
    }
    Ok(())
}

/// Writes what is not well, for each artifact and for the run.
pub fn errors(report: &Report, style: Style, err: &mut dyn Write) -> io::Result<()> {
    let mark = mark(report);
    errors_of_run(report, style, err)?;
    for outcome in &report.artifacts {
        if let Some(what) = &outcome.verdict.message {
            message(what, mark, Some(&outcome.id), style, err)?;
        }
    }
    Ok(())
}

/// Writes one message that is about no artifact of a run.
pub fn error(what: &Message, simulated: bool, style: Style, err: &mut dyn Write) -> io::Result<()> {
    let mark = if simulated { SIMULATED } else { "" };
    message(what, mark, None, style, err)
}

/// What every line of a run against a simulated tenant begins with.
pub(super) fn mark(report: &Report) -> &'static str {
    if report.simulated { SIMULATED } else { "" }
}

/// Writes one message: what, where, why, what next.
pub(super) fn message(
    message: &Message,
    mark: &str,
    artifact: Option<&str>,
    style: Style,
    err: &mut dyn Write,
) -> io::Result<()> {
    let artifact = artifact.map(|id| format!("{id}: ")).unwrap_or_default();
    let what = disarm(&format!("{artifact}{}", message.what));
    writeln!(err, "{mark}{} {what}", style.error())?;
    let at = message.at.iter().map(|at| ("at:   ", at));
    let at = at.map(|(label, at)| (label, at.as_str()));
    let causes = message
        .causes
        .iter()
        .map(|cause| match cause.strip_prefix(ROLLBACK) {
            Some(told) => ("rollback:", told),
            None => ("cause:", cause.as_str()),
        });
    let hint = message.hint.iter().map(|hint| ("hint: ", hint.as_str()));
    for (label, text) in at.chain(causes).chain(hint) {
        writeln!(err, "{mark}  {label} {}", disarm(text))?;
    }
    Ok(())
}

/// `3.2 s`, `72 s`.
fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(10) {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} s", took.as_secs())
    }
}
