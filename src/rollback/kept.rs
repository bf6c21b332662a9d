//! What stood on the tenant before the first write: in memory, and its content in a file that outlives this process.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::decision::{Rules, Scope};
use super::hold::Hold;
use super::memory;
use crate::artifact::comparison::Comparable;
use crate::artifact::value_mapping::VALUE_MAPPING_PATH;
use crate::artifact::{Artifact, ArtifactError, ArtifactKind, Digest, PackOptions};
use crate::clock;
use crate::deploy::backup::{self, Backup, Note, Saved, Was};
use crate::deploy::job::{self, Content, Home, Job, Source, VersionRule};
use crate::deploy::outcome::{Message, Outcome, Rollback, Verdict, Word};
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Next, Planned, survey};
use crate::exit::Exit;
use crate::state_files::StateFiles;
use crate::tenant::wire::{
    ArtifactId, Configuration, Description, DesigntimeArtifact, PackageId, Stamp,
};
use crate::whole_file;

/// How much longer than twice its timeout a run's deployment may come, in milliseconds.
const SLACK: i64 = 10 * 60 * 1000;

/// What a run knows of one artifact from before its first write.
pub(crate) enum Held {
    /// What stood there.
    Content(Box<Kept>),
    /// Nothing stood there.
    Nothing(Newcomer),
}

/// What stood on the tenant, and the job that puts it back.
pub(crate) struct Kept {
    pub(super) before: Before,
    job: Job,
}

/// An artifact that was not there: a note tells so to the next run, in case this one is killed.
pub(crate) struct Newcomer {
    pub(super) note: PathBuf,
    /// It is known from an earlier run.
    pub(super) remembered: bool,
    pub(super) _hold: Hold,
}

impl Newcomer {
    /// The note is not needed any more.
    pub(super) fn forget(self) {
        let _ = fs::remove_file(self.note);
    }
}

/// What stood on the tenant.
pub(super) struct Before {
    pub(super) kind: ArtifactKind,
    /// The marks of its last save, where this run has seen them itself.
    pub(super) stamp: Option<Stamp>,
    /// It is known from an earlier run.
    pub(super) remembered: bool,
    /// The values that were configured.
    pub(super) configured: Vec<Configuration>,
    /// The keys of values that an earlier run may have changed and that no file holds.
    pub(super) lost: Vec<String>,
    pub(super) was: Was,
    /// Its content, as the tenant gave it out.
    pub(super) zip: PathBuf,
    /// The note beside it.
    pub(super) note: PathBuf,
    /// No other run takes it up meanwhile.
    pub(super) _hold: Hold,
}

/// Keeps what stands there of one artifact; `None` where nothing is written, or nothing can be kept and that is accepted.
pub(super) fn keep(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
) -> Result<Option<Held>, Unkept> {
    let Source::Files(new) = &one.job.source else {
        return Ok(None);
    };
    let standing = &one.standing;
    if !is_concerned(rules, one) {
        return Ok(None);
    }
    if let Some(why) = plan::no_rollback(standing) {
        return Err(Unkept::NotAvailable(why));
    }
    let note = place(context, rules, &one.job.id);
    let Some(hold) = Hold::take(&note) else {
        return Err(Unkept::Ended(held_by_another_run(&one.job.id, &note)));
    };
    match (standing.remembered, &standing.artifact) {
        (Some(_), _) => Ok(memory::recall(context, rules, one, new, note, hold)?),
        (None, None) => Ok(note_of_nothing(context, rules, one, new, note, hold)?),
        (None, Some(artifact)) => {
            let kept = save(context, rules, one, artifact, new, note, hold)?;
            Ok(Held::Content(Box::new(kept)))
        }
    }
    .map(Some)
}

/// Whether an artifact may have to be put back: it is written, or a run that stands or falls together has written it and
/// was killed.
fn is_concerned(rules: &Rules, one: &Planned<'_>) -> bool {
    match &one.next {
        Next::Write(..) => true,
        Next::End(verdict, _) => {
            rules.scope == Scope::All
                && verdict.word == Word::Unchanged
                && one.standing.remembered.is_some()
        }
    }
}

