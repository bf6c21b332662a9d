//! Git's value mapping together with what only the tenant has: operations enter values there, and replacing the artifact
//! would lose them.

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use super::joining::Joined;
use super::{Entry, Group, Places, ValueMapping, ValueMappingError};
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

/// Git's value mapping with what only the tenant has.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The new file: Git's bytes, with the added entries at the end of their groups and the added groups after the last one.
    pub bytes: Vec<u8>,
    /// Git's groups that got entries of the tenant's, with these; then the groups that were added, in the order of the
    /// tenant's file.
    pub added: Vec<Group>,
    /// The groups of the tenant that are not kept as they are, because Git says something else. Of these an update loses
    /// what stands neither in Git's group nor in `added`.
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
pub fn only_in_remote<'a>(local: &ValueMapping, remote: &'a ValueMapping) -> Vec<&'a Group> {
    let local = Places::of(&local.groups);
    remote
        .groups
        .iter()
        .filter(|group| !group.entries.is_empty() && local.containing(group).next().is_none())
        .collect()
}

/// Git's file with what only the tenant has. Git's part stays as it is, byte for byte; the same two files give the same
/// bytes.
///
/// A group of the tenant may be another version of a group of Git's that the tenant has not as it is; see
/// `Versions::of`. Then the entries whose agency and schema only the tenant's group has join Git's group, and of the
/// others Git's count. An entry that stands in another group of Git's never joins. Whatever is lost by that is named in a
/// [`Conflict`].
///
/// Every other group of the tenant was entered beside Git's, and is added. Groups that are the same but for a default mark
/// that may count are named as a conflict, too.
pub fn merged(local: &[u8], remote: &[u8]) -> Result<Merged, MergeError> {
    let own = ValueMapping::parse(local).map_err(MergeError::Local)?;
    let theirs = ValueMapping::parse(remote).map_err(MergeError::Remote)?;
    let versions = Versions::between(&own, &theirs);
    let mut seen = HashSet::new();
    let mut joined = Joined::default();
    let mut beside = Vec::new();
    let mut conflicts = versions.in_default_marks();
    for group in only_in_remote(&own, &theirs) {
        match versions.of(group) {
            Some(local) => conflicts.extend(versions.join(local, group, &mut joined)),
            None if seen.insert(group.canonical(false)) => beside.push(group),
            None => {}
        }
    }
    written(local, &own, remote, &joined, &beside, conflicts)
}

/// The files as they were decided, when the new one holds exactly that.
fn written(
    local: &[u8],
    own: &ValueMapping,
    remote: &[u8],
    joined: &Joined<'_>,
    beside: &[&Group],
    conflicts: Vec<Conflict>,
) -> Result<Merged, MergeError> {
    let grown = joined.written(local, own, remote);
    let mapping = ValueMapping::parse(&grown).map_err(|_| MergeError::Incompatible)?;
    let bytes = with_groups(&grown, &mapping, remote, beside);
    let groups = own.groups.iter();
    let expected: Vec<Group> = groups
        .map(|group| joined.grown(group).unwrap_or_else(|| group.clone()))
        .chain(beside.iter().copied().cloned())
        .collect();
    if !holds(&bytes, own, &expected) {
        return Err(MergeError::Incompatible);
    }
    let grown = own.groups.iter().filter_map(|group| joined.grown(group));
    Ok(Merged {
        bytes,
        added: grown.chain(beside.iter().copied().cloned()).collect(),
        conflicts,
    })
}

/// Which group of the tenant is another version of which of Git's.
struct Versions<'a> {
    own: Places<'a>,
    theirs: Places<'a>,
    /// Groups of Git's that the tenant has not as they are.
    absent: Places<'a>,
}

/// A group of Git's of which a group of the tenant is another version.
#[derive(Clone, Copy)]
struct Version<'a> {
    local: &'a Group,
    /// Whether entries can join it: what the tenant's group stands for is certain.
    may_grow: bool,
}

