//! Tokens, basic authentication, CSRF, roles and pace.

use super::*;

#[test]
fn the_token_endpoint_is_strict() {
    let client = Client::start(&[], 1.0, Vec::new());
    let credentials = &client.sandbox.service.credentials;
    let form_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let encode = super::path::encode;
    let good = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        encode(&credentials.client_id),
        encode(&credentials.client_secret)
    );
    let nobody = Client {
        authorization: "Basic eDp5".to_owned(),
        ..client
    };
    let post = |path: &str, headers: &str, body: &str| {
        nobody
            .request("POST", path, headers, body.as_bytes())
            .unwrap()
    };
    let wrong = post("/oauth/token?grant_type=client_credentials", "", "");
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str()),
        (401, Some("unauthorized"))
    );
    let anonymous = Client {
        authorization: String::new(),
        ..nobody
    };
    let post = |path: &str, headers: &str, body: &str| {
        anonymous
            .request("POST", path, headers, body.as_bytes())
            .unwrap()
    };
    let by_form = post("/oauth/token", form_type, &good);
    assert_eq!(
        (by_form.status, by_form.json()["expires_in"].as_i64()),
        (200, Some(43_199))
    );
    assert_eq!(
        post(
            "/oauth/token",
            form_type,
            &good.replace("client_credentials", "password")
        )
        .status,
        400
    );
    assert_eq!(
        post("/oauth/token", form_type, good.split_once('&').unwrap().1).status,
        400
    );
    assert_eq!(post("/oauth/token", "", &good).status, 401);
    assert_eq!(
        anonymous
            .request("GET", "/oauth/token?grant_type=client_credentials", "", b"")
            .unwrap()
            .status,
        405
    );
}

#[test]
fn the_api_wants_a_live_token_and_the_role() {
    let mut client = Client::quiet(&[
        "expired-token=40",
        "roles-missing=MonitoringDataRead,WorkspacePackagesRead",
    ]);
    assert_eq!(
        client.get("IntegrationPackages").status,
        200,
        "Edit reads too"
    );
    let refused = client.get("IntegrationRuntimeArtifacts");
    assert_eq!((refused.status, refused.body.len()), (403, 0));
    assert_eq!(client.get("Nonsense").status, 404);
    client.wait(41.0);
    let dead = client.get("IntegrationPackages");
    assert_eq!(dead.status, 401);
    assert!(dead.headers.contains_key("www-authenticate") && dead.text().starts_with("<html>"));
    client.login();
    assert_eq!(client.get("IntegrationPackages").status, 200);
    client.authorization = "Bearer nonsense".to_owned();
    assert_eq!(client.get("IntegrationPackages").status, 401);
}

#[test]
fn basic_authentication_needs_the_csrf_token_of_its_session() {
    let mut client = Client::start(&["basic-only"], 1.0, Vec::new());
    assert_eq!(client.get("IntegrationPackages").status, 401);
    client.basic();
    let refused = client.create_package("P");
    assert_eq!(
        (refused.status, refused.headers["x-csrf-token"].as_str()),
        (403, "Required")
    );
    let fetched = client
        .request("GET", "/api/v1/", "X-CSRF-Token: Fetch\r\n", b"")
        .unwrap();
    assert_eq!(fetched.status, 200);
    let (token, cookie) = (
        &fetched.headers["x-csrf-token"],
        fetched.headers["set-cookie"].split(';').next().unwrap(),
    );
    let body = json!({"Id": "P", "Name": "P", "ShortText": "s"}).to_string();
    let post = |headers: String| {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        client
            .request(
                "POST",
                "/api/v1/IntegrationPackages",
                &headers,
                body.as_bytes(),
            )
            .unwrap()
            .status
    };
    assert_eq!(post(format!("X-CSRF-Token: {token}\r\n")), 403);
    assert_eq!(post(format!("Cookie: {cookie}\r\n")), 403);
    assert_eq!(
        post(format!(
            "X-CSRF-Token: {token}\r\nCookie: a=b; {cookie}\r\n"
        )),
        201
    );
}

#[test]
fn csrf_and_neo_want_it_with_tokens_too() {
    for scenario in ["csrf", "neo"] {
        let client = Client::start(&[scenario], 1.0, Vec::new());
        assert_eq!(
            client.create_package("P").headers["x-csrf-token"],
            "Required",
            "{scenario}"
        );
    }
    let neo = Client::start(&["neo"], 1.0, Vec::new());
    let variables: HashMap<_, _> = neo.sandbox.variables().into_iter().collect();
    assert!(variables["CPI_TOKEN_URL"].ends_with("/oauth2/api/v1/token"));
    let path = "/oauth2/api/v1/token?grant_type=client_credentials";
    let mut again = neo;
    again.authorization = format!(
        "Basic {}",
        STANDARD.encode(format!(
            "{}:{}",
            variables["CPI_CLIENT_ID"], variables["CPI_CLIENT_SECRET"]
        ))
    );
    assert_eq!(
        again.request("POST", path, "", b"").unwrap().json()["expires_in"],
        0
    );
}

#[test]
fn too_many_requests_are_refused() {
    for (word, header) in [("none", false), ("seconds", true), ("date", true)] {
        let client = Client::start(&[&format!("rate-limit=3,{word}")], 1.0, Vec::new());
        let replies: Vec<Reply> = (0..5).map(|_| client.get("IntegrationPackages")).collect();
        assert_eq!(
            replies.iter().map(|reply| reply.status).collect::<Vec<_>>(),
            [200, 200, 200, 429, 429]
        );
        assert_eq!(
            replies[4].headers.contains_key("retry-after"),
            header,
            "{word}"
        );
    }
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
