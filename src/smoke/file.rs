//! The file of `--smoke`: one message for a flow that was deployed, and what it must lead to.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::clock::span;
use crate::http::Method;
use crate::settings::error::SettingsError;
use crate::settings::yaml::{self, Entries, Optional, Placed, YamlFault, quoted};
use crate::whole_file::read_bounded;

/// The most bytes of the file, and of the body that it names.
const LARGEST: u64 = 4 << 20;
/// How long answer and message log are waited for, unless the file says otherwise.
const WITHIN: Duration = Duration::from_secs(120);
/// Headers that are not the user's to set.
const RESERVED: [&str; 8] = [
    "authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "x-csrf-token",
    "connection",
    "sap_mplcorrelationid",
];

/// One message, and what it must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmokeTest {
    /// The id of the artifact, without prefix and suffix; `None` where the run has one artifact.
    pub artifact: Option<String>,
    /// The address below `/http`, where the flow has several.
    pub path: Option<String>,
    /// The method.
    pub method: Method,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The status of the answer; any of 2xx where none is named.
    pub status: Option<u16>,
    /// What stands in the answer.
    pub body_contains: Option<String>,
    /// Whether the message log must be COMPLETED.
    pub log: bool,
    /// How long answer and log are waited for.
    pub within: Duration,
    /// The file.
    pub at: String,
}

