//! Against servers that misbehave.

use super::*;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(400);

/// A server whose connections are numbered and served by `serve`, each in its thread.
struct Server {
    url: String,
    port: u16,
    connections: Arc<AtomicUsize>,
    /// What `serve` wants to tell.
    seen: Receiver<Vec<u8>>,
}

impl Server {
    fn start(
        serve: impl Fn(&mut TcpStream, usize, &Sender<Vec<u8>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, seen) = mpsc::channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, serve) = (Arc::clone(&connections), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, serve, tell) = (stream.unwrap(), Arc::clone(&serve), tell.clone());
                let number = count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(&mut stream, number, &tell));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/api/v1/Things?token=hunter22"),
            port,
            connections,
            seen,
        }
    }

    /// Answers every request of every connection with `answer`, and tells the request.
    fn answering(answer: &'static str) -> Self {
        Self::start(move |stream, _, tell| {
            while let Some(request) = read_request(stream) {
                tell.send(request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn request(&self) -> String {
        String::from_utf8(self.seen.recv_timeout(LONG).unwrap()).unwrap()
    }
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

fn length_of(head: &str) -> usize {
    let line = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    line.map_or(0, |line| line.trim().parse().unwrap())
}

/// Head and body.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let head = read_head(stream)?;
    let mut body = vec![0; length_of(&head)];
    stream.read_exact(&mut body).ok()?;
    Some([head.into_bytes(), body].concat())
}

fn http() -> Http {
    http_with(&Environment::default())
}

fn http_with(environment: &Environment) -> Http {
    let redactor = Redactor::new();
    redactor.add("hunter22");
    Http::new(environment, &redactor, None).unwrap()
}

fn get(url: &str) -> Request<'_> {
    Request::new(Method::Get, url, LONG)
}

fn post<'a>(url: &'a str, body: &'a [u8]) -> Request<'a> {
    Request {
        body: Body::Bytes(body),
        ..Request::new(Method::Post, url, LONG)
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

fn failure(request: &Request<'_>) -> SendError {
    let error = http().send(request).unwrap_err();
    assert!(!error.to_string().contains("hunter22"), "{error}");
    error
}

fn assert_failed(error: &SendError, sent: Sent, stage: Stage, timed_out: bool) {
    assert_eq!(
        (error.sent, error.stage, error.timed_out),
        (sent, stage, timed_out),
        "{error}"
    );
}

#[test]
fn an_answer_with_its_headers() {
    let server = Server::answering(
        "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 3\r\n\r\nabc",
    );
    let answer = http()
        .send(&get(&server.url).header("Accept", "application/json"))
        .unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice(), answer.cut),
        (404, &b"abc"[..], false)
    );
    assert_eq!(
        answer.headers_all("set-cookie").collect::<Vec<_>>(),
        ["a=1", "b=2"]
    );
    assert_eq!(
        answer.date(),
        Some(std::time::UNIX_EPOCH + Duration::from_secs(784_111_777))
    );
    let request = server.request().to_lowercase();
    assert!(
        request.starts_with("get /api/v1/things?token=hunter22 http/1.1\r\n"),
        "{request}"
    );
    for line in [
        "accept: application/json\r\n",
        "accept-encoding: identity\r\n",
        "user-agent: flowship/",
        "host: 127.0.0.1:",
    ] {
        assert!(request.contains(line), "{request}");
    }
    for line in ["content-length", "transfer-encoding", "expect"] {
        assert!(!request.contains(line), "{request}");
    }
}

#[test]
fn writing_requests_announce_their_length() {
    let server = Server::answering(OK);
    let http = http();
    for (method, body, expected) in [
        (Method::Post, Body::None, Some("0")),
        (Method::Put, Body::Bytes(b"abc"), Some("3")),
        (Method::Delete, Body::None, None),
        (Method::Delete, Body::Bytes(b"x"), None),
    ] {
        http.send(&Request {
            body,
            ..Request::new(method, &server.url, LONG)
        })
        .unwrap();
        let request = server.request().to_lowercase();
        let length = request
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(length, expected, "{request}");
        assert!(!request.contains("chunked"), "{request}");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn redirects_are_answers() {
    let server = Server::answering(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    );
    let answer = http().send(&get(&server.url)).unwrap();
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("http://127.0.0.1:1/"))
    );
}

#[test]
fn connections_are_kept_unless_a_fresh_one_is_asked_for() {
    let server = Server::answering(OK);
    let http = http();
    let fresh = || Request {
        connection: Connection::Fresh,
        ..post(&server.url, b"x")
    };
    http.send(&get(&server.url)).unwrap();
    http.send(&get(&server.url)).unwrap();
    assert_eq!(server.connections(), 1);
    http.send(&fresh()).unwrap();
    http.send(&fresh()).unwrap();
    assert_eq!(server.connections(), 3);
    http.send(&get(&server.url)).unwrap();
    assert_eq!(server.connections(), 3, "the pool was left alone");
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    drop(listener);
    let error = failure(&post(&url, b"x"));
    assert_failed(&error, Sent::No, Stage::Connect, false);
    assert!(
        error
            .reason()
            .starts_with("127.0.0.1 refuses the connection"),
        "{error}"
    );
    assert_eq!(error.to_string(), format!("POST {url}: {}", error.reason()));
}

#[test]
fn a_name_that_nobody_knows() {
    // too long for a name, so that nobody needs to be asked
    let host = format!("{}.invalid", "x".repeat(64));
    let url = format!("https://{host}/x");
    let error = failure(&post(&url, b"x"));
    assert_failed(&error, Sent::No, Stage::Resolve, false);
    assert!(error.reason().contains("is not known"), "{error}");
}

#[test]
fn closed_at_accept() {
    // without reading: the request may have been taken by the system's buffers, so nobody can tell
    let server = Server::start(|stream, _, _| stream.shutdown(Shutdown::Both).unwrap());
    let error = failure(&post(&server.url, b"x"));
    assert!(matches!(error.stage, Stage::Send | Stage::Head), "{error}");
    assert!(!error.timed_out && error.status.is_none());
}

#[test]
fn closed_after_the_request_was_read() {
    let server = Server::start(|stream, _, tell| tell.send(read_request(stream).unwrap()).unwrap());
    let error = failure(&post(&server.url, b"x"));
    assert_failed(&error, Sent::Maybe, Stage::Head, false);
    assert!(
        error.reason().contains("closed before an answer came"),
        "{error}"
    );
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_stale_pooled_connection_never_sends_twice() {
    let server = Server::start(|stream, number, tell| {
        for served in 0.. {
            let Some(request) = read_request(stream) else {
                return;
            };
            tell.send(request).unwrap();
            // the second request on the first connection is read and then dropped
            if (number, served) == (0, 1) {
                return;
            }
            stream.write_all(OK.as_bytes()).unwrap();
        }
    });
    let http = http();
    http.send(&get(&server.url)).unwrap();
    let error = http.send(&post(&server.url, b"once")).unwrap_err();
    assert_failed(&error, Sent::Maybe, Stage::Head, false);
    http.send(&post(&server.url, b"next")).unwrap();
    let requests: Vec<String> = (0..3).map(|_| server.request()).collect();
    let once = requests.iter().filter(|request| request.ends_with("once"));
    assert_eq!(once.count(), 1);
    assert_eq!(server.connections(), 2);
}

#[test]
fn the_answer_breaks_off() {
    for (answer, stage, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Le", Stage::Head, None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            Stage::Body,
            Some(200),
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            Stage::Body,
            Some(502),
        ),
    ] {
        let server = Server::start(move |stream, _, _| {
            read_request(stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = failure(&post(&server.url, b"x"));
        assert_failed(&error, Sent::Maybe, stage, false);
        assert_eq!(error.status, status, "{error}");
    }
}

#[test]
fn what_is_not_http() {
    for answer in [
        "SSH-2.0-OpenSSH_9\r\n",
        "\0\0\0\0\0\0\r\n\r\n",
        "HTTP/1.1 two OK\r\n\r\n",
    ] {
        let server = Server::start(move |stream, _, _| {
            read_request(stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = failure(&post(&server.url, b"x"));
        assert_failed(&error, Sent::Maybe, Stage::Head, false);
    }
}

#[test]
fn a_server_that_hangs() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |stream, _, _| {
        read_request(stream).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let begun = Instant::now();
    let error = failure(&Request {
        timeout: SHORT,
        ..post(&server.url, b"x")
    });
    assert_failed(&error, Sent::Maybe, Stage::Head, true);
    assert!(begun.elapsed() < LONG);
    assert!(error.reason().contains("no answer within 0.4 s"), "{error}");
    drop(release);
}

#[test]
fn a_server_that_drips() {
    let server = Server::start(|stream, _, _| {
        read_request(stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            .unwrap();
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let error = failure(&Request {
        timeout: SHORT,
        ..get(&server.url)
    });
    assert_failed(&error, Sent::Maybe, Stage::Body, true);
    assert_eq!(error.status, Some(200));
}

#[test]
fn gigabytes_are_cut_at_the_cap() {
    let server = Server::start(|stream, _, _| {
        read_request(stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n")
            .unwrap();
        while stream.write_all(&vec![b'x'; 65536]).is_ok() {}
    });
    let answer = http()
        .send(&Request {
            cap: 1000,
            ..get(&server.url)
        })
        .unwrap();
    assert_eq!((answer.body.len(), answer.cut), (1000, true));
    let file = tempfile::tempfile().unwrap();
    let answer = http()
        .send(&Request {
            file: Some((&file, 100_000)),
            ..get(&server.url)
        })
        .unwrap();
    assert_eq!(
        (
            answer.body.len(),
            answer.cut,
            file.metadata().unwrap().len()
        ),
        (0, true, 100_000)
    );
}

#[test]
fn a_body_of_exactly_the_cap_is_whole() {
    let server = Server::answering(OK);
    let answer = http()
        .send(&Request {
            cap: 2,
            ..get(&server.url)
        })
        .unwrap();
    assert_eq!((answer.body.as_slice(), answer.cut), (&b"{}"[..], false));
}

#[test]
fn an_endless_head_is_refused() {
    let server = Server::start(|stream, _, _| {
        read_request(stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let error = failure(&post(&server.url, b"x"));
    assert_failed(&error, Sent::Maybe, Stage::Head, false);
    assert!(error.reason().contains("far too large"), "{error}");
}

#[test]
fn files_hold_only_what_was_asked_for() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"left by an earlier attempt").unwrap();
    let zip = Server::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 4\r\n\r\nPK34",
    );
    let answer = http()
        .send(&Request {
            file: Some((&file, 100)),
            ..get(&zip.url)
        })
        .unwrap();
    assert!(answer.body.is_empty() && !answer.cut);
    let mut content = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "PK34");
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nlogin",
        "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nlogin",
    ] {
        let server = Server::answering(answer);
        let answer = http()
            .send(&Request {
                file: Some((&file, 100)),
                ..get(&server.url)
            })
            .unwrap();
        assert_eq!(answer.body, b"login");
        assert_eq!(file.metadata().unwrap().len(), 4);
    }
}

fn stream_of(length: u64, real: u64) -> Body<'static> {
    let open: Open<'static> = Box::leak(Box::new(move || -> io::Result<Box<dyn Read>> {
        Ok(Box::new(io::repeat(b'z').take(real)))
    }));
    Body::Stream { length, open }
}

#[test]
fn a_large_body_waits_for_the_servers_word() {
    let length = 3 * 1024 * 1024;
    let server = Server::start(|stream, _, tell| {
        let head = read_head(stream).unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let body = io::copy(&mut stream.take(length_of(&head) as u64), &mut io::sink()).unwrap();
        tell.send(format!("{head}{body}").into_bytes()).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let request = Request {
        body: stream_of(length, length),
        ..Request::new(Method::Put, &server.url, LONG)
    };
    assert_eq!(http().send(&request).unwrap().status, 200);
    let seen = server.request().to_lowercase();
    assert!(
        seen.contains("expect: 100-continue\r\n") && seen.contains("content-length: 3145728\r\n"),
        "{seen}"
    );
    assert!(seen.ends_with("\r\n\r\n3145728"), "{seen}");
}

#[test]
fn a_word_with_headers_is_understood() {
    let server = Server::start(|stream, _, _| {
        let head = read_head(stream).unwrap();
        stream
            .write_all(b"HTTP/1.1 100 Continue\r\nVia: 1.1 gateway\r\nDate: x\r\n\r\n")
            .unwrap();
        let mut body = stream.take(length_of(&head) as u64);
        io::copy(&mut body, &mut io::sink()).unwrap();
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let body = stream_of(2 << 20, 2 << 20);
    let request = Request {
        body,
        ..Request::new(Method::Put, &server.url, LONG)
    };
    assert_eq!(http().send(&request).unwrap().status, 200);
}

#[test]
fn a_timeout_without_end_is_no_trouble() {
    let server = Server::answering(OK);
    let request = Request::new(Method::Get, &server.url, Duration::MAX);
    assert_eq!(http().send(&request).unwrap().status, 200);
}

#[test]
fn an_early_refusal_of_a_large_body_is_read() {
    let server = Server::start(|stream, _, _| {
        read_head(stream).unwrap();
        stream
            .write_all(
                b"HTTP/1.1 403 Forbidden\r\nX-CSRF-Token: Required\r\nContent-Length: 2\r\n\r\nno",
            )
            .unwrap();
    });
    let request = Request {
        body: stream_of(1 << 30, 1 << 30),
        ..Request::new(Method::Put, &server.url, LONG)
    };
    let answer = http().send(&request).unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (403, &b"no"[..]));
    assert_eq!(answer.header("x-csrf-token"), Some("Required"));
}

#[test]
fn a_server_that_knows_nothing_of_waiting_gets_the_body() {
    let server = Server::answering(OK);
    let body = vec![b'z'; 1_500_000];
    assert_eq!(http().send(&post(&server.url, &body)).unwrap().status, 200);
    assert_eq!(length_of(&server.request()), 1_500_000);
}

#[test]
fn broken_while_the_body_is_sent() {
    let server = Server::start(|stream, _, _| {
        read_head(stream).unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        stream.read_exact(&mut vec![0; 100_000]).unwrap();
    });
    let request = Request {
        body: stream_of(1 << 30, 1 << 30),
        ..Request::new(Method::Put, &server.url, LONG)
    };
    assert_failed(&failure(&request), Sent::No, Stage::Send, false);
}

#[test]
fn stuck_while_the_body_is_sent() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |stream, _, _| {
        read_head(stream).unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let body = stream_of(1 << 30, 1 << 30);
    let request = Request {
        body,
        timeout: SHORT,
        ..Request::new(Method::Put, &server.url, LONG)
    };
    assert_failed(&failure(&request), Sent::No, Stage::Send, true);
    drop(release);
}

#[test]
fn a_source_that_is_not_what_was_announced() {
    let server = Server::answering(OK);
    for (length, real, word) in [(5000, 4999, "shorter"), (5000, 5001, "longer")] {
        let request = Request {
            body: stream_of(length, real),
            ..Request::new(Method::Put, &server.url, LONG)
        };
        let error = failure(&request);
        assert_failed(&error, Sent::No, Stage::Local, false);
        assert!(error.reason().contains(word), "{error}");
    }
    let open = || Err(io::Error::other("gone"));
    let body = Body::Stream {
        length: 1,
        open: &open,
    };
    let error = failure(&Request {
        body,
        ..Request::new(Method::Put, &server.url, LONG)
    });
    assert_failed(&error, Sent::No, Stage::Local, false);
    assert!(error.reason().contains("gone"), "{error}");
}

#[test]
fn what_cannot_be_sent_at_all() {
    for url in [
        "http://tenant.corp/x",
        "ftp://127.0.0.1/",
        "no address",
        "/x",
    ] {
        assert_failed(&failure(&get(url)), Sent::No, Stage::Local, false);
    }
    let server = Server::answering(OK);
    let request = get(&server.url).header("Authorization", "Bearer hunter22\r\nX: y");
    assert_failed(&failure(&request), Sent::No, Stage::Local, false);
    assert_eq!(server.connections(), 0);
}

#[test]
fn threads_do_not_mix_up_their_requests() {
    let answering = Server::answering(OK);
    let closing = Server::start(|stream, _, _| drop(read_request(stream)));
    let http = http();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(http.send(&post(&answering.url, b"x")).unwrap().status, 200);
                    assert_eq!(
                        http.send(&post(&closing.url, b"x")).unwrap_err().sent,
                        Sent::Maybe
                    );
                    let error = http.send(&post("http://127.0.0.1:1/", b"x")).unwrap_err();
                    assert_eq!((error.sent, error.stage), (Sent::No, Stage::Connect));
                }
            });
        }
    });
    assert!(answering.connections() <= 4);
}

mod through_proxies_and_tls;
