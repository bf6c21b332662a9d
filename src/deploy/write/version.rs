//! Saving what was uploaded under a version, where that was asked for.

use super::{Halt, Writing};
use crate::deploy::job::{Source, VersionRule};
use crate::deploy::outcome::Sent;
use crate::deploy::plan::Steps;
use crate::deploy::versions::{self, Step};
use crate::tenant::Written;
use crate::tenant::error::{Kind, TenantError};

impl Writing<'_> {
    /// Saves as a version after an upload. The call changes nothing when it is repeated, so a lost answer is looked up
    /// and asked for again.
    pub(super) fn save_version(&mut self, steps: Steps) -> Result<(), Halt> {
        let rule = &self.job.rules.version;
        let Source::Files(content) = &self.job.source else {
            return Ok(());
        };
        let travels = matches!(rule, VersionRule::Travel(_));
        if *rule == VersionRule::Keep || !(super::brings_content(steps.upload) || travels) {
            return Ok(());
        }
        let shown = self.written_artifact()?.version;
        let before = self
            .standing
            .artifact
            .as_ref()
            .map(|artifact| artifact.version.as_str());
        match versions::step(rule, &content.version, before, &shown) {
            Step::Nothing => Ok(()),
            Step::NotDown { asked } => {
                let shown = self.context.tenant.words(&shown).to_string();
                self.note(format!("version {asked} was not asked for: the tenant shows {shown}, and versions never go down"));
                Ok(())
            }
            Step::NoNumber => {
                self.note("no version was asked for: the tenant shows a draft, which has no number to count on from; name one with --save-as-version");
                Ok(())
            }
            Step::Save(version) => self.save_as(&version),
        }
    }

    /// Whether a version that is refused is no reason to fail: not every tenant has the call for each type, or takes each
    /// number (cpi-api.md §15).
    fn may_do_without(&self, error: &TenantError) -> bool {
        matches!(self.job.rules.version, VersionRule::Travel(_))
            && matches!(error.kind, Kind::Refused | Kind::NotFound)
    }

    fn save_as(&mut self, version: &str) -> Result<(), Halt> {
        let shown = self.context.tenant.words(version).to_string();
        self.progress(format!("saving as version {shown}"));
        self.trace.requested_version = Some(shown.clone());
        let before = self.sending("a version", Sent::Content);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.save_as_version(
                self.kind,
                &self.job.id,
                version,
                self.context.deadline,
            );
            let lost = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(lost)) => lost,
                Err(error) if self.may_do_without(&error) => {
                    self.back_to(before);
                    self.note(format!(
                        "the tenant did not take version {shown}: {}",
                        error.what
                    ));
                    return Ok(());
                }
                Err(error) => {
                    self.back_to(before);
                    return Err(error.into());
                }
            };
            if self.written_artifact()?.version == version {
                break;
            }
            self.try_again("the version", attempt, lost, self.context.deadline)?;
        }
        self.wrote(format!("{}; saved as version {version}", before.state));
        Ok(())
    }
}
