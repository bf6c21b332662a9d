//! The lines of a manifest, and the headers that they make.

use std::ops::Range;

use super::{Header, ManifestError};

pub const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

pub fn leading_mark(bytes: &[u8]) -> &[u8] {
    let length = BYTE_ORDER_MARK.len() * usize::from(bytes.starts_with(BYTE_ORDER_MARK));
    &bytes[..length]
}

/// One line as it stands in the file.
pub struct PhysicalLine<'a> {
    pub number: u32,
    start: usize,
    pub content: &'a [u8],
    pub end: &'a [u8],
}

pub fn physical_lines(bytes: &[u8]) -> impl Iterator<Item = PhysicalLine<'_>> {
    let mut start = leading_mark(bytes).len();
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let mut content = rest.split(|byte| matches!(byte, b'\r' | b'\n'));
        let content = content.next().unwrap_or_default();
        let end = line_end(&rest[content.len()..]);
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

/// The line break with which bytes begin.
fn line_end(bytes: &[u8]) -> &[u8] {
    let length = match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    };
    &bytes[..length]
}

/// The line break with which bytes end.
pub fn last_line_end(bytes: &[u8]) -> &[u8] {
    let length = match bytes {
        [.., b'\r', b'\n'] => 2,
        [.., b'\r' | b'\n'] => 1,
        _ => 0,
    };
    &bytes[bytes.len() - length..]
}

/// The line break of the first line: manifests do not mix them; CRLF is what tenants write.
pub fn dominant_line_end(bytes: &[u8]) -> &[u8] {
    let mut ends = physical_lines(bytes).map(|line| line.end);
    ends.find(|end| !end.is_empty()).unwrap_or(b"\r\n")
}

/// A header with its continuation lines, or an empty line.
pub struct Block {
    /// Where it stands, line breaks included.
    pub range: Range<usize>,
    line: u32,
    /// `Name: value`, continuation lines joined, not decoded yet: a character may span two lines. Nothing for an empty line.
    pub joined: Vec<u8>,
}

impl Block {
    /// The header; `None` for an empty line.
    pub fn header(&self) -> Option<Header> {
        let colon = self.joined.iter().position(|byte| *byte == b':')?;
        let (name, rest) = self.joined.split_at(colon);
        let value = rest.strip_prefix(b": ").unwrap_or(&rest[1..]);
        Some(Header {
            name: String::from_utf8_lossy(name).into_owned(),
            value: String::from_utf8_lossy(value).into_owned(),
            line: self.line,
        })
    }

    /// A name may itself be cut, so the colon is looked for after joining.
    fn checked(self) -> Result<Self, ManifestError> {
        let colon = self.joined.iter().position(|byte| *byte == b':');
        if self.joined.is_empty() || colon.is_some_and(|at| at > 0) {
            return Ok(self);
        }
        let text = String::from_utf8_lossy(&self.joined);
        let text: String = text.chars().take(40).collect();
        Err(ManifestError::NotAHeader {
            line: self.line,
            text: text.escape_debug().to_string(),
        })
    }
}

pub fn blocks(bytes: &[u8]) -> Result<Vec<Block>, ManifestError> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in physical_lines(bytes) {
        let end = line.start + line.content.len() + line.end.len();
        if let [b' ', continued @ ..] = line.content {
            let header = blocks.last_mut().filter(|block| !block.joined.is_empty());
            let block = header.ok_or(ManifestError::StrayContinuation { line: line.number })?;
            block.joined.extend_from_slice(continued);
            block.range.end = end;
        } else {
            blocks.push(Block {
                range: line.start..end,
                line: line.number,
                joined: line.content.to_vec(),
            });
        }
    }
    blocks.into_iter().map(Block::checked).collect()
}
