//! Named departures from the tenant's quiet default: what each means, how it is written, where it comes from.

use super::fault::{Fault, KINDS, RetryAfter, positive};

/// Where a behaviour of the sandbox comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// SAP's documentation or specification says so.
    Documented,
    /// A working client, a tenant's metadata or a user's report shows it.
    Observed,
    /// Nobody has written it down; a real tenant may differ.
    Assumed,
}

impl Source {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Source::Documented => "documented",
            Source::Observed => "observed",
            Source::Assumed => "assumed",
        }
    }
}

/// A scenario that can be chosen.
#[derive(Debug)]
pub struct ScenarioInfo {
    /// The name to write.
    pub name: &'static str,
    /// What it does.
    pub sentence: &'static str,
    /// How sure it is that tenants do this.
    pub source: Source,
    /// Where that is known from.
    pub reference: &'static str,
    values: Values,
    about: About,
}

impl ScenarioInfo {
    /// How the value is written, such as `=SECONDS (10)`; empty when there is none.
    pub fn value_hint(&self) -> String {
        match self.values {
            Values::None => String::new(),
            Values::Seconds(default) => format!("[=SECONDS] ({default})"),
            Values::Count(default) => format!("[=N] ({default})"),
            Values::Words(words) => format!("[={}]", words.join("|")),
            Values::Text(default) => format!("[=TEXT] ({default})"),
            Values::Times => "[=N|forever] (1)".to_owned(),
            Values::Roles => "=ROLE[,ROLE]".to_owned(),
            Values::Rate => "[=N[,none|seconds|date]] (10)".to_owned(),
            Values::Fault => {
                let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                format!(
                    "=KIND[-after]@METHOD:PATHPART[#N] or =KIND[-after]@N; KIND: {}",
                    kinds.join(" ")
                )
            }
        }
    }
}

/// What may stand behind the equals sign; the first word or the number is the default.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    None,
    Seconds(f64),
    Count(usize),
    Words(&'static [&'static str]),
    Text(&'static str),
    /// So many times, or `forever`.
    Times,
    Roles,
    Rate,
    Fault,
}

/// What a scenario is about.
#[derive(Debug)]
struct About {
    limit: Limit,
    needs: Needs,
}

const TENANT: About = about(Limit::Tenant, Needs::Nothing);
const DEPLOYED_TENANT: About = about(Limit::Tenant, Needs::Deployed);
const ARTIFACT: About = about(Limit::Artifact, Needs::Nothing);
const STORED: About = about(Limit::Artifact, Needs::Artifact);
const DEPLOYED: About = about(Limit::Artifact, Needs::Deployed);
const DEPLOYMENT: About = about(Limit::Deployment, Needs::Nothing);
const REDEPLOYMENT: About = about(Limit::Deployment, Needs::Deployed);

const fn about(limit: Limit, needs: Needs) -> About {
    About { limit, needs }
}

/// What it can be limited to: to nothing, to an artifact or package, or to one of its deployments as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Limit {
    Tenant,
    Artifact,
    Deployment,
}

/// What must be on the tenant for it to mean anything.
#[derive(Debug, Clone, Copy)]
enum Needs {
    Nothing,
    Artifact,
    Deployed,
}

/// A chosen scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    info: &'static ScenarioInfo,
    value: String,
    artifact: Option<String>,
    nth: Option<usize>,
    fault: Option<Fault>,
}

/// A scenario that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum UnknownScenario {
    /// There is no such name.
    #[error("there is no scenario '{name}'; the nearest is '{nearest}'")]
    Name {
        /// What was written.
        name: String,
        /// The most similar known name.
        nearest: &'static str,
    },
    /// The value does not fit.
    #[error("scenario '{name}' does not take the value '{value}'; it is written {name}{hint}")]
    Value {
        /// The scenario.
        name: &'static str,
        /// What was written behind it.
        value: String,
        /// How it is written.
        hint: String,
    },
}

