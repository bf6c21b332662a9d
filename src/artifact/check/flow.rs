//! What is wrong with the model of an integration flow: the `.iflw` itself and what it refers to.

use std::collections::BTreeSet;

use super::{Artifact, Contents, DOWNLOAD, Findings, Severity, parse_model, read_model};
use crate::artifact::flow_model::{
    FlowModel, MODEL_FOLDER, Property, Step, is_fixed, is_model, placeholders,
};
use crate::artifact::manifest::Capability;
use crate::artifact::{ArtifactFile, PARAMETERS_PATH};
use crate::text::few;
use crate::xml;

/// Where scripts, mappings and schemas lie.
const RESOURCES: &str = "src/main/resources/";
/// How many undefined parameters are named where `parameters.prop` is missing.
const MOST_NAMED: usize = 3;

pub fn check(artifact: &Artifact, contents: &mut Contents, findings: &mut Findings) {
    let Some(file) = only_model(artifact, findings) else {
        return;
    };
    let Some(text) = read_model(contents, file, "flow-malformed", findings) else {
        return;
    };
    let Some(document) = parse_model(&text, file, "flow-malformed", findings) else {
        return;
    };
    let required = artifact.manifest().required().into_iter();
    let model = Model {
        artifact,
        path: &file.path,
        flow: FlowModel::of(&document, &file.path),
        requirements: required.map(|(capability, _)| capability).collect(),
        endings: Endings::of(artifact.files(), str::to_owned),
        endings_in_any_case: Endings::of(artifact.files(), str::to_lowercase),
    };
    model.check_references(findings);
    model.check_parameters(findings);
}

/// The one `.iflw`; an error when there is none or more than one.
fn only_model<'a>(artifact: &'a Artifact, findings: &mut Findings) -> Option<&'a ArtifactFile> {
    let (inside, outside): (Vec<_>, Vec<_>) = artifact
        .files()
        .iter()
        .filter(|file| ends_with(&file.path, ".iflw"))
        .partition(|file| is_model(&file.path));
    match inside.as_slice() {
        [one] => return Some(*one),
        [] => {
            let elsewhere = outside
                .first()
                .map(|file| format!("; there is one at {}", file.path))
                .unwrap_or_default();
            let message = format!(
                "an integration flow needs one .iflw in this folder, found none{elsewhere}"
            );
            findings.error("flow-missing", MODEL_FOLDER, None, message, DOWNLOAD);
        }
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|file| file.path[MODEL_FOLDER.len()..].to_owned())
                .collect();
            let message = format!(
                "an integration flow needs one .iflw in this folder, found {}",
                names.join(", ")
            );
            findings.error(
                "flow-ambiguous",
                MODEL_FOLDER,
                None,
                message,
                "remove all but the right one",
            );
        }
    }
    None
}

/// A model that could be read.
struct Model<'a> {
    artifact: &'a Artifact,
    path: &'a str,
    flow: FlowModel,
    requirements: BTreeSet<Capability>,
    endings: Endings,
    endings_in_any_case: Endings,
}

