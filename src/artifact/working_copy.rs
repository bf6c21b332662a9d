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

use super::archive::{PackOptions, packed, rewritten};
use super::contents::Contents;
use super::digest::{Digest, Hasher};
use super::error::ArtifactError;
use super::files::{ArtifactFile, unreadable};
use super::properties::stable;
use super::value_mapping::VALUE_MAPPING_PATH;
use super::{
    Artifact, Comparable, DEFINITIONS_PATH, LARGEST_TEXT, MANIFEST_PATH, Manifest, PARAMETERS_PATH,
    difference,
};

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
    let mut contents = Contents::reopen(source)?;
    let local = present(directory)?;
    let kept = match &local {
        Some(local) => kept(source, options, configured, local)?,
        None => BTreeSet::new(),
    };
    let mut updated = Updated {
        new: local.is_none(),
        ..Updated::default()
    };
    if updated.new && !directory.exists() {
        updated.written = write_new(&mut contents, source, options, directory, staging)?;
        return Ok(updated);
    }
    updated.removed = remove_surplus(source, local.as_ref(), directory)?;
    for file in source.files() {
        let target = Target {
            directory,
            path: &file.path,
            staging,
        };
        if !kept.contains(file.path.as_str()) && write_one(&mut contents, file, options, &target)? {
            updated.written.push(file.path.clone());
        }
    }
    Ok(updated)
}

/// Writes a new artifact beside its place and moves it there as a whole.
fn write_new(
    contents: &mut Contents,
    source: &Artifact,
    options: &PackOptions,
    directory: &Path,
    staging: &Path,
) -> Result<Vec<String>, ArtifactError> {
    let cannot = |error| unwritable(directory, error);
    let whole = Builder::new().tempdir_in(staging).map_err(cannot)?;
    let inside = whole.path().join("artifact");
    for file in source.files() {
        let target = Target {
            directory: &inside,
            path: &file.path,
            staging,
        };
        write_one(contents, file, options, &target)?;
    }
    let folder = directory.parent().unwrap_or(directory);
    fs::create_dir_all(folder).map_err(cannot)?;
    fs::rename(&inside, directory).map_err(cannot)?;
    Ok(source
        .files()
        .iter()
        .map(|file| file.path.clone())
        .collect())
}

/// Removes the files of an artifact that the tenant has no more; what lies beside them stays.
pub fn remove(directory: &Path) -> Result<Vec<String>, ArtifactError> {
    let Some(local) = present(directory)? else {
        return Ok(Vec::new());
    };
    let mut removed = Vec::new();
    for file in local.files() {
        remove_file(directory, &file.path)?;
        removed.push(file.path.clone());
    }
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
    let same_version = version(local.manifest()) == version(source.manifest());
    let kept = BY_MEANING.into_iter().filter(|path| {
        let both = local.file(path).is_some() && source.file(path).is_some();
        both && differing.iter().all(|one| one.path != *path)
            && (*path != MANIFEST_PATH || same_version)
    });
    Ok(kept.collect())
}

fn version(manifest: &Manifest) -> Option<&str> {
    manifest.bundle_version()
}

fn remove_surplus(
    source: &Artifact,
    local: Option<&Artifact>,
    directory: &Path,
) -> Result<Vec<String>, ArtifactError> {
    let mut removed = Vec::new();
    for file in local.map(Artifact::files).unwrap_or_default() {
        if source.file(&file.path).is_none() {
            remove_file(directory, &file.path)?;
            removed.push(file.path.clone());
        }
    }
    Ok(removed)
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

/// Where a file of the artifact belongs.
struct Target<'a> {
    directory: &'a Path,
    path: &'a str,
    staging: &'a Path,
}

/// Writes a file unless the one that is there has the same bytes; whether it did.
fn write_one(
    contents: &mut Contents,
    file: &ArtifactFile,
    options: &PackOptions,
    target: &Target<'_>,
) -> Result<bool, ArtifactError> {
    let path = target.prepared()?;
    let is_properties = matches!(file.path.as_str(), PARAMETERS_PATH | METAINFO);
    let bytes = if is_properties && file.size <= LARGEST_TEXT {
        Some(stable(&packed(contents, file, options)?))
    } else {
        rewritten(contents, file, options)?
    };
    if let Some(bytes) = bytes {
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            return Ok(false);
        }
        return target.write(&path, |out| {
            out.write_all(&bytes)
                .map_err(|error| unwritable(&path, error))
        });
    }
    if has_same_bytes(contents, file, &path)? {
        return Ok(false);
    }
    target.write(&path, |out| {
        contents.stream(file, &mut |piece| {
            out.write_all(piece)
                .map_err(|error| unwritable(&path, error))
        })
    })
}

fn has_same_bytes(
    contents: &mut Contents,
    file: &ArtifactFile,
    path: &Path,
) -> Result<bool, ArtifactError> {
    if !fs::metadata(path).is_ok_and(|found| found.len() == file.size) {
        return Ok(false);
    }
    let Ok(mut present) = File::open(path) else {
        return Ok(false);
    };
    let mut hasher = Hasher::default();
    contents.stream(file, &mut |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(Digest::of_reader(&mut present).is_ok_and(|digest| digest == hasher.finish()))
}

impl Target<'_> {
    /// The full path, with its folders made. Nothing on the way may be a link, which could lead out of the directory, or a
    /// file.
    fn prepared(&self) -> Result<PathBuf, ArtifactError> {
        let mut path = self.directory.to_owned();
        fs::create_dir_all(&path).map_err(|error| unwritable(&path, error))?;
        let mut parts = self.path.split('/').peekable();
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

    /// Writes beside the directory and moves the file to its place.
    fn write(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> Result<(), ArtifactError>,
    ) -> Result<bool, ArtifactError> {
        let cannot = |error| unwritable(path, error);
        let mut file = Builder::new().tempfile_in(self.staging).map_err(cannot)?;
        write(file.as_file_mut())?;
        readable_by_all(file.path()).map_err(cannot)?;
        file.persist(path).map_err(|error| cannot(error.error))?;
        Ok(true)
    }
}

/// A temporary file is for its owner alone; what lies in Git is not.
fn readable_by_all(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    }
    let _ = path;
    Ok(())
}

/// Why a name can't lie in every Git working copy, if it can't: Windows takes neither these characters nor these names.
#[must_use]
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
#[must_use]
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
    match unreadable(path, source) {
        ArtifactError::Read { at, source } => ArtifactError::WriteFile { at, source },
        other => other,
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
