use proptest::prelude::*;

use super::*;
use crate::artifact::{Archive, Comparable, PackOptions, difference, sample::Sample};

const GIT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vm version=\"2.0\">\n  <group id=\"g1\">\
    <entry><agency>ERP</agency><schema>Country</schema><value>DE</value></entry>\
    <entry><agency>CRM</agency><schema>Land</schema><value>Germany </value></entry></group>\n</vm>\n";

/// A group of two representations, as tenants write it.
fn group(id: &str, from: &str, to: &str) -> String {
    format!(
        "<group id=\"{id}\"><entry><agency>ERP</agency><schema>Country</schema><value>{from}</value></entry>\
         <entry><agency>CRM</agency><schema>Land</schema><value>{to}</value></entry></group>"
    )
}

fn mapping(groups: &[String]) -> String {
    format!("<vm version=\"2.0\">{}</vm>", groups.concat())
}

fn parse(text: &str) -> ValueMapping {
    ValueMapping::parse(text.as_bytes()).unwrap()
}

fn merge(local: &str, remote: &str) -> Merged {
    merged(local.as_bytes(), remote.as_bytes()).unwrap()
}

fn text(merged: &Merged) -> &str {
    std::str::from_utf8(&merged.bytes).unwrap()
}

#[test]
fn groups_are_read_with_the_blanks_of_their_values() {
    let mapping = parse(GIT);
    assert_eq!(mapping.groups()[0].id, "g1");
    assert_eq!(mapping.groups()[0].line, 3);
    assert_eq!(
        describe(mapping.groups()),
        ["ERP/Country \"DE\" = CRM/Land \"Germany \""]
    );
}

#[test]
fn marks_entities_and_empty_parts_are_read() {
    let mapping = parse(
        "<vm><!-- c --><group><entry isDefault=\"true\" x=\"y\"><agency>A&amp;B</agency><schema><![CDATA[<s>]]></schema>\
         <value>&#228;</value></entry><entry isDefault=\"false\"><agency/><schema/></entry></group><group id=''/></vm>",
    );
    assert_eq!(
        describe(mapping.groups()),
        [
            "A&B/<s> \"ä\" (default) (x y) = / \"\"",
            "(a group without entries)"
        ]
    );
}

#[test]
fn what_is_no_value_mapping_is_an_error_with_its_line() {
    let table: &[(&[u8], u32, &str)] = &[
        (b"", 1, "root"),
        (b"<vm>\n<group></vm>", 2, "group"),
        (b"<vm>\n\xff</vm>", 2, "not UTF-8"),
        (
            b"<?xml version='1.0' encoding = 'ISO-8859-1'?><vm/>",
            1,
            "ISO-8859-1",
        ),
        (b"<!DOCTYPE vm [<!ENTITY e 'x'>]>\n<vm/>", 1, "DTD"),
        (
            b"<vm><group><entry><value>\n&e;</value></entry></group></vm>",
            2,
            "entity",
        ),
        (b"\n<x/>", 2, "the element `x`"),
        (b"<vm>\n<row/></vm>", 2, "the element `row`"),
        (b"<vm xmlns='urn:x'/>", 1, "the element `vm`"),
        (
            b"<vm><group>\n<value/></group></vm>",
            2,
            "the element `value`",
        ),
        (
            b"<vm><group><entry>\n\n<note/></entry></group></vm>",
            3,
            "the element `note`",
        ),
        (
            b"<vm><group><entry><value>\n<b/></value></entry></group></vm>",
            2,
            "the element `b`",
        ),
        (
            b"<vm><group><entry><value x='1'/></entry></group></vm>",
            1,
            "the attribute `x`",
        ),
        (
            b"<vm><group><entry><value/>\n<value/></entry></group></vm>",
            2,
            "a second element `value`",
        ),
        (b"<vm><group>text</group></vm>", 1, "text"),
    ];
    for (bytes, line, word) in table {
        let error = ValueMapping::parse(bytes).unwrap_err();
        assert_eq!(error.line(), *line, "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(
            error.to_string().contains(&format!("line {line}")),
            "{error}"
        );
    }
}

#[test]
fn groups_and_files_beyond_the_limits_are_refused() {
    let entries = "<entry/>".repeat(MOST_ENTRIES + 1);
    let error = ValueMapping::parse(format!("<vm><group>{entries}</group></vm>").as_bytes());
    assert!(error.unwrap_err().to_string().contains("256 entries"));
    let many = format!("<vm>{}</vm>", "<group/>".repeat(1_000_000));
    assert!(ValueMapping::parse(many.as_bytes()).is_err());
}

