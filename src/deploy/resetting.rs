//! The values that are configured on the tenant, written down before an upload that may reset them: a run that is killed
//! before it has put them back has lost nothing, because the next one in the same directory finds them.
//! (Whether an upload resets them is unknown: cpi-api.md §15.)

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Context;
use super::backup;
use super::job::{Job, Source};
use super::parameters::html_decoded;
use super::plan::{self, Standing};
use crate::artifact::may_be_secret;
use crate::tenant::Tenant;
use crate::tenant::wire::{Configuration, RuntimeStatus};

/// What is written down.
const WHAT: &str = "values";
/// After how many seconds it is too old to mean anything.
const OLDEST: u64 = 24 * 60 * 60;

#[derive(Serialize, Deserialize)]
struct Record {
    /// When it was written, in seconds since 1970.
    written: u64,
    values: Vec<Value>,
}

/// One value, and the one that the artifact brings in its place.
#[derive(Serialize, Deserialize)]
struct Value {
    key: String,
    data_type: String,
    /// `None` where it is or looks like a secret, which no file holds.
    text: Option<String>,
    /// `None` where that is not known, or may be a secret.
    brought: Option<String>,
}

/// What an interrupted run had not put back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recalled {
    /// The values that are to stand.
    pub(super) values: Vec<Configuration>,
    /// The keys of those that no file holds.
    pub(super) lost: Vec<String>,
}

/// Writes them down, where there are any that an upload might reset. A directory that can't be written is no reason not
/// to deploy: it is told.
/// `brought`: the values that the upload brings.
pub(super) fn mark(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    brought: &BTreeMap<String, String>,
) {
    if job.rules.parameters_from_artifact {
        return;
    }
    let values = values(context.tenant, standing, brought);
    if values.is_empty() {
        return;
    }
    let record = Record {
        written: context.clock.epoch_seconds(),
        values,
    };
    let directory = &job.rules.backup_directory;
    if let Err(error) = backup::write_down(directory, context.tenant, &job.id, WHAT, &record) {
        context.ledger.progress(
            &job.id.0,
            format!("warning: the configured values can't be written down for the case that this run is killed: {error}"),
        );
    }
}

fn values(tenant: &Tenant, standing: &Standing, brought: &BTreeMap<String, String>) -> Vec<Value> {
    let brought = |key: &str| brought.get(key);
    let at_stake = |one: &&Configuration| brought(&one.key) != Some(&one.value);
    let value = |one: &Configuration| Value {
        key: one.key.clone(),
        data_type: one.data_type.clone(),
        text: (!may_be_secret(&one.key, &one.value) && !tenant.hides(&one.value))
            .then(|| one.value.clone()),
        brought: brought(&one.key)
            .filter(|value| !may_be_secret(&one.key, value) && !tenant.hides(value))
            .map(|value| plain(value)),
    };
    let to_stand = plan::before(standing);
    to_stand.iter().filter(at_stake).map(value).collect()
}

/// A value without what tenants add and take away.
fn plain(value: &str) -> String {
    html_decoded(value).trim().to_owned()
}

/// The value that the artifact of this run brings.
fn brought_now(job: &Job, key: &str) -> Option<String> {
    match &job.source {
        Source::Files(content) => content.parameters.get(key).map(|value| plain(value)),
        Source::Tenant => None,
    }
}

/// What an interrupted run has left, if it has left anything: the values of before, where the tenant shows those that the upload brought.
pub(super) fn recall(context: &Context<'_>, job: &Job, standing: &Standing) -> Option<Recalled> {
    let mut recalled = Recalled::default();
    let directory = &job.rules.backup_directory;
    let file: Record = backup::recall(context, directory, &job.id, WHAT)?;
    let old = context.clock.epoch_seconds().saturating_sub(file.written) > OLDEST;
    // what was deployed after the last save runs with the values that stand there: somebody wanted them so
    if old || runs_as_it_is(standing) {
        return Some(recalled);
    }
    for value in file.values {
        let shown = standing.configured.iter().find(|one| one.key == value.key);
        let Some(shown) = shown else { continue };
        let is_reset = match value.brought.or_else(|| brought_now(job, &value.key)) {
            Some(brought) => plain(&shown.value) == brought,
            None => standing.saved_by_us,
        };
        if Some(&shown.value) == value.text.as_ref() || !is_reset {
            continue;
        }
        match value.text {
            Some(text) => recalled.values.push(Configuration {
                key: value.key,
                value: text,
                data_type: value.data_type,
            }),
            None => recalled.lost.push(value.key),
        }
    }
    Some(recalled)
}

fn runs_as_it_is(standing: &Standing) -> bool {
    let record = standing.runtime.as_ref();
    record.is_some_and(|record| record.status == RuntimeStatus::Started)
        && plan::is_proven(standing)
}

/// They stand.
pub(super) fn unmark(context: &Context<'_>, job: &Job) {
    backup::forget(&job.rules.backup_directory, context.tenant, &job.id, WHAT);
}
