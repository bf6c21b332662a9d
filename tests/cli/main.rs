//! The program as its users meet it: the real binary in an empty environment, a simulated tenant behind a socket,
//! and then the exit code, both streams, the requests that arrived and what runs at the end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod check;
mod company_network;
mod credentials;
mod dependencies;
mod deploy;
mod doctor;
mod endpoints;
mod flow;
mod golden;
mod harness;
mod help;
mod lists;
mod lost_answers;
mod many;
mod messages;
mod output;
mod pack;
mod parameters;
mod plan;
mod proofs;
mod readme;
mod refusals;
mod reports;
mod rollback;
mod sandbox_command;
mod secrets;
mod settings_file;
mod signals;
mod smoke;
mod stored;
mod switches;
mod tenant_to_git;
mod tidy;
mod transport;
mod two_writers;
mod undeploy;
mod value_mappings;
mod verdicts;
mod wire_faults;
