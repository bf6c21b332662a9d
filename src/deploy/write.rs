//! Writing one artifact: package, content, parameters; then the seal that shows what the tenant holds, a fresh
//! baseline of the runtime, and the deploy call. A write whose answer was lost is looked up before it is repeated.

use std::time::Duration;

use super::job::{Content, Job, Source};
use super::outcome::{Message, Phase, Verdict, Word};
use super::parameters::{self, Setting, Why};
use super::plan::{self, Standing, Steps, Upload};
use super::survey;
use super::verdict::{Baseline, Call, Evidence};
use super::{Context, Pending};
use crate::artifact::ArtifactKind;
use crate::clock::{Deadline, Moment};
use crate::exit::Exit;
use crate::http::retry;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{Configuration, DesigntimeArtifact, Stamp};
use crate::tenant::{DeployAnswer, Reading, Written};

/// How often a write is sent whose answer was lost each time.
const WRITE_ATTEMPTS: u32 = 5;
/// How long small calls may go on past the deadline once the content was written: what operations configured must
/// not stay reset because the time ran out in between.
const GRACE: Duration = Duration::from_secs(60);
/// The longest wait for a runtime record to come to rest before the deploy call.
const REST: Duration = Duration::from_secs(60);

/// What the design time showed after our last write; it must hold until the verdict.
#[derive(Clone, Debug)]
pub(super) struct Seal {
    pub(super) stamp: Stamp,
    /// The parameters that must stand, for the case that the seal is broken.
    pub(super) settings: Vec<Setting>,
}

/// How the writing of one artifact ended.
pub(super) enum Progress {
    /// A deployment was or may have been accepted; it has to be watched.
    Watch(Box<Pending>),
    /// It ended already.
    Done(Box<Verdict>, Trace),
}

/// How far the writing of one artifact came.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) phase: Phase,
    /// The design-time version, once it was read back.
    pub(super) version: Option<String>,
    /// The keys of the parameters that were written.
    pub(super) parameters: Vec<String>,
}

impl Trace {
    /// An end in this phase with nothing written.
    pub(super) fn at(phase: Phase) -> Self {
        Self {
            phase,
            version: None,
            parameters: Vec::new(),
        }
    }
}

/// One artifact while it is written.
pub(super) struct Writing<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) job: &'a Job,
    pub(super) standing: &'a Standing,
    kind: ArtifactKind,
    state: String,
    first_write: Option<Moment>,
    trace: Trace,
}

/// Why the writing of one artifact stopped.
enum Halt {
    Tenant(TenantError),
    Verdict(Box<Verdict>),
}

