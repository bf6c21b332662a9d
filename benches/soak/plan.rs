//! What happens in one run, all of it chosen by its seed: the artifacts, how the tenant behaves, what breaks, who else
//! is at work, and when the run is killed.

use std::collections::BTreeMap;

use fastrand::Rng;
use flowship::sandbox::Deed;

use crate::artifacts::{Files, Kind, Recipe, zipped};

/// Where all artifacts live.
pub(crate) const PACKAGE: &str = "Soak";
/// Ends in time even where the only deploy call has to be watched for 75 s before it is repeated.
const PATIENT: u64 = 150;

/// One run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) artifacts: Vec<Planned>,
    /// How the tenant behaves.
    pub(crate) scenarios: Vec<String>,
    /// Options of the command beside paths and package.
    pub(crate) options: Vec<String>,
    /// Signs in with user and password.
    pub(crate) basic: bool,
    /// How often the same command is given again when it ends with a code that is worth it.
    pub(crate) retries: usize,
    /// Seconds for one command.
    pub(crate) timeout: u64,
    /// What happens when so many requests were answered, in this order.
    pub(crate) events: Vec<(usize, Event)>,
    /// Some fault leaves nobody any way to an answer: the verdict may be "not found out".
    pub(crate) harsh: bool,
    /// The tenant shows no dates that prove what runs.
    pub(crate) dateless: bool,
    /// What fails is put back: only the first deployment of it fails.
    pub(crate) rollback: bool,
}

/// One artifact of a run.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// What is in Git.
    pub(crate) files: Files,
    /// The values that are to run.
    pub(crate) values: BTreeMap<String, String>,
    /// The value that the command line names.
    named: Option<String>,
    /// What is on the tenant at first.
    pub(crate) before: Option<Before>,
    /// The places of the artifacts that it needs.
    pub(crate) needs: Vec<usize>,
    pub(crate) fate: Fate,
}

/// What is on the tenant at first.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) files: Files,
    pub(crate) deployed: bool,
    pub(crate) configured: Vec<(String, String)>,
}

/// What becomes of an artifact that is deployed, as the tenant knows it from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs in the end.
    Runs,
    /// Its build or its start fails.
    Fails,
    /// The tenant never shows an end.
    Hangs,
    /// The tenant does not let it be written.
    Refused,
    /// Somebody stopped it, and nothing of it changes.
    Stopped,
}

/// Something that happens between two requests.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The command is sent this signal, so many milliseconds later.
    Signal(&'static str, u64),
    /// A colleague does something to the artifact at this place.
    Colleague(usize, Deed),
}

/// The parameter that the command line sets.
const NAMED: &str = "Named";
/// Values that are no fun to write into files, URLs and JSON.
const VALUES: [&str; 6] = [
    "https://host.example/a?b=c",
    "eins, zwei",
    "50%",
    "a=b",
    "ü",
    "0",
];

/// Faults that every command has to survive.
const FAULTS: [&str; 21] = [
    "cut-before",
    "cut-after",
    "cut-upload",
    "429",
    "429-date",
    "429-bare",
    "500-empty",
    "500-empty-after",
    "502",
    "502-after",
    "503",
    "503-after",
    "504",
    "504-after",
    "404-page",
    "200-page",
    "200-page-after",
    "401",
    "truncated",
    "slow-body",
    "404-page-after",
];
/// Faults after which a command may give up.
const HARSH: [&str; 5] = ["hang", "hang-after", "garbage", "redirect", "html-login"];

