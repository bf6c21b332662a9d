//! Each scenario of the sandbox at least once: the exit code, the word, what is said, and what runs at the end.

use flowship::sandbox::Deed;

use crate::flow::{Flow, MANIFEST};
use crate::harness::{Flowship, Run, Tenant, together};

/// What is on the tenant before the run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    /// An earlier version runs.
    Earlier,
}

use Before::{Earlier, Nothing};

/// Deploys the changed flow once; fails unless exactly one deployment was accepted.
fn deploy(scenarios: &[&str], before: Before, options: &[&str]) -> (Tenant, Run) {
    let (old, new) = (Flow::new(), Flow::changed());
    let preload = match before {
        Nothing => Vec::new(),
        Earlier => vec![old.deployed(&[("Retries", "8")])],
    };
    let tenant = Tenant::holding(scenarios, preload);
    let run = Flowship::deploy(&tenant, new.path()).args(options).run();
    tenant.deployed_once(&new.id);
    (tenant, run)
}

/// Tenants on which all is well in the end, however they get there.
#[test]
fn what_ends_well_is_green_and_runs() {
    let cases: &[(&[&str], Before)] = &[
        (&["slow=30"], Nothing),
        (&["slow=30"], Earlier),
        (&["flapping-error=20"], Nothing),
        (&["flapping-error=20"], Earlier),
        (&["postponed-redeploy=40"], Earlier),
        // longer than any doubt is watched: what was before runs until then
        (&["runtime-restart", "postponed-redeploy=240"], Earlier),
        (&["stale-started=30"], Earlier),
        (&["stale-error=30"], Earlier),
        (&["unknown-status=passing"], Nothing),
        (&["unknown-status=passing"], Earlier),
        (&["task-late=20"], Nothing),
        (&["no-task-id"], Nothing),
        (&["quoted-task-id"], Nothing),
        (&["no-task-api=404"], Earlier),
        (&["no-task-api=405"], Nothing),
        (&["no-task-api=501"], Earlier),
        (&["deployed-on=appear"], Earlier),
        (&["deployed-on=call", "slow=30"], Earlier),
        (&["foreign-deploy=before", "slow=30"], Earlier),
        (&["csrf"], Nothing),
        (&["csrf"], Earlier),
        (&["neo"], Earlier),
        (&["api-prefix=/location/edge"], Nothing),
        (&["rate-limit=3"], Earlier),
        (&["rate-limit=3,seconds"], Nothing),
        (&["rate-limit=3,date"], Nothing),
        (&["reset-parameters"], Earlier),
        (&["keep-all-parameters"], Earlier),
        (
            &["parameter-moves-modified-at", "reset-parameters"],
            Earlier,
        ),
        (&["no-modified-at"], Nothing),
        (&["no-modified-at"], Earlier),
        (&["modified-at-format=epoch"], Earlier),
        (&["modified-at-format=odata"], Earlier),
        (&["modified-at-format=iso"], Earlier),
        (&["version-policy=raise"], Earlier),
        (&["version-policy=manifest"], Earlier),
        (&["version-policy=keep"], Earlier),
        (&["version-policy=create-1.0.0"], Nothing),
        (&["resource-put=200"], Earlier),
        (&["any-package-id"], Nothing),
        (&["latency=0.5"], Earlier),
        (&["page-size=1"], Earlier),
        (&["slow-start=30"], Nothing),
        (&["slow-start=30"], Earlier),
        (&["modified-by"], Earlier),
        (&["deployed-by"], Earlier),
    ];
    together(cases, |(scenarios, before)| {
        let (tenant, run) = deploy(scenarios, *before, &[]);
        let _ = run.exit(0).verdict("started");
        let parameters = tenant.runs(&Flow::changed());
        let retries = if *before == Earlier { "8" } else { "3" };
        assert!(
            parameters.contains(&("Retries".to_owned(), retries.to_owned())),
            "{scenarios:?} {before:?}: {parameters:?}"
        );
    });
}

