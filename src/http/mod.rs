//! HTTP to the tenant. This room alone names the HTTP client and the TLS library.
//!
//! A request is sent once, and each failure says whether it may have arrived: only so can a caller repeat what is
//! safe to repeat, and nothing else.

mod answer;
mod certificate;
mod error;
mod progress;
mod proxy;
mod request;
pub mod retry;
mod roots;
mod source;
mod tls;
mod wire;
mod words;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;

use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::{Agent, SendBody};

use crate::settings::address::is_loopback;
use crate::settings::credentials::ClientCertificate;
use crate::settings::environment::Environment;
use crate::text::redactor::Redactor;

use progress::Progress;
use proxy::{Chosen, Proxies};
use roots::Roots;
use source::Source;
use tls::{Encryption, Identity};
use words::Circumstances;

pub use answer::Answer;
pub use certificate::CertificateFacts;
pub use error::{HttpError, SendError, Sent, Stage};
pub use request::{Body, Connection, Headers, Method, Open, Request};

/// The most that is read of an answer that is no success, in bytes: enough for any error text.
const ERROR_CAP: u64 = 64 * 1024;
/// Reaching a host, with proxy and encryption.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Above it, a server that refuses by the head alone should not have to take the whole body: without being asked
/// first, it would close the connection and its answer would be lost.
const ASK_FIRST_ABOVE: u64 = 1024 * 1024;
/// Four of them for each encrypted connection.
const BUFFER: usize = 32 * 1024;
/// Must fit into a buffer.
const LARGEST_HEAD: usize = 24 * 1024;
/// One for each thread that may send at a time.
const MOST_IDLE: usize = 16;
/// The client adds timeouts to its clock, which does not go on forever.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer than most servers keep an idle connection would be no use.
const IDLE: Duration = Duration::from_secs(15);

/// Sends requests. One for a run, shared by its threads.
pub struct Http {
    pooled: Agent,
    /// Keeps no connection, so that each of its requests makes one; the pool of the other is left alone.
    fresh: Agent,
    addresses: wire::Addresses,
    proxies: Proxies,
    encryption: Arc<Encryption>,
    redactor: Redactor,
}

impl Http {
    /// Chooses trust and proxies from the variables. Passwords of proxies are hidden in `redactor`. The certificate
    /// is for the host beside it, and shown to no other.
    pub fn new(
        environment: &Environment,
        redactor: &Redactor,
        certificate: Option<(&ClientCertificate, &str)>,
    ) -> Result<Self, HttpError> {
        let proxies = Proxies::read(environment, redactor)?;
        let roots = Roots::choose(environment)?;
        let identity = certificate
            .map(|(certificate, host)| Identity::read(certificate, host))
            .transpose()?;
        let encryption = Arc::new(Encryption::new(roots, identity));
        let addresses = wire::Addresses::default();
        let connector = || wire::connector(&encryption);
        let agent = |idle| Agent::with_parts(config(idle), connector(), addresses.clone());
        let (pooled, fresh) = (agent(MOST_IDLE), agent(0));
        Ok(Self {
            pooled,
            fresh,
            addresses,
            proxies,
            encryption,
            redactor: redactor.clone(),
        })
    }

    /// Which certificates are trusted.
    pub fn trust(&self) -> &str {
        &self.encryption.roots.description
    }

    /// Through which proxy requests go, without its password; `none` where there is none.
    pub fn proxy(&self) -> String {
        self.proxies.describe()
    }

    /// The certificates that `host` has shown in this run, its own first; those of what re-signs the connection where
    /// something does. Empty before the first encrypted connection.
    pub fn shown_by(&self, host: &str) -> Vec<CertificateFacts> {
        self.encryption.shown.of(host)
    }

    /// Whether a public authority vouches for what `host` has shown; `None` before the first encrypted connection.
    pub fn is_vouched_for_publicly(&self, host: &str) -> Option<bool> {
        let shown = self.shown_by(host);
        let last = shown.last()?;
        Some(roots::is_public(&last.issuer) || roots::is_public(&last.subject))
    }