/// Where the note about an artifact lies.
pub(super) fn place(context: &Context<'_>, rules: &Rules, id: &ArtifactId) -> PathBuf {
    backup::place(&rules.directory, context.tenant, id, "kept")
}

/// Writes down that nothing stood there.
fn note_of_nothing(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    new: &Content,
    note: PathBuf,
    hold: Hold,
) -> Result<Held, Box<Verdict>> {
    let described = Note::of_nothing(context.tenant, &one.job.id, &new.package.0);
    with_ours(described, context, rules, one, new)
        .write(context.tenant.state(), &note)
        .map_err(|error| unwritable(&note, &error))?;
    Ok(Held::Nothing(Newcomer {
        note,
        remembered: false,
        _hold: hold,
    }))
}

/// Why what stands there can't be kept.
pub(super) enum Unkept {
    /// The tenant does not give out what runs; why.
    NotAvailable(String),
    /// Nothing may be written without it.
    Ended(Box<Verdict>),
}

impl From<Box<Verdict>> for Unkept {
    fn from(verdict: Box<Verdict>) -> Self {
        Unkept::Ended(verdict)
    }
}

/// Saves the content that the tenant gives out, with a note beside it.
fn save(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    artifact: &DesigntimeArtifact,
    new: &Content,
    note: PathBuf,
    hold: Hold,
) -> Result<Kept, Unkept> {
    let kind = new.kind;
    let configured = plan::before(&one.standing);
    let file = downloaded(context, kind, one.job)?;
    let now = context.clock.now_iso();
    let (tenant, id) = (context.tenant.root(), &one.job.id);
    let name = backup::file_name(&tenant, &id.0, &artifact.version, &now) + ".zip";
    let zip = rules.directory.join(name);
    let unwritable = |error: io::Error| Unkept::Ended(unwritable(&zip, &error));
    let digest = write(&zip, file).map_err(unwritable)?;
    let package = match artifact.package_id.as_str() {
        "" => &new.package.0,
        id => id,
    };
    let described = Note::of(
        context.tenant,
        &Saved {
            id,
            name: &artifact.name,
            package,
            version: &artifact.version,
            zip: &zip,
            zip_sha256: digest,
            was: Was::of(&one.standing),
            configured: &configured,
        },
    );
    let content = match content_of(&described, &zip) {
        Ok(content) => content,
        Err(error) => {
            backup::remove(&zip);
            return Err(Unkept::NotAvailable(unreadable(&error)));
        }
    };
    let was = described.was();
    let job = job_of(one.job, content, was);
    let values: Vec<(String, String)> = described
        .configured()
        .into_iter()
        .filter(|value| knows(&job, &value.key))
        .map(|value| (value.key, value.value))
        .collect();
    backup::write_values(&zip, &values)
        .and_then(|()| {
            with_ours(described, context, rules, one, new).write(context.tenant.state(), &note)
        })
        .map_err(|error| {
            backup::remove(&zip);
            unwritable(error)
        })?;
    let kept = Kept {
        before: Before {
            kind,
            stamp: Some(artifact.stamp()),
            remembered: false,
            configured,
            lost: Vec::new(),
            was,
            zip,
            note,
            _hold: hold,
        },
        job,
    };
    kept.tell(context);
    Ok(kept)
}

/// The note with what this run is about to write.
pub(super) fn with_ours(
    note: Note,
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    new: &Content,
) -> Note {
    let now = match one.standing.answered {
        Some(date) => date.0,
        None => clock::epoch_millis(context.clock.date()),
    };
    let twice = i64::try_from(rules.timeout.as_millis() * 2).unwrap_or(i64::MAX);
    let until = now.saturating_add(twice).saturating_add(SLACK);
    let is_set = |key: &str| one.job.named.iter().any(|named| named.key == key);
    let note = note.together(rules.scope == Scope::All).with_set(is_set);
    let contents = contents_of(one.job, &one.standing, new).into_iter();
    contents.fold(note, |note, content| note.with_ours(content, until))
}

