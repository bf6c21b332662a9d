//! `--smoke`: which message goes to which artifact, and with whose key. All of it is settled before anything is written.

use std::path::PathBuf;
use std::sync::Arc;

use super::refusal::Refusal;
use super::target::{Target, variable_of};
use crate::Process;
use crate::artifact::ArtifactKind;
use crate::clock::Clock;
use crate::deploy::job::Job;
use crate::deploy::outcome::Message;
use crate::http::Http;
use crate::settings::credentials::{Credentials, VariableNames};
use crate::settings::project::{Affix, EnvironmentSettings};
use crate::smoke::Smoke;
use crate::smoke::file::{self, SmokeTest};
use crate::tenant::Tenant;
use crate::tenant::pace::Pace;
use crate::text::redactor::Redactor;

/// The tests of a run, each with the id of its artifact on the tenant.
pub struct SmokeTests {
    pub tests: Vec<(String, SmokeTest)>,
    pub names: VariableNames,
}

/// Reads the files, and finds the artifact of each.
pub fn tests_of(
    files: &[PathBuf],
    jobs: &[Job],
    environment: &EnvironmentSettings,
    process: &Process<'_>,
) -> Result<Option<SmokeTests>, Refusal> {
    let mut tests = Vec::new();
    for file in files {
        let test = file::read(&process.directory, file)?;
        let job = job_of(&test, jobs, &environment.names.id)?;
        if !job.rules.deploy {
            let what = format!(
                "{} is not deployed by this run, so that it can't be called",
                job.id
            );
            let hint = "leave out --no-deploy, or --smoke";
            return Err(Refusal::wrong("--smoke", what, hint));
        }
        tests.push((job.id.0.clone(), test));
    }
    let names = environment.variable_names();
    Ok((!tests.is_empty()).then_some(SmokeTests { tests, names }))
}

fn job_of<'j>(test: &SmokeTest, jobs: &'j [Job], id: &Affix) -> Result<&'j Job, Refusal> {
    let flow = ArtifactKind::IntegrationFlow;
    let is_flow = |job: &&Job| job.kind(Some(flow)) == Some(flow);
    let flows: Vec<&Job> = jobs.iter().filter(is_flow).collect();
    let refused = |what: String, hint: &str| Err(Refusal::wrong(test.at.clone(), what, hint));
    match (&test.artifact, flows.as_slice()) {
        (Some(named), _) => {
            let on_tenant = id.apply(named);
            let is_it = |job: &&&Job| job.id.0 == on_tenant || job.id.0 == *named;
            match flows.iter().find(is_it) {
                Some(job) => Ok(job),
                None => refused(
                    format!(
                        "the smoke test is for {named}, which is no integration flow of this run"
                    ),
                    "write the id of an integration flow that is deployed here into `artifact`",
                ),
            }
        }
        (None, [one]) => Ok(one),
        (None, []) => refused(
            "the run has no integration flow that a smoke test could call".to_owned(),
            "leave --smoke out",
        ),
        (None, _) => refused(
            format!(
                "the run has {} integration flows, and the smoke test does not say which it is for",
                flows.len()
            ),
            "add `artifact:` with the id of the flow",
        ),
    }
}

impl SmokeTests {
    /// Reads the key that calls flows, which must not be the one that deploys them.
    pub fn ready(
        self,
        target: &Target,
        clock: Clock,
        redactor: &Redactor,
        observer: Box<dyn Fn(&str) + Send + Sync>,
        process: &Process<'_>,
    ) -> Result<Smoke, Refusal> {
        let (variables, names) = match &target.sandbox {
            Some(sandbox) => {
                let names = VariableNames::default();
                (variable_of(sandbox, &names.of_caller_key()), names)
            }
            None => (process.environment.clone(), self.names),
        };
        let caller =
            Credentials::of_caller(&variables, &process.directory, &names, &target.credentials)?;
        let Some(caller) = caller else {
            let variable = names.of_caller_key();
            let what =
                format!("{variable} is missing: --smoke calls the flow with a key of its own");
            let hint = "put the service key of an instance with plan integration-flow (role ESBMessaging.send) there; the key of plan api calls no flows";
            return Err(Refusal::wrong(variable, what, hint));
        };
        caller.hide_in(redactor);
        let http = Http::new(&target.network, redactor, caller.certificate())
            .map_err(|error| Refusal::usage(Message::new(error.to_string())))?;
        let origin = caller.url.root();
        let pace = Arc::new(Pace::default());
        Ok(Smoke {
            caller: Tenant::new(http, caller, redactor.clone(), clock, pace, observer),
            origin,
            tests: self.tests,
        })
    }
}
