//! The file of `--smoke`: one message for a flow that was deployed, and what it must lead to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::http::Method;
use crate::settings::parameters::{ParametersError, bounded};
use crate::settings::yaml::{self, Entry, Fault, Node, Place, Value, quoted};
use crate::text::nearest;

/// The most bytes of the file, and of the body that it names.
const LARGEST: u64 = 4 << 20;
/// How long answer and message log are waited for, unless the file says otherwise.
const WITHIN: Duration = Duration::from_secs(120);
/// The keys of the file, and of `expect`.
const KEYS: [&str; 9] = [
    "artifact",
    "path",
    "method",
    "headers",
    "body",
    "body-file",
    "expect",
    "log",
    "within",
];
const EXPECT: [&str; 2] = ["status", "body-contains"];
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
pub fn read(directory: &Path, given: &Path) -> Result<SmokeTest, ParametersError> {
    let shown = given.display().to_string();
    let bytes = bounded(&directory.join(given), LARGEST).map_err(|reason| ParametersError {
        what: format!("the smoke test can't be read: {reason}"),
        at: shown.clone(),
        hint: "check the path given with --smoke".to_owned(),
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let folder = directory.join(given.parent().unwrap_or(Path::new("")));
    of_text(&text, &shown, &folder).map_err(|fault| ParametersError {
        what: fault.what,
        at: format!("{shown}:{}:{}", fault.place.line, fault.place.column),
        hint: fault.hint,
    })
}

fn of_text(text: &str, shown: &str, folder: &Path) -> Result<SmokeTest, Fault> {
    let root = yaml::parse(text)?;
    let entries = map(&root, &KEYS, "a smoke test")?;
    let find = |key: &str| {
        entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    };
    let words = |key: &str| find(key).map(|node| scalar(node, key)).transpose();
    let expect = match find("expect") {
        Some(node) => map(node, &EXPECT, "`expect`")?,
        None => &[],
    };
    let expected = |key: &str| {
        let entry = expect.iter().find(|entry| entry.key == key);
        entry
            .map(|entry| scalar(&entry.value, key).map(|text| (text, entry.place)))
            .transpose()
    };
    let body = body(find("body"), find("body-file"), folder)?;
    Ok(SmokeTest {
        artifact: words("artifact")?,
        path: words("path")?,
        method: method(find("method"), body.is_empty())?,
        headers: headers(find("headers"))?,
        body,
        status: expected("status")?
            .map(|(text, place)| status(&text, place))
            .transpose()?,
        body_contains: expected("body-contains")?.map(|(text, _)| text),
        log: log(find("log"))?,
        within: within(find("within"))?,
        at: shown.to_owned(),
    })
}

fn map<'n>(node: &'n Node, keys: &[&str], name: &str) -> Result<&'n [Entry], Fault> {
    let Value::Map(entries) = &node.value else {
        let what = format!(
            "{name} is a mapping of keys to values, and this is {}",
            node.describe()
        );
        return Err(Fault::new(
            node.place,
            what,
            format!("its keys are: {}", keys.join(", ")),
        ));
    };
    match entries
        .iter()
        .find(|entry| !keys.contains(&entry.key.as_str()))
    {
        None => Ok(entries),
        Some(entry) => {
            let hint = match nearest(&entry.key, keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its keys are: {}", keys.join(", ")),
            };
            let what = format!("`{}` is no key of {name}", quoted(&entry.key));
            Err(Fault::new(entry.place, what, hint))
        }
    }
}

fn scalar(node: &Node, key: &str) -> Result<String, Fault> {
    match &node.value {
        Value::Scalar { text, .. } => Ok(text.clone()),
        _ => Err(Fault::new(
            node.place,
            format!("`{key}` is a text, and this is {}", node.describe()),
            "put it into quotes",
        )),
    }
}

