//! What is done to put back one artifact, from what the tenant holds now, and what comes of it.

use super::NOT_UNDONE;
use super::arrival::{Late, Watched};
use super::decision::{self, Step};
use super::kept::Kept;
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::{self, Comparable};
use crate::deploy::job::{Content, Job};
use crate::deploy::outcome::{Outcome, Phase, PutBack, Rollback, Sent, Verdict, Word};
use crate::deploy::parameters::html_decoded;
use crate::deploy::plan::{self, Standing};
use crate::deploy::saved::LastSave;
use crate::deploy::{self, Context, Planned, Stop, survey};
use crate::http::retry;
use crate::journal::{self, Was};
use crate::settings::parameters::NamedParameter;
use crate::tenant::Reading;
use crate::tenant::error::TenantError;
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::{DesigntimeArtifact, RuntimeArtifact};

/// How it is written.
pub struct Way {
    /// What the tenant holds.
    pub standing: Standing,
    step: Step,
    values: Vec<NamedParameter>,
    /// The keys whose values somebody else changed meanwhile.
    theirs: Vec<String>,
    /// What is put back is the very content that this run brought.
    same: bool,
}

impl Way {
    /// Makes the job do just this.
    pub fn settle(&self, job: &mut Job) {
        job.named.clone_from(&self.values);
        job.rules.deploy = self.step == Step::Redeploy;
    }
}

/// One artifact that is to be put back.
pub struct Case<'a> {
    pub context: &'a Context<'a>,
    /// What this run wanted of it.
    pub ours: &'a Planned<'a>,
    pub outcome: &'a Outcome,
    pub before: &'a Kept,
    /// The job that puts it back.
    pub job: &'a Job,
    /// What ran before was seen to run no longer.
    pub again: bool,
}

/// Whose content the design time holds.
enum Holder {
    /// The one of before.
    Before,
    /// This run's.
    Ours,
    /// None: the artifact is gone.
    Nobody,
    /// Somebody else's; in words, who and when.
    Else(String),
}

