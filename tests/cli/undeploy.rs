//! `flowship undeploy`: what was named is gone when it says so, and nothing else is touched.

use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use flowship::clock::Clock;
use flowship::settings::environment::Environment;
use flowship::{Answers, Process};

use crate::flow::Flow;
use crate::harness::{Flowship, Run, Tenant, together};
use crate::many::{pairs, verdicts};

const RUNTIME: &str = "IntegrationRuntimeArtifacts(";

/// A tenant on which these flows run.
fn running(scenarios: &[&str], ids: &[&str]) -> Tenant {
    let flows = ids.iter().map(|id| Flow::named(id).deployed(&[]));
    Tenant::holding(scenarios, flows.collect())
}

fn undeploy<'a>(tenant: &'a Tenant, ids: &[&str]) -> Flowship<'a> {
    Flowship::new()
        .against(tenant)
        .arg("undeploy")
        .args(ids)
        .arg("--yes")
}

/// How many undeploy calls arrived for an artifact.
fn calls(tenant: &Tenant, id: &str) -> usize {
    let target = format!("{RUNTIME}'{id}')");
    tenant.request_log().matching("DELETE", &target).len()
}

/// Fails if anything but the run time was written, or anything but what was named.
#[track_caller]
fn wrote_nothing_but(tenant: &Tenant, ids: &[&str]) {
    for request in tenant.requests() {
        let is_read = request.starts_with("GET ");
        let is_ours = ids
            .iter()
            .any(|id| request == format!("DELETE /api/v1/{RUNTIME}'{id}')"));
        assert!(is_read || is_ours, "{request}\n{}", tenant.transcript());
    }
}

// ---- gone

#[test]
fn what_runs_is_undeployed_and_stays_in_the_design_time() {
    let tenant = running(&[], &["Flow_A", "Flow_B"]);
    let run = undeploy(&tenant, &["Flow_A"]).run().exit(0);
    run.verdict("undeployed")
        .stdout_has("evidence: undeploying accepted; ")
        .stdout_has("the run time says \"not found\", twice; before: STARTED DeployedOn ")
        .stderr_has("Flow_A: undeploying (STARTED, version 1.0.3)")
        .stderr_has("Flow_A: accepted; waiting until it is gone");
    assert!(tenant.running("Flow_A").is_none());
    assert!(tenant.design("Flow_A").is_some());
    assert!(tenant.runs_as_stored("Flow_B"));
    assert_eq!(
        (calls(&tenant, "Flow_A"), tenant.undeployments("Flow_A")),
        (1, 1)
    );
    wrote_nothing_but(&tenant, &["Flow_A"]);
}

