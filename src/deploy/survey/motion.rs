//! A deployment of what the tenant holds is still going on: an earlier run's, most often, that ended undecided. Whether
//! anything need be done is known when it has come to rest.

use std::time::Duration;

use crate::clock::Moment;
use crate::deploy::job::Job;
use crate::deploy::outcome::{Message, Verdict, Word};
use crate::deploy::plan::{self, Plan, Standing};
use crate::deploy::{Context, Stop};
use crate::tenant::TaskReading;
use crate::tenant::wire::{BuildStatus, TaskId};

/// Waits for the record to rest where everything else says that nothing need be done.
pub fn await_rest(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
) -> Result<(), Stop> {
    await_task(context, job, standing)?;
    // a run that was killed may have called for it: a second call would restart what is about to run
    let what = "saved a moment ago: waiting whether a deployment of it is on its way";
    wait_while(context, job, standing, until, what, |standing| {
        plan::may_be_on_its_way(job, standing)
    })?;
    if plan::would_be_unchanged_at_rest(job, standing) {
        let status = standing.runtime.as_ref().map(|one| one.status.to_string());
        let status = context.tenant.words(&status.unwrap_or_default());
        let what = format!("and the runtime shows {status}: waiting for it to rest");
        wait_while(context, job, standing, until, &what, |standing| {
            (standing.runtime.as_ref()).is_some_and(|record| record.status.in_motion())
        })?;
    }
    Ok(())
}

/// Looks at what runs as long as this is so and there is time. `what`: what the tenant shows, and what is waited for.
fn wait_while(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
    what: &str,
    is_so: impl Fn(&Standing) -> bool,
) -> Result<(), Stop> {
    if is_so(standing) {
        tell(context, job, what);
    }
    let wait = context.wait(job, until);
    while is_so(standing) && wait.pause() {
        read_again(context, job, standing)?;
    }
    Ok(())
}

fn tell(context: &Context<'_>, job: &Job, what: &str) {
    let text = format!("the tenant holds the same, {what}");
    context.ledger.progress(&job.id.0, text);
}

/// Reads what runs once more; gives whether it is another record. One "not found" between two records is none.
fn read_again(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<bool, Stop> {
    let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
    standing.answered = reading.answered.or(standing.answered);
    let is_new = reading.record.is_some() && reading.record != standing.runtime;
    if is_new {
        super::shows(context, standing, reading.record);
    }
    Ok(is_new)
}

/// Waits for the deployment that an earlier run has called for, as long as its task is not done and there is time.
fn await_task(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    let Some(task) = standing.pending.clone() else {
        return Ok(());
    };
    // what the tenant proves outranks what a file says
    let is_awaited = |standing: &Standing| {
        plan::only_lacks_a_deployment(job, standing)
            && !matches!(plan::decide(job, standing), Plan::Unchanged(_))
    };
    if !is_awaited(standing) {
        return Ok(());
    }
    let what = format!("and an earlier run has deployed it: waiting for its task {task}");
    tell(context, job, &what);
    let began = context.clock.now();
    let wait = context.wait(job, context.deadline.at);
    while is_going_on(context, &task)? {
        if !wait.pause() {
            return Err(Stop::Ended(Box::new(still_going_on(context, &task))));
        }
        read_again(context, job, standing)?;
        if !is_awaited(standing) {
            return Ok(());
        }
    }
    // its record may come a little later; a task that was done at the first look has its record already
    let now = context.clock.now();
    let was_done = now.saturating_sub(began) < RECORD_AFTER / 4;
    let until = if was_done { now } else { now + RECORD_AFTER };
    let wait = context.wait(job, until);
    while !read_again(context, job, standing)? && wait.pause() {}
    Ok(())
}

/// How long after the end of its task the record of a deployment is waited for.
const RECORD_AFTER: Duration = Duration::from_secs(10);

fn is_going_on(context: &Context<'_>, task: &TaskId) -> Result<bool, Stop> {
    let reading = context
        .tenant
        .build_and_deploy_status(task, context.deadline)?;
    Ok(match reading {
        TaskReading::Status(BuildStatus::Deploying | BuildStatus::Other(_))
        | TaskReading::NotSeen => true,
        TaskReading::Status(BuildStatus::Success | BuildStatus::Fail(_))
        | TaskReading::NotFound
        | TaskReading::NotOffered => false,
    })
}

fn still_going_on(context: &Context<'_>, task: &TaskId) -> Verdict {
    let task = context.tenant.words(&task.0).to_string();
    let message = Message::new(format!(
        "the deployment that an earlier run has called for is still going on (task {task})"
    ))
    .hint("run again: it waits for it");
    Verdict::unwritten(Word::Undecided, message)
}
