//! `flowship doctor`: names the cause and a cure for whatever keeps a key from working, and writes nothing.

use serde_json::{Value, json};

use crate::flow::Flow;
use crate::golden;
use crate::harness::{Flowship, Run, Tenant, together};

/// Examines this tenant with its own key; nothing is written, whatever comes.
fn examined(scenarios: &[&str], arguments: &[&str]) -> Run {
    let tenant = Tenant::at_speed(1.0, scenarios, Vec::new());
    let run = Flowship::new()
        .against(&tenant)
        .arg("doctor")
        .args(arguments)
        .run();
    tenant.is_untouched();
    run
}

/// Examines without a tenant; whatever these variables lead to must not be asked.
fn offline(variables: &[(&str, &str)]) -> Run {
    let call = Flowship::new().args(["doctor", "--offline"]);
    let call = variables
        .iter()
        .fold(call, |call, (name, value)| call.env(name, value));
    call.hiding("hunter22").run()
}

const URL: &str = "https://dev.it-cpi1.cfapps.eu10-002.hana.ondemand.com";
const TOKEN_URL: &str = "https://dev.authentication.eu10.hana.ondemand.com/oauth/token";

/// A key as the cockpit shows it, with these fields instead.
fn key(fields: &[(&str, &str)]) -> String {
    let mut key = json!({
        "clientid": "sb-1!b42|it!b77", "clientsecret": "hunter22$hunter22", "tokenurl": TOKEN_URL, "url": URL
    });
    for (name, value) in fields {
        key[*name] = (*value).into();
    }
    json!({ "oauth": key }).to_string()
}

#[test]
fn a_good_key_is_ready_after_at_most_ten_requests() {
    let tenant = Tenant::at_speed(1.0, &[], Vec::new());
    let run = Flowship::new().against(&tenant).arg("doctor").run().exit(0);
    let subjects: Vec<String> = run
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(
        subjects,
        [
            "ok variables",
            "ok key",
            "ok plan",
            "ok landscape",
            "ok addresses",
            "ok proxy",
            "ok trust",
            "note tls",
            "ok token",
            "ok roles",
            "note roles",
            "ok packages",
            "ok runtime",
            "ok tasks",
            "note access-policies",
            "ok clock",
            "note tenant",
            "ready for",
        ]
    );
    tenant.is_untouched();
    let requests = tenant.all_requests();
    assert!(requests.len() <= 10, "{requests:#?}");
}

#[test]
fn each_missing_role_is_named_with_what_to_paste() {
    let roles = [
        "WorkspacePackagesEdit",
        "WorkspacePackagesConfigure",
        "WorkspaceArtifactsDeploy",
        "MonitoringDataRead",
    ];
    together(&roles, |role| {
        let run = examined(&[&format!("roles-missing={role}")], &[])
            .exit(4)
            .stdout_has(&format!("deploy lacks {role}"))
            .stdout_has("cf update-service MY_INSTANCE -c '{")
            .stdout_has("btp update services/instance --subaccount ")
            .stdout_has("up to an hour")
            .stdout_has("not ready for deploy: first mend `roles`");
        let pasted = run.stdout.lines().find(|line| line.starts_with("    {"));
        let parameters: Value = serde_json::from_str(pasted.unwrap().trim()).unwrap();
        let named = parameters["roles"].as_array().unwrap();
        assert!(named.contains(&Value::from(*role)), "{parameters}");
    });
    examined(
        &["roles-missing=WorkspacePackagesRead,WorkspacePackagesEdit"],
        &["--for", "download"],
    )
    .exit(4)
    .stdout_has("download lacks WorkspacePackagesRead");
    // another role serves for it
    examined(
        &["roles-missing=WorkspacePackagesRead"],
        &["--for", "download"],
    )
    .exit(0)
    .stdout_has("download has all it needs: WorkspacePackagesRead (by WorkspacePackagesEdit)");
}

#[test]
fn a_role_that_the_use_does_not_need_is_no_fault() {
    examined(
        &["roles-missing=WorkspacePackagesEdit,WorkspaceArtifactsDeploy"],
        &["--for", "plan"],
    )
    .exit(0)
    .stdout_has("ready for plan")
    .stdout_has("deploy no (WorkspacePackagesEdit, WorkspaceArtifactsDeploy)");
}

#[test]
fn what_the_token_does_not_tell_the_tenant_decides() {
    together(&["none", "umbrella", "older"], |scopes| {
        examined(&[&format!("token-scopes={scopes}")], &[])
            .exit(0)
            .stdout_has("ready for deploy");
        examined(
            &[
                &format!("token-scopes={scopes}"),
                "roles-missing=MonitoringDataRead",
            ],
            &[],
        )
        .exit(4)
        .stdout_has("deploy lacks MonitoringDataRead (GET http://");
    });
    examined(&["token-scopes=empty"], &[])
        .exit(4)
        .stdout_has("made without roles")
        .stdout_has("deploy lacks WorkspacePackagesRead");
}

