//! A note beside saved content: what it is, where it came from, what was configured and whether it ran. The next run puts
//! back what it describes when this one is killed.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::{self, Digest, may_be_secret};
use crate::deploy::plan::{Memory, Standing};
use crate::state_files::{NotOurs, StateFiles};
use crate::tenant::Tenant;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{ArtifactId, Configuration, RuntimeStatus};
use crate::whole_file;

/// The version of the form; a note of another one is none.
const FORM: u32 = 3;

/// Whether and as what an artifact ran before the first write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// It was in the design time alone.
    NotDeployed,
    /// It ran, since then.
    Running(Option<TenantTime>),
    /// Somebody had stopped it.
    Stopped,
    /// It was deployed and had not come up.
    Broken,
    /// The runtime had not come to rest, or showed a status that nobody knows.
    Unknown,
}

impl Was {
    /// From what was read before the first write.
    #[must_use]
    pub fn of(standing: &Standing) -> Self {
        let Some(record) = &standing.runtime else {
            return Was::NotDeployed;
        };
        match record.status {
            RuntimeStatus::Started => Was::Running(record.deployed_on),
            RuntimeStatus::Error => Was::Broken,
            RuntimeStatus::Stopped => Was::Stopped,
            _ => Was::Unknown,
        }
    }

    /// Whether it is to run again when it is put back.
    #[must_use]
    pub fn ran(self) -> bool {
        matches!(self, Was::Running(_) | Was::Unknown)
    }
}

/// What is known of saved content.
pub struct Saved<'a> {
    /// Its id on the tenant.
    pub id: &'a ArtifactId,
    /// Its name there.
    pub name: &'a str,
    /// Its package.
    pub package: &'a str,
    /// The version that the design time showed.
    pub version: &'a str,
    /// The file with it.
    pub zip: &'a Path,
    /// The digest of that file.
    pub zip_sha256: Digest,
    /// Whether it ran.
    pub was: Was,
    /// The values that were configured.
    pub configured: &'a [Configuration],
}

