//! Replacing a value mapping: the tenant has no update for it, so it is deleted and created again. What it held is saved to
//! a file first, and put back when the creation fails.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::comparable;
use super::{GRACE, Writing};
use crate::artifact::value_mapping::VALUE_MAPPING_PATH;
use crate::artifact::{Archive, ArtifactError, Comparable};
use crate::deploy::job::Content;
use crate::deploy::outcome::{Message, Sent, Verdict, Word};
use crate::deploy::recovery;
use crate::deploy::step::{Halt, Write};
use crate::exit::Exit;
use crate::journal::{Backup, Recovery, Subject, Was};
use crate::tenant::{Lost, Written, ZipBytes};

/// Git's content with the entries that only the tenant has.
pub struct Merged {
    pub archive: Arc<Archive>,
    pub comparable: Comparable,
}

impl Merged {
    fn of(content: &Content, entries: &[u8]) -> Result<Self, ArtifactError> {
        let mut pack = content.pack.clone();
        let path = VALUE_MAPPING_PATH.to_owned();
        pack.replaced.insert(path, entries.to_vec());
        Ok(Self {
            archive: Arc::new(Archive::pack(&content.artifact, &pack)?),
            comparable: Comparable::of(&content.artifact, &pack)?,
        })
    }
}

impl Writing<'_> {
    /// Backup, delete, create; where the creation fails, the old content again.
    pub fn replace(&mut self, content: &Content) -> Result<(), Halt> {
        self.merge(content)?;
        let old = self.old_content()?;
        let backup = self.back_up(&old, content)?;
        self.look_after_the_backup(&old, &backup)?;
        self.delete()?;
        let created = self.create(content);
        created.map_err(|halt| self.put_back(content, &old, &backup, halt))
    }

    /// Adds the entries that only the tenant has, or had when an interrupted run deleted it.
    pub fn merge(&mut self, content: &Content) -> Result<(), Halt> {
        let Some(mapping) = &self.standing.mapping else {
            return Ok(());
        };
        let drop = self.job.rules.drop_tenant_entries;
        let fate = if drop { "discarded" } else { "kept" };
        for entry in &mapping.only_on_tenant {
            let entry = self.words(entry);
            self.note(format!("entry that only the tenant has, {fate}: {entry}"));
        }
        for entry in &mapping.overruled {
            let entry = self.words(entry);
            self.note(format!(
                "entry of the tenant that Git contradicts, so it goes: {entry}"
            ));
        }
        if let (Some(entries), false) = (&mapping.merged, drop) {
            let merged = Merged::of(content, entries).map_err(|error| {
                let what = format!("the merged value mapping can't be packed: {error}");
                self.bad(Word::Invalid, Message::new(what))
            })?;
            self.merged = Some(merged);
        }
        Ok(())
    }

    fn old_content(&self) -> Result<File, Halt> {
        if let Some(old) = self.download()? {
            return Ok(old);
        }
        let what = "the tenant no longer gives the value mapping out, so it is not replaced";
        Err(self.deleted_or(self.not_carried_out(what)))
    }

    /// What is deleted must be what was saved, and what the survey saw: else nothing is, and no backup is needed.
    fn look_after_the_backup(&self, old: &File, backup: &Path) -> Result<(), Halt> {
        let looked = self
            .look_before()
            .and_then(|()| self.must_be_as_surveyed(old));
        if looked.is_err() {
            self.is_settled();
            Backup::remove(backup);
        }
        looked
    }

    /// On a tenant that shows no dates, only the content tells that another user has saved since the survey.
    fn must_be_as_surveyed(&self, old: &File) -> Result<(), Halt> {
        match (comparable(old), self.standing.remote_sha256) {
            (Some(now), Some(surveyed)) if now.fingerprint() != surveyed => {
                Err(self.overtaken(&self.written_artifact()?))
            }
            _ => Ok(()),
        }
    }

    /// Saves the tenant's zip to a file, for its owner alone; without it nothing is deleted.
    fn back_up(&mut self, old: &File, content: &Content) -> Result<PathBuf, Halt> {
        let version = self.before.map_or("", |artifact| artifact.version.as_str());
        let path = self.save(old, version).map_err(|error| {
            let directory = self.context.journal.directory();
            let what = format!("the content of the tenant can't be saved: {error}");
            let message = Message::new(what)
                .at(directory.display().to_string())
                .hint("nothing was deleted; name another place with --backup-dir");
            let verdict = Verdict::bad(Word::Failed, self.state.clone(), message);
            Verdict {
                exit: Exit::Usage,
                ..verdict
            }
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
    fn save(&self, old: &File, version: &str) -> io::Result<PathBuf> {
        let journal = &self.context.journal;
        let (kind, id) = (self.kind, self.id);
        let (of, now) = (Subject { kind, id }, self.clock.now_iso());
        let saved = journal.save(of, version, &now, |target| {
            io::copy(&mut old.open()?, target).map(drop)
        })?;
        let zip = journal.backup(&saved.name);
        let now = Some(recovery::now(self.context, self.standing));
        let add = |recovery: &mut Recovery| recovery.replaced = Some(saved);
        journal.update(of, now, add).map(|()| zip)
    }

    /// The value mapping is there, and the next run need not be told of its backup.
    pub fn is_settled(&self) {
        recovery::update(self.context, self.job, self.standing, |one| {
            one.replaced = None;
        });
    }

    /// The command that makes the tenant hold a backup again. `deploys`: it is to run, too.
    fn restore_command(&self, zip: &Path, content: &Content, deploys: bool) -> String {
        let backup = Backup {
            zip,
            kind: self.kind,
            id: &self.id.0,
            name: self.before.map_or(&content.name, |artifact| &artifact.name),
            package: &content.package.0,
            reach: &self.job.rules.reach,
        };
        backup.command(deploys)
    }

    fn delete(&mut self) -> Result<(), Halt> {
        self.progress("deleting it, to create it again");
        let call = |one: &Self| {
            one.tenant
                .delete_designtime_artifact(one.kind, one.id, one.deadline)
        };
        let is_gone = |one: &Self| Ok(one.shown()?.is_none().then_some(()));
        let write = Write::new("the deletion of the value mapping", self.deadline);
        self.send(&write, Sent::Content, call, is_gone)?;
        self.content_sent = Some(self.clock.now());
        self.wrote(
            "the value mapping was deleted from the design time; the runtime was not touched",
        );
        Ok(())
    }

    /// Puts the old content back after a creation that failed, past the deadline if need be.
    fn put_back(&mut self, content: &Content, old: &File, backup: &Path, halt: Halt) -> Halt {
        self.progress("the creation failed: putting the old content back");
        let later = self.clock.now() + GRACE;
        let write = Write {
            replaces: true,
            ..Write::new("the old content", self.deadline.or_later(later))
        };
        let call = || {
            let created = self.create_from(content, old, write.deadline);
            created.or_else(|error| Ok(Written::Lost(Lost::refused(error))))
        };
        let is_there = || Ok(matches!(self.shown(), Ok(Some(_))).then_some(()));
        let tell = |text| self.progress(text);
        match write.carry_out(&self.clock, &self.state, tell, call, is_there) {
            Ok(Some(())) if self.holds_another_than(old) => {
                let other = self.other_content(content, halt);
                other.unwrap_or_else(|halt| halt)
            }
            Ok(_) => self.restored(halt),
            Err(unwritten) => {
                let why = self.verdict_of(unwritten.halt).message;
                self.lost_for_good(backup, content, halt, &why.unwrap_or_default())
            }
        }
    }

    /// Whether the design time holds something else. Where it can't be read, it is there all the same.
    fn holds_another_than(&self, old: &File) -> bool {
        let print = |content: Comparable| content.fingerprint();
        let now = self.held(|file| Comparable::of_zip(file).map(print));
        now.is_ok_and(|now| now.is_none() || now != comparable(old).map(print))
    }

    /// Neither the new content was taken nor the old one: the new one stands there all the same, or another user has created
    /// it after our deletion.
    fn other_content(&mut self, content: &Content, halt: Halt) -> Result<Halt, Halt> {
        let found = self.written_artifact()?;
        self.is_settled();
        if self.holds_our_content(content)? {
            self.wrote("the design time holds the new content; it is not deployed");
            return Ok(self.with_note(halt, "the new content stands there all the same"));
        }
        self.wrote("the design time holds what another user created; the runtime was not touched");
        Ok(self.overtaken(&found))
    }

    fn restored(&mut self, halt: Halt) -> Halt {
        self.is_settled();
        self.wrote("the new content was not taken; the old content is back in the design time");
        let note = "the old content was put back; what runs was not touched";
        self.with_note(halt, note)
    }

    fn with_note(&self, halt: Halt, note: &str) -> Halt {
        let verdict = self.because(halt, note);
        let evidence = self.state.clone();
        Verdict {
            evidence,
            ..verdict
        }
        .into()
    }

    /// The design time has no such artifact now: what to do is told exactly.
    fn lost_for_good(
        &mut self,
        backup: &Path,
        content: &Content,
        halt: Halt,
        why: &Message,
    ) -> Halt {
        self.wrote("the value mapping is NOT in the design time; the runtime was not touched");
        let command = self.restore_command(backup, content, false);
        let verdict = self.verdict_of(halt);
        let message = verdict
            .message
            .unwrap_or_default()
            .because(format!(
                "the old content could not be put back: {}",
                why.what
            ))
            .because(
                "the value mapping is not in the design time any more; the runtime was not touched",
            )
            .hint(format!("put the old content back: {command}"));
        let exit = Exit::Worse;
        Verdict {
            exit,
            message: Some(message),
            ..verdict
        }
        .into()
    }
}
