//! From a tenant to Git: artifacts, packages or the whole tenant as directories in which nothing changes that did not change
//! on the tenant. Only the target directory is written, and nothing on the tenant.

mod directory;
pub mod fetch;
mod package;
mod parameters;
pub mod settings_file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::artifact::{Artifact, ArtifactError, ArtifactKind, PackOptions, working_copy};
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::inventory::selection::{self, Drafts, Selection};
use crate::inventory::{self, Inventory, PackageContent, Stored, Trouble, is_of_all};
use crate::parallel::parallel_map;
use crate::query::{Counter, Query, READERS};
use crate::settings::project::ParametersFile;
use crate::tenant::error::TenantError;
use crate::tenant::wire::ArtifactId;
use crate::text::few;
use crate::whole_file;

use self::directory::Layout;
pub use self::package::beside as package_beside;

/// What is downloaded, and whereto.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which artifacts, by their names in Git.
    pub selection: Selection,
    /// What becomes of drafts.
    pub drafts: Drafts,
    /// Artifacts that the tenant has no more are removed.
    pub prune: bool,
    /// Where the artifacts lie.
    pub directory: PathBuf,
    /// Where configured values go.
    pub parameters: ParametersPlace,
    /// Whether the settings file of the directory is written by us.
    pub keeps_settings: bool,
}

/// Where configured values go: one file for each artifact.
#[derive(Clone, Debug)]
pub struct ParametersPlace {
    /// What the settings file says.
    pub pattern: Option<ParametersFile>,
    /// The name of the environment, for the case that it says nothing.
    pub environment: String,
    /// Where relative paths of the settings file begin.
    pub base: PathBuf,
}

/// What became of one artifact.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id in Git.
    pub id: String,
    /// Its package in Git.
    pub package: String,
    /// Its type, where it is known.
    pub kind: Option<ArtifactKind>,
    /// Its version on the tenant.
    pub version: Option<String>,
    /// Where it lies, relative to the target.
    pub path: PathBuf,
    /// How it ended.
    pub end: End,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// How one artifact ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It was not in Git before.
    New,
    /// So many files were written or removed.
    Changed(usize),
    /// Nothing changed.
    Unchanged,
    /// It was left alone, by a rule.
    Skipped(String),
    /// The tenant has it no more; it is still there.
    Gone,
    /// The tenant has it no more, and its files were removed.
    Removed,
    /// It could not be had.
    Failed(Trouble),
}

/// What a download did.
#[derive(Debug, Default)]
pub struct Downloaded {
    /// The artifacts by package and id.
    pub items: Vec<Item>,
    /// What concerns more than one artifact.
    pub troubles: Vec<Trouble>,
    /// What a reader should know of the whole.
    pub notes: Vec<String>,
}

/// Brings what is wanted into the directory.
pub fn download(query: &Query<'_>, wanted: &Wanted) -> Result<Downloaded, TenantError> {
    let mut done = Downloaded::default();
    let inventory = selection::select(query, &wanted.selection)?;
    done.troubles.clone_from(&inventory.troubles);
    let layout = match Layout::read(&wanted.directory) {
        Ok(layout) => layout,
        Err(error) => {
            let message = told(&error, error.to_string()).at("--directory");
            done.troubles.push(Trouble::new(Exit::Usage, message));
            return Ok(done);
        }
    };
    done.notes
        .extend(directory::clashes(&inventory, &wanted.selection.names));
    let named: BTreeSet<&str> = wanted.selection.ids.iter().map(String::as_str).collect();
    let work = Work {
        query,
        wanted,
        layout: &layout,
        references: selection::own_names(&inventory, &wanted.selection.names),
        named,
        seen: Counter::new(query, inventory.artifacts().count()),
        stopped: AtomicBool::new(false),
    };
    done.items = work.all(&inventory);
    prune(query, wanted, &layout, &inventory, &mut done);
    finish(wanted, &inventory, &layout, &mut done);
    done.items
        .sort_by(|one, other| (&one.package, &one.id).cmp(&(&other.package, &other.id)));
    Ok(done)
}

/// What the hands that download share.
struct Work<'a> {
    query: &'a Query<'a>,
    wanted: &'a Wanted,
    layout: &'a Layout,
    references: BTreeMap<String, String>,
    named: BTreeSet<&'a str>,
    seen: Counter<'a>,
    /// Something happened that would hit every other artifact as well.
    stopped: AtomicBool,
}

