//! Reports: facts in, words out. What is printed on standard output is the result and nothing else.

pub mod json;
pub mod masked;
pub mod progress;
pub mod text;

use crate::deploy::outcome::{Message, Outcome};
use crate::exit::Exit;

/// The facts of a run.
#[derive(Debug)]
pub struct Report {
    /// The tenant was a simulated one; every line says so.
    pub simulated: bool,
    /// The host of the tenant, when one was asked.
    pub tenant: Option<String>,
    /// How each artifact ended.
    pub artifacts: Vec<Outcome>,
    /// What ended the run before any artifact had a verdict.
    pub errors: Vec<Message>,
    /// The code of the run.
    pub exit: Exit,
}
