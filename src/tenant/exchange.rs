//! One exchange with the tenant: who we are, our turn, CSRF, one refresh on 401, patience on 429; then what the
//! answer means. Reads are repeated here. A write whose answer was lost is not: its caller looks first.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::Tenant;
use super::error::{Kind, TenantError, is_permanent, remedy};
use super::odata;
use super::pace::Bucket;
use super::roles::Role;
use super::session::{self, AccessToken, Csrf, Session};
use crate::clock::Deadline;
use crate::http::{Answer, Body, Connection, Method, Request, SendError, Sent, Stage, retry};
use crate::settings::credentials::Login;
use crate::settings::redactor::Redactor;
use crate::settings::secret::Secret;
use crate::words::Words;

/// The most that is read of an ordinary answer, in bytes. Lists of a whole package stay far below it.
const ANSWER_CAP: u64 = 8 * 1024 * 1024;
/// The largest archive that is downloaded, in bytes.
const DOWNLOAD_CAP: u64 = 1024 * 1024 * 1024;
/// How often a read is repeated when the tenant is not available.
const READ_ATTEMPTS: u32 = 10;
/// How often a read is repeated when its answer makes no sense.
const NONSENSE_ATTEMPTS: u32 = 6;
/// How often one call fetches a CSRF token: once, and again when its session ended together with the access token.
const MOST_CSRF_FETCHES: u32 = 2;
/// How many 429 one call outlives.
const MOST_THROTTLED: u32 = 30;

/// One call of the API.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The path below `/api/v1/`, with its query.
    pub(super) path: String,
    pub(super) body: Body<'a>,
    pub(super) bucket: Bucket,
    /// The role that a 403 would mean.
    pub(super) role: Role,
    pub(super) connection: Connection,
    /// Whether one attempt may take all of the time left.
    pub(super) long: bool,
    /// Where the body of a good answer goes, when it is too large for memory.
    pub(super) sink: Option<RefCell<File>>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(bucket: Bucket, role: Role, path: String) -> Self {
        Self {
            method: Method::Get,
            path,
            body: Body::None,
            bucket,
            role,
            connection: Connection::Pooled,
            long: false,
            sink: None,
        }
    }

    pub(super) fn write(method: Method, role: Role, path: String, body: Body<'a>) -> Self {
        Self {
            method,
            path,
            body,
            bucket: Bucket::Designtime,
            role,
            connection: Connection::Pooled,
            long: false,
            sink: None,
        }
    }
}

/// Why one exchange gave no answer.
pub(super) enum Trouble {
    /// Nothing that another try could better.
    Final(Box<TenantError>),
    /// The network, with what is known of how far the request got.
    Network(SendError),
}

/// What an answer means before anybody knows what was asked.
pub(super) enum Meaning {
    /// 2xx of the API, or at least no web page.
    Good,
    /// The API speaks: its status and its text, empty for a bare status.
    Says(String),
    /// A web page, a redirect, a router's text.
    Page,
    /// 5xx without a word of the API.
    Down,
}

/// What became of a read.
#[derive(Debug)]
pub enum Reading<T> {
    /// There it is.
    Found(T),
    /// The API's own "not found".
    Missing,
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// Carried out; the answer's body, possibly empty.
    Done(Vec<u8>),
    /// Perhaps carried out: the answer was lost, or is none of the API.
    Lost(String),
}

impl Tenant {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token in force, fetched when there is none.
    pub(super) fn token(
        &self,
        deadline: Deadline,
    ) -> Result<(Option<AccessToken>, u64), TenantError> {
        let mut session = self.session();
        if session.token.is_none() {
            session.token = session::fetch_token(
                &self.http,
                &self.credentials,
                &self.redactor,
                &self.clock,
                deadline,
            )?;
            session.generation += 1;
        }
        Ok((session.token.clone(), session.generation))
    }

    fn forget_token(&self, generation: u64) {
        let mut session = self.session();
        if session.generation == generation {
            session.token = None;
            session.csrf = None;
        }
    }

