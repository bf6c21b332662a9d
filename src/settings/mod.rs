//! What the run was told: variables, credentials, addresses, and what must never be shown.

pub mod address;
pub mod credentials;
pub mod environment;
pub mod error;
pub mod landscape;
pub mod options;
pub mod parameters;
pub mod project;
pub mod secret;
pub(crate) mod yaml;
