//! `flowship.yaml`: packages, environments, copies on one tenant.

use super::flow::{Flow, MANIFEST, MODEL, SCRIPT, unzipped};
use super::harness::{Flowship, Tenant};
use super::many::Repository;

const FILE: &str = "
packages:
  - id: Orders
    name: All orders
    short-text: What orders need
    artifacts:
      - path: flows/Flow_A
        parameters:
          Retries: \"4\"
      - flows/Flow_B
environments:
  qa:
    credentials: QA_CPI
    host: 127.0.0.1
    id-suffix: _QA
    name-suffix: \" QA\"
    package-suffix: QA
    parameters:
      Flow_A:
        Receiver Address: \"${env:QA_ADDRESS}/${property.x}\"
  production:
    credentials: PROD_CPI
    host: prod.it-cpi001.cfapps.eu10.hana.ondemand.com
  never:
    credentials: QA_CPI
    deploy: never
";

fn repository() -> Repository {
    let repository = Repository::of(&["Flow_A", "Flow_B"]);
    repository.write("flowship.yaml", FILE);
    repository
}

/// `flowship deploy --environment NAME` with the key of this tenant under `QA_CPI`.
fn deploy<'a>(repository: &Repository, tenant: &'a Tenant, environment: &str) -> Flowship<'a> {
    Flowship::new()
        .watching(tenant)
        .env("QA_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
        .in_directory(repository.path())
        .args(["deploy", "--environment", environment])
}

#[test]
fn an_environment_says_ids_packages_and_parameters() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "qa")
        .env("QA_ADDRESS", "https://qa.example")
        .run()
        .exit(0)
        .stdout_has("started Flow_A_QA")
        .stdout_has("started Flow_B_QA");
    let running = tenant.running("Flow_A_QA").unwrap();
    let values: Vec<(String, String)> = running.parameters.into_iter().collect();
    assert_eq!(
        values,
        [
            ("Receiver Address", "https://qa.example/${property.x}"),
            ("Retries", "4")
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    let requests = tenant.requests();
    assert!(
        requests
            .iter()
            .any(|request| request.contains("IntegrationPackages('OrdersQA')")),
        "{requests:#?}"
    );
}

#[test]
fn the_same_again_is_unchanged() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    for word in ["started", "unchanged"] {
        deploy(&repository, &tenant, "qa")
            .env("QA_ADDRESS", "https://qa.example")
            .run()
            .exit(0)
            .verdict(word);
    }
}

#[test]
fn a_path_selects_and_keeps_its_settings() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "qa")
        .env("QA_ADDRESS", "https://qa.example")
        .arg("flows/Flow_A")
        .run()
        .exit(0);
    assert_eq!(tenant.deployments("Flow_A_QA"), 1);
    assert_eq!(tenant.deployments("Flow_B_QA"), 0);
}

#[test]
fn another_tenant_than_the_pinned_one_gets_no_token_request() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "production")
        .env("PROD_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
        .run()
        .exit(2)
        .stderr_has("the credentials are for 127.0.0.1, and this environment is prod.it-cpi001");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn credentials_of_other_names_are_no_fallback() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "production")
        .env("CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
        .run()
        .exit(2)
        .stderr_has("set PROD_CPI_SERVICE_KEY");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn faults_of_the_file_are_told_with_line_and_column() {
    let cases = [
        (
            "    id-suffix: _QA\n",
            "    id-sufix: _QA\n",
            "flowship.yaml:15:5",
            "id-suffix",
        ),
        (
            "Flow_A:\n        Rec",
            "Flow_C:\n        Rec",
            "flowship.yaml:19:7",
            "`Flow_A`",
        ),
        (
            "${env:QA_ADDRESS}",
            "${env:QA_CPI_SERVICE_KEY}",
            "flowship.yaml:20:",
            "QA_CPI_SERVICE_KEY",
        ),
        (
            "${env:QA_ADDRESS}",
            "${env:NOT_SET}",
            "flowship.yaml:20:",
            "NOT_SET",
        ),
    ];
    for (from, to, place, said) in cases {
        let tenant = Tenant::new(&[]);
        let repository = repository();
        assert!(FILE.contains(from), "{from}");
        repository.write("flowship.yaml", FILE.replace(from, to));
        deploy(&repository, &tenant, "qa")
            .env("QA_ADDRESS", "https://qa.example")
            .run()
            .exit(2)
            .stderr_has(place)
            .stderr_has(said);
        assert_eq!(tenant.all_requests(), [""; 0], "{to}");
    }
}

#[test]
fn an_unknown_environment_is_told_with_those_there_are() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "prod")
        .run()
        .exit(2)
        .stderr_has("there is no environment `prod`")
        .stderr_has("production");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn never_uploads_and_does_not_deploy() {
    let tenant = Tenant::new(&[]);
    deploy(&repository(), &tenant, "never")
        .run()
        .exit(0)
        .stdout_has("uploaded Flow_A");
    assert_eq!(tenant.deployments("Flow_A"), 0);
}

