//! `doctor`: examines the connection and says how to mend it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::run::SIGNAL_EVERY;
use super::target::{LoginNames, simulated, tell_ignored, variables_of};
use super::wishes::Settings;
use super::{Refusal, Voice, finish_output, jobs, tell_broken};
use crate::Process;
use crate::cli::{DoctorArgs, OutputForm};
use crate::clock::{Clock, Deadline};
use crate::doctor::examine_online;
use crate::doctor::finding::{self, Finding};
use crate::doctor::offline::{self, Offline};
use crate::doctor::uses::Use;
use crate::exit::Exit;
use crate::http::Http;
use crate::report::doctor::{self as report, Examination};
use crate::report::masked::Masked;
use crate::report::progress::Volume;
use crate::sandbox::Sandbox;
use crate::settings::credentials::{Credentials, Names};
use crate::settings::environment::Environment;
use crate::settings::options::Options;
use crate::tenant::Tenant;
use crate::tenant::pace::Pace;
use crate::text::redactor::Redactor;

/// The default of `--timeout`: somebody waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the worker tells.
enum Event {
    Found(Finding),
    /// One request, for `--verbose`.
    Request(String),
    Broken(String),
    Ended,
}

/// Examines and prints what it finds.
pub(super) fn doctor(
    args: &DoctorArgs,
    voice: &Voice,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let options = Options::new(process.environment);
    let wanted = options.parsed(args.wanted, "for")?.unwrap_or(Use::Deploy);
    if options.switch(args.print_instance_parameters, "print-instance-parameters")? {
        let written = writeln!(process.out, "{}", wanted.instance_parameters(&[]));
        finish_output(written, process);
        return Ok(Exit::Ok);
    }
    let offline = options.switch(args.offline, "offline")?;
    let timeout = jobs::span(args.timeout, options, "timeout", TIMEOUT)?;
    let source = Source::of(args, process)?;
    let redactor = Redactor::new();
    let (findings, credentials) = source.offline(wanted, process).examine();
    if let Some(credentials) = &credentials {
        credentials.hide_in(&redactor);
        source.login.must_be_for(credentials)?;
    }
    let mut telling = Telling {
        voice,
        simulated: source.sandbox.is_some(),
        wanted,
        offline,
        findings: Vec::new(),
        redactor: redactor.clone(),
    };
    for finding in findings {
        telling.found(finding, process);
    }
    let http = match &credentials {
        None => None,
        Some(credentials) => {
            match Http::new(&source.environment, &redactor, credentials.certificate()) {
                Ok(http) => Some(http),
                Err(error) => {
                    telling.found(offline::no_network(&error), process);
                    None
                }
            }
        }
    };
    let host = credentials.as_ref().map(|one| one.url.host().to_owned());
    if let (Some(credentials), Some(http), false) = (credentials, http, offline) {
        let worker = Worker {
            credentials,
            http,
            wanted,
            deadline: Deadline { at: timeout },
            clock: process.clock,
            redactor,
        };
        if let Some(exit) = telling.follow(worker, process) {
            return Ok(exit);
        }
    }
    Ok(telling.finish(host.as_deref(), process))
}

/// Which variables are examined.
struct Source {
    environment: Environment,
    login: LoginNames,
    sandbox: Option<Sandbox>,
}

impl Source {
    fn of(args: &DoctorArgs, process: &mut Process<'_>) -> Result<Self, Refusal> {
        if args.sandbox.sandbox {
            tell_ignored(process);
            let sandbox = simulated(&args.sandbox, &[])?;
            return Ok(Self {
                environment: variables_of(&sandbox),
                login: LoginNames {
                    names: Names::default(),
                    host: None,
                    at: String::new(),
                    saved_from: None,
                },
                sandbox: Some(sandbox),
            });
        }
        let settings =
            Settings::of_tenants(args.config.as_ref(), args.environment.as_deref(), process)?;
        Ok(Self {
            environment: process.environment.clone(),
            login: settings.login(),
            sandbox: None,
        })
    }

    fn offline<'s>(&'s self, wanted: Use, process: &'s Process<'_>) -> Offline<'s> {
        Offline {
            environment: &self.environment,
            directory: &process.directory,
            names: &self.login.names,
            wanted,
            now: process.clock.date(),
        }
    }
}

