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
use crate::settings::address::origin;
use crate::tenant::Tenant;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::flow_call::{Called, FlowAnswer, FlowMessage};
use crate::tenant::message_logs::{MessageLog, MessageStatus};
use crate::tenant::odata::TenantTime;
use crate::tenant::service_endpoints::ServiceEndpoint;
use crate::text::SafeText;

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

/// Why a test did not pass: what that makes of the artifact, and why.
type Stop = (Word, Box<Message>);

fn stop<T>(word: Word, message: Message) -> Result<T, Stop> {
    Err((word, Box::new(message)))
}

fn of_error(error: TenantError) -> Stop {
    let word = match error.kind {
        Kind::Credentials | Kind::Role => Word::Refused,
        _ => Word::Undecided,
    };
    let mut message = Message::from(error);
    message.what = format!("the smoke test: {}", message.what);
    (word, Box::new(message))
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
                let run = Run {
                    smoke: self,
                    context,
                    job,
                    test,
                    until: context.deadline.at.min(began + test.within),
                };
                let shown = run.test();
                outcome.took += context.clock.now().saturating_sub(began);
                count(shown, outcome);
            }
        }
    }
}

/// Lets a result count into the verdict.
fn count(shown: Result<String, Stop>, outcome: &mut Outcome) {
    let before = std::mem::take(&mut outcome.verdict.evidence);
    outcome.phase = Phase::Smoke;
    match shown {
        Ok(evidence) => outcome.verdict.evidence = format!("{before}; smoke test: {evidence}"),
        Err((word, message)) => {
            let evidence = format!("{before}; the smoke test did not pass");
            outcome.verdict = Verdict::bad(word, evidence, *message);
        }
    }
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
    /// Finds the address, sends the message, and holds the answer and the message log against what is expected.
    fn test(&self) -> Result<String, Stop> {
        let since = self.clock_of_tenant()?;
        let url = self.address()?;
        self.refuse_other_host(&url)?;
        // nobody else sends it: the log of the message is found by it
        let correlation = format!("flowship-{:016x}", fastrand::u64(..));
        let called = format!("{} {url}", self.test.method);
        let line = format!("smoke test: {called}");
        self.context.ledger.progress(&self.job.id.0, line);
        let answer = self.answered(&url, &correlation)?;
        if let 401 | 403 = answer.status {
            return stop(Word::Refused, may_not_call(&url, answer.status));
        }
        let log = if self.test.log {
            self.log_of(&answer, since, &correlation).map(Some)
        } else {
            Ok(None)
        };
        if let Some(mut message) = unexpected(self.test, &answer) {
            message.at = Some(url);
            if let Ok(Some(log)) = &log {
                // the deepest cause comes first
                message.causes.splice(0..0, self.cause_of(log));
            }
            return stop(Word::Failed, message);
        }
        let said = format!("{called} → {}", answer.status);
        let Some(log) = log? else { return Ok(said) };
        match &log.status {
            MessageStatus::Completed => Ok(format!("{said}; message {} COMPLETED", log.guid)),
            status if is_open(status) => stop(
                Word::Undecided,
                self.message(format!("the message is still {status}"))
                    .hint("give it more time with `within`, or look at it in the web UI"),
            ),
            status => {
                let what = format!("the message was answered, and its log says {status}");
                let message = Message {
                    causes: self.cause_of(&log),
                    ..self.message(what)
                };
                let hint = "`flowship messages` shows the newest failures; the flow itself runs";
                stop(Word::Failed, message.hint(hint))
            }
        }
    }

    /// A message about this test.
    fn message(&self, what: impl Into<String>) -> Message {
        Message::new(what).at(self.test.at.clone())
    }

    /// The tenant's clock before the message is sent: dates of the tenant are compared with its own.
    fn clock_of_tenant(&self) -> Result<TenantTime, Stop> {
        let (tenant, deadline) = (self.context.tenant, self.context.deadline);
        let reading = tenant.runtime_artifact(&self.job.id, deadline);
        let reading = reading.map_err(of_error)?;
        let deployed = reading.record.and_then(|record| record.deployed_on);
        let answered = reading
            .answered
            .map(|date| TenantTime(date.0.saturating_sub(1_000)));
        match answered.or(deployed) {
            Some(date) => Ok(date),
            None => stop(
                Word::Undecided,
                self.message("the tenant tells no date, so that the log of a message can't be told from others"),
            ),
        }
    }

    /// The address of the flow. A flow that has just started may be listed a little later.
    fn address(&self) -> Result<String, Stop> {
        let (context, test) = (self.context, self.test);
        let name = self.job.content().map_or("", |content| &content.name);
        loop {
            let listed = context.tenant.service_endpoints(context.deadline);
            let listed = listed.map_err(of_error)?;
            let own = listed.iter().filter(|one| one.is_of(&self.job.id.0, name));
            match addresses(own, test.path.as_deref()).as_slice() {
                [url] => return Ok(url.clone().into()),
                [] if context.clock.now() + PAUSE < self.until => context.clock.sleep(PAUSE),
                // tenants list a flow up to minutes after it has started (cpi-api.md §16.2)
                [] => return stop(Word::Undecided, self.no_endpoint()),
                several => return stop(Word::Failed, ambiguous(several)),
            }
        }
    }

    /// The key goes to the host that it names, and to no other, whatever the tenant says.
    fn refuse_other_host(&self, url: &str) -> Result<(), Stop> {
        let (here, named) = (origin(url), origin(&self.smoke.origin));
        if here.is_some() && here == named {
            return Ok(());
        }
        let message = Message::new(format!(
            "the endpoint is on {}, and CPI_RUNTIME_SERVICE_KEY is a key for {}: it was not sent there",
            here.as_deref().unwrap_or("no address that may be called"),
            self.smoke.origin
        ));
        let hint = "give the service key of plan integration-flow of this tenant's subaccount";
        stop(Word::Failed, message.at(url).hint(hint))
    }

    /// The flow's answer. Where the message certainly did not arrive, or the address is not served yet, it is sent again.
    fn answered(&self, url: &str, correlation: &str) -> Result<FlowAnswer, Stop> {
        let (context, test) = (self.context, self.test);
        let message = FlowMessage {
            url,
            method: test.method,
            headers: &test.headers,
            body: &test.body,
            correlation,
        };
        let mut attempt = 0;
        loop {
            let left = self.until.saturating_sub(context.clock.now());
            let left = left.min(LONGEST_ANSWER);
            let called = (self.smoke.caller).call_flow(&message, left, context.deadline);
            let reason = match called.map_err(of_error)? {
                // the flow is not there yet, or a gateway before it answers
                Called::Answered(answer) if matches!(answer.status, 404 | 503) => {
                    format!("status {}", answer.status)
                }
                Called::Answered(answer) if self.is_of_a_gateway(&answer) && !test.log => {
                    let what = format!(
                        "a web page came with status {}, of the flow or of a gateway before it",
                        answer.status
                    );
                    return stop(Word::Undecided, self.message(what).at(url).hint("say what stands in the flow's answer with `body-contains`, or let the message log decide: `log: completed`"));
                }
                Called::Answered(answer) => return Ok(answer),
                Called::NotArrived(reason) => reason,
                Called::Lost(reason) => return stop(Word::Undecided, self.lost(reason)),
            };
            attempt += 1;
            let pause = retry::backoff(attempt.min(4)).max(PAUSE);
            if context.clock.now() + pause >= self.until {
                return stop(Word::Failed, unserved(url, reason));
            }
            context.clock.sleep(pause);
        }
    }

    /// The log of our message, waited for until it says something final.
    fn log_of(
        &self,
        answer: &FlowAnswer,
        since: TenantTime,
        correlation: &str,
    ) -> Result<MessageLog, Stop> {
        loop {
            let last = self.context.clock.now() + PAUSE >= self.until;
            let may_be_any = last && !self.is_of_a_gateway(answer);
            let found = self.find_log(answer, since, correlation, may_be_any);
            match found.map_err(|error| (Word::Undecided, Box::new(error.into())))? {
                Some(log) if !is_open(&log.status) || last => return Ok(log),
                None if last => {
                    let message = self.message(
                        "no message log could be found for the message within the time given",
                    );
                    return stop(Word::Undecided, message.hint("logs may be switched off for the flow (log level NONE): then write `log: none`; else give it more time with `within`"));
                }
                _ => self.context.clock.sleep(PAUSE),
            }
        }
    }

    /// By the id that the answer names, by our correlation id, or, if it `may_be_any`, as the only message since.
    fn find_log(
        &self,
        answer: &FlowAnswer,
        since: TenantTime,
        correlation: &str,
        may_be_any: bool,
    ) -> Result<Option<MessageLog>, TenantError> {
        let (tenant, deadline) = (self.context.tenant, self.context.deadline);
        if let Some(guid) = &answer.log {
            return tenant.message_log(guid, deadline);
        }
        let logs = tenant.message_logs(&self.job.id, since, deadline)?.logs;
        Ok(ours(&logs, correlation, may_be_any).cloned())
    }

    /// Whether a web page came where nothing of the body is expected: a gateway's, most likely.
    fn is_of_a_gateway(&self, answer: &FlowAnswer) -> bool {
        answer.is_page && self.test.body_contains.is_none()
    }

    fn cause_of(&self, log: &MessageLog) -> Vec<String> {
        if !is_failure(&log.status) {
            return Vec::new();
        }
        let (tenant, deadline) = (self.context.tenant, self.context.deadline);
        let error = tenant.message_error(&log.guid, deadline);
        let link = (!log.link.is_empty()).then(|| format!("message {}: {}", log.guid, log.link));
        error.into_iter().chain(link).collect()
    }

    fn no_endpoint(&self) -> Message {
        let at = match &self.test.path {
            Some(path) => format!(" with the address `{path}`"),
            None => String::new(),
        };
        self.message(format!("no endpoint of {}{at} was listed within the time given", self.job.id))
            .hint("tenants list one up to minutes after the start: give it more time with `within`; `flowship endpoints` shows what can be called; flows with a timer or ProcessDirect sender have none")
    }

    fn lost(&self, reason: String) -> Message {
        self.message("the message may have arrived, and its answer was lost; it is not sent twice")
            .because(reason)
            .hint("`flowship messages` shows what became of it; then run again")
    }
}

