//! `deploy --smoke`: one message to the flow that has started, which counts into the verdict.

use super::flow::Flow;
use super::harness::{Flowship, Run, Tenant};

const TEST: &str = "headers: {Content-Type: text/plain}\nbody: hello\nexpect:\n  status: 200\n  body-contains: hello\nwithin: 20s\n";

/// Deploys a flow that is called at `/orders`, with this test and the key of plan `integration-flow`.
fn deploy<'a>(tenant: &'a Tenant, test: &str) -> Flowship<'a> {
    let flow = Flow::called_at("Orders", "/orders");
    Flowship::new()
        .against(tenant)
        .env(
            "CPI_RUNTIME_SERVICE_KEY",
            tenant.variable("CPI_RUNTIME_SERVICE_KEY"),
        )
        .with_flow(&flow)
        .beside("smoke.yaml", test)
        .args([
            "deploy",
            "flow",
            "--package",
            "Orders",
            "--smoke",
            "smoke.yaml",
        ])
}

fn calls(tenant: &Tenant) -> usize {
    tenant
        .requests()
        .iter()
        .filter(|request| request.contains(" /http/orders") && !request.starts_with("HEAD"))
        .count()
}

fn smoked(scenarios: &[&str], test: &str) -> (Run, usize) {
    let tenant = Tenant::new(scenarios);
    let run = deploy(&tenant, test).run();
    let calls = calls(&tenant);
    tenant.deployed_once("Orders");
    (run, calls)
}

#[test]
fn a_message_that_is_processed_counts_as_evidence() {
    let tenant = Tenant::new(&[]);
    let run = deploy(&tenant, TEST)
        .args(["--report-junit", "junit.xml"])
        .run()
        .exit(0);
    assert!(run.stdout.contains("started Orders"), "{}", run.stdout);
    assert!(
        run.stdout.contains("smoke test: POST http://127.0.0.1")
            && run.stdout.contains("COMPLETED"),
        "{}",
        run.stdout
    );
    assert!(run.written("junit.xml").contains("name=\"smoke\""));
    assert_eq!(calls(&tenant), 1);
}