#[test]
fn tokens_of_other_plans_and_services_are_recognised() {
    examined(&["token-scopes=caller"], &[])
        .exit(4)
        .stdout_has("plan integration-flow")
        .stdout_has("cf create-service it-rt api flowship --wait -c '{");
    examined(&["token-scopes=api-management"], &[])
        .exit(4)
        .stdout_has("API Management");
    examined(&["foreign-token"], &[])
        .exit(4)
        .stdout_has("the tenant did not take the credentials")
        .stdout_has("this tenant does not take it: the key belongs to another tenant");
}

#[test]
fn a_wrong_secret_is_told_from_a_wrong_role() {
    let tenant = Tenant::new(&[]);
    let mut key: Value = serde_json::from_str(&tenant.variable("CPI_SERVICE_KEY")).unwrap();
    key["oauth"]["clientsecret"] = "hunter22$hunter22".into();
    Flowship::new()
        .watching(&tenant)
        .hiding("hunter22$hunter22")
        .env("CPI_SERVICE_KEY", key.to_string())
        .arg("doctor")
        .run()
        .exit(4)
        .stdout_has("the token server refused the credentials")
        .stdout_has("Bad credentials")
        .stdout_has("cf create-service-key MY_INSTANCE flowship-key")
        .stdout_has("first mend `token`");
    tenant.is_untouched();
}

#[test]
fn a_host_that_is_no_tenant() {
    examined(&["wrong-host"], &[])
        .exit(6)
        .stdout_has("404")
        .stdout_has("CPI_URL must be the `url` of a service key of plan api");
    let gone = json!({"clientid": "a", "clientsecret": "hunter22$", "tokenurl": "http://127.0.0.1:9/oauth/token", "url": "http://127.0.0.1:9"});
    Flowship::new()
        .env("CPI_SERVICE_KEY", gone.to_string())
        .hiding("hunter22$")
        .args(["doctor", "--timeout", "5s"])
        .run()
        .exit(5)
        .stdout_has("refuses the connection")
        .stdout_has("not asked, because the token service was not reached");
}

#[test]
fn basic_authentication_and_neo() {
    let tenant = Tenant::new(&["basic-only"]);
    let with = |user: &str, password: &str| {
        Flowship::new()
            .watching(&tenant)
            .env("CPI_URL", tenant.url())
            .env("CPI_USERNAME", user)
            .env("CPI_PASSWORD", password)
            .arg("doctor")
            .run()
    };
    let (user, password) = (
        tenant.variable("CPI_USERNAME"),
        tenant.variable("CPI_PASSWORD"),
    );
    with(&user, &password)
        .exit(0)
        .stdout_has("none is needed: basic authentication as user ")
        .stdout_has("csrf            given");
    let (id, secret) = (
        tenant.variable("CPI_CLIENT_ID"),
        tenant.variable("CPI_CLIENT_SECRET"),
    );
    with(&id, &secret)
        .exit(4)
        .stdout_has("looks like the client id of a service key")
        .stdout_has("client id and secret of a service key are no user");
    tenant.is_untouched();
    examined(&["neo"], &[])
        .exit(0)
        .stdout_has("Neo (older landscape")
        .stdout_has("csrf            given");
    examined(&["neo", "roles-missing=MonitoringDataRead"], &[])
        .exit(4)
        .stdout_has("IntegrationOperationServer.read")
        .stdout_has("user oauth_client_");
}

#[test]
fn clocks_policies_and_the_location_of_an_edge_cell() {
    examined(&["clock-ahead=900"], &[])
        .exit(0)
        .stdout_has("minutes behind the tenant")
        .stdout_has("ready for deploy, with a warning");
    examined(&["access-policies", "roles-also=AccessPoliciesRead"], &[])
        .exit(0)
        .stdout_has("this tenant has access policies");
    examined(&["roles-also=AccessAllAccessPoliciesArtifacts"], &[])
        .exit(0)
        .stdout_has("no policy hides an artifact");
    let tenant = Tenant::new(&["location=plant1"]);
    Flowship::new()
        .against(&tenant)
        .env("CPI_RUNTIME_LOCATION", "plant1")
        .arg("doctor")
        .run()
        .exit(0)
        .stdout_has("run-time calls go to the location plant1");
    let asked = tenant.requests();
    let of_location = "GET /location/plant1/api/v1/IntegrationRuntimeArtifacts?$top=1".to_owned();
    assert!(asked.contains(&of_location), "{asked:#?}");
}

