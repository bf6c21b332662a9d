//! On which runtime a flow will run, as far as its parameters tell before anything is written.

use crate::deploy::job::{Job, Source};
use crate::deploy::outcome::Message;
use crate::deploy::parameters::{CLOUD_PROFILE, PROFILE};
use crate::deploy::plan::Standing;
use crate::deploy::{Context, Stop};

/// Refuses to send a flow to a runtime that this run would not look at: it would be deployed, and nobody could say
/// whether it started (cpi-api.md §14, 7).
pub fn check_profile(context: &Context<'_>, job: &Job, standing: &Standing) -> Result<(), Stop> {
    if !job.rules.deploy {
        return Ok(());
    }
    let Some((profile, at)) = profile(job, standing) else {
        return Ok(());
    };
    let in_cloud = profile.eq_ignore_ascii_case(CLOUD_PROFILE);
    let shown = context.tenant.words(&profile);
    let (where_to, hint) = match (in_cloud, context.tenant.runtime_location()) {
        (true, None) | (false, Some(_)) => return Ok(()),
        (true, Some(location)) => (
            format!("runs it in the cloud, and the location {location} is looked at"),
            "unset CPI_RUNTIME_LOCATION for flows that run in the cloud, or set the flow's SAP_ProfileId to that of the Edge Integration Cell".to_owned(),
        ),
        (false, None) => (
            "sends it to a runtime that is not looked at".to_owned(),
            format!("for Cloud Integration: --set '{PROFILE}={CLOUD_PROFILE}'; for an Edge Integration Cell: set CPI_RUNTIME_LOCATION to the id of its runtime location"),
        ),
    };
    let what = format!(
        "{} has {PROFILE}={shown}, which {where_to}; nothing was written",
        job.id
    );
    let message = Message::new(what).at(at).hint(hint);
    Err(Stop::Usage(Box::new(message)))
}

/// The profile that will stand on the tenant, and where it comes from; `None` where nothing tells before the upload.
fn profile(job: &Job, standing: &Standing) -> Option<(String, String)> {
    let named = job.named.iter().rev().find(|one| one.key == PROFILE);
    if let Some(named) = named {
        return Some((named.value.clone(), named.source.clone()));
    }
    let configured = standing.configured.iter().find(|one| one.key == PROFILE);
    let on_tenant = || {
        let value = configured.map(|one| one.value.clone())?;
        Some((value, "the parameters on the tenant".to_owned()))
    };
    let of_file = || match &job.source {
        Source::Files(content) => {
            let value = content.parameters.get(PROFILE).cloned()?;
            Some((value, "src/main/resources/parameters.prop".to_owned()))
        }
        Source::Tenant => None,
    };
    let found = if job.rules.parameters_from_artifact {
        of_file().or_else(on_tenant)
    } else {
        on_tenant().or_else(of_file)
    };
    found.filter(|(value, _)| !value.trim().is_empty())
}
