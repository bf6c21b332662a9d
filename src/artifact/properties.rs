//! Reading and writing `parameters.prop` and `metainfo.prop`: the dialect of `java.util.Properties`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::str::Chars;

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
        let bytes = without_mark(bytes);
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let entries = LogicalLines::of(bytes).filter_map(|line| Some((line.number, line.text?)));
        let mut properties = Self::default();
        for (count, (line, text)) in entries.enumerate() {
            if count >= MOST_ENTRIES {
                return Err(PropertiesError::TooManyEntries { line });
            }
            let text = decoded(text, is_utf8);
            let (key, value) = split(&text);
            properties.set(Entry {
                key: unescape(key, line)?,
                value: unescape(value, line)?,
                line,
            });
        }
        Ok(properties)
    }

    /// The values by keys.
    pub fn values(&self) -> BTreeMap<String, String> {
        let entries = self.entries.iter();
        entries
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    }

    /// The value of a key, if the key is there.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.value.as_str())
    }

    /// The entry of a key, if the key is there.
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
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys that were met more than once, in the order of the file.
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
pub fn stable(bytes: &[u8]) -> Vec<u8> {
    let old_line_ends = bytes
        .windows(2)
        .any(|two| two[0] == b'\r' && two[1] != b'\n')
        || bytes.ends_with(b"\r");
    let content = without_line_end(bytes);
    let read = match Properties::parse(bytes) {
        Ok(read) if read.duplicates().is_empty() && !old_line_ends && !goes_on(content) => read,
        _ => return bytes.to_vec(),
    };
    let mut comments = Vec::new();
    let mut entries: Vec<&[u8]> = Vec::new();
    for line in LogicalLines::of(without_mark(bytes)) {
        match line.written.trim_ascii() {
            [b'#' | b'!', comment @ ..] if is_date(comment.trim_ascii()) => {}
            [b'#' | b'!', ..] => comments.push(line.written.trim_ascii_end()),
            _ => entries.push(without_line_end(line.written).trim_ascii_start()),
        }
    }
    entries.sort_unstable();
    let lines = comments.into_iter().chain(entries);
    let stable: Vec<u8> = lines.flat_map(|line| [line, b"\n"].concat()).collect();
    match Properties::parse(&stable) {
        Ok(again) if again.values() == read.values() => stable,
        _ => bytes.to_vec(),
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
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

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn decoded(bytes: Vec<u8>, is_utf8: bool) -> String {
    if is_utf8 {
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        // each byte of ISO-8859-1 is the code point of the same number
        bytes.into_iter().map(char::from).collect()
    }
}

/// An entry with the lines that continue it, or a comment.
struct LogicalLine<'a> {
    number: u32,
    /// As it stands in the file, with its line ends.
    written: &'a [u8],
    /// Continued lines joined, escapes still in it; `None` for a comment.
    text: Option<Vec<u8>>,
}

/// Cuts a file into logical lines. Empty lines are left out.
struct LogicalLines<'a> {
    rest: &'a [u8],
    number: u32,
}

impl<'a> LogicalLines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            number: 0,
        }
    }

    /// The next line without blanks in front and without its end.
    fn next_natural_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.number = self.number.saturating_add(1);
        let mut lines = self.rest.split(|byte| matches!(byte, b'\r' | b'\n'));
        let line = lines.next().unwrap_or_default();
        let end = match &self.rest[line.len()..] {
            [b'\r', b'\n', ..] => 2,
            rest => rest.len().min(1),
        };
        self.rest = &self.rest[line.len() + end..];
        let blanks = line.iter().take_while(|byte| is_blank(char::from(**byte)));
        Some(&line[blanks.count()..])
    }
}

impl<'a> Iterator for LogicalLines<'a> {
    type Item = LogicalLine<'a>;

    fn next(&mut self) -> Option<LogicalLine<'a>> {
        let mut begin = self.rest;
        let (mut number, mut text) = (0, Vec::new());
        let mut is_comment = false;
        while let Some(natural) = self.next_natural_line() {
            if text.is_empty() {
                number = self.number;
                is_comment = matches!(natural, [b'#' | b'!', ..]);
            }
            let is_continued = !is_comment && goes_on(natural);
            text.extend_from_slice(&natural[..natural.len() - usize::from(is_continued)]);
            if !is_continued && !text.is_empty() {
                break;
            }
            if !is_continued {
                begin = self.rest;
            }
        }
        // the last line may end in a backslash that continues nothing
        (!text.is_empty()).then(|| LogicalLine {
            number,
            written: &begin[..begin.len() - self.rest.len()],
            text: (!is_comment).then_some(text),
        })
    }
}

/// Whether a line wants to go on in the next one.
fn goes_on(line: &[u8]) -> bool {
    let slashes = line.iter().rev().take_while(|byte| **byte == b'\\');
    slashes.count() % 2 == 1
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
    let mut units: Vec<u16> = Vec::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(character) = rest.next() {
        let character = match character {
            '\\' => match rest.next() {
                None => break,
                Some('u') => {
                    units.push(code_unit(&mut rest, line)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some(other) => other,
            },
            plain => plain,
        };
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map_err(|half| PropertiesError::HalfCharacter {
        line,
        code: half.unpaired_surrogate(),
    })
}

/// Reads the four digits behind `\u`.
fn code_unit(rest: &mut Chars<'_>, line: u32) -> Result<u16, PropertiesError> {
    let text = rest.as_str();
    let digits = text.get(..4);
    let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let unit = unit.ok_or_else(|| PropertiesError::MalformedUnicodeEscape {
        line,
        found: ['u'].into_iter().chain(text.chars().take(4)).collect(),
    })?;
    *rest = text[4..].chars();
    Ok(unit)
}

#[cfg(test)]
mod stable_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
