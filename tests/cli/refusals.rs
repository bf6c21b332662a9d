//! What must not be written is not written: the tenant stays as it was, and the reason is named.

use crate::flow::{Flow, MANIFEST, MODEL, SCRIPT};
use crate::harness::{Flowship, Tenant, together};

/// Deploys a changed flow onto a tenant that refuses it.
fn refused(scenario: &str, code: i32, word: &str, said: &[&str]) {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(&[scenario], vec![old.deployed(&[])]);
    let mut run = Flowship::deploy(&tenant, new.path())
        .run()
        .exit(code)
        .verdict(word);
    for text in said {
        run = run.stderr_has(text);
    }
    tenant.is_untouched();
    tenant.deployed(&new.id, 0);
    tenant.runs(&old);
    run.stdout_has("evidence: nothing was written");
}

#[test]
fn a_colleagues_draft_is_not_overwritten_and_its_author_is_named() {
    for scenario in ["draft", "draft=Draft"] {
        refused(
            scenario,
            1,
            "failed",
            &[
                "is a draft of colleague@example.com, saved at ",
                "--overwrite-drafts",
            ],
        );
    }
}

#[test]
fn a_read_only_package_is_not_written() {
    refused(
        "read-only",
        1,
        "failed",
        &[
            "package Orders is configure-only (READ_ONLY)",
            "flowship redeploy",
        ],
    );
}

#[test]
fn an_id_in_another_package_is_refused_with_that_package() {
    refused(
        "id-in-other-package",
        1,
        "failed",
        &["already lives in package SomebodyElses, not in Orders"],
    );
}

#[test]
fn a_missing_role_is_named_before_anything_is_written() {
    let roles = [
        "WorkspacePackagesEdit",
        "WorkspaceArtifactsDeploy",
        "MonitoringDataRead",
    ];
    together(&roles, |role| {
        refused(
            &format!("roles-missing={role}"),
            4,
            "refused",
            &[
                &format!("the key lacks the role {role}; nothing was written"),
                "Update instance",
            ],
        );
    });
}

#[test]
fn several_missing_roles_are_named_together() {
    refused(
        "roles-missing=WorkspacePackagesRead,WorkspacePackagesEdit,WorkspaceArtifactsDeploy,MonitoringDataRead",
        4,
        "refused",
        &[
            "WorkspacePackagesRead",
            "WorkspacePackagesEdit",
            "WorkspaceArtifactsDeploy",
            "MonitoringDataRead",
        ],
    );
}

#[test]
fn a_role_for_parameters_is_only_needed_by_those_who_write_some() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["roles-missing=WorkspacePackagesConfigure"]);
    Flowship::deploy(&tenant, flow.path())
        .args(["--set", "Retries=1"])
        .run()
        .exit(4)
        .verdict("refused")
        .stderr_has("WorkspacePackagesConfigure");
    tenant.is_untouched();
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_locked_artifact_is_one_attempt_and_the_lock_is_explained() {
    together(&["locked", "locked=423"], |scenario| {
        let (old, new) = (Flow::new(), Flow::changed());
        let tenant = Tenant::holding(&[scenario], vec![old.deployed(&[])]);
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(1)
            .verdict("failed")
            .stderr_has("Cannot update the artifact as it is locked")
            .stderr_has("release the lock under Monitor > Manage Locks");
        let attempts = tenant
            .request_log()
            .matching("PUT", "IntegrationDesigntimeArtifacts(")
            .len();
        assert_eq!(attempts, 1, "a lock does not go away by asking again");
        tenant.deployed(&new.id, 0);
        tenant.runs(&old);
    });
}

#[test]
fn an_artifact_hidden_by_a_policy_is_a_duplicate_that_is_explained() {
    let (old, new) = (Flow::new(), Flow::changed());
    together(&["duplicate=500", "duplicate=409"], |duplicate| {
        let tenant = Tenant::holding(&["hidden-by-policy", duplicate], vec![old.deployed(&[])]);
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(1)
            .verdict("failed")
            .stderr_has("hint:");
        let attempts = tenant
            .request_log()
            .matching("POST", "IntegrationDesigntimeArtifacts")
            .len();
        assert_eq!(attempts, 1);
        tenant.deployed(&new.id, 0);
        tenant.runs(&old);
    });
}

