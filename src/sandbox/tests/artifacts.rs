//! Design-time artifacts: created, updated, deleted.

use super::*;

#[test]
fn artifacts_are_created_once_and_renamed() {
    let client = Client::quiet(&[]);
    let created = client.create(FLOWS, "Other-1", &flow());
    assert_eq!(created.status, 201);
    let d = &created.json()["d"];
    assert_eq!(
        (
            d["Id"].as_str(),
            d["Version"].as_str(),
            d["PackageId"].as_str()
        ),
        (Some("Other-1"), Some("1.0.3"), Some("P"))
    );
    let zip = client.get("IntegrationDesigntimeArtifacts(Version='ACTIVE',Id='Other-1')/$value");
    assert!(zip.headers["content-disposition"].contains("filename=Other-1.zip"));
    assert_eq!(
        bundle::Bundle::read(&zip.body).unwrap().symbolic_name,
        "Other-1"
    );
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='Other-1',Version='1.0.3')")
            .status,
        200
    );
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='Other-1',Version='1.0.2')")
            .status,
        404
    );

    let twice = client.create(
        "ScriptCollectionDesigntimeArtifacts",
        "Other-1",
        &content("x", "1.0.0", "ScriptCollection", ""),
    );
    assert_eq!(twice.status, 500);
    let text = "A script collection Other-1 with the ID Other-1 already exists in the P package. Please rename the artifact ID.";
    assert_eq!(twice.message(), text);

    let zip = STANDARD.encode(flow());
    let refused = [
        (json!({"Id": "X", "Name": "X", "PackageId": "Nowhere"}), 404),
        (json!({"Id": "X", "Name": "1X", "PackageId": "P"}), 400),
        (json!({"Id": "X", "Name": "X.", "PackageId": "P"}), 400),
        (json!({"Id": "X", "Name": "X (y)", "PackageId": "P"}), 400),
        (json!({"Name": "X", "PackageId": "P"}), 400),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": "!"}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": "aGVsbG8="}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": STANDARD.encode(zip_of(&[("a", "b")]))}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": zip, "Mode": "x"}),
            400,
        ),
        (json!({"Id": "X", "Name": 7, "PackageId": "P"}), 400),
    ];
    for (body, status) in refused {
        assert_eq!(client.api("POST", FLOWS, &body).status, status, "{body}");
    }
    let wrong_type = client.api(
        "POST",
        "MessageMappingDesigntimeArtifacts",
        &json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": zip}),
    );
    assert_eq!(wrong_type.status, 400);
    assert_eq!(
        client
            .api(
                "POST",
                FLOWS,
                &json!({"Id": "Empty", "Name": "Empty", "PackageId": "P"})
            )
            .status,
        201
    );
    assert_eq!(
        client
            .request(
                "POST",
                "/api/v1/IntegrationPackages",
                "Content-Type: text/xml\r\n",
                b"<x/>"
            )
            .unwrap()
            .status,
        415
    );
    assert_eq!(client.get(FLOWS).status, 501);
    let flows = client
        .get("IntegrationPackages('P')/IntegrationDesigntimeArtifacts")
        .json();
    assert_eq!(flows["d"]["results"].as_array().unwrap().len(), 2);
}

#[test]
fn keys_with_quotes_and_percent_signs_work() {
    let client = Client::quiet(&[]);
    let created = client.create(FLOWS, "O'Neil 5%25", &flow());
    let uri = created.json()["d"]["__metadata"]["uri"]
        .as_str()
        .unwrap()
        .split_once("/api/v1/")
        .unwrap()
        .1
        .to_owned();
    assert_eq!(
        uri,
        "IntegrationDesigntimeArtifacts(Id='O%27%27Neil%205%2525',Version='1.0.3')"
    );
    assert_eq!(created.status, 201);
    assert_eq!(client.get(&uri).status, 200);
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='O'Neil',Version='active')")
            .status,
        400
    );
}

