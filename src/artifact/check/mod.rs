//! Looking for mistakes in an artifact before anything is sent: errors for what cannot work, warnings for the rest.

mod flow;
mod manifest;
mod parameters;

use std::collections::BTreeMap;
use std::fmt;

use super::contents::Contents;
use super::files::ArtifactFile;
use super::flow_model::LARGEST_MODEL;
use super::value_mapping::VALUE_MAPPING_PATH;
use super::{Artifact, ArtifactError, ArtifactKind, MANIFEST_PATH};
use crate::xml::{self, XmlError, line_at};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A tenant is known to refuse it, or it cannot work.
    Error,
    /// It looks wrong, or differs from everything that tenants write.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Something that is wrong with an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name in kebab-case.
    pub rule: &'static str,
    /// The file inside the artifact.
    pub path: String,
    /// The line in the file, counted from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}[{}] {}", self.severity, self.rule, self.path)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}; {}", self.message, self.remedy)
    }
}

/// Checks an artifact. Errors come first, then warnings, each sorted by path and line: the same artifact always gives
/// the same list.
pub fn check(artifact: &Artifact) -> Vec<Finding> {
    let mut findings = Findings::default();
    match Contents::reopen(artifact) {
        Ok(mut contents) => check_all(artifact, &mut contents, &mut findings),
        Err(error) => findings.unreadable(MANIFEST_PATH, &error),
    }
    findings.sorted()
}

fn check_all(artifact: &Artifact, contents: &mut Contents, findings: &mut Findings) {
    manifest::check(artifact, findings);
    parameters::check(artifact, findings);
    match artifact.kind() {
        ArtifactKind::IntegrationFlow => flow::check(artifact, contents, findings),
        ArtifactKind::ValueMapping => check_value_mapping(artifact, contents, findings),
        // both may be without any file of their own
        ArtifactKind::MessageMapping | ArtifactKind::ScriptCollection => {}
    }
    check_names(artifact.files(), findings);
}

fn check_value_mapping(artifact: &Artifact, contents: &mut Contents, findings: &mut Findings) {
    let Some(file) = artifact.file(VALUE_MAPPING_PATH) else {
        findings.error(
            "value-mapping-missing",
            VALUE_MAPPING_PATH,
            None,
            "the value mapping has no such file",
            DOWNLOAD,
        );
        return;
    };
    if let Some(text) = read_model(contents, file, "value-mapping-malformed", findings) {
        parse_model(&text, file, "value-mapping-malformed", findings);
    }
}

const DOWNLOAD: &str =
    "download the artifact again from the tenant, and look whether the file is excluded from Git";

/// Reads a model as text. What is not UTF-8 is an error unless it declares another encoding, which is not looked into.
fn read_model(
    contents: &mut Contents,
    file: &ArtifactFile,
    rule: &'static str,
    findings: &mut Findings,
) -> Option<String> {
    let bytes = match contents.read(file, LARGEST_MODEL) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.unreadable(&file.path, &error);
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if declares_other_encoding(error.as_bytes()) => {
            let message = "the file is not in UTF-8 and was not checked";
            findings.warning(
                "encoding",
                &file.path,
                None,
                message,
                "save it in UTF-8, as tenants write it",
            );
            None
        }
        Err(error) => {
            let line = line_at(error.as_bytes(), error.utf8_error().valid_up_to());
            let message = "the XML is not well-formed: a byte that is not UTF-8";
            findings.error(
                rule,
                &file.path,
                Some(line),
                message,
                "save the file in UTF-8",
            );
            None
        }
    }
}

fn declares_other_encoding(bytes: &[u8]) -> bool {
    let declaration = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    let utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    utf16
        || declaration
            .split("?>")
            .next()
            .is_some_and(|xml| xml.contains("encoding=") && !xml.contains("utf-8"))
}

fn parse_model<'text>(
    text: &'text str,
    file: &ArtifactFile,
    rule: &'static str,
    findings: &mut Findings,
) -> Option<roxmltree::Document<'text>> {
    match xml::parse(text) {
        Ok(document) => Some(document),
        Err(XmlError::Malformed(roxmltree::Error::DtdDetected)) => {
            let line = line_at(text.as_bytes(), text.find("<!DOCTYPE").unwrap_or(0));
            let message = "the file has a document type declaration and was not checked";
            let remedy = "remove it: no tenant writes one";
            findings.warning("doctype", &file.path, Some(line), message, remedy);
            None
        }
        Err(XmlError::Malformed(error)) => {
            let (line, column) = fault_position(&error, text);
            let message = format!(
                "the XML is not well-formed, column {column}: {}",
                reason(&error)
            );
            let remedy = "repair it, or download it again from the tenant";
            findings.error(rule, &file.path, Some(line), message, remedy);
            None
        }
        Err(error) => {
            findings.excessive(&file.path, error.line(), &error.to_string());
            None
        }
    }
}

