//! A certificate instead of a secret: in the service key, or with a private key in a file of its own.

use std::io;
use std::path::Path;

use super::given::Variable;
use super::{ClientProof, CredentialsError};
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

/// The certificate to log on with. Certificate and key are those of a service key, or of
/// the `file` that the variable `file_name` is for, whether it is set or not. The certificate of the file goes first, because
/// the file may bring those that vouch for it.
pub fn together(
    chain: Option<Variable>,
    key: Option<Variable>,
    file: Option<Variable>,
    file_name: String,
) -> Result<ClientProof, CredentialsError> {
    let of_file = file.clone();
    let of_file = of_file.filter(|file| file.value.contains(BEGIN_CERTIFICATE));
    let variable = file_name.clone();
    let key = match (key, file) {
        (Some(key), Some(file)) if file.value.trim() != key.value.trim() => {
            let why = "both hold a private key";
            return Err(CredentialsError::contradiction(key.name, file.name, why));
        }
        (key, file) => key
            .or(file)
            .ok_or(CredentialsError::NoPrivateKey { variable })?,
    };
    let chain = of_file.or(chain).ok_or(CredentialsError::NoCertificate {
        variable: file_name,
    })?;
    Ok(ClientProof::Certificate(ClientCertificate {
        chain: chain.value,
        chain_source: chain.name,
        key: Secret::new(key.value),
        key_source: key.name,
    }))
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
        Err(error) => {
            let name = shown_file_name(&variable.value).map(|name| format!("{name}: "));
            Err(CredentialsError::KeyFile {
                reason: format!("{}{error}", name.unwrap_or_default()),
                variable: variable.name,
            })
        }
    }
}
