//! A value that cannot be printed by mistake.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// A password, client secret or token.
///
/// There is deliberately no `Display`, and `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` from being printed.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself: for the wire, and for the redactor.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The value of a variable that names a file of certificates or keys, where it is certainly such a name and no secret
/// in the wrong variable.
pub fn shown_file_name(value: &str) -> Option<String> {
    const ENDINGS: [&str; 6] = ["pem", "key", "crt", "cer", "p12", "pfx"];
    let ending = Path::new(value).extension()?.to_str()?;
    let is_file = ENDINGS
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    is_file.then(|| value.to_owned())
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, shown_file_name};

    #[test]
    fn only_names_of_files_are_shown() {
        let shown = |value| shown_file_name(value);
        assert_eq!(shown("keys/client.PEM").as_deref(), Some("keys/client.PEM"));
        for value in ["5c1f0a9e-77b3$Zk9_xQ=", "hunter22", "a.b", ""] {
            assert_eq!(shown(value), None, "{value}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter22")), "(redacted)");
        assert_eq!(format!("{:?}", Some(Secret::new("x"))), "Some((redacted))");
    }
}
