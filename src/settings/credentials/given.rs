//! The variables as they are set, and what they make together.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::key::{self, ServiceKey};
use super::{ClientProof, Credentials, CredentialsError, KeyError, Login, VariableNames};
use crate::settings::address::{AddressError, TenantUrl, TokenUrl};
use crate::settings::environment::Environment;
use crate::settings::landscape;
use crate::settings::secret::{Secret, shown_file_name};
use crate::whole_file::read_bounded;

/// A variable that is set.
#[derive(Clone)]
pub struct Variable {
    pub name: String,
    pub value: String,
}

/// What follows the prefix in the names of the single variables.
const SINGLE: [&str; 8] = [
    "URL",
    "TOKEN_URL",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CLIENT_KEY_FILE",
    "USERNAME",
    "PASSWORD",
    "RUNTIME_LOCATION",
];

/// The single variables that are set.
pub struct CredentialVariables<'n> {
    names: &'n VariableNames,
    variables: BTreeMap<&'static str, Variable>,
}

impl<'n> CredentialVariables<'n> {
    pub fn read(
        environment: &Environment,
        dir: &Path,
        names: &'n VariableNames,
    ) -> Result<Self, CredentialsError> {
        let mut variables = BTreeMap::new();
        for single in SINGLE {
            let name = names.of(single);
            let value = environment.get_checked(&name)?;
            let Some(value) = value.filter(|value| !value.trim().is_empty()) else {
                continue;
            };
            let value = match single {
                // it may begin or end with a blank; only the line break of a pasted one is taken off
                "PASSWORD" => value.trim_end_matches(['\r', '\n']),
                _ => value.trim(),
            };
            let variable = Variable {
                value: value.to_owned(),
                name,
            };
            let variable = match single {
                "CLIENT_KEY_FILE" => read_file(variable, dir)?,
                _ => variable,
            };
            variables.insert(single, variable);
        }
        Ok(Self { names, variables })
    }

    /// Takes a variable out, so that it counts as unset.
    pub fn take(&mut self, name: &str) -> Option<Variable> {
        self.variables.remove(name)
    }

    /// The first of these that is set.
    fn first(&self, names: &[&str]) -> Option<&Variable> {
        names.iter().find_map(|name| self.variables.get(*name))
    }

    fn oauth(&self) -> Option<&Variable> {
        self.first(&["CLIENT_ID", "CLIENT_SECRET", "CLIENT_KEY_FILE", "TOKEN_URL"])
    }

    fn basic(&self) -> Option<&Variable> {
        self.first(&["USERNAME", "PASSWORD"])
    }

    pub fn refuse_two_logins(&self) -> Result<(), CredentialsError> {
        let get = |name| self.variables.get(name);
        let secrets = (get("CLIENT_SECRET"), get("CLIENT_KEY_FILE"));
        for pair in [(self.oauth(), self.basic()), secrets] {
            if let (Some(first), Some(second)) = pair {
                return Err(two_logins(&first.name, &second.name));
            }
        }
        Ok(())
    }

    pub fn with_key(&self, text: &str, dir: &Path) -> Result<Credentials, CredentialsError> {
        let variable = self.names.of("SERVICE_KEY");
        if let Some(basic) = self.basic() {
            return Err(two_logins(&variable, &basic.name));
        }
        let refused = |error| CredentialsError::Key {
            variable: variable.clone(),
            error,
        };
        let key = ServiceKey::read(text, dir, false).map_err(refused)?;
        let credentials = self.of_key(&key, &variable)?;
        self.must_agree_with(&credentials, &variable)?;
        Ok(credentials)
    }

    /// What a key that was read makes, with the file of its private key where it lacks that.
    pub fn of_key(
        &self,
        key: &ServiceKey,
        variable: &str,
    ) -> Result<Credentials, CredentialsError> {
        let named = |field: &str, value: String| Variable {
            name: format!("{variable} ({field})"),
            value,
        };
        let text = |field| named(field, key.text(field).to_owned());
        let pem = |field| key.pem(field).map(|text| named(field, text));
        let file = self.variables.get("CLIENT_KEY_FILE").cloned();
        let proof = if key.has_certificate() {
            let file_name = self.names.of("CLIENT_KEY_FILE");
            together(pem("certificate"), pem("key"), file, file_name)?
        } else if let Some(file) = file {
            return Err(two_logins(variable, &file.name));
        } else {
            ClientProof::Secret(Secret::new(key.text("clientsecret")))
        };
        let client_id = key.text("clientid").to_owned();
        oauth(text("url"), &text("tokenurl"), client_id, proof)
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
        for name in SINGLE {
            let Some(variable) = self.variables.get(name) else {
                continue;
            };
            let agrees = match name {
                "URL" => parse_url(variable)? == credentials.url,
                "TOKEN_URL" => token_url_for(variable, proof)? == *token_url,
                "CLIENT_ID" => variable.value == *client_id,
                "CLIENT_SECRET" => {
                    matches!(proof, ClientProof::Secret(own) if variable.value == own.expose())
                }
                _ => true,
            };
            if !agrees {
                let why = "do not say the same";
                return Err(CredentialsError::contradiction(key, &variable.name, why));
            }
        }
        Ok(())
    }

    pub fn without_key(self) -> Result<Credentials, CredentialsError> {
        let prefix = self.names.prefix.clone();
        match (self.oauth(), self.basic()) {
            (None, None) if self.variables.contains_key("URL") => {
                Err(CredentialsError::OnlyUrl { prefix })
            }
            (None, None) => Err(CredentialsError::Nothing { prefix }),
            (_, None) => self.client_credentials(),
            (_, Some(_)) => self.user_and_password(),
        }
    }

