use gantry_core::{build::BuildStatus::*, reason::Reason, why::Answer};

use crate::world::{World, at};

#[test]
fn it_names_the_first_environment_that_holds_it_back() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    let why = world.why("prod", None, 110);
    assert_eq!((why.answer, why.at.unwrap().as_str()), (Answer::OnItsWay, "qa"));
    assert!(matches!(why.reasons[0], Reason::Soaking { .. }), "{:?}", why.reasons);
    assert_eq!(why.next_look, Some(at(160)));
    assert_eq!(why.steps.len(), 3);
}

#[test]
fn in_place_is_said_first() {
    let world = World::new();
    let why = world.why("prod", Some("1.0.0"), 110);
    assert_eq!((why.answer, why.at), (Answer::InPlace, None));
}

#[test]
fn a_waiting_approval_is_the_reason() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.proposal("prod", "1.1.0");
    let why = world.why("prod", None, 400);
    assert!(matches!(why.reasons[0], Reason::NeedsApproval { .. }), "{:?}", why.reasons);
    assert_eq!(why.answer, Answer::OnItsWay);
}

#[test]
fn failed_unselected_and_unseen_builds_get_their_own_answers() {
    let mut world = World::new();
    world.build("1.1.0", Failed);
    world.build("2.0.0-rc1", Success);
    assert!(matches!(world.why("prod", Some("1.1.0"), 1).reasons[0], Reason::CheckFailed { .. }));
    assert!(matches!(world.why("prod", Some("2.0.0-rc1"), 1).reasons[0], Reason::NotSelected { .. }));
    assert!(matches!(world.why("prod", Some("9.9.9"), 1).reasons[0], Reason::NeverSeen { .. }));
    assert_eq!(world.why("prod", Some("9.9.9"), 1).answer, Answer::Stopped);
}

#[test]
fn a_release_that_was_passed_over_is_told_by_what() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.promoted("qa", "1.2.0", 300);
    let why = world.why("qa", Some("1.1.0"), 400);
    assert_eq!(why.answer, Answer::Stopped);
    assert!(
        matches!(&why.reasons[0], Reason::OlderThanHeld { held, .. } if held == "1.2.0"),
        "{:?}",
        why.reasons
    );
}

#[test]
fn a_tag_that_was_pushed_again_does_not_hide_the_answer() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.ruling("prod", "1.1.0", true, None);
    world.push_again("1.1.0", "other bytes");
    let why = world.why("prod", None, 400);
    assert!(matches!(why.reasons[0], Reason::Rejected { .. }), "{:?}", why.reasons);
}
