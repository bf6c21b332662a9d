//! Collecting into trees, entry by entry. The library's `collect` sorts first, with a sort that is compiled anew for each type
//! of entry; with the many small trees here that makes a quarter of a megabyte of the binary.

use std::collections::{BTreeMap, BTreeSet};

/// A tree that can be filled.
pub(crate) trait Tree<T>: Default + Extend<T> {}

impl<K: Ord, V> Tree<(K, V)> for BTreeMap<K, V> {}
impl<T: Ord> Tree<T> for BTreeSet<T> {}

/// Gives what an iterator yields as a tree.
pub(crate) trait Gathered: Iterator + Sized {
    /// The tree of all entries; of entries with the same key the last one stays.
    fn gathered<C: Tree<Self::Item>>(self) -> C {
        let mut tree = C::default();
        tree.extend(self);
        tree
    }
}

impl<I: Iterator> Gathered for I {}
