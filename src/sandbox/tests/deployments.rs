//! Deploying, what runs, and undeploying.

use super::*;

/// Deploys the flow and gives the task's id.
fn deployed(scenarios: &[&str], fresh: bool) -> (Client, String) {
    let client = if fresh {
        Client::quiet(scenarios)
    } else {
        Client::with_flow(scenarios)
    };
    if fresh {
        assert_eq!(client.create(FLOWS, "Flow", &flow()).status, 201);
    }
    let reply = client.deploy();
    assert_eq!(reply.status, 202);
    let task = reply.text().trim_matches('"').to_owned();
    (client, task)
}

#[test]
fn deployments_take_their_course() {
    let usual = "DEPLOYING SUCCESS";
    let started = "404 STARTING STARTED";
    #[rustfmt::skip]
    let cases = [
        ("latency=0", true, usual, started),
        ("latency=0", false, usual, "STARTED STARTING STARTED"),
        ("slow-start=200", true, usual, "404 STARTING"),
        ("slow=200", true, "DEPLOYING", "404"),
        ("build-fail", true, "DEPLOYING FAIL", "404 ERROR"),
        ("build-fail=bare", true, "DEPLOYING FAIL", "404"),
        ("build-fail", false, "DEPLOYING FAIL", "STARTED"),
        ("license-error", true, "DEPLOYING FAIL_ON_LICENSE_ERROR", "404"),
        ("start-error", true, usual, "404 STARTING ERROR"),
        ("start-error@Other", true, usual, started),
        ("start-error#2", true, usual, started),
        ("start-error-in-place", false, usual, "STARTED ERROR"),
        ("flapping-error", true, usual, "404 STARTING ERROR STARTED"),
        ("never-appears", true, usual, "404"),
        ("never-appears@Other", true, usual, started),
        ("postponed-redeploy=200", false, usual, "STARTED"),
        ("stale-started", false, usual, "STARTED STARTING STARTED"),
        ("stale-error", false, usual, "ERROR STARTING STARTED"),
        ("unknown-status", true, "QUEUED DEPLOYING SUCCESS", "404 PROVISIONING STARTING STARTED"),
        ("unknown-status=forever", true, "QUEUED DEPLOYING SUCCESS", "404 PROVISIONING"),
        ("task-stuck", true, "DEPLOYING", "404"),
        ("task-stuck=running", true, "DEPLOYING", started),
        ("task-late", true, "404 SUCCESS", started),
    ];
    for (scenario, fresh, tasks, states) in cases {
        let (client, task) = deployed(&[scenario], fresh);
        let seen = client.foreseen(&task);
        assert_eq!(
            seen,
            (tasks.to_owned(), states.to_owned()),
            "{scenario} fresh {fresh}"
        );
        assert_eq!(client.sandbox.deployments("Flow"), 1);
    }
}

#[test]
fn a_deployment_is_seen_over_the_wire() {
    let (client, task) = deployed(&[], true);
    client.until(|| {
        client
            .runtime()
            .is_some_and(|(status, _)| status == "STARTED")
    });
    assert_eq!(client.task(&task), "SUCCESS");
    assert_eq!(client.task("no-such-task"), "404");
    for status in ["404", "405", "501"] {
        let (client, task) = deployed(&[&format!("no-task-api={status}")], true);
        assert_eq!(client.task(&task), status);
    }
    let quoted = Client::with_flow(&["quoted-task-id"]).deploy().text();
    assert!(quoted.starts_with('"') && quoted.ends_with('"'));
}

#[test]
fn a_redeployment_has_a_later_date_and_the_new_content() {
    let client = Client::start(&[], 2.0, vec![preloaded()]);
    let (_, before) = client.runtime().unwrap();
    let zip = content("Flow", "1.0.4", "IntegrationFlow", "host=n\n");
    client.update(&zip);
    client.deploy();
    assert_eq!(client.runtime().unwrap(), ("STARTED".to_owned(), before));
    client.until(|| client.runtime().is_some_and(|(_, date)| date > before));
    let running = client.sandbox.running("Flow").unwrap();
    assert_eq!((running.version.as_str(), running.zip), ("1.0.4", zip));
    assert_eq!(running.parameters["host"], "n");
}

