//! What flowship said, held against what the tenant knows.

use std::collections::BTreeMap;

use flowship::sandbox::{Deed, Design, LoggedRequest, Running};
use serde_json::Value;

use crate::artifacts::{Files, unzipped};
use crate::plan::{Event, Fate, Plan, Planned};
use crate::run::{Story, Told};

/// The codes of the README's table, the worst of several artifacts first.
const ORDER: [i64; 8] = [8, 1, 4, 3, 6, 5, 7, 0];

/// Everything in which a run was not as it must be; nothing where all is well.
pub(crate) fn judge(plan: &Plan, story: &Story) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, told) in story.commands.iter().enumerate() {
        let mut judge = Judge {
            plan,
            story,
            told,
            number: at + 1,
            faults: &mut faults,
        };
        judge.command();
    }
    tenant(plan, story, &mut faults);
    faults
}

/// What must hold of the tenant after everything.
fn tenant(plan: &Plan, story: &Story, faults: &mut Vec<String>) {
    let sandbox = &story.sandbox;
    for artifact in &plan.artifacts {
        let times = sandbox.undeployments(&artifact.id);
        if times > 0 {
            faults.push(format!("{}: undeployed {times} times", artifact.id));
        }
    }
    let journal = sandbox.request_log();
    if let Some(entry) = journal.entries.iter().find(|entry| entry.secret_in_target) {
        faults.push(format!("a secret in an address: {entry}"));
    }
}

/// One command and its verdicts.
struct Judge<'a> {
    plan: &'a Plan,
    story: &'a Story,
    told: &'a Told,
    number: usize,
    faults: &'a mut Vec<String>,
}

/// What flowship says of one artifact.
struct Said {
    word: String,
    code: i64,
}

impl Said {
    fn is_green(&self) -> bool {
        matches!(self.word.as_str(), "started" | "unchanged")
    }
}

