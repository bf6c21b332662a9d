//! Other writers: what another user saved, configured or locked since the survey is seen before it is overwritten, and
//! told with who and when as far as the API says. (cpi-api.md §4.7, §14 no. 19 to 27)

use std::collections::BTreeMap;

use super::Writing;
use crate::artifact::ArtifactKind;
use crate::deploy::outcome::{Message, Verdict, Word};
use crate::deploy::parameters::{Setting, html_decoded, is_brought, value};
use crate::deploy::saved::LastSave;
use crate::deploy::step::Halt;
use crate::http::retry;
use crate::tenant::error::TenantError;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{Configuration, DesigntimeArtifact};

impl Writing<'_> {
    /// The last look before what stands there is overwritten: it must be what the survey saw, and its parameters too.
    pub fn look_before(&self) -> Result<(), Halt> {
        let Some(before) = self.before else {
            return Ok(());
        };
        let set = self.changed_parameter()?;
        // "not found" may be a lagging replica's: the write itself will tell
        if let Some(now) = self.shown()?
            && now.stamp() != before.stamp()
            && self.is_news(&now)
        {
            return Err(self.overtaken(&now));
        }
        match set {
            Some(key) => Err(self.set_meanwhile(&key)),
            None => Ok(()),
        }
    }

    /// Whether an artifact that is not as it was may have been saved after the survey. A list may lag behind: what it did
    /// not show yet is no news.
    fn is_news(&self, now: &DesigntimeArtifact) -> bool {
        let is_later = is_later(now.modified_at(), self.standing.answered);
        is_later.unwrap_or(true) || self.is_another_user(now) || now.is_draft()
    }

    /// A parameter that is not what the survey saw.
    fn changed_parameter(&self) -> Result<Option<String>, Halt> {
        let before = &self.standing.configured;
        if self.kind != ArtifactKind::IntegrationFlow || before.is_empty() || !self.brings_content()
        {
            return Ok(None);
        }
        let now = self.read_configuration()?;
        Ok(changed(before, &now).map(str::to_owned))
    }

    pub fn is_theirs(&self, setting: &Setting, shown: &[Configuration]) -> bool {
        is_theirs(setting, &self.standing.configured, &self.brought, shown)
    }

    /// Whether a value that is shown instead of one that was just written is another user's: neither what stood before,
    /// nor what the artifact brings, nor a spelling of ours.
    pub fn is_set_by_another(&self, setting: &Setting, shown: &[Configuration]) -> bool {
        let now = value(shown, &setting.key);
        now.is_some_and(|now| spelling(now) != spelling(&setting.value))
            && self.is_theirs(setting, shown)
    }

    pub fn is_another_user(&self, artifact: &DesigntimeArtifact) -> bool {
        let name = &artifact.modified_by;
        !name.is_empty() && !self.tenant.is_us(name)
    }

    // ---- ends

    /// The end where another user saved the artifact.
    pub fn overtaken(&self, artifact: &DesigntimeArtifact) -> Halt {
        let save = LastSave(artifact);
        let who = if self.tenant.is_us(&artifact.modified_by) {
            // parameters that this run wrote afterwards may have put its name there
            "another user, or another run with this key,"
        } else {
            save.who()
        };
        let what = format!("{who} {} while this run was working", save.deed());
        let what = self.words(&what).to_string();
        self.bad(
            Word::Superseded,
            agree_on("who deploys this artifact", what),
        )
    }

    /// The end where another user set a value.
    pub fn set_meanwhile(&self, key: &str) -> Halt {
        let what = format!(
            "another user set parameter `{key}` of {} while this run was working (the API does not tell who or when)",
            self.id
        );
        self.bad(Word::Superseded, agree_on("its value", what))
    }

    /// The end where another user set a value: with who and when, where the artifact was saved too.
    pub fn set_or_saved_meanwhile(&self, key: &str) -> Result<Halt, TenantError> {
        Ok(match self.shown()? {
            Some(now) if self.is_another_user(&now) => self.overtaken(&now),
            _ => self.set_meanwhile(key),
        })
    }

    /// The end where the artifact was deleted since the survey found it; where it was not, the given one.
    pub fn deleted_or(&self, halt: Halt) -> Halt {
        if self.before.is_none() {
            return halt;
        }
        match retry::until_found(&self.clock, 2, || self.shown()) {
            Err(error) => return error.into(),
            Ok(Some(_)) => return halt,
            Ok(None) => {}
        }
        let what = format!(
            "another user deleted {} from the design time while this run was working (the API does not tell who or when)",
            self.id
        );
        let message = agree_on("who deploys this artifact", what);
        let state = "the design time has no such artifact any more; the runtime was not touched";
        Verdict::bad(Word::Superseded, state.to_owned(), message).into()
    }

    /// The end where the artifact was created since the survey did not find it; `None` where it was not.
    pub fn created_meanwhile(&self) -> Result<Option<Halt>, TenantError> {
        let found = self
            .shown()?
            .filter(|now| is_later(now.modified_at(), self.standing.answered).unwrap_or_default());
        Ok(found.map(|now| self.overtaken(&now)))
    }
}

