//! The sandbox seen from a socket: raw requests, so that no HTTP library hides anything.

mod many;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bundle::tests::zip_of;
use super::*;

const FLOWS: &str = "IntegrationDesigntimeArtifacts";
const FLOW: &str = "IntegrationDesigntimeArtifacts(Id='Flow',Version='active')";
const PROP: &str = "src/main/resources/parameters.prop";

fn content(id: &str, version: &str, kind: &str, prop: &str) -> Vec<u8> {
    let manifest = format!(
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: {id}; singleton:=true\r\nBundle-Name: {id} name\r\n\
         Bundle-Version: {version}\r\nSAP-BundleType: {kind}\r\n"
    );
    let model = "<m><p><key>urlPath</key><value>/orders</value></p></m>";
    zip_of(&[
        ("META-INF/MANIFEST.MF", &manifest),
        (PROP, prop),
        ("src/main/resources/script/a.groovy", "// a"),
        ("src/main/resources/mapping/m.mmap", "m"),
        ("metainfo.prop", "description=Described\n"),
        (
            "src/main/resources/scenarioflows/integrationflow/f.iflw",
            model,
        ),
    ])
}

fn flow() -> Vec<u8> {
    content("Flow", "1.0.3", "IntegrationFlow", "host=a\nport=1\n")
}

fn preloaded() -> Preload {
    let configured = vec![("port".to_owned(), "2".to_owned())];
    Preload {
        package_id: "P".to_owned(),
        zip: flow(),
        deployed: true,
        configured,
    }
}

