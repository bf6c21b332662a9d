//! Opening artifacts, good ones and others.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;

use tempfile::TempDir;

use super::sample::{self, MODEL_PATH, Sample, manifest};
use super::*;

fn open_zip(entries: &[(&str, &[u8])]) -> Result<Artifact, ArtifactError> {
    let directory = TempDir::new().unwrap();
    Artifact::open(&sample::zip(directory.path(), entries))
}

fn paths(artifact: &Artifact) -> Vec<&str> {
    artifact
        .files()
        .iter()
        .map(|file| file.path.as_str())
        .collect()
}

#[test]
fn a_directory_is_opened_and_says_what_it_is() {
    let sample = Sample::flow();
    let artifact = sample.open();
    assert_eq!(artifact.id(), "Orders_To_Warehouse");
    assert_eq!(artifact.name(), "Orders to Warehouse");
    assert_eq!(artifact.version(), "1.0.3");
    assert_eq!(artifact.kind().to_string(), "IntegrationFlow");
    assert_eq!(artifact.parameters().get("Host Name"), Some("https://x"));
    assert!(artifact.file(PARAMETERS_PATH).is_some());
    assert_eq!(
        artifact.parameter_keys().into_iter().collect::<Vec<_>>(),
        ["Host Name"]
    );
    assert_eq!(artifact.left_out(), []);
    assert_eq!(paths(&artifact).len(), 7);
    assert!(paths(&artifact).is_sorted());
}

