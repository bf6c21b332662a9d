//! A run against a tenant: a worker does it, the calling thread alone owns the streams, tells what happens, and ends at
//! once when a signal comes.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{fs, thread};

use super::smoke::SmokeWish;
use super::target::{self, LoginNames, target, warn_of_expiry};
use super::{Refusal, Voice, tell_broken, write_report};
use crate::cli::TryOutArgs;
use crate::clock::{Clock, Deadline};
use crate::deploy::approval::{Approval, Request};
use crate::deploy::job::{Job, Source};
use crate::deploy::ledger::{Ended, Event, Ledger};
use crate::deploy::outcome::{Message, Outcome};
use crate::deploy::preview::Preview;
use crate::deploy::{self, Context};
use crate::exit::Exit;
use crate::http::Http;
use crate::report::ci::Ci;
use crate::report::masked::Masked;
use crate::report::progress::{Progress, Volume};
use crate::report::table::{self, Look, Row, Size, Table};
use crate::report::{Found, Report};
use crate::rollback;
use crate::sandbox::Sandbox;
use crate::settings::credentials::Credentials;
use crate::settings::project::Affix;
use crate::smoke::Smoke;
use crate::tenant::Tenant;
use crate::tenant::pace::Pace;
use crate::tenant::wire::ArtifactId;
use crate::text::disarm;
use crate::text::redactor::Redactor;
use crate::undeploy::{self, Wish};
use crate::{Answers, Process};

/// How often the calling thread looks for a signal while the worker works.
pub(super) const SIGNAL_EVERY: Duration = Duration::from_millis(50);

/// How much of an answer is read, in bytes.
const LONGEST_ANSWER: u64 = 100;

/// A run that is settled: nothing but the tenant is missing.
pub(super) struct Settled<'a> {
    pub(super) command: &'static str,
    pub(super) jobs: Vec<Job>,
    /// The ends of the artifacts that are not valid, and of those that need them, when the run goes on without them.
    pub(super) invalid: Vec<Outcome>,
    /// What the offline check found in all of them.
    pub(super) findings: Vec<Found>,
    pub(super) timeout: Duration,
    pub(super) keep_going: bool,
    pub(super) pace: Pace,
    pub(super) login: LoginNames,
    pub(super) deed: Deed,
    pub(super) try_out: &'a TryOutArgs,
    pub(super) redactor: Redactor,
    /// The host of the tenant that the content was taken from.
    pub(super) source: Option<String>,
    /// What the environment puts around ids.
    pub(super) id: Affix,
    /// The messages that are sent to flows which have started.
    pub(super) smoke: Option<SmokeWish>,
}

/// What is done with the jobs.
pub(super) enum Deed {
    /// They are carried out.
    Deploy(Deployment),
    /// It is shown what would be done.
    Plan(PlanWishes),
    /// There are none: this is undeployed.
    Undeploy(Wish),
}

impl Deed {
    /// Whether nothing is written unless everything can be.
    pub(super) fn stands_or_falls_together(&self) -> bool {
        match self {
            Deed::Deploy(deployment) => deployment
                .rollback
                .as_ref()
                .is_some_and(|rules| rules.scope == rollback::Scope::All),
            Deed::Plan(_) | Deed::Undeploy(_) => false,
        }
    }
}

/// How jobs are carried out.
#[derive(Default)]
pub(super) struct Deployment {
    /// This plan and nothing else.
    pub(super) approved: Option<Approval>,
    /// What does not run is put back.
    pub(super) rollback: Option<rollback::Rules>,
}

/// What is wished of a plan.
#[derive(Clone, Default)]
pub(super) struct PlanWishes {
    /// The file that `deploy --plan` reads.
    pub(super) out: Option<PathBuf>,
    /// Changes are told by the exit code.
    pub(super) fail_on_changes: bool,
    /// What was asked for.
    pub(super) request: Request,
}

