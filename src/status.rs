//! What runs of what the design time holds: one state for each artifact. Facts and pure decisions; `report::status` has
//! the words.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::artifact::ArtifactKind;
use crate::deploy::runtime;
use crate::inventory::{self, Trouble, is_of_all};
use crate::named::named;
use crate::pacing::{self, Wait};
use crate::parallel::parallel_map;
use crate::query::{Query, READERS};
use crate::tenant::error::TenantError;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, RuntimeArtifact, RuntimeStatus};
use crate::text::SafeText;

/// How long an error text is waited for that is late.
const TEXT_AFTER: Duration = Duration::from_secs(5);

/// Which artifacts are looked at.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Ids on the tenant.
    pub ids: Vec<String>,
    /// The ids of packages. Without ids and packages it is the whole tenant.
    pub packages: Vec<String>,
    /// What was never deployed, or was undeployed, is left out.
    pub only_deployed: bool,
    /// What is starting or stopping is waited for, for a minute at most.
    pub until_rest: bool,
}

/// One artifact.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Its id on the tenant.
    pub id: ArtifactId,
    /// Its type, where the design time tells.
    pub kind: Option<ArtifactKind>,
    /// What the design time holds; `None` when it is there no more, or hidden.
    pub design: Option<DesigntimeArtifact>,
    /// What the run time shows; `None` when nothing is deployed.
    pub runtime: Option<RuntimeArtifact>,
    /// Why it does not run, deepest cause first.
    pub causes: Vec<String>,
}

named! {
    /// How an artifact does, in the words by which artifacts are counted.
    pub enum Health {
        /// STARTED.
        Running = "run",
        /// ERROR.
        Error = "in ERROR",
        /// STARTING or STOPPING.
        InMotion = "starting or stopping",
        /// STOPPED: somebody stopped it.
        Stopped = "stopped",
        /// A status that nobody documented.
        Unknown = "with a status that nobody documented",
        /// Nothing is deployed.
        NotDeployed = "not deployed",
    }
}

/// How what runs relates to what the design time holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing was saved since the deployment, and the versions are the same.
    Current,
    /// What runs is older than what the design time holds, and why that shows.
    Older(String),
    /// The tenant tells no dates, so that nobody can say.
    Unknown,
    /// Nothing runs.
    NotDeployed,
    /// It runs, and the design time has it no more, or hides it from this key.
    NotInDesignTime,
    /// It runs, and this API does not show the design time of its type.
    NotShown(SafeText),
}

impl State {
    /// How it does.
    pub fn health(&self) -> Health {
        match self.runtime.as_ref().map(|record| &record.status) {
            None => Health::NotDeployed,
            Some(RuntimeStatus::Started) => Health::Running,
            Some(RuntimeStatus::Starting | RuntimeStatus::Stopping) => Health::InMotion,
            Some(RuntimeStatus::Error) => Health::Error,
            Some(RuntimeStatus::Stopped) => Health::Stopped,
            Some(RuntimeStatus::Other(_)) => Health::Unknown,
        }
    }

    /// Whether it runs: what nobody documented does not.
    pub fn runs(&self) -> bool {
        self.health() == Health::Running
    }

    /// How what runs relates to what the design time holds. Dates of the tenant are compared with dates of the tenant.
    pub fn content(&self) -> Content {
        let (design, runtime) = match (&self.design, &self.runtime) {
            (_, None) => return Content::NotDeployed,
            (None, Some(runtime)) if runtime.has_no_design_set() => {
                return Content::NotShown(runtime.kind.clone());
            }
            (None, Some(_)) => return Content::NotInDesignTime,
            (Some(design), Some(runtime)) => (design, runtime),
        };
        let dates = design.modified_at().zip(runtime.deployed_on);
        if let Some((saved, deployed)) = dates
            && saved > deployed
        {
            let what = if design.is_draft() { "a draft" } else { "it" };
            return Content::Older(format!("{what} was saved at {saved}, after the deployment"));
        }
        let (held, runs) = (&design.version, &runtime.version);
        if !design.is_draft() && !held.is_empty() && !runs.is_empty() && held != runs {
            return Content::Older(format!(
                "the design time has version {held}, and {runs} runs"
            ));
        }
        match dates {
            Some(_) => Content::Current,
            None => Content::Unknown,
        }
    }
}

