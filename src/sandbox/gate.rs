//! Who may do what: tokens, basic authentication, CSRF, roles, and how fast.

use serde_json::{Value, json};

use super::answer::Answer;
use super::fault::{route_not_found, too_many_requests, unauthorized};
use super::path::{Query, Segment};
use super::security_material;
use super::service::{Service, locked};
use super::tokens::{Client, basic, bearer};
use super::wire::Head;

/// Somebody who was recognised.
pub struct Caller {
    pub name: String,
    by_token: bool,
}

impl Service {
    /// Recognises the caller, or says 401.
    pub fn authenticate(&self, head: &Head) -> Result<Caller, Answer> {
        let scenarios = &self.setting.scenarios;
        let takes_no_token = scenarios.has("basic-only")
            || scenarios.has("foreign-token")
            || scenarios.value("token-scopes") == Some("api-management");
        let by_token = self.token_holder(head).filter(|_| !takes_no_token);
        if by_token == Some(Client::Caller) {
            return Err(Answer::empty(403));
        }
        let user = basic(authorization(head));
        let user = user.filter(|(name, password)| self.credentials.is_user(name, password));
        let name = match by_token {
            Some(_) => Some(self.credentials.client_id.clone()),
            None => user.map(|(name, _)| name),
        };
        Ok(Caller {
            name: name.ok_or_else(unauthorized)?,
            by_token: by_token.is_some(),
        })
    }

    fn token_holder(&self, head: &Head) -> Option<Client> {
        let token = bearer(authorization(head))?;
        locked(&self.sessions).live(token, self.setting.clock.now())
    }

    /// Lets the callers of flows in: 401 without a key, 403 with one of plan `api`.
    pub fn check_flow_caller(&self, head: &Head) -> Result<(), Answer> {
        let client = self.token_holder(head).or_else(|| {
            let (id, secret) = basic(authorization(head))?;
            let is_user = self.credentials.is_user(&id, &secret);
            let client = self.credentials.client(&id, &secret);
            client.or(is_user.then_some(Client::Api))
        });
        match client {
            Some(Client::Caller) => Ok(()),
            Some(Client::Api) => Err(Answer::empty(403)),
            None => Err(unauthorized()),
        }
    }

    /// Modifying calls need the session's CSRF token, unless a bearer token takes its place.
    pub fn check_csrf(&self, head: &Head, caller: &Caller) -> Result<(), Answer> {
        let scenarios = &self.setting.scenarios;
        let is_needed = !caller.by_token || scenarios.has("csrf") || scenarios.has("neo");
        if !is_needed || locked(&self.sessions).holds_csrf(head) {
            Ok(())
        } else {
            Err(csrf_required())
        }
    }

    /// Answers `X-CSRF-Token: Fetch` on any read.
    pub fn fetch_csrf(&self, head: &Head, answer: Answer) -> Answer {
        let fetch = head.header("x-csrf-token").unwrap_or_default();
        if !head.reads() || !fetch.eq_ignore_ascii_case("fetch") {
            return answer;
        }
        let (cookie, token) = locked(&self.sessions).fetch_csrf();
        let cookie = format!("JSESSIONID={cookie}; Path=/; HttpOnly");
        answer
            .with("X-CSRF-Token", token)
            .with("Set-Cookie", cookie)
    }

    /// A missing role is 403 without a word.
    pub fn check_role(&self, method: &str, segments: &[Segment]) -> Result<(), Answer> {
        let needed = roles(method, segments);
        let is_held = |role: &&str| self.credentials.roles.iter().any(|held| held == role);
        if needed.is_empty() || needed.iter().any(is_held) {
            return Ok(());
        }
        Err(if self.setting.scenarios.has("roles-missing-json") {
            let error = json!({"code": "Forbidden", "message": {"lang": "en", "value": null}});
            Answer::json(403, &json!({ "error": error }))
        } else {
            Answer::empty(403)
        })
    }

    /// Counts a request, or says 429. Real seconds: a caller paces itself by its own clock.
    pub fn check_pace(&self, segments: &[Segment]) -> Result<(), Answer> {
        let Some((design_time, retry)) = self.setting.scenarios.rate() else {
            return Ok(());
        };
        let at_run_time = segments
            .first()
            .is_some_and(|segment| MONITORED.contains(&segment.name.as_str()));
        let mut pace = locked(&self.pace);
        // documented for one user: 10 design-time and 50 run-time requests a second
        let (seen, most) = if at_run_time {
            (&mut pace.run_time, design_time * 5)
        } else {
            (&mut pace.design_time, design_time)
        };
        let clock = &self.setting.clock;
        let now = clock.real();
        seen.retain(|then| now - then < 1.0);
        if seen.len() >= most {
            return Err(too_many_requests(retry, clock.today()));
        }
        seen.push(now);
        Ok(())
    }