/// The contents that a run may write, by their fingerprints.
pub(super) fn contents_of(job: &Job, standing: &Standing, new: &Content) -> Vec<Digest> {
    let merged = merged(job, standing).map(|one| one.fingerprint());
    std::iter::once(new.comparable.fingerprint())
        .chain(merged)
        .collect()
}

/// What is written of a value mapping that keeps the entries which only the tenant has.
pub(super) fn merged(job: &Job, standing: &Standing) -> Option<Comparable> {
    let Source::Files(content) = &job.source else {
        return None;
    };
    let entries = standing.mapping.as_ref()?.merged.as_ref()?;
    if job.rules.drop_tenant_entries {
        return None;
    }
    let mut pack: PackOptions = content.pack.clone();
    pack.replaced
        .insert(VALUE_MAPPING_PATH.to_owned(), entries.clone());
    Comparable::of(&content.artifact, &pack).ok()
}

/// What the tenant gives out, read once as a whole so that a damaged zip is noticed.
fn downloaded(context: &Context<'_>, kind: ArtifactKind, job: &Job) -> Result<File, Unkept> {
    let found = survey::with_download(context, kind, job, |file| {
        let again = survey::downloaded_again(&file)?;
        Comparable::of_zip(file)?;
        Ok(again)
    });
    match found {
        Ok(Some(file)) => survey::downloaded_again(&file)
            .map_err(|error| Unkept::NotAvailable(unreadable(&error))),
        Ok(None) => Err(Unkept::NotAvailable(
            "the tenant does not give out its content".to_owned(),
        )),
        Err(error) if error.exit() == Exit::Unreachable => Err(Unkept::Ended(Box::new(
            Verdict::of_error(error, "nothing was written"),
        ))),
        Err(error) => Err(Unkept::NotAvailable(error.to_string())),
    }
}

pub(super) fn held_by_another_run(id: &ArtifactId, note: &Path) -> Box<Verdict> {
    let message = Message::new(format!(
        "another run with --rollback is working on {id} in the same directory"
    ))
    .at(Hold::place(note).display().to_string())
    .hint("wait for its end; pipelines for one artifact should not run at the same time");
    nothing_written(message)
}

pub(super) fn nothing_written(message: Message) -> Box<Verdict> {
    Box::new(Verdict::bad(
        Word::Failed,
        "nothing was written".to_owned(),
        message,
    ))
}

/// Writes the file for its owner alone; gives its digest.
fn write(zip: &Path, mut file: File) -> io::Result<Digest> {
    whole_file::replace_private(zip, |target| io::copy(&mut file, target).map(drop))?;
    Digest::of_reader(&mut File::open(zip)?)
}

pub(super) fn unwritable(zip: &Path, error: &io::Error) -> Box<Verdict> {
    let message = Message::new(format!(
        "what the tenant holds can't be saved, so it could not be put back: {error}"
    ))
    .at(zip.display().to_string())
    .hint("name another place with --backup-dir");
    nothing_written(message)
}

pub(super) fn unreadable(error: &ArtifactError) -> String {
    format!("what the tenant holds can't be read: {error}")
}

/// The content that a note describes, as it is.
pub(super) fn content_of(note: &Note, zip: &Path) -> Result<Content, ArtifactError> {
    let home = Home {
        name: note.package().to_owned(),
        short_text: None,
        description: Description::default(),
        package: PackageId(note.package().to_owned()),
    };
    let artifact = Artifact::open(zip)?;
    let id = note.artifact().0;
    let mut content = if artifact.id() == id {
        Content::as_it_is(artifact, home, zip.to_owned())?
    } else {
        // a tenant takes an update only under the id of the artifact (cpi-api.md §4.3)
        let pack = PackOptions {
            id: Some(id),
            ..PackOptions::default()
        };
        Content::pack(artifact, pack, home, zip.to_owned())?
    };
    if !note.name().is_empty() {
        note.name().clone_into(&mut content.name);
    }
    Ok(content)
}

/// The job that puts it back: whatever differs is written, and no version is asked for.
pub(super) fn job_of(new: &Job, content: Content, was: Was) -> Job {
    Job {
        id: new.id.clone(),
        source: Source::Files(Box::new(content)),
        named: Vec::new(),
        rules: as_it_was(&new.rules, was),
        needs: Vec::new(),
        requires: Vec::new(),
        notes: Vec::new(),
    }
}

