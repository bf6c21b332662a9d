//! The way to a host: its name, a proxy, encryption, and who vouches for its certificate.

use std::net::IpAddr;
use std::time::Duration;

use super::finding::{Diagnosis, Topic};
use super::remedy;
use crate::clock::{Clock, Deadline};
use crate::exit::Exit;
use crate::http::{CertificateFacts, Http, Method, Request, SendError, Stage};
use crate::settings::address::is_loopback;
use crate::settings::credentials::{Credentials, Login};
use crate::tenant::attempts::Attempts;

/// How long one attempt to reach a host may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a host is tried.
const MOST_PROBES: u32 = 3;

/// A host that credentials are for.
pub struct Station {
    /// What it is: `token service`, `tenant`.
    pub what: &'static str,
    /// Its name or address, without port.
    pub host: String,
    /// An address there that can be asked without credentials.
    pub url: String,
}

/// The hosts of these credentials, in the order in which a run reaches them.
pub fn stations(credentials: &Credentials) -> Vec<Station> {
    let mut stations = Vec::new();
    if let Login::ClientCredentials { token_url, .. } = &credentials.login {
        stations.push(Station {
            what: "token service",
            host: token_url.host().to_owned(),
            url: token_url.root(),
        });
    }
    let tenant = Station {
        what: "tenant",
        host: credentials.url.host().to_owned(),
        url: credentials.url.api(""),
    };
    if stations
        .iter()
        .all(|one| origin(&one.url) != origin(&tenant.url))
    {
        stations.push(tenant);
    }
    stations
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let end = url
        .match_indices('/')
        .nth(2)
        .map_or(url.len(), |(at, _)| at);
    &url[..end]
}

/// Which proxies and which certificates are in force.
pub fn settings(http: &Http, stations: &[Station]) -> Vec<Diagnosis> {
    let ways: Vec<String> = stations
        .iter()
        .map(|station| match http.proxy_to(&station.host) {
            Some(proxy) => format!("{} through {proxy}", station.what),
            None if http.is_excepted(&station.host) => {
                format!("{} directly, by NO_PROXY", station.what)
            }
            None => format!("{} directly", station.what),
        })
        .collect();
    let none = if http.proxy() == "none" {
        "no proxy is set; "
    } else {
        ""
    };
    vec![
        Topic::Proxy.ok(format!("{none}{}", ways.join(", "))),
        Topic::Trust.ok(http.trust()),
    ]
}

/// Goes to a host, and says how far it came.
pub fn reach(http: &Http, station: &Station, clock: &Clock, deadline: Deadline) -> Vec<Diagnosis> {
    let outcome = probe(http, station, clock, deadline);
    let mut findings: Vec<Diagnosis> = name(http, station, outcome.as_ref().err())
        .into_iter()
        .collect();
    match &outcome {
        Ok(()) => findings.push(certificate(http, station, clock)),
        Err(error) if error.stage == Stage::Resolve => {}
        Err(error) => findings.push(not_reached(http, station, error)),
    }
    findings
}

fn probe(
    http: &Http,
    station: &Station,
    clock: &Clock,
    deadline: Deadline,
) -> Result<(), SendError> {
    let mut attempts = Attempts::new(clock, deadline);
    loop {
        let timeout = PROBE_TIMEOUT.min(deadline.left(clock.now()).max(Duration::from_secs(1)));
        let request = Request::new(Method::Get, &station.url, timeout);
        let Err(error) = http.send(&request) else {
            return Ok(());
        };
        if !attempts.again(error.attempts().min(MOST_PROBES)) {
            return Err(error);
        }
    }
}

/// Whether the name of the host is known; nothing for an address.
fn name(http: &Http, station: &Station, error: Option<&SendError>) -> Option<Diagnosis> {
    let host = &station.host;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() || is_loopback(host) {
        return None;
    }
    let what = station.what;
    Some(match error {
        Some(error) if error.stage == Stage::Resolve => Topic::Dns.failed(Exit::Unreachable, format!("{what} {host}: {}", error.reason()),
        )
        .means("the address is misspelt, the tenant is gone, or this machine cannot look up names of the internet")
        .fix("compare the address with `url` and `tokenurl` of the service key; in a company network set HTTPS_PROXY, then the proxy looks the name up"),
        _ if http.proxy_to(host).is_some() => Topic::Dns.ok(format!("{what} {host}: left to the proxy"),
        ),
        _ => Topic::Dns.ok(format!("{what} {host}: known")),
    })
}

fn certificate(http: &Http, station: &Station, clock: &Clock) -> Diagnosis {
    let shown = http.shown_by(&station.host);
    let Some(own) = shown.first() else {
        return Topic::Tls.note(format!("{}: plain http to this machine", station.what));
    };
    let days = own.days_left(clock.date());
    let says = format!(
        "{}: issued by {}, expires in {days} days",
        station.what, own.issuer
    );
    if http.is_vouched_for_publicly(&station.host) == Some(false) {
        return Topic::Tls.note(format!(
            "{says}; no public authority: a proxy re-signs connections, and this machine trusts it"
        ));
    }
    Topic::Tls.ok(says)
}

fn not_reached(http: &Http, station: &Station, error: &SendError) -> Diagnosis {
    let shown = http.shown_by(&station.host);
    let what = station.what;
    let says = format!("{what} {}: {}", station.host, error.reason());
    let finding = |subject: Topic| subject.failed(Exit::Unreachable, says.clone());
    match error.stage {
        _ if error.refused_certificate => Topic::Certificate.failed(Exit::Refused, says,
        )
        .means("the certificate has expired, was revoked, or belongs to another instance")
        .fixes(remedy::new_certificate()),
        Stage::Proxy => finding(Topic::Proxy)
            .means("the proxy stands between this machine and the tenant")
            .fix(proxy_fix(error)),
        Stage::Tls => untrusted(finding(Topic::Tls), station, http, &shown),
        Stage::Connect => finding(Topic::Tls)
            .means("a firewall, a missing proxy or a wrong port keeps this machine from the host")
            .fix("in a company network set HTTPS_PROXY; else have the way to this host and port 443 opened"),
        _ => finding(Topic::Tls)
            .means("the connection stands, but no answer of HTTP comes")
            .fix("try again; if it stays, ask your network's operators what stands between"),
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

/// Encryption failed: by a certificate that nobody here trusts, most of the time.
fn untrusted(
    finding: Diagnosis,
    station: &Station,
    http: &Http,
    shown: &[CertificateFacts],
) -> Diagnosis {
    let Some(own) = shown.first() else {
        return finding
            .means("no certificate was shown: the port does not speak https, or something breaks the connection off");
    };
    if !finding.says.contains("does not trust") {
        return finding
            .means(format!("the certificate was issued to {} by {}", own.subject, own.issuer))
            .fix("set the clock of this machine right; compare the address with the service key; where a proxy re-signs connections, tell its operators");
    }
    let by_sap = station.host.ends_with(".ondemand.com") || station.host.ends_with(".cloud.sap");
    let means = if by_sap {
        "SAP's hosts show certificates of public authorities: a proxy of your company re-signs the connection"
    } else {
        "a proxy of your company re-signs the connection, or the host has a certificate of its own"
    };
    finding.means(means).fixes(remedy::trust(
        &station.host,
        http.proxy_address(&station.host).as_deref(),
    ))
}
