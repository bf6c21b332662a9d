//! Calling a flow at its own address, with a key of plan `integration-flow` (cpi-api.md §5.6). Nothing is repeated that may
//! have arrived: a message that is sent twice is processed twice.

use std::time::Duration;

use super::Tenant;
use super::error::{Kind, TenantError};
use super::meaning::date_of;
use super::odata::TenantTime;
use super::session::Csrf;
use crate::clock::Deadline;
use crate::http::{Answer, Body, Connection, Headers, Method, Request, SendError, Sent};

/// The most that is read of a flow's answer, in bytes.
const ANSWER_CAP: u64 = 4 << 20;
/// The header in which a flow names the log of the message.
const LOG_HEADER: &str = "SAP_MessageProcessingLogID";
/// The header whose value the log bears as `CorrelationId`.
const CORRELATION_HEADER: &str = "SAP_MplCorrelationId";

/// A message for a flow.
pub struct FlowMessage<'a> {
    /// The address of the flow.
    pub url: &'a str,
    /// The method.
    pub method: Method,
    /// Headers of the user's.
    pub headers: &'a [(String, String)],
    /// The body; empty for none.
    pub body: &'a [u8],
    /// What the message log is to be found by.
    pub correlation: &'a str,
}

/// What became of a message.
#[derive(Debug)]
pub enum Called {
    /// The flow, or what is before it, answered.
    Answered(FlowAnswer),
    /// It certainly did not arrive.
    NotArrived(String),
    /// It may have arrived, and there was no whole answer.
    Lost(String),
}

/// The answer of a flow.
#[derive(Debug)]
pub struct FlowAnswer {
    /// The status.
    pub status: u16,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// The body is a web page.
    pub is_page: bool,
    /// Length and type of the body.
    pub outline: Option<String>,
    /// The log of the message, where the answer names it.
    pub log: Option<String>,
    /// When it was answered, by the clock of the tenant.
    pub answered: Option<TenantTime>,
}

impl Tenant {
    /// Sends one message. Only where the flow says that a CSRF token is missing, which means that nothing was processed,
    /// it is fetched and the message sent once more.
    pub fn call_flow(
        &self,
        message: &FlowMessage<'_>,
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<Called, TenantError> {
        let (called, wants_csrf) = self.call_once(message, None, timeout, deadline)?;
        if !wants_csrf {
            return Ok(called);
        }
        match self.csrf_of_flow(message, timeout, deadline)? {
            Some(csrf) => Ok(self.call_once(message, Some(&csrf), timeout, deadline)?.0),
            None => Ok(called),
        }
    }

    fn call_once(
        &self,
        message: &FlowMessage<'_>,
        csrf: Option<&Csrf>,
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<(Called, bool), TenantError> {
        let mut headers = self.headers_of_call(deadline)?;
        headers.push((CORRELATION_HEADER, message.correlation.to_owned()));
        headers.extend(csrf.into_iter().flat_map(Csrf::headers));
        let body = Body::Bytes(message.body);
        let outcome = self.send_to_flow(message, message.method, headers, body, timeout);
        Ok(match outcome {
            Ok(answer) => {
                let token = answer.header("x-csrf-token").unwrap_or_default();
                let wants = answer.status == 403 && !token.is_empty();
                (Called::Answered(answer_of(answer)), wants)
            }
            Err(error) => {
                let reason = self.words(error.reason()).to_string();
                let called = match error.sent {
                    Sent::No => Called::NotArrived(reason),
                    Sent::Maybe => Called::Lost(reason),
                };
                (called, false)
            }
        })
    }

    /// The token that a protected sender wants; `None` where it gives none.
    fn csrf_of_flow(
        &self,
        message: &FlowMessage<'_>,
        timeout: Duration,
        deadline: Deadline,
    ) -> Result<Option<Csrf>, TenantError> {
        let mut headers = self.headers_of_call(deadline)?;
        headers.push(("X-CSRF-Token", "Fetch".to_owned()));
        let outcome = self.send_to_flow(message, Method::Head, headers, Body::None, timeout);
        Ok(outcome.ok().and_then(|answer| self.csrf_of(&answer)))
    }

    fn headers_of_call(&self, deadline: Deadline) -> Result<Headers, TenantError> {
        match self.token(deadline)? {
            Some(token) => Ok(vec![token.bearer()]),
            None => {
                let what = "flows are called with an OAuth client";
                let error = TenantError::new(Kind::Credentials, what, self.host());
                Err(error.hint("give the service key of plan integration-flow"))
            }
        }
    }

    fn send_to_flow(
        &self,
        message: &FlowMessage<'_>,
        method: Method,
        headers: Headers,
        body: Body<'_>,
        timeout: Duration,
    ) -> Result<Answer, SendError> {
        let outcome = self.http.send(&Request {
            headers,
            own_headers: match method {
                Method::Head => &[],
                _ => message.headers,
            },
            body,
            connection: Connection::Fresh,
            cap: ANSWER_CAP,
            ..Request::new(method, message.url, timeout)
        });
        let result = self.result(&outcome);
        let address = message.url.split('?').next().unwrap_or_default();
        (self.observer)(&format!("{method} {address} → {result}"));
        outcome
    }
}

fn answer_of(answer: Answer) -> FlowAnswer {
    FlowAnswer {
        status: answer.status,
        is_page: answer.is_html(),
        outline: answer.outline(),
        log: answer.header(LOG_HEADER).map(str::to_owned),
        answered: date_of(&answer),
        body: answer.body,
    }
}
