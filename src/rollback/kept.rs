//! What stood on the tenant before the first write: in memory, and its content in a file that outlives this process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::decision::{Rules, Was};
use super::note::{self, Note};
use crate::artifact::comparison::{self, Comparable};
use crate::artifact::{Artifact, ArtifactError, ArtifactKind, looks_secret, properties};
use crate::deploy::backup::{self, Repair};
use crate::deploy::job::{self, Content, Home, Job, Source, VersionRule};
use crate::deploy::outcome::{Message, Outcome, Rollback, Verdict, Word};
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Next, Planned, survey};
use crate::exit::Exit;
use crate::gathered::Gathered;
use crate::tenant::wire::{
    ArtifactId, Configuration, DesigntimeArtifact, PackageId, RuntimeStatus, Stamp,
};
use crate::whole_file;

/// What stood on the tenant, and the job that puts it back.
pub(crate) struct Kept {
    pub(super) before: Before,
    job: Job,
}

/// What stood on the tenant.
pub(super) struct Before {
    pub(super) kind: ArtifactKind,
    /// The marks of its last save, where this run has seen them itself.
    pub(super) stamp: Option<Stamp>,
    /// It is known from an earlier run that was interrupted.
    pub(super) remembered: bool,
    /// The values that were configured.
    pub(super) configured: Vec<Configuration>,
    pub(super) was: Was,
    /// Its content, as the tenant gave it out.
    zip: PathBuf,
}

/// Keeps what stands there of one artifact; `None` where nothing does.
pub(super) fn keep(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
) -> Result<Option<Kept>, Box<Verdict>> {
    let (Some(artifact), Next::Write(kind, _)) = (&one.standing.artifact, &one.next) else {
        return Ok(None);
    };
    let Source::Files(new) = &one.job.source else {
        return Ok(None);
    };
    if one.standing.remembered {
        return Ok(recall(context, rules, one.job, artifact, new, *kind));
    }
    let file = match downloaded(context, *kind, one.job) {
        Ok(file) => file,
        Err(_) if rules.best_effort => return Ok(None),
        Err(verdict) => return Err(verdict),
    };
    let now = context.clock.now_iso();
    let name = backup::file_name(&one.job.id.0, &artifact.version, &now) + ".zip";
    let zip = rules.directory.join(name);
    write(&zip, file).map_err(|error| unwritable(&zip, &error))?;
    let content = match opened(&zip, artifact, new) {
        Ok(content) => content,
        Err(error) => {
            let _ = fs::remove_file(&zip);
            if rules.best_effort {
                return Ok(None);
            }
            return Err(unreadable(one.job, &error));
        }
    };
    let configured = one.standing.configured.clone();
    let was = Was::of(&one.standing);
    let note = Note::of(
        context,
        &one.job.id,
        &zip,
        &artifact.version,
        was,
        &configured,
        new.comparable.fingerprint(),
    );
    note.write(&rules.directory)
        .map_err(|error| unwritable(&zip, &error))?;
    tell(context, &one.job.id, &zip);
    Ok(Some(Kept {
        before: Before {
            kind: *kind,
            stamp: Some(artifact.stamp()),
            remembered: false,
            configured,
            was,
            zip,
        },
        job: job_of(one.job, content),
    }))
}

fn tell(context: &Context<'_>, id: &ArtifactId, zip: &Path) {
    context.ledger.kept(&id.0, Some(zip.display().to_string()));
}

/// What an earlier run had kept, and could not put back because it was interrupted.
fn recall(
    context: &Context<'_>,
    rules: &Rules,
    job: &Job,
    artifact: &DesigntimeArtifact,
    new: &Content,
    kind: ArtifactKind,
) -> Option<Kept> {
    let note = Note::read(&rules.directory, context, &job.id)?;
    let zip = note.zip(&rules.directory);
    let content = opened(&zip, artifact, new).ok()?;
    let note = note.with_ours(new.comparable.fingerprint());
    note.write(&rules.directory).ok()?;
    tell(context, &job.id, &zip);
    Some(Kept {
        before: Before {
            kind,
            stamp: None,
            remembered: true,
            configured: note.configured(),
            was: note.was(),
            zip,
        },
        job: job_of(job, content),
    })
}

