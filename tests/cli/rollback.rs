//! Putting back what stood before: what runs before a failed run runs after it, and nothing of anybody else is lost.

use std::fs;
use std::path::PathBuf;

use super::flow::{Flow, SCRIPT};
use super::harness::{Flowship, Run, Tenant, together};
use super::many::Repository;
use flowship::sandbox::Deed;

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

/// Files for the next run, or for a person, that a run left in its directory.
fn left(directory: &std::path::Path, ending: &str) -> Vec<PathBuf> {
    let own = directory.join(".flowship");
    let folders = ["recovery", "backups"].map(|name| fs::read_dir(own.join(name)));
    folders
        .into_iter()
        .flatten()
        .flatten()
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
    for text in [
        "now the design time holds the content of before",
        "the runtime shows ERROR",
        "the kept content was built, but does not start",
    ] {
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(text), "{text}\n{run}");
    }
    repaired(&tenant, &told).exit(0);
    is_as_before(&tenant);
}

/// Runs the command that repairs, somewhere else.
fn repaired(tenant: &Tenant, told: &serde_json::Value) -> Run {
    Flowship::new().against(tenant).args(repair(told)).run()
}

/// The words of the command that repairs, as a shell reads them.
fn repair(told: &serde_json::Value) -> Vec<String> {
    let command = told["repair"].as_str().unwrap();
    let parts = command.strip_prefix("flowship ").unwrap().split('\'');
    let mut words = Vec::new();
    for (number, part) in parts.enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
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

const SAVED: &str = "rollback not available, because the design time was saved (";

/// A tenant that runs a flow whose design time was saved since.
fn saved_since(scenarios: &[&str]) -> Tenant {
    let tenant = running(scenarios);
    let saved = before().with(SCRIPT, "def saved() {}\n");
    Flowship::deploy(&tenant, saved.path())
        .arg("--no-deploy")
        .run()
        .exit(0);
    tenant
}

#[test]
fn what_can_not_be_put_back_is_told_by_the_plan_and_deployed_with_a_warning() {
    for (scenario, code, result) in [
        ("build-fail#1", 1, "left"),
        ("start-error-in-place#1", 8, "failed"),
    ] {
        let tenant = saved_since(&[scenario]);
        let repository = Repository::new().with(&after());
        repository
            .call(&tenant, "plan")
            .args(["flows", "--package", "Orders"])
            .run()
            .exit(0)
            .stdout_has(SAVED);
        let run = repository
            .deploy(&tenant)
            .args(["--rollback", "--output", "json"])
            .run()
            .exit(code)
            .stderr_has(SAVED);
        assert_eq!(self::result(&run), result, "{run}");
        tenant.deployed_once(ID);
    }
}

#[test]
fn what_can_not_be_put_back_stops_nobody_else_where_all_go_together() {
    let held = vec![before().deployed(&[]), Flow::named("B").deployed(&[])];
    let tenant = Tenant::holding(&["start-error@B#1"], held);
    let saved = before().with(SCRIPT, "def saved() {}\n");
    assert!(tenant.colleague(ID, &Deed::Save(saved.zip())));
    let new = Flow::named("B").with(SCRIPT, "def other() {}\n");
    let repository = Repository::new().with(&after()).with(&new);
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "all", "--output", "json"])
        .run()
        .exit(1)
        .stderr_has("Orders: warning: rollback not available");
    assert_eq!(rollback(&run, "B")["result"], "restored", "{run}");
    assert_eq!(result(&run), "left", "{run}");
    tenant.runs(&after());
    tenant.runs(&Flow::named("B"));
}

