//! YAML into types of ours, and what is wrong in it as a place and two sentences.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_yaml::{Error, Location, MergeKeyPolicy, Spanned, alias_limits, budget, options};

use crate::text::{disarm, nearest};

/// The longest part of a file that a message repeats, in characters.
const REPEATED: usize = 60;
/// How deep lists and mappings may stand in each other; the format needs seven.
const DEEPEST: usize = 24;
/// How many bytes aliases (`*name`) may make of a file, if each repeated all of it.
const HEAVIEST: usize = 256 << 20;

/// Where something stands; both are counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub const START: Self = Self { line: 1, column: 1 };

    fn at(location: &Location) -> Self {
        let number = |counted| usize::try_from(counted).unwrap_or(usize::MAX).max(1);
        Self {
            line: number(location.line()),
            column: number(location.column()),
        }
    }

    /// The place in the file that messages call `shown`: `flowship.yaml:12:3`.
    pub fn of(self, shown: &str) -> String {
        format!("{shown}:{}:{}", self.line, self.column)
    }

    /// The place behind a text with which a file begins.
    fn after(text: &str) -> Self {
        let last = text.rsplit('\n').next().unwrap_or_default();
        Self {
            line: text.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        }
    }
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlFault {
    pub place: Position,
    pub what: String,
    pub hint: String,
}

impl YamlFault {
    pub fn new(place: Position, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// A value, and where it is written.
#[derive(Debug)]
pub struct Placed<T> {
    pub value: T,
    pub place: Position,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            place: Position::at(&spanned.defined),
        })
    }
}

/// The value of a key that may be left out. Unlike an `Option` it refuses a key without a value.
#[derive(Debug)]
pub struct Optional<T>(pub Option<Placed<T>>);

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Placed::deserialize(deserializer).map(|placed| Self(Some(placed)))
    }
}

impl<T> Optional<T> {
    pub fn value(self) -> Option<T> {
        self.0.map(|placed| placed.value)
    }
}

/// A mapping whose keys the user chooses, in the order of the file. One without entries may be left empty.
#[derive(Debug)]
pub struct Entries<K, V>(pub Vec<(Placed<K>, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Entries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let filled = Option::<MapEntries<K, V>>::deserialize(deserializer)?;
        Ok(Self(filled.map_or_else(Vec::new, |filled| filled.0)))
    }
}

/// A mapping that has entries.
struct MapEntries<K, V>(Vec<(Placed<K>, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for MapEntries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<K, V> {
    type Value = MapEntries<K, V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(MapEntries(entries))
    }
}

/// A part of the file, fit to be repeated in a message.
pub fn quoted(text: &str) -> String {
    let line = disarm(text);
    match line.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The error of a value that has the right type and is refused all the same. Both sentences have to go through one text, of
/// one line each; [`fault`] takes them apart.
pub fn refused<E: de::Error>(what: &str, hint: &str) -> E {
    E::custom(format_args!("{what}\n{hint}"))
}

/// The text of a file; editors may have put a byte order mark before it.
pub fn text_of(bytes: &[u8]) -> Result<&str, YamlFault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let place = Position::after(&String::from_utf8_lossy(good));
        YamlFault::new(place, "the file is not UTF-8", "save it as UTF-8")
    })
}

