//! The names of security material: never its secrets, which the API does not give out.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Tenant;
use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::pace::Bucket;
use super::roles::Role;
use crate::clock::Deadline;

/// The sets of credentials (cpi-api.md §7).
const CREDENTIALS: [&str; 3] = [
    "UserCredentials",
    "OAuth2ClientCredentials",
    "SecureParameters",
];
/// The set of key pairs and certificates.
const KEYSTORE: &str = "KeystoreEntries";

/// The names that a tenant has; `None` where they could not be read.
#[derive(Debug, Default)]
pub struct SecurityMaterial {
    /// Of credentials and secure parameters.
    pub credentials: Option<BTreeSet<String>>,
    /// Of entries of the keystore.
    pub keys: Option<BTreeSet<String>>,
}

/// An entry of a set.
#[derive(Deserialize)]
pub struct Named {
    /// What it is called.
    #[serde(alias = "Name", alias = "Alias")]
    pub name: String,
}

impl Tenant {
    /// Reads the names. What this key may not see, or the tenant does not offer, is unknown; only a tenant that cannot be
    /// reached is an error.
    pub fn security_material(&self, deadline: Deadline) -> Result<SecurityMaterial, TenantError> {
        let mut credentials = Some(BTreeSet::new());
        for set in CREDENTIALS {
            let names = self.names_in(set, deadline)?;
            credentials = credentials.zip(names).map(|(mut all, names)| {
                all.extend(names);
                all
            });
        }
        Ok(SecurityMaterial {
            credentials,
            keys: self.names_in(KEYSTORE, deadline)?,
        })
    }

    fn names_in(
        &self,
        set: &str,
        deadline: Deadline,
    ) -> Result<Option<BTreeSet<String>>, TenantError> {
        let ask = |path: String| Ask::get(Bucket::Designtime, Role::MonitoringRead, path);
        match self.list::<Named>(set, ask, deadline) {
            Ok(listed) => Ok(listed
                .found()
                .map(|all| all.into_iter().map(|one| one.name).collect())),
            Err(error) if matches!(error.kind, Kind::Unreachable | Kind::Credentials) => Err(error),
            Err(_) => Ok(None),
        }
    }
}