/// What is written down of one artifact.
#[derive(Clone, Serialize, Deserialize)]
pub struct Note {
    form: u32,
    /// The address of the tenant.
    tenant: String,
    artifact: String,
    name: String,
    package: String,
    version: String,
    /// The file with its content, beside the note; `None` where nothing stood there.
    content: Option<ContentFile>,
    /// The run puts back all as soon as one fails.
    #[serde(default)]
    together: bool,
    was: Ran,
    /// What was written, or was about to be: fingerprints of contents.
    #[serde(default)]
    ours: Vec<String>,
    /// Until when, in milliseconds since 1970 by the tenant's clock, a deployment of the run that wrote this may come.
    #[serde(default)]
    until: i64,
    values: Vec<Value>,
    /// The parameters whose values no file may hold.
    withheld: Vec<Withheld>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ContentFile {
    zip: String,
    sha256: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Value {
    key: String,
    text: String,
    data_type: String,
}

/// A parameter whose value is or looks like a secret: the value is not written down.
#[derive(Clone, Serialize, Deserialize)]
struct Withheld {
    key: String,
    /// A run was about to set it.
    set: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ran {
    NotDeployed,
    Running(Option<i64>),
    Stopped,
    Broken,
    Unknown,
}

/// Why a note can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// It can't be read, or these credentials did not write it.
    #[error("{0}")]
    NotOurs(#[from] NotOurs),
    /// It is none.
    #[error("is no note of a backup that this version of flowship wrote")]
    NotOne,
}

impl Note {
    /// What is written down. Values that are or look like secrets are not.
    #[must_use]
    pub(crate) fn of(tenant: &Tenant, saved: &Saved<'_>) -> Self {
        let (withheld, values): (Vec<_>, Vec<_>) = saved
            .configured
            .iter()
            .partition(|one| may_be_secret(&one.key, &one.value) || tenant.hides(&one.value));
        let values = values.into_iter().map(|one| Value {
            key: one.key.clone(),
            text: one.value.clone(),
            data_type: one.data_type.clone(),
        });
        let withheld = withheld.into_iter().map(|one| Withheld {
            key: one.key.clone(),
            set: false,
        });
        let file = saved.zip.file_name().unwrap_or_default();
        Self {
            form: FORM,
            tenant: tenant.root(),
            artifact: saved.id.0.clone(),
            name: saved.name.to_owned(),
            package: saved.package.to_owned(),
            version: saved.version.to_owned(),
            content: Some(ContentFile {
                zip: file.to_string_lossy().into_owned(),
                sha256: saved.zip_sha256.to_string(),
            }),
            together: false,
            was: match saved.was {
                Was::NotDeployed => Ran::NotDeployed,
                Was::Running(date) => Ran::Running(date.map(|date| date.0)),
                Was::Stopped => Ran::Stopped,
                Was::Broken => Ran::Broken,
                Was::Unknown => Ran::Unknown,
            },
            ours: Vec::new(),
            until: 0,
            values: values.collect(),
            withheld: withheld.collect(),
        }
    }

    /// What is written down where nothing stood there.
    #[must_use]
    pub fn of_nothing(tenant: &Tenant, id: &ArtifactId, package: &str) -> Self {
        Self {
            form: FORM,
            tenant: tenant.root(),
            artifact: id.0.clone(),
            name: String::new(),
            package: package.to_owned(),
            version: String::new(),
            content: None,
            together: false,
            was: Ran::NotDeployed,
            ours: Vec::new(),
            until: 0,
            values: Vec::new(),
            withheld: Vec::new(),
        }
    }

    /// Reads a note that these credentials wrote.
    pub(crate) fn read(state: &StateFiles, file: &Path) -> Result<Self, NoteError> {
        Self::parse(&state.read(file)?)
    }

    /// Reads the text of a note.
    pub fn parse(text: &[u8]) -> Result<Self, NoteError> {
        let note: Self = serde_json::from_slice(text).map_err(|_| NoteError::NotOne)?;
        // a name and no path: nothing outside the directory is read
        let beside = |file: &ContentFile| {
            Path::new(&file.zip).file_name() == Some(file.zip.as_ref())
                && file.zip.starts_with(super::BACKUP)
                && Path::new(&file.zip).extension() == Some("zip".as_ref())
        };
        let has_names = [&note.artifact, &note.package]
            .iter()
            .all(|id| !id.is_empty() && artifact::id::fault(id).is_none());
        if note.form == FORM && has_names && note.content.as_ref().is_none_or(beside) {
            Ok(note)
        } else {
            Err(NoteError::NotOne)
        }
    }

    /// Whether it is about this artifact of this tenant.
    #[must_use]
    pub fn is_about(&self, tenant: &Tenant, id: &ArtifactId) -> bool {
        self.tenant == tenant.root() && self.artifact == id.0
    }

    /// Writes it down, for the eyes of its owner alone.
    pub(crate) fn write(&self, state: &StateFiles, file: &Path) -> io::Result<()> {
        state.write(file, &serde_json::to_vec_pretty(self)?)
    }

    /// The same of a run that puts back all as soon as one fails, if it does.
    #[must_use]
    pub fn together(mut self, together: bool) -> Self {
        self.together = together;
        self
    }

    /// Whether the run that wrote it puts back all as soon as one fails.
    #[must_use]
    pub fn is_together(&self) -> bool {
        self.together
    }

    /// What it remembers.
    #[must_use]
    pub fn memory(&self) -> Memory {
        match self.content {
            Some(_) => Memory::Content,
            None => Memory::Nothing,
        }
    }

    /// Adds what a run is about to write, and until when its deployment may come.
    #[must_use]
    pub fn with_ours(mut self, content: Digest, until: i64) -> Self {
        let content = content.to_string();
        if !self.ours.contains(&content) {
            self.ours.push(content);
        }
        self.until = self.until.max(until);
        self
    }

    /// Whether a content is one that a run has written, or was about to.
    #[must_use]
    pub fn is_ours(&self, content: Digest) -> bool {
        self.ours.contains(&content.to_string())
    }

    /// Whether the runtime shows what it showed when this was written, or what the run that wrote it may have deployed: what
    /// was deployed later is somebody else's, and the note tells nothing about it.
    #[must_use]
    pub fn covers(&self, deployed: Option<TenantTime>) -> bool {
        match deployed {
            Some(date) => date.0 <= self.until || self.was() == Was::Running(deployed),
            None => true,
        }
    }

    /// The id of the artifact.
    #[must_use]
    pub fn artifact(&self) -> ArtifactId {
        ArtifactId(self.artifact.clone())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its package.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.package
    }

    /// The version that the design time showed.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the saved content lies, if any was. `note`: where this note does.
    #[must_use]
    pub fn zip(&self, note: &Path) -> Option<PathBuf> {
        let file = self.content.as_ref()?;
        Some(note.with_file_name(&file.zip))
    }

    /// Whether the saved content is there, byte by byte; also where nothing was saved. `note`: where this note lies.
    pub fn is_whole(&self, note: &Path) -> io::Result<bool> {
        let Some(file) = &self.content else {
            return Ok(true);
        };
        let mut zip = whole_file::open_ordinary(&note.with_file_name(&file.zip))?;
        Ok(Digest::of_reader(&mut zip)?.to_string() == file.sha256)
    }

    /// What stood there.
    #[must_use]
    pub fn was(&self) -> Was {
        match self.was {
            Ran::NotDeployed => Was::NotDeployed,
            Ran::Running(date) => Was::Running(date.map(TenantTime)),
            Ran::Stopped => Was::Stopped,
            Ran::Broken => Was::Broken,
            Ran::Unknown => Was::Unknown,
        }
    }

    /// The values that were configured, as far as they are written down.
    #[must_use]
    pub fn configured(&self) -> Vec<Configuration> {
        let values = self.values.iter();
        values
            .map(|one| Configuration {
                key: one.key.clone(),
                value: one.text.clone(),
                data_type: one.data_type.clone(),
            })
            .collect()
    }

    /// Remembers which of the values that are not written down a run is about to set.
    #[must_use]
    pub fn with_set(mut self, is_set: impl Fn(&str) -> bool) -> Self {
        for withheld in &mut self.withheld {
            withheld.set |= is_set(&withheld.key);
        }
        self
    }

    /// Of the parameters whose values are not written down: those that no run has set, as they are now, and the keys of the
    /// others.
    #[must_use]
    pub fn withheld(&self, now: &[Configuration]) -> (Vec<Configuration>, Vec<String>) {
        let (mut same, mut lost) = (Vec::new(), Vec::new());
        for withheld in &self.withheld {
            match now.iter().find(|one| one.key == withheld.key) {
                Some(one) if !withheld.set => same.push(one.clone()),
                _ => lost.push(withheld.key.clone()),
            }
        }
        (same, lost)
    }

    /// The keys of the parameters whose values are not written down.
    #[must_use]
    pub fn withheld_keys(&self) -> Vec<String> {
        self.withheld.iter().map(|one| one.key.clone()).collect()
    }
}

/// Where a run writes down what another one may need: one place for each artifact of each tenant. `what`: what is written
/// down.
#[must_use]
pub fn place(directory: &Path, tenant: &Tenant, id: &ArtifactId, what: &str) -> PathBuf {
    let digest = super::short_digest(&tenant.root(), &id.0);
    directory.join(format!("flowship-{what}-{digest}.json"))
}
