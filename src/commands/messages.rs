//! `messages`: what a flow has processed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::deploy::rates;
use super::errand::{End, Journey};
use super::list::{self, NOTHING_WRITTEN};
use super::{Refusal, Voice, finish_output, jobs, write_troubles};
use crate::Process;
use crate::cli::{self, MessagesArgs, OutputForm};
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::messages::{self, Since, Stop, Wanted};
use crate::report::masked::Masked;
use crate::report::messages as report;
use crate::settings::options::Options;
use crate::tenant::wire::ArtifactId;

/// The default of `--since`.
const LAST_HOUR: Duration = Duration::from_secs(3600);
/// The default of `--limit`.
const FAILURES: usize = 5;
/// How much longer than the wait the whole run may take.
const BESIDE_THE_WAIT: Duration = Duration::from_secs(60);

/// Looks at messages, and waits for them.
pub(super) fn messages(
    args: &MessagesArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let settings = list::settings(&args.place, process)?;
    let names = settings
        .environment()
        .map(|one| one.id.clone())
        .unwrap_or_default();
    let wanted = wanted(args, ArtifactId(names.apply(&args.id)), options)?;
    let trip = &args.place.trip;
    let mut timeout = jobs::timeout(trip.timeout, process)?;
    if trip.timeout.is_none() && !wanted.wait.is_zero() {
        timeout = timeout.max(wanted.wait + BESIDE_THE_WAIT);
    }
    let journey = Journey::new(timeout, rates(&trip.pace, options)?);
    let environment = settings.environment_name().map(str::to_owned);
    let site = journey.site(&settings.login(), environment, &trip.sandbox, process)?;
    let redactor = journey.redactor.clone();
    let sites = Arc::new(vec![site]);
    let asked = wanted.clone();
    let end = journey.make(
        Arc::clone(&sites),
        voice,
        process,
        NOTHING_WRITTEN,
        move |errands| messages::read(&errands[0], &asked),
    );
    let found = match end {
        End::Done(Ok(found)) => found,
        End::Done(Err(stop)) => return Err(stop.into()),
        End::Stopped(exit) => return Ok(exit),
    };
    let site = &sites[0];
    let exit = found.exit(wanted.allow_none);
    let message = found.message(&wanted);
    let looked = report::Looked {
        simulated: site.is_simulated(),
        tenant: site.host(),
        found: &found,
        message: message.as_ref(),
        exit,
    };
    let trouble = message.clone().map(|message| Trouble::new(exit, message));
    write_troubles(
        trouble.as_slice(),
        site.is_simulated(),
        voice,
        &redactor,
        process,
    );
    let mut out = Masked::new(process.out, &redactor);
    let written = match voice.form {
        OutputForm::Json => report::json(&looked, &mut out),
        OutputForm::Text => report::text(&looked, voice.style, &mut out),
    };
    let written = written.and_then(|()| out.flush());
    drop(out);
    finish_output(written, process);
    Ok(exit)
}

fn wanted(args: &MessagesArgs, id: ArtifactId, options: Options<'_>) -> Result<Wanted, Refusal> {
    let since = if options.switch(args.since_deploy, "since-deploy")? && args.since.is_none() {
        Since::Deployment
    } else {
        match options.parsed(args.since, "since")? {
            None => Since::Ago(LAST_HOUR),
            Some(cli::Since::Ago(ago)) => Since::Ago(ago),
            Some(cli::Since::Date(date)) => Since::Date(date),
        }
    };
    let limit = options.parsed(args.limit, "limit")?;
    Ok(Wanted {
        id,
        since,
        wait: jobs::span(args.wait, options, "wait", Duration::ZERO)?,
        allow_none: options.switch(args.allow_none, "allow-none")?,
        limit: limit.map_or(FAILURES, |count| count.0),
    })
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Tenant(error) => Self::from(*error),
            Stop::NotDeployed(message) => Self::because(Exit::Failed, *message),
        }
    }
}
