//! Each trap by itself: a short story, and what it proves.

use super::*;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::odata::TenantTime;

const DEADLINE: Deadline = Deadline {
    at: Duration::from_secs(600),
};

fn at(seconds: f64) -> Moment {
    Duration::from_secs_f64(seconds)
}

fn record(status: &str, deployed_on: i64) -> RuntimeArtifact {
    RuntimeArtifact {
        version: "1.0.0".into(),
        status: RuntimeStatus::parse(status),
        deployed_on: Some(TenantTime(deployed_on)),
        deployed_by: "".into(),
        kind: "".into(),
    }
}

fn baseline(status: &str, deployed_on: i64) -> Baseline {
    Baseline {
        record: Some(record(status, deployed_on)),
        answered: Some(TenantTime(deployed_on + 60_000)),
        by_list: false,
    }
}

fn task() -> TaskId {
    TaskId("t".into())
}

/// What this run left, with nothing known about names and numbers.
fn ours() -> Ours {
    Ours {
        version: Some("1.0.0".into()),
        ..Ours::default()
    }
}

/// Our call, accepted at second 0, when the tenant's clock said `answered`.
fn accepted(answered: i64) -> Call {
    Call::Accepted {
        at: at(0.0),
        task: Some(task()),
        answered: Some(TenantTime(answered)),
    }
}

fn not_done(seconds: f64) -> Call {
    let error = TenantError {
        kind: Kind::Refused,
        what: "locked".to_owned(),
        at: String::new(),
        says: None,
        hint: None,
    };
    Call::NotDone {
        at: at(seconds),
        error: Box::new(error),
    }
}

fn started(doubts: Vec<Doubt>) -> Judgement {
    Judgement::Ended(End::Started(doubts))
}

fn undecided(why: Why) -> Judgement {
    Judgement::Ended(End::Undecided(why))
}

fn lost() -> Call {
    Call::Lost {
        at: at(0.0),
        why: "cut".into(),
        said: None,
    }
}

/// A story that is told to the evidence, one observation after the other.
struct Story(Evidence);

impl Story {
    /// Over a deployment from long ago, with our call accepted at second 0.
    fn over(baseline: Baseline) -> Self {
        Self::with(
            baseline,
            true,
            Call::Accepted {
                at: at(0.0),
                task: Some(task()),
                answered: None,
            },
        )
    }

    /// Of an artifact that is new on the tenant.
    fn fresh() -> Self {
        Self::with(
            Baseline::default(),
            false,
            Call::Accepted {
                at: at(0.0),
                task: Some(task()),
                answered: None,
            },
        )
    }

    fn with(baseline: Baseline, existed: bool, call: Call) -> Self {
        Self::of(baseline, existed, ours(), call)
    }

    fn of(baseline: Baseline, existed: bool, ours: Ours, call: Call) -> Self {
        let ours = Ours { existed, ..ours };
        let mut evidence = Evidence::new(baseline, ours, Duration::ZERO);
        evidence.called(call);
        Self(evidence)
    }

    /// Success, and then this record at these seconds.
    fn shows(mut self, record: &RuntimeArtifact, seconds: &[f64]) -> Self {
        self = self.task(0.5, "SUCCESS");
        for second in seconds {
            self = self.runtime_is(*second, RuntimeAnswer::Record(record.clone()));
        }
        self
    }

    fn task(mut self, seconds: f64, status: &str) -> Self {
        let answer = TaskReading::Status(BuildStatus::parse(status));
        self.0
            .task_answered(at(seconds), at(seconds + 0.01), answer);
        self
    }

    fn task_is(mut self, seconds: f64, answer: TaskReading) -> Self {
        self.0
            .task_answered(at(seconds), at(seconds + 0.01), answer);
        self
    }

    fn runtime(self, seconds: f64, status: &str, deployed_on: i64) -> Self {
        self.runtime_is(seconds, RuntimeAnswer::Record(record(status, deployed_on)))
    }

    fn runtime_is(mut self, seconds: f64, answer: RuntimeAnswer) -> Self {
        self.0.looked(Look {
            begun: at(seconds),
            ended: at(seconds + 0.01),
            answer,
            answered: None,
            by_list: false,
        });
        self
    }

    fn judge(&self, seconds: f64) -> Judgement {
        self.0.judge(at(seconds), DEADLINE)
    }
}

const OLD: i64 = 1_000_000;
const NEW: i64 = 2_000_000;

#[test]
fn success_and_a_new_started_record_read_afterwards_is_started() {
    let story = Story::over(baseline("STARTED", OLD))
        .task(1.0, "Success")
        .runtime(1.1, "STARTED", NEW);
    assert_eq!(story.judge(1.2), started(vec![]));
}

#[test]
fn a_stale_started_record_proves_nothing_however_long_it_stands() {
    let story = Story::over(baseline("STARTED", OLD))
        .task(1.0, "SUCCESS")
        .runtime(1.1, "STARTED", OLD)
        .runtime(60.0, "STARTED", OLD);
    assert_eq!(story.judge(60.1), Judgement::Wait);
}

