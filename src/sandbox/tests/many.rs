//! What a run over many artifacts meets: lists, names, versions, what needs what, and deletions without a way back.

use super::*;

const SETS: [(&str, &str); 4] = [
    ("IntegrationDesigntimeArtifacts", "IntegrationFlow"),
    ("ValueMappingDesigntimeArtifacts", "ValueMapping"),
    ("MessageMappingDesigntimeArtifacts", "MessageMapping"),
    ("ScriptCollectionDesigntimeArtifacts", "ScriptCollection"),
];

const VALUE_MAPPING: &str = "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')";

/// Three artifacts of each type in package P.
fn all_types(client: &Client) {
    for (set, kind) in SETS {
        for n in 1..=3 {
            let id = format!("{kind}{n}");
            let reply = client.create(set, &id, &content(&id, "1.0.2", kind, "a=1\nb=2\nc=3\n"));
            assert_eq!(reply.status, 201, "{id}: {}", reply.text());
        }
    }
}

/// The entities of a list, page by page.
fn rows(client: &Client, path: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let reply = client.get(&path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let list = reply.json()["d"].clone();
        rows.extend(list["results"].as_array().unwrap().clone());
        pages += 1;
        let address = list["__next"].as_str();
        next = address.map(|text| text.split_once("/api/v1/").unwrap().1.to_owned());
    }
    (rows, pages)
}

fn ids(rows: &[Value], key: &str) -> Vec<String> {
    rows.iter()
        .map(|row| row[key].as_str().unwrap().to_owned())
        .collect()
}

fn deploy_of(client: &Client, kind: &str, id: &str) -> Reply {
    let path = format!("Deploy{kind}DesigntimeArtifact?Id='{id}'&Version='active'");
    let reply = client.api("POST", &path, &Value::Null);
    assert_eq!(reply.status, 202, "{id}: {}", reply.text());
    reply
}

fn status_of(client: &Client, id: &str) -> String {
    let reply = client.get(&format!("IntegrationRuntimeArtifacts('{id}')"));
    let body = (reply.status == 200).then(|| reply.json());
    body.map_or_else(
        || reply.status.to_string(),
        |body| body["d"]["Status"].as_str().unwrap().to_owned(),
    )
}

/// What the run time will show of an artifact in the end, as planned now.
fn end_of(client: &Client, id: &str) -> (String, String) {
    let tenant = locked(&client.sandbox.service.tenant);
    let record = tenant.runtime[id].at(f64::MAX).unwrap().clone();
    let error = record.error.map(|error| error.text);
    (record.status, error.unwrap_or_default())
}

#[test]
fn a_packages_lists_show_what_single_reads_show_for_every_type() {
    let client = Client::quiet(&[]);
    all_types(&client);
    for (set, kind) in SETS {
        let (rows, _) = rows(&client, &format!("IntegrationPackages('P')/{set}"));
        assert_eq!(ids(&rows, "Id"), [1, 2, 3].map(|n| format!("{kind}{n}")));
        for row in rows {
            let id = row["Id"].as_str().unwrap();
            let single = client.get(&format!("{set}(Id='{id}',Version='active')"));
            assert_eq!(row, single.json()["d"], "{id}");
            for name in ["ModifiedAt", "ModifiedBy", "Version", "PackageId"] {
                assert!(row[name].is_string(), "{id} {name}");
            }
        }
    }
}

#[test]
fn a_packages_lists_take_the_query_options() {
    let client = Client::quiet(&[]);
    all_types(&client);
    for (set, kind) in SETS {
        let path = format!("IntegrationPackages('P')/{set}");
        let list = client.get(&format!("{path}?$top=1&$skip=1&$inlinecount=allpages"));
        let list = list.json()["d"].clone();
        assert_eq!(list["__count"], "3", "{set}");
        assert_eq!(list["results"].as_array().unwrap().len(), 1, "{set}");
        assert_eq!(list["results"][0]["Id"], format!("{kind}2"));
        assert!(
            list["__next"].is_null(),
            "{set}: what was asked for is complete"
        );
        assert_eq!(client.get(&format!("{path}/$count")).text(), "3");
    }
}

