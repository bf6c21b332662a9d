//! Named departures from the tenant's quiet default: what each means, how it is written, where it comes from.

use super::fault::{Fault, KINDS, RetryAfter, positive};

/// How sure a behaviour of the sandbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// SAP's documentation or specification says so.
    Documented,
    /// A working client, a tenant's metadata or a user's report shows it.
    Observed,
    /// Nobody has written it down; a real tenant may differ.
    Assumed,
}

impl Certainty {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Documented => "documented",
            Observed => "observed",
            Assumed => "assumed",
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
    pub source: Certainty,
    /// Where that is known from.
    pub reference: &'static str,
    /// How its value is written, such as `[=SECONDS] (10)`; the default is in parentheses, or the first word.
    form: &'static str,
    about: About,
}

impl ScenarioInfo {
    /// How the value is written, such as `[=SECONDS] (10)`; empty when there is none.
    pub fn value_hint(&self) -> String {
        if self.name != FAULT {
            return self.form.to_owned();
        }
        let kinds = KINDS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        format!(
            "{} or =KIND[-after]@N; KIND: {}",
            self.form,
            kinds.join(" ")
        )
    }

    /// The form without brackets and default: a placeholder, or the words that are allowed.
    fn alternatives(&self) -> &'static str {
        let form = self.form.split(" (").next().unwrap_or_default();
        let form = form
            .strip_prefix('[')
            .map_or(form, |form| &form[..form.len() - 1]);
        form.trim_start_matches('=')
    }

    fn accepts(&self, given: &str) -> bool {
        match self.alternatives() {
            "" => false,
            "SECONDS" => {
                let seconds = given.parse::<f64>();
                seconds.is_ok_and(|seconds| seconds.is_finite() && seconds >= 0.0)
            }
            "N" => positive(given).is_some(),
            "N|forever" => times(given).is_some(),
            "N[,none|seconds|date]" => rate(given).is_some(),
            "TEXT" | "ROLE[,ROLE]" => !given.is_empty(),
            words => words.split('|').any(|word| word == given),
        }
    }

    /// The value where none is written; `None` where one must be.
    fn default(&self) -> Option<&'static str> {
        let words = self.alternatives().split('|').next();
        let default = self
            .form
            .split_once(" (")
            .map(|(_, text)| &text[..text.len() - 1]);
        default.or(words).filter(|_| !self.form.starts_with('='))
    }
}

/// What a scenario can be limited to, and what must be on the tenant for it to mean anything.
type About = (Limit, Needs);

const TENANT: About = (Limit::Tenant, Needs::Nothing);
const DEPLOYED_TENANT: About = (Limit::Tenant, Needs::Deployed);
const ARTIFACT: About = (Limit::Artifact, Needs::Nothing);
const STORED: About = (Limit::Artifact, Needs::Artifact);
const DEPLOYED: About = (Limit::Artifact, Needs::Deployed);
const DEPLOYMENT: About = (Limit::Deployment, Needs::Nothing);
const REDEPLOYMENT: About = (Limit::Deployment, Needs::Deployed);

