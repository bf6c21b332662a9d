//! The externalized parameters that a run names: files, `--set`, `--set-from-env`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::environment::Environment;
use super::error::SettingsError;
use super::options::ListValue;
use super::yaml::{self, Entries, Placed};
use crate::artifact::Properties;
use crate::text::redactor::Redactor;
use crate::whole_file::read_bounded;

/// The largest parameter file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// The shortest value of a variable that is masked in what the tenant says: shorter ones are words.
const MASKED_FROM: usize = 8;

/// A parameter that an option, a file or a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedParameter {
    /// The key.
    pub key: String,
    /// The value; never printed.
    pub value: String,
    /// Where it was named: `--set`, or file and line. Names the variables that the value came from: `(from NAME)`.
    pub source: String,
    /// The variables that the value came from, as in `A, B`; `None` when it stands where it was named. Whoever shows a
    /// value shows `(from NAME)` instead of such a one.
    pub from: Option<String>,
}

impl NamedParameter {
    /// A value, and the variables that it came from, whose names are added to `source`; none where it stands there itself.
    pub fn new(key: String, value: String, source: String, from: &[&str]) -> Self {
        let from = (!from.is_empty()).then(|| from.join(", "));
        Self {
            source: match &from {
                Some(from) => format!("{source} (from {from})"),
                None => source,
            },
            key,
            value,
            from,
        }
    }
}

/// Reads a file of parameters, given relative to `directory` and named in messages as it was given: YAML when its name ends in `.yaml` or `.yml`, else java properties.
pub fn read_file(directory: &Path, given: &Path) -> Result<Vec<NamedParameter>, SettingsError> {
    let shown = given.display().to_string();
    let bytes = read_bounded(&directory.join(given), LARGEST).map_err(|reason| {
        let what = format!("the parameter file can't be read: {reason}");
        SettingsError::new(&shown, what, "check the path given with --parameters")
    })?;
    let extension = given.extension().unwrap_or_default();
    if ["yaml", "yml"]
        .iter()
        .any(|yaml| extension.eq_ignore_ascii_case(yaml))
    {
        yaml(&shown, &bytes)
    } else {
        properties(&shown, &bytes)
    }
}

fn properties(shown: &str, bytes: &[u8]) -> Result<Vec<NamedParameter>, SettingsError> {
    let properties = Properties::parse(bytes).map_err(|reason| {
        SettingsError::new(
            format!("{shown}:{}", reason.line()),
            reason.to_string(),
            "write it as java.util.Properties does",
        )
    })?;
    let named = properties.iter().map(|entry| {
        let at = format!("{shown}:{}", entry.line);
        NamedParameter::new(entry.key.clone(), entry.value.clone(), at, &[])
    });
    Ok(named.collect())
}

fn yaml(shown: &str, bytes: &[u8]) -> Result<Vec<NamedParameter>, SettingsError> {
    let read = yaml::text_of(bytes).and_then(yaml::read::<Entries<String, Placed<String>>>);
    let entries = read.map_err(|fault| SettingsError::in_file(shown, fault))?;
    let named = entries.0.into_iter().map(|(key, value)| {
        let at = format!("{shown}:{}", value.place.line);
        NamedParameter::new(key.value, value.value, at, &[])
    });
    Ok(last_wins(named))
}

/// Reads `[ID:]KEY=VALUE` or `[ID:]KEY=NAME` for the artifact `id`; the value of a variable is masked in whatever the tenant
/// says.
pub fn named(
    given: &ListValue,
    id: &str,
    variables: &Variables<'_>,
) -> Result<NamedParameter, SettingsError> {
    let (key, name) = split(given)?;
    let (own_key, source) = (without_id(key, id), given.source.clone());
    if !given.is_variable {
        return Ok(NamedParameter::new(own_key, name.to_owned(), source, &[]));
    }
    if !is_variable_name(name) {
        // not repeated: a shell may have put the value here
        return Err(SettingsError::new(
            &given.source,
            format!("what follows `{key}=` is no name of a variable"),
            "write the name without `$`: --set-from-env KEY=NAME",
        ));
    }
    let value = variables.value(name, key, &given.source, "use --set KEY=")?;
    Ok(NamedParameter::new(own_key, value, source, &[name]))
}

