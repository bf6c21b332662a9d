//! How one artifact ended: the facts that every report is made of.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::artifact::Digest;
use crate::artifact::{Artifact, ArtifactKind};
use crate::exit::Exit;
use crate::named::named;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::odata::TenantTime;
use crate::text::disarm;

named! {
    /// The verdict words. They are a contract: pipelines read them. The good ones come first.
    pub enum Word {
        /// Exactly this content is shown to run, by our deployment.
        Started = "started",
        /// It was shown to run already; nothing was written.
        Unchanged = "unchanged",
        /// Uploaded and configured, as asked, without a deployment.
        Uploaded = "uploaded",
        /// Shown not to be deployed any more, by our undeployment.
        Undeployed = "undeployed",
        /// Shown not to be deployed; nothing was written.
        Absent = "absent",
        /// The tenant decided against it.
        Failed = "failed",
        /// Credentials or a role.
        Refused = "refused",
        /// The artifact itself is not valid.
        Invalid = "invalid",
        /// Not decided by the deadline.
        Undecided = "undecided",
        /// Somebody else changed the artifact meanwhile.
        Superseded = "superseded",
        /// The tenant could not be reached.
        Unreachable = "unreachable",
        /// Not attempted.
        Skipped = "skipped",
    }
}

impl Word {
    /// The exit code that it leads to, where nothing more is known.
    pub fn exit(self) -> Exit {
        match self {
            Word::Started | Word::Unchanged | Word::Uploaded | Word::Undeployed | Word::Absent => {
                Exit::Ok
            }
            Word::Failed | Word::Superseded | Word::Skipped => Exit::Failed,
            Word::Refused => Exit::Refused,
            Word::Invalid => Exit::Artifact,
            Word::Undecided => Exit::Undecided,
            Word::Unreachable => Exit::Unreachable,
        }
    }
}

/// How far the writing of one artifact came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sent {
    /// Nothing was sent.
    #[default]
    Nothing,
    /// Content or parameters were, or may have been.
    Content,
    /// A deploy call was, or may have been.
    Call,
}

named! {
    /// The steps of one artifact, in their order.
    #[derive(Default)]
    pub enum Phase {
        /// The offline check.
        #[default]
        Check = "check",
        /// Reading what the tenant holds.
        Read = "read",
        /// Creating or updating package and content.
        Upload = "upload",
        /// Writing parameters.
        Configure = "configure",
        /// The deploy call and its build.
        Deploy = "deploy",
        /// Waiting for the new content to run.
        Start = "start",
        /// The message of `deploy --smoke`.
        Smoke = "smoke",
        /// Looking at what runs: the only step of `status`.
        Status = "status",
        /// The undeploy call.
        Undeploy = "undeploy",
        /// Waiting for the artifact to be gone.
        Stop = "stop",
    }
}

impl Phase {
    /// Those of a deployment.
    pub const DEPLOYMENT: [Phase; 6] = [
        Phase::Check,
        Phase::Read,
        Phase::Upload,
        Phase::Configure,
        Phase::Deploy,
        Phase::Start,
    ];

    /// Those of a deployment with a smoke test.
    pub const WITH_SMOKE: [Phase; 7] = [
        Phase::Check,
        Phase::Read,
        Phase::Upload,
        Phase::Configure,
        Phase::Deploy,
        Phase::Start,
        Phase::Smoke,
    ];

    /// Those of an undeployment.
    pub const UNDEPLOYMENT: [Phase; 3] = [Phase::Read, Phase::Undeploy, Phase::Stop];
}

/// A place in a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The path, relative to the working directory.
    pub path: String,
    /// The line, counted from 1.
    pub line: Option<u32>,
}

impl Place {
    /// Reads `path:line`, as sources of parameters are written; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, line) = text.rsplit_once(':')?;
        Some(Self {
            path: path.to_owned(),
            line: Some(line.parse().ok()?),
        })
    }

    /// Reads `path:line:column`, as places in the settings file are written; `None` for anything else.
    pub fn of_column(text: &str) -> Option<Self> {
        let (rest, column) = text.rsplit_once(':')?;
        column.parse::<u32>().ok()?;
        Self::parse(rest)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// What a reader needs when something is not well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What happened, a sentence without a full stop.
    pub what: String,
    /// Where: a call, a file and line, an option.
    pub at: Option<String>,
    /// The file at fault, when it is known.
    pub file: Option<Place>,
    /// Why, deepest cause first, in the tenant's words.
    pub causes: Vec<String>,
    /// What came of putting back what stood before, where that was tried.
    pub rollback: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// How many more causes there are: the last one of `causes` says so instead of them.
    pub unlisted: usize,
}

