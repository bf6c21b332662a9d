//! Credentials made for one sandbox, the tokens it hands out, and the sessions that CSRF tokens are bound to.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fastrand::Rng;
use serde_json::{Value, json};

use super::call::Setting;
use super::path::decode;
use super::scenario::Scenarios;
use super::wire::Head;

/// The roles that a client of plan `api` needs to upload, configure, deploy and watch.
const ROLES: [&str; 5] = [
    "WorkspacePackagesRead",
    "WorkspacePackagesEdit",
    "WorkspacePackagesConfigure",
    "WorkspaceArtifactsDeploy",
    "MonitoringDataRead",
];

/// The older names of the same permissions.
const OLDER: [&str; 7] = [
    "WebToolingWorkspace.Read",
    "WebToolingWorkspace.Write",
    "WebTooling.IntegrationFlowConfigure",
    "NodeManager.read",
    "NodeManager.deploycontent",
    "GenerationAndBuild.generationandbuildcontent",
    "IntegrationOperationServer.read",
];

/// The role of those who call flows.
const CALLER: &str = "ESBMessaging.send";
/// The application of plan `integration-flow`, as it stands in client ids and scopes.
const CALLERS: &str = "it-rt-sandbox!b1";

/// Whose key a token was issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Plan `api`.
    Api,
    /// Plan `integration-flow`: calls flows at their own addresses, and nothing else.
    Caller,
}

/// Who may come in: two OAuth clients and one user, all shaped like SAP's.
pub struct Credentials {
    pub client_id: String,
    pub client_secret: String,
    pub username: String,
    pub password: String,
    pub roles: Vec<String>,
    pub caller_id: String,
    pub caller_secret: String,
    /// What the token names instead of the roles.
    named: Option<String>,
    application: String,
    zone: String,
}

impl Credentials {
    pub fn make(rng: &mut Rng, scenarios: &Scenarios) -> Self {
        let missing = scenarios.roles("roles-missing");
        let named = scenarios.value("token-scopes");
        let roles = ROLES.into_iter().filter(|role| !missing.contains(role));
        let roles = roles.chain(scenarios.roles("roles-also"));
        let application = format!("it!b{}", rng.u32(10_000..99_999));
        let id = |rng: &mut Rng, application: &str| {
            format!(
                "sb-{}!b{}|{application}",
                uuid(rng),
                rng.u32(100_000..999_999)
            )
        };
        let secret = |rng: &mut Rng| format!("{}${}=", uuid(rng), random_text(rng, 43));
        Self {
            client_id: id(rng, &application),
            client_secret: secret(rng),
            username: format!("S{:010}", rng.u32(10_000_000..99_999_999)),
            password: format!("{}!{}", random_text(rng, 12), random_text(rng, 8)),
            roles: match named {
                Some("caller" | "empty") => Vec::new(),
                _ => roles.map(str::to_owned).collect(),
            },
            named: named.map(str::to_owned),
            application,
            zone: uuid(rng),
            caller_id: id(rng, CALLERS),
            caller_secret: secret(rng),
        }
    }

    fn pair(&self, client: Client) -> (&str, &str) {
        match client {
            Client::Api => (&self.client_id, &self.client_secret),
            Client::Caller => (&self.caller_id, &self.caller_secret),
        }
    }

    /// Whose client id and secret these are. Both may be percent-encoded, as RFC 6749 wants them.
    pub fn client(&self, id: &str, secret: &str) -> Option<Client> {
        let is =
            |text: &str, known: &str| text == known || decode(text, true).as_deref() == Some(known);
        [Client::Api, Client::Caller].into_iter().find(|client| {
            let known = self.pair(*client);
            is(id, known.0) && is(secret, known.1)
        })
    }

    /// What must never be seen.
    pub fn secrets(&self) -> [&str; 3] {
        [&self.client_secret, &self.caller_secret, &self.password]
    }

    pub fn is_user(&self, name: &str, password: &str) -> bool {
        name == self.username && password == self.password
    }

    /// A service key as the cockpit shows it.
    pub fn service_key(&self, client: Client, url: &str, token_url: &str) -> Value {
        let (id, secret) = self.pair(client);
        json!({"oauth": {
            "clientid": id,
            "clientsecret": secret,
            "createdate": "2026-01-01T00:00:00.000Z",
            "tokenurl": token_url,
            "url": url,
        }})
    }

