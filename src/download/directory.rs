//! Where artifacts lie in the target directory: where they lay before, or in a directory for each package.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{End, Item, Wanted, not_written, package, parameters, read_text, write_text};
use crate::artifact::working_copy::{self, clashes as clashing};
use crate::artifact::{Artifact, ArtifactError, MANIFEST_PATH, artifacts_below};
use crate::deploy::outcome::Message;
use crate::inventory::selection::Names;
use crate::inventory::{Inventory, Trouble};

/// Where files are written before they are moved to their place.
const STAGING: &str = ".flowship-download";

/// Which directories downloads have brought: nothing else is ever removed.
const RECORD: &str = ".flowship-downloaded";
/// What the record begins with.
const RECORD_HEAD: &str =
    "# Written by `flowship download`: what `--prune` may remove. Commit it with the artifacts.\n";

/// What lies in the target directory.
pub struct Layout {
    staging: PathBuf,
    directory: PathBuf,
    /// The artifacts by id, relative to the directory.
    present: BTreeMap<String, PathBuf>,
    /// The lines of the record.
    recorded: BTreeSet<String>,
}

impl Layout {
    /// Looks what is there. What an interrupted run left behind goes.
    pub fn read(directory: &Path) -> Result<Self, ArtifactError> {
        let unwritable = |source: io::Error| ArtifactError::WriteFile {
            at: directory.display().to_string(),
            source,
        };
        let staging = directory.join(STAGING);
        fs::create_dir_all(directory).map_err(unwritable)?;
        let _ = fs::remove_dir_all(&staging);
        fs::create_dir_all(&staging).map_err(unwritable)?;
        let record = read_text(&directory.join(RECORD)).unwrap_or_default();
        let paths = record.lines().filter(|line| !line.starts_with('#'));
        Ok(Self {
            present: present(directory)?,
            recorded: paths.map(str::to_owned).collect(),
            staging,
            directory: directory.to_owned(),
        })
    }

    pub fn staging(&self) -> &Path {
        &self.staging
    }

    pub fn clean_up(&self) {
        let _ = fs::remove_dir_all(&self.staging);
    }

    /// Where an artifact lies, or is to lie. What a download put into the folder of another package goes along with it.
    pub fn path(&self, package: &str, id: &str) -> PathBuf {
        match self.present.get(id) {
            Some(path) if !self.is_elsewhere(path, package) => path.clone(),
            _ => Path::new(package).join(id),
        }
    }

    /// Whether a path is in the folder of another package, as downloads make them.
    fn is_elsewhere(&self, path: &Path, package: &str) -> bool {
        let folder = path.parent().unwrap_or(Path::new(""));
        let is_ours = self.directory.join(folder).join(package::FILE).is_file();
        is_ours && folder != Path::new(package)
    }

    /// Moves the directory of an artifact that is in another package by now; from where.
    pub fn moved(&self, directory: &Path, item: &Item) -> Result<Option<&Path>, Trouble> {
        let before = self
            .present
            .get(&item.id)
            .filter(|before| **before != item.path);
        let Some(before) = before else {
            return Ok(None);
        };
        let target = directory.join(&item.path);
        let folder = target.parent().unwrap_or(directory);
        fs::create_dir_all(folder)
            .and_then(|()| fs::rename(directory.join(before), &target))
            .map_err(|error| not_written(&target, &error))?;
        Ok(Some(before))
    }

