//! Why nothing may be written, why what runs could not be put back, why it is deployed again: in words.

use super::{Deployer, Standing, has_other_number, is_proven, runs_since};
use crate::deploy::job::Job;
use crate::deploy::outcome::Message;
use crate::deploy::saved::LastSave;
use crate::tenant::wire::{DesigntimeArtifact, RuntimeArtifact, RuntimeStatus};

/// How many entries that only the tenant has are named in a message.
pub const NAMED_ENTRIES: usize = 20;

/// Refuses an artifact that could not be put back, as the settings ask.
pub fn rollback_required(job: &Job, why: &str) -> Message {
    Message::new(format!("rollback not available for {}: {why}", job.id)).hint(
        "the settings file says `rollback: required`: deploy once without --rollback, or remove that line",
    )
}

pub fn read_only(package: &str) -> Message {
    Message::new(format!("package {package} is configure-only (READ_ONLY): its content cannot be changed"))
        .hint("change parameters and deploy with `flowship redeploy ID --set KEY=VALUE`, or deploy into another package with --package and --id")
}

pub fn in_other_package(id: &str, holder: &str, package: &str) -> Message {
    Message::new(format!("artifact {id} already lives in package {holder}, not in {package}"))
        .hint(format!("artifact ids are unique in the whole tenant: use --package {holder}, or another id with --id"))
}

pub fn draft(id: &str, artifact: &DesigntimeArtifact) -> Message {
    let save = LastSave(artifact);
    let (author, when) = (save.who(), save.when());
    Message::new(format!(
        "artifact {id} is a draft of {author}, saved{when} in the web UI without a version"
    ))
    .hint("let the author save it as a version or discard it; --overwrite-drafts overwrites it")
}

pub fn value_mapping(id: &str, standing: &Standing) -> Message {
    let mut message = Message::new(format!("value mapping {id} exists with other content, and the tenant's API cannot update value mappings"))
        .hint("--replace-value-mappings saves its content to a file, deletes it and creates it anew; entries that only the tenant has are kept, unless --drop-tenant-entries is given");
    let only = standing
        .mapping
        .as_ref()
        .map_or(&[][..], |mapping| &mapping.only_on_tenant);
    let overruled = standing
        .mapping
        .as_ref()
        .map_or(&[][..], |mapping| &mapping.overruled);
    for entry in overruled.iter().take(NAMED_ENTRIES) {
        message = message.because(format!("Git contradicts the tenant: {entry}"));
    }
    for entry in only.iter().take(NAMED_ENTRIES) {
        message = message.because(format!("only on the tenant: {entry}"));
    }
    if only.len() > NAMED_ENTRIES {
        message = message.because(format!(
            "and {} more entries that only the tenant has",
            only.len() - NAMED_ENTRIES
        ));
    }
    message
}

/// Why what runs could not be put back, where it could not: what the tenant gives out is not shown to be what runs.
pub fn no_rollback(standing: &Standing) -> Option<String> {
    let record = standing.runtime.as_ref()?;
    if standing.remembered.is_some() || is_proven(standing) {
        return None;
    }
    let Some(artifact) = &standing.artifact else {
        return Some(format!(
            "the design time has no such artifact (deleted, or hidden by an access policy) while the runtime shows {}, so the running content cannot be downloaded",
            record.status
        ));
    };
    let dates = artifact.modified_at().zip(record.deployed_on);
    Some(match (&record.status, dates) {
        _ if artifact.is_draft() => {
            "the design time holds a draft, so the running content cannot be downloaded".to_owned()
        }
        (RuntimeStatus::Started, Some((saved, deployed))) if saved >= deployed => format!(
            "the design time was saved ({saved}) after the running version was deployed ({deployed}), so the running content cannot be downloaded"
        ),
        (RuntimeStatus::Started, Some(_)) => {
            "a deployment of an earlier run may have come late, so it is unknown which content runs"
                .to_owned()
        }
        (RuntimeStatus::Started, None) => {
            "this tenant gives no dates that show which content runs".to_owned()
        }
        (status, _) => {
            format!("the runtime shows {status}, so it is unknown which content will run")
        }
    })
}

/// Why the same content is deployed again.
pub fn lacking_proof(standing: &Standing) -> String {
    let unproven = "nothing differs, but nothing proves that what runs is this content";
    match (&standing.artifact, &standing.runtime) {
        (_, None) => "nothing differs, and nothing runs".to_owned(),
        (Some(artifact), Some(record)) if has_other_number(artifact, record) => {
            format!("{unproven}: {}", numbers(artifact, record))
        }
        (Some(artifact), Some(record))
            if runs_since(artifact, Some(record)).is_some()
                && standing.deployer == Deployer::Another =>
        {
            let name = &record.deployed_by;
            format!("{unproven}: {name}, who deployed it, is not known to be this client")
        }
        _ => unproven.to_owned(),
    }
}

fn numbers(artifact: &DesigntimeArtifact, record: &RuntimeArtifact) -> String {
    format!(
        "the design time shows version {}, and version {} runs",
        artifact.version, record.version
    )
}