#[test]
fn what_is_stopping_is_waited_for() {
    let tenant = running(&["slow-undeploy=40"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("undeployed")
        .stderr_has("the run time shows STOPPING")
        .stdout_has("STOPPING was seen");
    assert!(tenant.running("Flow_A").is_none());
    assert_eq!(calls(&tenant, "Flow_A"), 1);
}

#[test]
fn what_is_in_error_stopped_or_of_another_type_is_undeployed_too() {
    together(
        &[
            "stale-error",
            "stopped",
            "no-runtime-list",
            "csrf",
            "neo",
            "page-size=1",
        ],
        |scenario| {
            let mapping = Flow::of_type("ValueMapping");
            let preload = vec![Flow::named("Flow_A").deployed(&[]), mapping.deployed(&[])];
            let tenant = Tenant::holding(&[scenario], preload);
            let ids = ["Flow_A", &mapping.id, "Nothing_Of_This_Name"];
            let run = undeploy(&tenant, &ids)
                .args(["--output", "json"])
                .run()
                .exit(0);
            let expected = [
                (ids[0], "undeployed"),
                (ids[1], "undeployed"),
                (ids[2], "absent"),
            ];
            assert_eq!(verdicts(&run), pairs(&expected), "{scenario}");
            assert!(tenant.running("Flow_A").is_none(), "{scenario}");
            assert!(tenant.running(&mapping.id).is_none(), "{scenario}");
        },
    );
}

#[test]
fn what_is_not_deployed_is_fine_and_nothing_is_written() {
    let stored = Flow::named("Stored");
    let tenant = Tenant::holding(&[], vec![stored.stored()]);
    undeploy(&tenant, &["Stored"])
        .run()
        .exit(0)
        .verdict("absent")
        .stdout_has("the run time says \"not found\", twice; nothing was written");
    tenant.is_untouched();
    let looks = tenant.request_log().matching("GET", RUNTIME).len();
    assert_eq!(looks, 2, "{}", tenant.transcript());
}

#[test]
fn a_second_run_finds_the_first_ones_work_and_writes_nothing() {
    let tenant = running(&["slow-undeploy=80"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "1500ms"])
        .run()
        .exit(7)
        .verdict("undecided")
        .stderr_has("the time is up and it is still STOPPING")
        .stderr_has("run again (it looks first)");
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("absent");
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("absent");
    assert_eq!(calls(&tenant, "Flow_A"), 1);
}

#[test]
fn a_host_that_is_no_tenant_proves_no_absence() {
    let tenant = Tenant::new(&["wrong-host"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "10s"])
        .run()
        .exit(6)
        .verdict("undecided");
    // the API's own words, from a host that can't list what runs either
    let tenant = Tenant::new(&["fault=404-page@GET:IntegrationRuntimeArtifacts?"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "10s"])
        .run()
        .exit(6)
        .verdict("undecided");
}

#[test]
fn not_found_is_believed_of_the_api_alone_and_when_it_says_so_twice() {
    // looks: one before the call; what comes in place of answers afterwards is no absence
    together(
        &[
            "404-page",
            "200-page",
            "502",
            "cut",
            "500-empty",
            "truncated",
            "401",
        ],
        |kind| {
            let faults = [2, 3].map(|nth| format!("fault={kind}@GET:{RUNTIME}#{nth}"));
            let tenant = running(&[&faults[0], &faults[1], "slow-undeploy=30"], &["Flow_A"]);
            undeploy(&tenant, &["Flow_A"])
                .run()
                .exit(0)
                .verdict("undeployed");
            assert!(tenant.running("Flow_A").is_none(), "{kind}");
            assert_eq!(calls(&tenant, "Flow_A"), 1, "{kind}");
        },
    );
    let faults = [2, 3, 4, 5, 6, 7, 8, 9].map(|nth| format!("fault=404-page@GET:{RUNTIME}#{nth}"));
    let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
    let tenant = running(&faults, &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "1s", "--poll-interval", "200ms"])
        .run()
        .exit(7)
        .stderr_has("the run time gave no answer after the undeploy call");
}

// ---- not gone

#[test]
fn what_never_goes_is_undecided() {
    for (scenario, said) in [
        ("undeploy-stuck", "it is still STOPPING"),
        (
            "undeploy-stuck=ignored",
            "the run time still shows it as STARTED",
        ),
    ] {
        let tenant = running(&[scenario], &["Flow_A"]);
        undeploy(&tenant, &["Flow_A"])
            .args(["--timeout", "2s"])
            .run()
            .exit(7)
            .verdict("undecided")
            .stderr_has(said)
            .stdout_has("undeploying accepted");
        assert_eq!(calls(&tenant, "Flow_A"), 1, "{scenario}");
    }
}

#[test]
fn a_refusal_is_told_in_the_tenants_words() {
    together(
        &[
            ("400", "blocked because", 1),
            ("423", "is locked", 1),
            ("500", "could not be undeployed", 2),
        ],
        |(status, said, times)| {
            let scenario = format!("undeploy-refused={status}@Flow_B");
            let tenant = running(&[&scenario], &["Flow_A", "Flow_B"]);
            let run = undeploy(&tenant, &["Flow_A", "Flow_B", "Flow_C"])
                .args(["--output", "json"])
                .run()
                .exit(1);
            let expected = [
                ("Flow_A", "undeployed"),
                ("Flow_B", "failed"),
                ("Flow_C", "absent"),
            ];
            assert_eq!(verdicts(&run), pairs(&expected));
            run.stderr_has(said);
            assert!(tenant.runs_as_stored("Flow_B"));
            assert_eq!(calls(&tenant, "Flow_B"), *times, "{status}");
        },
    );
}

#[test]
fn a_missing_role_is_named() {
    let tenant = running(&["roles-missing=WorkspaceArtifactsDeploy"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(4)
        .verdict("refused")
        .stderr_has("the role WorkspaceArtifactsDeploy is missing");
    assert!(tenant.runs_as_stored("Flow_A"));
    // what can't be seen is not undeployed
    let tenant = running(&["roles-missing=MonitoringDataRead"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(4)
        .stderr_has("the role MonitoringDataRead is missing");
    tenant.is_untouched();
    // SAP's other role for it serves as well
    let roles = [
        "roles-missing=WorkspaceArtifactsDeploy",
        "roles-also=MonitoringArtifactsDeploy",
    ];
    let tenant = running(&roles, &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("undeployed");
}

#[test]
fn a_tenant_that_is_away_is_unreachable() {
    let tenant = running(
        &["fault=503@*:IntegrationRuntimeArtifacts"],
        &["Flow_A", "Flow_B", "Flow_C"],
    );
    for ids in [&["Flow_A"][..], &["Flow_A", "Flow_B", "Flow_C"]] {
        undeploy(&tenant, ids)
            .args(["--timeout", "2s"])
            .run()
            .exit(5)
            .verdict("unreachable");
    }
    tenant.is_untouched();
}

// ---- somebody else

#[test]
fn another_deployment_is_left_alone_and_told() {
    together(&["foreign-redeploy", "foreign-redeploy=gone"], |scenario| {
        let tenant = running(&[scenario], &["Flow_A"]);
        let run = undeploy(&tenant, &["Flow_A"])
            .args(["--poll-interval", "10ms"])
            .run();
        // what is gone for a moment may be seen so, twice
        if run.code == Some(0) && *scenario == "foreign-redeploy=gone" {
            return;
        }
        run.exit(1)
            .verdict("superseded")
            .stderr_has("colleague@example.com deployed Flow_A again at ")
            .stderr_has("theirs was left alone");
        assert_eq!(tenant.running("Flow_A").unwrap().status, "STARTED");
        assert_eq!(calls(&tenant, "Flow_A"), 1);
    });
}

#[test]
fn a_deployment_that_our_call_took_away_is_no_other() {
    let tenant = running(
        &["foreign-redeploy=unnoticed", "slow-undeploy=30"],
        &["Flow_A"],
    );
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("undeployed");
    assert!(tenant.running("Flow_A").is_none());
    assert_eq!(calls(&tenant, "Flow_A"), 1);
}

#[test]
fn somebody_who_was_quicker_has_done_what_was_asked() {
    let tenant = running(&["foreign-undeploy"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("absent")
        .stdout_has("the undeploy call did not find it");
    assert_eq!(calls(&tenant, "Flow_A"), 1);
}

#[test]
fn what_is_starting_is_waited_for_before_the_call() {
    let tenant = running(&["starting=20"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .run()
        .exit(0)
        .verdict("undeployed")
        .stderr_has("undeploying (STARTED, version 1.0.3)");
    // but not for ever: what hangs may be undeployed for that reason
    let tenant = running(&["starting=100000"], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "8s"])
        .run()
        .exit(0)
        .verdict("undeployed")
        .stderr_has("undeploying (STARTING, version 1.0.3)");
}

// ---- answers that are lost

#[test]
fn a_lost_answer_is_looked_up_before_the_call_is_repeated() {
    for kind in [
        "cut-after",
        "504-after",
        "200-page-after",
        "502-after",
        "404-page-after",
    ] {
        let tenant = running(&[&format!("fault={kind}@DELETE:{RUNTIME}")], &["Flow_A"]);
        undeploy(&tenant, &["Flow_A"])
            .run()
            .exit(0)
            .verdict("undeployed")
            .stdout_has("the answer of the undeploy call was lost")
            .stderr_has("watching the run time");
        assert_eq!(calls(&tenant, "Flow_A"), 1, "{kind}");
    }
}

#[test]
fn a_call_that_never_arrived_is_made_once_more() {
    together(&["cut-before", "503"], |kind| {
        let tenant = running(&[&format!("fault={kind}@DELETE:{RUNTIME}#1")], &["Flow_A"]);
        undeploy(&tenant, &["Flow_A"])
            .run()
            .exit(0)
            .verdict("undeployed")
            .stderr_has("calling once more");
        assert_eq!(tenant.undeployments("Flow_A"), 1, "{kind}");
        assert_eq!(calls(&tenant, "Flow_A"), 2, "{kind}");
    });
}

#[test]
fn a_call_is_repeated_once_at_most() {
    let tenant = running(
        &[&format!("fault=cut-before@DELETE:{RUNTIME}")],
        &["Flow_A"],
    );
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "14s"])
        .run()
        .exit(7)
        .verdict("undecided")
        .stderr_has("the run time still shows it as STARTED")
        .stderr_has("the answer of the undeploy call was lost");
    assert_eq!(calls(&tenant, "Flow_A"), 2);
    assert!(tenant.runs_as_stored("Flow_A"));
}

#[test]
fn a_call_that_was_put_off_is_repeated_at_once() {
    for kind in ["429", "401"] {
        let tenant = running(&[&format!("fault={kind}@DELETE:{RUNTIME}#1")], &["Flow_A"]);
        undeploy(&tenant, &["Flow_A"])
            .run()
            .exit(0)
            .verdict("undeployed")
            .stderr_has_not("lost");
        assert_eq!(tenant.undeployments("Flow_A"), 1, "{kind}");
    }
}

#[test]
fn a_key_that_loses_its_sight_does_not_claim_the_end() {
    let faults: Vec<String> = (2..40)
        .map(|nth| format!("fault=401@GET:{RUNTIME}#{nth}"))
        .collect();
    let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
    let tenant = running(&faults, &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .args(["--timeout", "4s"])
        .run()
        .exit(7)
        .verdict("undecided")
        .stderr_has("it may be undeployed, but its end can't be seen");
}

// ---- several

#[test]
fn several_are_looked_at_in_one_list_before_the_first_call() {
    let ids = ["Flow_A", "Flow_B", "Flow_C", "Flow_D"];
    let tenant = running(&["slow-undeploy=20"], &ids);
    let run = undeploy(&tenant, &ids)
        .args(["--output", "json"])
        .run()
        .exit(0);
    assert_eq!(verdicts(&run), pairs(&ids.map(|id| (id, "undeployed"))));
    let requests = tenant.requests();
    assert_eq!(requests[0], "GET /api/v1/IntegrationRuntimeArtifacts");
    let alone = |request: &&String| request.starts_with(&format!("GET /api/v1/{RUNTIME}"));
    let first_call = requests
        .iter()
        .position(|request| request.starts_with("DELETE "))
        .unwrap();
    assert_eq!(first_call, 1, "{}", tenant.transcript());
    // twice each at the end, and perhaps once where the list was read just before
    let looks = requests.iter().filter(alone).count();
    assert!((8..=12).contains(&looks), "{}", tenant.transcript());
    wrote_nothing_but(&tenant, &ids);
}

#[test]
fn each_reaches_its_own_verdict_and_the_worst_is_that_of_the_run() {
    let ids = ["Flow_A", "Flow_B", "Flow_C", "Flow_D", "Flow_E"];
    let tenant = running(
        &[
            "undeploy-refused@Flow_B",
            "undeploy-stuck@Flow_C",
            "foreign-redeploy@Flow_D",
        ],
        &ids[..4],
    );
    let run = undeploy(&tenant, &ids)
        .args(["--output", "json", "--timeout", "8s"])
        .run()
        .exit(1);
    let expected = [
        ("Flow_A", "undeployed"),
        ("Flow_B", "failed"),
        ("Flow_C", "undecided"),
        ("Flow_D", "superseded"),
        ("Flow_E", "absent"),
    ];
    assert_eq!(verdicts(&run), pairs(&expected));
}

#[test]
fn a_list_that_is_behind_changes_no_verdict() {
    let ids = ["Flow_A", "Flow_B", "Flow_C"];
    let tenant = running(&["runtime-list-late=40", "slow-undeploy=20"], &ids);
    let run = undeploy(&tenant, &ids)
        .args(["--output", "json"])
        .run()
        .exit(0);
    assert_eq!(verdicts(&run), pairs(&ids.map(|id| (id, "undeployed"))));
    for id in ids {
        assert_eq!(calls(&tenant, id), 1);
        assert!(tenant.running(id).is_none());
    }
}

#[test]
fn an_id_that_is_named_twice_is_undeployed_once() {
    let tenant = running(&[], &["Flow_A"]);
    let run = undeploy(&tenant, &["Flow_A", "Flow_A"])
        .args(["--output", "json"])
        .run()
        .exit(0);
    assert_eq!(verdicts(&run), pairs(&[("Flow_A", "undeployed")]));
    assert_eq!(calls(&tenant, "Flow_A"), 1);
}

#[test]
fn an_id_is_never_read_as_anything_else() {
    let tenant = running(&[], &["Flow_A"]);
    let run = undeploy(&tenant, &["Flow_A') or ('1", "%27", "*"])
        .run()
        .exit(0);
    run.verdict("absent");
    tenant.is_untouched();
    assert!(tenant.runs_as_stored("Flow_A"));
}

// ---- who is asked

#[test]
fn without_a_terminal_yes_is_required_and_nothing_is_sent() {
    let tenant = running(&[], &["Flow_A"]);
    Flowship::new()
        .against(&tenant)
        .args(["undeploy", "Flow_A"])
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("nobody can be asked here, so --yes is required; nothing was sent");
    assert!(tenant.all_requests().is_empty());
    for (variable, code) in [("false", 2), ("true", 0)] {
        let _ = Flowship::new()
            .against(&tenant)
            .env("FLOWSHIP_YES", variable)
            .args(["undeploy", "Flow_A"])
            .run()
            .exit(code);
    }
}

#[test]
fn an_empty_id_is_no_id() {
    let tenant = running(&[], &["Flow_A"]);
    for ids in [&[][..], &[""]] {
        let _ = undeploy(&tenant, ids).run().exit(2).no_stdout();
    }
    assert!(tenant.all_requests().is_empty());
}

/// One run in this process, with somebody at its terminal.
struct Asked {
    code: u8,
    stdout: String,
    stderr: String,
}

fn asked(
    tenant: &Tenant,
    ids: &[&str],
    answers: &dyn Fn() -> Option<Answers>,
    options: &[&str],
) -> Asked {
    let environment = Environment::default()
        .with("CPI_SERVICE_KEY", &tenant.variable("CPI_SERVICE_KEY"))
        .with("FLOWSHIP_POLL_INTERVAL", "50ms");
    let directory = tempfile::tempdir().unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = ["flowship", "--color", "never", "undeploy"];
    let arguments = command.iter().chain(ids).chain(options);
    let exit = flowship::run(&mut Process {
        arguments: arguments.map(Into::into).collect(),
        environment: &environment,
        directory: directory.path().to_owned(),
        out: &mut out,
        err: &mut err,
        terminal: true,
        listen: &|| Arc::new(AtomicUsize::new(0)),
        notice_panics: &|_| {},
        answers,
        clock: Clock::start(),
    });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Asked {
        code: exit.code(),
        stdout: text(out),
        stderr: text(err),
    }
}

fn answering(text: &str) -> Answers {
    Box::new(Cursor::new(text.to_owned()))
}

#[test]
fn whoever_sits_at_a_terminal_is_asked_and_told_what_runs_where() {
    for yes in ["y\n", "Yes\n", " YES \r\n"] {
        let tenant = running(&[], &["Flow_A", "Flow_B"]);
        let run = asked(
            &tenant,
            &["Flow_A", "Flow_C"],
            &|| Some(answering(yes)),
            &[],
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stdout.starts_with("undeployed Flow_A"),
            "{}",
            run.stdout
        );
        for said in [
            "on 127.0.0.1:\n",
            "  Flow_A: STARTED, version 1.0.3, deployed ",
            "  Flow_C: not deployed, nothing to do\n",
            "undeploy it from 127.0.0.1? [y/N] ",
        ] {
            assert!(run.stderr.contains(said), "no `{said}`\n{}", run.stderr);
        }
        assert_eq!(tenant.undeployments("Flow_A"), 1);
        wrote_nothing_but(&tenant, &["Flow_A"]);
    }
}

#[test]
fn everything_but_yes_means_no() {
    for no in [
        "\n",
        "",
        "n\n",
        "no\n",
        "yesterday\n",
        "ja\n",
        "\u{ff}\n",
        &"y".repeat(1000),
    ] {
        let tenant = running(&[], &["Flow_A"]);
        let run = asked(&tenant, &["Flow_A"], &|| Some(answering(no)), &[]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{no:?}: {}",
            run.stderr
        );
        assert!(
            run.stderr
                .contains("nothing was undeployed: the answer was not yes")
        );
        tenant.is_untouched();
    }
}

#[test]
fn nobody_is_asked_with_yes_or_where_nothing_is_to_be_done() {
    let refuse = || -> Option<Answers> { panic!("nobody is to be asked") };
    let tenant = running(&[], &["Flow_A"]);
    let run = asked(&tenant, &["Flow_A"], &refuse, &["--yes"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = asked(&tenant, &["Flow_A"], &|| Some(answering("n\n")), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("[y/N]"), "{}", run.stderr);
}

/// Says yes after a while.
struct Slow(Option<Duration>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(pause) = self.0.take() else {
            return Ok(0);
        };
        std::thread::sleep(pause);
        buffer[..2].copy_from_slice(b"y\n");
        Ok(2)
    }
}

fn answering_after(seconds: u64) -> Answers {
    Box::new(BufReader::new(Slow(Some(Duration::from_secs(seconds)))))
}

#[test]
fn an_answer_that_comes_too_late_is_none() {
    let tenant = running(&[], &["Flow_A"]);
    let run = asked(
        &tenant,
        &["Flow_A"],
        &|| Some(answering_after(3)),
        &["--timeout", "1s"],
    );
    assert_eq!(run.code, 2, "{}", run.stderr);
    tenant.is_untouched();
}

/// It was STARTING when the question was put, and another deployment when it was answered.
#[test]
fn what_was_deployed_while_somebody_thought_is_looked_at_again() {
    let tenant = running(&["slow=20"], &["Flow_A"]);
    let flow = Flow::named("Flow_A").with("src/main/resources/script/new.groovy", "return 1\n");
    std::thread::scope(|scope| {
        let deployed = scope.spawn(|| Flowship::deploy(&tenant, flow.path()).run().exit(0));
        while tenant.deployments("Flow_A") == 0 {
            std::thread::yield_now();
        }
        let run = asked(&tenant, &["Flow_A"], &|| Some(answering_after(4)), &[]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stdout.contains("superseded Flow_A"), "{}", run.stdout);
        assert!(
            run.stderr
                .contains("deployed Flow_A again while you were asked"),
            "{}",
            run.stderr
        );
        deployed.join().unwrap();
    });
    assert!(tenant.runs_as_stored("Flow_A"));
    assert_eq!(tenant.undeployments("Flow_A"), 0);
}

// ---- reports

#[test]
fn reports_tell_the_phases_of_an_undeployment() {
    let tenant = running(&["undeploy-refused@Flow_B"], &["Flow_A", "Flow_B"]);
    let run = undeploy(&tenant, &["Flow_A", "Flow_B", "Flow_C"])
        .args([
            "--ci",
            "github",
            "--report-junit",
            "junit.xml",
            "--report-json",
            "receipt.json",
        ])
        .env("GITHUB_STEP_SUMMARY", "summary.md")
        .env("GITHUB_OUTPUT", "output.txt")
        .run()
        .exit(1);
    let junit = run.written("junit.xml");
    for part in [
        "<testsuites name=\"flowship undeploy\" tests=\"9\" failures=\"1\" errors=\"0\"",
        "classname=\"Flow_A\" name=\"stop\"",
        "classname=\"Flow_B\" name=\"undeploy\"",
        "<skipped message=\"not deployed\"/>",
    ] {
        assert!(junit.contains(part), "no `{part}`\n{junit}");
    }
    let receipt: serde_json::Value = serde_json::from_str(&run.written("receipt.json")).unwrap();
    assert_eq!(receipt["command"], "undeploy");
    let first = &receipt["artifacts"][0];
    assert_eq!(first["verdict"], "undeployed");
    assert_eq!(first["runtime_version"]["before"], "1.0.3");
    assert_eq!(first["runtime_version"]["after"], serde_json::Value::Null);
    let summary = run.written("summary.md");
    assert!(
        summary.contains("| `Flow_A` | ✅ undeployed | – | 1.0.3 → – |"),
        "{summary}"
    );
    assert!(
        run.written("output.txt")
            .starts_with("verdict=undeployed\nexit-code=1\n")
    );
    run.stderr_has("::error title=flowship::Flow_B: the tenant refused the undeployment");
}

#[test]
fn an_environment_must_be_named_where_the_settings_file_has_tenants() {
    let settings = "environments:\n  production:\n    credentials: PROD_CPI\n";
    let tenant = running(&[], &["Flow_A"]);
    undeploy(&tenant, &["Flow_A"])
        .beside("flowship.yaml", settings)
        .run()
        .exit(2)
        .stderr_has("--environment");
    assert!(tenant.all_requests().is_empty());
    Flowship::new()
        .watching(&tenant)
        .env("PROD_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
        .beside("flowship.yaml", settings)
        .args(["undeploy", "Flow_A", "--yes", "--environment", "production"])
        .run()
        .exit(0)
        .verdict("undeployed");
}

#[test]
fn the_embedded_sandbox_runs_what_was_named() {
    let run: Run = Flowship::new()
        .args(["undeploy", "Orders", "--yes", "--sandbox"])
        .run()
        .exit(0);
    assert!(
        run.stdout.starts_with("SIMULATED undeployed Orders"),
        "{run}"
    );
    let run = Flowship::new()
        .args([
            "undeploy",
            "Orders",
            "--yes",
            "--sandbox",
            "--scenario",
            "undeploy-refused",
        ])
        .run()
        .exit(1);
    assert!(run.stdout.starts_with("SIMULATED failed Orders"), "{run}");
}

// ---- signals

#[cfg(unix)]
#[test]
fn a_signal_tells_what_was_done() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let tenant = running(&["undeploy-stuck"], &["Flow_A"]);
        let mut running = undeploy(&tenant, &["Flow_A", "Flow_B"]).start();
        running.wait_for("the run time shows STOPPING");
        running.signal(signal);
        running
            .end()
            .exit(code)
            .no_stdout()
            .stderr_has("interrupted before the verdict")
            .stderr_has("state: Flow_A: undeploying was accepted; whether it is gone is not known")
            .stderr_has("state: Flow_B: nothing was written")
            .stderr_has("run the same command again");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_the_call_hangs_says_that_its_answer_is_not_known() {
    let tenant = running(
        &[&format!("fault=hang-after@DELETE:{RUNTIME}")],
        &["Flow_A"],
    );
    let mut running = undeploy(&tenant, &["Flow_A"]).start();
    running.wait_for("Flow_A: undeploying");
    while tenant.undeployments("Flow_A") == 0 {
        std::thread::yield_now();
    }
    running.signal("TERM");
    running
        .end()
        .exit(143)
        .stderr_has("state: Flow_A: an undeploy call was sent, its answer is not known");
}
