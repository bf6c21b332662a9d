//! What a good file means. Beside it: `tests/faults.rs`, `tests/schema.rs`.

mod faults;
mod schema;

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::settings::address::TenantUrl;

/// A file in a directory that lives as long as this value.
fn project(text: &str) -> (TempDir, Result<Project, SettingsError>) {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> (TempDir, Result<Project, SettingsError>) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("flowship.yaml"), bytes).unwrap();
    let read = read(directory.path(), Path::new("flowship.yaml"));
    (directory, read)
}

fn good(text: &str) -> Project {
    project(text)
        .1
        .unwrap_or_else(|error| panic!("{text}\n{error:?}"))
}

/// `line:column: what; hint` of the error.
fn fault(text: &str) -> String {
    told(project(text).1.err())
}

fn told(error: Option<SettingsError>) -> String {
    let Some(error) = error else {
        return "no error".into();
    };
    let at = error.at.strip_prefix("flowship.yaml:").unwrap_or(&error.at);
    format!("{at}: {}; {}", error.what, error.hint)
}

/// Every key that there is.
const ALL_KEYS: &str = r#"version: 1
packages:
  - id: Orders
    name: All orders
    short-text: What orders need
    artifacts:
      - flows/orders
      - path: ./flows/invoices/
        id: Invoices
        name: The invoices
        deploy: always
        parameters:
          Receiver Address: https://x
          Timeout: 010
          Version: 1.10
          Flag: yes
          Empty: ""
          Body: ${property.x} ${header.y} {{z}}
environments:
  qa:
    credentials: QA_CPI
    host: https://QA.example.com:443/itspaces
    id-prefix: Pre_
    id-suffix: _QA
    name-prefix: "Pre "
    name-suffix: " (QA)"
    package-prefix: P
    package-suffix: QA
    allow-shared-addresses: true
    deploy: never
    parameters-file: "{artifact}/QA/parameters.prop"
    parameters:
      Invoices:
        Receiver Address: https://${env:HOST}/${env:PATH_OF}
  plain:
rollback: required
"#;

#[test]
fn every_key_is_read() {
    let project = good(ALL_KEYS);
    let package = &project.packages[0];
    assert_eq!(
        (
            package.id.as_str(),
            package.name.as_deref(),
            package.short_text.as_deref()
        ),
        ("Orders", Some("All orders"), Some("What orders need"))
    );
    let [plain, full] = package.artifacts.as_slice() else {
        panic!("{package:?}");
    };
    assert_eq!(
        (plain.path.as_path(), &plain.id, plain.at.as_str()),
        (Path::new("flows/orders"), &None, "flowship.yaml:7:9")
    );
    assert_eq!(full.path, Path::new("flows/invoices"));
    assert_eq!(
        (full.id.as_deref(), full.name.as_deref(), full.deploy),
        (
            Some("Invoices"),
            Some("The invoices"),
            Some(DeployRule::Always)
        )
    );
    let qa = project.environment("qa").unwrap();
    assert_eq!(qa.credentials_prefix(), "QA_CPI");
    assert_eq!(qa.host.as_deref(), Some("qa.example.com"));
    assert_eq!(qa.names.id.apply("X"), "Pre_X_QA");
    assert_eq!(qa.names.name.apply("X"), "Pre X (QA)");
    assert_eq!(qa.names.package.apply("X"), "PXQA");
    assert_eq!(qa.package_name(package).unwrap(), "Pre All orders (QA)");
    assert!(qa.allow_shared_addresses && qa.has_copies());
    assert_eq!(qa.deploy, Some(DeployRule::Never));
    assert_eq!(
        qa.parameters_file.as_ref().unwrap().pattern,
        "{artifact}/QA/parameters.prop"
    );
    let address = &qa.parameters["Invoices"].parameters[0];
    let variables: Vec<_> = address.variables().collect();
    assert_eq!(variables, ["HOST", "PATH_OF"]);
    assert_eq!(address.value_at, "flowship.yaml:34:27");
    assert!(project.rollback_required);
    let plain = project.environment("plain").unwrap();
    assert_eq!(plain.credentials_prefix(), "CPI");
    assert!(!plain.allow_shared_addresses && !plain.has_copies() && plain.host.is_none());
    assert_eq!(plain.package_name(package).unwrap(), "All orders");
}

