//! Writing artifacts. [`carry_out`] is the list of the steps: package, content, parameters, version; then the seal that
//! shows what the tenant holds, the baseline of what runs, and the deploy call.

mod batch;
mod call;
mod content;
mod other_writers;
mod package;
mod parameters;
mod runtime_list;
mod seal;
mod stored;
mod value_mapping;
mod version;

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use super::job::{Job, Source};
use super::outcome::{Message, Phase, Sent, Verdict, Word};
use super::parameters::Setting;
use super::plan::{Standing, Steps, Upload};
use super::step::{Halt, Write};
use super::{Context, Pending, survey};
use crate::artifact::{ArtifactError, ArtifactKind, Comparable};
use crate::clock::{Clock, Deadline, Moment};
use crate::exit::Exit;
use crate::http::retry;

use crate::tenant::error::TenantError;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, Stamp};
use crate::tenant::{Tenant, Written};
use crate::text::Words;

pub use self::batch::carry_out;
use self::value_mapping::Merged;

/// How long parameters may be put back past the deadline once the content was written: what operations configured
/// must not stay reset because the time ran out in between.
const GRACE: Duration = Duration::from_secs(60);
/// How long reads of the design time may lag behind a write.
const LAG: Duration = Duration::from_secs(15);
/// How often an artifact that was just written may be "not found".
const MISSING_ATTEMPTS: u32 = 4;

/// What the design time showed after our last write; it must hold until the verdict.
#[derive(Clone, Debug)]
pub struct Seal {
    pub stamp: Stamp,
    /// The parameters that must stand, for the case that the seal is broken.
    pub settings: Vec<Setting>,
    /// The content that stands there, where it is not the job's own: the tenant has rewritten what was sent, or a value mapping
    /// keeps entries of its own.
    pub stored: Option<Comparable>,
    /// Content was saved over what stood there, which may reset what was configured.
    pub updated: bool,
}

/// How the writing of one artifact ended.
pub enum Progress {
    /// A deployment was or may have been accepted; it has to be watched.
    Watch(Box<Pending>),
    /// It ended already.
    Done(Box<Verdict>, Trace),
}

/// How far the writing of one artifact came.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub phase: Phase,
    /// What was sent, as far as it was not refused.
    pub sent: Sent,
    /// The design-time version, once it was read back.
    pub version: Option<String>,
    /// The version that the tenant was asked to show.
    pub requested_version: Option<String>,
    /// The keys of the parameters that were written.
    pub parameters: Vec<String>,
    /// What a reader should know, whatever the verdict.
    pub notes: Vec<String>,
}

impl Trace {
    /// An end in this phase with nothing written.
    pub fn at(phase: Phase) -> Self {
        Self {
            phase,
            ..Self::default()
        }
    }
}

/// One artifact while it is written.
pub struct Writing<'a> {
    context: &'a Context<'a>,
    tenant: &'a Tenant,
    clock: Clock,
    deadline: Deadline,
    /// Its place in the run.
    place: usize,
    job: &'a Job,
    id: &'a ArtifactId,
    standing: &'a Standing,
    /// What the design time held before the first write.
    before: Option<&'a DesigntimeArtifact>,
    kind: ArtifactKind,
    steps: Steps,
    /// What the tenant holds now, for whoever has to go on from here.
    state: String,
    /// The content to send where it is not the job's own: a value mapping with the tenant's entries.
    merged: Option<Merged>,
    /// The values that the content brings: a tenant may reset what was configured to them.
    brought: BTreeMap<String, String>,
    /// The parameters that must stand.
    settings: Vec<Setting>,
    /// What the design time showed right after our upload: whoever saves later under our name is seen by it.
    after_upload: Option<Stamp>,
    /// When content was first sent.
    content_sent: Option<Moment>,
    /// The tenant stored files in another form than they were sent in.
    rewritten: bool,
    trace: Trace,
}

