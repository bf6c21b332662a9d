//! A colleague at work, at moments that whoever runs the sandbox chooses. The scenarios `foreign-...` do the same at
//! moments of their own.

use super::Sandbox;
use super::call::Call;
use super::configurations::configured;
use super::designtime::with_content;
use super::service::locked;
use super::state::{Artifact, COLLEAGUE, EDITED, Tenant};
use super::timeline;

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
    pub fn colleague(&self, id: &str, deed: &Deed) -> bool {
        let setting = &self.service.setting;
        let caller = match deed {
            Deed::SaveWithOurKey(_) => &self.service.credentials.client_id,
            _ => COLLEAGUE,
        };
        let call = Call::inside(caller, setting.clock.now(), setting);
        let mut tenant = locked(&self.service.tenant);
        let Some(artifact) = tenant.artifacts.get(id).cloned() else {
            return false;
        };
        match deed {
            Deed::Deploy => deploy(&mut tenant, &artifact, &call),
            Deed::Delete => drop(tenant.artifacts.remove(id)),
            deed => match changed(artifact, deed, &call) {
                Some(changed) => tenant.store(changed),
                None => return false,
            },
        }
        true
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
        Deed::Configure(key, value) => {
            let mut artifact = artifact;
            configured(&mut artifact, key, value, call).then_some(artifact)
        }
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

/// The same course as any deployment, but none that a client asked for.
fn deploy(tenant: &mut Tenant, artifact: &Artifact, call: &Call) {
    let (_, stages) = timeline::course(tenant, call, artifact);
    let runtime = tenant.runtime.entry(artifact.id.clone()).or_default();
    runtime.plan(stages);
}
