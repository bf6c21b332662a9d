//! Which directories Git ignores, by the pattern rules that gitignore(5) documents. Only directories are asked about, and
//! nobody asks below one that is ignored, so `dir/` and `dir` mean the same here and nothing below is brought back by `!`.

use std::path::Path;

/// The patterns of one `.gitignore` or `info/exclude`, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    negated: bool,
    segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Debug)]
enum Segment {
    /// `**`: any number of folders, none included.
    Folders,
    /// A name, with wildcards.
    Name(Vec<Piece>),
}

/// One piece of a name's pattern. Git matches bytes, not characters.
#[derive(Debug)]
enum Piece {
    /// `*`: any number of bytes.
    Bytes,
    /// `?`
    AnyByte,
    Byte(u8),
    /// `[a-z]`, `[!a-z]`
    Class {
        negated: bool,
        items: Vec<Item>,
    },
}

#[derive(Debug)]
enum Item {
    Range(u8, u8),
    /// `[:alpha:]` and the like.
    Named(fn(&u8) -> bool),
}

impl Patterns {
    /// Reads the text of an ignore file. A line that is no valid pattern matches nothing, as in Git.
    pub(super) fn parse(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        Self(lines.filter_map(Pattern::parse).collect())
    }

    /// Whether a directory is ignored: the last pattern that matches decides; `None` when none does. The path is relative to
    /// the folder of the ignore file.
    pub(super) fn decide(&self, directory: &Path) -> Option<bool> {
        let names: Vec<&[u8]> = directory
            .components()
            .map(|part| part.as_os_str().as_encoded_bytes())
            .collect();
        let matching = self.0.iter().rev().find(|pattern| pattern.matches(&names));
        matching.map(|pattern| !pattern.negated)
    }
}

impl Pattern {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = without_trailing_blanks(line.strip_suffix(b"\r").unwrap_or(line));
        if line.starts_with(b"#") {
            return None;
        }
        let (negated, pattern) = match line.strip_prefix(b"!") {
            Some(pattern) => (true, pattern),
            None => (false, line),
        };
        let pattern = pattern.strip_suffix(b"/").unwrap_or(pattern);
        if pattern.is_empty() {
            return None;
        }
        Some(Self {
            negated,
            segments: segments(pattern)?,
        })
    }

    fn matches(&self, names: &[&[u8]]) -> bool {
        matches(
            &self.segments,
            names,
            |segment| matches!(segment, Segment::Folders),
            |segment, name| match segment {
                Segment::Folders => false,
                Segment::Name(pieces) => matches(
                    pieces,
                    name,
                    |piece| matches!(piece, Piece::Bytes),
                    |piece, byte| piece.matches(*byte),
                ),
            },
        )
    }
}

impl Piece {
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Bytes => false,
            Self::AnyByte => true,
            Self::Byte(wanted) => *wanted == byte,
            Self::Class { negated, items } => {
                let among = items.iter().any(|item| match item {
                    Item::Range(first, last) => (*first..=*last).contains(&byte),
                    Item::Named(holds) => holds(&byte),
                });
                among != *negated
            }
        }
    }
}

/// A pattern with a slash at its beginning or in its middle counts from the ignore file's folder, any other matches at
/// every depth.
fn segments(pattern: &[u8]) -> Option<Vec<Segment>> {
    let anchored = pattern.contains(&b'/');
    let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
    let mut segments = Vec::new();
    if !anchored {
        segments.push(Segment::Folders);
    }
    for part in pattern.split(|byte| *byte == b'/') {
        segments.push(match part {
            b"**" => Segment::Folders,
            part => Segment::Name(pieces(part)?),
        });
    }
    if anchored && matches!(segments.last(), Some(Segment::Folders)) {
        // `a/**` is everything in `a`, but not `a` itself
        segments.push(Segment::Name(vec![Piece::Bytes]));
    }
    Some(segments)
}

fn pieces(mut part: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    while let [first, rest @ ..] = part {
        part = rest;
        pieces.push(match first {
            b'*' => Piece::Bytes,
            b'?' => Piece::AnyByte,
            b'\\' => {
                let (literal, rest) = part.split_first()?;
                part = rest;
                Piece::Byte(*literal)
            }
            b'[' => {
                let (class, rest) = class(part)?;
                part = rest;
                class
            }
            byte => Piece::Byte(*byte),
        });
    }
    Some(pieces)
}

/// Reads what follows a `[`, up to its `]`; `None` when there is none.
fn class(part: &[u8]) -> Option<(Piece, &[u8])> {
    let (negated, mut rest) = match part {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, part),
    };
    let mut items = Vec::new();
    loop {
        match rest {
            // a `]` that comes first is meant literally
            [b']', after @ ..] if !items.is_empty() => {
                return Some((Piece::Class { negated, items }, after));
            }
            [b'[', b':', after @ ..] => {
                let end = after.windows(2).position(|window| window == b":]")?;
                items.push(Item::Named(named_class(&after[..end])?));
                rest = &after[end + 2..];
            }
            _ => {
                let (first, after) = class_byte(rest)?;
                let range = match after {
                    [b'-', end, ..] if *end != b']' => Some(class_byte(&after[1..])?),
                    _ => None,
                };
                let (last, after) = range.unwrap_or((first, after));
                items.push(Item::Range(first, last));
                rest = after;
            }
        }
    }
}

