//! The tenant: one method per operation of its public API, in SAP's words. What the answers mean for a deployment
//! is decided elsewhere.

pub mod distrust;
pub mod error;
pub mod error_information;
mod exchange;
mod explain;
pub mod flow_call;
mod lists;
mod locks;
mod meaning;
pub mod message_logs;
pub mod odata;
pub mod pace;
pub mod peek;
mod reading;
pub mod roles;
pub mod security_material;
pub mod service_endpoints;
mod session;
mod upload;
pub mod wire;
mod writing;

use std::cell::Cell;
use std::fs::File;
use std::time::Duration;

use std::sync::{Arc, Mutex};

use serde::de::IgnoredAny;
use serde_json::json;

use crate::artifact::ArtifactKind;
use crate::clock::{Clock, Deadline, Moment};
use crate::http::{Answer, Body, Connection, Http, Method, retry};
use crate::settings::credentials::{Credentials, Login};
use crate::text::redactor::Redactor;

use self::error::{Kind, TenantError};
use self::exchange::{Ask, Length, Trouble};
pub use self::lists::RuntimeList;
use self::meaning::{Meaning, date_of, meaning};
use self::odata::{TenantTime, literal};
use self::pace::{Bucket, Pace};
use self::reading::Again;
pub use self::reading::Reading;
use self::roles::Role;
pub use self::session::Seen;
use self::session::Session;
pub use self::upload::ZipBytes;
use self::wire::{
    ArtifactId, BuildStatus, Configuration, Description, DesigntimeArtifact, IntegrationPackage,
    PackageId, RuntimeArtifact, TaskId,
};
pub use self::writing::{Lost, Written};
use crate::text::Words;

/// How often "not found" is asked again where it makes no sense.
const MISSING_ATTEMPTS: u32 = 4;

/// How often a deploy call is made whose refusals tell of a broken session.
const SESSION_ATTEMPTS: u32 = 4;

/// The pause between two looks at an error text that is late.
const TEXT_PAUSE: Duration = Duration::from_millis(700);

/// Told one line for each request, for `--verbose`.
pub type Observer = Box<dyn Fn(&str) + Send + Sync>;

/// A tenant that can be asked by several threads.
pub struct Tenant {
    http: Http,
    credentials: Credentials,
    redactor: Redactor,
    clock: Clock,
    pace: Arc<Pace>,
    session: Mutex<Session>,
    /// Whose turn it is to fetch a CSRF token.
    csrf_turn: Mutex<()>,
    observer: Observer,
}

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

impl Tenant {
    /// A tenant behind these credentials. `observer` is told one line for each request; tenants that share a user share
    /// the pace.
    #[must_use]
    pub fn new(
        http: Http,
        credentials: Credentials,
        redactor: Redactor,
        clock: Clock,
        pace: Arc<Pace>,
        observer: Observer,
    ) -> Self {
        Self {
            http,
            credentials,
            redactor,
            clock,
            pace,
            session: Mutex::default(),
            csrf_turn: Mutex::default(),
            observer,
        }
    }

    /// What its requests go through.
    #[must_use]
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The host, for messages and reports.
    #[must_use]
    pub fn host(&self) -> &str {
        self.credentials.url.host()
    }

    /// The whole address, which tells one tenant from every other.
    #[must_use]
    pub fn root(&self) -> String {
        self.credentials.url.root()
    }

    /// The location of an Edge Integration Cell whose run time is asked, if it is not the cloud's.
    #[must_use]
    pub fn runtime_location(&self) -> Option<&str> {
        self.credentials.runtime_location()
    }

    /// Makes text from outside fit to be printed.
    #[must_use]
    pub fn words(&self, text: &str) -> Words {
        Words::new(text, &self.redactor)
    }

    /// Whether a text holds a secret of this run.
    #[must_use]
    pub fn hides(&self, text: &str) -> bool {
        self.redactor.clean(text) != text
    }

    /// Takes note that the tenant's `ModifiedBy` names this client so: content that we had just written bore it.
    pub fn learn_identity(&self, name: &str) {
        let name = name.trim().to_lowercase();
        if !name.is_empty() {
            self.session().identities.insert(name);
        }
    }

