//! `status`: what runs of what the design time holds, on one tenant or along the stages.

use clap::Args;

use super::arguments::{ReadingArgs, TryOutArgs, once};
use super::console::{Console, ReportArgs, masked};
use super::refusal::Refusal;
use super::run::{NOTHING_WRITTEN, Site, Worker};
use super::settings_file::Settings;
use crate::Process;
use crate::exit::Exit;
use crate::inventory::{self, Trouble};
use crate::parallel::parallel_map;
use crate::query::Query;
use crate::report::status::{self as report, Stages, TenantStatus};
use crate::settings::project::{Affix, Names};
use crate::status::{self, Found, State, Wanted};
use crate::tenant::error::TenantError;
use crate::text::redactor::Redactor;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The ids of the artifacts, as in Git. [default: everything on the tenant]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// The artifacts of the package with this id; may be repeated.
    #[arg(long = "package", value_name = "ID")]
    pub packages: Vec<String>,
    /// The environment of the settings file; with several of them, the stages are shown beside each other.
    #[arg(long = "environment", value_name = "NAME")]
    pub environments: Vec<String>,
    /// Ends with code 1 when something does not run: ERROR, stopped, not deployed. What is starting or stopping is
    /// waited for, for a minute at most.
    #[arg(long)]
    pub fail_on_error: bool,
    /// Leaves out what is not deployed.
    #[arg(long)]
    pub only_deployed: bool,
    /// Reports for CI systems.
    #[command(flatten)]
    pub reports: ReportArgs,
    /// For how long, and how fast.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Shows what runs.
pub(crate) fn run(
    args: &StatusArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let redactor = Redactor::new();
    let mut report = console.report(process);
    let mut worker = Worker::new(&args.reading, redactor.clone());
    let (wanted, ids) = stages_of(args, &mut worker, process)?;
    let work = move |queries: &[Query<'_>]| {
        let each: Vec<_> = queries.iter().zip(&wanted).collect();
        let read = |(query, wanted): (&Query<'_>, &Wanted)| status::read(query, wanted);
        parallel_map(each, queries.len(), read)
    };
    let (read, sites) = worker.fetch(console, process, NOTHING_WRITTEN, work)?;
    let stages = stages(&sites, &ids, read, args)?;
    report.simulated = sites.iter().any(Site::is_simulated);
    report.tenant = match sites.as_slice() {
        [site] => Some(site.host.clone()),
        _ => None,
    };
    report.artifacts = report::outcomes(&stages, args.fail_on_error);
    report.exit = exit(&stages, args.fail_on_error);
    report.ended = process.clock.now_iso();
    let troubles = stages.iter().flat_map(|stage| &stage.troubles);
    report.errors = troubles.map(|trouble| (*trouble.message).clone()).collect();
    Ok(masked(process, &redactor, |process| {
        for stage in &stages {
            console.tell_troubles(&stage.troubles, stage.simulated, process);
        }
        console.publish(&report, &redactor, process);
        let exit = report.exit;
        let stages = Stages {
            stages: &stages,
            exit,
        };
        console.print(&stages, exit, process)
    }))
}

/// The environments that are named, or else what is used without one: what is asked there, and what is around ids.
fn stages_of(
    args: &StatusArgs,
    worker: &mut Worker,
    process: &mut Process<'_>,
) -> Result<(Vec<Wanted>, Vec<Affix>), Refusal> {
    let mut names: Vec<_> = once(&args.environments).into_iter().map(Some).collect();
    if names.is_empty() {
        names.push(None);
    }
    let (mut wanted, mut ids) = (Vec::new(), Vec::new());
    for name in names {
        let settings = Settings::of_tenants(args.reading.config.as_ref(), name, process)?;
        let names = settings.names();
        wanted.push(args.wanted(&names));
        ids.push(names.id);
        worker.add_tenant_of(&args.sandbox, &settings, process)?;
    }
    Ok((wanted, ids))
}

impl StatusArgs {
    /// What is asked of a stage: names in Git become those on the tenant.
    fn wanted(&self, names: &Names) -> Wanted {
        let (ids, packages) = (self.ids.iter(), self.packages.iter());
        Wanted {
            ids: ids.map(|one| names.id.apply(one)).collect(),
            packages: packages.map(|one| names.package.apply(one)).collect(),
            only_deployed: self.only_deployed,
            until_rest: self.fail_on_error,
        }
    }
}

/// What each tenant showed, by ids without prefix and suffix; what has none of them is no artifact of this environment.
/// One of several tenants that could not be asked does not hide the others.
fn stages(
    sites: &[Site],
    ids: &[Affix],
    read: Vec<Result<Found, TenantError>>,
    args: &StatusArgs,
) -> Result<Vec<TenantStatus>, Refusal> {
    let several = sites.len() > 1;
    let mut stages = Vec::new();
    let mut nowhere = Vec::new();
    for ((site, affix), read) in sites.iter().zip(ids).zip(read) {
        let found = match read {
            Ok(found) => found,
            Err(error) if several => not_asked(site, error),
            Err(error) => return Err(error.into()),
        };
        let original = |id: &str| affix.strip(id).map(str::to_owned);
        let states = found.states.into_iter();
        let states = states.filter_map(|state| Some((original(&state.id.0)?, state)));
        stages.push(TenantStatus {
            environment: site.environment.clone(),
            tenant: site.host.clone(),
            simulated: site.is_simulated(),
            states: states.collect(),
            troubles: found.troubles,
        });
        let missing = found.nowhere.iter().filter_map(|id| original(id));
        nowhere.push(missing.collect::<Vec<_>>());
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
    let name = site.environment.as_deref().unwrap_or(&site.host);
    trouble.message.what = format!("{name}: {}", trouble.message.what);
    Found {
        troubles: vec![trouble],
        ..Found::default()
    }
}

/// What does not run only counts where that is asked for.
fn exit(stages: &[TenantStatus], fail_on_error: bool) -> Exit {
    let troubles = stages.iter().flat_map(|stage| &stage.troubles);
    let troubles = troubles.map(|trouble| trouble.exit);
    let mut states = stages.iter().flat_map(|stage| stage.states.values());
    let failed = fail_on_error && !states.all(State::runs);
    Exit::worst(troubles.chain(failed.then_some(Exit::Failed)))
}
