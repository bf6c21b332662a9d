//! The rules of `java.util.Properties`.

use proptest::prelude::*;

use super::*;

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let properties = Properties::parse(bytes).unwrap();
    properties
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect()
}

#[test]
fn every_rule_of_java_is_followed() {
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let table: &[(&[u8], Pairs)] = &[
        (b"", &[]),
        (b"\n \t\x0c\r\n\r", &[]),
        (b"a=b", &[("a", "b")]),
        (b"a:b", &[("a", "b")]),
        (b"a b", &[("a", "b")]),
        (b"a\tb", &[("a", "b")]),
        (b"a  =  b ", &[("a", "b ")]),
        (b"a = = b", &[("a", "= b")]),
        (b"a : = b", &[("a", "= b")]),
        (b"  a=b", &[("a", "b")]),
        (b"a", &[("a", "")]),
        (b"a=", &[("a", "")]),
        (b"=b", &[("", "b")]),
        (b"#Tue Mar 05\n#\n!x\n  # y\na=#b", &[("a", "#b")]),
        (b"a\\ b\\:\\=\\#\\!=c", &[("a b:=#!", "c")]),
        (b"url=https\\://x\\?y\\=z", &[("url", "https://x?y=z")]),
        (b"a=\\t\\n\\r\\f\\\\d", &[("a", "\t\n\r\x0c\\d")]),
        (
            b"a=\\u00e4\\u20AC\\uD83D\\uDE00",
            &[("a", "\u{e4}\u{20ac}\u{1f600}")],
        ),
        (b"a=b\\\n   c\\\r\n\td", &[("a", "bcd")]),
        (b"a=b\\\r#c", &[("a", "b#c")]),
        (b"a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]),
        (b"a=b\\\n\nc=d", &[("a", "b"), ("c", "d")]),
        (b"#c\\\na=b", &[("a", "b")]),
        (b"a=b\\", &[("a", "b")]),
        (
            b"a=1\rb=2\r\nc=3\nd=4",
            &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
        ),
        (b"\xEF\xBB\xBFa=b", &[("a", "b")]),
        ("a=ä".as_bytes(), &[("a", "ä")]),
        (b"a=\xE4", &[("a", "ä")]),
        (
            b"a=<row><cell>x</cell></row>",
            &[("a", "<row><cell>x</cell></row>")],
        ),
    ];
    for (bytes, expected) in table {
        let expected: Vec<_> = expected
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(pairs(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_malformed_escape_is_an_error_with_its_line() {
    for text in [
        "\n#\na=\\u12",
        "\n\na=\\u12G4",
        "\n\n\\uä=b",
        "\r\r\na=\\uD83D",
        "\n\na=\\uD83D\\u0041",
        "\n\na=\\uDE00",
    ] {
        assert_eq!(
            Properties::parse(text.as_bytes()).unwrap_err().line(),
            3,
            "{text}"
        );
    }
}

#[test]
fn of_a_repeated_key_the_last_counts_and_the_repetition_is_remembered() {
    let properties = Properties::parse(b"a=1\nb=2\na=3\n").unwrap();
    assert_eq!(properties.get("a"), Some("3"));
    assert_eq!(properties.len(), 2);
    assert_eq!(
        properties.duplicates(),
        [DuplicateKey {
            key: "a".into(),
            overridden_line: 1,
            line: 3
        }]
    );
}

#[test]
fn an_entry_carries_the_line_on_which_it_begins() {
    let properties = Properties::parse(b"# c\r\na=1\\\r\n  2\r\n\r\nb=3").unwrap();
    assert_eq!(
        properties
            .iter()
            .map(|entry| entry.line)
            .collect::<Vec<_>>(),
        [2, 5]
    );
}

#[test]
fn entries_are_written_as_java_writes_them() {
    let written = write(&[("a b", "  https://x#!="), ("", "ä\u{1f600}\\d")]);
    assert_eq!(
        written,
        "a\\ b=\\  https\\://x\\#\\!\\=\n=\\u00E4\\uD83D\\uDE00\\\\d\n"
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(entries in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)) {
        let entries: Vec<_> = entries.into_iter().collect();
        prop_assert_eq!(pairs(write(&entries).as_bytes()), entries);
    }

    #[test]
    fn what_is_written_is_read_back_when_it_is_made_of_special_characters(
        key in "[ \\t\\r\\n\\x0c\\\\=:#!u0a]{0,8}", value in "[ \\t\\r\\n\\x0c\\\\=:#!u0a]{0,8}",
    ) {
        let entries = vec![(key, value)];
        prop_assert_eq!(pairs(write(&entries).as_bytes()), entries);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Properties::parse(&bytes);
    }

    #[test]
    fn arbitrary_special_characters_never_panic(text in "[ \\t\\r\\n\\x0c\\\\=:#!uDd8Cc0aä]{0,40}") {
        let _ = Properties::parse(text.as_bytes());
    }
}
