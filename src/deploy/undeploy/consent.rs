//! The question before the first call, for somebody who sits at a terminal.

use super::survey::Surveyed;
use crate::deploy::Context;
use crate::deploy::outcome::Message;
use crate::tenant::wire::RuntimeArtifact;

/// Asks whether this is to be undeployed from this tenant. Whoever does not answer in time has not agreed.
pub fn is_given(context: &Context<'_>, surveyed: &[Surveyed]) -> bool {
    let answer = context.ledger.ask(question(context, surveyed));
    let left = context.deadline.left(context.clock.now());
    answer.recv_timeout(left).unwrap_or(false)
}

/// What is asked: the tenant, what runs of what was named, and the question itself as the last line.
fn question(context: &Context<'_>, surveyed: &[Surveyed]) -> Vec<String> {
    let host = context.tenant.host();
    let mut lines = vec![format!("on {host}:")];
    for one in surveyed {
        let stands = match one.read.as_ref().map(|baseline| &baseline.record) {
            Ok(Some(record)) => runs(record),
            Ok(None) => "not deployed, nothing to do".to_owned(),
            Err(_) => "could not be read".to_owned(),
        };
        let line = context.tenant.words(&format!("{}: {stands}", one.id));
        lines.push(format!("  {line}"));
    }
    let count = surveyed.iter().filter(|one| one.runs()).count();
    let what = match count {
        1 => "it".to_owned(),
        many => format!("these {many}"),
    };
    lines.push(format!("undeploy {what} from {host}? [y/N] "));
    lines
}

fn runs(record: &RuntimeArtifact) -> String {
    let mut text = format!("{}, version {}", record.status, record.version);
    if let Some(date) = record.deployed_on {
        text += &format!(", deployed {date}");
    }
    if !record.deployed_by.is_empty() {
        text += &format!(" by {}", record.deployed_by);
    }
    text
}

/// The end of a run whose question was not answered with yes.
pub fn declined() -> Message {
    Message::new("nothing was undeployed: the answer was not yes")
        .hint("answer y, or give --yes, to undeploy")
}