#[test]
fn every_long_list_comes_in_pages_that_hold_each_row_once() {
    let client = Client::quiet(&["page-size=2"]);
    all_types(&client);
    for (set, kind) in SETS {
        let path = format!("IntegrationPackages('P')/{set}");
        let (rows, pages) = rows(&client, &path);
        let expected = [1, 2, 3].map(|n| format!("{kind}{n}"));
        assert_eq!(
            (ids(&rows, "Id").as_slice(), pages),
            (expected.as_slice(), 2)
        );
    }
    let flow = "IntegrationDesigntimeArtifacts(Id='IntegrationFlow1',Version='active')";
    let (parameters, pages) = rows(&client, &format!("{flow}/Configurations"));
    assert_eq!(
        (ids(&parameters, "ParameterKey").join(""), pages),
        ("abc".to_owned(), 2)
    );
    for (set, kind) in SETS {
        let stem = set.strip_suffix("DesigntimeArtifacts").unwrap();
        deploy_of(&client, stem, &format!("{kind}1"));
    }
    client.until(|| rows(&client, "IntegrationRuntimeArtifacts").0.len() == 4);
    assert_eq!(rows(&client, "IntegrationRuntimeArtifacts").1, 2);
    let (skipped, pages) = rows(&client, "IntegrationRuntimeArtifacts?$skip=1&$top=3");
    assert_eq!(
        ids(&skipped, "Id"),
        ["MessageMapping1", "ScriptCollection1", "ValueMapping1"]
    );
    assert_eq!(pages, 2);
}

#[test]
fn the_run_time_list_is_filtered_by_or_alone() {
    let client = Client::with_flow(&[]);
    let filtered =
        |filter: &str| client.get(&format!("IntegrationRuntimeArtifacts?$filter={filter}"));
    let found = filtered("Id eq 'Nobody' or Id eq 'Flow'");
    assert_eq!(found.json()["d"]["results"][0]["Id"], "Flow");
    for refused in [
        "Id eq 'Flow' and Status eq 'STARTED'",
        "(Id eq 'Flow') or (Id eq 'Nobody')",
        "DeployedOn gt datetime'2024-01-01T00:00:00'",
    ] {
        assert_eq!(filtered(refused).status, 400, "{refused}");
    }
}

#[test]
fn a_tenant_may_offer_no_run_time_list() {
    for (scenario, status) in [("no-runtime-list", 501), ("no-runtime-list=405", 405)] {
        let client = Client::with_flow(&[scenario]);
        assert_eq!(client.status("IntegrationRuntimeArtifacts"), status);
        assert_eq!(client.status("IntegrationRuntimeArtifacts/$count"), status);
        assert_eq!(status_of(&client, "Flow"), "STARTED", "one by one it works");
    }
}

#[test]
fn the_run_time_list_can_lag_behind() {
    // what is preloaded was deployed an hour before the start
    for (scenario, listed) in [("runtime-list-late=600", 1), ("runtime-list-late=4000", 0)] {
        let client = Client::with_flow(&[scenario]);
        let (_, before) = client.runtime().unwrap();
        client.deploy();
        client.until(|| client.runtime().is_some_and(|(_, date)| date > before));
        let (rows, _) = rows(&client, "IntegrationRuntimeArtifacts");
        assert_eq!(rows.len(), listed, "{scenario}");
        for row in rows {
            assert_eq!(row["DeployedOn"], format!("/Date({before})/"), "{scenario}");
        }
    }
}

#[test]
fn a_packages_list_of_one_type_can_be_broken() {
    let client = Client::quiet(&["broken-package-list=ScriptCollection@P"]);
    client.create_package("Q");
    all_types(&client);
    let list =
        |package: &str, set: &str| client.get(&format!("IntegrationPackages('{package}')/{set}"));
    let broken = list("P", SETS[3].0);
    assert_eq!(
        (broken.status, broken.message().as_str()),
        (500, "Internal Server Error")
    );
    assert_eq!(list("P", SETS[0].0).status, 200);
    assert_eq!(list("Q", SETS[3].0).status, 200, "another package");
    let single = "ScriptCollectionDesigntimeArtifacts(Id='ScriptCollection1',Version='active')";
    assert_eq!(client.status(single), 200);
}

#[test]
fn lists_can_lack_the_dates_of_single_reads() {
    let client = Client::with_flow(&["lists-without-dates"]);
    let (rows, _) = rows(&client, &format!("IntegrationPackages('P')/{FLOWS}"));
    assert!(rows[0]["ModifiedAt"].is_null() && rows[0]["ModifiedBy"].is_null());
    assert!(client.get(FLOW).json()["d"]["ModifiedAt"].is_string());
    let client = Client::with_flow(&["no-modified-at"]);
    assert!(client.get(FLOW).json()["d"]["ModifiedAt"].is_null());
}

