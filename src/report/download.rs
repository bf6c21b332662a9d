//! What a download did, for people and for programs.

use std::path::Path;

use super::json::written;
use super::page::{Page, Style};
use super::query::{QueryFacts, QueryOrigin};
use crate::download::{Downloaded, End, Item};
use crate::inventory::{Trouble, counted, tally};

impl QueryFacts for Downloaded {
    /// A line for each artifact that is not as it was, and one that counts.
    fn text(&self, of: &QueryOrigin<'_>, page: &mut Page) {
        for item in &self.items {
            if let Some(line) = line(item, page.style) {
                page.line(line);
            }
            page.items(&format!("  note: {}: ", item.id), &item.notes);
        }
        page.items("note: ", &self.notes);
        page.line(summary(&self.items, of.tenant));
    }

    fn troubles(&self) -> &[Trouble] {
        &self.troubles
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

    fn why(&self) -> Option<&str> {
        match self {
            End::Skipped(why) => Some(why),
            _ => None,
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
    let line = format!("{} of {tenant}", counted(items.len(), "artifact"));
    match tally(counts.filter(|(number, _)| *number > 0)).as_str() {
        "" => line,
        parts => format!("{line}: {parts}"),
    }
}

written! {
    Downloaded as it {
        "artifacts" => it.items,
        "notes" if !it.notes.is_empty() => it.notes,
    }

    Item as it {
        "id" => it.id,
        "package" => it.package,
        "type" => it.kind,
        "version" => it.version,
        "path" => shown(&it.path),
        "result" => it.end.words().0,
        "why" if it.end.why().is_some() => it.end.why(),
        "notes" if !it.notes.is_empty() => it.notes,
        .. => it.end.trouble().map(|trouble| (*trouble.message).clone()),
    }
}
