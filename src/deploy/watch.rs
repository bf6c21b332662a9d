//! Watching: all that is under way and has no verdict yet, in rounds. What an answer means is decided in `evidence`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::evidence::{Judgement, Look, RuntimeAnswer};
use super::outcome::{Message, Verdict, Word};
use crate::clock::{Deadline, Moment};
use crate::pacing::{self, TaskTurn};
use crate::parallel::parallel_map;
use crate::tenant::RuntimeList;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, RuntimeArtifact};

/// What became of a judgement.
pub enum Settled {
    Verdict(Box<Verdict>),
    /// The tenant must be asked again, after this pause.
    LookAgain(Duration),
}

impl From<Verdict> for Settled {
    fn from(verdict: Verdict) -> Self {
        Settled::Verdict(Box::new(verdict))
    }
}

/// What is under way with one artifact: a deployment until it is started, an undeployment until it is gone.
pub trait UnderWay: Send {
    /// How its judge says that it ended.
    type End: Send;

    fn id(&self) -> &ArtifactId;

    /// The task that can be asked about it.
    fn task(&self, _now: Moment) -> Option<TaskTurn> {
        None
    }

    fn ask_task(&mut self, _context: &Context<'_>) -> Result<(), TenantError> {
        Ok(())
    }

    /// Whether the runtime need not be asked now.
    fn task_suffices(&self, _now: Moment) -> bool {
        false
    }

    /// Whether it is looked up in a list of everything that runs, when so many are looked at together.
    fn is_listed(&self, together: usize) -> bool;

    /// What it means that a list shows this of it; `None` when it must be asked for alone.
    fn of_list(&self, record: Option<RuntimeArtifact>) -> Option<RuntimeAnswer>;

    fn looked(&mut self, context: &Context<'_>, look: Look);

    fn judge(&self, now: Moment, deadline: Deadline) -> Judgement<Self::End>;

    fn pause(&self, now: Moment) -> Duration;

    fn call(&mut self, context: &Context<'_>);

    /// Whether this end is settled at less cost together with others.
    fn waits_for_others(&self, _end: &Self::End) -> bool {
        false
    }

    /// What the design time shows of these, as far as one list tells.
    fn read_together(
        _context: &Context<'_>,
        _ended: &[(&Self, &Self::End)],
    ) -> BTreeMap<ArtifactId, DesigntimeArtifact> {
        BTreeMap::new()
    }

    /// From a judgement to a verdict. `shown`: what the design time has just shown, if it was read.
    fn settle(
        &mut self,
        context: &Context<'_>,
        end: Self::End,
        shown: Option<DesigntimeArtifact>,
    ) -> Settled;

    /// What was seen last, in a few words.
    fn last_seen(&self) -> String;

    /// What the verdict rests on, in one line.
    fn evidence(&self, context: &Context<'_>) -> String;

    /// What may have become of it, where a call was made.
    fn may_be(&self) -> Option<&'static str>;
}

/// One artifact, when it is looked at next, and how that went.
struct Watched<T> {
    one: T,
    next: Moment,
    /// Since when the tenant has refused to be asked, and in which words.
    refused: Option<(Moment, TenantError)>,
    told: String,
    told_at: Moment,
}

/// Those that have ended, each with its end.
type Ended<T> = Vec<(Watched<T>, <T as UnderWay>::End)>;

/// All that has no verdict yet.
pub struct Watch<'a, T: UnderWay> {
    context: &'a Context<'a>,
    /// What no look is needed for: it was read a moment ago.
    new: Vec<Watched<T>>,
    pending: Vec<Watched<T>>,
    /// Judged, and waiting for others to be settled with.
    held: Ended<T>,
    held_since: Moment,
    /// How many lists in a row were not answered.
    lists_failed: u32,
}

impl<'a, T: UnderWay> Watch<'a, T> {
    pub fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            new: Vec::new(),
            pending: Vec::new(),
            held: Vec::new(),
            held_since: Moment::ZERO,
            lists_failed: 0,
        }
    }

    /// Watches one more.
    pub fn add(&mut self, one: T) {
        self.new.push(Watched {
            one,
            next: Moment::ZERO,
            refused: None,
            told: String::new(),
            told_at: Moment::ZERO,
        });
    }

    pub fn is_empty(&self) -> bool {
        self.pause().is_none()
    }

    /// How long until the next round has something to do; `None` when nothing is watched.
    pub fn pause(&self) -> Option<Duration> {
        let held = (!self.held.is_empty()).then_some(self.held_since + pacing::TOGETHER);
        let looks = self.new.iter().chain(&self.pending).map(|one| one.next);
        let next = looks.chain(held).min()?;
        Some(next.saturating_sub(self.context.clock.now()))
    }