/// Reads one document. A text without any gives what has no keys at all.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlFault> {
    let options = options! {
        budget: budget! {
            max_depth: DEEPEST,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: alias_limits! {
            max_total_replayed_events: HEAVIEST / text.len().max(1),
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| fault(&error, text))
}

fn fault(error: &Error, text: &str) -> YamlFault {
    let error = match error {
        Error::AliasError { error, .. } => error,
        error => error,
    };
    let place = error
        .location()
        .as_ref()
        .map_or(Position::START, Position::at);
    let key = key_before(text, place).map(|key| format!("`{}`", quoted(key)));
    let here = key.as_deref().unwrap_or("what stands here");
    let (what, hint) = match error {
        Error::Message { msg, .. } => {
            let (what, hint) = msg.split_once('\n').unwrap_or((msg, "look at this line"));
            let key = key.map_or_else(String::new, |key| format!("{key}: "));
            (format!("{key}{what}"), hint.to_owned())
        }
        Error::SerdeUnknownField {
            field, expected, ..
        } => (
            format!("`{}` is no key here", quoted(field)),
            meant(field, expected, "the keys are"),
        ),
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => (
            format!("{here} is `{}`", quoted(variant)),
            meant(variant, expected, "it is one of"),
        ),
        Error::SerdeMissingField { field, .. } => (
            format!("`{field}` is missing here"),
            format!("add `{field}:`"),
        ),
        Error::DuplicateMappingKey { key, .. } => {
            let key = quoted(key.as_deref().unwrap_or("this key"));
            let what = format!("`{key}` stands here for the second time");
            (what, "keep one of them".to_owned())
        }
        Error::NullIntoString { .. } => (
            format!("{here} has no value"),
            "give it one (\"\" is an empty one), or remove the key".to_owned(),
        ),
        Error::SerdeInvalidType { expected, .. } => must_be(here, expected),
        Error::Unexpected { expected, .. } => must_be(here, expected),
        Error::InvalidBooleanStrict { .. } => must_be(here, "true or false"),
        other => whatever_the_keys(other),
    };
    YamlFault::new(place, what, hint)
}

/// The key whose value begins at a place of the same line.
fn key_before(text: &str, place: Position) -> Option<&str> {
    let line = text.lines().nth(place.line - 1)?;
    let (end, _) = line.char_indices().nth(place.column - 1)?;
    let (before, after) = line.split_at(end);
    // a value that is missing stands where its colon does
    let key = match before.trim_end().strip_suffix(':') {
        Some(key) => key,
        None if after.starts_with(':') => before,
        None => return None,
    };
    let key = key.rsplit(['{', ',']).next().unwrap_or(key).trim_start();
    let key = key.trim_start_matches("- ").trim_matches(['"', '\'']);
    (!key.is_empty()).then_some(key)
}

/// What a value has to be, and how it is written.
fn must_be(here: &str, expected: &str) -> (String, String) {
    let (wanted, hint) = match expected {
        "sequence start" => ("a list", "write one entry a line, each beginning with `- `"),
        "mapping start" => (
            "a mapping",
            "write one `key: value` a line, indented below it",
        ),
        "string scalar" => (
            "a text",
            "put a value that begins with `{` or `[` in quotes",
        ),
        other => (other, "write it without quotes"),
    };
    (format!("{here} must be {wanted}"), hint.to_owned())
}

/// A text that is none of the known ones.
fn meant(text: &str, known: &[&str], list: &str) -> String {
    let all = known.join(", ");
    match nearest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {list}: {all}"),
        None => format!("{list}: {all}"),
    }
}

/// What is wrong in a file whatever is to be in it.
fn whatever_the_keys(error: &Error) -> (String, String) {
    let (what, hint) = match error {
        Error::MergeKeyNotAllowed { .. } => (
            "merging (`<<`) is no part of this file",
            "give an artifact the parameters that all environments share, below its `parameters`",
        ),
        Error::MultipleDocuments { .. } => (
            "a second document begins here",
            "keep one document in the file: remove the line `---`",
        ),
        Error::UnknownAnchor { .. } => (
            "nothing above has the name that follows the `*`",
            "put a value that begins with `*` in quotes; an alias stands below its anchor",
        ),
        Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "this alias stands inside what it repeats",
            "write the value out",
        ),
        Error::UnsupportedTag { .. } => (
            "a tag (`!...`) stands here, which means nothing in this file",
            "remove it; put a value that begins with `!` in quotes",
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "up to here the file is deeper or holds more than any settings do, with what its aliases (`*name`) repeat",
            "look at the indentation and brackets above; write values out instead of repeating them by aliases",
        ),
        other => {
            let text = other.to_string();
            let text = text
                .rsplit_once(" at line ")
                .map_or(&*text, |(text, _)| text);
            return (
                format!("this is no YAML: {}", quoted(text)),
                "look at the line and the one above it; write blanks, no tabs; quote values that hold `: ` or begin with a special character".to_owned(),
            );
        }
    };
    (what.to_owned(), hint.to_owned())
}
