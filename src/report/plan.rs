//! Plans: what would be done, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::Report;
use super::text::{Style, mark, message};
use crate::artifact::changes::{Change, ChangeKind};
use crate::deploy::outcome::Message;
use crate::deploy::preview::{Action, ParameterChange, Preview};
use crate::text::{disarm, disarm_source};

/// Writes the plan for people.
pub fn text(
    previews: &[Preview],
    report: &Report,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mark = mark(report);
    for outcome in &report.artifacts {
        writeln!(out, "{mark}{} {}", style.bad("invalid"), outcome.id)?;
        if let Some(what) = &outcome.verdict.message {
            message(what, mark, None, style, out)?;
        }
    }
    let mut created: Vec<&str> = Vec::new();
    for preview in previews {
        one(preview, mark, style, out)?;
        if let (true, Some(package)) = (preview.creates_package, &preview.package)
            && !created.contains(&package.as_str())
        {
            writeln!(out, "{mark}  creates package {}", disarm(package))?;
            created.push(package);
        }
    }
    writeln!(out, "{mark}plan: {}", summary(previews))
}

fn one(preview: &Preview, mark: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let kind = preview
        .kind
        .map(|kind| format!(" ({kind})"))
        .unwrap_or_default();
    let word = match preview.action {
        Action::Unchanged => preview.action.as_str().to_owned(),
        action if action.is_change() => style.change(action.as_str()),
        action => style.bad(action.as_str()),
    };
    let why = match preview.why.as_str() {
        "" => String::new(),
        why => format!(": {why}"),
    };
    let what = disarm(&format!("{}{kind}{why}", preview.id));
    writeln!(out, "{mark}{word} {what}")?;
    if let Some(what) = &preview.message {
        for cause in &what.causes {
            writeln!(out, "{mark}  cause: {}", disarm(cause))?;
        }
        if preview.why.is_empty() {
            message(what, mark, None, style, out)?;
        } else if let Some(hint) = &what.hint {
            writeln!(out, "{mark}  hint:  {}", disarm(hint))?;
        }
    }
    if let Some(drift) = &preview.drift {
        writeln!(out, "{mark}  drift: {}", disarm(drift))?;
    }
    for change in &preview.changes {
        for line in change.lines() {
            writeln!(out, "{mark}  {}", style.diff(&disarm_source(&line)))?;
        }
    }
    for parameter in &preview.parameters {
        writeln!(out, "{mark}  {}", disarm(&parameter_words(parameter)))?;
    }
    for effect in &preview.effects {
        writeln!(out, "{mark}  sets off: {}", disarm(effect))?;
    }
    for note in &preview.notes {
        writeln!(out, "{mark}  note: {}", disarm(note))?;
    }
    Ok(())
}

fn parameter_words(change: &ParameterChange) -> String {
    let ParameterChange {
        key,
        tenant,
        git,
        written,
    } = change;
    match (tenant, git) {
        (Some(tenant), Some(git)) if *written => {
            format!("parameter {key}: {tenant} becomes {git}")
        }
        (Some(tenant), Some(git)) => {
            format!("parameter {key}: {tenant} on the tenant is kept, Git has {git}")
        }
        (Some(tenant), None) => format!("parameter {key}: {tenant}, only on the tenant"),
        (None, Some(git)) => format!("parameter {key}: {git}, new"),
        (None, None) => format!("parameter {key}"),
    }
}

/// How many of each, in words.
fn summary(previews: &[Preview]) -> String {
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for preview in previews {
        *counts.entry(preview.action).or_default() += 1;
    }
    if counts.keys().all(|action| *action == Action::Unchanged) {
        return format!("nothing to do, {} unchanged", previews.len());
    }
    counts
        .iter()
        .map(|(action, count)| format!("{count} {action}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[derive(Serialize)]
struct Plan<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: Option<&'a str>,
    exit_code: u8,
    changes: bool,
    artifacts: Vec<serde_json::Value>,
}

/// Writes the plan as one versioned object.
pub fn json(previews: &[Preview], report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let invalid = report.artifacts.iter().map(|outcome| {
        json!({
            "id": outcome.id,
            "action": "invalid",
            "problem": outcome.verdict.message.as_ref().map(problem),
        })
    });
    let plan = Plan {
        schema: 1,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: report.simulated,
        tenant: report.tenant.as_deref(),
        exit_code: report.exit.code(),
        changes: previews.iter().any(|preview| preview.action.is_change()),
        artifacts: invalid.chain(previews.iter().map(as_json)).collect(),
    };
    let text = super::json::pretty(&plan)?;
    writeln!(out, "{text}")
}

fn as_json(preview: &Preview) -> serde_json::Value {
    json!({
        "id": preview.id,
        "type": preview.kind.map(|kind| kind.to_string()),
        "package": preview.package,
        "action": preview.action.as_str(),
        "why": preview.why,
        "creates_package": preview.creates_package,
        "deploys": preview.deploys,
        "drift": preview.drift,
        "files": preview.changes.iter().map(file).collect::<Vec<_>>(),
        "parameters": preview.parameters.iter().map(|change| json!({
            "key": change.key,
            "tenant": change.tenant,
            "git": change.git,
            "written": change.written,
        })).collect::<Vec<_>>(),
        "sets_off": preview.effects,
        "notes": preview.notes,
        "problem": preview.message.as_ref().map(problem),
    })
}

fn file(change: &Change) -> serde_json::Value {
    let kind = match &change.kind {
        ChangeKind::Added { .. } => "added",
        ChangeKind::Removed { .. } => "removed",
        ChangeKind::Text(_) => "text",
        ChangeKind::Opaque { .. } => "binary",
        ChangeKind::Headers(_) => "headers",
        ChangeKind::Parameters(_) => "parameters",
        ChangeKind::Definitions(_) => "definitions",
    };
    let mut lines = change.lines().into_iter();
    let first = lines.next().unwrap_or_default();
    json!({
        "path": disarm(&change.path),
        "kind": kind,
        "summary": disarm(&first),
        "diff": lines.map(|line| disarm_source(&line)).collect::<Vec<_>>(),
    })
}

fn problem(message: &Message) -> serde_json::Value {
    json!({
        "message": message.what,
        "at": message.at,
        "causes": message.causes,
        "hint": message.hint,
    })
}