#[test]
fn a_draft_is_overwritten_when_that_was_asked_for() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(&["draft"], vec![old.deployed(&[])]);
    Flowship::deploy(&tenant, new.path())
        .arg("--overwrite-drafts")
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&new.id);
    tenant.runs(&new);
}

#[test]
fn a_draft_is_not_redeployed_unless_that_was_asked_for() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&["draft=Draft"], vec![flow.deployed(&[])]);
    let redeploy = || {
        Flowship::new()
            .against(&tenant)
            .args(["redeploy", flow.id.as_str()])
    };
    redeploy()
        .run()
        .exit(1)
        .verdict("failed")
        .stderr_has("is a draft of colleague@example.com");
    tenant.is_untouched();
    redeploy()
        .arg("--overwrite-drafts")
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_read_only_package_can_still_be_redeployed_with_other_parameters() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&["read-only"], vec![flow.deployed(&[])]);
    Flowship::new()
        .against(&tenant)
        .args(["redeploy", flow.id.as_str(), "--set", "Retries=4"])
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    assert!(
        tenant
            .runs(&flow)
            .contains(&("Retries".to_owned(), "4".to_owned()))
    );
}

#[test]
fn a_package_that_may_not_be_created_is_named() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .arg("--no-create-package")
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("package Orders is not on the tenant");
    tenant.is_untouched();
}

#[test]
fn a_package_id_that_this_tenant_refuses_is_told_in_its_words() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::new()
        .against(&tenant)
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .args(["--package", "orders.of.the-north"])
        .run()
        .exit(1)
        .verdict("failed")
        .stderr_has("cause:");
    assert_eq!(tenant.package("orders.of.the-north"), None);
    assert_eq!(tenant.design(&flow.id), None);
    tenant.deployed(&flow.id, 0);
}

#[test]
fn an_artifact_that_cannot_work_is_not_sent() {
    let cases: Vec<(&str, Flow, &str)> = vec![
        ("no manifest", Flow::new().without(MANIFEST), "looked for META-INF/MANIFEST.MF and did not find it"),
        ("no flow", Flow::new().without(MODEL), "needs one .iflw"),
        ("two flows", Flow::new().with(&MODEL.replace("Orders to", "Other"), "<a/>"), "needs one .iflw in this folder, found"),
        ("broken flow", Flow::new().with(MODEL, "<a><b></a>"), "the XML is not well-formed"),
        ("no script", Flow::new().without(SCRIPT), "the script `log.groovy` is not in the artifact"),
        ("no id", Flow::new().with(MANIFEST, "Manifest-Version: 1.0\r\nSAP-BundleType: IntegrationFlow\r\n\r\n"), "the header Bundle-SymbolicName is missing"),
        ("no type", Flow::new().with(MANIFEST, "Manifest-Version: 1.0\r\nBundle-SymbolicName: A\r\n\r\n"), "the header SAP-BundleType is missing"),
        ("a type without API", Flow::new().with(MANIFEST, "Manifest-Version: 1.0\r\nBundle-SymbolicName: A\r\nSAP-BundleType: ODataService\r\n\r\n"), "artifacts of type ODataService cannot be deployed"),
        ("a package export", Flow::new().without(MANIFEST).with("resources.cnt", "e30="), "this is the export of an integration package"),
    ];
    let tenant = Tenant::new(&[]);
    for (name, flow, said) in &cases {
        eprintln!("{name}");
        let run = Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(3)
            .stderr_has(said)
            .stderr_has("hint:");
        // what has an id has a verdict
        assert!(
            run.stdout.is_empty() || run.stdout.starts_with("invalid "),
            "{run}"
        );
    }
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn a_command_line_that_makes_no_sense_sends_nothing() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let path = flow.path().to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["deploy", path], "is not named: an artifact lives"),
        (&["deploy"], "nothing is named"),
        (
            &["deploy", path, "--package", "Orders", "--timeout", "soon"],
            "`soon` is no span of time",
        ),
        (
            &["deploy", path, "--package", "Orders", "--unknown"],
            "--unknown",
        ),
        (
            &["deploy", path, "--package", "Orders", "--scenario", "slow"],
            "--sandbox",
        ),
        (
            &["deploy", path, "--package", "Orders", "--output", "xml"],
            "xml",
        ),
        (&["redeploy"], "required"),
        (&["fly"], "fly"),
        (&[], "Usage"),
    ];
    for (arguments, said) in cases {
        Flowship::new()
            .against(&tenant)
            .args(*arguments)
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
    }
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn a_variable_that_makes_no_sense_is_named_and_sends_nothing() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    for (name, value) in [
        ("FLOWSHIP_TIMEOUT", "soon"),
        ("FLOWSHIP_SETTLE", "-1"),
        ("FLOWSHIP_NO_DEPLOY", "maybe"),
        ("FLOWSHIP_OUTPUT", "xml"),
        ("FLOWSHIP_COLOR", "pink"),
        ("FLOWSHIP_QUIET", "a bit"),
    ] {
        Flowship::deploy(&tenant, flow.path())
            .env(name, value)
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(name);
    }
    let run = Flowship::deploy(&tenant, flow.path())
        .env("FLOWSHIP_TIMEOUT", "0")
        .env("FLOWSHIP_OUTPUT", "JSON")
        .run()
        .exit(2);
    let error = &run.json()["errors"][0];
    assert_eq!(error["at"], "FLOWSHIP_TIMEOUT", "{run}");
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn without_credentials_and_without_sandbox_nothing_succeeds() {
    let flow = Flow::new();
    Flowship::new()
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .args(["--package", "Orders"])
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("no credentials: set CPI_SERVICE_KEY")
        .stderr_has("add --sandbox");
}

