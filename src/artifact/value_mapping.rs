//! `value_mapping.xml`: what a value mapping answers, and a copy of Git's file with what only the tenant has.
//!
//! The file is `<vm version="2.0">` with `<group id>`s of `<entry>`s, each with `<agency>`, `<schema>` and `<value>`, seen so
//! in all 22 value mappings of artifacts.md. The entries of a group stand for the same thing; `isDefault="true"` marks what
//! is answered where several groups could be. Values are compared with their blanks: published mappings have some at the end.

mod joining;
mod merge;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::ops::Range;

use roxmltree::Node;
use thiserror::Error;

use super::Artifact;
use super::digest::Digest;
use super::error::ArtifactError;
use super::pack_options::PackOptions;
use super::packed::Packed;
use crate::xml::{self, Lines, XmlError};
pub use merge::{Conflict, MergeError, Merged, merged, only_in_remote};

/// Where the values of a value mapping lie.
pub const VALUE_MAPPING_PATH: &str = "value_mapping.xml";

/// The most entries of one group.
const MOST_ENTRIES: usize = 256;

/// Why a `value_mapping.xml` cannot be read. Each text names the line where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueMappingError {
    /// It is not well-formed, has a document type (whose entities are never expanded) or too much of something.
    #[error("line {line}: {message}")]
    Malformed {
        /// The line, counted from 1.
        line: u32,
        /// What is wrong there.
        message: String,
    },
    /// It is not encoded in UTF-8.
    #[error("line {line}: the file is not UTF-8{}", declared.as_ref().map(|name| format!(" (it declares {name})")).unwrap_or_default())]
    Encoding {
        /// The line, counted from 1.
        line: u32,
        /// The encoding that the file declares, if it is another one.
        declared: Option<String>,
    },
    /// Something stands there that no value mapping is known to hold.
    #[error(
        "line {line}: {what} is not expected there: a value mapping is `vm` with `group`s of `entry`s, each with `agency`, `schema` and `value`"
    )]
    Unexpected {
        /// The line, counted from 1.
        line: u32,
        /// What it is, such as ``the element `x` ``.
        what: String,
    },
}

impl ValueMappingError {
    /// The line at fault, counted from 1.
    pub fn line(&self) -> u32 {
        match self {
            Self::Malformed { line, .. }
            | Self::Encoding { line, .. }
            | Self::Unexpected { line, .. } => *line,
        }
    }
}

impl From<XmlError> for ValueMappingError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::NotUtf8 { line, .. } => Self::Encoding {
                line,
                declared: None,
            },
            other => Self::Malformed {
                line: other.line(),
                message: other.to_string(),
            },
        }
    }
}

/// A value mapping that was read.
#[derive(Debug, Clone)]
pub struct ValueMapping {
    /// Of the root element, sorted by name.
    attributes: Attributes,
    groups: Vec<Group>,
    /// Where the root element stands in the file, in bytes.
    range: Range<usize>,
}

type Attributes = Vec<(String, String)>;

/// Representations of one thing, which are mapped to each other.
#[derive(Debug, Clone)]
pub struct Group {
    /// The id that the tenant gave; empty when there is none.
    pub id: String,
    /// The representations, in the order of the file.
    pub entries: Vec<Entry>,
    /// The line, counted from 1, on which the group begins.
    pub line: u32,
    attributes: Attributes,
    range: Range<usize>,
    id_range: Option<Range<usize>>,
    /// Where each of the entries stands.
    entry_ranges: Vec<Range<usize>>,
}

/// One representation of a thing. Its parts keep their blanks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The agency: who uses the value.
    pub agency: String,
    /// The schema, which SAP's pages call identifier: as what it is used.
    pub schema: String,
    /// The value.
    pub value: String,
    /// Whether it is the answer where several groups give one.
    pub is_default: bool,
    attributes: Attributes,
}

/// What an entry stands for: agency, schema and value.
type Representation<'a> = (&'a str, &'a str, &'a str);

impl ValueMapping {
    /// Reads the bytes of a `value_mapping.xml`. A document type is refused, so that no entity is ever expanded; whatever is
    /// not known to be part of such a file is an error, because a copy could lose its meaning.
    pub fn parse(bytes: &[u8]) -> Result<Self, ValueMappingError> {
        let text = xml::text(bytes)?;
        if let Some(declared) = other_encoding(text) {
            return Err(ValueMappingError::Encoding {
                line: 1,
                declared: Some(declared.to_owned()),
            });
        }
        let document = xml::parse(text)?;
        let lines = Lines::of(bytes);
        ElementReader { lines }.mapping(document.root_element())
    }

