//! What runs, for people and for programs: one tenant as a table, several as a matrix of artifact by stage.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::json::{Problem, SCHEMA, problem};
use super::table_of;
use super::text::{SIMULATED, Style};
use crate::deploy::outcome::{Before, Message, Outcome, Phase, Sent, Verdict, Word};
use crate::exit::Exit;
use crate::inventory::{Trouble, counted};
use crate::settings::credentials::{looks_like_a_client, scrubbed};
use crate::status::{Content, Health, State};
use crate::tenant::error_information;
use crate::text::disarm;

/// What one tenant showed.
pub struct Stage {
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

impl Stage {
    fn name(&self) -> &str {
        self.environment.as_deref().unwrap_or(&self.tenant)
    }
}

/// Writes one tenant as a table, several as a matrix; then why what does not run does not.
pub fn text(stages: &[Stage], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let simulated = stages.iter().any(|stage| stage.simulated);
    let mark = if simulated { SIMULATED } else { "" };
    let rows = match stages {
        [stage] => table(stage),
        stages => matrix(stages),
    };
    if rows.len() > 1 {
        for line in table_of(&rows) {
            writeln!(out, "{mark}{}", painted(&line, style))?;
        }
    }
    for stage in stages {
        let prefix = match stages.len() {
            1 => String::new(),
            _ => format!("{}: ", stage.name()),
        };
        for (id, state) in &stage.states {
            for line in remarks(state) {
                writeln!(out, "{mark}{prefix}{}: {line}", disarm(id))?;
            }
        }
        writeln!(out, "{mark}{prefix}{}", summary(stage))?;
    }
    Ok(())
}

fn table(stage: &Stage) -> Vec<Vec<String>> {
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
            disarm(id),
            design_version(state),
            record.map_or("-".to_owned(), |record| disarm(&record.version)),
            status(state),
            deployed_on.map(|date| date.to_string()).unwrap_or_default(),
            record
                .map(|record| person(&record.deployed_by))
                .unwrap_or_default(),
        ]);
    }
    rows
}

fn matrix(stages: &[Stage]) -> Vec<Vec<String>> {
    let names = stages.iter().map(|stage| disarm(stage.name()));
    let mut rows = vec![
        ["ARTIFACT".to_owned()]
            .into_iter()
            .chain(names)
            .collect::<Vec<_>>(),
    ];
    let mut ids: Vec<&String> = stages
        .iter()
        .flat_map(|stage| stage.states.keys())
        .collect();
    ids.sort();
    ids.dedup();
    for id in ids {
        let cells = stages
            .iter()
            .map(|stage| stage.states.get(id).map_or("-".to_owned(), cell));
        rows.push([disarm(id)].into_iter().chain(cells).collect());
    }
    rows
}

/// `1.0.3 STARTED`, `1.0.3 (runs 1.0.2) STARTED`, `1.0.3 STARTED, older`.
fn cell(state: &State) -> String {
    let design = design_version(state);
    let runs = match (&state.design, &state.runtime) {
        (Some(design), Some(record)) if design.version != record.version => {
            format!(" (runs {})", disarm(&record.version))
        }
        (None, Some(record)) => format!(" (runs {})", disarm(&record.version)),
        _ => String::new(),
    };
    let older = match state.content() {
        Content::Older(_) if runs.is_empty() => ", older",
        _ => "",
    };
    format!("{design}{runs} {}{older}", status(state))
}

fn design_version(state: &State) -> String {
    match &state.design {
        None => "-".to_owned(),
        Some(design) if design.is_draft() => "draft".to_owned(),
        Some(design) => disarm(&design.version),
    }
}

fn status(state: &State) -> String {
    match &state.runtime {
        None => "not deployed".to_owned(),
        Some(record) => disarm(&record.status.to_string()),
    }
}

/// The words that matter, in colour.
fn painted(line: &str, style: Style) -> String {
    line.replace("STARTED", &style.good("STARTED"))
        .replace("ERROR", &style.bad("ERROR"))
}

/// Who did it: ids of clients are long, and their beginning tells them apart.
fn person(name: &str) -> String {
    if looks_like_a_client(name) {
        scrubbed(name)
    } else {
        disarm(name)
    }
}

/// What a reader should know of an artifact beside its row.
fn remarks(state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    match state.content() {
        Content::Older(why) => lines.push(format!("runs older content: {why}")),
        Content::NotInDesignTime => {
            lines.push(
                "runs, and the design time has it no more, or hides it from this key".to_owned(),
            );
        }
        Content::Current | Content::Unknown | Content::NotDeployed => {}
    }
    if let Some(design) = state.design.as_ref().filter(|design| design.is_draft()) {
        lines.push(match design.modified_by.as_str() {
            "" => "is a draft".to_owned(),
            by => format!("is a draft of {}", disarm(by)),
        });
    }
    lines.extend(
        state
            .causes
            .iter()
            .map(|cause| format!("cause: {}", disarm(cause))),
    );
    lines
}

