//! One exchange with the tenant: who we are, our turn, CSRF, one refresh on 401, patience on 429.

use std::fs::File;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Tenant;
use super::error::{Kind, TenantError};
use super::pace::Bucket;
use super::roles::Role;
use super::session::{self, AccessToken, Csrf, Session};
use crate::clock::{Deadline, Moment};
use crate::http::{Answer, Body, Connection, Headers, Method, Request, SendError, retry};
use crate::settings::address::TenantUrl;
use crate::settings::credentials::Login;
use crate::settings::secret::Secret;

/// The most that is read of an ordinary answer, in bytes. Lists of a whole package stay far below it.
const ANSWER_CAP: u64 = 8 * 1024 * 1024;
/// The largest archive that is downloaded, in bytes.
const DOWNLOAD_CAP: u64 = 256 * 1024 * 1024;
/// How often a CSRF token is asked for.
const CSRF_ATTEMPTS: u32 = 8;
/// How often one call fetches a CSRF token: once, and again when its session ended together with the access token.
const MOST_CSRF_FETCHES: u32 = 2;
/// How many 429 one call outlives.
const MOST_THROTTLED: u32 = 30;

/// Where gateways tell how many requests are left; none is documented for this API.
const RATE_HEADERS: [&str; 3] = [
    "x-ratelimit-remaining",
    "x-rate-limit-remaining",
    "ratelimit-remaining",
];

/// One call of the API.
pub struct Ask<'a> {
    pub method: Method,
    /// The path below `/api/v1/`, with its query.
    pub path: String,
    pub body: Body<'a>,
    pub bucket: Bucket,
    /// The role that a 403 would mean.
    pub role: Role,
    pub connection: Connection,
    /// How long it may take: archives take their time.
    pub timeout: fn(Deadline, Moment) -> Duration,
    /// Where the body of a good answer goes, when it is too large for memory.
    pub sink: Option<&'a File>,
    /// The value that it writes, which no error may repeat.
    pub value: Option<&'a str>,
    /// Any error body of the API is its answer, whatever the status; else one of 500 or more may mean that the call was lost.
    pub words_decide: bool,
}

impl<'a> Ask<'a> {
    /// A read of the design time.
    pub fn of_designtime(path: impl Into<String>) -> Self {
        Self::get(Bucket::Designtime, Role::PackagesRead, path)
    }

    /// A read of the run time.
    pub fn of_runtime(path: impl Into<String>) -> Self {
        Self::get(Bucket::Runtime, Role::MonitoringRead, path)
    }

    pub fn get(bucket: Bucket, role: Role, path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            body: Body::None,
            bucket,
            role,
            connection: Connection::Pooled,
            timeout: Deadline::poll_timeout,
            sink: None,
            value: None,
            words_decide: false,
        }
    }

    pub fn write(method: Method, role: Role, path: impl Into<String>, body: Body<'a>) -> Self {
        Self {
            method,
            body,
            ..Self::get(Bucket::Designtime, role, path)
        }
    }

    /// Whether what comes is no entity but what is stored in one.
    fn is_raw(&self) -> bool {
        self.path.ends_with("/$value")
    }
}

/// A token that lived at least this long was taken once, and has expired.
const SHORT_LIFE: Duration = Duration::from_secs(2);
/// Whether a call may renew the token that it renewed at these moments: once always, again only when the new token was good
/// for a while, and no more, however slowly it is refused.
fn may_renew(renewals: &[Moment], now: Moment) -> bool {
    match renewals {
        [] => true,
        [last] => now > *last + SHORT_LIFE,
        _ => false,
    }
}

/// Why one exchange gave no answer.
pub enum Trouble {
    /// Nothing that another try could better.
    Final(Box<TenantError>),
    /// The network, with what is known of how far the request got.
    Network(SendError),
}

impl From<TenantError> for Trouble {
    fn from(error: TenantError) -> Self {
        Self::Final(Box::new(error))
    }
}

impl Tenant {
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in force, fetched when there is none.
    pub fn token(&self, deadline: Deadline) -> Result<Option<AccessToken>, TenantError> {
        let mut session = self.session();
        if session.token.is_none() {
            session.token = self.fetch_token(deadline)?;
        }
        Ok(session.token.clone())
    }

