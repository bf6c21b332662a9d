//! Values that operations configured: in a file of their own for each artifact and environment, never in `parameters.prop`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Item, Wanted, directory, not_written, read_text, write_text};
use crate::artifact::comparison::RUNTIME_PROFILE;
use crate::artifact::{
    Artifact, ArtifactError, PARAMETERS_PATH, Properties, may_be_secret, properties,
};
use crate::inventory::Trouble;
use crate::settings::parameters::read_file;
use crate::settings::project::ParameterTarget;

/// The folder of these files, where the settings file names none.
pub const FOLDER: &str = "parameters";
/// What begins a variable in a value.
const VARIABLE: &str = "${env:";

/// Writes the values that differ from the artifact's own; whether the file changed. Values that look like secrets are left
/// out and named; those that a person has put into variables stay as they are.
pub fn write(
    wanted: &Wanted,
    place: &Path,
    configured: &BTreeMap<String, String>,
    item: &mut Item,
    staging: &Path,
) -> Result<bool, Trouble> {
    let Some(file) = file_of(wanted, place, &item.id) else {
        note_no_place(configured, item);
        return Ok(false);
    };
    let path = file.map_err(|error| Trouble::from_artifact(&error, &item.id))?;
    let before = present(&path);
    let differs = differs(place);
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let mut secrets = Vec::new();
    for (key, value) in configured.iter().filter(|(key, value)| differs(key, value)) {
        match before.get(key.as_str()) {
            Some(kept) if kept.contains(VARIABLE) => {
                values.insert(key, kept.clone());
            }
            _ if may_be_secret(key, value) && !value.is_empty() => secrets.push(key.clone()),
            _ => {
                values.insert(key, value.replace(VARIABLE, "$${env:"));
            }
        }
    }
    if !secrets.is_empty() {
        item.notes.push(format!(
            "values that look like secrets are not written to Git: {}; put ${{env:NAME}} into {} yourself",
            secrets.join(", "),
            path.display()
        ));
    }
    let text = text(&path, &values, &secrets);
    let same = before.len() == values.len()
        && values
            .iter()
            .all(|(key, value)| before.get(*key) == Some(value));
    let remembered = read_text(&path).unwrap_or_default();
    if same && secrets.iter().all(|key| remembered.contains(&memory(key))) {
        return Ok(false);
    }
    if text.is_empty() {
        return fs::remove_file(&path)
            .map(|()| true)
            .map_err(|error| not_written(&path, &error));
    }
    write_text(staging, &path, &text).map(|()| true)
}

/// Removes the file of an artifact that is gone.
pub fn remove(wanted: &Wanted, place: &Path, id: &str) {
    if let Some(Ok(path)) = file_of(wanted, place, id) {
        let _ = fs::remove_file(path);
    }
}

/// The file of an artifact; `None` where the settings name one file for all. A way there through a link is refused: it could
/// lead out of the directory.
fn file_of(wanted: &Wanted, place: &Path, id: &str) -> Option<Result<PathBuf, ArtifactError>> {
    let parameters = &wanted.parameters;
    let (base, below) = match &parameters.pattern {
        None => (
            &wanted.directory,
            Path::new(FOLDER)
                .join(&parameters.environment)
                .join(format!("{id}.prop")),
        ),
        Some(pattern) if !pattern.pattern.contains('{') => return None,
        Some(pattern) => {
            let target = ParameterTarget {
                id,
                path: place,
                settings: None,
            };
            (&parameters.base, pattern.path(target))
        }
    };
    Some(directory::refuse_links(base, &below).map(|()| base.join(below)))
}

fn note_no_place(configured: &BTreeMap<String, String>, item: &mut Item) {
    if !configured.is_empty() {
        item.notes.push(
            "configured values are not written: `parameters-file` names one file for all artifacts; use {id} or {artifact} in it"
                .to_owned(),
        );
    }
}

/// The entries that are there, by key, as they are written.
fn present(path: &Path) -> BTreeMap<String, String> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return BTreeMap::new();
    };
    let read = read_file(directory, Path::new(name)).unwrap_or_default();
    read.into_iter().map(|one| (one.key, one.value)).collect()
}

/// Whether a configured value is to be kept: its key is one of the artifact, or SAP's own, and the artifact has another.
/// What lies in Git by now counts: configured values that the tenant put into its `parameters.prop` are compared with what
/// stayed.
fn differs(place: &Path) -> impl Fn(&str, &str) -> bool {
    let artifact = Artifact::open(place).ok();
    let keys = artifact.iter().flat_map(Artifact::parameter_keys);
    let keys: BTreeSet<String> = keys.map(str::to_owned).collect();
    let bytes = fs::read(place.join(PARAMETERS_PATH)).unwrap_or_default();
    let own = Properties::parse(&bytes).unwrap_or_default();
    move |key, value| {
        // the default of the profile says nothing, and not every tenant has the key
        let is_profile = key == RUNTIME_PROFILE && value != "iflmap";
        let known = keys.contains(key) || is_profile;
        known && own.get(key).unwrap_or_default() != value
    }
}

/// The line that keeps in mind what is not written to Git.
fn memory(key: &str) -> String {
    format!(
        "# {}: looks like a secret and was left out; put ${{env:NAME}} here",
        key.replace(['\r', '\n'], " ")
    )
}

fn text(path: &Path, values: &BTreeMap<&str, String>, secrets: &[String]) -> String {
    let is_yaml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"));
    let mut text: String = secrets.iter().map(|key| memory(key) + "\n").collect();
    if !is_yaml {
        return text + &properties::write(&values.iter().collect::<Vec<_>>());
    }
    if values.is_empty() {
        return String::new();
    }
    // texts of JSON are texts of YAML
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    for (key, value) in values {
        text += &format!("{}: {}\n", quoted(key), quoted(value));
    }
    text
}
