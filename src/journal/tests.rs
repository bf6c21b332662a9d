use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use tempfile::TempDir;

use super::*;

/// The time at which everything here happens.
const NOW: TenantTime = TenantTime(1_000_000_000_000);
const HOUR: i64 = 60 * 60 * 1000;

fn journal(directory: &TempDir, secret: &str) -> Journal {
    let tenant = "https://tenant.example\n".to_owned();
    Journal::open(directory.path(), tenant, Secret::new(secret))
}

fn id() -> ArtifactId {
    ArtifactId("Orders".to_owned())
}

fn flow(id: &ArtifactId) -> Subject<'_> {
    Subject {
        kind: ArtifactKind::IntegrationFlow,
        id,
    }
}

fn suspect(journal: &Journal, of: Subject<'_>, suspect: bool) -> io::Result<()> {
    let change = |entry: &mut Recovery| entry.suspect = suspect;
    journal.update(of, Some(NOW), change)
}

fn is_suspect(journal: &Journal, of: Subject<'_>, now: i64) -> Result<bool, NotUsed> {
    let entry = journal.entry::<Recovery>(of, TenantTime(now));
    entry.map(|entry| entry.suspect)
}

#[test]
fn an_entry_is_read_as_it_was_written_and_removed_when_nothing_is_left_in_it() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let (journal, of) = (journal(&directory, "a"), flow(&id));
    // nothing is made, and no key derived, for what is not there
    assert!(!is_suspect(&journal, of, NOW.0).unwrap());
    suspect(&journal, of, false).unwrap();
    assert!(!directory.path().join(JOURNAL_DIRECTORY).exists());
    suspect(&journal, of, true).unwrap();
    assert!(is_suspect(&journal, of, NOW.0).unwrap());
    let add = |entry: &mut Recovery| entry.replaced = Some(SavedFile::default());
    journal.update(of, Some(NOW), add).unwrap();
    suspect(&journal, of, false).unwrap();
    let left = journal.entry::<Recovery>(of, NOW).unwrap();
    assert_eq!(left.replaced, Some(SavedFile::default()));
    let place = journal.place::<Recovery>(of);
    assert!(place.is_file());
    let remove = |entry: &mut Recovery| entry.replaced = None;
    journal.update(of, None, remove).unwrap();
    assert!(!place.exists());
    let ignore = journal.directory().join(".gitignore");
    assert_eq!(fs::read_to_string(ignore).unwrap(), "*\n");
}

#[test]
fn an_entry_is_that_of_one_artifact_of_one_tenant() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let one = journal(&directory, "a");
    suspect(&one, flow(&id), true).unwrap();
    let elsewhere = |tenant: &str| {
        let secret = Secret::new("a");
        Journal::open(directory.path(), tenant.to_owned(), secret)
    };
    let (other_id, kind) = (ArtifactId("orders".to_owned()), ArtifactKind::ValueMapping);
    for (journal, of) in [
        (&one, flow(&other_id)),
        (&one, Subject { kind, id: &id }),
        (&elsewhere("https://tenant.example\nplant1"), flow(&id)),
        (&elsewhere("https://other.example\n"), flow(&id)),
    ] {
        assert_ne!(
            journal.place::<Recovery>(of),
            one.place::<Recovery>(flow(&id))
        );
        assert!(!is_suspect(journal, of, NOW.0).unwrap());
        // nor does a file hold under another name
        let (from, to) = (
            one.place::<Recovery>(flow(&id)),
            journal.place::<Recovery>(of),
        );
        fs::copy(from, &to).unwrap();
        assert!(matches!(
            is_suspect(journal, of, NOW.0),
            Err(NotUsed::Broken)
        ));
        fs::remove_file(to).unwrap();
    }
}

#[test]
fn a_date_ahead_of_the_tenants_is_none_and_values_grow_old() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let (journal, of) = (journal(&directory, "a"), flow(&id));
    let value = SavedValue {
        key: "Retries".to_owned(),
        ..SavedValue::default()
    };
    let change = |entry: &mut Recovery| {
        entry.suspect = true;
        entry.values.push(value);
    };
    journal.update(of, Some(NOW), change).unwrap();
    for (later, suspect, values) in [
        (0, true, 1),
        (24 * HOUR, true, 1),
        (24 * HOUR + 1, true, 0),
        (-HOUR / 6, true, 1),
        (-HOUR / 6 - 1, false, 0),
    ] {
        let entry: Recovery = journal.entry(of, TenantTime(NOW.0 + later)).unwrap();
        assert_eq!(
            (entry.suspect, entry.values.len()),
            (suspect, values),
            "{later}"
        );
    }
}

