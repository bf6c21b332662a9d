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
