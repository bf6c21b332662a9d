//! Externalised parameters and resources.

use super::*;

#[test]
fn an_uploaded_resource_is_answered_as_chosen() {
    for (scenario, status) in [("resource-put=202", 202), ("resource-put=200", 200)] {
        let client = Client::with_flow(&[scenario]);
        let linked = format!("{FLOW}/$links/Resources(Name='a.groovy',ResourceType='groovy')");
        let body = json!({"ResourceContent": STANDARD.encode("// b")});
        assert_eq!(client.api("PUT", &linked, &body).status, status);
    }
}

#[test]
fn parameters_are_configured_and_kept() {
    for (scenario, port, host) in [
        ("latency=0", "2", "new"),
        ("reset-parameters", "9", "new"),
        ("keep-all-parameters", "2", "a"),
    ] {
        let client = Client::with_flow(&[scenario]);
        client.update(&content(
            "Flow",
            "1.0.4",
            "IntegrationFlow",
            "host=new\nport=9\nextra\\ key=x\n",
        ));
        let parameters = client.sandbox.design("Flow").unwrap().parameters;
        assert_eq!(
            (parameters["port"].as_str(), parameters["host"].as_str()),
            (port, host),
            "{scenario}"
        );
    }
    let client = Client::with_flow(&[]);
    let configurations = format!("{FLOW}/Configurations");
    let put = |key: &str, body: Value| {
        client.api(
            "PUT",
            &format!("{FLOW}/$links/Configurations('{key}')"),
            &body,
        )
    };
    let written = put("host", json!({"ParameterValue": ""}));
    assert_eq!((written.status, written.body.len()), (202, 0));
    assert_eq!(
        put(
            "host",
            json!({"ParameterValue": "b", "DataType": "xsd:string"})
        )
        .status,
        202
    );
    let unknown = put("no such", json!({"ParameterValue": "b"}));
    assert_eq!(
        (unknown.status, unknown.message().as_str()),
        (404, "Parameter key 'no such' not found.")
    );
    for body in [
        json!({}),
        json!({"ParameterValue": 1}),
        json!([1]),
        json!({"Value": "x"}),
    ] {
        assert_eq!(put("host", body.clone()).status, 400, "{body}");
    }
    assert_eq!(client.get(&format!("{configurations}/$count")).text(), "2");
    let filtered = client
        .get(&format!("{configurations}?$filter=ParameterKey eq 'host'"))
        .json();
    assert_eq!(filtered["d"]["results"][0]["ParameterValue"], "b");
    assert_eq!(
        client.sandbox.running("Flow").unwrap().parameters["host"],
        "a",
        "only a deployment changes what runs"
    );
}

#[test]
fn resources_change_the_zip() {
    let client = Client::with_flow(&[]);
    let list = client.get(&format!("{FLOW}/Resources")).json();
    assert_eq!(list["d"]["results"][0]["ResourceSize"], 4);
    let named = format!("{FLOW}/Resources(Name='a.groovy',ResourceType='groovy')");
    assert_eq!(client.get(&format!("{named}/$value")).text(), "// a");
    let linked = named.replace("/Resources", "/$links/Resources");
    assert_eq!(
        client
            .api(
                "PUT",
                &linked,
                &json!({"ResourceContent": STANDARD.encode("// b")})
            )
            .status,
        202
    );
    assert_eq!(client.get(&format!("{named}/$value")).text(), "// b");
    let added =
        json!({"Name": "s.xsd", "ResourceType": "xsd", "ResourceContent": STANDARD.encode("<x/>")});
    assert_eq!(
        client
            .api("POST", &format!("{FLOW}/Resources"), &added)
            .status,
        201
    );
    assert_eq!(client.get(&format!("{FLOW}/Resources/$count")).text(), "3");
    assert_eq!(client.api("DELETE", &linked, &Value::Null).status, 200);
    assert_eq!(client.get(&named).status, 404);
}
