//! The only place that asks for the time or sleeps.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// A point in time of this run, counted from its start. Never compared with the tenant's dates.
pub type Moment = Duration;

/// The clock of one run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    began: SystemTime,
}

impl Clock {
    /// A clock that starts to run now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            began: SystemTime::now(),
        }
    }

    /// Time since the start of the run.
    pub fn now(&self) -> Moment {
        self.start.elapsed()
    }

    /// Sleeps on the calling thread.
    pub fn sleep(&self, pause: Duration) {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
    }

    /// The machine's idea of the date at the start of the run, for reports.
    pub fn began(&self) -> String {
        iso(epoch_millis(self.began))
    }

    /// The machine's idea of the date now, for reports.
    pub fn now_iso(&self) -> String {
        iso(epoch_millis(self.date()))
    }

    /// Seconds since 1970, for marks in logs.
    pub fn epoch_seconds(&self) -> u64 {
        u64::try_from(epoch_millis(self.date()) / 1000).unwrap_or_default()
    }

    /// The machine's idea of the date: for headers that name a date, never for a verdict.
    pub fn date(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A date in milliseconds since 1970; dates before count as 1970.
pub fn epoch_millis(date: SystemTime) -> i64 {
    date.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// `2026-11-22T10:02:11.250Z`; the bare number when it is no date that a calendar holds.
pub fn iso(epoch_millis: i64) -> String {
    match OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_millis) * 1_000_000) {
        Ok(date) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            date.hour(),
            date.minute(),
            date.second(),
            date.millisecond()
        ),
        Err(_) => epoch_millis.to_string(),
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
    pub fn left(self, now: Moment) -> Duration {
        self.at.saturating_sub(now)
    }

    /// Whether it has passed.
    pub fn passed(self, now: Moment) -> bool {
        now >= self.at
    }

    /// How long a read may take: a quarter of the time left, at least 4 s, at most 30 s, and never past the
    /// deadline by more than the second that any answer deserves.
    pub fn poll_timeout(self, now: Moment) -> Duration {
        let left = self.left(now);
        (left / 4)
            .clamp(Duration::from_secs(4), Duration::from_secs(30))
            .min(left.max(Duration::from_secs(1)))
    }

    /// How long a download may take: half of the time left, so that one that hangs leaves time for another.
    pub fn download_timeout(self, now: Moment) -> Duration {
        (self.left(now) / 2).max(self.poll_timeout(now))
    }

    /// How long an upload may take: all of the time left.
    pub fn upload_timeout(self, now: Moment) -> Duration {
        self.left(now).max(Duration::from_secs(1))
    }

    /// The later of the two deadlines.
    pub fn or_later(self, other: Moment) -> Deadline {
        Deadline {
            at: self.at.max(other),
        }
    }
}

/// Reads a span of time as people write it: `300ms`, `90s`, `10m`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// When it is none.
pub fn span(text: &str) -> Result<Duration, String> {
    let complaint = || format!("`{text}` is no span of time: write 300ms, 90s, 10m or 1h30m");
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(complaint());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| complaint())?;
        let tail = &rest[digits..];
        let unit = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let seconds = number * seconds_in(&tail[..unit]).ok_or_else(complaint)?;
        total = Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|span| total.checked_add(span))
            .ok_or_else(complaint)?;
        rest = &tail[unit..];
    }
    Ok(total)
}

fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
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

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [
            ("300ms", 300),
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("15", 15_000),
            ("1.5s", 1_500),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "abc", "-5s", "5 s", "5d", "1e99h", ".", "s"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
