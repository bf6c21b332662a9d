//! From artifacts and settings to jobs: what each artifact is to become, with everything that is known before the tenant
//! is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Refusal, copies, not_an_artifact};
use crate::Process;
use crate::artifact::dependencies::{Dependencies, Needs, dependencies};
use crate::artifact::{Artifact, ArtifactKind, PackOptions, references};
use crate::cli::{PaceArgs, ParameterArgs, TryOutArgs, ValueMappingArgs, WaitArgs, WantedArgs};
use crate::clock::Span;
use crate::deploy::job::{Content, Home, Job, Requirement, Rules, Source};
use crate::deploy::outcome::{Message, Outcome};
use crate::deploy::parameters::PROFILE;
use crate::settings::options::{Listed, Options};
use crate::settings::parameters::{self, NamedParameter};
use crate::settings::project::EnvironmentSettings;
use crate::tenant::wire::{ArtifactId, Description, PackageId};
use crate::text::redactor::Redactor;
use crate::text::{disarm, nearest};

/// The wall clock of a run.
const TIMEOUT: Duration = Duration::from_secs(600);
/// The first pause between two looks.
const POLL: Duration = Duration::from_millis(300);

/// What one artifact is to become on the tenant.
pub(super) struct Wish {
    pub(super) artifact: Artifact,
    /// The package, if anything names it.
    pub(super) package: Option<String>,
    pub(super) package_name: Option<String>,
    pub(super) short_text: Option<String>,
    /// What else describes the package, for the case that it is created.
    pub(super) package_description: Description,
    pub(super) pack: PackOptions,
    /// The parameters of the settings file.
    pub(super) parameters: Vec<NamedParameter>,
    pub(super) rules: Rules,
    /// The environment that makes a copy of it under another id.
    pub(super) copied_by: Option<EnvironmentSettings>,
}

impl Wish {
    /// The id on the tenant.
    pub(super) fn id(&self) -> &str {
        self.pack
            .id
            .as_deref()
            .unwrap_or_else(|| self.artifact.id())
    }
}

/// What a run is to do.
pub(super) struct Work {
    pub(super) jobs: Vec<Job>,
    /// The ends of those that need an artifact which is not valid.
    pub(super) skipped: Vec<Outcome>,
}

/// Settles the jobs of a run. `invalid`: the ends of the artifacts that are not valid; whoever needs one of them is
/// left out.
pub(super) fn jobs(
    wishes: Vec<Wish>,
    invalid: &[Outcome],
    args: &WantedArgs,
    redactor: &Redactor,
    process: &mut Process<'_>,
) -> Result<Work, Refusal> {
    let named = Named::read(&args.parameters, &wishes, invalid, redactor, process)?;
    for (wish, named) in wishes.iter().zip(&named.of_each) {
        copies::refuse_shared(wish, named, process)?;
    }
    let dependencies = dependencies_of(&wishes, process)?;
    let skipped = hopeless(&wishes, &dependencies.needs, invalid);
    let mut jobs = Vec::new();
    let all = wishes.into_iter().zip(named.of_each);
    for (place, (wish, named)) in all.enumerate() {
        if skipped.contains_key(&place) {
            continue;
        }
        let mut job = job(wish, named, process)?;
        let needs = &dependencies.needs[place];
        job.needs = needs
            .on
            .iter()
            .map(|need| moved_up(*need, &skipped))
            .collect();
        job.requires = needs
            .missing
            .iter()
            .map(|missing| requirement(&job, missing))
            .collect();
        jobs.push(job);
    }
    Ok(Work {
        jobs,
        skipped: skipped.into_values().collect(),
    })
}

