//! Whether two artifacts have the same content, apart from what tenants rewrite by themselves.
//!
//! A tenant rewrites the manifest (order, wrapping, `Origin-*`; the version may lag behind), `.project`,
//! `metainfo.prop`, and the comments and order of `parameters.prop`. Two downloads of one unchanged artifact differ in these.
//! A value mapping is compared by what it answers; see [`ValueMapping::meaning`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::Path;

use super::digest::Digest;
use super::error::ArtifactError;
use super::pack_options::PackOptions;
use super::packed::Packed;
use super::value_mapping::{VALUE_MAPPING_PATH, ValueMapping};
use super::{
    Artifact, DEFINITIONS_PATH, LARGEST_TEXT, MANIFEST_PATH, Manifest, PARAMETERS_PATH, Properties,
    definitions,
};

/// The parameter that tenants with an integration cell add by themselves.
pub const RUNTIME_PROFILE: &str = "SAP_ProfileId";
/// Files that a tenant writes anew.
const REWRITTEN: [&str; 2] = [".project", "metainfo.prop"];

/// What a file says: values by names.
type Values = BTreeMap<String, String>;

/// A file that is compared by its values: its path, its reader, and in what it differs.
type ByValues = (
    &'static str,
    fn(&[u8]) -> Option<Values>,
    fn(Vec<String>) -> What,
);

/// These files come first among the differences, in this order. One that is absent counts as one with nothing in it.
const BY_VALUES: [ByValues; 3] = [
    (MANIFEST_PATH, headers, What::Headers),
    (PARAMETERS_PATH, parameters, What::Parameters),
    (DEFINITIONS_PATH, declarations, What::Definitions),
];

/// The content of an artifact in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparable {
    files: BTreeMap<String, FileContent>,
}

/// What is compared of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FileContent {
    Values(Values),
    /// Of its bytes, or of what it means.
    Digest(Digest),
}

/// One thing in which two artifacts differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path of the file.
    pub path: String,
    /// In what it differs.
    pub what: What,
}

/// In what a file differs. Values are left out: parameters may be confidential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The local artifact has the file, the remote one has not.
    OnlyLocal,
    /// The remote artifact has the file, the local one has not.
    OnlyRemote,
    /// The bytes differ.
    Content,
    /// These headers of the manifest differ.
    Headers(Vec<String>),
    /// These parameters differ in their values, or exist on one side only.
    Parameters(Vec<String>),
    /// These parameters are declared differently, or on one side only.
    Definitions(Vec<String>),
}

impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyLocal => formatter.write_str("only in the local artifact"),
            Self::OnlyRemote => formatter.write_str("only on the tenant"),
            Self::Content => formatter.write_str("content differs"),
            Self::Headers(names) => write!(formatter, "headers differ: {}", names.join(", ")),
            Self::Parameters(keys) => write!(formatter, "parameters differ: {}", keys.join(", ")),
            Self::Definitions(keys) => write!(
                formatter,
                "declarations of parameters differ: {}",
                keys.join(", ")
            ),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.what)
    }
}

impl Comparable {
    /// The content of a local artifact as it would be packed.
    pub fn of(artifact: &Artifact, options: &PackOptions) -> Result<Self, ArtifactError> {
        Self::read(&mut Packed::of(artifact, options)?)
    }

    /// The content of a zip downloaded from a tenant. The zip is not trusted: the guards of [`Artifact::open`] hold.
    pub fn of_zip(file: File) -> Result<Self, ArtifactError> {
        Self::read(&mut Packed::of_zip(file)?)
    }

    /// The values of its `parameters.prop`; `None` where there is none that can be read.
    pub fn parameters(&self) -> Option<&BTreeMap<String, String>> {
        self.values(PARAMETERS_PATH)
    }

    /// A digest of everything that is compared: two contents that are the same have the same one.
    pub fn fingerprint(&self) -> Digest {
        // the debug form of strings is quoted and escaped, so that two different contents never look the same
        Digest::of(format!("{:?}", self.files).as_bytes())
    }

    /// What a file says, if it is compared by that.
    pub(super) fn values(&self, path: &str) -> Option<&BTreeMap<String, String>> {
        match self.files.get(path)? {
            FileContent::Values(values) => Some(values),
            FileContent::Digest(_) => None,
        }
    }

    /// The digest of a file that is compared by that.
    pub(super) fn digest(&self, path: &str) -> Option<Digest> {
        match self.files.get(path)? {
            FileContent::Values(_) => None,
            FileContent::Digest(digest) => Some(*digest),
        }
    }

    pub(super) fn read(packed: &mut Packed) -> Result<Self, ArtifactError> {
        let mut files = BTreeMap::new();
        let reader = &mut packed.reader;
        for file in &packed.files {
            let path = file.path.as_str();
            let small = file.size <= LARGEST_TEXT;
            let content = match by_values(path) {
                _ if REWRITTEN.contains(&path) => continue,
                Some((_, read, _)) if small => {
                    let bytes = reader.bytes(file)?;
                    let values = read(&bytes).map(FileContent::Values);
                    values.unwrap_or_else(|| FileContent::Digest(Digest::of(&bytes)))
                }
                None if path == VALUE_MAPPING_PATH && small => {
                    let bytes = reader.bytes(file)?;
                    let mapping = ValueMapping::parse(&bytes);
                    let digest = mapping.map_or_else(|_| Digest::of(&bytes), |one| one.meaning());
                    FileContent::Digest(digest)
                }
                _ => FileContent::Digest(reader.digest(file)?),
            };
            files.insert(file.path.clone(), content);
        }
        Ok(Self { files })
    }
}

