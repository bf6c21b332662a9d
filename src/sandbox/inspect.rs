//! Looking inside: what is stored and what runs, for tests and, at `/sandbox/journal` and `/sandbox/state`, from outside.
//! No tenant has this.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::bundle::sha256;
use super::clock::Seconds;
use super::state::{Artifact, Record, Runtime, Tenant};

/// What the run time holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// `SAP-BundleType`.
    #[serde(rename = "type")]
    pub bundle_type: &'static str,
    /// The name shown.
    pub name: String,
    /// STARTED, ERROR, ...
    pub status: String,
    /// The error information, whether it is shown already or not.
    pub error: Option<String>,
    /// The version shown.
    pub version: String,
    /// The client that deployed it.
    pub deployed_by: String,
    /// Milliseconds since 1970 on the tenant's clock.
    pub deployed_on: i64,
    /// The digest of the deployed zip.
    pub zip_sha256: String,
    /// The deployed zip.
    #[serde(skip)]
    pub zip: Vec<u8>,
    /// The values it runs with.
    pub parameters: BTreeMap<String, String>,
}

impl Running {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            bundle_type: record.kind.bundle_type(),
            name: record.name.clone(),
            status: record.status.clone(),
            error: record.error.as_ref().map(|error| error.text.clone()),
            version: record.version.clone(),
            deployed_by: record.deployed_by.clone(),
            deployed_on: record.deployed_on,
            zip_sha256: sha256(&record.content.zip),
            zip: record.content.zip.to_vec(),
            parameters: record.content.parameters.clone(),
        }
    }
}

/// What is stored at design time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Design {
    /// The package's id.
    pub package: String,
    /// `SAP-BundleType`.
    #[serde(rename = "type")]
    pub bundle_type: &'static str,
    /// The name shown.
    pub name: String,
    /// The last saved version.
    pub version: String,
    /// Whether a word is shown instead of the version.
    pub draft: bool,
    /// Who has it open in the web UI.
    pub locked_by: Option<String>,
    /// Who saved it last.
    pub modified_by: String,
    /// When, in milliseconds since 1970 on the tenant's clock.
    pub modified_at: i64,
    /// The digest of the stored zip.
    pub zip_sha256: String,
    /// The stored zip.
    #[serde(skip)]
    pub zip: Vec<u8>,
    /// All parameters with their values.
    pub parameters: BTreeMap<String, String>,
    /// The keys of those that were configured.
    pub configured: Vec<String>,
}

impl Design {
    pub(crate) fn of(artifact: &Artifact) -> Self {
        let parameters = artifact.parameters.iter();
        let configured = parameters.filter(|parameter| parameter.configured.is_some());
        Self {
            package: artifact.package.clone(),
            bundle_type: artifact.kind.bundle_type(),
            name: artifact.name.clone(),
            version: artifact.version.clone(),
            draft: artifact.draft.is_some(),
            locked_by: artifact.lock.as_ref().map(|lock| lock.by.clone()),
            modified_by: artifact.modified.by.clone(),
            modified_at: artifact.modified.millis,
            zip_sha256: sha256(&artifact.zip),
            zip: artifact.zip.to_vec(),
            parameters: artifact.content().parameters,
            configured: configured.map(|one| one.declared.key.clone()).collect(),
        }
    }
}

pub fn state(tenant: &Tenant, now: Seconds) -> Answer {
    let packages = tenant.packages.values().map(|package| {
        json!({"id": package.id, "read_only": package.read_only, "properties": package.properties})
    });
    let running = |id: &str| tenant.runtime.get(id).and_then(|known| known.at(now));
    let artifacts = tenant.artifacts.values().map(|artifact| {
        let mut shown = json!(Design::of(artifact));
        shown["id"] = json!(artifact.id);
        shown["runs"] = json!(running(&artifact.id).map(Running::of));
        shown["runs_as_stored"] = json!(tenant.runs_as_stored(&artifact.id, now));
        shown
    });
    let runtime = |(id, known): (&String, &Runtime)| {
        json!({
            "id": id,
            "deployments": known.deployments,
            "undeployments": known.undeployments,
            "record": known.at(now).map(Running::of),
        })
    };
    let tasks = tenant
        .tasks
        .iter()
        .map(|(id, task)| json!({"id": id, "artifact": task.artifact, "status": task.status(now)}));
    let state = json!({
        "now": now,
        "packages": packages.collect::<Value>(),
        "artifacts": artifacts.collect::<Value>(),
        "runtime": tenant.runtime.iter().map(runtime).collect::<Value>(),
        "tasks": tasks.collect::<Value>(),
    });
    Answer::json(200, &state)
}
