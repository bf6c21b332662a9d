//! Deploying: survey what the tenant holds, plan, write, watch, settle. A failed deployment is a verdict, not an error.

pub mod job;
pub mod ledger;
pub mod outcome;
pub mod parameters;
pub mod plan;
mod settle;
mod survey;
pub mod verdict;
mod watch;
mod write;

use std::time::Duration;

use crate::artifact::ArtifactKind;
use crate::clock::{Clock, Deadline, Moment};
use crate::tenant::Tenant;
use crate::tenant::error::TenantError;

use self::job::{Job, Source};
use self::ledger::{Ended, Ledger};
use self::outcome::{Before, Message, Outcome, Phase, Verdict, Word};
use self::plan::{Plan, Standing};
use self::verdict::Evidence;
use self::write::{Progress, Seal, Trace, Writing};

/// What every step of a run needs.
#[derive(Clone)]
pub struct Context<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The clock of the run.
    pub clock: Clock,
    /// When the run ends.
    pub deadline: Deadline,
    /// Where progress is told.
    pub ledger: Ledger,
}

/// Why one artifact, or the run, stops before the first write.
pub(crate) enum Stop {
    /// An argument does not fit the tenant: the run ends with nothing sent.
    Usage(Box<Message>),
    /// A call did not give what it should.
    Tenant(Box<TenantError>),
}

impl From<TenantError> for Stop {
    fn from(error: TenantError) -> Self {
        Stop::Tenant(Box::new(error))
    }
}

/// One deployment that has no verdict yet.
pub(crate) struct Pending {
    kind: ArtifactKind,
    evidence: Evidence,
    seal: Seal,
    trace: Trace,
    next_look: Moment,
    profile_asked: bool,
    /// How often in a row the tenant refused to be asked.
    refusals: u32,
    told: String,
    told_at: Moment,
}

impl Pending {
    fn new(kind: ArtifactKind, evidence: Evidence, seal: Seal, trace: Trace) -> Self {
        Self {
            kind,
            evidence,
            seal,
            trace,
            next_look: Duration::ZERO,
            profile_asked: false,
            refusals: 0,
            told: String::new(),
            told_at: Duration::ZERO,
        }
    }

    /// What was seen last, in a few words.
    fn last_seen(&self) -> String {
        let runtime = match (self.evidence.last_seen(), self.evidence.new_record()) {
            (Some(record), Some(_)) => format!("runtime {}", record.status),
            (Some(record), None) => format!(
                "runtime still shows the deployment before ({})",
                record.status
            ),
            (None, _) => "runtime shows nothing yet".to_owned(),
        };
        format!("{}; {runtime}", self.evidence.task_words())
    }
}

/// Deploys the artifacts of a run; gives a verdict for each, in their order. Everything that can be found wrong by
/// reading is found for all of them before the first write.
#[must_use]
pub fn deploy(context: &Context<'_>, jobs: &[Job]) -> Ended {
    let mut surveyed = Vec::new();
    for job in jobs {
        context
            .ledger
            .progress(&job.id.0, "reading what the tenant holds");
        let started = context.clock.now();
        match survey::survey(context, job) {
            Ok(standing) => surveyed.push((started, Ok(standing))),
            Err(Stop::Tenant(error)) => surveyed.push((started, Err(*error))),
            Err(Stop::Usage(message)) => return Ended::Usage(vec![*message]),
        }
    }
    let begun: Vec<Begun<'_>> = jobs
        .iter()
        .zip(surveyed)
        .map(|(job, (started, standing))| begin(context, job, started, standing))
        .collect();
    Ended::Verdicts(finish(context, begun))
}

/// One artifact after its writing.
struct Begun<'a> {
    job: &'a Job,
    standing: Standing,
    started: Moment,
    progress: Progress,
}

fn begin<'a>(
    context: &Context<'_>,
    job: &'a Job,
    started: Moment,
    surveyed: Result<Standing, TenantError>,
) -> Begun<'a> {
    let (standing, progress) = match surveyed {
        Err(error) => (
            Standing::default(),
            Progress::Done(
                Box::new(Verdict::of_error(error, "nothing was written")),
                Trace::at(Phase::Read),
            ),
        ),
        Ok(standing) => {
            let progress = follow(context, job, &standing);
            (standing, progress)
        }
    };
    Begun {
        job,
        standing,
        started,
        progress,
    }
}