impl Settled<'_> {
    /// Carries the run out and writes its report.
    pub(super) fn run(self, voice: &Voice, process: &mut Process<'_>) -> Result<Exit, Refusal> {
        let begin = || self.sandbox();
        let target = target(self.try_out, &self.login, begin, process)?;
        target.credentials.hide_in(&self.redactor);
        warn_of_expiry(&target.credentials, process);
        let certificate = target.credentials.certificate();
        let http = Http::new(&target.network, &self.redactor, certificate)
            .map_err(|error| Refusal::usage(Message::new(error.to_string())))?;
        let greeting = greeting(&target.credentials, &http);
        let clock = process.clock;
        let deadline = Deadline { at: self.timeout };
        let simulated = target.sandbox.is_some();
        let table = self.table(voice, simulated, process);
        let temporary = temporary_files(&self.jobs);
        let (events, received) = mpsc::channel();
        let host = target.credentials.url.host().to_owned();
        let is_deployment = matches!(self.deed, Deed::Deploy(_));
        let smoke = match self.smoke.filter(|_| is_deployment) {
            Some(wish) => {
                Some(wish.ready(&target, clock, &self.redactor, observer(&events), process)?)
            }
            None => None,
        };
        let tenant = Tenant::new(
            http,
            target.credentials,
            self.redactor.clone(),
            clock,
            Arc::new(self.pace),
            observer(&events),
        );
        let signal = (process.listen)();
        let broken = events.clone();
        (process.notice_panics)(Box::new(move |why| {
            let _ = broken.send(Event::Broken(why));
        }));
        let wishes = match &self.deed {
            Deed::Plan(wishes) => wishes.clone(),
            Deed::Deploy(_) | Deed::Undeploy(_) => PlanWishes::default(),
        };
        Work {
            tenant,
            jobs: self.jobs,
            clock,
            deadline,
            keep_going: self.keep_going,
            announced: self.command == "transport",
            deed: self.deed,
            smoke,
            events,
        }
        .begin();
        let mut out = Masked::new(process.out, &self.redactor);
        let mut err = Masked::new(process.err, &self.redactor);
        let mut masked = Process {
            arguments: Vec::new(),
            environment: process.environment,
            directory: process.directory.clone(),
            out: &mut out,
            err: &mut err,
            terminal: process.terminal,
            listen: process.listen,
            notice_panics: process.notice_panics,
            answers: process.answers,
            clock,
        };
        let mut report = Report::begin(self.command, voice.ci, &masked);
        report.simulated = simulated;
        report.tenant = Some(host);
        report.source = self.source;
        report.findings = self.findings;
        report.artifacts = self.invalid;
        let mut telling = Telling {
            voice,
            progress: Progress::new(voice.volume, simulated).with_table(table),
            report,
            redactor: self.redactor,
            temporary,
            signal,
            plan: wishes,
            asking: false,
        };
        Ok(telling.follow(&received, &greeting, &mut masked))
    }

    /// A simulated tenant that holds what the run is about, as far as it is needed.
    fn sandbox(&self) -> Result<Sandbox, Refusal> {
        match &self.deed {
            Deed::Undeploy(wish) => target::simulated_running(self.try_out, &wish.ids),
            Deed::Deploy(_) | Deed::Plan(_) => target::simulated(self.try_out, &self.jobs),
        }
    }

    /// The live table, for somebody who looks at a run over several artifacts.
    fn table(&self, voice: &Voice, simulated: bool, process: &Process<'_>) -> Option<Table> {
        let in_ci = voice.ci != Ci::None || process.environment.get("CI").is_some();
        let look = Look {
            style: voice.style,
            simulated,
        };
        if self.ids().len() < 2 || !table::is_wanted(process.terminal, in_ci, voice.volume) {
            return None;
        }
        let environment = process.environment.clone();
        let size = move || Size::of_terminal(&environment);
        Table::new(self.rows(), look, self.redactor.clone(), size)
    }

    /// The artifacts as they stand before the first event.
    fn rows(&self) -> Vec<Row> {
        let invalid = self.invalid.iter();
        let invalid = invalid.map(|outcome| Row::ended(&outcome.id, outcome.verdict.word));
        let ids = self.ids().into_iter();
        invalid.chain(ids.map(|id| Row::waiting(&id.0))).collect()
    }

    /// The artifacts that the worker is to reach a verdict about.
    fn ids(&self) -> Vec<&ArtifactId> {
        match &self.deed {
            Deed::Undeploy(wish) => wish.ids.iter().collect(),
            Deed::Deploy(_) | Deed::Plan(_) => self.jobs.iter().map(|job| &job.id).collect(),
        }
    }
}

