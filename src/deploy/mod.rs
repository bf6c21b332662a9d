//! Deploying: survey what the tenant holds, plan, write, watch, settle. A failed deployment is a verdict, not an error.

pub mod approval;
mod deployment;
pub mod evidence;
pub mod job;
pub mod ledger;
pub mod outcome;
pub mod parameters;
pub mod plan;
pub mod preview;
mod proof;
pub(crate) mod recovery;
pub(crate) mod runtime;
pub(crate) mod saved;
mod schedule;
mod settle;
mod step;
pub(crate) mod survey;
pub mod undeploy;
mod versions;
mod watch;
mod write;

use std::fmt;
use std::time::Duration;

use crate::artifact::ArtifactKind;
use crate::clock::{Clock, Deadline, Moment};
use crate::journal::Journal;
use crate::pacing::{self, Wait};
use crate::tenant::Tenant;
use crate::tenant::error::TenantError;

use self::approval::{Approval, Facts, Moved};
pub(crate) use self::deployment::Pending;
use self::evidence::started::Evidence;
use self::job::Job;
use self::ledger::{Ended, Ledger};
use self::outcome::{Before, Message, Outcome, Phase, Verdict, Word};
use self::plan::{Plan, Standing, Steps};
use self::survey::{Depth, Surveyed};
use self::write::Trace;

/// What every step of a run needs.
#[derive(Clone)]
pub struct Context<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// What runs write down for each other.
    pub journal: &'a Journal,
    /// The clock of the run.
    pub clock: Clock,
    /// When the run ends.
    pub deadline: Deadline,
    /// Where progress is told.
    pub ledger: Ledger,
    /// Artifacts that are well are deployed though arguments for others do not fit the tenant.
    pub keep_going: bool,
    /// What is to be done is told before the first write.
    pub announced: bool,
}

impl Context<'_> {
    /// Until when a record that is in motion now is waited for: no longer than a quarter of the time left.
    pub(crate) fn rest_until(&self) -> Moment {
        let now = self.clock.now();
        now + (self.deadline.left(now) / 4).min(pacing::REST)
    }

    /// The looks of a wait for something that concerns a job, until that moment.
    fn wait(&self, job: &Job, until: Moment) -> Wait<'_> {
        Wait::until(until, job.rules.poll_interval, &self.clock)
    }

    /// A deadline for the last few reads, when the run's own has passed or is about to.
    fn closing(&self) -> Deadline {
        self.deadline
            .or_later(self.clock.now() + Duration::from_secs(2))
    }

    /// The same for those reads.
    fn closing_look(&self) -> Self {
        Self {
            deadline: self.closing(),
            ..self.clone()
        }
    }
}

/// Why one artifact, or the run, stops before the first write.
pub(crate) enum Stop {
    /// An argument does not fit the tenant: the run ends with nothing sent.
    Usage(Box<Message>),
    /// A call did not give what it should.
    Tenant(Box<TenantError>),
    /// It ended for another reason.
    Ended(Box<Verdict>),
}

impl From<TenantError> for Stop {
    fn from(error: TenantError) -> Self {
        Stop::Tenant(Box::new(error))
    }
}

/// Reads what the tenant holds of each artifact of a run. Everything that can be found wrong by reading is found for all
/// of them here, before the first write. `approved`: a plan that is to be carried out. Gives the arguments that do not
/// fit, if any.
pub(crate) fn read<'a>(
    context: &Context<'_>,
    jobs: &'a [Job],
    approved: Option<&Approval>,
) -> Result<Vec<Surveyed<'a>>, Vec<Message>> {
    let depth = match approved {
        Some(_) => Depth::Approved,
        None => Depth::Decisions,
    };
    let surveyed = survey::survey(context, jobs, depth);
    let unfit = unfit(&surveyed);
    if !unfit.is_empty() && !context.keep_going {
        return Err(unfit);
    }
    Ok(surveyed)
}

/// Decides what is to be done with each artifact. `approved`: nothing but this plan may be carried out; gives where it
/// does not fit any more.
pub(crate) fn decide<'a>(
    context: &Context<'_>,
    surveyed: Vec<Surveyed<'a>>,
    approved: Option<&Approval>,
) -> Result<Vec<Planned<'a>>, Vec<Message>> {
    let mut planned: Vec<Planned<'_>> = surveyed
        .into_iter()
        .map(|one| planned(context, one))
        .collect();
    if let Some(approval) = approved
        && let Some(moved) = hold_against(context, approval, &mut planned)
    {
        return Err(moved);
    }
    Ok(planned)
}

/// Carries out what was decided; gives a verdict for each artifact, in their order. `decided` hears of each as soon as it
/// has its verdict, by its place.
pub(crate) fn carry_out(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    decided: &dyn Fn(usize, &Outcome),
) -> Vec<Outcome> {
    if (planned.iter()).any(|one| matches!(one.next, Next::Write(..))) {
        context.journal.prepare();
    }
    tell_foreign_proofs(context, planned);
    if context.announced {
        announce(context, planned);
    }
    schedule::carry_out(context, planned, decided)
}

