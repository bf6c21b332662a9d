//! `flowship.yaml`: the packages and artifacts of a repository, and what differs between environments. Knows files and
//! variables, and nothing of tenants.

mod file;
mod reading;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::credentials::VariableNames;
use super::environment::Environment;
use super::error::SettingsError;
use super::parameters::{self, CredentialNames, NamedParameter, Variables};
use crate::text::nearest;
use crate::text::redactor::Redactor;

pub use value::{ParametersFile, RawParameter};

use super::yaml::{self, quoted};
use crate::whole_file::read_bounded;

/// The names that are looked for, in this order.
const NAMES: [&str; 2] = ["flowship.yaml", "flowship.yml"];
/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What `flowship.yaml` says. Texts are as they stand there; only values of parameters hold variables.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The file, as it was given; empty where there is none.
    pub path: PathBuf,
    /// The packages in the order of the file; may be none.
    pub packages: Vec<PackageSettings>,
    /// The environments by name; may be none.
    pub environments: BTreeMap<String, EnvironmentSettings>,
    /// What holds in runs without an environment.
    pub plain: EnvironmentSettings,
    /// With --rollback, nothing is written that could not be put back.
    pub rollback_required: bool,
    /// Where relative paths begin.
    directory: PathBuf,
}

/// An integration package.
#[derive(Clone, Debug)]
pub struct PackageSettings {
    /// Its id, without the environment's prefix and suffix.
    pub id: String,
    /// Its name, for its creation.
    pub name: Option<String>,
    /// Its short text, for its creation.
    pub short_text: Option<String>,
    /// Its artifacts in the order of the file; at least one.
    pub artifacts: Vec<ArtifactSettings>,
}

/// An artifact, or a directory of several.
#[derive(Clone, Debug)]
pub struct ArtifactSettings {
    /// The directory or zip, relative to the working directory when the settings file's path is.
    pub path: PathBuf,
    /// Its id instead of the manifest's, without the environment's prefix and suffix.
    pub id: Option<String>,
    /// Its name instead of the manifest's, without the environment's prefix and suffix.
    pub name: Option<String>,
    /// When to deploy it; see [`deploy_rule`].
    pub deploy: Option<DeployRule>,
    /// Its parameters in every environment.
    pub parameters: Vec<RawParameter>,
    /// Where it stands: `flowship.yaml:6:9`.
    pub at: String,
}

/// When an artifact is deployed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeployRule {
    /// Though nothing changed.
    Always,
    /// When something changed, or when it can't be shown that nothing did.
    Changed,
    /// It is uploaded and configured only.
    Never,
}

/// What differs in an environment.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentSettings {
    /// Its name; empty in a run without an environment.
    pub name: String,
    /// The beginning of the names of the variables that hold its credentials, as named; see [`Self::credentials_prefix`].
    pub credentials: Option<String>,
    /// The only host that its credentials may be for, in lower case.
    pub host: Option<String>,
    /// How things are called there.
    pub names: Names,
    /// Copies may share sender addresses with their originals.
    pub allow_shared_addresses: bool,
    /// When to deploy artifacts; see [`deploy_rule`].
    pub deploy: Option<DeployRule>,
    /// Parameters by the id of the artifact, without prefix and suffix.
    pub parameters: BTreeMap<String, ArtifactParameters>,
    /// Files of parameters beside the artifacts.
    pub parameters_file: Option<ParametersFile>,
    /// Where it stands: `flowship.yaml:12:3`.
    pub at: String,
}

/// The parameters of one artifact in an environment.
#[derive(Clone, Debug)]
pub struct ArtifactParameters {
    /// Where the artifact's id stands.
    pub at: String,
    /// Its parameters.
    pub parameters: Vec<RawParameter>,
}

/// What an environment puts around names.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Around ids of artifacts.
    pub id: Affix,
    /// Around names of artifacts.
    pub name: Affix,
    /// Around ids of packages.
    pub package: Affix,
}

/// What is put before and behind a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affix {
    /// Before it.
    pub prefix: String,
    /// Behind it.
    pub suffix: String,
}

/// An artifact whose parameters are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ParameterTarget<'a> {
    /// Its id, without prefix and suffix.
    pub id: &'a str,
    /// Its directory or zip, relative to the working directory.
    pub path: &'a Path,
    /// What the file says about it; `None` for an artifact that the command line names.
    pub settings: Option<&'a ArtifactSettings>,
}

/// The settings file of a directory, relative to it: `flowship.yaml` or `flowship.yml`; two of them are an error.
pub fn find(directory: &Path) -> Result<Option<PathBuf>, SettingsError> {
    let mut found = NAMES
        .into_iter()
        .filter(|name| directory.join(name).exists());
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => Err(SettingsError::new(
            second,
            format!("there are {first} and {second}"),
            "keep one of them, or name one with --config",
        )),
        (first, _) => Ok(first.map(PathBuf::from)),
    }
}

