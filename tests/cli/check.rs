//! Offline validation: errors for what cannot work, warnings for the rest, each with file, line and remedy.

use std::path::Path;

use crate::flow::{DEFINITIONS, Flow, MODEL, SCRIPT, VALUES};
use crate::golden;
use crate::harness::{Flowship, Run};

fn check(path: &Path, options: &[&str]) -> Run {
    Flowship::new().arg("check").arg(path).args(options).run()
}

#[test]
fn a_good_artifact_is_valid_without_credentials() {
    for flow in [
        Flow::new(),
        Flow::with_line_feeds(),
        Flow::of_type("ScriptCollection"),
        Flow::of_type("MessageMapping"),
        Flow::of_type("ValueMapping"),
    ] {
        check(flow.path(), &[]).exit(0).stdout_has("valid: ");
    }
    golden::is(
        "check-valid.txt",
        &check(Flow::new().path(), &[]).exit(0).stdout,
    );
    golden::is(
        "check-valid.json",
        &check(Flow::new().path(), &["--output", "json"])
            .exit(0)
            .stdout,
    );
}

#[test]
fn the_example_of_the_readme_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci-examples/flows/hello-timer");
    let run = check(&path, &[]).exit(0);
    assert!(!run.stdout.contains("warning"), "{run}");
}

#[test]
fn what_cannot_work_is_an_error_with_its_place_and_remedy() {
    let broken = Flow::new()
        .without(SCRIPT)
        .with(&SCRIPT.replace("log", "LOG"), "x");
    let broken = broken
        .without(&SCRIPT.replace("log", "LOG"))
        .with(VALUES, "Unused=1\nRetries=3\n")
        .with(".DS_Store", "junk");
    golden::is(
        "check-invalid.txt",
        &check(broken.path(), &[]).exit(3).stdout,
    );
    golden::is(
        "check-invalid.json",
        &check(broken.path(), &["--output", "json"]).exit(3).stdout,
    );
}

#[test]
fn a_broken_model_is_told_with_line_and_column() {
    let flow = Flow::new().with(MODEL, "<a>\n  <b>\n</a>\n");
    check(flow.path(), &[])
        .exit(3)
        .stdout_has("Orders to Warehouse.iflw:3")
        .stdout_has("the XML is not well-formed");
}

#[test]
fn what_is_no_artifact_at_all_is_told_with_where_to_look() {
    let outer = Flow::new();
    let parent = outer.path().parent().unwrap();
    let inside = outer.path().join("src");
    check(&inside, &[])
        .exit(3)
        .no_stdout()
        .stderr_has("searched for folders that hold META-INF/MANIFEST.MF and found none");
    check(&parent.join("does-not-exist"), &[])
        .exit(3)
        .no_stdout()
        .stderr_has("there is no such file or directory");
    check(&outer.path().join(SCRIPT), &[])
        .exit(3)
        .no_stdout()
        .stderr_has("it is broken, or no zip at all");
}

#[test]
fn a_file_that_cannot_be_packed_is_found_by_the_check() {
    let flow = Flow::new().with("metainfo.prop", "description=\n");
    let directory = tempfile::tempdir().unwrap();
    let zip = directory.path().join("flow.zip");
    let pack = Flowship::new().arg("pack").arg(flow.path());
    pack.arg("-o").arg(&zip).run().exit(0);
    let mut bytes = std::fs::read(&zip).unwrap();
    // nothing but packing reads this file; in the directory of the zip its size stands 22 bytes before its name
    let name = b"metainfo.prop";
    let place = bytes.windows(name.len()).rposition(|some| some == name);
    bytes[place.unwrap() - 22] -= 1;
    std::fs::write(&zip, bytes).unwrap();
    check(&zip, &[])
        .exit(3)
        .stderr_has("metainfo.prop: the zip cannot be used");
}

#[test]
fn xml_and_parameters_beyond_all_measure_are_refused_at_once() {
    let attributes: String = (0..300_000).map(|n| format!(" a{n}='1'")).collect();
    let flow = Flow::new().with(MODEL, format!("<a{attributes}/>"));
    check(flow.path(), &[])
        .exit(3)
        .stdout_has("iflw:1: the file is not read: an element has more than 250 attributes");
    let keys: String = (0..5_000).map(|n| format!("Key{n}=v\n")).collect();
    let flow = Flow::new().with(VALUES, &keys);
    let run = check(flow.path(), &["--output", "json"]).exit(0);
    assert!(run.stdout.len() < 100_000, "{} bytes", run.stdout.len());
    assert!(run.stdout.contains("4900 more of this kind"), "{run}");
}

#[test]
fn without_parameters_prop_the_undefined_parameters_share_one_warning() {
    let element = "<bpmn2:extensionElements><ifl:property><key>a</key>\
        <value>{{One}}{{Two}}{{Three}}{{Four}}{{Five}}</value></ifl:property></bpmn2:extensionElements>";
    let flow = Flow::new().without(DEFINITIONS).with_element(element);
    let undefined = "[parameter-undefined]";
    let missing = flow.without(VALUES);
    let run = check(missing.path(), &[]).exit(0);
    assert_eq!(run.stdout.matches(undefined).count(), 1, "{run}");
    run.stdout_has("there is no parameters.prop: ").stdout_has(
        "parameters are used but defined nowhere: `{{One}}`, `{{Two}}`, `{{Three}}` and ",
    );
    let present = missing.with(VALUES, "Retries=3\nReceiver\\ Address=a\n");
    let run = check(present.path(), &[]);
    assert_eq!(run.stdout.matches(undefined).count(), 5, "{run}");
}

#[test]
fn other_projects_beside_the_flows_are_passed_over_with_a_note() {
    let repository = crate::many::Repository::of(&["Flow_A"]);
    let java = |number: usize| {
        let path = format!("tools/lib{number}/META-INF/MANIFEST.MF");
        repository.write(&path, "Manifest-Version: 1.0\nCreated-By: Maven\n");
    };
    java(1);
    let note = "is no integration artifact (its manifest has no SAP-BundleType)";
    check(repository.path(), &[])
        .exit(0)
        .stderr_has(&format!("tools/lib1 {note}"))
        .stderr_has_not("more");
    (2..=7).for_each(java);
    let run = check(repository.path(), &[]).exit(0);
    assert_eq!(run.stderr.matches(note).count(), 5, "{run}");
    run.stderr_has("passed over: and 2 more\n");
    check(repository.path(), &["--quiet"]).stderr_has_not(note);
}