    /// Whether the tenant's `ModifiedBy` names this client. Unknown names are somebody else's.
    #[must_use]
    pub fn is_us(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        let own = match &self.credentials.login {
            Login::ClientCredentials { client_id, .. } => client_id.to_lowercase(),
            Login::Basic { username, .. } => username.to_lowercase(),
        };
        let session = self.session();
        let claimed = session
            .token
            .as_ref()
            .is_some_and(|token| token.claims.identities.contains(&name));
        !name.is_empty()
            && (name == own
                || name == format!("oauth_client_{own}")
                || claimed
                || session.identities.contains(&name))
    }

    /// Fetches the access token and names those of the needed roles that it certainly lacks.
    pub fn lacking_roles(
        &self,
        needed: &[Role],
        deadline: Deadline,
    ) -> Result<Vec<Role>, TenantError> {
        let claims = self.claims(deadline)?.unwrap_or_default();
        Ok(claims.lacking(needed))
    }

    /// Proves that this host is a tenant's API: one package at most is listed. A host that is none answers 404 to
    /// everything, which must not be taken for "there is nothing yet".
    pub fn prove(&self, deadline: Deadline) -> Result<(), TenantError> {
        let ask = Ask::get(
            Bucket::Designtime,
            Role::PackagesRead,
            "IntegrationPackages?$top=1".to_owned(),
        );
        match self.read(&ask, deadline, |answer| {
            odata::collection::<serde_json::Value>(&answer.body)
        })? {
            Reading::Found(_) => Ok(()),
            Reading::Missing(_) => Err(self.no_api()),
        }
    }

    /// An integration package.
    pub fn integration_package(
        &self,
        id: &PackageId,
        deadline: Deadline,
    ) -> Result<Reading<IntegrationPackage>, TenantError> {
        let ask = Ask::get(
            Bucket::Designtime,
            Role::PackagesRead,
            format!("IntegrationPackages({})", literal(&id.0)),
        );
        self.read(&ask, deadline, |answer| odata::entity(&answer.body))
    }

    /// Creates an integration package. `ShortText` is mandatory; `Mode` must not be sent. Of the description, what is empty
    /// is left out, and name and short text are those that are given.
    pub fn create_integration_package(
        &self,
        id: &PackageId,
        name: &str,
        short_text: &str,
        description: &Description,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let mut body = json!({ "Id": id.0, "Name": name, "ShortText": short_text });
        for (property, value) in description {
            // lists come in brackets, which belong to the answer
            let value = value
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or(value);
            if body.get(*property).is_none() && !value.is_empty() {
                body[*property] = value.into();
            }
        }
        let body = body.to_string();
        let ask = Ask::write(
            Method::Post,
            Role::PackagesEdit,
            "IntegrationPackages".to_owned(),
            Body::Bytes(body.as_bytes()),
        );
        self.write(&ask, deadline, created)
    }

    /// A design-time artifact in its latest state.
    pub fn designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Reading<DesigntimeArtifact>, TenantError> {
        let ask = Ask::get(
            Bucket::Designtime,
            Role::PackagesRead,
            designtime_path(kind, id),
        );
        self.read(&ask, deadline, |answer| odata::entity(&answer.body))
    }

