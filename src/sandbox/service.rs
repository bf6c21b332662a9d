//! One request from arrival to log: faults, the gate, the routes. Knows answers, not sockets.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::Watch;
use super::answer::{Answer, Format, Refusal};
use super::call::{Call, Setting, read_body};
use super::fault::{Effect, Fault, Moment, route_not_found};
use super::gate::{Caller, Pace};
use super::inspect;
use super::model::RUNTIME;
use super::path::{Query, Segment, Target, decode, segments};
use super::request_log::{LoggedRequest, RequestLog};
use super::routes;
use super::senders;
use super::state::Tenant;
use super::tokens::{Credentials, Sessions};
use super::wire::Head;

/// A tenant with its door.
pub struct Service {
    pub setting: Setting,
    pub credentials: Credentials,
    /// The path under which the service root lies, such as `/api/v1`.
    pub root_path: String,
    pub tenant: Mutex<Tenant>,
    pub sessions: Mutex<Sessions>,
    pub pace: Mutex<Pace>,
    pub records: Mutex<Records>,
    pub log: Mutex<Option<Box<dyn Write + Send>>>,
    pub watch: Mutex<Option<Watch>>,
}

/// What was seen so far.
#[derive(Default)]
pub struct Records {
    requests: RequestLog,
    arrived: usize,
    /// For each fault, how many requests it could have hit.
    matched: Vec<usize>,
}

/// Where a request wants to go.
enum Destination {
    Inspection,
    Token,
    Front,
    /// The address of a flow.
    Flow,
    Api(Vec<Segment>, Query),
    /// Malformed, or below a service root that does not serve it.
    Refused(Refusal),
    Nowhere,
}

/// A request on its way.
pub struct Visit {
    pub head: Head,
    target: Target,
    destination: Destination,
    caller: Option<Caller>,
    entry: LoggedRequest,
    /// The answer, when it needs neither body nor tenant.
    pub refusal: Option<Answer>,
    fault: Option<Fault>,
}

impl Visit {
    pub fn effect(&self, moment: Moment) -> Option<Effect> {
        let fault = self.fault.as_ref();
        let fault = fault.filter(|fault| fault.moment == moment);
        fault.map(|fault| fault.effect)
    }
}

