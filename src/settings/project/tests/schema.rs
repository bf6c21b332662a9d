//! The schema, against the table, the file in the repository and the example.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::super::format::{ARTIFACT, ENVIRONMENT, FILE, Form, PACKAGE, Table};
use super::*;
use crate::settings::yaml::{self, Node, Value};

/// All forms.
const FORMS: [Form; 7] = [
    Form::Words,
    Form::Id,
    Form::EnvironmentName,
    Form::Prefix,
    Form::Path,
    Form::Host,
    Form::ParameterKey,
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_this_code() {
    let path = root().join("schema/flowship.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == golden,
        "schema/flowship.schema.json is not what the code makes; UPDATE_GOLDEN=1 cargo test writes it anew"
    );
}

#[test]
fn the_schema_has_the_keys_that_the_reader_knows_and_no_others() {
    let schema = schema();
    let same = |table: &Table, schema: &Json| {
        let of_schema: BTreeSet<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let of_reader: BTreeSet<&str> = table.keys.iter().map(|key| key.name).collect();
        assert_eq!(of_schema, of_reader);
        assert_eq!(schema["additionalProperties"], false);
    };
    let package = &schema["properties"]["packages"]["items"];
    same(&FILE, &schema);
    same(&PACKAGE, package);
    same(
        &ARTIFACT,
        &package["properties"]["artifacts"]["items"]["anyOf"][1],
    );
    same(
        &ENVIRONMENT,
        &schema["properties"]["environments"]["additionalProperties"],
    );
}

#[test]
fn the_example_is_read_and_satisfies_the_schema() {
    let directory = root().join("ci-examples");
    let project = read(&directory, Path::new("flowship.yaml")).unwrap();
    assert_eq!(breach(&directory.join("flowship.yaml")), None);
    let hosts: Vec<_> = project
        .environments
        .values()
        .map(|one| one.host.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(
        hosts
            .iter()
            .filter(|host| host.starts_with("shared"))
            .count(),
        3
    );
    assert_eq!(
        hosts.iter().filter(|host| host.starts_with("prod")).count(),
        1
    );
    let ids: BTreeSet<String> = project
        .environments
        .values()
        .map(|one| one.id.apply("X"))
        .collect();
    assert_eq!(ids.len(), 4, "stages on one tenant have ids of their own");
    let artifact = &project.packages[0].artifacts[0];
    let manifest =
        fs::read_to_string(directory.join(&artifact.path).join("META-INF/MANIFEST.MF")).unwrap();
    let id = "flowship.example.HelloTimer";
    assert!(manifest.contains(id));
    for environment in project.environments.values() {
        assert!(project.refuse_unknown_artifacts(environment, &[id]).is_ok());
        let target = Target {
            id,
            path: &artifact.path,
            settings: Some(artifact),
        };
        let variables = Environment::default().with("QA_GREETING", "Hi");
        project
            .parameters(target, Some(environment), &variables, &Redactor::new())
            .unwrap();
    }
}

/// Why a file does not satisfy the schema.
fn breach(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    violation(&yaml::parse(&text).unwrap(), &schema(), "")
}

/// The part of JSON schema that ours uses, over YAML.
fn violation(node: &Node, schema: &Json, at: &str) -> Option<String> {
    if let Some(any) = schema.get("anyOf") {
        let all: Option<Vec<String>> = any
            .as_array()
            .unwrap()
            .iter()
            .map(|one| violation(node, one, at))
            .collect();
        return all.map(|all| all.join(" and "));
    }
    let json = scalar_of(node);
    if let Some(words) = schema.get("enum") {
        let known = words.as_array().unwrap().contains(&json);
        return (!known).then(|| format!("{at}: {json} is none of {words}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Json::Array(all) => all.iter().map(|one| one.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let found = match &node.value {
        Value::Nothing => "null",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        Value::Scalar { .. } if json.is_boolean() => "boolean",
        Value::Scalar { .. } if json.is_number() => "number",
        Value::Scalar { .. } => "string",
    };
    if !types.contains(&found) {
        return Some(format!("{at}: {found} is none of {types:?}"));
    }
    match &node.value {
        Value::Scalar { text, .. } => {
            let pattern = schema.get("pattern")?.as_str().unwrap();
            (found == "string" && !matches(pattern, text))
                .then(|| format!("{at}: {text} does not match {pattern}"))
        }
        Value::List(nodes) if nodes.is_empty() && schema["minItems"] == 1 => {
            Some(format!("{at}: empty"))
        }
        Value::List(nodes) => nodes
            .iter()
            .find_map(|node| violation(node, &schema["items"], &format!("{at}[]"))),
        Value::Map(entries) => {
            let missing = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|key| !entries.iter().any(|entry| key.as_str() == Some(&entry.key)));
            if let Some(missing) = missing {
                return Some(format!("{at}: without {missing}"));
            }
            entries.iter().find_map(|entry| {
                let at = format!("{at}.{}", entry.key);
                if let Some(inner) = schema["properties"].get(&entry.key) {
                    return violation(&entry.value, inner, &at);
                }
                if schema["additionalProperties"] == false {
                    return Some(format!("{at}: unknown"));
                }
                let pattern = schema["propertyNames"]["pattern"].as_str().unwrap();
                if !matches(pattern, &entry.key) {
                    return Some(format!("{at}: does not match {pattern}"));
                }
                violation(&entry.value, &schema["additionalProperties"], &at)
            })
        }
        Value::Nothing => None,
    }
}

/// A scalar as editors see it. Quotes are not known any more here, which makes this only stricter for `1`, `true`.
fn scalar_of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar {
            truth: Some(truth), ..
        } => Json::from(*truth),
        Value::Scalar { text, .. } => text
            .parse::<i64>()
            .map_or_else(|_| Json::from(text.as_str()), Json::from),
        _ => Json::Null,
    }
}

/// Whether a text matches one of our patterns. The patterns are compared with the forms below.
fn matches(pattern: &str, text: &str) -> bool {
    let form = FORMS
        .iter()
        .find(|form| form.pattern() == pattern && **form != Form::Host);
    form.unwrap_or_else(|| panic!("{pattern} is no pattern of a form"))
        .accepts(text)
}

#[test]
fn every_file_of_these_tests_that_is_read_satisfies_the_schema() {
    for text in [
        ALL_KEYS,
        &with_value("${env:A}"),
        &artifacts("  - a\n  - {path: b, deploy: never}"),
        "environments: {a: , b: {}}",
    ] {
        good(text);
        assert_eq!(
            violation(&yaml::parse(text).unwrap(), &schema(), ""),
            None,
            "{text}"
        );
    }
    for text in [
        "pakages: 1",
        "packages: []",
        "packages:\n- id: P",
        &artifacts("  - /a"),
        &environment("    deploy: sometimes"),
    ] {
        assert!(
            violation(&yaml::parse(text).unwrap(), &schema(), "").is_some(),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn what_matches_the_pattern_of_a_form_has_the_form(text in (0..FORMS.len()).prop_flat_map(|at| {
        (Just(at), proptest::string::string_regex(FORMS[at].pattern().trim_start_matches('^').trim_end_matches('$')).unwrap())
    })) {
        let (form, text) = (FORMS[text.0], text.1);
        // a host is more than its pattern says: editors do not parse addresses. To them a byte order mark is a blank
        prop_assume!(!text.contains('\u{feff}'));
        prop_assert!(form == Form::Host || form.accepts(&text), "{form:?} {text:?}");
    }
}
