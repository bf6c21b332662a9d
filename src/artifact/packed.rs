//! The files of an artifact as they are packed, one after the other: the one way to their bytes for everything that packs,
//! compares or writes them.

use std::fs::File;
use std::path::Path;

use super::contents::Contents;
use super::digest::{Digest, Hasher};
use super::error::ArtifactError;
use super::files::{ArtifactFile, Sink, find};
use super::flow_model::is_model;
use super::pack_options::PackOptions;
use super::{Artifact, LARGEST_TEXT, MANIFEST_PATH, manifest, rewiring};

/// An artifact of which something may be to differ.
pub struct Packed {
    /// Its own files, sorted by path.
    pub files: Vec<ArtifactFile>,
    pub reader: PackedReader,
}

/// Reads the files of an artifact as they are packed.
pub struct PackedReader {
    contents: Contents,
    options: PackOptions,
}

impl Packed {
    pub fn of(artifact: &Artifact, options: &PackOptions) -> Result<Self, ArtifactError> {
        Ok(Self {
            files: artifact.files().to_vec(),
            reader: PackedReader {
                contents: Contents::reopen(artifact)?,
                options: options.clone(),
            },
        })
    }

    /// A zip downloaded from a tenant, as it is. It is not trusted: the guards of [`Artifact::open`] hold.
    pub fn of_zip(file: File) -> Result<Self, ArtifactError> {
        let (contents, listing) = Contents::of_zip(Path::new("the downloaded zip"), file)?;
        Ok(Self {
            files: listing.files,
            reader: PackedReader {
                contents,
                options: PackOptions::default(),
            },
        })
    }

    /// The bytes of the file at a path, if it is there and has at most `limit` bytes of its own.
    pub fn bytes_at(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
        let file = find(&self.files, path).filter(|file| file.size <= limit);
        file.map(|file| self.reader.bytes(file)).transpose()
    }
}

impl PackedReader {
    /// A file where it may differ from the artifact's own: files whose bytes are replaced, the manifest, and the model when
    /// references are renamed. `None` for every other file.
    pub fn changed(&mut self, file: &ArtifactFile) -> Result<Option<Vec<u8>>, ArtifactError> {
        let options = &self.options;
        let replaced = options.replaced.get(&file.path).cloned();
        if file.path == MANIFEST_PATH {
            let bytes = match replaced {
                Some(bytes) => bytes,
                None => self.contents.read(file, LARGEST_TEXT)?,
            };
            return Ok(Some(manifest::changed(&bytes, options)));
        }
        if replaced.is_none() && !options.references.is_empty() && is_model(&file.path) {
            return rewiring::rewired(&mut self.contents, file, &options.references).map(Some);
        }
        Ok(replaced)
    }

    /// Whether other bytes take the place of a file.
    pub fn replaces(&self, path: &str) -> bool {
        self.options.replaced.contains_key(path)
    }

    /// A file as a whole; at most [`LARGEST_TEXT`] bytes of the artifact's own are read.
    pub fn bytes(&mut self, file: &ArtifactFile) -> Result<Vec<u8>, ArtifactError> {
        match self.changed(file)? {
            Some(bytes) => Ok(bytes),
            None => self.contents.read(file, LARGEST_TEXT),
        }
    }

    /// Gives a file piece by piece, so that memory does not grow with it.
    pub fn stream(&mut self, file: &ArtifactFile, sink: Sink<'_>) -> Result<(), ArtifactError> {
        match self.changed(file)? {
            Some(bytes) => sink(&bytes),
            None => self.contents.stream(file, sink),
        }
    }

    pub fn digest(&mut self, file: &ArtifactFile) -> Result<Digest, ArtifactError> {
        let mut hasher = Hasher::default();
        self.stream(file, &mut |piece| {
            hasher.update(piece);
            Ok(())
        })?;
        Ok(hasher.finish())
    }
}
