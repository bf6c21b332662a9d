//! From a judgement to the verdict that is printed: the seal, the error text, the evidence line.

use std::time::Duration;

use super::deployment::Deployment;
use super::evidence::doubts::{self, Doubt};
use super::evidence::started::End;
use super::job::{Content, Source};
use super::outcome::{Message, Verdict, Word};
use super::parameters::{self, Setting, Why, is_brought};
use super::saved::LastSave;
use super::watch::Settled;
use super::{Context, recovery, survey};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::content_equal;
use crate::exit::Exit;
use crate::http::retry;
use crate::pacing;
use crate::tenant::error::TenantError;
use crate::tenant::error_information;
use crate::tenant::wire::{Configuration, DesigntimeArtifact, RuntimeArtifact, RuntimeStatus};

/// How long an error text is waited for that is not there yet.
const TEXT_AFTER: Duration = Duration::from_secs(8);

/// How often a parameter that shows another value than was written is looked at: a replica may lag.
const LOOKS_AT_PARAMETERS: u32 = 3;

/// What stands before an error text that may be of the deployment before.
const PERHAPS_OLD: &str = "(perhaps of the deployment before) ";

impl Deployment<'_> {
    /// Turns a final judgement into a verdict. `shown`: what a list has just shown of the design time, if one did.
    pub fn settled(
        &mut self,
        context: &Context<'_>,
        end: End,
        shown: Option<DesigntimeArtifact>,
    ) -> Settled {
        match end {
            End::Started(doubts) => self.started(context, &doubts, shown),
            End::BuildFailed(status) => {
                let status = status.to_string();
                let what = if status.contains("LICENSE") {
                    "the tenant's licence does not allow this deployment".to_owned()
                } else {
                    self.build_failed()
                };
                let status = context.tenant.words(&status);
                self.failed(context, format!("{what} (task status {status})"))
            }
            End::StartFailed => match self.broken_seal(&context.closing_look(), None) {
                Ok(Some(verdict)) => verdict.into(),
                Ok(None) | Err(_) => {
                    let content = self.job.rules.content();
                    self.failed(context, format!("{content} was built, but does not start"))
                }
            },
            End::Undecided(why) => self.undecided(context, why).into(),
        }
    }

    fn build_failed(&self) -> String {
        format!("the build of {} failed", self.job.rules.content())
    }

    /// The verdict about what has started: whether the design time still holds what we left.
    fn started(
        &self,
        context: &Context<'_>,
        doubts: &[Doubt],
        shown: Option<DesigntimeArtifact>,
    ) -> Settled {
        let evidence = self.evidence_line(context, doubts);
        match self.broken_seal(&context.closing_look(), shown) {
            Ok(None) => Verdict::well(Word::Started, evidence).into(),
            Ok(Some(verdict)) => verdict.into(),
            Err(_) if !context.deadline.passed(context.clock.now()) => {
                Settled::LookAgain(pacing::CLOSE)
            }
            Err(error) => {
                let mut message = Message::from(error);
                message.what = format!(
                    "it runs, but whether nobody saved other content meanwhile could not be read: {}",
                    message.what
                );
                Verdict::bad(Word::Undecided, evidence, message).into()
            }
        }
    }

    /// The verdict where the design time is not what we left any more. The stamp is compared; where it differs, or where
    /// the tenant has no dates, content and parameters decide.
    fn broken_seal(
        &self,
        context: &Context<'_>,
        shown: Option<DesigntimeArtifact>,
    ) -> Result<Option<Verdict>, TenantError> {
        // before the marks, so that they are the last thing that is read; without a date they decide nothing
        let changed = match self.pending.seal.stamp.saved {
            Some(_) => self.changed_parameter(context),
            None => Ok(None),
        };
        let artifact = match shown {
            Some(artifact) => Some(artifact),
            None => self.sealed_artifact(context)?,
        };
        let Some(artifact) = artifact else {
            return Ok(Some(self.deleted(context)));
        };
        let (stamp, seal) = (artifact.stamp(), &self.pending.seal);
        if stamp == seal.stamp && stamp.saved.is_some() {
            return changed?.map_or(Ok(None), |one| self.set_or_saved(context, &one).map(Some));
        }
        let holds = match &self.job.source {
            Source::Tenant => stamp == seal.stamp,
            Source::Files(content) => {
                let configured = self.configured(context)?;
                let left = seal.stored.as_ref().unwrap_or(&content.comparable);
                let values = survey::values(&configured);
                let held = survey::content_held(context, self.pending.kind, self.job)?;
                held.is_some_and(|held| content_equal(left, &held, &values))
                    && parameters::missing(&seal.settings, &configured)
                        .iter()
                        .all(|setting| setting.why == Why::New)
            }
        };
        Ok((!holds).then(|| self.superseded(context, &artifact)))
    }

    /// A value is another one: perhaps because the artifact was saved since its marks were read, which tells who and when, or
    /// because the tenant has reset it late.
    fn set_or_saved(
        &self,
        context: &Context<'_>,
        (setting, shown): &(Setting, String),
    ) -> Result<Verdict, TenantError> {
        let (id, key) = (&self.job.id, &setting.key);
        let is_brought = |content: &Content| is_brought(&content.parameters, key, shown);
        let is_reset = setting.why == Why::Kept && self.job.content().is_some_and(is_brought);
        Ok(match self.sealed_artifact(context)? {
            None => self.deleted(context),
            Some(now) if now.stamp() != self.pending.seal.stamp => self.superseded(context, &now),
            Some(_) if is_reset => {
                recovery::reset_late(context, self.job, self.standing);
                let message = Message::new(format!("the upload has reset parameter `{key}` of {id} after all: what runs may have the artifact's value instead of the configured one"))
                    .hint("run again: it puts the configured value back");
                Verdict::bad(Word::Failed, self.evidence_line(context, &[]), message)
            }
            Some(_) => {
                let message = Message::new(format!("somebody else set parameter `{key}` of {id} while it was deployed (the API does not tell who or when): what runs may have their value"))
                    .hint("agree on its value, then run again; pipelines for one artifact should not run at the same time");
                self.superseded_with(context, message)
            }
        })
    }

    /// A parameter whose value is not what was written, or after an update what was left, with the value that is shown, also when
    /// asked again: not every tenant moves the date of the last save when a parameter is set. (unknown: cpi-api.md §15)
    fn changed_parameter(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<(Setting, String)>, TenantError> {
        let seal = &self.pending.seal;
        let is_strict = |one: &&Setting| match one.why {
            Why::Named => true,
            Why::Kept | Why::Artifact => seal.updated,
            Why::New => false,
        };
        let strict: Vec<Setting> = seal.settings.iter().filter(is_strict).cloned().collect();
        let looks = if strict.is_empty() {
            0
        } else {
            LOOKS_AT_PARAMETERS
        };
        let mut changed = None;
        for look in 0..looks {
            context.clock.sleep(retry::pause_before(look));
            let now = self.configured(context)?;
            let first = parameters::missing(&strict, &now).into_iter().next();
            changed = first.map(|one| {
                let shown = parameters::value(&now, &one.key).unwrap_or_default();
                (one.clone(), shown.to_owned())
            });
            if changed.is_none() {
                break;
            }
        }
        Ok(changed)
    }

    /// The artifact as it is now; "not found" is believed when it is answered twice.
    fn sealed_artifact(
        &self,
        context: &Context<'_>,
    ) -> Result<Option<DesigntimeArtifact>, TenantError> {
        let (tenant, kind) = (context.tenant, self.pending.kind);
        retry::until_found(&context.clock, 2, || {
            let reading = tenant.designtime_artifact(kind, &self.job.id, context.deadline)?;
            Ok(reading.found())
        })
    }

    fn configured(&self, context: &Context<'_>) -> Result<Vec<Configuration>, TenantError> {
        if self.pending.kind != ArtifactKind::IntegrationFlow {
            return Ok(Vec::new());
        }
        context
            .tenant
            .configurations(&self.job.id, context.deadline)
    }

    fn superseded(&self, context: &Context<'_>, artifact: &DesigntimeArtifact) -> Verdict {
        let save = LastSave(artifact);
        let what = format!(
            "{} saved other content or parameters of {} while it was deployed{}: what runs may contain their change",
            save.who(),
            self.job.id,
            save.when()
        );
        let message = Message::new(context.tenant.words(&what).to_string())
            .hint("compare the tenant's content with yours, then run again; pipelines for one artifact should not run at the same time");
        self.superseded_with(context, message)
    }

    fn deleted(&self, context: &Context<'_>) -> Verdict {
        let message = Message::new(format!(
            "{} was deleted from the design time while it was deployed",
            self.job.id
        ))
        .hint("find out who deleted it, then run again");
        self.superseded_with(context, message)
    }

    fn superseded_with(&self, context: &Context<'_>, message: Message) -> Verdict {
        Verdict::bad(Word::Superseded, self.evidence_line(context, &[]), message)
    }

    /// The verdict with the tenant's error text. One that is late (204) is waited for, while the others are looked at.
    fn failed(&mut self, context: &Context<'_>, what: String) -> Settled {
        let now = context.clock.now();
        let (tenant, closing) = (context.tenant, context.closing());
        let causes = tenant.error_causes(&self.job.id, now, closing);
        let until = *self.text_late_since.get_or_insert(now) + TEXT_AFTER;
        if causes.is_empty() && now < until && !context.deadline.passed(now) {
            return Settled::LookAgain(pacing::TEXT);
        }
        self.failed_because(context, what, causes).into()
    }

    fn failed_because(
        &self,
        context: &Context<'_>,
        mut what: String,
        causes: Vec<String>,
    ) -> Verdict {
        if error_information::is_of_the_build(&causes) && !self.pending.evidence.build_failed() {
            what = self.build_failed();
        }
        let evidence = &self.pending.evidence;
        let is_old = evidence.new_record().is_none();
        let is_in = |record: Option<&RuntimeArtifact>, status| {
            is_old && record.is_some_and(|record| record.status == status)
        };
        let mut message = Message::new(what);
        message.causes = causes;
        let mut own = vec![message.what.clone()];
        if is_in(evidence.seen.baseline.record.as_ref(), RuntimeStatus::Error) {
            message
                .causes
                .iter_mut()
                .for_each(|cause| cause.insert_str(0, PERHAPS_OLD));
        } else {
            own.extend(message.causes.iter().cloned());
        }
        if message.causes.is_empty() {
            message = message.because("the tenant gives no error text").hint(
                "look at the artifact under Monitor > Manage Integration Content in the web UI",
            );
        } else {
            message.hint = error_information::remedy(&message.causes);
        }
        if let Source::Files(content) = &self.job.source {
            message.file = content.file_named_in(&message.causes);
        }
        if is_in(evidence.seen.last_seen(), RuntimeStatus::Started) {
            message
                .causes
                .push("the deployment before still runs".to_owned());
        }
        let mut verdict = Verdict::bad(Word::Failed, self.evidence_line(context, &[]), message);
        if error_information::passes(&own) {
            verdict.exit = Exit::Transient;
        }
        verdict
    }

    fn undecided(&self, context: &Context<'_>, why: doubts::Why) -> Verdict {
        let message = match why {
            doubts::Why::OtherRuntime(profile) => Message::new(format!(
                "the content was built, but {}={profile} sends it to another runtime, which this API does not show",
                parameters::PROFILE
            ))
            .hint(format!("set {}={} (--set) to run it in Cloud Integration, or look at it in the other runtime", parameters::PROFILE, parameters::CLOUD_PROFILE)),
            doubts::Why::OtherVersion { ours, shown } => Message::new(format!(
                "the time is up: the design time shows version {}, and the runtime {}, which somebody else deployed",
                context.tenant.words(&ours),
                context.tenant.words(&shown)
            ))
            .hint("find out who else deploys this artifact, then run again (it looks first)"),
            doubts::Why::DeployedBy(name) => Message::new(format!(
                "what runs was deployed by {}: it may be other content than this run saved",
                context.tenant.words(&name)
            ))
            .hint("agree on who deploys this artifact, then run again (it looks first); pipelines for one artifact should not run at the same time"),
            doubts::Why::OlderRecord => Message::new(
                "the time is up: by the tenant's clocks, what runs was deployed before this run saved and called for it",
            )
            .because("the runtime showed nothing before the deploy call, so this may be the deployment before, or ours by a slow clock")
            .hint("run again (it looks first)"),
            doubts::Why::Deadline => self.deadline_message(context),
        };
        Verdict::bad(Word::Undecided, self.evidence_line(context, &[]), message)
    }

    fn deadline_message(&self, context: &Context<'_>) -> Message {
        let evidence = &self.pending.evidence;
        let what = if evidence.seen.is_accepted() {
            "the time is up and the deployment is not decided"
        } else {
            "the time is up; the answer of the deploy call was lost and nothing new was seen"
        };
        let mut message = Message::new(what).hint("it may still come up; run again (it looks first), with a longer --timeout if your tenant is slow");
        if let Some(location) = context.tenant.runtime_location()
            && evidence.new_record().is_none()
        {
            message = message.because(format!(
                "only the runtime location {location} was looked at (CPI_RUNTIME_LOCATION), where nothing new appeared; the flow runs in the cloud unless its {} says otherwise",
                parameters::PROFILE
            ));
        }
        match evidence.seen.lost() {
            Some(why) => message.because(why),
            None => message,
        }
    }

    /// What the verdict rests on, in one line.
    pub fn evidence_line(&self, context: &Context<'_>, doubts: &[Doubt]) -> String {
        let evidence = &self.pending.evidence;
        let before = match &evidence.seen.baseline.record {
            Some(record) => format!("{} {}", record.status, deployed_on(record)),
            None => "not deployed".to_owned(),
        };
        let now = match evidence.seen.last_seen() {
            Some(record) => {
                let is_new = evidence.new_record().is_some();
                let old = if is_new { "" } else { " (not new)" };
                format!(
                    "{} {}{old}, version {}",
                    record.status,
                    deployed_on(record),
                    record.version
                )
            }
            None => "shows nothing".to_owned(),
        };
        let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
        let doubted = if doubts.is_empty() {
            String::new()
        } else {
            format!("; watched longer because {}", doubts.join("; "))
        };
        let task = evidence.task_words();
        let line = format!("{task}; runtime {now}; before: {before}{doubted}");
        context.tenant.words(&line).to_string()
    }
}

/// The date of a record, in words.
pub fn deployed_on(record: &RuntimeArtifact) -> String {
    match record.deployed_on {
        Some(date) => format!("DeployedOn {date}"),
        None => "without a readable date".to_owned(),
    }
}
