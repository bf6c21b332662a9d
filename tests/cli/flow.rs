//! Artifacts for tests, built file by file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use flowship::artifact::{Archive, Artifact, PackOptions};
use flowship::sandbox::Preload;
use tempfile::TempDir;
use zip::ZipArchive;

pub(crate) const MANIFEST: &str = "META-INF/MANIFEST.MF";
pub(crate) const MODEL: &str =
    "src/main/resources/scenarioflows/integrationflow/Orders to Warehouse.iflw";
pub(crate) const SCRIPT: &str = "src/main/resources/script/log.groovy";
pub(crate) const VALUES: &str = "src/main/resources/parameters.prop";
pub(crate) const DEFINITIONS: &str = "src/main/resources/parameters.propdef";

/// An artifact directory that lives as long as this value.
pub(crate) struct Flow {
    pub(crate) id: String,
    directory: TempDir,
}

impl Flow {
    /// A flow with a script and two parameters, as tenants write it: CRLF, and an id that reaches over two lines.
    pub(crate) fn new() -> Self {
        let id = "Orders_To_The_Warehouse_Of_The_Northern_Region_Replicated";
        let header = format!("Bundle-SymbolicName: {id}; singleton:=true");
        let (first, second) = header.split_at(70);
        let manifest = format!(
            "Manifest-Version: 1.0\r\n{first}\r\n {second}\r\nBundle-Name: Orders to Warehouse\r\n\
             Bundle-ManifestVersion: 2\r\nBundle-Version: 1.0.3\r\nSAP-BundleType: IntegrationFlow\r\n\
             SAP-NodeType: IFLMAP\r\nSAP-RuntimeProfile: iflmap\r\n\r\n"
        );
        Self::bare(id)
            .with(MANIFEST, manifest)
            .with(MODEL, model())
            .with(SCRIPT, "def processData(message) { message }\n")
            .with(VALUES, "#Tue Mar 05 07:58:43 UTC 2024\nReceiver\\ Address=https\\://quality.example\nRetries=3\n")
            .with(DEFINITIONS, definitions(&["Receiver Address", "Retries"]))
    }

    /// The same flow with another, short id.
    pub(crate) fn named(id: &str) -> Self {
        Self::new().with_id(id)
    }

    /// The same artifact with another id.
    pub(crate) fn with_id(self, id: &str) -> Self {
        let manifest = self
            .read(MANIFEST)
            .replace("\r\n ", "")
            .replace(&self.id, id);
        Self {
            id: id.to_owned(),
            ..self
        }
        .with(MANIFEST, manifest)
    }

    /// With one more header in its manifest.
    pub(crate) fn with_header(self, header: &str) -> Self {
        let manifest =
            self.read(MANIFEST)
                .replacen("SAP-NodeType", &format!("{header}\r\nSAP-NodeType"), 1);
        self.with(MANIFEST, manifest)
    }

    /// With one more element in its model, before everything else.
    pub(crate) fn with_element(self, element: &str) -> Self {
        let model = self.read(MODEL);
        let begin = model.find("<bpmn2:extensionElements>").unwrap();
        let (before, after) = model.split_at(begin);
        self.with(MODEL, format!("{before}{element}{after}"))
    }

    /// A flow that uses a script of one collection, and a message mapping where one is named.
    pub(crate) fn using(id: &str, collection: &str, mapping: Option<&str>) -> Self {
        let mut properties = property("scriptBundleId", collection);
        if let Some(mapping) = mapping {
            properties += &property("messageMappingBundleId", mapping);
        }
        Self::named(id).with_element(&format!(
            "<bpmn2:callActivity><bpmn2:extensionElements>{properties}</bpmn2:extensionElements></bpmn2:callActivity>\n"
        ))
    }

    /// A flow that is called at an address of its HTTPS sender.
    pub(crate) fn called_at(id: &str, address: &str) -> Self {
        Self::named(id).with_element(&Self::sender("HTTPS", address))
    }

    /// The sender channel of an adapter.
    pub(crate) fn sender(adapter: &str, address: &str) -> String {
        let properties = [
            ("ComponentType", adapter),
            ("direction", "Sender"),
            ("urlPath", address),
        ]
        .map(|(key, value)| property(key, value))
        .concat();
        format!(
            "<bpmn2:messageFlow name=\"{adapter}\" targetRef=\"Start\"><bpmn2:extensionElements>{properties}\
             </bpmn2:extensionElements></bpmn2:messageFlow>\n"
        )
    }