    /// The scopes that the token names; `None` when it has no such claim.
    fn scopes(&self, client: Client) -> Option<Vec<String>> {
        let application = &self.application;
        let prefixed = |names: &[&str]| -> Vec<String> {
            let names = names.iter();
            names.map(|name| format!("{application}.{name}")).collect()
        };
        let caller = || vec![format!("{CALLERS}.{CALLER}")];
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let mut scopes = match self.named.as_deref() {
            _ if client == Client::Caller => caller(),
            None => prefixed(&roles),
            Some("none") => return None,
            Some("umbrella") => prefixed(&["AuthGroup_IntegrationDeveloper"]),
            Some("older") => prefixed(&OLDER),
            Some("caller") => caller(),
            Some("api-management") => {
                vec!["apiportal-apiaccess!b1.APIPortal.Administrator".to_owned()]
            }
            Some(_) => Vec::new(),
        };
        scopes.push("uaa.resource".to_owned());
        Some(scopes)
    }

    fn claims(&self, client: Client, id: &str, issued: i64, expires: i64) -> Value {
        let (name, _) = self.pair(client);
        let mut claims = json!({
            "jti": id,
            "sub": name,
            "client_id": name,
            "cid": name,
            "azp": name,
            "grant_type": "client_credentials",
            "aud": [self.application, "uaa", name],
            "ext_attr": {"enhancer": "XSUAA", "zdn": "sandbox"},
            "iat": issued,
            "exp": expires,
            "zid": self.zone,
        });
        if let Some(scopes) = self.scopes(client) {
            claims["authorities"] = json!(scopes);
            claims["scope"] = json!(scopes);
        }
        claims
    }

    fn jwt(
        &self,
        client: Client,
        id: &str,
        (issued, expires): (i64, i64),
        rng: &mut Rng,
    ) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = encode(&json!({"alg": "RS256", "kid": "default-jwt-key", "typ": "JWT"}));
        let signature: Vec<u8> = (0..64).map(|_| rng.u8(..)).collect();
        format!(
            "{header}.{}.{}",
            encode(&self.claims(client, id, issued, expires)),
            URL_SAFE_NO_PAD.encode(signature)
        )
    }
}

/// Tokens and sessions that are alive.
#[derive(Default)]
pub struct Sessions {
    rng: Rng,
    tokens: HashMap<String, (Client, f64)>,
    csrf: HashMap<String, String>,
}

impl Sessions {
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            ..Self::default()
        }
    }

    /// A new token and the token endpoint's answer.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a token's lifetime is a day at most"
    )]
    pub fn issue(&mut self, credentials: &Credentials, client: Client, setting: &Setting) -> Value {
        const HALF_A_DAY: f64 = 43_200.0;
        let Setting {
            clock, scenarios, ..
        } = setting;
        let now = clock.now();
        self.tokens.retain(|_, (_, expires)| *expires > now);
        let id = uuid(&mut self.rng).replace('-', "");
        let lifetime = scenarios.seconds("expired-token").unwrap_or(HALF_A_DAY);
        let (neo, seconds, issued) = (
            scenarios.has("neo"),
            lifetime as i64,
            clock.millis(now) / 1000,
        );
        let token = if neo {
            random_text(&mut self.rng, 32)
        } else {
            credentials.jwt(client, &id, (issued, issued + seconds), &mut self.rng)
        };
        self.tokens.insert(token.clone(), (client, now + lifetime));
        if neo {
            return json!({"access_token": token, "token_type": "Bearer", "expires_in": 0, "scopes": []});
        }
        let mut answer = json!({
            "access_token": token,
            "token_type": "bearer",
            // a token is never said to live longer than it does
            "expires_in": (seconds - 1).max(0),
            "jti": id,
        });
        if let Some(scopes) = credentials.scopes(client) {
            answer["scope"] = json!(scopes.join(" "));
        }
        answer
    }

    /// Whose token this is, while it lives.
    pub fn live(&self, token: &str, now: f64) -> Option<Client> {
        let (client, expires) = self.tokens.get(token)?;
        (*expires > now).then_some(*client)
    }

    /// Whether a text holds one of the tokens; such a text must not be shown.
    pub fn any_token_in(&self, text: &str) -> bool {
        let mut tokens = self.tokens.keys();
        tokens.any(|token| text.contains(token.as_str()))
    }

    /// The access tokens, session cookies and CSRF tokens that are known.
    pub fn handed_out(&self) -> Vec<String> {
        let sessions = self.csrf.iter().flat_map(|(cookie, token)| [cookie, token]);
        self.tokens.keys().chain(sessions).cloned().collect()
    }

    /// Starts a session: its cookie and its CSRF token.
    pub fn fetch_csrf(&mut self) -> (String, String) {
        const MOST: usize = 1000;
        if self.csrf.len() >= MOST {
            self.csrf.clear();
        }
        let cookie = random_text(&mut self.rng, 32);
        let token = random_text(&mut self.rng, 32).to_ascii_uppercase();
        self.csrf.insert(cookie.clone(), token.clone());
        (cookie, token)
    }

    /// The CSRF token that belongs to one of the cookies sent.
    fn csrf_of(&self, cookies: &str) -> Option<&str> {
        let mut values = cookies
            .split(';')
            .filter_map(|cookie| cookie.trim().strip_prefix("JSESSIONID="));
        let token = values.find_map(|cookie| self.csrf.get(cookie));
        token.map(String::as_str)
    }

    /// Whether a request holds the CSRF token of its session, or needs none because it reads.
    pub fn holds_csrf(&self, head: &Head) -> bool {
        let held = self.csrf_of(head.header("cookie").unwrap_or_default());
        head.reads() || (held.is_some() && held == head.header("x-csrf-token"))
    }
}

