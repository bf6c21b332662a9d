//! Who we are to the tenant: the access token, and the CSRF token with its cookies.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::attempts::Attempts;
use super::error::{Kind, TenantError};
use super::meaning::{described, told};
use super::odata;
use super::roles::Claims;
use crate::clock::{Clock, Deadline};
use crate::http::{Answer, Body, Headers, Http, Method, Request, SendError};
use crate::settings::credentials::{ClientProof, Credentials, Login};
use crate::settings::secret::Secret;
use crate::text::Words;
use crate::text::redactor::Redactor;

/// The most that is read of a token answer, in bytes.
const TOKEN_CAP: u64 = 256 * 1024;
/// How often a token is asked for before giving up.
const TOKEN_ATTEMPTS: u32 = 6;

/// A token, and what it tells.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub value: Secret,
    pub claims: Claims,
}

impl AccessToken {
    /// The header that names us.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.value.expose())
    }
}

/// A CSRF token and the session cookies that it is bound to.
#[derive(Clone, Debug)]
pub struct Csrf {
    pub token: Secret,
    pub cookies: Secret,
}

impl Csrf {
    /// What a call bears.
    pub fn headers(&self) -> Headers {
        vec![
            ("X-CSRF-Token", self.token.expose().to_owned()),
            ("Cookie", self.cookies.expose().to_owned()),
        ]
    }
}

/// What a session holds now. `generation` counts the access tokens, so that two threads that meet a 401 with the
/// same token refresh it once.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub token: Option<AccessToken>,
    pub generation: u64,
    pub csrf: Option<Csrf>,
    /// The tenant gives what is stored in an entity only as it is stored: asked for as JSON, it is 406.
    pub raw_as_stored: bool,
    /// The names, in lower case, that the tenant gave what this run had just written.
    pub identities: BTreeSet<String>,
    /// What was seen beside the answers.
    pub seen: Seen,
}

/// What was seen beside the answers of the tenant.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The tenant's `Date`, and this machine's at the same moment.
    pub clocks: Option<(SystemTime, SystemTime)>,
    /// A header that tells how many requests are left, with its value.
    pub rate_left: Option<String>,
}

/// The header that names us by basic authentication.
pub fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(format!(
        "Basic {}",
        STANDARD.encode(format!("{user}:{}", password.expose()))
    ))
}

