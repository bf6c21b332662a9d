//! Files of parameters beside the artifacts.

use std::path::{Path, PathBuf};

use super::ParameterTarget;
use super::value::{HOW, RawParameter};
use crate::settings::error::SettingsError;
use crate::settings::parameters;

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
            Some(rest) => {
                let is_zip = artifact
                    .path
                    .extension()
                    .is_some_and(|end| end.eq_ignore_ascii_case("zip"));
                let directory = if is_zip {
                    artifact.path.with_extension("")
                } else {
                    artifact.path.to_owned()
                };
                directory.join(rest)
            }
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
        let named = parameters::read_file(directory, &path).map_err(|error| SettingsError {
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
