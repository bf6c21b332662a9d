//! Undeploying: look at everything that was named, ask where a person can be asked, call, and wait until it is gone.
//! Accepted is not gone, and what can't be shown to be gone is not. The design time is never touched.

mod consent;
mod settle;
mod survey;
mod undeployment;

use std::time::Duration;

use self::survey::Surveyed;
use self::undeployment::Undeployment;
use super::Context;
use super::ledger::Ended;
use super::outcome::Outcome;
use super::watch::Watch;
use crate::tenant::wire::ArtifactId;

/// What is to be undeployed, and how.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The ids as they are on the tenant; nothing else is ever undeployed.
    pub ids: Vec<ArtifactId>,
    /// The first pause between two looks.
    pub poll_interval: Duration,
    /// A person is to be asked before the first call.
    pub ask: bool,
}

/// Undeploys what was named; gives a verdict for each, in their order. Everything is looked at before the first call.
pub fn undeploy(context: &Context<'_>, wish: &Wish) -> Ended {
    let mut surveyed = survey::survey(context, &wish.ids);
    if wish.ask && surveyed.iter().any(Surveyed::runs) {
        if !consent::is_given(context, &surveyed) {
            return Ended::Usage(vec![consent::declined()]);
        }
        survey::look_again(context, &mut surveyed);
    }
    Ended::Verdicts(carry_out(context, wish, surveyed))
}

/// Undeploys what runs; gives the end of each, in their order.
fn carry_out(context: &Context<'_>, wish: &Wish, surveyed: Vec<Surveyed>) -> Vec<Outcome> {
    let mut ends: Vec<(usize, Outcome)> = Vec::new();
    let mut watch = Watch::new(context);
    for (place, one) in surveyed.into_iter().enumerate() {
        match Undeployment::of(context, place, one, wish.poll_interval) {
            Ok(one) => watch.add(one),
            Err(end) => ends.push((place, *end)),
        }
    }
    while let Some(pause) = watch.pause() {
        context.clock.sleep(pause);
        let decided = watch.round(false).into_iter();
        ends.extend(decided.map(|(one, verdict)| (one.place, one.outcome(context, verdict))));
    }
    ends.sort_by_key(|(place, _)| *place);
    ends.into_iter().map(|(_, outcome)| outcome).collect()
}
