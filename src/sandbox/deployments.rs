//! Deploy calls and `BuildAndDeployStatus`.

use super::answer::{Answer, Refusal};
use super::artifact_type::ArtifactType;
use super::call::Call;
use super::clock::Seconds;
use super::dependencies;
use super::designtime;
use super::entity::{Entity, Property};
use super::path::key_literal;
use super::state::{Artifact, Record, Stage, Task, Tenant};
use super::timeline::{Course, Order};
use super::tokens::uuid;
use super::{messages, senders};

/// Accepts a deployment: 202, with the task's id as bare text, or with an entity for mappings.
pub(super) fn deploy(
    tenant: &mut Tenant,
    call: &Call,
    kind: ArtifactType,
) -> Result<Answer, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::not_implemented());
    }
    let (id, version) = (call.quoted("Id")?, call.quoted("Version")?);
    let missing = || Refusal::not_found(kind.missing());
    tenant.find(kind, &id, &version).ok_or_else(missing)?;
    if let Some(status) = call.setting.scenarios.of_artifact("deploy-refused", &id) {
        let text = "Deployment can only be done for a tenant that this application drives.";
        return Err(Refusal::new(status.parse().unwrap_or(500), text));
    }
    colleague(tenant, call, &id, "before-deploy");
    let artifact = tenant
        .find(kind, &id, "active")
        .ok_or_else(missing)?
        .clone();
    let course = course(tenant, call, &artifact);
    let task = uuid(&mut tenant.rng);
    let runtime = tenant.runtime.entry(id.clone()).or_default();
    runtime.deployments += 1;
    let starts = timer_starts(&course.stages);
    runtime.plan(course.stages);
    messages::of_timer(tenant, &call.setting.scenarios, &id, starts);
    let statuses = course.statuses;
    tenant.tasks.insert(
        task.clone(),
        Task {
            artifact: id.clone(),
            visible: course.visible,
            statuses,
        },
    );
    colleague(tenant, call, &id, "after-deploy");
    accepted(call, &artifact, &task)
}

/// When those that have a timer will be started.
fn timer_starts(stages: &[Stage]) -> Vec<(Seconds, Record)> {
    let records = stages
        .iter()
        .filter_map(|stage| Some((stage.at, stage.record.as_ref()?)));
    let starts =
        records.filter(|(_, record)| record.status == "STARTED" && senders::has_timer(record));
    starts.map(|(at, record)| (at, record.clone())).collect()
}

fn accepted(call: &Call, artifact: &Artifact, task: &str) -> Result<Answer, Refusal> {
    let scenarios = &call.setting.scenarios;
    if scenarios.of_artifact("no-task-id", &artifact.id).is_some() {
        return Ok(Answer::empty(202));
    }
    let by_task = scenarios.of_artifact("mapping-task-id", &artifact.id);
    if artifact.kind.deploy_answers_entity() && by_task.is_none() {
        return call
            .entity(202, designtime::entity(artifact, call))
            .or_else(|_| Ok(Answer::empty(202)));
    }
    let quoted = scenarios
        .of_artifact("quoted-task-id", &artifact.id)
        .is_some();
    Ok(Answer::text(
        202,
        if quoted {
            format!("\"{task}\"")
        } else {
            task.to_owned()
        },
    ))
}

pub(super) fn course(tenant: &Tenant, call: &Call, artifact: &Artifact) -> Course {
    let runtime = tenant.runtime.get(&artifact.id);
    let clock = &call.setting.clock;
    let order = Order {
        id: &artifact.id,
        nth: runtime.map_or(0, |runtime| runtime.deployments) + 1,
        accepted: call.now,
        previous: runtime.and_then(|runtime| runtime.at(call.now)),
        record: record(artifact, &call.shown_as("deployed-by")),
        lacks: &|at| dependencies::missing(tenant, &call.setting.scenarios, artifact, at),
        scenarios: &call.setting.scenarios,
        millis: &|at| clock.millis(at),
    };
    order.course()
}

/// What a deployment of an artifact will show; status and date come later.
pub(super) fn record(artifact: &Artifact, by: &str) -> Record {
    Record {
        kind: artifact.kind,
        name: artifact.name.clone(),
        // a draft runs under the last saved number
        version: artifact.version.clone(),
        status: "STARTED".to_owned(),
        deployed_on: 0,
        deployed_by: by.to_owned(),
        content: artifact.content(),
        error: None,
    }
}

fn colleague(tenant: &mut Tenant, call: &Call, id: &str, moment: &str) {
    let chosen = call.setting.scenarios.of_artifact("foreign-save", id) == Some(moment);
    if chosen {
        tenant.colleague_saves(id, call.stamp().millis);
    }
}

/// `BuildAndDeployStatus(TaskId='...')`.
pub(super) fn status(tenant: &Tenant, call: &Call) -> Result<Answer, Refusal> {
    match call.setting.scenarios.value("no-task-api") {
        Some("405") => return Err(Refusal::not_in_plan()),
        Some("501") => return Err(Refusal::not_implemented()),
        Some(_) => {
            return Err(Refusal::not_found(
                "Could not find an entity set or function import for 'BuildAndDeployStatus'.",
            ));
        }
        None => {}
    }
    let (Some(id), "GET", []) = (
        call.segments[0].key.only("TaskId"),
        call.method,
        call.rest().as_slice(),
    ) else {
        return Err(Refusal::not_implemented());
    };
    let status = tenant.tasks.get(id).and_then(|task| task.status(call.now));
    let status =
        status.ok_or_else(|| Refusal::not_found("Requested entity could not be found."))?;
    let entity = Entity {
        set: "BuildAndDeployStatus",
        kind: "BuildAndDeployStatus",
        key: format!("TaskId={}", key_literal(id)),
        properties: vec![
            ("TaskId", Property::text(id)),
            ("Status", Property::text(status)),
        ],
        links: Vec::new(),
        expanded: Vec::new(),
        media: false,
    };
    call.entity(200, entity)
}
