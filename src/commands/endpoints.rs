//! `endpoints`: where flows that run can be called.

use std::io::Write;
use std::sync::Arc;

use super::errand::End;
use super::list::{self, NOTHING_WRITTEN};
use super::{Refusal, Voice, finish_output, write_troubles};
use crate::Process;
use crate::cli::{EndpointsArgs, OutputForm};
use crate::endpoints;
use crate::exit::Exit;
use crate::report::endpoints as report;
use crate::report::masked::Masked;

/// Shows the endpoints.
pub(super) fn endpoints(
    args: &EndpointsArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = list::settings(&args.place, process)?;
    let names = settings
        .environment()
        .map(|one| one.id.clone())
        .unwrap_or_default();
    let ids: Vec<String> = args.ids.iter().map(|id| names.apply(id)).collect();
    let (journey, site) = list::journey_with(&args.place, &settings, process)?;
    let redactor = journey.redactor.clone();
    let sites = Arc::new(vec![site]);
    let end = journey.make(
        Arc::clone(&sites),
        voice,
        process,
        NOTHING_WRITTEN,
        move |errands| endpoints::read(&errands[0], &ids),
    );
    let found = match end {
        End::Done(read) => read.map_err(Refusal::from)?,
        End::Stopped(exit) => return Ok(exit),
    };
    let site = &sites[0];
    let listed = report::Listed {
        simulated: site.is_simulated(),
        tenant: site.host(),
        found: &found,
        exit: Exit::worst(found.troubles.iter().map(|trouble| trouble.exit)),
    };
    write_troubles(
        &found.troubles,
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
