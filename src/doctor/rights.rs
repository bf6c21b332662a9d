//! What the tenant lets this key do: the token, its roles, one harmless read for each area of the API.

use super::finding::{Diagnosis, Topic};
use super::uses::Use;
use super::{Online, remedy};
use crate::clock::iso;
use crate::exit::Exit;
use crate::settings::credentials::Login;
use crate::settings::landscape::Host;
use crate::tenant::distrust::apart;
use crate::tenant::error::{FORBIDDING_PAGE, Kind, TenantError};
use crate::tenant::peek::{Area, Peek};
use crate::tenant::roles::{Claims, Holding, Role};

/// How many scopes are repeated.
const MOST_SCOPES: usize = 6;

impl Online<'_> {
    /// Asks the tenant, and tells each finding as soon as it is known.
    pub(super) fn rights(&self, tell: &mut dyn FnMut(Diagnosis)) {
        let claims = match self.tenant.claims(self.deadline) {
            Ok(claims) => claims,
            Err(error) => return tell(self.no_token(&error)),
        };
        tell(self.token(claims.as_ref()));
        let claims = claims.unwrap_or_default();
        self.roles(&claims).into_iter().for_each(&mut *tell);
        let all_is_well = self.areas(&claims, tell);
        if all_is_well {
            self.csrf().into_iter().for_each(&mut *tell);
            tell(self.policies(&claims));
        }
        self.clocks().into_iter().for_each(&mut *tell);
        self.rate().into_iter().for_each(&mut *tell);
        tell(self.which_tenant(&claims));
    }

    fn no_token(&self, error: &TenantError) -> Diagnosis {
        let finding = failure(Topic::Token, error);
        let says = error.says.as_ref().map(ToString::to_string);
        let about_grant = says.is_some_and(|says| says.to_lowercase().contains("grant type"));
        match error.kind {
            Kind::Credentials | Kind::Role if self.credentials.is_neo() => finding
                .means("the token service does not know this client with this secret")
                .fixes(remedy::client_on_neo()),
            Kind::Credentials | Kind::Role if about_grant => finding
                .means("the instance was made without the grant type client_credentials")
                .fixes(remedy::add_roles(self.wanted, &[], None))
                .effective(remedy::KEY_EFFECTIVE),
            Kind::Credentials | Kind::Role => finding
                .means("the token service does not know this client with this secret: the key was deleted or renewed, values of two keys are mixed, or the secret was cut")
                .fix("copy the whole key again, unchanged, in single quotes or through a file; if that does not help, create a new one")
                .fixes(remedy::new_key())
                .effective(remedy::KEY_EFFECTIVE),
            Kind::Unreachable => finding.fix("try again in some minutes; SAP announces incidents for each region"),
            Kind::Refused | Kind::NotFound | Kind::Nonsense => finding
                .means("the address is not that of the token service")
                .fix("CPI_TOKEN_URL must be the `tokenurl` of the service key; on Cloud Foundry it ends in /oauth/token"),
        }
    }

    fn token(&self, claims: Option<&Claims>) -> Diagnosis {
        let who = self.credentials.login.who();
        let Some(claims) = claims else {
            return Topic::Token.ok(format!("none is needed: basic authentication as {who}"));
        };
        let valid = match (claims.issued, claims.expires) {
            (Some(issued), Some(expires)) => {
                format!(", valid for {}", span(expires.saturating_sub(issued)))
            }
            _ => String::new(),
        };
        let scopes = match &claims.scopes {
            None => "it does not tell its roles".to_owned(),
            Some(_) => format!("{} roles", claims.roles().len()),
        };
        let says = format!("issued for {who}{valid}; {scopes}");
        let (service, means) = if claims.is_of_caller() {
            (
                "ESBMessaging.send",
                "the key is of plan integration-flow: it can only call flows, not deploy them",
            )
        } else if claims.is_of_api_management() {
            (
                "API Management",
                "the key is one of API Management, which knows nothing of integration flows",
            )
        } else {
            return Topic::Token.ok(says);
        };
        Topic::Token
            .failed(Exit::Refused, format!("{says} ({service})"))
            .means(means)
            .fixes(remedy::create_key(self.wanted))
            .effective(remedy::KEY_EFFECTIVE)
    }

    /// Roles in the token against what the use needs, and what else they are enough for.
    fn roles(&self, claims: &Claims) -> Vec<Diagnosis> {
        if claims.is_of_caller() || claims.is_of_api_management() {
            return Vec::new();
        }
        if claims.is_without_roles() {
            return vec![self.without_roles(claims)];
        }
        let needed = self.wanted.roles();
        let lacking = claims.lacking(needed);
        let unknown = with(needed, claims, Holding::Unknown);
        let name = self.wanted.name();
        let finding = if !lacking.is_empty() {
            let words: Vec<&str> = lacking.iter().map(|role| role.purpose()).collect();
            self.missing(Topic::Roles, &lacking, claims).means(format!(
                "without it `flowship {name}` could not {}",
                words.join("; ")
            ))
        } else if unknown.is_empty() {
            Topic::Roles.ok(format!(
                "{name} has all it needs: {}",
                claims.in_words(needed)
            ))
        } else {
            self.untold(&unknown, claims)
        };
        std::iter::once(finding)
            .chain(self.other_uses(claims))
            .collect()
    }

    /// The token does not tell about these roles.
    fn untold(&self, unknown: &[Role], claims: &Claims) -> Diagnosis {
        let names: Vec<String> = unknown
            .iter()
            .map(|role| self.tenant.name_of(*role))
            .collect();
        let others: Vec<String> = claims
            .unknown_scopes()
            .map(|scope| self.tenant.words(scope).to_string())
            .take(MOST_SCOPES)
            .collect();
        let beside = match others.as_slice() {
            [] => "it names no roles".to_owned(),
            names => format!("it names {}", names.join(", ")),
        };
        let says = format!(
            "the token does not tell about {} ({beside}); the tenant decides, and reads show it as far as reads can",
            names.join(", ")
        );
        Topic::Roles.note(says)
    }

    /// A note on a token without any role: the tenant decides, but it will hardly decide otherwise.
    fn without_roles(&self, claims: &Claims) -> Diagnosis {
        let subaccount = claims.subaccount.as_deref();
        Topic::Roles
            .warning("the token names no role of this service at all")
            .fixes(remedy::add_roles(self.wanted, &[], subaccount))
            .effective(remedy::ROLES_EFFECTIVE)
            .means(format!(
                "the service instance was made without roles; {} needs {}",
                self.wanted.name(),
                remedy::names(self.wanted.roles())
            ))
    }

    /// The finding that roles are missing, with its cure.
    fn missing(&self, subject: Topic, missing: &[Role], claims: &Claims) -> Diagnosis {
        let name = self.wanted.name();
        let finding = |names: &str| subject.failed(Exit::Refused, format!("{name} lacks {names}"));
        match &self.credentials.login {
            Login::ClientCredentials { .. } if self.credentials.is_neo() => {
                finding(&remedy::names_on_neo(missing))
                    .fixes(remedy::add_roles_on_neo(missing))
                    .effective("with the next token")
            }
            Login::Basic { .. } => finding(&remedy::names(missing))
                .fixes(remedy::add_roles_to_user(missing))
                .effective("with the user's next logon"),
            Login::ClientCredentials { .. } => {
                let held = with(&Role::ALL, claims, Holding::Held);
                let subaccount = claims.subaccount.as_deref();
                finding(&remedy::names(missing))
                    .fixes(remedy::add_roles(self.wanted, &held, subaccount))
                    .effective(remedy::ROLES_EFFECTIVE)
            }
        }
    }

    fn other_uses(&self, claims: &Claims) -> Option<Diagnosis> {
        if claims.roles().is_empty() {
            return None;
        }
        let others = Use::ALL.into_iter().filter(|one| *one != self.wanted);
        let words: Vec<String> = others
            .map(|one| {
                let (name, roles) = (one.name(), one.roles());
                match claims.lacking(roles).as_slice() {
                    [] if with(roles, claims, Holding::Held).len() < roles.len() => {
                        format!("{name} unknown")
                    }
                    [] => format!("{name} yes"),
                    lacking => format!("{name} no ({})", remedy::names(lacking)),
                }
            })
            .collect();
        let says = format!(
            "for other uses, as far as the token tells: {}",
            words.join(", ")
        );
        Some(Topic::Roles.note(says))
    }

    /// One harmless read for each area; whether all that this use needs were let through.
    fn areas(&self, claims: &Claims, tell: &mut dyn FnMut(Diagnosis)) -> bool {
        let areas = [
            (Topic::Packages, Area::Packages),
            (Topic::Runtime, Area::Runtime),
            (Topic::Tasks, Area::Tasks),
        ];
        let mut well = true;
        let mut ended = false;
        for (subject, area) in areas {
            let needed = self.wanted.roles().contains(&area.role());
            let why = match claims.holds(area.role()) {
                _ if ended => Some("not looked at, because of what failed before".to_owned()),
                Holding::Lacking => {
                    Some(format!("not looked at: {} is missing", area.role().name()))
                }
                Holding::Held | Holding::Unknown => None,
            };
            if let Some(why) = why {
                tell(subject.skipped(why));
                continue;
            }
            match self.tenant.peek(area, self.deadline) {
                Ok(peek) => tell(let_through(subject, area, peek)),
                Err(error) => {
                    let about_role = error.kind == Kind::Role;
                    ended = !about_role;
                    well &= about_role && !needed;
                    tell(self.refused(subject, area, &error, needed, claims));
                }
            }
        }
        well && !ended
    }

    fn refused(
        &self,
        subject: Topic,
        area: Area,
        error: &TenantError,
        needed: bool,
        claims: &Claims,
    ) -> Diagnosis {
        let role = area.role();
        match error.kind {
            Kind::Role if !needed => subject.note(format!(
                    "refused: {} is missing, which {} does not need",
                    role.name(),
                    self.wanted.name()
                ),
            ),
            Kind::Role if error.what == FORBIDDING_PAGE => failed(subject, error),
            Kind::Role => {
                let finding = self.missing(subject, &[role], claims);
                let mut means = format!("it lets a key {}", role.purpose());
                if claims.holds(role) == Holding::Held {
                    means.push_str("; the token names it, but the tenant does not grant it: it is new, or the key is another tenant's");
                }
                Diagnosis {
                    says: format!("{} ({})", finding.says, error.at),
                    ..finding.means(means)
                }
            }
            Kind::Credentials => self.not_taken(subject, error),
            Kind::Nonsense if area == Area::Runtime && self.credentials.runtime_location().is_some() => {
                failure(subject, error)
                    .means("this runtime location does not answer: its id is misspelt, or the cell is down")
                    .fix("CPI_RUNTIME_LOCATION must be the id of a runtime location (web UI: Operations Cockpit > Runtime Locations); unset it for flows that run in the cloud")
            }
            Kind::Unreachable => failed(subject, error)
                .fix("try again in some minutes; SAP announces incidents and maintenance for each region"),
            Kind::Refused | Kind::NotFound | Kind::Nonsense => failure(subject, error)
                .means("this host is not the API of a tenant: the address is that of the run time (plan integration-flow), of the web UI, of a login page, or misspelt")
                .fix("CPI_URL must be the `url` of a service key of plan api; remove `-rt` from the second part of the host's name if it is there"),
        }
    }

    /// A 401 of the tenant itself: another key is the cure, most of the time.
    fn not_taken(&self, subject: Topic, error: &TenantError) -> Diagnosis {
        let finding = failed(subject, error);
        match &self.credentials.login {
            Login::ClientCredentials { .. } if !self.credentials.is_neo() => finding
                .fixes(remedy::new_key())
                .effective(remedy::KEY_EFFECTIVE),
            Login::ClientCredentials { .. } => finding.fixes(remedy::client_on_neo()),
            Login::Basic { .. } => finding,
        }
    }

    /// Basic authentication and Neo need a CSRF token for the first write.
    fn csrf(&self) -> Option<Diagnosis> {
        if !self.credentials.wants_csrf() || !self.wanted.writes() {
            return None;
        }
        Some(match self.tenant.fetch_csrf(self.deadline) {
            Ok(()) => Topic::Csrf.ok("given, as writing calls need it here"),
            Err(error) => failed(Topic::Csrf, &error),
        })
    }

    /// What an access policy hides looks as if it were not there (cpi-api.md §1.4).
    fn policies(&self, claims: &Claims) -> Diagnosis {
        let subject = Topic::AccessPolicies;
        if claims.sees_all_artifacts() == Some(true) {
            return subject
                .ok("AccessAllAccessPoliciesArtifacts is held: no policy hides an artifact");
        }
        if self.credentials.is_neo() {
            return subject.note("artifacts under an access policy would look missing, unless AccessPoliciesArtifacts.AccessAll is assigned");
        }
        let may_look = claims
            .roles()
            .iter()
            .any(|scope| scope.ends_with(".AccessPoliciesRead"));
        let peek = || self.tenant.peek(Area::AccessPolicies, self.deadline);
        let there_are = may_look && matches!(peek(), Ok(Peek::Open { some: true }));
        let finding = if there_are {
            subject.warning("this tenant has access policies, and the key does not hold AccessAllAccessPoliciesArtifacts")
        } else {
            subject.note("artifacts under an access policy would look missing: the key does not show AccessAllAccessPoliciesArtifacts")
        };
        finding
            .fix("if the tenant uses access policies, add AccessAllAccessPoliciesArtifacts to the roles of the instance; it shows no payloads")
    }

    fn clocks(&self) -> Option<Diagnosis> {
        let (theirs, ours) = self.tenant.seen().clocks?;
        let Some(apart) = apart(ours, theirs) else {
            let says = "the same as the tenant's, within two minutes";
            return Some(Topic::Clock.ok(says));
        };
        let says = format!("this machine is {apart} the tenant");
        let finding = Topic::Clock.warning(says)
            .means("certificates may look expired or not yet valid; verdicts do not depend on it, they compare the tenant's dates only")
            .fix("let the machine set its clock by the network: sudo timedatectl set-ntp true (Linux), w32tm /resync (Windows)");
        Some(finding)
    }

    fn rate(&self) -> Option<Diagnosis> {
        let left = self.tenant.seen().rate_left?;
        Some(Topic::RateLimit.note(left))
    }

    /// Nothing in the API names the stage, so everything that may tell a person is shown.
    fn which_tenant(&self, claims: &Claims) -> Diagnosis {
        let host = self.credentials.url.host();
        let mut says = host.to_owned();
        if let Host::Tenant { region, .. } = Host::of(host) {
            says += &format!(", region {region}");
        }
        if let Some(subdomain) = &claims.subdomain {
            says += &format!(", subaccount {}", self.tenant.words(subdomain));
        }
        if let Some(id) = &claims.subaccount {
            says += &format!(" ({})", self.tenant.words(id));
        }
        says += &format!(", {}", self.credentials.login.who());
        if let Some((theirs, _)) = self.tenant.seen().clocks {
            says += &format!(", its clock {}", iso(crate::clock::epoch_millis(theirs)));
        }
        Topic::Tenant.note(says)
    }
}

