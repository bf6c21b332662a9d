//! The run time: deployments, what runs, and why it failed.

use std::cell::Cell;

use serde_json::Value;

use super::Tenant;
use super::attempts::Attempts;
use super::designtime::{empty_or_json, entity_prefix};
use super::error::{Kind, TenantError};
use super::error_information;
use super::exchange::{Ask, Trouble};
use super::meaning::{Meaning, date_of, meaning};
use super::odata::{self, TenantTime, literal};
use super::pace::Bucket;
use super::reading::{FailedRead, Reading};
use super::roles::Role;
use super::wire::{ArtifactId, BuildStatus, RuntimeArtifact, TaskId};
use super::writing::Written;
use crate::artifact::ArtifactKind;
use crate::clock::{Deadline, Moment};
use crate::http::{Answer, Body, Connection, Method};
use crate::pacing;

/// How often a deploy call is made whose refusals tell of a broken session.
const SESSION_ATTEMPTS: u32 = 4;

/// How the tenant took a deploy call.
#[derive(Debug)]
pub enum DeployAnswer {
    /// Accepted.
    Accepted {
        /// The task id, if the answer held one.
        task: Option<TaskId>,
        /// The tenant's clock at that answer.
        answered: Option<TenantTime>,
    },
    /// Perhaps accepted.
    Lost(String),
}

/// One look at the runtime: the record, or `None` for the API's own "not found", and the tenant's clock.
pub struct RuntimeReading {
    /// The record.
    pub record: Option<RuntimeArtifact>,
    /// The `Date` header of the answer.
    pub answered: Option<TenantTime>,
}

/// What one question about a task gave.
#[derive(Debug, PartialEq, Eq)]
pub enum TaskReading {
    /// Its status.
    Status(BuildStatus),
    /// The API's own "not found".
    NotFound,
    /// 405 or 501: this tenant has no such call.
    NotOffered,
    /// No answer, or none of the API.
    NotSeen,
}

