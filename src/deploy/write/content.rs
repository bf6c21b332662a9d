//! The content: created, updated, or saved once more.

use std::fs::File;
use std::sync::Arc;

use super::Writing;
use crate::artifact::{ArtifactKind, Comparable};
use crate::clock::Deadline;
use crate::deploy::job::{Content, Source};
use crate::deploy::outcome::Sent;
use crate::deploy::plan::Upload;
use crate::deploy::recovery;
use crate::deploy::step::{Halt, Write};
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::{Lost, Written, ZipBytes};

impl Writing<'_> {
    /// Brings the content to the design time, as it was planned.
    pub fn bring_content(&mut self) -> Result<(), Halt> {
        match (self.steps.upload, &self.job.source) {
            (Upload::Create, Source::Files(content)) => {
                self.merge(content)?;
                self.create(content)
            }
            (Upload::Update, Source::Files(content)) => self.update(content),
            (Upload::Replace, Source::Files(content)) => self.replace(content),
            (Upload::Again, Source::Tenant) => self.save_again(),
            _ => Ok(()),
        }
    }

    pub fn create(&mut self, content: &Content) -> Result<(), Halt> {
        let merged = self.merged.as_ref().map(|merged| &merged.archive);
        let archive = Arc::clone(merged.unwrap_or(&content.archive));
        self.progress(format!("uploading (new, {} bytes)", archive.size));
        self.content_sent.get_or_insert(self.clock.now());
        let existed = self.before.is_some();
        let is_package_new = self.standing.package.is_none();
        let deadline = self.deadline;
        let call = |one: &Self| match one.create_from(content, archive.as_ref(), deadline) {
            // an id that was just deleted may be taken for a moment longer (unknown: cpi-api.md §15)
            Err(error) if existed && error.is_duplicate() => {
                Ok(Written::Lost(Lost::refused(error)))
            }
            // a replica may not know the package yet that was just created
            Err(error) if is_package_new && error.kind == Kind::NotFound => {
                Ok(Written::Lost(Lost::refused(error)))
            }
            answer => answer,
        };
        let write = Write {
            // one that is put back was deleted a moment ago as well
            replaces: existed || is_package_new || self.kind == ArtifactKind::ValueMapping,
            ..Write::new("the content", deadline).creating()
        };
        let created = self.send(&write, Sent::Content, call, |one| one.created(content));
        match created {
            Err(Halt::Tenant(error)) if !existed && error.is_duplicate() => {
                let theirs = self.created_meanwhile()?;
                return Err(theirs.unwrap_or(Halt::Tenant(error)));
            }
            Err(halt) => return Err(halt),
            Ok(Some(Created::Outdated)) => return self.update(content),
            Ok(Some(Created::Ours) | None) => {}
        }
        self.wrote("the content was created; it is not deployed yet");
        if self.kind == ArtifactKind::ValueMapping {
            self.is_settled();
        }
        Ok(())
    }

    /// One call that creates the artifact from a zip.
    pub fn create_from(
        &self,
        content: &Content,
        zip: &dyn ZipBytes,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        self.tenant.create_designtime_artifact(
            self.kind,
            self.id,
            &content.name,
            &content.package,
            zip,
            deadline,
        )
    }

    /// What a creation without an answer has led to.
    fn created(&self, content: &Content) -> Result<Option<Created>, Halt> {
        let Some(artifact) = self.shown()? else {
            return Ok(None);
        };
        if self.holds_our_content(content)? {
            return Ok(Some(Created::Ours));
        }
        if self
            .before
            .is_some_and(|deleted| deleted.stamp() == artifact.stamp())
        {
            return Ok(None);
        }
        if self.is_another_user(&artifact) {
            return Err(self.overtaken(&artifact));
        }
        Ok(Some(Created::Outdated))
    }

    fn update(&mut self, content: &Content) -> Result<(), Halt> {
        self.look_before()?;
        self.progress(format!("uploading ({} bytes)", content.archive.size));
        self.put(&content.name, content.archive.as_ref(), Some(content))?;
        self.wrote("the content was updated; it is not deployed yet");
        self.after_upload = self.shown()?.map(|artifact| artifact.stamp());
        Ok(())
    }

    /// Uploads what the tenant holds once more, so that its last save is later than what runs: otherwise parameters
    /// that are written now, and a deployment that fails then, would look like "nothing has changed" to the next run.
    fn save_again(&mut self) -> Result<(), Halt> {
        self.look_before()?;
        let (Some(zip), Some(artifact)) = (self.download()?, self.before) else {
            return Ok(());
        };
        let size = zip.size();
        self.progress(format!("saving the same content once more ({size} bytes)"));
        let content = comparable(&zip);
        let values = content.as_ref().and_then(Comparable::parameters);
        self.brought = values.cloned().unwrap_or_default();
        // a lost answer of an upload that changes nothing is no reason to look, only to send again
        self.put(&artifact.name, &zip, None)?;
        self.wrote("the same content was saved once more; it is not deployed yet");
        Ok(())
    }

    /// Sends an update. `content`: what is looked for where there is no answer.
    fn put(
        &mut self,
        name: &str,
        zip: &dyn ZipBytes,
        content: Option<&Content>,
    ) -> Result<(), Halt> {
        recovery::configured(self.context, self.job, self.standing, &self.brought);
        self.content_sent = Some(self.clock.now());
        let call = |one: &Self| {
            one.tenant
                .update_designtime_artifact(one.kind, one.id, name, zip, one.deadline)
        };
        let write = Write::new("the content", self.deadline);
        self.send(&write, Sent::Content, call, |one| one.updated(content))?;
        Ok(())
    }

    /// Whether an update without an answer was carried out. Content that is the same proves no save where only parameters
    /// change, and without a later ModifiedAt the next run would take them for deployed. What another user saved
    /// meanwhile is not overwritten.
    fn updated(&self, content: Option<&Content>) -> Result<Option<()>, Halt> {
        let same = match content {
            Some(content) => self.holds_our_content(content)?,
            None => false,
        };
        let (Some(now), Some(before)) = (self.shown()?, self.before) else {
            return Ok(same.then_some(()));
        };
        let stamp = now.stamp();
        let moved = stamp != before.stamp();
        let saved = same && (moved || stamp.saved.is_none());
        if !saved && moved && self.is_another_user(&now) {
            return Err(self.overtaken(&now));
        }
        Ok(saved.then_some(()))
    }

    /// The content that the tenant gives out.
    pub fn download(&self) -> Result<Option<File>, TenantError> {
        let reading = self.tenant.download(self.kind, self.id, self.deadline)?;
        Ok(reading.found())
    }
}

/// A downloaded zip, where it can be read.
pub fn comparable(zip: &File) -> Option<Comparable> {
    Comparable::of_zip(zip.open().ok()?).ok()
}

/// What the design time holds after a creation without an answer.
enum Created {
    Ours,
    /// Ours in name, with other content.
    Outdated,
}
