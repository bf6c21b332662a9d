//! The main job, when nothing goes wrong.

use crate::flow::{Flow, MANIFEST, SCRIPT, unzipped, zipped};
use crate::harness::{Flowship, Tenant, together};

#[test]
fn a_new_flow_is_created_deployed_and_shown_to_run() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started")
        .stdout_has("SUCCESS; runtime STARTED")
        .stdout_has("before: not deployed")
        .stderr_has("deployment accepted");
    tenant.deployed_once(&flow.id);
    let expected = [
        ("Receiver Address", "https://quality.example"),
        ("Retries", "3"),
    ];
    assert_eq!(
        tenant.runs(&flow),
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(tenant.package("Orders").unwrap()["Name"], "Orders");
}

#[test]
fn a_manifest_with_plain_line_feeds_is_as_good() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::with_line_feeds());
    Flowship::deploy(&tenant, flow.path()).run().exit(0);
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn an_exported_zip_is_deployed_like_a_directory() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let directory = tempfile::tempdir().unwrap();
    let zip = zipped(&flow, directory.path());
    Flowship::deploy(&tenant, &zip)
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn changed_content_is_updated_and_deployed_without_undeploying() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(&[], vec![old.deployed(&[])]);
    Flowship::deploy(&tenant, new.path())
        .run()
        .exit(0)
        .verdict("started")
        .stdout_has("before: STARTED DeployedOn");
    tenant.deployed_once(&new.id);
    tenant.runs(&new);
    let journal = tenant.request_log();
    assert_eq!(
        journal
            .matching("PUT", "IntegrationDesigntimeArtifacts(")
            .len(),
        1
    );
    assert_eq!(
        journal.matching("POST", "IntegrationPackages").len(),
        0,
        "an existing package is never written"
    );
    assert_eq!(
        journal.matching("PUT", "IntegrationPackages").len(),
        0,
        "an existing package is never written"
    );
}

#[test]
fn a_second_run_with_the_same_content_writes_nothing() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path()).run().exit(0);
    let before = tenant.requests().len();
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("unchanged")
        .stdout_has("is later than the last save");
    let second = tenant.requests().split_off(before);
    assert!(
        !second.is_empty() && second.iter().all(|request| request.starts_with("GET ")),
        "{second:#?}"
    );
    tenant.deployed_once(&flow.id);
}

#[test]
fn content_that_is_stored_but_not_deployed_is_deployed() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&[], vec![flow.stored()]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started")
        .stdout_has("nothing was deployed although the artifact existed");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn force_deploys_what_is_unchanged() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&[], vec![flow.deployed(&[])]);
    Flowship::deploy(&tenant, flow.path())
        .arg("--force")
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn no_deploy_uploads_and_leaves_the_run_time_alone() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(&[], vec![old.deployed(&[])]);
    Flowship::deploy(&tenant, new.path())
        .args(["--no-deploy", "--set", "Retries=7"])
        .run()
        .exit(0)
        .verdict("uploaded");
    tenant.deployed(&new.id, 0);
    tenant.runs(&old);
    let design = tenant.design(&new.id).unwrap();
    assert_eq!(unzipped(&design.zip), new.contents());
    assert_eq!(design.parameters["Retries"], "7");
}

#[test]
fn every_other_type_is_created_and_deployed() {
    let cases = ["MessageMapping", "ScriptCollection", "ValueMapping"];
    together(&cases, |bundle_type| {
        let (tenant, artifact) = (Tenant::new(&[]), Flow::of_type(bundle_type));
        Flowship::deploy(&tenant, artifact.path())
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&artifact.id);
        tenant.runs(&artifact);
        assert_eq!(
            tenant.design(&artifact.id).unwrap().bundle_type,
            *bundle_type
        );
    });
}

#[test]
fn mappings_are_deployed_whether_the_tenant_gives_their_task_or_not() {
    let cases = ["MessageMapping", "ValueMapping"];
    together(&cases, |bundle_type| {
        let artifact = Flow::of_type(bundle_type);
        for (scenarios, said) in [(&["mapping-task-id"][..], "SUCCESS"), (&[], "")] {
            let tenant = Tenant::new(scenarios);
            Flowship::deploy(&tenant, artifact.path())
                .run()
                .exit(0)
                .verdict("started")
                .stdout_has(said);
            tenant.deployed_once(&artifact.id);
            tenant.runs(&artifact);
        }
    });
}

