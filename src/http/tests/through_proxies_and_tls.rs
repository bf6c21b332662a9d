//! Servers with certificates of their own, and proxies on the way to them.

use super::*;
use crate::settings::secret::Secret;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

type Tls<'s> = StreamOwned<ServerConnection, &'s mut TcpStream>;

/// A company's own certificate authority.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    fn certify(&self, host: &str, expired: bool) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }

    /// The same, for clients who show a certificate of this authority.
    fn demanding(&self, host: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut store = rustls::RootCertStore::empty();
        store.add(self.issuer.der().clone()).unwrap();
        let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(store),
            Arc::clone(&provider),
        );
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }

    /// A certificate for a client, until that year.
    fn client(&self, last_year: i32) -> ClientCertificate {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        ClientCertificate {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            chain_source: "the key".to_owned(),
            key: Secret::new(key.serialize_pem()),
            key_source: "CPI_CLIENT_KEY_FILE".to_owned(),
        }
    }

    fn environment(&self) -> Environment {
        Environment::default().with("CPI_CA_FILE", self.file.path().to_str().unwrap())
    }
}

fn encrypted(
    config: &Arc<ServerConfig>,
    serve: impl Fn(&mut Tls<'_>) + Send + Sync + 'static,
) -> Server {
    let config = Arc::clone(config);
    let mut server = Server::start(move |stream, _, _| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        serve(&mut tls);
        tls.conn.send_close_notify();
        let _ = tls.flush();
    });
    server.url = format!("https://localhost:{}/x?token=hunter22", server.port);
    server
}

fn read_encrypted(tls: &mut Tls<'_>) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if tls.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    tls.read_exact(&mut vec![0; length_of(&head)]).ok()?;
    Some(head)
}

fn answer_encrypted(tls: &mut Tls<'_>) {
    while read_encrypted(tls).is_some() {
        tls.write_all(OK.as_bytes()).unwrap();
    }
}

#[test]
fn a_certificate_of_an_own_authority_is_trusted_when_it_is_named() {
    let authority = Authority::new();
    let server = encrypted(&authority.certify("localhost", false), answer_encrypted);
    let http = http_with(&authority.environment());
    for connection in [Connection::Pooled, Connection::Pooled, Connection::Fresh] {
        let answer = http
            .send(&Request {
                connection,
                ..post(&server.url, b"x")
            })
            .unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    }
    assert_eq!(server.connections(), 2);
    assert!(http.trust().contains("and 1 of "), "{}", http.trust());
}

#[test]
fn nobody_else_is_trusted() {
    let authority = Authority::new();
    let server = encrypted(&authority.certify("localhost", false), answer_encrypted);
    for environment in [Environment::default(), Authority::new().environment()] {
        let error = http_with(&environment)
            .send(&post(&server.url, b"x"))
            .unwrap_err();
        assert_failed(&error, Sent::No, Stage::Tls, false);
        for word in ["localhost", "CPI_CA_FILE", "SSL_CERT_FILE"] {
            assert!(error.reason().contains(word), "{error}");
        }
    }
}

#[test]
fn certificates_that_do_not_fit() {
    let authority = Authority::new();
    for (config, word) in [
        (authority.certify("localhost", true), "has expired"),
        (
            authority.certify("other.corp", false),
            "belongs to another host than localhost",
        ),
    ] {
        let server = encrypted(&config, answer_encrypted);
        let error = http_with(&authority.environment())
            .send(&post(&server.url, b"x"))
            .unwrap_err();
        assert_failed(&error, Sent::No, Stage::Tls, false);
        assert!(error.reason().contains(word), "{error}");
    }
}

#[test]
fn a_server_without_encryption() {
    let server = Server::start(|stream, _, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read(&mut [0; 1000]);
    });
    let url = server.url.replace("http:", "https:");
    let error = failure(&post(&url, b"x"));
    assert_failed(&error, Sent::No, Stage::Tls, false);
    assert!(error.reason().contains("does not speak https"), "{error}");
    let server = Server::start(|stream, _, _| stream.shutdown(Shutdown::Both).unwrap());
    let url = server.url.replace("http:", "https:");
    assert_failed(&failure(&post(&url, b"x")), Sent::No, Stage::Tls, false);
}

#[test]
fn a_server_that_never_shakes_hands() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |_, _, _| {
        let _ = wait.lock().unwrap().recv();
    });
    let url = server.url.replace("http:", "https:");
    let error = failure(&Request {
        timeout: SHORT,
        ..post(&url, b"x")
    });
    assert_failed(&error, Sent::No, Stage::Tls, true);
    drop(release);
}