impl Judge<'_> {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults
            .push(format!("command {}: {}", self.number, text.into()));
    }

    fn command(&mut self) {
        self.streams();
        let ended = &self.told.ended;
        if ended.overdue {
            return self.fault("did not end");
        }
        let sent = |name| self.told.signals.contains(&name);
        let Some(code) = ended.code else {
            // before anything is written there is nothing to tell, and any signal ends a process at once
            if !sent("KILL") && (self.told.signals.is_empty() || self.has_written()) {
                self.fault("ended by a signal that nobody sent it");
            }
            return self.deployments();
        };
        match code {
            130 | 143 if sent(if code == 130 { "INT" } else { "TERM" }) => {
                if !ended.stderr.contains("state:") && self.has_written() {
                    self.fault("interrupted, and says nothing of what it wrote");
                }
                self.deployments();
            }
            _ if ORDER.contains(&code.into()) => self.verdicts(code.into()),
            _ => self.fault(format!("exit code {code} has no place here")),
        }
    }

    /// What must not be in any output.
    fn streams(&mut self) {
        let ended = &self.told.ended;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let secrets = self.story.sandbox.secrets();
        if secrets.iter().any(|secret| said.contains(secret.as_str())) {
            self.fault("a secret in its output");
        }
        if said.contains("panicked") || said.contains("this is a fault of flowship") {
            self.fault("it panicked");
        }
    }

    fn verdicts(&mut self, code: i64) {
        let said = match self.read(code) {
            Ok(said) => said,
            Err(text) => return self.fault(text),
        };
        for (place, artifact) in self.plan.artifacts.iter().enumerate() {
            match said.get(&artifact.id) {
                Some(said) => self.artifact(place, artifact, said),
                None => self.fault(format!("{}: no verdict", artifact.id)),
            }
        }
        self.deployments();
    }

    /// The verdicts, if the report is one and agrees with the exit code.
    fn read(&self, code: i64) -> Result<BTreeMap<String, Said>, String> {
        let stdout = &self.told.ended.stdout;
        let report: Value =
            serde_json::from_str(stdout).map_err(|error| format!("no report: {error}"))?;
        let artifacts = report["artifacts"].as_array().ok_or("no artifacts")?;
        let mut all = BTreeMap::new();
        for one in artifacts {
            let said = Said {
                word: one["verdict"].as_str().unwrap_or_default().to_owned(),
                code: one["exit_code"].as_i64().unwrap_or(-1),
            };
            all.insert(one["id"].as_str().unwrap_or_default().to_owned(), said);
        }
        let worst = ORDER
            .into_iter()
            .find(|code| all.values().any(|said| said.code == *code));
        let told = report["exit_code"].as_i64();
        if told != Some(code) || worst != Some(code) {
            return Err(format!(
                "exit code {code}, but its report has {told:?}, and {worst:?} is the worst"
            ));
        }
        Ok(all)
    }

    fn artifact(&mut self, place: usize, artifact: &Planned, said: &Said) {
        let fault = if said.is_green() == (said.code == 0) {
            self.green(place, artifact, said)
                .or_else(|| self.red(place, artifact, said))
                .or_else(|| self.untouched(place, artifact))
                .or_else(|| self.lost(place, artifact, said))
                .or_else(|| self.back(place, artifact, said))
        } else {
            Some(format!("with exit code {}", said.code))
        };
        if let Some(fault) = fault {
            self.fault(format!(
                "{} ({:?}) is {}: {fault}",
                artifact.id, artifact.fate, said.word
            ));
        }
    }

    /// Green is only what has run, and what nobody else touched runs on.
    fn green(&self, place: usize, artifact: &Planned, said: &Said) -> Option<String> {
        if !said.is_green() {
            return None;
        }
        let wanted = |running: &Running| {
            running.status == "STARTED" && self.is_wanted(place, artifact, running)
        };
        // what a command before this one deployed may be shown first, and is the same
        if self.is_contested(place) || self.number > 1 {
            let shown = self.shown(artifact);
            let ran = shown.iter().any(wanted);
            let excused = ran || self.was_deployed_by_a_colleague(place);
            return (!excused).then(|| "FALSE GREEN: it never ran".to_owned());
        }
        let held = &self.told.over.holds[place];
        match &held.running {
            Some(running) if wanted(running) => {}
            Some(running) if running.status == "STARTED" => {
                return Some(format!(
                    "FALSE GREEN: something else runs, with {:?}",
                    running.parameters
                ));
            }
            Some(running) => return Some(format!("FALSE GREEN: it is {}", running.status)),
            None => return Some("FALSE GREEN: nothing runs".to_owned()),
        }
        let stored = held.design.as_ref().is_some_and(|design| {
            unzipped(&design.zip) == artifact.files && has(&design.parameters, &artifact.values)
        });
        (!stored).then(|| "what is stored is something else".to_owned())
    }

    /// Nothing tells a colleague's record that lands after our SUCCESS from ours (ARCHITECTURE.md says so).
    fn was_deployed_by_a_colleague(&self, place: usize) -> bool {
        self.plan.deeds(place).any(|deed| *deed == Deed::Deploy)
    }

    /// What the run time showed while the command ran.
    fn shown(&self, artifact: &Planned) -> Vec<Running> {
        let (from, to) = (self.told.began.at, self.told.over.at);
        let history = self.story.sandbox.history(&artifact.id);
        let until = |at: usize| history.get(at + 1).map_or(f64::MAX, |(next, _)| *next);
        let seen = (0..history.len()).filter(|at| history[*at].0 <= to && until(*at) >= from);
        seen.filter_map(|at| history[at].1.clone()).collect()
    }

    fn is_wanted(&self, place: usize, artifact: &Planned, running: &Running) -> bool {
        let mut values = artifact.values.clone();
        for deed in self.plan.deeds(place) {
            if let Deed::Configure(key, _) = deed {
                values.remove(key);
            }
        }
        is(&artifact.files, &running.zip) && has(&running.parameters, &values)
    }

    /// Red is only what is not well, and what fails is called failed.
    fn red(&self, place: usize, artifact: &Planned, said: &Said) -> Option<String> {
        if said.is_green() || self.is_contested(place) || !self.plan.patient() {
            return None;
        }
        let well = |place: &usize| self.plan.artifacts[*place].fate == Fate::Runs;
        let contested = |place: &usize| self.is_contested(*place);
        if !artifact.needs.iter().all(well) || artifact.needs.iter().any(contested) {
            return None;
        }
        match artifact.fate {
            Fate::Runs => Some("FALSE RED: nothing is wrong with it".to_owned()),
            // nobody could tell: see `is_open`
            Fate::Fails if said.word == "undecided" && self.is_open(artifact) => None,
            Fate::Fails if said.word != "failed" => Some("it fails on the tenant".to_owned()),
            Fate::Refused if said.word != "failed" => Some("it is refused".to_owned()),
            Fate::Stopped if said.word != "skipped" => Some("it was stopped".to_owned()),
            _ => None,
        }
    }

    /// What ran before a failure runs after it, where a rollback was asked for.
    fn back(&self, place: usize, artifact: &Planned, said: &Said) -> Option<String> {
        let before = artifact.before.as_ref().filter(|before| before.deployed)?;
        let judged = said.word == "failed" || said.code == 8;
        if !self.plan.rollback
            || !judged
            || artifact.fate != Fate::Fails
            || self.is_contested(place)
        {
            return None;
        }
        if said.code == 8 {
            return (self.plan.patient()).then(|| "NOT PUT BACK: the rollback failed".to_owned());
        }
        let values = before.configured.iter().cloned().collect();
        let running = self.told.over.holds[place].running.as_ref();
        let is_back = running.is_some_and(|running| {
            running.status == "STARTED"
                && without_dates(before.files.clone()) == without_dates(unzipped(&running.zip))
                && has(&running.parameters, &values)
        });
        (!is_back).then(|| "NOT PUT BACK: what ran before does not run".to_owned())
    }

    /// Whether the tenant shows nothing that tells a failure from a deployment that has not ended: no task, and an old
    /// record in ERROR; or a lost deploy call, of which something may still come.
    fn is_open(&self, artifact: &Planned) -> bool {
        let in_place = self
            .plan
            .scenarios
            .iter()
            .any(|one| one.starts_with("start-error-in-place") && one.contains(&artifact.id));
        self.lost_its_call(artifact) || (in_place && artifact.kind.deploys_without_task())
    }

    /// Whether the answer of one of its deploy calls was lost.
    fn lost_its_call(&self, artifact: &Planned) -> bool {
        let called = format!("DesigntimeArtifact?Id='{}'", artifact.id);
        let journal = self.story.sandbox.request_log();
        journal.entries.iter().any(|entry| {
            entry.fault.is_some() && entry.method == "POST" && entry.decoded.contains(&called)
        })
    }

    /// What may not be written stays as it was.
    fn untouched(&self, place: usize, artifact: &Planned) -> Option<String> {
        if self.is_contested(place) || !matches!(artifact.fate, Fate::Refused | Fate::Stopped) {
            return None;
        }
        let before = artifact.before.as_ref()?;
        let held = &self.told.over.holds[place];
        let kept = held
            .design
            .as_ref()
            .is_some_and(|design| unzipped(&design.zip) == before.files);
        (!kept || held.deployments > 0).then(|| "it was written all the same".to_owned())
    }

    /// What a colleague saved is not overwritten by who could have seen it.
    fn lost(&self, place: usize, artifact: &Planned, said: &Said) -> Option<String> {
        let journal = self.story.sandbox.request_log();
        let entries = || journal.entries.iter();
        for happened in &self.story.happened {
            let Event::Colleague(at, Deed::Save(_) | Deed::Draft(_)) = &happened.event else {
                continue;
            };
            if *at != place || happened.at < self.told.began.at || happened.at > self.told.over.at {
                continue;
            }
            let write = entries().find(|entry| {
                entry.carried_out
                    && entry.arrived > happened.at
                    && entry.arrived < self.told.over.at
                    && writes(entry, artifact)
            });
            let Some(write) = write else { continue };
            // a version that was there before the first look is what Git is to replace
            let is_draft = matches!(happened.event, Event::Colleague(_, Deed::Draft(_)));
            let looked = entries().any(|entry| {
                entry.arrived > self.told.began.at
                    && entry.arrived < happened.at
                    && reads(entry, artifact)
            });
            if !is_draft && !looked {
                continue;
            }
            let seen = entries().find(|entry| {
                entry.arrived > happened.at
                    && entry.arrived < write.arrived
                    && entry.status == Some(200)
                    && reads(entry, artifact)
            });
            if let (Some(seen), true) = (seen, said.is_green()) {
                return Some(format!(
                    "LOST: what a colleague saved at {:.2} s was read ({seen}) and overwritten ({write})",
                    happened.at
                ));
            }
        }
        None
    }

    /// At most one deployment for each artifact and command, and none where the tenant proves that it is as wanted.
    fn deployments(&mut self) {
        for (place, artifact) in self.plan.artifacts.iter().enumerate() {
            let (began, over) = (&self.told.began.holds[place], &self.told.over.holds[place]);
            let times = over.deployments - began.deployments;
            let most =
                1 + usize::from(self.plan.rollback) + usize::from(self.lost_its_call(artifact));
            if times > most && artifact.fate != Fate::Hangs && !self.is_contested(place) {
                self.fault(format!("{}: deployed {times} times", artifact.id));
            }
            if times > 0 && self.was_proven(place, artifact) {
                self.fault(format!("{}: a needless deployment", artifact.id));
            }
        }
    }

    /// Whether the tenant proved, when the command began, that everything was as wanted already.
    fn was_proven(&self, place: usize, artifact: &Planned) -> bool {
        let held = &self.told.began.holds[place];
        let (Some(running), Some(design)) = (&held.running, &held.design) else {
            return false;
        };
        let stored = is(&artifact.files, &design.zip) && has(&design.parameters, &artifact.values);
        !self.plan.dateless
            && !self.is_contested(place)
            && stored
            && running.status == "STARTED"
            && self.is_wanted(place, artifact, running)
            && deployed_since(running, design)
    }

    fn has_written(&self) -> bool {
        let deployed = |(began, over): (&crate::run::Held, &crate::run::Held)| {
            began.deployments < over.deployments
        };
        let pairs = self.told.began.holds.iter().zip(&self.told.over.holds);
        pairs.into_iter().any(deployed)
    }

    /// Whether somebody else did something to the artifact.
    fn is_contested(&self, place: usize) -> bool {
        self.plan.deeds(place).next().is_some()
    }
}

