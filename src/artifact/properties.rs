//! Reading and writing `parameters.prop` and `metainfo.prop`: the dialect of `java.util.Properties`.

use std::collections::HashMap;
use std::fmt::Write as _;

use thiserror::Error;

/// Why a properties file cannot be read. Tenants read these files with `java.util.Properties`, which refuses the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PropertiesError {
    /// `\u` that is not followed by four hexadecimal digits.
    #[error(
        "line {line}: `\\u` must be followed by four hexadecimal digits, found `{found}`; write a plain backslash as `\\\\`"
    )]
    MalformedUnicodeEscape {
        /// The line (from 1) on which the entry begins.
        line: u32,
        /// What stands there instead of the digits.
        found: String,
    },
    /// One half of a UTF-16 surrogate pair without the other half: no character at all.
    #[error(
        "line {line}: `\\u{code:04X}` is only one half of a character; write both halves or the character itself"
    )]
    HalfCharacter {
        /// The line (from 1) on which the entry begins.
        line: u32,
        /// The UTF-16 code unit.
        code: u16,
    },
    /// More entries than anybody writes.
    #[error("line {line}: the file has more than {MOST_ENTRIES} entries and is not read")]
    TooManyEntries {
        /// The line (from 1) of the first entry that is one too many.
        line: u32,
    },
}

/// The most entries of a file. The largest known have a few hundred.
pub(super) const MOST_ENTRIES: usize = 100_000;

impl PropertiesError {
    /// The line, counted from 1, on which the broken entry begins.
    #[must_use]
    pub fn line(&self) -> u32 {
        match self {
            Self::MalformedUnicodeEscape { line, .. }
            | Self::HalfCharacter { line, .. }
            | Self::TooManyEntries { line } => *line,
        }
    }
}

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, without escapes.
    pub key: String,
    /// The value, without escapes; may be empty.
    pub value: String,
    /// The line, counted from 1, on which the entry begins.
    pub line: u32,
}

/// A key that stands more than once; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key, without escapes.
    pub key: String,
    /// The line of the entry that is overridden.
    pub overridden_line: u32,
    /// The line of the entry that overrides it.
    pub line: u32,
}

/// The entries of a properties file in the order of the file, comments left out, each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    entries: Vec<Entry>,
    positions: HashMap<String, usize>,
    duplicates: Vec<DuplicateKey>,
}

impl Properties {
    /// Reads the bytes of a properties file: UTF-8 (with or without a byte order mark), else ISO-8859-1.
    pub fn parse(bytes: &[u8]) -> Result<Self, PropertiesError> {
        let text = decode(bytes);
        let mut properties = Self::default();
        for (number, line) in LogicalLines::of(&text).enumerate() {
            if number >= MOST_ENTRIES {
                return Err(PropertiesError::TooManyEntries { line: line.number });
            }
            let (key, value) = split(&line.text);
            properties.set(Entry {
                key: unescape(key, line.number)?,
                value: unescape(value, line.number)?,
                line: line.number,
            });
        }
        Ok(properties)
    }

    /// The value of a key, if the key is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.value.as_str())
    }

    /// The entry of a key, if the key is there.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.positions
            .get(key)
            .map(|position| &self.entries[*position])
    }

    /// The entries in the order of the file; of a repeated key the place is that of the first, the value that of the last.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys that were met more than once, in the order of the file.
    #[must_use]
    pub fn duplicates(&self) -> &[DuplicateKey] {
        &self.duplicates
    }

    fn set(&mut self, entry: Entry) {
        let Some(position) = self.positions.get(&entry.key) else {
            self.positions.insert(entry.key.clone(), self.entries.len());
            self.entries.push(entry);
            return;
        };
        let overridden = &mut self.entries[*position];
        self.duplicates.push(DuplicateKey {
            key: entry.key.clone(),
            overridden_line: overridden.line,
            line: entry.line,
        });
        *overridden = entry;
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Writes entries as Java does, in the order given, LF line ends, ASCII only; [`Properties::parse`] gives them back.
#[must_use]
pub fn write<K: AsRef<str>, V: AsRef<str>>(entries: &[(K, V)]) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        escape_into(&mut text, key.as_ref(), Blanks::All);
        text.push('=');
        escape_into(&mut text, value.as_ref(), Blanks::Leading);
        text.push('\n');
    }
    text
}

