//! Another pipeline, or a person in the web UI, at every step of ours: nothing of theirs is lost unseen, and what runs is
//! never taken for ours when it is theirs.

use flowship::sandbox::Deed;

use super::flow::{Flow, SCRIPT, VALUES, unzipped};
use super::harness::{Flowship, Run, Tenant, together};

const ID: &str = "Orders";
const NAMED: &str = "Receiver Address";
const OTHER: &str = "Retries";
/// So many requests and the artifact has been read for the first time.
const READ: usize = 2;
/// More requests than a deployment makes after its token.
const REQUESTS: usize = 18;

fn before() -> Flow {
    Flow::named(ID)
}

fn ours() -> Flow {
    before().with(SCRIPT, "def processData(message) { 'ours' }\n")
}

fn theirs() -> Flow {
    before().with(SCRIPT, "def processData(message) { 'theirs' }\n")
}

/// A run of ours during which a colleague does something once, as soon as so many requests were answered.
struct Story {
    tenant: Tenant,
    run: Run,
    /// What was asked after the deed.
    after: Vec<String>,
    happened: bool,
}

fn story(scenarios: &[&str], request: usize, deed: &Deed) -> Story {
    let preload = vec![before().deployed(&[(OTHER, "9")])];
    let tenant = Tenant::visited(scenarios, preload, ID, request, deed.clone());
    let run = Flowship::deploy(&tenant, ours().path())
        .args(["--set", &format!("{NAMED}=https://ours.example")])
        .args(["--timeout", "60s", "--output", "json"])
        .run();
    let requests = tenant.requests();
    Story {
        happened: requests.len() > request,
        after: requests.into_iter().skip(request).collect(),
        tenant,
        run,
    }
}

impl Story {
    fn verdict(&self) -> String {
        let verdict = &self.run.json()["artifacts"][0]["verdict"];
        verdict.as_str().unwrap_or_default().to_owned()
    }

    fn stored(&self) -> bool {
        let design = self.tenant.design(ID).unwrap();
        unzipped(&design.zip) == theirs().contents()
    }

    /// Green is what we wanted to run, with the value that we named.
    fn is_never_a_false_green(&self) {
        if self.run.code != Some(0) {
            return;
        }
        let values = self.tenant.runs(&ours());
        let expected = (NAMED.to_owned(), "https://ours.example".to_owned());
        assert!(values.contains(&expected), "{}\n{values:?}", self.run);
    }
}

const LOOK: &str = "DesigntimeArtifacts(Id='Orders',Version='active')";

fn is_a_look(request: &str) -> bool {
    request.starts_with("GET ") && request.ends_with(LOOK)
}

#[test]
fn what_they_save_is_not_overwritten_once_it_can_be_seen() {
    let zip = theirs().zip();
    let deeds = [Deed::Save(zip.clone()), Deed::Draft(zip)];
    let cases: Vec<(usize, &Deed, &str)> = (READ..REQUESTS)
        .flat_map(|request| {
            deeds
                .iter()
                .map(move |deed| (request, deed, "parameter-moves-modified-at"))
        })
        .chain((READ..REQUESTS).map(|request| (request, &deeds[0], "deployed-by=api-user")))
        .collect();
    together(&cases, |(request, deed, scenario)| {
        let story = story(&[scenario], *request, deed);
        story.is_never_a_false_green();
        let write = |one: &String| one.starts_with("PUT ") && !one.contains("$links");
        let (look, put) = (
            story.after.iter().position(|one| is_a_look(one)),
            story.after.iter().position(write),
        );
        if let (Some(look), Some(put)) = (look, put) {
            assert!(look > put, "{request}: seen and overwritten\n{}", story.run);
        }
        if story.happened && look.is_some() && put.is_none() && story.run.code != Some(0) {
            assert!(story.stored(), "{request}\n{}", story.run);
            assert!(
                ["superseded", "failed"].contains(&story.verdict().as_str()),
                "{request}\n{}",
                story.run
            );
        }
    });
}

#[test]
fn who_saved_and_when_is_told() {
    // after the package, the artifact and its parameters were read, and before the last look
    let story = story(&[], 3, &Deed::Save(theirs().zip()));
    assert_eq!(story.run.code, Some(1), "{}", story.run);
    assert_eq!(story.verdict(), "superseded");
    assert!(story.stored());
    assert_eq!(story.tenant.deployments(ID), 0);
    let run = story
        .run
        .stderr_has("colleague@example.com saved other content of Orders at 20");
    let run = run.stderr_has("while this run was working");
    assert!(!run.stderr.contains("uploading"), "{run}");
}

#[test]
fn a_parameter_that_they_set_is_not_set_back() {
    let deed = Deed::Configure(OTHER.to_owned(), "theirs".to_owned());
    let cases: Vec<usize> = (3..REQUESTS).collect();
    together(&cases, |request| {
        let story = story(&[], *request, &deed);
        story.is_never_a_false_green();
        if story.happened {
            let values = story.tenant.design(ID).unwrap().parameters;
            assert_eq!(values[OTHER], "theirs", "{request}\n{}", story.run);
        }
        let code = story.run.code;
        assert!(matches!(code, Some(0 | 1)), "{request}\n{}", story.run);
    });
}