#[test]
fn an_earlier_or_unreadable_date_is_never_new() {
    let earlier = Story::over(baseline("STARTED", OLD))
        .task(1.0, "SUCCESS")
        .runtime(1.1, "STARTED", OLD - 1)
        .runtime(60.0, "STARTED", OLD - 1);
    assert_eq!(earlier.judge(60.1), Judgement::Wait);
    let unreadable = RuntimeArtifact {
        deployed_on: None,
        ..record("STARTED", 0)
    };
    let story = Story::over(baseline("STARTED", OLD))
        .task(1.0, "SUCCESS")
        .runtime_is(1.1, RuntimeAnswer::Record(unreadable));
    assert_eq!(story.judge(60.0), Judgement::Wait);
}

#[test]
fn a_record_read_before_the_task_ended_is_not_enough() {
    let story = Story::fresh()
        .runtime(0.5, "STARTED", NEW)
        .task(1.0, "SUCCESS");
    assert_eq!(story.judge(1.1), Judgement::Wait);
    assert_eq!(
        story.runtime(1.2, "STARTED", NEW).judge(1.3),
        started(vec![])
    );
}

#[test]
fn started_seen_while_the_task_still_builds_is_a_doubt_and_must_stand() {
    let story = Story::fresh()
        .runtime(0.5, "STARTED", NEW)
        .task(0.6, "DEPLOYING")
        .task(1.0, "SUCCESS")
        .runtime(1.1, "STARTED", NEW);
    assert_eq!(story.judge(1.2), Judgement::Wait);
    let story = story.runtime(8.9, "STARTED", NEW);
    assert_eq!(story.judge(9.0), Judgement::Wait);
    assert_eq!(
        story.runtime(9.1, "STARTED", NEW).judge(9.2),
        started(vec![Doubt::StartedBeforeTaskEnded])
    );
}

#[test]
fn a_record_that_changes_under_a_doubt_begins_to_stand_anew() {
    let story = Story::fresh()
        .runtime(0.5, "STARTED", NEW)
        .task(0.6, "DEPLOYING")
        .task(1.0, "SUCCESS")
        .runtime(1.1, "STARTED", NEW);
    let story = story
        .runtime(5.0, "STARTED", NEW + 1)
        .runtime(9.2, "STARTED", NEW + 1);
    assert_eq!(story.judge(9.3), Judgement::Wait);
    assert_eq!(
        story.runtime(13.1, "STARTED", NEW + 1).judge(13.2),
        started(vec![Doubt::StartedBeforeTaskEnded])
    );
}

#[test]
fn the_doubts_of_the_surroundings_are_all_raised() {
    let nothing_ran = Story::with(
        Baseline::default(),
        true,
        Call::Accepted {
            at: at(0.0),
            task: Some(task()),
            answered: None,
        },
    );
    let in_motion = Story::over(baseline("STARTING", OLD));
    let backdated = Story::over(Baseline {
        answered: Some(TenantTime(NEW + 2_001)),
        ..baseline("STARTED", OLD)
    });
    let not_backdated = Story::over(Baseline {
        answered: Some(TenantTime(NEW + 2_000)),
        ..baseline("STARTED", OLD)
    });
    let other_version = Story(Evidence {
        ours: Ours {
            version: Some("1.0.1".into()),
            ..ours()
        },
        ..Story::over(baseline("STARTED", OLD)).0
    });
    let draft = Story(Evidence {
        ours: Ours {
            version: Some("Draft".into()),
            ..ours()
        },
        ..Story::over(baseline("STARTED", OLD)).0
    });
    for (story, doubts, stands) in [
        (nothing_ran, vec![Doubt::NothingWasDeployed], 8.0),
        (in_motion, vec![Doubt::BaselineInMotion], 8.0),
        (backdated, vec![Doubt::Backdated], 60.0),
        (not_backdated, vec![], 8.0),
        (other_version, vec![Doubt::OtherVersion], 60.0),
        (draft, vec![], 8.0),
    ] {
        let story = story.task(1.0, "SUCCESS").runtime(1.1, "STARTED", NEW);
        assert_eq!(
            story.judge(1.2),
            if doubts.is_empty() {
                started(vec![])
            } else {
                Judgement::Wait
            },
            "{doubts:?}"
        );
        if !doubts.is_empty() {
            let early = story.runtime(stands + 1.0, "STARTED", NEW);
            assert_eq!(early.judge(stands + 1.05), Judgement::Wait, "{doubts:?}");
            let stood = early.runtime(stands + 1.2, "STARTED", NEW);
            assert_eq!(stood.judge(stands + 1.3), started(doubts));
        }
    }
}

#[test]
fn a_task_that_fails_is_a_failure_whatever_runs() {
    for status in ["FAIL", "fail", "FAIL_ON_LICENSE_ERROR", "FAILED"] {
        let story = Story::over(baseline("STARTED", OLD))
            .runtime(0.5, "STARTED", NEW)
            .task(1.0, status)
            .runtime(1.1, "STARTED", NEW);
        assert!(
            matches!(story.judge(1.2), Judgement::Ended(End::BuildFailed(_))),
            "{status}"
        );
    }
}

