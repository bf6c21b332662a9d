//! Who logs on where: from a service key or from single variables, never from arguments.

mod key;

use std::path::Path;

use super::address::{AddressError, TenantUrl, TokenUrl};
use super::environment::{Environment, NotText};
use super::redactor::Redactor;
use super::secret::Secret;

pub use key::KeyError;

/// What a run logs on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// The tenant.
    pub url: TenantUrl,
    /// How to log on there.
    pub login: Login,
    /// Which variable each value came from.
    pub sources: Sources,
}

/// The two ways to log on.
#[derive(Debug, Clone, PartialEq)]
pub enum Login {
    /// A token for a service key of plan `api`.
    ClientCredentials {
        /// Where tokens are issued.
        token_url: TokenUrl,
        /// The public half.
        client_id: String,
        /// The secret half.
        client_secret: Secret,
    },
    /// An S-user or a user of the identity provider.
    Basic {
        /// The user.
        username: String,
        /// Its password.
        password: Secret,
    },
}

/// Where each value came from, in words for messages: `CPI_URL`, or `CPI_SERVICE_KEY (url)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The tenant's address.
    pub url: String,
    /// The token service's address; `None` for basic authentication.
    pub token_url: Option<String>,
    /// Client id or user.
    pub user: String,
    /// Client secret or password.
    pub secret: String,
}

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

/// How the variables are called.
#[derive(Debug, Clone)]
pub struct Names {
    prefix: String,
}

impl Default for Names {
    fn default() -> Self {
        Self::with_prefix("CPI")
    }
}

impl Names {
    /// `PROD_CPI` makes `PROD_CPI_SERVICE_KEY` and so on.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The full name of `PREFIX_<name>`.
    #[must_use]
    pub fn of(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }
}

impl Credentials {
    /// Reads the `CPI_...` variables; the path of a key file is relative to `dir`.
    pub fn from_environment(
        environment: &Environment,
        dir: &Path,
    ) -> Result<Self, CredentialsError> {
        Self::from_named(environment, dir, &Names::default())
    }

    /// The same with variables that are called otherwise.
    pub fn from_named(
        environment: &Environment,
        dir: &Path,
        names: &Names,
    ) -> Result<Self, CredentialsError> {
        let given = Given::read(environment, names)?;
        given.refuse_two_logins()?;
        match environment.get_checked(&names.of("SERVICE_KEY"))? {
            Some(text) if !text.trim().is_empty() => given.with_key(text, dir),
            _ => given.without_key(),
        }
    }

    /// Tells `redactor` what must not be shown.
    pub fn hide_in(&self, redactor: &Redactor) {
        match &self.login {
            Login::ClientCredentials { client_secret, .. } => redactor.add(client_secret.expose()),
            Login::Basic { password, .. } => redactor.add(password.expose()),
        }
    }

    /// Whether writing calls need a CSRF token from the first one on: with basic authentication, and on Neo.
    #[must_use]
    pub fn wants_csrf(&self) -> bool {
        matches!(self.login, Login::Basic { .. }) || self.is_neo()
    }

    /// Whether the tenant looks like one of the older Neo landscape, where writing calls need a CSRF token.
    #[must_use]
    pub fn is_neo(&self) -> bool {
        let token_is_neo = match &self.login {
            Login::ClientCredentials { token_url, .. } => token_url.is_neo(),
            Login::Basic { .. } => false,
        };
        self.url.is_neo() || token_is_neo
    }
}

/// A variable that is set.
#[derive(Clone)]
struct Variable {
    name: String,
    value: String,
}

/// The single variables.
struct Given<'n> {
    names: &'n Names,
    url: Option<Variable>,
    token_url: Option<Variable>,
    client_id: Option<Variable>,
    client_secret: Option<Variable>,
    username: Option<Variable>,
    password: Option<Variable>,
}

