//! Who logs on where: from a service key or from single variables, never from arguments.

mod anatomy;
mod certificate;
mod key;

use std::path::Path;

use super::address::{AddressError, TenantUrl, TokenUrl};
use super::environment::{Environment, NotText};
use super::landscape;
use super::redactor::Redactor;
use super::secret::Secret;

pub use anatomy::{Field, KeyAnatomy, KeyKind, Plan};
pub use certificate::ClientCertificate;
pub use key::KeyError;

use self::certificate::Parts;
use self::key::KeyProof;

/// What a run logs on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// The tenant.
    pub url: TenantUrl,
    /// Where its run time is asked: the same, or the location of an Edge Integration Cell below it.
    pub runtime: TenantUrl,
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
        proof: Proof,
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
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Self::ClientCredentials { client_id, .. } => format!("client {}", scrubbed(client_id)),
            Self::Basic { username, .. } => format!("user {}", scrubbed(username)),
        }
    }
}

/// The beginning of a name.
#[must_use]
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
pub enum Proof {
    /// The client secret.
    Secret(Secret),
    /// A certificate with its private key, shown to the token service alone.
    Certificate(ClientCertificate),
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
    /// Client secret, private key or password.
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
    /// A certificate whose private key nobody has named.
    #[error(
        "the service key is of type external certificate, whose private key is not part of it; set {variable} to the PEM file that holds the private key"
    )]
    NoPrivateKey {
        /// The variable for the file.
        variable: String,
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
        let mut given = Given::read(environment, dir, names)?;
        let location = given.location.take();
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
            return Err(CredentialsError::Contradiction {
                first: self.sources.url,
                second: location.name.clone(),
                why: "name two runtime locations",
            });
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
    #[must_use]
    pub fn certificate(&self) -> Option<(&ClientCertificate, &str)> {
        match &self.login {
            Login::ClientCredentials {
                proof: Proof::Certificate(certificate),
                token_url,
                ..
            } => Some((certificate, token_url.host())),
            _ => None,
        }
    }

    /// The runtime location whose run time is asked, when it is not the cloud's.
    #[must_use]
    pub fn runtime_location(&self) -> Option<&str> {
        self.runtime.location()
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

impl Proof {
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
    client_key: Option<Variable>,
    username: Option<Variable>,
    password: Option<Variable>,
    location: Option<Variable>,
}

impl<'n> Given<'n> {
    fn read(
        environment: &Environment,
        dir: &Path,
        names: &'n Names,
    ) -> Result<Self, CredentialsError> {
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
            client_key: read("CLIENT_KEY_FILE")?
                .map(|variable| certificate::read_file(variable, dir))
                .transpose()?,
            username: read("USERNAME")?,
            password: read_secret("PASSWORD")?,
            location: read("RUNTIME_LOCATION")?,
        })
    }

    fn refuse_two_logins(&self) -> Result<(), CredentialsError> {
        let oauth = self
            .client_id
            .as_ref()
            .or(self.client_secret.as_ref())
            .or(self.client_key.as_ref())
            .or(self.token_url.as_ref());
        match (oauth, self.basic(), &self.client_secret, &self.client_key) {
            (Some(oauth), Some(basic), ..) => Err(two_logins(&oauth.name, &basic.name)),
            (_, _, Some(secret), Some(key)) => Err(two_logins(&secret.name, &key.name)),
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
        let from = |field: &str, value: String| Variable {
            name: format!("{variable} ({field})"),
            value,
        };
        let proof = self.proof_of_key(key.proof, &variable, &from)?;
        let credentials = oauth(
            from("url", key.url),
            from("tokenurl", key.token_url),
            from("clientid", key.client_id),
            proof,
        )
        .map_err(|error| error.about_key(&variable))?;
        self.must_agree_with(&credentials, &variable)?;
        Ok(credentials)
    }

    fn proof_of_key(
        &self,
        proof: KeyProof,
        variable: &str,
        from: &dyn Fn(&str, String) -> Variable,
    ) -> Result<(Proof, String), CredentialsError> {
        match (proof, &self.client_key) {
            (KeyProof::Secret(_), Some(file)) => Err(two_logins(variable, &file.name)),
            (KeyProof::Secret(secret), None) => Ok(of_secret(from("clientsecret", secret))),
            (KeyProof::Certificate { chain, key }, file) => of_certificate(Parts {
                chain: chain.map(|chain| from("certificate", chain)),
                key: key.map(|key| from("key", key)),
                file: file.clone(),
                file_name: self.names.of("CLIENT_KEY_FILE"),
            }),
        }
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
            proof,
        } = &credentials.login
        else {
            return Ok(());
        };
        let mut compared = Vec::new();
        if let Some(url) = &self.url {
            compared.push((url, parse_url(url)? == credentials.url));
        }
        if let Some(url) = &self.token_url {
            compared.push((url, token_url_for(url, proof)? == *token_url));
        }
        if let Some(id) = &self.client_id {
            compared.push((id, id.value == *client_id));
        }
        if let Some(secret) = &self.client_secret {
            let is_the_same = |own: &Secret| secret.value == own.expose();
            compared.push((
                secret,
                matches!(proof, Proof::Secret(own) if is_the_same(own)),
            ));
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
            self.client_secret.as_ref().or(self.client_key.as_ref()),
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

    fn client_credentials(mut self) -> Result<Credentials, CredentialsError> {
        let key_file = self.client_key.take();
        let secret = self.client_secret.take().or(key_file.clone());
        match (self.url, self.token_url, self.client_id, secret) {
            (Some(url), Some(token_url), Some(id), Some(secret)) => {
                refuse_other_plan(&id, &url)?;
                let proof = match key_file {
                    None => of_secret(secret),
                    Some(file) => of_certificate(Parts {
                        chain: None,
                        key: None,
                        file_name: file.name.clone(),
                        file: Some(file),
                    })?,
                };
                oauth(url, token_url, id, proof)
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
                runtime: parse_url(&url)?,
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

fn refuse_other_plan(id: &Variable, url: &Variable) -> Result<(), CredentialsError> {
    key::refuse_other_plan(&id.value, &url.value).map_err(|error| CredentialsError::Key {
        variable: match error {
            KeyError::RuntimeHost => url.name.clone(),
            _ => id.name.clone(),
        },
        error,
    })
}

/// A secret, and where it came from.
fn of_secret(secret: Variable) -> (Proof, String) {
    (Proof::Secret(Secret::new(secret.value)), secret.name)
}

/// A certificate, and where its private key came from.
fn of_certificate(parts: Parts) -> Result<(Proof, String), CredentialsError> {
    let certificate = parts.together()?;
    let source = certificate.key_source.clone();
    Ok((Proof::Certificate(certificate), source))
}

fn oauth(
    url: Variable,
    token_url: Variable,
    id: Variable,
    (proof, secret): (Proof, String),
) -> Result<Credentials, CredentialsError> {
    let tenant = parse_url(&url)?;
    let login = Login::ClientCredentials {
        token_url: token_url_for(&token_url, &proof)?,
        client_id: id.value,
        proof,
    };
    let sources = Sources {
        url: url.name,
        token_url: Some(token_url.name),
        user: id.name,
        secret,
    };
    Ok(Credentials {
        runtime: tenant.clone(),
        url: tenant,
        login,
        sources,
    })
}

/// The token service; certificates are shown to a host of their own.
fn token_url_for(variable: &Variable, proof: &Proof) -> Result<TokenUrl, CredentialsError> {
    let url = parse_token_url(variable)?;
    Ok(match proof {
        Proof::Secret(_) => url,
        Proof::Certificate(_) => url.for_certificates(),
    })
}

fn parse_url(variable: &Variable) -> Result<TenantUrl, CredentialsError> {
    let url = TenantUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))?;
    match landscape::not_a_tenant(url.host()) {
        Some(error) => Err(not_an_address(variable, error)),
        None => Ok(url),
    }
}

fn parse_token_url(variable: &Variable) -> Result<TokenUrl, CredentialsError> {
    let url = TokenUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))?;
    match landscape::not_a_token_service(url.host()) {
        Some(error) => Err(not_an_address(variable, error)),
        None => Ok(url),
    }
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