impl Work<'_> {
    fn all(&self, inventory: &Inventory) -> Vec<Item> {
        let all: Vec<(&PackageContent, &Stored)> = inventory.artifacts().collect();
        parallel_map(all, READERS, |(content, stored)| {
            let item = self.one(content, stored);
            self.seen.one_more();
            item
        })
    }

    fn one(&self, content: &PackageContent, stored: &Stored) -> Item {
        let names = &self.wanted.selection.names;
        let id = names.id.original(&stored.artifact.id).to_owned();
        let package = names.package.original(&content.package.id).to_owned();
        let mut item = Item {
            path: self.layout.path(&package, &id),
            version: stored.artifact.number().map(str::to_owned),
            id,
            package,
            kind: Some(stored.kind),
            end: End::Unchanged,
            notes: Vec::new(),
        };
        item.end = match self.rule(content, stored, &item) {
            Some(end) => end,
            None => self.take(stored, &mut item).unwrap_or_else(End::Failed),
        };
        item
    }

    /// What is left alone, and what can't be held: by rules that look at the tenant's words only.
    fn rule(&self, content: &PackageContent, stored: &Stored, item: &Item) -> Option<End> {
        let named = self.named.contains(item.id.as_str());
        if self.stopped.load(Ordering::Relaxed) {
            return Some(End::Skipped("not reached".to_owned()));
        }
        if let Some(message) = directory::unholdable(&item.package, &item.id) {
            return Some(End::Failed(Trouble::failed(message)));
        }
        if stored.artifact.is_draft() && self.wanted.drafts != Drafts::Take {
            let by = stored.artifact.of_whom();
            let what = format!("it is a draft{by}");
            return Some(if named || self.wanted.drafts == Drafts::Refuse {
                let message = Message::new(format!("{} is left out: {what}", item.id));
                End::Failed(Trouble::failed(message.hint(
                    "let the author save it as a version, or take it as it is with --drafts take",
                )))
            } else {
                End::Skipped(what)
            });
        }
        if content.package.read_only() && !named && self.wanted.selection.packages.is_empty() {
            let what = "its package is read-only (configure-only content is not given out)";
            return Some(End::Skipped(what.to_owned()));
        }
        None
    }

    /// Fetches one artifact and writes what differs.
    fn take(&self, stored: &Stored, item: &mut Item) -> Result<End, Trouble> {
        let fetched = fetch::fetch(self.query, stored.kind, &stored.id())
            .map_err(|error| self.failed(error))?;
        let artifact = &fetched.artifact;
        let configured = self.configured(stored, artifact)?;
        let options = self.options(stored, artifact, item);
        let place = self.wanted.directory.join(&item.path);
        let staging = self.layout.staging();
        directory::refuse_links(&self.wanted.directory, &item.path)
            .map_err(|error| Trouble::from_artifact(&error, &item.id))?;
        if let Some(before) = self.layout.moved(&self.wanted.directory, item)? {
            item.notes.push(format!(
                "it moved from {} on the tenant, and here",
                before.display()
            ));
        }
        let updated = working_copy::update(artifact, &options, &configured, &place, staging)
            .map_err(|error| Trouble::from_artifact(&error, &item.id))?;
        item.notes.extend(working_copy::clashes(
            artifact.files().iter().map(|file| file.path.as_str()),
        ));
        item.notes.extend(left_aside(artifact));
        if stored.artifact.id != artifact.id() {
            item.notes.push(format!(
                "its manifest named `{}`; here it is aligned with the id on the tenant",
                artifact.id()
            ));
        }
        let files = updated.written.len() + updated.removed.len();
        let parameters = parameters::write(self.wanted, &place, &configured, item, staging)?;
        Ok(match files + usize::from(parameters) {
            _ if updated.new => End::New,
            0 => End::Unchanged,
            files => End::Changed(files),
        })
    }

    /// The values that are configured on the tenant. Only flows with parameters have any.
    fn configured(
        &self,
        stored: &Stored,
        artifact: &Artifact,
    ) -> Result<BTreeMap<String, String>, Trouble> {
        let has_parameters = !artifact.parameter_keys().is_empty();
        if stored.kind != ArtifactKind::IntegrationFlow || !has_parameters {
            return Ok(BTreeMap::new());
        }
        fetch::configured(self.query, &stored.id()).map_err(|error| self.failed(error))
    }

    /// How names of the environment are turned back.
    fn options(&self, stored: &Stored, artifact: &Artifact, item: &Item) -> PackOptions {
        let names = &self.wanted.selection.names;
        let id =
            (stored.artifact.id != item.id || artifact.id() != item.id).then(|| item.id.clone());
        let name = names
            .name
            .strip(artifact.name())
            .filter(|name| *name != artifact.name());
        PackOptions {
            id,
            name: name.map(str::to_owned),
            references: self.references.clone(),
            ..PackOptions::default()
        }
    }

    /// An error of one call. What hits every call ends the others before they begin.
    fn failed(&self, error: TenantError) -> Trouble {
        if is_of_all(&error) {
            self.stopped.store(true, Ordering::Relaxed);
        }
        error.into()
    }
}

