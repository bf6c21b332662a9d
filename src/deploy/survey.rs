//! Reading what the tenant holds, before the first write: for all artifacts of a run together, so that one list serves
//! where thirty lookups would do the same.

mod motion;
mod profile;
mod requirements;
mod rights;
mod shared;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::job::{Content, Job, Source};
use super::outcome::{Message, Place, Verdict, Word};
use super::parameters;
use super::plan::{self, Deployer, Mapping, Standing};
use super::{Context, Stop};
use super::{proof, recovery};
use crate::artifact::changes::changes;
use crate::artifact::comparison::{self, Comparable};
use crate::artifact::{ArtifactError, ArtifactKind, value_mapping};
use crate::clock::Moment;
use crate::http::retry;
use crate::parallel::parallel_map;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::roles::Role;
use crate::tenant::wire::{
    ArtifactId, Configuration, DesigntimeArtifact, PackageId, RuntimeArtifact,
};
use crate::tenant::{Reading, ZipBytes};

pub use self::rights::may_write;
pub use self::shared::read_together;

/// How often a zip that arrives damaged is downloaded again.
const DOWNLOAD_ATTEMPTS: u32 = 3;
/// How many artifacts are read at once, and so how many archives are in flight.
const READERS: usize = 6;

/// One artifact, and what was found of it.
pub struct Surveyed<'a> {
    pub job: &'a Job,
    pub started: Moment,
    pub standing: Result<Standing, Stop>,
}

/// How much is read, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What decides; then it is written.
    Decisions,
    /// Also what an approved plan is held against; then it is written.
    Approved,
    /// What people want to see; nothing is written.
    Preview,
}

/// Reads everything that the plans depend on.
pub fn survey<'a>(context: &Context<'_>, jobs: &'a [Job], depth: Depth) -> Vec<Surveyed<'a>> {
    let mut all: Vec<Surveyed<'a>> = jobs.iter().map(|job| begin(context, job)).collect();
    each(&mut all, READERS, |job, _| {
        rights::may_read(context, job, depth == Depth::Preview)
    });
    shared::read_packages(context, &mut all);
    shared::read_artifacts(context, &mut all, depth);
    shared::read_runtime(context, &mut all);
    let rest_until = context.rest_until();
    each(&mut all, READERS, |job, standing| {
        read_artifact(context, job, standing)?;
        read_configuration(context, job, standing)?;
        warn_of_putting_back(context, job, standing)?;
        check_parameters(job, standing)?;
        profile::check_profile(context, job, standing)?;
        read_runtime(context, job, standing)?;
        recovery::take_up(context, job, standing, depth)?;
        match depth {
            Depth::Decisions => compare(context, job, standing)?,
            Depth::Approved | Depth::Preview => inspect(context, job, standing)?,
        }
        if depth == Depth::Preview {
            return Ok(());
        }
        motion::await_rest(context, job, standing, rest_until)
    });
    requirements::read(context, &mut all);
    all
}

fn begin<'a>(context: &Context<'_>, job: &'a Job) -> Surveyed<'a> {
    context
        .ledger
        .progress(&job.id.0, "reading what the tenant holds");
    Surveyed {
        job,
        started: context.clock.now(),
        standing: Ok(Standing {
            notes: job.notes.clone(),
            ..Standing::default()
        }),
    }
}

/// One step of the reading, for every artifact that nothing has stopped yet.
fn each(
    all: &mut Vec<Surveyed<'_>>,
    hands: usize,
    step: impl Fn(&Job, &mut Standing) -> Result<(), Stop> + Sync,
) {
    *all = parallel_map(std::mem::take(all), hands, |mut one| {
        if let Ok(standing) = &mut one.standing
            && let Err(stop) = step(one.job, standing)
        {
            one.standing = Err(stop);
        }
        one
    });
}