/// A file with everything below `flows` in one package, and the environment `qa` with copies and these other settings.
fn copies(more: &str) -> String {
    format!(
        "packages:\n  - id: Orders\n    artifacts: [flows]\nenvironments:\n  qa:\n    credentials: QA_CPI\n    id-suffix: _QA\n{more}"
    )
}

/// Files of a zip as text; manifests without their broken lines.
fn text(zip: &[u8], path: &str) -> String {
    String::from_utf8(unzipped(zip)[path].clone())
        .unwrap()
        .replace("\r\n ", "")
}

#[test]
fn copies_use_copies() {
    let user = Flow::using(
        "User",
        "Shared_ScriptCollection",
        Some("Shared_MessageMapping"),
    )
    .with_header("Require-Capability: scriptcollection.Shared_ScriptCollection,messagemapping.Shared_MessageMapping,messagemapping.Elsewhere");
    let before = user.contents();
    let repository = Repository::new()
        .with(&user)
        .with(&Flow::of_type("ScriptCollection"))
        .with(&Flow::of_type("MessageMapping"));
    repository.write("flowship.yaml", copies("    name-suffix: \" QA\"\n"));
    let tenant = Tenant::new(&[]);
    let _ = deploy(&repository, &tenant, "qa").run().exit(0);
    for id in [
        "User_QA",
        "Shared_ScriptCollection_QA",
        "Shared_MessageMapping_QA",
    ] {
        let design = tenant.design(id).unwrap();
        let manifest = text(&design.zip, MANIFEST);
        assert!(
            manifest.contains(&format!("Bundle-SymbolicName: {id};")),
            "{manifest}"
        );
        assert!(design.name.ends_with(" QA"), "{}", design.name);
        assert_eq!(tenant.design(id.trim_end_matches("_QA")), None);
        tenant.deployed_once(id);
    }
    let stored = tenant.design("User_QA").unwrap().zip;
    let manifest = text(&stored, MANIFEST);
    for capability in [
        "scriptcollection.Shared_ScriptCollection_QA",
        "messagemapping.Shared_MessageMapping_QA",
        "messagemapping.Elsewhere",
    ] {
        let required = manifest.split([',', ' ', '\r']);
        assert!(
            required.clone().any(|one| one == capability),
            "no {capability} in {manifest}"
        );
    }
    let model = text(&stored, MODEL);
    for name in ["Shared_ScriptCollection_QA", "Shared_MessageMapping_QA"] {
        assert!(model.contains(&format!("<value>{name}</value>")), "{model}");
    }
    assert_eq!(
        unzipped(&stored)[SCRIPT],
        before[SCRIPT],
        "nothing else changes"
    );
}

