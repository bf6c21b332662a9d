//! The list of everything that runs, kept for a second: several deploy calls at once need not ask for it again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Deadline, Moment};
use crate::deploy::Context;
use crate::tenant::RuntimeList;
use crate::tenant::error::TenantError;

/// How old a list may be that serves as the baseline of a deploy call.
const FRESH: Duration = Duration::from_secs(1);

/// A list that is at most a second old, and when the question for it was begun.
#[derive(Default)]
pub struct LatestList {
    kept: Mutex<Option<(Moment, Arc<RuntimeList>)>>,
}

impl LatestList {
    /// Whoever comes while a list is being read waits for it.
    pub fn get(
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