    /// The proxy on the way to `host`, without its password; `None` when it is reached directly.
    pub fn proxy_to(&self, host: &str) -> Option<String> {
        self.proxies
            .choose("https", host, 443)
            .map(Chosen::describe)
    }

    /// Host and port of the proxy on the way to `host`.
    pub fn proxy_address(&self, host: &str) -> Option<String> {
        self.proxies.choose("https", host, 443).map(Chosen::address)
    }

    /// Whether `host` is reached directly because `NO_PROXY` says so.
    pub fn is_excepted(&self, host: &str) -> bool {
        self.proxies.is_excepted(host, 443)
    }

    /// Sends `request` once and reads the answer, whatever its status.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, SendError> {
        let target = match Target::of(request, &self.proxies) {
            Ok(target) => target,
            Err(reason) => return Err(self.local_failure(request, &reason)),
        };
        progress::begin(request.announced().unwrap_or(0));
        let response = self.run(request, &target);
        let answer = response.and_then(|response| receive(response, request));
        let progress = progress::end();
        answer.map_err(|failure| self.explain(request, &target, failure, &progress))
    }

    fn run(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
    ) -> Result<Response<ureq::Body>, Failure> {
        if request.announced().is_none() {
            let response = self.dispatch(request, target, SendBody::none());
            return response.map_err(Failure::Head);
        }
        let source = Source::open(&request.body);
        let mut source = source.map_err(|error| Failure::Source(error.to_string()))?;
        let response = self.dispatch(request, target, SendBody::from_reader(&mut source));
        response.map_err(|error| match source.failure {
            Some(reason) => Failure::Source(reason),
            None => Failure::Head(error),
        })
    }

    fn dispatch(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        body: SendBody<'_>,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let message = compose(request, target, body)?;
        let agent = match request.connection {
            Connection::Pooled => &self.pooled,
            Connection::Fresh => &self.fresh,
        };
        let configured = agent
            .configure_request(message)
            .proxy(target.proxy.map(|chosen| chosen.proxy.clone()))
            .timeout_global(Some(request.timeout.min(LONGEST)))
            .build();
        agent.run(configured)
    }

    fn local_failure(&self, request: &Request<'_>, reason: &str) -> SendError {
        SendError {
            request: self.naming(request),
            ..SendError::before_sending(self.redactor.clean(reason))
        }
    }

    fn explain(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        failure: Failure,
        progress: &Progress,
    ) -> SendError {
        match failure {
            Failure::Source(reason) => {
                self.local_failure(request, &format!("its body cannot be read: {reason}"))
            }
            Failure::File(status, reason) => {
                let reason = format!("the file for the answer cannot be written: {reason}");
                SendError {
                    sent: progress.sent,
                    status: Some(status),
                    ..self.local_failure(request, &reason)
                }
            }
            Failure::Head(error) => {
                let stage = stage_of(&error, progress);
                self.explain_client(request, target, &error, stage, progress.sent)
            }
            Failure::Body(status, error) => SendError {
                status: Some(status),
                ..self.explain_client(request, target, &error.into(), Stage::Body, progress.sent)
            },
        }
    }

    fn explain_client(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        error: &ureq::Error,
        stage: Stage,
        sent: Sent,
    ) -> SendError {
        if matches!(stage, Stage::Resolve | Stage::Connect | Stage::Proxy) {
            self.addresses.forget();
        }
        let reason = words::sentence(
            error,
            &Circumstances {
                stage,
                host: &target.host,
                shown: &self.shown_by(&target.host),
                proxy: target.proxy,
                timeout: request.timeout,
            },
        );
        SendError {
            sent,
            stage,
            status: None,
            timed_out: words::is_timeout(error),
            refused_certificate: words::refuses_certificate(error),
            request: self.naming(request),
            reason: self.redactor.clean(&reason).into_owned(),
        }
    }

    /// `GET https://host/path: `, without the query.
    fn naming(&self, request: &Request<'_>) -> String {
        let address = self.redactor.clean(without_query(request.url));
        format!("{} {address}: ", request.method)
    }
}