    /// Forgets the token that was used, unless another thread has renewed it already.
    fn forget_token(&self, used: Option<&AccessToken>) {
        let mut session = self.session();
        let current = session.token.as_ref().map(|token| &token.value);
        if current == used.map(|token| &token.value) {
            session.token = None;
            session.csrf = None;
        }
    }

    /// One exchange. 429 and 401 mean that nothing was done, so they are dealt with here for every method.
    pub fn exchange(&self, ask: &Ask<'_>, deadline: Deadline) -> Result<Answer, Trouble> {
        let mut renewals = Vec::new();
        let mut csrf_fetches = 0;
        let mut throttled = 0;
        loop {
            let (answer, token, csrf) = self.attempt(ask, deadline)?;
            match answer.status {
                // a token that was good for a while may have expired once more; a fresh one is not taken at all
                401 if may_renew(&renewals, self.clock.now()) => {
                    renewals.push(self.clock.now());
                    self.forget_token(token.as_ref());
                }
                401 => return Err(self.unauthorized(ask, &answer).into()),
                403 if wants_csrf(&answer) && csrf_fetches < MOST_CSRF_FETCHES => {
                    csrf_fetches += 1;
                    self.renew_csrf(csrf.as_ref(), deadline)?;
                }
                406 if ask.is_raw() && !self.session().raw_as_stored => {
                    self.session().raw_as_stored = true;
                }
                429 => {
                    throttled += 1;
                    let pause = self.asked_to_wait(&answer).unwrap_or_default();
                    if throttled > MOST_THROTTLED || deadline.left(self.clock.now()) <= pause {
                        return Err(self.throttled(ask, &answer).into());
                    }
                    self.clock.sleep(pause);
                }
                _ => return Ok(answer),
            }
        }
    }

    /// How long an answer 429 asks to wait: what it says, else a second.
    fn asked_to_wait(&self, answer: &Answer) -> Option<Duration> {
        let told = || answer.retry_after(self.clock.date());
        (answer.status == 429).then(|| told().unwrap_or(Duration::from_secs(1)) + retry::jitter())
    }

