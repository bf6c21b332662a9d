//! The tenant: one method per operation of its public API, in SAP's words. What the answers mean for a deployment
//! is decided elsewhere.

pub mod attempts;
mod designtime;
pub mod distrust;
pub mod error;
pub mod error_information;
mod exchange;
mod explain;
pub mod flow_call;
mod lists;
mod locks;
mod meaning;
pub mod message_logs;
pub mod odata;
pub mod pace;
pub mod peek;
mod reading;
pub mod roles;
mod runtime;
pub mod security_material;
pub mod service_endpoints;
mod session;
mod upload;
pub mod wire;
mod writing;

use std::sync::{Arc, Mutex};

use serde::de::IgnoredAny;

use crate::clock::{Clock, Deadline};
use crate::http::Http;
use crate::settings::credentials::{Credentials, Login};
use crate::text::Words;
use crate::text::redactor::Redactor;

use self::error::TenantError;
use self::exchange::Ask;
pub use self::lists::RuntimeList;
use self::pace::Pace;
pub use self::reading::Reading;
use self::roles::Role;
pub use self::runtime::{DeployAnswer, RuntimeReading, TaskReading};
pub use self::session::Seen;
use self::session::Session;
pub use self::upload::ZipBytes;
pub use self::writing::{Lost, Written};

/// Told one line for each request, for `--verbose`.
pub type Observer = Box<dyn Fn(&str) + Send + Sync>;

/// A tenant that can be asked by several threads.
pub struct Tenant {
    http: Http,
    credentials: Credentials,
    redactor: Redactor,
    clock: Clock,
    pace: Arc<Pace>,
    session: Mutex<Session>,
    /// Whose turn it is to fetch a CSRF token.
    csrf_turn: Mutex<()>,
    observer: Observer,
}

impl Tenant {
    /// A tenant behind these credentials. `observer` is told one line for each request; tenants that share a user share
    /// the pace.
    pub fn new(
        http: Http,
        credentials: Credentials,
        redactor: Redactor,
        clock: Clock,
        pace: Arc<Pace>,
        observer: Observer,
    ) -> Self {
        Self {
            http,
            credentials,
            redactor,
            clock,
            pace,
            session: Mutex::default(),
            csrf_turn: Mutex::default(),
            observer,
        }
    }

    /// What its requests go through.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The host, for messages and reports.
    pub fn host(&self) -> &str {
        self.credentials.url.host()
    }

    /// The whole address, which tells one tenant from every other.
    pub fn root(&self) -> String {
        self.credentials.url.root()
    }

    /// The location of an Edge Integration Cell whose run time is asked, if it is not the cloud's.
    pub fn runtime_location(&self) -> Option<&str> {
        self.credentials.runtime_location()
    }

    /// Makes text from outside fit to be printed.
    pub fn words(&self, text: &str) -> Words {
        Words::new(text, &self.redactor)
    }

    /// Whether a text holds a secret of this run.
    pub fn hides(&self, text: &str) -> bool {
        self.redactor.clean(text) != text
    }

    /// Takes note that the tenant's `ModifiedBy` names this client so: content that we had just written bore it.
    pub fn learn_identity(&self, name: &str) {
        let name = name.trim().to_lowercase();
        if !name.is_empty() {
            self.session().identities.insert(name);
        }
    }

    /// Whether the tenant's `ModifiedBy` names this client. Unknown names are somebody else's.
    pub fn is_us(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        let own = match &self.credentials.login {
            Login::ClientCredentials { client_id, .. } => client_id.to_lowercase(),
            Login::Basic { username, .. } => username.to_lowercase(),
        };
        let session = self.session();
        let claimed = session
            .token
            .as_ref()
            .is_some_and(|token| token.claims.identities.contains(&name));
        !name.is_empty()
            && (name == own
                || name == format!("oauth_client_{own}")
                || claimed
                || session.identities.contains(&name))
    }

    /// Fetches the access token and names those of the needed roles that it certainly lacks.
    pub fn lacking_roles(
        &self,
        needed: &[Role],
        deadline: Deadline,
    ) -> Result<Vec<Role>, TenantError> {
        let claims = self.claims(deadline)?.unwrap_or_default();
        Ok(claims.lacking(needed))
    }

    /// Proves that this host is a tenant's API: one package at most is listed. A host that is none answers 404 to
    /// everything, which must not be taken for "there is nothing yet".
    pub fn prove(&self, deadline: Deadline) -> Result<(), TenantError> {
        let ask = Ask::of_designtime("IntegrationPackages?$top=1");
        let page = self.read_page::<IgnoredAny>(&ask, deadline)?;
        page.found().map(drop).ok_or_else(|| self.no_api())
    }
}
