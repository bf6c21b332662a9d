//! Files for readers that want a path: below one directory of the process, written anew for each input.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A small flow; one of its files is replaced by the fuzzed bytes.
const FLOW: [(&str, &str); 6] = [
    (
        "META-INF/MANIFEST.MF",
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: A; singleton:=true\r\nBundle-Name: A\r\nBundle-Version: 1.0.0\r\nSAP-BundleType: IntegrationFlow\r\n\r\n",
    ),
    (
        "src/main/resources/scenarioflows/integrationflow/A.iflw",
        "<bpmn2:definitions xmlns:bpmn2=\"b\" xmlns:ifl=\"i\"><bpmn2:collaboration><bpmn2:messageFlow><bpmn2:extensionElements><ifl:property><key>ComponentType</key><value>HTTPS</value></ifl:property></bpmn2:extensionElements></bpmn2:messageFlow></bpmn2:collaboration></bpmn2:definitions>",
    ),
    ("src/main/resources/parameters.prop", "Retries=3\n"),
    (
        "src/main/resources/parameters.propdef",
        "<parameters><parameter><key>Retries</key><name>Retries</name><type>xsd:string</type></parameter></parameters>",
    ),
    ("metainfo.prop", "description=A\n"),
    ("value_mapping.xml", "<vm version=\"2.0\"/>"),
];

fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    DIRECTORY
        .get_or_init(|| TempDir::new().expect("a temporary directory"))
        .path()
}

/// A file with these bytes.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    path
}

/// The directory of all of them.
pub fn home() -> &'static Path {
    directory()
}

/// A zip of the flow with one file replaced: the first byte says which.
pub fn flow_with(data: &[u8]) -> PathBuf {
    let (which, bytes) = data.split_first().unwrap_or((&0, &[]));
    let replaced = usize::from(*which) % FLOW.len();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (number, (path, text)) in FLOW.iter().enumerate() {
        writer.start_file(*path, options).expect("a zip in memory");
        let bytes = if number == replaced {
            bytes
        } else {
            text.as_bytes()
        };
        writer.write_all(bytes).expect("a zip in memory");
    }
    let zip = writer.finish().expect("a zip in memory").into_inner();
    file("flow.zip", &zip)
}
