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
            501,
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
    assert_eq!(
        (
            client.get("IntegrationPackages('P')").status,
            client.get(FLOW).status
        ),
        (404, 404)
    );
}
