//! Every shape of a key is read or clearly refused, and where sources disagree nothing is sent anywhere.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::{Value, json};

use crate::flow::Flow;
use crate::harness::{Flowship, Run, Tenant, together};

/// What a run needs beside its credentials; it uploads only, to be quick.
fn call<'a>(tenant: &'a Tenant, flow: &Flow) -> Flowship<'a> {
    Flowship::new()
        .watching(tenant)
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .args(["--package", "Orders", "--no-deploy"])
}

fn with_key(key: &str) -> Run {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let run = call(&tenant, &flow).env("CPI_SERVICE_KEY", key).run();
    assert_eq!(tenant.request_log().entries, [], "something was sent");
    run
}

/// The key of a tenant, as an object.
fn key_of(tenant: &Tenant) -> Value {
    serde_json::from_str(&tenant.variable("CPI_SERVICE_KEY")).unwrap()
}

#[test]
fn every_shape_of_a_good_key_is_read() {
    type Shape = (&'static str, fn(&Value) -> String);
    let shapes: &[Shape] = &[
        ("as printed", |key| key.to_string()),
        ("on many lines", |key| {
            serde_json::to_string_pretty(key).unwrap()
        }),
        ("with CRLF", |key| {
            serde_json::to_string_pretty(key)
                .unwrap()
                .replace('\n', "\r\n")
        }),
        ("flat", |key| key["oauth"].to_string()),
        ("with a byte order mark", |key| format!("\u{feff}{key}")),
        ("in white space", |key| format!("\n  {key}  \n\n")),
        ("in single quotes", |key| format!("'{key}'")),
        ("as a JSON string", |key| {
            Value::String(key.to_string()).to_string()
        }),
        ("base64", |key| STANDARD.encode(key.to_string())),
        ("base64 without padding", |key| {
            STANDARD_NO_PAD.encode(key.to_string())
        }),
        ("base64 for addresses", |key| {
            URL_SAFE.encode(key.to_string())
        }),
        ("base64 in lines", |key| {
            let text = STANDARD.encode(key.to_string());
            text.as_bytes()
                .chunks(76)
                .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
                .collect()
        }),
        ("after the words of cf", |key| {
            format!("Getting key k for service instance i as me...\n\n{key}\n")
        }),
        ("below credentials, as cf 8 prints it", |key| {
            json!({"credentials": key}).to_string()
        }),
        ("with a slash and a path", |key| {
            let mut key = key.clone();
            key["oauth"]["url"] =
                format!("{}/api/v1/", key["oauth"]["url"].as_str().unwrap()).into();
            key.to_string()
        }),
        ("with the address of the web UI", |key| {
            let mut key = key.clone();
            key["oauth"]["url"] = format!(
                "{}/itspaces/shell/home",
                key["oauth"]["url"].as_str().unwrap()
            )
            .into();
            key.to_string()
        }),
        ("with a bare token server", |key| {
            let mut key = key.clone();
            let url = key["oauth"]["tokenurl"]
                .as_str()
                .unwrap()
                .replace("/oauth/token", "");
            key["oauth"]["tokenurl"] = url.into();
            key.to_string()
        }),
    ];
    together(shapes, |(name, shape)| {
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        let run = call(&tenant, &flow)
            .env("CPI_SERVICE_KEY", shape(&key_of(&tenant)))
            .run();
        assert_eq!(run.code, Some(0), "{name}\n{run}");
        assert!(tenant.design(&flow.id).is_some(), "{name}");
    });
}

#[test]
fn a_key_in_a_file_is_found_from_the_working_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let key = tenant.variable("CPI_SERVICE_KEY");
    fs::write(
        directory.path().join("key.json"),
        format!("\u{feff}{key}\r\n"),
    )
    .unwrap();
    fs::write(directory.path().join("key.b64"), STANDARD.encode(&key)).unwrap();
    let absolute = directory
        .path()
        .join("key.json")
        .to_str()
        .unwrap()
        .to_owned();
    for name in ["key.json", "key.b64", absolute.as_str()] {
        call(&tenant, &flow)
            .in_directory(directory.path())
            .env("CPI_SERVICE_KEY", name)
            .run()
            .exit(0);
    }
}

