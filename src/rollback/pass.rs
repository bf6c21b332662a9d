//! Putting back several artifacts together: read, decide, write, judge. Those whose flow stopped running meanwhile go through
//! it once more.

use std::time::Duration;

use super::READERS;
use super::arrival::{self, Late, Watched};
use super::course::{self, Course};
use super::kept::{self, Kept};
use crate::deploy::job::Job;
use crate::deploy::outcome::{Outcome, PutBack, Rollback};
use crate::deploy::plan::Standing;
use crate::deploy::survey::{self, Depth, Surveyed};
use crate::deploy::{self, Context, Planned, Stop, recovery};
use crate::journal::Was;
use crate::parallel::parallel_map;

/// How long it may take to read what a rollback that failed has left.
const CLOSING: Duration = Duration::from_secs(10);

/// One artifact that is put back.
pub struct Back {
    place: usize,
    kept: Kept,
    /// It is deployed again though what ran before seemed to go on running: that is over by now.
    again: bool,
}

impl Back {
    pub fn new(place: usize, kept: Kept) -> Self {
        Self {
            place,
            kept,
            again: false,
        }
    }
}

/// Puts back what was kept, together; gives what came of each by its place.
pub fn put_back(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    backs: Vec<Back>,
    outcomes: &mut [Outcome],
) -> Vec<(usize, Rollback)> {
    let (mut ended, over) = one_pass(context, planned, backs, outcomes);
    let (second, none_left) = one_pass(context, planned, over, outcomes);
    ended.extend(second);
    debug_assert!(none_left.is_empty(), "what was deployed again is decided");
    ended
}

/// One pass: read, decide, write, judge. Gives what is decided, and those whose flow has stopped running meanwhile.
fn one_pass(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    backs: Vec<Back>,
    outcomes: &mut [Outcome],
) -> (Vec<(usize, Rollback)>, Vec<Back>) {
    if backs.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let (facts, mut jobs) = apart(backs);
    let courses = courses(context, planned, &facts, &jobs, outcomes);
    for (job, course) in jobs.iter_mut().zip(&courses) {
        course.settle(job);
    }
    let written: Vec<Planned<'_>> = jobs
        .iter()
        .zip(&courses)
        .filter_map(|(job, course)| {
            let standing = Ok(course.standing()?.clone());
            let started = context.clock.now();
            Some(deploy::planned(
                context,
                Surveyed {
                    job,
                    started,
                    standing,
                },
            ))
        })
        .collect();
    let written = deploy::carry_out(context, &written, &|_, _| {});
    let mut ends: Vec<End> = ends_of(facts, jobs, courses, written);
    await_late(context, &mut ends, outcomes);
    let mut ended = Vec::new();
    let mut over = Vec::new();
    for end in ends {
        match end.told(context, planned, outcomes) {
            Told::Ended(place, rollback) => ended.push((place, rollback)),
            Told::Over(back) => over.push(*back),
        }
    }
    (ended, over)
}

/// One artifact after what was to be written is written.
struct End {
    place: usize,
    kept: Kept,
    again: bool,
    course: Course,
    /// How the writing ended, where something was written.
    new: Option<Outcome>,
    late: Option<Late>,
}

/// What is known of one artifact after a pass.
enum Told {
    /// What came of it.
    Ended(usize, Rollback),
    /// The flow that went on running does not run any more: it is put back in another pass.
    Over(Box<Back>),
}

/// For the last reads of a rollback that failed.
fn closing<'a>(context: &Context<'a>) -> Context<'a> {
    let soon = context.clock.now() + CLOSING;
    Context {
        deadline: context.deadline.or_later(soon),
        ..context.clone()
    }
}

fn ends_of(
    facts: Vec<Facts>,
    jobs: Vec<Job>,
    courses: Vec<Course>,
    written: Vec<Outcome>,
) -> Vec<End> {
    let mut written = written.into_iter();
    let all = facts.into_iter().zip(jobs).zip(courses);
    all.map(|(((place, before, again), job), course)| End {
        place,
        kept: Kept::of(before, job),
        again,
        new: course.standing().and_then(|_| written.next()),
        course,
        late: None,
    })
    .collect()
}

