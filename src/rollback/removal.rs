//! What was not there before: it is left, or, where that was asked for, taken away again.

use std::time::Duration;

use super::course;
use super::decision::{self, Fate, Rules};
use super::kept::{Before, Newcomer};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::{self, Comparable};
use crate::deploy::job::Source;
use crate::deploy::ledger::Ended;
use crate::deploy::outcome::{Outcome, PutBack, Rollback, Sent, Word};
use crate::deploy::{Context, Planned, survey};
use crate::http::retry;
use crate::tenant::error::TenantError;
use crate::tenant::wire::ArtifactId;
use crate::tenant::{Reading, Written};
use crate::undeploy::{self, Wish};

/// How often a deletion is sent whose answer was lost each time.
const ATTEMPTS: u32 = 5;

/// What is done with an artifact of which nothing was kept.
pub(super) fn of_new(
    context: &Context<'_>,
    rules: &Rules,
    one: &Planned<'_>,
    outcome: &Outcome,
    newcomer: Option<&Newcomer>,
) -> Rollback {
    let remembered = newcomer.is_some_and(|newcomer| newcomer.remembered);
    if one.standing.artifact.is_some() && !remembered {
        return ended(
            PutBack::Failed,
            format!(
                "the tenant did not give out what stood there before, so nothing was put back; {}",
                course::seen_runtime(context, outcome)
            ),
        );
    }
    // an earlier run found nothing there, and may have deployed it
    let (before, sent) = match (remembered, &one.standing.runtime) {
        (true, _) => (None, Sent::Call),
        (false, record) => (record.as_ref(), outcome.sent),
    };
    let judged = course::read_runtime(context, outcome)
        .map(|now| decision::newcomer(before, now.as_ref(), sent, rules));
    let shown = course::seen_runtime(context, outcome);
    let removed = match judged {
        Ok(Fate::Left) => return left(before.is_some(), &shown),
        Ok(Fate::Lost) => return lost(&shown),
        Ok(Fate::Deleted) => removed(context, one, false, before.is_some()),
        Ok(Fate::Removed) => removed(context, one, sent == Sent::Call, before.is_some()),
        Err(error) => Err(error),
    };
    removed.unwrap_or_else(|error| {
        ended(
            PutBack::Failed,
            format!(
                "it was not there before this run, and could not be taken away: {error}; {shown}"
            ),
        )
    })
}

/// What was not there before is left.
fn left(was_deployed: bool, shown: &str) -> Rollback {
    let message = if was_deployed {
        format!(
            "the design time had no such artifact before this run: what this run brought is left there; {shown}"
        )
    } else {
        format!(
            "it was not there before this run, and is left as it is: {shown}; --rollback-remove-new takes it away"
        )
    };
    ended(PutBack::Left, message)
}