/// Tenants that decide against the deployment: each with its cause, and what still runs.
#[test]
fn what_the_tenant_decides_against_is_red_with_its_cause() {
    let alias = "No credentials for 'SANDBOX_ALIAS' found";
    let cases: &[(&[&str], Before, &[&str])] = &[
        (
            &["build-fail"],
            Nothing,
            &["the build of the new content failed", alias],
        ),
        (
            &["build-fail=bare"],
            Nothing,
            &[
                "the build of the new content failed",
                "the tenant gives no error text",
            ],
        ),
        (
            &["build-fail"],
            Earlier,
            &[
                "the build of the new content failed",
                "the deployment before still runs",
            ],
        ),
        (
            &["license-error"],
            Nothing,
            &["licence does not allow", "FAIL_ON_LICENSE_ERROR"],
        ),
        (
            &["start-error=a"],
            Nothing,
            &["does not start", alias, "Manage Security Material"],
        ),
        (&["start-error=b"], Nothing, &[alias]),
        (&["start-error=c"], Earlier, &[alias]),
        (&["start-error=text"], Earlier, &[alias]),
        (
            &["start-error", "cause=Keystore alias 'north' is missing"],
            Nothing,
            &["Keystore alias 'north' is missing", "Manage Keystore"],
        ),
        (&["start-error-late-text=60"], Nothing, &[alias]),
        (
            &["start-error-in-place"],
            Earlier,
            &["does not start", alias],
        ),
        (
            &["stale-error=20", "start-error=a"],
            Earlier,
            &["does not start", alias],
        ),
        (
            &["build-fail", "task-late=20"],
            Nothing,
            &["the build of the new content failed"],
        ),
    ];
    together(cases, |(scenarios, before, said)| {
        let (tenant, run) = deploy(scenarios, *before, &[]);
        let run = run.exit(1).verdict("failed");
        for text in *said {
            assert!(run.stderr.contains(text), "no `{text}`\n{run}");
        }
        let runs = tenant.running(&Flow::new().id).map(|record| record.status);
        let expected = match (before, scenarios[0]) {
            (Earlier, "build-fail") => Some("STARTED"),
            (Nothing, "build-fail=bare" | "license-error") => None,
            _ => Some("ERROR"),
        };
        assert_eq!(runs.as_deref(), expected, "{scenarios:?}");
    });
}

/// Tenants that do not decide in time: never green.
#[test]
fn what_cannot_be_shown_in_time_is_undecided() {
    let cases: &[(&[&str], Before, &str)] = &[
        (&["slow=1000"], Nothing, "DEPLOYING"),
        (&["slow=1000"], Earlier, "runtime STARTED"),
        (&["task-stuck=idle"], Nothing, "DEPLOYING"),
        (&["task-stuck=running"], Nothing, "DEPLOYING"),
        (&["unknown-status=forever"], Earlier, "PROVISIONING"),
        (&["postponed-redeploy=1000"], Earlier, "(not new)"),
    ];
    together(cases, |(scenarios, before, seen)| {
        let (_, run) = deploy(scenarios, *before, &["--timeout", "12s"]);
        let _ = run
            .exit(7)
            .verdict("undecided")
            .stdout_has(seen)
            .stderr_has("the time is up and the deployment is not decided");
    });
}

#[test]
fn a_flow_that_goes_to_another_runtime_is_named_as_such() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["never-appears"]);
    // the question comes five seconds after SUCCESS; the rest is room for a loaded machine
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "30s"])
        .run()
        .exit(7)
        .verdict("undecided")
        .stdout_has("runtime shows nothing")
        .stderr_has("SAP_ProfileId=integrationcell");
    tenant.deployed_once(&flow.id);
}

/// Somebody else is quicker: what runs may be theirs, so it is not green.
#[test]
fn what_somebody_else_saved_meanwhile_is_superseded() {
    let cases: &[(&[&str], Before)] = &[
        (&["foreign-save=before-deploy"], Nothing),
        (&["foreign-save=before-deploy"], Earlier),
        (&["foreign-save=after-deploy"], Earlier),
        (&["foreign-save=before-deploy", "no-modified-at"], Earlier),
    ];
    together(cases, |(scenarios, before)| {
        let (_, run) = deploy(scenarios, *before, &[]);
        let _ = run
            .exit(1)
            .verdict("superseded")
            .stderr_has("saved other content");
    });
}