    /// Looks at everything whose time has come; gives what is decided. `urgent`: the verdicts decide about other
    /// artifacts, so that none of them is held back.
    pub fn round(&mut self, urgent: bool) -> Vec<(T, Verdict)> {
        let context = self.context;
        let now = context.clock.now();
        let (mut due, waiting) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.next <= now);
        self.pending = waiting;
        // after the deadline what is known decides: many artifacts must not add up to a long end
        if !due.is_empty() && !context.deadline.passed(now) {
            due = self.look(due);
        }
        due.append(&mut self.new);
        let mut decided = Vec::new();
        let mut ended = self.judge(due, &mut decided);
        ended.extend(self.release(urgent));
        let all: Vec<_> = ended.iter().map(|(one, end)| (&one.one, end)).collect();
        let shown = T::read_together(context, &all);
        let settled = parallel_map(ended, pacing::HANDS, |(mut one, end): (Watched<T>, _)| {
            let shown = shown.get(one.one.id()).cloned();
            let settled = one.one.settle(context, end, shown);
            (one, settled)
        });
        for (one, settled) in settled {
            match settled {
                Settled::Verdict(verdict) => decided.push((one.one, *verdict)),
                Settled::LookAgain(pause) => self.wait(one, pause),
            }
        }
        self.look_together();
        decided
    }

    /// Asks about each of them: first its task, where that can decide something, then the runtime, in one list where
    /// they are looked up in lists.
    fn look(&mut self, due: Vec<Watched<T>>) -> Vec<Watched<T>> {
        let context = self.context;
        let now = context.clock.now();
        let together = due.len();
        let listed = due.iter().filter(|one| one.one.is_listed(together)).count();
        let turns: Vec<Option<TaskTurn>> = due.iter().map(|one| one.one.task(now)).collect();
        let asked = pacing::tasks_to_ask(&turns, listed <= pacing::FEW);
        let asked = due.into_iter().zip(asked).collect();
        let due = parallel_map(
            asked,
            pacing::HANDS,
            |(mut one, task): (Watched<T>, bool)| {
                let asked = if task {
                    one.one.ask_task(context)
                } else {
                    Ok(())
                };
                (one, asked)
            },
        );
        let list = (listed > 0).then(|| self.read_list());
        let lists_fail = self.lists_failed >= pacing::LISTS_FAILED;
        parallel_map(due, pacing::HANDS, |(mut one, asked)| {
            let list = list.as_ref().filter(|_| one.one.is_listed(together));
            let seen = asked.and_then(|()| look_at(context, &mut one.one, list, lists_fail));
            let since = one.refused.take().map(|(since, _)| since);
            let refused = |error| (since.unwrap_or_else(|| context.clock.now()), error);
            one.refused = seen.err().map(refused);
            one.tell_change(context);
            one
        })
    }

    fn read_list(&mut self) -> Listed {
        let (clock, deadline) = (self.context.clock, self.context.deadline);
        let begun = clock.now();
        let list = self.context.tenant.runtime_artifacts_once(deadline);
        let is_read = matches!(list, Ok(Some(_)));
        self.lists_failed = if is_read { 0 } else { self.lists_failed + 1 };
        (begun, clock.now(), list)
    }

    /// Judges all of these: makes the calls that are due, and gives what has ended.
    fn judge(&mut self, due: Vec<Watched<T>>, decided: &mut Vec<(T, Verdict)>) -> Ended<T> {
        let context = self.context;
        let mut ended = Vec::new();
        let mut calls = Vec::new();
        for mut one in due {
            let now = context.clock.now();
            if let Some(verdict) = one.contact_lost(context, now) {
                decided.push((one.one, verdict));
                continue;
            }
            match one.one.judge(now, context.deadline) {
                Judgement::Wait if one.refused.is_some() => self.wait(one, pacing::REFUSED),
                Judgement::Wait => {
                    let pause = one.one.pause(now);
                    self.wait(one, pause);
                }
                Judgement::Call => calls.push(one),
                Judgement::Ended(end) if one.one.waits_for_others(&end) => {
                    if self.held.is_empty() {
                        self.held_since = now;
                    }
                    self.held.push((one, end));
                }
                Judgement::Ended(end) => ended.push((one, end)),
            }
        }
        let called = parallel_map(calls, pacing::HANDS, |mut one: Watched<T>| {
            one.one.call(context);
            one
        });
        for one in called {
            let pause = one.one.pause(context.clock.now());
            self.wait(one, pause);
        }
        ended
    }

    /// What was held back for others, when there is no use in it any more.
    fn release(&mut self, urgent: bool) -> Ended<T> {
        let now = self.context.clock.now();
        let due = urgent
            || self.pending.is_empty()
            || now >= self.held_since + pacing::TOGETHER
            || self.context.deadline.passed(now);
        if due {
            std::mem::take(&mut self.held)
        } else {
            Vec::new()
        }
    }

    fn wait(&mut self, mut one: Watched<T>, pause: Duration) {
        one.next = next_look(self.context, pause);
        self.pending.push(one);
    }

    /// Gives all that are looked up in lists the same next look.
    fn look_together(&mut self) {
        let now = self.context.clock.now();
        let together = self.pending.len();
        let mut listed: Vec<&mut Watched<T>> = (self.pending.iter_mut())
            .filter(|one| one.one.is_listed(together))
            .collect();
        let Some(mut next) = listed.iter().map(|one| one.next).min() else {
            return;
        };
        let at_once = listed.iter().any(|one| one.one.pause(now).is_zero());
        if listed.len() > pacing::FEW && !at_once {
            let tasks = listed.iter().filter_map(|one| one.one.task(now));
            let task = tasks.map(|task| now + task.due_in(listed.len())).min();
            next = task.map_or(next, |task| task.min(next));
            next = next.max(next_look(self.context, pacing::LIST_EVERY));
        }
        for one in &mut listed {
            one.next = next;
        }
    }
}

