//! From answers that are none to errors that explain themselves: what happened, where, why, what to do next.

use super::Tenant;
use super::error::{Kind, TenantError, remedy};
use super::exchange::Ask;
use super::meaning::page_words;
use super::odata;
use crate::http::{Answer, SendError, Stage};
use crate::settings::credentials::Login;
use crate::settings::redactor::Redactor;
use crate::words::Words;

impl Tenant {
    pub(super) fn at(&self, ask: &Ask<'_>) -> String {
        let path = ask.path.split('?').next().unwrap_or_default();
        format!("{} {}", ask.method.name(), self.root_of(ask).api(path))
    }

    pub(super) fn unreachable(&self, ask: &Ask<'_>, error: &SendError) -> TenantError {
        not_reached(
            error,
            ask.method.name(),
            self.at(ask).split_once(' ').map_or("", |(_, url)| url),
            &self.redactor,
        )
    }

    pub(super) fn throttled(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        TenantError {
            kind: Kind::Unreachable,
            what: "the tenant's rate limit left no room".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some("other pipelines or users share the tenant's limit: run them one after the other, or give this one a longer --timeout".to_owned()),
        }
    }

    pub(super) fn down(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        TenantError {
            kind: Kind::Unreachable,
            what: "the tenant is not available".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some(
                "SAP announces maintenance and incidents for each data centre; run again later"
                    .to_owned(),
            ),
        }
    }

    pub(super) fn nonsense(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let what = if answer.is_html() {
            "a web page came instead of an answer of the API"
        } else {
            "the answer is none that this call gives"
        };
        TenantError {
            kind: Kind::Nonsense,
            what: what.to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some("CPI_URL must be the `url` of a service key of plan `api`; the host of the runtime, of the web UI behind a login, or of a proxy answers like this".to_owned()),
        }
    }

    pub(super) fn unauthorized(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let hint = match &self.credentials.login {
            Login::Basic { .. } => {
                "check CPI_USERNAME and CPI_PASSWORD; client id and secret of a service key are no user: give them as CPI_CLIENT_ID and CPI_CLIENT_SECRET"
            }
            Login::ClientCredentials { .. } => {
                "the token was issued, but this tenant does not take it: the key belongs to another tenant or another service, or to a deleted instance; use a service key of Process Integration Runtime, plan `api`, of this tenant"
            }
        };
        TenantError {
            kind: Kind::Credentials,
            what: "the tenant did not take the credentials".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some(hint.to_owned()),
        }
    }

    pub(super) fn forbidden(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let role = ask.role.name();
        TenantError {
            kind: Kind::Role,
            what: format!("the role {role} is missing"),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: odata::error_text(&answer.body).map(|text| Words::new(&text, &self.redactor)),
            hint: Some(format!(
                "add {role} to the roles of the service instance (plan `api`); SAP takes up to an hour to consider a changed role, and tokens keep their old roles until they expire"
            )),
        }
    }

    pub(super) fn refused(&self, ask: &Ask<'_>, answer: &Answer, text: &str) -> TenantError {
        TenantError {
            kind: if answer.status == 404 {
                Kind::NotFound
            } else {
                Kind::Refused
            },
            what: "the tenant refused the call".to_owned(),
            at: format!("{} → {}", self.at(ask), answer.status),
            says: Some(Words::new(text, &self.redactor)),
            hint: remedy(answer.status, text),
        }
    }

    pub(super) fn no_csrf(&self, answer: &Answer) -> TenantError {
        let (kind, what) = match answer.status {
            401 => (Kind::Credentials, "the tenant did not take the credentials"),
            403 => (Kind::Role, "the tenant gave no CSRF token"),
            408 | 421 | 425 | 429 | 500.. => (Kind::Unreachable, "the tenant is not available"),
            _ => (Kind::Nonsense, "the tenant gave no CSRF token"),
        };
        TenantError {
            kind,
            what: what.to_owned(),
            at: format!("GET {} → {}", self.credentials.url.api(""), answer.status),
            says: page_words(answer, &self.redactor),
            hint: Some("a login page here means that this host or user takes part in single sign-on: use a service key of plan `api`".to_owned()),
        }
    }
}

/// The error of a request that got no answer.
pub(super) fn not_reached(
    error: &SendError,
    method: &str,
    url: &str,
    redactor: &Redactor,
) -> TenantError {
    let what = match error.stage {
        Stage::Local => "the request could not be made",
        Stage::Resolve => "the host name is not known",
        Stage::Proxy => "the proxy did not let us through",
        Stage::Connect => "there is no connection",
        Stage::Tls => "the encrypted connection (TLS) failed",
        Stage::Send | Stage::Head | Stage::Body if error.timed_out => {
            "the answer did not come in time"
        }
        Stage::Send | Stage::Head | Stage::Body => "the connection broke",
    };
    TenantError {
        kind: Kind::Unreachable,
        what: what.to_owned(),
        at: format!("{method} {url}"),
        says: Some(Words::new(error.reason(), redactor)),
        hint: None,
    }
}

pub(super) fn no_temporary_file(error: &std::io::Error) -> TenantError {
    TenantError {
        kind: Kind::Unreachable,
        what: format!("no temporary file could be written: {error}"),
        at: "the directory for temporary files (TMPDIR)".to_owned(),
        says: None,
        hint: Some("make room there, or let TMPDIR name another directory".to_owned()),
    }
}
