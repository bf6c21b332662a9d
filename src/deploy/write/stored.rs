//! What the tenant stored of an upload: read back and compared with what was sent and with what stood there before, until
//! it is certain whose content it is. An answer of 200 alone proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Halt, Writing};
use crate::artifact::changes::{Spelling, spelling};
use crate::artifact::comparison::{Difference, What, difference};
use crate::artifact::{Comparable, Digest};
use crate::deploy::Context;
use crate::deploy::job::Content;
use crate::deploy::parameters::{self, Setting, Why};
use crate::deploy::survey;
use crate::http::retry;
use crate::tenant::error::TenantError;
use crate::tenant::wire::{DesigntimeArtifact, Stamp};

/// How long reads of the design time may lag behind a write.
pub(super) const LAG: Duration = Duration::from_secs(15);

/// What the tenant holds, beside what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// What was sent.
    Sent,
    /// What stood there before, or a file that was changed is as it was before.
    Before,
    /// Something else.
    Third,
    /// Not what was sent; what stood there before is not known.
    Unknown,
    /// The tenant gives nothing out.
    Nothing,
}

/// One look at what is stored.
#[derive(Clone, Copy, Debug)]
struct Look {
    held: Held,
    spelling: Spelling,
    /// This run has written content.
    wrote: bool,
    /// Shown under the name of somebody else who has saved since the survey, or under a version that nobody here sent.
    stranger: bool,
    /// It was saved once more after our upload.
    saved_again: bool,
    /// The look before showed the same.
    confirmed: bool,
}

/// What follows from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is what was sent.
    Done,
    /// It is what was sent, in the tenant's own spelling.
    Rewritten,
    /// Somebody else's, or another run's with this key.
    Theirs,
    /// Reads may lag behind.
    LookAgain,
    /// The tenant did not do what it said.
    NotStored,
}

fn step(look: Look) -> Step {
    let respelled = match look.held {
        Held::Third => look.spelling <= Spelling::Longer,
        // what is only longer than what was sent may be the old content, of which something was to go
        Held::Before | Held::Unknown => look.spelling == Spelling::Same,
        Held::Sent | Held::Nothing => false,
    };
    match look.held {
        Held::Sent => Step::Done,
        Held::Nothing if look.wrote => Step::LookAgain,
        Held::Nothing => Step::NotStored,
        _ if look.stranger || look.saved_again => Step::Theirs,
        _ if !look.wrote => Step::NotStored,
        _ if respelled && look.confirmed => Step::Rewritten,
        Held::Third if look.confirmed => Step::Theirs,
        Held::Before | Held::Third | Held::Unknown => Step::LookAgain,
    }
}

/// Which content this is. A file is as before where it differs from what was sent and not from what stood there.
fn held(from_sent: &[Difference], from_before: Option<&[Difference]>) -> Held {
    let Some(from_before) = from_before else {
        return if from_sent.is_empty() {
            Held::Sent
        } else {
            Held::Unknown
        };
    };
    let moved: BTreeSet<&String> = from_before.iter().map(|one| &one.path).collect();
    if from_sent.is_empty() {
        Held::Sent
    } else if from_sent.iter().all(|one| moved.contains(&one.path)) {
        Held::Third
    } else {
        Held::Before
    }
}

/// Content that the tenant gave out, and how it differs from what was sent.
struct Found {
    content: Comparable,
    differences: Vec<Difference>,
    spelling: Spelling,
}

/// What the looks before have shown.
#[derive(Default)]
struct Seen {
    /// The mark of our own save.
    ours: Option<Stamp>,
    content: Option<Digest>,
}

