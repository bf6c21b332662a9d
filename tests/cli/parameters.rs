//! Externalized parameters: what operations configured survives, and only what is named is written.

use std::fs;

use crate::flow::{Flow, SCRIPT, VALUES};
use crate::harness::{Flowship, Tenant, together};
use crate::many::Repository;

/// The values that a flow runs with, in the order of the keys.
fn values(tenant: &Tenant, flow: &Flow) -> Vec<String> {
    tenant
        .runs(flow)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn what_operations_configured_survives_whatever_an_upload_does_to_it() {
    let cases = [
        &[][..],
        &["reset-parameters"],
        &["keep-all-parameters"],
        &["parameter-moves-modified-at"],
    ];
    together(&cases, |scenario| {
        let (old, new) = (Flow::new(), Flow::changed());
        let configured = [("Receiver Address", "https://production.example")];
        let tenant = Tenant::holding(scenario, vec![old.deployed(&configured)]);
        Flowship::deploy(&tenant, new.path())
            .run()
            .exit(0)
            .verdict("started");
        tenant.deployed_once(&new.id);
        assert_eq!(
            values(&tenant, &new),
            ["https://production.example", "3"],
            "{scenario:?}"
        );
    });
}

#[test]
fn only_named_keys_are_written() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(
        &[],
        vec![old.deployed(&[("Receiver Address", "https://production.example")])],
    );
    Flowship::deploy(&tenant, new.path())
        .args(["--set", "Retries=5"])
        .run()
        .exit(0);
    assert_eq!(values(&tenant, &new), ["https://production.example", "5"]);
    let writes: Vec<String> = tenant
        .requests()
        .into_iter()
        .filter(|request| request.contains("$links/Configurations"))
        .collect();
    assert!(
        matches!(writes.as_slice(), [one] if one.contains("Retries")),
        "{writes:#?}"
    );
}

#[test]
fn a_parameter_alone_is_a_change_that_is_deployed() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&[], vec![flow.deployed(&[])]);
    Flowship::deploy(&tenant, flow.path())
        .args(["--set", "Retries=5"])
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
    assert_eq!(values(&tenant, &flow), ["https://quality.example", "5"]);

    Flowship::deploy(&tenant, flow.path())
        .args(["--set", "Retries=5"])
        .run()
        .exit(0)
        .verdict("unchanged");
    tenant.deployed_once(&flow.id);
}

#[test]
fn an_unknown_key_names_the_nearest_one_and_nothing_is_written() {
    let flow = Flow::changed();
    for preload in [Vec::new(), vec![Flow::new().deployed(&[])]] {
        let tenant = Tenant::holding(&[], preload);
        Flowship::deploy(&tenant, flow.path())
            .args(["--set", "Retires=5"])
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has("has no parameter `Retires`; nothing was written")
            .stderr_has("did you mean `Retries`?")
            .stderr_has("at:    --set");
        tenant.is_untouched();
        tenant.deployed(&flow.id, 0);
    }
}

#[test]
fn an_unknown_key_of_a_file_is_named_with_its_line() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("prod.properties"),
        "Retries=1\n\nAdress=x\n",
    )
    .unwrap();
    Flowship::deploy(&tenant, flow.path())
        .args(["--parameters", "prod.properties"])
        .in_directory(directory.path())
        .run()
        .exit(2)
        .stderr_has("has no parameter `Adress`")
        .stderr_has("prod.properties:3");
    tenant.is_untouched();
}

#[test]
fn a_value_can_be_empty_and_hold_an_equals_sign() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .args([
            "--set",
            "Retries=",
            "--set",
            "Receiver Address=https://x.example/?a=b&c=<d>",
        ])
        .run()
        .exit(0);
    assert_eq!(values(&tenant, &flow), ["https://x.example/?a=b&c=<d>", ""]);
}

#[test]
fn an_entry_can_name_its_artifact() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .arg("--set")
        .arg(format!("{}:Retries=8", flow.id))
        .run()
        .exit(0);
    assert_eq!(values(&tenant, &flow), ["https://quality.example", "8"]);
}

#[test]
fn a_file_of_properties_or_yaml_is_written_and_set_wins_over_it() {
    let directory = tempfile::tempdir().unwrap();
    let properties =
        "# for production\nReceiver\\ Address=https\\://production.example\nRetries : 4\n";
    let yaml = "# for production\nReceiver Address: https://production.example\nRetries: 4\n";
    let cases = [
        ("p.properties", properties),
        ("p.prop", properties),
        ("p.yaml", yaml),
        ("p.yml", yaml),
    ];
    together(&cases, |(name, text)| {
        fs::write(directory.path().join(name), text).unwrap();
        let (tenant, flow) = (Tenant::new(&[]), Flow::new());
        Flowship::deploy(&tenant, flow.path())
            .args(["--parameters", name, "--set", "Retries=6"])
            .in_directory(directory.path())
            .run()
            .exit(0);
        assert_eq!(
            values(&tenant, &flow),
            ["https://production.example", "6"],
            "{name}"
        );
    });
}

