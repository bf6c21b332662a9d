//! Other people at work.

use super::*;

#[test]
fn other_people_get_in_between() {
    let client = Client::with_flow(&["foreign-deploy"]);
    client.update(&content("Flow", "1.0.4", "IntegrationFlow", ""));
    let before = client.runtime().unwrap().1;
    client.deploy();
    let tenant = locked(&client.sandbox.service.tenant);
    let records = (0..1000).filter_map(|step| tenant.runtime["Flow"].at(f64::from(step) * 0.1));
    let mut seen: Vec<_> = records
        .map(|record| {
            (
                record.deployed_on,
                record.deployed_by == state::COLLEAGUE,
                &record.version,
            )
        })
        .collect();
    seen.dedup();
    assert!(seen.is_sorted() && seen[0].0 == before);
    let seen: Vec<_> = seen
        .into_iter()
        .map(|(_, foreign, version)| (foreign, version.as_str()))
        .collect();
    assert_eq!(seen, [(false, "1.0.3"), (true, "1.0.3"), (false, "1.0.4")]);
    drop(tenant);

    for (moment, runs_theirs) in [
        ("before-deploy", true),
        ("after-deploy", false),
        ("after-upload", true),
    ] {
        let client = Client::quiet(&[&format!("foreign-save={moment}")]);
        client.create(FLOWS, "Flow", &flow());
        client.deploy();
        client.until(|| client.sandbox.running("Flow").is_some());
        assert_eq!(
            client.sandbox.design("Flow").unwrap().modified_by,
            "colleague@example.com"
        );
        let running = client.sandbox.running("Flow").unwrap();
        assert_eq!(
            bundle::file(&running.zip, "src/main/resources/script/colleague.groovy").is_some(),
            runs_theirs,
            "{moment}"
        );
    }
}

#[test]
fn a_colleague_does_what_and_when_the_caller_chooses() {
    let client = Client::with_flow(&[]);
    let sandbox = &client.sandbox;
    let theirs = content("Flow", "1.0.3", "IntegrationFlow", "host=theirs\nport=1\n");
    assert!(!sandbox.colleague("Unknown", &Deed::Lock));
    assert!(!sandbox.colleague("Flow", &Deed::Configure("unknown".into(), "x".into())));
    assert!(!sandbox.colleague("Flow", &Deed::Save(b"no zip".to_vec())));
    assert!(sandbox.colleague("Flow", &Deed::Draft(theirs.clone())));
    let design = sandbox.design("Flow").unwrap();
    assert_eq!(
        (
            design.draft,
            design.modified_by.as_str(),
            design.zip == theirs
        ),
        (true, state::COLLEAGUE, true)
    );
    assert!(sandbox.colleague("Flow", &Deed::Configure("port".into(), "9".into())));
    assert!(sandbox.colleague("Flow", &Deed::Lock));
    assert_eq!(client.update(&flow()).status, 500);
    assert!(sandbox.colleague("Flow", &Deed::Unlock));
    assert!(sandbox.colleague("Flow", &Deed::Deploy));
    client.until(|| sandbox.runs_as_stored("Flow"));
    assert!(sandbox.design("Flow").is_some());
    assert!(sandbox.colleague("Flow", &Deed::Delete));
    assert!(sandbox.design("Flow").is_none());
    let history = sandbox.history("Flow");
    let (since, last) = history.last().unwrap();
    let last = last.as_ref().unwrap();
    assert!(history.is_sorted_by(|one, next| one.0 <= next.0) && *since <= sandbox.now());
    assert_eq!(
        (last.deployed_by.as_str(), last.parameters["port"].as_str()),
        (state::COLLEAGUE, "9")
    );
    assert_eq!(sandbox.deployments("Flow"), 0, "no client asked for it");
}

#[test]
fn who_watches_sees_a_request_before_its_answer_is_sent() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let journal = Arc::clone(&seen);
    let sandbox = Sandbox::start(SandboxOptions {
        watch: Some(Box::new(move |entry| {
            locked(&journal).push((entry.method.clone(), entry.status, entry.carried_out));
        })),
        ..SandboxOptions::default()
    })
    .unwrap();
    let mut stream = TcpStream::connect(sandbox.server.address).unwrap();
    stream
        .write_all(b"GET /api/v1/IntegrationPackages HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    receive(&mut BufReader::new(stream)).unwrap();
    assert_eq!(*locked(&seen), [("GET".to_owned(), Some(401), false)]);
}

#[test]
fn somebody_saves_each_of_several_artifacts_once() {
    let client = Client::quiet(&["foreign-save=after-upload"]);
    for id in ["A", "B"] {
        client.create(FLOWS, id, &content(id, "1.0.0", "IntegrationFlow", ""));
        assert_eq!(
            client.sandbox.design(id).unwrap().modified_by,
            state::COLLEAGUE,
            "{id}"
        );
    }
}