    /// One exchange. 429 and 401 mean that nothing was done, so they are dealt with here for every method.
    pub(super) fn exchange(&self, ask: &Ask<'_>, deadline: Deadline) -> Result<Answer, Trouble> {
        let mut refreshed = false;
        let mut csrf_fetches = 0;
        let mut throttled = 0;
        loop {
            let (answer, generation) = self.attempt(ask, deadline)?;
            match answer.status {
                401 if !refreshed => {
                    refreshed = true;
                    self.forget_token(generation);
                }
                401 => return Err(Trouble::Final(Box::new(self.unauthorized(ask, &answer)))),
                403 if wants_csrf(&answer) && csrf_fetches < MOST_CSRF_FETCHES => {
                    csrf_fetches += 1;
                    self.fetch_csrf(deadline)?;
                }
                429 => {
                    throttled += 1;
                    let pause = answer
                        .retry_after(self.clock.date())
                        .unwrap_or(Duration::from_secs(1))
                        + retry::jitter();
                    if throttled > MOST_THROTTLED || deadline.left(self.clock.now()) <= pause {
                        return Err(Trouble::Final(Box::new(self.throttled(ask, &answer))));
                    }
                    self.clock.sleep(pause);
                }
                _ => return Ok(answer),
            }
        }
    }

    fn attempt(&self, ask: &Ask<'_>, deadline: Deadline) -> Result<(Answer, u64), Trouble> {
        if ask.method != Method::Get
            && self.credentials.wants_csrf()
            && self.session().csrf.is_none()
        {
            self.fetch_csrf(deadline)?;
        }
        let (token, generation) = self
            .token(deadline)
            .map_err(|error| Trouble::Final(Box::new(error)))?;
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            (
                "Authorization",
                self.authorization(token.as_ref()).expose().to_owned(),
            ),
        ];
        if matches!(ask.body, Body::Bytes(_) | Body::Stream { .. }) {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        if let Some(csrf) = &self.session().csrf {
            headers.push(("X-CSRF-Token", csrf.token.expose().to_owned()));
            headers.push(("Cookie", csrf.cookies.expose().to_owned()));
        }
        let answer = self
            .send(ask, headers, deadline)
            .map_err(Trouble::Network)?;
        Ok((answer, generation))
    }

    fn authorization(&self, token: Option<&AccessToken>) -> Secret {
        match (&self.credentials.login, token) {
            (Login::Basic { username, password }, _) => {
                let header = session::basic(username, password);
                self.redactor
                    .add(header.expose().trim_start_matches("Basic "));
                header
            }
            (Login::ClientCredentials { .. }, Some(token)) => {
                Secret::new(format!("Bearer {}", token.value.expose()))
            }
            (Login::ClientCredentials { .. }, None) => Secret::new(String::new()),
        }
    }

    fn send(
        &self,
        ask: &Ask<'_>,
        headers: Vec<(&'static str, String)>,
        deadline: Deadline,
    ) -> Result<Answer, SendError> {
        self.clock
            .sleep(self.pace.take(ask.bucket, self.clock.now()));
        let now = self.clock.now();
        let url = self.credentials.url.api(&ask.path);
        let timeout = if ask.long {
            deadline.upload_timeout(now)
        } else {
            deadline.poll_timeout(now)
        };
        let request = Request {
            method: ask.method,
            url: &url,
            headers,
            body: ask.body,
            timeout,
            connection: ask.connection,
            cap: ANSWER_CAP,
        };
        let outcome = match &ask.sink {
            Some(file) => self
                .http
                .send_to_file(&request, &mut file.borrow_mut(), DOWNLOAD_CAP),
            None => self.http.send(&request),
        };
        self.note(ask, &outcome, self.clock.now().saturating_sub(now));
        outcome
    }

    /// Reads an archive into an unnamed file, positioned at its start; repeated like any read.
    pub(super) fn read_archive(
        &self,
        mut ask: Ask<'_>,
        deadline: Deadline,
    ) -> Result<Reading<File>, TenantError> {
        let file = tempfile::tempfile().map_err(|error| no_temporary_file(&error))?;
        ask.sink = Some(RefCell::new(file));
        let reading = self.read(&ask, deadline, |answer| {
            (answer.status == 200 && ask.sink.as_ref().is_some_and(holds_a_zip)).then_some(())
        })?;
        match (reading, ask.sink) {
            (Reading::Found(()), Some(file)) => {
                let mut file = file.into_inner();
                file.rewind().map_err(|error| no_temporary_file(&error))?;
                Ok(Reading::Found(file))
            }
            _ => Ok(Reading::Missing),
        }
    }

    fn note(&self, ask: &Ask<'_>, outcome: &Result<Answer, SendError>, took: Duration) {
        let result = match outcome {
            Ok(answer) => answer.status.to_string(),
            Err(error) => Words::new(error.reason(), &self.redactor).to_string(),
        };
        let path = ask.path.split('?').next().unwrap_or_default();
        (self.observer)(&format!(
            "{} {path} → {result} ({} ms)",
            ask.method.name(),
            took.as_millis()
        ));
    }

    /// Fetches a CSRF token with its cookies (SAP Help: GET on the service root with `X-CSRF-Token: Fetch`).
    fn fetch_csrf(&self, deadline: Deadline) -> Result<(), Trouble> {
        self.session().csrf = None;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (token, _) = self
                .token(deadline)
                .map_err(|error| Trouble::Final(Box::new(error)))?;
            let ask = Ask::get(Bucket::Designtime, Role::PackagesRead, String::new());
            let headers = vec![
                ("Accept", "application/json".to_owned()),
                (
                    "Authorization",
                    self.authorization(token.as_ref()).expose().to_owned(),
                ),
                ("X-CSRF-Token", "Fetch".to_owned()),
            ];
            let outcome = self.send(&ask, headers, deadline);
            let error = match outcome {
                Ok(answer) => match csrf_of(&answer) {
                    Some(csrf) => {
                        self.redactor.add(csrf.token.expose());
                        self.redactor.add(csrf.cookies.expose());
                        self.session().csrf = Some(csrf);
                        return Ok(());
                    }
                    None => self.no_csrf(&answer),
                },
                Err(error) => self.unreachable(&ask, &error),
            };
            let pause = retry::backoff(attempt - 1);
            if attempt >= NONSENSE_ATTEMPTS || deadline.left(self.clock.now()) <= pause {
                return Err(Trouble::Final(Box::new(error)));
            }
            if matches!(error.kind, Kind::Credentials) {
                let generation = self.session().generation;
                self.forget_token(generation);
            }
            self.clock.sleep(pause);
        }
    }

