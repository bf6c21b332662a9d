//! The end of writing: the baseline of the runtime, and the deploy call.

use super::Progress;
use super::Seal;
use super::Writing;
use super::runtime_list::LatestList;
use crate::deploy::Pending;
use crate::deploy::evidence::doubts::Ours;
use crate::deploy::evidence::started::Evidence;
use crate::deploy::evidence::{Baseline, Call};
use crate::deploy::outcome::{Message, Phase, Sent, Word};
use crate::deploy::recovery;
use crate::deploy::step::Halt;
use crate::tenant::RuntimeReading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{DesigntimeArtifact, is_number};

impl Writing<'_> {
    /// Reads what runs now, waiting for a record that is not at rest.
    pub fn baseline(&mut self, list: &LatestList) -> Result<Baseline, Halt> {
        self.trace.phase = Phase::Deploy;
        let wait = self.context.wait(self.job, self.context.rest_until());
        let mut told = false;
        loop {
            let reading = self.read_runtime(list)?;
            let baseline = Baseline {
                record: reading.record,
                answered: reading.answered,
                by_list: self.standing.by_list,
            };
            let moving = baseline
                .record
                .as_ref()
                .filter(|record| record.status.in_motion());
            let Some(moving) = moving.filter(|_| !wait.is_over()) else {
                return Ok(baseline);
            };
            if !told {
                let status = self.words(&moving.status.to_string());
                self.progress(format!(
                    "the runtime shows {status}: waiting for it to rest"
                ));
                told = true;
            }
            wait.pause();
        }
    }

    /// What runs, from a list where the survey's record came from one. "Not found" is believed when the survey heard it
    /// too; where that one saw a record, its record is the baseline.
    fn read_runtime(&self, list: &LatestList) -> Result<RuntimeReading, TenantError> {
        let standing = self.standing;
        let reading = if standing.by_list {
            let list = list.get(self.context, self.closing())?;
            RuntimeReading {
                record: list.records.get(self.id).cloned(),
                answered: list.answered,
            }
        } else {
            self.tenant.runtime_artifact(self.id, self.closing())?
        };
        Ok(if reading.record.is_none() && standing.runtime.is_some() {
            RuntimeReading {
                record: standing.runtime.clone(),
                answered: standing.answered,
            }
        } else {
            reading
        })
    }

    /// What is ours, for the verdict to tell it from what others did.
    fn ours(&self, baseline: &Baseline, artifact: &DesigntimeArtifact) -> Ours {
        let record = baseline.record.as_ref();
        let numbers = self.before.zip(record);
        let saved = artifact.modified_at();
        let named_by_runtime = record.is_some_and(|record| self.tenant.is_us(&record.deployed_by));
        Ours {
            version: Some(artifact.version.clone().into()),
            numbers_agree: numbers.is_some_and(|(design, record)| {
                is_number(&design.version) && design.version == record.version
            }),
            saved: saved.filter(|_| self.brings_content()),
            named: named_by_runtime || self.tenant.is_us(&artifact.modified_by),
            named_by_runtime,
            existed: self.before.is_some(),
            rewritten: self.rewritten,
        }
    }

    /// The deploy call. Its lost answer is not looked up here: the runtime is watched for what came of it.
    pub fn deploy(
        &mut self,
        baseline: Baseline,
        artifact: &DesigntimeArtifact,
        seal: Seal,
    ) -> Result<Progress, Halt> {
        if self.deadline.passed(self.clock.now()) {
            let message = Message::new("the time ran out before the deploy call")
                .hint("run again with a longer --timeout");
            return Err(self.bad(Word::Unreachable, message));
        }
        let ours = self.ours(&baseline, artifact);
        let mut evidence = Evidence::new(baseline, ours, self.job.rules.settle);
        let before = self.sending("a deploy call", Sent::Call);
        let call = self.call().inspect_err(|_| self.back_to(before))?;
        if let Call::Accepted {
            task: Some(task), ..
        } = &call
        {
            recovery::called(self.context, self.job, self.standing, task);
        }
        self.tell(&call);
        evidence.called(call);
        self.trace.phase = Phase::Start;
        Ok(Progress::Watch(Box::new(Pending {
            kind: self.kind,
            evidence,
            seal,
            trace: self.trace.clone(),
        })))
    }

    /// One deploy call. A bare "not found" right after the upload is asked again for a while: the tenant was not asked
    /// to do anything by it.
    fn call(&self) -> Result<Call, TenantError> {
        let answer = self.once_seen(
            || self.tenant.deploy(self.kind, self.id, self.deadline),
            |error| error.kind == Kind::NotFound,
        );
        let answer = answer.map_err(|error| error.of_write("the deployment"))?;
        Ok(Call::of(answer, self.clock.now()))
    }

    fn tell(&mut self, call: &Call) {
        let (progress, state) = match call {
            Call::Accepted {
                task: Some(task), ..
            } => (
                "deployment accepted".to_owned(),
                format!("a deployment was accepted (task {task}); its end is not known"),
            ),
            Call::Accepted { task: None, .. } => (
                "deployment accepted, without a task id".to_owned(),
                "a deployment was accepted; its end is not known".to_owned(),
            ),
            Call::Lost { .. } | Call::NotDone { .. } => (
                format!(
                    "the answer of the deploy call was lost ({}); watching the runtime",
                    call.lost().unwrap_or_default()
                ),
                "a deploy call was sent and its answer was lost: it may have been accepted"
                    .to_owned(),
            ),
        };
        self.progress(progress);
        self.wrote(state);
    }
}
