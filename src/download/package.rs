//! What describes a package, beside its artifacts: `integration-package.json`, without dates.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Wanted, directory, keep_text, read_text};
use crate::inventory::{Inventory, PackageContent, Trouble};
use crate::tenant::wire::{DESCRIBING, Description};

/// The file beside the artifacts of a package.
pub const FILE: &str = "integration-package.json";

/// Writes the description of a package, unless the same is there.
pub fn write(
    wanted: &Wanted,
    content: &PackageContent,
    id: &str,
    staging: &Path,
) -> Result<(), Trouble> {
    directory::refuse_links(&wanted.directory, Path::new(id))
        .map_err(|error| Trouble::from_artifact(&error, id))?;
    let package = &content.package;
    let mut text = json!({ "Id": id, "Mode": package.mode });
    for (property, value) in package.description() {
        text[property] = value.into();
    }
    let text = format!("{text:#}\n");
    let path = wanted.directory.join(id).join(FILE);
    keep_text(staging, &path, &text)
}

/// Removes the descriptions of packages that are on the tenant no more and of which nothing else is left.
pub fn remove_deserted(directory: &Path, inventory: &Inventory, wanted: &Wanted) {
    if !wanted.selection.all || !inventory.is_whole() {
        return;
    }
    let Ok(folders) = fs::read_dir(directory) else {
        return;
    };
    for folder in folders.filter_map(Result::ok) {
        let name = folder.file_name().to_string_lossy().into_owned();
        let on_tenant = wanted.selection.names.package.apply(&name);
        let is_there = |content: &PackageContent| content.package.id == on_tenant;
        let file = folder.path().join(FILE);
        let alone = fs::read_dir(folder.path()).is_ok_and(|all| all.count() == 1);
        if alone && file.is_file() && !inventory.packages.iter().any(is_there) {
            let _ = fs::remove_file(&file).and_then(|()| fs::remove_dir(folder.path()));
        }
    }
}

/// What the file beside an artifact says of its package; nothing where there is none, or where it is about another one.
pub fn beside(artifact: &Path, id: &str) -> Description {
    let file = artifact.parent().map(|folder| folder.join(FILE));
    let text = file.and_then(|file| read_text(&file));
    let read: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
    let Some(read) = read.filter(|read| read.get("Id").and_then(Value::as_str) == Some(id)) else {
        return Description::new();
    };
    let value =
        |property: &&'static str| Some((*property, read.get(*property)?.as_str()?.to_owned()));
    DESCRIBING.iter().filter_map(value).collect()
}
