//! `doctor`: examines the connection and says how to mend it.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;

use super::arguments::{ReadingArgs, TryOutArgs};
use super::console::{Console, Form, masked};
use super::refusal::Refusal;
use super::run::{NOTHING_WRITTEN, Worker};
use super::settings_file::Settings;
use super::target::{must_be_for, simulated, tell_ignored, variable_of};
use crate::Process;
use crate::clock::span;
use crate::deploy::ledger::Event;
use crate::doctor::Online;
use crate::doctor::finding::{Diagnosis, DiagnosisState};
use crate::doctor::offline::{self, Offline};
use crate::doctor::uses::Use;
use crate::exit::Exit;
use crate::http::Http;
use crate::report::doctor::{self as report, Examination};
use crate::report::progress::Volume;
use crate::settings::credentials::Credentials;
use crate::settings::project::EnvironmentSettings;
use crate::text::redactor::Redactor;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What the key is to be used for: deploy, redeploy, plan, status, download or undeploy. [default: deploy]
    #[arg(long = "for", value_name = "USE")]
    pub wanted: Option<Use>,
    /// Sends nothing: looks at variables, key and certificates only.
    #[arg(long)]
    pub offline: bool,
    /// Prints the parameters of a service instance for the use, as JSON to paste, and does nothing else.
    #[arg(long)]
    pub print_instance_parameters: bool,
    /// The environment of the settings file, for its credentials.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The settings file. [default: flowship.yaml in the working directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long the examination may take, for example 30s or 2m. [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1m", hide_default_value = true)]
    pub timeout: Duration,
    /// Where to try it out.
    #[command(flatten)]
    pub sandbox: TryOutArgs,
}

/// Examines and prints what it finds.
pub(crate) fn run(
    args: &DoctorArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let wanted = args.wanted.unwrap_or(Use::Deploy);
    if args.print_instance_parameters {
        let written = writeln!(process.out, "{}", wanted.instance_parameters(&[]));
        return Ok(console.finish(written, Exit::Ok, process));
    }
    let (variables, environment, sandbox) = if args.sandbox.sandbox {
        tell_ignored(process);
        let sandbox = simulated(&args.sandbox, &[], &[])?;
        let variables = variable_of(&sandbox, "CPI_SERVICE_KEY");
        (variables, EnvironmentSettings::default(), Some(sandbox))
    } else {
        let (file, name) = (args.config.as_ref(), args.environment.as_deref());
        let settings = Settings::of_tenants(file, name, process)?;
        (process.environment.clone(), settings.environment, None)
    };
    let redactor = Redactor::new();
    let offline = Offline {
        environment: &variables,
        directory: &process.directory,
        names: &environment.variable_names(),
        wanted,
        now: process.clock.date(),
    };
    let (findings, credentials) = offline.examine();
    if let Some(credentials) = &credentials {
        credentials.hide_in(&redactor);
        must_be_for(credentials, &environment)?;
    }
    let tenant = credentials.as_ref().map(|one| one.url.host().to_owned());
    let mut examiner = Examiner {
        console,
        examination: Examination {
            simulated: sandbox.is_some(),
            wanted,
            offline: args.offline,
            tenant,
            findings: Vec::new(),
        },
    };
    masked(process, &redactor, |process| {
        for finding in findings {
            examiner.found(finding, process);
        }
        if let Some(credentials) = credentials {
            match Http::new(&variables, &redactor, credentials.certificate()) {
                Err(error) => examiner.found(offline::no_network(&error), process),
                Ok(http) if !args.offline => {
                    let mut worker = Worker::new(&ReadingArgs::default(), redactor.clone());
                    worker.deadline.at = args.timeout;
                    examiner.follow(worker, http, credentials, process)?;
                }
                Ok(_) => {}
            }
        }
        let examination = &examiner.examination;
        Ok(console.print(examination, examination.exit(), process))
    })
}

/// Tells findings as they come, and keeps them.
struct Examiner<'a> {
    console: &'a Console,
    examination: Examination,
}

impl Examiner<'_> {
    fn found(&mut self, finding: Diagnosis, process: &mut Process<'_>) {
        if self.console.form == Form::Text && self.is_told(&finding) {
            let mut page = self.console.page(self.examination.simulated);
            report::lines(&finding, &self.examination.findings, &mut page);
            let written = page.print(process.out);
            let _ = written.and_then(|()| process.out.flush());
        }
        self.examination.findings.push(finding);
    }

    /// `--quiet` leaves out what is well.
    fn is_told(&self, finding: &Diagnosis) -> bool {
        self.console.tells() || finding.is_failed() || finding.state == DiagnosisState::Warning
    }

    /// Tells what the worker finds until it ends.
    fn follow(
        &mut self,
        mut worker: Worker,
        http: Http,
        credentials: Credentials,
        process: &mut Process<'_>,
    ) -> Result<(), Refusal> {
        worker.add_tenant(http, credentials.clone(), process);
        let (wanted, clock, deadline) = (self.examination.wanted, process.clock, worker.deadline);
        let (found, findings) = mpsc::channel();
        let tell = |event: Option<Event>, process: &mut Process<'_>| {
            for finding in findings.try_iter() {
                self.found(finding, process);
            }
            if let (Some(Event::Request(line)), Volume::Verbose) = (event, self.console.volume) {
                let _ = writeln!(process.err, "{line}").and_then(|()| process.err.flush());
            }
        };
        let end = worker.run(process, tell, move |tenants, _| {
            let mut tell = |finding| {
                let _ = found.send(finding);
            };
            let online = Online {
                tenant: &tenants[0],
                credentials: &credentials,
                wanted,
                clock: &clock,
                deadline,
            };
            online.examine(&mut tell);
        });
        for finding in findings.try_iter() {
            self.found(finding, process);
        }
        end.of_reading(NOTHING_WRITTEN, process)
    }
}
