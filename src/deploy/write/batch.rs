//! Writing several artifacts together: each content and its parameters first, then one look that shows what the design
//! time holds of all of them, then the deploy calls.

use std::collections::{BTreeMap, BTreeSet};

use super::{Halt, Progress, Seal, Shelf, Writing};
use crate::artifact::ArtifactKind;
use crate::deploy::job::{Job, Source};
use crate::deploy::parameters::Setting;
use crate::deploy::plan::{Standing, Steps};
use crate::deploy::{Context, survey};
use crate::parallel::parallel_map;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, PackageId};

/// How many artifacts are written at once.
const WRITERS: usize = 8;

/// One artifact that is to be written.
pub(in crate::deploy) struct Order<'a> {
    /// Its place in the run.
    pub(in crate::deploy) place: usize,
    pub(in crate::deploy) job: &'a Job,
    pub(in crate::deploy) standing: &'a Standing,
    pub(in crate::deploy) kind: ArtifactKind,
    pub(in crate::deploy) steps: Steps,
}

/// One artifact on its way, and what was learnt so far.
struct Going<'a, T> {
    place: usize,
    steps: Steps,
    writing: Writing<'a>,
    so_far: T,
}

type Sealed = (DesigntimeArtifact, Seal);

/// Writes all of them. `tell` learns of each how its writing ended, as soon as it is known.
pub(in crate::deploy) fn carry_out(
    context: &Context<'_>,
    orders: Vec<Order<'_>>,
    tell: &(impl Fn(usize, Progress) + Sync),
) {
    let begun = create_packages(context, orders, tell);
    let brought = step(begun, WRITERS, tell, |writing, steps, ()| {
        writing.bring(steps)
    });
    let jobs: Vec<&Job> = brought.iter().map(|one| one.writing.job).collect();
    let shown = survey::read_together(context, &jobs, context.deadline);
    let (first, others) = split_by_name(context, brought, &shown);
    // the first of a name is compared with what was sent, which tells whether the name is ours
    let mut sealed = close(first, 1, tell, &shown);
    sealed.extend(close(others, WRITERS, tell, &shown));
    let shelf = Shelf::default();
    let handed = step(sealed, WRITERS, tell, |writing, steps, (artifact, seal)| {
        writing.hand_over(steps, &shelf, &artifact, seal)
    });
    for one in handed {
        tell(one.place, one.so_far);
    }
}

/// One step for each of them; those that it stops are told and left out.
fn step<'a, T: Send, R: Send>(
    going: Vec<Going<'a, T>>,
    hands: usize,
    tell: &(impl Fn(usize, Progress) + Sync),
    work: impl Fn(&mut Writing<'a>, Steps, T) -> Result<R, Halt> + Sync,
) -> Vec<Going<'a, R>> {
    let done = parallel_map(going, hands, |mut one| {
        match work(&mut one.writing, one.steps, one.so_far) {
            Ok(so_far) => Some(Going {
                place: one.place,
                steps: one.steps,
                writing: one.writing,
                so_far,
            }),
            Err(halt) => {
                tell(one.place, one.writing.halted(halt));
                None
            }
        }
    });
    done.into_iter().flatten().collect()
}

/// Creates each missing package once; the artifacts of one that can't be created end there.
fn create_packages<'a>(
    context: &'a Context<'a>,
    orders: Vec<Order<'a>>,
    tell: &(impl Fn(usize, Progress) + Sync),
) -> Vec<Going<'a, ()>> {
    let mut tried: BTreeMap<PackageId, Option<Box<crate::deploy::outcome::Verdict>>> =
        BTreeMap::new();
    let mut begun = Vec::new();
    for order in orders {
        let mut writing = Writing::new(context, order.job, order.standing, order.kind);
        let package = match &order.job.source {
            Source::Files(content) if order.steps.create_package => Some(&content.package),
            Source::Files(_) | Source::Tenant => None,
        };
        match package.map(|package| (package, tried.get(package))) {
            Some((_, Some(Some(cause)))) => {
                tell(order.place, writing.without_package(cause));
                continue;
            }
            Some((package, None)) => {
                if let Err(halt) = writing.create_package() {
                    let progress = writing.halted(halt);
                    if let Progress::Done(verdict, _) = &progress {
                        tried.insert(package.clone(), Some(verdict.clone()));
                    }
                    tell(order.place, progress);
                    continue;
                }
                tried.insert(package.clone(), None);
            }
            Some((_, Some(None))) | None => {}
        }
        begun.push(Going {
            place: order.place,
            steps: order.steps,
            writing,
            so_far: (),
        });
    }
    begun
}

/// The first artifact under each name that is not known to be ours, and the others.
fn split_by_name<'a, T>(
    context: &Context<'_>,
    going: Vec<Going<'a, T>>,
    shown: &BTreeMap<ArtifactId, DesigntimeArtifact>,
) -> (Vec<Going<'a, T>>, Vec<Going<'a, T>>) {
    let mut names = BTreeSet::new();
    going.into_iter().partition(|one| {
        shown.get(&one.writing.job.id).is_some_and(|artifact| {
            let name = &artifact.modified_by;
            super::brings_content(one.steps.upload)
                && !name.is_empty()
                && !context.tenant.is_us(name)
                && names.insert(name.clone())
        })
    })
}

fn close<'a>(
    going: Vec<Going<'a, Vec<Setting>>>,
    hands: usize,
    tell: &(impl Fn(usize, Progress) + Sync),
    shown: &BTreeMap<ArtifactId, DesigntimeArtifact>,
) -> Vec<Going<'a, Sealed>> {
    step(going, hands, tell, |writing, steps, settings| {
        let shown = shown.get(&writing.job.id).cloned();
        writing.close(steps, settings, shown)
    })
}
