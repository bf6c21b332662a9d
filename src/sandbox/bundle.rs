//! The zip of an artifact as the tenant reads and rewrites it.

use std::borrow::Cow;
use std::io::{Cursor, Read, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::artifact_type::ArtifactType;
use crate::artifact::manifest::{Manifest, aligned};
use crate::artifact::properties::Properties;

pub const MANIFEST: &str = "META-INF/MANIFEST.MF";
const PARAMETERS: &str = "src/main/resources/parameters.prop";
/// Holds the description; downloads of value mappings come without it.
pub const METAINFO: &str = "metainfo.prop";
const DEFINITIONS: &str = "src/main/resources/parameters.propdef";
/// No single file that the tenant itself reads is larger; a bomb would be.
const LARGEST_READ: u64 = 16 * 1024 * 1024;

/// Why content is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("The artifact content is not a valid archive.")]
    NotAnArchive,
    #[error("The artifact content does not contain META-INF/MANIFEST.MF.")]
    NoManifest,
    #[error("invalid header field line {0}")]
    BrokenManifest(u32),
    #[error("The manifest of the artifact content has no Bundle-SymbolicName.")]
    NoSymbolicName,
}

/// What the tenant wants to know of a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    pub symbolic_name: String,
    pub name: Option<String>,
    pub version: Option<String>,
    pub sap_type: Option<String>,
}

impl Bundle {
    pub fn read(zip: &[u8]) -> Result<Self, BundleError> {
        open(zip)?;
        let bytes = file(zip, MANIFEST).ok_or(BundleError::NoManifest)?;
        let manifest =
            Manifest::parse(&bytes).map_err(|error| BundleError::BrokenManifest(error.line()))?;
        Ok(Self {
            symbolic_name: manifest
                .symbolic_name()
                .ok_or(BundleError::NoSymbolicName)?
                .to_owned(),
            name: manifest.bundle_name().map(str::to_owned),
            version: manifest.bundle_version().map(str::to_owned),
            sap_type: manifest.bundle_type().map(str::to_owned),
        })
    }

    pub fn is_of(&self, kind: ArtifactType) -> bool {
        self.sap_type
            .as_deref()
            .is_none_or(|bundle_type| bundle_type == kind.bundle_type())
    }
}

/// The same artifact as an earlier save might have left it: with a script that is no longer there.
pub fn earlier_version(zip: &[u8]) -> Option<Vec<u8>> {
    let script = b"// of an earlier version\n";
    with_file(
        zip,
        "src/main/resources/script/earlier.groovy",
        Some(script),
    )
    .ok()
}

/// The description that travels in the zip.
pub fn description(zip: &[u8]) -> Option<String> {
    let properties = Properties::parse(&file(zip, METAINFO)?).ok()?;
    properties.get("description").map(str::to_owned)
}

/// The steps' properties in a flow's model, as pairs of key and value; none where there is no model that can be read.
pub fn model_properties(zip: &[u8]) -> Vec<(String, String)> {
    let files = files(zip);
    let mut names = files.iter().map(|(name, _)| name);
    let model = names.find(|name| name.to_ascii_lowercase().ends_with(".iflw"));
    let text = model.and_then(|name| file(zip, name)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let Ok(document) = crate::xml::parse(&text) else {
        return Vec::new();
    };
    let keys = document.descendants();
    let keys = keys.filter(|node| node.tag_name().name() == "key");
    keys.filter_map(|key| {
        let value = key.next_sibling_element()?;
        Some((key.text()?.to_owned(), value.text()?.to_owned()))
    })
    .collect()
}

/// Whether there are values of parameters, and no definitions.
pub fn lacks_definitions(zip: &[u8]) -> bool {
    file(zip, PARAMETERS).is_some() && file(zip, DEFINITIONS).is_none()
}

/// Whether a message mapping has the mapping that it is about.
pub fn has_mapping(zip: &[u8]) -> bool {
    let files = files(zip);
    let mut names = files.iter().map(|(name, _)| name);
    let endings = [".mmap", ".opmap"];
    names.any(|name| endings.iter().any(|ending| name.ends_with(ending)))
}

/// A parameter as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub key: String,
    pub value: String,
    pub data_type: String,
    pub description: String,
}

impl Declared {
    /// A text without a definition.
    pub fn text(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
            data_type: "xsd:string".to_owned(),
            description: String::new(),
        }
    }
}

/// The externalised parameters: those defined, then those that only have a value.
pub fn parameters(zip: &[u8]) -> Vec<Declared> {
    let values = file(zip, PARAMETERS).and_then(|bytes| Properties::parse(&bytes).ok());
    let values = values.unwrap_or_default();
    let definitions = file(zip, DEFINITIONS).map(|bytes| definitions(&bytes));
    let mut declared = definitions.unwrap_or_default();
    for parameter in &mut declared {
        let value = values.get(&parameter.key).unwrap_or_default();
        value.clone_into(&mut parameter.value);
    }
    for entry in &values {
        if declared.iter().all(|parameter| parameter.key != entry.key) {
            declared.push(Declared::text(&entry.key, &entry.value));
        }
    }
    declared
}

