//! What the tenant stored of an update is read back: an answer of 200 and a new date are not believed.

use flowship::sandbox::Deed;

use super::flow::{Flow, SCRIPT, unzipped};
use super::harness::{Flowship, Run, Tenant, together};

const ID: &str = "Orders";

fn before() -> Flow {
    Flow::named(ID).with(SCRIPT, "return 1\n// to go\n")
}

fn ours() -> Flow {
    before().with(SCRIPT, "return 2\n")
}

fn deploy(tenant: &Tenant, flow: &Flow, options: &[&str]) -> Run {
    Flowship::deploy(tenant, flow.path())
        .args(["--timeout", "60s", "--output", "json"])
        .args(options)
        .run()
}

fn verdict(run: &Run) -> String {
    let verdict = &run.json()["artifacts"][0]["verdict"];
    verdict.as_str().unwrap_or_default().to_owned()
}

fn downloads(tenant: &Tenant) -> usize {
    let requests = tenant.requests();
    requests
        .iter()
        .filter(|one| one.ends_with("/$value"))
        .count()
}

fn put_of_content(request: &str) -> bool {
    request.starts_with("PUT ") && !request.contains("$links")
}

#[test]
fn an_update_that_is_not_stored_is_not_deployed() {
    let shorter = before().with(SCRIPT, "return 1\n");
    let value = "Receiver Address=https://ours.example";
    let cases: [(&Flow, &[&str]); 4] = [
        (&ours(), &[]),
        // all that was sent is there, but what was to go is, too
        (&shorter, &[]),
        (&ours(), &["--set", value]),
        // what stood there before is not known
        (&ours(), &["--force"]),
    ];
    together(&cases, |(flow, options)| {
        let tenant = Tenant::holding(&["update-not-stored"], vec![before().deployed(&[])]);
        let run = deploy(&tenant, flow, options).exit(6);
        assert_eq!(verdict(&run), "failed", "{options:?}");
        let run = run.stderr_has("the tenant");
        let known = options.is_empty();
        assert_eq!(
            run.stderr.contains("still holds the old content"),
            known,
            "{run}"
        );
        assert!(
            run.stderr
                .contains("differs: src/main/resources/script/log.groovy"),
            "{run}"
        );
        assert_eq!(tenant.deployments(ID), 0);
        let stored = tenant.design(ID).unwrap();
        assert_eq!(unzipped(&stored.zip), before().contents());
    });
}

#[test]
fn an_update_costs_one_download() {
    let tenant = Tenant::holding(&[], vec![before().deployed(&[])]);
    deploy(&tenant, &ours(), &[]).exit(0);
    // one to compare, one to read back
    assert_eq!(downloads(&tenant), 2, "{}", tenant.transcript());
    let named = ["--set", "Retries=7"];
    let tenant = Tenant::holding(&["modified-by=robot"], vec![before().deployed(&[])]);
    deploy(&tenant, &ours(), &named).exit(0);
    assert_eq!(downloads(&tenant), 1, "{}", tenant.transcript());
    let tenant = Tenant::new(&[]);
    deploy(&tenant, &ours(), &[]).exit(0);
    assert_eq!(downloads(&tenant), 0, "{}", tenant.transcript());
}

#[test]
fn reads_of_the_design_time_may_lag() {
    let named: &[&str] = &["--set", "Retries=7"];
    let cases: Vec<(bool, &str, &[&str])> = ["design-time-late=40", "design-time-late=100"]
        .into_iter()
        .flat_map(|late| {
            [
                (true, late, &[][..]),
                (true, late, named),
                (false, late, named),
            ]
        })
        .collect();
    together(&cases, |(exists, late, options)| {
        let preload = if *exists {
            vec![before().deployed(&[])]
        } else {
            Vec::new()
        };
        let tenant = Tenant::holding(&[late], preload);
        let run = deploy(&tenant, &ours(), options).exit(0);
        assert_eq!(verdict(&run), "started", "{exists} {late} {run}");
        tenant.runs(&ours());
        tenant.deployed_once(ID);
        let uploads = tenant.requests();
        let uploads = uploads.iter().filter(|one| put_of_content(one)).count();
        assert_eq!(uploads, usize::from(*exists), "{}", tenant.transcript());
    });
}

