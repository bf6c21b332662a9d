//! What a rollback does with one artifact: pure decisions from how the deployment ended, what stood before it, and what
//! the runtime shows now.

use std::time::Duration;

use crate::deploy::outcome::{Outcome, Phase, Sent, Word};
use crate::deploy::plan;
use crate::journal::Was;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{Configuration, RuntimeArtifact, RuntimeStatus};

/// What the caller wants put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Which artifacts of a run.
    pub scope: Scope,
    /// Also when nobody decided: the deadline, or a tenant that could not be reached after a write.
    pub on_timeout: bool,
    /// How long a rollback may take.
    pub timeout: Duration,
}

/// Which artifacts of a run are rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each that failed.
    Each,
    /// All that were written, as soon as one failed.
    All,
}

impl Rules {
    /// Whether an end calls for a rollback.
    pub fn are_for(&self, outcome: &Outcome) -> bool {
        calls_for_one(outcome.verdict.word, outcome.phase, outcome.sent, self)
    }
}

fn calls_for_one(verdict: Word, phase: Phase, sent: Sent, rules: &Rules) -> bool {
    if sent == Sent::Nothing {
        return false;
    }
    match verdict {
        // the flow runs, and the key of the smoke test may not call it: that says nothing about the flow
        Word::Refused if phase == Phase::Smoke => rules.on_timeout,
        // it runs: what could not be shown of its endpoint or its log is no reason to take it back
        Word::Undecided if phase == Phase::Smoke => false,
        Word::Failed | Word::Refused | Word::Invalid | Word::Skipped => true,
        Word::Undecided | Word::Unreachable => rules.on_timeout,
        // what stands there now is somebody else's
        Word::Superseded => false,
        Word::Started | Word::Unchanged | Word::Uploaded | Word::Undeployed | Word::Absent => false,
    }
}

/// Whether an artifact can go back at all: something was sent, and what stands there is nobody else's.
pub fn may_go_back(verdict: Word, sent: Sent) -> bool {
    sent > Sent::Nothing && verdict != Word::Superseded
}

/// What is done to put one artifact back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The design time alone: what ran goes on running, or nothing ran that could be started again.
    DesignTime,
    /// The design time, then a deployment of it.
    Redeploy,
}

/// What puts one artifact back. `now`: what the runtime shows after the failure. `not_built`: nothing that this run sent was
/// ever built, so what is started is not its content.
pub fn step(was: Was, now: Option<&RuntimeArtifact>, sent: Sent, not_built: bool) -> Step {
    let starts = |record: &RuntimeArtifact| record.status == RuntimeStatus::Started;
    match was {
        Was::Running(_) if not_built && now.is_some_and(starts) => Step::DesignTime,
        Was::NotDeployed | Was::Broken | Was::Stopped => Step::DesignTime,
        Was::Running(deployed) if still_runs(deployed, now) => Step::DesignTime,
        // no deploy call, so the runtime is somebody else's doing or a lagging replica's
        Was::Running(_) | Was::Unknown if sent < Sent::Call => Step::DesignTime,
        Was::Running(_) | Was::Unknown => Step::Redeploy,
    }
}

/// Whether what ran before, and of which nothing was kept, runs no longer because of this run. `before` and `now`: what the
/// runtime showed before the first write, and after the end (an error where it can't be read).
pub fn is_lost<E>(
    verdict: Word,
    sent: Sent,
    before: Option<&RuntimeArtifact>,
    now: Result<Option<&RuntimeArtifact>, E>,
) -> bool {
    let ran = before
        .filter(|record| !matches!(record.status, RuntimeStatus::Error | RuntimeStatus::Stopped));
    // of all that go back together, this one may have started
    let may_be = verdict != Word::Started && sent == Sent::Call;
    let is_gone =
        |record: &RuntimeArtifact| now.is_ok_and(|now| !still_runs(record.deployed_on, now));
    may_be && ran.is_some_and(is_gone)
}

