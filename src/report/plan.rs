//! Plans: what would be done, for people and for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Value, json};

use super::json::{self, TenantFields, written};
use super::page::Page;
use super::{Printed, Report};
use crate::artifact::changes::{Change, ChangeKind};
use crate::deploy::outcome::Message;
use crate::deploy::preview::{Action, ParameterChange, Preview};
use crate::inventory::tally;
use crate::text::disarm_source;

/// What would be done, and what is not valid.
pub struct PlanReport<'a> {
    /// One for each artifact that is valid.
    pub previews: &'a [Preview],
    /// The run.
    pub report: &'a Report,
}

impl Printed for PlanReport<'_> {
    fn is_simulated(&self) -> bool {
        self.report.simulated
    }

    fn text(&self, page: &mut Page) {
        for outcome in &self.report.artifacts {
            let invalid = page.style.bad("invalid");
            page.line(format_args!("{invalid} {}", outcome.id));
            if let Some(what) = &outcome.verdict.message {
                page.message(None, what);
            }
        }
        let mut created = BTreeSet::new();
        for preview in self.previews {
            one(preview, page);
            if preview.creates_package
                && let Some(package) = &preview.package
                && created.insert(package)
            {
                page.item("  creates package ", package);
            }
        }
        page.item("plan: ", summary(self.previews));
    }

    fn json(&self) -> io::Result<String> {
        let report = self.report;
        let about = TenantFields {
            tenant: report.tenant.as_deref(),
            source: None,
        };
        json::object(report.simulated, about, report.exit, self, [])
    }
}

written! {
    PlanReport<'_> as it {
        "changes" => it.previews.iter().any(|preview| preview.action.is_change()),
        "artifacts" => it.artifacts(),
    }
}

impl PlanReport<'_> {
    fn artifacts(&self) -> Vec<Value> {
        let invalid = self.report.artifacts.iter().map(|outcome| {
            json!({
                "id": outcome.id,
                "action": "invalid",
                "problem": outcome.verdict.message.as_ref().map(problem),
            })
        });
        invalid.chain(self.previews.iter().map(as_json)).collect()
    }
}

fn one(preview: &Preview, page: &mut Page) {
    let kind = preview.kind.map(|kind| format!(" ({kind})"));
    let word = match preview.action {
        Action::Unchanged => preview.action.as_str().to_owned(),
        action if action.is_change() => page.style.change(action.as_str()),
        action => page.style.bad(action.as_str()),
    };
    let why = match preview.why.as_str() {
        "" => String::new(),
        why => format!(": {why}"),
    };
    let what = format_args!("{}{}{why}", preview.id, kind.unwrap_or_default());
    page.item(&format!("{word} "), what);
    if let Some(what) = &preview.message {
        page.items("  cause: ", &what.causes);
        if preview.why.is_empty() {
            page.message(None, what);
        } else {
            page.items("  hint:  ", &what.hint);
        }
    }
    page.items("  drift: ", &preview.drift);
    for line in preview.changes.iter().flat_map(Change::lines) {
        page.line(format_args!("  {}", page.style.diff(&line)));
    }
    page.items("  ", preview.parameters.iter().map(parameter_words));
    page.items("  sets off: ", &preview.effects);
    page.items("  note: ", &preview.notes);
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
    tally(counts.into_iter().map(|(action, count)| (count, action)))
}

fn as_json(preview: &Preview) -> Value {
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

fn file(change: &Change) -> Value {
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
        "path": change.path,
        "kind": kind,
        "summary": first,
        "diff": lines.map(|line| disarm_source(&line)).collect::<Vec<_>>(),
    })
}

fn problem(message: &Message) -> Value {
    json!({
        "message": message.what,
        "at": message.at,
        "causes": message.causes,
        "hint": message.hint,
    })
}
