//! The result of a run that changes a tenant.

use std::io::{self, Write};
use std::time::Duration;

use super::json::{self, TenantFields};
use super::page::{Page, Style};
use super::{Printed, Report};

impl Printed for Report {
    fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// One line for each artifact, and one with its evidence.
    fn text(&self, page: &mut Page) {
        for outcome in &self.artifacts {
            let verdict = &outcome.verdict;
            let version = outcome.runtime_version.as_ref();
            let version = version.or(outcome.designtime_version.as_ref());
            let version = version.map(|version| format!(" {version}"));
            let word = page.style.end(verdict.exit, verdict.word.name());
            page.line(format_args!(
                "{word} {}{} ({})",
                outcome.id,
                version.unwrap_or_default(),
                seconds(outcome.took)
            ));
            if !verdict.evidence.is_empty() {
                page.item("  evidence: ", &verdict.evidence);
            }
            page.items("  note: ", &outcome.notes);
            if let Some(rollback) = &outcome.rollback {
                page.item("  rollback: ", rollback.told());
                page.items("  kept: ", &rollback.saved);
                page.items("  repair: ", &rollback.repair);
            }
            if let (Some(content), Some(zip)) = (&outcome.content_sha256, &outcome.zip_sha256) {
                page.line(format_args!("  content sha256 {content}, zip sha256 {zip}"));
            }
        }
    }

    fn json(&self) -> io::Result<String> {
        json::object(self.simulated, self.about(), self.exit, self, &self.errors)
    }
}

impl Report {
    pub(super) fn about(&self) -> TenantFields<'_> {
        TenantFields {
            tenant: self.tenant.as_deref(),
            source: self.source.as_deref(),
        }
    }

    /// Writes what is not well for the run as a whole, and `of_artifacts` for each of them.
    pub fn print_errors(
        &self,
        of_artifacts: bool,
        style: Style,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        let mut page = Page::new(self.simulated, style);
        for error in &self.errors {
            page.message(None, error);
        }
        for outcome in self.artifacts.iter().filter(|_| of_artifacts) {
            if let Some(message) = &outcome.verdict.message {
                page.message(Some(&outcome.id), message);
            }
        }
        page.print(err)
    }
}

/// `3.2 s`, `72 s`.
fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(10) {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} s", took.as_secs())
    }
}
