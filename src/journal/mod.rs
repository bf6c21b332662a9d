//! The journal: what a run writes down for the next one, in one directory, `.flowship`. One file for each artifact and kind of
//! entry, written as a whole or not at all, for its owner alone, under a seal of the credentials; and backups, which are
//! ordinary files for people.
//!
//! `recovery/` is for a run that was killed, `proof/` spares work and may be cached. Everything in them is held against what
//! the tenant shows. It knows nothing of plans: only tenants, artifacts and plain values.

mod backup;
mod entry;
mod seal;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use self::seal::SealKey;
use crate::artifact::{ArtifactKind, Digest, JOURNAL_DIRECTORY};
use crate::settings::secret::Secret;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::ArtifactId;
use crate::text::hex;
use crate::whole_file;

pub(crate) use self::backup::quoted;
pub use self::backup::{Backup, set_command, set_options};
pub use self::entry::{CalledTask, Entry, Proof, Recovery, SavedFile, SavedValue, Snapshot, Was};

/// More than any entry has, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// By how much the date of an entry may be ahead of the tenant's clock, in milliseconds.
const AHEAD: i64 = 10 * 60 * 1000;
/// After how many milliseconds an entry is old.
const OLD: i64 = 24 * 60 * 60 * 1000;
/// The file with the salt of the directory.
const SALT: &str = "salt";

/// The journal of one tenant, as these credentials see it.
pub struct Journal {
    directory: PathBuf,
    tenant: String,
    run: String,
    key: Arc<DirectoryKey>,
    complained: AtomicBool,
    /// The tenant outlives the run: a proof is of use to another one.
    pub(crate) lasting: bool,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The type of the artifact.
    pub kind: ArtifactKind,
    /// Its id.
    pub id: &'a ArtifactId,
}

/// An entry, and when it was changed last, by the tenant's clock where that is known.
#[derive(Default, Serialize, Deserialize)]
struct Dated<E> {
    written: TenantTime,
    entry: E,
}

/// Why an entry or a backup is not used.
#[derive(Debug, thiserror::Error)]
pub enum NotUsed {
    /// It can't be read.
    #[error("can't be read: {0}")]
    Read(#[from] io::Error),
    /// Other credentials wrote it.
    #[error("was written with other credentials and is ignored")]
    OtherKey,
    /// It was changed, or it is not from flowship.
    #[error("is not what flowship wrote with these credentials")]
    Broken,
}

/// The right of one run to work with the snapshot of one artifact: two runs in the same directory would take each other for
/// killed. It ends with the process, however that ends. Its file stays: were it removed, one run could lock the removed file
/// and another a new one of that name.
pub struct Hold {
    /// `None` where the directory can't be written, or the file system knows no locks.
    _file: Option<File>,
}

/// The key of a directory, derived once in a run, and only when an entry is there or is written.
struct DirectoryKey {
    directory: PathBuf,
    secret: Secret,
    key: OnceLock<Result<SealKey, String>>,
}

impl DirectoryKey {
    fn get(&self) -> io::Result<&SealKey> {
        let derive = || {
            let salt = salt(&self.directory).map_err(|error| error.to_string())?;
            Ok(SealKey::derive(&self.secret, &salt))
        };
        let key = self.key.get_or_init(derive);
        key.as_ref().map_err(|why| io::Error::other(why.as_str()))
    }

    /// The key, where entries may have been written with it.
    fn present(&self) -> Option<&SealKey> {
        let is_there = self.key.get().is_some() || self.directory.join(SALT).is_file();
        is_there.then(|| self.get().ok())?
    }
}

impl Journal {
    /// The journal in a directory that may not be there yet. `tenant`: whatever tells it from every other, the location of its
    /// runtime included. `secret`: that of the credentials.
    pub fn open(directory: &Path, tenant: String, secret: Secret) -> Self {
        let directory = directory.join(JOURNAL_DIRECTORY);
        let key = DirectoryKey {
            directory: directory.clone(),
            secret,
            key: OnceLock::new(),
        };
        let journal = Self {
            run: random().unwrap_or_default(),
            key: Arc::new(key),
            complained: AtomicBool::new(false),
            lasting: true,
            directory,
            tenant,
        };
        if journal.directory.join(SALT).is_file() {
            journal.prepare();
        }
        journal
    }

    /// Begins to derive the key, which takes its time, while the network is waited for.
    pub fn prepare(&self) {
        let key = Arc::clone(&self.key);
        thread::spawn(move || {
            let _ = key.get();
        });
    }

    /// The entry of an artifact. What these credentials did not write is not used; a date that is ahead of the tenant's is none.
    pub fn entry<E: Entry>(&self, of: Subject<'_>, now: TenantTime) -> Result<E, NotUsed> {
        let Dated { written, mut entry } = self.read::<E>(of)?;
        match now.0.saturating_sub(written.0) {
            age if age < -AHEAD => return Ok(E::default()),
            age if age > OLD => entry.grow_old(),
            _ => {}
        }
        Ok(entry)
    }

    fn read<E: Entry>(&self, of: Subject<'_>) -> Result<Dated<E>, NotUsed> {
        let sealed = match whole_file::read_ordinary(&self.place::<E>(of), LARGEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Dated::default()),
            sealed => sealed?,
        };
        let key = self.key.present().ok_or(NotUsed::OtherKey)?;
        let content = key.open(&self.name::<E>(of), &sealed)?;
        serde_json::from_slice(content).map_err(|_| NotUsed::Broken)
    }

