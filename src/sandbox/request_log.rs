//! What was asked of the sandbox and what it answered. Credentials and bodies never get in here.

use std::fmt;

/// The requests seen, in the order in which they were answered.
#[derive(Debug, Clone, Default)]
pub struct RequestLog {
    /// One entry for each request to the tenant; requests for `/sandbox/...` are not counted.
    pub entries: Vec<LoggedRequest>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LoggedRequest {
    /// Counts from 1, in the order of arrival.
    pub number: usize,
    /// When it arrived, in seconds on the tenant's clock.
    pub arrived: f64,
    /// The method as sent.
    pub method: String,
    /// Path and query as sent, without secrets.
    pub target: String,
    /// The same, percent-decoded.
    pub decoded: String,
    /// The status that reached the caller; `None` when no answer was sent.
    pub status: Option<u16>,
    /// The fault on the wire that was applied.
    pub fault: Option<String>,
    /// Whether the tenant did the work, even if the answer was lost.
    pub carried_out: bool,
    /// The target held a password, a secret or a token, which it never should.
    pub secret_in_target: bool,
}

impl RequestLog {
    /// The entries of a method whose decoded target contains a text.
    pub fn matching(&self, method: &str, part: &str) -> Vec<&LoggedRequest> {
        self.entries
            .iter()
            .filter(|entry| entry.method == method && entry.decoded.contains(part))
            .collect()
    }
}

impl fmt::Display for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8.2} s  {:<6} {}  ",
            self.arrived,
            self.method,
            // a caller must not be able to write its own lines, or colours, into the log
            self.decoded.replace(char::is_control, "\u{fffd}")
        )?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("no answer")?,
        }
        match &self.fault {
            Some(fault) => write!(f, "  [fault {fault}]"),
            None => Ok(()),
        }
    }
}
