//! Values of parameters: text, and variables that are put into it.

use crate::settings::error::SettingsError;
use crate::settings::parameters::{NamedParameter, Variables, is_variable_name};
use crate::settings::yaml::{Fault, Position};

const BEGINS: &str = "${env:";

/// A parameter as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawParameter {
    /// The key.
    pub key: String,
    /// Where the key stands: `flowship.yaml:12:3`.
    pub at: String,
    pieces: Vec<Piece>,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable {
        name: String,
        /// Where it stands.
        at: String,
    },
}

/// A value in which something is wrong, and how many `${env:` stand before it.
pub struct BadValue {
    pub before: usize,
    pub what: String,
    pub hint: String,
}

impl RawParameter {
    /// Reads a value in which `${env:NAME}` stands for a variable and `$${env:` for `${env:` itself. `place` gives where
    /// the `${env:` of a number (from 0) stands.
    pub fn read(
        key: &str,
        at: String,
        value: &str,
        place: impl Fn(usize) -> String,
    ) -> Result<Self, BadValue> {
        let mut pieces = Vec::new();
        let mut rest = value;
        let mut met = 0;
        while let Some(found) = rest.find(BEGINS) {
            let (before, after) = (&rest[..found], &rest[found + BEGINS.len()..]);
            if let Some(before) = before.strip_suffix('$') {
                pieces.push(Piece::Text(format!("{before}{BEGINS}")));
                rest = after;
            } else {
                let name = name(after, met)?;
                pieces.push(Piece::Text(before.to_owned()));
                pieces.push(Piece::Variable {
                    name: name.to_owned(),
                    at: place(met),
                });
                rest = &after[name.len() + 1..];
            }
            met += 1;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self {
            key: key.to_owned(),
            at,
            pieces,
        })
    }

    /// The variables in the value, in the order in which they stand there: the name of each, and its place.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { name, at } => Some((name.as_str(), at.as_str())),
            Piece::Text(_) => None,
        })
    }

    /// The parameter with the values of its variables, which are masked from now on.
    pub(crate) fn fill(&self, variables: &Variables<'_>) -> Result<NamedParameter, SettingsError> {
        let mut value = String::new();
        let mut from: Vec<String> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => value.push_str(text),
                Piece::Variable { name, at } => {
                    let empty = "write \"\" instead of the variable";
                    value.push_str(&variables.value(name, &self.key, at, empty)?);
                    if !from.contains(name) {
                        from.push(name.clone());
                    }
                }
            }
        }
        Ok(if from.is_empty() {
            NamedParameter::plain(self.key.clone(), value, self.at.clone())
        } else {
            NamedParameter::from_variables(self.key.clone(), value, &self.at, &from)
        })
    }
}

/// The name at the beginning of what follows `${env:`.
fn name(after: &str, before: usize) -> Result<&str, BadValue> {
    let hint = "write ${env:NAME}; to write `${env:` itself, write `$${env:`";
    let bad = |what: &str| BadValue {
        before,
        what: what.to_owned(),
        hint: hint.to_owned(),
    };
    let Some(end) = after.find('}') else {
        return Err(bad("`${env:` without the `}` that ends it"));
    };
    let name = &after[..end];
    if is_variable_name(name) {
        Ok(name)
    } else if name.contains(":-") || name.contains('?') {
        Err(bad(
            "there are no defaults in `${env:...}`, only the name of a variable",
        ))
    } else {
        Err(bad("between `${env:` and `}` stands no name of a variable"))
    }
}

/// Where each `${env:` stands between two bytes of the file, of which the first is at `start`.
pub fn places(text: &str, bytes: (usize, usize), start: Position) -> Vec<Position> {
    let mut rest = text.get(bytes.0..bytes.1).unwrap_or_default();
    let mut place = start;
    let mut places = Vec::new();
    while let Some(found) = rest.find(BEGINS) {
        let (before, after) = rest.split_at(found);
        place = place.after(before);
        places.push(place);
        // past the dollar sign alone: the brace belongs to what is looked through next
        place = place.after("$");
        rest = &after[1..];
    }
    places
}

impl BadValue {
    pub fn at(self, place: Position) -> Fault {
        Fault::new(place, self.what, self.hint)
    }
}
