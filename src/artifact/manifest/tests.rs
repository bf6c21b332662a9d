//! Reading manifests, and writing into them.

use proptest::prelude::*;

use super::lines::physical_lines;
use super::*;

const FLOW: &str = "Manifest-Version: 1.0\r\n\
    Bundle-SymbolicName: Orders_To_Warehouse_With_A_Name_That_Is_Far_Too\r\n  _Long; sing\r\n leton:=true\r\n\
    Bundle-Name: Orders\r\n\
    SAP-ArtifactTrait: \r\n\
    Require-Capability: scriptcollection.Common_Scr\r\n ipts;resolution:=optional;note=\"a,b;c\",messagemapping.MM.One\r\n\
    SAP-BundleType: IntegrationFlow\r\n\
    Bundle-Version: 1.0.13\r\n\r\n";

fn manifest(text: &str) -> Manifest {
    Manifest::parse(text.as_bytes()).unwrap()
}

fn flow() -> String {
    FLOW.replace("\r\n  _Long", "\r\n _Long")
}

#[test]
fn wrapped_headers_are_joined_and_keep_their_first_line() {
    let manifest = manifest(&flow());
    assert_eq!(
        manifest.symbolic_name(),
        Some("Orders_To_Warehouse_With_A_Name_That_Is_Far_Too_Long")
    );
    assert_eq!(
        manifest.get("bundle-symbolicname"),
        Some("Orders_To_Warehouse_With_A_Name_That_Is_Far_Too_Long; singleton:=true")
    );
    assert_eq!(manifest.line("Bundle-SymbolicName"), Some(2));
    assert_eq!(manifest.line("Bundle-Name"), Some(5));
    assert_eq!(manifest.get("SAP-ArtifactTrait"), Some(""));
    assert_eq!(manifest.bundle_type(), Some("IntegrationFlow"));
    assert_eq!(manifest.bundle_version(), Some("1.0.13"));
    assert_eq!(manifest.get("SAP-RuntimeProfile"), None);
    assert_eq!(manifest.oddities(), []);
}

#[test]
fn all_line_ends_are_read() {
    for end in ["\n", "\r\n", "\r"] {
        let manifest = manifest(&flow().replace("\r\n", end));
        assert_eq!(manifest.bundle_name(), Some("Orders"), "{end:?}");
        assert_eq!(manifest.line("Bundle-Version"), Some(10), "{end:?}");
    }
}

#[test]
fn required_capabilities_are_split_outside_of_quotes() {
    let expected = [
        ("scriptcollection", "Common_Scripts"),
        ("messagemapping", "MM.One"),
    ];
    let expected = expected.map(|(namespace, name)| Capability {
        namespace: namespace.into(),
        name: name.into(),
    });
    let [collection, mapping] = expected;
    assert_eq!(
        manifest(&flow()).required(),
        [(collection, true), (mapping, false)]
    );
    assert_eq!(manifest(&flow()).provided(), []);
}

#[test]
fn the_attribute_of_the_symbolic_name_is_optional() {
    for value in [
        "Id",
        "Id;singleton:=true",
        "Id; singleton:=true",
        " Id ; singleton:=true",
    ] {
        assert_eq!(
            manifest(&format!("Bundle-SymbolicName: {value}\n")).symbolic_name(),
            Some("Id")
        );
    }
}

#[test]
fn a_character_cut_in_two_is_put_together() {
    let manifest = Manifest::parse(b"Bundle-Name: K\xC3\r\n \xA4se\r\n").unwrap();
    assert_eq!(manifest.bundle_name(), Some("Käse"));
    assert_eq!(manifest.oddities(), []);
}

#[test]
fn oddities_carry_their_line() {
    let text = format!(
        "\u{feff}A: 1\r\nB: {}\nA: 2\r\n\r\n\r\nC: 3\r\n",
        "x".repeat(70)
    );
    let manifest = manifest(&text);
    assert_eq!(manifest.get("A"), Some("2"));
    assert_eq!(manifest.get("C"), None);
    let kinds: Vec<_> = manifest
        .oddities()
        .iter()
        .map(|oddity| (oddity.line, oddity.kind.clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (1, OddityKind::ByteOrderMark),
            (2, OddityKind::LongLine(73)),
            (2, OddityKind::MixedLineEnds),
            (3, OddityKind::MixedLineEnds),
            (3, OddityKind::DuplicateHeader("A".into())),
            (6, OddityKind::HeadersAfterEmptyLine),
        ]
    );
}

#[test]
fn further_sections_are_kept_apart() {
    let manifest = manifest("A: 1\n\nName: x\nA: 2\n\n\nName: y\n\n");
    assert_eq!(manifest.get("A"), Some("1"));
    assert_eq!(manifest.sections().len(), 3);
    assert_eq!(manifest.oddities(), []);
}

