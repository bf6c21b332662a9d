//! A note beside the kept content, so that a run which was killed can be run again: what it would have put back is not
//! lost with it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::decision::Was;
use crate::artifact::{Digest, looks_secret};
use crate::deploy::Context;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{ArtifactId, Configuration};
use crate::whole_file;

/// The version of the form; a note of another one is none.
const FORM: u32 = 1;
/// More than any note has, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What is written down of one artifact.
#[derive(Serialize, Deserialize)]
pub(super) struct Note {
    form: u32,
    tenant: String,
    artifact: String,
    /// The file with its content, beside the note.
    zip: String,
    /// The version that the design time showed.
    pub(super) version: String,
    was: Ran,
    /// What was written, or was about to be: fingerprints of contents.
    ours: Vec<String>,
    values: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Value {
    key: String,
    text: String,
    data_type: String,
}

/// Whether it ran.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ran {
    NotDeployed,
    Running(Option<i64>),
    Down,
    Unknown,
}

impl Note {
    /// What is written down before the first write. Values that are or look like secrets are not.
    pub(super) fn of(
        context: &Context<'_>,
        id: &ArtifactId,
        zip: &Path,
        version: &str,
        was: Was,
        configured: &[Configuration],
        ours: Digest,
    ) -> Self {
        let may_be_written =
            |one: &&Configuration| !looks_secret(&one.key) && !context.tenant.hides(&one.value);
        let values = configured.iter().filter(may_be_written).map(|one| Value {
            key: one.key.clone(),
            text: one.value.clone(),
            data_type: one.data_type.clone(),
        });
        let name = zip.file_name().unwrap_or_default();
        Self {
            form: FORM,
            tenant: context.tenant.host().to_owned(),
            artifact: id.0.clone(),
            zip: name.to_string_lossy().into_owned(),
            version: version.to_owned(),
            was: match was {
                Was::New | Was::NotDeployed => Ran::NotDeployed,
                Was::Running(date) => Ran::Running(date.map(|date| date.0)),
                Was::Down => Ran::Down,
                Was::Unknown => Ran::Unknown,
            },
            ours: vec![ours.to_string()],
            values: values.collect(),
        }
    }

    /// The note that an earlier run left about an artifact of this tenant, if there is one.
    pub(super) fn read(directory: &Path, context: &Context<'_>, id: &ArtifactId) -> Option<Self> {
        let mut text = Vec::new();
        let file = File::open(place(directory, context.tenant.host(), id)).ok()?;
        file.take(LARGEST).read_to_end(&mut text).ok()?;
        let note: Self = serde_json::from_slice(&text).ok()?;
        let is_about = note.form == FORM
            && note.tenant == context.tenant.host()
            && note.artifact == id.0
            && Path::new(&note.zip).file_name() == Some(note.zip.as_ref());
        is_about.then_some(note)
    }

    /// Writes it down.
    pub(super) fn write(&self, directory: &Path) -> std::io::Result<()> {
        let id = ArtifactId(self.artifact.clone());
        let text = serde_json::to_vec_pretty(self)?;
        whole_file::replace_private(&place(directory, &self.tenant, &id), |target| {
            target.write_all(&text)
        })
    }

    /// Adds what another run is about to write.
    pub(super) fn with_ours(mut self, ours: Digest) -> Self {
        let ours = ours.to_string();
        if !self.ours.contains(&ours) {
            self.ours.push(ours);
        }
        self
    }

    /// Whether a content is one that a run has written which was interrupted.
    pub(super) fn is_ours(&self, content: Digest) -> bool {
        self.ours.contains(&content.to_string())
    }

    /// Where the kept content lies.
    pub(super) fn zip(&self, directory: &Path) -> PathBuf {
        directory.join(&self.zip)
    }

    /// What stood there.
    pub(super) fn was(&self) -> Was {
        match self.was {
            Ran::NotDeployed => Was::NotDeployed,
            Ran::Running(date) => Was::Running(date.map(TenantTime)),
            Ran::Down => Was::Down,
            Ran::Unknown => Was::Unknown,
        }
    }

    /// The values that were configured.
    pub(super) fn configured(&self) -> Vec<Configuration> {
        let values = self.values.iter();
        values
            .map(|one| Configuration {
                key: one.key.clone(),
                value: one.text.clone(),
                data_type: one.data_type.clone(),
            })
            .collect()
    }
}

/// Takes the note away, where there is one.
pub(super) fn remove(directory: &Path, context: &Context<'_>, id: &ArtifactId) {
    let _ = fs::remove_file(place(directory, context.tenant.host(), id));
}

/// One name for each artifact of each tenant, whatever characters they have.
fn place(directory: &Path, host: &str, id: &ArtifactId) -> PathBuf {
    let digest = Digest::of(format!("{host}\n{id}").as_bytes()).to_string();
    directory.join(format!("flowship-kept-{}.json", &digest[..16]))
}
