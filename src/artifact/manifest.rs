//! `META-INF/MANIFEST.MF`: reading its headers, and writing another id or name into it without touching the rest.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

const SYMBOLIC_NAME: &str = "Bundle-SymbolicName";
const BUNDLE_NAME: &str = "Bundle-Name";
const BUNDLE_VERSION: &str = "Bundle-Version";
const PROVIDE_CAPABILITY: &str = "Provide-Capability";
const REQUIRE_CAPABILITY: &str = "Require-Capability";

/// The longest line that the JAR specification allows, in bytes without the line break.
const LONGEST_LINE: usize = 72;

/// Why a manifest cannot be read. Java's own reader refuses the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// A line that is neither `Name: value` nor a continuation.
    #[error(
        "line {line}: `{text}` is not of the form `Name: value`; a continued line must begin with exactly one blank"
    )]
    NotAHeader {
        /// The line, counted from 1.
        line: u32,
        /// The beginning of the line.
        text: String,
    },
    /// A continuation line with nothing before it to continue.
    #[error(
        "line {line}: the line begins with a blank, but there is no header before it that it could continue"
    )]
    StrayContinuation {
        /// The line, counted from 1.
        line: u32,
    },
}

impl ManifestError {
    /// The broken line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        match self {
            Self::NotAHeader { line, .. } | Self::StrayContinuation { line } => *line,
        }
    }
}

/// Something that a manifest written by a tenant never shows, though it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The line, counted from 1.
    pub line: u32,
    /// What is odd there.
    pub kind: OddityKind,
}

/// The kinds of [`Oddity`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OddityKind {
    /// The file begins with a byte order mark.
    ByteOrderMark,
    /// The line is longer than 72 bytes; the length is given in bytes.
    LongLine(usize),
    /// The line ends in another line break than the first line.
    MixedLineEnds,
    /// The header stands more than once in its section; the last one counts.
    DuplicateHeader(String),
    /// The bytes of the header are not UTF-8.
    NotUtf8(String),
    /// An empty line before this header ends the main section, and what follows is no section that begins with `Name:`.
    HeadersAfterEmptyLine,
}

/// One header of a manifest: continued lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The name as it is written.
    pub name: String,
    /// The value; empty when there is none.
    pub value: String,
    /// The line, counted from 1, on which the header begins.
    pub line: u32,
}

/// A capability that a manifest requires or provides, such as `scriptcollection.Common_Scripts`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability {
    /// What stands before the first dot: `scriptcollection`, `messagemapping`, ...
    pub namespace: String,
    /// What stands after it: the name of the artifact, which need not be its id.
    pub name: String,
}

/// The headers of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    sections: Vec<Vec<Header>>,
    oddities: Vec<Oddity>,
    /// The names of the last section's headers, without case.
    names: BTreeSet<String>,
}

