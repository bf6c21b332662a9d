//! The smoke test of `deploy --smoke`: one message to a flow that has started, and what became of it. The message is sent
//! once: whatever may have arrived is not sent again.

pub mod file;

use std::time::Duration;

use self::file::SmokeTest;
use crate::clock::Moment;
use crate::deploy::Context;
use crate::deploy::job::Job;
use crate::deploy::outcome::{Message, Outcome, Phase, Verdict, Word};
use crate::http::retry;
use crate::messages::{is_failure, is_open};
use crate::settings::address::is_loopback;
use crate::tenant::Tenant;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::flow_call::{Called, FlowAnswer, FlowMessage};
use crate::tenant::message_logs::{MessageLog, MessageStatus};
use crate::tenant::odata::TenantTime;
use crate::tenant::service_endpoints::ServiceEndpoint;
use crate::text::SafeText;

/// How long an endpoint that is not listed yet, or an address that is not served yet, is waited for.
const ENDPOINT: Duration = Duration::from_secs(60);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one answer is waited for at most.
const LONGEST_ANSWER: Duration = Duration::from_secs(120);

/// What a run tests after its deployments.
pub struct Smoke {
    /// Who calls flows: behind the key of plan `integration-flow`.
    pub caller: Tenant,
    /// The address that the key names: scheme, host and port.
    pub origin: String,
    /// The tests, each with the id of its artifact on the tenant.
    pub tests: Vec<(String, SmokeTest)>,
}

/// What a test showed.
enum Shown {
    /// All that it expects, in one line.
    Passed(String),
    /// Something else.
    Failed(Box<Message>),
    /// The key may not call it.
    Refused(Box<Message>),
    /// Nobody knows.
    Undecided(Box<Message>),
}

impl Smoke {
    /// Tests those artifacts that run, and lets the result count into their verdicts.
    pub fn test(&self, context: &Context<'_>, jobs: &[Job], outcomes: &mut [Outcome]) {
        for (id, test) in &self.tests {
            let runs = |outcome: &&mut Outcome| {
                outcome.id == *id && matches!(outcome.verdict.word, Word::Started | Word::Unchanged)
            };
            let job = jobs.iter().find(|job| job.id.0 == *id);
            if let (Some(outcome), Some(job)) = (outcomes.iter_mut().find(runs), job) {
                let began = context.clock.now();
                let shown = self.one(context, job, test);
                outcome.took += context.clock.now().saturating_sub(began);
                count(shown, outcome);
            }
        }
    }

    fn one(&self, context: &Context<'_>, job: &Job, test: &SmokeTest) -> Shown {
        let until = context.deadline.at.min(context.clock.now() + test.within);
        let run = Run {
            smoke: self,
            context,
            job,
            test,
            until,
        };
        match run.sent() {
            Ok((url, answer, since, correlation)) => run.judged(&url, &answer, since, &correlation),
            Err(shown) => shown,
        }
    }
}

impl Shown {
    fn failed(message: Message) -> Self {
        Self::Failed(Box::new(message))
    }

    fn of_error(error: TenantError) -> Self {
        let kind = error.kind;
        let mut message = Message::from(error);
        message.what = format!("the smoke test: {}", message.what);
        match kind {
            Kind::Credentials | Kind::Role => Self::Refused(Box::new(message)),
            _ => Self::Undecided(Box::new(message)),
        }
    }
}

/// Lets a result count into the verdict.
fn count(shown: Shown, outcome: &mut Outcome) {
    let before = std::mem::take(&mut outcome.verdict.evidence);
    outcome.phase = Phase::Smoke;
    let (word, message) = match shown {
        Shown::Passed(evidence) => {
            outcome.verdict.evidence = format!("{before}; smoke test: {evidence}");
            return;
        }
        Shown::Failed(message) => (Word::Failed, message),
        Shown::Refused(message) => (Word::Refused, message),
        Shown::Undecided(message) => (Word::Undecided, message),
    };
    outcome.verdict = Verdict::bad(
        word,
        format!("{before}; the smoke test did not pass"),
        *message,
    );
}

/// One test on its way.
struct Run<'a> {
    smoke: &'a Smoke,
    context: &'a Context<'a>,
    job: &'a Job,
    test: &'a SmokeTest,
    until: Moment,
}

