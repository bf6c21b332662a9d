//! One fault on the wire at any single request: the deployment ends well all the same, and is made once.

use crate::flow::Flow;
use crate::harness::{Flowship, Tenant, together};

const KINDS: [&str; 14] = [
    "cut-before",
    "cut-after",
    "429",
    "429-date",
    "429-bare",
    "502",
    "503",
    "504",
    "502-after",
    "404-page",
    "200-page",
    "500-empty",
    "401",
    "truncated",
];

/// A first deployment, or the update of a flow that runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Fresh,
    Update,
}

/// Runs it on a tenant that behaves so; gives the requests that arrived.
fn deploy(course: Course, scenarios: &[&str]) -> Vec<String> {
    let (old, new) = (Flow::new(), Flow::changed());
    let preload = match course {
        Course::Fresh => Vec::new(),
        Course::Update => vec![old.deployed(&[("Receiver Address", "https://production.example")])],
    };
    let tenant = Tenant::holding(scenarios, preload);
    let set: &[&str] = match course {
        Course::Fresh => &[],
        Course::Update => &["--set", "Retries=5"],
    };
    let run = Flowship::deploy(&tenant, new.path())
        .args(["--timeout", "150s"])
        .args(set)
        .run();
    let said = format!("{course:?} {scenarios:?}\n{run}\n{}", tenant.transcript());
    assert_eq!(run.code, Some(0), "{said}");
    assert!(run.stdout.starts_with("started "), "{said}");
    tenant.deployed_once(&new.id);
    let values: Vec<String> = tenant
        .runs(&new)
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    let expected = match course {
        Course::Fresh => ["https://quality.example", "3"],
        Course::Update => ["https://production.example", "5"],
    };
    assert_eq!(values, expected, "{said}");
    let faults = tenant
        .request_log()
        .entries
        .iter()
        .filter(|entry| entry.fault.is_some())
        .count();
    assert!(
        faults > 0 || scenarios.is_empty(),
        "the fault hit nothing\n{said}"
    );
    tenant.all_requests()
}

/// Which faults to try: every place of a clean run, the deploy call apart because its faults take long.
fn cases(kinds_at: impl Fn(usize) -> Vec<&'static str>) -> Vec<(Course, String)> {
    let mut cases = Vec::new();
    for course in [Course::Fresh, Course::Update] {
        let clean = deploy(course, &[]);
        // how often the deployment is asked for depends on the machine; the first look is like the others
        let looks = clean
            .iter()
            .position(|request| request.contains("BuildAndDeployStatus"))
            .unwrap();
        for (at, request) in clean.iter().enumerate().take(looks + 2) {
            for kind in kinds_at(at) {
                if !request.contains("POST /api/v1/Deploy")
                    || kind.starts_with("429")
                    || kind == "401"
                {
                    cases.push((course, format!("fault={kind}@{}", at + 1)));
                }
            }
        }
    }
    cases
}

#[test]
fn a_fault_at_any_single_request_is_survived() {
    // two kinds at each place, other ones at the next
    let cases = cases(|at| {
        vec![
            KINDS[(at * 2) % KINDS.len()],
            KINDS[(at * 2 + 1 + at / 7) % KINDS.len()],
        ]
    });
    assert!(cases.len() > 40, "only {} cases", cases.len());
    together(&cases, |(course, fault)| {
        deploy(*course, &[fault]);
    });
}

/// All of them, about some minutes: `cargo test --test cli -- --ignored every_fault`.
#[test]
#[ignore = "takes some minutes: cargo test --test cli -- --ignored every_fault"]
fn every_fault_at_every_request_is_survived() {
    let mut cases = cases(|_| KINDS.to_vec());
    for course in [Course::Fresh, Course::Update] {
        for kind in KINDS {
            cases.push((
                course,
                format!("fault={kind}@POST:DeployIntegrationDesigntimeArtifact#1"),
            ));
        }
    }
    together(&cases, |(course, fault)| {
        deploy(*course, &[fault]);
    });
}

#[test]
fn an_answer_that_is_slow_garbled_or_leads_astray_is_no_answer() {
    let reads = "GET:IntegrationDesigntimeArtifacts#1";
    let cases = ["garbage", "slow-body", "html-login", "redirect"]
        .map(|kind| format!("fault={kind}@{reads}"));
    together(&cases, |fault| {
        deploy(Course::Fresh, &[fault]);
    });
}

#[test]
fn a_call_that_hangs_is_given_up_and_made_again() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=hang@GET:BuildAndDeployStatus#1"]);
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "20s"])
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_tenant_that_hangs_for_ever_does_not_hold_the_run_past_its_timeout() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=hang@GET:IntegrationRuntimeArtifacts"]);
    let start = std::time::Instant::now();
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "4s"])
        .run()
        .exit(5)
        .verdict("unreachable");
    assert!(start.elapsed().as_secs() < 8, "took {:?}", start.elapsed());
    tenant.is_untouched();
}

#[test]
fn a_list_without_an_end_is_given_up_after_a_few_pages() {
    together(&["same", "empty"], |pages| {
        let tenant = Tenant::holding(
            &[&format!("endless-pages={pages}")],
            vec![Flow::new().deployed(&[])],
        );
        for command in [&["list"][..], &["status"], &["endpoints"]] {
            let before = tenant.requests().len();
            let _ = Flowship::new()
                .against(&tenant)
                .args(command)
                .args(["--timeout", "30s"])
                .run()
                .exit(6)
                .stderr_has("pages that can't be followed");
            assert!(
                tenant.requests().len() < before + 8,
                "{}",
                tenant.transcript()
            );
        }
    });
}
