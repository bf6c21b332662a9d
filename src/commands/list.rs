//! `list`: what is on a tenant.

use std::io::Write;
use std::sync::Arc;

use super::deploy::rates;
use super::errand::{End, Journey, Site};
use super::wishes::Settings;
use super::{Refusal, Voice, finish_output, jobs, write_troubles};
use crate::Process;
use crate::cli::{ListArgs, OutputForm, PlaceArgs};
use crate::exit::Exit;
use crate::inventory::{self, Wanted};
use crate::report::inventory as report;
use crate::report::masked::Masked;
use crate::settings::options::Options;

/// What is said when a command that only reads is interrupted.
pub(super) const NOTHING_WRITTEN: &str = "nothing was written to the tenant";

/// Lists packages and artifacts.
pub(super) fn list(
    args: &ListArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let wanted = Wanted {
        packages: args.package.clone(),
        kinds: args.kind.iter().map(|name| name.0).collect(),
    };
    let (journey, site) = journey(&args.place, process)?;
    let redactor = journey.redactor.clone();
    let sites = Arc::new(vec![site]);
    let end = journey.make(
        Arc::clone(&sites),
        voice,
        process,
        NOTHING_WRITTEN,
        move |errands| inventory::read(&errands[0], &wanted),
    );
    let inventory = match end {
        End::Done(read) => read.map_err(Refusal::from)?,
        End::Stopped(exit) => return Ok(exit),
    };
    let site = &sites[0];
    let listed = report::Listed {
        simulated: site.is_simulated(),
        tenant: site.host(),
        inventory: &inventory,
        exit: Exit::worst(inventory.troubles.iter().map(|trouble| trouble.exit)),
    };
    write_troubles(
        &inventory.troubles,
        site.is_simulated(),
        voice,
        &redactor,
        process,
    );
    let mut out = Masked::new(process.out, &redactor);
    let written = match voice.form {
        OutputForm::Json => report::json(&listed, &mut out),
        OutputForm::Text => report::text(&listed, voice.style, &mut out),
    };
    let written = written.and_then(|()| out.flush());
    drop(out);
    finish_output(written, process);
    Ok(listed.exit)
}

/// The way to one tenant.
pub(super) fn journey(
    place: &PlaceArgs,
    process: &mut Process<'_>,
) -> Result<(Journey, Site), Refusal> {
    let settings = settings(place, process)?;
    journey_with(place, &settings, process)
}

/// What the settings file says of the tenant.
pub(super) fn settings(place: &PlaceArgs, process: &Process<'_>) -> Result<Settings, Refusal> {
    let file = place.trip.config.as_ref();
    Settings::of_tenants(file, place.environment.as_deref(), process)
}

/// The way to the tenant of these settings.
pub(super) fn journey_with(
    place: &PlaceArgs,
    settings: &Settings,
    process: &mut Process<'_>,
) -> Result<(Journey, Site), Refusal> {
    let options = Options::new(process.environment);
    let rates = rates(&place.trip.pace, options)?;
    let timeout = jobs::timeout(place.trip.timeout, process)?;
    let journey = Journey::new(timeout, rates);
    let environment = settings.environment_name().map(str::to_owned);
    let site = journey.site(&settings.login(), environment, &place.trip.sandbox, process)?;
    Ok((journey, site))
}
