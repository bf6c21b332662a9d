//! Thousands of deployments against simulated tenants on which everything goes wrong that a seed can think of: each
//! verdict is held against what the tenant knows to be true.
//!
//! ```text
//! cargo build --release
//! cargo bench --bench soak -- --seed 1 --runs 2000 --jobs 16
//! ```
//!
//! The client is a release binary in a process of its own. The tenant is flowship's sandbox in this process, which
//! knows nothing of the client and talks to it over a socket; only so can it be stopped between two requests, to kill
//! the client or to let a colleague in just there, and asked for everything that it ever showed.
//!
//! Run number n of a soak has the seed `--seed` + n, so `--seed THAT --runs 1` repeats it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: it stops at the first surprise of its own"
)]

mod artifacts;
mod client;
mod plan;
mod run;
mod truth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use plan::{Event, Plan};
use run::Story;

/// Deploys at random, and compares every verdict with the truth.
#[derive(Debug, Parser)]
struct Arguments {
    /// The seed of the first run; the others have those that follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs.
    #[arg(long, default_value_t = 100)]
    runs: u64,
    /// How many at once: most of the time a run waits.
    #[arg(long, default_value_t = 8)]
    jobs: u64,
    /// The flowship that is put to the test.
    #[arg(long, default_value = "target/release/flowship")]
    binary: PathBuf,
    /// Tells everything that happened, run by run.
    #[arg(long)]
    show: bool,
    /// Cargo says this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What all runs together came to.
#[derive(Default)]
struct Figures {
    counts: BTreeMap<String, u64>,
    failed: Vec<u64>,
}

impl Figures {
    fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn add(&mut self, plan: &Plan, story: &Story) {
        self.count("runs");
        for told in &story.commands {
            self.count("commands");
            match told.ended.code {
                Some(code) => self.count(format!("exit code {code:>3}")),
                None => self.count("killed"),
            }
            let report: serde_json::Value =
                serde_json::from_str(&told.ended.stdout).unwrap_or_default();
            for one in report["artifacts"].as_array().into_iter().flatten() {
                self.count(format!(
                    "verdict {}",
                    one["verdict"].as_str().unwrap_or("?")
                ));
                if let Some(result) = one["rollback"]["result"].as_str() {
                    self.count(format!("rollback {result}"));
                }
            }
        }
        for happened in &story.happened {
            match &happened.event {
                Event::Signal(name, _) => self.count(format!("signal {name}")),
                Event::Colleague(..) => self.count("deeds of a colleague"),
            }
        }
        let journal = story.sandbox.request_log();
        for entry in &journal.entries {
            self.count("requests");
            if entry.fault.is_some() {
                self.count("faults on the wire");
            }
        }
        for _ in &plan.artifacts {
            self.count("artifacts");
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Ok(binary) = arguments.binary.canonicalize() else {
        println!(
            "{} is not there: `cargo build --release`, or --binary",
            arguments.binary.display()
        );
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let figures = Mutex::new(Figures::default());
    thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= arguments.runs {
                        return;
                    }
                    one(&arguments, &binary, arguments.seed + number, &figures);
                }
            });
        }
    });
    let figures = figures.into_inner().unwrap();
    for (what, count) in &figures.counts {
        println!("{what:<28} {count:>8}");
    }
    println!(
        "{:<28} {:>8}",
        "runs that were not right",
        figures.failed.len()
    );
    println!("{:<28} {:>7}s", "time", began.elapsed().as_secs());
    if figures.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One run, told when it was not right.
fn one(arguments: &Arguments, binary: &Path, seed: u64, figures: &Mutex<Figures>) {
    let plan = Plan::of(seed);
    let story = run::run(&plan, binary);
    let faults = truth::judge(&plan, &story);
    let mut figures = figures.lock().unwrap();
    figures.add(&plan, &story);
    if arguments.show {
        show(&plan, &story);
    }
    if faults.is_empty() {
        return;
    }
    figures.failed.push(seed);
    println!("NOT RIGHT: cargo bench --bench soak -- --seed {seed} --runs 1 --show");
    for fault in faults {
        println!("    {fault}");
    }
}

/// Everything that happened in one run.
fn show(plan: &Plan, story: &Story) {
    println!("seed {}: {}", plan.seed, plan.scenarios.join(" "));
    println!("options: {}", plan.options.join(" "));
    for artifact in &plan.artifacts {
        let before = artifact.before.as_ref();
        println!(
            "{} {:?}: needs {:?}, wants {:?}, before: {}",
            artifact.id,
            artifact.fate,
            artifact.needs,
            artifact.values,
            before.map_or("nothing".to_owned(), |before| format!(
                "{}, deployed {}, configured {:?}",
                if before.files == artifact.files {
                    "the same"
                } else {
                    "other content"
                },
                before.deployed,
                before.configured
            ))
        );
        for (since, running) in story.sandbox.history(&artifact.id) {
            match running {
                Some(running) => println!(
                    "{since:>8.2} s  {} DeployedOn {} by {}, {} {:?}",
                    running.status,
                    running.deployed_on,
                    running.deployed_by,
                    if artifacts::unzipped(&running.zip) == artifact.files {
                        "ours"
                    } else {
                        "other content"
                    },
                    running.parameters
                ),
                None => println!("{since:>8.2} s  gone"),
            }
        }
    }
    for entry in &story.sandbox.request_log().entries {
        println!(
            "{entry}{}",
            if entry.carried_out {
                ""
            } else {
                " (not carried out)"
            }
        );
    }
    for happened in &story.happened {
        let event = match &happened.event {
            Event::Signal(name, later) => format!("SIG{name} {later} ms later"),
            Event::Colleague(place, deed) => {
                let deed = format!("{deed:?}");
                let word = deed.split('(').next().unwrap_or_default();
                format!("a colleague: {word} {}", plan.artifacts[*place].id)
            }
        };
        println!("{:>8.2} s  {event}", happened.at);
    }
    for (at, told) in story.commands.iter().enumerate() {
        println!(
            "command {} ended with {:?} ({:.2} s to {:.2} s)\n{}{}",
            at + 1,
            told.ended.code,
            told.began.at,
            told.over.at,
            told.ended.stderr,
            told.ended.stdout
        );
    }
}
