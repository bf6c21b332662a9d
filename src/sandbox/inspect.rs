//! `/sandbox/journal` and `/sandbox/state`: looking inside from outside. No tenant has this.

use serde_json::{Value, json};

use super::answer::Answer;
use super::bundle::sha256;
use super::clock::Seconds;
use super::request_log::RequestLog;
use super::state::{Artifact, Record, Runtime, Tenant};

pub fn requests(log: &RequestLog) -> Answer {
    Answer::json(200, &json!({ "requests": log.entries }))
}

pub fn state(tenant: &Tenant, now: Seconds) -> Answer {
    let packages = tenant.packages.values().map(|package| {
        json!({"id": package.id, "read_only": package.read_only, "properties": package.properties})
    });
    let artifacts = tenant.artifacts.values();
    let artifacts = artifacts.map(|stored| artifact(stored, tenant.runtime.get(&stored.id), now));
    let runtime = tenant
        .runtime
        .iter()
        .map(|(id, known)| runtime(id, known, now));
    let tasks = tenant
        .tasks
        .iter()
        .map(|(id, task)| json!({"id": id, "artifact": task.artifact, "status": task.status(now)}));
    let state = json!({
        "now": now,
        "packages": packages.collect::<Value>(),
        "artifacts": artifacts.collect::<Value>(),
        "runtime": runtime.collect::<Value>(),
        "tasks": tasks.collect::<Value>(),
    });
    Answer::json(200, &state)
}

fn artifact(artifact: &Artifact, runtime: Option<&Runtime>, now: Seconds) -> Value {
    let parameters = artifact.parameters.iter().map(|parameter| {
        let configured = parameter.configured.is_some();
        json!({"key": parameter.declared.key, "value": parameter.value(), "configured": configured})
    });
    json!({
        "id": artifact.id,
        "type": artifact.kind.bundle_type(),
        "package": artifact.package,
        "name": artifact.name,
        "version": artifact.version,
        "draft": artifact.draft.is_some(),
        "locked_by": artifact.lock.as_ref().map(|lock| &lock.by),
        "modified_by": artifact.modified.by,
        "modified_at": artifact.modified.millis,
        "zip_sha256": sha256(&artifact.zip),
        "zip_bytes": artifact.zip.len(),
        "parameters": parameters.collect::<Value>(),
        "runs": runtime.and_then(|runtime| runtime.at(now)).map(|record| runs(artifact, record)),
    })
}

/// What of this artifact runs, in short; `as_stored`: exactly the content and the parameters that are stored now.
fn runs(artifact: &Artifact, record: &Record) -> Value {
    json!({
        "status": record.status,
        "version": record.version,
        "zip_sha256": sha256(&record.content.zip),
        "as_stored": record.content == artifact.content(),
    })
}

fn runtime(id: &str, runtime: &Runtime, now: Seconds) -> Value {
    json!({
        "id": id,
        "deployments": runtime.deployments,
        "undeployments": runtime.undeployments,
        "record": runtime.at(now).map(record),
    })
}

fn record(record: &Record) -> Value {
    json!({
        "type": record.kind.bundle_type(),
        "name": record.name,
        "status": record.status,
        "error": record.error.as_ref().map(|error| &error.text),
        "version": record.version,
        "deployed_on": record.deployed_on,
        "deployed_by": record.deployed_by,
        "zip_sha256": sha256(&record.content.zip),
        "parameters": record.content.parameters,
    })
}
