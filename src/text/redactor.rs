//! Takes secrets out of everything that is shown.

use std::borrow::Cow;
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
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides `secret` from now on: plain, base64 (alone or anywhere inside a longer text that was encoded),
    /// percent-encoded, or JSON-escaped.
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
        let base64 = base64_forms(secret.as_bytes());
        let of_base64 = base64.iter().flat_map(|form| url_forms(form));
        let escaped = url_forms(secret).into_iter().chain(json_forms(secret));
        for form in of_base64.chain(escaped).chain(base64.iter().cloned()) {
            patterns.insert(form.into_bytes());
        }
    }

    /// `text` with `***` for every secret, also for the beginning of one at the very end of a text that was cut.
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

    /// Where the longest spelling that begins here ends; a text that was cut ends with the beginning of one.
    fn longest_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let rest = &text[start..];
        let candidates = self.by_first[usize::from(text[start])].iter();
        let hidden = candidates.filter_map(|pattern| {
            let is_cut = rest.len() >= CUT_PREFIX && pattern.starts_with(rest);
            (is_cut || rest.starts_with(pattern)).then(|| pattern.len().min(rest.len()))
        });
        hidden.max().map(|length| start + length)
    }
}

/// The ways in which URLs and forms spell a text: which characters they encode differs.
fn url_forms(text: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for plain in ["-._~", "-._~!*'()", "-_.*"] {
        for space in ["%20", "+"] {
            for upper in [true, false] {
                forms.push(percent_encoded(text, plain, space, upper));
            }
        }
    }
    forms
}

fn percent_encoded(text: &str, plain: &str, space: &str, upper: bool) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b' ' => space.to_owned(),
        _ if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) => {
            char::from(byte).to_string()
        }
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    });
    encoded.collect()
}

/// The ways in which writers of JSON escape a text: some also escape slashes, what means something in HTML, or all that is
/// not ASCII.
fn json_forms(text: &str) -> Vec<String> {
    let quoted = serde_json::Value::from(text).to_string();
    let least = quoted[1..quoted.len() - 1].to_owned();
    let escaped = |is_escaped: fn(char) -> bool| {
        let mut out = String::new();
        for letter in least.chars() {
            if is_escaped(letter) {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    out += &format!("\\u{unit:04x}");
                }
            } else {
                out.push(letter);
            }
        }
        out
    };
    vec![
        least.replace('/', "\\/"),
        escaped(|letter| "<>&='".contains(letter)),
        escaped(|letter| !letter.is_ascii()),
        least,
    ]
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
    fn percent_encoded_as_urls_and_forms_do() {
        let redactor = Redactor::new();
        redactor.add("5c1f!a$Zk/9 x|~s");
        for form in [
            "5c1f%21a%24Zk%2F9%20x%7C~s",
            "5c1f%21a%24Zk%2f9+x%7c~s",
            "5c1f!a%24Zk%2F9%20x%7C~s",
            "5c1f%21a%24Zk%2F9+x%7C%7Es",
        ] {
            assert_eq!(redactor.clean(&format!("q={form}&x")), "q=***&x", "{form}");
        }
    }

    #[test]
    fn escaped_as_json() {
        let redactor = Redactor::new();
        redactor.add("pa\"ss<w>\\o&rd \u{fc}\u{1f600}/");
        for form in [
            "pa\\\"ss<w>\\\\o&rd \u{fc}\u{1f600}/",
            "pa\\\"ss<w>\\\\o&rd \u{fc}\u{1f600}\\/",
            "pa\\\"ss\\u003cw\\u003e\\\\o\\u0026rd \u{fc}\u{1f600}/",
            "pa\\\"ss<w>\\\\o&rd \\u00fc\\ud83d\\ude00/",
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
            .replace('+', "%2B");
        assert!(encoded.contains('%'));
        assert_eq!(redactor.clean(&encoded), "***");
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_cut_end() {
        assert_eq!(redactor().clean(&format!("x {}", &SECRET[..8])), "x ***");
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