#[test]
fn what_can_not_be_put_back_is_refused_where_the_settings_require_a_rollback() {
    let tenant = saved_since(&[]);
    let repository = Repository::new().with(&after());
    repository.write(
        "flowship.yaml",
        "rollback: required\npackages:\n  - id: Orders\n    artifacts: [flows/Orders]\n",
    );
    let deploy = || repository.call(&tenant, "deploy");
    let writes = tenant.requests().len();
    deploy()
        .arg("--rollback")
        .run()
        .exit(1)
        .stderr_has("rollback not available for Orders: the design time was saved (");
    let later = tenant.requests().split_off(writes);
    assert!(
        later.iter().all(|one| one.starts_with("GET ")),
        "{later:#?}"
    );
    deploy().run().exit(0).verdict("started");
}

#[test]
fn what_is_new_stays_and_the_report_says_how_to_remove_it() {
    let tenant = Tenant::new(&["start-error#1"]);
    let run = rolled(&tenant, &after()).run().exit(1).stderr_has(
        "rollback: nothing to restore (first deployment). The failed flow stays deployed; remove it with `flowship undeploy Orders`",
    );
    assert!(tenant.design(ID).is_some(), "{run}");
    assert_eq!(tenant.undeployments(ID), 0);
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
        // nobody knows what comes: what stood there is kept, for a person and for the next run
        assert_eq!(left(repository.path(), "zip").len(), 1, "{run}");
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
        .request_log()
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
fn what_runs_without_a_design_time_artifact_is_left_and_never_undeployed() {
    for (scenario, code, word) in [
        ("build-fail#1", 1, "left"),
        ("start-error-in-place#1", 8, "failed"),
    ] {
        let tenant = running(&[scenario]);
        assert!(tenant.colleague(ID, &Deed::Delete));
        let run = rolled(&tenant, &after())
            .args(["--output", "json"])
            .run()
            .exit(code)
            .stderr_has("the design time has no such artifact");
        assert_eq!(result(&run), word, "{run}");
        assert_eq!(tenant.undeployments(ID), 0);
    }
}

const MAPPING: &str = "Shared_ValueMapping";

fn mapping(value: &str) -> Flow {
    Flow::of_type("ValueMapping").with(
        "value_mapping.xml",
        format!("<vm version=\"2.0\"><group id=\"1\"><entry><agency>A</agency><schema>s</schema><value>DE</value></entry><entry><agency>B</agency><schema>s</schema><value>{value}</value></entry></group></vm>"),
    )
}

fn replaced<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    repository
        .deploy(tenant)
        .args(["--replace-value-mappings", "--drop-tenant-entries"])
        .args(["--rollback", "--output", "json"])
}

#[test]
fn a_value_mapping_that_a_killed_run_had_deleted_is_put_back_by_the_next() {
    let tenant = Tenant::holding(
        &[
            "fault=hang-after@DELETE:ValueMappingDesigntimeArtifacts#1",
            "start-error#1",
        ],
        vec![mapping("Germany").deployed(&[])],
    );
    let repository = Repository::new().with(&mapping("Deutschland"));
    let mut killed = replaced(&repository, &tenant).start();
    killed.wait_for("deleting it");
    while tenant.design(MAPPING).is_some() {
        std::thread::yield_now();
    }
    killed.signal("KILL");
    killed.end();
    let run = replaced(&repository, &tenant).run().exit(1);
    assert_eq!(rollback(&run, MAPPING)["result"], "restored", "{run}");
    tenant.runs(&mapping("Germany"));
    assert_eq!(tenant.undeployments(MAPPING), 0);
}

#[test]
fn a_value_mapping_that_was_taken_away_and_is_put_back_is_no_case_for_a_person() {
    // neither the new content nor, at once, the old one is taken; the rollback's is
    let tenant = Tenant::holding(
        &["create-fails-after-delete=12"],
        vec![mapping("Germany").deployed(&[])],
    );
    let repository = Repository::new().with(&mapping("Deutschland"));
    let run = replaced(&repository, &tenant).run();
    let told = rollback(&run, MAPPING);
    let (code, result) = (run.code, told["result"].as_str().unwrap_or("none"));
    assert_eq!((code, result), (Some(1), "design-time"), "{run}");
    assert!(!run.stderr.contains("put the old content back:"), "{run}");
    tenant.runs(&mapping("Germany"));
    assert!(tenant.design(MAPPING).is_some());
}