#[test]
fn what_somebody_else_saved_right_after_the_upload_is_not_deployed() {
    together(&[Nothing, Earlier], |before| {
        let (old, new) = (Flow::new(), Flow::changed());
        let preload = if *before == Earlier {
            vec![old.deployed(&[])]
        } else {
            Vec::new()
        };
        let tenant = Tenant::holding(&["foreign-save=after-upload"], preload);
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(1)
            .verdict("superseded")
            .stderr_has("colleague@example.com saved other content");
        tenant.deployed(&new.id, 0);
    });
}

#[test]
fn a_deployment_of_somebody_else_is_not_taken_for_ours() {
    // theirs is STARTED while ours is still being built, and ours then fails
    let (tenant, run) = deploy(
        &["foreign-deploy=before", "slow=60", "build-fail"],
        Earlier,
        &[],
    );
    let _ = run.exit(1).verdict("failed");
    assert_eq!(
        tenant.running(&Flow::new().id).unwrap().deployed_by,
        "colleague@example.com"
    );
}

#[test]
fn started_must_hold_as_long_as_asked() {
    let (_, run) = deploy(&[], Nothing, &["--settle", "2s", "--output", "json"]);
    let run = run.exit(0);
    let seconds = run.json()["artifacts"][0]["seconds"].as_f64().unwrap();
    assert!(seconds >= 2.0, "{run}");
}

#[test]
fn basic_authentication_brings_its_csrf_token() {
    let cases = [&[][..], &["basic-only"], &["csrf"]];
    together(&cases, |scenarios| {
        let (tenant, flow) = (Tenant::new(scenarios), Flow::new());
        Flowship::new()
            .watching(&tenant)
            .args(["deploy".as_ref(), flow.path().as_os_str()])
            .args(["--package", "Orders"])
            .env("CPI_URL", tenant.variable("CPI_URL"))
            .env("CPI_USERNAME", tenant.variable("CPI_USERNAME"))
            .env("CPI_PASSWORD", tenant.variable("CPI_PASSWORD"))
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&flow.id);
        tenant.runs(&flow);
    });
}

#[test]
fn a_key_for_a_tenant_with_basic_authentication_only_is_refused_with_the_reason() {
    let (tenant, flow) = (Tenant::new(&["basic-only"]), Flow::new());
    let run = Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "5s"])
        .run();
    assert!(matches!(run.code, Some(4..=6)), "{run}");
    let _ = run.stderr_has("/oauth/token");
    tenant.is_untouched();
}

#[test]
fn a_wrong_secret_is_refused_without_many_attempts() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::new()
        .watching(&tenant)
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .args(["--package", "Orders"])
        .env("CPI_URL", tenant.variable("CPI_URL"))
        .env("CPI_TOKEN_URL", tenant.variable("CPI_TOKEN_URL"))
        .env("CPI_CLIENT_ID", tenant.variable("CPI_CLIENT_ID"))
        .env("CPI_CLIENT_SECRET", "of the year before")
        .hiding("of the year before")
        .run()
        .exit(4)
        .stderr_has("the token server refused the credentials");
    let attempts = tenant.request_log().entries.len();
    assert!(
        attempts <= 2,
        "{attempts} attempts: asking often locks clients out"
    );
}

#[test]
fn a_token_that_ends_in_mid_run_is_renewed() {
    let flow = Flow::new();
    let tenant = Tenant::at_speed(1.0, &["expired-token=2", "slow=5"], Vec::new());
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    let tokens = tenant.request_log().matching("POST", "/oauth/token").len();
    assert!((2..=5).contains(&tokens), "{tokens} tokens in six seconds");
}

#[test]
fn a_deployment_of_somebody_else_after_ours_changes_nothing_of_the_verdict() {
    // two seconds after ours has started: our verdict is there by then
    let old = Flow::new();
    let new = Flow::changed();
    let tenant = Tenant::at_speed(0.5, &["foreign-deploy=after"], vec![old.deployed(&[])]);
    Flowship::deploy(&tenant, new.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&new.id);
}

/// A scenario without a test is a promise that nobody keeps.
#[test]
fn every_scenario_of_the_sandbox_is_in_a_test() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
    let sources: String = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for info in flowship::sandbox::Scenario::all() {
        let name = info.name;
        let used = [
            format!("\"{name}\""),
            format!("\"{name}="),
            format!("\"{name}@"),
        ];
        assert!(
            used.iter().any(|text| sources.contains(text)),
            "no test chooses the scenario {name}"
        );
    }
}