/// An answer as it came over the wire.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn message(&self) -> String {
        self.json()["error"]["message"]["value"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A client that does nothing by itself.
struct Client {
    address: SocketAddr,
    authorization: String,
    accept: &'static str,
    sandbox: Sandbox,
}

impl Client {
    fn start(scenarios: &[&str], speed: f64, preload: Vec<Preload>) -> Self {
        let scenarios = scenarios
            .iter()
            .map(|text| Scenario::parse(text).unwrap())
            .collect();
        let options = SandboxOptions {
            scenarios,
            speed,
            preload,
            seed: Some(7),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start(options).unwrap();
        let mut client = Self {
            address: sandbox.server.address,
            authorization: String::new(),
            accept: "application/json",
            sandbox,
        };
        client.login();
        client
    }

    /// A quiet tenant with package P, at twenty times the speed.
    fn quiet(scenarios: &[&str]) -> Self {
        let client = Self::start(scenarios, 20.0, Vec::new());
        client.create_package("P");
        client
    }

    /// The same, with a running flow in it.
    fn with_flow(scenarios: &[&str]) -> Self {
        Self::start(scenarios, 20.0, vec![preloaded()])
    }

    fn login(&mut self) {
        let credentials = &self.sandbox.service.credentials;
        let pair = STANDARD.encode(format!(
            "{}:{}",
            credentials.client_id, credentials.client_secret
        ));
        self.authorization = format!("Basic {pair}");
        let reply = self.request(
            "POST",
            "/oauth/token?grant_type=client_credentials",
            "",
            b"",
        );
        if let Ok(reply) = reply
            && reply.status == 200
        {
            self.authorization =
                format!("Bearer {}", reply.json()["access_token"].as_str().unwrap());
        }
    }

    fn basic(&mut self) {
        let credentials = &self.sandbox.service.credentials;
        let pair = STANDARD.encode(format!("{}:{}", credentials.username, credentials.password));
        self.authorization = format!("Basic {pair}");
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut stream = self.connect();
        self.send(&mut stream, method, path, headers, body)?;
        receive(&mut BufReader::new(stream))
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn send(
        &self,
        stream: &mut TcpStream,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> std::io::Result<()> {
        let path = path.replace(' ', "%20");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nAccept: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.authorization,
            self.accept,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)
    }

    fn api(&self, method: &str, path: &str, body: &Value) -> Reply {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        self.request(
            method,
            &format!("/api/v1/{path}"),
            "Content-Type: application/json\r\n",
            &bytes,
        )
        .unwrap()
    }

    fn get(&self, path: &str) -> Reply {
        self.api("GET", path, &Value::Null)
    }

    fn create_package(&self, id: &str) -> Reply {
        self.api(
            "POST",
            "IntegrationPackages",
            &json!({"d": {"Id": id, "Name": id, "ShortText": id}}),
        )
    }

    fn create(&self, set: &str, id: &str, zip: &[u8]) -> Reply {
        let name = id.replace(['\'', '%'], "_");
        let body = json!({"Id": id, "Name": name, "PackageId": "P", "ArtifactContent": STANDARD.encode(zip)});
        self.api("POST", set, &body)
    }

    fn update(&self, zip: &[u8]) -> Reply {
        self.api(
            "PUT",
            FLOW,
            &json!({"ArtifactContent": STANDARD.encode(zip)}),
        )
    }

    fn deploy(&self) -> Reply {
        self.api(
            "POST",
            "DeployIntegrationDesigntimeArtifact?Id='Flow'&Version='active'",
            &Value::Null,
        )
    }

    fn runtime(&self) -> Option<(String, i64)> {
        let reply = self.get("IntegrationRuntimeArtifacts('Flow')");
        (reply.status == 200).then(|| {
            let d = &reply.json()["d"];
            let date = d["DeployedOn"]
                .as_str()
                .unwrap()
                .trim_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .unwrap();
            (d["Status"].as_str().unwrap().to_owned(), date)
        })
    }

    fn task(&self, id: &str) -> String {
        let reply = self.get(&format!("BuildAndDeployStatus(TaskId='{id}')"));
        if reply.status == 200 {
            reply.json()["d"]["Status"].as_str().unwrap().to_owned()
        } else {
            reply.status.to_string()
        }
    }

    /// The different task and run-time states of the next twenty seconds, looked up in what is planned.
    fn foreseen(&self, task: &str) -> (String, String) {
        let tenant = locked(&self.sandbox.service.tenant);
        let (mut tasks, mut states): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        let task = &tenant.tasks[task];
        for step in 0..400 {
            let at = task.statuses[0].0 + f64::from(step) * 0.05;
            tasks.push(task.status(at).unwrap_or("404"));
            let record = tenant.runtime["Flow"].at(at);
            states.push(record.map_or("404", |record| record.status.as_str()));
        }
        tasks.dedup();
        states.dedup();
        (tasks.join(" "), states.join(" "))
    }

    /// Looks again and again; machines may be slow.
    fn until(&self, reached: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !reached() {
            assert!(Instant::now() < end, "never reached: {:?}", self.runtime());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn status(&self, path: &str) -> u16 {
        self.get(path).status
    }

    fn wait(&self, tenant_seconds: f64) {
        thread::sleep(self.sandbox.service.setting.clock.lasting(tenant_seconds));
    }
}

fn receive(reader: &mut impl BufRead) -> std::io::Result<Reply> {
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(broken)?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(broken());
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Reply {
        status,
        headers,
        body,
    })
}

// ---- who may come in

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

// ---- what is written and read

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

#[test]
fn lists_are_filtered_and_paged() {
    let client = Client::quiet(&["page-size=2"]);
    for id in ["A", "B", "C"] {
        client.create_package(id);
    }
    let list = client
        .get("IntegrationPackages?$inlinecount=allpages&$orderby=Id desc")
        .json()["d"]
        .clone();
    assert_eq!(
        (
            list["results"].as_array().unwrap().len(),
            list["__count"].as_str()
        ),
        (2, Some("4"))
    );
    let next = list["__next"]
        .as_str()
        .unwrap()
        .split_once("/api/v1/")
        .unwrap()
        .1
        .to_owned();
    let rest = client.get(&next).json()["d"].clone();
    assert_eq!(
        (
            rest["results"][0]["Id"].as_str(),
            rest["results"][1]["Id"].as_str()
        ),
        (Some("B"), Some("A"))
    );
    assert_eq!(client.get("IntegrationPackages/$count").text(), "4");
    assert_eq!(
        client.get("IntegrationPackages?$top=1&$skip=1").json()["d"]["results"][0]["Id"],
        "B"
    );
    assert_eq!(client.get("IntegrationPackages?$expand=X").status, 501);
}

#[test]
fn artifacts_are_created_once_and_renamed() {
    let client = Client::quiet(&[]);
    let created = client.create(FLOWS, "Other-1", &flow());
    assert_eq!(created.status, 201);
    let d = &created.json()["d"];
    assert_eq!(
        (
            d["Id"].as_str(),
            d["Version"].as_str(),
            d["PackageId"].as_str()
        ),
        (Some("Other-1"), Some("1.0.3"), Some("P"))
    );
    let zip = client.get("IntegrationDesigntimeArtifacts(Version='ACTIVE',Id='Other-1')/$value");
    assert!(zip.headers["content-disposition"].contains("filename=Other-1.zip"));
    assert_eq!(
        bundle::Bundle::read(&zip.body).unwrap().symbolic_name,
        "Other-1"
    );
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='Other-1',Version='1.0.3')")
            .status,
        200
    );
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='Other-1',Version='1.0.2')")
            .status,
        404
    );

    let twice = client.create(
        "ScriptCollectionDesigntimeArtifacts",
        "Other-1",
        &content("x", "1.0.0", "ScriptCollection", ""),
    );
    assert_eq!(twice.status, 500);
    let text = "A script collection Other-1 with the ID Other-1 already exists in the P package. Please rename the artifact ID.";
    assert_eq!(twice.message(), text);

    let zip = STANDARD.encode(flow());
    let refused = [
        (json!({"Id": "X", "Name": "X", "PackageId": "Nowhere"}), 404),
        (json!({"Id": "X", "Name": "1X", "PackageId": "P"}), 400),
        (json!({"Id": "X", "Name": "X.", "PackageId": "P"}), 400),
        (json!({"Id": "X", "Name": "X (y)", "PackageId": "P"}), 400),
        (json!({"Name": "X", "PackageId": "P"}), 400),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": "!"}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": "aGVsbG8="}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": STANDARD.encode(zip_of(&[("a", "b")]))}),
            400,
        ),
        (
            json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": zip, "Mode": "x"}),
            400,
        ),
        (json!({"Id": "X", "Name": 7, "PackageId": "P"}), 400),
    ];
    for (body, status) in refused {
        assert_eq!(client.api("POST", FLOWS, &body).status, status, "{body}");
    }
    let wrong_type = client.api(
        "POST",
        "MessageMappingDesigntimeArtifacts",
        &json!({"Id": "X", "Name": "X", "PackageId": "P", "ArtifactContent": zip}),
    );
    assert_eq!(wrong_type.status, 400);
    assert_eq!(
        client
            .api(
                "POST",
                FLOWS,
                &json!({"Id": "Empty", "Name": "Empty", "PackageId": "P"})
            )
            .status,
        201
    );
    assert_eq!(
        client
            .request(
                "POST",
                "/api/v1/IntegrationPackages",
                "Content-Type: text/xml\r\n",
                b"<x/>"
            )
            .unwrap()
            .status,
        415
    );
    assert_eq!(client.get(FLOWS).status, 501);
    let flows = client
        .get("IntegrationPackages('P')/IntegrationDesigntimeArtifacts")
        .json();
    assert_eq!(flows["d"]["results"].as_array().unwrap().len(), 2);
}

