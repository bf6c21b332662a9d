//! What is unknown of tenants and matters to a run over many artifacts is a switch of the sandbox: the verdicts are right
//! under every setting.

use serde_json::Value;

use super::flow::{Flow, MANIFEST, MODEL, SCRIPT};
use super::harness::{Flowship, Run, Tenant};
use super::many::Repository;

const MAPPING: &str = "Shared_ValueMapping";
const COLLECTION: &str = "Shared_ScriptCollection";

/// A flow that uses a script of this collection.
fn using(id: &str, collection: &str) -> Flow {
    let flow = Flow::named(id);
    let property = format!(
        "<bpmn2:extensionElements><ifl:property><key>scriptBundleId</key><value>{collection}</value></ifl:property>"
    );
    let model = flow
        .read(MODEL)
        .replacen("<bpmn2:extensionElements>", &property, 1);
    let header = format!("Require-Capability: scriptcollection.{collection}\r\nSAP-NodeType");
    let manifest = flow.read(MANIFEST).replacen("SAP-NodeType", &header, 1);
    flow.with(MODEL, model).with(MANIFEST, manifest)
}

/// All four types, and a flow that uses the script collection.
fn all_types() -> Vec<Flow> {
    vec![
        Flow::named("Plain"),
        using("Using", COLLECTION),
        Flow::of_type("MessageMapping"),
        Flow::of_type("ScriptCollection"),
        Flow::of_type("ValueMapping"),
    ]
}

fn repository(artifacts: &[Flow]) -> Repository {
    artifacts.iter().fold(Repository::new(), Repository::with)
}

fn verdict_of(run: &Run, id: &str) -> String {
    let json: Value = run.json();
    let all = json["artifacts"].as_array().unwrap();
    let one = all.iter().find(|one| one["id"] == id);
    one.unwrap()["verdict"].as_str().unwrap().to_owned()
}

fn json<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    repository.deploy(tenant).args(["--output", "json"])
}

#[test]
fn every_type_is_deployed_once_and_then_unchanged_whatever_the_tenant_offers() {
    let scenarios = [
        "no-runtime-list",
        "no-runtime-list=405",
        "runtime-list-late=3",
        "design-time-late=30",
        "broken-package-list",
        "broken-package-list=ScriptCollection",
        "lists-without-dates",
        "modified-by=robot",
        "deployed-by=robot",
        "mapping-task-id",
        "slow-start=2",
        "dependencies",
        "dependencies=unchecked",
    ];
    // they wait most of the time
    std::thread::scope(|scope| {
        for scenario in scenarios {
            scope.spawn(move || deployed_and_then_unchanged(scenario));
        }
    });
}

fn deployed_and_then_unchanged(scenario: &str) {
    let tenant = Tenant::new(&[scenario]);
    let artifacts = all_types();
    // what bears an unknown name may be another's: where no proof lies, it is deployed again
    let known = !scenario.ends_with("=robot");
    let second = if known { "unchanged" } else { "started" };
    for (word, deployments) in [("started", 1), (second, if known { 1 } else { 2 })] {
        let run = json(&repository(&artifacts), &tenant).run().exit(0);
        for one in &artifacts {
            let id = &one.id;
            assert_eq!(verdict_of(&run, id), word, "{scenario}: {id}");
            assert!(tenant.runs_as_stored(id), "{scenario}: {id}");
            tenant.deployed(id, deployments);
        }
    }
}

#[test]
fn what_changed_is_found_whatever_the_tenant_offers() {
    for scenario in [
        "no-runtime-list",
        "runtime-list-late=3",
        "broken-package-list",
        "lists-without-dates",
        "modified-by=robot",
        "no-modified-at",
    ] {
        let before = Flow::named("Changed").with(SCRIPT, "return 1\n");
        let same = Flow::named("Same");
        let tenant = Tenant::holding(&[scenario], vec![before.deployed(&[]), same.deployed(&[])]);
        let changed = Flow::named("Changed").with(SCRIPT, "return 2\n");
        let run = json(&repository(&[changed, same]), &tenant).run().exit(0);
        assert_eq!(verdict_of(&run, "Changed"), "started", "{scenario}");
        tenant.deployed_once("Changed");
        assert!(tenant.runs_as_stored("Changed"), "{scenario}");
        // without ModifiedAt nothing proves that it need not be deployed
        let proved = scenario != "no-modified-at";
        let expected = if proved { "unchanged" } else { "started" };
        assert_eq!(verdict_of(&run, "Same"), expected, "{scenario}");
        assert_eq!(
            tenant.deployments("Same"),
            usize::from(!proved),
            "{scenario}"
        );
    }
}

