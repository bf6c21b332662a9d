//! Packing an artifact: the same files give the same zip, byte for byte, on every machine and at any time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::Artifact;
use super::digest::{ContentHasher, Digest, Hasher};
use super::error::{ArtifactError, unreadable};
use super::files::ArtifactFile;
use super::pack_options::PackOptions;
use super::packed::{Packed, PackedReader};

/// Pinned, because another level gives other bytes for the same files.
const DEFLATE_LEVEL: i64 = 6;
/// From this size on an entry needs the zip64 form.
const LARGE: u64 = u32::MAX as u64;

/// A packed artifact. What was packed here lies in a temporary file that is deleted when this value is dropped.
#[derive(Debug)]
pub struct Archive {
    /// The digest of the packed files: the SHA-256 of what `sha256sum` prints for them, sorted bytewise by path (a line
    /// each: digest in hexadecimal, two blanks, path, line feed). It does not depend on how they are compressed.
    pub content: Digest,
    /// The SHA-256 of the zip's own bytes.
    pub zip: Digest,
    /// The size of the zip in bytes.
    pub size: u64,
    file: Lying,
}

/// Where a zip lies.
#[derive(Debug)]
enum Lying {
    /// In a temporary file, which is deleted when this value is dropped.
    Temporary(NamedTempFile),
    /// Where somebody else put it.
    There(PathBuf),
}

impl Archive {
    /// Packs an artifact into a temporary file. Files are read piece by piece, so that memory does not grow with them.
    pub fn pack(artifact: &Artifact, options: &PackOptions) -> Result<Self, ArtifactError> {
        let mut packed = Packed::of(artifact, options)?;
        let mut packer = Packer::new()?;
        for file in &packed.files {
            packer.add(&mut packed.reader, file)?;
        }
        packer.finish()
    }

    /// A zip as it is, byte by byte. It stays where it lies.
    pub fn as_it_is(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let mut packed = Packed::of(artifact, &PackOptions::default())?;
        let mut content = ContentHasher::default();
        for file in &packed.files {
            content.add(&file.path, packed.reader.digest(file)?);
        }
        let unreadable = |source| unreadable(artifact.path(), source);
        let mut zip = File::open(artifact.path()).map_err(unreadable)?;
        Ok(Self {
            content: content.finish(),
            zip: Digest::of_reader(&mut zip).map_err(unreadable)?,
            size: zip.metadata().map_err(unreadable)?.len(),
            file: Lying::There(artifact.path().to_owned()),
        })
    }

    /// Where the zip lies, for as long as this value lives.
    pub fn path(&self) -> &Path {
        match &self.file {
            Lying::Temporary(file) => file.path(),
            Lying::There(path) => path,
        }
    }

    /// The zip's bytes from the start. Each call gives a reader of its own, so that a request can be sent again.
    pub fn open_file(&self) -> io::Result<File> {
        match &self.file {
            Lying::Temporary(file) => file.reopen(),
            Lying::There(path) => File::open(path),
        }
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

    fn add(&mut self, reader: &mut PackedReader, file: &ArtifactFile) -> Result<(), ArtifactError> {
        let mut hasher = Hasher::default();
        self.writer
            .start_file(&file.path, entry_options(file.size))
            .map_err(|error| unwritable(error.into()))?;
        reader.stream(file, &mut |piece| {
            hasher.update(piece);
            self.writer.write_all(piece).map_err(unwritable)
        })?;
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
            file: Lying::Temporary(file),
        })
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::{Read, Seek};
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;
    use zip::ZipArchive;

    use super::*;
    use crate::artifact::MANIFEST_PATH;
    use crate::artifact::sample::{MODEL_PATH, SCRIPT_PATH, Sample, manifest};

    fn pack(sample: &Sample) -> Archive {
        Archive::pack(&sample.open(), &PackOptions::default()).unwrap()
    }

    fn bytes(archive: &Archive) -> Vec<u8> {
        let mut bytes = Vec::new();
        archive.copy_to(&mut bytes).unwrap();
        bytes
    }

