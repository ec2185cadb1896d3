//! What is wrong is told with file and line and who must act; the rest goes on.

use gantry_core::{
    decide::view::Put,
    reason::{Owner, Reason},
};

use crate::support::house::{CONFIG, House, IMAGE, overlay, path};

#[tokio::test]
async fn a_broken_config_leaves_the_last_good_one_in_force() {
    let mut house = House::new().await;
    let broken = CONFIG.replace("IMAGE", IMAGE).replace("delivery: commit", "delivry: commit");
    house.person("alice", "Break it", &[("gantry.yaml", &broken)]);
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0", "the last good config is in force");
    let problems: Vec<String> = house.seen().problems.iter().map(ToString::to_string).collect();
    assert!(
        problems.iter().any(|p| p.starts_with("gantry.yaml:3:") && p.contains("delivery")),
        "{problems:?}"
    );
    house.person("alice", "Mend it", &[("gantry.yaml", &CONFIG.replace("IMAGE", IMAGE))]);
    house.later(1).await;
    assert!(house.seen().problems.is_empty());
}

#[tokio::test]
async fn a_config_that_is_too_large_leaves_the_last_good_one_in_force() {
    let mut house = House::new().await;
    let good = CONFIG.replace("IMAGE", IMAGE);
    house.person("alice", "Add a lot", &[("gantry.yaml", &(good.clone() + &"# more\n".repeat(700_000)))]);
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");
    house.restart().await;
    house.build("1.2.0", "success").await;
    assert_eq!(house.versions()[0], "1.2.0", "also for a new process");
    let problems = house.seen().problems.clone();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].file.as_deref() == Some("gantry.yaml") && problems[0].owner == Owner::Team);
    assert!(problems[0].message.contains("over the limit of 4 MiB"), "{problems:?}");
    house.person("alice", "Less", &[("gantry.yaml", &good)]);
    house.later(1).await;
    assert_eq!(house.seen().problems, []);
}

#[tokio::test]
async fn an_overlay_that_does_not_parse_stops_its_own_place_only() {
    let mut house = House::new().await;
    house.person("alice", "Oops", &[(&path("qa"), "images:\n  - name: [\n")]);
    house.build("1.1.0", "success").await;
    house.later(600).await;
    assert_eq!(house.versions()[0], "1.1.0");
    match house.standing("qa").problem {
        Some(Reason::Broken { problem }) => {
            assert!(problem.to_string().starts_with(&format!("{}:", path("qa"))), "{problem}");
            assert!(problem.line.is_some());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_image_in_no_file_or_in_two_is_told() {
    let mut house = House::new().await;
    let none = overlay("registry.example.com/shop/other", "1.0.0");
    let twice = format!("{}  - name: {IMAGE}\n    newTag: 1.0.1\n", overlay(IMAGE, "1.0.0"));
    house.person("alice", "Oops", &[(&path("qa"), &none), (&path("prod"), &twice)]);
    house.later(1).await;
    for (environment, words) in [("qa", "names no image"), ("prod", ":4")] {
        match house.standing(environment).problem {
            Some(Reason::Broken { problem }) => assert!(problem.to_string().contains(words), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_empty_or_missing_repository_is_told_and_waited_for() {
    let mut house = House::empty("");
    house.start().await;
    house.pass().await;
    let problems = house.seen().problems.clone();
    assert!(problems.iter().any(|p| p.message.contains("empty")), "{problems:?}");
    let config = CONFIG.replace("IMAGE", IMAGE);
    let overlays: Vec<_> = ["dev", "qa", "prod"].map(|e| (path(e), overlay(IMAGE, "1.0.0"))).into();
    let mut files = vec![("gantry.yaml", config.as_str())];
    files.extend(overlays.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    house.person("alice", "Set up", &files);
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");

    std::fs::rename(house.infra.path(), house.folder.path().join("away.git")).unwrap();
    house.later(1).await;
    let problems = house.seen().problems.clone();
    assert!(problems.iter().any(|p| p.message.contains("no repository")), "{problems:?}");
    std::fs::rename(house.folder.path().join("away.git"), house.infra.path()).unwrap();
    house.later(60).await;
    assert_eq!(house.versions()[1], "1.1.0", "it goes on where it was");
}

#[tokio::test]
async fn a_branch_that_does_not_exist_is_told() {
    let config = CONFIG
        .replace("IMAGE", IMAGE)
        .replace("{name: dev, delivery: commit}", "{name: dev, delivery: commit, branch: develop}");
    let mut house = House::with(IMAGE, &config, "").await;
    let problems = house.seen().problems.clone();
    assert!(problems.iter().any(|p| p.message.contains("no branch develop")), "{problems:?}");
}

// A mistake in qa's overlay is no withdrawal of the release that prod's proposal carries.
#[tokio::test]
async fn a_broken_overlay_closes_no_proposal_and_its_mending_is_no_drift() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    let good = String::from_utf8(house.infra.show("main", &path("qa"))).unwrap();
    house.person("alice", "Oops", &[(&path("qa"), "images: [\n")]);
    house.later(60).await;
    assert_eq!(house.open("prod").unwrap().number, proposal.number);
    house.person("alice", "Mend it", &[(&path("qa"), &good)]);
    house.later(60).await;
    assert_eq!(house.open("prod").unwrap().head, proposal.head, "nothing was rebuilt");
    assert!(matches!(house.standing("qa").put, Put::Promotion { .. }), "{:?}", house.standing("qa").put);
}

#[tokio::test]
async fn after_a_restart_the_last_good_config_is_found_in_the_history() {
    let mut house = House::new().await;
    house.person("alice", "Break it", &[("gantry.yaml", "version: 1\nenvironments: 7\n")]);
    house.person("alice", "Break it more", &[("gantry.yaml", "version: [\n")]);
    house.restart().await;
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");
    assert!(house.seen().problems.iter().any(|problem| problem.file.as_deref() == Some("gantry.yaml")));
}

/// Without qa's branch, prod must not be fed from dev.
#[tokio::test]
async fn a_branch_that_goes_away_lets_no_release_skip_its_environment() {
    let config = CONFIG
        .replace("IMAGE", "registry.example.com/shop/{application}")
        .replace("name: qa\n", "name: qa\n    branch: qa\n")
        .replace(
            "  - name: checkout\n",
            "  - discover: apps/{application}/{environment}/kustomization.yaml\n",
        )
        .replace("    files: apps/checkout/{environment}/kustomization.yaml\n", "");
    let mut house = House::empty("");
    let overlays: Vec<_> = ["dev", "prod"].map(|e| (path(e), overlay(IMAGE, "1.0.0"))).into();
    let mut files = vec![("gantry.yaml", config.as_str())];
    files.extend(overlays.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    house.person("alice", "Set up", &files);
    house.person_on("qa", "alice", "Set up qa", &[(&path("qa"), &overlay(IMAGE, "1.0.0"))]);
    house.start().await;
    house.pass().await;
    assert_eq!(house.versions(), ["1.0.0", "1.0.0", "1.0.0"], "{:?}", house.seen().problems);
    house.build("1.1.0", "success").await;
    house.infra.git(&["update-ref", "-d", "refs/heads/qa"]);
    house.later(600).await;
    assert!(house.seen().problems.iter().any(|problem| problem.message.contains("no branch qa")));
    assert!(house.open("prod").is_none());
}
