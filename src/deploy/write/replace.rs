//! Replacing a value mapping: the tenant has no update for it, so it is deleted and created anew. What it held is saved to
//! a file first, and put back when the creation fails.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::Downloaded;
use super::{Halt, Writing};
use crate::artifact::{Archive, ArtifactError, ArtifactKind, Comparable, PackOptions};
use crate::clock::Deadline;
use crate::deploy::job::Content;
use crate::deploy::outcome::{Message, Sent, Verdict, Word};
use crate::deploy::plan::Upload;
use crate::deploy::{Context, recovery, survey};
use crate::exit::Exit;
use crate::journal::{Backup, Recovery, Subject, Was};
use crate::tenant::error::TenantError;
use crate::tenant::{Reading, Written, ZipBytes};

/// The file in a value mapping that holds its entries.
const ENTRIES: &str = crate::artifact::value_mapping::VALUE_MAPPING_PATH;
/// How often the new content is sent while the tenant says that the deleted id is taken.
const CREATE_ATTEMPTS: u32 = 5;
/// How often the old content is sent to be put back.
const RESTORE_ATTEMPTS: u32 = 6;

/// Git's content with the entries that only the tenant has.
pub(super) struct Merged {
    pub(super) archive: Arc<Archive>,
    pub(super) comparable: Comparable,
}

impl Merged {
    fn of(content: &Content, entries: &[u8]) -> Result<Self, ArtifactError> {
        let mut pack: PackOptions = content.pack.clone();
        pack.replaced.insert(ENTRIES.to_owned(), entries.to_vec());
        Ok(Self {
            archive: Arc::new(Archive::pack(&content.artifact, &pack)?),
            comparable: Comparable::of(&content.artifact, &pack)?,
        })
    }
}

