//! Roles that the token certainly lacks: those for reading are asked for before anything is read, those for writing when
//! it is known what will be written.

use crate::deploy::job::{Job, Source};
use crate::deploy::parameters::{self, Why};
use crate::deploy::plan::{self, Standing, Steps, Upload};
use crate::deploy::{Context, Stop};
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::roles::Role;

/// Stops when the token lacks a role that reading needs. All that the run may come to need are named then, so that they
/// are mended at once.
pub fn may_read(context: &Context<'_>, job: &Job, preview: bool) -> Result<(), Stop> {
    let mut needed = vec![Role::PackagesRead];
    if job.rules.deploy {
        needed.push(Role::MonitoringRead);
    }
    if context
        .tenant
        .lacking_roles(&needed, context.deadline)?
        .is_empty()
    {
        return Ok(());
    }
    if !preview {
        needed.extend(perhaps_writing(job));
    }
    let lacking = context.tenant.lacking_roles(&needed, context.deadline)?;
    Err(lacks(context, &lacking)?)
}

fn perhaps_writing(job: &Job) -> Vec<Role> {
    let edits = matches!(job.source, Source::Files(_)).then_some(Role::PackagesEdit);
    let configures = (!job.named.is_empty()).then_some(Role::PackagesConfigure);
    let deploys = job.rules.deploy.then_some(Role::ArtifactsDeploy);
    edits.into_iter().chain(configures).chain(deploys).collect()
}

/// Stops when the token lacks a role that these steps need: a half-done run is worse than none.
pub fn may_write(
    context: &Context<'_>,
    job: &Job,
    standing: &Standing,
    steps: Steps,
) -> Result<(), Stop> {
    let edits =
        (steps.create_package || steps.upload != Upload::Keep).then_some(Role::PackagesEdit);
    let settings = plan::settings(job, standing);
    let configures = parameters::missing(&settings, &standing.configured)
        .iter()
        .any(|setting| setting.why == Why::Named)
        .then_some(Role::PackagesConfigure);
    let deploys = steps.deploy.then_some(Role::ArtifactsDeploy);
    let needed: Vec<Role> = edits.into_iter().chain(configures).chain(deploys).collect();
    let lacking = context.tenant.lacking_roles(&needed, context.deadline)?;
    if lacking.is_empty() {
        return Ok(());
    }
    Err(lacks(context, &lacking)?)
}

/// What to tell when these roles are lacking; a key of another plan can never have them.
fn lacks(context: &Context<'_>, lacking: &[Role]) -> Result<Stop, TenantError> {
    let claims = context.tenant.claims(context.deadline)?.unwrap_or_default();
    let names: Vec<&str> = lacking.iter().map(|role| role.name()).collect();
    let (what, hint) = if claims.is_of_caller() {
        (
            "the key is of plan integration-flow, which can only call flows, not deploy them; nothing was written".to_owned(),
            "create an instance of Process Integration Runtime with plan api, and a key for it: `flowship doctor` shows the commands",
        )
    } else {
        (
            format!(
                "the key lacks the role {}; nothing was written",
                names.join(", ")
            ),
            "add the role to the service instance (plan `api`): Update instance, \"roles\" in its parameters; SAP takes up to an hour to consider it. `flowship doctor` shows the commands",
        )
    };
    Ok(Stop::from(TenantError {
        kind: Kind::Role,
        what,
        at: "scopes of the access token".to_owned(),
        says: None,
        hint: Some(hint.to_owned()),
    }))
}
