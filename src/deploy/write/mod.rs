//! Writing one artifact: package, content, parameters; then the seal that shows what the tenant holds, a fresh
//! baseline of the runtime, and the deploy call. A write whose answer was lost is looked up before it is repeated.

mod batch;
mod call;
mod configure;
mod content;
mod other_writer;
mod replace;
mod shelf;
mod stored;
mod version;

use std::collections::BTreeMap;
use std::time::Duration;

use super::job::{Job, Source};
use super::outcome::{Message, Phase, Sent, Verdict, Word};
use super::parameters::Setting;
use super::plan::{Standing, Steps, Upload};
use super::recovery;
use super::{Context, Pending};
use crate::artifact::{ArtifactKind, Comparable};
use crate::clock::{Deadline, Moment};
use crate::exit::Exit;
use crate::http::retry;
use crate::tenant::Lost;
use crate::tenant::error::TenantError;
use crate::tenant::wire::{DesigntimeArtifact, Stamp};

pub(super) use self::batch::{Order, carry_out};
use self::replace::Merged;
pub(super) use self::shelf::Shelf;

/// How often a write is sent whose answer was lost each time.
const WRITE_ATTEMPTS: u32 = 5;
/// How long parameters may be put back past the deadline once the content was written: what operations configured
/// must not stay reset because the time ran out in between.
const GRACE: Duration = Duration::from_secs(60);

/// What the design time showed after our last write; it must hold until the verdict.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) stamp: Stamp,
    /// The parameters that must stand, for the case that the seal is broken.
    pub(super) settings: Vec<Setting>,
    /// The content that stands there, where the tenant has rewritten what was sent.
    pub(super) stored: Option<Comparable>,
}

/// How the writing of one artifact ended.
pub(super) enum Progress {
    /// A deployment was or may have been accepted; it has to be watched.
    Watch(Box<Pending>),
    /// It ended already.
    Done(Box<Verdict>, Trace),
}

/// How far the writing of one artifact came.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) phase: Phase,
    /// What was sent, as far as it was not refused.
    pub(super) sent: Sent,
    /// The design-time version, once it was read back.
    pub(super) version: Option<String>,
    /// The version that the tenant was asked to show.
    pub(super) requested_version: Option<String>,
    /// The keys of the parameters that were written.
    pub(super) parameters: Vec<String>,
    /// What a reader should know, whatever the verdict.
    pub(super) notes: Vec<String>,
}

