//! Errands: commands that ask tenants for something other than a deployment. A worker does it; the calling thread alone
//! owns the streams, tells how it goes, and ends at once when a signal comes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::run::{SIGNAL_EVERY, greeting};
use super::target::{LoginNames, Target, simulated_running, target, warn_of_expiry};
use super::{Refusal, Voice, tell_broken};
use crate::Process;
use crate::cli::TryOutArgs;
use crate::clock::Deadline;
use crate::deploy::outcome::Message;
use crate::errand::Errand;
use crate::exit::Exit;
use crate::http::Http;
use crate::report::masked::Masked;
use crate::report::progress::{Progress, Volume};
use crate::sandbox::Sandbox;
use crate::tenant::Tenant;
use crate::tenant::pace::Pace;
use crate::tenant::wire::ArtifactId;
use crate::text::redactor::Redactor;

/// What runs on a simulated tenant of which something is asked.
const EXAMPLES: [&str; 2] = ["flowship.example.Invoices", "flowship.example.Orders"];

/// What the worker tells.
enum Event {
    /// A line for people.
    Told(String),
    /// One request, for `--verbose`.
    Request(String),
    Broken(String),
    Ended,
}

/// A tenant that is ready to be asked.
pub(super) struct Site {
    /// The name of the environment, if one was chosen.
    pub(super) environment: Option<String>,
    tenant: Tenant,
    greeting: String,
    /// The simulated tenant, which lives as long as this.
    sandbox: Option<Sandbox>,
}

impl Site {
    /// The host, for messages and reports.
    pub(super) fn host(&self) -> &str {
        self.tenant.host()
    }

    /// Whether it is a simulated tenant.
    pub(super) fn is_simulated(&self) -> bool {
        self.sandbox.is_some()
    }
}

/// Opens sites, all of which tell their requests in one place.
pub(super) struct Journey {
    pub(super) redactor: Redactor,
    timeout: Duration,
    pace: (usize, usize),
    /// The turns at each host: one user of it has them all.
    paces: Mutex<BTreeMap<String, Arc<Pace>>>,
    events: Sender<Event>,
    received: Receiver<Event>,
}

/// How a journey ended.
pub(super) enum End<T> {
    /// The work was done.
    Done(T),
    /// A signal came, or a thread broke off.
    Stopped(Exit),
}

impl Journey {
    /// A journey that may take so long.
    pub(super) fn new(timeout: Duration, pace: (usize, usize)) -> Self {
        let (events, received) = mpsc::channel();
        Self {
            redactor: Redactor::new(),
            timeout,
            pace,
            paces: Mutex::default(),
            events,
            received,
        }
    }

    /// Reads the credentials for a tenant, or starts a simulated one on which some examples run.
    pub(super) fn site(
        &self,
        login: &LoginNames,
        environment: Option<String>,
        try_out: &TryOutArgs,
        process: &mut Process<'_>,
    ) -> Result<Site, Refusal> {
        let examples = EXAMPLES.map(|id| ArtifactId(id.to_owned()));
        let begin = || simulated_running(try_out, &examples);
        let target = target(try_out, login, begin, process)?;
        self.site_of(target, environment, process)
    }

    /// The tenant of a target.
    pub(super) fn site_of(
        &self,
        target: Target,
        environment: Option<String>,
        process: &mut Process<'_>,
    ) -> Result<Site, Refusal> {
        target.credentials.hide_in(&self.redactor);
        warn_of_expiry(&target.credentials, process);
        let certificate = target.credentials.certificate();
        let http = Http::new(&target.network, &self.redactor, certificate)
            .map_err(|error| Refusal::usage(Message::new(error.to_string())))?;
        let requests = self.events.clone();
        let host = target.credentials.url.host().to_owned();
        Ok(Site {
            environment,
            greeting: greeting(&target.credentials, &http),
            sandbox: target.sandbox,
            tenant: Tenant::new(
                http,
                target.credentials,
                self.redactor.clone(),
                process.clock,
                self.pace_at(&host),
                Box::new(move |line| {
                    // a reader who is gone is no reason to stop
                    let _ = requests.send(Event::Request(line.to_owned()));
                }),
            ),
        })
    }

