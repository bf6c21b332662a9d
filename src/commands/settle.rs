//! From what `deploy`, `plan` and `transport` are asked for to a run that is settled: which artifacts, what they are to become,
//! where to.

use std::path::{Path, PathBuf};

use super::arguments::{DesiredArgs, PaceArgs, TryOutArgs, WaitArgs};
use super::change::{Change, Purpose};
use super::console::Console;
use super::desired::Basis;
use super::jobs;
use super::refusal::Refusal;
use super::settings_file::Settings;
use super::smoke;
use crate::Process;
use crate::deploy::job::Rules;
use crate::text::redactor::Redactor;

/// What `deploy` and `plan` are asked for.
pub struct Asked<'a> {
    pub desired: &'a DesiredArgs,
    pub wait: WaitArgs,
    pub overwrite_drafts: bool,
    pub force: bool,
    pub no_deploy: bool,
    /// What fails is put back.
    pub with_rollback: bool,
    pub smoke: &'a [PathBuf],
    pub pace: PaceArgs,
    pub try_out: &'a TryOutArgs,
}

impl Asked<'_> {
    /// The rules for every artifact of the run, on the tenant of these settings.
    pub fn rules(&self, settings: &Settings, directory: &Path) -> Rules {
        let desired = self.desired;
        let mappings = &desired.value_mappings;
        Rules {
            create_package: !desired.no_create_package,
            overwrite_drafts: self.overwrite_drafts,
            force: self.force,
            deploy: !self.no_deploy,
            rollback_required: self.with_rollback && settings.rollback_required(),
            parameters_from_artifact: desired.parameters_from_artifact,
            replace_value_mappings: mappings.replace_value_mappings,
            drop_tenant_entries: mappings.drop_tenant_entries,
            backup_directory: directory.join(mappings.backup_dir.as_deref().unwrap_or("".as_ref())),
            back: None,
            reach: settings.reach(directory),
            version: desired.save_as_version.clone().unwrap_or_default(),
            settle: self.wait.settle,
            poll_interval: self.wait.poll.poll_interval,
        }
    }

    /// Settles a run over artifacts: which, what they are to become, where to.
    pub fn settle(
        &self,
        purpose: Purpose,
        console: &Console,
        process: &mut Process<'_>,
    ) -> Result<Change, Refusal> {
        let desired = self.desired;
        if desired.keep_going && purpose.stands_or_falls_together() {
            return Err(Refusal::wrong(
                "--rollback all, --keep-going",
                "--rollback all writes nothing unless everything can be deployed, and --keep-going deploys what can be",
                "leave one of them out; --rollback each goes with --keep-going",
            ));
        }
        let (file, name) = (desired.config.as_ref(), desired.environment.as_deref());
        let settings = Settings::read(file, name, process)?;
        settings.refuse_no_environment()?;
        let selection = settings.select(&desired.paths, Some(console), process)?;
        let chosen = selection.choose(desired.keep_going)?;
        let redactor = Redactor::new();
        let basis = Basis {
            rules: &self.rules(&settings, &process.directory),
            redactor: &redactor,
            directory: &process.directory,
            variables: process.environment,
        };
        let wanted = settings.desired(desired, chosen.valid, &basis)?;
        let given = &desired.parameters;
        let work = jobs::jobs(wanted, &chosen.invalid, given, &redactor, process)?;
        let (id, names) = (settings.names().id, settings.login().names);
        let smoke = smoke::tests_of(self.smoke, &work.jobs, &id, names, process)?;
        let mut invalid = chosen.invalid;
        invalid.extend(work.skipped);
        Ok(Change {
            jobs: work.jobs,
            invalid,
            findings: chosen.findings,
            keep_going: desired.keep_going,
            redactor,
            smoke,
            ..Change::new(
                purpose,
                &settings,
                self.wait.poll.timeout,
                self.pace,
                self.try_out,
            )
        })
    }
}