/// Follows the plan of one artifact up to its deploy call.
fn follow(context: &Context<'_>, job: &Job, standing: &Standing) -> Progress {
    match plan::decide(job, standing) {
        Plan::Refuse(message) => refused(message),
        Plan::Unchanged(proof) => Progress::Done(
            Box::new(Verdict::well(Word::Unchanged, proof)),
            Trace::at(Phase::Start),
        ),
        Plan::Stopped(evidence) => {
            Progress::Done(Box::new(stopped(job, evidence)), Trace::at(Phase::Start))
        }
        Plan::Act(steps) => match Writing::new(context, job, standing) {
            Some(writing) => writing.carry_out(steps),
            None => refused(Message::new("the type of the artifact is not known")),
        },
    }
}

/// An end before the first write, because of what the tenant holds.
fn refused(message: Message) -> Progress {
    let verdict = Verdict::bad(Word::Failed, "nothing was written".to_owned(), message);
    Progress::Done(Box::new(verdict), Trace::at(Phase::Read))
}

fn stopped(job: &Job, evidence: String) -> Verdict {
    let message = Message::new(format!(
        "{} was stopped on the tenant, and its content has not changed: it was not started",
        job.id
    ))
    .hint("start it with --force, if it is to run again");
    Verdict::bad(Word::Skipped, evidence, message)
}

/// Watches what is not decided, and gathers the facts of all.
fn finish(context: &Context<'_>, begun: Vec<Begun<'_>>) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut pending = Vec::new();
    let mut facts = Vec::new();
    for (place, one) in begun.into_iter().enumerate() {
        let gathering = Gathering {
            context,
            job: one.job,
            standing: one.standing,
            started: one.started,
        };
        match one.progress {
            Progress::Done(verdict, trace) => {
                outcomes.push(Some(gathering.outcome(trace, None, *verdict)));
            }
            Progress::Watch(watched) => {
                outcomes.push(None);
                pending.push((place, one.job, watched));
            }
        }
        facts.push(gathering);
    }
    for (place, watched, verdict) in watch::watch(context, pending) {
        let mut trace = watched.trace.clone();
        if watched.evidence.build_failed() {
            trace.phase = Phase::Deploy;
        }
        outcomes[place] = Some(facts[place].outcome(trace, Some(&watched.evidence), verdict));
    }
    outcomes.into_iter().flatten().collect()
}

/// What the facts of one artifact are gathered from. Versions are the tenant's text and made fit to be printed here.
struct Gathering<'a> {
    context: &'a Context<'a>,
    job: &'a Job,
    standing: Standing,
    started: Moment,
}

impl Gathering<'_> {
    fn outcome(&self, trace: Trace, evidence: Option<&Evidence>, verdict: Verdict) -> Outcome {
        let content = match &self.job.source {
            Source::Files(content) => Some(content),
            Source::Tenant => None,
        };
        let held = self.standing.artifact.as_ref();
        let before = self.before();
        let record = evidence
            .and_then(Evidence::last_seen)
            .or(self.standing.runtime.as_ref());
        Outcome {
            id: self.job.id.0.clone(),
            kind: content.map(|content| content.kind).or(self.standing.kind),
            package: content
                .map(|content| content.package.0.clone())
                .or_else(|| held.map(|artifact| self.clean(&artifact.package_id))),
            designtime_version: trace
                .version
                .map(|version| self.clean(&version))
                .or_else(|| before.designtime_version.clone()),
            runtime_version: record.map(|record| self.clean(&record.version)),
            deployed_on: record.and_then(|record| record.deployed_on),
            before,
            parameters: trace.parameters,
            phase: trace.phase,
            content_sha256: content.map(|content| content.archive.content),
            zip_sha256: content.map(|content| content.archive.zip),
            task: evidence
                .and_then(Evidence::task_id)
                .map(ToString::to_string),
            took: self.context.clock.now().saturating_sub(self.started),
            verdict,
        }
    }

    fn before(&self) -> Before {
        let record = self.standing.runtime.as_ref();
        Before {
            designtime_version: self
                .standing
                .artifact
                .as_ref()
                .map(|artifact| self.clean(&artifact.version)),
            runtime_version: record.map(|record| self.clean(&record.version)),
            deployed_on: record.and_then(|record| record.deployed_on),
        }
    }

    fn clean(&self, text: &str) -> String {
        self.context.tenant.words(text).to_string()
    }
}