#[test]
fn the_deploy_call_answers_by_type_and_scenario() {
    let client = Client::quiet(&["no-task-id@Silent"]);
    client.create(FLOWS, "Silent", &flow());
    let path = "DeployIntegrationDesigntimeArtifact?Id='Silent'&Version='active'";
    let reply = client.api("POST", path, &Value::Null);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(client.api("GET", path, &Value::Null).status, 501);
    for bad in ["Id=Silent&Version='active'", "Id='Silent'", ""] {
        let reply = client.api(
            "POST",
            &format!("DeployIntegrationDesigntimeArtifact?{bad}"),
            &Value::Null,
        );
        assert_eq!(reply.status, 400, "{bad}");
    }
    let missing = client.api(
        "POST",
        "DeployIntegrationDesigntimeArtifact?Id='No'&Version='active'",
        &Value::Null,
    );
    assert_eq!(missing.status, 404);
    for (kind, entity) in [
        ("MessageMapping", true),
        ("ValueMapping", true),
        ("ScriptCollection", false),
    ] {
        client.create(
            &format!("{kind}DesigntimeArtifacts"),
            kind,
            &content(kind, "1.0.0", kind, ""),
        );
        let reply = client.api(
            "POST",
            &format!("Deploy{kind}DesigntimeArtifact?Id='{kind}'&Version='active'"),
            &Value::Null,
        );
        assert_eq!(
            (reply.status, reply.text().starts_with('{')),
            (202, entity),
            "{kind}"
        );
    }
    client.wait(2.0);
    let list = client
        .get("IntegrationRuntimeArtifacts?$filter=Status eq 'STARTED'&$orderby=Id")
        .json();
    let ids: Vec<_> = list["d"]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["Type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        ids,
        [
            "MESSAGE_MAPPING",
            "SCRIPT_COLLECTION",
            "INTEGRATION_FLOW",
            "VALUE_MAPPING"
        ]
    );
    assert_eq!(client.get("IntegrationRuntimeArtifacts/$count").text(), "4");
    let one = client
        .get("IntegrationRuntimeArtifacts(Id='Silent')?$select=Status")
        .json();
    assert_eq!(
        (one["d"]["Status"].as_str(), one["d"].get("Id")),
        (Some("STARTED"), None)
    );
}

#[test]
fn error_information_comes_in_every_shape() {
    for (shape, part) in [
        ("a", "subsytemPartName"),
        ("b", "childMessageInstances"),
        ("c", "IllegalStateException"),
        ("text", "No credentials"),
    ] {
        let (client, _) = deployed(&[&format!("start-error=shape={shape}")], true);
        let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
        client.until(|| client.status(path) == 200);
        let reply = client.get(path);
        assert!(
            reply.text().contains(part) && reply.text().contains("SANDBOX_ALIAS"),
            "{shape}: {}",
            reply.text()
        );
        assert_eq!(
            client.status("IntegrationRuntimeArtifacts('Flow')/ErrorInformation"),
            404
        );
    }
    let (client, _) = deployed(&["start-error-late-text=60"], true);
    let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
    client.until(|| {
        client
            .runtime()
            .is_some_and(|(status, _)| status == "ERROR")
    });
    assert_eq!(client.status(path), 204);
    client.until(|| client.status(path) == 200);
    assert_eq!(
        client
            .get("IntegrationRuntimeArtifacts('No')/ErrorInformation/$value")
            .status,
        404
    );
}

#[test]
fn dates_and_causes_can_be_chosen() {
    for (how, later) in [("call", 0), ("appear", 1200)] {
        let (client, task) = deployed(&[&format!("deployed-on={how}")], true);
        client.until(|| client.sandbox.running("Flow").is_some());
        let called = locked(&client.sandbox.service.tenant).tasks[&task].statuses[0].0;
        let called = client.sandbox.service.setting.clock.millis(called);
        let after = client.sandbox.running("Flow").unwrap().deployed_on - called;
        assert!((later..=later + 1).contains(&after), "{how}: {after} ms");
    }
    let (client, _) = deployed(&["start-error", "cause=no such alias"], true);
    let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
    client.until(|| client.status(path) == 200);
    let text = client.get(path);
    assert!(text.text().contains("no such alias"));
}

