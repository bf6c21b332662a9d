//! A call whose answer was lost may have been carried out: it is looked up, never blindly repeated.

use crate::flow::Flow;
use crate::harness::{Flowship, Tenant, together};

const AFTER: [&str; 6] = [
    "cut-after",
    "502-after",
    "503-after",
    "504-after",
    "500-empty-after",
    "truncated",
];

#[test]
fn a_lost_deploy_answer_leads_to_one_deployment() {
    together(&["cut-after", "504-after", "200-page-after"], |kind| {
        let flow = Flow::new();
        let tenant = Tenant::new(&[&format!(
            "fault={kind}@POST:DeployIntegrationDesigntimeArtifact#1"
        )]);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(0)
            .verdict("started")
            .stdout_has("the answer of the deploy call was lost")
            .stderr_has("watching the runtime");
        tenant.deployed_once(&flow.id);
        tenant.runs(&flow);
        let calls = tenant
            .request_log()
            .matching("POST", "DeployIntegrationDesigntimeArtifact")
            .len();
        assert_eq!(calls, 1, "{kind}: the call was repeated");
    });
}

#[test]
fn a_deploy_call_that_never_arrived_is_made_once_more() {
    together(&["cut-before", "503"], |kind| {
        let flow = Flow::new();
        let tenant = Tenant::new(&[&format!(
            "fault={kind}@POST:DeployIntegrationDesigntimeArtifact#1"
        )]);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(0)
            .verdict("started")
            .stderr_has("calling once more");
        tenant.deployed_once(&flow.id);
        tenant.runs(&flow);
    });
}

#[test]
fn a_deploy_call_that_was_not_accepted_is_repeated_at_once() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=429@POST:DeployIntegrationDesigntimeArtifact#1"]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has_not("lost");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_lost_create_answer_does_not_create_twice() {
    together(&AFTER, |kind| {
        let flow = Flow::new();
        let tenant = Tenant::new(&[&format!(
            "fault={kind}@POST:IntegrationDesigntimeArtifacts#1"
        )]);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(0)
            .verdict("started");
        let journal = tenant.request_log();
        let creations = journal.matching("POST", "IntegrationDesigntimeArtifacts");
        assert_eq!(creations.len(), 1, "{kind}\n{}", tenant.transcript());
        tenant.deployed_once(&flow.id);
        tenant.runs(&flow);
    });
}

#[test]
fn a_lost_package_answer_does_not_create_it_twice() {
    together(&AFTER, |kind| {
        let flow = Flow::new();
        let tenant = Tenant::new(&[&format!("fault={kind}@POST:IntegrationPackages#1")]);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(0)
            .verdict("started");
        assert_eq!(
            tenant
                .request_log()
                .matching("POST", "IntegrationPackages")
                .len(),
            1,
            "{kind}"
        );
        tenant.deployed_once(&flow.id);
    });
}

#[test]
fn a_lost_update_answer_is_looked_up() {
    together(&["cut-after", "502-after", "cut-before", "503"], |kind| {
        let (old, new) = (Flow::new(), Flow::changed());
        let tenant = Tenant::holding(
            &[
                &format!("fault={kind}@PUT:IntegrationDesigntimeArtifacts(#1"),
                "reset-parameters",
            ],
            vec![old.deployed(&[("Retries", "8")])],
        );
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(0)
            .verdict("started");
        let journal = tenant.request_log();
        let uploads = journal.matching("PUT", "IntegrationDesigntimeArtifacts(");
        let uploads = uploads
            .iter()
            .filter(|entry| !entry.decoded.contains("$links"))
            .count();
        assert_eq!(
            uploads,
            if kind.ends_with("-after") { 1 } else { 2 },
            "{kind}"
        );
        tenant.deployed_once(&new.id);
        assert!(
            tenant
                .runs(&new)
                .contains(&("Retries".to_owned(), "8".to_owned())),
            "{kind}"
        );
    });
}

