//! `ErrorInformation`: why a deployment failed, in all the shapes that tenants write it.
//!
//! The cause sits in the deepest child; placeholders `{0}` are filled from the parameters beside them; a parameter
//! may itself be a JSON text of the same kind, which the tenant may have cut, or several lines, the last of which is the cause.
//! (cpi-api.md §16.2)

use serde_json::{Map, Value};

/// How deep shapes are followed.
const DEEPEST: usize = 32;
/// How many messages are looked at: a hostile body holds any number.
const MOST_READ: usize = 200;
/// How many messages are kept.
const MOST: usize = 20;
/// How much of a body is read as JSON, in bytes; of a longer one its beginning is shown.
const LARGEST: usize = 512 * 1024;
/// How much is kept of one message, and of what is filled into it, in bytes.
const LONGEST: usize = 8 * 1024;
/// How many parameters or children of one message are looked at.
const MOST_LISTED: usize = 500;
/// How many lines of one text are causes of their own.
const MOST_LINES: usize = 10;
/// In how many places a cut document is tried to be closed.
const MOST_CUTS: usize = 50;

/// The messages of an error information body, deepest cause first, without repetitions; the raw text when it
/// has no known shape; nothing for an empty body.
pub fn causes(body: &str) -> Vec<String> {
    let body = body.trim_start_matches('\u{feff}').trim();
    if body.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    if body.len() <= LARGEST
        && let Some(value) = json(body)
    {
        collect(&value, 0, &mut found);
    }
    if found.is_empty() && body.len() > 2 {
        found.push((0, cut(body).to_owned()));
    }
    deepest_first(found)
}

fn deepest_first(mut found: Vec<(usize, String)>) -> Vec<String> {
    found.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    let mut causes: Vec<String> = Vec::new();
    for (_, text) in found {
        if !causes.contains(&text) && causes.len() < MOST {
            causes.push(text);
        }
    }
    causes
}

fn collect(value: &Value, depth: usize, found: &mut Vec<(usize, String)>) {
    if depth > DEEPEST || found.len() >= MOST_READ {
        return;
    }
    match value {
        Value::String(text) => collect_text(text, depth, found),
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth, found)),
        Value::Object(fields) => collect_instance(fields, depth, found),
        _ => {}
    }
}

/// A JSON text, also one that the tenant has cut.
fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| uncut(text))
}

/// What can be read of a JSON text that is cut: up to its last whole values, with what is open closed.
fn uncut(text: &str) -> Option<Value> {
    let text = text.trim_end().strip_suffix("[truncated]").unwrap_or(text);
    let text = text.trim_end().trim_end_matches('.');
    let mut open = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    // where something could end, with what would have to be closed there
    let mut ends = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => drop(open.pop()),
            ',' => ends.push((at, open.clone())),
            _ => {}
        }
        if open.len() > DEEPEST {
            return None;
        }
    }
    let closed = |(text, quote, open): (&str, &str, &[char])| {
        let close: String = open.iter().rev().collect();
        serde_json::from_str(&format!("{text}{quote}{close}")).ok()
    };
    let quote = if in_string { "\"" } else { "" };
    let whole = closed((text, quote, &open));
    let before = || {
        ends.iter()
            .rev()
            .take(MOST_CUTS)
            .find_map(|(at, open)| closed((&text[..*at], "", open)))
    };
    whole.or_else(before)
}

/// A text is a message, unless it is JSON of its own. Of several lines the last is the deepest, but for the lines of a stack
/// trace.
fn collect_text(text: &str, depth: usize, found: &mut Vec<(usize, String)>) {
    let text = text.trim();
    if is_nested(text)
        && let Some(inner) = json(text)
    {
        collect(&inner, depth + 1, found);
        return;
    }
    let lines: Vec<&str> = cut(text)
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let is_trace = |line: &&str| {
        line.starts_with([' ', '\t']) || line.starts_with("at ") || line.starts_with("Caused by")
    };
    if lines.len() > MOST_LINES || lines.iter().any(is_trace) {
        found.push((depth, cut(text).to_owned()));
    } else {
        let deeper = lines.iter().enumerate();
        found.extend(deeper.map(|(number, line)| (depth + number, (*line).trim().to_owned())));
    }
}