#[test]
fn an_error_is_believed_when_it_has_stood_and_is_new() {
    let story = Story::over(baseline("STARTED", OLD))
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", NEW);
    assert_eq!(story.judge(1.2), Judgement::Wait);
    assert_eq!(
        story.runtime(11.2, "ERROR", NEW).judge(11.3),
        Judgement::Ended(End::StartFailed)
    );
}

#[test]
fn a_stale_error_is_ignored_and_a_running_record_that_breaks_is_not() {
    let stale = Story::over(baseline("ERROR", OLD))
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", OLD)
        .runtime(60.0, "ERROR", OLD);
    assert_eq!(stale.judge(60.1), Judgement::Wait);
    let broken = Story::over(baseline("STARTED", OLD))
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", OLD)
        .runtime(11.2, "ERROR", OLD);
    assert_eq!(broken.judge(11.3), Judgement::Ended(End::StartFailed));
}

#[test]
fn a_flapping_error_that_recovers_is_started() {
    let story = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", NEW)
        .runtime(3.0, "STARTING", NEW)
        .runtime(4.0, "ERROR", NEW)
        .runtime(13.9, "ERROR", NEW);
    assert_eq!(story.judge(13.9), Judgement::Wait);
    assert_eq!(
        story.runtime(14.0, "STARTED", NEW).judge(14.1),
        started(vec![])
    );
}

#[test]
fn without_a_task_the_record_must_stand() {
    let without_task = |baseline, existed| {
        let call = Call::Accepted {
            at: at(0.0),
            task: None,
            answered: None,
        };
        Story::with(baseline, existed, call).runtime(1.0, "STARTED", NEW)
    };
    // what this run created, nobody else can have deployed
    let created = without_task(Baseline::default(), false);
    assert_eq!(created.judge(1.1), started(vec![]));
    let story = without_task(baseline("STARTED", OLD), true);
    assert_eq!(story.judge(1.1), Judgement::Wait);
    assert_eq!(
        story.runtime(9.0, "STARTED", NEW).judge(9.1),
        started(vec![Doubt::TaskNeverVisible])
    );
    let not_offered = Story::over(baseline("STARTED", OLD))
        .task_is(0.2, TaskReading::NotOffered)
        .runtime(1.0, "STARTED", NEW)
        .runtime(9.0, "STARTED", NEW);
    assert_eq!(
        not_offered.judge(9.1),
        started(vec![Doubt::TaskNeverVisible])
    );
}

#[test]
fn a_task_counts_as_not_visible_only_after_ten_seconds_of_not_found() {
    let unseen = Story::over(baseline("STARTED", OLD))
        .task_is(0.1, TaskReading::NotFound)
        .runtime(0.2, "STARTED", NEW)
        .task_is(9.0, TaskReading::NotFound)
        .runtime(9.1, "STARTED", NEW);
    assert_eq!(unseen.judge(9.2), Judgement::Wait);
    let unseen = unseen
        .task_is(10.1, TaskReading::NotFound)
        .runtime(10.2, "STARTED", NEW);
    assert_eq!(unseen.judge(10.3), started(vec![Doubt::TaskNeverVisible]));
    // forgotten after it was seen
    let seen = |not_found: &[f64]| {
        let story = Story::fresh().task(0.1, "DEPLOYING");
        let missing = |story: Story, at: &f64| story.task_is(*at, TaskReading::NotFound);
        let story = not_found.iter().fold(story, missing);
        story
            .runtime(30.0, "STARTED", NEW)
            .runtime(39.0, "STARTED", NEW)
    };
    assert_eq!(seen(&[20.0]).judge(39.1), Judgement::Wait);
    assert_eq!(seen(&[20.0, 29.9]).judge(39.1), Judgement::Wait);
    let forgotten = seen(&[20.0, 30.0]);
    assert_eq!(forgotten.judge(39.1), started(vec![Doubt::TaskForgotten]));
    assert_eq!(
        forgotten.0.task_words(),
        "task t DEPLOYING, then not visible"
    );
    // a status in between starts the seconds again
    let back = Story::fresh()
        .task_is(5.0, TaskReading::NotFound)
        .task(9.0, "DEPLOYING")
        .task_is(12.0, TaskReading::NotFound)
        .task_is(21.0, TaskReading::NotFound)
        .runtime(21.1, "STARTED", NEW)
        .runtime(30.0, "STARTED", NEW);
    assert_eq!(back.judge(30.1), Judgement::Wait);
    // its deployment may have failed all the same
    let failed = Story::fresh()
        .task(0.1, "DEPLOYING")
        .task_is(1.0, TaskReading::NotFound)
        .task_is(11.0, TaskReading::NotFound)
        .runtime(11.1, "ERROR", NEW)
        .runtime(21.2, "ERROR", NEW);
    assert_eq!(failed.judge(21.3), Judgement::Ended(End::StartFailed));
    let no_contact = Story::fresh()
        .task_is(20.0, TaskReading::NotSeen)
        .runtime(20.1, "STARTED", NEW)
        .runtime(40.0, "STARTED", NEW);
    assert_eq!(no_contact.judge(40.1), Judgement::Wait);
}

