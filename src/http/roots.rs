//! Which certificates are trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::certificate::CertificateFacts;
use super::error::HttpError;
use crate::settings::environment::Environment;
use crate::settings::secret::shown_file_name;
use crate::whole_file::read_bounded;

/// The largest file of certificates: a machine's own list has some 300 KB.
const LARGEST: u64 = 16 << 20;

/// What is trusted, and how that is said.
pub struct Roots {
    /// These authorities; `None` stands for whatever the machine's own verifier trusts.
    trusted: Option<RootCertStore>,
    /// For people.
    pub description: String,
}

impl Roots {
    /// The machine's own verifier, which knows a company's certificates (and `SSL_CERT_FILE`); with `CPI_CA_FILE`
    /// its certificates, the public ones and those of the file; the public ones where the machine has none.
    pub fn choose(environment: &Environment) -> Result<Self, HttpError> {
        let named = environment.get("SSL_CERT_FILE");
        let (trusted, description) = if let Some(file) = environment.get_checked("CPI_CA_FILE")? {
            let own = read_file(Path::new(file))?;
            let description = format!(
                "the machine's and the public certificates, and {} of {file} (CPI_CA_FILE)",
                own.len()
            );
            let all = machine(named.map(Path::new)).chain(public()).chain(own);
            (Some(store(all)), description)
        } else if machine_has_none() {
            let why = match named {
                Some(file) => format!("SSL_CERT_FILE, {file}, holds none"),
                None => "this machine has none".to_owned(),
            };
            let description = format!("the public certificates built in ({why})");
            (Some(store(public())), description)
        } else {
            let named = named.map_or(String::new(), |file| format!(" (SSL_CERT_FILE: {file})"));
            (None, format!("the machine's certificates{named}"))
        };
        Ok(Self {
            trusted,
            description,
        })
    }

    /// What decides whether a server's certificate is believed.
    pub fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
        match &self.trusted {
            None => Ok(Arc::new(Verifier::new(Arc::clone(provider))?)),
            Some(store) => {
                let store = Arc::new(store.clone());
                WebPkiServerVerifier::builder_with_provider(store, Arc::clone(provider))
                    .build()
                    .map(|verifier| verifier as Arc<dyn ServerCertVerifier>)
                    .map_err(|error| rustls::Error::General(error.to_string()))
            }
        }
    }
}

/// A machine's store may hold certificates that nobody understands; they are left out.
fn store(certificates: impl Iterator<Item = CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    store
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

fn machine(named: Option<&Path>) -> impl Iterator<Item = CertificateDer<'static>> {
    let named = rustls_native_certs::load_certs_from_paths(named, None).certs;
    let own = rustls_native_certs::load_native_certs().certs;
    own.into_iter().chain(named)
}

fn public() -> impl Iterator<Item = CertificateDer<'static>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned()
}

/// Whether a public authority has this name.
pub fn is_public(name: &str) -> bool {
    public().any(|root| CertificateFacts::of_der(&root).is_some_and(|facts| facts.subject == name))
}

/// A certificate that nobody can read would be left out silently, and then nothing that it vouches for is trusted.
fn read_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let pem = read_bounded(file, LARGEST).map_err(|error| HttpError::CaFile {
        file: shown_file_name(&file.to_string_lossy())
            .map_or_else(|| PathBuf::from("the file that it names"), PathBuf::from),
        problem: format!("cannot be read: {error}"),
    })?;
    let refused = |problem| HttpError::CaFile {
        file: PathBuf::from(file),
        problem,
    };
    let mut certificates = Vec::new();
    for item in CertificateDer::pem_slice_iter(&pem) {
        let number = certificates.len() + 1;
        let damaged = |reason: String| {
            refused(format!(
                "holds a damaged certificate (number {number}): {reason}"
            ))
        };
        let certificate = item.map_err(|error| damaged(error.to_string()))?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| damaged(error.to_string()))?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        let problem = "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
        return Err(refused(problem.to_owned()));
    }
    Ok(certificates)
}
