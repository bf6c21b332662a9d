//! Progress while a run goes on, as lines or as a table, and the ledger of what the tenant holds, for the case that it
//! is interrupted.

use std::collections::BTreeMap;
use std::io::{self, Write};

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
pub struct Progress {
    volume: Volume,
    simulated: bool,
    /// What the tenant holds of each artifact; empty while nothing was written.
    states: BTreeMap<String, String>,
    /// The files in which is kept what stood there before.
    kept: BTreeMap<String, String>,
    table: Option<Table>,
}

impl Progress {
    /// A progress that says so much; `simulated` runs say so in each line.
    #[must_use]
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
    #[must_use]
    pub fn with_table(self, table: Option<Table>) -> Self {
        Self { table, ..self }
    }

    /// Takes note of an event that happened at `now`.
    pub fn tell(&mut self, event: &Event, now: Moment, err: &mut dyn Write) -> io::Result<()> {
        if let Event::Progress { artifact, .. } = event {
            self.states.entry(artifact.clone()).or_default();
        }
        match event {
            Event::Progress { artifact, text } if self.volume != Volume::Quiet => {
                let table = self.table.as_mut();
                if table.is_some_and(|table| table.hear(artifact, text, now)) {
                    return Ok(());
                }
                self.line(now, &format!("{artifact}: {text}"), err)
            }
            Event::Request(text) if self.volume == Volume::Verbose => self.line(now, text, err),
            Event::Wrote { artifact, state } => {
                self.states.insert(artifact.clone(), state.clone());
                Ok(())
            }
            Event::Kept { artifact, file } => {
                match file {
                    Some(file) => self.kept.insert(artifact.clone(), file.clone()),
                    None => self.kept.remove(artifact),
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Brings the table up to date, where there is one. Called often: it looks itself whether there is anything to draw.
    pub fn draw(&mut self, now: Moment, err: &mut dyn Write) -> io::Result<()> {
        self.table
            .as_mut()
            .map_or(Ok(()), |table| table.draw(now, err))
    }

    /// Takes the table away, where there is one, before anybody else writes to its terminal.
    pub fn clear(&mut self, err: &mut dyn Write) -> io::Result<()> {
        self.table.as_mut().map_or(Ok(()), |table| table.clear(err))
    }

    /// A line with the time since the start, above the table.
    pub fn line(&mut self, now: Moment, text: &str, err: &mut dyn Write) -> io::Result<()> {
        self.clear(err)?;
        let mark = if self.simulated { "SIMULATED " } else { "" };
        writeln!(err, "{mark}{:>6.1}s {}", now.as_secs_f64(), disarm(text))
    }

    /// What the tenant holds, for a run that ends before its verdicts.
    #[must_use]
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
    use crate::report::table::{Look, Row, Size};
    use crate::report::text::Style;
    use crate::text::redactor::Redactor;

    fn told(artifact: &str, text: &str) -> Event {
        Event::Progress {
            artifact: artifact.to_owned(),
            text: text.to_owned(),
        }
    }

    /// What a progress writes when it is told these events, one a second.
    fn written(mut progress: Progress, events: &[Event]) -> String {
        let mut err = Vec::new();
        for (second, event) in (0..).zip(events) {
            let now = Moment::from_secs(second);
            progress.tell(event, now, &mut err).unwrap();
            progress.draw(now, &mut err).unwrap();
        }
        progress.clear(&mut err).unwrap();
        String::from_utf8(err).unwrap()
    }

    fn table() -> Option<Table> {
        let look = Look {
            style: Style::new(false),
            simulated: false,
        };
        let rows = vec![Row::waiting("A"), Row::waiting("B")];
        let size = Size {
            width: 80,
            height: 24,
        };
        Table::new(rows, look, Redactor::new(), move || Some(size))
    }

    #[test]
    fn without_a_table_each_event_is_a_line() {
        let events = [told("A", "reading"), told("A", "started")];
        let progress = Progress::new(Volume::Normal, true);
        assert_eq!(
            written(progress, &events),
            "SIMULATED    0.0s A: reading\nSIMULATED    1.0s A: started\n"
        );
    }

    #[test]
    fn with_a_table_only_warnings_are_lines_that_stay() {
        let events = [
            told("A", "reading"),
            told("A", "warning: needs B"),
            told("B", "reading"),
        ];
        let progress = Progress::new(Volume::Normal, false).with_table(table());
        let written = written(progress, &events);
        let lines: Vec<&str> = written
            .lines()
            .filter(|line| line.contains("s A:"))
            .collect();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].ends_with("   1.0s A: warning: needs B"),
            "{lines:?}"
        );
        assert!(written.contains("B     0 s  reading"));
    }

    #[test]
    fn what_was_written_is_remembered_beside_a_table() {
        let mut progress = Progress::new(Volume::Normal, false).with_table(table());
        let event = Event::Wrote {
            artifact: "A".to_owned(),
            state: "uploaded".to_owned(),
        };
        progress
            .tell(&event, Moment::ZERO, &mut Vec::new())
            .unwrap();
        assert_eq!(progress.states(), ["state: A: uploaded"]);
    }
}
