//! Package and content: create or update, and look before sending again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek};

use super::{Halt, Writing};
use crate::artifact::Comparable;
use crate::deploy::job::{Content, Source};
use crate::deploy::outcome::Sent;
use crate::deploy::plan::{Steps, Upload};
use crate::deploy::recovery;
use crate::deploy::survey;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::PackageId;
use crate::tenant::{Lost, Reading, Written, ZipBytes};

/// Content that the tenant gave out.
pub(super) struct Downloaded {
    pub(super) file: File,
    pub(super) size: u64,
}

impl ZipBytes for Downloaded {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

impl Writing<'_> {
    pub(super) fn upload(&mut self, steps: Steps) -> Result<(), Halt> {
        let Source::Files(content) = &self.job.source else {
            return match steps.upload {
                Upload::Again => self.upload_again(),
                _ => Ok(()),
            };
        };
        match steps.upload {
            Upload::Create => self.create_or_complete(content),
            Upload::Update => self.update(content),
            Upload::Replace => self.replace(content),
            Upload::Keep | Upload::Again => Ok(()),
        }
    }

    /// Creates the package that the artifact is to live in.
    pub(super) fn create_package(&mut self) -> Result<(), Halt> {
        let Source::Files(content) = &self.job.source else {
            return Ok(());
        };
        let package = &content.package;
        self.progress(format!("creating package {package}"));
        let before = self.sending("the creation of the package", Sent::Nothing);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.create_integration_package(
                package,
                &content.package_name,
                content.short_text.as_ref().unwrap_or(&content.package_name),
                &content.package_description,
                self.context.deadline,
            );
            let lost = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(lost)) => lost,
                // two runs may create the same package at once, or a lost answer was a success
                Err(error) if error.kind == Kind::Refused && self.package_is_there(package)? => {
                    break;
                }
                Err(error) if error.kind == Kind::Refused && attempt > 1 => Lost::refused(error),
                Err(error) => {
                    self.back_to(before);
                    return Err(error.into());
                }
            };
            if self.package_is_there(package)? {
                break;
            }
            self.try_again("the package", attempt, lost, self.context.deadline)?;
        }
        self.wrote(format!(
            "package {package} is there; the artifact is not there yet"
        ));
        Ok(())
    }

    fn package_is_there(&self, package: &PackageId) -> Result<bool, TenantError> {
        let reading = self
            .context
            .tenant
            .integration_package(package, self.closing())?;
        Ok(matches!(reading, Reading::Found(_)))
    }

    pub(super) fn create(&mut self, content: &Content) -> Result<(), Halt> {
        let (archive, size) = match &self.merged {
            Some(merged) => (merged.archive.clone(), merged.archive.size),
            None => (content.archive.clone(), content.archive.size),
        };
        self.progress(format!("uploading (new, {size} bytes)"));
        self.content_sent.get_or_insert(self.context.clock.now());
        let before = self.sending("the content", Sent::Content);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.create_designtime_artifact(
                self.kind,
                &self.job.id,
                &content.name,
                &content.package,
                archive.as_ref(),
                self.context.deadline,
            );
            let lost = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(lost)) => lost,
                Err(error) if error.kind == Kind::Refused && attempt > 1 => Lost::refused(error),
                Err(error) => {
                    self.back_to(before);
                    let taken = error.is_duplicate() && self.standing.artifact.is_none();
                    let theirs = if taken {
                        self.created_meanwhile()?
                    } else {
                        None
                    };
                    return Err(theirs.unwrap_or_else(|| error.into()));
                }
            };
            let found =
                self.context
                    .tenant
                    .designtime_artifact(self.kind, &self.job.id, self.closing())?;
            match found {
                Reading::Found(_) if self.holds_our_content(content)? => break,
                Reading::Found(artifact) if self.is_somebody_else(&artifact) => {
                    return Err(self.overtaken(&artifact));
                }
                Reading::Found(_) => return self.update(content),
                Reading::Missing(_) => {
                    self.try_again("the artifact", attempt, lost, self.context.deadline)?;
                }
            }
        }
        self.wrote("the content was created; it is not deployed yet");
        Ok(())
    }

    fn update(&mut self, content: &Content) -> Result<(), Halt> {
        self.look_before(Upload::Update)?;
        self.progress(format!("uploading ({} bytes)", content.archive.size));
        recovery::configured(self.context, self.job, self.standing, &self.brought);
        self.put(&content.name, content.archive.as_ref(), |writing| {
            Ok(writing.holds_our_content(content)? && writing.was_saved()?)
        })?;
        self.wrote("the content was updated; it is not deployed yet");
        let found =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        if let Reading::Found(artifact) = found {
            self.after_upload = Some(artifact.stamp());
        }
        Ok(())
    }

    /// Uploads what the tenant holds once more, so that its last save is later than what runs: otherwise parameters
    /// that are written now, and a deployment that fails then, would look like "nothing has changed" to the next run.
    fn upload_again(&mut self) -> Result<(), Halt> {
        self.look_before(Upload::Again)?;
        let reading =
            self.context
                .tenant
                .download(self.kind, &self.job.id, self.context.deadline)?;
        let (Reading::Found(file), Some(artifact)) = (reading, &self.standing.artifact) else {
            return Ok(());
        };
        let size = file.metadata().map_or(0, |found| found.len());
        self.progress(format!("saving the same content once more ({size} bytes)"));
        let name = artifact.name.clone();
        self.brought = brought_by(&file);
        recovery::configured(self.context, self.job, self.standing, &self.brought);
        // a lost answer of an upload that changes nothing is no reason to look, only to send again
        self.put(&name, &Downloaded { file, size }, |_| Ok(false))?;
        self.wrote("the same content was saved once more; it is not deployed yet");
        Ok(())
    }

    /// Sends an update until it is answered, or until `is_there` finds it.
    fn put(
        &mut self,
        name: &str,
        zip: &dyn ZipBytes,
        is_there: impl Fn(&Self) -> Result<bool, TenantError>,
    ) -> Result<(), Halt> {
        self.content_sent = Some(self.context.clock.now());
        let before = self.sending("the content", Sent::Content);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.update_designtime_artifact(
                self.kind,
                &self.job.id,
                name,
                zip,
                self.context.deadline,
            );
            let lost = match outcome {
                Ok(Written::Done(_)) => return Ok(()),
                Ok(Written::Lost(lost)) => lost,
                Err(error) => {
                    self.back_to(before);
                    return Err(error.into());
                }
            };
            if is_there(self)? {
                return Ok(());
            }
            self.nobody_else_saved()?;
            self.try_again("the content", attempt, lost, self.context.deadline)?;
        }
    }

    /// Before an update is sent again: what somebody else saved meanwhile is not overwritten.
    fn nobody_else_saved(&self) -> Result<(), Halt> {
        let found =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        let (Reading::Found(artifact), Some(before)) = (found, &self.standing.artifact) else {
            return Ok(());
        };
        if artifact.stamp() != before.stamp() && self.is_somebody_else(&artifact) {
            return Err(self.overtaken(&artifact));
        }
        Ok(())
    }

    /// Whether the artifact was saved since the survey. Content that is the same proves no save where only parameters
    /// change, and without a later ModifiedAt the next run would take them for deployed.
    fn was_saved(&self) -> Result<bool, TenantError> {
        let found =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        let (Reading::Found(artifact), Some(before)) = (found, &self.standing.artifact) else {
            return Ok(true);
        };
        let stamp = artifact.stamp();
        Ok(stamp.saved.is_none() || stamp != before.stamp())
    }
}

/// The values that content of the tenant brings, as far as they can be read.
fn brought_by(zip: &File) -> BTreeMap<String, String> {
    let again = survey::downloaded_again(zip);
    let content = again.and_then(Comparable::of_zip).ok();
    let values = content.as_ref().and_then(Comparable::parameters);
    values.cloned().unwrap_or_default()
}
