//! YAML as a tree of nodes that know where they stand. Built from the parser's events, because the text of a value as it
//! was written (`010`, `1.10`) and the place of every key are needed together.

use std::collections::HashMap;

use serde_yaml::granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::text::disarm;

/// The longest part of a file that a message repeats, in characters.
const REPEATED: usize = 60;
/// How deep lists and mappings may stand in each other; the format needs seven.
const DEEPEST: usize = 24;
/// How much a file may hold after its aliases are followed: bytes of text, and [`OF_NODE`] for each node.
const HEAVIEST: usize = 8 * 1024 * 1024;
/// What a node weighs beside its text.
const OF_NODE: usize = 16;

/// Where something stands; both are counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: &Marker) -> Self {
        Self {
            line: marker.line().max(1),
            column: marker.col() + 1,
        }
    }

    /// The place behind a text that begins here.
    pub(crate) fn after(self, text: &str) -> Self {
        match text.rsplit_once('\n') {
            None => Self {
                column: self.column + text.chars().count(),
                ..self
            },
            Some((lines, last)) => Self {
                line: self.line + lines.matches('\n').count() + 1,
                column: last.chars().count() + 1,
            },
        }
    }
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) what: String,
    pub(crate) hint: String,
}

impl Fault {
    pub(crate) fn new(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// Where it begins and ends in the text, in bytes.
    pub(crate) bytes: (usize, usize),
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing at all, `~` or `null`.
    Nothing,
    /// A text, number or truth value, as it was written.
    Scalar {
        text: String,
        /// `true` or `false` without quotes.
        truth: Option<bool>,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for people.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Nothing => "nothing",
            Value::Scalar { truth: Some(_), .. } => "true or false",
            Value::Scalar { .. } => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping of keys to values",
        }
    }

    /// What it weighs against [`HEAVIEST`], and how deep it is.
    fn measure(&self) -> (usize, usize) {
        let children: Vec<(usize, usize)> = match &self.value {
            Value::Nothing => Vec::new(),
            Value::Scalar { text, .. } => return (OF_NODE + text.len(), 0),
            Value::List(nodes) => nodes.iter().map(Self::measure).collect(),
            Value::Map(entries) => entries.iter().map(Entry::measure).collect(),
        };
        let weight: usize = children.iter().map(|(weight, _)| weight).sum();
        let depth = children.iter().map(|(_, depth)| depth + 1).max();
        (OF_NODE + weight, depth.unwrap_or(0))
    }
}

impl Entry {
    fn measure(&self) -> (usize, usize) {
        let (weight, depth) = self.value.measure();
        (OF_NODE + self.key.len() + weight, depth)
    }
}

/// A part of the file, fit to be repeated in a message.
pub(crate) fn quoted(text: &str) -> String {
    let line = disarm(text);
    match line.char_indices().nth(REPEATED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Reads one document. A text without any gives [`Value::Nothing`].
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let mut building = Building::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_yaml(&error))?;
        building.take(event, &span)?;
    }
    Ok(building.root.unwrap_or(Node {
        place: Place::START,
        bytes: (0, 0),
        value: Value::Nothing,
    }))
}

fn not_yaml(error: &ScanError) -> Fault {
    let place = Place::of(error.marker());
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => Fault::new(
            place,
            "a tab stands where YAML takes blanks only",
            "write blanks instead of tabs",
        ),
        ErrorKind::UnknownAnchor => Fault::new(
            place,
            "nothing above has the name that follows the `*`",
            "put a value that begins with `*` in quotes; an alias stands below its anchor",
        ),
        _ => Fault::new(
            place,
            format!("this is no YAML: {}", quoted(&error.info())),
            "look at the line and the one above it; quote values that hold `: ` or begin with a special character",
        ),
    }
}

/// The tree while its events arrive.
#[derive(Default)]
struct Building {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    weight: usize,
    documents: usize,
    root: Option<Node>,
}

/// A list or mapping whose end has not arrived.
struct Open {
    place: Place,
    start: usize,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The first place of each key.
        seen: HashMap<String, Place>,
        key: Option<(String, Place)>,
    },
}