/// Asks for an access token until one comes, the deadline passes, or the answer is final.
pub fn fetch_token(
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
    let mut attempts = Attempts::new(clock, deadline);
    let mut most = TOKEN_ATTEMPTS;
    loop {
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
                super::explain::not_reached(&error, format!("POST {url}"), redactor)
            }
        };
        if !attempts.again(most) {
            return Err(error);
        }
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
    fn new(client_id: &str, proof: &ClientProof, neo: bool) -> Self {
        let grant = "grant_type=client_credentials";
        match proof {
            ClientProof::Secret(secret) => Self {
                authorization: Some(basic(client_id, secret)),
                form: (!neo).then(|| grant.to_owned()),
            },
            ClientProof::Certificate(_) => Self {
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
    ) -> Result<Answer, SendError> {
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
        let timeout = deadline.poll_timeout(clock.now());
        let timeout = timeout.max(Duration::from_secs(1));
        http.send(&Request {
            headers,
            body,
            cap: TOKEN_CAP,
            ..Request::new(Method::Post, url, timeout)
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

/// Reads a token out of any answer of 2xx that holds one.
fn read_token(answer: &Answer, redactor: &Redactor) -> Result<AccessToken, TokenProblem> {
    match answer.status {
        200..=299 => {
            let (token, scope) =
                token_in(&answer.body).ok_or(TokenProblem::Passing(Kind::Nonsense))?;
            redactor.add(&token);
            let mut claims = Claims::read(&token);
            claims.complete(&scope);
            Ok(AccessToken {
                value: Secret::new(token),
                claims,
            })
        }
        400 | 401 | 403 => Err(TokenProblem::Refused(refusal_text(&answer.body))),
        429 | 500.. => Err(TokenProblem::Passing(Kind::Unreachable)),
        _ => Err(TokenProblem::Passing(Kind::Nonsense)),
    }
}

/// The token and the scopes in a body, in the spellings that token services and gateways before them use. How long the token
/// lives is not read: a 401 tells when it has ended. What could not stand in a header is no token.
fn token_in(body: &[u8]) -> Option<(String, String)> {
    let answer = odata::first_json(body)?;
    let token = ["access_token", "accessToken"]
        .iter()
        .find_map(|name| answer.get(*name)?.as_str())?
        .trim();
    let scope = match answer.get("scope") {
        Some(Value::String(scopes)) => scopes.clone(),
        Some(Value::Array(scopes)) => {
            let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
            scopes.join(" ")
        }
        _ => String::new(),
    };
    let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| (token.to_owned(), scope))
}

fn refusal_text(body: &[u8]) -> String {
    match odata::json::<TokenRefusal>(body) {
        Some(refusal) if refusal.error_description.is_empty() => refusal.error,
        Some(refusal) => format!("{}: {}", refusal.error, refusal.error_description),
        None => String::new(),
    }
}

fn refused(url: &str, answer: &Answer, text: &str, redactor: &Redactor) -> TenantError {
    let says = if text.is_empty() {
        told(answer, redactor)
    } else {
        Some(Words::new(text, redactor))
    };
    let what = "the token server refused the credentials";
    TenantError::new(Kind::Credentials, what, at(url, answer))
        .says(says)
        .hint("client id, client secret and token URL must come from the same service key of plan `api`; a deleted or renewed key no longer works")
}

fn at(url: &str, answer: &Answer) -> String {
    format!("POST {url} → {}", answer.status)
}

fn strange(kind: Kind, url: &str, answer: &Answer, redactor: &Redactor) -> TenantError {
    let what = match kind {
        Kind::Unreachable => "the token server is not available",
        _ => "the token server's answer holds no token",
    };
    // not even a page's title of 2xx: what stands there may be the token
    let says = match answer.status {
        200..=299 => described(answer, redactor),
        _ => told(answer, redactor),
    };
    TenantError::new(kind, what, at(url, answer))
        .says(says)
        .hint("the token URL is the `tokenurl` of the service key; it ends in /oauth/token")
}

/// The `name=value` pairs of all `Set-Cookie` headers, as one `Cookie` header.
pub fn cookies(answer: &Answer) -> String {
    answer
        .headers_all("set-cookie")
        .filter_map(|cookie| cookie.split(';').next())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_in_every_shape_that_holds_one_whole() {
        for (body, expected) in [
            (
                r#"{"access_token":"T.1","scope":"a.b c"}"#,
                Some(("T.1", "a.b c")),
            ),
            (
                r#"{"access_token":"T","scope":["a.b","c"]}"#,
                Some(("T", "a.b c")),
            ),
            (
                r#"{"access_token":"T","scope":null,"scopes":[]}"#,
                Some(("T", "")),
            ),
            (
                r#"{"access_token":"old","access_token":"T"}"#,
                Some(("T", "")),
            ),
            (
                r#"{"accessToken":"T","expires_in":"43199"}"#,
                Some(("T", "")),
            ),
            (r#"{"access_token":"T","expires_in":0}"#, Some(("T", ""))),
            ("\u{feff} {\"access_token\":\"T\"}", Some(("T", ""))),
            ("{\"access_token\":\"T\"}\n<!-- node 3 -->", Some(("T", ""))),
            ("{\"access_token\":\" T\\r\\n\"}", Some(("T", ""))),
            (r#"{"access_token":"T"#, None),
            (r#"{"access_token":"T","#, None),
            (r#"{"access_token":""}"#, None),
            (r#"{"access_token":"T\r\nX: y"}"#, None),
            (r#"{"access_token":7}"#, None),
            (r#"["T"]"#, None),
            ("T", None),
            ("", None),
        ] {
            let read = token_in(body.as_bytes());
            let read = read
                .as_ref()
                .map(|(token, scope)| (token.as_str(), scope.as_str()));
            assert_eq!(read, expected, "{body}");
        }
    }

    #[test]
    fn nothing_of_an_answer_that_is_not_read_is_told() {
        for (status, body) in [
            (200, "{\"access_token\":\"TOKEN\""),
            (203, "TOKEN"),
            (200, "<html><title>TOKEN</title></html>"),
            (
                204,
                "{\"message\":\"TOKEN\",\"error\":{\"message\":\"TOKEN\"}}",
            ),
            (302, "{\"access_token\":\"TOKEN\"}"),
            (404, "TOKEN"),
            (502, "TOKEN"),
        ] {
            let answer = Answer {
                status,
                body: body.into(),
                ..Answer::default()
            };
            let error = strange(Kind::Nonsense, "https://x", &answer, &Redactor::new());
            let told = error.to_string();
            assert!(
                !told.contains("TOKEN") && told.contains("bytes of"),
                "{told}"
            );
        }
    }
}
