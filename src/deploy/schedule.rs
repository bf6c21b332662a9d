//! The order of a run: who may be written now, who waits for whom, who is watched. One hand writes batches while this
//! one watches, so that a slow deployment holds up nobody but those that need it.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::Duration;

use super::deployment::{Decided, Deployment};
use super::evidence::started::Evidence;
use super::outcome::{Message, Outcome, Phase, Sent, Verdict, Word};
use super::plan::Steps;
use super::watch::Watch;
use super::write::{self, Progress, Trace, Writing};
use super::{Context, Next, Planned, proof, recovery};
use crate::artifact::ArtifactKind;
use crate::exit::Exit;

/// How many artifacts are written together: between the upload of one and its deploy call lie those of the others.
const BATCH: usize = 32;
/// The longest wait for something to happen while nothing is watched.
const IDLE: Duration = Duration::from_secs(3600);

/// Where one artifact stands.
enum Stand {
    /// It is to be written, when what it needs runs.
    Waiting(ArtifactKind, Steps),
    /// It is being written or watched.
    Going,
    /// It has its verdict.
    Decided(Box<Outcome>),
}

/// What the writing hand tells.
enum Arrival {
    Written(usize, Progress),
    BatchDone,
}

/// Carries out the plans; gives the outcomes in their order. `decided` hears of each as soon as it has its verdict.
pub fn carry_out(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    decided: &dyn Fn(usize, &Outcome),
) -> Vec<Outcome> {
    let (arrivals, arriving) = mpsc::channel();
    thread::scope(|scope| {
        let mut schedule = Schedule::new(context, planned, decided);
        let mut watch = Watch::new(context);
        let mut writing = false;
        loop {
            schedule.skip_the_hopeless();
            if !writing {
                let batch = schedule.next_batch(watch.is_empty());
                writing = !batch.is_empty();
                if writing {
                    write(scope, context, batch, arrivals.clone());
                }
            }
            if !writing && watch.is_empty() {
                break;
            }
            let pause = watch.pause().unwrap_or(IDLE);
            match arriving.recv_timeout(pause) {
                Ok(Arrival::Written(place, progress)) => {
                    if let Some(watched) = schedule.take(place, progress) {
                        watch.add(watched);
                    }
                }
                Ok(Arrival::BatchDone) => writing = false,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            for verdict in watch.round(schedule.somebody_waits()) {
                schedule.decide(verdict);
            }
        }
        schedule.outcomes()
    })
}

/// Writes a batch with a hand of its own.
fn write<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    context: &'env Context<'env>,
    batch: Vec<Writing<'env>>,
    arrivals: Sender<Arrival>,
) {
    scope.spawn(move || {
        // the receiver lives as long as the scope
        write::carry_out(context, batch, &|place, progress| {
            let _ = arrivals.send(Arrival::Written(place, progress));
        });
        let _ = arrivals.send(Arrival::BatchDone);
    });
}

struct Schedule<'a> {
    context: &'a Context<'a>,
    planned: &'a [Planned<'a>],
    decided: &'a dyn Fn(usize, &Outcome),
    stands: Vec<Stand>,
}

