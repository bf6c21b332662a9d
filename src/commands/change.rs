//! A run that changes a tenant, or shows what it would change: carried out by the worker, and reported.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::{fs, thread};

use super::arguments::{ReadingArgs, TryOutArgs};
use super::console::{Console, masked, tell_broken};
use super::plan_file;
use super::refusal::Refusal;
use super::run::{WorkEnd, Worker};
use super::settings_file::Settings;
use super::smoke::SmokeTests;
use super::target::{self, Target};
use crate::deploy::approval::{Approval, Request};
use crate::deploy::job::Job;
use crate::deploy::ledger::{Ended, Event, Ledger};
use crate::deploy::outcome::{Message, Outcome};
use crate::deploy::preview::Preview;
use crate::deploy::undeploy::{self, Wish};
use crate::deploy::{self, Context};
use crate::exit::Exit;
use crate::journal::Journal;
use crate::report::Report;
use crate::report::ci::{self, Ci};
use crate::report::page::Page;
use crate::report::plan::PlanReport;
use crate::report::progress::RunProgress;
use crate::report::table::{self, Table, TableLook};
use crate::rollback;
use crate::settings::project::EnvironmentSettings;
use crate::smoke::Smoke;
use crate::text::redactor::Redactor;
use crate::{Answers, Process};

/// How much of an answer is read, in bytes.
const LONGEST_ANSWER: u64 = 100;

/// A run that is settled: nothing but the tenant is missing.
pub struct Change {
    pub purpose: Purpose,
    pub jobs: Vec<Job>,
    /// What the offline check found, the ends of the artifacts that are not valid, and of those that need them, when the run
    /// goes on without them, and the tenant that the content was taken from.
    pub report: Report,
    pub keep_going: bool,
    pub redactor: Redactor,
    /// The messages that are sent to flows which have started.
    pub smoke: Option<SmokeTests>,
    pub environment: EnvironmentSettings,
    pub reading: ReadingArgs,
    pub try_out: TryOutArgs,
}

/// What is done with the jobs.
pub enum Purpose {
    /// They are carried out.
    Deploy(Deployment),
    /// It is shown what would be done.
    Plan(Planning),
    /// There are none: this is undeployed.
    Undeploy(Wish),
}

/// How jobs are carried out.
#[derive(Default)]
pub struct Deployment {
    /// This plan and nothing else.
    pub approved: Option<Approval>,
    /// What does not run is put back.
    pub rollback: Option<rollback::Rules>,
}

/// What becomes of a plan.
#[derive(Clone, Default)]
pub struct Planning {
    /// The file that `deploy --plan` reads.
    pub out: Option<PathBuf>,
    /// Changes are told by the exit code.
    pub fail_on_changes: bool,
    /// What was asked for.
    pub request: Request,
}

impl Change {
    /// A run on the tenant of these settings.
    pub fn new(
        purpose: Purpose,
        to: &Settings,
        report: Report,
        reading: &ReadingArgs,
        try_out: &TryOutArgs,
    ) -> Self {
        Self {
            purpose,
            jobs: Vec::new(),
            report,
            keep_going: false,
            redactor: Redactor::new(),
            smoke: None,
            environment: to.environment.clone(),
            reading: reading.clone(),
            try_out: try_out.clone(),
        }
    }

    /// Carries the run out and writes its report.
    pub fn run(mut self, console: &Console, process: &mut Process<'_>) -> Result<Exit, Refusal> {
        let (redactor, clock) = (self.redactor.clone(), process.clock);
        // a simulated tenant holds what the run is about, as far as it is needed
        let begin = || target::simulated(&self.try_out, &self.undeployed(), &self.jobs);
        let target = Target::new(&self.try_out, &self.environment, begin, process)?;
        let mut worker = Worker::new(&self.reading, redactor.clone());
        let smoke = match (self.smoke.take(), &self.purpose) {
            (Some(tests), Purpose::Deploy(_)) => {
                let observer = worker.observer();
                Some(tests.ready(&target, clock, &redactor, observer, process)?)
            }
            _ => None,
        };
        let journal = self.journal(&target, process);
        worker.add(target, None, process)?;
        // a simulated tenant lives as long as the run
        let site = worker.sites.remove(0);
        self.report.simulated = site.is_simulated();
        self.report.tenant = Some(site.host.clone());
        let table = self.table(console, process);
        let packed = |job: &Job| Some(job.content()?.archive.path().to_owned());
        let mut telling = Telling {
            console,
            progress: RunProgress::new(console.volume, site.is_simulated()).with_table(table),
            report: self.report,
            redactor: self.redactor,
            temporary: self.jobs.iter().filter_map(packed).collect(),
            planning: match &mut self.purpose {
                Purpose::Plan(planning) => std::mem::take(planning),
                Purpose::Deploy(_) | Purpose::Undeploy(_) => Planning::default(),
            },
            asking: false,
        };
        let announced = console.command == "transport";
        Ok(masked(process, &redactor, |process| {
            telling.begin(site.greeting, process);
            let deadline = worker.deadline;
            let tell = |event, process: &mut Process<'_>| telling.tell(event, process);
            let end = worker.run(process, tell, move |tenants, events| {
                let context = Context {
                    tenant: &tenants[0],
                    journal: &journal,
                    clock,
                    deadline,
                    ledger: Ledger::new(events.clone()),
                    keep_going: self.keep_going,
                    announced,
                };
                match &self.purpose {
                    Purpose::Deploy(deployment) => {
                        deploy(&context, &self.jobs, deployment, smoke.as_ref())
                    }
                    Purpose::Plan(_) => deploy::preview(&context, &self.jobs),
                    Purpose::Undeploy(wish) => undeploy::undeploy(&context, wish),
                }
            });
            telling.end(end, process)
        }))
    }

