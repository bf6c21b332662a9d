//! Values of parameters: text, and variables that are put into it.

use std::mem;

use crate::settings::error::SettingsError;
use crate::settings::parameters::{NamedParameter, Variables, is_variable_name};

const BEGINS: &str = "${env:";
/// What to do about a value in which variables are written wrong.
pub const HOW: &str = "write ${env:NAME}; to write `${env:` itself, write `$${env:`";

/// A parameter as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawParameter {
    /// The key.
    pub key: String,
    /// Where the key stands: `flowship.yaml:12:3`.
    pub at: String,
    /// Where the value stands.
    pub value_at: String,
    pieces: Vec<Piece>,
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

impl RawParameter {
    /// Reads a value in which `${env:NAME}` stands for a variable and `$${env:` for `${env:` itself.
    ///
    /// # Errors
    /// What is wrong in the value; `HOW` says what to do.
    pub fn read(
        key: String,
        at: String,
        value: &str,
        value_at: String,
    ) -> Result<Self, &'static str> {
        Ok(Self {
            key,
            at,
            value_at,
            pieces: pieces(value)?,
        })
    }

    /// The variables in the value, in the order in which they stand there.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The parameter with the values of its variables, which are masked from now on.
    pub(crate) fn fill(&self, variables: &Variables<'_>) -> Result<NamedParameter, SettingsError> {
        let mut value = String::new();
        let mut from: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => value += text,
                Piece::Variable(name) => {
                    let empty = "write \"\" instead of the variable";
                    value += &variables.value(name, &self.key, &self.value_at, empty)?;
                    if !from.contains(&name.as_str()) {
                        from.push(name);
                    }
                }
            }
        }
        Ok(NamedParameter::new(
            self.key.clone(),
            value,
            self.at.clone(),
            &from,
        ))
    }
}

fn pieces(value: &str) -> Result<Vec<Piece>, &'static str> {
    let mut pieces = Vec::new();
    let mut parts = value.split(BEGINS);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(before) = text.strip_suffix('$') {
            text = format!("{before}{BEGINS}{part}");
            continue;
        }
        let (name, rest) = part
            .split_once('}')
            .ok_or("`${env:` without the `}` that ends it")?;
        if !is_variable_name(name) {
            return Err(if name.contains(":-") || name.contains('?') {
                "there are no defaults in `${env:...}`, only the name of a variable"
            } else {
                "between `${env:` and `}` stands no name of a variable"
            });
        }
        pieces.push(Piece::Text(mem::replace(&mut text, rest.to_owned())));
        pieces.push(Piece::Variable(name.to_owned()));
    }
    pieces.push(Piece::Text(text));
    Ok(pieces)
}
