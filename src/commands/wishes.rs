//! What is wished of which artifact: options and variables over `flowship.yaml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::jobs::{self, Wish};
use super::selection::{self, Selection};
use super::target::LoginNames;
use super::{Refusal, Voice, not_an_artifact};
use crate::Process;
use crate::artifact::{Artifact, PackOptions};
use crate::cli::WantedArgs;
use crate::deploy::job::Rules;
use crate::deploy::outcome::{Message, Place};
use crate::download;
use crate::report::Found;
use crate::settings::credentials::Names;
use crate::settings::options::Options;
use crate::settings::project::{
    self, ArtifactSettings, DeployRule, EnvironmentSettings, PackageSettings, ParametersFile,
    Project, ProjectError, RawParameter, Target, deploy_rule,
};
use crate::text::redactor::Redactor;
use crate::text::{disarm, nearest};
use crate::transport::One;

/// The settings file of a run, if there is one, and the environment that was chosen.
pub(super) struct Settings {
    project: Option<Project>,
    environment: Option<EnvironmentSettings>,
    /// The artifacts that the file names, in its order.
    entries: Vec<Entry>,
}

/// One artifact of the settings file.
struct Entry {
    /// Where it lies, in full.
    path: PathBuf,
    package: usize,
    artifact: usize,
}

impl From<ProjectError> for Refusal {
    fn from(error: ProjectError) -> Self {
        let mut message = Message::new(error.what)
            .at(error.at.clone())
            .hint(error.hint);
        message.file = Place::of_column(&error.at);
        Self::usage(message)
    }
}

impl Settings {
    /// Reads the file that is named, or the one of the working directory, and finds the artifacts that it names.
    pub(super) fn read(
        config: Option<&PathBuf>,
        environment: Option<&str>,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let mut settings = Self::of_tenants(config, environment, process)?;
        settings.entries = settings.find_entries(&process.directory)?;
        Ok(settings)
    }

    /// Reads the same file for what it says of tenants: the artifacts that it names need not be there.
    pub(super) fn of_tenants(
        config: Option<&PathBuf>,
        environment: Option<&str>,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let options = Options::new(process.environment);
        let file = match options.path(config, "config") {
            Some(file) => Some(file),
            None => project::find(&process.directory)?,
        };
        let project = match &file {
            Some(file) => Some(project::read(&process.directory, file)?),
            None => None,
        };
        let environment = match (options.text(environment, "environment"), &project) {
            (None, _) => None,
            (Some(name), Some(project)) => Some(project.environment(&name)?.clone()),
            (Some(name), None) => return Err(without_file(&name)),
        };
        Ok(Self {
            project,
            environment,
            entries: Vec::new(),
        })
    }

    /// Reads the file for an environment of a transport: artifacts that it names count as far as they are there.
    pub(super) fn with_what_is_there(
        config: Option<&PathBuf>,
        environment: &str,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let mut settings = Self::of_tenants(config, Some(environment), process)?;
        settings.entries = settings
            .find_entries(&process.directory)
            .unwrap_or_default();
        Ok(settings)
    }

    /// Refuses to send anything where it is open which environment is meant.
    pub(super) fn refuse_no_environment(&self) -> Result<(), Refusal> {
        match (&self.project, &self.environment) {
            (Some(project), None) => Ok(project.refuse_no_environment()?),
            _ => Ok(()),
        }
    }

    /// The environment that was chosen.
    pub(super) fn environment(&self) -> Option<&EnvironmentSettings> {
        self.environment.as_ref()
    }

    /// Where configured values of artifacts are, as the file says.
    pub(super) fn parameters_file(&self) -> Option<&ParametersFile> {
        self.project
            .as_ref()?
            .parameters_file_of(self.environment())
    }

    /// The settings file, as it was given.
    pub(super) fn file(&self) -> Option<&Path> {
        self.project.as_ref().map(|project| project.path.as_path())
    }

