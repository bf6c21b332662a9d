//! What CI systems are told beside the result: commands in the log, files for the step and for the job.

use std::collections::BTreeSet;

use crate::flow::{Flow, MANIFEST, MODEL, SCRIPT, VALUES};
use crate::golden;
use crate::harness::{Flowship, Run, Tenant, together};

const ESC: char = '\u{1b}';
/// GitHub drops the whole of a larger step summary.
const MOST_OF_A_SUMMARY: usize = 1024 * 1024;
const NAMES_THE_SCRIPT: &str = "cause=Script log.groovy: unable to resolve class Foo";
/// What a tenant could say to be heard by a terminal, a log, a table or a file of variables.
const HOSTILE: &str = "cause=first\n::error::injected\n##[error]bad\nverdict=started\n| c | d |\n<img src=x>\n\
                       [text](http://evil.example)\r::warning::w\n\u{1b}[31mred %0A::error::e";

/// A call that knows the files of GitHub's runner in its own directory, which is also the workspace.
fn on_github(call: Flowship<'_>) -> Flowship<'_> {
    let here = call.path().to_owned();
    call.env("FLOWSHIP_CI", "github")
        .env("GITHUB_WORKSPACE", &here)
        .env("GITHUB_OUTPUT", here.join("output.txt"))
        .env("GITHUB_STEP_SUMMARY", here.join("summary.md"))
}

/// `flowship deploy flow --package Orders` of a copy of the flow in the run's own directory.
fn deploys<'a>(call: Flowship<'a>, tenant: &'a Tenant, flow: &Flow) -> Flowship<'a> {
    call.against(tenant)
        .with_flow(flow)
        .args(["deploy", "flow", "--package", "Orders"])
}

fn deploy<'a>(tenant: &'a Tenant, flow: &Flow) -> Flowship<'a> {
    deploys(Flowship::new(), tenant, flow)
}

fn check(flow: &Flow) -> Flowship<'static> {
    Flowship::new().with_flow(flow).args(["check", "flow"])
}

/// A path as the repository has it, whose folder may be its root.
fn below(folder: &str, path: &str) -> String {
    match folder {
        "" => path.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}

fn annotations(run: &Run) -> Vec<&str> {
    let lines = run.stderr.lines();
    lines
        .filter(|line| line.starts_with("::error ") || line.starts_with("::warning "))
        .collect()
}

/// All lines that GitHub would take for a command.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
        .collect()
}

fn place_of_line(run: &Run, begins: &str) -> usize {
    let found = run.stderr.lines().position(|line| line.starts_with(begins));
    found.unwrap_or_else(|| panic!("no line `{begins}`\n{run}"))
}

#[track_caller]
fn has_annotation(run: &Run, begins: &str) {
    assert!(
        annotations(run).iter().any(|line| line.starts_with(begins)),
        "no annotation {begins}\n{run}"
    );
}

// ---- GitHub ----

