//! The schema, against the table, the file in the repository and the example.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use super::super::file::{
    ArtifactEntry, EnvironmentName, FilePath, Filled, HostName, Id, ParameterKey, PathOrArtifact,
    Prefix, SettingsFormat, Text, TextForm, Value, Version, Words,
};
use super::*;
use crate::settings::yaml::{Entries, Optional, Placed};

/// A form as a regular expression of JSON schemas. What the reader takes matches it.
trait Pattern: TextForm {
    const PATTERN: &'static str;
}

impl Pattern for Version {
    const PATTERN: &'static str = "^1$";
}

impl Pattern for Words {
    const PATTERN: &'static str = r"^[^\r\n]+$";
}

impl Pattern for Id {
    const PATTERN: &'static str = r"^[^\s]+$";
}

impl Pattern for EnvironmentName {
    const PATTERN: &'static str = "^[A-Za-z0-9_-]+$";
}

impl Pattern for Prefix {
    const PATTERN: &'static str = "^[A-Za-z_][A-Za-z0-9_]*$";
}

impl Pattern for FilePath {
    const PATTERN: &'static str = r"^[^/\\~:\r\n][^\\:\r\n]*$";
}

impl Pattern for HostName {
    const PATTERN: &'static str = r"^[^\s]+$";
}

impl Pattern for ParameterKey {
    const PATTERN: &'static str = r"^[\s\S]+$";
}

impl Pattern for Value {
    const PATTERN: &'static str = r"^[\s\S]*$";
}

