//! Error texts in the shapes that clients have seen: nested instances, JSON inside JSON, one message, plain text.

use serde_json::json;

/// Shape A: messages with placeholders, the cause in the children.
pub fn nested_instances(id: &str, cause: &str) -> String {
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

/// Shape B: the first parameter is itself JSON, with the cause in the deepest child.
pub fn json_in_json(id: &str, cause: &str) -> String {
    let inner = json!({
        "message": "Artifact {0} could not be started",
        "parameters": [id],
        "childMessageInstances": [{
            "message": "Caused by: {0}",
            "parameters": [cause],
            "childMessageInstances": []
        }]
    });
    json!({
        "message": {"subsystemName": "CONTENT", "subsytemPartName": "CONTENT_DEPLOY", "messageId": "StartFailed", "messageText": "{0}"},
        "parameter": [inner.to_string()],
        "childInstances": []
    })
    .to_string()
}

/// Shape C: one message.
pub fn one_message(cause: &str) -> String {
    json!({"message": format!("java.lang.IllegalStateException: {cause}")}).to_string()
}

/// What a failed build leaves behind where nothing ran before.
pub fn generation_failed(id: &str, cause: &str) -> String {
    json!({
        "message": {
            "subsystemName": "CONTENT",
            "subsytemPartName": "CONTENT_DEPLOY",
            "messageId": "GenerationFailed",
            "messageText": "Generation of the artifact '{0}' failed: {1}"
        },
        "parameter": [id, cause],
        "childInstances": []
    })
    .to_string()
}

/// The error information of a flow that does not start.
pub fn start_error(shape: &str, id: &str, cause: &str) -> String {
    match shape {
        "b" => json_in_json(id, cause),
        "c" => one_message(cause),
        "text" => format!("{cause}\n"),
        _ => nested_instances(id, cause),
    }
}