impl Manifest {
    /// Reads the bytes of a manifest with LF, CRLF or CR line ends. A value may be cut anywhere, even inside a character.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self {
            sections: vec![Vec::new()],
            ..Self::default()
        };
        manifest.note_odd_lines(bytes);
        let blocks = blocks(bytes)?;
        let starts_with_empty_line = blocks.first().is_some_and(|block| block.header.is_none());
        let mut last_ended = false;
        for block in blocks {
            match block.header {
                None => last_ended = true,
                Some(raw) => {
                    if last_ended && !manifest.sections.last().is_some_and(Vec::is_empty) {
                        manifest.sections.push(Vec::new());
                        manifest.names.clear();
                    }
                    last_ended = false;
                    manifest.add(&raw);
                }
            }
        }
        manifest.note_lost_headers(starts_with_empty_line);
        Ok(manifest)
    }

    /// The value of a header of the main section. Names are compared without case; of a repeated header the last counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.header(name).map(|header| header.value.as_str())
    }

    /// The line, counted from 1, on which a header of the main section begins.
    #[must_use]
    pub fn line(&self, name: &str) -> Option<u32> {
        self.header(name).map(|header| header.line)
    }

    /// The headers of the main section in the order of the file.
    #[must_use]
    pub fn headers(&self) -> &[Header] {
        self.sections.first().map_or(&[], Vec::as_slice)
    }

    /// The sections after the main one; tenants write none.
    #[must_use]
    pub fn further_sections(&self) -> &[Vec<Header>] {
        self.sections.get(1..).unwrap_or_default()
    }

    /// What is odd about the file, in the order of its lines.
    #[must_use]
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Bundle-SymbolicName without attributes such as `singleton:=true`: the id of the artifact.
    #[must_use]
    pub fn symbolic_name(&self) -> Option<&str> {
        self.get(SYMBOLIC_NAME).map(without_attributes)
    }

    /// Bundle-Name: the name for people.
    #[must_use]
    pub fn bundle_name(&self) -> Option<&str> {
        self.get(BUNDLE_NAME).map(str::trim)
    }

    /// Bundle-Version.
    #[must_use]
    pub fn bundle_version(&self) -> Option<&str> {
        self.get(BUNDLE_VERSION).map(without_attributes)
    }

    /// SAP-BundleType: `IntegrationFlow`, `MessageMapping`, ...
    #[must_use]
    pub fn bundle_type(&self) -> Option<&str> {
        self.get("SAP-BundleType").map(str::trim)
    }

    /// Require-Capability: the script collections, message mappings and adapters that the artifact uses.
    #[must_use]
    pub fn requirements(&self) -> Vec<Capability> {
        self.get(REQUIRE_CAPABILITY)
            .map(capabilities)
            .unwrap_or_default()
    }

    /// Those of them that are marked `resolution:=optional`: the artifact starts without them.
    #[must_use]
    pub fn optional_requirements(&self) -> Vec<Capability> {
        let is_optional = |clause: &&str| {
            split_outside_quotes(clause, ';').any(|part| part.trim() == "resolution:=optional")
        };
        let value = self.get(REQUIRE_CAPABILITY).unwrap_or_default();
        split_outside_quotes(value, ',')
            .filter(is_optional)
            .flat_map(capabilities)
            .collect()
    }

    /// Provide-Capability: under which name others can use a script collection or a message mapping.
    #[must_use]
    pub fn provided(&self) -> Vec<Capability> {
        self.get(PROVIDE_CAPABILITY)
            .map(capabilities)
            .unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&Header> {
        self.headers()
            .iter()
            .rev()
            .find(|header| header.name.eq_ignore_ascii_case(name))
    }

    fn add(&mut self, raw: &RawHeader) {
        let header = raw.decode();
        if header.name.contains('\u{fffd}') || std::str::from_utf8(&raw.joined).is_err() {
            self.note(header.line, OddityKind::NotUtf8(header.name.clone()));
        }
        let Some(section) = self.sections.last_mut() else {
            return;
        };
        let repeated = !self.names.insert(header.name.to_ascii_lowercase());
        let (name, line) = (header.name.clone(), header.line);
        section.push(header);
        if repeated {
            self.note(line, OddityKind::DuplicateHeader(name));
        }
    }

    fn note(&mut self, line: u32, kind: OddityKind) {
        self.oddities.push(Oddity { line, kind });
    }

    fn note_odd_lines(&mut self, bytes: &[u8]) {
        if bytes.starts_with(BYTE_ORDER_MARK) {
            self.note(1, OddityKind::ByteOrderMark);
        }
        let mut first_end = None;
        for line in physical_lines(bytes) {
            if line.content.len() > LONGEST_LINE {
                self.note(line.number, OddityKind::LongLine(line.content.len()));
            }
            if !line.end.is_empty() && *first_end.get_or_insert(line.end) != line.end {
                self.note(line.number, OddityKind::MixedLineEnds);
                first_end = Some(line.end);
            }
        }
    }

    fn note_lost_headers(&mut self, starts_with_empty_line: bool) {
        let lost = self
            .further_sections()
            .iter()
            .filter_map(|section| section.first());
        let lost = lost.filter(|header| !header.name.eq_ignore_ascii_case("Name"));
        let late = self.headers().first().filter(|_| starts_with_empty_line);
        let lost: Vec<u32> = late
            .into_iter()
            .chain(lost)
            .map(|header| header.line)
            .collect();
        for line in lost {
            self.note(line, OddityKind::HeadersAfterEmptyLine);
        }
        self.oddities.sort_by_key(|oddity| oddity.line);
    }
}

