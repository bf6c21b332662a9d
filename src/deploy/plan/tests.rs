//! What proves that nothing is to be done, and what may not be written.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::artifact::PackOptions;
use crate::artifact::sample::Sample;
use crate::deploy::job::{Content, Home, Rules, VersionRule};
use crate::tenant::wire::{ArtifactId, Description, PackageId};

const SAVED: i64 = 1_700_000_000_000;
const US: &str = "sb-client";
const COLLEAGUE: &str = "colleague@example.com";

fn rules() -> Rules {
    Rules {
        create_package: true,
        overwrite_drafts: false,
        force: false,
        deploy: true,
        parameters_from_artifact: false,
        replace_value_mappings: false,
        rollback_required: false,
        drop_tenant_entries: false,
        backup_directory: PathBuf::new(),
        back: None,
        reach: Vec::new(),
        version: VersionRule::Keep,
        settle: Duration::ZERO,
        poll_interval: Duration::from_millis(300),
    }
}

fn job(source: Source) -> Job {
    Job {
        id: ArtifactId("Flow".into()),
        source,
        named: Vec::new(),
        rules: rules(),
        needs: Vec::new(),
        requires: Vec::new(),
        notes: Vec::new(),
    }
}

fn of_files() -> Job {
    let files = Sample::flow();
    let artifact = files.open();
    let home = Home {
        package: PackageId("Orders".into()),
        name: "Orders".into(),
        short_text: None,
        description: Description::new(),
    };
    let content = Content::pack(artifact, PackOptions::default(), home, PathBuf::new());
    job(Source::Files(Box::new(content.unwrap())))
}

fn artifact(version: &str, by: &str) -> DesigntimeArtifact {
    let json = format!(
        r#"{{"Id":"Flow","Version":"{version}","PackageId":"Orders","ModifiedAt":"{SAVED}","ModifiedBy":"{by}"}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn record(version: &str, seconds_after: i64) -> RuntimeArtifact {
    RuntimeArtifact {
        version: version.into(),
        status: RuntimeStatus::Started,
        deployed_on: Some(TenantTime(SAVED + seconds_after * 1_000)),
        deployed_by: "".into(),
        kind: "".into(),
    }
}

/// The tenant holds the same content and values, saved so, and this runs.
fn standing(artifact: DesigntimeArtifact, deployer: Deployer, runs: RuntimeArtifact) -> Standing {
    Standing {
        kind: Some(ArtifactKind::IntegrationFlow),
        saved_by_us: artifact.modified_by == US,
        artifact: Some(artifact),
        configured: vec![Configuration {
            key: "Host Name".into(),
            value: "https://x".into(),
            data_type: String::new(),
        }],
        runtime: Some(runs),
        deployer,
        same_content: Some(true),
        ..Standing::default()
    }
}

fn word(plan: &Plan) -> &'static str {
    match plan {
        Plan::Refuse(_) => "refuse",
        Plan::Unchanged(_) => "unchanged",
        Plan::Stopped(_) => "stopped",
        Plan::Act(steps) => match steps.upload {
            Upload::Keep => "deploy",
            Upload::Update => "save and deploy",
            _ => "another upload",
        },
    }
}

#[test]
fn nothing_is_to_be_done_only_where_all_that_the_tenant_shows_proves_it() {
    use Deployer::{Another, Unsaid, Us};
    for (design, by, deployer, runs, seconds, expected) in [
        ("1.0.1", US, Us, "1.0.1", 1, "unchanged"),
        ("1.0.1", US, Us, "1.0.1", 0, "deploy"),
        ("1.0.1", US, Us, "1.0.1", -1, "deploy"),
        // another number runs, though it was deployed later
        ("1.0.1", US, Us, "1.0.0", 60, "deploy"),
        ("1.0.1", US, Us, "", 60, "unchanged"),
        // a draft has no number
        ("Active", US, Us, "1.0.0", 60, "unchanged"),
        // another's build may be of what was before
        ("1.0.1", US, Another, "1.0.1", 3_600, "deploy"),
        (
            "1.0.1",
            COLLEAGUE,
            Another,
            "1.0.1",
            3_600,
            "save and deploy",
        ),
        // by clocks that differ, a colleague may have saved after our deployment
        ("1.0.1", COLLEAGUE, Us, "1.0.1", 600, "save and deploy"),
        ("1.0.1", COLLEAGUE, Us, "1.0.1", 601, "unchanged"),
        // a tenant that does not tell names
        ("1.0.1", "", Us, "1.0.1", 1, "unchanged"),
        ("1.0.1", "", Unsaid, "1.0.1", 1, "unchanged"),
        ("1.0.1", COLLEAGUE, Unsaid, "1.0.1", 1, "unchanged"),
        // a colleague's draft of the same content is not written
        ("Draft", COLLEAGUE, Another, "1.0.0", 60, "deploy"),
    ] {
        let standing = standing(artifact(design, by), deployer, record(runs, seconds));
        let plan = decide(&of_files(), &standing);
        let case = format!("{design} by {by}, {runs} {seconds} s later by {deployer:?}");
        assert_eq!(word(&plan), expected, "{case}");
    }
}