fn named(
    project: &Project,
    id: &str,
    environment: Option<&str>,
    variables: &Environment,
) -> Result<Vec<NamedParameter>, SettingsError> {
    let settings = project
        .packages
        .iter()
        .flat_map(|package| &package.artifacts);
    let settings = settings
        .into_iter()
        .find(|one| one.id.as_deref() == Some(id));
    let target = ParameterTarget {
        id,
        path: Path::new("flows/invoices"),
        settings,
    };
    let environment = environment.map_or(&project.plain, |name| project.environment(name).unwrap());
    project.parameters(target, environment, variables, &Redactor::new())
}

#[test]
fn values_are_taken_as_they_were_written() {
    let found = named(&good(ALL_KEYS), "Invoices", None, &Environment::default()).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.key.as_str(), one.value.as_str(), one.source.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "Body",
                "${property.x} ${header.y} {{z}}",
                "flowship.yaml:18:11"
            ),
            ("Empty", "", "flowship.yaml:17:11"),
            ("Flag", "yes", "flowship.yaml:16:11"),
            ("Receiver Address", "https://x", "flowship.yaml:13:11"),
            ("Timeout", "010", "flowship.yaml:14:11"),
            ("Version", "1.10", "flowship.yaml:15:11"),
        ]
    );
}

#[test]
fn a_value_from_variables_names_them_and_is_masked() {
    let (_directory, project) = project(ALL_KEYS);
    let project = project.unwrap();
    let variables = Environment::default()
        .with("HOST", "secret.example.com")
        .with("PATH_OF", "orders");
    let redactor = Redactor::new();
    let target = ParameterTarget {
        id: "Invoices",
        path: Path::new("flows/invoices"),
        settings: None,
    };
    let qa = project.environment("qa").unwrap();
    let found = project
        .parameters(target, qa, &variables, &redactor)
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, "https://secret.example.com/orders");
    assert_eq!(found[0].from.as_deref(), Some("HOST, PATH_OF"));
    assert_eq!(found[0].source, "flowship.yaml:34:9 (from HOST, PATH_OF)");
    assert_eq!(redactor.clean("at secret.example.com"), "at ***");
}

/// A file whose only parameter has this value, written as it stands here on line 6, from column 17 on.
fn with_value(value: &str) -> String {
    format!(
        "environments:\n  prod:\n    credentials: PROD\n    parameters:\n      Flow:\n        Target: {value}\n"
    )
}

#[test]
fn only_variables_are_replaced_in_values() {
    let variables = Environment::default().with("A", "1").with("B_2", "two");
    for (written, expected) in [
        ("${env:A}", "1"),
        ("x${env:A}${env:B_2}y", "x1twoy"),
        ("$${env:A} ${env:A}", "${env:A} 1"),
        ("$${env:A", "${env:A"),
        ("$ ${env:A}", "$ 1"),
        (
            "${property.x} ${header.env:A} ${ENV:A} $env:A",
            "${property.x} ${header.env:A} ${ENV:A} $env:A",
        ),
        ("'{{x}} ${date:now}'", "{{x}} ${date:now}"),
        ("\"a\\tb ${env:A}\"", "a\tb 1"),
        ("|\n          one\n          ${env:A}\n", "one\n1\n"),
    ] {
        let found = named(
            &good(&with_value(written)),
            "Flow",
            Some("prod"),
            &variables,
        )
        .unwrap();
        assert_eq!(found[0].value, expected, "{written}");
    }
}

