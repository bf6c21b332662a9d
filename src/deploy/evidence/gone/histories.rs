//! Histories of a tenant, told in a few words, and what they mean; then all short ones that there are.

use super::*;
use crate::deploy::evidence::RuntimeAnswer;
use crate::tenant::odata::TenantTime;
use crate::text::Words;

/// Long enough for every history of the table.
const DEADLINE: Deadline = Deadline {
    at: Duration::from_secs(100),
};

/// `STARTED@5`: a record with this status, deployed at this second of the tenant's.
fn record(text: &str) -> RuntimeArtifact {
    let (status, deployed) = text.split_once('@').unwrap_or((text, ""));
    RuntimeArtifact {
        version: "1.0.0".into(),
        status: RuntimeStatus::parse(status),
        deployed_on: deployed.parse().ok().map(TenantTime),
        deployed_by: "".into(),
        kind: "".into(),
    }
}

fn error(kind: Kind) -> TenantError {
    TenantError {
        kind,
        what: "no".to_owned(),
        at: String::new(),
        says: None::<Words>,
        hint: None,
    }
}

/// `accepted`, `lost`, `said` (a 500 that may mean it), `refused`, `forbidden`, `unreached`, `404`.
fn call(text: &str, at: Moment) -> Option<Call> {
    let not_done = |kind| Call::NotDone {
        at,
        error: Box::new(error(kind)),
    };
    let lost = |said| Call::Lost {
        at,
        why: "cut".to_owned(),
        said,
    };
    Some(match text {
        "accepted" => Call::Accepted {
            at,
            task: None,
            answered: None,
        },
        "lost" => lost(None),
        "said" => lost(Some(Box::new(error(Kind::Refused)))),
        "refused" => not_done(Kind::Refused),
        "forbidden" => not_done(Kind::Role),
        "unreached" => not_done(Kind::Unreachable),
        "404" => not_done(Kind::NotFound),
        _ => return None,
    })
}

fn answer(text: &str) -> RuntimeAnswer {
    match text {
        "gone" => RuntimeAnswer::Absent,
        "?" => RuntimeAnswer::NotSeen,
        record_text => RuntimeAnswer::Record(record(record_text)),
    }
}

fn look(evidence: &mut Evidence, begun: Moment, ended: Moment, answer: RuntimeAnswer) {
    evidence.looked(Look {
        begun,
        ended,
        answer,
        answered: Some(TenantTime(50)),
        by_list: false,
    });
}

/// The evidence of a history: the baseline, then `SECOND:WHAT` for each look and call.
fn evidence(history: &str) -> (Evidence, Moment) {
    let mut parts = history.split_whitespace();
    let first = parts.next().unwrap();
    let (first, by_list) = match first.strip_prefix("list:") {
        Some(rest) => (rest, true),
        None => (first, false),
    };
    let baseline = Baseline {
        record: Some(record(first)),
        answered: Some(TenantTime(50)),
        by_list,
    };
    let mut evidence = Evidence::new(baseline, Duration::from_secs(30));
    let mut now = Duration::ZERO;
    for part in parts {
        let (second, what) = part.split_once(':').unwrap();
        now = Duration::from_secs(second.parse().unwrap());
        match call(what, now) {
            Some(call) => evidence.seen.called(call),
            None => look(&mut evidence, now, now, answer(what)),
        }
    }
    (evidence, now)
}

fn judged(history: &str) -> Judgement {
    let (evidence, now) = evidence(history);
    evidence.judge(now, DEADLINE)
}

fn all(cases: &[(&str, Judgement)]) {
    for (history, expected) in cases {
        assert_eq!(judged(history), *expected, "{history}");
    }
}

use crate::deploy::evidence::Judgement::Wait;

const ABSENT: Judgement = Judgement::Ended(End::Absent);
const REFUSED: Judgement = Judgement::Ended(End::Refused);
const SUPERSEDED: Judgement = Judgement::Ended(End::Superseded);
const UNDECIDED: Judgement = Judgement::Ended(End::Undecided);
const UNDEPLOYED: Judgement = Judgement::Ended(End::Undeployed);

#[test]
fn what_is_at_rest_is_undeployed_and_what_is_in_motion_is_waited_for() {
    all(&[
        ("STARTED@5", Judgement::Call),
        ("ERROR@5", Judgement::Call),
        ("STOPPED@5", Judgement::Call),
        ("STARTING@5", Wait),
        ("STARTING@5 29:STARTING@5", Wait),
        ("STARTING@5 30:STARTING@5", Judgement::Call),
        ("STARTING@5 3:STARTED@9", Judgement::Call),
        ("PAUSED@5 29:PAUSED@5", Wait),
        ("PAUSED@5 30:PAUSED@5", Judgement::Call),
        // SAP: what is stopping can't be undeployed
        ("STOPPING@5 99:STOPPING@5", Wait),
        ("STOPPING@5 9:STARTED@5", Judgement::Call),
        ("STARTED@5 1:gone", Wait),
    ]);
}