impl Run<'_> {
    /// Finds the address and sends the message; with the address, the answer, from when on its log can be, and what it is
    /// found by.
    fn sent(&self) -> Result<(String, FlowAnswer, TenantTime, String), Shown> {
        let since = self.clock_of_tenant()?;
        let url = self.address()?;
        self.refuse_other_host(&url)?;
        let correlation = correlation();
        self.tell(format!("smoke test: {} {url}", self.test.method));
        let answer = self.answered(&url, &correlation)?;
        Ok((url, answer, since, correlation))
    }

    /// The tenant's clock before the message is sent: dates of the tenant are compared with its own.
    fn clock_of_tenant(&self) -> Result<TenantTime, Shown> {
        let read = self
            .context
            .tenant
            .runtime_artifact(&self.job.id, self.context.deadline);
        let reading = read.map_err(Shown::of_error)?;
        let deployed = reading.record.and_then(|record| record.deployed_on);
        let answered = reading
            .answered
            .map(|date| TenantTime(date.0.saturating_sub(1_000)));
        answered.or(deployed).ok_or_else(|| {
            let message = Message::new(
                "the tenant tells no date, so that the log of a message can't be told from others",
            );
            Shown::Undecided(Box::new(message.at(self.test.at.clone())))
        })
    }

    /// The address of the flow. A flow that has just started may be listed a little later.
    fn address(&self) -> Result<String, Shown> {
        let until = self.until.min(self.context.clock.now() + ENDPOINT);
        loop {
            let listed = self.context.tenant.service_endpoints(self.context.deadline);
            let listed = listed.map_err(Shown::of_error)?;
            let own = listed
                .iter()
                .filter(|one| one.is_of(&self.job.id.0, self.display_name()));
            match chosen(own, self.test.path.as_deref()) {
                Choice::One(url) => return Ok(url.into()),
                Choice::Several(urls) => return Err(Shown::failed(several(&urls))),
                Choice::None if self.context.clock.now() + PAUSE < until => {
                    self.context.clock.sleep(PAUSE);
                }
                Choice::None => return Err(Shown::failed(self.no_endpoint())),
            }
        }
    }

    fn display_name(&self) -> &str {
        match &self.job.source {
            crate::deploy::job::Source::Files(content) => &content.name,
            crate::deploy::job::Source::Tenant => "",
        }
    }

    /// The key goes to the host that it names, and to no other, whatever the tenant says.
    fn refuse_other_host(&self, url: &str) -> Result<(), Shown> {
        let host = host_of(url).unwrap_or_default().to_owned();
        let is_safe = url.starts_with("https://") || is_loopback(&host);
        let is_named =
            origin_of(url).is_some_and(|origin| Some(origin) == origin_of(&self.smoke.origin));
        if is_named && is_safe {
            return Ok(());
        }
        let message = Message::new(format!(
            "the endpoint is on {}, and CPI_RUNTIME_SERVICE_KEY is a key for {}: it was not sent there",
            host, self.smoke.origin
        ));
        Err(Shown::failed(message.at(url).hint(
            "give the service key of plan integration-flow of this tenant's subaccount",
        )))
    }

    /// The flow's answer. Where the message certainly did not arrive, or the address is not served yet, it is sent again.
    fn answered(&self, url: &str, correlation: &str) -> Result<FlowAnswer, Shown> {
        let until = self.until.min(self.context.clock.now() + ENDPOINT);
        let message = FlowMessage {
            url,
            method: self.test.method,
            headers: &self.test.headers,
            body: &self.test.body,
            correlation,
        };
        let mut attempt = 0;
        loop {
            let left = self
                .until
                .saturating_sub(self.context.clock.now())
                .min(LONGEST_ANSWER);
            let called = self
                .smoke
                .caller
                .call_flow(&message, left, self.context.deadline);
            let reason = match called.map_err(Shown::of_error)? {
                Called::Answered(answer) if answer.status == 404 || is_away(&answer) => {
                    format!("status {}", answer.status)
                }
                Called::Answered(answer) => return Ok(answer),
                Called::NotArrived(reason) => reason,
                Called::Lost(reason) => return Err(self.lost(&reason)),
            };
            attempt += 1;
            let pause = retry::backoff(attempt.min(4)).max(PAUSE);
            if self.context.clock.now() + pause >= until {
                return Err(Shown::failed(unserved(url, &reason)));
            }
            self.context.clock.sleep(pause);
        }
    }

    /// Holds the answer against what is expected, then the message log.
    fn judged(
        &self,
        url: &str,
        answer: &FlowAnswer,
        since: TenantTime,
        correlation: &str,
    ) -> Shown {
        if let 401 | 403 = answer.status {
            return Shown::Refused(Box::new(may_not_call(url, answer)));
        }
        let log = if self.test.log {
            self.log_of(answer, since, correlation)
        } else {
            Ok(None)
        };
        if let Some(mut message) = unexpected(self.test, answer) {
            message.at = Some(url.to_owned());
            if let Ok(Some(log)) = &log {
                // the deepest cause comes first
                message.causes.splice(0..0, self.cause_of(log));
            }
            return Shown::Failed(Box::new(message));
        }
        let said = format!("{} {} → {}", self.test.method, url, answer.status);
        match log {
            Ok(None) => Shown::Passed(said),
            Ok(Some(log)) if log.status == MessageStatus::Completed => {
                Shown::Passed(format!("{said}; message {} COMPLETED", log.guid))
            }
            Ok(Some(log)) if is_open(&log.status) => {
                Shown::Undecided(Box::new(self.not_over(&log)))
            }
            Ok(Some(log)) => Shown::Failed(Box::new(self.not_completed(&log))),
            Err(message) => Shown::Undecided(message),
        }
    }

    /// The log of our message, waited for until it says something final.
    fn log_of(
        &self,
        answer: &FlowAnswer,
        since: TenantTime,
        correlation: &str,
    ) -> Result<Option<MessageLog>, Box<Message>> {
        loop {
            let last = self.context.clock.now() + PAUSE >= self.until;
            let found = self
                .find_log(answer, since, correlation)
                .map_err(Box::<Message>::from)?;
            match found {
                Some(log) if !is_open(&log.status) || last => return Ok(Some(log)),
                None if last => return Err(Box::new(no_log(self.test))),
                _ => self.context.clock.sleep(PAUSE),
            }
        }
    }

    /// By the id that the answer names, by our correlation id, or as the only message since.
    fn find_log(
        &self,
        answer: &FlowAnswer,
        since: TenantTime,
        correlation: &str,
    ) -> Result<Option<MessageLog>, TenantError> {
        let (tenant, deadline) = (self.context.tenant, self.context.deadline);
        if let Some(guid) = &answer.log {
            return tenant.message_log(guid, deadline);
        }
        let logs = tenant.message_logs(&self.job.id, since, deadline)?.logs;
        let ours = logs.iter().find(|log| log.correlation_id == correlation);
        let only = || logs.first().filter(|_| logs.len() == 1);
        Ok(ours.or_else(only).cloned())
    }

    fn cause_of(&self, log: &MessageLog) -> Vec<String> {
        if !is_failure(&log.status) {
            return Vec::new();
        }
        let error = self
            .context
            .tenant
            .message_error(&log.guid, self.context.deadline);
        let link = (!log.link.is_empty()).then(|| format!("message {}: {}", log.guid, log.link));
        error.into_iter().chain(link).collect()
    }

    fn not_completed(&self, log: &MessageLog) -> Message {
        let what = format!("the message was answered, and its log says {}", log.status);
        Message {
            causes: self.cause_of(log),
            ..Message::new(what).at(self.test.at.clone())
        }
        .hint("`flowship messages` shows the newest failures; the flow itself runs")
    }

    fn not_over(&self, log: &MessageLog) -> Message {
        Message::new(format!("the message is still {}", log.status))
            .at(self.test.at.clone())
            .hint("give it more time with `within`, or look at it in the web UI")
    }

    fn no_endpoint(&self) -> Message {
        let at = match &self.test.path {
            Some(path) => format!(" with the address `{path}`"),
            None => String::new(),
        };
        Message::new(format!("{} has no endpoint{at} that could be called", self.job.id))
            .at(self.test.at.clone())
            .hint("`flowship endpoints` shows what can be called; flows with a timer or ProcessDirect sender have none")
    }

    fn lost(&self, reason: &str) -> Shown {
        let message = Message::new(
            "the message may have arrived, and its answer was lost; it is not sent twice",
        );
        let message = message.because(reason).at(self.test.at.clone());
        Shown::Undecided(Box::new(
            message.hint("`flowship messages` shows what became of it; then run again"),
        ))
    }

    fn tell(&self, text: String) {
        self.context.ledger.progress(&self.job.id.0, text);
    }
}