#[test]
fn ids_layout_and_order_do_not_change_the_meaning() {
    let (one, two) = (group("1", "DE", "Germany"), group("2", "FR", "France"));
    let base = parse(&mapping(&[one.clone(), two.clone()]));
    let same = [
        mapping(&[two.clone(), one.clone()]),
        mapping(&[group("9", "DE", "Germany"), two.clone()]),
        mapping(&[one.clone(), two.clone()]).replace("><", ">\r\n  <"),
        mapping(&[one.clone(), two.clone(), "<group/>".to_owned()]),
        mapping(&[one.clone(), two.clone()]).replacen("<entry>", "<entry isDefault=\"true\">", 1),
        "<vm version='2.0'><group><entry><value>Germany</value><agency>CRM</agency><schema>Land</schema></entry><entry>\
         <schema>Country</schema><value>DE</value><agency>ERP</agency></entry></group>"
            .to_owned()
            + &two
            + "</vm>",
    ];
    for text in same {
        assert!(same_meaning(&base, &parse(&text)), "{text}");
    }
    let other = [
        mapping(std::slice::from_ref(&one)),
        mapping(&[one.clone(), group("2", "FR", "France ")]),
        mapping(&[one.clone(), two.clone()]).replace("2.0", "3.0"),
        mapping(&[one.clone(), two.clone()]).replacen("<entry>", "<entry x=\"y\">", 1),
        mapping(&[one.clone(), two.clone()]).replacen("<group", "<group x=\"y\"", 1),
    ];
    for text in other {
        assert!(!same_meaning(&base, &parse(&text)), "{text}");
    }
}

#[test]
fn where_a_value_stands_in_several_groups_order_and_mark_count() {
    let (one, two) = (group("1", "DE", "Germany"), group("2", "DE", "BRD"));
    let base = mapping(&[one.clone(), two.clone()]);
    let marked = base.replacen("<entry>", "<entry isDefault=\"true\">", 1);
    assert!(same_meaning(&parse(&base), &parse(&base)));
    assert!(!same_meaning(&parse(&base), &parse(&mapping(&[two, one]))));
    assert!(!same_meaning(&parse(&base), &parse(&marked)));
}

#[test]
fn what_only_the_tenant_has_is_added_after_the_last_group_in_its_layout() {
    let remote = mapping(&[
        group("g1", "DE", "Germany "),
        group("g2", "FR", "France"),
        group("g3", "IT", "Ital&#105;a"),
    ]);
    let merged = merge(GIT, &remote);
    assert_eq!(merged.added.len(), 2);
    assert!(merged.conflicts.is_empty());
    let expected = GIT.replace(
        "</group>\n</vm>",
        &format!(
            "</group>\n  {}\n  {}\n</vm>",
            group("g2", "FR", "France"),
            group("g3", "IT", "Ital&#105;a")
        ),
    );
    assert_eq!(text(&merged), expected);
}

#[test]
fn groups_can_be_added_to_a_mapping_without_any() {
    let one = group("1", "DE", "Germany");
    for (local, expected) in [
        (
            "<vm version=\"2.0\"/>",
            format!("<vm version=\"2.0\">{one}</vm>"),
        ),
        ("<vm />\n", format!("<vm >{one}</vm>\n")),
        ("<vm></vm>", format!("<vm>{one}</vm>")),
        (
            "<vm><!--</x>--></vm >",
            format!("<vm><!--</x>-->{one}</vm >"),
        ),
        ("\u{feff}<vm></vm>", format!("\u{feff}<vm>{one}</vm>")),
    ] {
        assert_eq!(
            text(&merge(local, &mapping(std::slice::from_ref(&one)))),
            expected
        );
    }
}

#[test]
fn the_same_groups_need_no_merge() {
    let reordered = mapping(&[group("other", "DE", "Germany ")]);
    for remote in [GIT, &reordered, "<vm/>"] {
        let merged = merge(GIT, remote);
        assert_eq!(text(&merged), GIT);
        assert!(merged.added.is_empty() && merged.conflicts.is_empty());
    }
}

