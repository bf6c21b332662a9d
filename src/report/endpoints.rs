//! Where what runs can be called, for people and for programs.

use serde::Serialize;

use super::page::{Page, Style};
use super::query::{Facts, Origin};
use crate::endpoints::{Callable, Found};
use crate::inventory::counted;
use crate::tenant::service_endpoints::ServiceEndpoint;
use crate::tenant::wire::RuntimeStatus;
use crate::text::SafeText;

impl Facts for Found {
    /// A block for each artifact, and a line that counts.
    fn text(&self, of: &Origin<'_>, page: &mut Page) {
        let mut count = self.others.len();
        for callable in &self.callables {
            page.line(headline(callable, page.style));
            for endpoint in &callable.endpoints {
                addresses(endpoint, page);
            }
            if callable.endpoints.is_empty() {
                page.item("  no endpoint: ", why_none(callable));
            }
            count += callable.endpoints.len();
        }
        for endpoint in &self.others {
            page.line(format_args!("{} {}", endpoint.name, endpoint.version));
            addresses(endpoint, page);
        }
        page.line(format_args!(
            "{} of {} on {}",
            counted(count, "endpoint"),
            counted(self.callables.len(), "artifact"),
            of.tenant
        ));
    }

    fn fields(&self) -> impl Serialize {
        Endpoints {
            artifacts: self.callables.iter().map(artifact).collect(),
            other_endpoints: self.others.iter().map(endpoint).collect(),
        }
    }
}

fn headline(callable: &Callable, style: Style) -> String {
    let one = &callable.deployed;
    let mut line = format!("{} {}", one.id, one.version);
    if !one.name.is_empty() && one.name != one.id {
        line += &format!(" \"{}\"", one.name);
    }
    if one.status != RuntimeStatus::Started {
        line += &format!(" [{}]", style.bad(&one.status.to_string()));
    }
    line
}

fn addresses(endpoint: &ServiceEndpoint, page: &mut Page) {
    let label = format!("  {:<7} ", endpoint.protocol.to_string());
    page.items(&label, &endpoint.urls);
    if endpoint.urls.is_empty() {
        page.item(&label, "(the tenant tells no address)");
    }
}

fn why_none(callable: &Callable) -> String {
    let one = &callable.deployed;
    if !callable.is_flow() {
        format!("it is no integration flow, but {}", one.kind)
    } else if one.status == RuntimeStatus::Started {
        "nobody calls it from outside; a timer, a poll or another flow (ProcessDirect) starts it"
            .to_owned()
    } else {
        "it does not run".to_owned()
    }
}

#[derive(Serialize)]
struct Endpoints<'a> {
    artifacts: Vec<Artifact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_endpoints: Vec<Endpoint<'a>>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    version: &'a str,
    status: &'a RuntimeStatus,
    endpoints: Vec<Endpoint<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    title: &'a str,
    version: &'a str,
    protocol: &'a str,
    urls: &'a [SafeText],
}

fn artifact(callable: &Callable) -> Artifact<'_> {
    let one = &callable.deployed;
    Artifact {
        id: &one.id,
        name: &one.name,
        kind: &one.kind,
        version: &one.version,
        status: &one.status,
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
