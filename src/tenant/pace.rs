//! Pacing: never more requests in a second than the tenant's limits allow (SAP's limits for one user are 10 in a
//! second for design time and 50 for runtime; SAP Help, "Rate Limits on SAP Cloud Integration").

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

/// The span that is counted: a second, and a little for the jitter of the network.
const SPAN: Duration = Duration::from_millis(1_050);

/// Which limit of the tenant a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Design-time calls, deploy calls and task status.
    Designtime,
    /// Runtime artifacts and their error information.
    Runtime,
}

/// Requests in a second: below SAP's limits of 10 and 50 for one user (cpi-api.md §10), which a person in the web UI
/// shares.
pub const DESIGNTIME_RATE: usize = 8;
/// The same for the run time.
pub const RUNTIME_RATE: usize = 40;

/// The turns of all threads of this run.
#[derive(Debug)]
pub struct Pace {
    /// Of each bucket.
    turns: [Mutex<Turns>; 2],
}

/// Turns are spread evenly, but for a few at once after a pause: a network that delays some of a burst would bring two
/// bursts together.
#[derive(Debug)]
struct Turns {
    most: usize,
    taken: VecDeque<Moment>,
    /// How many turns may still be taken without a distance from the one before.
    at_once: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(DESIGNTIME_RATE, RUNTIME_RATE)
    }
}

impl Pace {
    /// Turns for at most so many requests in any second.
    pub fn new(designtime: usize, runtime: usize) -> Self {
        let turns = |most| {
            Mutex::new(Turns {
                most,
                taken: VecDeque::new(),
                at_once: most.div_ceil(2),
            })
        };
        Self {
            turns: [turns(designtime), turns(runtime)],
        }
    }

    /// Takes the next free turn; gives how long to wait for it from `now`.
    pub fn take(&self, bucket: Bucket, now: Moment) -> Duration {
        let turns = self.turns[bucket as usize].lock();
        turns.unwrap_or_else(PoisonError::into_inner).take(now)
    }
}

impl Turns {
    fn take(&mut self, now: Moment) -> Duration {
        while self.taken.len() > self.most {
            self.taken.pop_front();
        }
        let earliest = match self.taken.len().checked_sub(self.most) {
            Some(place) => self.taken[place] + SPAN,
            None => now,
        };
        let turn = earliest.max(self.distant(now)).max(now);
        self.taken.push_back(turn);
        turn.saturating_sub(now)
    }

    /// The earliest turn that keeps its distance from the one before.
    fn distant(&mut self, now: Moment) -> Moment {
        let Some(last) = self.taken.back() else {
            self.at_once = self.at_once.saturating_sub(1);
            return now;
        };
        if now >= *last + SPAN {
            self.at_once = self.most.div_ceil(2);
        }
        if self.at_once > 0 {
            self.at_once -= 1;
            return now;
        }
        *last + SPAN / u32::try_from(self.most).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_turns_than_allowed() {
        let pace = Pace::new(8, 40);
        let mut turns = Vec::new();
        let mut now = Duration::ZERO;
        for request in 0..100_u64 {
            now += Duration::from_millis(request % 7 * 20);
            turns.push(now + pace.take(Bucket::Designtime, now));
        }
        for first in &turns {
            let in_a_second = turns
                .iter()
                .filter(|turn| *turn >= first && **turn < *first + Duration::from_secs(1))
                .count();
            assert!(in_a_second <= 8, "{in_a_second} at {first:?}");
        }
        let spread = |from: usize| turns[from + 4].saturating_sub(turns[from]);
        assert!(
            (8..96).all(|from| spread(from) >= Duration::from_millis(390)),
            "turns come in bursts: {turns:?}"
        );
        assert_eq!(
            pace.take(Bucket::Runtime, now),
            Duration::ZERO,
            "the buckets are apart"
        );
    }
}
