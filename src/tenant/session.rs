//! Who we are to the tenant: the access token, and the CSRF token with its cookies.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::{Kind, TenantError};
use super::odata;
use super::roles::Claims;
use crate::clock::{Clock, Deadline};
use crate::http::{Answer, Body, Connection, Http, Method, Request, retry};
use crate::settings::credentials::{Credentials, Login, Proof};
use crate::settings::secret::Secret;
use crate::text::Words;
use crate::text::redactor::Redactor;

/// The most that is read of a token answer, in bytes.
const TOKEN_CAP: u64 = 256 * 1024;
/// How often a token is asked for before giving up.
const TOKEN_ATTEMPTS: u32 = 6;

/// A token, and what it tells.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) value: Secret,
    pub(super) claims: Claims,
}

/// A CSRF token and the session cookies that it is bound to.
#[derive(Clone, Debug)]
pub(super) struct Csrf {
    pub(super) token: Secret,
    pub(super) cookies: Secret,
}

/// What a session holds now. `generation` counts the access tokens, so that two threads that meet a 401 with the
/// same token refresh it once.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) token: Option<AccessToken>,
    pub(super) generation: u64,
    pub(super) csrf: Option<Csrf>,
    /// The names, in lower case, that the tenant gave what this run had just written.
    pub(super) identities: BTreeSet<String>,
    /// What was seen beside the answers.
    pub(super) seen: Seen,
}

/// What was seen beside the answers of the tenant.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The tenant's `Date`, and this machine's at the same moment.
    pub clocks: Option<(SystemTime, SystemTime)>,
    /// A header that tells how many requests are left, with its value.
    pub rate_left: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    scope: Option<String>,
}

/// The header that names us: a bearer token or basic authentication.
pub(super) fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(format!(
        "Basic {}",
        STANDARD.encode(format!("{user}:{}", password.expose()))
    ))
}

/// Asks for an access token until one comes, the deadline passes, or the answer is final.
pub(super) fn fetch_token(
    http: &Http,
    credentials: &Credentials,
    redactor: &Redactor,
    clock: &Clock,
    deadline: Deadline,
) -> Result<Option<AccessToken>, TenantError> {
    let Login::ClientCredentials {
        token_url,
        client_id,
        proof,
    } = &credentials.login
    else {
        return Ok(None);
    };
    let url = token_url.to_string();
    let request = TokenRequest::new(client_id, proof, credentials.is_neo());
    if let Some(authorization) = &request.authorization {
        redactor.add(authorization.expose().trim_start_matches("Basic "));
    }
    let mut refusals = 0;
    let mut attempt = 0;
    let mut most = TOKEN_ATTEMPTS;
    loop {
        attempt += 1;
        let outcome = request.send(http, &url, clock, deadline);
        let error = match outcome {
            Ok(answer) => match read_token(&answer, redactor) {
                Ok(token) => return Ok(Some(token)),
                Err(TokenProblem::Refused(text)) => {
                    refusals += 1;
                    let error = refused(&url, &answer, &text, redactor);
                    if refusals >= 2 {
                        return Err(error);
                    }
                    error
                }
                Err(TokenProblem::Passing(kind)) => strange(kind, &url, &answer, redactor),
            },
            Err(error) => {
                most = most.min(error.attempts());
                super::explain::not_reached(&error, "POST", &url, redactor)
            }
        };
        let pause = retry::backoff(attempt - 1);
        if attempt >= most || deadline.left(clock.now()) <= pause {
            return Err(error);
        }
        clock.sleep(pause);
    }
}

/// How a token is asked for (cpi-api.md §1.1, §1.3).
struct TokenRequest {
    /// `None` where a certificate tells who we are.
    authorization: Option<Secret>,
    /// The form; on Neo the grant type stands in the query.
    form: Option<String>,
}