impl Scenario {
    /// Reads `name`, `name=value`, and for one artifact or one deployment only `name=value@ID` or `name=value#N`.
    pub fn parse(text: &str) -> Result<Self, UnknownScenario> {
        let name = text.split(['=', '@', '#']).next().unwrap_or_default();
        let rest = &text[name.len()..];
        let info = ALL.iter().find(|info| info.name == name);
        let Some(info) = info else {
            return Err(UnknownScenario::Name {
                name: name.to_owned(),
                nearest: nearest(name),
            });
        };
        Self::read(info, rest).ok_or_else(|| UnknownScenario::Value {
            name: info.name,
            value: rest.trim_start_matches('=').to_owned(),
            hint: info.value_hint(),
        })
    }

    /// All scenarios there are.
    pub fn all() -> &'static [ScenarioInfo] {
        ALL
    }

    /// What is known of this scenario.
    pub fn info(&self) -> &'static ScenarioInfo {
        self.info
    }

    fn read(info: &'static ScenarioInfo, rest: &str) -> Option<Self> {
        let chosen = Self {
            info,
            value: String::new(),
            artifact: None,
            nth: None,
            fault: None,
        };
        match (info.values, rest.strip_prefix('=')) {
            (Values::Fault, given) => {
                let fault = Fault::parse(given?)?;
                return Some(Self {
                    value: fault.name.clone(),
                    fault: Some(fault),
                    ..chosen
                });
            }
            // a text for the whole tenant may hold any character
            (Values::Text(_), Some(given)) if info.about.limit == Limit::Tenant => {
                let value = accepted(info.values, given)?;
                return Some(Self { value, ..chosen });
            }
            _ => {}
        }
        let (rest, nth) = match rest.rsplit_once('#') {
            Some((rest, nth)) => (rest, Some(positive(nth)?)),
            None => (rest, None),
        };
        let (rest, artifact) = match rest.split_once('@') {
            Some((rest, id)) => (rest, Some(id.to_owned()).filter(|id| !id.is_empty())),
            None => (rest, None),
        };
        let limit = match (nth, &artifact) {
            (Some(_), _) => Limit::Deployment,
            (None, Some(_)) => Limit::Artifact,
            (None, None) => Limit::Tenant,
        };
        let value = match rest.strip_prefix('=') {
            Some(given) => accepted(info.values, given)?,
            None if rest.is_empty() => default(info.values)?,
            None => return None,
        };
        (limit <= info.about.limit).then_some(Self {
            value,
            artifact,
            nth,
            ..chosen
        })
    }

    fn concerns(&self, artifact: &str) -> bool {
        self.artifact.as_deref().is_none_or(|id| id == artifact)
    }
}

fn accepted(values: Values, given: &str) -> Option<String> {
    // `start-error=shape=b` reads well too
    let given = given.strip_prefix("shape=").unwrap_or(given);
    let fits = match values {
        Values::None | Values::Fault => false,
        Values::Seconds(_) => {
            let seconds = given.parse::<f64>();
            seconds.is_ok_and(|seconds| seconds.is_finite() && seconds >= 0.0)
        }
        Values::Count(_) => positive(given).is_some(),
        Values::Words(words) => words.contains(&given),
        Values::Times => times(given).is_some(),
        Values::Text(_) | Values::Roles => !given.is_empty(),
        Values::Rate => rate(given).is_some(),
    };
    fits.then(|| given.to_owned())
}

fn default(values: Values) -> Option<String> {
    match values {
        Values::None => Some(String::new()),
        Values::Seconds(seconds) => Some(seconds.to_string()),
        Values::Count(count) => Some(count.to_string()),
        Values::Words(words) => words.first().map(|word| (*word).to_owned()),
        Values::Text(text) => Some(text.to_owned()),
        Values::Times => Some("1".to_owned()),
        Values::Rate => Some("10".to_owned()),
        Values::Roles | Values::Fault => None,
    }
}

/// How often something happens; `forever` is more often than anybody tries.
fn times(text: &str) -> Option<usize> {
    match text {
        "forever" => Some(usize::MAX),
        number => positive(number),
    }
}

