//! Tasks of which the runtime gives no sign, among several deployments that are watched: when each is asked. A build that
//! failed shows nowhere else, and asking every task in every round would be more than a tenant allows. Pure.

use std::time::Duration;

/// Up to so many deployments are asked as soon as they may have failed.
const FEW: usize = 8;
/// How long a deployment has been going before its task is asked, where there are few.
const SOON: Duration = Duration::from_millis(1500);
/// The same where there are many: most builds have ended by then, and the runtime shows it.
const LATER: Duration = Duration::from_secs(4);
/// Bounds of the pause between two questions about one task.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
/// How many are asked in one round, so that lists come between them.
const IN_A_ROUND: usize = 12;

/// One task without a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// Its place among those that are looked at.
    pub(super) place: usize,
    /// Since the deploy call.
    pub(super) waited: Duration,
    /// Since it was last asked, or since the deploy call.
    pub(super) unasked: Duration,
}

impl Stray {
    /// How long until it should be asked, among so many that are watched: about a tenth of the time waited after the
    /// last time.
    pub(super) fn due_in(&self, watched: usize) -> Duration {
        let first = if watched <= FEW { SOON } else { LATER };
        let pause = (self.waited / 10).clamp(SHORTEST, LONGEST);
        let begin = first.saturating_sub(self.waited);
        begin.max(pause.saturating_sub(self.unasked))
    }
}

/// The places of those that are asked now: the longest unasked first.
pub(super) fn to_ask(mut strays: Vec<Stray>, watched: usize) -> Vec<usize> {
    strays.retain(|stray| stray.due_in(watched).is_zero());
    strays.sort_by_key(|stray| std::cmp::Reverse(stray.unasked));
    strays.truncate(IN_A_ROUND);
    strays.into_iter().map(|stray| stray.place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(place: usize, waited: u64, unasked: u64) -> Stray {
        Stray {
            place,
            waited: Duration::from_millis(waited),
            unasked: Duration::from_millis(unasked),
        }
    }

    #[test]
    fn each_is_asked_after_about_a_tenth_of_its_wait() {
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
            let found = stray(0, waited, unasked).due_in(watched);
            assert_eq!(
                found,
                Duration::from_millis(due_in),
                "{waited} {unasked} {watched}"
            );
        }
    }

    #[test]
    fn the_longest_unasked_come_first_and_lists_come_between() {
        let strays: Vec<Stray> = (0..20)
            .map(|place| stray(place, 60_000, 5000 + place as u64))
            .collect();
        assert_eq!(
            to_ask(strays, 20),
            [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8]
        );
        assert_eq!(
            to_ask(vec![stray(4, 2000, 100), stray(7, 2000, 2000)], 2),
            [7]
        );
    }
}