#[test]
fn a_file_that_is_missing_or_broken_stops_the_run_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("list.yaml"), "- a\n- b\n").unwrap();
    fs::write(directory.path().join("null.yaml"), "Retries:\n").unwrap();
    fs::write(directory.path().join("bad.properties"), "Retries=\\u00zz\n").unwrap();
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    for (file, said) in [
        ("none.properties", "none.properties"),
        ("list.yaml", "list.yaml:1"),
        ("null.yaml", "`Retries` has no value"),
        ("bad.properties", "bad.properties:1"),
    ] {
        Flowship::deploy(&tenant, flow.path())
            .args(["--parameters", file])
            .in_directory(directory.path())
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
    }
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn a_value_from_a_variable_is_written_but_never_shown() {
    let flow = Flow::new();
    let secret = "s3cr3t value/of+operations";
    let tenant = Tenant::holding(
        &[&format!("cause=refused {secret} there"), "start-error=text"],
        vec![flow.deployed(&[])],
    );
    Flowship::deploy(&tenant, flow.path())
        .args(["--set-from-env", "Receiver Address=TARGET", "--verbose"])
        .env("TARGET", secret)
        .hiding(secret)
        .run()
        .exit(1)
        .stderr_has("refused *** there");
    assert_eq!(
        tenant.running(&flow.id).unwrap().parameters["Receiver Address"],
        secret
    );
}

#[test]
fn an_unknown_key_from_a_variable_names_the_variable_and_not_its_value() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .args(["--set-from-env", "Receiver Adress=TARGET"])
        .env("TARGET", "hunter2hunter2")
        .hiding("hunter2hunter2")
        .run()
        .exit(2)
        .stderr_has("--set-from-env (from TARGET)")
        .stderr_has("did you mean `Receiver Address`?");
    tenant.is_untouched();
}

#[test]
fn a_variable_that_is_missing_empty_or_a_credential_is_no_value() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    for (name, said) in [
        ("NOWHERE", "the variable NOWHERE"),
        ("EMPTY", "the variable EMPTY"),
        ("CPI_SERVICE_KEY", "CPI_SERVICE_KEY holds the credentials"),
    ] {
        Flowship::deploy(&tenant, flow.path())
            .arg("--set-from-env")
            .arg(format!("Retries={name}"))
            .env("EMPTY", "")
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has(said);
    }
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn an_entry_without_equals_sign_is_refused() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    for option in ["--set", "--set-from-env"] {
        Flowship::deploy(&tenant, flow.path())
            .args([option, "Retries"])
            .run()
            .exit(2)
            .stderr_has(option);
    }
    assert_eq!(tenant.request_log().entries, []);
}

#[test]
fn the_artifacts_own_values_win_when_asked() {
    let (old, new) = (Flow::new(), Flow::changed());
    let configured = [
        ("Receiver Address", "https://production.example"),
        ("Retries", "9"),
    ];
    let tenant = Tenant::holding(&[], vec![old.deployed(&configured)]);
    Flowship::deploy(&tenant, new.path())
        .args(["--parameters-from-artifact", "--set", "Retries=2"])
        .run()
        .exit(0);
    assert_eq!(values(&tenant, &new), ["https://quality.example", "2"]);
}

#[test]
fn a_key_that_is_new_in_this_version_takes_the_artifacts_value() {
    let old = Flow::new().with(
        crate::flow::VALUES,
        "Receiver\\ Address=https\\://quality.example\n",
    );
    let old = old.with(crate::flow::DEFINITIONS, "<parameters/>");
    let new = Flow::changed();
    let tenant = Tenant::holding(
        &[],
        vec![old.deployed(&[("Receiver Address", "https://production.example")])],
    );
    Flowship::deploy(&tenant, new.path()).run().exit(0);
    assert_eq!(values(&tenant, &new), ["https://production.example", "3"]);
}

