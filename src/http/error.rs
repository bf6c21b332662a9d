//! Why there is no answer, in words for people.

use std::path::PathBuf;

/// Whether the server may have got a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Certainly not as a whole: it never left, or broke off before its last byte.
    No,
    /// Perhaps: its last byte was handed over.
    Maybe,
}

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// On this machine: the request could not be made, its source not read, the file not written. Repeating it
    /// will not help.
    Local,
    /// Looking up the host.
    Resolve,
    /// Reaching the host.
    Connect,
    /// Reaching the proxy, or being let through by it.
    Proxy,
    /// Agreeing on encryption and trust.
    Tls,
    /// Sending the request.
    Send,
    /// Waiting for the head of the answer.
    Head,
    /// Reading the body of the answer.
    Body,
}

/// Why there is no (whole) answer. Its texts hold no query and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{request}{reason}")]
pub struct SendError {
    /// Whether the server may have got the request.
    pub sent: Sent,
    /// How far it came.
    pub stage: Stage,
    /// The status, where the head of the answer had arrived.
    pub status: Option<u16>,
    /// Whether time ran out.
    pub timed_out: bool,
    /// Whether the server refused our own certificate.
    pub refused_certificate: bool,
    /// `GET https://host/path: `, or nothing.
    pub request: String,
    pub(crate) reason: String,
}

impl SendError {
    /// A request that could not be made because of something on this machine.
    pub fn before_sending(reason: impl Into<String>) -> Self {
        Self {
            sent: Sent::No,
            stage: Stage::Local,
            status: None,
            timed_out: false,
            refused_certificate: false,
            request: String::new(),
            reason: reason.into(),
        }
    }

    /// For people: why, and what to do; without the method and address, which `to_string` puts before it.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How many attempts such an error is worth in all: what this machine itself gets wrong stays wrong, names and
    /// certificates seldom change, a connection comes back within seconds, a busy server takes longest.
    pub fn attempts(&self) -> u32 {
        match self.stage {
            _ if self.refused_certificate => 1,
            Stage::Local => 1,
            Stage::Tls => 2,
            Stage::Resolve => 3,
            Stage::Connect | Stage::Proxy => 6,
            Stage::Send | Stage::Head | Stage::Body => 10,
        }
    }
}

/// What is wrong with the settings of this machine's network: an error of usage, before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The file that `CPI_CA_FILE` names cannot be used.
    #[error("CPI_CA_FILE: {} {problem}", .file.display())]
    CaFile {
        /// As given.
        file: PathBuf,
        /// What is wrong with it, as the rest of a sentence.
        problem: String,
    },
    /// A proxy variable that is no proxy's address. Its value is not repeated: it may hold a password.
    #[error(
        "{variable} {reason}; it looks like http://proxy.company.example:8080, or http://user:password@... with special characters as %XX"
    )]
    Proxy {
        /// The variable.
        variable: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The certificate to log on with, or its key, cannot be used. Nothing of the key is repeated.
    #[error("{from} {reason}")]
    ClientCertificate {
        /// The variable, or the field of the service key.
        from: String,
        /// What is wrong with it, as the rest of a sentence.
        reason: String,
    },
    /// A variable that is not text.
    #[error(transparent)]
    NotText(#[from] crate::settings::environment::NotText),
}