    fn pace_at(&self, host: &str) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let (designtime, runtime) = self.pace;
        let pace = paces
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Pace::new(designtime, runtime)));
        Arc::clone(pace)
    }

    /// Does `work` at these sites, and tells meanwhile how it goes. `interrupted`: what is to be said when a signal ends it.
    pub(super) fn make<T: Send + 'static>(
        self,
        sites: Arc<Vec<Site>>,
        voice: &Voice,
        process: &mut Process<'_>,
        interrupted: &str,
        work: impl FnOnce(&[Errand<'_>]) -> T + Send + 'static,
    ) -> End<T> {
        let signal = (process.listen)();
        let breaking = self.events.clone();
        (process.notice_panics)(Box::new(move |why| {
            let _ = breaking.send(Event::Broken(why));
        }));
        let simulated = sites.iter().any(Site::is_simulated);
        let mut telling = Telling {
            volume: voice.volume,
            progress: Progress::new(voice.volume, simulated),
            redactor: self.redactor.clone(),
            signal,
        };
        for site in sites.iter() {
            telling.line(&site.greeting, process);
        }
        let done = self.begin(sites, process, work);
        match telling.follow(&self.received, interrupted, process) {
            Some(exit) => End::Stopped(exit),
            None => match done.try_recv() {
                Ok(result) => End::Done(result),
                Err(_) => End::Stopped(broken("", process)),
            },
        }
    }

    /// Starts the worker. It is never joined: a call that blocks cannot be woken.
    fn begin<T: Send + 'static>(
        &self,
        sites: Arc<Vec<Site>>,
        process: &Process<'_>,
        work: impl FnOnce(&[Errand<'_>]) -> T + Send + 'static,
    ) -> Receiver<T> {
        let (result, done) = mpsc::channel();
        let events = self.events.clone();
        let (clock, deadline) = (process.clock, Deadline { at: self.timeout });
        thread::spawn(move || {
            let lines = events.clone();
            let told = move |line: &str| {
                let _ = lines.send(Event::Told(line.to_owned()));
            };
            let errands: Vec<Errand<'_>> = sites
                .iter()
                .map(|site| Errand {
                    tenant: &site.tenant,
                    clock,
                    deadline,
                    told: &told,
                })
                .collect();
            let _ = result.send(work(&errands));
            let _ = events.send(Event::Ended);
        });
        done
    }
}

/// What the calling thread needs while it tells what happens.
struct Telling {
    volume: Volume,
    progress: Progress,
    redactor: Redactor,
    signal: Arc<AtomicUsize>,
}

impl Telling {
    /// Tells events until the worker has ended; the code when a signal or a fault came first.
    fn follow(
        &mut self,
        received: &Receiver<Event>,
        interrupted: &str,
        process: &mut Process<'_>,
    ) -> Option<Exit> {
        loop {
            match received.recv_timeout(SIGNAL_EVERY) {
                Ok(Event::Told(line)) => self.line(&line, process),
                Ok(Event::Request(line)) if self.volume == Volume::Verbose => {
                    self.line(&line, process);
                }
                Ok(Event::Request(_)) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Ended) => return None,
                Ok(Event::Broken(why)) => return Some(broken(&why, process)),
                Err(RecvTimeoutError::Disconnected) => return Some(broken("", process)),
            }
            let Some(exit) = Exit::of_signal(self.signal.load(Ordering::Relaxed)) else {
                continue;
            };
            let _ = writeln!(process.err, "error: interrupted; {interrupted}");
            return Some(exit);
        }
    }

    fn line(&mut self, line: &str, process: &mut Process<'_>) {
        if self.volume != Volume::Quiet {
            let mut err = Masked::new(process.err, &self.redactor);
            let told = self.progress.line(process.clock.now(), line, &mut err);
            let _ = told.and_then(|()| err.flush());
        }
    }
}

fn broken(why: &str, process: &mut Process<'_>) -> Exit {
    tell_broken(why, process);
    Exit::Protocol
}