/// The most causes that a message lists.
const MOST_CAUSES: usize = 100;

impl Message {
    /// A message of one sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ..Self::default()
        }
    }

    /// The same with a place.
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// The same with an advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// All causes, and what came of a rollback.
    pub fn reasons(&self) -> Vec<String> {
        let rollback = self.rollback.iter();
        let rollback = rollback.map(|told| format!("rollback: {told}"));
        self.causes.iter().cloned().chain(rollback).collect()
    }

    /// What happened and why, in one text.
    pub fn sentence(&self) -> String {
        match self.reasons().as_slice() {
            [] => self.what.clone(),
            reasons => format!("{}: {}", self.what, reasons.join("; ")),
        }
    }

    /// The same with one more cause. Those beyond the first hundred are counted.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        if self.unlisted > 0 {
            self.causes.pop();
        }
        if self.causes.len() < MOST_CAUSES {
            self.causes.push(cause.into());
        } else {
            self.unlisted += 1;
            self.causes.push(format!("and {} more", self.unlisted));
        }
        self
    }
}

impl From<TenantError> for Message {
    fn from(error: TenantError) -> Self {
        let causes = error
            .says
            .filter(|words| !words.is_empty())
            .map(|words| words.to_string())
            .into_iter()
            .collect();
        Self {
            what: error.what,
            at: Some(error.at),
            causes,
            hint: error.hint,
            ..Self::default()
        }
    }
}

/// A verdict, with the code it leads to and why.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The word.
    pub word: Word,
    /// The code.
    pub exit: Exit,
    /// What the verdict rests on, in one line.
    pub evidence: String,
    /// Why, when it is not well.
    pub message: Option<Message>,
}

impl Verdict {
    /// A good end.
    pub fn well(word: Word, evidence: String) -> Self {
        Self {
            word,
            exit: Exit::Ok,
            evidence,
            message: None,
        }
    }

    /// An end that is not well; its exit code follows from the word.
    pub fn bad(word: Word, evidence: String, message: Message) -> Self {
        Self {
            word,
            exit: word.exit(),
            evidence,
            message: Some(message),
        }
    }

    /// A bad end before the first write.
    pub fn unwritten(word: Word, message: Message) -> Self {
        Self::bad(word, "nothing was written".to_owned(), message)
    }

    /// The end of an artifact that needs another one which did not come to run; with the code of that one.
    pub fn skipped_with(need: &Outcome) -> Self {
        let message = Message::new(format!(
            "skipped, because {} that it needs is {}",
            need.id,
            need.verdict.word.name()
        ))
        .hint("mend that one first; nothing of this artifact was written");
        Self {
            exit: need.verdict.exit,
            ..Self::unwritten(Word::Skipped, message)
        }
    }

    /// The end that a call's error leads to before any deployment was accepted. `state`: what the tenant holds now.
    pub fn of_error(error: TenantError, state: &str) -> Self {
        let exit = error.exit();
        let word = match error.kind {
            Kind::Credentials | Kind::Role => Word::Refused,
            Kind::Refused | Kind::NotFound => Word::Failed,
            Kind::Unreachable => Word::Unreachable,
            Kind::Nonsense => Word::Undecided,
        };
        Self {
            word,
            exit,
            evidence: state.to_owned(),
            message: Some(error.into()),
        }
    }
}

impl Outcome {
    /// The end of one artifact of which nothing more is known.
    pub fn new(id: String, phase: Phase, verdict: Verdict) -> Self {
        Self {
            id,
            kind: None,
            package: None,
            verdict,
            designtime_version: None,
            runtime_version: None,
            before: Before::default(),
            deployed_on: None,
            parameters: Vec::new(),
            phase,
            content_sha256: None,
            zip_sha256: None,
            task: None,
            took: Duration::ZERO,
            notes: Vec::new(),
            requested_version: None,
            sent: Sent::Nothing,
            rollback: None,
        }
    }

