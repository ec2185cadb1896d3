//! What is wrong with one application stays with it: the others go on.

use gantry::observe::BUILD;
use gantry_core::{
    decide::place::Standing,
    facts::Place,
    reason::{Owner, Reason},
};

use crate::support::house::{CONFIG, House, IMAGE, digest, overlay};

const OTHER: &str = "registry.example.com/shop/catalog";

/// CI reports a build of each image.
async fn build(house: &mut House, images: &[&str], version: &str) {
    for image in images {
        let body = serde_json::json!({
            "image": image, "tag": version, "digest": digest(version), "revision": null, "source": null,
            "created": null, "status": "success", "url": null, "check": "ci",
        });
        let (now, key) = (house.now(), format!("{image}:{version}"));
        let store = std::sync::Arc::clone(&house.server().store);
        store.enqueue(BUILD, Some(&key), "ci", &body, now).await.unwrap();
    }
    house.pass().await;
}

fn standing(house: &mut House, application: &str, environment: &str) -> Standing {
    let (seen, now) = (house.seen(), house.now());
    let place =
        Place { application: application.parse().unwrap(), environment: environment.parse().unwrap() };
    seen.decide(now).standings.into_iter().find(|standing| standing.place == place).unwrap()
}

#[tokio::test]
async fn a_file_that_is_too_large_stops_its_own_application_only() {
    let config = CONFIG.replace("IMAGE", IMAGE)
        + &format!(
            "  - name: catalog\n    images: [{{image: {OTHER}, select: {{semver: '*'}}}}]\n    \
             files: apps/catalog/{{environment}}/kustomization.yaml\n    environments: [dev]\n"
        );
    let mut house = House::with(IMAGE, &config, "").await;
    let long = overlay(OTHER, "1.0.0") + &"# more\n".repeat(700_000);
    house.person("alice", "Add a lot", &[("apps/catalog/dev/kustomization.yaml", &long)]);
    house.later(1).await;
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0");
    assert_eq!(house.seen().problems, []);
    let problem = standing(&mut house, "catalog", "dev").problem;
    assert!(
        matches!(&problem, Some(Reason::Broken { problem }) if problem.owner == Owner::Team
            && problem.file.as_deref() == Some("apps/catalog/dev/kustomization.yaml")
            && problem.message.contains("over the limit of 4 MiB")),
        "{problem:?}"
    );
    house.person("alice", "Less", &[("apps/catalog/dev/kustomization.yaml", &overlay(OTHER, "1.0.0"))]);
    house.later(1).await;
    assert_eq!(standing(&mut house, "catalog", "dev").problem, None);
}

/// Two applications have their images in one file. What is refused to one must not go in with the other.
#[tokio::test]
async fn a_refused_promotion_leaves_nothing_in_a_file_that_others_share() {
    let config = format!(
        "version: 1
environments:
  - {{name: dev, delivery: commit}}
  - {{name: qa, after: [dev], delivery: commit}}
applications:
  - name: catalog
    images: [{{image: {OTHER}, select: {{semver: '*'}}}}]
    files: all/{{environment}}/kustomization.yaml
    config: ['catalog/{{environment}}/conf/']
  - name: checkout
    images: [{{image: {IMAGE}, select: {{semver: '*'}}}}]
    files: all/{{environment}}/kustomization.yaml
"
    );
    let mut house = House::empty("");
    let file = format!("{}  - name: {OTHER}\n    newTag: 1.0.0\n", overlay(IMAGE, "1.0.0"));
    house.person(
        "alice",
        "Set up",
        &[
            ("gantry.yaml", &config),
            ("all/dev/kustomization.yaml", &file),
            ("all/qa/kustomization.yaml", &file),
            ("catalog/dev/conf/settings", "a=1\n"),
            // Where the folder should be there is a file.
            ("catalog/qa/conf", "a=1\n"),
        ],
    );
    house.start().await;
    house.pass().await;
    build(&mut house, &[IMAGE, OTHER], "1.1.0").await;
    house.later(60).await;
    let text = String::from_utf8(house.infra.show("main", "all/qa/kustomization.yaml")).unwrap();
    let tags: Vec<&str> = text.lines().filter(|line| line.contains("newTag")).collect();
    assert!(tags[0].contains("1.1.0") && tags[1].contains("1.0.0"), "{text}");
    let refused = standing(&mut house, "catalog", "qa").problem;
    assert!(
        matches!(&refused, Some(Reason::WriteRefused { message, owner: Owner::Team, .. })
            if message.contains("catalog/qa/conf")),
        "{refused:?}"
    );
    assert_eq!(standing(&mut house, "checkout", "qa").version(), "1.1.0");
    house.infra.assert_sound();
}
