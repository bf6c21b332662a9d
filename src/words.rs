//! Text from outside, made fit to be printed: secrets masked, control characters and CI commands disarmed, cut.

use std::fmt;

use crate::settings::redactor::Redactor;

/// The longest text of a tenant that is kept, in characters.
const LONGEST: usize = 2_000;
/// The longest that is kept of a page that is no answer of the API, in characters.
const BRIEF: usize = 200;

/// A text that came from outside and is safe to print on one line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Masks the secrets that `redactor` knows, then disarms and shortens the text.
    #[must_use]
    pub fn new(text: &str, redactor: &Redactor) -> Self {
        Self(disarm(&redactor.clean(text)))
    }

    /// The beginning of it, for pages of which only the first words matter.
    #[must_use]
    pub fn brief(self) -> Self {
        Self(shorten(self.0, BRIEF))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line without control and formatting characters, in which no CI system sees a command.
#[must_use]
pub fn disarm(text: &str) -> String {
    let plain: String = without_escapes(text)
        .chars()
        .map(|c| {
            if c.is_whitespace() || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !invisible(*c))
        .collect();
    let mut line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    for (command, harmless) in [("##[", "# #["), ("##vso[", "# #vso["), ("::", ": :")] {
        while line.contains(command) {
            line = line.replace(command, harmless);
        }
    }
    shorten(line, LONGEST)
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
fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

fn shorten(line: String, longest: usize) -> String {
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command_or_an_escape() {
        for (text, expected) in [
            ("one\r\n::error::two", "one : :error: :two"),
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
    fn a_long_text_is_cut() {
        let words = disarm(&"ü".repeat(LONGEST + 10));
        assert_eq!(words.chars().count(), LONGEST + 2);
        assert!(words.ends_with(" …"));
    }
}
