//! From a judgement to a verdict, with what it rests on and what to do next.

use super::verdict::{Baseline, Call, Evidence, Judgement};
use super::watch::Watched;
use crate::clock::Moment;
use crate::deploy::Context;
use crate::deploy::outcome::{Before, Message, Outcome, Phase, Sent, Verdict, Word};
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, RuntimeArtifact, RuntimeStatus};

/// The end of an artifact that was not deployed.
pub(super) fn absent(context: &Context<'_>, id: &ArtifactId, began: Moment) -> Box<Outcome> {
    let evidence = "the run time says \"not found\", twice; nothing was written".to_owned();
    let verdict = Verdict::well(Word::Absent, evidence);
    outcome(context, id, began, None, Phase::Read, verdict)
}

/// The end of an artifact that could not be read.
pub(super) fn unread(
    context: &Context<'_>,
    id: &ArtifactId,
    began: Moment,
    error: TenantError,
) -> Box<Outcome> {
    let verdict = Verdict::of_error(error, "nothing was written");
    outcome(context, id, began, None, Phase::Read, verdict)
}

/// The end of an artifact that was deployed again while its undeployment was asked about.
pub(super) fn overtaken(
    context: &Context<'_>,
    id: &ArtifactId,
    began: Moment,
    asked: &Baseline,
    record: &RuntimeArtifact,
) -> Box<Outcome> {
    let message = Message::new(format!(
        "{} deployed {id} again while you were asked: it was left alone",
        deployer(context, record)
    ))
    .hint("run again, and look at what is asked then");
    let evidence = format!(
        "{}; before: {}; nothing was written",
        shown(record),
        shown(&asked.record)
    );
    let verdict = Verdict::bad(Word::Superseded, clean(context, &evidence), message);
    let mut outcome = outcome(context, id, began, Some(record), Phase::Read, verdict);
    outcome.before = before(context, &asked.record);
    outcome
}

/// The end of an artifact that the tenant no longer lets us look at.
pub(super) fn contact_refused(
    context: &Context<'_>,
    one: &Watched,
    error: TenantError,
) -> Box<Outcome> {
    let called = !one.evidence.calls().is_empty();
    let mut message = Message::from(error);
    if called {
        let what = message.what;
        message.what = format!("it may be undeployed, but its end can't be seen: {what}");
    }
    let verdict = Verdict::bad(Word::Refused, evidence(context, one), message);
    finished(context, one, verdict)
}

/// The end that a judgement leads to.
pub(super) fn settle(context: &Context<'_>, one: &Watched, judgement: Judgement) -> Box<Outcome> {
    let evidence = evidence(context, one);
    let verdict = match judgement {
        Judgement::Undeployed => Verdict::well(Word::Undeployed, evidence),
        Judgement::Absent => Verdict::well(Word::Absent, evidence),
        Judgement::Superseded => Verdict::bad(Word::Superseded, evidence, superseded(context, one)),
        Judgement::Refused => refused(one, evidence),
        Judgement::Undecided | Judgement::Wait | Judgement::Call => undecided(one, evidence),
    };
    finished(context, one, verdict)
}

fn finished(context: &Context<'_>, one: &Watched, verdict: Verdict) -> Box<Outcome> {
    let phase = match one.evidence.calls().last() {
        None => Phase::Read,
        Some(Call::NotDone { .. }) => Phase::Undeploy,
        Some(_) if one.evidence.refusal().is_some() => Phase::Undeploy,
        Some(_) => Phase::Stop,
    };
    context
        .ledger
        .wrote(&one.id.0, verdict.word.as_str().to_owned());
    let mut outcome = outcome(
        context,
        &one.id,
        one.began,
        one.evidence.last_shown(),
        phase,
        verdict,
    );
    outcome.before = before(context, &one.before);
    outcome
}

fn before(context: &Context<'_>, record: &RuntimeArtifact) -> Before {
    Before {
        designtime_version: None,
        runtime_version: Some(clean(context, &record.version)),
        deployed_on: record.deployed_on,
    }
}

fn outcome(
    context: &Context<'_>,
    id: &ArtifactId,
    began: Moment,
    record: Option<&RuntimeArtifact>,
    phase: Phase,
    verdict: Verdict,
) -> Box<Outcome> {
    context.ledger.decided(&id.0, verdict.word);
    Box::new(Outcome {
        id: id.0.clone(),
        kind: None,
        package: None,
        verdict,
        designtime_version: None,
        runtime_version: record.map(|record| clean(context, &record.version)),
        before: Before::default(),
        deployed_on: record.and_then(|record| record.deployed_on),
        parameters: Vec::new(),
        phase,
        content_sha256: None,
        zip_sha256: None,
        task: None,
        took: context.clock.now().saturating_sub(began),
        notes: Vec::new(),
        requested_version: None,
        sent: Sent::Nothing,
        rollback: None,
    })
}