/// Those that need an artifact which is not valid, directly or over others, by their places.
fn hopeless(wishes: &[Wish], needs: &[Needs], invalid: &[Outcome]) -> BTreeMap<usize, Outcome> {
    let mut hopeless: BTreeMap<usize, Outcome> = BTreeMap::new();
    loop {
        let found = (0..wishes.len()).find_map(|place| {
            let cause = invalid_need(&needs[place], invalid)
                .or_else(|| needs[place].on.iter().find_map(|need| hopeless.get(need)));
            let wish = &wishes[place];
            match cause {
                Some(cause) if !hopeless.contains_key(&place) => {
                    Some((place, Outcome::skipped(wish.id(), &wish.artifact, cause)))
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

/// A place in the run after those before it were left out.
fn moved_up(place: usize, left_out: &BTreeMap<usize, Outcome>) -> usize {
    place - left_out.range(..place).count()
}

/// Who of these needs whom.
fn dependencies_of(wishes: &[Wish], process: &Process<'_>) -> Result<Dependencies, Refusal> {
    let mut references = Vec::new();
    for wish in wishes {
        let of_one = wish.artifact.references();
        references.push(of_one.map_err(|error| not_an_artifact(&error, &process.directory))?);
    }
    Ok(dependencies(&references.iter().collect::<Vec<_>>()))
}

/// What is not in the run, as the tenant and the reader know it.
fn requirement(job: &Job, missing: &references::Requirement) -> Requirement {
    let (root, name) = match &job.source {
        Source::Files(content) => (
            content.root.as_path(),
            missing.renamed(&content.pack.references),
        ),
        Source::Tenant => (Path::new(""), missing.name.as_str()),
    };
    let path = root.join(&missing.place.path);
    Requirement {
        kind: missing.kind,
        name: disarm(name),
        place: format!("{}:{}", disarm(&path.to_string_lossy()), missing.place.line),
    }
}

fn job(wish: Wish, named: Vec<NamedParameter>, process: &Process<'_>) -> Result<Job, Refusal> {
    let Some(package) = wish.package.clone() else {
        return Err(Refusal::usage(
            Message::new(format!(
                "the package of {} is not named: an artifact lives in an integration package",
                wish.id()
            ))
            .at("--package (or FLOWSHIP_PACKAGE, or flowship.yaml)")
            .hint("give the id of the package, not its name; it is created when it is missing"),
        ));
    };
    let id = ArtifactId(wish.id().to_owned());
    let root = below(wish.artifact.path().to_owned(), process);
    let home = Home {
        name: wish.package_name.unwrap_or_else(|| package.clone()),
        short_text: wish.short_text,
        description: wish.package_description,
        package: PackageId(package),
    };
    let content = Content::pack(wish.artifact, wish.pack, home, root)
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    Ok(Job {
        id,
        source: Source::Files(Box::new(content)),
        named,
        rules: wish.rules,
        needs: Vec::new(),
        requires: Vec::new(),
        notes: Vec::new(),
    })
}

/// A path as the reader knows it: below the working directory, where it is there.
fn below(path: PathBuf, process: &Process<'_>) -> PathBuf {
    path.strip_prefix(&process.directory)
        .map(PathBuf::from)
        .unwrap_or(path)
}

/// What the caller allows and asks for, as options and variables say.
pub(super) struct Asked<'a> {
    pub(super) wanted: &'a WantedArgs,
    pub(super) wait: Option<&'a WaitArgs>,
    pub(super) timeout: Option<Span>,
    pub(super) overwrite_drafts: bool,
    pub(super) force: bool,
    pub(super) no_deploy: bool,
    /// Nothing is written where a rollback could not be relied on.
    pub(super) proven_only: bool,
    pub(super) pace: &'a PaceArgs,
    pub(super) try_out: &'a TryOutArgs,
}

impl Asked<'_> {
    /// The rules for every artifact of the run.
    pub(super) fn rules(&self, process: &Process<'_>) -> Result<Rules, Refusal> {
        let options = Options::new(process.environment);
        let wanted = self.wanted;
        let mappings = &wanted.value_mappings;
        Ok(Rules {
            create_package: !options.switch(wanted.no_create_package, "no-create-package")?,
            overwrite_drafts: options.switch(self.overwrite_drafts, "overwrite-drafts")?,
            force: self.force,
            deploy: !options.switch(self.no_deploy, "no-deploy")?,
            proven_only: self.proven_only,
            parameters_from_artifact: options
                .switch(wanted.parameters_from_artifact, "parameters-from-artifact")?,
            replace_value_mappings: options
                .switch(mappings.replace_value_mappings, "replace-value-mappings")?,
            drop_tenant_entries: options
                .switch(mappings.drop_tenant_entries, "drop-tenant-entries")?,
            backup_directory: backup_directory(mappings, process),
            back: None,
            reach: Vec::new(),
            version: options
                .parsed(wanted.save_as_version.clone(), "save-as-version")?
                .map(super::deploy::version_rule)
                .unwrap_or_default(),
            retry_known_faults: options.switch(
                self.wait.is_some_and(|wait| wait.retry_known_faults),
                "retry-known-faults",
            )?,
            settle: span(
                self.wait.and_then(|wait| wait.settle),
                options,
                "settle",
                Duration::ZERO,
            )?,
            poll_interval: span(
                self.wait.and_then(|wait| wait.poll_interval),
                options,
                "poll-interval",
                POLL,
            )?,
        })
    }
}

/// Where the tenant's content is saved before it is deleted or written over.
pub(super) fn backup_directory(args: &ValueMappingArgs, process: &Process<'_>) -> PathBuf {
    let named = Options::new(process.environment).path(args.backup_dir.as_ref(), "backup-dir");
    process.directory.join(named.unwrap_or_default())
}

/// The wall clock of the whole run; none at all would leave a half-written artifact behind.
pub(super) fn timeout(given: Option<Span>, process: &Process<'_>) -> Result<Duration, Refusal> {
    let options = Options::new(process.environment);
    let timeout = span(given, options, "timeout", TIMEOUT)?;
    if timeout.is_zero() {
        let message = Message::new("a run needs some time: 0 is none").at("--timeout");
        return Err(Refusal::usage(message));
    }
    Ok(timeout)
}

/// A span of time from an option, its variable, or the default.
pub(super) fn span(
    option: Option<Span>,
    options: Options<'_>,
    name: &str,
    default: Duration,
) -> Result<Duration, Refusal> {
    Ok(options.parsed(option, name)?.map_or(default, |span| span.0))
}

/// The default of `--poll-interval`.
pub(super) const DEFAULT_POLL: Duration = POLL;

/// The parameters that are to be written to each artifact of a run.
struct Named {
    of_each: Vec<Vec<NamedParameter>>,
}

impl Named {
    /// Later sources win: the settings file, `--parameters`, `--set`, `--set-from-env`. In a run over several artifacts
    /// an entry without an id is for those that know its key; one that none knows is an error. An entry for an artifact
    /// that is not valid goes with it.
    fn read(
        args: &ParameterArgs,
        wishes: &[Wish],
        invalid: &[Outcome],
        redactor: &Redactor,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let options = Options::new(process.environment);
        let mut named = Self {
            of_each: wishes.iter().map(|wish| wish.parameters.clone()).collect(),
        };
        if let Some(file) = options.path(args.parameters.as_ref(), "parameters") {
            for parameter in parameters::read_file(&process.directory, &file)? {
                named.add_to_those_that_know(wishes, &parameter)?;
            }
        }
        let ids: Vec<&str> = wishes.iter().map(Wish::id).collect();
        let is_left_out = |given: &Listed| {
            let mut ids = invalid.iter().map(|outcome| outcome.id.as_str());
            ids.any(|id| parameters::names(given, id))
        };
        let listed = |given: &[String], name| {
            let all = options.list(given, name).into_iter();
            all.filter(|given| !is_left_out(given))
        };
        for given in listed(&args.set, "set") {
            named.add(wishes, &ids, &given, |id| parameters::set(&given, id))?;
        }
        for given in listed(&args.set_from_env, "set-from-env") {
            named.add(wishes, &ids, &given, |id| {
                parameters::set_from_env(&given, id, process.environment, redactor)
            })?;
        }
        named.of_each = named
            .of_each
            .into_iter()
            .map(parameters::last_wins)
            .collect();
        Ok(named)
    }

    fn add(
        &mut self,
        wishes: &[Wish],
        ids: &[&str],
        given: &Listed,
        read: impl Fn(&str) -> Result<NamedParameter, parameters::ParametersError>,
    ) -> Result<(), Refusal> {
        match ids.iter().position(|id| parameters::names(given, id)) {
            Some(place) => {
                self.of_each[place].push(read(ids[place])?);
                Ok(())
            }
            None => self.add_to_those_that_know(wishes, &read("")?),
        }
    }

    fn add_to_those_that_know(
        &mut self,
        wishes: &[Wish],
        parameter: &NamedParameter,
    ) -> Result<(), Refusal> {
        // one artifact is told apart later, by what the tenant knows of it
        let alone = wishes.len() == 1;
        let mut known = false;
        for (wish, named) in wishes.iter().zip(&mut self.of_each) {
            if alone || knows(&wish.artifact, &parameter.key) {
                named.push(parameter.clone());
                known = true;
            }
        }
        if known {
            Ok(())
        } else {
            Err(unknown_to_all(wishes, parameter))
        }
    }
}

/// Whether a key is one of the artifact's, or one that SAP itself adds to flows.
pub(super) fn knows(artifact: &Artifact, key: &str) -> bool {
    artifact.kind() == ArtifactKind::IntegrationFlow
        && (key == PROFILE || artifact.parameter_keys().contains(key))
}

fn unknown_to_all(wishes: &[Wish], parameter: &NamedParameter) -> Refusal {
    let keys: BTreeSet<&str> = wishes
        .iter()
        .flat_map(|wish| wish.artifact.parameter_keys())
        .collect();
    let hint = match nearest(&parameter.key, keys) {
        Some(key) => format!("did you mean `{key}`?"),
        None => "write ID:KEY=VALUE for a key that only the tenant knows".to_owned(),
    };
    let message = Message::new(format!(
        "none of the {} artifacts has a parameter `{}`; nothing was sent",
        wishes.len(),
        parameter.key
    ));
    let file = crate::deploy::outcome::Place::parse(&parameter.source);
    Refusal::usage(Message {
        file,
        ..message.at(parameter.source.clone()).hint(hint)
    })
}
