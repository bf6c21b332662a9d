//! Attempts at the same call, with growing pauses between them.

use crate::clock::{Clock, Deadline};
use crate::http::retry;

/// The attempts at one call.
pub struct Attempts<'a> {
    clock: &'a Clock,
    deadline: Deadline,
    made: u32,
}

impl<'a> Attempts<'a> {
    /// The first one is to be made.
    pub fn new(clock: &'a Clock, deadline: Deadline) -> Self {
        Self {
            clock,
            deadline,
            made: 0,
        }
    }

    /// Pauses before another attempt. False when `most` were made, or when the pause is longer than the time that is left.
    pub fn again(&mut self, most: u32) -> bool {
        let pause = retry::backoff(self.made);
        self.made += 1;
        let goes_on = self.made < most && self.deadline.left(self.clock.now()) > pause;
        if goes_on {
            self.clock.sleep(pause);
        }
        goes_on
    }
}