#[test]
fn a_copy_that_is_deployed_alone_uses_copies_and_misses_them_by_their_own_names() {
    let scripts = Flow::of_type("ScriptCollection");
    let repository = Repository::new()
        .with(&Flow::using("User", &scripts.id, None))
        .with(&scripts);
    repository.write("flowship.yaml", copies(""));
    // the original runs, and does not help the copy
    let tenant = Tenant::holding(&[], vec![scripts.deployed(&[])]);
    let run = deploy(&repository, &tenant, "qa").arg("flows/User").run();
    let _ = run.stdout_has("needs ScriptCollection Shared_ScriptCollection_QA");
    let model = text(&tenant.design("User_QA").unwrap().zip, MODEL);
    assert!(model.contains("<value>Shared_ScriptCollection_QA</value>"));
    tenant.deployed("Shared_ScriptCollection_QA", 0);
}

#[test]
fn copies_use_copies_also_when_only_the_command_line_names_them() {
    let repository = Repository::new()
        .with(&Flow::using("User", "Shared_ScriptCollection", None))
        .with(&Flow::of_type("ScriptCollection"));
    repository.write(
        "flowship.yaml",
        "environments:\n  qa:\n    credentials: QA_CPI\n    id-suffix: _QA\n    parameters:\n      User: {Retries: 6}\n",
    );
    let tenant = Tenant::new(&[]);
    let _ = deploy(&repository, &tenant, "qa")
        .args(["flows", "--package", "Orders"])
        .run()
        .exit(0);
    let running = tenant.running("User_QA").unwrap();
    assert!(text(&running.zip, MODEL).contains("<value>Shared_ScriptCollection_QA</value>"));
    assert_eq!(running.parameters["Retries"], "6");
}

#[test]
fn what_gets_another_id_in_the_file_is_used_under_that_id() {
    let repository = Repository::new()
        .with(&Flow::using("User", "Shared_ScriptCollection", None))
        .with(&Flow::of_type("ScriptCollection"));
    repository.write(
        "flowship.yaml",
        "packages:\n  - id: Orders\n    artifacts:\n      - flows/User\n      - {path: flows/Shared_ScriptCollection, id: Renamed}\n",
    );
    let tenant = Tenant::new(&[]);
    let _ = repository.call(&tenant, "deploy").run().exit(0);
    let running = tenant.running("User").unwrap();
    assert!(text(&running.zip, MODEL).contains("<value>Renamed</value>"));
    tenant.deployed_once("Renamed");
}

#[test]
fn a_path_stands_once_whatever_ids_it_is_given() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A"]);
    repository.write(
        "flowship.yaml",
        "packages:\n  - id: Orders\n    artifacts:\n      - {path: flows/Flow_A, id: One}\n      - {path: flows/Flow_A, id: Two}\n",
    );
    let _ = repository
        .call(&tenant, "deploy")
        .run()
        .exit(2)
        .stderr_has("the path `flows/Flow_A` stands on line 4 too")
        .stderr_has("id-suffix");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn a_copy_that_would_take_its_originals_messages_is_refused() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::new().with(&Flow::called_at("Listener", "/orders"));
    repository.write("flowship.yaml", copies(""));
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .no_stdout()
        .stderr_has("Listener_QA")
        .stderr_has("/orders")
        .stderr_has("allow-shared-addresses");
    assert_eq!(tenant.all_requests(), [""; 0]);
    repository.write(
        "flowship.yaml",
        copies("    allow-shared-addresses: true\n"),
    );
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(0)
        .stderr_has("warning: Listener_QA");
    tenant.deployed_once("Listener_QA");
}

