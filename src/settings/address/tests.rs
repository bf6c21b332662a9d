//! Addresses as people paste them.

use super::*;

fn root(text: &str) -> String {
    TenantUrl::parse(text).unwrap().root()
}

fn token(text: &str) -> String {
    TokenUrl::parse(text).unwrap().to_string()
}

#[test]
fn tenant_addresses_as_pasted() {
    let expected = "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com";
    for text in [
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com",
        " dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com \n",
        "HTTPS://DEV.it-cpi023.cfapps.eu10-002.hana.ondemand.com:443//",
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com/api/v1",
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com/api/v1/IntegrationPackages?$top=1",
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com/api/",
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com/itspaces/shell/design/x?a=b#c",
        "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com/shell/design",
        "'https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com./#/shell'",
    ] {
        assert_eq!(root(text), expected, "{text}");
    }
}

#[test]
fn roots_that_are_kept() {
    assert_eq!(
        root("https://edge.corp/location/plant1/api/v1"),
        "https://edge.corp/location/plant1"
    );
    assert_eq!(
        root("https://edge.corp/location/plant1/"),
        "https://edge.corp/location/plant1"
    );
    assert_eq!(root("https://gw.corp:8443/cpi"), "https://gw.corp:8443/cpi");
}

#[test]
fn api_paths() {
    let url = TenantUrl::parse("https://edge.corp/location/plant1").unwrap();
    assert_eq!(
        url.api("IntegrationPackages"),
        "https://edge.corp/location/plant1/api/v1/IntegrationPackages"
    );
    assert_eq!(url.api("/"), "https://edge.corp/location/plant1/api/v1/");
    assert_eq!(url.host(), "edge.corp");
}

#[test]
fn plain_http_only_to_this_machine() {
    for text in [
        "http://localhost:8080",
        "http://127.8.0.1",
        "http://[::1]:9/api/v1",
        "http://LOCALHOST:80",
    ] {
        assert!(TenantUrl::parse(text).unwrap().is_loopback(), "{text}");
        assert!(TokenUrl::parse(text).is_ok(), "{text}");
    }
    for text in [
        "http://tenant.corp",
        "http://localhost.corp",
        "http://10.0.0.1",
        "http://127.0.0.1.corp",
    ] {
        assert_eq!(
            TenantUrl::parse(text),
            Err(AddressError::PlainHttp),
            "{text}"
        );
        assert_eq!(
            TokenUrl::parse(text),
            Err(AddressError::PlainHttp),
            "{text}"
        );
    }
    assert_eq!(root("http://localhost:80"), "http://localhost");
}

#[test]
fn what_is_no_address() {
    for (text, error) in [
        ("", AddressError::Empty),
        (" '' ", AddressError::Empty),
        ("ftp://host", AddressError::Scheme),
        ("https://user:hunter22@host", AddressError::Userinfo),
        ("user@host", AddressError::Userinfo),
        ("https:///api/v1", AddressError::Host),
        ("https://ho st", AddressError::Host),
        ("https://höst", AddressError::Host),
        ("https://a..b", AddressError::Host),
        ("https://[::1", AddressError::Host),
        ("https://[::1]x", AddressError::Host),
        ("https://host\\path", AddressError::Host),
        ("https://host:0", AddressError::Port),
        ("https://host:+443", AddressError::Port),
        ("https://host:99999", AddressError::Port),
        ("https://host/a b", AddressError::Path),
    ] {
        assert_eq!(TenantUrl::parse(text), Err(error.clone()), "{text}");
        assert!(!error.to_string().contains("hunter22"));
    }
}

#[test]
fn token_addresses() {
    let full = "https://dev.authentication.eu10.hana.ondemand.com/oauth/token";
    for text in [
        "https://dev.authentication.eu10.hana.ondemand.com/oauth/token",
        "dev.authentication.eu10.hana.ondemand.com",
        "https://dev.authentication.eu10.hana.ondemand.com/",
        "https://dev.authentication.eu10.hana.ondemand.com/oauth/token/?grant_type=client_credentials",
    ] {
        assert_eq!(token(text), full, "{text}");
    }
    assert_eq!(
        token("https://h/oauth/token?grant_type=x&tenant=1"),
        "https://h/oauth/token?tenant=1"
    );
    let neo = "https://oauthasservices-a1b2.hana.ondemand.com/oauth2/api/v1/token";
    assert_eq!(token(neo), neo);
    assert_eq!(token("oauthasservices-a1b2.hana.ondemand.com/"), neo);
    assert!(TokenUrl::parse(neo).unwrap().is_neo());
    assert!(!TokenUrl::parse(full).unwrap().is_neo());
    assert!(
        TenantUrl::parse("a1-tmn.hci.eu1.hana.ondemand.com")
            .unwrap()
            .is_neo()
    );
}

proptest::proptest! {
    #[test]
    fn parsing_is_stable_and_never_panics(text in "\\PC{0,60}") {
        if let Ok(url) = TenantUrl::parse(&text) {
            proptest::prop_assert_eq!(TenantUrl::parse(&url.root()).unwrap(), url);
        }
        if let Ok(url) = TokenUrl::parse(&text) {
            proptest::prop_assert_eq!(TokenUrl::parse(&url.to_string()).unwrap(), url);
        }
    }
}

#[test]
fn addresses_are_of_one_origin_or_not() {
    for (one, other, same) in [
        ("https://a.example/http/x?y", "https://A.example:443", true),
        ("https://a.example", "http://a.example", false),
        ("http://a.example", "http://a.example", false),
        ("http://127.0.0.1:81/x", "http://127.0.0.1:82", false),
        ("https://[::1]:8443/x", "https://[::1]:8443", true),
        ("https://a.example@b.example/", "https://a.example", false),
    ] {
        let (one, other) = (origin(one), origin(other));
        assert_eq!(one.is_some() && one == other, same, "{one:?} {other:?}");
    }
}