/// The variables that parameters may get their values from.
pub struct Variables<'a> {
    /// All of them.
    pub environment: &'a Environment,
    /// The names of those that no parameter gets.
    pub credentials: CredentialNames,
    /// Masks the values in whatever the tenant says.
    pub redactor: &'a Redactor,
}

impl Variables<'_> {
    /// The value of the variable `name` for the parameter `key`, from now on masked. `at`: where it is named; `empty`: what
    /// to do there to write an empty value.
    pub(super) fn value(
        &self,
        name: &str,
        key: &str,
        at: &str,
        empty: &str,
    ) -> Result<String, SettingsError> {
        if self.credentials.holds(name) {
            return Err(holds_credentials(name, at));
        }
        let value = self
            .environment
            .get_checked(name)
            .map_err(|reason| SettingsError::new(at, reason.to_string(), "set it to UTF-8 text"))?;
        let value = value.ok_or_else(|| {
            SettingsError::new(
                at,
                format!(
                    "the variable {name}, whose value parameter `{key}` is to get, is not set or empty"
                ),
                format!("set it; to write an empty value, {empty}"),
            )
        })?;
        if value.len() >= MASKED_FROM {
            self.redactor.add(value);
        }
        Ok(value.to_owned())
    }
}

/// The variable `name`, which holds credentials, gives no value.
pub(super) fn holds_credentials(name: &str, at: &str) -> SettingsError {
    SettingsError::new(
        at,
        format!("{name} holds the credentials for the tenant and is not written into a parameter"),
        "use a variable of its own",
    )
}

/// Whether a text can be the name of a variable.
pub(super) fn is_variable_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What follows a prefix in the names of the variables that `settings::credentials` reads.
pub(super) const CREDENTIAL_NAMES: [&str; 7] = [
    "SERVICE_KEY",
    "URL",
    "TOKEN_URL",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "USERNAME",
    "PASSWORD",
];

/// The names of variables that hold credentials for a tenant, which no parameter gets: a person who can only read
/// the tenant's design time could read them there.
#[derive(Clone, Debug)]
pub struct CredentialNames {
    prefixes: BTreeSet<String>,
}

impl Default for CredentialNames {
    fn default() -> Self {
        Self::with_prefixes([])
    }
}

impl CredentialNames {
    /// The names with these prefixes (`PROD_CPI` for `PROD_CPI_SERVICE_KEY`), and always those with `CPI`.
    pub fn with_prefixes<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let prefixes = prefixes.into_iter().chain(["CPI"]);
        Self {
            prefixes: prefixes.map(str::to_owned).collect(),
        }
    }

    /// Whether the variable `name` is one of them.
    pub fn holds(&self, name: &str) -> bool {
        let secret = ["_SERVICE_KEY", "_CLIENT_SECRET", "_PASSWORD"];
        let ends_secret = secret.iter().any(|end| name.ends_with(end));
        (ends_secret && name.starts_with("CPI"))
            || self.prefixes.iter().any(|prefix| {
                let rest = name
                    .strip_prefix(prefix.as_str())
                    .and_then(|rest| rest.strip_prefix('_'));
                rest.is_some_and(|rest| ends_secret || CREDENTIAL_NAMES.contains(&rest))
            })
    }
}

fn split(given: &ListValue) -> Result<(&str, &str), SettingsError> {
    match given.text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, value)),
        // the text is not repeated: a secret may have been pasted here
        _ => Err(SettingsError::new(
            &given.source,
            "this is not KEY=VALUE",
            "write the key, an equals sign and the value; quote it for your shell",
        )),
    }
}

fn without_id(key: &str, id: &str) -> String {
    key.strip_prefix(id)
        .and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or(key)
        .to_owned()
}

/// Whether an entry names this artifact before its key.
pub fn names(given: &ListValue, id: &str) -> bool {
    let rest = given.text.strip_prefix(id);
    rest.is_some_and(|rest| rest.starts_with(':'))
}

/// Whether an entry is for this artifact: not when it names another one of the run before its key.
pub fn is_for(given: &ListValue, id: &str, all: &[&str]) -> bool {
    names(given, id) || !all.iter().any(|other| names(given, other))
}

