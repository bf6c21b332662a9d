//! How often a tenant is looked at while something is under way, and how long things are waited for: one table, and the
//! pauses that follow from it.

use std::cmp::Reverse;
use std::time::Duration;

use crate::clock::{Clock, Moment};

/// The first pause, where `--poll-interval` does not say otherwise.
pub const FIRST: Duration = Duration::from_millis(300);
/// The longest pause.
pub const LONGEST: Duration = Duration::from_secs(5);
/// The longest pause while the same thing must be shown for some seconds before it is believed.
pub const CLOSE: Duration = Duration::from_secs(1);
/// The pause while the next answer may be the verdict.
const SOON: Duration = Duration::from_millis(500);
/// The pause while something is built: a flow takes half a second to start, so that its verdict comes no later for it.
const BUILD: Duration = Duration::from_secs(1);
/// The pause after the tenant has refused to be asked.
pub const REFUSED: Duration = Duration::from_secs(2);
/// How long before the deadline the last look is begun.
pub const LAST_LOOK: Duration = Duration::from_millis(700);

/// How often a line says that the wait goes on.
pub const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long the tenant must refuse to be asked before that is believed: services that restart refuse for a while.
pub const REFUSALS: Duration = Duration::from_secs(30);
/// The longest wait for what starts or stops to come to rest.
pub const REST: Duration = Duration::from_secs(60);
/// The pause between two questions for an error text that is late.
pub const TEXT: Duration = Duration::from_millis(700);

/// How many questions are asked at once.
pub const HANDS: usize = 8;
/// From how many artifacts on everything that runs is listed instead of asking for each.
pub const LIST_FROM: usize = 3;
/// The shortest pause between two lists.
pub const LIST_EVERY: Duration = Duration::from_secs(1);
/// After how many lists in a row without an answer each artifact is asked for alone.
pub const LISTS_FAILED: u32 = 5;
/// How long started deployments may wait for others, so that one list shows the design time of all.
pub const TOGETHER: Duration = Duration::from_secs(2);
/// How long nothing but its task is asked about a deployment.
pub const TASK_ALONE: Duration = Duration::from_secs(15);
/// How long nothing may be visible after SUCCESS before the runtime profile of the flow is read.
pub const PROFILE: Duration = Duration::from_secs(5);

/// Of how few deployments each task is asked in each round.
pub const FEW: usize = 2;
/// How many tasks are asked in one round, so that lists come between them.
const TASKS: usize = 16;
/// How long a deployment has been going before a task is asked of which the runtime gives no sign: a build that failed shows
/// nowhere else. Later among more than `SEVERAL`: most builds have ended by then, and the runtime shows it.
const SILENT_TASK: Duration = Duration::from_millis(1500);
const SILENT_TASK_OF_MANY: Duration = Duration::from_secs(4);
const SEVERAL: usize = 8;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The end of a build.
    Build,
    /// Any change.
    Change,
    /// That what is shown stays so.
    Standing,
}

/// The pause before the next look: `first`, then growing with the time waited to what the stage wants, then a tenth of the
/// time waited.
pub fn pause(waited: Duration, first: Duration, stage: Stage) -> Duration {
    let (steady, longest) = match stage {
        Stage::Build => (BUILD, LONGEST),
        Stage::Change => (SOON, LONGEST),
        Stage::Standing => (SOON, CLOSE),
    };
    (waited / 10)
        .max(steady.min(waited * 3))
        .clamp(first.min(longest), longest)
}

/// The looks of one wait by the calling thread.
pub struct Wait<'a> {
    clock: &'a Clock,
    began: Moment,
    until: Moment,
    first: Duration,
}

impl<'a> Wait<'a> {
    /// A wait that begins now.
    pub fn until(until: Moment, first: Duration, clock: &'a Clock) -> Self {
        Self {
            clock,
            began: clock.now(),
            until,
            first,
        }
    }

    /// Whether the time is up.
    pub fn is_over(&self) -> bool {
        self.clock.now() >= self.until
    }

    /// Sleeps until the next look, the last of which is at the end; false when the time is up.
    pub fn pause(&self) -> bool {
        let now = self.clock.now();
        let pause = pause(now.saturating_sub(self.began), self.first, Stage::Change);
        let left = self.until.saturating_sub(now);
        self.clock.sleep(pause.min(left));
        !left.is_zero()
    }
}

