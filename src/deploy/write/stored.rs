//! What the tenant stored of an upload: read back and compared with what was sent and with what stood there before, until
//! it is certain whose content it is. An answer of 200 alone proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{LAG, Writing};
use crate::artifact::changes::{Spelling, spelling};
use crate::artifact::comparison::{Difference, What, difference};
use crate::artifact::{Comparable, Digest};
use crate::deploy::job::Content;
use crate::deploy::parameters::{Why, missing};
use crate::deploy::step::Halt;
use crate::deploy::survey;
use crate::http::retry;
use crate::tenant::error::TenantError;
use crate::tenant::wire::{DesigntimeArtifact, Stamp};

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
    /// Shown under the name of another user who has saved since the survey, or under a version that nobody here sent.
    stranger: bool,
    /// It was saved once more after our upload.
    saved_again: bool,
    /// The look before showed the same.
    confirmed: bool,
}

/// What follows from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It is what was sent.
    Done,
    /// It is what was sent, in the tenant's own spelling.
    Rewritten,
    /// Another user's, or another run's with this key.
    Theirs,
    /// Reads may lag behind.
    LookAgain,
    /// The tenant did not do what it said.
    NotStored,
}

fn finding(look: Look) -> Finding {
    let respelled = match look.held {
        Held::Third => look.spelling <= Spelling::Longer,
        // what is only longer than what was sent may be the old content, of which something was to go
        Held::Before | Held::Unknown => look.spelling == Spelling::Same,
        Held::Sent | Held::Nothing => false,
    };
    match look.held {
        Held::Sent => Finding::Done,
        Held::Nothing if look.wrote => Finding::LookAgain,
        Held::Nothing => Finding::NotStored,
        _ if look.stranger || look.saved_again => Finding::Theirs,
        _ if !look.wrote => Finding::NotStored,
        _ if respelled && look.confirmed => Finding::Rewritten,
        Held::Third if look.confirmed => Finding::Theirs,
        Held::Before | Held::Third | Held::Unknown => Finding::LookAgain,
    }
}

/// Which content this is. A file is as before where it differs from what was sent and not from what stood there.
fn held(from_sent: &[Difference], from_before: Option<&[Difference]>) -> Held {
    if from_sent.is_empty() {
        return Held::Sent;
    }
    let Some(from_before) = from_before else {
        return Held::Unknown;
    };
    let moved: BTreeSet<&String> = from_before.iter().map(|one| &one.path).collect();
    if from_sent.iter().all(|one| moved.contains(&one.path)) {
        Held::Third
    } else {
        Held::Before
    }
}

/// Content that the tenant gave out, and how it differs from what was sent.
struct Stored {
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
    pub fn verify(
        &mut self,
        content: &Content,
        mut artifact: DesigntimeArtifact,
    ) -> Result<(DesigntimeArtifact, Option<Comparable>), Halt> {
        let begun = self.clock.now();
        let mut seen = Seen::default();
        let mut looks = 0;
        loop {
            let stored = self.stored(content)?;
            let look = self.look(content, &artifact, stored.as_ref(), &mut seen);
            let now = self.clock.now();
            let waited = now.saturating_sub(begun);
            let over = waited >= LAG || self.deadline.passed(now);
            match (finding(look), stored) {
                (Finding::Done, _) => return Ok((artifact, None)),
                (Finding::Rewritten, Some(stored)) => {
                    self.tell_rewritten(&stored.differences);
                    return Ok((artifact, Some(stored.content)));
                }
                (Finding::Theirs, _) => return Err(self.overtaken(&artifact)),
                (Finding::LookAgain, _) if !over => {}
                (_, stored) => return Err(self.not_stored(stored, look.held, waited)),
            }
            if looks == 1 {
                self.progress("the tenant does not show what was uploaded: looking again");
            }
            let pause = retry::backoff(looks).min(LAG.saturating_sub(waited));
            self.clock.sleep(pause);
            looks += 1;
            artifact = self.written_artifact()?;
        }
    }

    fn look(
        &self,
        content: &Content,
        artifact: &DesigntimeArtifact,
        stored: Option<&Stored>,
        seen: &mut Seen,
    ) -> Look {
        let wrote = self.brings_content();
        let before = self.before;
        let before_stamp = before.map(DesigntimeArtifact::stamp);
        let stamp = Some(artifact.stamp());
        let moved = before_stamp != stamp;
        if wrote && moved && seen.ours.is_none() {
            let ours = self.after_upload.clone();
            let ours = ours.filter(|ours| before_stamp.as_ref() != Some(ours));
            seen.ours = ours.or_else(|| stamp.clone());
        }
        let held = match stored {
            Some(stored) => held(
                &stored.differences,
                self.changes_since_before(stored).as_deref(),
            ),
            None => Held::Nothing,
        };
        // neither the version that stood there before nor the one that was sent
        let another_version = held != Held::Before
            && before.is_none_or(|before| before.version != artifact.version)
            && artifact.version != content.artifact.version();
        let print = stored.map(|stored| stored.content.fingerprint());
        let confirmed = print.is_some() && print == seen.content;
        seen.content = print;
        Look {
            held,
            spelling: stored.map_or(Spelling::Other, |stored| stored.spelling),
            wrote,
            stranger: moved && (self.is_another_user(artifact) || another_version),
            saved_again: moved && seen.ours != stamp,
            confirmed,
        }
    }

