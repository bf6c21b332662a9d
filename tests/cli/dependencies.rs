//! What needs what: the order of a run, who is skipped, and what is missing on the tenant.

use crate::flow::{Flow, SCRIPT};
use crate::harness::{Run, Tenant, together};
use crate::many::{Repository, pairs, verdicts};

fn collection(id: &str) -> Flow {
    Flow::of_type("ScriptCollection").with_id(id)
}

fn mapping(id: &str) -> Flow {
    Flow::of_type("MessageMapping").with_id(id)
}

/// The moments, in seconds of the tenant, at which requests with this text arrived.
fn arrivals(tenant: &Tenant, method: &str, part: &str) -> Vec<f64> {
    let journal = tenant.request_log();
    let found = journal.matching(method, part);
    found.iter().map(|entry| entry.arrived).collect()
}

/// How often a flow was created or updated.
fn written_flows(tenant: &Tenant) -> usize {
    let journal = tenant.request_log();
    journal
        .matching("POST", "/IntegrationDesigntimeArtifacts")
        .len()
        + journal
            .matching("PUT", "/IntegrationDesigntimeArtifacts")
            .len()
}

fn run(repository: &Repository, tenant: &Tenant, options: &[&str]) -> Run {
    let call = repository.deploy(tenant).args(["--output", "json"]);
    call.args(options).run()
}

#[test]
fn a_flow_is_written_when_the_collection_and_the_mapping_that_it_needs_run() {
    // each deployment takes ten seconds of the tenant
    let tenant = Tenant::new(&["slow=10"]);
    let repository = Repository::new()
        .with(&Flow::using("A_Flow", "Z_Scripts", Some("Z_Mapping")))
        .with(&collection("Z_Scripts"))
        .with(&mapping("Z_Mapping"));
    let run = run(&repository, &tenant, &[]).exit(0);
    assert_eq!(
        verdicts(&run),
        pairs(&[
            ("A_Flow", "started"),
            ("Z_Mapping", "started"),
            ("Z_Scripts", "started")
        ]),
        "the order of the report is that of the paths"
    );
    let flow = arrivals(&tenant, "POST", "/IntegrationDesigntimeArtifacts")[0];
    for needed in ["ScriptCollection", "MessageMapping"] {
        let call = format!("Deploy{needed}DesigntimeArtifact");
        let deployed = arrivals(&tenant, "POST", &call)[0];
        assert!(
            flow >= deployed + 10.0,
            "{needed} deployed at {deployed}, the flow written at {flow}\n{}",
            tenant.transcript()
        );
    }
}

#[test]
fn a_flow_that_needs_nobody_does_not_wait() {
    let tenant = Tenant::new(&["slow=40@Scripts"]);
    let repository = Repository::of(&["Free"])
        .with(&Flow::using("User", "Scripts", None))
        .with(&collection("Scripts"));
    let _ = run(&repository, &tenant, &[]).exit(0);
    let written = arrivals(&tenant, "POST", "/IntegrationDesigntimeArtifacts");
    let deployed = arrivals(&tenant, "POST", "DeployScriptCollection")[0];
    assert_eq!(written.len(), 2);
    assert!(written[0] < deployed + 40.0 && written[1] >= deployed + 40.0);
}

#[test]
fn what_is_needed_and_unchanged_holds_up_nobody() {
    let scripts = collection("Scripts");
    let tenant = Tenant::holding(&[], vec![scripts.deployed(&[])]);
    let repository = Repository::new()
        .with(&Flow::using("User", "Scripts", None))
        .with(&scripts);
    let run = run(&repository, &tenant, &[]).exit(0);
    assert_eq!(
        verdicts(&run),
        pairs(&[("Scripts", "unchanged"), ("User", "started")])
    );
}

