//! What runs, for people and for programs: one tenant as a table, several as a matrix of artifact by stage.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::json::written;
use super::page::{Page, Style};
use super::{Printed, json};
use crate::deploy::outcome::{Message, Outcome, Phase, Verdict, Word};
use crate::exit::Exit;
use crate::inventory::{Trouble, counted, tally};
use crate::settings::credentials::{looks_like_a_client, scrubbed};
use crate::status::{Content, Health, State};
use crate::tenant::error_information;
use crate::tenant::wire::{DesigntimeArtifact, RuntimeArtifact, RuntimeStatus};
use crate::text::SafeText;

/// What one tenant showed.
pub struct TenantStatus {
    /// The name of the environment, if one was chosen.
    pub environment: Option<String>,
    /// The host.
    pub tenant: String,
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The artifacts by their id without the environment's prefix and suffix.
    pub states: BTreeMap<String, State>,
    /// What could not be had.
    pub troubles: Vec<Trouble>,
}

impl TenantStatus {
    fn name(&self) -> &str {
        self.environment.as_deref().unwrap_or(&self.tenant)
    }
}

/// What all tenants showed.
pub struct Stages<'a> {
    /// One for each tenant.
    pub stages: &'a [TenantStatus],
    /// The code of the run.
    pub exit: Exit,
}

impl Printed for Stages<'_> {
    fn is_simulated(&self) -> bool {
        self.stages.iter().any(|stage| stage.simulated)
    }

    /// One tenant as a table, several as a matrix; then why what does not run does not.
    fn text(&self, page: &mut Page) {
        let rows = match self.stages {
            [stage] => table(stage, page.style),
            stages => matrix(stages, page.style),
        };
        if rows.len() > 1 {
            page.table("", &rows);
        }
        for stage in self.stages {
            let prefix = match self.stages.len() {
                1 => String::new(),
                _ => format!("{}: ", stage.name()),
            };
            for (id, state) in &stage.states {
                page.items(&format!("{prefix}{id}: "), remarks(state));
            }
            page.item(&prefix, summary(stage));
        }
    }

    /// One entry for each artifact and stage.
    fn json(&self) -> io::Result<String> {
        let troubles = self.stages.iter().flat_map(|stage| &stage.troubles);
        let errors = troubles.map(|trouble| &*trouble.message);
        json::object(self.is_simulated(), (), self.exit, self, errors)
    }
}

fn table(stage: &TenantStatus, style: Style) -> Vec<Vec<String>> {
    let head = [
        "ARTIFACT",
        "DESIGN TIME",
        "RUN TIME",
        "STATUS",
        "DEPLOYED",
        "BY",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (id, state) in &stage.states {
        let record = state.runtime.as_ref();
        let deployed_on = record.and_then(|record| record.deployed_on);
        rows.push(vec![
            id.clone(),
            design_version(state),
            record.map_or("-".to_owned(), |record| record.version.to_string()),
            coloured(state, style),
            deployed_on.map(|date| date.to_string()).unwrap_or_default(),
            record
                .map(|record| person(&record.deployed_by))
                .unwrap_or_default(),
        ]);
    }
    rows
}

fn matrix(stages: &[TenantStatus], style: Style) -> Vec<Vec<String>> {
    let names = stages.iter().map(|stage| stage.name().to_owned());
    let head = std::iter::once("ARTIFACT".to_owned()).chain(names);
    let mut rows = vec![head.collect()];
    let ids: BTreeSet<&String> = stages
        .iter()
        .flat_map(|stage| stage.states.keys())
        .collect();
    for id in ids {
        let states = stages.iter().map(|stage| stage.states.get(id));
        let cells = states.map(|state| state.map_or("-".to_owned(), |state| cell(state, style)));
        rows.push(std::iter::once(id.clone()).chain(cells).collect());
    }
    rows
}

/// `1.0.3 STARTED`, `1.0.3 (runs 1.0.2) STARTED`, `1.0.3 STARTED, older`.
fn cell(state: &State, style: Style) -> String {
    let design = state.design.as_ref().map(|design| &design.version);
    let runs = match &state.runtime {
        Some(record) if design != Some(&record.version) => format!(" (runs {})", record.version),
        _ => String::new(),
    };
    let older = match state.content() {
        Content::Older(_) if runs.is_empty() => ", older",
        _ => "",
    };
    let status = coloured(state, style);
    format!("{}{runs} {status}{older}", design_version(state))
}

fn design_version(state: &State) -> String {
    let design = state.design.as_ref();
    design.map_or("-".to_owned(), DesigntimeArtifact::shown_version)
}

fn status(state: &State) -> String {
    match &state.runtime {
        None => "not deployed".to_owned(),
        Some(record) => record.status.to_string(),
    }
}

/// The status, in colour where it matters.
fn coloured(state: &State, style: Style) -> String {
    let status = status(state);
    match state.runtime.as_ref().map(|record| &record.status) {
        Some(RuntimeStatus::Started) => style.good(&status),
        Some(RuntimeStatus::Error) => style.bad(&status),
        _ => status,
    }
}

/// Who did it: ids of clients are long, and their beginning tells them apart.
fn person(name: &SafeText) -> String {
    if looks_like_a_client(name) {
        scrubbed(name)
    } else {
        name.to_string()
    }
}

/// What a reader should know of an artifact beside its row.
fn remarks(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    match state.content() {
        Content::Older(why) => lines.push(format!("runs older content: {why}")),
        Content::NotInDesignTime => lines
            .push("runs, and the design time has it no more, or hides it from this key".to_owned()),
        Content::NotShown(kind) => {
            lines.push(format!(
                "runs; this API does not show the design time of a {kind}"
            ));
        }
        Content::Current | Content::Unknown | Content::NotDeployed => {}
    }
    if let Some(design) = state.design.as_ref().filter(|design| design.is_draft()) {
        lines.push(format!("is a draft{}", design.of_whom()));
    }
    lines.extend(state.causes.iter().map(|cause| format!("cause: {cause}")));
    lines
}

fn summary(stage: &TenantStatus) -> String {
    let count = |is: &dyn Fn(&State) -> bool| stage.states.values().filter(|one| is(one)).count();
    let healths = Health::ALL.map(|health| (count(&|one| one.health() == health), health.name()));
    let older = count(&|one| matches!(one.content(), Content::Older(_)));
    let older = (older, "with content older than the design time");
    let counts = healths.into_iter().chain([older]);
    let told = counts.filter(|(number, what)| *number > 0 || *what == Health::Running.name());
    format!(
        "{} on {}: {}",
        counted(stage.states.len(), "artifact"),
        stage.tenant,
        tally(told)
    )
}

/// One artifact on one stage.
struct StagedState<'a> {
    stage: &'a TenantStatus,
    id: &'a str,
    state: &'a State,
}

