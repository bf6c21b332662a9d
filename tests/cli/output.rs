//! The result on standard output, everything else on standard error, in the form that was asked for.

use crate::flow::{Flow, MANIFEST};
use crate::golden;
use crate::harness::{Flowship, Tenant, together};

const ESC: char = '\u{1b}';

#[test]
fn the_result_for_people_is_as_it_was() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .arg("--quiet")
        .run()
        .exit(0);
    assert_eq!(run.stderr, "", "--quiet says nothing when all is well");
    golden::is("deploy-started.txt", &run.stdout);
    let run = Flowship::deploy(&tenant, flow.path())
        .arg("--quiet")
        .run()
        .exit(0);
    golden::is("deploy-unchanged.txt", &run.stdout);
}

#[test]
fn the_result_for_programs_is_one_versioned_object() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .args(["--output", "json"])
        .run()
        .exit(0);
    golden::is("deploy-started.json", &run.stdout);
    let report = run.json();
    assert_eq!(report["schema"], 1);
    assert_eq!(
        report["simulated"], false,
        "a foreign process serves this tenant"
    );
    let artifact = &report["artifacts"][0];
    for (field, is_right) in [
        ("id", artifact["id"] == flow.id),
        ("type", artifact["type"] == "IntegrationFlow"),
        ("package", artifact["package"] == "Orders"),
        ("verdict", artifact["verdict"] == "started"),
        (
            "designtime_version",
            artifact["designtime_version"] == "1.0.3",
        ),
        ("runtime_version", artifact["runtime_version"] == "1.0.3"),
        (
            "content_sha256",
            artifact["content_sha256"]
                .as_str()
                .is_some_and(|digest| digest.len() == 64),
        ),
        (
            "zip_sha256",
            artifact["zip_sha256"] == tenant.running(&flow.id).unwrap().zip_sha256,
        ),
        (
            "task",
            artifact["task"]
                .as_str()
                .is_some_and(|task| task.len() == 36),
        ),
        (
            "seconds",
            artifact["seconds"]
                .as_f64()
                .is_some_and(|seconds| seconds > 0.0),
        ),
        (
            "evidence",
            artifact["evidence"]
                .as_str()
                .is_some_and(|text| text.contains("STARTED")),
        ),
        ("no message", artifact.get("message").is_none()),
    ] {
        assert!(is_right, "{field}: {artifact:#}");
    }
}

