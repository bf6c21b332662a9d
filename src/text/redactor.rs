//! Takes secrets out of everything that is shown.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// What stands where a secret stood.
const MASK: &[u8] = b"***";
/// Shorter values would blank out ordinary text.
const SHORTEST: usize = 4;
/// How much of a secret must stand at the end of a cut text to be recognised.
const CUT_PREFIX: usize = 8;

/// Knows all secrets of the run, in every spelling in which they may come back.
///
/// Clones share their knowledge, so that a token that is fetched late is hidden everywhere.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Arc<RwLock<Patterns>>,
}

impl Redactor {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides `secret` from now on: plain, base64 (alone or anywhere inside a longer text that was encoded),
    /// percent-encoded, JSON-escaped, HTML-escaped, or any mixture of the last three.
    pub fn add(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut patterns = self
            .patterns
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if patterns.known.contains(secret.as_bytes()) {
            return;
        }
        patterns.insert(secret.as_bytes().to_vec());
        for encoded in base64_forms(secret.as_bytes()) {
            patterns.insert(encoded.into_bytes());
        }
    }

    /// `text` with `***` for every secret, also for the beginning of one at the very end of a text that was cut.
    #[must_use]
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
        let spans = patterns.find(text.as_bytes());
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(mask(text.as_bytes(), &spans))
    }
}

/// Nothing of a secret, not even how many there are.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor")
    }
}

fn mask(text: &[u8], spans: &[(usize, usize)]) -> String {
    let mut shown = Vec::with_capacity(text.len());
    let mut position = 0;
    for &(start, end) in spans {
        shown.extend_from_slice(&text[position..start]);
        shown.extend_from_slice(MASK);
        position = end;
    }
    shown.extend_from_slice(&text[position..]);
    // spans begin and end where characters do, so nothing is lost here
    String::from_utf8_lossy(&shown).into_owned()
}

/// The secret encoded alone, and the characters that are the same wherever it stands in a text that was encoded
/// as a whole (as in the `Authorization` header of basic authentication).
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut forms = vec![STANDARD.encode(secret), URL_SAFE.encode(secret)];
    forms.extend([
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]);
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(secret);
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        forms.push(STANDARD_NO_PAD.encode(&padded)[first..last].to_owned());
        forms.push(URL_SAFE_NO_PAD.encode(&padded)[first..last].to_owned());
    }
    forms
}

/// All spellings, found by their first byte.
#[derive(Default)]
struct Patterns {
    known: HashSet<Vec<u8>>,
    by_first: Vec<Vec<Vec<u8>>>,
}

impl Patterns {
    fn insert(&mut self, pattern: Vec<u8>) {
        let Some(&first) = pattern.first() else {
            return;
        };
        if !self.known.insert(pattern.clone()) {
            return;
        }
        self.by_first.resize(256, Vec::new());
        self.by_first[usize::from(first)].push(pattern);
    }

    /// The spans to hide, in order, none touching another: matches that overlap become one span.
    fn find(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        if self.by_first.is_empty() {
            return spans;
        }
        for start in 0..text.len() {
            let Some(end) = self.longest_at(text, start) else {
                continue;
            };
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => spans.push((start, end)),
            }
        }
        spans
    }

    fn longest_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let literal = &self.by_first[usize::from(text[start])];
        let escaped =
            Unit::at(text, start).map(|unit| &self.by_first[usize::from(unit.bytes()[0])]);
        let candidates = literal.iter().chain(escaped.into_iter().flatten());
        candidates
            .filter_map(|pattern| end_of_match(text, start, pattern))
            .max()
    }
}

/// Where `pattern`, each character plain or escaped, ends at the latest in `text` when it begins at `start`. Where a
/// character can be read plain or as an escape, both readings are followed; each state is visited once, so that a text
/// made of nothing but escapes costs no more than any other.
fn end_of_match(text: &[u8], start: usize, pattern: &[u8]) -> Option<usize> {
    let mut states = BTreeSet::from([(start, 0)]);
    let mut end = None;
    while let Some((position, matched)) = states.pop_first() {
        match step(text, position, pattern, matched) {
            Step::Ends(at) => end = end.max(Some(at)),
            Step::Fails => {}
            Step::Goes(next) => states.extend(next.into_iter().flatten()),
        }
    }
    end
}

/// Where a match goes from one state: the position in the text, and how much of the pattern is matched.
enum Step {
    Ends(usize),
    Fails,
    Goes([Option<(usize, usize)>; 2]),
}