impl<'n> Given<'n> {
    fn read(environment: &Environment, names: &'n Names) -> Result<Self, CredentialsError> {
        let read = |name: &str| -> Result<Option<Variable>, NotText> {
            let name = names.of(name);
            let value = environment
                .get_checked(&name)?
                .map(str::trim)
                .filter(|value| !value.is_empty());
            Ok(value.map(|value| Variable {
                name: name.clone(),
                value: value.to_owned(),
            }))
        };
        // a password may begin or end with a blank; only the line break of a pasted one is taken off
        let read_secret = |name: &str| -> Result<Option<Variable>, NotText> {
            let name = names.of(name);
            let value = environment
                .get_checked(&name)?
                .map(|value| value.trim_end_matches(['\r', '\n']));
            let value = value.filter(|value| !value.trim().is_empty());
            Ok(value.map(|value| Variable {
                name: name.clone(),
                value: value.to_owned(),
            }))
        };
        Ok(Self {
            names,
            url: read("URL")?,
            token_url: read("TOKEN_URL")?,
            client_id: read("CLIENT_ID")?,
            client_secret: read("CLIENT_SECRET")?,
            username: read("USERNAME")?,
            password: read_secret("PASSWORD")?,
        })
    }

    fn refuse_two_logins(&self) -> Result<(), CredentialsError> {
        let oauth = self
            .client_id
            .as_ref()
            .or(self.client_secret.as_ref())
            .or(self.token_url.as_ref());
        match (oauth, self.basic()) {
            (Some(oauth), Some(basic)) => Err(two_logins(&oauth.name, &basic.name)),
            _ => Ok(()),
        }
    }

    fn basic(&self) -> Option<&Variable> {
        self.username.as_ref().or(self.password.as_ref())
    }

    fn with_key(&self, text: &str, dir: &Path) -> Result<Credentials, CredentialsError> {
        let variable = self.names.of("SERVICE_KEY");
        if let Some(basic) = self.basic() {
            return Err(two_logins(&variable, &basic.name));
        }
        let refused = |error| CredentialsError::Key {
            variable: variable.clone(),
            error,
        };
        let key = key::read(text, dir).map_err(refused)?;
        let from = |field: &str| format!("{variable} ({field})");
        let credentials = oauth(
            Variable {
                name: from("url"),
                value: key.url,
            },
            Variable {
                name: from("tokenurl"),
                value: key.token_url,
            },
            Variable {
                name: from("clientid"),
                value: key.client_id,
            },
            Variable {
                name: from("clientsecret"),
                value: key.client_secret,
            },
        )
        .map_err(|error| error.about_key(&variable))?;
        self.must_agree_with(&credentials, &variable)?;
        Ok(credentials)
    }

    /// Single variables beside a key are fine where they say the same.
    fn must_agree_with(
        &self,
        credentials: &Credentials,
        key: &str,
    ) -> Result<(), CredentialsError> {
        let Login::ClientCredentials {
            token_url,
            client_id,
            client_secret,
        } = &credentials.login
        else {
            return Ok(());
        };
        let mut compared = Vec::new();
        if let Some(url) = &self.url {
            compared.push((url, parse_url(url)? == credentials.url));
        }
        if let Some(url) = &self.token_url {
            compared.push((url, parse_token_url(url)? == *token_url));
        }
        if let Some(id) = &self.client_id {
            compared.push((id, id.value == *client_id));
        }
        if let Some(secret) = &self.client_secret {
            compared.push((secret, secret.value == client_secret.expose()));
        }
        if let Some((variable, _)) = compared.into_iter().find(|(_, equal)| !equal) {
            return Err(CredentialsError::Contradiction {
                first: key.to_owned(),
                second: variable.name.clone(),
                why: "do not say the same",
            });
        }
        Ok(())
    }

    fn without_key(self) -> Result<Credentials, CredentialsError> {
        match (
            &self.username,
            &self.password,
            &self.client_id,
            &self.client_secret,
            &self.token_url,
        ) {
            (None, None, None, None, None) => Err(self.nothing_to_log_on_with()),
            (None, None, ..) => self.client_credentials(),
            _ => self.user_and_password(),
        }
    }