#[test]
fn a_named_parameter_that_they_set_is_no_green() {
    let deed = Deed::Configure(NAMED.to_owned(), "https://theirs.example".to_owned());
    let cases: Vec<usize> = (3..REQUESTS).collect();
    together(&cases, |request| {
        let story = story(&[], *request, &deed);
        story.is_never_a_false_green();
        let code = story.run.code;
        assert!(matches!(code, Some(0 | 1)), "{request}\n{}", story.run);
        if code == Some(1) {
            assert_eq!(story.verdict(), "superseded", "{request}\n{}", story.run);
        }
    });
}

#[test]
fn what_they_delete_is_told_as_their_deed() {
    let cases: Vec<usize> = (3..REQUESTS).collect();
    together(&cases, |request| {
        let story = story(&[], *request, &Deed::Delete);
        let code = story.run.code;
        assert!(matches!(code, Some(0 | 1)), "{request}\n{}", story.run);
        if code == Some(1) {
            let word = story.verdict();
            assert!(
                ["superseded", "failed"].contains(&word.as_str()),
                "{request}\n{}",
                story.run
            );
        }
    });
}

#[test]
fn who_saved_is_told_though_a_default_changed_too() {
    let values = theirs().read(VALUES).replace("Retries=3", "Retries=8");
    let zip = theirs().with(VALUES, values).zip();
    let story = story(&["reset-parameters"], 3, &Deed::Save(zip));
    assert_eq!(story.run.code, Some(1), "{}", story.run);
    story
        .run
        .stderr_has("colleague@example.com saved other content of Orders");
}

/// A value mapping in which DE stands for this.
fn mapping(value: &str) -> Flow {
    Flow::of_type("ValueMapping").with(
        "value_mapping.xml",
        format!("<vm version=\"2.0\"><group id=\"1\"><entry><agency>A</agency><schema>s</schema><value>DE</value></entry><entry><agency>B</agency><schema>s</schema><value>{value}</value></entry></group></vm>"),
    )
}

#[test]
fn a_value_mapping_that_they_save_is_not_deleted_unseen() {
    const MAPPING: &str = "Shared_ValueMapping";
    let replaced = |tenant: &Tenant| {
        Flowship::deploy(tenant, mapping("ours").path())
            .args(["--replace-value-mappings", "--timeout", "60s"])
            .args(["--output", "json"])
            .run()
    };
    let held = || vec![mapping("before").deployed(&[])];
    let is_deletion = |one: &String| one.starts_with("DELETE ");
    let undisturbed = Tenant::holding(&[], held());
    replaced(&undisturbed).exit(0);
    let requests = undisturbed.requests();
    let deletion = requests.iter().position(is_deletion).unwrap();
    let zip = mapping("theirs").zip();
    let deeds = [Deed::Save(zip.clone()), Deed::Draft(zip)];
    let cases: Vec<(usize, &Deed, &str)> = (READ..=deletion)
        .flat_map(|request| {
            deeds.iter().flat_map(move |deed| {
                ["modified-at-format=iso", "no-modified-at"]
                    .map(|scenario| (request, deed, scenario))
            })
        })
        .collect();
    together(&cases, |(request, deed, scenario)| {
        let tenant = Tenant::visited(&[scenario], held(), MAPPING, *request, (*deed).clone());
        let run = replaced(&tenant);
        let requests = tenant.requests();
        let (before, after) = requests.split_at(*request);
        // where there are no dates, it is the content that tells
        let tells = |one: &&String| {
            let marks = *scenario != "no-modified-at" && one.contains("Version='active')");
            one.starts_with("GET ") && (marks || one.ends_with("/$value"))
        };
        let until_deletion = after.iter().take_while(|one| !is_deletion(one));
        let seen = before.iter().any(|one| tells(&one)) && until_deletion.filter(tells).count() > 0;
        if seen {
            assert!(
                !after.iter().any(is_deletion),
                "{request} {scenario}: seen and deleted\n{run}"
            );
            assert_eq!(run.json()["artifacts"][0]["verdict"], "superseded", "{run}");
        }
    });
}

#[test]
fn their_deployment_is_not_taken_for_ours() {
    let cases: Vec<usize> = (1..REQUESTS).collect();
    together(&cases, |request| {
        let story = story(&[], *request, &Deed::Deploy);
        story.is_never_a_false_green();
    });
}

#[test]
fn whoever_has_it_open_is_named_where_the_tenant_tells() {
    let cases: [(&[&str], bool); 3] = [
        (&["roles-also=WorkspaceArtifactLocksRead"], true),
        (
            &["roles-also=WorkspaceArtifactLocksRead", "locked=423"],
            true,
        ),
        (&[], false),
    ];
    together(&cases, |(scenarios, told)| {
        let story = story(scenarios, 2, &Deed::Lock);
        assert_eq!(story.run.code, Some(1), "{}", story.run);
        assert_eq!(
            story
                .run
                .stderr
                .contains("it is locked by colleague@example.com since 20"),
            *told,
            "{}",
            story.run
        );
        assert!(story.run.stderr.contains("somebody has the artifact open"));
        assert_eq!(story.tenant.deployments(ID), 0);
    });
}
