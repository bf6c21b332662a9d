//! The proof of an earlier run that what the design time holds is what runs: it spares downloads, and shows that nothing is
//! to be done where the dates of the tenant can't. It counts only while the tenant still shows every fact in it.

use super::evidence::doubts::Doubt;
use super::evidence::started::{End, Judgement};
use super::job::{Job, Source};
use super::plan::{self, Standing};
use super::recovery::{now, subject, warn};
use super::{Context, Pending};
use crate::artifact::{ArtifactKind, Comparable};
use crate::journal::{NotUsed, Proof};
use crate::tenant::wire::Configuration;

/// Takes up the proof of an earlier run, where the tenant shows all of it but the content.
pub fn take_up(context: &Context<'_>, job: &Job, standing: &mut Standing) {
    let (Some(of), Source::Files(_), Some(artifact), Some(record)) = (
        subject(job, standing),
        &job.source,
        &standing.artifact,
        &standing.runtime,
    ) else {
        return;
    };
    match context.journal.entry::<Proof>(of, now(context, standing)) {
        Ok(proof) => {
            // under whatever name, and as a draft where this tenant makes one of each update
            standing.saved_by_us |= proof.is_saved_by(&artifact.stamp());
            let digest = |one: &Configuration| context.journal.digest(&one.key, &one.value);
            let (stamp, values) = (artifact.stamp(), &standing.configured);
            let is_shown = !standing.doubted && proof.is_shown(&stamp, record, values, digest);
            standing.proof = is_shown.then_some(proof);
        }
        Err(NotUsed::OtherKey) => standing.foreign_proof = true,
        Err(why) => warn(context, of, &context.journal.place::<Proof>(of), &why),
    }
}

/// Writes down what was judged to be started, unless there was a doubt. Some types of artifacts have no task on some tenants: what
/// stood long enough all the same is no less ours.
pub fn record(context: &Context<'_>, job: &Job, standing: &Standing, one: &Pending) {
    let judgement = (one.evidence).judge(context.clock.now(), context.deadline);
    let is_certain = matches!(
        judgement,
        Judgement::Ended(End::Started(doubts))
            if doubts.iter().all(|doubt| *doubt == Doubt::TaskNeverVisible)
    );
    let (true, Source::Files(content), Some(of), Some(record)) = (
        is_certain && context.journal.lasting,
        &job.source,
        subject(job, standing),
        one.evidence.new_record(),
    ) else {
        return;
    };
    let has_values = of.kind == ArtifactKind::IntegrationFlow;
    let settings = plan::settings(job, standing).into_iter();
    let settings = settings.filter(|setting| has_values && content.knows(&setting.key));
    let digested = settings.map(|setting| {
        let digest = context.journal.digest(&setting.key, &setting.value);
        (setting.key, digest.unwrap_or_default())
    });
    let sent = plan::merged(job, standing);
    let sent = sent.as_ref().unwrap_or(&content.comparable);
    let proof = Proof {
        sent: sent.fingerprint().to_string(),
        stored: (one.seal.stored.as_ref()).map(|stored| stored.fingerprint().to_string()),
        parameters: digested.collect(),
        version: one.seal.stamp.version.clone(),
        saved: one.seal.stamp.saved.clone(),
        deployed_on: record.deployed_on,
        deployed_by: record.deployed_by.clone().into(),
    };
    // without it the next run only has more to do
    let now = Some(now(context, standing));
    let _ = context.journal.update(of, now, |entry| *entry = proof);
}

/// Whether the tenant is shown to hold this content, by the date of its last save.
pub fn spares_download(standing: &Standing, ours: &Comparable) -> bool {
    (standing.proof.as_ref())
        .is_some_and(|proof| proof.saved.is_some() && proof.sent == ours.fingerprint().to_string())
}

/// Whether the tenant holds what an earlier run sent in another form, in which it stored it then.
pub fn is_stored_form(standing: &Standing, ours: &Comparable, held: &Comparable) -> bool {
    (standing.proof.as_ref()).is_some_and(|proof| {
        proof.sent == ours.fingerprint().to_string() && proof.is_about(held.fingerprint())
    })
}
