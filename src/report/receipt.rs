//! The deploy receipt: who deployed what, from which commit, where to, and what stood there before.

use serde::Serialize;

use super::Report;
use super::json::{ArtifactGround, ArtifactHead, DeployedContent, Preamble, written};
use crate::deploy::outcome::Outcome;
use crate::settings::environment::Environment;

/// The receipt of a run; the variables of the CI system tell commit, actor and pipeline.
struct Receipt<'a> {
    report: &'a Report,
    environment: &'a Environment,
}

/// What became of one artifact.
struct ReceiptEntry<'a>(&'a Outcome);

#[derive(Serialize)]
struct BeforeAfter<T> {
    before: T,
    after: T,
}

fn change<T>(before: T, after: T) -> BeforeAfter<T> {
    BeforeAfter { before, after }
}

written! {
    Receipt<'_> as it {
        .. => Preamble,
        "command" => it.report.command,
        "simulated" => it.report.simulated,
        .. => it.report.about(),
        "commit" => first(it.environment, &["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"]),
        "actor" => first(it.environment, &ACTORS),
        "pipeline_url" => pipeline_url(it.environment),
        "began" => it.report.began,
        "ended" => it.report.ended,
        "exit_code" => it.report.exit.code(),
        "artifacts" => it.report.artifacts.iter().map(ReceiptEntry).collect::<Vec<_>>(),
    }

    ReceiptEntry<'_> as it {
        .. => ArtifactHead(it.0),
        .. => DeployedContent(it.0),
        "designtime_version" => change(&it.0.before.designtime_version, &it.0.designtime_version),
        "version_requested" if it.0.requested_version.is_some() => it.0.requested_version,
        "runtime_version" => change(&it.0.before.runtime_version, &it.0.runtime_version),
        "deployed_on" => change(it.0.before.deployed_on, it.0.deployed_on),
        "parameters_changed" => it.0.parameters,
        .. => ArtifactGround(it.0),
        "message" => it.0.verdict.message.as_ref().map(|message| &message.what),
        "rollback" if it.0.rollback.is_some() => it.0.rollback,
    }
}

/// The variables that name who began a pipeline.
const ACTORS: [&str; 4] = [
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "BUILD_USER_ID",
    "CHANGE_AUTHOR",
];

/// Writes the receipt of a run.
pub fn json(report: &Report, environment: &Environment) -> String {
    let receipt = Receipt {
        report,
        environment,
    };
    let text = super::json::pretty(&receipt).unwrap_or_default();
    text + "\n"
}

fn first<'a>(environment: &'a Environment, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| environment.get(name))
}

fn pipeline_url(environment: &Environment) -> Option<String> {
    let get = |name| environment.get(name);
    let github = get("GITHUB_SERVER_URL")
        .zip(get("GITHUB_REPOSITORY"))
        .zip(get("GITHUB_RUN_ID"));
    let github = github
        .map(|((server, repository), run)| format!("{server}/{repository}/actions/runs/{run}"));
    let others = ["CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL"];
    github.or_else(|| first(environment, &others).map(str::to_owned))
}
