//! An artifact as it lies in Git: written from a tenant's zip so that what did not change gives no difference.
//!
//! Bytes are the tenant's, but for what differs between two downloads of one unchanged artifact: the dates and the order in
//! `parameters.prop` and `metainfo.prop`. A file that says the same as the one that is there stays as it is, by the rules of
//! [`comparison`](super::comparison).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

use super::digest::Digest;
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::pack_options::PackOptions;
use super::packed::{Packed, PackedReader};
use super::properties::stable;
use super::value_mapping::VALUE_MAPPING_PATH;
use super::{
    Artifact, Comparable, DEFINITIONS_PATH, LARGEST_TEXT, MANIFEST_PATH, PARAMETERS_PATH,
    difference,
};
use crate::whole_file;

/// The file that tenants write anew at each download.
const METAINFO: &str = "metainfo.prop";
/// The files that are compared by what they say.
const BY_MEANING: [&str; 4] = [
    MANIFEST_PATH,
    PARAMETERS_PATH,
    DEFINITIONS_PATH,
    VALUE_MAPPING_PATH,
];

/// What an update of a working copy changed: paths inside the artifact.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Nothing was there before.
    pub new: bool,
    /// Written, because they were not there or said something else.
    pub written: Vec<String>,
    /// Removed, because the tenant's artifact has them no more.
    pub removed: Vec<String>,
}

/// Makes the directory hold what the artifact holds. `staging` is a directory on the same file system, in which files are
/// written before they are moved to their place: nobody ever reads half of one. What lies beside the artifact's own files
/// stays. No link is followed. `configured`: values that the tenant may have put into `parameters.prop`.
pub fn update(
    source: &Artifact,
    options: &PackOptions,
    configured: &BTreeMap<String, String>,
    directory: &Path,
    staging: &Path,
) -> Result<Updated, ArtifactError> {
    let mut packed = Packed::of(source, options)?;
    let Some(local) = present(directory)? else {
        return write_new(&mut packed, directory, staging);
    };
    let kept = kept(source, options, configured, &local)?;
    let surplus = local
        .files()
        .iter()
        .filter(|file| source.file(&file.path).is_none());
    let mut updated = Updated {
        removed: remove_files(surplus, directory)?,
        ..Updated::default()
    };
    let rest = packed
        .files
        .iter()
        .filter(|file| !kept.contains(file.path.as_str()));
    updated.written = write_files(&mut packed.reader, rest, directory, staging)?;
    Ok(updated)
}

/// Writes a new artifact: where nothing is there, beside its place, and moves it there as a whole.
fn write_new(
    packed: &mut Packed,
    directory: &Path,
    staging: &Path,
) -> Result<Updated, ArtifactError> {
    let cannot = |error| unwritable(directory, error);
    let whole = Builder::new().tempdir_in(staging).map_err(cannot)?;
    let inside = whole.path().join("artifact");
    let is_there = directory.exists();
    let target = if is_there { directory } else { &inside };
    let written = write_files(&mut packed.reader, packed.files.iter(), target, staging)?;
    if !is_there {
        let folder = directory.parent().unwrap_or(directory);
        fs::create_dir_all(folder).map_err(cannot)?;
        fs::rename(&inside, directory).map_err(cannot)?;
    }
    Ok(Updated {
        new: true,
        written,
        ..Updated::default()
    })
}

/// Writes files unless those that are there have the same bytes; which it did.
fn write_files<'f>(
    reader: &mut PackedReader,
    files: impl Iterator<Item = &'f ArtifactFile>,
    directory: &Path,
    staging: &Path,
) -> Result<Vec<String>, ArtifactError> {
    let mut written = Vec::new();
    for file in files {
        if write_one(reader, file, &prepared(directory, &file.path)?, staging)? {
            written.push(file.path.clone());
        }
    }
    Ok(written)
}

/// Removes the files of an artifact that the tenant has no more; what lies beside them stays.
pub fn remove(directory: &Path) -> Result<Vec<String>, ArtifactError> {
    let Some(local) = present(directory)? else {
        return Ok(Vec::new());
    };
    let removed = remove_files(local.files().iter(), directory)?;
    // a directory that holds something else stays
    let _ = fs::remove_dir(directory);
    Ok(removed)
}

/// The artifact that lies there. One that can't be opened counts as none: it is written anew.
fn present(directory: &Path) -> Result<Option<Artifact>, ArtifactError> {
    let manifest = directory.join(MANIFEST_PATH);
    match fs::symlink_metadata(&manifest) {
        Ok(found) if found.is_file() => Ok(Artifact::open(directory).ok()),
        Ok(_) => Err(in_the_way(&manifest)),
        Err(_) => Ok(None),
    }
}