/// Whether a text may be JSON of its own. `[CONTENT][...]` is a label.
fn is_nested(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('{')
        || (text.starts_with('[') && text[1..].trim_start().starts_with(['{', '[', '"', ']']))
}

/// One message instance: its message, then what hangs below it.
fn collect_instance(fields: &Map<String, Value>, depth: usize, found: &mut Vec<(usize, String)>) {
    let mut parameters = list(fields, &["parameter", "parameters"]);
    if let Some(Value::Object(message)) = fields.get("message") {
        parameters.extend(list(message, &["parameter", "parameters"]));
    }
    let before = found.len();
    if let Some(message) = message_of(fields, &parameters) {
        collect_text(&message, depth, found);
    }
    let said = found.len() > before;
    for parameter in &parameters {
        collect_parameter(parameter, depth, said, found);
    }
    for child in list(
        fields,
        &[
            "childInstances",
            "childMessageInstances",
            "children",
            "cause",
            "causes",
            "error",
            "errors",
        ],
    ) {
        collect(child, depth + 1, found);
    }
}

/// A parameter that is JSON leads deeper; a plain one speaks only where no message used it.
fn collect_parameter(
    parameter: &Value,
    depth: usize,
    said: bool,
    found: &mut Vec<(usize, String)>,
) {
    let nested = match parameter {
        Value::String(text) => is_nested(text),
        Value::Object(_) | Value::Array(_) => true,
        _ => false,
    };
    if nested || !said {
        collect(parameter, depth + usize::from(nested), found);
    } else if let Value::String(text) = parameter
        && !found.iter().any(|(_, known)| known.contains(text.trim()))
    {
        collect_text(text, depth, found);
    }
}

fn list<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Vec<&'a Value> {
    names
        .iter()
        .filter_map(|name| fields.get(*name))
        .flat_map(|value| match value {
            Value::Array(items) => items.iter().collect(),
            Value::Null => Vec::new(),
            one => vec![one],
        })
        .take(MOST_LISTED)
        .collect()
}

/// `[CONTENT][CONTENT_DEPLOY][GenerationFailed]: text`, or the text alone.
fn message_of(fields: &Map<String, Value>, parameters: &[&Value]) -> Option<String> {
    let (head, label) = match fields.get("message") {
        Some(Value::String(message)) => (Some(message.as_str()), String::new()),
        inner => {
            let body = inner.and_then(Value::as_object).unwrap_or(fields);
            let text = |name| body.get(name).and_then(Value::as_str);
            (text("messageText").or_else(|| text("value")), label(body))
        }
    };
    let filled = head.map(|head| fill(head, parameters));
    let filled = filled.filter(|head| !head.trim().is_empty());
    match (label.is_empty(), filled) {
        (true, filled) => filled,
        (false, Some(filled)) => Some(format!("{label}: {filled}")),
        (false, None) => Some(label),
    }
}

/// The subsystem, part (SAP spells it `subsytemPartName`) and message id in brackets.
fn label(message: &Map<String, Value>) -> String {
    [
        "subsystemName",
        "subsytemPartName",
        "subsystemPartName",
        "messageId",
    ]
    .iter()
    .filter_map(|name| message.get(*name).and_then(Value::as_str))
    .filter(|text| !text.is_empty())
    .map(|text| format!("[{text}]"))
    .collect()
}

/// Puts the parameters into the places `{0}`, `{1}` of a text, from left to right; as much as a message may have.
fn fill(text: &str, parameters: &[&Value]) -> String {
    let mut filled = String::new();
    let mut rest = cut(text);
    while let Some((before, after, place)) = next_place(rest) {
        filled.push_str(before);
        match parameters.get(place).and_then(|value| plain(value)) {
            Some(value) => filled.push_str(cut(&value)),
            None => filled.push_str(&format!("{{{place}}}")),
        }
        rest = after;
        if filled.len() > LONGEST {
            break;
        }
    }
    filled.push_str(rest);
    cut(&filled).to_owned()
}

