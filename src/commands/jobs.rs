//! From what is desired of artifacts to jobs, with everything that is known before the tenant is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::ParameterArgs;
use super::desired::Desired;
use super::refusal::{Refusal, not_an_artifact, shown};
use super::settings_file::knows;
use crate::Process;
use crate::artifact::dependencies::{Dependencies, Needs, dependencies};
use crate::artifact::sharing::{Consequence, SharedAddress, shared_addresses};
use crate::artifact::{ArtifactKind, references};
use crate::deploy::job::{Content, Home, Job, Requirement, Source};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::report::page::Page;
use crate::settings::options::{ListValue, listed};
use crate::settings::parameters::{self, CredentialNames, NamedParameter, Variables};
use crate::tenant::wire::{ArtifactId, PackageId};
use crate::text::nearest;
use crate::text::redactor::Redactor;

/// Settles the jobs of a run. `invalid`: the ends of the artifacts that are not valid; whoever needs one of them is
/// left out, and its end is among the others.
pub fn jobs(
    desired: Vec<Desired>,
    invalid: &[Outcome],
    args: &ParameterArgs,
    redactor: &Redactor,
    process: &mut Process<'_>,
) -> Result<(Vec<Job>, Vec<Outcome>), Refusal> {
    let named = for_each(args, &desired, invalid, redactor, process)?;
    for (one, named) in desired.iter().zip(&named) {
        refuse_shared(one, named, process)?;
    }
    let dependencies = dependencies_of(&desired, process)?;
    let skipped = hopeless(&desired, &dependencies.needs, invalid);
    let mut jobs = Vec::new();
    let all = desired.into_iter().zip(named);
    for (place, (one, named)) in all.enumerate() {
        if skipped.contains_key(&place) {
            continue;
        }
        jobs.push(job(
            one,
            named,
            &dependencies.needs[place],
            &skipped,
            process,
        )?);
    }
    Ok((jobs, skipped.into_values().collect()))
}

/// Those that need an artifact which is not valid, directly or over others, by their places.
fn hopeless(desired: &[Desired], needs: &[Needs], invalid: &[Outcome]) -> BTreeMap<usize, Outcome> {
    let mut hopeless: BTreeMap<usize, Outcome> = BTreeMap::new();
    loop {
        let found = (0..desired.len()).find_map(|place| {
            let cause = invalid_need(&needs[place], invalid)
                .or_else(|| needs[place].on.iter().find_map(|need| hopeless.get(need)));
            let one = &desired[place];
            match cause {
                Some(cause) if !hopeless.contains_key(&place) => {
                    Some((place, Outcome::skipped(one.id(), &one.artifact, cause)))
                }
                _ => None,
            }
        });
        match found {
            Some((place, outcome)) => hopeless.insert(place, outcome),
            None => return hopeless,
        };
    }
}

fn invalid_need<'a>(needs: &Needs, invalid: &'a [Outcome]) -> Option<&'a Outcome> {
    needs.missing.iter().find_map(|missing| {
        invalid
            .iter()
            .find(|outcome| outcome.kind == Some(missing.kind) && outcome.id == missing.name)
    })
}

/// Who of these needs whom.
fn dependencies_of(desired: &[Desired], process: &Process<'_>) -> Result<Dependencies, Refusal> {
    let mut references = Vec::new();
    for one in desired {
        let of_one = one.artifact.references();
        references.push(of_one.map_err(|error| not_an_artifact(&error, &process.directory))?);
    }
    Ok(dependencies(&references.iter().collect::<Vec<_>>()))
}

/// What is not in the run, as the tenant and the reader know it.
fn requirement(content: &Content, missing: &references::Requirement) -> Requirement {
    let path = content.root.join(&missing.place.path);
    Requirement {
        kind: missing.kind,
        name: missing.renamed(&content.pack.references).to_owned(),
        place: format!("{}:{}", path.display(), missing.place.line),
    }
}

