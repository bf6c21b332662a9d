//! What a run writes down for the next one, in the one place where such files are read and written: as a whole, for its
//! owner alone, and under a seal. What these credentials did not write is not used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use tempfile::NamedTempFile;

use crate::journal_seal::{self, Salt, SealKey, Unopened};
use crate::settings::secret::Secret;
use crate::whole_file;

/// More than any such file has, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// The directory of what stays when a run has ended.
pub(crate) const OWN: &str = ".flowship";

/// The files of these credentials.
pub(crate) struct StateFiles {
    secret: Secret,
    /// The keys of the directories. Deriving one takes its time, so each is derived once, and only when it is needed.
    keys: Mutex<BTreeMap<PathBuf, Arc<SealKey>>>,
    /// Files that other credentials wrote and nobody has told yet.
    others: Mutex<BTreeSet<PathBuf>>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    /// It can't be read.
    #[error("can't be read: {0}")]
    Read(#[from] io::Error),
    /// Other credentials wrote it.
    #[error("was written with other credentials")]
    OtherKey,
    /// It was changed, or something else than flowship wrote it.
    #[error("is not what flowship wrote with these credentials")]
    Broken,
}

impl StateFiles {
    /// Those of whoever holds this secret.
    pub(crate) fn new(secret: Secret) -> Self {
        Self {
            secret,
            keys: Mutex::default(),
            others: Mutex::default(),
        }
    }

    /// The content of a file that these credentials wrote.
    pub(crate) fn read(&self, file: &Path) -> Result<Vec<u8>, NotOurs> {
        let sealed = whole_file::read_ordinary(file, LARGEST)?;
        let opened = match self.present_key(folder_of(file)) {
            Some(key) => key.open(&name_of(file), &sealed).map(<[u8]>::to_vec),
            None => Err(Unopened::OtherKey),
        };
        opened.map_err(|unopened| match unopened {
            Unopened::Broken => NotOurs::Broken,
            Unopened::OtherKey => {
                lock(&self.others).insert(file.to_owned());
                NotOurs::OtherKey
            }
        })
    }

    /// Writes a file. One that other credentials wrote is kept beside it: a person may still need it.
    pub(crate) fn write(&self, file: &Path, content: &[u8]) -> io::Result<()> {
        if matches!(self.read(file), Err(NotOurs::OtherKey)) {
            fs::rename(file, file.with_extension("other-key.json"))?;
        }
        let sealed = self.key(folder_of(file))?.seal(&name_of(file), content);
        whole_file::replace_private(file, |target| target.write_all(&sealed))
    }

    /// The files that other credentials wrote, each told once.
    pub(crate) fn of_others(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut *lock(&self.others))
    }

    /// The key of a directory in which these credentials, or others, have written before.
    fn present_key(&self, directory: &Path) -> Option<Arc<SealKey>> {
        let is_known = lock(&self.keys).contains_key(directory);
        let has_salt = || directory.join(OWN).join("salt").is_file();
        (is_known || has_salt()).then(|| self.key(directory).ok())?
    }

    /// The key of a directory.
    fn key(&self, directory: &Path) -> io::Result<Arc<SealKey>> {
        // held meanwhile: another thread would derive the same
        let mut keys = lock(&self.keys);
        if let Some(key) = keys.get(directory) {
            return Ok(Arc::clone(key));
        }
        let salt = salt(&own_directory(directory)?)?;
        let key = Arc::new(SealKey::derive(&self.secret, &salt));
        keys.insert(directory.to_owned(), Arc::clone(&key));
        Ok(key)
    }
}

