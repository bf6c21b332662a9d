//! Which proxy a request goes through, by curl's rules.

use std::net::IpAddr;

use ureq::Proxy;

use super::error::HttpError;
use crate::settings::address::is_loopback;
use crate::settings::environment::Environment;
use crate::text::redactor::Redactor;

/// The proxies of this machine.
#[derive(Default)]
pub struct Proxies {
    https: Option<Chosen>,
    http: Option<Chosen>,
    direct: Vec<Exception>,
}

/// A proxy, and where it was found.
pub struct Chosen {
    /// The variable that it came from.
    pub variable: &'static str,
    pub proxy: Proxy,
}

impl Proxies {
    /// Lower case first; `http_proxy` in lower case only, because a web server turns a header `Proxy` into
    /// `HTTP_PROXY`; `all_proxy` for what has no variable of its own; `no_proxy` for exceptions.
    pub fn read(environment: &Environment, redactor: &Redactor) -> Result<Self, HttpError> {
        let no_proxy =
            first_of(environment, &["no_proxy", "NO_PROXY"])?.map_or("", |(_, value)| value);
        Ok(Self {
            https: find(
                environment,
                &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
                redactor,
            )?,
            http: find(
                environment,
                &["http_proxy", "all_proxy", "ALL_PROXY"],
                redactor,
            )?,
            direct: no_proxy
                .split([',', ' ', '\t', '\n'])
                .filter_map(Exception::parse)
                .collect(),
        })
    }

    /// The proxy for a request to `host`, which may be an address with brackets. This machine is always reached
    /// directly.
    pub fn choose(&self, scheme: &str, host: &str, port: u16) -> Option<&Chosen> {
        if is_loopback(host) || self.excepts(host, port) {
            return None;
        }
        if scheme == "https" {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }
    }

    fn excepts(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut exceptions = self.direct.iter();
        exceptions.any(|exception| exception.covers(bare(&host), port))
    }

    /// Whether a proxy is set, and a host excepted from it.
    pub fn is_excepted(&self, host: &str, port: u16) -> bool {
        self.https.is_some() && self.excepts(host, port)
    }

    /// For `--verbose`.
    pub fn describe(&self) -> String {
        match &self.https {
            None => "none".to_owned(),
            Some(chosen) if self.direct.is_empty() => chosen.describe(),
            Some(chosen) => format!(
                "{}, but for {} entries of NO_PROXY",
                chosen.describe(),
                self.direct.len()
            ),
        }
    }
}

impl Chosen {
    /// Host and port.
    pub fn address(&self) -> String {
        format!("{}:{}", self.proxy.host(), self.proxy.port())
    }

    pub fn has_user(&self) -> bool {
        self.proxy.username().is_some()
    }

    /// Where it is; whether there is a password, but not which.
    pub fn describe(&self) -> String {
        let scheme = self.proxy.uri().scheme_str().unwrap_or("http");
        let with = if self.has_user() {
            ", with user and password"
        } else {
            ""
        };
        let (address, variable) = (self.address(), self.variable);
        format!("{scheme}://{address} (from {variable}{with})")
    }
}

fn first_of<'e>(
    environment: &'e Environment,
    names: &[&'static str],
) -> Result<Option<(&'static str, &'e str)>, HttpError> {
    for name in names {
        if let Some(value) = environment.get_checked(name)? {
            return Ok(Some((name, value.trim())));
        }
    }
    Ok(None)
}

fn find(
    environment: &Environment,
    names: &[&'static str],
    redactor: &Redactor,
) -> Result<Option<Chosen>, HttpError> {
    let Some((variable, value)) = first_of(environment, names)? else {
        return Ok(None);
    };
    if value.is_empty() {
        return Ok(None);
    }
    hide_password(value, redactor);
    let proxy = parse(value).map_err(|reason| HttpError::Proxy {
        variable: variable.to_owned(),
        reason,
    })?;
    if let Some(password) = proxy.password() {
        redactor.add(password);
    }
    Ok(Some(Chosen { variable, proxy }))
}

/// As it is written, before anybody has understood it.
fn hide_password(value: &str, redactor: &Redactor) {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let userinfo = rest.rsplit_once('@').map(|(userinfo, _)| userinfo);
    if let Some((_, password)) = userinfo.and_then(|userinfo| userinfo.split_once(':')) {
        redactor.add(password);
    }
}

fn parse(value: &str) -> Result<Proxy, &'static str> {
    let scheme = value.split_once("://").map_or("http", |(scheme, _)| scheme);
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Proxy::new(value).map_err(|_| "is not the address of a proxy"),
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => Err(
            "names a SOCKS proxy, which flowship does not speak to; give the address of an HTTP proxy",
        ),
        _ => Err("is not the address of an HTTP proxy"),
    }
}

/// One entry of `NO_PROXY`.
#[derive(Debug, PartialEq)]
enum Exception {
    /// `*`
    Everything,
    /// A domain with all below it, at this port or at any.
    Domain(String, Option<u16>),
    /// The addresses that share this many leading bits.
    Network(IpAddr, u8, Option<u16>),
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some(network) = Self::network(&entry) {
            return Some(network);
        }
        let (name, port) = split_port(&entry);
        let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.');
        (!name.is_empty()).then(|| Self::Domain(name.to_owned(), port))
    }

    fn network(entry: &str) -> Option<Self> {
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (entry, None),
        };
        // an address of IPv6 holds colons of its own
        let (address, port) = match bare(address).parse::<IpAddr>() {
            Ok(_) => (address, None),
            Err(_) => split_port(address),
        };
        let address = bare(address).parse().ok()?;
        let bits = bits.unwrap_or(width(address));
        (bits <= width(address)).then_some(Self::Network(address, bits, port))
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        let at_port = |only: &Option<u16>| only.is_none_or(|only| only == port);
        match self {
            Self::Everything => true,
            Self::Domain(name, only) => at_port(only) && is_within(host, name),
            Self::Network(network, bits, only) => {
                at_port(only)
                    && host
                        .parse()
                        .is_ok_and(|address| share_bits(address, *network, *bits))
            }
        }
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    let before = host.strip_suffix(domain);
    host.parse::<IpAddr>().is_err()
        && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// An address without the brackets around one of IPv6.
