//! `flowship deploy --restore`: what a note describes is put back, whatever the settings and files here say by now.

use std::io;
use std::path::{Path, PathBuf};

use super::hold::Hold;
use super::kept;
use crate::artifact::ArtifactError;
use crate::deploy::backup::{Note, NoteError};
use crate::deploy::job::{self, Content, Guard, Job, Source};
use crate::settings::parameters::{self, NamedParameter};
use crate::tenant::wire::ArtifactId;

/// A backup that is to be put back.
pub struct Restore {
    note: Note,
    content: Content,
    file: PathBuf,
}

/// Why a backup can't be put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The note is no use.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// A run works with it.
    #[error("another run with --rollback is working with it: wait for its end")]
    Held,
    /// It says that there was nothing.
    #[error("nothing stood there before: there is nothing to put back")]
    Nothing,
    /// The content beside it can't be read.
    #[error("the saved content {} can't be read: {error}", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The content is not what was saved.
    #[error("{} is not the content that was saved: its digest is another one", path.display())]
    Changed {
        /// Where it is.
        path: PathBuf,
    },
    /// The content is no artifact.
    #[error("{0}")]
    Artifact(#[from] ArtifactError),
}

impl Restore {
    /// Reads a note, and the content beside it. `file`: the note.
    pub fn read(file: &Path) -> Result<Self, RestoreError> {
        let note = Note::read_unverified(file)?;
        if Hold::take(file).is_none() {
            return Err(RestoreError::Held);
        }
        let zip = note.zip(file).ok_or(RestoreError::Nothing)?;
        let whole = note.is_whole(file);
        let whole = whole.map_err(|error| RestoreError::Missing {
            path: zip.clone(),
            error,
        })?;
        if !whole {
            return Err(RestoreError::Changed { path: zip });
        }
        let content = kept::content_of(&note, &zip)?;
        Ok(Self {
            note,
            content,
            file: file.to_owned(),
        })
    }

    /// The address of the tenant that it was saved from.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.note.tenant()
    }

    /// The id of the artifact.
    #[must_use]
    pub fn artifact(&self) -> ArtifactId {
        self.note.artifact()
    }

    /// The job that puts it back: content and values as they were saved, deployed if it ran. `named`: values that win over
    /// those of the backup.
    #[must_use]
    pub fn job(self, rules: &job::Rules, named: Vec<NamedParameter>) -> Job {
        let was = self.note.was();
        let withheld = self.note.withheld_keys();
        let mut known = self.note.ours().to_vec();
        known.push(self.content.comparable.fingerprint().to_string());
        let guard = Guard {
            known,
            withheld: withheld.clone(),
        };
        let mut job = Job {
            id: self.note.artifact(),
            source: Source::Files(Box::new(self.content)),
            named: Vec::new(),
            rules: job::Rules {
                force: rules.force,
                deploy: rules.deploy,
                ..kept::as_it_was(rules, was, Some(guard))
            },
            needs: Vec::new(),
            requires: Vec::new(),
            notes: Vec::new(),
        };
        let at = self.file.display().to_string();
        let values = self.note.configured().into_iter();
        let values = values
            .filter(|one| kept::knows(&job, &one.key))
            .map(|one| NamedParameter::plain(one.key, one.value, at.clone()));
        let named_keys: Vec<String> = named.iter().map(|one| one.key.clone()).collect();
        job.named = parameters::last_wins(values.chain(named).collect());
        let open: Vec<String> = withheld
            .into_iter()
            .filter(|key| !named_keys.contains(key))
            .collect();
        if !open.is_empty() {
            job.notes.push(format!(
                "values that are or look like secrets are not in the backup and stay as they are on the tenant: look at {} yourself",
                open.join(", ")
            ));
        }
        job
    }
}