/// The two halves of `Authorization: Basic`.
pub fn basic(header: &str) -> Option<(String, String)> {
    let text = STANDARD.decode(scheme(header, "basic")?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// The token of `Authorization: Bearer`.
pub fn bearer(header: &str) -> Option<&str> {
    scheme(header, "bearer")
}

fn scheme<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}

pub fn uuid(rng: &mut Rng) -> String {
    let hex = |rng: &mut Rng, count: usize| {
        (0..count)
            .map(|_| char::from(b"0123456789abcdef"[rng.usize(..16)]))
            .collect::<String>()
    };
    [8, 4, 4, 4, 12].map(|count| hex(rng, count)).join("-")
}

pub fn random_text(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| rng.alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::clock::TenantClock;
    use crate::sandbox::scenario::Scenario;

    fn chosen(names: &[&str]) -> Scenarios {
        let parsed = names.iter().map(|name| Scenario::parse(name).unwrap());
        Scenarios(parsed.collect())
    }

    #[test]
    fn a_token_says_what_it_may() {
        let setting = Setting {
            root: String::new(),
            clock: TenantClock::start(1.0, 0.0),
            scenarios: chosen(&["roles-missing=MonitoringDataRead", "expired-token=60"]),
        };
        let credentials = Credentials::make(&mut Rng::with_seed(1), &setting.scenarios);
        let mut sessions = Sessions::new(Rng::with_seed(2));
        let answer = sessions.issue(&credentials, Client::Api, &setting);
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(
            (answer["expires_in"].as_i64(), token.split('.').count()),
            (Some(59), 3)
        );
        let claims = URL_SAFE_NO_PAD
            .decode(token.split('.').nth(1).unwrap())
            .unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let (expires, issued) = (&claims["exp"], &claims["iat"]);
        assert_eq!(expires.as_i64().unwrap() - issued.as_i64().unwrap(), 60);
        let scopes = claims["scope"].to_string();
        assert!(
            scopes.contains(".WorkspaceArtifactsDeploy") && !scopes.contains("MonitoringDataRead")
        );
        assert_eq!(sessions.live(token, 59.0), Some(Client::Api));
        assert_eq!(sessions.live(token, 61.0), None);
    }

    #[test]
    fn secrets_have_the_dangerous_characters_of_real_ones() {
        let credentials = Credentials::make(&mut Rng::with_seed(3), &chosen(&[]));
        assert!(
            credentials.client_id.starts_with("sb-") && credentials.client_id.contains("|it!b")
        );
        assert!(
            credentials.client_secret.contains('$') && credentials.client_secret.ends_with('=')
        );
        let encoded = super::super::path::encode(&credentials.client_id);
        let client = credentials.client(&encoded, &credentials.client_secret);
        assert_eq!(client, Some(Client::Api));
    }
}