fn rate(text: &str) -> Option<(usize, RetryAfter)> {
    let (number, word) = text.split_once(',').unwrap_or((text, "none"));
    let retry = match word {
        "none" => RetryAfter::Unsaid,
        "seconds" => RetryAfter::Seconds,
        "date" => RetryAfter::Date,
        _ => return None,
    };
    Some((positive(number)?, retry))
}

/// The known name that is most like what was written.
fn nearest(name: &str) -> &'static str {
    let likeness = |info: &ScenarioInfo| strsim::sorensen_dice(name, info.name);
    let nearest = ALL
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    nearest.map_or("slow", |info| info.name)
}

/// The scenarios of one sandbox.
#[derive(Debug, Default)]
pub struct Scenarios(Vec<Scenario>);

impl Scenarios {
    pub fn new(chosen: Vec<Scenario>) -> Self {
        Self(chosen)
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value of the first scenario of this name that is meant.
    fn find(&self, name: &str, is_meant: impl Fn(&Scenario) -> bool) -> Option<&str> {
        let mut named = self.0.iter().filter(|scenario| scenario.info.name == name);
        let found = named.find(|scenario| is_meant(scenario))?;
        Some(&found.value)
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.find(name, |_| true)
    }

    /// A scenario's value, if it is meant for this artifact.
    pub fn of_artifact(&self, name: &str, artifact: &str) -> Option<&str> {
        self.find(name, |scenario| scenario.concerns(artifact))
    }

    /// A scenario's value, if it is meant for the n-th deployment of this artifact.
    pub fn of_deployment(&self, name: &str, artifact: &str, nth: usize) -> Option<&str> {
        self.find(name, |scenario| {
            scenario.concerns(artifact) && scenario.nth.is_none_or(|wanted| wanted == nth)
        })
    }

    /// The seconds of a scenario, if it is meant for this artifact.
    pub fn seconds_of(&self, name: &str, artifact: &str) -> Option<f64> {
        self.of_artifact(name, artifact)?.parse().ok()
    }

    /// How often a scenario is to happen to this artifact; 0 when it is not chosen for it.
    pub fn times_of(&self, name: &str, artifact: &str) -> usize {
        let value = self.of_artifact(name, artifact);
        value.and_then(times).unwrap_or(0)
    }

    pub fn seconds(&self, name: &str) -> Option<f64> {
        self.value(name)?.parse().ok()
    }

    pub fn rate(&self) -> Option<(usize, RetryAfter)> {
        self.value("rate-limit").and_then(rate)
    }

    pub fn page_size(&self) -> usize {
        const DOCUMENTED: usize = 1000;
        let chosen = self.value("page-size").and_then(positive);
        chosen.unwrap_or(DOCUMENTED)
    }

    /// What error texts name as the cause.
    pub fn cause(&self) -> &str {
        self.value("cause").unwrap_or(CAUSE)
    }

    /// The roles that a scenario names.
    pub fn roles(&self, name: &str) -> Vec<&str> {
        let roles = self.value(name).unwrap_or_default();
        roles.split_terminator(',').map(str::trim).collect()
    }

    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().filter_map(|scenario| scenario.fault.as_ref())
    }

    /// The first scenario that would silently do nothing with what is on the tenant.
    pub fn idle(&self, artifacts: usize, deployed: usize) -> Option<&'static str> {
        let idle = |scenario: &&Scenario| match scenario.info.about.needs {
            Needs::Nothing => false,
            Needs::Artifact => artifacts == 0,
            Needs::Deployed => deployed == 0,
        };
        self.0.iter().find(idle).map(|scenario| scenario.info.name)
    }
}

const CAUSE: &str = "No credentials for 'SANDBOX_ALIAS' found";

const fn scenario(
    name: &'static str,
    values: Values,
    about: About,
    source: Source,
    reference: &'static str,
    sentence: &'static str,
) -> ScenarioInfo {
    ScenarioInfo {
        name,
        sentence,
        source,
        reference,
        values,
        about,
    }
}

use Source::{Assumed, Documented, Observed};
use Values::{Count, Roles, Seconds, Text, Times, Words};