fn summary(stage: &Stage) -> String {
    let states = stage.states.values();
    let count = |is: &dyn Fn(&State) -> bool| states.clone().filter(|state| is(state)).count();
    let mut parts = vec![format!("{} run", count(&State::runs))];
    for (number, what) in [
        (count(&|one| one.health() == Health::Error), "in ERROR"),
        (
            count(&|one| one.health() == Health::InMotion),
            "starting or stopping",
        ),
        (count(&|one| one.health() == Health::Stopped), "stopped"),
        (
            count(&|one| matches!(one.health(), Health::Unknown(_))),
            "with a status that nobody documented",
        ),
        (
            count(&|one| one.health() == Health::NotDeployed),
            "not deployed",
        ),
        (
            count(&|one| matches!(one.content(), Content::Older(_))),
            "with content older than the design time",
        ),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    format!(
        "{} on {}: {}",
        counted(stage.states.len(), "artifact"),
        disarm(&stage.tenant),
        parts.join(", ")
    )
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    exit_code: u8,
    tenants: Vec<Tenant<'a>>,
    artifacts: Vec<Artifact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Tenant<'a> {
    environment: Option<&'a str>,
    tenant: &'a str,
}

#[derive(Serialize)]
struct Artifact<'a> {
    id: &'a str,
    environment: Option<&'a str>,
    id_on_tenant: &'a str,
    #[serde(rename = "type")]
    kind: Option<String>,
    package: Option<&'a str>,
    designtime_version: Option<&'a str>,
    draft: bool,
    modified_by: Option<&'a str>,
    modified_at: Option<String>,
    runtime_version: Option<&'a str>,
    status: Option<String>,
    deployed_on: Option<String>,
    deployed_by: Option<&'a str>,
    running: bool,
    content: &'static str,
    why: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    causes: &'a [String],
}

/// Writes the whole as one object and a line break: one entry for each artifact and stage.
pub fn json(stages: &[Stage], exit: Exit, out: &mut dyn Write) -> io::Result<()> {
    let troubles = stages.iter().flat_map(|stage| &stage.troubles);
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: stages.iter().any(|stage| stage.simulated),
        exit_code: exit.code(),
        tenants: stages
            .iter()
            .map(|stage| Tenant {
                environment: stage.environment.as_deref(),
                tenant: &stage.tenant,
            })
            .collect(),
        artifacts: stages
            .iter()
            .flat_map(|stage| {
                stage
                    .states
                    .iter()
                    .map(|(id, state)| artifact(stage, id, state))
            })
            .collect(),
        errors: troubles.map(|trouble| problem(&trouble.message)).collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn artifact<'a>(stage: &'a Stage, id: &'a str, state: &'a State) -> Artifact<'a> {
    let design = state.design.as_ref();
    let runtime = state.runtime.as_ref();
    let (content, why) = match state.content() {
        Content::Current => ("current", None),
        Content::Older(why) => ("older", Some(why)),
        Content::Unknown => ("unknown", None),
        Content::NotDeployed => ("not-deployed", None),
        Content::NotInDesignTime => ("not-in-design-time", None),
    };
    Artifact {
        id,
        environment: stage.environment.as_deref(),
        id_on_tenant: &state.id,
        kind: state.kind.map(|kind| kind.to_string()),
        package: design.map(|design| design.package_id.as_str()),
        designtime_version: design
            .filter(|design| !design.is_draft())
            .map(|design| design.version.as_str()),
        draft: design.is_some_and(crate::tenant::wire::DesigntimeArtifact::is_draft),
        modified_by: design.map(|design| design.modified_by.as_str()),
        modified_at: design
            .and_then(crate::tenant::wire::DesigntimeArtifact::modified_at)
            .map(|date| date.to_string()),
        runtime_version: runtime.map(|record| record.version.as_str()),
        status: runtime.map(|record| record.status.to_string()),
        deployed_on: runtime
            .and_then(|record| record.deployed_on)
            .map(|date| date.to_string()),
        deployed_by: runtime.map(|record| record.deployed_by.as_str()),
        running: state.runs(),
        content,
        why,
        causes: &state.causes,
    }
}

/// The states as ends, for the reports that CI systems read. `failing`: what does not run counts as failed.
#[must_use]
pub fn outcomes(stages: &[Stage], failing: bool) -> Vec<Outcome> {
    let several = stages.len() > 1;
    let mut outcomes = Vec::new();
    for stage in stages {
        for (id, state) in &stage.states {
            let id = if several {
                format!("{} ({})", disarm(id), stage.name())
            } else {
                disarm(id)
            };
            outcomes.push(outcome(id, state, failing));
        }
    }
    outcomes
}

fn outcome(id: String, state: &State, failing: bool) -> Outcome {
    let design = state.design.as_ref();
    let runtime = state.runtime.as_ref();
    let deployed_on = runtime.and_then(|record| record.deployed_on);
    Outcome {
        id,
        kind: state.kind,
        package: design.map(|design| design.package_id.clone()),
        verdict: verdict(state, failing),
        designtime_version: design.map(|design| design.version.clone()),
        runtime_version: runtime.map(|record| record.version.clone()),
        before: Before::default(),
        deployed_on,
        parameters: Vec::new(),
        phase: Phase::Status,
        content_sha256: None,
        zip_sha256: None,
        task: None,
        took: Duration::ZERO,
        notes: Vec::new(),
        requested_version: None,
        sent: Sent::Nothing,
        rollback: None,
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