impl TokenRequest {
    fn new(client_id: &str, proof: &Proof, neo: bool) -> Self {
        let grant = "grant_type=client_credentials";
        match proof {
            Proof::Secret(secret) => Self {
                authorization: Some(basic(client_id, secret)),
                form: (!neo).then(|| grant.to_owned()),
            },
            Proof::Certificate(_) => Self {
                authorization: None,
                form: Some(format!(
                    "{grant}&client_id={}",
                    odata::form_value(client_id)
                )),
            },
        }
    }

    fn send(
        &self,
        http: &Http,
        url: &str,
        clock: &Clock,
        deadline: Deadline,
    ) -> Result<Answer, crate::http::SendError> {
        let mut headers = vec![("Accept", "application/json".to_owned())];
        if let Some(authorization) = &self.authorization {
            headers.push(("Authorization", authorization.expose().to_owned()));
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let with_query = format!("{url}{separator}grant_type=client_credentials");
        let (url, body) = match &self.form {
            None => (with_query.as_str(), Body::Empty),
            Some(form) => {
                let kind = "application/x-www-form-urlencoded";
                headers.push(("Content-Type", kind.to_owned()));
                (url, Body::Bytes(form.as_bytes()))
            }
        };
        http.send(&Request {
            method: Method::Post,
            url,
            headers,
            own_headers: &[],
            body,
            timeout: deadline
                .poll_timeout(clock.now())
                .max(Duration::from_secs(1)),
            connection: Connection::Pooled,
            cap: TOKEN_CAP,
        })
    }
}

enum TokenProblem {
    /// The credentials are not taken.
    Refused(String),
    /// An answer that another try may better.
    Passing(Kind),
}

#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn read_token(answer: &Answer, redactor: &Redactor) -> Result<AccessToken, TokenProblem> {
    if answer.status == 200
        && let Ok(token) = serde_json::from_slice::<TokenAnswer>(&answer.body)
        && !token.access_token.is_empty()
    {
        redactor.add(&token.access_token);
        let mut claims = Claims::read(&token.access_token);
        claims.complete(token.scope.as_deref().unwrap_or_default());
        return Ok(AccessToken {
            value: Secret::new(token.access_token),
            claims,
        });
    }
    match answer.status {
        400 | 401 | 403 => Err(TokenProblem::Refused(refusal_text(&answer.body))),
        429 | 500.. => Err(TokenProblem::Passing(Kind::Unreachable)),
        _ => Err(TokenProblem::Passing(Kind::Nonsense)),
    }
}

fn refusal_text(body: &[u8]) -> String {
    match serde_json::from_slice::<TokenRefusal>(body) {
        Ok(refusal) if refusal.error_description.is_empty() => refusal.error,
        Ok(refusal) => format!("{}: {}", refusal.error, refusal.error_description),
        Err(_) => String::new(),
    }
}

fn refused(url: &str, answer: &Answer, text: &str, redactor: &Redactor) -> TenantError {
    TenantError {
        kind: Kind::Credentials,
        what: "the token server refused the credentials".to_owned(),
        at: format!("POST {url} → {}", answer.status),
        says: Some(Words::new(text, redactor)),
        hint: Some(
            "client id, client secret and token URL must come from the same service key of plan `api`; a deleted or renewed key no longer works"
                .to_owned(),
        ),
    }
}

fn strange(kind: Kind, url: &str, answer: &Answer, redactor: &Redactor) -> TenantError {
    let what = match kind {
        Kind::Unreachable => "the token server is not available",
        _ => "the token server's answer holds no token",
    };
    TenantError {
        kind,
        what: what.to_owned(),
        at: format!("POST {url} → {}", answer.status),
        says: super::meaning::page_words(answer, redactor),
        hint: Some(
            "the token URL is the `tokenurl` of the service key; it ends in /oauth/token"
                .to_owned(),
        ),
    }
}

/// The `name=value` pairs of all `Set-Cookie` headers, as one `Cookie` header.
pub(super) fn cookies(answer: &Answer) -> String {
    answer
        .headers_all("set-cookie")
        .filter_map(|cookie| cookie.split(';').next())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}
