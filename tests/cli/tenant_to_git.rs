//! `list`, `status`, `download`: a look at a tenant, and its way into Git.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::flow::{Flow, VALUES};
use super::harness::{Flowship, Run, Tenant};

/// A tenant with an artifact of each type.
fn tenant(scenarios: &[&str]) -> Tenant {
    let artifacts = ["MessageMapping", "ScriptCollection", "ValueMapping"]
        .map(|kind| Flow::of_type(kind).deployed(&[]));
    let flow = Flow::named("Orders").deployed(&[("Receiver Address", "https://ops.example")]);
    Tenant::holding(scenarios, artifacts.into_iter().chain([flow]).collect())
}

fn call<'a>(tenant: &'a Tenant, directory: &Path, arguments: &[&str]) -> Flowship<'a> {
    Flowship::new()
        .against(tenant)
        .in_directory(directory)
        .args(arguments)
}

fn download(tenant: &Tenant, directory: &Path) -> Run {
    call(tenant, directory, &["download", "--all"]).run()
}

/// Every file below a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_list_shows_all_types_with_drafts_and_read_only_packages() {
    let tenant = tenant(&["draft=Draft@Orders", "read-only@Orders", "page-size=1"]);
    let directory = TempDir::new().unwrap();
    // the package of a deployment chooses nothing on a tenant
    let run = call(&tenant, directory.path(), &["list"])
        .env("FLOWSHIP_PACKAGE", "Orders")
        .run()
        .exit(0);
    assert!(!run.stdout.contains("Draft"), "{}", run.stdout);
    for text in [
        "MessageMapping",
        "ScriptCollection",
        "ValueMapping",
        "IntegrationFlow",
        "draft",
        "[read-only]",
    ] {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
    let json = call(
        &tenant,
        directory.path(),
        &["list", "--type", "value-mapping", "--output", "json"],
    )
    .run()
    .exit(0)
    .json();
    let packages = json["packages"].as_array().unwrap();
    let artifacts: Vec<&str> = packages
        .iter()
        .flat_map(|package| package["artifacts"].as_array().unwrap())
        .map(|artifact| artifact["type"].as_str().unwrap())
        .collect();
    assert_eq!(artifacts, ["ValueMapping"]);
    tenant.is_untouched();
}

#[test]
fn a_list_that_is_cut_without_a_link_is_asked_for_the_rest() {
    let all = (0..120).map(|number| Flow::named(&format!("F{number:03}")).stored());
    let tenant = Tenant::holding(&["cut-lists", "page-size=50"], all.collect());
    let directory = TempDir::new().unwrap();
    call(
        &tenant,
        directory.path(),
        &["list", "--type", "integration-flow"],
    )
    .run()
    .exit(0)
    .stdout_has("120 artifacts");
}

#[test]
fn a_package_that_fails_to_list_is_never_taken_for_empty() {
    let tenant = tenant(&["broken-package-list=Integration"]);
    let directory = TempDir::new().unwrap();
    call(&tenant, directory.path(), &["list"])
        .run()
        .exit(1)
        .stderr_has("the artifacts of type IntegrationFlow")
        .stdout_has("MessageMapping");
}

#[test]
fn a_package_that_is_not_there_is_named_with_the_nearest() {
    let tenant = tenant(&[]);
    let directory = TempDir::new().unwrap();
    call(&tenant, directory.path(), &["list", "--package", "Order"])
        .run()
        .exit(1)
        .stderr_has("package Order is not on the tenant")
        .stderr_has("did you mean");
}

#[test]
fn a_status_fails_a_scheduled_pipeline_with_the_cause() {
    let broken = Flow::named("Orders").deployed(&[]);
    let tenant = Tenant::holding(
        &["stale-error@Orders"],
        vec![broken, Flow::named("Good").deployed(&[])],
    );
    let directory = TempDir::new().unwrap();
    call(&tenant, directory.path(), &["status"])
        .run()
        .exit(0)
        .stdout_has("Orders: cause:")
        .stdout_has("1 run, 1 in ERROR");
    let run = call(
        &tenant,
        directory.path(),
        &["status", "--fail-on-error", "--report-junit", "junit.xml"],
    )
    .run()
    .exit(1);
    let report = run.written("junit.xml");
    assert!(
        report.contains("classname=\"Orders\" name=\"status\"") && report.contains("<failure"),
        "{report}"
    );
    assert!(report.contains("tests=\"2\" failures=\"1\""), "{report}");
    call(
        &tenant,
        directory.path(),
        &["status", "--fail-on-error", "Good"],
    )
    .run()
    .exit(0);
    tenant.is_untouched();
}

