use super::*;
use crate::settings::address::AddressError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const URL: &str = "https://dev.it-cpi023.cfapps.eu10-002.hana.ondemand.com";
const TOKEN_URL: &str = "https://dev.authentication.eu10.hana.ondemand.com/oauth/token";
const ID: &str = "sb-0f1e2d3c!b42|it!b77";
const SECRET: &str = "5c1f0a9e-77b3$Zk9_xQ=";

fn flat() -> String {
    format!(
        r#"{{"clientid":"{ID}","clientsecret":"{SECRET}","tokenurl":"{TOKEN_URL}","url":"{URL}"}}"#
    )
}

fn wrapped() -> String {
    format!(r#"{{"oauth":{}}}"#, flat())
}

fn read_in(environment: &Environment, dir: &Path) -> Result<Credentials, CredentialsError> {
    let result = Credentials::from_named(environment, dir, &VariableNames::default());
    if let Err(error) = &result {
        let text = error.to_string();
        for secret in [SECRET, "hunter22", "0f1e2d3c"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    result
}

fn read(environment: &Environment) -> Result<Credentials, CredentialsError> {
    read_in(environment, Path::new("/nonexistent"))
}

fn read_key(key: &str) -> Result<Credentials, CredentialsError> {
    read(&Environment::default().with("CPI_SERVICE_KEY", key))
}

fn key_error(key: &str) -> KeyError {
    match read_key(key).unwrap_err() {
        CredentialsError::Key { variable, error } => {
            assert_eq!(variable, "CPI_SERVICE_KEY");
            error
        }
        other => panic!("{other}"),
    }
}

fn assert_is_the_key(credentials: &Credentials) {
    assert_eq!(credentials.url.root(), URL);
    let login = Login::ClientCredentials {
        token_url: TokenUrl::parse(TOKEN_URL).unwrap(),
        client_id: ID.to_owned(),
        proof: ClientProof::Secret(Secret::new(SECRET)),
    };
    assert_eq!(credentials.login, login);
}

fn singles() -> Environment {
    Environment::default()
        .with("CPI_URL", URL)
        .with("CPI_TOKEN_URL", "dev.authentication.eu10.hana.ondemand.com")
        .with("CPI_CLIENT_ID", ID)
        .with("CPI_CLIENT_SECRET", &format!("{SECRET}\n"))
}

fn basic() -> Environment {
    Environment::default()
        .with("CPI_URL", URL)
        .with("CPI_USERNAME", "S0012345678")
        .with("CPI_PASSWORD", " hunter22\r\n")
}

#[test]
fn every_shape_of_key() {
    let pretty = serde_json::to_string_pretty(
        &serde_json::from_str::<serde_json::Value>(&wrapped()).unwrap(),
    )
    .unwrap();
    let cf = format!(
        "Getting key deploy for service instance cpi as someone@corp...\n\n{{\n\"credentials\": {}\n}}\n",
        flat()
    );
    let cf8 = format!("Getting key deploy...\r\n{{\"credentials\":{}}}", wrapped());
    let lines: Vec<String> = STANDARD
        .encode(&pretty)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    for key in [
        flat(),
        wrapped(),
        format!("\u{feff}  {pretty}\r\n"),
        format!("'{}'", wrapped()),
        format!("\"{}\"", wrapped()),
        serde_json::to_string(&wrapped()).unwrap(),
        cf,
        cf8,
        STANDARD.encode(wrapped()),
        lines.join("\n"),
        URL_SAFE_NO_PAD.encode(format!("\u{feff}{}", flat())),
        format!("\"{}\"", STANDARD.encode(wrapped())),
    ] {
        assert_is_the_key(&read_key(&key).unwrap_or_else(|error| panic!("{key}: {error}")));
    }
}

#[test]
fn a_file_of_every_shape() {
    let dir = tempfile::tempdir().unwrap();
    let wide: Vec<u8> = format!("\u{feff}{}", wrapped())
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for content in [
        wrapped().into_bytes(),
        STANDARD.encode(flat()).into_bytes(),
        wide,
    ] {
        std::fs::write(dir.path().join("key.json"), content).unwrap();
        let absolute = dir.path().join("key.json").display().to_string();
        for name in ["key.json", "./key.json\n", &absolute] {
            let environment = Environment::default().with("CPI_SERVICE_KEY", name);
            assert_is_the_key(&read_in(&environment, dir.path()).unwrap());
        }
    }
    std::fs::write(dir.path().join("other"), "hunter22").unwrap();
    let environment = Environment::default().with("CPI_SERVICE_KEY", "other");
    let error = read_in(&environment, dir.path()).unwrap_err();
    assert_eq!(
        error,
        CredentialsError::Key {
            variable: "CPI_SERVICE_KEY".into(),
            error: KeyError::NotAKeyFile
        }
    );
}

#[test]
fn where_the_address_came_from() {
    let source = |read: Result<Credentials, CredentialsError>| read.unwrap().url_source;
    assert_eq!(source(read_key(&wrapped())), "CPI_SERVICE_KEY (url)");
    assert_eq!(source(read(&basic())), "CPI_URL");
}

#[test]
fn single_variables() {
    assert_is_the_key(&read(&singles()).unwrap());
    let login = read(&basic()).unwrap().login;
    assert_eq!(
        login,
        Login::Basic {
            username: "S0012345678".into(),
            password: Secret::new(" hunter22")
        }
    );
}

#[test]
fn another_prefix() {
    let environment = Environment::default().with("PROD_CPI_SERVICE_KEY", &wrapped());
    let names = VariableNames::with_prefix("PROD_CPI");
    let credentials = Credentials::from_named(&environment, Path::new("."), &names).unwrap();
    assert_is_the_key(&credentials);
    let error =
        Credentials::from_named(&Environment::default(), Path::new("."), &names).unwrap_err();
    assert!(error.to_string().contains("PROD_CPI_SERVICE_KEY"));
}

#[test]
fn nothing_or_too_little() {
    let text = read(&Environment::default().with("CPI_SERVICE_KEY", " \n"))
        .unwrap_err()
        .to_string();
    for word in [
        "CPI_SERVICE_KEY",
        "CPI_TOKEN_URL",
        "CPI_USERNAME",
        "--sandbox",
    ] {
        assert!(text.contains(word), "{text}");
    }
    let only_url = read(&Environment::default().with("CPI_URL", URL)).unwrap_err();
    assert_eq!(
        only_url,
        CredentialsError::OnlyUrl {
            prefix: "CPI".into()
        }
    );
    let text = read(&Environment::default().with("CPI_CLIENT_ID", ID))
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "CPI_URL, CPI_TOKEN_URL, CPI_CLIENT_SECRET are missing (set: CPI_CLIENT_ID)"
    );
    let text = read(&Environment::default().with("CPI_PASSWORD", "hunter22"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "CPI_URL, CPI_USERNAME are missing (set: CPI_PASSWORD)"
    );
}

#[test]
fn sources_that_disagree_are_both_named() {
    let with_key = |name: &str, value: &str| {
        read(
            &Environment::default()
                .with("CPI_SERVICE_KEY", &wrapped())
                .with(name, value),
        )
    };
    for (name, value) in [
        (
            "CPI_URL",
            "https://prod.it-cpi023.cfapps.eu10-002.hana.ondemand.com",
        ),
        (
            "CPI_TOKEN_URL",
            "https://prod.authentication.eu10.hana.ondemand.com",
        ),
        ("CPI_CLIENT_ID", "sb-other"),
        ("CPI_CLIENT_SECRET", "hunter22"),
        ("CPI_USERNAME", "S0012345678"),
        ("CPI_PASSWORD", "hunter22"),
    ] {
        let text = with_key(name, value).unwrap_err().to_string();
        assert!(
            text.contains("CPI_SERVICE_KEY") && text.contains(name),
            "{text}"
        );
    }
    let text = read(&singles().with("CPI_USERNAME", "u"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("CPI_CLIENT_ID and CPI_USERNAME"), "{text}");
    assert_is_the_key(&with_key("CPI_URL", &format!("{URL}/api/v1/")).unwrap());
    assert_is_the_key(&read(&singles().with("CPI_SERVICE_KEY", &flat())).unwrap());
}

#[test]
fn keys_of_another_kind_are_named() {
    let without_secret = |extra: &str| {
        format!(
            r#"{{"oauth":{{"clientid":"{ID}","tokenurl":"{TOKEN_URL}","url":"{URL}"{extra}}}}}"#
        )
    };
    for (key, error) in [
        (
            flat().replace("|it!b77", "|it-rt-dev!b77"),
            KeyError::IntegrationFlowPlan,
        ),
        (
            flat().replace("sb-0f1e", "sb-it-rt-0f1e"),
            KeyError::IntegrationFlowPlan,
        ),
        (
            flat().replace("it-cpi023.", "it-cpi023-rt."),
            KeyError::RuntimeHost,
        ),
        (
            wrapped().replace(
                "\"clientid\"",
                "\"roles\":[\"ESBMessaging.send\"],\"clientid\"",
            ),
            KeyError::IntegrationFlowPlan,
        ),
        (
            format!(
                r#"{{"clientId":"{ID}","clientSecret":"{SECRET}","tokenUrl":"{TOKEN_URL}","url":"{URL}"}}"#
            ),
            KeyError::ApiManagement,
        ),
        (
            flat().replace("dev.it-cpi023", "dev.apiportal"),
            KeyError::ApiManagement,
        ),
        (
            without_secret(""),
            KeyError::MissingFields(vec!["clientsecret"]),
        ),
        (
            r#"{"oauth":{"CLIENTID":"x"}}"#.into(),
            KeyError::MissingFields(vec!["url", "tokenurl", "clientid", "clientsecret"]),
        ),
        (
            flat().replace(&format!("\"{URL}\""), "null"),
            KeyError::MissingFields(vec!["url"]),
        ),
        (
            format!(r#"{{"uaa":{},"url":"{URL}"}}"#, flat()),
            KeyError::OtherService,
        ),
        (
            format!("[{}]", flat()),
            KeyError::NotAnObject("a JSON array"),
        ),
        (
            "\"hunter22\"".into(),
            KeyError::NotAnObject("a JSON string"),
        ),
        ("12345".into(), KeyError::NotAnObject("a number")),
        ("hunter22".into(), KeyError::NotAKey),
        ("../keys/hunter22.json".into(), KeyError::NotAKey),
    ] {
        assert_eq!(key_error(&key), error, "{key}");
    }
    let error = read_key(&flat().replace(URL, "http://plain.corp")).unwrap_err();
    let plain = CredentialsError::Address {
        source_name: "CPI_SERVICE_KEY (url)".into(),
        error: AddressError::PlainHttp,
    };
    assert_eq!(error, plain);
}

const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nhunter22hunter22\n-----END PRIVATE KEY-----";

/// A key of type certificate, with these texts as they stand in JSON.
fn certificate_key(fields: &[(&str, &str)]) -> String {
    let mut key = serde_json::json!({
        "clientid": ID, "tokenurl": TOKEN_URL, "url": URL, "certificatedetails": {}
    });
    for (name, text) in fields {
        key[*name] = (*text).into();
    }
    serde_json::json!({ "oauth": key }).to_string()
}

fn certificate_of(credentials: &Credentials) -> &ClientCertificate {
    let (certificate, host) = credentials.certificate().unwrap();
    assert_eq!(host, "dev.authentication.cert.eu10.hana.ondemand.com");
    certificate
}

#[test]
fn a_certificate_instead_of_a_secret() {
    let escaped = KEY.replace('\n', "\\n");
    for key in [KEY, &escaped] {
        let credentials = read_key(&certificate_key(&[("certificate", CHAIN), ("key", key)]));
        let credentials = credentials.unwrap();
        let certificate = certificate_of(&credentials);
        assert_eq!(
            (certificate.chain.as_str(), certificate.key.expose()),
            (CHAIN, KEY)
        );
        assert_eq!(certificate.key_source, "CPI_SERVICE_KEY (key)");
        assert!(!format!("{credentials:?}").contains("hunter22"));
        let redactor = Redactor::new();
        credentials.hide_in(&redactor);
        assert_eq!(redactor.clean("a hunter22hunter22 b"), "a *** b");
    }
}

#[test]
fn an_external_certificate_has_its_private_key_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key.pem"), KEY).unwrap();
    let both = format!("{KEY}\n{CHAIN}\n");
    std::fs::write(dir.path().join("both.pem"), &both).unwrap();
    let with_key = |file: &str| {
        Environment::default()
            .with(
                "CPI_SERVICE_KEY",
                &certificate_key(&[("certificate", CHAIN)]),
            )
            .with("CPI_CLIENT_KEY_FILE", file)
    };
    let credentials = read_in(&with_key("key.pem"), dir.path()).unwrap();
    assert_eq!(certificate_of(&credentials).chain, CHAIN);
    let credentials = read_in(&with_key("both.pem"), dir.path()).unwrap();
    assert_eq!(
        certificate_of(&credentials).chain_source,
        "CPI_CLIENT_KEY_FILE"
    );
    let credentials = read_in(&with_key(&both), dir.path()).unwrap();
    assert_eq!(certificate_of(&credentials).key.expose(), both.trim());
    let alone = Environment::default()
        .with("CPI_URL", URL)
        .with("CPI_TOKEN_URL", TOKEN_URL)
        .with("CPI_CLIENT_ID", ID)
        .with("CPI_CLIENT_KEY_FILE", "both.pem");
    assert_eq!(
        certificate_of(&read_in(&alone, dir.path()).unwrap()).key_source,
        "CPI_CLIENT_KEY_FILE"
    );
    let refused = |environment: &Environment| {
        let error = read_in(environment, dir.path()).unwrap_err();
        assert!(error.to_string().contains("CPI_CLIENT_KEY_FILE"), "{error}");
        error
    };
    assert!(matches!(
        refused(&alone.with("CPI_CLIENT_KEY_FILE", "key.pem")),
        CredentialsError::NoCertificate { .. }
    ));
    assert!(matches!(
        refused(&with_key("hunter22")),
        CredentialsError::KeyFile { .. }
    ));
    assert!(matches!(
        refused(&with_key("")),
        CredentialsError::NoPrivateKey { .. }
    ));
    let two = certificate_key(&[
        ("certificate", CHAIN),
        ("key", "-----BEGIN PRIVATE KEY-----"),
    ]);
    assert!(matches!(
        refused(&with_key("key.pem").with("CPI_SERVICE_KEY", &two)),
        CredentialsError::Contradiction { .. }
    ));
    for secret in [flat(), certificate_key(&[("clientsecret", SECRET)])] {
        assert!(matches!(
            refused(&with_key("key.pem").with("CPI_SERVICE_KEY", &secret)),
            CredentialsError::Contradiction { .. }
        ));
    }
    assert!(matches!(
        refused(&singles().with("CPI_CLIENT_KEY_FILE", KEY)),
        CredentialsError::Contradiction { .. }
    ));
}

#[test]
fn the_run_time_of_an_edge_integration_cell_has_its_own_root() {
    let at = |url: &str, location: &str| {
        read(
            &singles()
                .with("CPI_URL", url)
                .with("CPI_RUNTIME_LOCATION", location),
        )
    };
    let below = format!("{URL}/location/plant1");
    for url in [URL, &below] {
        let credentials = at(url, "plant1").unwrap();
        assert_eq!(credentials.url.root(), URL);
        assert_eq!(credentials.runtime.root(), below);
        assert_eq!(credentials.runtime_location(), Some("plant1"));
    }
    let whole = at(&below, "").unwrap();
    assert_eq!(
        (whole.url.root(), whole.runtime.root()),
        (below.clone(), below.clone())
    );
    assert_eq!(at(URL, "").unwrap().runtime_location(), None);
    assert!(matches!(
        at(&below, "plant2").unwrap_err(),
        CredentialsError::Contradiction { .. }
    ));
    for location in ["../x", "a/b", "a b", ".."] {
        let error = at(URL, location).unwrap_err();
        assert!(
            matches!(error, CredentialsError::Location { .. }),
            "{location}"
        );
    }
}

#[test]
fn the_anatomy_of_a_key() {
    let of = |text: &str| ServiceKey::find(text, Path::new("/nonexistent")).unwrap();
    let key = of(&STANDARD.encode(wrapped()));
    let shape = (key.form.as_str(), key.wrapper.as_str(), key.kind());
    assert_eq!(shape, ("base64 of JSON", "oauth", "ClientId/Secret"));
    let names: Vec<_> = key.fields().map(|(name, _)| name).collect();
    assert_eq!(names, ["url", "tokenurl", "clientid", "clientsecret"]);
    assert!(key.missing().is_empty());
    assert_eq!(of(&flat()).wrapper, "");
    let deeper = of(&format!(r#"{{"a":{{"b":{}}}}}"#, flat()));
    assert_eq!(deeper.wrapper, "a.b");
    let caller = key_error(&flat().replace("|it!b77", "|it-rt-dev!b77"));
    assert!(caller.plan().unwrap().starts_with("integration-flow"));
    let external = of(&certificate_key(&[("certificate", CHAIN)]));
    assert_eq!(external.kind(), "External Certificate");
    assert_eq!(external.pem("certificate").as_deref(), Some(CHAIN));
    let empty = of(&certificate_key(&[("url", "")]).replace("certificatedetails", "x"));
    assert_eq!(empty.kind(), "neither secret nor certificate");
    assert_eq!(empty.missing(), ["url", "clientsecret"]);
}

#[test]
fn single_variables_of_another_plan_are_named() {
    let error = read(&singles().with("CPI_CLIENT_ID", "sb-x!b1|it-rt-dev!b2")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("CPI_CLIENT_ID is a key of plan integration-flow"),
        "{error}"
    );
    let error = read(&singles().with(
        "CPI_URL",
        "https://dev.it-cpi023-rt.cfapps.eu10.hana.ondemand.com",
    ))
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("CPI_URL is the address of the runtime"),
        "{error}"
    );
}

#[test]
fn broken_json_says_where() {
    assert!(matches!(
        key_error(&flat()[..60]),
        KeyError::Cut {
            line: 1,
            column: 60
        }
    ));
    let cut = STANDARD.encode(wrapped());
    assert!(matches!(
        key_error(&cut[..101]),
        KeyError::Cut { line: 1, .. }
    ));
    let broken = format!("Getting key...\n{}", flat().replacen("\",", "\"", 1));
    assert!(matches!(
        key_error(&broken),
        KeyError::Broken { line: 2, .. }
    ));
    assert!(matches!(
        key_error(&format!("{} and more", flat())),
        KeyError::Broken { line: 1, .. }
    ));
}

#[test]
fn neo_is_recognised() {
    assert!(!read(&singles()).unwrap().is_neo());
    let neo = basic().with(
        "CPI_URL",
        "https://a1b2-tmn.hci.eu1.hana.ondemand.com/itspaces",
    );
    assert!(read(&neo).unwrap().is_neo());
    let neo = singles().with(
        "CPI_TOKEN_URL",
        "https://oauthasservices-a1b2.hana.ondemand.com/oauth2/api/v1/token",
    );
    assert!(read(&neo).unwrap().is_neo());
}

#[test]
fn debug_and_redactor_hide_the_secret() {
    let credentials = read(&singles()).unwrap();
    assert!(!format!("{credentials:?}").contains(SECRET));
    let redactor = Redactor::new();
    credentials.hide_in(&redactor);
    assert_eq!(redactor.clean(SECRET), "***");
}

proptest::proptest! {
    #[test]
    fn any_key_text_is_an_error_and_never_a_panic(text in "\\PC{0,80}") {
        proptest::prop_assert!(read_key(&text).is_err());
    }
}