    fn nothing_to_log_on_with(&self) -> CredentialsError {
        let prefix = self.names.prefix.clone();
        if self.url.is_some() {
            CredentialsError::OnlyUrl { prefix }
        } else {
            CredentialsError::Nothing { prefix }
        }
    }

    fn client_credentials(self) -> Result<Credentials, CredentialsError> {
        match (self.url, self.token_url, self.client_id, self.client_secret) {
            (Some(url), Some(token_url), Some(id), Some(secret)) => {
                let (id_name, url_name) = (id.name.clone(), url.name.clone());
                let refused = |variable, error| Err(CredentialsError::Key { variable, error });
                match key::refuse_other_plan(&id.value, &url.value) {
                    Err(error @ KeyError::RuntimeHost) => refused(url_name, error),
                    Err(error) => refused(id_name, error),
                    Ok(()) => oauth(url, token_url, id, secret),
                }
            }
            (url, token_url, id, secret) => {
                let values = [
                    ("URL", url),
                    ("TOKEN_URL", token_url),
                    ("CLIENT_ID", id),
                    ("CLIENT_SECRET", secret),
                ];
                Err(missing(self.names, &values))
            }
        }
    }

    fn user_and_password(self) -> Result<Credentials, CredentialsError> {
        match (self.url, self.username, self.password) {
            (Some(url), Some(username), Some(password)) => Ok(Credentials {
                url: parse_url(&url)?,
                sources: Sources {
                    url: url.name,
                    token_url: None,
                    user: username.name,
                    secret: password.name,
                },
                login: Login::Basic {
                    username: username.value,
                    password: Secret::new(password.value),
                },
            }),
            (url, username, password) => Err(missing(
                self.names,
                &[("URL", url), ("USERNAME", username), ("PASSWORD", password)],
            )),
        }
    }
}

fn oauth(
    url: Variable,
    token_url: Variable,
    id: Variable,
    secret: Variable,
) -> Result<Credentials, CredentialsError> {
    let login = Login::ClientCredentials {
        token_url: parse_token_url(&token_url)?,
        client_id: id.value,
        client_secret: Secret::new(secret.value),
    };
    let tenant = parse_url(&url)?;
    let sources = Sources {
        url: url.name,
        token_url: Some(token_url.name),
        user: id.name,
        secret: secret.name,
    };
    Ok(Credentials {
        url: tenant,
        login,
        sources,
    })
}

fn parse_url(variable: &Variable) -> Result<TenantUrl, CredentialsError> {
    TenantUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))
}

fn parse_token_url(variable: &Variable) -> Result<TokenUrl, CredentialsError> {
    TokenUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))
}

fn not_an_address(variable: &Variable, error: AddressError) -> CredentialsError {
    CredentialsError::Address {
        source_name: variable.name.clone(),
        error,
    }
}

fn two_logins(first: &str, second: &str) -> CredentialsError {
    CredentialsError::Contradiction {
        first: first.to_owned(),
        second: second.to_owned(),
        why: "are two different ways to log on",
    }
}

fn missing(names: &Names, values: &[(&str, Option<Variable>)]) -> CredentialsError {
    let which = |is_set: bool| {
        let chosen = values.iter().filter(|(_, value)| value.is_some() == is_set);
        chosen.map(|(name, _)| names.of(name)).collect()
    };
    CredentialsError::Missing {
        missing: which(false),
        set: which(true),
    }
}

impl CredentialsError {
    /// An address inside a key that is none is a fault of the key.
    fn about_key(self, variable: &str) -> Self {
        match self {
            Self::Address { source_name, error } => {
                let field = source_name
                    .split(['(', ')'])
                    .nth(1)
                    .unwrap_or("url")
                    .to_owned();
                Self::Key {
                    variable: variable.to_owned(),
                    error: KeyError::Address { field, error },
                }
            }
            other => other,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
