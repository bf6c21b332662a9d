//! Reading what the tenant holds, before the first write.

use super::job::{Job, Source};
use super::outcome::{Message, Place};
use super::parameters;
use super::plan::{self, Standing};
use super::{Context, Stop};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::{self, Comparable};
use crate::tenant::Reading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::roles::Role;
use crate::tenant::wire::DesigntimeArtifact;

/// Reads everything that the plan of one artifact depends on.
pub(super) fn survey(context: &Context<'_>, job: &Job) -> Result<Standing, Stop> {
    check_roles(context, job)?;
    let mut standing = Standing::default();
    read_package(context, job, &mut standing)?;
    read_artifact(context, job, &mut standing)?;
    read_configuration(context, job, &mut standing)?;
    check_parameters(job, &standing)?;
    read_runtime(context, job, &mut standing)?;
    compare(context, job, &mut standing)?;
    Ok(standing)
}

/// Stops when the token certainly lacks a role that this run's calls need: a half-done run is worse than none.
fn check_roles(context: &Context<'_>, job: &Job) -> Result<(), Stop> {
    let lacking = context
        .tenant
        .lacking_roles(&needed_roles(job), context.deadline)?;
    let names: Vec<&str> = lacking.iter().map(|role| role.name()).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Stop::from(TenantError {
        kind: Kind::Role,
        what: format!("the key lacks the role {}; nothing was written", names.join(", ")),
        at: "scopes of the access token".to_owned(),
        says: None,
        hint: Some("add the role to the service instance (plan `api`): Update instance, \"roles\" in its parameters; SAP takes up to an hour to consider it".to_owned()),
    }))
}

fn needed_roles(job: &Job) -> Vec<Role> {
    let mut roles = vec![Role::PackagesRead];
    if matches!(job.source, Source::Files(_)) {
        roles.push(Role::PackagesEdit);
    }
    if !job.named.is_empty() {
        roles.push(Role::PackagesConfigure);
    }
    if job.rules.deploy {
        roles.extend([Role::ArtifactsDeploy, Role::MonitoringRead]);
    }
    roles
}

fn read_package(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    let Source::Files(content) = &job.source else {
        return Ok(());
    };
    match context
        .tenant
        .integration_package(&content.package, context.deadline)?
    {
        Reading::Found(package) => standing.package = Some(package),
        Reading::Missing => {
            context.tenant.prove(context.deadline)?;
            if !job.rules.create_package {
                let message =
                    Message::new(format!("package {} is not on the tenant", content.package))
                        .at("--no-create-package")
                        .hint("create it in the web UI, or leave the option out");
                return Err(Stop::Usage(Box::new(message)));
            }
        }
    }
    Ok(())
}

fn read_artifact(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    let kinds: &[ArtifactKind] = match &job.source {
        Source::Files(content) => &[content.kind],
        Source::Tenant => &[
            ArtifactKind::IntegrationFlow,
            ArtifactKind::MessageMapping,
            ArtifactKind::ScriptCollection,
            ArtifactKind::ValueMapping,
        ],
    };
    for kind in kinds {
        if let Reading::Found(artifact) =
            context
                .tenant
                .designtime_artifact(*kind, &job.id, context.deadline)?
        {
            found(context, standing, *kind, artifact);
            return Ok(());
        }
    }
    if matches!(job.source, Source::Tenant) {
        context.tenant.prove(context.deadline)?;
    }
    Ok(())
}

fn found(
    context: &Context<'_>,
    standing: &mut Standing,
    kind: ArtifactKind,
    artifact: DesigntimeArtifact,
) {
    standing.kind = Some(kind);
    standing.saved_by_us = context.tenant.is_us(&artifact.modified_by);
    standing.artifact = Some(artifact);
}

/// Only integration flows have externalized parameters.
fn read_configuration(
    context: &Context<'_>,
    job: &Job,
    standing: &mut Standing,
) -> Result<(), Stop> {
    if standing.kind == Some(ArtifactKind::IntegrationFlow)
        && let Reading::Found(configured) =
            context.tenant.configurations(&job.id, context.deadline)?
    {
        standing.configured = configured;
    }
    Ok(())
}

/// Unknown keys are found before anything is written.
pub(super) fn check_parameters(job: &Job, standing: &Standing) -> Result<(), Stop> {
    let of_artifact = match &job.source {
        Source::Files(content) => Some(&content.parameter_keys),
        Source::Tenant => None,
    };
    if standing.artifact.is_none() && of_artifact.is_none() {
        return Ok(());
    }
    match parameters::unknown_keys(&job.named, of_artifact, &standing.configured)
        .into_iter()
        .next()
    {
        None => Ok(()),
        Some(unknown) => {
            let hint = match &unknown.nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => {
                    "the keys of an artifact are those of its src/main/resources/parameters.prop"
                        .to_owned()
                }
            };
            let what = format!(
                "{} has no parameter `{}`; nothing was written",
                job.id, unknown.key
            );
            Err(Stop::Usage(Box::new(Message {
                file: Place::parse(&unknown.source),
                ..Message::new(what).at(unknown.source).hint(hint)
            })))
        }
    }
}

/// What runs, also asked where nothing will be compared: a missing role must be found before the first write.
fn read_runtime(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    if job.rules.deploy {
        let reading = context.tenant.runtime_artifact(&job.id, context.deadline)?;
        standing.runtime = reading.record;
        standing.answered = reading.answered;
    }
    Ok(())
}

fn compare(context: &Context<'_>, job: &Job, standing: &mut Standing) -> Result<(), Stop> {
    if let (true, Source::Files(content), Some(kind)) = (
        plan::needs_comparison(job, standing),
        &job.source,
        standing.kind,
    ) {
        let differences = differences(context, kind, job, &content.comparable, standing)?;
        standing.same_content = differences.map(|found| found.is_empty());
    }
    Ok(())
}

/// The paths that differ between our content and the tenant's; `None` when the tenant does not give it out.
pub(super) fn differences(
    context: &Context<'_>,
    kind: ArtifactKind,
    job: &Job,
    local: &Comparable,
    standing: &Standing,
) -> Result<Option<Vec<String>>, TenantError> {
    let file = match context.tenant.download(kind, &job.id, context.deadline) {
        Ok(Reading::Found(file)) => file,
        Ok(Reading::Missing) => return Ok(None),
        // configure-only content is not given out (400)
        Err(error) if error.kind == Kind::Refused => return Ok(None),
        Err(error) => return Err(error),
    };
    let configured = standing
        .configured
        .iter()
        .map(|one| (one.key.clone(), one.value.clone()))
        .collect();
    Ok(Some(match Comparable::of_zip(file) {
        Ok(remote) => comparison::difference(local, &remote, &configured)
            .into_iter()
            .map(|one| one.to_string())
            .collect(),
        Err(error) => vec![format!("the tenant's zip can't be read: {error}")],
    }))
}