#[test]
fn gone_is_believed_when_the_api_says_so_twice() {
    all(&[
        ("STARTED@5 1:accepted 2:gone", Wait),
        (
            "STARTED@5 1:accepted 2:STOPPING@5 3:gone 4:gone",
            UNDEPLOYED,
        ),
        ("STARTED@5 1:accepted 2:gone 3:? 4:gone", UNDEPLOYED),
        ("STARTED@5 1:accepted 2:gone 3:STARTED@5 4:gone", Wait),
        ("STARTED@5 1:accepted 2:? 3:? 4:? 5:?", Wait),
        ("STARTED@5 1:lost 2:gone 3:gone", UNDEPLOYED),
        ("STARTED@5 1:gone 2:accepted 3:gone", Wait),
        ("STARTED@5 1:404 2:gone 3:gone", ABSENT),
        ("STARTED@5 1:refused 2:gone 3:gone", ABSENT),
        ("STOPPING@5 1:gone 2:gone", ABSENT),
    ]);
}

#[test]
fn a_look_that_began_before_the_call_was_answered_tells_nothing() {
    let (mut evidence, _) = evidence("STARTED@5 5:accepted");
    for begun in [1, 3] {
        let (begun, ended) = (Duration::from_secs(begun), Duration::from_secs(begun + 1));
        look(&mut evidence, begun, ended, RuntimeAnswer::Absent);
    }
    assert_eq!(evidence.judge(Duration::from_secs(7), DEADLINE), Wait);
}

#[test]
fn two_looks_at_the_same_time_are_one_witness() {
    let (mut evidence, _) = evidence("STARTED@5 1:accepted");
    for begun in [2, 3] {
        let (begun, ended) = (Duration::from_secs(begun), Duration::from_secs(4));
        look(&mut evidence, begun, ended, RuntimeAnswer::Absent);
    }
    assert_eq!(evidence.judge(Duration::from_secs(5), DEADLINE), Wait);
}

#[test]
fn another_deployment_is_believed_when_it_stands() {
    all(&[
        ("STARTED@5 1:accepted 2:STARTED@9", Wait),
        ("STARTED@5 1:accepted 2:STARTED@9 5:STARTED@9", Wait),
        ("STARTED@5 1:accepted 2:STARTED@9 6:STARTED@9", SUPERSEDED),
        (
            "STARTED@5 1:accepted 2:gone 3:ERROR@9 7:ERROR@9",
            SUPERSEDED,
        ),
        ("STARTED@5 1:accepted 2:STARTED@9 100:STARTED@9", SUPERSEDED),
        // our call took effect on it
        (
            "STARTED@5 1:accepted 2:STARTED@9 6:STOPPING@9 60:STOPPING@9",
            Wait,
        ),
        ("STARTED@5 1:accepted 2:STARTED@9 3:gone 4:gone", UNDEPLOYED),
        // nobody knows whether it is another
        ("STARTED@5 1:accepted 2:STARTED@4 20:STARTED@4", Wait),
        ("STARTED@5 1:accepted 2:STARTED 20:STARTED", Wait),
        ("STARTED 1:accepted 2:STARTED@9 20:STARTED@9", Wait),
    ]);
}

#[test]
fn what_a_list_or_a_record_in_motion_hid_is_not_taken_for_another_deployment() {
    all(&[
        ("list:STARTED@5 1:accepted 2:STARTED@9 20:STARTED@9", Wait),
        (
            "list:STARTED@5 1:accepted 2:STARTED@51 20:STARTED@51",
            SUPERSEDED,
        ),
        (
            "STARTING@5 30:STARTING@5 31:accepted 32:STARTED@9 60:STARTED@9",
            Wait,
        ),
        (
            "STARTING@5 30:STARTING@5 31:accepted 32:STARTED@51 60:STARTED@51",
            SUPERSEDED,
        ),
    ]);
}

#[test]
fn a_lost_call_is_repeated_once_and_only_while_nothing_has_moved() {
    all(&[
        ("STARTED@5 1:lost 2:STARTED@5", Wait),
        ("STARTED@5 1:lost 2:STARTED@5 6:STARTED@5", Wait),
        ("STARTED@5 1:lost 2:STARTED@5 7:STARTED@5", Judgement::Call),
        ("STARTED@5 1:404 2:STARTED@5 7:STARTED@5", Judgement::Call),
        ("STARTED@5 1:lost 2:STARTED@5 7:?", Wait),
        ("STARTED@5 1:lost 2:STOPPING@5 60:STOPPING@5", Wait),
        ("STARTED@5 1:lost 2:ERROR@5 60:ERROR@5", Wait),
        ("STARTED@5 1:lost 2:STARTED 60:STARTED", Wait),
        ("STARTED@5 1:lost 2:STARTED@9 7:STARTED@9", SUPERSEDED),
        ("STARTED@5 1:lost 8:lost 9:STARTED@5 60:STARTED@5", Wait),
        ("STARTED@5 1:lost 8:404 9:STARTED@5 60:STARTED@5", Wait),
        ("STARTED@5 1:accepted 2:STARTED@5 60:STARTED@5", Wait),
    ]);
}

