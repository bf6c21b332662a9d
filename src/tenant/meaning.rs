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
pub(super) enum Meaning {
    /// 2xx of the API, or at least no web page.
    Good,
    /// The API speaks: its status and its text, empty for a bare status.
    Says(String),
    /// A web page, a redirect, a router's text.
    Page,
    /// 5xx without a word of the API.
    Down,
}

/// Sorts an answer without knowing what was asked.
pub(super) fn meaning(answer: &Answer) -> Meaning {
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
        None => Meaning::Says(String::from_utf8_lossy(beginning(answer)).trim().to_owned()),
    }
}

/// Whether this is the API's own "not found": the status with the API's error body, or its text under another status.
pub(super) fn is_missing(status: u16, text: &str) -> bool {
    status == 404 || text.contains("Requested entity could not be found")
}

/// What a page that is no answer of the API says: its title, or the start of its text.
pub(super) fn page_words(answer: &Answer, redactor: &Redactor) -> Option<Words> {
    let text = String::from_utf8_lossy(beginning(answer));
    let told = odata::error_text(beginning(answer))
        .unwrap_or_else(|| title(&text).unwrap_or(&text).to_owned());
    let words = Words::new(&told, redactor).brief();
    (!words.is_empty()).then_some(words)
}

fn title(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let open = start + lower[start..].find('>')? + 1;
    let close = open + lower[open..].find("</title")?;
    text.get(open..close)
}

/// The tenant's clock when it answered.
pub(super) fn date_of(answer: &Answer) -> Option<TenantTime> {
    answer.date().map(epoch_millis).map(TenantTime)
}
