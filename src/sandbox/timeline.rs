//! The course of a deployment: what task and run time will show, and when. Changes nothing.

use super::artifact_type::ArtifactType;
use super::bundle::has_mapping;
use super::call::Call;
use super::clock::Seconds;
use super::dependencies;
use super::error_information::{USUAL, generation_failed, start_error};
use super::scenario::Scenarios;
use super::state::{Artifact, Record, Stage, StartError, Task, Tenant};

const BUILD: Seconds = 1.0;
const DISTRIBUTION: Seconds = 0.2;
const START: Seconds = 0.3;

/// An accepted deploy call.
struct Order<'a> {
    tenant: &'a Tenant,
    call: &'a Call<'a>,
    artifact: &'a Artifact,
    /// The how-manieth deployment of this artifact it is.
    nth: usize,
    /// What runs now.
    previous: Option<&'a Record>,
}

/// What will be seen of a deployment: its task, and what the run time shows.
pub fn course(tenant: &Tenant, call: &Call, artifact: &Artifact) -> (Task, Vec<Stage>) {
    let runtime = tenant.runtime.get(&artifact.id);
    let order = Order {
        tenant,
        call,
        artifact,
        nth: runtime.map_or(0, |runtime| runtime.deployments) + 1,
        previous: runtime.and_then(|runtime| runtime.at(call.now)),
    };
    let built = call.now + order.seconds("slow").unwrap_or(BUILD);
    let task = Task {
        artifact: artifact.id.clone(),
        visible: call.now + order.seconds("task-late").unwrap_or(0.0),
        statuses: order.task(built),
    };
    let others = order.others(built).into_iter();
    (task, others.chain(order.own(built)).collect())
}

/// What a deployment of an artifact will show; status and date come later.
pub fn record(artifact: &Artifact, by: &str) -> Record {
    Record {
        kind: artifact.kind,
        shown_type: artifact.kind.runtime_type().to_owned(),
        name: artifact.name.clone(),
        // a draft runs under the last saved number
        version: artifact.version.clone(),
        status: "STARTED".to_owned(),
        deployed_on: 0,
        deployed_by: by.to_owned(),
        content: artifact.content(),
        error: None,
    }
}

impl Order<'_> {
    fn scenarios(&self) -> &Scenarios {
        &self.call.setting.scenarios
    }

    fn chosen(&self, name: &str) -> Option<&str> {
        self.scenarios()
            .of_deployment(name, &self.artifact.id, self.nth)
    }

    fn seconds(&self, name: &str) -> Option<Seconds> {
        self.chosen(name)?.parse().ok()
    }

    fn task(&self, built: Seconds) -> Vec<(Seconds, String)> {
        let mut statuses = vec![(self.call.now, "DEPLOYING".to_owned())];
        if self.chosen("unknown-status").is_some() {
            let half = f64::midpoint(self.call.now, built);
            statuses = vec![
                (self.call.now, "QUEUED".to_owned()),
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
        let mut parameters = self.artifact.parameters.iter();
        self.chosen("never-appears").is_some()
            && parameters
                .any(|one| one.declared.key == "SAP_ProfileId" && one.value() == "integrationcell")
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
            text: generation_failed(&self.artifact.id, self.scenarios().cause()),
        };
        vec![self.stage(built, built, "ERROR", Some(error))]
    }

    /// A message mapping without its mapping is accepted and deployed, but does not start.
    fn is_unmapped(&self) -> bool {
        self.artifact.kind == ArtifactType::MessageMapping && !has_mapping(&self.artifact.zip)
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
            Some((shape.unwrap_or(USUAL), self.scenarios().cause().to_owned()))
        } else {
            let lacks = dependencies::missing(self.tenant, self.scenarios(), self.artifact, at);
            lacks.map(|cause| (USUAL, cause))
        }
    }

    fn failed_start(&self, appears: Seconds, shape: &str, cause: &str) -> Vec<Stage> {
        let failed = appears + self.starting();
        let error = StartError {
            ready: failed + self.seconds("start-error-late-text").unwrap_or(0.0),
            text: start_error(shape, &self.artifact.id, cause),
        };
        let in_place = self.chosen("start-error-in-place").is_some();
        match self.previous.filter(|_| in_place) {
            Some(previous) => vec![(failed, Some(previous.with("ERROR", Some(error))))],
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
                text: start_error(USUAL, &self.artifact.id, self.scenarios().cause()),
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
            _ => f64::midpoint(self.call.now, built),
        };
        let previous = self.previous?;
        let record = previous.redeployed(self.call.setting.clock.millis(at));
        Some((at, Some(record)))
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
            deployed_on: self.call.setting.clock.millis(if by_call {
                self.call.now
            } else {
                appears
            }),
            ..record(self.artifact, &self.call.shown_as("deployed-by")).with(status, error)
        };
        (at, Some(record))
    }
}
