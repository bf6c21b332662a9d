//! What is wrong in a file, and where.

use super::*;

/// Fails for each text whose error does not begin as expected.
#[track_caller]
fn faults(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(text, expected)| (text, expected, fault(text)))
        .filter(|(_, expected, found)| !found.starts_with(*expected))
        .map(|(text, expected, found)| format!("{text:?}\n  wanted {expected}\n  found  {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unknown_keys_are_told_with_the_nearest_one() {
    faults(&[
        (
            "pakages: []",
            "1:1: `pakages` is no key here; did you mean `packages`? the keys are: version, packages, environments",
        ),
        (
            "version: 1\nother: 1",
            "2:1: `other` is no key here; the keys are:",
        ),
        (
            "packages:\n- id: P\n  artefacts: [a]",
            "3:3: `artefacts` is no key here; did you mean `artifacts`?",
        ),
        (
            "packages:\n- id: P\n  short_text: x\n  artifacts: [a]",
            "3:3: `short_text` is no key here; did you mean `short-text`?",
        ),
        (
            &artifacts("  - path: a\n    parameter: {}"),
            "5:5: `parameter` is no key here; did you mean `parameters`?",
        ),
        (
            &environment("    hosts: x"),
            "3:5: `hosts` is no key here; did you mean `host`?",
        ),
        (
            &environment("    \"a\\e[31m\\nb\": x"),
            "3:5: `a b` is no key here",
        ),
    ]);
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let deep = format!("packages: {}{}", "[".repeat(200), "]".repeat(200));
    let deep_blocks: String = (0..60)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    faults(&[
        ("packages:\n\t- a", "2:2: this is no YAML: tabs disallowed"),
        ("packages: [", "1:11: this is no YAML: unclosed bracket '['"),
        ("version: 1: c", "1:11: this is no YAML"),
        ("packages: \"a", "1:11: this is no YAML"),
        ("environments: *x", "1:15: nothing above has the name"),
        (
            "packages: &a [*a]",
            "1:15: this alias stands inside what it repeats",
        ),
        ("packages: !mine [a]", "1:17: a tag (`!...`) stands here"),
        (
            "version: 1\n---\nversion: 1",
            "3:1: a second document begins here",
        ),
        ("{[a]: b}", "1:2: what stands here must be a text"),
        ("? \n: b", "2:1: "),
        (
            "environments:\n  a: &a {}\n  b:\n    <<: *a",
            "4:5: merging (`<<`) is no part of this file",
        ),
        (&deep, "1:12: what stands here must be a mapping"),
        (&deep_blocks, "1:1: `a` is no key here"),
    ]);
}

#[test]
fn keys_that_stand_twice_are_told_with_both_lines() {
    faults(&[
        (
            "version: 1\nversion: 1",
            "2:1: `version` stands here for the second time",
        ),
        (
            "environments:\n  dev:\n  qa:\n  dev:",
            "4:3: `dev` stands here for the second time",
        ),
        (
            &environment("    parameters:\n      A: {k: 1, \"k\": 2}"),
            "4:17: `k` stands here for the second time",
        ),
    ]);
}

#[test]
fn what_has_another_type_is_told_with_its_place() {
    faults(&[
        ("just text", "1:1: what stands here must be a mapping"),
        ("- a", "1:1: what stands here must be a mapping"),
        ("", "1:1: the file names neither packages nor environments"),
        (
            "# only\n# comments\n",
            "1:1: the file names neither packages nor environments",
        ),
        (
            "version: 2\npackages: []",
            "1:10: `version`: this is version `2` of the format; this flowship reads version 1",
        ),
        (
            "packages:",
            "1:9: `packages` must be a list; write one entry a line",
        ),
        ("packages: []", "1:11: `packages`: this list is empty"),
        (
            "packages:\n  id: P",
            "2:3: what stands here must be a list; write one entry a line",
        ),
        ("packages:\n- P", "2:3: what stands here must be a mapping"),
        (
            "packages:\n- artifacts: [a]",
            "2:3: `id` is missing here; add `id:`",
        ),
        ("packages:\n- id: P", "2:3: `artifacts` is missing here"),
        (
            "packages:\n- id:\n  artifacts: [a]",
            "2:5: `id` has no value; give it one",
        ),
        (
            "packages:\n- id: ''\n  artifacts: [a]",
            "2:7: `id`: this is empty",
        ),
        (
            "packages:\n- id: a b\n  artifacts: [a]",
            "2:7: `id`: `a b` is no text without blanks",
        ),
        (
            "packages:\n- id: [a]\n  artifacts: [a]",
            "2:7: `id` must be a text",
        ),
        (&artifacts("  - id: A"), "4:5: `path` is missing here"),
        (
            &artifacts("  - [a]"),
            "4:5: what stands here must be a path",
        ),
        (
            &artifacts("  - {path: a, id: \"a\\e[31m\"}"),
            "4:19: `id`: this can be no id: it holds a control character",
        ),
        (
            &artifacts("  - path: a\n    deploy: allways"),
            "5:13: `deploy` is `allways`; did you mean `always`? it is one of: always, changed, never",
        ),
        (
            &artifacts("  - path: a\n    deploy: true"),
            "5:13: `deploy` is `true`; it is one of",
        ),
        (
            &artifacts("  - path: a\n    parameters: [a]"),
            "5:17: `parameters` must be a mapping",
        ),
        (
            &artifacts("  - path: a\n    parameters:\n      A:\n      B: x"),
            "6:8: `A` has no value; give it one (\"\" is an empty one)",
        ),
        (
            &artifacts("  - path: a\n    parameters:\n      A: {{x}}"),
            "6:1",
        ),
        (
            &artifacts("  - path: a\n    parameters:\n      A: {x: y}"),
            "6:10: `A` must be a text",
        ),
    ]);
}

#[test]
fn what_has_another_type_in_an_environment_is_told_with_its_place() {
    faults(&[
        (
            "environments: [dev]",
            "1:15: `environments` must be a mapping",
        ),
        (
            "environments:\n  my env:",
            "2:3: `my env` is no name of letters, digits, `-` and `_`; write a name of letters, digits, `-` and `_`",
        ),
        (
            &environment("    allow-shared-addresses: yes"),
            "3:29: `allow-shared-addresses` must be true or false",
        ),
        (
            &environment("    host: a b"),
            "3:11: `host`: this is no host, such as",
        ),
        (
            &environment("    host: https://u:p@x"),
            "3:11: `host`: this is no host, such as",
        ),
        (
            &environment("    credentials: '{\"oauth\": \"s3cret\"}'"),
            "3:18: `credentials`: this is no beginning of names of variables",
        ),
        (
            &environment("    credentials: PROD_CPI_SERVICE_KEY"),
            "3:18: `credentials`: this is the whole name of a variable; write what the names of the variables begin with: PROD_CPI",
        ),
        (
            &environment("    credentials: A_TOKEN_URL"),
            "3:18: `credentials`: this is the whole name of a variable; write what the names of the variables begin with: A",
        ),
        (
            &environment("    id-suffix: ' x'"),
            "3:16: `id-suffix`: `x` is no text without blanks",
        ),
        (
            &environment("    host: ${env:HOST}"),
            "3:11: `host`: `${env:` is replaced in values of parameters only",
        ),
        (
            &environment("    parameters-file: QA/{artifact}/x"),
            "3:22: `parameters-file` holds braces that stand for nothing",
        ),
        (
            &environment("    parameters-file: '{artifact}/{stage}/x'"),
            "3:22: `parameters-file` holds braces",
        ),
        (
            &environment("    parameters:\n      A: x"),
            "4:10: `A` must be a mapping",
        ),
    ]);
    assert!(!fault(&environment("    credentials: '{\"oauth\": \"s3cret\"}'")).contains("s3cret"));
}

#[test]
fn paths_are_relative_and_written_with_slashes() {
    for (path, good) in [
        ("a", true),
        ("./a/b/", true),
        ("../a", true),
        (".", true),
        ("a b/ü.zip", true),
        ("/a", false),
        ("~/a", false),
        ("'C:/a'", false),
        ("a\\b", false),
        ("''", false),
    ] {
        let found = fault(&artifacts(&format!("  - {path}")));
        assert_eq!(found == "no error", good, "{path} {found}");
        assert!(good || found.starts_with("4:5: "), "{found}");
    }
}

#[test]
fn ids_and_paths_that_stand_twice_are_refused() {
    faults(&[
        (
            "packages:\n- {id: P, artifacts: [a]}\n- {id: P, artifacts: [b]}",
            "3:8: the package `P` stands on line 2 too",
        ),
        (
            &artifacts("  - {path: a, id: X}\n  - {path: b, id: X}"),
            "5:19: the artifact `X` stands on line 4 too",
        ),
        (
            "packages:\n- {id: P, artifacts: [a/b]}\n- {id: Q, artifacts: [./a/c/../b/]}",
            "3:23: the path `./a/c/../b/` stands on line 2 too; remove one of them",
        ),
        (
            &artifacts("  - a\n  - {path: a, id: X}"),
            "5:5: the path `a` stands on line 4 too",
        ),
        (
            &artifacts("  - {path: a, id: X}\n  - {path: a, id: Y}"),
            "5:5: the path `a` stands on line 4 too",
        ),
        (&artifacts("  - ../a\n  - ../../a"), "no error"),
    ]);
}

#[test]
fn aliases_repeat_values_and_no_bomb_goes_off() {
    let shared = "environments:\n  dev:\n    parameters: &all\n      Flow: {K: v}\n  qa:\n    parameters: *all\n";
    let project = good(shared);
    let found = named(&project, "Flow", Some("qa"), &Environment::default()).unwrap();
    assert_eq!(found[0].source, "flowship.yaml:4:14");

    let repeated = |long: usize, times: usize| {
        let aliases: String = (0..times).map(|key| format!(", k{key}: *a")).collect();
        let first = "x".repeat(long);
        fault(&environment(&format!(
            "    parameters:\n      A: {{k: &a \"{first}\"{aliases}}}"
        )))
    };
    assert_eq!(repeated(1000, 100), "no error");
    for (long, times) in [(1000, 10_000), (500_000, 1000)] {
        let found = repeated(long, times);
        assert!(
            found.contains("holds more than any settings"),
            "{long} {times} {found}"
        );
    }
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let bad = b"packages:\n  - id: \xfcber\n";
    assert_eq!(
        told(bytes(bad).1.err()),
        "2:9: the file is not UTF-8; save it as UTF-8"
    );
    let wide: Vec<u8> = "version: 1"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let wide = [b"\xff\xfe".as_slice(), &wide].concat();
    assert_eq!(
        told(bytes(&wide).1.err()),
        "1:1: the file is not UTF-8; save it as UTF-8"
    );
    assert!(
        fault("\u{feff}pakages: 1").starts_with("1:1: `pakages`"),
        "{}",
        fault("\u{feff}pakages: 1")
    );
    let large = "#".repeat(1024 * 1024 + 1);
    let found = fault(&large);
    assert!(
        found.contains("can't be read: it is larger than 1048576 bytes"),
        "{found}"
    );
    let directory = TempDir::new().unwrap();
    let found = told(read(directory.path(), Path::new("none.yaml")).err());
    assert!(
        found.starts_with("none.yaml: the settings file can't be read: "),
        "{found}"
    );
    let found = told(read(directory.path(), Path::new(".")).err());
    assert!(found.contains("it is no ordinary file"), "{found}");
}

#[test]
fn what_is_written_wrong_between_the_braces_is_found_before_any_variable_is_looked_at() {
    for (written, expected) in [
        (
            "a ${env:A",
            "6:17: `${env:` without the `}` that ends it; write ${env:NAME}",
        ),
        ("${env:}", "6:17: between `${env:` and `}` stands no name"),
        ("${env:a-b}", "6:17: between `${env:`"),
        ("${env:1A}", "6:17: between `${env:`"),
        ("${env:A:-x}", "6:17: there are no defaults"),
        ("${env:A} ${env:B C}", "6:17: between `${env:`"),
    ] {
        let found = fault(&with_value(written));
        assert!(
            found.starts_with(expected),
            "{written}\n  wanted {expected}\n  found  {found}"
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _ = reading::read(&text, Path::new(""), Path::new("flowship.yaml"));
    }

    #[test]
    fn arbitrary_yaml_never_panics(words in proptest::collection::vec(proptest::sample::select(vec![
        "packages", "environments", "artifacts", "id", "path", "parameters", "dev", "deploy", "host", ": ", ":", "\n", "\n  ", "\n    ",
        "- ", "[", "]", "{", "}", ", ", "&a ", "*a", "${env:", "${env:A}", "$", "'", "\"", "#", "|", ">", "!!str ", "<<", "~", "1", "true",
        "\t", "---", "\u{feff}", "ü", "?", "\\", "%",
    ]), 0..60)) {
        let text: String = words.concat();
        let _ = reading::read(&text, Path::new(""), Path::new("flowship.yaml"));
    }

    #[test]
    fn every_prefix_of_a_good_file_is_read_or_refused(length in 0..ALL_KEYS.len()) {
        let _ = reading::read(&ALL_KEYS[..length], Path::new(""), Path::new("flowship.yaml"));
    }

    #[test]
    fn a_value_without_variables_stays_as_it_is(value in "[a-z${}: .]{0,40}") {
        prop_assume!(!value.contains("${env:"));
        let Ok(read) = RawParameter::read("k".into(), "f:1".into(), &value, "f:1".into()) else {
            return Err(TestCaseError::fail("refused"));
        };
        let variables = Variables {
            environment: &Environment::default(),
            credentials: CredentialNames::default(),
            redactor: &Redactor::new(),
        };
        let Ok(named) = read.fill(&variables) else {
            return Err(TestCaseError::fail("not filled"));
        };
        prop_assert_eq!(named.value, value);
    }
}
