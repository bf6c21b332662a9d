//! Watching: all deployments that are not decided yet, in rounds. What an answer means is decided in `verdict`.

use std::time::Duration;

use super::job::Job;
use super::outcome::{Message, Verdict, Word};
use super::settle::{self, Settled};
use super::stray::{self, Stray};
use super::verdict::{Call, Doubt, Judgement, RuntimeAnswer, TaskAnswer};
use super::{Context, Pending, parameters, survey};
use crate::artifact::ArtifactKind;
use crate::clock::Moment;
use crate::parallel::parallel_map;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, RuntimeArtifact};
use crate::tenant::{Reading, RuntimeList, TaskReading};

/// How long nothing may be visible after SUCCESS before the flow's runtime profile is looked at.
const PROFILE_AFTER: Duration = Duration::from_secs(5);
/// The pause between two questions for an error text that is late.
const TEXT_PAUSE: Duration = Duration::from_millis(700);
/// How long before the deadline the last look is begun.
const LAST_LOOK: Duration = Duration::from_millis(700);
/// How often in a row the tenant may refuse to be asked before it is believed.
const REFUSALS: u32 = 3;
/// How often a line says that the wait goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How many questions are asked at once.
const LOOKERS: usize = 8;
/// The shortest pause between two lists of everything that runs.
const LIST_EVERY: Duration = Duration::from_secs(1);
/// Of how few deployments every task is asked in each round.
const FEW: usize = 2;
/// How many tasks are asked in one round, so that lists come between them.
const TASKS_IN_A_ROUND: usize = 16;
/// After how many lists in a row without an answer each artifact is asked for alone.
const LISTS_FAILED: u32 = 5;
/// How long the seals of started deployments may wait for others, to be read in one list.
const SEALS_TOGETHER: Duration = Duration::from_secs(2);

/// One deployment that is watched.
pub(super) struct Watched<'a> {
    /// Its place in the run.
    pub(super) place: usize,
    pub(super) job: &'a Job,
    pub(super) pending: Box<Pending>,
}

/// One deployment that has its verdict.
pub(super) struct Decided<'a> {
    pub(super) watched: Watched<'a>,
    pub(super) verdict: Verdict,
}

/// All deployments that have no verdict yet.
pub(super) struct Watch<'a> {
    context: &'a Context<'a>,
    pending: Vec<Watched<'a>>,
    /// Started, as far as the runtime tells; whether the design time still holds what we left is to be read.
    to_seal: Vec<(Watched<'a>, Vec<Doubt>)>,
    sealing_since: Moment,
    /// How many lists in a row were not answered.
    lists_failed: u32,
}

