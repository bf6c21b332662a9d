//! `plan`: what `deploy` would do.

use super::{Refusal, Voice};
use crate::Process;
use crate::cli::PlanArgs;
use crate::deploy::outcome::Message;
use crate::exit::Exit;

/// Shows what would be done.
pub(super) fn plan(
    _args: &PlanArgs,
    _voice: &Voice,
    _process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    Err(Refusal::usage(Message::new("not built yet")))
}