fn by_values(path: &str) -> Option<ByValues> {
    BY_VALUES.into_iter().find(|(known, ..)| *known == path)
}

/// In what the remote artifact differs from the local one; nothing means the same content.
///
/// `configured` are the parameter values configured on the tenant: where a download carries one of these instead of
/// the artifact's own value, that is no difference.
pub fn difference(
    local: &Comparable,
    remote: &Comparable,
    configured: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let first = BY_VALUES.map(|(path, ..)| path);
    let all = local.files.keys().chain(remote.files.keys());
    let renamed = renamed_mapping(local, remote);
    let rest: BTreeSet<&str> = all
        .map(String::as_str)
        .filter(|path| !first.contains(path) && !renamed.contains(path))
        .collect();
    let paths = first.into_iter().chain(rest);
    let differences = paths.filter_map(|path| {
        let contents = (local.files.get(path), remote.files.get(path));
        let what = match by_values(path) {
            Some((_, _, what)) => differing_values(path, contents, configured, what),
            None => differing_files(contents),
        };
        what.map(|what| Difference {
            path: path.to_owned(),
            what,
        })
    });
    differences.collect()
}

/// The two names of the one mapping of a message mapping, where only its name differs: a tenant stores it under the id of the
/// artifact. (cpi-api.md §16.1 no. 16)
fn renamed_mapping<'a>(local: &'a Comparable, remote: &'a Comparable) -> Vec<&'a str> {
    let is_message_mapping = |one: &Comparable| {
        let headers = one.values(MANIFEST_PATH);
        headers.is_some_and(|all| {
            all.get("sap-bundletype")
                .is_some_and(|kind| kind == "MessageMapping")
        })
    };
    let mappings = |one: &'a Comparable| -> Vec<_> {
        let files = one.files.iter();
        let is_mapping = |path: &str| Path::new(path).extension().is_some_and(|end| end == "mmap");
        files.filter(|(path, _)| is_mapping(path)).collect()
    };
    match (mappings(local).as_slice(), mappings(remote).as_slice()) {
        ([(name, ours)], [(other, theirs)])
            if ours == theirs && is_message_mapping(local) && is_message_mapping(remote) =>
        {
            vec![name, other]
        }
        _ => Vec::new(),
    }
}

/// Whether both have the same content; see [`difference`].
pub fn content_equal(
    local: &Comparable,
    remote: &Comparable,
    configured: &BTreeMap<String, String>,
) -> bool {
    difference(local, remote, configured).is_empty()
}

/// What two artifacts have at one path.
type Both<'a> = (Option<&'a FileContent>, Option<&'a FileContent>);

/// Compares by values where both sides can be read.
fn differing_values(
    path: &str,
    contents: Both<'_>,
    configured: &Values,
    what: fn(Vec<String>) -> What,
) -> Option<What> {
    let nothing = FileContent::Values(Values::new());
    let (local, remote) = (
        contents.0.unwrap_or(&nothing),
        contents.1.unwrap_or(&nothing),
    );
    let (FileContent::Values(local), FileContent::Values(remote)) = (local, remote) else {
        return (local != remote).then_some(What::Content);
    };
    // what the tenant has as it was configured, of parameters that are known here
    let is_configured = |key: &str| {
        path == PARAMETERS_PATH
            && (local.contains_key(key) || key == RUNTIME_PROFILE)
            && remote.contains_key(key)
            && remote.get(key) == configured.get(key)
    };
    let keys: BTreeSet<&String> = local.keys().chain(remote.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| local.get(*key) != remote.get(*key) && !is_configured(key));
    let differing: Vec<String> = differing.cloned().collect();
    (!differing.is_empty()).then(|| what(differing))
}

fn differing_files(contents: Both<'_>) -> Option<What> {
    match contents {
        (Some(local), Some(remote)) => (local != remote).then_some(What::Content),
        (Some(_), None) => Some(What::OnlyLocal),
        (None, _) => Some(What::OnlyRemote),
    }
}

/// The headers that matter, by name in lower case, without those that tenants rewrite.
fn headers(bytes: &[u8]) -> Option<Values> {
    let manifest = Manifest::parse(bytes).ok()?;
    let mut headers = Values::new();
    for (number, section) in manifest.sections().iter().enumerate() {
        for header in section {
            let name = header.name.to_ascii_lowercase();
            let value = match name.as_str() {
                "bundle-version" => continue,
                "bundle-symbolicname" => header.value.split(';').next().unwrap_or_default(),
                _ if name.starts_with("origin-") => continue,
                _ => &header.value,
            };
            let section = match number {
                0 => String::new(),
                number => format!(" (section {})", number + 1),
            };
            headers.insert(format!("{name}{section}"), value.trim().to_owned());
        }
    }
    headers.retain(|_, value| !value.is_empty());
    Some(headers)
}

fn parameters(bytes: &[u8]) -> Option<Values> {
    Some(Properties::parse(bytes).ok()?.values())
}

/// How parameters are declared, in words.
fn declarations(bytes: &[u8]) -> Option<Values> {
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in definitions::parse(bytes).ok()? {
        declared.entry(one.name).or_default().insert(one.words);
    }
    let words = |all: BTreeSet<String>| Vec::from_iter(all).join(" and again ");
    let declared = declared.into_iter();
    Some(declared.map(|(name, all)| (name, words(all))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
