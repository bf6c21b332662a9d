//! What artifacts of a run need that is not in the run: named before anything is written when the tenant lacks it.

use std::collections::{BTreeMap, BTreeSet};

use super::{READERS, Surveyed};
use crate::artifact::ArtifactKind;
use crate::clock::Deadline;
use crate::deploy::Context;
use crate::deploy::job::Requirement;
use crate::parallel::parallel_map;
use crate::tenant::Reading;
use crate::tenant::wire::{ArtifactId, RuntimeStatus};

/// What the tenant shows of something that is needed.
enum Found {
    /// It runs.
    Running,
    /// It is deployed, and shows this status.
    Deployed(RuntimeStatus),
    /// It is in the design time and not deployed.
    NotDeployed,
    /// Neither here nor there.
    Nowhere,
    /// It could not be read.
    Unknown,
}

/// From how many needed artifacts on what runs is read in one list.
const LIST_FROM: usize = 6;
/// How many of those that do not run by that list are looked up one by one.
const LOOKUPS: usize = 50;

/// Notes what is needed and not there. It is no reason to stop: an access policy may hide it, and what an artifact
/// provides can bear another name than its own. A manifest can name any number, so the looking ends by number and time.
pub fn read(context: &Context<'_>, all: &mut [Surveyed<'_>]) {
    let needed: BTreeSet<Needed> = all
        .iter()
        .filter(|one| one.standing.is_ok())
        .flat_map(|one| one.job.requires.iter().map(key))
        .collect();
    if needed.is_empty() {
        return;
    }
    let found = look_up_all(context, needed);
    for one in all {
        let Ok(standing) = &mut one.standing else {
            continue;
        };
        for note in notes(&one.job.requires, &found) {
            context
                .ledger
                .progress(&one.job.id.0, format!("warning: {note}"));
            standing.notes.push(note);
        }
    }
}

/// What there is to say of what one artifact needs.
fn notes(needed: &[Requirement], found: &BTreeMap<Needed, Found>) -> Vec<String> {
    let is_known = |need: &&Requirement| found.contains_key(&key(need));
    let (known, unknown): (Vec<_>, Vec<_>) = needed.iter().partition(is_known);
    let told = known
        .into_iter()
        .filter_map(|need| note(need, found.get(&key(need))?));
    let untold = match unknown.len() {
        0 => None,
        count => Some(format!(
            "needs {count} more artifacts, which were not looked up on the tenant"
        )),
    };
    told.chain(untold).collect()
}

/// What is not in the answer was not looked up.
fn look_up_all(context: &Context<'_>, needed: BTreeSet<Needed>) -> BTreeMap<Needed, Found> {
    let deadline = Deadline {
        at: context.rest_until(),
    };
    let mut found = running(context, &needed, deadline);
    let others = needed.into_iter().filter(|need| !found.contains_key(need));
    let looked = parallel_map(others.take(LOOKUPS).collect(), READERS, |need: Needed| {
        if deadline.passed(context.clock.now()) {
            return None;
        }
        let found = look_up(context, &need, deadline);
        Some((need, found))
    });
    found.extend(looked.into_iter().flatten());
    found
}

/// Those that run, as far as a list tells, where there are many.
fn running(
    context: &Context<'_>,
    needed: &BTreeSet<Needed>,
    deadline: Deadline,
) -> BTreeMap<Needed, Found> {
    let mut running = BTreeMap::new();
    if needed.len() < LIST_FROM {
        return running;
    }
    let Ok(list) = context.tenant.runtime_artifacts(deadline) else {
        return running;
    };
    let runs = |need: &&Needed| {
        list.records
            .get(&need.1)
            .is_some_and(|record| record.status == RuntimeStatus::Started)
    };
    let those = needed.iter().filter(runs).cloned();
    running.extend(those.map(|need| (need, Found::Running)));
    running
}

/// Several artifacts may need the same.
type Needed = (ArtifactKind, ArtifactId);

fn key(requirement: &Requirement) -> Needed {
    (requirement.kind, ArtifactId(requirement.name.clone()))
}

fn look_up(context: &Context<'_>, (kind, id): &Needed, deadline: Deadline) -> Found {
    match context.tenant.runtime_artifact(id, deadline) {
        Ok(reading) => match reading.record {
            Some(record) if record.status == RuntimeStatus::Started => return Found::Running,
            Some(record) => return Found::Deployed(record.status),
            None => {}
        },
        Err(_) => return Found::Unknown,
    }
    match context.tenant.designtime_artifact(*kind, id, deadline) {
        Ok(Reading::Found(_)) => Found::NotDeployed,
        Ok(Reading::Missing(_)) => Found::Nowhere,
        Err(_) => Found::Unknown,
    }
}

fn note(need: &Requirement, found: &Found) -> Option<String> {
    let Requirement { kind, name, place } = need;
    let what = match found {
        Found::Running => return None,
        Found::Deployed(status) => format!("shows {status} in the runtime"),
        Found::NotDeployed => format!("is on the tenant, but not deployed: `flowship redeploy {name}` deploys it"),
        Found::Nowhere => "is neither in this run nor on the tenant (an access policy may hide it, or it bears another name there)".to_owned(),
        Found::Unknown => "could not be looked up on the tenant".to_owned(),
    };
    Some(format!("needs {kind} {name} ({place}), which {what}"))
}
