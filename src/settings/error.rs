//! Why settings and parameters can't be used.

use super::yaml::YamlFault;

/// What is wrong with settings, parameters or a file of them. Nothing was sent; no text repeats the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SettingsError {
    /// What is wrong.
    pub what: String,
    /// File, line and perhaps column (`flowship.yaml:12:3`), option or variable.
    pub at: String,
    /// What to do.
    pub hint: String,
}

impl SettingsError {
    pub(crate) fn new(
        at: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            at: at.into(),
            hint: hint.into(),
        }
    }

    /// What is wrong at a place of the file that messages call `shown`.
    pub(crate) fn in_file(shown: &str, fault: YamlFault) -> Self {
        Self::new(fault.place.of(shown), fault.what, fault.hint)
    }
}
