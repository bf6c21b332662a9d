//! Undeploying: look at everything that was named, ask where somebody can be asked, call, and wait until it is gone.
//! Accepted is not gone, and what can't be shown to be gone is not. The design time is never touched.

mod consent;
mod settle;
mod survey;
pub mod verdict;
mod watch;

use std::time::Duration;

use crate::deploy::Context;
use crate::deploy::ledger::Ended;
use crate::tenant::wire::ArtifactId;

/// From how many artifacts on a list is asked for instead of each of them.
const LIST_FROM: usize = 3;
/// How many questions are asked, and calls made, at once.
const HANDS: usize = 8;

/// What is to be undeployed, and how.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The ids as they are on the tenant; nothing else is ever undeployed.
    pub ids: Vec<ArtifactId>,
    /// The first pause between two looks.
    pub poll_interval: Duration,
    /// Somebody is to be asked before the first call.
    pub ask: bool,
}

/// Undeploys what was named; gives a verdict for each, in their order. Everything is looked at before the first call.
#[must_use]
pub fn undeploy(context: &Context<'_>, wish: &Wish) -> Ended {
    let mut surveyed = survey::survey(context, &wish.ids);
    if wish.ask && surveyed.iter().any(survey::Surveyed::runs) {
        if !consent::is_given(context, &surveyed) {
            return Ended::Usage(vec![consent::declined()]);
        }
        survey::look_again(context, &mut surveyed);
    }
    Ended::Verdicts(watch::carry_out(context, wish, surveyed))
}
