//! What a flow needs of other artifacts.

use super::*;

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