fn class_byte(part: &[u8]) -> Option<(u8, &[u8])> {
    match part {
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

fn named_class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| byte.is_ascii_whitespace() || *byte == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

/// Blanks at the end of a line do not count unless a backslash stands before them.
fn without_trailing_blanks(mut line: &[u8]) -> &[u8] {
    while let Some(shorter) = line.strip_suffix(b" ") {
        let backslashes = shorter.iter().rev().take_while(|byte| **byte == b'\\');
        if backslashes.count() % 2 == 1 {
            break;
        }
        line = shorter;
    }
    line
}

/// Whether a pattern whose stars stand for any number of items matches all items. Going back to the last star is
/// enough, so the time is at most pattern times items, whatever a repository's ignore files hold.
fn matches<P, T>(
    pattern: &[P],
    items: &[T],
    is_star: impl Fn(&P) -> bool,
    matches_one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut taken) = (0, 0);
    let mut last_star = None;
    while taken < items.len() {
        match pattern.get(at) {
            Some(star) if is_star(star) => {
                last_star = Some((at, taken));
                at += 1;
            }
            Some(one) if matches_one(one, &items[taken]) => {
                at += 1;
                taken += 1;
            }
            _ => {
                let Some((star, begun)) = last_star else {
                    return false;
                };
                last_star = Some((star, begun + 1));
                (at, taken) = (star + 1, begun + 1);
            }
        }
    }
    pattern[at..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decide(text: &str, directory: &str) -> Option<bool> {
        Patterns::parse(text.as_bytes()).decide(Path::new(directory))
    }

    #[test]
    fn each_documented_rule_decides_as_git_does() {
        let table: &[(&str, &[&str], &[&str])] = &[
            // (patterns, ignored, not ignored)
            ("", &[], &["a"]),
            ("# a\n\n   \n", &[], &["a", "# a", "   "]),
            (
                "target",
                &["target", "a/target", "a/b/target"],
                &["targets", "a/atarget", "target/a"],
            ),
            ("target/", &["target", "a/target"], &["targets"]),
            ("/target", &["target"], &["a/target"]),
            ("a/b", &["a/b"], &["b", "c/a/b", "a"]),
            ("a/b/", &["a/b"], &["c/a/b"]),
            (
                "*.out",
                &["x.out", "a/.out", "a/b.c.out"],
                &["x.outs", "out"],
            ),
            ("a/*", &["a/b", "a/.c"], &["a", "a/b/c"]),
            ("b?ild", &["build", "a/bxild"], &["bild", "b/ild"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[!a-c]x", &["dx"], &["ax", "x"]),
            ("[^a-c]x", &["dx"], &["ax"]),
            ("[]-]x", &["]x", "-x"], &["ax"]),
            ("[a\\]]x", &["]x", "ax"], &["\\x"]),
            ("[[:digit:]_]x", &["1x", "_x"], &["ax", ":x"]),
            ("[[:nothing:]]x", &[], &["nx", ":x"]),
            ("[ab", &[], &["a", "[ab"]),
            ("a\\", &[], &["a", "a\\"]),
            ("**/a", &["a", "b/a", "b/c/a"], &["ab"]),
            ("**/a/b", &["a/b", "x/a/b"], &["a/x/b", "b"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "b/a/c"]),
            (
                "a/**/b",
                &["a/b", "a/x/b", "a/x/y/b"],
                &["a", "x/a/b", "ab"],
            ),
            ("a**b", &["ab", "axb", "x/axyb"], &["a/b"]),
            ("**", &["a", "a/b"], &[]),
            ("a  ", &["a"], &["a  "]),
            ("a\\ ", &["a "], &["a", "a\\ "]),
            ("\\#a", &["#a"], &["a"]),
            ("\\!a", &["!a"], &["a"]),
            ("a b", &["a b"], &["a"]),
            ("target\r\nout\r\n", &["target", "out"], &["target\r"]),
            ("\u{feff}target", &["target"], &[]),
            ("*\n!keep", &["a"], &["keep"]),
            ("!keep\n*", &["a", "keep"], &[]),
            ("A", &["A"], &["a"]),
            ("/", &[], &["a"]),
        ];
        for (patterns, ignored, not_ignored) in table {
            for directory in *ignored {
                assert_eq!(
                    decide(patterns, directory),
                    Some(true),
                    "{patterns:?} {directory}"
                );
            }
            for directory in *not_ignored {
                assert_ne!(
                    decide(patterns, directory),
                    Some(true),
                    "{patterns:?} {directory}"
                );
            }
        }
        assert_eq!(decide("*\n!keep", "keep"), Some(false));
        assert_eq!(decide("a", "b"), None);
    }

    #[test]
    fn a_pattern_of_many_stars_is_decided_at_once() {
        let pattern = "*a".repeat(200) + "b";
        assert_eq!(decide(&pattern, &"a".repeat(4000)), None);
        let folders = "a/**/".repeat(60) + "b";
        assert_eq!(decide(&folders, &"a/".repeat(500)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_patterns_never_panic(text in "[ab*?/!#\\\\\\[\\]:^ \\-\\n]{0,40}", path in "[ab/\\]\\-]{0,12}") {
            let _ = decide(&text, &path);
        }

        #[test]
        fn a_name_written_with_backslashes_matches_itself_and_nothing_else(name in "[a-z*?\\[\\]!# ]{1,12}") {
            let escaped: String = name.chars().map(|character| match character {
                'a'..='z' => character.to_string(),
                other => format!("\\{other}"),
            }).collect();
            prop_assert_eq!(decide(&escaped, &name), Some(true));
            prop_assert_eq!(decide(&escaped, &format!("{name}x")), None);
        }
    }
}