fn job(
    one: Desired,
    named: Vec<NamedParameter>,
    needs: &Needs,
    skipped: &BTreeMap<usize, Outcome>,
    process: &Process<'_>,
) -> Result<Job, Refusal> {
    let Some(package) = one.package.clone() else {
        return Err(Refusal::wrong(
            "--package (or FLOWSHIP_PACKAGE, or flowship.yaml)",
            format!(
                "the package of {} is not named: an artifact lives in an integration package",
                one.id()
            ),
            "give the id of the package, not its name; it is created when it is missing",
        ));
    };
    let id = ArtifactId(one.id().to_owned());
    let root = shown(one.artifact.path(), &process.directory);
    let home = Home {
        name: one.package_name.unwrap_or_else(|| package.clone()),
        short_text: one.short_text,
        description: one.package_description,
        package: PackageId(package),
    };
    let content = Content::pack(one.artifact, one.pack, home, root)
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let missing = needs.missing.iter().filter(|missing| !missing.optional);
    let on = needs.on.iter();
    Ok(Job {
        id,
        requires: missing.map(|one| requirement(&content, one)).collect(),
        source: Source::Files(Box::new(content)),
        named,
        rules: one.rules,
        // those before it that were left out are no places any more
        needs: on.map(|&at| at - skipped.range(..at).count()).collect(),
        notes: Vec::new(),
    })
}

/// Refuses a copy that would take its original's messages: the same sender address, queue or folder under another id.
/// What they may share on purpose is told.
fn refuse_shared(
    copy: &Desired,
    named: &[NamedParameter],
    process: &mut Process<'_>,
) -> Result<(), Refusal> {
    let Some(environment) = &copy.copied_by else {
        return Ok(());
    };
    if copy.artifact.kind() != ArtifactKind::IntegrationFlow {
        return Ok(());
    }
    let model = copy
        .artifact
        .flow_model()
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let shared = shared_addresses(&model, &set_apart(copy, named));
    let (refused, told): (Vec<_>, Vec<_>) = shared.iter().partition(|one| {
        one.consequence == Consequence::Refuse && !environment.allow_shared_addresses
    });
    let mut page = Page::plain();
    page.items(&format!("warning: {}: ", copy.id()), told);
    let _ = page.print(process.err);
    match refused.split_first() {
        Some((first, others)) => Err(refused_copy(copy, &environment.name, first, others)),
        None => Ok(()),
    }
}

/// The parameters to which the environment gives another value than the artifact does.
fn set_apart<'a>(copy: &'a Desired, named: &'a [NamedParameter]) -> BTreeSet<&'a str> {
    let own = copy.artifact.parameters();
    named
        .iter()
        .filter(|one| own.get(&one.key) != Some(one.value.as_str()))
        .map(|one| one.key.as_str())
        .collect()
}

fn refused_copy(
    copy: &Desired,
    environment: &str,
    first: &SharedAddress,
    others: &[&SharedAddress],
) -> Refusal {
    let hint = if first.parameters.is_empty() {
        format!(
            "make it an externalized parameter and set that in environment `{environment}`, or allow it there with `allow-shared-addresses: true`"
        )
    } else {
        "or allow it for this environment with `allow-shared-addresses: true`".to_owned()
    };
    let mut message = Message::new(format!(
        "{} is a copy in environment `{environment}` and would share with its original: {}",
        copy.id(),
        first
    ))
    .hint(hint);
    for other in others {
        message = message.because(format!("also {other}"));
    }
    Refusal::usage(message)
}

/// What `--parameters`, `--set` and `--set-from-env` name, in the order in which they win.
struct Given<'a> {
    of_file: Vec<NamedParameter>,
    listed: Vec<ListValue>,
    variables: Variables<'a>,
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
        let environment = process.environment;
        let set = listed(&args.set, "set", false, environment);
        let from_env = listed(&args.set_from_env, "set-from-env", true, environment);
        Ok(Self {
            of_file,
            listed: [set, from_env].concat(),
            variables: Variables {
                environment,
                credentials: CredentialNames::default(),
                redactor,
            },
        })
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
    let given = Given::read(args, redactor, process)?;
    let mut named = given.of_file;
    for entry in &given.listed {
        if parameters::is_for(entry, id, all) {
            named.push(parameters::named(entry, id, &given.variables)?);
        }
    }
    Ok(parameters::last_wins(named))
}

/// The parameters for each artifact of a run. Later sources win: the settings file, `--parameters`, `--set`,
/// `--set-from-env`. In a run over several artifacts an entry without an id is for those that know its key; one that none
/// knows is an error. An entry for an artifact that is not valid goes with it.
fn for_each(
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
        let is_for = |id: &str| parameters::names(entry, id);
        let named = |id: &str| parameters::named(entry, id, &given.variables);
        if invalid.iter().any(|outcome| is_for(&outcome.id)) {
            continue;
        }
        match desired.iter().position(|one| is_for(one.id())) {
            Some(place) => all[place].push(named(desired[place].id())?),
            None => add_to_those_that_know(&mut all, desired, &named("")?)?,
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
