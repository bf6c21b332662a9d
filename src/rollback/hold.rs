//! One run at a time works on what is kept of an artifact: two in the same directory would take each other for killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The right to write and to take up what is kept of one artifact. It ends with the process, however that ends.
pub(super) struct Hold {
    /// `None` where the file system knows no locks.
    file: Option<File>,
    path: PathBuf,
}

impl Hold {
    /// Takes it; `None` while another run has it. `note`: where the note lies.
    pub(super) fn take(note: &Path) -> Option<Self> {
        let path = note.with_extension("lock");
        if let Some(directory) = path.parent() {
            let _ = fs::create_dir_all(directory);
        }
        // a link could lead anywhere
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return None;
        }
        let open = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        // a directory that can't be written is told where the content is to be saved
        let Ok(file) = open else {
            return Some(Self { file: None, path });
        };
        match file.try_lock() {
            Ok(()) => Some(Self {
                file: Some(file),
                path,
            }),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(_)) => Some(Self { file: None, path }),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_has_it_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let note = directory.path().join("note.json");
        let first = Hold::take(&note);
        assert!(first.is_some());
        assert!(Hold::take(&note).is_none());
        drop(first);
        assert!(Hold::take(&note).is_some());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
