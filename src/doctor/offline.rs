//! What can be told without sending anything: variables, the key, its plan, the landscape, certificates.

use std::path::Path;
use std::time::SystemTime;

use super::finding::{Diagnosis, Topic};
use super::remedy;
use super::uses::Use;
use crate::exit::Exit;
use crate::http::{CertificateFacts, HttpError};
use crate::settings::credentials::{
    ClientProof, Credentials, CredentialsError, KeyError, Login, ServiceKey, VariableNames,
    looks_like_a_client, scrubbed,
};
use crate::settings::environment::Environment;
use crate::settings::landscape::{self, Host};
use crate::text::nearest;

/// The variables that hold credentials, below their prefix, and whether their value may be shown.
const VARIABLES: [(&str, ShownPart); 9] = [
    ("SERVICE_KEY", ShownPart::Length),
    ("URL", ShownPart::Length),
    ("TOKEN_URL", ShownPart::Length),
    ("CLIENT_ID", ShownPart::Beginning),
    ("CLIENT_SECRET", ShownPart::Length),
    ("CLIENT_KEY_FILE", ShownPart::Length),
    ("USERNAME", ShownPart::Beginning),
    ("PASSWORD", ShownPart::Length),
    ("RUNTIME_LOCATION", ShownPart::Id),
];
/// Variables of the same prefix that hold no credentials.
const OTHERS: [&str; 1] = ["CA_FILE"];
/// Ids of runtime locations are words of people, in characters.
const LONGEST_ID: usize = 40;
/// The plan that deploying needs.
const PLAN_API: &str = "api (Process Integration Runtime)";
/// A certificate that ends sooner is warned about, in days.
pub const SOON: i64 = 30;

/// How much of a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ShownPart {
    Length,
    Beginning,
    /// Whole, where it can be an id.
    Id,
}

/// Whether a value looks like the id of a runtime location, and not like a secret in the wrong variable.
fn is_id(value: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    value.len() <= LONGEST_ID && value.bytes().all(legal)
}

/// What is examined.
pub struct Offline<'a> {
    /// The variables.
    pub environment: &'a Environment,
    /// Paths of files start here.
    pub directory: &'a Path,
    /// How the variables are called.
    pub names: &'a VariableNames,
    /// What the key is to be used for.
    pub wanted: Use,
    /// The date.
    pub now: SystemTime,
}

