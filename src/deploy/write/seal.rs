//! The seal: what the design time shows after our last write.

use super::Seal;
use super::Writing;
use crate::deploy::job::Source;
use crate::deploy::plan::{self, Upload};
use crate::deploy::step::Halt;
use crate::deploy::versions;
use crate::tenant::wire::DesigntimeArtifact;

/// What tells whether the marks of the design time alone show what it holds.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Marks {
    /// This run has written content.
    wrote: bool,
    /// It has updated it: an answer of 200 and a new date are no proof that it was stored.
    updated: bool,
    /// It has written parameters after the content: on some tenants that puts our name on what another user saved in
    /// between.
    configured: bool,
    /// The tenant tells when the artifact was saved.
    dated: bool,
    /// The marks are those of the survey.
    same: bool,
    /// They do not bear another user's name.
    ours: bool,
}

impl Marks {
    /// Whether the content needs no comparison with what was sent.
    fn suffice(self) -> bool {
        let created = !self.updated && !self.configured && !self.same && self.ours;
        self.dated && if self.wrote { created } else { self.same }
    }
}

impl Writing<'_> {
    /// Reads what the design time shows after our last write, and compares the content with what was sent, unless the marks
    /// suffice. `shown`: what a list has just shown of the artifact, if one did.
    pub fn seal(
        &mut self,
        shown: Option<DesigntimeArtifact>,
    ) -> Result<(DesigntimeArtifact, Seal), Halt> {
        let mut artifact = match shown {
            Some(artifact) => artifact,
            None => self.written_artifact()?,
        };
        let before = self.before.map(DesigntimeArtifact::stamp);
        let stamp = artifact.stamp();
        let wrote = self.brings_content();
        let marks = Marks {
            wrote,
            updated: self.steps.upload == Upload::Update || self.after_upload.is_some(),
            configured: !self.trace.parameters.is_empty(),
            dated: stamp.saved.is_some(),
            same: before.as_ref() == Some(&stamp),
            ours: !self.is_another_user(&artifact),
        };
        let mut stored = None;
        match &self.job.source {
            Source::Files(content) if !marks.suffice() => {
                (artifact, stored) = self.verify(content, artifact)?;
                if wrote && before != Some(artifact.stamp()) {
                    // content that we had just sent stands there: this is what the tenant calls us
                    self.tenant.learn_identity(&artifact.modified_by);
                }
            }
            Source::Tenant if plan::is_foreign_draft(self.job, &artifact, marks.ours) => {
                return Err(self.overtaken(&artifact));
            }
            Source::Files(_) | Source::Tenant => {}
        }
        if let Some(before) = self
            .before
            .filter(|before| versions::goes_down(&before.version, &artifact.version))
        {
            let (from, to) = (self.words(&before.version), self.words(&artifact.version));
            self.note(format!(
                "the version went down on the tenant, from {from} to {to}"
            ));
        }
        self.trace.version = Some(artifact.version.clone().into());
        let seal = Seal {
            stamp: artifact.stamp(),
            settings: self.settings.clone(),
            stored: stored.or_else(|| self.merged.as_ref().map(|merged| merged.comparable.clone())),
            updated: wrote && before.is_some(),
        };
        Ok((artifact, seal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_suffice_for_a_creation_of_ours_and_for_what_was_not_written() {
        // w(rote), u(pdated), c(onfigured), d(ated), s(ame), o(urs)
        for (facts, expected) in [
            ("wdo", true),
            ("wudo", false),
            ("wcdo", false),
            ("wdso", false),
            ("wd", false),
            ("wo", false),
            ("dso", true),
            ("ds", true),
            ("do", false),
            ("so", false),
        ] {
            let has = |fact| facts.contains(fact);
            let marks = Marks {
                wrote: has('w'),
                updated: has('u'),
                configured: has('c'),
                dated: has('d'),
                same: has('s'),
                ours: has('o'),
            };
            assert_eq!(marks.suffice(), expected, "{facts}");
        }
    }
}