/// A type that is written in place.
macro_rules! inline {
    (<$($parameter:ident: $bound:ident),*> $type:ty, $generator:ident => $schema:expr) => {
        impl<$($parameter: $bound),*> JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline!(<T: JsonSchema> Placed<T>, generator => T::json_schema(generator));
inline!(<T: JsonSchema> Optional<T>, generator => T::json_schema(generator));
inline!(<T: JsonSchema> Filled<T>, generator => json_schema!({
    "type": "array",
    "minItems": 1,
    "items": T::json_schema(generator),
}));
inline!(<K: Pattern, V: JsonSchema> Entries<Text<K>, V>, generator => json_schema!({
    "type": ["object", "null"],
    "propertyNames": {"pattern": K::PATTERN},
    "additionalProperties": generator.subschema_for::<V>(),
}));
// numbers and truth values are taken as they were written; a pattern holds for texts only
inline!(<F: Pattern> Text<F>, _generator => if F::PATTERN == Version::PATTERN {
    json_schema!({"enum": [1, "1"]})
} else {
    json_schema!({"type": ["string", "number", "boolean"], "pattern": F::PATTERN})
});
inline!(<> PathOrArtifact, generator => json_schema!({
    "anyOf": [
        {"type": "string", "pattern": FilePath::PATTERN},
        ArtifactEntry::json_schema(generator),
    ],
}));

/// The JSON schema (draft 7) of `flowship.yaml`, for editors. Some errors (a value of a variable, an id that stands twice) it
/// cannot see.
fn schema() -> Json {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let settings = settings.with_transform(RecursiveTransform(|schema: &mut Schema| {
        if let Some(Json::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
    }));
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<SettingsFormat>();
    schema.insert("title".into(), json!("flowship.yaml"));
    schema.to_value()
}

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

/// So that no key is in the schema without a test that reads it.
#[test]
fn the_file_with_every_key_has_every_key_of_the_schema() {
    fn keys(schema: &Json, found: &mut BTreeSet<String>) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        found.extend(properties.map(|(key, _)| key.clone()));
        match schema {
            Json::Object(inner) => inner.values().for_each(|one| keys(one, found)),
            Json::Array(inner) => inner.iter().for_each(|one| keys(one, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    keys(&schema(), &mut found);
    assert!(found.len() > 15, "{found:?}");
    let written = |key: &&String| {
        ALL_KEYS.contains(&format!(" {key}:")) || ALL_KEYS.contains(&format!("\n{key}:"))
    };
    let missing: Vec<&String> = found
        .iter()
        .filter(|key| !written(key) && *key != "version")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_example_is_read_and_satisfies_the_schema() {
    let directory = root().join("ci-examples");
    let project = read(&directory, Path::new("flowship.yaml")).unwrap();
    assert_eq!(breach(&directory.join("flowship.yaml")), None);
    let hosts: Vec<_> = project
        .environments
        .values()
        .map(|one| one.host.as_deref().unwrap())
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
        .map(|one| one.names.id.apply("X"))
        .collect();
    assert_eq!(ids.len(), 4, "stages on one tenant have ids of their own");
    let artifact = &project.packages[0].artifacts[0];
    let manifest =
        fs::read_to_string(directory.join(&artifact.path).join("META-INF/MANIFEST.MF")).unwrap();
    let id = "flowship.example.HelloTimer";
    assert!(manifest.contains(id));
    for environment in project.environments.values() {
        assert!(project.refuse_unknown_artifacts(environment, &[id]).is_ok());
        let target = ParameterTarget {
            id,
            path: &artifact.path,
            settings: Some(artifact),
        };
        let variables = Environment::default().with("QA_GREETING", "Hi");
        project
            .parameters(target, environment, &variables, &Redactor::new())
            .unwrap();
    }
}

/// Why a file does not satisfy the schema.
fn breach(path: &Path) -> Option<String> {
    violation_of(&fs::read_to_string(path).unwrap())
}

fn violation_of(text: &str) -> Option<String> {
    violation(&serde_yaml::from_str(text).unwrap(), &schema(), "")
}

/// The part of JSON schema that ours uses.
fn violation(json: &Json, schema: &Json, at: &str) -> Option<String> {
    if let Some(any) = schema.get("anyOf").or(schema.get("oneOf")) {
        let any = any.as_array().unwrap().iter();
        let all: Option<Vec<String>> = any.map(|one| violation(json, one, at)).collect();
        return all.map(|all| all.join(" and "));
    }
    if let Some(word) = schema.get("const") {
        return (word != json).then(|| format!("{at}: {json} is not {word}"));
    }
    if let Some(words) = schema.get("enum") {
        let known = words.as_array().unwrap().contains(json);
        return (!known).then(|| format!("{at}: {json} is none of {words}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Json::Array(all) => all.iter().map(|one| one.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    };
    let found = match json {
        Json::Null => "null",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
    };
    if !types.contains(&found) {
        return Some(format!("{at}: {found} is none of {types:?}"));
    }
    match json {
        Json::String(text) => {
            let pattern = schema.get("pattern")?.as_str().unwrap();
            (!matches(pattern, text)).then(|| format!("{at}: {text} does not match {pattern}"))
        }
        Json::Array(list) if list.is_empty() && schema["minItems"] == 1 => {
            Some(format!("{at}: empty"))
        }
        Json::Array(list) => list
            .iter()
            .find_map(|one| violation(one, &schema["items"], &format!("{at}[]"))),
        Json::Object(entries) => {
            let required = schema["required"].as_array().into_iter().flatten();
            let missing = |key: &&Json| !entries.contains_key(key.as_str().unwrap());
            if let Some(missing) = required.clone().find(missing) {
                return Some(format!("{at}: without {missing}"));
            }
            entries.iter().find_map(|(key, value)| {
                let at = format!("{at}.{key}");
                if let Some(inner) = schema["properties"].get(key) {
                    return violation(value, inner, &at);
                }
                if schema["additionalProperties"] == false {
                    return Some(format!("{at}: unknown"));
                }
                let pattern = schema["propertyNames"]["pattern"].as_str().unwrap();
                if !matches(pattern, key) {
                    return Some(format!("{at}: does not match {pattern}"));
                }
                violation(value, &schema["additionalProperties"], &at)
            })
        }
        _ => None,
    }
}

type AcceptedBy = (&'static str, fn(&str) -> bool);

/// The patterns, each with what takes texts of its form.
const FORMS: [AcceptedBy; 7] = [
    (Words::PATTERN, Words::RULE.accepts),
    (Id::PATTERN, Id::RULE.accepts),
    (EnvironmentName::PATTERN, EnvironmentName::RULE.accepts),
    (Prefix::PATTERN, Prefix::RULE.accepts),
    (FilePath::PATTERN, FilePath::RULE.accepts),
    (ParameterKey::PATTERN, ParameterKey::RULE.accepts),
    (Value::PATTERN, Value::RULE.accepts),
];

/// Whether a text matches one of our patterns. The patterns are compared with the forms below.
fn matches(pattern: &str, text: &str) -> bool {
    let form = FORMS.iter().find(|form| form.0 == pattern);
    let (_, accepts) = form.unwrap_or_else(|| panic!("{pattern} is no pattern of a form"));
    accepts(text)
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
        assert_eq!(violation_of(text), None, "{text}");
    }
    for text in [
        "pakages: 1",
        "packages: []",
        "packages:\n- id: P",
        &artifacts("  - /a"),
        &environment("    deploy: sometimes"),
    ] {
        assert!(violation_of(text).is_some(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_matches_the_pattern_of_a_form_has_the_form((at, text) in (0..FORMS.len()).prop_flat_map(|at| {
        let pattern = FORMS[at].0.trim_start_matches('^').trim_end_matches('$');
        (Just(at), proptest::string::string_regex(pattern).unwrap())
    })) {
        // to editors a byte order mark is a blank
        prop_assume!(!text.contains('\u{feff}'));
        prop_assert!(FORMS[at].1(&text), "{} {text:?}", FORMS[at].0);
    }
}
