//! What is saved of the tenant's content, and the commands that put it back.

use std::path::Path;

use crate::artifact::ArtifactKind;

/// A command that makes the tenant hold a saved content again.
pub struct Repair<'a> {
    /// The saved zip.
    pub zip: &'a Path,
    /// The package of the artifact.
    pub package: &'a str,
    /// The id, where the manifest in the zip has another.
    pub id: Option<&'a str>,
    /// The saved values of its parameters.
    pub parameters: Option<&'a Path>,
    /// Its type.
    pub kind: ArtifactKind,
    /// It is to run.
    pub deploy: bool,
}

impl Repair<'_> {
    /// The command, for a POSIX shell.
    #[must_use]
    pub fn command(&self) -> String {
        let mut words = vec![
            "flowship deploy".to_owned(),
            quoted(&self.zip.display().to_string()),
            format!("--package {}", quoted(self.package)),
        ];
        if let Some(id) = self.id {
            words.push(format!("--id {}", quoted(id)));
        }
        if let Some(file) = self.parameters {
            words.push(format!(
                "--parameters {}",
                quoted(&file.display().to_string())
            ));
        }
        if self.kind == ArtifactKind::ValueMapping {
            words.push("--replace-value-mappings --drop-tenant-entries".to_owned());
        }
        if !self.deploy {
            words.push("--no-deploy".to_owned());
        }
        words.join(" ")
    }
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A file name that no other backup has, without its ending: id, version and time. Only characters that every file
/// system takes.
#[must_use]
pub fn file_name(id: &str, version: &str, now: &str) -> String {
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
    format!("flowship-backup-{}-{}-{time}", plain(id), plain(version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_backup_has_a_name_for_every_file_system() {
        assert_eq!(
            file_name("My.Map-1", "1.0.2", &clock::iso(0)),
            "flowship-backup-My.Map-1-1.0.2-19700101T000000000Z"
        );
        assert_eq!(
            file_name("../a b", "Active", "t"),
            "flowship-backup-.._a_b-Active-t"
        );
        assert!(file_name(&"x".repeat(500), &"9".repeat(500), "t").len() < 250);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (text, expected) in [
            ("a/b-1.zip", "a/b-1.zip"),
            ("a b", "'a b'"),
            ("a'b", r"'a'\''b'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn the_command_names_what_is_needed_and_no_more() {
        let repair = Repair {
            zip: Path::new("a b.zip"),
            package: "Pkg",
            id: None,
            parameters: None,
            kind: ArtifactKind::IntegrationFlow,
            deploy: true,
        };
        assert_eq!(repair.command(), "flowship deploy 'a b.zip' --package Pkg");
        let all = Repair {
            id: Some("Other"),
            parameters: Some(Path::new("v.prop")),
            kind: ArtifactKind::ValueMapping,
            deploy: false,
            ..repair
        };
        assert_eq!(
            all.command(),
            "flowship deploy 'a b.zip' --package Pkg --id Other --parameters v.prop --replace-value-mappings --drop-tenant-entries --no-deploy"
        );
    }
}
