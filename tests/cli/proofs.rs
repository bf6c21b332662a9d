//! The proof of an earlier run: it spares work while the tenant still shows every fact in it, and counts for nothing else.

use std::fs;
use std::path::PathBuf;

use super::flow::{Flow, SCRIPT};
use super::harness::Tenant;
use super::many::Repository;
use flowship::sandbox::Deed;

const ID: &str = "Orders";

fn flow() -> Flow {
    Flow::named(ID)
}

fn repository() -> Repository {
    Repository::new().with(&flow())
}

/// How often the content was downloaded since so many requests.
fn downloads(tenant: &Tenant, since: usize) -> usize {
    let requests = tenant.requests().split_off(since);
    requests.iter().filter(|one| one.contains("$value")).count()
}

/// The proofs in a directory.
fn proofs(repository: &Repository) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository.path().join(".flowship/proof"));
    let entries = entries.into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_an_earlier_run_judged_is_not_downloaded_again() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    repository.deploy(&tenant).run().exit(0).verdict("started");
    for (place, expected) in [(&repository, 0), (&Repository::new().with(&flow()), 1)] {
        let before = tenant.requests().len();
        place.deploy(&tenant).run().exit(0).verdict("unchanged");
        assert_eq!(downloads(&tenant, before), expected);
    }
    tenant.deployed_once(ID);
}

#[test]
fn without_dates_of_a_save_a_proof_alone_shows_that_nothing_is_to_be_done() {
    for flow in [
        flow(),
        Flow::of_type("ScriptCollection"),
        Flow::of_type("ValueMapping"),
    ] {
        for scenarios in [
            &["no-modified-at", "mapping-task-id"][..],
            &["no-modified-at"],
            &["no-modified-at", "no-task-id"],
        ] {
            let id = flow.id.clone();
            let tenant = Tenant::new(scenarios);
            let place = || Repository::new().with(&flow);
            let (one, other) = (place(), place());
            one.deploy(&tenant).run().exit(0).verdict("started");
            one.deploy(&tenant).run().exit(0).verdict("unchanged");
            assert_eq!(tenant.deployments(&id), 1, "{id}");
            // another directory has no proof, and from then on the one here is out of date
            other.deploy(&tenant).run().exit(0).verdict("started");
            one.deploy(&tenant).run().exit(0).verdict("started");
            assert_eq!(tenant.deployments(&id), 3, "{id}");
            one.deploy(&tenant).run().exit(0).verdict("unchanged");
        }
    }
}

#[test]
fn a_proof_does_not_hold_when_another_user_has_changed_something() {
    let other = flow().with(SCRIPT, "def other() {}\n");
    let retries = ("Retries".to_owned(), "77".to_owned());
    for scenario in [&["no-modified-at"][..], &[]] {
        for deed in [
            Deed::Save(other.zip()),
            Deed::SaveWithOurKey(other.zip()),
            Deed::Deploy,
        ] {
            let tenant = Tenant::new(scenario);
            let repository = repository();
            repository.deploy(&tenant).run().exit(0);
            assert!(tenant.colleague(ID, &deed));
            repository.deploy(&tenant).run().exit(0).verdict("started");
            tenant.runs(&flow());
        }
        // nobody named the parameter, so its value stays; but what runs does not have it
        let tenant = Tenant::new(scenario);
        let repository = repository();
        repository.deploy(&tenant).run().exit(0);
        let set = Deed::Configure(retries.0.clone(), retries.1.clone());
        assert!(tenant.colleague(ID, &set));
        if !scenario.is_empty() {
            repository.deploy(&tenant).run().exit(0).verdict("started");
            assert!(tenant.runs(&flow()).contains(&retries));
        }
    }
}

#[test]
fn a_doubted_deployment_and_one_that_failed_leave_no_proof() {
    for scenarios in [
        &["start-error#1"][..],
        &["fault=504-after@POST:/DeployIntegration#1"],
    ] {
        let tenant = Tenant::new(scenarios);
        let repository = repository();
        let run = repository.deploy(&tenant).run();
        assert!(proofs(&repository).is_empty(), "{run}");
    }
}

#[test]
fn a_simulated_tenant_leaves_no_proof() {
    let repository = repository();
    super::harness::Flowship::new()
        .in_directory(repository.path())
        .args(["deploy", "flows", "--package", "Orders", "--sandbox"])
        .run()
        .exit(0);
    assert!(proofs(&repository).is_empty());
}

#[test]
fn no_value_is_in_a_proof_and_one_of_other_credentials_is_counted() {
    let tenant = Tenant::new(&["no-modified-at"]);
    let repository = repository();
    let set = ["--set", "Retries=4711"];
    repository.deploy(&tenant).args(set).run().exit(0);
    let proof = proofs(&repository).remove(0);
    let text = fs::read_to_string(&proof).unwrap();
    assert!(
        text.contains("\"Retries\"") && !text.contains("4711"),
        "{text}"
    );
    let id = text.split(' ').nth(1).unwrap();
    fs::write(&proof, text.replace(id, "0123456789abcdef")).unwrap();
    repository
        .deploy(&tenant)
        .args(set)
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has("that were written with other credentials are ignored: 1");
    repository
        .deploy(&tenant)
        .args(set)
        .run()
        .exit(0)
        .verdict("unchanged");
}

#[test]
fn a_rollback_is_available_where_a_proof_shows_what_runs() {
    let tenant = Tenant::new(&["no-modified-at", "start-error#2"]);
    let repository = repository();
    repository.deploy(&tenant).run().exit(0);
    let repository = repository.with(&flow().with(SCRIPT, "def other() {}\n"));
    repository
        .deploy(&tenant)
        .arg("--rollback")
        .run()
        .exit(1)
        .stderr_has("rollback: restored");
    tenant.runs(&flow());
}

#[test]
fn where_nothing_can_be_written_down_a_deployment_warns_and_goes_on() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    repository.write("taken", "a file, no directory");
    repository
        .deploy(&tenant)
        .args(["--backup-dir", "taken"])
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has("can't be written")
        .stderr_has("if this run is killed, the next one does not know what it was doing");
}

/// Where each update becomes a draft under a name that is not known, only the proof tells whose it is.
#[test]
fn a_draft_of_an_update_of_ours_is_nobody_elses() {
    let tenant = Tenant::holding(
        &["modified-by", "version-policy=draft"],
        vec![flow().deployed(&[])],
    );
    let repository = Repository::new().with(&flow().with(SCRIPT, "return 2\n"));
    repository.deploy(&tenant).run().exit(0).verdict("started");
    let changed = flow().with(SCRIPT, "return 3\n");
    let path = format!("flows/{ID}/{SCRIPT}");
    repository.write(&path, changed.read(SCRIPT));
    repository.deploy(&tenant).run().exit(0).verdict("started");
    tenant.deployed(ID, 2);
}

/// The task of an earlier run says nothing against what the tenant proves.
#[test]
fn a_task_that_never_ends_is_not_waited_for_once_the_flow_runs() {
    let tenant = Tenant::holding(&["task-stuck=running"], vec![flow().stored()]);
    let repository = Repository::new().with(&flow().with(SCRIPT, "return 2\n"));
    let run = || repository.deploy(&tenant).args(["--timeout", "30s"]).run();
    run().exit(7).verdict("undecided");
    run().exit(0).verdict("unchanged");
    tenant.deployed_once(ID);
}