#[test]
fn mappings_have_their_own_ways() {
    let client = Client::quiet(&[]);
    let manifest =
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: MM\r\nSAP-BundleType: MessageMapping\r\n";
    let zip = zip_of(&[("META-INF/MANIFEST.MF", manifest)]);
    client.create("MessageMappingDesigntimeArtifacts", "MM", &zip);
    let path = "DeployMessageMappingDesigntimeArtifact?Id='MM'&Version='active'";
    client.api("POST", path, &Value::Null);
    let errors = "IntegrationRuntimeArtifacts('MM')/ErrorInformation/$value";
    client.until(|| client.status(errors) == 200);
    let text = client.get(errors);
    assert!(text.text().contains("validation of resource is failed"));

    let zip = content("VM", "1.0.0", "ValueMapping", "");
    client.create("ValueMappingDesigntimeArtifacts", "VM", &zip);
    let key = "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')";
    assert_eq!(client.get(key).json()["d"]["Description"], "Described");
    let download = client.get(&format!("{key}/$value"));
    assert_eq!(bundle::file(&download.body, "metainfo.prop"), None);
    assert!(bundle::file(&download.body, PROP).is_some());
}

#[test]
fn undeploying_takes_a_while() {
    let client = Client::start(&[], 2.0, vec![preloaded()]);
    let runtime = "IntegrationRuntimeArtifacts('Flow')";
    assert_eq!(client.api("DELETE", runtime, &Value::Null).status, 202);
    assert_eq!(client.runtime().unwrap().0, "STOPPING");
    client.until(|| client.status(runtime) == 404);
    assert_eq!(
        client.get(runtime).message(),
        "Requested entity could not be found."
    );
    assert_eq!(client.api("DELETE", runtime, &Value::Null).status, 404);
    assert_eq!(client.sandbox.undeployments("Flow"), 1);
}

