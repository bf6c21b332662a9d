//! The result of a run that changes a tenant.

use std::io::{self, Write};
use std::time::Duration;

use super::json::{self, TenantFields};
use super::page::{Page, Style};
use super::{Printed, Report};
use crate::deploy::outcome::Outcome;
use crate::exit::Exit;
use crate::inventory::tally;
use crate::text::few;

impl Printed for Report {
    fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// What is well, then what is not, then the total.
    fn text(&self, page: &mut Page) {
        let is_well = |one: &&Outcome| one.verdict.exit == Exit::Ok && one.rollback.is_none();
        let (well, bad): (Vec<&Outcome>, Vec<&Outcome>) = self.artifacts.iter().partition(is_well);
        let is_alone = self.artifacts.len() == 1;
        if well.len() > MOST_LINES && !page.verbose {
            name_together(&well, page);
        } else {
            for one in &well {
                one_line(one, page);
                if is_alone || page.verbose {
                    page.item("  evidence: ", &one.verdict.evidence);
                }
                details(one, page);
            }
        }
        for one in &bad {
            one_line(one, page);
            page.item("  evidence: ", &one.verdict.evidence);
            details(one, page);
        }
        if self.artifacts.len() > 1 {
            page.line(total(&well, &bad));
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
        let told = self.artifacts.iter().filter(|_| of_artifacts);
        let messages =
            told.filter_map(|one| Some((one.verdict.message.as_ref()?, one.id.as_str())));
        for (message, ids) in grouped(messages) {
            page.message(Some(&few(&ids, MOST_NAMES)), message);
        }
        page.print(err)
    }
}

/// Of how many artifacts that are well each has a line of its own.
const MOST_LINES: usize = 10;
/// How many ids stand in one line.
const MOST_NAMES: usize = 10;

/// `started Orders 1.0.3 (3.2 s)`.
fn one_line(outcome: &Outcome, page: &mut Page) {
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
}

/// What a reader should know beside the verdict.
fn details(outcome: &Outcome, page: &mut Page) {
    page.items("  note: ", &outcome.notes);
    if let Some(rollback) = &outcome.rollback {
        page.item("  rollback: ", rollback.told());
        page.items("  kept: ", &rollback.saved);
        page.items("  repair: ", &rollback.repair);
    }
    if let (true, Some(content), Some(zip)) =
        (page.verbose, &outcome.content_sha256, &outcome.zip_sha256)
    {
        page.line(format_args!("  content sha256 {content}, zip sha256 {zip}"));
    }
}

/// Those that are well in a few lines, by their verdicts: `started A, B, C`; with their notes, each told once.
fn name_together(well: &[&Outcome], page: &mut Page) {
    for (word, ids) in by_word(well) {
        for (number, ids) in ids.chunks(MOST_NAMES).enumerate() {
            let word = if number == 0 {
                page.style.good(word)
            } else {
                " ".repeat(word.len())
            };
            page.line(format_args!("{word} {}", ids.join(", ")));
        }
    }
    let notes = well
        .iter()
        .flat_map(|one| one.notes.iter().map(|note| (note, one.id.as_str())));
    for (note, ids) in grouped(notes) {
        page.item(
            "  note: ",
            format_args!("{}: {note}", few(&ids, MOST_NAMES)),
        );
    }
}

/// The ids of each verdict, in the order in which the verdicts come first.
fn by_word<'o>(outcomes: &[&'o Outcome]) -> Vec<(&'static str, Vec<&'o str>)> {
    grouped(
        outcomes
            .iter()
            .map(|one| (one.verdict.word.name(), one.id.as_str())),
    )
}

/// The ids that belong to each key, in the order in which the keys come first.
fn grouped<'o, K: PartialEq>(
    pairs: impl IntoIterator<Item = (K, &'o str)>,
) -> Vec<(K, Vec<&'o str>)> {
    let mut groups: Vec<(K, Vec<&str>)> = Vec::new();
    for (key, id) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((key, vec![id])),
        }
    }
    groups
}

/// `30 artifacts: 29 started, 1 failed: Flow_17`.
fn total(well: &[&Outcome], bad: &[&Outcome]) -> String {
    let well_words = by_word(well).into_iter();
    let well_words = well_words.map(|(word, ids)| (ids.len(), word.to_owned()));
    let bad_words = by_word(bad).into_iter();
    let bad_words =
        bad_words.map(|(word, ids)| (ids.len(), format!("{word}: {}", few(&ids, MOST_NAMES))));
    let counts = tally(well_words.chain(bad_words));
    format!("{} artifacts: {counts}", well.len() + bad.len())
}

/// `3.2 s`, `72 s`.
fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(10) {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} s", took.as_secs())
    }
}