#[test]
fn what_the_tenant_rewrites_is_named_and_doubted() {
    together(&["comment", "blanks"], |how| {
        let scenario = format!("rewrites-content={how}");
        let tenant = Tenant::holding(&[&scenario], vec![before().deployed(&[])]);
        let run = deploy(&tenant, &ours(), &[]).exit(0);
        assert_eq!(verdict(&run), "started", "{run}");
        let words = "the tenant stored these files in another form than they were sent in: ";
        assert!(
            run.stderr.contains(words) && run.stderr.contains("log.groovy"),
            "{run}"
        );
        assert!(
            run.stdout
                .contains("watched longer because the tenant stored"),
            "{run}"
        );
        tenant.deployed_once(ID);
        // what is spelled otherwise stays so, and is not taken for the old content
        if *how != "comment" {
            deploy(&tenant, &ours(), &[]).exit(0);
        }
    });
}

/// The tenant stores the one mapping of a message mapping under the id of the artifact.
#[test]
fn another_name_of_the_same_mapping_is_no_difference() {
    let mapping = |text: &str| {
        Flow::of_type("MessageMapping").with("src/main/resources/mapping/Shared.mmap", text)
    };
    let (before, ours) = (mapping("<m a='1'/>"), mapping("<m a='2'/>"));
    let tenant = Tenant::holding(&["rewrites-content=name"], vec![before.deployed(&[])]);
    let run = deploy(&tenant, &ours, &[]).exit(0);
    assert_eq!(verdict(&run), "started", "{run}");
    assert!(!run.stderr.contains("in another form"), "{run}");
    let run = deploy(&tenant, &ours, &[]).exit(0);
    assert_eq!(verdict(&run), "unchanged", "{run}");
    Flowship::deploy(&tenant, ours.path())
        .arg("--dry-run")
        .run()
        .exit(0)
        .stdout_has("unchanged");
    tenant.deployed_once(&ours.id);
}

/// Where the other run's content comes just after our upload, before anything of ours could be read.
#[test]
fn of_two_runs_with_one_key_one_at_most_is_green() {
    let theirs = before().with(SCRIPT, "return 3\n");
    let undisturbed = Tenant::holding(&[], vec![before().deployed(&[])]);
    deploy(&undisturbed, &ours(), &[]).exit(0);
    let requests = undisturbed.requests();
    let put = requests.iter().position(|one| put_of_content(one)).unwrap();
    let after: Vec<usize> = (put + 1..requests.len()).collect();
    together(&after, |request| {
        let deed = Deed::SaveWithOurKey(theirs.zip());
        let preload = vec![before().deployed(&[])];
        let tenant = Tenant::visited(&[], preload, ID, *request, deed);
        let run = deploy(&tenant, &ours(), &[]);
        let stored = unzipped(&tenant.design(ID).unwrap().zip);
        assert_eq!(stored, theirs.contents(), "{request}");
        assert_eq!(run.code, Some(1), "{request}\n{run}");
        assert_eq!(verdict(&run), "superseded", "{request}\n{run}");
    });
}

#[test]
fn a_colleague_who_takes_our_update_back_is_told_at_once() {
    let undisturbed = Tenant::holding(&[], vec![before().deployed(&[])]);
    deploy(&undisturbed, &ours(), &[]).exit(0);
    let requests = undisturbed.requests();
    let put = requests.iter().position(|one| put_of_content(one)).unwrap();
    let deed = Deed::Save(before().zip());
    let tenant = Tenant::visited(&[], vec![before().deployed(&[])], ID, put + 1, deed);
    let run = deploy(&tenant, &ours(), &[]).exit(1);
    let run = run.stderr_has("colleague@example.com saved other content of Orders");
    assert!(!run.stderr.contains("looking again"), "{run}");
    assert_eq!(tenant.deployments(ID), 0);
}
