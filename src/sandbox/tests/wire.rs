//! Connections and faults on the wire.

use super::*;

#[test]
fn many_callers_are_served_at_once() {
    let client = Client::with_flow(&["latency=4"]);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(client.get(FLOW).status, 200));
        }
    });
    // one after the other they would take eight seconds
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn faults_hit_the_wire() {
    let on = |fault: &str| {
        Client::start(
            &[&format!("fault={fault}@GET:Packages#1")],
            20.0,
            vec![preloaded()],
        )
    };
    let statuses = [
        ("429", 429),
        ("429-date", 429),
        ("429-bare", 429),
        ("500-empty", 500),
        ("502", 502),
        ("503", 503),
        ("504", 504),
        ("502-after", 502),
        ("404-page", 404),
        ("200-page", 200),
        ("401", 401),
        ("redirect", 302),
        ("html-login", 200),
        ("slow-body", 200),
    ];
    for (fault, status) in statuses {
        let client = on(fault);
        assert_eq!(client.get("IntegrationPackages").status, status, "{fault}");
        assert_eq!(
            client.get("IntegrationPackages").status,
            200,
            "{fault}: only once"
        );
    }
    for fault in ["cut-before", "cut-after", "truncated", "garbage"] {
        let client = on(fault);
        assert!(
            client
                .request("GET", "/api/v1/IntegrationPackages", "", b"")
                .is_err(),
            "{fault}"
        );
        assert_eq!(
            client.get("IntegrationPackages").status,
            200,
            "{fault}: only once"
        );
    }
}

#[test]
fn work_is_done_before_or_not_at_all() {
    for (fault, done) in [
        ("cut-before", false),
        ("cut-upload", false),
        ("502", false),
        ("cut-after", true),
        ("504-after", true),
        ("truncated", true),
    ] {
        // the first request is for the token, the second creates the package
        let client = Client::start(&[&format!("fault={fault}@2")], 20.0, Vec::new());
        let body =
            json!({"Id": "Q", "Name": "Q", "ShortText": "Q", "Description": "x".repeat(200_000)})
                .to_string();
        let _ = client.request(
            "POST",
            "/api/v1/IntegrationPackages",
            "Content-Type: application/json\r\n",
            body.as_bytes(),
        );
        assert_eq!(client.sandbox.package("Q").is_some(), done, "{fault}");
        let journal = client.sandbox.request_log();
        assert_eq!(journal.entries[1].carried_out, done, "{fault}");
        assert_eq!(journal.entries[1].fault.as_deref(), Some(fault));
    }
}

#[test]
fn a_hanging_request_blocks_nobody_and_drop_is_quick() {
    let client = Client::start(&["fault=hang@GET:Packages#1"], 20.0, Vec::new());
    let mut hanging = client.connect();
    client
        .send(&mut hanging, "GET", "/api/v1/IntegrationPackages", "", b"")
        .unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(client.get("IntegrationPackages").status, 200);
    let started = Instant::now();
    drop(client);
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(hanging.read_to_end(&mut Vec::new()).is_ok());
}

#[test]
fn one_connection_serves_many_requests() {
    let client = Client::quiet(&[]);
    let mut stream = client.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for status in [200, 404, 200] {
        let path = if status == 404 {
            "/api/v1/IntegrationPackages('no')"
        } else {
            "/api/v1/IntegrationPackages"
        };
        client.send(&mut stream, "GET", path, "", b"").unwrap();
        let reply = receive(&mut reader).unwrap();
        assert_eq!(reply.status, status);
        assert!(httpdate::parse_http_date(&reply.headers["date"]).is_ok());
    }
    client
        .send(
            &mut stream,
            "HEAD",
            "/api/v1/IntegrationPackages",
            "Connection: close\r\n",
            b"",
        )
        .unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(
        rest.starts_with("HTTP/1.1 501") && rest.ends_with("\r\n\r\n"),
        "{rest}"
    );
}

#[test]
fn who_waits_for_continue_is_refused_before_the_upload() {
    let mut client = Client::quiet(&[]);
    let expect =
        "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 90000000\r\n";
    let head = |authorization: &str, headers: &str| {
        format!(
            "POST /api/v1/IntegrationPackages HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n{headers}\r\n"
        )
    };
    let mut stream = client.connect();
    stream
        .write_all(head("Bearer no", expect).as_bytes())
        .unwrap();
    let refused = receive(&mut BufReader::new(&stream)).unwrap();
    assert_eq!(
        (refused.status, refused.headers["connection"].as_str()),
        (401, "close")
    );

    client.accept = "application/json";
    let body = json!({"Id": "Q", "Name": "Q", "ShortText": "s"}).to_string();
    let headers = format!(
        "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let mut stream = client.connect();
    stream
        .write_all(head(&client.authorization, &headers).as_bytes())
        .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(receive(&mut reader).unwrap().status, 100);
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(receive(&mut reader).unwrap().status, 201);

    let mut stream = client.connect();
    stream
        .write_all(head(&client.authorization, "Transfer-Encoding: chunked\r\n").as_bytes())
        .unwrap();
    assert_eq!(receive(&mut BufReader::new(&stream)).unwrap().status, 411);
}

#[test]
fn a_service_root_can_lie_below_a_path() {
    let client = Client::start(&["api-prefix=/location/edge1"], 1.0, Vec::new());
    assert!(client.sandbox.url().ends_with("/location/edge1"));
    assert_eq!(
        client
            .request("GET", "/location/edge1/api/v1/IntegrationPackages", "", b"")
            .unwrap()
            .status,
        200
    );
    assert_eq!(client.get("IntegrationPackages").status, 404);
}

#[test]
fn the_journal_holds_no_secrets() {
    let client = Client::quiet(&["latency=0.2"]);
    let secret = client.sandbox.service.credentials.client_secret.clone();
    let path = format!(
        "/oauth/token?grant_type=client_credentials&client_secret={}",
        super::path::encode(&secret)
    );
    client.request("POST", &path, "", b"").unwrap();
    let journal = client.sandbox.request_log();
    assert!(journal.entries.last().unwrap().secret_in_target);
    let shown = client.request("GET", "/sandbox/journal", "", b"").unwrap();
    assert!(!shown.text().contains(&secret) && !format!("{journal:?}").contains(&secret));
    assert_eq!(shown.json()["requests"].as_array().unwrap().len(), 3);
    assert_eq!(journal.matching("POST", "IntegrationPackages").len(), 1);
    let state = client
        .request("GET", "/sandbox/state", "", b"")
        .unwrap()
        .json();
    assert_eq!(state["packages"][0]["id"], "P");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn arbitrary_requests_do_no_harm(path in "[!-~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..80), put in any::<bool>()) {
        let client = Client::with_flow(&[]);
        let method = if put { "PUT" } else { "POST" };
        for path in [format!("/api/v1/{path}"), format!("/api/v1/{FLOW}/{path}"), format!("/{path}")] {
            let _ = client.request(method, &path, "Content-Type: application/json\r\n", &body);
            let _ = client.request("GET", &path, "", b"");
        }
        let mut stream = client.connect();
        let _ = stream.write_all(&body);
        drop(stream);
        prop_assert_eq!(client.get(FLOW).status, 200);
    }
}
