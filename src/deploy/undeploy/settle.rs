//! From a judgement to a verdict, with what it rests on and what to do next.

use super::undeployment::Undeployment;
use crate::clock::Moment;
use crate::deploy::Context;
use crate::deploy::evidence::Call;
use crate::deploy::evidence::gone::End;
use crate::deploy::outcome::{Before, Message, Outcome, Phase, Verdict, Word};
use crate::deploy::settle::deployed_on;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, RuntimeArtifact, RuntimeStatus};

/// The end of an artifact that was not deployed.
pub fn absent() -> Verdict {
    let evidence = "the run time says \"not found\", twice; nothing was written";
    Verdict::well(Word::Absent, evidence.to_owned())
}

/// The end of an artifact that could not be read.
pub fn unread(error: TenantError) -> Verdict {
    Verdict::of_error(error, "nothing was written")
}

/// The end of an artifact that was deployed again while its undeployment was asked about.
pub fn overtaken(
    context: &Context<'_>,
    id: &ArtifactId,
    before: &RuntimeArtifact,
    record: &RuntimeArtifact,
) -> Verdict {
    let message = Message::new(format!(
        "{} deployed {id} again while you were asked: it was left alone",
        deployer(context, record)
    ))
    .hint("run again, and look at what is asked then");
    let (now, before) = (shown(record), shown(before));
    let evidence = format!("{now}; before: {before}; nothing was written");
    Verdict::bad(Word::Superseded, clean(context, &evidence), message)
}

/// The facts of one artifact.
pub fn outcome(
    context: &Context<'_>,
    id: &ArtifactId,
    began: Moment,
    phase: Phase,
    verdict: Verdict,
) -> Box<Outcome> {
    context.ledger.decided(&id.0, verdict.word);
    let mut outcome = Outcome::new(id.0.clone(), phase, verdict);
    outcome.took = context.clock.now().saturating_sub(began);
    Box::new(outcome)
}

/// Adds what is shown now, and what was before.
pub fn show(
    context: &Context<'_>,
    outcome: &mut Outcome,
    now: Option<&RuntimeArtifact>,
    before: &RuntimeArtifact,
) {
    outcome.runtime_version = now.map(|record| clean(context, &record.version));
    outcome.deployed_on = now.and_then(|record| record.deployed_on);
    outcome.before = Before {
        designtime_version: None,
        runtime_version: Some(clean(context, &before.version)),
        deployed_on: before.deployed_on,
    };
}

impl Undeployment {
    /// The verdict that a judgement leads to.
    pub fn verdict(&self, context: &Context<'_>, end: End) -> Verdict {
        let evidence = self.evidence_line(context);
        match end {
            End::Undeployed => Verdict::well(Word::Undeployed, evidence),
            End::Absent => Verdict::well(Word::Absent, evidence),
            End::Superseded => Verdict::bad(Word::Superseded, evidence, self.superseded(context)),
            End::Refused => self.refused(evidence),
            End::Undecided => self.undecided(evidence),
        }
    }

    /// The facts with this verdict.
    pub fn outcome(self, context: &Context<'_>, verdict: Verdict) -> Outcome {
        let phase = match self.evidence.seen.calls.last() {
            None => Phase::Read,
            Some(Call::NotDone { error, .. }) if error.kind != Kind::NotFound => Phase::Undeploy,
            Some(_) if self.evidence.refusal().is_some() => Phase::Undeploy,
            Some(_) => Phase::Stop,
        };
        context.ledger.wrote(&self.id.0, verdict.word.name());
        let mut outcome = outcome(context, &self.id, self.began, phase, verdict);
        let now = self.evidence.last_shown();
        show(context, &mut outcome, now, &self.before);
        *outcome
    }

    fn superseded(&self, context: &Context<'_>) -> Message {
        let record = self.evidence.last_shown();
        let who = record.map_or_else(|| "somebody".to_owned(), |one| deployer(context, one));
        let when = record
            .and_then(|record| record.deployed_on)
            .map(|date| format!(" at {date}"))
            .unwrap_or_default();
        Message::new(format!(
            "{who} deployed {} again{when}, while it was being undeployed: theirs was left alone",
            self.id
        ))
        .hint("find out who needs it; run again if it is to go all the same")
    }

    /// A call that was not carried out, or that the tenant answered with a refusal twice.
    fn refused(&self, evidence: String) -> Verdict {
        let Some(error) = self.evidence.refusal().cloned() else {
            return self.undecided(evidence);
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
    fn undecided(&self, evidence: String) -> Verdict {
        let seen = &self.evidence.seen;
        let again = "run again (it looks first), with a longer --timeout";
        if seen.calls.is_empty() && !self.evidence.is_stopping() {
            let message = Message::new("the time ran out before the undeploy call").hint(again);
            return Verdict::bad(Word::Unreachable, evidence, message);
        }
        let what = match self.evidence.last_shown().map(|record| &record.status) {
            Some(RuntimeStatus::Stopping) => {
                "the time is up and it is still STOPPING: messages in flight delay the end by up to a minute".to_owned()
            }
            Some(status) => format!("the time is up and the run time still shows it as {status}"),
            None if seen.absences() > 0 => {
                "the time is up, and \"not found\" was seen only once".to_owned()
            }
            None => {
                "the time is up, and the run time gave no answer after the undeploy call".to_owned()
            }
        };
        let lost = seen.lost();
        let mut message = Message::new(what).hint(again);
        message.causes = lost
            .map(|why| format!("the answer of the undeploy call was lost: {why}"))
            .into_iter()
            .chain(self.evidence.refusal().map(ToString::to_string))
            .collect();
        Verdict::bad(Word::Undecided, evidence, message)
    }

    /// What the verdict rests on, in one line.
    pub fn evidence_line(&self, context: &Context<'_>) -> String {
        let seen = &self.evidence.seen;
        let calls = match seen.calls.as_slice() {
            [] => "nothing was written".to_owned(),
            [call] => told(call).to_owned(),
            [first, .., last] => format!("{}, then {}", told(first), told(last)),
        };
        let stopping = if self.evidence.was_stopping() {
            "; STOPPING was seen"
        } else {
            ""
        };
        let now = match (seen.absences(), self.evidence.last_shown()) {
            (0, Some(record)) => format!("runtime {}", shown(record)),
            (0, None) => "runtime not seen since".to_owned(),
            (1, _) => "the run time says \"not found\", once".to_owned(),
            _ => "the run time says \"not found\", twice".to_owned(),
        };
        let before = shown(&self.before);
        clean(
            context,
            &format!("{calls}{stopping}; {now}; before: {before}"),
        )
    }
}

fn deployer(context: &Context<'_>, record: &RuntimeArtifact) -> String {
    match record.deployed_by.as_str() {
        "" => "somebody".to_owned(),
        name => clean(context, name),
    }
}

/// A record in words.
pub fn shown(record: &RuntimeArtifact) -> String {
    let (status, version) = (&record.status, &record.version);
    format!("{status} {}, version {version}", deployed_on(record))
}

fn told(call: &Call) -> &'static str {
    match call {
        Call::Accepted { .. } => "undeploying accepted",
        Call::Lost { .. } => "the answer of the undeploy call was lost",
        Call::NotDone { error, .. } if error.kind == Kind::NotFound => {
            "the undeploy call did not find it"
        }
        Call::NotDone { .. } => "the undeploy call was not carried out",
    }
}

fn clean(context: &Context<'_>, text: &str) -> String {
    context.tenant.words(text).to_string()
}
