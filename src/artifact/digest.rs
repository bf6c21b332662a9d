//! SHA-256 digests of contents and zips.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::text::hex;

/// A SHA-256 digest, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes that are at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of everything that a reader gives.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(length) => hasher.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

/// A digest in the making.
#[derive(Default)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The digest of a set of files: the SHA-256 of one line a file, sorted bytewise by path, each line being the SHA-256 of
/// the file in hexadecimal, two blanks, the path, and a line feed. This is what `sha256sum` prints, so it can be
/// checked by hand; it is unambiguous because no path holds a line feed.
#[derive(Default)]
pub(crate) struct ContentHasher(Hasher);

impl ContentHasher {
    /// Adds a file; the caller adds them in the order of their paths.
    pub(crate) fn add(&mut self, path: &str, digest: Digest) {
        self.0.update(format!("{digest}  {path}\n").as_bytes());
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_shown_in_lower_case_hexadecimal() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), expected);
        assert_eq!(
            format!("{:?}", Digest::of(b"abc")),
            format!("Digest({expected})")
        );
        assert_eq!(
            Digest::of_reader(&mut &b"abc"[..]).ok(),
            Some(Digest::of(b"abc"))
        );
    }
}
