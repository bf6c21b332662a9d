//! Several artifacts in one run: found, checked, read together, written in the order of need, each with its own verdict.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::flow::{Flow, MODEL, SCRIPT, VALUES};
use super::harness::{Flowship, Run, Tenant, together};

/// A repository with several artifacts.
pub(crate) struct Repository {
    directory: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    /// With small flows of these ids, each in a folder of its own below `flows`.
    pub(crate) fn of(ids: &[&str]) -> Self {
        ids.iter().fold(Self::new(), |repository, id| {
            repository.with(&Flow::named(id))
        })
    }

    /// With a copy of an artifact below `flows`.
    pub(crate) fn with(self, artifact: &Flow) -> Self {
        for (path, bytes) in artifact.contents() {
            self.write(&format!("flows/{}/{path}", artifact.id), bytes);
        }
        self
    }

    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What runs have left, but for what may stay.
    pub(crate) fn beside_flows(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name != "flows" && name != ".flowship")
            .collect()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `flowship COMMAND` here, against this tenant.
    pub(crate) fn call<'a>(&self, tenant: &'a Tenant, command: &str) -> Flowship<'a> {
        Flowship::new()
            .against(tenant)
            .in_directory(self.path())
            .arg(command)
    }

    /// `flowship deploy flows --package Orders` here.
    pub(crate) fn deploy<'a>(&self, tenant: &'a Tenant) -> Flowship<'a> {
        self.call(tenant, "deploy")
            .args(["flows", "--package", "Orders"])
    }
}

/// The verdict of each artifact.
pub(crate) fn verdicts(run: &Run) -> Vec<(String, String)> {
    let json: Value = run.json();
    json["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("id"), text("verdict"))
        })
        .collect()
}

pub(crate) fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter()
        .map(|(id, word)| ((*id).to_owned(), (*word).to_owned()))
        .collect()
}

fn ids(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("Flow_{number:02}"))
        .collect()
}

#[test]
fn a_directory_of_artifacts_is_deployed_with_one_verdict_each() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A", "Flow_B", "Flow_C"])
        .with(&Flow::of_type("MessageMapping"))
        .with(&Flow::of_type("ScriptCollection"))
        .with(&Flow::of_type("ValueMapping"));
    let run = repository
        .deploy(&tenant)
        .args(["--output", "json"])
        .run()
        .exit(0);
    let found = verdicts(&run);
    assert_eq!(found.len(), 6);
    for (id, word) in &found {
        assert_eq!(word, "started", "{id}");
        assert_eq!(tenant.deployments(id), 1, "{id}");
    }
}

#[test]
fn one_failure_hides_no_other() {
    let tenant = Tenant::new(&["start-error@Flow_02"]);
    let ids = ids(8);
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let run = Repository::of(&names)
        .deploy(&tenant)
        .args(["--output", "json"])
        .run()
        .exit(1)
        .stderr_has("Flow_02: the new content was built, but does not start");
    let failed: Vec<String> = verdicts(&run)
        .into_iter()
        .filter(|(_, word)| word != "started")
        .map(|(id, word)| format!("{id} {word}"))
        .collect();
    assert_eq!(failed, ["Flow_02 failed"]);
}

#[test]
fn thirty_flows_are_read_in_lists_and_asked_for_no_more_than_needed() {
    let tenant = Tenant::new(&[]);
    let ids = ids(30);
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let repository = Repository::of(&names);
    let fast = ["--designtime-rate", "500", "--runtime-rate", "500"];
    repository.deploy(&tenant).args(fast).run().exit(0);
    let requests = tenant.requests();
    let single = |request: &&String| {
        request.starts_with("GET ") && request.contains("DesigntimeArtifacts(Id=")
            || request.contains("IntegrationRuntimeArtifacts('")
    };
    assert_eq!(requests.iter().filter(single).count(), 0, "{requests:#?}");
    assert!(requests.len() <= 125, "{}: {requests:#?}", requests.len());
    let before = requests.len();
    repository
        .deploy(&tenant)
        .args(fast)
        .args(["--output", "json"])
        .run()
        .exit(0);
    let again = tenant.requests().split_off(before);
    assert!(
        again.iter().all(|request| request.starts_with("GET ")),
        "{again:#?}"
    );
    assert!(again.len() <= 70, "{}: {again:#?}", again.len());
}

