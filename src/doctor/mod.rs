//! The examination of a connection: what is set, the way to the tenant, what it lets the key do. It writes nothing.
//!
//! Each step gives findings as soon as they are known; the words for people are in `report::doctor`.

pub mod finding;
pub mod network;
pub mod offline;
mod remedy;
pub mod rights;
pub mod uses;

use crate::clock::{Clock, Deadline};
use crate::settings::credentials::Credentials;
use crate::tenant::Tenant;

use self::finding::{Diagnosis, Topic};
use self::uses::Use;

/// What a tenant is asked with.
pub struct Online<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// Who asks.
    pub credentials: &'a Credentials,
    /// What the key is to be used for.
    pub wanted: Use,
    /// The time.
    pub clock: &'a Clock,
    /// Until when.
    pub deadline: Deadline,
}

impl Online<'_> {
    /// Goes to the hosts of the credentials and asks the tenant; every finding is told at once.
    pub fn examine(&self, tell: &mut dyn FnMut(Diagnosis)) {
        let stations = network::stations(self.credentials, self.tenant.http());
        network::settings(&stations)
            .into_iter()
            .for_each(&mut *tell);
        for station in &stations {
            let findings = station.reach(self.clock, self.deadline);
            let stuck = findings.iter().any(Diagnosis::is_failed);
            findings.into_iter().for_each(&mut *tell);
            if stuck {
                let why = format!("not asked, because the {} was not reached", station.what);
                return tell(Topic::Token.skipped(why));
            }
        }
        self.rights(tell);
    }
}