impl Writing<'_> {
    /// Compares the content that the tenant holds with what was sent, until it is decided. Gives the artifact as it was
    /// shown before the content that decided, and that content where the tenant has rewritten what was sent.
    pub(super) fn verify(
        &mut self,
        content: &Content,
        settings: &[Setting],
        mut artifact: DesigntimeArtifact,
        wrote: bool,
    ) -> Result<(DesigntimeArtifact, Option<Comparable>), Halt> {
        let begun = self.context.clock.now();
        let mut seen = Seen::default();
        let mut looks = 0;
        loop {
            let found = self.found(content, settings)?;
            let look = self.look(content, &artifact, found.as_ref(), wrote, &mut seen);
            let now = self.context.clock.now();
            let waited = now.saturating_sub(begun);
            let over = waited >= LAG || self.context.deadline.passed(now);
            match (step(look), found) {
                (Step::Done, _) => return Ok((artifact, None)),
                (Step::Rewritten, Some(found)) => {
                    self.tell_rewritten(&found.differences);
                    return Ok((artifact, Some(found.content)));
                }
                (Step::Theirs, _) => return Err(self.overtaken(&artifact)),
                (Step::LookAgain, _) if !over => {}
                (_, found) => return Err(self.not_stored(found.as_ref(), look.held, waited)?),
            }
            if looks == 1 {
                self.progress("the tenant does not show what was uploaded: looking again");
            }
            let pause = retry::backoff(looks);
            self.context
                .clock
                .sleep(pause.min(LAG.saturating_sub(waited)));
            looks += 1;
            artifact = self.written_artifact()?;
        }
    }

    fn look(
        &self,
        content: &Content,
        artifact: &DesigntimeArtifact,
        found: Option<&Found>,
        wrote: bool,
        seen: &mut Seen,
    ) -> Look {
        let before = self
            .standing
            .artifact
            .as_ref()
            .map(DesigntimeArtifact::stamp);
        let stamp = artifact.stamp();
        let moved = before.as_ref() != Some(&stamp);
        if wrote && moved && seen.ours.is_none() {
            let ours = self.after_upload.clone();
            seen.ours = ours
                .filter(|ours| before.as_ref() != Some(ours))
                .or(Some(stamp.clone()));
        }
        let (held, spelling) = self.compared(found, wrote);
        let print = found.map(|found| found.content.fingerprint());
        let confirmed = print.is_some() && print == seen.content;
        seen.content = print;
        let another_version = held != Held::Before && self.has_another_version(content, artifact);
        Look {
            held,
            spelling,
            wrote,
            stranger: moved && (self.is_somebody_else(artifact) || another_version),
            saved_again: moved && seen.ours.as_ref() != Some(&stamp),
            confirmed,
        }
    }

    fn compared(&self, found: Option<&Found>, wrote: bool) -> (Held, Spelling) {
        let Some(found) = found else {
            return (Held::Nothing, Spelling::Other);
        };
        let nothing = Comparable::default();
        let before = match wrote {
            true if self.had_nothing_before() => Some(&nothing),
            true => self.standing.held.as_ref(),
            false => None,
        };
        let values = survey::values(&self.standing.configured);
        let from_before = before.map(|before| difference(before, &found.content, &values));
        let kind = held(&found.differences, from_before.as_deref());
        (kind, found.spelling)
    }

    /// The content that the tenant gives out. Where values are configured that this run did not leave so, they are no
    /// difference, but a parameter that was named may not be among them.
    fn found(&self, content: &Content, settings: &[Setting]) -> Result<Option<Found>, Halt> {
        let Some(mut found) = self.look_at_content(content, settings)? else {
            return Ok(None);
        };
        let in_parameters = |one: &Difference| matches!(one.what, What::Parameters(_));
        if found.differences.iter().any(in_parameters) {
            let now = self.read_configuration()?;
            let named = parameters::missing(settings, &now)
                .into_iter()
                .find(|setting| setting.why == Why::Named);
            if let Some(setting) = named {
                return Err(self.set_meanwhile(&setting.key));
            }
            let mut values = self.values(settings);
            values.extend(survey::values(&now));
            found.differences = difference(self.sent(content), &found.content, &values);
        }
        if found.differences.iter().any(in_parameters) {
            found.spelling = Spelling::Other;
        }
        Ok(Some(found))
    }

    fn look_at_content(
        &self,
        content: &Content,
        settings: &[Setting],
    ) -> Result<Option<Found>, TenantError> {
        let context = Context {
            deadline: self.closing(),
            ..self.context.clone()
        };
        let values = self.values(settings);
        survey::with_download(&context, self.kind, self.job, |file| {
            let again = || survey::downloaded_again(&file);
            let held = Comparable::of_zip(again()?)?;
            let differences = difference(self.sent(content), &held, &values);
            let spelling = match &self.merged {
                None if !differences.is_empty() => {
                    spelling(&content.artifact, &content.pack, again()?, &differences)?
                }
                None => Spelling::Same,
                Some(_) => Spelling::Other,
            };
            Ok(Found {
                content: held,
                differences,
                spelling,
            })
        })
    }

    pub(super) fn holds_our_content(&self, content: &Content) -> Result<bool, TenantError> {
        let found = self.look_at_content(content, &[])?;
        Ok(found.is_some_and(|found| found.differences.is_empty()))
    }

    fn sent<'c>(&'c self, content: &'c Content) -> &'c Comparable {
        self.merged
            .as_ref()
            .map_or(&content.comparable, |merged| &merged.comparable)
    }

    /// The values that a download may show instead of the artifact's own.
    fn values(&self, settings: &[Setting]) -> BTreeMap<String, String> {
        let mut values = survey::values(&self.standing.configured);
        let written = settings
            .iter()
            .map(|one| (one.key.clone(), one.value.clone()));
        values.extend(written);
        values
    }

    /// Whether the design time shows a version that neither stood there before nor is the one that was sent.
    fn has_another_version(&self, content: &Content, artifact: &DesigntimeArtifact) -> bool {
        let before = self.standing.artifact.as_ref();
        before.is_none_or(|before| before.version != artifact.version)
            && artifact.version != content.artifact.version()
    }

    fn tell_rewritten(&mut self, differences: &[Difference]) {
        self.rewritten = true;
        let files: Vec<&str> = differences.iter().map(|one| one.path.as_str()).collect();
        let files = self.context.tenant.words(&files.join(", "));
        self.note(format!(
            "the tenant stored these files in another form than they were sent in: {files}"
        ));
    }

    fn not_stored(
        &self,
        found: Option<&Found>,
        kind: Held,
        waited: Duration,
    ) -> Result<Halt, TenantError> {
        if let (None, Some(deleted)) = (found, self.deleted_meanwhile()?) {
            return Ok(deleted);
        }
        let after = format!("{} s later", waited.as_secs());
        let what = match kind {
            Held::Before => format!(
                "the tenant answered the upload with success, but {after} it still holds the old content"
            ),
            Held::Nothing => {
                "the tenant accepted the upload, but does not give the content out".to_owned()
            }
            _ => "the tenant accepted the upload, but holds other content".to_owned(),
        };
        let differences = found.map_or(&[][..], |found| &found.differences);
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        Ok(self.not_carried_out(&what, &differences))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(paths: &[&str]) -> Vec<Difference> {
        let one = |path: &&str| Difference {
            path: (*path).to_owned(),
            what: What::Content,
        };
        paths.iter().map(one).collect()
    }

    #[test]
    fn a_file_that_is_as_before_was_not_stored() {
        for (sent, before, expected) in [
            (&[][..], Some(&["a"][..]), Held::Sent),
            (&["a"], Some(&[]), Held::Before),
            (&["a", "b"], Some(&["b"]), Held::Before),
            (&["a"], Some(&["a", "b"]), Held::Third),
            (&["a"], None, Held::Unknown),
            (&[], None, Held::Sent),
        ] {
            let before = before.map(differing);
            let found = held(&differing(sent), before.as_deref());
            assert_eq!(found, expected, "{sent:?} {before:?}");
        }
    }

    /// A look after an upload; `how`: s(tranger), a(gain saved), c(onfirmed), n(othing was written).
    fn look(held: Held, spelling: Spelling, how: &str) -> Look {
        Look {
            held,
            spelling,
            wrote: !how.contains('n'),
            stranger: how.contains('s'),
            saved_again: how.contains('a'),
            confirmed: how.contains('c'),
        }
    }

    #[test]
    fn only_what_was_sent_goes_on_at_once() {
        use Spelling::{Longer, Other, Same};
        for (held, spelling, how, expected) in [
            (Held::Sent, Same, "", Step::Done),
            (Held::Sent, Same, "sa", Step::Done),
            (Held::Sent, Same, "n", Step::Done),
            (Held::Before, Other, "c", Step::LookAgain),
            (Held::Before, Longer, "c", Step::LookAgain),
            (Held::Before, Same, "", Step::LookAgain),
            (Held::Before, Same, "c", Step::Rewritten),
            (Held::Before, Other, "s", Step::Theirs),
            (Held::Before, Same, "ca", Step::Theirs),
            (Held::Third, Other, "", Step::LookAgain),
            (Held::Third, Other, "c", Step::Theirs),
            (Held::Third, Longer, "", Step::LookAgain),
            (Held::Third, Longer, "c", Step::Rewritten),
            (Held::Third, Longer, "cs", Step::Theirs),
            (Held::Third, Same, "ca", Step::Theirs),
            (Held::Unknown, Longer, "c", Step::LookAgain),
            (Held::Unknown, Same, "c", Step::Rewritten),
            (Held::Unknown, Same, "nc", Step::NotStored),
            (Held::Unknown, Same, "na", Step::Theirs),
            (Held::Nothing, Other, "", Step::LookAgain),
            (Held::Nothing, Other, "n", Step::NotStored),
        ] {
            let found = step(look(held, spelling, how));
            assert_eq!(found, expected, "{held:?} {spelling:?} {how}");
        }
    }
}