#[test]
fn a_list_that_fails_once_is_asked_for_again() {
    let tenant = Tenant::new(&["fault=503@GET:IntegrationRuntimeArtifacts#1"]);
    Repository::of(&["Flow_A", "Flow_B", "Flow_C"])
        .deploy(&tenant)
        .run()
        .exit(0);
    for id in ["Flow_A", "Flow_B", "Flow_C"] {
        tenant.deployed_once(id);
    }
}

#[test]
fn an_invalid_artifact_stops_the_run_and_every_error_is_told() {
    let tenant = Tenant::new(&[]);
    let broken = |id: &str| Flow::named(id).without(MODEL);
    let repository = Repository::of(&["Good"])
        .with(&broken("Bad_1"))
        .with(&broken("Bad_2"));
    repository
        .deploy(&tenant)
        .run()
        .exit(3)
        .stderr_has("Bad_1")
        .stderr_has("Bad_2");
    assert_eq!(tenant.all_requests(), [""; 0]);
    let run = repository
        .deploy(&tenant)
        .args(["--keep-going", "--output", "json"])
        .run()
        .exit(3);
    let mut found = verdicts(&run);
    found.sort();
    assert_eq!(
        found,
        pairs(&[
            ("Bad_1", "invalid"),
            ("Bad_2", "invalid"),
            ("Good", "started")
        ])
    );
}

#[test]
fn with_keep_going_a_parameter_of_an_invalid_artifact_stops_no_other() {
    let tenant = Tenant::new(&[]);
    let run = Repository::of(&["Good"])
        .with(&Flow::named("Bad").without(MODEL))
        .deploy(&tenant)
        .args([
            "--keep-going",
            "--set",
            "Bad:Retries=1",
            "--set-from-env",
            "Bad:Key=NOT_SET",
        ])
        .args(["--output", "json"])
        .run()
        .exit(3);
    let mut found = verdicts(&run);
    found.sort();
    assert_eq!(found, pairs(&[("Bad", "invalid"), ("Good", "started")]));
}

