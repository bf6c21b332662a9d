//! The readers. Each takes any bytes: it may refuse them, but not panic, hang, or take memory without bound; and what it
//! promises of what it took must hold.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use flowship::artifact::manifest::Manifest;
use flowship::artifact::value_mapping::{self, ValueMapping};
use flowship::artifact::{
    Archive, Artifact, ArtifactKind, Comparable, PackOptions, Properties, aligned, check,
    difference, effects, properties,
};
use flowship::deploy::approval::Approval;
use flowship::journal::{Journal, Recovery, Subject};
use flowship::settings::address::TenantUrl;
use flowship::settings::credentials::{Credentials, VariableNames};
use flowship::settings::environment::Environment;
use flowship::settings::secret::Secret;
use flowship::settings::{parameters, project};
use flowship::tenant::error_information;
use flowship::tenant::odata::{self, TenantTime};
use flowship::tenant::roles::Claims;
use flowship::tenant::wire::{ArtifactId, Configuration, DesigntimeArtifact, IntegrationPackage};
use flowship::text::{disarm, disarm_source};

use crate::files;

/// All of them, by name.
pub const ALL: [(&str, fn(&[u8])); 15] = [
    ("zip", zip),
    ("artifact", artifact),
    ("gitignore", gitignore),
    ("manifest", manifest),
    ("properties", property_file),
    ("value-mapping", mapping),
    ("settings", settings),
    ("parameters", parameter_file),
    ("plan", plan),
    ("journal", journal),
    ("service-key", service_key),
    ("address", address),
    ("odata", answer),
    ("token", token),
    ("words", words),
];

/// A zip that a tenant gave out, or that a user exported.
fn zip(data: &[u8]) {
    let path = files::file("any.zip", data);
    let file = File::open(&path).expect("it was just written");
    let _ = Comparable::of_zip(file);
    opened(&path);
}

/// One file of an artifact.
fn artifact(data: &[u8]) {
    opened(&files::flow_with(data));
}

fn opened(path: &Path) {
    let Ok(artifact) = Artifact::open(path) else {
        return;
    };
    let findings = check(&artifact);
    for finding in &findings {
        is_harmless(&disarm(&finding.message));
    }
    let _ = artifact.references();
    if let Ok(model) = artifact.flow_model() {
        let _ = effects(&model, &Default::default());
    }
    let options = PackOptions::default();
    let Ok(archive) = Archive::pack(&artifact, &options) else {
        return;
    };
    // what was packed is the same content
    let (Ok(local), Ok(zip)) = (Comparable::of(&artifact, &options), archive.open_file()) else {
        return;
    };
    let packed = Comparable::of_zip(zip).expect("what was packed here can be read");
    let found = difference(&local, &packed, &Default::default());
    assert!(found.is_empty(), "packing changed the content: {found:?}");
}

/// What Git is told to ignore.
fn gitignore(data: &[u8]) {
    files::file(".gitignore", data);
    let _ = flowship::artifact::artifacts_below(files::home());
}

fn manifest(data: &[u8]) {
    let Ok(read) = Manifest::parse(data) else {
        return;
    };
    let renamed = aligned(data, Some("Another"), None);
    let again = Manifest::parse(&renamed).expect("what was written here can be read");
    if read.symbolic_name().is_some() {
        assert_eq!(again.symbolic_name(), Some("Another"));
    }
}

/// `parameters.prop` and its relatives.
fn property_file(data: &[u8]) {
    let stable = properties::stable(data);
    assert_eq!(properties::stable(&stable), stable, "sorting is not stable");
    let Ok(read) = Properties::parse(data) else {
        return;
    };
    let entries: Vec<(&str, &str)> = read
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    let written = properties::write(&entries);
    let again = Properties::parse(written.as_bytes()).expect("what was written here can be read");
    let back: Vec<(&str, &str)> = again
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    assert_eq!(back, entries);
}

fn mapping(data: &[u8]) {
    let Ok(read) = ValueMapping::parse(data) else {
        return;
    };
    assert!(value_mapping::same_meaning(&read, &read));
    if let Ok(merged) = value_mapping::merged(data, data) {
        assert!(merged.added.is_empty(), "something is missing in itself");
    }
}

/// `flowship.yaml`.
fn settings(data: &[u8]) {
    files::file("flowship.yaml", data);
    let _ = project::read(files::home(), Path::new("flowship.yaml"));
}

/// The file of `--parameters`, as YAML and as properties.
fn parameter_file(data: &[u8]) {
    for name in ["values.yaml", "values.prop"] {
        files::file(name, data);
        let _ = parameters::read_file(files::home(), Path::new(name));
    }
}

/// The file of `deploy --plan`.
fn plan(data: &[u8]) {
    let _ = Approval::parse(data);
}

/// An entry of the journal: whatever is there, these credentials did not write it.
fn journal(data: &[u8]) {
    static JOURNAL: OnceLock<Journal> = OnceLock::new();
    let open = || Journal::open(files::home(), "tenant".to_owned(), Secret::new("secret"));
    let id = ArtifactId("A".to_owned());
    let kind = ArtifactKind::IntegrationFlow;
    let (of, now) = (Subject { kind, id: &id }, TenantTime(0));
    let journal = JOURNAL.get_or_init(|| {
        let journal = open();
        let write = |entry: &mut Recovery| entry.suspect = true;
        journal.update(of, Some(now), write).expect("a directory");
        journal
    });
    std::fs::write(journal.place::<Recovery>(of), data).expect("a temporary file");
    assert!(journal.entry::<Recovery>(of, now).is_err());
}

fn service_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.contains('\0') {
        return;
    }
    let variables = [(OsString::from("CPI_SERVICE_KEY"), OsString::from(text))];
    if let Err(error) = Credentials::from_named(
        &Environment::new(variables),
        files::home(),
        &VariableNames::with_prefix("CPI"),
    ) {
        is_harmless(&disarm(&error.to_string()));
    }
}

fn address(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(url) = TenantUrl::parse(text) {
        let host = url.host();
        assert!(
            !host.is_empty() && !host.contains(['/', '@', '?', '#']),
            "{host}"
        );
    }
}

/// Every answer of the API.
fn answer(data: &[u8]) {
    let _ = odata::entity::<DesigntimeArtifact>(data);
    let _ = odata::collection::<DesigntimeArtifact>(data);
    let _ = odata::collection::<Configuration>(data);
    let _ = odata::entity::<IntegrationPackage>(data);
    let _ = odata::error_text(data);
    let text = String::from_utf8_lossy(data);
    let _ = TenantTime::parse(&text).map(|time| time.to_string());
    let causes = error_information::causes(&text);
    let _ = error_information::remedy(&causes);
    if let Ok(value) = serde_json::from_slice(data) {
        let _ = TenantTime::from_json(&value).map(|time| time.to_string());
    }
}

fn token(data: &[u8]) {
    let _ = Claims::read(&String::from_utf8_lossy(data));
}

/// Text of a tenant or a file, as it is printed.
fn words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    is_harmless(&disarm(&text));
    is_harmless(&disarm_source(&text));
}

/// Whether no terminal and no CI system does anything but show it.
fn is_harmless(line: &str) {
    assert!(!line.chars().any(char::is_control), "{line:?}");
    let begin = line.trim_start();
    assert!(
        !begin.starts_with("::") && !line.contains("##["),
        "{line:?}"
    );
}