/// What the worker needs.
struct Worker {
    credentials: Credentials,
    http: Http,
    wanted: Use,
    deadline: Deadline,
    clock: Clock,
    redactor: Redactor,
}

impl Worker {
    /// Starts the worker. It is never joined: a call that blocks cannot be woken.
    fn begin(self, process: &Process<'_>) -> Receiver<Event> {
        let (events, received) = mpsc::channel();
        let (requests, broken) = (events.clone(), events.clone());
        let tenant = Tenant::new(
            self.http,
            self.credentials.clone(),
            self.redactor.clone(),
            self.clock,
            Arc::new(Pace::default()),
            Box::new(move |line| {
                let _ = requests.send(Event::Request(line.to_owned()));
            }),
        );
        (process.notice_panics)(Box::new(move |why| {
            let _ = broken.send(Event::Broken(why));
        }));
        thread::spawn(move || {
            let mut tell = |finding| {
                let _ = events.send(Event::Found(finding));
            };
            examine_online(
                &tenant,
                &self.credentials,
                self.wanted,
                &self.clock,
                self.deadline,
                &mut tell,
            );
            let _ = events.send(Event::Ended);
        });
        received
    }
}

/// Tells findings as they come, and keeps them.
struct Telling<'a> {
    voice: &'a Voice,
    simulated: bool,
    wanted: Use,
    offline: bool,
    findings: Vec<Finding>,
    redactor: Redactor,
}

impl Telling<'_> {
    fn found(&mut self, finding: Finding, process: &mut Process<'_>) {
        if self.voice.form == OutputForm::Text && self.is_told(&finding) {
            let mut out = Masked::new(process.out, &self.redactor);
            let written = report::line(
                &finding,
                &self.findings,
                self.simulated,
                self.voice.style,
                &mut out,
            );
            let _ = written.and_then(|()| out.flush());
        }
        self.findings.push(finding);
    }

    /// `--quiet` leaves out what is well.
    fn is_told(&self, finding: &Finding) -> bool {
        self.voice.volume != Volume::Quiet
            || matches!(
                finding.state,
                finding::State::Failed(_) | finding::State::Warning
            )
    }

    /// Tells what the worker finds until it ends; the code when a signal or a fault came first.
    fn follow(&mut self, worker: Worker, process: &mut Process<'_>) -> Option<Exit> {
        let signal = (process.listen)();
        let received = worker.begin(process);
        loop {
            match received.recv_timeout(SIGNAL_EVERY) {
                Ok(Event::Found(finding)) => self.found(finding, process),
                Ok(Event::Request(line)) => self.request(&line, process),
                Ok(Event::Ended) => return None,
                Ok(Event::Broken(why)) => return Some(broken(&why, process)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Some(broken("", process)),
            }
            let Some(exit) = Exit::of_signal(signal.load(Ordering::Relaxed)) else {
                continue;
            };
            let _ = writeln!(
                process.err,
                "error: interrupted; nothing was written to the tenant"
            );
            return Some(exit);
        }
    }

    fn request(&self, line: &str, process: &mut Process<'_>) {
        if self.voice.volume == Volume::Verbose {
            let mut err = Masked::new(process.err, &self.redactor);
            let _ = writeln!(err, "{line}").and_then(|()| err.flush());
        }
    }

    fn finish(&self, tenant: Option<&str>, process: &mut Process<'_>) -> Exit {
        let examination = Examination {
            simulated: self.simulated,
            wanted: self.wanted,
            offline: self.offline,
            tenant,
            findings: &self.findings,
            exit: finding::exit(&self.findings),
        };
        let written = {
            let mut out = Masked::new(process.out, &self.redactor);
            let written = match self.voice.form {
                OutputForm::Text => report::end(&examination, self.voice.style, &mut out),
                OutputForm::Json | OutputForm::Matrix => report::json(&examination, &mut out),
            };
            written.and_then(|()| out.flush())
        };
        finish_output(written, process);
        examination.exit
    }
}

fn broken(why: &str, process: &mut Process<'_>) -> Exit {
    tell_broken(why, process);
    Exit::Protocol
}
