//! Named departures from the tenant's quiet default: what each means, how it is written, where it comes from.

use super::catalog::ALL;
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
pub type About = (Limit, Needs);

pub const TENANT: About = (Limit::Tenant, Needs::Nothing);
pub const DEPLOYED_TENANT: About = (Limit::Tenant, Needs::Deployed);
pub const ARTIFACT: About = (Limit::Artifact, Needs::Nothing);
pub const STORED: About = (Limit::Artifact, Needs::Artifact);
pub const DEPLOYED: About = (Limit::Artifact, Needs::Deployed);
pub const DEPLOYMENT: About = (Limit::Deployment, Needs::Nothing);
pub const REDEPLOYMENT: About = (Limit::Deployment, Needs::Deployed);

/// To nothing, to an artifact or package, or to one of its deployments as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Limit {
    Tenant,
    Artifact,
    Deployment,
}

#[derive(Debug, Clone, Copy)]
pub enum Needs {
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
pub const FAULT: &str = "fault";

pub const fn scenario(
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
