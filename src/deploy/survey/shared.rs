//! Reads that serve several artifacts: packages, the artifacts of a package, what runs.

use std::collections::BTreeMap;

use super::{Depth, READERS, Surveyed};
use crate::artifact::ArtifactKind;
use crate::clock::Deadline;
use crate::deploy::job::{Content, Job};
use crate::deploy::outcome::Message;
use crate::deploy::{Context, Stop, runtime};
use crate::pacing;
use crate::parallel::parallel_map;
use crate::tenant::Reading;
use crate::tenant::error::{Kind, TenantError};
use crate::tenant::wire::{ArtifactId, DesigntimeArtifact, IntegrationPackage, PackageId};

/// How many artifacts that a list does not show are looked up one by one; of more, the tenant itself tells at their
/// creation when it holds them elsewhere.
const LOOKUPS: usize = 5;

/// The artifacts of one type in one package.
type Group = (PackageId, ArtifactKind);

/// Reads the package of each artifact, and proves that the host is a tenant where one is missing.
pub fn read_packages(context: &Context<'_>, all: &mut [Surveyed<'_>]) {
    let ids: std::collections::BTreeSet<PackageId> = living(all)
        .filter_map(|(job, _)| Some(job.content()?.package.clone()))
        .collect();
    let read = parallel_map(ids.into_iter().collect(), READERS, |id: PackageId| {
        let package = context.tenant.integration_package(&id, context.deadline);
        (id, package)
    });
    let packages: BTreeMap<PackageId, _> = read.into_iter().collect();
    let missing = packages
        .values()
        .any(|package| matches!(package, Ok(Reading::Missing(_))));
    let proof = if missing {
        context.tenant.prove(context.deadline)
    } else {
        Ok(())
    };
    for one in all {
        let (Ok(standing), Some(content)) = (&mut one.standing, one.job.content()) else {
            continue;
        };
        let found = match packages.get(&content.package) {
            Some(package) => belongs(one.job, content, package, &proof),
            None => Ok(None),
        };
        match found {
            Ok(package) => standing.package = package,
            Err(stop) => one.standing = Err(stop),
        }
    }
}

fn belongs(
    job: &Job,
    content: &Content,
    package: &Result<Reading<IntegrationPackage>, TenantError>,
    proof: &Result<(), TenantError>,
) -> Result<Option<IntegrationPackage>, Stop> {
    match package {
        Ok(Reading::Found(package)) => return Ok(Some(package.clone())),
        Ok(Reading::Missing(_)) => proof.clone()?,
        Err(error) => return Err(error.clone().into()),
    }
    if job.rules.create_package {
        return Ok(None);
    }
    let message = Message::new(format!("package {} is not on the tenant", content.package))
        .at("--no-create-package")
        .hint("create it in the web UI, or leave the option out");
    Err(Stop::Usage(Box::new(message)))
}

/// Reads the artifacts of a package in one list, where several of a type belong into it. What lists do not show is
/// left to be looked up one by one, unless there is much of it.
pub fn read_artifacts(context: &Context<'_>, all: &mut [Surveyed<'_>], depth: Depth) {
    let groups = groups(all);
    let lists = parallel_map(groups, READERS, |(group, exists)| {
        let list = if depth != Depth::Decisions && !exists {
            // a plan tells beforehand which ids are taken elsewhere
            Ok(Some(BTreeMap::new()))
        } else if exists {
            context
                .tenant
                .designtime_artifacts(group.1, &group.0, context.deadline)
                .map(known)
        } else {
            Ok(Some(BTreeMap::new()))
        };
        (group, list)
    });
    for (group, list) in lists {
        match list {
            Ok(Some(list)) => take_list(context, all, &group, &list, depth),
            // this package is not listed: each artifact is looked up
            Ok(None) => {}
            Err(error) if matches!(error.kind, Kind::Refused | Kind::Nonsense) => {}
            Err(error) => stop_group(all, &group, &error),
        }
    }
}

