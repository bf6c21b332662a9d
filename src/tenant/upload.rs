//! `ArtifactContent` on the wire: JSON with the archive in base64, streamed from the file, its length known before.

use std::fs::File;
use std::io::{self, Read, Seek};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::artifact::Archive;

/// How many bytes of the archive are encoded at once; a multiple of three, so that only the end is padded.
const BLOCK: usize = 12 * 1024;

/// A zip that can be read from its start as often as it is sent.
pub trait ZipBytes: Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;
    /// A reader of its own, positioned at the start.
    fn open(&self) -> io::Result<File>;
}

impl ZipBytes for Archive {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<File> {
        self.open_file()
    }
}

/// A zip that the tenant gave out.
impl ZipBytes for File {
    fn size(&self) -> u64 {
        self.metadata().map_or(0, |found| found.len())
    }

    fn open(&self) -> io::Result<File> {
        let mut file = self.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// The body of a create or update: `{"Name":...,"ArtifactContent":"<base64>"}`.
pub struct ArtifactContent<'a> {
    archive: &'a dyn ZipBytes,
    head: String,
}

impl<'a> ArtifactContent<'a> {
    /// A body with these fields before the content.
    pub fn new(archive: &'a dyn ZipBytes, fields: &[(&str, &str)]) -> Self {
        let mut head = String::from("{");
        for (name, value) in fields {
            head.push_str(&format!("{}:{},", json!(name), json!(value)));
        }
        head.push_str("\"ArtifactContent\":\"");
        Self { archive, head }
    }

    /// The length of the whole body, in bytes.
    pub fn length(&self) -> u64 {
        self.head.len() as u64 + self.archive.size().div_ceil(3) * 4 + TAIL.len() as u64
    }

    /// The body from its beginning, for each attempt anew.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        let content = Base64Reader::new(self.archive.open()?);
        Ok(Box::new(
            io::Cursor::new(self.head.clone())
                .chain(content)
                .chain(TAIL),
        ))
    }
}

const TAIL: &[u8] = b"\"}";

/// Reads a file as base64.
struct Base64Reader {
    file: File,
    encoded: io::Cursor<String>,
}

impl Base64Reader {
    fn new(file: File) -> Self {
        Self {
            file,
            encoded: io::Cursor::default(),
        }
    }
}

impl Read for Base64Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.encoded.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let mut block = Vec::with_capacity(BLOCK);
        (&mut self.file)
            .take(BLOCK as u64)
            .read_to_end(&mut block)?;
        self.encoded = io::Cursor::new(STANDARD.encode(&block));
        self.encoded.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn a_file_of_any_length_is_encoded_as_a_whole() {
        for length in [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 2] {
            let bytes: Vec<u8> = (0..length)
                .map(|n| u8::try_from(n % 251).unwrap())
                .collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.rewind().unwrap();
            let mut text = String::new();
            Base64Reader::new(file).read_to_string(&mut text).unwrap();
            assert_eq!(text, STANDARD.encode(&bytes), "{length}");
        }
    }
}
