//! What was sent and answered, told as it happens: progress for the reader, and the ledger that is printed when a
//! run is interrupted.

use std::sync::mpsc::{self, Receiver, Sender};

use super::outcome::{Outcome, Word};

/// Something that happened during a run.
#[derive(Debug)]
pub enum Event {
    /// A change worth a line, about one artifact.
    Progress {
        /// The artifact.
        artifact: String,
        /// What happened.
        text: String,
    },
    /// An artifact has its verdict.
    Decided {
        /// The artifact.
        artifact: String,
        /// The verdict.
        word: Word,
    },
    /// A write was sent or answered, or a verdict was reached: what the tenant holds now.
    Wrote {
        /// The artifact.
        artifact: String,
        /// What the tenant holds now.
        state: String,
    },
    /// What stood on the tenant is kept in a file, or needed no more.
    Kept {
        /// The artifact.
        artifact: String,
        /// The file, `None` when it is gone.
        file: Option<String>,
    },
    /// A line about the whole run.
    Told(String),
    /// One request, for `--verbose`.
    Request(String),
    /// Somebody is to be asked; the work waits for the answer.
    Question {
        /// What is asked; the last line is the question itself.
        lines: Vec<String>,
        /// Where the answer goes: whether it was yes.
        answer: Sender<bool>,
    },
    /// A thread broke off: a fault of flowship.
    Broken(String),
    /// The work has ended.
    Ended,
}

/// How the work ended.
#[derive(Debug)]
pub enum Ended {
    /// With a verdict for each artifact.
    Verdicts(Vec<Outcome>),
    /// With what would be done.
    Previews(Vec<super::preview::Preview>),
    /// Before the first write, because the arguments do not fit the tenant.
    Usage(Vec<super::outcome::Message>),
}

/// Where the events of one run go.
#[derive(Clone, Debug)]
pub struct Ledger {
    events: Sender<Event>,
    /// What every line of this part of the run begins with.
    mark: &'static str,
}

impl Ledger {
    /// A ledger that tells `events`.
    pub fn new(events: Sender<Event>) -> Self {
        Self { events, mark: "" }
    }

    /// The same ledger for a part of the run whose every line begins so.
    pub fn marked(&self, mark: &'static str) -> Self {
        Self {
            events: self.events.clone(),
            mark,
        }
    }

    /// Tells progress. A reader that is gone is no reason to stop.
    pub fn progress(&self, artifact: &str, text: impl Into<String>) {
        let _ = self.events.send(Event::Progress {
            artifact: artifact.to_owned(),
            text: format!("{}{}", self.mark, text.into()),
        });
    }

    /// Tells a verdict.
    pub fn decided(&self, artifact: &str, word: Word) {
        let _ = self.events.send(Event::Decided {
            artifact: artifact.to_owned(),
            word,
        });
    }

    /// Asks whoever sits at the terminal. Where nobody answers, the receiver finds that nothing comes.
    pub fn ask(&self, lines: Vec<String>) -> Receiver<bool> {
        let (answer, answered) = mpsc::channel();
        let _ = self.events.send(Event::Question { lines, answer });
        answered
    }

    /// Takes note of where what stood on the tenant is kept; `None` when it is not any more.
    pub fn kept(&self, artifact: &str, file: Option<String>) {
        let _ = self.events.send(Event::Kept {
            artifact: artifact.to_owned(),
            file,
        });
    }

    /// Takes note of a write.
    pub fn wrote(&self, artifact: &str, state: impl Into<String>) {
        let _ = self.events.send(Event::Wrote {
            artifact: artifact.to_owned(),
            state: format!("{}{}", self.mark, state.into()),
        });
    }
}
