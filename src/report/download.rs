//! What a download did, for people and for programs.

use std::path::Path;

use serde::Serialize;

use super::json::{Problem, problem};
use super::page::{Page, Style};
use super::query::{Facts, Origin};
use crate::artifact::ArtifactKind;
use crate::download::{Downloaded, End, Item};
use crate::inventory::{Trouble, counted};

impl Facts for Downloaded {
    /// A line for each artifact that is not as it was, and one that counts.
    fn text(&self, of: &Origin<'_>, page: &mut Page) {
        for item in &self.items {
            if let Some(line) = line(item, page.style) {
                page.line(line);
            }
            page.items(&format!("  note: {}: ", item.id), &item.notes);
        }
        page.items("note: ", &self.notes);
        page.line(summary(&self.items, of.tenant));
    }

    fn fields(&self) -> impl Serialize {
        Items {
            artifacts: self.items.iter().map(one).collect(),
            notes: &self.notes,
        }
    }

    fn failures(&self) -> Vec<&Trouble> {
        let failures = self.items.iter().filter_map(|item| item.end.trouble());
        failures.collect()
    }
}

impl End {
    /// The word as printed, and what stands for it where artifacts are counted.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            End::New => ("new", "new"),
            End::Changed(_) => ("changed", "changed"),
            End::Unchanged => ("unchanged", "unchanged"),
            End::Skipped(_) => ("left-out", "left out"),
            End::Gone => ("gone", "gone on the tenant"),
            End::Removed => ("removed", "removed"),
            End::Failed(_) => ("failed", "failed"),
        }
    }

    fn trouble(&self) -> Option<&Trouble> {
        match self {
            End::Failed(trouble) => Some(trouble),
            _ => None,
        }
    }
}

/// What artifacts are counted by, in this order.
const COUNTED: [&str; 7] = [
    "new",
    "changed",
    "unchanged",
    "left out",
    "gone on the tenant",
    "removed",
    "failed",
];

fn line(item: &Item, style: Style) -> Option<String> {
    let path = shown(&item.path);
    let (word, _) = item.end.words();
    Some(match &item.end {
        End::Unchanged => return None,
        End::New | End::Removed => format!("{} {path}", style.change(word)),
        End::Changed(files) => {
            format!(
                "{} {path} ({})",
                style.change(word),
                counted(*files, "file")
            )
        }
        End::Skipped(why) => format!("left out {}: {why}", item.id),
        End::Gone => format!("gone {path}: the tenant has it no more; --prune removes it here"),
        End::Failed(_) => format!("{} {}", style.bad(word), item.id),
    })
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn summary(items: &[Item], tenant: &str) -> String {
    let of = |what| items.iter().filter(move |item| item.end.words().1 == what);
    let counts = COUNTED.into_iter().map(|what| (of(what).count(), what));
    let parts: Vec<String> = counts
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let line = format!("{} of {tenant}", counted(items.len(), "artifact"));
    match parts.as_slice() {
        [] => line,
        parts => format!("{line}: {}", parts.join(", ")),
    }
}

#[derive(Serialize)]
struct Items<'a> {
    artifacts: Vec<One<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    package: &'a str,
    #[serde(rename = "type")]
    kind: Option<ArtifactKind>,
    version: Option<&'a str>,
    path: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(flatten)]
    problem: Option<Problem<'a>>,
}

fn one(item: &Item) -> One<'_> {
    One {
        id: &item.id,
        package: &item.package,
        kind: item.kind,
        version: item.version.as_deref(),
        path: shown(&item.path),
        result: item.end.words().0,
        why: match &item.end {
            End::Skipped(why) => Some(why),
            _ => None,
        },
        notes: &item.notes,
        problem: item.end.trouble().map(|trouble| problem(&trouble.message)),
    }
}
