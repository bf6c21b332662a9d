//! From a judgement to the verdict that is printed: the seal, the error text, the evidence line.

use std::time::Duration;

use super::job::{Job, Source};
use super::outcome::{Message, Verdict, Word};
use super::parameters::{self, Setting, Why};
use super::saved::LastSave;
use super::verdict::{self, Doubt, Judgement};
use super::{Context, Pending, survey};
use crate::artifact::ArtifactKind;
use crate::artifact::comparison::content_equal;
use crate::clock::Deadline;
use crate::exit::Exit;
use crate::http::retry;
use crate::tenant::error::TenantError;
use crate::tenant::error_information;
use crate::tenant::wire::{Configuration, DesigntimeArtifact, RuntimeStatus};

/// How long an error text is waited for that is not there yet.
const TEXT_AFTER: Duration = Duration::from_secs(8);

/// How often a parameter that shows another value than was written is looked at: a replica may lag.
const LOOKS_AT_PARAMETERS: u32 = 3;

/// What stands before an error text that may be of the deployment before.
const PERHAPS_OLD: &str = "(perhaps of the deployment before) ";

/// Whether the design time is still what we left.
enum SealState {
    Holds,
    Broken(Box<DesigntimeArtifact>),
    /// A parameter that was named has another value, and nothing tells who set it.
    Set(String),
    Gone,
}

/// What became of a judgement.
pub(super) enum Settled {
    Verdict(Box<Verdict>),
    /// The tenant must be asked again.
    LookAgain,
    /// It failed, and the tenant has no text that says why yet.
    TextIsLate,
}

impl From<Verdict> for Settled {
    fn from(verdict: Verdict) -> Self {
        Settled::Verdict(Box::new(verdict))
    }
}

/// Turns a final judgement into a verdict.
pub(super) fn settle(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    judgement: Judgement,
) -> Settled {
    match judgement {
        Judgement::Wait | Judgement::RepeatCall => Settled::LookAgain,
        Judgement::Started(doubts) => started(context, job, one, &doubts, None),
        Judgement::BuildFailed(status) => {
            let what = if status.to_string().contains("LICENSE") {
                "the tenant's licence does not allow this deployment".to_owned()
            } else {
                format!("the build of {} failed", job.rules.content())
            };
            let status = context.tenant.words(&status.to_string());
            let what = format!("{what} (task status {status})");
            with_causes(context, job, one, |causes| {
                failed(context, job, one, what, causes)
            })
        }
        Judgement::StartFailed => match seal_state(context, job, one, closing(context), None) {
            Ok(SealState::Broken(artifact)) => superseded(context, job, one, &artifact).into(),
            Ok(SealState::Set(key)) => set_meanwhile(context, job, one, &key).into(),
            _ => with_causes(context, job, one, |causes| {
                let what = format!("{} was built, but does not start", job.rules.content());
                failed(context, job, one, what, causes)
            }),
        },
        Judgement::Undecided(why) => undecided(context, one, why).into(),
    }
}

/// A deadline for the last few reads, when the run's own has passed or is about to.
pub(super) fn closing(context: &Context<'_>) -> Deadline {
    context
        .deadline
        .or_later(context.clock.now() + Duration::from_secs(2))
}

/// The verdict about what has started: whether the design time still holds what we left. `shown`: what a list has just
/// shown of it, if one did.
pub(super) fn started(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    doubts: &[Doubt],
    shown: Option<DesigntimeArtifact>,
) -> Settled {
    match seal_state(context, job, one, closing(context), shown) {
        Ok(SealState::Holds) => Verdict::well(Word::Started, evidence(context, one, doubts)).into(),
        Ok(SealState::Broken(artifact)) => superseded(context, job, one, &artifact).into(),
        Ok(SealState::Set(key)) => set_meanwhile(context, job, one, &key).into(),
        Ok(SealState::Gone) => Verdict::bad(
            Word::Superseded,
            evidence(context, one, doubts),
            Message::new(format!(
                "{} was deleted from the design time while it was deployed",
                job.id
            ))
            .hint("find out who deleted it, then run again"),
        )
        .into(),
        Err(_) if !context.deadline.passed(context.clock.now()) => Settled::LookAgain,
        Err(error) => {
            let mut message = Message::from(error);
            message.what = format!(
                "it runs, but whether nobody saved other content meanwhile could not be read: {}",
                message.what
            );
            Verdict::bad(Word::Undecided, evidence(context, one, doubts), message).into()
        }
    }
}

