//! An approved plan: what `plan -o FILE` writes and `deploy --plan FILE` holds the tenant and the files against.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use ring::pbkdf2;
use serde::{Deserialize, Serialize};

use super::job::{Job, Rules};
use super::plan::{self, Standing};
use super::preview::Action;
use crate::text::hex;

/// The version of the form of a plan file.
const SCHEMA: u32 = 2;

/// The rounds of PBKDF2 in a digest of parameters: guessing at a value costs that much each time. Fewer than for a key, because
/// each artifact has digests of its own. No credentials are in them: a reviewer's key plans, another one deploys.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);

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

/// What a plan for one artifact rests on, each by its name in messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What the digests of parameters are salted with. Their values are not in the file.
    salt: String,
    /// What files, settings and options ask for.
    here: Named,
    /// What the tenant held.
    tenant: Named,
}

/// Facts with their names, in their order.
type Named = Vec<(String, Option<String>)>;

/// The name of the digest of all parameters.
const PARAMETERS: &str = "its parameters";

/// What moved since a plan was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Files or settings here are not those of the plan.
    Here(String),
    /// The tenant is not what it was.
    Tenant(String),
}

impl Facts {
    /// The facts of one artifact. `salt`: for the digests of its parameters.
    pub(super) fn of(job: &Job, standing: &Standing, action: Action, salt: &str) -> Self {
        let content = job.content();
        let artifact = standing.artifact.as_ref();
        let settings = plan::settings(job, standing).into_iter();
        let mut wanted: Vec<_> = settings.map(|one| (one.key, one.value)).collect();
        let configured = standing.configured.iter().cloned();
        let mut shown: Vec<_> = configured.map(|one| (one.key, one.value)).collect();
        wanted.sort_unstable();
        shown.sort_unstable();
        let shown_digest = digest(salt, &shown);
        let wanted_digest = if wanted == shown {
            shown_digest.clone()
        } else {
            digest(salt, &wanted)
        };
        let runtime = standing.runtime.as_ref();
        let deployed = runtime.and_then(|record| record.deployed_on);
        let here = [
            ("its package", content.map(|one| one.package.0.clone())),
            ("what the options ask for", Some(options(&job.rules))),
            (
                "its content",
                content.map(|one| one.archive.content.to_string()),
            ),
            (PARAMETERS, Some(wanted_digest)),
        ];
        let tenant = [
            (
                "its content",
                standing.remote_sha256.map(|one| one.to_string()),
            ),
            (
                "its version",
                artifact.map(|one| one.version.clone().into()),
            ),
            (
                "the date of its last save",
                artifact.and_then(|one| one.stamp().saved),
            ),
            (PARAMETERS, Some(shown_digest)),
            ("its deployment", deployed.map(|date| date.to_string())),
            ("its status", runtime.map(|one| one.status.to_string())),
            // whatever else it rests on
            ("what is to be done", Some(action.as_str().to_owned())),
        ];
        let named = |(name, fact): (&str, Option<String>)| (name.to_owned(), fact);
        Self {
            salt: salt.to_owned(),
            here: here.map(named).into(),
            tenant: tenant.map(named).into(),
        }
    }

    /// In what these facts differ from those that were approved; the first difference that matters.
    fn moved_since(&self, approved: &Facts) -> Option<Moved> {
        let all_moved = |now: &Named, then: &Named| -> Vec<String> {
            let moved = now.iter().filter(|one| !then.contains(one));
            moved.map(|(name, _)| name.clone()).collect()
        };
        let tenant = all_moved(&self.tenant, &approved.tenant);
        let set_there = tenant.iter().any(|name| name == PARAMETERS);
        // what is to be kept follows what is set on the tenant
        let here = all_moved(&self.here, &approved.here).into_iter();
        let mut here = here.filter(|name| !(set_there && name == PARAMETERS));
        let moved = here.next().map(Moved::Here);
        moved.or_else(|| tenant.into_iter().next().map(Moved::Tenant))
    }
}

impl Approval {
    /// The plan of these artifacts.
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
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The ids of the artifacts that it is about.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.artifacts.keys().map(String::as_str)
    }

    /// What moved since, `None` when the plan for this artifact still holds. `facts`: those of today, for a salt.
    pub fn moved(&self, id: &str, facts: impl FnOnce(&str) -> Facts) -> Option<Moved> {
        match self.artifacts.get(id) {
            Some(approved) => facts(&approved.salt).moved_since(approved),
            None => Some(Moved::Here("that it is deployed at all".to_owned())),
        }
    }
}

/// What the rules allow and ask for, in words.
fn options(rules: &Rules) -> String {
    let mut words = vec![format!("version {}", rules.version)];
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

/// A digest of keys and values, in their order.
fn digest(salt: &str, pairs: &[(String, String)]) -> String {
    let add = |text: &String| format!("{}:{text}", text.len());
    let texts = pairs.iter().flat_map(|(key, value)| [add(key), add(value)]);
    let texts: String = texts.collect();
    let mut digest = [0; 32];
    let (salt, texts) = (salt.as_bytes(), texts.as_bytes());
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, texts, &mut digest);
    hex(&digest)
}
