//! The deploy receipt: who deployed what, from which commit, where to, and what stood there before.

use serde::Serialize;

use super::Report;
use super::json::{ArtifactContent, ArtifactGround, ArtifactHead, PutBack, SCHEMA, parts};
use crate::deploy::outcome::Outcome;
use crate::settings::environment::Environment;

#[derive(Serialize)]
struct Receipt<'a> {
    schema: u32,
    flowship: &'static str,
    command: &'a str,
    simulated: bool,
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    commit: Option<&'a str>,
    actor: Option<&'a str>,
    pipeline_url: Option<String>,
    began: &'a str,
    ended: &'a str,
    exit_code: u8,
    artifacts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    head: ArtifactHead<'a>,
    #[serde(flatten)]
    content: ArtifactContent<'a>,
    designtime_version: Change<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_requested: Option<&'a str>,
    runtime_version: Change<'a>,
    deployed_on: Change<'a>,
    parameters_changed: &'a [String],
    #[serde(flatten)]
    ground: ArtifactGround<'a>,
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback: Option<PutBack<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    before: Option<std::borrow::Cow<'a, str>>,
    after: Option<std::borrow::Cow<'a, str>>,
}

/// Writes the receipt of a run; the variables of the CI system tell commit, actor and pipeline.
#[must_use]
pub fn json(report: &Report, environment: &Environment) -> String {
    let receipt = Receipt {
        schema: SCHEMA,
        flowship: env!("CARGO_PKG_VERSION"),
        command: report.command,
        simulated: report.simulated,
        tenant: report.tenant.as_deref(),
        source: report.source.as_deref(),
        commit: first(environment, &["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"]),
        actor: first(
            environment,
            &[
                "GITHUB_ACTOR",
                "GITLAB_USER_LOGIN",
                "BUILD_USER_ID",
                "CHANGE_AUTHOR",
            ],
        ),
        pipeline_url: pipeline_url(environment),
        began: &report.began,
        ended: &report.ended,
        exit_code: report.exit.code(),
        artifacts: report.artifacts.iter().map(entry).collect(),
    };
    let mut text = super::json::pretty(&receipt).unwrap_or_default();
    text.push('\n');
    text
}

fn first<'a>(environment: &'a Environment, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| environment.get(name))
}

fn pipeline_url(environment: &Environment) -> Option<String> {
    let github = || {
        let (server, repository, run) = (
            environment.get("GITHUB_SERVER_URL")?,
            environment.get("GITHUB_REPOSITORY")?,
            environment.get("GITHUB_RUN_ID")?,
        );
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    github().or_else(|| {
        first(environment, &["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL"]).map(str::to_owned)
    })
}

fn entry(outcome: &Outcome) -> Entry<'_> {
    let before = &outcome.before;
    let (head, content, ground) = parts(outcome);
    Entry {
        head,
        content,
        designtime_version: change(
            before.designtime_version.as_deref(),
            outcome.designtime_version.as_deref(),
        ),
        version_requested: outcome.requested_version.as_deref(),
        runtime_version: change(
            before.runtime_version.as_deref(),
            outcome.runtime_version.as_deref(),
        ),
        deployed_on: Change {
            before: before.deployed_on.map(|date| date.to_string().into()),
            after: outcome.deployed_on.map(|date| date.to_string().into()),
        },
        parameters_changed: &outcome.parameters,
        ground,
        message: outcome
            .verdict
            .message
            .as_ref()
            .map(|message| message.what.as_str()),
        rollback: outcome.rollback.as_ref().map(PutBack::of),
    }
}

fn change<'a>(before: Option<&'a str>, after: Option<&'a str>) -> Change<'a> {
    Change {
        before: before.map(Into::into),
        after: after.map(Into::into),
    }
}
