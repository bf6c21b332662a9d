//! What an integration artifact is on disk: its manifest, its parameters, its files, and the zip that a tenant takes.

pub mod manifest;
pub mod properties;