/// What is to differ in a manifest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// Goes into Bundle-SymbolicName, whose attributes stay, and into what a message mapping or script collection
    /// provides (a tenant refuses an update whose symbolic name differs from the artifact's id, cpi-api.md §4.3).
    pub id: Option<&'a str>,
    /// Goes into Bundle-Name.
    pub name: Option<&'a str>,
    /// Goes into Bundle-Version.
    pub version: Option<&'a str>,
    /// Other names for required capabilities; see [`PackOptions::references`](super::PackOptions).
    pub references: Option<&'a BTreeMap<String, String>>,
}

/// The same manifest with another id and name; see [`changed`].
#[must_use]
pub fn aligned(bytes: &[u8], id: Option<&str>, name: Option<&str>) -> Vec<u8> {
    changed(
        bytes,
        Changes {
            id,
            name,
            ..Changes::default()
        },
    )
}

/// The same manifest with changes; what need not change stays as it is, byte for byte.
///
/// A header that is missing is added at the end of the main section. Bytes that are no manifest come back unchanged.
#[must_use]
pub fn changed(bytes: &[u8], changes: Changes<'_>) -> Vec<u8> {
    let (Ok(manifest), Ok(blocks)) = (Manifest::parse(bytes), blocks(bytes)) else {
        return bytes.to_vec();
    };
    // an artifact that keeps its id keeps the name under which others use it, though the two may differ
    let id = changes.id.filter(|id| manifest.symbolic_name() != Some(id));
    let wanted = Wanted {
        id: id.map(one_line),
        name: changes.name.map(one_line),
        version: changes.version.map(one_line),
        references: changes.references,
        line_end: dominant_line_end(bytes),
    };
    wanted.write(bytes, &blocks)
}

/// The new name for a reference: for `namespace.name` exactly, or for the name alone.
pub(super) fn renamed<'a>(
    references: &'a BTreeMap<String, String>,
    namespace: &str,
    name: &str,
) -> Option<&'a str> {
    references
        .get(&format!("{namespace}.{name}"))
        .or_else(|| references.get(name))
        .map(String::as_str)
}

/// The values to be written into a manifest.
struct Wanted<'a> {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    references: Option<&'a BTreeMap<String, String>>,
    line_end: &'a [u8],
}

impl Wanted<'_> {
    fn write(&self, bytes: &[u8], blocks: &[Block]) -> Vec<u8> {
        let (main, rest) = blocks.split_at(end_of_main_section(blocks));
        let mut output = leading_mark(bytes).to_vec();
        for block in main {
            self.write_block(bytes, block, &mut output);
        }
        self.write_missing(main, &mut output);
        for block in rest {
            output.extend_from_slice(&bytes[block.start..block.end]);
        }
        output
    }

    fn write_block(&self, bytes: &[u8], block: &Block, output: &mut Vec<u8>) {
        let original = &bytes[block.start..block.end];
        let changed = block
            .header
            .as_ref()
            .map(RawHeader::decode)
            .and_then(|header| self.changed(&header));
        match changed {
            None => output.extend_from_slice(original),
            Some((name, value)) => {
                let end = line_end_of(original);
                output.extend(wrapped(
                    &name,
                    &value,
                    if end.is_empty() { self.line_end } else { end },
                ));
                output.extend_from_slice(end);
            }
        }
    }

    /// Name and new value of a header that has to change.
    fn changed(&self, header: &Header) -> Option<(String, String)> {
        let value = match () {
            () if header.name.eq_ignore_ascii_case(SYMBOLIC_NAME) => {
                with_symbolic_name(&header.value, self.id.as_ref()?)
            }
            () if header.name.eq_ignore_ascii_case(PROVIDE_CAPABILITY) => {
                with_provided(&header.value, self.id.as_ref()?)
            }
            () if header.name.eq_ignore_ascii_case(REQUIRE_CAPABILITY) => {
                with_required(&header.value, self.references?)
            }
            () if header.name.eq_ignore_ascii_case(BUNDLE_NAME) => self.name.clone()?,
            () if header.name.eq_ignore_ascii_case(BUNDLE_VERSION) => self.version.clone()?,
            () => return None,
        };
        (value != header.value).then(|| (header.name.clone(), value))
    }

    fn write_missing(&self, main: &[Block], output: &mut Vec<u8>) {
        let is_there = |name: &str| {
            main.iter()
                .filter_map(|block| block.header.as_ref())
                .any(|raw| raw.decode().name.eq_ignore_ascii_case(name))
        };
        let headers = [
            (SYMBOLIC_NAME, &self.id),
            (BUNDLE_NAME, &self.name),
            (BUNDLE_VERSION, &self.version),
        ];
        for (name, value) in headers {
            let Some(value) = value.as_ref().filter(|_| !is_there(name)) else {
                continue;
            };
            if !output.is_empty() && line_end_of(output).is_empty() {
                output.extend_from_slice(self.line_end);
            }
            output.extend(wrapped(name, value, self.line_end));
            output.extend_from_slice(self.line_end);
        }
    }
}

