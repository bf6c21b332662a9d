//! The real binary in a company's network: a proxy that demands a password, servers with certificates of an own
//! authority, a token service that demands a client certificate. Names end in `.test`: only the proxy knows them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::flow::Flow;
use crate::harness::{Flowship, Tenant};

const TENANT: &str = "tenant.test";
const LOGIN: &str = "login.test";

/// A company's own certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Company Inspection CA");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a server shows; it may demand a certificate of the same authority.
    fn server(&self, host: &str, demands: bool) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if demands {
            let mut store = RootCertStore::empty();
            store.add(self.0.der().clone()).unwrap();
            let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(store),
                provider,
            );
            builder.with_client_cert_verifier(clients.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }

    /// Certificate and private key of a client, valid for so many days from now.
    fn client(&self, days: i64) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let now = time::OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(400);
        params.not_after = now + time::Duration::days(days) + time::Duration::hours(1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Serves connections of a fresh port, each in a thread.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, each) = (stream.unwrap(), Arc::clone(&each));
            thread::spawn(move || each(stream));
        }
    });
    port
}

/// Head and body of one message; `None` at the end.
fn message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        all.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&all).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    all.extend(body);
    Some(all)
}

/// An encrypted front of the simulated tenant at `port`.
fn front(config: Arc<ServerConfig>, port: u16) -> u16 {
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = StreamOwned::new(connection, stream);
        while let Some(request) = message(&mut tls) {
            let mut tenant = TcpStream::connect(("127.0.0.1", port)).unwrap();
            tenant.write_all(&request).unwrap();
            let Some(answer) = message(&mut tenant) else {
                return;
            };
            if tls.write_all(&answer).and_then(|()| tls.flush()).is_err() {
                return;
            }
        }
    })
}

