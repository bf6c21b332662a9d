//! What is wrong with `parameters.prop` and `parameters.propdef`.

use std::collections::BTreeSet;

use super::{Artifact, Findings, XmlError};
use crate::artifact::properties::{MOST_ENTRIES, PropertiesError};
use crate::artifact::{ArtifactKind, DEFINITIONS_PATH, PARAMETERS_PATH};

pub fn check(artifact: &Artifact, findings: &mut Findings) {
    check_values(artifact, findings);
    check_declared(artifact, findings);
    match &artifact.declared {
        // a broken parameters.prop would make every declared key look missing
        Some(Ok(declared)) if artifact.parameters_error.is_none() => {
            check_same_keys(artifact, declared, findings);
        }
        Some(Err(error @ XmlError::Excessive { .. })) => {
            findings.excessive(DEFINITIONS_PATH, error.line(), &error.to_string());
        }
        Some(Err(error)) => {
            let message = format!("the XML is not well-formed: {error}");
            let remedy = "repair it: the tenant may not know the parameters that it declares";
            let line = Some(error.line());
            findings.warning(
                "definitions-malformed",
                DEFINITIONS_PATH,
                line,
                message,
                remedy,
            );
        }
        _ => {}
    }
}

/// Tenants answer the upload of values without a declaration with a status 500, "InputStream cannot be null".
fn check_declared(artifact: &Artifact, findings: &mut Findings) {
    let has_values = artifact.file(PARAMETERS_PATH).is_some();
    if artifact.kind() == ArtifactKind::IntegrationFlow && has_values && artifact.declared.is_none()
    {
        let message = "there is no parameters.propdef beside it: tenants refuse the upload";
        let remedy = "download the artifact again from the tenant, or remove parameters.prop";
        findings.error(
            "definitions-missing",
            PARAMETERS_PATH,
            None,
            message,
            remedy,
        );
    }
}

fn check_values(artifact: &Artifact, findings: &mut Findings) {
    if let Some(PropertiesError::TooManyEntries { line }) = artifact.parameters_error {
        let what = format!("it has more than {MOST_ENTRIES} entries");
        findings.excessive(PARAMETERS_PATH, line, &what);
    } else if let Some(error) = &artifact.parameters_error {
        let message = format!("the file cannot be read: {error}");
        let remedy = "repair the escape; nothing of the file counts before that";
        findings.error(
            "parameters-malformed",
            PARAMETERS_PATH,
            Some(error.line()),
            message,
            remedy,
        );
    }
    for duplicate in artifact.parameters().duplicates() {
        let message = format!(
            "`{}` stands already in line {}; this one counts",
            duplicate.key, duplicate.overridden_line
        );
        findings.warning(
            "parameters-duplicate",
            PARAMETERS_PATH,
            Some(duplicate.line),
            message,
            "remove one of them",
        );
    }
}

fn check_same_keys(artifact: &Artifact, declared: &BTreeSet<String>, findings: &mut Findings) {
    let values = artifact.parameters();
    for entry in values.iter().filter(|entry| !declared.contains(&entry.key)) {
        let message = format!(
            "the parameter `{}` has a value but is not declared in parameters.propdef",
            entry.key
        );
        let remedy = "declare it there, or remove the value: the tenant may not know it";
        findings.warning(
            "parameter-undeclared",
            PARAMETERS_PATH,
            Some(entry.line),
            message,
            remedy,
        );
    }
    for key in declared.iter().filter(|key| values.get(key).is_none()) {
        let message =
            format!("the parameter `{key}` is declared but has no value in parameters.prop");
        findings.warning(
            "parameter-without-value",
            DEFINITIONS_PATH,
            None,
            message,
            "add a line for it, even an empty one",
        );
    }
}
