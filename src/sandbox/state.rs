//! What is on the tenant: packages, design-time artifacts, tasks, and what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;

use super::artifact_type::ArtifactType;
use super::bundle::{self, Declared};
use super::clock::Seconds;
use super::messages::MessageLog;

/// The colleague who saves, deploys and locks things in scenarios.
pub const COLLEAGUE: &str = "colleague@example.com";

/// What a draft's version reads that was a version before.
pub const EDITED: &str = "Active";

/// Everything that a tenant remembers.
#[derive(Default)]
pub struct Tenant {
    pub packages: BTreeMap<String, Package>,
    pub artifacts: BTreeMap<String, Artifact>,
    /// The design time as it was until some moment, where reads of it are late.
    pub earlier: Vec<(Seconds, DesignTime)>,
    pub runtime: BTreeMap<String, Runtime>,
    pub tasks: BTreeMap<String, Task>,
    /// What the colleague of scenario `foreign-save` has saved already.
    pub colleague_saved: BTreeSet<String>,
    /// What was deleted at design time.
    pub deleted: BTreeMap<String, Deleted>,
    /// What flows have processed, and what is foreseen of timers.
    pub messages: Vec<MessageLog>,
    /// Reads of single packages so far.
    pub package_reads: usize,
    pub rng: Rng,
}

/// Packages and artifacts, by their ids.
pub type DesignTime = (BTreeMap<String, Package>, BTreeMap<String, Artifact>);

/// An integration package.
#[derive(Debug, Clone)]
pub struct Package {
    pub id: String,
    /// The properties that clients may write.
    pub properties: BTreeMap<&'static str, String>,
    pub read_only: bool,
    pub tags: BTreeMap<String, String>,
    /// When a deletion takes effect.
    pub deleted: Option<Seconds>,
    pub created: Stamp,
    pub modified: Stamp,
    pub resource_id: String,
}

/// When, and by whom.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub millis: i64,
    pub by: String,
}

/// A design-time artifact.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub id: String,
    pub kind: ArtifactType,
    pub package: String,
    pub name: String,
    pub description: String,
    /// The last saved version; a draft shows a word instead.
    pub version: String,
    /// The word that a draft's version reads, `None` for what was saved as a version.
    pub draft: Option<&'static str>,
    /// Who has it open in the web UI, and since when.
    pub lock: Option<Stamp>,
    pub hidden: bool,
    pub created: Stamp,
    pub modified: Stamp,
    pub zip: Arc<Vec<u8>>,
    pub parameters: Vec<Parameter>,
}

/// An externalised parameter and whether somebody configured it.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub declared: Declared,
    pub configured: Option<String>,
}

impl Parameter {
    pub fn value(&self) -> &str {
        self.configured.as_deref().unwrap_or(&self.declared.value)
    }
}

impl Artifact {
    pub fn shown_version(&self) -> &str {
        self.draft.unwrap_or(&self.version)
    }

    /// Whether a version key means what is stored now.
    pub fn answers_to(&self, version: &str) -> bool {
        version.eq_ignore_ascii_case("active") || version == self.version
    }

    /// What a deployment of it would run.
    pub fn content(&self) -> Content {
        let values = self
            .parameters
            .iter()
            .map(|parameter| (parameter.declared.key.clone(), parameter.value().to_owned()));
        Content {
            zip: Arc::clone(&self.zip),
            parameters: values.collect(),
        }
    }
}

/// What is remembered of a deleted artifact.
#[derive(Debug, Clone, Default)]
pub struct Deleted {
    /// From when on the id is free again.
    pub free: Seconds,
    /// How often creating it again failed because it had been there.
    pub failed_creates: usize,
}

/// What runs, or would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub zip: Arc<Vec<u8>>,
    pub parameters: BTreeMap<String, String>,
}

/// What is known of one id at run time: everything that will be seen, in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    stages: Vec<Stage>,
    /// Deployments accepted from clients.
    pub deployments: usize,
    pub undeployments: usize,
    /// So many more reads do not show it.
    pub unseen: usize,
    pub hidden: bool,
}

/// From this moment on the run time shows this record, or none.
pub type Stage = (Seconds, Option<Record>);

/// What is seen at a moment: the last that has begun by then.
fn seen<T>(course: &[(Seconds, T)], now: Seconds) -> Option<&(Seconds, T)> {
    course.iter().rev().find(|(at, _)| *at <= now)
}

/// A run-time artifact.
#[derive(Debug, Clone)]
pub struct Record {
    pub kind: ArtifactType,
    /// `Type` as the run time shows it, which may be one that the design time does not have.
    pub shown_type: String,
    pub name: String,
    pub version: String,
    pub status: String,
    pub deployed_on: i64,
    pub deployed_by: String,
    pub content: Content,
    pub error: Option<StartError>,
}

