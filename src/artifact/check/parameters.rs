//! What is wrong with `parameters.prop` and `parameters.propdef`.

use std::collections::BTreeSet;

use super::definitions;
use super::{Artifact, Contents, Findings};
use crate::artifact::properties::{MOST_ENTRIES, PropertiesError};
use crate::artifact::{DEFINITIONS_PATH, LARGEST_TEXT, PARAMETERS_PATH};

pub(super) fn check(artifact: &Artifact, contents: &mut Contents, findings: &mut Findings) {
    check_values(artifact, findings);
    let Some(declared) = declared(artifact, contents, findings) else {
        return;
    };
    // a broken parameters.prop would make every declared key look missing
    if artifact.parameters_error.is_none() {
        check_same_keys(artifact, &declared, findings);
    }
}

fn check_values(artifact: &Artifact, findings: &mut Findings) {
    if let Some(PropertiesError::TooManyEntries { line }) = artifact.parameters_error {
        let what = format!("it has more than {MOST_ENTRIES} entries");
        findings.excessive(PARAMETERS_PATH, Some(line), &what);
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

/// The declared keys; `None` when there is no readable declaration.
fn declared(
    artifact: &Artifact,
    contents: &mut Contents,
    findings: &mut Findings,
) -> Option<BTreeSet<String>> {
    let file = artifact.file(DEFINITIONS_PATH)?;
    let bytes = match contents.read(file, LARGEST_TEXT) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.unreadable(DEFINITIONS_PATH, &error);
            return None;
        }
    };
    match definitions::parse(&bytes) {
        Ok(definitions) => Some(
            definitions
                .into_iter()
                .map(|definition| definition.name)
                .collect(),
        ),
        Err(error) if error.is_excessive => {
            findings.excessive(DEFINITIONS_PATH, error.line, &error.message);
            None
        }
        Err(error) => {
            let message = format!("the XML is not well-formed: {}", error.message);
            let remedy = "repair it: the tenant may not know the parameters that it declares";
            findings.warning(
                "definitions-malformed",
                DEFINITIONS_PATH,
                error.line,
                message,
                remedy,
            );
            None
        }
    }
}

fn check_same_keys(artifact: &Artifact, declared: &BTreeSet<String>, findings: &mut Findings) {
    for entry in artifact
        .parameters()
        .iter()
        .filter(|entry| !declared.contains(&entry.key))
    {
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
    for key in declared
        .iter()
        .filter(|key| artifact.parameters().get(key).is_none())
    {
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