/// State is never left half written, so a panic elsewhere does not spoil it.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Decides, from the head alone, what becomes of a request.
    pub fn admit(&self, head: Head) -> Visit {
        let target = Target::split(&head.target);
        let mut visit = Visit {
            destination: self.destination(&target),
            entry: self.entry(&head, &target),
            target,
            head,
            caller: None,
            refusal: None,
            fault: None,
        };
        if matches!(visit.destination, Destination::Inspection) {
            return visit;
        }
        visit.fault = self.arrive(&mut visit.entry);
        visit.refusal = match visit.effect(Moment::Before) {
            Some(Effect::Page(page)) => Some(page(self.setting.clock.today())),
            Some(_) => None,
            None => self.gate(&mut visit).err(),
        };
        visit
    }

    fn destination(&self, target: &Target) -> Destination {
        let path = target.path.as_str();
        match path {
            "/sandbox/journal" | "/sandbox/state" => return Destination::Inspection,
            "/oauth/token" | "/oauth2/api/v1/token" => return Destination::Token,
            "/" => return Destination::Front,
            flow if flow.starts_with(senders::ROOT) => return Destination::Flow,
            _ => {}
        }
        let Some((below, at_location)) = self.below_root(path) else {
            return Destination::Nowhere;
        };
        match (segments(below), Query::parse(&target.query)) {
            (Some(segments), Some(query)) if self.is_served(&segments, at_location) => {
                Destination::Api(segments, query)
            }
            (Some(_), Some(_)) => Destination::Refused(Refusal::missing()),
            _ => Destination::Refused(Refusal::bad_request("The request URI is malformed.")),
        }
    }

    /// What of a path is below the service root, and whether that root is a location's.
    fn below_root<'p>(&self, path: &'p str) -> Option<(&'p str, bool)> {
        let scenarios = &self.setting.scenarios;
        if scenarios.has("wrong-host") {
            return None;
        }
        let below = |root: &str| {
            path.strip_prefix(root)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let location = scenarios.value("location");
        let of_location = location.and_then(|id| below(&format!("/location/{id}/api/v1")));
        match of_location {
            Some(rest) => Some((rest, true)),
            None => below(&self.root_path).map(|rest| (rest, false)),
        }
    }

    /// With a location the run time is there, and everything else at the usual root.
    fn is_served(&self, segments: &[Segment], at_location: bool) -> bool {
        let is_runtime = segments
            .first()
            .is_some_and(|first| first.name == RUNTIME.name);
        !self.setting.scenarios.has("location") || is_runtime == at_location
    }

    fn entry(&self, head: &Head, target: &Target) -> LoggedRequest {
        let leak = self.holds_secret(&head.target);
        let hidden = |text: String| {
            if leak {
                "(hidden: it holds a secret)".to_owned()
            } else {
                text
            }
        };
        LoggedRequest {
            number: 0,
            arrived: self.setting.clock.now(),
            method: head.method.clone(),
            target: hidden(head.target.clone()),
            decoded: hidden(target.decoded()),
            status: None,
            fault: None,
            carried_out: false,
            secret_in_target: leak,
        }
    }

    fn holds_secret(&self, target: &str) -> bool {
        let decoded = decode(target, true).unwrap_or_default();
        let known = self.credentials.secrets();
        let plain = |text: &str| known.iter().any(|secret| text.contains(secret));
        plain(target) || plain(&decoded) || locked(&self.sessions).any_token_in(target)
    }

    /// Counts the request and finds the fault that hits it.
    fn arrive(&self, entry: &mut LoggedRequest) -> Option<Fault> {
        let mut records = locked(&self.records);
        records.arrived += 1;
        entry.number = records.arrived;
        let mut hit = None;
        for (at, fault) in self.setting.scenarios.faults().enumerate() {
            if records.matched.len() <= at {
                records.matched.push(0);
            }
            // every fault counts for itself, even if another one hits first
            if fault.hits(&entry.method, &entry.decoded, &mut records.matched[at]) && hit.is_none()
            {
                hit = Some(fault.clone());
            }
        }
        entry.fault = hit.as_ref().map(|fault| fault.name.clone());
        hit
    }

    fn gate(&self, visit: &mut Visit) -> Result<(), Answer> {
        let head = &visit.head;
        let segments: &[Segment] = match &visit.destination {
            Destination::Inspection | Destination::Token => return Ok(()),
            Destination::Flow => return self.check_flow_caller(head),
            Destination::Nowhere => return Err(route_not_found()),
            Destination::Front | Destination::Refused(_) => &[],
            Destination::Api(segments, _) => segments,
        };
        let caller = self.authenticate(head)?;
        self.check_pace(segments)?;
        self.check_csrf(head, &caller)?;
        // a tenant that does not know a name cannot have a role for it
        if segments
            .first()
            .is_some_and(|first| routes::knows(&first.name))
        {
            self.check_role(&head.method, segments)?;
        }
        visit.caller = Some(caller);
        Ok(())
    }

    /// Does what was asked for.
    pub fn carry_out(&self, visit: &mut Visit, body: Vec<u8>) -> Answer {
        visit.entry.carried_out = true;
        let head = &visit.head;
        let answer = match &visit.destination {
            Destination::Inspection => return self.inspect(&visit.target.path),
            Destination::Token => return self.token(head, &visit.target.query, &body),
            Destination::Front => Answer::html(200, "<html><body>Sandbox</body></html>"),
            Destination::Flow => {
                let call = (head, visit.target.path.as_str(), body);
                let sessions = locked(&self.sessions);
                senders::answer(&mut locked(&self.tenant), &sessions, &self.setting, call)
            }
            Destination::Nowhere => route_not_found(),
            Destination::Refused(refusal) => refusal.render(format(head, &Query::NONE)),
            Destination::Api(segments, query) => {
                let mut call = Call {
                    method: &head.method,
                    segments,
                    query,
                    body: read_body(head.header("content-type"), &body),
                    caller: visit.caller.as_ref().map_or("", |caller| &caller.name),
                    now: self.setting.clock.now(),
                    format: format(head, query),
                    setting: &self.setting,
                };
                let answer = routes::answer(&mut locked(&self.tenant), &mut call);
                answer.unwrap_or_else(|refusal| refusal.render(call.format))
            }
        };
        self.fetch_csrf(head, answer)
    }

    fn inspect(&self, path: &str) -> Answer {
        let now = self.setting.clock.now();
        match path {
            "/sandbox/journal" => {
                Answer::json(200, &json!({ "requests": self.request_log().entries }))
            }
            _ => inspect::state(&locked(&self.tenant), now),
        }
    }

    /// Records and logs a request, with the status that reaches the caller.
    pub fn note(&self, visit: &Visit, status: Option<u16>) {
        if visit.entry.number == 0 {
            return;
        }
        let entry = LoggedRequest {
            status,
            ..visit.entry.clone()
        };
        self.log_line(&entry.to_string());
        locked(&self.records).requests.entries.push(entry.clone());
        if let Some(watch) = locked(&self.watch).as_mut() {
            watch(&entry);
        }
    }

    /// A log that cannot be written must not stop the tenant.
    pub fn log_line(&self, line: &str) {
        if let Some(log) = locked(&self.log).as_mut() {
            let _ = writeln!(log, "{line}").and_then(|()| log.flush());
        }
    }

    pub fn request_log(&self) -> RequestLog {
        locked(&self.records).requests.clone()
    }

    /// How long the network takes.
    pub fn latency(&self) -> Duration {
        let seconds = self.setting.scenarios.seconds("latency");
        self.setting.clock.lasting(seconds.unwrap_or(0.0))
    }

    pub fn date(&self) -> String {
        httpdate::fmt_http_date(self.setting.clock.today())
    }
}

/// JSON only for those who ask for it.
fn format(head: &Head, query: &Query) -> Format {
    let media_types = head.header("accept").unwrap_or_default().split(',');
    let accepts_json = media_types
        .map(|part| part.split(';').next().unwrap_or_default().trim())
        .any(|media| media.eq_ignore_ascii_case("application/json"));
    match query.get("$format") {
        Some("json") => Format::Json,
        None if accepts_json => Format::Json,
        _ => Format::Atom,
    }
}
