//! Content of the tenant that is saved before it is written over: an ordinary zip, the values that were configured in a file
//! beside it, and the command that puts both back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Journal, NotUsed, SavedFile, Subject};
use crate::artifact::{ArtifactKind, Digest, properties};
use crate::whole_file;

impl Journal {
    /// Saves content for its owner alone, under a name that no other backup has: id, version, time, and a digest of tenant and
    /// id. Only characters that every file system takes.
    pub fn save(
        &self,
        of: Subject<'_>,
        version: &str,
        now: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<SavedFile> {
        let time: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
        let (id, version) = (plain(&of.id.0), plain(version));
        let name = format!("{id}-{version}-{time}-{}.zip", &self.digest_of(of)[..8]);
        self.folder("backups")?;
        let zip = self.backup(&name);
        whole_file::replace_private(&zip, write)?;
        let sha256 = Digest::of_reader(&mut File::open(zip)?)?.to_string();
        Ok(SavedFile { name, sha256 })
    }

    /// Where a backup lies.
    pub fn backup(&self, name: &str) -> PathBuf {
        self.directory.join("backups").join(name)
    }

    /// A backup that is as it was saved, byte by byte.
    pub fn saved(&self, file: &SavedFile) -> Result<PathBuf, NotUsed> {
        let zip = self.backup(&file.name);
        let digest = Digest::of_reader(&mut whole_file::open_ordinary(&zip)?)?;
        if digest.to_string() == file.sha256 {
            Ok(zip)
        } else {
            Err(NotUsed::Broken)
        }
    }
}

fn plain(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let text = text.chars().map(|c| if plain(c) { c } else { '_' });
    text.take(90).collect()
}

/// A backup, and what is to be known to put it back by hand.
pub struct Backup<'a> {
    /// The zip.
    pub zip: &'a Path,
    /// The type of the artifact.
    pub kind: ArtifactKind,
    /// Its id on the tenant.
    pub id: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// Its package.
    pub package: &'a str,
    /// The options with which a command finds the same tenant.
    pub reach: &'a [String],
}

impl Backup<'_> {
    /// The command that puts it back, for a POSIX shell. `deploys`: it is to run, too.
    pub fn command(&self, deploys: bool) -> String {
        let mut words = vec!["flowship deploy".to_owned()];
        let mut add = |word: &str| words.push(quoted(word));
        add(&self.zip.display().to_string());
        for word in ["--package", self.package, "--id", self.id] {
            add(word);
        }
        // an environment gives names of its own
        if !self.reach.is_empty() && !self.name.is_empty() {
            add("--name");
            add(self.name);
        }
        let values = values_file(self.zip);
        if values.exists() {
            add("--parameters");
            add(&values.display().to_string());
        }
        if self.kind == ArtifactKind::ValueMapping {
            add("--replace-value-mappings");
            add("--drop-tenant-entries");
        }
        if !deploys {
            add("--no-deploy");
        }
        self.reach.iter().for_each(|word| add(word));
        words.join(" ")
    }

    /// Writes the values that were configured beside a backup, for its owner alone; no file where there are none.
    pub fn write_values(zip: &Path, values: &[(String, String)]) -> io::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let text = properties::write(values);
        whole_file::replace_private(&values_file(zip), |file| file.write_all(text.as_bytes()))
    }

    /// Removes a backup with its values.
    pub fn remove(zip: &Path) {
        for file in [zip, &values_file(zip)] {
            let _ = fs::remove_file(file);
        }
    }
}

fn values_file(zip: &Path) -> PathBuf {
    zip.with_extension("prop")
}

/// The command that writes values which no file may hold, from variables of the caller, and deploys.
pub fn set_command(id: &str, keys: &[String], reach: &[String]) -> String {
    let mut words = vec!["flowship redeploy".to_owned(), quoted(id)];
    words.push(set_options(keys));
    words.extend(reach.iter().map(|word| quoted(word)));
    words.join(" ")
}

/// The options that give values of these parameters.
pub fn set_options(keys: &[String]) -> String {
    let option = |key: &String| format!("--set-from-env {}", quoted(&format!("{key}=VARIABLE")));
    keys.iter().map(option).collect::<Vec<_>>().join(" ")
}

/// A word for a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::settings::secret::Secret;
    use crate::tenant::wire::ArtifactId;

    fn name(tenant: &str, id: &str, version: &str, now: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), tenant.to_owned(), Secret::new("s"));
        let of = Subject {
            kind: ArtifactKind::ValueMapping,
            id: &ArtifactId(id.to_owned()),
        };
        let saved = journal.save(of, version, now, |file| file.write_all(b"zip"));
        let saved = saved.unwrap();
        let zip = journal.saved(&saved).unwrap();
        assert_eq!(zip.parent(), Some(&*journal.directory.join("backups")));
        fs::write(zip, "other").unwrap();
        assert!(matches!(journal.saved(&saved), Err(NotUsed::Broken)));
        saved.name
    }

    #[test]
    fn a_backup_has_a_name_for_every_file_system() {
        let one = name("t", "My.Map-1", "1.0.2", &clock::iso(0));
        let (rest, digest) = one.rsplit_once('-').unwrap_or_default();
        assert_eq!(rest, "My.Map-1-1.0.2-19700101T000000000Z");
        let digest = digest.strip_suffix(".zip").unwrap();
        assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(name("t", "../a b", "Active", "t").starts_with(".._a_b-Active-t-"));
        let long = name("t", &"x".repeat(500), &"9".repeat(500), "t");
        assert!(long.len() < 250);
    }

    #[test]
    fn names_that_would_be_the_same_are_not() {
        let name = |tenant: &str, id: &str| name(tenant, id, "1", "t").to_lowercase();
        let one = name("a", &format!("{}1", "x".repeat(90)));
        for other in [
            name("a", &format!("{}2", "x".repeat(90))),
            name("b", &format!("{}1", "x".repeat(90))),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(name("a", "Orders"), name("a", "orders"));
        assert_ne!(name("a", "a b"), name("a", "a_b"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (text, expected) in [
            ("a/b-1.zip", "a/b-1.zip"),
            ("a b", "'a b'"),
            ("a'b", r"'a'\''b'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn the_commands_name_what_is_needed_and_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let zip = directory.path().join("a b.zip");
        let shown = zip.display().to_string();
        let backup = |reach, kind| Backup {
            zip: &zip,
            kind,
            id: "Orders_dev",
            name: "Orders dev",
            package: "P",
            reach,
        };
        assert_eq!(
            backup(&[], ArtifactKind::IntegrationFlow).command(true),
            format!("flowship deploy '{shown}' --package P --id Orders_dev")
        );
        Backup::write_values(&zip, &[("Retries".to_owned(), "9".to_owned())]).unwrap();
        let values = zip.with_extension("prop");
        let reach = ["--environment".to_owned(), "prod eu".to_owned()];
        assert_eq!(
            backup(&reach, ArtifactKind::ValueMapping).command(false),
            format!(
                "flowship deploy '{shown}' --package P --id Orders_dev --name 'Orders dev' --parameters '{}' --replace-value-mappings --drop-tenant-entries --no-deploy --environment 'prod eu'",
                values.display()
            )
        );
        Backup::remove(&zip);
        assert!(!values.exists());
        assert_eq!(
            set_command("Orders", &["API Key".to_owned()], &reach),
            "flowship redeploy Orders --set-from-env 'API Key=VARIABLE' --environment 'prod eu'"
        );
    }
}
