//! Reading the files of an artifact, wherever they lie, in small pieces.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{self, list_directory};
use super::error::{ArtifactError, unreadable};
use super::files::{ArtifactFile, Listing, Origin, Sink};
use super::zipped::ZippedFiles;
use super::{Artifact, MANIFEST_PATH};

/// The bytes behind a listing.
pub enum Contents {
    Directory,
    Zip(PathBuf, Box<ZippedFiles>),
}

impl Contents {
    /// Opens a directory or a zip and lists it.
    pub fn open(path: &Path) -> Result<(Self, Listing), ArtifactError> {
        let metadata = fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ArtifactError::NotFound {
                at: path.display().to_string(),
            },
            _ => unreadable(path, source),
        })?;
        if metadata.is_dir() {
            return Ok((Self::Directory, list_directory(path)?));
        }
        if !metadata.is_file() {
            return Err(ArtifactError::NotAnArtifact {
                at: path.display().to_string(),
            });
        }
        let file = File::open(path).map_err(|source| unreadable(path, source))?;
        Self::of_zip(path, file)
    }

    /// Opens the contents of an artifact once more, and makes sure that its files are still there.
    pub fn reopen(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let (contents, listing) = Self::open(artifact.path())?;
        let mut files = artifact.files().iter();
        match files.find(|file| listing.file(&file.path) != Some(file)) {
            Some(file) => Err(ArtifactError::Changed {
                at: contents.at(file),
            }),
            None => Ok(contents),
        }
    }

    /// Lists a zip that is open already; the path only serves messages.
    pub fn of_zip(path: &Path, file: File) -> Result<(Self, Listing), ArtifactError> {
        let (zipped, listing) = ZippedFiles::open(path, file)?;
        Ok((Self::Zip(path.to_owned(), Box::new(zipped)), listing))
    }

    /// How a file is called in messages.
    pub fn at(&self, file: &ArtifactFile) -> String {
        match (&self, &file.origin) {
            (Self::Zip(path, _), _) => format!("{}: {}", path.display(), file.path),
            (Self::Directory, Origin::Disk(path)) => path.display().to_string(),
            (Self::Directory, Origin::Entry(_)) => file.path.clone(),
        }
    }

    /// Gives a file piece by piece, and makes sure that it is as long as when it was listed.
    pub fn stream(&mut self, file: &ArtifactFile, sink: Sink<'_>) -> Result<(), ArtifactError> {
        let at = self.at(file);
        let mut taken = 0;
        let mut counted = |piece: &[u8]| {
            taken += piece.len() as u64;
            sink(piece)
        };
        match (self, &file.origin) {
            (Self::Zip(_, zipped), Origin::Entry(index)) => {
                zipped.stream(*index, file, &at, &mut counted)?;
            }
            (_, Origin::Disk(path)) => directory::stream(path, file, &mut counted)?,
            (Self::Directory, Origin::Entry(_)) => return Err(ArtifactError::Changed { at }),
        }
        match file.origin {
            _ if taken == file.size => Ok(()),
            Origin::Disk(_) => Err(ArtifactError::Changed { at }),
            Origin::Entry(_) => Err(ArtifactError::Zip {
                at,
                reason: "the entry is not as long as the zip says".to_owned(),
            }),
        }
    }

    /// Reads a whole file of at most `limit` bytes.
    pub fn read(&mut self, file: &ArtifactFile, limit: u64) -> Result<Vec<u8>, ArtifactError> {
        if file.size > limit {
            return Err(ArtifactError::TooLarge {
                at: self.at(file),
                limit,
            });
        }
        let mut bytes = Vec::new();
        self.stream(file, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }
}

/// The error for a directory or zip without a manifest: what it is instead, as far as that can be seen.
pub fn without_manifest(path: &Path, listing: &Listing) -> ArtifactError {
    let at = path.display().to_string();
    let mut left_out = listing.left_out.iter();
    if left_out.any(|left_out| left_out.path == "resources.cnt") {
        return ArtifactError::PackageExport { at };
    }
    let mut files = listing.files.iter();
    let in_other_case = files.find(|file| file.path.eq_ignore_ascii_case(MANIFEST_PATH));
    let found = match in_other_case {
        Some(file) => vec![file.path.clone()],
        None => folders_with_manifest(path),
    };
    ArtifactError::NoManifest { at, found }
}

/// The folders directly below a path that hold a manifest.
fn folders_with_manifest(path: &Path) -> Vec<String> {
    let mut found: Vec<String> = match fs::read_dir(path) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join(MANIFEST_PATH).is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect(),
        Err(_) => File::open(path)
            .map(ZippedFiles::folders_with_manifest)
            .unwrap_or_default(),
    };
    found.sort();
    found
}
