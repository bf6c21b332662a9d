//! Progress while a run goes on, as lines or as a table, and the ledger of what the tenant holds, for the case that it
//! is interrupted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::page::mark;
use super::table::Table;
use crate::clock::Moment;
use crate::deploy::ledger::Event;
use crate::text::disarm;

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
pub struct RunProgress {
    volume: Volume,
    simulated: bool,
    /// What the tenant holds of each artifact; empty while nothing was written.
    states: BTreeMap<String, String>,
    /// The files in which is kept what stood there before.
    kept: BTreeMap<String, String>,
    table: Option<Table>,
}

impl RunProgress {
    /// A progress that says so much; `simulated` runs say so in each line.
    pub fn new(volume: Volume, simulated: bool) -> Self {
        Self {
            volume,
            simulated,
            states: BTreeMap::new(),
            kept: BTreeMap::new(),
            table: None,
        }
    }

    /// The same, but what is told about the artifacts of `table` is drawn there; `None` leaves it at lines.
    pub fn with_table(self, table: Option<Table>) -> Self {
        Self { table, ..self }
    }

    /// Takes note of an event that happened at `now`.
    pub fn tell(&mut self, event: &Event, now: Moment, err: &mut dyn Write) -> io::Result<()> {
        let (artifact, text) = match event {
            Event::Progress { artifact, text } => {
                self.states.entry(artifact.clone()).or_default();
                (Some(artifact), text.as_str())
            }
            Event::Decided { artifact, word } => (Some(artifact), word.name()),
            Event::Told(text) => (None, text.as_str()),
            Event::Request(text) if self.volume == Volume::Verbose => (None, text.as_str()),
            Event::Wrote { artifact, state } => {
                self.states.insert(artifact.clone(), state.clone());
                return Ok(());
            }
            Event::Kept { artifact, file } => {
                match file {
                    Some(file) => self.kept.insert(artifact.clone(), file.clone()),
                    None => self.kept.remove(artifact),
                };
                return Ok(());
            }
            _ => return Ok(()),
        };
        let is_drawn = |table: &mut Table| match event {
            Event::Progress { artifact, text } => table.hear(artifact, text, now),
            Event::Decided { artifact, word } => table.decide(artifact, *word, now),
            _ => false,
        };
        if self.volume == Volume::Quiet || self.table.as_mut().is_some_and(is_drawn) {
            return Ok(());
        }
        match artifact {
            Some(artifact) => self.line(now, &format!("{artifact}: {text}"), err),
            None => self.line(now, text, err),
        }
    }

    /// Brings the table up to date, where there is one.
    pub fn draw(&self, now: Moment) {
        if let Some(table) = &self.table {
            table.draw(now);
        }
    }

    /// Removes the table, where there is one, before anything else is written to its terminal.
    pub fn clear(&self) -> io::Result<()> {
        self.table.as_ref().map_or(Ok(()), Table::clear)
    }

    /// A line with the time since the start, above the table.
    pub fn line(&self, now: Moment, text: &str, err: &mut dyn Write) -> io::Result<()> {
        let mark = mark(self.simulated);
        let line = format!("{mark}{:>6.1}s {}", now.as_secs_f64(), disarm(text));
        match &self.table {
            Some(table) => table.line(&line),
            None => writeln!(err, "{line}"),
        }
    }

    /// What the tenant holds, for a run that ends before its verdicts.
    pub fn states(&self) -> Vec<String> {
        let kept = self.kept.iter();
        let kept = kept.map(|(artifact, file)| {
            format!("kept:  {artifact}: what stood there before is in {file}")
        });
        if self.states.values().all(String::is_empty) {
            let nothing = "state: nothing was written to the tenant".to_owned();
            return std::iter::once(nothing).chain(kept).collect();
        }
        let state = |(artifact, state): (&String, &String)| {
            let state = if state.is_empty() {
                "nothing was written"
            } else {
                state
            };
            format!("state: {artifact}: {state}")
        };
        self.states.iter().map(state).chain(kept).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::outcome::Word;

    #[test]
    fn without_a_table_each_event_is_a_line() {
        let mut progress = RunProgress::new(Volume::Normal, true);
        let mut err = Vec::new();
        let artifact = || "A".to_owned();
        let events = [
            Event::Progress {
                artifact: artifact(),
                text: "reading".to_owned(),
            },
            Event::Wrote {
                artifact: artifact(),
                state: "uploaded".to_owned(),
            },
            Event::Decided {
                artifact: artifact(),
                word: Word::Started,
            },
        ];
        for (second, event) in (0..).zip(&events) {
            let now = Moment::from_secs(second);
            progress.tell(event, now, &mut err).unwrap();
        }
        assert_eq!(
            String::from_utf8(err).unwrap(),
            "SIMULATED    0.0s A: reading\nSIMULATED    2.0s A: started\n"
        );
        assert_eq!(progress.states(), ["state: A: uploaded"]);
    }
}
