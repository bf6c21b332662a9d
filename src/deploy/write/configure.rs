//! Parameters: write what the caller named, put back what the tenant reset, read back.

use super::stored::LAG;
use super::{Halt, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::outcome::{Message, Sent};
use crate::deploy::parameters::{self, Setting, Why};
use crate::deploy::plan::{self, Upload};
use crate::http::retry;
use crate::tenant::Written;
use crate::tenant::error::Kind;
use crate::tenant::wire::Configuration;

/// How often values are read back before they count as different: a replica may lag.
const READ_BACK_ATTEMPTS: u32 = 3;

impl Writing<'_> {
    /// Writes what the caller named and puts back what the tenant reset. Gives the parameters that must stand.
    pub(super) fn configure(&mut self, upload: Upload) -> Result<Vec<Setting>, Halt> {
        let mut settings = plan::settings(self.job, self.standing);
        if upload == Upload::Create {
            settings.retain(|setting| setting.why == Why::Named);
        }
        if !self.has_something_to_set(upload) {
            return Ok(settings);
        }
        let shown = self.read_configuration()?;
        self.refuse_to_configure_theirs(&settings, &shown)?;
        let theirs = self.leave_theirs(&mut settings, &shown);
        self.write_missing(&settings, &shown)?;
        match theirs {
            Some(key) => Err(self.set_meanwhile(&key)),
            None => Ok(settings),
        }
    }

    /// Values that are somebody's may have come with content of theirs: nothing is written into that.
    fn refuse_to_configure_theirs(
        &self,
        settings: &[Setting],
        shown: &[Configuration],
    ) -> Result<(), Halt> {
        if !settings
            .iter()
            .any(|setting| self.is_theirs(setting, shown))
        {
            return Ok(());
        }
        let now = self.written_artifact()?;
        if self.is_somebody_else(&now) {
            Err(self.overtaken(&now))
        } else {
            Ok(())
        }
    }

    fn write_missing(&mut self, settings: &[Setting], shown: &[Configuration]) -> Result<(), Halt> {
        let missing = parameters::missing(settings, shown);
        if missing.is_empty() {
            return Ok(());
        }
        self.progress(format!("configuring {}", count(missing.len(), "parameter")));
        let before = self.sending(&count(missing.len(), "parameter"), Sent::Content);
        self.write_all(&missing, shown)
            .map_err(|halt| name_what_is_reset(halt, &missing))?;
        self.wrote(format!(
            "{}; {} written",
            before.state,
            count(missing.len(), "parameter")
        ));
        Ok(())
    }

    fn has_something_to_set(&self, upload: Upload) -> bool {
        let named = !self.job.named.is_empty();
        let kept = !self.standing.configured.is_empty() && super::brings_content(upload);
        self.kind == ArtifactKind::IntegrationFlow && (named || kept)
    }

    pub(super) fn read_configuration(&self) -> Result<Vec<Configuration>, Halt> {
        let mut looks = 0;
        loop {
            looks += 1;
            let read = self
                .context
                .tenant
                .configurations(&self.job.id, self.grace());
            match read {
                Err(error) if error.kind == Kind::Nonsense => {
                    if !self.had_nothing_before() || !self.may_be_unseen(looks) {
                        let deleted = self.deleted_meanwhile()?;
                        return Err(deleted.unwrap_or_else(|| error.into()));
                    }
                    self.context.clock.sleep(retry::backoff(looks - 1));
                }
                read => return Ok(read?),
            }
        }
    }

    fn write_all(&mut self, missing: &[&Setting], shown: &[Configuration]) -> Result<(), Halt> {
        for setting in missing {
            self.write_parameter(setting, &setting.value, shown)?;
            self.trace.parameters.push(setting.key.clone());
        }
        self.check_written(missing, shown)
    }

    /// Writes one parameter. The call is idempotent, so a lost answer is simply asked for again.
    fn write_parameter(
        &mut self,
        setting: &Setting,
        value: &str,
        shown: &[Configuration],
    ) -> Result<(), Halt> {
        let known = shown
            .iter()
            .chain(&self.standing.configured)
            .find(|one| one.key == setting.key);
        let data_type = known.map_or("", |one| one.data_type.as_str());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.configure(
                &self.job.id,
                &setting.key,
                value,
                data_type,
                self.grace(),
            )?;
            match outcome {
                Written::Done(_) => return Ok(()),
                Written::Lost(lost) => {
                    let what = format!("parameter `{}`", setting.key);
                    self.try_again(&what, attempt, lost, self.grace())?;
                }
            }
        }
    }

    /// Reads back what was written. A tenant that decodes values once more is given the encoded form; where even that
    /// is not shown as it should be, the plain value is left there.
    fn check_written(&mut self, written: &[&Setting], shown: &[Configuration]) -> Result<(), Halt> {
        let strict: Vec<Setting> = written
            .iter()
            .filter(|one| one.why != Why::New)
            .map(|one| (*one).clone())
            .collect();
        let (wrong, after) = self.read_back(&strict, shown)?;
        if wrong.is_empty() {
            return Ok(());
        }
        self.refuse_theirs(&wrong, &after)?;
        let is_decoded = |setting: &Setting| {
            let decoded = parameters::html_decoded(&setting.value);
            decoded != setting.value
                && after
                    .iter()
                    .any(|one| one.key == setting.key && one.value == decoded)
        };
        if wrong.iter().all(is_decoded) {
            for setting in &wrong {
                self.write_parameter(setting, &parameters::html_encoded(&setting.value), shown)?;
            }
            let (wrong, _) = self.read_back(&strict, shown)?;
            if wrong.is_empty() {
                return Ok(());
            }
            for setting in &wrong {
                self.write_parameter(setting, &setting.value, shown)?;
            }
        }
        let key = wrong.first().map_or("", |setting| setting.key.as_str());
        Err(self.not_carried_out(
            &format!("the tenant accepted parameter `{key}`, but shows another value"),
            &[],
        ))
    }

    /// Ends where a value that was just written is somebody else's by now.
    fn refuse_theirs(&self, wrong: &[Setting], after: &[Configuration]) -> Result<(), Halt> {
        let mut theirs = wrong
            .iter()
            .filter(|setting| self.is_set_by_somebody(setting, after));
        match theirs.next() {
            Some(setting) => Err(self.set_or_saved_meanwhile(&setting.key)?),
            None => Ok(()),
        }
    }

    /// The settings that the tenant does not show, also after some time, and what it shows. What it showed `before` they were
    /// written may be a lagging read's.
    fn read_back(
        &self,
        settings: &[Setting],
        before: &[Configuration],
    ) -> Result<(Vec<Setting>, Vec<Configuration>), Halt> {
        let begun = self.context.clock.now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let after = self.read_configuration()?;
            let wrong: Vec<Setting> = parameters::missing(settings, &after)
                .into_iter()
                .cloned()
                .collect();
            let value = |all: &[Configuration], key: &str| {
                let mut found = all.iter().filter(|one| one.key == key);
                found.next().map(|one| one.value.clone())
            };
            let as_before = |one: &Setting| value(before, &one.key) == value(&after, &one.key);
            let now = self.context.clock.now();
            let lags = wrong.iter().all(as_before) && now < begun + LAG;
            let over =
                attempt >= READ_BACK_ATTEMPTS && (!lags || self.context.deadline.passed(now));
            if wrong.is_empty() || over {
                return Ok((wrong, after));
            }
            self.context.clock.sleep(retry::backoff(attempt - 1));
        }
    }
}

/// Tells which values of operations are not back when the writing stops between upload and configuration.
fn name_what_is_reset(halt: Halt, missing: &[&Setting]) -> Halt {
    let keys: Vec<&str> = missing
        .iter()
        .filter(|setting| setting.why == Why::Kept)
        .map(|setting| setting.key.as_str())
        .collect();
    if keys.is_empty() {
        return halt;
    }
    let note = format!(
        "the tenant reset what was configured for {}: whether it is back is not known, check it before the next run",
        keys.join(", ")
    );
    match halt {
        Halt::Verdict(mut verdict) => {
            verdict.message = verdict
                .message
                .map(|message: Message| message.because(note));
            Halt::Verdict(verdict)
        }
        Halt::Tenant(mut error) => {
            error.what = format!("{}; {note}", error.what);
            Halt::Tenant(error)
        }
    }
}

/// `1 parameter`, `2 parameters`.
fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
