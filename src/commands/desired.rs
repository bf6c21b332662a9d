//! What each artifact is to become on the tenant: options over the settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::arguments::{DesiredArgs, WaitArgs};
use super::change::{Change, Purpose};
use super::console::Console;
use super::jobs;
use super::refusal::{Refusal, not_an_artifact, shown};
use super::settings_file::Settings;
use super::smoke;
use crate::Process;
use crate::artifact::{Artifact, PackOptions};
use crate::deploy::job::Rules;
use crate::deploy::outcome::Message;
use crate::download;
use crate::inventory::selection::Names;
use crate::report::Report;
use crate::rollback::Scope;
use crate::settings::environment::Environment;
use crate::settings::parameters::NamedParameter;
use crate::settings::project::{
    ArtifactSettings, DeployRule, EnvironmentSettings, PackageSettings, ParameterTarget,
    deploy_rule,
};
use crate::tenant::wire::Description;
use crate::text::redactor::Redactor;
use crate::transport::One;

/// What one artifact is to become on the tenant.
pub struct Desired {
    pub artifact: Artifact,
    /// The package, if anything names it.
    pub package: Option<String>,
    pub package_name: Option<String>,
    pub short_text: Option<String>,
    /// What else describes the package, for the case that it is created.
    pub package_description: Description,
    pub pack: PackOptions,
    /// The parameters of the settings file.
    pub parameters: Vec<NamedParameter>,
    pub rules: Rules,
    /// The environment that makes a copy of it under another id.
    pub copied_by: Option<EnvironmentSettings>,
}

impl Desired {
    /// The id on the tenant.
    pub fn id(&self) -> &str {
        self.pack
            .id
            .as_deref()
            .unwrap_or_else(|| self.artifact.id())
    }
}

/// What the settings file needs to know to say what becomes of an artifact.
pub struct Basis<'a> {
    pub rules: &'a Rules,
    pub redactor: &'a Redactor,
    pub directory: &'a Path,
    pub variables: &'a Environment,
}

impl DesiredArgs {
    /// Settles a run over artifacts: which, what they are to become, where to.
    pub fn settle(
        &self,
        wait: &WaitArgs,
        smoke: &[PathBuf],
        purpose: Purpose,
        console: &Console,
        process: &mut Process<'_>,
    ) -> Result<Change, Refusal> {
        let (tenant, write) = (&self.tenant, &self.write);
        let rollback = match &purpose {
            Purpose::Deploy(deployment) => deployment.rollback.as_ref().map(|rules| rules.scope),
            Purpose::Plan(_) | Purpose::Undeploy(_) => None,
        };
        if write.keep_going && rollback == Some(Scope::All) {
            return Err(Refusal::wrong(
                "--rollback all, --keep-going",
                "--rollback all writes nothing unless everything can be deployed, and --keep-going deploys what can be",
                "leave one of them out; --rollback each goes with --keep-going",
            ));
        }
        let mut settings = tenant.settings(process)?;
        settings.find_entries(&process.directory)?;
        settings.refuse_no_environment()?;
        let selection = settings.select(&self.paths, Some(console), process)?;
        selection.tell_passed_over(console, process);
        let chosen = selection.choose(write.keep_going)?;
        let report = Report {
            artifacts: chosen.invalid,
            findings: chosen.findings,
            ..console.report(process)
        };
        let mut change = Change::new(purpose, &settings, report, &tenant.reading, &tenant.sandbox);
        let rules = Rules {
            force: self.force,
            parameters_from_artifact: self.parameters_from_artifact,
            rollback_required: rollback.is_some() && settings.project.rollback_required,
            version: self.save_as_version.clone().unwrap_or_default(),
            ..write.rules(wait, &settings, &process.directory)
        };
        let basis = Basis {
            rules: &rules,
            redactor: &change.redactor,
            directory: &process.directory,
            variables: process.environment,
        };
        let desired = settings.desired(self, chosen.valid, &basis)?;
        let (jobs, skipped) = jobs::jobs(
            desired,
            &change.report.artifacts,
            &write.parameters,
            &change.redactor,
            process,
        )?;
        change.report.artifacts.extend(skipped);
        Ok(Change {
            smoke: smoke::tests_of(smoke, &jobs, &settings.environment, process)?,
            jobs,
            keep_going: write.keep_going,
            ..change
        })
    }
}

impl Settings {
    /// What each of these artifacts is to become.
    pub fn desired(
        &self,
        args: &DesiredArgs,
        artifacts: Vec<Artifact>,
        basis: &Basis<'_>,
    ) -> Result<Vec<Desired>, Refusal> {
        if artifacts.len() > 1 && (args.id.is_some() || args.name.is_some()) {
            return Err(for_one_only(artifacts.len()));
        }
        let of_file = self.everything();
        let all: Vec<&Artifact> = of_file.iter().chain(&artifacts).collect();
        if of_file.len() == self.entries.len() {
            self.refuse_unknown_artifacts(&all, basis.directory)?;
        }
        let renamed = self.renamed(&all);
        let mut desired = Vec::new();
        for artifact in artifacts {
            let mut one = self.desired_of(artifact, basis)?;
            one.pack.references.clone_from(&renamed);
            one.pack.id = args.id.clone().or(one.pack.id);
            one.pack.name = args.name.clone().or(one.pack.name);
            one.package = args.package.clone().or(one.package);
            one.package_name = args.package_name.clone().or(one.package_name);
            // an id that is the artifact's own makes no copy of it
            if args.id.as_deref() == Some(one.artifact.id()) {
                one.copied_by = None;
            }
            desired.push(one);
        }
        Ok(desired)
    }

