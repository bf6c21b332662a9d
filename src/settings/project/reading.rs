//! From the tree to the settings. The tree was checked against the table before; here is what tables can't say.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use super::format::{self, FILE, Kind};
use super::value::{RawParameter, places};
use super::{
    Affix, ArtifactParameters, ArtifactSettings, DeployRule, EnvironmentSettings, Host,
    PackageSettings, ParametersFile, quoted,
};
use crate::settings::yaml::{self, Entry, Fault, Node, Place, Value};

/// What the file says.
pub(super) struct Read {
    pub(super) packages: Vec<PackageSettings>,
    pub(super) environments: BTreeMap<String, EnvironmentSettings>,
    pub(super) parameters_file: Option<ParametersFile>,
    pub(super) rollback_required: bool,
}

/// Reads the text of a file that messages call `shown` and that lies in `base`.
pub(super) fn read(text: &str, shown: &str, base: &Path) -> Result<Read, Fault> {
    let root = yaml::parse(text)?;
    format::check(&root, &Kind::Table(&FILE), shown)?;
    let file = File { text, shown, base };
    let fields = Fields::of(&root);
    if fields.get("packages").is_none() && fields.get("environments").is_none() {
        return Err(Fault::new(
            root.place,
            "the file names neither packages nor environments",
            "add `packages:` with the packages and their artifacts",
        ));
    }
    let packages = fields.list("packages").iter();
    let packages = packages
        .map(|node| file.package(node))
        .collect::<Result<Vec<_>, _>>()?;
    let environments = fields.map("environments").iter();
    let environments = environments
        .map(|entry| Ok((entry.key.clone(), file.environment(entry)?)))
        .collect::<Result<_, Fault>>()?;
    refuse_repetitions(fields.list("packages"))?;
    let parameters_file = fields.get("parameters-file");
    Ok(Read {
        packages,
        environments,
        parameters_file: parameters_file
            .map(|node| file.parameters_file(node))
            .transpose()?,
        rollback_required: fields.get("rollback").is_some(),
    })
}

/// The keys of a mapping that was checked.
struct Fields<'n>(&'n [Entry]);

impl<'n> Fields<'n> {
    fn of(node: &'n Node) -> Self {
        match &node.value {
            Value::Map(entries) => Self(entries),
            _ => Self(&[]),
        }
    }

    fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.0.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    fn text(&self, key: &str) -> Option<&'n str> {
        self.get(key).map(text)
    }

    fn owned(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    fn list(&self, key: &str) -> &'n [Node] {
        match self.get(key).map(|node| &node.value) {
            Some(Value::List(nodes)) => nodes,
            _ => &[],
        }
    }

    fn map(&self, key: &str) -> &'n [Entry] {
        self.get(key).map_or(&[], |node| Self::of(node).0)
    }

    fn switch(&self, key: &str) -> bool {
        matches!(
            self.get(key).map(|node| &node.value),
            Some(Value::Scalar {
                truth: Some(true),
                ..
            })
        )
    }

    fn deploy(&self) -> Option<DeployRule> {
        self.text("deploy").and_then(DeployRule::of)
    }

    fn affix(&self, of: &str) -> Affix {
        let part = |end: &str| self.owned(&format!("{of}-{end}")).unwrap_or_default();
        Affix {
            prefix: part("prefix"),
            suffix: part("suffix"),
        }
    }
}

fn text(node: &Node) -> &str {
    match &node.value {
        Value::Scalar { text, .. } => text,
        _ => "",
    }
}

/// The file that is read.
struct File<'a> {
    text: &'a str,
    shown: &'a str,
    base: &'a Path,
}

