//! Who we are to the tenant: the access token, and the CSRF token with its cookies.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Tenant;
use super::attempts::Attempts;
use super::error::{Kind, TenantError};
use super::explain::not_reached;
use super::meaning::{described, told};
use super::odata;
use super::roles::{Claims, scopes};
use crate::clock::Deadline;
use crate::http::{Answer, Body, Headers, Method, Request, SendError};
use crate::settings::credentials::{ClientProof, Login};
use crate::settings::secret::Secret;
use crate::text::Words;
use crate::text::redactor::Redactor;

/// The most that is read of a token answer, in bytes.
const TOKEN_CAP: u64 = 256 * 1024;
/// How often a token is asked for before giving up.
const TOKEN_ATTEMPTS: u32 = 6;
/// How often the credentials are refused before that is believed.
const MOST_REFUSALS: u32 = 2;

/// A token, and what it tells.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub value: Secret,
    pub claims: Claims,
}

impl AccessToken {
    /// The header that names us.
    pub fn bearer(&self) -> (&'static str, String) {
        let bearer = format!("Bearer {}", self.value.expose());
        ("Authorization", bearer)
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

/// What a session holds now.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub token: Option<AccessToken>,
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

impl Tenant {
    /// Asks for an access token until one comes, the deadline passes, or the answer is final.
    pub(super) fn fetch_token(
        &self,
        deadline: Deadline,
    ) -> Result<Option<AccessToken>, TenantError> {
        let Login::ClientCredentials {
            token_url,
            client_id,
            proof,
        } = &self.credentials.login
        else {
            return Ok(None);
        };
        let url = token_url.to_string();
        let mut refusals = 0;
        let mut attempts = Attempts::new(&self.clock, deadline);
        let mut most = TOKEN_ATTEMPTS;
        loop {
            let error = match self.ask_for_token(&url, client_id, proof, deadline) {
                Ok(answer) => match read_token(&answer) {
                    Ok(token) => {
                        self.redactor.add(token.value.expose());
                        return Ok(Some(token));
                    }
                    Err(kind) => {
                        refusals += u32::from(kind == Kind::Credentials);
                        no_token(kind, &url, &answer, &self.redactor)
                    }
                },
                Err(error) => {
                    most = most.min(error.attempts());
                    not_reached(&error, format!("POST {url}"), &self.redactor)
                }
            };
            if refusals >= MOST_REFUSALS || !attempts.again(most) {
                return Err(error);
            }
        }
    }

    /// Asks once (cpi-api.md §1.1, §1.3). A certificate tells by itself who we are; on Neo the grant type stands in the query.
    fn ask_for_token(
        &self,
        url: &str,
        client_id: &str,
        proof: &ClientProof,
        deadline: Deadline,
    ) -> Result<Answer, SendError> {
        let mut form = "grant_type=client_credentials".to_owned();
        let mut headers = vec![("Accept", "application/json".to_owned())];
        match proof {
            ClientProof::Secret(secret) => headers.push(self.basic(client_id, secret)),
            ClientProof::Certificate(_) => {
                form += &format!("&client_id={}", odata::percent_encoded(client_id));
            }
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let with_query = format!("{url}{separator}{form}");
        let in_query = self.credentials.is_neo() && matches!(proof, ClientProof::Secret(_));
        let (url, body) = if in_query {
            (with_query.as_str(), Body::None)
        } else {
            let kind = "application/x-www-form-urlencoded";
            headers.push(("Content-Type", kind.to_owned()));
            (url, Body::Bytes(form.as_bytes()))
        };
        let timeout = deadline.poll_timeout(self.clock.now());
        let timeout = timeout.max(Duration::from_secs(1));
        self.http.send(&Request {
            headers,
            body,
            cap: TOKEN_CAP,
            ..Request::new(Method::Post, url, timeout)
        })
    }

    /// The header that names us by basic authentication, hidden from now on.
    pub(super) fn basic(&self, user: &str, password: &Secret) -> (&'static str, String) {
        let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
        self.redactor.add(&pair);
        ("Authorization", format!("Basic {pair}"))
    }
}

/// Reads a token out of any answer of 2xx that holds one; else in which way there is none.
fn read_token(answer: &Answer) -> Result<AccessToken, Kind> {
    match answer.status {
        200..=299 => {
            let (token, scope) = token_in(&answer.body).ok_or(Kind::Nonsense)?;
            let mut claims = Claims::read(&token);
            claims.complete(&scope);
            Ok(AccessToken {
                value: Secret::new(token),
                claims,
            })
        }
        400 | 401 | 403 => Err(Kind::Credentials),
        429 | 500.. => Err(Kind::Unreachable),
        _ => Err(Kind::Nonsense),
    }
}

/// Why the token service refuses, in its own words.
#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The token and the scopes in a body, in the spellings that token services and gateways before them use. How long the token
/// lives is not read: a 401 tells when it has ended. What could not stand in a header is no token.
fn token_in(body: &[u8]) -> Option<(String, String)> {
    let answer = odata::first_json(body)?;
    let token = ["access_token", "accessToken"]
        .iter()
        .find_map(|name| answer.get(*name)?.as_str())?
        .trim();
    let scope = scopes(&answer).unwrap_or_default().join(" ");
    let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| (token.to_owned(), scope))
}

fn refusal(body: &[u8]) -> Option<String> {
    let refusal: TokenRefusal = odata::json(body)?;
    Some(match refusal.error_description.as_str() {
        "" => refusal.error,
        more => format!("{}: {more}", refusal.error),
    })
}

fn no_token(kind: Kind, url: &str, answer: &Answer, redactor: &Redactor) -> TenantError {
    let address = "the token URL is the `tokenurl` of the service key; it ends in /oauth/token";
    let (what, hint) = match kind {
        Kind::Credentials => (
            "the token server refused the credentials",
            "client id, client secret and token URL must come from the same service key of plan `api`; a deleted or renewed key no longer works",
        ),
        Kind::Unreachable => ("the token server is not available", address),
        _ => ("the token server's answer holds no token", address),
    };
    let refusal =
        refusal(&answer.body).filter(|text| kind == Kind::Credentials && !text.is_empty());
    let says = match (refusal, answer.status) {
        (Some(text), _) => Some(Words::new(&text, redactor)),
        // not even a page's title of 2xx: what stands there may be the token
        (None, 200..=299) => described(answer, redactor),
        (None, _) => told(answer, redactor),
    };
    TenantError::new(kind, what, format!("POST {url} → {}", answer.status))
        .says(says)
        .hint(hint)
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
            let error = no_token(Kind::Nonsense, "https://x", &answer, &Redactor::new());
            let told = error.to_string();
            assert!(
                !told.contains("TOKEN") && told.contains("bytes of"),
                "{told}"
            );
        }
    }
}