    fn no_csrf(&self, answer: &Answer) -> TenantError {
        let (kind, what) = match answer.status {
            401 => (Kind::Credentials, "the tenant did not take the credentials"),
            403 => (Kind::Role, "the tenant gave no CSRF token"),
            _ => (Kind::Nonsense, "the tenant gave no CSRF token"),
        };
        TenantError {
            kind,
            what: what.to_owned(),
            at: format!("GET {} → {}", self.credentials.url.api(""), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some("a login page here means that this host or user takes part in single sign-on: use a service key of plan `api`".to_owned()),
        }
    }

    /// Reads until there is an answer of the API that `parse` understands, or until trying is of no more use.
    pub(super) fn read<T>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        parse: impl Fn(&Answer) -> Option<T>,
    ) -> Result<Reading<T>, TenantError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (error, most) = match self.read_once(ask, deadline, &parse) {
                Ok(reading) => return Ok(reading),
                Err(Again::Never(error)) => return Err(*error),
                Err(Again::Perhaps(error, most)) => (*error, most),
            };
            let pause = retry::backoff(attempt - 1);
            if attempt >= most || deadline.left(self.clock.now()) <= pause {
                return Err(error);
            }
            self.clock.sleep(pause);
        }
    }

    /// Asks once; tells whether asking again may help.
    pub(super) fn read_once<T>(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        parse: impl Fn(&Answer) -> Option<T>,
    ) -> Result<Reading<T>, Again> {
        let answer = match self.exchange(ask, deadline) {
            Ok(answer) => answer,
            Err(Trouble::Final(error)) => return Err(Again::Never(error)),
            Err(Trouble::Network(error)) => {
                return Err(Again::Perhaps(
                    Box::new(self.unreachable(ask, &error)),
                    error.attempts(),
                ));
            }
        };
        match meaning(&answer) {
            Meaning::Good => match parse(&answer) {
                Some(found) => Ok(Reading::Found(found)),
                None => Err(Again::Perhaps(
                    Box::new(self.nonsense(ask, &answer)),
                    NONSENSE_ATTEMPTS,
                )),
            },
            Meaning::Says(text) if is_missing(answer.status, &text) => Ok(Reading::Missing),
            _ if answer.status == 403 => Err(Again::Never(Box::new(self.forbidden(ask, &answer)))),
            Meaning::Says(text) if answer.status >= 500 => {
                let most = if is_permanent(&text) {
                    1
                } else {
                    NONSENSE_ATTEMPTS
                };
                Err(Again::Perhaps(
                    Box::new(self.refused(ask, &answer, &text)),
                    most,
                ))
            }
            Meaning::Says(text) => Err(Again::Never(Box::new(self.refused(ask, &answer, &text)))),
            Meaning::Page => Err(Again::Perhaps(
                Box::new(self.nonsense(ask, &answer)),
                NONSENSE_ATTEMPTS,
            )),
            Meaning::Down => Err(Again::Perhaps(
                Box::new(self.down(ask, &answer)),
                READ_ATTEMPTS,
            )),
        }
    }

    /// Writes once; repeats only what certainly did not arrive. `answers` tells whether a 2xx answer is one that this
    /// call gives: a proxy's page with status 200 is none.
    pub(super) fn write(
        &self,
        ask: &Ask<'_>,
        deadline: Deadline,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Written, TenantError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.exchange(ask, deadline) {
                Ok(answer) => return self.write_meaning(ask, &answer, answers),
                Err(Trouble::Final(error)) => return Err(*error),
                Err(Trouble::Network(error)) if error.sent == Sent::Maybe => {
                    return Ok(lost_on_the_way(&error, &self.redactor));
                }
                Err(Trouble::Network(error)) => {
                    let pause = retry::backoff(attempt - 1);
                    if attempt >= error.attempts() || deadline.left(self.clock.now()) <= pause {
                        return Err(self.unreachable(ask, &error));
                    }
                    self.clock.sleep(pause);
                }
            }
        }
    }

    fn write_meaning(
        &self,
        ask: &Ask<'_>,
        answer: &Answer,
        answers: impl Fn(&Answer) -> bool,
    ) -> Result<Written, TenantError> {
        match meaning(answer) {
            Meaning::Good if answers(answer) => Ok(Written::Done(answer.body.clone())),
            Meaning::Good => Ok(Written::Lost(format!(
                "status {} with a body that this call never gives",
                answer.status
            ))),
            _ if answer.status == 403 => Err(self.forbidden(ask, answer)),
            Meaning::Says(text)
                if answer.status < 500 || answer.status == 501 || is_permanent(&text) =>
            {
                Err(self.refused(ask, answer, &text))
            }
            Meaning::Says(text) => Ok(Written::Lost(format!(
                "status {}: {}",
                answer.status,
                Words::new(&text, &self.redactor)
            ))),
            Meaning::Page
                if (400..500).contains(&answer.status) && !matches!(answer.status, 404 | 408) =>
            {
                let text = page_words(answer, &self.redactor)
                    .map(|words| words.to_string())
                    .unwrap_or_default();
                Err(self.refused(ask, answer, &text))
            }
            Meaning::Page | Meaning::Down => {
                Ok(Written::Lost(match page_words(answer, &self.redactor) {
                    Some(words) => format!(
                        "status {}, not an answer of the API: {words}",
                        answer.status
                    ),
                    None => format!("status {} without a body", answer.status),
                }))
            }
        }
    }

    fn at(&self, ask: &Ask<'_>) -> String {
        let path = ask.path.split('?').next().unwrap_or_default();
        format!("{} {}", ask.method.name(), self.credentials.url.api(path))
    }

    fn unreachable(&self, ask: &Ask<'_>, error: &SendError) -> TenantError {
        not_reached(
            error,
            ask.method.name(),
            self.at(ask).split_once(' ').map_or("", |(_, url)| url),
            &self.redactor,
        )
    }

    fn throttled(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        TenantError {
            kind: Kind::Unreachable,
            what: "the tenant's rate limit left no room".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some("other pipelines or users share the tenant's limit: run them one after the other, or give this one a longer --timeout".to_owned()),
        }
    }

    fn down(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        TenantError {
            kind: Kind::Unreachable,
            what: "the tenant is not available".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some(
                "SAP announces maintenance and incidents for each data centre; run again later"
                    .to_owned(),
            ),
        }
    }

    fn nonsense(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let what = if answer.is_html() {
            "a web page came instead of an answer of the API"
        } else {
            "the answer is none that this call gives"
        };
        TenantError {
            kind: Kind::Nonsense,
            what: what.to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some("CPI_URL must be the `url` of a service key of plan `api`; the host of the runtime, of the web UI behind a login, or of a proxy answers like this".to_owned()),
        }
    }

    fn unauthorized(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let hint = match &self.credentials.login {
            Login::Basic { .. } => {
                "check CPI_USERNAME and CPI_PASSWORD; client id and secret of a service key are no user: give them as CPI_CLIENT_ID and CPI_CLIENT_SECRET"
            }
            Login::ClientCredentials { .. } => {
                "the token was issued, but this tenant does not take it: the key belongs to another tenant or another service, or to a deleted instance; use a service key of Process Integration Runtime, plan `api`, of this tenant"
            }
        };
        TenantError {
            kind: Kind::Credentials,
            what: "the tenant did not take the credentials".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some(hint.to_owned()),
        }
    }

    pub(super) fn forbidden(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let role = ask.role.name();
        TenantError {
            kind: Kind::Role,
            what: format!("the role {role} is missing"),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some(format!(
                "add {role} to the roles of the service instance (plan `api`); SAP takes up to an hour to consider a changed role, and tokens keep their old roles until they expire"
            )),
        }
    }

    fn refused(&self, ask: &Ask<'_>, answer: &Answer, text: &str) -> TenantError {
        TenantError {
            kind: if answer.status == 404 {
                Kind::NotFound
            } else {
                Kind::Refused
            },
            what: "the tenant refused the call".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: Some(Words::new(text, &self.redactor)),
            hint: remedy(answer.status, text),
        }
    }
}

