//! `flowship endpoints`: where what runs can be called.

use crate::flow::Flow;
use crate::harness::{Flowship, Tenant, together};

const ORDERS: &str = "Orders";

/// A flow with two senders, one that nobody calls, and a script collection, all of which run.
fn tenant(scenarios: &[&str]) -> Tenant {
    let orders =
        Flow::called_at(ORDERS, "/orders/in").with_element(&Flow::sender("HTTPS", "/orders/retry"));
    let preload = vec![
        orders.deployed(&[]),
        Flow::named("Timer").deployed(&[]),
        Flow::of_type("ScriptCollection").deployed(&[]),
    ];
    Tenant::holding(scenarios, preload)
}

fn endpoints<'a>(tenant: &'a Tenant, ids: &[&str]) -> Flowship<'a> {
    Flowship::new().against(tenant).arg("endpoints").args(ids)
}

#[test]
fn every_flow_is_listed_with_its_addresses_or_without_any() {
    let tenant = tenant(&[]);
    let run = endpoints(&tenant, &[]).run().exit(0);
    let url = format!("{}/http/orders/in\n", tenant.variable("CPI_URL"));
    let run = run
        .stdout_has("Orders 1.0.3 \"Orders to Warehouse\"\n  REST    http://127.0.0.1:")
        .stdout_has(&url)
        .stdout_has("/http/orders/retry\nTimer 1.0.3 \"Orders to Warehouse\"\n  no endpoint: nobody calls it from outside")
        .stdout_has("2 endpoints of 2 artifacts on 127.0.0.1\n");
    assert!(!run.stdout.contains("ScriptCollection"), "{run}");
    let asked = tenant.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked[1].ends_with("/ServiceEndpoints?$expand=EntryPoints"),
        "{asked:?}"
    );
    tenant.is_untouched();
}

#[test]
fn programs_get_one_object() {
    let tenant = tenant(&[]);
    let run = endpoints(&tenant, &[ORDERS, "Timer"])
        .args(["--output", "json"])
        .run()
        .exit(0);
    let json = run.json();
    let first = &json["artifacts"][0];
    assert_eq!(first["id"], ORDERS);
    assert_eq!(first["status"], "STARTED");
    assert_eq!(first["endpoints"][0]["protocol"], "REST");
    assert!(
        first["endpoints"][0]["urls"][0]
            .as_str()
            .unwrap()
            .ends_with("/http/orders/in")
    );
    assert_eq!(
        json["artifacts"][1]["endpoints"].as_array().unwrap().len(),
        0
    );
    assert_eq!(
        (json["exit_code"].as_u64(), json["simulated"].as_bool()),
        (Some(0), Some(false))
    );
}

#[test]
fn what_does_not_run_is_an_error_with_what_to_do() {
    let tenant = tenant(&["stopped@Timer"]);
    endpoints(&tenant, &["Nowhere", ORDERS])
        .run()
        .exit(1)
        .stdout_has("/http/orders/in")
        .stderr_has("error: Nowhere does not run: nothing is deployed under this id")
        .stderr_has("hint:  deploy it (`flowship deploy`");
    endpoints(&tenant, &["Timer"])
        .run()
        .exit(1)
        .stdout_has("Timer 1.0.3 \"Orders to Warehouse\" [STOPPED]\n  no endpoint: it does not run")
        .stderr_has("error: Timer does not run: it is STOPPED");
    endpoints(&tenant, &["Shared_ScriptCollection"])
        .run()
        .exit(0)
        .stdout_has("no endpoint: it is no integration flow, but SCRIPT_COLLECTION");
}

#[test]
fn endpoints_are_found_whatever_the_tenant_writes_and_offers() {
    for scenario in [
        "endpoint-names",
        "page-size=1",
        "runtime-list-late=1",
        "fault=502@GET:ServiceEndpoints#1",
        "fault=truncated@GET:ServiceEndpoints#1",
    ] {
        let orders = Flow::called_at(ORDERS, "/orders/in")
            .with_element(&Flow::sender("HTTPS", "/orders/retry"));
        let tenant = Tenant::holding(&[scenario], vec![orders.deployed(&[])]);
        let run = endpoints(&tenant, &[]).run().exit(0);
        run.stdout_has("/http/orders/in\n")
            .stdout_has("/http/orders/retry\n2 endpoints of 1 artifact")
            .exit(0);
    }
    let tenant = tenant(&["no-runtime-list"]);
    endpoints(&tenant, &[])
        .run()
        .exit(0)
        .stdout_has("/http/orders/in")
        .stderr_has("this tenant does not list what runs");
    endpoints(&tenant, &[ORDERS])
        .run()
        .exit(0)
        .stdout_has("2 endpoints of 1 artifact on");
}

#[test]
fn a_flow_that_is_not_listed_has_no_endpoint() {
    for scenario in ["no-endpoint", "no-endpoint@Orders"] {
        let tenant = tenant(&[scenario]);
        endpoints(&tenant, &[ORDERS])
            .run()
            .exit(0)
            .stdout_has("no endpoint: nobody calls it");
    }
}

#[test]
fn a_key_that_may_not_look_is_refused_by_the_name_of_the_role() {
    let tenant = tenant(&["roles-missing=MonitoringDataRead"]);
    endpoints(&tenant, &[])
        .run()
        .exit(4)
        .no_stdout()
        .stderr_has("MonitoringDataRead");
}

#[test]
fn a_host_that_is_no_tenant_or_says_nonsense_is_never_without_endpoints() {
    let cases = [
        ("fault=200-page@GET:ServiceEndpoints", 6),
        ("fault=503@GET:ServiceEndpoints", 5),
        ("fault=404-page@GET:ServiceEndpoints", 6),
    ];
    together(&cases, |(scenario, exit)| {
        let tenant = tenant(&[scenario]);
        endpoints(&tenant, &[ORDERS])
            .args(["--timeout", "3s"])
            .run()
            .exit(*exit)
            .no_stdout();
    });
}

#[test]
fn endpoints_may_be_listed_some_time_after_the_start() {
    let tenant = Tenant::new(&["endpoint-list-late=60"]);
    Flowship::deploy(&tenant, Flow::called_at(ORDERS, "/orders/in").path())
        .run()
        .exit(0);
    endpoints(&tenant, &[ORDERS])
        .run()
        .exit(0)
        .stdout_has("no endpoint");
}
