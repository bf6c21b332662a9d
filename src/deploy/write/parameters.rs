//! Parameters: write what the caller named, put back what the tenant reset, read back.

use super::{LAG, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::outcome::{Phase, Sent};
use crate::deploy::parameters::{Setting, Why, html_decoded, html_encoded, missing, value};
use crate::deploy::plan::{self, Upload};
use crate::deploy::recovery;
use crate::deploy::step::{Halt, Write};
use crate::http::retry;
use crate::inventory::counted;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::Configuration;

/// How often values are read back before they count as different: a replica may lag.
const READ_BACK_ATTEMPTS: u32 = 3;

impl Writing<'_> {
    /// Writes what the caller named and puts back what the tenant reset.
    pub fn configure(&mut self) -> Result<(), Halt> {
        self.trace.phase = Phase::Configure;
        self.settings = plan::settings(self.job, self.standing);
        if self.steps.upload == Upload::Create {
            self.settings.retain(|setting| setting.why == Why::Named);
        }
        if self.has_something_to_set() {
            self.set()?;
        }
        if self.brings_content() {
            recovery::update(self.context, self.job, self.standing, |one| {
                one.values.clear();
            });
        }
        Ok(())
    }

    fn has_something_to_set(&self) -> bool {
        let named = !self.job.named.is_empty();
        let kept = !self.standing.configured.is_empty() && self.brings_content();
        self.kind == ArtifactKind::IntegrationFlow && (named || kept)
    }

    /// Values that another user set are left; one that was also named ends the artifact.
    fn set(&mut self) -> Result<(), Halt> {
        let shown = self.read_configuration()?;
        let settings = std::mem::take(&mut self.settings);
        let (theirs, ours): (Vec<Setting>, _) = settings
            .into_iter()
            .partition(|setting| self.is_theirs(setting, &shown));
        self.settings = ours;
        if !theirs.is_empty() {
            // they may have come with content of another user: nothing is written into that
            let now = self.written_artifact()?;
            if self.is_another_user(&now) {
                return Err(self.overtaken(&now));
            }
        }
        for one in theirs.iter().filter(|one| one.why != Why::Named) {
            self.note(format!(
                "parameter `{}` was set by another user while this run was writing: it is left as they set it",
                one.key
            ));
        }
        self.write_missing(&shown)?;
        match theirs.iter().find(|one| one.why == Why::Named) {
            Some(one) => Err(self.set_meanwhile(&one.key)),
            None => Ok(()),
        }
    }

    pub fn read_configuration(&self) -> Result<Vec<Configuration>, Halt> {
        let is_missing = |error: &TenantError| error.kind == Kind::Nonsense;
        let read = self.once_seen(
            || self.tenant.configurations(self.id, self.grace()),
            |error| is_missing(error) && self.had_nothing_before(),
        );
        read.map_err(|error| {
            if is_missing(&error) {
                self.deleted_or(error.into())
            } else {
                error.into()
            }
        })
    }

    fn write_missing(&mut self, shown: &[Configuration]) -> Result<(), Halt> {
        let missing: Vec<Setting> = missing(&self.settings, shown)
            .into_iter()
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let count = counted(missing.len(), "parameter");
        self.progress(format!("configuring {count}"));
        let (state, _) = self.sending(&count, Sent::Content);
        if let Err(halt) = self.write_all(&missing, shown) {
            return Err(self.name_what_is_reset(halt, &missing));
        }
        self.wrote(format!("{state}; {count} written"));
        Ok(())
    }

    /// Tells which values of operations may not be back when the writing stops between upload and configuration.
    fn name_what_is_reset(&self, halt: Halt, missing: &[Setting]) -> Halt {
        let kept = missing.iter().filter(|setting| setting.why == Why::Kept);
        let keys: Vec<&str> = kept.map(|setting| setting.key.as_str()).collect();
        if keys.is_empty() {
            return halt;
        }
        let keys = keys.join(", ");
        let cause = format!(
            "the tenant reset what was configured for {keys}: whether it is back is not known, check it before the next run"
        );
        self.because(halt, cause).into()
    }

    fn write_all(&mut self, settings: &[Setting], shown: &[Configuration]) -> Result<(), Halt> {
        for setting in settings {
            self.write_parameter(setting, &setting.value, shown)?;
            self.trace.parameters.push(setting.key.clone());
        }
        self.check_written(settings, shown)
    }

    /// Writes one parameter. A lost answer needs no look: the same value can be written twice.
    fn write_parameter(
        &self,
        setting: &Setting,
        value: &str,
        shown: &[Configuration],
    ) -> Result<(), Halt> {
        let mut known = shown.iter().chain(&self.standing.configured);
        let known = known.find(|one| one.key == setting.key);
        let data_type = known.map_or("", |one| one.data_type.as_str());
        let what = format!("parameter `{}`", setting.key);
        let write = Write::new(&what, self.grace());
        let call = || {
            self.tenant
                .configure(self.id, &setting.key, value, data_type, write.deadline)
        };
        let tell = |text| self.progress(text);
        write
            .carry_out(&self.clock, &self.state, tell, call, || Ok(None::<()>))
            .map(drop)
            .map_err(|unwritten| unwritten.halt)
    }

    /// Reads back what was written. A tenant that decodes values once more is given the encoded form; where even that
    /// is not shown as it should be, the plain value is left there.
    fn check_written(&self, written: &[Setting], shown: &[Configuration]) -> Result<(), Halt> {
        let strict = written.iter().filter(|one| one.why != Why::New);
        let strict: Vec<Setting> = strict.cloned().collect();
        let (mut wrong, after) = self.read_back(&strict, shown)?;
        let mut theirs = wrong.iter();
        if let Some(theirs) = theirs.find(|one| self.is_set_by_another(one, &after)) {
            return Err(self.set_or_saved_meanwhile(&theirs.key)?);
        }
        if !wrong.is_empty() && wrong.iter().all(|one| is_decoded(one, &after)) {
            for setting in &wrong {
                self.write_parameter(setting, &html_encoded(&setting.value), shown)?;
            }
            (wrong, _) = self.read_back(&strict, shown)?;
            for setting in &wrong {
                self.write_parameter(setting, &setting.value, shown)?;
            }
        }
        match wrong.first() {
            None => Ok(()),
            Some(Setting { key, .. }) => {
                let what =
                    format!("the tenant accepted parameter `{key}`, but shows another value");
                Err(self.not_carried_out(&what))
            }
        }
    }

    /// The settings that the tenant does not show, also after some time, and what it shows. What it showed `before` they were
    /// written may be a lagging read's.
    fn read_back(
        &self,
        settings: &[Setting],
        before: &[Configuration],
    ) -> Result<(Vec<Setting>, Vec<Configuration>), Halt> {
        let begun = self.clock.now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let after = self.read_configuration()?;
            let wrong = missing(settings, &after);
            let as_before = |one: &&Setting| value(before, &one.key) == value(&after, &one.key);
            let now = self.clock.now();
            let lags = wrong.iter().all(as_before) && now < begun + LAG;
            let over = attempt >= READ_BACK_ATTEMPTS && (!lags || self.deadline.passed(now));
            if wrong.is_empty() || over {
                return Ok((wrong.into_iter().cloned().collect(), after));
            }
            self.clock.sleep(retry::backoff(attempt - 1));
        }
    }
}

/// Whether the tenant shows a value decoded once more than it should.
fn is_decoded(setting: &Setting, shown: &[Configuration]) -> bool {
    let decoded = html_decoded(&setting.value);
    decoded != setting.value && value(shown, &setting.key) == Some(&decoded)
}
