use super::*;

#[test]
fn the_last_entry_is_sorted_like_the_others() {
    // it has no line end, which is no part of what is compared
    let once = stable(b"(\x08\x08\n(");
    assert_eq!(stable(&once), once);
    let goes_on = b"\n \\\nX\n \\\nX++\n\\";
    assert_eq!(stable(goes_on), goes_on);
}

#[test]
fn dates_and_order_go_and_everything_else_stays() {
    let written = b"#\n#Tue Sep 26 12:45:37 UTC 2017\r\n# kept\n b=1\\\n  2\na\\ b=x\\\\\nc=\n";
    assert_eq!(stable(written), b"# kept\na\\ b=x\\\\\nb=1\\\n  2\nc=\n");
}

#[test]
fn a_last_entry_that_wants_to_go_on_stays_the_last() {
    for written in [&b"b\na\\"[..], b"b=1\na=2\\\n"] {
        assert_eq!(stable(written), written);
    }
}

proptest::proptest! {
    #[test]
    fn what_is_said_stays_the_same(bytes in proptest::collection::vec(proptest::sample::select(b"ab=:# \\\n\r\t1".to_vec()), 0..40)) {
        let values = |bytes: &[u8]| Properties::parse(bytes).ok().map(|all| {
            all.iter().map(|one| (one.key.clone(), one.value.clone())).collect::<std::collections::BTreeMap<_, _>>()
        });
        proptest::prop_assert_eq!(values(&bytes), values(&stable(&bytes)));
        proptest::prop_assert_eq!(stable(&bytes), stable(&stable(&bytes)));
    }
}