#[test]
fn an_id_is_unique_and_the_option_is_for_one() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Twin", "Other"]);
    for (path, bytes) in Flow::named("Twin").contents() {
        repository.write(&format!("copy/{path}"), bytes);
    }
    repository
        .deploy(&tenant)
        .arg("copy")
        .run()
        .exit(2)
        .stderr_has("two artifacts have the id Twin");
    repository
        .deploy(&tenant)
        .args(["--id", "X"])
        .run()
        .exit(2)
        .stderr_has("--id and --name are for one artifact");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn a_parameter_without_an_id_is_for_those_that_know_it() {
    let tenant = Tenant::new(&[]);
    let repository =
        Repository::of(&["With"]).with(&Flow::named("Without").with(VALUES, "Other=1\n").with(
            super::flow::DEFINITIONS,
            super::flow::definitions(&["Other"]),
        ));
    repository
        .deploy(&tenant)
        .args(["--set", "Retries=7", "--set", "Without:Other=2"])
        .run()
        .exit(0);
    let values = |id: &str| {
        tenant
            .running(id)
            .unwrap()
            .parameters
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert!(values("With").contains(&("Retries".to_owned(), "7".to_owned())));
    assert!(values("Without").contains(&("Other".to_owned(), "2".to_owned())));
    repository
        .deploy(&tenant)
        .args(["--set", "Retris=7"])
        .run()
        .exit(2)
        .stderr_has("none of the 2 artifacts has a parameter `Retris`")
        .stderr_has("did you mean `Retries`?");
}

#[test]
fn unknown_parameters_of_all_artifacts_are_told_before_the_first_write() {
    let tenant = Tenant::new(&[]);
    Repository::of(&["Flow_A", "Flow_B", "Flow_C"])
        .deploy(&tenant)
        .args(["--set", "Flow_A:Nothing=1", "--set", "Flow_C:Nil=1"])
        .run()
        .exit(2)
        .stderr_has("Flow_A has no parameter `Nothing`")
        .stderr_has("Flow_C has no parameter `Nil`");
    tenant.is_untouched();
}

#[test]
fn a_lost_deploy_answer_among_many_deploys_nothing_twice() {
    let tenant = Tenant::new(&["fault=504-after@POST:DeployIntegration#2"]);
    Repository::of(&["Flow_A", "Flow_B", "Flow_C", "Flow_D"])
        .deploy(&tenant)
        .run()
        .exit(0);
    for id in ["Flow_A", "Flow_B", "Flow_C", "Flow_D"] {
        tenant.deployed_once(id);
    }
}

#[test]
fn three_changed_of_several_are_written_and_the_others_left_alone() {
    let flows = ["Flow_A", "Flow_B", "Flow_C", "Flow_D", "Flow_E"];
    let preload = flows
        .iter()
        .map(|id| Flow::named(id).deployed(&[]))
        .collect();
    let tenant = Tenant::holding(&[], preload);
    let changed = |id: &str| Flow::named(id).with(SCRIPT, "return 2\n");
    let repository = Repository::of(&flows)
        .with(&changed("Flow_B"))
        .with(&changed("Flow_D"));
    let run = repository
        .deploy(&tenant)
        .args(["--output", "json"])
        .run()
        .exit(0);
    let started: Vec<String> = verdicts(&run)
        .into_iter()
        .filter(|(_, word)| word == "started")
        .map(|(id, _)| id)
        .collect();
    assert_eq!(started, ["Flow_B", "Flow_D"]);
    assert_eq!(
        tenant
            .request_log()
            .matching("PUT", "DesigntimeArtifacts")
            .len(),
        2
    );
    tenant.deployed("Flow_A", 0);
}

#[test]
fn every_artifact_has_a_verdict_when_the_time_is_too_short() {
    let tenant = Tenant::at_speed(1.0, &["slow=60"], Vec::new());
    let ids = ids(4);
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let run = Repository::of(&names)
        .deploy(&tenant)
        .args(["--timeout", "4s", "--output", "json"])
        .run()
        .exit(7);
    let found = verdicts(&run);
    assert_eq!(found.len(), 4);
    assert!(
        found.iter().all(|(_, word)| word == "undecided"),
        "{found:?}"
    );
}

/// A list that shows some of the artifacts is no proof that the others are not there.
#[test]
fn artifacts_behind_the_end_of_a_cut_list_are_found() {
    let names = ids(9);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let held = names.iter().map(|id| Flow::named(id).deployed(&[]));
    let tenant = Tenant::holding(&["page-size=2", "cut-lists"], held.collect());
    let repository = Repository::of(&names);
    repository.write("flows/Flow_08/src/main/resources/script/added.groovy", "x");
    let run = repository
        .deploy(&tenant)
        .args(["--output", "json"])
        .run()
        .exit(0);
    let expected: Vec<(&str, &str)> = names
        .iter()
        .map(|id| {
            (
                *id,
                if *id == "Flow_08" {
                    "started"
                } else {
                    "unchanged"
                },
            )
        })
        .collect();
    assert_eq!(verdicts(&run), pairs(&expected));
}

#[test]
fn one_csrf_token_serves_all_that_write() {
    let names = ids(8);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for scenario in ["csrf", "neo"] {
        let tenant = Tenant::new(&[scenario]);
        Repository::of(&names).deploy(&tenant).run().exit(0);
        let fetched = tenant.requests();
        let fetched = fetched
            .iter()
            .filter(|request| request.ends_with(" /api/v1/"));
        assert_eq!(fetched.count(), 1, "{}", tenant.transcript());
    }
}

/// The run time never shows a build that failed, and the other builds do not end: only the task tells.
#[test]
fn a_failed_build_among_many_that_go_on_is_told_before_the_deadline() {
    let names = ids(12);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let repository = Repository::of(&names);
    let others = names.iter().filter(|id| **id != "Flow_07");
    let mut scenarios: Vec<String> = others.map(|id| format!("task-stuck@{id}")).collect();
    scenarios.push("build-fail=bare@Flow_07".to_owned());
    let scenarios: Vec<&str> = scenarios.iter().map(String::as_str).collect();
    let tenant = Tenant::new(&scenarios);
    let run = repository
        .deploy(&tenant)
        .args(["--timeout", "12s", "--output", "json"])
        .run()
        .exit(1);
    let expected: Vec<(&str, &str)> = names
        .iter()
        .map(|id| {
            (
                *id,
                if *id == "Flow_07" {
                    "failed"
                } else {
                    "undecided"
                },
            )
        })
        .collect();
    assert_eq!(verdicts(&run), pairs(&expected));
}

#[test]
fn a_signal_tells_the_state_of_each() {
    let tenant = Tenant::at_speed(1.0, &["slow=60"], Vec::new());
    let repository = Repository::of(&["Flow_A", "Flow_B", "Flow_C"]);
    let mut running = repository.deploy(&tenant).start();
    running.wait_for("Flow_C: deployment accepted");
    running.signal("TERM");
    let run = running.end().exit(143);
    for id in ["Flow_A", "Flow_B", "Flow_C"] {
        assert!(run.stderr.contains(&format!("state: {id}: ")), "{id}");
    }
}

#[test]
fn paths_that_overlap_name_each_artifact_once_and_keep_their_order() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A", "Flow_B"]);
    for (path, bytes) in Flow::named("Flow_0").contents() {
        repository.write(&format!("more/deep/{path}"), bytes);
    }
    let run = repository
        .call(&tenant, "deploy")
        .args(["flows/Flow_B", "flows", "more", "./more/deep"])
        .args(["--package", "Orders", "--output", "json"])
        .run()
        .exit(0);
    assert_eq!(
        verdicts(&run),
        pairs(&[
            ("Flow_B", "started"),
            ("Flow_A", "started"),
            ("Flow_0", "started")
        ])
    );
    for id in ["Flow_A", "Flow_B", "Flow_0"] {
        tenant.deployed_once(id);
    }
}

