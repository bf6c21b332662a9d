//! Encryption: whom we trust, who we are, and which certificates servers show.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::certificate::CertificateFacts;
use super::error::HttpError;
use super::proxy::bare;
use super::roots::Roots;
use crate::settings::credentials::ClientCertificate;

/// Our own certificate, and the only host that is shown it.
pub struct Identity {
    host: String,
    key: Arc<CertifiedKey>,
}

impl Identity {
    /// Reads certificate and key, which must belong together.
    pub fn read(certificate: &ClientCertificate, host: &str) -> Result<Self, HttpError> {
        let refused = |from: &str, reason: &str| HttpError::ClientCertificate {
            from: from.to_owned(),
            reason: reason.to_owned(),
        };
        let of_key = |reason| refused(&certificate.key_source, reason);
        let no_certificate = || refused(&certificate.chain_source, NO_CERTIFICATE);
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(no_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.expose().as_bytes())
            .map_err(|_| of_key(why_no_key(certificate)))?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| of_key(UNKNOWN_KEY))?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) => Ok(Self {
                host: host.to_owned(),
                key: Arc::new(key),
            }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(of_key(ANOTHER_KEY)),
            Err(_) => Err(no_certificate()),
        }
    }
}

const NO_CERTIFICATE: &str = "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
const UNKNOWN_KEY: &str = "holds a private key of a kind that is not understood; use RSA (2048 bits and more) or EC (P-256, P-384)";
const ANOTHER_KEY: &str = "holds a private key that does not belong to the certificate; both must come from the same key of the service instance";

fn why_no_key(certificate: &ClientCertificate) -> &'static str {
    if certificate.key.expose().contains("ENCRYPTED") {
        "holds a private key that is encrypted with a passphrase; decrypt it first: openssl pkcs8 -in FILE -out PLAIN"
    } else {
        "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
    }
}

/// The certificates that servers have shown, by host; the server's own first.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<Mutex<HashMap<String, Vec<Vec<u8>>>>>);

impl Shown {
    fn note(&self, host: &ServerName<'_>, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) {
        let chain = std::iter::once(own).chain(others).take(MOST_SHOWN);
        let chain = chain.map(|certificate| certificate.to_vec()).collect();
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(host.to_str().into_owned(), chain);
    }

    /// What `host` has shown, the server's own certificate first; empty when it was not asked, or not by https.
    pub fn of(&self, host: &str) -> Vec<CertificateFacts> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = shown.get(bare(host)).into_iter().flatten();
        chain
            .filter_map(|der| CertificateFacts::of_der(der))
            .collect()
    }
}

/// No chain of use is longer.
const MOST_SHOWN: usize = 8;

/// Lets the chosen verifier decide, and remembers what it was shown.
#[derive(Debug)]
struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    shown: Shown,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.shown.note(host, own, others);
        self.verifier
            .verify_server_cert(own, others, host, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// How connections are encrypted. The settings are made at the first connection, because reading a machine's
/// certificates takes a while.
pub struct Encryption {
    pub roots: Roots,
    identity: Option<Identity>,
    pub shown: Shown,
    nameless: OnceLock<Arc<ClientConfig>>,
    named: OnceLock<Arc<ClientConfig>>,
}

impl Encryption {
    pub fn new(roots: Roots, identity: Option<Identity>) -> Self {
        Self {
            roots,
            identity,
            shown: Shown::default(),
            nameless: OnceLock::new(),
            named: OnceLock::new(),
        }
    }

    fn config(&self, host: &str) -> Result<Arc<ClientConfig>, rustls::Error> {
        let identity = self
            .identity
            .as_ref()
            .filter(|identity| identity.host == host);
        let made = if identity.is_some() {
            &self.named
        } else {
            &self.nameless
        };
        if let Some(config) = made.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.make(identity)?);
        Ok(Arc::clone(made.get_or_init(|| config)))
    }

    fn make(&self, identity: Option<&Identity>) -> Result<ClientConfig, rustls::Error> {
        let provider = provider();
        let verifier = Arc::new(Witness {
            verifier: self.roots.verifier(&provider)?,
            shown: self.shown.clone(),
        });
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::new(
                rustls::sign::SingleCertAndKey::from(Arc::clone(&identity.key)),
            )),
        })
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Encrypts a connection where the address says https.
#[derive(Clone)]
pub struct TlsConnector(pub Arc<Encryption>);

impl fmt::Debug for TlsConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsConnector")
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let name = ServerName::try_from(bare(host).to_owned())
            .map_err(|_| Error::Tls("this is no name that a certificate could be for"))?;
        let config = self.0.config(host).map_err(broken)?;
        let mut connection = ClientConnection::new(config, name).map_err(broken)?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(Either::B(Encrypted {
            buffers,
            stream: StreamOwned::new(connection, socket),
        })))
    }
}

/// As the library itself hands it over when it meets an error while it reads.
fn broken(error: rustls::Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
}

/// An encrypted connection.
pub struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encrypted")
    }
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
