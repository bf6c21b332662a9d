//! Harmless looks at the tenant, one for each area of its API: whether a call would be let through. For `flowship doctor`.

use super::Tenant;
use super::attempts::Attempts;
use super::error::{Kind, TenantError};
use super::exchange::Ask;
use super::odata;
use super::pace::Bucket;
use super::reading::{FailedRead, Reading};
use super::roles::{Claims, Role};
use super::session::Seen;
use crate::clock::Deadline;
use crate::http::Answer;

/// An area of the API, with the role that it needs (cpi-api.md §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Packages and design-time artifacts.
    Packages,
    /// What runs.
    Runtime,
    /// Deployments: the status of a task that nobody has.
    Tasks,
    /// Access policies: whether there are any.
    AccessPolicies,
}

impl Area {
    /// The role that the look needs; a policy's is named apart.
    pub fn role(self) -> Role {
        match self {
            Self::Packages | Self::AccessPolicies => Role::PackagesRead,
            Self::Runtime => Role::MonitoringRead,
            Self::Tasks => Role::ArtifactsDeploy,
        }
    }

    fn ask(self) -> Ask<'static> {
        let (bucket, path) = match self {
            Self::Packages => (Bucket::Designtime, "IntegrationPackages?$top=1"),
            Self::Runtime => (Bucket::Runtime, "IntegrationRuntimeArtifacts?$top=1"),
            Self::Tasks => (
                Bucket::Designtime,
                "BuildAndDeployStatus(TaskId='flowship-doctor')",
            ),
            Self::AccessPolicies => (Bucket::Designtime, "AccessPolicies?$top=1"),
        };
        Ask::get(bucket, self.role(), path)
    }
}

/// How often a look is tried when the tenant is not available.
const MOST_LOOKS: u32 = 4;
/// The same where an answer makes no sense: a gateway's page passes, a wrong address stays.
const MOST_ODD_LOOKS: u32 = 3;

/// What a look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek {
    /// The call is let through; whether there is anything.
    Open {
        /// There is at least one entry.
        some: bool,
    },
    /// Let through, and the tenant does not offer the call (405, 501).
    NotOffered,
}

impl Tenant {
    /// What the access token tells; `None` with basic authentication. Fetches it when there is none.
    pub fn claims(&self, deadline: Deadline) -> Result<Option<Claims>, TenantError> {
        Ok(self.token(deadline)?.map(|token| token.claims))
    }

    /// What was seen beside the answers so far.
    pub fn seen(&self) -> Seen {
        self.session().seen.clone()
    }

    /// Whether calls of this area are let through. Writes nothing.
    pub fn peek(&self, area: Area, deadline: Deadline) -> Result<Peek, TenantError> {
        match self.look(area, deadline) {
            Ok(Reading::Found(some)) => Ok(Peek::Open { some }),
            Ok(Reading::Missing(_)) => match area {
                Area::Tasks => Ok(Peek::Open { some: false }),
                Area::AccessPolicies => Ok(Peek::NotOffered),
                Area::Packages | Area::Runtime => Err(self.no_api()),
            },
            Err(error) if error.kind == Kind::Refused && is_not_offered(&error) => {
                Ok(Peek::NotOffered)
            }
            // nobody has this task: whoever says so has let us through
            Err(error) if area == Area::Tasks && error.kind == Kind::Refused => {
                Ok(Peek::Open { some: false })
            }
            Err(error) if area == Area::Tasks && error.kind == Kind::Nonsense => {
                Ok(Peek::NotOffered)
            }
            Err(error) => Err(error),
        }
    }

    /// A look is repeated less patiently than a deployment's reads: somebody waits for it.
    fn look(&self, area: Area, deadline: Deadline) -> Result<Reading<bool>, TenantError> {
        let ask = area.ask();
        let mut attempts = Attempts::new(&self.clock, deadline);
        loop {
            let FailedRead { error, most } = match self.read_once(&ask, deadline, has_entries) {
                Ok(reading) => return Ok(reading),
                Err(failed) => failed,
            };
            let most = match error.kind {
                Kind::Unreachable => most.min(MOST_LOOKS),
                // nobody has this task, so that odd answers are to be expected
                _ if area == Area::Tasks => 1,
                _ => most.min(MOST_ODD_LOOKS),
            };
            if !attempts.again(most) {
                return Err(error);
            }
        }
    }
}

/// Whether a list has entries, or whether an entity came.
fn has_entries(answer: &Answer) -> Option<bool> {
    let page = odata::collection::<serde_json::Value>(&answer.body);
    page.map(|page| !page.results.is_empty())
        .or_else(|| odata::entity::<serde_json::Value>(&answer.body).map(|_| true))
}

fn is_not_offered(error: &TenantError) -> bool {
    ["405", "501"]
        .iter()
        .any(|status| error.at.ends_with(&format!("→ {status}")))
}