/// A line break inside a value would begin a header of its own.
fn one_line(value: &str) -> String {
    value.replace(['\r', '\n', '\0'], " ")
}

fn with_symbolic_name(value: &str, id: &str) -> String {
    let attributes = value.find(';').map_or("", |start| &value[start..]);
    format!("{id}{attributes}")
}

fn with_provided(value: &str, id: &str) -> String {
    with_names(value, |namespace, _| {
        matches!(namespace, "messagemapping" | "scriptcollection").then_some(id)
    })
}

fn with_required(value: &str, references: &BTreeMap<String, String>) -> String {
    with_names(value, |namespace, name| {
        renamed(references, namespace, name)
    })
}

/// A list of capabilities with other names where there is one; the rest of the value stays as it is.
fn with_names<'a>(value: &str, new_name: impl Fn(&str, &str) -> Option<&'a str>) -> String {
    let clauses: Vec<String> = split_outside_quotes(value, ',')
        .map(|clause| {
            let (head, attributes) = clause.split_at(clause.find(';').unwrap_or(clause.len()));
            let renamed = head
                .trim()
                .split_once('.')
                .and_then(|(namespace, name)| Some((namespace, new_name(namespace, name)?)));
            match renamed {
                Some((namespace, name)) => format!("{namespace}.{}{attributes}", one_line(name)),
                None => clause.to_owned(),
            }
        })
        .collect();
    clauses.join(",")
}

/// A header cut into lines of at most 72 bytes, without the last line break; no character is split.
fn wrapped(name: &str, value: &str, line_end: &[u8]) -> Vec<u8> {
    let mut output = format!("{name}: ").into_bytes();
    let mut length = output.len();
    for character in value.chars() {
        if length + character.len_utf8() > LONGEST_LINE {
            output.extend_from_slice(line_end);
            output.push(b' ');
            length = 1;
        }
        output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        length += character.len_utf8();
    }
    output
}

fn without_attributes(value: &str) -> &str {
    value.split(';').next().unwrap_or(value).trim()
}

fn capabilities(value: &str) -> Vec<Capability> {
    split_outside_quotes(value, ',')
        .filter_map(|clause| without_attributes(clause).split_once('.'))
        .map(|(namespace, name)| Capability {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
        .collect()
}

fn split_outside_quotes(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |character| {
        quoted ^= character == '"';
        !quoted && character == separator
    })
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

fn leading_mark(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK
    } else {
        &[]
    }
}

/// One line as it stands in the file.
struct PhysicalLine<'a> {
    number: u32,
    start: usize,
    content: &'a [u8],
    end: &'a [u8],
}

fn physical_lines(bytes: &[u8]) -> impl Iterator<Item = PhysicalLine<'_>> {
    let mut start = leading_mark(bytes).len();
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .unwrap_or(rest.len());
        let (content, rest) = rest.split_at(length);
        let end = if rest.starts_with(b"\r\n") {
            &rest[..2]
        } else {
            &rest[..rest.len().min(1)]
        };
        number = number.saturating_add(1);
        let line = PhysicalLine {
            number,
            start,
            content,
            end,
        };
        start += content.len() + end.len();
        Some(line)
    })
}

fn line_end_of(bytes: &[u8]) -> &[u8] {
    match bytes {
        [.., b'\r', b'\n'] => &bytes[bytes.len() - 2..],
        [.., b'\r' | b'\n'] => &bytes[bytes.len() - 1..],
        _ => &[],
    }
}

