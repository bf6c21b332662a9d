//! Which artifacts a command line is about: found below its paths, opened, and checked offline, all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::refusal::{Refusal, not_an_artifact, open, shown};
use crate::Process;
use crate::artifact::{self, Artifact, Finding, Searched, Severity, search_below};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;
use crate::report::PlacedFinding;
use crate::report::page::Page;

/// How many files that are not packed, or directories that were passed over, get a line of their own.
const MOST_TOLD: usize = 5;

/// The artifacts of a command line.
pub struct Selection {
    /// Those that could be opened.
    pub checked: Vec<Checked>,
    /// What could not be opened at all: the path as it is shown, and why.
    pub unreadable: Vec<(PathBuf, Message)>,
    /// What was found outside of those that could be opened: in the others, and in the settings file.
    pub strays: Vec<PlacedFinding>,
    /// Directories with a manifest that the search took for other projects.
    pub passed_over: Vec<PathBuf>,
}

/// One artifact, and what the offline check found in it.
pub struct Checked {
    pub artifact: Artifact,
    pub findings: Vec<PlacedFinding>,
}

impl Checked {
    /// Why it is not valid, if it is not.
    pub fn error(&self) -> Option<Message> {
        summary(&self.findings)
    }
}

/// The artifacts that a run is about.
pub struct Chosen {
    /// Those without an error.
    pub valid: Vec<Artifact>,
    /// The ends of the others.
    pub invalid: Vec<Outcome>,
    /// What the offline check found in all of them.
    pub findings: Vec<PlacedFinding>,
}

impl Selection {
    /// Opens and checks the artifacts at these paths.
    pub fn of(paths: &[PathBuf], console: Option<&Console>, process: &mut Process<'_>) -> Self {
        let mut selection = Self {
            checked: Vec::new(),
            unreadable: Vec::new(),
            strays: Vec::new(),
            passed_over: Vec::new(),
        };
        for path in paths {
            selection.open(path, console, process);
        }
        selection
    }

    fn open(&mut self, path: &Path, console: Option<&Console>, process: &mut Process<'_>) {
        let artifact = match open(path, process) {
            Ok(artifact) => artifact,
            Err(refusal) => {
                let shown = shown(path, &process.directory);
                let messages = refusal.messages.into_iter();
                self.unreadable
                    .extend(messages.map(|message| (shown.clone(), message)));
                self.strays.extend(refusal.findings);
                return;
            }
        };
        let findings = findings(&artifact, &process.directory);
        if console.is_some_and(Console::tells) {
            tell(&artifact, &findings, process);
        }
        self.checked.push(Checked { artifact, findings });
    }

    /// Names on stderr what the search passed over.
    pub fn tell_passed_over(&self, console: &Console, process: &mut Process<'_>) {
        if !console.tells() {
            return;
        }
        let mut page = Page::plain();
        let named = self.passed_over.iter().map(|path| {
            let path = shown(path, &process.directory);
            let why = "is no integration artifact (its manifest has no SAP-BundleType)";
            format!("{} {why}", path.display())
        });
        page.first_items("passed over: ", named, MOST_TOLD);
        let _ = page.print(process.err);
    }

    /// The one artifact at this path, which must be valid.
    pub fn only(
        path: &PathBuf,
        console: &Console,
        process: &mut Process<'_>,
    ) -> Result<Artifact, Refusal> {
        let selection = Self::of(std::slice::from_ref(path), Some(console), process);
        let mut chosen = selection.choose(false)?;
        Ok(chosen.valid.remove(0))
    }

    /// Whether everything is valid.
    pub fn is_valid(&self) -> bool {
        let fine = |found: &PlacedFinding| found.severity != "error";
        self.unreadable.is_empty()
            && self.strays.iter().all(fine)
            && self.checked.iter().all(|one| one.error().is_none())
    }

    /// Everything that was found.
    pub fn findings(&self) -> Vec<PlacedFinding> {
        let of_checked = self.checked.iter().flat_map(|one| &one.findings);
        of_checked.chain(&self.strays).cloned().collect()
    }

    /// The ends of those that are not valid and could be opened.
    pub fn invalid(&self) -> Vec<Outcome> {
        self.checked
            .iter()
            .filter_map(|one| Some(Outcome::invalid(&one.artifact, one.error()?)))
            .collect()
    }