#[test]
fn a_lost_call_is_watched_then_repeated_once() {
    let lost = |baseline: Baseline| {
        Story::with(
            baseline,
            true,
            Call::Lost {
                at: at(0.0),
                why: "cut".into(),
                said: None,
            },
        )
    };
    let story = lost(baseline("STARTED", OLD)).runtime(1.0, "STARTED", OLD);
    assert_eq!(story.judge(90.0), Judgement::Wait, "nothing was read since");
    let story = story.runtime(74.9, "STARTED", OLD);
    assert_eq!(story.judge(90.0), Judgement::Wait);
    let story = story.runtime(75.0, "STARTED", OLD);
    assert_eq!(story.judge(75.1), Judgement::Call);
    let nothing_ran = lost(Baseline::default())
        .runtime_is(10.0, RuntimeAnswer::Absent)
        .runtime_is(19.9, RuntimeAnswer::Absent);
    assert_eq!(nothing_ran.judge(25.0), Judgement::Wait);
    let nothing_ran = nothing_ran.runtime_is(20.0, RuntimeAnswer::Absent);
    assert_eq!(nothing_ran.judge(20.1), Judgement::Call);
    let mut again = nothing_ran;
    again.0.called(Call::Lost {
        at: at(20.0),
        why: "cut".into(),
        said: None,
    });
    assert_eq!(again.judge(100.0), Judgement::Wait, "two calls are enough");
    let came = lost(baseline("STARTED", OLD)).runtime(1.0, "STARTING", NEW);
    assert_eq!(came.judge(80.0), Judgement::Wait, "something new came");
}

#[test]
fn a_lost_call_that_was_accepted_ends_in_started_after_its_record_has_stood() {
    let story = Story::with(
        baseline("STARTED", OLD),
        true,
        Call::Lost {
            at: at(0.0),
            why: "cut".into(),
            said: None,
        },
    )
    .runtime(3.0, "STARTED", NEW);
    assert_eq!(story.judge(3.1), Judgement::Wait);
    assert_eq!(
        story.runtime(11.0, "STARTED", NEW).judge(11.1),
        started(vec![Doubt::CallLost])
    );
}

#[test]
fn a_refusal_or_failure_of_the_repeated_call_is_no_verdict() {
    let lost = || {
        Story::with(
            Baseline::default(),
            false,
            Call::Lost {
                at: at(0.0),
                why: "cut".into(),
                said: None,
            },
        )
    };
    let mut refused = lost();
    refused.0.called(not_done(20.0));
    assert_eq!(refused.judge(21.0), Judgement::Wait);
    let refused = refused
        .runtime(22.0, "STARTED", NEW)
        .runtime(30.0, "STARTED", NEW);
    assert_eq!(refused.judge(30.1), started(vec![Doubt::CallLost]));
    let mut failed = lost();
    failed.0.called(Call::Accepted {
        at: at(20.0),
        task: Some(task()),
        answered: None,
    });
    let failed = failed.task(21.0, "FAIL");
    assert_eq!(failed.judge(21.1), Judgement::Wait);
    assert_eq!(failed.judge(600.0), undecided(Why::Deadline));
}

#[test]
fn unknown_statuses_and_absence_wait_until_the_deadline() {
    let unknown_task = Story::fresh()
        .task(1.0, "HALTED")
        .runtime(1.1, "STARTED", NEW);
    let unknown_runtime = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime(1.1, "PAUSED", NEW);
    let absent = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime_is(1.1, RuntimeAnswer::Absent)
        .runtime_is(2.0, RuntimeAnswer::Absent);
    for story in [unknown_task, unknown_runtime, absent] {
        assert_eq!(story.judge(599.9), Judgement::Wait);
        assert_eq!(story.judge(600.0), undecided(Why::Deadline));
    }
}

#[test]
fn another_profile_ends_the_wait_two_minutes_after_success() {
    let mut story = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime_is(1.1, RuntimeAnswer::Absent);
    story.0.profiled("integrationcell".into());
    assert_eq!(story.judge(120.9), Judgement::Wait);
    assert_eq!(
        story.judge(121.1),
        undecided(Why::OtherRuntime("integrationcell".into()))
    );
    let near = Deadline { at: at(15.0) };
    assert_eq!(
        story.0.judge(at(15.0), near),
        undecided(Why::OtherRuntime("integrationcell".into())),
        "named at the deadline too"
    );
}

#[test]
fn one_absence_is_not_believed_and_two_forget_the_record() {
    let story = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", NEW)
        .runtime_is(3.0, RuntimeAnswer::Absent)
        .runtime(11.2, "ERROR", NEW);
    assert_eq!(story.judge(11.3), Judgement::Ended(End::StartFailed));
    let story = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", NEW)
        .runtime_is(3.0, RuntimeAnswer::Absent)
        .runtime_is(4.0, RuntimeAnswer::Absent);
    assert_eq!(
        story.runtime(11.2, "ERROR", NEW).judge(11.3),
        Judgement::Wait
    );
}