#[test]
fn single_variables_are_as_good_as_a_key_and_agree_with_it() {
    let oauth = [
        "CPI_URL",
        "CPI_TOKEN_URL",
        "CPI_CLIENT_ID",
        "CPI_CLIENT_SECRET",
    ];
    for names in [
        &oauth[..],
        &["CPI_SERVICE_KEY"],
        &["CPI_SERVICE_KEY", "CPI_URL", "CPI_CLIENT_ID"],
    ] {
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        let mut run = call(&tenant, &flow);
        for name in names {
            run = run.env(name, tenant.variable(name));
        }
        run.run().exit(0);
    }
}

#[test]
fn an_empty_variable_is_an_unset_one() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    call(&tenant, &flow)
        .env("CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
        .env("CPI_URL", "")
        .env("CPI_USERNAME", "")
        .env("CPI_PASSWORD", "")
        .env("FLOWSHIP_PACKAGE_NAME", "")
        .run()
        .exit(0);
    with_key("")
        .exit(2)
        .stderr_has("no credentials: set CPI_SERVICE_KEY");
}

#[test]
fn a_key_that_cannot_be_used_says_what_it_is_and_what_is_needed() {
    let api = |url: &str| json!({"oauth": {"clientid": "sb-1!b1|it!b1", "clientsecret": "s3cr3t-of-the-key", "url": url, "tokenurl": "https://t.example/oauth/token"}});
    let with = |field: &str, value: Value| {
        let mut key = api("https://a.it-cpi001.cfapps.eu10.hana.ondemand.com");
        key["oauth"][field] = value;
        key
    };
    let without = |field: &str| {
        let mut key = api("https://a.it-cpi001.cfapps.eu10.hana.ondemand.com");
        key["oauth"].as_object_mut().unwrap().remove(field);
        key
    };
    let certificate = json!({"oauth": {"clientid": "sb-1!b1|it!b1", "certificate": "-----BEGIN", "key": "-----BEGIN s3cr3t-of-the-key", "url": "https://a.example", "tokenurl": "https://t.example/oauth/token"}});
    let apim = json!({"clientId": "sb-apiaccess", "clientSecret": "s3cr3t-of-the-key", "tokenUrl": "https://t.example/oauth/token", "url": "https://eu10apiportal.cfapps.eu10.hana.ondemand.com"});
    let cases: &[(String, &str)] = &[
        (
            with("clientid", "sb-1!b1|it-rt-x!b1".into()).to_string(),
            "is a key of plan integration-flow",
        ),
        (
            with(
                "url",
                "https://a.it-cpi001-rt.cfapps.eu10.hana.ondemand.com".into(),
            )
            .to_string(),
            "plan integration-flow",
        ),
        (
            with("roles", json!(["ESBMessaging.send"])).to_string(),
            "is a key of plan integration-flow",
        ),
        (
            certificate.to_string(),
            "CPI_SERVICE_KEY (certificate) holds no certificate",
        ),
        (apim.to_string(), "is a key of API Management"),
        (without("clientsecret").to_string(), "has no clientsecret"),
        (without("url").to_string(), "has no url"),
        (without("tokenurl").to_string(), "has no tokenurl"),
        (
            with("url", "http://a.example".into()).to_string(),
            "plain http",
        ),
        (
            with("tokenurl", "http://t.example/oauth/token".into()).to_string(),
            "plain http",
        ),
        (
            with("url", "https://user:pw@a.example".into()).to_string(),
            "user or password before the host",
        ),
        (
            with("url", "https://a b".into()).to_string(),
            "no valid host",
        ),
        (
            api("https://a.example").to_string()[..60].to_owned(),
            "is cut",
        ),
        (
            api("https://a.example").to_string().replace(':', "="),
            "is not valid JSON",
        ),
        ("[1]".to_owned(), "a JSON array"),
        (
            "{}".to_owned(),
            "has no url, no tokenurl, no clientid, no clientsecret",
        ),
        ("not-a-key".to_owned(), "nor the path of a file that exists"),
        (STANDARD.encode("not a key at all"), "nor base64 of it"),
    ];
    for (key, said) in cases {
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        call(&tenant, &flow)
            .env("CPI_SERVICE_KEY", key)
            .hiding("s3cr3t-of-the-key")
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has("CPI_SERVICE_KEY")
            .stderr_has(said);
    }
}

