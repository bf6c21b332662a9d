//! From answers that are none to errors that explain themselves: what happened, where, why, what to do next.

use super::Tenant;
use super::distrust::{Circumstances, Distrust, likely_cause};
use super::error::{FORBIDDING_PAGE, Kind, TenantError, remedy};
use super::exchange::Ask;
use super::meaning::told;
use super::odata;
use super::roles::{Claims, Holding, Role};
use crate::http::{Answer, SendError, Stage};
use crate::settings::credentials::{Login, looks_like_a_client};
use crate::text::Words;
use crate::text::redactor::Redactor;

/// Shorter values, in bytes, are no secrets, and stand in ordinary words.
const LONG_ENOUGH: usize = 4;

const NOT_TAKEN: &str = "the tenant did not take the credentials";
const NOT_AVAILABLE: &str = "the tenant is not available";

impl Tenant {
    pub(crate) fn at(&self, ask: &Ask<'_>) -> String {
        let path = ask.path.split('?').next().unwrap_or_default();
        format!("{} {}", ask.method.name(), self.root_of(ask).api(path))
    }

    pub(crate) fn unreachable(&self, ask: &Ask<'_>, error: &SendError) -> TenantError {
        not_reached(error, self.at(ask), &self.redactor)
    }

    /// An error that an answer means.
    fn answered(
        &self,
        kind: Kind,
        what: impl Into<String>,
        ask: &Ask<'_>,
        answer: &Answer,
    ) -> TenantError {
        let at = format!("{} → {}", self.at(ask), answer.status);
        TenantError::new(kind, what, at)
    }

    /// What an error body of the API says, and nothing of any other.
    fn spoken(&self, answer: &Answer) -> Option<Words> {
        let text = odata::error_text(&answer.body)?;
        Some(self.words(&text))
    }

    pub(crate) fn throttled(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let what = "the tenant's rate limit left no room";
        self.answered(Kind::Unreachable, what, ask, answer)
            .says(self.spoken(answer))
            .hint("other pipelines or users share the tenant's limit: run them one after the other, or give this one a longer --timeout")
    }

    pub(crate) fn down(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        self.answered(Kind::Unreachable, NOT_AVAILABLE, ask, answer)
            .says(told(answer, &self.redactor))
            .hint("SAP announces maintenance and incidents for each data centre; run again later")
    }

    pub(crate) fn nonsense(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let what = if answer.is_html() {
            "a web page came instead of an answer of the API"
        } else {
            "the answer is none that this call gives"
        };
        self.answered(Kind::Nonsense, what, ask, answer)
            .says(told(answer, &self.redactor))
            .hint("CPI_URL must be the `url` of a service key of plan `api`; the host of the runtime, of the web UI behind a login, or of a proxy answers like this")
    }

    pub(crate) fn unauthorized(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        self.answered(Kind::Credentials, NOT_TAKEN, ask, answer)
            .says(self.spoken(answer))
            .hint(self.why_not_taken(answer))
    }

    /// What the token in force tells.
    fn claims_in_force(&self) -> Claims {
        let session = self.session();
        let token = session.token.as_ref();
        token.map(|token| token.claims.clone()).unwrap_or_default()
    }

    /// Which of key, plan, tenant or clock is the likely cause of a 401.
    fn why_not_taken(&self, answer: &Answer) -> String {
        match &self.credentials.login {
            Login::Basic { username, .. } if looks_like_a_client(username) => {
                "client id and secret of a service key are no user: give the whole key as CPI_SERVICE_KEY, or its values as CPI_TOKEN_URL, CPI_CLIENT_ID and CPI_CLIENT_SECRET".to_owned()
            }
            Login::Basic { .. } => {
                "check user and password; the user must be known to this tenant, and multi-factor sign-on keeps users out: a service key of plan `api` works without".to_owned()
            }
            Login::ClientCredentials { token_url, .. } => {
                let claims = self.claims_in_force();
                let cause = likely_cause(&Circumstances {
                    tenant: self.credentials.url.host(),
                    token_service: token_url.host(),
                    claims: &claims,
                    tenant_time: answer.date(),
                    own_time: self.clock.date(),
                });
                cause.hint()
            }
        }
    }

    pub(crate) fn forbidden(&self, ask: &Ask<'_>, answer: &Answer) -> TenantError {
        let role = self.name_of(ask.role);
        if answer.is_html() {
            return self.answered(Kind::Role, FORBIDDING_PAGE, ask, answer)
                .says(told(answer, &self.redactor))
                .hint(format!(
                    "a firewall or proxy on the way says so most of the time: ask its operators; the tenant itself forbids without a page, when {role} is missing"
                ));
        }
        let what = format!("the role {role} is missing");
        self.answered(Kind::Role, what, ask, answer)
            .says(self.spoken(answer))
            .hint(self.how_to_be_allowed(ask.role))
    }

