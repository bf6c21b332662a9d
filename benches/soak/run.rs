//! One run: a tenant, one command that is killed and given again until it ends by itself, and others who are at work
//! meanwhile. What happened is kept for the judgement.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

use flowship::sandbox::{LoggedRequest, Preload, Running, Sandbox, SandboxOptions, Scenario};
use tempfile::TempDir;

use crate::artifacts::zipped;
use crate::client::{Call, Ended, Target};
use crate::plan::{Event, PACKAGE, Plan};

/// Tenant seconds in a second: what takes a tenant minutes must not take us as long.
const SPEED: f64 = 20.0;
/// What a command may take beyond its `--timeout`: parameters may be put back for a minute.
const GRACE: Duration = Duration::from_secs(75);
/// The variables that lead to the tenant, with and without OAuth.
const OAUTH: [&str; 1] = ["CPI_SERVICE_KEY"];
const BASIC: [&str; 3] = ["CPI_URL", "CPI_USERNAME", "CPI_PASSWORD"];

/// What happened.
pub(crate) struct Story {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) commands: Vec<Told>,
    pub(crate) happened: Vec<Happened>,
}

/// One command, and what the tenant held before and after it.
pub(crate) struct Told {
    pub(crate) ended: Ended,
    /// The signals that it was sent.
    pub(crate) signals: Vec<&'static str>,
    pub(crate) began: Moment,
    pub(crate) over: Moment,
}

/// What the tenant held at a moment, of each artifact.
pub(crate) struct Moment {
    /// In tenant seconds.
    pub(crate) at: f64,
    pub(crate) holds: Vec<Held>,
}

pub(crate) struct Held {
    pub(crate) running: Option<Running>,
    pub(crate) design: Option<flowship::sandbox::Design>,
    /// Deployments accepted so far.
    pub(crate) deployments: usize,
}

/// Something of the plan that came true.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    /// In tenant seconds.
    pub(crate) at: f64,
    pub(crate) event: Event,
}

/// What the watcher of the tenant works with.
struct Stage {
    sandbox: OnceLock<Weak<Sandbox>>,
    target: Target,
    ids: Vec<String>,
    inner: Mutex<Inner>,
}

struct Inner {
    answered: usize,
    events: VecDeque<(usize, Event)>,
    happened: Vec<Happened>,
    /// The signals that the command of the moment was sent.
    signals: Vec<&'static str>,
}

impl Stage {
    fn new(plan: &Plan) -> Self {
        Self {
            sandbox: OnceLock::new(),
            target: Target::default(),
            ids: plan.artifacts.iter().map(|one| one.id.clone()).collect(),
            inner: Mutex::new(Inner {
                answered: 0,
                events: plan.events.iter().cloned().collect(),
                happened: Vec::new(),
                signals: Vec::new(),
            }),
        }
    }

    /// One more request was carried out; its answer waits for what happens here.
    fn request(self: &Arc<Self>) {
        let due = self.due();
        for event in due {
            match event {
                Event::Signal(_, 0) | Event::Colleague(..) => self.happens(event),
                Event::Signal(_, later) => {
                    let stage = Arc::clone(self);
                    thread::spawn(move || {
                        thread::sleep(Duration::from_millis(later));
                        stage.happens(event);
                    });
                }
            }
        }
    }

    /// What is to happen now.
    fn due(&self) -> Vec<Event> {
        let mut inner = self.inner.lock().unwrap();
        inner.answered += 1;
        let answered = inner.answered;
        let count = inner.events.partition_point(|(at, _)| *at <= answered);
        inner
            .events
            .drain(..count)
            .map(|(_, event)| event)
            .collect()
    }

    fn happens(&self, event: Event) {
        let Some(sandbox) = self.sandbox.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut inner = self.inner.lock().unwrap();
        let done = match &event {
            Event::Colleague(place, deed) => sandbox.colleague(&self.ids[*place], deed),
            Event::Signal(name, _) => self.target.signal(name),
        };
        if let (Event::Signal(name, _), true) = (&event, done) {
            inner.signals.push(name);
        }
        if done {
            let at = sandbox.now();
            inner.happened.push(Happened { at, event });
        }
    }
}

