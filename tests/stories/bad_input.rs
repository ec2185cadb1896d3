//! What is wrong is told with file and line and who must act; the rest goes on.

use gantry_core::reason::Reason;

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
