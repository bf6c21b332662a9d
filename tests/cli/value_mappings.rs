//! Value mappings: no update on the tenant, so one that differs is refused, or replaced with care; and versions.

use std::fs;
use std::path::PathBuf;

use super::flow::{Flow, SCRIPT, unzipped};
use super::harness::{Flowship, Run, Tenant, together};
use super::many::Repository;

/// A value mapping with these pairs of values.
fn mapping(pairs: &[(&str, &str)]) -> Flow {
    let groups: String = pairs
        .iter()
        .map(|(one, other)| {
            format!(
                "<group id=\"{one}{other}\"><entry><agency>A</agency><schema>s</schema><value>{one}</value></entry>\
                 <entry><agency>B</agency><schema>s</schema><value>{other}</value></entry></group>"
            )
        })
        .collect();
    Flow::of_type("ValueMapping").with(
        "value_mapping.xml",
        format!("<vm version=\"2.0\">{groups}</vm>"),
    )
}

const GIT: [(&str, &str); 2] = [("DE", "Germany"), ("FR", "France")];
const TENANT: [(&str, &str); 2] = [("DE", "Germany"), ("US", "States")];
const ID: &str = "Shared_ValueMapping";

fn holding(scenarios: &[&str], pairs: &[(&str, &str)]) -> Tenant {
    Tenant::holding(scenarios, vec![mapping(pairs).deployed(&[])])
}

fn deploy<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    repository.deploy(tenant)
}

fn replace<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    deploy(repository, tenant).arg("--replace-value-mappings")
}

fn repository() -> Repository {
    Repository::new().with(&mapping(&GIT))
}

/// What runs.
fn running(tenant: &Tenant) -> String {
    let zip = tenant.running(ID).unwrap().zip;
    String::from_utf8(unzipped(&zip)["value_mapping.xml"].clone()).unwrap()
}

/// The backup that a run left.
fn backup(repository: &Repository, run: &Run) -> PathBuf {
    let found = fs::read_dir(repository.path().join(".flowship/backups"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "zip"))
        .unwrap_or_else(|| panic!("no backup\n{run}"));
    let name = found.file_name().unwrap().to_str().unwrap();
    assert!(run.stdout.contains(name), "its path is not printed\n{run}");
    found
}