/// A tenant may reset what operations configured when content is uploaded; putting it back needs a role of its own.
/// Most tenants keep it, so its absence is told and no more.
fn warn_of_putting_back(context: &Context<'_>, job: &Job, standing: &Standing) -> Result<(), Stop> {
    let Source::Files(content) = &job.source else {
        return Ok(());
    };
    let at_risk =
        !job.rules.parameters_from_artifact && parameters::at_risk(content, &standing.configured);
    let role = Role::PackagesConfigure;
    if at_risk
        && !context
            .tenant
            .lacking_roles(&[role], context.deadline)?
            .is_empty()
    {
        context.ledger.progress(
            &job.id.0,
            format!(
                "warning: the key lacks {}: values that this tenant might reset could not be put back",
                role.name()
            ),
        );
    }
    Ok(())
}

/// The artifact, where no list has told.
fn read_artifact(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    if standing.artifact_known {
        return Ok(());
    }
    let kinds: &[ArtifactKind] = match &job.source {
        Source::Files(content) => &[content.kind],
        Source::Tenant => &[
            ArtifactKind::IntegrationFlow,
            ArtifactKind::MessageMapping,
            ArtifactKind::ScriptCollection,
            ArtifactKind::ValueMapping,
        ],
    };
    // one "not found" may be a lagging replica's
    let looks = if standing.unlisted { 1 } else { 2 };
    if let Some((kind, artifact)) =
        retry::until_found(&context.clock, looks, || one_of(context, kinds, &job.id))?
    {
        return found(context, job, standing, kind, artifact);
    }
    if matches!(job.source, Source::Tenant) {
        context.tenant.prove(context.deadline)?;
    }
    Ok(())
}

/// The artifact, where it is of one of these types.
fn one_of(
    context: &Context<'_>,
    kinds: &[ArtifactKind],
    id: &ArtifactId,
) -> Result<Option<(ArtifactKind, DesigntimeArtifact)>, TenantError> {
    for kind in kinds {
        let reading = context
            .tenant
            .designtime_artifact(*kind, id, context.deadline)?;
        if let Reading::Found(artifact) = reading {
            return Ok(Some((*kind, artifact)));
        }
    }
    Ok(None)
}

fn found(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
    kind: ArtifactKind,
    artifact: DesigntimeArtifact,
) -> Result<(), Stop> {
    standing.kind = Some(kind);
    standing.saved_by_us = context.tenant.is_us(&artifact.modified_by);
    if matches!(job.source, Source::Tenant)
        && !job.named.is_empty()
        && let Reading::Found(package) = context.tenant.integration_package(
            &PackageId(artifact.package_id.clone().into()),
            context.deadline,
        )?
    {
        standing.package = Some(package);
    }
    standing.artifact = Some(artifact);
    Ok(())
}

/// What is to be known before a value mapping is created that an interrupted run had deleted; `None` for other types. `zip`:
/// its backup.
pub fn mapping_of_backup(job: &Job, zip: &Path) -> Option<Result<Mapping, ArtifactError>> {
    let content = (job.content()).filter(|one| one.kind == ArtifactKind::ValueMapping)?;
    let again = || {
        File::open(zip).map_err(|source| ArtifactError::Read {
            at: zip.display().to_string(),
            source,
        })
    };
    Some(mapping(content, &again))
}

