//! Letting a copy of an integration flow use the copies of its script collections and message mappings.

use std::collections::BTreeMap;
use std::ops::Range;

use super::contents::Contents;
use super::error::ArtifactError;
use super::files::ArtifactFile;
use super::flow_model::{FlowModel, Property};
use super::keys;
use super::pack_options::renamed;

/// The model with other names in its references; every byte that is not such a name stays as it is.
pub fn rewired(
    contents: &mut Contents,
    file: &ArtifactFile,
    references: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ArtifactError> {
    let (text, model) = FlowModel::read(contents, file)?;
    let replacements = model.properties().filter_map(|property| {
        let namespace = keys::used(&property.key)?.namespace()?;
        let name = renamed(references, namespace, &property.value);
        let name = name.filter(|name| *name != property.value)?;
        Some((content_of(&text, property)?, name))
    });
    let mut replacements: Vec<_> = replacements.collect();
    replacements.sort_by_key(|(range, _)| range.start);
    Ok(replaced(&text, &replacements))
}

/// Where the text in a `<value>` element stands, without blanks around it; `None` for an element without text.
fn content_of(text: &str, property: &Property) -> Option<Range<usize>> {
    let element = text.get(property.element.clone())?;
    // an attribute of <value> may hold a `>` as well; the content begins after the one that is outside of quotes
    let mut quote = None;
    let opened = element.char_indices().find_map(|(position, character)| {
        match (quote, character) {
            (None, '>') => return Some(position + 1),
            (None, '"' | '\'') => quote = Some(character),
            (Some(begun), _) if begun == character => quote = None,
            _ => {}
        }
        None
    })?;
    let closed = element.rfind("</")?;
    let inner = element.get(opened..closed)?;
    let start = property.element.start + opened + (inner.len() - inner.trim_start().len());
    Some(start..start + inner.trim().len())
}

fn replaced(text: &str, replacements: &[(Range<usize>, &str)]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut copied = 0;
    for (range, name) in replacements {
        output.extend_from_slice(&text.as_bytes()[copied..range.start]);
        output.extend_from_slice(escaped(name).as_bytes());
        copied = range.end;
    }
    output.extend_from_slice(&text.as_bytes()[copied..]);
    output
}

/// Text as it stands between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::artifact::flow_model::is_model;
    use crate::artifact::manifest::Manifest;
    use crate::artifact::sample::{MODEL_PATH, Sample, model, real_artifacts};
    use crate::artifact::{
        Archive, Artifact, ArtifactKind, Comparable, MANIFEST_PATH, PackOptions, content_equal,
        dependencies,
    };

    fn references(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = pairs
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
        owned.collect()
    }

    fn packed(sample: &Sample, options: &PackOptions, path: &str) -> String {
        let archive = Archive::pack(&sample.open(), options).unwrap();
        let mut zip = zip::ZipArchive::new(archive.open_file().unwrap()).unwrap();
        std::io::read_to_string(zip.by_name(path).unwrap()).unwrap()
    }

    fn rewired_model(text: &str, pairs: &[(&str, &str)]) -> String {
        let options = PackOptions {
            references: references(pairs),
            ..PackOptions::default()
        };
        packed(&Sample::flow().with(MODEL_PATH, text), &options, MODEL_PATH)
    }

    #[test]
    fn only_references_whose_whole_value_is_the_name_change_and_every_other_byte_stays() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- Common --><d xmlns:ifl='i'><e>\r\n\
            <ifl:property><key>scriptBundleId</key><value>Common</value></ifl:property>\
            <ifl:property><key>script</key><value>Common</value></ifl:property></e><e>\
            <ifl:property ><key> scriptBundleId</key><value a=\"x>y\"  >\n Common\t</value></ifl:property></e><e>\
            <ifl:property><key>scriptBundleId</key><value>Common_2</value></ifl:property></e><e>\
            <ifl:property><value><![CDATA[Common]]></value><key>scriptBundleId</key></ifl:property></e><e>\
            <ifl:property><key>messageMappingBundleId</key><value>A&amp;B</value></ifl:property></e><e>\
            <ifl:property><key>messageMappingBundleId</key><value/></ifl:property></e><e>\
            <ifl:property><key>scriptBundleId</key><value>{{Common}}</value></ifl:property></e></d>\r\n<!-- end -->";
        let expected = text
            .replacen(
                "<value>Common</value>",
                "<value>Common&lt;QA&gt;&amp;</value>",
                1,
            )
            .replace("\n Common\t", "\n Common&lt;QA&gt;&amp;\t")
            .replace("<![CDATA[Common]]>", "Common&lt;QA&gt;&amp;")
            .replace("A&amp;B", "C");
        assert_eq!(
            rewired_model(text, &[("Common", "Common<QA>&"), ("A&B", "C")]),
            expected
        );
    }

    #[test]
    fn a_name_with_its_namespace_means_that_type_alone() {
        let text = model(&[
            &[("scriptBundleId", "Supplier")],
            &[("messageMappingBundleId", "Supplier")],
        ]);
        let pairs = [("messagemapping.Supplier", "MM_QA"), ("Supplier", "Other")];
        let expected = text
            .replacen("<value>Supplier", "<value>Other", 1)
            .replacen("<value>Supplier", "<value>MM_QA", 1);
        assert_eq!(rewired_model(&text, &pairs), expected);
    }

    #[test]
    fn a_model_that_cannot_be_read_is_no_copy_that_uses_its_originals() {
        let sample = Sample::flow().with(MODEL_PATH, "<a>");
        let options = PackOptions {
            references: references(&[("a", "b")]),
            ..PackOptions::default()
        };
        let error = Archive::pack(&sample.open(), &options).unwrap_err();
        assert!(matches!(error, ArtifactError::Model { .. }), "{error}");
        assert!(Archive::pack(&sample.open(), &PackOptions::default()).is_ok());
    }

    /// A mapping whose capability differs from its id, a collection, and a flow that uses both.
    fn landscape() -> [Sample; 3] {
        let with_header = |sample: Sample, header: &str| {
            sample.replaced(
                MANIFEST_PATH,
                "SAP-NodeType",
                &format!("{header}\r\nSAP-NodeType"),
            )
        };
        let renamed =
            |sample: Sample, id| sample.replaced(MANIFEST_PATH, "Orders_To_Warehouse", id);
        let mapping = renamed(Sample::of_type("MessageMapping"), "MM_Supplier");
        let collection = renamed(Sample::of_type("ScriptCollection"), "Common");
        let flow = Sample::flow().with(
            MODEL_PATH,
            model(&[
                &[("scriptBundleId", "Common"), ("script", "a.groovy")],
                &[
                    ("messageMappingBundleId", "MM_Supplier"),
                    ("mappingname", "Supplier"),
                ],
            ]),
        );
        [
            with_header(
                mapping,
                "Provide-Capability: messagemapping.Supplier;version:Version=\"1.0.0\"",
            ),
            with_header(
                collection,
                "Provide-Capability: scriptcollection.Common;version:Version=\"1.0.0\"",
            ),
            with_header(
                flow,
                "Require-Capability: messagemapping.Supplier;resolution:=optional,scriptcollection.Comm\r\n on;source:String=\"reference\",sap.adapter.Kafka",
            ),
        ]
    }

    #[test]
    fn copied_artifacts_use_copied_artifacts_and_need_nothing_else() {
        let originals = landscape();
        let mut references = BTreeMap::new();
        for sample in &originals {
            let artifact = sample.open();
            let id = format!("{}_QA", artifact.id());
            references.extend(artifact.references().unwrap().renamed_to(&id));
        }
        let directory = tempfile::tempdir().unwrap();
        let mut copies = Vec::new();
        for (number, sample) in originals.iter().enumerate() {
            let artifact = sample.open();
            let options = PackOptions {
                id: Some(format!("{}_QA", artifact.id())),
                references: references.clone(),
                ..PackOptions::default()
            };
            let zip = directory.path().join(number.to_string());
            std::fs::copy(Archive::pack(&artifact, &options).unwrap().path(), &zip).unwrap();
            let copy = Artifact::open(&zip).unwrap();
            let (local, remote) = (
                Comparable::of(&artifact, &options).unwrap(),
                Comparable::of_zip(std::fs::File::open(&zip).unwrap()).unwrap(),
            );
            assert!(content_equal(&local, &remote, &BTreeMap::new()));
            copies.push(copy.references().unwrap());
        }
        let ids: Vec<_> = copies.iter().map(|copy| copy.id.as_str()).collect();
        assert_eq!(
            ids,
            ["MM_Supplier_QA", "Common_QA", "Orders_To_Warehouse_QA"]
        );
        let all = dependencies(&copies.iter().collect::<Vec<_>>());
        assert_eq!(all.needs[2].on, [0, 1]);
        assert_eq!(all.needs[2].missing, []);
        let names: Vec<_> = copies[2]
            .requires
            .iter()
            .map(|one| (one.kind, one.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                (ArtifactKind::MessageMapping, "MM_Supplier_QA"),
                (ArtifactKind::ScriptCollection, "Common_QA")
            ]
        );
        assert_eq!(copies[2].others.len(), 1);
    }

    #[test]
    fn required_names_change_in_the_manifest_with_their_attributes_kept() {
        let [_, _, flow] = landscape();
        let options = PackOptions {
            references: references(&[("scriptcollection.Common", "Common_QA")]),
            version: Some("1.0.9".to_owned()),
            ..PackOptions::default()
        };
        let manifest = packed(&flow, &options, MANIFEST_PATH);
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        assert_eq!(
            manifest.get("Require-Capability"),
            Some(
                "messagemapping.Supplier;resolution:=optional,scriptcollection.Common_QA;source:String=\"reference\",sap.adapter.Kafka"
            )
        );
        assert_eq!(manifest.bundle_version(), Some("1.0.9"));
        assert_eq!(manifest.oddities(), []);
    }

    #[test]
    fn a_copy_is_packed_the_same_each_time_and_its_digest_is_that_of_what_is_packed() {
        let [_, _, flow] = landscape();
        let options = PackOptions {
            references: references(&[("Common", "X")]),
            ..PackOptions::default()
        };
        let one = Archive::pack(&flow.open(), &options).unwrap();
        let other = Archive::pack(&flow.open(), &options).unwrap();
        assert_eq!((one.zip, one.content), (other.zip, other.content));
        let opened = Artifact::open(one.path()).unwrap();
        let again = Archive::pack(&opened, &PackOptions::default()).unwrap();
        assert_eq!(again.content, one.content);
        assert_ne!(
            Archive::pack(&flow.open(), &PackOptions::default())
                .unwrap()
                .content,
            one.content
        );
    }

    #[test]
    fn a_copy_of_a_real_artifact_differs_in_its_references_and_nothing_else() {
        for artifact in real_artifacts() {
            let requires = artifact.references().unwrap().requires;
            let names = requires.iter().map(|one| one.name.clone());
            let options = PackOptions {
                references: names
                    .map(|name| (name.clone(), format!("{name}_COPY")))
                    .collect(),
                ..PackOptions::default()
            };
            let archive = Archive::pack(&artifact, &options).unwrap();
            let copy = Artifact::open(archive.path()).unwrap();
            let expected: Vec<_> = requires
                .iter()
                .map(|one| format!("{}_COPY", one.name))
                .collect();
            let found = copy.references().unwrap().requires;
            assert_eq!(
                found.into_iter().map(|one| one.name).collect::<Vec<_>>(),
                expected
            );
            let read = |artifact: &Artifact| {
                let mut files = artifact.files().iter();
                let file = files.find(|file| is_model(&file.path))?;
                let mut contents = Contents::reopen(artifact).unwrap();
                Some(FlowModel::read(&mut contents, file).unwrap().0)
            };
            assert_eq!(
                read(&copy).map(|text| text.replace("_COPY", "")),
                read(&artifact)
            );
        }
    }

    proptest! {
        // each case packs and opens a zip
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_new_name_is_read_back_from_manifest_and_model(name in "[A-Za-z_][A-Za-z0-9_.&<>'ä-]{0,80}") {
            let [_, _, flow] = landscape();
            let options = PackOptions { references: references(&[("Common", &name)]), ..PackOptions::default() };
            let archive = Archive::pack(&flow.open(), &options).unwrap();
            let copy = Artifact::open(archive.path()).unwrap().references().unwrap();
            let collections: Vec<_> = copy.requires.iter()
                .filter(|one| one.kind == ArtifactKind::ScriptCollection)
                .map(|one| one.name.clone())
                .collect();
            prop_assert_eq!(collections, [name]);
        }
    }
}
