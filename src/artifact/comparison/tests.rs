//! What is a difference and what is none.

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
