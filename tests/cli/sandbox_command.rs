//! `flowship sandbox`: a tenant for other processes.

use crate::flow::{Flow, zipped};
use crate::harness::{Flowship, Run, Running, Tenant};

const NAMES: [&str; 8] = [
    "CPI_URL",
    "CPI_TOKEN_URL",
    "CPI_CLIENT_ID",
    "CPI_CLIENT_SECRET",
    "CPI_USERNAME",
    "CPI_PASSWORD",
    "CPI_SERVICE_KEY",
    "CPI_RUNTIME_SERVICE_KEY",
];

/// Starts it; gives the variables in the order in which they are printed.
fn start(options: &[&str]) -> (Running<'static>, Vec<(String, String)>) {
    let mut running = Flowship::new().arg("sandbox").args(options).start();
    let variables = NAMES.map(|_| {
        let line = running.wait_for_stdout("=");
        let (name, value) = line.trim_end().split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    (running, variables.to_vec())
}

fn deploy(flow: &Flow, variables: &[(String, String)], names: &[&str]) -> Run {
    let mut run = Flowship::new().arg("deploy").arg(flow.path()).args([
        "--package",
        "Orders",
        "--poll-interval",
        "50ms",
    ]);
    for (name, value) in variables {
        if names.contains(&name.as_str()) {
            run = run.env(name, value);
        }
        if name.ends_with("SECRET") || name.ends_with("PASSWORD") {
            run = run.hiding(value);
        }
    }
    run.run()
}

fn stop(running: Running<'_>) -> Run {
    #[cfg(unix)]
    running.signal("TERM");
    running.end()
}

#[cfg(unix)]
#[test]
fn another_process_deploys_with_the_variables_that_are_printed() {
    for names in [&NAMES[6..7], &NAMES[..4], &[NAMES[0], NAMES[4], NAMES[5]]] {
        let (mut running, variables) = start(&["--listen", "127.0.0.1:0", "--speed", "20"]);
        let printed: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(printed, NAMES);
        assert!(variables[0].1.starts_with("http://127.0.0.1:"));
        assert!(serde_json::from_str::<serde_json::Value>(&variables[6].1).is_ok());
        let flow = Flow::new();
        deploy(&flow, &variables, names).exit(0).verdict("started");
        let logged = running.wait_for("POST   /api/v1/DeployIntegrationDesigntimeArtifact");
        assert!(logged.contains("202"), "{logged}");
        let run = stop(running).exit(143);
        for (name, value) in &variables[3..6] {
            let secret = name.ends_with("SECRET") || name.ends_with("PASSWORD");
            assert!(
                !secret || !run.stderr.contains(value),
                "{name} is in the log\n{run}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn it_holds_what_was_preloaded_and_behaves_as_chosen() {
    let (old, new) = (Flow::new(), Flow::changed());
    let directory = tempfile::tempdir().unwrap();
    let zip = zipped(&old, directory.path());
    let preload = format!("{}:Orders", zip.display());
    let (running, variables) = start(&["--preload", &preload, "--scenario", "draft"]);
    deploy(&new, &variables, &NAMES[6..7])
        .exit(1)
        .verdict("failed")
        .stderr_has("is a draft of colleague@example.com");
    let _ = stop(running);
}

#[test]
fn it_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        Flowship::new()
            .args(["sandbox", "--listen", address])
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has("listens on loopback only");
    }
}

#[test]
fn what_it_cannot_understand_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (
            &["--listen", "everywhere"],
            "`everywhere` is no address and port",
        ),
        (&["--scenario", "build-fial"], "the nearest is 'build-fail'"),
        (
            &["--scenario", "slow=quickly"],
            "does not take the value 'quickly'",
        ),
        (&["--scenario", "draft"], "preload one"),
        (
            &["--speed", "0"],
            "the speed of the sandbox must be a number above 0",
        ),
        (&["--preload", "nowhere"], "is not PATH:PACKAGE"),
    ];
    for (options, said) in cases {
        Flowship::new()
            .arg("sandbox")
            .args(*options)
            .in_directory(directory.path())
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
    }
    Flowship::new()
        .args(["sandbox", "--preload", "nowhere:Orders"])
        .run()
        .exit(3)
        .no_stdout()
        .stderr_has("there is no such file");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Flowship::new()
        .args(["sandbox", "--listen", &address])
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has(&address);
}

#[test]
fn the_list_names_every_scenario_with_its_source() {
    let run = Flowship::new().args(["sandbox", "--list"]).run().exit(0);
    for info in flowship::sandbox::Scenario::all() {
        let listed = run.stdout.lines().any(|line| {
            let mut words = line.split_whitespace();
            let source = words.next();
            let name = words
                .next()
                .and_then(|word| word.split(['[', '=', ':']).next());
            (source, name) == (Some(info.source.word()), Some(info.name))
        });
        assert!(listed, "{} is not listed with its source\n{run}", info.name);
    }
    for word in ["documented", "observed", "assumed"] {
        assert!(run.stdout.contains(word), "{word}");
    }
}

/// What tenants were recorded to do differently: a first and a second deployment are judged the same way under each.
#[test]
fn a_deployment_is_judged_truly_under_every_recorded_switch() {
    for scenario in [
        "definitions-required",
        "dates-of-flows-only",
        "skip-ignored",
        "any-package-id",
        "dates-without-zone",
        "package-reads-fail",
        "custom-tags=Author,LoB",
        "roles-missing-json",
        "no-task-id=message-mappings",
        "version-policy=raise",
        "unknown-status=FAILED",
        "endpoint-list-late",
    ] {
        let tenant = Tenant::new(&[scenario]);
        let flow = Flow::new();
        for times in 1..=2 {
            Flowship::deploy(&tenant, flow.path()).run().exit(0);
            assert!(tenant.runs_as_stored(&flow.id), "{scenario}, {times}");
        }
    }
    let library = Flow::new();
    let tenant = Tenant::holding(&["runtime-type"], vec![library.deployed(&[])]);
    assert_eq!(tenant.running(&library.id).unwrap().status, "STARTED");
    assert_eq!(tenant.design(&library.id), None);
    Flowship::new()
        .against(&tenant)
        .args(["status", &library.id])
        .run()
        .exit(0)
        .stdout_has("this API does not show the design time of a REST_API_PROVIDER");
    for scenario in ["start-error=truncated", "start-error=b"] {
        let tenant = Tenant::new(&[scenario]);
        Flowship::deploy(&tenant, Flow::new().path())
            .run()
            .exit(1)
            .verdict("failed")
            .stderr_has("SANDBOX_ALIAS");
    }
}
