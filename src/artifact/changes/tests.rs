use proptest::prelude::*;

use super::*;
use crate::artifact::sample::{MODEL_PATH, SCRIPT_PATH, Sample, definitions};
use crate::artifact::{Archive, DEFINITIONS_PATH, MANIFEST_PATH, PARAMETERS_PATH};

const SCHEMA_PATH: &str = "src/main/resources/xsd/a.xsd";

/// What deploying a sample would change on a tenant that gives out another one, and that this agrees with `difference`.
fn changed(git: &Sample, tenant: &Sample, configured: &[(&str, &str)]) -> Vec<Change> {
    let options = PackOptions::default();
    let configured: BTreeMap<String, String> = configured
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let download = Archive::pack(&tenant.open(), &options).unwrap();
    let file = || download.open_file().unwrap();
    let git = git.open();
    let changes = changes(&git, &options, file(), &configured).unwrap();
    let local = Comparable::of(&git, &options).unwrap();
    let differences = difference(&local, &Comparable::of_zip(file()).unwrap(), &configured);
    let paths = |changes: &[Change]| -> Vec<String> {
        changes.iter().map(|change| change.path.clone()).collect()
    };
    let expected: Vec<_> = differences.into_iter().map(|found| found.path).collect();
    assert_eq!(paths(&changes), expected);
    changes
}

/// The lines that people see.
fn lines(git: &Sample, tenant: &Sample) -> Vec<String> {
    let changes = changed(git, tenant, &[]);
    changes.iter().flat_map(Change::lines).collect()
}

fn script(git: &str, tenant: &str) -> Vec<String> {
    let with = |text: &str| Sample::flow().with(SCRIPT_PATH, text);
    lines(&with(git), &with(tenant))
}

fn text_diff(git: &str, tenant: &str) -> TextDiff {
    text::diff(tenant, git).unwrap()
}

#[test]
fn no_difference_is_no_change() {
    assert_eq!(changed(&Sample::flow(), &Sample::flow(), &[]), []);
    let rewritten = Sample::flow()
        .with(".project", "<another/>")
        .with(PARAMETERS_PATH, "#later\nHost\\ Name: https://x");
    assert_eq!(changed(&Sample::flow(), &rewritten, &[]), []);
}

#[test]
fn lines_go_from_the_tenant_to_git() {
    let tenant = "a\nb\nc\nd\ne\nf\ng\nh\n";
    let git = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
    assert_eq!(
        script(git, tenant),
        [
            "src/main/resources/script/log.groovy: +2 -1",
            "@@ -2,7 +2,8 @@",
            " b",
            " c",
            " d",
            "-e",
            "+E",
            " f",
            " g",
            " h",
            "+i",
        ]
    );
}

#[test]
fn a_hunk_at_the_beginning_and_a_missing_line_break_at_the_end_are_shown_as_diff_does() {
    assert_eq!(
        script("a", ""),
        [
            "src/main/resources/script/log.groovy: +1 -0",
            "@@ -0,0 +1 @@",
            "+a",
            "\\ No newline at end of file",
        ]
    );
    assert_eq!(
        script("\ta\nb\n", "\ta\nb")[1..],
        [
            "@@ -1,2 +1,2 @@",
            " \ta",
            "-b",
            "\\ No newline at end of file",
            "+b"
        ]
    );
}

#[test]
fn whitespace_that_cannot_be_seen_is_made_visible() {
    assert_eq!(
        script("a \t\nb\n", "a\nb\n"),
        [
            "src/main/resources/script/log.groovy: +1 -1; only whitespace differs",
            "@@ -1,2 +1,2 @@",
            "-a",
            "+a·→",
            " b",
        ]
    );
    let diff = text_diff("\u{feff}a\n", "a\n");
    assert_eq!(diff.notes, ["only Git has a byte order mark"]);
}