/// To nothing, to an artifact or package, or to one of its deployments as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Limit {
    Tenant,
    Artifact,
    Deployment,
}

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
        let info = info.ok_or_else(|| UnknownScenario::Name {
            name: name.to_owned(),
            nearest: nearest(name),
        })?;
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

    fn read(info: &'static ScenarioInfo, rest: &str) -> Option<Self> {
        let mut chosen = Self {
            info,
            value: String::new(),
            artifact: None,
            nth: None,
            fault: None,
        };
        let mut rest = rest;
        if info.name == FAULT {
            let fault = Fault::parse(rest.strip_prefix('=')?)?;
            chosen.value.clone_from(&fault.name);
            chosen.fault = Some(fault);
            return Some(chosen);
        }
        // a text for the whole tenant may hold any character
        if info.about.0 != Limit::Tenant || info.alternatives() != "TEXT" {
            if let Some((before, nth)) = rest.rsplit_once('#') {
                (rest, chosen.nth) = (before, Some(positive(nth)?));
            }
            if let Some((before, id)) = rest.split_once('@') {
                (rest, chosen.artifact) = (before, Some(id.to_owned()));
            }
        }
        let limit = match (chosen.nth, &chosen.artifact) {
            (Some(_), _) => Limit::Deployment,
            (None, Some(_)) => Limit::Artifact,
            (None, None) => Limit::Tenant,
        };
        let value = match rest.strip_prefix('=') {
            // `start-error=shape=b` reads well too
            Some(given) => Some(given.strip_prefix("shape=").unwrap_or(given))
                .filter(|given| info.accepts(given)),
            None => info.default().filter(|_| rest.is_empty()),
        };
        value?.clone_into(&mut chosen.value);
        (limit <= info.about.0).then_some(chosen)
    }

    fn concerns(&self, artifact: &str) -> bool {
        self.artifact.as_deref().is_none_or(|id| id == artifact)
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
#[derive(Debug)]
pub struct Scenarios(pub Vec<Scenario>);

impl Scenarios {
    /// The value of the first scenario of this name that is meant.
    fn find(&self, name: &str, is_meant: impl Fn(&Scenario) -> bool) -> Option<&str> {
        let mut named = self.0.iter().filter(|scenario| scenario.info.name == name);
        let found = named.find(|scenario| is_meant(scenario))?;
        Some(&found.value)
    }

    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.find(name, |_| true)
    }

    pub fn seconds(&self, name: &str) -> Option<f64> {
        self.value(name)?.parse().ok()
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
        let usual = ALL.iter().find(|info| info.name == "cause");
        let usual = || usual.and_then(ScenarioInfo::default);
        self.value("cause").or_else(usual).unwrap_or_default()
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
        let idle = |scenario: &&Scenario| match scenario.info.about.1 {
            Needs::Nothing => false,
            Needs::Artifact => artifacts == 0,
            Needs::Deployed => deployed == 0,
        };
        self.0.iter().find(idle).map(|scenario| scenario.info.name)
    }
}

/// The scenario whose value says what goes wrong, and where.
const FAULT: &str = "fault";

const fn scenario(
    name: &'static str,
    form: &'static str,
    about: About,
    source: Certainty,
    reference: &'static str,
    sentence: &'static str,
) -> ScenarioInfo {
    ScenarioInfo {
        name,
        sentence,
        source,
        reference,
        form,
        about,
    }
}

use Certainty::{Assumed, Documented, Observed};

