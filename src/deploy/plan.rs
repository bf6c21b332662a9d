//! What is to be done about one artifact: a pure decision from what the caller wants and what the tenant holds.

mod refusals;
mod standing;

use super::job::{Job, Source};
use super::outcome::Message;
use super::parameters::{self, Setting};
use crate::artifact::value_mapping::VALUE_MAPPING_PATH;
use crate::artifact::{ArtifactKind, Comparable};
use crate::journal::Was;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{
    Configuration, DesigntimeArtifact, IntegrationPackage, RuntimeArtifact, RuntimeStatus,
    is_number,
};

use self::refusals::{NAMED_ENTRIES, draft, in_other_package, read_only, value_mapping};
pub use self::refusals::{lacking_proof, no_rollback, rollback_required};
pub use self::standing::{Deployer, Mapping, Standing};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing may be written; why.
    Refuse(Message),
    /// Nothing need be done; the proof in one line.
    Unchanged(String),
    /// The content is the tenant's, but somebody stopped it: reported, not started.
    Stopped(String),
    /// These steps.
    Act(Steps),
}

/// The steps of one artifact, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Create the package first.
    pub create_package: bool,
    /// How the content gets there.
    pub upload: Upload,
    /// Deploy at the end.
    pub deploy: bool,
}

/// How the content gets to the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// By creating the artifact.
    Create,
    /// By updating it.
    Update,
    /// Not at all: the tenant holds it.
    Keep,
    /// What the tenant holds is saved once more, because parameters change.
    Again,
    /// By deleting the artifact and creating it anew: value mappings have no update (cpi-api.md §4.2).
    Replace,
}

/// Whether the tenant's content must be compared before anything can be decided: when a proof that nothing changed is
/// in reach, or when a content that may not be written might be the same anyhow.
pub fn needs_comparison(job: &Job, standing: &Standing) -> bool {
    let (Source::Files(content), Some(artifact)) = (&job.source, &standing.artifact) else {
        return false;
    };
    let only_without_write = content.kind == ArtifactKind::ValueMapping
        || has_foreign_draft(job, standing)
        || is_read_only(standing);
    let stopped = standing
        .runtime
        .as_ref()
        .is_some_and(|record| record.status == RuntimeStatus::Stopped);
    let provable = !job.rules.deploy
        || was_saved_just_now(standing)
        || standing.pending.is_some()
        || standing.proof.is_some()
        || runs_since(artifact, standing.runtime.as_ref()).is_some()
        || is_starting_since(artifact, standing.runtime.as_ref())
        || stopped;
    only_without_write || (!job.rules.force && provable && settings_hold(job, standing))
}

/// Whether nothing need be done if only the deployment that is going on ends well: content and parameters are the
/// same, and it began after the last save.
pub fn would_be_unchanged_at_rest(job: &Job, standing: &Standing) -> bool {
    let is_starting = |artifact| is_starting_since(artifact, standing.runtime.as_ref());
    only_lacks_a_deployment(job, standing) && standing.artifact.as_ref().is_some_and(is_starting)
}

/// How long after a save, by the tenant's clock in milliseconds, a deployment of it may be on its way unseen.
const JUST_NOW: i64 = 10_000;

/// Whether this client has saved the artifact just now and nothing newer runs: a run that was killed may have deployed it.
fn was_saved_just_now(standing: &Standing) -> bool {
    let saved = standing
        .artifact
        .as_ref()
        .filter(|_| standing.saved_by_us)
        .and_then(DesigntimeArtifact::modified_at);
    let deployed = standing
        .runtime
        .as_ref()
        .and_then(|record| record.deployed_on);
    match (saved, standing.answered) {
        (Some(saved), Some(now)) => {
            now.0 - saved.0 < JUST_NOW && deployed.is_none_or(|deployed| deployed < saved)
        }
        _ => false,
    }
}

/// Whether nothing need be done if a deployment that nobody sees yet were on its way.
pub fn may_be_on_its_way(job: &Job, standing: &Standing) -> bool {
    only_lacks_a_deployment(job, standing) && was_saved_just_now(standing)
}

/// Whether content and settings are what they are to be: only a deployment of them may be lacking.
pub fn only_lacks_a_deployment(job: &Job, standing: &Standing) -> bool {
    job.rules.deploy
        && !job.rules.force
        && (standing.same_content == Some(true) || keeps_tenant_entries(job, standing))
        && settings_hold(job, standing)
}