    fn unpacked(archive: &Archive) -> Vec<(String, Vec<u8>)> {
        let mut zip = ZipArchive::new(archive.open_file().unwrap()).unwrap();
        let mut files = Vec::new();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((entry.name().unwrap().into_owned(), bytes));
        }
        files
    }

    fn files_below(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| {
                if path.is_dir() {
                    files_below(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }

    #[test]
    fn the_zip_holds_exactly_the_files_in_the_order_of_their_paths() {
        let sample = Sample::flow()
            .with("src/main/resources/lib/a.jar", [0, 255])
            .with("src/empty", "");
        let packed = unpacked(&pack(&sample));
        let mut expected: Vec<_> = files_below(sample.path())
            .into_iter()
            .map(|path| {
                let inside = path
                    .strip_prefix(sample.path())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                (inside, fs::read(path).unwrap())
            })
            .collect();
        expected.sort();
        assert_eq!(packed, expected);
    }

    #[test]
    fn the_same_files_give_the_same_bytes_at_any_time() {
        let sample = Sample::flow();
        let before = pack(&sample);
        for path in files_below(sample.path()) {
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let after = pack(&sample);
        assert_eq!(bytes(&before), bytes(&after));
        assert_eq!(
            (before.content, before.zip, before.size),
            (after.content, after.zip, after.size)
        );
    }

    #[test]
    fn a_zip_and_its_unpacked_directory_have_the_same_digests() {
        let sample = Sample::flow();
        let archive = pack(&sample);
        let directory = Sample::empty().with("a.zip", bytes(&archive));
        let again = Artifact::open(&directory.path().join("a.zip")).unwrap();
        let again = Archive::pack(&again, &PackOptions::default()).unwrap();
        assert_eq!((again.content, again.zip), (archive.content, archive.zip));
    }

    #[test]
    fn the_content_digest_is_that_of_sha256sum() {
        let sample = Sample::of_type("ScriptCollection")
            .with("src/b", "2")
            .with("src/a b", "1");
        let mut lines = Vec::new();
        for path in ["META-INF/MANIFEST.MF", "src/a b", "src/b"] {
            let digest = Digest::of(&fs::read(sample.path().join(path)).unwrap());
            writeln!(lines, "{digest}  {path}").unwrap();
        }
        assert_eq!(pack(&sample).content, Digest::of(&lines));
    }

    #[test]
    fn the_digest_and_size_of_the_zip_are_those_of_its_bytes() {
        let archive = pack(&Sample::flow());
        assert_eq!(archive.zip, Digest::of(&bytes(&archive)));
        assert_eq!(archive.size, bytes(&archive).len() as u64);
    }

    /// Changes when the zip or deflate package is updated: a reason for a note in the change log, as every user sees
    /// other zip digests then.
    #[test]
    fn the_bytes_of_a_zip_are_pinned() {
        let archive = pack(
            &Sample::of_type("ScriptCollection").with("src/ä", "some text, some text, some text"),
        );
        let zip = bytes(&archive);
        let central = zip
            .windows(4)
            .position(|window| window == b"PK\x01\x02")
            .unwrap();
        assert_eq!(zip[central + 5], 3, "made on Unix, wherever it is made");
        assert_eq!(
            &zip[central + 12..central + 16],
            &[0, 0, 0x21, 0],
            "1980-01-01 00:00:00"
        );
        assert_eq!(
            &zip[central + 38..central + 42],
            &(0o100_644_u32 << 16).to_le_bytes(),
            "mode 0644"
        );
        let second = central
            + 4
            + zip[central + 4..]
                .windows(4)
                .position(|window| window == b"PK\x01\x02")
                .unwrap();
        assert_eq!(
            zip[second + 9] & 0x08,
            0x08,
            "the UTF-8 flag of a name that is not ASCII"
        );
    }

    #[test]
    fn each_reader_of_the_archive_begins_at_the_start() {
        let archive = pack(&Sample::flow());
        let mut first = archive.open_file().unwrap();
        io::copy(&mut first, &mut io::sink()).unwrap();
        let mut second = archive.open_file().unwrap();
        assert_eq!(second.stream_position().unwrap(), 0);
        assert_eq!(
            io::copy(&mut second, &mut io::sink()).unwrap(),
            archive.size
        );
        assert_eq!(first.stream_position().unwrap(), archive.size);
    }

    #[test]
    fn another_id_and_name_change_the_packed_manifest_and_nothing_else() {
        let sample = Sample::flow();
        let options = PackOptions {
            id: Some("Copy".into()),
            name: Some("A Copy".into()),
            ..PackOptions::default()
        };
        let packed: BTreeMap<_, _> = unpacked(&Archive::pack(&sample.open(), &options).unwrap())
            .into_iter()
            .collect();
        let expected = manifest("IntegrationFlow")
            .replace("Orders_To_Warehouse;", "Copy;")
            .replace("Orders to Warehouse", "A Copy");
        assert_eq!(
            String::from_utf8(packed[MANIFEST_PATH].clone()).unwrap(),
            expected
        );
        let rest = |mut files: BTreeMap<String, Vec<u8>>| {
            files.remove(MANIFEST_PATH);
            files
        };
        assert_eq!(
            rest(packed),
            rest(unpacked(&pack(&sample)).into_iter().collect())
        );
        assert_eq!(
            fs::read_to_string(sample.path().join(MANIFEST_PATH)).unwrap(),
            manifest("IntegrationFlow")
        );
    }

    #[test]
    fn replaced_bytes_are_packed_instead_of_the_file() {
        let options = PackOptions {
            replaced: [
                (SCRIPT_PATH.to_owned(), b"return 2".to_vec()),
                ("absent".to_owned(), b"x".to_vec()),
            ]
            .into(),
            ..PackOptions::default()
        };
        let replaced = Archive::pack(&Sample::flow().open(), &options).unwrap();
        let expected = pack(&Sample::flow().with(SCRIPT_PATH, "return 2"));
        assert_eq!(bytes(&replaced), bytes(&expected));
    }

    #[test]
    fn a_file_that_changes_or_vanishes_meanwhile_is_an_error() {
        let sample = Sample::flow();
        let artifact = sample.open();
        let sample = sample.with(SCRIPT_PATH, "grown since then");
        let error = Archive::pack(&artifact, &PackOptions::default()).unwrap_err();
        assert!(
            matches!(&error, ArtifactError::Changed { at } if at.contains("log.groovy")),
            "{error}"
        );
        let _sample = sample.without(MODEL_PATH);
        let error = Archive::pack(&artifact, &PackOptions::default()).unwrap_err();
        assert!(matches!(error, ArtifactError::Changed { .. }), "{error}");
    }

    #[test]
    fn the_temporary_file_goes_with_the_archive() {
        let archive = pack(&Sample::flow());
        let path = archive.path().to_owned();
        assert!(path.exists());
        drop(archive);
        assert!(!path.exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn unpacking_gives_the_same_tree(
            files in proptest::collection::btree_map("f[a-zä ;=&@()#.-]{0,8}", proptest::collection::vec(any::<u8>(), 0..300), 0..6),
        ) {
            let mut sample = Sample::of_type("ScriptCollection");
            let mut expected = BTreeMap::from([(MANIFEST_PATH.to_owned(), manifest("ScriptCollection").into_bytes())]);
            for (name, bytes) in files {
                let path = format!("src/main/resources/{name}");
                sample = sample.with(&path, &bytes);
                expected.insert(path, bytes);
            }
            let archive = pack(&sample);
            let packed = unpacked(&archive);
            prop_assert!(packed.is_sorted());
            prop_assert_eq!(packed.into_iter().collect::<BTreeMap<_, _>>(), expected);
            prop_assert_eq!(pack(&sample).zip, archive.zip);
        }
    }
}
