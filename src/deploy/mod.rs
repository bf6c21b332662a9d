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
use self::outcome::{Message, Outcome, Verdict, Word};
use self::plan::{Plan, Standing};
use self::verdict::Evidence;
use self::write::{Progress, Seal, Writing};

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
    Usage(Message),
    /// A call did not give what it should.
    Tenant(TenantError),
}

impl From<TenantError> for Stop {
    fn from(error: TenantError) -> Self {
        Stop::Tenant(error)
    }
}

/// One deployment that has no verdict yet.
pub(crate) struct Pending {
    kind: ArtifactKind,
    evidence: Evidence,
    seal: Seal,
    designtime_version: String,
    next_look: Moment,
    profile_asked: bool,
    told: String,
    told_at: Moment,
}

impl Pending {
    fn new(kind: ArtifactKind, evidence: Evidence, seal: Seal, designtime_version: String) -> Self {
        Self {
            kind,
            evidence,
            seal,
            designtime_version,
            next_look: Duration::ZERO,
            profile_asked: false,
            told: String::new(),
            told_at: Duration::ZERO,
        }
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
        match survey::survey(context, job) {
            Ok(standing) => surveyed.push(Ok(standing)),
            Err(Stop::Tenant(error)) => surveyed.push(Err(error)),
            Err(Stop::Usage(message)) => return Ended::Usage(vec![message]),
        }
    }
    let begun: Vec<Begun<'_>> = jobs
        .iter()
        .zip(surveyed)
        .map(|(job, standing)| begin(context, job, standing))
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
    surveyed: Result<Standing, TenantError>,
) -> Begun<'a> {
    let started = context.clock.now();
    let (standing, progress) = match surveyed {
        Err(error) => (
            Standing::default(),
            Progress::Done(Verdict::of_error(error, "nothing was written"), None),
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
        Plan::Refuse(message) => Progress::Done(
            Verdict::bad(Word::Failed, "nothing was written".to_owned(), message),
            None,
        ),
        Plan::Unchanged(proof) => Progress::Done(Verdict::well(Word::Unchanged, proof), None),
        Plan::Stopped(evidence) => Progress::Done(stopped(job, evidence), None),
        Plan::Act(steps) => match Writing::new(context, job, standing) {
            Some(writing) => writing.carry_out(steps),
            None => Progress::Done(
                Verdict::bad(
                    Word::Failed,
                    "nothing was written".to_owned(),
                    Message::new("the type of the artifact is not known"),
                ),
                None,
            ),
        },
    }
}

fn stopped(job: &Job, evidence: String) -> Verdict {
    let message = Message::new(format!(
        "{} was stopped on the tenant, and its content has not changed: it was not started",
        job.id
    ))
    .hint("start it with --force, if it is to run again");
    Verdict::bad(Word::Skipped, evidence, message)
}

fn finish(context: &Context<'_>, begun: Vec<Begun<'_>>) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut pending = Vec::new();
    let mut facts = Vec::new();
    for (place, one) in begun.into_iter().enumerate() {
        match one.progress {
            Progress::Done(verdict, version) => {
                let mut ended =
                    outcome(context, one.job, &one.standing, one.started, None, verdict);
                ended.designtime_version = version.or(ended.designtime_version);
                outcomes.push(Some(ended));
            }
            Progress::Watch(watched) => {
                outcomes.push(None);
                pending.push((place, one.job, watched));
            }
        }
        facts.push((one.job, one.standing, one.started));
    }
    for (place, watched, verdict) in watch::watch(context, pending) {
        let (job, standing, started) = &facts[place];
        outcomes[place] = Some(outcome(
            context,
            job,
            standing,
            *started,
            Some(&watched),
            verdict,
        ));
    }
    outcomes.into_iter().flatten().collect()
}

/// Gathers the facts of one artifact.
fn outcome(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    started: Moment,
    watched: Option<&Pending>,
    verdict: Verdict,
) -> Outcome {
    let content = match &job.source {
        Source::Files(content) => Some(content),
        Source::Tenant => None,
    };
    let held = standing.artifact.as_ref();
    Outcome {
        id: job.id.0.clone(),
        kind: content.map(|content| content.kind).or(standing.kind),
        package: content
            .map(|content| content.package.0.clone())
            .or_else(|| held.map(|artifact| artifact.package_id.clone())),
        designtime_version: watched
            .map(|one| one.designtime_version.clone())
            .or_else(|| held.map(|artifact| artifact.version.clone())),
        runtime_version: watched
            .and_then(|one| one.evidence.last_seen())
            .or(standing.runtime.as_ref())
            .map(|record| record.version.clone()),
        content_sha256: content.map(|content| content.archive.content),
        zip_sha256: content.map(|content| content.archive.zip),
        task: watched
            .and_then(|one| one.evidence.task_id())
            .map(ToString::to_string),
        took: context.clock.now().saturating_sub(started),
        verdict,
    }
}