#[test]
fn updates_are_empty_and_strict() {
    let client = Client::quiet(&[]);
    client.create(FLOWS, "Flow", &flow());
    let updated = client.update(&content("Flow", "1.0.4", "IntegrationFlow", "host=b\n"));
    assert_eq!(
        (
            updated.status,
            updated.body.len(),
            updated.headers["content-length"].as_str()
        ),
        (200, 0, "0")
    );
    let design = client.sandbox.design("Flow").unwrap();
    assert_eq!(
        (design.version.as_str(), design.name.as_str()),
        ("1.0.4", "Flow name")
    );
    let renamed = client.update(&content("Other", "1.0.5", "IntegrationFlow", ""));
    assert_eq!(
        (
            renamed.status,
            renamed.message().contains("Bundle-symbolicName")
        ),
        (400, true)
    );
    let with_id = client.api(
        "PUT",
        FLOW,
        &json!({"Id": "", "ArtifactContent": STANDARD.encode(flow())}),
    );
    assert_eq!(
        (with_id.status, with_id.message().contains("not allowed")),
        (500, true)
    );
    assert_eq!(
        client.api("PUT", FLOW, &json!({"Name": "New name"})).status,
        200
    );
    assert_eq!(client.get(FLOW).json()["d"]["Version"], "Active");
    let saved = client.api(
        "POST",
        "IntegrationDesigntimeArtifactSaveAsVersion?Id='Flow'&SaveAsVersion='2.0.0'",
        &Value::Null,
    );
    assert_eq!((saved.status, saved.body.len()), (200, 0));
    assert_eq!(client.get(FLOW).json()["d"]["Version"], "2.0.0");
    let checked = client.api(
        "POST",
        "ValidateIntegrationDesigntimeArtifact?Id='Flow'&Version='active'",
        &Value::Null,
    );
    assert_eq!(
        (checked.status, checked.text().as_str()),
        (202, "Checkexecutionresult: Passed")
    );

    client.create(
        "ValueMappingDesigntimeArtifacts",
        "VM",
        &content("VM", "1.0.0", "ValueMapping", ""),
    );
    client.create(
        "MessageMappingDesigntimeArtifacts",
        "MM",
        &content("MM", "1.0.0", "MessageMapping", ""),
    );
    let body =
        json!({"ArtifactContent": STANDARD.encode(content("ZZ", "1.0.0", "MessageMapping", ""))});
    assert_eq!(
        client
            .api(
                "PUT",
                "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')",
                &body
            )
            .status,
        501
    );
    let mapping = client.api(
        "PUT",
        "MessageMappingDesigntimeArtifacts(Id='MM',Version='active')",
        &body,
    );
    assert_eq!(
        (mapping.status, mapping.message().as_str()),
        (500, "BUNDLE_SYMBOLIC_NAME_CANNOT_BE_UPDATED")
    );
    assert_eq!(
        client.get("MessageMappingDesigntimeArtifacts").json()["d"]["results"][0]["Id"],
        "MM"
    );
    assert_eq!(
        client
            .get("MessageMappingDesigntimeArtifacts(Id='MM',Version='active')/Configurations")
            .status,
        404
    );
    assert_eq!(client.api("DELETE", FLOW, &Value::Null).status, 200);
    assert_eq!(
        client.get(FLOW).message(),
        "Integration design time artifact not found."
    );
}

#[test]
fn scenarios_about_what_is_there_refuse_as_documented() {
    let zip = content("Flow", "1.0.4", "IntegrationFlow", "");
    let locked = Client::with_flow(&["locked"]);
    let refused = locked.update(&zip);
    assert_eq!(
        (
            refused.status,
            refused.message().contains("as it is locked.")
        ),
        (500, true)
    );
    assert_eq!(locked.api("DELETE", FLOW, &Value::Null).status, 500);
    assert_eq!(Client::with_flow(&["locked=423"]).update(&zip).status, 423);
    let read_only = Client::with_flow(&["read-only"]);
    assert_eq!(
        (
            read_only.update(&zip).status,
            read_only.get(&format!("{FLOW}/$value")).status
        ),
        (400, 400)
    );
    assert_eq!(
        read_only.get("IntegrationPackages('P')").json()["d"]["Mode"],
        "READ_ONLY"
    );
    let elsewhere = Client::with_flow(&["id-in-other-package"]);
    assert_eq!(
        elsewhere.get(FLOW).json()["d"]["PackageId"],
        "SomebodyElses"
    );
    let hidden = Client::with_flow(&["hidden-by-policy"]);
    hidden.create_package("P");
    assert_eq!(
        (
            hidden.get(FLOW).status,
            hidden.runtime(),
            hidden.create(FLOWS, "Flow", &flow()).status
        ),
        (404, None, 500)
    );
    let draft = Client::with_flow(&["draft"]).get(FLOW).json()["d"].clone();
    assert_eq!(
        (draft["Version"].as_str(), draft["ModifiedBy"].as_str()),
        (Some("Active"), Some("colleague@example.com"))
    );
    let strict = Client::quiet(&["strict-package-id"]);
    assert_eq!(strict.create_package("a_b").status, 400);
    let conflict = Client::with_flow(&["duplicate=409"]);
    assert_eq!(conflict.create(FLOWS, "Flow", &flow()).status, 409);
}

#[test]
fn modified_at_has_the_chosen_format() {
    let shown = |scenarios: &[&str]| {
        Client::with_flow(scenarios).get(FLOW).json()["d"]["ModifiedAt"].clone()
    };
    assert!(shown(&[]).as_str().unwrap().parse::<i64>().is_ok());
    assert!(
        shown(&["modified-at-format=odata"])
            .as_str()
            .unwrap()
            .starts_with("/Date(")
    );
    assert!(
        shown(&["modified-at-format=iso"])
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    assert_eq!(shown(&["no-modified-at"]), Value::Null);
    let client = Client::with_flow(&["parameter-moves-modified-at"]);
    let before = client.get(FLOW).json()["d"]["ModifiedAt"].clone();
    client.api(
        "PUT",
        &format!("{FLOW}/$links/Configurations('host')"),
        &json!({"ParameterValue": "b"}),
    );
    assert_ne!(client.get(FLOW).json()["d"]["ModifiedAt"], before);
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
