//! `undeploy`: settle what is to be taken out of the run time.

use super::deploy::pace;
use super::jobs::{DEFAULT_POLL, span, timeout};
use super::run::{Deed, Settled};
use super::wishes::Settings;
use super::{Refusal, Voice};
use crate::Process;
use crate::cli::UndeployArgs;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::settings::options::Options;
use crate::settings::project::Affix;
use crate::tenant::wire::ArtifactId;
use crate::text::redactor::Redactor;
use crate::undeploy::Wish;

/// Undeploys what was named, and nothing else.
pub(super) fn undeploy(
    args: &UndeployArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let agreed = options.switch(args.yes, "yes")?;
    if !agreed && !can_be_asked(process) {
        return Err(nobody_to_ask());
    }
    let settings =
        Settings::of_tenants(args.config.as_ref(), args.environment.as_deref(), process)?;
    settings.refuse_no_environment()?;
    let poll_interval = span(args.poll_interval, options, "poll-interval", DEFAULT_POLL)?;
    let wish = Wish {
        ids: each_once(&args.ids),
        poll_interval,
        ask: !agreed,
    };
    Settled {
        command: "undeploy",
        jobs: Vec::new(),
        invalid: Vec::new(),
        findings: Vec::new(),
        timeout: timeout(args.timeout, process)?,
        keep_going: false,
        pace: pace(&args.pace, options)?,
        login: settings.login(),
        deed: Deed::Undeploy(wish),
        try_out: &args.sandbox,
        redactor: Redactor::new(),
        source: None,
        id: Affix::default(),
        smoke: None,
    }
    .run(voice, process)
}

/// Whether somebody sees a question, and can answer it.
fn can_be_asked(process: &Process<'_>) -> bool {
    process.terminal && (process.answers)().is_some()
}

fn nobody_to_ask() -> Refusal {
    let message = Message::new("nobody can be asked here, so --yes is required; nothing was sent")
        .at("--yes")
        .hint("give --yes to undeploy without a question, or run it where standard input and standard error are a terminal");
    Refusal::usage(message)
}

fn each_once(ids: &[String]) -> Vec<ArtifactId> {
    let mut once: Vec<ArtifactId> = Vec::new();
    for id in ids {
        if !once.iter().any(|known| known.0 == *id) {
            once.push(ArtifactId(id.clone()));
        }
    }
    once
}