#[test]
fn keys_with_quotes_and_percent_signs_work() {
    let client = Client::quiet(&[]);
    let created = client.create(FLOWS, "O'Neil 5%25", &flow());
    let uri = created.json()["d"]["__metadata"]["uri"]
        .as_str()
        .unwrap()
        .split_once("/api/v1/")
        .unwrap()
        .1
        .to_owned();
    assert_eq!(
        uri,
        "IntegrationDesigntimeArtifacts(Id='O%27%27Neil%205%2525',Version='1.0.3')"
    );
    assert_eq!(created.status, 201);
    assert_eq!(client.get(&uri).status, 200);
    assert_eq!(
        client
            .get("IntegrationDesigntimeArtifacts(Id='O'Neil',Version='active')")
            .status,
        400
    );
}

#[test]
fn updates_are_empty_and_strict() {
    let client = Client::quiet(&[]);
    client.create(FLOWS, "Flow", &flow());
    let updated = client.update(&content("Flow", "1.0.4", "IntegrationFlow", "host=b\n"));
    assert_eq!(
        (
            updated.status,
            updated.body.len(),
            updated.headers["content-length"].as_str()
        ),
        (200, 0, "0")
    );
    let design = client.sandbox.design("Flow").unwrap();
    assert_eq!(
        (design.version.as_str(), design.name.as_str()),
        ("1.0.4", "Flow name")
    );
    let renamed = client.update(&content("Other", "1.0.5", "IntegrationFlow", ""));
    assert_eq!(
        (
            renamed.status,
            renamed.message().contains("Bundle-symbolicName")
        ),
        (400, true)
    );
    let with_id = client.api(
        "PUT",
        FLOW,
        &json!({"Id": "", "ArtifactContent": STANDARD.encode(flow())}),
    );
    assert_eq!(
        (with_id.status, with_id.message().contains("not allowed")),
        (500, true)
    );
    assert_eq!(
        client.api("PUT", FLOW, &json!({"Name": "New name"})).status,
        200
    );
    assert_eq!(client.get(FLOW).json()["d"]["Version"], "Active");
    let saved = client.api(
        "POST",
        "IntegrationDesigntimeArtifactSaveAsVersion?Id='Flow'&SaveAsVersion='2.0.0'",
        &Value::Null,
    );
    assert_eq!((saved.status, saved.body.len()), (200, 0));
    assert_eq!(client.get(FLOW).json()["d"]["Version"], "2.0.0");
    let checked = client.api(
        "POST",
        "ValidateIntegrationDesigntimeArtifact?Id='Flow'&Version='active'",
        &Value::Null,
    );
    assert_eq!(
        (checked.status, checked.text().as_str()),
        (202, "Checkexecutionresult: Passed")
    );

    client.create(
        "ValueMappingDesigntimeArtifacts",
        "VM",
        &content("VM", "1.0.0", "ValueMapping", ""),
    );
    client.create(
        "MessageMappingDesigntimeArtifacts",
        "MM",
        &content("MM", "1.0.0", "MessageMapping", ""),
    );
    let body =
        json!({"ArtifactContent": STANDARD.encode(content("ZZ", "1.0.0", "MessageMapping", ""))});
    assert_eq!(
        client
            .api(
                "PUT",
                "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')",
                &body
            )
            .status,
        501
    );
    let mapping = client.api(
        "PUT",
        "MessageMappingDesigntimeArtifacts(Id='MM',Version='active')",
        &body,
    );
    assert_eq!(
        (mapping.status, mapping.message().as_str()),
        (500, "BUNDLE_SYMBOLIC_NAME_CANNOT_BE_UPDATED")
    );
    assert_eq!(
        client.get("MessageMappingDesigntimeArtifacts").json()["d"]["results"][0]["Id"],
        "MM"
    );
    assert_eq!(
        client
            .get("MessageMappingDesigntimeArtifacts(Id='MM',Version='active')/Configurations")
            .status,
        404
    );
    assert_eq!(client.api("DELETE", FLOW, &Value::Null).status, 200);
    assert_eq!(
        client.get(FLOW).message(),
        "Integration design time artifact not found."
    );
}

