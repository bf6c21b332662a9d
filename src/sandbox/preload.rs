//! Artifacts that are on the tenant before the first request.

use super::artifact_type::ArtifactType;
use super::bundle::{self, Bundle, BundleError};
use super::call::Call;
use super::clock::Seconds;
use super::designtime::{configure, entering};
use super::error_information::{USUAL, start_error};
use super::messages::MessageLog;
use super::service::{Service, locked};
use super::state::{Artifact, COLLEAGUE, EDITED, Record, Stage, Stamp, StartError, Tenant};
use super::timeline::record;
use super::{SandboxError, packages};

const SAVED: Seconds = -7200.0;
const DEPLOYED: Seconds = -3600.0;

/// An artifact for the start.
#[derive(Debug, Clone, Default)]
pub struct Preload {
    /// The package that holds it; made when it is not there.
    pub package_id: String,
    /// The artifact's zip.
    pub zip: Vec<u8>,
    /// Whether it runs.
    pub deployed: bool,
    /// Values that operations configured, before it was deployed.
    pub configured: Vec<(String, String)>,
}

impl Preload {
    /// A flow with this id that runs, and holds nothing but its manifest; for trying out what is done to artifacts that
    /// are on the tenant already.
    pub fn example(id: &str) -> Self {
        Self {
            package_id: "Examples".to_owned(),
            zip: bundle::empty(ArtifactType::IntegrationFlow, id, "Example").unwrap_or_default(),
            deployed: true,
            ..Self::default()
        }
    }

    /// An earlier version of the artifact in `zip`, deployed; for scenarios that are about an existing artifact.
    pub fn earlier_version(package_id: &str, zip: &[u8]) -> Self {
        Self {
            package_id: package_id.to_owned(),
            zip: bundle::earlier_version(zip).unwrap_or_else(|| zip.to_vec()),
            deployed: true,
            ..Self::default()
        }
    }
}

/// Stores an artifact as if it had been saved two hours, and deployed one hour before the sandbox started.
pub fn store(service: &Service, preload: Preload) -> Result<(), SandboxError> {
    let setting = &service.setting;
    let refused = |error: BundleError| SandboxError::Preload(error.to_string());
    let bundle = Bundle::read(&preload.zip).map_err(refused)?;
    let draft = setting
        .scenarios
        .of_artifact("draft", &bundle.symbolic_name);
    // a draft is a colleague's; everything else was left by an earlier run of the same client
    let author = draft.map_or(service.credentials.client_id.as_str(), |_| COLLEAGUE);
    let call = Call::inside(author, SAVED, setting);
    let deployed = preload.deployed;
    let artifact = artifact(&call, &bundle, preload)?;
    let mut tenant = locked(&service.tenant);
    let read_only = call.is_for("read-only", &artifact.package);
    packages::preload(&mut tenant, &artifact.package, read_only, &call);
    if deployed {
        deploy(&mut tenant, &artifact, &call);
    }
    if !call.is_for("runtime-type", &artifact.id) {
        tenant.store(artifact);
    }
    Ok(())
}

fn artifact(call: &Call, bundle: &Bundle, preload: Preload) -> Result<Artifact, SandboxError> {
    let refused = |text: String| SandboxError::Preload(text);
    let kind = bundle
        .sap_type
        .as_deref()
        .map_or(Some(ArtifactType::IntegrationFlow), ArtifactType::of_bundle);
    let kind = kind.ok_or_else(|| refused("its SAP-BundleType is unknown".to_owned()))?;
    let elsewhere = call.value_for("id-in-other-package", &bundle.symbolic_name);
    let package = elsewhere.unwrap_or(&preload.package_id);
    let entering = entering(preload.zip, kind, package, call);
    let mut artifact = entering.map_err(|refusal| refused(refusal.text))?;
    for (key, value) in &preload.configured {
        if !configure(&mut artifact.parameters, key, value) {
            return Err(refused(format!("it has no parameter '{key}'")));
        }
    }
    let draft = call.value_for("draft", &artifact.id);
    // Draft: no version was ever saved
    let draft = draft.map(|word| if word == "Draft" { "Draft" } else { EDITED });
    let lock = call.is_for("locked", &artifact.id).then(|| Stamp {
        by: COLLEAGUE.to_owned(),
        ..artifact.modified.clone()
    });
    Ok(Artifact {
        draft,
        lock,
        hidden: call.is_for("hidden-by-policy", &artifact.id),
        ..artifact
    })
}

fn deploy(tenant: &mut Tenant, artifact: &Artifact, call: &Call) {
    let id = &artifact.id;
    let failed = call.is_for("stale-error", id);
    let status = match (failed, call.is_for("stopped", id)) {
        (true, _) => "ERROR",
        (false, true) => "STOPPED",
        (false, false) => "STARTED",
    };
    let scenarios = &call.setting.scenarios;
    let error = failed.then(|| StartError {
        ready: DEPLOYED,
        text: start_error(USUAL, id, scenarios.cause()),
    });
    let mut record = record(artifact, &call.shown_as("deployed-by")).with(status, error);
    record.deployed_on = call.setting.clock.millis(DEPLOYED);
    if let Some(version) = call.value_for("runtime-version", id) {
        version.clone_into(&mut record.version);
    }
    if let Some(of) = call.value_for("runtime-type", id) {
        of.clone_into(&mut record.shown_type);
    }
    let runtime = tenant.runtime.entry(id.clone()).or_default();
    runtime.hidden = artifact.hidden;
    runtime.unseen = scenarios.times_of("runtime-restart", id);
    runtime.plan(match scenarios.seconds_of("starting", id) {
        Some(until) => starting(&record, until, call.setting.clock.millis(0.0)),
        None => vec![(DEPLOYED, Some(record.clone()))],
    });
    older_messages(tenant, call, (id, &record));
}

/// What was processed before the deployment that is there: the newest failed.
fn older_messages(tenant: &mut Tenant, call: &Call, flow: (&str, &Record)) {
    for place in 0..call.status("older-messages", 0) {
        let at = DEPLOYED - 1.0 - f64::from(place) * 0.5;
        let log = MessageLog::begin(tenant, &call.setting.scenarios, flow, at);
        let status = if place == 0 { "FAILED" } else { "COMPLETED" };
        tenant.messages.push(log.ended(status));
    }
}

/// A deployment that is still going on when the sandbox starts; its own date is seen when it has started.
fn starting(record: &Record, until: Seconds, deployed_on: i64) -> Vec<Stage> {
    let begun = record.with("STARTING", record.error.clone());
    let started = Record {
        deployed_on,
        ..record.clone()
    };
    vec![(DEPLOYED, Some(begun)), (until, Some(started))]
}