    /// The groups in the order of the file.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The digest of what the mapping answers: two with the same digest give the same answer to every question.
    ///
    /// Ids of groups, blanks between elements and the order of entries do not count, nor do the order of groups and the
    /// default mark where each representation stands in one group only. Where one stands in several, order and mark may
    /// decide what is answered, and no tenant has shown how; there both count.
    pub fn meaning(&self) -> Digest {
        let places = Places::of(&self.groups);
        let (ambiguous, mut plain): (Vec<_>, Vec<_>) = self
            .groups
            .iter()
            .filter(|group| !group.entries.is_empty())
            .map(|group| (places.is_ambiguous(group), group))
            .map(|(ambiguous, group)| (ambiguous, group.canonical(ambiguous)))
            .partition(|(ambiguous, _)| *ambiguous);
        plain.sort();
        // the debug form of strings is quoted and escaped, so that two different lists never look the same
        let all = format!(
            "value mapping {:?} {plain:?} {ambiguous:?}",
            self.attributes
        );
        Digest::of(all.as_bytes())
    }
}

/// Whether two value mappings give the same answer to every question; see [`ValueMapping::meaning`].
pub fn same_meaning(one: &ValueMapping, other: &ValueMapping) -> bool {
    one.meaning() == other.meaning()
}

/// Each group on a line, such as `ERP/Country "DE" = CRM/Land "Germany" (default)`.
pub fn describe<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Vec<String> {
    groups.into_iter().map(Group::to_string).collect()
}

/// The bytes of the `value_mapping.xml` of a local artifact, if it has one; at most 16 MiB are read.
pub fn of_artifact(artifact: &Artifact) -> Result<Option<Vec<u8>>, ArtifactError> {
    Packed::of(artifact, &PackOptions::default())?.bytes_at(VALUE_MAPPING_PATH, u64::MAX)
}

/// The bytes of the `value_mapping.xml` in a zip downloaded from a tenant, if it has one; at most 16 MiB are read. The zip is
/// not trusted: the guards of [`Artifact::open`] hold.
pub fn of_zip(zip: File) -> Result<Option<Vec<u8>>, ArtifactError> {
    Packed::of_zip(zip)?.bytes_at(VALUE_MAPPING_PATH, u64::MAX)
}

impl Entry {
    fn representation(&self) -> Representation<'_> {
        (&self.agency, &self.schema, &self.value)
    }

    /// Whether two entries are values for the same agency and schema.
    fn is_of_the_kind_of(&self, other: &Self) -> bool {
        self.agency == other.agency && self.schema == other.schema
    }
}

impl Group {
    /// The entries in an order that does not depend on that of the file; the default mark only where it counts.
    fn canonical(&self, with_default: bool) -> (Vec<Entry>, &Attributes) {
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            entry.is_default &= with_default;
        }
        entries.sort();
        (entries, &self.attributes)
    }

    fn has(&self, representation: Representation<'_>) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.representation() == representation)
    }

    /// Whether all representations of another group are in this one.
    fn contains(&self, other: &Self) -> bool {
        other
            .entries
            .iter()
            .all(|entry| self.has(entry.representation()))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return formatter.write_str("(a group without entries)");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            let equals = if index == 0 { "" } else { " = " };
            write!(formatter, "{equals}{entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{} \"{}\"",
            self.agency, self.schema, self.value
        )?;
        let default = if self.is_default { " (default)" } else { "" };
        formatter.write_str(default)?;
        self.attributes
            .iter()
            .try_for_each(|(name, value)| write!(formatter, " ({name} {value})"))
    }
}

/// In which groups each representation stands.
struct Places<'a> {
    groups: Vec<&'a Group>,
    by_representation: HashMap<Representation<'a>, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(groups: impl IntoIterator<Item = &'a Group>) -> Self {
        let groups: Vec<_> = groups.into_iter().collect();
        let mut by_representation: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, group) in groups.iter().enumerate() {
            for entry in &group.entries {
                by_representation
                    .entry(entry.representation())
                    .or_default()
                    .push(index);
            }
        }
        Self {
            groups,
            by_representation,
        }
    }

    /// The groups in which a representation stands, in the order of the file.
    fn with<'s>(&'s self, entry: &'s Entry) -> impl Iterator<Item = &'a Group> {
        self.indexes(entry).iter().map(|index| self.groups[*index])
    }

    fn indexes<'s>(&'s self, entry: &'s Entry) -> &'s [usize] {
        self.by_representation
            .get(&entry.representation())
            .map_or(&[], Vec::as_slice)
    }

    /// The groups that hold every representation of another one.
    fn containing<'s>(&'s self, group: &'s Group) -> impl Iterator<Item = &'a Group> {
        let rarest = group
            .entries
            .iter()
            .min_by_key(|entry| self.indexes(entry).len());
        let candidates = rarest.map_or(&[][..], |entry| self.indexes(entry));
        candidates
            .iter()
            .map(|index| self.groups[*index])
            .filter(|candidate| candidate.contains(group))
    }

    /// Whether a question about one of the group's representations may have more than one answer.
    fn is_ambiguous(&self, group: &Group) -> bool {
        let twice = |(index, entry): (usize, &Entry)| {
            self.indexes(entry).len() > 1
                || group.entries[..index]
                    .iter()
                    .any(|other| other.is_of_the_kind_of(entry))
        };
        group.entries.iter().enumerate().any(twice)
    }
}