#[rustfmt::skip]
static ALL: &[ScenarioInfo] = &[
    // the course of a deployment
    scenario("slow", Seconds(10.0), DEPLOYMENT, Observed, "clients' issues: seconds to minutes", "a deployment takes this long until it is built"),
    scenario("slow-start", Seconds(10.0), DEPLOYMENT, Observed, "Terraform provider: mappings are STARTING for minutes", "what is deployed shows STARTING this long"),
    scenario("build-fail", Words(&["with-record", "bare"]), DEPLOYMENT, Documented, "BuildAndDeployStatus FAIL", "the build fails; a running version keeps running; where nothing ran, an ERROR record with the cause appears (bare: nothing appears)"),
    scenario("license-error", Values::None, DEPLOYMENT, Documented, "BuildAndDeployStatus FAIL_ON_LICENSE_ERROR", "the task ends in FAIL_ON_LICENSE_ERROR, the run time is left alone"),
    scenario("start-error", Words(&["a", "b", "c", "text"]), DEPLOYMENT, Observed, "figaf, contiva and Piper read these shapes", "the task succeeds, then the flow goes to ERROR; the value is the shape of the error information"),
    scenario("cause", Text(CAUSE), TENANT, Assumed, "wording varies", "the deepest cause that error texts of failed builds and starts name"),
    scenario("start-error-late-text", Seconds(3.0), DEPLOYMENT, Observed, "FlashPipe and figaf retry on 204", "with an ERROR, the error information is 204 for this long (implies start-error)"),
    scenario("start-error-in-place", Values::None, REDEPLOYMENT, Assumed, "unknown what a failed redeployment does to the old record", "the old record goes to ERROR and keeps its DeployedOn (implies start-error)"),
    scenario("flapping-error", Seconds(1.0), DEPLOYMENT, Documented, "SAP patch notes: intermittent Error before Started", "the new record shows ERROR for this long before it is STARTED"),
    scenario("never-appears", Values::None, DEPLOYMENT, Observed, "Terraform provider: SAP_ProfileId=integrationcell", "flows come up with SAP_ProfileId=integrationcell: the task succeeds, the run time never shows them unless it is set to iflmap"),
    scenario("postponed-redeploy", Seconds(30.0), REDEPLOYMENT, Observed, "clients' issues: stale STARTED", "after SUCCESS the previous record stays this long"),
    scenario("stale-started", Seconds(3.0), REDEPLOYMENT, Observed, "cpictl compares DeployedOn", "after SUCCESS the previous STARTED record is shown for a while"),
    scenario("stale-error", Seconds(3.0), REDEPLOYMENT, Observed, "cpictl compares DeployedOn", "what is deployed is in ERROR, and that record is shown for a while after SUCCESS"),
    scenario("no-json-text", Values::None, TENANT, Observed, "two tenants' records: 406; FlashPipe gets 200", "the error information of what runs is 406 where JSON is asked for, and comes as it is where anything is"),
    scenario("unknown-status", Words(&["passing", "forever"]), DEPLOYMENT, Assumed, "documented lists are not closed", "task and run time pass through words that nobody documented"),
    scenario("task-stuck", Words(&["idle", "running"]), DEPLOYMENT, Assumed, "task retention and bounds are unknown", "the task stays DEPLOYING for ever (running: the flow starts all the same)"),
    scenario("task-late", Seconds(2.0), DEPLOYMENT, Assumed, "task visibility is unknown", "the task is 404 for a while after the call"),
    scenario("deploy-refused", Words(&["500", "400", "503"]), ARTIFACT, Observed, "three users see the text, the status is unknown; half of a tenant's business errors are 500", "deploy calls are refused with this status and an OData error"),
    scenario("no-task-id", Values::None, ARTIFACT, Observed, "metadata promises an entity for some types", "the deploy call answers 202 with an empty body"),
    scenario("quoted-task-id", Values::None, ARTIFACT, Assumed, "metadata: Edm.String", "the task id comes in double quotes"),
    scenario("mapping-task-id", Values::None, ARTIFACT, Documented, "specification: 202 with a task id; metadata promises an entity", "deploying a mapping is answered with a bare task id, as for the other types"),
    scenario("no-task-api", Words(&["404", "405", "501"]), TENANT, Documented, "BuildAndDeployStatus exists since 2022", "the tenant has no BuildAndDeployStatus"),
    scenario("deployed-on", Words(&["appear", "call"]), DEPLOYMENT, Assumed, "unknown what DeployedOn shows", "DeployedOn is when the record appears, or when the call was made"),
    scenario("dependencies", Words(&["strict", "unchecked"]), ARTIFACT, Observed, "Terraform provider: ERROR at start", "strict: a flow goes to ERROR also when a script collection or message mapping that it names is nowhere on the tenant; unchecked: never for that reason"),
    // what is offered
    scenario("no-runtime-list", Words(&["501", "405"]), TENANT, Assumed, "plans and landscapes differ", "the tenant has run-time artifacts one by one only: the list and its $count answer with this status"),
    scenario("runtime-list-late", Seconds(2.0), TENANT, Assumed, "caches are unknown", "the run-time list shows what was so this long ago; single reads show what is"),
    scenario("broken-package-list", Words(&["all", "Integration", "ValueMapping", "MessageMapping", "ScriptCollection"]), ARTIFACT, Observed, "contiva swallows it", "a package's lists of this type are 500 Internal Server Error (@ID: for this package only)"),
    scenario("lists-without-dates", Values::None, TENANT, Assumed, "unknown", "the lists of a package lack the Created and Modified fields that single reads show"),
    // other people
    scenario("foreign-deploy", Words(&["before", "after"]), REDEPLOYMENT, Assumed, "two pipelines on one artifact", "somebody else's deployment of the previous content lands before ours, or a second after ours started"),
    scenario("foreign-save", Words(&["before-deploy", "after-deploy", "after-upload"]), ARTIFACT, Assumed, "two people on one artifact", "somebody saves other content once for each artifact: as our deploy call arrives, just after it, or just after our upload"),
    scenario("draft", Words(&["Active", "Draft"]), STORED, Observed, "FlashPipe and cpictl: Version reads Active; a tenant of 2026 shows Draft where no version was ever saved", "what is preloaded is a colleague's draft, whose version reads so"),
    scenario("locked", Words(&["500", "423"]), STORED, Documented, "\"Cannot update the artifact as it is locked.\"", "what is preloaded is open in a colleague's browser"),
    scenario("read-only", Values::None, STORED, Documented, "configure-only content", "the preloaded packages are READ_ONLY (@ID: this package only)"),
    scenario("id-in-other-package", Text("SomebodyElses"), STORED, Documented, "ids are unique in the tenant", "what is preloaded lives in this package instead"),
    scenario("stopped", Values::None, DEPLOYED, Observed, "STOPPED is among the Terraform provider's statuses", "what is deployed was stopped: the run time shows it as STOPPED until it is deployed again"),
    scenario("hidden-by-policy", Values::None, STORED, Observed, "Terraform provider: access policies", "what is preloaded looks missing, yet its id is taken"),
    scenario("modified-by", Text("api-user"), TENANT, Documented, "Neo: oauth_client_<id>; elsewhere unknown", "what this client writes shows this name in CreatedBy and ModifiedBy, not the client id"),
    scenario("deployed-by", Text("api-user"), TENANT, Assumed, "unknown whether DeployedBy is the client id", "what this client deploys shows this name in DeployedBy"),
    // undeploying
    scenario("slow-undeploy", Seconds(30.0), DEPLOYED, Documented, "messages in flight delay it by up to a minute", "what is undeployed shows STOPPING this long"),
    scenario("undeploy-stuck", Words(&["stopping", "ignored"]), DEPLOYED, Assumed, "no bound is documented", "what is undeployed shows STOPPING for ever (ignored: the call is accepted and nothing comes of it)"),
    scenario("undeploy-refused", Words(&["400", "423", "500"]), DEPLOYED, Documented, "an outdated runtime blocks undeployment; status and text unknown", "undeploy calls are refused with this status"),
    scenario("foreign-redeploy", Words(&["stopping", "gone", "unnoticed"]), DEPLOYED, Assumed, "two people on one artifact", "somebody deploys it again: while it is STOPPING by our first undeploy call, just after it is gone, or just before that call, which then takes effect on theirs"),
    scenario("foreign-undeploy", Values::None, DEPLOYED, Assumed, "two people on one artifact", "somebody undeploys it just before our undeploy call, which is then 404"),
    scenario("starting", Seconds(30.0), DEPLOYED, Observed, "SAP patch notes: stale Starting", "what is deployed shows STARTING this long from the start, and the DeployedOn of a deployment before it"),
    scenario("runtime-restart", Count(4), DEPLOYED, Assumed, "lists lag, runtimes restart", "so many reads of the run time do not show what is deployed; then it is back"),
    scenario("runtime-version", Text("0.9.0"), DEPLOYED, Observed, "somebody deployed an older version", "what is deployed shows this version at run time"),
    // who may come in
    scenario("roles-missing", Roles, TENANT, Observed, "Terraform provider: 403 with an empty body", "the client lacks these roles"),
    scenario("roles-also", Roles, TENANT, Documented, "Tasks and Permissions", "the client has these roles too"),
    scenario("token-scopes", Words(&["none", "empty", "umbrella", "older", "caller", "api-management"]), TENANT, Observed, "Terraform provider, clients' logs", "what the token names: no scopes, no role, an umbrella role, older names, the role of callers of flows (and no other), or those of API Management (and the tenant does not take it)"),
    scenario("token-answer", Words(&["201", "203", "scope-list", "twice", "trailing", "camel-case", "expires-text", "expires-zero", "no-expiry"]), TENANT, Assumed, "gateways before token services; expires_in 0 is Neo's", "how the token endpoint words a token: another status, scopes as a list, the token twice (the last counts), text behind the JSON, accessToken, expires_in as text, as 0 or not at all"),
    scenario("foreign-token", Values::None, TENANT, Observed, "valid token of another service: 401", "the tenant takes no token, though the token endpoint gives one"),
    scenario("access-policies", Values::None, TENANT, Documented, "AccessPolicies needs AccessPoliciesRead", "the tenant has an access policy, which AccessPoliciesRead shows"),
    scenario("certificate-login", Values::None, TENANT, Documented, "key type certificate", "the token endpoint takes the client id alone and no secret, as behind a server that has checked a client certificate"),
    scenario("csrf", Values::None, TENANT, Documented, "specification: every modifying call", "modifying calls need a CSRF token even with OAuth"),
    scenario("basic-only", Values::None, TENANT, Documented, "basic authentication", "there is no token endpoint; only basic authentication works"),
    scenario("expired-token", Seconds(5.0), TENANT, Documented, "token-validity", "tokens live this long"),
    scenario("neo", Values::None, TENANT, Documented, "SAP Help, Neo: expires_in 0, CSRF with OAuth", "tokens are opaque, say expires_in 0, and modifying calls need CSRF"),
    scenario("rate-limit", Values::Rate, TENANT, Documented, "15 a tenant and 10 a user and second; Retry-After unknown", "more design-time requests than this in a second are 429; the run time allows five times as many"),
    scenario("location", Text("plant1"), TENANT, Documented, "Edge Integration Cell: /location/<id>/api/v1", "flows come up with SAP_ProfileId=integrationcell and run at this location: the run time is asked there, and at the usual place it shows nothing"),
    scenario("wrong-host", Values::None, TENANT, Observed, "runtime host (-rt)", "this host knows the token endpoint and no API: everything else is 404"),
    scenario("api-prefix", Text("/location/edge"), TENANT, Documented, "Edge Integration Cell", "the service root lies below a path"),
    // what is unknown about writing
    scenario("reset-parameters", Values::None, TENANT, Assumed, "unknown whether PUT keeps configured values", "an upload resets configured parameters"),
    scenario("keep-all-parameters", Values::None, TENANT, Assumed, "unknown whether PUT keeps configured values", "an upload keeps every old value, configured or not"),
    scenario("parameter-refused", Values::None, TENANT, Assumed, "texts of refusals are unknown", "writing a parameter is 400, and the text repeats the value"),
    scenario("parameter-moves-modified-at", Values::None, TENANT, Assumed, "unknown", "writing a parameter moves ModifiedAt"),
    scenario("update-not-stored", Values::None, ARTIFACT, Assumed, "no client reads back what it has updated", "an update is answered with 200 and moves ModifiedAt, but the content stays what it was"),
    scenario("design-time-late", Seconds(3.0), TENANT, Assumed, "replicas and caches are unknown; package reads were 404 for a while (open-integration-workbench)", "reads of the design time show what was so this long ago"),
    scenario("rewrites-content", Words(&["comment", "blanks", "name"]), ARTIFACT, Observed, "a tenant renamed the .mmap of a mapping (mcp-cpi-share); other files are assumed", "an update stores models and scripts with a comment more, with other blanks, or mappings under the artifact's id"),
    scenario("no-modified-at", Values::None, TENANT, Documented, "older samples lack the fields", "design-time entities have no Created and Modified fields"),
    scenario("modified-at-format", Words(&["epoch", "odata", "iso"]), TENANT, Assumed, "format unknown", "how ModifiedAt is written"),
    scenario("version-policy", Words(&["raise", "manifest", "keep", "create-1.0.0"]), TENANT, Assumed, "sources contradict each other", "the version after a write: the manifest's if higher, always the manifest's, unchanged by updates, or 1.0.0 on create and unchanged"),
    scenario("save-as-version", Words(&["refused", "refused-500", "ignored"]), ARTIFACT, Assumed, "unknown for a lower or equal version", "SaveAsVersion with a version that is not higher is 400, 500, or 200 without effect; else it is taken"),
    scenario("no-save-as-version", Words(&["mappings-and-scripts", "all"]), TENANT, Observed, "cpictl: only integration flows have it", "SaveAsVersion is 501 for the other types, or for all"),
    scenario("create-fails-after-delete", Times, ARTIFACT, Assumed, "value mappings are updated by delete and create", "once an artifact was deleted, creating it again is 500 so many times"),
    scenario("delete-lingers", Seconds(2.0), ARTIFACT, Assumed, "unknown when an id is free again", "a deleted artifact is gone for reads, but its id is still taken for this long"),
    scenario("duplicate", Words(&["500", "409"]), TENANT, Documented, "500 by specification; one mock has 409", "the status for an artifact id that exists"),
    scenario("resource-put", Words(&["202", "200"]), TENANT, Documented, "202 by specification; Piper expects 200", "the status of a resource update"),
    scenario("strict-package-id", Values::None, TENANT, Observed, "cpictl changelog", "package ids may hold letters and digits only"),
    // what is called, and what was processed
    scenario("no-endpoint", Values::None, ARTIFACT, Documented, "timers and ProcessDirect have none", "ServiceEndpoints does not list what is deployed"),
    scenario("endpoint-late", Seconds(2.0), ARTIFACT, Assumed, "unknown when an address is served", "the address of a flow is 404 for this long after it has STARTED"),
    scenario("endpoint-list-late", Seconds(2.0), ARTIFACT, Assumed, "unknown", "ServiceEndpoints lists a flow so long after it has STARTED"),
    scenario("endpoint-names", Words(&["title"]), TENANT, Observed, "SAP Help's example has a display name", "ServiceEndpoints shows the display name of a flow in Name and Id"),
    scenario("message-fails", Text("No mapping for order 4711"), TENANT, Documented, "Status FAILED", "messages end in FAILED with this text, and their senders get 500"),
    scenario("message-stays", Words(&["PROCESSING", "RETRY", "ESCALATED", "CANCELLED", "DISCARDED", "ABANDONED", "DISPATCHED"]), ARTIFACT, Documented, "the statuses of message logs; DISPATCHED is none of them", "messages stay in this status"),
    scenario("message-slow", Seconds(5.0), ARTIFACT, Documented, "Status PROCESSING", "a message is PROCESSING this long"),
    scenario("message-log-late", Seconds(3.0), ARTIFACT, Assumed, "logs are written in batches", "the log of a message is seen this long after it began"),
    scenario("older-messages", Count(3), DEPLOYED_TENANT, Documented, "logs are kept for 30 days", "so many messages were processed before the deployment that is there; the newest of them FAILED"),
    scenario("anonymous-messages", Words(&["header", "all"]), ARTIFACT, Assumed, "headers of answers depend on the flow", "an answer does not name its message log (header SAP_MessageProcessingLogID); all: nor does the log bear the correlation id that was sent"),
    // the wire
    scenario("downloads-differ", Values::None, TENANT, Observed, "nightly backups: date comments differ, order too", "each download of an artifact has its own date in parameters.prop and metainfo.prop, and its own order"),
    scenario("credentials", Text("SANDBOX_USER"), TENANT, Documented, "UserCredentials", "the tenant has user credentials with these names, separated by commas"),
    scenario("keys", Text("sandbox_key"), TENANT, Documented, "KeystoreEntries", "the keystore has entries with these aliases, separated by commas"),
    scenario("clock-ahead", Seconds(600.0), TENANT, Assumed, "clocks", "the tenant's clock is ahead of this machine's"),
    scenario("latency", Seconds(0.1), TENANT, Assumed, "networks", "every answer takes this long"),
    scenario("page-size", Count(100), TENANT, Documented, "1000 rows a page", "lists come in pages of this size, with __next"),
    scenario("endless-pages", Words(&["same", "empty"]), TENANT, Assumed, "a gateway or a tenant that is broken", "each page of a list names one more: the first one again, or an empty one"),
    scenario("cut-lists", Values::None, TENANT, Assumed, "paging of package lists is unknown", "design-time lists end after a page, without __next"),
    scenario("fault", Values::Fault, TENANT, Assumed, "gateways, routers, cables", "a fault on the wire at the matching requests"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read() {
        let scenarios = Scenarios::new(
            [
                "slow=2.5@A",
                "start-error=shape=b#2",
                "rate-limit=3,date",
                "roles-missing=A,B",
                "locked",
                "fault=502@PUT:x@y#2",
                "cause=##[error] a@b#c",
            ]
            .map(|text| Scenario::parse(text).unwrap())
            .to_vec(),
        );
        assert_eq!(scenarios.of_artifact("slow", "A"), Some("2.5"));
        assert_eq!(scenarios.of_artifact("slow", "B"), None);
        assert_eq!(scenarios.of_deployment("start-error", "B", 2), Some("b"));
        assert_eq!(scenarios.of_deployment("start-error", "B", 1), None);
        assert_eq!(scenarios.rate(), Some((3, RetryAfter::Date)));
        assert_eq!(scenarios.roles("roles-missing"), ["A", "B"]);
        assert_eq!(scenarios.value("locked"), Some("500"));
        assert_eq!(scenarios.faults().count(), 1);
        assert_eq!(scenarios.cause(), "##[error] a@b#c");
        assert_eq!(scenarios.idle(0, 0), Some("locked"));
        assert_eq!(scenarios.idle(1, 0), None);
    }

    #[test]
    fn mistakes_are_named() {
        let error = Scenario::parse("build-fial").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no scenario 'build-fial'; the nearest is 'build-fail'"
        );
        for text in [
            "slow=x",
            "slow=-1",
            "locked=501",
            "roles-missing",
            "csrf=1",
            "fault=x@1",
            "rate-limit=0",
            "slow#0",
            "csrf@A",
            "locked#2",
            "slowx=1",
        ] {
            assert!(Scenario::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (at, info) in ALL.iter().enumerate() {
            assert!(
                info.name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{}",
                info.name
            );
            assert!(
                ALL[..at].iter().all(|other| other.name != info.name),
                "{}",
                info.name
            );
        }
    }
}