#[test]
fn line_ends_are_named_and_do_not_hide_the_rest() {
    for (git, tenant, summary) in [
        (
            "a\nb\n",
            "a\r\nb\r\n",
            "only line ends differ; line ends: CRLF on the tenant, LF in Git",
        ),
        (
            "a\r\nb\r\n",
            "a\nb\n",
            "only line ends differ; line ends: LF on the tenant, CRLF in Git",
        ),
        (
            "a\nb\r\n",
            "a\r\nb\n",
            "only line ends differ; line ends: CRLF and LF are mixed",
        ),
        (
            "a\nc\n",
            "a\r\nb\r\n",
            "+1 -1; line ends: CRLF on the tenant, LF in Git",
        ),
    ] {
        let lines = script(git, tenant);
        assert_eq!(lines[0], format!("{SCRIPT_PATH}: {summary}"));
        assert!(lines.iter().all(|line| !line.contains('\r')));
    }
}

#[test]
fn markup_on_one_line_is_broken_between_its_tags() {
    let flow = |host: &str| {
        let steps = "<step><name>x</name></step>".repeat(80);
        format!(
            "<?xml version=\"1.0\"?><flow>{steps}<key>host</key><value>{host}</value>{steps}</flow>"
        )
    };
    let diff = text_diff(&flow("new"), &flow("old"));
    assert_eq!(
        diff.hunks,
        "@@ -241,7 +241,7 @@\n <name>x</name>\n </step>\n <key>host</key>\n-<value>old</value>\n+<value>new</value>\n \
         <step>\n <name>x</name>\n </step>\n"
    );
    assert_eq!(
        diff.notes,
        ["long lines are broken between tags, and counted so"]
    );
    let diff = text_diff(&flow("old"), &flow("old").replace("><", ">\n<"));
    assert_eq!((diff.added, diff.removed), (0, 0));
    assert_eq!(diff.notes, ["only line breaks between tags differ"]);
}

#[test]
fn a_long_line_is_cut_around_what_differs() {
    let line = |middle: &str| format!("{}{middle}{}\n", "ä".repeat(1000), "z".repeat(1000));
    let diff = text_diff(&line("git"), &line("tenant"));
    for line in diff.hunks.lines().skip(1) {
        assert!(line.chars().count() <= 203, "{line}");
        assert!(line[1..].starts_with('…') && line.ends_with('…'), "{line}");
    }
    assert!(diff.hunks.contains("ägitz") && diff.hunks.contains("ätenantz"));
}

#[test]
fn a_long_diff_is_cut_and_says_how_much_is_missing() {
    let text = |word: &str| {
        (0..1000)
            .map(|n| format!("{word}{n}\n"))
            .collect::<String>()
    };
    let diff = text_diff(&text("a"), &text("b"));
    assert_eq!((diff.added, diff.removed), (1000, 1000));
    assert_eq!(diff.hunks.lines().count(), 400);
    assert_eq!(diff.more, 1601);
    assert_eq!(diff.lines().last().unwrap(), "… 1601 more lines");
}

#[test]
fn a_text_of_very_many_lines_is_not_compared_by_lines() {
    assert_eq!(text::diff("a\n", &"b\n".repeat(50_001)), None);
}

#[test]
fn files_on_one_side_and_files_that_are_no_text_are_named_with_their_sizes() {
    let git = Sample::flow()
        .with(SCHEMA_PATH, "<xsd/>")
        .with("src/a.jar", b"\0b")
        .with("src/b", b"\xff")
        .with("src/large", "x".repeat((1 << 20) + 1));
    let tenant = Sample::flow()
        .without(SCRIPT_PATH)
        .with("src/a.jar", b"\0")
        .with("src/b", b"text")
        .with("src/large", "x")
        .with("src/old.xsd", "<old/>");
    assert_eq!(
        lines(&git, &tenant),
        [
            "src/a.jar: differs (1 byte on the tenant, 2 in Git; binary)",
            "src/b: differs (4 bytes on the tenant, 1 in Git; binary)",
            "src/large: differs (1 byte on the tenant, 1048577 in Git; too large to be shown)",
            "src/main/resources/script/log.groovy: only in Git (8 bytes)",
            "src/main/resources/xsd/a.xsd: only in Git (6 bytes)",
            "src/old.xsd: only on the tenant (6 bytes)",
        ]
    );
}

