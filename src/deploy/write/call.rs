//! The end of writing: the seal of the design time, the baseline of the runtime, the deploy call.

use super::{Halt, Seal, Shelf, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::Pending;
use crate::deploy::job::{Content, Source};
use crate::deploy::outcome::{Message, Phase, Sent, Verdict, Word};
use crate::deploy::parameters::{self, Setting, Why};
use crate::deploy::pending_task;
use crate::deploy::plan::{self, Upload};
use crate::deploy::verdict::{Baseline, Call, Evidence, Ours};
use crate::http::retry;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{DesigntimeArtifact, RuntimeArtifact, is_number};
use crate::tenant::{Reading, RuntimeReading};

/// How often an artifact that was just written may be "not found".
const MISSING_ATTEMPTS: u32 = 4;

impl Writing<'_> {
    /// Reads what the design time shows after our last write. A changed stamp that does not bear another's name is
    /// trusted, and an unchanged one where nothing was uploaded; in all other cases the content is compared. So it is where
    /// parameters were written after the content: on some tenants that puts our name on what somebody else saved between.
    pub(super) fn seal(
        &self,
        upload: Upload,
        settings: Vec<Setting>,
        shown: Option<DesigntimeArtifact>,
    ) -> Result<(DesigntimeArtifact, Seal), Halt> {
        let artifact = match shown {
            Some(artifact) => artifact,
            None => self.written_artifact()?,
        };
        let stamp = artifact.stamp();
        let same = self
            .standing
            .artifact
            .as_ref()
            .is_some_and(|before| before.stamp() == stamp);
        let ours = !self.is_somebody_else(&artifact);
        let trusted = stamp.saved.is_some()
            && if super::brings_content(upload) {
                let untouched = self
                    .after_upload
                    .as_ref()
                    .is_none_or(|after| *after == stamp);
                !same && ours && self.trace.parameters.is_empty() && untouched
            } else {
                same
            };
        match &self.job.source {
            Source::Files(content) if !trusted => {
                self.verify(content, &settings, &artifact, !same)?;
                if super::brings_content(upload) && !same {
                    // content that we had just sent stands there: this is what the tenant calls us
                    self.context.tenant.learn_identity(&artifact.modified_by);
                }
            }
            Source::Files(_) => {}
            Source::Tenant if plan::is_foreign_draft(self.job, &artifact, ours) => {
                return Err(self.overtaken(&artifact));
            }
            Source::Tenant => {}
        }
        Ok((artifact, Seal { stamp, settings }))
    }

    /// The artifact that must be there; a lagging replica may not show it at once.
    pub(super) fn written_artifact(&self) -> Result<DesigntimeArtifact, Halt> {
        for look in 0..MISSING_ATTEMPTS {
            self.context.clock.sleep(retry::pause_before(look));
            let reading =
                self.context
                    .tenant
                    .designtime_artifact(self.kind, &self.job.id, self.closing())?;
            if let Reading::Found(artifact) = reading {
                return Ok(artifact);
            }
        }
        let deleted = self.deleted_meanwhile()?;
        Err(deleted.unwrap_or_else(|| {
            self.not_carried_out(
                "the tenant accepted the content, but shows no artifact",
                &[],
            )
        }))
    }

    /// Compares the content that the tenant holds with what was sent.
    fn verify(
        &self,
        content: &Content,
        settings: &[Setting],
        artifact: &DesigntimeArtifact,
        moved: bool,
    ) -> Result<(), Halt> {
        let Some(mut differences) = self.differences(content, settings)? else {
            let deleted = self.deleted_meanwhile()?;
            return Err(deleted.unwrap_or_else(|| {
                self.not_carried_out(
                    "the tenant accepted the upload, but does not give the content out",
                    &[],
                )
            }));
        };
        if !differences.is_empty() && self.kind == ArtifactKind::IntegrationFlow {
            differences = self.differences_apart_from_parameters(content, settings)?;
        }
        if differences.is_empty() {
            return Ok(());
        }
        let now = self.written_artifact()?;
        let is_theirs = now.stamp() != artifact.stamp()
            || moved && (self.is_somebody_else(&now) || self.has_another_version(content, &now));
        if is_theirs {
            return Err(self.overtaken(&now));
        }
        Err(self.not_carried_out(
            "the tenant accepted the upload, but holds other content",
            &differences,
        ))
    }

    /// The same where values are configured now that this run did not leave so: one that was named may not be among them.
    fn differences_apart_from_parameters(
        &self,
        content: &Content,
        settings: &[Setting],
    ) -> Result<Vec<String>, Halt> {
        let now = self.read_configuration()?;
        let named = parameters::missing(settings, &now)
            .into_iter()
            .find(|setting| setting.why == Why::Named);
        if let Some(setting) = named {
            return Err(self.set_meanwhile(&setting.key));
        }
        let shown: Vec<Setting> = now.into_iter().map(Setting::shown).collect();
        Ok(self.differences(content, &shown)?.unwrap_or_default())
    }

    /// Whether the design time shows a version that neither stood there before nor is the one that was sent.
    fn has_another_version(&self, content: &Content, artifact: &DesigntimeArtifact) -> bool {
        let before = self.standing.artifact.as_ref();
        before.is_none_or(|before| before.version != artifact.version)
            && content.artifact.version() != artifact.version
    }

    /// Reads what runs now, waiting for a record that is not at rest. "Not found" is believed when the survey heard it
    /// too; where that one saw a record, its record is the baseline.
    pub(super) fn baseline(&self, shelf: &Shelf) -> Result<Baseline, Halt> {
        let until = self.context.rest_until();
        let mut told = false;
        loop {
            let reading = self.read_runtime(shelf)?;
            let in_motion = reading
                .record
                .as_ref()
                .is_some_and(|record| record.status.in_motion());
            if !in_motion || self.context.clock.now() >= until {
                return Ok(Baseline {
                    record: reading.record,
                    answered: reading.answered,
                    in_motion,
                });
            }
            if !told {
                told = true;
                self.tell_motion(reading.record.as_ref());
            }
            self.context.pause_for_rest(self.job);
        }
    }

    /// What runs, from a list where the survey's record came from one.
    fn read_runtime(&self, shelf: &Shelf) -> Result<RuntimeReading, TenantError> {
        let reading = if self.standing.by_list {
            shelf.runtime(self.context, &self.job.id, self.closing())?
        } else {
            self.context
                .tenant
                .runtime_artifact(&self.job.id, self.closing())?
        };
        Ok(match (&reading.record, &self.standing.runtime) {
            (None, Some(before)) => RuntimeReading {
                record: Some(before.clone()),
                answered: self.standing.answered,
            },
            _ => reading,
        })
    }

    fn tell_motion(&self, record: Option<&RuntimeArtifact>) {
        let status = record
            .map(|record| record.status.to_string())
            .unwrap_or_default();
        let status = self.context.tenant.words(&status);
        self.progress(format!(
            "the runtime shows {status}: waiting for it to rest"
        ));
    }

    /// What is ours, for the verdict to tell it from what others did. `upload`: whether and how this run saved it.
    fn ours(&self, baseline: &Baseline, artifact: &DesigntimeArtifact, upload: Upload) -> Ours {
        let tenant = self.context.tenant;
        let before = self.standing.artifact.as_ref();
        let shown = |design: &DesigntimeArtifact, record: &RuntimeArtifact| {
            is_number(&design.version) && design.version == record.version
        };
        let named_by_runtime =
            (baseline.record.as_ref()).is_some_and(|record| tenant.is_us(&record.deployed_by));
        Ours {
            version: Some(artifact.version.clone()),
            numbers_agree: matches!((before, &baseline.record), (Some(design), Some(record)) if shown(design, record)),
            saved: artifact
                .modified_at()
                .filter(|_| super::brings_content(upload)),
            named: named_by_runtime || tenant.is_us(&artifact.modified_by),
            named_by_runtime,
        }
    }

    pub(super) fn deploy(
        &mut self,
        baseline: Baseline,
        upload: Upload,
        artifact: &DesigntimeArtifact,
        seal: Seal,
    ) -> Result<Pending, Halt> {
        if self.context.deadline.passed(self.context.clock.now()) {
            let message = Message::new("the time ran out before the deploy call")
                .hint("run again with a longer --timeout");
            return Err(Verdict::bad(Word::Unreachable, self.state.clone(), message).into());
        }
        let existed = self.standing.artifact.is_some();
        let ours = self.ours(&baseline, artifact, upload);
        let mut evidence = Evidence::new(baseline, existed, ours, self.job.rules.settle);
        let before = self.sending("a deploy call", Sent::Call);
        let call = match self.call() {
            Ok(call) => call,
            Err(error) => {
                self.back_to(before);
                return Err(error.into());
            }
        };
        if let Call::Accepted {
            task: Some(task), ..
        } = &call
        {
            pending_task::mark(self.context, self.job, task);
        }
        self.tell(&call);
        evidence.called(call);
        self.trace.phase = Phase::Start;
        Ok(Pending::new(
            self.kind,
            evidence,
            seal,
            self.trace.clone(),
            self.standing.by_list,
        ))
    }

    /// One deploy call. A bare "not found" right after the upload is asked again for a while: the tenant was not asked
    /// to do anything by it.
    fn call(&self) -> Result<Call, TenantError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome =
                self.context
                    .tenant
                    .deploy(self.kind, &self.job.id, self.context.deadline);
            let at = self.context.clock.now();
            match outcome {
                Ok(answer) => return Ok(Call::of(answer, at)),
                Err(error) if error.kind == Kind::NotFound && attempt < MISSING_ATTEMPTS => {
                    self.context.clock.sleep(retry::backoff(attempt - 1));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn tell(&mut self, call: &Call) {
        let (progress, state) = match call {
            Call::Accepted {
                task: Some(task), ..
            } => (
                format!("deployment accepted, task {task}"),
                format!("a deployment was accepted (task {task}); its end is not known"),
            ),
            Call::Accepted { task: None, .. } => (
                "deployment accepted, without a task id".to_owned(),
                "a deployment was accepted; its end is not known".to_owned(),
            ),
            Call::Lost { why, .. } | Call::RefusedAgain { why, .. } => (
                format!("the answer of the deploy call was lost ({why}); watching the runtime"),
                "a deploy call was sent and its answer was lost: it may have been accepted"
                    .to_owned(),
            ),
        };
        self.progress(progress);
        self.wrote(state);
    }
}