impl File<'_> {
    fn at(&self, place: Place) -> String {
        super::at(self.shown, place)
    }

    fn package(&self, node: &Node) -> Result<PackageSettings, Fault> {
        let fields = Fields::of(node);
        let artifacts = fields.list("artifacts").iter();
        Ok(PackageSettings {
            id: fields.owned("id").unwrap_or_default(),
            name: fields.owned("name"),
            short_text: fields.owned("short-text"),
            artifacts: artifacts
                .map(|node| self.artifact(node))
                .collect::<Result<_, _>>()?,
            at: self.at(node.place),
        })
    }

    fn artifact(&self, node: &Node) -> Result<ArtifactSettings, Fault> {
        let fields = Fields::of(node);
        let given = path_of(node);
        Ok(ArtifactSettings {
            path: below(self.base, given),
            id: fields.owned("id"),
            name: fields.owned("name"),
            deploy: fields.deploy(),
            parameters: self.parameters(fields.map("parameters"))?,
            at: self.at(node.place),
        })
    }

    fn environment(&self, entry: &Entry) -> Result<EnvironmentSettings, Fault> {
        let fields = Fields::of(&entry.value);
        let parameters = fields.map("parameters").iter().map(|artifact| {
            let parameters = ArtifactParameters {
                at: self.at(artifact.place),
                parameters: self.parameters(Fields::of(&artifact.value).0)?,
            };
            Ok((artifact.key.clone(), parameters))
        });
        Ok(EnvironmentSettings {
            name: entry.key.clone(),
            credentials: fields.owned("credentials"),
            host: fields.text("host").and_then(Host::of),
            id: fields.affix("id"),
            artifact_name: fields.affix("name"),
            package: fields.affix("package"),
            allow_shared_addresses: fields.switch("allow-shared-addresses"),
            deploy: fields.deploy(),
            parameters: parameters.collect::<Result<_, Fault>>()?,
            parameters_file: fields
                .get("parameters-file")
                .map(|node| self.parameters_file(node))
                .transpose()?,
            at: self.at(entry.place),
        })
    }

    fn parameters(&self, entries: &[Entry]) -> Result<Vec<RawParameter>, Fault> {
        entries.iter().map(|entry| self.parameter(entry)).collect()
    }

    fn parameter(&self, entry: &Entry) -> Result<RawParameter, Fault> {
        let value = &entry.value;
        let places = places(self.text, value.bytes, value.place);
        // a `${env:` that is written with escapes is not found in the file
        let place = |number: usize| places.get(number).copied().unwrap_or(value.place);
        let at = self.at(entry.place);
        RawParameter::read(&entry.key, at, text(value), |number| self.at(place(number))).map_err(
            |bad| {
                let place = place(bad.before);
                bad.at(place)
            },
        )
    }

    fn parameters_file(&self, node: &Node) -> Result<ParametersFile, Fault> {
        let pattern = text(node);
        let inside = pattern
            .strip_prefix("{artifact}/")
            .unwrap_or(pattern)
            .replace("{id}", "");
        if inside.contains(['{', '}']) {
            return Err(Fault::new(
                node.place,
                "`parameters-file` holds braces that stand for nothing",
                "write {artifact}/ at the beginning for the directory of the artifact, and {id} for its id",
            ));
        }
        Ok(ParametersFile {
            pattern: pattern.to_owned(),
            base: self.base.to_owned(),
            at: self.at(node.place),
        })
    }
}

/// The path of an entry of `artifacts`.
fn path_of(node: &Node) -> &str {
    Fields::of(node).text("path").unwrap_or_else(|| text(node))
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
fn refuse_repetitions(packages: &[Node]) -> Result<(), Fault> {
    let (mut ids, mut artifact_ids) = (Seen::new("package"), Seen::new("artifact"));
    let mut paths: HashMap<Vec<&str>, usize> = HashMap::new();
    for package in packages {
        let fields = Fields::of(package);
        ids.refuse_second(fields.get("id"))?;
        for artifact in fields.list("artifacts") {
            let id = Fields::of(artifact).get("id");
            artifact_ids.refuse_second(id)?;
            let path = path_of(artifact);
            let line = artifact.place.line;
            if let Some(first) = paths.insert(normal(path), line) {
                return Err(Fault::new(
                    artifact.place,
                    format!("the path `{}` stands on line {first} too", quoted(path)),
                    "remove one of them; copies under other ids are made by an environment with `id-suffix`",
                ));
            }
        }
    }
    Ok(())
}

/// The lines of ids that may stand once.
struct Seen<'n> {
    of: &'static str,
    lines: HashMap<&'n str, usize>,
}

impl<'n> Seen<'n> {
    fn new(of: &'static str) -> Self {
        Self {
            of,
            lines: HashMap::new(),
        }
    }

    fn refuse_second(&mut self, id: Option<&'n Node>) -> Result<(), Fault> {
        let Some(node) = id else { return Ok(()) };
        let Some(first) = self.lines.insert(text(node), node.place.line) else {
            return Ok(());
        };
        Err(Fault::new(
            node.place,
            format!(
                "the {} `{}` stands on line {first} too",
                self.of,
                quoted(text(node))
            ),
            "an id stands once: put everything about it in one place",
        ))
    }
}
