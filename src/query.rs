//! What a room needs that reads from a tenant for people.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::clock::{Clock, Deadline};
use crate::tenant::Tenant;
use crate::tenant::error::{Kind, TenantError};

/// How many reads are under way at once; the tenant's pace says how fast they may follow each other.
pub const READERS: usize = 8;

/// A tenant, until when it may be asked, and whoever is told how it goes.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The clock of the run.
    pub clock: Clock,
    /// When the run ends.
    pub deadline: Deadline,
    /// Told a line for people.
    pub told: &'a (dyn Fn(&str) + Sync),
}

impl Query<'_> {
    /// Whether there is still time for another call.
    ///
    /// # Errors
    /// When the time of the run is up: it is worth another try with more of it.
    pub fn in_time(&self) -> Result<(), TenantError> {
        if !self.deadline.left(self.clock.now()).is_zero() {
            return Ok(());
        }
        let what = "the time of this run is up before everything was read";
        let error = TenantError::new(Kind::Unreachable, what, "--timeout");
        Err(error.hint("give it more time with --timeout, or ask for less"))
    }

    /// Tells a line of progress.
    pub fn tell(&self, line: &str) {
        (self.told)(line);
    }
}

/// Counts the artifacts that are done, and tells from time to time how many.
pub struct Counter<'a> {
    query: &'a Query<'a>,
    total: usize,
    done: AtomicUsize,
}

impl<'a> Counter<'a> {
    /// A line after so many artifacts.
    const EVERY: usize = 25;

    /// Nothing is done yet.
    pub fn new(query: &'a Query<'a>, total: usize) -> Self {
        Self {
            query,
            total,
            done: AtomicUsize::new(0),
        }
    }

    /// One more is done.
    pub fn one_more(&self) {
        let (done, total) = (self.done.fetch_add(1, Ordering::Relaxed) + 1, self.total);
        if done.is_multiple_of(Self::EVERY) && done < total {
            self.query.tell(&format!("{done} of {total} artifacts"));
        }
    }
}
