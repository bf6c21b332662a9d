//! The variables as they are set, and what they make together.

use std::path::Path;

use super::certificate::{self, Parts};
use super::key::{self, KeyProof, ServiceKey};
use super::{Credentials, CredentialsError, KeyError, Login, Names, Proof, Sources};
use crate::settings::address::{AddressError, TenantUrl, TokenUrl};
use crate::settings::environment::{Environment, NotText};
use crate::settings::landscape;
use crate::settings::secret::Secret;

/// A variable that is set.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

/// The single variables.
pub(super) struct Given<'n> {
    names: &'n Names,
    url: Option<Variable>,
    token_url: Option<Variable>,
    client_id: Option<Variable>,
    client_secret: Option<Variable>,
    client_key: Option<Variable>,
    username: Option<Variable>,
    password: Option<Variable>,
    pub(super) location: Option<Variable>,
}

impl<'n> Given<'n> {
    pub(super) fn read(
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

    pub(super) fn refuse_two_logins(&self) -> Result<(), CredentialsError> {
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

    pub(super) fn with_key(&self, text: &str, dir: &Path) -> Result<Credentials, CredentialsError> {
        let variable = self.names.of("SERVICE_KEY");
        if let Some(basic) = self.basic() {
            return Err(two_logins(&variable, &basic.name));
        }
        let refused = |error| CredentialsError::Key {
            variable: variable.clone(),
            error,
        };
        let key = key::read(text, dir).map_err(refused)?;
        let credentials = self.of_key(key, &variable)?;
        self.must_agree_with(&credentials, &variable)?;
        Ok(credentials)
    }

    /// What a key that was read makes, with the file of its private key where it lacks that.
    pub(super) fn of_key(
        &self,
        key: ServiceKey,
        variable: &str,
    ) -> Result<Credentials, CredentialsError> {
        let from = |field: &str, value: String| Variable {
            name: format!("{variable} ({field})"),
            value,
        };
        let proof = self.proof_of_key(key.proof, variable, &from)?;
        oauth(
            from("url", key.url),
            from("tokenurl", key.token_url),
            from("clientid", key.client_id),
            proof,
        )
        .map_err(|error| error.about_key(variable))
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

    pub(super) fn without_key(self) -> Result<Credentials, CredentialsError> {
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
            (Some(url), Some(username), Some(password)) => {
                let tenant = parse_url(&url)?;
                Ok(Credentials {
                    runtime: tenant.clone(),
                    url: tenant,
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
                })
            }
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