/// The line break of the first line: manifests do not mix them; CRLF is what tenants write.
fn dominant_line_end(bytes: &[u8]) -> &[u8] {
    physical_lines(bytes)
        .map(|line| line.end)
        .find(|end| !end.is_empty())
        .unwrap_or(b"\r\n")
}

/// A header with its continuation lines, or an empty line; `start..end` are the bytes including line breaks.
struct Block {
    start: usize,
    end: usize,
    header: Option<RawHeader>,
}

struct RawHeader {
    line: u32,
    /// `Name: value`, continuation lines joined, not decoded yet: a character may span two lines.
    joined: Vec<u8>,
}

impl RawHeader {
    fn decode(&self) -> Header {
        let colon = self
            .joined
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(self.joined.len());
        let (name, rest) = self.joined.split_at(colon);
        let value = rest
            .strip_prefix(b": ")
            .or_else(|| rest.strip_prefix(b":"))
            .unwrap_or(rest);
        Header {
            name: String::from_utf8_lossy(name).into_owned(),
            value: String::from_utf8_lossy(value).into_owned(),
            line: self.line,
        }
    }
}

fn blocks(bytes: &[u8]) -> Result<Vec<Block>, ManifestError> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in physical_lines(bytes) {
        let end = line.start + line.content.len() + line.end.len();
        match line.content {
            [] => blocks.push(Block {
                start: line.start,
                end,
                header: None,
            }),
            [b' ', continued @ ..] => {
                let stray = ManifestError::StrayContinuation { line: line.number };
                let block = blocks.last_mut().ok_or(stray.clone())?;
                block
                    .header
                    .as_mut()
                    .ok_or(stray)?
                    .joined
                    .extend_from_slice(continued);
                block.end = end;
            }
            content => blocks.push(Block {
                start: line.start,
                end,
                header: Some(raw_header(content, line.number)),
            }),
        }
    }
    blocks
        .iter()
        .filter_map(|block| block.header.as_ref())
        .try_for_each(checked)?;
    Ok(blocks)
}

/// The main section ends at the first empty line after its first header.
fn end_of_main_section(blocks: &[Block]) -> usize {
    let first_header = blocks
        .iter()
        .position(|block| block.header.is_some())
        .unwrap_or(0);
    let length = blocks[first_header..]
        .iter()
        .position(|block| block.header.is_none());
    length.map_or(blocks.len(), |length| first_header + length)
}

fn raw_header(content: &[u8], line: u32) -> RawHeader {
    RawHeader {
        line,
        joined: content.to_vec(),
    }
}