/// What lies in the tenant's zip and is no part of an artifact: it is not written, as a deployment would not send it.
fn left_aside(artifact: &Artifact) -> Option<String> {
    let left_out = artifact.left_out();
    let names: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| format!("not written: {}", few(&names, 5)))
}

impl Trouble {
    /// An artifact that can't be read or written.
    fn from_artifact(error: &ArtifactError, id: &str) -> Self {
        let exit = match error {
            ArtifactError::WriteFile { .. }
            | ArtifactError::Write { .. }
            | ArtifactError::Link { .. } => Exit::Failed,
            _ => Exit::Protocol,
        };
        Self::new(exit, told(error, format!("{id}: {error}")))
    }
}

/// A message with the hint of an error.
fn told(error: &ArtifactError, what: String) -> Message {
    Message {
        hint: error.hint().map(str::to_owned),
        ..Message::new(what)
    }
}

/// What lies in the directory and is on the tenant no more. Each is looked up alone before it is believed: a list may have
/// been cut, or an artifact may be hidden.
fn prune(
    query: &Query<'_>,
    wanted: &Wanted,
    layout: &Layout,
    inventory: &Inventory,
    done: &mut Downloaded,
) {
    if !wanted.selection.all && wanted.selection.packages.is_empty() {
        return;
    }
    if !done.troubles.is_empty() {
        if wanted.prune {
            done.notes
                .push("nothing was pruned: not everything on the tenant could be read".to_owned());
        }
        return;
    }
    if inventory.artifacts().next().is_none() {
        if wanted.prune {
            done.troubles.push(nothing_there(query));
        }
        return;
    }
    let known: BTreeSet<&str> = inventory
        .artifacts()
        .filter_map(|(_, stored)| wanted.selection.names.id.strip(&stored.artifact.id))
        .collect();
    for (id, package, path) in layout.others(&known, wanted) {
        let on_tenant = ArtifactId(wanted.selection.names.id.apply(&id));
        let end = match inventory::find(query, &on_tenant) {
            Ok(None) if !wanted.prune => End::Gone,
            Ok(None) => match directory::remove(wanted, &path, &id) {
                Ok(()) => End::Removed,
                Err(error) => End::Failed(Trouble::from_artifact(&error, &id)),
            },
            Ok(Some((_, found))) => End::Skipped(format!(
                "on the tenant it is in package {}",
                found.package_id
            )),
            Err(error) => End::Failed(error.into()),
        };
        done.items.push(Item {
            id,
            package,
            kind: None,
            version: None,
            path,
            end,
            notes: Vec::new(),
        });
    }
}

/// A tenant that shows nothing at all is the wrong one more often than an empty one.
fn nothing_there(query: &Query<'_>) -> Trouble {
    let message = Message::new("nothing was pruned: the tenant shows no artifact at all");
    Trouble::failed(message.at(query.tenant.host()).hint(
        "look whether the key is that of the right tenant and sees its artifacts; delete the directory by hand if it is empty indeed",
    ))
}

/// What describes the packages, and the settings file that names them.
fn finish(wanted: &Wanted, inventory: &Inventory, layout: &Layout, done: &mut Downloaded) {
    let names = &wanted.selection.names.package;
    let mut kept = Vec::new();
    for content in &inventory.packages {
        let id = names.original(&content.package.id);
        if directory::unholdable(id, id).is_none() {
            kept.push(package::write(wanted, content, id, layout.staging()));
        }
    }
    if wanted.prune {
        package::remove_deserted(&wanted.directory, inventory, wanted);
    }
    kept.push(layout.record(&done.items));
    kept.push(settings_file::keep(wanted, layout.staging()));
    done.troubles
        .extend(kept.into_iter().filter_map(Result::err));
    layout.clean_up();
}

/// The most bytes of a file beside artifacts that are read.
const LARGEST: u64 = 1 << 20;

/// Reads a whole file if it is there and no larger than such files are.
fn read_text(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    let is_read = found.is_file() && found.len() <= LARGEST;
    is_read.then(|| fs::read_to_string(path).ok())?
}

/// Writes a text unless the same is there.
fn keep_text(staging: &Path, path: &Path, text: &str) -> Result<(), Trouble> {
    match read_text(path) {
        Some(found) if found == text => Ok(()),
        _ => write_text(staging, path, text),
    }
}

/// Writes a text as a whole: first into the staging directory, then to its place.
fn write_text(staging: &Path, path: &Path, text: &str) -> Result<(), Trouble> {
    whole_file::replace_from(staging, path, |file| file.write_all(text.as_bytes()))
        .map_err(|error| not_written(path, &error))
}

/// A file that could not be written, with its path.
fn not_written(path: &Path, error: &std::io::Error) -> Trouble {
    let message = Message::new(format!("{} can't be written: {error}", path.display()));
    Trouble::new(
        Exit::Failed,
        message.hint("check who may write there, and whether the disk is full"),
    )
}
