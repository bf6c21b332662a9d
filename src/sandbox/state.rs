//! What is on the tenant: packages, design-time artifacts, tasks, and what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;

use super::artifact_type::ArtifactType;
use super::bundle::{self, Declared};
use super::clock::Seconds;
use super::messages::MessageLog;

/// The colleague who saves, deploys and locks things in scenarios.
pub(super) const COLLEAGUE: &str = "colleague@example.com";

/// What a draft's version reads that was a version before.
pub(super) const EDITED: &str = "Active";
/// What it reads where no version was ever saved.
const UNSAVED: &str = "Draft";

/// The word that a scenario chooses for drafts.
pub(super) fn draft_word(chosen: &str) -> &'static str {
    [EDITED, UNSAVED]
        .into_iter()
        .find(|word| *word == chosen)
        .unwrap_or(EDITED)
}

/// Everything that a tenant remembers.
pub(super) struct Tenant {
    pub(super) packages: BTreeMap<String, Package>,
    pub(super) artifacts: BTreeMap<String, Artifact>,
    /// The design time as it was until some moment, where reads of it are late.
    pub(super) earlier: Vec<(Seconds, DesignTime)>,
    pub(super) runtime: BTreeMap<String, Runtime>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// What the colleague of scenario `foreign-save` has saved already.
    pub(super) colleague_saved: BTreeSet<String>,
    /// What was deleted at design time.
    pub(super) deleted: BTreeMap<String, Deleted>,
    /// What flows have processed, and what is foreseen of timers.
    pub(super) messages: Vec<MessageLog>,
    pub(super) rng: Rng,
}

/// Packages and artifacts, by their ids.
pub(super) type DesignTime = (BTreeMap<String, Package>, BTreeMap<String, Artifact>);

/// An integration package.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) id: String,
    /// The properties that clients may write.
    pub(super) properties: BTreeMap<&'static str, String>,
    pub(super) read_only: bool,
    pub(super) created: Stamp,
    pub(super) modified: Stamp,
    pub(super) resource_id: String,
}

/// When, and by whom.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) millis: i64,
    pub(super) by: String,
}

/// A design-time artifact.
#[derive(Debug, Clone)]
pub(super) struct Artifact {
    pub(super) id: String,
    pub(super) kind: ArtifactType,
    pub(super) package: String,
    pub(super) name: String,
    pub(super) description: String,
    /// The last saved version; a draft shows a word instead.
    pub(super) version: String,
    /// The word that a draft's version reads, `None` for what was saved as a version.
    pub(super) draft: Option<&'static str>,
    /// Who has it open in the web UI, and since when.
    pub(super) lock: Option<Stamp>,
    pub(super) hidden: bool,
    pub(super) created: Stamp,
    pub(super) modified: Stamp,
    pub(super) zip: Arc<Vec<u8>>,
    pub(super) parameters: Vec<Parameter>,
}

/// An externalised parameter and whether somebody configured it.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) declared: Declared,
    pub(super) configured: Option<String>,
}

impl Parameter {
    pub(super) fn value(&self) -> &str {
        self.configured.as_deref().unwrap_or(&self.declared.value)
    }
}

impl Artifact {
    pub(super) fn shown_version(&self) -> &str {
        self.draft.unwrap_or(&self.version)
    }

    /// Whether a version key means what is stored now.
    pub(super) fn answers_to(&self, version: &str) -> bool {
        version.eq_ignore_ascii_case("active") || version == self.version
    }

    /// What a deployment of it would run.
    pub(super) fn content(&self) -> Content {
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
pub(super) struct Deleted {
    /// From when on the id is free again.
    pub(super) free: Seconds,
    /// How often creating it again failed because it had been there.
    pub(super) failed_creates: usize,
}

/// What runs, or would run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) zip: Arc<Vec<u8>>,
    pub(super) parameters: BTreeMap<String, String>,
}

/// What is known of one id at run time: everything that will be seen, in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Runtime {
    stages: Vec<Stage>,
    /// Deployments accepted from clients.
    pub(super) deployments: usize,
    pub(super) undeployments: usize,
    /// So many more reads do not show it.
    pub(super) unseen: usize,
    pub(super) hidden: bool,
}

