//! The words of an examination: a line for each finding as it comes, or one object at the end.

use std::io;

use super::json::written;
use super::page::Page;
use super::{Printed, json};
use crate::doctor::finding::{Diagnosis, DiagnosisState, Fix};
use crate::doctor::uses::Use;
use crate::exit::Exit;

/// What an examination was about, and how it ended.
pub struct Examination {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// What the key is to be used for.
    pub wanted: Use,
    /// Nothing was sent.
    pub offline: bool,
    /// The host of the tenant, when the credentials could be read.
    pub tenant: Option<String>,
    /// Everything that was found, in order.
    pub findings: Vec<Diagnosis>,
}

impl Examination {
    /// The code of the run: that of the first finding that is not well, because what follows is its consequence.
    pub fn exit(&self) -> Exit {
        let mut findings = self.findings.iter();
        let first = findings.find_map(|finding| match finding.state {
            DiagnosisState::Failed(exit) => Some(exit),
            _ => None,
        });
        first.unwrap_or(Exit::Ok)
    }
}

/// Adds one finding: how it is, what is so, what it means, what to do; a cure that `earlier` findings told is not told
/// again.
pub fn lines(finding: &Diagnosis, earlier: &[Diagnosis], page: &mut Page) {
    let word = format!("{:<7}", finding.state.word());
    let word = match finding.state {
        DiagnosisState::Ok => page.style.good(&word),
        DiagnosisState::Warning => page.style.change(&word),
        DiagnosisState::Failed(_) => page.style.bad(&word),
        DiagnosisState::Note | DiagnosisState::Skipped => word,
    };
    let label = format!("{word} {:<15} ", finding.subject.name());
    page.item(&label, &finding.says);
    page.items("  means: ", &finding.means);
    let same = |one: &&Diagnosis| finding.fixes.len() > 1 && one.fixes == finding.fixes;
    if let Some(told) = earlier.iter().find(same) {
        page.line(format_args!(
            "  fix:   as above, at `{}`",
            told.subject.name()
        ));
        return;
    }
    fixes(&finding.fixes, page);
    page.items("  effective: ", finding.effective);
}

/// Each fix on lines of its own; texts to paste stand alone on theirs.
fn fixes(fixes: &[Fix], page: &mut Page) {
    let mut under = "";
    for fix in fixes {
        match fix {
            Fix::Do(text) => page.item("  fix:   ", text),
            Fix::Paste { label, text } => {
                if *label != under {
                    page.line(format_args!("  {label}:"));
                    under = label;
                }
                page.item("    ", text);
            }
        }
    }
}

impl Printed for Examination {
    fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// How it ended, in one line.
    fn text(&self, page: &mut Page) {
        let name = self.wanted.name();
        let findings = self.findings.iter();
        let warnings = findings
            .clone()
            .filter(|one| one.state == DiagnosisState::Warning);
        let but = match warnings.count() {
            0 => String::new(),
            1 => ", with a warning".to_owned(),
            more => format!(", with {more} warnings"),
        };
        page.line(match findings.clone().find(|one| one.is_failed()) {
            Some(finding) => format!(
                "{} for {name}: first mend `{}`",
                page.style.bad("not ready"),
                finding.subject.name()
            ),
            None if self.offline => format!(
                "nothing wrong was found offline{but}; without --offline the tenant is asked as well"
            ),
            None => format!("{} for {name}{but}", page.style.good("ready")),
        });
    }

    fn json(&self) -> io::Result<String> {
        json::object(self.simulated, Question(self), self.exit(), self, [])
    }
}

/// What was asked.
struct Question<'a>(&'a Examination);

written! {
    Question<'_> as it {
        "tenant" => it.0.tenant,
        "for" => it.0.wanted.name(),
        "offline" => it.0.offline,
        "ready" => it.0.exit() == Exit::Ok,
    }

    Examination as it {
        "findings" => it.findings,
    }

    Diagnosis as it {
        "subject" => it.subject.name(),
        "state" => it.state.word(),
        "message" => it.says,
        "means" if it.means.is_some() => it.means,
        "fixes" if !it.fixes.is_empty() => it.fixes,
        "effective" if it.effective.is_some() => it.effective,
    }
}