/// The rules for putting something back.
fn as_it_was(rules: &job::Rules, was: Was) -> job::Rules {
    job::Rules {
        force: true,
        back: Some(was),
        parameters_from_artifact: false,
        replace_value_mappings: true,
        drop_tenant_entries: true,
        rollback_required: false,
        version: VersionRule::Keep,
        ..rules.clone()
    }
}

impl Held {
    /// It is not needed any more.
    pub(super) fn forget(self, context: &Context<'_>) {
        match self {
            Held::Content(kept) => kept.forget(context),
            Held::Nothing(newcomer) => newcomer.forget(),
        }
    }

    /// Nothing is written after all: what an earlier run had found is still needed then.
    pub(super) fn not_begun(self, context: &Context<'_>) {
        match self {
            Held::Content(kept) if kept.before.remembered => kept.remain(context),
            Held::Nothing(newcomer) if newcomer.remembered => {}
            held => held.forget(context),
        }
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
        let _ = fs::remove_file(&self.before.note);
        backup::remove(&self.before.zip);
        context.ledger.kept(&self.job.id.0, None);
    }

    /// It stays where it is: the next run with --rollback knows from it what runs.
    pub(super) fn remain(self, context: &Context<'_>) {
        context.ledger.kept(&self.job.id.0, None);
    }

    /// The same, and the report says so.
    pub(super) fn remain_told(self, context: &Context<'_>, rollback: Rollback) -> Rollback {
        let message = format!(
            "{}; {} stays for the next run with --rollback: it tells what runs",
            rollback.message,
            self.before.note.display()
        );
        self.remain(context);
        Rollback {
            message,
            ..rollback
        }
    }

    /// Leaves it to a person who may need it, with the command that puts it back.
    pub(super) fn leave(self, outcome: &mut Outcome) {
        outcome.notes.push(format!(
            "what stood there before is in {}; `{}` puts it back",
            self.before.zip.display(),
            self.command(self.before.was.ran())
        ));
    }

    /// Tells where it is, should the run be interrupted.
    pub(super) fn tell(&self, context: &Context<'_>) {
        let command = self.command(self.before.was.ran());
        let text = format!("{}; `{command}` puts it back", self.before.zip.display());
        context.ledger.kept(&self.job.id.0, Some(text));
    }

    /// Hands it to the person who is needed now, with the command that puts it back. `still_runs`: what ran before does.
    pub(super) fn hand_out(
        self,
        state: &StateFiles,
        rollback: Rollback,
        still_runs: bool,
    ) -> Rollback {
        if rollback.repair.is_some() {
            return rollback;
        }
        let left_out = Note::read(state, &self.before.note).map(|note| note.withheld_keys());
        let left_out = left_out.unwrap_or_default();
        let message = if left_out.is_empty() {
            rollback.message
        } else {
            format!(
                "{}; values that are or look like secrets are in no file: set them with {}",
                rollback.message,
                backup::set_options(&left_out)
            )
        };
        Rollback {
            message,
            saved: Some(self.before.zip.display().to_string()),
            repair: Some(self.command(self.before.was.ran() && !still_runs)),
            ..rollback
        }
    }

    /// The command that puts it back by hand.
    fn command(&self, deploys: bool) -> String {
        let (name, package) = match &self.job.source {
            Source::Files(content) => (content.name.as_str(), content.package.0.as_str()),
            Source::Tenant => ("", ""),
        };
        let backup = Backup {
            zip: &self.before.zip,
            kind: self.before.kind,
            id: &self.job.id.0,
            name,
            package,
            reach: &self.job.rules.reach,
        };
        backup.command(deploys)
    }
}

/// Whether the content of a job has a parameter, or SAP itself adds it.
pub(super) fn knows(job: &Job, key: &str) -> bool {
    match &job.source {
        Source::Files(content) => content.parameter_keys.contains(key) || key.starts_with("SAP_"),
        Source::Tenant => true,
    }
}
