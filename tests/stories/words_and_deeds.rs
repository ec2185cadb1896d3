//! A person's word, a build's truth: what must not be promoted, and what is said of it.

use gantry::intake::request::{Outcome, Request};
use gantry_core::reason::{Mark, Reason};

use crate::support::{
    house::{CONFIG, House, IMAGE, digest, overlay, path, place, plain_git},
    registry::{DockerRegistry, Labels},
};

/// prod merges by itself, and 1.2.0, 1.3.0 and 1.4.0 went there.
async fn house_with_three_in_prod() -> House {
    let config = CONFIG.replace("IMAGE", IMAGE).replace("merge: manual", "merge: auto");
    let mut house = House::with(IMAGE, &config, "").await;
    for version in ["1.2.0", "1.3.0", "1.4.0"] {
        house.build(version, "success").await;
        house.later(60).await;
        house.later(60).await;
    }
    assert_eq!(house.versions(), ["1.4.0", "1.4.0", "1.4.0"]);
    house
}

async fn promote(house: &mut House, environment: &str, version: Option<&str>) -> Outcome {
    let release = version.map(|version| {
        let known = ["dev", "qa", "prod"].map(|environment| house.why(environment, Some(version)).release);
        known.into_iter().flatten().next().unwrap().id
    });
    let (repository, place, reason) = ("shop".to_owned(), place(environment), "needed".to_owned());
    house.ask(&Request::Promote { repository, place, release, reason }).await
}

#[tokio::test]
async fn a_persons_way_back_is_not_overwritten_in_any_environment() {
    for environment in ["dev", "qa", "prod"] {
        let mut house = house_with_three_in_prod().await;
        house.person("ravi", "Back to 1.2.0", &[(&path(environment), &overlay(IMAGE, "1.2.0"))]);
        house.later(3_600).await;
        let index = ["dev", "qa", "prod"].iter().position(|one| *one == environment).unwrap();
        assert_eq!(house.versions()[index], "1.2.0", "{environment}: neither 1.3.0 nor 1.4.0 comes back");
        assert!(house.open(environment).is_none());
        house.lose_database().await;
        house.later(3_600).await;
        assert_eq!(house.versions()[index], "1.2.0", "{environment}: it stands in Git");
        house.build("1.5.0", "success").await;
        house.later(60).await;
        house.later(60).await;
        assert_eq!(house.versions()[index], "1.5.0", "{environment}: a newer one goes in");
    }
}

#[tokio::test]
async fn a_person_brings_back_what_was_taken_out_and_nothing_undoes_it() {
    let mut house = house_with_three_in_prod().await;
    house.person("ravi", "Back to 1.2.0", &[(&path("prod"), &overlay(IMAGE, "1.2.0"))]);
    house.later(1).await;
    let outcome = promote(&mut house, "prod", Some("1.4.0")).await;
    assert!(outcome.done, "{outcome:?}");
    house.later(60).await;
    assert_eq!(house.versions()[2], "1.4.0");
    let last = house.proposals().pop().unwrap();
    assert!(matches!(last.state, gantry_core::facts::ProposalState::Merged { .. }), "{:?}", last.state);
}

#[tokio::test]
async fn what_lies_between_is_not_proposed_after_a_revert_in_a_manual_prod() {
    let mut house = House::new().await;
    for version in ["1.1.0", "1.2.0"] {
        house.build(version, "success").await;
        house.later(60).await;
        house.later(60).await;
    }
    house.approve("prod").await;
    assert_eq!(house.versions()[2], "1.2.0");
    plain_git(&house.infra, &[&["revert", "--no-edit", "HEAD"], &["push", "--quiet"]]);
    house.later(3_600).await;
    assert_eq!(house.versions()[2], "1.0.0");
    assert!(house.open("prod").is_none(), "1.1.0 was passed over, and does not come now");
}

#[tokio::test]
async fn going_back_is_refused_with_the_way_to_do_it() {
    let mut house = house_with_three_in_prod().await;
    let outcome = promote(&mut house, "prod", Some("1.2.0")).await;
    assert!(!outcome.done && outcome.text.contains("git revert"), "{outcome:?}");
    assert!(outcome.text.contains("by `semver`"), "{outcome:?}");
}

#[tokio::test]
async fn a_hand_commit_to_an_environment_on_the_way_opens_no_proposal_behind_it() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.person("ravi", "Try it", &[(&path("qa"), &overlay(IMAGE, "1.1.0"))]);
    house.later(30).await;
    house.later(3_600).await;
    assert!(house.open("prod").is_none());
    assert!(matches!(house.why("prod", None).reasons[0], Reason::NotPromoted { .. }));
    let outcome = promote(&mut house, "prod", Some("1.1.0")).await;
    assert!(outcome.done, "{outcome:?}");
    let gates: Vec<String> =
        house.standing("prod").next[0].gates.iter().map(|gate| gate.gate.clone()).collect();
    assert_eq!(gates, ["soak", "qa/soak", "qa/checks", "merge"], "what qa would have asked is asked");
}

