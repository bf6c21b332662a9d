//! The one way through a command that only reads: fetch on the worker, show what happens meanwhile, and print.

use super::arguments::{TenantArgs, TryOutArgs};
use super::console::{Console, masked};
use super::refusal::Refusal;
use super::run::{Site, Worker};
use super::settings_file::Settings;
use super::target::{Target, simulated_running};
use crate::Process;
use crate::deploy::ledger::Event;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::inventory::Trouble;
use crate::inventory::selection::Selection;
use crate::query::Query;
use crate::report::progress::RunProgress;
use crate::report::query::{QueryFacts, QueryOrigin, QueryReport};
use crate::tenant::wire::ArtifactId;
use crate::text::redactor::Redactor;

/// What runs on a simulated tenant of which something is asked.
const EXAMPLES: [&str; 2] = ["flowship.example.Invoices", "flowship.example.Orders"];

/// What is said when a command that only reads is interrupted.
pub const NOTHING_WRITTEN: &str = "nothing was written to the tenant";

/// What one tenant answered.
pub struct Fetch<T> {
    pub found: T,
    pub site: Site,
    redactor: Redactor,
}

impl<T> Fetch<T> {
    /// Prints it, and what could not be had; gives the code that the run ends with.
    pub(crate) fn print(
        &self,
        (console, process): (&Console, &mut Process<'_>),
        troubles: &[Trouble],
        exit: Exit,
    ) -> Exit
    where
        T: QueryFacts,
    {
        let simulated = self.site.is_simulated();
        let answered = QueryReport {
            of: QueryOrigin {
                tenant: &self.site.host,
                simulated,
                exit,
            },
            facts: &self.found,
            troubles,
        };
        masked(process, &self.redactor, |process| {
            let troubles = troubles.iter().chain(self.found.failures());
            console.tell_troubles(troubles, simulated, process);
            console.print(&answered, exit, process)
        })
    }
}

impl TenantArgs {
    /// What the settings file says of the tenant.
    pub fn settings(&self, process: &Process<'_>) -> Result<Settings, Refusal> {
        let file = self.reading.config.as_ref();
        Settings::of_tenants(file, self.environment.as_deref(), process)
    }

    /// A worker for the tenant of these settings.
    pub fn worker(
        &self,
        settings: &Settings,
        process: &mut Process<'_>,
    ) -> Result<Worker, Refusal> {
        let reading = &self.reading;
        let mut worker = Worker::new(reading.timeout(), reading.pace, Redactor::new());
        worker.add_tenant_of(&reading.sandbox, settings, process)?;
        Ok(worker)
    }
}

impl Worker {
    /// Adds the tenant of these settings, or a simulated one on which some examples run.
    pub fn add_tenant_of(
        &mut self,
        try_out: &TryOutArgs,
        settings: &Settings,
        process: &mut Process<'_>,
    ) -> Result<(), Refusal> {
        let examples = EXAMPLES.map(|id| ArtifactId(id.to_owned()));
        let begin = || simulated_running(try_out, &examples);
        let target = Target::new(try_out, &settings.login(), begin, process)?;
        self.add(target, settings.environment_name(), process)
    }

    /// Reads from the tenants and tells meanwhile how it goes; gives what was read, and where. `interrupted`: what is to be
    /// said when a signal ends it.
    pub fn fetch<T: Send + 'static>(
        mut self,
        console: &Console,
        process: &mut Process<'_>,
        interrupted: &str,
        work: impl FnOnce(&[Query<'_>]) -> T + Send + 'static,
    ) -> Result<(T, Vec<Site>), Refusal> {
        let sites = std::mem::take(&mut self.sites);
        let simulated = sites.iter().any(Site::is_simulated);
        let mut progress = RunProgress::new(console.volume, simulated);
        let redactor = self.redactor.clone();
        let (clock, deadline) = (process.clock, self.deadline);
        masked(process, &redactor, |process| {
            for site in &sites {
                let line = Event::Told(site.greeting.clone());
                let _ = progress.tell(&line, clock.now(), process.err);
            }
            let tell = |event: Option<Event>, process: &mut Process<'_>| {
                if let Some(event) = event {
                    let _ = progress.tell(&event, clock.now(), process.err);
                }
            };
            let end = self.run(process, tell, move |tenants, events| {
                let told = |line: &str| {
                    let _ = events.send(Event::Told(line.to_owned()));
                };
                let query = |tenant| Query {
                    tenant,
                    clock,
                    deadline,
                    told: &told,
                };
                work(&tenants.iter().map(query).collect::<Vec<_>>())
            });
            end.of_reading(interrupted, process)
        })
        .map(|result| (result, sites))
    }

    /// Reads from the one tenant.
    pub fn ask<T: Send + 'static, E: Send + 'static>(
        self,
        (console, process): (&Console, &mut Process<'_>),
        interrupted: &str,
        read: impl FnOnce(&Query<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Fetch<T>, Refusal>
    where
        Refusal: From<E>,
    {
        let redactor = self.redactor.clone();
        let work = move |queries: &[Query<'_>]| read(&queries[0]);
        let (found, mut sites) = self.fetch(console, process, interrupted, work)?;
        Ok(Fetch {
            found: found?,
            site: sites.remove(0),
            redactor,
        })
    }
}

/// Refuses to take nothing.
pub fn refuse_nothing(selection: &Selection) -> Result<(), Refusal> {
    if selection.all || !selection.ids.is_empty() || !selection.packages.is_empty() {
        return Ok(());
    }
    let message = Message::new("nothing is named: neither artifacts nor packages");
    Err(Refusal::usage(message.hint(
        "name ids, or packages with --package, or take everything with --all",
    )))
}