    /// The token endpoint: POST, client credentials by basic authentication or form.
    pub fn token(&self, head: &Head, query: &str, body: &[u8]) -> Answer {
        let (scenarios, credentials) = (&self.setting.scenarios, &self.credentials);
        if scenarios.has("basic-only") {
            return route_not_found();
        }
        if head.method != "POST" {
            return oauth_error(405, "method_not_allowed", "Request method not supported");
        }
        let Some(form) = form(head, query, body) else {
            let text = "The request parameters cannot be read";
            return oauth_error(400, "invalid_request", text);
        };
        let of_form = |name| form.get(name).unwrap_or_default().to_owned();
        let (id, secret) = basic(authorization(head))
            .unwrap_or_else(|| (of_form("client_id"), of_form("client_secret")));
        let client = if scenarios.has("certificate-login") {
            (secret.is_empty() && id == credentials.client_id).then_some(Client::Api)
        } else {
            credentials.client(&id, &secret)
        };
        let Some(client) = client else {
            return oauth_error(401, "unauthorized", "Bad credentials");
        };
        match form.get("grant_type") {
            Some("client_credentials") => {
                let issued = locked(&self.sessions).issue(credentials, client, &self.setting);
                worded(&issued, scenarios.value("token-answer"))
            }
            None | Some("") => oauth_error(400, "invalid_request", "Missing grant type"),
            Some(_) => oauth_error(400, "unsupported_grant_type", "Unsupported grant type"),
        }
    }
}

fn authorization(head: &Head) -> &str {
    head.header("authorization").unwrap_or_default()
}

pub fn csrf_required() -> Answer {
    Answer::text(403, "CSRF Token Required").with("X-CSRF-Token", "Required")
}

/// What is asked with `MonitoringDataRead`, in the wider of the two paces.
const MONITORED: [&str; 3] = [
    "IntegrationRuntimeArtifacts",
    "ServiceEndpoints",
    "MessageProcessingLogs",
];

/// One of these roles is enough. SAP's table "Tasks and Permissions", grouped by call.
fn roles(method: &str, segments: &[Segment]) -> &'static [&'static str] {
    const READ: &[&str] = &["WorkspacePackagesRead", "WorkspacePackagesEdit"];
    const EDIT: &[&str] = &["WorkspacePackagesEdit"];
    const MONITOR: &[&str] = &["MonitoringDataRead"];
    let Some(set) = segments.first().map(|segment| segment.name.as_str()) else {
        return &[];
    };
    let has = |name: &str| segments.iter().any(|segment| segment.name == name);
    match (set, method) {
        ("IntegrationPackages", "GET") if has("$value") => EDIT,
        (_, "PUT") if has("$links") && has("Configurations") => &["WorkspacePackagesConfigure"],
        ("IntegrationDesigntimeLocks", "GET") => &["WorkspaceArtifactLocksRead"],
        ("AccessPolicies", "GET") => &["AccessPoliciesRead", "AccessPoliciesEdit"],
        ("BuildAndDeployStatus", _) => &["WorkspaceArtifactsDeploy"],
        ("IntegrationRuntimeArtifacts", "DELETE") => {
            &["WorkspaceArtifactsDeploy", "MonitoringArtifactsDeploy"]
        }
        (name, _) if MONITORED.contains(&name) => MONITOR,
        (name, "GET") if security_material::knows(name) => MONITOR,
        (name, _) if name.starts_with("Deploy") => &["WorkspaceArtifactsDeploy"],
        (name, _) if name.starts_with("Validate") => READ,
        (_, "GET") => READ,
        _ => EDIT,
    }
}

/// The requests of the last second, by bucket.
#[derive(Debug, Default)]
pub struct Pace {
    design_time: Vec<f64>,
    run_time: Vec<f64>,
}

/// A token's answer in one of the shapes of scenario `token-answer`.
fn worded(issued: &Value, shape: Option<&str>) -> Answer {
    let mut fields = issued.clone();
    match shape {
        Some("scope-list") => {
            let scopes = issued["scope"].as_str().unwrap_or_default();
            fields["scope"] = json!(scopes.split(' ').collect::<Vec<_>>());
        }
        Some("expires-text") => fields["expires_in"] = json!(issued["expires_in"].to_string()),
        Some("expires-zero") => fields["expires_in"] = json!(0),
        Some("no-expiry") => fields["expires_in"] = Value::Null,
        _ => {}
    }
    let text = fields.to_string();
    let text = match shape {
        Some("twice") => text.replacen('{', "{\"access_token\":\"outdated\",", 1),
        Some("trailing") => format!("{text}\n<!-- answered by node 3 -->\n"),
        Some("camel-case") => text.replace("\"access_token\"", "\"accessToken\""),
        _ => text,
    };
    let status = shape.and_then(|shape| shape.parse().ok()).unwrap_or(200);
    Answer::typed(status, "application/json", text.into_bytes())
}

/// The parameters of query and form together.
fn form(head: &Head, query: &str, body: &[u8]) -> Option<Query> {
    let media_type = head.header("content-type").unwrap_or_default();
    let is_form = media_type
        .to_ascii_lowercase()
        .starts_with("application/x-www-form-urlencoded");
    let body = if is_form {
        std::str::from_utf8(body).ok()?
    } else {
        ""
    };
    Query::parse(&format!("{query}&{body}"))
}

fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    let body = json!({"error": error, "error_description": description});
    let answer = Answer::json(status, &body);
    if status == 401 {
        answer.with("WWW-Authenticate", "Basic realm=\"UAA/client\"")
    } else {
        answer
    }
}