#[test]
fn settle_asks_started_to_hold() {
    let story = Story(Evidence {
        settle: at(5.0),
        ..Story::fresh().0
    })
    .task(1.0, "SUCCESS")
    .runtime(1.1, "STARTED", NEW);
    assert_eq!(story.judge(1.2), Judgement::Wait);
    assert_eq!(
        story.runtime(6.2, "STARTED", NEW).judge(6.3),
        started(vec![])
    );
}

#[test]
fn standing_takes_at_most_half_of_the_time_left() {
    let near = Deadline { at: at(10.0) };
    let story = Story::with(
        baseline("STARTED", OLD),
        true,
        Call::Accepted {
            at: at(0.0),
            task: None,
            answered: None,
        },
    )
    .runtime(6.0, "STARTED", NEW)
    .runtime(7.9, "STARTED", NEW);
    assert_eq!(story.0.judge(at(7.95), near), Judgement::Wait);
    assert_eq!(
        story.runtime(8.0, "STARTED", NEW).0.judge(at(8.1), near),
        started(vec![Doubt::TaskNeverVisible])
    );
}

#[test]
fn pauses_fit_what_is_waited_for() {
    let story = Story::fresh();
    let first = Duration::from_millis(300);
    let millis = Duration::from_millis;
    for (now, pause) in [(0.0, 300), (0.3, 900), (3.0, 1_000), (50.0, 5_000)] {
        assert_eq!(story.0.pause(at(now), first), millis(pause), "{now}");
    }
    let built = Story::fresh().task(3.0, "SUCCESS");
    assert_eq!(built.0.pause(at(3.0), first), millis(500));
    let starting = built.runtime(3.1, "STARTING", NEW);
    assert_eq!(starting.0.pause(at(3.2), first), millis(500));
    let standing = Story::fresh()
        .task(50.0, "SUCCESS")
        .runtime(50.1, "ERROR", NEW);
    assert_eq!(standing.0.pause(at(50.2), first), Duration::from_secs(1));
    let due = Story::fresh()
        .task(1.0, "DEPLOYING")
        .runtime(1.1, "STARTED", NEW);
    assert_eq!(due.0.pause(at(1.2), first), Duration::ZERO);
    let asked = due.task_is(1.3, TaskReading::NotSeen);
    let again = asked.0.pause(at(1.4), first);
    assert_eq!(again, millis(500), "asked once more, not for ever");
}

#[test]
fn the_task_alone_tells_while_what_this_run_created_is_built() {
    let suffices = |story: &Story, seconds| story.0.task_suffices(at(seconds));
    let created = Story::fresh().task(1.0, "DEPLOYING");
    assert!(suffices(&created, 1.1) && suffices(&created, 14.9));
    assert!(!suffices(&created, 15.0), "not for ever");
    let looked = created.runtime_is(15.0, RuntimeAnswer::Absent);
    assert!(suffices(&looked, 29.9) && !suffices(&looked, 30.0));
    let existed = Story::with(Baseline::default(), true, accepted(NEW)).task(1.0, "DEPLOYING");
    let ran = Story::over(baseline("STARTED", OLD)).task(1.0, "DEPLOYING");
    let unasked = Story::fresh();
    let forgotten = Story::fresh()
        .task(1.0, "DEPLOYING")
        .task_is(1.2, TaskReading::NotFound);
    let unknown = Story::fresh().task(1.0, "HALTED");
    let built = Story::fresh().task(1.0, "SUCCESS");
    for story in [existed, ran, unasked, forgotten, unknown, built] {
        assert!(!suffices(&story, 1.3), "{:?}", story.0);
    }
}

