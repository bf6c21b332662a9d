//! What the names of hosts tell: which landscape, which subaccount, and whether an address can be right at all.
//!
//! Names are conventions of SAP (cpi-api.md §1.1, §1.2). Custom domains exist, so an unknown name is no fault.

use super::address::AddressError;

/// What a host is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A tenant on Cloud Foundry: `<subdomain>.it-<cluster>.cfapps.<region>...`.
    Tenant {
        /// The subdomain of the subaccount.
        subdomain: &'a str,
        /// `eu10`, `eu10-004`.
        region: &'a str,
    },
    /// Where flows are called, on Cloud Foundry: the second label ends in `-rt`.
    Runtime {
        /// The subdomain of the subaccount.
        subdomain: &'a str,
    },
    /// A token service: `<subdomain>.authentication.<region>...`.
    TokenService {
        /// The subdomain of the subaccount.
        subdomain: &'a str,
        /// `eu10`.
        region: &'a str,
    },
    /// A tenant on Neo.
    NeoTenant,
    /// A token service on Neo.
    NeoTokenService,
    /// API Management.
    ApiManagement,
    /// The cockpit of the BTP.
    Cockpit,
    /// This machine.
    Loopback,
    /// A custom domain, a gateway, or a mistake.
    Other,
}

impl<'a> Host<'a> {
    /// Reads the name of a host, without port.
    pub fn of(host: &'a str) -> Self {
        let labels: Vec<&str> = host.split('.').collect();
        match *labels.as_slice() {
            _ if super::address::is_loopback(host) => Self::Loopback,
            _ if labels.iter().any(|label| is_cockpit(label)) => Self::Cockpit,
            ["account", "hana", ..] | ["account", _, "hana", ..] => Self::Cockpit,
            [first, ..] if first.starts_with("oauthasservices-") => Self::NeoTokenService,
            [first, ..] if first.ends_with("-tmn") => Self::NeoTenant,
            [subdomain, "authentication", "cert", region, ..]
            | [subdomain, "authentication", region, ..] => Self::TokenService { subdomain, region },
            [first, second, ..] if first.contains("apiportal") || second.contains("apiportal") => {
                Self::ApiManagement
            }
            [subdomain, second, ..] if second.ends_with("-rt") => Self::Runtime { subdomain },
            [subdomain, second, "cfapps", region, ..] if is_cluster(second) => {
                Self::Tenant { subdomain, region }
            }
            _ => Self::Other,
        }
    }

    /// The subdomain of the subaccount, where the name holds it.
    pub fn subdomain(&self) -> Option<&'a str> {
        match self {
            Self::Tenant { subdomain, .. }
            | Self::Runtime { subdomain, .. }
            | Self::TokenService { subdomain, .. } => Some(subdomain),
            _ => None,
        }
    }

    /// The region without the number of its extension: `eu10` for `eu10-004`.
    pub fn region(&self) -> Option<&'a str> {
        match self {
            Self::Tenant { region, .. } | Self::TokenService { region, .. } => {
                region.split('-').next()
            }
            _ => None,
        }
    }
}

fn is_cockpit(label: &str) -> bool {
    label == "cockpit" || label.starts_with("cockpit-") || label.ends_with("-cockpit")
}

fn is_cluster(label: &str) -> bool {
    label.starts_with("it-") || label.starts_with("integrationsuite")
}

/// What keeps an address from being a tenant's, as far as its host's name tells.
pub fn not_a_tenant(host: &str) -> Option<AddressError> {
    match Host::of(host) {
        Host::TokenService { .. } | Host::NeoTokenService => Some(AddressError::TokenService),
        Host::Cockpit => Some(AddressError::Cockpit),
        Host::ApiManagement => Some(AddressError::ApiManagement),
        _ => None,
    }
}

/// What keeps an address from being a token service's, as far as its host's name tells.
pub fn not_a_token_service(host: &str) -> Option<AddressError> {
    match Host::of(host) {
        Host::Tenant { .. } | Host::Runtime { .. } | Host::NeoTenant => Some(AddressError::Tenant),
        Host::Cockpit => Some(AddressError::Cockpit),
        _ => None,
    }
}