#[test]
fn encrypted_requests_that_break_off() {
    let authority = Authority::new();
    let config = authority.certify("localhost", false);
    let http = http_with(&authority.environment());
    let closing = encrypted(&config, |tls| drop(read_encrypted(tls)));
    let error = http.send(&post(&closing.url, b"x")).unwrap_err();
    assert_failed(&error, Sent::Maybe, Stage::Head, false);

    let breaking = encrypted(&config, |tls| {
        tls.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        tls.read_exact(&mut vec![0; 100_000]).unwrap();
        tls.sock.shutdown(Shutdown::Both).unwrap();
    });
    let body = stream_of(1 << 30, 1 << 30);
    let error = http
        .send(&Request {
            body,
            ..Request::new(Method::Put, &breaking.url, LONG)
        })
        .unwrap_err();
    assert_failed(&error, Sent::No, Stage::Send, false);

    let cut = encrypted(&config, |tls| {
        read_encrypted(tls);
        tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            .unwrap();
        tls.sock.shutdown(Shutdown::Both).unwrap();
    });
    let error = http.send(&post(&cut.url, b"x")).unwrap_err();
    assert_failed(&error, Sent::Maybe, Stage::Body, false);
    assert_eq!(error.status, Some(200));
}

fn http_as(authority: &Authority, certificate: &ClientCertificate, host: &str) -> Http {
    let certificate = Some((certificate, host));
    Http::new(&authority.environment(), &Redactor::new(), certificate).unwrap()
}

#[test]
fn a_client_certificate_is_shown_to_its_host_alone() {
    let authority = Authority::new();
    let server = encrypted(&authority.demanding("localhost"), answer_encrypted);
    let client = authority.client(2090);
    let answer = http_as(&authority, &client, "localhost").send(&post(&server.url, b"x"));
    assert_eq!(answer.unwrap().status, 200);
    for http in [
        http_as(&authority, &client, "other.corp"),
        http_with(&authority.environment()),
    ] {
        let error = http.send(&post(&server.url, b"x")).unwrap_err();
        assert!(
            error.reason().contains("demands a client certificate"),
            "{error}"
        );
    }
    for (client, word) in [
        (authority.client(2020), "has expired"),
        (
            Authority::new().client(2090),
            "does not accept the client certificate",
        ),
    ] {
        let error = http_as(&authority, &client, "localhost")
            .send(&post(&server.url, b"x"))
            .unwrap_err();
        assert!(error.reason().contains(word), "{error}");
    }
}

#[test]
fn a_certificate_and_a_key_that_do_not_fit() {
    let authority = Authority::new();
    let (one, other) = (authority.client(2090), authority.client(2090));
    let refusal = |certificate: &ClientCertificate| {
        let error = Http::new(
            &Environment::default(),
            &Redactor::new(),
            Some((certificate, "localhost")),
        );
        error.err().unwrap().to_string()
    };
    let with_key = |key: &str| ClientCertificate {
        key: Secret::new(key),
        ..one.clone()
    };
    for (certificate, text) in [
        (
            with_key(other.key.expose()),
            "CPI_CLIENT_KEY_FILE holds a private key that does not belong to the certificate",
        ),
        (
            with_key("hunter22"),
            "CPI_CLIENT_KEY_FILE holds no private key",
        ),
        (
            with_key(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            ),
            "CPI_CLIENT_KEY_FILE holds a private key that is encrypted",
        ),
        (
            ClientCertificate {
                chain: "hunter22".to_owned(),
                ..one.clone()
            },
            "the key holds no certificate",
        ),
    ] {
        let refused = refusal(&certificate);
        assert!(
            refused.starts_with(text) && !refused.contains("hunter22"),
            "{refused}"
        );
    }
}

#[test]
fn what_a_server_shows_is_known_whether_it_is_trusted_or_not() {
    let authority = Authority::new();
    let server = encrypted(&authority.certify("localhost", false), answer_encrypted);
    for environment in [authority.environment(), Environment::default()] {
        let http = http_with(&environment);
        assert_eq!(http.shown_by("localhost"), []);
        let outcome = http.send(&post(&server.url, b"x"));
        let shown = http.shown_by("localhost");
        assert_eq!(shown[0].issuer, "CN=rcgen self signed cert");
        assert!(shown[0].days_left(std::time::SystemTime::now()) > 30);
        if let Err(error) = outcome {
            assert!(
                error
                    .reason()
                    .contains("was issued by CN=rcgen self signed cert"),
                "{error}"
            );
        }
    }
    let old = encrypted(&authority.certify("localhost", true), answer_encrypted);
    let http = http_with(&authority.environment());
    assert!(http.send(&post(&old.url, b"x")).is_err());
    assert!(http.shown_by("localhost")[0].days_left(std::time::SystemTime::now()) < -365);
}

