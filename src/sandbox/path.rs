//! Resource paths and query options as `OData` version 2 writes them: strict keys, percent-decoding exactly once.

use std::fmt::Write as _;

/// One part of a resource path: a name and its key predicate, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub name: String,
    pub key: Key,
}

/// A key predicate: values with their names, or one value without; empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Vec<(String, String)>);

impl Key {
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the only key property, written `('X')` or `(Name='X')`.
    pub fn only(&self, name: &str) -> Option<&str> {
        match &self.0[..] {
            [(known, value)] if known.is_empty() || known == name => Some(value),
            _ => None,
        }
    }

    /// The two values of a composed key, in whatever order they were written.
    pub fn pair(&self, first: &str, second: &str) -> Option<(&str, &str)> {
        let named = |name: &str| {
            let pair = self.0.iter().find(|(known, _)| known == name);
            pair.map(|(_, value)| value.as_str())
        };
        Some((named(first)?, named(second)?)).filter(|_| self.0.len() == 2)
    }

    /// As it stands in links.
    pub fn written(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| match name.as_str() {
            "" => key_literal(value),
            name => format!("{name}={}", key_literal(value)),
        });
        match pairs.collect::<Vec<_>>().join(",") {
            pairs if pairs.is_empty() => pairs,
            pairs => format!("({pairs})"),
        }
    }
}

/// A request target, taken apart but not yet decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub path: String,
    pub query: String,
}

impl Target {
    /// Accepts the origin form and the absolute form that proxies use.
    pub fn split(raw: &str) -> Self {
        let origin = raw
            .strip_prefix("http://")
            .map_or(raw, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        let (path, query) = origin.split_once('?').unwrap_or((origin, ""));
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    /// What a person would read.
    pub fn decoded(&self) -> String {
        let path = decode(&self.path, false).unwrap_or_else(|| self.path.clone());
        match decode(&self.query, true) {
            Some(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path,
        }
    }
}

/// The segments of a path below the service root, or `None` when it is malformed.
pub fn segments(path: &str) -> Option<Vec<Segment>> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| segment(&decode(part, false)?))
        .collect()
}

fn segment(text: &str) -> Option<Segment> {
    let (name, key) = match text.split_once('(') {
        Some((name, rest)) => (name, key(rest.strip_suffix(')')?)?),
        None => (text, Key(Vec::new())),
    };
    Some(Segment {
        name: name.to_owned(),
        key,
    })
}

fn key(text: &str) -> Option<Key> {
    if text.is_empty() {
        return Some(Key(Vec::new()));
    }
    if text.starts_with('\'') {
        let (value, rest) = literal(text)?;
        return rest.is_empty().then(|| Key(vec![(String::new(), value)]));
    }
    named(text).map(Key)
}

fn named(mut text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    loop {
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = literal(rest)?;
        if name.is_empty() || pairs.iter().any(|(known, _)| known == name) {
            return None;
        }
        pairs.push((name.to_owned(), value));
        if rest.is_empty() {
            return Some(pairs);
        }
        text = rest.strip_prefix(',')?;
    }
}

/// Reads `'text'`, in which a quote is doubled, and returns it with what follows.
pub fn literal(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

/// The options behind the question mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub const NONE: Self = Self(Vec::new());

    pub fn parse(raw: &str) -> Option<Self> {
        let pairs = raw.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name, true)?, decode(value, true)?))
        });
        pairs.collect::<Option<Vec<_>>>().map(Self)
    }

    pub fn without(&self, names: &[&str]) -> Self {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.cloned().collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// A function import's parameter, which must be a quoted literal.
    pub fn quoted(&self, name: &str) -> Option<String> {
        let (value, rest) = literal(self.get(name)?)?;
        rest.is_empty().then_some(value)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Percent-decoding, once; `None` for broken escapes and for bytes that are not UTF-8.
pub fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Percent-encoding of everything but unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A key value for a link: quotes doubled, the rest percent-encoded.
pub fn key_literal(value: &str) -> String {
    format!("'{}'", encode(&value.replace('\'', "''")))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(path: &str) -> Option<(String, Key)> {
        segments(path)?.pop().map(|last| (last.name, last.key))
    }

    #[test]
    fn keys_are_read_strictly() {
        let key = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            Key(pairs
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect())
        };
        let good = [
            ("/A('x')", key(&[("", "x")])),
            (
                "/A(Id='O''Neil%20x',Version='active')",
                key(&[("Id", "O'Neil x"), ("Version", "active")]),
            ),
            ("/A('a%2Fb%2520')", key(&[("", "a/b%20")])),
            ("/A()", key(&[])),
            ("/A", key(&[])),
        ];
        for (path, key) in good {
            assert_eq!(parse(path), Some(("A".to_owned(), key)), "{path}");
        }
        for path in [
            "/A('x'",
            "/A(x)",
            "/A('x'y)",
            "/A(Id=x)",
            "/A(Id='x',Id='y')",
            "/A('%zz')",
            "/A(Id='x',)",
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
    }

    #[test]
    fn options_are_decoded_once() {
        let query = Query::parse("Id='a+b%2Bc%2525'&$top=3&flag").unwrap();
        assert_eq!(query.quoted("Id").unwrap(), "a b+c%25");
        assert_eq!(
            (query.get("$top"), query.get("flag"), query.quoted("$top")),
            (Some("3"), Some(""), None)
        );
    }

    #[test]
    fn the_absolute_form_is_a_target_too() {
        assert_eq!(
            Target::split("http://h:1/api/v1/?a=b"),
            Target {
                path: "/api/v1/".into(),
                query: "a=b".into()
            }
        );
        assert_eq!(Target::split("http://h").path, "/");
    }

    proptest! {
        #[test]
        fn arbitrary_paths_never_panic(text in ".*") {
            let _ = (segments(&text), Query::parse(&text), Target::split(&text).decoded());
        }

        #[test]
        fn what_is_written_is_read_back(value in ".*") {
            let path = format!("/A({})", key_literal(&value));
            let (_, key) = parse(&path).unwrap();
            prop_assert_eq!(key.only("Id"), Some(value.as_str()));
        }
    }
}
