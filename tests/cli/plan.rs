//! `plan`: what `deploy` would do, without a write; and approved plans.

use std::fs;

use serde_json::Value;

use super::flow::{Flow, MANIFEST, SCRIPT};
use super::golden;
use super::harness::{Flowship, Run, Tenant};
use super::many::Repository;

/// One flow as it stands in Git, in a repository of its own.
fn repository(flow: &Flow) -> Repository {
    Repository::new().with(flow)
}

fn plan<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    repository
        .call(tenant, "plan")
        .args(["flows", "--package", "Orders"])
}

fn approved<'a>(repository: &Repository, tenant: &'a Tenant) -> Flowship<'a> {
    repository
        .call(tenant, "deploy")
        .args(["--plan", "plan.json"])
}

fn actions(run: &Run) -> Vec<String> {
    let json: Value = run.json();
    json["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].as_str().unwrap().to_owned())
        .collect()
}

fn running(id: &str) -> Tenant {
    Tenant::holding(&[], vec![Flow::named(id).deployed(&[])])
}

#[test]
fn a_plan_shows_what_changes_and_writes_nothing() {
    let tenant = Tenant::holding(
        &[],
        vec![
            Flow::named("Changed").deployed(&[("Retries", "9")]),
            Flow::named("Same").deployed(&[]),
        ],
    );
    let changed = Flow::named("Changed").with(
        SCRIPT,
        "def processData(message) {\n\tmessage.body = 1\n\tmessage\n}\n",
    );
    let repository = Repository::of(&["New", "Same"]).with(&changed);
    let text = plan(&repository, &tenant).run().exit(0);
    golden::is("plan.txt", &text.stdout);
    let json = plan(&repository, &tenant)
        .args(["--output", "json"])
        .run()
        .exit(0);
    golden::is("plan.json", &json.stdout);
    assert_eq!(actions(&json), ["update", "create", "unchanged"]);
    tenant.is_untouched();
}

#[test]
fn a_dry_run_is_a_plan() {
    let tenant = running("Flow");
    let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
    repository(&changed)
        .deploy(&tenant)
        .arg("--dry-run")
        .run()
        .exit(0)
        .verdict("update");
    tenant.is_untouched();
}

#[test]
fn each_way_to_be_decided_has_its_word() {
    let cases: [(&[&str], &[&str], &str, i32); 7] = [
        (&[], &[], "unchanged", 0),
        (&[], &["--set", "Retries=4"], "parameters only", 0),
        (&["no-modified-at"], &[], "redeploy", 0),
        (&["read-only"], &["--set", "Retries=4"], "refused", 1),
        (&["draft"], &["--set", "Retries=4"], "refused", 1),
        (&["draft=Draft"], &["--set", "Retries=4"], "refused", 1),
        (&["stopped"], &[], "stopped", 1),
    ];
    for (scenarios, options, word, code) in cases {
        let tenant = Tenant::holding(scenarios, vec![Flow::named("Flow").deployed(&[])]);
        let run = plan(&Repository::of(&["Flow"]), &tenant)
            .args(options)
            .args(["--output", "json"])
            .run()
            .exit(code);
        assert_eq!(actions(&run), [word], "{scenarios:?} {options:?}");
        tenant.is_untouched();
    }
}

#[test]
fn changes_are_an_exit_code_when_that_is_asked_for() {
    let tenant = running("Flow");
    let ask = |repository: &Repository| plan(repository, &tenant).arg("--fail-on-changes").run();
    ask(&Repository::of(&["Flow"]))
        .exit(0)
        .stdout_has("nothing to do");
    ask(&Repository::of(&["Flow", "Another"])).exit(9);
}

#[test]
fn values_that_look_secret_and_values_of_variables_are_not_shown() {
    let tenant = running("Flow");
    let flow = Flow::named("Flow")
        .with(
            super::flow::VALUES,
            "Retries=3\nReceiver\\ Address=x\nApi\\ Password=hunter2hunter2\n",
        )
        .with(super::flow::DEFINITIONS, "<parameters/>");
    plan(&repository(&flow), &tenant)
        .env("RETRIES", "a value from a variable")
        .args(["--set-from-env", "Retries=RETRIES"])
        .hiding("a value from a variable")
        .hiding("hunter2hunter2")
        .run()
        .exit(0)
        .stdout_has("(from RETRIES)")
        .stdout_has("parameter Api Password: (masked), new");
}

#[test]
fn commands_in_files_are_neutral_in_a_diff() {
    let tenant = running("Flow");
    let flow = Flow::named("Flow").with(SCRIPT, "::error::boo\n\u{1b}[31mred\n");
    let run = plan(&repository(&flow), &tenant).run().exit(0);
    assert!(
        !run.stdout.contains("::error::") && !run.stdout.contains('\u{1b}'),
        "{run}"
    );
}

#[test]
fn an_approved_plan_is_carried_out_without_saying_it_again() {
    let tenant = running("Flow");
    let repository = repository(&Flow::named("Flow").with(SCRIPT, "return 2\n"));
    plan(&repository, &tenant)
        .args(["-o", "plan.json"])
        .run()
        .exit(0);
    // what a plan was asked for wins over variables
    approved(&repository, &tenant)
        .env("FLOWSHIP_PACKAGE", "Elsewhere")
        .env("FLOWSHIP_PATHS", "nowhere")
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once("Flow");
    plan(&repository, &tenant)
        .arg("--fail-on-changes")
        .run()
        .exit(0)
        .stdout_has("nothing to do");
}

#[test]
fn what_moved_here_since_a_plan_ends_the_run() {
    let tenant = running("Flow");
    let repository = repository(&Flow::named("Flow").with(SCRIPT, "return 2\n"));
    plan(&repository, &tenant)
        .args(["-o", "plan.json"])
        .run()
        .exit(0);
    let cases: [(&[&str], &str); 4] = [
        (&["--set", "Retries=8"], "its parameters"),
        (&["--save-as-version", "9.9.9"], "what the options ask for"),
        (&["--package", "Elsewhere"], "its package"),
        (&["--id", "Other"], "the plan is about Flow too"),
    ];
    for (options, said) in cases {
        approved(&repository, &tenant)
            .args(options)
            .run()
            .exit(2)
            .stderr_has(said);
    }
    repository.write(&format!("flows/Flow/{SCRIPT}"), "return 3\n");
    approved(&repository, &tenant)
        .run()
        .exit(2)
        .stderr_has("its content");
    tenant.is_untouched();
}

#[test]
fn what_moved_on_the_tenant_since_a_plan_voids_all_of_it() {
    let tenant = running("Flow");
    let changed = Flow::named("Flow").with(SCRIPT, "return 2\n");
    let repository = repository(&changed).with(&Flow::named("New"));
    plan(&repository, &tenant)
        .args(["-o", "plan.json"])
        .run()
        .exit(0);
    let other = Repository::new().with(&Flow::named("Flow").with(SCRIPT, "return 9\n"));
    other.deploy(&tenant).run().exit(0);
    let before = tenant.requests().len();
    approved(&repository, &tenant)
        .run()
        .exit(1)
        .stdout_has("superseded Flow")
        .stdout_has("skipped New")
        .stderr_has("it changed on the tenant after the plan was made");
    let since = tenant.requests().split_off(before);
    assert!(
        since.iter().all(|request| request.starts_with("GET ")),
        "{since:#?}"
    );
}

#[test]
fn a_plan_is_for_one_tenant_and_must_be_one() {
    let tenant = running("Flow");
    let repository = repository(&Flow::named("Flow").with(SCRIPT, "return 2\n"));
    plan(&repository, &tenant)
        .args(["-o", "plan.json"])
        .run()
        .exit(0);
    let file = repository.path().join("plan.json");
    let text = fs::read_to_string(&file).unwrap();
    for (from, to, said) in [
        (
            "\"tenant\": \"127.0.0.1\"",
            "\"tenant\": \"prod.example\"",
            "the plan was made for prod.example",
        ),
        ("\"schema\": 2", "\"schema\": 7", "this plan has form 7"),
        ("\"schema\": 2", "\"schema\"", "this is no plan"),
    ] {
        assert!(text.contains(from));
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        approved(&repository, &tenant)
            .run()
            .exit(2)
            .stderr_has(said);
    }
    fs::remove_file(&file).unwrap();
    approved(&repository, &tenant)
        .run()
        .exit(2)
        .stderr_has("the plan can't be read");
    tenant.is_untouched();
}

#[test]
fn no_value_of_a_parameter_is_in_a_plan_file() {
    let tenant = running("Flow");
    let repository = Repository::of(&["Flow"]);
    plan(&repository, &tenant)
        .args(["--set", "Retries=4711471147", "-o", "plan.json"])
        .run()
        .exit(0);
    let text = fs::read_to_string(repository.path().join("plan.json")).unwrap();
    for value in [
        "4711471147",
        "quality.example",
        &tenant.variable("CPI_CLIENT_SECRET"),
    ] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

#[test]
fn github_is_told_whether_a_plan_has_anything_to_do() {
    let tenant = running("Same");
    let repository = Repository::of(&["Same", "New"]);
    let outputs = repository.path().join("outputs");
    plan(&repository, &tenant)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", &outputs)
        .run()
        .exit(0);
    assert_eq!(fs::read_to_string(outputs).unwrap(), "changes=true\n");
}

/// Undecided, and then carried out all the same: the plan is done.
#[test]
fn a_plan_that_was_carried_out_is_done_when_it_is_said_again() {
    let tenant = Tenant::holding(&["slow=90"], vec![Flow::named("Flow").deployed(&[])]);
    let repository = repository(&Flow::named("Flow").with(SCRIPT, "return 2\n"));
    plan(&repository, &tenant)
        .args(["-o", "plan.json"])
        .run()
        .exit(0);
    let run = |timeout| {
        approved(&repository, &tenant)
            .args(["--timeout", timeout])
            .run()
    };
    run("3s").exit(7).verdict("undecided");
    run("60s").exit(0).verdict("unchanged");
    run("60s").exit(0).verdict("unchanged");
    tenant.deployed_once("Flow");
}

#[test]
fn a_version_that_goes_down_is_told_before_and_after() {
    let tenant = Tenant::holding(
        &["version-policy=manifest"],
        vec![Flow::named("Flow").deployed(&[])],
    );
    let lower = Flow::named("Flow").with(SCRIPT, "return 2\n");
    let manifest = lower.read(MANIFEST).replace("1.0.3", "1.0.2");
    let repository = repository(&lower.with(MANIFEST, manifest));
    plan(&repository, &tenant)
        .run()
        .exit(0)
        .stdout_has("the tenant shows version 1.0.3, and the manifest says 1.0.2");
    repository
        .deploy(&tenant)
        .run()
        .exit(0)
        .stderr_has("the version went down on the tenant, from 1.0.3 to 1.0.2");
}
