//! What a key may be used for, and the roles that each use needs (cpi-api.md §1.5).

use std::str::FromStr;

use serde_json::json;

use crate::tenant::roles::Role;

/// A use of a key: the subcommand that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `flowship deploy`.
    Deploy,
    /// `flowship redeploy`.
    Redeploy,
    /// `flowship plan`.
    Plan,
    /// Seeing what runs.
    Status,
    /// Fetching content.
    Download,
    /// Taking artifacts out of the run time.
    Undeploy,
}

/// The longest life of a token that instances take, in seconds (SAP Help: 3600 to 86400; 43200 is the default of plan `api`).
const TOKEN_VALIDITY: u32 = 43_200;

impl Use {
    /// All of them.
    pub const ALL: [Use; 6] = [
        Use::Deploy,
        Use::Redeploy,
        Use::Plan,
        Use::Status,
        Use::Download,
        Use::Undeploy,
    ];

    /// As it is written on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Redeploy => "redeploy",
            Self::Plan => "plan",
            Self::Status => "status",
            Self::Download => "download",
            Self::Undeploy => "undeploy",
        }
    }

    /// The roles that it needs. `WorkspacePackagesEdit` reads as well, which not every source says, so both are asked for.
    #[must_use]
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
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Deploy | Self::Redeploy | Self::Undeploy)
    }

    /// The parameters of a service instance for this use, as one line of JSON. Roles that the instance has already
    /// are named as well: an update replaces them all.
    #[must_use]
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