/// What a record is worth by its date: seconds before the latest thing that this run did, by the tenant's clocks.
#[test]
fn a_record_is_not_older_than_what_this_run_did() {
    const CALLED: i64 = 100_000_000;
    let unseen = Baseline::default;
    let before = || baseline("STARTED", CALLED - 90_000_000);
    let started = |doubts: &[Doubt]| started(doubts.to_vec());
    let older = undecided(Why::OlderRecord);
    let late = undecided(Why::Deadline);
    for (baseline, existed, seconds, at_once, in_a_minute, in_the_end) in [
        // of an artifact that this run created
        (unseen(), false, 0, started(&[]), started(&[]), started(&[])),
        (unseen(), false, 2, started(&[]), started(&[]), started(&[])),
        (
            unseen(),
            false,
            3,
            Judgement::Wait,
            started(&[Doubt::Backdated]),
            started(&[Doubt::Backdated]),
        ),
        (
            unseen(),
            false,
            600,
            Judgement::Wait,
            started(&[Doubt::Backdated]),
            started(&[Doubt::Backdated]),
        ),
        (
            unseen(),
            false,
            601,
            Judgement::Wait,
            Judgement::Wait,
            late.clone(),
        ),
        // the runtime restarts: what ran before comes back
        (
            unseen(),
            true,
            3_600,
            Judgement::Wait,
            Judgement::Wait,
            late.clone(),
        ),
        (unseen(), true, 300, Judgement::Wait, Judgement::Wait, older),
        (
            unseen(),
            true,
            0,
            Judgement::Wait,
            started(&[Doubt::NothingWasDeployed]),
            started(&[Doubt::NothingWasDeployed]),
        ),
        // a lagging baseline showed the deployment before the previous one
        (before(), true, 0, started(&[]), started(&[]), started(&[])),
        (
            before(),
            true,
            300,
            Judgement::Wait,
            started(&[Doubt::Backdated]),
            started(&[Doubt::Backdated]),
        ),
        (
            before(),
            true,
            3_600,
            Judgement::Wait,
            Judgement::Wait,
            late,
        ),
    ] {
        let date = CALLED - seconds * 1_000;
        // the save or the look at the runtime may be the later one
        for (saved, looked) in [(None, CALLED), (Some(TenantTime(CALLED)), CALLED - 700_000)] {
            let left = Ours { saved, ..ours() };
            let seen = Baseline {
                answered: Some(TenantTime(looked)),
                ..baseline.clone()
            };
            let story = Story::of(seen, existed, left, accepted(CALLED));
            let record = record("STARTED", date);
            let story = story.shows(&record, &[1.0]);
            assert_eq!(story.judge(1.1), at_once, "{existed} {seconds}");
            let story = story.shows(&record, &[30.0, 61.0]);
            assert_eq!(story.judge(61.1), in_a_minute, "{existed} {seconds}");
            assert_eq!(story.judge(600.0), in_the_end, "{existed} {seconds}");
        }
    }
}

#[test]
fn an_error_that_is_older_than_our_call_is_not_ours() {
    let story = || Story::of(Baseline::default(), true, ours(), accepted(NEW));
    let hour_old = story().shows(&record("ERROR", NEW - 3_600_000), &[1.0, 70.0]);
    assert_eq!(hour_old.judge(70.1), Judgement::Wait);
    let looked = Baseline {
        answered: Some(TenantTime(NEW)),
        ..baseline("STARTED", OLD)
    };
    let minutes_old = Story::of(looked, true, ours(), accepted(NEW));
    let minutes_old = minutes_old.shows(&record("ERROR", NEW - 60_000), &[1.0, 60.9]);
    assert_eq!(minutes_old.judge(60.95), Judgement::Wait);
    let stood = minutes_old.shows(&record("ERROR", NEW - 60_000), &[61.1]);
    assert_eq!(stood.judge(61.2), Judgement::Ended(End::StartFailed));
}

#[test]
fn a_record_without_a_readable_date_is_never_new() {
    let unreadable = RuntimeArtifact {
        deployed_on: None,
        ..record("STARTED", 0)
    };
    let story = Story::fresh().shows(&unreadable, &[1.0, 100.0]);
    assert_eq!(story.judge(600.0), undecided(Why::Deadline));
}

/// The call came to nothing, the runtime restarted, and the record of an hour ago is back.
#[test]
fn a_lost_call_is_repeated_though_an_old_record_came_back() {
    for answered in [Some(TenantTime(NEW)), None] {
        let unseen = Baseline {
            answered,
            ..Baseline::default()
        };
        let saved = Ours {
            saved: Some(TenantTime(NEW)),
            ..ours()
        };
        let old = record("STARTED", NEW - 3_600_000);
        let story = Story::of(unseen, true, saved, lost())
            .runtime_is(3.0, RuntimeAnswer::Record(old.clone()))
            .runtime_is(74.9, RuntimeAnswer::Record(old.clone()));
        assert_eq!(story.judge(74.95), Judgement::Wait, "something is deployed");
        let story = story.runtime_is(75.1, RuntimeAnswer::Record(old));
        assert_eq!(story.judge(75.2), Judgement::Call);
    }
}

#[test]
fn the_answer_of_a_repeated_call_says_nothing_of_what_the_lost_one_did() {
    let mut story = Story::of(baseline("STARTED", OLD), true, ours(), lost());
    story.0.called(Call::Accepted {
        at: at(76.0),
        task: Some(task()),
        answered: Some(TenantTime(NEW + 76_000)),
    });
    let story = story.task(77.0, "SUCCESS");
    let story = story
        .runtime(78.0, "STARTED", NEW)
        .runtime(86.1, "STARTED", NEW);
    assert_eq!(story.judge(86.2), started(vec![Doubt::CallLost]));
}