#[test]
fn message_mappings_and_script_collections_are_updated() {
    let cases = [
        ("MessageMapping", "src/main/resources/mapping/Shared.mmap"),
        (
            "ScriptCollection",
            "src/main/resources/script/shared.groovy",
        ),
    ];
    together(&cases, |(bundle_type, path)| {
        let old = Flow::of_type(bundle_type);
        let new = Flow::of_type(bundle_type).with(path, "<changed/>");
        let tenant = Tenant::holding(&[], vec![old.deployed(&[])]);
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&new.id);
        tenant.runs(&new);
    });
}

#[test]
fn another_id_is_aligned_in_the_packed_copy_only() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let before = flow.contents();
    Flowship::deploy(&tenant, flow.path())
        .args([
            "--id",
            "Orders_Test",
            "--name",
            "Orders under test",
            "--package-name",
            "All orders",
        ])
        .run()
        .exit(0)
        .stdout_has("Orders_Test");
    assert_eq!(
        flow.contents(),
        before,
        "the user's files are never touched"
    );
    tenant.deployed_once("Orders_Test");
    assert_eq!(tenant.design(&flow.id), None);
    assert_eq!(tenant.package("Orders").unwrap()["Name"], "All orders");
    let design = tenant.design("Orders_Test").unwrap();
    assert_eq!(design.name, "Orders under test");
    let running = unzipped(&tenant.running("Orders_Test").unwrap().zip);
    let manifest = String::from_utf8(running[MANIFEST].clone()).unwrap();
    assert!(
        manifest.contains("Bundle-SymbolicName: Orders_Test; singleton:=true\r\n"),
        "{manifest}"
    );
    assert_eq!(running[SCRIPT], before[SCRIPT]);
}

#[test]
fn the_variable_of_an_option_counts_and_the_option_wins() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::new()
        .against(&tenant)
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .env("FLOWSHIP_PACKAGE", "FromVariable")
        .env("FLOWSHIP_NO_DEPLOY", "true")
        .run()
        .exit(0)
        .verdict("uploaded");
    assert_eq!(tenant.design(&flow.id).unwrap().package, "FromVariable");

    let tenant = Tenant::new(&[]);
    Flowship::deploy(&tenant, flow.path())
        .arg("--no-deploy")
        .env("FLOWSHIP_PACKAGE", "FromVariable")
        .run()
        .exit(0);
    assert_eq!(tenant.design(&flow.id).unwrap().package, "Orders");
}

#[test]
fn redeploy_configures_and_deploys_what_the_tenant_holds() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&[], vec![flow.deployed(&[])]);
    let run = Flowship::new()
        .against(&tenant)
        .args(["redeploy", flow.id.as_str(), "--set", "Retries=9"])
        .run()
        .exit(0)
        .verdict("started");
    assert!(run.stdout.contains(&flow.id));
    tenant.deployed_once(&flow.id);
    assert!(
        tenant
            .runs(&flow)
            .contains(&("Retries".to_owned(), "9".to_owned()))
    );
    assert_eq!(
        tenant
            .request_log()
            .matching("PUT", "IntegrationDesigntimeArtifacts(")
            .iter()
            .filter(|entry| !entry.decoded.contains("$links"))
            .count(),
        1,
        "the same content is saved once more, so that the save is later than what runs"
    );
}

#[test]
fn redeploy_of_several_artifacts_gives_each_its_verdict() {
    let (flow, scripts) = (Flow::new(), Flow::of_type("ScriptCollection"));
    let tenant = Tenant::holding(&[], vec![flow.deployed(&[]), scripts.stored()]);
    let run = Flowship::new()
        .against(&tenant)
        .args([
            "redeploy",
            flow.id.as_str(),
            scripts.id.as_str(),
            "Nobody_Knows_It",
            "--output",
            "json",
        ])
        .run()
        .exit(1)
        .stderr_has("the tenant holds no artifact Nobody_Knows_It");
    let words: Vec<String> = run.json()["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(words, ["started", "started", "failed"]);
    tenant.deployed_once(&flow.id);
    tenant.deployed_once(&scripts.id);
}