#[test]
fn parameters_are_shown_by_key_and_those_that_look_secret_without_value() {
    let git = Sample::flow().with(
        PARAMETERS_PATH,
        "Host\\ Name=https\\://y\nAPI\\ Key=abc\nTarget=https\\://u\\:hidden@h\nnew=\n",
    );
    let tenant = Sample::flow().with(
        PARAMETERS_PATH,
        "Host\\ Name=https\\://x\nAPI\\ Key=xyz\nTarget=https\\://h\n",
    );
    assert_eq!(
        lines(&git, &tenant),
        [
            "src/main/resources/parameters.prop: 4 parameters differ",
            "- API Key = (not shown)",
            "+ API Key = (not shown)",
            "- Host Name = https://x",
            "+ Host Name = https://y",
            "- Target = (not shown)",
            "+ Target = (not shown)",
            "+ new = (empty)",
        ]
    );
    assert!(!format!("{:?}", changed(&git, &tenant, &[])).contains("hidden"));
    let configured = [
        ("Host Name", "https://x"),
        ("API Key", "xyz"),
        ("Target", "https://h"),
    ];
    assert_eq!(changed(&git, &tenant, &configured)[0].lines().len(), 2);
}

#[test]
fn parameter_files_that_cannot_be_read_never_show_their_lines() {
    let git = Sample::flow().with(PARAMETERS_PATH, "password=hidden\na=\\u");
    assert_eq!(
        lines(&git, &Sample::flow()),
        [
            "src/main/resources/parameters.prop: differs (52 bytes on the tenant, 20 in Git; not readable as parameters, and not shown)"
        ]
    );
}

#[test]
fn headers_and_declarations_are_shown_with_their_values() {
    let git = Sample::flow()
        .replaced(MANIFEST_PATH, "Orders to Warehouse", "Orders  to Warehouse")
        .with(
            DEFINITIONS_PATH,
            definitions(&["Host Name"]).replace("xsd:string", "xsd:integer"),
        );
    assert_eq!(
        lines(&git, &Sample::flow()),
        [
            "META-INF/MANIFEST.MF: 1 header differs",
            "- bundle-name = Orders to Warehouse",
            "+ bundle-name = Orders  to Warehouse",
            "src/main/resources/parameters.propdef: 1 parameter is declared differently",
            "- Host Name = type xsd:string",
            "+ Host Name = type xsd:integer",
        ]
    );
}

#[test]
fn a_manifest_with_another_id_is_compared_as_it_is_packed() {
    let git = Sample::flow();
    let options = PackOptions {
        id: Some("Copy".to_owned()),
        ..PackOptions::default()
    };
    let download = Archive::pack(&git.open(), &options).unwrap();
    let changed = |options: &PackOptions| {
        let file = download.open_file().unwrap();
        changes(&git.open(), options, file, &BTreeMap::new()).unwrap()
    };
    assert_eq!(changed(&options), []);
    assert_eq!(changed(&PackOptions::default()).len(), 1);
}

#[test]
fn a_value_mapping_is_shown_by_group() {
    let mapping = |to: &str| {
        Sample::of_type("ValueMapping").with(
            VALUE_MAPPING_PATH,
            format!(
                "<vm><group id=\"1\"><entry><agency>A</agency><schema>s</schema><value>1</value></entry>\
                 <entry><agency>B</agency><schema>t</schema><value>{to}</value></entry></group></vm>"
            ),
        )
    };
    assert_eq!(
        lines(&mapping("2"), &mapping("2 ")),
        [
            "value_mapping.xml: +1 -1; only whitespace differs",
            "@@ -1 +1 @@",
            "-A/s \"1\" = B/t \"2 \"",
            "+A/s \"1\" = B/t \"2\"",
        ]
    );
}