#[test]
fn a_value_mapping_that_keeps_entries_is_put_back_after_a_kill_as_well() {
    let pairs = |value: &str, more: &str| {
        let group = |id: &str, one: &str, other: &str| {
            format!(
                "<group id=\"{id}\"><entry><agency>A</agency><schema>s</schema><value>{one}</value></entry><entry><agency>B</agency><schema>s</schema><value>{other}</value></entry></group>"
            )
        };
        let more = if more.is_empty() {
            String::new()
        } else {
            group("2", "US", more)
        };
        Flow::of_type("ValueMapping").with(
            "value_mapping.xml",
            format!("<vm version=\"2.0\">{}{more}</vm>", group("1", "DE", value)),
        )
    };
    let old = pairs("Germany", "States");
    let tenant = Tenant::holding(
        &["start-error#1", "start-error#2", "latency=0.5"],
        vec![old.deployed(&[])],
    );
    let repository = Repository::new().with(&pairs("Deutschland", ""));
    let rolled = || {
        repository.deploy(&tenant).args([
            "--replace-value-mappings",
            "--rollback",
            "--output",
            "json",
        ])
    };
    let mut killed = rolled().start();
    killed.wait_for("deployment accepted");
    killed.signal("KILL");
    killed.end();
    let run = rolled().run().exit(1);
    assert_eq!(rollback(&run, MAPPING)["result"], "restored", "{run}");
    tenant.runs(&old);
}

#[test]
fn what_a_killed_run_had_created_is_no_earlier_content() {
    let tenant = Tenant::new(&["start-error#1", "start-error#2", "latency=1"]);
    let repository = Repository::new().with(&after());
    killed(&tenant, &repository, "each");
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "--output", "json"])
        .run()
        .exit(1);
    assert_eq!(result(&run), "left", "{run}");
    assert!(left(repository.path(), "json").is_empty(), "{run}");
}

/// Kills a run with a rollback when its deploy call was accepted.
fn killed(tenant: &Tenant, repository: &Repository, scope: &str) {
    let rolled = repository.deploy(tenant).args(["--rollback", scope]);
    let mut run = rolled.start();
    run.wait_for("deployment accepted");
    run.signal("KILL");
    run.end();
}

#[test]
fn what_came_to_run_after_a_killed_run_is_what_stands_there_now() {
    let next = || before().with(SCRIPT, "def next() {}\n");
    for (scope, held, elsewhere) in [
        ("each", true, false),
        ("all", true, false),
        ("all", true, true),
        ("each", false, false),
        ("all", false, false),
        ("all", false, true),
    ] {
        let preload = if held {
            vec![before().deployed(&KEPT)]
        } else {
            Vec::new()
        };
        let tenant = Tenant::holding(&["latency=1", "build-fail#3"], preload);
        let repository = Repository::new().with(&after());
        killed(&tenant, &repository, scope);
        // a run without a rollback: it runs, and everybody is content
        let other = Repository::new().with(&after());
        let place = if elsewhere { &other } else { &repository };
        place.deploy(&tenant).arg("--force").run().exit(0);
        let repository = repository.with(&next());
        let run = repository
            .deploy(&tenant)
            .args(["--rollback", scope, "--output", "json"])
            .run()
            .exit(1);
        assert_eq!(
            result(&run),
            "design-time",
            "{scope} {held} {elsewhere}\n{run}"
        );
        tenant.runs(&after());
        assert_eq!(tenant.undeployments(ID), 0);
    }
}

