//! The values that are configured on the tenant, written down before an upload that may reset them: a run that is killed
//! before it has put them back has lost nothing, because the next one in the same directory finds them.
//! (Whether an upload resets them is unknown: cpi-api.md §15.)

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::Context;
use super::backup;
use super::job::Job;
use super::parameters::html_decoded;
use super::plan::{self, Standing};
use crate::artifact::may_be_secret;
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

/// One value, and the one that the artifact brings in its place, where that is known.
#[derive(Serialize, Deserialize)]
struct Value {
    key: String,
    data_type: String,
    was: Known,
    brought: Option<Known>,
}

/// A value; where it is or looks like a secret, which no file holds, a mark of it.
#[derive(Serialize, Deserialize)]
enum Known {
    Text(String),
    Mark(String),
}

impl Known {
    fn of(context: &Context<'_>, job: &Job, key: &str, value: &str) -> io::Result<Self> {
        if may_be_secret(key, value) || context.tenant.hides(value) {
            mark_of(context, job, key, value).map(Self::Mark)
        } else {
            Ok(Self::Text(value.to_owned()))
        }
    }

    fn is(&self, context: &Context<'_>, job: &Job, key: &str, value: &str) -> bool {
        match self {
            Self::Text(text) => text == value,
            Self::Mark(mark) => mark_of(context, job, key, value).is_ok_and(|of| of == *mark),
        }
    }
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
    let written = values(context, job, standing, brought).and_then(|values| {
        if values.is_empty() {
            return Ok(());
        }
        let record = Record {
            written: context.clock.epoch_seconds(),
            values,
        };
        let directory = &job.rules.backup_directory;
        backup::write_down(directory, context.tenant, &job.id, WHAT, &record)
    });
    if let Err(error) = written {
        context.ledger.progress(
            &job.id.0,
            format!("warning: the configured values can't be written down for the case that this run is killed: {error}"),
        );
    }
}

fn values(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    brought: &BTreeMap<String, String>,
) -> io::Result<Vec<Value>> {
    let at_stake = |one: &&Configuration| brought.get(&one.key) != Some(&one.value);
    let known = |key: &str, value: &str| Known::of(context, job, key, value);
    let value = |one: &Configuration| {
        let brought = brought.get(&one.key);
        let brought = brought.map(|value| known(&one.key, &plain(value)));
        Ok(Value {
            key: one.key.clone(),
            data_type: one.data_type.clone(),
            was: known(&one.key, &one.value)?,
            brought: brought.transpose()?,
        })
    };
    let to_stand = plan::before(standing);
    to_stand.iter().filter(at_stake).map(value).collect()
}

/// A value without what tenants add and take away.
fn plain(value: &str) -> String {
    html_decoded(value).trim().to_owned()
}

fn mark_of(context: &Context<'_>, job: &Job, key: &str, value: &str) -> io::Result<String> {
    let text = format!("{}\n{key}\n{value}", job.id);
    let directory = &job.rules.backup_directory;
    context.tenant.state().mark(directory, &text)
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
        let is = |known: &Known, value: &str| known.is(context, job, &shown.key, value);
        let is_reset = match &value.brought {
            Some(brought) => is(brought, &plain(&shown.value)),
            None => standing.saved_by_us,
        };
        if is(&value.was, &shown.value) || !is_reset {
            continue;
        }
        match value.was {
            Known::Text(text) => recalled.values.push(Configuration {
                key: value.key,
                value: text,
                data_type: value.data_type,
            }),
            Known::Mark(_) => recalled.lost.push(value.key),
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