impl Case<'_> {
    /// Decides how it is written; or the end, where nothing is. `standing`: what the tenant holds now.
    pub fn way(&self, standing: Result<Standing, Stop>) -> Result<Way, Rollback> {
        let standing = standing.map_err(|stop| self.not_read(&deploy::stopped_by(stop)))?;
        self.decided(standing).unwrap_or_else(|error| {
            Err(self.not_read(&Verdict::of_error(error, "nothing was put back")))
        })
    }

    fn decided(&self, mut standing: Standing) -> Result<Result<Way, Rollback>, TenantError> {
        let now = self.runtime(&standing)?;
        let step = if self.again {
            Step::Redeploy
        } else {
            // an earlier run may have called
            let sent = if self.before.remembered {
                Sent::Call
            } else {
                self.outcome.sent
            };
            let not_built = is_not_built(self.outcome) && !self.before.remembered;
            decision::step(self.before.snapshot.was, now.as_ref(), sent, not_built)
        };
        match self.holder(&standing)? {
            Holder::Else(who) => {
                let what =
                    format!("the design time holds content of {who}, which was not overwritten");
                return Ok(Err(not_overwritten(
                    step,
                    &what,
                    &shown_runtime(now.as_ref()),
                )));
            }
            Holder::Before => standing.same_content = Some(true),
            // content that is ours to the byte is nobody's draft
            Holder::Ours => standing.saved_by_us = true,
            Holder::Nobody => {}
        }
        let (values, theirs) = self.values(&standing);
        Ok(Ok(Way {
            standing,
            step,
            values,
            theirs,
            same: self.is_ours_anyhow(),
        }))
    }

    /// What runs; where something ran before, one "not found" is not believed.
    fn runtime(&self, standing: &Standing) -> Result<Option<RuntimeArtifact>, TenantError> {
        let ran = matches!(self.before.snapshot.was, Was::Running(_));
        if standing.runtime.is_some() || !ran || !self.job.rules.deploy {
            return Ok(standing.runtime.clone());
        }
        self.context.clock.sleep(retry::backoff(0));
        let deadline = self.context.deadline;
        Ok(self
            .context
            .tenant
            .runtime_artifact(&self.job.id, deadline)?
            .record)
    }

    /// What the design time holds now, in words for the person who is needed.
    pub fn held(&self) -> String {
        self.look_again()
            .unwrap_or_else(|error| format!("what the design time holds can't be read: {error}"))
    }

    fn look_again(&self) -> Result<String, TenantError> {
        let (tenant, id) = (self.context.tenant, &self.job.id);
        let deadline = self.context.deadline;
        let found = tenant.designtime_artifact(self.before.kind, id, deadline)?;
        let Reading::Found(artifact) = found else {
            return Ok("the design time has no such artifact".to_owned());
        };
        let configured = match self.before.kind {
            ArtifactKind::IntegrationFlow => tenant.configurations(id, deadline)?,
            _ => Vec::new(),
        };
        let version = tenant.words(&artifact.version).to_string();
        let standing = Standing {
            artifact: Some(artifact),
            configured,
            ..Standing::default()
        };
        let content = match self.holder(&standing)? {
            Holder::Before => "the content of before".to_owned(),
            Holder::Ours => "the new content of this run".to_owned(),
            Holder::Nobody => "nothing".to_owned(),
            Holder::Else(who) => format!("other content, saved by {who}"),
        };
        let changed = decision::changed(&self.before.configured, &standing.configured);
        let values = match changed.as_slice() {
            [] => String::new(),
            keys => format!(
                "; parameters with other values than before: {}",
                tenant.words(&keys.join(", "))
            ),
        };
        Ok(format!(
            "the design time holds {content} (version {version}){values}"
        ))
    }

    fn holder(&self, standing: &Standing) -> Result<Holder, TenantError> {
        let Some(artifact) = &standing.artifact else {
            return Ok(Holder::Nobody);
        };
        let stamp = artifact.stamp();
        if stamp.saved.is_some() && Some(&stamp) == self.before.stamp.as_ref() {
            return Ok(Holder::Before);
        }
        let ours = self.our_contents();
        let found = survey::with_download(self.context, self.before.kind, self.job, |file| {
            let remote = Comparable::of_zip(file)?;
            let configured = standing
                .configured
                .iter()
                .map(|one| (one.key.clone(), one.value.clone()))
                .collect();
            let same =
                |local: &Comparable| comparison::difference(local, &remote, &configured).is_empty();
            let before = self
                .job
                .content()
                .is_some_and(|content| same(&content.comparable));
            Ok((before, ours.iter().any(same)))
        })?;
        Ok(match found {
            Some((true, _)) => Holder::Before,
            Some((_, true)) => Holder::Ours,
            Some((false, false)) | None => Holder::Else(self.who(artifact)),
        })
    }

    /// The contents that this run may have written: of a value mapping also with the entries that only the tenant had.
    fn our_contents(&self) -> Vec<Comparable> {
        let plain = |content: &Content| Comparable::of(&content.artifact, &content.pack).ok();
        let plain = self.ours.job.content().and_then(plain);
        let merged = plan::merged(self.ours.job, &self.ours.standing);
        plain.into_iter().chain(merged).collect()
    }

    /// Whether the design time held this run's content before it.
    fn is_ours_anyhow(&self) -> bool {
        let before = self
            .job
            .content()
            .map(|content| content.comparable.fingerprint());
        let ours = self.our_contents();
        ours.iter().any(|one| Some(one.fingerprint()) == before)
    }

    fn who(&self, artifact: &DesigntimeArtifact) -> String {
        let save = LastSave(artifact).to_string();
        self.context.tenant.words(&save).to_string()
    }

    /// The values that are written, and the keys whose values are somebody else's by now.
    fn values(&self, standing: &Standing) -> (Vec<NamedParameter>, Vec<String>) {
        let known: Vec<_> = self
            .before
            .configured
            .iter()
            .filter(|one| {
                self.job
                    .content()
                    .is_none_or(|content| content.knows(&one.key))
            })
            .cloned()
            .collect();
        let (back, theirs) =
            decision::values_to_put_back(&known, &standing.configured, |key| self.our_values(key));
        let named = back.into_iter().map(|one| {
            NamedParameter::new(
                one.key,
                one.value,
                "the tenant, before this run".to_owned(),
                &[],
            )
        });
        (named.collect(), theirs)
    }

    /// The values that this run may have left for a parameter.
    fn our_values(&self, key: &str) -> Vec<String> {
        let named = self.ours.job.named.iter().filter(|one| one.key == key);
        let named = named.map(|one| one.value.clone());
        let of_content = |job: &Job| {
            job.content()
                .and_then(|content: &Content| content.parameters.get(key).cloned())
        };
        let mut values: Vec<String> = named
            .chain(of_content(self.ours.job))
            .chain(of_content(self.job))
            .collect();
        let decoded: Vec<String> = values.iter().map(|value| html_decoded(value)).collect();
        values.extend(decoded);
        values
    }

    fn not_read(&self, verdict: &Verdict) -> Rollback {
        let message = format!(
            "{}: what the tenant holds could not be read, so nothing was put back: {}; before: {}",
            self.job.id,
            causes(verdict),
            self.outcome.verdict.evidence
        );
        Rollback {
            verdict: Some(verdict.word),
            ..untouched(PutBack::Failed, message)
        }
    }
}

