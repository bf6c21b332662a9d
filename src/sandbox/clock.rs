//! The tenant's clock: seconds since the sandbox started, at a chosen speed. The only place here that reads the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds on the tenant's clock since the sandbox started; negative for what was there before.
pub type Seconds = f64;

/// Runs `speed` times as fast as real time, from the moment it is made.
#[derive(Debug)]
pub struct TenantClock {
    started: Instant,
    epoch: SystemTime,
    speed: f64,
}

impl TenantClock {
    /// A clock that is `ahead` of this machine's, in seconds.
    pub fn start(speed: f64, ahead: Seconds) -> Self {
        let ahead = Duration::try_from_secs_f64(ahead).unwrap_or(Duration::ZERO);
        let now = SystemTime::now();
        Self {
            started: Instant::now(),
            epoch: now.checked_add(ahead).unwrap_or(now),
            speed,
        }
    }

    pub fn now(&self) -> Seconds {
        self.started.elapsed().as_secs_f64() * self.speed
    }

    /// Real seconds since the start: what a caller's pace is measured with.
    pub fn real(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// How long a stretch of tenant time really takes.
    pub fn lasting(&self, seconds: Seconds) -> Duration {
        Duration::try_from_secs_f64(seconds / self.speed).unwrap_or(Duration::ZERO)
    }

    pub fn date(&self, at: Seconds) -> SystemTime {
        let stretch = Duration::try_from_secs_f64(at.abs()).unwrap_or(Duration::ZERO);
        let date = if at < 0.0 {
            self.epoch.checked_sub(stretch)
        } else {
            self.epoch.checked_add(stretch)
        };
        date.unwrap_or(self.epoch)
    }

    /// The date by the tenant's clock.
    pub fn today(&self) -> SystemTime {
        self.date(self.now())
    }

    /// Milliseconds since 1970, as the tenant writes its dates.
    pub fn millis(&self, at: Seconds) -> i64 {
        let since = self
            .date(at)
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_back_and_forth() {
        let clock = TenantClock::start(10.0, 0.0);
        assert_eq!(clock.millis(3600.0) - clock.millis(-3600.0), 7_200_000);
        assert_eq!(clock.lasting(20.0), Duration::from_secs(2));
    }
}
