//! Reading XML that comes from outside. Every reader of XML comes through here: the parser's time and memory grow out of all
//! proportion with what no real file has (thousands of attributes on one element), so a text is measured before it is parsed.

use std::borrow::Cow;
use std::fmt;

use roxmltree::{Document, Error, Node};

/// How much of everything a text may have.
struct Limits {
    /// Elements, texts, comments and processing instructions together.
    nodes: usize,
    /// Elements in each other.
    depth: usize,
    /// Attributes of one element, which the parser compares with each other.
    attributes: usize,
}

/// An entry of a value mapping has about seven nodes. The most attributes known of one element are 7, and models are about
/// ten elements deep.
const LIMITS: Limits = Limits {
    nodes: 1_000_000,
    depth: 1_000,
    attributes: 250,
};

/// Why a text cannot be read as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlError {
    /// It has more of something than any real file, and was not parsed.
    Excessive {
        /// The line, counted from 1.
        line: u32,
        /// What there is too much of.
        what: String,
    },
    /// It is not well-formed, or has a document type.
    Malformed(Error),
    /// It is not encoded in UTF-8.
    NotUtf8 {
        /// The line, counted from 1.
        line: u32,
        /// What is wrong there.
        error: std::str::Utf8Error,
    },
}

impl XmlError {
    /// The line, counted from 1.
    pub fn line(&self) -> u32 {
        match self {
            Self::Excessive { line, .. } | Self::NotUtf8 { line, .. } => *line,
            Self::Malformed(error) => error.pos().row,
        }
    }
}

impl fmt::Display for XmlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excessive { what, .. } => formatter.write_str(what),
            Self::Malformed(error) => error.fmt(formatter),
            Self::NotUtf8 { error, .. } => error.fmt(formatter),
        }
    }
}

/// The text of a file.
pub fn text(bytes: &[u8]) -> Result<&str, XmlError> {
    std::str::from_utf8(bytes).map_err(|error| XmlError::NotUtf8 {
        line: line_at(bytes, error.valid_up_to()),
        error,
    })
}

/// Parses a text. A document type declaration is refused, so no entity is ever expanded.
pub fn parse(text: &str) -> Result<Document<'_>, XmlError> {
    measure(text, &LIMITS).map_err(|(at, what)| XmlError::Excessive {
        line: line_at(text.as_bytes(), at),
        what,
    })?;
    Document::parse(text).map_err(XmlError::Malformed)
}

/// More of something than may be: where, in bytes, and of what.
type Excess = (usize, String);

/// Goes through a text once. Where it is not well-formed it ends: the parser comes no further either.
fn measure(text: &str, limits: &Limits) -> Result<(), Excess> {
    let mut measured = Measured::new(limits);
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|found| at + found) {
        measured.nodes(start, 1 + usize::from(start > at))?;
        let rest = &text[start..];
        let length = if rest.starts_with("<!--") {
            length_to("-->", rest, 4)
        } else if rest.starts_with("<![CDATA[") {
            length_to("]]>", rest, 9)
        } else if rest.starts_with("<?") {
            length_to("?>", rest, 2)
        } else if rest.starts_with("</") {
            measured.end_tag();
            length_to(">", rest, 2)
        } else if rest.starts_with("<!") {
            None
        } else {
            measured.start_tag(start, rest)?
        };
        let Some(length) = length else {
            return Ok(());
        };
        at = start + length;
    }
    Ok(())
}

/// How long markup is that ends with `end`, which is looked for behind its first bytes.
fn length_to(end: &str, markup: &str, behind: usize) -> Option<usize> {
    let found = markup[behind..].find(end)?;
    Some(behind + found + end.len())
}

/// What a text has had so far.
struct Measured<'a> {
    limits: &'a Limits,
    nodes: usize,
    open: usize,
}

impl<'a> Measured<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            nodes: 0,
            open: 0,
        }
    }

    fn nodes(&mut self, at: usize, more: usize) -> Result<(), Excess> {
        self.nodes += more;
        let most = self.limits.nodes;
        if self.nodes > most {
            return Err((at, format!("it has more than {most} nodes")));
        }
        Ok(())
    }

    /// Takes note of a start tag; gives its length, unless it is broken.
    fn start_tag(&mut self, at: usize, markup: &str) -> Result<Option<usize>, Excess> {
        let Some(tag) = StartTag::read(markup.as_bytes(), self.limits.attributes) else {
            return Ok(None);
        };
        self.open += usize::from(!tag.is_empty);
        let Limits {
            depth, attributes, ..
        } = self.limits;
        let what = if tag.attributes > *attributes {
            format!("an element has more than {attributes} attributes")
        } else if self.open > *depth {
            format!("elements are nested more than {depth} deep")
        } else {
            return Ok(Some(tag.length));
        };
        Err((at, what))
    }

    fn end_tag(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

/// A start tag, or an element without content.
#[derive(Default)]
struct StartTag {
    length: usize,
    attributes: usize,
    is_empty: bool,
}

impl StartTag {
    /// Reads the tag at the beginning of `markup`, until it has more attributes than it may; `None` where it is broken.
    fn read(markup: &[u8], most_attributes: usize) -> Option<Self> {
        let mut tag = Self::default();
        let mut quote = None;
        for (place, byte) in markup.iter().copied().enumerate().skip(1) {
            match (quote, byte) {
                (_, b'<') => return None,
                (Some(open), _) => quote = quote.filter(|_| byte != open),
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'>') => {
                    tag.length = place + 1;
                    tag.is_empty = markup[place - 1] == b'/';
                    return Some(tag);
                }
                (None, b'=') => tag.attributes += 1,
                (None, _) => {}
            }
            if tag.attributes > most_attributes {
                return Some(tag);
            }
        }
        None
    }
}

