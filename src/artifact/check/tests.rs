//! Each rule with the smallest artifact that breaks it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::artifact::sample::{MODEL_PATH, SCRIPT_PATH, Sample, definitions, manifest, model};
use crate::artifact::{DEFINITIONS_PATH, PARAMETERS_PATH};

/// Severity, rule and line of all findings.
fn found(sample: &Sample) -> Vec<(Severity, &'static str, Option<u32>)> {
    let findings = sample.check();
    assert!(
        findings
            .iter()
            .all(|finding| !finding.message.is_empty() && !finding.remedy.is_empty()),
        "{findings:?}"
    );
    findings
        .iter()
        .map(|finding| (finding.severity, finding.rule, finding.line))
        .collect()
}

fn error(rule: &'static str, line: u32) -> (Severity, &'static str, Option<u32>) {
    (Severity::Error, rule, Some(line))
}

fn warning(rule: &'static str, line: u32) -> (Severity, &'static str, Option<u32>) {
    (Severity::Warning, rule, Some(line))
}

/// A flow with one step.
fn step(properties: &[(&str, &str)]) -> Sample {
    Sample::flow().with(MODEL_PATH, model(&[properties]))
}

/// A flow with another header in its manifest.
fn header(from: &str, to: &str) -> Sample {
    Sample::flow().replaced(MANIFEST_PATH, from, to)
}

#[test]
fn good_artifacts_have_no_findings() {
    assert_eq!(found(&Sample::flow()), []);
    assert_eq!(found(&Sample::of_type("ScriptCollection")), []);
    assert_eq!(found(&Sample::of_type("MessageMapping")), []);
    assert_eq!(
        found(&Sample::of_type("ValueMapping").with("value_mapping.xml", "<vm version=\"2.0\"/>")),
        []
    );
    assert_eq!(
        found(
            &Sample::flow()
                .without(PARAMETERS_PATH)
                .without(DEFINITIONS_PATH)
                .with(MODEL_PATH, "<a/>")
        ),
        []
    );
}

#[test]
fn a_flow_needs_exactly_one_model_in_its_folder() {
    let missing = (Severity::Error, "flow-missing", None);
    assert_eq!(found(&Sample::flow().without(MODEL_PATH)), [missing]);
    let sample = Sample::flow()
        .without(MODEL_PATH)
        .with("src/main/resources/a.iflw", "<a/>");
    assert_eq!(found(&sample), [missing]);
    assert!(
        sample.check()[0]
            .message
            .contains("src/main/resources/a.iflw")
    );
    let second = MODEL_PATH.replace("Any", "Other");
    assert_eq!(
        found(&Sample::flow().with(&second, "<a/>")),
        [(Severity::Error, "flow-ambiguous", None)]
    );
    assert_eq!(
        found(&Sample::of_type("ScriptCollection").with(MODEL_PATH, "<broken")),
        []
    );
}

#[test]
fn a_model_must_be_well_formed_and_safe() {
    let bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY x \"xx\">]>\n<a>&x;</a>";
    assert_eq!(
        found(&Sample::flow().with(MODEL_PATH, bomb)),
        [warning("doctype", 2)]
    );
    for (text, line) in [
        ("<a>\n<b></a>", 2),
        ("", 1),
        ("\n\n<a", 3),
        ("<a>\n<b/>\n", 3),
        ("<a/>\n\u{1}", 2),
    ] {
        assert_eq!(
            found(&Sample::flow().with(MODEL_PATH, text)),
            [error("flow-malformed", line)],
            "{text}"
        );
    }
    let findings = Sample::flow().with(MODEL_PATH, "<a>\n  <b></a>").check();
    assert!(
        findings[0].message.contains("column"),
        "{}",
        findings[0].message
    );
    assert_eq!(
        found(&Sample::flow().with(MODEL_PATH, b"<a>\n\xE4</a>")),
        [error("flow-malformed", 2)]
    );
    let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE4</a>";
    assert_eq!(
        found(&Sample::flow().with(MODEL_PATH, latin)),
        [(Severity::Warning, "encoding", None)]
    );
    assert_eq!(found(&Sample::flow().with(MODEL_PATH, "\u{feff}<a/>")), []);
    let deep = format!("{}{}", "<a>".repeat(900), "</a>".repeat(900));
    assert_eq!(found(&Sample::flow().with(MODEL_PATH, deep)), []);
}

