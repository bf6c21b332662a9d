//! Another writer: what somebody else saved, configured or locked since the survey is seen before it is overwritten, and
//! told with who and when as far as the API says. (cpi-api.md §4.7, §14 no. 19 to 27)

use super::{Halt, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::outcome::{Message, Verdict, Word};
use crate::deploy::parameters::{self, Setting, Why};
use crate::deploy::plan::Upload;
use crate::http::retry;
use crate::tenant::Reading;
use crate::tenant::error::TenantError;
use crate::tenant::wire::{Configuration, DesigntimeArtifact};

impl Writing<'_> {
    /// The last look before what stands there is overwritten: it must be what the survey saw, and its parameters too.
    pub(super) fn look_before(&self, upload: Upload) -> Result<(), Halt> {
        let Some(before) = &self.standing.artifact else {
            return Ok(());
        };
        let set = self.changed_parameter(upload)?;
        let found = self.context.tenant.designtime_artifact(
            self.kind,
            &self.job.id,
            self.context.deadline,
        )?;
        // "not found" may be a lagging replica's: the write itself will tell
        let news = match found {
            Reading::Found(now) if now.stamp() != before.stamp() && self.is_news(&now) => Some(now),
            Reading::Found(_) | Reading::Missing(_) => None,
        };
        match (news, set) {
            (Some(now), _) => Err(self.overtaken(&now)),
            (None, Some(key)) => Err(self.set_meanwhile(&key)),
            (None, None) => Ok(()),
        }
    }

    /// Whether an artifact was saved after the survey. A list may lag behind: what it did not show yet is no news.
    fn is_news(&self, now: &DesigntimeArtifact) -> bool {
        let saved = now.modified_at();
        match (saved, self.standing.answered) {
            (Some(saved), Some(answered)) => {
                saved >= answered || self.is_somebody_else(now) || now.is_draft()
            }
            _ => true,
        }
    }

    /// A parameter that is not what the survey saw.
    fn changed_parameter(&self, upload: Upload) -> Result<Option<String>, Halt> {
        let at_stake = !self.standing.configured.is_empty() && super::brings_content(upload);
        if self.kind != ArtifactKind::IntegrationFlow || !at_stake {
            return Ok(None);
        }
        let now = self.read_configuration()?;
        Ok(changed(&self.standing.configured, &now).map(str::to_owned))
    }

    /// Whether a value that is shown after our upload is somebody's: neither what was configured before, nor what a tenant
    /// may reset it to, which is what the artifact brings. What SAP itself adds has no value in the artifact.
    pub(super) fn is_theirs(&self, setting: &Setting, shown: &[Configuration]) -> bool {
        let value_in = |all: &'_ [Configuration]| {
            let mut found = all.iter().filter(|one| one.key == setting.key);
            found.next().map(|one| one.value.clone())
        };
        let (Some(now), Some(before)) = (value_in(shown), value_in(&self.standing.configured))
        else {
            return false;
        };
        let is_reset = self.brought.get(&setting.key).is_some_and(|brought| {
            parameters::html_decoded(brought).trim() == parameters::html_decoded(&now).trim()
        });
        let may_be_anything = now.is_empty() || setting.key.starts_with("SAP_");
        now != before && now != setting.value && !is_reset && !may_be_anything
    }

    /// Whether a value that is shown instead of one that was just written is somebody's: neither what stood before, nor
    /// what the artifact brings, nor a spelling of ours.
    pub(super) fn is_set_by_somebody(&self, setting: &Setting, shown: &[Configuration]) -> bool {
        let mut found = shown.iter().filter(|one| one.key == setting.key);
        let is_ours = |value: &str| spelling(value) == spelling(&setting.value);
        found.next().is_some_and(|one| !is_ours(&one.value)) && self.is_theirs(setting, shown)
    }

    /// The end where a value was set by somebody else: with who and when, where the artifact was saved too.
    pub(super) fn set_or_saved_meanwhile(&self, key: &str) -> Result<Halt, TenantError> {
        let found =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        Ok(match found {
            Reading::Found(now) if self.is_somebody_else(&now) => self.overtaken(&now),
            Reading::Found(_) | Reading::Missing(_) => self.set_meanwhile(key),
        })
    }

    /// The end where the artifact was there before and is not any more; `None` where it is there.
    pub(super) fn deleted_meanwhile(&self) -> Result<Option<Halt>, TenantError> {
        if self.standing.artifact.is_none() {
            return Ok(None);
        }
        for look in 0..2 {
            self.context.clock.sleep(retry::pause_before(look));
            let found =
                self.context
                    .tenant
                    .designtime_artifact(self.kind, &self.job.id, self.closing())?;
            if matches!(found, Reading::Found(_)) {
                return Ok(None);
            }
        }
        let message = Message::new(format!(
            "somebody else deleted {} from the design time while this run was working (the API does not tell who or when)",
            self.job.id
        ))
        .hint("agree on who deploys this artifact, then run again; pipelines for one artifact should not run at the same time");
        let state = "the design time has no such artifact any more; the runtime was not touched";
        Ok(Some(
            Verdict::bad(Word::Superseded, state.to_owned(), message).into(),
        ))
    }

    /// Tells values that somebody set, and leaves them; one that was also named cannot be left.
    pub(super) fn leave_theirs(
        &mut self,
        settings: &mut Vec<Setting>,
        shown: &[Configuration],
    ) -> Option<String> {
        let (theirs, ours): (Vec<Setting>, Vec<Setting>) = std::mem::take(settings)
            .into_iter()
            .partition(|setting| self.is_theirs(setting, shown));
        *settings = ours;
        for setting in theirs.iter().filter(|setting| setting.why != Why::Named) {
            self.note(format!(
                "parameter `{}` was set by somebody else while this run was writing: it is left as they set it",
                setting.key
            ));
        }
        let mut named = theirs.into_iter().filter(|one| one.why == Why::Named);
        named.next().map(|one| one.key)
    }

    pub(super) fn set_meanwhile(&self, key: &str) -> Halt {
        let message = Message::new(format!(
            "somebody else set parameter `{key}` of {} while this run was working (the API does not tell who or when)",
            self.job.id
        ))
        .hint("agree on its value, then run again; pipelines for one artifact should not run at the same time");
        Verdict::bad(Word::Superseded, self.state.clone(), message).into()
    }

    pub(super) fn is_somebody_else(&self, artifact: &DesigntimeArtifact) -> bool {
        !artifact.modified_by.is_empty() && !self.context.tenant.is_us(&artifact.modified_by)
    }

    pub(super) fn overtaken(&self, artifact: &DesigntimeArtifact) -> Halt {
        let by = match artifact.modified_by.as_str() {
            "" => "somebody else".to_owned(),
            // parameters that this run wrote afterwards may have put its name there
            name if self.context.tenant.is_us(name) => {
                "somebody else, or another run with this key,".to_owned()
            }
            name => self.context.tenant.words(name).to_string(),
        };
        let when = artifact
            .modified_at()
            .map(|date| format!(" at {date}"))
            .unwrap_or_default();
        let what = if artifact.is_draft() {
            "a draft"
        } else {
            "other content"
        };
        let message = Message::new(format!(
            "{by} saved {what} of {}{when} while this run was working",
            self.job.id
        ))
        .hint("agree on who deploys this artifact, then run again; pipelines for one artifact should not run at the same time");
        Verdict::bad(Word::Superseded, self.state.clone(), message).into()
    }

    /// Whoever created the artifact since the survey did not find it, if somebody did.
    pub(super) fn created_meanwhile(&self) -> Result<Option<Halt>, TenantError> {
        let found =
            self.context
                .tenant
                .designtime_artifact(self.kind, &self.job.id, self.closing())?;
        let Reading::Found(now) = found else {
            return Ok(None);
        };
        let is_later = match (now.modified_at(), self.standing.answered) {
            (Some(saved), Some(answered)) => saved >= answered,
            _ => false,
        };
        Ok(is_later.then(|| self.overtaken(&now)))
    }

    /// Adds who holds the lock, where a write was refused because of one and the tenant tells.
    pub(super) fn with_lock(&self, halt: Halt) -> Halt {
        let Halt::Tenant(mut error) = halt else {
            return halt;
        };
        if error.is_locked()
            && let Some(lock) = self.context.tenant.lock_of(&self.job.id, self.closing())
        {
            error.what = format!("{}; it is locked by {lock}", error.what);
        }
        Halt::Tenant(error)
    }
}