    fn client_credentials(mut self) -> Result<Credentials, CredentialsError> {
        let key_file = self.take("CLIENT_KEY_FILE");
        // the file takes the place of the secret
        let in_place = key_file.iter().map(|file| ("CLIENT_SECRET", file.clone()));
        self.variables.extend(in_place);
        let [url, token_url, id, secret] =
            self.all(["URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"])?;
        refuse_other_plan(&id, &url)?;
        let proof = match key_file {
            None => ClientProof::Secret(Secret::new(secret.value)),
            Some(file) => {
                let name = file.name.clone();
                together(None, None, Some(file), name)?
            }
        };
        oauth(url, &token_url, id.value, proof)
    }

    fn user_and_password(self) -> Result<Credentials, CredentialsError> {
        let [url, username, password] = self.all(["URL", "USERNAME", "PASSWORD"])?;
        let login = Login::Basic {
            username: username.value,
            password: Secret::new(password.value),
        };
        credentials(url, login)
    }

    /// All of these, or an error that names those that are missing.
    fn all<const N: usize>(&self, wanted: [&str; N]) -> Result<[Variable; N], CredentialsError> {
        let found = wanted.map(|name| self.variables.get(name).cloned());
        let found: Vec<Variable> = found.into_iter().flatten().collect();
        found.try_into().map_err(|_| {
            let which = |is_set: bool| {
                let chosen = wanted.into_iter();
                let chosen = chosen.filter(|name| self.variables.contains_key(name) == is_set);
                chosen.map(|name| self.names.of(name)).collect()
            };
            CredentialsError::Missing {
                missing: which(false),
                set: which(true),
            }
        })
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

fn oauth(
    url: Variable,
    token_url: &Variable,
    client_id: String,
    proof: ClientProof,
) -> Result<Credentials, CredentialsError> {
    let login = Login::ClientCredentials {
        token_url: token_url_for(token_url, &proof)?,
        client_id,
        proof,
    };
    credentials(url, login)
}

fn credentials(url: Variable, login: Login) -> Result<Credentials, CredentialsError> {
    let tenant = parse_url(&url)?;
    Ok(Credentials {
        runtime: tenant.clone(),
        url: tenant,
        url_source: url.name,
        login,
    })
}

/// The token service; certificates are shown to a host of their own.
fn token_url_for(variable: &Variable, proof: &ClientProof) -> Result<TokenUrl, CredentialsError> {
    let url = TokenUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))?;
    let fault = landscape::not_a_token_service(url.host());
    fault.map_or(Ok(()), |error| Err(not_an_address(variable, error)))?;
    Ok(match proof {
        ClientProof::Secret(_) => url,
        ClientProof::Certificate(_) => url.for_certificates(),
    })
}

fn parse_url(variable: &Variable) -> Result<TenantUrl, CredentialsError> {
    let url = TenantUrl::parse(&variable.value).map_err(|error| not_an_address(variable, error))?;
    let fault = landscape::not_a_tenant(url.host());
    fault.map_or(Ok(url), |error| Err(not_an_address(variable, error)))
}

fn not_an_address(variable: &Variable, error: AddressError) -> CredentialsError {
    CredentialsError::Address {
        source_name: variable.name.clone(),
        error,
    }
}

fn two_logins(first: &str, second: &str) -> CredentialsError {
    CredentialsError::contradiction(first, second, "are two different ways to log on")
}

const BEGIN: &str = "-----BEGIN ";
const BEGIN_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// What to log on with where no secret is.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCertificate {
    /// The certificate and those that vouch for it, as PEM.
    pub chain: String,
    /// Where the certificate came from.
    pub chain_source: String,
    /// The private key, as PEM.
    pub key: Secret,
    /// Where the private key came from.
    pub key_source: String,
}

/// The certificate to log on with. Certificate and key are those of a service key, or of
/// the `file` that the variable `file_name` is for, whether it is set or not. The certificate of the file goes first, because
/// the file may bring those that vouch for it.
fn together(
    chain: Option<Variable>,
    key: Option<Variable>,
    file: Option<Variable>,
    file_name: String,
) -> Result<ClientProof, CredentialsError> {
    let of_file = file.clone();
    let of_file = of_file.filter(|file| file.value.contains(BEGIN_CERTIFICATE));
    let variable = file_name;
    let key = match (key, file) {
        (Some(key), Some(file)) if file.value.trim() != key.value.trim() => {
            let why = "both hold a private key";
            return Err(CredentialsError::contradiction(key.name, file.name, why));
        }
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => return Err(CredentialsError::NoPrivateKey { variable }),
    };
    let Some(chain) = of_file.or(chain) else {
        return Err(CredentialsError::NoCertificate { variable });
    };
    Ok(ClientProof::Certificate(ClientCertificate {
        chain: chain.value,
        chain_source: chain.name,
        key: Secret::new(key.value),
        key_source: key.name,
    }))
}

/// The PEM text of the file that `variable` names, or that it holds itself.
fn read_file(variable: Variable, dir: &Path) -> Result<Variable, CredentialsError> {
    if variable.value.contains(BEGIN) {
        return Ok(Variable {
            value: variable.value.replace("\\n", "\n"),
            ..variable
        });
    }
    let Variable { name, value } = variable;
    let read = read_bounded(&dir.join(&value), key::LARGEST_FILE);
    match read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)) {
        Ok(value) => Ok(Variable { name, value }),
        Err(error) => {
            let file = shown_file_name(&value).map(|file| format!("{file}: "));
            Err(CredentialsError::KeyFile {
                reason: format!("{}{error}", file.unwrap_or_default()),
                variable: name,
            })
        }
    }
}
