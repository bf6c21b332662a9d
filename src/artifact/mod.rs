//! Placeholder of the artifact room.
