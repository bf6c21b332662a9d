//! Who may do what: tokens, basic authentication, CSRF, roles, and how fast.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Setting;
use super::fault::{route_not_found, too_many_requests, unauthorized};
use super::path::{Query, Segment};
use super::scenario::Scenarios;
use super::security_material;
use super::tokens::{Client, Credentials, Issue, Sessions, basic, bearer};
use super::wire::Head;

/// Somebody who was recognised.
pub struct Caller {
    pub name: String,
    by_token: bool,
}

/// Recognises the caller, or says 401.
pub fn authenticate(
    head: &Head,
    credentials: &Credentials,
    sessions: &Sessions,
    setting: &Setting,
) -> Result<Caller, Answer> {
    let header = head.header("authorization").unwrap_or_default();
    let scenarios = &setting.scenarios;
    let is_foreign =
        scenarios.has("foreign-token") || scenarios.value("token-scopes") == Some("api-management");
    let tokens_count = !scenarios.has("basic-only") && !is_foreign;
    let client = bearer(header).and_then(|token| sessions.live(token, setting.clock.now()));
    match client.filter(|_| tokens_count) {
        Some(Client::Api) => {
            return Ok(Caller {
                name: credentials.client_id.clone(),
                by_token: true,
            });
        }
        Some(Client::Caller) => return Err(Answer::empty(403)),
        None => {}
    }
    match basic(header) {
        Some((name, password)) if credentials.is_user(&name, &password) => Ok(Caller {
            name,
            by_token: false,
        }),
        _ => Err(unauthorized()),
    }
}

/// Lets the callers of flows in: 401 without a key, 403 with one of plan `api`.
pub fn check_flow_caller(
    head: &Head,
    credentials: &Credentials,
    sessions: &Sessions,
    setting: &Setting,
) -> Result<(), Answer> {
    let header = head.header("authorization").unwrap_or_default();
    let token = bearer(header).and_then(|token| sessions.live(token, setting.clock.now()));
    let client = token.or_else(|| {
        let (id, secret) = basic(header)?;
        let is_user = credentials.is_user(&id, &secret);
        credentials
            .client(&id, &secret)
            .or(is_user.then_some(Client::Api))
    });
    match client {
        Some(Client::Caller) => Ok(()),
        Some(Client::Api) => Err(Answer::empty(403)),
        None => Err(unauthorized()),
    }
}

/// Modifying calls need the session's CSRF token, unless a bearer token takes its place.
pub fn check_csrf(
    head: &Head,
    caller: &Caller,
    sessions: &Sessions,
    setting: &Setting,
) -> Result<(), Answer> {
    let always = setting.scenarios.has("csrf") || setting.scenarios.has("neo");
    if (caller.by_token && !always) || sessions.holds_csrf(head) {
        Ok(())
    } else {
        Err(csrf_required())
    }
}

pub fn csrf_required() -> Answer {
    Answer::text(403, "CSRF Token Required").with("X-CSRF-Token", "Required")
}

/// Answers `X-CSRF-Token: Fetch` on any read.
pub fn fetch_csrf(head: &Head, sessions: &mut Sessions, answer: Answer) -> Answer {
    let fetch = head.header("x-csrf-token").unwrap_or_default();
    let reads = matches!(head.method.as_str(), "GET" | "HEAD");
    if !reads || !fetch.eq_ignore_ascii_case("fetch") {
        return answer;
    }
    let (cookie, token) = sessions.fetch_csrf();
    answer.with("X-CSRF-Token", token).with(
        "Set-Cookie",
        format!("JSESSIONID={cookie}; Path=/; HttpOnly"),
    )
}

/// A missing role is 403 without a word.
pub fn check_role(
    method: &str,
    segments: &[Segment],
    credentials: &Credentials,
    scenarios: &Scenarios,
) -> Result<(), Answer> {
    let needed = roles(method, segments);
    let is_held = |role: &&str| credentials.roles.iter().any(|held| held == role);
    if needed.is_empty() || needed.iter().any(is_held) {
        Ok(())
    } else if scenarios.has("roles-missing-json") {
        let error = json!({"code": "Forbidden", "message": {"lang": "en", "value": null}});
        Err(Answer::json(403, &json!({ "error": error })))
    } else {
        Err(Answer::empty(403))
    }
}

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
        ("IntegrationRuntimeArtifacts" | "ServiceEndpoints" | "MessageProcessingLogs", _) => {
            MONITOR
        }
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
    design_time: VecDeque<f64>,
    run_time: VecDeque<f64>,
}

/// Counts a request, or says 429. Real seconds: a caller paces itself by its own clock.
pub fn check_pace(segments: &[Segment], pace: &mut Pace, setting: &Setting) -> Result<(), Answer> {
    let Some((design_time, retry)) = setting.scenarios.rate() else {
        return Ok(());
    };
    let at_run_time = segments.first().is_some_and(|segment| {
        matches!(
            segment.name.as_str(),
            "IntegrationRuntimeArtifacts" | "ServiceEndpoints" | "MessageProcessingLogs"
        )
    });
    // documented for one user: 10 design-time and 50 run-time requests a second
    let (seen, most) = if at_run_time {
        (&mut pace.run_time, design_time * 5)
    } else {
        (&mut pace.design_time, design_time)
    };
    let now = setting.clock.real();
    while seen.front().is_some_and(|then| now - then >= 1.0) {
        seen.pop_front();
    }
    if seen.len() >= most {
        return Err(too_many_requests(retry, setting.clock.today()));
    }
    seen.push_back(now);
    Ok(())
}

/// The token endpoint: POST, client credentials by basic authentication or form.
pub fn token(
    head: &Head,
    query: &str,
    body: &[u8],
    credentials: &Credentials,
    sessions: &mut Sessions,
    setting: &Setting,
) -> Answer {
    if setting.scenarios.has("basic-only") {
        return route_not_found();
    }
    if head.method != "POST" {
        return oauth_error(405, "method_not_allowed", "Request method not supported");
    }
    let Some(form) = form(head, query, body) else {
        let text = "The request parameters cannot be read";
        return oauth_error(400, "invalid_request", text);
    };
    let (id, secret) = client(head, &form);
    let client = if setting.scenarios.has("certificate-login") {
        (secret.is_empty() && id == credentials.client_id).then_some(Client::Api)
    } else {
        credentials.client(&id, &secret)
    };
    let Some(client) = client else {
        return oauth_error(401, "unauthorized", "Bad credentials");
    };
    match form.get("grant_type") {
        Some("client_credentials") => {
            let issued = sessions.issue(credentials, &issue(client, setting));
            worded(&issued, setting.scenarios.value("token-answer"))
        }
        None | Some("") => oauth_error(400, "invalid_request", "Missing grant type"),
        Some(_) => oauth_error(400, "unsupported_grant_type", "Unsupported grant type"),
    }
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

fn issue(client: Client, setting: &Setting) -> Issue {
    const HALF_A_DAY: f64 = 43_200.0;
    let now = setting.clock.now();
    Issue {
        client,
        now,
        date: setting.clock.millis(now) / 1000,
        lifetime: setting
            .scenarios
            .seconds("expired-token")
            .unwrap_or(HALF_A_DAY),
        neo: setting.scenarios.has("neo"),
    }
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

fn client(head: &Head, form: &Query) -> (String, String) {
    let from_form = || {
        let text = |name| form.get(name).unwrap_or_default().to_owned();
        (text("client_id"), text("client_secret"))
    };
    basic(head.header("authorization").unwrap_or_default()).unwrap_or_else(from_form)
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
