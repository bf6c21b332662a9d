//! One deployment while it is watched: what is asked about it, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evidence::started::{End, Evidence, Judgement};
use super::evidence::{Call, Look, RuntimeAnswer};
use super::job::Job;
use super::outcome::Verdict;
use super::plan::Standing;
use super::watch::{Settled, UnderWay};
use super::write::{Seal, Trace};
use super::{Context, Planned, parameters, survey};
use crate::artifact::ArtifactKind;
use crate::clock::{Deadline, Moment};
use crate::pacing::{self, TaskTurn};
use crate::tenant::Reading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, RuntimeArtifact};

/// What was written, and what is known of the deployment that was called for.
pub struct Pending {
    pub kind: ArtifactKind,
    pub evidence: Evidence,
    pub seal: Seal,
    pub trace: Trace,
}

/// One deployment that has no verdict yet.
pub struct Deployment<'a> {
    /// Its place in the run.
    pub place: usize,
    pub job: &'a Job,
    /// What the tenant held before the first write.
    pub standing: &'a Standing,
    pub pending: Box<Pending>,
    profile_asked: bool,
    /// Since when it has failed without a text that says why.
    pub text_late_since: Option<Moment>,
}

impl<'a> Deployment<'a> {
    pub fn new(place: usize, planned: &'a Planned<'a>, pending: Box<Pending>) -> Self {
        Self {
            place,
            job: planned.job,
            standing: &planned.standing,
            pending,
            profile_asked: false,
            text_late_since: None,
        }
    }

    /// The version that the design time showed after our save may have been that of before it: it is read once more before
    /// a record with another one is held to be another user's.
    fn ask_version(&mut self, context: &Context<'_>) {
        let one = &mut self.pending;
        if one.evidence.version_is_due()
            && let Ok(Reading::Found(artifact)) =
                context
                    .tenant
                    .designtime_artifact(one.kind, &self.job.id, context.deadline)
        {
            one.evidence.version_read(Some(artifact.version.into()));
        }
    }

    /// When a flow was built and stays invisible, its parameters may tell that it went to another runtime.
    fn ask_profile(&mut self, context: &Context<'_>) {
        let one = &mut self.pending;
        let since = one.evidence.succeeded_at();
        if self.profile_asked
            || one.kind != ArtifactKind::IntegrationFlow
            || since.is_none_or(|at| context.clock.now() < at + pacing::PROFILE)
            || one.evidence.new_record().is_some()
        {
            return;
        }
        self.profile_asked = true;
        if let Ok(configured) = context
            .tenant
            .configurations(&self.job.id, context.deadline)
            && let Some(profile) = parameters::other_profile(&configured)
        {
            one.evidence
                .profiled(context.tenant.words(&profile).to_string());
        }
    }
}

impl UnderWay for Deployment<'_> {
    type End = End;

    fn id(&self) -> &ArtifactId {
        &self.job.id
    }

    fn task(&self, now: Moment) -> Option<TaskTurn> {
        let evidence = &self.pending.evidence;
        evidence.task_to_ask()?;
        Some(TaskTurn {
            decides: !evidence.seen.baseline.by_list || evidence.task_can_decide(),
            waited: evidence.seen.waited(now),
            unasked: evidence.task_unasked(now),
        })
    }

    fn ask_task(&mut self, context: &Context<'_>) -> Result<(), TenantError> {
        let evidence = &mut self.pending.evidence;
        let Some(task) = evidence.task_to_ask() else {
            return Ok(());
        };
        let begun = context.clock.now();
        let (tenant, deadline) = (context.tenant, context.deadline);
        let answer = tenant.build_and_deploy_status(task, deadline)?;
        evidence.task_answered(begun, context.clock.now(), answer);
        Ok(())
    }

    fn task_suffices(&self, now: Moment) -> bool {
        self.pending.evidence.task_suffices(now)
    }

    /// What is compared with a list must come from one.
    fn is_listed(&self, _together: usize) -> bool {
        self.pending.evidence.seen.baseline.by_list
    }

    fn of_list(&self, record: Option<RuntimeArtifact>) -> Option<RuntimeAnswer> {
        Some(record.map_or(RuntimeAnswer::Absent, RuntimeAnswer::Record))
    }

    fn looked(&mut self, context: &Context<'_>, look: Look) {
        let evidence = &mut self.pending.evidence;
        if let RuntimeAnswer::Record(record) = &look.answer
            && !record.deployed_by.is_empty()
            && !context.tenant.is_us(&record.deployed_by)
        {
            evidence.stranger(record.deployed_by.clone().into());
        }
        evidence.looked(look);
        self.ask_version(context);
        self.ask_profile(context);
    }

    fn judge(&self, now: Moment, deadline: Deadline) -> Judgement {
        self.pending.evidence.judge(now, deadline)
    }

    fn pause(&self, now: Moment) -> Duration {
        let first = self.job.rules.poll_interval;
        self.pending.evidence.pause(now, first)
    }

    /// The call whose answer was lost, once more.
    fn call(&mut self, context: &Context<'_>) {
        let one = &mut self.pending;
        context.ledger.progress(
            &self.job.id.0,
            "nothing came of the deploy call whose answer was lost: calling once more",
        );
        let (tenant, deadline) = (context.tenant, context.deadline);
        let answer = tenant.deploy(one.kind, &self.job.id, deadline);
        let at = context.clock.now();
        one.evidence.called(match answer {
            Ok(answer) => Call::of(answer, at),
            // it never arrived: the next look may try again
            Err(error) if error.kind == Kind::Unreachable => return,
            Err(error) => Call::NotDone {
                at,
                error: Box::new(error),
            },
        });
    }

    /// One list shows whether the design time still holds what was left of several.
    fn waits_for_others(&self, end: &End) -> bool {
        matches!(end, End::Started(_)) && self.is_listed(1)
    }

    fn read_together(
        context: &Context<'_>,
        ended: &[(&Self, &End)],
    ) -> BTreeMap<ArtifactId, DesigntimeArtifact> {
        let started = ended
            .iter()
            .filter(|(_, end)| matches!(end, End::Started(_)));
        let jobs: Vec<&Job> = started.map(|(one, _)| one.job).collect();
        survey::read_together(context, &jobs, context.closing())
    }

    fn settle(
        &mut self,
        context: &Context<'_>,
        end: End,
        shown: Option<DesigntimeArtifact>,
    ) -> Settled {
        self.settled(context, end, shown)
    }

    fn last_seen(&self) -> String {
        let evidence = &self.pending.evidence;
        // first, so that it is not cut where a line is short
        let runtime = match (evidence.seen.last_seen(), evidence.new_record()) {
            (Some(record), Some(_)) => format!("runtime {}", record.status),
            (Some(record), None) => format!("runtime {} (not new)", record.status),
            (None, _) => "runtime shows nothing yet".to_owned(),
        };
        format!("{runtime}; {}", evidence.task_progress())
    }

    fn evidence(&self, context: &Context<'_>) -> String {
        self.evidence_line(context, &[])
    }

    fn may_be(&self) -> Option<&'static str> {
        Some("a deployment was accepted")
    }
}

/// The end that has its verdict.
pub type Decided<'a> = (Deployment<'a>, Verdict);
