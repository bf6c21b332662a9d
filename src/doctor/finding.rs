//! What an examination finds: one line for each subject, with the cure where something is not well.

use serde::Serialize;

use crate::exit::Exit;
use crate::named::named;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at.
    pub subject: Topic,
    /// How it is.
    pub state: DiagnosisState,
    /// What is so, in one line.
    pub says: String,
    /// What that means for the user, where it is not well.
    pub means: Option<String>,
    /// What to do about it, in the order of preference.
    pub fixes: Vec<Fix>,
    /// How long a fix takes to be effective.
    pub effective: Option<&'static str>,
}

named! {
    /// What an examination looks at, in its order.
    pub enum Topic {
        /// The variables that are set.
        Variables = "variables",
        /// The service key.
        Key = "key",
        /// The plan that the key belongs to.
        Plan = "plan",
        /// Cloud Foundry, Neo or Edge.
        Landscape = "landscape",
        /// Whether the addresses belong together.
        Addresses = "addresses",
        /// The certificate to log on with.
        Certificate = "certificate",
        /// Which proxies are in force.
        Proxy = "proxy",
        /// Which certificates are trusted.
        Trust = "trust",
        /// Whether a host's name is known.
        Dns = "dns",
        /// The way to a host, and its certificate.
        Tls = "tls",
        /// The access token, or basic authentication.
        Token = "token",
        /// Roles in the token against what the use needs.
        Roles = "roles",
        /// A read of packages.
        Packages = "packages",
        /// A read of what runs.
        Runtime = "runtime",
        /// A read of a task.
        Tasks = "tasks",
        /// The CSRF token.
        Csrf = "csrf",
        /// Whether access policies may hide artifacts.
        AccessPolicies = "access-policies",
        /// The difference of clocks.
        Clock = "clock",
        /// Requests left.
        RateLimit = "rate-limit",
        /// Which tenant this is.
        Tenant = "tenant",
    }
}

impl Topic {
    /// It is as it must be.
    pub fn ok(self, says: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, DiagnosisState::Ok, says)
    }

    /// Something worth knowing.
    pub fn note(self, says: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, DiagnosisState::Note, says)
    }

    /// Something that may do harm.
    pub fn warning(self, says: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, DiagnosisState::Warning, says)
    }

    /// It is not well; the code that this leads to.
    pub fn failed(self, exit: Exit, says: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, DiagnosisState::Failed(exit), says)
    }

    /// It could not be looked at.
    pub fn skipped(self, says: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, DiagnosisState::Skipped, says)
    }
}

/// How a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosisState {
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

impl DiagnosisState {
    /// As it stands in reports.
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

impl Diagnosis {
    /// A finding without anything to mend.
    pub fn new(subject: Topic, state: DiagnosisState, says: impl Into<String>) -> Self {
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
    pub fn means(mut self, means: impl Into<String>) -> Self {
        self.means = Some(means.into());
        self
    }

    /// Adds one thing to do, in words.
    pub fn fix(mut self, text: impl Into<String>) -> Self {
        self.fixes.push(Fix::Do(text.into()));
        self
    }

    /// Adds ways to mend it.
    pub fn fixes(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }

    /// Says how long a fix takes to be effective.
    pub fn effective(mut self, when: &'static str) -> Self {
        self.effective = Some(when);
        self
    }

    /// Whether it is not well.
    pub fn is_failed(&self) -> bool {
        matches!(self.state, DiagnosisState::Failed(_))
    }
}