impl TenantStatus {
    fn states(&self) -> impl Iterator<Item = StagedState<'_>> {
        let states = self.states.iter();
        states.map(move |(id, state)| StagedState {
            stage: self,
            id,
            state,
        })
    }
}

impl StagedState<'_> {
    fn design<'s, T>(&'s self, read: impl FnOnce(&'s DesigntimeArtifact) -> T) -> Option<T> {
        self.state.design.as_ref().map(read)
    }

    fn runtime<'s, T>(&'s self, read: impl FnOnce(&'s RuntimeArtifact) -> T) -> Option<T> {
        self.state.runtime.as_ref().map(read)
    }

    fn content(&self) -> (&'static str, Option<String>) {
        match self.state.content() {
            Content::Current => ("current", None),
            Content::Older(why) => ("older", Some(why)),
            Content::Unknown => ("unknown", None),
            Content::NotDeployed => ("not-deployed", None),
            Content::NotInDesignTime => ("not-in-design-time", None),
            Content::NotShown(_) => ("not-shown", None),
        }
    }
}

written! {
    Stages<'_> as it {
        "tenants" => it.stages,
        "artifacts" => it.stages.iter().flat_map(TenantStatus::states).collect::<Vec<_>>(),
    }

    TenantStatus as it {
        "environment" => it.environment,
        "tenant" => it.tenant,
    }

    StagedState<'_> as it {
        "id" => it.id,
        "environment" => it.stage.environment,
        "id_on_tenant" => it.state.id.0,
        "type" => it.state.kind,
        "package" => it.design(|design| &design.package_id),
        "designtime_version" => it.design(DesigntimeArtifact::number),
        "draft" => it.design(DesigntimeArtifact::is_draft).unwrap_or_default(),
        "modified_by" => it.design(|design| &design.modified_by),
        "modified_at" => it.design(DesigntimeArtifact::modified_at),
        "runtime_version" => it.runtime(|record| &record.version),
        "status" => it.runtime(|record| &record.status),
        "deployed_on" => it.runtime(|record| record.deployed_on),
        "deployed_by" => it.runtime(|record| &record.deployed_by),
        "running" => it.state.runs(),
        "content" => it.content().0,
        "why" => it.content().1,
        "causes" if !it.state.causes.is_empty() => it.state.causes,
    }
}

/// The states as ends, for the reports that CI systems read. `failing`: what does not run counts as failed.
pub fn outcomes(stages: &[TenantStatus], failing: bool) -> Vec<Outcome> {
    let several = stages.len() > 1;
    let states = stages.iter().flat_map(TenantStatus::states);
    let outcomes = states.map(|StagedState { stage, id, state }| {
        let id = if several {
            format!("{id} ({})", stage.name())
        } else {
            id.to_owned()
        };
        outcome(id, state, failing)
    });
    outcomes.collect()
}

fn outcome(id: String, state: &State, failing: bool) -> Outcome {
    let design = state.design.as_ref();
    let runtime = state.runtime.as_ref();
    Outcome {
        kind: state.kind,
        package: design.map(|design| design.package_id.to_string()),
        designtime_version: design.map(|design| design.version.to_string()),
        runtime_version: runtime.map(|record| record.version.to_string()),
        deployed_on: runtime.and_then(|record| record.deployed_on),
        ..Outcome::new(id, Phase::Status, verdict(state, failing))
    }
}

fn verdict(state: &State, failing: bool) -> Verdict {
    let mut evidence = format!("runtime {}", status(state));
    if let Some(date) = state.runtime.as_ref().and_then(|record| record.deployed_on) {
        evidence += &format!(" DeployedOn {date}");
    }
    if let Content::Older(why) = state.content() {
        evidence += &format!("; runs older content: {why}");
    }
    if state.runs() {
        return Verdict::well(Word::Started, evidence);
    }
    if !failing {
        return Verdict::well(Word::Skipped, evidence);
    }
    let message = Message {
        causes: state.causes.clone(),
        hint: error_information::remedy(&state.causes),
        ..Message::new(format!("it does not run: {}", status(state)))
    };
    Verdict::bad(Word::Failed, evidence, message)
}