#[test]
fn a_stopped_flow_whose_content_is_unchanged_is_reported_and_not_started() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&["stopped"], vec![flow.deployed(&[])]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(1)
        .verdict("skipped")
        .stderr_has("was stopped on the tenant")
        .stderr_has("--force");
    tenant.is_untouched();
    assert_eq!(tenant.running(&flow.id).unwrap().status, "STOPPED");
    let _ = Flowship::deploy(&tenant, flow.path())
        .arg("--force")
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

/// The first run ends before the flow has started; the second finds its deployment still going on, and that it is ours
/// in content.
#[test]
fn a_run_after_an_undecided_one_waits_for_that_deployment_and_writes_nothing() {
    let flow = Flow::new();
    let tenant = Tenant::at_speed(1.0, &["slow-start=5"], Vec::new());
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "3s"])
        .run()
        .exit(7);
    let before = tenant.requests().len();
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "60s"])
        .run()
        .exit(0)
        .verdict("unchanged")
        .stderr_has("the runtime shows STARTING: waiting for it to rest");
    let written: Vec<String> = tenant.requests()[before..]
        .iter()
        .filter(|request| !request.starts_with("GET "))
        .cloned()
        .collect();
    assert!(written.is_empty(), "{written:#?}");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_fault_of_the_tenant_that_passes_ends_with_a_code_of_its_own_and_one_deployment() {
    const SILENT: &str = "cause=Did not receive response from Generation and build service";
    for (scenarios, code) in [
        (&["build-fail", SILENT][..], 11),
        (&["start-error", "cause=TIMEOUT_START"], 11),
        (&["build-fail"], 1),
        (&["start-error"], 1),
    ] {
        let flow = Flow::new();
        let tenant = Tenant::new(scenarios);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(code)
            .verdict("failed");
        tenant.deployed_once(&flow.id);
    }
}

/// Some tenants refuse to call the text JSON: it is asked for as it is, and so are the others of the run.
#[test]
fn an_error_text_that_is_not_given_as_json_is_read_as_it_is_stored() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["no-json-text", "start-error=b", "start-error-late-text=100"]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(1)
        .verdict("failed")
        .stderr_has("No credentials for 'SANDBOX_ALIAS' found");
    let journal = tenant.request_log();
    let asked = journal.matching("GET", "ErrorInformation");
    let refused = asked.iter().filter(|entry| entry.status == Some(406));
    assert_eq!(refused.count(), 1, "{}", tenant.transcript());
    assert!(asked.len() >= 2, "{}", tenant.transcript());
}

#[test]
fn odd_characters_in_an_answer_change_nothing() {
    together(&["bom", "half-character"], |kind| {
        let (old, new) = (Flow::new(), Flow::changed());
        let tenant = Tenant::holding(&[&format!("fault={kind}@*:/")], vec![old.deployed(&[])]);
        Flowship::deploy(&tenant, new.path())
            .args(["--set", "Retries=5"])
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&new.id);
    });
}

/// The runtime still tells.
#[test]
fn a_task_that_may_not_be_asked_is_none() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=403@GET:BuildAndDeployStatus"]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}

/// The runtime does not show what is deployed until after the call; ours never comes.
#[test]
fn what_comes_back_after_a_restart_of_the_runtime_is_not_ours() {
    let scenarios = ["runtime-restart", "postponed-redeploy=1000"];
    together(&["deploy", "redeploy"], |command| {
        let flow = Flow::new();
        let tenant = Tenant::holding(&scenarios, vec![flow.deployed(&[])]);
        let changed = Flow::changed();
        let run = if *command == "deploy" {
            Flowship::deploy(&tenant, changed.path())
        } else {
            Flowship::new()
                .against(&tenant)
                .args([command, flow.id.as_str()])
        };
        let _ = run
            .args(["--timeout", "14s"])
            .run()
            .exit(7)
            .verdict("undecided")
            .stdout_has("(not new)")
            .stdout_has("before: not deployed");
        tenant.deployed_once(&flow.id);
    });
}

