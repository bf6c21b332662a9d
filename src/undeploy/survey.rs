//! The first look: what runs of the artifacts that were named, before anything is written.

use super::verdict::Baseline;
use super::{HANDS, LIST_FROM};
use crate::clock::Moment;
use crate::deploy::Context;
use crate::http::retry;
use crate::parallel::parallel_map;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::peek::{Area, Peek};
use crate::tenant::wire::{ArtifactId, RuntimeArtifact};
use crate::tenant::{RuntimeList, RuntimeReading};

/// How often the API must say "not found" before it is believed.
const LOOKS: u32 = 2;

/// One artifact, and how it stands.
pub(super) struct Surveyed {
    pub(super) id: ArtifactId,
    /// When it was begun.
    pub(super) began: Moment,
    pub(super) standing: Standing,
}

impl Surveyed {
    pub(super) fn runs(&self) -> bool {
        matches!(self.standing, Standing::Runs(_))
    }
}

/// What the first look gave.
pub(super) enum Standing {
    /// There is a record.
    Runs(Baseline),
    /// The API's own "not found", twice, from a host that is shown to be a tenant.
    Absent,
    /// After the question it was another deployment than the one that was asked about.
    Overtaken(Baseline, RuntimeArtifact),
    /// It could not be read.
    Unread(Box<TenantError>),
}

/// Looks at all of them, in one list where there are several; what a list does not show is looked at alone.
pub(super) fn survey(context: &Context<'_>, ids: &[ArtifactId]) -> Vec<Surveyed> {
    let began = context.clock.now();
    for id in ids {
        context.ledger.progress(&id.0, "reading what runs");
    }
    let list = match list(context, ids) {
        Ok(list) => list,
        Err(error) => return all_unread(ids, began, &error),
    };
    let mut surveyed = parallel_map(ids.to_vec(), HANDS, |id: ArtifactId| {
        let listed = list.as_ref().and_then(|list| listed(list, &id));
        let standing = listed.unwrap_or_else(|| alone(context, &id));
        Surveyed {
            id,
            began,
            standing,
        }
    });
    let is_proved = list.is_some() || surveyed.iter().any(Surveyed::runs);
    if !is_proved {
        prove(context, &mut surveyed);
    }
    surveyed
}

/// The list of everything that runs; `None` where it is not worth it, or not offered.
fn list(
    context: &Context<'_>,
    ids: &[ArtifactId],
) -> Result<Option<RuntimeList>, Box<TenantError>> {
    if ids.len() < LIST_FROM {
        return Ok(None);
    }
    match context.tenant.runtime_artifacts(context.deadline) {
        Ok(list) => Ok(Some(list)),
        Err(error) if matches!(error.kind, Kind::Refused | Kind::Nonsense) => Ok(None),
        Err(error) => Err(Box::new(error)),
    }
}

fn all_unread(ids: &[ArtifactId], began: Moment, error: &TenantError) -> Vec<Surveyed> {
    let unread = |id: &ArtifactId| Surveyed {
        id: id.clone(),
        began,
        standing: Standing::Unread(Box::new(error.clone())),
    };
    ids.iter().map(unread).collect()
}

fn listed(list: &RuntimeList, id: &ArtifactId) -> Option<Standing> {
    let record = list.records.get(id)?.clone();
    Some(Standing::Runs(Baseline {
        record,
        answered: list.answered,
        by_list: true,
    }))
}

/// One artifact alone. One "not found" proves nothing.
fn alone(context: &Context<'_>, id: &ArtifactId) -> Standing {
    for look in 0..LOOKS {
        context.clock.sleep(retry::pause_before(look));
        match context.tenant.runtime_artifact(id, context.deadline) {
            Ok(RuntimeReading {
                record: Some(record),
                answered,
            }) => {
                return Standing::Runs(Baseline {
                    record,
                    answered,
                    by_list: false,
                });
            }
            Ok(RuntimeReading { record: None, .. }) => {}
            Err(error) => return Standing::Unread(Box::new(error)),
        }
    }
    Standing::Absent
}

/// A host that is no tenant says "not found" of everything: where it showed nothing at all, it must show a list.
fn prove(context: &Context<'_>, surveyed: &mut [Surveyed]) {
    let absent = |one: &Surveyed| matches!(one.standing, Standing::Absent);
    if !surveyed.iter().any(absent) {
        return;
    }
    let proof = match context.tenant.peek(Area::Runtime, context.deadline) {
        Ok(Peek::NotOffered) => context.tenant.prove(context.deadline),
        Ok(Peek::Open { .. }) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = proof {
        for one in surveyed.iter_mut().filter(|one| absent(one)) {
            one.standing = Standing::Unread(Box::new(error.clone()));
        }
    }
}

/// Looks once more at what runs: while somebody thought about the answer, another deployment may have come.
pub(super) fn look_again(context: &Context<'_>, surveyed: &mut Vec<Surveyed>) {
    let again = parallel_map(std::mem::take(surveyed), HANDS, |mut one: Surveyed| {
        if let Standing::Runs(asked) = &one.standing {
            let reading = context.tenant.runtime_artifact(&one.id, context.deadline);
            if let Some(standing) = compared(asked, reading) {
                one.standing = standing;
            }
        }
        one
    });
    *surveyed = again;
}

/// What a second look makes of it; `None` leaves it as it was, also where it is gone: the call will tell.
fn compared(asked: &Baseline, reading: Result<RuntimeReading, TenantError>) -> Option<Standing> {
    match reading {
        Err(error) => Some(Standing::Unread(Box::new(error))),
        Ok(RuntimeReading {
            record: Some(record),
            answered,
        }) => Some(if asked.is_before(&record) {
            Standing::Overtaken(asked.clone(), record)
        } else {
            Standing::Runs(Baseline {
                record,
                answered,
                by_list: false,
            })
        }),
        Ok(RuntimeReading { record: None, .. }) => None,
    }
}