/// Line and column, counted from 1. A text that is cut off has its fault at the end, for which the parser gives no position.
fn fault_position(error: &roxmltree::Error, text: &str) -> (u32, u32) {
    use roxmltree::Error::{NoRootNode, UnclosedRootNode, UnexpectedEndOfStream};
    if !matches!(error, NoRootNode | UnclosedRootNode | UnexpectedEndOfStream) {
        return (error.pos().row, error.pos().col);
    }
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let column = u32::try_from(last_line.chars().count() + 1).unwrap_or(u32::MAX);
    (line_at(text.as_bytes(), text.len()), column)
}

/// The parser's words without the position, which the finding carries anyway.
fn reason(error: &roxmltree::Error) -> String {
    error
        .to_string()
        .replace(&format!(" at {}", error.pos()), "")
}

fn check_names(files: &[ArtifactFile], findings: &mut Findings) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for file in files {
        if let Some(other) = seen.insert(file.path.to_lowercase(), &file.path) {
            let message = format!("the name differs from `{other}` only in case");
            let remedy = "rename one: on Windows and macOS one file would overwrite the other";
            findings.warning("case-clash", &file.path, None, message, remedy);
        }
        if file.path != MANIFEST_PATH && file.path.ends_with("/META-INF/MANIFEST.MF") {
            let message =
                "there is a second manifest inside the artifact; it is packed as an ordinary file";
            findings.warning(
                "second-manifest",
                &file.path,
                None,
                message,
                "move the other artifact out of this one",
            );
        }
    }
}

/// How many findings of a kind are listed for one file; the others are counted.
const MOST_ALIKE: usize = 100;

/// What was found so far.
#[derive(Default)]
pub(crate) struct Findings {
    listed: Vec<Finding>,
    kinds: BTreeMap<Kind, Alike>,
}

/// Findings of one kind: severity, path and rule.
type Kind = (Severity, String, &'static str);

/// How many there are of a kind.
#[derive(Default)]
struct Alike {
    count: usize,
    /// Stands for those that are not listed.
    first_of_more: Option<Finding>,
}

impl Findings {
    fn error(
        &mut self,
        rule: &'static str,
        path: &str,
        line: Option<u32>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Error, rule, path, line, message, remedy);
    }

    fn warning(
        &mut self,
        rule: &'static str,
        path: &str,
        line: Option<u32>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Warning, rule, path, line, message, remedy);
    }

    /// A file that is read by nobody, because it has more of something than any real one.
    fn excessive(&mut self, path: &str, line: u32, what: &str) {
        let message = format!("the file is not read: {what}");
        let remedy = "look whether this is really the file that it should be";
        self.error("excessive", path, Some(line), message, remedy);
    }

    fn unreadable(&mut self, path: &str, error: &ArtifactError) {
        self.error(
            "unreadable",
            path,
            None,
            error.to_string(),
            error.hint().unwrap_or_default(),
        );
    }

    fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        path: &str,
        line: Option<u32>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let finding = Finding {
            severity,
            rule,
            path: path.to_owned(),
            line,
            message: message.into(),
            remedy: remedy.into(),
        };
        let kind = (severity, finding.path.clone(), rule);
        let alike = self.kinds.entry(kind).or_default();
        alike.count += 1;
        if alike.count <= MOST_ALIKE {
            self.listed.push(finding);
        } else {
            alike.first_of_more.get_or_insert(finding);
        }
    }

    fn sorted(mut self) -> Vec<Finding> {
        let more = self.kinds.into_values().filter_map(|alike| {
            let first = alike.first_of_more?;
            let count = alike.count - MOST_ALIKE;
            let message = format!("{count} more of this kind in this file, not listed one by one");
            Some(Finding { message, ..first })
        });
        self.listed.extend(more);
        let key = |one: &Finding| (one.severity, one.path.clone(), one.line, one.rule);
        self.listed.sort_by_cached_key(key);
        self.listed.dedup();
        self.listed
    }
}

#[cfg(test)]
mod tests;
