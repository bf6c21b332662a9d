//! The plan file: `plan -o` writes it, `deploy --plan` carries it out. It holds what the plan was asked for, so that it need
//! not be said again, and no values of parameters.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::refusal::Refusal;
use crate::Process;
use crate::deploy::approval::{Approval, Request};
use crate::deploy::outcome::Message;
use crate::deploy::preview::Preview;
use crate::settings::environment::Environment;
use crate::settings::options::variable;
use crate::whole_file::{self, read_bounded};

/// The largest plan file that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// These variables, and over them what a plan was asked for.
pub fn over(environment: &Environment, request: &Request) -> Environment {
    let request = serde_json::to_value(request).unwrap_or_default();
    let mut all = environment.clone();
    for (option, given) in request.as_object().into_iter().flatten() {
        let words = given.as_array().into_iter().flatten();
        let words = words.filter_map(Value::as_str);
        if option == "switches" {
            all = words.fold(all, |all, switch| all.with(&variable(switch), "true"));
            continue;
        }
        let lines = words.collect::<Vec<_>>().join("\n");
        let text = given.as_str().unwrap_or(&lines);
        if !text.is_empty() {
            all = all.with(&variable(option), text);
        }
    }
    all
}

/// Writes a plan file.
pub fn write(
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
pub fn read(file: &Path, process: &Process<'_>) -> Result<Approval, Refusal> {
    let path = process.directory.join(file);
    let cannot = |reason: String| {
        let what = format!("the plan can't be read: {reason}");
        let hint = "name a file that `flowship plan -o FILE` wrote";
        Refusal::wrong(file.display().to_string(), what, hint)
    };
    let bytes = read_bounded(&path, LARGEST).map_err(|error| cannot(error.to_string()))?;
    Approval::parse(&bytes).map_err(cannot)
}
