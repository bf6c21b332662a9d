//! Putting back several artifacts together: read, decide, write, judge. Those whose flow stopped running meanwhile go through
//! it once more.

use std::time::Duration;

use super::READERS;
use super::arrival::{self, Late, Watched};
use super::course::{self, Case, Way};
use super::kept::Kept;
use crate::deploy::job::Job;
use crate::deploy::outcome::{Outcome, PutBack, Rollback};
use crate::deploy::survey::{self, Depth, Surveyed};
use crate::deploy::{self, Context, Planned, recovery};
use crate::journal::Was;
use crate::parallel::parallel_map;

/// How long it may take to read what a rollback that failed has left.
const CLOSING: Duration = Duration::from_secs(10);

/// One artifact that is put back.
pub struct Back {
    pub place: usize,
    pub kept: Kept,
    /// It is deployed again though what ran before seemed to go on running: that is over by now.
    pub again: bool,
}

/// The same after what was to be written is written.
struct End {
    back: Back,
    job: Job,
    way: Result<Way, Rollback>,
    /// How the writing ended, where something was written.
    new: Option<Outcome>,
    /// The flow that went on running, while a deployment of this run may come late.
    watched: Option<Watched>,
}

/// What came of artifacts by their places, and those whose flow has stopped running meanwhile.
type EndsAndOver = (Vec<(usize, Rollback)>, Vec<(Back, Job)>);

/// Puts back what was kept, together; gives what came of each by its place.
pub fn put_back(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    backs: Vec<(Back, Job)>,
    outcomes: &mut [Outcome],
) -> Vec<(usize, Rollback)> {
    let (mut ended, over) = one_pass(context, planned, backs, outcomes);
    let (second, none_left) = one_pass(context, planned, over, outcomes);
    ended.extend(second);
    debug_assert!(none_left.is_empty(), "what was deployed again is decided");
    ended
}

/// One pass: read, decide, write, judge.
fn one_pass(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    backs: Vec<(Back, Job)>,
    outcomes: &mut [Outcome],
) -> EndsAndOver {
    let (mut ended, mut over) = EndsAndOver::default();
    if backs.is_empty() {
        return (ended, over);
    }
    let mut ends = written(context, planned, backs, outcomes);
    // where a flow seemed to go on running, a deployment of this run may come late
    let watched = ends.iter_mut().filter_map(|end| end.watched.as_mut());
    arrival::watch(context, watched.collect());
    for end in ends {
        if end.late() == Some(Late::Came) {
            let again = true;
            over.push((Back { again, ..end.back }, end.job));
        } else {
            let place = end.back.place;
            ended.push((
                place,
                end.told(context, &planned[place], &mut outcomes[place]),
            ));
        }
    }
    (ended, over)
}

/// Reads what the tenant holds now, decides what is done with each, and does it.
fn written(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    backs: Vec<(Back, Job)>,
    outcomes: &[Outcome],
) -> Vec<End> {
    let (backs, mut jobs): (Vec<Back>, Vec<Job>) = backs.into_iter().unzip();
    let surveyed = survey::survey(context, &jobs, Depth::Decisions);
    let read = surveyed.into_iter().map(|one| one.standing).enumerate();
    let ways = parallel_map(read.collect::<Vec<_>>(), READERS, |(number, standing)| {
        let back = &backs[number];
        let (ours, outcome) = (&planned[back.place], &outcomes[back.place]);
        back.case(context, ours, outcome, &jobs[number])
            .way(standing)
    });
    let mut to_write = Vec::new();
    for (job, way) in jobs.iter_mut().zip(&ways) {
        if let Ok(way) = way {
            way.settle(job);
            let (started, standing) = (context.clock.now(), Ok(way.standing.clone()));
            let one = Surveyed {
                job,
                started,
                standing,
            };
            to_write.push(deploy::planned(context, one));
        }
    }
    let mut written = deploy::carry_out(context, &to_write, &|_, _| {}).into_iter();
    let all = backs.into_iter().zip(jobs).zip(ways);
    all.map(|((back, job), way)| {
        let new = way.as_ref().ok().and_then(|_| written.next());
        let watched = match (&way, &new) {
            (Ok(way), Some(new)) if !back.again => {
                way.goes_on(&back.kept, new, &outcomes[back.place])
            }
            _ => None,
        };
        End {
            back,
            job,
            way,
            new,
            watched,
        }
    })
    .collect()
}

impl Back {
    fn case<'a>(
        &'a self,
        context: &'a Context<'a>,
        ours: &'a Planned<'a>,
        outcome: &'a Outcome,
        job: &'a Job,
    ) -> Case<'a> {
        Case {
            context,
            ours,
            outcome,
            before: &self.kept,
            job,
            again: self.again,
        }
    }
}

/// For the last reads of a rollback that failed.
fn closing<'a>(context: &Context<'a>) -> Context<'a> {
    let soon = context.clock.now() + CLOSING;
    Context {
        deadline: context.deadline.or_later(soon),
        ..context.clone()
    }
}

impl End {
    fn late(&self) -> Option<Late> {
        self.watched.as_ref().map(Watched::late)
    }

    /// What came of it. `ours`: what this run wanted of the artifact.
    fn told(self, context: &Context<'_>, ours: &Planned<'_>, outcome: &mut Outcome) -> Rollback {
        let (late, before) = (self.late(), &self.back.kept);
        let rollback = match (self.way, &self.new) {
            (Err(rollback), _) => rollback,
            (Ok(way), Some(new)) => {
                course::shown(outcome, new);
                way.judged(context, before, new, outcome, late)
            }
            (Ok(_), None) => course::not_written(),
        };
        if late == Some(Late::Open) {
            // what may come would look like a deployment of what was put back
            recovery::update(context, ours.job, &ours.standing, |recovery| {
                recovery.suspect = true;
            });
        }
        match (rollback.result, before.snapshot.was) {
            (PutBack::Failed, was) => {
                let still_runs = matches!(was, Was::Running(deployed)
                    if course::still_runs(context, deployed, outcome));
                let closing = closing(context);
                let case = self.back.case(&closing, ours, outcome, &self.job);
                let rollback = course::with_what_is_held(rollback, &case);
                self.back.kept.hand_out(rollback, still_runs)
            }
            // its save is later than what runs, so only the journal knows that it is what runs
            (PutBack::DesignTime, Was::Running(_)) => self.back.kept.remain_told(context, rollback),
            _ => {
                self.back.kept.forget(context);
                rollback
            }
        }
    }
}