    /// The name of the environment, if one was chosen.
    pub(super) fn environment_name(&self) -> Option<&str> {
        self.environment.as_ref().map(|one| one.name.as_str())
    }

    /// The options with which another command reaches the same tenant, from any directory.
    pub(super) fn reach(&self, process: &Process<'_>) -> Vec<String> {
        let (Some(environment), Some(file)) = (self.environment_name(), self.file()) else {
            return Vec::new();
        };
        let file = process.directory.join(file);
        let words = ["--environment", environment, "--config"];
        let words = words.into_iter().map(str::to_owned);
        words.chain([file.display().to_string()]).collect()
    }

    /// Which variables hold the credentials, and for which host they must be.
    pub(super) fn login(&self) -> LoginNames {
        let prefix = self
            .environment
            .as_ref()
            .map_or("CPI", EnvironmentSettings::credentials_prefix);
        LoginNames {
            names: Names::with_prefix(prefix),
            host: self.environment.as_ref().and_then(|one| one.host.clone()),
            at: self
                .environment
                .as_ref()
                .map(|one| one.at.clone())
                .unwrap_or_default(),
            saved_from: None,
        }
    }

    fn find_entries(&self, directory: &Path) -> Result<Vec<Entry>, Refusal> {
        let mut entries: Vec<Entry> = Vec::new();
        for (package, artifact, settings) in self.named() {
            let found = selection::found(std::slice::from_ref(&settings.path), directory)
                .map_err(|refusal| refusal.named_at(&settings.at))?;
            settings.refuse_several(found.len())?;
            for path in found {
                if entries.iter().any(|entry| entry.path == path) {
                    return Err(named_twice(&path, settings, directory));
                }
                entries.push(Entry {
                    path,
                    package,
                    artifact,
                });
            }
        }
        Ok(entries)
    }

    fn named(&self) -> impl Iterator<Item = (usize, usize, &ArtifactSettings)> {
        let packages = self.project.iter().flat_map(|project| &project.packages);
        packages.enumerate().flat_map(|(package, settings)| {
            let artifacts = settings.artifacts.iter().enumerate();
            artifacts.map(move |(artifact, settings)| (package, artifact, settings))
        })
    }

    /// Opens and checks what the command line names, or else what the settings file names.
    pub(super) fn select(
        &self,
        paths: &[PathBuf],
        voice: &Voice,
        process: &mut Process<'_>,
    ) -> Result<Selection, Refusal> {
        let named = Options::new(process.environment).paths(paths, "paths");
        let paths = if named.is_empty() {
            self.entries.iter().map(|one| one.path.clone()).collect()
        } else {
            selection::found(&named, &process.directory)?
        };
        if paths.is_empty() {
            return Err(nothing_named(self.project.as_ref()));
        }
        let selection = Selection::of(&paths, voice, process);
        selection.refuse_twins(&process.directory, |artifact| self.id_of(artifact))?;
        Ok(selection)
    }

    /// What is wished of each of these artifacts.
    pub(super) fn wishes(
        &self,
        args: &WantedArgs,
        artifacts: Vec<Artifact>,
        rules: &Rules,
        redactor: &Redactor,
        process: &Process<'_>,
    ) -> Result<Vec<Wish>, Refusal> {
        let options = Options::new(process.environment);
        let own = PackOptions {
            id: options.text(args.id.as_deref(), "id"),
            name: options.text(args.name.as_deref(), "name"),
            ..PackOptions::default()
        };
        if artifacts.len() > 1 && (own.id.is_some() || own.name.is_some()) {
            return Err(for_one_only(artifacts.len()));
        }
        let of_file = self.everything();
        let all: Vec<&Artifact> = of_file.iter().chain(&artifacts).collect();
        if of_file.len() == self.entries.len() {
            self.refuse_unknown_artifacts(&all, &process.directory)?;
        }
        let renamed = self.renamed(&all);
        let package = options.text(args.package.as_deref(), "package");
        let package_name = options.text(args.package_name.as_deref(), "package-name");
        let mut wishes = Vec::new();
        for artifact in artifacts {
            let mut wish = self.wish(artifact, rules, redactor, process)?;
            wish.pack.references.clone_from(&renamed);
            wish.pack.id = own.id.clone().or(wish.pack.id);
            wish.pack.name = own.name.clone().or(wish.pack.name);
            wish.package = package.clone().or(wish.package);
            wish.package_name = package_name.clone().or(wish.package_name);
            wishes.push(wish);
        }
        Ok(wishes)
    }

