//! The course of a deployment: what task and run time will show, and when. Pure: no clock, no state.

use super::artifact_type::ArtifactType;
use super::bundle::has_mapping;
use super::clock::Seconds;
use super::error_information::{USUAL, generation_failed, start_error};
use super::scenario::Scenarios;
use super::state::{Record, Stage, StartError};

const BUILD: Seconds = 1.0;
const DISTRIBUTION: Seconds = 0.2;
const START: Seconds = 0.3;

/// An accepted deploy call.
pub struct Order<'a> {
    pub id: &'a str,
    /// The how-manieth deployment of this artifact it is.
    pub nth: usize,
    pub accepted: Seconds,
    /// What runs now.
    pub previous: Option<&'a Record>,
    /// The record that will be shown; its status and dates are filled in here.
    pub record: Record,
    pub scenarios: &'a Scenarios,
    /// What another artifact would have to provide and does not, at a moment, as far as is foreseen.
    pub lacks: &'a dyn Fn(Seconds) -> Option<String>,
    /// Milliseconds since 1970 of a moment.
    pub millis: &'a dyn Fn(Seconds) -> i64,
}

/// What will be seen.
#[derive(Debug)]
pub struct Course {
    pub visible: Seconds,
    pub statuses: Vec<(Seconds, String)>,
    pub stages: Vec<Stage>,
}