    /// What the settings file says of one artifact.
    fn desired_of(&self, artifact: Artifact, basis: &Basis<'_>) -> Result<Desired, Refusal> {
        let entry = self.entry(&artifact);
        let settings = entry.map(|entry| &entry.artifact);
        let package = entry.map(|entry| &entry.package);
        let beside =
            |package: &PackageSettings| download::package_beside(artifact.path(), &package.id);
        let id = self.id_of(&artifact).to_owned();
        let name = settings.and_then(|settings| settings.name.as_deref());
        let name = name.unwrap_or_else(|| artifact.name());
        let origin = Origin {
            pack: align(&self.names(), &artifact, &id, name),
            path: shown(artifact.path(), basis.directory),
            id,
            settings,
            package,
            described: package.map(beside).unwrap_or_default(),
        };
        self.desired_from(origin, artifact, basis)
    }

    /// What the settings file says of an artifact that comes from another tenant, where things have these names.
    pub fn desired_from_tenant(
        &self,
        one: &One,
        names: &Names,
        basis: &Basis<'_>,
    ) -> Result<Desired, Refusal> {
        let directory = basis.directory;
        let artifact = Artifact::open(one.fetched.artifact.path())
            .map_err(|error| not_an_artifact(&error, directory))?;
        let entry = self.entry_of_id(&one.id);
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let package = PackageSettings {
            id: one.package.clone(),
            name: filled(&one.described.name),
            short_text: filled(&one.described.short_text),
            artifacts: Vec::new(),
        };
        let name = names.name.strip(artifact.name()).unwrap_or(artifact.name());
        let origin = Origin {
            pack: align(&self.names(), &artifact, &one.id, name),
            path: shown(
                entry.map_or(Path::new(&one.id), |entry| &entry.path),
                directory,
            ),
            id: one.id.clone(),
            settings: entry.map(|entry| &entry.artifact),
            package: Some(&package),
            described: one.described.description(),
        };
        self.desired_from(origin, artifact, basis)
    }

    fn desired_from(
        &self,
        origin: Origin<'_>,
        artifact: Artifact,
        basis: &Basis<'_>,
    ) -> Result<Desired, Refusal> {
        let (environment, settings) = (&self.environment, origin.settings);
        let package = origin.package;
        Ok(Desired {
            package: package.map(|package| environment.names.package.apply(&package.id)),
            package_name: package.and_then(|package| environment.package_name(package)),
            short_text: package.and_then(|package| package.short_text.clone()),
            package_description: origin.described,
            pack: origin.pack,
            parameters: self.project.parameters(
                ParameterTarget {
                    id: &origin.id,
                    path: &origin.path,
                    settings,
                },
                environment,
                basis.variables,
                basis.redactor,
            )?,
            rules: rules_of(basis.rules, deploy_rule(settings, environment)),
            copied_by: environment.has_copies().then(|| environment.clone()),
            artifact,
        })
    }

    /// The new names of what has another id than in its manifest: copies use the copies in the same environment.
    fn renamed(&self, all: &[&Artifact]) -> BTreeMap<String, String> {
        let names = self.names();
        let all = all.iter().map(|artifact| (self.id_of(artifact), *artifact));
        renamed(&names, all)
    }

    /// Every artifact that the environment has parameters for must be there: in the file, or in the run.
    fn refuse_unknown_artifacts(&self, all: &[&Artifact], directory: &Path) -> Result<(), Refusal> {
        let (project, environment) = (&self.project, &self.environment);
        if self.environment_name().is_none() {
            return Ok(());
        }
        let ids: Vec<&str> = all.iter().map(|artifact| self.id_of(artifact)).collect();
        project.refuse_unknown_artifacts(environment, &ids)?;
        let paths: Vec<PathBuf> = all.iter().map(|one| shown(one.path(), directory)).collect();
        let targets = ids.iter().zip(&paths).map(|(id, path)| ParameterTarget {
            id,
            path,
            settings: None,
        });
        let targets: Vec<ParameterTarget<'_>> = targets.collect();
        Ok(project.refuse_useless_parameters_file(environment, &targets)?)
    }
}

/// Where an artifact comes from, and what is said of it there.
struct Origin<'a> {
    /// Its id without prefix and suffix.
    id: String,
    path: PathBuf,
    settings: Option<&'a ArtifactSettings>,
    package: Option<&'a PackageSettings>,
    described: Description,
    pack: PackOptions,
}

/// Id and name that an artifact gets, where they are not the manifest's.
fn align(names: &Names, artifact: &Artifact, id: &str, name: &str) -> PackOptions {
    let (id, name) = (names.id.apply(id), names.name.apply(name));
    PackOptions {
        id: (id != artifact.id()).then_some(id),
        name: (name != artifact.name()).then_some(name),
        ..PackOptions::default()
    }
}

/// The new names of what gets another id than its manifest's, for those that refer to it.
pub fn renamed<'a>(
    names: &Names,
    all: impl Iterator<Item = (&'a str, &'a Artifact)>,
) -> BTreeMap<String, String> {
    let renamed = all.filter_map(|(id, artifact)| {
        let id = names.id.apply(id);
        let is_renamed = id != artifact.id();
        let references = artifact.references().ok().filter(|_| is_renamed)?;
        Some(references.renamed_to(&id))
    });
    renamed.flatten().collect()
}

fn rules_of(rules: &Rules, deploy: DeployRule) -> Rules {
    let mut rules = rules.clone();
    match deploy {
        DeployRule::Always => rules.force = true,
        DeployRule::Changed => {}
        DeployRule::Never => rules.deploy = false,
    }
    rules
}

fn for_one_only(count: usize) -> Refusal {
    let message = Message::new(format!(
        "--id and --name are for one artifact, and these are {count}"
    ));
    Refusal::usage(message.hint("name one artifact, or write ids and names into flowship.yaml"))
}