/// How a deployment that runs in the end gets there.
const WAYS: [&str; 12] = [
    "slow=4",
    "slow=15",
    "slow-start=6",
    "flapping-error=2",
    "flapping-error=12",
    "unknown-status=passing",
    "task-late=4",
    "no-task-id",
    "quoted-task-id",
    "mapping-task-id",
    "deployed-on=call",
    "dependencies=strict",
];
/// The same, where something ran before.
const WAYS_OVER: [&str; 4] = [
    "postponed-redeploy=20",
    "stale-started=5",
    "stale-error=5",
    "starting=20",
];
const FAILURES: [&str; 8] = [
    "build-fail",
    "build-fail=bare",
    "license-error",
    "start-error=a",
    "start-error=b",
    "start-error=c",
    "start-error=text",
    "start-error-late-text=10",
];
const HANGS: [&str; 3] = [
    "task-stuck=idle",
    "task-stuck=running",
    "unknown-status=forever",
];
/// How a tenant may be; all of these leave the verdict as it is.
const TENANTS: [&str; 31] = [
    "csrf",
    "neo",
    "expired-token=60",
    "rate-limit=9,seconds",
    "rate-limit=9,date",
    "rate-limit=9",
    "modified-by",
    "deployed-by",
    "reset-parameters",
    "keep-all-parameters",
    "parameter-moves-modified-at",
    "modified-at-format=odata",
    "modified-at-format=iso",
    "version-policy=manifest",
    "version-policy=keep",
    "version-policy=create-1.0.0",
    "duplicate=409",
    "page-size=1",
    "page-size=2",
    "cut-lists",
    "clock-ahead",
    "latency=0.2",
    "latency=1",
    "downloads-differ",
    "no-runtime-list",
    "runtime-list-late=2",
    "runtime-list-late=20",
    "broken-package-list",
    "lists-without-dates",
    "delete-lingers=5",
    "api-prefix",
];

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut scenarios = Vec::new();
        let artifacts = artifacts(&mut rng, &mut scenarios);
        let mut plan = Self {
            seed,
            artifacts,
            scenarios,
            options: Vec::new(),
            basic: false,
            retries: rng.usize(0..2),
            timeout: PATIENT,
            events: Vec::new(),
            harsh: false,
            dateless: false,
            rollback: false,
        };
        plan.tenant(&mut rng);
        plan.faults(&mut rng);
        plan.options(&mut rng);
        plan.events(&mut rng);
        plan.rollback(&mut rng);
        plan
    }

    /// Asks for a rollback, where no kill makes the first deployment another command's.
    fn rollback(&mut self, rng: &mut Rng) {
        let killed = self
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::Signal(..)));
        if killed || rng.bool() {
            return;
        }
        self.rollback = true;
        self.retries = 0;
        self.options.push("--rollback=each".to_owned());
        for artifact in self.artifacts.iter().filter(|one| one.fate == Fate::Fails) {
            let at = format!("@{}", artifact.id);
            for scenario in &mut self.scenarios {
                if scenario.ends_with(&at) {
                    scenario.push_str("#1");
                }
            }
        }
    }

    /// How the tenant as a whole is.
    fn tenant(&mut self, rng: &mut Rng) {
        for _ in 0..rng.usize(0..4) {
            let chosen = pick(rng, &TENANTS);
            let name = chosen.split('=').next().unwrap_or_default();
            let taken = |one: &String| one.split(['=', '@']).next() == Some(name);
            if !self.scenarios.iter().any(taken) {
                self.scenarios.push(chosen.to_owned());
            }
        }
        if rng.u32(0..20) == 0 {
            self.scenarios.push("no-modified-at".to_owned());
            self.dateless = true;
        }
        // without tasks a failed build cannot be told from one that has not ended
        let builds_fail = self.scenarios.iter().any(|one| is_build_failure(one));
        if rng.u32(0..20) == 0 && !builds_fail {
            self.scenarios.push("no-task-api".to_owned());
        }
        if rng.u32(0..15) == 0 && !self.scenarios.iter().any(|one| one == "neo") {
            self.scenarios.push("basic-only".to_owned());
            self.basic = true;
        }
    }

    fn faults(&mut self, rng: &mut Rng) {
        let count = [0, 0, 1, 1, 2, 4][rng.usize(0..6)];
        for _ in 0..count {
            let harsh = rng.u32(0..12) == 0;
            let kind = pick(rng, if harsh { &HARSH[..] } else { &FAULTS[..] });
            self.harsh |= harsh;
            let place = match rng.u32(0..8) {
                0 => "POST:Deploy#1".to_owned(),
                1 => "PUT:DesigntimeArtifacts(#1".to_owned(),
                2 => "POST:DesigntimeArtifacts#1".to_owned(),
                _ => rng.usize(1..60).to_string(),
            };
            self.scenarios.push(format!("fault={kind}@{place}"));
        }
    }

    fn options(&mut self, rng: &mut Rng) {
        let paced = self
            .scenarios
            .iter()
            .any(|one| one.starts_with("rate-limit"));
        if !paced {
            let fast = ["--designtime-rate", "200", "--runtime-rate", "400"];
            self.options.extend(fast.map(str::to_owned));
        }
        if self.artifacts.iter().any(|one| one.fate == Fate::Hangs) {
            self.timeout = rng.u64(3..8);
        }
        if rng.u32(0..10) == 0 {
            self.options.push("--settle".to_owned());
            self.options.push("1s".to_owned());
        }
        self.options.push("--replace-value-mappings".to_owned());
        self.options.push("--drop-tenant-entries".to_owned());
        self.options.push("--timeout".to_owned());
        self.options.push(format!("{}s", self.timeout));
        for artifact in &self.artifacts {
            if let Some(value) = &artifact.named {
                self.options.push("--set".to_owned());
                self.options
                    .push(format!("{}:{NAMED}={value}", artifact.id));
            }
        }
    }

    /// Kills, and others at work.
    fn events(&mut self, rng: &mut Rng) {
        let last = 12 + 14 * self.artifacts.len();
        if rng.u32(0..3) == 0 {
            for _ in 0..rng.usize(1..3) {
                let name = pick(rng, &["KILL", "KILL", "TERM", "INT"]);
                let later = if rng.bool() { 0 } else { rng.u64(0..40) };
                let at = rng.usize(1..last);
                self.events.push((at, Event::Signal(name, later)));
            }
        }
        if rng.u32(0..4) == 0 {
            for _ in 0..rng.usize(1..4) {
                let place = rng.usize(0..self.artifacts.len());
                let deed = deed(rng, &self.artifacts[place]);
                let at = rng.usize(1..last);
                self.events.push((at, Event::Colleague(place, deed)));
            }
        }
        self.events.sort_by_key(|(at, _)| *at);
    }

    /// What somebody else may do to an artifact in this run.
    pub(crate) fn deeds(&self, place: usize) -> impl Iterator<Item = &Deed> {
        self.events
            .iter()
            .filter_map(move |(_, event)| match event {
                Event::Colleague(at, deed) if *at == place => Some(deed),
                _ => None,
            })
    }

    /// Whether every artifact has the time that its end takes.
    pub(crate) fn patient(&self) -> bool {
        self.timeout == PATIENT && !self.harsh
    }
}