#[test]
fn what_may_not_be_written_is_deployed_as_it_is() {
    let read_only = serde_json::from_str(r#"{"Id":"Orders","Mode":"READ_ONLY"}"#).unwrap();
    let standing = Standing {
        package: Some(read_only),
        ..standing(
            artifact("1.0.1", COLLEAGUE),
            Deployer::Us,
            record("1.0.1", 60),
        )
    };
    assert_eq!(word(&decide(&of_files(), &standing)), "deploy");
}

#[test]
fn a_late_deployment_that_is_feared_proves_nothing() {
    let standing = Standing {
        doubted: true,
        ..standing(artifact("1.0.1", US), Deployer::Us, record("1.0.1", 60))
    };
    assert_eq!(word(&decide(&of_files(), &standing)), "deploy");
    assert!(!is_proven(&standing));
}

#[test]
fn a_draft_of_a_colleague_is_neither_overwritten_nor_deployed() {
    let overwriting = |mut job: Job| {
        job.rules.overwrite_drafts = true;
        job
    };
    for (version, by, refused) in [
        ("Active", COLLEAGUE, true),
        ("Draft", COLLEAGUE, true),
        ("Draft", "", true),
        ("Draft", US, false),
        ("1.0.1", COLLEAGUE, false),
    ] {
        let standing = Standing {
            same_content: Some(false),
            ..standing(artifact(version, by), Deployer::Us, record("1.0.0", 60))
        };
        for job in [of_files(), job(Source::Tenant)] {
            let plan = decide(&job, &standing);
            assert_eq!(
                word(&plan) == "refuse",
                refused,
                "{version} by {by}: {plan:?}"
            );
            let plan = decide(&overwriting(job), &standing);
            assert_ne!(word(&plan), "refuse", "{version} by {by}");
        }
    }
}

#[test]
fn what_runs_is_proven_by_dates_and_numbers() {
    let proven = |design: &str, runs: RuntimeArtifact| {
        is_proven(&standing(
            artifact(design, COLLEAGUE),
            Deployer::Another,
            runs,
        ))
    };
    assert!(proven("1.0.1", record("1.0.1", 1)));
    assert!(!proven("1.0.1", record("1.0.1", 0)));
    assert!(!proven("1.0.1", record("1.0.0", 1)));
    for draft in ["Active", "Draft"] {
        assert!(!proven(draft, record("1.0.1", 1)), "{draft}");
    }
    let mut failed = record("1.0.0", -1);
    failed.status = RuntimeStatus::Error;
    assert!(proven("1.0.1", failed), "it does not run");
}

#[test]
fn why_the_same_is_deployed_again_is_told() {
    let by_colleague = RuntimeArtifact {
        deployed_by: COLLEAGUE.into(),
        ..record("1.0.1", 60)
    };
    let told = |deployer, runs| lacking_proof(&standing(artifact("1.0.1", US), deployer, runs));
    assert!(
        told(Deployer::Us, record("1.0.0", 60))
            .ends_with("shows version 1.0.1, and version 1.0.0 runs")
    );
    assert!(told(Deployer::Another, by_colleague).contains(COLLEAGUE));
    assert!(told(Deployer::Us, record("1.0.1", -1)).ends_with("what runs is this content"));
    let nothing = Standing {
        runtime: None,
        ..standing(artifact("1.0.1", US), Deployer::Us, record("1.0.1", 1))
    };
    assert_eq!(lacking_proof(&nothing), "nothing differs, and nothing runs");
}