#[test]
fn git_wins_where_the_tenant_maps_the_same_value_to_another_one() {
    let local = mapping(&[group("1", "DE", "Germany")]);
    for remote in [
        group("1", "DE", "BRD"),
        group("7", "DE", "BRD"),
        group("7", "BRD", "Germany"),
        group("1", "GER", "BRD"),
    ] {
        let merged = merge(&local, &mapping(&[remote, group("2", "FR", "France")]));
        assert_eq!(
            describe(&merged.added),
            ["ERP/Country \"FR\" = CRM/Land \"France\""]
        );
        assert_eq!(merged.conflicts.len(), 1);
        let line = merged.conflicts[0].to_string();
        assert!(
            line.starts_with("Git: ERP/Country \"DE\" = CRM/Land \"Germany\"; tenant: "),
            "{line}"
        );
    }
}

#[test]
fn what_was_entered_beside_a_group_that_both_have_is_kept() {
    let local = mapping(&[group("1", "DE", "Germany")]);
    let second = group("2", "GER", "Germany");
    let remote = mapping(&[group("1", "DE", "Germany"), second.clone()]);
    let merged = merge(&local, &remote);
    assert!(merged.conflicts.is_empty());
    assert_eq!(text(&merged), remote);
}

#[test]
fn a_default_mark_that_counts_and_differs_is_a_conflict() {
    let (one, two) = (group("1", "DE", "Germany"), group("2", "GER", "Germany"));
    let marked = one.replacen("<entry>", "<entry isDefault=\"true\">", 1);
    let local = mapping(&[one, two.clone()]);
    let merged = merge(&local, &mapping(&[marked.clone(), two]));
    assert_eq!(text(&merged), local);
    assert_eq!(merged.conflicts.len(), 1);
    assert!(merged.conflicts[0].to_string().contains("(default)"));
    let alone = merge(&local, &mapping(&[marked]));
    assert_eq!(alone.conflicts.len(), 1, "it counts in Git");
}

/// A file of groups, each such as `1: A=x B=y`: an id, and values by their agencies.
fn shorthand(groups: &[&str]) -> String {
    let written = groups.iter().map(|group| {
        let (id, entries) = group.split_once(": ").unwrap();
        let entries = entries.split(' ').map(|entry| {
            let (agency, value) = entry.split_once('=').unwrap();
            format!(
                "<entry><agency>{agency}</agency><schema>s</schema><value>{value}</value></entry>"
            )
        });
        let entries: String = entries.collect();
        format!("<group id=\"{id}\">{entries}</group>")
    });
    mapping(&written.collect::<Vec<_>>())
}

/// The groups as in [`shorthand`], without ids.
fn in_short<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Vec<String> {
    let entry = |entry: &Entry| format!("{}={}", entry.agency, entry.value);
    let short = |group: &Group| {
        group
            .entries
            .iter()
            .map(entry)
            .collect::<Vec<_>>()
            .join(" ")
    };
    groups.into_iter().map(short).collect()
}

/// Merges, and compares the groups of the result and the tenant's groups of which something is lost.
#[track_caller]
fn merges(git: &[&str], tenant: &[&str], result: &[&str], lost: &[&str]) {
    let merged = merge(&shorthand(git), &shorthand(tenant));
    let shown = format!("{git:?} with {tenant:?}");
    assert_eq!(in_short(parse(text(&merged)).groups()), result, "{shown}");
    let remote = merged.conflicts.iter().map(|conflict| &conflict.remote);
    assert_eq!(in_short(remote), lost, "{shown}");
}

#[test]
fn entries_that_only_the_tenants_version_of_a_group_has_join_it() {
    for tenant in ["1: A=1 B=2 C=ops", "9: A=1 B=2 C=ops", "9: C=ops B=2 A=1"] {
        merges(
            &["1: A=1 B=22"],
            &[tenant],
            &["A=1 B=22 C=ops"],
            &[&tenant[3..]],
        );
    }
    for tenant in ["1: A=1 B=2 C=ops", "9: C=ops B=2 A=1"] {
        merges(&["1: A=1 B=2"], &[tenant], &["A=1 B=2 C=ops"], &[]);
    }
    merges(&["1: A=1 B=2"], &["1: A=1 C=ops"], &["A=1 B=2 C=ops"], &[]);
    merges(
        &["1: A=1 B=2", "2: A=9 B=8"],
        &["2: A=9 B=7 C=x D=y", "1: A=1 B=2 C=ops"],
        &["A=1 B=2 C=ops", "A=9 B=8 C=x D=y"],
        &["A=9 B=7 C=x D=y"],
    );
}

