//! What becomes of an artifact of which nothing was kept: it is left, and the report says what runs.

use super::course;
use super::decision;
use super::kept::Kept;
use crate::deploy::outcome::{Outcome, PutBack, Rollback};
use crate::deploy::{Context, Planned, plan};
use crate::tenant::wire::RuntimeArtifact;

/// What is done with an artifact of which nothing was kept.
pub fn left(
    context: &Context<'_>,
    one: &Planned<'_>,
    outcome: &Outcome,
    kept: Option<&Kept>,
) -> Rollback {
    let remembered = kept.is_some_and(|kept| kept.remembered);
    let now = course::read_runtime(context, outcome);
    let shown = course::seen_runtime(context, outcome);
    // an earlier run found nothing there, and may have deployed it
    let before = one.standing.runtime.as_ref().filter(|_| !remembered);
    let is_new = before.is_none() && (remembered || one.standing.artifact.is_none());
    let shows = now.as_ref().map(Option::as_ref);
    let lost = decision::is_lost(outcome.verdict.word, outcome.sent, before, shows);
    let result = if lost { PutBack::Failed } else { PutBack::Left };
    let message = if is_new {
        nothing_to_restore(now.unwrap_or_default().as_ref(), &outcome.id, &shown)
    } else {
        let why = plan::no_rollback(&one.standing);
        let why = why
            .as_deref()
            .unwrap_or("the tenant did not give out its content");
        let lost = if lost {
            "; what ran before runs no longer"
        } else {
            ""
        };
        format!("rollback not available, because {why}{lost}; {shown}")
    };
    Rollback::new(result, message)
}

fn nothing_to_restore(now: Option<&RuntimeArtifact>, id: &str, shown: &str) -> String {
    let now = match now {
        Some(_) => {
            format!("The failed flow stays deployed; remove it with `flowship undeploy {id}`")
        }
        None => format!("The new artifact stays in the design time; {shown}"),
    };
    format!("nothing to restore (first deployment). {now}")
}