impl Trace {
    /// An end in this phase with nothing written.
    pub(super) fn at(phase: Phase) -> Self {
        Self {
            phase,
            sent: Sent::Nothing,
            version: None,
            requested_version: None,
            parameters: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// One artifact while it is written.
pub(super) struct Writing<'a> {
    context: &'a Context<'a>,
    job: &'a Job,
    standing: &'a Standing,
    kind: ArtifactKind,
    /// What the tenant holds now, for whoever has to go on from here.
    state: String,
    /// The content to send where it is not the job's own: a value mapping with the tenant's entries.
    merged: Option<Merged>,
    /// The values that the content brings: a tenant may reset what was configured to them.
    brought: BTreeMap<String, String>,
    /// What the design time showed right after our upload: whoever saves later under our name is seen by it.
    after_upload: Option<Stamp>,
    /// When content was first sent.
    content_sent: Option<Moment>,
    /// The tenant stored files in another form than they were sent in.
    rewritten: bool,
    trace: Trace,
}

/// What was so before a write was sent.
struct BeforeSending {
    /// What the tenant held.
    state: String,
    sent: Sent,
}

/// Why the writing of one artifact stopped.
pub(super) enum Halt {
    Tenant(Box<TenantError>),
    Verdict(Box<Verdict>),
}

impl From<TenantError> for Halt {
    fn from(error: TenantError) -> Self {
        Halt::Tenant(Box::new(error))
    }
}

impl From<Verdict> for Halt {
    fn from(verdict: Verdict) -> Self {
        Halt::Verdict(Box::new(verdict))
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        job: &'a Job,
        standing: &'a Standing,
        kind: ArtifactKind,
    ) -> Self {
        Self {
            context,
            job,
            standing,
            kind,
            state: "nothing was written".to_owned(),
            merged: None,
            brought: match &job.source {
                Source::Files(content) => content.parameters.clone(),
                Source::Tenant => BTreeMap::new(),
            },
            after_upload: None,
            content_sent: None,
            rewritten: false,
            trace: Trace::at(Phase::Upload),
        }
    }

    /// The steps up to the deploy call: content and parameters. Gives the parameters that must stand.
    pub(super) fn bring(&mut self, steps: Steps) -> Result<Vec<Setting>, Halt> {
        self.upload(steps)?;
        self.trace.phase = Phase::Configure;
        let settings = self.configure(steps.upload)?;
        if brings_content(steps.upload) {
            recovery::update(self.context, self.job, self.standing, |one| {
                one.values.clear();
            });
        }
        self.save_version(steps)?;
        Ok(settings)
    }

    /// The seal of what was brought; `shown`: what a list has just shown of the artifact, if one did.
    pub(super) fn close(
        &mut self,
        steps: Steps,
        settings: Vec<Setting>,
        shown: Option<DesigntimeArtifact>,
    ) -> Result<(DesigntimeArtifact, Seal), Halt> {
        let (artifact, seal) = self.seal(steps.upload, settings, shown)?;
        self.trace.version = Some(artifact.version.clone());
        Ok((artifact, seal))
    }

    /// The end of writing: the deploy call, unless none was asked for.
    pub(super) fn hand_over(
        &mut self,
        steps: Steps,
        shelf: &Shelf,
        artifact: &DesigntimeArtifact,
        seal: Seal,
    ) -> Result<Progress, Halt> {
        if !steps.deploy {
            return Ok(self.uploaded(artifact));
        }
        self.trace.phase = Phase::Deploy;
        let baseline = self.baseline(shelf)?;
        self.deploy(baseline, steps.upload, artifact, seal)
            .map(|pending| Progress::Watch(Box::new(pending)))
    }

    /// The end that a halt leads to.
    pub(super) fn halted(self, halt: Halt) -> Progress {
        let verdict = match self.with_lock(halt) {
            Halt::Verdict(verdict) => verdict,
            Halt::Tenant(error) => Box::new(Verdict::of_error(*error, &self.state)),
        };
        Progress::Done(verdict, self.trace)
    }

    /// The end of an artifact whose package another one failed to create.
    pub(super) fn without_package(self, cause: &Verdict) -> Progress {
        let verdict = Verdict {
            evidence: self.state,
            ..cause.clone()
        };
        Progress::Done(Box::new(verdict), self.trace)
    }

    fn uploaded(&self, artifact: &DesigntimeArtifact) -> Progress {
        let version = self.context.tenant.words(&artifact.version);
        let why = match (&self.job.rules.back, &self.standing.runtime) {
            (None, _) => "not deployed, as asked".to_owned(),
            (Some(_), None) => "not deployed".to_owned(),
            (Some(_), Some(record)) => {
                let status = self.context.tenant.words(&record.status.to_string());
                format!("not deployed; the runtime showed {status}")
            }
        };
        let evidence = format!("design time version {version}; {why}");
        Progress::Done(
            Box::new(Verdict::well(Word::Uploaded, evidence)),
            self.trace.clone(),
        )
    }

    /// The deadline of the calls that put parameters back.
    fn grace(&self) -> Deadline {
        match self.content_sent {
            Some(at) => self.context.deadline.or_later(at + GRACE),
            None => self.context.deadline,
        }
    }

    /// A deadline for one more look, when the run's own has just passed.
    fn closing(&self) -> Deadline {
        let soon = self.context.clock.now() + Duration::from_secs(2);
        self.context.deadline.or_later(soon)
    }

    fn progress(&self, text: impl Into<String>) {
        self.context.ledger.progress(&self.job.id.0, text);
    }

    /// Tells what a reader should know, now and in the report.
    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.progress(text.clone());
        self.trace.notes.push(text);
    }

    fn wrote(&mut self, state: impl Into<String>) {
        self.state = state.into();
        self.context
            .ledger
            .wrote(&self.job.id.0, self.state.clone());
    }

    /// Takes note that a write is on its way; gives what to return to when it was refused.
    fn sending(&mut self, what: &str, sent: Sent) -> BeforeSending {
        let before = BeforeSending {
            state: self.state.clone(),
            sent: self.trace.sent,
        };
        self.trace.sent = before.sent.max(sent);
        self.wrote(format!(
            "{}; {what} was sent, its answer is not known",
            before.state
        ));
        before
    }

    /// Takes note that a write was refused.
    fn back_to(&mut self, before: BeforeSending) {
        self.trace.sent = before.sent;
        self.wrote(before.state);
    }

    /// Waits before a write is sent again, or gives up: with the API's own words where it said something.
    fn try_again(
        &self,
        what: &str,
        attempt: u32,
        lost: Lost,
        deadline: Deadline,
    ) -> Result<(), Halt> {
        let pause = retry::backoff(attempt - 1);
        if attempt < WRITE_ATTEMPTS && deadline.left(self.context.clock.now()) > pause {
            self.progress(format!(
                "the answer was lost ({}); looked: {what} is not written, sending again",
                lost.why
            ));
            self.context.clock.sleep(pause);
            return Ok(());
        }
        if let Some(said) = lost.said {
            return Err(Halt::Tenant(said));
        }
        let message = Message::new(format!(
            "{what} could not be written: the answers of {attempt} attempts were lost"
        ))
        .because(lost.why)
        .hint("run again: it looks first what the tenant holds");
        Err(Verdict::bad(Word::Unreachable, self.state.clone(), message).into())
    }

    fn not_carried_out(&self, what: &str, differences: &[String]) -> Halt {
        let mut message = Message::new(what.to_owned())
            .hint("the artifact was not deployed; run again, and report it if it stays so");
        message.causes = differences
            .iter()
            .take(5)
            .map(|path| format!("differs: {}", self.context.tenant.words(path)))
            .collect();
        let verdict = Verdict {
            exit: Exit::Protocol,
            ..Verdict::bad(Word::Failed, self.state.clone(), message)
        };
        verdict.into()
    }
}

/// Whether a step brings content to the tenant.
fn brings_content(upload: Upload) -> bool {
    matches!(
        upload,
        Upload::Create | Upload::Update | Upload::Again | Upload::Replace
    )
}
