//! Progress while a run goes on, and the ledger of what the tenant holds, for the case that it is interrupted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::clock::Moment;
use crate::deploy::ledger::Event;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// Errors only.
    Quiet,
    /// Changes and a heartbeat.
    Normal,
    /// Each request as well.
    Verbose,
}

/// Prints events as they come, and remembers what was written.
pub struct Progress {
    volume: Volume,
    simulated: bool,
    states: BTreeMap<String, String>,
}

impl Progress {
    /// A progress that says so much; `simulated` runs say so in each line.
    #[must_use]
    pub fn new(volume: Volume, simulated: bool) -> Self {
        Self {
            volume,
            simulated,
            states: BTreeMap::new(),
        }
    }

    /// Takes note of an event that happened at `now`.
    pub fn tell(&mut self, event: &Event, now: Moment, err: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Progress { artifact, text } if self.volume != Volume::Quiet => {
                self.line(now, &format!("{artifact}: {text}"), err)
            }
            Event::Request(text) if self.volume == Volume::Verbose => self.line(now, text, err),
            Event::Wrote { artifact, state } => {
                self.states.insert(artifact.clone(), state.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A line with the time since the start.
    pub fn line(&self, now: Moment, text: &str, err: &mut dyn Write) -> io::Result<()> {
        let mark = if self.simulated { "SIMULATED " } else { "" };
        writeln!(err, "{mark}{:>6.1}s {text}", now.as_secs_f64())
    }

    /// What the tenant holds, for a run that ends before its verdicts.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        if self.states.is_empty() {
            return vec!["state: nothing was written to the tenant".to_owned()];
        }
        let state = |(artifact, state): (&String, &String)| format!("state: {artifact}: {state}");
        self.states.iter().map(state).collect()
    }
}
