//! Whether two artifacts have the same content, apart from what tenants rewrite by themselves.
//!
//! A tenant rewrites the manifest (order, wrapping, `Origin-*`; the version may lag behind), `.project`,
//! `metainfo.prop`, and the comments and order of `parameters.prop`. Two downloads of one unchanged artifact differ in these.
//! A value mapping is compared by what it answers; see [`ValueMapping::meaning`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::Path;

use super::archive::{PackOptions, packed, rewritten};
use super::check::definitions::{self, Definition};
use super::contents::Contents;
use super::digest::{Digest, Hasher};
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::value_mapping::{VALUE_MAPPING_PATH, ValueMapping};
use super::{
    Artifact, DEFINITIONS_PATH, LARGEST_TEXT, MANIFEST_PATH, Manifest, PARAMETERS_PATH, Properties,
};

/// The parameter that tenants with an integration cell add by themselves.
pub const RUNTIME_PROFILE: &str = "SAP_ProfileId";
/// Files that a tenant writes anew.
const REWRITTEN: [&str; 2] = [".project", "metainfo.prop"];

/// The content of an artifact in a form that can be compared: digests of files, and what is in the three files that
/// tenants rewrite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparable {
    manifest: Option<Comparison<BTreeMap<String, String>>>,
    parameters: Option<Comparison<BTreeMap<String, String>>>,
    definitions: Option<Comparison<BTreeSet<Definition>>>,
    files: BTreeMap<String, Digest>,
}

/// A file that is compared by its meaning, or by its digest when it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Comparison<T> {
    Meaning(T),
    Bytes(Digest),
}

impl<T> Comparison<T> {
    fn meaning(&self) -> Option<&T> {
        match self {
            Self::Meaning(meaning) => Some(meaning),
            Self::Bytes(_) => None,
        }
    }
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
    /// The values of its `parameters.prop`; `None` where there is none that can be read.
    #[must_use]
    pub fn parameters(&self) -> Option<&BTreeMap<String, String>> {
        self.parameters.as_ref()?.meaning()
    }

    /// The content of a local artifact as it would be packed.
    pub fn of(artifact: &Artifact, options: &PackOptions) -> Result<Self, ArtifactError> {
        let mut contents = Contents::reopen(artifact)?;
        Self::read(&mut contents, artifact.files(), options)
    }

    /// The content of a zip downloaded from a tenant. The zip is not trusted: the guards of [`Artifact::open`] hold.
    pub fn of_zip(file: File) -> Result<Self, ArtifactError> {
        let (mut contents, listing) = Contents::of_zip(Path::new("the downloaded zip"), file)?;
        Self::read(&mut contents, &listing.files, &PackOptions::default())
    }

    /// A digest of everything that is compared: two contents that are the same have the same one.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::default();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        for (path, meaning) in [
            (MANIFEST_PATH, format!("{:?}", self.manifest)),
            (PARAMETERS_PATH, format!("{:?}", self.parameters)),
            (DEFINITIONS_PATH, format!("{:?}", self.definitions)),
        ] {
            add(path);
            add(&meaning);
        }
        for (path, digest) in &self.files {
            add(path);
            add(&digest.to_string());
        }
        hasher.finish()
    }

    /// The digest of a file that is compared by its bytes.
    pub(super) fn file(&self, path: &str) -> Option<&Digest> {
        self.files.get(path)
    }

    /// The value of a header, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.manifest.as_ref()?.meaning()?.get(name).cloned()
    }

    /// The value of a parameter.
    pub(super) fn parameter(&self, key: &str) -> Option<String> {
        self.parameters.as_ref()?.meaning()?.get(key).cloned()
    }

    /// How a parameter is declared, in words.
    pub(super) fn definition(&self, name: &str) -> Option<String> {
        let all = self.definitions.as_ref()?.meaning()?.iter();
        let same = all.filter(|definition| definition.name == name);
        let words: Vec<_> = same.map(Definition::describe).collect();
        (!words.is_empty()).then(|| words.join(" and again "))
    }

    pub(super) fn read(
        contents: &mut Contents,
        files: &[ArtifactFile],
        options: &PackOptions,
    ) -> Result<Self, ArtifactError> {
        let mut comparable = Self::default();
        for file in files {
            let small = file.size <= LARGEST_TEXT;
            match file.path.as_str() {
                MANIFEST_PATH if small => {
                    let bytes = packed(contents, file, options)?;
                    comparable.manifest = Some(by_meaning(&bytes, headers));
                }
                PARAMETERS_PATH if small => {
                    let bytes = packed(contents, file, options)?;
                    comparable.parameters = Some(by_meaning(&bytes, values));
                }
                DEFINITIONS_PATH if small => {
                    let bytes = packed(contents, file, options)?;
                    comparable.definitions = Some(by_meaning(&bytes, declared));
                }
                VALUE_MAPPING_PATH if small => {
                    let bytes = packed(contents, file, options)?;
                    let digest = ValueMapping::parse(&bytes)
                        .map_or_else(|_| Digest::of(&bytes), |mapping| mapping.meaning());
                    comparable.files.insert(file.path.clone(), digest);
                }
                path if REWRITTEN.contains(&path) => {}
                path => {
                    let digest = digest_of(contents, file, options)?;
                    comparable.files.insert(path.to_owned(), digest);
                }
            }
        }
        Ok(comparable)
    }
}