/// The paths that say the same here and there. The version of a manifest is part of what it says.
fn kept(
    source: &Artifact,
    options: &PackOptions,
    configured: &BTreeMap<String, String>,
    local: &Artifact,
) -> Result<BTreeSet<&'static str>, ArtifactError> {
    let here = Comparable::of(local, &PackOptions::default())?;
    let there = Comparable::of(source, options)?;
    let differing = difference(&here, &there, configured);
    let same_version = local.manifest().bundle_version() == source.manifest().bundle_version();
    let kept = BY_MEANING.into_iter().filter(|path| {
        let both = local.file(path).is_some() && source.file(path).is_some();
        both && differing.iter().all(|one| one.path != *path)
            && (*path != MANIFEST_PATH || same_version)
    });
    Ok(kept.collect())
}

fn remove_files<'f>(
    files: impl Iterator<Item = &'f ArtifactFile>,
    directory: &Path,
) -> Result<Vec<String>, ArtifactError> {
    let removed = files.map(|file| {
        remove_file(directory, &file.path)?;
        Ok(file.path.clone())
    });
    removed.collect()
}

/// Removes a file, and the folders that are empty without it.
fn remove_file(directory: &Path, path: &str) -> Result<(), ArtifactError> {
    let target = directory.join(path);
    match fs::remove_file(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(unwritable(&target, error));
        }
        _ => {}
    }
    for folder in target.ancestors().skip(1) {
        if folder == directory || fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes a file unless the one that is there has the same bytes; whether it did.
fn write_one(
    reader: &mut PackedReader,
    file: &ArtifactFile,
    path: &Path,
    staging: &Path,
) -> Result<bool, ArtifactError> {
    let cannot = |error| unwritable(path, error);
    let is_properties = matches!(file.path.as_str(), PARAMETERS_PATH | METAINFO);
    let bytes = if is_properties && file.size <= LARGEST_TEXT {
        Some(stable(&reader.bytes(file)?))
    } else {
        reader.changed(file)?
    };
    let is_same = match &bytes {
        Some(bytes) => fs::read(path).is_ok_and(|found| found == *bytes),
        None => has_same_bytes(reader, file, path)?,
    };
    if is_same {
        return Ok(false);
    }
    let mut staged = Builder::new().tempfile_in(staging).map_err(cannot)?;
    match bytes {
        Some(bytes) => staged.write_all(&bytes).map_err(cannot)?,
        None => reader.stream(file, &mut |piece| staged.write_all(piece).map_err(cannot))?,
    }
    whole_file::publish(staged, path).map_err(cannot)?;
    Ok(true)
}

fn has_same_bytes(
    reader: &mut PackedReader,
    file: &ArtifactFile,
    path: &Path,
) -> Result<bool, ArtifactError> {
    if !fs::metadata(path).is_ok_and(|found| found.len() == file.size) {
        return Ok(false);
    }
    let present = File::open(path).and_then(|mut present| Digest::of_reader(&mut present));
    let Ok(present) = present else {
        return Ok(false);
    };
    Ok(reader.digest(file)? == present)
}

/// The full path of a file, with its folders made. Nothing on the way may be a link, which could lead out of the directory, or
/// a file.
fn prepared(directory: &Path, inside: &str) -> Result<PathBuf, ArtifactError> {
    let mut path = directory.to_owned();
    fs::create_dir_all(&path).map_err(|error| unwritable(&path, error))?;
    let mut parts = inside.split('/').peekable();
    while let Some(part) = parts.next() {
        path.push(part);
        let is_last = parts.peek().is_none();
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() && !is_last => {}
            Ok(found) if found.is_file() && is_last => {}
            Ok(_) => return Err(in_the_way(&path)),
            Err(_) if is_last => {}
            Err(_) => fs::create_dir(&path).map_err(|error| unwritable(&path, error))?,
        }
    }
    Ok(path)
}

