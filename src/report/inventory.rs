//! What is on a tenant, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{Problem, SCHEMA, problem};
use super::text::{SIMULATED, Style};
use crate::exit::Exit;
use crate::inventory::{Inventory, PackageContent, Stored, counted};
use crate::text::disarm;

/// What `list` found.
pub struct Listed<'a> {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The host.
    pub tenant: &'a str,
    /// What is there.
    pub inventory: &'a Inventory,
    /// The code of the run.
    pub exit: Exit,
}

/// Writes a block for each package, and a line that counts.
pub fn text(listed: &Listed<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = if listed.simulated { SIMULATED } else { "" };
    for content in &listed.inventory.packages {
        writeln!(out, "{mark}{}", headline(content, style))?;
        let rows: Vec<[String; 4]> = content.artifacts.iter().map(row).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default()
        };
        let (kind, id, version) = (width(0), width(1), width(2));
        for row in &rows {
            let line = format!(
                "  {:kind$}  {:id$}  {:version$}  {}",
                row[0], row[1], row[2], row[3]
            );
            writeln!(out, "{mark}{}", line.trim_end())?;
        }
    }
    writeln!(out, "{mark}{}", summary(listed))
}

fn headline(content: &PackageContent, style: Style) -> String {
    let package = &content.package;
    let mut line = disarm(&package.id);
    if !package.name.is_empty() && package.name != package.id {
        line += &format!(" \"{}\"", disarm(&package.name));
    }
    if !package.version.is_empty() {
        line += &format!(" {}", disarm(&package.version));
    }
    if package.read_only() {
        line += &format!(" [{}]", style.change("read-only"));
    }
    if content.artifacts.is_empty() {
        line += " (nothing in it)";
    }
    line
}

/// Type, id, version and the rest.
fn row(stored: &Stored) -> [String; 4] {
    let artifact = &stored.artifact;
    let version = if artifact.is_draft() {
        "draft".to_owned()
    } else {
        disarm(&artifact.version)
    };
    let mut rest = Vec::new();
    if artifact.name != artifact.id {
        rest.push(format!("\"{}\"", disarm(&artifact.name)));
    }
    if artifact.is_draft() && !artifact.modified_by.is_empty() {
        rest.push(format!("by {}", disarm(&artifact.modified_by)));
    }
    [
        stored.kind.to_string(),
        disarm(&artifact.id),
        version,
        rest.join(" "),
    ]
}

fn summary(listed: &Listed<'_>) -> String {
    let inventory = listed.inventory;
    let count = |is: &dyn Fn(&Stored) -> bool| {
        inventory
            .artifacts()
            .filter(|(_, stored)| is(stored))
            .count()
    };
    let packages = &inventory.packages;
    let read_only = packages
        .iter()
        .filter(|content| content.package.read_only());
    let mut line = format!(
        "{} in {} of {}",
        counted(count(&|_| true), "artifact"),
        counted(packages.len(), "package"),
        disarm(listed.tenant)
    );
    for (number, what) in [
        (count(&|stored| stored.artifact.is_draft()), "draft"),
        (read_only.count(), "read-only package"),
    ] {
        if number > 0 {
            line += &format!("; {}", counted(number, what));
        }
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
    packages: Vec<Package<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Package<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    vendor: &'a str,
    short_text: &'a str,
    read_only: bool,
    modified_by: &'a str,
    modified_at: Option<String>,
    artifacts: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: String,
    version: Option<&'a str>,
    draft: bool,
    modified_by: &'a str,
    modified_at: Option<String>,
}

/// Writes the whole as one object and a line break.
pub fn json(listed: &Listed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: listed.simulated,
        tenant: listed.tenant,
        exit_code: listed.exit.code(),
        packages: listed.inventory.packages.iter().map(package).collect(),
        errors: listed
            .inventory
            .troubles
            .iter()
            .map(|trouble| problem(&trouble.message))
            .collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn package(content: &PackageContent) -> Package<'_> {
    let package = &content.package;
    Package {
        id: &package.id,
        name: &package.name,
        version: &package.version,
        vendor: &package.vendor,
        short_text: &package.short_text,
        read_only: package.read_only(),
        modified_by: &package.modified_by,
        modified_at: package.modified.map(|date| date.to_string()),
        artifacts: content.artifacts.iter().map(one).collect(),
    }
}

fn one(stored: &Stored) -> One<'_> {
    let artifact = &stored.artifact;
    One {
        id: &artifact.id,
        name: &artifact.name,
        kind: stored.kind.to_string(),
        version: (!artifact.is_draft()).then_some(artifact.version.as_str()),
        draft: artifact.is_draft(),
        modified_by: &artifact.modified_by,
        modified_at: artifact.modified_at().map(|date| date.to_string()),
    }
}
