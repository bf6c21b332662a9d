//! The plan file: `plan -o` writes it, `deploy --plan` carries it out. It holds what the plan was asked for, so that it need
//! not be said again, and no values of parameters.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::refusal::Refusal;
use crate::Process;
use crate::deploy::approval::{Approval, Request};
use crate::deploy::outcome::Message;
use crate::deploy::preview::Preview;
use crate::settings::environment::Environment;
use crate::whole_file;

/// The largest plan file that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// These variables, and over them what a plan was asked for.
pub(crate) fn over(environment: &Environment, request: &Request) -> Environment {
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    let paths: Vec<String> = request.paths.iter().map(path).collect();
    let texts = [
        ("PATHS", Some(paths.join("\n"))),
        ("CONFIG", request.config.as_ref().map(path)),
        ("ENVIRONMENT", request.environment.clone()),
        ("PACKAGE", request.package.clone()),
        ("PACKAGE_NAME", request.package_name.clone()),
        ("ID", request.id.clone()),
        ("NAME", request.name.clone()),
        ("PARAMETERS", request.parameters.as_ref().map(path)),
        ("SAVE_AS_VERSION", request.save_as_version.clone()),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text?)))
        .filter(|(_, text)| !text.is_empty());
    let switches = request.switches.iter().map(|name| {
        let name = name.replace('-', "_").to_ascii_uppercase();
        (name, "true".to_owned())
    });
    texts
        .chain(switches)
        .fold(environment.clone(), |all, (name, text)| {
            all.with(&format!("FLOWSHIP_{name}"), &text)
        })
}

/// Writes a plan file.
pub(super) fn write(
    out: &Path,
    previews: &[Preview],
    tenant: &str,
    request: &Request,
    process: &Process<'_>,
) -> Result<(), Box<Message>> {
    let facts: BTreeMap<_, _> = previews
        .iter()
        .filter_map(|preview| Some((preview.id.clone(), preview.facts.clone()?)))
        .collect();
    let text = Approval::new(tenant, request.clone(), facts).to_text();
    let target = process.directory.join(out);
    whole_file::replace(&target, |file| file.write_all(text.as_bytes())).map_err(|error| {
        let message = Message::new(format!("the plan can't be written: {error}"))
            .at(out.display().to_string())
            .hint("check the path given with -o");
        Box::new(message)
    })
}

/// Reads a plan file.
pub(crate) fn read(file: &Path, process: &Process<'_>) -> Result<Approval, Refusal> {
    let path = process.directory.join(file);
    let cannot = |reason: String| {
        let message = Message::new(format!("the plan can't be read: {reason}"));
        Refusal::usage(
            message
                .at(file.display().to_string())
                .hint("name a file that `flowship plan -o FILE` wrote"),
        )
    };
    let found = fs::metadata(&path).map_err(|error| cannot(error.to_string()))?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(cannot("it is no ordinary file of a plan's size".to_owned()));
    }
    let bytes = fs::read(&path).map_err(|error| cannot(error.to_string()))?;
    Approval::parse(&bytes).map_err(cannot)
}
