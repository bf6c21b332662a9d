//! Small artifacts for tests, built file by file in a temporary directory.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Artifact, ArtifactError, DEFINITIONS_PATH, Finding, MANIFEST_PATH, PARAMETERS_PATH};

pub const MODEL_PATH: &str = "src/main/resources/scenarioflows/integrationflow/Any Name.iflw";
pub const SCRIPT_PATH: &str = "src/main/resources/script/log.groovy";

/// An artifact directory that lives as long as this value.
pub struct Sample {
    directory: TempDir,
}

impl Sample {
    /// A directory with nothing in it.
    pub fn empty() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    /// An integration flow in which nothing is wrong.
    pub fn flow() -> Self {
        let model = model(&[
            &[("script", "log.groovy"), ("scriptFunction", "f")],
            &[("address", "{{Host Name}}/x")],
        ]);
        Self::empty()
            .with(MANIFEST_PATH, manifest("IntegrationFlow"))
            .with(".project", "<projectDescription/>")
            .with("metainfo.prop", "#now\ndescription=\n")
            .with(MODEL_PATH, model)
            .with(SCRIPT_PATH, "return 1")
            .with(
                PARAMETERS_PATH,
                "#Tue Mar 05 07:58:43 UTC 2024\nHost\\ Name=https\\://x\n",
            )
            .with(DEFINITIONS_PATH, definitions(&["Host Name"]))
    }

    /// An artifact of another type, with nothing but its manifest.
    pub fn of_type(bundle_type: &str) -> Self {
        Self::empty().with(MANIFEST_PATH, manifest(bundle_type))
    }

    pub fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    pub fn without(self, path: &str) -> Self {
        fs::remove_file(self.path().join(path)).unwrap();
        self
    }

    /// The same with a replacement in one of its files.
    pub fn replaced(self, path: &str, from: &str, to: &str) -> Self {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{from} is not in {path}");
        self.with(path, text.replace(from, to))
    }

    #[cfg(unix)]
    pub fn with_link(self, path: &str, target: impl AsRef<Path>) -> Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn open(&self) -> Artifact {
        Artifact::open(self.path()).unwrap()
    }

    pub fn error(&self) -> ArtifactError {
        Artifact::open(self.path()).unwrap_err()
    }

    pub fn check(&self) -> Vec<Finding> {
        super::check(&self.open())
    }
}

/// A manifest as tenants write it.
pub fn manifest(bundle_type: &str) -> String {
    let profile = if bundle_type == "IntegrationFlow" {
        "SAP-RuntimeProfile: iflmap\r\n"
    } else {
        ""
    };
    format!(
        "Manifest-Version: 1.0\r\nBundle-SymbolicName: Orders_To_Warehouse; singleton:=true\r\n\
        Bundle-Name: Orders to Warehouse\r\nBundle-Version: 1.0.3\r\nOrigin-Bundle-Version: 1.0.0\r\n\
        Import-Service: \r\n{profile}SAP-BundleType: {bundle_type}\r\nSAP-NodeType: IFLMAP\r\n\r\n"
    )
}

/// A flow's model with one step for each list of properties; they begin in line 3, four lines a property.
pub fn model(steps: &[&[(&str, &str)]]) -> String {
    let mut text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><b:d xmlns:b=\"urn:b\" xmlns:ifl=\"urn:i\">\n"
            .to_owned();
    for step in steps {
        text.push_str("<b:extensionElements>\n");
        for (key, value) in *step {
            let property = format!(
                "<ifl:property>\n<key>{key}</key>\n<value>{value}</value>\n</ifl:property>\n"
            );
            text.push_str(&property);
        }
        text.push_str("</b:extensionElements>\n");
    }
    text + "</b:d>\n"
}

/// A declaration of parameters.
pub fn definitions(names: &[&str]) -> String {
    let one = |name: &&str| {
        format!("<parameter><key/><name>{name}</name><type>xsd:string</type></parameter>")
    };
    format!(
        "<?xml version=\"1.0\"?><parameters>{}</parameters>",
        names.iter().map(one).collect::<String>()
    )
}

/// The artifacts that a tenant wrote, where they are at hand: in the directory that `FLOWSHIP_REAL_ARTIFACTS` names.
pub fn real_artifacts() -> Vec<Artifact> {
    let Some(directory) = std::env::var_os("FLOWSHIP_REAL_ARTIFACTS") else {
        return Vec::new();
    };
    let paths = super::artifacts_below(Path::new(&directory)).unwrap();
    paths
        .iter()
        .map(|path| Artifact::open(path).unwrap())
        .collect()
}

/// A zip with these entries in this order.
pub fn zip(directory: &Path, entries: &[(&str, &[u8])]) -> PathBuf {
    let path = directory.join("sample.zip");
    let mut writer = ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in entries {
        if name.ends_with('/') {
            writer
                .add_directory(*name, SimpleFileOptions::default())
                .unwrap();
        } else {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
    }
    writer.finish().unwrap();
    path
}

/// A flow's model with these elements in it.
pub fn model_with(elements: &[String]) -> String {
    let elements = elements.concat();
    format!("<b:d xmlns:b=\"urn:b\" xmlns:ifl=\"urn:i\">\n{elements}</b:d>\n")
}

/// An element of a model, one property a line, as `<b:messageFlow targetRef="..">`.
pub fn element(opening: &str, properties: &[(&str, &str)]) -> String {
    let name = opening.split(' ').next().unwrap_or_default();
    let properties: String = properties
        .iter()
        .map(|(key, value)| {
            format!("<ifl:property><key>{key}</key><value>{value}</value></ifl:property>\n")
        })
        .collect();
    format!("<b:{opening}><b:extensionElements>\n{properties}</b:extensionElements></b:{name}>\n")
}

/// The channel of a sender adapter that leads to the element `Start`.
pub fn sender(component: &str, properties: &[(&str, &str)]) -> String {
    let mut all = vec![("ComponentType", component), ("direction", "Sender")];
    all.extend(properties);
    element("messageFlow name=\"In\" targetRef=\"Start\"", &all)
}

/// The schedule of a timer that runs once, escaped for a model.
pub const RUN_ONCE: &str = "&lt;row&gt;&lt;cell&gt;triggerType&lt;/cell&gt;&lt;cell&gt;simple&lt;/cell&gt;&lt;/row&gt;&lt;row&gt;&lt;cell&gt;schedule1&lt;/cell&gt;&lt;cell&gt;fireNow=true&lt;/cell&gt;&lt;/row&gt;";
/// The schedule of a timer that runs every hour, escaped for a model.
pub const HOURLY: &str = "&lt;row&gt;&lt;cell&gt;schedule1&lt;/cell&gt;&lt;cell&gt;0+0+*+?+*+*+*&amp;amp;trigger.timeZone=Etc/GMT&lt;/cell&gt;&lt;/row&gt;";