#[test]
fn what_git_ignores_and_hides_is_no_artifact_of_the_run() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A"]);
    repository.write(".gitignore", "build/\n");
    for folder in ["flows/build/Flow_B", "flows/.hidden/Flow_B"] {
        for (path, bytes) in Flow::named("Flow_B").contents() {
            repository.write(&format!("{folder}/{path}"), bytes);
        }
    }
    fs::create_dir(repository.path().join(".git")).unwrap();
    let run = repository
        .deploy(&tenant)
        .args(["--output", "json"])
        .run()
        .exit(0);
    assert_eq!(verdicts(&run), pairs(&[("Flow_A", "started")]));
}

#[test]
fn the_text_of_a_run_has_a_line_for_each_and_names_what_failed() {
    let tenant = Tenant::new(&["build-fail@Flow_B"]);
    let run = Repository::of(&["Flow_A", "Flow_B", "Flow_C"])
        .deploy(&tenant)
        .run()
        .exit(1)
        .stdout_has("started Flow_A 1.0.3")
        .stdout_has("failed Flow_B")
        .stdout_has("started Flow_C 1.0.3")
        .stderr_has("error: Flow_B: the build of the new content failed");
    let errors = run.stderr.matches("error: ").count();
    assert_eq!(errors, 1, "{run}");
}

