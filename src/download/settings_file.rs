//! `flowship.yaml` of the target directory, where nobody wrote one by hand: so that `flowship plan` and `flowship deploy` work
//! there as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::package;
use super::parameters::FOLDER;
use super::{Wanted, keep_text, read_text, write_text};
use crate::artifact::MANIFEST_PATH;
use crate::inventory::Trouble;

/// The file.
pub(super) const FILE: &str = "flowship.yaml";
/// How a file begins that is ours to write.
const MARK: &str = "# Written by `flowship download`, which writes it anew. Delete this line to keep it by hand.\n";

/// What Git is told of artifacts.
const ATTRIBUTES: &str = "# Artifacts are what the tenant holds, byte by byte: no line ends are turned around.\n* -text\n";

/// Writes the file, if it is ours to write.
pub(super) fn keep(wanted: &Wanted, staging: &Path) -> Result<(), Trouble> {
    let packages = packages(&wanted.directory);
    if packages.is_empty() || !wanted.keeps_settings {
        return Ok(());
    }
    keep_bytes(wanted, staging)?;
    let path = wanted.directory.join(FILE);
    if !is_ours(&path) {
        return Ok(());
    }
    let text = text(&packages, &wanted.parameters.environment);
    keep_text(staging, &path, &text)
}

/// Git on Windows turns line ends around, which would change every artifact: in a directory of downloads it leaves them.
fn keep_bytes(wanted: &Wanted, staging: &Path) -> Result<(), Trouble> {
    let path = wanted.directory.join(".gitattributes");
    match fs::symlink_metadata(&path) {
        Ok(_) => Ok(()),
        Err(_) => write_text(staging, &path, ATTRIBUTES),
    }
}

/// Whether there is no such file, or one that a download wrote.
pub fn is_ours(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) => found.is_file() && read_text(path).is_some_and(|text| text.starts_with(MARK)),
        Err(_) => true,
    }
}

/// The packages that lie in a directory and hold artifacts, with what describes them.
fn packages(directory: &Path) -> BTreeMap<String, Value> {
    let folders = fs::read_dir(directory).into_iter().flatten().flatten();
    folders
        .filter(|folder| holds_artifacts(&folder.path()))
        .filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            let described = read_text(&folder.path().join(package::FILE))?;
            let described = serde_json::from_str(&described).ok()?;
            (!name.contains(char::is_whitespace)).then_some((name, described))
        })
        .collect()
}

fn holds_artifacts(folder: &Path) -> bool {
    let mut inside = fs::read_dir(folder).into_iter().flatten().flatten();
    inside.any(|one| one.path().join(MANIFEST_PATH).is_file())
}

fn text(packages: &BTreeMap<String, Value>, environment: &str) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = MARK.to_owned();
    text += &format!(
        "parameters-file: {}\n",
        quoted(&format!("{FOLDER}/{environment}/{{id}}.prop"))
    );
    text += "packages:\n";
    for (id, described) in packages {
        text += &format!("  - id: {}\n", quoted(id));
        for (key, field) in [("name", "Name"), ("short-text", "ShortText")] {
            let value = described[field].as_str().unwrap_or_default();
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            if !value.is_empty() {
                text += &format!("    {key}: {}\n", quoted(&value));
            }
        }
        text += &format!("    artifacts: [{}]\n", quoted(id));
    }
    text
}