#[test]
fn an_error_is_never_folded_away_in_a_group() {
    let flow = Flow::new();
    for (option, variables) in [
        (&["--ci", "github"][..], &[][..]),
        (&[], &[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")]),
        (
            &["--ci", "auto"],
            &[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")],
        ),
    ] {
        let tenant = Tenant::new(&["start-error=b"]);
        let mut call = deploy(&tenant, &flow).args(option);
        for (name, value) in variables {
            call = call.env(name, value);
        }
        let run = call.run().exit(1);
        for command in ["::group::", "::endgroup::"] {
            assert_eq!(run.stderr.matches(command).count(), 1, "{run}");
        }
        let opened = place_of_line(&run, "::group::flowship deploy");
        let closed = place_of_line(&run, "::endgroup::");
        assert!(closed - opened > 2, "the progress is in the group\n{run}");
        assert!(closed < place_of_line(&run, "error:"), "{run}");
        assert!(closed < place_of_line(&run, "::error "), "{run}");
        assert!(commands(&run.stdout).is_empty(), "{run}");
    }
}

#[test]
fn an_interrupted_run_closes_its_group_too() {
    let (tenant, flow) = (Tenant::new(&["slow=100000"]), Flow::new());
    let mut running = on_github(deploy(&tenant, &flow)).start();
    running.wait_for("runtime shows nothing yet; task DEPLOYING");
    running.signal("TERM");
    let run = running.end().exit(143);
    assert!(
        place_of_line(&run, "::endgroup::") < place_of_line(&run, "error: interrupted"),
        "{run}"
    );
}

#[test]
fn annotations_lead_to_file_and_line_in_the_repository() {
    let manifest = Flow::new()
        .read(MANIFEST)
        .replace("SAP-BundleType: IntegrationFlow", "SAP-BundleType: Rocket");
    let cases = [
        (
            "a finding of the check",
            Flow::new().without(SCRIPT),
            format!("flow/{MODEL},line=5"),
        ),
        (
            "a manifest fault",
            Flow::new().with(MANIFEST, manifest),
            format!("flow/{MANIFEST},line=7"),
        ),
    ];
    for (what, flow, place) in &cases {
        for folder in ["", "sub folder"] {
            let place = below(folder, place);
            let begins = format!("::error file={place},title=flowship::");
            for command in ["check", "deploy"] {
                let call = on_github(Flowship::new()).below(folder).with_flow(flow);
                let run = call.args([command, "flow"]);
                let run = if command == "deploy" {
                    run.args(["--package", "Orders"])
                } else {
                    run
                };
                let run = run.run().exit(3);
                assert_eq!(annotations(&run).len(), 1, "{what}\n{run}");
                has_annotation(&run, &begins);
            }
        }
    }
}

#[test]
fn an_unknown_parameter_is_annotated_where_it_is_named() {
    for folder in ["", "sub folder"] {
        for (file, text) in [
            ("p.yaml", "Retries: 1\nRetires: 2\n"),
            ("p.prop", "Retries=1\nRetires=2\n"),
        ] {
            let (tenant, flow) = (Tenant::new(&[]), Flow::new());
            let call = on_github(Flowship::new()).below(folder);
            let run = deploys(call, &tenant, &flow)
                .beside(file, text)
                .args(["--parameters", file])
                .run()
                .exit(2);
            let place = below(folder, file);
            has_annotation(
                &run,
                &format!("::error file={place},line=2,title=flowship::"),
            );
            assert_eq!(annotations(&run).len(), 1, "{run}");
            tenant.is_untouched();
        }
    }
}

#[test]
fn a_failed_start_is_annotated_at_the_file_that_the_tenant_names() {
    let mut cases = Vec::new();
    for folder in ["", "sub folder"] {
        cases.extend(["a", "b", "c", "text"].map(|shape| (folder, shape)));
    }
    together(&cases, |(folder, shape)| {
        let tenant = Tenant::new(&[&format!("start-error={shape}"), NAMES_THE_SCRIPT]);
        let call = on_github(Flowship::new()).below(folder);
        let run = deploys(call, &tenant, &Flow::new()).run().exit(1);
        let place = below(folder, &format!("flow/{SCRIPT}"));
        has_annotation(&run, &format!("::error file={place},title=flowship::"));
        assert!(
            annotations(&run)[0].contains("unable to resolve class Foo"),
            "{run}"
        );
    });
    let tenant = Tenant::new(&["start-error=b"]);
    let run = on_github(deploy(&tenant, &Flow::new())).run().exit(1);
    has_annotation(&run, "::error title=flowship::");
}

#[test]
fn a_file_whose_name_is_the_end_of_the_named_one_is_not_blamed() {
    let tenant = Tenant::new(&["start-error=text", "cause=Script catalog.groovy is broken"]);
    let run = on_github(deploy(&tenant, &Flow::new())).run().exit(1);
    has_annotation(&run, "::error title=flowship::");
}

#[test]
fn no_more_annotations_than_github_shows_and_the_summary_has_them_all() {
    let tenant = Tenant::new(&[]);
    let ids: Vec<String> = (0..12).map(|number| format!("Missing{number}")).collect();
    let run = on_github(Flowship::new().against(&tenant).arg("redeploy").args(&ids)).run();
    assert_ne!(run.code, Some(0));
    let errors = annotations(&run).len();
    assert!((1..=10).contains(&errors), "{run}");
    let mut flow = Flow::new();
    for number in 0..12 {
        let values = flow.read(VALUES);
        flow = flow.with(VALUES, format!("{values}Unused{number}=1\n"));
        let model = flow.read(MODEL);
        let property = format!(
            "<ifl:property>\n<key>script</key>\n<value>s{number}.groovy</value>\n</ifl:property>\n</bpmn2:extensionElements>"
        );
        flow = flow.with(
            MODEL,
            model.replace("</bpmn2:extensionElements>", &property),
        );
    }
    let run = on_github(check(&flow)).run().exit(3);
    for level in ["::error ", "::warning "] {
        let shown = annotations(&run).into_iter();
        assert_eq!(
            shown.filter(|line| line.starts_with(level)).count(),
            10,
            "{level}\n{run}"
        );
    }
    let summary = run.written("summary.md");
    for number in 0..12 {
        assert!(summary.contains(&format!("s{number}.groovy")), "{summary}");
        assert!(summary.contains(&format!("Unused{number}")), "{summary}");
    }
}

#[test]
#[cfg(unix)]
fn odd_file_names_are_escaped_and_give_no_orders() {
    for (name, escaped) in [
        ("50%25,a:b.iflw", "50%2525%2Ca%3Ab.iflw,line=5,"),
        ("a\r\n::error::x.iflw", ""),
        ("b,line=9,title=y::z.iflw", "b%2Cline=9%2Ctitle=y"),
    ] {
        let odd = MODEL.replace("Orders to Warehouse.iflw", name);
        let flow = Flow::new();
        let model = flow.read(MODEL);
        let flow = flow.without(SCRIPT).without(MODEL).with(&odd, model);
        let run = on_github(check(&flow)).run().exit(3);
        if !escaped.is_empty() {
            let folder = odd.strip_suffix(name).unwrap();
            has_annotation(&run, &format!("::error file=flow/{folder}{escaped}"));
        }
        for text in [&run.stdout, &run.stderr] {
            for command in commands(text) {
                assert!(
                    command.starts_with("::error file=flow/")
                        || command.starts_with("::error title="),
                    "{command}\n{run}"
                );
            }
        }
    }
}

#[test]
fn the_words_of_an_annotation_are_escaped() {
    let tenant = Tenant::new(&["start-error=text", "cause=100%0A of %25 in log.groovy"]);
    let run = on_github(deploy(&tenant, &Flow::new())).run().exit(1);
    assert!(
        annotations(&run)[0].contains("100%250A of %2525 in"),
        "{run}"
    );
}

/// The same flow in another version with another script.
fn next_version() -> Flow {
    let flow = Flow::changed();
    let manifest = flow.read(MANIFEST).replace("1.0.3", "1.0.4");
    flow.with(MANIFEST, manifest)
}

#[test]
fn outputs_and_summary_are_as_they_were() {
    let old = Flow::new();
    let tenant = Tenant::holding(&[], vec![old.deployed(&[])]);
    let run = on_github(deploy(&tenant, &next_version())).run().exit(0);
    golden::is("github-output-started.txt", &run.written("output.txt"));
    golden::is("github-summary-started.md", &run.written("summary.md"));
    let run = on_github(deploy(&tenant, &next_version())).run().exit(0);
    golden::is("github-output-unchanged.txt", &run.written("output.txt"));
    let tenant = Tenant::new(&["start-error=b", NAMES_THE_SCRIPT]);
    let run = on_github(deploy(&tenant, &old)).run().exit(1);
    golden::is("github-output-failed.txt", &run.written("output.txt"));
    golden::is("github-summary-failed.md", &run.written("summary.md"));
    let run = on_github(check(&Flow::new().without(SCRIPT))).run().exit(3);
    golden::is("github-output-invalid.txt", &run.written("output.txt"));
    golden::is("github-summary-invalid.md", &run.written("summary.md"));
    let run = on_github(check(&Flow::new())).run().exit(0);
    golden::is("github-output-valid.txt", &run.written("output.txt"));
    golden::is("github-summary-valid.md", &run.written("summary.md"));
    let run = on_github(Flowship::new().with_flow(&old))
        .args(["deploy", "flow", "--package", "Orders"])
        .run()
        .exit(2);
    golden::is("github-output-usage.txt", &run.written("output.txt"));
    golden::is("github-summary-usage.md", &run.written("summary.md"));
}

#[test]
fn outputs_are_appended_to_what_the_file_holds() {
    let tenant = Tenant::new(&[]);
    let run = on_github(deploy(&tenant, &Flow::new()))
        .beside("output.txt", "mine=1\n")
        .beside("summary.md", "# Mine\n")
        .run()
        .exit(0);
    assert!(
        run.written("output.txt")
            .starts_with("mine=1\nverdict=started\n")
    );
    assert!(
        run.written("summary.md")
            .starts_with("# Mine\n### flowship deploy on ")
    );
}

#[test]
fn hostile_words_are_neutral_in_every_place() {
    together(&["a", "b", "c", "text"], |shape| {
        let (tenant, flow) = (
            Tenant::new(&[&format!("start-error={shape}"), HOSTILE]),
            Flow::new(),
        );
        let run = on_github(deploy(&tenant, &flow))
            .args(["--report-junit", "j.xml", "--report-json", "r.json"])
            .args(["--report-dotenv", "d.env", "--report-codequality", "q.json"])
            .run()
            .exit(1);
        for command in commands(&run.stderr) {
            let known = [
                "::group::flowship deploy",
                "::endgroup::",
                "::error title=flowship::",
            ];
            assert!(
                known.iter().any(|begin| command.starts_with(begin)),
                "{command}\n{run}"
            );
            assert_eq!(
                command.matches("::error").count() + command.matches("::warning").count(),
                usize::from(command.starts_with("::error")),
                "{command}"
            );
        }
        assert!(
            annotations(&run)[0].contains("injected"),
            "the words are not lost\n{run}"
        );
        let output = run.written("output.txt");
        let names: Vec<&str> = output
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        assert_eq!(names, OUTPUTS, "{output}");
        assert!(output.starts_with("verdict=failed\n"), "{output}");
        let dotenv = run.written("d.env");
        assert!(
            dotenv.lines().all(|line| line.starts_with("FLOWSHIP_")),
            "{dotenv}"
        );
        let summary = run.written("summary.md");
        assert!(summary.contains("injected"), "{summary}");
        for bad in ["<img", "](http://evil", "[text]", "| c |", "##[", "::error"] {
            assert!(!summary.contains(bad), "{bad} in\n{summary}");
        }
        let row = summary
            .lines()
            .find(|line| line.starts_with("| `"))
            .unwrap_or_else(|| {
                summary
                    .lines()
                    .find(|line| line.starts_with("| ["))
                    .unwrap()
            });
        assert_eq!(row.matches('|').count(), 7, "{row}");
        for text in [
            &run.stdout,
            &run.stderr,
            &output,
            &dotenv,
            &summary,
            &run.written("j.xml"),
            &run.written("r.json"),
        ] {
            assert!(!text.contains(ESC) && !text.contains("\\u001b"), "{text}");
        }
        well_formed(&run.written("j.xml"));
    });
}

const OUTPUTS: [&str; 9] = [
    "verdict",
    "exit-code",
    "artifact-id",
    "designtime-version",
    "runtime-version",
    "content-sha256",
    "zip-sha256",
    "task-id",
    "artifacts",
];

/// Fails if the summary grows over the limit where only so many bytes are left.
fn summary_stays_small(room: usize) {
    let tenant = Tenant::new(&["start-error=b"]);
    let before = "x".repeat(MOST_OF_A_SUMMARY - room);
    let run = on_github(deploy(&tenant, &Flow::new()))
        .beside("summary.md", &before)
        .run()
        .exit(1);
    let summary = run.written("summary.md");
    assert!(summary.starts_with(&before), "what others wrote stays");
    assert!(
        summary.len() <= MOST_OF_A_SUMMARY,
        "with {room} bytes left it became {} bytes:\n{}",
        summary.len(),
        &summary[before.len()..]
    );
}

#[test]
fn a_summary_is_not_pushed_over_the_limit_of_github() {
    together(&[400, 1000, 50_000, 100_000, 200_000], |room| {
        summary_stays_small(*room);
    });
}

#[test]
fn a_summary_that_is_full_stays_as_it_is() {
    together(&[0, 10, 100, 193], |room| summary_stays_small(*room));
}

#[test]
fn a_report_that_cannot_be_written_is_a_warning_and_changes_no_verdict() {
    for (scenarios, code, word) in [(&[][..], 0, "started"), (&["start-error=b"], 1, "failed")] {
        let (tenant, flow) = (Tenant::new(scenarios), Flow::new());
        let run = deploy(&tenant, &flow)
            .args([
                "--ci",
                "github",
                "--report-junit",
                "file/j.xml",
                "--report-json",
                "file/r.json",
            ])
            .args([
                "--report-dotenv",
                "file/d.env",
                "--report-codequality",
                "flow",
            ])
            .beside("file", "so this is no directory")
            .env("GITHUB_OUTPUT", "file/output.txt")
            .env("GITHUB_STEP_SUMMARY", "flow")
            .run()
            .exit(code)
            .verdict(word);
        for what in [
            "the JUnit report could not be written to ",
            "the receipt could not be written to ",
            "the dotenv report could not be written to ",
            "the Code Quality report could not be written to ",
            "the step outputs could not be written to file/output.txt",
            "the step summary could not be written to flow",
        ] {
            assert!(
                run.stderr.contains(&format!("warning: {what}")),
                "{what}\n{run}"
            );
        }
        tenant.deployed_once(&flow.id);
    }
}

// ---- GitLab ----

/// The markers of a GitLab log: whether each opens or closes, with the time.
fn sections(run: &Run) -> Vec<(bool, u64)> {
    let mut found = Vec::new();
    for line in run
        .stderr
        .split('\n')
        .filter(|line| line.contains("section_"))
    {
        let rest = line
            .strip_prefix("\u{1b}[0Ksection_")
            .unwrap_or_else(|| panic!("{line:?}"));
        let (marker, title) = rest
            .split_once("\r\u{1b}[0K")
            .unwrap_or_else(|| panic!("{line:?}"));
        let mut parts = marker.split(':');
        let (word, time, name) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        );
        assert_eq!(parts.next(), None, "{line:?}");
        let opens = word == "start";
        let name = if opens {
            name.strip_suffix("[collapsed=true]").unwrap_or(name)
        } else {
            name
        };
        assert!(opens || word == "end", "{line:?}");
        assert_eq!(
            (name, title),
            ("flowship", if opens { "flowship deploy" } else { "" }),
            "{line:?}"
        );
        found.push((opens, time.parse().unwrap()));
    }
    found
}

#[test]
#[cfg(unix)]
fn sections_are_opened_and_closed_however_the_run_ends() {
    let flow = Flow::new();
    for (scenario, code) in [("slow=1", 0), ("start-error=b", 1), ("slow=100000", 143)] {
        for by_variable in [false, true] {
            let tenant = Tenant::new(&[scenario]);
            let call = deploy(&tenant, &flow);
            let call = if by_variable {
                call.env("GITLAB_CI", "true").env("NO_COLOR", "1")
            } else {
                call.args(["--ci", "gitlab"])
            };
            let mut running = call.start();
            if code == 143 {
                running.wait_for("runtime shows nothing yet; task DEPLOYING");
                running.signal("TERM");
            }
            let run = running.end().exit(code);
            let found = sections(&run);
            assert!(
                matches!(found[..], [(true, begin), (false, end)] if begin <= end && begin > 1_600_000_000),
                "{found:?}\n{run}"
            );
            if code != 0 {
                assert!(
                    place_of_line(&run, "\u{1b}[0Ksection_end") < place_of_line(&run, "error:"),
                    "{run}"
                );
            }
            assert!(commands(&run.stderr).is_empty(), "{run}");
        }
    }
}

#[test]
fn the_variables_for_later_jobs_are_as_they_were() {
    let flow = Flow::new();
    let tenant = Tenant::new(&[]);
    let run = deploy(&tenant, &flow)
        .args(["--ci", "gitlab", "--report-dotenv", "d.env"])
        .run()
        .exit(0);
    golden::is("gitlab-started.env", &run.written("d.env"));
    let tenant = Tenant::new(&["start-error=b", HOSTILE]);
    let run = deploy(&tenant, &flow)
        .args(["--report-dotenv", "d.env"])
        .run()
        .exit(1);
    golden::is("gitlab-failed.env", &run.written("d.env"));
    let run = check(&flow.without(SCRIPT))
        .args(["--report-dotenv", "d.env"])
        .run()
        .exit(3);
    golden::is("gitlab-invalid.env", &run.written("d.env"));
}

fn code_quality(flow: &Flow) -> Vec<serde_json::Value> {
    let run = check(flow).args(["--report-codequality", "q.json"]).run();
    serde_json::from_str(&run.written("q.json")).unwrap()
}

fn fingerprints(findings: &[serde_json::Value]) -> BTreeSet<String> {
    let all = findings
        .iter()
        .map(|one| one["fingerprint"].as_str().unwrap().to_owned());
    let unique: BTreeSet<String> = all.collect();
    assert_eq!(
        unique.len(),
        findings.len(),
        "fingerprints are unique: {findings:#?}"
    );
    unique
}

#[test]
fn findings_are_a_code_quality_report() {
    let flow = Flow::new()
        .without(SCRIPT)
        .with(VALUES, "Unused=1\nRetries=3\n");
    let run = check(&flow)
        .args(["--ci", "gitlab", "--report-codequality", "q.json"])
        .run()
        .exit(3);
    golden::is("gitlab-codequality.json", &run.written("q.json"));
    assert_eq!(code_quality(&Flow::new()), Vec::<serde_json::Value>::new());
    let tenant = Tenant::new(&[]);
    let flow = Flow::new().with(VALUES, "Unused=1\nRetries=3\n");
    let run = deploy(&tenant, &flow)
        .args(["--report-codequality", "q.json"])
        .run()
        .exit(0);
    assert!(
        run.written("q.json").contains("parameter-undeclared"),
        "{run}"
    );
}

#[test]
fn a_finding_that_moves_keeps_its_fingerprint() {
    let twice = |flow: Flow| {
        let model = flow.read(MODEL);
        let property = "<ifl:property>\n<key>script</key>\n<value>log.groovy</value>\n</ifl:property>\n</bpmn2:extensionElements>";
        flow.with(MODEL, model.replace("</bpmn2:extensionElements>", property))
    };
    let moved = |flow: Flow| {
        let model = flow.read(MODEL).replacen(
            "<bpmn2:extensionElements>",
            "\n\n<bpmn2:extensionElements>",
            1,
        );
        flow.with(MODEL, model)
    };
    let before = code_quality(&twice(Flow::new().without(SCRIPT)));
    let after = code_quality(&moved(twice(Flow::new().without(SCRIPT))));
    assert_ne!(before[0]["location"], after[0]["location"]);
    assert_eq!(fingerprints(&before), fingerprints(&after));
    assert_eq!(before[0]["location"]["path"], format!("flow/{MODEL}"));
}

#[test]
fn a_broken_model_that_moves_keeps_its_fingerprint() {
    let before = code_quality(&Flow::new().with(MODEL, "<a>\n  <b>\n</a>\n"));
    let after = code_quality(&Flow::new().with(MODEL, "<a>\n\n  <b>\n</a>\n"));
    assert_eq!(fingerprints(&before), fingerprints(&after));
}

#[test]
fn a_manifest_fault_that_moves_keeps_its_fingerprint() {
    let flow = || {
        let flow = Flow::new();
        let manifest = flow.read(MANIFEST).replace("IntegrationFlow", "Rocket");
        flow.with(MANIFEST, manifest)
    };
    let moved = flow();
    let manifest = moved
        .read(MANIFEST)
        .replace("SAP-BundleType", "X-More: 1\r\nSAP-BundleType");
    let (before, after) = (
        code_quality(&flow()),
        code_quality(&moved.with(MANIFEST, manifest)),
    );
    assert_ne!(before[0]["location"], after[0]["location"]);
    assert_eq!(fingerprints(&before), fingerprints(&after));
}

// ---- JUnit ----

/// Fails unless this is the XML that every reader of JUnit takes; gives its cases.
#[track_caller]
fn well_formed(xml: &str) -> Vec<(String, String)> {
    let allowed = |c: char| matches!(c, '\n' | '\t' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(
        xml.chars().all(allowed),
        "a character that XML forbids: {xml:?}"
    );
    let document = roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let suites: Vec<_> = root
        .children()
        .filter(roxmltree::Node::is_element)
        .collect();
    assert_eq!(suites.len(), 1);
    let cases: Vec<_> = suites[0]
        .children()
        .filter(roxmltree::Node::is_element)
        .collect();
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> f64 {
        node.attribute(name).unwrap().parse().unwrap()
    };
    let count = |node: roxmltree::Node<'_, '_>, name: &str| -> usize {
        node.attribute(name).unwrap().parse().unwrap()
    };
    let with = |name: &str| {
        let holds =
            |case: &&roxmltree::Node<'_, '_>| case.children().any(|child| child.has_tag_name(name));
        cases.iter().filter(holds).count()
    };
    let time: f64 = cases.iter().map(|case| number(*case, "time")).sum();
    for node in [root, suites[0]] {
        assert!(count(node, "tests") == cases.len(), "{xml}");
        assert!(count(node, "failures") == with("failure"), "{xml}");
        assert!(count(node, "errors") == with("error"), "{xml}");
        assert!((number(node, "time") - time).abs() < 0.01, "{xml}");
    }
    assert!(count(suites[0], "skipped") == with("skipped"), "{xml}");
    let timestamp = suites[0].attribute("timestamp").unwrap();
    assert_eq!(
        (timestamp.len(), timestamp.as_bytes()[10]),
        (19, b'T'),
        "{timestamp}"
    );
    let names: Vec<(String, String)> = cases
        .iter()
        .map(|case| {
            (
                case.attribute("classname").unwrap().to_owned(),
                case.attribute("name").unwrap().to_owned(),
            )
        })
        .collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(
        unique.len(),
        names.len(),
        "GitLab drops cases of the same name\n{xml}"
    );
    names
}

#[track_caller]
fn junit(name: &str, call: Flowship<'_>, code: i32) {
    let run = call.args(["--report-junit", "j.xml"]).run().exit(code);
    let xml = run.written("j.xml");
    assert!(!well_formed(&xml).is_empty(), "{xml}");
    golden::is(&format!("junit-{name}.xml"), &xml);
}

#[test]
fn junit_has_a_case_for_each_phase_of_each_way_a_run_ends() {
    let flow = Flow::new();
    let tenant = Tenant::new(&[]);
    junit("started", deploy(&tenant, &flow), 0);
    junit("unchanged", deploy(&tenant, &flow), 0);
    junit(
        "uploaded",
        deploy(&Tenant::new(&[]), &flow).arg("--no-deploy"),
        0,
    );
    junit("failed", deploy(&Tenant::new(&["start-error=b"]), &flow), 1);
    junit(
        "build-failed",
        deploy(&Tenant::new(&["build-fail"]), &flow),
        1,
    );
    junit(
        "refused",
        deploy(
            &Tenant::new(&["roles-missing=WorkspacePackagesEdit"]),
            &flow,
        ),
        4,
    );
    junit("invalid", deploy(&tenant, &Flow::new().without(SCRIPT)), 3);
    junit(
        "no-manifest",
        deploy(&tenant, &Flow::new().without(MANIFEST)),
        3,
    );
    junit(
        "usage",
        deploy(&tenant, &flow).args(["--set", "Retires=1"]),
        2,
    );
    junit(
        "undecided",
        deploy(&Tenant::new(&["slow=100000"]), &flow).args(["--timeout", "5s"]),
        7,
    );
    junit("check-valid", check(&flow), 0);
    junit("check-invalid", check(&Flow::new().without(SCRIPT)), 3);
}

#[test]
fn hostile_words_break_no_junit_report() {
    let cause = "cause=a]]>b<c>&amp;\"'\u{0}\u{1}\u{b}\u{1b}[1m\u{fffe}\u{ffff}\u{2028}x";
    for shape in ["a", "b", "c", "text"] {
        let tenant = Tenant::new(&[&format!("start-error={shape}"), cause]);
        let run = deploy(&tenant, &Flow::new())
            .args(["--report-junit", "j.xml"])
            .run()
            .exit(1);
        let xml = run.written("j.xml");
        assert_eq!(well_formed(&xml).len(), 6, "{xml}");
        assert!(xml.contains("a]]&gt;b&lt;c&gt;&amp;amp;&quot;"), "{xml}");
    }
}

#[test]
fn several_artifacts_have_cases_of_their_own() {
    let flow = Flow::new();
    let tenant = Tenant::holding(
        &[],
        vec![
            flow.deployed(&[]),
            Flow::of_type("ScriptCollection").deployed(&[]),
        ],
    );
    let run = Flowship::new()
        .against(&tenant)
        .args([
            "redeploy",
            &flow.id,
            "Shared_ScriptCollection",
            "--report-junit",
            "j.xml",
        ])
        .run()
        .exit(0);
    assert_eq!(well_formed(&run.written("j.xml")).len(), 12);
}

#[test]
fn an_artifact_that_is_named_twice_has_its_cases_once() {
    let flow = Flow::new();
    let tenant = Tenant::holding(&[], vec![flow.deployed(&[])]);
    let run = Flowship::new()
        .against(&tenant)
        .args(["redeploy", &flow.id, &flow.id, "--report-junit", "j.xml"])
        .run();
    well_formed(&run.written("j.xml"));
}

// ---- the receipt ----

fn receipt(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.written("r.json")).unwrap()
}

#[test]
fn the_receipt_tells_what_was_changed_but_no_value() {
    const VALUE: &str = "value-of-a-parameter-4711";
    let old = Flow::new();
    let tenant = Tenant::holding(&[], vec![old.deployed(&[])]);
    let call = || deploy(&tenant, &next_version()).args(["--report-json", "r.json"]);
    let run = call()
        .hiding(VALUE)
        .env("SECRET_ADDRESS", VALUE)
        .args([
            "--set-from-env",
            "Receiver Address=SECRET_ADDRESS",
            "--set",
            "Retries=5",
        ])
        .run()
        .exit(0);
    golden::is("receipt-started.json", &run.written("r.json"));
    let artifact = &receipt(&run)["artifacts"][0];
    assert_eq!(
        artifact["parameters_changed"],
        serde_json::json!(["Receiver Address", "Retries"])
    );
    for (field, before, after) in [
        ("designtime_version", "1.0.3", "1.0.4"),
        ("runtime_version", "1.0.3", "1.0.4"),
    ] {
        assert_eq!(
            (&artifact[field]["before"], &artifact[field]["after"]),
            (&before.into(), &after.into()),
            "{artifact:#}"
        );
    }
    let on = &artifact["deployed_on"];
    let (before, after) = (
        on["before"].as_str().unwrap(),
        on["after"].as_str().unwrap(),
    );
    assert!(before < after, "{on}");
    let (began, ended) = (
        receipt(&run)["began"].clone(),
        receipt(&run)["ended"].clone(),
    );
    assert!(
        began.as_str().unwrap() < ended.as_str().unwrap(),
        "{began} {ended}"
    );
    assert_eq!(receipt(&run)["tenant"], "127.0.0.1");
    let run = call().run().exit(0).verdict("unchanged");
    let artifact = &receipt(&run)["artifacts"][0];
    assert_eq!(
        artifact["deployed_on"]["before"],
        artifact["deployed_on"]["after"]
    );
    assert_eq!(artifact["parameters_changed"], serde_json::json!([]));
}

#[test]
fn a_failed_run_has_its_receipt_too() {
    let tenant = Tenant::new(&["start-error=b"]);
    let run = deploy(&tenant, &Flow::new())
        .args(["--report-json", "r.json"])
        .run()
        .exit(1);
    golden::is("receipt-failed.json", &run.written("r.json"));
    let run = Flowship::new()
        .with_flow(&Flow::new())
        .args([
            "deploy",
            "flow",
            "--package",
            "Orders",
            "--report-json",
            "r.json",
        ])
        .run()
        .exit(2);
    assert_eq!(receipt(&run)["exit_code"], 2);
}

#[test]
fn the_receipt_names_commit_actor_and_pipeline_of_each_system() {
    type Variables = &'static [(&'static str, &'static str)];
    let systems: [(Variables, [&str; 3]); 3] = [
        (
            &[
                ("GITHUB_SHA", "c0ffee"),
                ("GITHUB_ACTOR", "mona"),
                ("GITHUB_SERVER_URL", "https://github.example"),
                ("GITHUB_REPOSITORY", "o/r"),
                ("GITHUB_RUN_ID", "42"),
            ],
            [
                "c0ffee",
                "mona",
                "https://github.example/o/r/actions/runs/42",
            ],
        ),
        (
            &[
                ("CI_COMMIT_SHA", "beef"),
                ("GITLAB_USER_LOGIN", "tanuki"),
                ("CI_JOB_URL", "https://gitlab.example/o/r/-/jobs/7"),
                (
                    "CI_PIPELINE_URL",
                    "https://gitlab.example/o/r/-/pipelines/6",
                ),
            ],
            ["beef", "tanuki", "https://gitlab.example/o/r/-/jobs/7"],
        ),
        (
            &[
                ("JENKINS_URL", "https://jenkins.example/"),
                ("GIT_COMMIT", "f00d"),
                ("BUILD_USER_ID", "butler"),
                ("BUILD_URL", "https://jenkins.example/job/x/5/"),
            ],
            ["f00d", "butler", "https://jenkins.example/job/x/5/"],
        ),
    ];
    for (variables, expected) in systems {
        let mut call = check(&Flow::new()).args(["--report-json", "r.json"]);
        for (name, value) in variables {
            call = call.env(name, value);
        }
        let receipt = receipt(&call.run().exit(0));
        assert_eq!(
            [
                &receipt["commit"],
                &receipt["actor"],
                &receipt["pipeline_url"]
            ],
            expected,
            "{receipt:#}"
        );
    }
}

// ---- plain logs ----

#[test]
fn a_plain_log_has_no_commands() {
    type Words = &'static [&'static str];
    type Variables = &'static [(&'static str, &'static str)];
    let cases: &[(Words, Variables)] = &[
        (
            &["--ci", "none"][..],
            &[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")][..],
        ),
        (
            &["--ci", "none"],
            &[("GITLAB_CI", "true"), ("NO_COLOR", "1")],
        ),
        (
            &[],
            &[
                ("FLOWSHIP_CI", "none"),
                ("GITLAB_CI", "true"),
                ("NO_COLOR", "1"),
            ],
        ),
        (&["--ci", "jenkins"], &[]),
        (&[], &[("JENKINS_URL", "https://jenkins.example/")]),
        (&[], &[("GITHUB_ACTIONS", "false")]),
        (&[], &[]),
    ];
    together(cases, |(options, variables)| {
        let tenant = Tenant::new(&["start-error=b", HOSTILE]);
        let mut call = deploy(&tenant, &Flow::new()).args(*options);
        let here = call.path().to_owned();
        call = call
            .env("GITHUB_OUTPUT", here.join("output.txt"))
            .env("GITHUB_STEP_SUMMARY", here.join("summary.md"));
        for (name, value) in *variables {
            call = call.env(name, value);
        }
        call = call.beside("output.txt", "").beside("summary.md", "");
        let run = call.run().exit(1);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                commands(text).is_empty() && !text.contains([ESC, '\r']),
                "{options:?} {variables:?}\n{run}"
            );
        }
        assert_eq!(
            (run.written("output.txt"), run.written("summary.md")),
            (String::new(), String::new()),
            "{variables:?}"
        );
    });
}

#[test]
fn an_unknown_ci_system_is_a_usage_error() {
    let _ = check(&Flow::new())
        .env("FLOWSHIP_CI", "travis")
        .run()
        .exit(2)
        .stderr_has("none of auto, github, gitlab, jenkins, none");
}
