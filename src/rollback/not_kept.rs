//! What becomes of an artifact of which nothing was kept: it is left, and the report says what runs.

use super::course;
use super::decision;
use super::kept::Newcomer;
use crate::deploy::outcome::{Outcome, PutBack, Rollback, Sent};
use crate::deploy::{Context, Planned};
use crate::tenant::wire::RuntimeArtifact;

/// What is done with an artifact of which nothing was kept.
pub(super) fn left(
    context: &Context<'_>,
    one: &Planned<'_>,
    outcome: &Outcome,
    newcomer: Option<&Newcomer>,
) -> Rollback {
    let remembered = newcomer.is_some_and(|newcomer| newcomer.remembered);
    let now = course::read_runtime(context, outcome);
    let shown = course::seen_runtime(context, outcome);
    if one.standing.artifact.is_some() && !remembered {
        return ended(
            PutBack::Failed,
            format!(
                "the tenant did not give out what stood there before, so nothing was put back; {shown}"
            ),
        );
    }
    // an earlier run found nothing there, and may have deployed it
    let before = one.standing.runtime.as_ref().filter(|_| !remembered);
    match now {
        Err(error) => ended(
            PutBack::Left,
            format!("nothing to restore (first deployment). What runs can't be read: {error}"),
        ),
        Ok(now) if outcome.sent == Sent::Call && decision::is_lost(before, now.as_ref()) => ended(
            PutBack::Failed,
            format!(
                "what ran before this run had no artifact in the design time, so there is nothing that could be put back, and it runs no longer: {shown}"
            ),
        ),
        Ok(now) => ended(
            PutBack::Left,
            nothing_to_restore(before.is_some(), now.as_ref(), &outcome.id, &shown),
        ),
    }
}

fn nothing_to_restore(
    was_deployed: bool,
    now: Option<&RuntimeArtifact>,
    id: &str,
    shown: &str,
) -> String {
    match now {
        _ if was_deployed => format!(
            "nothing to restore: the design time had no such artifact before this run. The new one stays there; {shown}"
        ),
        Some(record) => format!(
            "nothing to restore (first deployment). The failed flow stays deployed ({}); remove it with `flowship undeploy {id}`",
            record.status
        ),
        None => {
            "nothing to restore (first deployment). The new artifact stays in the design time; nothing is deployed"
                .to_owned()
        }
    }
}

fn ended(result: PutBack, message: String) -> Rollback {
    Rollback {
        result,
        verdict: None,
        evidence: String::new(),
        message,
        saved: None,
        repair: None,
    }
}