fn step(text: &[u8], position: usize, pattern: &[u8], matched: usize) -> Step {
    if matched == pattern.len() {
        return Step::Ends(position);
    }
    let Some(&byte) = text.get(position) else {
        return if matched >= CUT_PREFIX {
            Step::Ends(position)
        } else {
            Step::Fails
        };
    };
    let plain = (byte == pattern[matched]).then_some((position + 1, matched + 1));
    let escaped = Unit::at(text, position)
        .filter(|unit| pattern[matched..].starts_with(unit.bytes()))
        .map(|unit| (position + unit.width, matched + unit.bytes().len()));
    match (plain, escaped) {
        (None, None) => cut_in_escape(text, position, matched).map_or(Step::Fails, Step::Ends),
        next => Step::Goes([next.0, next.1]),
    }
}

/// A text may also be cut in the middle of an escape: `...secre%7`.
fn cut_in_escape(text: &[u8], position: usize, matched: usize) -> Option<usize> {
    let rest = &text[position..];
    let escape =
        matches!(rest, [b'%' | b'\\' | b'&', ..]) && rest.len() < 6 && !rest.contains(&b' ');
    (matched >= CUT_PREFIX && escape && Unit::at(text, position).is_none()).then_some(text.len())
}

/// One escaped character.
struct Unit {
    /// Its UTF-8 bytes.
    decoded: [u8; 4],
    length: usize,
    /// How many bytes of text it takes.
    width: usize,
}

impl Unit {
    fn at(text: &[u8], position: usize) -> Option<Self> {
        let rest = &text[position..];
        match rest.first()? {
            b'%' => Self::byte(hex(rest.get(1..3)?)?.try_into().ok()?, 3),
            b'+' => Self::byte(b' ', 1),
            b'\\' => Self::json(rest),
            b'&' => Self::html(rest),
            _ => None,
        }
    }

    fn byte(byte: u8, width: usize) -> Option<Self> {
        Self::character_of(&[byte], width)
    }

    fn character(code: u32, width: usize) -> Option<Self> {
        let character = char::from_u32(code)?;
        Self::character_of(character.encode_utf8(&mut [0; 4]).as_bytes(), width)
    }