/// Decides. Nothing here asks the tenant anything.
pub fn decide(job: &Job, standing: &Standing) -> Plan {
    let plan = match &job.source {
        Source::Tenant => redeploy(job, standing),
        Source::Files(content) => match &standing.artifact {
            None => create(job, standing, &content.package.0),
            Some(artifact) => update(job, standing, artifact, &content.package.0, content.kind),
        },
    };
    match plan {
        Plan::Act(_) if job.rules.rollback_required => match no_rollback(standing) {
            Some(why) => Plan::Refuse(rollback_required(job, &why)),
            None => plan,
        },
        plan => plan,
    }
}

fn create(job: &Job, standing: &Standing, package: &str) -> Plan {
    let steps = Steps {
        create_package: standing.package.is_none(),
        upload: Upload::Create,
        deploy: deploys(job, standing),
    };
    if is_read_only(standing) {
        return Plan::Refuse(read_only(package));
    }
    Plan::Act(steps)
}

fn update(
    job: &Job,
    standing: &Standing,
    artifact: &DesigntimeArtifact,
    package: &str,
    kind: ArtifactKind,
) -> Plan {
    if !artifact.package_id.is_empty() && artifact.package_id != package {
        return Plan::Refuse(in_other_package(&job.id.0, &artifact.package_id, package));
    }
    let same = standing.same_content == Some(true) || keeps_tenant_entries(job, standing);
    let settled = settings_hold(job, standing);
    if same
        && settled
        && !job.rules.force
        && let Some(done) = nothing_to_do(job, standing, artifact)
    {
        return done;
    }
    // what another saved is saved once more, so that the next run knows it for ours; where that is not allowed, it is
    // deployed as it is
    let writable = || may_not_write(job, standing, artifact, package, kind, same).is_none();
    let saves_again = kind != ArtifactKind::ValueMapping
        && job.rules.deploy
        && job.rules.back.is_none()
        && artifact.modified_at().is_some()
        && !may_be_saved_by_us(standing, artifact)
        && writable();
    let upload = match kind {
        _ if same && settled && !saves_again => Upload::Keep,
        ArtifactKind::ValueMapping => Upload::Replace,
        _ => Upload::Update,
    };
    if upload == Upload::Keep {
        return Plan::Act(Steps {
            create_package: false,
            upload,
            deploy: deploys(job, standing),
        });
    }
    if let Some(refusal) = may_not_write(job, standing, artifact, package, kind, same) {
        return Plan::Refuse(refusal);
    }
    Plan::Act(Steps {
        create_package: false,
        upload,
        deploy: deploys(job, standing),
    })
}

/// Whether it is deployed after it was written. What is put back is not, where what ran before still does: a flow that runs
/// is not restarted.
fn deploys(job: &Job, standing: &Standing) -> bool {
    let wanted = match job.rules.back {
        Some(Was::Running(deployed)) => !is_deployment(deployed, standing.runtime.as_ref()),
        Some(was) => was.ran(),
        None => true,
    };
    job.rules.deploy && wanted
}

/// Whether the runtime shows just this deployment, STARTED.
pub fn is_deployment(deployed: Option<TenantTime>, now: Option<&RuntimeArtifact>) -> bool {
    deployed.is_some()
        && now.is_some_and(|record| {
            record.status == RuntimeStatus::Started && record.deployed_on == deployed
        })
}

fn nothing_to_do(job: &Job, standing: &Standing, artifact: &DesigntimeArtifact) -> Option<Plan> {
    if !job.rules.deploy {
        return Some(Plan::Unchanged(
            "the tenant's content and parameters are the same".to_owned(),
        ));
    }
    if let Some((deployed, modified)) = runs_since(artifact, standing.runtime.as_ref())
        && is_deployed_by_us(standing, artifact, (deployed, modified))
        && !standing.doubted
    {
        return Some(Plan::Unchanged(format!(
            "same content and parameters; STARTED, DeployedOn {deployed} is later than the last save {modified}"
        )));
    }
    if let Some(proof) = &standing.proof
        && (is_judged(standing)
            || proof.sent == job.content()?.comparable.fingerprint().to_string())
    {
        let deployed = proof.deployed_on?;
        return Some(Plan::Unchanged(format!(
            "same content and parameters; STARTED, as an earlier run found them under the same DeployedOn {deployed}"
        )));
    }
    let record = standing
        .runtime
        .as_ref()
        .filter(|record| record.status == RuntimeStatus::Stopped)?;
    Some(Plan::Stopped(format!(
        "same content and parameters; the runtime shows {}",
        record.status
    )))
}