impl From<TenantError> for Box<Message> {
    fn from(error: TenantError) -> Self {
        Box::new(error.into())
    }
}

/// Which address is meant.
#[derive(Debug, PartialEq, Eq)]
enum Choice {
    One(SafeText),
    Several(Vec<SafeText>),
    None,
}

fn chosen<'e>(own: impl Iterator<Item = &'e ServiceEndpoint>, path: Option<&str>) -> Choice {
    let plain = |text: &str| text.trim_matches('/').to_owned();
    let mut urls: Vec<SafeText> = own.flat_map(|one| one.urls.clone()).collect();
    if let Some(path) = path.map(plain) {
        urls.retain(|url| {
            let below = url.splitn(4, '/').nth(3).unwrap_or_default();
            let below = plain(below.split('?').next().unwrap_or_default());
            below == path || below.split_once('/').is_some_and(|(_, rest)| rest == path)
        });
    }
    match urls.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(one.clone()),
        _ => Choice::Several(urls),
    }
}

fn may_not_call(url: &str, answer: &FlowAnswer) -> Message {
    let message = Message::new(format!(
        "the key in CPI_RUNTIME_SERVICE_KEY may not call the flow (status {})",
        answer.status
    ));
    message.at(url).hint(
        "it must be of plan integration-flow and hold the role that the sender wants (ESBMessaging.send, unless the flow names another); the flow itself runs",
    )
}

