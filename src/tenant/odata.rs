//! The tenant's dialect of OData v2: keys in paths, the `d` envelope, dates, error bodies. No network.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::clock;

/// A date by the tenant's clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantTime(pub i64);

impl<'de> Deserialize<'de> for TenantTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("this is no date"))
    }
}

impl TenantTime {
    /// Reads the forms that tenants are known to write: epoch milliseconds as a string, `/Date(ms)/` with or
    /// without an offset, and ISO 8601 (without a zone it is UTC, as everywhere in this API). `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let json = text.strip_prefix("/Date(");
        match json.and_then(|rest| rest.strip_suffix(")/")) {
            Some(inner) => epoch(inner),
            None => text.parse().ok().or_else(|| iso(text)),
        }
        .map(Self)
    }

    /// Reads the date out of a JSON string or number.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => number.as_i64().map(Self),
            _ => None,
        }
    }
}

/// The milliseconds of `/Date(1521463557739+0000)/`; the offset only tells how to display it.
fn epoch(inner: &str) -> Option<i64> {
    let digits = inner
        .get(1..)?
        .find(['+', '-'])
        .map_or(inner, |place| &inner[..=place]);
    digits.parse().ok()
}

fn iso(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| zoneless(text))?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

fn zoneless(text: &str) -> Option<OffsetDateTime> {
    let with_zone = format!("{text}Z");
    if let Ok(moment) = OffsetDateTime::parse(&with_zone, &Rfc3339) {
        return Some(moment);
    }
    let spaced = text.replacen(' ', "T", 1);
    let moment = PrimitiveDateTime::parse(&spaced, &Iso8601::DEFAULT).ok()?;
    Some(moment.assume_utc())
}

impl fmt::Display for TenantTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clock::iso(self.0))
    }
}

/// A value as an OData string literal inside a path or query: quoted, `'` doubled, percent-encoded once.
pub fn literal(value: &str) -> String {
    format!("'{}'", percent(&value.replace('\'', "''"), b"-_.~'"))
}

/// A value inside a form (`application/x-www-form-urlencoded`) or a path.
pub fn percent_encoded(value: &str) -> String {
    percent(value, b"-_.~")
}

/// Letters, digits and `plain` as they are, everything else as `%XX`.
fn percent(value: &str, plain: &[u8]) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The text of an answer, without the byte order mark that some gateways put before it; bytes that are no UTF-8 are replaced.
pub fn text(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    String::from_utf8_lossy(body.trim_ascii())
}

/// Reads JSON, also where a byte order mark stands before it, where a name holds half a character (a lone surrogate), and
/// where a field comes twice: then the last one counts, as for most readers of JSON.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok().or_else(|| {
        let value: Value = serde_json::from_str(&whole_characters(&text(body))).ok()?;
        serde_json::from_value(value).ok()
    })
}

/// The same, whatever follows the JSON.
pub(super) fn first_json(body: &[u8]) -> Option<Value> {
    let text = whole_characters(&text(body));
    serde_json::Deserializer::from_str(&text)
        .into_iter()
        .next()?
        .ok()
}

/// JSON in which an escape that is half a character has become U+FFFD.
fn whole_characters(text: &str) -> String {
    let unit = |escape: &str| u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let next = escape.get(6..).and_then(unit);
        let (kept, length) = match (unit(escape), next) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
            _ => {
                let length = escape.chars().take(2).map(char::len_utf8).sum();
                (&escape[..length], length)
            }
        };
        whole.push_str(before);
        whole.push_str(kept);
        rest = &escape[length..];
    }
    whole.push_str(rest);
    whole
}

/// What stands in the `d` that wraps every answer.
fn content(body: &[u8]) -> Option<Value> {
    json::<Value>(body)?.get_mut("d").map(Value::take)
}

/// Reads a JSON object: serde would also read a struct from an array.
fn object<T: DeserializeOwned>(value: Value) -> Option<T> {
    let object = Some(value).filter(Value::is_object)?;
    serde_json::from_value(object).ok()
}

/// The entity in a `{"d":{...}}` answer; `None` when the body is anything else.
pub fn entity<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    content(body).and_then(object)
}

/// One page of a collection.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    /// The entities of this page.
    pub results: Vec<T>,
    /// The tenant's link to the next page.
    #[serde(rename = "__next")]
    pub next: Option<String>,
}

/// The entities in a `{"d":{"results":[...]}}` answer, or in a bare `{"d":[...]}`; `None` when the body is anything else.
pub fn collection<T: DeserializeOwned>(body: &[u8]) -> Option<Page<T>> {
    match content(body)? {
        list @ Value::Array(_) => Some(Page {
            results: serde_json::from_value(list).ok()?,
            next: None,
        }),
        page => object(page),
    }
}

/// The text of the API's own error body, in the shapes that are known: JSON `error.message.value`,
/// `error.message`, `message`, `fault`, and the XML twin. `None` when this is no error body of the API
/// (an empty body, a web page, a router's text): such an answer says nothing about the tenant's content.
pub fn error_text(body: &[u8]) -> Option<String> {
    let text = text(body);
    match text.chars().next()? {
        '{' => json_error(body),
        '<' => xml_error(&text),
        _ => None,
    }
}

/// Whether this is an error body of `OData`, with which the API itself answers; gateways before it write others.
pub fn is_error_of_the_api(body: &[u8]) -> bool {
    let has_error = || json::<Value>(body)?.get("error").map(Value::is_object);
    error_text(body).is_some() && (text(body).starts_with('<') || has_error() == Some(true))
}