/// The states that were asked for, and what could not be had.
#[derive(Debug, Default)]
pub struct Found {
    /// By id.
    pub states: Vec<State>,
    /// What is not there though it was named, or could not be read.
    pub troubles: Vec<Trouble>,
    /// The ids that were named and are nowhere.
    pub nowhere: BTreeSet<String>,
}

/// Reads the states of what is wanted.
pub fn read(query: &Query<'_>, wanted: &Wanted) -> Result<Found, TenantError> {
    let mut found = designs(query, wanted)?;
    deployments(query, wanted, &mut found)?;
    if wanted.until_rest {
        wait_for_rest(query, &mut found)?;
    }
    let is_somewhere = |state: &State| state.design.is_some() || state.runtime.is_some();
    let (states, nowhere): (Vec<_>, Vec<_>) = found.states.into_iter().partition(is_somewhere);
    found.states = states;
    found.nowhere = nowhere.into_iter().map(|state| state.id.0).collect();
    if wanted.only_deployed {
        found.states.retain(|state| state.runtime.is_some());
    }
    explain_errors(query, &mut found.states);
    found.states.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

/// What the design time holds of what is wanted.
fn designs(query: &Query<'_>, wanted: &Wanted) -> Result<Found, TenantError> {
    let mut found = Found::default();
    if wanted.ids.is_empty() || !wanted.packages.is_empty() {
        let of_packages = inventory::Wanted {
            packages: wanted.packages.clone(),
            ..inventory::Wanted::default()
        };
        let inventory = inventory::read(query, &of_packages)?;
        let stored = inventory.artifacts().map(|(_, stored)| State {
            id: stored.id(),
            kind: Some(stored.kind),
            design: Some(stored.artifact.clone()),
            ..State::default()
        });
        found.states.extend(stored);
        found.troubles = inventory.troubles;
    }
    let known: BTreeSet<&str> = found
        .states
        .iter()
        .map(|state| state.id.0.as_str())
        .collect();
    let ids = wanted.ids.iter().filter(|id| !known.contains(id.as_str()));
    let ids: BTreeSet<ArtifactId> = ids.cloned().map(ArtifactId).collect();
    let looked = parallel_map(ids.into_iter().collect(), READERS, |id: ArtifactId| {
        let design = inventory::find(query, &id);
        (id, design)
    });
    for (id, design) in looked {
        let (kind, design) = design?.unzip();
        found.states.push(State {
            id,
            kind,
            design,
            ..State::default()
        });
    }
    Ok(found)
}

/// What the run time shows of them; for the whole tenant also what the design time does not have.
fn deployments(query: &Query<'_>, wanted: &Wanted, found: &mut Found) -> Result<(), TenantError> {
    let whole = wanted.ids.is_empty() && wanted.packages.is_empty();
    let count = if whole {
        usize::MAX
    } else {
        found.states.len()
    };
    if let Some(list) = runtime::list(query.tenant, count, query.deadline)? {
        let mut records = list.records;
        for state in &mut found.states {
            state.runtime = records.remove(&state.id);
        }
        if whole {
            let undesigned = records.into_iter().map(|(id, runtime)| State {
                id,
                runtime: Some(runtime),
                ..State::default()
            });
            found.states.extend(undesigned);
        }
        return Ok(());
    }
    let states = std::mem::take(&mut found.states);
    let looked = parallel_map(states, READERS, |mut state: State| {
        let runtime = one_deployment(query, &state.id);
        (runtime.map(|runtime| state.runtime = runtime), state)
    });
    for (read, state) in looked {
        match read {
            Ok(()) => found.states.push(state),
            Err(error) if is_of_all(&error) => return Err(error),
            Err(error) => found.troubles.push(error.into()),
        }
    }
    Ok(())
}

/// What the run time shows of one; its absence is heard twice.
fn one_deployment(
    query: &Query<'_>,
    id: &ArtifactId,
) -> Result<Option<RuntimeArtifact>, TenantError> {
    query.in_time()?;
    let reading = runtime::record(query.tenant, id, query.clock, query.deadline)?;
    Ok(reading.record)
}

/// A flow that starts or stops is neither well nor failed yet.
fn wait_for_rest(query: &Query<'_>, found: &mut Found) -> Result<(), TenantError> {
    let until = query.deadline.at.min(query.clock.now() + pacing::REST);
    let wait = Wait::until(until, pacing::CLOSE, &query.clock);
    loop {
        let states = found.states.iter_mut();
        let moving = states.filter(|state| state.health() == Health::InMotion);
        let moving: Vec<&mut State> = moving.collect();
        if moving.is_empty() || wait.is_over() {
            return Ok(());
        }
        query.tell(&format!(
            "{} starting or stopping: waiting until that is over",
            inventory::counted(moving.len(), "artifact")
        ));
        wait.pause();
        for state in moving {
            state.runtime = one_deployment(query, &state.id)?;
        }
    }
}

/// Why those do not run that are in ERROR.
fn explain_errors(query: &Query<'_>, states: &mut Vec<State>) {
    let all = std::mem::take(states);
    *states = parallel_map(all, READERS, |mut state: State| {
        if state.health() == Health::Error && query.in_time().is_ok() {
            let until = query.deadline.at.min(query.clock.now() + TEXT_AFTER);
            state.causes = (query.tenant).error_causes(&state.id, until, query.deadline);
        }
        state
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(version: &str, saved: Option<i64>, runs: Option<(&str, &str, i64)>) -> State {
        let mut design = json!({"Id": "a", "Version": version});
        if let Some(saved) = saved {
            design["ModifiedAt"] = saved.to_string().into();
        }
        State {
            id: ArtifactId("a".to_owned()),
            kind: None,
            design: serde_json::from_value(design).ok(),
            runtime: runs.and_then(|(version, status, on)| {
                let record = json!({"Version": version, "Status": status, "DeployedOn": format!("/Date({on})/")});
                serde_json::from_value(record).ok()
            }),
            causes: Vec::new(),
        }
    }

    #[test]
    fn running_content_is_older_by_date_or_by_version_and_unknown_without_dates() {
        let started = |version, on| Some((version, "STARTED", on));
        let older = |state: State| matches!(state.content(), Content::Older(_));
        assert_eq!(
            state("1.0.1", Some(5), started("1.0.1", 9)).content(),
            Content::Current
        );
        assert!(older(state("1.0.1", Some(9), started("1.0.1", 5))));
        assert!(older(state("1.0.2", Some(5), started("1.0.1", 9))));
        assert!(older(state("1.0.2", None, started("1.0.1", 9))));
        assert!(older(state("Active", Some(9), started("1.0.1", 5))));
        assert_eq!(
            state("Active", Some(5), started("1.0.1", 9)).content(),
            Content::Current
        );
        assert_eq!(
            state("1.0.1", None, started("1.0.1", 9)).content(),
            Content::Unknown
        );
        assert_eq!(
            state("1.0.1", Some(5), None).content(),
            Content::NotDeployed
        );
    }

    #[test]
    fn only_started_runs() {
        for (status, health) in [
            ("STARTED", Health::Running),
            ("STARTING", Health::InMotion),
            ("STOPPING", Health::InMotion),
            ("STOPPED", Health::Stopped),
            ("ERROR", Health::Error),
            ("PAUSED", Health::Unknown),
        ] {
            let state = state("1.0.0", None, Some(("1.0.0", status, 1)));
            assert_eq!(state.health(), health);
            assert_eq!(state.runs(), status == "STARTED");
        }
    }
}