/// The values of before that have to be written again, and the keys that a colleague has changed meanwhile: those are
/// left. `ours`: the values that this run may have written for a key.
pub fn values_to_put_back(
    before: &[Configuration],
    now: &[Configuration],
    ours: impl Fn(&str) -> Vec<String>,
) -> (Vec<Configuration>, Vec<String>) {
    let mut back = Vec::new();
    let mut theirs = Vec::new();
    for one in before {
        match now.iter().find(|shown| shown.key == one.key) {
            Some(shown) if shown.value == one.value => {}
            Some(shown) if !ours(&one.key).contains(&shown.value) => theirs.push(one.key.clone()),
            // the new content may lack the key
            Some(_) | None => back.push(one.clone()),
        }
    }
    (back, theirs)
}

/// The keys whose values are not those of before.
pub fn changed(before: &[Configuration], now: &[Configuration]) -> Vec<String> {
    let is_same = |one: &&Configuration| {
        let mut found = now.iter().filter(|shown| shown.key == one.key);
        found.next().is_some_and(|shown| shown.value == one.value)
    };
    let others = before.iter().filter(|one| !is_same(one));
    others.map(|one| one.key.clone()).collect()
}

/// Whether the runtime shows the very deployment that ran before.
pub fn still_runs(deployed: Option<TenantTime>, now: Option<&RuntimeArtifact>) -> bool {
    plan::is_deployment(deployed, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(on_timeout: bool) -> Rules {
        Rules {
            scope: Scope::Each,
            on_timeout,
            timeout: Duration::ZERO,
        }
    }

    fn record(status: RuntimeStatus, deployed: i64) -> RuntimeArtifact {
        RuntimeArtifact {
            version: "1.0.0".into(),
            status,
            deployed_on: Some(TenantTime(deployed)),
            deployed_by: "".into(),
            kind: "".into(),
        }
    }

    #[test]
    fn nothing_is_put_back_where_nothing_was_sent() {
        for word in Word::ALL {
            assert!(
                !calls_for_one(word, Phase::Start, Sent::Nothing, &rules(true)),
                "{word:?}"
            );
        }
    }

    #[test]
    fn what_nobody_decided_is_put_back_only_when_asked() {
        for sent in [Sent::Content, Sent::Call] {
            for word in [Word::Undecided, Word::Unreachable] {
                assert!(!calls_for_one(word, Phase::Start, sent, &rules(false)));
                assert!(calls_for_one(word, Phase::Start, sent, &rules(true)));
            }
            for word in [
                Word::Started,
                Word::Unchanged,
                Word::Uploaded,
                Word::Superseded,
            ] {
                assert!(
                    !calls_for_one(word, Phase::Start, sent, &rules(true)),
                    "{word:?}"
                );
            }
            assert!(calls_for_one(
                Word::Failed,
                Phase::Start,
                sent,
                &rules(false)
            ));
        }
    }

    #[test]
    fn a_flow_that_still_runs_is_never_deployed_again() {
        let before = Was::Running(Some(TenantTime(7)));
        for (now, expected) in [
            (Some(record(RuntimeStatus::Started, 7)), Step::DesignTime),
            (Some(record(RuntimeStatus::Started, 8)), Step::Redeploy),
            (Some(record(RuntimeStatus::Error, 8)), Step::Redeploy),
            (Some(record(RuntimeStatus::Error, 7)), Step::Redeploy),
            (None, Step::Redeploy),
        ] {
            let step = step(before, now.as_ref(), Sent::Call, false);
            assert_eq!(step, expected, "{now:?}");
        }
    }

    #[test]
    fn a_flow_that_somebody_else_deployed_is_not_restarted_for_a_build_that_failed() {
        let before = Was::Running(Some(TenantTime(7)));
        for (status, not_built, expected) in [
            (RuntimeStatus::Started, true, Step::DesignTime),
            (RuntimeStatus::Started, false, Step::Redeploy),
            (RuntimeStatus::Error, true, Step::Redeploy),
        ] {
            let now = record(status, 9);
            assert_eq!(step(before, Some(&now), Sent::Call, not_built), expected);
        }
    }

    #[test]
    fn what_did_not_run_is_not_started() {
        let now = record(RuntimeStatus::Error, 9);
        for was in [Was::NotDeployed, Was::Broken, Was::Stopped] {
            for sent in [Sent::Content, Sent::Call] {
                assert_eq!(step(was, Some(&now), sent, false), Step::DesignTime);
            }
        }
    }

    #[test]
    fn without_a_deploy_call_nothing_is_deployed() {
        for was in [
            Was::Running(None),
            Was::Running(Some(TenantTime(7))),
            Was::Unknown,
        ] {
            assert_eq!(step(was, None, Sent::Content, false), Step::DesignTime);
        }
    }

    #[test]
    fn a_smoke_test_that_was_not_let_in_says_nothing_about_the_flow() {
        for on_timeout in [true, false] {
            let called = calls_for_one(Word::Refused, Phase::Smoke, Sent::Call, &rules(on_timeout));
            assert_eq!(called, on_timeout);
        }
    }

    #[test]
    fn values_of_a_colleague_are_left() {
        let shown = |pairs: &[(&str, &str)]| -> Vec<Configuration> {
            pairs
                .iter()
                .map(|(key, value)| Configuration {
                    key: (*key).to_owned(),
                    value: (*value).to_owned(),
                    data_type: String::new(),
                })
                .collect()
        };
        let before = shown(&[("same", "1"), ("ours", "1"), ("theirs", "1"), ("gone", "1")]);
        let now = shown(&[("same", "1"), ("ours", "2"), ("theirs", "3"), ("new", "4")]);
        let (back, theirs) = values_to_put_back(&before, &now, |_| vec!["2".to_owned()]);
        assert_eq!(back, shown(&[("ours", "1"), ("gone", "1")]));
        assert_eq!(theirs, ["theirs"]);
    }

    #[test]
    fn what_ran_and_was_not_kept_is_lost_when_our_call_ended_it() {
        let ran = record(RuntimeStatus::Started, 7);
        let broken = record(RuntimeStatus::Error, 9);
        let failed = (Word::Failed, Sent::Call);
        for ((word, sent), before, now, expected) in [
            (failed, None, Ok(None), false),
            (failed, None, Ok(Some(&broken)), false),
            (failed, Some(&ran), Ok(Some(&ran)), false),
            (failed, Some(&ran), Ok(Some(&broken)), true),
            (failed, Some(&ran), Ok(None), true),
            (failed, Some(&broken), Ok(Some(&broken)), false),
            (failed, Some(&ran), Err(()), false),
            ((Word::Undecided, Sent::Call), Some(&ran), Ok(None), true),
            (
                (Word::Started, Sent::Call),
                Some(&ran),
                Ok(Some(&broken)),
                false,
            ),
            ((Word::Failed, Sent::Content), Some(&ran), Ok(None), false),
            ((Word::Failed, Sent::Nothing), Some(&ran), Ok(None), false),
        ] {
            let lost = is_lost(word, sent, before, now);
            assert_eq!(lost, expected, "{word:?} {sent:?} {before:?} {now:?}");
        }
    }

    #[test]
    fn all_that_was_sent_goes_back_but_what_is_another_users() {
        for word in Word::ALL {
            assert!(!may_go_back(word, Sent::Nothing), "{word:?}");
            for sent in [Sent::Content, Sent::Call] {
                assert_eq!(
                    may_go_back(word, sent),
                    word != Word::Superseded,
                    "{word:?}"
                );
            }
        }
    }

    #[test]
    fn only_values_that_differ_from_before_are_named() {
        let values = |pairs: &[(&str, &str)]| -> Vec<Configuration> {
            let of = |(key, value): &(&str, &str)| Configuration {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
                data_type: String::new(),
            };
            pairs.iter().map(of).collect()
        };
        let before = values(&[("a", "1"), ("b", "2")]);
        for (now, expected) in [
            (&[("a", "1"), ("b", "2")][..], &[][..]),
            (&[("b", "2"), ("a", "1"), ("new", "3")], &[]),
            (&[("a", "1"), ("b", "1")], &["b"]),
            (&[("a", "1")], &["b"]),
            (&[], &["a", "b"]),
        ] {
            assert_eq!(changed(&before, &values(now)), expected, "{now:?}");
        }
    }
}