#[test]
fn versions_follow_the_chosen_policy() {
    let cases = [
        ("raise", "1.0.3", "1.0.3"),
        ("manifest", "1.0.3", "1.0.1"),
        ("keep", "1.0.3", "1.0.3"),
        ("create-1.0.0", "1.0.0", "1.0.0"),
    ];
    for (policy, created, updated) in cases {
        let client = Client::quiet(&[&format!("version-policy={policy}")]);
        assert_eq!(
            client.create(FLOWS, "Flow", &flow()).json()["d"]["Version"],
            created,
            "{policy}"
        );
        client.update(&content("Flow", "1.0.1", "IntegrationFlow", ""));
        assert_eq!(
            client.sandbox.design("Flow").unwrap().version,
            updated,
            "{policy}"
        );
    }
}

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
    assert_eq!(list["d"]["results"][0]["ResourceSize"], "4");
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

#[test]
fn scenarios_about_what_is_there_refuse_as_documented() {
    let zip = content("Flow", "1.0.4", "IntegrationFlow", "");
    let locked = Client::with_flow(&["locked"]);
    let refused = locked.update(&zip);
    assert_eq!(
        (
            refused.status,
            refused.message().contains("as it is locked.")
        ),
        (500, true)
    );
    assert_eq!(locked.api("DELETE", FLOW, &Value::Null).status, 500);
    assert_eq!(Client::with_flow(&["locked=423"]).update(&zip).status, 423);
    let read_only = Client::with_flow(&["read-only"]);
    assert_eq!(
        (
            read_only.update(&zip).status,
            read_only.get(&format!("{FLOW}/$value")).status
        ),
        (400, 400)
    );
    assert_eq!(
        read_only.get("IntegrationPackages('P')").json()["d"]["Mode"],
        "READ_ONLY"
    );
    let elsewhere = Client::with_flow(&["id-in-other-package"]);
    assert_eq!(
        elsewhere.get(FLOW).json()["d"]["PackageId"],
        "SomebodyElses"
    );
    let hidden = Client::with_flow(&["hidden-by-policy"]);
    hidden.create_package("P");
    assert_eq!(
        (
            hidden.get(FLOW).status,
            hidden.runtime(),
            hidden.create(FLOWS, "Flow", &flow()).status
        ),
        (404, None, 500)
    );
    let draft = Client::with_flow(&["draft"]).get(FLOW).json()["d"].clone();
    assert_eq!(
        (draft["Version"].as_str(), draft["ModifiedBy"].as_str()),
        (Some("Active"), Some("colleague@example.com"))
    );
    let strict = Client::quiet(&["strict-package-id"]);
    assert_eq!(strict.create_package("a_b").status, 400);
    let conflict = Client::with_flow(&["duplicate=409"]);
    assert_eq!(conflict.create(FLOWS, "Flow", &flow()).status, 409);
}