fn several(urls: &[SafeText]) -> Message {
    let shown: Vec<String> = urls.iter().map(SafeText::to_string).collect();
    let message = Message::new(
        "the flow has several endpoints, and the smoke test does not say which is meant",
    );
    message
        .because(shown.join(", "))
        .hint("name one with `path`, for example `path: /orders`")
}

fn unserved(url: &str, reason: &str) -> Message {
    let message =
        Message::new("the endpoint of the flow does not answer, though the flow is STARTED");
    message.because(reason).at(url).hint(
        "`flowship endpoints` shows the addresses; a load balancer may still send calls elsewhere",
    )
}

fn no_log(test: &SmokeTest) -> Message {
    let message =
        Message::new("no message log could be found for the message within the time given");
    message.at(test.at.clone()).hint("logs may be switched off for the flow (log level NONE): then write `log: none`; else give it more time with `within`")
}

/// A gateway before the flow answered, not the flow.
fn is_away(answer: &FlowAnswer) -> bool {
    answer.status == 503
}

/// In what an answer is not the expected one. Pure.
fn unexpected(test: &SmokeTest, answer: &FlowAnswer) -> Option<Message> {
    // what flows answer is business data: it does not belong in a log
    let cause = (answer.outline.as_ref()).map(|outline| format!("the answer: {outline}"));
    let is_expected = match test.status {
        Some(status) => answer.status == status,
        None => (200..300).contains(&answer.status),
    };
    let what = if is_expected {
        let wanted = test.body_contains.as_ref()?;
        if String::from_utf8_lossy(&answer.body).contains(wanted.as_str()) {
            return None;
        }
        format!("the flow's answer does not hold `{wanted}`")
    } else {
        let wanted = test
            .status
            .map_or("2xx".to_owned(), |status| status.to_string());
        format!(
            "the flow answered with status {}, and {wanted} was expected",
            answer.status
        )
    };
    Some(Message {
        causes: cause.into_iter().collect(),
        ..Message::new(what)
    })
}

/// The host of an address, without its port; `None` where anything stands there that is no host.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?.0,
        None => authority.split(':').next()?,
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    (!host.is_empty() && host.chars().all(legal)).then_some(host)
}

/// Scheme, host and port of an address, in the form in which two of them can be compared.
fn origin_of(url: &str) -> Option<(String, String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next()?;
    let after_host = authority.rsplit(']').next()?;
    let usual = if scheme == "https" { "443" } else { "80" };
    let port = after_host.split_once(':').map_or(usual, |(_, port)| port);
    Some((scheme, host_of(url)?.to_ascii_lowercase(), port))
}

/// What nobody else sends: the log of our message is found by it.
fn correlation() -> String {
    format!("flowship-{:016x}", fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_are_of_one_origin_or_not() {
        for (one, other, same) in [
            ("https://a.example/http/x?y", "https://A.example:443", true),
            ("https://a.example", "http://a.example", false),
            ("http://127.0.0.1:81/x", "http://127.0.0.1:82", false),
            ("https://[::1]:8443/x", "https://[::1]:8443", true),
            ("https://a.example@b.example/", "https://a.example", false),
        ] {
            let (one, other) = (super::origin_of(one), super::origin_of(other));
            assert_eq!(one.is_some() && one == other, same, "{one:?} {other:?}");
        }
    }

    use super::*;

    fn endpoint(urls: &[&str]) -> ServiceEndpoint {
        ServiceEndpoint {
            urls: urls.iter().map(|url| (*url).into()).collect(),
            ..ServiceEndpoint::default()
        }
    }

    #[test]
    fn an_address_is_chosen_by_its_path_and_never_guessed() {
        let all = [
            endpoint(&["https://h/http/orders"]),
            endpoint(&["https://h/http/orders/eu", "https://h/cxf/x"]),
        ];
        let by = |path| chosen(all.iter(), path);
        assert_eq!(
            by(Some("/orders")),
            Choice::One("https://h/http/orders".into())
        );
        assert_eq!(
            by(Some("orders/eu/")),
            Choice::One("https://h/http/orders/eu".into())
        );
        assert_eq!(
            by(Some("/http/orders")),
            Choice::One("https://h/http/orders".into())
        );
        assert_eq!(by(Some("/eu")), Choice::None);
        assert!(matches!(by(None), Choice::Several(urls) if urls.len() == 3));
        assert_eq!(
            chosen(all[..1].iter(), None),
            Choice::One("https://h/http/orders".into())
        );
    }
}