fn json_error(body: &[u8]) -> Option<String> {
    let value: Value = json(body)?;
    let error = value
        .get("error")
        .or_else(|| value.get("fault"))
        .unwrap_or(&value);
    let message = error.get("message").or_else(|| error.get("faultstring"))?;
    let words = message
        .as_str()
        .or_else(|| message.get("value").and_then(Value::as_str))
        .or_else(|| message.get("#text").and_then(Value::as_str))?;
    let code = || error.get("code").and_then(Value::as_str);
    let words = Some(words).filter(|words| !words.trim().is_empty());
    Some(words.or_else(code).unwrap_or_default().to_owned())
}

fn xml_error(text: &str) -> Option<String> {
    let document = crate::xml::parse(text).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "error" {
        return None;
    }
    let message = root
        .children()
        .find(|node| node.tag_name().name() == "message")?;
    Some(message.text().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_known_form() {
        for (text, expected) in [
            ("1521463557739", Some(1_521_463_557_739)),
            ("/Date(1521463557739)/", Some(1_521_463_557_739)),
            ("/Date(1521463557739+0000)/", Some(1_521_463_557_739)),
            ("/Date(-5)/", Some(-5)),
            ("2018-03-19T12:45:57.739Z", Some(1_521_463_557_739)),
            ("2018-03-19T13:45:57.739+01:00", Some(1_521_463_557_739)),
            ("2018-03-19T12:45:57.739", Some(1_521_463_557_739)),
            ("2018-03-19T12:45:57", Some(1_521_463_557_000)),
            ("2018-03-19 12:45:57", Some(1_521_463_557_000)),
            ("/Date()/", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(TenantTime::parse(text), expected.map(TenantTime), "{text}");
        }
    }

    #[test]
    fn a_date_is_shown_in_utc() {
        assert_eq!(
            TenantTime(1_521_463_557_739).to_string(),
            "2018-03-19T12:45:57.739Z"
        );
        assert_eq!(TenantTime(i64::MAX).to_string(), i64::MAX.to_string());
    }

    #[test]
    fn a_literal_survives_odd_names() {
        assert_eq!(literal("X"), "'X'");
        assert_eq!(
            literal("it's a key/=&ü"),
            "'it''s%20a%20key%2F%3D%26%C3%BC'"
        );
    }

    #[test]
    fn only_the_apis_own_body_is_an_error_text() {
        let xml = r#"<?xml version="1.0"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><code>Not Found</code><message xml:lang="en">gone</message></error>"#;
        for (body, expected) in [
            (
                r#"{"error":{"code":"Not Found","message":{"lang":"en","value":"gone"}}}"#,
                Some("gone"),
            ),
            (
                r#"{"error":{"code":"Conflict","message":{"lang":"en","value":""}}}"#,
                Some("Conflict"),
            ),
            (r#"{"error":{"message":"gone"}}"#, Some("gone")),
            (
                r##"{"error":{"message":{"@lang":"en","#text":"gone"}}}"##,
                Some("gone"),
            ),
            (r#"{"code":"x","message":"gone"}"#, Some("gone")),
            (r#"{"fault":{"faultstring":"gone"}}"#, Some("gone")),
            (xml, Some("gone")),
            ("<html><body>404</body></html>", None),
            ("404 Not Found: Requested route ('x') does not exist.", None),
            ("{\"error\"", None),
            ("", None),
        ] {
            assert_eq!(error_text(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn only_odata_is_an_error_body_of_the_api() {
        for (body, expected) in [
            (r#"{"error":{"code":"x","message":{"value":"no"}}}"#, true),
            (r#"{"error":{"message":"no"}}"#, true),
            ("<error><code>x</code><message>no</message></error>", true),
            (r#"{"error":"no","message":"no"}"#, false),
            (r#"{"fault":{"faultstring":"Gateway Timeout"}}"#, false),
            (r#"{"message":"Gateway Timeout"}"#, false),
            ("<html><message>no</message></html>", false),
            ("", false),
        ] {
            assert_eq!(is_error_of_the_api(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn json_is_read_behind_a_mark_with_half_characters_and_with_a_field_that_comes_twice() {
        let read = |body: &[u8]| entity::<Value>(body).map(|entity| entity["a"].to_string());
        for (body, expected) in [
            ("\u{feff}{\"d\":{\"a\":1}}", Some("1")),
            (r#"{"d":{"a":"x\ud83d"}}"#, Some("\"x\u{fffd}\"")),
            (
                r#"{"d":{"a":"\udc00\ud83d\ude00"}}"#,
                Some("\"\u{fffd}😀\""),
            ),
            (
                r#"{"d":{"a":"\\ud83d\ud83d\\"}}"#,
                Some("\"\\\\ud83d\u{fffd}\\\\\""),
            ),
            (r#"{"d":{"a":1,"a":2}}"#, Some("2")),
            (r#"{"d":{"a":"\ud8"}}"#, None),
            (r#"{"d":{"a":1}} and more"#, None),
        ] {
            assert_eq!(read(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(
            read(b"{\"d\":{\"a\":\"\xed\xa0\xbd\"}}").map(|a| a.len()),
            Some(11)
        );
        assert!(
            entity::<super::super::wire::Configuration>(
                br#"{"d":{"ParameterKey":"a","ParameterValue":"1","ParameterValue":"2"}}"#
            )
            .is_some_and(|read| read.value == "2")
        );
    }

    #[test]
    fn an_envelope_without_d_is_no_answer() {
        assert_eq!(entity::<Value>(b"{}"), None);
        assert_eq!(entity::<Value>(b"<html>"), None);
        assert_eq!(collection::<Value>(br#"{"d":{}}"#), None);
        assert_eq!(
            collection::<u8>(br#"{"d":{"results":[1,2],"__next":"x"}}"#),
            Some(Page {
                results: vec![1, 2],
                next: Some("x".into())
            })
        );
    }
}