/// One line for each request, for `--verbose`.
fn observer(events: &Sender<Event>) -> Box<dyn Fn(&str) + Send + Sync> {
    let events = events.clone();
    Box::new(move |line| {
        // a reader who is gone is no reason to stop
        let _ = events.send(Event::Request(line.to_owned()));
    })
}

/// What the worker works on.
struct Work {
    tenant: Tenant,
    jobs: Vec<Job>,
    clock: Clock,
    deadline: Deadline,
    keep_going: bool,
    announced: bool,
    deed: Deed,
    smoke: Option<Smoke>,
    events: Sender<Event>,
}

impl Work {
    /// Starts the worker. It is never joined: a call that blocks cannot be woken.
    fn begin(self) {
        thread::spawn(move || {
            let context = Context {
                tenant: &self.tenant,
                clock: self.clock,
                deadline: self.deadline,
                ledger: Ledger::new(self.events.clone()),
                keep_going: self.keep_going,
                announced: self.announced,
            };
            let ended = match &self.deed {
                Deed::Deploy(deployment) => self.deploy(&context, deployment),
                Deed::Plan(_) => deploy::preview(&context, &self.jobs),
                Deed::Undeploy(wish) => undeploy::undeploy(&context, wish),
            };
            let _ = self.events.send(Event::Ended(ended));
        });
    }

    /// Reads and decides, keeps what stands there, writes, sends the messages of smoke tests, and puts back what does not
    /// run.
    fn deploy(&self, context: &Context<'_>, deployment: &Deployment) -> Ended {
        let approved = deployment.approved.as_ref();
        let rules = deployment.rollback.as_ref();
        let read = deploy::read(context, &self.jobs, approved);
        let planned = read.and_then(|mut surveyed| {
            if let Some(rules) = rules {
                rollback::remember(context, rules, &mut surveyed);
            }
            deploy::decide(context, surveyed, approved)
        });
        let mut planned = match planned {
            Ok(planned) => planned,
            Err(unfit) => return Ended::Usage(unfit),
        };
        let smoke = |outcomes: &mut [Outcome]| {
            if let Some(smoke) = &self.smoke {
                smoke.test(context, &self.jobs, outcomes);
            }
        };
        let Some(rules) = rules else {
            let mut outcomes = deploy::carry_out(context, &planned, &|_, _| {});
            smoke(&mut outcomes);
            rollback::forget_what_runs(context, &self.jobs, &outcomes);
            return Ended::Verdicts(outcomes);
        };
        let kept = rollback::keep(context, rules, &mut planned);
        let (mut outcomes, kept) = rollback::carry_out(context, rules, &planned, kept, smoke);
        rollback::roll_back(context, rules, &planned, kept, &mut outcomes);
        Ended::Verdicts(outcomes)
    }
}

/// The packed archives, which the worker cannot remove when the run is interrupted.
fn temporary_files(jobs: &[Job]) -> Vec<PathBuf> {
    jobs.iter()
        .filter_map(|job| match &job.source {
            Source::Files(content) => Some(content.archive.path().to_owned()),
            Source::Tenant => None,
        })
        .collect()
}

/// What the calling thread needs while it tells what happens.
struct Telling<'a> {
    voice: &'a Voice,
    progress: Progress,
    report: Report,
    redactor: Redactor,
    temporary: Vec<PathBuf>,
    signal: Arc<AtomicUsize>,
    plan: PlanWishes,
    /// Somebody reads a question: nothing may be drawn over it.
    asking: bool,
}