/// A text in which the five entities of XML stand for their letters.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let unescape = |text: String, (entity, letter): &(&str, &str)| text.replace(entity, letter);
    Cow::Owned(entities.iter().fold(text.to_owned(), unescape))
}

/// The text directly in an element, whether it is written plainly, in CDATA or both, without blanks around it.
pub fn text_of(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(Node::is_text);
    let text: String = texts.filter_map(|text| text.text()).collect();
    text.trim().to_owned()
}

/// Where each line of a file begins, in bytes.
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(bytes: &[u8]) -> Self {
        let ends = (0..bytes.len()).filter(|at| bytes[*at] == b'\n');
        Self([0].into_iter().chain(ends.map(|end| end + 1)).collect())
    }

    /// The line, counted from 1, in which a byte stands.
    pub fn at(&self, position: usize) -> u32 {
        let line = self.0.partition_point(|start| *start <= position);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

/// The same where one line of a file is asked for.
pub fn line_at(bytes: &[u8], position: usize) -> u32 {
    Lines::of(&bytes[..position]).at(position)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn what_is_too_much(text: &str) -> (u32, String) {
        match parse(text) {
            Err(XmlError::Excessive { line, what }) => (line, what),
            other => panic!("{other:?}"),
        }
    }

    fn attributes(count: usize, name: &str) -> String {
        (0..count)
            .map(|number| format!(" {name}{number} = \"{number}\""))
            .collect()
    }

    #[test]
    fn an_element_with_too_many_attributes_is_not_parsed() {
        let text = format!("<r>\n<e{}/></r>", attributes(LIMITS.attributes, "a"));
        parse(&text).unwrap();
        let text = format!("<r>\n<e{}/></r>", attributes(300_000, "a"));
        let (line, what) = what_is_too_much(&text);
        assert_eq!(line, 2);
        assert!(what.contains("250 attributes"), "{what}");
    }

    #[test]
    fn depth_and_nodes_are_bounded() {
        assert!(
            what_is_too_much(&"<a>".repeat(LIMITS.depth + 1))
                .1
                .contains("deep")
        );
        let many = format!("<r>{}</r>", "<a/>".repeat(LIMITS.nodes));
        assert!(what_is_too_much(&many).1.contains("nodes"));
    }

    #[test]
    fn what_looks_like_markup_and_is_none_does_not_count() {
        let quiet = "<e a='1'/>".repeat(10);
        let deep = "<a>".repeat(2 * LIMITS.depth);
        let tag = format!("<e{}>", attributes(2 * LIMITS.attributes, "a"));
        for harmless in [
            format!("<r><!-- {deep} {tag} -->{quiet}</r>"),
            format!("<r><![CDATA[ {deep} {tag} ]]>{quiet}</r>"),
            format!("<r><?pi {deep} {tag} ?>{quiet}</r>"),
            format!(
                "<r a='{}' b='/>'>{quiet}</r>",
                "&lt;a x=\"1\">".repeat(2 * LIMITS.depth)
            ),
            format!("<?xml version=\"1.0?>\"?><r>{quiet}</r>"),
        ] {
            assert!(
                !matches!(parse(&harmless), Err(XmlError::Excessive { .. })),
                "{harmless}"
            );
        }
        for hidden in [
            format!("<r><!-- <!-- -->{tag}</r>"),
            format!("<r><![CDATA[ ]] ]]>{tag}</r>"),
            format!("<r a='>' b=\"'\">{tag}</r>"),
            format!("<?xml version=\"1.0?>\"?><r>{tag}</r>"),
        ] {
            assert!(
                what_is_too_much(&hidden).1.contains("attributes"),
                "{hidden}"
            );
        }
    }

    #[test]
    fn a_document_type_stays_what_the_parser_calls_it() {
        let text = format!(
            "<!DOCTYPE x [<!ENTITY a \"b\">]><x{}/>",
            attributes(999, "a")
        );
        assert_eq!(
            parse(&text).unwrap_err(),
            XmlError::Malformed(Error::DtdDetected)
        );
    }

    /// Limits that a text exceeds by one, by what the parser made of it.
    fn exceeded(document: &Document<'_>) -> Vec<Limits> {
        let elements = || document.descendants().filter(roxmltree::Node::is_element);
        let depth = elements().map(|node| node.ancestors().count() - 1).max();
        let attributes = elements().map(|node| node.attributes().len()).max();
        let nodes = Limits {
            nodes: document.descendants().count() - 2,
            ..LIMITS
        };
        let depth = Limits {
            // an element without content is not entered
            depth: depth.unwrap_or(0).saturating_sub(2),
            ..LIMITS
        };
        let attributes = attributes.filter(|most| *most > 0).map(|most| Limits {
            attributes: most - 1,
            ..LIMITS
        });
        attributes.into_iter().chain([nodes, depth]).collect()
    }

    proptest! {
        #[test]
        fn nothing_that_the_parser_sees_is_missed(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("<a>"), Just("<b x='>' y=\"'\">"), Just("</a>"), Just("</b>"), Just("<c/>"), Just("<c z = '/'/>"),
                    Just("<!-- <a> -->"), Just("<![CDATA[</a>]]>"), Just("<?p <a> ?>"), Just("t"), Just("&lt;"), Just("'"),
                ],
                0..12,
            ),
        ) {
            let text = format!("<r>{}</r>", parts.concat());
            if let Ok(document) = Document::parse(&text) {
                for limits in exceeded(&document) {
                    prop_assert!(measure(&text, &limits).is_err(), "{}", text);
                }
            }
        }
    }
}
