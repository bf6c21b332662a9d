//! A deployment of what the tenant holds is still going on: an earlier run's, most often, that ended undecided. Whether
//! anything need be done is known when it has come to rest.

use crate::clock::Moment;
use crate::deploy::job::Job;
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Stop};
use crate::tenant::wire::RuntimeArtifact;

/// Waits for the record to rest where everything else says that nothing need be done.
pub(super) fn await_rest(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
) -> Result<(), Stop> {
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
            standing.runtime = reading.record;
            standing.answered = reading.answered;
        }
    }
    Ok(())
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
            standing.runtime = reading.record;
        }
    }
    Ok(())
}

fn is_in_motion(standing: &Standing) -> bool {
    let record = standing.runtime.as_ref();
    record.is_some_and(|record| record.status.in_motion())
}
