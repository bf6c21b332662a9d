//! Writing another id, name, version or reference into a manifest without touching the rest.

use std::collections::BTreeMap;

use super::lines::{Block, blocks, dominant_line_end, last_line_end, leading_mark};
use super::{
    BUNDLE_NAME, BUNDLE_VERSION, Header, LONGEST_LINE, Manifest, PROVIDE_CAPABILITY,
    REQUIRE_CAPABILITY, SYMBOLIC_NAME, split_outside_quotes,
};
use crate::artifact::ArtifactKind;
use crate::artifact::pack_options::{PackOptions, renamed};

/// The same manifest with another id and name; see [`changed`].
pub fn aligned(bytes: &[u8], id: Option<&str>, name: Option<&str>) -> Vec<u8> {
    let options = PackOptions {
        id: id.map(str::to_owned),
        name: name.map(str::to_owned),
        ..PackOptions::default()
    };
    changed(bytes, &options)
}

/// The same manifest with changes; what need not change stays as it is, byte for byte.
///
/// A header that is missing is added at the end of the main section. Bytes that are no manifest come back unchanged.
pub fn changed(bytes: &[u8], options: &PackOptions) -> Vec<u8> {
    let (Ok(manifest), Ok(blocks)) = (Manifest::parse(bytes), blocks(bytes)) else {
        return bytes.to_vec();
    };
    // an artifact that keeps its id keeps the name under which others use it, though the two may differ
    let is_new = |id: &&str| manifest.symbolic_name() != Some(id);
    let wanted = NewHeaders {
        id: options.id.as_deref().filter(is_new).map(one_line),
        name: options.name.as_deref().map(one_line),
        version: options.version.as_deref().map(one_line),
        references: &options.references,
    };
    let (main, rest) = blocks.split_at(end_of_main_section(&blocks));
    let line_end = dominant_line_end(bytes);
    let mut output = leading_mark(bytes).to_vec();
    for block in main {
        let original = &bytes[block.range.clone()];
        let header = block.header();
        match header.and_then(|header| Some((wanted.value(&header)?, header))) {
            None => output.extend_from_slice(original),
            Some((value, header)) => {
                let end = last_line_end(original);
                let between = if end.is_empty() { line_end } else { end };
                output.extend(wrapped(&header.name, &value, between));
                output.extend_from_slice(end);
            }
        }
    }
    let headers = [
        (SYMBOLIC_NAME, &wanted.id),
        (BUNDLE_NAME, &wanted.name),
        (BUNDLE_VERSION, &wanted.version),
    ];
    for (name, value) in headers {
        let Some(value) = value.as_ref().filter(|_| manifest.get(name).is_none()) else {
            continue;
        };
        if !output.is_empty() && last_line_end(&output).is_empty() {
            output.extend_from_slice(line_end);
        }
        output.extend(wrapped(name, value, line_end));
        output.extend_from_slice(line_end);
    }
    for block in rest {
        output.extend_from_slice(&bytes[block.range.clone()]);
    }
    output
}

/// The main section ends at the first empty line after its first header.
fn end_of_main_section(blocks: &[Block]) -> usize {
    let is_header = |block: &Block| !block.joined.is_empty();
    let leading = blocks.iter().take_while(|block| !is_header(block)).count();
    let headers = blocks[leading..]
        .iter()
        .take_while(|block| is_header(block));
    let length = headers.count();
    if length == 0 { 0 } else { leading + length }
}

/// The values to be written.
struct NewHeaders<'a> {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    references: &'a BTreeMap<String, String>,
}

impl NewHeaders<'_> {
    /// The new value of a header, if it has to change.
    fn value(&self, header: &Header) -> Option<String> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let old = &header.value;
        let new = if is(SYMBOLIC_NAME) {
            let attributes = old.find(';').map_or("", |start| &old[start..]);
            format!("{}{attributes}", self.id.as_ref()?)
        } else if is(PROVIDE_CAPABILITY) {
            let id = self.id.as_deref()?;
            with_names(old, |namespace, _| {
                ArtifactKind::of_namespace(namespace).map(|_| id)
            })
        } else if is(REQUIRE_CAPABILITY) {
            with_names(old, |namespace, name| {
                renamed(self.references, namespace, name)
            })
        } else if is(BUNDLE_NAME) {
            self.name.clone()?
        } else if is(BUNDLE_VERSION) {
            self.version.clone()?
        } else {
            return None;
        };
        (new != *old).then_some(new)
    }
}

/// A line break inside a value would begin a header of its own.
fn one_line(value: &str) -> String {
    value.replace(['\r', '\n', '\0'], " ")
}

/// A list of capabilities with other names where there is one; the rest of the value stays as it is.
fn with_names<'a>(value: &str, new_name: impl Fn(&str, &str) -> Option<&'a str>) -> String {
    let clauses = split_outside_quotes(value, ',').map(|clause| {
        let (head, attributes) = clause.split_at(clause.find(';').unwrap_or(clause.len()));
        let renamed = head.trim().split_once('.');
        let renamed = renamed.and_then(|(space, name)| Some((space, new_name(space, name)?)));
        match renamed {
            Some((namespace, name)) => format!("{namespace}.{}{attributes}", one_line(name)),
            None => clause.to_owned(),
        }
    });
    clauses.collect::<Vec<_>>().join(",")
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