#[test]
fn secrets_are_in_no_file_and_the_report_says_how_to_set_them() {
    let old = with_secret(before());
    let configured = [("Receiver Password", "of operations"), KEPT[0], KEPT[1]];
    let tenant = Tenant::holding(
        &["start-error#1", "start-error#2"],
        vec![old.deployed(&configured)],
    );
    let repository = Repository::new().with(&with_secret(after()));
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "--output", "json"])
        .run()
        .exit(8)
        .stderr_has("set them with --set-from-env 'Receiver Password=VARIABLE'");
    let values = fs::read_to_string(&left(repository.path(), "prop")[0]).unwrap();
    assert!(values.contains("Retries=9\n"), "{values}");
    assert!(!values.contains("of operations"), "{values}");
    assert!(tenant.colleague(ID, &Deed::Delete));
    let mut command = repair(&rollback(&run, ID));
    command.extend(["--set-from-env", "Receiver Password=PASSWORD"].map(str::to_owned));
    Flowship::new()
        .against(&tenant)
        .env("PASSWORD", "of operations")
        .args(command)
        .run()
        .exit(0);
    let mut values = tenant.runs(&old);
    values.sort();
    let mut expected = super::many::pairs(&configured);
    expected.sort();
    assert_eq!(values, expected);
}

#[test]
fn all_go_back_that_a_killed_run_had_brought_too() {
    let ids = ["A", "B"];
    let held = ids.iter().map(|id| Flow::named(id).deployed(&[])).collect();
    let scenarios = [
        "start-error@B#1",
        "start-error@B#2",
        "slow=40@B",
        "latency=0.5",
    ];
    let tenant = Tenant::holding(&scenarios, held);
    let new = |id| Flow::named(id).with(SCRIPT, "def other() {}\n");
    let repository = Repository::new().with(&new("A")).with(&new("B"));
    let rolled = || {
        repository
            .deploy(&tenant)
            .args(["--rollback", "all", "--output", "json"])
    };
    let mut killed = rolled().start();
    killed.wait_for("A: started");
    killed.signal("KILL");
    killed.end();
    let run = rolled().run().exit(1);
    for id in ids {
        assert_eq!(rollback(&run, id)["result"], "restored", "{run}");
        tenant.runs(&Flow::named(id));
    }
    for ending in ["zip", "json", "lock"] {
        assert!(left(repository.path(), ending).is_empty(), "{ending}");
    }
}

/// A flow with a parameter whose key says that it is a secret.
fn with_secret(flow: Flow) -> Flow {
    let values = flow.read(super::flow::VALUES);
    flow.with(
        super::flow::VALUES,
        format!("{values}Receiver\\ Password=default\n"),
    )
}

#[test]
fn a_secret_that_a_killed_run_has_changed_is_no_success_of_the_next() {
    const SECRET: &str = "Receiver Password";
    for (sets, code, result) in [(true, 8, "failed"), (false, 1, "restored")] {
        let old = with_secret(before());
        let configured = [(SECRET, "of operations"), KEPT[0], KEPT[1]];
        let tenant = Tenant::holding(
            &["start-error#1", "start-error#2", "latency=1"],
            vec![old.deployed(&configured)],
        );
        let repository = Repository::new().with(&with_secret(after()));
        let rolled = || {
            let set = ["--set-from-env", "Receiver Password=PASSWORD"];
            repository
                .deploy(&tenant)
                .env("PASSWORD", "of this run")
                .args(set.into_iter().filter(|_| sets))
                .args(["--rollback", "--output", "json"])
        };
        let mut killed = rolled().start();
        killed.wait_for("deployment accepted");
        killed.signal("KILL");
        killed.end();
        let notes = left(repository.path(), "json");
        let texts: Vec<String> = notes
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        assert!(texts.iter().any(|text| text.contains(SECRET)), "{texts:?}");
        assert!(
            !texts.iter().any(|text| text.contains("of operations")),
            "{texts:?}"
        );
        let run = rolled().run().exit(code);
        let told = rollback(&run, ID);
        assert_eq!(told["result"], result, "{run}");
        if sets {
            assert_eq!(
                told["repair"].as_str().unwrap(),
                "flowship redeploy Orders --set-from-env 'Receiver Password=VARIABLE'",
            );
        }
        let mut values = tenant.runs(&old);
        values.retain(|(key, _)| key != SECRET);
        values.sort();
        let mut expected = super::many::pairs(&KEPT);
        expected.sort();
        assert_eq!(values, expected);
    }
}