/// Reads a settings file, given relative to `directory` and named in messages as it was given. Paths in it are relative
/// to where it lies; they may lead above it, because a file may lie beside the artifacts. No variable is looked at.
pub fn read(directory: &Path, given: &Path) -> Result<Project, SettingsError> {
    let shown = given.display().to_string();
    let bytes = read_bounded(&directory.join(given), LARGEST).map_err(|reason| {
        let what = format!("the settings file can't be read: {reason}");
        SettingsError::new(&shown, what, "check the path, and who may read it")
    })?;
    let project = yaml::text_of(&bytes)
        .and_then(|text| reading::read(text, directory, given))
        .map_err(|fault| SettingsError::in_file(&shown, fault))?;
    project.refuse_credentials()?;
    Ok(project)
}

impl Project {
    /// Refuses values that would come from the variables of credentials, whichever environment is asked for.
    fn refuse_credentials(&self) -> Result<(), SettingsError> {
        let artifacts = self.packages.iter().flat_map(|package| &package.artifacts);
        let environments = self.environments.values();
        let of_environments = environments.flat_map(|one| one.parameters.values());
        let parameters = artifacts
            .flat_map(|artifact| &artifact.parameters)
            .chain(of_environments.flat_map(|one| &one.parameters));
        let credentials = self.credential_names();
        for parameter in parameters {
            if let Some(name) = parameter.variables().find(|name| credentials.holds(name)) {
                return Err(parameters::holds_credentials(name, &parameter.value_at));
            }
        }
        Ok(())
    }

    /// The environment of a name.
    pub fn environment(&self, name: &str) -> Result<&EnvironmentSettings, SettingsError> {
        self.environments.get(name).ok_or_else(|| {
            let all = self.environment_names();
            let hint = match nearest(name, self.environments.keys().map(String::as_str)) {
                _ if all.is_empty() => {
                    "it has no environments: add them below `environments:`".to_owned()
                }
                Some(near) => format!("did you mean `{near}`? It has: {all}"),
                None => format!("it has: {all}"),
            };
            let what = format!("there is no environment `{}`", quoted(name));
            SettingsError::new(self.path.display().to_string(), what, hint)
        })
    }

    fn environment_names(&self) -> String {
        let names = self.environments.keys().map(String::as_str);
        names.collect::<Vec<_>>().join(", ")
    }

    /// Refuses to do without an environment where one has a tenant, credentials, ids, names or packages of its own: what
    /// is meant for it would go elsewhere.
    pub fn refuse_no_environment(&self) -> Result<(), SettingsError> {
        let mut environments = self.environments.values();
        if !environments.any(EnvironmentSettings::is_apart) {
            return Ok(());
        }
        Err(SettingsError::new(
            self.path.display().to_string(),
            "the settings file has environments, and none is chosen",
            format!(
                "choose one with --environment NAME (or FLOWSHIP_ENVIRONMENT); it has: {}",
                self.environment_names()
            ),
        ))
    }

    /// The names of the variables that hold credentials for any of the environments.
    pub fn credential_names(&self) -> CredentialNames {
        let environments = self.environments.values();
        CredentialNames::with_prefixes(environments.map(EnvironmentSettings::credentials_prefix))
    }

    /// The parameters that the settings name for an artifact, each key once: the artifact's own, those of the environment's
    /// file and those of the environment, of which later ones win. Values of variables are filled in and masked from now
    /// on; only those are asked for that are used.
    pub fn parameters(
        &self,
        artifact: ParameterTarget<'_>,
        environment: &EnvironmentSettings,
        variables: &Environment,
        redactor: &Redactor,
    ) -> Result<Vec<NamedParameter>, SettingsError> {
        let of_file = match &environment.parameters_file {
            Some(file) => file.read(&self.directory, artifact)?,
            None => Vec::new(),
        };
        let own = artifact.settings.iter().flat_map(|one| &one.parameters);
        let of_environment = environment.parameters.get(artifact.id).into_iter();
        let raw = own
            .chain(&of_file)
            .chain(of_environment.flat_map(|found| &found.parameters));
        let raw: BTreeMap<_, _> = raw.map(|one| (&one.key, one)).collect();
        let variables = Variables {
            environment: variables,
            credentials: self.credential_names(),
            redactor,
        };
        raw.values()
            .map(|parameter| parameter.fill(&variables))
            .collect()
    }

