//! An errand at a tenant: what a room needs that asks one for something other than a deployment.

use crate::clock::{Clock, Deadline};
use crate::tenant::Tenant;

/// How many reads are under way at once; the tenant's pace says how fast they may follow each other.
pub const READERS: usize = 8;

/// A tenant, until when it may be asked, and whoever is told how it goes.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The clock of the run.
    pub clock: Clock,
    /// When the run ends.
    pub deadline: Deadline,
    /// Told a line for people.
    pub told: &'a (dyn Fn(&str) + Sync),
}

impl Errand<'_> {
    /// Tells a line of progress.
    pub fn tell(&self, line: &str) {
        (self.told)(line);
    }
}
