//! The steps of an integration flow's model: every element of the `.iflw` that holds properties, with the lines on which
//! they stand. What the properties mean is decided by those who ask.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use roxmltree::{Document, Node};

use super::check::definitions::text_of;
use super::contents::Contents;
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::{Artifact, ArtifactKind};
use crate::xml;

/// The only folder in which a tenant looks for the model.
pub(super) const MODEL_FOLDER: &str = "src/main/resources/scenarioflows/integrationflow/";
/// The largest `.iflw` that is read, in bytes. The largest known has some megabytes.
const LARGEST_MODEL: u64 = 64 << 20;

/// Where something stands in an artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path inside the artifact.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path, self.line)
    }
}

/// One property of a step: `<ifl:property><key>..</key><value>..</value></ifl:property>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) key: String,
    /// The value, decoded and without blanks around it.
    pub(super) value: String,
    /// The line of the value, counted from 1.
    pub(super) line: u32,
    /// Where the `<value>` element stands, in bytes.
    pub(super) element: Range<usize>,
}

/// A flow step, an adapter's channel, an event or a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The name that the author gave it; empty when there is none.
    pub(super) name: String,
    /// Whether it is a channel that leads to the start of a process, or to nothing that can be found.
    pub(super) starts_a_process: bool,
    pub(super) properties: Vec<Property>,
}

impl Step {
    pub(super) fn property(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.property(key).map(|property| property.value.as_str())
    }

    /// Whether the property is there and not empty.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_empty())
    }
}

/// The steps of a parsed model in the order of the file.
pub(super) fn steps(document: &Document<'_>) -> Vec<Step> {
    let lines = Lines::of(document.input_text());
    let starts = start_events(document);
    let holders = document
        .descendants()
        .filter(|node| node.children().any(|child| is_property(&child)));
    holders
        .map(|holder| step(holder, &lines, &starts))
        .collect()
}

/// The path of a flow's one `.iflw`, if there is exactly one.
pub(super) fn model_file(artifact: &Artifact) -> Option<&ArtifactFile> {
    let mut models = artifact.files().iter().filter(|file| is_model(&file.path));
    models.next().filter(|_| models.next().is_none())
}

/// Whether a file is the model of an integration flow.
pub(super) fn is_model(path: &str) -> bool {
    let name = path.strip_prefix(MODEL_FOLDER);
    name.is_some_and(|name| !name.contains('/') && name.to_ascii_lowercase().ends_with(".iflw"))
}

/// Reads the steps of a flow; none for other artifacts, and for a flow without exactly one model, which
/// [`check`](super::check()) reports.
pub(super) fn of_artifact(
    artifact: &Artifact,
) -> Result<Option<(String, Vec<Step>)>, ArtifactError> {
    if artifact.kind() != ArtifactKind::IntegrationFlow {
        return Ok(None);
    }
    let Some(file) = model_file(artifact) else {
        return Ok(None);
    };
    let mut contents = Contents::reopen(artifact)?;
    let text = read(&mut contents, file)?;
    let document = parse(&text, &contents.at(file))?;
    Ok(Some((file.path.clone(), steps(&document))))
}

/// The text of a model.
pub(super) fn read(contents: &mut Contents, file: &ArtifactFile) -> Result<String, ArtifactError> {
    let bytes = contents.read(file, LARGEST_MODEL)?;
    String::from_utf8(bytes).map_err(|_| ArtifactError::Model {
        at: contents.at(file),
        line: None,
        reason: "it is not UTF-8".to_owned(),
    })
}

/// Parses a model. A document type declaration is refused, so no entity is ever expanded.
pub(super) fn parse<'text>(text: &'text str, at: &str) -> Result<Document<'text>, ArtifactError> {
    xml::parse(text).map_err(|error| ArtifactError::Model {
        at: at.to_owned(),
        line: Some(error.line()),
        reason: error.to_string(),
    })
}

fn is_property(node: &Node<'_, '_>) -> bool {
    node.is_element() && node.tag_name().name() == "property"
}

/// Whether what has an id is a start event, by id; of a repeated id the first counts.
type StartEvents<'a> = BTreeMap<&'a str, bool>;

fn start_events<'a>(document: &'a Document<'_>) -> StartEvents<'a> {
    let mut starts = BTreeMap::new();
    for node in document.descendants() {
        if let Some(id) = node.attribute("id") {
            starts
                .entry(id)
                .or_insert(node.tag_name().name() == "startEvent");
        }
    }
    starts
}

fn step(holder: Node<'_, '_>, lines: &Lines, starts: &StartEvents<'_>) -> Step {
    // properties stand in <extensionElements>, of the element itself or of its event definition
    let named = holder
        .ancestors()
        .find(|node| node.attribute("name").is_some());
    let channel = holder
        .ancestors()
        .find(|node| node.tag_name().name() == "messageFlow");
    Step {
        name: named
            .and_then(|node| node.attribute("name"))
            .unwrap_or_default()
            .to_owned(),
        starts_a_process: channel.is_some_and(|channel| starts_a_process(channel, starts)),
        properties: holder
            .children()
            .filter(is_property)
            .filter_map(|node| property(node, lines))
            .collect(),
    }
}

/// A channel that leads into the middle of a process is used when a message gets there, not when the flow is deployed.
fn starts_a_process(channel: Node<'_, '_>, starts: &StartEvents<'_>) -> bool {
    let target = channel.attribute("targetRef");
    target
        .and_then(|target| starts.get(target))
        .is_none_or(|is_start| *is_start)
}

fn property(node: Node<'_, '_>, lines: &Lines) -> Option<Property> {
    let child = |name| node.children().find(|child| child.has_tag_name(name));
    let value = child("value")?;
    Some(Property {
        key: text_of(child("key")?),
        value: text_of(value),
        line: lines.line(value.range().start),
        element: value.range(),
    })
}

/// Where each line begins, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(position, _)| position + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    fn line(&self, position: usize) -> u32 {
        let line = self.0.partition_point(|start| *start <= position);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

/// Whether a value can be looked at offline: it has no parameter and no expression in it.
pub(super) fn is_fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains("{{") && !value.contains("${")
}

/// The names of the parameters in `{{name}}`.
pub(super) fn placeholders(value: &str) -> impl Iterator<Item = &str> {
    value
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name.trim())
}
