//! A zip that depends on nothing but the files.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::flow::{Flow, MANIFEST, SCRIPT, unzipped};
use crate::harness::{Flowship, Run};

fn pack(path: &Path, options: &[&str]) -> (Run, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.zip");
    let run = Flowship::new()
        .arg("pack")
        .arg(path)
        .arg("-o")
        .arg(&out)
        .args(options)
        .run()
        .exit(0);
    let zip = fs::read(out).unwrap();
    (run, zip)
}

fn digest_line<'a>(run: &'a Run, beginning: &str) -> &'a str {
    run.stdout
        .lines()
        .find(|line| line.starts_with(beginning))
        .unwrap()
}

#[test]
fn the_same_files_give_the_same_bytes_whatever_the_times_and_modes() {
    let flow = Flow::new();
    let (_, first) = pack(flow.path(), &[]);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in flow.contents().keys() {
        let path = flow.path().join(name);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let (_, second) = pack(flow.path(), &[]);
    assert!(first == second, "the zips differ");
}

#[test]
fn what_is_unpacked_is_what_was_there() {
    for flow in [
        Flow::new(),
        Flow::with_line_feeds(),
        Flow::of_type("ValueMapping"),
    ] {
        let (_, zip) = pack(flow.path(), &[]);
        assert_eq!(unzipped(&zip), flow.contents());
    }
}

#[test]
fn packing_the_zip_again_changes_nothing() {
    let flow = Flow::new();
    let (of_directory, zip) = pack(flow.path(), &[]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("exported.zip");
    fs::write(&path, &zip).unwrap();
    let (of_zip, again) = pack(&path, &[]);
    assert!(zip == again, "the zips differ");
    for line in ["content sha256", "zip sha256"] {
        assert_eq!(digest_line(&of_directory, line), digest_line(&of_zip, line));
    }
}

#[test]
fn one_changed_byte_changes_both_digests() {
    let (one, _) = pack(Flow::new().path(), &[]);
    let (other, _) = pack(Flow::changed().path(), &[]);
    for line in ["content sha256", "zip sha256"] {
        assert_ne!(digest_line(&one, line), digest_line(&other, line));
    }
}

#[test]
fn another_id_and_name_are_in_the_packed_copy_only() {
    let flow = Flow::new();
    let before = flow.contents();
    let (_, zip) = pack(
        flow.path(),
        &["--id", "Orders_Test", "--name", "Orders under test"],
    );
    assert_eq!(flow.contents(), before);
    let packed = unzipped(&zip);
    let manifest = String::from_utf8(packed[MANIFEST].clone()).unwrap();
    assert!(
        manifest.contains("Bundle-SymbolicName: Orders_Test; singleton:=true\r\n"),
        "{manifest}"
    );
    assert!(
        manifest.contains("Bundle-Name: Orders under test\r\n"),
        "{manifest}"
    );
    for (name, bytes) in &before {
        if name != MANIFEST {
            assert_eq!(&packed[name], bytes, "{name}");
        }
    }
}

#[test]
fn junk_is_left_out_and_named() {
    let clean = Flow::new();
    let junk = [
        ".git/config",
        ".DS_Store",
        "src/main/.DS_Store",
        "target/classes/a.class",
        ".gitignore",
        ".flowship/recovery/a.json",
    ];
    let flow = junk
        .iter()
        .fold(Flow::new(), |flow, path| flow.with(path, "junk"));
    let (run, zip) = pack(flow.path(), &[]);
    assert_eq!(unzipped(&zip), clean.contents());
    for name in [
        ".git/",
        ".DS_Store",
        "src/main/.DS_Store",
        "target/",
        ".gitignore",
    ] {
        assert!(
            run.stderr
                .contains(&format!("left out: {}: {name}", flow.id)),
            "{name} is not named\n{run}"
        );
    }
    assert!(!run.stderr.contains(".flowship"), "{run}");
    assert!(!run.stderr.contains("more"), "{run}");
    let more = flow.with("notes.txt", "junk").with("todo.txt", "junk");
    let (run, _) = pack(more.path(), &[]);
    let label = format!("left out: {}: ", more.id);
    assert_eq!(run.stderr.matches(&label).count(), 6, "{run}");
    assert!(
        run.stderr.contains(&format!("{label}and 2 more\n")),
        "{run}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_directory_is_no_part_of_an_artifact() {
    let flow = Flow::new();
    let link = "src/main/resources/script/passwd.groovy";
    std::os::unix::fs::symlink("/etc/hostname", flow.path().join(link)).unwrap();
    Flowship::new()
        .arg("pack")
        .arg(flow.path())
        .args(["-o", "out.zip"])
        .run()
        .exit(3)
        .no_stdout()
        .stderr_has(link)
        .stderr_has("replace the link by the file itself");
}

#[test]
fn a_zip_that_cannot_be_written_is_a_mistake_of_the_caller() {
    let flow = Flow::new();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "in the way").unwrap();
    fs::create_dir(directory.path().join("directory")).unwrap();
    for out in ["file/out.zip", "directory"] {
        Flowship::new()
            .arg("pack")
            .arg(flow.path())
            .args(["-o", out])
            .in_directory(directory.path())
            .run()
            .exit(2)
            .no_stdout()
            .stderr_has("the zip can't be written")
            .stderr_has("-o");
    }
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        2,
        "something was left behind"
    );
}

#[test]
fn an_existing_zip_is_replaced_and_nothing_else_is_left_beside_it() {
    let flow = Flow::new();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("out.zip"), "old").unwrap();
    Flowship::new()
        .arg("pack")
        .arg(flow.path())
        .args(["-o", "out.zip"])
        .in_directory(directory.path())
        .run()
        .exit(0);
    assert_eq!(
        unzipped(&fs::read(directory.path().join("out.zip")).unwrap()),
        flow.contents()
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_artifact_is_not_packed() {
    let flow = Flow::new().without(SCRIPT);
    let directory = tempfile::tempdir().unwrap();
    Flowship::new()
        .arg("pack")
        .arg(flow.path())
        .args(["-o", "out.zip"])
        .in_directory(directory.path())
        .run()
        .exit(3)
        .stderr_has("log.groovy");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    Flowship::new()
        .args(["pack", "nowhere", "-o", "x.zip"])
        .run()
        .exit(3)
        .stderr_has("there is no such file or directory");
}