/// The groups that are worth a list, and whether their package exists.
fn groups(all: &[Surveyed<'_>]) -> Vec<(Group, bool)> {
    let mut counts: BTreeMap<Group, (usize, bool)> = BTreeMap::new();
    for one in all {
        if let (Ok(standing), Some(group)) = (&one.standing, group(one.job)) {
            let count = counts.entry(group).or_default();
            count.0 += 1;
            count.1 = standing.package.is_some();
        }
    }
    counts
        .into_iter()
        .filter(|(_, (count, _))| *count >= pacing::LIST_FROM)
        .map(|(group, (_, exists))| (group, exists))
        .collect()
}

fn known(
    list: Reading<Vec<DesigntimeArtifact>>,
) -> Option<BTreeMap<ArtifactId, DesigntimeArtifact>> {
    match list {
        Reading::Found(list) => Some(
            list.into_iter()
                .map(|one| (ArtifactId(one.id.clone().into()), one))
                .collect(),
        ),
        Reading::Missing(_) => None,
    }
}

fn take_list(
    context: &Context<'_>,
    all: &mut [Surveyed<'_>],
    wanted: &Group,
    list: &BTreeMap<ArtifactId, DesigntimeArtifact>,
    depth: Depth,
) {
    let ours = all
        .iter()
        .filter(|one| group(one.job).as_ref() == Some(wanted));
    let (listed, unlisted): (Vec<_>, Vec<_>) = ours.partition(|one| list.contains_key(&one.job.id));
    // a list that shows some of ours may have been cut; one that shows none is that of a package without them
    let believed = listed.is_empty() && unlisted.len() > LOOKUPS && depth == Depth::Decisions;
    for one in all {
        let (Ok(standing), true) = (&mut one.standing, group(one.job).as_ref() == Some(wanted))
        else {
            continue;
        };
        if let Some(artifact) = list.get(&one.job.id) {
            standing.kind = Some(wanted.1);
            standing.saved_by_us = context.tenant.is_us(&artifact.modified_by);
            let mut artifact = artifact.clone();
            artifact.package_id = wanted.0.0.as_str().into();
            // where a list leaves the date out, the artifact itself may tell it
            standing.artifact_known = artifact.stamp().saved.is_some();
            standing.artifact = Some(artifact);
        } else {
            standing.unlisted = true;
            standing.artifact_known = believed;
        }
    }
}

fn stop_group(all: &mut [Surveyed<'_>], stopped: &Group, error: &TenantError) {
    for one in all {
        if one.standing.is_ok() && group(one.job).as_ref() == Some(stopped) {
            one.standing = Err(error.clone().into());
        }
    }
}

/// Reads what runs in one list, where several artifacts are to be deployed. Without such a list each is asked for.
pub fn read_runtime(context: &Context<'_>, all: &mut [Surveyed<'_>]) {
    let count = living(all).filter(|(job, _)| job.rules.deploy).count();
    let list = match runtime::list(context.tenant, count, context.deadline) {
        Ok(Some(list)) => list,
        Ok(None) => return,
        Err(error) => {
            for one in all {
                if one.standing.is_ok() && one.job.rules.deploy {
                    one.standing = Err(error.clone().into());
                }
            }
            return;
        }
    };
    for one in all {
        if let (Ok(standing), true) = (&mut one.standing, one.job.rules.deploy) {
            super::shows(context, standing, list.records.get(&one.job.id).cloned());
            standing.answered = list.answered;
            standing.by_list = true;
        }
    }
}

/// What the design time shows of those that share package and type with others, read in one list for each. What a list
/// fails to show, or can't be read, is not in the answer: it is looked up alone.
pub fn read_together(
    context: &Context<'_>,
    jobs: &[&Job],
    deadline: Deadline,
) -> BTreeMap<ArtifactId, DesigntimeArtifact> {
    let mut counts: BTreeMap<Group, usize> = BTreeMap::new();
    for group in jobs.iter().filter_map(|job| group(job)) {
        *counts.entry(group).or_default() += 1;
    }
    let groups = counts
        .into_iter()
        .filter(|(_, count)| *count >= pacing::LIST_FROM)
        .map(|(group, _)| group)
        .collect();
    let lists = parallel_map(groups, READERS, |(package, kind): Group| {
        context
            .tenant
            .designtime_artifacts(kind, &package, deadline)
    });
    lists
        .into_iter()
        .filter_map(|list| known(list.ok()?))
        .flatten()
        .filter(|(_, artifact)| artifact.stamp().saved.is_some())
        .collect()
}

fn living<'a>(
    all: &'a [Surveyed<'_>],
) -> impl Iterator<Item = (&'a Job, &'a crate::deploy::plan::Standing)> {
    all.iter()
        .filter_map(|one| Some((one.job, one.standing.as_ref().ok()?)))
}

fn group(job: &Job) -> Option<Group> {
    job.content()
        .map(|content| (content.package.clone(), content.kind))
}
