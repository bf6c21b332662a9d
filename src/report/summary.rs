//! The summary of a run as Markdown: what a person wants to see at a glance.

use super::Report;
use crate::artifact::ArtifactKind;
use crate::deploy::outcome::{Message, Outcome, Word};
use crate::exit::Exit;
use crate::tenant::odata::percent_encoded;
use crate::text::disarm;

/// Writes the summary; rows that do not fit into `room` bytes are counted instead.
pub fn markdown(report: &Report, room: usize) -> String {
    let text = within(report, room);
    // a summary over the limit is dropped as a whole, with those of other steps
    if text.len() > room {
        String::new()
    } else {
        text
    }
}

fn within(report: &Report, room: usize) -> String {
    let spare = SPARE.min(room / 4);
    let rest = room.saturating_sub(spare);
    let mut text = heading(report);
    let errors = report.errors.iter();
    let errors = errors.map(|error| format!("\n{}\n", problem(error)));
    push_within(&mut text, errors, rest);
    if !report.artifacts.is_empty() {
        text += "\n| Artifact | Verdict | Design time | Runtime | Time | Why |\n|---|---|---|---|---|---|\n";
    }
    let rows = report.artifacts.iter().map(|outcome| row(report, outcome));
    push_within(&mut text, rows, rest);
    text.push('\n');
    let evidence = report.artifacts.iter().filter_map(evidence_line);
    push_within(&mut text, evidence, room.saturating_sub(spare / 2));
    let findings = report.findings.iter().map(|found| {
        format!(
            "- {} `{}`: {}\n",
            found.severity,
            code(&found.place.to_string()),
            escape(&found.message)
        )
    });
    push_within(&mut text, findings, room);
    text
}

/// Room that is kept for the parts behind the table.
const SPARE: usize = 64 * 1024;

/// Appends what fits; what does not is counted.
fn push_within(text: &mut String, parts: impl Iterator<Item = String>, room: usize) {
    let mut left_out = 0;
    for part in parts {
        if text.len() + part.len() + 100 > room {
            left_out += 1;
        } else {
            text.push_str(&part);
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n… and {left_out} more: see the log\n"));
    }
}

fn heading(report: &Report) -> String {
    let simulated = if report.simulated {
        " (SIMULATED tenant)"
    } else {
        ""
    };
    let tenant = report.tenant.as_ref();
    let tenant = tenant.map_or_else(String::new, |host| format!(" on `{}`", code(host)));
    let exits = report.artifacts.iter().map(|outcome| outcome.verdict.exit);
    let well = exits.filter(|exit| *exit == Exit::Ok).count();
    let count = match report.artifacts.len() {
        0 if !report.checked.is_empty() => {
            format!("`{}` is valid", code(&report.checked.join("`, `")))
        }
        0 => report.exit.name().to_owned(),
        all => format!("{well} of {all} well"),
    };
    format!(
        "### flowship {}{tenant}{simulated}: {count}\n",
        report.command
    )
}

fn row(report: &Report, outcome: &Outcome) -> String {
    let mark = if outcome.verdict.exit == Exit::Ok {
        "✅"
    } else {
        "❌"
    };
    let simulated = if report.simulated { " SIMULATED" } else { "" };
    let name = format!("`{}`", code(&outcome.id));
    let name = match link(report, outcome) {
        Some(url) => format!("[{name}]({url})"),
        None => name,
    };
    format!(
        "| {name} | {mark} {}{simulated} | {} | {} | {:.1} s | {} |\n",
        outcome.verdict.word.name(),
        change(
            outcome.before.designtime_version.as_deref(),
            outcome.designtime_version.as_deref()
        ),
        change(
            outcome.before.runtime_version.as_deref(),
            match outcome.verdict.word {
                Word::Undeployed => Some("–"),
                _ => outcome.runtime_version.as_deref(),
            }
        ),
        outcome.took.as_secs_f64(),
        outcome
            .verdict
            .message
            .as_ref()
            .map(problem)
            .unwrap_or_default(),
    )
}

/// `1.0.0 → 1.0.1`, or the one version.
fn change(before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before != after => {
            format!("{} → {}", escape(before), escape(after))
        }
        (_, Some(version)) | (Some(version), None) => escape(version),
        (None, None) => "–".to_owned(),
    }
}

fn problem(message: &Message) -> String {
    let causes = message.reasons().into_iter();
    let causes = causes.map(|cause| format!("<br>{}", escape(&cause)));
    let hint = message.hint.iter();
    let hint = hint.map(|hint| format!("<br>→ {}", escape(hint)));
    let more: String = causes.chain(hint).collect();
    format!("**{}**{more}", escape(&message.what))
}

fn evidence_line(outcome: &Outcome) -> Option<String> {
    let evidence = escape(&outcome.verdict.evidence);
    (!evidence.is_empty()).then(|| format!("- `{}`: {evidence}\n", code(&outcome.id)))
}

/// Where a person finds the artifact in the tenant's web UI. Two generations of hosts have it at two paths.
fn link(report: &Report, outcome: &Outcome) -> Option<String> {
    if report.simulated {
        return None;
    }
    let host = report.tenant.as_ref()?;
    let package = outcome.package.as_ref()?;
    let kind = outcome.kind?;
    let set = match kind {
        ArtifactKind::IntegrationFlow => "integrationflows",
        ArtifactKind::MessageMapping => "messagemappings",
        ArtifactKind::ScriptCollection => "scriptcollections",
        ArtifactKind::ValueMapping => "valuemappings",
    };
    let shell = if host.contains(".integrationsuite") {
        "shell"
    } else {
        "itspaces/shell"
    };
    Some(format!(
        "https://{host}/{shell}/design/contentpackage/{}/{set}/{}",
        percent_encoded(package),
        percent_encoded(&outcome.id)
    ))
}

/// Text in a cell: nothing in it is markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in disarm(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' | '`' | '[' | ']' | '*' | '_' | '\\' | '~' | '#' | '@' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Text between backticks in a cell.
fn code(text: &str) -> String {
    disarm(text).replace('`', "'").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_is_markup() {
        let text = "a|b <img> [x](http://e) `c` @all\n# h \u{1b}[31m\0\u{9b}\u{202e}";
        let never = |c: char| "|<[`@".contains(c) || c.is_control() || c == '\u{202e}';
        assert!(!escape(text).contains(never), "{}", escape(text));
        assert!(!code(text).contains(|c: char| c.is_control() || c == '`'));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut text = String::new();
        push_within(
            &mut text,
            (0..10).map(|n| format!("row {n} {}\n", "x".repeat(100))),
            500,
        );
        assert!(
            text.len() < 600 && text.contains("more: see the log"),
            "{text}"
        );
    }
}
