//! A deployment of what the tenant holds is still going on: an earlier run's, most often, that ended undecided. Whether
//! anything need be done is known when it has come to rest.

use std::time::Duration;

use crate::clock::Moment;
use crate::deploy::job::Job;
use crate::deploy::plan::{self, Standing};
use crate::deploy::{Context, Stop};
use crate::tenant::wire::RuntimeArtifact;

/// How long such deployments are waited for at most; no longer than a quarter of the time left.
const REST: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// Until when the deployments of a run that begins now are waited for, all of them together.
pub(super) fn rest_until(context: &Context<'_>) -> Moment {
    let now = context.clock.now();
    now + (context.deadline.left(now) / 4).min(REST)
}

/// Waits for the record to rest where everything else says that nothing need be done.
pub(super) fn await_rest(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    until: Moment,
) -> Result<(), Stop> {
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
        context
            .clock
            .sleep(job.rules.poll_interval.clamp(SHORTEST, LONGEST));
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        // one "not found" between two records is no rest
        if reading.record.is_some() {
            standing.runtime = reading.record;
            standing.answered = reading.answered;
        }
    }
    Ok(())
}

fn is_in_motion(standing: &Standing) -> bool {
    let record = standing.runtime.as_ref();
    record.is_some_and(|record| record.status.in_motion())
}