impl<'a> Writing<'a> {
    /// Nothing is written yet. `place`: its place in the run.
    pub fn new(
        context: &'a Context<'a>,
        place: usize,
        (job, standing): (&'a Job, &'a Standing),
        kind: ArtifactKind,
        steps: Steps,
    ) -> Self {
        Self {
            context,
            tenant: context.tenant,
            clock: context.clock,
            deadline: context.deadline,
            place,
            job,
            id: &job.id,
            standing,
            before: standing.artifact.as_ref(),
            kind,
            steps,
            state: "nothing was written".to_owned(),
            merged: None,
            brought: match &job.source {
                Source::Files(content) => content.parameters.clone(),
                Source::Tenant => BTreeMap::new(),
            },
            settings: Vec::new(),
            after_upload: None,
            content_sent: None,
            rewritten: false,
            trace: Trace::at(Phase::Upload),
        }
    }

    /// Whether content is brought to the tenant.
    fn brings_content(&self) -> bool {
        self.steps.upload != Upload::Keep
    }

    /// Whether there was no such artifact when the content was sent.
    fn had_nothing_before(&self) -> bool {
        self.before.is_none() || self.kind == ArtifactKind::ValueMapping
    }

    // ---- what is told

    fn words(&self, text: &str) -> Words {
        self.tenant.words(text)
    }

    fn progress(&self, text: impl Into<String>) {
        self.context.ledger.progress(&self.id.0, text);
    }

