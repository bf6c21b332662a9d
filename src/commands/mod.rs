//! The subcommands, one file each: its arguments and its run. What they share lies below them and knows none of them:
//! arguments, the console, the settings file, the worker, and from a settled question to an exit code `change.rs` for what
//! writes and `run.rs` for what reads.

pub mod check;
pub mod deploy;
pub mod doctor;
pub mod download;
pub mod endpoints;
pub mod list;
pub mod messages;
pub mod pack;
pub mod plan;
pub mod redeploy;
pub mod sandbox;
pub mod status;
pub mod transport;
pub mod undeploy;

pub mod arguments;
mod change;
pub mod console;
mod desired;
mod jobs;
pub(crate) mod plan_file;
pub(crate) mod refusal;
mod run;
mod selection;
mod settings_file;
mod smoke;
mod target;
