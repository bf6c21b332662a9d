//! The one way through a command that only reads: fetch on the worker, show what happens meanwhile, and print.

use super::arguments::{TenantArgs, TryOutArgs};
use super::console::{Console, masked};
use super::refusal::Refusal;
use super::run::{Site, Worker};
use super::settings_file::Settings;
use super::target::{Target, simulated};
use crate::Process;
use crate::deploy::ledger::Event;
use crate::exit::Exit;
use crate::query::Query;
use crate::report::progress::RunProgress;
use crate::report::query::{QueryFacts, QueryOrigin, QueryReport};
use crate::text::redactor::Redactor;

/// What runs on a simulated tenant of which something is asked.
const EXAMPLES: [&str; 2] = ["flowship.example.Invoices", "flowship.example.Orders"];

/// What is said when a command that only reads is interrupted.
pub const NOTHING_WRITTEN: &str = "nothing was written to the tenant";

impl TenantArgs {
    /// A worker for the tenant of these settings.
    pub fn worker(
        &self,
        settings: &Settings,
        process: &mut Process<'_>,
    ) -> Result<Worker, Refusal> {
        let mut worker = Worker::new(&self.reading, Redactor::new());
        worker.add_tenant_of(&self.sandbox, settings, process)?;
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
        let begin = || simulated(try_out, &EXAMPLES, &[]);
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

    /// Reads from the one tenant, and prints what was found and what could not be had.
    pub(crate) fn query<T: QueryFacts + Send + 'static, E: Send + 'static>(
        self,
        (console, process): (&Console, &mut Process<'_>),
        interrupted: &str,
        read: impl FnOnce(&Query<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Exit, Refusal>
    where
        Refusal: From<E>,
    {
        let redactor = self.redactor.clone();
        let work = move |queries: &[Query<'_>]| read(&queries[0]);
        let (found, sites) = self.fetch(console, process, interrupted, work)?;
        let facts = found?;
        let troubles: Vec<_> = facts.troubles().iter().chain(facts.failures()).collect();
        let exit = Exit::worst(troubles.iter().map(|trouble| trouble.exit));
        let simulated = sites[0].is_simulated();
        let of = QueryOrigin {
            tenant: &sites[0].host,
            simulated,
            exit,
        };
        Ok(masked(process, &redactor, |process| {
            console.tell_troubles(troubles.iter().copied(), simulated, process);
            console.print(&QueryReport { of, facts: &facts }, exit, process)
        }))
    }
}
