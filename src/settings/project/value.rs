//! Values of parameters: text, and variables that are put into it; and the files of them beside the artifacts.

use std::mem;
use std::path::{Path, PathBuf};

use super::ParameterTarget;
use crate::settings::error::SettingsError;
use crate::settings::parameters::{NamedParameter, Variables, is_variable_name, read_file};

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

/// A text, and the variable behind it; only the last one has none.
type Piece = (String, Option<String>);

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
        let names = self.pieces.iter();
        names.filter_map(|(_, name)| name.as_deref())
    }

    /// The parameter with the values of its variables, which are masked from now on.
    pub(crate) fn fill(&self, variables: &Variables<'_>) -> Result<NamedParameter, SettingsError> {
        let mut value = String::new();
        let mut from: Vec<&str> = Vec::new();
        let empty = "write \"\" instead of the variable";
        for (text, name) in &self.pieces {
            value += text;
            let Some(name) = name else { continue };
            value += &variables.value(name, &self.key, &self.value_at, empty)?;
            if !from.contains(&name.as_str()) {
                from.push(name);
            }
        }
        let (key, at) = (self.key.clone(), self.at.clone());
        Ok(NamedParameter::new(key, value, at, &from))
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
        let before = mem::replace(&mut text, rest.to_owned());
        pieces.push((before, Some(name.to_owned())));
    }
    pieces.push((text, None));
    Ok(pieces)
}

/// Where files of parameters are, one for each artifact.
#[derive(Clone, Debug)]
pub struct ParametersFile {
    /// As written, with `{artifact}` and `{id}`.
    pub pattern: String,
    /// Where it is written.
    pub at: String,
    pub(crate) base: PathBuf,
}

impl ParametersFile {
    /// The file of an artifact, relative to the working directory. A zip has it where its directory would have it.
    pub fn path(&self, artifact: ParameterTarget<'_>) -> PathBuf {
        let pattern = self.pattern.replace("{id}", artifact.id);
        match pattern.strip_prefix("{artifact}/") {
            Some(rest) => match artifact.path.extension() {
                Some(end) if end.eq_ignore_ascii_case("zip") => {
                    artifact.path.with_extension("").join(rest)
                }
                _ => artifact.path.join(rest),
            },
            None => self.base.join(pattern),
        }
    }

    /// The parameters of an artifact; none when the pattern makes a file for each artifact and this one has none.
    pub fn read(
        &self,
        directory: &Path,
        artifact: ParameterTarget<'_>,
    ) -> Result<Vec<RawParameter>, SettingsError> {
        let path = self.path(artifact);
        let of_each = self.pattern.contains('{');
        if of_each && !directory.join(&path).exists() {
            return Ok(Vec::new());
        }
        let named = read_file(directory, &path).map_err(|error| SettingsError {
            hint: "check `parameters-file`, and who may read the file".to_owned(),
            ..error
        })?;
        let raw = named.into_iter().map(|named| {
            let at = named.source;
            RawParameter::read(named.key, at.clone(), &named.value, at.clone())
                .map_err(|what| SettingsError::new(at, what, HOW))
        });
        raw.collect()
    }
}
