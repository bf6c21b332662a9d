//! Files that are written as a whole or not at all: nobody ever reads half of one. And files that may be anybody's by now,
//! read within bounds.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

const NOT_ORDINARY: &str = "it is no ordinary file (a directory, a pipe or a device)";

/// Writes beside `target` and renames. Missing folders are made, a link is followed, an existing file keeps its mode.
/// What is no ordinary file (a pipe, `/dev/stdout`) is written to as it is: renaming would put a file in its place.
pub fn replace(target: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(found) if found.is_file() => {
            let target = fs::canonicalize(target)?;
            rename_over(&target, Some(found.permissions()), write)
        }
        Ok(_) => write(&mut OpenOptions::new().write(true).open(target)?),
        Err(_) => rename_over(target, new_permissions().into_iter().next(), write),
    }
}

/// Like [`replace`], for the eyes of its owner alone.
pub fn replace_private(
    target: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    rename_over(target, None, write)
}

/// Writes in the directory `staging`, which lies on the same file system, and moves the file to its place: an interrupted
/// process leaves nothing beside it. Missing folders are made; a link is replaced, not followed.
pub fn replace_from(
    staging: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    fs::create_dir_all(folder_of(target))?;
    rename_from(staging, target, new_permissions().into_iter().next(), write)
}

/// Reads a file that the user names, a link or not: never more than `largest` bytes, and never a pipe or a device, which
/// could be endless or make the run wait without end.
pub fn read_bounded(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other(NOT_ORDINARY));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(largest + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(io::Error::other(format!(
            "it is larger than {largest} bytes"
        )));
    }
    Ok(bytes)
}

/// Opens a file that may be anybody's by now: a link could lead anywhere, and a pipe or device has no end.
pub fn open_ordinary(file: &Path) -> io::Result<File> {
    if fs::symlink_metadata(file)?.is_file() {
        File::open(file)
    } else {
        Err(io::Error::other(NOT_ORDINARY))
    }
}

/// Reads such a file, `largest` bytes of it at the most.
pub fn read_ordinary(file: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_ordinary(file)?.take(largest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn folder_of(target: &Path) -> &Path {
    target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn rename_over(
    target: &Path,
    permissions: Option<Permissions>,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let directory = folder_of(target);
    fs::create_dir_all(directory)?;
    rename_from(directory, target, permissions, write)
}

fn rename_from(
    directory: &Path,
    target: &Path,
    permissions: Option<Permissions>,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = Builder::new().tempfile_in(directory)?;
    write(file.as_file_mut())?;
    persist(file, target, permissions)
}

/// Moves a file that was written in another directory of the same file system to its place, where others may read it.
pub(crate) fn publish(file: NamedTempFile, target: &Path) -> io::Result<()> {
    persist(file, target, new_permissions().into_iter().next())
}

fn persist(file: NamedTempFile, target: &Path, permissions: Option<Permissions>) -> io::Result<()> {
    if let Some(permissions) = permissions {
        fs::set_permissions(file.path(), permissions)?;
    }
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file is for its owner alone; what other stages of a pipeline read is not.
#[cfg(unix)]
fn new_permissions() -> [Permissions; 1] {
    use std::os::unix::fs::PermissionsExt;
    [Permissions::from_mode(0o644)]
}

#[cfg(not(unix))]
fn new_permissions() -> [Permissions; 0] {
    []
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_followed_and_a_mode_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_no_ordinary_file_is_not_replaced() {
        replace(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
