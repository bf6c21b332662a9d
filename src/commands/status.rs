//! `status`: what runs of what the design time holds, on one tenant or along the stages.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::deploy::rates;
use super::errand::{End, Journey, Site};
use super::list::NOTHING_WRITTEN;
use super::wishes::Settings;
use super::{Refusal, Voice, finish_output, jobs, write_troubles};
use crate::Process;
use crate::cli::{OutputForm, StatusArgs};
use crate::crew;
use crate::errand::Errand;
use crate::exit::Exit;
use crate::inventory::{self, Trouble};
use crate::report::Report;
use crate::report::ci;
use crate::report::masked::Masked;
use crate::report::status::{self as report, Stage};
use crate::settings::options::Options;
use crate::settings::project::Affix;
use crate::status::{self, Found, State, Wanted};
use crate::tenant::error::TenantError;
use crate::text::redactor::Redactor;

/// A stage before it was asked.
struct Plan {
    wanted: Wanted,
    id: Affix,
}

/// Shows what runs.
pub(super) fn status(
    args: &StatusArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let fail_on_error = options.switch(args.fail_on_error, "fail-on-error")?;
    let rates = rates(&args.trip.pace, options)?;
    let journey = Journey::new(jobs::timeout(args.trip.timeout, process)?, rates);
    let redactor = journey.redactor.clone();
    let mut report = Report::begin("status", voice.ci, process);
    let (mut sites, mut plans) = (Vec::new(), Vec::new());
    for name in environments(args, options) {
        let settings = Settings::of_tenants(args.trip.config.as_ref(), name.as_deref(), process)?;
        plans.push(plan(args, fail_on_error, &settings));
        let environment = settings.environment_name().map(str::to_owned);
        sites.push(journey.site(&settings.login(), environment, &args.trip.sandbox, process)?);
    }
    let sites = Arc::new(sites);
    let end = journey.make(
        Arc::clone(&sites),
        voice,
        process,
        NOTHING_WRITTEN,
        move |errands| {
            let each: Vec<_> = errands.iter().zip(&plans).collect();
            crew::map(
                each,
                errands.len(),
                |(errand, plan): (&Errand<'_>, &Plan)| {
                    status::read(errand, &plan.wanted).map(|found| by_original_id(found, plan))
                },
            )
        },
    );
    let read = match end {
        End::Done(read) => read,
        End::Stopped(exit) => return Ok(exit),
    };
    let stages = stages(&sites, read, args)?;
    report.simulated = sites.iter().any(Site::is_simulated);
    report.tenant = match sites.as_slice() {
        [site] => Some(site.host().to_owned()),
        _ => None,
    };
    report.artifacts = report::outcomes(&stages, fail_on_error);
    report.exit = exit(&stages, fail_on_error);
    Ok(tell(&stages, &mut report, voice, &redactor, process))
}

/// The environments that are named, or else what is used without one.
fn environments(args: &StatusArgs, options: Options<'_>) -> Vec<Option<String>> {
    let named = options.list(&args.environment, "environment");
    let mut names: Vec<Option<String>> = Vec::new();
    for name in named {
        let name = Some(name.text);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { vec![None] } else { names }
}

/// What is asked of a stage: names in Git become those on the tenant.
fn plan(args: &StatusArgs, fail_on_error: bool, settings: &Settings) -> Plan {
    let environment = settings.environment();
    let id = environment.map(|one| one.id.clone()).unwrap_or_default();
    let package = environment
        .map(|one| one.package.clone())
        .unwrap_or_default();
    Plan {
        wanted: Wanted {
            ids: args.ids.iter().map(|one| id.apply(one)).collect(),
            packages: args.package.iter().map(|one| package.apply(one)).collect(),
            only_deployed: args.only_deployed,
            until_rest: fail_on_error,
        },
        id,
    }
}

/// The states by their ids without prefix and suffix; what has none of them is no artifact of this environment.
fn by_original_id(found: Found, plan: &Plan) -> (BTreeMap<String, State>, Found) {
    let mut rest = found;
    let states = std::mem::take(&mut rest.states);
    let by_id = states
        .into_iter()
        .filter_map(|state| Some((plan.id.strip(&state.id)?.to_owned(), state)))
        .collect();
    let nowhere = rest.nowhere.iter();
    rest.nowhere = nowhere
        .filter_map(|id| plan.id.strip(id))
        .map(str::to_owned)
        .collect();
    (by_id, rest)
}

type Read = Result<(BTreeMap<String, State>, Found), TenantError>;

/// What each tenant showed. One of several that could not be asked does not hide the others.
fn stages(sites: &[Site], read: Vec<Read>, args: &StatusArgs) -> Result<Vec<Stage>, Refusal> {
    let several = sites.len() > 1;
    let mut stages = Vec::new();
    let mut nowhere = Vec::new();
    for (site, read) in sites.iter().zip(read) {
        let (states, found) = match read {
            Ok(read) => read,
            Err(error) if several => (BTreeMap::new(), not_asked(site, error)),
            Err(error) => return Err(error.into()),
        };
        stages.push(Stage {
            environment: site.environment.clone(),
            tenant: site.host().to_owned(),
            simulated: site.is_simulated(),
            states,
            troubles: found.troubles,
        });
        nowhere.push(found.nowhere);
    }
    for id in &args.ids {
        if nowhere.iter().all(|ids| ids.contains(id))
            && let Some(first) = stages.first_mut()
        {
            first.troubles.push(inventory::not_there(id));
        }
    }
    Ok(stages)
}

fn not_asked(site: &Site, error: TenantError) -> Found {
    let mut trouble = Trouble::from(error);
    let name = site.environment.as_deref().unwrap_or(site.host());
    trouble.message.what = format!("{name}: {}", trouble.message.what);
    Found {
        troubles: vec![trouble],
        ..Found::default()
    }
}

/// What does not run only counts where that is asked for.
fn exit(stages: &[Stage], fail_on_error: bool) -> Exit {
    let troubles = stages.iter().flat_map(|stage| &stage.troubles);
    let troubles = troubles.map(|trouble| trouble.exit);
    let mut states = stages.iter().flat_map(|stage| stage.states.values());
    let failed = fail_on_error && !states.all(State::runs);
    Exit::worst(troubles.chain(failed.then_some(Exit::Failed)))
}

fn tell(
    stages: &[Stage],
    report: &mut Report,
    voice: &Voice,
    redactor: &Redactor,
    process: &mut Process<'_>,
) -> Exit {
    report.ended = process.clock.now_iso();
    for stage in stages {
        write_troubles(&stage.troubles, stage.simulated, voice, redactor, process);
        let messages = stage
            .troubles
            .iter()
            .map(|trouble| (*trouble.message).clone());
        report.errors.extend(messages);
    }
    ci::publish(
        report,
        voice.ci,
        &voice.files,
        process.environment,
        redactor,
        process.err,
    );
    let mut out = Masked::new(process.out, redactor);
    let written = match voice.form {
        OutputForm::Json | OutputForm::Matrix => report::json(stages, report.exit, &mut out),
        OutputForm::Text => report::text(stages, voice.style, &mut out),
    };
    let written = written.and_then(|()| out.flush());
    drop(out);
    finish_output(written, process);
    report.exit
}
