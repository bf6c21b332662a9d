//! The artifacts of a run, file by file, and what is in a zip. Nothing here is the client's.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Paths and what stands there.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The types that a tenant deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Flow,
    Scripts,
    MessageMapping,
    ValueMapping,
}

impl Kind {
    pub(crate) fn bundle_type(self) -> &'static str {
        match self {
            Kind::Flow => "IntegrationFlow",
            Kind::Scripts => "ScriptCollection",
            Kind::MessageMapping => "MessageMapping",
            Kind::ValueMapping => "ValueMapping",
        }
    }

    /// The deploy call for it is answered with an entity, not with the id of a task.
    pub(crate) fn deploys_without_task(self) -> bool {
        matches!(self, Kind::MessageMapping | Kind::ValueMapping)
    }

    /// How a step of a flow names an artifact of this type.
    fn reference(self) -> Option<&'static str> {
        match self {
            Kind::Scripts => Some("scriptBundleId"),
            Kind::MessageMapping => Some("messageMappingBundleId"),
            Kind::Flow | Kind::ValueMapping => None,
        }
    }
}

/// What an artifact is made of.
pub(crate) struct Recipe<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: Kind,
    /// Two editions differ in what they hold.
    pub(crate) edition: u32,
    /// Externalized parameters and their values in the file.
    pub(crate) parameters: &'a [(String, String)],
    /// What a flow needs.
    pub(crate) needs: &'a [(Kind, String)],
}

impl Recipe<'_> {
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::from([("META-INF/MANIFEST.MF".to_owned(), self.manifest())]);
        let (id, edition) = (self.id, self.edition);
        let mut add = |path: &str, text: String| files.insert(path.to_owned(), text.into_bytes());
        let script = format!("def processData(message) {{ message }} // {edition}\n");
        match self.kind {
            Kind::Flow => {
                let model = format!("src/main/resources/scenarioflows/integrationflow/{id}.iflw");
                add(&model, self.model());
                add("src/main/resources/script/log.groovy", script);
                add("src/main/resources/parameters.prop", self.values());
                add("src/main/resources/parameters.propdef", self.definitions());
            }
            Kind::Scripts => drop(add("src/main/resources/script/shared.groovy", script)),
            Kind::MessageMapping => {
                let mapping = format!("<xiObj><!-- {edition} --></xiObj>");
                add("src/main/resources/mapping/Shared.mmap", mapping);
            }
            Kind::ValueMapping => drop(add("value_mapping.xml", value_mapping(edition))),
        }
        files
    }

    fn manifest(&self) -> Vec<u8> {
        let (id, kind) = (self.id, self.kind.bundle_type());
        format!(
            "Manifest-Version: 1.0\r\nBundle-SymbolicName: {id}; singleton:=true\r\nBundle-Name: {id}\r\n\
             Bundle-ManifestVersion: 2\r\nBundle-Version: 1.0.{}\r\nSAP-BundleType: {kind}\r\nSAP-NodeType: IFLMAP\r\n\r\n",
            self.edition
        )
        .into_bytes()
    }

    fn model(&self) -> String {
        let references = self.needs.iter().filter_map(|(kind, id)| {
            let property = property(kind.reference()?, id);
            Some(format!("<bpmn2:callActivity><bpmn2:extensionElements>{property}</bpmn2:extensionElements></bpmn2:callActivity>\n"))
        });
        let own = self
            .parameters
            .iter()
            .map(|(key, _)| property("address", &format!("{{{{{key}}}}}")));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><bpmn2:definitions xmlns:bpmn2=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" \
             xmlns:ifl=\"http:///com.sap.ifl.model/Ifl.xsd\">\n{}<bpmn2:extensionElements>\n{}{}</bpmn2:extensionElements>\n\
             </bpmn2:definitions>\n",
            references.collect::<String>(),
            property("script", "log.groovy"),
            own.collect::<String>(),
        )
    }

    fn values(&self) -> String {
        let line = |(key, value): &(String, String)| format!("{key}={value}\n");
        self.parameters.iter().map(line).collect()
    }

    fn definitions(&self) -> String {
        let one = |(key, _): &(String, String)| {
            format!(
                "<parameter><key>{key}</key><name>{key}</name><type>xsd:string</type></parameter>"
            )
        };
        let all: String = self.parameters.iter().map(one).collect();
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><parameters>{all}</parameters>")
    }
}

fn property(key: &str, value: &str) -> String {
    format!("<ifl:property>\n<key>{key}</key>\n<value>{value}</value>\n</ifl:property>\n")
}

fn value_mapping(edition: u32) -> String {
    let entry = |agency: &str, value: &str| {
        format!("<entry><agency>{agency}</agency><schema>s</schema><value>{value}</value></entry>")
    };
    let group = |id: &str, one: &str, other: &str| {
        let entries = [entry("A", one), entry("B", other)].concat();
        format!("<group id=\"{id}\">{entries}</group>")
    };
    let common = group("common", "DE", "Germany");
    let own = group(
        &format!("own{edition}"),
        &format!("X{edition}"),
        &format!("Land {edition}"),
    );
    format!("<vm version=\"2.0\">{common}{own}</vm>")
}

/// A zip of these files.
pub(crate) fn zipped(files: &Files) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        writer
            .start_file(path.as_str(), SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The files of a zip.
pub(crate) fn unzipped(zip: &[u8]) -> Files {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = Files::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        if file.is_file() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            files.insert(file.name().unwrap().into_owned(), bytes);
        }
    }
    files
}
