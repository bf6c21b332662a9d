//! The list of what the sandbox does, each with where it is known from. No real tenant stands behind it; this is its honesty.

use std::fmt::Write as _;

use super::scenario::{Certainty, Scenario};

use Certainty::{Assumed, Documented, Observed};

/// What is always on: how sure that is, where it is known from, and what it is.
#[rustfmt::skip]
static BEHAVIOURS: &[(Certainty, &str, &str)] = &[
    (Documented, "OAuth with client credentials", "the token endpoint takes POST with basic or form client authentication and grant_type=client_credentials in query or form"),
    (Assumed, "XSUAA habit", "wrong clients are 401 JSON, wrong grants 400 JSON; client ids in basic authentication may be percent-encoded"),
    (Observed, "Terraform provider", "without a live token every call is 401 with a page; without the role it is 403 with an empty body"),
    (Documented, "Tasks and Permissions", "calls need the roles of SAP's table; WorkspacePackagesEdit also reads"),
    (Documented, "specification; FlashPipe", "with basic authentication a modifying call without the session's CSRF token is 403 with X-CSRF-Token: Required; any GET with Fetch gives one, bound to its cookie"),
    (Assumed, "users contradict each other", "basic authentication with client id and secret is refused"),
    (Documented, "OData version 2", "Atom XML unless JSON is asked for by Accept or $format; errors in the same format, their code is the reason phrase"),
    (Documented, "specification", "names of user credentials, OAuth credentials, secure parameters and keystore entries are listed with MonitoringDataRead; the keystore takes neither $format nor $top nor $select"),
    (Assumed, "servlet habit", "a write whose Content-Type is not JSON is 415; unknown properties are 400"),
    (Assumed, "design", "chunked request bodies are 411"),
    (Documented, "specification", "package: POST 201 (wrapped in d or not), duplicate 409, PUT 202 replaces, DELETE 202, $value 200, draft inside 500"),
    (Observed, "Terraform provider", "package: PATCH 501, ShortText required, plain descriptions come back in <p>"),
    (Observed, "mcp-cpi-share, landscaper", "a deleted package is gone a second later, at most two on tenants, and what runs stays; ids with special characters are refused; the set takes no $inlinecount (501); an artifact for a package that does not exist is 404"),
    (Documented, "specification", "package import: POST with PackageContent is 201, 409 where it exists, unless Overwrite=true; CustomTags are listed, and PUT by $links (202)"),
    (Documented, "metadata", "entities have the names and types of SAP's model: booleans as booleans in and out, numbers, dates, edit_media of what has a file"),
    (Documented, "specification", "artifact: POST 201 with the entity, an id that exists anywhere 500, names by the documented rule 400, DELETE 200, $value 200 with Content-Disposition"),
    (Observed, "Terraform provider", "artifact: PUT is 200 and empty; Id or PackageId in it is refused; on create the zip's Bundle-SymbolicName becomes the Id; on PUT another one is 400 (flows) or 500"),
    (Observed, "Terraform provider", "value mappings cannot be updated (501); message and value mappings answer deploy with an entity (by the metadata; a tenant was seen to say nothing)"),
    (Assumed, "unknown texts", "content that is no base64, no zip, has no manifest or is of another type is 400"),
    (Observed, "mcp-cpi-share, landscaper", "a badly folded manifest 400 invalid header field line N; SaveAsVersion=Active 400 as XML; a configure-only $value 400 as XML"),
    (Observed, "open-integration-workbench", "a Version in the body of an artifact is 400"),
    (Observed, "landscaper, mcp-cpi-share", "a flow created without content has a model, no parameters and the tenant's runtime profile"),
    (Documented, "specification", "tenant-wide lists exist for message and value mappings only (501 for the others)"),
    (Documented, "specification", "PUT with Name only saves a draft, whose Version reads Active"),
    (Observed, "Terraform provider", "SaveAsVersion is 200 and empty"),
    (Assumed, "unknown", "PUT keeps configured parameters and takes the file's value for the others; parameters that are no longer in the file go"),
    (Documented, "specification; Piper", "Configurations: only of flows; PUT $links 202, unknown key 404, wrong body 400"),
    (Documented, "specification", "Resources: POST 201, PUT 202, DELETE 200; they change the stored zip"),
    (Documented, "specification", "Validate is 202 with a text, whatever the outcome"),
    (Documented, "specification", "deploy is 202 with a bare task id; Id and Version are quoted query options; a lock does not stop it"),
    (Assumed, "timing", "a build takes 1 s, the record appears 0.2 s later as STARTING and is STARTED after another 0.3 s; undeploying takes 1 s"),
    (Observed, "Terraform provider", "redeployment is in place: the old record stays STARTED until the new one, with a later DeployedOn, takes its place"),
    (Observed, "metadata", "IntegrationDesigntimeLocks tells who has an artifact open and since when, to whoever has WorkspaceArtifactLocksRead"),
    (Documented, "specification", "run time: $filter with or only and not on DeployedOn, $top, $skip, $orderby, $inlinecount, $select, $count, paging by __next"),
    (Observed, "landscaper, Terraform provider", "DeployedBy is the client id, with basic authentication the user; Type of the other artifacts is VALUE_MAPPING, MESSAGE_MAPPING, SCRIPT_COLLECTION"),
    (Observed, "FlashPipe, figaf", "ErrorInformation/$value is 204 while there is nothing to say, 404 when nothing is deployed"),
    (Observed, "landscaper, mcp-cpi-share", "ErrorInformation without $value is 404; of a failed build it is GenerationFailed with several lines in its only parameter, of a failed start InstanceError with JSON there; messageText is empty"),
    (Observed, "FlashPipe tenant tests", "the description comes from metainfo.prop in the zip unless it is sent; downloads of value mappings omit that file"),
    (Assumed, "FlashPipe tenant tests see such a text", "a message mapping without .mmap or .opmap deploys and goes to ERROR: validation of resource is failed"),
    (Observed, "Terraform provider", "deploying a flow deploys nothing else: while a script collection or message mapping that its manifest or model names is stored here and does not run, the flow goes to ERROR, and the text names it"),
    (Assumed, "for trying out", "what a flow needs and is nowhere on the tenant is taken to be there (scenario dependencies=strict)"),
    (Assumed, "unknown", "SaveAsVersion takes lower and equal versions too (scenario save-as-version)"),
    (Documented, "specification", "the lists of a package show each artifact as its single read does, of all four types, with the same query options and pages as other lists"),
    (Documented, "specification", "undeploy is 202, STOPPING for a while, then 404; what is STOPPING can't be undeployed (400 is assumed)"),
    (Documented, "SAP Help; metadata", "ServiceEndpoints lists the HTTPS sender addresses of started flows; EntryPoints are deferred unless they are expanded"),
    (Documented, "SAP Help", "message logs: filters joined by and, with alternatives in parentheses (two clients), on IntegrationArtifact/Id (eq), Status, LogStart, LogEnd and ids, the documented orders, $top, $inlinecount, $count, pages of 1000 with __next; any other filter is 400"),
    (Assumed, "SAP Help: dates are UTC without Z", "a date with a Z in a filter of message logs is taken for one two hours later"),
    (Documented, "SAP Help", "message logs: ErrorInformation/$value is plain text, 204 where there is none"),
    (Documented, "plan integration-flow, ESBMessaging.send", "started flows with an HTTPS sender answer at /http/<address> to the key of plan integration-flow; the key of plan api gets 403, and the one of integration-flow 403 at the API"),
    (Assumed, "for trying out", "a called flow answers with the message that it got; the header SAP_MessageProcessingLogID names its log, whose CorrelationId is the header SAP_MplCorrelationId of the call"),
    (Assumed, "web servers", "an address that no flow has is 404 with a page; a sender with CSRF protection wants the token that HEAD with X-CSRF-Token: Fetch gives"),
    (Assumed, "for trying out", "a message takes 0.2 s; a flow with a timer processes one when it has started"),
    (Assumed, "not built", "501 here, though tenants have it: $metadata, $batch, package copy, other design-time types, guidelines, releasing locks"),
    (Assumed, "sandbox only", "GET /sandbox/journal and GET /sandbox/state show, without credentials, what was asked and what is stored, as JSON"),
];

/// Everything the sandbox does and can be told to do, with its source.
pub fn ledger() -> String {
    let mut text = String::from("What the sandbox always does:\n");
    for (source, reference, sentence) in BEHAVIOURS {
        line(&mut text, *source, sentence, reference);
    }
    text.push_str("\nScenarios (NAME[=VALUE], for one artifact NAME[=VALUE]@ID, for one deployment NAME[=VALUE]#N):\n");
    for info in Scenario::all() {
        let sentence = format!("{}{}: {}", info.name, info.value_hint(), info.sentence);
        line(&mut text, info.source, &sentence, info.reference);
    }
    text
}

fn line(text: &mut String, source: Certainty, sentence: &str, reference: &str) {
    let origin = match reference {
        "" => String::new(),
        reference => format!(" ({reference})"),
    };
    // writing to a String cannot fail
    let _ = writeln!(text, "  {:<10}  {sentence}{origin}", source.word());
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_scenario_is_in_the_ledger() {
        let text = super::ledger();
        for info in super::Scenario::all() {
            assert!(text.contains(&format!("  {}", info.name)), "{}", info.name);
        }
    }
}