/// Looks whether an earlier run was interrupted that had kept what ran: then its notes hold, where the tenant's content
/// is still what it kept, what it wrote, or what this run brings. Where what runs is shown to be what the design time holds, its notes
/// are out of date.
pub(super) fn remember(context: &Context<'_>, rules: &Rules, job: &Job, standing: &mut Standing) {
    let Some(note) = Note::read(&rules.directory, context, &job.id) else {
        return;
    };
    let (Some(artifact), Some(kind), Source::Files(new)) =
        (&standing.artifact, standing.kind, &job.source)
    else {
        return;
    };
    let runs = standing
        .runtime
        .as_ref()
        .is_some_and(|record| record.status == RuntimeStatus::Started);
    let Ok(content) = opened(&note.zip(&rules.directory), artifact, new) else {
        return;
    };
    let is_known = || {
        holds_one_of(
            context,
            kind,
            job,
            standing,
            &[&content.comparable, &new.comparable],
            &note,
        )
    };
    if runs && plan::is_proven(standing) {
        note::remove(&rules.directory, context, &job.id);
        let _ = fs::remove_file(note.zip(&rules.directory));
    } else if is_known() {
        standing.remembered = true;
        context.ledger.progress(
            &job.id.0,
            format!("an earlier run was interrupted: what stood there before it (version {}) is what a rollback puts back", note.version),
        );
    }
}

fn holds_one_of(
    context: &Context<'_>,
    kind: ArtifactKind,
    job: &Job,
    standing: &Standing,
    contents: &[&Comparable],
    note: &Note,
) -> bool {
    let values = standing.configured.iter();
    let configured = values
        .map(|one| (one.key.clone(), one.value.clone()))
        .gathered();
    let found = survey::with_download(context, kind, job, |file| {
        let remote = Comparable::of_zip(file)?;
        let same =
            |local: &&Comparable| comparison::difference(local, &remote, &configured).is_empty();
        Ok(note.is_ours(remote.fingerprint()) || contents.iter().any(same))
    });
    matches!(found, Ok(Some(true)))
}

/// What the tenant gives out, read once as a whole so that a damaged zip is noticed.
fn downloaded(context: &Context<'_>, kind: ArtifactKind, job: &Job) -> Result<File, Box<Verdict>> {
    let found = survey::with_download(context, kind, job, |file| {
        let again = survey::downloaded_again(&file)?;
        Comparable::of_zip(file)?;
        Ok(again)
    });
    match found {
        Ok(Some(file)) => survey::downloaded_again(&file).map_err(|error| unreadable(job, &error)),
        Ok(None) => {
            let message = Message::new(format!(
                "the tenant does not give out the content of {}, so it could not be put back",
                job.id
            ))
            .hint("deploy without --rollback, or take the risk with --rollback-best-effort");
            Err(nothing_written(message))
        }
        Err(error) => Err(Box::new(Verdict::of_error(error, "nothing was written"))),
    }
}

fn nothing_written(message: Message) -> Box<Verdict> {
    Box::new(Verdict::bad(
        Word::Failed,
        "nothing was written".to_owned(),
        message,
    ))
}

fn write(zip: &Path, mut file: File) -> io::Result<()> {
    whole_file::replace_private(zip, |target| io::copy(&mut file, target).map(drop))
}

fn unwritable(zip: &Path, error: &io::Error) -> Box<Verdict> {
    let message = Message::new(format!(
        "what the tenant holds can't be saved, so it could not be put back: {error}"
    ))
    .at(zip.display().to_string())
    .hint("name another place with --backup-dir");
    Box::new(Verdict {
        exit: Exit::Usage,
        ..*nothing_written(message)
    })
}

fn unreadable(job: &Job, error: &ArtifactError) -> Box<Verdict> {
    let message = Message::new(format!(
        "what the tenant holds of {} can't be read, so it could not be put back: {error}",
        job.id
    ))
    .hint("deploy without --rollback, or take the risk with --rollback-best-effort");
    nothing_written(message)
}