#[test]
fn the_runtime_profile_is_always_a_known_key() {
    let (tenant, flow) = (Tenant::new(&["never-appears"]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .args(["--set", "SAP_ProfileId=iflmap"])
        .run()
        .exit(0)
        .verdict("started");
    tenant.deployed_once(&flow.id);
}

#[test]
fn a_list_of_parameters_can_come_from_a_variable() {
    let (tenant, flow) = (Tenant::new(&[]), Flow::new());
    Flowship::deploy(&tenant, flow.path())
        .env(
            "FLOWSHIP_SET",
            "Retries=7\nReceiver Address=https://a.example\n",
        )
        .run()
        .exit(0);
    assert_eq!(values(&tenant, &flow), ["https://a.example", "7"]);
}

/// Kills a run as soon as its upload was carried out, and nobody has heard of it.
fn killed_after_the_upload(tenant: &Tenant, run: Flowship<'_>) {
    let puts = || {
        let journal = tenant.request_log();
        journal
            .matching("PUT", "IntegrationDesigntimeArtifacts")
            .len()
    };
    let run = run.start();
    while puts() == 0 {
        std::thread::yield_now();
    }
    run.signal("KILL");
    run.end();
}

#[test]
fn what_operations_configured_outlives_a_run_that_is_killed_after_its_upload() {
    const FAULT: &str = "fault=hang-after@PUT:IntegrationDesigntimeArtifacts#1";
    let configured = [
        ("Receiver Address", "https://operations.example"),
        ("Retries", "9"),
    ];
    let old = Flow::named("Orders");
    let tenant = Tenant::holding(
        &[FAULT, "reset-parameters"],
        vec![old.deployed(&configured)],
    );
    let repository = Repository::new().with(&old.with(SCRIPT, "def other() {}\n"));
    killed_after_the_upload(&tenant, repository.deploy(&tenant));
    repository
        .deploy(&tenant)
        .run()
        .exit(0)
        .verdict("started")
        .stderr_has("before it had put back what was configured: Receiver Address, Retries");
    let mut values: Vec<_> = tenant
        .running("Orders")
        .unwrap()
        .parameters
        .into_iter()
        .collect();
    values.sort();
    assert_eq!(values, super::many::pairs(&configured));
    assert_eq!(repository.beside_flows(), Vec::<String>::new());
    repository
        .deploy(&tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
}

#[test]
fn a_secret_that_was_reset_is_asked_for_and_in_no_file() {
    const FAULT: &str = "fault=hang-after@PUT:IntegrationDesigntimeArtifacts#1";
    let flow = Flow::named("Orders");
    let values = flow.read(VALUES);
    let flow = flow.with(VALUES, format!("{values}API\\ Key=none\n"));
    let tenant = Tenant::holding(
        &[FAULT, "reset-parameters"],
        vec![flow.deployed(&[("API Key", "of operations")])],
    );
    let repository = Repository::new().with(&flow.with(SCRIPT, "def other() {}\n"));
    killed_after_the_upload(&tenant, repository.deploy(&tenant));
    repository
        .deploy(&tenant)
        .hiding("of operations")
        .run()
        .exit(1)
        .stderr_has("the tenant had reset API Key")
        .stderr_has("--set-from-env 'API Key=VARIABLE'");
    repository
        .deploy(&tenant)
        .env("VARIABLE", "of operations")
        .args(["--set-from-env", "API Key=VARIABLE"])
        .run()
        .exit(0);
    assert_eq!(
        tenant.running("Orders").unwrap().parameters["API Key"],
        "of operations"
    );
}

#[test]
fn a_redeployment_puts_back_what_its_saving_has_reset() {
    let configured = [
        ("Receiver Address", "https://operations.example"),
        ("Retries", "9"),
    ];
    let flow = Flow::named("Orders");
    let tenant = Tenant::holding(&["reset-parameters"], vec![flow.deployed(&configured)]);
    Flowship::new()
        .against(&tenant)
        .args(["redeploy", "Orders", "--set", "Retries=10"])
        .run()
        .exit(0)
        .verdict("started");
    let values = tenant.running("Orders").unwrap().parameters;
    assert_eq!(values["Receiver Address"], "https://operations.example");
    assert_eq!(values["Retries"], "10");
}

#[test]
fn values_of_a_killed_run_are_not_put_back_over_what_was_deployed_since() {
    const FAULT: &str = "fault=hang-after@PUT:IntegrationDesigntimeArtifacts#1";
    let old = Flow::named("Orders");
    let default = old.read(VALUES);
    let default = default
        .lines()
        .find_map(|line| line.strip_prefix("Retries="));
    let default = default.unwrap().to_owned();
    let tenant = Tenant::holding(
        &[FAULT, "reset-parameters"],
        vec![old.deployed(&[("Retries", "9")])],
    );
    let new = old.with(SCRIPT, "def other() {}\n");
    let repository = Repository::new().with(&new);
    killed_after_the_upload(&tenant, repository.deploy(&tenant));
    // somebody sees it, and wants it so
    Repository::new()
        .with(&new)
        .deploy(&tenant)
        .args(["--set", &format!("Retries={default}"), "--force"])
        .run()
        .exit(0);
    repository
        .deploy(&tenant)
        .run()
        .exit(0)
        .verdict("unchanged");
    assert_eq!(
        tenant.running("Orders").unwrap().parameters["Retries"],
        default
    );
}

/// The reads after the upload are too early to show it: at the end it is seen, and the next run puts the value back.
#[test]
fn a_value_that_is_reset_late_is_no_green_and_comes_back_with_the_next_run() {
    let (old, new) = (Flow::new(), Flow::changed());
    let configured = [("Receiver Address", "https://production.example")];
    let tenant = Tenant::holding(
        &["reset-parameters", "design-time-late=120", "slow=60"],
        vec![old.deployed(&configured)],
    );
    let repository = Repository::new().with(&new);
    repository
        .deploy(&tenant)
        .run()
        .exit(1)
        .verdict("failed")
        .stderr_has("has reset parameter `Receiver Address`")
        .stderr_has("run again");
    let run = repository.deploy(&tenant).run().exit(0);
    assert_eq!(
        values(&tenant, &new),
        ["https://production.example", "3"],
        "{run}"
    );
}