#[test]
fn a_flow_whose_collection_is_stored_and_not_deployed_fails_with_its_name() {
    let collection = Flow::of_type("ScriptCollection");
    for (scenarios, preload, exit) in [
        (vec![], vec![collection.stored()], 1),
        (vec!["dependencies=unchecked"], vec![collection.stored()], 0),
        (vec!["dependencies=strict"], vec![], 1),
        (vec![], vec![], 0),
        (vec!["dependencies"], vec![collection.deployed(&[])], 0),
    ] {
        let tenant = Tenant::holding(&scenarios, preload);
        let run = json(&repository(&[using("Using", COLLECTION)]), &tenant)
            .run()
            .exit(exit);
        tenant.deployed_once("Using");
        if exit == 1 {
            run.stderr_has("The script collection 'Shared_ScriptCollection' is not deployed");
        }
    }
}

#[test]
fn a_version_that_is_higher_is_saved_by_tenants_of_every_kind() {
    for scenario in [
        "save-as-version",
        "save-as-version=refused-500",
        "save-as-version=ignored",
        "no-save-as-version",
    ] {
        let tenant = Tenant::holding(&[scenario], vec![Flow::named("Flow").deployed(&[])]);
        let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
        json(&repository(&[changed]), &tenant)
            .args(["--save-as-version", "1.2.0"])
            .run()
            .exit(0);
        assert_eq!(
            tenant.design("Flow").unwrap().version,
            "1.2.0",
            "{scenario}"
        );
    }
}

#[test]
fn a_tenant_without_save_as_version_is_no_success_where_a_version_was_asked_for() {
    let tenant = Tenant::holding(
        &["no-save-as-version=all"],
        vec![Flow::named("Flow").deployed(&[])],
    );
    let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
    let run = json(&repository(&[changed]), &tenant)
        .args(["--save-as-version", "1.2.0"])
        .run()
        .exit(1);
    assert_eq!(verdict_of(&run, "Flow"), "failed");
    assert_eq!(tenant.deployments("Flow"), 0, "{}", tenant.transcript());
}

// ---- value mappings on the way from a deletion to a creation

fn mapping(value: &str) -> Flow {
    let group = format!(
        "<vm version=\"2.0\"><group id=\"1\"><entry><agency>A</agency><schema>s</schema><value>DE</value></entry>\
         <entry><agency>B</agency><schema>s</schema><value>{value}</value></entry></group></vm>"
    );
    Flow::of_type("ValueMapping").with("value_mapping.xml", group)
}

/// Replaces a value mapping that runs; one flow more must not be touched by what becomes of it.
fn replaced(scenario: &str, exit: i32) -> (Tenant, Run) {
    let tenant = Tenant::holding(&[scenario], vec![mapping("Deutschland").deployed(&[])]);
    let repository = repository(&[mapping("Germany"), Flow::named("Other")]);
    let run = json(&repository, &tenant)
        .args([
            "--replace-value-mappings",
            "--drop-tenant-entries",
            "--timeout",
            "60s",
        ])
        .run()
        .exit(exit);
    assert_eq!(verdict_of(&run, "Other"), "started", "{scenario}");
    (tenant, run)
}

#[test]
fn a_creation_that_is_refused_for_a_while_is_made_good() {
    for scenario in [
        "create-fails-after-delete",
        "delete-lingers=1",
        "fault=cut-after@DELETE:ValueMappingDesigntimeArtifacts#1",
    ] {
        let (tenant, run) = replaced(scenario, 0);
        assert_eq!(verdict_of(&run, MAPPING), "started", "{scenario}");
        assert!(tenant.runs_as_stored(MAPPING), "{scenario}");
        assert_eq!(tenant.deployments(MAPPING), 1, "{scenario}");
    }
}

#[test]
fn a_creation_that_is_refused_for_good_leaves_what_runs_and_says_how_to_mend_it() {
    let (tenant, run) = replaced("create-fails-after-delete=forever", 8);
    assert!(tenant.design(MAPPING).is_none());
    assert_eq!(tenant.running(MAPPING).unwrap().status, "STARTED");
    assert_eq!(tenant.deployments(MAPPING), 0);
    run.stderr_has(
        "the value mapping is not in the design time any more; the runtime was not touched",
    )
    .stderr_has("put the old content back: flowship deploy ");
}