/// From this moment on the run time shows this record, or none.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) at: Seconds,
    pub(super) record: Option<Record>,
}

impl Stage {
    pub(super) fn of(at: Seconds, record: Record) -> Self {
        Self {
            at,
            record: Some(record),
        }
    }
}

/// A run-time artifact.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) kind: ArtifactType,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) status: String,
    pub(super) deployed_on: i64,
    pub(super) deployed_by: String,
    pub(super) content: Content,
    pub(super) error: Option<StartError>,
}

impl Record {
    /// The same, in another state.
    pub(super) fn with(&self, status: &str, error: Option<StartError>) -> Self {
        Self {
            status: status.to_owned(),
            error,
            ..self.clone()
        }
    }

    /// The same, deployed by a colleague at this moment.
    pub(super) fn redeployed(&self, millis: i64) -> Self {
        Self {
            deployed_on: millis,
            deployed_by: COLLEAGUE.to_owned(),
            ..self.with("STARTED", None)
        }
    }
}

/// What `ErrorInformation` says, and from when on.
#[derive(Debug, Clone)]
pub(super) struct StartError {
    pub(super) ready: Seconds,
    pub(super) text: String,
}

impl Runtime {
    /// The record shown at a moment.
    pub(super) fn at(&self, now: Seconds) -> Option<&Record> {
        self.shown(now).map(|(_, record)| record)
    }

    /// The same, and since when it is shown so.
    pub(super) fn shown(&self, now: Seconds) -> Option<(Seconds, &Record)> {
        let stage = self.stages.iter().rev().find(|stage| stage.at <= now)?;
        Some((stage.at, stage.record.as_ref()?))
    }

    /// Everything that was shown up to a moment.
    pub(super) fn until(&self, now: Seconds) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(move |stage| stage.at <= now)
    }

    /// Adds what will be seen; what was planned before stays planned.
    pub(super) fn plan(&mut self, stages: Vec<Stage>) {
        self.stages.extend(stages);
        self.stages
            .sort_by(|one, other| one.at.total_cmp(&other.at));
    }

    /// Whether one more read shows nothing, as while the runtime restarts.
    pub(super) fn is_unseen(&mut self) -> bool {
        let unseen = self.unseen > 0;
        self.unseen = self.unseen.saturating_sub(1);
        unseen
    }

    /// Forgets what was planned, and goes another way.
    pub(super) fn replan(&mut self, now: Seconds, stages: Vec<Stage>) {
        self.stages.retain(|stage| stage.at <= now);
        self.plan(stages);
    }
}

/// A build and deploy task.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) artifact: String,
    pub(super) visible: Seconds,
    pub(super) statuses: Vec<(Seconds, String)>,
}

impl Task {
    pub(super) fn status(&self, now: Seconds) -> Option<&str> {
        if now < self.visible {
            return None;
        }
        self.statuses
            .iter()
            .rev()
            .find(|(at, _)| *at <= now)
            .map(|(_, status)| status.as_str())
    }
}

impl Tenant {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            packages: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            earlier: Vec::new(),
            runtime: BTreeMap::new(),
            tasks: BTreeMap::new(),
            colleague_saved: BTreeSet::new(),
            deleted: BTreeMap::new(),
            messages: Vec::new(),
            rng,
        }
    }

    /// Puts an artifact in its place.
    pub(super) fn store(&mut self, artifact: Artifact) {
        self.artifacts.insert(artifact.id.clone(), artifact);
    }

    /// An artifact as the API shows it: of this type, this version, and not hidden by a policy.
    pub(super) fn find(&self, kind: ArtifactType, id: &str, version: &str) -> Option<&Artifact> {
        let artifact = self.artifacts.get(id)?;
        (artifact.kind == kind && artifact.answers_to(version) && !artifact.hidden)
            .then_some(artifact)
    }

    pub(super) fn running(&self, id: &str, now: Seconds) -> Option<&Record> {
        let runtime = self.runtime.get(id)?;
        runtime.at(now).filter(|_| !runtime.hidden)
    }

    /// Somebody else saves, once for each artifact: the same content and one file more.
    pub(super) fn colleague_saves(&mut self, id: &str, millis: i64) {
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