const ENVIRONMENTS: &str = "
packages:
  - id: Orders
    artifacts:
      - flows/Orders
environments:
  dev:
    credentials: DEV_CPI
    id-suffix: _dev
    name-suffix: \" dev\"
    parameters:
      Orders:
        Retries: \"77\"
";

#[test]
fn the_command_that_repairs_knows_the_environment() {
    let here = || before().with_id("Orders_dev");
    let tenant = Tenant::holding(
        &["start-error#1", "start-error#2"],
        vec![here().deployed(&KEPT)],
    );
    let repository = Repository::new().with(&after());
    repository.write("flowship.yaml", ENVIRONMENTS);
    let dev = |words: &[&str]| {
        Flowship::new()
            .watching(&tenant)
            .env("DEV_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
            .args(words)
    };
    let run = dev(&[
        "deploy",
        "--environment",
        "dev",
        "--rollback",
        "--output",
        "json",
    ])
    .in_directory(repository.path())
    .run()
    .exit(8);
    let told = rollback(&run, "Orders_dev");
    let words = repair(&told);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    dev(&words).run().exit(0).verdict("started");
    let mut values: Vec<_> = tenant
        .running("Orders_dev")
        .unwrap()
        .parameters
        .into_iter()
        .collect();
    values.sort();
    let mut expected = super::many::pairs(&KEPT);
    expected.sort();
    assert_eq!(values, expected);
    assert!(tenant.design("Orders_dev_dev").is_none());
}

#[test]
fn what_still_runs_is_not_restarted_by_the_command_either() {
    let tenant = running(&["build-fail#1", "slow=20"]);
    let repository = Repository::new().with(&after());
    let mut run = repository
        .deploy(&tenant)
        .args(["--rollback", "--output", "json"])
        .start();
    // the rollback's upload is refused
    run.wait_for("deployment accepted");
    assert!(tenant.colleague(ID, &Deed::Lock));
    let run = run.end().exit(8);
    let told = rollback(&run, ID);
    let message = told["message"].as_str().unwrap();
    let held = "now the design time holds the new content of this run";
    assert!(message.contains(held), "{run}");
    assert!(tenant.colleague(ID, &Deed::Unlock));
    repaired(&tenant, &told).exit(0).verdict("uploaded");
    tenant.deployed_once(ID);
    is_as_before(&tenant);
}

#[test]
fn two_runs_in_one_directory_do_not_take_each_other_for_killed() {
    let tenant = running(&["slow=60"]);
    let repository = Repository::new().with(&after());
    let mut first = repository.deploy(&tenant).arg("--rollback").start();
    first.wait_for("deployment accepted");
    repository
        .deploy(&tenant)
        .args(["--rollback", "--force"])
        .run()
        .exit(1)
        .stderr_has("another run with --rollback is working on Orders");
    first.signal("TERM");
    first.end().exit(143);
    tenant.deployed_once(ID);
}

#[test]
fn after_the_design_time_alone_was_put_back_the_next_run_knows_what_runs() {
    let tenant = running(&["build-fail#1", "start-error#2"]);
    let repository = Repository::new().with(&after());
    let rolled = || {
        repository
            .deploy(&tenant)
            .args(["--rollback", "--output", "json"])
    };
    assert_eq!(result(&rolled().run().exit(1)), "design-time");
    let run = rolled().run().exit(1);
    assert_eq!(result(&run), "restored", "{run}");
    is_as_before(&tenant);
    rolled().run().exit(0);
    for ending in ["zip", "json", "lock"] {
        assert!(left(repository.path(), ending).is_empty(), "{ending}");
    }
}

#[test]
fn a_deployment_that_comes_late_is_seen_and_what_ran_is_put_back() {
    // it lands some 22 seconds after the call: past the deadline, and before the rollback stops waiting
    let tenant = running(&["slow=440#1"]);
    let repository = Repository::new().with(&after());
    let run = repository
        .deploy(&tenant)
        .args(["--timeout", "20s", "--rollback", "--rollback-on-timeout"])
        .args(["--output", "json"])
        .run()
        .exit(7);
    assert_eq!(result(&run), "restored", "{run}");
    is_as_before(&tenant);
}

#[test]
fn what_fails_early_does_not_stand_still_until_the_others_are_decided() {
    let held = ["A", "B"].map(|id| Flow::named(id).deployed(&[])).into();
    let tenant = Tenant::holding(&["start-error@B#1", "slow=400@A"], held);
    let new = |id| Flow::named(id).with(SCRIPT, "def other() {}\n");
    let repository = Repository::new().with(&new("A")).with(&new("B"));
    let run = repository.deploy(&tenant).arg("--rollback").run().exit(1);
    let place = |text: &str| {
        run.stderr
            .find(text)
            .unwrap_or_else(|| panic!("no `{text}`\n{run}"))
    };
    assert!(
        place("B: rollback: deployment accepted") < place("A: started"),
        "{run}"
    );
    tenant.runs(&new("A"));
    tenant.runs(&Flow::named("B"));
}

#[test]
fn a_smoke_test_does_not_wait_for_the_rollback_of_another_flow() {
    let called = || {
        Flow::named("B").with(
            super::flow::MODEL,
            Flow::called_at("B", "/orders").read(super::flow::MODEL),
        )
    };
    let held = vec![Flow::named("A").deployed(&[]), called().deployed(&[])];
    let tenant = Tenant::holding(&["start-error@A#1", "slow=160@A#2"], held);
    let repository = Repository::new()
        .with(&Flow::named("A").with(SCRIPT, "def other() {}\n"))
        .with(&called().with(SCRIPT, "def other() {}\n"));
    repository.write("smoke.yaml", "artifact: B\nwithin: 5s\n");
    let key = "CPI_RUNTIME_SERVICE_KEY";
    let run = repository
        .deploy(&tenant)
        .env(key, tenant.variable(key))
        .args(["--rollback", "--smoke", "smoke.yaml", "--timeout", "14s"])
        .args(["--output", "json"])
        .run()
        .exit(1);
    assert!(rollback(&run, "B").is_null(), "{run}");
    assert_eq!(rollback(&run, "A")["result"], "restored", "{run}");
    assert_eq!(tenant.deployments("B"), 1);
}

#[test]
fn what_a_colleague_deployed_is_not_restarted_for_a_build_of_ours_that_failed() {
    let tenant = running(&["foreign-deploy=before", "build-fail#1"]);
    let run = rolled(&tenant, &after()).args(["--output", "json"]).run();
    let end = (run.code, result(&run));
    assert_eq!(end, (Some(1), "design-time".to_owned()), "{run}");
    let journal = tenant.request_log();
    let calls = journal.matching("POST", "DeployIntegrationDesigntimeArtifact");
    assert_eq!(calls.len(), 1, "{}", tenant.transcript());
}

#[test]
fn what_ran_before_a_killed_run_is_not_forgotten_because_something_can_not_be_read() {
    let scenarios = ["start-error#1", "start-error#2", "latency=1"];
    for ending in ["json", "zip"] {
        let tenant = running(&scenarios);
        let repository = Repository::new().with(&after());
        killed(&tenant, &repository, "each");
        let file = left(repository.path(), ending).remove(0);
        fs::write(file, "{\"form\":1}").unwrap();
        let requests = tenant.requests().len();
        repository
            .deploy(&tenant)
            .arg("--rollback")
            .run()
            .exit(1)
            .stderr_has("what an earlier run has written down")
            .stderr_has("move it away if it is not needed");
        let later = tenant.requests().split_off(requests);
        assert!(
            later.iter().all(|one| one.starts_with("GET ")),
            "{later:#?}"
        );
    }
    // many answers that do not come, when the content is compared; the killed run compares, keeps and reads back
    let faults: Vec<String> = (4..=13)
        .map(|number| format!("fault=503@GET:$value#{number}"))
        .collect();
    let scenarios: Vec<&str> = scenarios
        .into_iter()
        .chain(faults.iter().map(String::as_str))
        .collect();
    let tenant = running(&scenarios);
    let repository = Repository::new().with(&after());
    killed(&tenant, &repository, "each");
    repository.deploy(&tenant).arg("--rollback").run();
    let again = repository.deploy(&tenant);
    let run = again.args(["--rollback", "--output", "json"]).run();
    assert_eq!(
        (run.code, result(&run).as_str()),
        (Some(1), "restored"),
        "{run}"
    );
    is_as_before(&tenant);
}

#[test]
fn a_deployment_that_came_after_all_is_not_taken_for_what_was_put_back() {
    let tenant = running(&["slow=400#1"]);
    let repository = Repository::new().with(&after());
    let run = repository
        .deploy(&tenant)
        .args(["--timeout", "4s", "--rollback", "--rollback-on-timeout"])
        .args(["--output", "json"])
        .run()
        .exit(7);
    assert_eq!(result(&run), "design-time", "{run}");
    // it comes when nobody looks any more
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while super::flow::unzipped(&tenant.running(ID).unwrap().zip) != after().contents() {
        assert!(std::time::Instant::now() < end, "{}", tenant.transcript());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for options in [&[][..], &["--rollback"]] {
        let back = Repository::new().with(&before());
        back.deploy(&tenant)
            .args(["--backup-dir", repository.path().to_str().unwrap()])
            .args(options)
            .run()
            .exit(0)
            .verdict(if options.is_empty() {
                "started"
            } else {
                "unchanged"
            });
        tenant.runs(&before());
    }
}

#[test]
fn all_or_none_is_told_of_what_had_started_too() {
    let held = |ids: &[&str]| ids.iter().map(|id| Flow::named(id).deployed(&[])).collect();
    let new = |id| Flow::named(id).with(SCRIPT, "def other() {}\n");
    // B fails, and A can't be put back
    let tenant = Tenant::holding(&["start-error@B#1", "start-error@A#2"], held(&["A", "B"]));
    let repository = Repository::new().with(&new("A")).with(&new("B"));
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "all", "--report-junit", "junit.xml"])
        .run()
        .exit(8)
        .stderr_has("error: A: the new content was started, and what stood there before was to be put back, because B failed")
        .stderr_has("put it back: flowship deploy /");
    let junit = run.written("junit.xml");
    assert!(
        junit.contains("was to be put back, because B failed"),
        "{junit}"
    );

    let tenant = Tenant::holding(&["start-error@B#1"], held(&["A", "B"]));
    let repository = Repository::new().with(&new("A")).with(&new("B"));
    let run = repository
        .deploy(&tenant)
        .args(["--rollback", "all", "--output", "json"])
        .run()
        .exit(1);
    let report = run.json();
    let codes: Vec<_> = report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["exit_code"].clone())
        .collect();
    assert_eq!(codes, [1, 1], "{run}");
}