    /// Writes down what downloads have brought, this one included.
    pub fn record(&self, items: &[Item]) -> Result<(), Trouble> {
        let end_of = |path: &Path| items.iter().find(|item| item.path == path);
        let before = self.present.values().filter(|path| {
            let removed = end_of(path).is_some_and(|item| matches!(item.end, End::Removed));
            let is_there = self.directory.join(path).join(MANIFEST_PATH).exists();
            is_there && !removed && line(path).is_some_and(|line| self.recorded.contains(&line))
        });
        let is_here =
            |item: &&Item| matches!(item.end, End::New | End::Changed(_) | End::Unchanged);
        let brought = items.iter().filter(is_here).map(|item| &item.path);
        let lines: BTreeSet<String> = before
            .chain(brought)
            .filter_map(|path| line(path))
            .collect();
        if lines == self.recorded {
            return Ok(());
        }
        let lines = lines.into_iter().map(|line| line + "\n");
        let text: String = std::iter::once(RECORD_HEAD.to_owned())
            .chain(lines)
            .collect();
        write_text(&self.staging, &self.directory.join(RECORD), &text)
    }

    /// The artifacts in scope that are none of these: id, package and path.
    pub fn others(
        &self,
        known: &BTreeSet<&str>,
        wanted: &Wanted,
    ) -> Vec<(String, String, PathBuf)> {
        let others = self
            .present
            .iter()
            .filter(|(id, _)| !known.contains(id.as_str()));
        others
            .filter_map(|(id, path)| {
                let folder = path.parent()?.file_name().unwrap_or_default();
                let package = folder.to_str()?.to_owned();
                // what no download has brought was perhaps never on a tenant
                let in_scope = self.recorded.contains(&line(path)?)
                    && (wanted.selection.all || wanted.selection.packages.contains(&package));
                in_scope.then(|| (id.clone(), package, path.clone()))
            })
            .collect()
    }
}

/// A path as a line of the record: the same on every system.
fn line(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    let line = parts?.join("/");
    (!line.contains(char::is_control)).then_some(line)
}

/// The artifacts below a directory. A directory without one is a new one.
fn present(directory: &Path) -> Result<BTreeMap<String, PathBuf>, ArtifactError> {
    let found = match artifacts_below(directory) {
        Ok(found) => found,
        Err(ArtifactError::NoArtifactBelow { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut present = BTreeMap::new();
    for path in found {
        // the target itself would get other artifacts into it
        let Ok(below) = path.strip_prefix(directory) else {
            continue;
        };
        if below.as_os_str().is_empty() || !path.is_dir() {
            continue;
        }
        if let Ok(artifact) = Artifact::open(&path) {
            present
                .entry(artifact.id().to_owned())
                .or_insert_with(|| below.to_owned());
        }
    }
    Ok(present)
}

/// Removes what belongs to an artifact: its files and its parameters.
pub fn remove(wanted: &Wanted, path: &Path, id: &str) -> Result<(), ArtifactError> {
    let place = wanted.directory.join(path);
    working_copy::remove(&place)?;
    parameters::remove(wanted, &place, id);
    Ok(())
}

/// Why a directory can't be named so: names come from the tenant and must not lead anywhere else.
pub fn unholdable(package: &str, id: &str) -> Option<Message> {
    let bad = [package, id].into_iter().find(|name| {
        name.is_empty()
            || name.starts_with('.')
            || name.contains(['/', '\\'])
            || name.chars().any(char::is_control)
            || name.len() > 200
    })?;
    let what = format!("`{bad}` can't be the name of a directory");
    Some(Message::new(what).hint("rename it on the tenant, or leave it there"))
}

/// Packages and ids that differ only in case, or that other systems can't hold.
pub fn clashes(inventory: &Inventory, names: &Names) -> Vec<String> {
    let packages = inventory.packages.iter();
    let mut found = clashing(packages.clone().map(|content| content.package.id.as_str()));
    for content in packages {
        let ids = content.artifacts.iter();
        found.extend(clashing(
            ids.map(|stored| names.id.original(&stored.artifact.id)),
        ));
    }
    found
}

/// Refuses a path below the directory that leads through a link: it could lead out of it.
pub fn refuse_links(directory: &Path, below: &Path) -> Result<(), ArtifactError> {
    let mut path = directory.to_owned();
    for part in below.components() {
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(ArtifactError::Link {
                at: path.display().to_string(),
                why: "leads out of the directory and is not followed",
            });
        }
    }
    Ok(())
}
