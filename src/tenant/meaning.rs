//! What an answer means before anybody knows what was asked.

use super::odata::{self, TenantTime};
use crate::clock::epoch_millis;
use crate::http::Answer;
use crate::text::Words;
use crate::text::redactor::Redactor;

/// How much of a body is read for what it says when something is wrong, in bytes.
const LONGEST_SPEECH: usize = 64 * 1024;

/// The part of a body that may say what is wrong.
fn beginning(answer: &Answer) -> &[u8] {
    &answer.body[..answer.body.len().min(LONGEST_SPEECH)]
}

/// What an answer means before anybody knows what was asked.
pub enum Meaning {
    /// 2xx of the API, or at least no web page.
    Good,
    /// The API speaks: the text of its error body, empty where it sent none.
    Says(String),
    /// A web page, a redirect, a router's text.
    Page,
    /// 5xx without a word of the API.
    Down,
}

/// Sorts an answer without knowing what was asked.
pub fn meaning(answer: &Answer) -> Meaning {
    // too late, too early, misdirected: the server did not take the request up
    if matches!(answer.status, 408 | 421 | 425) {
        return Meaning::Down;
    }
    if answer.is_html() || (300..400).contains(&answer.status) {
        return if answer.status >= 500 {
            Meaning::Down
        } else {
            Meaning::Page
        };
    }
    if (200..300).contains(&answer.status) {
        return Meaning::Good;
    }
    match odata::error_text(beginning(answer)) {
        Some(text) => Meaning::Says(text),
        None if answer.status >= 500 && answer.status != 501 => Meaning::Down,
        None if answer.status == 404 || answer.status < 400 => Meaning::Page,
        None => Meaning::Says(String::new()),
    }
}

/// Whether this is the API's own "not found": the status with the API's error body, or its text under another status.
pub fn is_missing(status: u16, text: &str) -> bool {
    status == 404 || text.contains("Requested entity could not be found")
}

/// What is told of an answer that is not the one that was asked for: the words of the API's own error body, or the title of
/// a web page. Whatever else came may hold what nobody may see, such as a token or configured values: it is described.
pub fn told(answer: &Answer, redactor: &Redactor) -> Option<Words> {
    let words = if answer.is_html() {
        title(&String::from_utf8_lossy(beginning(answer))).map(str::to_owned)
    } else if (200..300).contains(&answer.status) {
        None
    } else {
        odata::error_text(beginning(answer)).filter(|text| !text.trim().is_empty())
    };
    let words = words.map(|text| Words::new(&text, redactor).brief());
    words
        .filter(|words| !words.is_empty())
        .or_else(|| described(answer, redactor))
}

/// The shape of a body of which no word is told.
pub fn described(answer: &Answer, redactor: &Redactor) -> Option<Words> {
    let outline = answer.outline()?;
    Some(Words::new(&format!("{outline} (not shown)"), redactor))
}

fn title(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let open = start + lower[start..].find('>')? + 1;
    let close = open + lower[open..].find("</title")?;
    text.get(open..close)
}

/// The tenant's clock when it answered.
pub fn date_of(answer: &Answer) -> Option<TenantTime> {
    answer.date().map(epoch_millis).map(TenantTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str = r#"{"error":{"code":"x","message":{"value":"no"}}}"#;
    const PAGE: &str = "<html><title>Login</title></html>";
    const ROUTER: &str = "404 Not Found: Requested route ('x') does not exist.";

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.into(),
            ..Answer::default()
        }
    }

    #[test]
    fn every_answer_has_one_meaning_whatever_was_asked() {
        for (status, body, expected) in [
            (200, "", "good"),
            (204, "", "good"),
            (299, ERROR, "good"),
            (200, PAGE, "page"),
            (199, "", "page"),
            (300, ERROR, "page"),
            (302, "", "page"),
            (400, ERROR, "says no"),
            (400, "", "says "),
            (400, PAGE, "page"),
            (404, ERROR, "says no"),
            (404, "", "page"),
            (404, ROUTER, "page"),
            (405, "", "says "),
            // the request was not taken up, whatever the body says
            (408, ERROR, "down"),
            (408, "", "down"),
            (408, PAGE, "down"),
            (421, ERROR, "down"),
            (421, "", "down"),
            (421, PAGE, "down"),
            (425, ERROR, "down"),
            (425, "", "down"),
            (425, PAGE, "down"),
            (409, ERROR, "says no"),
            (422, "", "says "),
            (424, "", "says "),
            (500, ERROR, "says no"),
            (500, "", "down"),
            (500, PAGE, "down"),
            (500, ROUTER, "down"),
            // the tenant does not have the call
            (501, "", "says "),
            (501, ERROR, "says no"),
            (501, PAGE, "down"),
            (502, "", "down"),
            (503, ERROR, "says no"),
            (503, "", "down"),
        ] {
            let meant = match meaning(&answer(status, body)) {
                Meaning::Good => "good".to_owned(),
                Meaning::Says(text) => format!("says {text}"),
                Meaning::Page => "page".to_owned(),
                Meaning::Down => "down".to_owned(),
            };
            assert_eq!(meant, expected, "{status} {body}");
        }
    }

    #[test]
    fn missing_is_what_status_or_text_say() {
        let text = "Requested entity could not be found.";
        for (status, text, expected) in [
            (404, "", true),
            (404, text, true),
            (400, text, true),
            (500, text, true),
            (400, "", false),
            (403, "", false),
            (405, "not found", false),
            (500, "Requested entity is locked", false),
        ] {
            assert_eq!(is_missing(status, text), expected, "{status} {text}");
        }
    }

    #[test]
    fn only_the_api_and_the_title_of_a_page_are_quoted() {
        let quoted = |status, body| {
            let words = told(&answer(status, body), &Redactor::new());
            words.map(|words| words.to_string())
        };
        for (status, body, expected) in [
            (500, ERROR, Some("no")),
            (200, PAGE, Some("Login")),
            (500, "", None),
            (
                200,
                ERROR,
                Some("47 bytes of an unnamed type, valid JSON (not shown)"),
            ),
            (
                500,
                "token",
                Some("5 bytes of an unnamed type, not valid JSON (not shown)"),
            ),
        ] {
            assert_eq!(quoted(status, body).as_deref(), expected, "{status} {body}");
        }
    }
}