#[test]
fn a_status_names_older_content_and_what_is_nowhere() {
    let tenant = tenant(&[]);
    let directory = TempDir::new().unwrap();
    let flow = Flow::named("Orders").with("src/main/resources/script/new.groovy", "x");
    Flowship::deploy(&tenant, flow.path())
        .arg("--no-deploy")
        .run()
        .exit(0);
    call(&tenant, directory.path(), &["status", "Orders", "Nowhere"])
        .run()
        .exit(1)
        .stdout_has("Orders: runs older content")
        .stderr_has("Nowhere is not on the tenant");
}

#[test]
fn stages_stand_beside_each_other() {
    let (one, other) = (tenant(&[]), Tenant::new(&[]));
    let directory = TempDir::new().unwrap();
    fs::write(
        directory.path().join("flowship.yaml"),
        "environments:\n  dev: {credentials: DEV_CPI}\n  prod: {credentials: PROD_CPI}\n",
    )
    .unwrap();
    let run = Flowship::new()
        .watching(&one)
        .watching(&other)
        .env("DEV_CPI_SERVICE_KEY", one.variable("CPI_SERVICE_KEY"))
        .env("PROD_CPI_SERVICE_KEY", other.variable("CPI_SERVICE_KEY"))
        .in_directory(directory.path())
        .args([
            "status",
            "Orders",
            "--environment",
            "dev",
            "--environment",
            "prod",
        ])
        .run()
        .exit(0);
    assert!(
        run.stdout.contains("ARTIFACT  dev") && run.stdout.contains("1.0.3 STARTED  -"),
        "{}",
        run.stdout
    );
}

#[test]
fn two_downloads_of_an_unchanged_tenant_are_equal() {
    let tenant = tenant(&["downloads-differ", "rate-limit=10"]);
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    download(&tenant, one.path()).exit(0);
    let first = files(one.path());
    let run = download(&tenant, one.path()).exit(0);
    assert!(run.stdout.contains("4 unchanged"), "{}", run.stdout);
    assert_eq!(first, files(one.path()));
    download(&tenant, other.path()).exit(0);
    let names = |directory: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let below = |path: PathBuf| path.strip_prefix(directory).unwrap().to_owned();
        files(directory)
            .into_iter()
            .map(|(path, bytes)| (below(path), bytes))
            .collect()
    };
    assert_eq!(names(one.path()), names(other.path()));
    assert!(!one.path().join(".flowship-download").exists());
    tenant.is_untouched();
}

#[test]
fn a_download_then_a_plan_says_unchanged_for_every_type() {
    let tenant = tenant(&["downloads-differ"]);
    let directory = TempDir::new().unwrap();
    download(&tenant, directory.path()).exit(0);
    call(&tenant, directory.path(), &["plan", "--fail-on-changes"])
        .run()
        .exit(0)
        .stdout_has("4 unchanged");
}

#[test]
fn a_downloaded_tenant_can_be_deployed_to_an_empty_one() {
    let (full, empty) = (tenant(&[]), Tenant::new(&[]));
    let directory = TempDir::new().unwrap();
    download(&full, directory.path()).exit(0);
    call(&empty, directory.path(), &["deploy"]).run().exit(0);
    let running = empty.running("Orders").unwrap();
    assert_eq!(
        running.parameters["Receiver Address"],
        "https://ops.example"
    );
    let values =
        fs::read_to_string(directory.path().join("parameters/default/Orders.prop")).unwrap();
    assert_eq!(values, "Receiver\\ Address=https\\://ops.example\n");
    let inside = files(directory.path());
    let own = inside
        .iter()
        .find(|(path, _)| path.ends_with(VALUES))
        .unwrap();
    assert!(!String::from_utf8_lossy(own.1).contains("ops.example"));
}