/// How a tenant and the service that issues its tokens fail to belong together, by their hosts: in words, as a sentence without
/// a full stop.
pub fn mismatch(tenant: &str, token: &str) -> Option<String> {
    let (tenant, token) = (Host::of(tenant), Host::of(token));
    let subdomains = tenant.subdomain().zip(token.subdomain());
    let regions = tenant.region().zip(token.region());
    match (&tenant, &token, subdomains, regions) {
        (Host::NeoTenant, Host::TokenService { .. }, ..)
        | (Host::Tenant { .. }, Host::NeoTokenService, ..) => {
            Some("one of the two is on Neo, the other on Cloud Foundry".to_owned())
        }
        (.., Some((tenant, token)), _) if tenant != token => Some(format!(
            "the tenant belongs to the subaccount with the subdomain {tenant}, the token service to {token}"
        )),
        (.., Some((tenant, token))) if tenant != token => Some(format!(
            "the tenant is in the region {tenant}, the token service in {token}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com";

    #[test]
    fn hosts_by_their_names() {
        let subdomain = "dev";
        let tenant = |region| Host::Tenant { subdomain, region };
        let region = "eu10";
        let service = Host::TokenService { subdomain, region };
        for (host, kind) in [
            (TENANT, tenant("eu10-002")),
            (
                "dev.integrationsuite.cfapps.us10.hana.ondemand.com",
                tenant("us10"),
            ),
            (
                "dev.integrationsuite-trial.cfapps.us10-001.hana.ondemand.com",
                tenant("us10-001"),
            ),
            (
                "dev.it-cpi023-rt.cfapps.eu10-002.hana.ondemand.com",
                Host::Runtime { subdomain },
            ),
            ("dev.authentication.eu10.hana.ondemand.com", service),
            ("dev.authentication.cert.eu10.hana.ondemand.com", service),
            ("a1b2-tmn.hci.eu1.hana.ondemand.com", Host::NeoTenant),
            (
                "oauthasservices-a1b2.hana.ondemand.com",
                Host::NeoTokenService,
            ),
            (
                "dev.prod01apiportal.cfapps.eu10.hana.ondemand.com",
                Host::ApiManagement,
            ),
            ("cockpit.btp.cloud.sap", Host::Cockpit),
            ("emea.cockpit.btp.cloud.sap", Host::Cockpit),
            ("account.hana.ondemand.com", Host::Cockpit),
            ("127.0.0.1", Host::Loopback),
            ("cpi.company.example", Host::Other),
            ("dev.other.cfapps.eu10.hana.ondemand.com", Host::Other),
        ] {
            assert_eq!(Host::of(host), kind, "{host}");
        }
    }

    #[test]
    fn addresses_in_the_wrong_place() {
        let token = "dev.authentication.eu10.hana.ondemand.com";
        assert_eq!(not_a_tenant(token), Some(AddressError::TokenService));
        assert_eq!(
            not_a_tenant("cockpit.eu10.hana.ondemand.com"),
            Some(AddressError::Cockpit)
        );
        assert_eq!(not_a_token_service(TENANT), Some(AddressError::Tenant));
        for host in [
            TENANT,
            "cpi.company.example",
            "127.0.0.1",
            "a1-tmn.hci.eu1.hana.ondemand.com",
        ] {
            assert_eq!(not_a_tenant(host), None, "{host}");
        }
        for host in [token, "login.company.example", "127.0.0.1"] {
            assert_eq!(not_a_token_service(host), None, "{host}");
        }
    }

    #[test]
    fn what_does_not_belong_together() {
        let token =
            |sub: &str, region: &str| format!("{sub}.authentication.{region}.hana.ondemand.com");
        assert_eq!(mismatch(TENANT, &token("dev", "eu10")), None);
        for (token, what) in [
            (
                token("prod", "eu10"),
                "the subdomain dev, the token service to prod",
            ),
            (
                token("dev", "us10"),
                "the region eu10, the token service in us10",
            ),
            ("oauthasservices-a1.hana.ondemand.com".to_owned(), "on Neo"),
        ] {
            let found = mismatch(TENANT, &token).unwrap();
            assert!(found.contains(what), "{found}");
        }
        assert_eq!(
            mismatch("cpi.company.example", &token("prod", "eu10")),
            None
        );
        assert_eq!(mismatch("127.0.0.1", "127.0.0.1"), None);
    }
}
