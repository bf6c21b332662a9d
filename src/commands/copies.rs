//! Copies of one flow on one tenant: what they would share with their original is refused, or told.

use std::collections::BTreeSet;

use super::desired::Desired;
use super::refusal::{Refusal, not_an_artifact};
use crate::Process;
use crate::artifact::ArtifactKind;
use crate::artifact::sharing::{Consequence, SharedAddress, shared_addresses};
use crate::deploy::outcome::Message;
use crate::report::page::Page;
use crate::settings::parameters::NamedParameter;

/// Refuses a copy that would take its original's messages: the same sender address, queue or folder under another id.
/// What they may share on purpose is told.
pub fn refuse_shared(
    copy: &Desired,
    named: &[NamedParameter],
    process: &mut Process<'_>,
) -> Result<(), Refusal> {
    let Some(environment) = &copy.copied_by else {
        return Ok(());
    };
    if copy.artifact.kind() != ArtifactKind::IntegrationFlow {
        return Ok(());
    }
    let model = copy
        .artifact
        .flow_model()
        .map_err(|error| not_an_artifact(&error, &process.directory))?;
    let shared = shared_addresses(&model, &set_apart(copy, named));
    let (refused, told): (Vec<_>, Vec<_>) = shared.iter().partition(|one| {
        one.consequence == Consequence::Refuse && !environment.allow_shared_addresses
    });
    let mut page = Page::plain();
    page.items(&format!("warning: {}: ", copy.id()), told);
    let _ = page.print(process.err);
    match refused.split_first() {
        Some((first, others)) => Err(refusal(copy, &environment.name, first, others)),
        None => Ok(()),
    }
}

/// The parameters to which the environment gives another value than the artifact does.
fn set_apart<'a>(copy: &'a Desired, named: &'a [NamedParameter]) -> BTreeSet<&'a str> {
    let own = copy.artifact.parameters();
    named
        .iter()
        .filter(|one| own.get(&one.key) != Some(one.value.as_str()))
        .map(|one| one.key.as_str())
        .collect()
}

fn refusal(
    copy: &Desired,
    environment: &str,
    first: &SharedAddress,
    others: &[&SharedAddress],
) -> Refusal {
    let hint = if first.parameters.is_empty() {
        format!(
            "make it an externalized parameter and set that in environment `{environment}`, or allow it there with `allow-shared-addresses: true`"
        )
    } else {
        "or allow it for this environment with `allow-shared-addresses: true`".to_owned()
    };
    let mut message = Message::new(format!(
        "{} is a copy in environment `{environment}` and would share with its original: {}",
        copy.id(),
        first
    ))
    .hint(hint);
    for other in others {
        message = message.because(format!("also {other}"));
    }
    Refusal::usage(message)
}