impl<'a> Schedule<'a> {
    fn new(
        context: &'a Context<'a>,
        planned: &'a [Planned<'a>],
        decided: &'a dyn Fn(usize, &Outcome),
    ) -> Self {
        let stands = planned
            .iter()
            .map(|one| match &one.next {
                Next::Write(kind, steps) => Stand::Waiting(*kind, *steps),
                Next::End(verdict, phase) => {
                    let verdict = verdict.as_ref().clone();
                    if verdict.word == Word::Unchanged {
                        recovery::decided(context, one.job, &one.standing);
                    }
                    let outcome = one.outcome(context, Trace::at(*phase), None, verdict);
                    Stand::Decided(Box::new(outcome))
                }
            })
            .collect();
        Self {
            context,
            planned,
            decided,
            stands,
        }
    }

    /// The artifacts that may be written now, at most a batch. Collections and mappings come before flows.
    /// `nothing_moves`: nothing is written or watched, so whoever still waits, waits in a circle.
    fn next_batch(&mut self, nothing_moves: bool) -> Vec<Writing<'a>> {
        let mut ready: Vec<usize> = self
            .waiting()
            .filter(|place| self.is_ready(*place))
            .collect();
        if ready.is_empty() && nothing_moves {
            ready = self.waiting().take(1).collect();
        }
        ready.sort_by_key(|place| match self.stands[*place] {
            Stand::Waiting(ArtifactKind::IntegrationFlow, _) => (1, *place),
            _ => (0, *place),
        });
        ready.truncate(BATCH);
        ready
            .into_iter()
            .filter_map(|place| self.order(place))
            .collect()
    }

    fn order(&mut self, place: usize) -> Option<Writing<'a>> {
        let Stand::Waiting(kind, steps) = self.stands[place] else {
            return None;
        };
        let one = &self.planned[place];
        if self.context.deadline.passed(self.context.clock.now()) {
            self.conclude(place, Trace::at(Phase::Read), None, out_of_time());
            return None;
        }
        self.stands[place] = Stand::Going;
        let wanted = (one.job, &one.standing);
        Some(Writing::new(self.context, place, wanted, kind, steps))
    }

    fn waiting(&self) -> impl Iterator<Item = usize> {
        let waits = |place: &usize| matches!(self.stands[*place], Stand::Waiting(..));
        (0..self.stands.len()).filter(waits)
    }

    fn is_ready(&self, place: usize) -> bool {
        self.planned[place]
            .job
            .needs
            .iter()
            .all(|need| matches!(self.stands.get(*need), Some(Stand::Decided(_)) | None))
    }

    /// Whether somebody waits for another's verdict.
    fn somebody_waits(&self) -> bool {
        self.waiting().next().is_some()
    }

    /// Ends those that need what did not come to run.
    fn skip_the_hopeless(&mut self) {
        loop {
            let hopeless: Vec<(usize, Verdict)> = self
                .waiting()
                .filter_map(|place| Some((place, Verdict::skipped_with(self.failed_need(place)?))))
                .collect();
            if hopeless.is_empty() {
                return;
            }
            for (place, verdict) in hopeless {
                self.conclude(place, Trace::at(Phase::Read), None, verdict);
            }
        }
    }

    fn failed_need(&self, place: usize) -> Option<&Outcome> {
        self.planned[place]
            .job
            .needs
            .iter()
            .find_map(|need| match self.stands.get(*need) {
                Some(Stand::Decided(outcome)) if outcome.verdict.exit != Exit::Ok => {
                    Some(outcome.as_ref())
                }
                _ => None,
            })
    }

    /// Takes the end of a writing; gives what is to be watched.
    fn take(&mut self, place: usize, progress: Progress) -> Option<Deployment<'a>> {
        match progress {
            Progress::Watch(pending) => Some(Deployment::new(place, &self.planned[place], pending)),
            Progress::Done(verdict, trace) => {
                self.conclude(place, trace, None, *verdict);
                None
            }
        }
    }

    fn decide(&mut self, (one, verdict): Decided<'_>) {
        let evidence = &one.pending.evidence;
        let mut trace = one.pending.trace.clone();
        if evidence.build_failed() {
            trace.phase = Phase::Deploy;
        }
        if verdict.word == Word::Started {
            let planned = &self.planned[one.place];
            proof::record(self.context, planned.job, &planned.standing, &one.pending);
        }
        self.conclude(one.place, trace, Some(evidence), verdict);
    }

    fn conclude(
        &mut self,
        place: usize,
        trace: Trace,
        evidence: Option<&Evidence>,
        verdict: Verdict,
    ) {
        let outcome = self.planned[place].outcome(self.context, trace, evidence, verdict);
        // whose end nobody knows may still be on its way
        let is_known = match outcome.verdict.word {
            Word::Started | Word::Unchanged => true,
            Word::Undecided | Word::Unreachable => false,
            _ => outcome.sent == Sent::Call,
        };
        if is_known {
            let one = &self.planned[place];
            recovery::decided(self.context, one.job, &one.standing);
        }
        let word = outcome.verdict.word;
        let ledger = &self.context.ledger;
        let state = format!("{}; {}", word.name(), outcome.verdict.evidence);
        ledger.wrote(&outcome.id, state);
        if self.planned.len() > 1 {
            ledger.decided(&outcome.id, word);
        }
        (self.decided)(place, &outcome);
        self.stands[place] = Stand::Decided(Box::new(outcome));
    }

    fn outcomes(self) -> Vec<Outcome> {
        self.stands
            .into_iter()
            .filter_map(|stand| match stand {
                Stand::Decided(outcome) => Some(*outcome),
                Stand::Waiting(..) | Stand::Going => None,
            })
            .collect()
    }
}

fn out_of_time() -> Verdict {
    let message = Message::new("the time was up before its turn came")
        .hint("run again with a longer --timeout: what is done already is not done again");
    Verdict::unwritten(Word::Unreachable, message)
}
