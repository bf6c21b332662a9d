//! The words of an examination: a line for each finding as it comes, or one object at the end.

use std::io::{self, Write};

use serde::Serialize;

use super::text::Style;
use crate::doctor::finding::{Finding, Fix, State};
use crate::doctor::uses::Use;
use crate::exit::Exit;
use crate::text::disarm;

/// The version of the form. It grows when a field changes its meaning or goes; new fields do not change it.
const SCHEMA: u32 = 1;

/// What an examination was about, and how it ended.
pub struct Examination<'a> {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// What the key is to be used for.
    pub wanted: Use,
    /// Nothing was sent.
    pub offline: bool,
    /// The host of the tenant, when the credentials could be read.
    pub tenant: Option<&'a str>,
    /// Everything that was found, in order.
    pub findings: &'a [Finding],
    /// The code of the run.
    pub exit: Exit,
}

fn mark(simulated: bool) -> &'static str {
    if simulated { "SIMULATED " } else { "" }
}

/// Writes one finding: how it is, what is so, what it means, what to do; a cure that `earlier` findings told is not told
/// again.
pub fn line(
    finding: &Finding,
    earlier: &[Finding],
    simulated: bool,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mark = mark(simulated);
    let word = format!("{:<7}", finding.state.word());
    let word = match finding.state {
        State::Ok => style.good(&word),
        State::Warning => style.change(&word),
        State::Failed(_) => style.bad(&word),
        State::Note | State::Skipped => word,
    };
    writeln!(
        out,
        "{mark}{word} {:<15} {}",
        finding.subject.name(),
        disarm(&finding.says)
    )?;
    if let Some(means) = &finding.means {
        writeln!(out, "{mark}  means: {}", disarm(means))?;
    }
    let same = |one: &&Finding| finding.fixes.len() > 1 && one.fixes == finding.fixes;
    if let Some(told) = earlier.iter().find(same) {
        return writeln!(out, "{mark}  fix:   as above, at `{}`", told.subject.name());
    }
    fixes(&finding.fixes, mark, out)?;
    if let Some(when) = finding.effective {
        writeln!(out, "{mark}  effective: {when}")?;
    }
    Ok(())
}

/// Each fix on lines of its own; texts to paste stand alone on theirs.
fn fixes(fixes: &[Fix], mark: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut under = "";
    for fix in fixes {
        match fix {
            Fix::Do(text) => writeln!(out, "{mark}  fix:   {}", disarm(text))?,
            Fix::Paste { label, text } => {
                if *label != under {
                    writeln!(out, "{mark}  {label}:")?;
                    under = label;
                }
                writeln!(out, "{mark}    {}", disarm(text))?;
            }
        }
    }
    Ok(())
}

/// Writes how it ended, in one line.
pub fn end(examination: &Examination<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = mark(examination.simulated);
    let name = examination.wanted.name();
    let first = examination.findings.iter().find(|one| one.is_failed());
    let warnings = examination
        .findings
        .iter()
        .filter(|one| one.state == State::Warning)
        .count();
    let but = match warnings {
        0 => String::new(),
        1 => ", with a warning".to_owned(),
        more => format!(", with {more} warnings"),
    };
    match first {
        Some(finding) => writeln!(
            out,
            "{mark}{} for {name}: first mend `{}`",
            style.bad("not ready"),
            finding.subject.name()
        ),
        None if examination.offline => writeln!(
            out,
            "{mark}nothing wrong was found offline{but}; without --offline the tenant is asked as well"
        ),
        None => writeln!(out, "{mark}{} for {name}{but}", style.good("ready")),
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: Option<&'a str>,
    #[serde(rename = "for")]
    wanted: &'static str,
    offline: bool,
    ready: bool,
    exit_code: u8,
    findings: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    subject: &'static str,
    state: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Cure<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<&'static str>,
}

#[derive(Serialize)]
struct Cure<'a> {
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paste: Option<&'a str>,
}

/// Writes the whole examination as one object and a line break.
pub fn json(examination: &Examination<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: examination.simulated,
        tenant: examination.tenant,
        wanted: examination.wanted.name(),
        offline: examination.offline,
        ready: examination.exit == Exit::Ok,
        exit_code: examination.exit.code(),
        findings: examination.findings.iter().map(one).collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn one(finding: &Finding) -> One<'_> {
    One {
        subject: finding.subject.name(),
        state: finding.state.word(),
        message: disarm(&finding.says),
        means: finding.means.as_deref(),
        fixes: finding.fixes.iter().map(cure).collect(),
        effective: finding.effective,
    }
}

fn cure(fix: &Fix) -> Cure<'_> {
    match fix {
        Fix::Do(text) => Cure {
            what: Some(text),
            label: None,
            paste: None,
        },
        Fix::Paste { label, text } => Cure {
            what: None,
            label: Some(label),
            paste: Some(text),
        },
    }
}
