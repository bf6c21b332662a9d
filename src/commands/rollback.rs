//! `deploy --rollback`: what the caller wants put back.

use std::path::PathBuf;
use std::time::Duration;

use super::{Refusal, jobs};
use crate::Process;
use crate::cli::{RollbackArgs, WantedArgs};
use crate::deploy::outcome::Message;
use crate::rollback::{Rules, Scope};
use crate::settings::options::Options;

/// The words of the option.
const SCOPES: [(&str, Scope); 2] = [("each", Scope::Each), ("all", Scope::All)];

/// The word behind `--rollback`. It need not have one, so any other word there is a path of an artifact.
pub(super) fn asked(args: &RollbackArgs) -> (Option<&str>, Option<PathBuf>) {
    match args.rollback.as_deref() {
        Some(word) if SCOPES.iter().any(|(name, _)| *name == word) => (Some(word), None),
        Some(path) => (Some("each"), Some(PathBuf::from(path))),
        None => (None, None),
    }
}

/// The rules of a rollback, where one is wanted.
pub(super) fn rules(
    args: &RollbackArgs,
    asked: Option<&str>,
    wanted: &WantedArgs,
    timeout: Duration,
    process: &Process<'_>,
) -> Result<Option<Rules>, Refusal> {
    let options = Options::new(process.environment);
    let on_timeout = options.switch(args.rollback_on_timeout, "rollback-on-timeout")?;
    let Some(word) = options.text(asked, "rollback") else {
        return if on_timeout {
            Err(without_rollback())
        } else {
            Ok(None)
        };
    };
    let Some((_, scope)) = SCOPES.iter().find(|(name, _)| *name == word) else {
        let message = Message::new(format!("`{word}` is neither each nor all"));
        return Err(Refusal::usage(message.at("FLOWSHIP_ROLLBACK")));
    };
    Ok(Some(Rules {
        scope: *scope,
        on_timeout,
        directory: jobs::backup_directory(&wanted.value_mappings, process),
        timeout,
    }))
}

fn without_rollback() -> Refusal {
    let message = Message::new("an option of a rollback is given, and no rollback is asked for");
    Refusal::usage(
        message
            .at("--rollback")
            .hint("add --rollback, or leave the option out"),
    )
}

/// With `--rollback all` everything stands or falls together.
pub(super) fn all_or_some() -> Refusal {
    let message = Message::new(
        "--rollback all writes nothing unless everything can be deployed, and --keep-going deploys what can be",
    );
    Refusal::usage(
        message
            .at("--rollback all, --keep-going")
            .hint("leave one of them out; --rollback each goes with --keep-going"),
    )
}
