//! What a download did, for people and for programs.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::json::{Problem, SCHEMA, problem};
use super::text::{SIMULATED, Style};
use crate::download::{Downloaded, End, Item};
use crate::exit::Exit;
use crate::inventory::{Trouble, counted};
use crate::text::disarm;

/// What is told.
pub struct Told<'a> {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The host.
    pub tenant: &'a str,
    /// What was done.
    pub done: &'a Downloaded,
    /// The code of the run.
    pub exit: Exit,
}

impl Told<'_> {
    /// Everything that is not well.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let items = self.done.items.iter().filter_map(|item| match &item.end {
            End::Failed(trouble) => Some(trouble),
            _ => None,
        });
        self.done.troubles.iter().chain(items).cloned().collect()
    }
}

/// Writes a line for each artifact that is not as it was, and one that counts.
pub fn text(told: &Told<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = if told.simulated { SIMULATED } else { "" };
    for item in &told.done.items {
        if let Some(line) = line(item, style) {
            writeln!(out, "{mark}{line}")?;
        }
        for note in &item.notes {
            writeln!(out, "{mark}  note: {}: {}", disarm(&item.id), disarm(note))?;
        }
    }
    for note in &told.done.notes {
        writeln!(out, "{mark}note: {}", disarm(note))?;
    }
    writeln!(out, "{mark}{}", summary(told))
}

fn line(item: &Item, style: Style) -> Option<String> {
    let path = shown(&item.path);
    Some(match &item.end {
        End::Unchanged => return None,
        End::New => format!("{} {path}", style.change("new")),
        End::Changed(files) => format!(
            "{} {path} ({})",
            style.change("changed"),
            counted(*files, "file")
        ),
        End::Skipped(why) => format!("left out {}: {}", disarm(&item.id), disarm(why)),
        End::Gone => format!("gone {path}: the tenant has it no more; --prune removes it here"),
        End::Removed => format!("{} {path}", style.change("removed")),
        End::Failed(_) => format!("{} {}", style.bad("failed"), disarm(&item.id)),
    })
}

fn shown(path: &Path) -> String {
    disarm(&path.to_string_lossy().replace('\\', "/"))
}

fn summary(told: &Told<'_>) -> String {
    let items = &told.done.items;
    let count = |is: &dyn Fn(&End) -> bool| items.iter().filter(|item| is(&item.end)).count();
    let mut line = format!(
        "{} of {}",
        counted(items.len(), "artifact"),
        disarm(told.tenant)
    );
    let mut parts = Vec::new();
    for (number, what) in [
        (count(&|end| matches!(end, End::New)), "new"),
        (count(&|end| matches!(end, End::Changed(_))), "changed"),
        (count(&|end| matches!(end, End::Unchanged)), "unchanged"),
        (count(&|end| matches!(end, End::Skipped(_))), "left out"),
        (count(&|end| matches!(end, End::Gone)), "gone on the tenant"),
        (count(&|end| matches!(end, End::Removed)), "removed"),
        (count(&|end| matches!(end, End::Failed(_))), "failed"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if !parts.is_empty() {
        line += &format!(": {}", parts.join(", "));
    }
    line
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: &'a str,
    exit_code: u8,
    artifacts: Vec<One<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    package: &'a str,
    #[serde(rename = "type")]
    kind: Option<String>,
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

/// Writes the whole as one object and a line break.
pub fn json(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: told.simulated,
        tenant: told.tenant,
        exit_code: told.exit.code(),
        artifacts: told.done.items.iter().map(one).collect(),
        notes: &told.done.notes,
        errors: told
            .done
            .troubles
            .iter()
            .map(|trouble| problem(&trouble.message))
            .collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn one(item: &Item) -> One<'_> {
    let (result, why, trouble) = match &item.end {
        End::New => ("new", None, None),
        End::Changed(_) => ("changed", None, None),
        End::Unchanged => ("unchanged", None, None),
        End::Skipped(why) => ("left-out", Some(why.as_str()), None),
        End::Gone => ("gone", None, None),
        End::Removed => ("removed", None, None),
        End::Failed(trouble) => ("failed", None, Some(trouble)),
    };
    One {
        id: &item.id,
        package: &item.package,
        kind: item.kind.map(|kind| kind.to_string()),
        version: item.version.as_deref(),
        path: item.path.to_string_lossy().replace('\\', "/"),
        result,
        why,
        notes: &item.notes,
        problem: trouble.map(|trouble| problem(&trouble.message)),
    }
}