#[test]
fn offline_tells_what_is_set_and_sends_nothing() {
    let tenant = Tenant::new(&[]);
    let run = Flowship::new()
        .against(&tenant)
        .args(["doctor", "--offline"])
        .run()
        .exit(0)
        .stdout_has("JSON, wrapped in `oauth`, of type ClientId/Secret")
        .stdout_has("nothing wrong was found offline");
    assert_eq!(tenant.request_log().entries, [], "{}", run.stdout);
    offline(&[("CPI_SERVICE_KEY", &key(&[]))])
        .exit(0)
        .stdout_has("CPI_SERVICE_KEY (set, ")
        .stdout_has("api (Process Integration Runtime)")
        .stdout_has("Cloud Foundry, region eu10-002, subdomain dev");
}

#[test]
fn offline_names_keys_that_can_never_work() {
    let caller = key(&[("clientid", "sb-it-rt-1!b42|it-rt-dev!b77")]);
    let runtime = key(&[(
        "url",
        "https://dev.it-cpi1-rt.cfapps.eu10-002.hana.ondemand.com",
    )]);
    let portal =
        json!({"clientId": "a", "clientSecret": "hunter22", "tokenUrl": TOKEN_URL, "url": URL})
            .to_string();
    let half = key(&[("clientsecret", "01234567-89ab-cdef-0123-456789abcdef")]);
    let other = key(&[(
        "tokenurl",
        "https://prod.authentication.eu10.hana.ondemand.com/oauth/token",
    )]);
    let swapped = key(&[("tokenurl", URL), ("url", TOKEN_URL)]);
    for (key, code, says) in [
        (caller.as_str(), 2, "the plan is integration-flow"),
        (&runtime, 2, "address of the runtime"),
        (&portal, 2, "API Management"),
        (
            &key(&[("url", "https://cockpit.eu10.hana.ondemand.com/cockpit/#/x")]),
            2,
            "address of the cockpit",
        ),
        (&swapped, 2, "is the address of a"),
        (&key(&[("clientsecret", "")]), 2, "missing: clientsecret"),
        ("{\"oauth\": {", 2, "is cut"),
        ("hunter22", 2, "is neither the JSON of a service key"),
        (&half, 0, "those of service keys usually go on after a `$`"),
        (&other, 0, "the tenant will not take the token (401)"),
    ] {
        offline(&[("CPI_SERVICE_KEY", key)])
            .exit(code)
            .stdout_has(says);
    }
    offline(&[("CPI_CLIENTID", "x"), ("CPI_URL", URL)])
        .exit(2)
        .stdout_has("nothing reads CPI_CLIENTID (did you mean CPI_CLIENT_ID?)");
    offline(&[("CPI_SERVICE_KEY", "")])
        .exit(2)
        .stdout_has("set, but empty, which counts as unset: CPI_SERVICE_KEY");
    let nothing = offline(&[]).exit(2);
    golden::is("doctor-nothing.txt", &nothing.stdout);
}

#[test]
fn addresses_as_pasted_from_a_browser_are_understood() {
    for pasted in [
        format!("{URL}/shell/design"),
        format!("{URL}/itspaces/shell/design/contentpackage/x"),
        format!("{URL}/api/v1/"),
        URL.trim_start_matches("https://").to_owned(),
    ] {
        offline(&[("CPI_SERVICE_KEY", &key(&[("url", &pasted)]))])
            .exit(0)
            .stdout_has(&format!("; tenant {URL}\n"));
    }
}

#[test]
fn parameters_to_paste() {
    for (wanted, roles) in [
        ("deploy", 5),
        ("redeploy", 4),
        ("plan", 2),
        ("status", 2),
        ("download", 1),
        ("undeploy", 2),
    ] {
        let run = Flowship::new()
            .args(["doctor", "--print-instance-parameters", "--for", wanted])
            .run()
            .exit(0);
        let parameters: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            parameters["roles"].as_array().unwrap().len(),
            roles,
            "{wanted}"
        );
        assert_eq!(parameters["grant-types"], json!(["client_credentials"]));
    }
    Flowship::new()
        .args(["doctor", "--for", "cooking"])
        .run()
        .exit(2)
        .stderr_has("deploy, redeploy, plan, status, download, undeploy");
}