/// Reads the file, given relative to `directory` and named in messages as it was given. `body-file` is relative to it.
///
/// # Errors
/// With file, line and column where something in it is wrong.
pub fn read(directory: &Path, given: &Path) -> Result<SmokeTest, SettingsError> {
    let shown = given.display().to_string();
    let bytes = read_bounded(&directory.join(given), LARGEST).map_err(|reason| {
        let what = format!("the smoke test can't be read: {reason}");
        SettingsError::new(&shown, what, "check the path given with --smoke")
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let folder = directory.join(given.parent().unwrap_or(Path::new("")));
    of_text(&text, &shown, &folder).map_err(|fault| SettingsError::in_file(&shown, fault))
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Written {
    artifact: Optional<String>,
    path: Optional<String>,
    method: Optional<String>,
    headers: Optional<Entries<String, Placed<String>>>,
    body: Optional<String>,
    body_file: Optional<String>,
    expect: Optional<Expected>,
    log: Optional<String>,
    within: Optional<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Expected {
    status: Optional<String>,
    body_contains: Optional<String>,
}

fn of_text(text: &str, shown: &str, folder: &Path) -> Result<SmokeTest, YamlFault> {
    let written: Written = yaml::read(text)?;
    let expected = written.expect.value().unwrap_or_default();
    let body = body(written.body, written.body_file, folder)?;
    let headers = written.headers.value().map_or_else(Vec::new, |all| all.0);
    Ok(SmokeTest {
        artifact: written.artifact.value(),
        path: written.path.value(),
        method: parsed(written.method, method, METHOD)?.unwrap_or(if body.is_empty() {
            Method::Get
        } else {
            Method::Post
        }),
        headers: headers.into_iter().map(header).collect::<Result<_, _>>()?,
        body,
        status: parsed(expected.status, status, STATUS)?,
        body_contains: expected.body_contains.value(),
        log: parsed(written.log, log, LOG)?.unwrap_or(true),
        within: parsed(written.within, within, SPAN)?.unwrap_or(WITHIN),
        at: shown.to_owned(),
    })
}

/// What is wrong with a value that can't be read, and what to do.
type Complaint = (&'static str, &'static str);

const METHOD: Complaint = (
    "`method` is none that a flow is called with",
    "write GET, POST, PUT or DELETE; POST is the default where there is a body",
);
const STATUS: Complaint = (
    "`status` is no status of an answer",
    "write a number like 200",
);
const LOG: Complaint = (
    "`log` is neither completed nor none",
    "completed waits until the message log is COMPLETED; none does not look at it",
);
const SPAN: Complaint = ("`within` is no span of time", "write 90s, 2m or 1h30m");

fn parsed<T>(
    given: Optional<String>,
    parse: impl Fn(&str) -> Option<T>,
    (what, hint): Complaint,
) -> Result<Option<T>, YamlFault> {
    let parse = |text: Placed<String>| {
        parse(&text.value).ok_or_else(|| YamlFault::new(text.place, what, hint))
    };
    given.0.map(parse).transpose()
}

fn method(text: &str) -> Option<Method> {
    let all = [Method::Get, Method::Post, Method::Put, Method::Delete];
    let is_it = |method: &Method| method.name().eq_ignore_ascii_case(text);
    all.into_iter().find(is_it)
}

fn status(text: &str) -> Option<u16> {
    let status = text.parse().ok();
    status.filter(|number| (100..=599).contains(number))
}

fn log(text: &str) -> Option<bool> {
    match text {
        "completed" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

fn within(text: &str) -> Option<Duration> {
    span(text).ok().filter(|span| !span.is_zero())
}

fn body(
    text: Optional<String>,
    file: Optional<String>,
    folder: &Path,
) -> Result<Vec<u8>, YamlFault> {
    match (text.0, file.0) {
        (Some(_), Some(file)) => Err(YamlFault::new(
            file.place,
            "there are `body` and `body-file`",
            "keep one of them",
        )),
        (Some(text), None) => Ok(text.value.into_bytes()),
        (None, None) => Ok(Vec::new()),
        (None, Some(file)) => read_bounded(&folder.join(&file.value), LARGEST).map_err(|error| {
            YamlFault::new(
                file.place,
                format!("{} can't be read: {error}", file.value),
                "the path is relative to this file",
            )
        }),
    }
}

fn header((name, value): (Placed<String>, Placed<String>)) -> Result<(String, String), YamlFault> {
    let refused = |what: &str, hint: &str| {
        let what = format!("{what}: `{}`", quoted(&name.value));
        Err(YamlFault::new(name.place, what, hint))
    };
    if RESERVED.contains(&name.value.to_ascii_lowercase().as_str()) {
        return refused(
            "this header is not yours to set",
            "who calls is said by CPI_RUNTIME_SERVICE_KEY; the others are set by flowship",
        );
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_name = !name.value.is_empty() && name.value.chars().all(token);
    if !is_name || value.value.chars().any(char::is_control) {
        return refused(
            "this is no header that can be sent",
            "a name has letters, digits and `-`, a value is on one line",
        );
    }
    Ok((name.value, value.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SmokeTest, String> {
        of_text(text, "smoke.yaml", Path::new("/nowhere"))
            .map_err(|fault| format!("{}:{} {}", fault.place.line, fault.place.column, fault.what))
    }

    #[test]
    fn a_whole_file_is_read() {
        let test = read("artifact: Orders\npath: /orders\nmethod: put\nheaders: {Content-Type: text/xml}\nbody: <a/>\nexpect: {status: 202, body-contains: ok}\nlog: none\nwithin: 5s\n").unwrap();
        assert_eq!(test.method, Method::Put);
        assert_eq!((test.status, test.log), (Some(202), false));
        assert_eq!(test.within, Duration::from_secs(5));
        assert_eq!(read("body: x").unwrap().method, Method::Post);
        assert_eq!(read("path: /a").unwrap().method, Method::Get);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, said) in [
            ("boddy: x", "1:1 `boddy` is no key here"),
            ("expect: {code: 200}", "1:10 `code` is no key"),
            ("expect: {status: ok}", "`status` is no status"),
            (
                "headers: {Authorization: x}",
                "1:11 this header is not yours to set: `Authorization`",
            ),
            ("headers: {\"a b\": x}", "no header that can be sent: `a b`"),
            ("method: TRACE", "1:9 `method`"),
            (
                "body: a\nbody-file: b",
                "2:12 there are `body` and `body-file`",
            ),
            ("body-file: gone.xml", "1:12 gone.xml can't be read"),
            ("log: maybe", "neither completed nor none"),
            ("within: 0s", "no span of time"),
            ("[]", "1:1 what stands here must be a mapping"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
