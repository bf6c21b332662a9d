//! Saving what was uploaded under a version, where that was asked for.

use super::Writing;
use crate::deploy::job::{Source, VersionRule};
use crate::deploy::outcome::Sent;
use crate::deploy::step::{Halt, Write};
use crate::deploy::versions::{self, VersionStep};
use crate::tenant::error::{Kind, TenantError};

impl Writing<'_> {
    /// Saves as a version after an upload. The call changes nothing when it is repeated.
    pub fn save_version(&mut self) -> Result<(), Halt> {
        let rule = &self.job.rules.version;
        let Source::Files(content) = &self.job.source else {
            return Ok(());
        };
        let travels = matches!(rule, VersionRule::Travel(_));
        if *rule == VersionRule::Keep || !(self.brings_content() || travels) {
            return Ok(());
        }
        let shown = self.written_artifact()?.version;
        let before = self.before.map(|artifact| artifact.version.as_str());
        match versions::step(rule, &content.version, before, &shown) {
            VersionStep::Nothing => {}
            VersionStep::NotDown { asked } => {
                let shown = self.words(&shown);
                self.note(format!("version {asked} was not requested: the tenant shows {shown}, and flowship never requests a lower version"));
            }
            VersionStep::NoNumber => {
                self.note("no version was requested: the tenant shows a draft, which has no number to count on from; name one with --save-as-version");
            }
            VersionStep::Save(version) => self.save_as(&version)?,
        }
        Ok(())
    }

    fn save_as(&mut self, version: &str) -> Result<(), Halt> {
        let shown = self.words(version).to_string();
        let state = self.state.clone();
        self.progress(format!("saving as version {shown}"));
        self.trace.requested_version = Some(shown.clone());
        let call = |one: &Self| {
            one.tenant
                .save_as_version(one.kind, one.id, version, one.deadline)
        };
        let is_saved = |one: &Self| {
            let now = one.written_artifact()?;
            Ok((now.version == version).then_some(()))
        };
        let what = format!("version {shown}");
        let write = Write::new(&what, self.deadline);
        match self.send(&write, Sent::Content, call, is_saved) {
            Ok(_) => self.wrote(format!("{state}; saved as version {shown}")),
            Err(Halt::Tenant(error)) if self.may_do_without(&error) => {
                let why = error.what;
                self.note(format!("the tenant did not take version {shown}: {why}"));
            }
            Err(halt) => return Err(halt),
        }
        Ok(())
    }

    /// Whether a version that is refused is no reason to fail: not every tenant has the call for each type, or takes each
    /// number (cpi-api.md §15).
    fn may_do_without(&self, error: &TenantError) -> bool {
        matches!(self.job.rules.version, VersionRule::Travel(_))
            && matches!(error.kind, Kind::Refused | Kind::NotFound)
    }
}
