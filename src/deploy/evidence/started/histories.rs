//! Every small history of a tenant: our deployment and a foreign one, each building, failed, started or in error; the
//! task visible at once, late or never; answers lost; a replica that lags. The observations are derived from the
//! history (a runtime that restarts, a call that came to nothing, a task that vanishes, names and numbers that tell whose a record
//! is), and the verdict must be the truth of it: green implies that our content runs, and a history that comes to
//! rest ends in its true verdict before the deadline.

use super::*;
use crate::tenant::odata::TenantTime;

const DEADLINE: Deadline = Deadline {
    at: Duration::from_secs(240),
};
/// The tenant's clock at the moment of our call, in milliseconds.
const CALL: i64 = 1_700_000_000_000;

/// The longest time between two looks in the first seconds, and a little.
const A_LOOK: f64 = 1.1;
/// The version that this run left, and the names in `DeployedBy`.
const OURS: &str = "1.0.0";
const US: &str = "sb-us";
const ANOTHER: &str = "colleague@example.com";
/// The first look after the call.
const FIRST: f64 = 0.3;

fn seconds(seconds: f64) -> Moment {
    Duration::from_secs_f64(seconds)
}

/// How a deployment ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    BuildFails,
    Started,
    Error,
}

/// One deployment: when its build ends, and when its record appears, counted from our call.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Deployment {
    built: f64,
    lands: f64,
    end: Fate,
}

/// How visible our task is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Visible {
    FromTheStart,
    AfterTwoSeconds,
    Never,
    NoToken,
    NotOffered,
    /// DEPLOYING for two seconds, then never again.
    Vanishes,
}

/// What became of the answer of our call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Came,
    LostAfterAcceptance,
    LostBeforeAcceptance,
    /// It was accepted, and nothing was ever built.
    CameToNothing,
}

/// What a record shows of whose it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Marks {
    Nothing,
    /// `DeployedBy` names us or another user.
    Names,
    /// Versions of design time and runtime agree on this tenant.
    Numbers,
}

#[derive(Clone, Copy, Debug)]
struct History {
    /// The artifact was on the tenant before this run.
    existed: bool,
    before: Option<RuntimeStatusWord>,
    /// The runtime restarts: what was before is not shown until so long after our call.
    restarts: Option<f64>,
    ours: Deployment,
    foreign: Option<Deployment>,
    visible: Visible,
    answer: Answer,
    /// Every other read of the runtime is so many seconds old.
    lag: f64,
    marks: Marks,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum RuntimeStatusWord {
    Started,
    Error,
}

/// What the runtime really holds.
#[derive(Clone, Debug, PartialEq)]
struct Truth {
    record: RuntimeArtifact,
    ours: bool,
}

impl History {
    fn baseline(&self) -> Baseline {
        Baseline {
            record: self.earlier().filter(|_| self.restarts.is_none()),
            answered: Some(TenantTime(CALL - 1_000)),
            by_list: false,
        }
    }

    fn earlier(&self) -> Option<RuntimeArtifact> {
        self.before.map(|status| {
            record(
                if status == RuntimeStatusWord::Started {
                    RuntimeStatus::Started
                } else {
                    RuntimeStatus::Error
                },
                CALL - 3_600_000,
            )
        })
    }

    /// What the runtime holds at `now`; `repeated` is when our call was repeated, if it was.
    fn truth(&self, now: f64, repeated: Option<f64>) -> Option<Truth> {
        let is_back = self.restarts.is_none_or(|back| now >= back);
        let mut truth = self.earlier().filter(|_| is_back).map(|record| Truth {
            record,
            ours: false,
        });
        let shift = match self.answer {
            Answer::LostBeforeAcceptance => repeated,
            Answer::CameToNothing => None,
            Answer::Came | Answer::LostAfterAcceptance => Some(0.0),
        };
        let ours = shift.map(|shift| {
            (
                Deployment {
                    lands: self.ours.lands + shift,
                    ..self.ours
                },
                true,
            )
        });
        let mut deployments: Vec<(Deployment, bool)> = self
            .foreign
            .map(|foreign| (foreign, false))
            .into_iter()
            .chain(ours)
            .collect();
        deployments.sort_by(|one, other| one.0.lands.total_cmp(&other.0.lands));
        for (deployment, ours) in deployments {
            if deployment.end != Fate::BuildFails && now >= deployment.lands {
                let record = self.marked(deployment.record(now), ours);
                truth = Some(Truth { record, ours });
            }
        }
        truth
    }

