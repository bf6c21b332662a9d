//! A simulated tenant on loopback: for trying out, for training, and the only test double of this program.
//!
//! It is strict where tenants are strict, and knows nothing of the client. What it does and where that is known from
//! is printed by [`ledger()`]. Its time is seconds on a tenant clock that can run faster than real time.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::too_many_lines,
        clippy::type_complexity,
        reason = "a test may stop at the first surprise, and tables are long"
    )
)]

mod answer;
mod artifact_type;
mod bundle;
mod call;
mod catalog;
mod clock;
mod colleague;
mod configurations;
mod dependencies;
mod deployments;
mod designtime;
mod endpoints;
mod entity;
mod error_information;
mod fault;
mod gate;
mod inspect;
mod ledger;
mod locks;
mod messages;
mod model;
mod packages;
mod path;
mod preload;
mod query;
mod request_log;
mod resources;
mod routes;
mod runtime;
mod scenario;
mod security_material;
mod senders;
mod server;
mod service;
mod state;
#[cfg(test)]
mod tests;
mod timeline;
mod tokens;
mod versions;
mod wire;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use call::Setting;
use clock::TenantClock;
use scenario::Scenarios;
use server::Server;
use service::{Service, locked};
use state::Tenant;
use tokens::{Client, Credentials, Sessions};

pub use colleague::Deed;
pub use inspect::{Design, Running};
pub use ledger::ledger;
pub use preload::Preload;
pub use request_log::{LoggedRequest, RequestLog};
pub use scenario::{Certainty, Scenario, ScenarioInfo, UnknownScenario};

/// Whoever looks over the tenant's shoulder. The caller waits for its answer meanwhile.
pub type Watch = Box<dyn FnMut(&LoggedRequest) + Send>;

/// How a sandbox is set up.
pub struct SandboxOptions {
    /// A loopback address; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What departs from the quiet default.
    pub scenarios: Vec<Scenario>,
    /// Tenant seconds in a real second.
    pub speed: f64,
    /// Receives one line for each request.
    pub log: Option<Box<dyn Write + Send>>,
    /// Sees each request when the tenant has done what it asks for and before the answer is sent, one at a time.
    pub watch: Option<Watch>,
    /// Makes ids and secrets repeatable; for tests only.
    pub seed: Option<u64>,
    /// What is on the tenant from the start.
    pub preload: Vec<Preload>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenarios: Vec::new(),
            speed: 1.0,
            log: None,
            watch: None,
            seed: None,
            preload: Vec::new(),
        }
    }
}

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It has no TLS and prints its credentials: nobody else may reach it.
    #[error("the sandbox listens on loopback only (127.0.0.1 or [::1]), not on {0}")]
    NotLoopback(SocketAddr),
    /// The address is taken, or may not be used.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Time must pass.
    #[error("the speed of the sandbox must be a number above 0, not {0}")]
    Speed(f64),
    /// A scenario that would do nothing.
    #[error("scenario '{0}' is about an artifact that is already on the tenant: preload one{1}")]
    NeedsPreload(&'static str, &'static str),
    /// The content to be preloaded is not an artifact.
    #[error("what is to be preloaded cannot be stored: {0}")]
    Preload(String),
}

/// A simulated tenant. Ends when it is dropped.
pub struct Sandbox {
    server: Server,
    service: Arc<Service>,
}

impl Sandbox {
    /// Binds, fills and serves.
    pub fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let scenarios = Scenarios(options.scenarios);
        check(options.listen, options.speed, &scenarios, &options.preload)?;
        let failed = |source| SandboxError::Listen {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let prefix = scenarios.value("api-prefix").unwrap_or_default();
        let root_path = match prefix.trim_matches('/') {
            "" => "/api/v1".to_owned(),
            prefix => format!("/{prefix}/api/v1"),
        };
        let mut rng = options
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let service = Arc::new(Service {
            credentials: Credentials::make(&mut rng, &scenarios),
            setting: Setting {
                root: format!("http://{address}{root_path}"),
                clock: TenantClock::start(
                    options.speed,
                    scenarios.seconds("clock-ahead").unwrap_or_default(),
                ),
                scenarios,
            },
            root_path,
            tenant: Mutex::new(Tenant {
                rng: rng.fork(),
                ..Tenant::default()
            }),
            sessions: Mutex::new(Sessions::new(rng.fork())),
            pace: Mutex::default(),
            records: Mutex::default(),
            log: Mutex::new(options.log),
            watch: Mutex::new(options.watch),
        });
        for preload in options.preload {
            preload::store(&service, preload)?;
        }
        let server = Server::start(listener, Arc::clone(&service)).map_err(failed)?;
        Ok(Self { server, service })
    }

    /// The host, such as `http://127.0.0.1:8080`; with a path below it where the scenario `api-prefix` is chosen.
    pub fn url(&self) -> String {
        self.service
            .setting
            .root
            .trim_end_matches("/api/v1")
            .to_owned()
    }

