//! Why the tenant did not do what it was asked, in the words that a reader of the log needs.

use std::fmt;

use crate::exit::Exit;
use crate::text::Words;

/// What kind of no it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 401: the credentials are not taken.
    Credentials,
    /// 403: a role is missing.
    Role,
    /// The tenant understood and refused: locked, duplicate, read-only, not valid.
    Refused,
    /// The API's own "not found".
    NotFound,
    /// DNS, TLS, connection, 5xx or 429, after all retries.
    Unreachable,
    /// An answer that makes no sense.
    Nonsense,
}

/// What is told when a 403 comes with a web page: somebody on the way, most of the time.
pub const FORBIDDING_PAGE: &str = "a web page forbids the call";

/// A call that did not do what it was asked.
#[derive(Clone, Debug)]
pub struct TenantError {
    /// What kind of no.
    pub kind: Kind,
    /// What failed, as a sentence without a full stop.
    pub what: String,
    /// The call: method and URL without query, and the status if there was one.
    pub at: String,
    /// The tenant's own words.
    pub says: Option<Words>,
    /// What to do next.
    pub hint: Option<String>,
}

impl TenantError {
    /// An error of a call.
    pub fn new(kind: Kind, what: impl Into<String>, at: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            at: at.into(),
            says: None,
            hint: None,
        }
    }

    /// The same with the tenant's own words.
    pub fn says(self, says: Option<Words>) -> Self {
        Self { says, ..self }
    }

    /// The same with an advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same of a write that was refused: says what was. `what`: for example `the content`.
    #[must_use]
    pub fn of_write(mut self, what: &str) -> Self {
        if self.is_locked() {
            self.what = format!("the artifact is locked, so the tenant did not take {what}");
        } else if matches!(self.kind, Kind::Refused | Kind::NotFound) {
            self.what = format!("the tenant refused {what}");
        }
        self
    }

    /// What the tenant said when it refused; nothing where it is another kind of no.
    fn refusal(&self) -> &str {
        let refused = self.kind == Kind::Refused;
        let says = self.says.as_ref().filter(|_| refused);
        says.map_or("", Words::as_str)
    }

    /// Whether the tenant refused because the id is taken.
    pub fn is_duplicate(&self) -> bool {
        self.refusal().to_ascii_lowercase().contains(DUPLICATE)
    }

    /// Whether the tenant refused because somebody has the artifact open.
    pub fn is_locked(&self) -> bool {
        let is_423 = self.kind == Kind::Refused && self.at.ends_with(" 423");
        is_423 || tells_of_a_lock(self.refusal())
    }

    /// Whether the tenant lost our session, in words that SAP's own clients see for a while and then no more.
    pub fn tells_of_a_session(&self) -> bool {
        self.refusal().contains(BROKEN_SESSION)
    }

    /// The exit code that this error leads to before a deployment was accepted.
    pub fn exit(&self) -> Exit {
        match self.kind {
            Kind::Credentials | Kind::Role => Exit::Refused,
            Kind::Refused | Kind::NotFound => Exit::Failed,
            Kind::Unreachable => Exit::Unreachable,
            Kind::Nonsense => Exit::Protocol,
        }
    }
}

impl fmt::Display for TenantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.at)?;
        match &self.says {
            Some(words) if !words.is_empty() => write!(f, ": {words}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for TenantError {}

/// What a tenant says of a session that it has lost; it passes.
const BROKEN_SESSION: &str = "HttpSession";

/// What a tenant says when an id is taken.
const DUPLICATE: &str = "already exist";

/// Texts of refusals that no repetition changes; half of SAP's permanent refusals are answered with status 500.
const PERMANENT: [&str; 14] = [
    DUPLICATE,
    "locked",
    "draft",
    "read only",
    "read-only",
    "configure only",
    "configure-only",
    "not allowed",
    "cannot_be_updated",
    "cannot be updated",
    "symbolic",
    "not valid",
    "invalid",
    "rename the artifact",
];

/// Whether the tenant's text says that asking again is of no use.
pub fn is_permanent(text: &str) -> bool {
    let lower = text.to_lowercase();
    PERMANENT.iter().any(|known| lower.contains(known))
}

fn tells_of_a_lock(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.replace("blocked", "").contains("locked")
}

/// What helps against a refusal, as far as its text tells.
pub fn remedy(status: u16, text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let remedy = if status == 423 || tells_of_a_lock(text) {
        "somebody has the artifact open in the web UI: save and close it there, or release the lock under Monitor > Manage Locks > Designtime Artifact Locks, then run again"
    } else if lower.contains(DUPLICATE) {
        "artifact ids are unique in the whole tenant: use the package that holds it, or another id with --id; if you cannot see it, an access policy hides it from this key (role AccessAllAccessPoliciesArtifacts)"
    } else if lower.contains("configure only")
        || lower.contains("configure-only")
        || lower.contains("read only")
        || lower.contains("read-only")
    {
        "the package is configure-only: change parameters and deploy with `flowship redeploy`, or copy the package in the web UI to edit it"
    } else if lower.contains("special character") {
        "ids of packages take letters and digits, no `_`, `-` or blanks: name another package with --package"
    } else if lower.contains("symbolic") {
        "Bundle-SymbolicName in META-INF/MANIFEST.MF must be the id of the artifact on the tenant; `--id` aligns it in the packed copy"
    } else if lower.contains("draft") {
        "save the draft as a version in the web UI, or discard it, then run again"
    } else if text.contains(BROKEN_SESSION) {
        "this fault of the tenant's sessions passes: run again in a few minutes"
    } else if lower.contains("service plan") {
        "the licence plan of this tenant does not offer this call"
    } else if matches!(status, 405 | 501) {
        "this tenant does not offer this call for artifacts of this type; if it saves a version (--save-as-version), leave that out"
    } else {
        return None;
    };
    Some(remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_refusals_are_permanent_and_have_a_remedy() {
        for text in [
            "An integration flow A with the ID a already exists in the p package. Please rename the artifact ID.",
            "Update of Message Mapping failed. Cannot update the artifact as it is locked.",
            "Could not update artifact of the package; due to change in the Bundle-symbolicName",
            "BUNDLE_SYMBOLIC_NAME_CANNOT_BE_UPDATED",
            "Message Mapping artifact consists in a configure only package with Id: x",
        ] {
            assert!(is_permanent(text), "{text}");
            assert!(remedy(500, text).is_some(), "{text}");
        }
        assert!(is_permanent("Update of PackageId and Id are not allowed."));
        assert!(!is_permanent(
            "Cannot invoke \"HttpSession.getAttribute(String)\" because it is null"
        ));
    }
}
