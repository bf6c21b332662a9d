//! Placeholder of the sandbox room.
