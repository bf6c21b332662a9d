//! What was on the tenant before the first write: in memory, and in the journal, which outlives this process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::decision::{Rules, Scope};
use crate::artifact::comparison::Comparable;
use crate::artifact::{Artifact, ArtifactError, ArtifactKind, Digest, PackOptions};
use crate::deploy::job::{self, Content, Home, Job, Source, VersionRule};
use crate::deploy::outcome::{Message, Outcome, Rollback, Verdict, Word};
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Next, Planned, recovery, survey};
use crate::exit::Exit;
use crate::journal::{self, Backup, Hold, Recovery, SavedValue, Snapshot, Subject, Was};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{
    ArtifactId, Configuration, Description, DesigntimeArtifact, PackageId, Stamp,
};

/// How much longer than twice its timeout a run's deployment may come, in milliseconds.
const SLACK: i64 = 10 * 60 * 1000;

/// What a run knows of one artifact from before its first write, and the job that puts it back: none where nothing was
/// there.
pub struct Held {
    pub kept: Kept,
    pub job: Option<Job>,
}

/// What was on the tenant. The journal tells so to the next run, in case this one is killed.
pub struct Kept {
    pub kind: ArtifactKind,
    pub id: ArtifactId,
    /// It is known from an earlier run.
    pub remembered: bool,
    pub snapshot: Snapshot,
    /// The marks of its last save, where this run has seen them itself.
    pub stamp: Option<Stamp>,
    /// The values that were configured.
    pub configured: Vec<Configuration>,
    /// The keys of values that an earlier run may have changed and that no file holds.
    pub lost: Vec<String>,
    /// Its content, as the tenant gave it out.
    zip: PathBuf,
    /// The options with which a command reaches the same tenant.
    pub reach: Vec<String>,
    /// No other run takes it up meanwhile.
    _hold: Hold,
}

/// Removes the snapshot of an artifact, with the content. Where that is not possible, the next run finds that it is out of
/// date.
pub fn forget(context: &Context<'_>, of: Subject<'_>) {
    let mut file = None;
    let remove = |recovery: &mut Recovery| {
        file = recovery.snapshot.take().and_then(|one| one.content);
    };
    let _ = context.journal.update(of, None, remove);
    if let Some(file) = file {
        Backup::remove(&context.journal.backup(&file.name));
    }
}

/// Keeps what stands there of one artifact; `None` where nothing is written, or nothing can be kept and that is accepted.
pub fn keep(
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
    let of = subject(one.job, new);
    let Some(hold) = context.journal.hold(of) else {
        return Err(Unkept::Ended(held_by_another_run(context, of)));
    };
    let (snapshot, content) = match (&standing.remembered, &standing.artifact) {
        (Some(snapshot), _) => {
            write_down(context, rules, one, new, snapshot.clone())?;
            (snapshot.clone(), recalled(context, of, snapshot)?)
        }
        (None, None) => {
            let snapshot = nothing(&new.package.0);
            write_down(context, rules, one, new, snapshot.clone())?;
            (snapshot, None)
        }
        (None, Some(artifact)) => save(context, rules, one, artifact, new)?,
    };
    Ok(Some(Held::new(context, one, of, snapshot, content, hold)))
}

/// The content that an earlier run had kept, if there was any.
fn recalled(
    context: &Context<'_>,
    of: Subject<'_>,
    snapshot: &Snapshot,
) -> Result<Option<Content>, Box<Verdict>> {
    let file = snapshot.content.as_ref();
    let content = file.map(|file| content_of(snapshot, of.id, &context.journal.backup(&file.name)));
    content
        .transpose()
        .map_err(|error| nothing_written(Message::new(unreadable(&error))))
}

/// What the journal's entries about an artifact go by.
pub fn subject<'a>(job: &'a Job, content: &Content) -> Subject<'a> {
    Subject {
        kind: content.kind,
        id: &job.id,
    }
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