#[test]
fn of_two_versions_of_a_group_the_first_one_gives_an_entry() {
    merges(
        &["1: A=1 B=22"],
        &["8: A=1 B=2 C=ops", "9: A=1 B=3 C=other D=x"],
        &["A=1 B=22 C=ops D=x"],
        &["A=1 B=2 C=ops", "A=1 B=3 C=other D=x"],
    );
}

#[test]
fn an_entry_that_stands_in_another_group_of_gits_does_not_join() {
    merges(
        &["1: A=1 B=22", "2: C=ops D=4"],
        &["1: A=1 B=2 C=ops E=5", "2: C=ops D=4"],
        &["A=1 B=22 E=5", "C=ops D=4"],
        &["A=1 B=2 C=ops E=5"],
    );
}

#[test]
fn nothing_joins_where_it_is_not_certain_which_group_is_meant() {
    for (git, tenant) in [
        (&["1: A=1 B=22", "2: A=11 B=2"][..], "1: A=1 B=2 C=ops"),
        (&["1: A=1 B=2", "2: D=4 E=5"], "1: A=1 B=2 D=4 E=5 C=ops"),
        (&["1: A=1 B=2", "2: B=2"], "1: A=1 B=3 C=ops"),
        (&["1: A=1 B=2"], "1: A=7 B=8 C=ops"),
    ] {
        let expected: Vec<&str> = git.iter().map(|group| &group[3..]).collect();
        merges(git, &[tenant], &expected, &[&tenant[3..]]);
    }
}

#[test]
fn a_group_beside_one_that_both_have_stays_a_group_of_its_own() {
    merges(
        &["1: A=1 B=2"],
        &["1: A=1 B=2", "2: A=1 B=2 C=ops"],
        &["A=1 B=2", "A=1 B=2 C=ops"],
        &[],
    );
    merges(
        &["1: A=1 B=2"],
        &["9: A=1 C=ops"],
        &["A=1 B=2", "A=1 C=ops"],
        &[],
    );
}

#[test]
fn joining_entries_keep_how_the_tenant_wrote_them_and_are_set_off_as_gits() {
    let entry = "<entry  isDefault='true'><agency>X</agency><schema>Y</schema><value>&#52;9 </value></entry>";
    let longer = group("1", "DE", "Germany ").replace("</group>", &format!("{entry}</group>"));
    let local = GIT.replace("<entry>", "\n    <entry>");
    let merged = merge(&local, &mapping(&[longer]));
    let expected = local.replace("</group>", &format!("\n    {entry}</group>"));
    assert_eq!(text(&merged), expected);
    assert_eq!(
        describe(&merged.added),
        ["ERP/Country \"DE\" = CRM/Land \"Germany \" = X/Y \"49 \" (default)"]
    );
}

#[test]
fn a_group_grows_to_the_limit_of_a_file_that_can_be_read() {
    let many = |from: usize, to: usize| -> String {
        (from..to).map(|agency| format!(" A{agency}=x")).collect()
    };
    let (git, tenant) = (many(0, 200), many(100, 300));
    let merged = merge(
        &shorthand(&[&format!("1: K=1{git}")]),
        &shorthand(&[&format!("1: K=1{tenant}")]),
    );
    assert_eq!(parse(text(&merged)).groups()[0].entries.len(), MOST_ENTRIES);
    assert_eq!(merged.conflicts.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = merged(b"<vm>", GIT.as_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("value_mapping.xml in Git: line 1"),
        "{error}"
    );
    let error = merged(GIT.as_bytes(), b"x").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("value_mapping.xml on the tenant: line 1"),
        "{error}"
    );
}

#[test]
fn a_group_that_would_mean_something_else_in_gits_file_is_an_error() {
    let remote =
        "<vm xmlns:p=\"urn:p\"><group p:x=\"1\"><entry><value>v</value></entry></group></vm>";
    assert_eq!(
        merged(GIT.as_bytes(), remote.as_bytes()).unwrap_err(),
        MergeError::Incompatible
    );
}

