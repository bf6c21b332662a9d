//! HTTP/1.1 on a stream: reading requests, writing answers. Knows nothing of tenants.

use std::io::{self, BufRead, Read, Write};

use super::answer::{Answer, reason};

const LONGEST_HEAD: u64 = 64 * 1024;
/// An artifact of 100 MB is 134 MB of base64; there must be an end somewhere.
const LARGEST_BODY: u64 = 512 * 1024 * 1024;

/// A request line and its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub length: u64,
    pub keep_alive: bool,
    pub expects_continue: bool,
}

impl Head {
    /// Whether the request changes nothing.
    pub fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }
}

/// Why a request cannot be served; the connection ends after it.
#[derive(Debug)]
pub enum WireError {
    /// Nobody is there any more.
    Gone,
    /// Answer with this status and a sentence.
    Refused(u16, &'static str),
}

const CUT: WireError = WireError::Refused(431, "The request head is too long or was cut.");

impl From<io::Error> for WireError {
    fn from(_: io::Error) -> Self {
        WireError::Gone
    }
}

/// Reads the next request's head; `None` when the caller has ended the connection.
pub fn read_head(stream: &mut impl BufRead) -> Result<Option<Head>, WireError> {
    let mut limited = stream.take(LONGEST_HEAD);
    let Some(first) = first_line(&mut limited)? else {
        return Ok(None);
    };
    let (method, target, minor) = request_line(&first)?;
    let headers = header_lines(&mut limited)?;
    Ok(Some(Head {
        length: body_length(&headers)?,
        keep_alive: keeps_alive(minor, &headers),
        expects_continue: says(&headers, "expect", "100-continue"),
        method,
        target,
        headers,
    }))
}

/// Empty lines before a request are skipped, as RFC 9112 asks.
fn first_line(stream: &mut impl BufRead) -> Result<Option<String>, WireError> {
    loop {
        match line(stream)? {
            None => return Ok(None),
            Some(text) if text.is_empty() => {}
            Some(text) => return Ok(Some(text)),
        }
    }
}

fn line(stream: &mut impl BufRead) -> Result<Option<String>, WireError> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(CUT);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    // header bytes are Latin-1 by tradition: each byte is one character, so nothing is lost
    Ok(Some(bytes.into_iter().map(char::from).collect()))
}

fn request_line(text: &str) -> Result<(String, String, u8), WireError> {
    let malformed = WireError::Refused(400, "Malformed request line.");
    let parts: Vec<&str> = text.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(malformed);
    };
    let minor = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        other if other.starts_with("HTTP/") => {
            return Err(WireError::Refused(505, "Only HTTP/1.1 is spoken here."));
        }
        _ => return Err(malformed),
    };
    let method_is_token =
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    let target_is_plain = (target.starts_with('/') || target.starts_with("http://"))
        && target.bytes().all(|byte| byte.is_ascii_graphic());
    if !method_is_token || !target_is_plain {
        return Err(malformed);
    }
    Ok((method.to_owned(), target.to_owned(), minor))
}

fn header_lines(stream: &mut impl BufRead) -> Result<Vec<(String, String)>, WireError> {
    let mut headers = Vec::new();
    loop {
        let text = line(stream)?.ok_or(CUT)?;
        if text.is_empty() {
            return Ok(headers);
        }
        let is_odd = |letter: char| letter.is_whitespace() || letter.is_control();
        let (name, value) = text
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && !name.contains(is_odd))
            .ok_or(WireError::Refused(400, "Malformed header."))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn values<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Whether a header has this word among its values.
fn says(headers: &[(String, String)], name: &str, word: &str) -> bool {
    let mut words = values(headers, name).flat_map(|value| value.split(','));
    words.any(|said| said.trim().eq_ignore_ascii_case(word))
}

fn body_length(headers: &[(String, String)]) -> Result<u64, WireError> {
    if values(headers, "transfer-encoding").next().is_some() {
        return Err(WireError::Refused(
            411,
            "Chunked request bodies are not accepted: send Content-Length.",
        ));
    }
    let mut lengths = values(headers, "content-length");
    let Some(first) = lengths.next() else {
        return Ok(0);
    };
    if lengths.any(|other| other != first) || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WireError::Refused(400, "Malformed Content-Length."));
    }
    match first.parse::<u64>() {
        Ok(length) if length <= LARGEST_BODY => Ok(length),
        Ok(_) => Err(WireError::Refused(413, "The request body is too large.")),
        Err(_) => Err(WireError::Refused(400, "Malformed Content-Length.")),
    }
}

fn keeps_alive(minor: u8, headers: &[(String, String)]) -> bool {
    match minor {
        0 => says(headers, "connection", "keep-alive"),
        _ => !says(headers, "connection", "close"),
    }
}

/// Reads exactly the announced body; memory grows with what arrives, not with what is announced.
pub fn read_body(stream: &mut impl Read, length: u64) -> Result<Vec<u8>, WireError> {
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length {
        Ok(body)
    } else {
        Err(WireError::Gone)
    }
}

/// The head of an answer; `length` may differ from the body when a fault asks for it.
pub fn head_of(answer: &Answer, length: usize, date: &str, keep_alive: bool) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nDate: {date}\r\n",
        answer.status,
        reason(answer.status)
    );
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    // RFC 9110: a 204 has no body and says no length
    if answer.status != 204 {
        head.extend(["Content-Length: ", &length.to_string(), "\r\n"]);
    }
    head.push_str(if keep_alive {
        "Connection: keep-alive\r\n\r\n"
    } else {
        "Connection: close\r\n\r\n"
    });
    head.into_bytes()
}

/// Writes a whole answer. Small ones go out in one write, so that no delayed acknowledgement holds up the body.
pub fn write_answer(stream: &mut impl Write, head: Vec<u8>, body: &[u8]) -> io::Result<()> {
    const ONE_WRITE: usize = 64 * 1024;
    let mut first = head;
    if body.len() <= ONE_WRITE {
        first.extend_from_slice(body);
        stream.write_all(&first)?;
    } else {
        stream.write_all(&first)?;
        stream.write_all(body)?;
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Result<Option<Head>, u16> {
        read_head(&mut text.as_bytes()).map_err(|error| match error {
            WireError::Refused(status, _) => status,
            WireError::Gone => 0,
        })
    }

    #[test]
    fn a_request_is_read() {
        let text = "\r\nPUT /a?b=c HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\nExpect: 100-continue\r\n\r\nabc";
        let head = head(text).unwrap().unwrap();
        assert_eq!(
            (head.method.as_str(), head.target.as_str(), head.length),
            ("PUT", "/a?b=c", 3)
        );
        assert!(head.keep_alive && head.expects_continue);
        assert_eq!(head.header("HOST"), Some("h"));
    }

    #[test]
    fn what_is_not_plain_http_is_refused() {
        let cases = [
            ("GET / HTTP/2\r\n\r\n", 505),
            ("GET /\r\n\r\n", 400),
            ("GET x HTTP/1.1\r\n\r\n", 400),
            ("G\u{1}T / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nbad name: x\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                400,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                413,
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\n", 431),
        ];
        for (text, status) in cases {
            assert_eq!(head(text), Err(status), "{text:?}");
        }
        assert_eq!(
            head(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000))),
            Err(431)
        );
        assert_eq!(head(""), Ok(None));
    }

    #[test]
    fn connections_close_when_asked() {
        for (text, kept) in [
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(head(text).unwrap().unwrap().keep_alive, kept, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_head(&mut bytes.as_slice());
        }
    }
}