#[test]
fn modified_at_has_the_chosen_format() {
    let shown = |scenarios: &[&str]| {
        Client::with_flow(scenarios).get(FLOW).json()["d"]["ModifiedAt"].clone()
    };
    assert!(shown(&[]).as_str().unwrap().parse::<i64>().is_ok());
    assert!(
        shown(&["modified-at-format=odata"])
            .as_str()
            .unwrap()
            .starts_with("/Date(")
    );
    assert!(
        shown(&["modified-at-format=iso"])
            .as_str()
            .unwrap()
            .ends_with('Z')
    );
    assert_eq!(shown(&["no-modified-at"]), Value::Null);
    let client = Client::with_flow(&["parameter-moves-modified-at"]);
    let before = client.get(FLOW).json()["d"]["ModifiedAt"].clone();
    client.api(
        "PUT",
        &format!("{FLOW}/$links/Configurations('host')"),
        &json!({"ParameterValue": "b"}),
    );
    assert_ne!(client.get(FLOW).json()["d"]["ModifiedAt"], before);
}

// ---- deploying

/// Deploys the flow and gives the task's id.
fn deployed(scenarios: &[&str], fresh: bool) -> (Client, String) {
    let client = if fresh {
        Client::quiet(scenarios)
    } else {
        Client::with_flow(scenarios)
    };
    if fresh {
        assert_eq!(client.create(FLOWS, "Flow", &flow()).status, 201);
    }
    let reply = client.deploy();
    assert_eq!(reply.status, 202);
    let task = reply.text().trim_matches('"').to_owned();
    (client, task)
}

#[test]
fn deployments_take_their_course() {
    let usual = "DEPLOYING SUCCESS";
    let started = "404 STARTING STARTED";
    #[rustfmt::skip]
    let cases = [
        ("latency=0", true, usual, started),
        ("latency=0", false, usual, "STARTED STARTING STARTED"),
        ("slow-start=200", true, usual, "404 STARTING"),
        ("slow=200", true, "DEPLOYING", "404"),
        ("build-fail", true, "DEPLOYING FAIL", "404 ERROR"),
        ("build-fail=bare", true, "DEPLOYING FAIL", "404"),
        ("build-fail", false, "DEPLOYING FAIL", "STARTED"),
        ("license-error", true, "DEPLOYING FAIL_ON_LICENSE_ERROR", "404"),
        ("start-error", true, usual, "404 STARTING ERROR"),
        ("start-error@Other", true, usual, started),
        ("start-error#2", true, usual, started),
        ("start-error-in-place", false, usual, "STARTED ERROR"),
        ("flapping-error", true, usual, "404 STARTING ERROR STARTED"),
        ("never-appears", true, usual, "404"),
        ("never-appears@Other", true, usual, started),
        ("postponed-redeploy=200", false, usual, "STARTED"),
        ("stale-started", false, usual, "STARTED STARTING STARTED"),
        ("stale-error", false, usual, "ERROR STARTING STARTED"),
        ("unknown-status", true, "QUEUED DEPLOYING SUCCESS", "404 PROVISIONING STARTING STARTED"),
        ("unknown-status=forever", true, "QUEUED DEPLOYING SUCCESS", "404 PROVISIONING"),
        ("task-stuck", true, "DEPLOYING", "404"),
        ("task-stuck=running", true, "DEPLOYING", started),
        ("task-late", true, "404 SUCCESS", started),
    ];
    for (scenario, fresh, tasks, states) in cases {
        let (client, task) = deployed(&[scenario], fresh);
        let seen = client.foreseen(&task);
        assert_eq!(
            seen,
            (tasks.to_owned(), states.to_owned()),
            "{scenario} fresh {fresh}"
        );
        assert_eq!(client.sandbox.deployments("Flow"), 1);
    }
}

