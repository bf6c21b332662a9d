//! GitLab CI: collapsible sections, the dotenv report, Code Quality.

use std::io::{self, Write};

use serde_json::json;

use super::Report;
use crate::artifact::Digest;

/// Opens a collapsible section; `now` is the time in seconds since 1970.
pub fn open_section(name: &str, title: &str, now: u64, err: &mut dyn Write) -> io::Result<()> {
    writeln!(
        err,
        "\u{1b}[0Ksection_start:{now}:{name}[collapsed=true]\r\u{1b}[0K{title}"
    )
}

/// Closes it.
pub fn close_section(name: &str, now: u64, err: &mut dyn Write) -> io::Result<()> {
    writeln!(err, "\u{1b}[0Ksection_end:{now}:{name}\r\u{1b}[0K")
}

/// The dotenv report: variables for later jobs, of the first artifact.
pub fn dotenv(report: &Report) -> String {
    super::github::outputs(report)
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| *name != "artifacts")
        .map(|(name, value)| {
            format!(
                "FLOWSHIP_{}={value}\n",
                name.replace('-', "_").to_ascii_uppercase()
            )
        })
        .collect()
}

/// The Code Quality report of the findings: paths relative to the repository, fingerprints that survive moved lines.
pub fn code_quality(report: &Report) -> String {
    let mut seen = std::collections::BTreeMap::new();
    let entries: Vec<_> = report
        .findings
        .iter()
        .map(|found| {
            let path = report.repository_path(&found.place.path);
            let key = format!("{}\n{path}\n{}", found.rule, found.message);
            let repetition = seen
                .entry(key.clone())
                .and_modify(|count| *count += 1)
                .or_insert(0);
            json!({
                "description": found.message,
                "check_name": found.rule,
                "fingerprint": Digest::of(format!("{key}\n{repetition}").as_bytes()).to_string(),
                "severity": if found.severity == "error" { "critical" } else { "minor" },
                "location": { "path": path, "lines": { "begin": found.place.line.unwrap_or(1) } },
            })
        })
        .collect();
    let text = super::json::pretty(&entries).unwrap_or_default();
    format!("{text}\n")
}