/// Whether a file begins as a zip does.
fn holds_a_zip(file: &RefCell<File>) -> bool {
    let mut file = file.borrow_mut();
    let mut head = [0; 2];
    file.rewind()
        .and_then(|()| file.read_exact(&mut head))
        .is_ok()
        && &head == b"PK"
}

fn no_temporary_file(error: &std::io::Error) -> TenantError {
    TenantError {
        kind: Kind::Unreachable,
        what: format!("no temporary file could be written: {error}"),
        at: "the directory for temporary files (TMPDIR)".to_owned(),
        says: None,
        hint: Some("make room there, or let TMPDIR name another directory".to_owned()),
    }
}

/// Whether a failed read may be repeated.
pub(super) enum Again {
    /// Another try may help; at most so many in all.
    Perhaps(Box<TenantError>, u32),
    /// It is final.
    Never(Box<TenantError>),
}

/// The error of a request that got no answer.
pub(super) fn not_reached(
    error: &SendError,
    method: &str,
    url: &str,
    redactor: &Redactor,
) -> TenantError {
    let what = match error.stage {
        Stage::Local => "the request could not be made",
        Stage::Resolve => "the host name is not known",
        Stage::Proxy => "the proxy did not let us through",
        Stage::Connect => "there is no connection",
        Stage::Tls => "the encrypted connection (TLS) failed",
        Stage::Send | Stage::Head | Stage::Body if error.timed_out => {
            "the answer did not come in time"
        }
        Stage::Send | Stage::Head | Stage::Body => "the connection broke",
    };
    TenantError {
        kind: Kind::Unreachable,
        what: what.to_owned(),
        at: format!("{method} {url}"),
        says: Some(Words::new(error.reason(), redactor)),
        hint: None,
    }
}

