//! Writing several artifacts together: each content and its parameters first, then one look that shows what the design
//! time holds of all of them, then the deploy calls.

use std::collections::{BTreeMap, BTreeSet};

use super::runtime_list::LatestList;
use super::{Progress, Writing};
use crate::deploy::job::Job;
use crate::deploy::outcome::Verdict;
use crate::deploy::step::Halt;
use crate::deploy::{Context, survey};
use crate::parallel::parallel_map;
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, PackageId};

/// How many artifacts are written at once.
const WRITERS: usize = 8;

/// An artifact on its way, with what the step before gave.
type Going<'a, T> = (Writing<'a>, T);

/// Writes all of them. `tell` learns of each how its writing ended, as soon as it is known.
pub fn carry_out(
    context: &Context<'_>,
    all: Vec<Writing<'_>>,
    tell: &(impl Fn(usize, Progress) + Sync),
) {
    let begun = create_packages(all, tell);
    let written = each(begun, WRITERS, tell, |one, ()| {
        one.bring_content()?;
        one.configure()?;
        one.save_version()
    });
    let jobs: Vec<&Job> = written.iter().map(|(one, ())| one.job).collect();
    let shown = survey::read_together(context, &jobs, context.deadline);
    let seal = |one: &mut Writing<'_>, ()| one.seal(shown.get(one.id).cloned());
    // the first of a name is compared with what was sent, which tells whether the name is ours
    let (first, others) = split_by_name(context, written, &shown);
    let mut sealed = each(first, 1, tell, seal);
    sealed.extend(each(others, WRITERS, tell, seal));
    let list = LatestList::default();
    let called = each(sealed, WRITERS, tell, |one, (artifact, seal)| {
        if !one.steps.deploy {
            return Ok(one.uploaded(&artifact));
        }
        let baseline = one.baseline(&list)?;
        one.deploy(baseline, &artifact, seal)
    });
    for (one, progress) in called {
        tell(one.place, progress);
    }
}

/// One step for each of them; those that it stops are told and left out.
fn each<'a, T: Send, R: Send>(
    going: Vec<Going<'a, T>>,
    hands: usize,
    tell: &(impl Fn(usize, Progress) + Sync),
    step: impl Fn(&mut Writing<'a>, T) -> Result<R, Halt> + Sync,
) -> Vec<Going<'a, R>> {
    let done = parallel_map(going, hands, |(mut one, so_far)| {
        match step(&mut one, so_far) {
            Ok(so_far) => Some((one, so_far)),
            Err(halt) => {
                tell(one.place, one.done(one.verdict_of(halt)));
                None
            }
        }
    });
    done.into_iter().flatten().collect()
}

/// Creates each missing package once; the artifacts of one that can't be created end there.
fn create_packages<'a>(
    all: Vec<Writing<'a>>,
    tell: &(impl Fn(usize, Progress) + Sync),
) -> Vec<Going<'a, ()>> {
    let mut failures: BTreeMap<&PackageId, Option<_>> = BTreeMap::new();
    let mut begun = Vec::new();
    for mut one in all {
        let failure = one.missing_package().and_then(|content| {
            let tried = failures.entry(&content.package);
            let failure = tried.or_insert_with(|| {
                let created = one.create_package(content);
                created.err().map(|halt| one.verdict_of(halt))
            });
            failure.clone()
        });
        match failure {
            Some(verdict) => {
                let evidence = one.state.clone();
                tell(
                    one.place,
                    one.done(Verdict {
                        evidence,
                        ..verdict
                    }),
                );
            }
            None => begun.push((one, ())),
        }
    }
    begun
}

/// The first artifact under each name that is not known to be ours, and the others.
fn split_by_name<'a>(
    context: &Context<'_>,
    going: Vec<Going<'a, ()>>,
    shown: &BTreeMap<ArtifactId, DesigntimeArtifact>,
) -> (Vec<Going<'a, ()>>, Vec<Going<'a, ()>>) {
    let mut names = BTreeSet::new();
    going.into_iter().partition(|(one, ())| {
        shown.get(one.id).is_some_and(|artifact| {
            let name = &artifact.modified_by;
            one.brings_content()
                && !name.is_empty()
                && !context.tenant.is_us(name)
                && names.insert(name.clone())
        })
    })
}
