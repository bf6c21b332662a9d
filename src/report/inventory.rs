//! What is on a tenant, for people and for programs.

use super::json::written;
use super::page::{Page, Style};
use super::query::{QueryFacts, QueryOrigin};
use crate::inventory::{Inventory, PackageContent, Stored, Trouble, counted};

impl QueryFacts for Inventory {
    /// A block for each package, and a line that counts.
    fn text(&self, of: &QueryOrigin<'_>, page: &mut Page) {
        for content in &self.packages {
            page.line(headline(content, page.style));
            let rows: Vec<Vec<String>> = content.artifacts.iter().map(row).collect();
            page.table("  ", &rows);
        }
        page.line(summary(self, of.tenant));
    }

    fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}

fn headline(content: &PackageContent, style: Style) -> String {
    let package = &content.package;
    let mut line = package.id.to_string();
    if !package.name.is_empty() && package.name != package.id {
        line += &format!(" \"{}\"", package.name);
    }
    if !package.version.is_empty() {
        line += &format!(" {}", package.version);
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
fn row(stored: &Stored) -> Vec<String> {
    let artifact = &stored.artifact;
    let mut rest = Vec::new();
    if artifact.name != artifact.id {
        rest.push(format!("\"{}\"", artifact.name));
    }
    if artifact.is_draft() && !artifact.modified_by.is_empty() {
        rest.push(format!("by {}", artifact.modified_by));
    }
    vec![
        stored.kind.to_string(),
        artifact.id.to_string(),
        artifact.shown_version(),
        rest.join(" "),
    ]
}

fn summary(inventory: &Inventory, tenant: &str) -> String {
    let artifacts = || inventory.artifacts().map(|(_, stored)| &stored.artifact);
    let packages = &inventory.packages;
    let read_only = packages.iter().filter(|one| one.package.read_only());
    let mut line = format!(
        "{} in {} of {tenant}",
        counted(artifacts().count(), "artifact"),
        counted(packages.len(), "package"),
    );
    for (number, what) in [
        (artifacts().filter(|one| one.is_draft()).count(), "draft"),
        (read_only.count(), "read-only package"),
    ] {
        if number > 0 {
            line += &format!("; {}", counted(number, what));
        }
    }
    line
}

written! {
    Inventory as it {
        "packages" => it.packages,
    }

    PackageContent as it {
        "id" => it.package.id,
        "name" => it.package.name,
        "version" => it.package.version,
        "vendor" => it.package.vendor,
        "short_text" => it.package.short_text,
        "read_only" => it.package.read_only(),
        "modified_by" => it.package.modified_by,
        "modified_at" => it.package.modified,
        "artifacts" => it.artifacts,
    }

    Stored as it {
        "id" => it.artifact.id,
        "name" => it.artifact.name,
        "type" => it.kind,
        "version" => it.artifact.number(),
        "draft" => it.artifact.is_draft(),
        "modified_by" => it.artifact.modified_by,
        "modified_at" => it.artifact.modified_at(),
    }
}
