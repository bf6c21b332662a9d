//! `IntegrationRuntimeArtifacts`: what runs, why it does not, and undeploying: what will be seen of it, and when, and who
//! is in the way.

use serde_json::json;

use super::answer::{Answer, Answered, Format, Refusal};
use super::call::Call;
use super::clock::Seconds;
use super::entity::{Entity, date, iso};
use super::model::RUNTIME;
use super::state::{Record, Runtime, Stage, Tenant};

pub fn answer(tenant: &mut Tenant, call: &mut Call<'_>) -> Answered {
    if !call.has_key() {
        return all(tenant, call);
    }
    let id = call.key("Id")?;
    let read = call.method == "GET" && call.rest().is_empty();
    let runtime = tenant.runtime.get_mut(id).filter(|_| read);
    if runtime.is_some_and(Runtime::is_unseen) {
        return Err(Refusal::missing());
    }
    let record = tenant.running(id, call.now);
    let record = record.ok_or_else(Refusal::missing)?.clone();
    match (call.method, call.rest().as_slice()) {
        ("GET", []) => call.entity(200, entity(id, &record, call)),
        // also of what is in ERROR (mcp-cpi-share)
        ("GET", ["ErrorInformation"]) => Err(Refusal::missing()),
        ("GET", ["ErrorInformation", "$value"]) => Ok(error_text(&record, call)),
        ("DELETE", []) => undeploy(tenant, call, id, &record),
        _ => Err(Refusal::not_implemented()),
    }
}

fn all(tenant: &mut Tenant, call: &Call) -> Answered {
    call.refuse_absent("no-runtime-list")?;
    let late = call.setting.scenarios.seconds("runtime-list-late");
    let seen = call.now - late.unwrap_or(0.0);
    let shown = tenant.runtime.iter_mut().filter_map(|(id, runtime)| {
        let record = runtime.at(seen).filter(|_| !runtime.hidden).cloned();
        let unseen = runtime.is_unseen();
        record
            .filter(|_| !unseen)
            .map(|record| entity(id, &record, call))
    });
    let shown = shown.collect();
    match call.rest().as_slice() {
        [] | ["$count"] => call.all(RUNTIME.name, shown),
        _ => Err(Refusal::not_implemented()),
    }
}

fn entity(id: &str, record: &Record, call: &Call) -> Entity {
    let deployed_on = if call.chosen("dates-without-zone") {
        json!(iso(record.deployed_on))
    } else {
        date(record.deployed_on)
    };
    RUNTIME.entity(&json!([
        id,
        record.version,
        record.name,
        record.shown_type,
        record.deployed_by,
        deployed_on,
        record.status,
    ]))
}

/// The text as it is stored, whatever was asked for; 204 while there is none. Some tenants refuse to call it JSON.
fn error_text(record: &Record, call: &Call) -> Answer {
    if call.chosen("no-json-text") && call.format == Format::Json {
        return Answer::empty(406);
    }
    let error = record.error.as_ref();
    let ready = error.filter(|error| error.ready <= call.now);
    match ready {
        None => Answer::empty(204),
        Some(error) if error.text.starts_with('{') => {
            Answer::typed(200, "application/json", error.text.clone().into_bytes())
        }
        Some(error) => Answer::text(200, error.text.clone()),
    }
}

/// How long a stopping artifact is seen.
const STOPPING: Seconds = 1.0;
/// How long what a colleague deployed is seen before a call that came later takes effect on it.
const LAG: Seconds = 1.0;

/// Accepts an undeploy call, or refuses it: 202, and nothing is gone yet.
fn undeploy(tenant: &mut Tenant, call: &Call, id: &str, record: &Record) -> Answered {
    if let Some(refusal) = refusal(call, id, record) {
        return Err(refusal);
    }
    let others = call.is_for("foreign-undeploy", id);
    let runtime = tenant.runtime.get_mut(id).ok_or_else(Refusal::missing)?;
    if others {
        runtime.replan(call.now, vec![(call.now, None)]);
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
            vec![(now, Some(theirs)), stopped, (now + LAG + lasts, None)]
        }
        Some("gone") => {
            let end = now + lasts;
            let back = end + LAG / 5.0;
            vec![
                stopping(now, record),
                (end, None),
                (back, Some(redeployed(back))),
            ]
        }
        Some(_) => {
            let back = now + lasts / 2.0;
            vec![stopping(now, record), (back, Some(redeployed(back)))]
        }
        None if stuck.is_some() => vec![stopping(now, record)],
        None => vec![stopping(now, record), (now + lasts, None)],
    }
}

fn stopping(at: Seconds, record: &Record) -> Stage {
    (at, Some(record.with("STOPPING", None)))
}
