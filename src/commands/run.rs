//! The worker and the event loop: every command that talks to a tenant works on a thread of its own, while the calling thread
//! alone owns the streams, tells what happens, and ends at once when a signal comes. Commands that only read go one way:
//! fetch on the worker, show what happens meanwhile, and print.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::arguments::{PaceArgs, ReadingArgs, TenantArgs, TryOutArgs};
use super::console::{Console, masked, tell_broken};
use super::refusal::Refusal;
use super::settings_file::Settings;
use super::target::{Target, simulated, warn_of_expiry};
use crate::Process;
use crate::clock::Deadline;
use crate::deploy::ledger::Event;
use crate::deploy::outcome::Message;
use crate::exit::Exit;
use crate::http::Http;
use crate::query::Query;
use crate::report::progress::RunProgress;
use crate::report::query::{QueryFacts, QueryOrigin, QueryReport};
use crate::sandbox::Sandbox;
use crate::settings::credentials::Credentials;
use crate::tenant::Tenant;
use crate::tenant::pace::Pace;
use crate::text::redactor::Redactor;

/// How often the calling thread looks for a signal while the worker works.
const SIGNAL_EVERY: Duration = Duration::from_millis(50);

/// What runs on a simulated tenant of which something is asked.
const EXAMPLES: [&str; 2] = ["flowship.example.Invoices", "flowship.example.Orders"];

/// What is said when a command that only reads is interrupted.
pub const NOTHING_WRITTEN: &str = "nothing was written to the tenant";

/// What a worker is started with: the tenants, and the channel on which it tells what happens.
pub struct Worker {
    pub redactor: Redactor,
    pub deadline: Deadline,
    pub sites: Vec<Site>,
    pub tenants: Vec<Tenant>,
    pub events: Sender<Event>,
    received: Receiver<Event>,
    rates: PaceArgs,
    /// The turns at each host: one user of it has them all.
    paces: BTreeMap<String, Arc<Pace>>,
}

/// What the calling thread knows of a tenant.
pub struct Site {
    /// The name of the environment, if one was chosen.
    pub environment: Option<String>,
    /// The host, for messages and reports.
    pub host: String,
    /// Which tenant, and as whom: the only moment at which a wrong stage can be seen.
    pub greeting: String,
    /// The simulated tenant, which lives as long as this.
    sandbox: Option<Sandbox>,
}

impl Site {
    /// Whether it is a simulated tenant.
    pub fn is_simulated(&self) -> bool {
        self.sandbox.is_some()
    }
}

/// How the work ended.
pub enum WorkEnd<T> {
    /// It was done.
    Done(T),
    /// A signal came.
    Signal(Exit),
    /// A thread broke off, and why.
    Broken(String),
}

impl Worker {
    /// A worker without a tenant.
    pub fn new(reading: &ReadingArgs, redactor: Redactor) -> Self {
        let (events, received) = mpsc::channel();
        Self {
            redactor,
            deadline: Deadline {
                at: reading.timeout(),
            },
            sites: Vec::new(),
            tenants: Vec::new(),
            events,
            received,
            rates: reading.pace,
            paces: BTreeMap::new(),
        }
    }

    /// Adds a tenant.
    pub fn add(
        &mut self,
        target: Target,
        environment: Option<&str>,
        process: &mut Process<'_>,
    ) -> Result<(), Refusal> {
        target.credentials.hide_in(&self.redactor);
        warn_of_expiry(&target.credentials, process);
        let certificate = target.credentials.certificate();
        let http = Http::new(&target.network, &self.redactor, certificate)
            .map_err(|error| Refusal::usage(Message::new(error.to_string())))?;
        self.sites.push(Site {
            environment: environment.map(str::to_owned),
            greeting: greeting(&target.credentials, &http),
            host: target.credentials.url.host().to_owned(),
            sandbox: target.sandbox,
        });
        self.add_tenant(http, target.credentials, process);
        Ok(())
    }

    /// Adds a tenant whose connection stands already.
    pub fn add_tenant(&mut self, http: Http, credentials: Credentials, process: &Process<'_>) {
        let (rates, host) = (self.rates, credentials.url.host().to_owned());
        let pace = self.paces.entry(host);
        let pace = Arc::clone(pace.or_insert_with(|| Arc::new(rates.pace())));
        self.tenants.push(Tenant::new(
            http,
            credentials,
            self.redactor.clone(),
            process.clock,
            pace,
            self.observer(),
        ));
    }

    /// One line for each request, for `--verbose`.
    pub fn observer(&self) -> Box<dyn Fn(&str) + Send + Sync> {
        let events = self.events.clone();
        Box::new(move |line| {
            // a reader who is gone is no reason to stop
            let _ = events.send(Event::Request(line.to_owned()));
        })
    }

    /// Does `work` with the tenants. The worker is never joined: a call that blocks cannot be woken. `tell` gets every event,
    /// and `None` from time to time.
    pub fn run<T: Send + 'static>(
        self,
        process: &mut Process<'_>,
        mut tell: impl FnMut(Option<Event>, &mut Process<'_>),
        work: impl FnOnce(&[Tenant], &Sender<Event>) -> T + Send + 'static,
    ) -> WorkEnd<T> {
        let signal = (process.listen)();
        let broken = self.events.clone();
        (process.notice_panics)(Box::new(move |why| {
            let _ = broken.send(Event::Broken(why));
        }));
        let (result, done) = mpsc::channel();
        let (tenants, events) = (self.tenants, self.events);
        thread::spawn(move || {
            let _ = result.send(work(&tenants, &events));
            let _ = events.send(Event::Ended);
        });
        loop {
            match self.received.recv_timeout(SIGNAL_EVERY) {
                Ok(Event::Ended) => {
                    return done
                        .try_recv()
                        .map_or_else(|_| WorkEnd::Broken(String::new()), WorkEnd::Done);
                }
                Ok(Event::Broken(why)) => return WorkEnd::Broken(why),
                Err(RecvTimeoutError::Disconnected) => return WorkEnd::Broken(String::new()),
                Err(RecvTimeoutError::Timeout) => tell(None, process),
                Ok(event) => tell(Some(event), process),
            }
            if let Some(exit) = Exit::of_signal(signal.load(Ordering::Relaxed)) {
                return WorkEnd::Signal(exit);
            }
        }
    }
}

impl<T> WorkEnd<T> {
    /// The result of work that writes nothing to a tenant. `interrupted`: what is to be said when a signal ends it.
    pub fn of_reading(self, interrupted: &str, process: &mut Process<'_>) -> Result<T, Refusal> {
        match self {
            WorkEnd::Done(result) => Ok(result),
            WorkEnd::Signal(exit) => {
                let _ = writeln!(process.err, "error: interrupted; {interrupted}");
                Err(Refusal::told(exit))
            }
            WorkEnd::Broken(why) => {
                tell_broken(&why, process);
                Err(Refusal::told(Exit::Protocol))
            }
        }
    }
}

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
        let target = Target::new(try_out, &settings.environment, begin, process)?;
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

fn greeting(credentials: &Credentials, http: &Http) -> String {
    let who = credentials.login.who();
    format!(
        "tenant {} ({who}); trust: {}; proxy: {}",
        credentials.url.host(),
        http.trust(),
        http.proxy()
    )
}