/// The log of our message. Another client's may be the only one for a while, so that counts at the end alone. Pure.
fn ours<'l>(logs: &'l [MessageLog], correlation: &str, may_be_any: bool) -> Option<&'l MessageLog> {
    let ours = logs.iter().find(|log| log.correlation_id == correlation);
    ours.or_else(|| logs.first().filter(|_| may_be_any && logs.len() == 1))
}

/// The addresses of endpoints, or those among them with this path.
fn addresses<'e>(
    own: impl Iterator<Item = &'e ServiceEndpoint>,
    path: Option<&str>,
) -> Vec<SafeText> {
    let plain = |text: &str| text.trim_matches('/').to_owned();
    let mut urls: Vec<SafeText> = own.flat_map(|one| one.urls.clone()).collect();
    if let Some(path) = path.map(plain) {
        urls.retain(|url| {
            let below = url.splitn(4, '/').nth(3).unwrap_or_default();
            let below = plain(below.split('?').next().unwrap_or_default());
            below == path || below.split_once('/').is_some_and(|(_, rest)| rest == path)
        });
    }
    urls
}

fn may_not_call(url: &str, status: u16) -> Message {
    let message = Message::new(format!(
        "the key in CPI_RUNTIME_SERVICE_KEY may not call the flow (status {status})"
    ));
    message.at(url).hint(
        "it must be of plan integration-flow and hold the role that the sender wants (ESBMessaging.send, unless the flow names another); the flow itself runs",
    )
}