#[test]
fn another_number_than_ours_is_not_ours_where_the_two_agree() {
    let numbered = |version: &str| RuntimeArtifact {
        version: version.into(),
        ..record("STARTED", NEW)
    };
    let story = |agree, version: &str| {
        let ours = Ours {
            version: Some(version.into()),
            numbers_agree: agree,
            ..ours()
        };
        Story::of(baseline("STARTED", OLD), true, ours, accepted(NEW))
    };
    let other = || Why::OtherVersion {
        ours: "1.0.1".into(),
        shown: "1.0.0".into(),
    };
    let theirs = story(true, "1.0.1").shows(&numbered("1.0.0"), &[1.0, 200.0]);
    assert!(theirs.0.version_is_due());
    assert_eq!(theirs.judge(200.1), Judgement::Wait);
    assert_eq!(theirs.judge(600.0), undecided(other()));
    // ours replaces it
    let came = theirs.shows(&numbered("1.0.1"), &[201.0]);
    assert_eq!(came.judge(201.1), started(vec![]));
    // what was read after the save was that of before it
    let mut late = story(true, "1.0.0").shows(&numbered("1.0.1"), &[1.0]);
    assert_eq!(late.judge(1.1), Judgement::Wait);
    late.0.version_read(Some("1.0.1".into()));
    assert!(!late.0.version_is_due());
    assert_eq!(late.judge(1.1), started(vec![]));
    // nothing shows that the two numbers are the same here
    let unknown = story(false, "1.0.1").shows(&numbered("1.0.0"), &[1.0, 60.9]);
    assert!(!unknown.0.version_is_due());
    assert_eq!(unknown.judge(60.95), Judgement::Wait);
    let unknown = unknown.shows(&numbered("1.0.0"), &[61.1]);
    assert_eq!(unknown.judge(61.2), started(vec![Doubt::OtherVersion]));
    // words are no numbers
    for (ours, shown) in [("Draft", "1.0.0"), ("Active", "1.0.0"), ("1.0.0", "")] {
        let draft = story(true, ours).shows(&numbered(shown), &[1.0]);
        assert_eq!(draft.judge(1.1), started(vec![]), "{ours}");
    }
}

#[test]
fn what_another_surely_deployed_is_outlived_for_a_minute() {
    const COLLEAGUE: &str = "colleague@example.com";
    let by = |name: &str, date| RuntimeArtifact {
        deployed_by: name.into(),
        ..record("STARTED", date)
    };
    let story = |named_by_runtime, named, stranger: &str, before: &str| {
        let ours = Ours {
            named,
            named_by_runtime,
            ..ours()
        };
        let mut before_it = baseline("STARTED", OLD);
        before_it.record.as_mut().unwrap().deployed_by = before.into();
        let mut story = Story::of(before_it, true, ours, accepted(NEW));
        story.0.stranger(stranger.into());
        story
    };
    let doubted = || started(vec![Doubt::DeployedByAnother]);
    for (named_by_runtime, named, name, before, eight_seconds, a_minute) in [
        (true, true, "robot", "us", Judgement::Wait, None),
        (false, true, COLLEAGUE, "", Judgement::Wait, None),
        (false, true, COLLEAGUE, COLLEAGUE, Judgement::Wait, None),
        (false, true, "sb-other!b1|it!b2", "", Judgement::Wait, None),
        (false, true, "S0012345678", "", Judgement::Wait, None),
        // how this tenant would name us is not known
        (false, false, COLLEAGUE, "", doubted(), Some(doubted())),
        (false, true, "robot", "", doubted(), Some(doubted())),
        (
            false,
            true,
            "robot",
            "robot",
            started(vec![]),
            Some(started(vec![])),
        ),
    ] {
        let record = by(name, NEW + 3_000);
        let story = story(named_by_runtime, named, name, before).shows(&record, &[1.0, 9.1]);
        assert_eq!(story.judge(9.2), eight_seconds, "{name} after {before}");
        let story = story.shows(&record, &[61.1]);
        let why = || undecided(Why::DeployedBy(name.into()));
        assert_eq!(
            story.judge(61.2),
            a_minute.unwrap_or_else(why),
            "{name} after {before}"
        );
    }
    // ours comes late
    let late = story(true, true, COLLEAGUE, "us").shows(&by(COLLEAGUE, NEW + 3_000), &[1.0, 40.0]);
    assert_eq!(late.judge(40.1), Judgement::Wait);
    let came = late.shows(&by("us", NEW + 45_000), &[45.0]);
    assert_eq!(came.judge(45.1), started(vec![]));
    // long after our call there was nothing but our content to deploy
    let later =
        story(true, true, COLLEAGUE, "us").shows(&by(COLLEAGUE, NEW + 60_000), &[62.0, 70.1]);
    assert_eq!(later.judge(70.2), doubted());
    // an ERROR of theirs is no failure of ours
    let mut error = by(COLLEAGUE, NEW + 3_000);
    error.status = RuntimeStatus::Error;
    let failed = story(true, true, COLLEAGUE, "us").shows(&error, &[1.0, 20.0]);
    assert_eq!(failed.judge(20.1), Judgement::Wait);
    let failed = failed.shows(&error, &[61.1]);
    assert_eq!(
        failed.judge(61.2),
        undecided(Why::DeployedBy(COLLEAGUE.into()))
    );
}

#[test]
fn a_slow_answer_of_our_call_makes_no_record_old() {
    let story = Story::of(
        baseline("STARTED", OLD),
        true,
        ours(),
        accepted(NEW + 50_000),
    );
    let story = story.shows(&record("STARTED", NEW), &[1.0]);
    assert_eq!(story.judge(1.1), started(vec![]));
}