impl Model<'_> {
    fn check_references(&self, findings: &mut Findings) {
        for step in &self.flow.steps {
            let properties = step.properties.iter();
            for property in properties.filter(|property| is_fixed(&property.value)) {
                match property.key.as_str() {
                    "script" => self.check_script(step, property, findings),
                    "mappinguri" => self.check_mapping(step, property, findings),
                    _ => self.check_schema(property, findings),
                }
            }
        }
    }

    /// A script without a script collection (`scriptBundleId`) must be in the artifact.
    fn check_script(&self, step: &Step, script: &Property, findings: &mut Findings) {
        let is_script = [".groovy", ".gsh", ".js"]
            .iter()
            .any(|extension| ends_with(&script.value, extension));
        if !is_script || step.get("scriptBundleId").is_some() || self.has(&script.value) {
            return;
        }
        let message = format!("the script `{}` is not in the artifact", script.value);
        let remedy = format!(
            "add it as {RESOURCES}script/{}, or correct the name",
            last_part(&script.value)
        );
        let may_be_elsewhere =
            self.requires_a_collection() || self.has_in_other_case(&script.value);
        let severity = severity(may_be_elsewhere);
        let line = Some(script.line);
        findings.add(severity, "script-missing", self.path, line, message, remedy);
    }

    /// A mapping may also be an artifact of its own, which Require-Capability then names.
    fn check_mapping(&self, step: &Step, mapping: &Property, findings: &mut Findings) {
        if self.has(&mapping.value) || self.names_required_mapping(&mapping.value) {
            return;
        }
        let names_bundle =
            |one: &Property| ends_with(&one.key, "bundleid") && !one.value.is_empty();
        let reference = step.property("mappingReference");
        let may_be_elsewhere = !mapping.value.contains(RESOURCES)
            || self.requires_anything_else()
            || step.properties.iter().any(names_bundle)
            || reference.is_some_and(|reference| reference.value != "static")
            || self.has_in_other_case(&mapping.value);
        let message = format!("the mapping `{}` is not in the artifact", mapping.value);
        let severity = severity(may_be_elsewhere);
        let line = Some(mapping.line);
        let remedy = "add the file, or correct the name";
        findings.add(
            severity,
            "mapping-missing",
            self.path,
            line,
            message,
            remedy,
        );
    }

    /// Published flows that run refer to schemas that they do not hold, so this is never more than a warning.
    fn check_schema(&self, property: &Property, findings: &mut Findings) {
        let key = property.key.to_ascii_lowercase();
        let Some(kind) = ["edmx", "wsdl", "xsd"]
            .into_iter()
            .find(|kind| ends_with(&property.value, &format!(".{kind}")))
        else {
            return;
        };
        let path = property.value.trim_start_matches('/');
        let in_folder = ["edmx/", "wsdl/", "xsd/", RESOURCES]
            .iter()
            .any(|folder| path.starts_with(folder));
        let is_reference = in_folder || key.contains(kind) || key.contains("schema");
        if !is_reference || property.value.contains("http") || self.has(&property.value) {
            return;
        }
        let message = format!("`{}` is not in the artifact", property.value);
        let remedy = "add the file if the adapter or step needs it";
        findings.warning(
            "schema-missing",
            self.path,
            Some(property.line),
            message,
            remedy,
        );
    }

    fn check_parameters(&self, findings: &mut Findings) {
        // a parameters.prop that cannot be read is an error already
        if self.artifact.parameters_error.is_some() {
            return;
        }
        let undefined = self.undefined_parameters();
        if undefined.len() > 1 && self.artifact.file(PARAMETERS_PATH).is_none() {
            let all = undefined.iter();
            let names: Vec<_> = all.map(|(name, _)| format!("`{{{{{name}}}}}`")).collect();
            let message = format!(
                "there is no parameters.prop: {} parameters are used but defined nowhere: {}",
                names.len(),
                few(&names, MOST_NAMED),
            );
            let remedy = "download the artifact again from the tenant, or define them in that file and parameters.propdef";
            let line = undefined.first().map(|(_, line)| *line);
            findings.warning("parameter-undefined", self.path, line, message, remedy);
            return;
        }
        for (name, line) in undefined {
            let message = format!("the parameter `{{{{{name}}}}}` is used but defined nowhere");
            let remedy = "define it in parameters.prop and parameters.propdef, or correct the name";
            findings.warning(
                "parameter-undefined",
                self.path,
                Some(line),
                message,
                remedy,
            );
        }
    }

    /// The parameters that are used but defined nowhere, each with the line of its first use.
    fn undefined_parameters(&self) -> Vec<(&str, u32)> {
        let known = self.artifact.parameter_keys();
        let mut seen = BTreeSet::new();
        let properties = self.flow.properties();
        properties
            .flat_map(|property| placeholders(&property.value).map(|name| (name, property.line)))
            // the cells of a table are escaped once more
            .filter(|(name, _)| !known.contains(name) && !known.contains(&*xml::unescaped(name)))
            .filter(|(name, _)| seen.insert(*name))
            .collect()
    }

    /// References are written as `x.groovy`, `script/x.groovy`, `/script/x.groovy` or
    /// `dir://mmap/src/main/resources/mapping/x.mmap`.
    fn has(&self, reference: &str) -> bool {
        self.endings.has(inner_path(reference))
    }

    fn has_in_other_case(&self, reference: &str) -> bool {
        let wanted = inner_path(reference).to_lowercase();
        self.endings_in_any_case.has(&wanted)
    }

    fn requires_a_collection(&self) -> bool {
        let first = capability("scriptcollection", "");
        let mut from = self.requirements.range(first..);
        from.next()
            .is_some_and(|required| required.namespace == "scriptcollection")
    }

    fn requires_anything_else(&self) -> bool {
        let (first, last) = (self.requirements.first(), self.requirements.last());
        let mut both = first.into_iter().chain(last);
        both.any(|required| required.namespace != "scriptcollection")
    }

    fn names_required_mapping(&self, reference: &str) -> bool {
        let file = last_part(reference);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        self.requirements
            .contains(&capability("messagemapping", stem))
    }
}

/// How bad it is that a file is not there.
fn severity(may_be_elsewhere: bool) -> Severity {
    if may_be_elsewhere {
        Severity::Warning
    } else {
        Severity::Error
    }
}

fn capability(namespace: &str, name: &str) -> Capability {
    Capability {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn inner_path(reference: &str) -> &str {
    match reference.find(RESOURCES) {
        Some(start) => &reference[start..],
        None => reference.trim_start_matches('/'),
    }
}

/// Paths, to be found by whole parts at their ends: both a model and an artifact can have very many of them.
struct Endings(BTreeSet<Vec<u8>>);

impl Endings {
    fn of(files: &[ArtifactFile], spelled: impl Fn(&str) -> String) -> Self {
        let paths = files.iter().map(|file| backwards(&spelled(&file.path)));
        Self(paths.collect())
    }

    /// Whether a path ends with the path `wanted`, or is it.
    fn has(&self, wanted: &str) -> bool {
        let wanted = backwards(wanted);
        let below = [&wanted[..], b"/"].concat();
        let mut longer = self.0.range(below.clone()..);
        self.0.contains(&wanted) || longer.next().is_some_and(|path| path.starts_with(&below))
    }
}

fn backwards(path: &str) -> Vec<u8> {
    path.bytes().rev().collect()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn ends_with(text: &str, ending: &str) -> bool {
    text.to_ascii_lowercase().ends_with(ending)
}