#[test]
fn a_parameter_of_the_environment_sets_the_address_of_a_copy_apart() {
    let repository =
        Repository::new().with(&Flow::called_at("Listener", "/{{Receiver Address}}/orders"));
    let setting = |value: &str| {
        copies(&format!(
            "    parameters:\n      Listener:\n        Receiver Address: {value}\n"
        ))
    };
    let cases = [
        (copies(""), 2),
        (setting("https://quality.example"), 2), // the original's own value
        (setting("qa"), 0),
    ];
    for (file, code) in cases {
        let tenant = Tenant::new(&[]);
        repository.write("flowship.yaml", &file);
        let run = deploy(&repository, &tenant, "qa").run().exit(code);
        if code == 2 {
            let _ = run.stderr_has("set the parameter `Receiver Address` for this environment");
            assert_eq!(tenant.all_requests(), [""; 0]);
        } else {
            let parameters = tenant.running("Listener_QA").unwrap().parameters;
            assert_eq!(parameters["Receiver Address"], "qa");
        }
    }
    repository.write("flowship.yaml", copies(""));
    let _ = deploy(&repository, &Tenant::new(&[]), "qa")
        .args(["--set", "Receiver Address=qa"])
        .run()
        .exit(0);
}

#[test]
fn an_original_shares_nothing_with_itself() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::new().with(&Flow::called_at("Listener", "/orders"));
    repository.write(
        "flowship.yaml",
        copies("").replace("    id-suffix: _QA\n", ""),
    );
    let _ = deploy(&repository, &tenant, "qa").run().exit(0);
    tenant.deployed_once("Listener");
}

#[test]
fn two_artifacts_that_become_one_id_are_refused() {
    let repository = Repository::of(&["Flow_A", "Flow_B"]);
    let file = |id: &str| {
        format!(
            "packages:\n  - id: Orders\n    artifacts:\n      - {{path: flows/Flow_A, id: {id}}}\n      - flows/Flow_B\nenvironments:\n  qa: {{credentials: QA_CPI}}\n"
        )
    };
    let tenant = Tenant::new(&[]);
    repository.write("flowship.yaml", file("Flow_B"));
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("two artifacts have the id Flow_B")
        .stderr_has("flows/Flow_A and flows/Flow_B");
    assert_eq!(tenant.all_requests(), [""; 0]);
    // and one manifest twice is no harm where the file gives an id of its own
    for (path, bytes) in Flow::named("Flow_B").contents() {
        repository.write(&format!("flows/Flow_A/{path}"), bytes);
    }
    repository.write("flowship.yaml", file("Flow_C"));
    let _ = deploy(&repository, &tenant, "qa").run().exit(0);
    tenant.deployed_once("Flow_B");
    tenant.deployed_once("Flow_C");
}

#[test]
fn without_paths_every_artifact_of_every_package_is_deployed_where_it_belongs() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A", "Flow_B"]).with(&Flow::of_type("ValueMapping"));
    repository.write(
        "flowship.yml",
        "packages:\n  - id: First\n    name: The first\n    short-text: What comes first\n    artifacts: [flows/Flow_A]\n  \
         - id: Second\n    artifacts: [flows/Flow_B, flows/Shared_ValueMapping]\n",
    );
    let _ = repository.call(&tenant, "deploy").run().exit(0);
    let packages = [
        ("Flow_A", "First"),
        ("Flow_B", "Second"),
        ("Shared_ValueMapping", "Second"),
    ];
    for (id, package) in packages {
        assert_eq!(tenant.design(id).unwrap().package, package, "{id}");
        tenant.deployed_once(id);
    }
    let first = tenant.package("First").unwrap();
    assert_eq!(first["Name"], "The first");
    assert_eq!(first["ShortText"], "What comes first");
    assert_eq!(tenant.package("Second").unwrap()["Name"], "Second");
    let created = tenant
        .request_log()
        .matching("POST", "IntegrationPackages")
        .len();
    assert_eq!(created, 2, "each package is created once");
}

#[test]
fn a_file_is_named_by_an_option_and_its_paths_begin_where_it_lies() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    repository.write("flowship.yaml", "packages: nonsense");
    repository.write(
        "settings/all.yaml",
        "packages:\n  - id: Orders\n    artifacts: [../flows/Flow_A]\nenvironments:\n  qa: {credentials: QA_CPI}\n",
    );
    let _ = deploy(&repository, &tenant, "qa")
        .args(["--config", "settings/all.yaml"])
        .run()
        .exit(0)
        .stdout_has("started Flow_A");
    let _ = deploy(&repository, &tenant, "qa")
        .env("FLOWSHIP_CONFIG", "settings/all.yaml")
        .run()
        .exit(0)
        .stdout_has("unchanged Flow_A");
    let _ = deploy(&repository, &tenant, "qa")
        .args(["--config", "settings/none.yaml"])
        .run()
        .exit(2)
        .stderr_has("the settings file can't be read")
        .stderr_has("settings/none.yaml");
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("flowship.yaml:1:11");
}