#[test]
fn the_sandbox_cannot_be_chosen_by_a_variable() {
    let flow = Flow::new();
    Flowship::new()
        .args(["deploy".as_ref(), flow.path().as_os_str()])
        .args(["--package", "Orders"])
        .env("FLOWSHIP_SANDBOX", "true")
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("no credentials");
}

#[test]
fn an_id_that_no_tenant_can_have_is_refused_and_never_printed() {
    for id in [
        "a\u{1b}[31mred\u{7}",
        "a\u{9b}31m",
        "a\u{202e}b",
        "##vso[x]",
        &"x".repeat(1_000),
    ] {
        let flow = Flow::new().with_id(id);
        let runs = [
            vec!["check"],
            vec!["pack", "-o", "out.zip"],
            vec!["plan", "--sandbox", "--package", "P"],
            vec!["deploy", "--sandbox", "--package", "P"],
        ];
        for arguments in runs {
            let run = Flowship::new()
                .args(&arguments)
                .arg(flow.path())
                .env("GITHUB_STEP_SUMMARY", "summary")
                .run()
                .exit(3)
                .stderr_has("can be no id: it h");
            let shown = format!("{}{}", run.stdout, run.stderr);
            let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!shown.contains(obeyed) && !shown.contains("##vso"), "{run}");
        }
        let given = Flowship::new().args(["pack", "-o", "out.zip", "--id", id]);
        given.arg(Flow::new().path()).run().exit(2);
        let variable = Flowship::new().args(["pack", "-o", "out.zip"]);
        let variable = variable.arg(Flow::new().path()).env("FLOWSHIP_ID", id);
        variable.run().exit(2).stderr_has("FLOWSHIP_ID");
    }
}

/// The call, its object with the value, and a remedy.
#[test]
fn a_refusal_names_what_was_refused() {
    let tenant = Tenant::new(&[]);
    let run = Flowship::new()
        .against(&tenant)
        .args(["deploy"])
        .arg(Flow::new().path())
        .args(["--package", "Orders_QA"])
        .run()
        .exit(1);
    let _ = run
        .stderr_has("the tenant refused package Orders_QA")
        .stderr_has("/api/v1/IntegrationPackages → 400")
        .stderr_has("special character")
        .stderr_has("letters and digits");
}
