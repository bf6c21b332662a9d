//! What came back.

use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;

/// An answer, whatever its status.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// 200 to 599, also the redirects: none is followed.
    pub status: u16,
    /// In the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What was read of the body; empty where it went to a file.
    pub body: Vec<u8>,
    /// Whether there was more than the cap allowed.
    pub cut: bool,
}

impl Answer {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_all(name).next()
    }

    /// All headers of this name (`Set-Cookie` comes more than once).
    pub fn headers_all(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|(_, value)| value.as_str())
    }

    /// The server's clock when it answered.
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header("date")?).ok()
    }

    /// How long the server asks to wait. A date is taken relative to the server's own clock where the answer tells
    /// it, else to `now`; one that has passed is no wait at all.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // what does not fit is more than anybody waits
            return Some(Duration::from_secs(
                value.parse().unwrap_or(u64::from(u32::MAX)),
            ));
        }
        let until = httpdate::parse_http_date(value).ok()?;
        Some(
            until
                .duration_since(self.date().unwrap_or(now))
                .unwrap_or_default(),
        )
    }

    /// Whether it is a web page: a login, a gateway's or a maintenance page, never an answer of the API.
    pub fn is_html(&self) -> bool {
        self.is_html_type() || begins_like_html(&self.body)
    }

    /// What can be told of a body without quoting it: its length, its type, and whether it is JSON. `None` where it is empty.
    pub fn outline(&self) -> Option<String> {
        let is_type = |media: &&str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-.".contains(&byte);
            (1..=60).contains(&media.len()) && media.bytes().all(known)
        };
        let media = Some(self.media_type()).filter(is_type);
        let json = match serde_json::from_slice::<IgnoredAny>(&self.body) {
            Ok(_) => "valid JSON",
            Err(_) => "not valid JSON",
        };
        (!self.body.is_empty()).then(|| {
            format!(
                "{} bytes of {}, {json}",
                self.body.len(),
                media.unwrap_or("an unnamed type")
            )
        })
    }

    fn media_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// Whether the headers say that it is a web page.
    pub fn is_html_type(&self) -> bool {
        let media = self.media_type();
        media.eq_ignore_ascii_case("text/html")
            || media.eq_ignore_ascii_case("application/xhtml+xml")
    }
}

fn begins_like_html(body: &[u8]) -> bool {
    let body = body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|start| body.len() >= start.len() && body[..start.len()].eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Answer {
            status: 200,
            headers,
            body: body.into(),
            cut: false,
        }
    }

    #[test]
    fn headers_in_any_case_and_more_than_once() {
        let answer = answer(
            &[("set-cookie", "a=1"), ("x", "y"), ("set-cookie", "b=2")],
            "",
        );
        assert_eq!(answer.header("Set-Cookie"), Some("a=1"));
        assert_eq!(
            answer.headers_all("SET-COOKIE").collect::<Vec<_>>(),
            ["a=1", "b=2"]
        );
        assert_eq!(answer.header("z"), None);
    }

    #[test]
    fn retry_after_in_seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH;
        let wait = |headers: &[(&str, &str)]| answer(headers, "").retry_after(now);
        assert_eq!(
            wait(&[("retry-after", " 7 ")]),
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            wait(&[("retry-after", "99999999999999999999999")]),
            Some(Duration::from_secs(u64::from(u32::MAX)))
        );
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
            Some(Duration::from_secs(10))
        );
        assert_eq!(
            wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")]),
            Some(Duration::ZERO)
        );
        assert_eq!(
            wait(&[("retry-after", "Thu, 01 Jan 1970 00:00:03 GMT")]),
            Some(Duration::from_secs(3))
        );
        for value in ["", "-1", "1.5", "soon"] {
            assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn an_outline_quotes_nothing() {
        let json = [("content-type", "application/json; charset=utf-8")];
        for (headers, body, expected) in [
            (&json[..], "", None),
            (
                &json,
                "[1]",
                Some("3 bytes of application/json, valid JSON"),
            ),
            (
                &json,
                "{\"pw\":",
                Some("6 bytes of application/json, not valid JSON"),
            ),
            (
                &[],
                "pw",
                Some("2 bytes of an unnamed type, not valid JSON"),
            ),
            (
                &[("content-type", "pw: secret")],
                "1",
                Some("1 bytes of an unnamed type, valid JSON"),
            ),
        ] {
            assert_eq!(
                answer(headers, body).outline().as_deref(),
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn web_pages_by_type_and_by_look() {
        assert!(answer(&[("content-type", "Text/HTML; charset=utf-8")], "").is_html());
        assert!(
            answer(
                &[("content-type", "application/json")],
                "\u{feff} \n<!DOCTYPE html><p>"
            )
            .is_html()
        );
        assert!(answer(&[], "<HTML>").is_html());
        assert!(!answer(&[("content-type", "application/json")], "{}").is_html());
        assert!(!answer(&[("content-type", "application/xml")], "<error/>").is_html());
        assert!(!answer(&[], "<ht").is_html());
    }
}
