//! Which certificates are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::error::HttpError;
use crate::settings::environment::Environment;

/// What is trusted, and how that is said.
pub(super) struct Roots {
    certificates: RootCerts,
    description: String,
}

impl Roots {
    /// The machine's own verifier, which knows a company's certificates (and `SSL_CERT_FILE`); with `CPI_CA_FILE`
    /// its certificates, the public ones and those of the file; the public ones where the machine has none.
    pub(super) fn choose(environment: &Environment) -> Result<Self, HttpError> {
        if let Some(file) = environment.get_checked("CPI_CA_FILE")? {
            return Self::with_file(environment, Path::new(file));
        }
        if machine_has_none() {
            let certificates = public().collect::<Vec<_>>().into();
            let why = match environment.get("SSL_CERT_FILE") {
                Some(file) => format!("SSL_CERT_FILE, {file}, holds none"),
                None => "this machine has none".to_owned(),
            };
            let description = format!("the public certificates built in ({why})");
            return Ok(Self {
                certificates,
                description,
            });
        }
        let named = environment
            .get("SSL_CERT_FILE")
            .map_or(String::new(), |file| format!(" (SSL_CERT_FILE: {file})"));
        let description = format!("the machine's certificates{named}");
        Ok(Self {
            certificates: RootCerts::PlatformVerifier,
            description,
        })
    }

    fn with_file(environment: &Environment, file: &Path) -> Result<Self, HttpError> {
        let own = read_file(file)?;
        let description = format!(
            "the machine's and the public certificates, and {} of {} (CPI_CA_FILE)",
            own.len(),
            file.display()
        );
        let certificates: Vec<_> = machine(environment).chain(public()).chain(own).collect();
        Ok(Self {
            certificates: certificates.into(),
            description,
        })
    }

    pub(super) fn describe(&self) -> &str {
        &self.description
    }

    pub(super) fn tls_config(&self) -> TlsConfig {
        TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(self.certificates.clone())
            .build()
    }
}

/// The reader of certificates asks the process itself for `SSL_CERT_FILE`, not the snapshot of its variables.
///
/// Only where the verifier reads a list of certificates can that list be empty.
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "android")))]
fn machine_has_none() -> bool {
    rustls_native_certs::load_native_certs().certs.is_empty()
}

#[cfg(not(all(unix, not(target_vendor = "apple"), not(target_os = "android"))))]
fn machine_has_none() -> bool {
    false
}

fn machine(environment: &Environment) -> impl Iterator<Item = Certificate<'static>> {
    let named = environment.get("SSL_CERT_FILE").map(Path::new);
    let named = rustls_native_certs::load_certs_from_paths(named, None).certs;
    let own = rustls_native_certs::load_native_certs().certs;
    own.into_iter()
        .chain(named)
        .map(|certificate| Certificate::from_der(&certificate).to_owned())
}

fn public() -> impl Iterator<Item = Certificate<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()))
}

/// A certificate that nobody can read would be left out silently, and then nothing that it vouches for is trusted.
fn read_file(file: &Path) -> Result<Vec<Certificate<'static>>, HttpError> {
    let pem = std::fs::read(file).map_err(|error| HttpError::CaFileUnreadable {
        file: PathBuf::from(file),
        reason: error.to_string(),
    })?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        let number = certificates.len() + 1;
        let damaged = |reason: String| HttpError::CaFileDamaged {
            file: PathBuf::from(file),
            number,
            reason,
        };
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| damaged(error.to_string()))?
        {
            let mut store = rustls::RootCertStore::empty();
            store
                .add(certificate.der().to_vec().into())
                .map_err(|error| damaged(error.to_string()))?;
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(HttpError::CaFileWithoutCertificate {
            file: PathBuf::from(file),
        });
    }
    Ok(certificates)
}