#[test]
fn a_deployment_is_seen_over_the_wire() {
    let (client, task) = deployed(&[], true);
    client.until(|| {
        client
            .runtime()
            .is_some_and(|(status, _)| status == "STARTED")
    });
    assert_eq!(client.task(&task), "SUCCESS");
    assert_eq!(client.task("no-such-task"), "404");
    for status in ["404", "405", "501"] {
        let (client, task) = deployed(&[&format!("no-task-api={status}")], true);
        assert_eq!(client.task(&task), status);
    }
    let quoted = Client::with_flow(&["quoted-task-id"]).deploy().text();
    assert!(quoted.starts_with('"') && quoted.ends_with('"'));
}

#[test]
fn a_redeployment_has_a_later_date_and_the_new_content() {
    let client = Client::start(&[], 2.0, vec![preloaded()]);
    let (_, before) = client.runtime().unwrap();
    let zip = content("Flow", "1.0.4", "IntegrationFlow", "host=n\n");
    client.update(&zip);
    client.deploy();
    assert_eq!(client.runtime().unwrap(), ("STARTED".to_owned(), before));
    client.until(|| client.runtime().is_some_and(|(_, date)| date > before));
    let running = client.sandbox.running("Flow").unwrap();
    assert_eq!((running.version.as_str(), running.zip), ("1.0.4", zip));
    assert_eq!(running.parameters["host"], "n");
}

#[test]
fn the_deploy_call_answers_by_type_and_scenario() {
    let client = Client::quiet(&["no-task-id@Silent"]);
    client.create(FLOWS, "Silent", &flow());
    let path = "DeployIntegrationDesigntimeArtifact?Id='Silent'&Version='active'";
    let reply = client.api("POST", path, &Value::Null);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(client.api("GET", path, &Value::Null).status, 501);
    for bad in ["Id=Silent&Version='active'", "Id='Silent'", ""] {
        let reply = client.api(
            "POST",
            &format!("DeployIntegrationDesigntimeArtifact?{bad}"),
            &Value::Null,
        );
        assert_eq!(reply.status, 400, "{bad}");
    }
    let missing = client.api(
        "POST",
        "DeployIntegrationDesigntimeArtifact?Id='No'&Version='active'",
        &Value::Null,
    );
    assert_eq!(missing.status, 404);
    for (kind, entity) in [
        ("MessageMapping", true),
        ("ValueMapping", true),
        ("ScriptCollection", false),
    ] {
        client.create(
            &format!("{kind}DesigntimeArtifacts"),
            kind,
            &content(kind, "1.0.0", kind, ""),
        );
        let reply = client.api(
            "POST",
            &format!("Deploy{kind}DesigntimeArtifact?Id='{kind}'&Version='active'"),
            &Value::Null,
        );
        assert_eq!(
            (reply.status, reply.text().starts_with('{')),
            (202, entity),
            "{kind}"
        );
    }
    client.wait(2.0);
    let list = client
        .get("IntegrationRuntimeArtifacts?$filter=Status eq 'STARTED'&$orderby=Id")
        .json();
    let ids: Vec<_> = list["d"]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["Type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        ids,
        [
            "MESSAGE_MAPPING",
            "SCRIPT_COLLECTION",
            "INTEGRATION_FLOW",
            "VALUE_MAPPING"
        ]
    );
    assert_eq!(client.get("IntegrationRuntimeArtifacts/$count").text(), "4");
    let one = client
        .get("IntegrationRuntimeArtifacts(Id='Silent')?$select=Status")
        .json();
    assert_eq!(
        (one["d"]["Status"].as_str(), one["d"].get("Id")),
        (Some("STARTED"), None)
    );
}