/// What ran had no design-time artifact that could have been kept, and runs no longer.
fn lost(shown: &str) -> Rollback {
    ended(
        PutBack::Failed,
        format!(
            "what ran before this run had no artifact in the design time, so there is nothing that could be put back, and it runs no longer: {shown}"
        ),
    )
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

/// Deletes what this run created. `undeploys`: after it was undeployed. `was_deployed`: something ran before without it.
fn removed(
    context: &Context<'_>,
    one: &Planned<'_>,
    undeploys: bool,
    was_deployed: bool,
) -> Result<Rollback, TenantError> {
    let Source::Files(content) = &one.job.source else {
        return Ok(ended(PutBack::Left, "it is left as it is".to_owned()));
    };
    let (kind, id) = (content.kind, &one.job.id);
    let found = context
        .tenant
        .designtime_artifact(kind, id, context.deadline)?;
    if let Reading::Found(artifact) = found
        && !is_ours(context, one)?
    {
        let who = context.tenant.words(&artifact.modified_by);
        return Ok(ended(
            PutBack::Left,
            format!(
                "it was not there before this run, and holds content of somebody else by now ({who}): it is left as it is"
            ),
        ));
    }
    if undeploys && let Err(why) = undeployed(context, id) {
        return Ok(ended(
            PutBack::Failed,
            format!("it was not there before this run, and could not be undeployed: {why}"),
        ));
    }
    if let Err(why) = delete(context, kind, id)? {
        return Ok(ended(
            PutBack::Failed,
            format!("it was not there before this run, and could not be deleted: {why}"),
        ));
    }
    let runtime = if was_deployed {
        "is gone again from the design time; the runtime is as it was"
    } else {
        "is gone again from the design time and the runtime"
    };
    Ok(ended(
        PutBack::Removed,
        format!(
            "it was not there before this run, and {runtime}; package {} stays",
            content.package
        ),
    ))
}

/// Whether the design time holds what this run wrote.
fn is_ours(context: &Context<'_>, one: &Planned<'_>) -> Result<bool, TenantError> {
    let Source::Files(content) = &one.job.source else {
        return Ok(false);
    };
    let configured = match content.kind {
        ArtifactKind::IntegrationFlow => context
            .tenant
            .configurations(&one.job.id, context.deadline)?,
        _ => Vec::new(),
    };
    let configured = configured
        .into_iter()
        .map(|one| (one.key, one.value))
        .collect();
    let same = survey::with_download(context, content.kind, one.job, |file| {
        let remote = Comparable::of_zip(file)?;
        Ok(comparison::difference(&content.comparable, &remote, &configured).is_empty())
    })?;
    Ok(same == Some(true))
}

/// Undeploys one artifact, and waits until it is gone; gives why it is not.
fn undeployed(context: &Context<'_>, id: &ArtifactId) -> Result<(), String> {
    let wish = Wish {
        ids: vec![id.clone()],
        poll_interval: Duration::from_millis(300),
        ask: false,
    };
    let Ended::Verdicts(outcomes) = undeploy::undeploy(context, &wish) else {
        return Err("it was not undeployed".to_owned());
    };
    match outcomes.first() {
        Some(end) if matches!(end.verdict.word, Word::Undeployed | Word::Absent) => Ok(()),
        Some(end) => Err(course::causes(&end.verdict)),
        None => Err("it was not undeployed".to_owned()),
    }
}

/// Deletes one artifact from the design time; a lost answer is looked up before the call is repeated. Gives why it is still
/// there, if it is.
fn delete(
    context: &Context<'_>,
    kind: ArtifactKind,
    id: &ArtifactId,
) -> Result<Result<(), String>, TenantError> {
    let tenant = context.tenant;
    context
        .ledger
        .progress(&id.0, "deleting what was not there before");
    let mut attempt = 0;
    loop {
        attempt += 1;
        let lost = match tenant.delete_designtime_artifact(kind, id, context.deadline)? {
            Written::Done(_) => return Ok(Ok(())),
            Written::Lost(lost) => lost,
        };
        let found = tenant.designtime_artifact(kind, id, context.deadline)?;
        if matches!(found, Reading::Missing(_)) {
            return Ok(Ok(()));
        }
        if attempt >= ATTEMPTS || context.deadline.passed(context.clock.now()) {
            return Ok(Err(lost.why));
        }
        context.clock.sleep(retry::backoff(attempt - 1));
    }
}

/// After the design time was put back: what was not deployed before is undeployed again, where that was asked for.
pub(super) fn after(
    context: &Context<'_>,
    rules: &Rules,
    before: &Before,
    outcome: &Outcome,
    end: Rollback,
) -> Rollback {
    if end.result != PutBack::DesignTime {
        return end;
    }
    let now = course::read_runtime(context, outcome).unwrap_or_default();
    if !decision::undeploys_again(before.was, now.as_ref(), outcome.sent, rules) {
        return end;
    }
    match undeployed(context, &ArtifactId(outcome.id.clone())) {
        Ok(()) => Rollback {
            message: format!(
                "{}; the deployment of this run was undeployed again",
                end.message
            ),
            ..end
        },
        Err(why) => Rollback {
            result: PutBack::Failed,
            message: format!(
                "{}; but the deployment of this run could not be undeployed: {why}",
                end.message
            ),
            ..end
        },
    }
}