/// Whether an earlier run judged that what the design time holds is what runs. Where the tenant tells when it was saved, that
/// is shown to be the same.
fn is_judged(standing: &Standing) -> bool {
    let held = standing.held.as_ref().map(Comparable::fingerprint);
    standing
        .proof
        .as_ref()
        .is_some_and(|proof| proof.saved.is_some() || held.is_some_and(|held| proof.is_about(held)))
}

/// What is written of a value mapping that keeps the entries which only the tenant has.
pub fn merged(job: &Job, standing: &Standing) -> Option<Comparable> {
    let content = job.content()?;
    let entries = standing.mapping.as_ref()?.merged.as_ref()?;
    if job.rules.drop_tenant_entries {
        return None;
    }
    let mut pack = content.pack.clone();
    let path = VALUE_MAPPING_PATH.to_owned();
    pack.replaced.insert(path, entries.clone());
    Comparable::of(&content.artifact, &pack).ok()
}

fn may_not_write(
    job: &Job,
    standing: &Standing,
    artifact: &DesigntimeArtifact,
    package: &str,
    kind: ArtifactKind,
    same: bool,
) -> Option<Message> {
    if is_read_only(standing) {
        return Some(read_only(package));
    }
    if has_foreign_draft(job, standing) {
        return Some(draft(&job.id.0, artifact));
    }
    if kind == ArtifactKind::ValueMapping && !same && !job.rules.replace_value_mappings {
        return Some(value_mapping(&job.id.0, standing));
    }
    if let (Some(why), false) = (unmergeable(standing), job.rules.drop_tenant_entries) {
        return Some(
            Message::new(format!(
                "what value mapping {} holds on the tenant can't be kept: {why}",
                job.id
            ))
            .hint("--drop-tenant-entries replaces it by what Git has; its content is saved to a file first"),
        );
    }
    None
}

fn unmergeable(standing: &Standing) -> Option<&str> {
    standing.mapping.as_ref()?.unmergeable.as_deref()
}

