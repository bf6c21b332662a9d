//! Every run of these tests is searched for secrets (`harness`). Here are the runs in which they come nearest to an
//! output, and the proof that the search finds what it searches for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::flow::Flow;
use crate::harness::{Flowship, Tenant, forms, together};

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let secret = "a1b2c3-d4$ÄÖ?>/+x=";
    for text in [
        secret.to_owned(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        STANDARD.encode(format!("sb-client:{secret}")),
        STANDARD.encode(format!("x{secret} and more")),
        STANDARD.encode(format!("xy{secret} and more")),
        "a1b2c3-d4%24%C3%84%C3%96%3F%3E%2F%2Bx%3D".to_owned(),
        "a1b2c3-d4%24%c3%84%c3%96%3f%3e%2f%2bx%3d".to_owned(),
    ] {
        assert!(
            forms(secret).iter().any(|form| text.contains(form)),
            "{text}"
        );
    }
    assert!(
        !forms(secret)
            .iter()
            .any(|form| "nothing of it".contains(form.as_str()))
    );
}

#[test]
#[should_panic(expected = "a secret was printed")]
fn a_run_that_prints_a_secret_fails_its_test() {
    let _ = Flowship::new().arg("--version").hiding("flowship").run();
}

/// A tenant that repeats what it was told.
#[test]
fn a_secret_in_the_words_of_the_tenant_is_masked() {
    let secret = "0123456789-abcdefghij";
    let said = format!("cause=cannot log on with {secret}");
    together(&["--verbose", "--quiet"], |option| {
        let (tenant, flow) = (Tenant::new(&["start-error=text", &said]), Flow::new());
        Flowship::deploy(&tenant, flow.path())
            .args([*option, "--set-from-env", "Retries=OTHER"])
            .env("OTHER", secret)
            .hiding(secret)
            .run()
            .exit(1)
            .stderr_has("cannot log on with ***");
    });
}

#[test]
fn no_failure_of_the_token_server_prints_what_it_was_sent() {
    let kinds = [
        "401",
        "502",
        "200-page",
        "truncated",
        "garbage",
        "redirect",
        "cut-after",
        "unclosed",
        "400-text",
    ];
    together(&kinds, |kind| {
        let (tenant, flow) = (
            Tenant::new(&[&format!("fault={kind}@POST:/oauth/token")]),
            Flow::new(),
        );
        let run = Flowship::deploy(&tenant, flow.path())
            .args(["--verbose", "--timeout", "2s"])
            .run();
        assert!(matches!(run.code, Some(4..=6)), "{kind}\n{run}");
        tenant.is_untouched();
    });
}

#[test]
fn a_token_is_read_in_whatever_shape_it_comes() {
    let shapes = [
        "token-answer=201",
        "token-answer=203",
        "token-answer=scope-list",
        "token-answer=twice",
        "token-answer=trailing",
        "token-answer=camel-case",
        "token-answer=expires-text",
        "token-answer=expires-zero",
        "token-answer=no-expiry",
        "fault=bom@POST:/oauth/token",
    ];
    together(&shapes, |shape| {
        let (tenant, flow) = (Tenant::new(&[shape]), Flow::new());
        Flowship::deploy(&tenant, flow.path())
            .arg("--verbose")
            .run()
            .exit(0)
            .verdict("started");
        tenant.runs(&flow);
    });
}

#[test]
fn what_is_wrong_with_an_unreadable_token_answer_is_told_without_a_word_of_it() {
    let flow = Flow::new();
    for command in ["deploy", "doctor"] {
        let tenant = Tenant::new(&["fault=unclosed@POST:/oauth/token"]);
        let run = match command {
            "deploy" => Flowship::deploy(&tenant, flow.path()),
            _ => Flowship::new().against(&tenant).arg(command),
        };
        let run = run.args(["--verbose", "--timeout", "2s"]).run().exit(6);
        let told = format!("{}{}", run.stdout, run.stderr);
        for text in [
            "the token server's answer holds no token",
            "bytes of application/json, not valid JSON (not shown)",
        ] {
            assert!(told.contains(text), "{text}\n{run}");
        }
        tenant.is_untouched();
    }
}