    /// What the settings file says of one artifact.
    fn wish(
        &self,
        artifact: Artifact,
        rules: &Rules,
        redactor: &Redactor,
        process: &Process<'_>,
    ) -> Result<Wish, Refusal> {
        let entry = self.entry(&artifact);
        let settings = entry.map(|(_, settings)| settings);
        let environment = self.environment.as_ref();
        let id = original_id(&artifact, settings).to_owned();
        let parameters = match &self.project {
            Some(project) => {
                let path = shown(artifact.path(), &process.directory);
                let target = Target {
                    id: &id,
                    path: &path,
                    settings,
                };
                project.parameters(target, environment, process.environment, redactor)?
            }
            None => Vec::new(),
        };
        let package = entry.map(|(package, _)| package);
        Ok(Wish {
            package: package.map(|package| match environment {
                Some(environment) => environment.package.apply(&package.id),
                None => package.id.clone(),
            }),
            package_name: package.and_then(|package| match environment {
                Some(environment) => Some(environment.package_name(package)),
                None => package.name.clone(),
            }),
            short_text: package.and_then(|package| package.short_text.clone()),
            package_description: package
                .map(|package| download::package_beside(artifact.path(), &package.id))
                .unwrap_or_default(),
            pack: self.pack_options(&artifact, &id, settings),
            parameters,
            rules: rules_of(rules, deploy_rule(settings, environment)),
            copied_by: environment.filter(|one| one.has_copies()).cloned(),
            artifact,
        })
    }

    /// What the settings file says of an artifact that comes from another tenant.
    pub(super) fn wish_of_transport(
        &self,
        one: &One,
        rules: &Rules,
        redactor: &Redactor,
        process: &Process<'_>,
    ) -> Result<Wish, Refusal> {
        let artifact = Artifact::open(one.fetched.artifact.path())
            .map_err(|error| not_an_artifact(&error, &process.directory))?;
        let entry = self.entry_of_id(&one.id);
        let settings = entry.map(|(_, _, settings)| settings);
        let path = entry.map_or(Path::new(&one.id), |(path, _, _)| path);
        let path = shown(path, &process.directory);
        let target = Target {
            id: &one.id,
            path: &path,
            settings,
        };
        let environment = self.environment.as_ref();
        let parameters = match &self.project {
            Some(project) => {
                project.parameters(target, environment, process.environment, redactor)?
            }
            None => Vec::new(),
        };
        let described = PackageSettings {
            id: one.package.clone(),
            name: Some(one.described.name.clone()).filter(|name| !name.is_empty()),
            short_text: Some(one.described.short_text.clone()).filter(|text| !text.is_empty()),
            artifacts: Vec::new(),
            at: String::new(),
        };
        Ok(Wish {
            package: Some(match environment {
                Some(environment) => environment.package.apply(&one.package),
                None => one.package.clone(),
            }),
            package_name: match environment {
                Some(environment) => Some(environment.package_name(&described)),
                None => described.name.clone(),
            },
            short_text: described.short_text,
            package_description: one.described.description(),
            pack: PackOptions::default(),
            parameters,
            rules: rules_of(rules, deploy_rule(settings, environment)),
            copied_by: environment.filter(|one| one.has_copies()).cloned(),
            artifact,
        })
    }

