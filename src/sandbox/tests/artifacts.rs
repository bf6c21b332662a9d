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
    assert_eq!(
        Client::quiet(&["any-package-id"])
            .create_package("a_b")
            .status,
        201
    );
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

#[test]
fn refusals_are_worded_as_they_were_recorded() {
    let client = Client::with_flow(&["duplicate=second-wording"]);
    let taken = client.create(FLOWS, "Flow", &flow());
    assert_eq!(taken.status, 500);
    assert_eq!(
        taken.message(),
        "An integration flow Flow with the artifact ID Flow already exists in the P package. \
         To create /upload an integration flow, use a different ID."
    );
    let nowhere = json!({"Name": "N", "Id": "N", "PackageId": "Gone"});
    let nowhere = client.api("POST", FLOWS, &nowhere);
    assert_eq!(
        (nowhere.status, nowhere.message()),
        (404, "Package ID Gone does not exist.".to_owned())
    );
    let versioned = json!({"Name": "N", "Id": "N", "PackageId": "P", "Version": "1.0.0"});
    let versioned = client.api("POST", FLOWS, &versioned);
    assert!(versioned.status == 400 && versioned.message().starts_with("Auto generated version"));
    let bad_id = client.create_package("a_b");
    assert_eq!(
        (bad_id.status, bad_id.message()),
        (
            400,
            "Property 'Id' value cannot have a special character. Enter a valid Id.".to_owned()
        )
    );
    let path = "IntegrationDesigntimeArtifactSaveAsVersion?Id='Flow'&SaveAsVersion='Active'";
    let saved = client.api("POST", path, &Value::Null);
    assert!(saved.status == 400 && saved.text().contains("CANNOT_UPDATE_BUNDLE</message>"));
    let locked = Client::with_flow(&["locked=400"]);
    assert_eq!(locked.update(&flow()).status, 400);
    let read_only = Client::with_flow(&["read-only"]).get(&format!("{FLOW}/$value"));
    let text = "Cannot download the artifact from a configure only package.</message>";
    assert!(read_only.status == 400 && read_only.text().contains(text));
    let mute = Client::with_flow(&[
        "roles-missing=WorkspacePackagesRead,WorkspacePackagesEdit",
        "roles-missing-json",
    ]);
    assert_eq!(mute.get(FLOW).status, 403);
    assert_eq!(
        mute.get(FLOW).json()["error"]["message"]["value"],
        Value::Null
    );
}

#[test]
fn content_that_tenants_cannot_read_is_refused() {
    let client = Client::with_flow(&["definitions-required"]);
    let prop = "src/main/resources/parameters.propdef";
    let bare = bundle::with_file(&flow(), prop, None).unwrap();
    let folded = "Manifest-Version: 1.0\r\nBundle-SymbolicName: Flow\r\nbroken\r\n";
    let folded = bundle::with_file(&flow(), bundle::MANIFEST, Some(folded.as_bytes())).unwrap();
    for (zip, status, text) in [
        (bare, 500, "InputStream cannot be null"),
        (folded, 400, "invalid header field line 3"),
    ] {
        for refused in [client.update(&zip), client.create(FLOWS, "Other", &zip)] {
            assert_eq!((refused.status, refused.message().as_str()), (status, text));
        }
    }
    assert_eq!(client.status(&FLOW.replace("Flow", "Other")), 404);
}

#[test]
fn a_flow_without_content_gets_a_shell() {
    let client = Client::quiet(&[]);
    let body = json!({"Name": "N", "Id": "Flow", "PackageId": "P"});
    assert_eq!(client.api("POST", FLOWS, &body).status, 201);
    let zip = client.get(&format!("{FLOW}/$value")).body;
    let names: Vec<_> = bundle::files(&zip)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.iter().any(|name| name.ends_with("/Flow.iflw")),
        "{names:?}"
    );
    let manifest = bundle::file(&zip, bundle::MANIFEST).unwrap();
    assert!(
        String::from_utf8(manifest)
            .unwrap()
            .contains("SAP-RuntimeProfile: iflmap")
    );
    assert_eq!(client.update(&zip).status, 200);
}

#[test]
fn a_tenant_may_rename_the_mapping_of_what_is_created() {
    let client = Client::quiet(&["rewrites-content=name"]);
    let zip = content("M", "1.0.0", "MessageMapping", "");
    assert_eq!(
        client
            .create("MessageMappingDesigntimeArtifacts", "M", &zip)
            .status,
        201
    );
    let stored = client.sandbox.design("M").unwrap().zip;
    assert!(bundle::file(&stored, "src/main/resources/mapping/M.mmap").is_some());
}

#[test]
fn entities_have_the_properties_of_the_model() {
    let client = Client::with_flow(&[
        "locked",
        "dates-of-flows-only",
        "roles-also=WorkspaceArtifactLocksRead",
    ]);
    let flow = client.get(FLOW).json()["d"].clone();
    let media = &flow["__metadata"];
    assert!(media["edit_media"].is_string() && media["edit_media"] == media["media_src"]);
    assert!(flow["Comment"].is_string() && flow["ModifiedBy"].is_string());
    let mapping = content("M", "1.0.0", "MessageMapping", "");
    client.create("MessageMappingDesigntimeArtifacts", "M", &mapping);
    let mapping = client.get("MessageMappingDesigntimeArtifacts(Id='M',Version='active')");
    let mapping = mapping.json()["d"].clone();
    for name in [
        "CreatedBy",
        "CreatedAt",
        "ModifiedBy",
        "ModifiedAt",
        "Comment",
        "Sender",
    ] {
        assert!(mapping.get(name).is_none(), "{name}");
    }
    assert!(mapping["Resources"]["__deferred"].is_object());
    let package = client.get("IntegrationPackages('P')").json()["d"].clone();
    assert_eq!(package["PartnerContent"], json!(false));
    let lock = client.get("IntegrationDesigntimeLocks").json()["d"]["results"][0].clone();
    assert!(
        lock["CreatedAt"].as_str().unwrap().starts_with("/Date("),
        "{lock}"
    );
    let resource = client.get(&format!("{FLOW}/Resources")).json()["d"]["results"][0].clone();
    assert!(resource["ResourceSize"].is_number() && resource["ResourceSizeUnit"].is_string());
    let flag =
        |value: Value| json!({"Name": "Q", "Id": "Q", "ShortText": "s", "PartnerContent": value});
    let create = |value| {
        client
            .api("POST", "IntegrationPackages", &flag(value))
            .status
    };
    assert_eq!((create(json!("false")), create(json!(false))), (400, 201));
}
