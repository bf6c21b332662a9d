use super::*;

fn configured(key: &str, value: &str) -> Configuration {
    Configuration {
        key: key.to_owned(),
        value: value.to_owned(),
        data_type: "xsd:string".to_owned(),
    }
}

fn digest(one: &Configuration) -> String {
    format!("{}/{}", one.key, one.value)
}

/// What another user, or time, does to it.
type Change = fn(&mut Shown);

/// What a proof rests on, as the tenant shows it.
#[derive(Clone)]
struct Shown {
    design: Stamp,
    record: RuntimeArtifact,
    values: Vec<Configuration>,
}

fn shown() -> Shown {
    Shown {
        design: Stamp {
            version: "1.0.3".to_owned(),
            saved: Some("100".to_owned()),
        },
        record: RuntimeArtifact {
            version: "1.0.3".into(),
            status: RuntimeStatus::Started,
            deployed_on: Some(TenantTime(200)),
            deployed_by: "us".into(),
            kind: "".into(),
        },
        values: vec![configured("a", "1"), configured("b", "2")],
    }
}

fn proof() -> Proof {
    let shown = shown();
    Proof {
        sent: Digest::of(b"sent").to_string(),
        stored: Some(Digest::of(b"stored").to_string()),
        parameters: (shown.values.iter())
            .map(|one| (one.key.clone(), digest(one)))
            .collect(),
        version: shown.design.version,
        saved: shown.design.saved,
        deployed_on: shown.record.deployed_on,
        deployed_by: shown.record.deployed_by.into(),
    }
}

fn holds(proof: &Proof, shown: &Shown) -> bool {
    proof.is_shown(&shown.design, &shown.record, &shown.values, |one| {
        Some(digest(one))
    })
}

#[test]
fn a_proof_counts_only_while_every_fact_in_it_is_shown() {
    assert!(holds(&proof(), &shown()));
    let changes: [(&str, Change); 12] = [
        ("version", |one| one.design.version = "1.0.4".to_owned()),
        ("saved", |one| one.design.saved = Some("101".to_owned())),
        ("no date of a save", |one| one.design.saved = None),
        ("stopped", |one| one.record.status = RuntimeStatus::Stopped),
        ("error", |one| one.record.status = RuntimeStatus::Error),
        ("later", |one| {
            one.record.deployed_on = Some(TenantTime(201));
        }),
        ("no date", |one| one.record.deployed_on = None),
        ("by another", |one| one.record.deployed_by = "b".into()),
        ("a value", |one| one.values[1].value = "3".to_owned()),
        ("a key", |one| one.values[1].key = "c".to_owned()),
        ("a key less", |one| drop(one.values.pop())),
        ("a key more", |one| one.values.push(configured("c", ""))),
    ];
    for (what, change) in changes {
        let mut other = shown();
        change(&mut other);
        assert!(!holds(&proof(), &other), "{what}");
    }
    // an entry that is not there proves nothing, not even where the tenant tells nothing
    let mut silent = shown();
    silent.design = Stamp {
        version: String::new(),
        saved: None,
    };
    silent.record.deployed_on = None;
    silent.record.deployed_by = "".into();
    silent.values.clear();
    assert!(!holds(&Proof::default(), &silent));
}

#[test]
fn a_proof_without_the_key_of_the_values_is_none() {
    let shown = shown();
    let (design, record) = (&shown.design, &shown.record);
    assert!(!proof().is_shown(design, record, &shown.values, |_| None));
}

#[test]
fn a_proof_is_about_what_was_sent_and_what_was_stored_of_it() {
    for (content, expected) in [("sent", true), ("stored", true), ("other", false)] {
        let content = Digest::of(content.as_bytes());
        assert_eq!(proof().is_about(content), expected, "{content}");
    }
}

#[test]
fn no_secret_is_written_down() {
    let hides = |text: &str| text.contains("hidden");
    for (key, value, kept) in [
        ("Retries", "9", true),
        ("API Key", "9", false),
        ("Retries", "hidden", false),
        ("Address", "https://user:password@host", false),
    ] {
        let value = configured(key, value);
        let saved = SavedValue::of(&value, Some(value.value.clone()), hides);
        assert_eq!(saved.text.is_some(), kept, "{key}");
        assert_eq!(saved.brought.is_some(), kept, "{key}");
        assert_eq!(saved.configuration(), kept.then_some(value));
    }
}

#[test]
fn a_value_that_is_not_known_is_lost_where_a_run_has_set_it() {
    let withheld = |key: &str, set| SavedValue {
        set,
        ..SavedValue::of(&configured(key, "x"), None, |_| true)
    };
    let snapshot = Snapshot {
        values: vec![
            SavedValue::of(&configured("known", "1"), None, |_| false),
            withheld("same", false),
            withheld("set", true),
            withheld("gone", false),
        ],
        ..Snapshot::default()
    };
    let now = [configured("same", "2"), configured("set", "3")];
    let (same, lost) = snapshot.unknown(&now);
    assert_eq!(same, [configured("same", "2")]);
    assert_eq!(lost, ["set", "gone"]);
    assert_eq!(snapshot.withheld(), ["same", "set", "gone"]);
    let known: Vec<_> = snapshot.configured().collect();
    assert_eq!(known, [configured("known", "1")]);
}

#[test]
fn a_snapshot_covers_what_it_saw_and_what_its_run_may_have_deployed() {
    let snapshot = |was| Snapshot {
        was,
        until: TenantTime(100),
        ..Snapshot::default()
    };
    let at = |date| Some(TenantTime(date));
    for (was, deployed, expected) in [
        (Was::NotDeployed, None, true),
        (Was::NotDeployed, at(100), true),
        (Was::NotDeployed, at(101), false),
        (Was::Running(at(200)), at(200), true),
        (Was::Running(at(200)), at(201), false),
        (Was::Stopped, at(200), false),
    ] {
        assert_eq!(snapshot(was).covers(deployed), expected, "{was:?}");
    }
}
