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
use self::rights::Rights;
use self::uses::Use;

/// Goes to the hosts of the credentials and asks the tenant; every finding is told at once.
pub fn examine_online(
    tenant: &Tenant,
    credentials: &Credentials,
    wanted: Use,
    clock: &Clock,
    deadline: Deadline,
    tell: &mut dyn FnMut(Diagnosis),
) {
    let http = tenant.http();
    let stations = network::stations(credentials);
    network::settings(http, &stations)
        .into_iter()
        .for_each(&mut *tell);
    for station in &stations {
        let findings = network::reach(http, station, clock, deadline);
        let stuck = findings.iter().any(Diagnosis::is_failed);
        findings.into_iter().for_each(&mut *tell);
        if stuck {
            let why = format!("not asked, because the {} was not reached", station.what);
            return tell(Topic::Token.skipped(why));
        }
    }
    Rights {
        tenant,
        credentials,
        wanted,
        clock,
        deadline,
    }
    .examine(tell);
}