#[test]
fn a_refusal_counts_when_what_it_is_about_still_stands() {
    all(&[
        ("STARTED@5 1:forbidden", REFUSED),
        ("STARTED@5 1:unreached", REFUSED),
        ("STARTED@5 1:refused", Wait),
        ("STARTED@5 1:refused 2:?", Wait),
        ("STARTED@5 1:refused 2:STARTED@5", REFUSED),
        ("STARTED@5 1:refused 100:?", REFUSED),
        // somebody else was quicker: it can't be undeployed because it is stopping
        ("STARTED@5 1:refused 2:STOPPING@5", Wait),
        // the first one's answer is not known
        ("STARTED@5 1:lost 8:refused 9:STARTED@5", Wait),
        (
            "STARTED@5 1:lost 8:refused 9:STARTED@5 14:STARTED@5",
            REFUSED,
        ),
        (
            "STARTED@5 1:lost 8:refused 9:STOPPING@5 60:STOPPING@5",
            Wait,
        ),
        ("STARTED@5 1:said 2:STARTED@5 7:STARTED@5", Judgement::Call),
        ("STARTED@5 1:said 8:said 9:STARTED@5 14:STARTED@5", REFUSED),
        (
            "STARTED@5 1:lost 8:unreached 9:STARTED@5 60:STARTED@5",
            Wait,
        ),
        (
            "STARTED@5 1:lost 8:forbidden 9:STARTED@5 60:STARTED@5",
            Wait,
        ),
    ]);
}

#[test]
fn at_the_deadline_what_is_not_shown_is_not_decided() {
    all(&[
        ("STARTED@5 1:accepted 100:STARTED@5", UNDECIDED),
        ("STARTED@5 1:accepted 100:STOPPING@5", UNDECIDED),
        ("STARTED@5 1:accepted 100:gone", UNDECIDED),
        ("STARTED@5 1:accepted 100:?", UNDECIDED),
        ("STOPPING@5 100:STOPPING@5", UNDECIDED),
        ("STARTED@5 100:STARTED@5", UNDECIDED),
        ("STARTED@5 1:lost 100:STARTED@5", UNDECIDED),
    ]);
}

/// Every history of five looks and calls, three seconds apart: what is said is what was shown.
#[test]
fn no_short_history_is_judged_well_without_two_absences_or_called_more_than_twice() {
    let words = [
        "gone",
        "?",
        "STARTED@5",
        "STARTED@9",
        "STOPPING@5",
        "PAUSED@5",
        "accepted",
        "lost",
        "refused",
        "404",
    ];
    let mut count = 0;
    for number in 0..words.len().pow(5) {
        let mut rest = number;
        let mut history = String::from("STARTED@5");
        let mut parts = Vec::new();
        for step in 0..5 {
            let word = words[rest % words.len()];
            rest /= words.len();
            parts.push(word);
            history += &format!(" {}:{word}", step * 3 + 1);
        }
        holds_what_was_shown(&history, &parts);
        count += 1;
    }
    assert_eq!(count, 100_000);
}

fn is_call(word: &str) -> bool {
    call(word, Duration::ZERO).is_some()
}

fn holds_what_was_shown(history: &str, parts: &[&str]) {
    let judgement = judged(history);
    let calls = parts.iter().filter(|word| is_call(word)).count();
    let after_call = parts
        .iter()
        .rposition(|word| is_call(word))
        .map_or(0, |at| at + 1);
    let looks: Vec<&&str> = parts[after_call..]
        .iter()
        .filter(|word| **word != "?")
        .collect();
    let gone = looks
        .iter()
        .rev()
        .take_while(|word| ***word == "gone")
        .count();
    let worked = parts
        .iter()
        .any(|word| matches!(*word, "accepted" | "lost"));
    match judgement {
        UNDEPLOYED => assert!(gone >= 2 && worked, "{history}"),
        ABSENT => assert!(gone >= 2 && !worked, "{history}"),
        SUPERSEDED => assert!(
            calls > 0 && looks.last() == Some(&&"STARTED@9"),
            "{history}"
        ),
        REFUSED => assert!(parts.contains(&"refused"), "{history}"),
        Judgement::Call => assert!(calls < MOST_CALLS && gone == 0, "{history}"),
        Wait | UNDECIDED => {}
    }
}
