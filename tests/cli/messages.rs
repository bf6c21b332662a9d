//! `flowship messages`: what a flow has processed; and the side of the sandbox that flows are called at.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::flow::Flow;
use crate::harness::{Flowship, Run, Tenant};

const ORDERS: &str = "Orders";

/// A tenant on which the flow runs.
fn tenant(scenarios: &[&str]) -> Tenant {
    Tenant::holding(
        scenarios,
        vec![Flow::called_at(ORDERS, "/orders").deployed(&[])],
    )
}

fn messages(tenant: &Tenant) -> Flowship<'_> {
    Flowship::new().against(tenant).args(["messages", ORDERS])
}

/// The value of a field of one of the two keys.
fn field(tenant: &Tenant, variable: &str, name: &str) -> String {
    let key: Value = serde_json::from_str(&tenant.variable(variable)).unwrap();
    key["oauth"][name].as_str().unwrap().to_owned()
}

/// Calls an address of the tenant with the key in this variable, or with none; gives the whole answer.
fn call(tenant: &Tenant, key: Option<&str>, line: &str) -> String {
    let host = tenant.variable("CPI_URL").replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    let authorization = key.map_or_else(String::new, |key| {
        let pair = format!(
            "{}:{}",
            field(tenant, key, "clientid"),
            field(tenant, key, "clientsecret")
        );
        format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
    });
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\n{authorization}Connection: close\r\nContent-Length: 5\r\n\r\nhello"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a message to the flow; gives the id of its log.
fn send(tenant: &Tenant) -> String {
    let answer = call(tenant, Some("CPI_RUNTIME_SERVICE_KEY"), "POST /http/orders");
    let header = answer
        .lines()
        .find_map(|line| line.strip_prefix("SAP_MessageProcessingLogID: "));
    header.unwrap_or_default().to_owned()
}

#[test]
fn completed_messages_are_counted_and_the_newest_is_linked() {
    let tenant = tenant(&[]);
    let (_, second) = (send(&tenant), send(&tenant));
    messages(&tenant)
        .args(["--since-deploy", "--wait", "5s"])
        .run()
        .exit(0)
        .stdout_has("completed Orders (2 messages since ")
        .stdout_has(": 2 COMPLETED)\n  COMPLETED ")
        .stdout_has(&second)
        .stdout_has("    link:  http://127.0.0.1:")
        .stderr_has_not("error");
    let asked = tenant.requests();
    let filter = asked
        .iter()
        .find(|line| line.contains("MessageProcessingLogs"))
        .unwrap();
    assert!(
        filter.contains("$filter=IntegrationArtifact/Id eq 'Orders' and LogStart ge datetime'"),
        "{filter}"
    );
    let date = filter
        .split("datetime'")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    assert_eq!(date.len(), 19, "a date with a zone is misread: {date}");
    tenant
        .requests()
        .iter()
        .filter(|line| !line.contains("/http/"))
        .for_each(|line| {
            assert!(line.starts_with("GET "), "{line}");
        });
}

#[test]
fn a_failure_is_told_in_the_tenants_words_and_ends_with_1() {
    let tenant = tenant(&["message-fails=No mapping for ##[error] order 4711"]);
    let guid = send(&tenant);
    assert!(guid.starts_with("AG"), "{guid}");
    let run = messages(&tenant).args(["--wait", "5s"]).run().exit(1);
    run.stdout_has("failed Orders (1 message since ")
        .stdout_has(": 1 FAILED)\n  FAILED ")
        .stdout_has(
            "    cause: com.sap.it.rt.adapter.Failure: No mapping for # #[error] order 4711\n",
        )
        .stdout_has(&format!(
            "    link:  {}/itspaces/shell/monitoring/MessageDetails/",
            tenant.variable("CPI_URL")
        ))
        .stderr_has("error: 1 message of Orders failed\n  at:    message AG");
    let run = messages(&tenant).args(["--output", "json"]).run().exit(1);
    let json = run.json();
    assert_eq!(
        (json["verdict"].as_str(), json["exit_code"].as_u64()),
        (Some("failed"), Some(1))
    );
    assert_eq!(json["messages"]["by_status"]["FAILED"], 1);
    assert_eq!(json["messages"]["complete"], true);
    assert_eq!(json["failures"][0]["guid"], guid.as_str());
    assert!(
        json["failures"][0]["error"]
            .as_str()
            .unwrap()
            .contains("order 4711")
    );
    assert!(
        json["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("1 message of Orders failed")
    );
}

#[test]
fn the_newest_failures_are_shown_up_to_the_limit() {
    let tenant = tenant(&["message-fails"]);
    let guids: Vec<String> = (0..4).map(|_| send(&tenant)).collect();
    let run = messages(&tenant)
        .args(["--limit", "2", "--wait", "5s"])
        .run()
        .exit(1);
    for (at, guid) in guids.iter().enumerate() {
        assert_eq!(run.stdout.contains(guid), at >= 2, "{at}\n{run}");
    }
    let texts = tenant
        .request_log()
        .matching("GET", "/ErrorInformation/$value")
        .len();
    assert_eq!(texts, 2);
}

#[test]
fn nothing_is_an_error_unless_it_is_allowed() {
    let tenant = tenant(&[]);
    messages(&tenant)
        .run()
        .exit(1)
        .stdout_has("none Orders (0 messages since ")
        .stderr_has("error: Orders has processed no message since ")
        .stderr_has("wait for one with --wait 2m, look further back with --since 24h, or allow it with --allow-none");
    messages(&tenant)
        .arg("--allow-none")
        .run()
        .exit(0)
        .stderr_has_not("error");
    messages(&tenant)
        .env("FLOWSHIP_ALLOW_NONE", "true")
        .run()
        .exit(0)
        .stdout_has("none Orders");
}

#[test]
fn what_was_processed_before_the_deployment_or_the_window_does_not_count() {
    let tenant = tenant(&["older-messages=5"]);
    messages(&tenant)
        .arg("--since-deploy")
        .run()
        .exit(1)
        .stdout_has("none Orders (0 messages");
    messages(&tenant)
        .args(["--since", "2h"])
        .run()
        .exit(1)
        .stdout_has("failed Orders (5 messages since ")
        .stdout_has(": 4 COMPLETED, 1 FAILED)")
        .stdout_has("cause: com.sap.it.rt.adapter.Failure: an older failure");
    messages(&tenant)
        .args(["--since", "1970-01-01T00:00:00Z"])
        .run()
        .exit(1)
        .stdout_has("5 messages since 1970-01-01T00:00:00.000Z");
    let _ = send(&tenant);
    messages(&tenant)
        .args(["--since-deploy", "--wait", "5s"])
        .run()
        .exit(0)
        .stdout_has("completed Orders (1 message since ");
}

/// The end of a look with a short wait at a message that stays in this status.
fn look(status: &str, exit: i32) -> Run {
    let tenant = tenant(&[&format!("message-stays={status}")]);
    let _ = send(&tenant);
    messages(&tenant).args(["--wait", "400ms"]).run().exit(exit)
}

#[test]
fn no_status_but_completed_is_a_success() {
    for status in ["PROCESSING", "RETRY", "ABANDONED", "DISPATCHED"] {
        look(status, 7)
            .stdout_has("undecided Orders (1 message since ")
            .stdout_has(&format!(": 1 {status})"))
            .stderr_has("error: Orders has messages that are not over");
    }
    look("ESCALATED", 1)
        .stdout_has("failed Orders (1 message")
        .stdout_has("cause: com.sap");
    for status in ["CANCELLED", "DISCARDED"] {
        look(status, 1)
            .stdout_has("none Orders (1 message")
            .stdout_has(&format!(": 1 {status})"));
    }
}

#[test]
fn what_is_on_its_way_is_waited_for() {
    for scenario in ["message-slow=20", "message-log-late=20"] {
        let tenant = tenant(&[scenario]);
        let _ = send(&tenant);
        messages(&tenant)
            .args(["--wait", "20s"])
            .run()
            .exit(0)
            .stdout_has("completed Orders (1 message")
            .stderr_has("Orders: ");
    }
}

#[test]
fn a_flow_that_starts_by_itself_is_seen_after_its_deployment() {
    let tenant = Tenant::new(&[]);
    let flow = Flow::named("Timer").with_timer();
    Flowship::deploy(&tenant, flow.path()).run().exit(0);
    Flowship::new()
        .against(&tenant)
        .args(["messages", "Timer", "--since-deploy", "--wait", "10s"])
        .run()
        .exit(0)
        .stdout_has("completed Timer (1 message");
}

#[test]
fn all_pages_are_read() {
    let tenant = tenant(&["older-messages=25", "page-size=10"]);
    messages(&tenant)
        .args(["--since", "3h"])
        .run()
        .exit(1)
        .stdout_has("25 messages")
        .stdout_has("24 COMPLETED, 1 FAILED");
    assert_eq!(
        tenant
            .request_log()
            .matching("GET", "MessageProcessingLogs?")
            .len(),
        3,
        "{}",
        tenant.transcript()
    );
}

#[test]
fn what_is_not_deployed_has_no_deployment_to_count_from() {
    let tenant = Tenant::new(&[]);
    messages(&tenant)
        .arg("--since-deploy")
        .run()
        .exit(1)
        .stderr_has("error: Orders does not run: nothing is deployed under this id");
    messages(&tenant)
        .run()
        .exit(1)
        .stderr_has("hint:  Orders is not deployed: deploy it first");
}

#[test]
fn no_answer_is_not_nothing() {
    for (scenario, exit) in [
        ("roles-missing=MonitoringDataRead", 4),
        ("fault=200-page@GET:MessageProcessingLogs", 6),
        ("fault=503@GET:MessageProcessingLogs", 5),
    ] {
        let tenant = tenant(&[scenario]);
        messages(&tenant)
            .args(["--allow-none", "--timeout", "3s"])
            .run()
            .exit(exit)
            .no_stdout();
    }
    for kind in ["cut", "429", "502", "truncated", "401"] {
        let tenant = tenant(&[&format!("fault={kind}@GET:MessageProcessingLogs#1")]);
        let _ = send(&tenant);
        messages(&tenant)
            .args(["--wait", "5s"])
            .run()
            .exit(0)
            .stdout_has("completed Orders");
    }
}

#[test]
fn times_that_are_none_are_named() {
    for (options, said) in [
        (
            ["--since", "yesterday"],
            "is neither a span of time nor a date",
        ),
        (["--wait", "soon"], "is no span of time"),
        (["--limit", "0"], "is no number from 1 to 1000"),
    ] {
        Flowship::new()
            .args(["messages", ORDERS])
            .args(options)
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
    }
}

// ---- the sandbox as a run time, to any client

#[test]
fn flows_answer_to_the_key_of_callers_alone() {
    let tenant = tenant(&[]);
    for (key, line, status) in [
        (Some("CPI_RUNTIME_SERVICE_KEY"), "POST /http/orders", "200"),
        (Some("CPI_RUNTIME_SERVICE_KEY"), "POST /http/nowhere", "404"),
        (Some("CPI_SERVICE_KEY"), "POST /http/orders", "403"),
        (None, "POST /http/orders", "401"),
        (
            Some("CPI_RUNTIME_SERVICE_KEY"),
            "GET /api/v1/MessageProcessingLogs",
            "401",
        ),
    ] {
        let answer = call(&tenant, key, line);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line} with {key:?}: {answer}"
        );
    }
    let answer = call(
        &tenant,
        Some("CPI_RUNTIME_SERVICE_KEY"),
        "POST /http/orders",
    );
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn an_address_may_be_served_late_and_an_answer_may_be_anonymous() {
    let tenant = Tenant::new(&["endpoint-late=30", "anonymous-messages"]);
    Flowship::deploy(&tenant, Flow::called_at(ORDERS, "/orders/*").path())
        .run()
        .exit(0);
    let key = Some("CPI_RUNTIME_SERVICE_KEY");
    let answer = call(&tenant, key, "POST /http/orders/1");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let mut answer = String::new();
    for _ in 0..100 {
        answer = call(&tenant, key, "POST /http/orders/1");
        if answer.starts_with("HTTP/1.1 200 ") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!answer.contains("SAP_MessageProcessingLogID"), "{answer}");
}