    /// Creates a design-time artifact from an archive.
    pub fn create_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        name: &str,
        package: &PackageId,
        archive: &dyn ZipBytes,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let content = upload::ArtifactContent::new(
            archive,
            &[("Name", name), ("Id", &id.0), ("PackageId", &package.0)],
        );
        let open = || content.open();
        let body = Body::Stream {
            length: content.length(),
            open: &open,
        };
        let path = format!("{}DesigntimeArtifacts", entity_prefix(kind));
        let ask = Ask {
            length: Length::Upload,
            ..Ask::write(Method::Post, Role::PackagesEdit, path, body)
        };
        self.write(&ask, deadline, created)
    }

    /// Updates the content of a design-time artifact. Neither id nor package may be sent, not even empty.
    pub fn update_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        name: &str,
        archive: &dyn ZipBytes,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let content = upload::ArtifactContent::new(archive, &[("Name", name)]);
        let open = || content.open();
        let body = Body::Stream {
            length: content.length(),
            open: &open,
        };
        let ask = Ask {
            length: Length::Upload,
            ..Ask::write(
                Method::Put,
                Role::PackagesEdit,
                designtime_path(kind, id),
                body,
            )
        };
        self.write(&ask, deadline, empty_or_json)
    }

    /// Deletes a design-time artifact; what runs goes on running (cpi-api.md §4.2). "Not found" is what was asked for.
    pub fn delete_designtime_artifact(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = designtime_path(kind, id);
        let ask = Ask::write(Method::Delete, Role::PackagesEdit, path, Body::None);
        match self.write(&ask, deadline, empty_or_json) {
            Err(error) if error.kind == Kind::NotFound => Ok(Written::Done(Vec::new())),
            written => written,
        }
    }

    /// Saves the latest state of a design-time artifact under a version. Answered with 200 and nothing, whatever the
    /// metadata says (cpi-api.md §4.2).
    pub fn save_as_version(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        version: &str,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = format!(
            "{}DesigntimeArtifactSaveAsVersion?Id={}&SaveAsVersion={}",
            entity_prefix(kind),
            literal(&id.0),
            literal(version)
        );
        let ask = Ask::write(Method::Post, Role::PackagesEdit, path, Body::Empty);
        self.write(&ask, deadline, empty_or_json)
    }

    /// Downloads the content of a design-time artifact into an unnamed file, positioned at its start.
    pub fn download(
        &self,
        kind: ArtifactKind,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Reading<File>, TenantError> {
        let path = format!("{}/$value", designtime_path(kind, id));
        let ask = Ask {
            length: Length::Download,
            ..Ask::get(Bucket::Designtime, Role::PackagesRead, path)
        };
        self.read_archive(ask, deadline)
    }

    /// The externalized parameters of an integration flow that exists. "Not found" makes no sense for one, so it is
    /// asked again, and never taken for "no parameters": values of operations hang on it.
    pub fn configurations(
        &self,
        id: &ArtifactId,
        deadline: Deadline,
    ) -> Result<Vec<Configuration>, TenantError> {
        let first = format!(
            "{}/Configurations",
            designtime_path(ArtifactKind::IntegrationFlow, id)
        );
        let all = self.all_pages(&first, deadline, |path| {
            self.configuration_page(path, deadline).map(Reading::Found)
        })?;
        match all {
            Reading::Found(all) => Ok(all),
            Reading::Missing(_) => Ok(Vec::new()),
        }
    }

    fn configuration_page(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<odata::Page<Configuration>, TenantError> {
        for look in 0..MISSING_ATTEMPTS {
            self.clock.sleep(retry::pause_before(look));
            let ask = Ask::get(Bucket::Designtime, Role::PackagesRead, path.to_owned());
            if let Reading::Found(page) =
                self.read(&ask, deadline, |answer| odata::collection(&answer.body))?
            {
                return Ok(page);
            }
        }
        Err(TenantError {
            kind: Kind::Nonsense,
            what: "the tenant shows the integration flow, but not its parameters".to_owned(),
            at: format!("GET {} → 404", self.credentials.url.api(path)),
            says: None,
            hint: Some("an access policy may hide it from this key (role AccessAllAccessPoliciesArtifacts)".to_owned()),
        })
    }

    /// Writes the value of one externalized parameter, with the data type that the tenant told.
    pub fn configure(
        &self,
        id: &ArtifactId,
        key: &str,
        value: &str,
        data_type: &str,
        deadline: Deadline,
    ) -> Result<Written, TenantError> {
        let path = format!(
            "{}/$links/Configurations({})",
            designtime_path(ArtifactKind::IntegrationFlow, id),
            literal(key)
        );
        let data_type = if data_type.is_empty() {
            "xsd:string"
        } else {
            data_type
        };
        let body = json!({ "ParameterValue": value, "DataType": data_type }).to_string();
        let body = Body::Bytes(body.as_bytes());
        let ask = Ask {
            value: Some(value),
            ..Ask::write(Method::Put, Role::PackagesConfigure, path, body)
        };
        self.write(&ask, deadline, empty_or_json)
    }

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
            ..Ask::write(Method::Post, Role::ArtifactsDeploy, path, Body::Empty)
        };
        let answered = Cell::new(None);
        let is_answer = |answer: &Answer| {
            answered.set(date_of(answer));
            is_deploy_answer(&answer.body)
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let pause = retry::backoff(attempt - 1);
            match self.write(&ask, deadline, is_answer) {
                Ok(Written::Done(body)) => {
                    return Ok(DeployAnswer::Accepted {
                        task: task_id(&body, &function),
                        answered: answered.get(),
                    });
                }
                Ok(Written::Lost(lost)) => return Ok(DeployAnswer::Lost(lost.why)),
                Err(error)
                    if error.tells_of_a_session()
                        && attempt < SESSION_ATTEMPTS
                        && deadline.left(self.clock.now()) > pause =>
                {
                    self.clock.sleep(pause);
                }
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
        match self.read_once(&ask, deadline, parse_runtime) {
            Ok(reading) => Ok(Some(runtime_reading(reading))),
            Err(Again::Never(error)) if matches!(error.kind, Kind::Credentials | Kind::Role) => {
                Err(*error)
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
        self.read(&runtime_ask(id, ""), deadline, parse_runtime)
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
            if self.clock.now() + TEXT_PAUSE >= until {
                return Vec::new();
            }
            self.clock.sleep(TEXT_PAUSE);
        }
    }

    /// Takes an artifact out of the run time; the design time is left alone. Accepted is not gone: it is STOPPING for a
    /// while, and then not found (cpi-api.md §5.5). Over a fresh connection, as the deploy call.
    pub fn undeploy(&self, id: &ArtifactId, deadline: Deadline) -> Result<Written, TenantError> {
        let ask = Ask {
            bucket: Bucket::Runtime,
            connection: Connection::Fresh,
            path: runtime_ask(id, "").path,
            ..Ask::write(
                Method::Delete,
                Role::ArtifactsDeploy,
                String::new(),
                Body::None,
            )
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

/// The name of an artifact type in the names of entity sets and functions.
fn entity_prefix(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::IntegrationFlow => "Integration",
        ArtifactKind::MessageMapping => "MessageMapping",
        ArtifactKind::ScriptCollection => "ScriptCollection",
        ArtifactKind::ValueMapping => "ValueMapping",
    }
}

fn designtime_path(kind: ArtifactKind, id: &ArtifactId) -> String {
    format!(
        "{}DesigntimeArtifacts(Id={},Version='active')",
        entity_prefix(kind),
        literal(&id.0)
    )
}

fn runtime_ask(id: &ArtifactId, below: &str) -> Ask<'static> {
    let path = format!("IntegrationRuntimeArtifacts({}){below}", literal(&id.0));
    Ask::get(Bucket::Runtime, Role::MonitoringRead, path)
}

fn parse_runtime(answer: &Answer) -> Option<RuntimeReading> {
    let record = odata::entity(&answer.body)?;
    Some(RuntimeReading {
        record: Some(record),
        answered: date_of(answer),
    })
}

fn runtime_reading(reading: Reading<RuntimeReading>) -> RuntimeReading {
    match reading {
        Reading::Found(reading) => reading,
        Reading::Missing(answered) => RuntimeReading {
            record: None,
            answered,
        },
    }
}

/// A create is answered with 201, or with 202 and an empty body; anything else of 2xx only with the entity.
fn created(answer: &Answer) -> bool {
    matches!(answer.status, 201 | 202) || odata::entity::<serde_json::Value>(&answer.body).is_some()
}

/// Updates answer with nothing (SAP's specification), or with an entity.
fn empty_or_json(answer: &Answer) -> bool {
    let text = odata::text(&answer.body);
    text.is_empty()
        || text.starts_with('<') && text.contains("<entry")
        || serde_json::from_str::<IgnoredAny>(&text).is_ok()
}

/// A deploy call answers with a bare task id, with nothing, or with an entity.
fn is_deploy_answer(body: &[u8]) -> bool {
    let text = odata::text(body);
    text.is_empty()
        || is_token(text.trim_matches('"'))
        || serde_json::from_str::<IgnoredAny>(&text).is_ok()
        || text.starts_with("<?xml")
        || text.starts_with("<entry")
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
    let value: serde_json::Value = odata::json(body)?;
    let inner = value.get("d").unwrap_or(&value);
    let named = inner.as_str().or_else(|| {
        ["TaskId", function]
            .iter()
            .find_map(|name| inner.get(*name)?.as_str())
    })?;
    is_token(named).then(|| TaskId(named.to_owned()))
}

fn task_status(body: &[u8]) -> Option<BuildStatus> {
    let entity: serde_json::Value = odata::entity(body)?;
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