/// Why a name can't lie in every Git working copy, if it can't: Windows takes neither these characters nor these names.
pub fn unportable(path: &str) -> Option<String> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    path.split('/').find_map(|part| {
        let stem = part
            .split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let numbered = ["com", "lpt"].iter().any(|device| {
            let rest = stem.strip_prefix(device);
            rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
        });
        if part.contains(['<', '>', ':', '"', '|', '?', '*']) {
            Some(format!(
                "Windows takes none of < > : \" | ? * in a name, as in `{part}`"
            ))
        } else if part.ends_with([' ', '.']) {
            Some(format!(
                "Windows takes no blank or dot at the end of a name, as in `{part}`"
            ))
        } else if numbered || DEVICES.contains(&stem.as_str()) {
            Some(format!("`{part}` is a device on Windows"))
        } else {
            None
        }
    })
}

/// What of these names differs only in case, or can't be held by other systems.
pub fn clashes<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for path in paths {
        if let Some(other) = seen.insert(path.to_lowercase(), path) {
            found.push(format!(
                "`{path}` and `{other}` differ only in case: on Windows and macOS one overwrites the other"
            ));
        }
        found.extend(unportable(path));
    }
    found
}

fn in_the_way(path: &Path) -> ArtifactError {
    unwritable(
        path,
        io::Error::other("a link, a folder or a special file is in the way, and none is followed"),
    )
}

fn unwritable(path: &Path, source: io::Error) -> ArtifactError {
    ArtifactError::WriteFile {
        at: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Archive;
    use crate::artifact::sample::Sample;

    fn zipped(sample: &Sample) -> (Archive, Artifact) {
        let archive = Archive::pack(&sample.open(), &PackOptions::default()).unwrap();
        let artifact = Artifact::open(archive.path()).unwrap();
        (archive, artifact)
    }

    fn into(directory: &Path, source: &Artifact) -> Result<Updated, ArtifactError> {
        let staging = tempfile::tempdir_in(directory).unwrap();
        let none = BTreeMap::new();
        let target = directory.join("flow");
        update(
            source,
            &PackOptions::default(),
            &none,
            &target,
            staging.path(),
        )
    }

    #[test]
    fn the_same_again_writes_nothing_whatever_the_date_and_order_of_parameters() {
        let directory = tempfile::tempdir().unwrap();
        let first =
            Sample::flow().with(PARAMETERS_PATH, "#Tue Sep 26 12:45:37 UTC 2017\nb=1\na=2\n");
        let (_zip, artifact) = zipped(&first);
        let new = into(directory.path(), &artifact).unwrap();
        assert!(new.new && new.written.contains(&PARAMETERS_PATH.to_owned()));
        let written = fs::read(directory.path().join("flow").join(PARAMETERS_PATH)).unwrap();
        assert_eq!(written, b"a=2\nb=1\n");
        let again = Sample::flow().with(
            PARAMETERS_PATH,
            "#\n#Wed Sep 27 01:00:00 UTC 2017\na=2\nb=1\n",
        );
        let (_zip, artifact) = zipped(&again);
        assert_eq!(
            into(directory.path(), &artifact).unwrap(),
            Updated::default()
        );
    }

    #[test]
    fn files_that_are_gone_go_and_files_beside_them_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (_zip, artifact) = zipped(&Sample::flow().with("src/main/resources/lib/a.jar", "x"));
        into(directory.path(), &artifact).unwrap();
        fs::write(directory.path().join("flow/README.md"), "ours").unwrap();
        let (_zip, artifact) = zipped(&Sample::flow());
        let updated = into(directory.path(), &artifact).unwrap();
        assert_eq!(updated.removed, ["src/main/resources/lib/a.jar"]);
        assert!(
            !directory
                .path()
                .join("flow/src/main/resources/lib")
                .exists()
        );
        assert_eq!(
            fs::read(directory.path().join("flow/README.md")).unwrap(),
            b"ours"
        );
        remove(&directory.path().join("flow")).unwrap();
        assert!(directory.path().join("flow/README.md").exists());
        assert!(!directory.path().join("flow/META-INF").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_never_followed() {
        let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(directory.path().join("flow")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), directory.path().join("flow/src")).unwrap();
        let (_zip, artifact) = zipped(&Sample::flow());
        let error = into(directory.path(), &artifact).unwrap_err();
        assert!(error.to_string().contains("in the way"), "{error}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_other_systems_cannot_hold_are_told() {
        for name in ["a/aux.txt", "CON", "a:b", "x ", "d./e", "LPT1.xsl"] {
            assert!(unportable(name).is_some(), "{name}");
        }
        for name in ["auxiliary", "com10", "a b/c.d", "console.groovy"] {
            assert!(unportable(name).is_none(), "{name}");
        }
        assert_eq!(clashes(["a/B", "a/b"]).len(), 1);
    }
}
