//! `flowship.yaml`: packages, environments, copies on one tenant.

use super::flow::{Flow, MANIFEST, MODEL};
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

#[test]
fn copies_use_copies() {
    let tenant = Tenant::new(&[]);
    let flow = Flow::named("User");
    let manifest = flow.read(MANIFEST).replacen(
        "SAP-NodeType",
        "Require-Capability: scriptcollection.Shared_ScriptCollection\r\nSAP-NodeType",
        1,
    );
    let repository = Repository::new()
        .with(&flow.with(MANIFEST, manifest))
        .with(&Flow::of_type("ScriptCollection"));
    repository.write(
        "flowship.yaml",
        "packages:\n  - id: Orders\n    artifacts: [flows]\nenvironments:\n  qa: {credentials: QA_CPI, id-suffix: _QA}\n",
    );
    deploy(&repository, &tenant, "qa").run().exit(0);
    let zip = tenant.running("User_QA").unwrap().zip;
    let stored = super::flow::unzipped(&zip);
    let manifest = String::from_utf8(stored[MANIFEST].clone())
        .unwrap()
        .replace("\r\n ", "");
    assert!(
        manifest.contains("scriptcollection.Shared_ScriptCollection_QA"),
        "{manifest}"
    );
}

#[test]
fn a_copy_that_would_take_its_originals_messages_is_refused() {
    let tenant = Tenant::new(&[]);
    let flow = Flow::named("Listener");
    let sender = "<bpmn2:messageFlow id=\"M1\" name=\"HTTPS\"><bpmn2:extensionElements>\
        <ifl:property><key>ComponentType</key><value>HTTPS</value></ifl:property>\
        <ifl:property><key>direction</key><value>Sender</value></ifl:property>\
        <ifl:property><key>urlPath</key><value>/orders</value></ifl:property>\
        </bpmn2:extensionElements></bpmn2:messageFlow>";
    let model = flow.read(MODEL).replacen(
        "</bpmn2:definitions>",
        &format!("{sender}</bpmn2:definitions>"),
        1,
    );
    assert!(
        model.contains("urlPath"),
        "the model has no place for it: {model}"
    );
    let repository = Repository::new().with(&flow.with(MODEL, model));
    let file = |allow: &str| {
        format!(
            "packages:\n  - id: Orders\n    artifacts: [flows]\nenvironments:\n  qa: {{credentials: QA_CPI, id-suffix: _QA{allow}}}\n"
        )
    };
    repository.write("flowship.yaml", file(""));
    deploy(&repository, &tenant, "qa")
        .run()
        .exit(2)
        .stderr_has("/orders")
        .stderr_has("allow-shared-addresses");
    assert_eq!(tenant.all_requests(), [""; 0]);
    repository.write("flowship.yaml", file(", allow-shared-addresses: true"));
    deploy(&repository, &tenant, "qa").run().exit(0);
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
        !super::flow::unzipped(&running.zip)
            .keys()
            .any(|path| path.starts_with("QA/"))
    );
}