/// The entries of a value mapping that only the tenant has, where nothing is written because they are to stay.
pub fn kept_entries(standing: &Standing, plan: &Plan) -> Vec<String> {
    let mapping = standing.mapping.as_ref();
    match (
        plan,
        mapping.map(|mapping| mapping.only_on_tenant.as_slice()),
    ) {
        (Plan::Unchanged(_) | Plan::Stopped(_), Some(only)) => {
            let named = only.iter().take(NAMED_ENTRIES);
            let note = |entry| format!("entry that only the tenant has, kept: {entry}");
            let unnamed = only.len().saturating_sub(NAMED_ENTRIES);
            let rest = (unnamed > 0).then(|| format!("and {unnamed} more such entries"));
            named.map(note).chain(rest).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a value mapping differs only in entries that the tenant is to keep.
fn keeps_tenant_entries(job: &Job, standing: &Standing) -> bool {
    job.rules.replace_value_mappings
        && !job.rules.drop_tenant_entries
        && standing
            .mapping
            .as_ref()
            .is_some_and(|mapping| mapping.holds_merged)
}

fn redeploy(job: &Job, standing: &Standing) -> Plan {
    let Some(artifact) = &standing.artifact else {
        return Plan::Refuse(
            Message::new(format!("the tenant holds no artifact {}", job.id))
                .hint("check the id (not the name); an access policy may hide it from this key (role AccessAllAccessPoliciesArtifacts)"),
        );
    };
    if has_foreign_draft(job, standing) {
        return Plan::Refuse(draft(&job.id.0, artifact));
    }
    let editable = standing
        .package
        .as_ref()
        .is_some_and(|package| !package.read_only());
    let upload = if editable && !settings_hold(job, standing) {
        Upload::Again
    } else {
        Upload::Keep
    };
    Plan::Act(Steps {
        create_package: false,
        upload,
        deploy: true,
    })
}

/// By how much the clocks of one tenant's design time and runtime may differ, in milliseconds.
const CLOCKS_DIFFER: i64 = 600_000;

/// Whether what runs since a deployment later than the last save is known to be of our build: ours, of what we saved, or of
/// what was saved so long before that no clock puts the save after it. Another's may be of content, or of values, that
/// were other ones at its time. Where a tenant does not tell names, the dates have to do.
fn is_deployed_by_us(
    standing: &Standing,
    artifact: &DesigntimeArtifact,
    (deployed, modified): (TenantTime, TenantTime),
) -> bool {
    match standing.deployer {
        Deployer::Unsaid => true,
        Deployer::Another => false,
        Deployer::Us => {
            may_be_saved_by_us(standing, artifact) || deployed.0 - modified.0 > CLOCKS_DIFFER
        }
    }
}

fn may_be_saved_by_us(standing: &Standing, artifact: &DesigntimeArtifact) -> bool {
    standing.saved_by_us || artifact.modified_by.is_empty()
}

/// The dates that prove that what runs was deployed after the last save: STARTED, not under another number, and
/// DeployedOn later than ModifiedAt, both by the tenant's clock.
fn runs_since(
    artifact: &DesigntimeArtifact,
    runtime: Option<&RuntimeArtifact>,
) -> Option<(TenantTime, TenantTime)> {
    let record = runtime.filter(|record| record.status == RuntimeStatus::Started)?;
    if has_other_number(artifact, record) {
        return None;
    }
    let (deployed, modified) = (record.deployed_on?, artifact.modified_at()?);
    (deployed > modified).then_some((deployed, modified))
}

/// Whether another number runs than the design time shows; a draft has none.
fn has_other_number(artifact: &DesigntimeArtifact, record: &RuntimeArtifact) -> bool {
    let numbers = [&artifact.version, &record.version];
    numbers.iter().all(|one| is_number(one)) && artifact.version.trim() != record.version.trim()
}

/// Whether what runs is shown to be what the design time holds: STARTED, deployed after the last save, and no draft. What
/// does not run has nothing to show; what runs and is not in the design time shows nothing. (design.md §3)
pub fn is_proven(standing: &Standing) -> bool {
    let Some(record) = &standing.runtime else {
        return true;
    };
    let artifact = standing.artifact.as_ref();
    match record.status {
        RuntimeStatus::Error | RuntimeStatus::Stopped => true,
        RuntimeStatus::Started => artifact.is_some_and(|artifact| {
            !artifact.is_draft()
                && !standing.doubted
                && (runs_since(artifact, Some(record)).is_some() || is_judged(standing))
        }),
        _ => false,
    }
}

/// Whether a deployment is going on that began after the last save, by the tenant's clock.
fn is_starting_since(artifact: &DesigntimeArtifact, runtime: Option<&RuntimeArtifact>) -> bool {
    let starting = runtime
        .filter(|record| record.status.in_motion() && record.status != RuntimeStatus::Stopping);
    let deployed = starting.and_then(|record| record.deployed_on);
    matches!((deployed, artifact.modified_at()), (Some(deployed), Some(modified)) if deployed > modified)
}

/// The values that were configured before: by what the tenant shows, and by what an interrupted run had not put back.
pub fn before(standing: &Standing) -> Vec<Configuration> {
    let of_before = |shown: &Configuration| {
        let mut recalled = standing.recalled.iter().filter(|one| one.key == shown.key);
        recalled.next().unwrap_or(shown).clone()
    };
    standing.configured.iter().map(of_before).collect()
}

/// The settings of this job on an update; on a redeployment the named ones, and those that are configured.
pub fn settings(job: &Job, standing: &Standing) -> Vec<Setting> {
    parameters::settings(
        job.content(),
        &job.named,
        &before(standing),
        job.rules.parameters_from_artifact,
    )
}

pub(super) fn settings_hold(job: &Job, standing: &Standing) -> bool {
    parameters::missing(&settings(job, standing), &standing.configured).is_empty()
}

fn is_read_only(standing: &Standing) -> bool {
    standing
        .package
        .as_ref()
        .is_some_and(IntegrationPackage::read_only)
}

fn has_foreign_draft(job: &Job, standing: &Standing) -> bool {
    standing
        .artifact
        .as_ref()
        .is_some_and(|artifact| is_foreign_draft(job, artifact, standing.saved_by_us))
}

/// Whether an artifact is a draft of somebody else that may not be overwritten or deployed.
pub fn is_foreign_draft(job: &Job, artifact: &DesigntimeArtifact, saved_by_us: bool) -> bool {
    artifact.is_draft() && !saved_by_us && !job.rules.overwrite_drafts
}

#[cfg(test)]
mod tests;