fn ambiguous(urls: &[SafeText]) -> Message {
    let shown: Vec<String> = urls.iter().map(SafeText::to_string).collect();
    Message::new("the flow has several endpoints, and the smoke test does not say which is meant")
        .because(shown.join(", "))
        .hint("name one with `path`, for example `path: /orders`")
}

fn unserved(url: &str, reason: String) -> Message {
    Message::new("the endpoint of the flow does not answer, though the flow is STARTED")
        .because(reason)
        .at(url)
        .hint("`flowship endpoints` shows the addresses; a load balancer may still send calls elsewhere")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(urls: &[&str]) -> ServiceEndpoint {
        ServiceEndpoint {
            urls: urls.iter().map(|url| (*url).into()).collect(),
            ..ServiceEndpoint::default()
        }
    }

    #[test]
    fn the_log_of_another_client_counts_at_the_end_alone() {
        let log = |correlation: &str| MessageLog {
            guid: "guid".into(),
            correlation_id: correlation.into(),
            status: MessageStatus::Completed,
            start: None,
            end: None,
            link: "".into(),
        };
        for (logs, may_be_any, expected) in [
            (&["other", "us"][..], false, Some("us")),
            (&["other"], false, None),
            (&["other"], true, Some("other")),
            (&["other", "third"], true, None),
            (&[], true, None),
        ] {
            let logs: Vec<MessageLog> = logs.iter().map(|one| log(one)).collect();
            let found = ours(&logs, "us", may_be_any).map(|log| log.correlation_id.as_str());
            assert_eq!(found, expected, "{logs:?} {may_be_any}");
        }
    }

    #[test]
    fn an_address_is_chosen_by_its_path_and_never_guessed() {
        let all = [
            endpoint(&["https://h/http/orders"]),
            endpoint(&["https://h/http/orders/eu", "https://h/cxf/x"]),
        ];
        for (path, expected) in [
            (Some("/orders"), &["https://h/http/orders"][..]),
            (Some("orders/eu/"), &["https://h/http/orders/eu"]),
            (Some("/http/orders"), &["https://h/http/orders"]),
            (Some("/eu"), &[]),
            (
                None,
                &[
                    "https://h/http/orders",
                    "https://h/http/orders/eu",
                    "https://h/cxf/x",
                ],
            ),
        ] {
            assert_eq!(addresses(all.iter(), path), expected, "{path:?}");
        }
    }
}
