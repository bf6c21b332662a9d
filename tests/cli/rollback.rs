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