#[test]
fn an_environment_without_a_file_is_an_error_and_so_are_two_files() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A"]);
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("there is no settings file that could have an environment `qa`");
    repository.write("flowship.yaml", FILE);
    repository.write("flowship.yml", FILE);
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("there are flowship.yaml and flowship.yml");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn the_value_of_a_variable_is_never_shown() {
    let address = "https://internal.example/secret-path";
    let tenant = Tenant::new(&[]);
    let repository = repository();
    let with = |command: &str, options: &[&str]| {
        Flowship::new()
            .watching(&tenant)
            .env("QA_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
            .env("QA_ADDRESS", address)
            .hiding(address)
            .in_directory(repository.path())
            .args([command, "--environment", "qa"])
            .args(options)
            .run()
    };
    let _ = with("plan", &[]).exit(0).stdout_has("(from QA_ADDRESS)");
    let _ = with("plan", &["--output", "json"]).exit(0);
    let _ = with("deploy", &["--verbose"]).exit(0);
    let _ = with("deploy", &["--force", "--output", "json"]).exit(0);
    let running = tenant.running("Flow_A_QA").unwrap();
    assert_eq!(
        running.parameters["Receiver Address"],
        format!("{address}/${{property.x}}")
    );
}

#[test]
fn variables_that_only_another_environment_needs_may_be_missing() {
    let tenant = Tenant::new(&[]);
    let file = FILE.replace(
        "  never:\n",
        "  other:\n    parameters:\n      Flow_A:\n        Retries: \"${env:ONLY_OTHER}\"\n  never:\n",
    );
    assert!(file.contains("ONLY_OTHER"));
    let repository = repository();
    repository.write("flowship.yaml", file);
    let _ = deploy(&repository, &tenant, "never").run().exit(0);
}

#[test]
fn an_unknown_parameter_of_the_file_is_told_with_its_line_before_the_first_write() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    repository.write("flowship.yaml", FILE.replace("Retries:", "Retris:"));
    let _ = deploy(&repository, &tenant, "never")
        .run()
        .exit(2)
        .stderr_has("Flow_A has no parameter `Retris`")
        .stderr_has("flowship.yaml:9:11")
        .stderr_has("did you mean `Retries`?");
    tenant.is_untouched();
}

#[test]
fn an_option_wins_over_the_environment_and_that_over_the_artifact() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    let environment =
        "  ranks:\n    credentials: QA_CPI\n    parameters:\n      Flow_A:\n        Retries: 5\n";
    repository.write("flowship.yaml", format!("{FILE}{environment}"));
    let retries = |options: &[&str]| {
        let call = deploy(&repository, &tenant, "ranks").args(options);
        let _ = call.run().exit(0);
        tenant.running("Flow_A").unwrap().parameters["Retries"].clone()
    };
    assert_eq!(retries(&[]), "5");
    assert_eq!(retries(&["--set", "Flow_A:Retries=6"]), "6");
    let without = &FILE[..FILE.find("environments:").unwrap()];
    repository.write("flowship.yaml", without);
    let _ = repository.call(&tenant, "deploy").run().exit(0);
    let parameters = tenant.running("Flow_A").unwrap().parameters;
    assert_eq!(parameters["Retries"], "4", "without environments");
}