#[test]
fn json_says_the_same() {
    let run = examined(&["roles-missing=MonitoringDataRead"], &["--output", "json"]).exit(4);
    let whole = run.json();
    assert_eq!(
        (&whole["ready"], &whole["exit_code"], &whole["for"]),
        (&json!(false), &json!(4), &json!("deploy"))
    );
    let findings = whole["findings"].as_array().unwrap();
    let failed: Vec<&Value> = findings
        .iter()
        .filter(|one| one["state"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{whole:#}");
    assert_eq!(failed[0]["subject"], "roles");
    let pasted = failed[0]["fixes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|fix| fix["paste"].as_str());
    assert!(
        pasted
            .into_iter()
            .any(|text| text.starts_with("cf update-service"))
    );
    let nothing = Flowship::new()
        .args(["doctor", "--output", "json"])
        .run()
        .exit(2)
        .json();
    assert_eq!(nothing["exit_code"], 2);
}

#[test]
fn quiet_tells_only_what_is_not_well() {
    let run = examined(&[], &["--quiet"]).exit(0);
    assert_eq!(run.stdout, "ready for deploy\n");
}

#[test]
fn the_sandbox_can_be_examined_too() {
    Flowship::new()
        .args([
            "doctor",
            "--sandbox",
            "--scenario",
            "roles-missing=WorkspaceArtifactsDeploy",
        ])
        .run()
        .exit(4)
        .stdout_has("SIMULATED failed  roles           deploy lacks WorkspaceArtifactsDeploy");
}

/// A deployment names the same causes, and sends nothing that writes.
#[test]
fn a_deployment_names_the_same_causes() {
    let flow = Flow::new();
    for (scenarios, says) in [
        (&["foreign-token"][..], "the key belongs to another tenant"),
        (
            &["token-scopes=caller"][..],
            "the key is of plan integration-flow",
        ),
        (
            &["token-scopes=api-management"][..],
            "the key is one of API Management",
        ),
        (
            &["token-scopes=none", "roles-missing=MonitoringDataRead"][..],
            "add MonitoringDataRead to the roles",
        ),
    ] {
        let tenant = Tenant::new(scenarios);
        Flowship::deploy(&tenant, flow.path())
            .run()
            .exit(4)
            .stderr_has(says);
        tenant.is_untouched();
    }
}

/// A flow that belongs to another runtime is refused before the write, unless that runtime is looked at.
#[test]
fn flows_of_an_edge_cell_need_its_location() {
    let (old, new) = (Flow::new(), Flow::changed());
    let tenant = Tenant::holding(&["location=plant1"], vec![old.deployed(&[])]);
    Flowship::deploy(&tenant, new.path())
        .run()
        .exit(2)
        .stderr_has("SAP_ProfileId=integrationcell")
        .stderr_has("CPI_RUNTIME_LOCATION")
        .stderr_has("--set 'SAP_ProfileId=iflmap'");
    tenant.is_untouched();
    Flowship::deploy(&tenant, new.path())
        .env("CPI_RUNTIME_LOCATION", "plant1")
        .run()
        .exit(0)
        .verdict("started");
    tenant.runs(&new);
    let asked = tenant.requests();
    let at_location = |request: &String| request.contains("/location/plant1/");
    assert!(
        asked
            .iter()
            .all(|request| at_location(request) == request.contains("IntegrationRuntimeArtifacts")),
        "{asked:#?}"
    );
}

/// Only the roles of the calls that are really needed are asked for.
#[test]
fn a_key_that_may_only_read_is_enough_where_nothing_changed() {
    let flow = Flow::new();
    let scenario = "roles-missing=WorkspacePackagesEdit,WorkspaceArtifactsDeploy";
    let tenant = Tenant::holding(&[scenario], vec![flow.deployed(&[])]);
    Flowship::deploy(&tenant, flow.path())
        .run()
        .exit(0)
        .verdict("unchanged");
    Flowship::deploy(&tenant, Flow::changed().path())
        .run()
        .exit(4)
        .stderr_has("the key lacks the role WorkspacePackagesEdit, WorkspaceArtifactsDeploy");
    tenant.is_untouched();
}

#[test]
fn files_of_the_network_are_looked_at_offline_too() {
    for (name, value, subject) in [
        ("CPI_CA_FILE", "nosuch.pem", "trust"),
        ("HTTPS_PROXY", "socks5://proxy:1080", "proxy"),
    ] {
        let call = |arguments: &[&str]| {
            Flowship::new()
                .env("CPI_SERVICE_KEY", key(&[]))
                .env(name, value)
                .args(["doctor", "--offline"])
                .args(arguments)
                .run()
                .exit(2)
        };
        call(&[]).stdout_has(&format!("first mend `{subject}`"));
        let whole = call(&["--output", "json"]).json();
        let findings = whole["findings"].as_array().unwrap();
        assert!(
            findings
                .iter()
                .any(|one| one["subject"] == subject && one["state"] == "failed")
        );
    }
}

#[test]
fn a_flow_of_the_cloud_is_not_sent_where_only_a_location_is_looked_at() {
    let flow = Flow::new();
    let tenant = Tenant::new(&["location=plant1"]);
    Flowship::deploy(&tenant, flow.path())
        .env("CPI_RUNTIME_LOCATION", "plant1")
        .args(["--set", "SAP_ProfileId=iflmap"])
        .run()
        .exit(2)
        .stderr_has("unset CPI_RUNTIME_LOCATION");
    tenant.is_untouched();
}
