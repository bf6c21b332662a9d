//! Entries of the tenant that join groups of Git's.

use std::collections::HashMap;

use super::{Entry, Group, MOST_ENTRIES, Places, ValueMapping};

/// What joins which group of Git's.
#[derive(Default)]
pub struct Joined<'a> {
    /// By where Git's group begins: the tenant's group and the place of the entry in it.
    by_group: HashMap<usize, Vec<(&'a Group, usize)>>,
}

impl<'a> Joined<'a> {
    /// Takes the entries of the tenant's group whose agency and schema Git's has not, unless they stand in another group
    /// of Git's.
    pub fn join(&mut self, local: &Group, remote: &'a Group, own: &Places<'_>) {
        let before = self.entries(local);
        let is_new = |entry: &Entry| {
            own.with(entry).next().is_none()
                && !before.iter().any(|other| other.is_of_the_kind_of(entry))
        };
        let mut more: Vec<(&Group, usize)> = Vec::new();
        for (place, entry) in remote.entries.iter().enumerate() {
            let is_twice = remote.entries[..place]
                .iter()
                .any(|other| other.representation() == entry.representation());
            if is_new(entry) && !is_twice && before.len() + more.len() < MOST_ENTRIES {
                more.push((remote, place));
            }
        }
        if !more.is_empty() {
            self.by_group
                .entry(local.range.start)
                .or_default()
                .extend(more);
        }
    }

    /// The entries of Git's group with those that joined it.
    pub fn entries<'s>(&'s self, local: &'s Group) -> Vec<&'s Entry> {
        let joined = self.of(local).iter();
        let joined = joined.map(|(group, place)| &group.entries[*place]);
        local.entries.iter().chain(joined).collect()
    }

    /// Git's group with what joined it, if anything did.
    pub fn grown(&self, local: &Group) -> Option<Group> {
        let grown = Group {
            entries: self.entries(local).into_iter().cloned().collect(),
            ..local.clone()
        };
        (grown.entries.len() > local.entries.len()).then_some(grown)
    }

    /// Git's bytes with the entries as the tenant wrote them, each set off as the last entry of its group is.
    pub fn written(&self, local: &[u8], own: &ValueMapping, remote: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut copied = 0;
        for group in &own.groups {
            let (joined, Some(last)) = (self.of(group), group.entry_ranges.last()) else {
                continue;
            };
            bytes.extend_from_slice(&local[copied..last.end]);
            copied = last.end;
            let lead = &local[..last.start];
            let separator = &lead[lead.trim_ascii_end().len()..];
            for (from, place) in joined {
                bytes.extend_from_slice(separator);
                bytes.extend_from_slice(&remote[from.entry_ranges[*place].clone()]);
            }
        }
        bytes.extend_from_slice(&local[copied..]);
        bytes
    }

    fn of(&self, local: &Group) -> &[(&'a Group, usize)] {
        let joined = self.by_group.get(&local.range.start);
        joined.map_or(&[], Vec::as_slice)
    }
}