/// Later entries win over earlier ones with the same key.
pub fn last_wins(all: impl IntoIterator<Item = NamedParameter>) -> Vec<NamedParameter> {
    let by_key = all.into_iter().map(|one| (one.key.clone(), one));
    by_key.collect::<BTreeMap<_, _>>().into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> ListValue {
        ListValue {
            text: text.into(),
            source: "--set".into(),
            is_variable: false,
        }
    }

    fn set(given: &ListValue, id: &str) -> Result<NamedParameter, SettingsError> {
        let variables = Variables {
            environment: &Environment::default(),
            credentials: CredentialNames::default(),
            redactor: &Redactor::new(),
        };
        super::named(given, id, &variables)
    }

    fn set_from_env(
        given: &ListValue,
        id: &str,
        environment: &Environment,
        redactor: &Redactor,
    ) -> Result<NamedParameter, SettingsError> {
        let variables = Variables {
            environment,
            credentials: CredentialNames::default(),
            redactor,
        };
        let given = ListValue {
            is_variable: true,
            ..given.clone()
        };
        super::named(&given, id, &variables)
    }

    #[test]
    fn yaml_values_keep_their_text_and_their_line() {
        let named = yaml(
            "p.yaml",
            b"# c\nTimeout: 010\nVersion: 1.10\n\"A b\": ''\nFlag: yes\n",
        )
        .unwrap();
        let found: Vec<_> = named
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_str(), one.source.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("A b", "", "p.yaml:4"),
                ("Flag", "yes", "p.yaml:5"),
                ("Timeout", "010", "p.yaml:2"),
                ("Version", "1.10", "p.yaml:3")
            ]
        );
        assert_eq!(yaml("p.yaml", b"# nothing\n").unwrap(), []);
    }

    #[test]
    fn what_is_no_list_of_parameters_is_refused_with_its_place() {
        for bad in [
            "- a\n",
            "a: {b: c}\n",
            "a: 1\na: 2\n",
            "a:\n",
            "just text\n",
        ] {
            let found = yaml("p.yaml", bad.as_bytes()).unwrap_err();
            assert!(found.at.starts_with("p.yaml"), "{bad:?} {found:?}");
        }
    }

    #[test]
    fn an_id_before_the_key_is_taken_off_only_when_it_is_the_artifacts() {
        assert_eq!(set(&listed("Flow:Key=a=b"), "Flow").unwrap().key, "Key");
        assert_eq!(set(&listed("Flow:Key=a=b"), "Flow").unwrap().value, "a=b");
        assert_eq!(set(&listed("Other:Key="), "Flow").unwrap().key, "Other:Key");
        assert!(
            !format!("{:?}", set(&listed("s3cret-value"), "Flow").unwrap_err()).contains("s3cret")
        );
    }

    #[test]
    fn credentials_are_not_written_into_parameters() {
        let environment = Environment::default()
            .with("CPI_CLIENT_SECRET", "x")
            .with("OTHER", "value-of-other");
        let redactor = Redactor::new();
        assert!(
            set_from_env(
                &listed("Key=CPI_CLIENT_SECRET"),
                "F",
                &environment,
                &redactor
            )
            .is_err()
        );
        assert!(set_from_env(&listed("Key=MISSING"), "F", &environment, &redactor).is_err());
        let found = set_from_env(&listed("Key=OTHER"), "F", &environment, &redactor).unwrap();
        assert_eq!(
            (found.value.as_str(), found.source.as_str()),
            ("value-of-other", "--set (from OTHER)")
        );
        assert_eq!(found.from.as_deref(), Some("OTHER"));
        assert_eq!(redactor.clean("it says value-of-other"), "it says ***");
    }

    #[test]
    fn the_names_of_credentials_are_those_with_the_prefixes() {
        let names = CredentialNames::with_prefixes(["PROD"]);
        for (name, expected) in [
            ("CPI_URL", true),
            ("CPI_QA_CLIENT_SECRET", true),
            ("PROD_SERVICE_KEY", true),
            ("PROD_USERNAME", true),
            ("PROD_SFTP_PASSWORD", true),
            ("PROD_SFTP_HOST", false),
            ("PRODUCT_PASSWORD", false),
            ("QA_PASSWORD", false),
            ("CPI", false),
        ] {
            assert_eq!(names.holds(name), expected, "{name}");
        }
    }
}
