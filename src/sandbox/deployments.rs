//! Deploy calls and `BuildAndDeployStatus`.

use serde_json::json;

use super::answer::{Answer, Answered, Refusal};
use super::artifact_type::ArtifactType;
use super::call::Call;
use super::designtime::{self, colleague};
use super::messages;
use super::model::TASKS;
use super::state::{Artifact, Tenant};
use super::timeline::course;
use super::tokens::uuid;

/// Accepts a deployment: 202, with the task's id as bare text, or with an entity for mappings.
pub fn deploy(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    let kind = call.kind()?;
    call.must_post()?;
    let (id, version) = (call.quoted("Id")?, call.quoted("Version")?);
    designtime::found(tenant, kind, &id, &version)?;
    if let Some(status) = call.value_for("deploy-refused", &id) {
        let text = "Deployment can only be done for a tenant that this application drives.";
        return Err(Refusal::new(status.parse().unwrap_or(500), text));
    }
    colleague(tenant, call, &id, "before-deploy");
    let artifact = designtime::found(tenant, kind, &id, "active")?.clone();
    let (planned, stages) = course(tenant, call, &artifact);
    let task = uuid(&mut tenant.rng);
    let runtime = tenant.runtime.entry(id.clone()).or_default();
    runtime.deployments += 1;
    runtime.plan(stages.clone());
    messages::of_timer(tenant, &call.setting.scenarios, &id, &stages);
    tenant.tasks.insert(task.clone(), planned);
    colleague(tenant, call, &id, "after-deploy");
    accepted(call, &artifact, &task)
}

fn accepted(call: &Call, artifact: &Artifact, task: &str) -> Answered {
    let chosen = |scenario: &str| call.is_for(scenario, &artifact.id);
    let is_empty = match call.value_for("no-task-id", &artifact.id) {
        Some("message-mappings") => artifact.kind == ArtifactType::MessageMapping,
        chosen => chosen.is_some(),
    };
    if is_empty {
        return Ok(Answer::empty(202));
    }
    if artifact.kind.is_mapping() && !chosen("mapping-task-id") {
        let entity = call.entity(202, designtime::entity(artifact, call));
        return entity.or_else(|_| Ok(Answer::empty(202)));
    }
    let quote = if chosen("quoted-task-id") { "\"" } else { "" };
    Ok(Answer::text(202, format!("{quote}{task}{quote}")))
}

/// `BuildAndDeployStatus(TaskId='...')`.
pub fn status(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    call.refuse_absent("no-task-api")?;
    let (Ok(id), "GET", []) = (call.key("TaskId"), call.method, call.rest().as_slice()) else {
        return Err(Refusal::not_implemented());
    };
    let status = tenant.tasks.get(id).and_then(|task| task.status(call.now));
    let status = status.ok_or_else(Refusal::missing)?;
    call.entity(200, TASKS.entity(&json!([id, status])))
}
