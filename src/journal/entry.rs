//! What the journal holds of an artifact: plain values, without the secrets among them.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::artifact::{Digest, may_be_secret};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{Configuration, RuntimeArtifact, RuntimeStatus, Stamp};

/// One kind of entry; one that is as by default is not on disk.
pub trait Entry: Clone + Default + PartialEq + Serialize + DeserializeOwned {
    /// The directory of this kind.
    const KIND: &'static str;

    /// Drops what means nothing any more a day after the last change.
    fn grow_old(&mut self) {}
}

/// What a run leaves for the next one, should it be killed. A part is removed when it is settled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recovery {
    /// The deployment that has no verdict yet: no call of the API lists tasks. (cpi-api.md §5.2)
    pub task: Option<CalledTask>,
    /// A deployment of other content may still come, or has come: as long as this stands, dates prove nothing.
    pub suspect: bool,
    /// The configured values, while an upload may have reset them. (unknown: cpi-api.md §15)
    pub values: Vec<SavedValue>,
    /// The content of a value mapping that was deleted to be created again.
    pub replaced: Option<SavedFile>,
    /// What was on the tenant before a run with a rollback.
    pub snapshot: Option<Snapshot>,
}

impl Entry for Recovery {
    const KIND: &'static str = "recovery";

    fn grow_old(&mut self) {
        self.values.clear();
    }
}

/// The task of a deploy call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalledTask {
    /// The run that called.
    pub run: String,
    /// The id of the task.
    pub id: String,
}

/// A file among the backups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub sha256: String,
}

/// A configured value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedValue {
    /// The key of the parameter.
    pub key: String,
    /// Its type.
    pub data_type: String,
    /// The value; `None` where it is or looks like a secret, which no file holds.
    pub text: Option<String>,
    /// The value that an upload brings; `None` where that is not known, or may be a secret.
    pub brought: Option<String>,
    /// A run was about to set it.
    pub set: bool,
}

impl SavedValue {
    /// Of a value that is configured. `brought`: what an upload brings. `hides`: whether a text holds a secret of this run.
    pub fn of(one: &Configuration, brought: Option<String>, hides: impl Fn(&str) -> bool) -> Self {
        let is_harmless = |value: &String| !may_be_secret(&one.key, value) && !hides(value);
        Self {
            key: one.key.clone(),
            data_type: one.data_type.clone(),
            text: Some(one.value.clone()).filter(is_harmless),
            brought: brought.filter(is_harmless),
            set: false,
        }
    }

    /// The value as it was configured, where it is known.
    pub fn configuration(&self) -> Option<Configuration> {
        Some(Configuration {
            key: self.key.clone(),
            value: self.text.clone()?,
            data_type: self.data_type.clone(),
        })
    }
}

/// What was on the tenant before the first write of a run with a rollback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name of the artifact.
    pub name: String,
    /// Its package.
    pub package: String,
    /// The version that the design time showed.
    pub version: String,
    /// The content; `None` where there was no such artifact.
    pub content: Option<SavedFile>,
    /// The run puts back all as soon as one fails.
    pub together: bool,
    /// Whether it ran.
    pub was: Was,
    /// Fingerprints of what was written, or was about to be.
    pub ours: BTreeSet<String>,
    /// Until when, by the tenant's clock, a deployment of the run that wrote this may come.
    pub until: TenantTime,
    /// The values that were configured.
    pub values: Vec<SavedValue>,
}

/// Whether and as what an artifact ran before the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Was {
    /// It was in the design time alone, or not on the tenant at all.
    #[default]
    NotDeployed,
    /// It ran, since then.
    Running(Option<TenantTime>),
    /// It was stopped.
    Stopped,
    /// It was deployed and had not come up.
    Broken,
    /// The runtime had not come to rest, or showed a status that is not documented.
    Unknown,
}

impl Was {
    /// From the runtime record of that time.
    pub fn of(record: Option<&RuntimeArtifact>) -> Self {
        let Some(record) = record else {
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
    pub fn ran(self) -> bool {
        matches!(self, Was::Running(_) | Was::Unknown)
    }
}

impl Snapshot {
    /// Whether a content is one that a run has written, or was about to.
    pub fn is_ours(&self, content: Digest) -> bool {
        self.ours.contains(&content.to_string())
    }

    /// Whether the runtime shows what it showed at that time, or what the run that wrote this may have deployed: a later
    /// deployment is another user's, and the snapshot tells nothing about it.
    pub fn covers(&self, deployed: Option<TenantTime>) -> bool {
        deployed.is_none_or(|date| date <= self.until || self.was == Was::Running(deployed))
    }

    /// The values that are known.
    pub fn configured(&self) -> impl Iterator<Item = Configuration> {
        self.values.iter().filter_map(SavedValue::configuration)
    }

    /// The keys of the values that are or look like secrets.
    pub fn withheld(&self) -> Vec<String> {
        self.unknown(&[]).1
    }

    /// Of the values that are not known: those that no run has set, as they are now, and the keys of the others.
    pub fn unknown(&self, now: &[Configuration]) -> (Vec<Configuration>, Vec<String>) {
        let (mut same, mut lost) = (Vec::new(), Vec::new());
        for unknown in self.values.iter().filter(|one| one.text.is_none()) {
            match now.iter().find(|one| one.key == unknown.key) {
                Some(one) if !unknown.set => same.push(one.clone()),
                _ => lost.push(unknown.key.clone()),
            }
        }
        (same, lost)
    }
}

/// What was judged to be started, without a doubt. It counts only while the tenant still shows every fact in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The fingerprint of the content that was sent.
    pub sent: String,
    /// The fingerprint of what the tenant stored of it, where that differs.
    pub stored: Option<String>,
    /// Digests of the values, by their keys, under the key of the credentials.
    pub parameters: BTreeMap<String, String>,
    /// The version that the design time showed.
    pub version: String,
    /// `ModifiedAt`, as the tenant writes it.
    pub saved: Option<String>,
    /// When it was deployed.
    pub deployed_on: Option<TenantTime>,
    /// By whom.
    pub deployed_by: String,
}

impl Entry for Proof {
    const KIND: &'static str = "proof";
}

impl Proof {
    /// Whether the tenant shows the deployment, the save and the values that were judged. What it holds in the design time is
    /// another question. `digest`: that of a value.
    pub fn is_shown(
        &self,
        design: &Stamp,
        record: &RuntimeArtifact,
        configured: &[Configuration],
        digest: impl Fn(&Configuration) -> Option<String>,
    ) -> bool {
        record.status == RuntimeStatus::Started
            && record.deployed_on.is_some()
            && record.deployed_on == self.deployed_on
            && record.deployed_by == self.deployed_by
            && (&design.version, &design.saved) == (&self.version, &self.saved)
            && configured.len() == self.parameters.len()
            && configured.iter().all(|one| {
                let judged = self.parameters.get(&one.key);
                judged.is_some() && judged == digest(one).as_ref()
            })
    }

    /// Whether the last save is the one that was judged.
    pub fn is_saved_by(&self, design: &Stamp) -> bool {
        design.saved.is_some() && (&design.version, &design.saved) == (&self.version, &self.saved)
    }

    /// Whether it is about content with this fingerprint, as it was sent or as it was stored.
    pub fn is_about(&self, content: Digest) -> bool {
        let content = content.to_string();
        content == self.sent || Some(content) == self.stored
    }
}

#[cfg(test)]
mod tests;