    fn character_of(bytes: &[u8], width: usize) -> Option<Self> {
        let mut decoded = [0; 4];
        decoded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            decoded,
            length: bytes.len(),
            width,
        })
    }

    fn json(rest: &[u8]) -> Option<Self> {
        match rest.get(1)? {
            b'u' => Self::character(hex(rest.get(2..6)?)?, 6),
            b'n' => Self::byte(b'\n', 2),
            b'r' => Self::byte(b'\r', 2),
            b't' => Self::byte(b'\t', 2),
            byte @ (b'"' | b'\\' | b'/' | b'\'') => Self::byte(*byte, 2),
            _ => None,
        }
    }

    fn html(rest: &[u8]) -> Option<Self> {
        let end = rest.iter().take(10).position(|&byte| byte == b';')?;
        let width = end + 1;
        match &rest[1..end] {
            b"amp" => Self::byte(b'&', width),
            b"lt" => Self::byte(b'<', width),
            b"gt" => Self::byte(b'>', width),
            b"quot" => Self::byte(b'"', width),
            b"apos" => Self::byte(b'\'', width),
            [b'#', b'x' | b'X', digits @ ..] => Self::character(hex(digits)?, width),
            [b'#', digits @ ..] => {
                let digits = std::str::from_utf8(digits).ok()?;
                Self::character(digits.parse().ok()?, width)
            }
            _ => None,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.decoded[..self.length]
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    /// The shape of a client secret of the real service.
    const SECRET: &str = "5c1f0a9e-77b3-4d2e$Zk-9_xQ|s!b12=";

    fn redactor() -> Redactor {
        let redactor = Redactor::new();
        redactor.add(SECRET);
        redactor
    }

    #[test]
    fn nothing_to_hide_borrows() {
        assert!(matches!(
            redactor().clean("an ordinary line + 100% & \\n"),
            Cow::Borrowed(_)
        ));
        assert!(matches!(Redactor::new().clean(SECRET), Cow::Borrowed(_)));
    }

    #[test]
    fn plain_more_than_once() {
        let text = format!("a {SECRET} b {SECRET}");
        assert_eq!(redactor().clean(&text), "a *** b ***");
    }

    #[test]
    fn percent_encoded_in_every_dialect() {
        let full: String = SECRET
            .bytes()
            .fold(String::new(), |all, byte| all + &format!("%{byte:02X}"));
        let some = SECRET
            .replace('$', "%24")
            .replace('|', "%7c")
            .replace('=', "%3D");
        for form in [full.clone(), full.to_lowercase(), some] {
            assert_eq!(
                redactor().clean(&format!("q={form}&x")),
                "q=***&x",
                "{form}"
            );
        }
    }

    #[test]
    fn escaped_as_json_and_html() {
        let redactor = Redactor::new();
        redactor.add("pa\"ss<w>\\o&rd ü\u{1f600}/");
        for form in [
            r#"pa\"ss<w>\\o&rd ü😀/"#,
            r"pa\u0022ss\u003cw\u003E\\o\u0026rd \u00fc😀\/",
            "pa&quot;ss&lt;w&gt;\\o&amp;rd ü😀/",
            "pa&#34;ss&#x3c;w&#62;\\o&amp;rd &#252;&#x1F600;/",
            "pa%22ss%3Cw%3E%5Co%26rd+%C3%BC%f0%9f%98%80%2F",
        ] {
            assert_eq!(redactor.clean(&format!("<{form}>")), "<***>", "{form}");
        }
    }

    #[test]
    fn base64_alone_and_at_every_alignment() {
        for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            assert_eq!(redactor().clean(&engine.encode(SECRET)), "***");
            for before in ["", "u", "us", "use", "sb-1!b|it!b:"] {
                let encoded = engine.encode(format!("{before}{SECRET}&more"));
                let shown = redactor().clean(&encoded).into_owned();
                let left = STANDARD_NO_PAD.encode(before).len()
                    + STANDARD_NO_PAD.encode("&more").len()
                    + 8;
                assert!(
                    shown.contains("***") && shown.len() <= left,
                    "{encoded} {shown}"
                );
            }
        }
    }

    #[test]
    fn base64_that_was_percent_encoded() {
        let redactor = Redactor::new();
        redactor.add("~~~???~~~???");
        let encoded = STANDARD
            .encode("~~~???~~~???")
            .replace('/', "%2F")
            .replace('+', "%2b");
        assert!(encoded.contains('%'));
        assert_eq!(redactor.clean(&encoded), "***");
    }

    #[test]
    fn a_secret_that_looks_escaped_itself() {
        let redactor = Redactor::new();
        redactor.add("a%25b&amp;c");
        assert_eq!(redactor.clean("a%25b&amp;c"), "***");
        assert_eq!(redactor.clean("a%2525b%26amp;c"), "***");
        assert_eq!(redactor.clean("a%25b&amp;amp;c"), "***");
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_cut_end() {
        assert_eq!(redactor().clean(&format!("x {}", &SECRET[..8])), "x ***");
        assert_eq!(redactor().clean(&format!("x {}%2", &SECRET[..18])), "x ***");
        assert_eq!(
            redactor().clean(&format!("x {}", &SECRET[..7])),
            format!("x {}", &SECRET[..7])
        );
        let inside = format!("{} y", &SECRET[..12]);
        assert_eq!(redactor().clean(&inside), inside);
    }

    #[test]
    fn overlapping_secrets_leave_nothing() {
        let redactor = Redactor::new();
        redactor.add("abcdef");
        redactor.add("defghi");
        redactor.add("abcdefgh");
        assert_eq!(redactor.clean("-abcdefghi-"), "-***-");
    }

    #[test]
    fn short_values_and_duplicates_are_ignored() {
        let redactor = Redactor::new();
        redactor.add("");
        redactor.add("abc");
        assert_eq!(redactor.clean("abc"), "abc");
        redactor.add("abcd");
        let count = redactor.patterns.read().unwrap().known.len();
        redactor.add("abcd");
        assert_eq!(redactor.patterns.read().unwrap().known.len(), count);
    }

    #[test]
    fn clones_share() {
        let redactor = Redactor::new();
        let clone = redactor.clone();
        redactor.add("late-token");
        assert_eq!(clone.clean("late-token"), "***");
    }

    #[test]
    fn many_secrets_and_a_long_text_of_near_misses() {
        let redactor = Redactor::new();
        for number in 0..50 {
            redactor.add(&format!("aaaaaaaaaaaaaaaaaaaaaaaa{number:03}"));
        }
        let text = "a".repeat(16 * 1024);
        let shown = redactor.clean(&text);
        assert!(
            shown.len() < 64 * 1024,
            "the end is the beginning of a secret"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives(text in ".{0,80}", secret in ".{0,12}") {
            let redactor = Redactor::new();
            redactor.add(&secret);
            let shown = redactor.clean(&text);
            if secret.len() >= SHORTEST {
                proptest::prop_assert!(!shown.contains(&secret) || "***".contains(&secret) || secret.contains("***"));
            }
        }
    }
}