    /// The end of an artifact that is not valid: nothing was sent.
    pub fn invalid(artifact: &Artifact, message: Message) -> Self {
        Self {
            id: artifact.id().to_owned(),
            kind: Some(artifact.kind()),
            ..Self::unreadable(Path::new(""), message)
        }
    }

    /// The end of an artifact that needs one which is not valid: nothing was sent.
    pub fn skipped(id: &str, artifact: &Artifact, need: &Outcome) -> Self {
        Self {
            id: id.to_owned(),
            verdict: Verdict {
                evidence: "nothing was sent".to_owned(),
                ..Verdict::skipped_with(need)
            },
            ..Self::invalid(artifact, Message::default())
        }
    }

    /// The end of what can't even be opened; its path stands for its id.
    pub fn unreadable(path: &Path, message: Message) -> Self {
        let verdict = Verdict::bad(Word::Invalid, "nothing was sent".to_owned(), message);
        Self::new(disarm(&path.to_string_lossy()), Phase::Check, verdict)
    }
}

/// What stood on the tenant before this run.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The version that the design time showed.
    pub designtime_version: Option<String>,
    /// The version that the runtime showed.
    pub runtime_version: Option<String>,
    /// When that was deployed.
    pub deployed_on: Option<TenantTime>,
}

named! {
    /// What came of putting back what stood before, as printed: a contract like the verdict words.
    pub enum PutBack {
        /// The design time holds it again; what ran goes on running, or nothing ran.
        DesignTime = "design-time",
        /// It is in the design time again and runs.
        Restored = "restored",
        /// Nothing was done, for a reason that is told.
        Left = "left",
        /// It could not be put back.
        Failed = "failed",
    }
}

/// What was done to put back what stood before this run, and how that ended.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// What came of it.
    pub result: PutBack,
    /// The verdict about what was put back, where something was written.
    pub verdict: Option<Word>,
    /// What that rests on.
    pub evidence: String,
    /// What a person should know, in sentences.
    pub message: String,
    /// The file that holds the content of before, where a person needs it.
    pub saved: Option<String>,
    /// The command that puts it back.
    pub repair: Option<String>,
}

impl Rollback {
    /// What came of it, where nothing more is known.
    pub fn new(result: PutBack, message: impl Into<String>) -> Self {
        Self {
            result,
            verdict: None,
            evidence: String::new(),
            message: message.into(),
            saved: None,
            repair: None,
        }
    }

    /// Result and message for people. A message about what was left needs no word before it.
    pub fn told(&self) -> String {
        match self.result {
            PutBack::Left => self.message.clone(),
            result => format!("{}: {}", result.name(), self.message),
        }
    }
}

/// How one artifact ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// Its type, when it is known.
    pub kind: Option<ArtifactKind>,
    /// Its package, when it is known.
    pub package: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The version that the design time shows.
    pub designtime_version: Option<String>,
    /// The version that the runtime shows.
    pub runtime_version: Option<String>,
    /// What stood before this run.
    pub before: Before,
    /// When the deployment that the runtime shows was deployed.
    pub deployed_on: Option<TenantTime>,
    /// The keys of the parameters that were written.
    pub parameters: Vec<String>,
    /// The phase in which it ended.
    pub phase: Phase,
    /// The digest of the content: sorted paths and bytes.
    pub content_sha256: Option<Digest>,
    /// The digest of the packed zip.
    pub zip_sha256: Option<Digest>,
    /// The deploy task.
    pub task: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// What a reader should know, whatever the verdict.
    pub notes: Vec<String>,
    /// The version that the tenant was asked to show, where it was asked.
    pub requested_version: Option<String>,
    /// What was sent, as far as it was not refused.
    pub sent: Sent,
    /// What was done to put back what stood before.
    pub rollback: Option<Rollback>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_beyond_the_first_hundred_are_counted() {
        let causes = (0..1_000).map(|number| format!("cause {number}"));
        let message = causes.fold(Message::new("x"), Message::because);
        assert_eq!(message.causes.len(), MOST_CAUSES + 1);
        assert_eq!(message.causes[MOST_CAUSES - 1], "cause 99");
        assert_eq!(message.causes[MOST_CAUSES], "and 900 more");
    }
}
