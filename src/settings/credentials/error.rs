//! Why there are no credentials.

use super::KeyError;
use crate::settings::address::AddressError;
use crate::settings::environment::NotText;

/// Why there are no credentials. Nothing was sent; no text repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing at all is set.
    #[error(
        "no credentials: set {prefix}_SERVICE_KEY to the service key (plan api) of the tenant: its JSON, base64 of it, or the path of a file that holds it; \
         or set {prefix}_URL, {prefix}_TOKEN_URL, {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET; or {prefix}_URL, {prefix}_USERNAME and {prefix}_PASSWORD. \
         To try flowship without a tenant, add --sandbox"
    )]
    Nothing {
        /// Of the variables.
        prefix: String,
    },
    /// Something is set, but not enough.
    #[error("{}", missing_text(.missing, .set))]
    Missing {
        /// Every variable that is missing.
        missing: Vec<String>,
        /// Those that are set, which decide what is missing.
        set: Vec<String>,
    },
    /// Only the address is set: both ways to log on are open.
    #[error(
        "{prefix}_URL is set, but nothing to log on with: set {prefix}_TOKEN_URL, {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET, \
         or {prefix}_USERNAME and {prefix}_PASSWORD, or {prefix}_SERVICE_KEY instead of all of them"
    )]
    OnlyUrl {
        /// Of the variables.
        prefix: String,
    },
    /// Two sources that do not say the same.
    #[error(
        "{first} and {second} {why}; unset one of them, so that credentials of one tenant never reach another"
    )]
    Contradiction {
        /// One variable.
        first: String,
        /// The other variable.
        second: String,
        /// What is wrong with both.
        why: &'static str,
    },
    /// An address that is none.
    #[error("{source_name} {error}")]
    Address {
        /// The variable.
        source_name: String,
        /// What is wrong.
        error: AddressError,
    },
    /// A service key that cannot be used.
    #[error("{variable} {error}")]
    Key {
        /// The variable.
        variable: String,
        /// What is wrong.
        error: KeyError,
    },
    /// A certificate whose private key nobody has named.
    #[error(
        "the service key is of type external certificate, whose private key is not part of it; set {variable} to the PEM file that holds the private key"
    )]
    NoPrivateKey {
        /// The variable for the file.
        variable: String,
    },
    /// The key that calls flows cannot be used.
    #[error("{variable} {reason}")]
    CallerKey {
        /// The variable.
        variable: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A private key whose certificate nobody has named.
    #[error(
        "{variable} holds a private key, and neither it nor the service key holds the certificate; put the certificate (PEM) into the same file"
    )]
    NoCertificate {
        /// The variable for the file.
        variable: String,
    },
    /// The file with the private key cannot be read.
    #[error("{variable} names a file that cannot be read: {reason}")]
    KeyFile {
        /// The variable.
        variable: String,
        /// In the system's words.
        reason: String,
    },
    /// The name of a location that no address could hold.
    #[error(
        "{variable} is no runtime location id: letters, digits, `-`, `_` and `.` are allowed; it stands in the web UI under Operations Cockpit > Runtime Locations"
    )]
    Location {
        /// The variable.
        variable: String,
    },
    /// A variable that is not text.
    #[error(transparent)]
    NotText(#[from] NotText),
}

fn missing_text(missing: &[String], set: &[String]) -> String {
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!(
        "{} {verb} missing (set: {})",
        missing.join(", "),
        set.join(", ")
    )
}

impl CredentialsError {
    /// Two sources that do not say the same.
    pub fn contradiction(
        first: impl Into<String>,
        second: impl Into<String>,
        why: &'static str,
    ) -> Self {
        Self::Contradiction {
            first: first.into(),
            second: second.into(),
            why,
        }
    }
}