#[rustfmt::skip]
static ALL: &[ScenarioInfo] = &[
    // the course of a deployment
    scenario("slow", "[=SECONDS] (10)", DEPLOYMENT, Observed, "clients' issues: seconds to minutes", "a deployment takes this long until it is built"),
    scenario("slow-start", "[=SECONDS] (10)", DEPLOYMENT, Observed, "Terraform provider: mappings are STARTING for minutes", "what is deployed shows STARTING this long"),
    scenario("build-fail", "[=with-record|bare]", DEPLOYMENT, Documented, "BuildAndDeployStatus FAIL", "the build fails; a running version keeps running; where nothing ran, an ERROR record with the cause appears (bare: nothing appears)"),
    scenario("license-error", "", DEPLOYMENT, Documented, "BuildAndDeployStatus FAIL_ON_LICENSE_ERROR", "the task ends in FAIL_ON_LICENSE_ERROR, the run time is left alone"),
    scenario("start-error", "[=b|a|c|text|truncated]", DEPLOYMENT, Observed, "b: landscaper and contiva; a: figaf; c: Piper", "the task succeeds, then the flow goes to ERROR; the value is the shape of the error information (b, what was recorded: InstanceError with JSON in its only parameter; truncated: the same, cut)"),
    scenario("cause", "[=TEXT] (No credentials for 'SANDBOX_ALIAS' found)", TENANT, Assumed, "wording varies", "the deepest cause that error texts of failed builds and starts name"),
    scenario("start-error-late-text", "[=SECONDS] (3)", DEPLOYMENT, Observed, "FlashPipe and figaf retry on 204", "with an ERROR, the error information is 204 for this long (implies start-error)"),
    scenario("start-error-in-place", "", REDEPLOYMENT, Assumed, "unknown what a failed redeployment does to the old record", "the old record goes to ERROR and keeps its DeployedOn (implies start-error)"),
    scenario("flapping-error", "[=SECONDS] (1)", DEPLOYMENT, Documented, "SAP patch notes: intermittent Error before Started", "the new record shows ERROR for this long before it is STARTED"),
    scenario("never-appears", "", DEPLOYMENT, Observed, "Terraform provider: SAP_ProfileId=integrationcell", "flows come up with SAP_ProfileId=integrationcell: the task succeeds, the run time never shows them unless it is set to iflmap"),
    scenario("postponed-redeploy", "[=SECONDS] (30)", REDEPLOYMENT, Observed, "clients' issues: stale STARTED", "after SUCCESS the previous record stays this long"),
    scenario("stale-started", "[=SECONDS] (3)", REDEPLOYMENT, Observed, "cpictl compares DeployedOn", "after SUCCESS the previous STARTED record is shown for a while"),
    scenario("stale-error", "[=SECONDS] (3)", REDEPLOYMENT, Observed, "cpictl compares DeployedOn", "what is deployed is in ERROR, and that record is shown for a while after SUCCESS"),
    scenario("no-json-text", "", TENANT, Observed, "two tenants' records: 406; FlashPipe gets 200", "the error information of what runs is 406 where JSON is asked for, and comes as it is where anything is"),
    scenario("unknown-status", "[=passing|forever|FAILED]", DEPLOYMENT, Assumed, "documented lists are not closed", "task and run time pass through words that nobody documented (FAILED: which landscaper saw once, and then starts)"),
    scenario("task-stuck", "[=idle|running]", DEPLOYMENT, Assumed, "task retention and bounds are unknown", "the task stays DEPLOYING for ever (running: the flow starts all the same)"),
    scenario("task-late", "[=SECONDS] (2)", DEPLOYMENT, Assumed, "task visibility is unknown", "the task is 404 for a while after the call"),
    scenario("deploy-refused", "[=500|400|503]", ARTIFACT, Observed, "three users see the text, the status is unknown; half of a tenant's business errors are 500", "deploy calls are refused with this status and an OData error"),
    scenario("no-task-id", "[=all|message-mappings]", ARTIFACT, Observed, "mcp-cpi-share saw it of a message mapping; metadata promises an entity", "the deploy call answers 202 with an empty body (of every type, or of message mappings only)"),
    scenario("quoted-task-id", "", ARTIFACT, Assumed, "metadata: Edm.String", "the task id comes in double quotes"),
    scenario("mapping-task-id", "", ARTIFACT, Documented, "specification: 202 with a task id; metadata promises an entity", "deploying a mapping is answered with a bare task id, as for the other types"),
    scenario("no-task-api", "[=404|405|501]", TENANT, Documented, "BuildAndDeployStatus exists since 2022", "the tenant has no BuildAndDeployStatus"),
    scenario("deployed-on", "[=appear|call]", DEPLOYMENT, Assumed, "unknown what DeployedOn shows", "DeployedOn is when the record appears, or when the call was made"),
    scenario("dependencies", "[=strict|unchecked]", ARTIFACT, Observed, "Terraform provider: ERROR at start", "strict: a flow goes to ERROR also when a script collection or message mapping that it names is nowhere on the tenant; unchecked: never for that reason"),
    // what is offered
    scenario("no-runtime-list", "[=501|405]", TENANT, Assumed, "plans and landscapes differ", "the tenant has run-time artifacts one by one only: the list and its $count answer with this status"),
    scenario("runtime-list-late", "[=SECONDS] (2)", TENANT, Assumed, "caches are unknown", "the run-time list shows what was so this long ago; single reads show what is"),
    scenario("broken-package-list", "[=all|Integration|ValueMapping|MessageMapping|ScriptCollection]", ARTIFACT, Observed, "contiva swallows it", "a package's lists of this type are 500 Internal Server Error (@ID: for this package only)"),
    scenario("lists-without-dates", "", TENANT, Assumed, "unknown", "the lists of a package lack the Created and Modified fields that single reads show"),
    // other people
    scenario("foreign-deploy", "[=before|after]", REDEPLOYMENT, Assumed, "two pipelines on one artifact", "somebody else's deployment of the previous content lands before ours, or a second after ours started"),
    scenario("foreign-save", "[=before-deploy|after-deploy|after-upload]", ARTIFACT, Assumed, "two people on one artifact", "somebody saves other content once for each artifact: as our deploy call arrives, just after it, or just after our upload"),
    scenario("draft", "[=Active|Draft]", STORED, Observed, "FlashPipe and cpictl: Version reads Active; a tenant of 2026 shows Draft where no version was ever saved", "what is preloaded is a colleague's draft, whose version reads so"),
    scenario("locked", "[=500|423|400]", STORED, Documented, "\"Cannot update the artifact as it is locked.\"", "what is preloaded is open in a colleague's browser"),
    scenario("read-only", "", STORED, Documented, "configure-only content", "the preloaded packages are READ_ONLY (@ID: this package only)"),
    scenario("id-in-other-package", "[=TEXT] (SomebodyElses)", STORED, Documented, "ids are unique in the tenant", "what is preloaded lives in this package instead"),
    scenario("stopped", "", DEPLOYED, Observed, "STOPPED is among the Terraform provider's statuses", "what is deployed was stopped: the run time shows it as STOPPED until it is deployed again"),
    scenario("hidden-by-policy", "", STORED, Observed, "Terraform provider: access policies", "what is preloaded looks missing, yet its id is taken"),
    scenario("modified-by", "[=TEXT] (api-user)", TENANT, Documented, "Neo: oauth_client_<id>; elsewhere unknown", "what this client writes shows this name in CreatedBy and ModifiedBy, not the client id"),
    scenario("deployed-by", "[=TEXT] (api-user)", TENANT, Assumed, "unknown whether DeployedBy is the client id", "what this client deploys shows this name in DeployedBy"),
    // undeploying
    scenario("slow-undeploy", "[=SECONDS] (30)", DEPLOYED, Documented, "messages in flight delay it by up to a minute", "what is undeployed shows STOPPING this long"),
    scenario("undeploy-stuck", "[=stopping|ignored]", DEPLOYED, Assumed, "no bound is documented", "what is undeployed shows STOPPING for ever (ignored: the call is accepted and nothing comes of it)"),
    scenario("undeploy-refused", "[=400|423|500]", DEPLOYED, Documented, "an outdated runtime blocks undeployment; status and text unknown", "undeploy calls are refused with this status"),
    scenario("foreign-redeploy", "[=stopping|gone|unnoticed]", DEPLOYED, Assumed, "two people on one artifact", "somebody deploys it again: while it is STOPPING by our first undeploy call, just after it is gone, or just before that call, which then takes effect on theirs"),
    scenario("foreign-undeploy", "", DEPLOYED, Assumed, "two people on one artifact", "somebody undeploys it just before our undeploy call, which is then 404"),
    scenario("starting", "[=SECONDS] (30)", DEPLOYED, Observed, "SAP patch notes: stale Starting", "what is deployed shows STARTING this long from the start, and the DeployedOn of a deployment before it"),
    scenario("runtime-restart", "[=N] (4)", DEPLOYED, Assumed, "lists lag, runtimes restart", "so many reads of the run time do not show what is deployed; then it is back"),
    scenario("runtime-type", "[=REST_API_PROVIDER|IMPORTED_ARCHIVES|FUNCTION_LIBRARIES]", DEPLOYED, Observed, "landscaper", "what is deployed is of this type at run time, and is in no list of the design time"),
    scenario("runtime-version", "[=TEXT] (0.9.0)", DEPLOYED, Observed, "somebody deployed an older version", "what is deployed shows this version at run time"),
    // who may come in
    scenario("roles-missing", "=ROLE[,ROLE]", TENANT, Observed, "Terraform provider: 403 with an empty body", "the client lacks these roles"),
    scenario("roles-missing-json", "", TENANT, Observed, "mcp-cpi-share", "the 403 of a missing role is an OData error whose text is null"),
    scenario("roles-also", "=ROLE[,ROLE]", TENANT, Documented, "Tasks and Permissions", "the client has these roles too"),
    scenario("token-scopes", "[=none|empty|umbrella|older|caller|api-management]", TENANT, Observed, "Terraform provider, clients' logs", "what the token names: no scopes, no role, an umbrella role, older names, the role of callers of flows (and no other), or those of API Management (and the tenant does not take it)"),
    scenario("token-answer", "[=201|203|scope-list|twice|trailing|camel-case|expires-text|expires-zero|no-expiry]", TENANT, Assumed, "gateways before token services; expires_in 0 is Neo's", "how the token endpoint words a token: another status, scopes as a list, the token twice (the last counts), text behind the JSON, accessToken, expires_in as text, as 0 or not at all"),
    scenario("foreign-token", "", TENANT, Observed, "valid token of another service: 401", "the tenant takes no token, though the token endpoint gives one"),
    scenario("access-policies", "", TENANT, Documented, "AccessPolicies needs AccessPoliciesRead", "the tenant has an access policy, which AccessPoliciesRead shows"),
    scenario("certificate-login", "", TENANT, Documented, "key type certificate", "the token endpoint takes the client id alone and no secret, as behind a server that has checked a client certificate"),
    scenario("csrf", "", TENANT, Documented, "specification: every modifying call", "modifying calls need a CSRF token even with OAuth"),
    scenario("basic-only", "", TENANT, Documented, "basic authentication", "there is no token endpoint; only basic authentication works"),
    scenario("expired-token", "[=SECONDS] (5)", TENANT, Documented, "token-validity", "tokens live this long"),
    scenario("neo", "", TENANT, Documented, "SAP Help, Neo: expires_in 0, CSRF with OAuth", "tokens are opaque, say expires_in 0, and modifying calls need CSRF"),
    scenario("rate-limit", "[=N[,none|seconds|date]] (10)", TENANT, Documented, "15 a tenant and 10 a user and second; Retry-After unknown", "more design-time requests than this in a second are 429; the run time allows five times as many"),
    scenario("location", "[=TEXT] (plant1)", TENANT, Documented, "Edge Integration Cell: /location/<id>/api/v1", "flows come up with SAP_ProfileId=integrationcell and run at this location: the run time is asked there, and at the usual place it shows nothing"),
    scenario("wrong-host", "", TENANT, Observed, "runtime host (-rt)", "this host knows the token endpoint and no API: everything else is 404"),
    scenario("api-prefix", "[=TEXT] (/location/edge)", TENANT, Documented, "Edge Integration Cell", "the service root lies below a path"),
    // what is unknown about writing
    scenario("reset-parameters", "", TENANT, Assumed, "unknown whether PUT keeps configured values", "an upload resets configured parameters"),
    scenario("keep-all-parameters", "", TENANT, Assumed, "unknown whether PUT keeps configured values", "an upload keeps every old value, configured or not"),
    scenario("parameter-refused", "", TENANT, Assumed, "texts of refusals are unknown", "writing a parameter is 400, and the text repeats the value"),
    scenario("parameter-moves-modified-at", "", TENANT, Assumed, "unknown", "writing a parameter moves ModifiedAt"),
    scenario("update-not-stored", "", ARTIFACT, Assumed, "no client reads back what it has updated", "an update is answered with 200 and moves ModifiedAt, but the content stays what it was"),
    scenario("design-time-late", "[=SECONDS] (3)", TENANT, Assumed, "replicas and caches are unknown; package reads were 404 for a while (open-integration-workbench)", "reads of the design time show what was so this long ago"),
    scenario("rewrites-content", "[=comment|blanks|name]", ARTIFACT, Observed, "a tenant renamed the .mmap of a mapping (mcp-cpi-share); other files are assumed", "an upload stores models and scripts with a comment more, with other blanks, or mappings under the artifact's id"),
    scenario("no-modified-at", "", TENANT, Documented, "older samples lack the fields", "design-time entities have no Created and Modified fields"),
    scenario("dates-of-flows-only", "", TENANT, Observed, "metadata, Terraform provider, mcp-cpi-share", "mappings and script collections have no Created and Modified fields"),
    scenario("dates-without-zone", "", TENANT, Observed, "landscaper: 2026-09-24T09:55:21.348; specification and Terraform provider: /Date(ms)/", "DeployedOn has no zone"),
    scenario("modified-at-format", "[=epoch|odata|iso]", TENANT, Assumed, "format unknown", "how ModifiedAt is written"),
    scenario("version-policy", "[=manifest|raise|keep|create-1.0.0]", TENANT, Observed, "manifest: specification and FlashPipe, whose tests see it go down; raise: cpictl", "the version after a write: always the manifest's (the default), the manifest's if higher, unchanged by updates, or 1.0.0 on create and unchanged"),
    scenario("save-as-version", "[=refused|refused-500|ignored]", ARTIFACT, Assumed, "unknown for a lower or equal version", "SaveAsVersion with a version that is not higher is 400, 500, or 200 without effect; else it is taken"),
    scenario("no-save-as-version", "[=mappings-and-scripts|all]", TENANT, Observed, "cpictl: only integration flows have it", "SaveAsVersion is 501 for the other types, or for all"),
    scenario("create-fails-after-delete", "[=N|forever] (1)", ARTIFACT, Assumed, "value mappings are updated by delete and create", "once an artifact was deleted, creating it again is 500 so many times"),
    scenario("delete-lingers", "[=SECONDS] (2)", ARTIFACT, Assumed, "unknown when an id is free again", "a deleted artifact is gone for reads, but its id is still taken for this long"),
    scenario("duplicate", "[=500|409|second-wording]", TENANT, Documented, "500 by specification; one mock has 409; mcp-cpi-share has another text", "the status for an artifact id that exists, or the other text with 500"),
    scenario("resource-put", "[=202|200]", TENANT, Documented, "202 by specification; Piper expects 200", "the status of a resource update"),
    scenario("any-package-id", "", TENANT, Observed, "Terraform provider: examples with underscores", "package ids may hold any character"),
    // what is called, and what was processed
    scenario("no-endpoint", "", ARTIFACT, Documented, "timers and ProcessDirect have none", "ServiceEndpoints does not list what is deployed"),
    scenario("endpoint-late", "[=SECONDS] (2)", ARTIFACT, Assumed, "unknown when an address is served", "the address of a flow is 404 for this long after it has STARTED"),
    scenario("endpoint-list-late", "[=SECONDS] (30)", ARTIFACT, Observed, "mcp-cpi-share: 30 s to more than 3 min", "ServiceEndpoints lists a flow so long after it has STARTED"),
    scenario("endpoint-names", "[=title]", TENANT, Observed, "SAP Help's example has a display name", "ServiceEndpoints shows the display name of a flow in Name and Id"),
    scenario("message-fails", "[=TEXT] (No mapping for order 4711)", TENANT, Documented, "Status FAILED", "messages end in FAILED with this text, and their senders get 500"),
    scenario("message-stays", "[=PROCESSING|RETRY|ESCALATED|CANCELLED|DISCARDED|ABANDONED|DISPATCHED]", ARTIFACT, Documented, "the statuses of message logs; DISPATCHED is none of them", "messages stay in this status"),
    scenario("message-slow", "[=SECONDS] (5)", ARTIFACT, Documented, "Status PROCESSING", "a message is PROCESSING this long"),
    scenario("message-log-late", "[=SECONDS] (3)", ARTIFACT, Assumed, "logs are written in batches", "the log of a message is seen this long after it began"),
    scenario("older-messages", "[=N] (3)", DEPLOYED_TENANT, Documented, "logs are kept for 30 days", "so many messages were processed before the deployment that is there; the newest of them FAILED"),
    scenario("anonymous-messages", "[=header|all]", ARTIFACT, Assumed, "headers of answers depend on the flow", "an answer does not name its message log (header SAP_MessageProcessingLogID); all: nor does the log bear the correlation id that was sent"),
    // the wire
    scenario("downloads-differ", "", TENANT, Observed, "nightly backups: date comments differ, order too", "each download of an artifact has its own date in parameters.prop and metainfo.prop, and its own order"),
    scenario("credentials", "[=TEXT] (SANDBOX_USER)", TENANT, Documented, "UserCredentials", "the tenant has user credentials with these names, separated by commas"),
    scenario("keys", "[=TEXT] (sandbox_key)", TENANT, Documented, "KeystoreEntries", "the keystore has entries with these aliases, separated by commas"),
    scenario("clock-ahead", "[=SECONDS] (600)", TENANT, Assumed, "clocks", "the tenant's clock is ahead of this machine's"),
    scenario("latency", "[=SECONDS] (0.1)", TENANT, Assumed, "networks", "every answer takes this long"),
    scenario("page-size", "[=N] (100)", TENANT, Documented, "1000 rows a page", "lists come in pages of this size, with __next"),
    scenario("endless-pages", "[=same|empty]", TENANT, Assumed, "a gateway or a tenant that is broken", "each page of a list names one more: the first one again, or an empty one"),
    scenario("package-reads-fail", "[=N|forever] (3)", ARTIFACT, Observed, "open-integration-workbench: 404 after bursts, lists are right", "after five reads of single packages so many are 404"),
    scenario("skip-ignored", "", TENANT, Observed, "mcp-cpi-share", "the lists of a package begin at the beginning whatever $skip says, and have no $inlinecount"),
    scenario("custom-tags", "[=TEXT] (Author)", TENANT, Documented, "CustomTags", "each package has custom tags with these names, separated by commas"),
    scenario("cut-lists", "", TENANT, Assumed, "paging of package lists is unknown", "design-time lists end after a page, without __next"),
    scenario(FAULT, "=KIND[-after]@METHOD:PATHPART[#N]", TENANT, Assumed, "gateways, routers, cables", "a fault on the wire at the matching requests"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read() {
        let scenarios = Scenarios(
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