/// Reads the elements of a file that is well-formed.
struct ElementReader {
    lines: Lines,
}

impl ElementReader {
    fn mapping(&self, root: Node<'_, '_>) -> Result<ValueMapping, ValueMappingError> {
        self.must_be(root, &["vm"])?;
        let groups = self
            .elements(root, &["group"])?
            .into_iter()
            .map(|group| self.group(group))
            .collect::<Result<_, _>>()?;
        Ok(ValueMapping {
            attributes: attributes(root, &[]),
            groups,
            range: root.range(),
        })
    }

    fn group(&self, node: Node<'_, '_>) -> Result<Group, ValueMappingError> {
        let elements = self.elements(node, &["entry"])?;
        let entry_ranges = elements.iter().map(Node::range).collect();
        let entries = elements
            .into_iter()
            .map(|entry| self.entry(entry))
            .collect::<Result<Vec<_>, _>>()?;
        if entries.len() > MOST_ENTRIES {
            let what = format!("a group of more than {MOST_ENTRIES} entries");
            return Err(self.unexpected(node, what));
        }
        let id = node.attribute_node("id");
        Ok(Group {
            id: id.map(|id| id.value().to_owned()).unwrap_or_default(),
            entries,
            line: self.line(node),
            attributes: attributes(node, &["id"]),
            range: node.range(),
            id_range: id.map(|id| id.range_value()),
            entry_ranges,
        })
    }

    fn entry(&self, node: Node<'_, '_>) -> Result<Entry, ValueMappingError> {
        let mut parts: [Option<String>; 3] = [None, None, None];
        let names = ["agency", "schema", "value"];
        for element in self.elements(node, &names)? {
            let index = names.iter().position(|name| element.has_tag_name(*name));
            let Some(part) = index.and_then(|index| parts.get_mut(index)) else {
                continue;
            };
            if part.is_some() {
                let what = format!("a second element `{}`", element.tag_name().name());
                return Err(self.unexpected(element, what));
            }
            *part = Some(self.text(element)?);
        }
        let [agency, schema, value] = parts.map(Option::unwrap_or_default);
        Ok(Entry {
            agency,
            schema,
            value,
            is_default: node.attribute("isDefault") == Some("true"),
            attributes: attributes(node, &["isDefault"]),
        })
    }

    /// The elements in a node, all of which must have one of these names; text between them must be blank.
    fn elements<'a, 'i>(
        &self,
        node: Node<'a, 'i>,
        names: &[&str],
    ) -> Result<Vec<Node<'a, 'i>>, ValueMappingError> {
        let mut elements = Vec::new();
        for child in node.children() {
            if child.is_element() {
                self.must_be(child, names)?;
                elements.push(child);
            } else if child
                .text()
                .is_some_and(|t| child.is_text() && !t.trim().is_empty())
            {
                return Err(self.unexpected(child, "text".to_owned()));
            }
        }
        Ok(elements)
    }

    /// The text of an element that holds nothing but text.
    fn text(&self, node: Node<'_, '_>) -> Result<String, ValueMappingError> {
        if let Some(child) = node.children().find(Node::is_element) {
            self.must_be(child, &[])?;
        }
        if let Some(attribute) = node.attributes().next() {
            let what = format!("the attribute `{}`", attribute.name());
            return Err(self.unexpected(node, what));
        }
        let texts = node.children().filter(Node::is_text);
        Ok(texts.filter_map(|text| text.text()).collect())
    }

    fn must_be(&self, node: Node<'_, '_>, names: &[&str]) -> Result<(), ValueMappingError> {
        let tag = node.tag_name();
        if tag.namespace().is_none() && names.contains(&tag.name()) {
            return Ok(());
        }
        Err(self.unexpected(node, format!("the element `{}`", tag.name())))
    }

    fn unexpected(&self, node: Node<'_, '_>, what: String) -> ValueMappingError {
        ValueMappingError::Unexpected {
            line: self.line(node),
            what,
        }
    }

    fn line(&self, node: Node<'_, '_>) -> u32 {
        self.lines.at(node.range().start)
    }
}

fn attributes(node: Node<'_, '_>, known: &[&str]) -> Attributes {
    let mut attributes: Attributes = node
        .attributes()
        .filter(|attribute| !known.contains(&attribute.name()))
        .map(|attribute| {
            let namespace = attribute.namespace().unwrap_or_default();
            let name = format!("{namespace}{}", attribute.name());
            (name, attribute.value().to_owned())
        })
        .collect();
    attributes.sort();
    attributes
}

/// The encoding that the file declares, unless it is UTF-8 or a part of it.
fn other_encoding(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let declaration = text.strip_prefix("<?xml")?.split("?>").next()?;
    let (_, after) = declaration.split_once("encoding")?;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = quoted[1..].split(quote).next()?;
    let known = ["utf-8", "utf8", "us-ascii", "ascii"];
    (!known.iter().any(|one| one.eq_ignore_ascii_case(name))).then_some(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