/// Why what stands there can't be kept.
pub enum Unkept {
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

/// The snapshot of an artifact that is not there.
fn nothing(package: &str) -> Snapshot {
    Snapshot {
        package: package.to_owned(),
        ..Snapshot::default()
    }
}

/// Saves the content that the tenant gives out, and writes down what it is.
fn save(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    artifact: &DesigntimeArtifact,
    new: &Content,
) -> Result<(Snapshot, Option<Content>), Unkept> {
    let configured = plan::before(&one.standing);
    let (of, now) = (subject(one.job, new), context.clock.now_iso());
    let mut file = downloaded(context, of.kind, one.job)?;
    let save = |target: &mut File| io::copy(&mut file, target).map(drop);
    let saved = (context.journal)
        .save(of, &artifact.version, &now, save)
        .map_err(|error| unwritable(context, &error))?;
    let zip = context.journal.backup(&saved.name);
    let package = match artifact.package_id.as_str() {
        "" => &new.package.0,
        id => id,
    };
    let hides = |text: &str| context.tenant.hides(text);
    let values = configured
        .iter()
        .map(|one| SavedValue::of(one, None, hides));
    let snapshot = Snapshot {
        name: artifact.name.clone().into(),
        version: artifact.version.clone().into(),
        content: Some(saved),
        was: Was::of(one.standing.runtime.as_ref()),
        values: values.collect(),
        ..nothing(package)
    };
    let content = content_of(&snapshot, of.id, &zip).map_err(|error| {
        Backup::remove(&zip);
        Unkept::NotAvailable(unreadable(&error))
    })?;
    let known = snapshot.configured().filter(|one| content.knows(&one.key));
    let known: Vec<_> = known.map(|one| (one.key, one.value)).collect();
    Backup::write_values(&zip, &known)
        .map_err(|error| unwritable(context, &error))
        .and_then(|()| write_down(context, rules, one, new, snapshot.clone()))
        .inspect_err(|_| Backup::remove(&zip))?;
    Ok((snapshot, Some(content)))
}

/// Writes down a snapshot, with what this run is about to write.
fn write_down(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    new: &Content,
    mut snapshot: Snapshot,
) -> Result<(), Box<Verdict>> {
    let now = recovery::now(context, &one.standing);
    let twice = i64::try_from(rules.timeout.as_millis() * 2).unwrap_or(i64::MAX);
    let until = now.0.saturating_add(twice).saturating_add(SLACK);
    snapshot.until = snapshot.until.max(TenantTime(until));
    snapshot.together = rules.scope == Scope::All;
    for value in &mut snapshot.values {
        value.set |= one.job.named.iter().any(|named| named.key == value.key);
    }
    let ours = contents_of(one.job, &one.standing, new).into_iter();
    snapshot
        .ours
        .extend(ours.map(|content| content.to_string()));
    let add = |recovery: &mut Recovery| recovery.snapshot = Some(snapshot);
    let written = (context.journal).update(subject(one.job, new), Some(now), add);
    written.map_err(|error| unwritable(context, &error))
}

/// The contents that a run may write, by their fingerprints.
pub fn contents_of(job: &Job, standing: &Standing, new: &Content) -> Vec<Digest> {
    let merged = plan::merged(job, standing).map(|one| one.fingerprint());
    std::iter::once(new.comparable.fingerprint())
        .chain(merged)
        .collect()
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

pub fn held_by_another_run(context: &Context<'_>, of: Subject<'_>) -> Box<Verdict> {
    let message = Message::new(format!(
        "another run with --rollback is working on {} in the same directory",
        of.id
    ))
    .at(context.journal.lock_of(of).display().to_string())
    .hint("wait for its end; pipelines for one artifact should not run at the same time");
    nothing_written(message)
}

pub fn nothing_written(message: Message) -> Box<Verdict> {
    Box::new(Verdict::unwritten(Word::Failed, message))
}

fn unwritable(context: &Context<'_>, error: &io::Error) -> Box<Verdict> {
    let message = Message::new(format!(
        "what the tenant holds can't be saved, so it could not be put back: {error}"
    ))
    .at(context.journal.directory().display().to_string())
    .hint("name another place with --backup-dir");
    nothing_written(message)
}

fn unreadable(error: &ArtifactError) -> String {
    format!("what the tenant holds can't be read: {error}")
}

/// The content that a snapshot describes, as it is.
pub fn content_of(
    snapshot: &Snapshot,
    id: &ArtifactId,
    zip: &Path,
) -> Result<Content, ArtifactError> {
    let home = Home {
        name: snapshot.package.clone(),
        short_text: None,
        description: Description::default(),
        package: PackageId(snapshot.package.clone()),
    };
    let artifact = Artifact::open(zip)?;
    let mut content = if artifact.id() == id.0 {
        Content::as_it_is(artifact, home, zip.to_owned())?
    } else {
        // a tenant takes an update only under the id of the artifact (cpi-api.md §4.3)
        let pack = PackOptions {
            id: Some(id.0.clone()),
            ..PackOptions::default()
        };
        Content::pack(artifact, pack, home, zip.to_owned())?
    };
    if !snapshot.name.is_empty() {
        content.name.clone_from(&snapshot.name);
    }
    Ok(content)
}

/// The job that puts it back: whatever differs is written, and no version is asked for.
fn job_of(new: &Job, content: Content, was: Was) -> Job {
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
    fn new(
        context: &Context<'_>,
        one: &Planned<'_>,
        of: Subject<'_>,
        mut snapshot: Snapshot,
        content: Option<Content>,
        hold: Hold,
    ) -> Self {
        let standing = &one.standing;
        let remembered = standing.remembered.is_some();
        let (configured, lost) = if remembered {
            let (same, lost) = snapshot.unknown(&standing.configured);
            (snapshot.configured().chain(same).collect(), lost)
        } else {
            (plan::before(standing), Vec::new())
        };
        if let Some(content) = &content {
            snapshot.name.clone_from(&content.name);
        }
        let file = snapshot.content.as_ref();
        let seen = standing.artifact.as_ref().filter(|_| !remembered);
        let job = content.map(|content| job_of(one.job, content, snapshot.was));
        let kept = Kept {
            kind: of.kind,
            id: of.id.clone(),
            remembered,
            stamp: seen.map(DesigntimeArtifact::stamp),
            configured,
            lost,
            zip: file.map_or_else(PathBuf::new, |file| context.journal.backup(&file.name)),
            reach: one.job.rules.reach.clone(),
            snapshot,
            _hold: hold,
        };
        if job.is_some() {
            context.ledger.kept(&kept.id.0, Some(kept.told()));
        }
        Self { kept, job }
    }

    /// Nothing is written after all: what an earlier run had found is still needed then.
    pub fn not_begun(self, context: &Context<'_>) {
        if self.kept.remembered {
            self.kept.remain(context);
        } else {
            self.kept.forget(context);
        }
    }
}

impl Kept {
    /// Takes note of what ran before, where the runtime was restarting when the snapshot was made and showed it later. What the
    /// design time held is what ran only where it was not saved since.
    pub fn was_seen_later(&mut self, job: &mut Job, outcome: &Outcome, ours: &Planned<'_>) {
        let saved = ours
            .standing
            .artifact
            .as_ref()
            .and_then(DesigntimeArtifact::modified_at);
        let deployed = self
            .seen_later(outcome)
            .filter(|deployed| saved.is_some_and(|saved| saved < *deployed));
        if deployed.is_some() {
            self.snapshot.was = Was::Running(deployed);
            job.rules.back = Some(self.snapshot.was);
        }
    }

    /// When what ran before was deployed, where the snapshot does not know of it.
    pub fn seen_later(&self, outcome: &Outcome) -> Option<TenantTime> {
        let is_unknown = !self.remembered && self.snapshot.was == Was::NotDeployed;
        outcome.before.deployed_on.filter(|_| is_unknown)
    }

    /// It is not needed any more.
    pub fn forget(self, context: &Context<'_>) {
        forget(context, self.subject());
        self.remain(context);
    }

    /// It stays where it is: the next run with --rollback knows from it what runs.
    pub fn remain(self, context: &Context<'_>) {
        context.ledger.kept(&self.id.0, None);
    }

    /// The same, and the report says so.
    pub fn remain_told(self, context: &Context<'_>, rollback: Rollback) -> Rollback {
        let message = format!(
            "{}; {} stays for the next run with --rollback: it tells what runs",
            rollback.message,
            context.journal.place::<Recovery>(self.subject()).display()
        );
        self.remain(context);
        Rollback {
            message,
            ..rollback
        }
    }

    /// Leaves it to a person who may need it.
    pub fn leave(self, outcome: &mut Outcome) {
        let note = format!("what stood there before is in {}", self.told());
        outcome.notes.push(note);
    }

    /// Where it is, with the command that puts it back.
    fn told(&self) -> String {
        let command = self.command(self.snapshot.was.ran());
        format!("{}; `{command}` puts it back", self.zip.display())
    }

    /// Hands it to the person who is needed now, with the command that puts it back. `still_runs`: what ran before does.
    pub fn hand_out(self, rollback: Rollback, still_runs: bool) -> Rollback {
        if rollback.repair.is_some() {
            return rollback;
        }
        let message = match self.snapshot.withheld().as_slice() {
            [] => rollback.message,
            keys => format!(
                "{}; values that are or look like secrets are in no file: set them with {}",
                rollback.message,
                journal::set_options(keys)
            ),
        };
        Rollback {
            message,
            saved: Some(self.zip.display().to_string()),
            repair: Some(self.command(self.snapshot.was.ran() && !still_runs)),
            ..rollback
        }
    }

    fn subject(&self) -> Subject<'_> {
        let (kind, id) = (self.kind, &self.id);
        Subject { kind, id }
    }

    /// The command that puts it back by hand.
    fn command(&self, deploys: bool) -> String {
        let backup = Backup {
            zip: &self.zip,
            kind: self.kind,
            id: &self.id.0,
            name: &self.snapshot.name,
            package: &self.snapshot.package,
            reach: &self.reach,
        };
        backup.command(deploys)
    }
}
