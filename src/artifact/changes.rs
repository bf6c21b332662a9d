//! What `flowship plan` shows: the difference between a local artifact as it would be packed and what a tenant gives out,
//! in detail. Where [`difference`] finds nothing there is no change, and the other way round.

mod secrecy;
mod spelling;
mod text;

use std::collections::BTreeMap;
use std::fs::File;

use super::comparison::{Comparable, Difference, What, difference};
use super::error::ArtifactError;
use super::files::find;
use super::pack_options::PackOptions;
use super::packed::Packed;
use super::value_mapping::{VALUE_MAPPING_PATH, ValueMapping, describe};
use super::{Artifact, DEFINITIONS_PATH, MANIFEST_PATH, PARAMETERS_PATH};
use secrecy::carries_secret;
pub use secrecy::{looks_secret, may_be_secret};
pub use spelling::{Spelling, spelling};
pub use text::TextDiff;

/// The largest file of which lines are shown, in bytes.
const LARGEST_SHOWN: u64 = 1 << 20;
/// The name of files that hold parameters, wherever they lie: their lines are never shown.
const PARAMETER_FILE: &str = "parameters.prop";

/// One file in which Git and tenant differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path inside the artifact.
    pub path: String,
    /// In what the file differs.
    pub kind: ChangeKind,
}

/// In what a file differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Git has the file, the tenant has not.
    Added {
        /// Its size in bytes.
        size: u64,
    },
    /// The tenant has the file, Git has not.
    Removed {
        /// Its size in bytes.
        size: u64,
    },
    /// Lines of a text differ.
    Text(TextDiff),
    /// The bytes differ, and lines of the file are not shown.
    Opaque {
        /// The size in Git, in bytes.
        local: u64,
        /// The size on the tenant, in bytes.
        remote: u64,
        /// Why no lines are shown.
        why: Opaque,
    },
    /// Headers of the manifest differ; names in lower case.
    Headers(Vec<Pair>),
    /// Values of parameters differ.
    Parameters(Vec<Pair>),
    /// Parameters are declared differently. Values are the declaration in words, such as `type xsd:string`.
    Definitions(Vec<Pair>),
}

/// Why lines of a file that differs are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opaque {
    /// It is no text.
    Binary,
    /// It is larger than 1 MiB, or has more than 50,000 lines.
    Large,
    /// It holds parameters and cannot be read as such.
    Parameters,
}

/// Something with a name that has another value in Git than on the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name of the header, or the key of the parameter.
    pub name: String,
    /// What Git has.
    pub local: Shown,
    /// What the tenant has.
    pub remote: Shown,
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// There is none.
    Absent,
    /// The value; a long one is cut around what differs.
    Value(String),
    /// There is one, and it looks like a secret; see [`looks_secret`].
    Masked,
}

/// The changes that packing and uploading a local artifact would make to what a tenant gave out as `remote`, in the order of
/// [`difference`]. The zip is not trusted: the guards of [`Artifact::open`] hold.
///
/// `configured` are the parameter values configured on the tenant: where the download carries one of these instead of the
/// artifact's own value, that is no change. At most one file of each side is in memory, of at most 16 MiB.
pub fn changes(
    artifact: &Artifact,
    options: &PackOptions,
    remote: File,
    configured: &BTreeMap<String, String>,
) -> Result<Vec<Change>, ArtifactError> {
    let mut local = Packed::of(artifact, options)?;
    let mut remote = Packed::of_zip(remote)?;
    let own = Comparable::read(&mut local)?;
    let theirs = Comparable::read(&mut remote)?;
    difference(&own, &theirs, configured)
        .into_iter()
        .map(|found| {
            let kind = match detail(&found, &own, &theirs) {
                Some(kind) => kind,
                None => in_bytes(&found.path, &mut local, &mut remote)?,
            };
            Ok(Change {
                path: found.path,
                kind,
            })
        })
        .collect()
}

/// The size of a file, and its bytes unless there are too many to be shown.
type SizeAndBytes = (u64, Option<Vec<u8>>);

/// The size of a file as it would be packed, and its bytes unless there are too many; `None` when it is not there.
fn size_and_bytes(packed: &mut Packed, path: &str) -> Result<Option<SizeAndBytes>, ArtifactError> {
    let Some(file) = find(&packed.files, path) else {
        return Ok(None);
    };
    if file.size > LARGEST_SHOWN && !packed.reader.replaces(path) {
        return Ok(Some((file.size, None)));
    }
    let bytes = packed.reader.bytes(file)?;
    let size = bytes.len() as u64;
    Ok(Some((size, (size <= LARGEST_SHOWN).then_some(bytes))))
}

/// What [`difference`] compared by values, with these.
fn detail(found: &Difference, local: &Comparable, remote: &Comparable) -> Option<ChangeKind> {
    let pairs = |path: &str, names: &[String]| {
        let (local, remote) = (local.values(path), remote.values(path));
        let pair = |name: &String| {
            let local = local.and_then(|values| values.get(name));
            let remote = remote.and_then(|values| values.get(name));
            let may_be_secret = path == PARAMETERS_PATH;
            Pair::new(name, local, remote, may_be_secret)
        };
        names.iter().map(pair).collect()
    };
    Some(match &found.what {
        What::Headers(names) => ChangeKind::Headers(pairs(MANIFEST_PATH, names)),
        What::Parameters(keys) => ChangeKind::Parameters(pairs(PARAMETERS_PATH, keys)),
        What::Definitions(keys) => ChangeKind::Definitions(pairs(DEFINITIONS_PATH, keys)),
        What::OnlyLocal | What::OnlyRemote | What::Content => return None,
    })
}