    /// The environment variables that lead a client here, in the order in which they are printed.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let credentials = &self.service.credentials;
        let token_path = if self.service.setting.scenarios.has("neo") {
            "/oauth2/api/v1/token"
        } else {
            "/oauth/token"
        };
        let token_url = format!("http://{}{token_path}", self.server.address);
        let key = credentials.service_key(Client::Api, &self.url(), &token_url);
        let host = format!("http://{}", self.server.address);
        let runtime_key = credentials.service_key(Client::Caller, &host, &token_url);
        vec![
            ("CPI_URL", self.url()),
            ("CPI_TOKEN_URL", token_url),
            ("CPI_CLIENT_ID", credentials.client_id.clone()),
            ("CPI_CLIENT_SECRET", credentials.client_secret.clone()),
            ("CPI_USERNAME", credentials.username.clone()),
            ("CPI_PASSWORD", credentials.password.clone()),
            ("CPI_SERVICE_KEY", key.to_string()),
            ("CPI_RUNTIME_SERVICE_KEY", runtime_key.to_string()),
        ]
    }

    /// Everything that must never be seen in a client's output: client secret, password, and the tokens handed out.
    pub fn secrets(&self) -> Vec<String> {
        let own = self.service.credentials.secrets();
        let mut secrets = own.map(str::to_owned).to_vec();
        secrets.extend(locked(&self.service.sessions).handed_out());
        secrets
    }

    /// The requests seen so far.
    pub fn request_log(&self) -> RequestLog {
        self.service.request_log()
    }

    /// Ends the listener and all connections.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Puts an artifact on the tenant, as if it had been there before.
    pub fn preload(&self, preload: Preload) -> Result<(), SandboxError> {
        preload::store(&self.service, preload)
    }

    /// Reads what is known of an id at run time.
    fn at_run_time<T>(&self, id: &str, read: impl Fn(&state::Runtime, f64) -> T) -> Option<T> {
        let now = self.now();
        let tenant = locked(&self.service.tenant);
        tenant.runtime.get(id).map(|runtime| read(runtime, now))
    }

    /// How many deploy calls for an artifact were accepted.
    pub fn deployments(&self, id: &str) -> usize {
        let count = self.at_run_time(id, |runtime, _| runtime.deployments);
        count.unwrap_or(0)
    }

    /// How many undeploy calls for an artifact were accepted.
    pub fn undeployments(&self, id: &str) -> usize {
        let count = self.at_run_time(id, |runtime, _| runtime.undeployments);
        count.unwrap_or(0)
    }

    /// What the run time holds for an id now, even if a policy hides it.
    pub fn running(&self, id: &str) -> Option<Running> {
        self.at_run_time(id, |runtime, now| runtime.at(now).map(Running::of))?
    }

    /// Everything that the run time held for an id up to now, each with the tenant's second from which on.
    pub fn history(&self, id: &str) -> Vec<(f64, Option<Running>)> {
        let shown = |(at, record): &state::Stage| (*at, record.as_ref().map(Running::of));
        let history = self.at_run_time(id, |runtime, now| runtime.until(now).map(shown).collect());
        history.unwrap_or_default()
    }

    /// Seconds on the tenant's clock since the start.
    pub fn now(&self) -> f64 {
        self.service.setting.clock.now()
    }

    /// What is stored for an id at design time, even if a policy hides it.
    pub fn design(&self, id: &str) -> Option<Design> {
        let tenant = locked(&self.service.tenant);
        tenant.artifacts.get(id).map(Design::of)
    }

    /// The ids of all artifacts that are stored at design time, in their order.
    pub fn artifacts(&self) -> Vec<String> {
        let tenant = locked(&self.service.tenant);
        tenant.artifacts.keys().cloned().collect()
    }

    /// Whether an artifact is STARTED with exactly the content and the parameters that are stored at design time now.
    pub fn runs_as_stored(&self, id: &str) -> bool {
        locked(&self.service.tenant).runs_as_stored(id, self.now())
    }

    /// A package's writable properties.
    pub fn package(&self, id: &str) -> Option<BTreeMap<&'static str, String>> {
        locked(&self.service.tenant)
            .packages
            .get(id)
            .map(|package| package.properties.clone())
    }
}

fn check(
    listen: SocketAddr,
    speed: f64,
    scenarios: &Scenarios,
    preload: &[Preload],
) -> Result<(), SandboxError> {
    if !listen.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(listen));
    }
    if !(speed.is_finite() && speed > 0.0) {
        return Err(SandboxError::Speed(speed));
    }
    let deployed = preload.iter().filter(|preload| preload.deployed).count();
    match scenarios.idle(preload.len(), deployed) {
        Some(name) if preload.is_empty() => Err(SandboxError::NeedsPreload(name, "")),
        Some(name) => Err(SandboxError::NeedsPreload(name, " that is deployed")),
        None => Ok(()),
    }
}