#[test]
fn what_java_cannot_read_is_an_error_with_its_line() {
    let table = [
        ("A: 1\nB\nC: 2\n", 2),
        (" x\n", 1),
        ("A: 1\n\n x\n", 3),
        (": x\n", 1),
        ("A: 1\n\tx\n", 2),
    ];
    for (text, line) in table {
        assert_eq!(
            Manifest::parse(text.as_bytes()).unwrap_err().line(),
            line,
            "{text:?}"
        );
    }
}

#[test]
fn aligning_changes_only_what_must_change() {
    let id = "Another_Id_That_Is_So_Long_That_It_Has_To_Be_Wrapped_Again_In_The_Middle";
    let output = String::from_utf8(aligned(flow().as_bytes(), Some(id), Some("Name"))).unwrap();
    let (old, new) = (manifest(&flow()), manifest(&output));
    assert_eq!(
        new.get(SYMBOLIC_NAME).unwrap(),
        format!("{id}; singleton:=true")
    );
    assert_eq!(new.bundle_name(), Some("Name"));
    assert_eq!(new.oddities(), []);
    assert_eq!(new.get("Require-Capability"), old.get("Require-Capability"));
    let tail = |text: &str| text[text.find("SAP-ArtifactTrait").unwrap()..].to_owned();
    assert_eq!(tail(&output), tail(&flow()));
}

#[test]
fn aligning_to_the_same_id_and_name_changes_nothing() {
    let old = flow();
    let parsed = manifest(&old);
    assert_eq!(
        aligned(old.as_bytes(), parsed.symbolic_name(), parsed.bundle_name()),
        old.as_bytes()
    );
    assert_eq!(aligned(old.as_bytes(), None, None), old.as_bytes());
    let mapping = "Provide-Capability: messagemapping.Supplier\nBundle-SymbolicName: MM_Supplier\n";
    assert_eq!(
        aligned(mapping.as_bytes(), Some("MM_Supplier"), None),
        mapping.as_bytes()
    );
}

#[test]
fn aligning_renames_what_a_mapping_or_collection_provides() {
    let text = "Provide-Capability: messagemapping.Supplier;version:Version=\"1.0.0\",other.X\r\nBundle-SymbolicName: MM\r\n";
    let new = aligned(text.as_bytes(), Some("Copy"), None);
    let expected = "Provide-Capability: messagemapping.Copy;version:Version=\"1.0.0\",other.X\r\nBundle-SymbolicName: Copy\r\n";
    assert_eq!(String::from_utf8(new).unwrap(), expected);
}

#[test]
fn aligning_adds_what_is_missing_at_the_end_of_the_main_section() {
    let table = [
        ("A: 1\n\n", "A: 1\nBundle-Name: N\n\n"),
        ("A: 1", "A: 1\r\nBundle-Name: N\r\n"),
    ];
    for (old, new) in table {
        assert_eq!(
            String::from_utf8(aligned(old.as_bytes(), None, Some("N"))).unwrap(),
            new
        );
    }
    let text = aligned(b"A: 1\n", None, Some("x\nInjected: y"));
    assert_eq!(Manifest::parse(&text).unwrap().get("Injected"), None);
}

#[test]
fn a_line_is_filled_to_the_72_bytes_that_are_allowed() {
    for (length, lines) in [(59, 1), (60, 2), (130, 2), (131, 3)] {
        let output = aligned(b"Bundle-Name: x\n", None, Some(&"y".repeat(length)));
        assert_eq!(physical_lines(&output).count(), lines, "{length}");
    }
}

#[test]
fn wrapping_never_splits_a_character() {
    let name = "€".repeat(80);
    let output = aligned(b"Bundle-Name: x\r\n", None, Some(&name));
    assert!(
        output
            .split(|byte| *byte == b'\n')
            .all(|line| std::str::from_utf8(line).is_ok() && line.len() <= 73)
    );
    assert_eq!(
        Manifest::parse(&output).unwrap().bundle_name(),
        Some(name.as_str())
    );
}

proptest! {
    #[test]
    fn a_wrapped_value_is_read_back(value in "[^\\r\\n\\x00]{0,200}") {
        let output = aligned(b"Bundle-Name: x\n", None, Some(&value));
        let manifest = Manifest::parse(&output).unwrap();
        prop_assert_eq!(manifest.get(BUNDLE_NAME), Some(value.as_str()));
        prop_assert_eq!(manifest.oddities(), &[]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Manifest::parse(&bytes);
        let _ = aligned(&bytes, Some("id"), Some("name"));
    }

    #[test]
    fn arbitrary_manifest_characters_never_panic(text in "[A: \\r\\n;,.\"ä]{0,60}") {
        let output = aligned(text.as_bytes(), Some("id"), Some("name"));
        if Manifest::parse(text.as_bytes()).is_ok() {
            let manifest = Manifest::parse(&output).unwrap();
            prop_assert_eq!(manifest.symbolic_name(), Some("id"));
        }
    }
}