#[test]
fn the_merged_file_is_packed_and_equals_the_tenants_mapping() {
    let remote = mapping(&[group("2", "FR", "France"), group("1", "DE", "Germany ")]);
    let local = Sample::of_type("ValueMapping").with(VALUE_MAPPING_PATH, GIT);
    let remote = Sample::of_type("ValueMapping").with(VALUE_MAPPING_PATH, remote);
    let download = Archive::pack(&remote.open(), &PackOptions::default()).unwrap();
    let own = of_artifact(&local.open()).unwrap().unwrap();
    let theirs = of_zip(download.open_file().unwrap()).unwrap().unwrap();
    let options = PackOptions {
        replaced: [(
            VALUE_MAPPING_PATH.to_owned(),
            merged(&own, &theirs).unwrap().bytes,
        )]
        .into(),
        ..PackOptions::default()
    };
    let theirs = Comparable::of_zip(download.open_file().unwrap()).unwrap();
    let differing = |options: &PackOptions| {
        let own = Comparable::of(&local.open(), options).unwrap();
        difference(&own, &theirs, &std::collections::BTreeMap::new()).len()
    };
    assert_eq!(differing(&options), 0);
    assert_eq!(differing(&PackOptions::default()), 1);
    let packed = Archive::pack(&local.open(), &options).unwrap();
    assert_eq!(
        of_zip(packed.open_file().unwrap()).unwrap(),
        Some(options.replaced[VALUE_MAPPING_PATH].clone())
    );
    assert_eq!(of_artifact(&Sample::flow().open()).unwrap(), None);
}

/// Files in which values, ids and marks often meet.
fn any_mapping() -> impl Strategy<Value = String> {
    let entry = ("[AB]", "[st]", "[12&<ä ]{0,2}", any::<bool>()).prop_map(|(agency, schema, value, default)| {
        let value = value.replace('&', "&amp;").replace('<', "&lt;");
        let mark = if default { " isDefault=\"true\"" } else { "" };
        format!("<entry{mark}><agency>{agency}</agency><schema>{schema}</schema><value>{value}</value></entry>")
    });
    let group = ("[a-d]?", proptest::collection::vec(entry, 0..4))
        .prop_map(|(id, entries)| format!("<group id=\"{id}\">{}</group>", entries.concat()));
    let separator = prop_oneof![Just(""), Just("\n  ")];
    (proptest::collection::vec(group, 0..6), separator)
        .prop_map(|(groups, separator)| format!("<vm>{separator}{}</vm>", groups.join(separator)))
}

#[test]
fn a_large_mapping_is_merged_in_one_pass() {
    let groups = |ids: std::ops::Range<usize>| -> Vec<String> {
        ids.map(|id| group(&id.to_string(), &id.to_string(), "same") + "\n")
            .collect()
    };
    let merged = merge(&mapping(&groups(0..3000)), &mapping(&groups(0..6000)));
    assert_eq!((merged.added.len(), merged.conflicts.len()), (3000, 0));
    assert_eq!(parse(text(&merged)).groups()[2999].line, 3000);
}

proptest! {
    #[test]
    fn merging_a_mapping_with_itself_changes_nothing(text in any_mapping()) {
        let merged = merge(&text, &text);
        prop_assert_eq!(std::str::from_utf8(&merged.bytes).unwrap(), &text);
        prop_assert!(merged.added.is_empty());
    }

    #[test]
    fn a_merged_mapping_has_everything_but_what_is_named_as_a_conflict(local in any_mapping(), remote in any_mapping()) {
        let merged = merge(&local, &remote);
        let result = ValueMapping::parse(&merged.bytes).unwrap();
        let (own, theirs) = (parse(&local), parse(&remote));
        prop_assert!(only_in_remote(&result, &own).is_empty());
        let lost = describe(only_in_remote(&result, &theirs));
        let named: Vec<_> = merged.conflicts.iter().map(|conflict| conflict.remote.to_string()).collect();
        prop_assert!(lost.iter().all(|group| named.contains(group)), "{:?} {:?}", lost, named);
        for (found, group) in result.groups().iter().zip(own.groups()) {
            prop_assert!(found.entries.starts_with(&group.entries));
        }
    }

    #[test]
    fn merging_again_changes_nothing(local in any_mapping(), remote in any_mapping()) {
        let once = merge(&local, &remote);
        let twice = merged(local.as_bytes(), &once.bytes).unwrap();
        prop_assert_eq!(&twice.bytes, &once.bytes);
        prop_assert!(twice.conflicts.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ValueMapping::parse(&bytes);
        let _ = merged(&bytes, GIT.as_bytes());
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "(<vm>|</vm>|<vm/>|<group id='1'>|</group>|<entry>|</entry>|<value>|</value>|x| |&amp;|<!--|-->){0,12}") {
        let _ = ValueMapping::parse(text.as_bytes());
        let _ = merged(text.as_bytes(), GIT.as_bytes());
        let _ = merged(GIT.as_bytes(), text.as_bytes());
    }
}