fn in_bytes(
    path: &str,
    local: &mut Packed,
    remote: &mut Packed,
) -> Result<ChangeKind, ArtifactError> {
    let local = size_and_bytes(local, path)?;
    let remote = size_and_bytes(remote, path)?;
    Ok(match (local, remote) {
        (Some((size, _)), None) => ChangeKind::Added { size },
        (None, other) => ChangeKind::Removed {
            size: other.map_or(0, |(size, _)| size),
        },
        (Some(local), Some(remote)) => both(path, &local, &remote),
    })
}

fn both(path: &str, local: &SizeAndBytes, remote: &SizeAndBytes) -> ChangeKind {
    let opaque = |why| ChangeKind::Opaque {
        local: local.0,
        remote: remote.0,
        why,
    };
    let text = |remote: &str, local: &str| {
        text::diff(remote, local).map_or_else(|| opaque(Opaque::Large), ChangeKind::Text)
    };
    if path.ends_with(PARAMETER_FILE) {
        return opaque(Opaque::Parameters);
    }
    let (Some(local), Some(remote)) = (&local.1, &remote.1) else {
        return opaque(Opaque::Large);
    };
    if path == VALUE_MAPPING_PATH
        && let (Some(local), Some(remote)) = (rows(local), rows(remote))
        && local != remote
    {
        return text(&remote, &local);
    }
    match (text_of(local), text_of(remote)) {
        (Some(local), Some(remote)) => text(remote, local),
        _ => opaque(Opaque::Binary),
    }
}

/// A value mapping as one line for each group.
fn rows(bytes: &[u8]) -> Option<String> {
    let mapping = ValueMapping::parse(bytes).ok()?;
    let rows = describe(mapping.groups());
    Some(rows.into_iter().map(|row| row + "\n").collect())
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

impl Pair {
    /// `may_be_secret`: values that look like secrets, or whose names do, are masked.
    fn new(
        name: &str,
        local: Option<&String>,
        remote: Option<&String>,
        may_be_secret: bool,
    ) -> Self {
        let mut values = local.into_iter().chain(remote);
        let carries_secret = values.any(|value| carries_secret(value));
        let masked = may_be_secret && (looks_secret(name) || carries_secret);
        let shown = |value: Option<&String>, other: Option<&String>| match value {
            None => Shown::Absent,
            Some(_) if masked => Shown::Masked,
            Some(value) => Shown::Value(text::around(value, other.map_or("", |other| other))),
        };
        Self {
            name: name.to_owned(),
            local: shown(local, remote),
            remote: shown(remote, local),
        }
    }

    /// `- name = value` and `+ name = value`: what the tenant has, and what Git has.
    fn lines(&self) -> Vec<String> {
        let line = |sign: char, shown: &Shown| {
            let value = match shown {
                Shown::Absent => return None,
                Shown::Masked => "(not shown)".to_owned(),
                Shown::Value(value) if value.is_empty() => "(empty)".to_owned(),
                Shown::Value(value) => value.clone(),
            };
            Some(format!("{sign} {} = {value}", self.name))
        };
        line('-', &self.remote)
            .into_iter()
            .chain(line('+', &self.local))
            .collect()
    }
}

impl Change {
    /// The change for people: a line that names the file and says in what it differs, then the details. Lines that begin
    /// with `-` are what the tenant holds, those with `+` what Git has. The text of files is in it as it is: whoever prints
    /// it neutralises control characters.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}: {}", self.path, self.kind.summary())];
        match &self.kind {
            ChangeKind::Text(diff) => lines.extend(diff.lines()),
            ChangeKind::Headers(pairs)
            | ChangeKind::Parameters(pairs)
            | ChangeKind::Definitions(pairs) => lines.extend(pairs.iter().flat_map(Pair::lines)),
            ChangeKind::Added { .. } | ChangeKind::Removed { .. } | ChangeKind::Opaque { .. } => {}
        }
        lines
    }
}

impl ChangeKind {
    /// In what the file differs, on one line.
    pub fn summary(&self) -> String {
        match self {
            Self::Added { size } => format!("only in Git ({})", bytes(*size)),
            Self::Removed { size } => format!("only on the tenant ({})", bytes(*size)),
            Self::Text(diff) => diff.summary(),
            Self::Opaque { local, remote, why } => {
                let why = match why {
                    Opaque::Binary => "binary",
                    Opaque::Large => "too large to be shown",
                    Opaque::Parameters => "not readable as parameters, and not shown",
                };
                format!(
                    "differs ({} on the tenant, {local} in Git; {why})",
                    bytes(*remote)
                )
            }
            Self::Headers(pairs) => counted(pairs.len(), "header", "differs", "differ"),
            Self::Parameters(pairs) => counted(pairs.len(), "parameter", "differs", "differ"),
            Self::Definitions(pairs) => {
                let words = ("is declared differently", "are declared differently");
                counted(pairs.len(), "parameter", words.0, words.1)
            }
        }
    }
}

fn bytes(count: u64) -> String {
    let noun = if count == 1 { "byte" } else { "bytes" };
    format!("{count} {noun}")
}

fn counted(count: usize, noun: &str, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {noun} {one}"),
        count => format!("{count} {noun}s {several}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
