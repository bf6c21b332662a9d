//! Why a tenant does not take a token that its own token service issued: the likely cause, from what is known.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::roles::Claims;
use crate::settings::landscape::{self, Host};

/// Clocks that differ by less are no cause of anything.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(120);

/// A token that lives no longer may have expired on its way.
const SHORTEST_LIFE: Duration = Duration::from_secs(5);

/// The likely cause of a 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// A token of plan `integration-flow`.
    CallersToken,
    /// A token of API Management.
    ApiManagement,
    /// Tenant and token service do not belong together.
    OtherTenant(String),
    /// By the tenant's clock the token is not valid any more, or not yet.
    Clock(String),
    /// Nothing that can be seen from here.
    Unknown,
}

/// What is known when a tenant answers 401 to a token.
pub struct Circumstances<'a> {
    /// The tenant's host.
    pub tenant: &'a str,
    /// The token service's host.
    pub token_service: &'a str,
    /// What the token tells.
    pub claims: &'a Claims,
    /// The tenant's `Date`.
    pub tenant_time: Option<SystemTime>,
    /// This machine's date at the same moment.
    pub own_time: SystemTime,
}

/// The likely cause. Pure: dates are data.
pub fn likely_cause(circumstances: &Circumstances<'_>) -> Distrust {
    let claims = circumstances.claims;
    if claims.is_of_caller() {
        return Distrust::CallersToken;
    }
    if claims.is_of_api_management() {
        return Distrust::ApiManagement;
    }
    if let Some(mismatch) = landscape::mismatch(circumstances.tenant, circumstances.token_service) {
        return Distrust::OtherTenant(mismatch);
    }
    if let Some(text) = another_subaccount(circumstances) {
        return Distrust::OtherTenant(text);
    }
    match clock(circumstances) {
        Some(text) => Distrust::Clock(text),
        None => Distrust::Unknown,
    }
}

fn another_subaccount(circumstances: &Circumstances<'_>) -> Option<String> {
    let of_token = circumstances.claims.subdomain.as_deref()?;
    let host = Host::of(circumstances.tenant);
    let of_tenant = host.subdomain()?;
    (of_token != of_tenant).then(|| {
        format!("the token is of the subaccount with the subdomain {of_token}, the tenant of {of_tenant}")
    })
}

fn clock(circumstances: &Circumstances<'_>) -> Option<String> {
    let now = circumstances.tenant_time?;
    let at = |seconds: Option<u64>| UNIX_EPOCH.checked_add(Duration::from_secs(seconds?));
    let issued = at(circumstances.claims.issued);
    let expires = at(circumstances.claims.expires);
    if expires.is_some_and(|expires| expires <= now + SHORTEST_LIFE) {
        return Some("by the tenant's clock the token has expired already".to_owned());
    }
    let early = issued.and_then(|issued| issued.duration_since(now).ok());
    if let Some(early) = early.filter(|early| *early > CLOCKS_DIFFER) {
        return Some(format!(
            "by the tenant's clock the token will be issued in {} s only",
            early.as_secs()
        ));
    }
    apart(circumstances.own_time, now).map(|apart| {
        format!(
            "the clock of this machine is {apart} the tenant's; the token itself gives no reason"
        )
    })
}

/// How one clock differs from another, in words: `15 minutes ahead of`; `None` while it does not matter.
pub fn apart(own: SystemTime, other: SystemTime) -> Option<String> {
    let (apart, word) = match own.duration_since(other) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let seconds = apart.as_secs();
    let how_far = match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7200.. => format!("{} h", seconds / 3600),
        _ => format!("{} minutes", seconds / 60),
    };
    (apart > CLOCKS_DIFFER).then(|| format!("{how_far} {word}"))
}

impl Distrust {
    /// The cause and what to do, as a hint.
    pub fn hint(&self) -> String {
        match self {
            Self::CallersToken => "the key is of plan integration-flow: it can only call flows, not deploy them; create an instance of Process Integration Runtime with plan api, and a key for it".to_owned(),
            Self::ApiManagement => "the key is one of API Management; create an instance of Process Integration Runtime with plan api, and a key for it".to_owned(),
            Self::OtherTenant(why) => format!("{why}: take all values from one service key, that of the tenant"),
            Self::Clock(why) => format!("{why}: set the clock of this machine right; if it is right, the clocks of token service and tenant differ, which no client can mend; else the key belongs to another tenant"),
            Self::Unknown => "the token was issued, but this tenant does not take it: the key belongs to another tenant or another service, or to a deleted instance; use a service key of Process Integration Runtime, plan `api`, of this tenant".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "dev.it-cpi1.cfapps.eu10.hana.ondemand.com";

    fn cause(token_service: &str, claims: &Claims) -> Distrust {
        likely_cause(&Circumstances {
            tenant: TENANT,
            token_service,
            claims,
            tenant_time: Some(UNIX_EPOCH + Duration::from_secs(1000)),
            own_time: UNIX_EPOCH + Duration::from_secs(1010),
        })
    }

    fn scoped(scope: &str) -> Claims {
        Claims {
            scopes: Some(vec![scope.to_owned()]),
            ..Claims::default()
        }
    }

    #[test]
    fn clocks_that_differ() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(apart(at(1000), at(1100)), None);
        assert_eq!(
            apart(at(1900), at(1000)).as_deref(),
            Some("15 minutes ahead of")
        );
        assert_eq!(
            apart(at(1000), at(1900)).as_deref(),
            Some("15 minutes behind")
        );
    }

    #[test]
    fn the_likely_cause_of_a_401() {
        let own = "dev.authentication.eu10.hana.ondemand.com";
        let lives = |issued, expires| Claims {
            issued: Some(issued),
            expires: Some(expires),
            ..Claims::default()
        };
        assert_eq!(cause(own, &Claims::default()), Distrust::Unknown);
        assert_eq!(cause(own, &lives(900, 2000)), Distrust::Unknown);
        assert_eq!(
            cause(own, &scoped("it-rt-1!b1.ESBMessaging.send")),
            Distrust::CallersToken
        );
        assert_eq!(
            cause(own, &scoped("apiportal-1!b1.x")),
            Distrust::ApiManagement
        );
        assert!(matches!(cause(own, &lives(100, 1000)), Distrust::Clock(_)));
        assert!(matches!(cause(own, &lives(1200, 2000)), Distrust::Clock(_)));
        let other = "prod.authentication.eu10.hana.ondemand.com";
        assert!(matches!(
            cause(other, &lives(100, 1000)),
            Distrust::OtherTenant(_)
        ));
        let zone = Claims {
            subdomain: Some("prod".to_owned()),
            ..Claims::default()
        };
        assert!(matches!(cause(own, &zone), Distrust::OtherTenant(_)));
    }
}