/// Lets a plan come true.
pub(crate) fn run(plan: &Plan, binary: &Path) -> Story {
    let stage = Arc::new(Stage::new(plan));
    let sandbox = Arc::new(tenant(plan, &stage));
    stage.sandbox.set(Arc::downgrade(&sandbox)).unwrap();
    let directory = TempDir::new().unwrap();
    let work = repository(plan, directory.path());
    let variables = variables(plan, &sandbox);
    let mut arguments: Vec<String> = ["deploy", "flows", "--package", PACKAGE, "--output", "json"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(plan.options.iter().cloned());
    let call = Call {
        binary,
        arguments: &arguments,
        variables: &variables,
        directory: &work,
        streams: directory.path(),
    };
    let mut commands = Vec::new();
    let mut retries = plan.retries;
    loop {
        let began = moment(&sandbox, &stage.ids);
        let limit = Duration::from_secs(plan.timeout) + GRACE;
        let ended = call.run(&stage.target, limit);
        let over = moment(&sandbox, &stage.ids);
        let signals = std::mem::take(&mut stage.inner.lock().unwrap().signals);
        let again = was_killed(&ended, &signals) || retry(&ended, &mut retries);
        commands.push(Told {
            ended,
            signals,
            began,
            over,
        });
        if !again {
            break;
        }
    }
    let happened = stage.inner.lock().unwrap().happened.clone();
    Story {
        sandbox,
        commands,
        happened,
    }
}

fn was_killed(ended: &Ended, signals: &[&str]) -> bool {
    !signals.is_empty() && matches!(ended.code, None | Some(130 | 143)) && !ended.overdue
}

/// Whether the same command is given again, as the README advises for these exit codes.
fn retry(ended: &Ended, left: &mut usize) -> bool {
    let again = *left > 0 && matches!(ended.code, Some(5 | 7));
    *left -= usize::from(again);
    again
}

fn tenant(plan: &Plan, stage: &Arc<Stage>) -> Sandbox {
    let preload = plan.artifacts.iter().filter_map(|artifact| {
        let before = artifact.before.as_ref()?;
        Some(Preload {
            package_id: PACKAGE.to_owned(),
            zip: zipped(&before.files),
            deployed: before.deployed,
            configured: before.configured.clone(),
        })
    });
    let stage = Arc::clone(stage);
    let scenarios = plan.scenarios.iter();
    Sandbox::start(SandboxOptions {
        scenarios: scenarios
            .map(|name| Scenario::parse(name).unwrap_or_else(|error| panic!("{error}")))
            .collect(),
        speed: SPEED,
        seed: Some(plan.seed),
        preload: preload.collect(),
        watch: Some(Box::new(move |_: &LoggedRequest| stage.request())),
        ..SandboxOptions::default()
    })
    .unwrap_or_else(|error| panic!("{error}"))
}

/// The directory to run in, with the artifacts below `flows`.
fn repository(plan: &Plan, root: &Path) -> std::path::PathBuf {
    let work = root.join("work");
    for artifact in &plan.artifacts {
        for (path, bytes) in &artifact.files {
            let path = work.join("flows").join(&artifact.id).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    work
}

fn variables(plan: &Plan, sandbox: &Sandbox) -> Vec<(String, String)> {
    let wanted: &[&str] = if plan.basic { &BASIC } else { &OAUTH };
    let all = sandbox.variables().into_iter();
    all.filter(|(name, _)| wanted.contains(name))
        .map(|(name, value)| (name.to_owned(), value))
        .chain([("FLOWSHIP_POLL_INTERVAL".to_owned(), "50ms".to_owned())])
        .collect()
}

fn moment(sandbox: &Sandbox, ids: &[String]) -> Moment {
    let held = |id: &String| Held {
        running: sandbox.running(id),
        design: sandbox.design(id),
        deployments: sandbox.deployments(id),
    };
    Moment {
        at: sandbox.now(),
        holds: ids.iter().map(held).collect(),
    }
}
