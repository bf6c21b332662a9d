//! Lists, by package and by type.

use super::*;

#[test]
fn lists_are_filtered_and_paged() {
    let client = Client::quiet(&["page-size=2"]);
    for id in ["A", "B", "C"] {
        client.create_package(id);
    }
    assert_eq!(
        client.status("IntegrationPackages?$inlinecount=allpages"),
        501
    );
    let list = client.get("IntegrationPackages?$orderby=Id desc").json()["d"].clone();
    assert_eq!(list["results"].as_array().unwrap().len(), 2);
    let next = list["__next"]
        .as_str()
        .unwrap()
        .split_once("/api/v1/")
        .unwrap()
        .1
        .to_owned();
    let rest = client.get(&next).json()["d"].clone();
    assert_eq!(
        (
            rest["results"][0]["Id"].as_str(),
            rest["results"][1]["Id"].as_str()
        ),
        (Some("B"), Some("A"))
    );
    assert_eq!(client.get("IntegrationPackages/$count").text(), "4");
    assert_eq!(
        client.get("IntegrationPackages?$top=1&$skip=1").json()["d"]["results"][0]["Id"],
        "B"
    );
    assert_eq!(client.get("IntegrationPackages?$expand=X").status, 501);
}

/// The entities of a list, page by page.
fn rows(client: &Client, path: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let reply = client.get(&path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let list = reply.json()["d"].clone();
        rows.extend(list["results"].as_array().unwrap().clone());
        pages += 1;
        let address = list["__next"].as_str();
        next = address.map(|text| text.split_once("/api/v1/").unwrap().1.to_owned());
    }
    (rows, pages)
}