#[test]
fn a_variable_that_gives_no_value_is_told_with_its_place() {
    let variables = Environment::default()
        .with("EMPTY", "")
        .with("A", "a value");
    for (written, expected) in [
        (
            "${env:MISSING}",
            "6:17: the variable MISSING, whose value parameter `Target` is to get, is not set or empty; set it",
        ),
        ("${env:A} ${env:EMPTY}", "6:17: the variable EMPTY"),
        (
            "\"$${env:A}ü ${env:MISSING}\"",
            "6:17: the variable MISSING",
        ),
        (
            "|\n          one\n          x ${env:MISSING}\n",
            "7:11: the variable MISSING",
        ),
        ("\"\\u0024{env:MISSING}\"", "6:17: the variable MISSING"),
    ] {
        let error = told(
            named(
                &good(&with_value(written)),
                "Flow",
                Some("prod"),
                &variables,
            )
            .err(),
        );
        assert!(
            error.starts_with(expected),
            "{written}\n  wanted {expected}\n  found  {error}"
        );
        assert!(!error.contains("a value"), "{error}");
    }
}

#[test]
fn credentials_of_any_environment_are_refused_when_the_file_is_read() {
    for name in [
        "CPI_CLIENT_SECRET",
        "CPI_URL",
        "PROD_SERVICE_KEY",
        "PROD_URL",
        "PROD_SFTP_PASSWORD",
    ] {
        let wanted = format!("6:17: {name} holds the credentials for the tenant");
        let found = told(project(&with_value(&format!("x${{env:{name}}}"))).1.err());
        assert!(found.starts_with(&wanted), "{found}");
    }
    let of_artifact = "packages:\n- id: P\n  artifacts:\n  - path: a\n    parameters: {K: '${env:QA_URL}'}\nenvironments:\n  qa:\n    credentials: QA\n";
    assert!(told(project(of_artifact).1.err()).starts_with("5:21: QA_URL holds"));
    good(&with_value("$${env:CPI_URL} ${env:QA_PASSWORD}"));
}

/// So that a password does not come in by a file beside the artifact either.
#[test]
fn credentials_in_a_file_of_parameters_are_refused_without_their_value() {
    let (directory, project) = project("environments:\n  qa:\n    parameters-file: p.yaml\n");
    fs::write(
        directory.path().join("p.yaml"),
        "K: ${env:CPI_CLIENT_SECRET}\n",
    )
    .unwrap();
    let variables = Environment::default().with("CPI_CLIENT_SECRET", "s3cret");
    let found = told(named(&project.unwrap(), "A", Some("qa"), &variables).err());
    assert!(
        found.starts_with("p.yaml:1: CPI_CLIENT_SECRET holds"),
        "{found}"
    );
    assert!(!found.contains("s3cret"));
}

#[test]
fn line_ends_of_windows_change_neither_values_nor_places() {
    let text = ALL_KEYS.replace('\n', "\r\n");
    let (unix, windows) = (good(ALL_KEYS), good(&text));
    assert_eq!(
        format!("{:?}", unix.packages),
        format!("{:?}", windows.packages)
    );
    assert_eq!(
        format!("{:?}", unix.environments),
        format!("{:?}", windows.environments)
    );
}

#[test]
fn a_variable_is_looked_at_only_where_its_value_is_used() {
    let text = "packages:\n- id: P\n  artifacts:\n  - path: a\n    id: Flow\n    parameters: {K: '${env:MISSING}'}\nenvironments:\n  dev:\n    parameters: {Flow: {K: v}}\n  qa:\n";
    let project = good(text);
    let none = Environment::default();
    assert_eq!(
        named(&project, "Flow", Some("dev"), &none).unwrap()[0].value,
        "v"
    );
    assert!(named(&project, "Flow", Some("qa"), &none).is_err());
    assert!(named(&project, "Flow", None, &none).is_err());
}

/// A package with these artifacts, which begin on line 4.
fn artifacts(entries: &str) -> String {
    format!("packages:\n- id: P\n  artifacts:\n{entries}")
}