const CONFIGURED: &str = "s3cr3t-of-0perations";

#[test]
fn parameters_that_cannot_be_read_are_not_quoted() {
    let (old, new) = (Flow::new(), Flow::changed());
    for (kind, code) in [("unclosed", 6), ("400-text", 1)] {
        let tenant = Tenant::holding(
            &[&format!("fault={kind}@GET:Configurations")],
            vec![old.deployed(&[("Retries", CONFIGURED)])],
        );
        Flowship::deploy(&tenant, new.path())
            .args(["--verbose", "--timeout", "3s"])
            .hiding(CONFIGURED)
            .run()
            .exit(code)
            .stderr_has("/Configurations")
            .stderr_has("JSON (not shown)");
        tenant.is_untouched();
    }
}

/// The value of operations is put back after an upload that reset it, and the refusal repeats it.
#[test]
fn a_refusal_that_repeats_the_value_is_told_without_it() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(
        &["reset-parameters", "parameter-refused"],
        vec![old.deployed(&[("Receiver Address", CONFIGURED)])],
    );
    let run = Flowship::deploy(&tenant, new.path()).run().exit(1);
    let run = run.stderr_has("The value '***' of parameter 'Receiver Address' is not valid.");
    assert!(
        !run.stdout.contains(CONFIGURED) && !run.stderr.contains(CONFIGURED),
        "{run}"
    );
}

/// Whatever call is answered in a shape that cannot be read, no output has a word of it.
#[test]
fn no_phase_of_a_run_prints_what_it_could_not_read() {
    let calls = [
        "POST:/oauth/token",
        "*:IntegrationPackages",
        "GET:IntegrationDesigntimeArtifacts(",
        "GET:/Configurations",
        "GET:/$value",
        "PUT:IntegrationDesigntimeArtifacts(",
        "PUT:$links/Configurations",
        "POST:Deploy",
        "GET:BuildAndDeployStatus",
        "GET:IntegrationRuntimeArtifacts",
        "GET:ErrorInformation",
    ];
    let cases: Vec<(&str, &str, &str)> = calls
        .iter()
        .flat_map(|call| ["unclosed", "400-text", "bom"].map(|kind| (kind, *call)))
        .flat_map(|(kind, call)| {
            ["deploy", "redeploy", "doctor"].map(|command| (kind, call, command))
        })
        .collect();
    together(&cases, |(kind, call, command)| {
        let (old, new) = (Flow::new(), Flow::changed());
        let fault = format!("fault={kind}@{call}");
        let tenant = Tenant::holding(
            &[&fault, "start-error", "reset-parameters"],
            vec![old.deployed(&[("Retries", CONFIGURED)])],
        );
        let path = new.path().to_string_lossy();
        let what: &[&str] = match *command {
            "deploy" => &[&path, "--package", "Orders"],
            "redeploy" => &[&new.id],
            _ => &[],
        };
        let written: &[&str] = match *command {
            "doctor" => &[],
            _ => &[
                "--set-from-env",
                "Receiver Address=OTHER",
                "--report-junit",
                "junit.xml",
            ],
        };
        let run = Flowship::new()
            .against(&tenant)
            .arg(command)
            .args(what)
            .args(written)
            .args(["--verbose", "--output", "json", "--timeout", "4s"])
            .env("OTHER", "an0ther-s3cr3t")
            .hiding("an0ther-s3cr3t")
            .run();
        let report = match *command {
            "doctor" => String::new(),
            _ => run.written("junit.xml"),
        };
        let seen = format!("{}{}{report}", run.stdout, run.stderr);
        assert!(!seen.contains(CONFIGURED), "{fault}\n{run}");
    });
}

#[test]
fn the_embedded_sandbox_prints_no_secret_of_its_own() {
    let flow = Flow::new();
    let run = Flowship::new()
        .arg("deploy")
        .arg(flow.path())
        .args(["--package", "Orders", "--sandbox", "--verbose"])
        .run()
        .exit(0);
    for word in ["Bearer ", "Basic ", "clientsecret", "access_token", "eyJ"] {
        assert!(
            !run.stderr.contains(word) && !run.stdout.contains(word),
            "{word}\n{run}"
        );
    }
}