#[test]
fn all_or_none_does_not_go_with_some() {
    let tenant = running(&[]);
    rolled(&tenant, &after())
        .args(["all", "--keep-going"])
        .run()
        .exit(2)
        .stderr_has("leave one of them out");
    tenant.is_untouched();
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

/// A note as somebody without the credentials can plant it: of the form that flowship writes, about content of theirs.
fn planted(note: &std::path::Path, seal: impl Fn(&str) -> String) -> PathBuf {
    let text = fs::read_to_string(note).unwrap();
    let (head, content) = text.split_once('\n').unwrap();
    let mut content: serde_json::Value = serde_json::from_str(content).unwrap();
    let zip = evil().zip();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&zip);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let saved = &mut content["entry"]["snapshot"]["content"];
    saved["sha256"] = digest.into();
    let backups = note.ancestors().nth(2).unwrap().join("backups");
    let place = backups.join(saved["name"].as_str().unwrap());
    fs::write(&place, zip).unwrap();
    fs::write(note, seal(head) + &content.to_string()).unwrap();
    place
}

/// What becomes of the first line of a note.
type Seal<'a> = &'a dyn Fn(&str) -> String;

fn evil() -> Flow {
    before().with(
        SCRIPT,
        "def processData(message) { /* of somebody else */ }\n",
    )
}

