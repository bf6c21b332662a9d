//! What one artifact of a run is to become: everything that is known before the tenant is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::artifact::{Archive, Artifact, ArtifactError, ArtifactKind, Comparable, PackOptions};
use crate::settings::parameters::NamedParameter;

use super::outcome::Place;
use crate::journal::Was;
use crate::tenant::wire::{ArtifactId, Description, PackageId};

/// One artifact of a run.
pub struct Job {
    /// Its id on the tenant.
    pub id: ArtifactId,
    /// What is to be deployed.
    pub source: Source,
    /// The parameters that the caller named.
    pub named: Vec<NamedParameter>,
    /// What the caller allows and asks for.
    pub rules: Rules,
    /// The places, in the run, of those artifacts that must run before this one is written.
    pub needs: Vec<usize>,
    /// What it needs that is not in the run.
    pub requires: Vec<Requirement>,
    /// What a reader should know of it, whatever the verdict.
    pub notes: Vec<String>,
}

impl Job {
    /// The content that was packed, where it does not come from the tenant.
    pub fn content(&self) -> Option<&Content> {
        match &self.source {
            Source::Files(content) => Some(content),
            Source::Tenant => None,
        }
    }

    /// The type of the artifact. `held`: that of the tenant's, where there is one.
    pub fn kind(&self, held: Option<ArtifactKind>) -> Option<ArtifactKind> {
        self.content().map(|content| content.kind).or(held)
    }
}

/// An artifact that another one uses at run time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Its type.
    pub kind: ArtifactKind,
    /// Its id, as far as the user of it tells.
    pub name: String,
    /// The file and line that name it.
    pub place: String,
}

/// Where the content comes from.
pub enum Source {
    /// A directory or an exported zip.
    Files(Box<Content>),
    /// What the tenant holds already.
    Tenant,
}

/// Content that was packed.
pub struct Content {
    /// The type, from the manifest.
    pub kind: ArtifactKind,
    /// The name on the tenant.
    pub name: String,
    /// The package it belongs into.
    pub package: PackageId,
    /// The name for the package if it has to be created.
    pub package_name: String,
    /// The short text for the package if it has to be created; its name where there is none.
    pub short_text: Option<String>,
    /// What else describes the package if it has to be created.
    pub package_description: Description,
    /// The artifact's path as the caller named it, and the files in it.
    pub root: PathBuf,
    /// The paths of its files, relative to it.
    pub files: Vec<String>,
    /// The packed archive.
    pub archive: Arc<Archive>,
    /// The same content, to be compared with the tenant's.
    pub comparable: Comparable,
    /// The values of `parameters.prop`.
    pub parameters: BTreeMap<String, String>,
    /// The keys of `parameters.prop` and `parameters.propdef`.
    pub parameter_keys: BTreeSet<String>,
    /// The version of the manifest.
    pub version: String,
    /// How it was packed.
    pub pack: PackOptions,
    /// The artifact as it lies on disk.
    pub artifact: Artifact,
}

/// The package of an artifact, and what describes it if it has to be created.
pub struct Home {
    /// Its id.
    pub package: PackageId,
    /// Its name.
    pub name: String,
    /// Its short text; its name where there is none.
    pub short_text: Option<String>,
    /// What else describes it.
    pub description: Description,
}

impl Content {
    /// Packs an artifact. `root`: its path as the caller named it.
    pub fn pack(
        artifact: Artifact,
        pack: PackOptions,
        home: Home,
        root: PathBuf,
    ) -> Result<Self, ArtifactError> {
        let archive = Archive::pack(&artifact, &pack)?;
        Self::of(artifact, pack, home, root, archive)
    }

    /// A zip as it is, byte by byte. `root`: its path as the caller knows it.
    pub fn as_it_is(artifact: Artifact, home: Home, root: PathBuf) -> Result<Self, ArtifactError> {
        let archive = Archive::as_it_is(&artifact)?;
        Self::of(artifact, PackOptions::default(), home, root, archive)
    }

