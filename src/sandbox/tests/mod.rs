//! The sandbox seen from a socket: raw requests, so that no HTTP library hides anything.

mod access;
mod artifacts;
mod colleagues;
mod dependencies;
mod deployments;
mod lists;
mod options;
mod packages;
mod parameters;
mod value_mappings;
mod versions;
mod wire;

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
        ("src/main/resources/parameters.propdef", "<parameters/>"),
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

const SETS: [(&str, &str); 4] = [
    ("IntegrationDesigntimeArtifacts", "IntegrationFlow"),
    ("ValueMappingDesigntimeArtifacts", "ValueMapping"),
    ("MessageMappingDesigntimeArtifacts", "MessageMapping"),
    ("ScriptCollectionDesigntimeArtifacts", "ScriptCollection"),
];

const VALUE_MAPPING: &str = "ValueMappingDesigntimeArtifacts(Id='VM',Version='active')";

fn deploy_of(client: &Client, kind: &str, id: &str) -> Reply {
    let path = format!("Deploy{kind}DesigntimeArtifact?Id='{id}'&Version='active'");
    let reply = client.api("POST", &path, &Value::Null);
    assert_eq!(reply.status, 202, "{id}: {}", reply.text());
    reply
}

fn status_of(client: &Client, id: &str) -> String {
    let reply = client.get(&format!("IntegrationRuntimeArtifacts('{id}')"));
    let body = (reply.status == 200).then(|| reply.json());
    body.map_or_else(
        || reply.status.to_string(),
        |body| body["d"]["Status"].as_str().unwrap().to_owned(),
    )
}

/// What the run time will show of an artifact in the end, as planned now.
fn end_of(client: &Client, id: &str) -> (String, String) {
    let tenant = locked(&client.sandbox.service.tenant);
    let record = tenant.runtime[id].at(f64::MAX).unwrap().clone();
    let error = record.error.map(|error| error.text);
    (record.status, error.unwrap_or_default())
}

/// Three artifacts of each type in package P.
fn all_types(client: &Client) {
    for (set, kind) in SETS {
        for n in 1..=3 {
            let id = format!("{kind}{n}");
            let reply = client.create(set, &id, &content(&id, "1.0.2", kind, "a=1\nb=2\nc=3\n"));
            assert_eq!(reply.status, 201, "{id}: {}", reply.text());
        }
    }
}