/// Proofs of other credentials are no attack: a key may have been renewed.
fn tell_foreign_proofs(context: &Context<'_>, planned: &[Planned<'_>]) {
    let mut foreign = planned.iter().filter(|one| one.standing.foreign_proof);
    if let Some(first) = foreign.next() {
        let text = format!(
            "proofs in {} that were written with other credentials are ignored: {}",
            context.journal.directory().display(),
            foreign.count() + 1
        );
        context.ledger.progress(&first.job.id.0, text);
    }
}

/// Tells what is to be done with each artifact.
fn announce(context: &Context<'_>, planned: &[Planned<'_>]) {
    for one in planned {
        if let Next::Write(..) = one.next {
            let (action, why) = preview::action(one.job, &one.standing, &one.plan);
            let text = format!("plan: {}: {why}", action.as_str());
            context.ledger.progress(&one.job.id.0, text);
        }
    }
}

/// Shows what a deployment would do, and writes nothing.
pub fn preview(context: &Context<'_>, jobs: &[Job]) -> Ended {
    match preview::previews(context, jobs) {
        Ok(previews) => Ended::Previews(previews),
        Err(unfit) => Ended::Usage(unfit),
    }
}

/// The arguments that do not fit what the tenant holds.
fn unfit(surveyed: &[Surveyed<'_>]) -> Vec<Message> {
    surveyed
        .iter()
        .filter_map(|one| match &one.standing {
            Err(Stop::Usage(message)) => Some(message.as_ref().clone()),
            Ok(_) | Err(Stop::Tenant(_) | Stop::Ended(_)) => None,
        })
        .collect()
}

/// Holds what is to be done against an approved plan. Where files or settings here are others, the run ends: gives why.
/// Where the tenant moved, nothing of the whole plan is carried out.
fn hold_against(
    context: &Context<'_>,
    approval: &Approval,
    planned: &mut [Planned<'_>],
) -> Option<Vec<Message>> {
    let mut here: Vec<Message> = approval
        .ids()
        .filter(|id| !planned.iter().any(|one| one.job.id.0 == *id))
        .map(|id| {
            let what = format!("the plan is about {id} too, and this run is not");
            other_plan(what, "name the same paths as for the plan")
        })
        .collect();
    let (planned_for, host) = (&approval.tenant, context.tenant.host());
    if planned_for != host {
        let what = format!("the plan was made for {planned_for}, and this is {host}");
        here.push(other_plan(what, "give the credentials of that tenant"));
    }
    let mut on_tenant = Vec::new();
    for one in planned.iter() {
        // what is refused because it could not be put back ends by itself
        let refused = one.job.rules.rollback_required && matches!(one.plan, Plan::Refuse(_));
        if refused
            || matches!(&one.next, Next::End(verdict, _) if matches!(verdict.word, Word::Refused | Word::Unreachable))
        {
            continue;
        }
        let (action, _) = preview::action(one.job, &one.standing, &one.plan);
        let facts = |salt: &str| Facts::of(one.job, &one.standing, action, salt);
        match approval.moved(&one.job.id.0, facts) {
            None => {}
            Some(Moved::Here(what)) => {
                let what = format!("{}: {what} is not what the plan was made for", one.job.id);
                let remedy = "check out the commit of the plan and give the same options";
                here.push(other_plan(what, remedy));
            }
            // an earlier run has carried the plan out
            Some(Moved::Tenant(_)) if matches!(one.plan, Plan::Unchanged(_)) => {}
            Some(Moved::Tenant(what)) => on_tenant.push((one.job.id.0.clone(), what)),
        }
    }
    if !here.is_empty() {
        return Some(here);
    }
    if !on_tenant.is_empty() {
        for one in planned {
            let what = on_tenant
                .iter()
                .find(|(id, _)| *id == one.job.id.0)
                .map(|(_, what)| what.as_str());
            one.next = Next::End(Box::new(plan_void(what)), Phase::Read);
        }
    }
    None
}

/// A plan that can't be carried out from here.
fn other_plan(what: impl fmt::Display, remedy: &str) -> Message {
    Message::new(format!("{what}; nothing was written"))
        .at("--plan")
        .hint(format!("{remedy}, or make the plan anew"))
}

fn plan_void(what: Option<&str>) -> Verdict {
    let hint = "make the plan anew, and have it approved";
    let (word, message) = match what {
        Some(what) => (
            Word::Superseded,
            format!("it changed on the tenant after the plan was made: {what}"),
        ),
        None => (
            Word::Skipped,
            "skipped, because the tenant changed after the plan was made".to_owned(),
        ),
    };
    let message = Message::new(message).hint(hint);
    Verdict::unwritten(word, message)
}

/// One artifact with what is to be done about it.
pub(crate) struct Planned<'a> {
    pub(crate) job: &'a Job,
    pub(crate) started: Moment,
    /// What the tenant held before the first write.
    pub(crate) standing: Standing,
    plan: Plan,
    pub(crate) next: Next,
}

/// What comes next for one artifact.
pub(crate) enum Next {
    /// It ended before the first write.
    End(Box<Verdict>, Phase),
    /// It is to be written.
    Write(ArtifactKind, Steps),
}

/// What is to be done with one artifact.
pub(crate) fn planned<'a>(context: &Context<'_>, one: Surveyed<'a>) -> Planned<'a> {
    let (standing, plan, next) = match one.standing {
        Ok(mut standing) => {
            let plan = plan::decide(one.job, &standing);
            let next = next(context, one.job, &standing, &plan);
            standing.notes.extend(plan::kept_entries(&standing, &plan));
            (standing, plan, next)
        }
        Err(stop) => {
            let verdict = stopped_by(stop);
            let plan = Plan::Refuse(Message::default());
            let next = Next::End(Box::new(verdict), Phase::Read);
            (Standing::default(), plan, next)
        }
    };
    Planned {
        job: one.job,
        started: one.started,
        standing,
        plan,
        next,
    }
}

/// The end that a stop before the first write leads to.
pub(crate) fn stopped_by(stop: Stop) -> Verdict {
    let nothing = "nothing was written";
    match stop {
        Stop::Tenant(error) => Verdict::of_error(*error, nothing),
        Stop::Usage(message) => Verdict::bad(Word::Invalid, nothing.to_owned(), *message),
        Stop::Ended(verdict) => *verdict,
    }
}

fn next(context: &Context<'_>, job: &Job, standing: &Standing, plan: &Plan) -> Next {
    let end = |verdict, phase| Next::End(Box::new(verdict), phase);
    match (plan, job.kind(standing.kind)) {
        (Plan::Refuse(message), _) => end(refused(message.clone()), Phase::Read),
        (Plan::Unchanged(proof), _) => {
            end(Verdict::well(Word::Unchanged, proof.clone()), Phase::Start)
        }
        (Plan::Stopped(evidence), _) => end(stopped(job, evidence.clone()), Phase::Start),
        (Plan::Act(steps), Some(kind)) => match survey::may_write(context, job, standing, *steps) {
            Ok(()) => Next::Write(kind, *steps),
            Err(stop) => end(stopped_by(stop), Phase::Read),
        },
        (Plan::Act(_), None) => end(
            refused(Message::new("the type of the artifact is not known")),
            Phase::Read,
        ),
    }
}

/// An end before the first write, because of what the tenant holds.
fn refused(message: Message) -> Verdict {
    Verdict::unwritten(Word::Failed, message)
}

fn stopped(job: &Job, evidence: String) -> Verdict {
    let message = Message::new(format!(
        "{} was stopped on the tenant, and its content has not changed: it was not started",
        job.id
    ))
    .hint("start it with --force, if it is to run again");
    Verdict::bad(Word::Skipped, evidence, message)
}

impl Planned<'_> {
    /// The facts of its end. What the tenant says is made fit to be printed here.
    fn outcome(
        &self,
        context: &Context<'_>,
        trace: Trace,
        evidence: Option<&Evidence>,
        verdict: Verdict,
    ) -> Outcome {
        let clean = |text: &str| context.tenant.words(text).to_string();
        let (content, standing) = (self.job.content(), &self.standing);
        // a runtime that restarts shows only later what ran
        let earlier = evidence.and_then(|evidence| evidence.earlier.as_ref());
        let (held, before) = (
            standing.artifact.as_ref(),
            standing.runtime.as_ref().or(earlier),
        );
        let stood = Before {
            designtime_version: held.map(|artifact| clean(&artifact.version)),
            runtime_version: before.map(|record| clean(&record.version)),
            deployed_on: before.and_then(|record| record.deployed_on),
        };
        let seen = evidence.and_then(|evidence| evidence.seen.last_seen());
        let record = seen.or(before);
        let package = content.map(|content| content.package.0.clone());
        let version = trace.version.map(|version| clean(&version));
        let notes = standing.notes.iter().chain(&trace.notes);
        let task = evidence.and_then(Evidence::task_id);
        Outcome {
            kind: self.job.kind(standing.kind),
            package: package.or_else(|| held.map(|artifact| clean(&artifact.package_id))),
            designtime_version: version.or_else(|| stood.designtime_version.clone()),
            runtime_version: record.map(|record| clean(&record.version)),
            deployed_on: record.and_then(|record| record.deployed_on),
            before: stood,
            parameters: trace.parameters,
            content_sha256: content.map(|content| content.archive.content),
            zip_sha256: content.map(|content| content.archive.zip),
            task: task.map(ToString::to_string),
            took: context.clock.now().saturating_sub(self.started),
            notes: notes.map(|note| clean(note)).collect(),
            requested_version: trace.requested_version,
            sent: trace.sent,
            ..Outcome::new(self.job.id.0.clone(), trace.phase, verdict)
        }
    }
}