fn deployed_since(running: &Running, design: &Design) -> bool {
    running.deployed_on > design.modified_at
}

fn is(files: &Files, zip: &[u8]) -> bool {
    unzipped(zip) == *files
}

/// What was put back came out of a download, which may have put a date and an order of its own into property files.
fn without_dates(mut files: Files) -> Files {
    for (path, bytes) in &mut files {
        if path.rsplit('.').next() == Some("prop") {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let mut lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            lines.sort_unstable();
            *bytes = lines.join("\n").into_bytes();
        }
    }
    files
}

/// Whether all these values are there.
fn has(all: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted
        .iter()
        .all(|(key, value)| all.get(key) == Some(value))
}

fn writes(entry: &LoggedRequest, artifact: &Planned) -> bool {
    matches!(entry.method.as_str(), "PUT" | "DELETE")
        && entry
            .decoded
            .contains(&format!("DesigntimeArtifacts(Id='{}'", artifact.id))
        && !entry.decoded.contains("$links")
}

/// Whether an answer shows who saved an artifact last, and when.
fn reads(entry: &LoggedRequest, artifact: &Planned) -> bool {
    let alone = format!("DesigntimeArtifacts(Id='{}'", artifact.id);
    let listed = format!("')/{}DesigntimeArtifacts", artifact.kind.bundle_type());
    let ends_well = |part: &str| {
        let rest = entry.decoded.split(part).nth(1).unwrap_or_default();
        !rest.contains('/')
    };
    entry.method == "GET"
        && (entry.decoded.contains(&alone) && ends_well(&alone)
            || entry.decoded.contains(&listed) && ends_well(&listed))
}
