//! Where what runs can be called, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{Problem, SCHEMA, problem};
use super::text::{SIMULATED, Style};
use crate::endpoints::{Callable, Found};
use crate::exit::Exit;
use crate::inventory::counted;
use crate::tenant::service_endpoints::ServiceEndpoint;
use crate::tenant::wire::RuntimeStatus;
use crate::text::disarm;

/// What `endpoints` found.
pub struct Listed<'a> {
    /// The tenant was a simulated one.
    pub simulated: bool,
    /// The host.
    pub tenant: &'a str,
    /// What was found.
    pub found: &'a Found,
    /// The code of the run.
    pub exit: Exit,
}

/// Writes a block for each artifact, and a line that counts.
pub fn text(listed: &Listed<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mark = if listed.simulated { SIMULATED } else { "" };
    for callable in &listed.found.callables {
        writeln!(out, "{mark}{}", headline(callable, style))?;
        for endpoint in &callable.endpoints {
            addresses(endpoint, mark, out)?;
        }
        if callable.endpoints.is_empty() {
            writeln!(out, "{mark}  {}", why_none(callable))?;
        }
    }
    for endpoint in &listed.found.others {
        writeln!(
            out,
            "{mark}{} {}",
            disarm(&endpoint.name),
            disarm(&endpoint.version)
        )?;
        addresses(endpoint, mark, out)?;
    }
    writeln!(out, "{mark}{}", summary(listed))
}

fn headline(callable: &Callable, style: Style) -> String {
    let one = &callable.deployed;
    let mut line = format!("{} {}", disarm(&one.id), disarm(&one.version));
    if !one.name.is_empty() && one.name != one.id {
        line += &format!(" \"{}\"", disarm(&one.name));
    }
    if one.status != RuntimeStatus::Started {
        line += &format!(" [{}]", style.bad(&disarm(&one.status.to_string())));
    }
    line
}

fn addresses(endpoint: &ServiceEndpoint, mark: &str, out: &mut dyn Write) -> io::Result<()> {
    let protocol = disarm(&endpoint.protocol);
    for url in &endpoint.urls {
        writeln!(out, "{mark}  {protocol:<7} {}", disarm(url))?;
    }
    if endpoint.urls.is_empty() {
        writeln!(out, "{mark}  {protocol:<7} (the tenant tells no address)")?;
    }
    Ok(())
}

fn why_none(callable: &Callable) -> String {
    let one = &callable.deployed;
    if !callable.is_flow() {
        return format!(
            "no endpoint: it is no integration flow, but {}",
            disarm(&one.kind)
        );
    }
    if one.status == RuntimeStatus::Started {
        "no endpoint: nobody calls it from outside; a timer, a poll or another flow (ProcessDirect) starts it".to_owned()
    } else {
        "no endpoint: it does not run".to_owned()
    }
}

fn summary(listed: &Listed<'_>) -> String {
    let found = listed.found;
    let own = found.callables.iter().map(|one| one.endpoints.len());
    format!(
        "{} of {} on {}",
        counted(own.sum::<usize>() + found.others.len(), "endpoint"),
        counted(found.callables.len(), "artifact"),
        disarm(listed.tenant)
    )
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: u32,
    flowship: &'static str,
    simulated: bool,
    tenant: &'a str,
    exit_code: u8,
    artifacts: Vec<Artifact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_endpoints: Vec<Endpoint<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    version: &'a str,
    status: String,
    endpoints: Vec<Endpoint<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    title: &'a str,
    version: &'a str,
    protocol: &'a str,
    urls: &'a [String],
}

/// Writes the whole as one object and a line break.
pub fn json(listed: &Listed<'_>, out: &mut dyn Write) -> io::Result<()> {
    let found = listed.found;
    let whole = Whole {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        simulated: listed.simulated,
        tenant: listed.tenant,
        exit_code: listed.exit.code(),
        artifacts: found.callables.iter().map(artifact).collect(),
        other_endpoints: found.others.iter().map(endpoint).collect(),
        errors: found
            .troubles
            .iter()
            .map(|trouble| problem(&trouble.message))
            .collect(),
    };
    let text = super::json::pretty(&whole)?;
    writeln!(out, "{text}")
}

fn artifact(callable: &Callable) -> Artifact<'_> {
    let one = &callable.deployed;
    Artifact {
        id: &one.id,
        name: &one.name,
        kind: &one.kind,
        version: &one.version,
        status: one.status.to_string(),
        endpoints: callable.endpoints.iter().map(endpoint).collect(),
    }
}

fn endpoint(endpoint: &ServiceEndpoint) -> Endpoint<'_> {
    Endpoint {
        name: &endpoint.name,
        title: &endpoint.title,
        version: &endpoint.version,
        protocol: &endpoint.protocol,
        urls: &endpoint.urls,
    }
}