impl Telling<'_> {
    /// Tells the events of the worker until it ends or a signal comes. Writing to a reader who is gone is no reason to
    /// leave the tenant half-way.
    fn follow(
        &mut self,
        received: &Receiver<Event>,
        greeting: &str,
        process: &mut Process<'_>,
    ) -> Exit {
        let title = format!("flowship {}", self.report.command);
        let _ = self
            .voice
            .ci
            .open(&title, process.clock.epoch_seconds(), process.err);
        if self.voice.volume != Volume::Quiet {
            let _ = self
                .progress
                .line(process.clock.now(), greeting, process.err);
        }
        loop {
            match received.recv_timeout(SIGNAL_EVERY) {
                Ok(Event::Ended(ended)) => return self.finish(ended, process),
                Ok(Event::Broken(why)) => return self.broken(&why, process),
                Ok(Event::Question { lines, answer }) => self.ask(&lines, answer, process),
                Ok(event) => {
                    self.asking = false;
                    let _ = self.progress.tell(&event, process.clock.now(), process.err);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.broken("", process),
            }
            if !self.asking {
                let _ = self.progress.draw(process.clock.now(), process.err);
            }
            if let Some(exit) = self.interrupted(process) {
                return exit;
            }
        }
    }

    /// Puts a question. The answer is read by a thread of its own, so that a signal still ends the run at once.
    fn ask(&mut self, lines: &[String], answer: Sender<bool>, process: &mut Process<'_>) {
        self.asking = true;
        let _ = self.progress.clear(process.err);
        let mark = if self.report.simulated {
            "SIMULATED "
        } else {
            ""
        };
        let text: Vec<String> = lines.iter().map(|line| format!("{mark}{line}")).collect();
        let _ = write!(process.err, "{}", text.join("\n"));
        let _ = process.err.flush();
        if let Some(input) = (process.answers)() {
            thread::spawn(move || answer.send(is_yes(input)));
        }
    }

    /// Ends the part of the log that can be folded, and the table, so that what follows is seen.
    fn unfold(&mut self, process: &mut Process<'_>) {
        let _ = self.progress.clear(process.err);
        let _ = self
            .voice
            .ci
            .close(process.clock.epoch_seconds(), process.err);
    }

    fn finish(&mut self, ended: Ended, process: &mut Process<'_>) -> Exit {
        match ended {
            Ended::Verdicts(outcomes) => {
                self.report.artifacts.extend(outcomes);
                let all = self.report.artifacts.iter();
                self.report.exit = Exit::worst(all.map(|outcome| outcome.verdict.exit));
            }
            Ended::Previews(previews) => return self.finish_plan(&previews, process),
            Ended::Usage(errors) => {
                self.report.exit = Exit::Usage;
                self.report.errors = errors;
            }
        }
        self.report.ended = process.clock.now_iso();
        self.unfold(process);
        write_report(&self.report, self.voice, &self.redactor, process)
    }

    fn finish_plan(&mut self, previews: &[Preview], process: &mut Process<'_>) -> Exit {
        self.unfold(process);
        super::plan::finish(previews, &mut self.report, &self.plan, self.voice, process)
    }

    /// On a signal: the ledger of what was written, and an end without waiting for the worker.
    fn interrupted(&mut self, process: &mut Process<'_>) -> Option<Exit> {
        let exit = Exit::of_signal(self.signal.load(Ordering::Relaxed))?;
        let mut message = Message::new("interrupted before the verdict")
            .hint("run the same command again: it looks first what the tenant holds");
        message.causes = self.progress.states();
        self.report.errors = vec![message];
        self.report.exit = exit;
        self.report.ended = process.clock.now_iso();
        self.unfold(process);
        write_report(&self.report, self.voice, &self.redactor, process);
        self.clean_up();
        Some(exit)
    }

    fn broken(&mut self, why: &str, process: &mut Process<'_>) -> Exit {
        self.unfold(process);
        tell_broken(why, process);
        for state in self.progress.states() {
            let _ = writeln!(process.err, "  {}", disarm(&state));
        }
        self.clean_up();
        Exit::Protocol
    }

    fn clean_up(&self) {
        for file in &self.temporary {
            let _ = fs::remove_file(file);
        }
    }
}

/// Whether the next line says yes; its end, a broken line and everything else say no.
fn is_yes(input: Answers) -> bool {
    let mut line = String::new();
    let read = input.take(LONGEST_ANSWER).read_line(&mut line);
    let answer = line.trim().to_lowercase();
    read.is_ok() && (answer == "y" || answer == "yes")
}

/// Which tenant, and as whom: the only moment at which a wrong stage can be seen.
pub(super) fn greeting(credentials: &Credentials, http: &Http) -> String {
    let who = credentials.login.who();
    format!(
        "tenant {} ({who}); {}",
        credentials.url.host(),
        http.describe()
    )
}