#[test]
fn files_that_hold_no_certificate() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let choose = |path: &str| {
        let environment = Environment::default().with("CPI_CA_FILE", path);
        Http::new(&environment, &Redactor::new(), None)
            .err()
            .unwrap()
    };
    let path = file.path().to_str().unwrap().to_owned();
    let error = choose(&path).to_string();
    assert!(
        error.contains(" holds no certificate in PEM form"),
        "{error}"
    );
    file.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let error = choose(&path).to_string();
    assert!(
        error.contains(" holds a damaged certificate (number 1)"),
        "{error}"
    );
    let error = choose("/nonexistent/ca.pem");
    assert!(
        error
            .to_string()
            .starts_with("CPI_CA_FILE: /nonexistent/ca.pem cannot be read"),
        "{error}"
    );
}

/// A proxy that lets `user:p@ss` through to `target`, whatever host was asked for, and tells what it was asked.
fn proxy_to(target: u16) -> Server {
    Server::start(move |stream, _, tell| {
        let Some(head) = read_head(stream) else {
            return;
        };
        tell.send(head.clone().into_bytes()).unwrap();
        if !head.contains("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n") {
            stream
                .write_all(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                )
                .unwrap();
            return;
        }
        let mut target = TcpStream::connect(("127.0.0.1", target)).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut up, mut down) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
        thread::spawn(move || {
            let _ = io::copy(&mut up, &mut down);
            let _ = down.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut target, stream);
        let _ = stream.shutdown(Shutdown::Both);
    })
}

const TENANT: &str = "https://tenant.test/api/v1/?token=hunter22";

#[test]
fn through_a_proxy_with_a_password() {
    let authority = Authority::new();
    let server = encrypted(&authority.certify("tenant.test", false), answer_encrypted);
    let proxy = proxy_to(server.port);
    let variable = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
    let http = http_with(&authority.environment().with("https_proxy", &variable));
    for _ in 0..2 {
        assert_eq!(http.send(&post(TENANT, b"x")).unwrap().status, 200);
    }
    assert!(
        proxy
            .request()
            .starts_with("CONNECT tenant.test:443 HTTP/1.1\r\n")
    );
    assert_eq!((proxy.connections(), server.connections()), (1, 1));

    let closing = encrypted(&authority.certify("tenant.test", false), |tls| {
        drop(read_encrypted(tls));
    });
    let proxy = proxy_to(closing.port);
    let variable = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
    let http = http_with(&authority.environment().with("https_proxy", &variable));
    assert_failed(
        &http.send(&post(TENANT, b"x")).unwrap_err(),
        Sent::Maybe,
        Stage::Head,
        false,
    );
}

#[test]
fn proxies_that_refuse() {
    let proxy = proxy_to(1);
    for (user, word) in [
        ("", "demands a user and password (407): set https_proxy"),
        (
            "user:secret99@",
            "does not accept the user and password in https_proxy",
        ),
    ] {
        let variable = format!("http://{user}127.0.0.1:{}", proxy.port);
        let http = http_with(&Environment::default().with("https_proxy", &variable));
        let error = http.send(&post(TENANT, b"x")).unwrap_err();
        assert_failed(&error, Sent::No, Stage::Proxy, false);
        assert!(
            error.reason().contains(word) && !error.reason().contains("secret99"),
            "{error}"
        );
    }
    let gateway = Server::answering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let silent = Server::start(|stream, _, _| stream.shutdown(Shutdown::Both).unwrap());
    for port in [gateway.port, silent.port, 1] {
        let variable = format!("http://127.0.0.1:{port}");
        let http = http_with(&Environment::default().with("all_proxy", &variable));
        let error = http.send(&post(TENANT, b"x")).unwrap_err();
        assert_failed(&error, Sent::No, Stage::Proxy, false);
        assert!(error.reason().contains("(from all_proxy)"), "{error}");
    }
}

#[test]
fn this_machine_is_reached_past_the_proxy() {
    let server = Server::answering(OK);
    let http = http_with(&Environment::default().with("all_proxy", "http://127.0.0.1:1"));
    assert_eq!(http.send(&get(&server.url)).unwrap().status, 200);
}

#[test]
fn a_certificate_of_another_authority_behind_a_proxy() {
    let authority = Authority::new();
    let server = encrypted(&authority.certify("tenant.test", false), answer_encrypted);
    let proxy = proxy_to(server.port);
    let variable = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
    let error = http_with(&Environment::default().with("HTTPS_PROXY", &variable))
        .send(&get(TENANT))
        .unwrap_err();
    assert_failed(&error, Sent::No, Stage::Tls, false);
    assert!(error.reason().contains("CPI_CA_FILE"), "{error}");
}