impl Tenant {
    /// Deploys the latest state of a design-time artifact, over a connection that was never used before: on a stale
    /// one nobody could tell whether the call arrived. Repeated only where the tenant says that its session is broken, which
    /// passes (cpi-api.md §2).
    pub fn deploy(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<DeployAnswer, TenantError> {
        let function = format!("Deploy{}DesigntimeArtifact", entity_prefix(kind));
        let path = format!("{function}?Id={}&Version='active'", literal(&id.0));
        let ask = Ask {
            connection: Connection::Fresh,
            words_decide: true,
            ..Ask::write(Method::Post, Role::ArtifactsDeploy, path, Body::None)
        };
        let answered = Cell::new(None);
        let is_answer = |answer: &Answer| {
            answered.set(date_of(answer));
            is_deploy_answer(answer)
        };
        let mut attempts = Attempts::new(&self.clock, deadline);
        loop {
            match self.write(&ask, deadline, is_answer) {
                Ok(Written::Done(body)) => {
                    return Ok(DeployAnswer::Accepted {
                        task: task_id(&body, &function),
                        answered: answered.get(),
                    });
                }
                Ok(Written::Lost(lost)) => return Ok(DeployAnswer::Lost(lost.why)),
                Err(error) if error.tells_of_a_session() && attempts.again(SESSION_ATTEMPTS) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The status of a deploy task, asked once.
    pub fn build_and_deploy_status(
        &self,
        task: &TaskId,
        deadline: Deadline,
    ) -> Result<TaskReading, TenantError> {
        let path = format!("BuildAndDeployStatus(TaskId={})", literal(&task.0));
        let ask = Ask::get(Bucket::Designtime, Role::ArtifactsDeploy, path);
        let answer = match self.exchange(&ask, deadline) {
            Ok(answer) => answer,
            Err(Trouble::Final(error)) if error.kind == Kind::Credentials => return Err(*error),
            Err(_) => return Ok(TaskReading::NotSeen),
        };
        Ok(match (answer.status, meaning(&answer)) {
            (405 | 501, _) => TaskReading::NotOffered,
            // a 403 of this call alone says no more of the deployment than a task that is not shown
            (404, Meaning::Says(_)) | (403, _) => TaskReading::NotFound,
            (_, Meaning::Good) => {
                task_status(&answer.body).map_or(TaskReading::NotSeen, TaskReading::Status)
            }
            _ => TaskReading::NotSeen,
        })
    }

    /// What the runtime shows of an artifact, asked once; `None` when there was no answer of the API.
    pub fn runtime_artifact_once(
        &self,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Option<RuntimeReading>, TenantError> {
        let ask = runtime_ask(id, "");
        match self.read_once(&ask, deadline, dated_record) {
            Ok(reading) => Ok(Some(runtime_reading(reading))),
            Err(FailedRead { error, .. })
                if matches!(error.kind, Kind::Credentials | Kind::Role) =>
            {
                Err(error)
            }
            Err(_) => Ok(None),
        }
    }

    /// What the runtime shows of an artifact, repeated like any read. One "not found" is no proof of absence: whoever
    /// relies on it asks again.
    pub fn runtime_artifact(
        &self,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<RuntimeReading, TenantError> {
        self.read(&runtime_ask(id, ""), deadline, dated_record)
            .map(runtime_reading)
    }

    /// The causes that `ErrorInformation` names, deepest first, fit to be printed; waited for until `until` when it is
    /// late (204, cpi-api.md §5.4). Empty when there are none.
    pub fn error_causes(&self, id: &ArtifactId, until: Moment, deadline: Deadline) -> Vec<String> {
        loop {
            let text = self.error_information(id, deadline).unwrap_or_default();
            let causes = error_information::causes(&text);
            if !causes.is_empty() {
                return causes
                    .iter()
                    .map(|cause| self.words(cause).to_string())
                    .filter(|cause| !cause.is_empty())
                    .collect();
            }
            if self.clock.now() + pacing::TEXT >= until {
                return Vec::new();
            }
            self.clock.sleep(pacing::TEXT);
        }
    }

    /// Takes an artifact out of the run time; the design time is left alone. Accepted is not gone: it is STOPPING for a
    /// while, and then not found (cpi-api.md §5.5). Over a fresh connection, as the deploy call.
    pub fn undeploy(&self, id: &ArtifactId, deadline: Deadline) -> Result<Written, TenantError> {
        let ask = Ask {
            bucket: Bucket::Runtime,
            connection: Connection::Fresh,
            path: runtime_ask(id, "").path,
            ..Ask::write(Method::Delete, Role::ArtifactsDeploy, "", Body::None)
        };
        self.write(&ask, deadline, empty_or_json)
    }

    /// The text of `ErrorInformation`, asked once; `None` while there is none.
    pub fn error_information(&self, id: &ArtifactId, deadline: Deadline) -> Option<String> {
        let ask = runtime_ask(id, "/ErrorInformation/$value");
        let answer = self.exchange(&ask, deadline).ok()?;
        let text = odata::text(&answer.body).into_owned();
        (answer.status == 200 && !answer.is_html() && !text.is_empty()).then_some(text)
    }
}

pub fn runtime_ask(id: &ArtifactId, below: &str) -> Ask<'static> {
    let path = format!("IntegrationRuntimeArtifacts({}){below}", literal(&id.0));
    Ask::of_runtime(path)
}

fn dated_record(answer: &Answer) -> Option<(RuntimeArtifact, Option<TenantTime>)> {
    Some((odata::entity(&answer.body)?, date_of(answer)))
}

fn runtime_reading(reading: Reading<(RuntimeArtifact, Option<TenantTime>)>) -> RuntimeReading {
    let (record, answered) = match reading {
        Reading::Found((record, answered)) => (Some(record), answered),
        Reading::Missing(answered) => (None, answered),
    };
    RuntimeReading { record, answered }
}

/// A deploy call answers with a bare task id, with nothing, or with an entity.
fn is_deploy_answer(answer: &Answer) -> bool {
    let text = odata::text(&answer.body);
    empty_or_json(answer) || text.starts_with("<?xml") || is_token(text.trim_matches('"'))
}

fn is_token(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// The task id in the answer of a deploy call: bare text, perhaps quoted, or the one string in an envelope.
fn task_id(body: &[u8], function: &str) -> Option<TaskId> {
    let text = odata::text(body).trim_matches('"').trim().to_owned();
    if is_token(&text) {
        return Some(TaskId(text));
    }
    let value: Value = odata::json(body)?;
    let inner = value.get("d").unwrap_or(&value);
    let named = inner.as_str().or_else(|| {
        ["TaskId", function]
            .iter()
            .find_map(|name| inner.get(*name)?.as_str())
    })?;
    is_token(named).then(|| TaskId(named.to_owned()))
}

fn task_status(body: &[u8]) -> Option<BuildStatus> {
    let entity: Value = odata::entity(body)?;
    entity.get("Status")?.as_str().map(BuildStatus::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_found_in_every_form_and_never_invented() {
        for (body, expected) in [
            ("4f2a-1", Some("4f2a-1")),
            (" \"4f2a-1\"\r\n", Some("4f2a-1")),
            (r#"{"d":{"DeployX":"4f2a-1"}}"#, Some("4f2a-1")),
            (r#"{"d":{"TaskId":"4f2a-1"}}"#, Some("4f2a-1")),
            (r#"{"d":{"Id":"flow","Version":"1.0.0"}}"#, None),
            ("", None),
            ("<html>", None),
            ("two words", None),
        ] {
            assert_eq!(
                task_id(body.as_bytes(), "DeployX")
                    .map(|task| task.0)
                    .as_deref(),
                expected,
                "{body}"
            );
        }
    }
}
