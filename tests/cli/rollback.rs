//! Putting back what stood before: what runs before a failed run runs after it, and nothing of anybody else is lost.

use std::fs;
use std::path::PathBuf;

use super::flow::{Flow, SCRIPT};
use super::harness::{Flowship, Run, Tenant, together};
use super::many::Repository;

const ID: &str = "Orders";
const KEPT: [(&str, &str); 2] = [
    ("Receiver Address", "https://operations.example"),
    ("Retries", "9"),
];

fn before() -> Flow {
    Flow::named(ID)
}

/// The same flow with another script.
fn after() -> Flow {
    before().with(SCRIPT, "def processData(message) { throw new Error() }\n")
}

/// A tenant that runs a flow with values of operations.
fn running(scenarios: &[&str]) -> Tenant {
    Tenant::holding(scenarios, vec![before().deployed(&KEPT)])
}

fn rolled<'a>(tenant: &'a Tenant, flow: &Flow) -> Flowship<'a> {
    Flowship::deploy(tenant, flow.path()).args(["--timeout", "60s", "--rollback"])
}

/// What the JSON report says of the rollback of an artifact.
fn rollback(run: &Run, id: &str) -> serde_json::Value {
    let report = run.json();
    let artifacts = report["artifacts"].as_array().unwrap().clone();
    let one = artifacts.into_iter().find(|one| one["id"] == id).unwrap();
    one["rollback"].clone()
}

fn result(run: &Run) -> String {
    rollback(run, ID)["result"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

/// Fails unless the flow of before runs with the values of operations, and the design time holds just that.
fn is_as_before(tenant: &Tenant) {
    let mut expected: Vec<(String, String)> = super::many::pairs(&KEPT);
    expected.sort();
    let mut values = tenant.runs(&before());
    values.sort();
    assert_eq!(values, expected, "{}", tenant.transcript());
    let run = Flowship::deploy(tenant, before().path())
        .arg("--no-deploy")
        .run()
        .exit(0);
    assert!(
        run.stdout.contains("unchanged"),
        "the design time differs\n{run}"
    );
}

/// Files that a run left in its directory.
fn left(directory: &std::path::Path, ending: &str) -> Vec<PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect()
}

#[test]
fn a_flow_that_goes_on_running_is_not_restarted() {
    let tenant = running(&["build-fail#1"]);
    let run = rolled(&tenant, &after())
        .args(["--output", "json"])
        .run()
        .exit(1);
    assert_eq!(result(&run), "design-time", "{run}");
    tenant.deployed_once(ID);
    is_as_before(&tenant);
}

#[test]
fn a_flow_that_runs_no_more_is_put_back_and_judged() {
    together(
        &[
            "start-error#1",
            "start-error-in-place#1",
            "start-error-late-text#1",
        ],
        |scenario| {
            let tenant = running(&[scenario]);
            let run = rolled(&tenant, &after())
                .args(["--output", "json"])
                .run()
                .exit(1);
            assert_eq!(result(&run), "restored", "{run}");
            tenant.deployed(ID, 2);
            is_as_before(&tenant);
        },
    );
}

#[test]
fn nothing_is_left_in_the_directory_when_all_is_well() {
    for scenarios in [&["start-error#1"][..], &[]] {
        let tenant = running(scenarios);
        let repository = Repository::new().with(&after());
        repository.deploy(&tenant).arg("--rollback").run();
        assert!(left(repository.path(), "zip").is_empty());
        assert!(left(repository.path(), "prop").is_empty());
    }
}

#[test]
fn a_rollback_that_fails_says_what_to_do_and_the_command_repairs_it() {
    let tenant = running(&["start-error#1", "start-error#2"]);
    let repository = Repository::new().with(&after());
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "--output", "json"])
        .run()
        .exit(8);
    let told = rollback(&run, ID);
    assert_eq!(told["result"], "failed", "{run}");
    let saved = PathBuf::from(told["saved"].as_str().unwrap());
    assert!(saved.is_file(), "{run}");
    let repair = told["repair"].as_str().unwrap().replace("flowship ", "");
    let words: Vec<String> = repair.split(' ').map(str::to_owned).collect();
    Flowship::new()
        .against(&tenant)
        .in_directory(repository.path())
        .args(words)
        .run()
        .exit(0);
    is_as_before(&tenant);
}

