//! A certificate instead of a secret: in the service key, or with a private key in a file of its own.

use std::io;
use std::path::Path;

use super::CredentialsError;
use super::given::Variable;
use crate::settings::secret::{Secret, shown_file_name};
use crate::whole_file::read_bounded;

/// No certificate and key are larger, in bytes.
const LARGEST_FILE: u64 = 256 * 1024;
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

/// What a certificate is put together from.
pub struct Parts {
    /// Of the service key.
    pub chain: Option<Variable>,
    /// Of the service key.
    pub key: Option<Variable>,
    /// `..._CLIENT_KEY_FILE`: its name, and its text.
    pub file: Option<Variable>,
    /// The name of that variable, whether it is set or not.
    pub file_name: String,
}

impl Parts {
    /// The private key is in the service key or in the file; the certificate too, and that of the file goes first,
    /// because it may bring those that vouch for it.
    pub fn together(self) -> Result<ClientCertificate, CredentialsError> {
        let of_file = self
            .file
            .as_ref()
            .filter(|file| file.value.contains(BEGIN_CERTIFICATE))
            .cloned();
        let key = match (self.key, self.file) {
            (Some(key), Some(file)) if file.value.trim() != key.value.trim() => {
                let why = "both hold a private key";
                return Err(CredentialsError::contradiction(key.name, file.name, why));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => {
                return Err(CredentialsError::NoPrivateKey {
                    variable: self.file_name,
                });
            }
        };
        let chain = of_file
            .or(self.chain)
            .ok_or(CredentialsError::NoCertificate {
                variable: self.file_name,
            })?;
        Ok(ClientCertificate {
            chain: chain.value,
            chain_source: chain.name,
            key: Secret::new(key.value),
            key_source: key.name,
        })
    }
}

/// The PEM text of the file that `variable` names, or that it holds itself.
pub fn read_file(variable: Variable, dir: &Path) -> Result<Variable, CredentialsError> {
    if variable.value.contains(BEGIN) {
        return Ok(Variable {
            value: variable.value.replace("\\n", "\n"),
            ..variable
        });
    }
    let read = read_bounded(&dir.join(&variable.value), LARGEST_FILE);
    match read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other)) {
        Ok(text) => Ok(Variable {
            value: text,
            ..variable
        }),
        Err(error) => Err(CredentialsError::KeyFile {
            reason: match shown_file_name(&variable.value) {
                Some(name) => format!("{name}: {error}"),
                None => error.to_string(),
            },
            variable: variable.name,
        }),
    }
}
