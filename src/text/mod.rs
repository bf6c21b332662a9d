//! Text from outside, made fit to be printed: secrets masked, control characters and CI commands disarmed, cut. And the known
//! word that looks most like an unknown one.

pub mod redactor;

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use redactor::Redactor;

/// The longest text of a tenant that is kept, in characters.
const LONGEST: usize = 2_000;
/// How much of a text from outside is looked at, in bytes.
const MOST_LOOKED_AT: usize = 64 * 1024;
/// The longest that is kept of a page that is no answer of the API, in characters.
const BRIEF: usize = 200;

/// The first few names, and how many more there are: `A, B and 3 more`.
pub fn few<N: AsRef<str>>(names: &[N], most: usize) -> String {
    let first: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A text that came from outside and is safe to print on one line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Masks the secrets that `redactor` knows, then disarms and shortens the text. Characters that are taken out of it may
    /// have hidden a secret, so it is masked once more.
    pub fn new(text: &str, redactor: &Redactor) -> Self {
        let shown = disarm(&redactor.clean(beginning(text)));
        Self(redactor.clean(&shown).into_owned())
    }

    /// The beginning of it, for pages of which only the first words matter.
    pub fn brief(self) -> Self {
        Self(shorten(self.0, BRIEF))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text from outside. It is kept as it came, for comparing and for programs; what is shown of it is disarmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(String);

impl SafeText {
    /// As it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&disarm(&self.0))
    }
}

impl Deref for SafeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// As it came.
impl From<SafeText> for String {
    fn from(text: SafeText) -> Self {
        text.0
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<T: AsRef<str> + ?Sized> PartialEq<T> for SafeText {
    fn eq(&self, other: &T) -> bool {
        self.0 == other.as_ref()
    }
}

/// A text field of a tenant, which may write it as null or as a number.
impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        }))
    }
}

/// As it came: JSON escapes what it must.
impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// One line without control and formatting characters, in which no CI system sees a command.
pub fn disarm(text: &str) -> String {
    let line = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(without_any_command(line), LONGEST)
}

/// A line of a file, made fit to be printed like [`disarm`]; its blanks stay as they are, a tab becomes four of them.
pub fn disarm_source(line: &str) -> String {
    let line = plain(&line.replace('\t', "    "));
    shorten(without_any_command(line), LONGEST)
}

fn plain(text: &str) -> String {
    without_escapes(text)
        .chars()
        .map(|c| {
            if c.is_whitespace() || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !is_invisible(*c))
        .collect()
}

/// Whether a CI system could see a command in a line.
pub fn holds_command(line: &str) -> bool {
    without_any_command(line.to_owned()) != line
}

fn without_any_command(mut line: String) -> String {
    for (command, harmless) in [("##[", "# #["), ("##vso[", "# #vso[")] {
        while line.contains(command) {
            line = line.replace(command, harmless);
        }
    }
    without_commands(&line)
}

/// Words that follow `::` in a command of GitHub's.
const COMMANDS: [&str; 15] = [
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "add-path",
    "set-output",
    "set-env",
    "save-state",
    "stop-commands",
    "echo",
];

/// Breaks `::` wherever a command could begin: at the beginning of a word, and before the name of one. In the middle of a
/// name, as in `Foo::bar`, it stays.
fn without_commands(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    for (place, c) in line.char_indices() {
        let rest = &line[place..];
        let before = safe.chars().next_back();
        if c == ':' && before == Some(':') && begins_command(&safe, &rest[1..]) {
            safe.push(' ');
        }
        safe.push(c);
    }
    safe
}

/// Whether `::`, of which the first colon ends `before` and the second stands before `after`, may be a command.
fn begins_command(before: &str, after: &str) -> bool {
    let at_word = before[..before.len() - 1]
        .chars()
        .next_back()
        .is_none_or(|c| c.is_whitespace() || c == ':');
    let lower = after.to_ascii_lowercase();
    at_word || COMMANDS.iter().any(|command| lower.starts_with(command))
}

/// Drops ANSI escape sequences: ESC `[` parameters and a final letter, or ESC and one character.
fn without_escapes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            kept.push(c);
        } else if rest.next_if_eq(&'[').is_some() {
            while rest.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            rest.next();
        } else {
            rest.next();
        }
    }
    kept
}

/// Characters that change how a line is shown without being seen: zero-width, direction and byte order marks.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// As much of a text as is looked at: more than is ever shown of it.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MOST_LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn shorten(line: String, longest: usize) -> String {
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// The longest text, in bytes, that is compared with others: nobody mistypes a longer one.
const LONGEST_COMPARED: usize = 100;
/// The most candidates that a text is compared with.
const MOST_CANDIDATES: usize = 10_000;

/// The candidate that looks most like `text`, if any looks alike at all.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > LONGEST_COMPARED {
        return None;
    }
    let bound = (text.chars().count() / 3).max(2);
    let may_be_alike = |candidate: &&str| candidate.len() <= 2 * LONGEST_COMPARED;
    candidates
        .into_iter()
        .take(MOST_CANDIDATES)
        .filter(may_be_alike)
        .map(|candidate| {
            (
                strsim::levenshtein(&text.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= bound)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_is_shown_disarmed_and_compared_and_written_as_it_came() {
        let text: SafeText = serde_json::from_str(r#""a\u001b[31m##[error]b""#).unwrap();
        assert_eq!(text.to_string(), "a# #[error]b");
        assert_eq!(text, "a\u{1b}[31m##[error]b");
        assert_eq!(
            serde_json::to_string(&text).unwrap(),
            r#""a\u001b[31m##[error]b""#
        );
        for (json, expected) in [("null", ""), ("7", "7")] {
            assert_eq!(serde_json::from_str::<SafeText>(json).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_in_a_text_is_a_command_or_an_escape() {
        for (text, expected) in [
            ("one\r\n::error::two", "one : :error::two"),
            ("x::error::y z::debug", "x: :error::y z: :debug"),
            ("Foo::bar at [::1]", "Foo::bar at [::1]"),
            (" ##[error]x ##vso[task]", "# #[error]x # #vso[task]"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            (":::warning", ": : :warning"),
            ("a\u{202e}b\u{0}c", "ab c"),
            ("tab\tand  blanks", "tab and blanks"),
        ] {
            assert_eq!(disarm(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_masked_also_where_something_invisible_stands_in_it() {
        let redactor = Redactor::new();
        redactor.add("S3cr3t-of-the-key");
        for hidden in [
            "S3cr3t\u{200b}-of-the-key",
            "S3cr3t\u{1b}[0m-of-the-key",
            "S3cr3t-\u{ad}of-the-key",
            "S3cr3t-of-the-key",
        ] {
            assert_eq!(Words::new(hidden, &redactor).as_str(), "***", "{hidden:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let words = disarm(&"ü".repeat(LONGEST + 10));
        assert_eq!(words.chars().count(), LONGEST + 2);
        assert!(words.ends_with(" …"));
    }

    #[test]
    fn what_looks_alike_is_found_whatever_its_case() {
        let known = ["artifacts", "id", "name"];
        assert_eq!(nearest("Artefacts", known), Some("artifacts"));
        assert_eq!(nearest("credentials", known), None);
        let long = "k".repeat(8 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None, "never compared");
        assert_eq!(nearest("k", [long.as_str(), "kk"]), Some("kk"));
    }
}