/// A name may itself be cut, so the colon is looked for after joining.
fn checked(header: &RawHeader) -> Result<(), ManifestError> {
    if header.joined.iter().skip(1).any(|byte| *byte == b':') && !header.joined.starts_with(b":") {
        return Ok(());
    }
    let text: String = String::from_utf8_lossy(&header.joined)
        .chars()
        .take(40)
        .collect();
    Err(ManifestError::NotAHeader {
        line: header.line,
        text: text.escape_debug().to_string(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FLOW: &str = "Manifest-Version: 1.0\r\n\
        Bundle-SymbolicName: Orders_To_Warehouse_With_A_Name_That_Is_Far_Too\r\n  _Long; sing\r\n leton:=true\r\n\
        Bundle-Name: Orders\r\n\
        SAP-ArtifactTrait: \r\n\
        Require-Capability: scriptcollection.Common_Scr\r\n ipts;resolution:=optional;note=\"a,b;c\",messagemapping.MM.One\r\n\
        SAP-BundleType: IntegrationFlow\r\n\
        Bundle-Version: 1.0.13\r\n\r\n";

    fn manifest(text: &str) -> Manifest {
        Manifest::parse(text.as_bytes()).unwrap()
    }

    fn flow() -> String {
        FLOW.replace("\r\n  _Long", "\r\n _Long")
    }

    #[test]
    fn wrapped_headers_are_joined_and_keep_their_first_line() {
        let manifest = manifest(&flow());
        assert_eq!(
            manifest.symbolic_name(),
            Some("Orders_To_Warehouse_With_A_Name_That_Is_Far_Too_Long")
        );
        assert_eq!(
            manifest.get("bundle-symbolicname"),
            Some("Orders_To_Warehouse_With_A_Name_That_Is_Far_Too_Long; singleton:=true")
        );
        assert_eq!(manifest.line("Bundle-SymbolicName"), Some(2));
        assert_eq!(manifest.line("Bundle-Name"), Some(5));
        assert_eq!(manifest.get("SAP-ArtifactTrait"), Some(""));
        assert_eq!(manifest.bundle_type(), Some("IntegrationFlow"));
        assert_eq!(manifest.bundle_version(), Some("1.0.13"));
        assert_eq!(manifest.get("SAP-RuntimeProfile"), None);
        assert_eq!(manifest.oddities(), []);
    }

    #[test]
    fn all_line_ends_are_read() {
        for end in ["\n", "\r\n", "\r"] {
            let manifest = manifest(&flow().replace("\r\n", end));
            assert_eq!(manifest.bundle_name(), Some("Orders"), "{end:?}");
            assert_eq!(manifest.line("Bundle-Version"), Some(10), "{end:?}");
        }
    }

    #[test]
    fn required_capabilities_are_split_outside_of_quotes() {
        let expected = [
            ("scriptcollection", "Common_Scripts"),
            ("messagemapping", "MM.One"),
        ];
        let expected = expected.map(|(namespace, name)| Capability {
            namespace: namespace.into(),
            name: name.into(),
        });
        assert_eq!(manifest(&flow()).requirements(), expected);
        assert_eq!(manifest(&flow()).optional_requirements(), expected[..1]);
        assert_eq!(manifest(&flow()).provided(), []);
    }

    #[test]
    fn the_attribute_of_the_symbolic_name_is_optional() {
        for value in [
            "Id",
            "Id;singleton:=true",
            "Id; singleton:=true",
            " Id ; singleton:=true",
        ] {
            assert_eq!(
                manifest(&format!("Bundle-SymbolicName: {value}\n")).symbolic_name(),
                Some("Id")
            );
        }
    }

    #[test]
    fn a_character_cut_in_two_is_put_together() {
        let manifest = Manifest::parse(b"Bundle-Name: K\xC3\r\n \xA4se\r\n").unwrap();
        assert_eq!(manifest.bundle_name(), Some("Käse"));
        assert_eq!(manifest.oddities(), []);
    }

    #[test]
    fn oddities_carry_their_line() {
        let text = format!(
            "\u{feff}A: 1\r\nB: {}\nA: 2\r\n\r\n\r\nC: 3\r\n",
            "x".repeat(70)
        );
        let manifest = manifest(&text);
        assert_eq!(manifest.get("A"), Some("2"));
        assert_eq!(manifest.get("C"), None);
        let kinds: Vec<_> = manifest
            .oddities()
            .iter()
            .map(|oddity| (oddity.line, oddity.kind.clone()))
            .collect();
        assert_eq!(
            kinds,
            [
                (1, OddityKind::ByteOrderMark),
                (2, OddityKind::LongLine(73)),
                (2, OddityKind::MixedLineEnds),
                (3, OddityKind::MixedLineEnds),
                (3, OddityKind::DuplicateHeader("A".into())),
                (6, OddityKind::HeadersAfterEmptyLine),
            ]
        );
    }

    #[test]
    fn further_sections_are_kept_apart() {
        let manifest = manifest("A: 1\n\nName: x\nA: 2\n\n\nName: y\n\n");
        assert_eq!(manifest.get("A"), Some("1"));
        assert_eq!(manifest.further_sections().len(), 2);
        assert_eq!(manifest.oddities(), []);
    }

    #[test]
    fn what_java_cannot_read_is_an_error_with_its_line() {
        let table = [
            ("A: 1\nB\nC: 2\n", 2),
            (" x\n", 1),
            ("A: 1\n\n x\n", 3),
            (": x\n", 1),
            ("A: 1\n\tx\n", 2),
        ];
        for (text, line) in table {
            assert_eq!(
                Manifest::parse(text.as_bytes()).unwrap_err().line(),
                line,
                "{text:?}"
            );
        }
    }

    #[test]
    fn aligning_changes_only_what_must_change() {
        let id = "Another_Id_That_Is_So_Long_That_It_Has_To_Be_Wrapped_Again_In_The_Middle";
        let output = String::from_utf8(aligned(flow().as_bytes(), Some(id), Some("Name"))).unwrap();
        let (old, new) = (manifest(&flow()), manifest(&output));
        assert_eq!(
            new.get(SYMBOLIC_NAME).unwrap(),
            format!("{id}; singleton:=true")
        );
        assert_eq!(new.bundle_name(), Some("Name"));
        assert_eq!(new.oddities(), []);
        assert_eq!(new.get("Require-Capability"), old.get("Require-Capability"));
        let tail = |text: &str| text[text.find("SAP-ArtifactTrait").unwrap()..].to_owned();
        assert_eq!(tail(&output), tail(&flow()));
    }

    #[test]
    fn aligning_to_the_same_id_and_name_changes_nothing() {
        let old = flow();
        let parsed = manifest(&old);
        assert_eq!(
            aligned(old.as_bytes(), parsed.symbolic_name(), parsed.bundle_name()),
            old.as_bytes()
        );
        assert_eq!(aligned(old.as_bytes(), None, None), old.as_bytes());
        let mapping =
            "Provide-Capability: messagemapping.Supplier\nBundle-SymbolicName: MM_Supplier\n";
        assert_eq!(
            aligned(mapping.as_bytes(), Some("MM_Supplier"), None),
            mapping.as_bytes()
        );
    }

    #[test]
    fn aligning_renames_what_a_mapping_or_collection_provides() {
        let text = "Provide-Capability: messagemapping.Supplier;version:Version=\"1.0.0\",other.X\r\nBundle-SymbolicName: MM\r\n";
        let new = aligned(text.as_bytes(), Some("Copy"), None);
        let expected = "Provide-Capability: messagemapping.Copy;version:Version=\"1.0.0\",other.X\r\nBundle-SymbolicName: Copy\r\n";
        assert_eq!(String::from_utf8(new).unwrap(), expected);
    }

    #[test]
    fn aligning_adds_what_is_missing_at_the_end_of_the_main_section() {
        let table = [
            ("A: 1\n\n", "A: 1\nBundle-Name: N\n\n"),
            ("A: 1", "A: 1\r\nBundle-Name: N\r\n"),
        ];
        for (old, new) in table {
            assert_eq!(
                String::from_utf8(aligned(old.as_bytes(), None, Some("N"))).unwrap(),
                new
            );
        }
        let text = aligned(b"A: 1\n", None, Some("x\nInjected: y"));
        assert_eq!(Manifest::parse(&text).unwrap().get("Injected"), None);
    }

    #[test]
    fn a_line_is_filled_to_the_72_bytes_that_are_allowed() {
        for (length, lines) in [(59, 1), (60, 2), (130, 2), (131, 3)] {
            let output = aligned(b"Bundle-Name: x\n", None, Some(&"y".repeat(length)));
            assert_eq!(physical_lines(&output).count(), lines, "{length}");
        }
    }

    #[test]
    fn wrapping_never_splits_a_character() {
        let name = "€".repeat(80);
        let output = aligned(b"Bundle-Name: x\r\n", None, Some(&name));
        assert!(
            output
                .split(|byte| *byte == b'\n')
                .all(|line| std::str::from_utf8(line).is_ok() && line.len() <= 73)
        );
        assert_eq!(
            Manifest::parse(&output).unwrap().bundle_name(),
            Some(name.as_str())
        );
    }

    proptest! {
        #[test]
        fn a_wrapped_value_is_read_back(value in "[^\\r\\n\\x00]{0,200}") {
            let output = aligned(b"Bundle-Name: x\n", None, Some(&value));
            let manifest = Manifest::parse(&output).unwrap();
            prop_assert_eq!(manifest.get(BUNDLE_NAME), Some(value.as_str()));
            prop_assert_eq!(manifest.oddities(), &[]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&bytes);
            let _ = aligned(&bytes, Some("id"), Some("name"));
        }

        #[test]
        fn arbitrary_manifest_characters_never_panic(text in "[A: \\r\\n;,.\"ä]{0,60}") {
            let output = aligned(text.as_bytes(), Some("id"), Some("name"));
            if Manifest::parse(text.as_bytes()).is_ok() {
                let manifest = Manifest::parse(&output).unwrap();
                prop_assert_eq!(manifest.symbolic_name(), Some("id"));
            }
        }
    }
}
