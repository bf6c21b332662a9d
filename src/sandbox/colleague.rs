//! A colleague at work, at moments that whoever runs the sandbox chooses. The scenarios `foreign-...` do the same at
//! moments of their own.

use super::Sandbox;
use super::answer::Format;
use super::call::{Body, Call};
use super::deployments;
use super::designtime::{configure, with_content};
use super::path::Query;
use super::service::locked;
use super::state::{Artifact, COLLEAGUE, EDITED, Tenant};

/// What a colleague does to an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Saves other content, as a version.
    Save(Vec<u8>),
    /// Another run with the client's own key saves other content.
    SaveWithOurKey(Vec<u8>),
    /// Saves other content, as a draft.
    Draft(Vec<u8>),
    /// Configures a parameter.
    Configure(String, String),
    /// Deploys what is stored.
    Deploy,
    /// Opens it in the browser.
    Lock,
    /// Closes it again.
    Unlock,
    /// Deletes it from the design time; what runs goes on running.
    Delete,
}

impl Sandbox {
    /// Lets a colleague do something now. `false` where the tenant would not let anybody do it: there is no such artifact
    /// or parameter, or the content is none.
    #[must_use]
    pub fn colleague(&self, id: &str, deed: &Deed) -> bool {
        let setting = &self.service.setting;
        let call = Call {
            method: "POST",
            segments: &[],
            query: &Query::default(),
            body: Body::Empty,
            caller: match deed {
                Deed::SaveWithOurKey(_) => &self.service.credentials.client_id,
                _ => COLLEAGUE,
            },
            now: setting.clock.now(),
            format: Format::Json,
            setting,
        };
        let mut tenant = locked(&self.service.tenant);
        let Some(artifact) = tenant.artifacts.get(id).cloned() else {
            return false;
        };
        if *deed == Deed::Deploy {
            deploy(&mut tenant, &artifact, &call);
            return true;
        }
        if *deed == Deed::Delete {
            return tenant.artifacts.remove(id).is_some();
        }
        let changed = changed(artifact, deed, &call);
        let done = changed.is_some();
        tenant
            .artifacts
            .extend(changed.map(|artifact| (id.to_owned(), artifact)));
        done
    }
}

/// The artifact after the deed.
fn changed(artifact: Artifact, deed: &Deed, call: &Call) -> Option<Artifact> {
    let saved = |zip: &Vec<u8>, draft| {
        let version = artifact.version.clone();
        let saved = with_content(&artifact, zip.clone(), None, call).ok()?;
        Some(Artifact {
            modified: call.stamp(),
            version,
            draft,
            ..saved
        })
    };
    match deed {
        Deed::Save(zip) | Deed::SaveWithOurKey(zip) => saved(zip, None),
        Deed::Draft(zip) => saved(zip, Some(EDITED)),
        Deed::Configure(key, value) => configured(artifact, key, value, call),
        Deed::Lock => Some(Artifact {
            lock: Some(call.stamp()),
            ..artifact
        }),
        Deed::Unlock => Some(Artifact {
            lock: None,
            ..artifact
        }),
        Deed::Deploy | Deed::Delete => None,
    }
}

fn configured(mut artifact: Artifact, key: &str, value: &str, call: &Call) -> Option<Artifact> {
    if !configure(&mut artifact.parameters, key, value) {
        return None;
    }
    if call.chosen("parameter-moves-modified-at") {
        artifact.modified = call.stamp();
    }
    Some(artifact)
}

/// The same course as any deployment, but none that a client asked for.
fn deploy(tenant: &mut Tenant, artifact: &Artifact, call: &Call) {
    let course = deployments::course(tenant, call, artifact);
    let runtime = tenant.runtime.entry(artifact.id.clone()).or_default();
    runtime.plan(course.stages);
}