/// A value without what tenants change of it: case, blanks, entities.
fn spelling(value: &str) -> String {
    let decoded = parameters::html_decoded(value).to_lowercase();
    decoded.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The first parameter whose value is not what it was.
fn changed<'a>(before: &'a [Configuration], now: &'a [Configuration]) -> Option<&'a str> {
    let value = |all: &'a [Configuration], key: &str| {
        let mut found = all.iter().filter(|one| one.key == key);
        found.next().map(|one| one.value.as_str())
    };
    let keys = before.iter().chain(now).map(|one| one.key.as_str());
    keys.into_iter()
        .find(|key| value(before, key) != value(now, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(values: &[(&str, &str)]) -> Vec<Configuration> {
        let one = |(key, value): &(&str, &str)| Configuration {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            data_type: String::new(),
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn a_value_that_is_set_added_or_gone_is_a_change() {
        let before = configured(&[("a", "1"), ("b", "2")]);
        for (now, expected) in [
            (vec![("b", "2"), ("a", "1")], None),
            (vec![("a", "1"), ("b", "3")], Some("b")),
            (vec![("a", "1")], Some("b")),
            (vec![("a", "1"), ("b", "2"), ("c", "")], Some("c")),
        ] {
            assert_eq!(changed(&before, &configured(&now)), expected, "{now:?}");
        }
    }
}
