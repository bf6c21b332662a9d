//! Failures as sentences for people: what happened, why, what to do.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use ureq::{Error, Timeout};

use super::CONNECT_TIMEOUT;
use super::certificate::CertificateFacts;
use super::error::Stage;
use super::proxy::Chosen;

/// What a failure happened to.
pub struct Circumstances<'a> {
    pub stage: Stage,
    pub host: &'a str,
    /// The certificates that the host has shown.
    pub shown: &'a [CertificateFacts],
    pub proxy: Option<&'a Chosen>,
    pub timeout: Duration,
}

pub fn is_timeout(error: &Error) -> bool {
    match error {
        Error::Timeout(_) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::TimedOut,
        _ => false,
    }
}

/// Whether it is encryption or trust that failed, at whatever moment it shows.
pub fn is_tls(error: &Error) -> bool {
    tls_error(error).is_some() || matches!(error, Error::Tls(_) | Error::TlsRequired)
}

/// Whether a server said that it does not take our own certificate.
pub fn refuses_certificate(error: &Error) -> bool {
    matches!(tls_error(error), Some(TlsError::AlertReceived(alert)) if is_about_certificate(*alert))
}

fn is_about_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied
    )
}

pub fn sentence(error: &Error, circumstances: &Circumstances<'_>) -> String {
    if let Some(tls) = tls_error(error) {
        return of_tls(tls, circumstances);
    }
    match error {
        Error::Timeout(timeout) => of_timeout(*timeout, circumstances),
        Error::ConnectProxyFailed(reason) => of_refusing_proxy(reason, circumstances),
        Error::HostNotFound => of_lookup("no such host", circumstances),
        Error::Io(error) => of_io(error, circumstances),
        Error::LargeResponseHeader(..) => {
            "the head of the answer is far too large to be one of the API".to_owned()
        }
        Error::Protocol(_) => "what came back is not HTTP".to_owned(),
        Error::BadUri(_) | Error::Http(_) => format!("the request cannot be written: {error}"),
        Error::Tls(reason) => format!(
            "no encrypted connection to {}: {reason}",
            circumstances.host
        ),
        other => other.to_string(),
    }
}

fn of_timeout(timeout: Timeout, circumstances: &Circumstances<'_>) -> String {
    let host = circumstances.host;
    let seconds = circumstances.timeout.as_secs_f64();
    match (timeout, circumstances.stage) {
        (Timeout::Connect, Stage::Connect) => {
            format!(
                "no connection to {host} within {} s; {PROXY_HINT}",
                CONNECT_TIMEOUT.as_secs()
            )
        }
        (_, Stage::Resolve) => format!("the address of {host} was not found in time"),
        (_, Stage::Connect) => format!("no connection to {host} in time; {PROXY_HINT}"),
        (_, Stage::Proxy) => format!(
            "{} did not connect to {host} in time",
            the_proxy(circumstances)
        ),
        (_, Stage::Tls) => {
            format!("{host} did not answer in time when encryption was to be agreed on")
        }
        (_, Stage::Send) => format!("the request could not be sent within {seconds} s"),
        (_, Stage::Body) => format!("the answer was not complete within {seconds} s"),
        _ => format!("no answer within {seconds} s"),
    }
}

const PROXY_HINT: &str =
    "check the address, and whether this machine needs a proxy (HTTPS_PROXY) or a route to it";

fn the_proxy(circumstances: &Circumstances<'_>) -> String {
    match circumstances.proxy {
        Some(chosen) => format!("the proxy {}", chosen.describe()),
        None => "the proxy".to_owned(),
    }
}