#[test]
fn a_run_that_was_killed_and_is_run_again_ends_as_if_nothing_had_happened() {
    for (until, scenarios) in [
        ("uploading", &["start-error#1", "latency=1"][..]),
        (
            "deployment accepted",
            &["start-error#1", "start-error#2", "latency=1"],
        ),
        (
            "rollback: uploading",
            &["start-error#1", "start-error#2", "latency=1"],
        ),
    ] {
        let tenant = running(scenarios);
        let repository = Repository::new().with(&after());
        let rolled = || {
            repository
                .deploy(&tenant)
                .args(["--rollback", "--output", "json"])
        };
        let mut killed = rolled().start();
        killed.wait_for(until);
        killed.signal("KILL");
        killed.end();
        rolled().run().exit(1);
        is_as_before(&tenant);
        for ending in ["zip", "prop", "json"] {
            assert!(left(repository.path(), ending).is_empty(), "{until}");
        }
    }
}

#[test]
fn a_signal_tells_where_what_stood_there_is_kept() {
    let tenant = running(&["slow=60"]);
    let repository = Repository::new().with(&after());
    let mut run = repository.deploy(&tenant).arg("--rollback").start();
    run.wait_for("deployment accepted");
    run.signal("TERM");
    run.end()
        .exit(143)
        .stderr_has("what stood there before is in ");
    assert_eq!(left(repository.path(), "zip").len(), 1);
}

#[test]
fn what_can_not_be_put_back_with_certainty_is_not_written_unless_asked() {
    let tenant = running(&["start-error#2"]);
    // saved, and not deployed: what runs is not what the design time holds
    Flowship::deploy(&tenant, before().with(SCRIPT, "def saved() {}\n").path())
        .arg("--no-deploy")
        .run()
        .exit(0);
    let writes = tenant.requests().len();
    rolled(&tenant, &after())
        .run()
        .exit(1)
        .stderr_has("a rollback of Orders could not be relied on")
        .stderr_has("--rollback-best-effort");
    let later = tenant.requests().split_off(writes);
    assert!(
        later.iter().all(|one| one.starts_with("GET ")),
        "{later:#?}"
    );
}

#[test]
fn what_is_new_is_left_or_taken_away() {
    for (option, result, there) in [
        (None, "left", true),
        (Some("--rollback-remove-new"), "removed", false),
    ] {
        let tenant = Tenant::new(&["start-error#1"]);
        let run = rolled(&tenant, &after())
            .args(option)
            .args(["--output", "json"])
            .run()
            .exit(1);
        assert_eq!(self::result(&run), result, "{run}");
        assert_eq!(tenant.design(ID).is_some(), there);
        assert_eq!(tenant.running(ID).is_some(), there);
    }
}

#[test]
fn what_did_not_run_is_not_started() {
    let stopped = Tenant::holding(&["stopped", "start-error#1"], vec![before().deployed(&[])]);
    let stored = Tenant::holding(&["start-error#1"], vec![before().stored()]);
    for (tenant, runtime) in [(&stopped, Some("ERROR")), (&stored, Some("ERROR"))] {
        let run = rolled(tenant, &after())
            .args(["--output", "json"])
            .run()
            .exit(1);
        assert_eq!(result(&run), "design-time", "{run}");
        assert_eq!(tenant.deployments(ID), 1);
        assert_eq!(tenant.running(ID).map(|one| one.status).as_deref(), runtime);
    }
    let stored = Tenant::holding(&["start-error#1"], vec![before().stored()]);
    let run = rolled(&stored, &after())
        .args(["--rollback-remove-new", "--output", "json"])
        .run()
        .exit(1);
    assert_eq!(result(&run), "design-time", "{run}");
    assert!(stored.running(ID).is_none() && stored.design(ID).is_some());
}

#[test]
fn what_is_not_decided_is_put_back_when_asked() {
    for (option, result) in [
        (None, "none"),
        (Some("--rollback-on-timeout"), "design-time"),
    ] {
        let tenant = running(&["slow=4000#1"]);
        let repository = Repository::new().with(&after());
        let run = repository
            .deploy(&tenant)
            .args(["--timeout", "4s", "--rollback", "--output", "json"])
            .args(option)
            .run()
            .exit(7);
        assert_eq!(self::result(&run), result, "{run}");
        tenant.deployed_once(ID);
        // nobody knows what comes: what stood there is kept for a person
        assert_eq!(
            left(repository.path(), "zip").len(),
            usize::from(option.is_none()),
            "{run}"
        );
    }
}