#[test]
fn what_is_gone_is_removed_only_when_asked_and_only_where_a_download_wrote() {
    let directory = TempDir::new().unwrap();
    let full = Tenant::holding(
        &[],
        vec![
            Flow::named("Orders").deployed(&[]),
            Flow::named("Old").deployed(&[]),
        ],
    );
    download(&full, directory.path()).exit(0);
    let own = ["Own/Mine", "Orders/New"].map(|path| directory.path().join(path));
    copy(Flow::named("Mine").path(), &own[0]);
    copy(Flow::named("New").path(), &own[1]);
    let fewer = Tenant::holding(&[], vec![Flow::named("Orders").deployed(&[])]);
    download(&fewer, directory.path())
        .exit(0)
        .stdout_has("gone Orders/Old")
        .stdout_has_not("Orders/New");
    assert!(
        directory
            .path()
            .join("Orders/Old/META-INF/MANIFEST.MF")
            .exists()
    );
    call(&fewer, directory.path(), &["download", "--all", "--prune"])
        .run()
        .exit(0)
        .stdout_has("removed Orders/Old");
    assert!(!directory.path().join("Orders/Old").exists());
    for own in own {
        assert!(own.join("META-INF/MANIFEST.MF").exists(), "{own:?}");
    }
    // whoever makes one of that name later makes a new one
    copy(
        Flow::named("Old").path(),
        &directory.path().join("Orders/Old"),
    );
    call(&fewer, directory.path(), &["download", "--all", "--prune"])
        .run()
        .exit(0)
        .stdout_has_not("removed");
    let empty = Tenant::new(&[]);
    call(&empty, directory.path(), &["download", "--all", "--prune"])
        .run()
        .exit(1)
        .stderr_has("shows no artifact at all");
    assert!(
        directory
            .path()
            .join("Orders/Orders/META-INF/MANIFEST.MF")
            .exists()
    );
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

#[test]
fn values_that_are_secrets_by_key_or_form_are_not_written_to_git() {
    let secrets = [
        ("SFTP_Pass", "hunter2hunter2"),
        ("PW", "hunter3hunter3"),
        ("Auth Header", "hunter4hunter4"),
        ("Receiver", "Basic dXNlcjpodW50ZXI1"),
    ];
    let flow = Flow::named("Orders");
    let own = flow.read(VALUES) + "SFTP_Pass=\nPW=\nAuth\\ Header=\nReceiver=\n";
    let flow = flow.with(VALUES, own);
    let tenant = Tenant::holding(&[], vec![flow.deployed(&secrets)]);
    let directory = TempDir::new().unwrap();
    let told = download(&tenant, directory.path()).exit(0).stdout;
    let values = fs::read(directory.path().join("parameters/default/Orders.prop")).unwrap();
    let values = String::from_utf8(values).unwrap();
    for (key, value) in secrets {
        assert!(told.contains(key), "{told}");
        assert!(
            values.contains(&format!("# {key}: looks like a secret")),
            "{values}"
        );
        assert!(!values.contains(value), "{values}");
    }
}

#[test]
fn drafts_are_left_out_unless_they_are_to_be_taken() {
    let tenant = tenant(&["draft=Draft@Orders"]);
    let directory = TempDir::new().unwrap();
    download(&tenant, directory.path())
        .exit(0)
        .stdout_has("left out Orders: it is a draft of colleague@example.com");
    for arguments in [
        &["download", "Orders"][..],
        &["download", "--all", "--drafts", "refuse"],
    ] {
        call(&tenant, directory.path(), arguments)
            .run()
            .exit(1)
            .stderr_has("--drafts take");
    }
    call(
        &tenant,
        directory.path(),
        &["download", "--all", "--drafts", "take"],
    )
    .run()
    .exit(0)
    .stdout_has("new ");
}

#[test]
fn nothing_outside_the_directory_is_written_through_a_link() {
    #[cfg(unix)]
    {
        let held = Flow::named("Orders").deployed(&[("Retries", "9")]);
        let tenant = Tenant::holding(&[], vec![held]);
        for link in ["Orders", "parameters", "parameters/default"] {
            let (directory, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            let link = directory.path().join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(outside.path(), &link).unwrap();
            let run = download(&tenant, directory.path());
            assert_eq!(run.code, Some(1), "{}", run.stderr);
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "{link:?}");
        }
    }
}

#[test]
fn a_download_survives_one_fault_at_any_request() {
    for fault in [
        "502@GET:$value#1",
        "cut@GET:$value#2",
        "200-page@GET:MessageMapping#1",
        "429@GET:Configurations#1",
    ] {
        let scenario = format!("fault={fault}");
        let tenant = tenant(&[&scenario]);
        let directory = TempDir::new().unwrap();
        let run = download(&tenant, directory.path());
        assert_eq!(run.code, Some(0), "{fault}: {}", run.stderr);
        assert!(run.stdout.contains("4 new"), "{fault}: {}", run.stdout);
    }
}

#[test]
fn the_time_of_a_run_is_obeyed() {
    let tenant = tenant(&["latency=12"]);
    let directory = TempDir::new().unwrap();
    call(&tenant, directory.path(), &["list", "--timeout", "1s"])
        .run()
        .exit(5)
        .stderr_has("--timeout");
}