impl From<TenantError> for Halt {
    fn from(error: TenantError) -> Self {
        Halt::Tenant(error)
    }
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        job: &'a Job,
        standing: &'a Standing,
    ) -> Option<Self> {
        let kind = match &job.source {
            Source::Files(content) => content.kind,
            Source::Tenant => standing.kind?,
        };
        Some(Self {
            context,
            job,
            standing,
            kind,
            state: "nothing was written".to_owned(),
            first_write: None,
            trace: Trace::at(Phase::Upload),
        })
    }

    /// Carries out the steps.
    pub(super) fn carry_out(mut self, steps: Steps) -> Progress {
        match self.try_to(steps) {
            Ok(progress) => progress,
            Err(Halt::Verdict(verdict)) => Progress::Done(verdict, self.trace),
            Err(Halt::Tenant(error)) => {
                Progress::Done(Box::new(Verdict::of_error(error, &self.state)), self.trace)
            }
        }
    }

    fn try_to(&mut self, steps: Steps) -> Result<Progress, Halt> {
        if let Source::Files(content) = &self.job.source {
            if steps.create_package {
                self.create_package(content)?;
            }
            match steps.upload {
                Upload::Create => self.create(content)?,
                Upload::Update => self.update(content)?,
                Upload::Keep => {}
            }
        }
        self.trace.phase = Phase::Configure;
        let settings = self.configure(steps.upload)?;
        let (artifact, seal) = self.seal(steps.upload, settings)?;
        self.trace.version = Some(artifact.version.clone());
        if !steps.deploy {
            let evidence = format!(
                "design time version {}; not deployed, as asked",
                self.context.tenant.words(&artifact.version)
            );
            return Ok(Progress::Done(
                Box::new(Verdict::well(Word::Uploaded, evidence)),
                self.trace.clone(),
            ));
        }
        self.trace.phase = Phase::Deploy;
        let baseline = self.baseline()?;
        self.deploy(baseline, &artifact, seal)
            .map(|pending| Progress::Watch(Box::new(pending)))
    }

    /// The deadline of the calls between the first write and the deploy call.
    fn deadline(&self) -> Deadline {
        match self.first_write {
            Some(at) => self.context.deadline.or_later(at + GRACE),
            None => self.context.deadline,
        }
    }

    fn wrote(&mut self, state: impl Into<String>) {
        self.state = state.into();
        self.context
            .ledger
            .wrote(&self.job.id.0, self.state.clone());
    }

    fn create_package(&mut self, content: &Content) -> Result<(), Halt> {
        let package = &content.package;
        self.context
            .ledger
            .progress(&self.job.id.0, format!("creating package {package}"));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.create_integration_package(
                package,
                &content.package_name,
                self.context.deadline,
            );
            let why = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(why)) => why,
                Err(error) if error.kind == Kind::Refused && attempt > 1 => error.to_string(),
                Err(error) => return self.package_refused(content, error),
            };
            if let Reading::Found(_) = self
                .context
                .tenant
                .integration_package(package, self.context.deadline)?
            {
                break;
            }
            self.try_again("the package", attempt, &why)?;
        }
        self.wrote(format!(
            "package {package} was created; the artifact is not there yet"
        ));
        Ok(())
    }

    /// Two runs may create the same package at once; then it is there.
    fn package_refused(&mut self, content: &Content, error: TenantError) -> Result<(), Halt> {
        if error.kind == Kind::Refused
            && let Reading::Found(_) = self
                .context
                .tenant
                .integration_package(&content.package, self.context.deadline)?
        {
            return Ok(());
        }
        Err(error.into())
    }

    /// Waits before a write is sent again, or gives up.
    fn try_again(&self, what: &str, attempt: u32, why: &str) -> Result<(), Halt> {
        let pause = retry::backoff(attempt - 1);
        if attempt >= WRITE_ATTEMPTS
            || self.context.deadline.left(self.context.clock.now()) <= pause
        {
            let message = Message::new(format!(
                "{what} could not be written: the answers of {attempt} attempts were lost"
            ))
            .because(why)
            .hint("run again: it looks first what the tenant holds");
            return Err(Halt::Verdict(Box::new(Verdict::bad(
                Word::Unreachable,
                self.state.clone(),
                message,
            ))));
        }
        self.context.ledger.progress(
            &self.job.id.0,
            format!("the answer was lost ({why}); looked: not written, sending again"),
        );
        self.context.clock.sleep(pause);
        Ok(())
    }

    fn create(&mut self, content: &Content) -> Result<(), Halt> {
        self.context.ledger.progress(
            &self.job.id.0,
            format!("uploading (new, {} bytes)", content.archive.size),
        );
        self.first_write = Some(self.context.clock.now());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.create_designtime_artifact(
                self.kind,
                &self.job.id,
                &content.name,
                &content.package,
                &content.archive,
                self.context.deadline,
            );
            let why = match outcome {
                Ok(Written::Done(_)) => break,
                Ok(Written::Lost(why)) => why,
                Err(error) if error.kind == Kind::Refused && attempt > 1 => error.to_string(),
                Err(error) => return Err(error.into()),
            };
            match self.context.tenant.designtime_artifact(
                self.kind,
                &self.job.id,
                self.deadline(),
            )? {
                Reading::Found(_) if self.holds_our_content(content)? => break,
                Reading::Found(artifact) if self.is_somebody_else(&artifact) => {
                    return Err(self.overtaken(&artifact));
                }
                Reading::Found(_) => return self.update(content),
                Reading::Missing => self.try_again("the artifact", attempt, &why)?,
            }
        }
        self.wrote("the content was created; it is not deployed yet");
        Ok(())
    }

    fn update(&mut self, content: &Content) -> Result<(), Halt> {
        self.context.ledger.progress(
            &self.job.id.0,
            format!("uploading ({} bytes)", content.archive.size),
        );
        self.first_write = Some(self.context.clock.now());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.context.tenant.update_designtime_artifact(
                self.kind,
                &self.job.id,
                &content.name,
                &content.archive,
                self.context.deadline,
            );
            let why = match outcome? {
                Written::Done(_) => break,
                Written::Lost(why) => why,
            };
            if self.holds_our_content(content)? {
                break;
            }
            self.try_again("the content", attempt, &why)?;
        }
        self.wrote("the content was updated; it is not deployed yet");
        Ok(())
    }

    fn holds_our_content(&self, content: &Content) -> Result<bool, TenantError> {
        Ok(self
            .differences(content)?
            .is_some_and(|differences| differences.is_empty()))
    }

    fn differences(&self, content: &Content) -> Result<Option<Vec<String>>, TenantError> {
        let context = Context {
            deadline: self.deadline(),
            ..self.context.clone()
        };
        survey::differences(
            &context,
            self.kind,
            self.job,
            &content.comparable,
            self.standing,
        )
    }

    fn is_somebody_else(&self, artifact: &DesigntimeArtifact) -> bool {
        !artifact.modified_by.is_empty() && !self.context.tenant.is_us(&artifact.modified_by)
    }

    fn overtaken(&self, artifact: &DesigntimeArtifact) -> Halt {
        let by = if artifact.modified_by.is_empty() {
            "somebody else".to_owned()
        } else {
            self.context.tenant.words(&artifact.modified_by).to_string()
        };
        let message = Message::new(format!("{by} saved other content of {} while this run was writing", self.job.id))
            .hint("agree on who deploys this artifact, then run again; pipelines for one artifact should not run at the same time");
        Halt::Verdict(Box::new(Verdict::bad(
            Word::Superseded,
            self.state.clone(),
            message,
        )))
    }

    /// Writes what the caller named and puts back what the tenant reset. Gives the parameters that must stand.
    fn configure(&mut self, upload: Upload) -> Result<Vec<Setting>, Halt> {
        let mut settings = plan::settings(self.job, self.standing);
        if upload == Upload::Create {
            settings.retain(|setting| setting.why == Why::Named);
        }
        let nothing_to_keep = self.standing.configured.is_empty() && self.job.named.is_empty();
        if self.kind != ArtifactKind::IntegrationFlow
            || nothing_to_keep
            || (upload == Upload::Keep && self.job.named.is_empty())
        {
            return Ok(settings);
        }
        let shown = self.read_configuration()?;
        let missing = parameters::missing(&settings, &shown);
        if missing.is_empty() {
            return Ok(settings);
        }
        self.context.ledger.progress(
            &self.job.id.0,
            format!("configuring {}", count(missing.len(), "parameter")),
        );
        for setting in &missing {
            self.write_parameter(setting, &setting.value, &shown)?;
            self.trace.parameters.push(setting.key.clone());
        }
        self.check_written(&missing, &shown)?;
        self.wrote(format!(
            "the content and {} were written; not deployed yet",
            count(missing.len(), "parameter")
        ));
        Ok(settings)
    }

    fn read_configuration(&self) -> Result<Vec<Configuration>, TenantError> {
        Ok(
            match self
                .context
                .tenant
                .configurations(&self.job.id, self.deadline())?
            {
                Reading::Found(configured) => configured,
                Reading::Missing => Vec::new(),
            },
        )
    }

    /// Writes one parameter. The call is idempotent, so a lost answer is simply asked for again.
    fn write_parameter(
        &mut self,
        setting: &Setting,
        value: &str,
        shown: &[Configuration],
    ) -> Result<(), Halt> {
        self.first_write.get_or_insert(self.context.clock.now());
        let known = shown
            .iter()
            .chain(&self.standing.configured)
            .find(|one| one.key == setting.key);
        let data_type = known.map_or("", |one| one.data_type.as_str());
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.context.tenant.configure(
                &self.job.id,
                &setting.key,
                value,
                data_type,
                self.deadline(),
            )? {
                Written::Done(_) => return Ok(()),
                Written::Lost(why) => {
                    self.try_again(&format!("parameter `{}`", setting.key), attempt, &why)?;
                }
            }
        }
    }

    /// Reads back what was written. Some tenants decode values once more: then the encoded form is written instead.
    fn check_written(&mut self, written: &[&Setting], shown: &[Configuration]) -> Result<(), Halt> {
        let after = self.read_configuration()?;
        let strict = |all: &[&Setting], after: &[Configuration]| -> Vec<Setting> {
            let owned: Vec<Setting> = all
                .iter()
                .filter(|one| one.why != Why::New)
                .map(|one| (*one).clone())
                .collect();
            parameters::missing(&owned, after)
                .into_iter()
                .cloned()
                .collect()
        };
        let wrong = strict(written, &after);
        for setting in &wrong {
            self.write_parameter(setting, &parameters::html_encoded(&setting.value), shown)?;
        }
        if wrong.is_empty() {
            return Ok(());
        }
        match strict(written, &self.read_configuration()?).first() {
            None => Ok(()),
            Some(setting) => Err(self.not_carried_out(
                &format!(
                    "the tenant accepted parameter `{}`, but shows another value",
                    setting.key
                ),
                &[],
            )),
        }
    }

    fn not_carried_out(&self, what: &str, differences: &[String]) -> Halt {
        let mut message = Message::new(what.to_owned())
            .hint("the artifact was not deployed; run again, and report it if it stays so");
        message.causes = differences
            .iter()
            .take(5)
            .map(|path| format!("differs: {}", self.context.tenant.words(path)))
            .collect();
        let verdict = Verdict {
            exit: Exit::Protocol,
            ..Verdict::bad(Word::Failed, self.state.clone(), message)
        };
        Halt::Verdict(Box::new(verdict))
    }

    /// Reads what the design time shows after our last write. A changed stamp that does not bear another's name is
    /// trusted, and an unchanged one where nothing was uploaded; in all other cases the content is compared.
    fn seal(
        &self,
        upload: Upload,
        settings: Vec<Setting>,
    ) -> Result<(DesigntimeArtifact, Seal), Halt> {
        let artifact = match self.context.tenant.designtime_artifact(
            self.kind,
            &self.job.id,
            self.deadline(),
        )? {
            Reading::Found(artifact) => artifact,
            Reading::Missing => {
                return Err(self.not_carried_out(
                    "the tenant accepted the content, but shows no artifact",
                    &[],
                ));
            }
        };
        let stamp = artifact.stamp();
        let same = self
            .standing
            .artifact
            .as_ref()
            .is_some_and(|before| before.stamp() == stamp);
        let ours =
            artifact.modified_by.is_empty() || self.context.tenant.is_us(&artifact.modified_by);
        let trusted = stamp.saved.is_some()
            && if upload == Upload::Keep {
                same
            } else {
                !same && ours
            };
        if let (Source::Files(content), false) = (&self.job.source, trusted) {
            self.verify(content, &artifact, !same)?;
        }
        Ok((artifact, Seal { stamp, settings }))
    }

    fn verify(
        &self,
        content: &Content,
        artifact: &DesigntimeArtifact,
        moved: bool,
    ) -> Result<(), Halt> {
        match self.differences(content)? {
            Some(differences) if differences.is_empty() => Ok(()),
            Some(_) if moved && self.is_somebody_else(artifact) => Err(self.overtaken(artifact)),
            Some(differences) => Err(self.not_carried_out(
                "the tenant accepted the upload, but holds other content",
                &differences,
            )),
            None => Err(self.not_carried_out(
                "the tenant accepted the upload, but does not give the content out",
                &[],
            )),
        }
    }

    /// Reads what runs now, waiting for a record that is not at rest.
    fn baseline(&self) -> Result<Baseline, Halt> {
        let started = self.context.clock.now();
        let rest = (self.context.deadline.left(started) / 4).min(REST);
        let mut told = false;
        loop {
            let reading = self
                .context
                .tenant
                .runtime_artifact(&self.job.id, self.deadline())?;
            let in_motion = reading
                .record
                .as_ref()
                .is_some_and(|record| record.status.in_motion());
            let now = self.context.clock.now();
            if !in_motion || now >= started + rest {
                return Ok(Baseline {
                    record: reading.record,
                    answered: reading.answered,
                    in_motion,
                });
            }
            if !told {
                told = true;
                let status = reading
                    .record
                    .map(|record| record.status.to_string())
                    .unwrap_or_default();
                self.context.ledger.progress(
                    &self.job.id.0,
                    format!(
                        "the runtime shows {}: waiting for it to rest",
                        self.context.tenant.words(&status)
                    ),
                );
            }
            self.context.clock.sleep(
                Duration::from_secs(1)
                    .min(self.job.rules.poll_interval.max(Duration::from_millis(100))),
            );
        }
    }

    fn deploy(
        &mut self,
        baseline: Baseline,
        artifact: &DesigntimeArtifact,
        seal: Seal,
    ) -> Result<Pending, Halt> {
        if self.context.deadline.passed(self.context.clock.now()) {
            let message = Message::new("the time ran out before the deploy call")
                .hint("run again with a longer --timeout");
            return Err(Halt::Verdict(Box::new(Verdict::bad(
                Word::Unreachable,
                self.state.clone(),
                message,
            ))));
        }
        let existed = self.standing.artifact.is_some();
        let mut evidence = Evidence::new(
            baseline,
            existed,
            Some(artifact.version.clone()),
            self.job.rules.settle,
        );
        let before = self.state.clone();
        self.wrote(format!(
            "{before}; a deploy call was sent, its answer is not known"
        ));
        let call = self.call().inspect_err(|_| self.state = before)?;
        self.tell(&call);
        evidence.called(call);
        self.trace.phase = Phase::Start;
        Ok(Pending::new(self.kind, evidence, seal, self.trace.clone()))
    }

    /// One deploy call. A bare "not found" right after the upload is asked again for a while: the tenant was not asked
    /// to do anything by it.
    fn call(&self) -> Result<Call, Halt> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome =
                self.context
                    .tenant
                    .deploy(self.kind, &self.job.id, self.context.deadline);
            let at = self.context.clock.now();
            match outcome {
                Ok(DeployAnswer::Accepted(task)) => return Ok(Call::Accepted { at, task }),
                Ok(DeployAnswer::Lost(why)) => return Ok(Call::Lost { at, why }),
                Err(error) if error.kind == Kind::NotFound && attempt < 4 => {
                    self.context.clock.sleep(retry::backoff(attempt - 1));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn tell(&mut self, call: &Call) {
        match call {
            Call::Accepted {
                task: Some(task), ..
            } => {
                self.context
                    .ledger
                    .progress(&self.job.id.0, format!("deployment accepted, task {task}"));
                self.wrote(format!(
                    "a deployment was accepted (task {task}); its end is not known"
                ));
            }
            Call::Accepted { task: None, .. } => {
                self.context
                    .ledger
                    .progress(&self.job.id.0, "deployment accepted, without a task id");
                self.wrote("a deployment was accepted; its end is not known");
            }
            Call::Lost { why, .. } | Call::RefusedAgain { why, .. } => {
                self.context.ledger.progress(
                    &self.job.id.0,
                    format!("the answer of the deploy call was lost ({why}); watching the runtime"),
                );
                self.wrote(
                    "a deploy call was sent and its answer was lost: it may have been accepted",
                );
            }
        }
    }
}

/// `1 parameter`, `2 parameters`.
fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