/// In what the remote artifact differs from the local one; nothing means the same content.
///
/// `configured` are the parameter values configured on the tenant: where a download carries one of these instead of
/// the artifact's own value, that is no difference.
#[must_use]
pub fn difference(
    local: &Comparable,
    remote: &Comparable,
    configured: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut note = |path: &str, what: Option<What>| {
        differences.extend(what.map(|what| Difference {
            path: path.to_owned(),
            what,
        }));
    };
    let headers = compared(
        local.manifest.as_ref(),
        remote.manifest.as_ref(),
        |local, remote| {
            some(
                differing_keys(local, remote, |_, local, remote| local == remote),
                What::Headers,
            )
        },
    );
    note(MANIFEST_PATH, headers);
    let parameters = compared(
        local.parameters.as_ref(),
        remote.parameters.as_ref(),
        |local, remote| {
            let accepted = |key: &String, local: Option<&String>, remote: Option<&String>| {
                local == remote || accepted_as_configured(key, local, remote, configured)
            };
            some(differing_keys(local, remote, accepted), What::Parameters)
        },
    );
    note(PARAMETERS_PATH, parameters);
    let definitions = compared(
        local.definitions.as_ref(),
        remote.definitions.as_ref(),
        |local, remote| {
            let names: BTreeSet<_> = local
                .symmetric_difference(remote)
                .map(|definition| definition.name.clone())
                .collect();
            some(names.into_iter().collect(), What::Definitions)
        },
    );
    note(DEFINITIONS_PATH, definitions);
    let paths: BTreeSet<&String> = local.files.keys().chain(remote.files.keys()).collect();
    for path in paths {
        note(
            path,
            compared_files(local.files.get(path), remote.files.get(path)),
        );
    }
    differences
}

/// Whether both have the same content; see [`difference`].
#[must_use]
pub fn content_equal(
    local: &Comparable,
    remote: &Comparable,
    configured: &BTreeMap<String, String>,
) -> bool {
    difference(local, remote, configured).is_empty()
}

fn accepted_as_configured(
    key: &str,
    local: Option<&String>,
    remote: Option<&String>,
    configured: &BTreeMap<String, String>,
) -> bool {
    let known_here = local.is_some() || key == RUNTIME_PROFILE;
    known_here && remote.is_some() && remote == configured.get(key)
}

/// Compares by meaning where both sides can be read. A file that is absent counts as one with nothing in it.
fn compared<T: Default>(
    local: Option<&Comparison<T>>,
    remote: Option<&Comparison<T>>,
    by_meaning: impl FnOnce(&T, &T) -> Option<What>,
) -> Option<What> {
    let nothing = Comparison::Meaning(T::default());
    match (local.unwrap_or(&nothing), remote.unwrap_or(&nothing)) {
        (Comparison::Meaning(local), Comparison::Meaning(remote)) => by_meaning(local, remote),
        (Comparison::Bytes(local), Comparison::Bytes(remote)) if local == remote => None,
        _ => Some(What::Content),
    }
}

fn compared_files(local: Option<&Digest>, remote: Option<&Digest>) -> Option<What> {
    match (local, remote) {
        (Some(local), Some(remote)) => (local != remote).then_some(What::Content),
        (Some(_), None) => Some(What::OnlyLocal),
        (None, _) => Some(What::OnlyRemote),
    }
}

