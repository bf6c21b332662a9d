//! Options and the variables that stand for them: an option wins over its variable, the variable over the default.

use std::path::PathBuf;
use std::str::FromStr;

use crate::settings::environment::Environment;

/// A variable whose value its option would not take. Names the variable, so that the author of the pipeline finds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {reason}")]
pub struct BadVariable {
    /// The variable.
    pub variable: String,
    /// What is wrong with its value.
    pub reason: String,
}

/// Looks options up.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    environment: &'a Environment,
}

impl<'a> Options<'a> {
    /// Options over these variables.
    #[must_use]
    pub fn new(environment: &'a Environment) -> Self {
        Self { environment }
    }

    /// A text: the option, else `FLOWSHIP_<NAME>`. What is empty is unset: it is mostly a variable that a shell put there.
    #[must_use]
    pub fn text(&self, option: Option<&str>, name: &str) -> Option<String> {
        option
            .filter(|text| !text.is_empty())
            .or_else(|| self.environment.get(&variable(name)))
            .map(str::to_owned)
    }

    /// A path: the option, else the variable.
    #[must_use]
    pub fn path(&self, option: Option<&PathBuf>, name: &str) -> Option<PathBuf> {
        option
            .cloned()
            .or_else(|| self.environment.get(&variable(name)).map(PathBuf::from))
    }

    /// A value that is read from text, such as a span of time.
    pub fn parsed<T: FromStr<Err = String>>(
        &self,
        option: Option<T>,
        name: &str,
    ) -> Result<Option<T>, BadVariable> {
        let variable = variable(name);
        match (option, self.environment.get(&variable)) {
            (Some(value), _) => Ok(Some(value)),
            (None, None) => Ok(None),
            (None, Some(text)) => text
                .parse()
                .map(Some)
                .map_err(|reason| BadVariable { variable, reason }),
        }
    }

    /// A switch: on by its option, else as its variable says.
    pub fn switch(&self, option: bool, name: &str) -> Result<bool, BadVariable> {
        let variable = variable(name);
        match self
            .environment
            .get(&variable)
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            _ if option => Ok(true),
            None | Some("false" | "0" | "no" | "off") => Ok(false),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some(other) => Err(BadVariable {
                variable,
                reason: format!("`{other}` is neither true nor false"),
            }),
        }
    }

    /// Paths: the arguments if there are any, else the lines of the variable.
    #[must_use]
    pub fn paths(&self, arguments: &[PathBuf], name: &str) -> Vec<PathBuf> {
        if !arguments.is_empty() {
            return arguments.to_vec();
        }
        let lines = self.environment.get(&variable(name)).unwrap_or_default();
        let named = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        named.map(PathBuf::from).collect()
    }

    /// A list: the options if there are any, else the lines of the variable.
    #[must_use]
    pub fn list(&self, options: &[String], name: &str) -> Vec<Listed> {
        if !options.is_empty() {
            return options
                .iter()
                .map(|text| Listed {
                    text: text.clone(),
                    source: format!("--{name}"),
                })
                .collect();
        }
        let variable = variable(name);
        let lines = self.environment.get(&variable).unwrap_or_default();
        lines
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| Listed {
                text: line.to_owned(),
                source: variable.clone(),
            })
            .collect()
    }
}

/// One entry of a list, and where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The entry.
    pub text: String,
    /// The option or variable.
    pub source: String,
}

/// The variable that stands for an option: `poll-interval` is `FLOWSHIP_POLL_INTERVAL`.
fn variable(name: &str) -> String {
    format!("FLOWSHIP_{}", name.replace('-', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_wins_and_an_empty_variable_is_none() {
        let environment = Environment::default()
            .with("FLOWSHIP_PACKAGE", "Var")
            .with("FLOWSHIP_NAME", "")
            .with("FLOWSHIP_SET", "a=1\n\nb=2");
        let options = Options::new(&environment);
        assert_eq!(options.text(Some("Opt"), "package").as_deref(), Some("Opt"));
        assert_eq!(options.text(None, "package").as_deref(), Some("Var"));
        assert_eq!(options.text(None, "name"), None);
        assert_eq!(
            options
                .list(&[], "set")
                .iter()
                .map(|one| one.text.as_str())
                .collect::<Vec<_>>(),
            ["a=1", "b=2"]
        );
        assert_eq!(options.list(&["c=3".into()], "set").len(), 1);
    }

    #[test]
    fn a_switch_reads_what_ci_systems_write() {
        for (text, expected) in [
            ("true", Some(true)),
            ("1", Some(true)),
            ("False", Some(false)),
            ("0", Some(false)),
            ("", Some(false)),
            ("maybe", None),
        ] {
            let environment = Environment::default().with("FLOWSHIP_NO_DEPLOY", text);
            assert_eq!(
                Options::new(&environment).switch(false, "no-deploy").ok(),
                expected,
                "{text}"
            );
            assert_eq!(
                Options::new(&environment).switch(true, "no-deploy"),
                Ok(true)
            );
        }
    }
}
