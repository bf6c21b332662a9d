//! Packages, and how entities are written.

use super::*;

#[test]
fn bodies_are_atom_unless_json_is_asked_for() {
    let mut client = Client::quiet(&[]);
    assert_eq!(client.create(FLOWS, "Flow", &flow()).status, 201);
    client.accept = "*/*";
    for path in [
        "IntegrationPackages",
        "IntegrationPackages('P')",
        FLOW,
        "",
        &format!("{FLOW}/Configurations"),
    ] {
        let reply = client.get(path);
        assert!(
            reply.headers["content-type"].starts_with("application/atom"),
            "{path}: {:?}",
            reply.headers
        );
        roxmltree::Document::parse(&reply.text()).unwrap();
    }
    let missing = client.get("IntegrationPackages('Q')");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("<code>Not Found</code>"));
    assert!(client.get("IntegrationPackages?$format=json").json()["d"]["results"].is_array());
}

#[test]
fn packages_behave_as_documented() {
    let client = Client::quiet(&[]);
    let again = client.create_package("P");
    assert_eq!(
        (again.status, again.message().as_str()),
        (
            409,
            "Entity with the specified IntegrationPackage id already exist."
        )
    );
    let d = client.get("IntegrationPackages('P')").json()["d"].clone();
    assert_eq!(
        (d["Mode"].as_str(), d["SupportedPlatform"].as_str()),
        (Some("EDIT_ALLOWED"), Some("SAP Cloud Integration"))
    );
    let cases = [
        (
            "POST",
            "IntegrationPackages",
            json!({"Id": "Q", "Name": "Q"}),
            400,
        ),
        (
            "POST",
            "IntegrationPackages",
            json!({"Id": "Q", "Name": "Q", "ShortText": "s", "Mode": "EDIT_ALLOWED"}),
            400,
        ),
        (
            "POST",
            "IntegrationPackages",
            json!({"Id": "Q", "Name": "Q", "ShortText": "s", "Odd": ""}),
            400,
        ),
        (
            "POST",
            "IntegrationPackages",
            json!({"PackageContent": "UEs="}),
            400,
        ),
        (
            "PATCH",
            "IntegrationPackages('P')",
            json!({"Name": "x"}),
            501,
        ),
        (
            "PUT",
            "IntegrationPackages('P')",
            json!({"Name": "New", "ShortText": "s", "Description": "d"}),
            202,
        ),
        (
            "PUT",
            "IntegrationPackages('Q')",
            json!({"Name": "New", "ShortText": "s"}),
            404,
        ),
        ("GET", "IntegrationPackages(P)", Value::Null, 400),
        (
            "GET",
            "IntegrationPackages('P')/NoSuchDesigntimeArtifacts",
            Value::Null,
            404,
        ),
    ];
    for (method, path, body, status) in cases {
        assert_eq!(
            client.api(method, path, &body).status,
            status,
            "{method} {path} {body}"
        );
    }
    assert_eq!(
        client.get("IntegrationPackages('P')").json()["d"]["Description"],
        "<p>d</p>"
    );
    assert_eq!(client.sandbox.package("P").unwrap()["Name"], "New");
    client.create(FLOWS, "Flow", &flow());
    let export = client.get("IntegrationPackages('P')/$value");
    assert!(
        export.body.starts_with(b"PK") && export.headers["content-disposition"].contains("P.zip")
    );
    client.api("PUT", FLOW, &json!({"Name": "Draft"}));
    let export = client.get("IntegrationPackages('P')/$value");
    assert!(export.status == 500 && export.message().contains("{Type=IFlow, Name=Draft}"));
    assert_eq!(
        client
            .api("DELETE", "IntegrationPackages('P')", &Value::Null)
            .status,
        202
    );
    client.until(|| client.status("IntegrationPackages('P')") == 404);
    assert_eq!(client.status(FLOW), 404);
}

#[test]
fn a_deleted_package_is_seen_for_a_moment_and_its_flows_run_on() {
    let client = Client::start(&[], 1.0, vec![preloaded()]);
    let deleted = client.api("DELETE", "IntegrationPackages('P')", &Value::Null);
    assert_eq!((deleted.status, client.status(FLOW)), (202, 200));
    client.until(|| client.status(FLOW) == 404);
    assert!(client.runtime().is_some());
}

#[test]
fn a_package_is_imported_as_it_was_exported() {
    let client = Client::with_flow(&[]);
    let export = client.get("IntegrationPackages('P')/$value").body;
    let body = json!({"PackageContent": STANDARD.encode(&export)});
    let import = |path: &str| client.api("POST", path, &body).status;
    assert_eq!(import("IntegrationPackages"), 409);
    assert_eq!(import("IntegrationPackages?Overwrite=true"), 201);
    let other = Client::start(&[], 20.0, Vec::new());
    assert_eq!(other.api("POST", "IntegrationPackages", &body).status, 201);
    let imported = other.get(FLOW).json()["d"].clone();
    assert_eq!(
        (&imported["PackageId"], &imported["Version"]),
        (&json!("P"), &json!("1.0.3"))
    );
    let stored = |client: &Client| client.sandbox.design("Flow").unwrap().zip_sha256;
    assert_eq!(stored(&other), stored(&client));
}

#[test]
fn packages_have_the_custom_tags_of_the_tenant() {
    let client = Client::quiet(&["custom-tags=Author,LoB"]);
    let put = |name: &str| {
        let path = format!("IntegrationPackages('P')/$links/CustomTags('{name}')");
        client.api("PUT", &path, &json!({"Value": "me"})).status
    };
    assert_eq!((put("Author"), put("Nope")), (202, 404));
    let tags = client.get("IntegrationPackages('P')/CustomTags").json()["d"]["results"].clone();
    let shown = |at: usize| (tags[at]["Name"].clone(), tags[at]["Value"].clone());
    assert_eq!(
        (shown(0), shown(1)),
        ((json!("Author"), json!("me")), (json!("LoB"), json!("")))
    );
}

#[test]
fn reads_of_single_packages_can_fail_after_a_burst() {
    let client = Client::with_flow(&["package-reads-fail=2"]);
    let reads: Vec<_> = (0..9)
        .map(|_| client.status("IntegrationPackages('P')"))
        .collect();
    assert_eq!(reads, [200, 200, 200, 200, 200, 404, 404, 200, 200]);
    assert_eq!(client.status("IntegrationPackages"), 200);
}
