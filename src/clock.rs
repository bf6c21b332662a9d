//! The only place that asks for the time or sleeps.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A point in time of this run, counted from its start. Never compared with the tenant's dates.
pub type Moment = Duration;

/// The clock of one run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts to run now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Time since the start of the run.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.start.elapsed()
    }

    /// Sleeps on the calling thread.
    pub fn sleep(&self, pause: Duration) {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }

    /// The machine's idea of the date: for headers that name a date, never for a verdict.
    #[must_use]
    pub fn date(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Until when a piece of work may last, and how much of that one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// The moment at which the work ends.
    pub at: Moment,
}

impl Deadline {
    /// Time left at `now`; zero when the deadline has passed.
    #[must_use]
    pub fn left(self, now: Moment) -> Duration {
        self.at.saturating_sub(now)
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(self, now: Moment) -> bool {
        now >= self.at
    }

    /// How long a read may take: a quarter of the time left, at least 4 s, at most 30 s, and never past the
    /// deadline by more than the second that any answer deserves.
    #[must_use]
    pub fn poll_timeout(self, now: Moment) -> Duration {
        let left = self.left(now);
        (left / 4)
            .clamp(Duration::from_secs(4), Duration::from_secs(30))
            .min(left.max(Duration::from_secs(1)))
    }

    /// How long an upload may take: all of the time left.
    #[must_use]
    pub fn upload_timeout(self, now: Moment) -> Duration {
        self.left(now).max(Duration::from_secs(1))
    }

    /// The later of the two deadlines.
    #[must_use]
    pub fn or_later(self, other: Moment) -> Deadline {
        Deadline {
            at: self.at.max(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_gets_a_quarter_of_the_time_left_within_bounds() {
        let deadline = Deadline {
            at: Duration::from_secs(600),
        };
        for (now, expected) in [(0, 30), (500, 25), (590, 4), (597, 3), (600, 1), (700, 1)] {
            assert_eq!(
                deadline.poll_timeout(Duration::from_secs(now)),
                Duration::from_secs(expected),
                "at {now}"
            );
        }
    }
}