#[test]
fn xml_with_more_attributes_than_any_real_file_has_is_an_error_and_not_parsed() {
    let attributes: String = (0..100_000)
        .map(|number| format!(" a{number}='1'"))
        .collect();
    let model = format!("<a>\n<b{attributes}/></a>");
    let definitions = format!("<parameters>\n<b{attributes}/></parameters>");
    assert_eq!(
        found(&Sample::flow().with(MODEL_PATH, &model)),
        [error("excessive", 2)]
    );
    assert_eq!(
        found(&Sample::flow().with(DEFINITIONS_PATH, &definitions)),
        [error("excessive", 2)]
    );
    let mapping = Sample::of_type("ValueMapping").with(super::VALUE_MAPPING_PATH, &model);
    assert_eq!(found(&mapping), [error("excessive", 2)]);
}

#[test]
fn very_many_references_channels_and_requirements_are_looked_through_once() {
    let channels: String = (0..20_000)
        .map(|number| {
            format!(
                "<messageFlow targetRef='e{number}'><property><key>script</key><value>s{number}.js</value></property>\
                 </messageFlow><e id='x{number}'/>"
            )
        })
        .collect();
    let required: Vec<String> = (0..30_000)
        .map(|number| format!("messagemapping.M{number}"))
        .collect();
    let headers: String = (0..30_000)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect();
    let sample = Sample::flow()
        .replaced(
            MANIFEST_PATH,
            "Import-Service: \r\n",
            &format!("Require-Capability: {}\r\n{headers}", required.join(",")),
        )
        .with(MODEL_PATH, format!("<a>{channels}</a>"));
    let sample = (0..1_000).fold(sample, |sample, number| {
        sample.with(&format!("src/main/resources/script/{number}.groovy"), "")
    });
    let findings = sample.check();
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    assert_eq!(errors.count(), 101);
    assert!(sample.open().references().is_ok());
}

#[test]
fn an_own_script_must_be_there_in_any_form_of_its_path() {
    for path in [
        "log.groovy",
        "/log.groovy",
        "script/log.groovy",
        "/script/log.groovy",
        SCRIPT_PATH,
        "/src/main/resources/script/log.groovy",
    ] {
        assert_eq!(found(&step(&[("script", path)])), [], "{path}");
    }
    for path in [
        "gone.groovy",
        "/script/gone.gsh",
        "gone.js",
        "other/log.groovy",
        "og.groovy",
    ] {
        assert_eq!(
            found(&step(&[("script", path)])),
            [error("script-missing", 5)],
            "{path}"
        );
    }
    for value in ["{{Host Name}}.groovy", "${header.x}.groovy", "", "return 1"] {
        assert_eq!(found(&step(&[("script", value)])), [], "{value}");
    }
    assert_eq!(
        found(&step(&[("script", "LOG.groovy")])),
        [warning("script-missing", 5)]
    );
    assert_eq!(
        found(&step(&[("script", "<![CDATA[gone.groovy]]>")])),
        [error("script-missing", 5)]
    );
}

#[test]
fn a_script_of_a_collection_is_not_looked_for() {
    assert_eq!(
        found(&step(&[
            ("scriptBundleId", "Common"),
            ("script", "gone.groovy")
        ])),
        []
    );
    assert_eq!(
        found(&step(&[("scriptBundleId", ""), ("script", "gone.groovy")])),
        [error("script-missing", 9)]
    );
    let required =
        "Require-Capability: scriptcollection.Common;resolution:=optional\r\nSAP-NodeType";
    let sample =
        step(&[("script", "gone.groovy")]).replaced(MANIFEST_PATH, "SAP-NodeType", required);
    assert_eq!(found(&sample), [warning("script-missing", 5)]);
    let two_steps = model(&[
        &[("scriptBundleId", "Common")],
        &[("script", "gone.groovy")],
    ]);
    assert_eq!(
        found(&Sample::flow().with(MODEL_PATH, two_steps)),
        [error("script-missing", 11)]
    );
}

#[test]
fn an_own_mapping_must_be_there_unless_it_is_an_artifact_of_its_own() {
    let mapping = "dir://mmap/src/main/resources/mapping/M.mmap";
    let there = step(&[("mappinguri", mapping)]).with("src/main/resources/mapping/M.mmap", "x");
    assert_eq!(found(&there), []);
    assert_eq!(
        found(&step(&[("mappinguri", mapping)])),
        [error("mapping-missing", 5)]
    );
    assert_eq!(
        found(&step(&[("mappinguri", "dir://mmap/M.mmap")])),
        [warning("mapping-missing", 5)]
    );
    let dynamic = [("mappinguri", mapping), ("mappingReference", "dynamic")];
    assert_eq!(found(&step(&dynamic)), [warning("mapping-missing", 5)]);
    for (name, expected) in [("M", vec![]), ("N", vec![warning("mapping-missing", 5)])] {
        let required = format!("Require-Capability: messagemapping.{name}\r\nSAP-NodeType");
        let sample =
            step(&[("mappinguri", mapping)]).replaced(MANIFEST_PATH, "SAP-NodeType", &required);
        assert_eq!(found(&sample), expected);
    }
}