impl Offline<'_> {
    /// Everything that can be told, and the credentials where they can be used at all.
    pub fn examine(&self) -> (Vec<Diagnosis>, Option<Credentials>) {
        let text = self.environment.get(&self.names.of("SERVICE_KEY"));
        let found = text.and_then(|text| ServiceKey::find(text, self.directory).ok());
        let mut findings = vec![self.variables()];
        findings.extend(self.empty());
        let misspelt = self.misspelt();
        let may_be_misspelt = misspelt.is_some();
        findings.extend(misspelt);
        findings.extend(found.as_ref().map(key));
        match Credentials::from_named(self.environment, self.directory, self.names) {
            Ok(credentials) => {
                findings.extend(self.of_credentials(&credentials));
                (findings, Some(credentials))
            }
            Err(error) => {
                let mut finding = self.unusable(&error, found.is_some());
                // names come first: with the right ones there may be nothing left to fix
                if may_be_misspelt {
                    finding.fixes.clear();
                    finding.effective = None;
                }
                findings.push(finding);
                (findings, None)
            }
        }
    }

    fn of_credentials(&self, credentials: &Credentials) -> Vec<Diagnosis> {
        let mut findings = Vec::new();
        if let Login::ClientCredentials { client_id, .. } = &credentials.login {
            // the client ids of plan `api` are `sb-...|it!b1` (cpi-api.md §1.1); those of other plans were refused
            findings.push(if client_id.contains("|it!") {
                Topic::Plan.ok(PLAN_API)
            } else {
                Topic::Plan.note("the client id does not tell the plan; the token may")
            });
        }
        findings.push(landscape_of(credentials));
        findings.extend(addresses(credentials));
        findings.extend(short_secret(credentials));
        findings.extend(client_as_user(credentials));
        let certificate = credentials.certificate();
        findings.extend(certificate.map(|(one, _)| certificate_of(&one.chain, self.now)));
        findings
    }

    fn variables(&self) -> Diagnosis {
        let all = VARIABLES.iter();
        let set = all.filter_map(|(name, shown)| self.describe(&self.names.of(name), *shown));
        let set: Vec<String> = set.collect();
        if set.is_empty() {
            let names = self.names.of("...");
            return Topic::Variables.note(format!("no variable {names} is set"));
        }
        Topic::Variables.ok(set.join(", "))
    }

    /// Variables that are set to nothing: a secret that this run may not see, most often.
    fn empty(&self) -> Option<Diagnosis> {
        let names = VARIABLES.iter().map(|(name, _)| self.names.of(name));
        let empty: Vec<String> = names
            .filter(|name| self.environment.is_empty(name))
            .collect();
        (!empty.is_empty()).then(|| {
            Topic::Variables.warning(format!("set, but empty, which counts as unset: {}", empty.join(", ")))
            .means("in a pipeline, secrets are empty where a run may not see them")
            .fix("GitHub: runs of forks and jobs without the environment see no secrets; GitLab: protected variables are for protected branches; Jenkins: the id of withCredentials")
        })
    }

    /// `CPI_CLIENT_SECRET (set, 36 characters)`.
    fn describe(&self, name: &str, shown: ShownPart) -> Option<String> {
        let Ok(value) = self.environment.get_checked(name) else {
            return Some(format!("{name} (set, but no UTF-8 text)"));
        };
        let value = value?.trim();
        let told = match shown {
            ShownPart::Beginning => scrubbed(value),
            ShownPart::Id if is_id(value) => value.to_owned(),
            ShownPart::Length | ShownPart::Id => {
                format!("set, {} characters", value.chars().count())
            }
        };
        Some(format!("{name} ({told})"))
    }

    /// Variables of the same prefix that nothing reads: most often a name from another tool.
    fn misspelt(&self) -> Option<Diagnosis> {
        let names = VARIABLES.iter().map(|(name, _)| *name).chain(OTHERS);
        let known: Vec<String> = names.map(|name| self.names.of(name)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let prefix = self.names.of("");
        let own = self
            .environment
            .names()
            .filter(|name| name.starts_with(&prefix));
        let strangers = own.filter(|name| !known.contains(name)).map(|name| {
            match nearest(name, known.iter().copied()) {
                Some(known) => format!("{name} (did you mean {known}?)"),
                None => name.to_owned(),
            }
        });
        let strangers: Vec<String> = strangers.collect();
        (!strangers.is_empty()).then(|| {
            Topic::Variables
                .warning(format!("nothing reads {}", strangers.join(", ")))
                .fix("rename what is misspelt")
        })
    }

    /// Why there are no credentials. `has_key`: a service key was found.
    fn unusable(&self, error: &CredentialsError, has_key: bool) -> Diagnosis {
        let (subject, needs_key) = match error {
            CredentialsError::Nothing { .. } => (Topic::Variables, true),
            CredentialsError::Key { error, .. } => match error {
                KeyError::MissingFields(_) => (Topic::Key, true),
                error if error.plan().is_some() => (Topic::Plan, true),
                _ => (Topic::Key, false),
            },
            CredentialsError::Address { .. } => (Topic::Addresses, false),
            CredentialsError::NoPrivateKey { .. }
            | CredentialsError::NoCertificate { .. }
            | CredentialsError::KeyFile { .. } => (Topic::Certificate, false),
            CredentialsError::Location { .. } => (Topic::Landscape, false),
            _ => (Topic::Variables, false),
        };
        let mut finding = subject.failed(Exit::Usage, error.to_string());
        if let CredentialsError::Key { error, .. } = error
            && let Some(plan) = error.plan().filter(|_| has_key)
        {
            finding = finding.means(format!("the plan is {plan}; deploying needs {PLAN_API}"));
        }
        if needs_key {
            return finding
                .fixes(remedy::create_key(self.wanted))
                .effective(remedy::KEY_EFFECTIVE);
        }
        finding
    }
}

/// What keeps this machine from sending anything: a file or variable of its network.
pub fn no_network(error: &HttpError) -> Diagnosis {
    let subject = match error {
        HttpError::CaFile { .. } => Topic::Trust,
        HttpError::Proxy { .. } => Topic::Proxy,
        HttpError::ClientCertificate { .. } => Topic::Certificate,
        HttpError::NotText(_) => Topic::Variables,
    };
    subject.failed(Exit::Usage, error.to_string())
}

