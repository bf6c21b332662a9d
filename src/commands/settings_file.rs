//! The settings file of a run: which artifacts it names, which tenant is meant, and what is wrong in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::refusal::{Refusal, shown};
use super::selection::{self, Selection};
use crate::Process;
use crate::artifact::{Artifact, ArtifactKind};
use crate::deploy::outcome::{Message, Place};
use crate::deploy::parameters::PROFILE;
use crate::inventory::selection::Names;
use crate::report::PlacedFinding;
use crate::settings::project::{
    self, ArtifactSettings, EnvironmentSettings, PackageSettings, Project, RawParameter,
};
use crate::text::nearest;

/// The settings file of a run, without anything where there is none, and the environment that was chosen, or what holds
/// without one.
pub struct Settings {
    pub project: Project,
    pub environment: EnvironmentSettings,
    /// The artifacts that the file names, in its order.
    pub entries: Vec<Entry>,
    /// Other projects that lie beside them.
    passed_over: Vec<PathBuf>,
}

/// One artifact of the settings file.
pub struct Entry {
    /// Where it lies, in full.
    pub path: PathBuf,
    /// Its package, without the artifacts.
    pub package: PackageSettings,
    /// What is said of it.
    pub artifact: ArtifactSettings,
}

impl Settings {
    /// Reads the file that is named, or the one of the working directory, and finds the artifacts that it names.
    pub fn read(
        config: Option<&PathBuf>,
        environment: Option<&str>,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let mut settings = Self::of_tenants(config, environment, process)?;
        settings.find_entries(&process.directory)?;
        Ok(settings)
    }

    /// Reads the same file for what it says of tenants: the artifacts that it names need not be there.
    pub fn of_tenants(
        config: Option<&PathBuf>,
        environment: Option<&str>,
        process: &Process<'_>,
    ) -> Result<Self, Refusal> {
        let file = match config {
            Some(file) => Some(file.clone()),
            None => project::find(&process.directory)?,
        };
        let project = match &file {
            Some(file) => project::read(&process.directory, file)?,
            None => Project::default(),
        };
        let environment = match environment {
            None => &project.plain,
            Some(name) if file.is_none() => return Err(without_file(name)),
            Some(name) => project.environment(name)?,
        };
        Ok(Self {
            environment: environment.clone(),
            project,
            entries: Vec::new(),
            passed_over: Vec::new(),
        })
    }

    /// Refuses to send anything where it is open which environment is meant.
    pub fn refuse_no_environment(&self) -> Result<(), Refusal> {
        match self.environment_name() {
            Some(_) => Ok(()),
            None => Ok(self.project.refuse_no_environment()?),
        }
    }

    /// How things are called in the environment.
    pub fn names(&self) -> Names {
        self.environment.names.clone()
    }

    /// The settings file, as it was given.
    pub fn file(&self) -> Option<&Path> {
        Some(self.project.path.as_path()).filter(|path| *path != Path::new(""))
    }