fn opened(
    zip: &Path,
    artifact: &DesigntimeArtifact,
    new: &Content,
) -> Result<Content, ArtifactError> {
    let package = match artifact.package_id.as_str() {
        "" => new.package.clone(),
        id => PackageId(id.to_owned()),
    };
    let home = Home {
        name: new.package_name.clone(),
        short_text: new.short_text.clone(),
        description: new.package_description.clone(),
        package,
    };
    let mut content = Content::as_it_is(Artifact::open(zip)?, home, zip.to_owned())?;
    if !artifact.name.is_empty() {
        content.name.clone_from(&artifact.name);
    }
    Ok(content)
}

/// The job that puts it back: whatever differs is written, and no version is asked for.
fn job_of(new: &Job, content: Content) -> Job {
    Job {
        id: new.id.clone(),
        source: Source::Files(Box::new(content)),
        named: Vec::new(),
        rules: job::Rules {
            force: true,
            parameters_from_artifact: false,
            replace_value_mappings: true,
            drop_tenant_entries: true,
            proven_only: false,
            version: VersionRule::Keep,
            ..new.rules.clone()
        },
        needs: Vec::new(),
        requires: Vec::new(),
        notes: Vec::new(),
    }
}

impl Kept {
    pub(super) fn apart(self) -> (Before, Job) {
        (self.before, self.job)
    }

    pub(super) fn of(before: Before, job: Job) -> Self {
        Self { before, job }
    }

    /// It is not needed any more.
    pub(super) fn forget(self, context: &Context<'_>) {
        if let Some(directory) = self.before.zip.parent() {
            note::remove(directory, context, &self.job.id);
        }
        let _ = fs::remove_file(&self.before.zip);
        context.ledger.kept(&self.job.id.0, None);
    }

    /// Leaves it to a person who may need it, with the command that puts it back.
    pub(super) fn leave(self, context: &Context<'_>, outcome: &mut Outcome) {
        let (repair, _) = self.repair(context);
        outcome.notes.push(format!(
            "what stood there before is in {}; `{repair}` puts it back",
            self.before.zip.display()
        ));
    }

    /// Hands it to the person who is needed now, with the command that puts it back.
    pub(super) fn hand_out(self, context: &Context<'_>, rollback: Rollback) -> Rollback {
        let (repair, left_out) = self.repair(context);
        let message = if left_out.is_empty() {
            rollback.message
        } else {
            format!(
                "{}; values that are or look like secrets are not in the file: set {} yourself",
                rollback.message,
                left_out.join(", ")
            )
        };
        Rollback {
            message,
            saved: Some(self.before.zip.display().to_string()),
            repair: Some(repair),
            ..rollback
        }
    }

    /// The command that puts it back, and the keys of the parameters that it does not bring.
    fn repair(&self, context: &Context<'_>) -> (String, Vec<String>) {
        let (values, left_out) = self.values(context);
        let file = self.before.zip.with_extension("prop");
        let written = !values.is_empty()
            && whole_file::replace_private(&file, |target| {
                target.write_all(properties::write(&values).as_bytes())
            })
            .is_ok();
        let Source::Files(content) = &self.job.source else {
            return (String::new(), left_out);
        };
        let id = &self.job.id.0;
        let repair = Repair {
            zip: &self.before.zip,
            package: &content.package.0,
            id: (content.artifact.id() != id).then_some(id),
            parameters: written.then_some(file.as_path()),
            kind: self.before.kind,
            deploy: matches!(self.before.was, Was::Running(_) | Was::Unknown),
        };
        (repair.command(), left_out)
    }

    /// The values of before that the content knows, and the keys of those that no file may hold.
    fn values(&self, context: &Context<'_>) -> (Vec<(String, String)>, Vec<String>) {
        let (mut values, mut left_out) = (Vec::new(), Vec::new());
        for one in &self.before.configured {
            if !knows(&self.job, &one.key) {
                continue;
            }
            if looks_secret(&one.key) || context.tenant.hides(&one.value) {
                left_out.push(one.key.clone());
            } else {
                values.push((one.key.clone(), one.value.clone()));
            }
        }
        (values, left_out)
    }
}

/// Whether the content of a job has a parameter, or SAP itself adds it.
pub(super) fn knows(job: &Job, key: &str) -> bool {
    match &job.source {
        Source::Files(content) => content.parameter_keys.contains(key) || key.starts_with("SAP_"),
        Source::Tenant => true,
    }
}
