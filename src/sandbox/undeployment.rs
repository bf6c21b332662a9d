//! Undeploying: what the run time will show of an artifact, and when; and who is in the way.

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::clock::Seconds;
use super::state::{COLLEAGUE, Record, Stage, Tenant};

/// How long a stopping artifact is seen.
const STOPPING: Seconds = 1.0;
/// How long what a colleague deployed is seen before a call that came later takes effect on it.
const LAG: Seconds = 1.0;

/// Accepts an undeploy call, or refuses it: 202, and nothing is gone yet.
pub(super) fn undeploy(
    tenant: &mut Tenant,
    call: &Call,
    id: &str,
    record: &Record,
) -> Result<Answer, Refusal> {
    if let Some(refusal) = refusal(call, id, record) {
        return Err(refusal);
    }
    let others = call.setting.scenarios.of_artifact("foreign-undeploy", id);
    let stages = match others {
        Some(_) => vec![gone(call.now)],
        None => stages(call, id, record, !was_undeployed(tenant, id)),
    };
    if let Some(runtime) = tenant.runtime.get_mut(id) {
        runtime.undeployments += usize::from(others.is_none());
        runtime.replan(call.now, stages);
    }
    match others {
        Some(_) => Err(Refusal::not_found("Requested entity could not be found.")),
        None => Ok(Answer::empty(202)),
    }
}

fn was_undeployed(tenant: &Tenant, id: &str) -> bool {
    let runtime = tenant.runtime.get(id);
    runtime.is_some_and(|runtime| runtime.undeployments > 0)
}

fn refusal(call: &Call, id: &str, record: &Record) -> Option<Refusal> {
    if record.status == "STOPPING" {
        let text = format!("The artifact {id} is being undeployed.");
        return Some(Refusal::bad_request(text));
    }
    let status = call.setting.scenarios.of_artifact("undeploy-refused", id)?;
    Some(match status {
        "423" => Refusal::new(423, format!("The artifact {id} is locked.")),
        "500" => Refusal::new(500, format!("The artifact {id} could not be undeployed.")),
        _ => Refusal::bad_request(
            "Undeployment is blocked because the runtime of this tenant is outdated.",
        ),
    })
}

/// What will be seen from now on. `first`: nobody has undeployed it before.
fn stages(call: &Call, id: &str, record: &Record, first: bool) -> Vec<Stage> {
    let scenarios = &call.setting.scenarios;
    let stuck = scenarios.of_artifact("undeploy-stuck", id);
    if stuck == Some("ignored") {
        return Vec::new();
    }
    let colleague = scenarios
        .of_artifact("foreign-redeploy", id)
        .filter(|_| first);
    let lasts = scenarios.seconds_of("slow-undeploy", id);
    let lasts = lasts.unwrap_or(STOPPING);
    let redeployed = |at: Seconds| shown(at, again(call, record, at));
    match colleague {
        Some("unnoticed") => {
            let theirs = again(call, record, call.now);
            let stops = call.now + LAG;
            let stopped = stopping(stops, &theirs);
            vec![shown(call.now, theirs), stopped, gone(stops + lasts)]
        }
        Some("gone") => {
            let end = call.now + lasts;
            vec![
                stopping(call.now, record),
                gone(end),
                redeployed(end + LAG / 5.0),
            ]
        }
        Some(_) => vec![
            stopping(call.now, record),
            redeployed(call.now + lasts / 2.0),
        ],
        None if stuck.is_some() => vec![stopping(call.now, record)],
        None => vec![stopping(call.now, record), gone(call.now + lasts)],
    }
}

/// A colleague deploys it again.
fn again(call: &Call, record: &Record, at: Seconds) -> Record {
    Record {
        status: "STARTED".to_owned(),
        deployed_on: call.setting.clock.millis(at),
        deployed_by: COLLEAGUE.to_owned(),
        error: None,
        ..record.clone()
    }
}

fn stopping(at: Seconds, record: &Record) -> Stage {
    let record = Record {
        status: "STOPPING".to_owned(),
        error: None,
        ..record.clone()
    };
    shown(at, record)
}

fn shown(at: Seconds, record: Record) -> Stage {
    Stage {
        at,
        record: Some(record),
    }
}

fn gone(at: Seconds) -> Stage {
    Stage { at, record: None }
}