#[test]
fn the_worst_end_is_that_of_the_run() {
    let tenant = Tenant::new(&["build-fail@Failing", "slow=1000@Slow"]);
    let broken = Flow::named("Broken").without(MODEL);
    let run = Repository::of(&["Failing", "Slow", "Well"])
        .with(&broken)
        .deploy(&tenant)
        .args(["--keep-going", "--timeout", "4s", "--output", "json"])
        .run()
        .exit(1);
    let mut found = verdicts(&run);
    found.sort();
    assert_eq!(
        found,
        pairs(&[
            ("Broken", "invalid"),
            ("Failing", "failed"),
            ("Slow", "undecided"),
            ("Well", "started")
        ])
    );
}

#[test]
fn with_keep_going_an_unknown_parameter_stops_its_artifact_alone() {
    let tenant = Tenant::new(&[]);
    let run = Repository::of(&["Flow_A", "Flow_B"])
        .deploy(&tenant)
        .args(["--keep-going", "--set", "Flow_A:Nothing=1"])
        .args(["--output", "json"])
        .run()
        .exit(3)
        .stderr_has("Flow_A has no parameter `Nothing`");
    assert_eq!(
        verdicts(&run),
        pairs(&[("Flow_A", "invalid"), ("Flow_B", "started")])
    );
    assert_eq!(tenant.design("Flow_A"), None);
}

#[test]
fn an_entry_with_an_id_is_for_that_artifact_and_wins() {
    let tenant = Tenant::new(&[]);
    Repository::of(&["Flow_A", "Flow_B"])
        .with(&Flow::of_type("ScriptCollection"))
        .deploy(&tenant)
        .args(["--set", "Retries=7", "--set", "Flow_B:Retries=8"])
        .args(["--set-from-env", "Receiver Address=ADDRESS"])
        .env("ADDRESS", "https://other.example")
        .hiding("https://other.example")
        .run()
        .exit(0);
    for (id, retries) in [("Flow_A", "7"), ("Flow_B", "8")] {
        let parameters = tenant.running(id).unwrap().parameters;
        assert_eq!(parameters["Retries"], retries);
        assert_eq!(parameters["Receiver Address"], "https://other.example");
    }
}

#[test]
fn a_file_of_parameters_is_for_those_that_know_its_keys() {
    let tenant = Tenant::new(&[]);
    let repository =
        Repository::of(&["Flow_A"]).with(&Flow::named("Flow_B").with(VALUES, "Other=1\n").with(
            super::flow::DEFINITIONS,
            super::flow::definitions(&["Other"]),
        ));
    repository.write("qa.properties", "Retries=5\nOther=6\n");
    let with_file = |file: &str| {
        repository
            .deploy(&tenant)
            .args(["--parameters", file])
            .run()
    };
    let _ = with_file("qa.properties").exit(0);
    assert_eq!(tenant.running("Flow_A").unwrap().parameters["Retries"], "5");
    assert_eq!(tenant.running("Flow_B").unwrap().parameters["Other"], "6");
    repository.write("wrong.properties", "Retries=5\nOthre=6\n");
    let _ = with_file("wrong.properties")
        .exit(2)
        .stderr_has("none of the 2 artifacts has a parameter `Othre`")
        .stderr_has("wrong.properties:2")
        .stderr_has("did you mean `Other`?");
}

#[test]
fn a_tenant_that_is_hurried_says_so_and_every_artifact_gets_there() {
    for scenario in ["rate-limit=3", "fault=429@POST:DeployIntegration#2"] {
        let tenant = Tenant::new(&[scenario]);
        let ids = ids(6);
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let _ = Repository::of(&names).deploy(&tenant).run().exit(0);
        let refused = tenant.request_log().entries.into_iter();
        assert!(refused.filter(|one| one.status == Some(429)).count() > 0);
        for id in &names {
            tenant.deployed_once(id);
        }
    }
}

