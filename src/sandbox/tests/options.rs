//! How a sandbox is set up.

use super::*;

#[test]
fn what_makes_no_sense_does_not_start() {
    let start =
        |options: SandboxOptions| Sandbox::start(options).err().map(|error| error.to_string());
    let listen = "0.0.0.0:0".parse().unwrap();
    assert!(
        start(SandboxOptions {
            listen,
            ..SandboxOptions::default()
        })
        .unwrap()
        .contains("loopback only")
    );
    assert!(
        start(SandboxOptions {
            speed: 0.0,
            ..SandboxOptions::default()
        })
        .is_some()
    );
    for (scenario, deployed) in [
        ("locked", None),
        ("stale-started", None),
        ("foreign-deploy", Some(false)),
    ] {
        let preload = deployed
            .map(|deployed| Preload {
                deployed,
                ..preloaded()
            })
            .into_iter()
            .collect();
        let scenarios = vec![Scenario::parse(scenario).unwrap()];
        let error = start(SandboxOptions {
            scenarios,
            preload,
            ..SandboxOptions::default()
        })
        .unwrap();
        assert!(
            error.contains(scenario) && error.contains("preload"),
            "{error}"
        );
    }
    let preload = vec![Preload {
        zip: b"junk".to_vec(),
        ..Preload::default()
    }];
    assert!(
        start(SandboxOptions {
            preload,
            ..SandboxOptions::default()
        })
        .is_some()
    );
}

#[test]
fn the_variables_lead_here() {
    let client = Client::start(&[], 1.0, Vec::new());
    let variables = client.sandbox.variables();
    let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
    let expected = [
        "CPI_URL",
        "CPI_TOKEN_URL",
        "CPI_CLIENT_ID",
        "CPI_CLIENT_SECRET",
        "CPI_USERNAME",
        "CPI_PASSWORD",
        "CPI_SERVICE_KEY",
        "CPI_RUNTIME_SERVICE_KEY",
    ];
    assert_eq!(names, expected);
    let key: Value = serde_json::from_str(&variables[6].1).unwrap();
    assert_eq!(
        key["oauth"]["clientsecret"].as_str(),
        Some(variables[3].1.as_str())
    );
    assert!(!variables[6].1.contains('\n'));
}
