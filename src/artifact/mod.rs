//! What an integration artifact is on disk: its manifest, its parameters, its files, and the zip that a tenant takes.
//! Nothing here knows of a tenant's API.

pub mod aliases;
pub mod archive;
pub mod changes;
pub mod check;
pub mod comparison;
mod contents;
mod definitions;
pub mod dependencies;
pub mod digest;
mod directory;
pub mod effects;
mod error;
pub mod files;
pub mod flow_model;
pub mod id;
mod keys;
pub mod manifest;
pub mod pack_options;
mod packed;
pub mod properties;
pub mod references;
mod rewiring;
#[cfg(test)]
pub(crate) mod sample;
pub mod schedule;
mod search;
pub mod sharing;
mod usage;
pub mod value_mapping;
pub mod working_copy;
mod zipped;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

pub use archive::Archive;
pub use changes::{Change, ChangeKind, changes, may_be_secret};
pub use check::{Finding, Severity, check};
pub use comparison::{Comparable, Difference, What, content_equal, difference};
use contents::Contents;
use definitions::Definition;
pub use dependencies::{Dependencies, Needs, dependencies};
pub use digest::Digest;
pub use effects::{Effect, EffectKind, effects};
pub use error::ArtifactError;
pub(crate) use files::JOURNAL_DIRECTORY;
pub use files::{ArtifactFile, LeftOut, LeftOutReason};
pub use flow_model::{FilePlace, FlowModel};
pub use keys::{AddressPart, Intake};
pub use manifest::{Manifest, aligned};
pub use pack_options::PackOptions;
pub use properties::{Properties, PropertiesError};
pub use references::{OtherRequirement, References, Requirement};
pub use search::{Searched, artifacts_below, search_below};
pub use sharing::{Consequence, SharedAddress, shared_addresses};
pub use value_mapping::{VALUE_MAPPING_PATH, ValueMapping};

use crate::xml::XmlError;

/// Where the manifest of every artifact lies.
pub const MANIFEST_PATH: &str = "META-INF/MANIFEST.MF";
/// Where the values of externalized parameters lie.
pub const PARAMETERS_PATH: &str = "src/main/resources/parameters.prop";
/// Where externalized parameters are declared.
pub const DEFINITIONS_PATH: &str = "src/main/resources/parameters.propdef";

/// The most bytes of a manifest, parameter file or parameter declaration that are read.
const LARGEST_TEXT: u64 = 16 << 20;

/// The types of artifacts that the public API takes, in the words of `SAP-BundleType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArtifactKind {
    /// An integration flow.
    IntegrationFlow,
    /// A message mapping that is an artifact of its own.
    MessageMapping,
    /// A script collection.
    ScriptCollection,
    /// A value mapping.
    ValueMapping,
}

impl ArtifactKind {
    /// Every type that the public API takes.
    pub const ALL: [Self; 4] = [
        Self::IntegrationFlow,
        Self::MessageMapping,
        Self::ScriptCollection,
        Self::ValueMapping,
    ];

    /// The type that `SAP-BundleType` names, if the public API takes it.
    pub fn of_bundle_type(bundle_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.bundle_type() == bundle_type)
    }

    /// The word that stands in `SAP-BundleType`.
    pub fn bundle_type(self) -> &'static str {
        match self {
            Self::IntegrationFlow => "IntegrationFlow",
            Self::MessageMapping => "MessageMapping",
            Self::ScriptCollection => "ScriptCollection",
            Self::ValueMapping => "ValueMapping",
        }
    }

    /// The namespace of the capability under which other artifacts use one of this type (cpi-api.md §11.2).
    pub fn namespace(self) -> Option<&'static str> {
        match self {
            Self::ScriptCollection => Some("scriptcollection"),
            Self::MessageMapping => Some("messagemapping"),
            Self::IntegrationFlow | Self::ValueMapping => None,
        }
    }

    /// The type that a capability's namespace stands for.
    pub fn of_namespace(namespace: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.namespace() == Some(namespace))
    }
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.bundle_type())
    }
}

/// An artifact that was opened: what it is and which files belong to it. Contents are read when they are needed.
#[derive(Debug)]
pub struct Artifact {
    path: PathBuf,
    kind: ArtifactKind,
    manifest: Manifest,
    files: Vec<ArtifactFile>,
    left_out: Vec<LeftOut>,
    parameters: Properties,
    parameters_error: Option<PropertiesError>,
    /// The declared keys, where there is a declaration.
    declared: Option<Result<BTreeSet<String>, XmlError>>,
}