/// An environment with these lines, which begin on line 3.
fn environment(lines: &str) -> String {
    format!("environments:\n  dev:\n{lines}")
}

#[test]
fn artifact_paths_begin_where_the_file_lies() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("ci")).unwrap();
    fs::write(
        directory.path().join("ci/x.yaml"),
        artifacts("  - ../flows/a\n  - .\n  - ./b//c/"),
    )
    .unwrap();
    let project = read(directory.path(), Path::new("./ci/x.yaml")).unwrap();
    let paths: Vec<_> = project.packages[0]
        .artifacts
        .iter()
        .map(|one| one.path.to_str().unwrap())
        .collect();
    assert_eq!(paths, ["ci/../flows/a", "ci", "ci/b/c"]);
    assert_eq!(project.packages[0].artifacts[0].at, "./ci/x.yaml:4:5");
    assert_eq!(
        good(&artifacts("  - .")).packages[0].artifacts[0].path,
        Path::new(".")
    );
}

#[test]
fn one_of_two_names_is_found_and_both_are_refused() {
    let directory = TempDir::new().unwrap();
    assert_eq!(find(directory.path()).unwrap(), None);
    fs::write(directory.path().join("flowship.yml"), "").unwrap();
    assert_eq!(find(directory.path()).unwrap(), Some("flowship.yml".into()));
    fs::write(directory.path().join("flowship.yaml"), "").unwrap();
    assert_eq!(
        told(find(directory.path()).err()),
        "flowship.yml: there are flowship.yaml and flowship.yml; keep one of them, or name one with --config"
    );
}

#[test]
fn an_environment_that_is_not_there_is_told_with_those_that_are() {
    let project = good("environments: {dev: , production: }");
    let found = told(project.environment("prodution").err());
    assert_eq!(
        found,
        "flowship.yaml: there is no environment `prodution`; did you mean `production`? It has: dev, production"
    );
    let found = told(good(&artifacts("  - a")).environment("qa").err());
    assert!(
        found.ends_with("it has no environments: add them below `environments:`"),
        "{found}"
    );
}

#[test]
fn parameters_for_an_artifact_that_is_not_there_are_refused() {
    let project =
        good("environments:\n  qa:\n    id-suffix: _QA\n    parameters:\n      Order_QA: {A: b}\n");
    let qa = project.environment("qa").unwrap();
    let refused = |ids: &[&str]| told(project.refuse_unknown_artifacts(qa, ids).err());
    assert_eq!(refused(&["Order_QA"]), "no error");
    assert!(
        refused(&["Order"])
            .ends_with("write the id without prefix and suffix of the environment: `Order`")
    );
    assert!(refused(&["Orders_QA"]).ends_with("did you mean `Orders_QA`?"));
    assert!(
        refused(&[])
            .starts_with("5:7: environment `qa` has parameters for `Order_QA`, and no package has")
    );
}

#[test]
fn files_of_parameters_beside_the_artifacts_are_read() {
    let text = "packages:\n- id: P\n  artifacts:\n  - path: flows/a\n    id: A\n    parameters: {one: own, two: own, three: own}\nenvironments:\n  qa:\n    parameters-file: '{artifact}/QA/parameters.prop'\n    parameters:\n      A: {three: environment}\n";
    let (directory, project) = project(text);
    let project = project.unwrap();
    let qa = project.environment("qa").unwrap();
    let settings = &project.packages[0].artifacts[0];
    let target = |path| ParameterTarget {
        id: "A",
        path: Path::new(path),
        settings: Some(settings),
    };
    let variables = Environment::default().with("X", "variable");
    let read = |path| project.parameters(target(path), qa, &variables, &Redactor::new());
    assert!(told(project.refuse_useless_parameters_file(qa, &[target("flows/a")]).err())
        .starts_with("9:22: `parameters-file` leads to no file for any artifact; looked for flows/a/QA/parameters.prop first"));
    assert_eq!(read("flows/a").unwrap()[0].value, "own");

    fs::create_dir_all(directory.path().join("flows/a/QA")).unwrap();
    fs::write(
        directory.path().join("flows/a/QA/parameters.prop"),
        "#x\ntwo=${env\\:X}\nthree=file\n",
    )
    .unwrap();
    for path in ["flows/a", "flows/a.zip"] {
        let found = read(path).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_str(), one.source.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("one", "own", "flowship.yaml:6:18"),
                ("three", "environment", "flowship.yaml:11:11"),
                ("two", "variable", "flows/a/QA/parameters.prop:2 (from X)"),
            ]
        );
    }
    assert!(
        project
            .refuse_useless_parameters_file(qa, &[target("flows/b"), target("flows/a")])
            .is_ok()
    );
}