/// The client tells a proxy's refusal only as text: `proxy server responded 407/407`.
fn of_refusing_proxy(reason: &str, circumstances: &Circumstances<'_>) -> String {
    let proxy = the_proxy(circumstances);
    let host = circumstances.host;
    let status = reason.rsplit('/').next().unwrap_or_default();
    let variable = circumstances
        .proxy
        .map_or("HTTPS_PROXY", |chosen| chosen.variable);
    match (status, circumstances.proxy.is_some_and(Chosen::has_user)) {
        ("407", true) => {
            format!("{proxy} does not accept the user and password in {variable} (407)")
        }
        ("407", false) => format!(
            "{proxy} demands a user and password (407): set {variable} to http://user:password@host:port, special characters as %XX"
        ),
        ("403", _) => {
            format!("{proxy} forbids the way to {host} (403): ask for {host} to be allowed")
        }
        _ if status.bytes().all(|byte| byte.is_ascii_digit()) && !status.is_empty() => {
            format!("{proxy} did not connect to {host} ({status})")
        }
        _ => format!("{proxy} did not answer as a proxy does"),
    }
}

fn of_lookup(reason: &str, circumstances: &Circumstances<'_>) -> String {
    format!(
        "the host {} is not known ({reason}); {PROXY_HINT}",
        circumstances.host
    )
}

fn of_io(error: &io::Error, circumstances: &Circumstances<'_>) -> String {
    let host = circumstances.host;
    match circumstances.stage {
        Stage::Resolve => of_lookup(&error.to_string(), circumstances),
        Stage::Connect if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("{host} refuses the connection; {PROXY_HINT}")
        }
        Stage::Connect => format!("no connection to {host}: {error}"),
        Stage::Proxy => format!(
            "no connection through {}: {error}",
            the_proxy(circumstances)
        ),
        Stage::Tls => {
            format!(
                "{host} broke off when encryption was to be agreed on ({error}); does it speak https at this port?"
            )
        }
        Stage::Send => format!("the connection broke while the request was sent: {error}"),
        Stage::Body => format!("the answer broke off: {error}"),
        Stage::Local | Stage::Head => {
            format!("the connection was closed before an answer came: {error}")
        }
    }
}

fn tls_error(error: &Error) -> Option<&TlsError> {
    match error {
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn of_tls(error: &TlsError, circumstances: &Circumstances<'_>) -> String {
    let host = circumstances.host;
    match error {
        TlsError::InvalidCertificate(reason) => of_certificate(reason, circumstances),
        TlsError::InvalidMessage(_) => {
            format!(
                "{host} does not speak https at this port ({error}); check scheme and port of the address"
            )
        }
        TlsError::AlertReceived(alert) => {
            format!("{host} {}", of_alert(*alert))
        }
        other => format!("no encrypted connection to {host}: {other}"),
    }
}

/// What a server says instead of a handshake; about our own certificate, most of the time.
fn of_alert(alert: AlertDescription) -> String {
    let what = match alert {
        AlertDescription::CertificateExpired => "says that the client certificate has expired",
        AlertDescription::CertificateRevoked => "says that the client certificate was revoked",
        AlertDescription::CertificateRequired => {
            "demands a client certificate; use a service key of type certificate"
        }
        _ if is_about_certificate(alert) => "does not accept the client certificate",
        _ => "refuses to agree on encryption",
    };
    format!("{what} ({alert:?})")
}

fn of_certificate(reason: &CertificateError, circumstances: &Circumstances<'_>) -> String {
    let host = circumstances.host;
    match reason {
        // a bad signature: an authority of the same name, but with another key
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the certificate of {host} was issued by {}, whom this machine does not trust. In a company network a proxy often \
             re-signs connections: give its CA certificate (PEM) in CPI_CA_FILE (adds it) or SSL_CERT_FILE",
            circumstances
                .shown
                .first()
                .map_or("somebody", |own| own.issuer.as_str())
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired, or the clock of this machine is wrong")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!(
                "the certificate of {host} is not valid yet; is the clock of this machine right?"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate shown belongs to another host than {host}; check the address")
        }
        CertificateError::Revoked => format!("the certificate of {host} was revoked"),
        other => format!("the certificate of {host} is not accepted: {other}"),
    }
}
