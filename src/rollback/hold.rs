//! One run at a time works on what is kept of an artifact: two in the same directory would take each other for killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::state_files;

/// The right to write and to take up what is kept of one artifact. It ends with the process, however that ends. Its file
/// stays: were it removed, one run could lock the removed file and another a new one of that name.
pub(super) struct Hold {
    /// `None` where the file system knows no locks.
    _file: Option<File>,
}

impl Hold {
    /// Takes it; `None` while another run has it. `note`: where the note lies.
    pub(super) fn take(note: &Path) -> Option<Self> {
        let path = Self::place(note);
        // a directory that can't be written is told where the content is to be saved
        if state_files::own_directory(note.parent().unwrap_or(Path::new(""))).is_err() {
            return Some(Self { _file: None });
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
        let Ok(file) = open else {
            return Some(Self { _file: None });
        };
        match file.try_lock() {
            Ok(()) => Some(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(_)) => Some(Self { _file: None }),
        }
    }

    /// Its file.
    pub(super) fn place(note: &Path) -> PathBuf {
        let file = Path::new(note.file_name().unwrap_or_default());
        let own = note.with_file_name(state_files::OWN);
        own.join(file.with_extension("lock"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

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
    }

    #[test]
    fn many_that_take_it_again_and_again_never_have_it_together() {
        let directory = tempfile::tempdir().unwrap();
        let note = directory.path().join("note.json");
        let (holders, begin) = (AtomicUsize::new(0), Barrier::new(4));
        let work = || {
            begin.wait();
            for _ in 0..5000 {
                if let Some(hold) = Hold::take(&note) {
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(hold);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(work);
            }
        });
        let first = Hold::take(&note);
        let file = Hold::place(&note);
        drop(first);
        assert!(file.is_file());
    }
}
