//! One more deploy call after a failure that is known to pass, where the caller asked for it. Nothing else is ever
//! deployed a second time.

use super::outcome::{Verdict, Word};
use super::verdict::{Baseline, Call, Evidence};
use super::watch::Watched;
use super::{Context, Pending};
use crate::tenant::error_information;

/// Deploys once more when the verdict names a failure that passes, and the caller wants it; gives whether it did. A call
/// that is refused leaves the verdict as it is.
pub(super) fn deploy(context: &Context<'_>, one: &mut Watched<'_>, verdict: &Verdict) -> bool {
    let now = context.clock.now();
    if !one.job.rules.retry_known_faults
        || one.pending.retried
        || context.deadline.passed(now)
        || !passes(verdict)
    {
        return false;
    }
    one.pending.retried = true;
    one.pending.text_late_since = None;
    let causes = verdict
        .message
        .as_ref()
        .map(|message| message.causes.join("; "));
    let note = format!(
        "the first deployment failed with a fault that is known to pass ({}): deployed once more, as --retry-known-faults asks",
        causes.unwrap_or_default()
    );
    let Some(evidence) = called(context, one) else {
        return false;
    };
    context.ledger.progress(&one.job.id.0, note.clone());
    context.ledger.wrote(
        &one.job.id.0,
        "a deployment failed, and a second one was accepted; its end is not known",
    );
    one.pending.trace.notes.push(note);
    let old = one.pending.as_ref();
    *one.pending = Pending {
        retried: true,
        ..Pending::new(
            old.kind,
            evidence,
            old.seal.clone(),
            old.trace.clone(),
            false,
        )
    };
    true
}

/// What the tenant said of the new content, not of what ran before it.
fn passes(verdict: &Verdict) -> bool {
    let Some(message) = &verdict.message else {
        return false;
    };
    let own: Vec<String> = message
        .causes
        .iter()
        .filter(|cause| !cause.starts_with(super::settle::PERHAPS_OLD))
        .chain([&message.what])
        .cloned()
        .collect();
    verdict.word == Word::Failed && error_information::passes(&own)
}

/// A fresh baseline and the call; `None` when either was refused.
fn called(context: &Context<'_>, one: &Watched<'_>) -> Option<Evidence> {
    let (tenant, id) = (context.tenant, &one.job.id);
    let reading = tenant.runtime_artifact(id, context.deadline).ok()?;
    let in_motion = reading
        .record
        .as_ref()
        .is_some_and(|record| record.status.in_motion());
    let mut evidence = one.pending.evidence.again(Baseline {
        record: reading.record,
        answered: reading.answered,
        in_motion,
    });
    let answer = tenant.deploy(one.pending.kind, id, context.deadline).ok()?;
    evidence.called(Call::of(answer, context.clock.now()));
    Some(evidence)
}
