//! The model of an integration flow: every element of the `.iflw` that holds properties, with the lines on which they stand.
//! All that is asked of a flow is asked of this; what the keys of properties mean is said in `keys`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use roxmltree::{Document, Node};

use super::contents::Contents;
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::{Artifact, ArtifactKind};
use crate::xml::{self, Lines, text_of};

/// The only folder in which a tenant looks for the model.
pub(super) const MODEL_FOLDER: &str = "src/main/resources/scenarioflows/integrationflow/";
/// The largest XML file that is read as a whole, in bytes. The largest model known has some megabytes.
pub(super) const LARGEST_MODEL: u64 = 64 << 20;

/// Where something stands in an artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePlace {
    /// The path inside the artifact.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for FilePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path, self.line)
    }
}

/// The model of an integration flow; without steps for artifacts of other types, and for a flow without exactly one
/// `.iflw`, which [`check`](super::check()) reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowModel {
    path: String,
    pub(super) steps: Vec<Step>,
}

/// A flow step, an adapter's channel, an event or a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The name that the author gave it; empty when there is none.
    pub(super) name: String,
    /// Whether it is a channel that leads to the start of a process, or to nothing that can be found.
    pub(super) starts_a_process: bool,
    pub(super) properties: Vec<Property>,
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

impl Artifact {
    /// Reads the model.
    pub fn flow_model(&self) -> Result<FlowModel, ArtifactError> {
        let mut models = self.files().iter().filter(|file| is_model(&file.path));
        match (models.next(), models.next()) {
            (Some(file), None) if self.kind() == ArtifactKind::IntegrationFlow => {
                Ok(FlowModel::read(&mut Contents::reopen(self)?, file)?.1)
            }
            _ => Ok(FlowModel::default()),
        }
    }
}

impl FlowModel {
    /// Reads the text of a model and the model.
    pub(super) fn read(
        contents: &mut Contents,
        file: &ArtifactFile,
    ) -> Result<(String, Self), ArtifactError> {
        let bytes = contents.read(file, LARGEST_MODEL)?;
        let unreadable = |line, reason| ArtifactError::Model {
            at: contents.at(file),
            line,
            reason,
        };
        let text =
            String::from_utf8(bytes).map_err(|_| unreadable(None, "it is not UTF-8".to_owned()))?;
        let document =
            xml::parse(&text).map_err(|error| unreadable(Some(error.line()), error.to_string()))?;
        let model = Self::of(&document, &file.path);
        Ok((text, model))
    }

    /// The model at `path`, in the order of the file.
    pub(super) fn of(document: &Document<'_>, path: &str) -> Self {
        let lines = Lines::of(document.input_text().as_bytes());
        let starts = start_events(document);
        let holders = document
            .descendants()
            .filter(|node| node.children().any(|child| is_property(&child)));
        Self {
            path: path.to_owned(),
            steps: holders
                .map(|holder| step(holder, &lines, &starts))
                .collect(),
        }
    }

    pub(super) fn properties(&self) -> impl Iterator<Item = &Property> {
        self.steps.iter().flat_map(|step| &step.properties)
    }

    pub(super) fn place(&self, line: u32) -> FilePlace {
        FilePlace {
            path: self.path.clone(),
            line,
        }
    }
}

impl Step {
    pub(super) fn property(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }

    /// The value of a property, if it is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.property(key)?.value.as_str();
        (!value.is_empty()).then_some(value)
    }
}

/// Whether a file is the model of an integration flow.
pub(super) fn is_model(path: &str) -> bool {
    let name = path.strip_prefix(MODEL_FOLDER);
    name.is_some_and(|name| !name.contains('/') && name.to_ascii_lowercase().ends_with(".iflw"))
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
            let is_start = node.tag_name().name() == "startEvent";
            starts.entry(id).or_insert(is_start);
        }
    }
    starts
}

fn step(holder: Node<'_, '_>, lines: &Lines, starts: &StartEvents<'_>) -> Step {
    // properties stand in <extensionElements>, of the element itself or of its event definition
    let name = holder.ancestors().find_map(|node| node.attribute("name"));
    let mut around = holder.ancestors();
    let channel = around.find(|node| node.tag_name().name() == "messageFlow");
    // a channel that leads into the middle of a process is used when a message gets there, not when the flow is deployed
    let starts_a_process = channel.is_some_and(|channel| {
        let target = channel.attribute("targetRef");
        target
            .and_then(|id| starts.get(id))
            .is_none_or(|start| *start)
    });
    let properties = holder.children().filter(is_property);
    Step {
        name: name.unwrap_or_default().to_owned(),
        starts_a_process,
        properties: properties
            .filter_map(|node| property(node, lines))
            .collect(),
    }
}

fn property(node: Node<'_, '_>, lines: &Lines) -> Option<Property> {
    let child = |name| node.children().find(|child| child.has_tag_name(name));
    let value = child("value")?;
    Some(Property {
        key: text_of(child("key")?),
        value: text_of(value),
        line: lines.at(value.range().start),
        element: value.range(),
    })
}

/// Whether a value can be looked at offline: it has no parameter and no expression in it.
pub(super) fn is_fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains("{{") && !value.contains("${")
}

/// The names of the parameters in `{{name}}`.
pub(super) fn placeholders(value: &str) -> impl Iterator<Item = &str> {
    let parts = value.split("{{").skip(1);
    parts
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name.trim())
}