#[test]
fn two_sources_that_disagree_are_both_named_and_nothing_is_sent() {
    let other = Tenant::new(&[]);
    let cases: &[(&[&str], &str, &str)] = &[
        (
            &["CPI_SERVICE_KEY"],
            "CPI_URL",
            "CPI_SERVICE_KEY and CPI_URL do not say the same",
        ),
        (
            &["CPI_SERVICE_KEY"],
            "CPI_TOKEN_URL",
            "CPI_SERVICE_KEY and CPI_TOKEN_URL do not say the same",
        ),
        (
            &["CPI_SERVICE_KEY"],
            "CPI_CLIENT_ID",
            "CPI_SERVICE_KEY and CPI_CLIENT_ID do not say the same",
        ),
        (
            &["CPI_SERVICE_KEY"],
            "CPI_CLIENT_SECRET",
            "CPI_SERVICE_KEY and CPI_CLIENT_SECRET do not say the same",
        ),
        (
            &["CPI_SERVICE_KEY"],
            "CPI_USERNAME",
            "CPI_SERVICE_KEY and CPI_USERNAME are two different ways to log on",
        ),
        (
            &["CPI_SERVICE_KEY"],
            "CPI_PASSWORD",
            "CPI_SERVICE_KEY and CPI_PASSWORD are two different ways to log on",
        ),
        (
            &["CPI_URL", "CPI_USERNAME", "CPI_PASSWORD"],
            "CPI_CLIENT_ID",
            "CPI_CLIENT_ID and CPI_USERNAME are two different ways to log on",
        ),
    ];
    for (names, stray, said) in cases {
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        let mut run = call(&tenant, &flow).watching(&other);
        for name in *names {
            run = run.env(name, tenant.variable(name));
        }
        run.env(stray, other.variable(stray))
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
        assert_eq!(tenant.request_log().entries, []);
    }
    assert_eq!(other.request_log().entries, []);
}

#[test]
fn what_is_missing_is_named_beside_what_is_set() {
    let cases: &[(&[&str], &str)] = &[
        (&["CPI_URL"], "CPI_URL is set, but nothing to log on with"),
        (
            &["CPI_URL", "CPI_CLIENT_ID", "CPI_CLIENT_SECRET"],
            "CPI_TOKEN_URL is missing",
        ),
        (
            &["CPI_CLIENT_ID"],
            "CPI_URL, CPI_TOKEN_URL, CPI_CLIENT_SECRET are missing (set: CPI_CLIENT_ID)",
        ),
        (&["CPI_URL", "CPI_USERNAME"], "CPI_PASSWORD is missing"),
    ];
    for (names, said) in cases {
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        let mut run = call(&tenant, &flow);
        for name in *names {
            run = run.env(name, tenant.variable(name));
        }
        run.run().exit(2).no_stdout().stderr_has(said);
        assert_eq!(tenant.request_log().entries, []);
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let flow = Flow::new();
    let tenant = Tenant::new(&[]);
    call(&tenant, &flow)
        .env("CPI_URL", "http://tenant.example")
        .env("CPI_USERNAME", "S0001")
        .env("CPI_PASSWORD", "hunter2hunter2")
        .hiding("hunter2hunter2")
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("CPI_URL uses plain http");
}

#[test]
fn a_password_that_is_no_text_is_refused_by_name() {
    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let flow = Flow::new();
        let tenant = Tenant::new(&[]);
        call(&tenant, &flow)
            .env("CPI_URL", tenant.variable("CPI_URL"))
            .env("CPI_USERNAME", "S0001")
            .env("CPI_PASSWORD", OsStr::from_bytes(b"h\xfcnter"))
            .run()
            .exit(2)
            .stderr_has("CPI_PASSWORD does not hold UTF-8 text");
    }
}
