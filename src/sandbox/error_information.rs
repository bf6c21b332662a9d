//! Error texts in the shapes that clients have seen: nested instances, JSON inside JSON, one message, plain text.

use serde_json::json;

/// Shape A: messages with placeholders, the cause in the children.
fn nested_instances(id: &str, cause: &str) -> String {
    json!({
        "message": {
            "subsystemName": "CONTENT",
            // SAP's own misspelling
            "subsytemPartName": "CONTENT_DEPLOY",
            "messageId": "StartFailed",
            "messageText": "Start of the integration flow '{0}' failed."
        },
        "parameter": [id],
        "childInstances": [{
            "message": {
                "subsystemName": "IT",
                "subsytemPartName": "CAMEL",
                "messageId": "ContextStartFailed",
                "messageText": "Failed to create route: {0}"
            },
            "parameter": [cause],
            "childInstances": []
        }]
    })
    .to_string()
}

/// Shape B: the first parameter is itself JSON, with the cause in the deepest child and in the message.
fn json_in_json(id: &str, cause: &str, is_cut: bool) -> String {
    let mut inner = json!({
        "message": format!("Artifact {{0}} could not be started: {cause}"),
        "parameters": [id],
        "childMessageInstances": [{
            "message": "Caused by: {0}",
            "parameters": [cause],
            "childMessageInstances": []
        }]
    })
    .to_string();
    if is_cut {
        let at = inner.len() * 2 / 3;
        inner.truncate(
            (0..=at)
                .rev()
                .find(|at| inner.is_char_boundary(*at))
                .unwrap_or(0),
        );
        inner.push_str("... [truncated]");
    }
    recorded("InstanceError", &inner)
}

/// How tenants word what fails: no text, everything in one parameter.
fn recorded(message: &str, parameter: &str) -> String {
    json!({
        "message": {"subsystemName": "CONTENT", "subsytemPartName": "CONTENT_DEPLOY", "messageId": message, "messageText": ""},
        "parameter": [parameter]
    })
    .to_string()
}

/// What a failed build leaves behind where nothing ran before: a general sentence, which one it was, and the cause.
pub fn generation_failed(id: &str, cause: &str) -> String {
    let text = format!(
        "Deployment of the artifact failed\nGeneration and build failed for {id} as validation of resource is failed\n{cause}"
    );
    recorded("GenerationFailed", &text)
}

/// The shape that was recorded.
pub const USUAL: &str = "b";

/// The error information of a flow that does not start.
pub fn start_error(shape: &str, id: &str, cause: &str) -> String {
    match shape {
        "a" => nested_instances(id, cause),
        "c" => json!({"message": format!("java.lang.IllegalStateException: {cause}")}).to_string(),
        "text" => format!("{cause}\n"),
        shape => json_in_json(id, cause, shape == "truncated"),
    }
}