pub fn bare(address: &str) -> &str {
    address.trim_start_matches('[').trim_end_matches(']')
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        None => (entry, None),
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn share_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let differ = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => u128::from(one.to_bits() ^ other.to_bits()) << 96,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(&environment(variables), &Redactor::new()).unwrap()
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .fold(Environment::default(), |all, (name, value)| {
                all.with(name, value)
            })
    }

    fn chosen(variables: &[(&str, &str)], scheme: &str, host: &str) -> Option<String> {
        let port = if scheme == "https" { 443 } else { 80 };
        proxies(variables)
            .choose(scheme, host, port)
            .map(|chosen| chosen.proxy.host().to_owned())
    }

    fn is_direct(no_proxy: &str, host: &str, port: u16) -> bool {
        proxies(&[("https_proxy", "p"), ("no_proxy", no_proxy)])
            .choose("https", host, port)
            .is_none()
    }

    #[test]
    fn the_order_of_the_variables() {
        let all = [
            ("https_proxy", "a"),
            ("HTTPS_PROXY", "b"),
            ("all_proxy", "c"),
            ("ALL_PROXY", "d"),
        ];
        for start in 0..4 {
            assert_eq!(
                chosen(&all[start..], "https", "h.corp").as_deref(),
                Some(all[start].1)
            );
        }
        assert_eq!(
            chosen(&[("https_proxy", ""), ("HTTPS_PROXY", "b")], "https", "h").as_deref(),
            Some("b")
        );
        assert_eq!(
            chosen(&[("HTTP_PROXY", "x"), ("http_proxy", "y")], "https", "h"),
            None
        );
        assert_eq!(chosen(&[("HTTP_PROXY", "x")], "http", "h"), None);
        assert_eq!(
            chosen(&[("http_proxy", "y"), ("all_proxy", "z")], "http", "h").as_deref(),
            Some("y")
        );
        assert_eq!(
            chosen(&[("ALL_PROXY", "z")], "http", "h").as_deref(),
            Some("z")
        );
    }

    #[test]
    fn this_machine_is_reached_directly() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST"] {
            assert_eq!(chosen(&[("all_proxy", "p")], "http", host), None, "{host}");
        }
    }

    #[test]
    fn exceptions_by_name() {
        for entry in [
            "corp.example",
            ".corp.example",
            "x.y , corp.example",
            "a b corp.example.",
            "*.corp.example",
            "*",
            "CORP.Example:443",
        ] {
            assert!(is_direct(entry, "tenant.Corp.example.", 443), "{entry}");
        }
        assert!(is_direct(".corp.example", "corp.example", 443));
        for entry in [
            "",
            "orp.example",
            "corp.example:8443",
            "tenant.corp",
            "x.tenant.corp.example",
            ",.,",
        ] {
            assert!(!is_direct(entry, "tenant.corp.example", 443), "{entry}");
        }
        assert!(is_direct("corp.example:8443", "corp.example", 8443));
    }

    #[test]
    fn exceptions_by_address() {
        for (entry, host) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.1.2.3:443", "10.1.2.3"),
            ("fd00::/8", "[fd12::1]"),
            ("[fd12::1]:443", "[fd12::1]"),
            ("0.0.0.0/0", "8.8.8.8"),
        ] {
            assert!(is_direct(entry, host, 443), "{entry}");
        }
        for (entry, host) in [
            ("10.0.0.0/9", "10.255.0.1"),
            ("10.1.2.3:80", "10.1.2.3"),
            ("0.0.0.0/0", "[fd12::1]"),
            ("2.3", "10.1.2.3"),
            ("10.0.0.0/33", "10.0.0.0"),
        ] {
            assert!(!is_direct(entry, host, 443), "{entry}");
        }
    }

    #[test]
    fn passwords_are_hidden_and_never_described() {
        let redactor = Redactor::new();
        let environment =
            environment(&[("HTTPS_PROXY", "http://me:p%40ss%24word@proxy.corp:8080/")]);
        let proxies = Proxies::read(&environment, &redactor).unwrap();
        assert_eq!(
            proxies.describe(),
            "http://proxy.corp:8080 (from HTTPS_PROXY, with user and password)"
        );
        assert_eq!(redactor.clean("p@ss$word p%40ss%24word"), "*** ***");
        let chosen = proxies.choose("https", "h", 443).unwrap();
        assert_eq!(chosen.proxy.password(), Some("p@ss$word"));
    }

    #[test]
    fn what_is_no_proxy_is_an_error_without_its_value() {
        for value in [
            "socks5://me:hunter22@p:1080",
            "ftp://hunter22",
            "http://",
            "http://me:hunter22@",
            "http://a b:hunter22@p",
        ] {
            let error =
                Proxies::read(&environment(&[("all_proxy", value)]), &Redactor::new()).err();
            let text = error.unwrap_or_else(|| panic!("{value}")).to_string();
            assert!(
                text.starts_with("all_proxy ") && !text.contains("hunter22"),
                "{text}"
            );
        }
    }
}