#[test]
fn a_failure_has_its_message_in_both_forms() {
    let (tenant, flow) = (Tenant::new(&["start-error=b"]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .args(["--output", "json", "--quiet"])
        .run()
        .exit(1);
    let report = run.json();
    let artifact = &report["artifacts"][0];
    assert_eq!(
        (&artifact["verdict"], &report["exit_code"]),
        (&"failed".into(), &1.into())
    );
    assert!(
        artifact["message"]
            .as_str()
            .unwrap()
            .contains("No credentials for 'SANDBOX_ALIAS' found")
    );
    golden::is("deploy-failed.json", &run.stdout);
    golden::is("deploy-failed.stderr.txt", &run.stderr);
}

#[test]
fn the_common_refusals_say_what_where_why_and_what_next() {
    let (old, new) = (Flow::new(), Flow::changed());
    for (name, scenario, options) in [
        ("draft", "draft", &[][..]),
        ("locked", "locked", &[]),
        ("read-only", "read-only", &[]),
        ("other-package", "id-in-other-package", &[]),
        ("role", "roles-missing=WorkspacePackagesEdit", &[]),
        ("unknown-parameter", "slow=1", &["--set", "Retires=1"]),
    ] {
        let tenant = Tenant::holding(&[scenario], vec![old.deployed(&[])]);
        let run = Flowship::deploy(&tenant, new.path())
            .arg("--quiet")
            .args(options)
            .run();
        assert_ne!(run.code, Some(0));
        golden::is(&format!("refused-{name}.txt"), &run.stderr);
    }
    let run = Flowship::new()
        .args(["deploy"])
        .arg(new.path())
        .args(["--package", "Orders"])
        .run()
        .exit(2);
    golden::is("refused-no-credentials.txt", &run.stderr);
    let invalid = Flow::new().without(MANIFEST);
    let run = Flowship::new()
        .args(["deploy"])
        .arg(invalid.path())
        .args(["--package", "Orders"])
        .run()
        .exit(3);
    golden::is("refused-no-manifest.txt", &run.stderr);
}

#[test]
fn a_refusal_before_the_work_is_an_object_too() {
    let flow = Flow::new();
    let run = Flowship::new()
        .arg("deploy")
        .arg(flow.path())
        .args(["--package", "Orders", "--output", "json"])
        .run()
        .exit(2);
    let report = run.json();
    assert_eq!(report["exit_code"], 2);
    assert_eq!(report["artifacts"], serde_json::json!([]));
    assert!(
        report["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("no credentials"),
        "{run}"
    );
}

#[test]
fn the_embedded_sandbox_says_so_in_every_line() {
    let flow = Flow::new();
    let run = Flowship::new()
        .arg("deploy")
        .arg(flow.path())
        .args(["--package", "Orders", "--sandbox"])
        .env("CPI_URL", "https://tenant.example")
        .env("CPI_PASSWORD", "hunter2hunter2")
        .hiding("hunter2hunter2")
        .run()
        .exit(0)
        .stderr_has("--sandbox ignores CPI_PASSWORD, CPI_URL");
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        assert!(line.starts_with("SIMULATED "), "{line}\n{run}");
    }
    let run = Flowship::new()
        .arg("deploy")
        .arg(flow.path())
        .args(["--package", "Orders", "--sandbox", "--output", "json"])
        .run()
        .exit(0);
    assert_eq!(run.json()["simulated"], true);
}

#[test]
fn a_reader_who_is_gone_changes_nothing_about_the_exit_code() {
    let flow = Flow::new();
    for (scenarios, code, word) in [(&[][..], 0, "started"), (&["build-fail"], 1, "failed")] {
        let tenant = Tenant::new(scenarios);
        Flowship::deploy(&tenant, flow.path())
            .with_closed_stdout()
            .run()
            .exit(code)
            .stderr_has("could not be written to standard output")
            .stderr_has(&format!("state: {}: {word}", flow.id));
        tenant.deployed_once(&flow.id);
    }
    for command in ["check", "pack"] {
        let mut run = Flowship::new().arg(command).arg(flow.path());
        if command == "pack" {
            run = run.args(["-o", "out.zip"]);
        }
        run.with_closed_stdout()
            .run()
            .exit(0)
            .stderr_has("could not be written to standard output");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let flow = Flow::new();
    for (arguments, code) in [
        (&["list", "--sandbox", "--output", "json"][..], 2),
        (&["list", "--sandbox"], 2),
        (&["sandbox", "--list"], 2),
        (&["--help"], 2),
        (&["check", "FLOW"], 2),
        (&["deploy", "FLOW", "--package", "P", "--sandbox"], 2),
        (&["status", "nowhere", "--sandbox"], 1),
    ] {
        let mut run = Flowship::new();
        for argument in arguments {
            run = match *argument {
                "FLOW" => run.arg(flow.path()),
                argument => run.arg(argument),
            };
        }
        run.with_full_stdout()
            .run()
            .exit(code)
            .stderr_has("error: the result could not be written to standard output");
    }
}

#[test]
fn verbose_has_a_line_for_each_request_and_quiet_wins_nothing_over_it() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .args(["--verbose", "--set", "Retries=1"])
        .run()
        .exit(0);
    for request in ["GET ", "POST ", "PUT "] {
        assert!(run.stderr.contains(request), "{request}\n{run}");
    }
    for request in tenant.requests() {
        let path = request
            .split(['(', '?', ' '])
            .nth(1)
            .unwrap()
            .trim_start_matches("/api/v1/");
        assert!(run.stderr.contains(path), "{path} is not told\n{run}");
    }
    let quiet = Tenant::new(&[]);
    let run = Flowship::deploy(&quiet, flow.path())
        .env("FLOWSHIP_QUIET", "1")
        .run()
        .exit(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.starts_with("started "));
}

#[test]
fn colours_are_for_those_who_see_them() {
    type Variables = &'static [(&'static str, &'static str)];
    let flow = Flow::new().without(MANIFEST);
    let cases: &[(&[&str], Variables, bool)] = &[
        (&[], &[], false),
        (&["--color", "always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (
            &["--color", "never"],
            &[("GITHUB_ACTIONS", "true"), ("FORCE_COLOR", "1")],
            false,
        ),
        (&[], &[("GITHUB_ACTIONS", "true")], true),
        (&[], &[("GITLAB_CI", "true")], true),
        (&[], &[("FORCE_COLOR", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "0")], false),
        (&[], &[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")], false),
        (&[], &[("FLOWSHIP_COLOR", "always")], true),
        (&["--color", "auto"], &[("FLOWSHIP_COLOR", "always")], false),
    ];
    for (options, variables, coloured) in cases {
        let mut run = Flowship::new().arg("check").arg(flow.path()).args(*options);
        for (name, value) in *variables {
            run = run.env(name, value);
        }
        let run = run.run().exit(3);
        assert_eq!(
            run.stderr.contains(ESC),
            *coloured,
            "{options:?} {variables:?}\n{run}"
        );
    }
}

#[test]
fn json_is_never_coloured() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .args(["--output", "json", "--color", "always"])
        .run()
        .exit(0);
    assert!(!run.stdout.contains(ESC));
    run.json();
}

#[test]
fn words_of_the_tenant_cannot_give_orders_to_a_terminal_or_a_ci_system() {
    let evil = "cause=first\n::error::injected\n\u{1b}[31mred\u{1b}[0m\u{7}\r::set-output name=a::b\u{202e}";
    let mut cases = Vec::new();
    for shape in ["text", "a", "b", "c"] {
        for options in [&[][..], &["--output", "json"], &["--verbose"]] {
            cases.push((format!("start-error={shape}"), options));
        }
    }
    together(&cases, |(shape, options)| {
        let (tenant, flow) = (Tenant::new(&[shape, evil]), Flow::new());
        let run = Flowship::deploy(&tenant, flow.path())
            .args(*options)
            .run()
            .exit(1);
        for stream in [&run.stdout, &run.stderr] {
            for bad in [ESC, '\u{7}', '\r', '\u{202e}'] {
                assert!(!stream.contains(bad), "{bad:?} was printed\n{run}");
            }
            let mut lines = stream.lines().map(str::trim_start);
            assert!(
                !lines.any(|line| line.starts_with("::")),
                "an order to the CI system\n{run}"
            );
        }
        assert!(
            run.stderr.contains("injected"),
            "the words are not lost\n{run}"
        );
    });
}