fn artifacts(rng: &mut Rng, scenarios: &mut Vec<String>) -> Vec<Planned> {
    let count = [1, 1, 2, 3, 4, 6][rng.usize(0..6)];
    let mut artifacts: Vec<Planned> = Vec::new();
    for place in 0..count {
        let kind = pick(
            rng,
            &[
                Kind::Flow,
                Kind::Flow,
                Kind::Flow,
                Kind::Scripts,
                Kind::MessageMapping,
                Kind::ValueMapping,
            ],
        );
        let planned = artifact(rng, place, kind, &artifacts, scenarios);
        artifacts.push(planned);
    }
    artifacts
}

fn artifact(
    rng: &mut Rng,
    place: usize,
    kind: Kind,
    others: &[Planned],
    scenarios: &mut Vec<String>,
) -> Planned {
    let id = format!("{}_{place}", kind.bundle_type());
    let needs: Vec<usize> = (0..others.len())
        .filter(|_| kind == Kind::Flow && rng.bool())
        .filter(|other| matches!(others[*other].kind, Kind::Scripts | Kind::MessageMapping))
        .collect();
    let needed: Vec<(Kind, String)> = needs
        .iter()
        .map(|other| (others[*other].kind, others[*other].id.clone()))
        .collect();
    let parameters = parameters(rng, kind);
    let recipe = |edition, parameters| {
        let (id, needs) = (id.as_str(), needed.as_slice());
        Recipe {
            id,
            kind,
            edition,
            parameters,
            needs,
        }
        .files()
    };
    let files = recipe(2, &parameters);
    let existed = rng.u32(0..5) < 3;
    let changed = rng.bool();
    let before = existed.then(|| Before {
        files: if changed {
            recipe(1, &parameters[..parameters.len().min(2)])
        } else {
            files.clone()
        },
        deployed: rng.u32(0..6) > 0,
        configured: configured(rng, kind),
    });
    let mut values: BTreeMap<String, String> = parameters.into_iter().collect();
    for (key, value) in before.iter().flat_map(|before| &before.configured) {
        values.insert(key.clone(), value.clone());
    }
    let named = (kind == Kind::Flow && rng.u32(0..3) == 0).then(|| pick(rng, &VALUES).to_owned());
    values.extend(named.iter().map(|value| (NAMED.to_owned(), value.clone())));
    let fate = fate(
        rng,
        (&id, kind),
        before.as_ref(),
        changed || named.is_some(),
        scenarios,
    );
    Planned {
        id,
        kind,
        files,
        values,
        named,
        before,
        needs,
        fate,
    }
}