    /// What runs write down for each other, in the directory that every job names.
    fn journal(&self, target: &Target, process: &Process<'_>) -> Journal {
        let credentials = &target.credentials;
        let directory = self.jobs.first().map(|job| &job.rules.backup_directory);
        let directory = directory.unwrap_or(&process.directory);
        let location = credentials.runtime_location().unwrap_or_default();
        let tenant = format!("{}\n{location}", credentials.url.root());
        let secret = credentials.login.secret().clone();
        let mut journal = Journal::open(directory, tenant, secret);
        journal.lasting = target.sandbox.is_none();
        journal
    }

    /// The ids of what is undeployed.
    fn undeployed(&self) -> Vec<&str> {
        match &self.purpose {
            Purpose::Undeploy(wish) => wish.ids.iter().map(|id| id.0.as_str()).collect(),
            Purpose::Deploy(_) | Purpose::Plan(_) => Vec::new(),
        }
    }

    /// The live table, for somebody who looks at a run over several artifacts.
    fn table(&self, console: &Console, process: &Process<'_>) -> Option<Table> {
        let in_ci = console.ci != Ci::None || process.environment.get("CI").is_some();
        let look = TableLook {
            style: console.style,
            simulated: self.report.simulated,
        };
        let mut ids = self.undeployed();
        ids.extend(self.jobs.iter().map(|job| job.id.0.as_str()));
        let (terminal, environment) = (process.terminal, process.environment);
        if ids.len() < 2 || !table::is_wanted(terminal, in_ci, console.volume, environment) {
            return None;
        }
        let invalid = self.report.artifacts.iter();
        let invalid = invalid.map(|outcome| (outcome.id.as_str(), Some(outcome.verdict.word)));
        let rows = invalid.chain(ids.into_iter().map(|id| (id, None)));
        Some(Table::new(rows, look, self.redactor.clone()))
    }
}

/// Reads and decides, keeps what stands there, writes, sends the messages of smoke tests, and puts back what does not
/// run.
fn deploy(
    context: &Context<'_>,
    jobs: &[Job],
    deployment: &Deployment,
    smoke: Option<&Smoke>,
) -> Ended {
    let approved = deployment.approved.as_ref();
    let rules = deployment.rollback.as_ref();
    let read = deploy::read(context, jobs, approved);
    let planned = read.and_then(|mut surveyed| {
        if let Some(rules) = rules {
            rollback::remember(context, rules, &mut surveyed);
        }
        deploy::decide(context, surveyed, approved)
    });
    let planned = match planned {
        Ok(planned) => planned,
        Err(unfit) => return Ended::Usage(unfit),
    };
    let smoke = |outcomes: &mut [Outcome]| {
        if let Some(smoke) = smoke {
            smoke.test(context, jobs, outcomes);
        }
    };
    let Some(rules) = rules else {
        let mut outcomes = deploy::carry_out(context, &planned, &|_, _| {});
        smoke(&mut outcomes);
        rollback::forget_what_runs(context, jobs, &outcomes);
        return Ended::Verdicts(outcomes);
    };
    Ended::Verdicts(rollback::carry_out(context, rules, planned, smoke))
}

/// What the calling thread needs while it tells what happens.
struct Telling<'a> {
    console: &'a Console,
    progress: RunProgress,
    report: Report,
    redactor: Redactor,
    /// The packed archives, which the worker cannot remove when the run is interrupted.
    temporary: Vec<PathBuf>,
    planning: Planning,
    /// Somebody reads a question: nothing may be drawn over it.
    asking: bool,
}