#[test]
fn whoever_needs_what_failed_is_skipped_with_all_that_need_it_in_turn() {
    let tenant = Tenant::new(&["build-fail@Base"]);
    let repository = Repository::of(&["Free"])
        .with(&collection("Base"))
        .with(&collection("Upon").with_header("Require-Capability: scriptcollection.Base"))
        .with(&Flow::using("User", "Upon", None));
    let run = run(&repository, &tenant, &[])
        .exit(1)
        .stderr_has("Upon: skipped, because Base that it needs is failed")
        .stderr_has("User: skipped, because Upon that it needs is skipped");
    assert_eq!(
        verdicts(&run),
        pairs(&[
            ("Base", "failed"),
            ("Free", "started"),
            ("Upon", "skipped"),
            ("User", "skipped")
        ])
    );
    assert_eq!(written_flows(&tenant), 1, "{}", tenant.transcript());
    for id in ["Upon", "User"] {
        assert_eq!(tenant.design(id), None, "nothing of {id} is written");
    }
}

#[test]
fn whoever_needs_what_is_refused_before_the_first_write_is_skipped() {
    // a colleague's draft of the collection is not overwritten
    let old = collection("Scripts");
    let new = collection("Scripts").with("src/main/resources/script/shared.groovy", "return 2\n");
    let tenant = Tenant::holding(&["draft"], vec![old.deployed(&[])]);
    let repository = Repository::new()
        .with(&new)
        .with(&Flow::using("User", "Scripts", None));
    let run = run(&repository, &tenant, &[]).exit(1);
    assert_eq!(
        verdicts(&run),
        pairs(&[("Scripts", "failed"), ("User", "skipped")])
    );
    tenant.is_untouched();
}

#[test]
fn with_keep_going_whoever_needs_an_invalid_artifact_is_skipped() {
    let tenant = Tenant::new(&[]);
    let broken = mapping("Broken").with("src/main/resources/parameters.prop", "\\u12\n");
    let repository = Repository::of(&["Free"])
        .with(&broken)
        .with(&collection("Upon").with_header("Require-Capability: messagemapping.Broken"))
        .with(&Flow::using("User", "Upon", None));
    let run = run(&repository, &tenant, &["--keep-going"])
        .exit(3)
        .stderr_has("Upon: skipped, because Broken that it needs is invalid");
    let mut found = verdicts(&run);
    found.sort();
    assert_eq!(
        found,
        pairs(&[
            ("Broken", "invalid"),
            ("Free", "started"),
            ("Upon", "skipped"),
            ("User", "skipped")
        ])
    );
    assert_eq!(written_flows(&tenant), 1, "{}", tenant.transcript());
}

#[test]
fn artifacts_that_need_each_other_in_a_circle_are_deployed_all_the_same() {
    let repository = Repository::new()
        .with(&collection("One").with_header("Require-Capability: scriptcollection.Two"))
        .with(&collection("Two").with_header("Require-Capability: scriptcollection.One"))
        .with(&Flow::using("User", "Two", None));
    let tenant = Tenant::new(&[]);
    let _ = run(&repository, &tenant, &[]).exit(0);
    for id in ["One", "Two", "User"] {
        tenant.deployed_once(id);
    }
    let tenant = Tenant::new(&["build-fail@One"]);
    let run = run(&repository, &tenant, &[]).exit(1);
    assert_eq!(
        verdicts(&run),
        pairs(&[("One", "failed"), ("Two", "skipped"), ("User", "skipped")])
    );
}

#[test]
fn what_is_needed_and_not_there_is_named_before_anything_is_written() {
    let deployed = collection("Runs");
    let tenant = Tenant::holding(
        &[],
        vec![collection("Stored").stored(), deployed.deployed(&[])],
    );
    let requires = "Require-Capability: scriptcollection.Nowhere,scriptcollection.Stored,scriptcollection.Runs,scriptcollection.Unused;resolution:=optional";
    let repository = Repository::new().with(&Flow::named("User").with_header(requires));
    let mut running = repository.deploy(&tenant).start();
    running.wait_for("warning: needs ScriptCollection Nowhere (flows/User/META-INF/MANIFEST.MF:");
    let run = running
        .end()
        .stdout_has("note: needs ScriptCollection Nowhere")
        .stdout_has("neither in this run nor on the tenant")
        .stdout_has(
            "which is on the tenant, but not deployed: `flowship redeploy Stored` deploys it",
        );
    for id in ["Runs", "Unused"] {
        assert!(
            !run.stdout.contains(&format!("ScriptCollection {id}")),
            "{run}"
        );
    }
    let requests = tenant.requests();
    let place = |is_meant: &dyn Fn(&str) -> bool| requests.iter().position(|one| is_meant(one));
    let first_write = place(&|one| !one.starts_with("GET ")).unwrap();
    for id in ["Nowhere", "Stored"] {
        let looked_up = place(&|one| one.contains("ScriptCollection") && one.contains(id));
        assert!(looked_up.unwrap() < first_write, "{requests:#?}");
    }
}