#[test]
fn every_type_with_a_public_api_is_opened_and_no_other() {
    for kind in ArtifactKind::ALL {
        assert_eq!(Sample::of_type(kind.bundle_type()).open().kind(), kind);
    }
    for other in [
        "RESTAPIProvider",
        "ImportedArchives",
        "FunctionLibraries",
        "IntegrationAdapter",
        "integrationflow",
    ] {
        let error = Sample::of_type(other).error();
        assert!(
            matches!(error, ArtifactError::UnsupportedType { line: 7, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(other));
    }
}

#[test]
fn a_key_that_is_only_declared_is_a_parameter_too() {
    let sample = Sample::flow().with(DEFINITIONS_PATH, sample::definitions(&["Other"]));
    let artifact = sample.open();
    assert_eq!(
        artifact.parameter_keys().into_iter().collect::<Vec<_>>(),
        ["Host Name", "Other"]
    );
}

#[test]
fn what_lies_around_an_artifact_is_left_out_and_named() {
    let sample = Sample::flow()
        .with(".git/config", "")
        .with(".github/workflows/a.yml", "")
        .with("README.md", "")
        .with("QA/parameters.prop", "a=b")
        .with("src/main/resources/.DS_Store", "")
        .with("META-INF/._MANIFEST.MF", "")
        .with("META-INF/deployment/queueDefinitions.json", "")
        .with("src/main/resources/script/.gitkeep", "")
        .with("src/main/resources/lib/a.jar", [0xff, 0]);
    let artifact = sample.open();
    let left_out: Vec<_> = artifact
        .left_out()
        .iter()
        .map(|left_out| left_out.path.as_str())
        .collect();
    let expected = [
        ".git/",
        ".github/",
        "META-INF/._MANIFEST.MF",
        "QA/",
        "README.md",
        "src/main/resources/.DS_Store",
    ];
    assert_eq!(left_out, expected);
    assert_eq!(paths(&artifact).len(), 10);
}

#[test]
fn without_a_manifest_the_error_names_where_there_is_one() {
    let error = Sample::empty().with("src/a", "").error();
    assert!(
        error
            .to_string()
            .ends_with("looked for META-INF/MANIFEST.MF and did not find it"),
        "{error}"
    );
    assert!(error.hint().is_some());
    let error = Sample::empty()
        .with("Orders/META-INF/MANIFEST.MF", "")
        .error();
    assert!(
        error.to_string().contains("there is one at `Orders`"),
        "{error}"
    );
    let several = Sample::empty()
        .with("A/META-INF/MANIFEST.MF", "")
        .with("B/META-INF/MANIFEST.MF", "");
    assert!(
        several.error().to_string().contains("`A`, `B`"),
        "{}",
        several.error()
    );
    let error = Sample::empty().with("META-INF/manifest.mf", "").error();
    assert!(
        error.to_string().contains("META-INF/manifest.mf"),
        "{error}"
    );
    let beside = ("readme.md", &b""[..]);
    let error = open_zip(&[("Orders/META-INF/MANIFEST.MF", b""), beside]).unwrap_err();
    assert!(
        error.to_string().contains("there is one at `Orders`"),
        "{error}"
    );
}

#[test]
fn a_zip_with_one_outer_folder_is_read_as_if_without_it() {
    let manifest = b"Manifest-Version: 1.0\r\nBundle-SymbolicName: Orders\r\nSAP-BundleType: MessageMapping\r\n";
    let directory = TempDir::new().unwrap();
    let entries: &[(&str, &[u8])] = &[
        ("Orders/", b""),
        ("Orders/META-INF/MANIFEST.MF", manifest),
        ("Orders/src/main/resources/mapping/a\tb.mmap", b"x"),
        ("__MACOSX/Orders/._META-INF", b""),
    ];
    let artifact = Artifact::open(&sample::zip(directory.path(), entries)).unwrap();
    assert_eq!(
        paths(&artifact),
        [
            "META-INF/MANIFEST.MF",
            "src/main/resources/mapping/a\tb.mmap"
        ]
    );
    artifact.read_through().unwrap();
}

#[test]
fn what_is_no_artifact_is_refused_with_its_reason() {
    let error = Artifact::open(Path::new("/there/is/no/such")).unwrap_err();
    assert!(matches!(error, ArtifactError::NotFound { .. }));
    let export = Sample::empty()
        .with("resources.cnt", "")
        .with("hash", "")
        .error();
    assert!(
        matches!(export, ArtifactError::PackageExport { .. }),
        "{export}"
    );
    let export = open_zip(&[("resources.cnt", b""), ("0123_content", b"PK")]).unwrap_err();
    assert!(
        matches!(export, ArtifactError::PackageExport { .. }),
        "{export}"
    );
    let sample = Sample::empty().with("a.zip", "PK but no zip");
    let error = Artifact::open(&sample.path().join("a.zip")).unwrap_err();
    assert!(matches!(error, ArtifactError::Zip { .. }), "{error}");
}

#[test]
fn a_manifest_must_be_readable_and_say_id_and_type() {
    let error = Sample::of_type("").error();
    assert!(
        error
            .to_string()
            .contains("SAP-BundleType is missing or empty"),
        "{error}"
    );
    let error = Sample::flow()
        .replaced(MANIFEST_PATH, "Orders_To_Warehouse; singleton:=true", "; x")
        .error();
    assert!(
        error
            .to_string()
            .contains("Bundle-SymbolicName is missing or empty"),
        "{error}"
    );
    let error = Sample::flow()
        .replaced(MANIFEST_PATH, "Bundle-Name: ", "Bundle-Name ")
        .error();
    assert!(
        error.to_string().contains("MANIFEST.MF: line 3:"),
        "{error}"
    );
}

#[test]
fn a_zip_is_opened_whatever_its_order_and_directory_entries() {
    let manifest = manifest("IntegrationFlow");
    let artifact = open_zip(&[
        ("META-INF/", b""),
        (MODEL_PATH, b"<a/>"),
        (MANIFEST_PATH, manifest.as_bytes()),
        ("src/", b""),
    ])
    .unwrap();
    assert_eq!(paths(&artifact), [MANIFEST_PATH, MODEL_PATH]);
    assert_eq!(artifact.left_out(), []);
}

#[test]
fn hostile_names_in_a_zip_are_refused() {
    let manifest = manifest("ScriptCollection");
    for name in [
        "../x",
        "/etc/passwd",
        "src/../../x",
        "C:/x",
        "src\\x",
        "src/a\nb",
        "src//x",
        "./src/x",
        "../d/",
    ] {
        let error = open_zip(&[(MANIFEST_PATH, manifest.as_bytes()), (name, b"")]).unwrap_err();
        assert!(
            matches!(error, ArtifactError::UnsafeName { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_link_in_a_zip_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    writer
        .add_symlink(
            "src/link",
            "/etc/passwd",
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
    writer.finish().unwrap();
    let error = Artifact::open(&path).unwrap_err();
    assert!(matches!(error, ArtifactError::Link { .. }), "{error}");
}

/// Where a byte pattern begins.
fn position(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
        .unwrap()
}

#[test]
fn broken_zips_are_refused_and_never_panic() {
    let directory = TempDir::new().unwrap();
    let manifest = manifest("ScriptCollection");
    let script = "println 'x'\n".repeat(50);
    let path = sample::zip(
        directory.path(),
        &[
            (MANIFEST_PATH, manifest.as_bytes()),
            ("src/a", script.as_bytes()),
        ],
    );
    let good = fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0xff;
        fs::write(&path, &bad).unwrap();
        if let Ok(artifact) = Artifact::open(&path) {
            let _ = Archive::pack(&artifact, &PackOptions::default());
            let _ = Comparable::of_zip(fs::File::open(&path).unwrap());
        }
        fs::write(&path, &good[..place]).unwrap();
        assert!(Artifact::open(&path).is_err(), "cut at {place}");
    }
}

#[test]
fn an_entry_with_damaged_content_or_a_false_size_is_not_packed() {
    let directory = TempDir::new().unwrap();
    let manifest = manifest("ScriptCollection");
    let script = b"println 'a long enough script with little to deflate 0123456789'";
    let path = sample::zip(
        directory.path(),
        &[(MANIFEST_PATH, manifest.as_bytes()), ("src/a", script)],
    );
    let good = fs::read(&path).unwrap();
    let data = position(&good, b"src/a") + "src/a".len() + 10;
    let central = position(&good, b"PK\x01\x02");
    let second = central + 4 + position(&good[central + 4..], b"PK\x01\x02");
    for place in [data, second + 24] {
        let mut bad = good.clone();
        bad[place] ^= 0x01;
        fs::write(&path, &bad).unwrap();
        let result = Artifact::open(&path)
            .and_then(|artifact| Archive::pack(&artifact, &PackOptions::default()));
        assert!(result.is_err(), "byte {place}");
    }
}

#[test]
fn encrypted_entries_are_refused() {
    let directory = TempDir::new().unwrap();
    let manifest = manifest("ScriptCollection");
    let path = sample::zip(
        directory.path(),
        &[(MANIFEST_PATH, manifest.as_bytes()), ("src/a", b"x")],
    );
    let mut bytes = fs::read(&path).unwrap();
    let central = position(&bytes, b"PK\x01\x02");
    let second = central + 4 + position(&bytes[central + 4..], b"PK\x01\x02");
    bytes[second + 8] |= 1;
    fs::write(&path, &bytes).unwrap();
    let error = Artifact::open(&path).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_larger_than_a_zip_may_be_is_refused() {
    let sample = Sample::flow();
    let large = sample.path().join("src/main/resources/lib.jar");
    fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let error = sample.error();
    assert!(matches!(error, ArtifactError::Excessive { .. }), "{error}");
    assert!(error.to_string().contains("1024 MiB"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn every_file_can_be_read_through() {
    Sample::flow().open().read_through().unwrap();
    let sample = Sample::flow();
    let artifact = sample.open();
    let _sample = sample.without(".project");
    assert!(artifact.read_through().is_err());
}

#[test]
fn duplicate_names_in_a_zip_are_refused() {
    let directory = TempDir::new().unwrap();
    let manifest = manifest("ScriptCollection");
    let path = sample::zip(
        directory.path(),
        &[
            (MANIFEST_PATH, manifest.as_bytes()),
            ("src/a", b"x"),
            ("src/b", b"y"),
        ],
    );
    let mut bytes = fs::read(&path).unwrap();
    while let Some(place) = bytes.windows(5).position(|window| window == b"src/b") {
        bytes[place + 4] = b'a';
    }
    fs::write(&path, &bytes).unwrap();
    let error = Artifact::open(&path).unwrap_err();
    assert!(error.to_string().contains("more than once"), "{error}");
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let manifest = manifest("ScriptCollection");
    let directory = TempDir::new().unwrap();
    let entries = [(MANIFEST_PATH, manifest.as_bytes()), ("src/a", b"zeros")];
    let zip = sample::zip(directory.path(), &entries);
    let mut bytes = fs::read(&zip).unwrap();
    // the directory at the end says that the last entry has two gigabytes
    let header = bytes.windows(4).rposition(|part| part == b"PK\x01\x02");
    let size = header.unwrap() + 24;
    bytes[size..size + 4].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    fs::write(&zip, bytes).unwrap();
    let error = Artifact::open(&zip).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("unpacks to more than 1024 MiB"), "{text}");
}

#[test]
fn names_that_differ_only_in_case_are_opened() {
    let manifest = manifest("ScriptCollection");
    let artifact = open_zip(&[
        (MANIFEST_PATH, manifest.as_bytes()),
        ("src/a.xsd", b"1"),
        ("src/A.xsd", b"2"),
    ])
    .unwrap();
    assert_eq!(artifact.files().len(), 3);
}

#[cfg(unix)]
mod links {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_link_to_a_file_of_the_artifact_is_followed() {
        let sample =
            Sample::flow().with_link("src/main/resources/script/copy.groovy", "log.groovy");
        let artifact = sample.open();
        assert_eq!(
            artifact
                .file("src/main/resources/script/copy.groovy")
                .unwrap()
                .size,
            8
        );
    }

    #[test]
    fn every_other_link_is_refused_with_its_path() {
        let outside = Sample::empty().with("secret", "x");
        let targets: [(PathBuf, &str); 6] = [
            (outside.path().join("secret"), "leads out"),
            (outside.path().to_owned(), "leads out"),
            ("nothing".into(), "leads to nothing"),
            ("link".into(), "circle"),
            ("../main".into(), "leads to a directory"),
            ("../../.git/config".into(), "not part of the artifact"),
        ];
        for (target, why) in targets {
            let sample = Sample::flow()
                .with(".git/config", "x")
                .with_link("src/main/link", &target);
            let error = sample.error();
            assert!(matches!(error, ArtifactError::Link { .. }), "{error}");
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.to_string().contains("src/main/link"), "{error}");
        }
    }

    #[test]
    fn a_missing_manifest_is_said_before_anything_else() {
        let error = Sample::empty()
            .with_link("src/main/link", "/nowhere")
            .error();
        assert!(matches!(error, ArtifactError::NoManifest { .. }), "{error}");
    }

    #[test]
    fn a_link_that_is_left_out_harms_nobody() {
        let sample = Sample::flow()
            .with_link("README.md", "/nowhere")
            .with_link("src/.DS_Store", "/nowhere");
        assert_eq!(sample.open().left_out().len(), 2);
    }

    #[test]
    fn sockets_and_names_that_a_zip_cannot_hold_are_refused() {
        let sample = Sample::flow();
        let socket =
            std::os::unix::net::UnixListener::bind(sample.path().join("src/socket")).unwrap();
        assert!(matches!(sample.error(), ArtifactError::SpecialFile { .. }));
        drop(socket);
        for name in ["src/a\\b", "src/a\nb"] {
            let error = Sample::flow().with(name, "").error();
            assert!(matches!(error, ArtifactError::UnsafeName { .. }), "{error}");
        }
        let sample = Sample::flow();
        let not_utf8 = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
        fs::write(sample.path().join("src").join(not_utf8), "").unwrap();
        assert!(matches!(sample.error(), ArtifactError::UnsafeName { .. }));
        assert_eq!(
            Sample::flow().with("src/ä ö.xsd", "").open().files().len(),
            8
        );
    }
}
