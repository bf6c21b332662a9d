//! Packing an artifact: the same files give the same zip, byte for byte, on every machine and at any time.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::contents::Contents;
use super::digest::{ContentHasher, Digest, Hasher};
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::manifest::aligned;
use super::{Artifact, LARGEST_TEXT, MANIFEST_PATH};

/// Pinned, because another level gives other bytes for the same files.
const DEFLATE_LEVEL: i64 = 6;
/// From this size on an entry needs the zip64 form.
const LARGE: u64 = u32::MAX as u64;

/// What is to differ in the packed copy. The artifact's own files are never written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// Another id: goes into Bundle-SymbolicName and what the artifact provides.
    pub id: Option<String>,
    /// Another name: goes into Bundle-Name.
    pub name: Option<String>,
}

/// A packed artifact. It lies in a temporary file that is deleted when this value is dropped.
#[derive(Debug)]
pub struct Archive {
    /// The digest of the packed files: the SHA-256 of what `sha256sum` prints for them, sorted bytewise by path (a line
    /// each: digest in hexadecimal, two blanks, path, line feed). It does not depend on how they are compressed.
    pub content: Digest,
    /// The SHA-256 of the zip's own bytes.
    pub zip: Digest,
    /// The size of the zip in bytes.
    pub size: u64,
    file: NamedTempFile,
}

impl Archive {
    /// Packs an artifact into a temporary file. Files are read piece by piece, so that memory does not grow with them.
    pub fn pack(artifact: &Artifact, options: &PackOptions) -> Result<Self, ArtifactError> {
        let mut contents = Contents::reopen(artifact)?;
        let mut packer = Packer::new()?;
        for file in artifact.files() {
            packer.add(&mut contents, file, options)?;
        }
        packer.finish()
    }

    /// The zip's bytes from the start. Each call gives a reader of its own, so that a request can be sent again.
    pub fn open_file(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// Writes the zip's bytes to a writer.
    pub fn copy_to(&self, writer: &mut impl Write) -> io::Result<()> {
        io::copy(&mut self.open_file()?, writer).map(drop)
    }
}

/// Writes the zip and computes its content digest at once.
struct Packer {
    writer: ZipWriter<BufWriter<NamedTempFile>>,
    hasher: ContentHasher,
}

impl Packer {
    fn new() -> Result<Self, ArtifactError> {
        let file = NamedTempFile::with_prefix("flowship-").map_err(unwritable)?;
        Ok(Self {
            writer: ZipWriter::new(BufWriter::new(file)),
            hasher: ContentHasher::default(),
        })
    }

    fn add(
        &mut self,
        contents: &mut Contents,
        file: &ArtifactFile,
        options: &PackOptions,
    ) -> Result<(), ArtifactError> {
        let mut hasher = Hasher::default();
        self.writer
            .start_file(&file.path, entry_options(file.size))
            .map_err(|error| unwritable(error.into()))?;
        let mut write = |piece: &[u8]| {
            hasher.update(piece);
            self.writer.write_all(piece).map_err(unwritable)
        };
        match packed_manifest(contents, file, options)? {
            Some(bytes) => write(&bytes)?,
            None => contents.stream(file, &mut write)?,
        }
        self.hasher.add(&file.path, hasher.finish());
        Ok(())
    }

    fn finish(self) -> Result<Archive, ArtifactError> {
        let buffer = self
            .writer
            .finish()
            .map_err(|error| unwritable(error.into()))?;
        let file = buffer
            .into_inner()
            .map_err(|error| unwritable(error.into_error()))?;
        let mut reader = file.reopen().map_err(unwritable)?;
        let size = reader.metadata().map_err(unwritable)?.len();
        // the writer goes back to fill in sizes, so the zip's digest is taken from the finished file
        let zip = Digest::of_reader(&mut reader).map_err(unwritable)?;
        Ok(Archive {
            content: self.hasher.finish(),
            zip,
            size,
            file,
        })
    }
}

/// The manifest as it is packed, with the id and name asked for; `None` for every other file.
pub(crate) fn packed_manifest(
    contents: &mut Contents,
    file: &ArtifactFile,
    options: &PackOptions,
) -> Result<Option<Vec<u8>>, ArtifactError> {
    if file.path != MANIFEST_PATH {
        return Ok(None);
    }
    let bytes = contents.read(file, LARGEST_TEXT)?;
    Ok(Some(aligned(
        &bytes,
        options.id.as_deref(),
        options.name.as_deref(),
    )))
}

/// Everything that could differ between two machines is pinned.
fn entry_options(size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(DEFLATE_LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644)
        .large_file(size >= LARGE)
}

fn unwritable(source: io::Error) -> ArtifactError {
    ArtifactError::Write {
        at: tempfile::env::temp_dir().display().to_string(),
        source,
    }
}