/// The parameters of a flow's file; the third is not in the edition that the tenant may hold.
fn parameters(rng: &mut Rng, kind: Kind) -> Vec<(String, String)> {
    if kind != Kind::Flow {
        return Vec::new();
    }
    let all = [("Host", "quality"), (NAMED, "unset"), ("Retries", "3")];
    let count = rng.usize(2..4);
    all[..count]
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// What operations configured.
fn configured(rng: &mut Rng, kind: Kind) -> Vec<(String, String)> {
    if kind == Kind::Flow && rng.bool() {
        vec![("Host".to_owned(), (pick(rng, &VALUES)).to_owned())]
    } else {
        Vec::new()
    }
}

fn fate(
    rng: &mut Rng,
    (id, kind): (&str, Kind),
    before: Option<&Before>,
    changed: bool,
    scenarios: &mut Vec<String>,
) -> Fate {
    let mut choose = |scenario: &str| scenarios.push(format!("{scenario}@{id}"));
    let over = before.is_some_and(|before| before.deployed);
    match rng.u32(0..100) {
        0..18 => {
            let failure = pick(rng, &FAILURES);
            choose(failure);
            // a mapping's deployment has no task id, and so nothing that says how its build ended
            if is_build_failure(failure) && kind.deploys_without_task() {
                Fate::Hangs
            } else {
                Fate::Fails
            }
        }
        18..22 => {
            choose(pick(rng, &HANGS));
            Fate::Hangs
        }
        22..24 if over => {
            choose("start-error-in-place");
            Fate::Fails
        }
        24..30 if before.is_some() && changed => {
            choose(pick(
                rng,
                &["draft", "locked", "locked=423", "id-in-other-package"],
            ));
            Fate::Refused
        }
        22..26 if over && !changed => {
            choose("stopped");
            Fate::Stopped
        }
        30..60 => {
            choose(if over && rng.bool() {
                pick(rng, &WAYS_OVER)
            } else {
                pick(rng, &WAYS)
            });
            Fate::Runs
        }
        _ => Fate::Runs,
    }
}

fn is_build_failure(scenario: &str) -> bool {
    scenario.starts_with("build-fail") || scenario.starts_with("license-error")
}

fn deed(rng: &mut Rng, artifact: &Planned) -> Deed {
    let mut theirs = artifact.files.clone();
    theirs.insert(
        "src/main/resources/script/colleague.groovy".to_owned(),
        format!("// {}\n", rng.u32(..)).into_bytes(),
    );
    match rng.u32(0..10) {
        0..4 => Deed::Save(zipped(&theirs)),
        4 => Deed::Draft(zipped(&theirs)),
        5 => Deed::Configure("Host".to_owned(), "colleague".to_owned()),
        6 => Deed::Lock,
        7 => Deed::Unlock,
        _ => Deed::Deploy,
    }
}

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}