    /// How stored content differs from what stood there before, where that is known.
    fn changes_since_before(&self, stored: &Stored) -> Option<Vec<Difference>> {
        let nothing = Comparable::default();
        let before = match self.brings_content() {
            true if self.had_nothing_before() => &nothing,
            true => self.standing.held.as_ref()?,
            false => return None,
        };
        let values = survey::values(&self.standing.configured);
        Some(difference(before, &stored.content, &values))
    }

    /// The content that the tenant gives out. Where values are configured that this run did not leave so, they are no
    /// difference, but a parameter that was named may not be among them.
    fn stored(&self, content: &Content) -> Result<Option<Stored>, Halt> {
        let mut values = self.values();
        let Some(mut stored) = self.compared(content, &values)? else {
            return Ok(None);
        };
        let in_parameters = |one: &Difference| matches!(one.what, What::Parameters(_));
        if stored.differences.iter().any(in_parameters) {
            let now = self.read_configuration()?;
            let mut missing = missing(&self.settings, &now).into_iter();
            if let Some(named) = missing.find(|setting| setting.why == Why::Named) {
                return Err(self.set_meanwhile(&named.key));
            }
            values.extend(survey::values(&now));
            stored.differences = difference(self.sent(content), &stored.content, &values);
        }
        if stored.differences.iter().any(in_parameters) {
            stored.spelling = Spelling::Other;
        }
        Ok(Some(stored))
    }

    fn compared(
        &self,
        content: &Content,
        values: &BTreeMap<String, String>,
    ) -> Result<Option<Stored>, TenantError> {
        self.held(|file| {
            let again = || survey::downloaded_again(&file);
            let held = Comparable::of_zip(again()?)?;
            let differences = difference(self.sent(content), &held, values);
            let spelling = if self.merged.is_some() {
                Spelling::Other
            } else if differences.is_empty() {
                Spelling::Same
            } else {
                spelling(&content.artifact, &content.pack, again()?, &differences)?
            };
            Ok(Stored {
                content: held,
                differences,
                spelling,
            })
        })
    }

    pub fn holds_our_content(&self, content: &Content) -> Result<bool, TenantError> {
        let stored = self.compared(content, &self.values())?;
        Ok(stored.is_some_and(|stored| stored.differences.is_empty()))
    }

    fn sent<'c>(&'c self, content: &'c Content) -> &'c Comparable {
        let merged = self.merged.as_ref();
        merged.map_or(&content.comparable, |merged| &merged.comparable)
    }

    /// The values that a download may show instead of the artifact's own.
    fn values(&self) -> BTreeMap<String, String> {
        let mut values = survey::values(&self.standing.configured);
        let written = self.settings.iter();
        values.extend(written.map(|one| (one.key.clone(), one.value.clone())));
        values
    }

    fn tell_rewritten(&mut self, differences: &[Difference]) {
        self.rewritten = true;
        let files: Vec<&str> = differences.iter().map(|one| one.path.as_str()).collect();
        let files = self.words(&files.join(", "));
        self.note(format!(
            "the tenant stored these files in another form than they were sent in: {files}"
        ));
    }

    fn not_stored(&self, stored: Option<Stored>, held: Held, waited: Duration) -> Halt {
        let after = waited.as_secs();
        let what = match held {
            Held::Before => format!(
                "the tenant answered the upload with success, but {after} s later it still holds the old content"
            ),
            Held::Nothing => {
                "the tenant accepted the upload, but does not give the content out".to_owned()
            }
            _ => "the tenant accepted the upload, but holds other content".to_owned(),
        };
        let halt = self.not_carried_out(&what);
        let Some(stored) = stored else {
            return self.deleted_or(halt);
        };
        let first = stored.differences.iter().take(5);
        first.fold(halt, |halt, one| {
            let one = self.words(&one.to_string());
            self.because(halt, format!("differs: {one}")).into()
        })
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
            (Held::Sent, Same, "", Finding::Done),
            (Held::Sent, Same, "sa", Finding::Done),
            (Held::Sent, Same, "n", Finding::Done),
            (Held::Before, Other, "c", Finding::LookAgain),
            (Held::Before, Longer, "c", Finding::LookAgain),
            (Held::Before, Same, "", Finding::LookAgain),
            (Held::Before, Same, "c", Finding::Rewritten),
            (Held::Before, Other, "s", Finding::Theirs),
            (Held::Before, Same, "ca", Finding::Theirs),
            (Held::Third, Other, "", Finding::LookAgain),
            (Held::Third, Other, "c", Finding::Theirs),
            (Held::Third, Longer, "", Finding::LookAgain),
            (Held::Third, Longer, "c", Finding::Rewritten),
            (Held::Third, Longer, "cs", Finding::Theirs),
            (Held::Third, Same, "ca", Finding::Theirs),
            (Held::Unknown, Longer, "c", Finding::LookAgain),
            (Held::Unknown, Same, "c", Finding::Rewritten),
            (Held::Unknown, Same, "nc", Finding::NotStored),
            (Held::Unknown, Same, "na", Finding::Theirs),
            (Held::Nothing, Other, "", Finding::LookAgain),
            (Held::Nothing, Other, "n", Finding::NotStored),
        ] {
            let found = finding(look(held, spelling, how));
            assert_eq!(found, expected, "{held:?} {spelling:?} {how}");
        }
    }
}
