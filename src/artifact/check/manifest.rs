//! What is odd about the manifest.

use super::{Artifact, ArtifactKind, Findings, MANIFEST_PATH};
use crate::artifact::manifest::{Oddity, OddityKind};

pub fn check(artifact: &Artifact, findings: &mut Findings) {
    for oddity in artifact.manifest().oddities() {
        report_oddity(oddity, findings);
    }
    check_id(artifact, findings);
    check_name(artifact, findings);
    check_version(artifact, findings);
    if artifact.kind() == ArtifactKind::IntegrationFlow {
        check_profile(artifact, findings);
    }
}

fn report_oddity(oddity: &Oddity, findings: &mut Findings) {
    let (rule, message, remedy) = match &oddity.kind {
        OddityKind::ByteOrderMark => (
            "manifest-byte-order-mark",
            "the file begins with a byte order mark".to_owned(),
            "save it without one: Java would take it for part of the first header",
        ),
        OddityKind::LongLine(length) => (
            "manifest-line-length",
            format!("the line has {length} bytes; a manifest allows 72"),
            "break the line: a line break and one blank continue it",
        ),
        OddityKind::MixedLineEnds => (
            "manifest-line-ends",
            "the line ends in another line break than those before it".to_owned(),
            "use one kind of line break in the whole file",
        ),
        OddityKind::DuplicateHeader(name) => (
            "manifest-duplicate-header",
            format!("the header {name} stands here once more; this one counts"),
            "remove one of them",
        ),
        OddityKind::NotUtf8(name) => (
            "manifest-encoding",
            format!("the header {} is not UTF-8", name.escape_debug()),
            "save the file in UTF-8",
        ),
        OddityKind::HeadersAfterEmptyLine => (
            "manifest-empty-line",
            "an empty line ends the main section, so that the headers from here on may not be read"
                .to_owned(),
            "remove the empty line",
        ),
    };
    findings.warning(rule, MANIFEST_PATH, Some(oddity.line), message, remedy);
}

fn check_id(artifact: &Artifact, findings: &mut Findings) {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    if let Some(strange) = artifact.id().chars().find(|character| !allowed(*character)) {
        let message = format!(
            "the id holds `{}`; ids on tenants hold letters, digits, `_`, `-` and `.`",
            strange.escape_debug()
        );
        let line = artifact.manifest().line("Bundle-SymbolicName");
        findings.warning(
            "id-characters",
            MANIFEST_PATH,
            line,
            message,
            "give another id with --id, or change the header",
        );
    }
}

/// The rule that SAP states for creating an artifact; the underscore inside a name is in daily use.
fn check_name(artifact: &Artifact, findings: &mut Findings) {
    let name = artifact.name();
    let begins_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let holds_well = name
        .chars()
        .all(|character| character.is_alphanumeric() || " ._-".contains(character));
    if !begins_well || !holds_well || name.ends_with('.') {
        let message = "SAP's rule for names: begin with a letter or `_`, hold letters, digits, blanks, `.`, `-` and `_`, do not end in `.`";
        let message = format!(
            "the name `{}` may be refused when the artifact is created. {message}",
            name.escape_debug()
        );
        let line = artifact.manifest().line("Bundle-Name");
        findings.warning(
            "name-rule",
            MANIFEST_PATH,
            line,
            message,
            "give another name with --name, or change Bundle-Name",
        );
    }
}

fn check_version(artifact: &Artifact, findings: &mut Findings) {
    let parts: Vec<&str> = artifact.version().split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() != 3
        || !parts.iter().all(numeric)
        || artifact
            .manifest()
            .bundle_version()
            .is_none_or(str::is_empty)
    {
        let found = artifact.manifest().bundle_version().unwrap_or_default();
        let message = format!("Bundle-Version is `{found}`, not of the form 1.0.0");
        let line = artifact.manifest().line("Bundle-Version");
        findings.warning(
            "version-form",
            MANIFEST_PATH,
            line,
            message,
            "write three numbers with dots between them",
        );
    }
}

fn check_profile(artifact: &Artifact, findings: &mut Findings) {
    let profile = artifact
        .manifest()
        .get("SAP-RuntimeProfile")
        .unwrap_or_default()
        .trim();
    if profile != "iflmap" {
        let message = match profile {
            "" => {
                "SAP-RuntimeProfile is missing or empty: the tenant chooses the runtime".to_owned()
            }
            other => format!(
                "SAP-RuntimeProfile is `{other}`: the flow may not run in Cloud Integration itself (`iflmap`)"
            ),
        };
        let line = artifact.manifest().line("SAP-RuntimeProfile");
        findings.warning(
            "runtime-profile",
            MANIFEST_PATH,
            line,
            message,
            "look whether this is the runtime that you want",
        );
    }
}