impl Record {
    /// The same, in another state.
    pub fn with(&self, status: &str, error: Option<StartError>) -> Self {
        Self {
            status: status.to_owned(),
            error,
            ..self.clone()
        }
    }

    /// The same, deployed by a colleague at this moment.
    pub fn redeployed(&self, millis: i64) -> Self {
        Self {
            deployed_on: millis,
            deployed_by: COLLEAGUE.to_owned(),
            ..self.with("STARTED", None)
        }
    }
}

/// What `ErrorInformation` says, and from when on.
#[derive(Debug, Clone)]
pub struct StartError {
    pub ready: Seconds,
    pub text: String,
}

impl Runtime {
    /// The record shown at a moment.
    pub fn at(&self, now: Seconds) -> Option<&Record> {
        self.shown(now).map(|(_, record)| record)
    }

    /// The same, and since when it is shown so.
    pub fn shown(&self, now: Seconds) -> Option<(Seconds, &Record)> {
        let (since, record) = seen(&self.stages, now)?;
        Some((*since, record.as_ref()?))
    }

    /// Everything that was shown up to a moment.
    pub fn until(&self, now: Seconds) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(move |(at, _)| *at <= now)
    }

    /// Adds what will be seen; what was planned before stays planned.
    pub fn plan(&mut self, stages: Vec<Stage>) {
        self.stages.extend(stages);
        self.stages.sort_by(|one, other| one.0.total_cmp(&other.0));
    }

    /// Whether one more read shows nothing, as while the runtime restarts.
    pub fn is_unseen(&mut self) -> bool {
        let unseen = self.unseen > 0;
        self.unseen = self.unseen.saturating_sub(1);
        unseen
    }

    /// Forgets what was planned, and goes another way.
    pub fn replan(&mut self, now: Seconds, stages: Vec<Stage>) {
        self.stages.retain(|(at, _)| *at <= now);
        self.plan(stages);
    }
}

/// A build and deploy task.
#[derive(Debug, Clone)]
pub struct Task {
    pub artifact: String,
    pub visible: Seconds,
    pub statuses: Vec<(Seconds, String)>,
}

impl Task {
    pub fn status(&self, now: Seconds) -> Option<&str> {
        if now < self.visible {
            return None;
        }
        seen(&self.statuses, now).map(|(_, status)| status.as_str())
    }
}

impl Tenant {
    /// Puts an artifact in its place.
    pub fn store(&mut self, artifact: Artifact) {
        self.artifacts.insert(artifact.id.clone(), artifact);
    }

    /// Forgets the packages whose deletion has taken effect by now, with all that is in them; what runs goes on running.
    pub fn forget_deleted(&mut self, now: Seconds) {
        let stays = |package: &Package| package.deleted.is_none_or(|at| at > now);
        let (packages, artifacts) = (&mut self.packages, &mut self.artifacts);
        artifacts.retain(|_, artifact| packages.get(&artifact.package).is_none_or(stays));
        packages.retain(|_, package| stays(package));
    }

    /// An artifact as the API shows it: of this type, this version, and not hidden by a policy.
    pub fn find(&self, kind: ArtifactType, id: &str, version: &str) -> Option<&Artifact> {
        let artifact = self.artifacts.get(id)?;
        (artifact.kind == kind && artifact.answers_to(version) && !artifact.hidden)
            .then_some(artifact)
    }

    pub fn running(&self, id: &str, now: Seconds) -> Option<&Record> {
        let runtime = self.runtime.get(id)?;
        runtime.at(now).filter(|_| !runtime.hidden)
    }

    /// Whether an artifact is STARTED with exactly the content and the parameters that are stored.
    pub fn runs_as_stored(&self, id: &str, now: Seconds) -> bool {
        let stored = self.artifacts.get(id).map(Artifact::content);
        let record = self.runtime.get(id).and_then(|runtime| runtime.at(now));
        record.is_some_and(|record| {
            record.status == "STARTED" && stored.as_ref() == Some(&record.content)
        })
    }

    /// Somebody else saves, once for each artifact: the same content and one file more.
    pub fn colleague_saves(&mut self, id: &str, millis: i64) {
        if !self.colleague_saved.insert(id.to_owned()) {
            return;
        }
        let Some(artifact) = self.artifacts.get_mut(id) else {
            return;
        };
        let path = "src/main/resources/script/colleague.groovy";
        let added = b"// saved by a colleague\n";
        if let Ok(zip) = bundle::with_file(&artifact.zip, path, Some(added)) {
            artifact.zip = Arc::new(zip);
            artifact.modified = Stamp {
                millis,
                by: COLLEAGUE.to_owned(),
            };
        }
    }
}