/// Somebody else's deployment of what was before lands first, and ours does not come in time.
#[test]
fn what_somebody_else_deployed_is_named_and_not_green() {
    let never = ["foreign-deploy=before", "postponed-redeploy=1000"];
    let cases = [
        (
            "1.0.4",
            "the design time shows version 1.0.4, and the runtime 1.0.3",
        ),
        ("1.0.3", "what runs was deployed by colleague@example.com"),
    ];
    together(&cases, |(version, said)| {
        let (old, new) = (Flow::new(), Flow::changed());
        let manifest = new.read(MANIFEST).replace("1.0.3", version);
        let new = new.with(MANIFEST, manifest);
        let tenant = Tenant::holding(&never, vec![old.deployed(&[])]);
        Flowship::deploy(&tenant, new.path())
            .args(["--timeout", "14s"])
            .run()
            .exit(7)
            .verdict("undecided")
            .stderr_has(said);
        tenant.deployed_once(&new.id);
    });
}

/// Content, parameters and dates say that nothing is to be done, and something else says that it is not proven.
#[test]
fn what_runs_under_another_number_or_name_is_deployed_again() {
    for (scenarios, colleague, why) in [
        (&["runtime-version"][..], false, "and version 0.9.0 runs"),
        (&[], true, "colleague@example.com, who deployed it, is not"),
    ] {
        let flow = Flow::new();
        let tenant = Tenant::holding(scenarios, vec![flow.deployed(&[])]);
        if colleague {
            assert!(tenant.colleague(&flow.id, &Deed::Deploy));
            let is_there = || {
                let record = tenant.running(&flow.id);
                record.is_some_and(|one| one.status == "STARTED" && one.deployed_by.contains('@'))
            };
            while !is_there() {
                std::thread::yield_now();
            }
        }
        let _ = Flowship::new()
            .against(&tenant)
            .args(["plan".as_ref(), flow.path().as_os_str()])
            .args(["--package", "Orders"])
            .run()
            .exit(0)
            .stdout_has("redeploy")
            .stdout_has(why);
        let deployed = |word: &str| {
            let run = Flowship::deploy(&tenant, flow.path()).run();
            run.exit(0).verdict(word);
            tenant.deployed_once(&flow.id);
        };
        deployed("started");
        tenant.runs(&flow);
        deployed("unchanged");
    }
}

/// A build of three seconds, a start of two: the package, the artifact, the call, and a verdict half a second after the end.
#[test]
fn one_new_flow_is_deployed_with_at_most_twenty_requests() {
    let flow = Flow::new();
    let tenant = Tenant::at_speed(1.0, &["slow=3", "slow-start=2"], Vec::new());
    Flowship::deploy(&tenant, flow.path())
        .args(["--poll-interval", "300ms"])
        .run()
        .exit(0)
        .verdict("started");
    let requests = tenant.requests();
    assert!(requests.len() <= 20, "{}: {requests:#?}", requests.len());
}

const LOOKS: &str = "GET:IntegrationRuntimeArtifacts(";

/// The survey looks once, and the baseline: what is refused are the looks after the call.
fn refusing(kind: &str, looks: usize) -> Vec<String> {
    (3..3 + looks)
        .map(|nth| format!("fault={kind}@{LOOKS}#{nth}"))
        .collect()
}

#[test]
fn a_service_that_refuses_for_a_while_after_the_call_is_waited_for() {
    together(&[("403", 5), ("401", 10)], |(kind, looks)| {
        let faults = refusing(kind, *looks);
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        let (_, run) = deploy(&faults, Nothing, &[]);
        let _ = run.exit(0).verdict("started");
    });
}

#[test]
fn a_key_that_is_revoked_after_the_call_leaves_the_deployment_undecided() {
    let tokens = (2..60).map(|nth| format!("fault=401@POST:/oauth/token#{nth}"));
    for (faults, said) in [
        (
            refusing("401", 60),
            "the tenant did not take the credentials",
        ),
        (
            refusing("401", 1).into_iter().chain(tokens).collect(),
            "a deleted or renewed key no longer works",
        ),
    ] {
        let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
        let (_, run) = deploy(&faults, Nothing, &["--timeout", "5s"]);
        let _ = run
            .exit(7)
            .verdict("undecided")
            .stderr_has("a deployment was accepted, but its end can't be seen")
            .stderr_has(said);
    }
}