    /// The entry of an id without prefix and suffix: where it lies, and what is said of it.
    fn entry_of_id(&self, id: &str) -> Option<(&Path, &PackageSettings, &ArtifactSettings)> {
        let project = self.project.as_ref()?;
        self.entries.iter().find_map(|entry| {
            let package = project.packages.get(entry.package)?;
            let settings = package.artifacts.get(entry.artifact)?;
            let is_it = match &settings.id {
                Some(named) => named == id,
                None => Artifact::open(&entry.path).is_ok_and(|artifact| artifact.id() == id),
            };
            is_it.then_some((entry.path.as_path(), package, settings))
        })
    }

    /// Id and name of the artifact here, where they are not the manifest's.
    fn pack_options(
        &self,
        artifact: &Artifact,
        id: &str,
        settings: Option<&ArtifactSettings>,
    ) -> PackOptions {
        let name = settings
            .and_then(|settings| settings.name.as_deref())
            .unwrap_or_else(|| artifact.name());
        let (id, name) = match &self.environment {
            Some(environment) => (
                environment.id.apply(id),
                environment.artifact_name.apply(name),
            ),
            None => (id.to_owned(), name.to_owned()),
        };
        PackOptions {
            id: (id != artifact.id()).then_some(id),
            name: (name != artifact.name()).then_some(name),
            ..PackOptions::default()
        }
    }

    fn entry(&self, artifact: &Artifact) -> Option<(&PackageSettings, &ArtifactSettings)> {
        let project = self.project.as_ref()?;
        // links are looked at only where the paths as they are written differ from each of them
        let with = |same: &dyn Fn(&Entry) -> bool| self.entries.iter().find(|entry| same(entry));
        let entry = with(&|entry| entry.path == artifact.path())
            .or_else(|| with(&|entry| same_file(&entry.path, artifact.path())))?;
        let package = project.packages.get(entry.package)?;
        Some((package, package.artifacts.get(entry.artifact)?))
    }

    /// What is wrong with the settings, as far as that shows without variables and tenant: in the chosen environment, or
    /// else in all of them.
    pub(super) fn findings(&self) -> Result<Vec<Found>, Refusal> {
        let Some(project) = &self.project else {
            return Ok(Vec::new());
        };
        let all = self.everything();
        let environments: Vec<&EnvironmentSettings> = match &self.environment {
            Some(environment) => vec![environment],
            None => project.environments.values().collect(),
        };
        let ids: Vec<&str> = all.iter().map(|artifact| self.id_of(artifact)).collect();
        let complete = all.len() == self.entries.len();
        for environment in environments.iter().filter(|_| complete) {
            project.refuse_unknown_artifacts(environment, &ids)?;
        }
        let mut findings = Vec::new();
        for (artifact, id) in all.iter().zip(&ids) {
            let of_all = self
                .entry(artifact)
                .map(|(_, settings)| &settings.parameters);
            let of_some = environments
                .iter()
                .filter_map(|one| one.parameters.get(*id));
            let parameters = of_some.flat_map(|one| &one.parameters);
            for parameter in of_all.into_iter().flatten().chain(parameters) {
                findings.extend(unknown_parameter(artifact, parameter));
            }
        }
        Ok(findings)
    }

    /// Every artifact of the settings file, also those that this run leaves alone; those that can't be opened are told by
    /// the check, if this run is about them.
    fn everything(&self) -> Vec<Artifact> {
        let entries = self.entries.iter();
        entries
            .filter_map(|entry| Artifact::open(&entry.path).ok())
            .collect()
    }

    fn id_of<'a>(&'a self, artifact: &'a Artifact) -> &'a str {
        original_id(artifact, self.entry(artifact).map(|(_, settings)| settings))
    }

