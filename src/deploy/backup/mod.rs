//! What is saved of the tenant's content before it is written over, and the command that puts it back.

mod note;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;
use crate::artifact::{ArtifactKind, Digest, properties};
use crate::state_files::NotOurs;
use crate::tenant::Tenant;
use crate::tenant::wire::ArtifactId;
use crate::whole_file;

pub use self::note::{Note, NoteError, Saved, Was, place};

/// What the names of backups begin with.
const BACKUP: &str = "flowship-backup-";

/// A backup that a person can put back: an ordinary zip, and the values that were configured in a file beside it.
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
    #[must_use]
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
}

fn values_file(zip: &Path) -> PathBuf {
    zip.with_extension("prop")
}

/// Writes the values that were configured beside a backup, for its owner alone; no file where there are none.
pub fn write_values(zip: &Path, values: &[(String, String)]) -> io::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let text = properties::write(values);
    whole_file::replace_private(&values_file(zip), |file| file.write_all(text.as_bytes()))
}

/// Removes a backup with what lies beside it.
pub fn remove(zip: &Path) {
    for file in [zip, &values_file(zip)] {
        let _ = fs::remove_file(file);
    }
}

/// Writes down what another run may need to know of an artifact. `what`: the kind of it, see [`place`].
pub(crate) fn write_down<T: Serialize>(
    directory: &Path,
    tenant: &Tenant,
    id: &ArtifactId,
    what: &str,
    content: &T,
) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(content)?;
    let place = place(directory, tenant, id, what);
    tenant.state().write(&place, &text)
}

/// What an earlier run with these credentials has written down. What somebody else put there is named and not used.
pub(crate) fn recall<T: DeserializeOwned>(
    context: &Context<'_>,
    directory: &Path,
    id: &ArtifactId,
    what: &str,
) -> Option<T> {
    let place = place(directory, context.tenant, id, what);
    match context.tenant.state().read(&place) {
        Ok(text) => serde_json::from_slice(&text).ok(),
        Err(NotOurs::OtherKey | NotOurs::Read(_)) => None,
        Err(broken @ NotOurs::Broken) => {
            warn(context, id, &place, &broken.to_string());
            None
        }
    }
}

/// It is needed no more.
pub(crate) fn forget(directory: &Path, tenant: &Tenant, id: &ArtifactId, what: &str) {
    let _ = fs::remove_file(place(directory, tenant, id, what));
}

/// Names a file that is not used.
pub(crate) fn warn(context: &Context<'_>, id: &ArtifactId, file: &Path, why: &str) {
    let file = file.display();
    let text =
        format!("warning: {file} {why}: it is not used; find out who changed it, or delete it");
    context.ledger.progress(&id.0, text);
}

/// Counts the files that were written with other credentials, which is no attack where a key was renewed.
pub(crate) fn count_others(context: &Context<'_>, id: &ArtifactId) {
    let others = context.tenant.state().of_others();
    let Some(first) = others.first() else {
        return;
    };
    let text = match others.len() {
        1 => format!(
            "{} was written with other credentials and is ignored",
            first.display()
        ),
        count => format!(
            "{count} files were written with other credentials and are ignored: {} and others",
            first.display()
        ),
    };
    context.ledger.progress(&id.0, text);
}

/// The command that writes values which no file may hold, from variables of the caller, and deploys.
#[must_use]
pub fn set_command(id: &str, keys: &[String], reach: &[String]) -> String {
    let mut words = vec!["flowship redeploy".to_owned(), quoted(id)];
    words.push(set_options(keys));
    words.extend(reach.iter().map(|word| quoted(word)));
    words.join(" ")
}

/// The options that give values of these parameters.
#[must_use]
pub fn set_options(keys: &[String]) -> String {
    let option = |key: &String| format!("--set-from-env {}", quoted(&format!("{key}=VARIABLE")));
    keys.iter().map(option).collect::<Vec<_>>().join(" ")
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A file name that no other backup has, without its ending: id, version, time, and a digest of the tenant and the whole
/// id. Only characters that every file system takes.
#[must_use]
pub fn file_name(tenant: &str, id: &str, version: &str, now: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._-".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .take(90)
            .collect()
    };
    let time: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
    let (id, version, which) = (plain(id), plain(version), short_digest(tenant, id));
    format!("{BACKUP}{id}-{version}-{time}-{}", &which[..8])
}

/// One name for each artifact of each tenant, whatever characters they have.
fn short_digest(tenant: &str, id: &str) -> String {
    let mut digest = Digest::of(format!("{tenant}\n{id}").as_bytes()).to_string();
    digest.truncate(16);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_backup_has_a_name_for_every_file_system() {
        let name = file_name("t", "My.Map-1", "1.0.2", &clock::iso(0));
        let (rest, digest) = name.rsplit_once('-').unwrap_or_default();
        assert_eq!(rest, "flowship-backup-My.Map-1-1.0.2-19700101T000000000Z");
        assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(
            file_name("t", "../a b", "Active", "t").starts_with("flowship-backup-.._a_b-Active-t-")
        );
        let long = file_name("t", &"x".repeat(500), &"9".repeat(500), "t");
        assert!(long.len() < 250);
    }

    #[test]
    fn names_that_would_be_the_same_are_not() {
        let name = |tenant: &str, id: &str| file_name(tenant, id, "1", "t").to_lowercase();
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
        write_values(&zip, &[("Retries".to_owned(), "9".to_owned())]).unwrap();
        let values = zip.with_extension("prop");
        let reach = ["--environment".to_owned(), "prod eu".to_owned()];
        assert_eq!(
            backup(&reach, ArtifactKind::ValueMapping).command(false),
            format!(
                "flowship deploy '{shown}' --package P --id Orders_dev --name 'Orders dev' --parameters '{}' --replace-value-mappings --drop-tenant-entries --no-deploy --environment 'prod eu'",
                values.display()
            )
        );
        remove(&zip);
        assert!(!values.exists());
        assert_eq!(
            set_command("Orders", &["API Key".to_owned()], &reach),
            "flowship redeploy Orders --set-from-env 'API Key=VARIABLE' --environment 'prod eu'"
        );
    }
}