impl Order<'_> {
    pub fn course(&self) -> Course {
        let built = self.accepted + self.seconds("slow").unwrap_or(BUILD);
        let others = self.others(built).into_iter();
        Course {
            visible: self.accepted + self.seconds("task-late").unwrap_or(0.0),
            statuses: self.task(built),
            stages: others.chain(self.own(built)).collect(),
        }
    }

    fn chosen(&self, name: &str) -> Option<&str> {
        self.scenarios.of_deployment(name, self.id, self.nth)
    }

    fn seconds(&self, name: &str) -> Option<Seconds> {
        self.chosen(name)?.parse().ok()
    }

    fn task(&self, built: Seconds) -> Vec<(Seconds, String)> {
        let mut statuses = vec![(self.accepted, "DEPLOYING".to_owned())];
        if self.chosen("unknown-status").is_some() {
            let half = f64::midpoint(self.accepted, built);
            statuses = vec![
                (self.accepted, "QUEUED".to_owned()),
                (half, "DEPLOYING".to_owned()),
            ];
        }
        if self.chosen("task-stuck").is_none() {
            statuses.push((built, self.result().to_owned()));
        }
        statuses
    }

    fn result(&self) -> &'static str {
        if self.chosen("license-error").is_some() {
            "FAIL_ON_LICENSE_ERROR"
        } else if self.chosen("build-fail").is_some() {
            "FAIL"
        } else {
            "SUCCESS"
        }
    }

    /// The stages of our own deployment.
    fn own(&self, built: Seconds) -> Vec<Stage> {
        if self.result() != "SUCCESS" {
            return self.failed_build(built);
        }
        if self.chosen("task-stuck") == Some("idle") || self.runs_elsewhere() {
            return Vec::new();
        }
        let appears = built + DISTRIBUTION + self.delay();
        match self.start_failure(appears + self.starting()) {
            Some((shape, cause)) => self.failed_start(appears, shape, &cause),
            None => self.start(appears),
        }
    }

    /// How long STARTING is shown.
    fn starting(&self) -> Seconds {
        self.seconds("slow-start").unwrap_or(START)
    }

    /// Only a redeployment can be late: without a previous record there is nothing to go on showing.
    fn delay(&self) -> Seconds {
        let late = ["postponed-redeploy", "stale-started", "stale-error"];
        let delays = late.iter().filter_map(|name| self.seconds(name));
        let delay = delays.fold(0.0, f64::max);
        if self.previous.is_some() { delay } else { 0.0 }
    }

    fn runs_elsewhere(&self) -> bool {
        let profile = self.record.content.parameters.get("SAP_ProfileId");
        self.chosen("never-appears").is_some()
            && profile.is_some_and(|profile| profile == "integrationcell")
    }

    fn failed_build(&self, built: Seconds) -> Vec<Stage> {
        if self.previous.is_some()
            || self.chosen("build-fail") != Some("with-record")
            || self.result() != "FAIL"
        {
            return Vec::new();
        }
        let error = StartError {
            ready: built,
            text: generation_failed(self.id, self.scenarios.cause()),
        };
        vec![self.stage(built, built, "ERROR", Some(error))]
    }

    /// A message mapping without its mapping is accepted and deployed, but does not start.
    fn is_unmapped(&self) -> bool {
        self.record.kind == ArtifactType::MessageMapping && !has_mapping(&self.record.content.zip)
    }

    /// Why the start at `at` fails, and the shape in which the tenant says so; `None` when it does not fail.
    fn start_failure(&self, at: Seconds) -> Option<(&str, String)> {
        let implied = ["start-error-late-text", "start-error-in-place"];
        let implied = implied.iter().any(|name| self.chosen(name).is_some());
        let shape = self.chosen("start-error");
        if self.is_unmapped() {
            let cause = "validation of resource is failed".to_owned();
            Some((shape.unwrap_or(USUAL), cause))
        } else if shape.is_some() || implied {
            Some((shape.unwrap_or(USUAL), self.scenarios.cause().to_owned()))
        } else {
            (self.lacks)(at).map(|cause| (USUAL, cause))
        }
    }

    fn failed_start(&self, appears: Seconds, shape: &str, cause: &str) -> Vec<Stage> {
        let failed = appears + self.starting();
        let error = StartError {
            ready: failed + self.seconds("start-error-late-text").unwrap_or(0.0),
            text: start_error(shape, self.id, cause),
        };
        let in_place = self.chosen("start-error-in-place").is_some();
        match self.previous.filter(|_| in_place) {
            Some(previous) => vec![Stage::of(failed, previous.with("ERROR", Some(error)))],
            None => vec![
                self.stage(appears, appears, "STARTING", None),
                self.stage(failed, appears, "ERROR", Some(error)),
            ],
        }
    }

    fn start(&self, appears: Seconds) -> Vec<Stage> {
        let mut stages = Vec::new();
        let mut starting = appears;
        if let Some(how) = self.chosen("unknown-status") {
            let word = if how == "FAILED" { how } else { "PROVISIONING" };
            stages.push(self.stage(appears, appears, word, None));
            if how == "forever" {
                return stages;
            }
            starting += 1.0;
        }
        stages.push(self.stage(starting, appears, "STARTING", None));
        let mut started = starting + self.starting();
        if let Some(seconds) = self.seconds("flapping-error") {
            let error = StartError {
                ready: started,
                text: start_error(USUAL, self.id, self.scenarios.cause()),
            };
            stages.push(self.stage(started, appears, "ERROR", Some(error)));
            started += seconds;
        }
        stages.push(self.stage(started, appears, "STARTED", None));
        stages
    }

    /// Somebody else deploys what ran before.
    fn others(&self, built: Seconds) -> Option<Stage> {
        let at = match self.chosen("foreign-deploy")? {
            "after" => built + DISTRIBUTION + START + 1.0,
            _ => f64::midpoint(self.accepted, built),
        };
        let previous = self.previous?;
        Some(Stage::of(at, previous.redeployed((self.millis)(at))))
    }

    fn stage(
        &self,
        at: Seconds,
        appears: Seconds,
        status: &str,
        error: Option<StartError>,
    ) -> Stage {
        let by_call = self.chosen("deployed-on") == Some("call");
        let record = Record {
            deployed_on: (self.millis)(if by_call { self.accepted } else { appears }),
            ..self.record.with(status, error)
        };
        Stage::of(at, record)
    }
}
