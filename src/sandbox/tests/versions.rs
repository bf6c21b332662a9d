//! Which version an artifact has after a write.

use super::*;

#[test]
fn versions_follow_the_chosen_policy() {
    let cases = [
        ("raise", "1.0.3", "1.0.3"),
        ("manifest", "1.0.3", "1.0.1"),
        ("keep", "1.0.3", "1.0.3"),
        ("create-1.0.0", "1.0.0", "1.0.0"),
    ];
    for (policy, created, updated) in cases {
        let client = Client::quiet(&[&format!("version-policy={policy}")]);
        assert_eq!(
            client.create(FLOWS, "Flow", &flow()).json()["d"]["Version"],
            created,
            "{policy}"
        );
        client.update(&content("Flow", "1.0.1", "IntegrationFlow", ""));
        assert_eq!(
            client.sandbox.design("Flow").unwrap().version,
            updated,
            "{policy}"
        );
    }
}

#[test]
fn save_as_version_is_empty_and_takes_what_it_is_chosen_to_take() {
    let save = |client: &Client, version: &str| {
        let path = "IntegrationDesigntimeArtifactSaveAsVersion?Id='Flow'&SaveAsVersion=";
        let reply = client.api("POST", &format!("{path}'{version}'"), &Value::Null);
        (reply.status, client.sandbox.design("Flow").unwrap().version)
    };
    let cases = [
        ("latency=0", 200, "1.0.2"),
        ("save-as-version", 400, "1.0.3"),
        ("save-as-version=refused-500", 500, "1.0.3"),
        ("save-as-version=ignored", 200, "1.0.3"),
        ("save-as-version@Other", 200, "1.0.2"),
    ];
    for (scenario, status, version) in cases {
        let client = Client::with_flow(&[scenario]);
        assert_eq!(
            save(&client, "1.0.2"),
            (status, version.to_owned()),
            "{scenario}"
        );
        assert_eq!(
            save(&client, "1.0.10"),
            (200, "1.0.10".to_owned()),
            "{scenario}"
        );
    }
    let client = Client::with_flow(&["save-as-version"]);
    assert_eq!(save(&client, "1.0.3").0, 400, "an equal one is not higher");
    let reply = client.api(
        "POST",
        "IntegrationDesigntimeArtifactSaveAsVersion?Id='Flow'&SaveAsVersion='1.0.4'",
        &Value::Null,
    );
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(
        save(&Client::with_flow(&["no-save-as-version"]), "2.0.0").0,
        200
    );
    assert_eq!(
        save(&Client::with_flow(&["no-save-as-version=all"]), "2.0.0").0,
        501
    );
}

#[test]
fn only_flows_may_have_save_as_version() {
    let client = Client::quiet(&["no-save-as-version"]);
    all_types(&client);
    for kind in ["ValueMapping", "MessageMapping", "ScriptCollection"] {
        let path =
            format!("{kind}DesigntimeArtifactSaveAsVersion?Id='{kind}1'&SaveAsVersion='2.0.0'");
        assert_eq!(
            client.api("POST", &path, &Value::Null).status,
            501,
            "{kind}"
        );
    }
}