    /// Changes the entry of an artifact; one in which nothing is left is removed. A file that is not used is kept beside it,
    /// because a person may still need it. `now`: `None` where its date does not change.
    pub fn update<E: Entry>(
        &self,
        of: Subject<'_>,
        now: Option<TenantTime>,
        change: impl FnOnce(&mut E),
    ) -> io::Result<()> {
        let _lock = self.lock();
        let (place, found) = (self.place::<E>(of), self.read::<E>(of));
        let is_used = found.is_ok();
        let before = found.unwrap_or_default();
        let mut after = Dated {
            written: now.unwrap_or(before.written),
            entry: before.entry.clone(),
        };
        change(&mut after.entry);
        if after.entry == before.entry {
            return Ok(());
        }
        if after.entry == E::default() {
            return fs::remove_file(place);
        }
        self.folder(E::KIND)?;
        if !is_used {
            fs::rename(&place, place.with_extension("set-aside.json"))?;
        }
        let content = serde_json::to_vec_pretty(&after)?;
        let sealed = self.key.get()?.seal(&self.name::<E>(of), &content);
        whole_file::replace_private(&place, |file| file.write_all(&sealed))
    }

    /// Where the entry of an artifact lies.
    pub fn place<E: Entry>(&self, of: Subject<'_>) -> PathBuf {
        self.directory.join(self.name::<E>(of))
    }

    /// What tells this run from every other.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// A digest of a value that only these credentials can make.
    pub fn digest(&self, of: &str, value: &str) -> Option<String> {
        Some(self.key.get().ok()?.digest(of, value))
    }

    /// Takes the right to work with the snapshot of an artifact; `None` while another run has it.
    pub fn hold(&self, of: Subject<'_>) -> Option<Hold> {
        let file = self.folder("locks").and_then(|_| open(&self.lock_of(of)));
        let locked = file.map(|file| (file.try_lock(), file));
        match locked {
            Ok((Err(TryLockError::WouldBlock), _)) => None,
            Err(error) if error.kind() == ErrorKind::InvalidInput => None,
            Ok((Ok(()), file)) => Some(Hold { _file: Some(file) }),
            // a directory that can't be written is told where a snapshot is to be saved
            Ok((Err(TryLockError::Error(_)), _)) | Err(_) => Some(Hold { _file: None }),
        }
    }

    /// The file that shows who works with the snapshot of an artifact.
    pub fn lock_of(&self, of: Subject<'_>) -> PathBuf {
        let name = self.digest_of(of) + ".lock";
        self.directory.join("locks").join(name)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it is told for the first time that the directory can't be written.
    pub fn complains(&self) -> bool {
        !self.complained.swap(true, Ordering::Relaxed)
    }

    /// For the moment of one change, whoever else makes one waits.
    fn lock(&self) -> Option<File> {
        // where nothing is written down yet, nothing is read either
        let folder = self.directory.is_dir().then(|| self.folder("locks"))?;
        let file = open(&folder.ok()?.join("changes.lock")).ok()?;
        file.lock().ok().map(|()| file)
    }

    fn name<E: Entry>(&self, of: Subject<'_>) -> String {
        format!("{}/{}.json", E::KIND, self.digest_of(of))
    }

    /// One name for each artifact of each tenant, whatever characters they have.
    fn digest_of(&self, of: Subject<'_>) -> String {
        let kind = of.kind.bundle_type();
        let subject = format!("{}\n{kind}\n{}", self.tenant, of.id);
        Digest::of(subject.as_bytes()).to_string()[..32].to_owned()
    }

    /// A directory in that of the journal; both are made, for their owner alone and nothing for Git.
    fn folder(&self, name: &str) -> io::Result<PathBuf> {
        own_directory(&self.directory)?;
        let folder = self.directory.join(name);
        make_directory(&folder)?;
        Ok(folder)
    }
}

fn own_directory(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    make_directory(directory)?;
    let ignore = directory.join(".gitignore");
    if fs::symlink_metadata(&ignore).is_err() {
        restrict(directory)?;
        fs::write(&ignore, "*\n")?;
    }
    Ok(())
}

/// A link could lead anywhere: it is no directory.
fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if fs::symlink_metadata(directory)?.is_dir() {
        return Ok(());
    }
    let why = format!("{} is no directory", directory.display());
    Err(io::Error::other(why))
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

/// Opens a lock file; it is made when there is none. A link could lead anywhere.
fn open(file: &Path) -> io::Result<File> {
    if fs::symlink_metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(ErrorKind::InvalidInput.into());
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
}

/// The salt of a directory; it is made when there is none. Of two runs that make one at the same time the first wins.
fn salt(directory: &Path) -> io::Result<Vec<u8>> {
    let file = directory.join(SALT);
    if fs::symlink_metadata(&file).is_err() {
        own_directory(directory)?;
        let mut fresh = NamedTempFile::new_in(directory)?;
        fresh.write_all(random()?.as_bytes())?;
        match fresh.persist_noclobber(&file) {
            Err(error) if error.error.kind() != ErrorKind::AlreadyExists => {
                return Err(error.error);
            }
            _ => {}
        }
    }
    let salt = whole_file::read_ordinary(&file, 64)?;
    if salt.len() == 32 {
        return Ok(salt);
    }
    let why = format!("{} is damaged: delete it", file.display());
    Err(io::Error::other(why))
}

/// Sixteen random bytes, as text.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives out no random numbers"))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests;