impl Writing<'_> {
    /// Backup, delete, create; where the creation fails, the old content again.
    pub(super) fn replace(&mut self, content: &Content) -> Result<(), Halt> {
        self.merge(content)?;
        let old = self.old_content()?;
        let backup = self.back_up(&old, content)?;
        self.look_after_the_backup(&old, &backup)?;
        self.delete()?;
        match self.create_anew(content) {
            Ok(()) => {
                self.is_settled();
                Ok(())
            }
            Err(halt) => self.put_back(content, &old, &backup, halt),
        }
    }

    /// What is deleted must be what was saved, and what the survey saw: else nothing is, and no backup is needed.
    fn look_after_the_backup(&self, old: &Downloaded, backup: &Path) -> Result<(), Halt> {
        let looked = self
            .look_before(Upload::Replace)
            .and_then(|()| self.must_be_as_surveyed(old));
        if looked.is_err() {
            self.is_settled();
            Backup::remove(backup);
        }
        looked
    }

    /// Creates what is not there; where an interrupted run had deleted it, with the entries that only the tenant had.
    pub(super) fn create_or_complete(&mut self, content: &Content) -> Result<(), Halt> {
        self.merge(content)?;
        self.create(content)?;
        if content.kind == ArtifactKind::ValueMapping {
            self.is_settled();
        }
        Ok(())
    }

    /// Creates it under the id that was just deleted, which may be taken for a moment longer (unknown: cpi-api.md §15).
    fn create_anew(&mut self, content: &Content) -> Result<(), Halt> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let halt = match self.create(content) {
                Err(Halt::Tenant(error)) if error.is_duplicate() => Halt::Tenant(error),
                ended => return ended,
            };
            if attempt >= CREATE_ATTEMPTS || !self.is_gone()? {
                return Err(halt);
            }
            let pause = crate::http::retry::backoff(attempt - 1);
            self.context.clock.sleep(pause);
        }
    }

    fn merge(&mut self, content: &Content) -> Result<(), Halt> {
        let Some(mapping) = &self.standing.mapping else {
            return Ok(());
        };
        let drop = self.job.rules.drop_tenant_entries;
        for entry in &mapping.only_on_tenant {
            let fate = if drop { "discarded" } else { "kept" };
            let entry = self.context.tenant.words(entry);
            self.note(format!("entry that only the tenant has, {fate}: {entry}"));
        }
        for entry in &mapping.overruled {
            let entry = self.context.tenant.words(entry);
            self.note(format!(
                "entry of the tenant that Git contradicts, so it goes: {entry}"
            ));
        }
        if let (Some(entries), false) = (&mapping.merged, drop) {
            let merged = Merged::of(content, entries).map_err(|error| cannot(&error))?;
            self.merged = Some(merged);
        }
        Ok(())
    }

    fn old_content(&self) -> Result<Downloaded, Halt> {
        let reading =
            self.context
                .tenant
                .download(self.kind, &self.job.id, self.context.deadline)?;
        match reading {
            Reading::Found(file) => {
                let size = file.metadata().map_or(0, |found| found.len());
                Ok(Downloaded { file, size })
            }
            Reading::Missing(_) => {
                let deleted = self.deleted_meanwhile()?;
                Err(deleted.unwrap_or_else(|| {
                    self.not_carried_out(
                        "the tenant no longer gives the value mapping out, so it is not replaced",
                        &[],
                    )
                }))
            }
        }
    }

    /// On a tenant that shows no dates, only the content tells that somebody has saved another one since the survey.
    fn must_be_as_surveyed(&self, old: &Downloaded) -> Result<(), Halt> {
        let now = old
            .open()
            .ok()
            .and_then(|file| Comparable::of_zip(file).ok());
        match (now, self.standing.remote_sha256) {
            (Some(now), Some(surveyed)) if now.fingerprint() != surveyed => {
                let found = self.written_artifact()?;
                Err(self.overtaken(&found))
            }
            _ => Ok(()),
        }
    }

    /// Whether the design time holds just this content.
    fn holds(&self, old: &Downloaded) -> Result<bool, TenantError> {
        let content = |file| Comparable::of_zip(file).map(|content| content.fingerprint());
        let old = old.open().ok().and_then(|file| content(file).ok());
        let context = Context {
            deadline: self.closing(),
            ..self.context.clone()
        };
        let now = survey::with_download(&context, self.kind, self.job, content)?;
        Ok(old.is_some() && now == old)
    }

    /// Saves the tenant's zip to a file; without it nothing is deleted.
    fn back_up(&mut self, old: &Downloaded, content: &Content) -> Result<PathBuf, Halt> {
        let version = self
            .standing
            .artifact
            .as_ref()
            .map_or("", |artifact| artifact.version.as_str());
        let path = self.save(old, version).map_err(|error| {
            let directory = self.context.journal.directory();
            let message =
                Message::new(format!("the content of the tenant can't be saved: {error}"))
                    .at(directory.display().to_string())
                    .hint("nothing was deleted; name another place with --backup-dir");
            let verdict = Verdict {
                exit: Exit::Usage,
                ..Verdict::bad(Word::Failed, self.state.clone(), message)
            };
            Halt::Verdict(Box::new(verdict))
        })?;
        self.note(format!(
            "backup of the tenant's content: {}; `{}` puts it back",
            path.display(),
            self.restore_command(
                &path,
                content,
                Was::of(self.standing.runtime.as_ref()).ran()
            )
        ));
        Ok(path)
    }

    /// Saves the zip, and that the value mapping is about to be deleted.
    fn save(&self, old: &Downloaded, version: &str) -> io::Result<PathBuf> {
        let (journal, kind, id) = (&self.context.journal, self.kind, &self.job.id);
        let (of, now) = (Subject { kind, id }, self.context.clock.now_iso());
        let saved = journal.save(of, version, &now, |target| {
            io::copy(&mut old.open()?, target).map(drop)
        })?;
        let zip = journal.backup(&saved.name);
        let now = Some(recovery::now(self.context, self.standing));
        let add = |recovery: &mut Recovery| recovery.replaced = Some(saved);
        journal.update(of, now, add).map(|()| zip)
    }

    /// The value mapping is there, and the next run need not be told of its backup.
    fn is_settled(&self) {
        recovery::update(self.context, self.job, self.standing, |one| {
            one.replaced = None;
        });
    }

    /// The command that makes the tenant hold a backup again. `deploys`: it is to run, too.
    fn restore_command(&self, zip: &Path, content: &Content, deploys: bool) -> String {
        let artifact = self.standing.artifact.as_ref();
        let backup = Backup {
            zip,
            kind: self.kind,
            id: &self.job.id.0,
            name: artifact.map_or(&content.name, |artifact| &artifact.name),
            package: &content.package.0,
            reach: &self.job.rules.reach,
        };
        backup.command(deploys)
    }

    fn delete(&mut self) -> Result<(), Halt> {
        self.progress("deleting it, to create it anew");
        let before = self.sending("the deletion of the value mapping", Sent::Content);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let deadline = self.context.deadline;
            let outcome =
                self.context
                    .tenant
                    .delete_designtime_artifact(self.kind, &self.job.id, deadline);
            let lost = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(lost)) => lost,
                Err(error) => {
                    self.back_to(before);
                    return Err(error.into());
                }
            };
            if self.is_gone()? {
                break;
            }
            self.try_again("the deletion", attempt, lost, deadline)?;
        }
        self.content_sent = Some(self.context.clock.now());
        self.wrote(
            "the value mapping was deleted from the design time; the runtime was not touched",
        );
        Ok(())
    }

    fn is_gone(&self) -> Result<bool, TenantError> {
        let reading =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        Ok(matches!(reading, Reading::Missing(_)))
    }

    /// Puts the old content back after a creation that failed, past the deadline if need be.
    fn put_back(
        &mut self,
        content: &Content,
        old: &Downloaded,
        backup: &Path,
        halt: Halt,
    ) -> Result<(), Halt> {
        self.progress("the creation failed: putting the old content back");
        let deadline = self.restoring();
        let mut attempt = 0;
        let why = loop {
            attempt += 1;
            let outcome = self.context.tenant.create_designtime_artifact(
                self.kind,
                &self.job.id,
                &content.name,
                &content.package,
                old,
                deadline,
            );
            let why = match outcome {
                Ok(Written::Done(_)) => return Err(self.restored(halt)),
                Ok(Written::Lost(lost)) => lost.why,
                Err(error) => error.to_string(),
            };
            if matches!(self.is_gone(), Ok(false)) {
                return match self.holds(old) {
                    Ok(false) => Err(self.other_content(content, halt)?),
                    // where it can't be read, it is there all the same
                    Ok(true) | Err(_) => Err(self.restored(halt)),
                };
            }
            if attempt >= RESTORE_ATTEMPTS || deadline.passed(self.context.clock.now()) {
                break why;
            }
            let pause = crate::http::retry::backoff(attempt - 1);
            self.context.clock.sleep(pause);
        };
        Err(self.lost_for_good(backup, content, halt, &why))
    }

    /// Neither the new content was taken nor the old one: the new one stands there all the same, or somebody has created it
    /// anew after our deletion.
    fn other_content(&mut self, content: &Content, halt: Halt) -> Result<Halt, Halt> {
        let found = self.written_artifact()?;
        self.is_settled();
        if self.holds_our_content(content)? {
            self.wrote("the design time holds the new content; it is not deployed");
            return Ok(self.with_note(halt, "the new content stands there all the same".to_owned()));
        }
        self.wrote("the design time holds what somebody else created; the runtime was not touched");
        Ok(self.overtaken(&found))
    }

    fn restoring(&self) -> Deadline {
        let later = self.context.clock.now() + super::GRACE;
        self.context.deadline.or_later(later)
    }

    fn restored(&mut self, halt: Halt) -> Halt {
        self.is_settled();
        self.wrote("the new content was not taken; the old content is back in the design time");
        self.with_note(
            halt,
            "the old content was put back; what runs was not touched".to_owned(),
        )
    }

    /// The design time has no such artifact now: what to do is told exactly.
    fn lost_for_good(&mut self, backup: &Path, content: &Content, halt: Halt, why: &str) -> Halt {
        self.wrote("the value mapping is NOT in the design time; the runtime was not touched");
        let command = self.restore_command(backup, content, false);
        let mut verdict = self.verdict_of(halt);
        let mut message = verdict.message.take().unwrap_or_default();
        message = message
            .because(format!("the old content could not be put back: {why}"))
            .because(
                "the value mapping is not in the design time any more; the runtime was not touched",
            );
        message.hint = Some(format!("put the old content back: {command}"));
        verdict.message = Some(message);
        verdict.exit = Exit::Worse;
        Halt::Verdict(Box::new(verdict))
    }

    fn with_note(&self, halt: Halt, note: String) -> Halt {
        let mut verdict = self.verdict_of(halt);
        verdict.message = verdict.message.map(|message| message.because(note));
        verdict.evidence.clone_from(&self.state);
        Halt::Verdict(Box::new(verdict))
    }

    fn verdict_of(&self, halt: Halt) -> Verdict {
        match halt {
            Halt::Verdict(verdict) => *verdict,
            Halt::Tenant(error) => Verdict::of_error(*error, &self.state),
        }
    }
}

fn cannot(error: &ArtifactError) -> Halt {
    let message = Message::new(format!("the merged value mapping can't be packed: {error}"));
    let verdict = Verdict::bad(Word::Invalid, "nothing was written".to_owned(), message);
    Halt::Verdict(Box::new(verdict))
}
