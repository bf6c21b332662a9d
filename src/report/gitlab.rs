//! GitLab CI: the dotenv report, Code Quality.

use std::collections::BTreeMap;

use serde_json::json;

use super::{PlacedFinding, Report, github};
use crate::artifact::Digest;

/// The dotenv report: variables for later jobs, of the first artifact.
pub fn dotenv(report: &Report) -> String {
    let values = github::values(report).into_iter();
    let variables = values.filter(|(name, _)| *name != "artifacts");
    let line = |(name, value): (&str, String)| {
        let name = name.replace('-', "_").to_ascii_uppercase();
        format!("FLOWSHIP_{name}={value}\n")
    };
    variables.map(line).collect()
}

/// The Code Quality report of the findings: paths relative to the repository, fingerprints that survive moved lines.
pub fn code_quality(report: &Report) -> String {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let entry = |found: &PlacedFinding| {
        let path = report.repository_path(&found.place.path);
        let key = format!("{}\n{path}\n{}", found.rule, found.message);
        let repetition = seen.entry(key.clone()).or_default();
        let fingerprint = Digest::of(format!("{key}\n{repetition}").as_bytes());
        *repetition += 1;
        json!({
            "description": found.message,
            "check_name": found.rule,
            "fingerprint": fingerprint.to_string(),
            "severity": if found.severity == "error" { "critical" } else { "minor" },
            "location": { "path": path, "lines": { "begin": found.place.line.unwrap_or(1) } },
        })
    };
    let entries: Vec<_> = report.findings.iter().map(entry).collect();
    let text = super::json::pretty(&entries).unwrap_or_default();
    format!("{text}\n")
}