impl<'a> Watch<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            pending: Vec::new(),
            to_seal: Vec::new(),
            sealing_since: Moment::ZERO,
            lists_failed: 0,
        }
    }

    /// Watches one more. What is looked at in lists waits for the next one.
    pub(super) fn add(&mut self, mut watched: Watched<'a>) {
        if watched.pending.by_list {
            let others = self.listed().map(|one| one.pending.next_look).min();
            let soon = self.context.clock.now() + LIST_EVERY;
            watched.pending.next_look = others.unwrap_or(soon);
        }
        self.pending.push(watched);
    }

    fn listed(&self) -> impl Iterator<Item = &Watched<'a>> {
        self.pending.iter().filter(|one| one.pending.by_list)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.to_seal.is_empty()
    }

    /// How long until the next round has something to do; `None` when nothing is watched.
    pub(super) fn pause(&self, now: Moment) -> Option<Duration> {
        let look = self.pending.iter().map(|one| one.pending.next_look).min();
        let seal = (!self.to_seal.is_empty()).then_some(self.sealing_since + SEALS_TOGETHER);
        let next = look.into_iter().chain(seal).min()?;
        Some(next.saturating_sub(now))
    }

    /// Looks at everything whose time has come; gives what is decided. `somebody_waits`: the verdicts decide about other
    /// artifacts, so that none of them is held back.
    pub(super) fn round(&mut self, somebody_waits: bool) -> Vec<Decided<'a>> {
        let now = self.context.clock.now();
        let (mut due, waiting) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.pending.next_look <= now);
        self.pending = waiting;
        // after the deadline what is known decides: many artifacts must not add up to a long end
        if !due.is_empty() && !self.context.deadline.passed(now) {
            due = self.ask(due);
        }
        let mut decided = Vec::new();
        let mut judged = Vec::new();
        for one in due {
            match self.judge(one) {
                Next::Nothing => {}
                Next::Settle(one, judgement) => judged.push((one, judgement)),
                Next::Decided(one) => decided.push(*one),
            }
        }
        decided.extend(self.settle(judged));
        decided.extend(self.seal_together(somebody_waits));
        self.look_together();
        decided
    }

    /// Asks about each of them: first its task, where that can decide something, then the runtime, in one list where
    /// lists are what the baseline came from.
    fn ask(&mut self, due: Vec<Watched<'a>>) -> Vec<Watched<'a>> {
        let context = self.context;
        let tasks = self.tasks_to_ask(&due);
        let asked = due.into_iter().zip(tasks).collect();
        let mut due = parallel_map(asked, LOOKERS, |(mut one, task): (Watched<'a>, bool)| {
            let job = one.job;
            let pending = &mut one.pending;
            pending.trouble = ask_alone(context, job, pending, task).err();
            one
        });
        if due.iter().any(|one| one.pending.by_list) {
            self.read_list(&mut due);
        }
        for one in &mut due {
            ask_version(context, one.job, &mut one.pending);
            ask_profile(context, one.job, &mut one.pending);
            tell_change(context, one.job, &mut one.pending);
        }
        due
    }

    /// Of which of these the task is asked. Where only a few are watched, of each; among many, of those that the
    /// runtime shows to have ended, and of the others as often as `stray` says.
    fn tasks_to_ask(&self, due: &[Watched<'a>]) -> Vec<bool> {
        let now = self.context.clock.now();
        let many = due.iter().filter(|one| one.pending.by_list).count() > FEW;
        let mut left = TASKS_IN_A_ROUND;
        let mut asked: Vec<bool> = due
            .iter()
            .map(|one| {
                let wanted =
                    !many || !one.pending.by_list || one.pending.evidence.task_can_decide();
                let ask = wanted && left > 0 && one.pending.evidence.task_to_ask().is_some();
                left -= usize::from(ask && one.pending.by_list);
                ask
            })
            .collect();
        let unsigned = (due.iter().enumerate())
            .filter(|(place, _)| !asked[*place])
            .filter_map(|(place, one)| stray_of(place, one, now));
        for place in stray::to_ask(unsigned.collect(), due.len()) {
            asked[place] = true;
        }
        asked
    }

    /// One list for all whose baseline came from one.
    fn read_list(&mut self, due: &mut [Watched<'a>]) {
        let context = self.context;
        let begun = context.clock.now();
        let list = context.tenant.runtime_artifacts_once(context.deadline);
        let ended = context.clock.now();
        self.lists_failed = match &list {
            Ok(Some(_)) => 0,
            Ok(None) | Err(_) => self.lists_failed + 1,
        };
        for one in due.iter_mut().filter(|one| one.pending.by_list) {
            let id = &one.job.id;
            let pending = &mut one.pending;
            match &list {
                Ok(Some(list)) => {
                    let answer = shown_in(list, id);
                    note_deployer(context, pending, &answer);
                    pending.evidence.runtime_answered(begun, ended, answer);
                }
                // a tenant that stops listing still shows each alone
                Ok(None) if self.lists_failed >= LISTS_FAILED => {
                    pending.trouble = ask_runtime(context, one.job, pending).err();
                }
                Ok(None) => {}
                Err(error) => pending.trouble = Some(error.clone()),
            }
        }
    }

    fn judge(&mut self, mut one: Watched<'a>) -> Next<'a> {
        let context = self.context;
        let pending = &mut one.pending;
        match pending.trouble.take() {
            Some(error) if pending.refusals >= REFUSALS => {
                let verdict = contact_refused(pending, error);
                return Next::Decided(Box::new(Decided {
                    watched: one,
                    verdict,
                }));
            }
            // a gateway's 403 among good answers passes
            Some(_) => pending.refusals += 1,
            None => pending.refusals = 0,
        }
        let now = context.clock.now();
        match pending.evidence.judge(now, context.deadline) {
            Judgement::Wait => {
                let pause = pending.evidence.pause(now, one.job.rules.poll_interval);
                pending.next_look = next_look(context, now, pause);
            }
            Judgement::RepeatCall => {
                repeat_call(context, one.job, pending);
                let now = context.clock.now();
                pending.next_look = next_look(context, now, Duration::from_secs(1));
            }
            Judgement::Started(doubts) if pending.by_list => {
                if self.to_seal.is_empty() {
                    self.sealing_since = now;
                }
                self.to_seal.push((one, doubts));
                return Next::Nothing;
            }
            decided => return Next::Settle(one, decided),
        }
        self.pending.push(one);
        Next::Nothing
    }

    /// From judgements to verdicts; those that can't be settled yet are watched on.
    fn settle(&mut self, judged: Vec<(Watched<'a>, Judgement)>) -> Vec<Decided<'a>> {
        let context = self.context;
        let settled = parallel_map(judged, LOOKERS, |(one, judgement)| {
            let settled = settle::settle(context, one.job, &one.pending, judgement);
            (one, settled)
        });
        self.take(settled)
    }

    /// Reads the seals of what has started, in one list where they share package and type, and gives the verdicts.
    fn seal_together(&mut self, somebody_waits: bool) -> Vec<Decided<'a>> {
        let context = self.context;
        let now = context.clock.now();
        let due = somebody_waits
            || self.pending.is_empty()
            || now >= self.sealing_since + SEALS_TOGETHER
            || context.deadline.passed(now);
        if self.to_seal.is_empty() || !due {
            return Vec::new();
        }
        let sealing = std::mem::take(&mut self.to_seal);
        let jobs: Vec<&Job> = sealing.iter().map(|(one, _)| one.job).collect();
        let shown = survey::read_together(context, &jobs, settle::closing(context));
        let settled = parallel_map(sealing, LOOKERS, |(one, doubts)| {
            let shown = shown.get(&one.job.id).cloned();
            let settled = settle::started(context, one.job, &one.pending, &doubts, shown);
            (one, settled)
        });
        self.take(settled)
    }

    fn take(&mut self, settled: Vec<(Watched<'a>, Settled)>) -> Vec<Decided<'a>> {
        let mut decided = Vec::new();
        for (mut one, settled) in settled {
            match settled {
                Settled::Verdict(verdict) => decided.push(Decided {
                    watched: one,
                    verdict: *verdict,
                }),
                Settled::LookAgain => {
                    one.pending.next_look = self.context.clock.now() + Duration::from_secs(1);
                    self.pending.push(one);
                }
                Settled::TextIsLate => {
                    let now = self.context.clock.now();
                    one.pending.text_late_since.get_or_insert(now);
                    one.pending.next_look = now + TEXT_PAUSE;
                    self.pending.push(one);
                }
            }
        }
        decided
    }

    /// Gives all that are looked at in lists the same next look.
    fn look_together(&mut self) {
        let Some(soonest) = self.listed().map(|one| one.pending.next_look).min() else {
            return;
        };
        let now = self.context.clock.now();
        let at_once = self.listed().any(|one| one.pending.evidence.task_is_due());
        let watched = self.listed().count();
        let next = if watched > FEW && !at_once {
            let strays = self.listed().filter_map(|one| stray_of(0, one, now));
            let stray = strays.map(|stray| now + stray.due_in(watched)).min();
            let soonest = stray.map_or(soonest, |stray| stray.min(soonest));
            soonest.max(next_look(self.context, now, LIST_EVERY))
        } else {
            soonest
        };
        for one in self.pending.iter_mut().filter(|one| one.pending.by_list) {
            one.pending.next_look = next;
        }
    }
}

/// A deployment whose task can still be asked, and how long nobody has.
fn stray_of(place: usize, one: &Watched<'_>, now: Moment) -> Option<Stray> {
    let evidence = &one.pending.evidence;
    evidence.task_to_ask()?;
    let waited = evidence.waited(now);
    Some(Stray {
        place,
        waited,
        unasked: waited.min(now.saturating_sub(one.pending.task_asked)),
    })
}

/// What comes of one look.
enum Next<'a> {
    /// It is watched on, or waits for its seal.
    Nothing,
    Settle(Watched<'a>, Judgement),
    Decided(Box<Decided<'a>>),
}

/// When to look again: after the pause, and once more shortly before the deadline.
fn next_look(context: &Context<'_>, now: Moment, pause: Duration) -> Moment {
    let left = context.deadline.left(now);
    let last = left
        .checked_sub(LAST_LOOK)
        .filter(|rest| !rest.is_zero())
        .unwrap_or(left);
    now + pause.min(last)
}

/// The task, if it is to be asked, and the runtime, unless a list tells of it.
fn ask_alone(
    context: &Context<'_>,
    job: &Job,
    one: &mut Pending,
    task: bool,
) -> Result<(), TenantError> {
    if task {
        ask_task(context, one)?;
    }
    if one.by_list {
        return Ok(());
    }
    ask_runtime(context, job, one)
}

fn shown_in(list: &RuntimeList, id: &ArtifactId) -> RuntimeAnswer {
    list.records
        .get(id)
        .cloned()
        .map_or(RuntimeAnswer::Absent, RuntimeAnswer::Record)
}

fn ask_task(context: &Context<'_>, one: &mut Pending) -> Result<(), TenantError> {
    let Some(task) = one.evidence.task_to_ask().cloned() else {
        return Ok(());
    };
    let begun = context.clock.now();
    one.task_asked = begun;
    let answer = match context
        .tenant
        .build_and_deploy_status(&task, context.deadline)?
    {
        TaskReading::Status(status) => TaskAnswer::Status(status),
        TaskReading::NotFound => TaskAnswer::NotFound,
        TaskReading::NotOffered => TaskAnswer::NotOffered,
        TaskReading::NotSeen => TaskAnswer::NotSeen,
    };
    one.evidence
        .task_answered(begun, context.clock.now(), answer);
    Ok(())
}

fn ask_runtime(context: &Context<'_>, job: &Job, one: &mut Pending) -> Result<(), TenantError> {
    let begun = context.clock.now();
    let answer = match context
        .tenant
        .runtime_artifact_once(&job.id, context.deadline)?
    {
        Some(reading) => match reading.record {
            Some(record) if is_comparable(one, &record) => RuntimeAnswer::Record(record),
            Some(_) => RuntimeAnswer::NotSeen,
            None => RuntimeAnswer::Absent,
        },
        None => RuntimeAnswer::NotSeen,
    };
    note_deployer(context, one, &answer);
    one.evidence
        .runtime_answered(begun, context.clock.now(), answer);
    Ok(())
}

/// Tells the evidence of a name that is not known to be ours.
fn note_deployer(context: &Context<'_>, one: &mut Pending, answer: &RuntimeAnswer) {
    if let RuntimeAnswer::Record(record) = answer
        && !record.deployed_by.is_empty()
        && !context.tenant.is_us(&record.deployed_by)
    {
        one.evidence.stranger(record.deployed_by.clone().into());
    }
}

/// Whether a record that was read alone may be compared with the baseline. One that a list did not show may have been
/// there all the time, so it counts only when it is later than that list.
fn is_comparable(one: &Pending, record: &RuntimeArtifact) -> bool {
    let baseline = one.evidence.baseline();
    !one.by_list
        || baseline.record.is_some()
        || matches!((record.deployed_on, baseline.answered), (Some(deployed), Some(answered)) if deployed > answered)
}

/// The version that the design time showed after our save may have been that of before it: it is read once more before a
/// record with another one is held to be somebody else's.
fn ask_version(context: &Context<'_>, job: &Job, one: &mut Pending) {
    if one.evidence.version_is_due()
        && let Ok(Reading::Found(artifact)) =
            context
                .tenant
                .designtime_artifact(one.kind, &job.id, context.deadline)
    {
        one.evidence.version_read(Some(artifact.version.into()));
    }
}

/// When a flow was built and stays invisible, its parameters may tell that it went to another runtime.
fn ask_profile(context: &Context<'_>, job: &Job, one: &mut Pending) {
    let due = one
        .evidence
        .succeeded_at()
        .is_some_and(|at| context.clock.now() >= at + PROFILE_AFTER);
    if one.profile_asked
        || one.kind != ArtifactKind::IntegrationFlow
        || !due
        || one.evidence.new_record().is_some()
    {
        return;
    }
    one.profile_asked = true;
    if let Ok(configured) = context.tenant.configurations(&job.id, context.deadline)
        && let Some(profile) = parameters::other_profile(&configured)
    {
        one.evidence
            .profiled(context.tenant.words(&profile).to_string());
    }
}

/// One line for each change, and one each half minute.
fn tell_change(context: &Context<'_>, job: &Job, one: &mut Pending) {
    let words = context.tenant.words(&one.last_seen()).to_string();
    let now = context.clock.now();
    if words != one.told || now >= one.told_at + HEARTBEAT {
        let left = context.deadline.left(now).as_secs();
        let heartbeat = if words == one.told {
            format!(" ({left} s left)")
        } else {
            String::new()
        };
        context
            .ledger
            .progress(&job.id.0, format!("{words}{heartbeat}"));
        one.told = words;
        one.told_at = now;
    }
}

fn repeat_call(context: &Context<'_>, job: &Job, one: &mut Pending) {
    context.ledger.progress(
        &job.id.0,
        "nothing came of the deploy call whose answer was lost: calling once more",
    );
    let outcome = context.tenant.deploy(one.kind, &job.id, context.deadline);
    let at: Moment = context.clock.now();
    let call = match outcome {
        Ok(answer) => Call::of(answer, at),
        // it never arrived: the next look may try again
        Err(error) if error.kind == Kind::Unreachable => return,
        Err(error) => Call::RefusedAgain {
            at,
            why: error.to_string(),
        },
    };
    one.evidence.called(call);
}

/// The tenant no longer lets us look. What runs is not known then.
fn contact_refused(one: &Pending, error: TenantError) -> Verdict {
    let word = if matches!(error.kind, Kind::Credentials | Kind::Role) {
        Word::Refused
    } else {
        Word::Undecided
    };
    let mut message = Message::from(error);
    message.what = format!(
        "a deployment was accepted, but its end can't be seen: {}",
        message.what
    );
    Verdict::bad(word, one.last_seen(), message)
}