/// Compares the stamp; where it differs, or where the tenant has no dates, content and parameters decide.
fn seal_state(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    deadline: Deadline,
    shown: Option<DesigntimeArtifact>,
) -> Result<SealState, TenantError> {
    let artifact = match shown {
        Some(artifact) => Some(artifact),
        None => sealed_artifact(context, job, one, deadline)?,
    };
    let Some(artifact) = artifact else {
        return Ok(SealState::Gone);
    };
    let stamp = artifact.stamp();
    if stamp == one.seal.stamp && stamp.saved.is_some() {
        return match changed_parameter(context, job, one, deadline)? {
            None => Ok(SealState::Holds),
            Some(key) => set_or_saved(context, job, one, deadline, key),
        };
    }
    let Source::Files(content) = &job.source else {
        return Ok(if stamp == one.seal.stamp {
            SealState::Holds
        } else {
            SealState::Broken(Box::new(artifact))
        });
    };
    let context = Context {
        deadline,
        ..context.clone()
    };
    let configured = configured(&context, job, one)?;
    let left = one.seal.stored.as_ref().unwrap_or(&content.comparable);
    let same_content = survey::content_held(&context, one.kind, job)?
        .is_some_and(|held| content_equal(left, &held, &survey::values(&configured)));
    let same_parameters = parameters::missing(&one.seal.settings, &configured)
        .iter()
        .all(|setting| setting.why == Why::New);
    Ok(if same_content && same_parameters {
        SealState::Holds
    } else {
        SealState::Broken(Box::new(artifact))
    })
}

/// A value is another one: perhaps because the artifact was saved since its marks were read, which tells who and when.
fn set_or_saved(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    deadline: Deadline,
    key: String,
) -> Result<SealState, TenantError> {
    Ok(match sealed_artifact(context, job, one, deadline)? {
        None => SealState::Gone,
        Some(now) if now.stamp() != one.seal.stamp => SealState::Broken(Box::new(now)),
        Some(_) => SealState::Set(key),
    })
}

/// A named parameter whose value is not what was written, also when asked again: not every tenant moves the date of the
/// last save when a parameter is set. (unknown: cpi-api.md §15)
fn changed_parameter(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    deadline: Deadline,
) -> Result<Option<String>, TenantError> {
    let named: Vec<Setting> = one
        .seal
        .settings
        .iter()
        .filter(|one| one.why == Why::Named)
        .cloned()
        .collect();
    if named.is_empty() {
        return Ok(None);
    }
    let context = Context {
        deadline,
        ..context.clone()
    };
    let mut changed = None;
    for look in 0..LOOKS_AT_PARAMETERS {
        context.clock.sleep(retry::pause_before(look));
        let now = configured(&context, job, one)?;
        changed = parameters::missing(&named, &now)
            .first()
            .map(|one| one.key.clone());
        if changed.is_none() {
            break;
        }
    }
    Ok(changed)
}

/// The artifact as it is now; "not found" is believed when it is answered twice.
fn sealed_artifact(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    deadline: Deadline,
) -> Result<Option<DesigntimeArtifact>, TenantError> {
    retry::until_found(&context.clock, 2, || {
        let tenant = context.tenant;
        let reading = tenant.designtime_artifact(one.kind, &job.id, deadline)?;
        Ok(reading.found())
    })
}

fn configured(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
) -> Result<Vec<Configuration>, TenantError> {
    if one.kind != ArtifactKind::IntegrationFlow {
        return Ok(Vec::new());
    }
    context.tenant.configurations(&job.id, context.deadline)
}

fn superseded(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    artifact: &DesigntimeArtifact,
) -> Verdict {
    let save = LastSave(artifact);
    let what = format!(
        "{} saved other content or parameters of {} while it was deployed{}: what runs may contain their change",
        save.who(),
        job.id,
        save.when()
    );
    let message = Message::new(context.tenant.words(&what).to_string())
        .hint("compare the tenant's content with yours, then run again; pipelines for one artifact should not run at the same time");
    Verdict::bad(Word::Superseded, evidence(context, one, &[]), message)
}

fn set_meanwhile(context: &Context<'_>, job: &Job, one: &Pending, key: &str) -> Verdict {
    let message = Message::new(format!("somebody else set parameter `{key}` of {} while it was deployed (the API does not tell who or when): what runs may have their value", job.id))
        .hint("agree on its value, then run again; pipelines for one artifact should not run at the same time");
    Verdict::bad(Word::Superseded, evidence(context, one, &[]), message)
}

fn failed(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    what: String,
    causes: Vec<String>,
) -> Verdict {
    let mut message = Message::new(what);
    message.causes = causes;
    let mut own = vec![message.what.clone()];
    let old_text = one.evidence.new_record().is_none()
        && one
            .evidence
            .baseline()
            .record
            .as_ref()
            .is_some_and(|record| record.status == RuntimeStatus::Error);
    if old_text {
        message
            .causes
            .iter_mut()
            .for_each(|cause| cause.insert_str(0, PERHAPS_OLD));
    } else {
        own.extend(message.causes.iter().cloned());
    }
    let old_runs = one.evidence.new_record().is_none()
        && one
            .evidence
            .last_seen()
            .is_some_and(|record| record.status.to_string() == "STARTED");
    if message.causes.is_empty() {
        message = message.because("the tenant gives no error text");
        message.hint = Some(
            "look at the artifact under Monitor > Manage Integration Content in the web UI"
                .to_owned(),
        );
    } else {
        message.hint = error_information::remedy(&message.causes);
    }
    if let Source::Files(content) = &job.source {
        message.file = content.file_named_in(&message.causes);
    }
    if old_runs {
        message
            .causes
            .push("the deployment before still runs".to_owned());
    }
    let verdict = Verdict::bad(Word::Failed, evidence(context, one, &[]), message);
    let exit = if error_information::passes(&own) {
        Exit::Transient
    } else {
        verdict.exit
    };
    Verdict { exit, ..verdict }
}