/// Where a flow seemed to go on running, a deployment of this run may come late: it is awaited, for all of them together.
fn await_late(context: &Context<'_>, ends: &mut [End], outcomes: &[Outcome]) {
    let mut watched = Vec::new();
    for end in ends.iter().filter(|end| !end.again) {
        let outcome = &outcomes[end.place];
        if let (Course::Write(way), Some(new)) = (&end.course, &end.new)
            && let Some(one) = way.goes_on(&end.kept.before, new, outcome)
        {
            watched.push((end.place, one));
        }
    }
    let (places, mut watched): (Vec<usize>, Vec<Watched>) = watched.into_iter().unzip();
    arrival::watch(context, &mut watched);
    for (place, one) in places.into_iter().zip(watched) {
        let of_it = ends.iter_mut().filter(|end| end.place == place);
        of_it.for_each(|end| end.late = Some(one.late()));
    }
}

impl End {
    fn told(
        self,
        context: &Context<'_>,
        planned: &[Planned<'_>],
        outcomes: &mut [Outcome],
    ) -> Told {
        if self.late == Some(Late::Came) {
            return Told::Over(Box::new(Back {
                place: self.place,
                kept: self.kept,
                again: true,
            }));
        }
        let (before, outcome) = (&self.kept.before, &mut outcomes[self.place]);
        let rollback = match (self.course, self.new) {
            (Course::End(rollback), _) => *rollback,
            (Course::Write(way), Some(new)) => {
                course::shown(outcome, &new);
                way.judged(context, before, &new, outcome, self.late)
            }
            (Course::Write(_), None) => course::not_written(),
        };
        if self.late == Some(Late::Open) {
            // what may come would look like a deployment of what was put back
            let one = &planned[self.place];
            recovery::update(context, one.job, &one.standing, |recovery| {
                recovery.suspect = true;
            });
        }
        let runs_on = matches!(before.was, Was::Running(_));
        let still_runs = matches!(before.was, Was::Running(deployed)
            if rollback.result == PutBack::Failed && course::still_runs(context, deployed, outcome));
        let rollback = match rollback.result {
            PutBack::Failed => {
                let (before, job) = self.kept.apart();
                let case = course::Case {
                    context: &closing(context),
                    ours: &planned[self.place],
                    outcome: &outcomes[self.place],
                    before: &before,
                    job: &job,
                    again: self.again,
                };
                let rollback = course::with_what_is_held(rollback, &case);
                Kept::of(before, job).hand_out(rollback, still_runs)
            }
            // its save is later than what runs, so only the journal knows that it is what runs
            PutBack::DesignTime if runs_on => self.kept.remain_told(context, rollback),
            _ => {
                self.kept.forget(context);
                rollback
            }
        };
        Told::Ended(self.place, rollback)
    }
}

/// What was kept without its job.
type Facts = (usize, kept::Before, bool);

fn apart(backs: Vec<Back>) -> (Vec<Facts>, Vec<Job>) {
    let mut facts = Vec::new();
    let mut jobs = Vec::new();
    for back in backs {
        let (before, job) = back.kept.apart();
        facts.push((back.place, before, back.again));
        jobs.push(job);
    }
    (facts, jobs)
}

/// Reads what the tenant holds now and decides what is done with each.
fn courses(
    context: &Context<'_>,
    planned: &[Planned<'_>],
    facts: &[Facts],
    jobs: &[Job],
    outcomes: &[Outcome],
) -> Vec<Course> {
    let surveyed = survey::survey(context, jobs, Depth::Decisions);
    let read: Vec<(usize, Result<Standing, Stop>)> = surveyed
        .into_iter()
        .map(|one| one.standing)
        .enumerate()
        .collect();
    parallel_map(read, READERS, |(number, standing)| {
        let (place, before, again) = &facts[number];
        let case = course::Case {
            context,
            ours: &planned[*place],
            outcome: &outcomes[*place],
            before,
            job: &jobs[number],
            again: *again,
        };
        case.course(standing)
    })
}