/// What another user did, and what avoids it.
fn agree_on(matter: &str, what: String) -> Message {
    Message::new(what).hint(format!(
        "agree on {matter}, then run again; pipelines for one artifact should not run at the same time"
    ))
}

/// Whether it was saved after the survey, where both dates are known.
fn is_later(saved: Option<TenantTime>, surveyed: Option<TenantTime>) -> Option<bool> {
    Some(saved? >= surveyed?)
}

/// Whether a value that is shown after our upload is another user's: neither what was configured before, nor what a tenant
/// may reset it to, which is what the artifact brings. What SAP itself adds has no value in the artifact.
fn is_theirs(
    setting: &Setting,
    before: &[Configuration],
    brought: &BTreeMap<String, String>,
    shown: &[Configuration],
) -> bool {
    let key = &setting.key;
    let (Some(now), Some(before)) = (value(shown, key), value(before, key)) else {
        return false;
    };
    let is_reset = is_brought(brought, key, now);
    let may_be_anything = now.is_empty() || key.starts_with("SAP_");
    now != before && now != setting.value && !is_reset && !may_be_anything
}

/// A value without what tenants change of it: case, blanks, entities.
fn spelling(value: &str) -> String {
    let decoded = html_decoded(value).to_lowercase();
    decoded.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The first parameter whose value is not what it was.
fn changed<'a>(before: &'a [Configuration], now: &'a [Configuration]) -> Option<&'a str> {
    let mut keys = before.iter().chain(now).map(|one| one.key.as_str());
    keys.find(|key| value(before, key) != value(now, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::parameters::Why;

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

    #[test]
    fn a_value_is_another_users_only_where_nothing_else_explains_it() {
        let brought = BTreeMap::from([("K".to_owned(), " a &amp; b".to_owned())]);
        for (key, now, expected) in [
            ("K", Some("theirs"), true),
            // as it was, as it is to be, as the artifact brings it, as SAP empties it
            ("K", Some("old"), false),
            ("K", Some("new"), false),
            ("K", Some("a & b "), false),
            ("K", Some(""), false),
            ("K", None, false),
            // was not configured before
            ("L", Some("theirs"), false),
            ("SAP_K", Some("theirs"), false),
        ] {
            let setting = Setting {
                key: key.to_owned(),
                value: "new".to_owned(),
                why: Why::Kept,
            };
            let before = configured(&[("K", "old"), ("SAP_K", "old")]);
            let shown: Vec<(&str, &str)> = now.map(|now| (key, now)).into_iter().collect();
            let found = is_theirs(&setting, &before, &brought, &configured(&shown));
            assert_eq!(found, expected, "{key} {now:?}");
        }
    }

    #[test]
    fn tenants_spell_values_in_their_own_way() {
        for (one, other, same) in [
            ("a &amp; B", "A&b", true),
            ("true", " TRUE ", true),
            ("1", "2", false),
        ] {
            assert_eq!(spelling(one) == spelling(other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_save_is_later_only_where_both_dates_are_known() {
        let date = |millis: Option<i64>| millis.map(TenantTime);
        for (saved, surveyed, expected) in [
            (Some(9), Some(10), Some(false)),
            (Some(10), Some(10), Some(true)),
            (Some(11), Some(10), Some(true)),
            (None, Some(10), None),
            (Some(10), None, None),
        ] {
            assert_eq!(is_later(date(saved), date(surveyed)), expected);
        }
    }
}