    fn of(
        artifact: Artifact,
        pack: PackOptions,
        home: Home,
        root: PathBuf,
        archive: Archive,
    ) -> Result<Self, ArtifactError> {
        Ok(Self {
            kind: artifact.kind(),
            name: pack
                .name
                .clone()
                .unwrap_or_else(|| artifact.name().to_owned()),
            package: home.package,
            package_name: home.name,
            short_text: home.short_text,
            package_description: home.description,
            root,
            files: artifact
                .files()
                .iter()
                .map(|file| file.path.clone())
                .collect(),
            archive: Arc::new(archive),
            comparable: Comparable::of(&artifact, &pack)?,
            parameters: artifact
                .parameters()
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.clone()))
                .collect(),
            parameter_keys: artifact
                .parameter_keys()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            version: artifact.version().to_owned(),
            pack,
            artifact,
        })
    }

    /// Whether it has a parameter, or SAP itself adds it.
    pub fn knows(&self, key: &str) -> bool {
        self.parameter_keys.contains(key) || key.starts_with("SAP_")
    }

    /// The file of the artifact that the tenant's words name, if they name one.
    pub fn file_named_in(&self, words: &[String]) -> Option<Place> {
        let named = |path: &&String| {
            let name = Path::new(path.as_str())
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.contains('.')
                && !name.starts_with('.')
                && words.iter().any(|text| names(text, name))
        };
        let path = self.files.iter().find(named)?;
        Some(Place {
            path: self.root.join(path).to_string_lossy().into_owned(),
            line: None,
        })
    }
}

/// Whether a text names a file: its name stands there, and not as the end or beginning of a longer one.
fn names(text: &str, name: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.match_indices(name).any(|(place, found)| {
        let before = text[..place].chars().next_back();
        let after = text[place + found.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(|c| inside(c) && c != '.')
    })
}

/// What the caller allows and asks for.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Create the package when it is missing.
    pub create_package: bool,
    /// Overwrite a draft that somebody else has saved.
    pub overwrite_drafts: bool,
    /// Deploy although nothing changed, or although the flow was stopped.
    pub force: bool,
    /// Deploy after uploading and configuring.
    pub deploy: bool,
    /// Let the artifact's own values win over those configured on the tenant.
    pub parameters_from_artifact: bool,
    /// Delete a value mapping that differs, and create it anew.
    pub replace_value_mappings: bool,
    /// Write nothing where what runs could not be put back.
    pub rollback_required: bool,
    /// Discard the entries of a value mapping that only the tenant has.
    pub drop_tenant_entries: bool,
    /// Where the journal of the run lies.
    pub backup_directory: PathBuf,
    /// How it ran before, where it is kept content that is put back: what still runs so is not deployed again.
    pub back: Option<Was>,
    /// The options with which another command reaches the same tenant: the environment and its settings file.
    pub reach: Vec<String>,
    /// Which version the tenant is to show.
    pub version: VersionRule,
    /// How long STARTED must stand.
    pub settle: Duration,
    /// The first pause between two looks.
    pub poll_interval: Duration,
}

impl Rules {
    /// What is deployed, in words.
    pub fn content(&self) -> &'static str {
        match self.back {
            Some(_) => "the kept content",
            None => "the new content",
        }
    }
}

/// Which version the tenant is to show after an upload. It is never asked to go down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VersionRule {
    /// Whatever the tenant makes of the upload.
    #[default]
    Keep,
    /// The one of the manifest.
    Manifest,
    /// One more than the tenant shows, in the last place.
    Bump,
    /// This one.
    Exactly(String),
    /// The one that the source of a transport shows, where the tenant takes it: a version is no reason to fail.
    Travel(String),
}

/// As the option takes it.
impl fmt::Display for VersionRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Keep => "keep",
            Self::Manifest => "manifest",
            Self::Bump => "bump",
            Self::Exactly(version) | Self::Travel(version) => version,
        })
    }
}
