//! The JSON schema of `flowship.yaml`, for editors.

use serde_json::{Map, Value, json};

use super::format::{FILE, Form, Kind, Table};

/// The JSON schema (draft 7) of `flowship.yaml`: made from the table by which the file is read. It takes every file that is
/// read without an error; some errors (a value of a variable, an id that stands twice) it cannot see.
#[must_use]
pub fn schema() -> Value {
    let mut schema = table(&FILE);
    schema.insert(
        "$schema".into(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("title".into(), json!("flowship.yaml"));
    Value::Object(schema)
}

fn table(table: &Table) -> Map<String, Value> {
    let properties: Map<String, Value> = table
        .keys
        .iter()
        .map(|key| {
            let mut schema = kind(&key.kind);
            schema.insert("description".into(), json!(key.says));
            (key.name.to_owned(), Value::Object(schema))
        })
        .collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = object(json!({
        "description": table.says,
        "properties": properties,
        "additionalProperties": false,
    }));
    // a key with nothing below it counts as an empty mapping
    if required.is_empty() {
        schema.insert("type".into(), json!(["object", "null"]));
    } else {
        schema.insert("type".into(), json!("object"));
        schema.insert("required".into(), json!(required));
    }
    schema
}

fn kind(kind: &Kind) -> Map<String, Value> {
    match kind {
        Kind::Version => object(json!({"enum": [1, "1"]})),
        Kind::Switch => object(json!({"type": "boolean"})),
        Kind::Choice(words) => object(json!({"enum": words})),
        Kind::Text(form) => text(*form),
        Kind::Parameter => object(json!({"type": ["string", "number", "boolean"]})),
        Kind::List(entries) => object(json!({
            "type": "array",
            "minItems": 1,
            "items": self::kind(entries),
        })),
        Kind::Table(inner) => table(inner),
        Kind::PathOr(inner) => object(json!({"anyOf": [text(Form::Path), table(inner)]})),
        Kind::Map { form, values, .. } => object(json!({
            "type": ["object", "null"],
            "propertyNames": {"pattern": form.pattern()},
            "additionalProperties": self::kind(values),
        })),
    }
}

/// Numbers and truth values are taken as they were written; a pattern holds for texts only.
fn text(form: Form) -> Map<String, Value> {
    object(json!({"type": ["string", "number", "boolean"], "pattern": form.pattern()}))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