impl<'a> Versions<'a> {
    fn between(own: &'a ValueMapping, theirs: &'a ValueMapping) -> Self {
        let theirs = Places::of(&theirs.groups);
        let absent = own.groups.iter().filter(|group| {
            let mut containing = theirs.containing(group);
            !containing.any(|remote| group.contains(remote))
        });
        Self {
            own: Places::of(&own.groups),
            absent: Places::of(absent),
            theirs,
        }
    }

    /// The group of Git's of which a group of the tenant is another version: it holds all of it, contradicts it, or has
    /// its id. Where several are, or another group lies in that one, or nothing but the id is the same, no entry can join.
    fn of(&self, remote: &Group) -> Option<Version<'a>> {
        let mut found: Vec<&'a Group> = Vec::new();
        for local in remote
            .entries
            .iter()
            .flat_map(|entry| self.absent.with(entry))
        {
            let is_version =
                remote.contains(local) || (self.is_missing(local) && contradict(local, remote));
            if is_version && !found.iter().any(|other| std::ptr::eq(*other, local)) {
                found.push(local);
            }
        }
        let shares = !found.is_empty();
        let local = found.first().copied().or_else(|| self.of_same_id(remote))?;
        let shares = shares
            || remote
                .entries
                .iter()
                .any(|entry| local.has(entry.representation()));
        Some(Version {
            local,
            may_grow: shares && found.len() <= 1 && !self.holds_another(local),
        })
    }

    fn of_same_id(&self, remote: &Group) -> Option<&'a Group> {
        let mut absent = self.absent.groups.iter().copied();
        absent
            .find(|local| !remote.id.is_empty() && local.id == remote.id && self.is_missing(local))
    }

    /// Whether no group of the tenant holds all of it.
    fn is_missing(&self, local: &Group) -> bool {
        self.theirs.containing(local).next().is_none()
    }

    /// Whether another group of Git's lies in this one.
    fn holds_another(&self, local: &Group) -> bool {
        let mut others = local.entries.iter().flat_map(|entry| self.own.with(entry));
        others.any(|other| !std::ptr::eq(other, local) && local.contains(other))
    }

    /// Joins what can join, and names what is lost.
    fn join<'r>(
        &self,
        version: Version<'a>,
        remote: &'r Group,
        joined: &mut Joined<'r>,
    ) -> Option<Conflict> {
        let local = version.local;
        if version.may_grow {
            joined.join(local, remote, &self.own);
        }
        let entries = joined.entries(local);
        let counts = self.theirs.is_ambiguous(remote) || self.own.is_ambiguous(local);
        let is_kept = |from: &Entry| {
            entries.iter().any(|entry| {
                entry.representation() == from.representation()
                    && entry.attributes == from.attributes
                    && (!counts || entry.is_default == from.is_default)
            })
        };
        let is_whole = local.attributes == remote.attributes && remote.entries.iter().all(is_kept);
        (!is_whole).then(|| Conflict {
            local: local.clone(),
            remote: remote.clone(),
        })
    }

    fn in_default_marks(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for remote in &self.theirs.groups {
            let mut same = self
                .own
                .containing(remote)
                .filter(|local| remote.contains(local))
                .peekable();
            let Some(local) = same.peek().copied() else {
                continue;
            };
            let counts = self.theirs.is_ambiguous(remote) || self.own.is_ambiguous(local);
            if counts && same.all(|local| local.canonical(true) != remote.canonical(true)) {
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
    let shared = |group: &Group, entry: &Entry| group.has(entry.representation());
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
    let place = Insertion::in_file(local, own);
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
struct Insertion<'a> {
    start: usize,
    end: usize,
    before: &'a [u8],
    separator: &'a [u8],
    after: &'a [u8],
}

impl<'a> Insertion<'a> {
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

/// Whether a file holds exactly these groups, in this order, and is else as Git's.
fn holds(bytes: &[u8], own: &ValueMapping, expected: &[Group]) -> bool {
    let same = |(found, group): (&Group, &Group)| found.canonical(true) == group.canonical(true);
    ValueMapping::parse(bytes).is_ok_and(|mapping| {
        mapping.attributes == own.attributes
            && mapping.groups.len() == expected.len()
            && mapping.groups.iter().zip(expected).all(same)
    })
}