fn body(text: Option<&Node>, file: Option<&Node>, folder: &Path) -> Result<Vec<u8>, Fault> {
    match (text, file) {
        (Some(_), Some(node)) => Err(Fault::new(
            node.place,
            "there are `body` and `body-file`",
            "keep one of them",
        )),
        (Some(node), None) => Ok(scalar(node, "body")?.into_bytes()),
        (None, None) => Ok(Vec::new()),
        (None, Some(node)) => {
            let name = PathBuf::from(scalar(node, "body-file")?);
            bounded(&folder.join(&name), LARGEST).map_err(|error| {
                Fault::new(
                    node.place,
                    format!("{} can't be read: {error}", name.display()),
                    "the path is relative to this file",
                )
            })
        }
    }
}

fn method(node: Option<&Node>, no_body: bool) -> Result<Method, Fault> {
    let Some(node) = node else {
        return Ok(if no_body { Method::Get } else { Method::Post });
    };
    match scalar(node, "method")?.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::Get),
        "POST" => Ok(Method::Post),
        "PUT" => Ok(Method::Put),
        "DELETE" => Ok(Method::Delete),
        _ => Err(Fault::new(
            node.place,
            "`method` is none that a flow is called with",
            "write GET, POST, PUT or DELETE; POST is the default where there is a body",
        )),
    }
}

fn headers(node: Option<&Node>) -> Result<Vec<(String, String)>, Fault> {
    let entries = match node.map(|node| (&node.value, node)) {
        None => return Ok(Vec::new()),
        Some((Value::Map(entries), _)) => entries,
        Some((_, node)) => {
            return Err(Fault::new(
                node.place,
                "`headers` is a mapping of names to values",
                "write `Name: value` below it",
            ));
        }
    };
    entries.iter().map(header).collect()
}

fn header(entry: &Entry) -> Result<(String, String), Fault> {
    let value = scalar(&entry.value, &entry.key)?;
    let lower = entry.key.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) {
        return Err(Fault::new(
            entry.place,
            format!("the header `{}` is not yours to set", quoted(&entry.key)),
            "who calls is said by CPI_RUNTIME_SERVICE_KEY; the others are set by flowship",
        ));
    }
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_name = !entry.key.is_empty() && entry.key.chars().all(token);
    if !is_name || value.chars().any(char::is_control) {
        return Err(Fault::new(
            entry.place,
            format!("`{}` is no header that can be sent", quoted(&entry.key)),
            "a name has letters, digits and `-`, a value is on one line",
        ));
    }
    Ok((entry.key.clone(), value))
}

fn status(text: &str, place: Place) -> Result<u16, Fault> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (100..=599).contains(number));
    number.ok_or_else(|| {
        Fault::new(
            place,
            "`status` is no status of an answer",
            "write a number like 200",
        )
    })
}

fn log(node: Option<&Node>) -> Result<bool, Fault> {
    let Some(node) = node else {
        return Ok(true);
    };
    match scalar(node, "log")?.as_str() {
        "completed" => Ok(true),
        "none" => Ok(false),
        _ => Err(Fault::new(
            node.place,
            "`log` is neither completed nor none",
            "completed waits until the message log is COMPLETED; none does not look at it",
        )),
    }
}

fn within(node: Option<&Node>) -> Result<Duration, Fault> {
    let Some(node) = node else {
        return Ok(WITHIN);
    };
    let text = scalar(node, "within")?;
    let span = text.parse::<crate::clock::Span>().ok().map(|span| span.0);
    span.filter(|span| !span.is_zero()).ok_or_else(|| {
        Fault::new(
            node.place,
            "`within` is no span of time",
            "write 90s, 2m or 1h30m",
        )
    })
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
            ("boddy: x", "1:1 `boddy` is no key"),
            ("expect: {code: 200}", "1:10 `code` is no key"),
            ("expect: {status: ok}", "`status` is no status"),
            (
                "headers: {Authorization: x}",
                "1:11 the header `Authorization` is not yours",
            ),
            ("headers: {\"a b\": x}", "is no header"),
            ("method: TRACE", "1:9 `method`"),
            (
                "body: a\nbody-file: b",
                "2:12 there are `body` and `body-file`",
            ),
            ("body-file: gone.xml", "1:12 gone.xml can't be read"),
            ("log: maybe", "neither completed nor none"),
            ("within: 0s", "no span of time"),
            ("[]", "a smoke test is a mapping"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
