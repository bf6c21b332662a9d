//! An approved plan: what `plan -o FILE` writes and `deploy --plan FILE` holds the tenant and the files against.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::job::{Job, Rules, Source, VersionRule};
use super::plan::{self, Standing};
use super::preview::Action;
use crate::text::hex;

/// The version of the form of a plan file.
const SCHEMA: u32 = 1;

/// How often a digest of parameters is hashed again: guessing a short value costs that much each time.
const ROUNDS: u32 = 20_000;

/// A plan that somebody approved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approval {
    schema: u32,
    flowship_plan: String,
    /// The host of the tenant that it is for.
    pub tenant: String,
    /// What was asked for, so that it need not be said again.
    pub request: Request,
    /// What must be so of each artifact, by its id.
    artifacts: BTreeMap<String, Facts>,
}

/// What a plan was asked for, without values of parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The paths that were named.
    pub paths: Vec<PathBuf>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--environment`.
    pub environment: Option<String>,
    /// `--package`.
    pub package: Option<String>,
    /// `--package-name`.
    pub package_name: Option<String>,
    /// `--id`.
    pub id: Option<String>,
    /// `--name`.
    pub name: Option<String>,
    /// `--parameters`.
    pub parameters: Option<PathBuf>,
    /// `--save-as-version`.
    pub save_as_version: Option<String>,
    /// The switches that were on, by their names.
    pub switches: Vec<String>,
}

/// What a plan for one artifact rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    action: String,
    /// What the options allow and ask for.
    options: String,
    package: Option<String>,
    /// The digest of the content that would be uploaded.
    content_sha256: Option<String>,
    /// A digest of the parameters that must stand at the end. Their values are not in the file.
    parameters_sha256: String,
    /// The digest of the content that the tenant holds.
    tenant_content_sha256: Option<String>,
    tenant_version: Option<String>,
    tenant_modified_at: Option<String>,
    tenant_parameters_sha256: String,
    deployed_on: Option<String>,
    runtime_status: Option<String>,
}

/// What moved since a plan was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Files or settings here are not those of the plan.
    Here(String),
    /// The tenant is not what it was.
    Tenant(String),
}

impl Facts {
    /// The facts of one artifact.
    pub(super) fn of(job: &Job, standing: &Standing, action: Action) -> Self {
        let content = match &job.source {
            Source::Files(content) => Some(content),
            Source::Tenant => None,
        };
        let artifact = standing.artifact.as_ref();
        let settings = plan::settings(job, standing);
        let wanted = settings
            .iter()
            .map(|setting| (setting.key.as_str(), setting.value.as_str()));
        let shown = standing
            .configured
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_str()));
        Self {
            action: action.as_str().to_owned(),
            options: options(&job.rules),
            package: content.map(|content| content.package.0.clone()),
            content_sha256: content.map(|content| content.archive.content.to_string()),
            parameters_sha256: digest(&job.id.0, wanted),
            tenant_content_sha256: standing.remote_sha256.map(|digest| digest.to_string()),
            tenant_version: artifact.map(|artifact| artifact.version.clone().into()),
            tenant_modified_at: artifact.and_then(|artifact| artifact.stamp().saved),
            tenant_parameters_sha256: digest(&job.id.0, shown),
            deployed_on: standing
                .runtime
                .as_ref()
                .and_then(|record| record.deployed_on)
                .map(|date| date.to_string()),
            runtime_status: standing
                .runtime
                .as_ref()
                .map(|record| record.status.to_string()),
        }
    }

    /// In what these facts differ from those that were approved; the first difference that matters.
    fn moved_since(&self, approved: &Facts) -> Option<Moved> {
        let here = [
            ("its package", self.package != approved.package),
            ("what the options ask for", self.options != approved.options),
            (
                "its content",
                self.content_sha256 != approved.content_sha256,
            ),
            (
                "its parameters",
                self.parameters_sha256 != approved.parameters_sha256
                    && self.tenant_parameters_sha256 == approved.tenant_parameters_sha256,
            ),
        ];
        let tenant = [
            (
                "its content",
                self.tenant_content_sha256 != approved.tenant_content_sha256,
            ),
            (
                "its version",
                self.tenant_version != approved.tenant_version,
            ),
            (
                "the date of its last save",
                self.tenant_modified_at != approved.tenant_modified_at,
            ),
            (
                "its parameters",
                self.tenant_parameters_sha256 != approved.tenant_parameters_sha256,
            ),
            ("its deployment", self.deployed_on != approved.deployed_on),
            ("its status", self.runtime_status != approved.runtime_status),
            // whatever else it rests on
            ("what is to be done", self.action != approved.action),
        ];
        let first = |all: &[(&'static str, bool)]| {
            all.iter()
                .find(|(_, moved)| *moved)
                .map(|(what, _)| (*what).to_owned())
        };
        first(&here)
            .map(Moved::Here)
            .or_else(|| first(&tenant).map(Moved::Tenant))
    }
}

impl Approval {
    /// The plan of these artifacts.
    #[must_use]
    pub fn new(tenant: &str, request: Request, artifacts: BTreeMap<String, Facts>) -> Self {
        Self {
            schema: SCHEMA,
            flowship_plan: env!("CARGO_PKG_VERSION").to_owned(),
            tenant: tenant.to_owned(),
            request,
            artifacts,
        }
    }

    /// Reads a plan file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let plan: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("this is no plan of `flowship plan -o`: {error}"))?;
        if plan.schema != SCHEMA {
            return Err(format!(
                "this plan has form {}, and this flowship reads form {SCHEMA}: make it anew",
                plan.schema
            ));
        }
        Ok(plan)
    }

    /// The text of the plan file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The ids of the artifacts that it is about.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.artifacts.keys().map(String::as_str)
    }

    /// What moved since, `None` when the plan for this artifact still holds.
    #[must_use]
    pub fn moved(&self, id: &str, facts: &Facts) -> Option<Moved> {
        match self.artifacts.get(id) {
            Some(approved) => facts.moved_since(approved),
            None => Some(Moved::Here("that it is deployed at all".to_owned())),
        }
    }
}

/// What the rules allow and ask for, in words.
fn options(rules: &Rules) -> String {
    let version = match &rules.version {
        VersionRule::Keep => "keep",
        VersionRule::Manifest => "manifest",
        VersionRule::Bump => "bump",
        VersionRule::Exactly(version) | VersionRule::Travel(version) => version,
    };
    let mut words = vec![format!("version {version}")];
    for (on, word) in [
        (rules.deploy, "deploy"),
        (rules.force, "force"),
        (rules.create_package, "create package"),
        (rules.overwrite_drafts, "overwrite drafts"),
        (rules.parameters_from_artifact, "parameters from artifact"),
        (rules.replace_value_mappings, "replace value mappings"),
        (rules.drop_tenant_entries, "drop tenant entries"),
    ] {
        if on {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}

/// A digest of keys and values, bound to one artifact.
fn digest<'a>(id: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(&str, &str)> = pairs.collect();
    pairs.sort_unstable();
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(id);
    for (key, value) in pairs {
        add(key);
        add(value);
    }
    let mut digest = hasher.finalize();
    for _ in 0..ROUNDS {
        digest = Sha256::digest(digest);
    }
    hex(&digest)
}
