//! Certificates as people need to hear of them: whose, by whom, until when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::text::disarm;

/// Names longer than this are cut, in characters: they come from outside.
const LONGEST_NAME: usize = 200;
const DAY: u64 = 24 * 60 * 60;

/// What an X.509 certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it was issued to.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// From when it is valid.
    pub valid_from: SystemTime,
    /// Until when it is valid.
    pub valid_until: SystemTime,
}

impl CertificateFacts {
    /// Reads one certificate in DER; `None` when it is none.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let at = |seconds: Duration| UNIX_EPOCH.checked_add(seconds);
        Some(Self {
            subject: tidy(&body.subject().to_string()),
            issuer: tidy(&body.issuer().to_string()),
            valid_from: at(body.validity().not_before.to_unix_duration())?,
            valid_until: at(body.validity().not_after.to_unix_duration())?,
        })
    }

    /// The first certificate of a PEM text, which is the holder's own.
    pub fn of_pem(pem: &str) -> Option<Self> {
        let first = CertificateDer::pem_slice_iter(pem.as_bytes())
            .next()?
            .ok()?;
        Self::of_der(&first)
    }

    /// How many days it is still valid at `now`; negative once it has expired.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let days = |time: Duration| i64::try_from(time.as_secs() / DAY).unwrap_or(i64::MAX);
        match self.valid_until.duration_since(now) {
            Ok(left) => days(left),
            Err(over) => -days(over.duration()) - 1,
        }
    }
}

fn tidy(name: &str) -> String {
    disarm(&name.chars().take(LONGEST_NAME).collect::<String>())
}