#[test]
fn the_same_content_is_no_proof_that_a_lost_save_was_carried_out() {
    // only a parameter changes; the run ends before its deployment, and the next one must not take it for done
    for kind in ["502", "502-after"] {
        let flow = Flow::new();
        let tenant = Tenant::holding(
            &[
                &format!("fault={kind}@PUT:IntegrationDesigntimeArtifacts(#1"),
                "fault=hang@POST:DeployIntegration#1",
            ],
            vec![flow.deployed(&[])],
        );
        let deploy = || Flowship::deploy(&tenant, flow.path()).args(["--set", "Retries=8"]);
        let _ = deploy().args(["--timeout", "3s"]).run().exit(7);
        let _ = deploy().run().exit(0).verdict("started");
        let running = tenant.runs(&flow);
        assert!(
            running.contains(&("Retries".to_owned(), "8".to_owned())),
            "{kind}"
        );
    }
}

#[test]
fn a_lost_parameter_answer_is_asked_for_again() {
    together(&["cut-after", "cut-before", "504-after", "429"], |kind| {
        let (old, new) = (Flow::new(), Flow::changed());
        let tenant = Tenant::holding(
            &[&format!("fault={kind}@PUT:Configurations#1")],
            vec![old.deployed(&[])],
        );
        Flowship::deploy(&tenant, new.path())
            .args(["--set", "Retries=8"])
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&new.id);
        assert!(
            tenant
                .runs(&new)
                .contains(&("Retries".to_owned(), "8".to_owned())),
            "{kind}"
        );
    });
}

#[test]
fn an_upload_that_is_cut_in_the_middle_is_sent_again() {
    let flow = Flow::new().with("src/main/resources/json/large.json", noise(400_000));
    let tenant = Tenant::new(&["fault=cut-upload@POST:IntegrationDesigntimeArtifacts#1"]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn a_tenant_that_stays_away_before_the_deployment_is_unreachable() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=503@*:IntegrationPackages"]);
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "3s"])
        .run()
        .exit(5)
        .verdict("unreachable")
        .stderr_has("503");
    tenant.is_untouched();
}

#[test]
fn a_tenant_that_stays_away_after_the_deployment_is_undecided() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=503@GET:BuildAndDeployStatus"]);
    Flowship::deploy(&tenant, flow.path())
        .args(["--timeout", "4s"])
        .run()
        .exit(7)
        .verdict("undecided")
        .stderr_has("the time is up and the deployment is not decided");
    tenant.deployed_once(&flow.id);
}

#[test]
fn nobody_listening_is_unreachable_and_named() {
    let flow = Flow::new();
    let tenant = Tenant::new(&[]);
    let call = Flowship::deploy(&tenant, flow.path()).args(["--timeout", "3s"]);
    tenant.stop();
    call.run().exit(5).stderr_has("127.0.0.1");
}

/// Bytes that do not get smaller when they are packed.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

#[test]
fn an_accepted_deployment_whose_task_id_was_cut_off_is_watched_and_not_repeated() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["fault=truncated@POST:DeployIntegrationDesigntimeArtifact#1"]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has_not("sending again");
    tenant.deployed_once(&flow.id);
    tenant.runs(&flow);
}

#[test]
fn a_deploy_call_that_is_refused_in_words_is_answered_whatever_its_status() {
    together(&["500", "503", "400"], |status| {
        let flow = Flow::new();
        let tenant = Tenant::new(&[&format!("deploy-refused={status}")]);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(1)
            .verdict("failed")
            .stderr_has("for a tenant that this application drives")
            .stderr_has_not("lost");
        let journal = tenant.request_log();
        let calls = journal.matching("POST", "DeployIntegrationDesigntimeArtifact");
        assert_eq!(calls.len(), 1, "{status}: the call was repeated");
        tenant.deployed(&flow.id, 0);
    });
}

#[test]
fn a_broken_session_passes() {
    let flow = Flow::new();
    let call = "500-session@POST:DeployIntegrationDesigntimeArtifact";
    let tenant = Tenant::new(&[&format!("fault={call}#1")]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has_not("lost");
    tenant.deployed_once(&flow.id);

    let tenant = Tenant::new(&[&format!("fault={call}")]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(1)
        .verdict("failed")
        .stderr_has("HttpSession")
        .stderr_has("passes: run again")
        .stderr_has_not("lost");
}

/// A replica does not know the package yet that was just created.
#[test]
fn a_package_that_is_not_known_everywhere_yet_is_waited_for() {
    let flow = Flow::new();
    let tenant = Tenant::new(&[
        "fault=404-api@POST:IntegrationDesigntimeArtifacts#1",
        "fault=404-api@POST:IntegrationDesigntimeArtifacts#2",
    ]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}
