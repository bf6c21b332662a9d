//! The program as its users meet it: the real binary in an empty environment, a simulated tenant behind a socket,
//! and then the exit code, both streams, the requests that arrived and what runs at the end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod credentials;
mod deploy;
mod flow;
mod harness;
mod lost_answers;
mod pack;
mod parameters;
mod refusals;
mod verdicts;
mod wire_faults;
