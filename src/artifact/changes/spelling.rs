//! Whether content that a tenant stored may be what was sent, spelled otherwise.

use std::collections::HashMap;
use std::fs::File;

use super::super::comparison::{Comparable, Difference, What};
use super::super::error::ArtifactError;
use super::super::pack_options::PackOptions;
use super::super::packed::Packed;
use super::super::{Artifact, LARGEST_TEXT, MANIFEST_PATH};

/// How what a tenant stored is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    /// As it was sent, but for blanks, line ends and the names of files.
    Same,
    /// All words that were sent are there, among others or in another order.
    Longer,
    /// Something of what was sent is missing.
    Other,
}

/// How the files that differ are spelled in `remote`. Parameters are not looked at: a tenant configures them.
/// At most one file of each side is in memory, of at most 16 MiB.
pub fn spelling(
    artifact: &Artifact,
    options: &PackOptions,
    remote: File,
    differences: &[Difference],
) -> Result<Spelling, ArtifactError> {
    let mut local = Packed::of(artifact, options)?;
    let mut remote = Packed::of_zip(remote)?;
    let own = Comparable::read(&mut local)?;
    let theirs = Comparable::read(&mut remote)?;
    let brings = |name: &String| {
        let headers = own.values(MANIFEST_PATH);
        headers.is_some_and(|headers| headers.contains_key(name))
    };
    let mut worst = renamed(differences, &own, &theirs);
    for found in differences {
        let one = match &found.what {
            What::OnlyLocal | What::OnlyRemote | What::Parameters(_) => Spelling::Same,
            What::Headers(names) if !names.iter().any(brings) => Spelling::Longer,
            What::Headers(_) | What::Definitions(_) => Spelling::Other,
            What::Content => {
                let sent = local.bytes_at(&found.path, LARGEST_TEXT)?;
                let stored = remote.bytes_at(&found.path, LARGEST_TEXT)?;
                match (sent, stored) {
                    (Some(sent), Some(stored)) => of_text(&sent, &stored),
                    _ => Spelling::Other,
                }
            }
        };
        worst = worst.max(one);
    }
    Ok(worst)
}

/// Files that only one side has are the same where they have the same bytes under other names.
fn renamed(differences: &[Difference], own: &Comparable, theirs: &Comparable) -> Spelling {
    let digests = |side: &Comparable, what: &What| {
        let only = differences.iter().filter(|found| found.what == *what);
        let mut digests: Vec<_> = only.map(|found| side.digest(&found.path)).collect();
        digests.sort();
        digests
    };
    if digests(own, &What::OnlyLocal) == digests(theirs, &What::OnlyRemote) {
        Spelling::Same
    } else {
        Spelling::Other
    }
}

fn of_text(sent: &[u8], stored: &[u8]) -> Spelling {
    let dense = |text: &'_ [u8]| -> Vec<u8> {
        let bytes = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        bytes.copied().collect()
    };
    if dense(sent) == dense(stored) {
        return Spelling::Same;
    }
    let mut there: HashMap<&[u8], usize> = HashMap::new();
    for word in words(stored) {
        *there.entry(word).or_default() += 1;
    }
    let all_there = words(sent).all(|word| {
        there
            .get_mut(word)
            .is_some_and(|left| left.checked_sub(1).map(|less| *left = less).is_some())
    });
    if all_there {
        Spelling::Longer
    } else {
        Spelling::Other
    }
}

/// Letters, digits and everything beyond ASCII that stand together.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_longer_or_another() {
        for (sent, stored, expected) in [
            ("a = 1\n", "a = 1\r\n", Spelling::Same),
            (
                "<a b='1' c='2'/>",
                "<a c=\"2\" b=\"1\"></a>",
                Spelling::Longer,
            ),
            ("a = 1\n", "a = 1\n// by the tenant\n", Spelling::Longer),
            ("a = 1\n", "a = 2\n", Spelling::Other),
            ("a a", "a b", Spelling::Other),
            ("x == 1", "x != 1", Spelling::Longer),
        ] {
            let found = of_text(sent.as_bytes(), stored.as_bytes());
            assert_eq!(found, expected, "{sent} {stored}");
        }
    }
}
