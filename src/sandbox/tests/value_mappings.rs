//! Value mappings: no update, but a deletion.

use super::*;

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