#[tokio::test]
async fn a_digest_that_the_registry_does_not_have_is_not_promoted() {
    let Some(registry) = DockerRegistry::start().await else { return };
    let image = registry.image("shop/checkout").to_string();
    let settings = format!("registries: [{{host: '{}', insecure: true, poll: 30s}}]\n", registry.host());
    let mut house = House::with(&image, &CONFIG.replace("IMAGE", &image), &settings).await;
    let report = |tag: &str, digest: &str| {
        serde_json::json!({
            "image": image, "tag": tag, "digest": digest, "revision": null, "source": null, "created": null,
            "status": "success", "url": null, "check": "ci",
        })
    };
    let store = std::sync::Arc::clone(&house.server().store);
    let (body, now) = (report("1.1.0", &digest("1.1.0")), house.now());
    store.enqueue(gantry::observe::BUILD, Some("a"), "ci", &body, now).await.unwrap();
    house.later(60).await;
    assert_eq!(house.versions()[0], "1.0.0");
    let next = house.standing("dev").next.remove(0);
    assert!(matches!(next.holding(), Some(Reason::DigestGone { .. })), "{:?}", next.holding());
    assert_eq!(next.said().mark, Mark::Stopped);

    let pushed = registry.push_image("shop/checkout", "1.2.0", Labels::default()).await;
    let (body, now) = (report("1.2.0", pushed.as_str()), house.now());
    store.enqueue(gantry::observe::BUILD, Some("b"), "ci", &body, now).await.unwrap();
    house.pass().await;
    assert_eq!(house.versions()[0], "1.2.0", "it is there: no wait");
    registry.delete_manifest("shop/checkout", &pushed).await;
    house.later(31).await;
    house.later(60).await;
    assert_eq!(house.versions()[1], "1.0.0", "gone: it goes no further");
    assert!(matches!(house.why("qa", None).reasons[..], [.., Reason::DigestGone { .. }]));
}

#[tokio::test]
async fn a_build_that_failed_is_not_promoted_when_the_database_is_lost() {
    let Some(registry) = DockerRegistry::start().await else { return };
    let image = registry.image("shop/checkout").to_string();
    let settings = format!("registries: [{{host: '{}', insecure: true, poll: 30s}}]\n", registry.host());
    let mut house = House::with(&image, &CONFIG.replace("IMAGE", &image), &settings).await;
    let pushed = registry.push_image("shop/checkout", "1.1.0", Labels::default()).await;
    let body = |status: &str| {
        serde_json::json!({
            "image": image, "tag": "1.1.0", "digest": pushed.as_str(), "revision": null, "source": null,
            "created": null, "status": status, "url": null, "check": "ci",
        })
    };
    let (store, now) = (std::sync::Arc::clone(&house.server().store), house.now());
    store.enqueue(gantry::observe::BUILD, Some("a"), "ci", &body("failed"), now).await.unwrap();
    house.later(60).await;
    assert_eq!(house.versions()[0], "1.0.0");
    drop(store);
    house.lose_database().await;
    house.pass().await;
    house.later(60).await;
    assert_eq!(house.versions()[0], "1.0.0");
    assert!(matches!(house.why("dev", None).reasons[..], [Reason::ReportsLost { .. }]));
    let (store, now) = (std::sync::Arc::clone(&house.server().store), house.now());
    store.enqueue(gantry::observe::BUILD, Some("b"), "ci", &body("success"), now).await.unwrap();
    house.pass().await;
    assert_eq!(house.versions()[0], "1.1.0", "CI told it anew");
}

#[tokio::test]
async fn while_git_is_away_the_proposal_is_shown_and_the_cause_is_told_once() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let number = house.open("prod").unwrap().number;
    let aside = house.infra.path().with_extension("aside");
    std::fs::rename(house.infra.path(), &aside).unwrap();
    house.later(60).await;
    let prod = house.standing("prod");
    assert_eq!(prod.next[0].proposal, Some(number));
    assert_eq!(prod.said().reason, Some(&Reason::GitSilent));
    let problems = house.seen().problems.clone();
    assert_eq!(problems.len(), 1, "{problems:?}");
    std::fs::rename(&aside, house.infra.path()).unwrap();
    house.later(60).await;
    assert_eq!(house.seen().problems, []);
}

#[tokio::test]
async fn a_bad_config_says_which_one_is_in_force() {
    let mut house = House::new().await;
    let good = house.infra.head("main").unwrap();
    house.person("alice", "Break it", &[("gantry.yaml", "version: 1\nenvironments: {}\n")]);
    house.later(1).await;
    let problems = house.seen().problems.clone();
    let told = |text: &str| problems.iter().all(|problem| problem.message.contains(text));
    assert!(!problems.is_empty() && told(good.short()) && told("in force"), "{problems:?}");
    house.restart().await;
    house.pass().await;
    assert_eq!(house.seen().problems, problems, "also after a restart");
}

#[tokio::test]
async fn what_belongs_to_no_place_any_more_is_not_approved() {
    let mut house = House::new().await;
    house.build("1.1.0", "success").await;
    house.later(60).await;
    house.later(60).await;
    let proposal = house.open("prod").unwrap();
    let config = CONFIG.replace("IMAGE", IMAGE);
    let start = config.find("  - name: prod").unwrap();
    let end = config.find("applications:").unwrap();
    let without = format!("{}{}", &config[..start], &config[end..]);
    house.person("alice", "Take prod out", &[("gantry.yaml", &without)]);
    let (proposal, head) = (proposal.number, proposal.head);
    let (repository, reason) = ("shop".to_owned(), String::new());
    let outcome = house.ask(&Request::Approve { repository, proposal, head, reason }).await;
    assert!(!outcome.done, "{outcome:?}");
}
