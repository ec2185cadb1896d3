//! The main job: a build becomes a commit in dev, and proposals for qa and prod.

use gantry_core::{decide::place::Step, facts::ProposalState, reason::Reason};

use crate::support::{
    house::{House, IMAGE, digest, overlay, path},
    registry::{DockerRegistry, Labels},
};

#[tokio::test]
async fn a_build_goes_the_whole_way_to_prod() {
    let mut house = House::new().await;
    let before = house.infra.show("main", &path("prod"));
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"]);
    assert_eq!(house.log("main")[0], "promote(dev): checkout 1.0.0 -> 1.1.0");
    let text = overlay(IMAGE, "1.0.0").replace(
        "newTag: 1.0.0 # ours\n",
        &format!("newTag: 1.1.0 # ours\n    digest: {}\n", digest("1.1.0")),
    );
    assert_eq!(
        String::from_utf8(house.infra.show("main", &path("dev"))).unwrap(),
        text,
        "only the value changed"
    );

    house.later(59).await;
    assert!(house.proposals().is_empty(), "it soaks");
    house.later(1).await;
    assert_eq!(house.versions(), ["1.1.0", "1.1.0", "1.0.0"], "qa merges itself");
    assert!(matches!(house.proposals()[0].state, ProposalState::Merged { .. }));
    assert_eq!(house.log("main")[0], "promote(qa): checkout 1.0.0 -> 1.1.0");

    house.later(60).await;
    let next = house.standing("prod").next.remove(0);
    assert_eq!((next.step, next.proposal), (Step::Proposed, Some(house.open("prod").unwrap().number)));
    assert!(matches!(house.why("prod", None).reasons[0], Reason::NeedsApproval { .. }));
    assert_eq!(house.branches(), ["gantry/prod/checkout", "main"]);
    let diff = house.infra.git(&["diff", "--numstat", "main", "gantry/prod/checkout"]);
    assert_eq!(diff.trim(), format!("2\t1\t{}", path("prod")), "the tag line and the digest line");

    let outcome = house.approve("prod").await;
    assert!(outcome.done, "{outcome:?}");
    assert_eq!(house.versions(), ["1.1.0", "1.1.0", "1.1.0"]);
    assert_eq!(house.branches(), ["main"], "nothing is left over");
    assert_eq!(house.log("main").len(), 4, "one commit for each promotion");
    assert_ne!(house.infra.show("main", &path("prod")), before);
    house.infra.assert_sound();
}

#[tokio::test]
async fn each_commit_carries_the_record_that_survives_the_database() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    let message = house.infra.git(&["log", "-1", "--format=%B", "main"]);
    for line in [
        "Gantry-Application: checkout".to_owned(),
        "Gantry-Environment: dev".to_owned(),
        format!("Gantry-Image: {IMAGE}:1.1.0@{}", digest("1.1.0")),
        "Gantry-Source: 0123abc https://git.example.com/shop/checkout".to_owned(),
        "Gantry-Checks: ci".to_owned(),
    ] {
        assert!(message.lines().any(|found| found == line), "{line} in {message}");
    }
    let trailers =
        house.infra.git(&["log", "-1", "--format=%(trailers:key=Gantry-Release,valueonly)", "main"]);
    assert_eq!(trailers.trim().len(), 32, "git itself reads the trailers");
}

#[tokio::test]
async fn a_newer_build_updates_the_open_proposal_in_place() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let first = house.open("prod").unwrap();
    house.build("1.2.0", "success").await;
    house.later(60).await;
    assert_eq!(house.open("prod").unwrap().head, first.head, "1.2.0 soaks in qa");
    house.later(60).await;
    let second = house.open("prod").unwrap();
    assert_eq!(second.number, first.number, "the same proposal");
    assert_ne!(second.head, first.head);
    assert!(second.title.contains("1.2.0"), "{}", second.title);
    assert_eq!(house.branches(), ["gantry/prod/checkout", "main"], "one branch");
    assert_eq!(
        house.infra.git(&["rev-list", "--count", "main..gantry/prod/checkout"]).trim(),
        "1",
        "one commit"
    );
}

