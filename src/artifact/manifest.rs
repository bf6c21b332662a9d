//! `META-INF/MANIFEST.MF`: reading its headers, and writing another id or name into it without touching the rest.

mod lines;
mod rewriting;

use std::collections::BTreeSet;

use thiserror::Error;

use lines::{BYTE_ORDER_MARK, Block, blocks, physical_lines};
pub use rewriting::{aligned, changed};

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
}

impl Manifest {
    /// Reads the bytes of a manifest with LF, CRLF or CR line ends. A value may be cut anywhere, even inside a character.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut reading = ManifestReader::default();
        reading.note_odd_lines(bytes);
        for block in blocks(bytes)? {
            reading.add(&block);
        }
        let ManifestReader { mut manifest, .. } = reading;
        manifest.oddities.sort_by_key(|oddity| oddity.line);
        Ok(manifest)
    }

    /// The value of a header of the main section. Names are compared without case; of a repeated header the last counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.header(name).map(|header| header.value.as_str())
    }

    /// The line, counted from 1, on which a header of the main section begins.
    pub fn line(&self, name: &str) -> Option<u32> {
        self.header(name).map(|header| header.line)
    }

    /// The headers by sections, in the order of the file. The first is the main section; tenants write no other.
    pub fn sections(&self) -> &[Vec<Header>] {
        &self.sections
    }

    /// What is odd about the file, in the order of its lines.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Bundle-SymbolicName without attributes such as `singleton:=true`: the id of the artifact.
    pub fn symbolic_name(&self) -> Option<&str> {
        self.get(SYMBOLIC_NAME).map(without_attributes)
    }

    /// Bundle-Name: the name for people.
    pub fn bundle_name(&self) -> Option<&str> {
        self.get(BUNDLE_NAME).map(str::trim)
    }

    /// Bundle-Version.
    pub fn bundle_version(&self) -> Option<&str> {
        self.get(BUNDLE_VERSION).map(without_attributes)
    }

    /// SAP-BundleType: `IntegrationFlow`, `MessageMapping`, ...
    pub fn bundle_type(&self) -> Option<&str> {
        self.get("SAP-BundleType").map(str::trim)
    }

    /// Require-Capability: the script collections, message mappings and adapters that the artifact uses, and whether each is
    /// marked `resolution:=optional`: the artifact starts without it.
    pub fn required(&self) -> Vec<(Capability, bool)> {
        capabilities(self.get(REQUIRE_CAPABILITY))
    }

    /// Provide-Capability: under which name others can use a script collection or a message mapping.
    pub fn provided(&self) -> Vec<Capability> {
        let provided = capabilities(self.get(PROVIDE_CAPABILITY)).into_iter();
        provided.map(|(capability, _)| capability).collect()
    }

    fn header(&self, name: &str) -> Option<&Header> {
        let mut headers = self.sections.first()?.iter().rev();
        headers.find(|header| header.name.eq_ignore_ascii_case(name))
    }
}

/// A manifest that is being read.
#[derive(Default)]
struct ManifestReader {
    manifest: Manifest,
    /// The names of the last section's headers, without case.
    names: BTreeSet<String>,
    /// An empty line was the last.
    ended: bool,
}

impl ManifestReader {
    fn add(&mut self, block: &Block) {
        let Some(header) = block.header() else {
            self.ended = true;
            return;
        };
        let is_main = self.manifest.sections.is_empty();
        // only the main section may begin with another header than `Name`
        if self.ended && (is_main || !header.name.eq_ignore_ascii_case("Name")) {
            self.note(header.line, OddityKind::HeadersAfterEmptyLine);
        }
        if self.ended || is_main {
            self.manifest.sections.push(Vec::new());
            self.names.clear();
        }
        self.ended = false;
        if header.name.contains('\u{fffd}') || std::str::from_utf8(&block.joined).is_err() {
            self.note(header.line, OddityKind::NotUtf8(header.name.clone()));
        }
        if !self.names.insert(header.name.to_ascii_lowercase()) {
            self.note(
                header.line,
                OddityKind::DuplicateHeader(header.name.clone()),
            );
        }
        if let Some(section) = self.manifest.sections.last_mut() {
            section.push(header);
        }
    }

    fn note(&mut self, line: u32, kind: OddityKind) {
        self.manifest.oddities.push(Oddity { line, kind });
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
}

fn without_attributes(value: &str) -> &str {
    value.split(';').next().unwrap_or(value).trim()
}

fn capabilities(value: Option<&str>) -> Vec<(Capability, bool)> {
    let clauses = split_outside_quotes(value.unwrap_or_default(), ',');
    clauses
        .filter_map(|clause| {
            let (namespace, name) = without_attributes(clause).split_once('.')?;
            let mut parts = split_outside_quotes(clause, ';');
            let capability = Capability {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            };
            let is_optional = parts.any(|part| part.trim() == "resolution:=optional");
            Some((capability, is_optional))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
