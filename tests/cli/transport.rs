//! `transport`: from one tenant to another.

use std::fs;

use tempfile::TempDir;

use super::flow::Flow;
use super::harness::{Flowship, Tenant};

const FILE: &str = "
environments:
  dev: {credentials: DEV_CPI}
  prod:
    credentials: PROD_CPI
    parameters:
      Orders:
        Receiver Address: https://prod.example
  qa: {credentials: DEV_CPI, id-suffix: _QA, name-suffix: \" QA\", package-suffix: QA, allow-shared-addresses: true}
";

struct Both {
    dev: Tenant,
    prod: Tenant,
    directory: TempDir,
}

impl Both {
    fn new(dev: &[&str], prod: &[&str], on_prod: Vec<flowship::sandbox::Preload>) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("flowship.yaml"), FILE).unwrap();
        let dev_content = vec![
            Flow::named("Orders").deployed(&[("Receiver Address", "https://dev.example")]),
            Flow::of_type("MessageMapping").deployed(&[]),
        ];
        Self {
            dev: Tenant::holding(dev, dev_content),
            prod: Tenant::holding(prod, on_prod),
            directory,
        }
    }

    fn transport(&self, arguments: &[&str]) -> Flowship<'_> {
        Flowship::new()
            .watching(&self.dev)
            .watching(&self.prod)
            .env("DEV_CPI_SERVICE_KEY", self.dev.variable("CPI_SERVICE_KEY"))
            .env(
                "PROD_CPI_SERVICE_KEY",
                self.prod.variable("CPI_SERVICE_KEY"),
            )
            .in_directory(self.directory.path())
            .arg("transport")
            .args(arguments)
    }
}

const ALL: [&str; 5] = ["--all", "--from", "dev", "--to", "prod"];

#[test]
fn everything_arrives_with_the_parameters_of_the_target_and_then_nothing_is_left_to_do() {
    let both = Both::new(&["downloads-differ"], &[], Vec::new());
    let run = both
        .transport(&ALL)
        .args(["--report-json", "receipt.json"])
        .run()
        .exit(0);
    assert!(
        run.written("receipt.json")
            .contains("\"source\": \"127.0.0.1\"")
    );
    let running = both.prod.running("Orders").unwrap();
    assert_eq!(
        running.parameters["Receiver Address"],
        "https://prod.example"
    );
    both.dev.is_untouched();
    both.transport(&ALL)
        .args(["--dry-run", "--fail-on-changes"])
        .run()
        .exit(0)
        .stdout_has("unchanged Orders");
    both.prod.deployed_once("Orders");
}

#[test]
fn a_dry_run_writes_nothing_and_tells_by_its_code() {
    let both = Both::new(&[], &[], Vec::new());
    both.transport(&ALL)
        .args(["--dry-run", "--fail-on-changes"])
        .run()
        .exit(9)
        .stdout_has("create Orders")
        .stderr_has("runs on prod");
    both.dev.is_untouched();
    both.prod.is_untouched();
}

#[test]
fn values_that_the_target_has_configured_stay() {
    let there = Flow::changed()
        .with_id("Orders")
        .deployed(&[("Retries", "9")]);
    let both = Both::new(&[], &[], vec![there]);
    both.transport(&["Orders", "--from", "dev", "--to", "prod"])
        .run()
        .exit(0);
    let running = both.prod.running("Orders").unwrap();
    assert_eq!(running.parameters["Retries"], "9");
    assert_eq!(
        running.parameters["Receiver Address"],
        "https://prod.example"
    );
}

#[test]
fn a_copy_on_the_same_tenant_has_its_own_names() {
    let both = Both::new(&[], &[], Vec::new());
    both.transport(&["Orders", "--from", "dev", "--to", "qa"])
        .run()
        .exit(0)
        .stdout_has("started Orders_QA");
    assert!(both.dev.running("Orders_QA").is_some());
    both.dev.deployed_once("Orders_QA");
}

#[test]
fn a_draft_on_the_source_ends_the_run_before_anything_is_written() {
    let both = Both::new(&["draft@Orders"], &[], Vec::new());
    both.transport(&ALL)
        .run()
        .exit(1)
        .stderr_has("Orders is a draft of colleague@example.com");
    both.prod.is_untouched();
    both.transport(&ALL)
        .args(["--drafts", "skip"])
        .run()
        .exit(0)
        .stderr_has("left out: Orders");
}

#[test]
fn a_version_travels_and_is_no_reason_to_fail() {
    let both = Both::new(&[], &["version-policy=create-1.0.0"], Vec::new());
    both.transport(&ALL)
        .run()
        .exit(0)
        .stdout_has("started Orders 1.0.3");
    let scenarios = ["version-policy=create-1.0.0", "no-save-as-version=all"];
    let both = Both::new(&[], &scenarios, Vec::new());
    both.transport(&ALL)
        .run()
        .exit(0)
        .stdout_has("started Orders 1.0.0")
        .stdout_has("the tenant did not take version 1.0.3");
}

#[test]
fn what_the_target_lacks_is_named() {
    let model = "<bpmn2:messageFlow id=\"M\"><bpmn2:extensionElements><ifl:property><key>credential_name</key><value>SHOP_USER</value></ifl:property></bpmn2:extensionElements></bpmn2:messageFlow>";
    let flow = Flow::named("Orders").with_element(model);
    for (scenario, text) in [
        ("credentials=OTHER", "which the target lacks"),
        ("roles-missing=CredentialsRead", "which the target lacks"),
    ] {
        let both = Both {
            dev: Tenant::holding(&[], vec![flow.deployed(&[])]),
            ..Both::new(&[], &[scenario], Vec::new())
        };
        let run = both
            .transport(&["Orders", "--from", "dev", "--to", "prod", "--dry-run"])
            .run();
        assert!(run.stdout.contains(text), "{scenario}: {}", run.stdout);
    }
    let both = Both {
        dev: Tenant::holding(&[], vec![flow.deployed(&[])]),
        ..Both::new(&[], &["credentials=A,SHOP_USER", "keys=k"], Vec::new())
    };
    let run = both
        .transport(&["Orders", "--from", "dev", "--to", "prod", "--dry-run"])
        .run();
    assert!(!run.stdout.contains("SHOP_USER"), "{}", run.stdout);
}

#[test]
fn a_failure_half_way_says_that_the_same_command_completes_it() {
    let both = Both::new(&[], &["build-fail@Orders"], Vec::new());
    both.transport(&ALL)
        .run()
        .exit(1)
        .stderr_has("the same command again brings the rest");
}

#[test]
fn both_ends_must_be_named_and_differ() {
    let both = Both::new(&[], &[], Vec::new());
    both.transport(&["Orders", "--from", "dev", "--to", "dev"])
        .run()
        .exit(2);
    both.transport(&["--from", "dev", "--to", "prod"])
        .run()
        .exit(2)
        .stderr_has("nothing is named");
}