/// The bytes of a properties file without what changes from one download to the next: comments that are a date or empty go,
/// entries are sorted. Entries stay as they were written, byte by byte. A file in which order matters (a key stands twice,
/// the last entry wants to go on), or that can't be read, stays as it is.
#[must_use]
pub fn stable(bytes: &[u8]) -> Vec<u8> {
    let old_line_ends = bytes
        .windows(2)
        .any(|two| two[0] == b'\r' && two[1] != b'\n')
        || bytes.ends_with(b"\r");
    let read = match Properties::parse(bytes) {
        Ok(read) if read.duplicates().is_empty() && !old_line_ends => read,
        _ => return bytes.to_vec(),
    };
    let mut comments = Vec::new();
    let mut entries: Vec<&[u8]> = Vec::new();
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(entry_length(rest));
        rest = behind;
        match line.trim_ascii() {
            [] => {}
            [b'#' | b'!', comment @ ..] if is_date(comment.trim_ascii()) => {}
            [b'#' | b'!', ..] => comments.push(line.trim_ascii_end()),
            _ => entries.push(without_line_end(line).trim_ascii_start()),
        }
    }
    if entries.iter().any(|entry| goes_on(entry)) {
        return bytes.to_vec();
    }
    entries.sort_unstable();
    let mut stable = Vec::with_capacity(bytes.len());
    for line in comments.into_iter().chain(entries) {
        stable.extend_from_slice(line);
        stable.push(b'\n');
    }
    if Properties::parse(&stable).is_ok_and(|again| says_the_same(&again, &read)) {
        stable
    } else {
        bytes.to_vec()
    }
}

/// Whether a line wants to go on in the next one.
fn goes_on(line: &[u8]) -> bool {
    let slashes = line.iter().rev().take_while(|byte| **byte == b'\\');
    slashes.count() % 2 == 1
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn says_the_same(one: &Properties, other: &Properties) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|entry| other.get(&entry.key) == Some(entry.value.as_str()))
}

/// How long an entry or comment is, with the lines that continue an entry and the last line end.
fn entry_length(text: &[u8]) -> usize {
    let is_comment = matches!(text.trim_ascii_start().first(), Some(b'#' | b'!'));
    let mut end = 0;
    loop {
        let line = &text[end..];
        let length = line
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(line.len(), |at| at + 1);
        end += length;
        let content = without_line_end(&line[..length]);
        if is_comment || !goes_on(content) || end >= text.len() {
            return end;
        }
    }
}

/// Whether a comment is empty, or a date as Java writes it: `Tue Sep 26 12:45:37 UTC 2017`.
fn is_date(comment: &[u8]) -> bool {
    let text = String::from_utf8_lossy(comment);
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_time = |word: &str| {
        let parts: Vec<&str> = word.split(':').collect();
        let two_digits = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 3 && parts.iter().all(two_digits)
    };
    let is_year = |word: &str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit());
    match words.as_slice() {
        [] => true,
        [_, _, _, time, .., year] => words.len() <= 7 && is_time(time) && is_year(year),
        _ => false,
    }
}

/// Which blanks must be escaped: a key ends at the first one, a value only loses those in front.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blanks {
    All,
    Leading,
}

fn escape_into(text: &mut String, raw: &str, blanks: Blanks) {
    for (index, character) in raw.chars().enumerate() {
        match character {
            ' ' if index == 0 || blanks == Blanks::All => text.push_str("\\ "),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\x0c' => text.push_str("\\f"),
            '\\' | '=' | ':' | '#' | '!' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => escape_unicode_into(text, character),
        }
    }
}

fn escape_unicode_into(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // writing to a String cannot fail
        let _ = write!(text, "\\u{unit:04X}");
    }
}

fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // each byte of ISO-8859-1 is the code point of the same number
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// An entry's text: continued lines joined, comments and empty lines left out, escapes still in it.
struct LogicalLine {
    number: u32,
    text: String,
}

/// Cuts a text into logical lines.
struct LogicalLines<'a> {
    rest: &'a str,
    number: u32,
}

