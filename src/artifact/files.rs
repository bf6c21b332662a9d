//! Which files belong to an artifact, and which that lie beside them are left out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use super::error::ArtifactError;

/// The most bytes that the files of an artifact may have together. The largest artifact known has 41 MB.
const LARGEST_TOTAL: u64 = 1 << 30;
/// The most files and folders of a directory. The most known in an artifact are 64.
pub(super) const MOST_FILES: usize = 65_535;

/// The directory of flowship's journal, which may lie beside an artifact: that it is left out is not worth a line.
pub(crate) const JOURNAL_DIRECTORY: &str = ".flowship";
/// What lies at the top of an artifact. Everything else there comes from the Git repository around it.
const TOP_LEVEL: [&str; 6] = [
    "META-INF",
    "src",
    ".project",
    "metainfo.prop",
    "value_mapping.xml",
    "build.properties",
];

/// A file that belongs to an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFile {
    /// The path inside the artifact, with `/` between its parts.
    pub path: String,
    /// The size in bytes, unpacked.
    pub size: u64,
    pub(crate) origin: Origin,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Disk(PathBuf),
    Entry(usize),
}

/// A file or folder that is not packed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The path inside the directory or zip; a folder ends with `/` and stands for everything in it.
    pub path: String,
    /// Why it is left out.
    pub reason: LeftOutReason,
}

/// Why something is not packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOutReason {
    /// `.git` and the like.
    VersionControl,
    /// What a desktop leaves behind: `.DS_Store`, `._*`, `desktop.ini`, ...
    OperatingSystem,
    /// What a build or an editor leaves behind at the top of the directory.
    BuildLeftover,
    /// Something else at the top of the directory that is not part of an artifact.
    NotPartOfArtifact,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::VersionControl => "version control",
            Self::OperatingSystem => "left by the operating system",
            Self::BuildLeftover => "left by a build or an editor",
            Self::NotPartOfArtifact => "not part of an artifact",
        })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.path, self.reason)
    }
}