fn ids(rows: &[Value], key: &str) -> Vec<String> {
    rows.iter()
        .map(|row| row[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_packages_lists_show_what_single_reads_show_for_every_type() {
    let client = Client::quiet(&[]);
    all_types(&client);
    for (set, kind) in SETS {
        let (rows, _) = rows(&client, &format!("IntegrationPackages('P')/{set}"));
        assert_eq!(ids(&rows, "Id"), [1, 2, 3].map(|n| format!("{kind}{n}")));
        for row in rows {
            let id = row["Id"].as_str().unwrap();
            let single = client.get(&format!("{set}(Id='{id}',Version='active')"));
            assert_eq!(row, single.json()["d"], "{id}");
            for name in ["ModifiedAt", "ModifiedBy", "Version", "PackageId"] {
                assert!(row[name].is_string(), "{id} {name}");
            }
        }
    }
}

#[test]
fn a_packages_lists_take_the_query_options() {
    let (client, deaf) = (Client::quiet(&[]), Client::quiet(&["skip-ignored"]));
    all_types(&client);
    all_types(&deaf);
    for (set, kind) in SETS {
        let path = format!("IntegrationPackages('P')/{set}");
        let options = format!("{path}?$top=1&$skip=1&$inlinecount=allpages");
        let list = client.get(&options).json()["d"].clone();
        assert_eq!(list["__count"], "3", "{set}");
        assert_eq!(list["results"].as_array().unwrap().len(), 1, "{set}");
        assert_eq!(list["results"][0]["Id"], format!("{kind}2"));
        let first = deaf.get(&options).json()["d"].clone();
        assert_eq!(
            (
                &first["__count"],
                first["results"].as_array().unwrap().len()
            ),
            (&Value::Null, 1)
        );
        assert_eq!(first["results"][0]["Id"], format!("{kind}1"));
        assert!(
            list["__next"].is_null(),
            "{set}: what was asked for is complete"
        );
        assert_eq!(client.get(&format!("{path}/$count")).text(), "3");
    }
}

#[test]
fn every_long_list_comes_in_pages_that_hold_each_row_once() {
    let client = Client::quiet(&["page-size=2"]);
    all_types(&client);
    for (set, kind) in SETS {
        let path = format!("IntegrationPackages('P')/{set}");
        let (rows, pages) = rows(&client, &path);
        let expected = [1, 2, 3].map(|n| format!("{kind}{n}"));
        assert_eq!(
            (ids(&rows, "Id").as_slice(), pages),
            (expected.as_slice(), 2)
        );
    }
    let flow = "IntegrationDesigntimeArtifacts(Id='IntegrationFlow1',Version='active')";
    let (parameters, pages) = rows(&client, &format!("{flow}/Configurations"));
    assert_eq!(
        (ids(&parameters, "ParameterKey").join(""), pages),
        ("abc".to_owned(), 2)
    );
    for (set, kind) in SETS {
        let stem = set.strip_suffix("DesigntimeArtifacts").unwrap();
        deploy_of(&client, stem, &format!("{kind}1"));
    }
    client.until(|| rows(&client, "IntegrationRuntimeArtifacts").0.len() == 4);
    assert_eq!(rows(&client, "IntegrationRuntimeArtifacts").1, 2);
    let (skipped, pages) = rows(&client, "IntegrationRuntimeArtifacts?$skip=1&$top=3");
    assert_eq!(
        ids(&skipped, "Id"),
        ["MessageMapping1", "ScriptCollection1", "ValueMapping1"]
    );
    assert_eq!(pages, 2);
}

#[test]
fn the_run_time_list_is_filtered_by_or_alone() {
    let client = Client::with_flow(&[]);
    let filtered =
        |filter: &str| client.get(&format!("IntegrationRuntimeArtifacts?$filter={filter}"));
    let found = filtered("Id eq 'Nobody' or Id eq 'Flow'");
    assert_eq!(found.json()["d"]["results"][0]["Id"], "Flow");
    for refused in [
        "Id eq 'Flow' and Status eq 'STARTED'",
        "(Id eq 'Flow') or (Id eq 'Nobody')",
        "DeployedOn gt datetime'2024-01-01T00:00:00'",
    ] {
        assert_eq!(filtered(refused).status, 400, "{refused}");
    }
}

#[test]
fn a_tenant_may_offer_no_run_time_list() {
    for (scenario, status) in [("no-runtime-list", 501), ("no-runtime-list=405", 405)] {
        let client = Client::with_flow(&[scenario]);
        assert_eq!(client.status("IntegrationRuntimeArtifacts"), status);
        assert_eq!(client.status("IntegrationRuntimeArtifacts/$count"), status);
        assert_eq!(status_of(&client, "Flow"), "STARTED", "one by one it works");
    }
}

#[test]
fn the_run_time_list_can_lag_behind() {
    // what is preloaded was deployed an hour before the start
    for (scenario, listed) in [("runtime-list-late=600", 1), ("runtime-list-late=4000", 0)] {
        let client = Client::with_flow(&[scenario]);
        let (_, before) = client.runtime().unwrap();
        client.deploy();
        client.until(|| client.runtime().is_some_and(|(_, date)| date > before));
        let (rows, _) = rows(&client, "IntegrationRuntimeArtifacts");
        assert_eq!(rows.len(), listed, "{scenario}");
        for row in rows {
            assert_eq!(row["DeployedOn"], format!("/Date({before})/"), "{scenario}");
        }
    }
}

#[test]
fn a_packages_list_of_one_type_can_be_broken() {
    let client = Client::quiet(&["broken-package-list=ScriptCollection@P"]);
    client.create_package("Q");
    all_types(&client);
    let list =
        |package: &str, set: &str| client.get(&format!("IntegrationPackages('{package}')/{set}"));
    let broken = list("P", SETS[3].0);
    assert_eq!(
        (broken.status, broken.message().as_str()),
        (500, "Internal Server Error")
    );
    assert_eq!(list("P", SETS[0].0).status, 200);
    assert_eq!(list("Q", SETS[3].0).status, 200, "another package");
    let single = "ScriptCollectionDesigntimeArtifacts(Id='ScriptCollection1',Version='active')";
    assert_eq!(client.status(single), 200);
}

#[test]
fn lists_can_lack_the_dates_of_single_reads() {
    let client = Client::with_flow(&["lists-without-dates"]);
    let (rows, _) = rows(&client, &format!("IntegrationPackages('P')/{FLOWS}"));
    assert!(rows[0]["ModifiedAt"].is_null() && rows[0]["ModifiedBy"].is_null());
    assert!(client.get(FLOW).json()["d"]["ModifiedAt"].is_string());
    let client = Client::with_flow(&["no-modified-at"]);
    assert!(client.get(FLOW).json()["d"]["ModifiedAt"].is_null());
}