fn definitions(bytes: &[u8]) -> Vec<Declared> {
    let text = String::from_utf8_lossy(bytes);
    let Ok(document) = crate::xml::parse(&text) else {
        return Vec::new();
    };
    let parameters = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("parameter"));
    let mut declared: Vec<Declared> = Vec::new();
    for parameter in parameters.filter_map(definition) {
        if declared.iter().all(|known| known.key != parameter.key) {
            declared.push(parameter);
        }
    }
    declared
}

fn definition(node: roxmltree::Node<'_, '_>) -> Option<Declared> {
    let child = |name: &str| {
        let child = node.children().find(|child| child.has_tag_name(name))?;
        let text = child.text()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let key = child("name").or_else(|| child("key"))?;
    let declared = Declared::text(&key, "");
    Some(Declared {
        data_type: child("type").unwrap_or(declared.data_type),
        description: child("description").unwrap_or_default(),
        ..declared
    })
}

fn open(zip: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, BundleError> {
    ZipArchive::new(Cursor::new(zip)).map_err(|_| BundleError::NotAnArchive)
}

/// The names of all files in a zip, with their sizes.
pub fn files(zip: &[u8]) -> Vec<(String, u64)> {
    let Ok(mut archive) = open(zip) else {
        return Vec::new();
    };
    let all = 0..archive.len();
    let named = |at| {
        let entry = archive.by_index_raw(at).ok()?;
        let name = entry.name().map(Cow::into_owned).unwrap_or_default();
        Some((name, entry.size()))
    };
    all.filter_map(named).collect()
}

/// One file's bytes.
pub fn file(zip: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut archive = open(zip).ok()?;
    let entry = archive.by_name(name).ok()?;
    let mut bytes = Vec::new();
    entry.take(LARGEST_READ).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The same zip with one file put in, replaced, or, with `None`, taken out.
pub fn with_file(zip: &[u8], name: &str, content: Option<&[u8]>) -> Result<Vec<u8>, BundleError> {
    rewritten(zip, name, content).map_err(|_| BundleError::NotAnArchive)
}

/// The same artifact as another download gives it: the date of the download in `parameters.prop` and `metainfo.prop`, and
/// entries in another order.
pub fn dated(zip: &[u8], millis: i64) -> Result<Vec<u8>, BundleError> {
    let mut dated = zip.to_vec();
    for name in [PARAMETERS, METAINFO] {
        let Some(found) = file(zip, name) else {
            continue;
        };
        let text = String::from_utf8_lossy(&found);
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let turn = usize::try_from(millis).unwrap_or_default() % lines.len().max(1);
        lines.rotate_left(turn);
        let second = millis / 1000 % 60;
        let content = format!(
            "#Tue Sep 26 12:45:{second:02} UTC 2017\n{}\n",
            lines.join("\n")
        );
        dated = with_file(&dated, name, Some(content.as_bytes()))?;
    }
    Ok(dated)
}

/// The same artifact as a tenant stores it that spells files in its own way.
pub fn respelled(mut zip: Vec<u8>, id: &str, how: &str) -> Result<Vec<u8>, BundleError> {
    for (path, _) in files(&zip) {
        let ending = path.rsplit('.').next().unwrap_or_default().to_owned();
        let Some(content) = file(&zip, &path) else {
            continue;
        };
        let text = String::from_utf8_lossy(&content);
        let (new_path, text) = match (how, ending.as_str()) {
            ("comment", "iflw") => (path.clone(), format!("{text}<!-- stored -->\n")),
            ("comment", "groovy") => (path.clone(), format!("{text}// stored\n")),
            ("blanks", "iflw" | "groovy") => (path.clone(), text.replace('\n', "\r\n")),
            ("name", "mmap") => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                (format!("{folder}/{id}.mmap"), text.into_owned())
            }
            _ => continue,
        };
        zip = with_file(&zip, &path, None)?;
        zip = with_file(&zip, &new_path, Some(text.as_bytes()))?;
    }
    Ok(zip)
}

fn rewritten(zip: &[u8], name: &str, content: Option<&[u8]>) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(zip.len() + 1024)));
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at)?;
        if entry.name()? != name {
            writer.raw_copy_file(entry)?;
        }
    }
    if let Some(content) = content {
        writer.start_file(name, SimpleFileOptions::default())?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// What a tenant stores on create: the manifest's symbolic name is the artifact's id, whatever it was.
pub fn renamed(zip: Vec<u8>, id: &str) -> Result<Vec<u8>, BundleError> {
    let manifest = file(&zip, MANIFEST).ok_or(BundleError::NoManifest)?;
    let renamed = aligned(&manifest, Some(id), None);
    if renamed == manifest {
        Ok(zip)
    } else {
        with_file(&zip, MANIFEST, Some(&renamed))
    }
}

/// The content of an artifact that was created without any: its manifest, and of a flow the whole shell.
pub fn empty(kind: ArtifactType, id: &str, name: &str) -> Result<Vec<u8>, BundleError> {
    let manifest = format!(
        "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2\r\nBundle-SymbolicName: x; singleton:=true\r\nBundle-Name: x\r\n\
         Bundle-Version: 1.0.0\r\nSAP-BundleType: {}\r\nSAP-NodeType: IFLMAP\r\nSAP-RuntimeProfile: iflmap\r\n\r\n",
        kind.bundle_type()
    );
    // aligned() wraps long values; a plain format! would not
    let manifest = aligned(manifest.as_bytes(), Some(id), Some(name));
    let mut files = vec![(MANIFEST.to_owned(), manifest)];
    if kind == ArtifactType::IntegrationFlow {
        let model = format!("src/main/resources/scenarioflows/integrationflow/{id}.iflw");
        let shell = [
            (".project", "<projectDescription/>"),
            (&model, SHELL),
            (PARAMETERS, ""),
            (DEFINITIONS, "<parameters/>"),
        ];
        files.extend(shell.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
    }
    zip_of(files)
}

/// The model of a flow in which nothing happens.
const SHELL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><bpmn2:definitions xmlns:bpmn2=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" id=\"Definitions_1\"><bpmn2:collaboration id=\"Collaboration_1\" name=\"Default Collaboration\"/><bpmn2:process id=\"Process_1\" name=\"Integration Process\"/></bpmn2:definitions>";

/// A zip of these files.
pub fn zip_of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Vec<u8>, BundleError> {
    let written = || {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(name, SimpleFileOptions::default())?;
            writer.write_all(&content)?;
        }
        writer.finish()
    };
    let written = written().map_err(|_| BundleError::NotAnArchive)?;
    Ok(written.into_inner())
}

/// A digest, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A zip of the given files.
    pub fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
        let files = files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()));
        super::zip_of(files).unwrap()
    }

    #[test]
    fn a_bundle_is_read_and_renamed() {
        let zip = zip_of(&[
            ("a.txt", "a"),
            (
                MANIFEST,
                "Manifest-Version: 1.0\r\nBundle-SymbolicName: Old; singleton:=true\r\nBundle-Version: 1.0.7\r\n",
            ),
        ]);
        let bundle = Bundle::read(&zip).unwrap();
        assert_eq!(
            (bundle.symbolic_name.as_str(), bundle.version.as_deref()),
            ("Old", Some("1.0.7"))
        );
        let zip = renamed(zip, "New").unwrap();
        assert_eq!(Bundle::read(&zip).unwrap().symbolic_name, "New");
        assert_eq!(file(&zip, "a.txt").as_deref(), Some(b"a".as_slice()));
    }

    #[test]
    fn what_is_no_artifact_is_refused() {
        assert_eq!(Bundle::read(b"junk"), Err(BundleError::NotAnArchive));
        assert_eq!(
            Bundle::read(&zip_of(&[("a", "b")])),
            Err(BundleError::NoManifest)
        );
        assert_eq!(
            Bundle::read(&zip_of(&[(MANIFEST, "Manifest-Version: 1.0\r\n")])),
            Err(BundleError::NoSymbolicName)
        );
        for kind in ArtifactType::ALL {
            let bundle = Bundle::read(&empty(kind, "Some_Id", "Some name").unwrap()).unwrap();
            assert!(bundle.is_of(kind) && bundle.symbolic_name == "Some_Id");
        }
    }

    #[test]
    fn parameters_have_values_and_types() {
        let zip = zip_of(&[
            (PARAMETERS, "#date\nHost\\ Name=a\\:b\nextra=1\n"),
            (
                DEFINITIONS,
                "<parameters><parameter><key/><name>Host Name</name><type>xsd:string</type></parameter>\
                <parameter><name>Retries</name><type>xsd:integer</type><description>How often</description></parameter></parameters>",
            ),
        ]);
        let declared = parameters(&zip);
        let shown: Vec<_> = declared
            .iter()
            .map(|d| (d.key.as_str(), d.value.as_str(), d.data_type.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("Host Name", "a:b", "xsd:string"),
                ("Retries", "", "xsd:integer"),
                ("extra", "1", "xsd:string")
            ]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (Bundle::read(&bytes), parameters(&bytes), files(&bytes), with_file(&bytes, "x", None));
        }
    }
}
