//! What an examination finds: one line for each subject, with the cure where something is not well.

use serde::Serialize;

use crate::exit::Exit;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: Subject,
    /// How it is.
    pub state: State,
    /// What is so, in one line.
    pub says: String,
    /// What that means for the user, where it is not well.
    pub means: Option<String>,
    /// What to do about it, in the order of preference.
    pub fixes: Vec<Fix>,
    /// How long a fix takes to be effective.
    pub effective: Option<&'static str>,
}

/// What an examination looks at, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The variables that are set.
    Variables,
    /// The service key.
    Key,
    /// The plan that the key belongs to.
    Plan,
    /// Cloud Foundry, Neo or Edge.
    Landscape,
    /// Whether the addresses belong together.
    Addresses,
    /// The certificate to log on with.
    Certificate,
    /// Which proxies are in force.
    Proxy,
    /// Which certificates are trusted.
    Trust,
    /// Whether a host's name is known.
    Dns,
    /// The way to a host, and its certificate.
    Tls,
    /// The access token, or basic authentication.
    Token,
    /// Roles in the token against what the use needs.
    Roles,
    /// A read of packages.
    Packages,
    /// A read of what runs.
    Runtime,
    /// A read of a task.
    Tasks,
    /// The CSRF token.
    Csrf,
    /// Whether access policies may hide artifacts.
    AccessPolicies,
    /// The difference of clocks.
    Clock,
    /// Requests left.
    RateLimit,
    /// Which tenant this is.
    Tenant,
}

impl Subject {
    /// As it stands in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Variables => "variables",
            Self::Key => "key",
            Self::Plan => "plan",
            Self::Landscape => "landscape",
            Self::Addresses => "addresses",
            Self::Certificate => "certificate",
            Self::Proxy => "proxy",
            Self::Trust => "trust",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Token => "token",
            Self::Roles => "roles",
            Self::Packages => "packages",
            Self::Runtime => "runtime",
            Self::Tasks => "tasks",
            Self::Csrf => "csrf",
            Self::AccessPolicies => "access-policies",
            Self::Clock => "clock",
            Self::RateLimit => "rate-limit",
            Self::Tenant => "tenant",
        }
    }
}

/// How a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Ok,
    /// Worth knowing, neither good nor bad.
    Note,
    /// May do harm, or will.
    Warning,
    /// Not well, and the code that the examination ends with when this is the first such finding.
    Failed(Exit),
    /// Could not be looked at, because of something before it.
    Skipped,
}

impl State {
    /// As it stands in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One way to mend something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fix {
    /// In words: where to click, what to set.
    #[serde(rename = "do")]
    Do(String),
    /// Text to paste, and what it is for.
    #[serde(untagged)]
    Paste {
        /// What it is for, or where it goes.
        label: &'static str,
        /// One command or one JSON object.
        #[serde(rename = "paste")]
        text: String,
    },
}

impl Finding {
    /// A finding without anything to mend.
    #[must_use]
    pub fn new(subject: Subject, state: State, says: impl Into<String>) -> Self {
        Self {
            subject,
            state,
            says: says.into(),
            means: None,
            fixes: Vec::new(),
            effective: None,
        }
    }

    /// Says what it means.
    #[must_use]
    pub fn means(mut self, means: impl Into<String>) -> Self {
        self.means = Some(means.into());
        self
    }

    /// Adds one thing to do, in words.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>) -> Self {
        self.fixes.push(Fix::Do(text.into()));
        self
    }

    /// Adds ways to mend it.
    #[must_use]
    pub fn fixes(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }

    /// Says how long a fix takes to be effective.
    #[must_use]
    pub fn effective(mut self, when: &'static str) -> Self {
        self.effective = Some(when);
        self
    }

    /// Whether it is not well.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }
}

/// The exit code of an examination: that of the first finding that is not well, because what follows is its consequence.
#[must_use]
pub fn exit(findings: &[Finding]) -> Exit {
    let codes = findings.iter().filter_map(|finding| match finding.state {
        State::Failed(exit) => Some(exit),
        _ => None,
    });
    codes.into_iter().next().unwrap_or(Exit::Ok)
}