#[tokio::test]
async fn an_approval_does_not_pass_on_to_a_newer_release() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let seen = house.open("prod").unwrap();
    house.build("1.2.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let request = gantry::intake::request::Request::Approve {
        repository: "shop".to_owned(),
        proposal: seen.number,
        head: seen.head,
        reason: String::new(),
    };
    let outcome = house.ask(&request).await;
    assert!(!outcome.done && outcome.text.contains("changed"), "{outcome:?}");
    assert_eq!(house.versions()[2], "1.0.0");
}

#[tokio::test]
async fn a_failed_build_is_recorded_and_never_promoted() {
    let mut house = House::new().await;
    house.build("1.1.0", "failed").await;
    house.later(600).await;
    assert_eq!(house.versions(), ["1.0.0", "1.0.0", "1.0.0"]);
    assert!(matches!(house.why("prod", Some("1.1.0")).reasons[0], Reason::CheckFailed { .. }));
    house.build("1.1.0", "success").await;
    assert_eq!(house.versions()[0], "1.1.0", "the run was repeated and succeeded");
}

#[tokio::test]
async fn a_check_that_fails_after_dev_keeps_it_out_of_qa() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.build("1.1.0", "failed").await;
    house.later(600).await;
    assert_eq!(house.versions(), ["1.1.0", "1.0.0", "1.0.0"]);
}

/// The story over Debian's `docker-registry`: nobody tells of the builds, the registry is read.
#[tokio::test]
async fn images_pushed_to_a_real_registry_go_the_whole_way() {
    let Some(registry) = DockerRegistry::start().await else { return };
    let image = registry.image("shop/checkout");
    let config = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - {name: qa, after: [dev], delivery: pull-request, merge: auto, gates: [{soak: 1m}]}
  - {name: prod, after: [qa], delivery: pull-request, merge: manual, gates: [{soak: 1m}]}
applications:
  - name: checkout
    images: [{image: IMAGE, select: {semver: '>=1.0.0'}}]
    files: apps/checkout/{environment}/kustomization.yaml
"
    .replace("IMAGE", image.as_str());
    let settings = format!("registries: [{{host: '{}', insecure: true, poll: 30s}}]\n", registry.host());
    let labels = |revision| Labels {
        created: Some("2026-11-01T10:00:00Z"),
        revision: Some(revision),
        source: Some("https://git.example.com/shop/checkout"),
    };
    registry.push_image("shop/checkout", "1.0.0", labels("aaa1")).await;
    let mut house = House::with(image.as_str(), &config, &settings).await;
    assert_eq!(house.versions()[0], "1.0.0", "what is there stays");

    let digest = registry.push_image("shop/checkout", "1.1.0", labels("bbb2")).await;
    registry.push_image("shop/checkout", "1.1.0-rc1", labels("ccc3")).await;
    registry.push_image("shop/checkout", "nightly", labels("ddd4")).await;
    house.later(30).await;
    assert_eq!(house.versions()[0], "1.1.0", "neither the release candidate nor the other tag");
    let release = house.standing("dev").release.unwrap();
    assert_eq!(release.artifacts[0].digest, digest);
    assert_eq!(release.artifacts[0].revision.as_deref(), Some("bbb2"));

    house.later(60).await;
    house.later(60).await;
    let first = house.open("prod").unwrap();
    registry.push_image("shop/checkout", "1.2.0", labels("eee5")).await;
    house.later(30).await;
    house.later(60).await;
    house.later(60).await;
    let second = house.open("prod").unwrap();
    assert_eq!(second.number, first.number);
    house.approve("prod").await;
    assert_eq!(house.versions(), ["1.2.0", "1.2.0", "1.2.0"]);
    assert_eq!(house.proposals().iter().filter(|p| p.place.environment.as_str() == "prod").count(), 1);
}
