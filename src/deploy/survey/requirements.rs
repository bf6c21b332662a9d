//! What artifacts of a run need that is not in the run: named before anything is written when the tenant lacks it.

use crate::gathered::Gathered;
use std::collections::{BTreeMap, BTreeSet};

use super::{READERS, Surveyed};
use crate::artifact::ArtifactKind;
use crate::crew;
use crate::deploy::Context;
use crate::deploy::job::Requirement;
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

/// Notes what is needed and not there. It is no reason to stop: an access policy may hide it, and what an artifact
/// provides can bear another name than its own.
pub(super) fn read(context: &Context<'_>, all: &mut [Surveyed<'_>]) {
    let needed: BTreeSet<Needed> = all
        .iter()
        .filter(|one| one.standing.is_ok())
        .flat_map(|one| one.job.requires.iter().map(key))
        .gathered();
    let looked = crew::map(needed.into_iter().collect(), READERS, |need: Needed| {
        let found = look_up(context, &need);
        (need, found)
    });
    let found: BTreeMap<Needed, Found> = looked.into_iter().gathered();
    for one in all {
        let Ok(standing) = &mut one.standing else {
            continue;
        };
        for requirement in &one.job.requires {
            let note = found
                .get(&key(requirement))
                .and_then(|found| note(requirement, found));
            if let Some(note) = note {
                context
                    .ledger
                    .progress(&one.job.id.0, format!("warning: {note}"));
                standing.notes.push(note);
            }
        }
    }
}

/// Several artifacts may need the same.
type Needed = (ArtifactKind, ArtifactId);

fn key(requirement: &Requirement) -> Needed {
    (requirement.kind, ArtifactId(requirement.name.clone()))
}

fn look_up(context: &Context<'_>, (kind, id): &Needed) -> Found {
    let deadline = context.deadline;
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
