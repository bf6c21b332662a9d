//! The variables of this run, taken once at the process edge.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// A snapshot of the variables; nothing below `main` asks the process itself. A value that is not UTF-8 is not kept: nothing
/// flowship reads may hold one, and a lossy reading of a secret would only produce a wrong password.
///
/// Names are case sensitive. A variable that is empty counts as unset, because CI systems export empty
/// variables for everything that is not filled in.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Option<String>>,
}

/// A variable that is set, but not to text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} does not hold UTF-8 text; set it again, in UTF-8")]
pub struct NotText {
    /// The name of the variable.
    pub name: String,
}

impl Environment {
    /// Takes the variables. Those whose name is not UTF-8 are left out: nobody can ask for them.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok())))
            .collect();
        Self { variables }
    }

    /// The value of `name`; `None` where it is unset, empty or not text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_checked(name).ok().flatten()
    }

    /// The value of `name`; an error where it is set to something that is not text.
    pub fn get_checked(&self, name: &str) -> Result<Option<&str>, NotText> {
        match self.variables.get(name) {
            Some(None) => Err(NotText {
                name: name.to_owned(),
            }),
            Some(Some(text)) if !text.is_empty() => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    /// Whether `name` is set to nothing, as CI systems do with secrets that a run may not see.
    pub fn is_empty(&self, name: &str) -> bool {
        matches!(self.variables.get(name), Some(Some(text)) if text.trim().is_empty())
    }

    /// The same variables and this one.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables
            .insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// The names of all variables that hold text, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables
            .iter()
            .filter(|(_, value)| value.as_ref().is_some_and(|text| !text.is_empty()))
            .map(|(name, _)| name.as_str())
    }
}

/// Only names: a value may be a secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_set()
            .entries(self.variables.keys())
            .finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::Environment;
    use std::ffi::OsString;

    #[test]
    fn empty_is_unset_and_names_are_case_sensitive() {
        let environment = Environment::default()
            .with("CPI_URL", "x")
            .with("CPI_USERNAME", "");
        assert_eq!(environment.get("CPI_URL"), Some("x"));
        assert_eq!(environment.get("cpi_url"), None);
        assert_eq!(environment.get("CPI_USERNAME"), None);
        assert_eq!(environment.names().collect::<Vec<_>>(), ["CPI_URL"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_text_is_an_error_that_names_the_variable() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = OsString::from_vec(vec![0xff, 0xfe]);
        let environment = Environment::new([(OsString::from("CPI_PASSWORD"), bytes)]);
        assert_eq!(environment.get("CPI_PASSWORD"), None);
        let error = environment.get_checked("CPI_PASSWORD").unwrap_err();
        assert!(error.to_string().starts_with("CPI_PASSWORD "));
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::default().with("CPI_PASSWORD", "hunter22");
        assert_eq!(format!("{environment:?}"), r#"{"CPI_PASSWORD"}"#);
    }
}