    /// With a timer that starts it.
    pub(crate) fn with_timer(self) -> Self {
        let kind = property(
            "cmdVariantUri",
            "ctype::FlowstepVariant/cname::intermediatetimer/version::1.3.0",
        );
        self.with_element(&format!(
            "<bpmn2:startEvent><bpmn2:extensionElements>{kind}</bpmn2:extensionElements></bpmn2:startEvent>\n"
        ))
    }

    /// The same flow with another script.
    pub(crate) fn changed() -> Self {
        Self::new().with(
            SCRIPT,
            "def processData(message) { message.body = 1; message }\n",
        )
    }

    /// A flow whose manifest has plain line feeds.
    pub(crate) fn with_line_feeds() -> Self {
        let flow = Self::new();
        let manifest = flow.read(MANIFEST).replace('\r', "");
        flow.with(MANIFEST, manifest)
    }

    /// An artifact of another type.
    pub(crate) fn of_type(bundle_type: &str) -> Self {
        let id = format!("Shared_{bundle_type}");
        let manifest = format!(
            "Manifest-Version: 1.0\r\nBundle-SymbolicName: {id}; singleton:=true\r\nBundle-Name: Shared things\r\n\
             Bundle-ManifestVersion: 2\r\nBundle-Version: 1.0.0\r\nSAP-BundleType: {bundle_type}\r\n\
             SAP-NodeType: IFLMAP\r\n\r\n"
        );
        let artifact = Self::bare(&id).with(MANIFEST, manifest);
        match bundle_type {
            "ScriptCollection" => {
                artifact.with("src/main/resources/script/shared.groovy", "return 1\n")
            }
            "MessageMapping" => artifact.with("src/main/resources/mapping/Shared.mmap", "<xiObj/>"),
            "ValueMapping" => artifact.with("value_mapping.xml", "<vm version=\"2.0\"/>"),
            other => panic!("unknown type {other}"),
        }
    }

    fn bare(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            directory: TempDir::new().unwrap(),
        }
    }

    /// With this file, new or instead of the one that was there.
    pub(crate) fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn without(self, path: &str) -> Self {
        fs::remove_file(self.path().join(path)).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// All files with their bytes.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut contents = BTreeMap::new();
        collect(self.path(), self.path(), &mut contents);
        contents
    }

    /// The zip that is uploaded for it.
    pub(crate) fn zip(&self) -> Vec<u8> {
        let artifact = Artifact::open(self.path()).unwrap();
        let mut zip = Vec::new();
        Archive::pack(&artifact, &PackOptions::default())
            .unwrap()
            .copy_to(&mut zip)
            .unwrap();
        zip
    }

    /// On the tenant from the start, and running, with what operations configured.
    pub(crate) fn deployed(&self, configured: &[(&str, &str)]) -> Preload {
        let configured = configured.iter();
        Preload {
            package_id: "Orders".to_owned(),
            zip: self.zip(),
            deployed: true,
            configured: configured
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// On the tenant from the start, but not deployed.
    pub(crate) fn stored(&self) -> Preload {
        Preload {
            deployed: false,
            ..self.deployed(&[])
        }
    }
}

/// A zip with its bytes beside the files of a directory.
pub(crate) fn zipped(flow: &Flow, directory: &Path) -> PathBuf {
    let path = directory.join("artifact.zip");
    fs::write(&path, flow.zip()).unwrap();
    path
}

fn collect(root: &Path, directory: &Path, contents: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, contents);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            contents.insert(name.replace('\\', "/"), fs::read(&path).unwrap());
        }
    }
}

/// The files of a zip with their bytes.
pub(crate) fn unzipped(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut contents = BTreeMap::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        if file.is_file() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            contents.insert(file.name().unwrap().into_owned(), bytes);
        }
    }
    contents
}

fn model() -> String {
    let properties = [
        ("script", "log.groovy"),
        ("address", "{{Receiver Address}}/orders"),
        ("retries", "{{Retries}}"),
    ]
    .map(|(key, value)| property(key, value))
    .concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><bpmn2:definitions xmlns:bpmn2=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" \
         xmlns:ifl=\"http:///com.sap.ifl.model/Ifl.xsd\">\n<bpmn2:extensionElements>\n{properties}</bpmn2:extensionElements>\n\
         </bpmn2:definitions>\n"
    )
}

fn property(key: &str, value: &str) -> String {
    format!("<ifl:property>\n<key>{key}</key>\n<value>{value}</value>\n</ifl:property>\n")
}

pub(crate) fn definitions(names: &[&str]) -> String {
    let one = |name: &&str| {
        format!(
            "<parameter><key>{name}</key><name>{name}</name><type>xsd:string</type></parameter>"
        )
    };
    let all: String = names.iter().map(one).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><parameters>{all}</parameters>")
}
