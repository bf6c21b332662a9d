//! HTTP to the tenant. This room alone names the HTTP client and the TLS library.

mod answer;
mod error;
mod request;
pub mod retry;

use std::fs::File;

use crate::settings::environment::Environment;
use crate::settings::redactor::Redactor;

pub use answer::Answer;
pub use error::{HttpError, SendError, Sent, Stage};
pub use request::{Body, Connection, Method, Open, Request};

/// Sends requests. One for a run, shared by its threads.
pub struct Http {
    redactor: Redactor,
}

impl Http {
    /// Chooses trust and proxies from the variables. Passwords of proxies are hidden in `redactor`.
    pub fn new(environment: &Environment, redactor: &Redactor) -> Result<Self, HttpError> {
        let _ = environment;
        Ok(Self {
            redactor: redactor.clone(),
        })
    }

    /// Sends `request` once and reads the answer, whatever its status.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, SendError> {
        let message = format!(
            "{} {}: not built yet",
            request.method,
            self.redactor.clean(request.url)
        );
        Err(SendError {
            sent: Sent::No,
            stage: Stage::Local,
            status: None,
            timed_out: false,
            message,
        })
    }

    /// The same, but the body of a 2xx answer that is no web page goes to `file`, at most `cap` bytes of it. The file
    /// is emptied first, so that an attempt leaves nothing to the next.
    pub fn send_to_file(
        &self,
        request: &Request<'_>,
        file: &mut File,
        cap: u64,
    ) -> Result<Answer, SendError> {
        let _ = (file, cap);
        self.send(request)
    }
}
