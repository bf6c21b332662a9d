//! Who logs on where: from a service key or from single variables, never from arguments.

mod caller;
mod error;
mod given;
mod key;

use std::path::Path;

use super::address::{TenantUrl, TokenUrl};
use super::environment::Environment;
use super::secret::Secret;
use crate::text::redactor::Redactor;

pub use error::CredentialsError;
pub use given::ClientCertificate;
pub use key::{KeyError, ServiceKey};

use given::{CredentialVariables, Variable};

/// What a run logs on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// The tenant.
    pub url: TenantUrl,
    /// Where its run time is asked: the same, or the location of an Edge Integration Cell below it.
    pub runtime: TenantUrl,
    /// How to log on there.
    pub login: Login,
    /// Where the tenant's address came from: `CPI_URL`, or `CPI_SERVICE_KEY (url)`.
    pub url_source: String,
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
        proof: ClientProof,
    },
    /// An S-user or a user of the identity provider.
    Basic {
        /// The user.
        username: String,
        /// Its password.
        password: Secret,
    },
}

impl Login {
    /// Who logs on, cut short: enough to tell one key from another.
    pub fn who(&self) -> String {
        match self {
            Self::ClientCredentials { client_id, .. } => format!("client {}", scrubbed(client_id)),
            Self::Basic { username, .. } => format!("user {}", scrubbed(username)),
        }
    }

    /// What nobody else holds: password, client secret or private key.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Basic { password, .. } => password,
            Self::ClientCredentials { proof, .. } => match proof {
                ClientProof::Secret(secret) => secret,
                ClientProof::Certificate(certificate) => &certificate.key,
            },
        }
    }
}

/// Whether a user name is a client id (`sb-...|it!b1`).
pub fn looks_like_a_client(name: &str) -> bool {
    name.starts_with("sb-") || name.contains("|it")
}

/// The beginning of a name.
pub fn scrubbed(name: &str) -> String {
    let shown: String = name.chars().take(8).collect();
    if shown.len() < name.len() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// What proves that a client is who it says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientProof {
    /// The client secret.
    Secret(Secret),
    /// A certificate with its private key, shown to the token service alone.
    Certificate(ClientCertificate),
}

/// How the variables are called.
#[derive(Debug, Clone)]
pub struct VariableNames {
    prefix: String,
}

impl Default for VariableNames {
    fn default() -> Self {
        Self::with_prefix("CPI")
    }
}

impl VariableNames {
    /// `PROD_CPI` makes `PROD_CPI_SERVICE_KEY` and so on.
    pub fn with_prefix(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// The full name of `PREFIX_<name>`.
    pub fn of(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }
}

impl Credentials {
    /// Reads the variables of these names; the path of a key file is relative to `dir`.
    pub fn from_named(
        environment: &Environment,
        dir: &Path,
        names: &VariableNames,
    ) -> Result<Self, CredentialsError> {
        let mut given = CredentialVariables::read(environment, dir, names)?;
        let location = given.take("RUNTIME_LOCATION");
        given.refuse_two_logins()?;
        let credentials = match environment.get_checked(&names.of("SERVICE_KEY"))? {
            Some(text) if !text.trim().is_empty() => given.with_key(text, dir)?,
            _ => given.without_key()?,
        };
        match location {
            Some(location) => credentials.at_location(&location),
            None => Ok(credentials),
        }
    }

    /// Sends the calls of the run time to a location of an Edge Integration Cell, and all others to the tenant itself.
    fn at_location(mut self, location: &Variable) -> Result<Self, CredentialsError> {
        let named = self.url.location().map(str::to_owned);
        if named.is_some_and(|named| named != location.value) {
            let why = "name two runtime locations";
            return Err(CredentialsError::contradiction(
                self.url_source,
                &location.name,
                why,
            ));
        }
        self.url = self.url.without_location();
        self.runtime =
            self.url
                .at_location(&location.value)
                .ok_or_else(|| CredentialsError::Location {
                    variable: location.name.clone(),
                })?;
        Ok(self)
    }

    /// Tells `redactor` what must not be shown.
    pub fn hide_in(&self, redactor: &Redactor) {
        match &self.login {
            Login::ClientCredentials { proof, .. } => proof.hide_in(redactor),
            Login::Basic { password, .. } => redactor.add(password.expose()),
        }
    }

    /// The certificate to log on with, and the only host that is shown it.
    pub fn certificate(&self) -> Option<(&ClientCertificate, &str)> {
        match &self.login {
            Login::ClientCredentials {
                proof: ClientProof::Certificate(certificate),
                token_url,
                ..
            } => Some((certificate, token_url.host())),
            _ => None,
        }
    }

    /// The runtime location whose run time is asked, when it is not the cloud's.
    pub fn runtime_location(&self) -> Option<&str> {
        self.runtime.location()
    }

    /// Whether writing calls need a CSRF token from the first one on: with basic authentication, and on Neo.
    pub fn wants_csrf(&self) -> bool {
        matches!(self.login, Login::Basic { .. }) || self.is_neo()
    }

    /// Whether the tenant looks like one of the older Neo landscape, where writing calls need a CSRF token.
    pub fn is_neo(&self) -> bool {
        let token_is_neo = match &self.login {
            Login::ClientCredentials { token_url, .. } => token_url.is_neo(),
            Login::Basic { .. } => false,
        };
        self.url.is_neo() || token_is_neo
    }
}

impl ClientProof {
    fn hide_in(&self, redactor: &Redactor) {
        match self {
            Self::Secret(secret) => redactor.add(secret.expose()),
            Self::Certificate(certificate) => {
                redactor.add(certificate.key.expose());
                let lines = certificate.key.expose().lines().map(str::trim);
                let secret = lines.filter(|line| !line.starts_with("-----"));
                secret.for_each(|line| redactor.add(line));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