/// What a write that got no answer leaves behind. When the head of a 2xx answer arrived, the work was done.
fn lost_on_the_way(error: &SendError, redactor: &Redactor) -> Written {
    match error.status {
        Some(200..=299) => Written::Done(Vec::new()),
        _ => Written::Lost(Words::new(error.reason(), redactor).to_string()),
    }
}

/// Sorts an answer without knowing what was asked.
pub(super) fn meaning(answer: &Answer) -> Meaning {
    if answer.is_html() || (300..400).contains(&answer.status) {
        return if answer.status >= 500 {
            Meaning::Down
        } else {
            Meaning::Page
        };
    }
    if (200..300).contains(&answer.status) {
        return Meaning::Good;
    }
    match odata::error_text(&answer.body) {
        Some(text) => Meaning::Says(text),
        None if answer.status >= 500 && answer.status != 501 => Meaning::Down,
        None if answer.status == 404 || answer.status < 400 => Meaning::Page,
        None => Meaning::Says(String::from_utf8_lossy(&answer.body).trim().to_owned()),
    }
}

/// Whether this is the API's own "not found": the status with the API's error body, or its text under another status.
fn is_missing(status: u16, text: &str) -> bool {
    status == 404 || text.contains("Requested entity could not be found")
}

fn wants_csrf(answer: &Answer) -> bool {
    answer
        .header("x-csrf-token")
        .is_some_and(|value| value.eq_ignore_ascii_case("required"))
}

fn csrf_of(answer: &Answer) -> Option<Csrf> {
    let token = answer
        .header("x-csrf-token")
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("required"))?;
    Some(Csrf {
        token: Secret::new(token.to_owned()),
        cookies: Secret::new(session::cookies(answer)),
    })
}

/// What a page that is no answer of the API says: its title, or the start of its text.
pub(super) fn page_words(answer: &Answer, redactor: &Redactor) -> Option<Words> {
    let text = String::from_utf8_lossy(&answer.body);
    let told =
        odata::error_text(&answer.body).unwrap_or_else(|| title(&text).unwrap_or(&text).to_owned());
    let words = Words::new(&told, redactor).brief();
    (!words.is_empty()).then_some(words)
}

fn title(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let open = start + lower[start..].find('>')? + 1;
    let close = open + lower[open..].find("</title")?;
    text.get(open..close)
}
