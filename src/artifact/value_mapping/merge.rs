//! Git's value mapping together with what only the tenant has: operations enter values there, and replacing the artifact
//! would lose them.

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use super::{Group, Places, ValueMapping, ValueMappingError};
use crate::artifact::Digest;

/// Why two value mappings cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeError {
    /// Git's file cannot be read.
    #[error("value_mapping.xml in Git: {0}")]
    Local(ValueMappingError),
    /// The tenant's file cannot be read.
    #[error("value_mapping.xml on the tenant: {0}")]
    Remote(ValueMappingError),
    /// The groups of one file do not mean the same when they are written into the other.
    #[error(
        "the groups of the tenant's value_mapping.xml cannot be written into Git's without changing their meaning"
    )]
    Incompatible,
}

/// Git's value mapping with the groups that only the tenant has.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The new file: Git's bytes, with the added groups after its last one.
    pub bytes: Vec<u8>,
    /// The groups that were added, in the order of the tenant's file.
    pub added: Vec<Group>,
    /// The groups of the tenant that were left out, because Git says something else. An update loses these.
    pub conflicts: Vec<Conflict>,
}

/// Groups that contradict each other.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// What Git has, and what counts.
    pub local: Group,
    /// What the tenant has.
    pub remote: Group,
}

impl fmt::Display for Conflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Git: {}; tenant: {}", self.local, self.remote)
    }
}

/// The tenant's groups that Git has not: those with a representation that none of Git's groups joins to the others. A group
/// that differs only in its id, its order or its default mark is not among them.
#[must_use]
pub fn only_in_remote<'a>(local: &ValueMapping, remote: &'a ValueMapping) -> Vec<&'a Group> {
    let local = Places::of(&local.groups);
    remote
        .groups
        .iter()
        .filter(|group| !group.entries.is_empty() && local.containing(group).next().is_none())
        .collect()
}

/// Git's file with the groups that only the tenant has. Git's part stays as it is, byte for byte; the same two files give the
/// same bytes.
///
/// Git wins: a group of the tenant is left out, and named as a [`Conflict`], when it has a representation in common with a
/// group of Git's that the tenant has not, and maps it to another value of the same agency and schema; or when it has that
/// group's id. Where the tenant has Git's group too, the other one was entered beside it on purpose, and is added. Groups
/// that are the same but for a default mark that may count are named as a conflict, too.
pub fn merged(local: &[u8], remote: &[u8]) -> Result<Merged, MergeError> {
    let own = ValueMapping::parse(local).map_err(MergeError::Local)?;
    let theirs = ValueMapping::parse(remote).map_err(MergeError::Remote)?;
    let conflicting = Contradictions::between(&own, &theirs);
    let mut seen = HashSet::new();
    let mut added = Vec::new();
    let mut conflicts = conflicting.in_default_marks();
    for group in only_in_remote(&own, &theirs) {
        match conflicting.with(group) {
            Some(local) => conflicts.push(Conflict {
                local: local.clone(),
                remote: group.clone(),
            }),
            None if seen.insert(group.canonical(false)) => added.push(group),
            None => {}
        }
    }
    let bytes = with_groups(local, &own, remote, &added);
    if !holds(&bytes, &own, &added) {
        return Err(MergeError::Incompatible);
    }
    Ok(Merged {
        bytes,
        added: added.into_iter().cloned().collect(),
        conflicts,
    })
}

/// What Git has and the tenant has not, and where both have the same with other marks.
struct Contradictions<'a> {
    own: Places<'a>,
    theirs: Places<'a>,
    /// Groups of Git's that the tenant has not.
    missing: Places<'a>,
}

impl<'a> Contradictions<'a> {
    fn between(own: &'a ValueMapping, theirs: &'a ValueMapping) -> Self {
        let theirs = Places::of(&theirs.groups);
        let missing = own
            .groups
            .iter()
            .filter(|group| theirs.containing(group).next().is_none());
        Self {
            own: Places::of(&own.groups),
            missing: Places::of(missing),
            theirs,
        }
    }

