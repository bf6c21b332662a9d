//! Why a command ends before its work has begun.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use crate::Process;
use crate::artifact::{Artifact, ArtifactError};
use crate::deploy::outcome::{Message, Outcome, Place};
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::report::PlacedFinding;
use crate::settings::credentials::CredentialsError;
use crate::settings::error::SettingsError;
use crate::settings::options::BadVariable;
use crate::tenant::error::TenantError;

/// Why a command ends before its work has begun, with the code it leads to.
#[derive(Debug)]
pub struct Refusal {
    pub exit: Exit,
    pub messages: Vec<Message>,
    /// What the offline check found, when it was that.
    pub findings: Vec<PlacedFinding>,
    /// The artifacts that are not valid, as far as they could be opened at all.
    pub invalid: Vec<Outcome>,
    /// A signal or a fault came first, and everything is said.
    pub is_told: bool,
}

impl Refusal {
    /// An end of which everything was said already.
    pub fn told(exit: Exit) -> Self {
        Self {
            exit,
            messages: Vec::new(),
            findings: Vec::new(),
            invalid: Vec::new(),
            is_told: true,
        }
    }

    /// A bad option, variable or file of settings.
    pub fn usage(message: Message) -> Self {
        Self::because(Exit::Usage, [message])
    }

    /// The same, with where it is, what it is and what to do.
    pub fn wrong(at: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::usage(Message::new(what).at(at).hint(hint))
    }

    pub fn because(exit: Exit, messages: impl IntoIterator<Item = Message>) -> Self {
        Self {
            messages: messages.into_iter().collect(),
            is_told: false,
            ..Self::told(exit)
        }
    }

    /// The same, found because of an entry in a file of settings.
    pub fn named_at(mut self, place: &str) -> Self {
        for message in &mut self.messages {
            message.causes.push(format!("named at {place}"));
        }
        self
    }
}

impl From<BadVariable> for Refusal {
    fn from(error: BadVariable) -> Self {
        Self::usage(Message::new(error.reason).at(error.variable))
    }
}

impl From<SettingsError> for Refusal {
    fn from(error: SettingsError) -> Self {
        let file = Place::of_column(&error.at).or_else(|| Place::parse(&error.at));
        let message = Message::new(error.what).at(error.at).hint(error.hint);
        Self::usage(Message { file, ..message })
    }
}

impl From<TenantError> for Refusal {
    fn from(error: TenantError) -> Self {
        Self::because(error.exit(), [error.into()])
    }
}

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Self {
        Self::usage(Message::new(error.to_string()))
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::because(trouble.exit, [*trouble.message])
    }
}

impl From<Vec<Trouble>> for Refusal {
    fn from(troubles: Vec<Trouble>) -> Self {
        let exit = Exit::worst(troubles.iter().map(|trouble| trouble.exit));
        Self::because(exit, troubles.into_iter().map(|trouble| *trouble.message))
    }
}

/// Opens an artifact relative to the working directory.
pub fn open(path: &Path, process: &Process<'_>) -> Result<Artifact, Refusal> {
    Artifact::open(&process.directory.join(path))
        .map_err(|error| not_an_artifact(&error, &process.directory))
}

/// A path as the reader knows it: below the working directory, where it is there.
pub fn shown(path: &Path, directory: &Path) -> PathBuf {
    path.strip_prefix(directory).unwrap_or(path).to_owned()
}

/// What keeps an artifact from being read, with the file at fault where it is one of its own.
pub fn not_an_artifact(error: &ArtifactError, directory: &Path) -> Refusal {
    let root = format!("{}{MAIN_SEPARATOR}", directory.display());
    let what = error.to_string().replace(&root, "");
    let file = error.place().map(|(path, line)| Place {
        path: path.replace(&root, ""),
        line: Some(line),
    });
    let message = Message {
        hint: error.hint().map(str::to_owned),
        file: file.clone(),
        ..Message::new(what.clone())
    };
    let findings = file.into_iter().map(|place| PlacedFinding {
        severity: "error",
        rule: "manifest-unusable",
        message: without_place(&what, &place),
        place,
        remedy: error.hint().unwrap_or_default().to_owned(),
    });
    Refusal {
        findings: findings.collect(),
        ..Refusal::because(Exit::Artifact, [message])
    }
}

/// A message without the place that it begins with.
fn without_place(what: &str, place: &Place) -> String {
    let rest = what.strip_prefix(&place.path).unwrap_or(what);
    let is_line = |c: char| c == ':' || c == ' ' || c.is_ascii_digit();
    rest.trim_start_matches(is_line).to_owned()
}
