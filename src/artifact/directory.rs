//! Reading artifact directories.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ArtifactError, unreadable};
use super::files::{
    ArtifactFile, FoundFiles, JOURNAL_DIRECTORY, Listing, MOST_FILES, Origin, Sink, left_out_part,
    name_fault, pieces,
};

/// Lists an artifact directory.
pub fn list_directory(root: &Path) -> Result<Listing, ArtifactError> {
    let mut walk = Walk {
        root,
        canonical: fs::canonicalize(root).map_err(|source| unreadable(root, source))?,
        found: FoundFiles::default(),
        count: 0,
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
    Ok(walk.found.listing())
}

/// Gives a file of a directory piece by piece.
pub fn stream(path: &Path, file: &ArtifactFile, sink: Sink<'_>) -> Result<(), ArtifactError> {
    let opened = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ArtifactError::Changed {
            at: path.display().to_string(),
        },
        _ => unreadable(path, source),
    })?;
    pieces(opened, file.size, sink, |source| unreadable(path, source))
}

/// A walk through an artifact directory.
struct Walk<'a> {
    root: &'a Path,
    canonical: PathBuf,
    found: FoundFiles,
    /// How many files and folders were met.
    count: usize,
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
        self.count += 1;
        if self.count > MOST_FILES {
            return Err(self.excessive(format!("it has more than {MOST_FILES} files and folders")));
        }
        if let Some((part, reason)) = left_out_part(&path) {
            let slash = if kind.is_dir() { "/" } else { "" };
            if part != JOURNAL_DIRECTORY {
                self.found.left_out.insert(format!("{part}{slash}"), reason);
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
        let size = metadata.len();
        let added = self.found.add(path, size, Origin::Disk(on_disk));
        added.map_err(|what| self.excessive(format!("its files have {what}")))?;
        Ok(None)
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
        let parts = inside.components().map(|part| part.as_os_str().to_str());
        let inside = parts
            .collect::<Option<Vec<_>>>()
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