impl Telling<'_> {
    fn begin(&mut self, greeting: String, process: &mut Process<'_>) {
        let title = format!("flowship {}", self.report.command);
        let now = process.clock.epoch_seconds();
        let _ = self.console.ci.open(&title, now, process.err);
        self.tell(Some(Event::Told(greeting)), process);
    }

    /// Writing to a reader who is gone is no reason to leave the tenant half-way.
    fn tell(&mut self, event: Option<Event>, process: &mut Process<'_>) {
        let now = process.clock.now();
        match event {
            Some(Event::Question { lines, answer }) => self.ask(&lines, answer, process),
            Some(event) => {
                self.asking = false;
                let _ = self.progress.tell(&event, now, process.err);
            }
            None => {}
        }
        if !self.asking {
            self.progress.draw(now);
        }
    }

    /// Puts a question. The answer is read by a thread of its own, so that a signal still ends the run at once.
    fn ask(&mut self, lines: &[String], answer: Sender<bool>, process: &mut Process<'_>) {
        self.asking = true;
        let _ = self.progress.clear();
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

    fn end(&mut self, end: WorkEnd<Ended>, process: &mut Process<'_>) -> Exit {
        // what follows stands below the part of the log that can be folded, and the table
        let _ = self.progress.clear();
        let now = process.clock.epoch_seconds();
        let _ = self.console.ci.close(now, process.err);
        self.report.ended = process.clock.now_iso();
        let is_done = matches!(end, WorkEnd::Done(_));
        let exit = match end {
            WorkEnd::Done(Ended::Previews(previews)) => self.show_plan(&previews, process),
            WorkEnd::Broken(why) => self.tell_broken(&why, process),
            WorkEnd::Done(Ended::Verdicts(outcomes)) => {
                self.report.artifacts.extend(outcomes);
                let all = self.report.artifacts.iter();
                let exit = Exit::worst(all.map(|outcome| outcome.verdict.exit));
                self.write_report(exit, Vec::new(), process)
            }
            WorkEnd::Done(Ended::Usage(errors)) => self.write_report(Exit::Usage, errors, process),
            WorkEnd::Signal(exit) => {
                let message = Message::new("interrupted before the verdict")
                    .hint("run the same command again: it looks first what the tenant holds");
                let causes = self.progress.states();
                self.write_report(exit, vec![Message { causes, ..message }], process);
                exit
            }
        };
        for file in self.temporary.iter().filter(|_| !is_done) {
            let _ = fs::remove_file(file);
        }
        exit
    }

    fn write_report(
        &mut self,
        exit: Exit,
        errors: Vec<Message>,
        process: &mut Process<'_>,
    ) -> Exit {
        self.report.exit = exit;
        self.report.errors = errors;
        self.console
            .write_report(&self.report, &self.redactor, process)
    }

    fn tell_broken(&self, why: &str, process: &mut Process<'_>) -> Exit {
        tell_broken(why, process);
        let mut page = Page::plain();
        page.items("  ", self.progress.states());
        let _ = page.print(process.err);
        Exit::Protocol
    }

    /// Prints a plan, and writes it into the file that `deploy --plan` reads.
    fn show_plan(&mut self, previews: &[Preview], process: &mut Process<'_>) -> Exit {
        let changes = previews.iter().any(|preview| preview.action.is_change());
        let invalid = self.report.artifacts.iter();
        let invalid = invalid.map(|outcome| outcome.verdict.exit);
        let worst = Exit::worst(previews.iter().map(|preview| preview.exit).chain(invalid));
        self.report.exit = match worst {
            Exit::Ok if changes && self.planning.fail_on_changes => Exit::Changes,
            worst => worst,
        };
        let tenant = self.report.tenant.clone().unwrap_or_default();
        let request = &self.planning.request;
        if let Some(out) = &self.planning.out
            && let Err(message) = plan_file::write(out, previews, &tenant, request, process)
        {
            return self.write_report(Exit::Usage, vec![*message], process);
        }
        ci::publish_plan(changes, self.console.ci, process.environment, process.err);
        let report = &self.report;
        let plan = PlanReport { previews, report };
        self.console.print(&plan, report.exit, process)
    }
}

/// Whether the next line says yes; its end, a broken line and everything else say no.
fn is_yes(input: Answers) -> bool {
    let mut line = String::new();
    let read = input.take(LONGEST_ANSWER).read_line(&mut line);
    let answer = line.trim().to_lowercase();
    read.is_ok() && (answer == "y" || answer == "yes")
}