/// The task of one deployment, as far as it matters for when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTurn {
    /// Its answer would decide something now.
    pub decides: bool,
    /// Since the deploy call.
    pub waited: Duration,
    /// Since it was last asked, or since the deploy call.
    pub unasked: Duration,
}

impl TaskTurn {
    /// How long until it should be asked, among so many deployments: about a tenth of the time waited after the last time.
    pub fn due_in(&self, watched: usize) -> Duration {
        if self.decides {
            return Duration::ZERO;
        }
        let first = if watched <= SEVERAL {
            SILENT_TASK
        } else {
            SILENT_TASK_OF_MANY
        };
        let pause = (self.waited / 10).clamp(CLOSE, LONGEST);
        let begin = first.saturating_sub(self.waited);
        begin.max(pause.saturating_sub(self.unasked))
    }
}

/// Which tasks are asked in a round: all of few; of many those that decide something, then the longest unasked. Asking
/// every task in every round would be more than a tenant allows.
pub fn tasks_to_ask(turns: &[Option<TaskTurn>], few: bool) -> Vec<bool> {
    let turn = |(place, turn): (usize, &Option<TaskTurn>)| Some((place, (*turn)?));
    let mut due: Vec<(usize, TaskTurn)> = turns.iter().enumerate().filter_map(turn).collect();
    due.retain(|(_, turn)| few || turn.due_in(turns.len()).is_zero());
    due.sort_by_key(|(_, turn)| (!turn.decides, Reverse(turn.unasked)));
    let mut asked = vec![false; turns.len()];
    for (place, _) in due.into_iter().take(TASKS) {
        asked[place] = true;
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn pauses_grow_to_a_tenth_of_the_time_waited() {
        for (waited, build, change, standing) in [
            (0, 300, 300, 300),
            (300, 900, 500, 500),
            (900, 1000, 500, 500),
            (5_000, 1000, 500, 500),
            (8_000, 1000, 800, 800),
            (20_000, 2000, 2000, 1000),
            (300_000, 5000, 5000, 1000),
        ] {
            let stages = [Stage::Build, Stage::Change, Stage::Standing];
            let found = stages.map(|stage| pause(millis(waited), FIRST, stage));
            assert_eq!(found, [build, change, standing].map(millis), "{waited}");
        }
        assert_eq!(pause(millis(0), millis(2000), Stage::Change), millis(2000));
        assert_eq!(pause(millis(0), millis(2000), Stage::Standing), CLOSE);
        assert_eq!(pause(millis(0), millis(60_000), Stage::Change), LONGEST);
    }

    fn turn(decides: bool, waited: u64, unasked: u64) -> TaskTurn {
        TaskTurn {
            decides,
            waited: millis(waited),
            unasked: millis(unasked),
        }
    }

    #[test]
    fn a_task_is_asked_after_about_a_tenth_of_its_wait() {
        for (waited, unasked, watched, due_in) in [
            (500, 500, 3, 1000),
            (1500, 1500, 3, 0),
            (1500, 1500, 30, 2500),
            (4000, 4000, 30, 0),
            (6000, 300, 3, 700),
            (30_000, 1000, 3, 2000),
            (200_000, 1000, 3, 4000),
            (200_000, 5000, 30, 0),
        ] {
            let found = turn(false, waited, unasked).due_in(watched);
            assert_eq!(found, millis(due_in), "{waited} {unasked} {watched}");
        }
    }

    #[test]
    fn of_many_tasks_those_that_decide_and_the_longest_unasked_are_asked() {
        let places = |turns: &[Option<TaskTurn>], few| -> Vec<usize> {
            let asked = tasks_to_ask(turns, few);
            (0..asked.len()).filter(|place| asked[*place]).collect()
        };
        let silent: Vec<_> = (0..20)
            .map(|place| Some(turn(false, 60_000, 5000 + place)))
            .collect();
        assert_eq!(places(&silent, false), (4..20).collect::<Vec<_>>());
        let deciding = vec![Some(turn(true, 1000, 0)); 20];
        assert_eq!(places(&deciding, false), (0..16).collect::<Vec<_>>());
        let mixed = [
            None,
            Some(turn(false, 2000, 100)),
            Some(turn(true, 2000, 100)),
            Some(turn(false, 2000, 2000)),
        ];
        assert_eq!(places(&mixed, false), [2, 3]);
        assert_eq!(places(&mixed, true), [1, 2, 3]);
    }
}