/// The shape of a key.
fn key(key: &ServiceKey) -> Diagnosis {
    let wrapper = match key.wrapper.as_str() {
        "" => "flat".to_owned(),
        name => format!("wrapped in `{name}`"),
    };
    let fields = key.fields();
    let fields = fields.map(|(name, length)| format!("{name} ({length} characters)"));
    let says = format!(
        "{}, {wrapper}, of type {}; {}",
        key.form,
        key.kind(),
        fields.collect::<Vec<_>>().join(", ")
    );
    match key.missing().as_slice() {
        [] => Topic::Key.ok(says),
        names => Topic::Key.note(format!("{says}; missing: {}", names.join(", "))),
    }
}

fn landscape_of(credentials: &Credentials) -> Diagnosis {
    let url = &credentials.url;
    let says = match Host::of(url.host()) {
        _ if credentials.is_neo() => {
            "Neo (older landscape: writing calls need a CSRF token, roles have other names)"
                .to_owned()
        }
        Host::Tenant { subdomain, region } => {
            format!("Cloud Foundry, region {region}, subdomain {subdomain}")
        }
        Host::Loopback => "this machine (a simulated tenant?)".to_owned(),
        _ => "unknown: a custom domain, or a gateway".to_owned(),
    };
    let edge = match credentials.runtime_location() {
        Some(location) => {
            format!("; run-time calls go to the location {location} (Edge Integration Cell)")
        }
        None => String::new(),
    };
    Topic::Landscape.ok(format!("{says}{edge}; tenant {url}"))
}

/// Tenant and token service, where their names tell something.
fn addresses(credentials: &Credentials) -> Option<Diagnosis> {
    let Login::ClientCredentials { token_url, .. } = &credentials.login else {
        return None;
    };
    let mismatch = landscape::mismatch(credentials.url.host(), token_url.host());
    Some(match mismatch {
        None => Topic::Addresses.ok(format!("token service {}", token_url.host()),
        ),
        Some(mismatch) => Topic::Addresses.warning(format!(
                "tenant {} and token service {} do not belong together",
                credentials.url.host(),
                token_url.host()
            ),
        )
        .means(format!("{mismatch}; the tenant will not take the token (401)"))
        .fix("take all values from one service key, that of the tenant; best the whole key in CPI_SERVICE_KEY"),
    })
}

/// Secrets of the token service are `<uuid>$<random>`: a shell that met them in double quotes leaves the first half.
fn short_secret(credentials: &Credentials) -> Option<Diagnosis> {
    let Login::ClientCredentials {
        proof: ClientProof::Secret(secret),
        ..
    } = &credentials.login
    else {
        return None;
    };
    let secret = secret.expose();
    let is_digit = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let is_half = secret.len() == 36 && secret.bytes().enumerate().all(is_digit);
    is_half.then(|| {
        Topic::Key.warning("the client secret has 36 characters and no `$`; those of service keys usually go on after a `$`",
        )
        .means("a shell may have taken the rest for a variable")
        .fix("set the variable in single quotes, or paste it into the CI system's own form; GitLab: switch off `Expand variable reference`")
    })
}

fn client_as_user(credentials: &Credentials) -> Option<Diagnosis> {
    let Login::Basic { username, .. } = &credentials.login else {
        return None;
    };
    looks_like_a_client(username).then(|| {
        Topic::Key.warning("the user name looks like the client id of a service key",
        )
        .means("basic authentication with client id and secret does not work for the API")
        .fix("put the whole service key into CPI_SERVICE_KEY, and unset CPI_USERNAME and CPI_PASSWORD")
    })
}

/// Until when the certificate is valid, in days.
fn certificate_of(chain: &str, now: SystemTime) -> Diagnosis {
    let Some(facts) = CertificateFacts::of_pem(chain) else {
        return Topic::Certificate
            .failed(Exit::Usage, "the certificate cannot be read")
            .fix("it must be PEM (-----BEGIN CERTIFICATE-----), as it stands in the key");
    };
    let days = facts.days_left(now);
    let name = &facts.subject;
    if facts.valid_from > now {
        return Topic::Certificate
            .warning(format!("{name}: not valid yet"))
            .fix("set the clock of this machine right, or wait");
    }
    let finding = match days {
        ..0 => Topic::Certificate
            .failed(Exit::Refused, format!("{name}: expired {} days ago", -days))
            .means("the token service does not accept it any more"),
        0..SOON => Topic::Certificate.warning(format!("{name}: expires in {days} days")),
        _ => return Topic::Certificate.ok(format!("{name}: expires in {days} days")),
    };
    finding
        .fixes(remedy::new_certificate())
        .effective(remedy::KEY_EFFECTIVE)
}