impl Artifact {
    /// Opens a directory, or a zip that was exported from a tenant. Only the manifest and the parameter files are read.
    ///
    /// A broken parameter file is no error here: [`check()`] reports it together with everything else.
    pub fn open(path: &Path) -> Result<Self, ArtifactError> {
        let (mut contents, listing) = Contents::open(path)?;
        let Some(file) = listing.file(MANIFEST_PATH) else {
            return Err(contents::without_manifest(path, &listing));
        };
        let at = contents.at(file);
        let manifest = Manifest::parse(&contents.read(file, LARGEST_TEXT)?).map_err(|source| {
            ArtifactError::Manifest {
                at: at.clone(),
                source,
            }
        })?;
        let kind = kind_of(&manifest, &at)?;
        let mut artifact = Self {
            path: path.to_owned(),
            kind,
            manifest,
            files: listing.files,
            left_out: listing.left_out,
            parameters: Properties::default(),
            parameters_error: None,
            declared: None,
        };
        artifact.read_parameters(&mut contents)?;
        Ok(artifact)
    }

    /// The directory or zip, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id: `Bundle-SymbolicName` without attributes. Never empty.
    pub fn id(&self) -> &str {
        self.manifest.symbolic_name().unwrap_or_default()
    }

    /// The name for people: `Bundle-Name`, or the id where there is none.
    pub fn name(&self) -> &str {
        self.manifest
            .bundle_name()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| self.id())
    }

    /// `Bundle-Version`; `0.0.0`, the default of `OSGi`, where there is none.
    pub fn version(&self) -> &str {
        self.manifest
            .bundle_version()
            .filter(|version| !version.is_empty())
            .unwrap_or("0.0.0")
    }

    /// The type of the artifact.
    pub fn kind(&self) -> ArtifactKind {
        self.kind
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The parameter values that the artifact brings; empty when it has no `parameters.prop` or a broken one.
    pub fn parameters(&self) -> &Properties {
        &self.parameters
    }

    /// The keys of all parameters, whether they have a value (`parameters.prop`) or are only declared (`parameters.propdef`).
    pub fn parameter_keys(&self) -> BTreeSet<&str> {
        let valued = self.parameters.iter().map(|entry| entry.key.as_str());
        // a declaration that cannot be read declares nothing; `check` warns of it
        let declared = self.declared.iter().flatten();
        valued
            .chain(declared.flatten().map(String::as_str))
            .collect()
    }

    /// The files that belong to the artifact, sorted bytewise by path.
    pub fn files(&self) -> &[ArtifactFile] {
        &self.files
    }

    /// What lies beside these files and is not packed, sorted by path.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The file at a path inside the artifact.
    pub fn file(&self, path: &str) -> Option<&ArtifactFile> {
        files::find(&self.files, path)
    }

    /// Reads every file to its end, as packing does: what cannot be packed is found by this already.
    pub fn read_through(&self) -> Result<(), ArtifactError> {
        let mut contents = Contents::reopen(self)?;
        for file in &self.files {
            contents.stream(file, &mut |_| Ok(()))?;
        }
        Ok(())
    }

    fn read_parameters(&mut self, contents: &mut Contents) -> Result<(), ArtifactError> {
        if let Some(file) = self.file(PARAMETERS_PATH) {
            match Properties::parse(&contents.read(file, LARGEST_TEXT)?) {
                Ok(parameters) => self.parameters = parameters,
                Err(error) => self.parameters_error = Some(error),
            }
        }
        if let Some(file) = self.file(DEFINITIONS_PATH) {
            let bytes = contents.read(file, LARGEST_TEXT)?;
            let names = |all: Vec<Definition>| all.into_iter().map(|one| one.name).collect();
            self.declared = Some(definitions::parse(&bytes).map(names));
        }
        Ok(())
    }
}

fn kind_of(manifest: &Manifest, at: &str) -> Result<ArtifactKind, ArtifactError> {
    if manifest.symbolic_name().is_none_or(str::is_empty) {
        return Err(ArtifactError::MissingHeader {
            at: at.to_owned(),
            header: "Bundle-SymbolicName",
        });
    }
    if let Some(why) = manifest.symbolic_name().and_then(id::fault) {
        return Err(ArtifactError::ImpossibleId {
            at: at.to_owned(),
            line: manifest.line("Bundle-SymbolicName").unwrap_or(1),
            why,
        });
    }
    let bundle_type = manifest
        .bundle_type()
        .filter(|bundle_type| !bundle_type.is_empty());
    let Some(bundle_type) = bundle_type else {
        return Err(ArtifactError::MissingHeader {
            at: at.to_owned(),
            header: "SAP-BundleType",
        });
    };
    ArtifactKind::of_bundle_type(bundle_type).ok_or_else(|| ArtifactError::UnsupportedType {
        at: at.to_owned(),
        line: manifest.line("SAP-BundleType").unwrap_or(1),
        bundle_type: bundle_type.to_owned(),
    })
}

#[cfg(test)]
mod tests;
