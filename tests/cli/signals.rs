//! Ctrl-C and SIGTERM: an end at once, and what the tenant holds.
#![cfg(unix)]

use std::time::{Duration, Instant};

use crate::flow::{Flow, SCRIPT};
use crate::harness::{Flowship, Run, Running, Tenant};

/// Ends it by a signal; fails if that takes long.
fn ended_by(signal: &str, running: Running<'_>) -> Run {
    running.signal(signal);
    let sent = Instant::now();
    let run = running.end();
    assert!(
        sent.elapsed() < Duration::from_secs(2),
        "took {:?}\n{run}",
        sent.elapsed()
    );
    run
}

#[test]
fn a_signal_in_mid_watch_ends_the_run_and_tells_what_was_written() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (tenant, flow) = (Tenant::new(&["slow=100000"]), Flow::new());
        let mut running = Flowship::deploy(&tenant, flow.path()).start();
        running.wait_for("runtime shows nothing yet; task DEPLOYING");
        ended_by(signal, running)
            .exit(code)
            .no_stdout()
            .stderr_has("interrupted before the verdict")
            .stderr_has(&format!(
                "state: {}: a deployment was accepted (task ",
                flow.id
            ))
            .stderr_has("run the same command again");
        tenant.deployed_once(&flow.id);
    }
}

#[test]
fn a_signal_before_the_first_write_says_that_nothing_was_written() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (tenant, flow) = (
            Tenant::new(&["fault=hang@GET:IntegrationPackages"]),
            Flow::new(),
        );
        let mut running = Flowship::deploy(&tenant, flow.path()).start();
        running.wait_for("reading what the tenant holds");
        ended_by(signal, running)
            .exit(code)
            .no_stdout()
            .stderr_has("state: nothing was written to the tenant");
        tenant.is_untouched();
    }
}

#[test]
fn a_signal_while_the_deploy_call_hangs_says_that_it_may_have_been_accepted() {
    let (tenant, flow) = (
        Tenant::new(&["fault=hang-after@POST:DeployIntegration"]),
        Flow::new(),
    );
    let mut running = Flowship::deploy(&tenant, flow.path())
        .arg("--verbose")
        .start();
    running.wait_for("uploading");
    // the seal and the baseline are read after the upload; then the call is on its way
    while tenant
        .request_log()
        .matching("GET", "IntegrationRuntimeArtifacts")
        .len()
        < 2
        || tenant.deployments(&flow.id) == 0
    {
        std::thread::yield_now();
    }
    ended_by("TERM", running)
        .exit(143)
        .stderr_has("a deploy call was sent, its answer is not known");
}

#[test]
fn an_interrupted_run_can_be_run_again_and_deploys_nothing_twice() {
    let (tenant, flow) = (Tenant::new(&["slow=60"]), Flow::new());
    let mut running = Flowship::deploy(&tenant, flow.path()).start();
    running.wait_for("deployment accepted");
    ended_by("TERM", running).exit(143);
    let run = Flowship::deploy(&tenant, flow.path()).run().exit(0);
    assert!(
        run.stdout.starts_with("started") || run.stdout.starts_with("unchanged"),
        "{run}"
    );
    tenant.runs(&flow);
    assert_eq!(tenant.undeployments(&flow.id), 0);
}

#[test]
fn the_sandbox_ends_on_a_signal() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut running = Flowship::new().arg("sandbox").start();
        running.wait_for("a simulated tenant serves at");
        let _ = ended_by(signal, running).exit(code);
    }
}

#[test]
fn a_deployment_that_a_killed_run_has_called_for_is_awaited_and_not_repeated() {
    // longer than anybody waits for a record that may never come
    let flow = Flow::named("Orders");
    let tenant = Tenant::holding(&["slow=400"], vec![flow.deployed(&[])]);
    let repository = super::many::Repository::new().with(&flow.with(SCRIPT, "def other() {}\n"));
    let mut killed = repository.deploy(&tenant).start();
    killed.wait_for("deployment accepted");
    killed.signal("KILL");
    killed.end();
    repository
        .deploy(&tenant)
        .run()
        .exit(0)
        .verdict("unchanged")
        .stderr_has("an earlier run has deployed it: waiting for its task");
    tenant.deployed_once("Orders");
    assert_eq!(repository.beside_flows(), Vec::<String>::new());
}