    /// What the run is about. Everything must be valid, unless the run is to keep going; then something must be.
    pub fn choose(self, keep_going: bool) -> Result<Chosen, Refusal> {
        let findings = self.findings();
        let mut invalid = self.invalid();
        let some_left = invalid.len() < self.checked.len();
        if !(self.is_valid() || keep_going && some_left) {
            let messages = self.unreadable.into_iter().map(|(_, why)| why);
            return Err(Refusal {
                findings,
                invalid,
                ..Refusal::because(Exit::Artifact, messages)
            });
        }
        let unreadable = self.unreadable.into_iter();
        invalid.extend(unreadable.map(|(path, why)| Outcome::unreadable(&path, why)));
        let valid = self.checked.into_iter().filter(|one| one.error().is_none());
        Ok(Chosen {
            valid: valid.map(|one| one.artifact).collect(),
            invalid,
            findings,
        })
    }

    /// Ids are unique in a tenant. `id_of` gives the one that the settings make of an artifact's own.
    pub fn refuse_twins<'a>(
        &'a self,
        directory: &Path,
        id_of: impl Fn(&'a Artifact) -> &'a str,
    ) -> Result<(), Refusal> {
        let mut seen: BTreeMap<&str, &Artifact> = BTreeMap::new();
        for Checked { artifact, .. } in &self.checked {
            let id = id_of(artifact);
            if let Some(twin) = seen.insert(id, artifact) {
                return Err(twins(id, twin, artifact, directory));
            }
        }
        Ok(())
    }
}

fn twins(id: &str, one: &Artifact, other: &Artifact, directory: &Path) -> Refusal {
    let [one, other] = [one, other].map(|artifact| shown(artifact.path(), directory));
    Refusal::wrong(
        format!("{} and {}", one.display(), other.display()),
        format!("two artifacts have the id {id}"),
        "an id is unique in a tenant: name only one of the two, or give one of them another `id` in flowship.yaml",
    )
}

/// The artifacts at and below the paths, given relative to `directory`; each once, in the order of the paths.
pub fn below(paths: &[PathBuf], directory: &Path) -> Result<Searched, Refusal> {
    let mut all = Searched::default();
    for path in paths {
        let found = search_below(&directory.join(path))
            .map_err(|error| not_an_artifact(&error, directory))?;
        for artifact in found.artifacts {
            if !all.artifacts.contains(&artifact) {
                all.artifacts.push(artifact);
            }
        }
        all.passed_over.extend(found.passed_over);
    }
    all.passed_over.sort();
    all.passed_over.dedup();
    Ok(all)
}

/// What the offline check finds, with places relative to the working directory.
fn findings(artifact: &Artifact, directory: &Path) -> Vec<PlacedFinding> {
    let root = shown(artifact.path(), directory);
    let placed = |finding: Finding| PlacedFinding {
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        rule: finding.rule,
        place: Place {
            path: root.join(&finding.path).display().to_string(),
            line: finding.line,
        },
        message: finding.message,
        remedy: finding.remedy,
    };
    artifact::check(artifact).into_iter().map(placed).collect()
}

/// Tells warnings and what is left out of the zip.
fn tell(artifact: &Artifact, findings: &[PlacedFinding], process: &mut Process<'_>) {
    let mut page = Page::plain();
    let label = format!("left out: {}: ", artifact.id());
    page.first_items(&label, artifact.left_out().iter(), MOST_TOLD);
    for found in findings.iter().filter(|found| found.severity == "warning") {
        page.item(&format!("warning: {}: ", found.place), &found.message);
    }
    let _ = page.print(process.err);
}

/// The first error as a message, the others as causes; `None` when there is none.
fn summary(findings: &[PlacedFinding]) -> Option<Message> {
    let mut errors = findings.iter().filter(|found| found.severity == "error");
    let first = errors.next()?;
    let mut message = Message::new(first.message.clone())
        .at(first.place.to_string())
        .hint(first.remedy.clone());
    let others = errors.map(|other| format!("also: {}: {}", other.place, other.message));
    message.causes = others.collect();
    Some(message)
}
