//! The first look: what runs of the artifacts that were named, before anything is written.

use crate::clock::Moment;
use crate::deploy::evidence::Baseline;
use crate::deploy::{Context, runtime};
use crate::pacing;
use crate::parallel::parallel_map;
use crate::tenant::error::TenantError;
use crate::tenant::peek::{Area, Peek};
use crate::tenant::wire::{ArtifactId, RuntimeArtifact};
use crate::tenant::{RuntimeList, RuntimeReading};

/// One artifact, and what runs of it.
pub struct Surveyed {
    pub id: ArtifactId,
    /// When it was begun.
    pub began: Moment,
    /// Without a record where the API said "not found" twice, and the host is shown to be a tenant.
    pub read: Result<Baseline, TenantError>,
    /// What was deployed again after the question was put.
    pub overtaken: Option<RuntimeArtifact>,
}

impl Surveyed {
    pub fn runs(&self) -> bool {
        (self.read.as_ref()).is_ok_and(|baseline| baseline.record.is_some())
    }

    fn is_absent(&self) -> bool {
        self.read.is_ok() && !self.runs()
    }
}

impl From<RuntimeReading> for Baseline {
    fn from(reading: RuntimeReading) -> Self {
        Self {
            record: reading.record,
            answered: reading.answered,
            by_list: false,
        }
    }
}

/// Looks at all of them, in one list where there are several; what a list does not show is looked at alone.
pub fn survey(context: &Context<'_>, ids: &[ArtifactId]) -> Vec<Surveyed> {
    let began = context.clock.now();
    let (tenant, clock, deadline) = (context.tenant, context.clock, context.deadline);
    for id in ids {
        context.ledger.progress(&id.0, "reading what runs");
    }
    let list = runtime::list(tenant, ids.len(), deadline);
    let mut surveyed = parallel_map(ids.to_vec(), pacing::HANDS, |id: ArtifactId| Surveyed {
        read: match &list {
            Err(error) => Err(error.clone()),
            Ok(list) => listed(list.as_ref(), &id).map_or_else(
                || runtime::record(tenant, &id, clock, deadline).map(Baseline::from),
                Ok,
            ),
        },
        id,
        began,
        overtaken: None,
    });
    let is_proved = matches!(list, Ok(Some(_))) || surveyed.iter().any(Surveyed::runs);
    if !is_proved {
        prove(context, &mut surveyed);
    }
    surveyed
}

fn listed(list: Option<&RuntimeList>, id: &ArtifactId) -> Option<Baseline> {
    let list = list?;
    Some(Baseline {
        record: Some(list.records.get(id)?.clone()),
        answered: list.answered,
        by_list: true,
    })
}

/// A host that is no tenant says "not found" of everything: where it showed nothing at all, it must show a list.
fn prove(context: &Context<'_>, surveyed: &mut [Surveyed]) {
    if !surveyed.iter().any(Surveyed::is_absent) {
        return;
    }
    let proof = match context.tenant.peek(Area::Runtime, context.deadline) {
        Ok(Peek::NotOffered) => context.tenant.prove(context.deadline),
        Ok(Peek::Open { .. }) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = proof {
        for one in surveyed.iter_mut().filter(|one| one.is_absent()) {
            one.read = Err(error.clone());
        }
    }
}

/// Looks once more at what runs: while a person thought about the answer, another deployment may have come. What is gone
/// stays as it was: the call will tell.
pub fn look_again(context: &Context<'_>, surveyed: &mut Vec<Surveyed>) {
    let again = parallel_map(
        std::mem::take(surveyed),
        pacing::HANDS,
        |mut one: Surveyed| {
            if !one.runs() {
                return one;
            }
            match (
                context.tenant.runtime_artifact(&one.id, context.deadline),
                &mut one.read,
            ) {
                (Ok(reading), Ok(asked)) => match &reading.record {
                    Some(record) if asked.is_before(record) => one.overtaken = reading.record,
                    Some(_) => *asked = reading.into(),
                    None => {}
                },
                (Err(error), read) => *read = Err(error),
                (Ok(_), Err(_)) => {}
            }
            one
        },
    );
    *surveyed = again;
}