    /// The name of a role in this landscape.
    pub fn name_of(&self, role: Role) -> String {
        if self.credentials.is_neo() {
            role.older_names().join(" and ")
        } else {
            role.name().to_owned()
        }
    }

    fn how_to_be_allowed(&self, role: Role) -> String {
        let (name, claims) = (self.name_of(role), self.claims_in_force());
        if claims.is_of_caller() {
            return Distrust::CallersToken.hint();
        }
        if self.credentials.is_neo() {
            let user = match &self.credentials.login {
                Login::ClientCredentials { client_id, .. } => {
                    format!("the user oauth_client_{client_id}")
                }
                Login::Basic { .. } => "the user".to_owned(),
            };
            return format!(
                "assign {name} to {user} in the subaccount's cockpit under Security > Authorizations; it takes effect with the next token"
            );
        }
        if matches!(self.credentials.login, Login::Basic { .. }) {
            return format!(
                "give the user a role collection with {name} in the subaccount's cockpit under Security > Users"
            );
        }
        let held = match claims.holds(role) {
            Holding::Held => {
                " The token names this role, and the tenant does not grant it: the role is new, or the key is another tenant's."
            }
            Holding::Lacking | Holding::Unknown => "",
        };
        format!(
            "add {name} to the roles of the service instance (plan `api`); SAP takes up to an hour to consider a changed role, and tokens keep their old roles until they expire.{held} `flowship doctor` shows the commands"
        )
    }

    pub(crate) fn no_api(&self) -> TenantError {
        let at = format!(
            "GET {} → 404",
            self.credentials.url.api("IntegrationPackages")
        );
        TenantError::new(Kind::Nonsense, "this host answers, but is no tenant's API", at)
            .hint("CPI_URL must be the `url` of a service key of plan `api`; the runtime's host (`-rt`) does not serve this API")
    }

    pub(crate) fn refused(&self, ask: &Ask<'_>, answer: &Answer, text: &str) -> TenantError {
        let kind = if answer.status == 404 {
            Kind::NotFound
        } else {
            Kind::Refused
        };
        let says = if text.is_empty() {
            told(answer, &self.redactor)
        } else {
            Some(self.own_words(ask, text))
        };
        TenantError {
            hint: remedy(answer.status, text),
            ..self
                .answered(kind, "the tenant refused the call", ask, answer)
                .says(says)
        }
    }

    /// What the API says of a call, without the value that the call bore.
    pub fn own_words(&self, ask: &Ask<'_>, text: &str) -> Words {
        match ask.value {
            Some(value) if value.len() >= LONG_ENOUGH => self.words(&text.replace(value, "***")),
            _ => self.words(text),
        }
    }

    pub(crate) fn no_csrf(&self, answer: &Answer) -> TenantError {
        let (kind, what) = match answer.status {
            401 => (Kind::Credentials, NOT_TAKEN),
            403 => (Kind::Role, "the tenant gave no CSRF token"),
            408 | 421 | 425 | 429 | 500.. => (Kind::Unreachable, NOT_AVAILABLE),
            _ => (Kind::Nonsense, "the tenant gave no CSRF token"),
        };
        let at = format!("GET {} → {}", self.credentials.url.api(""), answer.status);
        TenantError::new(kind, what, at)
            .says(told(answer, &self.redactor))
            .hint("a login page here means that this host or user takes part in single sign-on: use a service key of plan `api`")
    }
}

/// The error of a request that got no answer.
pub fn not_reached(error: &SendError, at: String, redactor: &Redactor) -> TenantError {
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
    let says = Some(Words::new(error.reason(), redactor));
    let failed = TenantError::new(Kind::Unreachable, what, at).says(says);
    if !error.refused_certificate {
        return failed;
    }
    TenantError {
        kind: Kind::Credentials,
        ..failed.hint("the certificate of the service key has expired, was revoked, or belongs to another instance: create a new key of type certificate")
    }
}

pub fn no_temporary_file(error: &std::io::Error) -> TenantError {
    let what = format!("no temporary file could be written: {error}");
    let at = "the directory for temporary files (TMPDIR)";
    TenantError::new(Kind::Unreachable, what, at)
        .hint("make room there, or let TMPDIR name another directory")
}
