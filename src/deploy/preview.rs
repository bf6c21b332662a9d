//! What a run would do, artifact by artifact: the same reading and the same decisions, and nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::approval::Facts;
use super::job::{Job, Source};
use super::outcome::Message;
use super::parameters;
use super::plan::{self, Plan, Standing, Steps, Upload};
use super::saved::LastSave;
use super::survey::{self, Depth, Surveyed};
use super::{Context, Stop, recovery, versions};
use crate::artifact::changes::{Change, may_be_secret};
use crate::artifact::{ArtifactKind, effects};
use crate::exit::Exit;
use crate::journal::{self, Recovery};
use crate::tenant::wire::DesigntimeArtifact;

/// What would be done about one artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is not on the tenant.
    Create,
    /// Its content changes.
    Update,
    /// A value mapping is deleted and created anew.
    Replace,
    /// Only parameters change.
    Parameters,
    /// Nothing changes, and it is deployed all the same.
    Redeploy,
    /// Nothing is to be done.
    Unchanged,
    /// Nothing changes, and somebody stopped it: it is not started.
    Stopped,
    /// The tenant's state does not allow what is wanted.
    Refused,
    /// It could not be found out.
    Unknown,
}

impl Action {
    /// The word as printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Parameters => "parameters only",
            Action::Redeploy => "redeploy",
            Action::Unchanged => "unchanged",
            Action::Stopped => "stopped",
            Action::Refused => "refused",
            Action::Unknown => "unknown",
        }
    }

    /// Whether the tenant would be written.
    pub fn is_change(self) -> bool {
        matches!(
            self,
            Action::Create
                | Action::Update
                | Action::Replace
                | Action::Parameters
                | Action::Redeploy
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A parameter in which Git and the tenant differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterChange {
    /// The key.
    pub key: String,
    /// What the tenant shows, `None` where it does not know the key.
    pub tenant: Option<String>,
    /// What Git and the settings say, `None` where they do not name the key.
    pub git: Option<String>,
    /// The tenant's value would become Git's; else it is kept.
    pub written: bool,
}

/// What would be done about one artifact, and why.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Its id.
    pub id: String,
    /// Where it lies, as the caller named it.
    pub path: String,
    /// Its type, when it is known.
    pub kind: Option<ArtifactKind>,
    /// Its package.
    pub package: Option<String>,
    /// What would be done.
    pub action: Action,
    /// Why, in a few words.
    pub why: String,
    /// What stands in the way.
    pub message: Option<Message>,
    /// The code that a run would end with because of it.
    pub exit: Exit,
    /// The package would be created.
    pub creates_package: bool,
    /// It would be deployed at the end.
    pub deploys: bool,
    /// The files that differ, from the tenant's to Git's.
    pub changes: Vec<Change>,
    /// The parameters that differ.
    pub parameters: Vec<ParameterChange>,
    /// Somebody else's hand in the tenant's copy.
    pub drift: Option<String>,
    /// What its deployment sets off.
    pub effects: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// What must still be so when the plan is carried out.
    pub facts: Option<Facts>,
}

/// Reads and decides, and writes nothing.
pub(super) fn previews(context: &Context<'_>, jobs: &[Job]) -> Result<Vec<Preview>, Vec<Message>> {
    let surveyed = survey::survey(context, jobs, Depth::Preview);
    let unfit = super::unfit(&surveyed);
    if !unfit.is_empty() && !context.keep_going {
        return Err(unfit);
    }
    Ok(surveyed
        .into_iter()
        .map(|one| preview(context, one))
        .collect())
}

fn preview(context: &Context<'_>, one: Surveyed<'_>) -> Preview {
    let job = one.job;
    let standing = match one.standing {
        Ok(standing) => standing,
        Err(Stop::Usage(message)) => return unknown(job, *message, Exit::Artifact),
        Err(Stop::Tenant(error)) => {
            let exit = error.exit();
            return unknown(job, (*error).into(), exit);
        }
        Err(Stop::Ended(verdict)) => {
            return unknown(job, verdict.message.unwrap_or_default(), verdict.exit);
        }
    };
    let plan = plan::decide(job, &standing);
    let (action, why) = action(job, &standing, &plan);
    let steps = match &plan {
        Plan::Act(steps) => Some(*steps),
        Plan::Refuse(_) | Plan::Unchanged(_) | Plan::Stopped(_) => None,
    };
    let deploys = steps.is_some_and(|steps| steps.deploy);
    let clean = |text: &str| context.tenant.words(text).to_string();
    Preview {
        id: job.id.0.clone(),
        path: job.content().map_or_else(String::new, |content| {
            content.root.to_string_lossy().into_owned()
        }),
        kind: job.content().map(|content| content.kind),
        package: job.content().map(|content| content.package.0.clone()),
        action,
        why: clean(&why),
        exit: match &plan {
            Plan::Refuse(_) | Plan::Stopped(_) => Exit::Failed,
            Plan::Unchanged(_) | Plan::Act(_) => Exit::Ok,
        },
        message: match &plan {
            Plan::Refuse(message) => Some(message.clone()),
            Plan::Unchanged(_) | Plan::Stopped(_) | Plan::Act(_) => None,
        },
        creates_package: steps.is_some_and(|steps| steps.create_package),
        deploys,
        parameters: parameter_changes(job, &standing)
            .into_iter()
            .map(|change| shown(job, &change, &clean))
            .collect(),
        drift: standing
            .artifact
            .as_ref()
            .and_then(|artifact| drift(&standing, artifact))
            .map(|text| clean(&text)),
        effects: if deploys {
            effects_of(job, &standing)
                .iter()
                .map(|text| clean(text))
                .collect()
        } else {
            Vec::new()
        },
        notes: standing
            .notes
            .iter()
            .cloned()
            .chain(plan::kept_entries(&standing, &plan))
            .chain(steps.and_then(|_| no_rollback(context, job, &standing)))
            .chain(steps.and_then(|steps| version_may_go_down(job, &standing, steps)))
            .map(|note| clean(&note))
            .collect(),
        facts: journal::random()
            .ok()
            .map(|salt| Facts::of(job, &standing, action, &salt)),
        changes: standing.changes,
    }
}

/// That the manifest's version is lower than the tenant's: some tenants take it all the same. (cpi-api.md §16.1 no. 13)
fn version_may_go_down(job: &Job, standing: &Standing, steps: Steps) -> Option<String> {
    let (content, shown) = (job.content()?, &standing.artifact.as_ref()?.version);
    let version = content.artifact.version();
    (steps.upload == Upload::Update && versions::goes_down(shown, version)).then(|| {
        format!("the tenant shows version {shown}, and the manifest says {version}: some tenants go down to it")
    })
}

/// That a rollback could not put back what runs. The snapshot of an earlier run may know more than the tenant shows.
fn no_rollback(context: &Context<'_>, job: &Job, standing: &Standing) -> Option<String> {
    let why = plan::no_rollback(standing)?;
    let knows_nothing = |found: Recovery| found.snapshot.is_none();
    let is_known = matches!(job.source, Source::Tenant)
        || !recovery::read(context, job, standing).is_ok_and(knows_nothing);
    (!is_known).then(|| format!("rollback not available, because {why}"))
}

fn unknown(job: &Job, message: Message, exit: Exit) -> Preview {
    Preview {
        id: job.id.0.clone(),
        path: job.content().map_or_else(String::new, |content| {
            content.root.to_string_lossy().into_owned()
        }),
        kind: job.content().map(|content| content.kind),
        package: job.content().map(|content| content.package.0.clone()),
        action: Action::Unknown,
        why: String::new(),
        message: Some(message),
        exit,
        creates_package: false,
        deploys: false,
        changes: Vec::new(),
        parameters: Vec::new(),
        drift: None,
        effects: Vec::new(),
        notes: Vec::new(),
        facts: None,
    }
}

/// The action that a plan comes to, and why.
pub(super) fn action(job: &Job, standing: &Standing, plan: &Plan) -> (Action, String) {
    match plan {
        Plan::Refuse(message) => (Action::Refused, message.what.clone()),
        Plan::Unchanged(proof) => (Action::Unchanged, proof.clone()),
        Plan::Stopped(evidence) => (Action::Stopped, evidence.clone()),
        Plan::Act(steps) => step_action(job, standing, *steps),
    }
}

fn step_action(job: &Job, standing: &Standing, steps: Steps) -> (Action, String) {
    let upload_only = if steps.deploy {
        ""
    } else {
        "; uploaded only, as asked"
    };
    let same = standing.same_content == Some(true);
    match steps.upload {
        Upload::Create => (
            Action::Create,
            format!("it is not on the tenant{upload_only}"),
        ),
        Upload::Replace => (
            Action::Replace,
            format!("the value mapping differs{upload_only}"),
        ),
        Upload::Update | Upload::Again if same && !plan::settings_hold(job, standing) => (
            Action::Parameters,
            format!("parameters differ{upload_only}"),
        ),
        Upload::Update if same => (Action::Redeploy, plan::lacking_proof(standing)),
        Upload::Update => (
            Action::Update,
            format!("{}{upload_only}", files_differ(standing)),
        ),
        Upload::Again => (Action::Parameters, "parameters differ".to_owned()),
        Upload::Keep if job.rules.force => (
            Action::Redeploy,
            "nothing differs, and --force or `deploy: always` asks for it".to_owned(),
        ),
        Upload::Keep => (Action::Redeploy, plan::lacking_proof(standing)),
    }
}

fn files_differ(standing: &Standing) -> String {
    match standing.changes.len() {
        0 => "the content differs".to_owned(),
        1 => "1 file differs".to_owned(),
        number => format!("{number} files differ"),
    }
}

/// Every parameter in which Git and the tenant differ.
fn parameter_changes(job: &Job, standing: &Standing) -> Vec<ParameterChange> {
    let on_tenant: BTreeMap<&str, &str> = standing
        .configured
        .iter()
        .map(|one| (one.key.as_str(), one.value.as_str()))
        .collect();
    let mut git: BTreeMap<&str, &str> = BTreeMap::new();
    if let Some(content) = job.content()
        && standing.artifact.is_some()
    {
        let own = content.parameters.iter();
        git.extend(own.map(|(key, value)| (key.as_str(), value.as_str())));
    }
    git.extend(
        job.named
            .iter()
            .map(|one| (one.key.as_str(), one.value.as_str())),
    );
    // what an interrupted run had not put back is what is put back now
    git.extend(
        standing
            .recalled
            .iter()
            .filter(|one| !job.named.iter().any(|named| named.key == one.key))
            .map(|one| (one.key.as_str(), one.value.as_str())),
    );
    let settings = plan::settings(job, standing);
    let written: BTreeSet<&str> = parameters::missing(&settings, &standing.configured)
        .iter()
        .map(|setting| setting.key.as_str())
        .collect();
    let keys: BTreeSet<&str> = git.keys().chain(on_tenant.keys()).copied().collect();
    keys.into_iter()
        .filter(|key| git.get(key) != on_tenant.get(key))
        .map(|key| ParameterChange {
            key: key.to_owned(),
            tenant: on_tenant.get(key).map(|value| (*value).to_owned()),
            git: git.get(key).map(|value| (*value).to_owned()),
            written: written.contains(key)
                || (!on_tenant.contains_key(key) && git.contains_key(key)),
        })
        .collect()
}

/// The change as it may be shown: values of variables by their names, those of secure-looking keys not at all.
fn shown(job: &Job, change: &ParameterChange, clean: &impl Fn(&str) -> String) -> ParameterChange {
    let named = job.named.iter().find(|one| one.key == change.key);
    let from = named.and_then(|one| one.from.as_deref());
    let values = [&change.tenant, &change.git];
    let mut values = values.into_iter().flatten();
    let secret = values.any(|value| may_be_secret(&change.key, value));
    let quoted = |value: &str| {
        if secret {
            "(masked)".to_owned()
        } else {
            format!("\"{}\"", clean(value))
        }
    };
    ParameterChange {
        tenant: change.tenant.as_deref().map(|value| match from {
            // it may be the very same secret of an earlier run
            Some(_) => "(masked)".to_owned(),
            None => quoted(value),
        }),
        git: change.git.as_deref().map(|value| match from {
            Some(name) => format!("(from {name})"),
            None => quoted(value),
        }),
        key: clean(&change.key),
        written: change.written,
    }
}

/// Whose hand the tenant's copy shows, where it is not this client's.
fn drift(standing: &Standing, artifact: &DesigntimeArtifact) -> Option<String> {
    let differs = standing.same_content == Some(false);
    let save = LastSave(artifact);
    if artifact.is_draft() {
        return Some(format!(
            "the tenant's copy is a draft, saved by {save} without a version"
        ));
    }
    let foreign = !artifact.modified_by.is_empty() && !standing.saved_by_us;
    (foreign && differs).then(|| {
        format!("the tenant's copy differs and was last saved by {save}, not by this client")
    })
}

/// What a deployment sets off, with places as the reader knows them.
fn effects_of(job: &Job, standing: &Standing) -> Vec<String> {
    let Some(content) = job
        .content()
        .filter(|one| one.kind == ArtifactKind::IntegrationFlow)
    else {
        return Vec::new();
    };
    let mut values = content.parameters.clone();
    let configured = standing.configured.iter();
    values.extend(configured.map(|one| (one.key.clone(), one.value.clone())));
    let named = job.named.iter();
    values.extend(named.map(|one| (one.key.clone(), one.value.clone())));
    match content.artifact.flow_model() {
        Ok(model) => effects(&model, &values)
            .iter()
            .map(|effect| {
                let path = content.root.join(&effect.place.path);
                format!(
                    "{} ({}:{})",
                    effect.sentence,
                    path.display(),
                    effect.place.line
                )
            })
            .collect(),
        Err(error) => vec![format!("what it sets off can't be told: {error}")],
    }
}
