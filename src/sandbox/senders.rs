//! The run-time side of flows: whoever has a key of plan `integration-flow` calls them at the addresses of their HTTPS
//! senders, and each call writes a message log.

use super::answer::Answer;
use super::bundle;
use super::call::Setting;
use super::clock::Seconds;
use super::endpoints::{addresses, called_from};
use super::gate::csrf_required;
use super::messages::MessageLog;
use super::path::decode;
use super::state::{Record, Tenant};
use super::tokens::Sessions;
use super::wire::Head;

/// Below it are the addresses of HTTPS senders.
pub const ROOT: &str = "/http/";

/// Calls the flow at this path, whose log it writes.
pub fn answer(
    tenant: &mut Tenant,
    sessions: &Sessions,
    setting: &Setting,
    (head, path, body): (&Head, &str, Vec<u8>),
) -> Answer {
    let now = setting.clock.now();
    let Some((id, record)) = called(tenant, setting, path, now) else {
        return no_such_address();
    };
    if is_protected(&record) && !sessions.holds_csrf(head) {
        return csrf_required();
    }
    if head.method == "HEAD" {
        return Answer::empty(200);
    }
    let mut log = MessageLog::begin(tenant, &setting.scenarios, (&id, &record), now);
    let anonymous = setting.scenarios.of_artifact("anonymous-messages", &id);
    match head.header("sap_mplcorrelationid") {
        Some(sent) if anonymous != Some("all") => sent.clone_into(&mut log.correlation),
        _ => {}
    }
    let answer = reply(&log, head, body);
    let answer = match anonymous {
        None => answer.with("SAP_MessageProcessingLogID", log.guid.clone()),
        Some(_) => answer,
    };
    tenant.messages.push(log);
    answer
}

/// The message as it came; of one that fails, the words that callers get.
fn reply(log: &MessageLog, head: &Head, body: Vec<u8>) -> Answer {
    if log.fails() {
        let text = "An internal server error occurred: the message was not processed.";
        return Answer::text(
            500,
            format!(
                "{text}\nThe MPL ID for the failed message is : {}",
                log.guid
            ),
        );
    }
    let text = head
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"));
    let kind = if text {
        "application/json"
    } else {
        "text/plain;charset=utf-8"
    };
    Answer::typed(200, kind, body)
}

/// What the run time's own web server says.
fn no_such_address() -> Answer {
    Answer::html(
        404,
        "<html><head><title>HTTP Status 404 – Not Found</title></head><body></body></html>",
    )
}

/// The started flow that has this address.
fn called(
    tenant: &Tenant,
    setting: &Setting,
    path: &str,
    now: Seconds,
) -> Option<(String, Record)> {
    let wanted = decode(path.strip_prefix(ROOT)?, false)?;
    let has = |record: &Record| {
        addresses(record)
            .iter()
            .any(|address| is_at(address, &wanted))
    };
    let (id, record) =
        called_from(tenant, setting, now, "endpoint-late").find(|(_, record)| has(record))?;
    Some((id.to_owned(), record.clone()))
}

/// Whether a sender with this address takes this path; `/*` at its end takes all below.
fn is_at(address: &str, path: &str) -> bool {
    let (address, path) = (address.trim_matches('/'), path.trim_matches('/'));
    match address.strip_suffix("/*") {
        Some(root) => path == root || path.starts_with(&format!("{root}/")),
        None => path == address,
    }
}

/// Whether its sender asks for a CSRF token.
fn is_protected(record: &Record) -> bool {
    has(record, "xsrfProtection", |value| {
        matches!(value, "1" | "true")
    })
}

/// Whether a flow starts by itself.
pub fn has_timer(record: &Record) -> bool {
    has(record, "cmdVariantUri", |value| {
        value.contains("intermediatetimer")
    })
}

/// Whether a step has such a property.
fn has(record: &Record, name: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    let properties = bundle::model_properties(&record.content.zip);
    properties
        .iter()
        .any(|(key, value)| key == name && is_meant(value))
}

#[cfg(test)]
mod tests {
    use super::is_at;

    #[test]
    fn addresses_are_met_exactly_or_below_a_star() {
        for (address, path, met) in [
            ("/orders", "orders", true),
            ("orders/", "/orders", true),
            ("/orders", "orders/1", false),
            ("/orders/*", "orders/1", true),
            ("/orders/*", "orders", true),
            ("/orders/*", "ordersandmore", false),
        ] {
            assert_eq!(is_at(address, path), met, "{address} {path}");
        }
    }
}
