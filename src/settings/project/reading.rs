//! From the file to the settings: what types can't say.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::file::{
    ArtifactEntry, EnvironmentEntry, FilePath, PackageEntry, Parameters, PathOrArtifact,
    SettingsFormat, Text,
};
use super::value::{HOW, RawParameter};
use super::{
    Affix, ArtifactParameters, ArtifactSettings, EnvironmentSettings, Names, PackageSettings,
    ParametersFile, Project, quoted,
};
use crate::settings::address::TenantUrl;
use crate::settings::yaml::{self, Entries, Optional, Placed, Position, YamlFault};

/// Reads the text of the file `given`, relative to `directory`.
pub fn read(text: &str, directory: &Path, given: &Path) -> Result<Project, YamlFault> {
    let file: SettingsFormat = yaml::read(text)?;
    if file.packages.0.is_none() && file.environments.0.is_none() {
        return Err(YamlFault::new(
            Position::START,
            "the file names neither packages nor environments",
            "add `packages:` with the packages and their artifacts",
        ));
    }
    let packages = file.packages.value().map_or_else(Vec::new, |list| list.0);
    refuse_repetitions(&packages)?;
    let source = SettingsSource {
        shown: &given.display().to_string(),
        base: given.parent().unwrap_or(Path::new("")),
    };
    let environments = entries(file.environments).into_iter().map(|(name, one)| {
        let settings = source.environment(&name, one.unwrap_or_default())?;
        Ok((name.value.0, settings))
    });
    Ok(Project {
        path: given.to_owned(),
        directory: directory.to_owned(),
        rollback_required: file.rollback.value().is_some(),
        environments: environments.collect::<Result<_, YamlFault>>()?,
        packages: packages
            .into_iter()
            .map(|package| source.package(package))
            .collect::<Result<_, _>>()?,
        plain: EnvironmentSettings {
            parameters_file: source.parameters_file(file.parameters_file)?,
            ..EnvironmentSettings::default()
        },
    })
}

fn entries<K, V>(given: Optional<Entries<K, V>>) -> Vec<(Placed<K>, V)> {
    given.value().map_or_else(Vec::new, |entries| entries.0)
}

fn owned<F>(given: Optional<Text<F>>) -> Option<String> {
    given.value().map(|text| text.0)
}

fn affix<F>(prefix: Optional<Text<F>>, suffix: Optional<Text<F>>) -> Affix {
    Affix {
        prefix: owned(prefix).unwrap_or_default(),
        suffix: owned(suffix).unwrap_or_default(),
    }
}

/// The file that is read.
struct SettingsSource<'a> {
    shown: &'a str,
    base: &'a Path,
}