/// The first `{number}` of a text: what stands before it, what behind it, and the number.
fn next_place(text: &str) -> Option<(&str, &str, usize)> {
    text.match_indices('{').find_map(|(open, _)| {
        let inner = &text[open + 1..];
        let digits = inner.bytes().take(4).take_while(u8::is_ascii_digit).count();
        let place = inner[..digits].parse().ok()?;
        let after = inner[digits..].strip_prefix('}')?;
        Some((&text[..open], after, place))
    })
}

/// A parameter that is no message of its own.
fn plain(parameter: &Value) -> Option<String> {
    match parameter {
        Value::String(value) if !is_nested(value) => Some(value.clone()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether these causes are those of a failed build: some tenants show them with a record in ERROR. (cpi-api.md §16.2)
pub fn is_of_the_build(causes: &[String]) -> bool {
    causes
        .iter()
        .any(|cause| cause.contains("GenerationFailed"))
}

/// Whether these causes name a fault that passes: the build service did not answer, or the start took too long on a busy
/// tenant (users of trial tenants and busy ones report both).
pub fn passes(causes: &[String]) -> bool {
    let all = causes.join(" ").to_lowercase();
    let has = |text: &str| all.contains(text);
    let silent = has("not receive") || has("no response") || has("not respond");
    has("timeout_start") || (has("build service") && silent)
}

/// The end of an advice for something that is missing on the tenant.
pub const THEN: &str = "then `flowship redeploy` the flow";

/// What helps against the failures that users meet most; some of it ends with [`THEN`].
pub fn remedy(causes: &[String]) -> Option<String> {
    let all = causes.join(" ").to_lowercase();
    let hint = if all.contains("credential") {
        "create the user credential or OAuth credential with this name under Monitor > Manage Security Material, or set the parameter that names it; then `flowship redeploy` the flow"
    } else if all.contains("alias") || all.contains("keystore") || all.contains("private key") {
        "add the key pair or certificate under Monitor > Manage Keystore, or set the parameter that names its alias; then `flowship redeploy` the flow"
    } else if all.contains("scriptcollection")
        || all.contains("script collection")
        || all.contains("messagemapping")
        || all.contains("unresolved requirement")
    {
        "deploy the script collection or mapping that the flow refers to first"
    } else if passes(causes) {
        "the tenant's build service did not answer; deploying once more usually helps"
    } else if all.contains("already")
        && (all.contains("address") || all.contains("endpoint") || all.contains("registered"))
    {
        "another deployed flow uses the same endpoint address: change the address, or undeploy the other flow"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_faults_pass() {
        for (text, expected) in [
            (
                "[CONTENT][CONTENT_DEPLOY][GenerationFailed]: Did not receive response from Generation and build service",
                true,
            ),
            (
                "the build of the new content failed (task status TIMEOUT_START)",
                true,
            ),
            (
                "[CONTENT][CONTENT_DEPLOY][GenerationFailed]: Validation of the artifact failed",
                false,
            ),
            ("No credentials for 'smtp' found", false),
            ("the receiver gave no response", false),
            ("", false),
        ] {
            assert_eq!(passes(&[text.to_owned()]), expected, "{text}");
        }
    }

    #[test]
    fn every_known_shape_gives_its_deepest_cause_first() {
        let nested = r#"{"message":{"subsystemName":"CONTENT","subsytemPartName":"CONTENT_DEPLOY","messageId":"GenerationFailed","messageText":"Deploy of {0} failed"},"parameter":["X"],"childInstances":[{"message":{"messageText":"Bundle failed"},"parameter":[],"childInstances":[{"message":{"messageText":"No credentials for '{0}'"},"parameter":["smtp"],"childInstances":[]}]}]}"#;
        assert_eq!(
            causes(nested),
            [
                "No credentials for 'smtp'",
                "Bundle failed",
                "[CONTENT][CONTENT_DEPLOY][GenerationFailed]: Deploy of X failed"
            ]
        );
        let text_in_text = r#"{"message":{"subsystemName":"CONTENT","messageId":"Failed"},"parameter":["{\"message\":\"outer\",\"parameters\":[],\"childMessageInstances\":[{\"message\":\"inner {0}\",\"parameters\":[\"cause\"]}]}"],"childInstances":[]}"#;
        assert_eq!(
            causes(text_in_text),
            ["inner cause", "outer", "[CONTENT][Failed]"]
        );
        assert_eq!(
            causes(r#"{"message":"java.lang.IllegalStateException: No credentials"}"#),
            ["java.lang.IllegalStateException: No credentials"]
        );
        assert_eq!(causes("plain words"), ["plain words"]);
        assert_eq!(
            causes(r#"{"parameter":["only a parameter"]}"#),
            ["only a parameter"]
        );
    }

    #[test]
    fn of_several_lines_the_last_is_the_cause() {
        let build = r#"{"message":{"subsystemName":"CONTENT","messageId":"GenerationFailed","messageText":""},"parameter":["Did not go well\nGeneration and build failed for X\nScript file 'x.groovy' not found"]}"#;
        assert_eq!(
            causes(build),
            [
                "Script file 'x.groovy' not found",
                "Generation and build failed for X",
                "[CONTENT][GenerationFailed]",
                "Did not go well",
            ]
        );
        assert!(is_of_the_build(&causes(build)));
        let trace = "java.lang.Error: no\n\tat a.B(C.java:1)\nCaused by: d";
        assert_eq!(causes(trace), [trace]);
    }

    #[test]
    fn what_a_tenant_has_cut_is_read_as_far_as_it_goes() {
        let whole = r#"{"message":"outer {0}","parameters":["a, \"b\""],"childMessageInstances":[{"message":"inner","parameters":["p"]}]}"#;
        for (length, expected) in [
            (whole.len() - 1, &["inner", "p", "outer a, \"b\""][..]),
            (96, &["inner", "outer a, \"b\""]),
            (89, &["inn", "outer a, \"b\""]),
            (55, &["outer a, \"b\""]),
            (30, &["outer {0}"]),
            (16, &["oute"]),
        ] {
            for end in ["", "...", "... [truncated]"] {
                let text = format!("{}{end}", &whole[..length]);
                assert_eq!(causes(&text), expected, "{text}");
                let inside =
                    serde_json::json!({"message": {"messageText": ""}, "parameter": [text]});
                assert_eq!(causes(&inside.to_string()), expected, "{inside}");
            }
        }
        assert_eq!(causes("[CONTENT][X]: words"), ["[CONTENT][X]: words"]);
    }

    #[test]
    fn nothing_useful_is_no_cause_and_odd_shapes_do_not_panic() {
        for body in ["", "  ", "{}", "[]"] {
            assert_eq!(causes(body), Vec::<String>::new(), "{body:?}");
        }
        assert_eq!(
            causes(r#"{"unknown":{"deep":1}}"#),
            [r#"{"unknown":{"deep":1}}"#]
        );
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(causes(&deep).len(), 1);
        assert_eq!(
            causes(
                r#"{"message":{"messageText":"kept"},"parameter":[null,{"a":1}],"childInstances":null}"#
            ),
            ["kept"]
        );
    }

    #[test]
    fn a_body_that_is_made_to_grow_does_not() {
        let long = "x".repeat(100_000);
        let places = "{0}".repeat(30_000);
        for body in [
            serde_json::json!({"message": {"messageText": places}, "parameter": [long]}),
            serde_json::json!({"message": {"messageText": "{0}{1}"}, "parameter": ["{1}{0}", "{0}"]}),
            serde_json::json!({"message": "m", "parameter": vec!["same"; 100_000]}),
            serde_json::json!({"childInstances": vec![serde_json::json!({"message": places}); 5]}),
        ] {
            let found = causes(&body.to_string());
            let size: usize = found.iter().map(String::len).sum();
            assert!(!found.is_empty() && size < 200_000, "{size}");
        }
        let huge = format!("{{\"message\":\"{}\"}}", "y".repeat(2 * LARGEST));
        assert_eq!(causes(&huge), [cut(&huge)]);
    }

    #[test]
    fn parameters_go_into_their_places_and_are_not_looked_into() {
        let values = [Value::from("a{1}"), Value::from("b"), Value::from(7)];
        let values: Vec<&Value> = values.iter().collect();
        for (text, expected) in [
            ("{0} {1} {2}", "a{1} b 7"),
            ("{9} {x} {} {12345} {", "{9} {x} {} {12345} {"),
            ("{{0}}", "{a{1}}"),
            ("none", "none"),
        ] {
            assert_eq!(fill(text, &values), expected);
        }
    }
}