#[test]
fn the_same_value_mapping_is_unchanged() {
    let tenant = holding(&[], &GIT);
    deploy(&repository(), &tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
}

#[test]
fn one_that_differs_is_refused_and_what_only_the_tenant_has_is_listed() {
    let tenant = holding(&[], &TENANT);
    deploy(&repository(), &tenant)
        .run()
        .exit(1)
        .stderr_has("the tenant's API cannot update value mappings")
        .stderr_has("only on the tenant: ")
        .stderr_has("States")
        .stderr_has("--replace-value-mappings");
    tenant.is_untouched();
}

#[test]
fn a_replaced_one_keeps_what_only_the_tenant_has() {
    let tenant = holding(&[], &TENANT);
    let repository = repository();
    let run = replace(&repository, &tenant)
        .run()
        .exit(0)
        .verdict("started");
    let saved = unzipped(&fs::read(backup(&repository, &run)).unwrap());
    assert!(String::from_utf8_lossy(&saved["value_mapping.xml"]).contains("States"));
    for value in ["Germany", "France", "States"] {
        assert!(
            running(&tenant).contains(value),
            "{value}: {}",
            running(&tenant)
        );
    }
    assert_eq!((tenant.deployments(ID), tenant.undeployments(ID)), (1, 0));
    replace(&repository, &tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
}

#[test]
fn a_run_that_was_killed_after_the_deletion_loses_nothing_when_it_is_run_again() {
    // it is deleted, and nobody hears of it
    let fault = "fault=hang-after@DELETE:ValueMappingDesigntimeArtifacts#1";
    let tenant = holding(&[fault], &TENANT);
    let repository = repository();
    let mut killed = replace(&repository, &tenant).start();
    killed.wait_for("deleting it");
    while tenant.design(ID).is_some() {
        std::thread::yield_now();
    }
    killed.signal("KILL");
    killed.end();
    let run = replace(&repository, &tenant).run().exit(0);
    let run = run
        .verdict("started")
        .stderr_has("an earlier run was interrupted");
    for value in ["Germany", "France", "States"] {
        assert!(running(&tenant).contains(value), "{value}: {run}");
    }
    assert_eq!((tenant.deployments(ID), tenant.undeployments(ID)), (1, 0));
    let entries = fs::read_dir(repository.path().join(".flowship/recovery"));
    assert_eq!(entries.unwrap().count(), 0);
    replace(&repository, &tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
}

#[test]
fn entries_of_the_tenant_are_dropped_when_that_is_asked_for() {
    let tenant = holding(&[], &TENANT);
    let repository = repository();
    let run = replace(&repository, &tenant)
        .arg("--drop-tenant-entries")
        .run()
        .exit(0);
    backup(&repository, &run);
    assert!(!running(&tenant).contains("States"));
    assert!(running(&tenant).contains("France"));
}

#[test]
fn the_command_that_is_printed_puts_the_old_content_back() {
    let tenant = holding(&[], &TENANT);
    let repository = repository();
    let run = replace(&repository, &tenant)
        .arg("--drop-tenant-entries")
        .run()
        .exit(0);
    let zip = backup(&repository, &run);
    let zip = zip.to_str().unwrap();
    let rest = format!("--package Orders --id {ID} --replace-value-mappings --drop-tenant-entries");
    let command = format!("`flowship deploy {zip} {rest}` puts it back");
    assert!(run.stdout.contains(&command), "{run}");
    let elsewhere = Repository::new();
    elsewhere
        .call(&tenant, "deploy")
        .arg(zip)
        .args(rest.split(' '))
        .run()
        .exit(0);
    assert!(running(&tenant).contains("States"));
    assert!(!running(&tenant).contains("France"));
}

#[test]
fn nothing_is_deleted_that_could_not_be_saved() {
    let tenant = holding(&[], &TENANT);
    let repository = repository();
    repository.write("taken", "a file, no directory");
    replace(&repository, &tenant)
        .args(["--backup-dir", "taken"])
        .run()
        .exit(2)
        .stderr_has("nothing was deleted");
    tenant.is_untouched();
}

#[test]
fn a_lost_answer_of_deletion_or_creation_is_looked_up() {
    for fault in [
        "fault=504-after@DELETE:ValueMappingDesigntimeArtifacts#1",
        "fault=cut-before@DELETE:ValueMappingDesigntimeArtifacts#1",
        "fault=504-after@POST:/ValueMappingDesigntimeArtifacts#1",
        "fault=503@POST:/ValueMappingDesigntimeArtifacts#1",
    ] {
        let tenant = holding(&[fault], &TENANT);
        let run = replace(&repository(), &tenant).run().exit(0);
        assert_eq!(tenant.deployments(ID), 1, "{fault}\n{run}");
        for value in ["Germany", "France", "States"] {
            assert!(running(&tenant).contains(value), "{fault}: {value}");
        }
    }
}

#[test]
fn one_that_can_neither_be_created_nor_put_back_needs_a_person() {
    let tenant = holding(
        &["fault=404-page@POST:/ValueMappingDesigntimeArtifacts"],
        &TENANT,
    );
    let repository = repository();
    let run = replace(&repository, &tenant)
        .args(["--timeout", "20s"])
        .run()
        .exit(8)
        .stderr_has(
            "the value mapping is not in the design time any more; the runtime was not touched",
        )
        .stderr_has("put the old content back: flowship deploy ");
    backup(&repository, &run);
    assert!(running(&tenant).contains("States"), "what ran is touched");
}

#[test]
fn a_read_only_package_and_a_draft_are_refused_before_anything_is_deleted() {
    for scenario in ["read-only", "draft"] {
        let tenant = holding(&[scenario], &TENANT);
        replace(&repository(), &tenant).run().exit(1);
        tenant.is_untouched();
    }
}

#[test]
fn a_version_is_asked_for_upwards_only() {
    let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
    for (rule, asked, said) in [
        ("keep", None, ""),
        ("1.2.0", Some("1.2.0"), ""),
        ("bump", Some("1.0.4"), ""),
        ("0.9.0", None, "flowship never requests a lower version"),
    ] {
        let tenant = Tenant::holding(&[], vec![Flow::named("Flow").deployed(&[])]);
        let run = Repository::new()
            .with(&changed)
            .deploy(&tenant)
            .args(["--save-as-version", rule, "--output", "json"])
            .run()
            .exit(0);
        let saved: Vec<String> = tenant
            .requests()
            .into_iter()
            .filter(|request| request.contains("SaveAsVersion"))
            .collect();
        match asked {
            Some(version) => {
                assert_eq!(saved.len(), 1, "{rule}");
                assert!(
                    saved[0].contains(&format!("SaveAsVersion='{version}'")),
                    "{saved:?}"
                );
                assert_eq!(run.json()["artifacts"][0]["designtime_version"], version);
            }
            None => assert_eq!(saved.len(), 0, "{rule}: {saved:?}"),
        }
        assert!(run.stdout.contains(said), "{rule}\n{run}");
    }
}

#[test]
fn a_replacement_that_the_tenant_does_not_take_at_once_gets_there() {
    let cases = [
        "create-fails-after-delete=1",
        "create-fails-after-delete=2",
        "delete-lingers=2",
        "delete-lingers=20",
    ];
    together(&cases, |scenario| {
        let tenant = holding(&[scenario], &TENANT);
        let _ = replace(&repository(), &tenant)
            .run()
            .exit(0)
            .verdict("started");
        assert_eq!(tenant.deployments(ID), 1, "{scenario}");
        for value in ["Germany", "France", "States"] {
            assert!(running(&tenant).contains(value), "{scenario}: {value}");
        }
    });
}

#[test]
fn a_version_that_the_tenant_can_not_save_is_no_success_and_is_not_asked_for_otherwise() {
    let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
    let cases: &[(&str, &[&str], i32)] = &[
        ("save-as-version=refused", &["--save-as-version", "bump"], 0),
        (
            "save-as-version=refused-500",
            &["--save-as-version", "bump"],
            0,
        ),
        ("save-as-version=ignored", &["--save-as-version", "bump"], 0),
        (
            "no-save-as-version=mappings-and-scripts",
            &["--save-as-version", "bump"],
            0,
        ),
        ("no-save-as-version=all", &["--save-as-version", "bump"], 1),
        ("no-save-as-version=all", &[], 0),
    ];
    together(cases, |(scenario, options, code)| {
        let tenant = Tenant::holding(&[scenario], vec![Flow::named("Flow").deployed(&[])]);
        let run = Repository::new()
            .with(&changed)
            .deploy(&tenant)
            .args(*options)
            .run()
            .exit(*code);
        if *code == 0 {
            let _ = run.verdict("started");
            tenant.deployed_once("Flow");
        } else {
            let _ = run.stderr_has("SaveAsVersion → 501");
            tenant.deployed("Flow", 0);
        }
    });
}

/// Git dropped an entry: nothing is written, because the tenant keeps it, and that is told.
#[test]
fn what_only_the_tenant_has_is_named_where_nothing_is_written_too() {
    let tenant = holding(&[], &[GIT[0], GIT[1], TENANT[1]]);
    replace(&repository(), &tenant)
        .run()
        .exit(0)
        .verdict("unchanged")
        .stdout_has("entry that only the tenant has, kept: ")
        .stdout_has("States");
    tenant.is_untouched();
}

/// Only flows have dates on some tenants: the content alone tells whether somebody else saved.
#[test]
fn one_without_dates_is_replaced_and_judged_by_its_content() {
    let tenant = holding(&["dates-of-flows-only"], &TENANT);
    let repository = repository();
    replace(&repository, &tenant)
        .run()
        .exit(0)
        .verdict("started");
    replace(&repository, &tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
    assert!(
        running(&tenant).contains("States"),
        "{}",
        tenant.transcript()
    );
}
