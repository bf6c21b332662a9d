//! The two addresses of a tenant, as people paste them.

use std::fmt;
use std::net::IpAddr;

/// Where the tenant's API is: scheme, host, port and, in front of `/api/v1`, sometimes a root path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantUrl(Address);

/// Where tokens are issued.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenUrl(Address);

/// Why a text is no address. The text itself is never repeated: it may be a secret in the wrong variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// `ftp://...` and the like.
    #[error("must begin with https://")]
    Scheme,
    /// `https://user:password@host`.
    #[error(
        "holds a user or password before the host; give them in variables of their own and the address without them"
    )]
    Userinfo,
    /// Plain http to a host that is not this machine.
    #[error(
        "uses plain http, which would show the credentials to the network; use https:// (plain http is for this machine only)"
    )]
    PlainHttp,
    /// No host, or characters that no host has.
    #[error(
        "names no valid host; it looks like https://<subdomain>.<cluster>.cfapps.<region>.hana.ondemand.com"
    )]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error("names a port that is not a number from 1 to 65535")]
    Port,
    /// Blanks, control characters or quotes in the path.
    #[error("holds characters that no address has")]
    Path,
    /// The tenant's address is wanted, and this is where tokens are issued.
    #[error(
        "is the address of a token service, not of a tenant; the tenant's is the `url` of the service key"
    )]
    TokenService,
    /// The token service's address is wanted, and this is a tenant.
    #[error(
        "is the address of a tenant, not of a token service; the token service's is the `tokenurl` of the service key"
    )]
    Tenant,
    /// The address of the cockpit, where instances and keys are made.
    #[error(
        "is the address of the cockpit, not of a tenant; the tenant's is the `url` of the service key"
    )]
    Cockpit,
    /// The address of API Management.
    #[error(
        "is an address of API Management, not of a tenant; the tenant's is the `url` of a service key of Process Integration Runtime, plan api"
    )]
    ApiManagement,
}

impl TenantUrl {
    /// Accepts the address from the service key and from the browser: the scheme may be missing, and what follows
    /// the root (`/api/v1...`, `/itspaces/...`, `/shell/...`, slashes, query) is removed.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (mut address, _query) = Address::parse(text)?;
        address.path = tenant_root(&address.path);
        Ok(Self(address))
    }

    /// The host, without port.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The root as text, without a slash at the end.
    pub fn root(&self) -> String {
        self.0.to_string()
    }

    /// The address of `path` in the API.
    pub fn api(&self, path: &str) -> String {
        format!("{}/api/v1/{}", self.0, path.trim_start_matches('/'))
    }

    /// The id of the runtime location that the address ends in (`/location/<id>`, Edge Integration Cell; cpi-api.md §1.1).
    pub fn location(&self) -> Option<&str> {
        let (before, id) = self.0.path.rsplit_once('/')?;
        (before.ends_with("/location") && !id.is_empty()).then_some(id)
    }

    /// The address of a runtime location below this one; `None` when the id has characters that no id has.
    pub fn at_location(&self, id: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_id = !id.is_empty() && !id.starts_with('.') && id.bytes().all(legal);
        is_id.then(|| self.below(&format!("{}/location/{id}", self.0.path)))
    }

    /// The address above the runtime location that it ends in, if it does.
    pub fn without_location(&self) -> Self {
        let above = self.location().and_then(|id| {
            let path = self.0.path.strip_suffix(id)?;
            path.strip_suffix("/location/")
        });
        self.below(above.unwrap_or(&self.0.path))
    }

    /// The same host with another path.
    fn below(&self, path: &str) -> Self {
        let path = path.to_owned();
        Self(Address {
            path,
            ..self.0.clone()
        })
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// Whether the host looks like a tenant of the older Neo landscape.
    pub fn is_neo(&self) -> bool {
        self.host().contains("-tmn.")
    }
}

impl TokenUrl {
    /// Accepts the address from the service key; the usual path is added where there is none (cpi-api.md §1.1, §1.2).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (mut address, query) = Address::parse(text)?;
        address
            .path
            .truncate(address.path.trim_end_matches('/').len());
        if address.path.is_empty() {
            let is_neo = address.host.starts_with("oauthasservices-");
            let path = if is_neo {
                "/oauth2/api/v1/token"
            } else {
                "/oauth/token"
            };
            address.path.push_str(path);
        }
        address.query = without_grant_type(query);
        Ok(Self(address))
    }

    /// The host, without port.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Scheme, host and port with a slash at the end.
    pub fn root(&self) -> String {
        let Address { scheme, host, .. } = &self.0;
        let port = self.0.port.map(|port| format!(":{port}"));
        format!("{scheme}://{host}{}/", port.unwrap_or_default())
    }

    /// The same service where it asks for certificates: `<sub>.authentication.cert.<region>...` (cpi-api.md §1.1).
    /// Other hosts stay as they are.
    pub fn for_certificates(&self) -> Self {
        let mut address = self.0.clone();
        if !address.host.contains(".authentication.cert.") {
            let plain = ".authentication.";
            address.host = address.host.replacen(plain, ".authentication.cert.", 1);
        }
        Self(address)
    }

    /// Whether it is a token service of the older Neo landscape.
    pub fn is_neo(&self) -> bool {
        self.host().starts_with("oauthasservices-") || self.0.path.ends_with("/oauth2/api/v1/token")
    }
}