#[test]
fn a_download_that_is_no_zip_is_an_error() {
    let sample = Sample::empty().with("page.html", "<html>");
    let file = File::open(sample.path().join("page.html")).unwrap();
    let git = Sample::flow();
    assert!(changes(&git.open(), &PackOptions::default(), file, &BTreeMap::new()).is_err());
}

/// The text that a diff makes of the tenant's.
fn applied(tenant: &str, hunks: &str) -> String {
    let old: Vec<_> = tenant.split_inclusive('\n').collect();
    let (mut result, mut at) = (Vec::new(), 0);
    for line in hunks.split_terminator('\n') {
        if let Some(header) = line.strip_prefix("@@ -") {
            let (first, rest) = header.split_once([',', ' ']).unwrap();
            let empty = rest.starts_with("0 ");
            let start = first.parse::<usize>().unwrap() - usize::from(!empty);
            result.extend(old[at..start].iter().map(|line| (*line).to_owned()));
            at = start;
        } else if let Some(text) = line.strip_prefix('+') {
            result.push(format!("{text}\n"));
        } else if line.starts_with('\\') {
            result.last_mut().unwrap().pop();
        } else {
            assert_eq!(line[1..], *old[at].trim_end_matches('\n'));
            let kept = line.strip_prefix(' ').map(|text| format!("{text}\n"));
            result.extend(kept);
            at += 1;
        }
    }
    result.extend(old[at..].iter().map(|line| (*line).to_owned()));
    result.concat()
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec("[abc]?", 0..30)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

proptest! {
    #[test]
    fn a_diff_applied_to_the_tenants_text_gives_gits(git in any_text(), tenant in any_text()) {
        prop_assert_eq!(applied(&tenant, &text_diff(&git, &tenant).hunks), git);
    }

    #[test]
    fn arbitrary_texts_never_panic(git in "(<a>|><|\\r|\\n|\\t| |ä|\u{feff}|x{2001}){0,20}", tenant in "(<a>|><|\\r|\\n|\\t| |ä|x{2001}){0,20}") {
        let diff = text_diff(&git, &tenant);
        prop_assert!(git == tenant || !diff.hunks.is_empty() || !diff.notes.is_empty());
    }

    #[test]
    fn arbitrary_names_have_a_secrecy(name in any::<String>(), value in any::<String>()) {
        let _ = (looks_secret(&name), carries_secret(&value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn there_is_a_change_exactly_where_there_is_a_difference(
        git in files(), tenant in files(), configured in proptest::option::of("[12]"),
    ) {
        let configured: Vec<_> = configured.iter().map(|value| ("a", value.as_str())).collect();
        changed(&sample(&git), &sample(&tenant), &configured);
    }
}

/// Contents of files that exist on both sides, on one, or on none.
fn files() -> impl Strategy<Value = Vec<(&'static str, Option<String>)>> {
    let file = |path: &'static str, contents: &'static str| {
        proptest::option::of(contents).prop_map(move |contents| (path, contents))
    };
    let manifest = Just((MANIFEST_PATH, None));
    (
        manifest,
        file(SCRIPT_PATH, "a?\r?\n?"),
        file(MODEL_PATH, "<a/>|<b/>|\0"),
        file(PARAMETERS_PATH, "a=[12]|a=1\nb=2|\\\\u"),
        file(
            DEFINITIONS_PATH,
            "<broken|<p/>|<p><parameter><name>[ab]</name></parameter></p>",
        ),
        file(
            VALUE_MAPPING_PATH,
            "<vm/>|<vm> </vm>|<vm><group><entry/></group></vm>|x",
        ),
    )
        .prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f])
}

fn sample(files: &[(&str, Option<String>)]) -> Sample {
    files.iter().fold(
        Sample::of_type("ValueMapping"),
        |sample, (path, contents)| match contents {
            Some(contents) => sample.with(path, contents),
            None => sample,
        },
    )
}