/// A proxy that lets `user:p@ss` through, to the port that stands for the host.
fn proxy(ports: [(&'static str, u16); 2]) -> u16 {
    serve(move |mut stream| {
        let Some(head) = message(&mut stream) else {
            return;
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        if !head.contains("Basic dXNlcjpwQHNz\r\n") {
            let _ = stream.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            );
            return;
        }
        let known = ports
            .iter()
            .find(|(host, _)| head.contains(&format!("CONNECT {host}:443 ")));
        let Some((_, port)) = known else {
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
            return;
        };
        let mut server = TcpStream::connect(("127.0.0.1", *port)).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut up, mut down) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut up, &mut down);
            let _ = down.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut stream);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

/// A tenant whose hosts only a proxy knows.
struct Network {
    tenant: Tenant,
    authority: Authority,
    proxy: u16,
}

impl Network {
    fn new(scenarios: &[&str], demands_certificate: bool) -> Self {
        let tenant = Tenant::new(scenarios);
        let authority = Authority::new();
        let port = tenant.url().rsplit(':').next().unwrap().parse().unwrap();
        let login = front(authority.server(LOGIN, demands_certificate), port);
        let front = front(authority.server(TENANT, false), port);
        let proxy = proxy([(TENANT, front), (LOGIN, login)]);
        Self {
            tenant,
            authority,
            proxy,
        }
    }

    /// The tenant's key with the names that only the proxy knows.
    fn key(&self) -> Value {
        let mut key: Value =
            serde_json::from_str(&self.tenant.variable("CPI_SERVICE_KEY")).unwrap();
        key["oauth"]["url"] = format!("https://{TENANT}").into();
        key["oauth"]["tokenurl"] = format!("https://{LOGIN}/oauth/token").into();
        key
    }

    /// The same with a certificate instead of the secret.
    fn key_with(&self, certificate: &str, private: Option<&str>) -> Value {
        let mut key = self.key();
        let values = key["oauth"].as_object_mut().unwrap();
        values.remove("clientsecret");
        values.insert("certificate".to_owned(), certificate.into());
        values.insert("certificatedetails".to_owned(), json!({}));
        if let Some(private) = private {
            values.insert("key".to_owned(), private.into());
        }
        key
    }

    /// A call through the proxy that trusts the company's authority.
    fn call(&self, key: &Value) -> Flowship<'_> {
        Flowship::new()
            .watching(&self.tenant)
            .hiding("p%40ss")
            .env("CPI_SERVICE_KEY", key.to_string())
            .env(
                "HTTPS_PROXY",
                format!("http://user:p%40ss@127.0.0.1:{}", self.proxy),
            )
            .beside("company.pem", self.authority.0.pem())
            .env("CPI_CA_FILE", "company.pem")
    }
}

fn deploys(call: Flowship<'_>, flow: &Path, verdict: &str) {
    call.arg("deploy")
        .arg(flow)
        .args(["--package", "Orders"])
        .run()
        .exit(0)
        .verdict(verdict);
}

#[test]
fn through_a_proxy_with_a_password_and_an_authority_of_the_company() {
    let network = Network::new(&[], false);
    let flow = Flow::new();
    deploys(network.call(&network.key()), flow.path(), "started");
    network.tenant.deployed_once(&flow.id);
    network
        .call(&network.key())
        .arg("doctor")
        .run()
        .exit(0)
        .stdout_has("tenant through http://127.0.0.1:")
        .stdout_has("(from HTTPS_PROXY, with user and password)")
        .stdout_has("tenant.test: left to the proxy")
        .stdout_has("tenant: issued by CN=Company Inspection CA")
        .stdout_has("no public authority: a proxy re-signs connections");
    let named = network.call(&network.key());
    let file = named.path().join("company.pem");
    named
        .env("CPI_CA_FILE", "")
        .env("SSL_CERT_FILE", file)
        .arg("doctor")
        .run()
        .exit(0);
}

#[test]
fn what_a_company_network_refuses_is_told_with_its_cure() {
    let network = Network::new(&[], false);
    let call = || network.call(&network.key()).arg("doctor");
    call()
        .env("CPI_CA_FILE", "")
        .run()
        .exit(5)
        .stdout_has("was issued by CN=Company Inspection CA, whom this machine does not trust")
        .stdout_has("a proxy of your company re-signs the connection")
        .stdout_has("openssl s_client -showcerts -connect login.test:443 -proxy 127.0.0.1:")
        .stdout_has("export CPI_CA_FILE=/path/to/company-ca.pem")
        .stdout_has("first mend `tls`");
    for (user, says) in [
        ("", "demands a user and password (407): set HTTPS_PROXY"),
        (
            "user:hunter22@",
            "does not accept the user and password in HTTPS_PROXY (407)",
        ),
    ] {
        call()
            .hiding("hunter22")
            .env(
                "HTTPS_PROXY",
                format!("http://{user}127.0.0.1:{}", network.proxy),
            )
            .run()
            .exit(5)
            .stdout_has(says)
            .stdout_has("first mend `proxy`");
    }
    call()
        .env("NO_PROXY", ".test")
        .run()
        .exit(5)
        .stdout_has("login.test is not known")
        .stdout_has("first mend `dns`");
    network.tenant.is_untouched();
}

#[test]
fn a_certificate_takes_the_place_of_the_secret() {
    let network = Network::new(&["certificate-login"], true);
    let flow = Flow::new();
    let (certificate, private) = network.authority.client(200);
    let key = network.key_with(&certificate, Some(&private));
    let line = private.lines().nth(1).unwrap().to_owned();
    deploys(
        network.call(&key).hiding(line.clone()),
        flow.path(),
        "started",
    );
    network
        .call(&key)
        .hiding(line.clone())
        .arg("doctor")
        .run()
        .exit(0)
        .stdout_has("of type Certificate")
        .stdout_has("expires in 200 days");
    // the private key in a file of its own, with line breaks that a form has eaten in the certificate
    let external = network.key_with(&certificate.replace('\n', "\\n"), None);
    deploys(
        network
            .call(&external)
            .hiding(line)
            .env("CPI_CLIENT_KEY_FILE", &private),
        flow.path(),
        "unchanged",
    );
}

#[test]
fn certificates_that_do_not_open_the_door() {
    let network = Network::new(&["certificate-login"], true);
    let (certificate, _) = network.authority.client(200);
    let (soon, soon_private) = network.authority.client(12);
    let (old, old_private) = network.authority.client(-3);
    let (foreign, foreign_private) = Authority::new().client(200);
    let doctor = |key: &Value| network.call(key).arg("doctor").run();
    doctor(&network.key_with(&soon, Some(&soon_private)))
        .exit(0)
        .stdout_has("warning certificate")
        .stdout_has("expires in 12 days");
    doctor(&network.key_with(&old, Some(&old_private)))
        .exit(4)
        .stdout_has("expired 3 days ago")
        .stdout_has("\"key-type\":\"certificate\"");
    doctor(&network.key_with(&foreign, Some(&foreign_private)))
        .exit(4)
        .stdout_has("does not accept the client certificate");
    doctor(&network.key_with(&certificate, Some(&old_private)))
        .exit(2)
        .stdout_has(
            "CPI_SERVICE_KEY (key) holds a private key that does not belong to the certificate",
        );
    doctor(&network.key_with(&certificate, None))
        .exit(2)
        .stdout_has("set CPI_CLIENT_KEY_FILE to the PEM file");
    doctor(&network.key())
        .exit(4)
        .stdout_has("demands a client certificate");
    let flow = Flow::new();
    let run = |key: &Value| {
        network
            .call(key)
            .arg("deploy")
            .arg(flow.path())
            .args(["--package", "Orders"])
            .run()
    };
    run(&network.key_with(&old, Some(&old_private)))
        .exit(4)
        .stderr_has("the client certificate has expired");
    run(&network.key_with(&soon, Some(&soon_private)))
        .exit(0)
        .stderr_has("warning: the client certificate expires in 12 days");
    network.tenant.deployed_once(&flow.id);
}