#[test]
fn a_message_that_fails_fails_the_deployment_with_the_cause() {
    let (run, calls) = smoked(&["message-fails"], TEST);
    let run = run
        .exit(1)
        .stderr_has("the flow answered with status 500, and 200 was expected");
    assert!(
        run.stderr.contains("No mapping for order 4711"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("failed Orders"), "{}", run.stdout);
    assert_eq!(calls, 1);
}

#[test]
fn only_completed_is_green() {
    for (status, code) in [
        ("ESCALATED", 1),
        ("CANCELLED", 1),
        ("DISCARDED", 1),
        ("RETRY", 7),
        ("PROCESSING", 7),
        ("DISPATCHED", 7),
    ] {
        let scenario = format!("message-stays={status}");
        let (run, calls) = smoked(&[&scenario], &TEST.replace("20s", "3s"));
        assert_eq!(
            (run.code, calls),
            (Some(code), 1),
            "{status}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(status), "{}", run.stderr);
    }
}

#[test]
fn a_log_that_is_late_or_bears_no_name_is_found() {
    for scenario in [
        "message-log-late=20",
        "message-slow=20",
        "anonymous-messages=header",
        "anonymous-messages=all",
    ] {
        let (run, calls) = smoked(&[scenario], TEST);
        assert_eq!(
            (run.code, calls),
            (Some(0), 1),
            "{scenario}: {}",
            run.stderr
        );
    }
}

#[test]
fn an_endpoint_that_is_late_is_waited_for_and_one_that_is_missing_is_named() {
    let (run, _) = smoked(&["endpoint-late=30", "endpoint-list-late=30"], TEST);
    run.exit(0);
    let (run, calls) = smoked(&["no-endpoint"], &TEST.replace("20s", "2s"));
    run.exit(7)
        .stderr_has("no endpoint of Orders was listed within the time given");
    assert_eq!(calls, 0);
}

#[test]
fn an_answer_that_is_not_the_expected_one_is_described_and_not_quoted() {
    let (run, _) = smoked(
        &[],
        &TEST.replace("body-contains: hello", "body-contains: goodbye"),
    );
    run.exit(1)
        .stderr_has("the flow's answer does not hold `goodbye`")
        .stderr_has("the answer: 5 bytes of ")
        .stderr_has_not("hello");
    let (run, _) = smoked(&[], &TEST.replace("status: 200", "status: 204"));
    run.exit(1).stderr_has("status 200, and 204 was expected");
}

#[test]
fn a_key_that_is_missing_or_deploys_is_named_before_anything_is_written() {
    let tenant = Tenant::new(&[]);
    let call = |key: Option<String>| {
        let flow = Flow::called_at("Orders", "/orders");
        let call = Flowship::new()
            .against(&tenant)
            .with_flow(&flow)
            .beside("smoke.yaml", TEST);
        let call = key
            .into_iter()
            .fold(call, |call, key| call.env("CPI_RUNTIME_SERVICE_KEY", key));
        call.args([
            "deploy",
            "flow",
            "--package",
            "Orders",
            "--smoke",
            "smoke.yaml",
        ])
        .run()
    };
    call(None)
        .exit(2)
        .stderr_has("CPI_RUNTIME_SERVICE_KEY is missing");
    call(Some(tenant.variable("CPI_SERVICE_KEY")))
        .exit(2)
        .stderr_has("is a key of plan api");
    tenant.is_untouched();
}

#[test]
fn a_test_that_is_wrong_is_told_with_its_place_before_anything_is_sent() {
    let tenant = Tenant::new(&[]);
    deploy(&tenant, "body: x\nexpct: {status: 200}\n")
        .run()
        .exit(2)
        .stderr_has("smoke.yaml:2:1")
        .stderr_has("did you mean `expect`?");
    deploy(&tenant, "artifact: Other\nbody: x\n")
        .run()
        .exit(2)
        .stderr_has("no integration flow of this run");
    deploy(&tenant, TEST)
        .arg("--no-deploy")
        .run()
        .exit(2)
        .stderr_has("so that it can't be called");
    assert!(tenant.all_requests().is_empty());
}

#[test]
fn it_can_be_tried_without_a_tenant() {
    let flow = Flow::called_at("Orders", "/orders");
    Flowship::new()
        .with_flow(&flow)
        .beside("smoke.yaml", TEST)
        .args([
            "deploy",
            "flow",
            "--package",
            "Orders",
            "--smoke",
            "smoke.yaml",
            "--sandbox",
        ])
        .run()
        .exit(0)
        .stdout_has("smoke test: POST");
}

/// With nothing expected of the body, and no log, only an answer that may be the flow's is one.
#[test]
fn a_web_page_is_no_answer_of_the_flow() {
    let anything = "log: none\nmethod: POST\nwithin: 3s\n";
    let fault = "fault=200-page@POST:/http/orders";
    let (run, calls) = smoked(&[fault], anything);
    run.exit(7)
        .stderr_has("a web page came with status 200")
        .stderr_has("body-contains");
    assert_eq!(calls, 1);
    let (run, calls) = smoked(&[], anything);
    run.exit(0);
    assert_eq!(calls, 1);
}

#[test]
fn an_endpoint_that_is_not_listed_yet_is_no_reason_for_a_rollback() {
    let tenant = Tenant::holding(
        &["no-endpoint"],
        vec![Flow::called_at("Orders", "/old").deployed(&[])],
    );
    deploy(&tenant, &TEST.replace("20s", "2s"))
        .args(["--rollback", "--rollback-on-timeout"])
        .run()
        .exit(7);
    tenant.deployed_once("Orders");
    tenant.runs(&Flow::called_at("Orders", "/orders"));
}