    fn marked(&self, record: RuntimeArtifact, ours: bool) -> RuntimeArtifact {
        let (name, version) = if ours { (US, OURS) } else { (ANOTHER, "1.0.7") };
        let (name, version) = match self.marks {
            Marks::Nothing => ("", OURS),
            Marks::Names => (name, OURS),
            Marks::Numbers => ("", version),
        };
        RuntimeArtifact {
            deployed_by: name.into(),
            version: version.into(),
            ..record
        }
    }

    /// Whether no reader of this API can tell the foreign record from ours. Its date is as new as ours, so that only
    /// the time at which it lands could tell: it cannot when it replaced ours before the verdict, when it landed
    /// after our build was known to be done (or when nothing tells that) and before ours, and when it was seen
    /// before, but ours lands later than any doubt is watched.
    fn is_untellable(&self, ended: &Ended) -> bool {
        let told_by_marks = self.marks != Marks::Nothing;
        let Some(foreign) = self
            .foreign
            .filter(|foreign| foreign.end != Fate::BuildFails && !told_by_marks)
        else {
            return false;
        };
        let shift = ended
            .repeated
            .filter(|_| self.answer == Answer::LostBeforeAcceptance)
            .unwrap_or(0.0);
        let never = self.ours.end == Fate::BuildFails
            || self.answer == Answer::CameToNothing
            || (self.answer == Answer::LostBeforeAcceptance && ended.repeated.is_none());
        let ours_lands = if never {
            f64::INFINITY
        } else {
            self.ours.lands + shift
        };
        let ours_built = self.ours.built + shift;
        let task_tells = self.answer == Answer::Came
            && matches!(
                self.visible,
                Visible::FromTheStart | Visible::AfterTwoSeconds
            );
        let replaced_ours = foreign.lands > ours_lands && foreign.lands <= ended.at;
        let once_built = foreign.lands + A_LOOK >= ours_built && foreign.lands < ours_lands;
        let stood = foreign.lands.max(if task_tells { ours_built } else { 0.0 })
            + DOUBT_STANDS.as_secs_f64()
            < ours_lands + A_LOOK;
        replaced_ours || (task_tells && once_built) || stood
    }
}

/// The tenant's clock so long after our call.
#[expect(clippy::cast_possible_truncation, reason = "small numbers of seconds")]
fn date(seconds: f64) -> TenantTime {
    TenantTime(CALL + (seconds * 1000.0) as i64)
}

impl Deployment {
    fn record(self, now: f64) -> RuntimeArtifact {
        let date = date(self.lands).0;
        let status = match self.end {
            _ if now < self.lands + 0.5 => RuntimeStatus::Starting,
            Fate::Error => RuntimeStatus::Error,
            Fate::Started | Fate::BuildFails => RuntimeStatus::Started,
        };
        record(status, date)
    }
}

fn record(status: RuntimeStatus, deployed_on: i64) -> RuntimeArtifact {
    RuntimeArtifact {
        version: OURS.into(),
        status,
        deployed_on: Some(TenantTime(deployed_on)),
        deployed_by: "".into(),
        kind: "".into(),
    }
}

/// How a watched history ended.
#[derive(Debug)]
struct Ended {
    judgement: Judgement,
    at: f64,
    repeated: Option<f64>,
    calls: u32,
}

/// Watches a history as the program does: the task, the runtime, a judgement, a pause.
fn watch(history: &History) -> Ended {
    transcribe(history, &mut |_| {})
}

/// The same; `tell` learns of each answer of the tenant.
fn transcribe(history: &History, tell: &mut dyn FnMut(&dyn std::fmt::Debug)) -> Ended {
    let mut evidence = Evidence::new(
        history.baseline(),
        Ours {
            existed: history.existed,
            version: Some(OURS.into()),
            numbers_agree: history.marks == Marks::Numbers,
            named_by_runtime: history.marks == Marks::Names,
            saved: Some(TenantTime(CALL - 500)),
            ..Ours::default()
        },
        Duration::ZERO,
    );
    evidence.called(first_call(history));
    evidence.stranger(ANOTHER.into());
    let (mut now, mut reads, mut repeated, mut calls) = (FIRST, 0_u32, None, 1);
    loop {
        if evidence.task_to_ask().is_some() {
            let task = task_at(history, now, repeated);
            tell(&task);
            evidence.task_answered(seconds(now), seconds(now + 0.02), task);
            now += 0.03;
        }
        if !evidence.task_suffices(seconds(now)) {
            let age = if reads % 2 == 1 { history.lag } else { 0.0 };
            let answer = history
                .truth(now - age, repeated)
                .map_or(RuntimeAnswer::Absent, |truth| {
                    RuntimeAnswer::Record(truth.record)
                });
            tell(&answer);
            evidence.looked(Look {
                begun: seconds(now),
                ended: seconds(now + 0.02),
                answer,
                answered: None,
                by_list: false,
            });
            if evidence.version_is_due() {
                evidence.version_read(Some(OURS.into()));
            }
            reads += 1;
            now += 0.03;
        }
        match evidence.judge(seconds(now), DEADLINE) {
            Judgement::Wait => {
                now += evidence
                    .pause(seconds(now), Duration::from_millis(300))
                    .as_secs_f64();
            }
            Judgement::Call => {
                calls += 1;
                repeated = Some(now);
                evidence.called(Call::Accepted {
                    at: seconds(now),
                    task: token(history),
                    answered: Some(date(now)),
                });
            }
            judgement @ Judgement::Ended(_) => {
                return Ended {
                    judgement,
                    at: now,
                    repeated,
                    calls,
                };
            }
        }
    }
}

fn token(history: &History) -> Option<TaskId> {
    (history.visible != Visible::NoToken).then(|| TaskId("t".into()))
}

fn first_call(history: &History) -> Call {
    match history.answer {
        Answer::Came | Answer::CameToNothing => Call::Accepted {
            at: Duration::ZERO,
            task: token(history),
            answered: Some(TenantTime(CALL)),
        },
        _ => Call::Lost {
            at: Duration::ZERO,
            why: "cut".into(),
            said: None,
        },
    }
}

fn task_at(history: &History, now: f64, repeated: Option<f64>) -> TaskReading {
    let since = now - repeated.unwrap_or(0.0);
    if history.answer == Answer::CameToNothing {
        return TaskReading::NotFound;
    }
    match history.visible {
        Visible::Vanishes if since >= 2.0 => return TaskReading::NotFound,
        Visible::Never | Visible::NoToken => return TaskReading::NotFound,
        Visible::NotOffered => return TaskReading::NotOffered,
        Visible::AfterTwoSeconds if since < 2.0 => return TaskReading::NotFound,
        _ => {}
    }
    TaskReading::Status(if since < history.ours.built {
        BuildStatus::Deploying
    } else if history.ours.end == Fate::BuildFails {
        BuildStatus::parse("FAIL")
    } else {
        BuildStatus::Success
    })
}

/// All of them: of those in which marks tell, only such with another user, where there is something to be told.
fn histories() -> Vec<History> {
    let mut all = unmarked();
    // what would have become of a call that came to nothing makes no difference
    all.retain(|one| one.answer != Answer::CameToNothing || one.ours.end == Fate::BuildFails);
    let few = [Visible::FromTheStart, Visible::NoToken];
    let with_another = (all.iter())
        .filter(|one| one.foreign.is_some() && one.lag == 0.0 && few.contains(&one.visible));
    let marked: Vec<History> = [Marks::Names, Marks::Numbers]
        .into_iter()
        .flat_map(|marks| {
            with_another
                .clone()
                .map(move |one| History { marks, ..*one })
        })
        .collect();
    all.extend(marked);
    all
}

fn unmarked() -> Vec<History> {
    let ends = [Fate::BuildFails, Fate::Started, Fate::Error];
    let mut all = Vec::new();
    for (existed, before, restarts) in [
        (false, None, None),
        (true, None, None),
        (true, Some(RuntimeStatusWord::Started), None),
        (true, Some(RuntimeStatusWord::Error), None),
        (true, Some(RuntimeStatusWord::Started), Some(0.3)),
        (true, Some(RuntimeStatusWord::Started), Some(6.0)),
        (true, Some(RuntimeStatusWord::Error), Some(2.0)),
    ] {
        for answer in [
            Answer::Came,
            Answer::LostAfterAcceptance,
            Answer::LostBeforeAcceptance,
            Answer::CameToNothing,
        ] {
            for visible in [
                Visible::FromTheStart,
                Visible::AfterTwoSeconds,
                Visible::Never,
                Visible::NoToken,
                Visible::NotOffered,
                Visible::Vanishes,
            ] {
                for lag in [0.0, 2.5] {
                    for (built, later) in
                        [(0.4, 0.1), (3.0, 0.2), (3.0, 4.0), (3.0, 30.0), (9.0, 1.0)]
                    {
                        for end in ends {
                            let ours = Deployment {
                                built,
                                lands: built + later,
                                end,
                            };
                            // nobody else can have deployed what this run has just created
                            let foreign = if existed { foreign(&ends) } else { vec![None] };
                            for foreign in foreign {
                                all.push(History {
                                    existed,
                                    before,
                                    restarts,
                                    ours,
                                    foreign,
                                    visible,
                                    answer,
                                    lag,
                                    marks: Marks::Nothing,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

fn foreign(ends: &[Fate]) -> Vec<Option<Deployment>> {
    let mut all = vec![None];
    for lands in [0.2, 1.5, 3.1, 5.0, 8.0, 20.0] {
        all.extend(ends.iter().map(|end| {
            Some(Deployment {
                built: lands - 0.1,
                lands,
                end: *end,
            })
        }));
    }
    all
}

#[test]
fn green_implies_that_our_content_runs() {
    let mut green = 0;
    for history in histories() {
        let ended = watch(&history);
        if let Judgement::Ended(super::End::Started(_)) = ended.judgement {
            green += 1;
            let runs = history.truth(ended.at, ended.repeated);
            let ours = runs
                .as_ref()
                .is_some_and(|truth| truth.ours && truth.record.status == RuntimeStatus::Started);
            // a foreign record that replaced ours within the last read is seen by nobody
            let ours_a_moment_ago = history
                .truth(ended.at - 0.1 - history.lag, ended.repeated)
                .is_some_and(|truth| truth.ours);
            assert!(
                ours || ours_a_moment_ago || history.is_untellable(&ended),
                "{history:?}\n{ended:?}\nruns {runs:?}"
            );
        }
    }
    assert!(green > 5_000, "only {green} histories ended green");
}

#[test]
fn a_history_without_others_ends_in_its_true_verdict() {
    for history in histories()
        .into_iter()
        .filter(|history| history.foreign.is_none())
    {
        let ended = watch(&history);
        let task_tells = matches!(
            history.visible,
            Visible::FromTheStart | Visible::AfterTwoSeconds
        ) && history.answer == Answer::Came;
        let may_be_seen = history.visible == Visible::Vanishes && history.answer == Answer::Came;
        let right = match (history.ours.end, &ended.judgement) {
            (_, Judgement::Ended(super::End::Undecided(_)))
                if history.answer == Answer::CameToNothing =>
            {
                true
            }
            _ if history.answer == Answer::CameToNothing => false,
            (Fate::Started, Judgement::Ended(super::End::Started(_)))
            | (Fate::Error, Judgement::Ended(super::End::StartFailed)) => true,
            (Fate::BuildFails, Judgement::Ended(super::End::BuildFailed(_))) => {
                task_tells || may_be_seen
            }
            // nothing tells a build that failed from one that has not ended
            (Fate::BuildFails, Judgement::Ended(super::End::Undecided(_))) => !task_tells,
            _ => false,
        };
        assert!(right, "{history:?}\n{ended:?}");
    }
}

#[test]
fn a_foreign_deployment_before_ours_does_not_hide_our_end() {
    let before_ours = |history: &History| {
        history
            .foreign
            .is_some_and(|foreign| foreign.lands < history.ours.lands)
    };
    let mut judged = 0;
    for history in histories().into_iter().filter(before_ours) {
        let ended = watch(&history);
        if history.is_untellable(&ended) {
            continue;
        }
        judged += 1;
        let fate = match history.answer {
            Answer::CameToNothing => Fate::BuildFails,
            _ => history.ours.end,
        };
        let false_verdict = match fate {
            Fate::Started => matches!(
                ended.judgement,
                Judgement::Ended(super::End::BuildFailed(_))
            ),
            Fate::Error | Fate::BuildFails => {
                matches!(ended.judgement, Judgement::Ended(super::End::Started(_)))
            }
        };
        assert!(!false_verdict, "{history:?}\n{ended:?}");
    }
    assert!(judged > 3_000, "only {judged} histories were judged");
}

#[test]
fn a_deployment_is_triggered_twice_only_when_the_first_call_came_to_nothing() {
    for history in histories()
        .into_iter()
        .filter(|history| history.foreign.is_none())
    {
        let ended = watch(&history);
        let lands = history.ours.end != Fate::BuildFails;
        let patience = if history.before.is_some() { 75.0 } else { 20.0 };
        match history.answer {
            Answer::Came | Answer::CameToNothing => assert_eq!(ended.calls, 1, "{history:?}"),
            Answer::LostAfterAcceptance if lands && history.ours.lands < patience => {
                assert_eq!(ended.calls, 1, "{history:?}");
            }
            _ => assert!(ended.calls <= 2, "{history:?}"),
        }
    }
}

/// What ARCHITECTURE.md calls indistinguishable is: two histories with the same answers, in one of which our content runs at the
/// verdict, and another user's in the other.
#[test]
fn what_no_reader_can_tell_apart_has_the_same_transcript() {
    let of = |visible, ours: f64, foreign: Option<f64>| {
        let lands = |lands, built| Deployment {
            built,
            lands,
            end: Fate::Started,
        };
        History {
            existed: true,
            before: Some(RuntimeStatusWord::Started),
            restarts: None,
            ours: lands(ours, 3.0),
            foreign: foreign.map(|at| lands(at, at)),
            visible,
            answer: Answer::Came,
            lag: 0.0,
            marks: Marks::Nothing,
        }
    };
    let (told, silent) = (Visible::FromTheStart, Visible::NoToken);
    for (ours, theirs) in [
        // it lands after our build, and before ours
        (of(told, 4.0, None), of(told, 33.0, Some(4.0))),
        // it replaces ours, or ours replaces it, between two looks
        (of(told, 5.0, Some(4.9)), of(told, 4.9, Some(5.0))),
        // no task tells of our build, and ours comes later than any doubt is watched
        (of(silent, 5.0, None), of(silent, 33.0, Some(5.0))),
    ] {
        let [(ours_told, ours_ended), (theirs_told, theirs_ended)] =
            [ours, theirs].map(|history| {
                let mut told = Vec::new();
                let ended = transcribe(&history, &mut |answer| told.push(format!("{answer:?}")));
                (told, ended)
            });
        assert_eq!(ours_ended.judgement, theirs_ended.judgement, "{theirs:?}");
        let runs_ours = |history: &History, ended: &Ended| {
            let runs = history.truth(ended.at, None);
            runs.is_some_and(|truth| truth.ours)
        };
        assert!(runs_ours(&ours, &ours_ended), "{ours:?}");
        assert!(!runs_ours(&theirs, &theirs_ended), "{theirs:?}");
        assert_eq!(ours_told, theirs_told);
    }
}
