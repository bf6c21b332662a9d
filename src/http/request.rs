//! What is asked for.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

/// Headers of our own.
pub type Headers = Vec<(&'static str, String)>;

/// One request. It is sent at most once: whether it is repeated is the caller's decision.
pub struct Request<'a> {
    /// What to do.
    pub method: Method,
    /// Where: `https`, or `http` to this machine only.
    pub url: &'a str,
    /// Beside those that this room writes itself (`Host`, `Content-Length`, `Expect`, `Accept-Encoding`, `User-Agent`).
    pub headers: Headers,
    /// Headers whose names the user chose.
    pub own_headers: &'a [(String, String)],
    /// What is sent along.
    pub body: Body<'a>,
    /// For everything: resolving, connecting, sending, the whole answer.
    pub timeout: Duration,
    /// Over which connection.
    pub connection: Connection,
    /// The most that is read of the answer's body.
    pub cap: u64,
    /// Where the body of a 2xx answer goes that is no web page, and at most how much of it. It is emptied first, so that an
    /// attempt leaves nothing to the next.
    pub file: Option<(&'a File, u64)>,
}

impl<'a> Request<'a> {
    /// A request without headers and body, over a pooled connection, that reads at most 16 MiB of the answer.
    pub fn new(method: Method, url: &'a str, timeout: Duration) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            own_headers: &[],
            body: Body::None,
            timeout,
            connection: Connection::Pooled,
            cap: 16 * 1024 * 1024,
            file: None,
        }
    }

    /// How long it says that its body is, even where it has none; `None` where its method sends none.
    pub fn announced(&self) -> Option<u64> {
        matches!(self.method, Method::Post | Method::Put).then(|| self.body.length())
    }

    /// The same request with one header more.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The methods that the tenant's API and flows know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Asks for the head of an answer.
    Head,
    /// Reads.
    Get,
    /// Creates or triggers.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As it stands in the request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "HEAD",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Over which connection a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// One that stands already, if there is one. It may turn out to be stale, and then it is unknown whether the
    /// request was carried out.
    Pooled,
    /// One that never carried a request.
    Fresh,
}

/// Opens a body for one attempt.
pub type Open<'a> = &'a (dyn Fn() -> io::Result<Box<dyn Read>> + Sync);

/// What is sent along; only borrowed, so that the same body can be sent again. `GET` and `DELETE` send nothing.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing; `POST` and `PUT` say so: `Content-Length: 0`.
    None,
    /// These bytes.
    Bytes(&'a [u8]),
    /// As many bytes as `length` says, never in memory as a whole.
    Stream {
        /// Announced as `Content-Length`; a source that is shorter or longer is an error.
        length: u64,
        /// Called once for each attempt.
        open: Open<'a>,
    },
}

impl Body<'_> {
    /// How many bytes it is.
    pub fn length(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
        }
    }
}
