//! The externalized parameters that options name, for each artifact of a run.

use std::collections::BTreeSet;

use super::arguments::ParameterArgs;
use super::desired::Desired;
use super::refusal::Refusal;
use super::settings_file::knows;
use crate::Process;
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::settings::environment::Environment;
use crate::settings::error::SettingsError;
use crate::settings::options::{ListValue, listed};
use crate::settings::parameters::{self, NamedParameter};
use crate::text::nearest;
use crate::text::redactor::Redactor;

/// What `--parameters`, `--set` and `--set-from-env` name, in the order in which they win.
struct Given<'a> {
    of_file: Vec<NamedParameter>,
    /// Each with whether its value is that of a variable.
    listed: Vec<(ListValue, bool)>,
    redactor: &'a Redactor,
    variables: &'a Environment,
}

impl<'a> Given<'a> {
    fn read(
        args: &ParameterArgs,
        redactor: &'a Redactor,
        process: &'a Process<'_>,
    ) -> Result<Self, Refusal> {
        let of_file = match &args.parameters {
            Some(file) => parameters::read_file(&process.directory, file)?,
            None => Vec::new(),
        };
        let set = listed(&args.set, "set", process.environment);
        let from_env = listed(&args.set_from_env, "set-from-env", process.environment);
        let set = set.into_iter().map(|given| (given, false));
        let listed = set.chain(from_env.into_iter().map(|given| (given, true)));
        Ok(Self {
            of_file,
            listed: listed.collect(),
            redactor,
            variables: process.environment,
        })
    }

    /// One entry as a parameter of the artifact `id`.
    fn one(
        &self,
        (given, from_variable): &(ListValue, bool),
        id: &str,
    ) -> Result<NamedParameter, SettingsError> {
        if *from_variable {
            parameters::set_from_env(given, id, self.variables, self.redactor)
        } else {
            parameters::set(given, id)
        }
    }
}

/// The parameters for one artifact that the tenant holds; `all` are the ids of the run.
pub fn for_one(
    args: &ParameterArgs,
    id: &str,
    all: &[&str],
    redactor: &Redactor,
    process: &Process<'_>,
) -> Result<Vec<NamedParameter>, Refusal> {
    let mut given = Given::read(args, redactor, process)?;
    let mut named = std::mem::take(&mut given.of_file);
    for entry in &given.listed {
        if parameters::is_for(&entry.0, id, all) {
            named.push(given.one(entry, id)?);
        }
    }
    Ok(parameters::last_wins(named))
}

/// The parameters for each artifact of a run. Later sources win: the settings file, `--parameters`, `--set`,
/// `--set-from-env`. In a run over several artifacts an entry without an id is for those that know its key; one that none
/// knows is an error. An entry for an artifact that is not valid goes with it.
pub fn for_each(
    args: &ParameterArgs,
    desired: &[Desired],
    invalid: &[Outcome],
    redactor: &Redactor,
    process: &Process<'_>,
) -> Result<Vec<Vec<NamedParameter>>, Refusal> {
    let given = Given::read(args, redactor, process)?;
    let mut all: Vec<_> = desired.iter().map(|one| one.parameters.clone()).collect();
    for parameter in &given.of_file {
        add_to_those_that_know(&mut all, desired, parameter)?;
    }
    for entry in &given.listed {
        let is_for = |id: &str| parameters::names(&entry.0, id);
        if invalid.iter().any(|outcome| is_for(&outcome.id)) {
            continue;
        }
        match desired.iter().position(|one| is_for(one.id())) {
            Some(place) => all[place].push(given.one(entry, desired[place].id())?),
            None => add_to_those_that_know(&mut all, desired, &given.one(entry, "")?)?,
        }
    }
    Ok(all.into_iter().map(parameters::last_wins).collect())
}

fn add_to_those_that_know(
    all: &mut [Vec<NamedParameter>],
    desired: &[Desired],
    parameter: &NamedParameter,
) -> Result<(), Refusal> {
    // one artifact is told apart later, by what the tenant knows of it
    let alone = desired.len() == 1;
    let mut known = false;
    for (one, named) in desired.iter().zip(all) {
        if alone || knows(&one.artifact, &parameter.key) {
            named.push(parameter.clone());
            known = true;
        }
    }
    if known {
        Ok(())
    } else {
        Err(unknown_to_all(desired, parameter))
    }
}

fn unknown_to_all(desired: &[Desired], parameter: &NamedParameter) -> Refusal {
    let keys = desired.iter().flat_map(|one| one.artifact.parameter_keys());
    let keys: BTreeSet<&str> = keys.collect();
    let hint = match nearest(&parameter.key, keys) {
        Some(key) => format!("did you mean `{key}`?"),
        None => "write ID:KEY=VALUE for a key that only the tenant knows".to_owned(),
    };
    let message = Message::new(format!(
        "none of the {} artifacts has a parameter `{}`; nothing was sent",
        desired.len(),
        parameter.key
    ));
    Refusal::usage(Message {
        file: Place::parse(&parameter.source),
        ..message.at(parameter.source.clone()).hint(hint)
    })
}