#[test]
fn endpoints_of_started_flows_are_listed() {
    let client = Client::with_flow(&[]);
    let list = client
        .get("ServiceEndpoints?$expand=EntryPoints&$filter=Name eq 'Flow'")
        .json();
    let url = list["d"]["results"][0]["EntryPoints"]["results"][0]["Url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.ends_with("/http/orders"), "{url}");
}

#[test]
fn one_of_thirty_fails_and_the_state_says_so() {
    let client = Client::quiet(&["start-error@F07"]);
    let all: Vec<String> = (1..=30).map(|n| format!("F{n:02}")).collect();
    for id in &all {
        client.create(FLOWS, id, &content(id, "1.0.0", "IntegrationFlow", "a=1\n"));
        deploy_of(&client, "Integration", id);
    }
    assert_eq!(client.sandbox.artifacts(), all);
    client.until(|| {
        all.iter()
            .all(|id| ["STARTED", "ERROR"].contains(&status_of(&client, id).as_str()))
    });
    let state = client
        .request("GET", "/sandbox/state", "", b"")
        .unwrap()
        .json();
    for artifact in state["artifacts"].as_array().unwrap() {
        let (id, runs) = (artifact["id"].as_str().unwrap(), &artifact["runs"]);
        let expected = if id == "F07" { "ERROR" } else { "STARTED" };
        assert_eq!(runs["status"], expected, "{id}");
        assert_eq!(
            (&artifact["runs_as_stored"], &runs["version"]),
            (&json!(id != "F07"), &json!("1.0.0")),
            "{id}"
        );
        assert_eq!(runs["zip_sha256"], artifact["zip_sha256"], "{id}");
        assert_eq!(client.sandbox.runs_as_stored(id), id != "F07", "{id}");
    }
    let record = &state["runtime"].as_array().unwrap()[6]["record"];
    assert!(record["error"].as_str().unwrap().contains("SANDBOX_ALIAS"));
    assert_eq!(
        (&record["type"], &record["parameters"]),
        (&json!("IntegrationFlow"), &json!({"a": "1"}))
    );
}

#[test]
fn what_was_written_and_not_deployed_does_not_run_as_stored() {
    let client = Client::with_flow(&[]);
    assert!(client.sandbox.runs_as_stored("Flow"));
    client.api(
        "PUT",
        &format!("{FLOW}/$links/Configurations('host')"),
        &json!({"ParameterValue": "z"}),
    );
    assert!(
        !client.sandbox.runs_as_stored("Flow"),
        "a parameter alone counts"
    );
    assert!(!client.sandbox.runs_as_stored("Nobody"));
}

#[test]
fn a_mapping_can_answer_its_deployment_with_a_task() {
    let client = Client::quiet(&[
        "mapping-task-id@ValueMapping1",
        "slow=3@ValueMapping1",
        "slow-start=2000@ValueMapping2",
    ]);
    all_types(&client);
    let entity = deploy_of(&client, "ValueMapping", "ValueMapping2");
    assert!(entity.text().starts_with('{'), "{}", entity.text());
    let task = deploy_of(&client, "ValueMapping", "ValueMapping1").text();
    assert_eq!(client.task(&task), "DEPLOYING");
    client.until(|| {
        client.task(&task) == "SUCCESS" && status_of(&client, "ValueMapping1") == "STARTED"
    });
    client.until(|| status_of(&client, "ValueMapping2") == "STARTING");
}

#[test]
fn error_information_is_worded_as_it_was_recorded() {
    let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
    let recorded = |scenario: &str| {
        let (client, _) = deployed(&[scenario], true);
        client.until(|| client.status(path) == 200);
        let body = client.get(path).json();
        assert_eq!(body["message"]["messageText"], "");
        let parameter = body["parameter"][0].as_str().unwrap().to_owned();
        (body["message"]["messageId"].clone(), parameter)
    };
    let (id, text) = recorded("build-fail");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((id, lines.len()), (json!("GenerationFailed"), 3));
    assert!(lines[1].starts_with("Generation and build failed for Flow as"));
    assert!(lines[2].contains("SANDBOX_ALIAS"));
    let (id, text) = recorded("start-error");
    let inner: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(id, "InstanceError");
    let child = &inner["childMessageInstances"][0]["parameters"][0];
    assert!(child.as_str().unwrap().contains("SANDBOX_ALIAS"));
    assert_eq!(inner["parameters"][0], "Flow");
    let (_, text) = recorded("start-error=truncated");
    assert!(text.ends_with("... [truncated]") && serde_json::from_str::<Value>(&text).is_err());
}

#[test]
fn what_runs_is_shown_as_chosen() {
    let shown = |scenarios: &[&str]| {
        let client = Client::with_flow(scenarios);
        let record = client.get("IntegrationRuntimeArtifacts('Flow')").json()["d"].clone();
        (record, client.status(FLOW))
    };
    let (record, _) = shown(&["dates-without-zone"]);
    let date = record["DeployedOn"].as_str().unwrap();
    assert!(
        date.len() == 23 && date.starts_with("20") && date.contains('T'),
        "{date}"
    );
    let (record, design) = shown(&["runtime-type=FUNCTION_LIBRARIES"]);
    assert_eq!(
        (&record["Type"], design),
        (&json!("FUNCTION_LIBRARIES"), 404)
    );
    let client = Client::quiet(&["unknown-status=FAILED"]);
    client.create(FLOWS, "Flow", &flow());
    client.deploy();
    assert_eq!(end_of(&client, "Flow").0, "STARTED");
    client.until(|| {
        client
            .runtime()
            .is_some_and(|(status, _)| status == "FAILED")
    });
}

#[test]
fn message_mappings_may_be_deployed_without_a_word() {
    let client = Client::quiet(&["no-task-id=message-mappings"]);
    all_types(&client);
    let body = |kind: &str| deploy_of(&client, kind, &format!("{kind}1")).body;
    assert!(body("MessageMapping").is_empty() && !body("ValueMapping").is_empty());
}