#[test]
fn error_information_comes_in_every_shape() {
    for (shape, part) in [
        ("a", "subsytemPartName"),
        ("b", "childMessageInstances"),
        ("c", "IllegalStateException"),
        ("text", "No credentials"),
    ] {
        let (client, _) = deployed(&[&format!("start-error=shape={shape}")], true);
        let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
        client.until(|| client.status(path) == 200);
        let reply = client.get(path);
        assert!(
            reply.text().contains(part) && reply.text().contains("SANDBOX_ALIAS"),
            "{shape}: {}",
            reply.text()
        );
        assert_eq!(
            client
                .get("IntegrationRuntimeArtifacts('Flow')/ErrorInformation")
                .json()["d"]["Id"],
            "Flow"
        );
    }
    let (client, _) = deployed(&["start-error-late-text=60"], true);
    let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
    client.until(|| {
        client
            .runtime()
            .is_some_and(|(status, _)| status == "ERROR")
    });
    assert_eq!(client.status(path), 204);
    client.until(|| client.status(path) == 200);
    assert_eq!(
        client
            .get("IntegrationRuntimeArtifacts('No')/ErrorInformation/$value")
            .status,
        404
    );
}

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
fn dates_and_causes_can_be_chosen() {
    for (how, later) in [("call", 0), ("appear", 1200)] {
        let (client, task) = deployed(&[&format!("deployed-on={how}")], true);
        client.until(|| client.sandbox.running("Flow").is_some());
        let called = locked(&client.sandbox.service.tenant).tasks[&task].statuses[0].0;
        let called = client.sandbox.service.setting.clock.millis(called);
        let after = client.sandbox.running("Flow").unwrap().deployed_on - called;
        assert!((later..=later + 1).contains(&after), "{how}: {after} ms");
    }
    let (client, _) = deployed(&["start-error", "cause=no such alias"], true);
    let path = "IntegrationRuntimeArtifacts('Flow')/ErrorInformation/$value";
    client.until(|| client.status(path) == 200);
    let text = client.get(path);
    assert!(text.text().contains("no such alias"));
}

#[test]
fn mappings_have_their_own_ways() {
    let client = Client::quiet(&[]);
    let manifest =
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: MM\r\nSAP-BundleType: MessageMapping\r\n";
    let zip = zip_of(&[("META-INF/MANIFEST.MF", manifest)]);
    client.create("MessageMappingDesigntimeArtifacts", "MM", &zip);
    let path = "DeployMessageMappingDesigntimeArtifact?Id='MM'&Version='active'";
    client.api("POST", path, &Value::Null);
    let errors = "IntegrationRuntimeArtifacts('MM')/ErrorInformation/$value";
    client.until(|| client.status(errors) == 200);
    let text = client.get(errors);
    assert!(text.text().contains("validation of resource is failed"));

    let zip = content("VM", "1.0.0", "ValueMapping", "");
    client.create("ValueMappingDesigntimeArtifacts", "VM", &zip);
    let key = "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')";
    assert_eq!(client.get(key).json()["d"]["Description"], "Described");
    let download = client.get(&format!("{key}/$value"));
    assert_eq!(bundle::file(&download.body, "metainfo.prop"), None);
    assert!(bundle::file(&download.body, PROP).is_some());
}

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
fn undeploying_takes_a_while() {
    let client = Client::start(&[], 2.0, vec![preloaded()]);
    let runtime = "IntegrationRuntimeArtifacts('Flow')";
    assert_eq!(client.api("DELETE", runtime, &Value::Null).status, 202);
    assert_eq!(client.runtime().unwrap().0, "STOPPING");
    client.until(|| client.status(runtime) == 404);
    assert_eq!(
        client.get(runtime).message(),
        "Requested entity could not be found."
    );
    assert_eq!(client.api("DELETE", runtime, &Value::Null).status, 404);
    assert_eq!(client.sandbox.undeployments("Flow"), 1);
}

#[test]
fn endpoints_of_started_flows_are_listed() {
    let client = Client::with_flow(&[]);
    let list = client
        .get("ServiceEndpoints?$expand=EntryPoints&$filter=Name eq 'Flow'")
        .json();
    let url = list["d"]["results"][0]["EntryPoints"]["results"][0]["Url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.ends_with("/http/orders"), "{url}");
}

// ---- the wire

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
        let journal = client.sandbox.journal();
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

// ---- the house

#[test]
fn the_journal_holds_no_secrets() {
    let client = Client::quiet(&["latency=0.2"]);
    let secret = client.sandbox.service.credentials.client_secret.clone();
    let path = format!(
        "/oauth/token?grant_type=client_credentials&client_secret={}",
        super::path::encode(&secret)
    );
    client.request("POST", &path, "", b"").unwrap();
    let journal = client.sandbox.journal();
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