impl<'a> LogicalLines<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            rest: text,
            number: 0,
        }
    }

    fn next_natural_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let end = self.rest.find(['\r', '\n']).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest
            .strip_prefix("\r\n")
            .or_else(|| rest.strip_prefix(['\r', '\n']))
            .unwrap_or(rest);
        Some(line.trim_start_matches(is_blank))
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = LogicalLine;

    fn next(&mut self) -> Option<LogicalLine> {
        let mut line = LogicalLine {
            number: 0,
            text: String::new(),
        };
        while let Some(natural) = self.next_natural_line() {
            if line.text.is_empty() {
                if natural.starts_with(['#', '!']) {
                    continue;
                }
                line.number = self.number;
            }
            let continued = ends_with_open_backslash(natural);
            line.text.push_str(if continued {
                &natural[..natural.len() - 1]
            } else {
                natural
            });
            if !continued && !line.text.is_empty() {
                return Some(line);
            }
        }
        // the last line may end in a backslash that continues nothing
        (!line.text.is_empty()).then_some(line)
    }
}

fn ends_with_open_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\x0c')
}

/// Splits at the first separator that is not escaped: blanks around one `=` or `:`, or blanks alone.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .find(|character: char| {
            let separates = !escaped && (matches!(character, '=' | ':') || is_blank(character));
            escaped = !escaped && character == '\\';
            separates
        })
        .unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start_matches(is_blank))
}

fn unescape(raw: &str, line: u32) -> Result<String, PropertiesError> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(position) = rest.find('\\') {
        text.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let Some(character) = rest.chars().next() else {
            break;
        };
        if character == 'u' {
            rest = unescape_unicode(rest, line, &mut text)?;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        text.push(match character {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0c',
            other => other,
        });
    }
    text.push_str(rest);
    Ok(text)
}

/// Reads `uXXXX`, or two of them that make one character; gives what follows.
fn unescape_unicode<'a>(
    rest: &'a str,
    line: u32,
    text: &mut String,
) -> Result<&'a str, PropertiesError> {
    let (first, after_first) = code_unit(rest, line)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        text.push(character);
        return Ok(after_first);
    }
    let half = PropertiesError::HalfCharacter { line, code: first };
    let Some(second) = after_first
        .strip_prefix('\\')
        .filter(|second| second.starts_with('u'))
    else {
        return Err(half);
    };
    let (second, after_second) = code_unit(second, line)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(character)) => text.push(character),
        _ => return Err(half),
    }
    Ok(after_second)
}

fn code_unit(rest: &str, line: u32) -> Result<(u16, &str), PropertiesError> {
    let digits = rest
        .get(1..5)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
        Some(unit) => Ok((unit, &rest[5..])),
        None => Err(PropertiesError::MalformedUnicodeEscape {
            line,
            found: rest.chars().take(5).collect(),
        }),
    }
}

#[cfg(test)]
mod stable_tests {
    use super::*;

    #[test]
    fn the_last_entry_is_sorted_like_the_others() {
        // it has no line end, which is no part of what is compared
        let once = stable(b"(\x08\x08\n(");
        assert_eq!(stable(&once), once);
        let goes_on = b"\n \\\nX\n \\\nX++\n\\";
        assert_eq!(stable(goes_on), goes_on);
    }

    #[test]
    fn dates_and_order_go_and_everything_else_stays() {
        let written = b"#\n#Tue Sep 26 12:45:37 UTC 2017\r\n# kept\n b=1\\\n  2\na\\ b=x\\\\\nc=\n";
        assert_eq!(stable(written), b"# kept\na\\ b=x\\\\\nb=1\\\n  2\nc=\n");
    }