    /// The name of the environment, if one was chosen.
    pub fn environment_name(&self) -> Option<&str> {
        Some(self.environment.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The options with which another command reaches the same tenant, from any directory.
    pub fn reach(&self, directory: &Path) -> Vec<String> {
        let (Some(environment), Some(file)) = (self.environment_name(), self.file()) else {
            return Vec::new();
        };
        let file = directory.join(file);
        let words = ["--environment", environment, "--config"];
        let words = words.into_iter().map(str::to_owned);
        words.chain([file.display().to_string()]).collect()
    }

    /// Finds the artifacts that the file names.
    pub fn find_entries(&mut self, directory: &Path) -> Result<(), Refusal> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut passed_over = BTreeSet::new();
        for package in &self.project.packages {
            let mut alone = package.clone();
            for artifact in std::mem::take(&mut alone.artifacts) {
                let found = selection::below(std::slice::from_ref(&artifact.path), directory)
                    .map_err(|refusal| refusal.named_at(&artifact.at))?;
                artifact.refuse_several(found.artifacts.len())?;
                passed_over.extend(found.passed_over);
                for path in found.artifacts {
                    if entries.iter().any(|entry| entry.path == path) {
                        return Err(named_twice(&path, &artifact, directory));
                    }
                    entries.push(Entry {
                        path,
                        package: alone.clone(),
                        artifact: artifact.clone(),
                    });
                }
            }
        }
        self.entries = entries;
        self.passed_over = passed_over.into_iter().collect();
        Ok(())
    }

    /// Opens and checks what the command line names, or else what the settings file names. Findings are told on `console`.
    pub fn select(
        &self,
        paths: &[PathBuf],
        console: Option<&Console>,
        process: &mut Process<'_>,
    ) -> Result<Selection, Refusal> {
        let (paths, passed_over) = if paths.is_empty() {
            let entries = self.entries.iter().map(|one| one.path.clone());
            (entries.collect(), self.passed_over.clone())
        } else {
            let found = selection::below(paths, &process.directory)?;
            (found.artifacts, found.passed_over)
        };
        if paths.is_empty() {
            return Err(nothing_named(self.file()));
        }
        let mut selection = Selection::of(&paths, console, process);
        selection.passed_over = passed_over;
        selection.refuse_twins(&process.directory, |artifact| self.id_of(artifact))?;
        Ok(selection)
    }

    /// The entry of an id without prefix and suffix.
    pub fn entry_of_id(&self, id: &str) -> Option<&Entry> {
        let is_it = |entry: &&Entry| match &entry.artifact.id {
            Some(named) => named == id,
            None => Artifact::open(&entry.path).is_ok_and(|artifact| artifact.id() == id),
        };
        self.entries.iter().find(is_it)
    }

    /// The entry of an artifact.
    pub fn entry(&self, artifact: &Artifact) -> Option<&Entry> {
        // links are looked at only where the paths as they are written differ from each of them
        let with = |same: &dyn Fn(&Entry) -> bool| self.entries.iter().find(|entry| same(entry));
        with(&|entry| entry.path == artifact.path())
            .or_else(|| with(&|entry| same_file(&entry.path, artifact.path())))
    }

    /// What is wrong with the settings, as far as that shows without variables and tenant: in the chosen environment, or
    /// else in all of them.
    pub fn findings(&self) -> Result<Vec<PlacedFinding>, Refusal> {
        let all = self.everything();
        let environments: Vec<&EnvironmentSettings> = match self.environment_name() {
            Some(_) => vec![&self.environment],
            None => self.project.environments.values().collect(),
        };
        let ids: Vec<&str> = all.iter().map(|artifact| self.id_of(artifact)).collect();
        let complete = all.len() == self.entries.len();
        for environment in environments.iter().filter(|_| complete) {
            self.project.refuse_unknown_artifacts(environment, &ids)?;
        }
        let mut findings = Vec::new();
        for (artifact, id) in all.iter().zip(&ids) {
            let of_all = self.entry(artifact).map(|entry| &entry.artifact.parameters);
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
    pub fn everything(&self) -> Vec<Artifact> {
        let entries = self.entries.iter();
        entries
            .filter_map(|entry| Artifact::open(&entry.path).ok())
            .collect()
    }

    /// The id without the environment's prefix and suffix.
    pub fn id_of<'a>(&'a self, artifact: &'a Artifact) -> &'a str {
        let named = self
            .entry(artifact)
            .and_then(|one| one.artifact.id.as_deref());
        named.unwrap_or_else(|| artifact.id())
    }
}

/// Whether a key is one of the artifact's, or one that SAP itself adds to flows.
pub fn knows(artifact: &Artifact, key: &str) -> bool {
    artifact.kind() == ArtifactKind::IntegrationFlow
        && (key == PROFILE || artifact.parameter_keys().contains(key))
}

fn unknown_parameter(artifact: &Artifact, parameter: &RawParameter) -> Option<PlacedFinding> {
    let key = parameter.key.as_str();
    // SAP adds such keys on the tenant
    if knows(artifact, key) || key.starts_with("SAP_") {
        return None;
    }
    let place = Place::of_column(&parameter.at)?;
    let remedy = match nearest(key, artifact.parameter_keys()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "the keys of an artifact are those of its parameters.prop".to_owned(),
    };
    Some(PlacedFinding {
        severity: "error",
        rule: "unknown-parameter",
        place,
        message: format!("{} has no parameter `{}`", artifact.id(), key),
        remedy,
    })
}

/// Whether two paths lead to the same place, also when one of them leads there through `..` or a link.
fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn without_file(environment: &str) -> Refusal {
    Refusal::wrong(
        "--environment",
        format!("there is no settings file that could have an environment `{environment}`"),
        "write a flowship.yaml in the working directory, or name one with --config",
    )
}

fn nothing_named(file: Option<&Path>) -> Refusal {
    let message = match file {
        None => Message::new("nothing is named: there is no PATH, and no flowship.yaml here")
            .hint("name an artifact's directory, or a directory that holds several"),
        Some(file) => Message::new("the settings file names no artifacts, and there is no PATH")
            .at(file.display().to_string())
            .hint("add `packages:` with their `artifacts:`, or name a PATH"),
    };
    Refusal::usage(message)
}

fn named_twice(path: &Path, settings: &ArtifactSettings, directory: &Path) -> Refusal {
    Refusal::wrong(
        settings.at.clone(),
        format!("{} is named twice", shown(path, directory).display()),
        "an artifact lives in one package: keep one of the entries",
    )
}