    /// The group of Git's that a group of the tenant contradicts.
    fn with(&self, remote: &Group) -> Option<&'a Group> {
        let mut shared = remote
            .entries
            .iter()
            .flat_map(|entry| self.missing.with(entry));
        let same_id = |local: &&&Group| !remote.id.is_empty() && local.id == remote.id;
        shared
            .find(|local| contradict(local, remote))
            .or_else(|| self.missing.groups.iter().find(same_id).copied())
    }

    fn in_default_marks(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for remote in &self.theirs.groups {
            let mut same = self
                .own
                .containing(remote)
                .filter(|local| remote.contains(local));
            let Some(local) = same.next() else { continue };
            let counts = self.theirs.is_ambiguous(remote) || self.own.is_ambiguous(local);
            if counts && local.canonical(true) != remote.canonical(true) {
                conflicts.push(Conflict {
                    local: local.clone(),
                    remote: (*remote).clone(),
                });
            }
        }
        conflicts
    }
}

/// Whether two groups map one representation to different values of one agency and schema.
fn contradict(local: &Group, remote: &Group) -> bool {
    let shared = |group: &Group, entry: &super::Entry| group.has(entry.representation());
    remote.entries.iter().any(|from| {
        shared(local, from)
            && remote
                .entries
                .iter()
                .filter(|to| !to.is_of_the_kind_of(from) && !shared(local, to))
                .any(|to| local.entries.iter().any(|own| own.is_of_the_kind_of(to)))
    })
}

/// Git's bytes with groups of the tenant's file after its last group, set off as that one is.
fn with_groups(local: &[u8], own: &ValueMapping, remote: &[u8], added: &[&Group]) -> Vec<u8> {
    if added.is_empty() {
        return local.to_vec();
    }
    let mut ids: HashSet<String> = own.groups.iter().map(|group| group.id.clone()).collect();
    let place = Place::in_file(local, own);
    let mut bytes = local[..place.start].to_vec();
    bytes.extend_from_slice(place.before);
    for group in added {
        bytes.extend_from_slice(place.separator);
        bytes.extend(with_free_id(remote, group, &mut ids));
    }
    bytes.extend_from_slice(place.after);
    bytes.extend_from_slice(&local[place.end..]);
    bytes
}

/// Where groups are added, and what stands around them.
struct Place<'a> {
    start: usize,
    end: usize,
    before: &'a [u8],
    separator: &'a [u8],
    after: &'a [u8],
}

impl<'a> Place<'a> {
    fn in_file(bytes: &'a [u8], mapping: &ValueMapping) -> Self {
        let root = &bytes[mapping.range.clone()];
        let end = mapping.range.end;
        let (at, until, before, after): (_, _, &[u8], &[u8]) = match mapping.groups.last() {
            Some(last) => (last.range.end, last.range.end, b"", b""),
            None if root.ends_with(b"/>") => (end - 2, end, b">", b"</vm>"),
            None => {
                let tag = root.windows(2).rposition(|two| two == b"</");
                let at = mapping.range.start + tag.unwrap_or(root.len());
                (at, at, b"", b"")
            }
        };
        let separator = mapping.groups.last().map_or(&[][..], |last| {
            let lead = &bytes[..last.range.start];
            &lead[lead.trim_ascii_end().len()..]
        });
        Self {
            start: at,
            end: until,
            before,
            separator,
            after,
        }
    }
}

/// A group as the tenant wrote it, with another id where its own is taken.
fn with_free_id(remote: &[u8], group: &Group, ids: &mut HashSet<String>) -> Vec<u8> {
    let written = &remote[group.range.clone()];
    let (Some(range), false) = (&group.id_range, ids.insert(group.id.clone())) else {
        return written.to_vec();
    };
    let mut number = 0_u32;
    let id = loop {
        let digest = Digest::of(format!("{number} {group}").as_bytes()).to_string();
        // ids of tenants are 32 hexadecimal digits
        let id = digest[..32].to_owned();
        if ids.insert(id.clone()) {
            break id;
        }
        number += 1;
    };
    let (before, after) = (
        &remote[group.range.start..range.start],
        &remote[range.end..group.range.end],
    );
    [before, id.as_bytes(), after].concat()
}

/// Whether a file holds exactly these groups, in this order.
fn holds(bytes: &[u8], own: &ValueMapping, added: &[&Group]) -> bool {
    ValueMapping::parse(bytes).is_ok_and(|mapping| {
        let expected = own.groups.iter().chain(added.iter().copied());
        mapping.attributes == own.attributes
            && mapping
                .groups
                .iter()
                .map(|group| group.canonical(true))
                .eq(expected.map(|group| group.canonical(true)))
    })
}