impl SettingsSource<'_> {
    fn at(&self, place: Position) -> String {
        place.of(self.shown)
    }

    fn package(&self, package: PackageEntry) -> Result<PackageSettings, YamlFault> {
        let artifacts = package.artifacts.0.into_iter();
        let artifacts = artifacts.map(|artifact| self.artifact(artifact));
        Ok(PackageSettings {
            id: package.id.value.0,
            name: owned(package.name),
            short_text: owned(package.short_text),
            artifacts: artifacts.collect::<Result<_, _>>()?,
        })
    }

    fn artifact(&self, entry: Placed<PathOrArtifact>) -> Result<ArtifactSettings, YamlFault> {
        let at = self.at(entry.place);
        let artifact: ArtifactEntry = entry.value.0;
        Ok(ArtifactSettings {
            path: below(self.base, &artifact.path.0),
            id: owned(artifact.id),
            name: owned(artifact.name),
            deploy: artifact.deploy.value(),
            parameters: self.parameters(artifact.parameters.value())?,
            at,
        })
    }

    fn environment<F>(
        &self,
        name: &Placed<Text<F>>,
        environment: EnvironmentEntry,
    ) -> Result<EnvironmentSettings, YamlFault> {
        let parameters = entries(environment.parameters).into_iter();
        let parameters = parameters.map(|(id, parameters)| {
            let parameters = ArtifactParameters {
                at: self.at(id.place),
                parameters: self.parameters(Some(parameters))?,
            };
            Ok((id.value.0, parameters))
        });
        Ok(EnvironmentSettings {
            name: name.value.0.clone(),
            credentials: owned(environment.credentials),
            host: owned(environment.host).and_then(|text| host(&text)),
            names: Names {
                id: affix(environment.id_prefix, environment.id_suffix),
                name: affix(environment.name_prefix, environment.name_suffix),
                package: affix(environment.package_prefix, environment.package_suffix),
            },
            allow_shared_addresses: environment.allow_shared_addresses.value() == Some(true),
            deploy: environment.deploy.value(),
            parameters: parameters.collect::<Result<_, YamlFault>>()?,
            parameters_file: self.parameters_file(environment.parameters_file)?,
            at: self.at(name.place),
        })
    }

    fn parameters(&self, parameters: Option<Parameters>) -> Result<Vec<RawParameter>, YamlFault> {
        let entries = parameters.map_or_else(Vec::new, |entries| entries.0);
        let parameter = entries.into_iter().map(|(key, value)| {
            let (at, value_at) = (self.at(key.place), self.at(value.place));
            RawParameter::read(key.value.0, at, &value.value.0, value_at)
                .map_err(|what| YamlFault::new(value.place, what, HOW))
        });
        parameter.collect()
    }

    fn parameters_file(
        &self,
        given: Optional<Text<FilePath>>,
    ) -> Result<Option<ParametersFile>, YamlFault> {
        let Some(Placed { value, place, .. }) = given.0 else {
            return Ok(None);
        };
        let pattern = value.0;
        let inside = pattern
            .strip_prefix("{artifact}/")
            .unwrap_or(&pattern)
            .replace("{id}", "");
        if inside.contains(['{', '}']) {
            return Err(YamlFault::new(
                place,
                "`parameters-file` holds braces that stand for nothing",
                "write {artifact}/ at the beginning for the directory of the artifact, and {id} for its id",
            ));
        }
        Ok(Some(ParametersFile {
            pattern,
            base: self.base.to_owned(),
            at: self.at(place),
        }))
    }
}

/// The host of an address, or the host itself; port and path are left out.
fn host(text: &str) -> Option<String> {
    let url = TenantUrl::parse(text).ok()?;
    Some(url.host().to_owned())
}

/// A path of the file, relative to the working directory when the file's is. `..` stays: where it leads is known only to
/// the file system.
fn below(base: &Path, given: &str) -> PathBuf {
    let path: PathBuf = base
        .components()
        .chain(Path::new(given).components())
        .filter(|part| *part != Component::CurDir)
        .collect();
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path
    }
}

/// The same path, however it is written: `a/./b/../c/` and `a/c`.
fn normal(given: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in given.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

/// Refuses packages, artifact ids and paths that stand twice: two entries would be copies that share their addresses, which
/// is what environments are looked through for.
fn refuse_repetitions(packages: &[PackageEntry]) -> Result<(), YamlFault> {
    let mut lines: HashMap<(&str, String), usize> = HashMap::new();
    let mut once = |what, text: &str, key: String, place: Position| {
        let Some(first) = lines.insert((what, key), place.line) else {
            return Ok(());
        };
        let hint = match what {
            "path" => {
                "remove one of them; copies under other ids are made by an environment with `id-suffix`"
            }
            _ => "an id stands once: put everything about it in one place",
        };
        let what = format!("the {what} `{}` stands on line {first} too", quoted(text));
        Err(YamlFault::new(place, what, hint))
    };
    for package in packages {
        let id = &package.id;
        once("package", &id.value.0, id.value.0.clone(), id.place)?;
        for entry in &package.artifacts.0 {
            let artifact = &entry.value.0;
            if let Some(id) = &artifact.id.0 {
                once("artifact", &id.value.0, id.value.0.clone(), id.place)?;
            }
            let path = &artifact.path.0;
            once("path", path, normal(path).join("/"), entry.place)?;
        }
    }
    Ok(())
}