#[test]
fn without_an_environment_nothing_is_sent_where_one_leads_elsewhere() {
    let tenant = Tenant::new(&[]);
    let repository = repository();
    for command in ["deploy", "plan"] {
        repository
            .call(&tenant, command)
            .run()
            .exit(2)
            .stderr_has("flowship.yaml")
            .stderr_has("--environment NAME")
            .stderr_has("it has: never, production, qa");
    }
    assert_eq!(tenant.all_requests(), [""; 0]);
    let packages = &FILE[..FILE.find("environments:").unwrap()];
    for (environment, exit) in [
        ("    deploy: changed", 0),
        ("    name-suffix: X", 2),
        ("    host: a.example", 2),
    ] {
        let file = format!("{packages}environments:\n  one:\n{environment}\n");
        repository.write("flowship.yaml", file);
        let _ = repository.call(&tenant, "plan").run().exit(exit);
    }
}

#[test]
fn an_artifact_says_when_it_is_deployed_but_never_holds_for_all() {
    let flows = ["Flow_A", "Flow_B"];
    let preload = flows.map(|id| Flow::named(id).deployed(&[])).to_vec();
    let tenant = Tenant::holding(&[], preload);
    let repository = Repository::of(&flows);
    repository.write(
        "flowship.yaml",
        "packages:\n  - id: Orders\n    artifacts:\n      - {path: flows/Flow_A, deploy: always}\n      - flows/Flow_B\n\
         environments:\n  some: {credentials: QA_CPI}\n  all: {credentials: QA_CPI, deploy: always}\n  none: {credentials: QA_CPI, deploy: never}\n",
    );
    for (environment, deployments) in [("none", [0, 0]), ("some", [1, 0]), ("all", [2, 1])] {
        let _ = deploy(&repository, &tenant, environment).run().exit(0);
        let counted = flows.map(|id| tenant.deployments(id));
        assert_eq!(counted, deployments, "{environment}");
    }
}

#[test]
fn a_redeployment_uses_the_credentials_of_its_environment() {
    let tenant = Tenant::holding(&[], vec![Flow::named("Flow_A_QA").deployed(&[])]);
    let repository = repository();
    let redeploy = |environment: &str| {
        Flowship::new()
            .watching(&tenant)
            .env("QA_CPI_SERVICE_KEY", tenant.variable("CPI_SERVICE_KEY"))
            .in_directory(repository.path())
            .args(["redeploy", "Flow_A_QA", "--environment", environment])
            .run()
    };
    let _ = redeploy("production").exit(2);
    tenant.is_untouched();
    let _ = redeploy("qa").exit(0).verdict("started");
    tenant.deployed_once("Flow_A_QA");
}

#[test]
fn a_file_of_parameters_that_no_artifact_has_is_an_error() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A"]);
    repository.write("flows/Flow_A/QA/parameters.prop", "Retries=6\n");
    repository.write(
        "flowship.yaml",
        copies("    parameters-file: \"{artifact}/QS/parameters.prop\"\n"),
    );
    let _ = deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("leads to no file for any artifact")
        .stderr_has("flowship.yaml:8:22");
    assert_eq!(tenant.all_requests(), [""; 0]);
}

#[test]
fn the_layout_of_flashpipe_needs_no_moves() {
    let tenant = Tenant::new(&[]);
    let repository = Repository::of(&["Flow_A", "Flow_B"]);
    repository.write("flows/Flow_A/QA/parameters.prop", "Retries=6\n");
    repository.write(
        "flowship.yaml",
        "packages:\n  - id: Orders\n    artifacts: [flows]\nenvironments:\n  qa:\n    credentials: QA_CPI\n    parameters-file: \"{artifact}/QA/parameters.prop\"\n",
    );
    deploy(&repository, &tenant, "qa").run().exit(0);
    let running = tenant.running("Flow_A").unwrap();
    assert_eq!(
        running
            .parameters
            .into_iter()
            .find(|(key, _)| key == "Retries")
            .unwrap()
            .1,
        "6"
    );
    assert!(
        !unzipped(&running.zip)
            .keys()
            .any(|path| path.starts_with("QA/"))
    );
}