impl Way {
    /// The flow that goes on running, where the design time alone was put back: a deployment that this run asked for may
    /// come late.
    pub fn goes_on(&self, before: &Kept, new: &Outcome, outcome: &Outcome) -> Option<Watched> {
        match before.snapshot.was {
            Was::Running(deployed)
                if self.step == Step::DesignTime
                    && new.verdict.word == Word::Uploaded
                    && outcome.sent == Sent::Call
                    && !is_not_built(outcome) =>
            {
                Some(Watched::new(outcome, deployed))
            }
            _ => None,
        }
    }

    /// What came of it. `late`: what became of this run's own deployment, where the flow of before went on running.
    pub fn judged(
        &self,
        context: &Context<'_>,
        before: &Kept,
        new: &Outcome,
        outcome: &Outcome,
        late: Option<Late>,
    ) -> Rollback {
        let version = new.designtime_version.as_deref().unwrap_or("unknown");
        let (result, message) = match (self.step, new.verdict.word) {
            (Step::DesignTime, Word::Uploaded) if before.seen_later(outcome).is_some() => (
                PutBack::Failed,
                format!(
                    "the design time holds the content and parameters of before again (version {version}); it was saved after what ran before was deployed, so the content of that one can't be had"
                ),
            ),
            (Step::DesignTime, Word::Uploaded) => (
                PutBack::DesignTime,
                format!(
                    "the design time holds the content and parameters of before again (version {version}); {}",
                    what_runs(context, before, outcome, late)
                ),
            ),
            (Step::Redeploy, Word::Started) => (
                PutBack::Restored,
                format!(
                    "the content and parameters of before are back and run (version {version})"
                ),
            ),
            (step, Word::Superseded) => {
                let shown = seen_runtime(context, outcome);
                return Rollback {
                    evidence: new.verdict.evidence.clone(),
                    verdict: Some(Word::Superseded),
                    ..not_overwritten(step, &causes(&new.verdict), &shown)
                };
            }
            _ => (
                PutBack::Failed,
                format!(
                    "what stood there before could not be put back: {}",
                    causes(&new.verdict)
                ),
            ),
        };
        let theirs = match self.theirs.as_slice() {
            [] => String::new(),
            keys => format!(
                "; somebody else changed {} meanwhile, which was left",
                keys.join(", ")
            ),
        };
        let also = match result {
            PutBack::DesignTime if self.same && !before.snapshot.was.ran() => "; the design time held this very content before this run already: if an earlier run was killed, what it found is kept in its own --backup-dir".to_owned(),
            PutBack::Failed => String::new(),
            _ => format!("; {NOT_UNDONE}"),
        };
        let message = format!("{message}{theirs}{also}");
        let rollback = Rollback {
            verdict: Some(new.verdict.word),
            evidence: new.verdict.evidence.clone(),
            ..Rollback::new(result, context.tenant.words(&message).to_string())
        };
        if before.lost.is_empty() || result == PutBack::Failed {
            rollback
        } else {
            without_values(rollback, before)
        }
    }
}

/// Tells what the tenant holds, where a rollback failed: a person is needed.
pub fn with_what_is_held(rollback: Rollback, case: &Case<'_>) -> Rollback {
    let message = format!(
        "{}; now {}; {}",
        rollback.message,
        case.held(),
        seen_runtime(case.context, case.outcome)
    );
    Rollback {
        message: case.context.tenant.words(&message).to_string(),
        ..rollback
    }
}

/// The end of what was to be written and has no outcome: a fault of flowship, and no success.
pub fn not_written() -> Rollback {
    untouched(
        PutBack::Failed,
        "what stood there before was not written back".to_owned(),
    )
}

/// The end where nothing was written.
fn untouched(result: PutBack, message: String) -> Rollback {
    Rollback {
        evidence: "nothing was put back".to_owned(),
        ..Rollback::new(result, message)
    }
}

/// Whether the build of what this run sent has failed.
fn is_not_built(outcome: &Outcome) -> bool {
    outcome.verdict.word == Word::Failed
        && outcome.phase == Phase::Deploy
        && outcome.sent == Sent::Call
}

