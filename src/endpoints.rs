//! Where what runs can be called.

use crate::deploy::outcome::Message;
use crate::inventory::Trouble;
use crate::query::Query;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::service_endpoints::{Deployed, ServiceEndpoint};
use crate::tenant::wire::{ArtifactId, RuntimeStatus};

/// The `Type` of integration flows at run time.
const FLOW: &str = "INTEGRATION_FLOW";

/// Something that runs, and where it can be called: nowhere, when there are no endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// What runs.
    pub deployed: Deployed,
    /// Its endpoints.
    pub endpoints: Vec<ServiceEndpoint>,
}

impl Callable {
    /// Whether it is an integration flow, as far as the tenant says.
    pub fn is_flow(&self) -> bool {
        let kind = &self.deployed.record.kind;
        kind.is_empty() || *kind == FLOW
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What runs, by id.
    pub callables: Vec<Callable>,
    /// Endpoints of nothing that is known to run.
    pub others: Vec<ServiceEndpoint>,
    /// What was named and does not run.
    pub troubles: Vec<Trouble>,
}

/// Reads the endpoints of these artifacts, or of everything that runs.
pub fn read(query: &Query<'_>, ids: &[String]) -> Result<Found, TenantError> {
    let mut found = Found::default();
    let deployed = if ids.is_empty() {
        everything(query)?
    } else {
        named(query, ids, &mut found.troubles)?
    };
    let mut endpoints = query.tenant.service_endpoints(query.deadline)?;
    endpoints.sort_by(|one, other| one.urls.cmp(&other.urls));
    let (callables, others) = assigned(deployed, endpoints);
    let shown = |one: &Callable| !ids.is_empty() || one.is_flow() || !one.endpoints.is_empty();
    found.callables = callables.into_iter().filter(shown).collect();
    if ids.is_empty() {
        found.others = others;
    }
    Ok(found)
}

/// Everything that is deployed; nothing on a tenant that does not list it: the endpoints alone tell something too.
fn everything(query: &Query<'_>) -> Result<Vec<Deployed>, TenantError> {
    match query.tenant.all_deployed(query.deadline) {
        Ok(mut all) => {
            all.sort_by(|one, other| one.id.cmp(&other.id));
            Ok(all)
        }
        Err(error) if matches!(error.kind, Kind::Refused | Kind::Nonsense) => {
            query.tell(
                "this tenant does not list what runs: flows without an endpoint are not shown",
            );
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn named(
    query: &Query<'_>,
    ids: &[String],
    troubles: &mut Vec<Trouble>,
) -> Result<Vec<Deployed>, TenantError> {
    let mut found: Vec<Deployed> = Vec::new();
    for id in ids {
        if found.iter().any(|one| one.id == *id) {
            continue;
        }
        let deployed = query
            .tenant
            .deployed(&ArtifactId(id.clone()), query.deadline)?;
        match deployed {
            None => troubles.push(Trouble::failed(not_deployed(id))),
            Some(one) => {
                if one.record.status != RuntimeStatus::Started {
                    troubles.push(Trouble::failed(not_started(&one)));
                }
                found.push(one);
            }
        }
    }
    Ok(found)
}

/// Nothing runs under an id: what, and what to do.
pub fn not_deployed(id: &str) -> Message {
    Message::new(format!("{id} does not run: nothing is deployed under this id")).hint(
        "deploy it (`flowship deploy`, or `flowship redeploy` where the tenant holds it); `flowship status` shows what is deployed. Where an access policy hides it from this key, add the role AccessAllAccessPoliciesArtifacts",
    )
}

fn not_started(one: &Deployed) -> Message {
    let message = Message::new(format!(
        "{} does not run: it is {}",
        one.id, one.record.status
    ));
    message.hint("`flowship status` shows why; an endpoint answers when the flow is STARTED")
}

/// Who each endpoint belongs to; those that belong to nobody are left.
fn assigned(
    deployed: Vec<Deployed>,
    endpoints: Vec<ServiceEndpoint>,
) -> (Vec<Callable>, Vec<ServiceEndpoint>) {
    let mut callables: Vec<Callable> = deployed
        .into_iter()
        .map(|deployed| Callable {
            deployed,
            endpoints: Vec::new(),
        })
        .collect();
    let mut others = Vec::new();
    for endpoint in endpoints {
        match owner(&callables, &endpoint) {
            Some(place) => callables[place].endpoints.push(endpoint),
            None => others.push(endpoint),
        }
    }
    (callables, others)
}

/// An id tells; a display name only where one artifact alone has it.
fn owner(callables: &[Callable], endpoint: &ServiceEndpoint) -> Option<usize> {
    let by_id = |one: &Callable| endpoint.is_of(&one.deployed.id, "");
    let by_name = |one: &Callable| endpoint.is_of(&one.deployed.id, &one.deployed.name);
    let found = callables.iter().position(by_id);
    found.or_else(|| {
        let mut named = (0..callables.len()).filter(|place| by_name(&callables[*place]));
        named.next().filter(|_| named.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::wire::RuntimeArtifact;

    fn deployed(id: &str, name: &str) -> Deployed {
        Deployed {
            id: id.into(),
            name: name.into(),
            record: RuntimeArtifact {
                version: "1.0.0".into(),
                status: RuntimeStatus::Started,
                deployed_on: None,
                deployed_by: "".into(),
                kind: FLOW.into(),
            },
        }
    }

    fn endpoint(owner: &str) -> ServiceEndpoint {
        ServiceEndpoint {
            name: owner.into(),
            id: format!("{owner}$endpointAddress=a").as_str().into(),
            ..ServiceEndpoint::default()
        }
    }

    #[test]
    fn endpoints_find_their_flow_by_id_first_and_by_a_name_that_is_unique() {
        let flows = || {
            vec![
                deployed("A", "Orders"),
                deployed("B", "Orders"),
                deployed("C", "A"),
                deployed("D", "Items"),
            ]
        };
        for (name, expected) in [
            ("A", Some("A")),
            ("C", Some("C")),
            ("Items", Some("D")),
            ("Orders", None),
            ("E", None),
        ] {
            let (callables, others) = assigned(flows(), vec![endpoint(name)]);
            let owner = callables.iter().find(|one| !one.endpoints.is_empty());
            assert_eq!(
                owner.map(|one| one.deployed.id.as_str()),
                expected,
                "{name}"
            );
            assert_eq!(others.is_empty(), expected.is_some(), "{name}");
        }
    }
}