#[test]
fn what_these_credentials_did_not_write_is_not_used_and_kept() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let of = flow(&id);
    let (one, other) = (journal(&directory, "a"), journal(&directory, "b"));
    suspect(&one, of, true).unwrap();
    assert!(matches!(
        is_suspect(&other, of, NOW.0),
        Err(NotUsed::OtherKey)
    ));
    // where nothing is to be written, nothing is moved
    suspect(&other, of, false).unwrap();
    assert!(is_suspect(&one, of, NOW.0).unwrap());
    suspect(&other, of, true).unwrap();
    assert!(is_suspect(&other, of, NOW.0).unwrap());
    let place = one.place::<Recovery>(of);
    let aside = place.with_extension("set-aside.json");
    assert!(fs::read_to_string(&aside).unwrap().contains("suspect"));
    fs::write(&place, "{}").unwrap();
    assert!(matches!(
        is_suspect(&other, of, NOW.0),
        Err(NotUsed::Broken)
    ));
}

#[test]
fn an_entry_without_a_salt_is_that_of_other_credentials() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let one = journal(&directory, "a");
    suspect(&one, flow(&id), true).unwrap();
    fs::remove_file(one.directory().join(SALT)).unwrap();
    let again = journal(&directory, "a");
    assert!(matches!(
        is_suspect(&again, flow(&id), NOW.0),
        Err(NotUsed::OtherKey)
    ));
    fs::write(one.directory().join(SALT), "0123").unwrap();
    let error = suspect(&journal(&directory, "a"), flow(&id), true).unwrap_err();
    let text = error.to_string();
    assert!(text.ends_with("salt is damaged: delete it"), "{text}");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_and_no_other_user_reads() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let [directory, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let id = id();
    symlink(elsewhere.path(), directory.path().join(JOURNAL_DIRECTORY)).unwrap();
    assert!(suspect(&journal(&directory, "a"), flow(&id), true).is_err());
    let journal = journal(&elsewhere, "a");
    suspect(&journal, flow(&id), true).unwrap();
    for (path, expected) in [
        (journal.directory().to_owned(), 0o700),
        (journal.place::<Recovery>(flow(&id)), 0o600),
        (journal.directory().join(SALT), 0o600),
    ] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected);
    }
    drop(journal.hold(flow(&id)));
    let lock = journal.lock_of(flow(&id));
    fs::remove_file(&lock).unwrap();
    symlink("/dev/null", lock).unwrap();
    assert!(journal.hold(flow(&id)).is_none());
}

#[test]
fn changes_of_one_entry_do_not_undo_each_other() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let (one, of) = (journal(&directory, "a"), flow(&id));
    suspect(&one, of, true).unwrap();
    let begin = Barrier::new(4);
    let work = |number: usize| {
        let own = journal(&directory, "a");
        begin.wait();
        for round in 0..25 {
            let value = SavedValue {
                key: format!("{number} {round}"),
                ..SavedValue::default()
            };
            let add = |entry: &mut Recovery| entry.values.push(value);
            own.update(of, Some(NOW), add).unwrap();
        }
    };
    thread::scope(|scope| {
        for number in 0..4 {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
    let entry: Recovery = one.entry(of, NOW).unwrap();
    assert_eq!(entry.values.len(), 100);
}

#[test]
fn many_that_hold_an_artifact_again_and_again_never_have_it_together() {
    let (directory, id) = (tempfile::tempdir().unwrap(), id());
    let (journal, of) = (journal(&directory, "a"), flow(&id));
    let first = journal.hold(of);
    assert!(first.is_some() && journal.hold(of).is_none());
    drop(first);
    let (holders, begin) = (AtomicUsize::new(0), Barrier::new(4));
    let work = || {
        begin.wait();
        for _ in 0..2000 {
            if let Some(hold) = journal.hold(of) {
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                holders.fetch_sub(1, Ordering::SeqCst);
                drop(hold);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    drop(journal.hold(of));
    assert!(journal.lock_of(of).is_file());
}
