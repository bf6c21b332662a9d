//! How long to wait before a request is repeated.

use std::time::Duration;

use crate::clock::Clock;

const FIRST: f64 = 0.3;
const LONGEST: f64 = 5.0;
/// So that many jobs that failed together do not come back together.
const JITTER: f64 = 0.3;

/// The wait before repetition number `attempt` (counted from 0): 0.3 s, 0.6 s, 1.2 s, ... about 5 s, each up to 30 %
/// shorter or longer.
pub fn backoff(attempt: u32) -> Duration {
    backoff_with(attempt, fastrand::f64())
}

/// The same with a given `chance` between 0 (shortest) and 1 (longest).
pub fn backoff_with(attempt: u32, chance: f64) -> Duration {
    let wait = (FIRST * 2_f64.powi(attempt.min(16).cast_signed())).min(LONGEST);
    let jitter = 1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
    Duration::from_secs_f64(wait * jitter)
}

/// The pause before a further look at something that was not found; none before the first.
pub fn pause_before(look: u32) -> Duration {
    look.checked_sub(1).map_or(Duration::ZERO, backoff)
}

/// Asks up to `looks` times, with pauses: one "not found" may be a lagging replica's.
pub fn until_found<T, E>(
    clock: &Clock,
    looks: u32,
    mut ask: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    for look in 0..looks {
        clock.sleep(pause_before(look));
        if let Some(found) = ask()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Up to a quarter of a second, so that clients that were told to wait do not all come back at once.
pub fn jitter() -> Duration {
    Duration::from_millis(fastrand::u64(0..250))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_five_seconds() {
        let waits: Vec<u128> = (0..7)
            .map(|attempt| backoff_with(attempt, 0.5).as_millis())
            .collect();
        assert_eq!(waits, [300, 600, 1200, 2400, 4800, 5000, 5000]);
        assert_eq!(backoff_with(u32::MAX, 0.5).as_millis(), 5000);
    }

    #[test]
    fn jitter_stays_within_thirty_percent() {
        assert_eq!(backoff_with(0, 0.0).as_millis(), 210);
        assert_eq!(backoff_with(0, 1.0).as_millis(), 390);
        for attempt in 0..20 {
            let wait = backoff(attempt).as_secs_f64();
            let middle = backoff_with(attempt, 0.5).as_secs_f64();
            assert!((middle * 0.7 - 1e-9..=middle * 1.3 + 1e-9).contains(&wait));
        }
    }
}
