//! Putting back what stood before the first write, when the new content does not run.

pub mod decision;