impl fmt::Display for TenantUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Scheme, host and port of an address to which credentials may be sent, in the form in which two of them can be compared.
pub fn origin(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (address, _) = Address::parse(&format!("{scheme}://{authority}")).ok()?;
    Some(address.to_string())
}

/// Whether `host` (a name, or an address with or without brackets) is this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The parts that matter, in lower case where case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Address {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    /// Empty, or beginning with a slash.
    path: String,
    query: Option<String>,
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(&self.path)?;
        match &self.query {
            Some(query) => write!(formatter, "?{query}"),
            None => Ok(()),
        }
    }
}

impl Address {
    /// The address without query, and the query.
    fn parse(text: &str) -> Result<(Self, Option<&str>), AddressError> {
        let text = unquoted(text);
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let (scheme, rest) = split_scheme(text)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let mut parts = rest.splitn(2, '?');
        let (rest, query) = (parts.next().unwrap_or_default(), parts.next());
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_authority(authority)?;
        check_characters(path)?;
        check_characters(query.unwrap_or_default())?;
        if scheme == "http" && !is_loopback(&host) {
            return Err(AddressError::PlainHttp);
        }
        let standard = if scheme == "https" { 443 } else { 80 };
        let port = port.filter(|&port| port != standard);
        let address = Self {
            scheme,
            host,
            port,
            path: path.to_owned(),
            query: None,
        };
        Ok((address, query))
    }
}

/// `docker --env-file` and copied `.env` lines keep the quotes.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let within = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text).trim()
}

fn split_scheme(text: &str) -> Result<(&'static str, &str), AddressError> {
    match text.split_once("://") {
        // `host/path?next=https://...` has no scheme of its own
        Some((before, _)) if before.contains(['/', '?', '#']) => Ok(("https", text)),
        None => Ok(("https", text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok(("https", rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok(("http", rest)),
        Some(_) => Err(AddressError::Scheme),
    }
}

fn split_authority(authority: &str) -> Result<(String, Option<u16>), AddressError> {
    if authority.contains('@') {
        return Err(AddressError::Userinfo);
    }
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if !is_host(&host) {
        return Err(AddressError::Host);
    }
    Ok((host, parse_port(port)?))
}

fn parse_port(text: &str) -> Result<Option<u16>, AddressError> {
    match text.strip_prefix(':') {
        None if !text.is_empty() => Err(AddressError::Host),
        None | Some("") => Ok(None),
        // `parse` takes a sign
        Some(digits) if digits.starts_with('+') => Err(AddressError::Port),
        Some(digits) => match digits.parse() {
            Ok(port @ 1..) => Ok(Some(port)),
            _ => Err(AddressError::Port),
        },
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !host.is_empty() && host.bytes().all(legal) && !host.split('.').any(str::is_empty)
}

fn check_characters(part: &str) -> Result<(), AddressError> {
    let illegal = |byte: u8| !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&byte);
    if part.bytes().any(illegal) {
        Err(AddressError::Path)
    } else {
        Ok(())
    }
}

/// What stands in front of the API, the web UI or nothing. A path that is neither is kept: a company's gateway may
/// serve the tenant below one, as does an Edge Integration Cell (`/location/<id>`).
fn tenant_root(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let segments: Vec<&str> = segments.collect();
    let mut ends = 0..segments.len();
    let end = ends.find(|&at| is_below_root(&segments[at..]));
    let root = &segments[..end.unwrap_or(segments.len())];
    root.iter().flat_map(|segment| ["/", segment]).collect()
}

fn is_below_root(segments: &[&str]) -> bool {
    match segments {
        ["api"] | ["api", "v1", ..] => true,
        [first, ..] => {
            first.eq_ignore_ascii_case("itspaces") || first.eq_ignore_ascii_case("shell")
        }
        [] => false,
    }
}

/// The grant type is written by whoever asks for the token.
fn without_grant_type(query: Option<&str>) -> Option<String> {
    let kept: Vec<&str> = query?
        .split('&')
        .filter(|pair| {
            !pair.is_empty() && !pair.starts_with("grant_type=") && *pair != "grant_type"
        })
        .collect();
    (!kept.is_empty()).then(|| kept.join("&"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