    /// Tells what a reader should know, now and in the report.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.progress(text.clone());
        self.trace.notes.push(text);
    }

    /// Takes note of what the tenant holds now.
    fn wrote(&mut self, state: impl Into<String>) {
        self.state = state.into();
        self.context.ledger.wrote(&self.id.0, self.state.clone());
    }

    // ---- how it ends

    fn done(&self, verdict: Verdict) -> Progress {
        Progress::Done(Box::new(verdict), self.trace.clone())
    }

    fn uploaded(&self, artifact: &DesigntimeArtifact) -> Progress {
        let why = match (&self.job.rules.back, &self.standing.runtime) {
            (None, _) => "not deployed, as asked".to_owned(),
            (Some(_), None) => "not deployed".to_owned(),
            (Some(_), Some(record)) => {
                let status = self.words(&record.status.to_string());
                format!("not deployed; the runtime showed {status}")
            }
        };
        let evidence = format!(
            "design time version {}; {why}",
            self.words(&artifact.version)
        );
        self.done(Verdict::well(Word::Uploaded, evidence))
    }

    /// The verdict of a halt; with who holds the lock, where a write was refused because of one and the tenant tells.
    fn verdict_of(&self, halt: Halt) -> Verdict {
        let mut error = match halt {
            Halt::Verdict(verdict) => return *verdict,
            Halt::Tenant(error) => error,
        };
        if error.is_locked()
            && let Some(lock) = self.tenant.lock_of(self.id, self.closing())
        {
            error.what = format!("{}; it is locked by {lock}", error.what);
        }
        Verdict::of_error(*error, &self.state)
    }

    fn bad(&self, word: Word, message: Message) -> Halt {
        Verdict::bad(word, self.state.clone(), message).into()
    }

    /// The verdict of a halt, with one more cause.
    fn because(&self, halt: Halt, cause: impl Into<String>) -> Verdict {
        let mut verdict = self.verdict_of(halt);
        verdict.message = verdict.message.map(|message| message.because(cause));
        verdict
    }

    /// The end where the tenant did not do what it said.
    fn not_carried_out(&self, what: &str) -> Halt {
        let message = Message::new(what)
            .hint("the artifact was not deployed; run again, and report it if it stays so");
        let verdict = Verdict {
            exit: Exit::Protocol,
            ..Verdict::bad(Word::Failed, self.state.clone(), message)
        };
        verdict.into()
    }

    // ---- deadlines

    /// The deadline of the calls that put parameters back.
    fn grace(&self) -> Deadline {
        match self.content_sent {
            Some(at) => self.deadline.or_later(at + GRACE),
            None => self.deadline,
        }
    }

    /// A deadline for one more look, when the run's own has just passed.
    fn closing(&self) -> Deadline {
        let soon = self.clock.now() + Duration::from_secs(2);
        self.deadline.or_later(soon)
    }

    // ---- looks at the design time

    /// What the design time shows of the artifact.
    fn shown(&self) -> Result<Option<DesigntimeArtifact>, TenantError> {
        let reading = self
            .tenant
            .designtime_artifact(self.kind, self.id, self.closing())?;
        Ok(reading.found())
    }

    /// The artifact that must be there; a lagging replica may not show it at once.
    fn written_artifact(&self) -> Result<DesigntimeArtifact, Halt> {
        let mut looks = 0;
        while self.may_be_unseen(looks) {
            self.clock.sleep(retry::pause_before(looks));
            looks += 1;
            if let Some(artifact) = self.shown()? {
                return Ok(artifact);
            }
        }
        let what = "the tenant accepted the content, but shows no artifact";
        Err(self.deleted_or(self.not_carried_out(what)))
    }

    /// Whether an artifact that was "not found" so often may be there all the same: reads lag behind a creation.
    fn may_be_unseen(&self, looks: u32) -> bool {
        let now = self.clock.now();
        let lags = self.content_sent.is_some_and(|at| now < at + LAG) && self.had_nothing_before();
        looks < MISSING_ATTEMPTS || lags && !self.deadline.passed(now)
    }

    /// Asks again as long as the error may be that of a lagging replica, which does not show yet what was written.
    fn once_seen<T>(
        &self,
        ask: impl Fn() -> Result<T, TenantError>,
        is_unseen: impl Fn(&TenantError) -> bool,
    ) -> Result<T, TenantError> {
        let mut looks = 0;
        loop {
            looks += 1;
            match ask() {
                Err(error) if is_unseen(&error) && self.may_be_unseen(looks) => {
                    self.clock.sleep(retry::backoff(looks - 1));
                }
                answer => return answer,
            }
        }
    }

    /// Reads something out of the content that the design time holds; `None` where it is not given out.
    fn held<R>(
        &self,
        read: impl Fn(File) -> Result<R, ArtifactError>,
    ) -> Result<Option<R>, TenantError> {
        let context = Context {
            deadline: self.closing(),
            ..self.context.clone()
        };
        survey::with_download(&context, self.kind, self.job, read)
    }

    // ---- writes

    /// Takes note that a write is on its way; gives what was so before.
    fn sending(&mut self, what: &str, sent: Sent) -> (String, Sent) {
        let before = (self.state.clone(), self.trace.sent);
        self.trace.sent = before.1.max(sent);
        self.wrote(format!(
            "{}; {what} was sent, its answer is not known",
            before.0
        ));
        before
    }

    /// Takes note that a write was refused.
    fn back_to(&mut self, (state, sent): (String, Sent)) {
        self.trace.sent = sent;
        self.wrote(state);
    }

    /// Carries out a write, and takes note of each stage. Gives what `look` found, `None` where the write was answered.
    fn send<T>(
        &mut self,
        write: &Write<'_>,
        sent: Sent,
        call: impl Fn(&Self) -> Result<Written, TenantError>,
        look: impl Fn(&Self) -> Result<Option<T>, Halt>,
    ) -> Result<Option<T>, Halt> {
        let before = self.sending(write.what, sent);
        let tell = |text| self.progress(text);
        let (clock, state) = (&self.clock, &self.state);
        write
            .carry_out(clock, state, tell, || call(self), || look(self))
            .map_err(|unwritten| {
                if unwritten.refused {
                    self.back_to(before);
                }
                unwritten.halt
            })
    }
}
