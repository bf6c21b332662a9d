//! Which files belong to an artifact, and which that lie beside them are left out.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ArtifactError;
use super::{MANIFEST_PATH, contents};

/// The most bytes that the files of an artifact may have together. The largest artifact known has 41 MB.
pub(super) const LARGEST_TOTAL: u64 = 1 << 30;
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
    pub(crate) files: Vec<ArtifactFile>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Listing {
    /// Sorts what was found: bytewise by path, so that every machine has the same order.
    pub(crate) fn of(
        mut files: Vec<ArtifactFile>,
        left_out: BTreeMap<String, LeftOutReason>,
    ) -> Self {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Self {
            files,
            left_out: left_out
                .into_iter()
                .map(|(path, reason)| LeftOut { path, reason })
                .collect(),
        }
    }

    pub(crate) fn file(&self, path: &str) -> Option<&ArtifactFile> {
        find(&self.files, path)
    }

    /// The error for a directory or zip without a manifest: what it is instead, as far as that can be seen.
    pub(crate) fn without_manifest(&self, path: &Path) -> ArtifactError {
        let at = path.display().to_string();
        if self
            .left_out
            .iter()
            .any(|left_out| left_out.path == "resources.cnt")
        {
            return ArtifactError::PackageExport { at };
        }
        let in_other_case = self
            .files
            .iter()
            .find(|file| file.path.eq_ignore_ascii_case(MANIFEST_PATH));
        let found = match in_other_case {
            Some(file) => vec![file.path.clone()],
            None => contents::folders_with_manifest(path),
        };
        ArtifactError::NoManifest { at, found }
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
        _ if path.chars().any(char::is_control) => Some("it holds a control character"),
        _ if path.split('/').any(|part| matches!(part, "" | "." | "..")) => {
            Some("it leads out of the artifact")
        }
        _ if path.len() > usize::from(u16::MAX) => Some("it is longer than a zip can hold"),
        _ => None,
    }
}

/// Lists an artifact directory.
pub(crate) fn list_directory(root: &Path) -> Result<Listing, ArtifactError> {
    let canonical = fs::canonicalize(root).map_err(|source| unreadable(root, source))?;
    let mut walk = Walk {
        root,
        canonical,
        files: Vec::new(),
        left_out: BTreeMap::new(),
        count: 0,
        total: 0,
    };
    // without a manifest this is no artifact, and whatever is wrong further down is not what has to be said
    let is_artifact = root.join("META-INF").exists();
    let mut pending = vec![(root.to_owned(), String::new())];
    while let Some((directory, prefix)) = pending.pop() {
        for entry in fs::read_dir(&directory).map_err(|source| unreadable(&directory, source))? {
            let entry = entry.map_err(|source| unreadable(&directory, source))?;
            if let Some(folder) = walk.visit(&entry, &prefix)?.filter(|_| is_artifact) {
                pending.push((entry.path(), folder));
            }
        }
    }
    Ok(Listing::of(walk.files, walk.left_out))
}

/// A walk through an artifact directory.
struct Walk<'a> {
    root: &'a Path,
    canonical: PathBuf,
    files: Vec<ArtifactFile>,
    left_out: BTreeMap<String, LeftOutReason>,
    /// How many files and folders were met.
    count: usize,
    /// How many bytes the files have.
    total: u64,
}

impl Walk<'_> {
    /// Takes note of an entry; gives its path inside the artifact when it is a folder to be entered.
    fn visit(
        &mut self,
        entry: &fs::DirEntry,
        prefix: &str,
    ) -> Result<Option<String>, ArtifactError> {
        let on_disk = entry.path();
        let kind = entry
            .file_type()
            .map_err(|source| unreadable(&on_disk, source))?;
        let name = entry.file_name();
        // a name that cannot be shown is only a fault where it would be packed
        let path = format!("{prefix}{}", name.to_string_lossy());
        self.count()?;
        if let Some((part, reason)) = left_out_part(&path) {
            let slash = if kind.is_dir() { "/" } else { "" };
            if part != JOURNAL_DIRECTORY {
                self.left_out.insert(format!("{part}{slash}"), reason);
            }
            return Ok(None);
        }
        let fault = if name.to_str().is_none() {
            Some("it is not UTF-8")
        } else {
            name_fault(&path)
        };
        if let Some(why) = fault {
            return Err(ArtifactError::UnsafeName {
                at: self.root.display().to_string(),
                name: path,
                why,
            });
        }
        if kind.is_dir() {
            return Ok(Some(path + "/"));
        }
        let on_disk = if kind.is_symlink() {
            self.followed(&on_disk)?
        } else {
            on_disk
        };
        let metadata = fs::metadata(&on_disk).map_err(|source| unreadable(&on_disk, source))?;
        if !metadata.is_file() {
            return Err(ArtifactError::SpecialFile {
                at: on_disk.display().to_string(),
            });
        }
        self.weigh(metadata.len())?;
        self.files.push(ArtifactFile {
            path,
            size: metadata.len(),
            origin: Origin::Disk(on_disk),
        });
        Ok(None)
    }

    fn count(&mut self) -> Result<(), ArtifactError> {
        self.count += 1;
        if self.count > MOST_FILES {
            return Err(self.excessive(format!("it has more than {MOST_FILES} files and folders")));
        }
        Ok(())
    }

    fn weigh(&mut self, size: u64) -> Result<(), ArtifactError> {
        self.total = self.total.saturating_add(size);
        if self.total > LARGEST_TOTAL {
            let most = LARGEST_TOTAL >> 20;
            return Err(self.excessive(format!("its files have more than {most} MiB")));
        }
        Ok(())
    }

    fn excessive(&self, what: String) -> ArtifactError {
        ArtifactError::Excessive {
            at: self.root.display().to_string(),
            what,
        }
    }

    /// A link is followed to a file that belongs to the artifact, and to nothing else: neither a file of the
    /// machine nor one of `.git` must reach a tenant because a link names it.
    fn followed(&self, link: &Path) -> Result<PathBuf, ArtifactError> {
        let refused = |why| ArtifactError::Link {
            at: link.display().to_string(),
            why,
        };
        let target = fs::canonicalize(link).map_err(|error| refused(why_link_is_broken(&error)))?;
        let inside = target
            .strip_prefix(&self.canonical)
            .map_err(|_| refused("leads out of the artifact"))?;
        let parts: Option<Vec<_>> = inside
            .components()
            .map(|part| part.as_os_str().to_str())
            .collect();
        let inside = parts
            .ok_or_else(|| refused("leads to a name that is not UTF-8"))?
            .join("/");
        if left_out_part(&inside).is_some() {
            return Err(refused(
                "leads to something that is not part of the artifact",
            ));
        }
        if target.is_dir() {
            return Err(refused("leads to a directory"));
        }
        Ok(target)
    }
}

fn why_link_is_broken(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "leads to nothing",
        io::ErrorKind::PermissionDenied => "leads to something that must not be read",
        _ => "leads in a circle or cannot be resolved",
    }
}

pub(crate) fn unreadable(path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::Read {
        at: path.display().to_string(),
        source,
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
        for path in ["a", "a/b c", "src/ä (1);=&@.xsd", "...", "a/..b"] {
            assert_eq!(name_fault(path), None, "{path}");
        }
    }
}
