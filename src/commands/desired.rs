//! What each artifact is to become on the tenant: options over the settings file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::arguments::DesiredArgs;
use super::refusal::{Refusal, not_an_artifact};
use super::settings_file::{Settings, original_id, shown};
use crate::artifact::{Artifact, PackOptions};
use crate::deploy::job::Rules;
use crate::deploy::outcome::Message;
use crate::download;
use crate::settings::environment::Environment;
use crate::settings::parameters::NamedParameter;
use crate::settings::project::{
    ArtifactSettings, DeployRule, EnvironmentSettings, PackageSettings, Target, deploy_rule,
};
use crate::tenant::wire::Description;
use crate::text::redactor::Redactor;
use crate::transport::One;

/// What one artifact is to become on the tenant.
pub(super) struct Desired {
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

impl Desired {
    /// The id on the tenant.
    pub(super) fn id(&self) -> &str {
        self.pack
            .id
            .as_deref()
            .unwrap_or_else(|| self.artifact.id())
    }
}

/// What the settings file needs to know to say what becomes of an artifact.
pub(super) struct Basis<'a> {
    pub(super) rules: &'a Rules,
    pub(super) redactor: &'a Redactor,
    pub(super) directory: &'a Path,
    pub(super) variables: &'a Environment,
}

impl Settings {
    /// What each of these artifacts is to become.
    pub(super) fn desired(
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
        let settings = entry.map(|(_, settings)| settings);
        let environment = self.environment.as_ref();
        let id = original_id(&artifact, settings).to_owned();
        let path = shown(artifact.path(), basis.directory);
        let package = entry.map(|(package, _)| package);
        let names = self.names();
        Ok(Desired {
            package: package.map(|package| names.package.apply(&package.id)),
            package_name: package.and_then(|package| match environment {
                Some(environment) => Some(environment.package_name(package)),
                None => package.name.clone(),
            }),
            short_text: package.and_then(|package| package.short_text.clone()),
            package_description: package
                .map(|package| download::package_beside(artifact.path(), &package.id))
                .unwrap_or_default(),
            pack: self.pack_options(&artifact, &id, settings),
            parameters: self.parameters(&id, &path, settings, basis)?,
            rules: rules_of(basis.rules, deploy_rule(settings, environment)),
            copied_by: environment.filter(|one| one.has_copies()).cloned(),
            artifact,
        })
    }

    /// What the settings file says of an artifact that comes from another tenant.
    pub(super) fn desired_from_tenant(
        &self,
        one: &One,
        basis: &Basis<'_>,
    ) -> Result<Desired, Refusal> {
        let directory = basis.directory;
        let artifact = Artifact::open(one.fetched.artifact.path())
            .map_err(|error| not_an_artifact(&error, directory))?;
        let entry = self.entry_of_id(&one.id);
        let settings = entry.map(|(_, settings)| settings);
        let path = shown(
            entry.map_or(Path::new(&one.id), |(path, _)| path),
            directory,
        );
        let environment = self.environment.as_ref();
        let described = PackageSettings {
            id: one.package.clone(),
            name: Some(one.described.name.clone())
                .filter(|name| !name.is_empty())
                .map(Into::into),
            short_text: Some(one.described.short_text.clone())
                .filter(|text| !text.is_empty())
                .map(Into::into),
            artifacts: Vec::new(),
            at: String::new(),
        };
        Ok(Desired {
            package: Some(self.names().package.apply(&one.package)),
            package_name: match environment {
                Some(environment) => Some(environment.package_name(&described)),
                None => described.name.clone(),
            },
            short_text: described.short_text,
            package_description: one.described.description(),
            pack: PackOptions::default(),
            parameters: self.parameters(&one.id, &path, settings, basis)?,
            rules: rules_of(basis.rules, deploy_rule(settings, environment)),
            copied_by: environment.filter(|one| one.has_copies()).cloned(),
            artifact,
        })
    }

    fn parameters(
        &self,
        id: &str,
        path: &Path,
        settings: Option<&ArtifactSettings>,
        basis: &Basis<'_>,
    ) -> Result<Vec<NamedParameter>, Refusal> {
        let Some(project) = &self.project else {
            return Ok(Vec::new());
        };
        let target = Target { id, path, settings };
        let environment = self.environment.as_ref();
        Ok(project.parameters(target, environment, basis.variables, basis.redactor)?)
    }

    /// Id and name of the artifact here, where they are not the manifest's.
    fn pack_options(
        &self,
        artifact: &Artifact,
        id: &str,
        settings: Option<&ArtifactSettings>,
    ) -> PackOptions {
        let name = settings.and_then(|settings| settings.name.as_deref());
        let name = name.unwrap_or_else(|| artifact.name());
        let names = self.names();
        let (id, name) = (names.id.apply(id), names.name.apply(name));
        PackOptions {
            id: (id != artifact.id()).then_some(id),
            name: (name != artifact.name()).then_some(name),
            ..PackOptions::default()
        }
    }

    /// The new names of what has another id than in its manifest, for those that refer to it: copies use the copies in
    /// the same environment.
    fn renamed(&self, all: &[&Artifact]) -> BTreeMap<String, String> {
        let names = self.names();
        let renamed = all.iter().filter_map(|artifact| {
            let id = names.id.apply(self.id_of(artifact));
            let is_renamed = id != artifact.id();
            let references = artifact.references().ok().filter(|_| is_renamed)?;
            Some(references.renamed_to(&id))
        });
        renamed.flatten().collect()
    }

    /// Every artifact that the environment has parameters for must be there: in the file, or in the run.
    fn refuse_unknown_artifacts(&self, all: &[&Artifact], directory: &Path) -> Result<(), Refusal> {
        let (Some(project), Some(environment)) = (&self.project, &self.environment) else {
            return Ok(());
        };
        let ids: Vec<&str> = all.iter().map(|artifact| self.id_of(artifact)).collect();
        project.refuse_unknown_artifacts(environment, &ids)?;
        let paths: Vec<PathBuf> = all.iter().map(|one| shown(one.path(), directory)).collect();
        let targets = ids.iter().zip(&paths).map(|(id, path)| Target {
            id,
            path,
            settings: None,
        });
        let targets: Vec<Target<'_>> = targets.collect();
        Ok(project.refuse_useless_parameters_file(environment, &targets)?)
    }
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