fn config(idle: usize) -> Config {
    Agent::config_builder()
        // else the client would read variables by rules of its own
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("flowship/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .max_response_header_size(LARGEST_HEAD)
        .max_idle_connections(idle)
        .max_idle_connections_per_host(idle)
        .max_idle_age(IDLE)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build()
}

/// Why there is no whole answer.
enum Failure {
    /// The body to be sent could not be read.
    Source(String),
    /// There is no head.
    Head(ureq::Error),
    Body(u16, io::Error),
    File(u16, io::Error),
}

/// Trust shows only when the first byte is exchanged, after the way stands.
fn stage_of(error: &ureq::Error, progress: &Progress) -> Stage {
    match (error, progress.stage) {
        (ureq::Error::BadUri(_) | ureq::Error::Http(_), Stage::Resolve) => Stage::Local,
        (error, Stage::Connect) if words::is_tls(error) => Stage::Tls,
        (_, stage) => stage,
    }
}

/// Where a request goes, and through which proxy.
struct Target<'h> {
    uri: Uri,
    host: String,
    proxy: Option<&'h Chosen>,
}

impl<'h> Target<'h> {
    fn of(request: &Request<'_>, proxies: &'h Proxies) -> Result<Self, String> {
        let uri: Uri = request.url.parse().map_err(|_| "this is no address")?;
        let host = uri.host().unwrap_or_default().to_owned();
        let (scheme, standard) = match uri.scheme_str() {
            Some("https") => ("https", 443),
            Some("http") if is_loopback(&host) => ("http", 80),
            Some("http") => {
                return Err(
                    "plain http would show the credentials to the network; use https".to_owned(),
                );
            }
            _ => return Err("the address must begin with https://".to_owned()),
        };
        let proxy = proxies.choose(scheme, &host, uri.port_u16().unwrap_or(standard));
        Ok(Self { uri, host, proxy })
    }
}

fn compose<'b>(
    request: &Request<'_>,
    target: &Target<'_>,
    body: SendBody<'b>,
) -> Result<ureq::http::Request<SendBody<'b>>, ureq::http::Error> {
    let mut message = ureq::http::Request::builder()
        .method(request.method.name())
        .uri(target.uri.clone());
    for (name, value) in &request.headers {
        message = message.header(*name, value);
    }
    for (name, value) in request.own_headers {
        message = message.header(name, value);
    }
    if let Some(length) = request.announced() {
        message = message.header("Content-Length", length);
        if length > ASK_FIRST_ABOVE {
            message = message.header("Expect", "100-continue");
        }
    }
    message.body(body)
}

fn receive(mut response: Response<ureq::Body>, request: &Request<'_>) -> Result<Answer, Failure> {
    let status = response.status().as_u16();
    let mut answer = Answer {
        status,
        headers: headers_of(&response),
        ..Answer::default()
    };
    let mut body = response.body_mut().as_reader();
    answer.cut = match request.file {
        Some((mut file, cap)) if (200..300).contains(&status) && !answer.is_html_type() => {
            let emptied = file.set_len(0).and_then(|()| file.rewind());
            emptied.map_err(|error| Failure::File(status, error))?;
            copy(status, &mut body, &mut file, cap)?
        }
        _ => {
            let cap = match status {
                300.. => request.cap.min(ERROR_CAP),
                _ => request.cap,
            };
            copy(status, &mut body, &mut answer.body, cap)?
        }
    };
    Ok(answer)
}

fn headers_of(response: &Response<ureq::Body>) -> Vec<(String, String)> {
    let headers = response.headers().iter();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers
        .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
        .collect()
}

/// Copies at most `cap` bytes of the body of an answer with this status; whether there was more. Reading to the very end is
/// what returns the connection to the pool.
fn copy(status: u16, from: &mut impl Read, to: &mut impl Write, cap: u64) -> Result<bool, Failure> {
    let mut buffer = [0; 16 * 1024];
    let mut left = cap;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Body(status, error)),
        };
        let kept = usize::try_from(left).unwrap_or(usize::MAX).min(count);
        to.write_all(&buffer[..kept])
            .map_err(|error| Failure::File(status, error))?;
        left -= kept as u64;
        if kept < count {
            return Ok(true);
        }
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