#[test]
fn a_missing_schema_is_only_a_warning() {
    for (key, value) in [
        ("edmxFilePath", "edmx/a.edmx"),
        ("wsdlURL", "/wsdl/a.WSDL"),
        ("xmlSchemaFilePath", "/xsd/a.xsd"),
    ] {
        assert_eq!(
            found(&step(&[(key, value)])),
            [warning("schema-missing", 5)],
            "{value}"
        );
    }
    for (key, value) in [
        ("address", "/path/a.wsdl"),
        ("wsdlURL", "https://x/a.wsdl"),
        ("wsdlURL", "{{Host Name}}.wsdl"),
    ] {
        assert_eq!(found(&step(&[(key, value)])), [], "{value}");
    }
    let there =
        step(&[("edmxFilePath", "edmx/a.edmx")]).with("src/main/resources/edmx/a.edmx", "x");
    assert_eq!(found(&there), []);
}

#[test]
fn a_parameter_that_is_defined_nowhere_is_reported_once() {
    let sample = step(&[
        ("a", "x{{Host Name}}y{{ Gone }}"),
        ("b", "{{Gone}}{{unclosed"),
    ]);
    assert_eq!(found(&sample), [warning("parameter-undefined", 5)]);
}

#[test]
fn a_value_mapping_needs_its_model() {
    assert_eq!(
        found(&Sample::of_type("ValueMapping")),
        [(Severity::Error, "value-mapping-missing", None)]
    );
    let broken = Sample::of_type("ValueMapping").with("value_mapping.xml", "<vm>\n</wm>");
    assert_eq!(found(&broken), [error("value-mapping-malformed", 2)]);
}

#[test]
fn parameter_files_are_checked() {
    let broken = Sample::flow().with(PARAMETERS_PATH, "#\nHost\\ Name=a\nb=\\u12\n");
    assert_eq!(found(&broken), [error("parameters-malformed", 3)]);
    let duplicate = Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=a\nHost\\ Name=b\n");
    assert_eq!(found(&duplicate), [warning("parameters-duplicate", 2)]);
    let malformed = Sample::flow().with(DEFINITIONS_PATH, "<parameters>\n</parameter>");
    assert_eq!(found(&malformed), [warning("definitions-malformed", 2)]);
    let undeclared = Sample::flow().with(PARAMETERS_PATH, "Host\\ Name=a\nb=c");
    assert_eq!(found(&undeclared), [warning("parameter-undeclared", 2)]);
    let without_value = Sample::flow().with(DEFINITIONS_PATH, definitions(&["Host Name", "b"]));
    assert_eq!(
        found(&without_value),
        [(Severity::Warning, "parameter-without-value", None)]
    );
    let undefined = Sample::flow().without(DEFINITIONS_PATH);
    assert_eq!(
        found(&undefined),
        [(Severity::Error, "definitions-missing", None)]
    );
    let without_values = Sample::flow().without(PARAMETERS_PATH);
    assert_eq!(
        found(&without_values),
        [(Severity::Warning, "parameter-without-value", None)]
    );
}

#[test]
fn findings_of_one_kind_are_counted_after_the_first_hundred() {
    let parameters: String = (0..5_000).map(|number| format!("k{number}=v\n")).collect();
    let findings = Sample::flow()
        .with(PARAMETERS_PATH, format!("Host\\ Name=a\n{parameters}"))
        .check();
    assert_eq!(findings.len(), 101);
    let (last, listed) = findings.split_last().unwrap();
    assert!(listed.iter().all(|one| one.message.contains('k')));
    assert_eq!(last.line, Some(102));
    assert!(last.message.starts_with("4900 more"), "{}", last.message);
    let parameters = "a=b\n".repeat(100_001);
    let findings = Sample::flow().with(PARAMETERS_PATH, parameters).check();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].message.contains("more than 100000 entries"),
        "{}",
        findings[0].message
    );
}

