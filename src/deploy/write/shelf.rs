//! The list of everything that runs, kept for a moment: several deploy calls in one second need not ask for it again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Deadline, Moment};
use crate::deploy::Context;
use crate::tenant::error::TenantError;
use crate::tenant::wire::ArtifactId;
use crate::tenant::{RuntimeList, RuntimeReading};

/// How old a list may be that serves as the baseline of a deploy call.
const FRESH: Duration = Duration::from_secs(1);

/// The latest list, and when the question for it was begun.
#[derive(Default)]
pub(in crate::deploy) struct Shelf {
    kept: Mutex<Option<(Moment, Arc<RuntimeList>)>>,
}

impl Shelf {
    /// What the runtime shows of one artifact, from a list that is at most a second old.
    pub(super) fn runtime(
        &self,
        context: &Context<'_>,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<RuntimeReading, TenantError> {
        let list = self.list(context, deadline)?;
        Ok(RuntimeReading {
            record: list.records.get(id).cloned(),
            answered: list.answered,
        })
    }

    /// Whoever comes while a list is being read waits for it.
    fn list(
        &self,
        context: &Context<'_>,
        deadline: Deadline,
    ) -> Result<Arc<RuntimeList>, TenantError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = context.clock.now();
        if let Some((begun, list)) = kept.as_ref()
            && now.saturating_sub(*begun) < FRESH
        {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(context.tenant.runtime_artifacts(deadline)?);
        *kept = Some((now, Arc::clone(&list)));
        Ok(list)
    }
}