/// Only integration flows have externalized parameters.
fn read_configuration(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
) -> Result<(), Stop> {
    if standing.kind != Some(ArtifactKind::IntegrationFlow) {
        return Ok(());
    }
    match context.tenant.configurations(&job.id, context.deadline) {
        Ok(configured) => standing.configured = configured,
        Err(error) if error.kind == Kind::Nonsense && is_gone(context, job)? => {
            return Err(Stop::Ended(Box::new(deleted_meanwhile(job))));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Whether a flow that was shown is not there any more.
fn is_gone(context: &Context<'_>, job: &Job) -> Result<bool, TenantError> {
    let flow = [ArtifactKind::IntegrationFlow];
    let found = retry::until_found(&context.clock, 2, || one_of(context, &flow, &job.id))?;
    Ok(found.is_none())
}

fn deleted_meanwhile(job: &Job) -> Verdict {
    let message = Message::new(format!(
        "somebody else deleted {} from the design time while it was read",
        job.id
    ))
    .hint("agree on who deploys this artifact, then run again: it would be created anew");
    Verdict::unwritten(Word::Superseded, message)
}

/// Only integration flows have parameters: one that is named for anything else would be ignored.
fn refuse_without_parameters(job: &Job, standing: &Standing) -> Result<(), Stop> {
    match (job.kind(standing.kind), job.named.first()) {
        (Some(kind), Some(named)) if kind != ArtifactKind::IntegrationFlow => {
            let what = format!(
                "{} is a {kind}, which has no parameters; nothing was written",
                job.id
            );
            let message = Message::new(what)
                .at(named.source.clone())
                .hint("leave the parameter out");
            Err(Stop::Usage(Box::new(message)))
        }
        _ => Ok(()),
    }
}

/// Unknown keys are found before anything is written.
pub fn check_parameters(job: &Job, standing: &Standing) -> Result<(), Stop> {
    let of_artifact = job.content().map(|content| &content.parameter_keys);
    if standing.artifact.is_none() && of_artifact.is_none() {
        return Ok(());
    }
    refuse_without_parameters(job, standing)?;
    let unknown = parameters::unknown_keys(&job.named, of_artifact, &standing.configured);
    let Some((first, others)) = unknown.split_first() else {
        return Ok(());
    };
    let hint = match &first.nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => {
            "the keys of an artifact are those of its src/main/resources/parameters.prop".to_owned()
        }
    };
    let what = format!(
        "{} has no parameter `{}`; nothing was written",
        job.id, first.key
    );
    let mut message = Message::new(what).at(first.source.clone()).hint(hint);
    message.file = Place::parse(&first.source);
    for other in others {
        let nearest = other
            .nearest
            .as_ref()
            .map(|key| format!(", did you mean `{key}`?"))
            .unwrap_or_default();
        message = message.because(format!("also `{}` ({}){nearest}", other.key, other.source));
    }
    Err(Stop::Usage(Box::new(message)))
}

/// What runs, also asked where nothing will be compared: a missing role must be found before the first write.
fn read_runtime(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    if job.rules.deploy && !standing.by_list {
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        shows(context, standing, reading.record);
        standing.answered = reading.answered;
    }
    Ok(())
}

/// Takes note of what runs, and of who deployed it.
fn shows(context: &Context<'_>, standing: &mut Standing, record: Option<RuntimeArtifact>) {
    standing.deployer = match record.as_ref().map(|record| record.deployed_by.as_str()) {
        None | Some("") => Deployer::Unsaid,
        Some(name) if context.tenant.is_us(name) => Deployer::Us,
        Some(_) => Deployer::Another,
    };
    standing.runtime = record;
}

fn compare(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    if let (true, Source::Files(content), Some(kind)) = (
        plan::needs_comparison(job, standing),
        &job.source,
        standing.kind,
    ) {
        if kind == ArtifactKind::ValueMapping {
            return inspect(context, job, standing);
        }
        let ours = &content.comparable;
        if proof::spares_download(standing, ours) {
            standing.same_content = Some(true);
            return Ok(());
        }
        standing.held = content_held(context, kind, job)?;
        let configured = values(&standing.configured);
        standing.same_content = standing.held.as_ref().map(|held| {
            comparison::content_equal(ours, held, &configured)
                || proof::is_stored_form(standing, ours, held)
        });
    }
    Ok(())
}

/// Everything in which the tenant's content differs from ours, in detail.
fn inspect(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    let (Source::Files(content), Some(kind), Some(_)) =
        (&job.source, standing.kind, &standing.artifact)
    else {
        return Ok(());
    };
    let configured = values(&standing.configured);
    let inspected = with_download(context, kind, job, |file| {
        let again = || downloaded_again(&file);
        let remote = Comparable::of_zip(again()?)?;
        let changes = changes(&content.artifact, &content.pack, again()?, &configured)?;
        let mapping = if kind == ArtifactKind::ValueMapping && !changes.is_empty() {
            Some(mapping(content, &again)?)
        } else {
            None
        };
        Ok((remote, changes, mapping))
    })?;
    if let Some((remote, mut changes, mapping)) = inspected {
        if proof::is_stored_form(standing, &content.comparable, &remote) {
            changes.clear();
        }
        standing.same_content = Some(changes.is_empty());
        standing.remote_sha256 = Some(remote.fingerprint());
        standing.held = Some(remote);
        standing.changes = changes;
        standing.mapping = mapping;
    }
    Ok(())
}

/// What is to be known before a value mapping that differs is replaced. `again`: the tenant's zip from its start.
fn mapping(
    content: &Content,
    again: &impl Fn() -> Result<File, ArtifactError>,
) -> Result<Mapping, ArtifactError> {
    let local = value_mapping::of_artifact(&content.artifact)?;
    let theirs = value_mapping::of_zip(again()?)?;
    let (Some(local), Some(theirs)) = (local, theirs) else {
        return Ok(Mapping::default());
    };
    let merged = match value_mapping::merged(&local, &theirs) {
        Ok(merged) => merged,
        Err(error) => {
            return Ok(Mapping {
                unmergeable: Some(error.to_string()),
                ..Mapping::default()
            });
        }
    };
    let mut pack = content.pack.clone();
    pack.replaced.insert(
        value_mapping::VALUE_MAPPING_PATH.to_owned(),
        merged.bytes.clone(),
    );
    let left = changes(&content.artifact, &pack, again()?, &BTreeMap::new())?;
    Ok(Mapping {
        only_on_tenant: value_mapping::describe(&merged.added),
        overruled: merged.conflicts.iter().map(ToString::to_string).collect(),
        holds_merged: left.is_empty() && !merged.added.is_empty(),
        merged: (!merged.added.is_empty()).then_some(merged.bytes),
        unmergeable: None,
    })
}

/// A downloaded file from its start.
pub fn downloaded_again(file: &File) -> Result<File, ArtifactError> {
    ZipBytes::open(file).map_err(|source| ArtifactError::Read {
        at: "the downloaded zip".to_owned(),
        source,
    })
}

/// The configured values by their keys.
pub fn values(configured: &[Configuration]) -> BTreeMap<String, String> {
    configured
        .iter()
        .map(|one| (one.key.clone(), one.value.clone()))
        .collect()
}

/// The content that the tenant holds; `None` when it does not give it out.
pub fn content_held(
    context: &Context<'_>,
    kind: ArtifactKind,
    job: &Job,
) -> Result<Option<Comparable>, TenantError> {
    with_download(context, kind, job, Comparable::of_zip)
}

/// Reads something out of the content that the tenant holds; a zip that arrives damaged is downloaded again. `None` when
/// the tenant does not give it out.
pub fn with_download<R>(
    context: &Context<'_>,
    kind: ArtifactKind,
    job: &Job,
    read: impl Fn(File) -> Result<R, ArtifactError>,
) -> Result<Option<R>, TenantError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let file = match context.tenant.download(kind, &job.id, context.deadline) {
            Ok(Reading::Found(file)) => file,
            Ok(Reading::Missing(_)) => return Ok(None),
            // configure-only content is not given out (400)
            Err(error) if error.kind == Kind::Refused => return Ok(None),
            Err(error) => return Err(error),
        };
        match read(file) {
            Ok(found) => return Ok(Some(found)),
            Err(error) if attempt >= DOWNLOAD_ATTEMPTS => return Err(unreadable(context, &error)),
            Err(_) => context.clock.sleep(retry::backoff(attempt - 1)),
        }
    }
}

/// A zip that arrives damaged each time says nothing about the content.
fn unreadable(context: &Context<'_>, error: &ArtifactError) -> TenantError {
    TenantError {
        kind: Kind::Nonsense,
        what: "the content that the tenant gives out can't be read".to_owned(),
        at: context.tenant.host().to_owned(),
        says: Some(context.tenant.words(&error.to_string())),
        hint: None,
    }
}