#[test]
fn a_lost_answer_of_any_write_among_many_does_nothing_twice() {
    let faults = [
        "fault=504-after@POST:IntegrationDesigntimeArtifacts#2",
        "fault=cut-after@POST:IntegrationPackages#1",
        "fault=cut-after@POST:DeployIntegration#3",
        "fault=200-page-after@POST:DeployIntegration#1",
    ];
    together(&faults, |fault| {
        let tenant = Tenant::new(&[fault]);
        let names = ["Flow_A", "Flow_B", "Flow_C", "Flow_D"];
        let _ = Repository::of(&names).deploy(&tenant).run().exit(0);
        for id in names {
            tenant.deployed_once(id);
        }
    });
}

#[test]
fn every_artifact_has_a_verdict_when_the_time_is_too_short_for_those_that_wait() {
    let tenant = Tenant::new(&["slow=1000"]);
    let run = Repository::of(&["Free"])
        .with(&Flow::using("User", "Shared_ScriptCollection", None))
        .with(&Flow::of_type("ScriptCollection"))
        .deploy(&tenant)
        .args(["--timeout", "3s", "--output", "json"])
        .run()
        .exit(7);
    assert_eq!(
        verdicts(&run),
        pairs(&[
            ("Free", "undecided"),
            ("Shared_ScriptCollection", "undecided"),
            ("User", "skipped")
        ])
    );
    assert_eq!(tenant.design("User"), None);
}

#[test]
fn an_interrupted_run_tells_of_those_that_ended_and_of_those_that_were_not_begun() {
    let tenant = Tenant::new(&["slow=100000@Shared_ScriptCollection"]);
    let repository = Repository::of(&["Quick"])
        .with(&Flow::using("User", "Shared_ScriptCollection", None))
        .with(&Flow::of_type("ScriptCollection"));
    let mut running = repository.deploy(&tenant).start();
    running.wait_for("Quick: started");
    running.signal("TERM");
    running
        .end()
        .exit(143)
        .no_stdout()
        .stderr_has("state: Quick: started")
        .stderr_has("state: Shared_ScriptCollection: a deployment was accepted")
        .stderr_has("state: User: nothing was written");
    assert_eq!(tenant.design("User"), None);
}

/// Thirty flows, one of which fails, are told on one screen, and the last line has the total.
#[test]
fn the_end_of_a_run_is_the_answer() {
    let ids: Vec<String> = (1..=30).map(|number| format!("Flow_{number:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let repository = Repository::of(&ids);
    let tenant = Tenant::new(&["start-error@Flow_17"]);
    let run = repository.deploy(&tenant).arg("--quiet").run().exit(1);
    let last = run.stdout.lines().last().unwrap_or_default();
    assert_eq!(last, "30 artifacts: 29 started, 1 failed: Flow_17", "{run}");
    let lines = run.stdout.lines().count() + run.stderr.lines().count();
    assert!(lines <= 20, "{lines} lines\n{run}");
    let words = run.stdout.split_whitespace();
    let named = words.filter(|word| word.starts_with("Flow_")).count();
    assert_eq!(named, 31, "each once, and what failed in the total\n{run}");
    let all = repository.deploy(&tenant).arg("--verbose").run().exit(1);
    assert!(all.stdout.contains("content sha256"), "{all}");
}

#[test]
fn one_cause_with_many_artifacts_is_one_error() {
    let repository = Repository::of(&["A", "B", "C"]);
    let tenant = Tenant::new(&["roles-missing=WorkspacePackagesEdit"]);
    let run = repository.deploy(&tenant).run().exit(4);
    let errors = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{run}");
    assert!(run.stderr.contains("error: A, B, C: "), "{run}");
}