fn differing_keys(
    local: &BTreeMap<String, String>,
    remote: &BTreeMap<String, String>,
    accepted: impl Fn(&String, Option<&String>, Option<&String>) -> bool,
) -> Vec<String> {
    let keys: BTreeSet<&String> = local.keys().chain(remote.keys()).collect();
    keys.into_iter()
        .filter(|key| !accepted(key, local.get(*key), remote.get(*key)))
        .cloned()
        .collect()
}

fn some(names: Vec<String>, what: fn(Vec<String>) -> What) -> Option<What> {
    (!names.is_empty()).then(|| what(names))
}

fn by_meaning<T>(bytes: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Comparison<T> {
    read(bytes).map_or_else(|| Comparison::Bytes(Digest::of(bytes)), Comparison::Meaning)
}

/// The headers that matter, by name in the usual spelling of the side that is read, without those that tenants rewrite.
fn headers(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let manifest = Manifest::parse(bytes).ok()?;
    let sections = [manifest.headers()]
        .into_iter()
        .chain(manifest.further_sections().iter().map(Vec::as_slice));
    let mut headers = BTreeMap::new();
    for (number, section) in sections.enumerate() {
        for header in section {
            let name = header.name.to_ascii_lowercase();
            let value = match name.as_str() {
                "bundle-version" => continue,
                "bundle-symbolicname" => header.value.split(';').next().unwrap_or_default(),
                _ if name.starts_with("origin-") => continue,
                _ => &header.value,
            };
            let section = if number == 0 {
                String::new()
            } else {
                format!(" (section {})", number + 1)
            };
            headers.insert(format!("{name}{section}"), value.trim().to_owned());
        }
    }
    headers.retain(|_, value| !value.is_empty());
    Some(headers)
}

fn values(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    let properties = Properties::parse(bytes).ok()?;
    Some(
        properties
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect(),
    )
}

fn declared(bytes: &[u8]) -> Option<BTreeSet<Definition>> {
    definitions::parse(bytes)
        .ok()
        .map(|definitions| definitions.into_iter().collect())
}

fn digest_of(
    contents: &mut Contents,
    file: &ArtifactFile,
    options: &PackOptions,
) -> Result<Digest, ArtifactError> {
    if let Some(bytes) = rewritten(contents, file, options)? {
        return Ok(Digest::of(&bytes));
    }
    let mut hasher = Hasher::default();
    contents.stream(file, &mut |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(hasher.finish())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::artifact::Archive;
    use crate::artifact::sample::{SCRIPT_PATH, Sample, definitions};

    const SCHEMA_PATH: &str = "src/main/resources/xsd/a.xsd";

    /// What differs between a flow and what a tenant gives back for it.
    fn differences(local: &Sample, remote: &Sample, configured: &[(&str, &str)]) -> Vec<String> {
        let download = Archive::pack(&remote.open(), &PackOptions::default()).unwrap();
        let remote = Comparable::of_zip(download.open_file().unwrap()).unwrap();
        let local = Comparable::of(&local.open(), &PackOptions::default()).unwrap();
        let configured = configured
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(
            content_equal(&local, &remote, &configured),
            difference(&local, &remote, &configured).is_empty()
        );
        difference(&local, &remote, &configured)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn an_artifact_is_equal_to_its_own_download() {
        assert_eq!(differences(&Sample::flow(), &Sample::flow(), &[]), [""; 0]);
    }

    #[test]
    fn what_a_tenant_rewrites_is_no_difference() {
        let manifest = "Manifest-Version: 1.0\nSAP-NodeType: IFLMAP\nSAP-BundleType: IntegrationFlow\n\
            Bundle-SymbolicName: Orders_To_W\n arehouse\nSAP-RuntimeProfile: iflmap\nBundle-Name: Orders to Warehouse\n\
            Bundle-Version: 1.0.0\nSAP-ArtifactTrait: \nOrigin-Bundle-Version: 9.9.9\nOrigin-ModifiedDate: 1\n\n";
        let remote = Sample::flow()
            .with(MANIFEST_PATH, manifest)
            .with(".project", "<another/>")
            .with("metainfo.prop", "#later\ndescription=x\n")
            .with("src/.DS_Store", "x")
            .with(PARAMETERS_PATH, "#later\r\n\r\nHost\\u0020Name : https://x")
            .with(
                DEFINITIONS_PATH,
                definitions(&["Host Name"]).replace("><", ">\n<"),
            );
        assert_eq!(differences(&Sample::flow(), &remote, &[]), [""; 0]);
        assert_eq!(differences(&remote, &Sample::flow(), &[]), [""; 0]);
    }

    #[test]
    fn absent_parameter_files_equal_empty_ones() {
        let without = || {
            Sample::flow()
                .without(PARAMETERS_PATH)
                .without(DEFINITIONS_PATH)
                .without(".project")
        };
        let empty = without()
            .with(PARAMETERS_PATH, "#now\n")
            .with(DEFINITIONS_PATH, definitions(&[]));
        assert_eq!(differences(&without(), &empty, &[]), [""; 0]);
        assert_eq!(differences(&empty, &without(), &[]), [""; 0]);
    }

    #[test]
    fn everything_else_is_a_difference() {
        let changed = [
            (
                Sample::flow().with(SCRIPT_PATH, "return  1"),
                "src/main/resources/script/log.groovy: content differs",
            ),
            (
                Sample::flow().with(SCHEMA_PATH, ""),
                "src/main/resources/xsd/a.xsd: only on the tenant",
            ),
            (
                Sample::flow().without(SCRIPT_PATH),
                "src/main/resources/script/log.groovy: only in the local artifact",
            ),
            (
                Sample::flow().replaced(MANIFEST_PATH, "Orders to", "Orders  to"),
                "META-INF/MANIFEST.MF: headers differ: bundle-name",
            ),
            (
                Sample::flow().replaced(
                    MANIFEST_PATH,
                    "SAP-RuntimeProfile: iflmap",
                    "SAP-RuntimeProfile: edge",
                ),
                "META-INF/MANIFEST.MF: headers differ: sap-runtimeprofile",
            ),
            (
                Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=y\n"),
                "src/main/resources/parameters.prop: parameters differ: Host Name",
            ),
            (
                Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=https\\://x\nb=c"),
                "src/main/resources/parameters.prop: parameters differ: b",
            ),
            (
                Sample::flow().with(PARAMETERS_PATH, "a=\\u"),
                "src/main/resources/parameters.prop: content differs",
            ),
            (
                Sample::flow().replaced(DEFINITIONS_PATH, "xsd:string", "xsd:integer"),
                "src/main/resources/parameters.propdef: declarations of parameters differ: Host Name",
            ),
            (
                Sample::flow().with(DEFINITIONS_PATH, "<broken"),
                "src/main/resources/parameters.propdef: content differs",
            ),
        ];
        for (remote, expected) in changed {
            assert_eq!(differences(&Sample::flow(), &remote, &[]), [expected]);
        }
    }

    #[test]
    fn a_configured_value_in_the_download_is_no_difference() {
        let remote = Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=configured\n");
        assert_eq!(
            differences(&Sample::flow(), &remote, &[("Host Name", "configured")]),
            [""; 0]
        );
        assert_eq!(
            differences(&Sample::flow(), &remote, &[("Host Name", "other")]).len(),
            1
        );
        let profile = Sample::flow().with(
            PARAMETERS_PATH,
            "Host\\ Name=https\\://x\nSAP_ProfileId=iflmap\n",
        );
        assert_eq!(
            differences(&Sample::flow(), &profile, &[("SAP_ProfileId", "iflmap")]),
            [""; 0]
        );
        let more = Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=https\\://x\nold=1\n");
        assert_eq!(
            differences(&Sample::flow(), &more, &[("old", "1")]).len(),
            1
        );
    }

    #[test]
    fn files_that_cannot_be_read_are_compared_by_their_bytes() {
        let broken = || {
            Sample::flow()
                .with(PARAMETERS_PATH, "a=\\u")
                .with(DEFINITIONS_PATH, "<broken")
        };
        assert_eq!(differences(&broken(), &broken(), &[]), [""; 0]);
    }

    #[test]
    fn the_id_asked_for_is_compared_and_not_that_of_the_directory() {
        let options = PackOptions {
            id: Some("Copy".into()),
            ..PackOptions::default()
        };
        let sample = Sample::flow();
        let local = Comparable::of(&sample.open(), &options).unwrap();
        let download = Archive::pack(&sample.open(), &options).unwrap();
        let remote = Comparable::of_zip(download.open_file().unwrap()).unwrap();
        assert_eq!(local, remote);
    }

    #[test]
    fn a_download_that_is_no_zip_is_an_error() {
        let sample = Sample::empty().with("page.html", "<html>");
        let file = File::open(sample.path().join("page.html")).unwrap();
        assert!(Comparable::of_zip(file).is_err());
    }
}
