//! Reading the files of an artifact, wherever they lie, in small pieces.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ArtifactError;
use super::files::{self, ArtifactFile, Listing, Origin, unreadable};
use super::zipped::ZippedFiles;
use super::{Artifact, MANIFEST_PATH};

/// How much of a file is in memory at a time, in bytes.
const PIECE: usize = 64 << 10;

/// What takes the pieces of a file.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), ArtifactError>;

/// The bytes behind a listing.
pub(crate) enum Contents {
    Directory,
    Zip(PathBuf, Box<ZippedFiles>),
}

impl Contents {
    /// Opens a directory or a zip and lists it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Listing), ArtifactError> {
        let metadata = fs::metadata(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ArtifactError::NotFound {
                at: path.display().to_string(),
            },
            _ => unreadable(path, source),
        })?;
        if metadata.is_dir() {
            return Ok((Self::Directory, files::list_directory(path)?));
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
    pub(crate) fn reopen(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let (contents, listing) = Self::open(artifact.path())?;
        match artifact
            .files()
            .iter()
            .find(|file| listing.file(&file.path) != Some(file))
        {
            Some(file) => Err(ArtifactError::Changed {
                at: contents.at(file),
            }),
            None => Ok(contents),
        }
    }

    /// Lists a zip that is open already; the path only serves messages.
    pub(crate) fn of_zip(path: &Path, file: File) -> Result<(Self, Listing), ArtifactError> {
        let (zipped, listing) = ZippedFiles::open(path, file)?;
        Ok((Self::Zip(path.to_owned(), Box::new(zipped)), listing))
    }

    /// How a file is called in messages.
    pub(crate) fn at(&self, file: &ArtifactFile) -> String {
        match (&self, &file.origin) {
            (Self::Zip(path, _), _) => format!("{}: {}", path.display(), file.path),
            (Self::Directory, Origin::Disk(path)) => path.display().to_string(),
            (Self::Directory, Origin::Entry(_)) => file.path.clone(),
        }
    }

    /// Gives a file piece by piece, and makes sure that it is as long as when it was listed.
    pub(crate) fn stream(
        &mut self,
        file: &ArtifactFile,
        sink: Sink<'_>,
    ) -> Result<(), ArtifactError> {
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
            (_, Origin::Disk(path)) => stream_from_disk(path, file.size, &at, &mut counted)?,
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
    pub(crate) fn read(
        &mut self,
        file: &ArtifactFile,
        limit: u64,
    ) -> Result<Vec<u8>, ArtifactError> {
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

fn stream_from_disk(path: &Path, size: u64, at: &str, sink: Sink<'_>) -> Result<(), ArtifactError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ArtifactError::Changed { at: at.to_owned() },
        _ => unreadable(path, source),
    })?;
    // one byte more than expected shows that the file has grown, without following it for ever
    let mut limited = file.take(size.saturating_add(1));
    pieces(&mut limited, sink, |source| unreadable(path, source))
}

/// Hands over what a reader gives, a piece at a time.
pub(crate) fn pieces(
    reader: &mut impl Read,
    sink: Sink<'_>,
    failed: impl Fn(io::Error) -> ArtifactError,
) -> Result<(), ArtifactError> {
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

/// The folders directly below a path that hold a manifest, for the message that the path itself holds none.
pub(crate) fn folders_with_manifest(path: &Path) -> Vec<String> {
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