#[test]
fn several_that_need_the_same_missing_thing_lead_to_one_look() {
    let tenant = Tenant::new(&[]);
    let ids = ["User_A", "User_B", "User_C", "User_D"];
    let repository = ids.iter().fold(Repository::new(), |repository, id| {
        repository.with(&Flow::using(id, "Nowhere", None))
    });
    let run = repository.deploy(&tenant).run();
    for id in ids {
        assert!(
            run.stderr
                .contains(&format!("{id}: warning: needs ScriptCollection Nowhere"))
        );
    }
    let looks = tenant
        .request_log()
        .matching("GET", "IntegrationRuntimeArtifacts('Nowhere')")
        .len();
    assert!(looks <= 2, "{looks} looks\n{}", tenant.transcript());
}

#[test]
fn of_hundreds_that_are_needed_some_are_looked_up_and_the_others_counted() {
    let tenant = Tenant::holding(&[], vec![collection("C000").deployed(&[])]);
    let needed: Vec<String> = (0..300)
        .map(|number| format!("scriptcollection.C{number:03}"))
        .collect();
    let requires = format!("Require-Capability: {}", needed.join(","));
    let repository = Repository::new().with(&Flow::named("User").with_header(&requires));
    let run = repository
        .deploy(&tenant)
        .args(["--designtime-rate", "50", "--runtime-rate", "50"])
        .run()
        .stdout_has("note: needs ScriptCollection C001")
        .stdout_has("note: needs 249 more artifacts, which were not looked up");
    assert!(!run.stdout.contains("needs ScriptCollection C000"), "{run}");
    let looks = |call: &str| tenant.request_log().matching("GET", call).len();
    assert!(looks("ScriptCollectionDesigntimeArtifacts(") <= 50, "{run}");
    assert!(looks("IntegrationRuntimeArtifacts('C") <= 60, "{run}");
}

#[test]
fn only_what_changed_of_those_that_belong_together_is_written() {
    let (scripts, user) = (collection("Scripts"), Flow::using("User", "Scripts", None));
    let tenant = Tenant::holding(&[], vec![scripts.deployed(&[]), user.deployed(&[])]);
    let changed = Flow::using("User", "Scripts", None).with(SCRIPT, "return 3\n");
    let run = run(
        &Repository::new().with(&scripts).with(&changed),
        &tenant,
        &[],
    )
    .exit(0);
    assert_eq!(
        verdicts(&run),
        pairs(&[("Scripts", "unchanged"), ("User", "started")])
    );
    tenant.deployed("Scripts", 0);
    tenant.deployed_once("User");
}

#[test]
fn what_is_needed_and_does_not_run_is_named_beside_the_failure_that_it_leads_to() {
    let strict = [
        (
            "dependencies=strict",
            Vec::new(),
            "neither in this run nor on the tenant",
            1,
        ),
        (
            "dependencies=strict",
            vec![collection("Scripts").stored()],
            "not deployed",
            1,
        ),
        (
            "dependencies=strict",
            vec![collection("Scripts").deployed(&[])],
            "",
            0,
        ),
        (
            "dependencies=unchecked",
            Vec::new(),
            "neither in this run nor on the tenant",
            0,
        ),
    ];
    together(&strict, |(scenario, preload, said, code)| {
        let tenant = Tenant::holding(&[scenario], preload.clone());
        let repository = Repository::new().with(&Flow::using("User", "Scripts", None));
        let _ = repository
            .deploy(&tenant)
            .run()
            .exit(*code)
            .stdout_has(said);
        tenant.deployed_once("User");
    });
}