    /// One answer, with the tokens that the request bore.
    fn attempt(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
    ) -> Result<(Answer, Option<AccessToken>, Option<Csrf>), Trouble> {
        if ask.method != Method::Get
            && self.credentials.wants_csrf()
            && self.session().csrf.is_none()
        {
            self.renew_csrf(None, deadline)?;
        }
        let token = self.token(deadline)?;
        let accepted = if ask.is_raw() && self.session().raw_as_stored {
            "*/*"
        } else {
            "application/json"
        };
        let mut headers = self.headers(accepted, token.as_ref());
        if matches!(ask.body, Body::Bytes(_) | Body::Stream { .. }) {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let csrf = self.session().csrf.clone();
        headers.extend(csrf.iter().flat_map(Csrf::headers));
        let outcome = self.send(ask, headers, deadline);
        let answer = outcome.map_err(Trouble::Network)?;
        Ok((answer, token, csrf))
    }

    /// Fetches a CSRF token unless another thread has done so since `used` was: one serves them all.
    fn renew_csrf(&self, used: Option<&Csrf>, deadline: Deadline) -> Result<(), TenantError> {
        let _turn = self
            .csrf_turn
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let current = self.session().csrf.clone();
        let is_used = |csrf: &Csrf| used.is_some_and(|used| used.token == csrf.token);
        match current {
            Some(csrf) if !is_used(&csrf) => Ok(()),
            _ => self.fetch_csrf(deadline),
        }
    }

    /// What every call bears: what it accepts, and who we are.
    fn headers(&self, accepted: &str, token: Option<&AccessToken>) -> Headers {
        let authorization = match &self.credentials.login {
            Login::Basic { username, password } => Some(self.basic(username, password)),
            Login::ClientCredentials { .. } => token.map(AccessToken::bearer),
        };
        let accept = ("Accept", accepted.to_owned());
        std::iter::once(accept).chain(authorization).collect()
    }

    fn send(
        &self,
        ask: &Ask<'_>,
        headers: Headers,
        deadline: Deadline,
    ) -> Result<Answer, SendError> {
        self.clock
            .sleep(self.pace.take(ask.bucket, self.clock.now()));
        let now = self.clock.now();
        let url = self.root_of(ask).api(&ask.path);
        let timeout = (ask.timeout)(deadline, now);
        let request = Request {
            headers,
            body: ask.body,
            connection: ask.connection,
            cap: ANSWER_CAP,
            file: ask.sink.map(|file| (file, DOWNLOAD_CAP)),
            ..Request::new(ask.method, &url, timeout)
        };
        let outcome = self.http.send(&request);
        self.note(ask, &outcome, self.clock.now().saturating_sub(now));
        if let Ok(answer) = &outcome {
            self.see(answer);
        }
        outcome
    }

    /// Takes note of what stands beside an answer: the tenant's clock, and how many requests are left.
    fn see(&self, answer: &Answer) {
        let mut session = self.session();
        if let Some(theirs) = answer.date() {
            session.seen.clocks = Some((theirs, self.clock.date()));
        }
        for name in RATE_HEADERS {
            if let Some(left) = answer.header(name) {
                session.seen.rate_left = Some(self.words(&format!("{name}: {left}")).to_string());
                break;
            }
        }
    }

    /// Where a call goes: those of the run time have a root of their own on an Edge Integration Cell.
    pub fn root_of(&self, ask: &Ask<'_>) -> &TenantUrl {
        match ask.bucket {
            Bucket::Designtime => &self.credentials.url,
            Bucket::Runtime => &self.credentials.runtime,
        }
    }

    /// How a request ended, for `--verbose`.
    pub(super) fn result(&self, outcome: &Result<Answer, SendError>) -> String {
        match outcome {
            Ok(answer) => answer.status.to_string(),
            Err(error) => self.words(error.reason()).to_string(),
        }
    }

    fn note(&self, ask: &Ask<'_>, outcome: &Result<Answer, SendError>, took: Duration) {
        let result = self.result(outcome);
        let path = ask.path.split('?').next().unwrap_or_default();
        (self.observer)(&format!(
            "{} {path} → {result} ({} ms)",
            ask.method.name(),
            took.as_millis()
        ));
    }

    /// Fetches a CSRF token with its cookies (SAP Help: GET on the service root with `X-CSRF-Token: Fetch`).
    pub fn fetch_csrf(&self, deadline: Deadline) -> Result<(), TenantError> {
        self.session().csrf = None;
        let ask = Ask::of_designtime("");
        let mut attempt = 0;
        loop {
            let token = self.token(deadline)?;
            let mut headers = self.headers("application/json", token.as_ref());
            headers.push(("X-CSRF-Token", "Fetch".to_owned()));
            let (error, asked_to_wait) = match self.send(&ask, headers, deadline) {
                Ok(answer) => match self.csrf_of(&answer) {
                    Some(csrf) => {
                        self.session().csrf = Some(csrf);
                        return Ok(());
                    }
                    None => (self.no_csrf(&answer), self.asked_to_wait(&answer)),
                },
                Err(error) => (self.unreachable(&ask, &error), None),
            };
            let pause = asked_to_wait.unwrap_or_else(|| retry::backoff(attempt));
            attempt += 1;
            let hopeless = attempt >= CSRF_ATTEMPTS || error.kind == Kind::Role;
            if hopeless || deadline.left(self.clock.now()) <= pause {
                return Err(error);
            }
            if error.kind == Kind::Credentials {
                self.forget_token(token.as_ref());
            }
            self.clock.sleep(pause);
        }
    }

    /// The CSRF token of an answer, hidden from now on.
    pub(super) fn csrf_of(&self, answer: &Answer) -> Option<Csrf> {
        let token = answer
            .header("x-csrf-token")
            .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("required"))?;
        let cookies = session::cookies(answer);
        self.redactor.add(token);
        self.redactor.add(&cookies);
        Some(Csrf {
            token: Secret::new(token.to_owned()),
            cookies: Secret::new(cookies),
        })
    }
}

fn wants_csrf(answer: &Answer) -> bool {
    answer
        .header("x-csrf-token")
        .is_some_and(|value| value.eq_ignore_ascii_case("required"))
}