fn superseded(context: &Context<'_>, one: &Watched) -> Message {
    let record = one.evidence.last_shown();
    let who = record.map_or_else(|| "somebody".to_owned(), |record| deployer(context, record));
    let when = record
        .and_then(|record| record.deployed_on)
        .map(|date| format!(" at {date}"))
        .unwrap_or_default();
    Message::new(format!(
        "{who} deployed {} again{when}, while it was being undeployed: theirs was left alone",
        one.id
    ))
    .hint("find out who needs it; run again if it is to go all the same")
}

/// A call that was not carried out, or that the tenant answered with a refusal twice.
fn refused(one: &Watched, evidence: String) -> Verdict {
    let Some(error) = one.evidence.refusal().cloned() else {
        return undecided(one, evidence);
    };
    let exhausted = error.kind == Kind::Refused && error.hint.is_none();
    let mut verdict = Verdict::of_error(error, &evidence);
    if let Some(message) = verdict.message.as_mut().filter(|_| exhausted) {
        message.hint = Some(
            "look at it under Monitor > Manage Integration Content in the web UI; an outdated runtime keeps artifacts from being undeployed"
                .to_owned(),
        );
    }
    verdict
}

/// The time is up.
fn undecided(one: &Watched, evidence: String) -> Verdict {
    let again = "run again (it looks first), with a longer --timeout";
    if one.evidence.calls().is_empty() && !is_stopping(&one.evidence) {
        let message = Message::new("the time ran out before the undeploy call").hint(again);
        return Verdict::bad(Word::Unreachable, evidence, message);
    }
    let status = one.evidence.last_shown().map(|record| &record.status);
    let what = match status {
        Some(RuntimeStatus::Stopping) => {
            "the time is up and it is still STOPPING: messages in flight delay the end by up to a minute".to_owned()
        }
        Some(status) => format!("the time is up and the run time still shows it as {status}"),
        None if one.evidence.is_missing() => {
            "the time is up, and \"not found\" was seen only once".to_owned()
        }
        None => "the time is up, and the run time gave no answer after the undeploy call".to_owned(),
    };
    let lost = one.evidence.calls().iter().find_map(|call| match call {
        Call::Lost { why, .. } => Some(why.clone()),
        _ => None,
    });
    let mut message = Message::new(what).hint(again);
    message.causes = lost
        .map(|why| format!("the answer of the undeploy call was lost: {why}"))
        .into_iter()
        .chain(one.evidence.refusal().map(ToString::to_string))
        .collect();
    Verdict::bad(Word::Undecided, evidence, message)
}

fn is_stopping(evidence: &Evidence) -> bool {
    let shown = evidence.last_shown();
    shown.is_some_and(|record| record.status == RuntimeStatus::Stopping)
}

fn deployer(context: &Context<'_>, record: &RuntimeArtifact) -> String {
    match record.deployed_by.as_str() {
        "" => "somebody".to_owned(),
        name => clean(context, name),
    }
}

/// What was seen last, in a few words.
pub(super) fn last_seen(evidence: &Evidence) -> String {
    match (evidence.newer(), evidence.last_shown()) {
        _ if evidence.is_missing() => "the run time does not find it any more".to_owned(),
        (Some(record), _) => format!("the run time shows another deployment, {}", shown(record)),
        (None, Some(record)) => format!("the run time shows {}", record.status),
        (None, None) => "the run time has not answered yet".to_owned(),
    }
}

fn shown(record: &RuntimeArtifact) -> String {
    let date = record.deployed_on.map_or_else(
        || "without a readable date".to_owned(),
        |date| format!("DeployedOn {date}"),
    );
    format!("{} {date}, version {}", record.status, record.version)
}

/// What the verdict rests on, in one line.
fn evidence(context: &Context<'_>, one: &Watched) -> String {
    let evidence = &one.evidence;
    let calls = match evidence.calls() {
        [] => "nothing was written".to_owned(),
        [call] => told(call).to_owned(),
        [first, .., last] => format!("{}, then {}", told(first), told(last)),
    };
    let stopping = if evidence.was_stopping() {
        "; STOPPING was seen"
    } else {
        ""
    };
    let now = match evidence.last_shown() {
        _ if evidence.absences() > 1 => "the run time says \"not found\", twice".to_owned(),
        _ if evidence.is_missing() => "the run time says \"not found\", once".to_owned(),
        Some(record) => format!("runtime {}", shown(record)),
        None => "runtime not seen since".to_owned(),
    };
    let before = shown(&one.before);
    clean(
        context,
        &format!("{calls}{stopping}; {now}; before: {before}"),
    )
}

fn told(call: &Call) -> &'static str {
    match call {
        Call::Accepted { .. } => "undeploying accepted",
        Call::Lost { .. } => "the answer of the undeploy call was lost",
        Call::NotFound { .. } => "the undeploy call did not find it",
        Call::NotDone { .. } => "the undeploy call was not carried out",
    }
}

fn clean(context: &Context<'_>, text: &str) -> String {
    context.tenant.words(text).to_string()
}