#[test]
fn a_file_of_parameters_without_a_placeholder_must_be_there() {
    let project = good(&environment("    parameters-file: params/dev.yaml"));
    let found = told(named(&project, "A", Some("dev"), &Environment::default()).err());
    assert!(
        found.starts_with("params/dev.yaml: the parameter file can't be read"),
        "{found}"
    );
    assert!(
        found.ends_with("check `parameters-file`, and who may read the file"),
        "{found}"
    );
    let by_id = good(&environment("    parameters-file: params/{id}.yaml"));
    let file = by_id
        .environment("dev")
        .unwrap()
        .parameters_file
        .clone()
        .unwrap();
    let target = ParameterTarget {
        id: "A",
        path: Path::new("x"),
        settings: None,
    };
    assert_eq!(file.path(target), Path::new("params/A.yaml"));
}

#[test]
fn what_is_for_one_artifact_is_refused_for_several() {
    for (entry, key) in [
        ("{path: a, id: X}", Some("id")),
        ("{path: a, name: X}", Some("name")),
        ("{path: a, parameters: {k: v}}", Some("parameters")),
        ("{path: a, deploy: never}", None),
        ("a", None),
    ] {
        let project = good(&artifacts(&format!("  - {entry}")));
        let settings = &project.packages[0].artifacts[0];
        assert!(settings.refuse_several(1).is_ok());
        let found = told(settings.refuse_several(3).err());
        match key {
            Some(key) => assert!(
                found.starts_with(&format!("4:5: `{key}` is for one artifact, and a holds 3;")),
                "{found}"
            ),
            None => assert_eq!(found, "no error"),
        }
    }
}

#[test]
fn never_holds_whoever_says_it() {
    let rule = |artifact: &str, environment: &str| {
        let line = |indent: &str, word: &str| match word {
            "" => String::new(),
            word => format!("{indent}deploy: {word}\n"),
        };
        let text = format!(
            "{}\nenvironments:\n  e:\n{}",
            artifacts(&format!("  - path: a\n{}", line("    ", artifact))),
            line("    ", environment)
        );
        let project = good(&text);
        let artifact = Some(&project.packages[0].artifacts[0]);
        let rule = deploy_rule(artifact, &project.environments["e"]);
        format!("{rule:?}").to_lowercase()
    };
    for (artifact, environment, expected) in [
        ("", "", "changed"),
        ("always", "", "always"),
        ("", "always", "always"),
        ("changed", "always", "changed"),
        ("never", "always", "never"),
        ("always", "never", "never"),
    ] {
        assert_eq!(
            rule(artifact, environment),
            expected,
            "{artifact} {environment}"
        );
    }
}

#[test]
fn a_host_is_compared_without_case_port_and_path() {
    let project = good(&environment("    host: Dev.Example.com"));
    let host = project.environments["dev"].host.clone().unwrap();
    for (url, same) in [
        ("https://dev.example.com:443/api/v1", true),
        ("https://DEV.example.COM./location/x", true),
        ("https://dev.example.com.evil.org", false),
        ("https://xdev.example.com", false),
    ] {
        assert_eq!(TenantUrl::parse(url).unwrap().host() == host, same, "{url}");
    }
}