impl Building {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let place = Place::of(&span.start);
        match event {
            Event::DocumentStart(..) => return self.document(place),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => {
                return Err(Fault::new(
                    place,
                    "a tag (`!...`) stands here, which means nothing in this file",
                    "remove it; put a value that begins with `!` in quotes",
                ));
            }
            Event::Scalar(text, style, anchor, None) => {
                let node = scalar(text.into_owned(), style, span);
                self.weigh(node.measure().0, place)?;
                self.complete(node, anchor)?;
            }
            Event::SequenceStart(_, anchor, None) => {
                self.begin(span, anchor, Inside::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, None) => {
                let inside = Inside::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                };
                self.begin(span, anchor, inside)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => self.alias(anchor, place)?,
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, place: Place) -> Result<(), Fault> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Fault::new(
                place,
                "a second document begins here",
                "keep one document in the file: remove the line `---`",
            ));
        }
        Ok(())
    }

    fn weigh(&mut self, weight: usize, place: Place) -> Result<(), Fault> {
        self.weight += weight;
        if self.weight > HEAVIEST {
            return Err(Fault::new(
                place,
                "up to here the file holds more than any settings do, with what its aliases (`*name`) repeat",
                "write the values out instead of repeating them by aliases",
            ));
        }
        Ok(())
    }

    fn begin(&mut self, span: &Span, anchor: usize, inside: Inside) -> Result<(), Fault> {
        let place = Place::of(&span.start);
        self.weigh(OF_NODE, place)?;
        let open = Open {
            place,
            start: byte(&span.start),
            anchor,
            inside,
        };
        self.open.push(open);
        self.refuse_depth(0, place)
    }

    fn refuse_depth(&self, more: usize, place: Place) -> Result<(), Fault> {
        if self.open.len() + more > DEEPEST {
            return Err(Fault::new(
                place,
                "lists and mappings stand too deep in each other here",
                "look at the indentation and brackets above",
            ));
        }
        Ok(())
    }

    fn end(&mut self, span: &Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.inside {
            Inside::List(nodes) => Value::List(nodes),
            Inside::Map { entries, .. } => Value::Map(entries),
        };
        let node = Node {
            place: open.place,
            bytes: (open.start, byte(&span.end)),
            value,
        };
        self.complete(node, open.anchor)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Fault::new(
                place,
                "this alias stands inside what it repeats",
                "write the value out",
            ));
        };
        let (weight, depth) = node.measure();
        let node = node.clone();
        self.refuse_depth(depth, place)?;
        self.weigh(weight, place)?;
        self.complete(node, 0)
    }

    /// Puts a complete node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor != 0 {
            self.weigh(node.measure().0, node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(nodes)) => nodes.push(node),
            Some(Inside::Map { entries, seen, key }) => match key.take() {
                None => *key = Some(new_key(node, seen)?),
                Some((key, place)) => entries.push(Entry {
                    key,
                    place,
                    value: node,
                }),
            },
        }
        Ok(())
    }
}

fn byte(marker: &Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}

fn scalar(text: String, style: ScalarStyle, span: &Span) -> Node {
    let plain = style == ScalarStyle::Plain;
    let truth = match text.as_str() {
        "true" | "True" | "TRUE" if plain => Some(true),
        "false" | "False" | "FALSE" if plain => Some(false),
        _ => None,
    };
    let value = if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        Value::Nothing
    } else {
        Value::Scalar { text, truth }
    };
    Node {
        place: Place::of(&span.start),
        bytes: (byte(&span.start), byte(&span.end)),
        value,
    }
}

fn new_key(node: Node, seen: &mut HashMap<String, Place>) -> Result<(String, Place), Fault> {
    let place = node.place;
    let Value::Scalar { text, .. } = node.value else {
        return Err(Fault::new(
            place,
            format!("a key must be a text, here is {}", node.describe()),
            "write `key: value`; put a value that begins with `{`, `[` or `?` in quotes",
        ));
    };
    if text == "<<" {
        return Err(Fault::new(
            place,
            "merging (`<<`) is no part of this file",
            "give an artifact the parameters that all environments share, below its `parameters`",
        ));
    }
    if let Some(first) = seen.insert(text.clone(), place) {
        return Err(Fault::new(
            place,
            format!(
                "`{}` stands here for the second time, first on line {}",
                quoted(&text),
                first.line
            ),
            "keep one of them",
        ));
    }
    Ok((text, place))
}