#[test]
fn oddities_of_the_manifest_are_warnings() {
    let long = format!("Bundle-Name: {}", "x".repeat(60));
    let table = [
        (
            header("Bundle-Name: Orders to Warehouse", &long),
            warning("manifest-line-length", 3),
        ),
        (
            header("1.0.3\r\n", "1.0.3\n"),
            warning("manifest-line-ends", 4),
        ),
        (
            header("Import-Service: ", "bundle-name: Orders"),
            warning("manifest-duplicate-header", 6),
        ),
        (
            header("SAP-NodeType: ", "\r\nSAP-NodeType: "),
            warning("manifest-empty-line", 10),
        ),
        (
            header("SAP-RuntimeProfile: iflmap", "SAP-RuntimeProfile: "),
            warning("runtime-profile", 7),
        ),
        (
            header("SAP-RuntimeProfile: iflmap", "SAP-RuntimeProfile: hcioem"),
            warning("runtime-profile", 7),
        ),
        (
            header("Bundle-Version: 1.0.3", "Bundle-Version: 1.1"),
            warning("version-form", 4),
        ),
        (
            header("Bundle-Version: 1.0.3", "Bundle-Version: "),
            warning("version-form", 4),
        ),
        (
            header("Orders_To_Warehouse;", "Orders/To;"),
            warning("id-characters", 2),
        ),
        (
            header("Orders to Warehouse", "1 Order"),
            warning("name-rule", 3),
        ),
        (
            header("Orders to Warehouse", "Orders (1)"),
            warning("name-rule", 3),
        ),
        (
            header("Orders to Warehouse", "Orders."),
            warning("name-rule", 3),
        ),
    ];
    for (sample, expected) in table {
        let findings = found(&sample);
        assert!(
            findings.contains(&expected),
            "{expected:?} is not in {findings:?}"
        );
        assert!(
            findings
                .iter()
                .all(|finding| finding.0 == Severity::Warning),
            "{findings:?}"
        );
    }
    let mark = Sample::flow().with(
        MANIFEST_PATH,
        format!("\u{feff}{}", manifest("IntegrationFlow")),
    );
    assert_eq!(found(&mark), [warning("manifest-byte-order-mark", 1)]);
    let mut latin = manifest("IntegrationFlow").into_bytes();
    latin[100] = 0xE4;
    assert!(
        found(&Sample::flow().with(MANIFEST_PATH, latin))
            .iter()
            .any(|finding| finding.1 == "manifest-encoding")
    );
}

#[test]
fn what_tenants_write_in_daily_use_is_no_finding() {
    for (from, to) in [
        ("; singleton:=true", ";singleton:=true"),
        ("; singleton:=true", ""),
        ("Orders to Warehouse", "Orders_-_to 2.0 Warehouse"),
        (
            "Manifest-Version: 1.0",
            "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 1",
        ),
        ("\r\n", "\n"),
    ] {
        assert_eq!(found(&header(from, to)), [], "{to}");
    }
    let schedule = "Host\\ Name=<row><cell>dateType</cell></row>\n";
    assert_eq!(found(&Sample::flow().with(PARAMETERS_PATH, schedule)), []);
    assert_eq!(found(&Sample::flow().with(SCRIPT_PATH, "")), []);
    assert_eq!(
        found(&Sample::flow().with("src/main/resources/xsd/a (1);=&@.xsd", "")),
        []
    );
}

#[test]
fn names_that_clash_on_some_machines_and_second_manifests_are_warnings() {
    let sample = Sample::flow().with("src/main/resources/script/LOG.groovy", "");
    if sample.open().files().len() == 8 {
        assert_eq!(found(&sample), [(Severity::Warning, "case-clash", None)]);
    }
    let nested = Sample::flow().with("src/other/META-INF/MANIFEST.MF", "");
    assert_eq!(
        found(&nested),
        [(Severity::Warning, "second-manifest", None)]
    );
}

#[test]
fn findings_come_in_a_fixed_order_errors_first() {
    let sample = header("Orders to Warehouse", "1").with(
        MODEL_PATH,
        model(&[&[("script", "b.js"), ("script", "a.js")]]),
    );
    let found = found(&sample);
    assert_eq!(
        found,
        [
            error("script-missing", 5),
            error("script-missing", 9),
            warning("name-rule", 3)
        ]
    );
    let text = sample.check()[0].to_string();
    assert!(
        text.starts_with("error[script-missing] src/main/resources/scenarioflows"),
        "{text}"
    );
    assert!(text.contains(".iflw:5: "), "{text}");
}
