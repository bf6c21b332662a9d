//! A deployment of what the tenant holds is still going on: an earlier run's, most often, that ended undecided. Whether
//! anything need be done is known when it has come to rest.

use std::time::Duration;

use crate::clock::Moment;
use crate::deploy::job::Job;
use crate::deploy::outcome::{Message, Verdict, Word};
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Stop};
use crate::tenant::TaskReading;
use crate::tenant::wire::{BuildStatus, RuntimeArtifact, TaskId};

/// Waits for the record to rest where everything else says that nothing need be done.
pub(super) fn await_rest(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
) -> Result<(), Stop> {
    await_task(context, job, standing)?;
    await_arrival(context, job, standing, until)?;
    if !plan::would_be_unchanged_at_rest(job, standing) {
        return Ok(());
    }
    let words = |record: &Option<RuntimeArtifact>| {
        let status = record.as_ref().map(|record| record.status.to_string());
        context.tenant.words(&status.unwrap_or_default())
    };
    context.ledger.progress(
        &job.id.0,
        format!(
            "the tenant holds the same, and the runtime shows {}: waiting for it to rest",
            words(&standing.runtime)
        ),
    );
    while is_in_motion(standing) && context.clock.now() < until {
        context.pause_for_rest(job);
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        // one "not found" between two records is no rest
        if reading.record.is_some() {
            super::shows(context, standing, reading.record);
            standing.answered = reading.answered;
        }
    }
    Ok(())
}

/// Waits for the deployment that an earlier run has called for, as long as its task is not done and there is time.
fn await_task(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    let Some(task) = standing.pending.clone() else {
        return Ok(());
    };
    if !plan::only_lacks_a_deployment(job, standing) {
        return Ok(());
    }
    context.ledger.progress(
        &job.id.0,
        format!("the tenant holds the same, and an earlier run has deployed it: waiting for its task {task}"),
    );
    let began = context.clock.now();
    while is_going_on(context, &task)? {
        if context.deadline.passed(context.clock.now()) {
            return Err(Stop::Ended(Box::new(still_going_on(context, &task))));
        }
        context.pause_for_rest(job);
    }
    // its record may come a little later
    let until = context.clock.now() + RECORD_AFTER;
    loop {
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        let is_news = reading.record.is_some() && reading.record != standing.runtime;
        if is_news {
            super::shows(context, standing, reading.record);
        }
        standing.answered = reading.answered.or(standing.answered);
        let now = context.clock.now();
        // a task that was done at the first look has its record already
        if is_news || now >= until || now.saturating_sub(began) < RECORD_AFTER / 4 {
            return Ok(());
        }
        context.pause_for_rest(job);
    }
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
    Verdict::bad(Word::Undecided, "nothing was written".to_owned(), message)
}

/// Waits a moment for the record of a deployment that a run which was killed may have called for: a second call would
/// restart what is about to run.
fn await_arrival(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
) -> Result<(), Stop> {
    if plan::may_be_on_its_way(job, standing) {
        context.ledger.progress(
            &job.id.0,
            "the tenant holds the same, saved a moment ago: waiting whether a deployment of it is on its way",
        );
    }
    while plan::may_be_on_its_way(job, standing) && context.clock.now() < until {
        context.pause_for_rest(job);
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        standing.answered = reading.answered.or(standing.answered);
        if reading.record.is_some() {
            super::shows(context, standing, reading.record);
        }
    }
    Ok(())
}

fn is_in_motion(standing: &Standing) -> bool {
    let record = standing.runtime.as_ref();
    record.is_some_and(|record| record.status.in_motion())
}