/// The verdict with the tenant's error text. One that is late (204) is waited for, while the others are looked at.
fn with_causes(
    context: &Context<'_>,
    job: &Job,
    one: &Pending,
    verdict: impl FnOnce(Vec<String>) -> Verdict,
) -> Settled {
    let now = context.clock.now();
    let deadline = closing(context);
    let causes = context.tenant.error_causes(&job.id, now, deadline);
    let until = one.text_late_since.unwrap_or(now) + TEXT_AFTER;
    let may_come = now < until && !context.deadline.passed(now);
    if causes.is_empty() && may_come {
        Settled::TextIsLate
    } else {
        verdict(causes).into()
    }
}

fn undecided(context: &Context<'_>, one: &Pending, why: verdict::Why) -> Verdict {
    let message = match why {
        verdict::Why::OtherRuntime(profile) => Message::new(format!(
            "the content was built, but {}={profile} sends it to another runtime, which this API does not show",
            parameters::PROFILE
        ))
        .hint(format!("set {}={} (--set) to run it in Cloud Integration, or look at it in the other runtime", parameters::PROFILE, parameters::CLOUD_PROFILE)),
        verdict::Why::OtherVersion { ours, shown } => Message::new(format!(
            "the time is up: the design time shows version {}, and the runtime {}, which somebody else deployed",
            context.tenant.words(&ours),
            context.tenant.words(&shown)
        ))
        .hint("find out who else deploys this artifact, then run again (it looks first)"),
        verdict::Why::DeployedBy(name) => Message::new(format!(
            "what runs was deployed by {}: it may be other content than this run saved",
            context.tenant.words(&name)
        ))
        .hint("agree on who deploys this artifact, then run again (it looks first); pipelines for one artifact should not run at the same time"),
        verdict::Why::OlderRecord => Message::new(
            "the time is up: by the tenant's clocks, what runs was deployed before this run saved and called for it",
        )
        .because("the runtime showed nothing before the deploy call, so this may be the deployment before, or ours by a slow clock")
        .hint("run again (it looks first)"),
        verdict::Why::Deadline => deadline_message(context, one),
    };
    Verdict::bad(Word::Undecided, evidence(context, one, &[]), message)
}

fn deadline_message(context: &Context<'_>, one: &Pending) -> Message {
    let what = if one.evidence.accepted() {
        "the time is up and the deployment is not decided"
    } else {
        "the time is up; the answer of the deploy call was lost and nothing new was seen"
    };
    let message = Message::new(what).hint("it may still come up; run again (it looks first), with a longer --timeout if your tenant is slow");
    let message = match context.tenant.runtime_location() {
        Some(location) if one.evidence.new_record().is_none() => message.because(format!(
            "only the runtime location {location} was looked at (CPI_RUNTIME_LOCATION), where nothing new appeared; the flow runs in the cloud unless its {} says otherwise",
            parameters::PROFILE
        )),
        _ => message,
    };
    match one.evidence.lost_why() {
        Some(why) => message.because(why),
        None => message,
    }
}

/// What the verdict rests on, in one line.
fn evidence(context: &Context<'_>, one: &Pending, doubts: &[Doubt]) -> String {
    let before = match &one.evidence.baseline().record {
        Some(record) => match record.deployed_on {
            Some(date) => format!("before: {} DeployedOn {date}", record.status),
            None => format!("before: {} without a readable date", record.status),
        },
        None => "before: not deployed".to_owned(),
    };
    let now = match one.evidence.last_seen() {
        Some(record) => {
            let date = record.deployed_on.map_or_else(
                || "without a readable date".to_owned(),
                |date| format!("DeployedOn {date}"),
            );
            let old = if one.evidence.new_record().is_some() {
                ""
            } else {
                " (not new)"
            };
            format!(
                "runtime {} {date}{old}, version {}",
                record.status, record.version
            )
        }
        None => "runtime shows nothing".to_owned(),
    };
    let doubted = doubts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    let doubted = if doubted.is_empty() {
        String::new()
    } else {
        format!("; watched longer because {doubted}")
    };
    context
        .tenant
        .words(&format!(
            "{}; {now}; {before}{doubted}",
            one.evidence.task_words()
        ))
        .to_string()
}
