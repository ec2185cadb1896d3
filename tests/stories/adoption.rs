//! The first day on a real repository: what stood there is as found.

use gantry_core::facts::Arrival;

use crate::support::house::{CONFIG, House, IMAGE, overlay, path, place};

fn newest(house: &mut House, environment: &str) -> Arrival {
    house.seen().facts.places[&place(environment)].history[0].clone()
}

#[tokio::test]
async fn what_stood_in_a_place_before_the_config_named_it_is_as_found() {
    let mut house = House::empty("");
    let prod_later = CONFIG.replace("IMAGE", IMAGE).replace(
        "files: apps/checkout/{environment}/kustomization.yaml",
        "files: apps/checkout/{environment}/kustomization.yaml\n    environments: [dev, qa]",
    );
    let all = ["dev", "qa", "prod"].map(|environment| (path(environment), overlay(IMAGE, "0.9.0")));
    let files: Vec<(&str, &str)> = all.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    house.person("alice", "Set up", &files);
    for environment in ["dev", "qa", "prod"] {
        house.person("alice", "By hand", &[(&path(environment), &overlay(IMAGE, "1.0.0"))]);
    }
    house.person("alice", "Begin with Gantry", &[("gantry.yaml", &prod_later)]);
    house.person("alice", "Prod by hand", &[(&path("prod"), &overlay(IMAGE, "1.0.1"))]);
    house.person("alice", "Prod too", &[("gantry.yaml", &CONFIG.replace("IMAGE", IMAGE))]);
    house.start().await;
    house.pass().await;
    for environment in ["dev", "qa", "prod"] {
        let arrival = newest(&mut house, environment);
        assert!(arrival.found && !arrival.claimed, "{environment}: {arrival:?}");
    }
    house.person("bob", "After it", &[(&path("qa"), &overlay(IMAGE, "1.0.2"))]);
    house.later(1).await;
    assert!(!newest(&mut house, "qa").found, "what somebody puts there now is drift");
    assert!(newest(&mut house, "prod").found);
    house.restart().await;
    house.later(1).await;
    assert!(!newest(&mut house, "qa").found);
    assert!(newest(&mut house, "dev").found);
}

#[tokio::test]
async fn on_another_branch_the_commits_own_time_tells() {
    let mut house = House::empty("");
    let config =
        CONFIG.replace("IMAGE", IMAGE).replace("name: prod\n", "name: prod\n    branch: production\n");
    let file = |environment: &str, version: &str| (path(environment), overlay(IMAGE, version));
    for version in ["0.9.0", "1.0.0"] {
        let (at, text) = file("prod", version);
        house.person_on("production", "alice", "Prod by hand", &[(&at, &text)]);
    }
    let files = ["dev", "qa"].map(|environment| file(environment, "1.0.0"));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    house.person("alice", "Set up", &files);
    house.start().await;
    house.later(60).await;
    house.person("alice", "Begin with Gantry", &[("gantry.yaml", &config)]);
    house.later(60).await;
    assert!(newest(&mut house, "prod").found);
    let (at, text) = file("prod", "1.0.1");
    house.person_on("production", "bob", "After it", &[(&at, &text)]);
    house.later(1).await;
    assert!(!newest(&mut house, "prod").found);
}