/// The directory of what stays when a run has ended, for its owner alone and nothing for Git. It is made.
pub(crate) fn own_directory(directory: &Path) -> io::Result<PathBuf> {
    let own = directory.join(OWN);
    fs::create_dir_all(directory)?;
    match fs::create_dir(&own) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // a link could lead anywhere
    if !fs::symlink_metadata(&own)?.is_dir() {
        return Err(io::Error::other(format!(
            "{} is no directory",
            own.display()
        )));
    }
    let ignore = own.join(".gitignore");
    if fs::symlink_metadata(&ignore).is_err() {
        restrict(&own)?;
        fs::write(&ignore, "*\n")?;
    }
    Ok(own)
}

#[cfg(unix)]
fn restrict(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The salt of a directory; it is made when there is none. Of two runs that make one at the same time the first wins.
fn salt(own: &Path) -> io::Result<Salt> {
    let file = own.join("salt");
    if fs::symlink_metadata(&file).is_err() {
        let mut salt = Salt::default();
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| io::Error::other("the system gives out no random numbers"))?;
        let mut fresh = NamedTempFile::new_in(own)?;
        fresh.write_all(journal_seal::hex(&salt).as_bytes())?;
        if let Err(error) = fresh.persist_noclobber(&file)
            && error.error.kind() != ErrorKind::AlreadyExists
        {
            return Err(error.error);
        }
    }
    let text = whole_file::read_ordinary(&file, 64)?;
    let bytes = std::str::from_utf8(&text)
        .ok()
        .and_then(journal_seal::bytes);
    let salt = bytes.and_then(|bytes| Salt::try_from(bytes).ok());
    salt.ok_or_else(|| io::Error::other(format!("{} is damaged: delete it", file.display())))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(secret: &str) -> StateFiles {
        StateFiles::new(Secret::new(secret))
    }

    #[test]
    fn only_what_these_credentials_wrote_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("flowship-note.json");
        assert!(matches!(of("a").read(&file), Err(NotOurs::Read(_))));
        fs::write(&file, "{}").unwrap();
        // nothing is derived, and nothing written, for a file in a directory where nobody has written
        assert!(matches!(of("a").read(&file), Err(NotOurs::OtherKey)));
        assert!(!directory.path().join(OWN).exists());
        of("a").write(&file, b"content").unwrap();
        assert_eq!(of("a").read(&file).unwrap(), b"content");
        let other = of("b");
        assert!(matches!(other.read(&file), Err(NotOurs::OtherKey)));
        assert_eq!(other.of_others().len(), 1);
        assert_eq!(other.of_others().len(), 0);
        fs::write(&file, "{}").unwrap();
        assert!(matches!(of("a").read(&file), Err(NotOurs::Broken)));
    }

    #[test]
    fn what_other_credentials_wrote_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("flowship-note.json");
        of("a").write(&file, b"of a").unwrap();
        of("b").write(&file, b"of b").unwrap();
        assert_eq!(of("b").read(&file).unwrap(), b"of b");
        let kept = directory.path().join("flowship-note.other-key.json");
        assert!(fs::read(&kept).unwrap().ends_with(b"of a"));
    }

    #[test]
    fn a_seal_does_not_hold_in_another_directory() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let file = |directory: &tempfile::TempDir| directory.path().join("flowship-note.json");
        let files = of("a");
        files.write(&file(&one), b"content").unwrap();
        files.write(&file(&other), b"other").unwrap();
        fs::copy(file(&one), file(&other)).unwrap();
        assert!(matches!(files.read(&file(&other)), Err(NotOurs::OtherKey)));
    }

    #[test]
    fn a_damaged_salt_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("flowship-note.json");
        let own = own_directory(directory.path()).unwrap();
        fs::write(own.join("salt"), "0123").unwrap();
        let error = of("a").write(&file, b"content").unwrap_err();
        assert!(
            error.to_string().ends_with("salt is damaged: delete it"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(own.join(".gitignore")).unwrap(), "*\n");
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_nobody_else_reads() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), directory.path().join(OWN)).unwrap();
        assert!(own_directory(directory.path()).is_err());
        let own = own_directory(elsewhere.path()).unwrap();
        let mode = fs::metadata(own).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