#[test]
fn a_note_that_these_credentials_did_not_write_is_named_and_not_used() {
    let scenarios = ["start-error#1", "start-error#2", "latency=1"];
    let other_key = |head: &str| {
        let mut words: Vec<String> = head.split(' ').map(str::to_owned).collect();
        words[1] = "0123456789abcdef".to_owned();
        words.join(" ") + "\n"
    };
    let seals: [(Seal<'_>, bool); 3] = [
        (&|_| String::new(), true),
        (&|head| format!("{head}\n"), true),
        (&other_key, false),
    ];
    for (seal, refused) in seals {
        let tenant = running(&scenarios);
        let repository = Repository::new().with(&after());
        killed(&tenant, &repository, "all");
        let note = left(repository.path(), "json").remove(0);
        planted(&note, seal);
        let run = repository.deploy(&tenant).args(["--rollback", "all"]).run();
        let name = note.file_name().unwrap().to_string_lossy();
        assert!(run.stderr.contains(&*name), "{run}");
        if refused {
            assert_eq!(run.code, Some(1), "{run}");
            assert!(
                run.stderr
                    .contains("is not what flowship wrote with these credentials"),
                "{run}"
            );
        } else {
            assert!(
                run.stderr
                    .contains("was written with other credentials and is ignored"),
                "{run}"
            );
            assert!(note.with_extension("set-aside.json").exists(), "{run}");
        }
        let design = tenant.design(ID).unwrap();
        assert_ne!(
            super::flow::unzipped(&design.zip),
            evil().contents(),
            "{run}"
        );
        if let Some(running) = tenant.running(ID) {
            assert_ne!(
                super::flow::unzipped(&running.zip),
                evil().contents(),
                "{run}"
            );
        }
    }
}

#[test]
fn planted_marks_are_named_and_not_used() {
    let tenant = running(&["start-error#1", "start-error#2", "latency=1"]);
    let repository = Repository::new().with(&after());
    killed(&tenant, &repository, "each");
    let note = left(repository.path(), "json").remove(0);
    let own = repository.path().join(".flowship");
    fs::create_dir_all(own.join("proof")).unwrap();
    for kind in ["recovery", "proof"] {
        let entry = own.join(kind).join(note.file_name().unwrap());
        fs::write(entry, "null").unwrap();
    }
    let run = repository.deploy(&tenant).run();
    for kind in ["recovery", "proof"] {
        let mut lines = run.stderr.lines();
        let line = lines.find(|line| line.contains(&format!(".flowship/{kind}/")));
        assert!(
            line.is_some_and(|line| line.contains("it is not used")),
            "{run}"
        );
    }
}

/// The runtime is restarting when it is read, and shows only later what ran.
#[test]
fn what_the_runtime_shows_again_only_later_is_put_back_as_well() {
    let tenant = running(&["runtime-restart=3", "start-error#1", "slow=20"]);
    let run = rolled(&tenant, &after())
        .args(["--output", "json"])
        .run()
        .exit(1);
    assert_eq!(result(&run), "restored", "{run}");
    is_as_before(&tenant);
}
