//! Artifacts that are on the tenant before the first request.

use super::answer::Format;
use super::artifact_type::ArtifactType;
use super::bundle::{self, Bundle};
use super::call::{Body, Call};
use super::clock::Seconds;
use super::deployments::record;
use super::designtime::{Stored, configure};
use super::error_information::start_error;
use super::messages::MessageLog;
use super::path::Query;
use super::service::{Service, locked};
use super::state::{Artifact, COLLEAGUE, Record, Stage, Stamp, StartError, Tenant, draft_word};
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
    #[must_use]
    pub fn example(id: &str) -> Self {
        Self {
            package_id: "Examples".to_owned(),
            zip: bundle::bare_flow(id).unwrap_or_default(),
            deployed: true,
            configured: Vec::new(),
        }
    }

    /// An earlier version of the artifact in `zip`, deployed; for scenarios that are about an existing artifact.
    #[must_use]
    pub fn earlier_version(package_id: &str, zip: &[u8]) -> Self {
        Self {
            package_id: package_id.to_owned(),
            zip: bundle::earlier_version(zip).unwrap_or_else(|| zip.to_vec()),
            deployed: true,
            configured: Vec::new(),
        }
    }
}

/// Stores an artifact as if it had been saved two hours, and deployed one hour before the sandbox started.
pub(super) fn store(service: &Service, preload: Preload) -> Result<(), SandboxError> {
    let call = Call {
        method: "POST",
        segments: &[],
        query: &Query::default(),
        body: Body::Empty,
        caller: author(service, &preload.zip),
        now: SAVED,
        format: Format::Json,
        setting: &service.setting,
    };
    let deployed = preload.deployed;
    let artifact = artifact(&call, preload)?;
    let mut tenant = locked(&service.tenant);
    packages::preload(
        &mut tenant,
        &artifact.package,
        call.setting
            .scenarios
            .of_artifact("read-only", &artifact.package)
            .is_some(),
        call.stamp(),
    );
    if deployed {
        deploy(&mut tenant, &artifact, &call);
    }
    tenant.artifacts.insert(artifact.id.clone(), artifact);
    Ok(())
}

/// A draft is a colleague's; everything else was left by an earlier run of the same client.
fn author<'a>(service: &'a Service, zip: &[u8]) -> &'a str {
    let drafted = Bundle::read(zip).is_ok_and(|bundle| {
        let scenarios = &service.setting.scenarios;
        scenarios
            .of_artifact("draft", &bundle.symbolic_name)
            .is_some()
    });
    if drafted {
        COLLEAGUE
    } else {
        &service.credentials.client_id
    }
}

fn artifact(call: &Call, preload: Preload) -> Result<Artifact, SandboxError> {
    let refused = |text: String| SandboxError::Preload(text);
    let bundle = Bundle::read(&preload.zip).map_err(|error| refused(error.to_string()))?;
    let kind = bundle
        .sap_type
        .as_deref()
        .map_or(Some(ArtifactType::IntegrationFlow), ArtifactType::of_bundle);
    let kind = kind.ok_or_else(|| refused("its SAP-BundleType is unknown".to_owned()))?;
    let elsewhere = call
        .setting
        .scenarios
        .of_artifact("id-in-other-package", &bundle.symbolic_name);
    let stored = Stored {
        name: bundle.name.unwrap_or_else(|| bundle.symbolic_name.clone()),
        package: elsewhere.map_or(preload.package_id, str::to_owned),
        kind,
        description: bundle::description(&preload.zip).unwrap_or_default(),
        zip: preload.zip,
        stamp: call.stamp(),
        id: bundle.symbolic_name,
    };
    let mut artifact = stored
        .artifact(call)
        .map_err(|refusal| refused(refusal.text))?;
    for (key, value) in &preload.configured {
        if !configure(&mut artifact.parameters, key, value) {
            return Err(refused(format!("it has no parameter '{key}'")));
        }
    }
    let chosen = |name: &str| {
        call.setting
            .scenarios
            .of_artifact(name, &artifact.id)
            .is_some()
    };
    let scenarios = &call.setting.scenarios;
    let draft = scenarios.of_artifact("draft", &artifact.id).map(draft_word);
    let (locked, hidden) = (chosen("locked"), chosen("hidden-by-policy"));
    Ok(Artifact {
        draft,
        hidden,
        lock: locked.then(|| Stamp {
            by: COLLEAGUE.to_owned(),
            ..artifact.modified.clone()
        }),
        ..artifact
    })
}

fn deploy(tenant: &mut Tenant, artifact: &Artifact, call: &Call) {
    let chosen = |name: &str| {
        let scenarios = &call.setting.scenarios;
        scenarios.of_artifact(name, &artifact.id).is_some()
    };
    let failed = chosen("stale-error");
    let status = match (failed, chosen("stopped")) {
        (true, _) => "ERROR",
        (false, true) => "STOPPED",
        (false, false) => "STARTED",
    };
    let error = failed.then(|| StartError {
        ready: DEPLOYED,
        text: start_error("a", &artifact.id, call.setting.scenarios.cause()),
    });
    let record = Record {
        status: status.to_owned(),
        deployed_on: call.setting.clock.millis(DEPLOYED),
        error,
        ..record(artifact, &call.shown_as("deployed-by"))
    };
    let record = match call
        .setting
        .scenarios
        .of_artifact("runtime-version", &artifact.id)
    {
        Some(version) => Record {
            version: version.to_owned(),
            ..record
        },
        None => record,
    };
    let scenarios = &call.setting.scenarios;
    let runtime = tenant.runtime.entry(artifact.id.clone()).or_default();
    runtime.hidden = artifact.hidden;
    runtime.unseen = scenarios.count_of("runtime-restart", &artifact.id);
    runtime.plan(match scenarios.seconds_of("starting", &artifact.id) {
        Some(until) => starting(&record, until, call.setting.clock.millis(0.0)),
        None => vec![stage(DEPLOYED, record.clone())],
    });
    older_messages(tenant, call, (&artifact.id, &record));
}

/// What was processed before the deployment that is there: the newest failed.
fn older_messages(tenant: &mut Tenant, call: &Call, flow: (&str, &Record)) {
    let count = call.setting.scenarios.value("older-messages");
    let count: u32 = count.and_then(|count| count.parse().ok()).unwrap_or(0);
    for place in 0..count {
        let at = DEPLOYED - 1.0 - f64::from(place) * 0.5;
        let log = MessageLog::begin(tenant, &call.setting.scenarios, flow, at);
        let status = if place == 0 { "FAILED" } else { "COMPLETED" };
        tenant.messages.push(log.ended(status));
    }
}

/// A deployment that is still going on when the sandbox starts; its own date is seen when it has started.
fn starting(record: &Record, until: Seconds, deployed_on: i64) -> Vec<Stage> {
    let begun = Record {
        status: "STARTING".to_owned(),
        ..record.clone()
    };
    let started = Record {
        deployed_on,
        ..record.clone()
    };
    vec![stage(DEPLOYED, begun), stage(until, started)]
}

fn stage(at: Seconds, record: Record) -> Stage {
    Stage {
        at,
        record: Some(record),
    }
}