/// What lies in a directory or zip.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Sorted bytewise by path, so that every machine has the same order.
    pub(crate) files: Vec<ArtifactFile>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Listing {
    pub(crate) fn file(&self, path: &str) -> Option<&ArtifactFile> {
        find(&self.files, path)
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct FoundFiles {
    pub(super) files: Vec<ArtifactFile>,
    pub(super) left_out: BTreeMap<String, LeftOutReason>,
    /// How many bytes the files have.
    total: u64,
}

impl FoundFiles {
    /// Takes note of a file; an error in words when the files have become more than may be.
    pub(super) fn add(&mut self, path: String, size: u64, origin: Origin) -> Result<(), String> {
        self.total = self.total.saturating_add(size);
        self.files.push(ArtifactFile { path, size, origin });
        if self.total > LARGEST_TOTAL {
            return Err(format!("more than {} MiB", LARGEST_TOTAL >> 20));
        }
        Ok(())
    }

    pub(super) fn listing(mut self) -> Listing {
        self.files.sort_by(|one, other| one.path.cmp(&other.path));
        let left_out = self.left_out.into_iter();
        Listing {
            files: self.files,
            left_out: left_out
                .map(|(path, reason)| LeftOut { path, reason })
                .collect(),
        }
    }
}

/// How much of a file is in memory at a time, in bytes.
const PIECE: usize = 64 << 10;

/// What takes the pieces of a file.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), ArtifactError>;

/// Hands over what a reader gives, a piece at a time: at most one byte more than expected, which shows that there is more.
pub(super) fn pieces(
    reader: impl Read,
    expected: u64,
    sink: Sink<'_>,
    failed: impl Fn(io::Error) -> ArtifactError,
) -> Result<(), ArtifactError> {
    let mut reader = reader.take(expected.saturating_add(1));
    let mut buffer = vec![0; PIECE];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => sink(&buffer[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

pub(crate) fn find<'a>(files: &'a [ArtifactFile], path: &str) -> Option<&'a ArtifactFile> {
    files
        .binary_search_by(|file| file.path.as_str().cmp(path))
        .ok()
        .map(|position| &files[position])
}

/// The part of a path that is left out, and why; `None` when the path belongs to an artifact.
pub(crate) fn left_out_part(path: &str) -> Option<(&str, LeftOutReason)> {
    let mut end = 0;
    for (depth, name) in path.split('/').enumerate() {
        end += usize::from(depth > 0) + name.len();
        let reason = if depth == 0 {
            reason_at_top(name)
        } else {
            reason_anywhere(name)
        };
        if let Some(reason) = reason {
            return Some((&path[..end], reason));
        }
    }
    None
}

fn reason_at_top(name: &str) -> Option<LeftOutReason> {
    if TOP_LEVEL.contains(&name) {
        return None;
    }
    Some(reason_anywhere(name).unwrap_or(match name {
        ".gitignore" | ".gitattributes" | ".gitmodules" | ".gitkeep" | ".hgignore" => {
            LeftOutReason::VersionControl
        }
        "target" | "bin" | "build" | "out" | "node_modules" | ".gradle" | ".idea" | ".vscode"
        | ".settings" | ".classpath" => LeftOutReason::BuildLeftover,
        _ => LeftOutReason::NotPartOfArtifact,
    }))
}

/// Below META-INF and src every file stays but these: what lies there is the author's, a `.gitkeep` included.
fn reason_anywhere(name: &str) -> Option<LeftOutReason> {
    match name {
        ".git" | ".svn" | ".hg" => Some(LeftOutReason::VersionControl),
        ".DS_Store" | "__MACOSX" => Some(LeftOutReason::OperatingSystem),
        _ if name.starts_with("._") => Some(LeftOutReason::OperatingSystem),
        _ if ["desktop.ini", "thumbs.db", "ehthumbs.db"]
            .iter()
            .any(|junk| name.eq_ignore_ascii_case(junk)) =>
        {
            Some(LeftOutReason::OperatingSystem)
        }
        _ => None,
    }
}

/// What is wrong with a path inside an artifact, if something is.
pub(crate) fn name_fault(path: &str) -> Option<&'static str> {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    match path {
        "" => Some("it is empty"),
        _ if path.starts_with('/') || drive => Some("it is absolute"),
        _ if path.contains('\\') => Some("it holds a backslash"),
        // a tab stands in names of packages that SAP publishes
        _ if path
            .chars()
            .any(|letter| letter.is_control() && letter != '\t') =>
        {
            Some("it holds a control character")
        }
        _ if path.split('/').any(|part| matches!(part, "" | "." | "..")) => {
            Some("it leads out of the artifact")
        }
        _ if path.len() > usize::from(u16::MAX) => Some("it is longer than a zip can hold"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_level_is_an_allow_list_and_below_it_only_junk_is_left_out() {
        let kept = [
            "META-INF/MANIFEST.MF",
            "META-INF/deployment/queueDefinitions.json",
            ".project",
            "metainfo.prop",
            "value_mapping.xml",
            "build.properties",
            "src/main/resources/lib/a.jar",
            "src/main/resources/script/.gitkeep",
            "src/target/bin/x.class",
            "src/main/resources/a (1);=&@.xsd",
        ];
        for path in kept {
            assert_eq!(left_out_part(path), None, "{path}");
        }
        let left_out = [
            (".git/config", ".git", LeftOutReason::VersionControl),
            (".gitignore", ".gitignore", LeftOutReason::VersionControl),
            ("src/.git", "src/.git", LeftOutReason::VersionControl),
            ("src/a/.svn/x", "src/a/.svn", LeftOutReason::VersionControl),
            (
                "META-INF/._MANIFEST.MF",
                "META-INF/._MANIFEST.MF",
                LeftOutReason::OperatingSystem,
            ),
            (
                "src/main/.DS_Store",
                "src/main/.DS_Store",
                LeftOutReason::OperatingSystem,
            ),
            (
                "src/Desktop.ini",
                "src/Desktop.ini",
                LeftOutReason::OperatingSystem,
            ),
            (
                "__MACOSX/src/._a",
                "__MACOSX",
                LeftOutReason::OperatingSystem,
            ),
            (
                "target/classes/a.class",
                "target",
                LeftOutReason::BuildLeftover,
            ),
            ("QA/parameters.prop", "QA", LeftOutReason::NotPartOfArtifact),
            ("README.md", "README.md", LeftOutReason::NotPartOfArtifact),
            ("pom.xml", "pom.xml", LeftOutReason::NotPartOfArtifact),
        ];
        for (path, part, reason) in left_out {
            assert_eq!(left_out_part(path), Some((part, reason)), "{path}");
        }
    }

    #[test]
    fn names_that_lead_out_of_an_artifact_are_faults() {
        for path in [
            "", "/a", "C:/a", "c:a", "a\\b", "a/../b", "..", "./a", "a//b", "a/", "a\nb", "a\u{7f}",
        ] {
            assert!(name_fault(path).is_some(), "{path}");
        }
        for path in ["a", "a/b c", "a\tb", "src/ä (1);=&@.xsd", "...", "a/..b"] {
            assert_eq!(name_fault(path), None, "{path}");
        }
    }
}
