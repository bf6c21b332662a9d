//! The way to a host: its name, a proxy, encryption, and who vouches for its certificate.

use std::net::IpAddr;
use std::time::Duration;

use super::finding::{Diagnosis, Topic};
use super::remedy;
use crate::clock::{Clock, Deadline};
use crate::exit::Exit;
use crate::http::{Http, Method, Request, SendError, Stage};
use crate::settings::address::{is_loopback, origin};
use crate::settings::credentials::{Credentials, Login};
use crate::tenant::attempts::Attempts;

/// How long one attempt to reach a host may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a host is tried.
const MOST_PROBES: u32 = 3;

/// A host that credentials are for.
pub struct Station<'a> {
    /// What it is: `token service`, `tenant`.
    pub what: &'static str,
    /// Its name or address, without port.
    host: &'a str,
    /// An address there that can be asked without credentials.
    url: String,
    http: &'a Http,
}

/// The hosts of these credentials, in the order in which a run reaches them.
pub fn stations<'a>(credentials: &'a Credentials, http: &'a Http) -> Vec<Station<'a>> {
    let station = |what, host, url| Station {
        what,
        host,
        url,
        http,
    };
    let tenant = &credentials.url;
    let mut stations = vec![station("tenant", tenant.host(), tenant.api(""))];
    if let Login::ClientCredentials { token_url, .. } = &credentials.login {
        let service = station("token service", token_url.host(), token_url.root());
        if origin(&service.url) == origin(&stations[0].url) {
            stations.clear();
        }
        stations.insert(0, service);
    }
    stations
}

/// Which proxies and which certificates are in force.
pub fn settings(stations: &[Station<'_>]) -> Vec<Diagnosis> {
    let own = stations[0].http;
    let ways = stations.iter().map(
        |Station {
             what, host, http, ..
         }| {
            match http.proxy_to(host) {
                Some(proxy) => format!("{what} through {proxy}"),
                None if http.is_excepted(host) => format!("{what} directly, by NO_PROXY"),
                None => format!("{what} directly"),
            }
        },
    );
    let ways = ways.collect::<Vec<_>>().join(", ");
    let none = if own.proxy() == "none" {
        "no proxy is set; "
    } else {
        ""
    };
    vec![
        Topic::Proxy.ok(format!("{none}{ways}")),
        Topic::Trust.ok(own.trust()),
    ]
}

impl Station<'_> {
    /// Goes there, and says how far it came.
    pub fn reach(&self, clock: &Clock, deadline: Deadline) -> Vec<Diagnosis> {
        let error = self.probe(clock, deadline).err();
        let mut findings: Vec<Diagnosis> = self.name(error.as_ref()).into_iter().collect();
        match error {
            None => findings.push(self.certificate(clock)),
            Some(error) if error.stage == Stage::Resolve => {}
            Some(error) => findings.push(self.not_reached(&error)),
        }
        findings
    }

    fn probe(&self, clock: &Clock, deadline: Deadline) -> Result<(), SendError> {
        let mut attempts = Attempts::new(clock, deadline);
        loop {
            let timeout = PROBE_TIMEOUT.min(deadline.left(clock.now()).max(Duration::from_secs(1)));
            let request = Request::new(Method::Get, &self.url, timeout);
            let Err(error) = self.http.send(&request) else {
                return Ok(());
            };
            if !attempts.again(error.attempts().min(MOST_PROBES)) {
                return Err(error);
            }
        }
    }

    /// Whether the name of the host is known; nothing for an address.
    fn name(&self, error: Option<&SendError>) -> Option<Diagnosis> {
        let Station { what, host, .. } = self;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() || is_loopback(host) {
            return None;
        }
        Some(match error {
            Some(error) if error.stage == Stage::Resolve => Topic::Dns
                .failed(Exit::Unreachable, format!("{what} {host}: {}", error.reason()))
                .means("the address is misspelt, the tenant is gone, or this machine cannot look up names of the internet")
                .fix("compare the address with `url` and `tokenurl` of the service key; in a company network set HTTPS_PROXY, then the proxy looks the name up"),
            _ if self.http.proxy_to(host).is_some() => {
                Topic::Dns.ok(format!("{what} {host}: left to the proxy"))
            }
            _ => Topic::Dns.ok(format!("{what} {host}: known")),
        })
    }

    fn certificate(&self, clock: &Clock) -> Diagnosis {
        let what = self.what;
        let shown = self.http.shown_by(self.host);
        let Some(own) = shown.first() else {
            return Topic::Tls.note(format!("{what}: plain http to this machine"));
        };
        let days = own.days_left(clock.date());
        let says = format!("{what}: issued by {}, expires in {days} days", own.issuer);
        if self.http.is_vouched_for_publicly(self.host) == Some(false) {
            return Topic::Tls.note(format!(
                "{says}; no public authority: a proxy re-signs connections, and this machine trusts it"
            ));
        }
        Topic::Tls.ok(says)
    }

    fn not_reached(&self, error: &SendError) -> Diagnosis {
        let says = format!("{} {}: {}", self.what, self.host, error.reason());
        let finding = |subject: Topic| subject.failed(Exit::Unreachable, says.clone());
        match error.stage {
            _ if error.refused_certificate => Topic::Certificate
                .failed(Exit::Refused, says)
                .means("the certificate has expired, was revoked, or belongs to another instance")
                .fixes(remedy::new_certificate()),
            Stage::Proxy => finding(Topic::Proxy)
                .means("the proxy stands between this machine and the tenant")
                .fix(proxy_fix(error)),
            Stage::Tls => self.untrusted(finding(Topic::Tls)),
            Stage::Connect => finding(Topic::Tls)
                .means("a firewall, a missing proxy or a wrong port keeps this machine from the host")
                .fix("in a company network set HTTPS_PROXY; else have the way to this host and port 443 opened"),
            _ => finding(Topic::Tls)
                .means("the connection stands, but no answer of HTTP comes")
                .fix("try again; if it stays, ask your network's operators what stands between"),
        }
    }

    /// Encryption failed: by a certificate that nobody here trusts, most of the time.
    fn untrusted(&self, finding: Diagnosis) -> Diagnosis {
        let shown = self.http.shown_by(self.host);
        let Some(own) = shown.first() else {
            return finding
                .means("no certificate was shown: the port does not speak https, or something breaks the connection off");
        };
        if !finding.says.contains("does not trust") {
            return finding
                .means(format!("the certificate was issued to {} by {}", own.subject, own.issuer))
                .fix("set the clock of this machine right; compare the address with the service key; where a proxy re-signs connections, tell its operators");
        }
        let is_of_sap = [".ondemand.com", ".cloud.sap"]
            .iter()
            .any(|end| self.host.ends_with(end));
        let means = if is_of_sap {
            "SAP's hosts show certificates of public authorities: a proxy of your company re-signs the connection"
        } else {
            "a proxy of your company re-signs the connection, or the host has a certificate of its own"
        };
        let proxy = self.http.proxy_address(self.host);
        finding
            .means(means)
            .fixes(remedy::trust(self.host, proxy.as_deref()))
    }
}

/// What to do about a proxy, by what it said.
fn proxy_fix(error: &SendError) -> &'static str {
    if error.reason().contains("(407)") {
        "HTTPS_PROXY=http://user:password@host:port, special characters of the password as %XX"
    } else if error.reason().contains("(403)") {
        "ask the operators of the proxy to let this host through"
    } else {
        "compare host and port in HTTPS_PROXY with what your network's operators say; NO_PROXY lists hosts that are reached directly"
    }
}