    #[test]
    fn a_last_entry_that_wants_to_go_on_stays_the_last() {
        for written in [&b"b\na\\"[..], b"b=1\na=2\\\n"] {
            assert_eq!(stable(written), written);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_said_stays_the_same(bytes in proptest::collection::vec(proptest::sample::select(b"ab=:# \\\n\r\t1".to_vec()), 0..40)) {
            let values = |bytes: &[u8]| Properties::parse(bytes).ok().map(|all| {
                all.iter().map(|one| (one.key.clone(), one.value.clone())).collect::<std::collections::BTreeMap<_, _>>()
            });
            proptest::prop_assert_eq!(values(&bytes), values(&stable(&bytes)));
            proptest::prop_assert_eq!(stable(&bytes), stable(&stable(&bytes)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
        let properties = Properties::parse(bytes).unwrap();
        properties
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    }

    #[test]
    fn every_rule_of_java_is_followed() {
        type Pairs<'a> = &'a [(&'a str, &'a str)];
        let table: &[(&[u8], Pairs)] = &[
            (b"", &[]),
            (b"\n \t\x0c\r\n\r", &[]),
            (b"a=b", &[("a", "b")]),
            (b"a:b", &[("a", "b")]),
            (b"a b", &[("a", "b")]),
            (b"a\tb", &[("a", "b")]),
            (b"a  =  b ", &[("a", "b ")]),
            (b"a = = b", &[("a", "= b")]),
            (b"a : = b", &[("a", "= b")]),
            (b"  a=b", &[("a", "b")]),
            (b"a", &[("a", "")]),
            (b"a=", &[("a", "")]),
            (b"=b", &[("", "b")]),
            (b"#Tue Mar 05\n#\n!x\n  # y\na=#b", &[("a", "#b")]),
            (b"a\\ b\\:\\=\\#\\!=c", &[("a b:=#!", "c")]),
            (b"url=https\\://x\\?y\\=z", &[("url", "https://x?y=z")]),
            (b"a=\\t\\n\\r\\f\\\\d", &[("a", "\t\n\r\x0c\\d")]),
            (
                b"a=\\u00e4\\u20AC\\uD83D\\uDE00",
                &[("a", "\u{e4}\u{20ac}\u{1f600}")],
            ),
            (b"a=b\\\n   c\\\r\n\td", &[("a", "bcd")]),
            (b"a=b\\\r#c", &[("a", "b#c")]),
            (b"a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]),
            (b"a=b\\\n\nc=d", &[("a", "b"), ("c", "d")]),
            (b"#c\\\na=b", &[("a", "b")]),
            (b"a=b\\", &[("a", "b")]),
            (
                b"a=1\rb=2\r\nc=3\nd=4",
                &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
            ),
            (b"\xEF\xBB\xBFa=b", &[("a", "b")]),
            ("a=ä".as_bytes(), &[("a", "ä")]),
            (b"a=\xE4", &[("a", "ä")]),
            (
                b"a=<row><cell>x</cell></row>",
                &[("a", "<row><cell>x</cell></row>")],
            ),
        ];
        for (bytes, expected) in table {
            let expected: Vec<_> = expected
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(pairs(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_malformed_escape_is_an_error_with_its_line() {
        for text in [
            "\n#\na=\\u12",
            "\n\na=\\u12G4",
            "\n\n\\uä=b",
            "\r\r\na=\\uD83D",
            "\n\na=\\uD83D\\u0041",
            "\n\na=\\uDE00",
        ] {
            assert_eq!(
                Properties::parse(text.as_bytes()).unwrap_err().line(),
                3,
                "{text}"
            );
        }
    }

    #[test]
    fn of_a_repeated_key_the_last_counts_and_the_repetition_is_remembered() {
        let properties = Properties::parse(b"a=1\nb=2\na=3\n").unwrap();
        assert_eq!(properties.get("a"), Some("3"));
        assert_eq!(properties.len(), 2);
        assert_eq!(
            properties.duplicates(),
            [DuplicateKey {
                key: "a".into(),
                overridden_line: 1,
                line: 3
            }]
        );
    }

    #[test]
    fn an_entry_carries_the_line_on_which_it_begins() {
        let properties = Properties::parse(b"# c\r\na=1\\\r\n  2\r\n\r\nb=3").unwrap();
        assert_eq!(
            properties
                .iter()
                .map(|entry| entry.line)
                .collect::<Vec<_>>(),
            [2, 5]
        );
    }

    #[test]
    fn entries_are_written_as_java_writes_them() {
        let written = write(&[("a b", "  https://x#!="), ("", "ä\u{1f600}\\d")]);
        assert_eq!(
            written,
            "a\\ b=\\  https\\://x\\#\\!\\=\n=\\u00E4\\uD83D\\uDE00\\\\d\n"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)) {
            let entries: Vec<_> = entries.into_iter().collect();
            prop_assert_eq!(pairs(write(&entries).as_bytes()), entries);
        }

        #[test]
        fn what_is_written_is_read_back_when_it_is_made_of_special_characters(
            key in "[ \\t\\r\\n\\x0c\\\\=:#!u0a]{0,8}", value in "[ \\t\\r\\n\\x0c\\\\=:#!u0a]{0,8}",
        ) {
            let entries = vec![(key, value)];
            prop_assert_eq!(pairs(write(&entries).as_bytes()), entries);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Properties::parse(&bytes);
        }

        #[test]
        fn arbitrary_special_characters_never_panic(text in "[ \\t\\r\\n\\x0c\\\\=:#!uDd8Cc0aä]{0,40}") {
            let _ = Properties::parse(text.as_bytes());
        }
    }
}