    /// The new names of what has another id than in its manifest, for those that refer to it: copies use the copies in
    /// the same environment.
    fn renamed(&self, all: &[&Artifact]) -> BTreeMap<String, String> {
        all.iter()
            .filter_map(|artifact| {
                let id = self.id_of(artifact);
                let id = match &self.environment {
                    Some(environment) => environment.id.apply(id),
                    None => id.to_owned(),
                };
                let is_renamed = id != artifact.id();
                let references = artifact.references().ok().filter(|_| is_renamed)?;
                Some(references.renamed_to(&id))
            })
            .flatten()
            .collect()
    }

    /// Every artifact that the environment has parameters for must be there: in the file, or in the run.
    fn refuse_unknown_artifacts(&self, all: &[&Artifact], directory: &Path) -> Result<(), Refusal> {
        let (Some(project), Some(environment)) = (&self.project, &self.environment) else {
            return Ok(());
        };
        let ids: Vec<&str> = all.iter().map(|artifact| self.id_of(artifact)).collect();
        project.refuse_unknown_artifacts(environment, &ids)?;
        let paths: Vec<PathBuf> = all.iter().map(|one| shown(one.path(), directory)).collect();
        let targets: Vec<Target<'_>> = ids
            .iter()
            .zip(&paths)
            .map(|(id, path)| Target {
                id,
                path,
                settings: None,
            })
            .collect();
        project.refuse_useless_parameters_file(environment, &targets)?;
        Ok(())
    }
}

/// The id without the environment's prefix and suffix.
fn original_id<'a>(artifact: &'a Artifact, settings: Option<&'a ArtifactSettings>) -> &'a str {
    settings
        .and_then(|settings| settings.id.as_deref())
        .unwrap_or_else(|| artifact.id())
}

fn unknown_parameter(artifact: &Artifact, parameter: &RawParameter) -> Option<Found> {
    let key = parameter.key.as_str();
    // SAP adds such keys on the tenant
    if jobs::knows(artifact, key) || key.starts_with("SAP_") {
        return None;
    }
    let place = Place::of_column(&parameter.at)?;
    let remedy = match nearest(key, artifact.parameter_keys()) {
        Some(near) => format!("did you mean `{}`?", disarm(near)),
        None => "the keys of an artifact are those of its parameters.prop".to_owned(),
    };
    Some(Found {
        severity: "error",
        rule: "unknown-parameter",
        place,
        message: format!(
            "{} has no parameter `{}`",
            disarm(artifact.id()),
            disarm(key)
        ),
        remedy,
    })
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

fn shown(path: &Path, directory: &Path) -> PathBuf {
    path.strip_prefix(directory).unwrap_or(path).to_owned()
}

/// Whether two paths lead to the same place, also when one of them leads there through `..` or a link.
fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn without_file(environment: &str) -> Refusal {
    let message = Message::new(format!(
        "there is no settings file that could have an environment `{environment}`"
    ));
    Refusal::usage(
        message
            .at("--environment")
            .hint("write a flowship.yaml in the working directory, or name one with --config"),
    )
}

fn nothing_named(project: Option<&Project>) -> Refusal {
    let message = match project {
        None => Message::new("nothing is named: there is no PATH, and no flowship.yaml here")
            .hint("name an artifact's directory, or a directory that holds several"),
        Some(project) => Message::new("the settings file names no artifacts, and there is no PATH")
            .at(project.path.display().to_string())
            .hint("add `packages:` with their `artifacts:`, or name a PATH"),
    };
    Refusal::usage(message)
}

fn for_one_only(count: usize) -> Refusal {
    let message = Message::new(format!(
        "--id and --name are for one artifact, and these are {count}"
    ));
    Refusal::usage(message.hint("name one artifact, or write ids and names into flowship.yaml"))
}

fn named_twice(path: &Path, settings: &ArtifactSettings, directory: &Path) -> Refusal {
    let path = shown(path, directory);
    let message = Message::new(format!("{} is named twice", path.display()))
        .at(settings.at.clone())
        .hint("an artifact lives in one package: keep one of the entries");
    Refusal::usage(message)
}