/// The doubt is about an answer to a question that was asked after the record had been seen.
#[test]
fn an_answer_of_the_task_that_was_asked_before_started_was_seen_is_no_doubt() {
    for (asked, doubts) in [(0.4, vec![]), (0.52, vec![Doubt::StartedBeforeTaskEnded])] {
        let story = Story::fresh()
            .runtime(0.5, "STARTED", NEW)
            .task(asked, "DEPLOYING")
            .task(1.0, "SUCCESS")
            .runtime(1.1, "STARTED", NEW)
            .runtime(9.2, "STARTED", NEW);
        assert_eq!(story.judge(9.3), started(doubts), "{asked}");
    }
}

#[test]
fn two_absences_count_only_in_a_row() {
    let flickers = Story::fresh()
        .task(1.0, "SUCCESS")
        .runtime(1.1, "ERROR", NEW)
        .runtime_is(2.0, RuntimeAnswer::Absent)
        .runtime(3.0, "ERROR", NEW)
        .runtime_is(4.0, RuntimeAnswer::Absent)
        .runtime(11.2, "ERROR", NEW);
    assert_eq!(flickers.judge(11.3), Judgement::Ended(End::StartFailed));
}

#[test]
fn no_call_is_repeated_at_the_deadline_or_beside_something_new() {
    let over = || Story::with(baseline("STARTED", OLD), true, lost());
    let near = Deadline { at: at(76.0) };
    let nothing = over().runtime(75.5, "STARTED", OLD);
    assert_eq!(nothing.0.judge(at(75.6), near), Judgement::Call);
    assert_eq!(nothing.0.judge(at(76.0), near), undecided(Why::Deadline));
    let starting = over().runtime(76.0, "STARTING", NEW);
    assert_eq!(starting.judge(76.1), Judgement::Wait);
}

#[test]
fn a_doubt_first_seen_at_the_deadline_is_not_outlived() {
    let near = Deadline { at: at(10.0) };
    let story = |seconds: f64| {
        Story::over(baseline("STARTING", OLD))
            .task(0.5, "SUCCESS")
            .runtime(seconds, "STARTED", NEW)
    };
    for seconds in [9.1, 9.9] {
        let seen = story(seconds);
        assert_eq!(seen.0.judge(at(9.95), near), Judgement::Wait, "{seconds}");
        assert_eq!(seen.0.judge(at(10.0), near), undecided(Why::Deadline));
    }
    let stood = story(8.0).runtime(9.0, "STARTED", NEW);
    assert_eq!(
        stood.0.judge(at(9.1), near),
        started(vec![Doubt::BaselineInMotion])
    );
}

/// How long an ERROR stands before it is believed: ten seconds, or two thirds of the time left, but never under four.
#[test]
fn an_error_stands_ten_seconds_or_two_thirds_of_the_time_left() {
    let ours = || Story::over(baseline("STARTED", OLD));
    let mut unknown = ours();
    unknown.0.stranger("robot".into());
    let call_lost = Story::with(baseline("STARTED", OLD), true, lost());
    for (story, name, deadline, stands) in [
        (ours(), "", 600.0, 10.0),
        (unknown, "robot", 600.0, 10.0),
        (call_lost, "", 600.0, 10.0),
        (ours(), "", 10.0, 6.0),
        (ours(), "", 6.0, 4.0),
    ] {
        let near = Deadline { at: at(deadline) };
        let error = RuntimeArtifact {
            deployed_by: name.into(),
            ..record("ERROR", NEW)
        };
        let story = story.shows(&error, &[1.0, 0.9 + stands]);
        let judged = story.0.judge(at(0.95 + stands), near);
        assert_eq!(judged, Judgement::Wait, "{name} {stands}");
        let story = story.shows(&error, &[1.0 + stands]);
        let failed = Judgement::Ended(End::StartFailed);
        assert_eq!(story.0.judge(at(1.0 + stands), near), failed, "{stands}");
    }
}

/// A list did not show it, so it may have been there all the time.
#[test]
fn what_a_list_hid_counts_only_when_it_is_later_than_that_list() {
    let hidden = || {
        let baseline = Baseline {
            answered: Some(TenantTime(NEW)),
            by_list: true,
            ..Baseline::default()
        };
        Story::with(baseline, false, accepted(NEW)).task(0.5, "SUCCESS")
    };
    let look = |date, by_list| Look {
        begun: at(1.0),
        ended: at(1.1),
        answer: RuntimeAnswer::Record(record("STARTED", date)),
        answered: None,
        by_list,
    };
    for (date, by_list, expected) in [
        (NEW, true, started(vec![])),
        (NEW, false, Judgement::Wait),
        (NEW + 1, false, started(vec![])),
    ] {
        let mut story = hidden();
        story.0.looked(look(date, by_list));
        assert_eq!(story.judge(1.2), expected, "{date} {by_list}");
    }
}