fn let_through(subject: Topic, area: Area, peek: Peek) -> Diagnosis {
    let what = match area {
        Area::Packages => "packages can be read",
        Area::Runtime => "what runs can be read",
        Area::Tasks => "deployments can be followed",
        Area::AccessPolicies => "access policies can be read",
    };
    match peek {
        Peek::Open { some: false } if area == Area::Packages => subject.ok(format!(
            "{what}; there are none, or none that this key may see"
        )),
        Peek::Open { .. } => subject.ok(what),
        Peek::NotOffered => subject.note(format!(
            "this tenant does not offer the call ({what} otherwise)"
        )),
    }
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        7200.. => format!("{} h", seconds / 3600),
        120.. => format!("{} minutes", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// An error as a finding: what and where, why, and its own hint.
fn failed(subject: Topic, error: &TenantError) -> Diagnosis {
    let finding = failure(subject, error);
    match &error.hint {
        Some(hint) => finding.fix(hint.clone()),
        None => finding,
    }
}

/// The same without its hint, where more can be said here.
fn failure(subject: Topic, error: &TenantError) -> Diagnosis {
    subject.failed(error.exit(), error.to_string())
}

/// Those of the roles that are held, lacking or unknown.
fn with(roles: &[Role], claims: &Claims, holding: Holding) -> Vec<Role> {
    let roles = roles.iter().copied();
    roles
        .filter(|role| claims.holds(*role) == holding)
        .collect()
}
