//! Where what runs can be called, for people and for programs.

use super::json::written;
use super::page::{Page, Style};
use super::query::{QueryFacts, QueryOrigin};
use crate::endpoints::{Callable, Found};
use crate::inventory::{Trouble, counted};
use crate::tenant::service_endpoints::ServiceEndpoint;
use crate::tenant::wire::RuntimeStatus;

impl QueryFacts for Found {
    /// A block for each artifact, and a line that counts.
    fn text(&self, of: &QueryOrigin<'_>, page: &mut Page) {
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

    fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}

fn headline(callable: &Callable, style: Style) -> String {
    let one = &callable.deployed;
    let mut line = format!("{} {}", one.id, one.record.version);
    if !one.name.is_empty() && one.name != one.id {
        line += &format!(" \"{}\"", one.name);
    }
    if one.record.status != RuntimeStatus::Started {
        line += &format!(" [{}]", style.bad(&one.record.status.to_string()));
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
        format!("it is no integration flow, but {}", one.record.kind)
    } else if one.record.status == RuntimeStatus::Started {
        "nobody calls it from outside; a timer, a poll or another flow (ProcessDirect) starts it"
            .to_owned()
    } else {
        "it does not run".to_owned()
    }
}

written! {
    Found as it {
        "artifacts" => it.callables,
        "other_endpoints" if !it.others.is_empty() => it.others,
    }

    Callable as it {
        "id" => it.deployed.id,
        "name" => it.deployed.name,
        "type" => it.deployed.record.kind,
        "version" => it.deployed.record.version,
        "status" => it.deployed.record.status,
        "endpoints" => it.endpoints,
    }

    ServiceEndpoint as it {
        "name" => it.name,
        "title" => it.title,
        "version" => it.version,
        "protocol" => it.protocol,
        "urls" => it.urls,
    }
}