#[test]
fn the_tenant_may_know_the_client_by_another_name() {
    let client = Client::with_flow(&["modified-by=robot", "deployed-by"]);
    assert_eq!(
        client.get(FLOW).json()["d"]["ModifiedBy"],
        "robot",
        "of an earlier run too"
    );
    client.update(&flow());
    assert_eq!(client.get(FLOW).json()["d"]["ModifiedBy"], "robot");
    let record = client.get("IntegrationRuntimeArtifacts('Flow')");
    assert_eq!(record.json()["d"]["DeployedBy"], "api-user");

    let client = Client::with_flow(&["modified-by=robot", "draft"]);
    let by = client.get(FLOW).json()["d"]["ModifiedBy"].clone();
    assert_eq!(by, state::COLLEAGUE, "a colleague keeps the own name");
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

// ---- value mappings: no update, but a deletion

fn value_mapping(scenarios: &[&str]) -> Client {
    let preload = Preload {
        package_id: "P".to_owned(),
        zip: content("VM", "1.0.0", "ValueMapping", ""),
        deployed: true,
        configured: Vec::new(),
    };
    Client::start(scenarios, 20.0, vec![preload])
}

fn create_again(client: &Client) -> u16 {
    let zip = content("VM", "1.0.1", "ValueMapping", "");
    client
        .create("ValueMappingDesigntimeArtifacts", "VM", &zip)
        .status
}

#[test]
fn a_value_mapping_is_replaced_by_deleting_and_creating() {
    let client = value_mapping(&[]);
    let body =
        json!({"ArtifactContent": STANDARD.encode(content("VM", "1.0.1", "ValueMapping", ""))});
    assert_eq!(client.api("PUT", VALUE_MAPPING, &body).status, 501);
    let deleted = client.api("DELETE", VALUE_MAPPING, &Value::Null);
    assert_eq!((deleted.status, deleted.body.len()), (200, 0));
    assert_eq!(client.status(VALUE_MAPPING), 404);
    assert_eq!(
        status_of(&client, "VM"),
        "STARTED",
        "what runs goes on running"
    );
    assert_eq!(create_again(&client), 201);
    assert_eq!(client.get(VALUE_MAPPING).json()["d"]["Version"], "1.0.1");
}

#[test]
fn creating_after_a_deletion_can_fail_for_a_while_or_for_good() {
    let cases = [
        ("create-fails-after-delete", [500, 201, 500]),
        ("create-fails-after-delete=2", [500, 500, 201]),
        ("create-fails-after-delete=forever@VM", [500, 500, 500]),
        ("create-fails-after-delete=forever@Other", [201, 500, 500]),
    ];
    for (scenario, expected) in cases {
        let client = value_mapping(&[scenario]);
        client.api("DELETE", VALUE_MAPPING, &Value::Null);
        assert_eq!(
            [0; 3].map(|_| create_again(&client)),
            expected,
            "{scenario}"
        );
        let there = client.status(VALUE_MAPPING) == 200;
        assert_eq!(there, expected.contains(&201), "{scenario}");
    }
    let never_deleted = Client::quiet(&["create-fails-after-delete=forever"]);
    assert_eq!(create_again(&never_deleted), 201);
}

#[test]
fn a_deleted_id_can_stay_taken_for_a_while() {
    let client = value_mapping(&["delete-lingers=40"]);
    client.api("DELETE", VALUE_MAPPING, &Value::Null);
    assert_eq!(client.status(VALUE_MAPPING), 404);
    let zip = content("VM", "1.0.1", "ValueMapping", "");
    let refused = client.create("ValueMappingDesigntimeArtifacts", "VM", &zip);
    assert!(
        refused
            .message()
            .contains("already exists in the P package"),
        "{}",
        refused.text()
    );
    client.until(|| create_again(&client) == 201);
}

#[test]
fn the_answer_to_a_deletion_can_be_lost() {
    for (scenario, left) in [
        ("fault=cut-after@DELETE:ValueMapping#1", 404),
        ("fault=cut@DELETE:ValueMapping#1", 200),
    ] {
        let client = value_mapping(&[scenario]);
        let path = format!("/api/v1/{VALUE_MAPPING}");
        assert!(
            client.request("DELETE", &path, "", b"").is_err(),
            "{scenario}"
        );
        assert_eq!(client.status(VALUE_MAPPING), left, "{scenario}");
    }
}

// ---- what needs what

/// A flow that names a script collection in its manifest and a message mapping in its model.
fn needy() -> Vec<u8> {
    let manifest = "Manifest-Version: 1.0\r\nBundle-SymbolicName: Needy\r\nSAP-BundleType: IntegrationFlow\r\n\
                    Require-Capability: scriptcollection.Common;resolution:=optional,adapter.Other\r\n";
    let model = "<m><p><key>scriptBundleId</key><value>{{later}}</value></p>\
                 <p><key>messageMappingBundleId</key><value>MM</value></p></m>";
    zip_of(&[
        ("META-INF/MANIFEST.MF", manifest),
        (
            "src/main/resources/scenarioflows/integrationflow/f.iflw",
            model,
        ),
    ])
}

/// A script collection whose id is not the name under which flows use it.
fn scripts() -> Vec<u8> {
    let manifest = "Manifest-Version: 1.0\r\nBundle-SymbolicName: Scripts\r\nSAP-BundleType: ScriptCollection\r\n\
                    Provide-Capability: scriptcollection.Common;version:Version=\"1.0.0\"\r\n";
    zip_of(&[("META-INF/MANIFEST.MF", manifest)])
}

#[test]
fn a_flow_whose_dependency_is_stored_and_does_not_run_goes_to_error() {
    let client = Client::quiet(&[]);
    client.create(FLOWS, "Needy", &needy());
    client.create(SETS[3].0, "Scripts", &scripts());
    client.create(
        SETS[2].0,
        "MM",
        &content("MM", "1.0.0", "MessageMapping", ""),
    );

    deploy_of(&client, "Integration", "Needy");
    client.until(|| status_of(&client, "Needy") == "ERROR");
    let error = client.get("IntegrationRuntimeArtifacts('Needy')/ErrorInformation/$value");
    assert!(
        error
            .text()
            .contains("The message mapping 'MM' is not deployed"),
        "{}",
        error.text()
    );

    deploy_of(&client, "MessageMapping", "MM");
    client.until(|| status_of(&client, "MM") == "STARTED");
    deploy_of(&client, "Integration", "Needy");
    let (status, error) = end_of(&client, "Needy");
    assert_eq!(status, "ERROR");
    assert!(
        error.contains("The script collection 'Common' is not deployed"),
        "{error}"
    );

    deploy_of(&client, "ScriptCollection", "Scripts");
    client.until(|| status_of(&client, "Scripts") == "STARTED");
    deploy_of(&client, "Integration", "Needy");
    assert_eq!(
        end_of(&client, "Needy"),
        ("STARTED".to_owned(), String::new())
    );
}

#[test]
fn what_is_nowhere_is_missing_only_to_a_strict_tenant() {
    for (scenario, stored, status) in [
        ("latency=0", false, "STARTED"),
        ("dependencies", false, "ERROR"),
        ("dependencies@Other", false, "STARTED"),
        ("latency=0", true, "ERROR"),
        ("dependencies=unchecked", true, "STARTED"),
    ] {
        let client = Client::quiet(&[scenario]);
        client.create(FLOWS, "Needy", &needy());
        if stored {
            client.create(SETS[3].0, "Scripts", &scripts());
        }
        deploy_of(&client, "Integration", "Needy");
        assert_eq!(
            end_of(&client, "Needy").0,
            status,
            "{scenario}, stored: {stored}"
        );
    }
}

// ---- one of many

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
            (&runs["as_stored"], &runs["version"]),
            (&json!(true), &json!("1.0.0")),
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
fn scenarios_about_what_is_there_can_mean_one_of_several() {
    let other = Preload {
        package_id: "Q".to_owned(),
        zip: content("Other", "1.0.0", "IntegrationFlow", ""),
        ..preloaded()
    };
    let other = Preload {
        configured: Vec::new(),
        ..other
    };
    let client = Client::start(
        &["draft@Other", "read-only@Q"],
        20.0,
        vec![preloaded(), other],
    );
    let designed = |id: &str| client.sandbox.design(id).unwrap();
    assert!(designed("Other").draft && designed("Other").modified_by == state::COLLEAGUE);
    assert!(!designed("Flow").draft && designed("Flow").modified_by != state::COLLEAGUE);
    let mode =
        |id: &str| client.get(&format!("IntegrationPackages('{id}')")).json()["d"]["Mode"].clone();
    assert_eq!(
        (mode("P"), mode("Q")),
        (json!("EDIT_ALLOWED"), json!("READ_ONLY"))
    );
}

#[test]
fn somebody_saves_each_of_several_artifacts_once() {
    let client = Client::quiet(&["foreign-save=after-upload"]);
    for id in ["A", "B"] {
        client.create(FLOWS, id, &content(id, "1.0.0", "IntegrationFlow", ""));
        assert_eq!(
            client.sandbox.design(id).unwrap().modified_by,
            state::COLLEAGUE,
            "{id}"
        );
    }
}

// ---- pace and time

#[test]
fn the_run_time_allows_five_times_as_many_requests() {
    let client = Client::start(&["rate-limit"], 1.0, Vec::new());
    let refused = |path: &str, count: usize| {
        let statuses: Vec<u16> = (0..count).map(|_| client.status(path)).collect();
        statuses.iter().filter(|status| **status == 429).count()
    };
    // a slow machine may take longer than the second that is counted
    let began = Instant::now();
    let (designtime, runtime) = (
        refused("IntegrationPackages", 12),
        refused("IntegrationRuntimeArtifacts", 52),
    );
    if began.elapsed() < Duration::from_secs(1) {
        assert_eq!((designtime, runtime), (2, 2));
    }
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
