//! The end of writing: the seal of the design time, the baseline of the runtime, the deploy call.

use super::stored::LAG;
use super::{Halt, Seal, Shelf, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::Pending;
use crate::deploy::job::Source;
use crate::deploy::outcome::{Message, Phase, Sent, Verdict, Word};
use crate::deploy::parameters::Setting;
use crate::deploy::plan::{self, Upload};
use crate::deploy::recovery;
use crate::deploy::verdict::{Baseline, Call, Evidence, Ours};
use crate::http::retry;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{DesigntimeArtifact, RuntimeArtifact, is_number};
use crate::tenant::{Reading, RuntimeReading};

/// How often an artifact that was just written may be "not found".
const MISSING_ATTEMPTS: u32 = 4;

impl Writing<'_> {
    /// Reads what the design time shows after our last write. After an update the content is compared with what was sent:
    /// an answer of 200 and a new date are no proof that it was stored. Elsewhere a changed stamp that does not bear another's
    /// name is trusted, and an unchanged one where nothing was uploaded; not so where parameters were written after the
    /// content: on some tenants that puts our name on what somebody else saved in between.
    pub(super) fn seal(
        &mut self,
        upload: Upload,
        settings: Vec<Setting>,
        shown: Option<DesigntimeArtifact>,
    ) -> Result<(DesigntimeArtifact, Seal), Halt> {
        let mut artifact = match shown {
            Some(artifact) => artifact,
            None => self.written_artifact()?,
        };
        let before = self.standing.artifact.as_ref();
        let same = |now: &DesigntimeArtifact| before.is_some_and(|one| one.stamp() == now.stamp());
        let ours = !self.is_somebody_else(&artifact);
        let wrote = super::brings_content(upload);
        let trusted = artifact.stamp().saved.is_some()
            && if wrote {
                let updated = upload == Upload::Update || self.after_upload.is_some();
                !updated && !same(&artifact) && ours && self.trace.parameters.is_empty()
            } else {
                same(&artifact)
            };
        let mut stored = None;
        match &self.job.source {
            Source::Files(content) if !trusted => {
                (artifact, stored) = self.verify(content, &settings, artifact, wrote)?;
                if wrote && !same(&artifact) {
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
        let seal = Seal {
            stamp: artifact.stamp(),
            settings,
            stored,
        };
        Ok((artifact, seal))
    }

    /// Whether an artifact that was "not found" so often may be there all the same: reads lag behind a creation.
    pub(super) fn may_be_unseen(&self, looks: u32) -> bool {
        let now = self.context.clock.now();
        let lags = self.content_sent.is_some_and(|at| now < at + LAG) && self.had_nothing_before();
        looks < MISSING_ATTEMPTS || lags && !self.context.deadline.passed(now)
    }

    /// Whether there was no such artifact when the content was sent.
    pub(super) fn had_nothing_before(&self) -> bool {
        self.standing.artifact.is_none() || self.kind == ArtifactKind::ValueMapping
    }

    /// The artifact that must be there; a lagging replica may not show it at once.
    pub(super) fn written_artifact(&self) -> Result<DesigntimeArtifact, Halt> {
        let mut look = 0;
        while self.may_be_unseen(look) {
            self.context.clock.sleep(retry::pause_before(look));
            look += 1;
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
        if self.rewritten {
            evidence.rewritten();
        }
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
            recovery::called(self.context, self.job, self.standing, task);
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
                Err(error) if error.kind == Kind::NotFound && self.may_be_unseen(attempt) => {
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
