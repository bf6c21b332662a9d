//! Files that are written as a whole or not at all: nobody ever reads half of one.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::Builder;

/// Writes beside `target` and renames. An existing file is replaced, missing folders are made.
pub fn replace(target: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let directory = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let mut file = readable(&mut Builder::new()).tempfile_in(directory)?;
    write(file.as_file_mut())?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file is for its owner alone; what other stages of a pipeline read is not.
#[cfg(unix)]
fn readable<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    builder
}
