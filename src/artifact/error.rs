//! Why an artifact cannot be used, in words for the person who has to repair it.

use std::io;
use std::path::Path;

use thiserror::Error;

use super::manifest::ManifestError;

/// Why an artifact cannot be opened, packed or compared. Each text says what is wrong and where; [`ArtifactError::hint`]
/// says what to do about it.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// Nothing is there.
    #[error("{at}: there is no such file or directory")]
    NotFound {
        /// The path as it was given.
        at: String,
    },
    /// Something is there, but neither a directory nor a zip.
    #[error("{at}: this is neither an artifact directory nor a zip")]
    NotAnArtifact {
        /// The path as it was given.
        at: String,
    },
    /// The operating system does not let it be read.
    #[error("{at}: cannot be read: {source}")]
    Read {
        /// The file or directory.
        at: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The zip cannot be written to the temporary directory.
    #[error("cannot write the packed archive to the temporary directory {at}: {source}")]
    Write {
        /// The temporary directory.
        at: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file of a working copy cannot be written or removed.
    #[error("{at}: cannot be written: {source}")]
    WriteFile {
        /// The file or directory.
        at: String,
        /// What the operating system says, or what is in the way.
        source: io::Error,
    },
    /// There is no manifest.
    #[error(
        "{at}: looked for META-INF/MANIFEST.MF and did not find it{}",
        elsewhere(found)
    )]
    NoManifest {
        /// The directory or zip.
        at: String,
        /// Where a manifest was found instead: sub folders, or the file in another case.
        found: Vec<String>,
    },
    /// A directory was searched and holds no artifact.
    #[error(
        "{at}: searched for folders that hold META-INF/MANIFEST.MF and found none{}",
        not_searched(ignored)
    )]
    NoArtifactBelow {
        /// The directory as it was given.
        at: String,
        /// Artifacts that were left out because Git ignores them.
        ignored: Vec<String>,
    },
    /// The search for artifacts went deeper than it may.
    #[error("{at}: searched {limit} folders deep for META-INF/MANIFEST.MF and stopped here")]
    TooDeep {
        /// The folder at which it stopped.
        at: String,
        /// The limit in folders.
        limit: usize,
    },
    /// The search for artifacts met more folders than it may.
    #[error("{at}: searched for META-INF/MANIFEST.MF and gave up after {limit} folders")]
    TooManyFolders {
        /// The directory as it was given.
        at: String,
        /// The limit in folders.
        limit: usize,
    },
    /// The export of a whole integration package.
    #[error(
        "{at}: this is the export of an integration package (it holds resources.cnt), not an artifact"
    )]
    PackageExport {
        /// The directory or zip.
        at: String,
    },
    /// The manifest cannot be read.
    #[error("{at}: {source}")]
    Manifest {
        /// The manifest.
        at: String,
        /// The broken line and what is wrong with it.
        source: ManifestError,
    },
    /// The manifest lacks a header without which there is no artifact.
    #[error("{at}: the header {header} is missing or empty")]
    MissingHeader {
        /// The manifest.
        at: String,
        /// The header's name.
        header: &'static str,
    },
    /// An id that no tenant can have.
    #[error("{at}:{line}: what stands in Bundle-SymbolicName can be no id: {why}")]
    ImpossibleId {
        /// The manifest.
        at: String,
        /// The line of Bundle-SymbolicName, counted from 1.
        line: u32,
        /// Why it can be none.
        why: &'static str,
    },
    /// A type of artifact for which SAP has no public API.
    #[error(
        "{at}:{line}: artifacts of type {bundle_type} cannot be deployed: SAP has no public API for them"
    )]
    UnsupportedType {
        /// The manifest.
        at: String,
        /// The line of SAP-BundleType, counted from 1.
        line: u32,
        /// What SAP-BundleType says.
        bundle_type: String,
    },
    /// A file name that does not belong into a zip.
    #[error("{at}: the name `{}` cannot be packed: {why}", name.escape_debug())]
    UnsafeName {
        /// The directory or zip.
        at: String,
        /// The path inside of it.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A symbolic link that is not followed.
    #[error("{at}: the symbolic link {why}")]
    Link {
        /// The link.
        at: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A socket, pipe or device.
    #[error("{at}: this is neither a file nor a directory (but a pipe, socket or device)")]
    SpecialFile {
        /// What it is about.
        at: String,
    },
    /// A file that is read as a whole is too large for that.
    #[error("{at}: the file has more than {} MiB and is not read", limit >> 20)]
    TooLarge {
        /// The file.
        at: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A directory holds more than any artifact.
    #[error("{at}: the directory is no artifact: {what}")]
    Excessive {
        /// The directory.
        at: String,
        /// What there is too much of.
        what: String,
    },
    /// The zip is broken, encrypted or made to do harm.
    #[error("{at}: the zip cannot be used: {reason}")]
    Zip {
        /// The zip, and the entry if it is about one.
        at: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The model of an integration flow cannot be read.
    #[error("{at}{}: the integration flow's model cannot be read: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Model {
        /// The `.iflw`.
        at: String,
        /// The line, counted from 1, where it is known.
        line: Option<u32>,
        /// What is wrong with it.
        reason: String,
    },
    /// A file changed or vanished after the artifact was opened.
    #[error("{at}: the file changed while it was being packed")]
    Changed {
        /// The file.
        at: String,
    },
}

impl ArtifactError {
    /// The file at fault and its line, where the fault lies in a file of the artifact.
    pub fn place(&self) -> Option<(&str, u32)> {
        match self {
            Self::Manifest { at, source } => Some((at, source.line())),
            Self::MissingHeader { at, .. } => Some((at, 1)),
            Self::UnsupportedType { at, line, .. } | Self::ImpossibleId { at, line, .. } => {
                Some((at, *line))
            }
            Self::Model { at, line, .. } => Some((at, (*line)?)),
            _ => None,
        }
    }

    /// What to do about it, if there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotFound { .. } => {
                "give the directory that holds META-INF, or a zip exported from a tenant"
            }
            Self::NotAnArtifact { .. } => {
                "give the directory that holds META-INF, or the zip itself"
            }
            Self::Read { .. } => "check the permissions of the user that runs the pipeline",
            Self::Write { .. } => {
                "make room there, or name another directory with the variable TMPDIR"
            }
            Self::NoManifest { found, .. } if !found.is_empty() => {
                "give the folder that directly holds META-INF"
            }
            Self::NoManifest { .. } => {
                "give the folder that directly holds META-INF; if it is not in Git, look whether .gitignore excludes it"
            }
            Self::NoArtifactBelow { ignored, .. } if !ignored.is_empty() => {
                "give an ignored directory itself to deploy what is in it"
            }
            Self::NoArtifactBelow { .. } => {
                "give the directory that holds the artifacts; hidden directories and zips in it are not searched"
            }
            Self::TooDeep { .. } | Self::TooManyFolders { .. } => {
                "give the directory that holds the artifacts, nearer to them"
            }
            Self::PackageExport { .. } => {
                "unpack the artifact: each *_content file in it that is a zip is one; or download the artifact itself"
            }
            Self::Manifest { .. } | Self::ImpossibleId { .. } => {
                "repair the line, or download the artifact again from the tenant"
            }
            Self::MissingHeader { .. } => {
                "add the header, or download the artifact again from the tenant"
            }
            Self::UnsupportedType { .. } => {
                "transport it with its package (IntegrationFlow, MessageMapping, ScriptCollection and ValueMapping can be deployed)"
            }
            Self::UnsafeName { .. } => "rename the file, and what refers to it",
            Self::Link { .. } => "replace the link by the file itself",
            Self::SpecialFile { .. } => "remove it from the artifact",
            Self::TooLarge { .. } => "look whether this is really the file that it should be",
            Self::Excessive { .. } => {
                "look what lies in it that does not belong to the artifact, and remove it"
            }
            Self::Zip { .. } => {
                "download the artifact again from the tenant, or unpack it and give the directory"
            }
            Self::Model { .. } => "repair it, or download the artifact again from the tenant",
            Self::WriteFile { .. } => {
                "check who may write there, and whether the disk is full; links are not followed"
            }
            Self::Changed { .. } => "run again when nothing else writes into the directory",
        })
    }
}

pub fn unreadable(path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::Read {
        at: path.display().to_string(),
        source,
    }
}

fn elsewhere(found: &[String]) -> String {
    match found {
        [] => String::new(),
        [one] => format!("; there is one at `{one}`"),
        several => format!("; there is one at each of {}", first_few(several)),
    }
}

fn not_searched(ignored: &[String]) -> String {
    match ignored {
        [] => String::new(),
        several => format!("; Git ignores {}", first_few(several)),
    }
}

fn first_few(paths: &[String]) -> String {
    const NAMED: usize = 3;
    let named: Vec<_> = paths
        .iter()
        .take(NAMED)
        .map(|path| format!("`{path}`"))
        .collect();
    let more = if paths.len() > NAMED {
        " and others"
    } else {
        ""
    };
    format!("{}{more}", named.join(", "))
}
