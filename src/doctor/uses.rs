//! What a key may be used for, and the roles that each use needs (cpi-api.md §1.5).

use std::str::FromStr;

use serde_json::json;

use crate::named::named;
use crate::tenant::roles::Role;

named! {
    /// A use of a key: the subcommand that it is for.
    pub enum Use {
        /// `flowship deploy`.
        Deploy = "deploy",
        /// `flowship redeploy`.
        Redeploy = "redeploy",
        /// `flowship plan`.
        Plan = "plan",
        /// Seeing what runs.
        Status = "status",
        /// Fetching content.
        Download = "download",
        /// Taking artifacts out of the run time.
        Undeploy = "undeploy",
    }
}

/// The longest life of a token that instances take, in seconds (SAP Help: 3600 to 86400; 43200 is the default of plan `api`).
const TOKEN_VALIDITY: u32 = 43_200;

impl Use {
    /// The roles that it needs. `WorkspacePackagesEdit` reads as well, which not every source says, so both are asked for.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Deploy => &Role::ALL,
            Self::Redeploy => &[
                Role::PackagesRead,
                Role::PackagesConfigure,
                Role::ArtifactsDeploy,
                Role::MonitoringRead,
            ],
            Self::Plan | Self::Status => &[Role::PackagesRead, Role::MonitoringRead],
            Self::Download => &[Role::PackagesRead],
            Self::Undeploy => &[Role::ArtifactsDeploy, Role::MonitoringRead],
        }
    }

    /// Whether it writes to the design time or the run time.
    pub fn writes(self) -> bool {
        matches!(self, Self::Deploy | Self::Redeploy | Self::Undeploy)
    }

    /// The parameters of a service instance for this use, as one line of JSON. Roles that the instance has already
    /// are named as well: an update replaces them all.
    pub fn instance_parameters(self, held: &[Role]) -> String {
        let wanted = |role: &Role| self.roles().contains(role) || held.contains(role);
        let roles: Vec<&str> = Role::ALL
            .iter()
            .filter(|role| wanted(role))
            .map(|role| role.name())
            .collect();
        json!({
            "grant-types": ["client_credentials"],
            "redirect-uris": [],
            "roles": roles,
            "token-validity": TOKEN_VALIDITY,
        })
        .to_string()
    }
}

impl FromStr for Use {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|one| one.name()).collect();
            format!("`{text}` is no use of a key: {}", names.join(", "))
        })
    }
}