    /// Refuses parameters of an environment for an artifact that is none of `ids`: all ids of the packages, without prefix and
    /// suffix, also of those artifacts that this run leaves alone.
    pub fn refuse_unknown_artifacts(
        &self,
        environment: &EnvironmentSettings,
        ids: &[&str],
    ) -> Result<(), SettingsError> {
        let unknown = environment
            .parameters
            .iter()
            .find(|(id, _)| !ids.contains(&id.as_str()));
        let Some((id, parameters)) = unknown else {
            return Ok(());
        };
        let copied = ids
            .iter()
            .find(|known| environment.names.id.apply(known) == *id);
        let hint = match (copied, nearest(id, ids.iter().copied())) {
            (Some(original), _) => {
                format!("write the id without prefix and suffix of the environment: `{original}`")
            }
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => {
                "write the id that stands in the manifest of the artifact, or in its settings"
                    .to_owned()
            }
        };
        let what = format!(
            "environment `{}` has parameters for `{}`, and no package has an artifact with this id",
            environment.name,
            quoted(id)
        );
        Err(SettingsError::new(&parameters.at, what, hint))
    }

    /// Refuses a `parameters-file` that leads to no file for any of the artifacts: it is wrong then, and would be passed over.
    pub fn refuse_useless_parameters_file(
        &self,
        environment: &EnvironmentSettings,
        artifacts: &[ParameterTarget<'_>],
    ) -> Result<(), SettingsError> {
        let Some(file) = &environment.parameters_file else {
            return Ok(());
        };
        let there =
            |artifact: &ParameterTarget<'_>| self.directory.join(file.path(*artifact)).exists();
        if artifacts.iter().any(there) {
            return Ok(());
        }
        let first = artifacts.first();
        let tried = first.map_or_else(String::new, |artifact| {
            format!("; looked for {} first", file.path(*artifact).display())
        });
        Err(SettingsError::new(
            &file.at,
            format!("`parameters-file` leads to no file for any artifact{tried}"),
            "check the names of directories and file; {artifact} stands for the directory of the artifact",
        ))
    }
}

impl ArtifactSettings {
    /// Refuses settings that are for one artifact when the path holds `found` artifacts.
    pub fn refuse_several(&self, found: usize) -> Result<(), SettingsError> {
        let key = match self {
            Self { id: Some(_), .. } => "id",
            Self { name: Some(_), .. } => "name",
            Self { parameters, .. } if !parameters.is_empty() => "parameters",
            _ => return Ok(()),
        };
        if found <= 1 {
            return Ok(());
        }
        let path = self.path.display();
        Err(SettingsError::new(
            &self.at,
            format!("`{key}` is for one artifact, and {path} holds {found}"),
            "give each artifact an entry of its own",
        ))
    }
}

impl EnvironmentSettings {
    /// The beginning of the names of the variables that hold its credentials; `CPI` unless it names another.
    pub fn credentials_prefix(&self) -> &str {
        self.credentials.as_deref().unwrap_or("CPI")
    }

    /// The names of the variables that hold its credentials.
    pub fn variable_names(&self) -> VariableNames {
        VariableNames::with_prefix(self.credentials_prefix())
    }

    /// Whether it leads to another place than a run without it.
    fn is_apart(&self) -> bool {
        let Names { id, name, package } = &self.names;
        self.credentials.is_some()
            || self.host.is_some()
            || [id, name, package].iter().any(|affix| !affix.is_empty())
    }

    /// Whether artifacts have other ids here than in their manifests: they are copies then.
    pub fn has_copies(&self) -> bool {
        !self.names.id.is_empty()
    }

    /// The name of a package that is created here, if it is not its id. A package of its own has a name of its own.
    pub fn package_name(&self, package: &PackageSettings) -> Option<String> {
        let affix = match &self.names {
            names if names.package.is_empty() => return package.name.clone(),
            names if names.name.is_empty() => &names.package,
            names => &names.name,
        };
        Some(affix.apply(package.name.as_deref().unwrap_or(&package.id)))
    }
}

/// When an artifact is deployed. `never` holds, whoever says it; else the artifact's own rule wins over the environment's.
pub fn deploy_rule(
    artifact: Option<&ArtifactSettings>,
    environment: &EnvironmentSettings,
) -> DeployRule {
    match environment.deploy {
        Some(DeployRule::Never) => DeployRule::Never,
        rule => artifact
            .and_then(|settings| settings.deploy)
            .or(rule)
            .unwrap_or(DeployRule::Changed),
    }
}

impl Affix {
    /// The name with prefix and suffix.
    pub fn apply(&self, name: &str) -> String {
        format!("{}{name}{}", self.prefix, self.suffix)
    }

    /// The name without prefix and suffix; `None` when it does not have them.
    pub fn strip<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)
    }

    /// The name without prefix and suffix, where it has them.
    pub fn original<'n>(&self, name: &'n str) -> &'n str {
        self.strip(name).unwrap_or(name)
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.suffix.is_empty()
    }
}