/// One list of everything that runs, when it was asked for, and when it had come.
type Listed = (Moment, Moment, Result<Option<RuntimeList>, TenantError>);

/// When to look again: after the pause, and once more shortly before the deadline.
fn next_look(context: &Context<'_>, pause: Duration) -> Moment {
    let now = context.clock.now();
    let left = context.deadline.left(now);
    let last = left
        .checked_sub(pacing::LAST_LOOK)
        .filter(|rest| !rest.is_zero())
        .unwrap_or(left);
    now + pause.min(last)
}

/// What the runtime shows of one: in the list, if there is one, else alone. A tenant that does not answer lists any more
/// still shows each alone.
fn look_at<T: UnderWay>(
    context: &Context<'_>,
    one: &mut T,
    list: Option<&Listed>,
    lists_fail: bool,
) -> Result<(), TenantError> {
    let listed = match list {
        Some((_, _, Err(error))) => return Err(error.clone()),
        Some((_, _, Ok(None))) if !lists_fail => return Ok(()),
        None | Some((_, _, Ok(None))) => None,
        Some((begun, ended, Ok(Some(list)))) => {
            let answer = one.of_list(list.records.get(one.id()).cloned());
            answer.map(|answer| Look {
                begun: *begun,
                ended: *ended,
                answer,
                answered: list.answered,
                by_list: true,
            })
        }
    };
    let look = match listed {
        Some(look) => Some(look),
        None => look_alone(context, one)?,
    };
    if let Some(look) = look {
        one.looked(context, look);
    }
    Ok(())
}

/// What the runtime shows of one; `None` where its task tells enough.
fn look_alone<T: UnderWay>(context: &Context<'_>, one: &T) -> Result<Option<Look>, TenantError> {
    let begun = context.clock.now();
    let is_last = context.deadline.left(begun) <= pacing::LAST_LOOK;
    if one.task_suffices(begun) && !is_last {
        return Ok(None);
    }
    let (tenant, deadline) = (context.tenant, context.deadline);
    let reading = tenant.runtime_artifact_once(one.id(), deadline)?;
    Ok(Some(Look {
        begun,
        ended: context.clock.now(),
        answered: reading.as_ref().and_then(|reading| reading.answered),
        answer: match reading.map(|reading| reading.record) {
            Some(Some(record)) => RuntimeAnswer::Record(record),
            Some(None) => RuntimeAnswer::Absent,
            None => RuntimeAnswer::NotSeen,
        },
        by_list: false,
    }))
}

impl<T: UnderWay> Watched<T> {
    /// The end of what the tenant no longer lets us look at: what became of it is not known. A service that restarts
    /// refuses for a while.
    fn contact_lost(&mut self, context: &Context<'_>, now: Moment) -> Option<Verdict> {
        let is_up = context.deadline.passed(now);
        let is_over = |since: Moment| is_up || now >= since + pacing::REFUSALS;
        let (_, error) = self.refused.take_if(|(since, _)| is_over(*since))?;
        let may_be = self.one.may_be();
        let word = match (may_be, error.kind) {
            (None, Kind::Credentials | Kind::Role) => Word::Refused,
            _ => Word::Undecided,
        };
        let mut message = Message::from(error);
        if let Some(may_be) = may_be {
            message.what = format!("{may_be}, but its end can't be seen: {}", message.what);
        }
        Some(Verdict::bad(word, self.one.evidence(context), message))
    }

    /// One line for each change, and one each half minute.
    fn tell_change(&mut self, context: &Context<'_>) {
        let words = context.tenant.words(&self.one.last_seen()).to_string();
        let now = context.clock.now();
        let is_new = words != self.told;
        if !is_new && now < self.told_at + pacing::HEARTBEAT {
            return;
        }
        let left = context.deadline.left(now).as_secs();
        let text = if is_new {
            words.clone()
        } else {
            format!("{words} ({left} s left)")
        };
        context.ledger.progress(&self.one.id().0, text);
        self.told = words;
        self.told_at = now;
    }
}
