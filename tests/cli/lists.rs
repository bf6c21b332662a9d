//! Lists that serve many artifacts, on tenants that have none, or whose lists are late, broken or poor.

use crate::flow::{Flow, SCRIPT};
use crate::harness::{Run, Tenant, together};
use crate::many::{Repository, pairs, verdicts};

const FLOWS: [&str; 4] = ["Flow_A", "Flow_B", "Flow_C", "Flow_D"];

/// What runs before: the first three flows, the third with other content than in Git.
fn tenant(scenarios: &[&str]) -> Tenant {
    let third = Flow::named("Flow_C").with(SCRIPT, "return 3\n");
    let preload = vec![
        Flow::named("Flow_A").deployed(&[]),
        Flow::named("Flow_B").deployed(&[]),
        third.deployed(&[("Retries", "8")]),
    ];
    Tenant::holding(scenarios, preload)
}

fn deploy(tenant: &Tenant, options: &[&str]) -> Run {
    let repository = Repository::of(&FLOWS);
    let call = repository.deploy(tenant);
    call.args(["--output", "json"]).args(options).run()
}

/// Lookups of one artifact in the runtime.
fn looks_at_one(tenant: &Tenant) -> usize {
    let journal = tenant.request_log();
    let looks = journal.matching("GET", "IntegrationRuntimeArtifacts('");
    looks.len()
}

#[test]
fn what_runs_is_asked_for_in_one_list_and_not_one_by_one() {
    let tenant = tenant(&[]);
    let run = deploy(&tenant, &[]).exit(0);
    assert_eq!(
        verdicts(&run),
        pairs(&[
            ("Flow_A", "unchanged"),
            ("Flow_B", "unchanged"),
            ("Flow_C", "started"),
            ("Flow_D", "started")
        ])
    );
    assert_eq!(looks_at_one(&tenant), 0, "{}", tenant.transcript());
    let of_package = |request: &&String| {
        request.starts_with("GET ") && request.ends_with("')/IntegrationDesigntimeArtifacts")
    };
    // one before anything is written, and one for what was written where that was enough to share a list
    let lists = tenant.requests().iter().filter(of_package).count();
    assert!((1..=2).contains(&lists), "{}", tenant.transcript());
}

#[test]
fn lists_that_are_missing_late_broken_or_poor_change_no_verdict() {
    let cases = [
        "no-runtime-list=501",
        "no-runtime-list=405",
        "runtime-list-late=2",
        "runtime-list-late=20",
        "broken-package-list",
        "broken-package-list=Integration",
        "lists-without-dates",
        "page-size=1",
        "modified-by",
        "deployed-by",
        "slow-start=10",
        "no-modified-at",
    ];
    together(&cases, |scenario| {
        let tenant = tenant(&[scenario]);
        let run = deploy(&tenant, &[]).exit(0);
        for (id, word) in verdicts(&run) {
            // nor does a deployment under a name that nobody knows
            let unproved = ["no-modified-at", "deployed-by"].contains(scenario);
            let expected = match id.as_str() {
                "Flow_A" | "Flow_B" if !unproved => "unchanged",
                _ => "started",
            };
            assert_eq!(word, expected, "{scenario}: {id}\n{run}");
            tenant.deployed(&id, usize::from(word == "started"));
            tenant.runs(&Flow::named(&id));
        }
        let parameters = tenant.running("Flow_C").unwrap().parameters;
        assert_eq!(parameters["Retries"], "8", "{scenario}");
    });
}

#[test]
fn without_a_list_of_what_runs_each_is_asked_for() {
    let tenant = tenant(&["no-runtime-list"]);
    let _ = deploy(&tenant, &[]).exit(0);
    for id in FLOWS {
        let target = format!("IntegrationRuntimeArtifacts('{id}')");
        assert!(
            !tenant.request_log().matching("GET", &target).is_empty(),
            "{id}"
        );
    }
}

#[test]
fn a_failure_is_found_without_lists_too() {
    together(&["no-runtime-list", "runtime-list-late=5"], |scenario| {
        let tenant = tenant(&[scenario, "start-error@Flow_C", "build-fail@Flow_D"]);
        let run = deploy(&tenant, &[]).exit(1);
        assert_eq!(
            verdicts(&run),
            pairs(&[
                ("Flow_A", "unchanged"),
                ("Flow_B", "unchanged"),
                ("Flow_C", "failed"),
                ("Flow_D", "failed")
            ]),
            "{scenario}"
        );
    });
}

#[test]
fn somebody_elses_deployment_is_taken_for_ours_by_no_list() {
    let tenant = tenant(&[
        "foreign-deploy=before@Flow_C",
        "slow=30@Flow_C",
        "build-fail@Flow_C",
    ]);
    let run = deploy(&tenant, &[]).exit(1);
    let found = verdicts(&run).into_iter().find(|(id, _)| id == "Flow_C");
    assert_eq!(found.unwrap().1, "failed");
}
