//! `messages`: what a flow has processed.

use std::time::Duration;

use clap::Args;

use super::arguments::{TenantArgs, number};
use super::console::Console;
use super::refusal::Refusal;
use super::run::NOTHING_WRITTEN;
use crate::Process;
use crate::clock::span;
use crate::exit::Exit;
use crate::messages::{self, Since, Wanted};
use crate::tenant::odata::TenantTime;
use crate::tenant::wire::ArtifactId;

/// The default of `--since`.
const LAST_HOUR: Duration = Duration::from_secs(3600);
/// The default of `--limit`.
const FAILURES: usize = 5;
/// How much longer than the wait the whole run may take.
const BESIDE_THE_WAIT: Duration = Duration::from_secs(60);

/// Arguments of `messages`.
#[derive(Debug, Args)]
pub struct MessagesArgs {
    /// The id of the integration flow, as in Git.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Looks at the messages that began after the deployment that runs now, by the tenant's clock.
    #[arg(long, conflicts_with = "since")]
    pub since_deploy: bool,
    /// Looks at the messages that began so long ago or later, for example 30m or 24h, or since a date of the tenant's
    /// clock in UTC, for example 2026-11-22T10:00:00Z. [default: 1h, which is the last hour]
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// How long to wait for a message, and for those that are PROCESSING or in RETRY, for example 30s or 2m. [default:
    /// 0s, which is one look without waiting]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub wait: Option<Duration>,
    /// Takes it for well when nothing was processed.
    #[arg(long)]
    pub allow_none: bool,
    /// How many of the newest failures are shown with their error text. [default: 5]
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    pub limit: Option<usize>,
    /// Which tenant.
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// Reads a moment in the past: so long ago, or a date.
fn since(text: &str) -> Result<Since, String> {
    if let Ok(ago) = span(text) {
        return Ok(Since::Ago(ago));
    }
    let date = TenantTime::parse(text).filter(|_| text.contains('-'));
    date.map(Since::Date).ok_or_else(|| {
        format!(
            "`{text}` is neither a span of time nor a date: write 30m, 24h or 2026-11-22T10:00:00Z"
        )
    })
}

/// Looks at messages, and waits for them.
pub(crate) fn run(
    args: &MessagesArgs,
    console: &Console,
    process: &mut Process<'_>,
) -> Result<Exit, Refusal> {
    let settings = args.tenant.settings(process)?;
    let wanted = args.wanted(ArtifactId(settings.names().id.apply(&args.id)), process);
    let mut tenant = args.tenant.clone();
    let reading = &mut tenant.reading;
    if reading.timeout.is_none() {
        reading.timeout = Some(reading.timeout().max(wanted.wait + BESIDE_THE_WAIT));
    }
    let worker = tenant.worker(&settings, process)?;
    worker.query((console, process), NOTHING_WRITTEN, move |query| {
        messages::read(query, &wanted)
    })
}

impl MessagesArgs {
    /// `--since` wins over the variable of `--since-deploy`, and that option over the variable of `--since`.
    fn wanted(&self, id: ArtifactId, process: &Process<'_>) -> Wanted {
        let variable = process.environment.get("FLOWSHIP_SINCE");
        let of_variable = variable.and_then(|text| since(text).ok());
        let since = self
            .since
            .filter(|_| !self.since_deploy || self.since != of_variable);
        Wanted {
            id,
            since: match since {
                Some(since) => since,
                None if self.since_deploy => Since::Deployment,
                None => Since::Ago(LAST_HOUR),
            },
            wait: self.wait.unwrap_or_default(),
            allow_none: self.allow_none,
            limit: self.limit.unwrap_or(FAILURES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_span_or_a_date() {
        for (text, expected) in [
            ("90m", Some(Since::Ago(Duration::from_secs(5_400)))),
            ("1970-01-01T00:00:01Z", Some(Since::Date(TenantTime(1_000)))),
            ("1970-01-01T00:00:01", Some(Since::Date(TenantTime(1_000)))),
            ("yesterday", None),
            ("1970-13-01", None),
        ] {
            assert_eq!(since(text).ok(), expected, "{text}");
        }
    }
}
