//! Undeploying: what the run time will show of an artifact, and when; and who is in the way.

use super::answer::{Answer, Answered, Refusal};
use super::call::Call;
use super::clock::Seconds;
use super::state::{Record, Stage, Tenant};

/// How long a stopping artifact is seen.
const STOPPING: Seconds = 1.0;
/// How long what a colleague deployed is seen before a call that came later takes effect on it.
const LAG: Seconds = 1.0;

/// Accepts an undeploy call, or refuses it: 202, and nothing is gone yet.
pub fn undeploy(tenant: &mut Tenant, call: &Call, id: &str, record: &Record) -> Answered {
    if let Some(refusal) = refusal(call, id, record) {
        return Err(refusal);
    }
    let others = call.is_for("foreign-undeploy", id);
    let runtime = tenant.runtime.get_mut(id).ok_or_else(Refusal::missing)?;
    if others {
        runtime.replan(call.now, vec![gone(call.now)]);
        return Err(Refusal::missing());
    }
    let stages = stages(call, id, record, runtime.undeployments == 0);
    runtime.undeployments += 1;
    runtime.replan(call.now, stages);
    Ok(Answer::empty(202))
}

fn refusal(call: &Call, id: &str, record: &Record) -> Option<Refusal> {
    if record.status == "STOPPING" {
        let text = format!("The artifact {id} is being undeployed.");
        return Some(Refusal::bad_request(text));
    }
    let status = call.value_for("undeploy-refused", id)?;
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
    let stuck = call.value_for("undeploy-stuck", id);
    if stuck == Some("ignored") {
        return Vec::new();
    }
    let colleague = call.value_for("foreign-redeploy", id).filter(|_| first);
    let lasts = call.setting.scenarios.seconds_of("slow-undeploy", id);
    let lasts = lasts.unwrap_or(STOPPING);
    let now = call.now;
    let redeployed = |at: Seconds| record.redeployed(call.setting.clock.millis(at));
    match colleague {
        Some("unnoticed") => {
            let theirs = redeployed(now);
            let stopped = stopping(now + LAG, &theirs);
            vec![Stage::of(now, theirs), stopped, gone(now + LAG + lasts)]
        }
        Some("gone") => {
            let end = now + lasts;
            let back = end + LAG / 5.0;
            vec![
                stopping(now, record),
                gone(end),
                Stage::of(back, redeployed(back)),
            ]
        }
        Some(_) => {
            let back = now + lasts / 2.0;
            vec![stopping(now, record), Stage::of(back, redeployed(back))]
        }
        None if stuck.is_some() => vec![stopping(now, record)],
        None => vec![stopping(now, record), gone(now + lasts)],
    }
}

fn stopping(at: Seconds, record: &Record) -> Stage {
    Stage::of(at, record.with("STOPPING", None))
}

fn gone(at: Seconds) -> Stage {
    Stage { at, record: None }
}
