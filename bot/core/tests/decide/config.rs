//! Config that is promoted with the release: what people commit in dev goes on through the gates like a build.

use gantry_core::{
    build::BuildStatus::Success,
    decide::{place::Step, view::Put},
    reason::Reason,
    why::Answer,
};

use crate::world::{NOTHING, World, at, config_id, place, release};

fn world() -> World {
    let mut world = World::new();
    world.promotes_config();
    world
}

#[test]
fn the_same_config_everywhere_wants_nothing() {
    assert_eq!(world().wants(1_000), NOTHING);
}

#[test]
fn a_change_of_config_alone_soaks_and_goes_on() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    assert!(matches!(world.standing("dev", 100).put, Put::Config { .. }), "no drift: config starts here");
    assert_eq!(world.wants(159), NOTHING);
    assert_eq!(world.decide(159).next_look, Some(at(160)));
    assert_eq!(world.wants(160), ["open qa 1.0.0+config.6200000"]);
    world.promoted_with("qa", "1.0.0", "b", 170);
    assert!(matches!(world.standing("qa", 170).put, Put::Promotion { .. }));
    assert_eq!(world.wants(230), ["open prod 1.0.0+config.6200000"]);
}

#[test]
fn a_build_takes_the_config_of_dev_along() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.build("1.1.0", Success);
    assert_eq!(world.wants(110), ["commit dev 1.1.0+config.6200000"]);
    world.promoted("dev", "1.1.0", 120);
    assert_eq!(world.wants(180), ["open qa 1.1.0+config.6200000"]);
}

#[test]
fn a_config_that_people_take_back_goes_nowhere() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.commits_config("dev", "a", 170);
    assert_eq!(world.wants(500), NOTHING, "b had its 60 s, but dev went back to a");
}

#[test]
fn a_config_that_was_replaced_by_a_newer_one_after_its_soak_still_goes_on() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.commits_config("dev", "c", 170);
    assert_eq!(world.wants(180), ["open qa 1.0.0+config.6200000"]);
    assert_eq!(world.wants(230), ["open qa 1.0.0+config.6300000"]);
}

#[test]
fn going_back_in_dev_on_purpose_goes_on_too() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.promoted_with("qa", "1.0.0", "b", 160);
    world.commits_config("dev", "a", 300);
    assert_eq!(world.wants(359), ["open prod 1.0.0+config.6200000"], "its own soak in qa is over");
    assert_eq!(world.wants(360)[0], "open qa 1.0.0+config.6100000");
    world.promoted_with("qa", "1.0.0", "a", 361);
    assert_eq!(world.wants(1_000), NOTHING, "and not back again");
}

/// Promise 6: what a person put into qa stays until something newer comes from dev.
#[test]
fn a_persons_config_in_qa_is_drift_and_is_not_overwritten() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.promoted_with("qa", "1.0.0", "b", 160);
    world.commits_config("qa", "mine", 200);
    assert!(matches!(world.standing("qa", 210).put, Put::Drift { .. }));
    assert_eq!(world.wants(210), NOTHING);
    assert_eq!(world.wants(260), NOTHING, "what somebody put into qa by hand goes no further by itself");
    world.commits_config("dev", "c", 300);
    assert_eq!(world.wants(360)[0], "open qa 1.0.0+config.6300000", "newer than theirs");
}

#[test]
fn a_proposal_that_would_overwrite_a_persons_config_is_closed() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    world.proposal_with("qa", "1.0.0", "b");
    assert_eq!(world.wants(170), ["merge qa #1"]);
    world.commits_config("qa", "mine", 175);
    assert_eq!(world.wants(180), ["close qa #1"]);
    assert!(matches!(&world.standing("qa", 180).next[0].reason, Some(Reason::Unordered { .. })));
}

#[test]
fn an_older_image_never_comes_back_with_newer_config() {
    let mut world = world();
    world.build("1.1.0", Success);
    world.promoted("qa", "1.1.0", 50);
    world.commits_config("dev", "b", 100);
    assert_eq!(world.wants(1_000)[0], "commit dev 1.1.0+config.6200000");
    assert!(!world.wants(1_000).iter().any(|want| want.contains("qa")), "{:?}", world.wants(1_000));
}

/// The images of a promotion that was recorded before `config` was written are still its own.
#[test]
fn promotions_from_before_config_are_no_drift() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    let record = world.facts.places[&place("dev")].history[0].record.clone();
    world.promotes_config();
    world.promoted("dev", "1.1.0", 100);
    world.facts.places.get_mut(&place("dev")).unwrap().history[0].record = record;
    assert!(matches!(world.standing("dev", 200).put, Put::Promotion { .. }));
}

#[test]
fn config_that_is_not_whole_says_so() {
    let mut world = world();
    let qa = world.facts.places.get_mut(&place("qa")).unwrap();
    qa.config.as_mut().unwrap().id = None;
    qa.history[0].config = None;
    let prod = world.standing("prod", 500);
    assert!(
        matches!(&prod.rest, Some(Reason::Broken { problem }) if problem.message.contains("not whole in qa")),
        "{:?}",
        prod.rest
    );
    world.commits_config("dev", "b", 510);
    assert_eq!(world.wants(570), ["open qa 1.0.0+config.6200000"], "a newer one makes it whole");
}

#[test]
fn a_rejected_config_does_not_stop_the_next_one() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    let rejected = world.proposal_with("qa", "1.0.0", "b").release.clone();
    world.close("qa", "rita", false);
    assert_eq!(world.wants(170), ["reject qa 1.0.0+config.6200000", "prune qa"]);
    assert_ne!(rejected, Some(release("1.0.0").id));
    world.commits_config("dev", "c", 200);
    assert!(world.wants(260).contains(&"open qa 1.0.0+config.6300000".to_owned()), "{:?}", world.wants(260));
}

#[test]
fn why_follows_the_config() {
    let mut world = world();
    world.commits_config("dev", "b", 100);
    let why = world.why("prod", None, 110);
    assert_eq!((why.version.as_str(), why.answer), ("1.0.0+config.6200000", Answer::OnItsWay));
    assert_eq!(why.release.unwrap().config, Some(config_id("b")));
    assert_eq!(world.standing("qa", 110).next[0].step, Step::Waiting);
}