#[test]
fn content_of_a_colleague_is_never_overwritten() {
    let tenant = running(&["start-error#1", "foreign-save=after-deploy"]);
    let run = rolled(&tenant, &after())
        .args(["--output", "json"])
        .run()
        .exit(1);
    assert_eq!(run.json()["artifacts"][0]["verdict"], "superseded", "{run}");
    assert_eq!(result(&run), "none", "{run}");
    let puts = tenant
        .journal()
        .matching("PUT", "IntegrationDesigntimeArtifacts")
        .len();
    assert_eq!(puts, 1, "theirs was overwritten\n{}", tenant.transcript());
}

#[test]
fn several_go_back_each_alone_or_all_together_in_reverse() {
    let ids = ["A", "B"];
    for (scope, a_runs_new) in [("each", true), ("all", false)] {
        let held: Vec<_> = ids.iter().map(|id| Flow::named(id).deployed(&[])).collect();
        let tenant = Tenant::holding(&["start-error@B#1"], held);
        let new = |id| Flow::named(id).with(SCRIPT, "def other() {}\n");
        let repository = Repository::new().with(&new("A")).with(&new("B"));
        let run = repository
            .deploy(&tenant)
            .args(["--rollback", scope, "--output", "json"])
            .run()
            .exit(1);
        assert_eq!(rollback(&run, "B")["result"], "restored", "{run}");
        let expected = if a_runs_new {
            new("A")
        } else {
            Flow::named("A")
        };
        tenant.runs(&expected);
        tenant.runs(&Flow::named("B"));
        assert_eq!(rollback(&run, "A").is_null(), a_runs_new, "{run}");
    }
}

#[test]
fn a_value_mapping_goes_back_too() {
    let mapping = |value: &str| {
        Flow::of_type("ValueMapping").with(
            "value_mapping.xml",
            format!("<vm version=\"2.0\"><group id=\"1\"><entry><agency>A</agency><schema>s</schema><value>DE</value></entry><entry><agency>B</agency><schema>s</schema><value>{value}</value></entry></group></vm>"),
        )
    };
    let tenant = Tenant::holding(&["start-error#1"], vec![mapping("Germany").deployed(&[])]);
    let new = mapping("Deutschland");
    let run = Flowship::deploy(&tenant, new.path())
        .args([
            "--replace-value-mappings",
            "--drop-tenant-entries",
            "--rollback",
            "--output",
            "json",
        ])
        .run()
        .exit(1);
    assert_eq!(rollback(&run, &new.id)["result"], "restored", "{run}");
    tenant.runs(&mapping("Germany"));
}

#[test]
fn a_smoke_test_that_fails_puts_back_what_ran() {
    let flow = Flow::called_at(ID, "/orders");
    let tenant = Tenant::holding(&["message-fails"], vec![flow.deployed(&[])]);
    let new = Flow::called_at(ID, "/orders").with(SCRIPT, "def other() {}\n");
    let run = rolled(&tenant, &new)
        .beside("smoke.yaml", "artifact: Orders\nwithin: 10s\n")
        .env(
            "CPI_RUNTIME_SERVICE_KEY",
            tenant.variable("CPI_RUNTIME_SERVICE_KEY"),
        )
        .args(["--smoke", "smoke.yaml", "--output", "json"])
        .run()
        .exit(1);
    assert_eq!(result(&run), "restored", "{run}");
    tenant.runs(&flow);
}

#[test]
fn the_words_of_the_option() {
    for (arguments, variable, code, text) in [
        (
            &["--rollback-on-timeout"][..],
            None,
            2,
            "no rollback is asked for",
        ),
        (&[], Some("some"), 2, "neither each nor all"),
        (&["--rollback=each"], None, 0, ""),
        (&[], Some("all"), 0, ""),
    ] {
        let tenant = Tenant::new(&[]);
        let flow = after();
        let mut run = Flowship::deploy(&tenant, flow.path()).args(arguments);
        if let Some(word) = variable {
            run = run.env("FLOWSHIP_ROLLBACK", word);
        }
        run.run().exit(code).stderr_has(text);
    }
}