/// Somebody else's content stays. That is well as long as what ran before goes on running.
fn not_overwritten(step: Step, what: &str, shown: &str) -> Rollback {
    let (result, message) = if step == Step::Redeploy {
        (
            PutBack::Failed,
            format!(
                "{what}, and what ran before this run runs no longer ({shown}); the command below overwrites that content: agree with its author first"
            ),
        )
    } else {
        (PutBack::Left, format!("{what}; {shown}"))
    };
    untouched(result, message)
}

/// Everything is back but values that an earlier run has changed before it was killed, and that no file may hold.
fn without_values(rollback: Rollback, before: &Kept) -> Rollback {
    Rollback {
        result: PutBack::Failed,
        message: format!(
            "{}; but an earlier run that was killed may have changed {}: its value is a secret and in no file: set it",
            rollback.message,
            before.lost.join(", ")
        ),
        repair: Some(journal::set_command(
            &before.id.0,
            &before.lost,
            &before.reach,
        )),
        ..rollback
    }
}

/// What runs after the design time alone was put back.
fn what_runs(
    context: &Context<'_>,
    before: &Kept,
    outcome: &Outcome,
    late: Option<Late>,
) -> String {
    let now = match before.snapshot.was {
        Was::Running(Some(date)) if outcome.before.deployed_on != Some(date) => {
            format!("{}, which was not touched", seen_runtime(context, outcome))
        }
        Was::Running(Some(_))
            if is_not_built(outcome) && outcome.deployed_on != outcome.before.deployed_on =>
        {
            format!("{}, which was not touched", seen_runtime(context, outcome))
        }
        Was::Running(Some(date)) => {
            format!("the deployment of {date} goes on running and was not touched")
        }
        Was::Running(None) | Was::Unknown => seen_runtime(context, outcome),
        Was::Stopped => format!(
            "it was stopped before, which the API can't do again: {}; `flowship undeploy {}` takes it out",
            seen_runtime(context, outcome),
            outcome.id
        ),
        Was::NotDeployed | Was::Broken => format!(
            "it did not run before, so nothing was started: {}",
            seen_runtime(context, outcome)
        ),
    };
    match late {
        Some(Late::Open) => {
            format!("{now}; the deployment that this run asked for may still come")
        }
        Some(Late::Ended | Late::Came) | None => now,
    }
}

/// Tells in the outcome what the tenant shows now.
pub fn shown(outcome: &mut Outcome, new: &Outcome) {
    outcome
        .designtime_version
        .clone_from(&new.designtime_version);
    if new.verdict.word == Word::Started {
        outcome.runtime_version.clone_from(&new.runtime_version);
        outcome.deployed_on = new.deployed_on;
    }
}

/// What a verdict says, with its causes.
pub fn causes(verdict: &Verdict) -> String {
    match &verdict.message {
        Some(message) if message.causes.is_empty() => message.what.clone(),
        Some(message) => format!("{} ({})", message.what, message.causes.join("; ")),
        None => verdict.word.name().to_owned(),
    }
}

pub fn read_runtime(
    context: &Context<'_>,
    outcome: &Outcome,
) -> Result<Option<RuntimeArtifact>, TenantError> {
    let id = crate::tenant::wire::ArtifactId(outcome.id.clone());
    let soon = context.clock.now() + std::time::Duration::from_secs(5);
    let deadline = context.deadline.or_later(soon);
    Ok(context.tenant.runtime_artifact(&id, deadline)?.record)
}

/// Whether the runtime shows the deployment that ran before.
pub fn still_runs(context: &Context<'_>, deployed: Option<TenantTime>, outcome: &Outcome) -> bool {
    let now = read_runtime(context, outcome);
    now.is_ok_and(|now| decision::still_runs(deployed, now.as_ref()))
}

/// What the runtime shows now, in words.
pub fn seen_runtime(context: &Context<'_>, outcome: &Outcome) -> String {
    match read_runtime(context, outcome) {
        Ok(record) => shown_runtime(record.as_ref()),
        Err(_) => "what runs can't be read".to_owned(),
    }
}

fn shown_runtime(record: Option<&RuntimeArtifact>) -> String {
    match record {
        Some(record) => {
            let date = record
                .deployed_on
                .map(|date| format!(", deployed at {date}"))
                .unwrap_or_default();
            format!("the runtime shows {}{date}", record.status)
        }
        None => "nothing is deployed".to_owned(),
    }
}
